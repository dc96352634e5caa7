package workgroup

import (
	"slices"
	"strings"
	"testing"
)

// execute runs an ad-hoc command at once, with these fields, and returns the answer.
func (a *clerk) execute(group, verb string, fields ...string) *node {
	a.p.t.Helper()
	form := el("x", nsForm, "type", "submit")
	for i := 0; i+1 < len(fields); i += 2 {
		form.with(el("field", "", "var", fields[i]).with(el("value", "").said(fields[i+1])))
	}
	return a.asks(group, "set", el("command", nsCommands, "node", cmdPrefix+verb, "action", "execute").with(form))
}

// asks sends an IQ request from the clerk's first client and returns its answer.
func (a *clerk) asks(to, typ string, payload *node) *node {
	a.p.t.Helper()
	a.p.serial++
	id := "iq" + string(rune('a'+a.p.serial%26)) + strings.Repeat("x", a.p.serial%7)
	a.clients[0].got = nil
	a.clients[0].sends(el("iq", "", "type", typ, "to", to, "id", id).with(payload))
	for i, n := range a.clients[0].got {
		if n.name == "iq" && n.attr("id") == id && (n.attr("type") == "result" || n.attr("type") == "error") {
			a.clients[0].got = slices.Delete(a.clients[0].got, i, i+1)
			return n
		}
	}
	a.p.t.Fatalf("%s got no answer to %s", a.bare, payload.append(nil, ""))
	return nil
}

// outcome is what an IQ came to, in a few words: an error's conditions, a command's status and note, a result's child.
func outcome(n *node) string {
	if n.attr("type") == "error" {
		var all []string
		for _, k := range n.child("error", "").kids {
			if k.name != "text" {
				all = append(all, k.name)
			}
		}
		return "error " + n.child("error", "").attr("code") + " " + strings.Join(all, " ")
	}
	c := n.child("command", nsCommands)
	if c == nil {
		if n.first() == nil {
			return "result"
		}
		return "result " + n.first().name
	}
	s := c.attr("status")
	if note := c.child("note", nsCommands); note != nil {
		s += " " + note.attr("type") + ": " + note.text
	}
	if x := c.child("x", nsForm); x != nil {
		s += " " + x.attr("type")
	}
	return s
}

// supervising are the words only supervisors have, with their fields as commands.
var supervising = []struct {
	words  string
	verb   string
	fields []string
}{
	{"enter 1", "enter", []string{"conversation", "1"}},
	{"leave 1", "leave", []string{"conversation", "1"}},
	{"assign 1 bob", "assign", []string{"conversation", "1", "agent", "bob"}},
	{"takeover 1", "takeover", []string{"conversation", "1"}},
	{"ban 1 24h spam", "ban", []string{"conversation", "1", "until", "24h", "reason", "spam"}},
	{"unban X", "unban", []string{"text", "X"}},
	{"bans", "bans", nil},
}

// TestSupervisorsWordsAreTheirs: an agent gets nowhere with them, by words, in the room, or as commands.
func TestSupervisorsWordsAreTheirs(t *testing.T) {
	p := newPlay(t)
	alice, bob, ann := p.agent("alice"), p.agent("bob"), p.visitor("ann")
	ann.asks("Hello?")
	alice.types("1")
	if !alice.clients[0].rooms[ann.room] {
		alice, bob = bob, alice
		alice.types("1")
	}
	const no = "only a supervisor of this workgroup may do that"
	for _, w := range supervising {
		bob.answers(w.words, no)
		alice.words()
		alice.says("!" + w.words)
		alice.reads("says !"+w.words+" in the room", no)
		want := "error 403 forbidden"
		if w.verb == "bans" { // it's no command: unban lists them
			want = "error 404 item-not-found"
		}
		if got := outcome(bob.execute(support, w.verb, w.fields...)); got != want {
			t.Errorf("%s as a command: %s, want %s", w.verb, got, want)
		}
	}
	name, _, _ := mucParts(alice.bare)
	bob.answers("pause "+name, "that is too much: pause [30m]")
	bob.answers("resume "+name, "that is too much: resume")
	// The field agent is a supervisor's: an agent who fills it in pauses himself.
	if got := outcome(bob.execute(support, "pause", "agent", alice.bare)); got != "completed info: you get no offers until you resume" {
		t.Errorf("pause of another: %s", got)
	}
	alice.answers("list", "#1 · Visitor 1 · active · 0 s · "+name)
	for _, verb := range []string{"close", "note", "transfer"} {
		got := outcome(bob.execute(support, verb, "conversation", "1", "text", "x", "workgroup", "support"))
		if !strings.HasPrefix(got, "completed error: ") {
			t.Errorf("%s of another's chat: %s", verb, got)
		}
	}
	bob.answers("list", "you have no chat")
	p.is("after all that", 1, "active")
}

// TestOthersSeeNothing: members of another site's workgroup, and strangers, neither see nor touch a chat; an agent of one
// workgroup who supervises another has a supervisor's words only there.
func TestOthersSeeNothing(t *testing.T) {
	p := newPlay(t, playGroup(), playGroup(func(g *Group) {
		g.Site, g.Name, g.Address = "bank", "money", "money"
		g.Agents, g.Supervisors = []Member{{JID: "eve@" + playHome}}, []string{"alice@" + playHome, "mallory@" + playHome}
	}))
	alice, carol, eve, mallory := p.agent("alice"), p.agent("carol"), p.agent("eve"), p.agent("mallory")
	stranger := p.agent("stranger")
	ann := p.visitor("ann")
	p.chat(alice, ann, "Hello?")
	const money = "money@" + playDesk
	eve.group, mallory.group = money, money
	for words, want := range map[string]string{
		"list": "nobody waits, nobody chats", "close 1": "there is no chat #1 here", "enter 1": "there is no chat #1 here",
		"note 1 x": "there is no chat #1 here", "ban 1": "there is no chat #1 here", "takeover 1": "there is no chat #1 here",
		"assign 1 eve": "there is no chat #1 here", "transfer 1 eve": "there is no chat #1 here", "who": "nobody is on the site",
		"call 1 Hello": "there is no visitor 1: who shows the list", "bans": "nobody is banned", "pause alice": "there is no such agent here",
	} {
		mallory.answers(words, want)
	}
	eve.answers("close 1", "there is no chat #1 here")
	eve.answers("list", "you have no chat")
	// Alice has this chat, but no supervisor's word where she is an agent, and she can't hand it to another site.
	alice.answers("bans", "only a supervisor of this workgroup may do that")
	alice.answers("transfer 1 eve", "there is no such agent or workgroup here")
	alice.answers("transfer 1 money", "there is no such agent or workgroup here")
	alice.answers("transfer 1 eve@"+playHome, "there is no such agent or workgroup here")
	// Who belongs to one workgroup is nobody to the other.
	for _, a := range []*clerk{eve, mallory, stranger} {
		a.group = support
		a.words()
		a.clients[0].got = nil
		a.types("list")
		a.sees("writes to a workgroup that isn't his", "message error forbidden")
		for _, q := range []*node{
			el("query", "http://jabber.org/protocol/disco#items", "node", nsCommands),
			el("query", "http://jabber.org/protocol/disco#info", "node", cmdPrefix+"list"),
		} {
			if got := outcome(a.asks(support, "get", q)); got != "error 403 forbidden" {
				t.Errorf("%s asks for commands: %s", a.bare, got)
			}
		}
		if got := outcome(a.execute(support, "list")); got != "error 403 forbidden" {
			t.Errorf("%s runs a command: %s", a.bare, got)
		}
		if got := outcome(a.asks(support, "get", el("agent-status-request", nsWorkgroup))); got != "error 401 not-authorized" {
			t.Errorf("%s asks for the agents: %s", a.bare, got)
		}
	}
	carol.answers("list", "#1 · Visitor 1 · active · 0 s · alice")
	p.is("after all that", 1, "active")
}

// TestSupervisorWhoIsNoAgent has no use for words about his own offers.
func TestSupervisorWhoIsNoAgent(t *testing.T) {
	p := newPlay(t)
	carol := p.agent("carol")
	for _, words := range []string{"1", "2", "accept 1", "decline", "max 2", "pause", "pause 30m", "resume"} {
		carol.answers(words, "you get no offers here")
	}
	carol.answers("list", "nobody waits, nobody chats")
	if got := outcome(carol.execute(support, "max", "text", "2")); got != "completed error: you get no offers here" {
		t.Errorf("max as a command: %s", got)
	}
	got := ""
	for _, i := range carol.asks(support, "get", el("query", "http://jabber.org/protocol/disco#items", "node", nsCommands)).first().kids {
		got += " " + strings.TrimPrefix(i.attr("node"), cmdPrefix)
	}
	if want := " accept decline pause resume max list who call enter leave transfer assign takeover close ban unban note"; got != want {
		t.Errorf("his commands:%s\nwant%s", got, want)
	}
}
