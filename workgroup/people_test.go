package workgroup

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"usher/xmpp"
)

// The people of a play, and its archive.

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
	language string      // of his stream
	address  string      // that he comes from
	heeds    func(*node) // reads what he gets, in place of sees
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
	heeds    func(*node) // reads what he gets, in place of sees
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
	if c.heeds != nil {
		c.heeds(n)
	} else {
		c.got = append(c.got, n)
	}
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
