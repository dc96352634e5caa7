// Package widget holds the built files of the visitor's chat box: the loader
// and the modules that it fetches. `make widget` makes them from the TypeScript
// beside them; they are committed, so that building the program needs no Node.
// It knows nothing of HTTP.
package widget

import "embed"

// Dist has the folder dist: widget.js, the loader, whose name stays, and
// beside it what it fetches, each with a digest of its content in its name
// (app-1A2B3C4D.js).
//
//go:embed dist
var Dist embed.FS
