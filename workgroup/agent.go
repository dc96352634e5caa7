package workgroup

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// agent is a person who answers or supervises, in all his workgroups at once.
type agent struct {
	d       *Desk
	jid     string // bare
	name    string // what colleagues and the visitor see: the localpart
	members []*member

	resources map[string]*resource       // by full JID; what of them has said unavailable is gone
	came      time.Time                  // when a client of his appeared last
	unknown   bool                       // not heard of since the link came up: no offers
	up, been  bool                       // a client of his shows chat or none; one ever has
	upSince   time.Time                  // flap guard: when he came back; zero: no guard
	answerBy  *timer                     // until then he is unknown, and what is stale counts
	wake      *timer                     // when his standing changes by itself
	offer     *offer                     // the one that is open to him, over all workgroups
	chats     map[*conversation]struct{} // connecting, active, agent-lost: they use his capacity

	paused    bool
	pausedTo  time.Time // zero with paused: until he resumes
	max       int       // his own limit; 0: as configured
	lapses    int       // offers in a row that he let pass
	coolUntil time.Time
	idleSince time.Time // when his last chat ended
	lastTaken time.Time // for round-robin
}

const (
	maxLapses   = 2 // in a row: he has forgotten to log off
	maxCool     = 8 // times the workgroup's cool-down, which doubles with each lapse
	maxOwnChats = 50
	maxPause    = 366 * 24 * time.Hour
)

// standing is what an agent is to a workgroup now.
type standing uint8

const (
	off     standing = iota // no client, xa, dnd, negative priority
	unknown                 // not heard of yet
	paused
	reserve // away
	busy    // at his capacity, or an offer is open to him, or cooling down, or only just back
	ready
)

// standing derives it; keen tells that a client shows `chat`.
func (a *agent) standing(g *group) (s standing, keen bool) {
	show, any := a.shows()
	switch {
	case a.unknown:
		return unknown, false
	case !any || show == "xa" || show == "dnd" || show == "away" && !g.Reserve:
		return off, false
	case a.paused:
		return paused, false
	case a.offer != nil || len(a.chats) >= a.capacity() || a.d.now.Before(a.coolUntil):
		return busy, false
	case show == "away":
		return reserve, false
	case a.guarded(g):
		return busy, false
	}
	return ready, show == "chat"
}

// guarded: he left and is back, but not for timers.ready yet.
func (a *agent) guarded(g *group) bool {
	return !a.upSince.IsZero() && a.d.now.Before(a.upSince.Add(g.Timers.Ready))
}

// present tells whether any client of his is there at all, whatever it shows; one who is unknown gets the benefit of the doubt.
func (a *agent) present() bool { return a.unknown || len(a.resources) > 0 }

// capacity is how many chats he takes over all workgroups: what he said himself, else the lowest of what his workgroups
// and clients (XEP-0142 §4.2.1, max-chats) allow.
func (a *agent) capacity() int {
	if a.max > 0 {
		return a.max
	}
	n := 0
	for _, m := range a.members {
		if !m.serves {
			continue
		}
		if limit := cmp.Or(m.cfg.MaxChats, m.group.MaxChats); n == 0 || limit < n {
			n = limit
		}
	}
	for _, r := range a.resources {
		if r.max > 0 && r.max < n {
			n = r.max
		}
	}
	return n
}

// The verbs about agents.

// pause stops offers to an agent; length 0: until he resumes. by is himself or a supervisor.
func (d *Desk) pause(by, a *agent, length time.Duration) error {
	switch {
	case !by.commands(a):
		return errNotYours
	case length < 0 || length > maxPause:
		return errLength
	}
	a.paused, a.pausedTo = true, time.Time{}
	if length > 0 {
		a.pausedTo = d.now.Add(length)
	}
	if by != a {
		a.told(by.name + " has paused you. `resume` ends it.")
	}
	a.settle()
	return nil
}

func (d *Desk) resume(by, a *agent) error {
	if !by.commands(a) {
		return errNotYours
	}
	if by != a && a.paused {
		a.told(by.name + " has ended your pause.")
	}
	a.paused, a.pausedTo, a.lapses, a.coolUntil = false, time.Time{}, 0, time.Time{}
	a.settle()
	return nil
}

// setMax sets an agent's own limit; 0: as configured.
func (d *Desk) setMax(a *agent, n int) error {
	if n < 0 || n > maxOwnChats {
		return errLimit
	}
	a.max = n
	a.settle()
	return nil
}

const (
	errNotYours refusal = "that is for the agent himself and his supervisors"
	errLength   refusal = "a pause lasts for up to 366 days"
	errLimit    refusal = "the limit is a number from 1 to 50, or 0 for the usual one"
)

// commands tells whether by may say what a does: he himself, or a supervisor of a workgroup of his.
func (by *agent) commands(a *agent) bool {
	return by == a || slices.ContainsFunc(a.members, func(m *member) bool {
		s := m.group.members[by.jid]
		return s != nil && s.supervisor
	})
}

// told says something to an agent from the first of his workgroups that he is a contact of, else from the first.
func (a *agent) told(text string) {
	if len(a.members) == 0 {
		return
	}
	i := max(0, slices.IndexFunc(a.members, func(m *member) bool { return m.sub.From }))
	a.members[i].group.tell(a, text)
}

// took, lapsed and freed keep an agent's books: he accepted, he let an offer pass, a chat of his ended.
func (a *agent) took(c *conversation) {
	a.chats[c] = struct{}{}
	a.lastTaken, a.lapses, a.coolUntil = a.d.now, 0, time.Time{}
	a.settle()
}

func (a *agent) lapsed(g *group) {
	a.coolUntil = a.d.now.Add(g.Timers.Cool * time.Duration(min(1<<min(a.lapses, 8), maxCool)))
	if a.lapses++; a.lapses >= maxLapses && !a.paused {
		a.paused, a.pausedTo = true, time.Time{}
		g.tell(a, "You have let two offers pass, so you get no more of them. Say `resume` when you are back.")
	}
	a.settle()
}

func (a *agent) freed(c *conversation) {
	delete(a.chats, c)
	a.idleSince = a.d.now
	a.settle()
}

// settle keeps what has changed, sets the time of the next change by itself, and tells the desk.
func (a *agent) settle() {
	a.keep()
	a.rouse()
	a.d.changed(a)
}

// rouse sets the timer for the next moment at which the agent's standing changes without anybody doing anything.
func (a *agent) rouse() {
	a.d.stop(a.wake)
	a.wake = nil
	var next time.Time
	sooner := func(t time.Time) {
		if t.After(a.d.now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	sooner(a.coolUntil)
	if a.paused {
		sooner(a.pausedTo)
	}
	for _, m := range a.members {
		if a.guarded(m.group) {
			sooner(a.upSince.Add(m.group.Timers.Ready))
		}
	}
	if !next.IsZero() {
		a.wake = a.d.at(next, a.woken)
	}
}

func (a *agent) woken() {
	a.wake = nil
	if a.paused && !a.pausedTo.IsZero() && !a.d.now.Before(a.pausedTo) {
		a.paused, a.pausedTo, a.lapses = false, time.Time{}, 0
		a.keep()
		if a.present() {
			a.told("Your pause is over.")
		}
	}
	a.rouse()
	a.d.changed(a)
}

// lasting is what is kept of an agent.
type lasting struct {
	Paused    bool                    `json:"paused,omitempty"`
	PausedTo  time.Time               `json:"paused_to,omitzero"`
	Max       int                     `json:"max,omitempty"`
	Lapses    int                     `json:"lapses,omitempty"`
	CoolUntil time.Time               `json:"cool_until,omitzero"`
	IdleSince time.Time               `json:"idle_since,omitzero"`
	LastTaken time.Time               `json:"last_taken,omitzero"`
	Subs      map[string]subscription `json:"subs,omitempty"` // by the workgroup's JID
}

// keep writes the agent's lasting state (pause, limit, lapses, cool-down, subscriptions) to the batch; restoreAgent reads it back.
func (a *agent) keep() {
	l := lasting{Paused: a.paused, PausedTo: a.pausedTo, Max: a.max, Lapses: a.lapses, CoolUntil: a.coolUntil,
		IdleSince: a.idleSince, LastTaken: a.lastTaken, Subs: make(map[string]subscription, len(a.members))}
	for _, m := range a.members {
		if m.sub != (subscription{}) {
			l.Subs[m.group.jid] = m.sub
		}
	}
	value, err := json.Marshal(l)
	if err != nil { // a year beyond 9999, which no clock shows
		a.d.cfg.Log.Error("an agent's state can't be kept", "agent", a.jid, "error", err)
		return
	}
	a.d.out.Batch.Items = append(a.d.out.Batch.Items, Item{Key: "agent/" + a.jid, Value: value})
}

// restoreAgent reads what keep has written. One who is no agent any more is forgotten.
func (d *Desk) restoreAgent(bare string, value []byte) {
	a := d.agents[bare]
	if a == nil {
		d.out.Batch.Items = append(d.out.Batch.Items, Item{Key: "agent/" + bare})
		return
	}
	var l lasting
	if err := json.Unmarshal(value, &l); err != nil {
		d.cfg.Log.Error("an agent's kept state can't be read; he starts anew", "agent", bare, "error", err)
		return
	}
	a.paused, a.pausedTo, a.max, a.lapses = l.Paused, l.PausedTo, l.Max, l.Lapses
	a.coolUntil, a.idleSince, a.lastTaken = l.CoolUntil, l.IdleSince, l.LastTaken
	for _, m := range a.members {
		m.sub = l.Subs[m.group.jid]
	}
	if a.paused && !a.pausedTo.IsZero() && !d.now.Before(a.pausedTo) {
		a.paused, a.pausedTo, a.lapses = false, time.Time{}, 0
	}
	a.rouse()
}

// agentsByJID are all agents and supervisors, in the order of their JIDs.
func (d *Desk) agentsByJID() []*agent {
	return slices.SortedFunc(maps.Values(d.agents), func(a, b *agent) int { return cmp.Compare(a.jid, b.jid) })
}
