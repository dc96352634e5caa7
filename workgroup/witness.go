package workgroup

import (
	"slices"
	"strings"
	"time"
)

// What the room tells the conversation: the transcript is written here, and nowhere else but by note and transfer.

// roomReady: the room is built as it should be, verified, and the owner is in it; or it is found again.
func (c *conversation) roomReady() { c.advance(happening{event: roomBuilt}) }

// roomFailed: it can't be built. step: enter, form, submit, verify, affiliation. The room is given up.
func (c *conversation) roomFailed(step, condition string) {
	c.advance(happening{event: roomBroken, why: step + " " + condition})
}

// roomGone: a room that was ready is no longer there (destroyed, restarted, the owner thrown out).
func (c *conversation) roomGone() { c.advance(happening{event: roomLost}) }

// entered and left: an occupant other than the owner. jid is his full JID; how tells why he left.
func (c *conversation) entered(jid, nick string) {
	bare := bareOf(jid)
	a := c.d.agents[bare]
	if _, was := c.was[bare]; was { // he came in an earlier life
		delete(c.was, bare)
	} else {
		c.keepLine(Event{Kind: KindJoin, From: bare, Nick: nick, Role: c.standsAs(bare)})
	}
	switch seen, watching := c.watchers[bare]; {
	case bare == c.Visitor.JID:
		c.advance(happening{event: visitorIn})
	case a == nil:
	case watching && !seen:
		c.watchers[bare] = true
		if c.home.SupervisorNotice {
			c.notice(c.home.text("supervisor_enters", c.Visitor.Language, a.name))
		}
	default:
		c.advance(happening{event: agentIn, agent: a})
	}
}

func (c *conversation) left(jid, nick string, how leaving) {
	bare := bareOf(jid)
	a := c.d.agents[bare]
	c.keepLine(Event{Kind: KindLeave, From: bare, Nick: nick, Role: c.standsAs(bare)})
	if c.inside(bare) {
		return // with another client
	}
	_, watching := c.watchers[bare]
	switch {
	case bare == c.Visitor.JID:
		if jid != c.visitor && c.visitor != "" {
			return // of a stream that another one has followed
		}
		c.advance(happening{event: visitorLeft, how: how})
	case watching:
		c.unwatch(a)
	case a != nil:
		c.advance(happening{event: agentLeft, agent: a, how: how})
	}
}

// unwatch takes a supervisor's right to be here: his leaving ends it.
func (c *conversation) unwatch(a *agent) {
	seen := c.watchers[a.jid]
	delete(c.watchers, a.jid)
	c.putOut(a.jid)
	c.touch()
	if seen && c.built && c.home.SupervisorNotice {
		c.notice(c.home.text("supervisor_leaves", c.Visitor.Language, a.name))
	}
}

// staleWord is how old a word may be that is still an order.
const staleWord = 10 * time.Second

// heard: the room has accepted a message, told once and in order, also over a loss. jid is the sender's bare JID, "" if unknown.
func (c *conversation) heard(jid, nick, body, stanzaID string, at time.Time) {
	role := c.standsAs(jid)
	kind := KindMessage
	if role == RoleService {
		kind = KindNotice
	}
	c.keepLine(Event{Time: at, Kind: kind, From: jid, Nick: nick, Role: role, Body: body, StanzaID: stanzaID})
	if jid == c.Visitor.JID {
		c.advance(happening{event: visitorWord})
		return
	}
	a := c.d.agents[jid]
	if a == nil {
		return
	}
	if strings.HasPrefix(strings.TrimSpace(body), "!") && c.d.now.Sub(at) < staleWord && c.d.fromRoom(a, c, body) {
		return
	}
	c.advance(happening{event: agentWord, agent: a})
}

// typing: an occupant shows that he is there (a chat state).
func (c *conversation) typing(jid string) {
	if a := c.d.agents[bareOf(jid)]; a != nil {
		c.advance(happening{event: agentTyping, agent: a})
	}
}

// declined: somebody turned the room's invitation down.
func (c *conversation) declined(jid, reason string) {
	bare := bareOf(jid)
	if bare == c.Visitor.JID {
		c.advance(happening{event: turnedDown, why: reason})
	} else if a := c.d.agents[bare]; a != nil {
		if _, watching := c.watchers[bare]; watching {
			c.unwatch(a)
			return
		}
		c.advance(happening{event: agentGone, agent: a})
	}
}

// gap: what was said between the two times may be missing from the transcript.
func (c *conversation) gap(from, to time.Time) {
	c.unseen = time.Time{}
	c.keepLine(Event{Kind: KindGap, Role: RoleService,
		Body: from.UTC().Format(time.RFC3339) + " to " + to.UTC().Format(time.RFC3339)})
}

// keepLine adds a line to the transcript.
func (c *conversation) keepLine(e Event) {
	c.seq++
	e.Conversation, e.Seq = c.ID, c.seq
	if e.Time.IsZero() {
		e.Time = c.d.now
	}
	c.d.out.Batch.Events = append(c.d.out.Batch.Events, e)
	c.remember(e)
}

// notice says something in the room.
func (c *conversation) notice(text string) {
	c.room.notice(text)
	c.keepLine(Event{Kind: KindNotice, Nick: c.home.text("bot_nick", c.Visitor.Language), Role: RoleService, Body: text})
}

// remember keeps the last lines at hand, for the next agent.
func (c *conversation) remember(e Event) {
	if len(c.lines) >= keptLines {
		c.lines = slices.Delete(c.lines, 0, len(c.lines)-keptLines+1)
	}
	c.lines = append(c.lines, e)
}

// standsAs is somebody's role here.
func (c *conversation) standsAs(bare string) string {
	switch {
	case bare == c.Visitor.JID:
		return RoleVisitor
	case c.d.agents[bare] == nil:
		return RoleService
	case slices.Contains(c.Agents, bare), !c.d.agents[bare].over(c):
		return RoleAgent
	}
	return RoleSupervisor
}

// inside tells whether somebody is in the room, with any client.
func (c *conversation) inside(bare string) bool {
	if c.room == nil {
		return false
	}
	for full := range c.room.occupants() {
		if bareOf(full) == bare {
			return true
		}
	}
	return false
}

// cameBack: the agent who was cut off has a client again, which may not know the room any more. One who is to come has
// perhaps not got the invitation: nobody keeps it for him.
func (c *conversation) cameBack(a *agent) {
	if c.State == Connecting && c.agent == a && a.came.After(c.called) && !c.called.IsZero() {
		c.proceed()
	}
	if c.State == AgentLost && c.agent == a && c.reinvite && c.built && !c.inside(a.jid) {
		c.reinvite = false
		c.room.admit(a.jid, agentRole, c.queue.with(a, c.home))
	}
}
