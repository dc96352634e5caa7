// Package xmpp holds the words on the wire: it finds, checks and rewrites
// stanzas as bytes. It owns the scanner, the writer, errors, addresses and
// namespaces. It must not know I/O, goroutines, clocks, or who sends what to
// whom.
package xmpp
