package workgroup

import (
	"strconv"
	"strings"
	"time"
)

// Presence of agents and supervisors, and their subscriptions (RFC 6121 §3 and §4). A workgroup is a contact of theirs as
// any other, except that it can't have a roster at the server: what is agreed is kept by the desk.

const (
	maxResources = 32 // of one agent; more aren't looked at

	probeBatch   = 20 // agents at once after the link came up
	probePause   = 200 * time.Millisecond
	probeAnswers = 10 * time.Second // then an agent who hasn't been heard of is taken to be off
	linkHold     = 30 * time.Second // a loss of the link changes no agent's state for this long
)

// askAfter are the times between one request for an agent's presence and the next; then he is asked no more.
var askAfter = [...]time.Duration{0, time.Hour, 24 * time.Hour, 3 * 24 * time.Hour, 7 * 24 * time.Hour}

// resource is one client of an agent.
type resource struct {
	show     string // chat, "", away, xa, dnd
	priority int
	status   string
	native   bool                // speaks XEP-0142: has sent agent-status
	max      int                 // its hint
	smack    bool                // built on Smack, as Spark is: see figures
	via      map[*group]struct{} // who has its presence since the link came up; empty: stale
}

// shows is the best show of the clients that count: chat, "", away, xa, dnd. any is false if none does. One with a negative
// priority doesn't: its user is not to get messages there (RFC 6121 §4.7.2.3).
func (a *agent) shows() (show string, any bool) {
	best := -1
	for _, r := range a.resources {
		if rank := rankOf(r.show); r.priority >= 0 && rank > best {
			best, show = rank, r.show
		}
	}
	return show, best >= 0
}

func rankOf(show string) int {
	switch show {
	case "chat":
		return 4
	case "away":
		return 2
	case "xa":
		return 1
	case "dnd":
		return 0
	}
	return 3
}

// presence takes presence of any type that somebody sent to the workgroup: availability, subscriptions, probes.
func (d *Desk) presence(g *group, n *node) {
	from, typ := n.attr("from"), n.attr("type")
	bare, _, _ := strings.Cut(from, "/")
	m := g.members[bare]
	if m == nil {
		if typ == "subscribe" || typ == "probe" { // RFC 6121 §3.1.4, §4.3.2: nobody else gets ours
			d.send(el("presence", "", "from", g.jid, "to", bare, "type", "unsubscribed"))
		}
		return
	}
	switch typ {
	case "":
		m.available(from, n)
	case "unavailable", "error": // an error is an answer too: he can't be reached
		m.unavailable(from)
	case "subscribe", "unsubscribe", "subscribed", "unsubscribed":
		m.subscription(typ)
	case "probe":
		if !m.sub.From { // his server would not ask if he had not subscribed: we have forgotten it
			m.sub.From = true
			m.keep()
		}
		d.send(g.shown(from))
	}
}

// available takes what one of his clients shows, broadcast or directed.
func (m *member) available(from string, n *node) {
	r := m.resources[from]
	if r == nil {
		if len(m.resources) >= maxResources {
			return
		}
		r = &resource{via: make(map[*group]struct{})}
		m.resources[from] = r
	}
	if len(r.via) == 0 {
		m.came = m.d.now
	}
	r.via[m.group] = struct{}{}
	r.show, r.status, r.priority = "", "", 0
	switch s := strings.TrimSpace(n.child("show", "").words()); s {
	case "chat", "away", "xa", "dnd":
		r.show = s
	}
	r.status = n.child("status", "").words()
	if p, err := strconv.ParseInt(strings.TrimSpace(n.child("priority", "").words()), 10, 8); err == nil {
		r.priority = int(p)
	}
	if s := n.child("agent-status", nsWorkgroup); s != nil {
		r.native, r.max = true, 0
		if hint, err := strconv.Atoi(strings.TrimSpace(s.child("max-chats", nsWorkgroup).words())); err == nil && hint > 0 {
			r.max = hint
		}
	}
	if c := n.child("c", "http://jabber.org/protocol/caps"); c != nil { // XEP-0115
		r.smack = strings.Contains(c.attr("node"), "igniterealtime.org")
	}
	m.heard()
}

// words is the text of an element that may not be there.
func (n *node) words() string {
	if n == nil {
		return ""
	}
	return n.text
}

// unavailable takes a client's leave, or with a bare JID the server's word that there is none (RFC 6121 §4.3.2.1). A
// client counts as long as any workgroup has its presence.
func (m *member) unavailable(from string) {
	bare := from == m.jid
	for jid, r := range m.resources {
		if !bare && jid != from {
			continue
		}
		delete(r.via, m.group)
		if len(r.via) == 0 {
			delete(m.resources, jid)
		}
	}
	m.heard()
}

// heard draws the conclusions from what was heard of him, or not heard for long enough.
func (a *agent) heard() {
	a.unknown = false
	show, any := a.shows()
	up := any && rankOf(show) >= rankOf("")
	if up && !a.up && a.been {
		a.upSince = a.d.now
	}
	a.up, a.been = up, a.been || up
	a.rouse()
	a.d.changed(a)
}

// subscription moves the subscriptions between him and the workgroup on (RFC 6121 §3).
func (m *member) subscription(typ string) {
	d, g := m.d, m.group
	switch typ {
	case "subscribe": // §3.1.5, §3.1.6: answered also if he has it already
		m.sub.From = true
		m.keep()
		d.send(el("presence", "", "from", g.jid, "to", m.jid, "type", "subscribed"))
		d.send(g.shown(m.jid))
		if !m.sub.To && d.now.Sub(m.sub.Asked) >= time.Minute { // he wants us, so he may be asked anew
			m.sub.Asked, m.sub.Tries = time.Time{}, 0
			m.ask()
		}
	case "unsubscribe": // §3.3.3
		m.sub.From = false
		m.keep()
		d.send(el("presence", "", "from", g.jid, "to", m.jid, "type", "unavailable"))
	case "subscribed":
		if m.sub.To {
			return
		}
		m.sub.To, m.sub.Tries = true, 0
		d.stop(m.asking)
		m.asking = nil
		m.keep()
		d.send(el("presence", "", "from", g.jid, "to", m.jid, "type", "probe"))
	case "unsubscribed": // he refuses or takes it back: he isn't asked again unless he subscribes to us
		m.sub.To, m.sub.Tries = false, len(askAfter)
		d.stop(m.asking)
		m.asking = nil
		m.keep()
		m.unavailable(m.jid)
	}
}

// ask asks for his presence if we don't have it and he hasn't been asked lately, or too often.
func (m *member) ask() {
	d := m.d
	d.stop(m.asking)
	m.asking = nil
	if m.sub.To || m.sub.Tries >= len(askAfter) {
		return
	}
	if m.sub.Tries == 0 || !d.now.Before(m.sub.Asked.Add(askAfter[m.sub.Tries])) {
		m.sub.Asked = d.now
		m.sub.Tries++
		m.keep()
		d.send(el("presence", "", "from", m.group.jid, "to", m.jid, "type", "subscribe"))
	}
	if m.sub.Tries < len(askAfter) {
		m.asking = d.at(m.sub.Asked.Add(askAfter[m.sub.Tries]), m.ask)
	}
}

// probeAll starts the paced probes after the link came up. Until an agent is heard of he is unknown; what was known of his
// clients before is stale, and counts again only if he is heard of in time.
func (d *Desk) probeAll() {
	d.stopProbes()
	d.toProbe = d.agentsByJID()
	for _, a := range d.toProbe {
		a.unknown = true
		for _, r := range a.resources {
			clear(r.via)
		}
		d.changed(a)
	}
	for _, g := range d.groups {
		g.face.renew(g)
	}
	d.probeSome()
	d.linkHold = d.at(d.now.Add(unsureTime), func() { // what they are counts from now on, also if nothing has been heard
		d.linkHold = nil
		for _, a := range d.agentsByJID() {
			d.changed(a)
		}
	})
}

// probeSome asks the servers of the next few agents (RFC 6121 §4.3.1) and shows them the workgroups.
func (d *Desk) probeSome() {
	d.probing = nil
	n := min(probeBatch, len(d.toProbe))
	for _, a := range d.toProbe[:n] {
		for _, m := range a.members {
			if m.sub.To {
				d.send(el("presence", "", "from", m.group.jid, "to", a.jid, "type", "probe"))
			} else {
				m.ask()
			}
			if m.sub.From {
				d.send(m.group.shown(a.jid))
			}
		}
		a.answerBy = d.at(d.now.Add(probeAnswers), a.silent)
	}
	if d.toProbe = d.toProbe[n:]; len(d.toProbe) > 0 {
		d.probing = d.at(d.now.Add(probePause), d.probeSome)
	}
}

// silent ends the wait for an answer: clients that weren't heard of again are gone.
func (a *agent) silent() {
	a.answerBy = nil
	for jid, r := range a.resources {
		if len(r.via) == 0 {
			delete(a.resources, jid)
		}
	}
	a.heard()
}

// stopProbes takes back what the last LinkUp or LinkDown has begun.
func (d *Desk) stopProbes() {
	d.stop(d.probing)
	d.stop(d.linkHold)
	d.probing, d.linkHold, d.toProbe = nil, nil, nil
	for _, a := range d.agents {
		d.stop(a.answerBy)
		a.answerBy = nil
		for _, m := range a.members {
			d.stop(m.asking)
			m.asking = nil
		}
	}
}

// agentsUnseen begins when the link is lost: agents stay what they are for a while, then they are gone.
func (d *Desk) agentsUnseen() {
	d.stopProbes()
	d.linkHold = d.at(d.now.Add(linkHold), func() {
		d.linkHold = nil
		for _, a := range d.agentsByJID() {
			clear(a.resources)
			a.heard()
		}
	})
}
