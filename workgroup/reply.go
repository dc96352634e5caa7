package workgroup

import (
	"strconv"

	"usher/xmpp"
)

// The namespaces of the desk's stanzas that package xmpp has no use for.
const (
	nsWorkgroup = "http://jabber.org/protocol/workgroup"
	nsDesk      = "urn:usher:desk:0"
	nsForm      = "jabber:x:data"
)

// conditions gives each stanza error its type (RFC 6120 §8.3.3) and the legacy code that XEP-0142's tables name (XEP-0086).
var conditions = map[string]struct {
	typ  string
	code int
}{
	"bad-request":             {"modify", 400},
	"conflict":                {"cancel", 409},
	"feature-not-implemented": {"cancel", 501},
	"forbidden":               {"auth", 403},
	"internal-server-error":   {"cancel", 500},
	"item-not-found":          {"cancel", 404},
	"not-acceptable":          {"modify", 406},
	"not-allowed":             {"cancel", 405},
	"not-authorized":          {"auth", 401},
	"recipient-unavailable":   {"wait", 404},
	"resource-constraint":     {"wait", 500},
	"service-unavailable":     {"cancel", 503},
}

// answer makes the result of an IQ request, from the address that was asked. A nil payload leaves it empty.
func (n *node) answer(payload *node) *node {
	return el("iq", "", "type", "result", "from", n.attr("to"), "to", n.attr("from"), "id", n.attr("id")).with(payload)
}

// refused makes the error that answers a stanza. The condition is one of the table's and comes first; own follows it. The
// caller sees to it that n is no error itself (RFC 6120 §8.3.1).
func (n *node) refused(condition, text string, own ...*node) *node {
	c := conditions[condition]
	e := el("error", "", "type", c.typ, "code", strconv.Itoa(c.code)).with(el(condition, xmpp.NSStanzaErrors))
	if text != "" {
		e.with(el("text", xmpp.NSStanzaErrors, "xml:lang", "en").said(text))
	}
	return el(n.name, "", "type", "error", "from", n.attr("to"), "to", n.attr("from"), "id", n.attr("id")).with(e.with(own...))
}
