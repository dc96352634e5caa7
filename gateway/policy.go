package gateway

import (
	"bytes"

	"usher/xmpp"
)

// target is what an address is to a visitor.
type target uint8

const (
	nowhere    target = iota // not open to him
	edge                     // answered at the edge: domains of ours, his bare JID
	self                     // his own full JID
	peer                     // another visitor of his site
	outside                  // upstream, and open to him
	workgroups               // a workgroup of his site
	support                  // a support room that the desk has opened to him
)

// reach is the firewall: what the canonical address to is to v.
func (g *Gateway) reach(v *visitor, to []byte) target {
	local, domain, resource := xmpp.SplitJID(to)
	ours := g.ownDomain(domain)
	switch {
	case len(local) == 0 && (ours || string(domain) == v.site.domain):
		return edge // every component domain is answered for alike
	case ours || g.byDomain[string(domain)] != nil:
		if g.desk.owns(local, domain) {
			return g.desk.reach(v, local)
		}
		return g.reachVisitor(v, to, local, domain, resource)
	case g.supportRoom(local, domain):
		if v.isInvited(xmpp.Bare(to)) {
			return support
		}
		return nowhere // whatever `allow` says
	}
	if v.site.allow.covers(local, domain) {
		return outside
	}
	if v.hasOpened(xmpp.Bare(to)) {
		return outside
	}
	return nowhere
}

func (g *Gateway) reachVisitor(v *visitor, to, local, domain, resource []byte) target {
	if bytes.Equal(xmpp.Bare(to), v.bareJID()) {
		switch {
		case len(resource) == 0:
			return edge
		case bytes.Equal(to, v.jid):
			return self
		}
		return peer // a resource that isn't there: answered as such
	}
	if !v.site.allow.visitors {
		return nowhere
	}
	if other := g.visitors.find(local, domain); other != nil && other.site != v.site {
		return nowhere
	}
	return peer
}

// hasOpened tells whether the room was opened to v by an invitation.
func (v *visitor) hasOpened(bare []byte) bool {
	v.mu.Lock()
	_, ok := v.opened[string(bare)]
	v.mu.Unlock()
	return ok
}

// ownDomain tells whether domain is one of our component domains.
func (g *Gateway) ownDomain(domain []byte) bool { return g.homes[string(domain)] != nil }

// mayReceive is the firewall's inner side: whether what comes from the
// canonical address from may reach v.
func (v *visitor) mayReceive(from []byte) bool {
	bare := xmpp.Bare(from)
	local, domain, _ := xmpp.SplitJID(bare)
	if v.g.supportRoom(local, domain) {
		return v.isInvited(bare)
	}
	if v.site.allow.covers(local, domain) || v.hasOpened(bare) {
		return true
	}
	return bytes.Equal(bare, v.bareJID())
}

// openInvited opens the room of an invitation that came through a room that v
// is in: on the same service, which the site allows.
func (v *visitor) openInvited(e *xmpp.Element, from []byte) {
	if !e.MayHold("x") || !bytes.Contains(e.Inner, []byte("jabber:x:conference")) {
		return
	}
	var room []byte
	v.g.eachChild(e.Inner, xmpp.NSComponent, func(c *xmpp.Element) bool {
		if string(c.Name.Local) == "x" && string(c.Name.Space) == "jabber:x:conference" { // XEP-0249 §2
			jid, _ := c.Attr("jid")
			room, _ = xmpp.CanonJID([]byte(jid))
		}
		return room == nil
	})
	local, domain, resource := xmpp.SplitJID(room)
	_, service, _ := xmpp.SplitJID(from)
	if len(local) == 0 || len(resource) > 0 || !bytes.Equal(domain, service) || v.g.supportRoom(local, domain) {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.rooms[string(xmpp.Bare(from))] == nil || len(v.opened) >= maxOpened {
		return
	}
	if v.opened == nil {
		v.opened = make(map[string]struct{})
	}
	v.opened[string(room)] = struct{}{}
}

// wraps tells whether a message carries another that claims a sender that its
// own sender can't speak for: a carbon copy (only the own account's server may
// send one, XEP-0280 §11, and that is the edge), or a forwarded stanza
// (XEP-0297 §4) of anybody but the sender's own bare JID.
func wraps(g *Gateway, e *xmpp.Element, content string) bool {
	// A carbon copy has a forwarded stanza in it (XEP-0280 §6), and an element's
	// name, unlike its namespace, can't be written in another way.
	return e.MayHold("forwarded") && bytes.Contains(e.Inner, []byte("forwarded")) && g.claims(e.Inner, content, xmpp.Bare(e.From), 0)
}

// claims looks for wrapped stanzas below inner. What can't be told, since its
// prefix is declared elsewhere, counts as one.
func (g *Gateway) claims(inner []byte, ns string, sender []byte, depth int) bool {
	if depth > 16 {
		return true
	}
	found := false
	err := g.eachChild(inner, ns, func(c *xmpp.Element) bool {
		name, space := string(c.Name.Local), string(c.Name.Space)
		switch {
		case space == xmpp.NSCarbons && (name == "sent" || name == "received"):
			found = true
		case depth > 0 && c.Kind != xmpp.Other && len(c.From) > 0 && !bytes.Equal(xmpp.Bare(c.From), sender):
			found = true
		case len(c.Inner) > 0:
			found = g.claims(c.Inner, space, sender, depth+1)
		}
		return !found
	})
	return found || err != nil
}
