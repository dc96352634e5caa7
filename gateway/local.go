package gateway

import (
	"usher/xmpp"
)

// Namespaces that ordinary web clients ask about right after login.
const (
	nsVCard     = "vcard-temp"
	nsPrivate   = "jabber:iq:private"
	nsBlocking  = "urn:xmpp:blocking"
	nsPubSub    = "http://jabber.org/protocol/pubsub"
	nsRegister  = "jabber:iq:register"
	nsLast      = "jabber:iq:last"
	nsTime      = "urn:xmpp:time"
	discoCommon = "<feature var='" + xmpp.NSDiscoInfo + "'/><feature var='" + xmpp.NSDiscoItems + "'/>" +
		"<feature var='" + xmpp.NSPing + "'/><feature var='" + xmpp.NSVersion + "'/>"
)

// answerLocally takes a visitor's stanza for the edge itself: a domain of ours
// or his own bare JID. The answer comes from the address that was asked, and
// from nobody where none was named.
func (v *visitor) answerLocally(e *xmpp.Element, to []byte) {
	local, _, _ := xmpp.SplitJID(to)
	switch e.Kind {
	case xmpp.Message:
		if len(local) > 0 { // RFC 6121 §8.5.2.1.1: to the bare JID is to its one resource
			if v.deliver(e, v.jid, e.ID) {
				v.stream().Wake()
			}
			return
		}
		v.refuse(e, errUnavailable)
	case xmpp.Presence:
		if len(local) > 0 && string(e.Type) == "" {
			if v.deliver(e, v.jid, e.ID) {
				v.stream().Wake()
			}
		}
	case xmpp.IQ:
		v.answerIQ(e, len(local) > 0)
	}
}

// answerIQ answers a request of the visitor to his account or to a domain.
func (v *visitor) answerIQ(e *xmpp.Element, account bool) {
	if account && isToken(e) {
		v.answerToken(e)
		return
	}
	if !account && isSlotRequest(e) {
		if se := v.g.files.ask(v, e); se != nil {
			v.refuse(e, se)
		}
		return
	}
	payload, se := v.g.answerTo(e, v, account)
	if se == nil && payload == "" && !isRequest(e) {
		return
	}
	if se != nil {
		v.refuse(e, se)
		return
	}
	v.tell(appendResult(nil, e, xmpp.Client, e.To, v.jid, payload))
}

func isRequest(e *xmpp.Element) bool {
	return string(e.Type) == "get" || string(e.Type) == "set"
}

// answerFor answers an IQ from one visitor to another's account, or to himself.
func (v *visitor) answerFor(from *visitor, e *xmpp.Element, to []byte) {
	if !isRequest(e) {
		return
	}
	if from == v && len(to) == len(v.jid) {
		if v.deliver(e, from.jid, e.ID) { // his own client answers
			v.stream().Wake()
		}
		return
	}
	payload, se := v.g.answerTo(e, nil, true)
	if se != nil {
		from.refuse(e, se)
		return
	}
	from.tell(appendResult(nil, e, xmpp.Client, e.To, from.jid, payload))
}

// answerTo is what the edge says to an IQ request. v is the visitor who asks,
// nil for somebody else; account tells that a visitor's bare JID was asked, not a domain.
func (g *Gateway) answerTo(e *xmpp.Element, v *visitor, account bool) (payload string, se *xmpp.StanzaError) {
	space, name := string(e.Child.Space), string(e.Child.Local)
	if string(e.Type) == "set" {
		return "", errUnavailable
	}
	switch {
	case string(e.Type) != "get":
		return "", nil
	case space == xmpp.NSPing && name == "ping": // XEP-0199 §4.2
		return "", nil
	case space == xmpp.NSDiscoInfo && name == "query":
		return g.discoInfo(e, account)
	case space == xmpp.NSDiscoItems && name == "query":
		return g.discoItems(e, v, account)
	case space == xmpp.NSVersion && name == "query": // XEP-0092 §2
		return "<query xmlns='" + xmpp.NSVersion + "'><name>Usher</name><version>" +
			string(xmpp.AppendText(nil, []byte(Version()))) + "</version></query>", nil
	}
	if v == nil || !account {
		return "", errUnavailable
	}
	// What an account's server would say where the account has nothing.
	switch space {
	case xmpp.NSRoster: // RFC 6121 §2.1.4
		return "<query xmlns='" + xmpp.NSRoster + "'/>", nil
	case nsBlocking: // XEP-0191 §3.2
		return "<blocklist xmlns='" + nsBlocking + "'/>", nil
	case nsPrivate: // XEP-0049 §2: what was never stored is empty
		return g.emptyPrivate(e), nil
	case nsVCard, nsPubSub:
		return "", errNotFound
	}
	return "", errUnavailable
}

func discoNode(e *xmpp.Element, g *Gateway) (node string) {
	g.eachChild(e.Inner, string(e.Name.Space), func(c *xmpp.Element) bool {
		node, _ = c.Attr("node")
		return false
	})
	return node
}

// discoInfo is XEP-0030 §3.
func (g *Gateway) discoInfo(e *xmpp.Element, account bool) (string, *xmpp.StanzaError) {
	if discoNode(e, g) != "" {
		return "", errNotFound // §3.2: no nodes here
	}
	identity, files := "<identity category='server' type='im' name='Usher'/>", g.files.disco()
	if account {
		identity, files = "<identity category='account' type='anonymous'/>", ""
	}
	return "<query xmlns='" + xmpp.NSDiscoInfo + "'>" + identity + discoCommon + files + "</query>", nil
}

// discoItems is XEP-0030 §4: the MUC service, where the site opens it, and the site's workgroups.
func (g *Gateway) discoItems(e *xmpp.Element, v *visitor, account bool) (string, *xmpp.StanzaError) {
	if discoNode(e, g) != "" {
		return "", errNotFound
	}
	items := ""
	if v != nil && !account {
		items = v.site.workgroups
	}
	if rooms := g.cfg.Upstream.Rooms; v != nil && !account && v.site.allow.covers(nil, []byte(rooms)) {
		items += string(append(xmpp.AppendAttr([]byte("<item"), "jid", []byte(rooms)), "/>"...))
	}
	return "<query xmlns='" + xmpp.NSDiscoItems + "'>" + items + "</query>", nil
}

// emptyPrivate gives back the element that was asked for.
func (g *Gateway) emptyPrivate(e *xmpp.Element) string {
	asked := ""
	g.eachChild(e.Inner, xmpp.NSClient, func(q *xmpp.Element) bool {
		g.eachChild(q.Inner, nsPrivate, func(c *xmpp.Element) bool {
			b := append([]byte("<"), c.Name.Local...)
			b = xmpp.AppendAttr(b, "xmlns", c.Name.Space)
			asked = string(append(b, "/>"...))
			return false
		})
		return false
	})
	return "<query xmlns='" + nsPrivate + "'>" + asked + "</query>"
}

// answerUpstream takes a stanza from upstream for one of our domains, or for
// the bare JID of v.
func (g inbound) answerUpstream(h *home, v *visitor, e *xmpp.Element) {
	if !isRequest(e) || e.Kind != xmpp.IQ {
		if e.Kind == xmpp.Message && answerable(e) {
			h.answer(e, errUnavailable)
		}
		return
	}
	if v == nil && isSlotRequest(e) {
		if se := g.files.ask(nil, e); se != nil {
			h.answer(e, se)
		}
		return
	}
	payload, se := g.answerTo(e, nil, v != nil)
	if se != nil {
		h.answer(e, se)
		return
	}
	if h.sendRaw(appendResult(nil, e, xmpp.Component, e.To, e.From, payload), false) != nil {
		g.count.drop(DropLinkBusy)
	}
}

// appendResult writes the result of the IQ request e.
func appendResult(dst []byte, e *xmpp.Element, content xmpp.Content, from, to []byte, payload string) []byte {
	dst = append(dst, "<iq"...)
	if content == xmpp.Client {
		dst = append(dst, " xmlns='"+xmpp.NSClient+"'"...)
	}
	dst = append(dst, " type='result'"...)
	dst = xmpp.AppendAttr(dst, "id", e.ID)
	dst = xmpp.AppendAttr(dst, "from", from)
	dst = xmpp.AppendAttr(dst, "to", to)
	if payload == "" {
		return append(dst, "/>"...)
	}
	dst = append(dst, '>')
	dst = append(dst, payload...)
	return append(dst, "</iq>"...)
}
