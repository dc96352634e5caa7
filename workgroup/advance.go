package workgroup

import "time"

// event is what can happen to a conversation. Those of the second half are its clocks: each goes off once, after
// having been set by arm, and none runs outside of the states that answer it.
type event uint8

const (
	found       event = iota // match has picked somebody: agents, only for ring-all more than one
	accepted                 // agent has taken the offer that is open to him
	unwanted                 // agent won't have it: how (declined, lapsed, revoked)
	departed                 // the visitor gives up, or ends his chat
	turnedDown               // the visitor declines the invitation into the room
	visitorCut               // his stream has ended
	visitorBack              // he has logged in again
	visitorIn                // he is in the room
	visitorLeft              // he left the room: how
	visitorWord              // he has said something in it
	agentIn                  // agent is in the room
	agentLeft                // agent left it: how
	agentWord                // agent has said something in it
	agentTyping              // agent shows that he is there
	agentGone                // agent has no client any more, or declines the invitation
	roomBuilt                // the room is ready
	roomBroken               // it couldn't be built
	roomLost                 // it was there and is there no more
	closedBy                 // agent or a supervisor closes it
	passedOn                 // it is to be transferred: to or group
	assigned                 // agent alone is to get the offer
	takenOver                // agent, a supervisor, takes it himself
	linkUp                   // of the desk's domain
	linkDown                 //
	waitOver                 // clock: timers.queue
	offerOver                // clock: offer_timeout
	visitorLate              // clock: timers.visitor_join
	visitorLost              // clock: timers.net while he waits, timers.visitor_lost in a chat
	visitorOut               // clock: he has left the room and his stream is still there
	agentLate                // clock: timers.join
	agentOut                 // clock: timers.agent_lost
	agentSilent              // clock: timers.first
	roomAgain                // clock: the next try to build the room
	idleSoon                 // clock: timers.idle_warn
	idle                     // clock: timers.idle_close
	tooLong                  // clock: timers.max
	wrapped                  // clock: timers.wrap
	events      = iota
)

// happening is an event with its circumstances.
type happening struct {
	event  event
	by     *agent // who said so
	agent  *agent
	agents []*agent
	group  *group
	how    leaving
	why    string // of an offer's end or a closing
}

// answers says for each state what a conversation does about each event: nil where it is no matter. The names of the
// states stand beside the answers that lead there.
type answers map[State]*[events]func(c *conversation, h happening)

// moves is the whole life of a conversation (docs/decisions/0039-life-of-a-conversation.md).
func moves() answers {
	return answers{
		Queued: { // nobody has it, nobody has been asked
			found:       (*conversation).makeOffers,   // -> offered
			assigned:    (*conversation).offerTo,      // -> offered
			takenOver:   (*conversation).takenByForce, // -> connecting
			departed:    (*conversation).givesUp,      // -> closed (visitor)
			turnedDown:  (*conversation).givesUp,      // -> closed (visitor)
			closedBy:    (*conversation).closed,       // -> closed (agent)
			visitorCut:  (*conversation).graceWaiting,
			visitorBack: (*conversation).waitsAgain,
			visitorLost: (*conversation).gaveOut,   // -> closed (lost)
			waitOver:    (*conversation).waitedOut, // -> queued elsewhere, or closed (timeout, no-agents)
			roomBuilt:   (*conversation).roomStands,
			roomBroken:  (*conversation).roomless,
			roomLost:    (*conversation).roomless,
			visitorIn:   (*conversation).visitorArrived,
			visitorLeft: (*conversation).visitorWent,
			visitorLate: (*conversation).inviteOnceMore,
			visitorOut:  (*conversation).givesUp, // -> closed (visitor)
			linkUp:      (*conversation).lookAgain,
			linkDown:    (*conversation).outOfSight,
		},
		Offered: { // asked are the agents of c.offers
			accepted:    (*conversation).taken,   // -> connecting
			unwanted:    (*conversation).refused, // -> offered to the others, or queued
			offerOver:   (*conversation).lapse,   // -> queued
			assigned:    (*conversation).offerTo,
			takenOver:   (*conversation).takenByForce, // -> connecting
			departed:    (*conversation).givesUp,
			turnedDown:  (*conversation).givesUp,
			closedBy:    (*conversation).closed,
			visitorCut:  (*conversation).graceWaiting,
			visitorBack: (*conversation).waitsAgain,
			visitorLost: (*conversation).gaveOut,
			roomBuilt:   (*conversation).roomStands,
			roomBroken:  (*conversation).roomless,
			roomLost:    (*conversation).roomless,
			visitorIn:   (*conversation).visitorArrived,
			visitorLeft: (*conversation).visitorWent,
			visitorLate: (*conversation).inviteOnceMore,
			visitorOut:  (*conversation).givesUp,
			agentWord:   (*conversation).takenInRoom, // -> connecting, active
			agentTyping: (*conversation).takenInRoom,
			linkUp:      (*conversation).withdraw, // -> queued
			linkDown:    (*conversation).outOfSight,
		},
		Connecting: { // c.agent has it; room, visitor and agent come in this order
			roomBuilt:   (*conversation).roomStands,
			roomBroken:  (*conversation).roomRetry,
			roomAgain:   (*conversation).buildAgain,
			roomLost:    (*conversation).roomRebuilt,
			visitorIn:   (*conversation).visitorArrived,
			visitorLate: (*conversation).inviteOnceMore, // -> closed (lost)
			visitorLeft: (*conversation).visitorWent,
			visitorOut:  (*conversation).givesUp,
			visitorCut:  (*conversation).graceInChat,
			visitorBack: (*conversation).visitorReturns,
			visitorLost: (*conversation).gaveOut,
			agentIn:     (*conversation).agentArrived, // -> active
			agentLate:   (*conversation).agentMissing, // -> queued, or closed (no-agents)
			agentGone:   (*conversation).agentMissing,
			takenOver:   (*conversation).takenByForce,
			departed:    (*conversation).givesUp,
			turnedDown:  (*conversation).givesUp, // -> closed (declined, visitor)
			closedBy:    (*conversation).closed,
			linkUp:      (*conversation).lookAgain,
			linkDown:    (*conversation).outOfSight,
		},
		Active: { // visitor and agent are in the room
			visitorWord: (*conversation).wordOfVisitor,
			agentWord:   (*conversation).wordOfAgent,
			agentSilent: (*conversation).agentDumb, // -> queued
			idleSoon:    (*conversation).warnIdle,
			idle:        (*conversation).idledOut,  // -> wrapup (idle)
			tooLong:     (*conversation).outOfTime, // -> wrapup (max)
			visitorIn:   (*conversation).visitorArrived,
			visitorLate: (*conversation).inviteOnceMore,
			visitorLeft: (*conversation).visitorWent,
			visitorOut:  (*conversation).chatEnded, // -> wrapup (visitor)
			visitorCut:  (*conversation).graceInChat,
			visitorBack: (*conversation).visitorReturns,
			visitorLost: (*conversation).gaveOutInChat, // -> wrapup (lost)
			agentIn:     (*conversation).agentArrived,
			agentLeft:   (*conversation).agentWent, // -> agent-lost
			roomBuilt:   (*conversation).roomStands,
			roomBroken:  (*conversation).roomRebuilt, // -> connecting: somebody couldn't be let in
			roomLost:    (*conversation).roomRebuilt, // -> connecting
			departed:    (*conversation).chatEnded,
			turnedDown:  (*conversation).chatEnded,
			closedBy:    (*conversation).chatClosed, // -> wrapup (agent)
			passedOn:    (*conversation).passOn,
			found:       (*conversation).makeOffers, // of a transfer, as the next five
			accepted:    (*conversation).takenOn,
			unwanted:    (*conversation).refused,
			offerOver:   (*conversation).lapse,
			waitOver:    (*conversation).passFailed,
			agentLate:   (*conversation).passFailed,
			agentGone:   (*conversation).passFailed,
			takenOver:   (*conversation).takenByForce,
			linkUp:      (*conversation).lookAgain,
			linkDown:    (*conversation).outOfSight,
		},
		AgentLost: { // the agent is out of the room and may come back
			agentIn:     (*conversation).agentArrived, // -> active
			agentOut:    (*conversation).agentMissed,  // -> queued, or wrapup (agent-left)
			agentGone:   (*conversation).agentVanished,
			visitorWord: (*conversation).wordOfVisitor,
			visitorIn:   (*conversation).visitorArrived,
			visitorLate: (*conversation).inviteOnceMore,
			visitorLeft: (*conversation).visitorWent,
			visitorOut:  (*conversation).chatEnded,
			visitorCut:  (*conversation).graceInChat,
			visitorBack: (*conversation).visitorReturns,
			visitorLost: (*conversation).gaveOutInChat,
			roomBuilt:   (*conversation).roomStands,
			roomBroken:  (*conversation).roomRebuilt, // -> connecting: somebody couldn't be let in
			roomLost:    (*conversation).roomRebuilt, // -> connecting
			tooLong:     (*conversation).outOfTime,
			departed:    (*conversation).chatEnded,
			turnedDown:  (*conversation).chatEnded,
			closedBy:    (*conversation).chatClosed,
			assigned:    (*conversation).offerTo,      // -> offered
			takenOver:   (*conversation).takenByForce, // -> connecting
			linkUp:      (*conversation).lookAgain,
			linkDown:    (*conversation).outOfSight,
		},
		Wrapup: { // the chat is over; the visitor may rate it
			wrapped:     (*conversation).wrapsUp, // -> closed, as the next ones
			closedBy:    (*conversation).wrapsUp,
			departed:    (*conversation).wrapsUp,
			visitorCut:  (*conversation).wrapsUp,
			visitorLeft: (*conversation).wrapsUp,
			roomBuilt:   (*conversation).roomStands,
			roomBroken:  (*conversation).wrapsUp,
			roomLost:    (*conversation).wrapsUp,
			linkUp:      (*conversation).lookAgain,
			linkDown:    (*conversation).outOfSight,
		},
	}
}

// advance is the only way in which anything changes a conversation.
func (c *conversation) advance(h happening) {
	row := c.d.moves[c.State]
	if row == nil || row[h.event] == nil {
		return
	}
	row[h.event](c, h)
	c.touch()
}

// become enters a state. What the visitor hasn't been told of the one before he is told first; clocks that the new state
// doesn't answer stop.
func (c *conversation) become(s State) {
	if c.untold {
		c.untold = false
		c.told()
	}
	if c.State == Queued && s != Queued {
		c.queue.remove(c)
	}
	c.State = s
	row := c.d.moves[s]
	for e := waitOver; e < events; e++ {
		if c.clocks[e] != nil && (row == nil || row[e] == nil && !(e == waitOver && s == Offered)) {
			c.disarm(e)
		}
	}
	c.moved()
	c.touch()
}

// touch has the row kept with the next batch.
func (c *conversation) touch() {
	if c.queue != nil {
		c.queue.touched = true
	}
	if !c.listed {
		c.listed = true
		c.d.news = append(c.d.news, c)
	}
}

// arm sets a clock, in place of the one that ran; a length of 0 means that there is none.
func (c *conversation) arm(e event, length time.Duration) {
	c.disarm(e)
	if length > 0 {
		c.armAt(e, c.d.now.Add(length))
	}
}

func (c *conversation) armAt(e event, t time.Time) {
	c.disarm(e)
	c.clocks[e] = c.d.at(t, func() {
		c.clocks[e] = nil
		if needsLink(e) && !c.d.linkUp {
			c.arm(e, unsureTime) // what it waits for may have happened, unheard
			return
		}
		c.advance(happening{event: e})
	})
}

// needsLink tells whether a clock waits for something that is only heard of over the link.
func needsLink(e event) bool {
	switch e {
	case visitorLate, agentLate, agentOut, agentSilent, idleSoon, idle:
		return true
	}
	return false
}

func (c *conversation) disarm(e event) {
	c.d.stop(c.clocks[e])
	c.clocks[e] = nil
}
