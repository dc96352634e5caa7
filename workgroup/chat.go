package workgroup

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// How visitor and agent get into one room, talk, are lost and found again, and part.

const (
	roomTries   = 3                // after the first
	invitations = 2                // to a visitor who is there and doesn't come
	leaveGrace  = 5 * time.Second  // a visitor's leave and his stream's end may come in either order
	tellLost    = 15 * time.Second // then the agent is told that a visitor's stream is gone
	keptLines   = 200              // of what was said, for the next agent
)

// connect gives it to an agent: the room is made, the visitor goes in, then the agent.
func (c *conversation) connect(a *agent) {
	c.become(Connecting)
	c.agent, c.only = a, nil
	c.Agents = append(c.Agents, a.jid)
	if c.Accepted.IsZero() {
		c.Accepted = c.d.now
	}
	c.replied, c.nudged, c.deserted = false, false, false
	a.took(c)
	if c.visitor == "" && c.clocks[visitorLost] == nil {
		c.graceInChat(happening{})
	}
	c.build()
}

// build goes on with the room as far as it is.
func (c *conversation) build() {
	switch {
	case !c.d.linkUp: // linkUp goes on
	case c.room != nil && c.built:
		c.proceed()
	case c.room != nil: // under way
	default:
		c.room = c.d.newRoom(c)
		c.Room, c.owner = c.room.jid, c.room.owner
		c.d.owner[c.owner] = c
		c.touch()
	}
}

// proceed takes the next step towards visitor and agent being in the room.
func (c *conversation) proceed() {
	if c.State != Connecting || !c.built {
		return
	}
	switch {
	case c.visitor == "": // he may come back: visitorLost runs
	case c.stale || !c.inside(c.Visitor.JID):
		c.inviteVisitor()
	case c.inside(c.agent.jid):
		c.activate()
	default:
		c.called = c.d.now
		c.room.admit(c.agent.jid, agentRole, c.queue.with(c.agent, c.home))
		c.arm(agentLate, c.queue.Timers.Join)
	}
}

// inviteVisitor opens the room to him and asks him in.
func (c *conversation) inviteVisitor() {
	c.stale = false
	c.invited++
	c.d.effect(Effect{Kind: OpenRoom, Visitor: c.Visitor.JID, Room: c.Room, Nick: c.visitorNick()})
	c.room.admit(c.Visitor.JID, visitorRole, c.home)
	c.arm(visitorLate, c.queue.Timers.VisitorJoin)
	c.moved()
	if c.call != "" && c.State == Connecting {
		// docs/interface.md B.3: an agent calls a visitor
		c.d.send(el("message", "", "from", c.home.jid, "to", c.visitor, "type", "chat", "id", newID()).with(
			el("body", "").said(c.call),
			el("call", nsDesk, "conversation", c.ID).said(c.call)))
	}
}

// inviteOnceMore: he was invited and hasn't come.
func (c *conversation) inviteOnceMore(happening) {
	switch {
	case c.visitor == "" || !c.built: // other clocks run
	case c.invited < invitations:
		c.inviteVisitor()
	case c.State == Connecting:
		c.finish(ReasonLost)
	case c.State == Active || c.State == AgentLost:
		c.wrapUp(ReasonLost)
	}
}

// roomStands: the room is built, or found again.
func (c *conversation) roomStands(happening) {
	c.built, c.unseen = true, time.Time{}
	for _, jid := range slices.Sorted(maps.Keys(c.was)) { // who went while nobody looked
		c.keepLine(Event{Kind: KindLeave, From: jid, Nick: c.was[jid], Role: c.standsAs(jid)})
	}
	c.was = nil
	for _, jid := range sorted(c.out) {
		c.room.expel(jid)
	}
	clear(c.out)
	for _, jid := range sorted(c.watchers) {
		if !c.inside(jid) {
			c.room.admit(jid, supervisorRole, c.queue.with(c.d.agents[jid], c.home))
		}
	}
	if c.State == Connecting {
		c.proceed()
		return
	}
	if c.visitor != "" && c.State != Wrapup && (c.stale || !c.inside(c.Visitor.JID)) {
		c.inviteVisitor()
	}
	if c.State == Offered {
		c.inviteOffered()
	}
	if c.agent == nil {
		return
	}
	switch here := c.inside(c.agent.jid); {
	case here:
		c.advance(happening{event: agentIn, agent: c.agent})
	case c.State == Active:
		c.advance(happening{event: agentLeft, agent: c.agent, how: vanished})
	}
}

// dropRoom forgets a room that isn't there any more.
func (c *conversation) dropRoom() {
	if c.Room == "" {
		return
	}
	if !c.unseen.IsZero() {
		c.gap(c.unseen, c.d.now)
	}
	c.d.effect(Effect{Kind: CloseRoom, Visitor: c.Visitor.JID, Room: c.Room})
	delete(c.d.owner, c.owner)
	c.room, c.Room, c.owner, c.built, c.stale, c.invited, c.was = nil, "", "", false, false, 0, nil
	clear(c.out)
}

// roomless: while nobody has it, it needs no room.
func (c *conversation) roomless(happening) { c.dropRoom() }

// roomRetry: the room couldn't be built; it is tried again after 1, 2 and 4 s.
func (c *conversation) roomRetry(happening) {
	c.dropRoom()
	if c.tries++; c.tries > roomTries {
		c.tell(c.agent, c.tag()+" no room could be made. The visitor is told that he may leave a message.")
		c.finish(ReasonFailed)
		return
	}
	c.arm(roomAgain, time.Second<<(c.tries-1))
}

func (c *conversation) buildAgain(happening) { c.build() }

// roomRebuilt: the room is gone from under a chat: a new one with the same people.
func (c *conversation) roomRebuilt(h happening) {
	c.endPass()
	c.dropRoom()
	if c.State != Connecting {
		c.become(Connecting)
	}
	c.disarm(visitorLate)
	c.disarm(agentLate)
	if c.tries++; c.tries > roomTries {
		c.roomRetry(h)
		return
	}
	c.build()
}

// lookAgain: the link is back. The edge has told the visitor that he is out of the room; whether it is still there is to be seen.
func (c *conversation) lookAgain(happening) {
	switch {
	case c.room != nil:
		c.stale = strings.HasSuffix(c.Visitor.JID, "@"+c.d.cfg.Domain) // those of other links are where they were
		c.room.again()
	case c.State == Connecting:
		c.build()
	}
}

// outOfSight: from now on it isn't known what is said in the room. When it is found again that comes to light; if it
// isn't, the transcript has a gap.
func (c *conversation) outOfSight(happening) {
	if c.built && c.unseen.IsZero() {
		c.unseen = c.d.now
	}
}

// visitorArrived: he is in the room.
func (c *conversation) visitorArrived(happening) {
	c.invited = 0
	c.disarm(visitorLate)
	c.disarm(visitorOut)
	c.proceed()
}

// visitorWent: he is out of the room. If his stream goes too he may come back; if not he has had enough.
func (c *conversation) visitorWent(h happening) {
	switch {
	case h.how == expelled || c.visitor == "":
	case h.how == byHimself:
		c.arm(visitorOut, leaveGrace)
	case c.built:
		c.inviteVisitor()
	}
}

func (c *conversation) graceWaiting(happening) { c.grace(c.queue.Timers.Net) }

// graceInChat: his stream is gone from a chat. The agent is told, if it doesn't come back at once.
func (c *conversation) graceInChat(happening) {
	c.grace(c.queue.Timers.VisitorLost)
	lost := c.clocks[visitorLost]
	c.d.at(c.d.now.Add(tellLost), func() {
		if lost != nil && c.clocks[visitorLost] == lost && c.State == Active {
			c.queue.tell(c.agent, c.tag()+" the visitor's connection is lost. He may come back.")
		}
	})
}

func (c *conversation) grace(length time.Duration) {
	c.disarm(visitorOut)
	c.disarm(visitorLate)
	c.arm(visitorLost, length)
}

// waitsAgain and visitorReturns: his stream is back. He is told where he is, and asked into the room if there is one.
func (c *conversation) waitsAgain(h happening) {
	c.visitorReturns(h)
	c.queue.stir()
}

func (c *conversation) visitorReturns(happening) {
	c.disarm(visitorLost)
	c.disarm(visitorOut)
	c.invited = 0
	c.moved()
	if c.built {
		c.inviteVisitor()
	}
}

// agentArrived: an agent is in the room: the one who has it, or the one who takes it over.
func (c *conversation) agentArrived(h happening) {
	switch {
	case c.pass != nil && c.pass.taker == h.agent:
		c.handOver()
	case c.agent != h.agent:
	case c.State == AgentLost:
		c.deserted = false
		c.become(Active)
		c.announce("agent_back", h.agent.name)
		c.words()
	case c.State == Connecting:
		c.proceed()
	}
}

// activate: both are there.
func (c *conversation) activate() {
	c.become(Active)
	c.disarm(agentLate)
	c.missed, c.tries = 0, 0
	if c.met || c.side.Added {
		c.brief(c.agent)
	}
	if !c.met {
		c.met = true
		wait := c.d.now.Sub(c.Asked)
		c.d.observe(Observation{Kind: "wait", Site: c.Site, Workgroup: c.Workgroup, Seconds: wait.Seconds()})
		if c.call == "" {
			c.home.learn(wait / time.Duration(max(c.depth, 1)))
		}
	}
	if !c.replied {
		c.arm(agentSilent, c.queue.Timers.First)
	}
	if c.queue.Timers.Max > 0 {
		c.armAt(tooLong, c.Accepted.Add(c.queue.Timers.Max))
	}
	c.words()
}

// brief gives an agent what was said before he came.
func (c *conversation) brief(a *agent) {
	var said []Event
	for _, e := range c.lines {
		if e.Body != "" && (e.Kind == KindMessage || e.Kind == KindNotice || e.Kind == KindNote) {
			said = append(said, e)
		}
	}
	if len(said) == 0 {
		return
	}
	for full, nick := range c.room.occupants() {
		if bareOf(full) == a.jid {
			c.room.history(nick, said)
			return
		}
	}
}

// agentMissing: he took it and doesn't come. Somebody else gets it, before all who wait.
func (c *conversation) agentMissing(h happening) {
	a := c.agent
	if h.agent != nil && h.agent != a {
		return
	}
	c.turnAway(a)
	c.dropAgent()
	if h.event == agentLate {
		a.lapsed(c.queue)
		c.tell(a, c.tag()+" you did not come into the room. Somebody else is asked.")
	}
	if c.missed++; c.missed >= maxMissed {
		c.finish(ReasonNoAgents)
		return
	}
	c.headOfQueue()
}

// headOfQueue puts it before all who only asked.
func (c *conversation) headOfQueue() {
	c.ahead, c.since = true, time.Time{}
	c.enqueue()
}

// dropAgent takes it from its agent.
func (c *conversation) dropAgent() {
	a := c.agent
	c.agent = nil
	a.freed(c)
	c.putOut(a.jid)
}

// putOut takes somebody's membership, at once or when the room is found again.
func (c *conversation) putOut(jid string) {
	switch {
	case c.room != nil && c.built:
		c.room.expel(jid)
	case c.Room != "":
		c.out[jid] = true
	}
}

// agentWent: the agent is out of the room. He may come back for a while, whether he left by himself or was cut off.
func (c *conversation) agentWent(h happening) {
	if h.agent != c.agent || h.how == expelled {
		return
	}
	c.endPass()
	// A client that was killed leaves the room like one that goes; what tells them apart is that the account has no client left.
	c.deserted = h.how == byHimself && h.agent.present()
	c.reinvite = !c.deserted
	c.become(AgentLost)
	c.arm(agentOut, c.queue.Timers.AgentLost)
	if !c.deserted {
		c.announce("agent_lost", h.agent.name)
	}
}

// agentVanished: he was out of the room already, and now has no client any more.
func (c *conversation) agentVanished(h happening) {
	if h.agent == c.agent && c.deserted {
		c.deserted, c.reinvite = false, true
		c.announce("agent_lost", h.agent.name)
	}
}

// agentMissed: he hasn't come back. Who left by himself has ended the chat; who was cut off is replaced, in the same room.
func (c *conversation) agentMissed(happening) {
	if c.deserted && c.agent.present() {
		c.wrapUp(ReasonAgentLeft)
		return
	}
	c.dropAgent()
	c.headOfQueue()
}

// agentDumb: he is there and says nothing. He is asked once, then somebody else is.
func (c *conversation) agentDumb(happening) {
	a := c.agent
	if !c.nudged {
		c.nudged = true
		c.tell(a, c.tag()+" are you there? The visitor waits for your answer in the room.")
		c.arm(agentSilent, c.queue.Timers.First)
		return
	}
	c.endPass()
	c.turnAway(a)
	c.dropAgent()
	a.lapsed(c.queue)
	c.tell(a, c.tag()+" you did not answer. Somebody else is asked.")
	c.headOfQueue()
}

// announce says in the room what has become of the chat. A visitor with a plain client is told in words by the workgroup.
func (c *conversation) announce(key, name string) {
	if c.built && !c.side.Plain {
		c.notice(c.home.text(key, c.Visitor.Language, name))
	}
}

func (c *conversation) wordOfVisitor(happening) { c.words() }

func (c *conversation) wordOfAgent(h happening) {
	if h.agent == c.agent {
		c.replied = true
		c.disarm(agentSilent)
	}
	c.words()
}

// words: something was said, the idle clocks start again.
func (c *conversation) words() {
	if c.State == Active {
		c.arm(idleSoon, c.queue.Timers.IdleWarn)
		c.arm(idle, c.queue.Timers.IdleClose)
	}
}

func (c *conversation) warnIdle(happening) {
	c.notice(c.home.text("idle_warn", c.Visitor.Language))
}

// The ways to the end.

func (c *conversation) givesUp(h happening) {
	reason := ReasonVisitor
	if h.event == turnedDown && c.call != "" {
		reason = ReasonDeclined
	}
	if c.agent != nil {
		c.tell(c.agent, c.tag()+" the visitor has left.")
	}
	c.finish(reason)
}

func (c *conversation) gaveOut(happening) {
	if c.agent != nil {
		c.tell(c.agent, c.tag()+" the visitor's connection is lost.")
	}
	c.finish(ReasonLost)
}

// waitedOut: nobody took it in time. It goes to the workgroup for such cases once, else it is over.
func (c *conversation) waitedOut(happening) {
	g := c.queue
	if c.d.unsure() {
		c.arm(waitOver, unsureTime)
		return
	}
	c.tried = append(c.tried, g.jid)
	if o := g.overflow(); o != nil && !slices.Contains(c.tried, o.jid) && c.d.openFor(o) == nil {
		g.remove(c)
		c.queue, c.since = o, time.Time{}
		c.keepLine(Event{Kind: KindTransfer, Role: RoleService, Body: o.Name})
		c.enqueue()
		return
	}
	for _, m := range g.serving {
		if s, _ := m.standing(g); s == ready || s == busy || s == reserve {
			c.finish(ReasonTimeout)
			return
		}
	}
	c.finish(ReasonNoAgents)
}

func (c *conversation) closed(happening)        { c.finish(ReasonAgent) }
func (c *conversation) chatClosed(happening)    { c.wrapUp(ReasonAgent) }
func (c *conversation) chatEnded(happening)     { c.wrapUp(ReasonVisitor) }
func (c *conversation) gaveOutInChat(happening) { c.wrapUp(ReasonLost) }
func (c *conversation) idledOut(happening)      { c.wrapUp(ReasonIdle) }
func (c *conversation) outOfTime(happening)     { c.wrapUp(ReasonMax) }
func (c *conversation) wrapsUp(happening)       { c.finish(c.Reason) }

// wrapUp ends the chat: the agent is free, the visitor has timers.wrap for a last word.
func (c *conversation) wrapUp(reason Reason) {
	name := ""
	if a := c.agent; a != nil {
		name = a.name
		c.endPass()
		c.agent = nil
		a.freed(c)
	}
	c.Reason = reason
	c.become(Wrapup)
	c.announce("closed_"+strings.ReplaceAll(string(reason), "-", "_"), name)
	if c.home.Timers.Wrap <= 0 {
		c.finish(reason)
		return
	}
	c.arm(wrapped, c.home.Timers.Wrap)
}

// finish closes it for good. The row is kept before anybody is told: effects follow their batch.
func (c *conversation) finish(reason Reason) {
	how := "visitor left"
	if reason != ReasonVisitor && reason != ReasonLost {
		how = "closed"
	}
	c.revoke(how, "revoked", nil)
	c.endPass()
	if a := c.agent; a != nil {
		c.agent = nil
		a.freed(c)
	}
	c.become(Closed)
	c.Reason, c.Closed = reason, c.d.now
	if r := c.room; r != nil {
		if r.phase == phaseReturn && c.unseen.IsZero() {
			c.unseen = c.lastLine() // the owner was on its way back in
		}
		r.close(string(reason)) // while the link is down the room waits for it
	}
	c.dropRoom()
	delete(c.d.convs, c.ID)
	if c.d.visitor[c.Visitor.JID] == c {
		delete(c.d.visitor, c.Visitor.JID)
	}
	if c.met { // else there was no chat to come back to
		c.d.past.note(&c.Conversation)
	}
	c.d.cfg.Log.Info("closed", "site", c.Site, "workgroup", c.Workgroup, "conversation", c.ID, "reason", string(reason))
}

// closeBanned ends it at once, without a last word: its visitor is banned.
func (d *Desk) closeBanned(_ *agent, c *conversation) error {
	if c.State == Closed || c.State == Offline {
		return nil
	}
	if c.agent != nil {
		c.tell(c.agent, c.tag()+" the visitor is banned.")
	}
	c.finish(ReasonBanned)
	return nil
}

// tell says something about it to an agent, from a workgroup that he knows.
func (c *conversation) tell(a *agent, text string) { c.queue.with(a, c.home).tell(a, text) }

// tag is how an agent is told which one is meant.
func (c *conversation) tag() string { return "[#" + strconv.Itoa(c.Number) + "]" }
