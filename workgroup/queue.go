package workgroup

import (
	"cmp"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

const (
	statusEvery  = 15 * time.Second // XEP-0142 §3.2.3: position and estimate are pushed so often
	usualPlace   = 15 * time.Second // what a place in the queue takes where nothing is known yet
	maxTurnAways = 8                // times timers.cool: how long a no lasts at most
	maxMissed    = 3                // agents who took it and never came
	returnTime   = 10 * time.Second // after a crash: how long those who waited are waited for
)

// ask enters a visitor into the queue: errQueued, errBanned, *closedError.
func (d *Desk) ask(g *group, a asking) (*conversation, error) {
	bare := bareOf(a.visitor.JID)
	if c := d.visitor[bare]; c != nil {
		if c.State != Wrapup {
			return nil, errQueued
		}
		c.advance(happening{event: wrapped})
	}
	sub := ""
	if a.person.Verified {
		sub = a.person.Sub
	}
	if d.banned(a.visitor, sub) {
		return nil, errBanned
	}
	queue, err := d.queueFor(g)
	if err != nil {
		return nil, err
	}
	c := d.begun(g, a)
	c.queue = queue
	c.enqueue()
	c.depth = c.index + 1
	return c, nil
}

// queueFor is the workgroup whose queue takes a request now: this one, or the one that takes what it can't. Else *closedError.
func (d *Desk) queueFor(g *group) (*group, error) {
	err := d.openFor(g)
	if err == nil {
		return g, nil
	}
	var shut *closedError
	other := g.overflow()
	if other == nil || !errors.As(err, &shut) || shut.reason == "hours" || d.openFor(other) != nil {
		return nil, err
	}
	return other, nil
}

// begun makes a conversation that is in no state yet: it has its id and number.
func (d *Desk) begun(g *group, a asking) *conversation {
	bare := bareOf(a.visitor.JID)
	a.person.JID = bare
	c := &conversation{
		Conversation: Conversation{
			ID:     ulid.MustNew(ulid.Timestamp(d.now), rand.Reader).String(),
			Number: g.nextNumber(), Site: g.Site, Workgroup: g.Name,
			Visitor: a.person, Question: a.question, Form: a.form, Asked: d.now,
		},
		d: d, home: g, queue: g, visitor: a.visitor.JID, side: a.side,
	}
	c.make()
	d.convs[c.ID], d.visitor[bare] = c, c
	return c
}

func (c *conversation) make() {
	c.offers, c.refusals = map[*agent]*offer{}, map[*agent]*turnedAway{}
	c.watchers, c.out = map[string]bool{}, map[string]bool{}
}

// openFor tells whether the workgroup would take a request now: nil or *closedError. Where every agent is at his capacity
// it would; what agents are doesn't count while it can't be known.
func (d *Desk) openFor(g *group) error {
	if g.Hours != nil {
		if open, changes := g.Hours.open(d.now); !open {
			return &closedError{reason: "hours", opens: changes}
		}
	}
	if g.QueueLimit > 0 && len(g.waiting) >= g.QueueLimit {
		return &closedError{reason: "full"}
	}
	if d.lost && d.unsure() { // a loss alone changes no agent's state; after a start they are unknown until they answer
		return nil
	}
	reason := "no-agents"
	for _, m := range g.serving {
		switch s, _ := m.standing(g); s {
		case ready, busy, reserve, unknown:
			return nil
		case paused:
			reason = "paused"
		}
	}
	return &closedError{reason: reason}
}

// overflow is the workgroup that takes what this one can't, or nil.
func (g *group) overflow() *group {
	if g.Overflow == "" {
		return nil
	}
	for _, o := range g.d.order {
		if o.Name == g.Overflow && o.Site == g.Site && o != g {
			return o
		}
	}
	return nil
}

// byNumber finds an open conversation by its short number, as a member of this group sees it: those asked for here come
// first, then those that have come here from elsewhere.
func (g *group) byNumber(n int) *conversation {
	var foreign *conversation
	for _, c := range g.d.open() {
		switch {
		case c.Number != n || c.State == Offline:
		case c.home == g:
			return c
		case c.queue == g:
			foreign = c
		}
	}
	return foreign
}

// enqueue puts it into its workgroup's queue.
func (c *conversation) enqueue() {
	g := c.queue
	c.become(Queued)
	if c.since.IsZero() {
		c.since = c.d.now
	}
	at, _ := slices.BinarySearchFunc(g.waiting, c, before)
	g.waiting = slices.Insert(g.waiting, at, c)
	if g.Timers.Queue > 0 {
		c.armAt(waitOver, c.since.Add(g.Timers.Queue))
	}
	g.renumber(at)
	g.stir()
}

// before orders a queue: those who had somebody already come first, then who has asked first.
func before(a, b *conversation) int {
	switch {
	case a.ahead && !b.ahead:
		return -1
	case b.ahead && !a.ahead:
		return 1
	}
	number := 0
	if a.home == b.home {
		number = cmp.Compare(a.Number, b.Number)
	}
	return cmp.Or(a.Asked.Compare(b.Asked), number, cmp.Compare(a.ID, b.ID))
}

func (g *group) remove(c *conversation) {
	if i := slices.Index(g.waiting, c); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
		g.renumber(i)
	}
	g.touched = true
}

// renumber tells those from this place on that theirs is another now.
func (g *group) renumber(from int) {
	for i := from; i < len(g.waiting); i++ {
		c := g.waiting[i]
		if c.index != i {
			c.index = i
			c.moved()
		}
	}
}

// moved has the visitor told, without anything being kept.
func (c *conversation) moved() {
	if !c.untold {
		c.untold = true
		c.d.untold = append(c.d.untold, c)
	}
}

// place is the visitor's place in the queue (0 while an offer is out, 1: the first who waits) and the estimated wait.
func (c *conversation) place() (position int, wait time.Duration) {
	if c.State != Queued {
		return 0, 0
	}
	return c.index + 1, c.queue.estimate(c.index + 1)
}

// places keeps the pulse: as long as anybody waits, all are told their places again and again.
func (g *group) places() {
	if len(g.waiting) == 0 {
		g.d.stop(g.pulse)
		g.pulse = nil
		return
	}
	if g.pulse == nil {
		g.pulse = g.d.at(g.d.now.Add(statusEvery), func() {
			g.pulse = nil
			g.touched = true
			for _, c := range g.waiting {
				c.moved()
			}
		})
	}
}

// learn notes how long one place in the queue took: the running mean of the waits. Who was served at once didn't wait.
func (g *group) learn(wait time.Duration) {
	if wait < time.Second {
		return
	}
	if g.pace == 0 {
		g.pace = wait
	} else {
		g.pace += (wait - g.pace) / 8
	}
	g.keep()
}

// stir has the queue looked through at the end of the input.
func (g *group) stir() { g.stirred, g.touched = true, true }

// changed is called whenever an agent's standing may have changed: core looks at offers, chats and queues.
func (d *Desk) changed(a *agent) {
	free := false
	for _, m := range a.members {
		m.group.stir()
		if s, _ := m.standing(m.group); s == ready && m.serves {
			free = true
		}
	}
	if free && d.linkUp {
		d.deliverOffline(a)
	}
	if o := a.offer; o != nil && (a.paused || !a.unknown && !a.serves(o.group)) {
		o.conv.advance(happening{event: unwanted, agent: a, why: "revoked"})
	}
	for _, c := range d.chatsOf(a) {
		switch {
		case len(a.resources) > 0 && !a.unknown:
			c.cameBack(a)
		case !a.present() && !c.inside(a.jid) && !d.unsure(): // his client is gone, from the room too
			c.advance(happening{event: agentGone, agent: a})
		}
	}
}

// serves tells whether an agent is there for offers at all, busy or not.
func (a *agent) serves(g *group) bool {
	show, any := a.shows()
	return any && show != "xa" && show != "dnd" && (show != "away" || g.Reserve)
}

// chatsOf are an agent's chats in the order of their beginning.
func (d *Desk) chatsOf(a *agent) []*conversation {
	all := make([]*conversation, 0, len(a.chats))
	for c := range a.chats {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *conversation) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// serve gives those who wait to those who are free, strictly in order: who is further behind gets only what nobody
// before him can have.
func (g *group) serve() {
	g.stirred = false
	all, able := g.candidates()
	if !able {
		return
	}
	for _, c := range append(slices.Clone(g.passing), g.waiting...) {
		switch {
		case c.returning && g.d.now.Sub(g.d.upSince) < returnTime:
			return // after a crash nobody overtakes those who are still on their way back
		case c.State == Queued && c.visitor != "":
		case c.State == Active && c.pass != nil && c.pass.taker == nil && len(c.offers) == 0:
		default:
			continue // his stream is gone: he keeps his place, and nobody is called for him
		}
		c.mark(all)
		picked, reason := match(c.request(), all, g.rules(), g.d.any)
		if len(picked) == 0 {
			continue
		}
		g.d.cfg.Log.Info("matched", "site", c.Site, "workgroup", g.Name, "conversation", c.ID, "agents", picked, "reason", reason)
		agents := make([]*agent, len(picked))
		for i, jid := range picked {
			agents[i] = g.d.agents[jid]
		}
		c.advance(happening{event: found, agents: agents})
		if all, able = g.candidates(); !able {
			return
		}
	}
}

// candidates are the agents of a workgroup as match sees them; able tells whether any of them could take anything.
func (g *group) candidates() (all []candidate, able bool) {
	all = make([]candidate, 0, len(g.serving))
	for _, m := range g.serving {
		s, keen := m.standing(g)
		able = able || s == ready || s == reserve
		all = append(all, candidate{
			jid: m.jid, standing: s, keen: keen, chats: len(m.chats), capacity: m.capacity(),
			idleSince: m.idleSince, lastTaken: m.lastTaken, skills: m.cfg.Skills, languages: m.cfg.Languages,
		})
	}
	return all, able
}

// mark notes who has turned this one away.
func (c *conversation) mark(all []candidate) {
	for i := range all {
		a := c.d.agents[all[i].jid]
		no := c.refusals[a]
		all[i].declined = no != nil && c.d.now.Before(no.until) || a == c.agent
	}
}

func (g *group) rules() rules {
	return rules{strategy: g.Strategy, byLanguage: g.ByLanguage, bySkills: g.BySkills, sticky: g.Sticky, away: g.Reserve}
}

// request is what match looks at.
func (c *conversation) request() request {
	before, _ := c.d.past.of(c.Site, &c.Visitor)
	r := request{language: c.Visitor.Language, sticky: before.Agent}
	if s := c.Form["skill"]; s != "" {
		r.skills = append(r.skills, s)
	}
	r.skills = append(r.skills, c.Visitor.Groups...)
	switch {
	case c.pass != nil && c.pass.to != nil:
		r.only = c.pass.to.jid
	case c.only != nil:
		r.only = c.only.jid
	}
	return r
}
