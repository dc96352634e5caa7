// Package xmpptest is for tests and load tests: a fake XMPP server that takes
// component links, real servers as child processes, and a player for
// transcripts that read like the wire. It must not know visitors' transports
// or the gateway.
package xmpptest
