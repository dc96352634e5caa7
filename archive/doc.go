// Package archive keeps transcripts, the desk's state and what is to be told by
// webhook or mail, in one embedded SQLite database.
//
// It owns the schema, commits, searching, retention and erasing. It must not know
// XMPP streams, sites' rules or what the desk's state means.
package archive
