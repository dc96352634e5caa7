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
	g.got = append(g.got, n)
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

// A guest is a visitor of the site.
type guest struct {
	p        *play
	bare     string
	full     string // empty: his stream is gone
	site     string
	group    string // JID of the workgroup that he writes to
	streams  int
	got      []*node
	open     map[string]string // rooms that the edge lets him into: his nick there
	invited  string            // the room of the last invitation
	inviter  string            // whose it is
	room     string            // where he is, as far as his client knows
	autojoin bool
	language string // of his stream
	address  string // that he comes from
}

// visitor is somebody on the site, logged in. He follows invitations at once, as the widget does, unless autojoin is put out.
func (p *play) visitor(name string) *guest {
	g := &guest{p: p, bare: name + "@" + playSite, site: p.cfg.Groups[0].Site, group: support, open: map[string]string{}, autojoin: true}
	p.visitors[g.bare] = g
	g.back()
	return g
}

func (g *guest) as() Visitor {
	return Visitor{JID: g.full, Site: g.site, Language: g.language, Address: g.address, Since: g.p.now}
}

// back logs in, under the same bare JID as before if there was one.
func (g *guest) back() {
	g.streams++
	g.full = fmt.Sprintf("%s/web%d", g.bare, g.streams)
	g.p.d.Bound(g.p.now, g.as())
	g.p.carryOut()
}

// cut is the end of his stream; the edge tells the rooms.
func (g *guest) cut() {
	full, room := g.full, g.room
	g.full, g.room = "", ""
	g.p.d.Gone(g.p.now, full)
	if room != "" {
		g.p.carry(el("presence", "", "type", "unavailable", "from", full, "to", room+"/"+g.open[room]))
	}
	g.p.carryOut()
}

// sends gives a stanza to the edge.
func (g *guest) sends(n *node) {
	mucSet(n, "from", g.full)
	to := n.attr("to")
	if ownDomain(to, playDesk) {
		g.p.d.FromVisitor(g.p.now, g.as(), n.append(nil, ""))
	} else if nick, may := g.open[mucBare(to)]; may {
		if n.name == "presence" {
			mucSet(n, "to", mucBare(to)+"/"+nick)
		}
		g.p.carry(n)
	}
	g.p.carryOut()
}

// asks enters the queue, by XEP-0142.
func (g *guest) asks(question string) {
	form := el("x", nsForm, "type", "submit").with(el("field", "", "var", "question").with(el("value", "").said(question)))
	g.request("set", el("join-queue", nsWorkgroup).with(el("queue-notifications", nsWorkgroup), form))
}

// departs leaves it.
func (g *guest) departs() { g.request("set", el("depart-queue", nsWorkgroup)) }

func (g *guest) request(typ string, payload *node) {
	g.p.serial++
	g.sends(el("iq", "", "type", typ, "to", g.group, "id", fmt.Sprint("q", g.p.serial)).with(payload))
}

// joins follows the last invitation.
func (g *guest) joins() {
	g.room = g.invited
	g.sends(el("presence", "", "to", g.invited+"/me").with(el("x", xmpp.NSMUC)))
}

func (g *guest) says(text string) {
	g.p.serial++
	g.sends(el("message", "", "type", "groupchat", "to", g.room, "id", fmt.Sprint("m", g.p.serial)).with(el("body", "").said(text)))
}

// leaves the room, with his stream going on.
func (g *guest) leaves() {
	room := g.room
	g.room = ""
	g.sends(el("presence", "", "type", "unavailable", "to", room+"/me"))
}

// declines the last invitation (XEP-0045 §7.8.2).
func (g *guest) declines() {
	g.sends(el("message", "", "to", g.invited).with(el("x", xmpp.NSMUCUser).with(el("decline", "", "to", g.inviter))))
}

// sees tells what he was sent since he looked last.
func (g *guest) sees(what, want string) {
	g.p.t.Helper()
	g.p.compare(g.bare, what, &g.got, want)
}

// A clerk is an agent or supervisor with his clients.
type clerk struct {
	p       *play
	bare    string
	group   string // whom he writes to
	friends []string
	clients []*client
}

// client is one of them.
type client struct {
	clerk    *clerk
	full     string
	here     bool
	show     string
	got      []*node
	invited  string
	rooms    map[string]bool
	autojoin bool
}

// agent is one of the staff at his only client, available and a contact of all his workgroups.
func (p *play) agent(name string) *clerk {
	a := &clerk{p: p, bare: name + "@" + playHome, group: support}
	p.agents[a.bare] = a
	for _, g := range p.cfg.Groups {
		jid := g.Address + "@" + playDesk
		if slices.Contains(g.Supervisors, a.bare) || slices.ContainsFunc(g.Agents, func(m Member) bool { return m.JID == a.bare }) {
			a.friends = append(a.friends, jid)
		}
	}
	for _, jid := range a.friends {
		p.carry(el("presence", "", "type", "subscribe", "from", a.bare, "to", jid))
		p.carry(el("presence", "", "type", "subscribed", "from", a.bare, "to", jid))
	}
	p.carryOut()
	a.client("desk").online("")
	p.wait(playGroup().Timers.Ready)
	return a
}

func (a *clerk) friend(group string) {
	a.p.carry(el("presence", "", "type", "subscribed", "from", a.bare, "to", group))
	for _, c := range a.clients {
		if c.here {
			a.p.carry(c.presence(group))
		}
	}
}

// client is a further client of his, not online yet. It follows invitations by itself, as Conversations does.
func (a *clerk) client(resource string) *client {
	c := &client{clerk: a, full: a.bare + "/" + resource, rooms: map[string]bool{}, autojoin: true}
	a.clients = append(a.clients, c)
	a.p.clients[c.full] = c
	return c
}

func (c *client) presence(to string) *node {
	n := el("presence", "", "from", c.full, "to", to)
	if c.show != "" {
		n.with(el("show", "").said(c.show))
	}
	return n
}

// online shows the client's presence: "", chat, away, xa, dnd.
func (c *client) online(show string) {
	c.here, c.show = true, show
	for _, g := range c.clerk.friends {
		c.clerk.p.carry(c.presence(g))
	}
	c.clerk.p.carryOut()
}

// offline is the client's end, by its own will or by a lost connection: its server tells contacts and rooms.
func (c *client) offline() {
	c.here = false
	clear(c.rooms)
	p := c.clerk.p
	for _, g := range c.clerk.friends {
		p.carry(el("presence", "", "type", "unavailable", "from", c.full, "to", g))
	}
	p.fromMUC(p.muc.gone(p.now, c.full))
	p.carryOut()
}

// dies is a connection that is lost: rooms find out by an error that comes back (status 333).
func (c *client) dies() {
	c.here = false
	p := c.clerk.p
	for room := range c.rooms {
		p.carry(el("message", "", "type", "error", "from", c.full, "to", room+"/x").with(
			el("error", "", "type", "wait").with(el("recipient-unavailable", xmpp.NSStanzaErrors))))
	}
	clear(c.rooms)
	for _, g := range c.clerk.friends {
		p.carry(el("presence", "", "type", "unavailable", "from", c.full, "to", g))
	}
	p.carryOut()
}

func (c *client) gets(n *node) {
	if !c.here {
		return
	}
	c.got = append(c.got, n)
	if x := n.child("x", nsConference); x != nil && n.name == "message" {
		c.invited = x.attr("jid")
		if c.autojoin {
			c.joins()
		}
	}
}

func (c *client) sends(n *node) {
	mucSet(n, "from", c.full)
	c.clerk.p.carry(n)
	c.clerk.p.carryOut()
}

func (c *client) joins() {
	if c.clerk.p.muc.rooms[c.invited] == nil {
		return // an ordinary client would make a room of its own
	}
	name, _, _ := mucParts(c.full)
	c.rooms[c.invited] = true
	c.sends(el("presence", "", "to", c.invited+"/"+name).with(el("x", xmpp.NSMUC)))
}

func (c *client) leaves(room string) {
	name, _, _ := mucParts(c.full)
	delete(c.rooms, room)
	c.sends(el("presence", "", "type", "unavailable", "to", room+"/"+name))
}

// The clerk's own acts are those of his first client.

func (a *clerk) online(show string) { a.clients[0].online(show) }
func (a *clerk) offline()           { a.clients[0].offline() }
func (a *clerk) joins()             { a.clients[0].joins() }

// types writes to his workgroup.
func (a *clerk) types(text string) {
	a.p.serial++
	a.clients[0].sends(el("message", "", "type", "chat", "to", a.group, "id", fmt.Sprint("t", a.p.serial)).with(el("body", "").said(text)))
}

// says writes into the room that he was invited to last.
func (a *clerk) says(text string) {
	a.p.serial++
	a.clients[0].sends(el("message", "", "type", "groupchat", "to", a.clients[0].invited, "id", fmt.Sprint("m", a.p.serial)).with(el("body", "").said(text)))
}

// leaves that room.
func (a *clerk) leaves() { a.clients[0].leaves(a.clients[0].invited) }

func (a *clerk) sees(what, want string) {
	a.p.t.Helper()
	a.p.compare(a.bare, what, &a.clients[0].got, want)
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

// keeper is the archive: what was committed, and what a desk starts from again.
type keeper struct {
	rows    map[string]Conversation
	events  map[string][]Event
	items   map[string][]byte
	notices []Notice
}

func newKeeper() keeper {
	return keeper{rows: map[string]Conversation{}, events: map[string][]Event{}, items: map[string][]byte{}}
}

func (k *keeper) commit(now time.Time, b *Batch) {
	for _, c := range b.Conversations {
		k.rows[c.ID] = c
	}
	for _, e := range b.Events {
		k.events[e.Conversation] = append(k.events[e.Conversation], e)
	}
	for _, i := range b.Items {
		if i.Value == nil {
			delete(k.items, i.Key)
		} else {
			k.items[i.Key] = i.Value
		}
	}
	k.notices = append(k.notices, b.Notices...)
	for _, r := range b.Ratings {
		if c, kept := k.rows[r.Conversation]; kept && c.Rating == 0 {
			c.Rating, c.RatingText = r.Value, r.Text
			k.rows[r.Conversation] = c
		}
	}
}

func (k *keeper) snapshot(now time.Time) Snapshot {
	s := Snapshot{Events: map[string][]Event{}}
	for id, c := range k.rows {
		if c.State == Closed && now.Sub(c.Closed) > 24*time.Hour {
			continue
		}
		s.Conversations = append(s.Conversations, c)
		if c.State != Closed {
			all := k.events[id]
			s.Events[id] = slices.Clone(all[max(0, len(all)-200):])
		}
	}
	for key, v := range k.items {
		s.Items = append(s.Items, Item{key, v})
	}
	slices.SortFunc(s.Items, func(a, b Item) int { return strings.Compare(a.Key, b.Key) })
	return s
}

// all are the kept conversations in the order of their asking.
func (k *keeper) all() []Conversation {
	var rows []Conversation
	for _, c := range k.rows {
		rows = append(rows, c)
	}
	slices.SortFunc(rows, func(a, b Conversation) int { return strings.Compare(a.ID, b.ID) })
	return rows
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
