package workgroup

import (
	"cmp"
	"slices"
	"time"
)

// How a conversation is offered, taken and turned away.

// makeOffers: match has picked agents, for the queue or for a transfer.
func (c *conversation) makeOffers(h happening) {
	if c.State == Queued {
		c.become(Offered)
	}
	g := c.queue
	if c.pass != nil && c.pass.group != nil {
		g = c.pass.group
	}
	for _, a := range h.agents {
		from := g
		if m := g.members[a.jid]; m == nil || !m.serves {
			from = a.servesIn(c.Site)
		}
		o := &offer{conv: c, agent: a, group: from, until: c.d.now.Add(from.OfferTime)}
		c.offers[a], a.offer = o, o
		o.offered()
		for _, m := range a.members {
			m.group.touched = true
		}
	}
	c.arm(offerOver, g.OfferTime)
	if g.WithOffer && c.State == Offered {
		c.build()
		if c.built {
			c.inviteOffered()
		}
	}
}

// offerTo: a supervisor has chosen who is to get it.
func (c *conversation) offerTo(h happening) {
	c.revoke("given to "+h.agent.name, "revoked", nil)
	if c.State == AgentLost {
		c.dropAgent()
		c.ahead, c.since = true, time.Time{}
	}
	if c.State != Queued {
		c.enqueue()
	}
	c.only = h.agent
	delete(c.refusals, h.agent)
	c.advance(happening{event: found, agents: []*agent{h.agent}})
}

// inviteOffered lets those into the room who are asked, where they may answer by talking (invite: with-offer). More than
// one are let in past the room's limit.
func (c *conversation) inviteOffered() {
	if !c.queue.WithOffer {
		return
	}
	as := agentRole
	for _, o := range c.openOffers() {
		c.room.admit(o.agent.jid, as, o.group)
		as = supervisorRole
	}
}

// openOffers are those that are out, in the order of the agents' addresses.
func (c *conversation) openOffers() []*offer {
	all := make([]*offer, 0, len(c.offers))
	for _, o := range c.offers {
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b *offer) int { return cmp.Compare(a.agent.jid, b.agent.jid) })
	return all
}

// drop ends one offer. how is what the agent is told, label what is counted.
func (c *conversation) drop(o *offer, how, label string) {
	delete(c.offers, o.agent)
	o.agent.offer = nil
	o.ended(how)
	c.d.observe(Observation{Kind: "offer", Site: c.Site, Workgroup: o.group.Name, Label: label})
	c.d.cfg.Log.Info("offer over", "site", c.Site, "workgroup", o.group.Name, "conversation", c.ID, "agent", o.agent.jid, "how", label)
	if c.room != nil && c.State == Offered && label != "accepted" {
		c.room.expel(o.agent.jid)
	}
	for _, m := range o.agent.members {
		m.group.stir()
	}
}

// revoke ends all offers but one agent's.
func (c *conversation) revoke(how, label string, but *agent) {
	for _, o := range c.openOffers() {
		if o.agent != but {
			c.drop(o, how, label)
		}
	}
	if len(c.offers) == 0 {
		c.disarm(offerOver)
	}
}

// taken: the first who accepts has it, the others are told who that was.
func (c *conversation) taken(h happening) {
	o := c.offers[h.agent]
	if o == nil {
		return
	}
	c.revoke("taken by "+h.agent.name, "taken", h.agent)
	c.drop(o, "accepted", "accepted")
	c.connect(h.agent)
}

// takenInRoom: the first word or typing of one who is asked, in the room that he was invited to with the offer. Having come in is no
// answer: some clients do that by themselves.
func (c *conversation) takenInRoom(h happening) {
	o := c.offers[h.agent]
	if o == nil || !o.group.WithOffer {
		return
	}
	c.taken(happening{event: accepted, agent: h.agent})
	c.advance(happening{event: h.event, agent: h.agent})
}

// refused: one won't have it, or can't any more.
func (c *conversation) refused(h happening) {
	o := c.offers[h.agent]
	if o == nil {
		return
	}
	if h.why == "declined" {
		c.turnAway(h.agent)
	}
	c.drop(o, h.why, h.why)
	if len(c.offers) == 0 {
		c.unanswered()
	}
}

// lapse: the time for an answer is over. Where the link was away meanwhile nobody is to blame.
func (c *conversation) lapse(happening) {
	for _, o := range c.openOffers() {
		if !c.d.linkUp || c.d.upSince.Add(o.group.OfferTime).After(c.d.now) {
			c.drop(o, "withdrawn", "revoked")
			continue
		}
		c.turnAway(o.agent)
		c.drop(o, "lapsed", "lapsed")
		o.agent.lapsed(o.group)
	}
	c.unanswered()
}

// withdraw: the link is back, and nobody knows who has seen the offer.
func (c *conversation) withdraw(h happening) {
	c.revoke("withdrawn", "revoked", nil)
	c.only = nil // if he is still to have it, he is asked again like everybody
	c.enqueue()
	c.lookAgain(h)
}

// unanswered: nobody is asked any more. In the queue it stands where it stood; a transfer to one agent has failed.
func (c *conversation) unanswered() {
	c.disarm(offerOver)
	c.only = nil
	switch {
	case c.State == Offered:
		c.enqueue()
	case c.pass != nil && c.pass.group == nil:
		c.passFailed(happening{event: offerOver})
	case c.pass != nil:
		c.pass.group.stir()
	}
}

// turnAway remembers an agent's no: at first for timers.cool, then for longer each time.
func (c *conversation) turnAway(a *agent) {
	no := c.refusals[a]
	if no == nil {
		no = &turnedAway{}
		c.refusals[a] = no
	}
	length := c.queue.Timers.Cool * time.Duration(min(1<<min(no.times, 8), maxTurnAways))
	no.times++
	no.until = c.d.now.Add(length)
	if length > 0 {
		c.d.at(no.until, func() { c.queue.stir() })
	}
}

// passOn: the conversation is to go to somebody else. The old agent stays until the new one is there.
func (c *conversation) passOn(h happening) {
	c.pass = &passing{by: h.by, to: h.agent, group: h.group}
	c.notice(c.home.text("transferring", c.Visitor.Language))
	if h.group == nil {
		c.makeOffers(happening{agents: []*agent{h.agent}})
		return
	}
	h.group.passing = append(h.group.passing, c)
	h.group.stir()
	c.arm(waitOver, h.group.Timers.Queue)
}

// takenOn: somebody takes the transfer, and is on his way into the room, past its limit as long as the old agent is in it.
func (c *conversation) takenOn(h happening) {
	o := c.offers[h.agent]
	if o == nil || c.pass == nil {
		return
	}
	c.revoke("taken by "+h.agent.name, "taken", h.agent)
	c.drop(o, "accepted", "accepted")
	c.comes(h.agent, o.group)
}

// comes lets the next agent in beside the present one.
func (c *conversation) comes(a *agent, from *group) {
	if c.pass.group != nil {
		c.pass.group.passes(c)
	}
	c.pass.taker = a
	c.pass.group = from
	c.disarm(waitOver)
	a.took(c)
	if c.inside(a.jid) {
		c.handOver()
		return
	}
	if c.built {
		c.room.admit(a.jid, supervisorRole, from)
	}
	c.arm(agentLate, c.queue.Timers.Join)
}

// passes takes a conversation from those that are to be passed on to this workgroup.
func (g *group) passes(c *conversation) {
	g.passing = slices.DeleteFunc(g.passing, func(o *conversation) bool { return o == c })
}

// passFailed: nobody took the transfer, or who took it didn't come. The old agent goes on.
func (c *conversation) passFailed(h happening) {
	p := c.pass
	if p == nil || h.event == agentGone && h.agent != p.taker || h.event == agentLate && p.taker == nil {
		return
	}
	c.endPass()
	if h.event == agentLate {
		p.taker.lapsed(c.queue)
	}
	c.tell(p.by, c.tag()+" nobody has taken it over. It stays with "+c.agent.name+".")
}

// endPass forgets a transfer.
func (c *conversation) endPass() {
	p := c.pass
	if p == nil {
		return
	}
	c.pass = nil
	c.revoke("withdrawn", "revoked", nil)
	c.disarm(waitOver)
	c.disarm(agentLate)
	if p.group != nil {
		p.group.passes(c)
	}
	if p.taker != nil {
		p.taker.freed(c)
		c.putOut(p.taker.jid)
	}
}

// handOver: the new agent is in the room; the old one goes.
func (c *conversation) handOver() {
	p, old := c.pass, c.agent
	c.pass = nil
	c.disarm(agentLate)
	if c.queue != p.group {
		c.queue.touched = true
		c.queue = p.group
	}
	delete(c.watchers, p.taker.jid)
	c.agent = p.taker
	c.Agents = append(c.Agents, p.taker.jid)
	c.keepLine(Event{Kind: KindTransfer, From: old.jid, Nick: old.name, Role: RoleAgent, Body: p.taker.name})
	old.freed(c)
	c.putOut(old.jid)
	c.tell(old, c.tag()+" "+p.taker.name+" has it now.")
	c.notice(c.home.text("transferred", c.Visitor.Language, p.taker.name))
	c.brief(p.taker)
	c.replied, c.nudged = false, false
	c.arm(agentSilent, c.queue.Timers.First)
	c.moved()
}
