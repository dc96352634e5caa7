package workgroup

import (
	"time"
)

// Desk is all workgroups of one Usher. Its methods are called by one goroutine
// at a time. Each input is given the time, which never goes back; after one or
// several inputs, Take returns what is to be done about them.
type Desk struct {
	cfg Config
	now time.Time // of the input at hand
	out Output

	groups  map[string]*group        // by bare JID
	agents  map[string]*agent        // by bare JID: agents and supervisors
	convs   map[string]*conversation // open ones, by id
	visitor map[string]*conversation // open ones, by the visitor's bare JID
	owner   map[string]*conversation // open ones with a room, by the owner's bare JID
	linkUp  bool
	user    userSide // what the visitor's side keeps

	sessions sessions // ad-hoc commands that wait for their form

	toProbe  []*agent // whose turn after the link came up is still to come
	probing  *timer   // when it is the next ones' turn
	linkHold *timer   // when agents are gone because the link is
}

// Output is what the inputs since the last Take ask for: first the batch is
// committed, then the effects are carried out in order. A stanza that can't be sent is lost:
// the desk has a timer for each answer that it needs.
type Output struct {
	Batch    Batch
	Effects  []Effect
	Observed []Observation
}

// EffectKind is the kind of an Effect.
type EffectKind uint8

// The kinds of effect.
const (
	Send      EffectKind = iota // Stanza: in component form, with from and to
	OpenRoom                    // Visitor (bare) may reach Room from now on, under Nick only
	CloseRoom                   // not any more
)

// Effect is one thing to do.
type Effect struct {
	Kind    EffectKind
	Stanza  []byte
	Visitor string
	Room    string
	Nick    string
}

// Observation is something for the metrics. Kind: "wait" (Seconds; from asking to an agent in the room), "offer"
// (Label: accepted, declined, lapsed, revoked, taken), "room-error" (Label: step, Detail: condition).
type Observation struct {
	Kind, Site, Workgroup, Label, Detail string
	Seconds                              float64
}

// Gauges are the current figures of one workgroup.
type Gauges struct {
	Site, Workgroup string
	Queue, Chats    int
	Agents          map[string]int // by standing: ready, busy, reserve, off, paused, unknown
}

// New makes a desk from its configuration and what was kept of it. The link is taken to be down.
func New(cfg Config, now time.Time, kept Snapshot) (*Desk, error) { panic("unbuilt") }

// FromVisitor takes a stanza that a visitor of the edge has sent to the bare JID of a workgroup of his site (any
// resource is ignored), in component form, its from his full JID.
func (d *Desk) FromVisitor(now time.Time, v Visitor, stanza []byte) { panic("unbuilt") }

// FromServer takes a stanza from upstream to a workgroup's or an owner's JID, in component form. An error that came
// back for a stanza which the edge could not deliver to a visitor comes here too.
func (d *Desk) FromServer(now time.Time, stanza []byte) { panic("unbuilt") }

// Bound is the edge's word that a visitor has logged in; one who had this bare JID before is back.
func (d *Desk) Bound(now time.Time, v Visitor) { panic("unbuilt") }

// Gone is the edge's word that a visitor's stream has ended. Its full JID tells it from a newer one.
func (d *Desk) Gone(now time.Time, jid string) { panic("unbuilt") }

// LinkUp and LinkDown tell of the desk domain's component link.
func (d *Desk) LinkUp(now time.Time)   { panic("unbuilt") }
func (d *Desk) LinkDown(now time.Time) { panic("unbuilt") }

// Lost tells that stanzas for the desk had to be dropped: rooms are looked through again.
func (d *Desk) Lost(now time.Time) { panic("unbuilt") }

// Tick does what is due. Next is when it is to be called at the latest; zero: no time is set.
func (d *Desk) Tick(now time.Time) { panic("unbuilt") }
func (d *Desk) Next() time.Time    { panic("unbuilt") }

// Take returns what has gathered since the last call.
func (d *Desk) Take() Output { panic("unbuilt") }

// Gauges returns the current figures, one entry a workgroup.
func (d *Desk) Gauges() []Gauges { panic("unbuilt") }

// Owns tells whether a localpart of the desk's domain is the desk's: a workgroup's, or a room owner's (`c-` + 26
// base32 characters). It reads only what never changes, so it may be called by anybody at any time.
func (d *Desk) Owns(local []byte) bool { panic("unbuilt") }

// Workgroup returns the site of the workgroup with this localpart; ok is false if there is none. Like Owns.
func (d *Desk) Workgroup(local []byte) (site string, ok bool) { panic("unbuilt") }

// Inside the package: how its files work together.

// send queues a stanza. Everything that leaves the desk goes through here.
func (d *Desk) send(n *node) { panic("unbuilt") }

// effect queues another effect, in order with the stanzas.
func (d *Desk) effect(e Effect) { d.out.Effects = append(d.out.Effects, e) }

// observe queues an observation.
func (d *Desk) observe(o Observation) { d.out.Observed = append(d.out.Observed, o) }

// at has f called by Tick at that time; stop takes it back. Owned timers of conversations, rooms and agents are all of
// this kind; they are not kept over a crash, their owners set them again.
func (d *Desk) at(t time.Time, f func()) *timer { panic("unbuilt") }

// timer is one appointment.
type timer struct {
	when time.Time
	f    func()
	slot int // in the desk's heap; -1: not set
}

// stop takes a timer back; a nil one, or one that has gone off, is no matter.
func (d *Desk) stop(t *timer) { panic("unbuilt") }

// request sends an IQ get or set from one of the desk's addresses and calls done with the answer, or with nil if none
// came within 10 s (a late one is dropped) or the link went down.
func (d *Desk) request(from, to, typ string, payload *node, done func(answer *node)) {
	panic("unbuilt")
}
