package gateway

import (
	"bytes"
	"strings"

	"usher/xmpp"
)

// invite is a support room that the desk has opened to a visitor. Its visitor's lock guards it.
type invite struct {
	nick   string // under which he enters, whatever his client asks for
	asked  string // what it asked for last
	closed bool   // the desk has taken the room back: he may only leave it

	unheard bool // he was withdrawn from it, and it hasn't said so yet
}

// supportRoom tells whether the canonical address is a support room: on the
// MUC service, with a localpart that is reserved for conversations.
func (g *Gateway) supportRoom(local, domain []byte) bool {
	if len(local) != 28 || local[0] != 'c' || local[1] != '-' || string(domain) != g.cfg.Upstream.Rooms {
		return false
	}
	for _, c := range local[2:] {
		if (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}

// supportAddress is supportRoom for an address as a whole.
func (g *Gateway) supportAddress(jid []byte) bool {
	local, domain, _ := xmpp.SplitJID(jid)
	return g.supportRoom(local, domain)
}

// isInvited tells whether the support room is open to v, or was when he entered it.
func (v *visitor) isInvited(room []byte) bool {
	v.mu.Lock()
	_, ok := v.invites[string(room)]
	v.mu.Unlock()
	return ok
}

// openRoom opens a support room to the visitor, under this nick.
func (v *visitor) openRoom(room, nick string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return
	}
	i := v.invites[room]
	if i == nil {
		if len(v.invites) >= maxOpened {
			v.g.count.drop(DropInvites)
			return
		}
		if v.invites == nil {
			v.invites = make(map[string]*invite)
		}
		i = &invite{asked: nick}
		v.invites[room] = i
	}
	i.nick, i.closed = nick, false
}

// closeRoom takes a support room back. What the room still says to a visitor
// who is in it reaches him: that it is destroyed, say.
func (v *visitor) closeRoom(room string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	i := v.invites[room]
	if i == nil {
		return
	}
	if i.closed = true; v.rooms[room] == nil {
		delete(v.invites, room)
	}
}

// toSupportRoom takes a visitor's stanza to a support room that was opened to him, or to somebody in it.
func (v *visitor) toSupportRoom(e *xmpp.Element, to []byte) {
	bare := xmpp.Bare(to)
	available := e.Kind == xmpp.Presence && len(e.Type) == 0
	v.mu.Lock()
	i := v.invites[string(bare)]
	open, nick := i != nil && !i.closed, ""
	if i != nil {
		nick = i.nick
		if _, _, resource := xmpp.SplitJID(to); available {
			i.asked = string(resource)
		}
	}
	v.mu.Unlock()
	leaving := i != nil && e.Kind == xmpp.Presence && string(e.Type) == "unavailable"
	if !open && !leaving || v.rules(e) {
		v.g.count.drop(DropForbiddenOut)
		v.refuse(e, errForbidden)
		return
	}
	switch e.Kind {
	case xmpp.Message:
		v.sendMessage(e, to)
	case xmpp.Presence:
		// The room knows him under the desk's nick: a join under another one gets it, a change of nick changes nothing.
		v.sendPresence(e, append(append(bytes.Clone(bare), '/'), nick...))
	case xmpp.IQ:
		v.sendIQ(e, to)
	}
}

// isAside tells whether a message of somebody else in a support room is for the desk, not for the visitor: a text that begins
// with a `!` (docs/decisions/0034-words-behind-a-mark.md).
func (g *Gateway) isAside(e *xmpp.Element) (aside bool) {
	if !bytes.Contains(e.Inner, []byte{'!'}) {
		return false
	}
	err := g.eachChild(e.Inner, xmpp.NSComponent, func(c *xmpp.Element) bool {
		if string(c.Name.Local) == "body" && string(c.Name.Space) == xmpp.NSComponent {
			aside = aside || bytes.HasPrefix(bytes.TrimSpace(c.Inner), []byte{'!'})
		}
		return !aside
	})
	return aside || err != nil
}

// rules tells whether a stanza would rule a room or look behind it: its owners' and admins'
// requests, invitations of others (XEP-0045 §7.8.2), and queries for what was said (XEP-0313), in which words for the desk stand.
func (v *visitor) rules(e *xmpp.Element) (found bool) {
	if e.Kind == xmpp.IQ {
		space := string(e.Child.Space)
		return isRequest(e) && (space == xmpp.NSMUCOwner || space == xmpp.NSMUCAdmin || strings.HasPrefix(space, "urn:xmpp:mam:"))
	}
	if e.Kind != xmpp.Message || !bytes.Contains(e.Inner, []byte("invite")) {
		return false
	}
	err := v.g.eachChild(e.Inner, xmpp.NSClient, func(x *xmpp.Element) bool {
		if string(x.Name.Space) != xmpp.NSMUCUser {
			return true
		}
		v.g.eachChild(x.Inner, xmpp.NSMUCUser, func(c *xmpp.Element) bool {
			found = found || string(c.Name.Local) == "invite"
			return true
		})
		return true
	})
	return found || err != nil
}

// deliverNamed delivers a visitor's own presence in a support room; where his client
// asked for another nick it is told that the service has chosen (XEP-0045 §7.2.3, code 210).
func (v *visitor) deliverNamed(e *xmpp.Element, o *occupancy) bool {
	v.mu.Lock()
	i := v.invites[o.room.jid]
	renamed := i != nil && i.asked != o.nick
	v.mu.Unlock()
	if !renamed || bytes.Contains(e.Inner, []byte("'210'")) || bytes.Contains(e.Inner, []byte(`"210"`)) {
		return v.deliver(e, e.From, e.ID)
	}
	b := e.Append(nil, xmpp.Client, &xmpp.Header{To: v.jid, From: e.From, Type: e.Type, ID: e.ID, Lang: e.Lang})
	at := -1
	v.g.eachChild(e.Inner, xmpp.NSComponent, func(x *xmpp.Element) bool {
		if string(x.Name.Space) != xmpp.NSMUCUser || len(x.Inner) == 0 {
			return true
		}
		if n := bytes.Index(b, x.Raw); n >= 0 {
			at = n + bytes.LastIndex(x.Raw, []byte("</"))
		}
		return false
	})
	if at < 0 {
		return v.deliver(e, e.From, e.ID)
	}
	out := make([]byte, 0, len(b)+80)
	out = append(out, b[:at]...)
	out = append(out, "<status xmlns='"+xmpp.NSMUCUser+"' code='210'/>"...)
	return v.stream().SendRaw(append(out, b[at:]...))
}
