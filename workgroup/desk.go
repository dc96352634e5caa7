package workgroup

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"slices"
	"strings"
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
	local   map[string]*group        // by localpart; never written after New
	order   []*group                 // as configured
	agents  map[string]*agent        // by bare JID: agents and supervisors
	convs   map[string]*conversation // open ones, by id
	visitor map[string]*conversation // open ones, by the visitor's bare JID
	owner   map[string]*conversation // open ones with a room, by the owner's bare JID
	past    *past                    // who was here before
	rooms   roomBooks
	linkUp  bool
	upSince time.Time // when the link came up last; zero: never
	lost    bool      // it was up before

	moves    answers
	timers   timers
	requests map[string]*requested // by id
	prefix   string                // of the ids of this life
	serial   int
	any      func(n int) int // a random number below n

	news   []*conversation // whose row is to be kept, and whose visitor is to be told
	untold []*conversation // whose visitor is to be told

	sessions sessions // ad-hoc commands that wait for their form
	user     userSide // what the visitor's side keeps

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

	State    string        // GroupOpen, GroupBusy, GroupClosed or GroupOffline
	Able     int           // agents who are there, busy or not
	Estimate time.Duration // for which one who asks now is likely to wait
	Opens    time.Time     // of GroupClosed; zero: not known
}

// New makes a desk from its configuration and what was kept of it. The link is taken to be down.
func New(cfg Config, now time.Time, kept Snapshot) (*Desk, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	d := &Desk{
		cfg: cfg, now: now,
		groups: map[string]*group{}, local: map[string]*group{}, agents: map[string]*agent{},
		convs: map[string]*conversation{}, visitor: map[string]*conversation{}, owner: map[string]*conversation{},
		requests: map[string]*requested{},
		prefix:   strings.ToLower(rand.Text()[:10]) + "-", any: mathrand.IntN, moves: moves(),
	}
	var err error
	if d.past, err = newPast(d); err != nil {
		return nil, err
	}
	for i := range cfg.Groups {
		if err := d.addGroup(&d.cfg.Groups[i]); err != nil {
			return nil, err
		}
	}
	d.restore(kept)
	d.settle()
	return d, nil
}

func (d *Desk) addGroup(c *Group) error {
	local := c.Address
	if local == "" {
		local = c.Name
	}
	g := &group{Group: c, d: d, jid: local + "@" + d.cfg.Domain, members: map[string]*member{}, touched: true}
	if d.local[local] != nil || ownerShape([]byte(local)) {
		return fmt.Errorf("workgroup: %s: the address %s is taken", c.Name, g.jid)
	}
	d.groups[g.jid], d.local[local] = g, g
	d.order = append(d.order, g)
	for _, cfg := range c.Agents {
		m := d.member(g, cfg.JID)
		m.cfg, m.serves = cfg, true
		g.serving = append(g.serving, m)
	}
	for _, jid := range c.Supervisors {
		d.member(g, jid).supervisor = true
	}
	return nil
}

func (d *Desk) member(g *group, jid string) *member {
	a := d.agents[jid]
	if a == nil {
		name, _, _ := strings.Cut(jid, "@")
		a = &agent{d: d, jid: jid, name: name, unknown: true, resources: map[string]*resource{}, chats: map[*conversation]struct{}{}}
		d.agents[jid] = a
	}
	m := g.members[jid]
	if m == nil {
		m = &member{agent: a, group: g, cfg: Member{JID: jid}}
		g.members[jid] = m
		a.members = append(a.members, m)
	}
	return m
}

// begin starts an input, settle ends it: who waits is served, who is to be told is told.
func (d *Desk) begin(now time.Time) {
	if now.After(d.now) {
		d.now = now
	}
}

func (d *Desk) settle() {
	d.tell()
	for _, g := range d.order {
		if g.stirred && d.linkUp {
			g.serve()
		}
	}
	d.tell()
	for _, g := range d.order {
		if g.touched {
			g.touched = false
			g.places()
			d.announce(g)
			d.queueChanged(g)
		}
	}
}

// tell tells the visitors of the conversations that have moved; each change is told once, in order.
func (d *Desk) tell() {
	for i := 0; i < len(d.untold); i++ { // what is told may move others
		c := d.untold[i]
		if !c.untold {
			continue
		}
		c.untold = false
		c.told()
		if c.State == Closed {
			c.ended()
		}
	}
	clear(d.untold)
	d.untold = d.untold[:0]
}

// FromVisitor takes a stanza that a visitor of the edge has sent to the bare JID of a workgroup of his site (any
// resource is ignored), in component form, its from his full JID.
func (d *Desk) FromVisitor(now time.Time, v Visitor, stanza []byte) {
	d.begin(now)
	defer d.settle()
	n, err := parse(stanza)
	if err != nil {
		d.cfg.Log.Debug("a visitor's stanza can't be read", "site", v.Site, "error", err)
		return
	}
	g := d.groups[bareOf(n.attr("to"))]
	switch {
	case g == nil:
		d.refuse(n, "item-not-found", "") // XEP-0142 §3.2.1: 404, no such workgroup
	case g.Site != v.Site:
		d.refuse(n, "forbidden", "")
	case d.disco(g, n):
	default:
		d.fromVisitor(g, v, n)
	}
}

// FromServer takes a stanza from upstream to a workgroup's or an owner's JID, in component form. An error that came
// back for a stanza which the edge could not deliver to a visitor comes here too.
func (d *Desk) FromServer(now time.Time, stanza []byte) {
	d.begin(now)
	defer d.settle()
	n, err := parse(stanza)
	if err != nil {
		d.cfg.Log.Debug("a stanza for the desk can't be read", "error", err)
		return
	}
	to, typ := bareOf(n.attr("to")), n.attr("type")
	if n.name == "iq" && (typ == "result" || typ == "error") && d.answered(n) {
		return
	}
	if g := d.groups[to]; g != nil {
		d.toGroup(g, n)
		return
	}
	if c := d.owner[to]; c != nil && c.room != nil {
		c.room.stanza(n)
		return
	}
	d.refuse(n, "item-not-found", "")
}

// toGroup deals with what people who are no visitors send to a workgroup.
func (d *Desk) toGroup(g *group, n *node) {
	from, typ := bareOf(n.attr("from")), n.attr("type")
	m := g.members[from]
	switch {
	case n.name == "presence":
		d.presence(g, n)
	case n.name == "iq" && typ == "get" && d.disco(g, n):
	case m != nil:
		d.fromMember(m, n)
	case n.name == "iq" && n.first() != nil && n.first().space == nsWorkgroup:
		d.refuse(n, "not-authorized", "") // XEP-0142 §3.2.1: 401, not allowed to join
	default:
		d.refuse(n, "forbidden", "")
	}
}

// refuse answers a stanza with an error, where it may be answered (RFC 6120 §8.3.1).
func (d *Desk) refuse(n *node, condition, text string) {
	switch typ := n.attr("type"); {
	case typ == "error", n.name == "presence", n.name == "iq" && typ == "result":
	default:
		d.send(n.refused(condition, text))
	}
}

// Bound is the edge's word that a visitor has logged in; one who had this bare JID before is back.
func (d *Desk) Bound(now time.Time, v Visitor) {
	d.begin(now)
	defer d.settle()
	if c := d.visitor[bareOf(v.JID)]; c != nil && c.Site == v.Site && c.visitor != v.JID {
		c.visitor, c.returning = v.JID, false
		c.side.knows.to = "" // it may be the address that he had before: all the same he is told everything again
		c.advance(happening{event: visitorBack})
	}
}

// Gone is the edge's word that a visitor's stream has ended. Its full JID tells it from a newer one.
func (d *Desk) Gone(now time.Time, jid string) {
	d.begin(now)
	defer d.settle()
	if c := d.visitor[bareOf(jid)]; c != nil && c.visitor == jid {
		c.visitor = ""
		c.advance(happening{event: visitorCut})
	}
}

// Anew tells that a visitor has taken up his session with a client that remembers nothing of it: he is told again where his conversation
// is, and asked into its room again if he isn't in it. Nobody else notices.
func (d *Desk) Anew(now time.Time, jid string) {
	d.begin(now)
	defer d.settle()
	c := d.visitor[bareOf(jid)]
	if c == nil || c.visitor != jid {
		return
	}
	c.side.knows = knowledge{to: jid, room: c.side.knows.room, over: c.side.knows.over, place: -1}
	c.moved()
	if c.room != nil && c.built && !c.inside(c.Visitor.JID) {
		c.advance(happening{event: visitorBack})
	}
}

// LinkUp tells that the desk domain's component link is up.
func (d *Desk) LinkUp(now time.Time) {
	d.begin(now)
	defer d.settle()
	d.linkUp, d.upSince = true, d.now
	d.probeAll()
	for _, c := range d.open() {
		c.advance(happening{event: linkUp})
	}
	d.endRooms()
	for _, g := range d.order {
		g.stir()
		d.at(d.now.Add(returnTime), g.stir)
	}
}

// LinkDown tells that it is down.
func (d *Desk) LinkDown(now time.Time) {
	d.begin(now)
	defer d.settle()
	d.linkUp, d.lost = false, d.lost || d.linkUp
	d.agentsUnseen()
	ids := make([]string, 0, len(d.requests))
	for id := range d.requests {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		d.settleRequest(id, nil)
	}
	for _, c := range d.open() {
		c.advance(happening{event: linkDown})
	}
}

// Lost tells that stanzas for the desk had to be dropped: rooms are looked through again.
func (d *Desk) Lost(now time.Time) {
	d.begin(now)
	defer d.settle()
	for _, c := range d.open() {
		if c.room != nil && c.built && d.linkUp {
			c.room.again()
		}
	}
}

// unsure tells that agents' states don't count yet: the link is down, or has been up for less than 30 s.
func (d *Desk) unsure() bool { return !d.linkUp || d.now.Sub(d.upSince) < unsureTime }

const unsureTime = 30 * time.Second

// Take returns what has gathered since the last call.
func (d *Desk) Take() Output {
	for _, c := range d.news {
		c.listed = false // from now on it is listed anew
		d.out.Batch.Conversations = append(d.out.Batch.Conversations, c.row())
	}
	clear(d.news)
	d.news = d.news[:0]
	out := d.out
	d.out = Output{}
	return out
}

// Gauges returns the current figures, one entry a workgroup.
func (d *Desk) Gauges() []Gauges {
	all := make([]Gauges, len(d.order))
	at := map[*group]*Gauges{}
	for i, g := range d.order {
		all[i] = Gauges{Site: g.Site, Workgroup: g.Name, Agents: map[string]int{}}
		for _, m := range g.serving {
			s, _ := m.standing(g)
			all[i].Agents[standingNames[s]]++
		}
		g.measure(&all[i])
		at[g] = &all[i]
	}
	for _, c := range d.convs {
		switch c.State {
		case Queued, Offered:
			at[c.queue].Queue++
		case Connecting, Active, AgentLost:
			at[c.queue].Chats++
		}
	}
	return all
}

var standingNames = [...]string{off: "off", unknown: "unknown", paused: "paused", reserve: "reserve", busy: "busy", ready: "ready"}

// open returns the conversations that aren't closed, in the order in which they were asked for.
func (d *Desk) open() []*conversation {
	all := make([]*conversation, 0, len(d.convs))
	for _, c := range d.convs {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *conversation) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// Owns tells whether a localpart of the desk's domain is the desk's: a workgroup's, or a room owner's (`c-` + 26
// base32 characters). It reads only what never changes, so it may be called by anybody at any time.
func (d *Desk) Owns(local []byte) bool { return d.local[string(local)] != nil || ownerShape(local) }

// Workgroup returns the site of the workgroup with this localpart; ok is false if there is none. Like Owns.
func (d *Desk) Workgroup(local []byte) (site string, ok bool) {
	g := d.local[string(local)]
	if g == nil {
		return "", false
	}
	return g.Site, true
}

// base32lower is the alphabet of the localparts that the desk makes up.
var base32lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// ownerShape tells whether a localpart is `c-` and 26 base32 characters.
func ownerShape(local []byte) bool {
	if len(local) != 28 || local[0] != 'c' || local[1] != '-' {
		return false
	}
	for _, b := range local[2:] {
		if (b < 'a' || b > 'z') && (b < '2' || b > '7') {
			return false
		}
	}
	return true
}

// newLocal makes up a localpart of that shape, of 128 random bits.
func newLocal() string {
	var bits [16]byte
	rand.Read(bits[:]) // never fails: crypto/rand ends the program instead
	return "c-" + base32lower.EncodeToString(bits[:])
}

// bareOf is a JID without its resource (RFC 7622 §3.2).
func bareOf(jid string) string {
	b, _, _ := strings.Cut(jid, "/")
	return b
}

// send queues a stanza. Everything that leaves the desk goes through here.
func (d *Desk) send(n *node) {
	d.out.Effects = append(d.out.Effects, Effect{Kind: Send, Stanza: n.append(nil, "")})
}

// effect queues another effect, in order with the stanzas.
func (d *Desk) effect(e Effect) { d.out.Effects = append(d.out.Effects, e) }

// observe queues an observation.
func (d *Desk) observe(o Observation) { d.out.Observed = append(d.out.Observed, o) }
