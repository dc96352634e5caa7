package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The people of the support desk: visitors with Strophe.js through the edge, agents and supervisors with slixmpp straight
// at the server, as with any client of theirs.
var (
	visitorLib = library{name: "visitor", args: nodeDriver("visitor.js")}
	// Debian's package python3-slixmpp belongs to Debian's Python, which need not be the first in PATH.
	memberLib = library{name: "member", program: "/usr/bin/python3", args: func(*pages) []string { return []string{"-B", "member.py"} }}
)

// visitor is a person on the web page.
type visitor struct {
	*client
	net       *relay
	workgroup string // JID of the one he asks
	id        string // of his conversation, once he was told
	number    int
}

// visitor logs one in at a site.
func (d *desk) visitor(t *testing.T, domain, workgroup string) *visitor {
	t.Helper()
	v := &visitor{client: start(t, visitorLib, nil), net: newRelay(t, d.addr), workgroup: workgroup}
	v.login("ws://"+v.net.addr+"/xmpp-websocket", "ws", domain)
	return v
}

func bareJID(jid string) string {
	bare, _, _ := strings.Cut(jid, "/")
	return bare
}

// asks is join-queue with these values in a form; none: without a form. It expects to be taken.
func (v *visitor) asks(form map[string]string) {
	v.t.Helper()
	if e := v.tries(form, nil); e.Type != "result" {
		v.t.Fatalf("join-queue was refused: %s", e)
	}
	v.state("queued", "offered")
}

// tries is join-queue with whatever answer.
func (v *visitor) tries(form, about map[string]string) event {
	v.t.Helper()
	v.do("ask", map[string]any{"to": v.workgroup, "form": form, "visitor": about, "updates": true})
	return v.next("asked", nil)
}

// state waits until the visitor is told that his conversation is in one of these states.
func (v *visitor) state(states ...string) event {
	v.t.Helper()
	e := v.next("conversation", func(e event) bool { return slices.Contains(states, e.State) })
	v.id, v.number = e.ID, e.Number
	return e
}

// enters waits until the visitor, having followed his invitation, is in a support room, and returns it.
func (v *visitor) enters() (room string) {
	v.t.Helper()
	room = v.next("invited", nil).Room
	v.nick = v.next("joined", func(e event) bool { return e.Room == room }).Nick
	return room
}

// place asks for the position in the queue.
func (v *visitor) place() event {
	v.t.Helper()
	v.do("place", map[string]any{"to": v.workgroup})
	return v.next("place", nil)
}

// awaits waits until the queue has told this position: by its push, or because it is asked again.
func (v *visitor) awaits(position int) {
	v.t.Helper()
	v.next("queue", func(e event) bool { return e.Position == position })
}

func (v *visitor) says(room, text string) {
	v.t.Helper()
	v.do("say", map[string]any{"room": room, "text": text})
}

func (v *visitor) rates(value int, text string) event {
	v.t.Helper()
	v.do("rate", map[string]any{"to": v.workgroup, "conversation": v.id, "value": value, "text": text})
	return v.next("rated", nil)
}

// member is an agent or supervisor.
type member struct {
	*client
	bare string
}

// signIn starts a client of an account of localhost; more may hold show, priority, nick, follow.
func (d *desk) signIn(t *testing.T, user string, more map[string]any) *member {
	t.Helper()
	m := &member{client: start(t, memberLib, nil), bare: user + "@localhost"}
	host, port, _ := strings.Cut(d.server.C2SAddr(), ":")
	args := map[string]any{"jid": m.bare + "/" + random(), "password": d.server.Password(user), "host": host, "port": port}
	for k, v := range more {
		args[k] = v
	}
	m.client.nick = user
	m.do("connect", args)
	m.jid = m.next("online", nil).JID
	return m
}

// serves waits until the workgroup is a contact that shows to this client that it is open, so subscriptions are settled
// and it has an agent.
func (m *member) serves(workgroup string) *member {
	m.t.Helper()
	m.next("contact", func(e event) bool { return e.From == workgroup && e.Type == "available" && e.Show == "" })
	return m
}

func (m *member) tells(to, text string) {
	m.t.Helper()
	m.do("chat", map[string]any{"to": to, "text": text})
}

// hearsFrom waits for a chat message with all of these in it.
func (m *member) hearsFrom(workgroup string, parts ...string) event {
	m.t.Helper()
	return m.next("chat", func(e event) bool { return e.From == workgroup && containsAll(e.Text, parts) })
}

func containsAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(strings.ToLower(text), strings.ToLower(part)) {
			return false
		}
	}
	return true
}

// offered waits for the offer of a conversation, in the form of docs/interface.md B.6.
func (m *member) offered(v *visitor) event {
	m.t.Helper()
	return m.hearsFrom(v.workgroup, fmt.Sprintf("[#%d]", v.number), "1 accept", "2 decline")
}

// takes is an offer accepted by text, and the invitation followed into the room.
func (m *member) takes(v *visitor) (room string) {
	m.t.Helper()
	m.offered(v)
	m.tells(v.workgroup, "1")
	return m.enters()
}

func (m *member) enters() (room string) {
	m.t.Helper()
	room = m.next("invited", func(e event) bool { return e.Type == "direct" }).Room
	m.next("joined", func(e event) bool { return e.Room == room })
	return room
}

// isOut waits until the agent sees himself out of the room. (Not every server says 110 to somebody who is put out.)
func (m *member) isOut(room string) {
	m.t.Helper()
	m.next("presence", func(e event) bool { return e.Room == room && e.Nick == m.nick && e.Type == "unavailable" })
}

func (m *member) says(room, text string) {
	m.t.Helper()
	m.do("say", map[string]any{"room": room, "text": text})
}

// runs is an ad-hoc command (docs/interface.md B.4).
func (m *member) runs(workgroup, name string, fields map[string]string) event {
	m.t.Helper()
	m.do("run", map[string]any{"to": workgroup, "node": "urn:usher:cmd:0#" + name, "fields": fields})
	return m.next("command", nil)
}

// hearsIn waits for what somebody says in a room.
func (c *client) hearsIn(room, nick, text string) event {
	c.t.Helper()
	return c.next("message", func(e event) bool { return e.Room == room && e.Nick == nick && e.Text == text })
}

// connects is everything from asking to both in one room; the visitor is logged in, the agent serves the workgroup.
func connects(v *visitor, a *member, form map[string]string) (room string) {
	v.t.Helper()
	v.asks(form)
	room = a.takes(v)
	if at := v.enters(); at != room {
		v.t.Fatalf("the visitor is in %s, the agent in %s", at, room)
	}
	v.state("active")
	return room
}

// exchange is a line each, heard by both.
func exchange(v *visitor, a *member, room, text string) {
	v.t.Helper()
	v.says(room, "visitor: "+text)
	a.hearsIn(room, v.nick, "visitor: "+text)
	a.says(room, "agent: "+text)
	v.hearsIn(room, a.nick, "agent: "+text)
}
