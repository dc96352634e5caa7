// Package notify tells people outside of XMPP what has happened at the desk: a site's webhook, and mail.
//
// It owns how a notice is written, signed and sent, and when it is tried again. What is to be told stands in the archive's
// outbox, so nothing is lost by a crash; a notice may be told twice after one. It must not know stanzas, links or the desk.
package notify
