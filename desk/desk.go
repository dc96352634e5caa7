// Package desk holds the agents' web page: an own page and plugin around Converse.js, whose files `make desk` puts
// beside them. A build without these works; its page then says how to add them. It knows nothing of HTTP.
package desk

import "embed"

// App has the folder app, which is committed: index.html, missing.html (for a build without Converse.js), desk.js and desk.css.
//
//go:embed app
var App embed.FS

// Converse has the folder converse: README.md, and what `make desk` has copied there.
//
//go:embed all:converse
var Converse embed.FS
