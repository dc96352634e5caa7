package gateway

import (
	"bytes"

	"usher/c2s"
	"usher/pool"
	"usher/xmpp"
)

// Stanza takes a stanza from a visitor: the way out. It is the firewall's
// outer side: where it may not go, it is answered with `forbidden`, whether or
// not the target exists.
func (g *Gateway) Stanza(s *c2s.Stream, e *xmpp.Element) {
	v := s.Owner().(*visitor)
	g.count.stanza(Up, e.Kind)
	to, err := xmpp.CanonJID(e.To)
	if len(e.To) == 0 {
		to, err = v.bareJID(), nil // RFC 6120 §10.3: no `to` means the own bare JID
		if e.Kind == xmpp.Presence {
			v.broadcast(e) // RFC 6121 §4.2
			return
		}
	}
	if err != nil {
		g.count.drop(DropInvalidAddress)
		v.refuse(e, errMalformed)
		return
	}
	switch g.reach(v, to) {
	case edge:
		v.answerLocally(e, to)
	case self, peer:
		g.toVisitor(v, e, to)
	case workgroups:
		g.desk.fromVisitor(v, e, to)
	case support:
		v.toSupportRoom(e, to)
	case outside:
		switch e.Kind {
		case xmpp.Message:
			v.sendMessage(e, to)
		case xmpp.Presence:
			v.sendPresence(e, to)
		case xmpp.IQ:
			v.sendIQ(e, to)
		}
	default:
		g.count.drop(DropForbiddenOut)
		if g.desk.missing(e, to) {
			v.refuse(e, errNoWorkgroup)
			return
		}
		v.refuse(e, errForbidden)
	}
}

// sendIQ sends a request under an id of ours, or an answer as it is.
func (v *visitor) sendIQ(e *xmpp.Element, to []byte) {
	if t := string(e.Type); t != "get" && t != "set" {
		v.upstream(e, to, e.ID, nil)
		return
	}
	if !v.site.createRooms && string(e.Type) == "set" {
		if ns := string(e.Child.Space); ns == xmpp.NSMUCOwner || ns == xmpp.NSMUCAdmin {
			v.g.count.drop(DropForbiddenOut)
			v.refuse(e, errForbidden)
			return
		}
	}
	var buf [32]byte
	id, ok := v.request(request{to: string(to), id: string(e.ID)}, buf[:0])
	if !ok {
		v.g.count.drop(DropTooManyRequests)
		v.refuse(e, errTooMany)
		return
	}
	v.upstream(e, to, id, nil)
}

// sendMessage sends a message; one to a room is kept until its copy is back.
func (v *visitor) sendMessage(e *xmpp.Element, to []byte) {
	if !v.mayTalk(e) {
		return
	}
	if string(e.Type) != "groupchat" {
		v.upstream(e, to, e.ID, nil)
		return
	}
	var idbuf [32]byte
	id := e.ID
	if len(id) == 0 {
		id = v.newID(idbuf[:0])
	}
	var tailbuf [160]byte
	h := xmpp.Header{To: to, From: v.jid, Type: e.Type, ID: id, Lang: v.lang(e)}
	if !bytes.Contains(e.Inner, []byte(xmpp.NSStanzaID)) {
		h.Tail = appendOriginID(tailbuf[:0], id) // XEP-0359 §3.2: so that receivers know a repeat
	}
	if v.hold(e, &h) {
		return
	}
	switch err := v.sendToRoom(e, to, &h); err {
	case nil:
	case pool.ErrDown:
		v.linkGone()
		v.holdOrRefuse(e, &h)
	case errUnconfirmed:
		v.g.count.drop(DropPendingOverflow)
		v.refuse(e, errUnconfirmed)
	default:
		v.g.count.drop(DropLinkBusy)
		v.refuse(e, errBusy)
	}
}

// mayTalk takes a message from limits.visitor.messages; false: it has been refused.
func (v *visitor) mayTalk(e *xmpp.Element) bool {
	if string(e.Type) == "error" || !carriesBody(e) {
		return true
	}
	v.mu.Lock()
	ok := v.messages.take(v.site.messages, v.g.uptime())
	v.mu.Unlock()
	if !ok {
		v.g.count.drop(DropRateMessages)
		v.refuse(e, errTooFast)
	}
	return ok
}

// carriesBody tells a message that says something from typing states and
// receipts, which are not counted.
func carriesBody(e *xmpp.Element) bool {
	return e.MayHold("body") && bytes.Contains(e.Inner, []byte("<body"))
}

func appendOriginID(dst, id []byte) []byte {
	dst = append(dst, "<origin-id xmlns='"+xmpp.NSStanzaID+"'"...)
	dst = xmpp.AppendAttr(dst, "id", id)
	return append(dst, "/>"...)
}

// sendToRoom tracks a groupchat message and sends it.
func (v *visitor) sendToRoom(e *xmpp.Element, to []byte, h *xmpp.Header) error {
	v.mu.Lock()
	o := v.rooms[string(to)]
	if o == nil || o.state != joined || !carriesBody(e) {
		v.mu.Unlock()
		return v.home.send(e, h, v.patient())
	}
	buf := v.g.buffers.Get().(*[]byte)
	defer v.g.buffers.Put(buf)
	*buf = e.Append((*buf)[:0], xmpp.Component, h)
	if o.unconfirmed+len(*buf) > maxUnconfirmed {
		v.mu.Unlock()
		for _, s := range o.room.take(o, func(s *sent) bool { return s.own }) {
			s.release() // the sender has these back: they give way first
		}
		v.mu.Lock()
		if o.unconfirmed+len(*buf) > maxUnconfirmed {
			v.mu.Unlock()
			return errUnconfirmed
		}
	}
	o.unconfirmed += len(*buf)
	nick, now := o.nick, v.g.now()
	v.schedule(now.Add(confirmTime))
	v.mu.Unlock()
	o.room.track(o, nick, h.ID, *buf, now)
	err := v.home.sendRaw(*buf, v.patient())
	if err != nil {
		o.room.refused(o, h.ID)
	}
	return err
}

// patient tells whether the visitor's reader may wait for upstream: on BOSH it
// may be a timer's goroutine.
func (v *visitor) patient() bool { return v.stream().Info().Transport == "ws" }

// toVisitor takes a stanza from one visitor to another, or to himself.
func (g *Gateway) toVisitor(from *visitor, e *xmpp.Element, to []byte) {
	_, _, resource := xmpp.SplitJID(to)
	v := g.visitors.addressed(to)
	if v == nil {
		g.count.drop(DropUnknownVisitor)
		from.refuse(e, errUnavailable) // RFC 6121 §8.5.1
		return
	}
	if e.Kind != xmpp.IQ && wraps(g, e, xmpp.NSClient) {
		g.count.drop(DropWrappedSender)
		return
	}
	if e.Kind == xmpp.IQ && (len(resource) == 0 || v == from) {
		v.answerFor(from, e, to)
		return
	}
	if e.Kind == xmpp.Presence && subscription(e.Type) {
		g.count.drop(DropForbiddenOut)
		return
	}
	if e.Kind == xmpp.Presence && v != from {
		if !from.directPeer(e, to) {
			return
		}
	}
	if v.deliver(e, from.jid, e.ID) {
		v.stream().Wake()
	}
}

// subscription tells the presence types that manage rosters: nobody has one here.
func subscription(t []byte) bool {
	switch string(t) {
	case "subscribe", "subscribed", "unsubscribe", "unsubscribed", "probe":
		return true
	}
	return false
}
