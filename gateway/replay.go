package gateway

import (
	"bytes"
	"context"
	"slices"
	"time"

	"usher/xmpp"
)

// await notes that o must come back before the room is settled. Its visitor's
// lock is held.
func (r *room) await(o *occupancy) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost == nil {
		r.lost = make(map[*occupancy]struct{})
		r.before, r.nicks = r.nicks, make(map[string]struct{})
		r.forgotten = false
	}
	r.lost[o] = struct{}{}
	o.tries = 0
	r.unqueue(o)
}

// awaitOne is await for a visitor who alone was away.
func (r *room) awaitOne(o *occupancy) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost == nil {
		r.lost = make(map[*occupancy]struct{})
		r.forgotten = false
	}
	r.lost[o] = struct{}{}
}

// unqueue takes o out of the queue and off the stage. The caller holds r.mu.
func (r *room) unqueue(o *occupancy) {
	for i, q := range r.queue {
		if q == o {
			r.queue = append(r.queue[:i], r.queue[i+1:]...)
			break
		}
	}
	if r.active == o {
		r.active = nil
	}
}

// join lines up for the replay those of the room whose homes are up: one occupant
// is replayed at a time, so that the first one's answer tells whether the
// server still knows the room. slots bounds how many rooms are under way;
// false: ctx ended first.
func (r *room) join(ctx context.Context, o *occupancy, slots chan struct{}, g *Gateway) bool {
	r.mu.Lock()
	idle := r.slots == nil
	r.mu.Unlock()
	if idle {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return false
		}
	}
	r.mu.Lock()
	if idle && r.slots == nil {
		r.slots = slots
	} else if idle {
		<-slots // the replay of another home was faster
	}
	for other := range r.lost {
		if other != r.active && !slices.Contains(r.queue, other) && other.v.home.isUp() {
			r.queue = append(r.queue, other)
		}
	}
	r.mu.Unlock()
	r.next(g)
	return true
}

// next puts the next occupant on the stage, if it is free.
func (r *room) next(g *Gateway) {
	r.mu.Lock()
	if r.active != nil || len(r.queue) == 0 {
		if r.active == nil && r.slots != nil {
			<-r.slots
			r.slots = nil
		}
		r.mu.Unlock()
		return
	}
	o := r.queue[0]
	r.queue = r.queue[1:]
	r.active = o
	if r.patience == nil {
		r.patience = time.AfterFunc(g.cfg.Upstream.Hold.Age, func() { r.hurry(g) })
	}
	r.mu.Unlock()
	o.v.mu.Lock()
	if o.tries == 0 {
		o.retryUntil = g.now().Add(replayRetry)
	}
	o.v.mu.Unlock()
	o.rejoin()
}

// rejoin sends the join again and waits for the answer.
func (o *occupancy) rejoin() {
	v := o.v
	v.mu.Lock()
	since := o.since.Add(-sinceMargin)
	if v.closed || v.rooms[o.room.jid] != o {
		v.mu.Unlock()
		o.room.replayed(o, v.g)
		return
	}
	o.state = replaying
	o.mergeUntil = v.g.now().Add(mergeFor)
	b := append([]byte(nil), "<presence"...)
	b = xmpp.AppendAttr(b, "from", v.jid)
	b = xmpp.AppendAttr(b, "to", []byte(o.room.jid+"/"+o.nick))
	b = append(b, "><x xmlns='"+xmpp.NSMUC+"'><history"...) // XEP-0045 §7.2.13
	b = xmpp.AppendAttr(b, "since", []byte(since.UTC().Format("2006-01-02T15:04:05Z")))
	b = append(b, "/>"...)
	if o.password != "" {
		b = append(b, "<password>"+o.password+"</password>"...) // as checked when it came
	}
	b = append(b, "</x>"...)
	b = append(b, o.extra...)
	b = append(b, "</presence>"...)
	o.after(replayAnswer, func() { o.giveUp("no answer") })
	v.mu.Unlock()
	v.home.sendRaw(b, false) // a link that is lost again starts the replay anew
}

// after sets the occupancy's one timer. The visitor's lock is held; f runs
// without it, and not after the timer was set again or stopped.
func (o *occupancy) after(d time.Duration, f func()) {
	if o.timer != nil {
		o.timer.Stop()
	}
	var t *time.Timer
	t = time.AfterFunc(d, func() {
		o.v.mu.Lock()
		current := o.timer == t
		o.v.mu.Unlock()
		if current {
			f()
		}
	})
	o.timer = t
}

// rejoined takes the room's own answer to a replayed join.
func (o *occupancy) rejoined(created bool) {
	v, r := o.v, o.room
	if !created {
		v.mu.Lock()
		o.state = catchingUp
		o.after(historyWait, o.caughtUp)
		v.mu.Unlock()
		return
	}
	r.mu.Lock()
	r.forgotten = true
	r.mu.Unlock()
	if !v.site.createRooms {
		// The server made a new room in place of the forgotten one.
		v.ask(r.jid, "<query xmlns='"+xmpp.NSMUCOwner+"'><destroy/></query>", func(*xmpp.Element) {})
		o.giveUp("the server has forgotten the room")
		return
	}
	v.mu.Lock()
	o.state = unlocking
	o.after(replayAnswer, o.unlocked)
	v.mu.Unlock()
	// XEP-0045 §10.1.2: accept the default configuration, which unlocks the room.
	v.ask(r.jid, "<query xmlns='"+xmpp.NSMUCOwner+"'><x xmlns='jabber:x:data' type='submit'/></query>",
		func(*xmpp.Element) { o.unlocked() })
}

// unlocked goes on once the server has answered the configuration: a new room
// has no history to wait for.
func (o *occupancy) unlocked() {
	o.v.mu.Lock()
	if o.state == unlocking {
		o.state = catchingUp
	}
	o.v.mu.Unlock()
	o.caughtUp()
}

// notRejoined takes the room's refusal of a replayed join: a room that is
// locked, busy, or still has the nick is tried again for a while.
func (o *occupancy) notRejoined(e *xmpp.Element) {
	v := o.v
	again, answer := false, "refused"
	v.g.eachChild(e.Inner, xmpp.NSComponent, func(c *xmpp.Element) bool {
		if string(c.Name.Local) != "error" {
			return true
		}
		for _, condition := range []string{"item-not-found", "conflict", "resource-constraint",
			"remote-server-timeout", "remote-server-not-found", "service-unavailable"} {
			again = again || bytes.Contains(c.Inner, []byte("<"+condition))
		}
		g := v.g
		g.eachChild(c.Inner, xmpp.NSComponent, func(condition *xmpp.Element) bool {
			answer = string(condition.Name.Local)
			return false
		})
		return false
	})
	v.mu.Lock()
	wait := 250 * time.Millisecond << min(o.tries, 5)
	o.tries++
	if again && v.g.now().Add(wait).Before(o.retryUntil) {
		o.after(wait, o.retry)
		v.mu.Unlock()
		return
	}
	v.mu.Unlock()
	o.giveUp(answer)
}

// retry tries a join again, behind the others of the room that wait for theirs: a room that was made anew and then lost its
// link is locked, and only who made it can come in.
func (o *occupancy) retry() {
	r := o.room
	r.mu.Lock()
	if r.active != o || len(r.queue) == 0 {
		r.mu.Unlock()
		o.rejoin()
		return
	}
	r.active = nil
	r.queue = append(r.queue, o)
	r.mu.Unlock()
	r.next(o.v.g)
}

// giveUp ends an occupancy that can't be replayed.
func (o *occupancy) giveUp(why string) {
	v, r := o.v, o.room
	v.mu.Lock()
	if v.rooms[r.jid] != o || o.state < lost {
		v.mu.Unlock()
		return
	}
	state := o.state
	v.mu.Unlock()
	v.g.log.Warn("visitor could not be brought back into a room", "site", v.site.name, "session", string(v.localpart()),
		"room", r.jid, "why", why, "state", state)
	o.shutOut()
	v.resume()
}

// shutOut takes the visitor out of a room that went away: he is told so
// (XEP-0045 §15.6.2, code 332), and of each message that the room never confirmed.
func (o *occupancy) shutOut() {
	v, r := o.v, o.room
	v.mu.Lock()
	nick := o.nick
	v.mu.Unlock()
	o.reportUnconfirmed()
	b := []byte("<presence xmlns='" + xmpp.NSClient + "' type='unavailable'")
	b = xmpp.AppendAttr(b, "from", []byte(r.jid+"/"+nick))
	b = xmpp.AppendAttr(b, "to", v.jid)
	b = append(b, "><x xmlns='"+xmpp.NSMUCUser+"'><item affiliation='none' role='none'/><status code='110'/><status code='332'/></x></presence>"...)
	v.tell(b)
	v.forget(o)
}

// reportUnconfirmed reports each message of o that the room never confirmed.
func (o *occupancy) reportUnconfirmed() {
	for _, s := range o.room.take(o, func(s *sent) bool { return !s.own }) {
		o.report(s)
	}
}

// report tells the sender of a message that it may not have arrived.
func (o *occupancy) report(s *sent) {
	e := xmpp.Element{Kind: xmpp.Message, ID: s.id}
	o.v.mu.Lock()
	o.v.missed++
	o.v.mu.Unlock()
	o.v.tell(errNoAnswer.AppendReply(nil, &e, xmpp.Client, []byte(o.room.jid), o.v.jid))
	s.release()
}

// take removes and returns the tracked messages of o that f chooses.
func (r *room) take(o *occupancy, f func(*sent) bool) (taken []*sent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := r.sent[:0]
	for _, s := range r.sent {
		if s.o == o && f(s) {
			taken = append(taken, s)
		} else {
			kept = append(kept, s)
		}
	}
	clear(r.sent[len(kept):])
	r.sent = kept
	return taken
}

// caughtUp ends an occupancy's own part of the replay.
func (o *occupancy) caughtUp() {
	v := o.v
	v.mu.Lock()
	if o.state != catchingUp {
		v.mu.Unlock()
		return
	}
	o.state = back
	if o.timer != nil {
		o.timer.Stop()
		o.timer = nil
	}
	v.mu.Unlock()
	o.room.replayed(o, v.g)
}

// replayed takes o out of those the room waits for, makes way for the next,
// and settles the room after the last.
func (r *room) replayed(o *occupancy, g *Gateway) {
	r.mu.Lock()
	if _, ok := r.lost[o]; !ok {
		r.mu.Unlock()
		return
	}
	delete(r.lost, o)
	r.unqueue(o)
	last := len(r.lost) == 0
	r.mu.Unlock()
	if last {
		g.spawn(func() { r.settle(g) }) // it may wait for the link, which this goroutine may be reading
	}
	r.next(g)
}

// hurry settles the room without those whose home stays away; it waits on for
// those who are being brought back.
func (r *room) hurry(g *Gateway) {
	r.mu.Lock()
	for o := range r.lost {
		if o.v.home.isUp() && r.patience != nil {
			r.patience.Reset(g.cfg.Upstream.Hold.Age)
			r.mu.Unlock()
			return
		}
	}
	r.mu.Unlock()
	r.settle(g)
}

// settle ends a room's replay when all of this edge are back, or the others
// have taken too long: messages whose copies are missing are sent again with
// the same id, ghosts are taken out of the clients' lists, and the visitors go on.
func (r *room) settle(g *Gateway) {
	r.mu.Lock()
	if r.patience != nil {
		r.patience.Stop()
		r.patience = nil
	}
	here := make([]*occupancy, 0, len(r.occupants))
	for o := range r.occupants {
		if _, missing := r.lost[o]; !missing {
			here = append(here, o)
		}
	}
	var ghosts []string
	for nick := range r.before {
		if _, ok := r.nicks[nick]; !ok && len(r.lost) == 0 {
			ghosts = append(ghosts, nick)
		}
	}
	forgotten := r.forgotten
	if len(r.lost) == 0 {
		r.lost, r.before = nil, nil
	}
	r.mu.Unlock()
	for _, o := range here {
		o.v.mu.Lock()
		was, known := o.state, o.known
		if was == back {
			o.state, o.known = joined, nil
			o.mergeUntil = g.now().Add(mergeFor) // what is sent again comes from now on
		}
		o.v.mu.Unlock()
		if was != back {
			continue
		}
		for _, nick := range r.left(ghosts, known) {
			o.v.tell(appendGhost(nil, r.jid, nick, o.v.jid))
		}
		r.resend(o, forgotten, g)
	}
	for _, o := range here {
		o.v.resume()
	}
}

// left adds to ghosts those of known who aren't in the room any more.
func (r *room) left(ghosts, known []string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Clone(ghosts)
	for _, nick := range known {
		if _, ok := r.nicks[nick]; !ok && !slices.Contains(ghosts, nick) {
			all = append(all, nick)
		}
	}
	return all
}

func appendGhost(dst []byte, room, nick string, to []byte) []byte {
	dst = append(dst, "<presence xmlns='"+xmpp.NSClient+"' type='unavailable'"...)
	dst = xmpp.AppendAttr(dst, "from", []byte(room+"/"+nick))
	dst = xmpp.AppendAttr(dst, "to", to)
	return append(dst, "><x xmlns='"+xmpp.NSMUCUser+"'><item affiliation='none' role='none'/></x></presence>"...)
}

// resend sends o's messages again whose copies are missing, in order, from
// where the first one is missing. If the server has forgotten the room, it may
// also have died between two copies of one message: then what is only partly back counts as missing too.
func (r *room) resend(o *occupancy, forgotten bool, g *Gateway) {
	for _, s := range r.take(o, func(*sent) bool { return true }) {
		switch {
		case !s.own, forgotten && s.copies < s.need:
		default:
			s.release()
			continue
		}
		id, stanza := append([]byte(nil), s.id...), append([]byte(nil), s.stanza...)
		s.release()
		o.v.mu.Lock()
		o.unconfirmed += len(stanza)
		o.v.schedule(g.now().Add(confirmTime))
		nick := o.nick
		o.v.mu.Unlock()
		r.track(o, nick, id, stanza, g.now())
		o.v.home.sendRaw(stanza, true)
	}
}
