package workgroup

import "time"

// agent is a person who answers or supervises, in all his workgroups at once.
type agent struct {
	d       *Desk
	jid     string // bare
	name    string // what colleagues and the visitor see: the localpart
	members []*member

	resources map[string]*resource       // by full JID; what of them has said unavailable is gone
	unknown   bool                       // not heard of since the link came up: no offers
	readyFrom time.Time                  // flap guard: not before
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

// resource is one client of an agent.
type resource struct {
	show     string // chat, "", away, xa, dnd
	priority int
	status   string
	native   bool // speaks XEP-0142: has sent agent-status
	max      int  // its hint
}

// standing is what an agent is to a workgroup now.
type standing uint8

const (
	off     standing = iota // no client, xa, dnd, negative priority
	unknown                 // not heard of yet
	paused
	reserve // away
	busy    // at his capacity, or an offer is open to him, or cooling down
	ready
)

// standing derives it; keen tells that a client shows `chat`.
func (a *agent) standing(g *group) (s standing, keen bool) { panic("unbuilt") }

// capacity is how many chats he takes over all workgroups.
func (a *agent) capacity() int { panic("unbuilt") }

// presence takes presence of any type that somebody sent to the workgroup: availability, subscriptions, probes.
func (d *Desk) presence(g *group, n *node) { panic("unbuilt") }

// announce sends the workgroup's own presence where it has changed: open or closed, how many wait. Core calls it after
// every input for the groups that were touched.
func (d *Desk) announce(g *group) { panic("unbuilt") }

// probeAll starts the paced probes after the link came up.
func (d *Desk) probeAll() { panic("unbuilt") }

// The verbs about agents.

// pause stops offers to an agent; length 0: until he resumes. by is himself or a supervisor.
func (d *Desk) pause(by, a *agent, length time.Duration) error { panic("unbuilt") }
func (d *Desk) resume(by, a *agent) error                      { panic("unbuilt") }
func (d *Desk) setMax(a *agent, n int) error                   { panic("unbuilt") }

// took, lapsed and freed keep an agent's books: he accepted, he let an offer pass, a chat of his ended.
func (a *agent) took(c *conversation)  { panic("unbuilt") }
func (a *agent) lapsed(g *group)       { panic("unbuilt") }
func (a *agent) freed(c *conversation) { panic("unbuilt") }

// changed is called by agent.go whenever an agent's standing may have changed: core looks at offers, chats and queues.
func (d *Desk) changed(a *agent) { panic("unbuilt") }

// keep writes the agent's lasting state (pause, limit, lapses, cool-down, subscriptions) to the batch; restoreAgent reads it back.
func (a *agent) keep()                                 { panic("unbuilt") }
func (d *Desk) restoreAgent(bare string, value []byte) { panic("unbuilt") }
