package workgroup

import (
	"slices"
	"time"
)

// The verbs. Each does one thing for one person, whichever way it was said (text, form, XEP-0142), and returns a
// refusal if it can't be. `by` is the agent or supervisor who says it; that he may is checked here.

const (
	errNotHis      refusal = "that is not your chat"
	errSupervisors refusal = "that is for supervisors of this workgroup"
	errOver        refusal = "that is over"
	errNoChat      refusal = "that can be done with a running chat only"
	errPassing     refusal = "it is being passed on already"
	errNobody      refusal = "nobody there could take it"
	errHeHasIt     refusal = "he has it already"
	errNotServing  refusal = "he does not serve this site"
	errNotFree     refusal = "he can not take one now"
	errFull        refusal = "you have as many chats as you take"
	errOtherSite   refusal = "that workgroup is another site's"
	errRoomless    refusal = "there is no room yet"
	errInside      refusal = "you are in it already"
	errNotInside   refusal = "you were not let in"
	errNoVisitor   refusal = "that visitor is not here any more"
	errCalled      refusal = "that visitor was called a short while ago"
	errVisitorBusy refusal = "that visitor has a chat or waits for one"
	errNoLink      refusal = "the server can not be reached now"
)

// callAgain is how long a visitor who was called isn't called again.
const callAgain = 10 * time.Minute

// depart takes a visitor out of the queue, or ends his chat: errNotQueued.
func (d *Desk) depart(c *conversation) error {
	if c.State == Closed || c.State == Offline {
		return errNotQueued
	}
	c.advance(happening{event: departed})
	return nil
}

// accept gives a conversation that is offered to the agent to him. Of two the first has it.
func (d *Desk) accept(by *agent, c *conversation) error {
	if c.offers[by] == nil {
		switch {
		case c.agent == by:
			return refusal("it is yours already")
		case c.agent != nil:
			return refusal("already taken by " + c.agent.name)
		}
		return errNoOffer
	}
	c.advance(happening{event: accepted, agent: by})
	return nil
}

// decline turns an offer down.
func (d *Desk) decline(by *agent, c *conversation, reason string) error {
	if c.offers[by] == nil {
		return errNoOffer
	}
	if reason != "" {
		c.keepLine(Event{Kind: KindNote, From: by.jid, Nick: by.name, Role: RoleAgent, Body: "declined: " + reason})
	}
	c.advance(happening{event: unwanted, agent: by, why: "declined"})
	return nil
}

// close ends a conversation. Its agent and any supervisor of its workgroup may.
func (d *Desk) close(by *agent, c *conversation, reason string) error {
	if c.agent != by && !by.over(c) && !(c.State == Wrapup && c.lastBy(by)) {
		return errNotHis
	}
	if c.State == Closed {
		return errOver
	}
	if reason != "" {
		c.keepLine(Event{Kind: KindNote, From: by.jid, Nick: by.name, Role: c.standsAs(by.jid), Body: "closed: " + reason})
	}
	c.advance(happening{event: closedBy, agent: by})
	return nil
}

// over tells whether somebody supervises a conversation: where it was asked for, or where it is now.
func (a *agent) over(c *conversation) bool {
	for _, g := range []*group{c.queue, c.home} {
		if m := g.members[a.jid]; m != nil && m.supervisor {
			return true
		}
	}
	return false
}

func (c *conversation) lastBy(a *agent) bool {
	return len(c.Agents) > 0 && c.Agents[len(c.Agents)-1] == a.jid
}

// servesIn is the first workgroup of a site where somebody serves, or nil.
func (a *agent) servesIn(site string) *group {
	for _, m := range a.members {
		if m.serves && m.group.Site == site {
			return m.group
		}
	}
	return nil
}

// takesNow tells whether an offer may go to an agent now.
func (a *agent) takesNow(g *group) bool {
	s, _ := a.standing(g)
	return s == ready || s == reserve
}

// transfer offers a running conversation to one agent (to) or to a workgroup (group); the old agent stays until
// somebody has taken it. assign is the same for a waiting one, by a supervisor.
func (d *Desk) transfer(by *agent, c *conversation, to *agent, g *group) error {
	switch {
	case c.agent != by && !by.over(c):
		return errNotHis
	case c.State != Active || !c.built:
		return errNoChat
	case c.pass != nil:
		return errPassing
	case !d.linkUp:
		return errNoLink
	case to != nil:
		return d.transferTo(by, c, to)
	case g == nil || g.Site != c.Site:
		return errOtherSite
	}
	if !slices.ContainsFunc(g.serving, func(m *member) bool {
		s, _ := m.standing(g)
		return m.agent != c.agent && (s == ready || s == busy || s == reserve)
	}) {
		return errNobody
	}
	c.advance(happening{event: passedOn, by: by, group: g})
	return nil
}

func (d *Desk) transferTo(by *agent, c *conversation, to *agent) error {
	g := to.servesIn(c.Site)
	switch {
	case to == c.agent:
		return errHeHasIt
	case g == nil:
		return errNotServing
	case !to.takesNow(g):
		return errNotFree
	}
	c.advance(happening{event: passedOn, by: by, agent: to})
	return nil
}

func (d *Desk) assign(by *agent, c *conversation, to *agent) error {
	switch {
	case !by.over(c):
		return errSupervisors
	case c.agent == to && c.State != Closed:
		return errHeHasIt
	case c.State == Active:
		return d.transfer(by, c, to, nil)
	case c.State != Queued && c.State != Offered && c.State != AgentLost:
		return errOver
	case !d.linkUp:
		return errNoLink
	case to.servesIn(c.Site) == nil:
		return errNotServing
	case c.offers[to] == nil && !to.takesNow(to.servesIn(c.Site)):
		return errNotFree
	}
	c.advance(happening{event: assigned, agent: to})
	return nil
}

// takeover makes a supervisor the conversation's agent.
func (d *Desk) takeover(by *agent, c *conversation) error {
	switch {
	case !by.over(c):
		return errSupervisors
	case c.agent == by:
		return errHeHasIt
	case c.State == Wrapup || c.State == Closed || c.State == Offline:
		return errOver
	case !d.linkUp:
		return errNoLink
	case c.pass != nil && c.pass.taker == by:
		return errPassing
	}
	c.advance(happening{event: takenOver, agent: by})
	return nil
}

// takenByForce: a supervisor makes it his own, from any state. His other chats don't count.
func (c *conversation) takenByForce(h happening) {
	c.endPass()
	c.revoke("taken by "+h.agent.name, "taken", nil)
	if c.State == Active {
		c.pass = &passing{by: h.agent, to: h.agent}
		c.comes(h.agent, c.queue.with(h.agent, c.home))
		return
	}
	if c.agent != nil {
		old := c.agent
		c.keepLine(Event{Kind: KindTransfer, From: old.jid, Nick: old.name, Role: RoleAgent, Body: h.agent.name})
		c.dropAgent()
		c.tell(old, c.tag()+" "+h.agent.name+" has it now.")
	}
	delete(c.watchers, h.agent.jid)
	c.connect(h.agent)
}

// enter lets a supervisor into the room, leave takes him out.
func (d *Desk) enter(by *agent, c *conversation) error {
	_, watching := c.watchers[by.jid]
	switch {
	case !by.over(c):
		return errSupervisors
	case c.State == Closed || c.State == Wrapup:
		return errOver
	case c.agent == by || watching && c.inside(by.jid):
		return errInside
	case c.room == nil || !c.built && c.State != Active && c.State != AgentLost: // one that is found again lets her in then
		return errRoomless
	}
	if !watching {
		c.watchers[by.jid] = false
	}
	c.touch()
	c.room.admit(by.jid, supervisorRole, c.queue.with(by, c.home))
	return nil
}

// with is the first of two workgroups that somebody is a member of: he knows its address.
func (g *group) with(a *agent, other *group) *group {
	if g.members[a.jid] == nil {
		return other
	}
	return g
}

func (d *Desk) leave(by *agent, c *conversation) error {
	if _, watching := c.watchers[by.jid]; !watching {
		return errNotInside
	}
	c.unwatch(by)
	return nil
}

// call starts a conversation with a connected visitor of one of the agent's sites.
func (d *Desk) call(by *agent, g *group, visitor string, text string) (*conversation, error) {
	m := g.members[by.jid]
	v, here := d.cfg.Edge.Visitor(visitor)
	switch {
	case m == nil:
		return nil, errNotServing
	case !here || v.Site != g.Site:
		return nil, errNoVisitor
	case d.visitor[visitor] != nil:
		return nil, errVisitorBusy
	case !d.linkUp:
		return nil, errNoLink
	case by.offer != nil || len(by.chats) >= max(by.capacity(), 1):
		return nil, errFull
	}
	if !d.past.call(g.Site, visitor) {
		return nil, errCalled
	}
	c := d.begun(g, asking{visitor: v, person: Person{Language: v.Language, Address: v.Address}})
	c.call = text
	if c.call == "" {
		c.call = g.text("call", v.Language, by.name)
	}
	c.connect(by)
	return c, nil
}
