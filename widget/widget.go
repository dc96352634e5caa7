// Package widget holds the built files of the visitor's chat box: the loader
// and the modules that it fetches. They are made from src by build.mjs and
// committed, so that building the program needs no Node.
package widget

import "embed"

// Dist is the folder dist: widget.js, the loader, and beside it the modules,
// each with a digest of its content in its name (app-1A2B3C4D.js).
//
//go:embed all:dist
var Dist embed.FS
