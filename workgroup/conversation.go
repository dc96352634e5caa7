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

	returning bool                   // he waited in an earlier life, and hasn't been heard of in this one
	since     time.Time              // when it came into this queue
	ahead     bool                   // is served before those who only asked
	depth     int                    // its place when it was asked for
	index     int                    // in the queue, from 0
	tried     []string               // JIDs of the workgroups where nobody took it
	refusals  map[*agent]*turnedAway // who wouldn't have it
	only      *agent                 // assigned to him
	missed    int                    // how many took it and never came
	pass      *passing               // the transfer that is under way, or nil

	owner    string            // bare JID of the room's owner
	built    bool              // the room stands, and the owner is in it
	stale    bool              // the visitor is to be invited again once the room is found
	unseen   time.Time         // since when it is not known what is said in the room; zero: it is
	tries    int               // to build it, in a row
	invited  int               // how often the visitor was, in a row
	watchers map[string]bool   // supervisors who were let in, by bare JID; true: seen in the room
	out      map[string]bool   // bare JIDs that are to be put out once the room is found
	deserted bool              // the agent left the room by himself
	replied  bool              // the agent has said something
	nudged   bool              // he was asked whether he is there
	met      bool              // visitor and an agent were in the room together once
	called   time.Time         // when the agent was invited last; not kept
	reinvite bool              // the agent is to be invited again when he is back
	call     string            // what the agent said who called the visitor; empty: the visitor asked
	lines    []Event           // the last of the transcript, for the next agent
	was      map[string]string // who was in the room when the last life ended: nicks by bare JID

	clocks [events]*timer
	listed bool // among the desk's news
	untold bool // the visitor is to be told where it is
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

// turnedAway is an agent's standing no to a conversation; it lasts twice as long with each.
type turnedAway struct {
	times int
	until time.Time
}

// passing is a transfer: the old agent stays until the new one is in the room.
type passing struct {
	by    *agent
	to    *agent // to him alone, or
	group *group // to whoever of the workgroup takes it
	taker *agent // has taken it and is on his way
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

// leaving is how somebody left a room.
type leaving uint8

const (
	byHimself leaving = iota
	vanished          // an error, status 333, his account gone
	expelled          // by us
)
