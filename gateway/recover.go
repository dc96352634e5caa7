package gateway

import (
	"context"
	"strconv"
	"time"

	"usher/xmpp"
)

// Pace and patience of a replay.
const (
	replaySlots  = 64               // rooms being joined again at a time, per link
	replayAnswer = 60 * time.Second // a room's time to answer a replayed join: a server that has just started is slow
	replayRetry  = 30 * time.Second // how long a room that isn't ready is tried
	historyWait  = 5 * time.Second  // for the subject that ends the history
	mergeFor     = 2 * time.Minute  // how long repeats are looked for after a loss
	sinceMargin  = 2 * time.Second  // history is asked for from this long before the loss
)

// changed is the pool's word that a home's link went up or down.
func (g *Gateway) changed(h *home, up bool) {
	g.desk.linkChanged(h, up)
	if up {
		g.linkUp(h)
		return
	}
	status := h.Status()
	h.mu.Lock()
	first := !h.down
	h.down = true
	if first {
		h.lostAt = status.LastRead
		if h.lostAt.IsZero() {
			h.lostAt = g.now()
		}
		h.heardTo = h.lostAt.Add(-status.Lag)
	}
	if h.replay != nil {
		h.replay()
		h.replay = nil
	}
	since, from := h.lostAt, h.heardTo
	h.mu.Unlock()
	g.visitors.each(func(v *visitor) {
		if v.home == h {
			v.linkLost(first, since, from)
		}
	})
}

// linkGone makes a visitor's stanzas wait when a send found the link gone
// before the pool's word came.
func (v *visitor) linkGone() {
	v.mu.Lock()
	v.holding = true
	v.mu.Unlock()
	if v.home.Status().State == "up" {
		v.resume() // it is back already: the replay may have passed him by
	}
}

// linkLost marks what the server will have forgotten, answers the requests
// whose answers are gone, and tells the visitor. What his rooms said until `from` he has heard.
func (v *visitor) linkLost(tell bool, since, from time.Time) {
	v.mu.Lock()
	if v.closed {
		v.mu.Unlock()
		return
	}
	v.holding, v.quiet = true, false
	v.linkForgets()
	if tell {
		v.missed = 0
	}
	requests := v.requests
	v.requests = nil
	var gone, expelled []*occupancy
	for _, o := range v.rooms {
		if o.timer != nil {
			o.timer.Stop()
		}
		if o.support {
			expelled = append(expelled, o)
			continue
		}
		if o.state == undone || o.leaves > 0 && !o.again {
			gone = append(gone, o)
			continue
		}
		if o.state < lost || o.since.IsZero() {
			o.since = from
		}
		o.state = lost
		o.room.await(o)
	}
	v.mu.Unlock()
	for _, o := range gone {
		v.forget(o)
	}
	for _, r := range requests {
		v.abandon(r)
	}
	if tell {
		v.tell(v.linkState("down", since, 0))
	}
	for _, o := range expelled {
		o.shutOut() // the desk invites him again
	}
	v.g.desk.linkLost(v)
}

// linkState is the notice of INTERFACE B.2.
func (v *visitor) linkState(state string, since time.Time, missed int) []byte {
	b := []byte("<message xmlns='" + xmpp.NSClient + "' type='headline'")
	b = xmpp.AppendAttr(b, "from", []byte(v.site.domain))
	b = xmpp.AppendAttr(b, "to", v.jid)
	b = append(b, "><link xmlns='urn:usher:link:0'"...)
	b = xmpp.AppendAttr(b, "state", []byte(state))
	b = xmpp.AppendAttr(b, "since", []byte(since.UTC().Format(time.RFC3339)))
	b = append(b, " missed='"...)
	b = strconv.AppendInt(b, int64(missed), 10)
	return append(b, "'/><no-store xmlns='urn:xmpp:hints'/></message>"...)
}

// linkUp starts the replay of a home's visitors.
func (g *Gateway) linkUp(h *home) {
	h.mu.Lock()
	was := h.down
	h.down = false
	if !was {
		h.mu.Unlock()
		return
	}
	ctx, cancel := context.WithCancel(g.ctx)
	h.replay = cancel
	h.mu.Unlock()
	h.sayFarewells()
	g.spawn(func() { // ends with ctx: the link's next loss, or the gateway's end
		defer cancel()
		g.replay(ctx, h)
	})
}

// replay brings each visitor of a home back to where he was: directed presence,
// then rooms, a bounded number at a time.
func (g *Gateway) replay(ctx context.Context, h *home) {
	slots := make(chan struct{}, replaySlots)
	g.visitors.each(func(v *visitor) {
		if v.home == h && ctx.Err() == nil {
			g.replayVisitor(ctx, v, slots)
		}
	})
}

// replayVisitor brings one of them back. One who is withdrawn is nowhere.
func (g *Gateway) replayVisitor(ctx context.Context, v *visitor, slots chan struct{}) {
	v.mu.Lock()
	if !v.holding || v.closed {
		v.mu.Unlock()
		return
	}
	var presences []byte
	for _, p := range v.directed {
		if !v.withdrawn() {
			presences = append(presences, p...)
		}
	}
	var rooms []*occupancy
	for _, o := range v.rooms {
		if o.state == lost {
			rooms = append(rooms, o)
		}
	}
	v.mu.Unlock()
	if presences != nil {
		v.home.sendRaw(presences, true)
	}
	for _, o := range rooms {
		if !o.room.join(ctx, o, slots, g) {
			return
		}
	}
	if len(rooms) == 0 {
		v.resume()
	}
}

// resume ends a visitor's waiting once none of his rooms is missing.
func (v *visitor) resume() {
	v.mu.Lock()
	if !v.holding || v.releasing || v.closed {
		v.mu.Unlock()
		return
	}
	for _, o := range v.rooms {
		if o.state >= lost {
			v.mu.Unlock()
			return
		}
	}
	missed, quiet := v.missed, v.quiet
	if !quiet {
		v.missed = 0
	}
	v.releasing, v.quiet = true, false
	v.mu.Unlock()
	if !quiet {
		v.tell(v.linkState("up", v.g.now(), int(missed)))
	}
	v.g.desk.linkBack(v)
	v.g.spawn(v.release)
}
