package gateway

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"usher/xmpp"
)

// broadcast takes presence without `to`. Nobody subscribes to a visitor, so
// available presence comes back to himself only (RFC 6121 §4.2.2), and
// unavailable presence goes to everybody who has his (§4.5.2).
func (v *visitor) broadcast(e *xmpp.Element) {
	switch string(e.Type) {
	case "":
		if v.deliver(e, v.jid, e.ID) {
			v.stream().Wake()
		}
	case "unavailable":
		v.mu.Lock()
		peers := slices.Collect(maps.Keys(v.peers))
		to := make([]string, 0, len(v.directed)+len(v.rooms))
		for jid := range v.directed {
			to = append(to, jid)
		}
		for bare, o := range v.rooms {
			to = append(to, bare+"/"+o.nick)
		}
		v.mu.Unlock()
		for _, jid := range to {
			v.sendPresence(e, []byte(jid))
		}
		for _, jid := range peers {
			v.g.toVisitor(v, e, []byte(jid))
		}
	default:
		v.g.count.drop(DropForbiddenOut)
	}
}

// sendPresence sends directed presence upstream and keeps the books: what the
// server is told here it would have to be told again after a loss, and taken
// back in the end, since it keeps no state for a component's addresses.
func (v *visitor) sendPresence(e *xmpp.Element, to []byte) {
	if subscription(e.Type) {
		v.g.count.drop(DropForbiddenOut)
		v.refuse(e, errForbidden)
		return
	}
	bare := xmpp.Bare(to)
	if string(e.Type) == "unavailable" {
		v.mu.Lock()
		if o := v.rooms[string(bare)]; o != nil {
			o.leaves++
			o.again = false
		} else {
			delete(v.directed, string(to))
		}
		v.mu.Unlock()
		v.upstream(e, to, e.ID, nil)
		return
	}
	if string(e.Type) == "" {
		_, domain, nick := xmpp.SplitJID(to)
		v.mu.Lock()
		o := v.rooms[string(bare)]
		v.mu.Unlock()
		room := o != nil || len(nick) > 0 && (string(domain) == v.g.cfg.Upstream.Rooms || isJoin(v.g, e))
		if room && !v.enter(e, bare, nick) || !room && !v.direct(e, to) {
			return
		}
	}
	v.upstream(e, to, e.ID, nil)
}

func isJoin(g *Gateway, e *xmpp.Element) (join bool) {
	if !bytes.Contains(e.Inner, []byte(xmpp.NSMUC)) {
		return false
	}
	g.eachChild(e.Inner, xmpp.NSClient, func(c *xmpp.Element) bool {
		join = string(c.Name.Local) == "x" && string(c.Name.Space) == xmpp.NSMUC // XEP-0045 §7.2.1
		return !join
	})
	return join
}

// direct notes that to has the visitor's presence; false: he has been refused.
func (v *visitor) direct(e *xmpp.Element, to []byte) bool {
	v.mu.Lock()
	if _, ok := v.directed[string(to)]; !ok && v.tooManyKnow() {
		v.mu.Unlock()
		v.g.count.drop(DropPresenceLimit)
		v.refuse(e, errPresences)
		return false
	}
	if v.directed == nil {
		v.directed = make(map[string][]byte)
	}
	v.directed[string(to)] = e.Append(nil, xmpp.Component, &xmpp.Header{To: to, From: v.jid, Lang: e.Lang})
	v.mu.Unlock()
	return true
}

// directPeer is direct for presence of any type to another visitor. The server behind never hears of it.
func (v *visitor) directPeer(e *xmpp.Element, to []byte) bool {
	v.mu.Lock()
	_, ok := v.peers[string(to)]
	switch {
	case string(e.Type) != "":
		delete(v.peers, string(to))
	case !ok && v.tooManyKnow():
		v.mu.Unlock()
		v.g.count.drop(DropPresenceLimit)
		v.refuse(e, errPresences)
		return false
	case !ok:
		if v.peers == nil {
			v.peers = make(map[string][]byte)
		}
	}
	if string(e.Type) == "" {
		v.peers[string(to)] = e.Append(nil, xmpp.Client, &xmpp.Header{To: to, From: v.jid, Lang: e.Lang})
	}
	v.mu.Unlock()
	return true
}

// tooManyKnow tells whether nobody else may get the visitor's presence. Under mu.
func (v *visitor) tooManyKnow() bool { return len(v.directed)+len(v.peers) >= maxDirected }

// enter notes a join, a change of presence in a room, or a change of nick;
// false: the visitor has been refused.
func (v *visitor) enter(e *xmpp.Element, bare, nick []byte) bool {
	extra, password, join := v.g.splitJoin(e)
	v.mu.Lock()
	o := v.rooms[string(bare)]
	if o != nil {
		o.extra = extra
		if join {
			// A client that has begun anew joins where it is already: it wants the history, all of it.
			o.password, o.mergeUntil = password, time.Time{}
			if o.state == joining || o.leaves > 0 {
				o.state, o.nick, o.joinID, o.again = joining, string(nick), string(e.ID), o.leaves > 0
			}
		}
		v.mu.Unlock()
		return true
	}
	var refusal *xmpp.StanzaError
	switch {
	case v.closed:
		refusal = errBusy
	case v.site.rooms > 0 && len(v.rooms) >= v.site.rooms:
		refusal = errRoomLimit
		v.g.count.drop(DropRoomLimit)
	case !v.joins.take(v.site.joins, v.g.uptime()):
		refusal = errJoinsFast
		v.g.count.drop(DropRateJoins)
	}
	if refusal != nil {
		v.mu.Unlock()
		v.refuse(e, refusal)
		return false
	}
	o = &occupancy{v: v, nick: string(nick), password: password, extra: extra, joinID: string(e.ID), support: v.g.supportAddress(bare)}
	if i := v.invites[string(bare)]; i != nil {
		o.unheard, i.unheard = i.unheard, false
	}
	o.room = v.g.rooms.enter(string(bare), o)
	if v.rooms == nil {
		v.rooms = make(map[string]*occupancy)
	}
	v.rooms[string(bare)] = o
	v.mu.Unlock()
	return true
}

// splitJoin takes a room presence apart: what a replayed join must carry again.
func (g *Gateway) splitJoin(e *xmpp.Element) (extra []byte, password string, join bool) {
	g.eachChild(e.Inner, xmpp.NSClient, func(c *xmpp.Element) bool {
		if string(c.Name.Local) != "x" || string(c.Name.Space) != xmpp.NSMUC {
			if !bytes.Contains(c.Raw, []byte(xmpp.NSClient)) {
				extra = append(extra, c.Raw...)
			}
			return true
		}
		join = true
		g.eachChild(c.Inner, xmpp.NSMUC, func(p *xmpp.Element) bool {
			if string(p.Name.Local) == "password" {
				password = string(p.Inner)
			}
			return true
		})
		return true
	})
	return extra, password, join
}

// MUC status codes that the edge acts on (XEP-0045 §15.6.2).
type codes struct{ self, created, nickChange bool }

// statusOf reads the status codes of a room's presence.
func (g *Gateway) statusOf(e *xmpp.Element) (s codes) {
	if !bytes.Contains(e.Inner, []byte("<status")) {
		return s
	}
	g.eachChild(e.Inner, xmpp.NSComponent, func(x *xmpp.Element) bool {
		if string(x.Name.Local) != "x" || string(x.Name.Space) != xmpp.NSMUCUser {
			return true
		}
		g.eachChild(x.Inner, xmpp.NSMUCUser, func(c *xmpp.Element) bool {
			if string(c.Name.Local) == "status" {
				code, _ := c.Attr("code")
				switch code {
				case "110":
					s.self = true
				case "201":
					s.created = true
				case "303":
					s.nickChange = true
				}
			}
			return true
		})
		return false
	})
	return s
}

// receivePresence keeps the books of rooms and passes presence on.
func (v *visitor) receivePresence(e *xmpp.Element) bool {
	if subscription(e.Type) {
		return false // RFC 6121 §3.1.3: nobody can subscribe to a visitor
	}
	bare := xmpp.Bare(e.From)
	v.mu.Lock()
	o := v.rooms[string(bare)]
	v.mu.Unlock()
	var nick []byte
	if len(bare) < len(e.From) {
		nick = e.From[len(bare)+1:]
	}
	if o == nil {
		if v.isAbsent(bare, nick, string(e.Type) == "unavailable") {
			v.g.count.drop(DropAbsent)
			return false
		}
		return v.deliver(e, e.From, e.ID)
	}
	if string(e.Type) == "error" {
		return v.roomRefused(o, e)
	}
	available := string(e.Type) == ""
	o.room.notice(nick, available)
	s := v.g.statusOf(e)
	v.mu.Lock()
	own := s.self || len(nick) > 0 && o.nick == string(nick)
	state := o.state
	late := own && o.unheard && !s.nickChange
	if late {
		o.unheard = false
	}
	v.mu.Unlock()
	if late && !available { // that he was withdrawn, of which his client doesn't know
		v.g.count.drop(DropAbsent)
		return false
	}
	switch {
	case state == undone:
		if own && !available {
			v.forget(o)
		}
		return false
	case !own || s.nickChange:
	case available:
		return v.entered(o, e, nick, s)
	default:
		v.left(o)
	}
	return v.deliver(e, e.From, e.ID)
}

// entered takes the visitor's own presence as the room sends it.
func (v *visitor) entered(o *occupancy, e *xmpp.Element, nick []byte, s codes) bool {
	v.mu.Lock()
	before := o.state
	o.nick = string(nick)
	if s.created && (!v.site.createRooms || o.support) && before == joining {
		// XEP-0045 §10.1.1: a join made the room; where rooms are not to be
		// made it is undone, and the join refused.
		o.state = undone
		id := o.joinID
		v.mu.Unlock()
		v.undo(o)
		v.g.count.drop(DropRoomUndone)
		refused := xmpp.Element{Kind: xmpp.Presence, ID: []byte(id)}
		return v.stream().SendRaw(errNotAllowed.AppendReply(nil, &refused, xmpp.Client, e.From, v.jid))
	}
	if before == joining {
		o.state = joined
	}
	v.mu.Unlock()
	if before == replaying {
		o.rejoined(s.created)
	}
	if o.support {
		return v.deliverNamed(e, o)
	}
	return v.deliver(e, e.From, e.ID)
}

// left takes the end of an occupancy as the room tells it.
func (v *visitor) left(o *occupancy) {
	v.mu.Lock()
	if o.leaves > 0 {
		o.leaves--
		if o.again {
			v.mu.Unlock()
			return
		}
	}
	v.mu.Unlock()
	v.forget(o)
}

// forget drops an occupancy from the books.
func (v *visitor) forget(o *occupancy) {
	v.mu.Lock()
	if v.rooms[o.room.jid] == o {
		delete(v.rooms, o.room.jid)
		if i := v.invites[o.room.jid]; i != nil && i.closed {
			delete(v.invites, o.room.jid)
		}
	}
	if o.timer != nil {
		o.timer.Stop()
	}
	v.mu.Unlock()
	o.room.leave(o, v.g)
}

// roomRefused takes a presence error from a room: a join that failed, or one
// about something less.
func (v *visitor) roomRefused(o *occupancy, e *xmpp.Element) bool {
	v.mu.Lock()
	state := o.state
	v.mu.Unlock()
	switch state {
	case joining:
		v.forget(o)
	case replaying:
		o.notRejoined(e)
		return false
	case undone:
		return false
	}
	return v.deliver(e, e.From, e.ID)
}

// undo destroys a room that a join of the visitor has made.
func (v *visitor) undo(o *occupancy) {
	v.ask(o.room.jid, "<query xmlns='"+xmpp.NSMUCOwner+"'><destroy/></query>", func(*xmpp.Element) { v.forget(o) })
}

// ask sends an IQ set of the edge's own in the visitor's name. done gets the
// answer, or nil if none will come.
func (v *visitor) ask(to, payload string, done func(*xmpp.Element)) {
	id, ok := v.request(request{to: to, done: done}, nil)
	if !ok {
		done(nil)
		return
	}
	b := append([]byte(nil), "<iq type='set'"...)
	b = xmpp.AppendAttr(b, "from", v.jid)
	b = xmpp.AppendAttr(b, "to", []byte(to))
	b = xmpp.AppendAttr(b, "id", id)
	b = append(b, '>')
	b = append(b, payload...)
	b = append(b, "</iq>"...)
	if v.home.sendRaw(b, false) != nil {
		n, _ := v.requestNumber(id)
		v.mu.Lock()
		_, mine := v.requests[n]
		delete(v.requests, n)
		v.mu.Unlock()
		if mine {
			done(nil)
		}
	}
}
