package gateway

import (
	"bytes"
	"time"

	"usher/upstream"
	"usher/xmpp"
)

// inbound is the way back: what a component link reads.
type inbound struct{ *Gateway }

// Stanza takes one stanza from upstream. It never blocks.
func (g inbound) Stanza(l *upstream.Link, e *xmpp.Element) {
	g.count.stanza(Down, e.Kind)
	h := g.homes[l.Domain()]
	local, domain, resource := xmpp.SplitJID(e.To)
	if len(local) == 0 {
		g.answerUpstream(h, nil, e)
		return
	}
	v := g.visitors.find(local, domain)
	if v == nil && g.desk.owns(local, domain) {
		g.desk.fromServer(h, e)
		return
	}
	if v == nil || len(resource) > 0 && !bytes.Equal(v.jid, e.To) {
		g.toNobody(h, e)
		return
	}
	if v.receive(h, e, len(resource) == 0) {
		h.batch = append(h.batch, v)
	}
}

// Flush wakes each visitor who got something in the last read, once.
func (g inbound) Flush(l *upstream.Link) {
	h := g.homes[l.Domain()]
	for i, v := range h.batch {
		v.stream().Wake()
		h.batch[i] = nil
	}
	h.batch, h.read = h.batch[:0], time.Time{}
}

// toNobody answers a stanza for a visitor who is not, or no longer, there.
func (g inbound) toNobody(h *home, e *xmpp.Element) {
	g.count.drop(DropUnknownVisitor)
	if e.Kind != xmpp.Presence && answerable(e) {
		h.answer(e, errGone)
	}
}

// answer sends a stanza error back upstream.
func (h *home) answer(e *xmpp.Element, se *xmpp.StanzaError) {
	buf := h.g.buffers.Get().(*[]byte)
	*buf = se.AppendReply((*buf)[:0], e, xmpp.Component, e.To, e.From)
	if h.sendRaw(*buf, false) != nil {
		h.g.count.drop(DropLinkBusy)
	}
	h.g.buffers.Put(buf)
}

// receive is the firewall's inner side and the book-keeping on the way to one
// visitor. bare tells that the stanza was addressed to his bare JID. It
// returns whether his transport has to be woken.
func (v *visitor) receive(h *home, e *xmpp.Element, bare bool) (dirty bool) {
	g := v.g
	if e.Kind == xmpp.IQ && (string(e.Type) == "result" || string(e.Type) == "error") {
		return v.receiveAnswer(e)
	}
	if !v.mayReceive(e.From) {
		g.count.drop(DropForbiddenIn)
		if e.Kind != xmpp.Presence && answerable(e) {
			h.answer(e, errForbidden)
		}
		return false
	}
	switch e.Kind {
	case xmpp.Message:
		return v.receiveMessage(h, e)
	case xmpp.Presence:
		return v.receivePresence(e)
	}
	if bare {
		inbound{g}.answerUpstream(h, v, e)
		return false
	}
	return v.deliver(e, e.From, e.ID)
}

func (v *visitor) receiveAnswer(e *xmpp.Element) bool {
	r, ok := v.answered(e)
	if !ok {
		v.g.count.drop(DropIQUnmatched)
		return false
	}
	if r.done != nil {
		r.done(e)
		return false
	}
	return v.deliver(e, e.From, []byte(r.id))
}

func (v *visitor) receiveMessage(h *home, e *xmpp.Element) bool {
	g := v.g
	if wraps(g, e, xmpp.NSComponent) {
		g.count.drop(DropWrappedSender)
		return false
	}
	if string(e.Type) == "groupchat" {
		return v.receiveGroupchat(h, e)
	}
	if string(e.Type) == "error" {
		v.mu.Lock()
		o := v.rooms[string(xmpp.Bare(e.From))]
		v.mu.Unlock()
		if o != nil && len(e.ID) > 0 {
			o.room.refused(o, e.ID)
		}
	} else {
		v.openInvited(e, e.From)
	}
	return v.deliver(e, e.From, e.ID)
}

// receiveGroupchat counts the copies of our own messages, and drops what the
// visitor had before a loss.
func (v *visitor) receiveGroupchat(h *home, e *xmpp.Element) (dirty bool) {
	g := v.g
	bare := xmpp.Bare(e.From)
	var nick []byte
	if len(bare) < len(e.From) {
		nick = e.From[len(bare)+1:]
	}
	now := h.readTime()
	v.mu.Lock()
	o := v.rooms[string(bare)]
	if o == nil {
		v.mu.Unlock()
		if v.isAbsent(bare, nick, false) {
			g.count.drop(DropAbsent)
			return false
		}
		return v.deliver(e, e.From, e.ID)
	}
	if o.state == undone {
		v.mu.Unlock()
		return false
	}
	state := o.state
	at, delayed := now, false
	if state != joined || now.Before(o.mergeUntil) {
		at, delayed = g.delayOf(e, now)
	}
	body := carriesBody(e)
	again := body && o.repeat(e, now, at)
	aside := body && o.support && string(nick) != o.nick
	v.mu.Unlock()
	if body {
		o.room.confirm(o, nick, e.ID, delayed, now)
	} else if state == catchingUp && (len(nick) == 0 || isSubject(e)) {
		// XEP-0045 §7.2.15: the subject follows the history and ends the join. He gets it before he is told that all is well.
		dirty = v.deliver(e, e.From, e.ID)
		o.caughtUp()
		return dirty
	}
	if again {
		g.count.drop(DropRepeat)
		return false
	}
	if aside && g.isAside(e) {
		g.count.drop(DropAside)
		return false
	}
	return v.deliver(e, e.From, e.ID)
}

func isSubject(e *xmpp.Element) bool {
	return e.MayHold("subject") && bytes.Contains(e.Inner, []byte("<subject"))
}

// delayOf returns the time of a message's delay stamp (XEP-0203 §2), or now.
func (g *Gateway) delayOf(e *xmpp.Element, now time.Time) (at time.Time, delayed bool) {
	if !e.MayHold("delay") || !bytes.Contains(e.Inner, []byte(xmpp.NSDelay)) {
		return now, false
	}
	g.eachChild(e.Inner, xmpp.NSComponent, func(c *xmpp.Element) bool {
		if string(c.Name.Local) == "delay" && string(c.Name.Space) == xmpp.NSDelay {
			stamp, _ := c.Attr("stamp")
			if t, err := time.Parse(time.RFC3339, stamp); err == nil {
				at, delayed = t, true
			}
		}
		return !delayed
	})
	if !delayed {
		return now, false
	}
	return at, true
}

// eachChild calls f for each child element of a checked element, whose inner
// XML and default namespace are given, until f returns false. A child that
// needs what its parent's start tag declares is an error.
func (g *Gateway) eachChild(inner []byte, ns string, f func(*xmpp.Element) bool) error {
	s := g.scanners.Get().(*xmpp.Scanner)
	defer g.scanners.Put(s)
	s.ResetInside(xmpp.Limits{}, "stream:stream", ns, xmpp.NSStream)
	for len(inner) > 0 {
		i := bytes.IndexByte(inner, '<')
		if i < 0 {
			return nil
		}
		if bytes.HasPrefix(inner[i:], []byte("<![CDATA[")) {
			j := bytes.Index(inner[i:], []byte("]]>"))
			if j < 0 {
				return nil
			}
			inner = inner[i+j+3:]
			continue
		}
		inner = inner[i:] // text between children is nobody's concern here
		n, t, err := s.Next(inner)
		if err != nil || t != xmpp.Stanza {
			return err
		}
		if !f(s.Element()) {
			return nil
		}
		inner = inner[n:]
	}
	return nil
}
