package gateway

import "usher/xmpp"

// The stanza errors that the edge answers with.
var (
	errForbidden      = &xmpp.StanzaError{Type: "auth", Condition: "forbidden", Text: "this address is not open to you"}
	errMalformed      = &xmpp.StanzaError{Type: "modify", Condition: "jid-malformed", Text: "the address in `to` is malformed"}
	errBadRequest     = &xmpp.StanzaError{Type: "modify", Condition: "bad-request"}
	errUnavailable    = &xmpp.StanzaError{Type: "cancel", Condition: "service-unavailable"}
	errNotImplemented = &xmpp.StanzaError{Type: "cancel", Condition: "feature-not-implemented"}
	errNoWorkgroup    = &xmpp.StanzaError{Type: "cancel", Code: "404", Condition: "item-not-found", Text: "there is no such workgroup"}
	errNotFound       = &xmpp.StanzaError{Type: "cancel", Condition: "item-not-found"}
	errNotAllowed     = &xmpp.StanzaError{Type: "cancel", Condition: "not-allowed", Text: "rooms can't be created here"}
	errBusy           = &xmpp.StanzaError{Type: "wait", Condition: "resource-constraint", Text: "the server behind the edge is busy"}
	errNoAnswer       = &xmpp.StanzaError{Type: "wait", Condition: "remote-server-timeout", Text: "no answer came"}
	errLinkDown       = &xmpp.StanzaError{Type: "wait", Condition: "remote-server-timeout", Text: "the server behind the edge is away"}
	errTooMany        = &xmpp.StanzaError{Type: "wait", Condition: "resource-constraint", Text: "too many requests are unanswered"}
	errTooFast        = &xmpp.StanzaError{Type: "wait", Condition: "policy-violation", Text: "too many messages: slow down"}
	errJoinsFast      = &xmpp.StanzaError{Type: "wait", Condition: "policy-violation", Text: "too many joins: slow down"}
	errRoomLimit      = &xmpp.StanzaError{Type: "wait", Condition: "resource-constraint", Text: "you are in too many rooms"}
	errPresences      = &xmpp.StanzaError{Type: "wait", Condition: "resource-constraint", Text: "your presence is known to too many"}
	errUnconfirmed    = &xmpp.StanzaError{Type: "wait", Condition: "resource-constraint", Text: "too many of your messages are unconfirmed"}
	errDeskFull       = &xmpp.StanzaError{Type: "wait", Condition: "resource-constraint", Text: "the support desk is busy"}
	errQueries        = &xmpp.StanzaError{Type: "wait", Condition: "resource-constraint", Text: "too many queries at a time"}
	errUnreadable     = &xmpp.StanzaError{Type: "wait", Condition: "internal-server-error", Text: "the archive can't be read now"}
	errNoPlace        = &xmpp.StanzaError{Type: "wait", Condition: "resource-constraint", Text: "no server is reachable now"}

	// errGone makes a MUC service drop a ghost: it is one of the conditions that
	// Prosody and ejabberd both take as 'this occupant is away' (XEP-0045 §18.1.2 leaves the list open).
	errGone = &xmpp.StanzaError{Type: "wait", Condition: "recipient-unavailable"}
)
