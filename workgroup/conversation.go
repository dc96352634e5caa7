package workgroup

import "time"

// conversation is one visitor's request, from asking to its end.
type conversation struct {
	Conversation // the kept row; only the desk's core writes it
	d            *Desk
	home         *group // where he asked: its number, site, texts, form
	queue        *group // whose agents it is offered to: home, or where it was transferred or has overflowed to

	visitor string // full JID of the visitor's stream; empty while it is gone
	offers  map[*agent]*offer
	agent   *agent // who has it (connecting, active, agent-lost); nil
	room    *room  // nil before there is one
	seq     int    // of the last event
	side    side   // how he wants to be told: kept by core in Resume
}

// offer is one open offer of a conversation to an agent.
type offer struct {
	conv  *conversation
	agent *agent
	group *group // whose agent he is here: offers come from its JID
	id    string // of the chat message, for its correction (XEP-0308)
	until time.Time
	by    string // full JID of the native client that accepts it
}

// refusal is an error whose text is meant for the person who asked, in English, one short line.
type refusal string

func (r refusal) Error() string { return string(r) }

// Why a visitor's request is refused. Each has its answer in the user protocol.
const (
	errQueued    refusal = "you are waiting already"
	errForm      refusal = "the form must be filled in"
	errNotQueued refusal = "you are not waiting"
	errBanned    refusal = "you may not ask here"
)

// closedError: the workgroup takes nobody now (docs/interface.md, B.3).
type closedError struct {
	reason string    // hours | no-agents | full | paused
	opens  time.Time // zero: unknown
}

func (e *closedError) Error() string { return "closed: " + e.reason }

// asking is a visitor's request, checked as far as its form goes.
type asking struct {
	visitor  Visitor
	person   Person
	question string
	form     map[string]string
	side     side
}

// The verbs. Each does one thing for one person, whichever way it was said (text, form, XEP-0142), and returns a
// refusal if it can't be. `by` is the agent or supervisor who says it; that he may is checked here.

// ask enters a visitor into the queue: errQueued, errBanned, *closedError.
func (d *Desk) ask(g *group, a asking) (*conversation, error) { panic("unbuilt") }

// openFor tells whether the workgroup would take a request now: nil or *closedError.
func (d *Desk) openFor(g *group) error { panic("unbuilt") }

// depart takes a visitor out of the queue, or ends his chat: errNotQueued.
func (d *Desk) depart(c *conversation) error { panic("unbuilt") }

// place is the visitor's place in the queue (0 while an offer is out, 1: the first who waits) and the estimated wait.
func (c *conversation) place() (position int, wait time.Duration) { panic("unbuilt") }

// accept gives a conversation that is offered to the agent to him. Of two the first has it.
func (d *Desk) accept(by *agent, c *conversation) error { panic("unbuilt") }

// decline turns an offer down.
func (d *Desk) decline(by *agent, c *conversation, reason string) error { panic("unbuilt") }

// close ends a conversation. Its agent and any supervisor of its workgroup may.
func (d *Desk) close(by *agent, c *conversation, reason string) error { panic("unbuilt") }

// transfer offers a running conversation to one agent (to) or to a workgroup (group); the old agent stays until
// somebody has taken it. assign is the same for a waiting one, by a supervisor.
func (d *Desk) transfer(by *agent, c *conversation, to *agent, g *group) error { panic("unbuilt") }
func (d *Desk) assign(by *agent, c *conversation, to *agent) error             { panic("unbuilt") }

// takeover makes a supervisor the conversation's agent.
func (d *Desk) takeover(by *agent, c *conversation) error { panic("unbuilt") }

// enter lets a supervisor into the room, leave takes him out.
func (d *Desk) enter(by *agent, c *conversation) error { panic("unbuilt") }
func (d *Desk) leave(by *agent, c *conversation) error { panic("unbuilt") }

// call starts a conversation with a connected visitor of one of the agent's sites.
func (d *Desk) call(by *agent, g *group, visitor string, text string) (*conversation, error) {
	panic("unbuilt")
}

// What the room tells the conversation (room.go calls these).

// roomReady: the room is built as it should be, verified, and the owner is in it.
func (c *conversation) roomReady() { panic("unbuilt") }

// roomFailed: it can't be built. step: enter, form, submit, verify, affiliation. The room is given up.
func (c *conversation) roomFailed(step, condition string) { panic("unbuilt") }

// roomGone: a room that was ready is no longer there (destroyed, restarted, the owner thrown out).
func (c *conversation) roomGone() { panic("unbuilt") }

// entered and left: an occupant other than the owner. jid is his full JID; how tells why he left.
func (c *conversation) entered(jid, nick string)           { panic("unbuilt") }
func (c *conversation) left(jid, nick string, how leaving) { panic("unbuilt") }

// heard: the room has accepted a message, told once and in order, also over a loss. jid is the sender's bare JID, "" if unknown.
func (c *conversation) heard(jid, nick, body, stanzaID string, at time.Time) { panic("unbuilt") }

// typing: an occupant shows that he is there (a chat state).
func (c *conversation) typing(jid string) { panic("unbuilt") }

// declined: somebody turned the room's invitation down.
func (c *conversation) declined(jid, reason string) { panic("unbuilt") }

// gap: what was said between the two times may be missing from the transcript.
func (c *conversation) gap(from, to time.Time) { panic("unbuilt") }

// leaving is how somebody left a room.
type leaving uint8

const (
	byHimself leaving = iota
	vanished          // an error, status 333, his account gone
	expelled          // by us
)
