package gateway

import (
	"time"

	"usher/xmpp"
)

// withdraw tells everybody that the visitor is gone, once the grace is over: rooms, those who have his presence, the desk. His session
// waits on, and with it what he gets by his full address; rooms keep what is said in them. It never blocks.
func (v *visitor) withdraw(now time.Time) {
	v.mu.Lock()
	p := v.parking
	if v.closed || p == nil || p.withdrawn || p.grace.IsZero() || now.Before(p.grace) {
		v.mu.Unlock()
		return
	}
	p.withdrawn, p.told, p.rooms = true, make(chan struct{}), make(map[string]*absence)
	defer close(p.told)
	var gone []byte
	var left, expelled []*occupancy
	for bare, o := range v.rooms {
		if o.timer != nil {
			o.timer.Stop()
		}
		if o.state != undone {
			gone = appendUnavailable(gone, v.jid, bare+"/"+o.nick, "")
		}
		if o.support {
			expelled = append(expelled, o)
			if i := v.invites[bare]; i != nil {
				i.unheard = true
			}
			continue
		}
		if o.state != undone && (o.leaves == 0 || o.again) {
			p.rooms[bare] = o.absent(now)
		}
		left = append(left, o)
		delete(v.rooms, bare)
	}
	for to := range v.directed {
		gone = appendUnavailable(gone, v.jid, to, "")
	}
	peers := v.peerNames()
	v.mu.Unlock()
	v.g.desk.withdrawn(v) // before the rooms hear of it: so the desk knows that he didn't leave them by himself
	for _, o := range left {
		o.reportUnconfirmed()
		o.room.leave(o, v.g)
	}
	for _, o := range expelled {
		o.shutOut() // the desk invites him again
	}
	if gone != nil {
		v.home.farewell(gone)
	}
	v.tellPeers(peers)
	v.g.log.Debug("visitor withdrawn", "site", v.site.name, "session", string(v.localpart()), "rooms", len(left)+len(expelled))
}

// absent is what is to be kept of an occupancy. Its visitor's lock is held.
func (o *occupancy) absent(now time.Time) *absence {
	a := &absence{nick: o.nick, password: o.password, extra: o.extra, seen: o.seen, seenAt: o.seenAt,
		known: o.room.people(), since: now, unheard: true}
	if !o.since.IsZero() && o.state >= lost {
		a.since = o.since // the link was lost before
	}
	return a
}

// people lists who is in the room, as far as the edge knows; nil if that are too many.
func (r *room) people() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.nicks)+len(r.before) > maxKnown {
		return nil
	}
	all := make([]string, 0, len(r.nicks)+len(r.before))
	for nick := range r.nicks {
		all = append(all, nick)
	}
	for nick := range r.before {
		if _, ok := r.nicks[nick]; !ok {
			all = append(all, nick)
		}
	}
	return all
}

// comeBack undoes withdraw: presence and joins are sent again as after a loss of the link, and what the visitor says meanwhile waits. No
// notice about the link tells of it.
func (v *visitor) comeBack(p *parking) {
	g := v.g
	v.mu.Lock()
	v.parking = nil
	if v.closed {
		v.mu.Unlock()
		return
	}
	v.quiet = !v.holding
	v.holding = true
	if v.rooms == nil {
		v.rooms = make(map[string]*occupancy)
	}
	for jid, a := range p.rooms {
		o := &occupancy{v: v, nick: a.nick, password: a.password, extra: a.extra, state: lost, seen: a.seen, seenAt: a.seenAt,
			since: a.since, known: a.known, unheard: a.unheard}
		o.room = g.rooms.enter(jid, o)
		o.room.awaitOne(o)
		v.rooms[jid] = o
	}
	peers := make(map[string][]byte, len(v.peers))
	for to, presence := range v.peers {
		peers[to] = presence
	}
	v.mu.Unlock()
	for to, presence := range peers {
		if other := g.visitors.addressed([]byte(to)); other != nil {
			other.tell(presence)
		}
	}
	if !v.home.isUp() {
		return // linkUp brings him back with the others
	}
	g.desk.linkBack(v)
	g.spawn(func() { g.replayVisitor(g.ctx, v, make(chan struct{}, replaySlots)) })
}

// isAbsent tells whether a presence or groupchat message comes from a room that the visitor was taken out of. Its history has what is said
// meanwhile, for when he is back. nick is the sender's, gone that the presence is unavailable.
func (v *visitor) isAbsent(bare, nick []byte, gone bool) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if i := v.invites[string(bare)]; i != nil && i.unheard {
		if gone && i.nick == string(nick) {
			i.unheard = false
			return true
		}
		return v.withdrawn()
	}
	if !v.withdrawn() {
		return false
	}
	a := v.parking.rooms[string(bare)]
	if a != nil && gone && a.nick == string(nick) {
		a.unheard = false
	}
	return a != nil
}

// linkForgets notes that rooms may not say any more that he left. Under mu.
func (v *visitor) linkForgets() {
	for _, i := range v.invites {
		i.unheard = false
	}
	if v.withdrawn() {
		for _, a := range v.parking.rooms {
			a.unheard = false
		}
	}
	for _, o := range v.rooms {
		o.unheard = false
	}
}

// peerNames lists the other visitors who have his presence. Under mu.
func (v *visitor) peerNames() []string {
	all := make([]string, 0, len(v.peers))
	for to := range v.peers {
		all = append(all, to)
	}
	return all
}

// tellPeers tells other visitors that this one is gone.
func (v *visitor) tellPeers(all []string) {
	for _, to := range all {
		if other := v.g.visitors.addressed([]byte(to)); other != nil {
			other.tell(appendUnavailable(nil, v.jid, other.full(), xmpp.NSClient))
		}
	}
}

// undelivered answers the senders of what never reached the visitor's client, now that nobody will come for it (XEP-0198 §4) and nobody
// finds him any more. Messages and IQ requests are answered, before his rooms hear that he leaves: a room passes an answer on only for those who are in it. What comes through a room
// otherwise is not: by a message's error a room takes its reader for a ghost and throws him out (XEP-0045 §18.1.2 leaves
// that to services, and both Prosody and ejabberd do it), its history keeps groupchat messages, and it tells the sender
// of a private one that the reader has left.
func (v *visitor) undelivered(through func(bare []byte) bool) {
	g := v.g
	scan := g.scanners.Get().(*xmpp.Scanner)
	defer g.scanners.Put(scan)
	v.stream().Undelivered(func(element []byte) {
		scan.ResetInside(xmpp.Limits{}, "stream:stream", xmpp.NSClient, xmpp.NSStream)
		_, tok, err := scan.Next(element)
		if err != nil || tok != xmpp.Stanza {
			return // an element of the stream itself
		}
		e := scan.Element()
		g.count.drop(DropUndelivered)
		if !answerable(e) || e.Kind == xmpp.Presence || len(e.From) == 0 {
			return
		}
		if e.Kind == xmpp.Message && (string(e.Type) == "groupchat" || through(xmpp.Bare(e.From))) {
			return
		}
		v.bounce(e)
	})
}

// throughRooms tells of an address whether it is a room that the visitor is in, or was until he was withdrawn. Under mu; the answer holds for now.
func (v *visitor) throughRooms() func(bare []byte) bool {
	rooms, invites, away := v.rooms, v.invites, map[string]*absence(nil)
	if v.withdrawn() {
		away = v.parking.rooms
	}
	return func(bare []byte) bool {
		return rooms[string(bare)] != nil || invites[string(bare)] != nil || away[string(bare)] != nil
	}
}

// bounce answers one stanza that the visitor didn't get.
func (v *visitor) bounce(e *xmpp.Element) {
	g := v.g
	local, domain, _ := xmpp.SplitJID(e.From)
	switch {
	case !g.ownDomain(domain):
		if g.byDomain[string(domain)] == nil {
			v.home.farewell(errGone.AppendReply(nil, e, xmpp.Component, v.jid, e.From))
		}
	case g.desk.owns(local, domain):
		g.desk.post(input{kind: fromServer, stanza: errGone.AppendReply(nil, e, xmpp.Component, v.jid, e.From)})
	default:
		if other := g.visitors.addressed(e.From); other != nil && other != v {
			other.tell(errGone.AppendReply(nil, e, xmpp.Client, v.jid, e.From))
		}
	}
}
