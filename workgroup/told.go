package workgroup

import (
	"strconv"
	"strings"
	"time"
)

// How a visitor hears where his conversation is.

// placeEvery is how long after one queue-status the next comes if his place doesn't change (XEP-0142 §3.2.3). Core calls
// told as often for all who wait.
const placeEvery = 15 * time.Second

// knowledge is what a visitor has been told.
type knowledge struct {
	to      string // full JID: another stream of his is told all of it again
	line    line
	room    string    // that he is invited into
	waiting bool      // told that he is in the queue
	place   int       // pushed last; -1: none
	placed  time.Time // when
	spoken  int       // the place in words; 0: none yet
	over    bool      // the end was told in words
}

// line is what `<conversation/>` says.
type line struct {
	state       State
	agent, room string
	reason      Reason
}

// told tells the visitor where his conversation is: `<conversation/>`, queue-status if he asked for it, depart-queue when he is
// taken out; in words if he came with a plain client. Core calls it at each change of state or place, and when he is back
// (c.visitor is another stream): then he is told all of it again. What he knows isn't said twice.
func (c *conversation) told() {
	s := &c.side.knows
	if c.visitor == "" {
		return
	}
	if s.to != c.visitor {
		*s = knowledge{to: c.visitor, place: -1}
	}
	if now := c.line(); now != s.line {
		before := s.line
		s.line = now
		c.d.send(c.message().with(el("conversation", nsDesk, "id", c.ID, "number", strconv.Itoa(c.Number),
			"state", string(now.state), "agent", now.agent, "room", now.room, "reason", string(now.reason))))
		if s.waiting && !c.waits() {
			s.waiting = false
			if c.State == Closed { // XEP-0142 §3.2.2: the service has taken him out, or he has gone himself
				c.d.send(c.message().with(el("depart-queue", nsWorkgroup).with(el("reason", nsDesk).said(string(c.Reason)))))
			}
		}
		if now.state != before.state {
			c.speak(before.state)
		}
	}
	c.pushPlace()
}

// line is what there is to say now. The agent is named once he has accepted, the room once the visitor is invited into it.
func (c *conversation) line() line {
	l := line{state: c.State, reason: c.Reason}
	switch c.State {
	case Connecting, Active, AgentLost:
		if c.agent != nil {
			l.agent = c.agent.name
		}
	}
	if c.side.knows.room == c.Room {
		l.room = c.Room
	}
	return l
}

// invitedIn: the visitor's invitation has gone out. Not before may he know where: the room would not let him in.
func (c *conversation) invitedIn() {
	c.side.knows.room = c.Room
	c.moved()
}

// message is an empty message from the workgroup to the visitor's stream.
func (c *conversation) message() *node {
	return el("message", "", "from", c.home.jid, "to", c.visitor)
}

// pushPlace tells his place if it has changed or wasn't told for a while: as queue-status, in words, or not at all. After
// the invitation he hears no more of it (XEP-0142 §3.2.4), unless he is put back into the queue.
func (c *conversation) pushPlace() {
	s := &c.side.knows
	if !c.waits() {
		s.place = -1
		return
	}
	s.waiting = true
	position, _ := c.place()
	due := !c.d.now.Before(s.placed.Add(placeEvery))
	switch {
	case c.side.Updates && (position != s.place || due):
		c.d.send(c.message().with(c.queueStatus()))
	case c.side.Plain && position != s.place && (due || s.spoken == 0):
		c.speakPlace(position)
	default:
		return
	}
	s.place, s.placed = position, c.d.now
}

// Words.

// tellVisitor sends a visitor a chat message.
func (g *group) tellVisitor(to, text string) {
	if text != "" {
		g.d.send(el("message", "", "type", "chat", "from", g.jid, "to", to).with(el("body", "").said(text)))
	}
}

func (c *conversation) say(key string, args ...string) {
	c.home.tellVisitor(c.visitor, c.home.text(key, c.Visitor.Language, args...))
}

// speak tells a change of state in words, to a visitor with a plain client.
func (c *conversation) speak(before State) {
	s := &c.side.knows
	if !c.side.Plain {
		return
	}
	agent := s.line.agent
	switch c.State {
	case Queued:
		if before != "" && before != Offered { // an agent who had him is gone
			c.say("requeued")
			s.spoken, s.place, s.placed = 1, 1, c.d.now
		}
	case Connecting:
		c.say("connecting", agent)
	case Active:
		switch before {
		case AgentLost:
			c.say("agent_back", agent)
		default:
			c.say("active", agent)
		}
	case AgentLost:
		c.say("agent_lost", agent)
	case Wrapup, Closed:
		if c.Reason != "" && !s.over {
			s.over = true
			c.say("closed_"+strings.ReplaceAll(string(c.Reason), "-", "_"), c.lastAgent())
		}
	}
}

// speakPlace tells his place in words, and that an offer is out only if he hasn't heard anything yet.
func (c *conversation) speakPlace(position int) {
	s := &c.side.knows
	first := s.spoken == 0
	switch {
	case position == 0 && first:
		c.say("next")
		s.spoken = 1
	case position == 0, position == s.spoken:
	case first:
		s.spoken = position
		c.sayPlace()
	default:
		s.spoken = position
		c.say("position", strconv.Itoa(position))
	}
}

// sayPlace tells where he stands.
func (c *conversation) sayPlace() {
	position, wait := c.place()
	switch minutes := int((wait + time.Minute - 1) / time.Minute); {
	case position == 0:
		c.say("next")
	case minutes > 0:
		c.say("queued_wait", strconv.Itoa(position), strconv.Itoa(minutes))
	default:
		c.say("queued", strconv.Itoa(position))
	}
}

// lastAgent is the name of who had him last.
func (c *conversation) lastAgent() string {
	if len(c.Agents) == 0 {
		return ""
	}
	name, _, _ := strings.Cut(c.Agents[len(c.Agents)-1], "@")
	return name
}
