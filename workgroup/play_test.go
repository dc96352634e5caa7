package workgroup

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"usher/xmpp"
)

// A play is a whole small world on a clock of its own: a desk, its archive, the
// edge with its visitors, the agents' server with their clients, and a MUC
// service. People act (ask, type, join, say, cut), time passes (wait), and the test reads what each was sent (sees). Nobody
// looks into the desk.
//
//	p := newPlay(t)
//	alice, ann := p.agent("alice"), p.visitor("ann")
//	ann.asks("Where is my parcel?")
//	alice.types("1")
//	ann.joins()
//	alice.joins()
//	ann.says("Hello")
type play struct {
	t        stage
	cfg      Config
	d        *Desk
	now      time.Time
	muc      *muc
	kept     keeper
	linkUp   bool
	visitors map[string]*guest  // by bare JID
	clients  map[string]*client // by full JID
	agents   map[string]*clerk  // by bare JID
	observed []Observation
	accepted map[string]int // what the MUC service has accepted, as `nick: body`
	serial   int
	any      func(int) int // what the desk draws lots with; nil: its own
	inbox    []*node       // for the desk, still to be taken
	busy     bool
	post     []*node // by the MUC service, still to be delivered
	posting  bool
	effects  int // carried out so far
	crashAt  int // the desk dies before this one; 0: never
	dead     bool
}

// stage is what a play needs of a test; rapid's tests have it too.
type stage interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

const (
	playDesk  = "desk.test"
	playRooms = "rooms.test"
	playSite  = "desk.test" // visitors' domain
	playHome  = "corp.test" // agents' server
	support   = "support@" + playDesk
)

var playStart = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// playGroup is a workgroup with the defaults of docs/interface.md.
func playGroup(change ...func(*Group)) Group {
	g := Group{
		Site: "shop", Name: "support", Address: "support", Title: "Support", Language: "en",
		Agents: []Member{{JID: "alice@" + playHome}, {JID: "bob@" + playHome}}, Supervisors: []string{"carol@" + playHome},
		Strategy: "least-busy", ByLanguage: true, BySkills: true, Sticky: true, Reserve: true, MaxChats: 3,
		OfferTime: 20 * time.Second, QueueLimit: 100, SupervisorNotice: true, OfflineStore: true,
		Timers: Timers{Form: 10 * time.Minute, VisitorJoin: 20 * time.Second, Join: 30 * time.Second, Queue: 4 * time.Minute,
			Net: 45 * time.Second, VisitorLost: 120 * time.Second, AgentLost: 60 * time.Second, First: 90 * time.Second,
			IdleWarn: 3 * time.Minute, IdleClose: 6 * time.Minute, Cool: 20 * time.Second, Wrap: 30 * time.Second, Max: 4 * time.Hour,
			Ready: 5 * time.Second},
	}
	for _, f := range change {
		f(&g)
	}
	return g
}

// newPlay opens the curtain: the link is up, 30 s have passed, nobody is there. No group: playGroup.
func newPlay(t stage, groups ...Group) *play {
	t.Helper()
	if len(groups) == 0 {
		groups = []Group{playGroup()}
	}
	p := &play{
		t: t, now: playStart, muc: newMUC(playRooms, likeProsody), kept: newKeeper(),
		visitors: map[string]*guest{}, clients: map[string]*client{}, agents: map[string]*clerk{},
	}
	p.cfg = Config{Domain: playDesk, Rooms: playRooms, Groups: groups, Edge: (*playEdge)(p), Log: slog.New(slog.DiscardHandler)}
	p.accepted = map[string]int{}
	p.muc.accepted = func(_, nick, body string) { p.accepted[nick+": "+body]++ }
	p.boot()
	p.wait(unsureTime)
	return p
}

// boot starts a desk from what was kept, and brings the link up.
func (p *play) boot() {
	p.t.Helper()
	var err error
	if p.d, err = New(p.cfg, p.now, p.kept.snapshot(p.now)); err != nil {
		p.t.Fatal(err)
	}
	p.dead, p.crashAt = false, 0
	if p.any != nil {
		p.d.any = p.any
	}
	p.carryOut()
	p.up()
}

func (p *play) up() {
	p.linkUp = true
	p.d.LinkUp(p.now)
	p.carryOut()
}

// down is the loss of the desk's link: visitors on it are out of their support rooms as far as their clients know.
func (p *play) down() {
	p.linkUp = false
	p.inbox = nil
	for _, g := range p.visitors {
		g.room = ""
	}
	p.d.LinkDown(p.now)
	p.carryOut()
}

// kill is kill -9 of Usher: all streams of visitors and the link are gone, and what wasn't committed.
func (p *play) kill() {
	p.linkUp, p.inbox, p.dead = false, nil, true
	for _, g := range p.visitors {
		g.full, g.room, g.invited = "", "", ""
		clear(g.open)
	}
	p.boot()
}

// wait lets time pass; what is due is done when it is due.
func (p *play) wait(length time.Duration) {
	p.t.Helper()
	until := p.now.Add(length)
	for n := 0; ; n++ {
		next := p.d.Next()
		if next.IsZero() || next.After(until) {
			break
		}
		if n > 100_000 {
			p.t.Fatal("the desk's clock doesn't stand still: ", next)
		}
		if next.After(p.now) {
			p.now = next
		}
		p.d.Tick(p.now)
		p.carryOut()
		if p.dead {
			break
		}
	}
	p.now = until
}

// carryOut does what the desk asks for, and lets it have what comes of that, until all is quiet.
func (p *play) carryOut() {
	if p.busy {
		return
	}
	p.busy = true
	defer func() { p.busy = false }()
	for !p.dead {
		out := p.d.Take()
		p.kept.commit(p.now, &out.Batch)
		p.observed = append(p.observed, out.Observed...)
		for _, e := range out.Effects {
			if p.effects++; p.effects == p.crashAt {
				p.dead = true
				return
			}
			p.effect(e)
		}
		if len(p.inbox) == 0 {
			if len(out.Effects) == 0 {
				return
			}
			continue
		}
		n := p.inbox[0]
		p.inbox = p.inbox[1:]
		p.d.FromServer(p.now, n.append(nil, ""))
	}
}

func (p *play) effect(e Effect) {
	switch g := p.visitors[e.Visitor]; e.Kind {
	case Send:
		n, err := parse(e.Stanza)
		if err != nil {
			p.t.Fatalf("the desk sent no XML: %v: %s", err, e.Stanza)
		}
		if !ownDomain(n.attr("from"), playDesk) {
			p.t.Fatalf("the desk sent as somebody else: %s", e.Stanza)
		}
		p.carry(n)
	case OpenRoom:
		if g != nil {
			g.open[e.Room] = e.Nick
		}
	case CloseRoom:
		if g != nil {
			delete(g.open, e.Room)
		}
	}
}

func ownDomain(jid, domain string) bool {
	return strings.HasSuffix(mucBare(jid), "@"+domain) || jid == domain
}

// carry brings a stanza to where it is addressed.
func (p *play) carry(n *node) {
	to := n.attr("to")
	_, domain, _ := mucParts(to)
	switch {
	case p.visitors[mucBare(to)] != nil:
		p.toVisitor(p.visitors[mucBare(to)], n)
	case domain == playDesk:
		if p.linkUp {
			p.inbox = append(p.inbox, n)
		}
	case !p.linkUp && ownDomain(n.attr("from"), playDesk):
	case domain == playRooms:
		p.fromMUC(p.muc.take(p.now, n.append(nil, "")))
	case domain == playHome:
		p.toHome(n)
	}
}

// fromMUC delivers what the MUC service sends, in its order: what comes of one stanza is sent after the next.
func (p *play) fromMUC(all []*node) {
	p.post = append(p.post, all...)
	if p.posting {
		return
	}
	p.posting = true
	for len(p.post) > 0 {
		n := p.post[0]
		p.post = p.post[1:]
		p.carry(n)
	}
	p.posting = false
}

// toVisitor is the edge: a stanza for a stream that isn't there comes back as an error (docs/architecture.md).
func (p *play) toVisitor(g *guest, n *node) {
	if to := n.attr("to"); g.full == "" || to != g.full && to != g.bare {
		if n.name != "presence" && n.attr("type") != "error" && n.attr("type") != "result" {
			back := el(n.name, "", "type", "error", "from", to, "to", n.attr("from"), "id", n.attr("id")).with(
				el("error", "", "type", "wait").with(el("recipient-unavailable", xmpp.NSStanzaErrors)))
			p.carry(back)
		}
		return
	}
	if g.heeds != nil {
		g.heeds(n)
	} else {
		g.got = append(g.got, n)
	}
	if i := n.child("x", xmpp.NSMUCUser).child("invite", xmpp.NSMUCUser); i != nil && n.name == "message" {
		g.invited, g.inviter = mucBare(n.attr("from")), i.attr("from")
		if g.autojoin {
			g.joins()
		}
	}
}

// toHome is the agents' server: presence is answered by it, the rest goes to the clients.
func (p *play) toHome(n *node) {
	a := p.agents[mucBare(n.attr("to"))]
	if a == nil {
		return
	}
	group := n.attr("from")
	if n.name == "presence" && ownDomain(group, playDesk) {
		switch n.attr("type") {
		case "subscribe":
			a.friend(group)
			return
		case "probe":
			p.probed(a, group)
			return
		}
	}
	for _, c := range a.clients {
		if to := n.attr("to"); to == c.full || to == a.bare {
			c.gets(n)
		}
	}
}

func (p *play) probed(a *clerk, group string) {
	there := false
	for _, c := range a.clients {
		if c.here {
			there = true
			p.carry(c.presence(group))
		}
	}
	if !there {
		p.carry(el("presence", "", "type", "unavailable", "from", a.bare, "to", group))
	}
}

// playEdge is the edge as the desk sees it.
type playEdge play

func (e *playEdge) Visitors(site string, limit int) []Visitor {
	var all []Visitor
	for _, g := range e.visitors {
		if g.full != "" && g.site == site {
			all = append(all, g.as())
		}
	}
	slices.SortFunc(all, func(a, b Visitor) int { return strings.Compare(a.JID, b.JID) })
	return all[:min(len(all), limit)]
}

func (e *playEdge) Visitor(bare string) (Visitor, bool) {
	g := e.visitors[bare]
	if g == nil || g.full == "" {
		return Visitor{}, false
	}
	return g.as(), true
}

// inRoom tells who the MUC service has in the room of the last invitation of a visitor, by nick.
func (p *play) inRoom(g *guest) string {
	r := p.muc.rooms[g.invited]
	if r == nil {
		return ""
	}
	var nicks []string
	for _, o := range r.occupants {
		nicks = append(nicks, o.nick)
	}
	slices.Sort(nicks)
	return strings.Join(nicks, ", ")
}

// compare reads what somebody got as lines, and forgets it. What his rooms' presence says isn't listed.
func (p *play) compare(who, what string, got *[]*node, want string) {
	p.t.Helper()
	var lines []string
	for _, n := range *got {
		if s := scene(n); s != "" {
			lines = append(lines, s)
		}
	}
	*got = nil
	if wanted := trimmed(want); !slices.Equal(lines, wanted) {
		p.t.Errorf("%s: %s sees\n\t%s\nwant\n\t%s", what, who, strings.Join(lines, "\n\t"), strings.Join(wanted, "\n\t"))
	}
}

// scene is a stanza in a few words.
func scene(n *node) string {
	if n.attr("type") == "error" {
		c := n.child("error", "").first()
		if c == nil {
			return n.name + " error"
		}
		return n.name + " error " + c.name
	}
	from, _, nick := mucParts(n.attr("from"))
	inRoom := strings.HasPrefix(from, "c-")
	body := func(mark string) string {
		if b := n.child("body", ""); b != nil {
			first, _, _ := strings.Cut(b.text, "\n")
			return mark + "«" + first + "»"
		}
		return ""
	}
	switch {
	case n.name == "presence" && inRoom, n.name == "iq" && n.attr("type") == "get":
		return ""
	case n.name == "presence":
		s := "presence"
		for _, k := range n.kids {
			if k.name == "show" || k.name == "status" {
				s += " " + k.text
			}
		}
		return strings.TrimSuffix(s+" "+n.attr("type"), " ")
	case n.name == "iq":
		return "iq " + n.attr("type")
	case n.child("x", xmpp.NSMUCUser).child("invite", xmpp.NSMUCUser) != nil:
		return "invited"
	case n.child("x", nsConference) != nil:
		return "called in"
	case inRoom && n.attr("type") == "groupchat" && n.child("subject", "") == nil:
		return body(nick + ": ")
	case inRoom:
		return body(nick + ", aside: ")
	}
	if c := n.child("conversation", nsDesk); c != nil {
		s := "conversation " + c.attr("state")
		for _, a := range []string{"agent", "reason"} {
			if v := c.attr(a); v != "" {
				s += " " + a + "=" + v
			}
		}
		if c.attr("room") != "" {
			s += " room"
		}
		return s
	}
	if q := n.child("queue-status", nsWorkgroup); q != nil {
		s := "queue-status"
		for _, k := range q.kids {
			s += " " + k.name + "=" + k.text
		}
		return s
	}
	for _, k := range n.kids {
		if k.name == "depart-queue" {
			return "departed"
		}
	}
	return body("")
}

// transcript is what was kept of the conversation with this number, in lines.
func (p *play) transcript(number int) string {
	var lines []string
	for _, c := range p.kept.all() {
		if c.Number != number {
			continue
		}
		for _, e := range p.kept.events[c.ID] {
			l := fmt.Sprintf("%d %s %s", e.Seq, e.Kind, e.Role)
			if e.Nick != "" {
				l += " " + e.Nick
			}
			if e.Body != "" {
				l += " «" + e.Body + "»"
			}
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "\n")
}

// says checks it.
func (p *play) says(number int, want string) {
	p.t.Helper()
	if got := p.transcript(number); got != strings.Join(trimmed(want), "\n") {
		p.t.Errorf("transcript of %d:\n%s\nwant%s", number, got, want)
	}
}

// trimmed are the lines of a text that have anything in them.
func trimmed(text string) []string {
	var all []string
	for l := range strings.Lines(text) {
		if l = strings.TrimSpace(l); l != "" {
			all = append(all, l)
		}
	}
	return all
}

// state is what was kept of it last.
func (p *play) state(number int) string {
	for _, c := range p.kept.all() {
		if c.Number == number {
			return strings.TrimSpace(string(c.State) + " " + string(c.Reason))
		}
	}
	return "none"
}

// is checks it.
func (p *play) is(what string, number int, want string) {
	p.t.Helper()
	if got := p.state(number); got != want {
		p.t.Errorf("%s: conversation %d is %q, want %q", what, number, got, want)
	}
}
