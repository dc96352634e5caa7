package gateway

import (
	"errors"
	"strconv"
	"time"

	"usher/pool"
	"usher/xmpp"
)

// held is a stanza that waits for the visitor's home link to come back.
type held struct {
	at     time.Time
	kind   xmpp.Kind
	typ    string
	to     string
	id     string // as the client knows it
	stanza []byte // in component form
}

// hold keeps a stanza while the visitor's link is away, or refuses it where
// the link's budget is spent; false: it is not to be held. What is for a support
// room never is: that room is lost with the link, and the next invitation to it is to be
// followed while others are still being replayed.
func (v *visitor) hold(e *xmpp.Element, h *xmpp.Header) bool {
	v.mu.Lock()
	if !v.holding || v.g.supportAddress(h.To) {
		v.mu.Unlock()
		return false
	}
	budget := int64(v.g.cfg.Upstream.Hold.Bytes)
	stanza := e.Append(nil, xmpp.Component, h)
	if n := int64(len(stanza)); v.closed || v.home.heldBytes.Add(n) > budget {
		v.home.heldBytes.Add(-n)
		v.missed++
		v.mu.Unlock()
		v.g.count.drop(DropHoldBytes)
		v.refuse(e, errLinkDown)
		return true
	}
	now := v.g.now()
	v.schedule(now.Add(v.g.cfg.Upstream.Hold.Age))
	v.held = append(v.held, held{
		at: now, kind: e.Kind, typ: string(e.Type), to: string(h.To), id: string(e.ID), stanza: stanza,
	})
	v.mu.Unlock()
	return true
}

// takeAged takes out what has waited too long. The caller holds v.mu.
func (v *visitor) takeAged(now time.Time) []held {
	n := 0
	for n < len(v.held) && now.Sub(v.held[n].at) >= v.g.cfg.Upstream.Hold.Age {
		n++
	}
	aged := v.held[:n:n]
	v.held = v.held[n:]
	return aged
}

// giveUp answers a held stanza that can't be sent with a `wait` error.
func (v *visitor) giveUp(s *held, reason DropReason) {
	v.home.heldBytes.Add(-int64(len(s.stanza)))
	v.g.count.drop(reason)
	v.mu.Lock()
	v.missed++
	v.mu.Unlock()
	e := xmpp.Element{Kind: s.kind, Type: []byte(s.typ), ID: []byte(s.id)}
	if s.kind == xmpp.IQ && (s.typ == "get" || s.typ == "set") {
		v.dropRequest(s.to, s.id)
	}
	if answerable(&e) {
		v.tell(errLinkDown.AppendReply(nil, &e, xmpp.Client, []byte(s.to), v.jid))
	}
}

// dropRequest forgets the client's request to this address with this id: it is answered otherwise.
func (v *visitor) dropRequest(to, id string) {
	v.mu.Lock()
	for n, r := range v.requests {
		if r.to == to && r.id == id && r.done == nil {
			delete(v.requests, n)
		}
	}
	v.mu.Unlock()
}

// release sends what was held, in order, and ends the holding. What the
// visitor says meanwhile queues up behind. It stops if the link is lost again.
func (v *visitor) release() {
	for {
		v.mu.Lock()
		if len(v.held) == 0 || v.closed {
			v.holding, v.releasing = false, false
			v.mu.Unlock()
			return
		}
		s := v.held[0]
		v.mu.Unlock()
		if err := v.sendHeld(&s); errors.Is(err, pool.ErrDown) {
			v.mu.Lock()
			v.releasing = false
			v.mu.Unlock()
			return
		} else if err != nil {
			v.popHeld()
			v.giveUp(&s, DropLinkBusy)
			continue
		}
		if v.popHeld() {
			v.home.heldBytes.Add(-int64(len(s.stanza)))
		}
	}
}

// popHeld takes the first held stanza away, unless its age has already done so.
func (v *visitor) popHeld() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.held) == 0 {
		return false
	}
	v.held[0] = held{}
	v.held = v.held[1:]
	return true
}

// sendHeld sends one held stanza; a groupchat message is tracked from now on.
func (v *visitor) sendHeld(s *held) error {
	if s.kind != xmpp.Message || s.typ != "groupchat" {
		return v.home.sendRaw(s.stanza, true)
	}
	id := []byte(s.id)
	v.mu.Lock()
	o := v.rooms[s.to]
	if o == nil || o.state != joined || len(id) == 0 {
		v.mu.Unlock()
		return v.home.sendRaw(s.stanza, true)
	}
	o.unconfirmed += len(s.stanza)
	v.schedule(v.g.now().Add(confirmTime))
	nick := o.nick
	v.mu.Unlock()
	o.room.track(o, nick, id, s.stanza, v.g.now())
	err := v.home.sendRaw(s.stanza, true)
	if err != nil {
		o.room.refused(o, id)
	}
	return err
}

// newID makes an id for a message that came without one.
func (v *visitor) newID(dst []byte) []byte {
	v.mu.Lock()
	v.nextID++
	n := v.nextID
	v.mu.Unlock()
	dst = append(dst, v.token[:]...)
	dst = append(dst, '-')
	return strconv.AppendUint(dst, uint64(n), 10)
}
