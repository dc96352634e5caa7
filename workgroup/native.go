package workgroup

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/xmpp"
)

// XEP-0142's agent protocol, for the clients that have announced themselves by agent-status (Spark is the one in use). They
// get each offer and each change of the queue as stanzas, besides the words that all clients get.

// The namespace of what Spark and Smack expect beside XEP-0142 (Openfire's Fastpath defines it by use).
const nsJive = "http://jivesoftware.com/protocol/workgroup"

// Times in XEP-0142's stanzas follow XEP-0082.
const dateTime = "2006-01-02T15:04:05Z"

// natives lists the clients of an agent that know XEP-0142, by full JID.
func (a *agent) natives() []string {
	var found []string
	for jid, r := range a.resources {
		if r.native {
			found = append(found, jid)
		}
	}
	slices.Sort(found)
	return found
}

// userJID is the visitor's address as XEP-0142's stanzas name him: his stream's, or the bare one while he has none.
func (c *conversation) userJID() string {
	if c.visitor != "" {
		return c.visitor
	}
	return c.Visitor.JID
}

// offerNatively sends the offer to the agent's native clients (XEP-0142 §4.2.5). Any answer is as good as none: only
// offer-accept and offer-reject count.
func (o *offer) offerNatively() {
	for _, to := range o.agent.natives() {
		o.group.d.request(o.group.jid, to, "set", o.native(), func(*node) {})
	}
}

// native is the offer with what Spark needs: an id besides the jid, a session, and metadata with username and a bare userID.
func (o *offer) native() *node {
	c := o.conv
	left := max(1, int(o.until.Sub(c.d.now)/time.Second))
	value := func(name, v string) *node {
		if v == "" {
			return nil
		}
		return el("value", "", "name", name).said(v)
	}
	meta := el("metadata", nsJive).with(value("username", unmarked(c.label())), value("userID", c.Visitor.JID),
		value("question", cut(c.Question, mostQuestion)), value("email", oneLine(c.Visitor.Email, 200)),
		value("page", oneLine(c.Visitor.Page, 500)), value("language", c.Visitor.Language),
		value("verified", strconv.FormatBool(c.Visitor.Verified)))
	for i, v := range slices.Sorted(maps.Keys(c.Form)) {
		if i < mostExtras && meta.value(v) == nil {
			meta.with(value(v, cut(c.Form[v], mostExtra)))
		}
	}
	return el("offer", nsWorkgroup, "jid", c.userJID(), "id", c.ID).with(
		el("timeout", "").said(strconv.Itoa(left)),
		meta,
		el("session", nsJive, "id", c.ID, "workgroup", o.group.jid),
		el("user", nsJive, "id", c.Visitor.JID),
		el("user-request", nsJive))
}

// value finds a metadata value by its name.
func (n *node) value(name string) *node {
	for _, k := range n.kids {
		if k.attr("name") == name {
			return k
		}
	}
	return nil
}

// revokeNatively takes the offer back from native clients (XEP-0142 §4.2.7), but not from the one that accepted it.
func (o *offer) revokeNatively(how string) {
	for _, to := range o.agent.natives() {
		if to != o.by {
			o.group.d.revoke(o.group, to, o.conv, how)
		}
	}
}

func (d *Desk) revoke(g *group, to string, c *conversation, how string) {
	d.request(g.jid, to, "set", el("offer-revoke", nsWorkgroup, "jid", c.userJID(), "id", c.ID).with(
		el("reason", "").said(how), el("session", nsJive, "id", c.ID, "workgroup", g.jid)), func(*node) {})
}

// nativeRequest takes an IQ request in XEP-0142's namespace, or Spark's, from a member.
func (d *Desk) nativeRequest(m *member, n, what *node) {
	switch get := n.attr("type") == "get"; {
	case what.space == nsJive && what.name == "workgroup-form" && get:
		d.send(n.answer(el(what.name, nsJive).with(m.group.ownForm())))
	case what.space == nsJive && what.name == "monitor":
		d.monitor(m, n, what)
	case what.space == nsJive:
		d.send(n.refused("feature-not-implemented", ""))
	case what.name == "agent-status-request" && get:
		d.agentList(m, n)
	case what.name == "offer-accept" && !get:
		d.nativeAnswer(m, n, what, true)
	case what.name == "offer-reject" && !get:
		d.nativeAnswer(m, n, what, false)
	case what.name == "depart-queue" && !get:
		d.departOther(m, n, what)
	case what.name == "join-queue" && get:
		d.send(n.answer(el(what.name, nsWorkgroup).with(m.group.ownForm())))
	case what.name == "join-queue", what.name == "queue-status" && get:
		// XEP-0142 §3.2.1, §3.2.3: agents are no users of their own workgroup.
		d.send(n.refused("not-authorized", "you are an agent here"))
	default:
		d.send(n.refused("feature-not-implemented", ""))
	}
}

// ownForm is the workgroup's form as its agents see it, or nil: Spark shows its labels beside an offer.
func (g *group) ownForm() *node {
	if len(g.Form) == 0 {
		return nil
	}
	return g.form("form", g.Language, g.Form)
}

// monitor answers Spark's question whether somebody may look into chats, and lets him into one (docs/interface.md, B.6).
func (d *Desk) monitor(m *member, n, what *node) {
	owner := what.child("makeOwner", nsJive)
	switch {
	case n.attr("type") == "get":
		d.send(n.answer(el("monitor", nsJive).with(el("isMonitor", "").said(strconv.FormatBool(m.supervisor)))))
	case !m.supervisor:
		d.send(n.refused("forbidden", string(errSupervisor)))
	case owner == nil:
		d.send(n.refused("bad-request", ""))
	default:
		c := m.group.named(el("", "", "id", owner.attr("sessionID")))
		if c == nil {
			d.send(n.refused("item-not-found", ""))
			return
		}
		if err := d.enter(m.agent, c); err != nil {
			d.send(n.refused("not-allowed", inWords(err)))
			return
		}
		d.send(n.answer(nil))
	}
}

// nativeAnswer takes offer-accept and offer-reject, which name the visitor (jid) or, as Spark does, the conversation (id). The
// only answer there is is a result (XEP-0142 §4.2.6); an acceptance that comes to nothing is answered by a revocation.
func (d *Desk) nativeAnswer(m *member, n, what *node, accept bool) {
	d.send(n.answer(nil))
	from := n.attr("from")
	o := m.agent.offer
	if o == nil || !o.conv.named(what) {
		if accept {
			if c := m.group.named(what); c != nil {
				d.revoke(m.group, from, c, string(errNoOffer))
			}
		}
		return
	}
	if !accept {
		_ = d.decline(m.agent, o.conv, "") // an offer that is over already needs no refusal
		return
	}
	o.by = from
	if err := d.accept(m.agent, o.conv); err != nil {
		o.by = ""
		d.revoke(m.group, from, o.conv, inWords(err))
	}
}

// named tells whether an element of XEP-0142 means this conversation.
func (c *conversation) named(what *node) bool {
	if id := what.attr("id"); id != "" {
		return id == c.ID
	}
	bare, _, _ := strings.Cut(what.attr("jid"), "/")
	return bare != "" && bare == c.Visitor.JID
}

// named finds the conversation of this workgroup that an element means.
func (g *group) named(what *node) *conversation {
	if c := g.d.convs[what.attr("id")]; c != nil && c.seenFrom(g) {
		return c
	}
	bare, _, _ := strings.Cut(what.attr("jid"), "/")
	if c := g.d.visitor[bare]; c != nil && c.seenFrom(g) {
		return c
	}
	return nil
}

// departOther takes a visitor out of the queue at a supervisor's word (XEP-0142 §3.2.2).
func (d *Desk) departOther(m *member, n, what *node) {
	jid := what.child("jid", nsWorkgroup)
	if jid == nil {
		d.send(n.refused("item-not-found", "you are not in the queue"))
		return
	}
	if !m.supervisor {
		d.send(n.refused("not-authorized", string(errSupervisor)))
		return
	}
	c := m.group.named(el("", "", "jid", strings.TrimSpace(jid.text)))
	if c == nil || !slices.Contains(m.group.waiting, c) {
		d.send(n.refused("item-not-found", "that visitor is not in the queue"))
		return
	}
	if err := d.close(m.agent, c, "removed from the queue"); err != nil {
		d.send(n.refused("not-authorized", inWords(err)))
		return
	}
	d.send(n.answer(nil))
}

// agentList answers agent-status-request (XEP-0142 §4.2.4): the other agents, then what they are; from then on each change.
func (d *Desk) agentList(m *member, n *node) {
	list := el("agent-status-request", nsWorkgroup)
	for _, a := range m.group.agentsNamed("") {
		if a != m.agent {
			list.with(el("agent", "", "jid", a.jid))
		}
	}
	d.send(n.answer(list))
	from := n.attr("from")
	r := m.agent.resources[from]
	if r == nil {
		return // he isn't there for anybody: nothing would end the pushes
	}
	if m.watchers == nil {
		m.watchers = make(map[string]map[string]string)
	}
	m.watchers[from] = make(map[string]string)
	m.group.pushAgents(m)
}

// pushed is what native clients of a workgroup were told last, and when they may be told again.
type pushed struct {
	at    time.Time
	later *timer
	last  map[string]string // by full JID
}

// pushEvery is the least time between two pushes of a workgroup's figures.
const pushEvery = time.Second

// queueChanged pushes notify-queue, notify-queue-details and notify-agents to native clients (XEP-0142 §4.2.2, §4.2.3), and
// other agents' standing to those who asked for it, where they have changed; core calls it with announce.
func (d *Desk) queueChanged(g *group) {
	p := &g.pushed
	if !d.linkUp {
		p.last = nil // what is sent now is lost: all is told again
		for _, m := range g.members {
			for to := range m.watchers {
				m.watchers[to] = make(map[string]string)
			}
		}
		return
	}
	if p.later != nil || !g.hasNatives() {
		return
	}
	if next := p.at.Add(pushEvery); !p.at.IsZero() && d.now.Before(next) {
		p.later = d.at(next, func() {
			p.later = nil
			d.push(g)
		})
		return
	}
	d.push(g)
}

// hasNatives tells whether anybody is there to be told.
func (g *group) hasNatives() bool {
	for _, m := range g.members {
		if len(m.watchers) > 0 {
			return true
		}
		for _, r := range m.agent.resources {
			if r.native {
				return true
			}
		}
	}
	return false
}

// push sends what is new to each native client.
func (d *Desk) push(g *group) {
	p := &g.pushed
	now := make(map[bool]figures)
	seen := make(map[string]string)
	for _, jid := range slices.Sorted(maps.Keys(g.members)) {
		m := g.members[jid]
		for _, to := range m.agent.natives() {
			dated := !m.agent.resources[to].smack
			if _, ok := now[dated]; !ok {
				now[dated] = g.figures(dated)
			}
			f := now[dated]
			if seen[to] = f.text; p.last[to] != f.text {
				for _, e := range f.all {
					d.send(g.shown(to).with(e))
				}
			}
		}
		g.pushAgents(m)
	}
	p.last = seen // those who are gone are forgotten
	if len(seen) > 0 {
		p.at = d.now
	}
}

// figures are what native clients are told of a workgroup: the three elements, and what they come to apart from estimates
// that change by themselves.
type figures struct {
	all  []*node
	text string
}

// mostDetails bounds the visitors that notify-queue-details names.
const mostDetails = 100

// figures gathers them. Without dated they have no times, which XEP-0142 §4.2.3 leaves open: Smack reads another format than
// the one that is demanded there, and closes the stream over it.
func (g *group) figures(dated bool) figures {
	count := func(name string, n int) *node { return el(name, "").said(strconv.Itoa(n)) }
	state := "open"
	if g.d.openFor(g) != nil {
		if state = "closed"; len(g.waiting) > 0 {
			state = "active"
		}
	}
	queue := el("notify-queue", nsWorkgroup).with(count("count", len(g.waiting)))
	details := el("notify-queue-details", nsWorkgroup)
	text := state
	stamp := func(name string, t time.Time) *node {
		if !dated {
			return nil
		}
		return el(name, "").said(t.UTC().Format(dateTime)) // XEP-0082
	}
	for i, c := range g.waiting {
		_, wait := c.place()
		if i == 0 {
			queue.with(stamp("oldest", c.Asked), count("time", int(wait/time.Second)))
		}
		text += " " + c.ID
		if i < mostDetails {
			// Positions here count from 0, those of queue-status from 1 (XEP-0142 §4.2.3).
			details.with(el("user", "", "jid", c.userJID()).with(count("position", i), count("time", int(wait/time.Second)),
				stamp("join-time", c.Asked)))
		}
	}
	queue.with(el("status", "").said(state))
	available, chats, most := 0, 0, 0
	for _, a := range g.agentsNamed("") {
		chats += len(a.chats)
		if s, _ := a.standing(g); s == ready || s == busy {
			available++
			most += a.capacity()
		}
	}
	agents := el("notify-agents", nsWorkgroup).with(count("available", available), count("current-chats", chats), count("max-chats", most))
	text += " " + strconv.Itoa(available) + "/" + strconv.Itoa(chats) + "/" + strconv.Itoa(most)
	return figures{[]*node{queue, details, agents}, text}
}

// pushAgents tells those of a member's clients who asked for it how the other agents are. The presence comes from the
// workgroup with the agent's address as resource: nobody can send presence in another domain's name, as XEP-0142 §4.2.4 shows it.
func (g *group) pushAgents(m *member) {
	for to, told := range m.watchers {
		if m.agent.resources[to] == nil {
			delete(m.watchers, to)
			continue
		}
		for _, a := range g.agentsNamed("") {
			if a == m.agent {
				continue
			}
			p := g.agentStatus(a, to)
			if text := string(p.append(nil, "")); told[a.jid] != text {
				told[a.jid] = text
				g.d.send(p)
			}
		}
	}
}

// agentStatus is how one agent is, for another one's client.
func (g *group) agentStatus(a *agent, to string) *node {
	p := el("presence", "", "from", g.jid+"/"+a.jid, "to", to)
	show := ""
	switch s, keen := a.standing(g); {
	case s == ready && keen:
		show = "chat"
	case s == ready:
	case s == busy:
		show = "dnd"
	case s == reserve:
		show = "away"
	case s == paused:
		show = "xa"
	default:
		p.set("type", "unavailable")
	}
	if show != "" {
		p.with(el("show", "").said(show))
	}
	return p.with(el("agent-status", nsWorkgroup, "jid", a.jid).with(
		el("current-chats", "").said(strconv.Itoa(len(a.chats))), el("max-chats", "").said(strconv.Itoa(a.capacity()))))
}

// fromMember takes a message or IQ of an agent or supervisor to a workgroup.
func (d *Desk) fromMember(m *member, n *node) {
	if n.name == "message" {
		d.fromText(m, n)
		return
	}
	if n.name != "iq" || n.attr("type") != "get" && n.attr("type") != "set" {
		return
	}
	switch what := n.first(); {
	case what == nil:
		d.send(n.refused("bad-request", ""))
	case what.space == nsCommands && what.name == "command" && n.attr("type") == "set":
		d.adhoc(m, n, what)
	case what.space == nsWorkgroup, what.space == nsJive:
		d.nativeRequest(m, n, what)
	case what.space == xmpp.NSPing && n.attr("type") == "get":
		d.send(n.answer(nil)) // XEP-0199
	case d.disco(m.group, n):
	default:
		d.send(n.refused("service-unavailable", ""))
	}
}
