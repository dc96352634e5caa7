package workgroup

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// FuzzParseForm: whatever XML a client sends as a command's form, it is an order within its bounds, or a refusal.
func FuzzParseForm(f *testing.F) {
	field := func(name string, values ...string) string {
		return "<field var='" + name + "'><value>" + strings.Join(values, "</value><value>") + "</value></field>"
	}
	form := func(fields ...string) []byte {
		return []byte("<x xmlns='jabber:x:data' type='submit'>" + strings.Join(fields, "") + "</x>")
	}
	for _, b := range [][]byte{
		form(), form(field("conversation", "17")), form(field("conversation", "#17", "18"), field("until", "24h")),
		form(field("text", "a", "b")), form(field("agent", "bob@localhost"), field("workgroup", "billing")),
		form(field("until", "2026-11-22T10:00:00Z")), form("<field/>"), form("<field var='text'><y/></field>"),
		[]byte("<x xmlns='jabber:x:data' type='cancel'/>"), []byte("<x/>"),
	} {
		for i := range verbs() {
			f.Add(b, uint8(i), true)
		}
	}
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, b []byte, which uint8, supervisor bool) {
		x, err := parse(b)
		if err != nil {
			return
		}
		all := verbs()
		v := all[int(which)%len(all)]
		m := &member{group: &group{d: &Desk{now: now}}, supervisor: supervisor, serves: true}
		o, err := m.parseForm(v, x)
		if err != nil {
			if err.Error() == "" || len(err.Error()) > 200 {
				t.Fatalf("%s: refusal %q", b, err)
			}
			return
		}
		if o.verb.name != v.name || o.number < 0 || o.length < 0 || o.length > longest || len(o.text) > mostNoted ||
			len(strings.Fields(o.name)) > 1 {
			t.Fatalf("%s: %+v", b, o)
		}
	})
}

const nsDiscoItems, nsDiscoInfo = "http://jabber.org/protocol/disco#items", "http://jabber.org/protocol/disco#info"

// TestCommandsAreFound: by disco, to each what he may (XEP-0050 §2.2).
func TestCommandsAreFound(t *testing.T) {
	p := newPlay(t)
	alice, carol := p.agent("alice"), p.agent("carol")
	const agents = "accept decline pause resume max list who call transfer close note"
	const all = "accept decline pause resume max list who call enter leave transfer assign takeover close ban unban note"
	for a, want := range map[*clerk]string{alice: agents, carol: all} {
		answer := a.asks(support, "get", el("query", nsDiscoItems, "node", nsCommands)).child("query", nsDiscoItems)
		if answer.attr("node") != nsCommands {
			t.Errorf("the answer is about node %q", answer.attr("node"))
		}
		var got []string
		for _, i := range answer.kids {
			verb, ok := strings.CutPrefix(i.attr("node"), "urn:usher:cmd:0#")
			if !ok || i.attr("jid") != support || i.attr("name") == "" {
				t.Errorf("item %s", i.append(nil, ""))
			}
			got = append(got, verb)
			info := a.asks(support, "get", el("query", nsDiscoInfo, "node", i.attr("node"))).child("query", nsDiscoInfo)
			id := info.child("identity", nsDiscoInfo)
			if id == nil || id.attr("category") != "automation" || id.attr("type") != "command-node" || id.attr("name") != i.attr("name") ||
				len(info.kids) != 3 || info.kids[1].attr("var") != nsCommands || info.kids[2].attr("var") != nsForm {
				t.Errorf("about %s: %s", verb, info.append(nil, ""))
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s is shown %s, want %s", a.bare, s, want)
		}
	}
	list := alice.asks(support, "get", el("query", nsDiscoInfo, "node", nsCommands)).child("query", nsDiscoInfo)
	if id := list.child("identity", nsDiscoInfo); id.attr("category") != "automation" || id.attr("type") != "command-list" {
		t.Errorf("about the list: %s", list.append(nil, ""))
	}
	info := alice.asks(support, "get", el("query", nsDiscoInfo)).child("query", nsDiscoInfo)
	if !strings.Contains(string(info.append(nil, "")), nsCommands) {
		t.Errorf("the workgroup doesn't say that it has commands: %s", info.append(nil, ""))
	}
	if got := outcome(alice.asks(support, "get", el("query", nsDiscoInfo, "node", cmdPrefix+"ban"))); got != "error 403 forbidden" {
		t.Errorf("about a supervisor's command: %s", got)
	}
	if got := outcome(alice.asks(support, "get", el("query", nsDiscoItems, "node", cmdPrefix+"list"))); got != "result query" {
		t.Errorf("items of a command: %s", got)
	}
}

// command sends a command request.
func (a *clerk) command(verb, session, action string, form *node) *node {
	a.p.t.Helper()
	return a.asks(support, "set", el("command", nsCommands, "node", cmdPrefix+verb, "sessionid", session, "action", action).with(form))
}

// filled is a submitted form.
func filled(fields ...string) *node {
	form := el("x", nsForm, "type", "submit")
	for i := 0; i+1 < len(fields); i += 2 {
		form.with(el("field", "", "var", fields[i]).with(el("value", "").said(fields[i+1])))
	}
	return form
}

// formShape is a form in a line: each field with its type, a * if it's required, its options, and its value.
func formShape(answer *node) string {
	var all []string
	for _, f := range answer.child("command", nsCommands).child("x", nsForm).kids {
		if f.name != "field" {
			continue
		}
		s := f.attr("var") + ":" + f.attr("type")
		if f.child("required", nsForm) != nil {
			s += "*"
		}
		var options []string
		for _, k := range f.kids {
			switch k.name {
			case "option":
				options = append(options, k.child("value", nsForm).text)
			case "value":
				s += "=" + k.text
			}
		}
		if len(options) > 0 {
			s += "[" + strings.Join(options, " ") + "]"
		}
		all = append(all, s)
	}
	return strings.Join(all, " ")
}

// TestFormsOfCommands: each has the fields of docs/interface.md B.4, and its lists hold what there is.
func TestFormsOfCommands(t *testing.T) {
	p := newPlay(t, playGroup(), playGroup(func(g *Group) { g.Name, g.Address, g.Agents = "billing", "billing", nil }))
	alice, carol, ann, ben := p.agent("alice"), p.agent("carol"), p.visitor("ann"), p.visitor("ben")
	p.chat(alice, ann, "Hello?")
	ben.asks("And me?")
	const two = "alice@corp.test bob@corp.test"
	for _, c := range []struct {
		who  *clerk
		verb string
		want string
	}{
		{alice, "accept", "conversation:list-single=2[2]"},
		{alice, "decline", "conversation:list-single=2[2] reason:text-single"},
		{alice, "pause", "until:text-single"},
		{alice, "max", "text:text-single*=3"},
		{alice, "call", "conversation:list-single*[1 2] text:text-multi*"},
		{alice, "transfer", "conversation:list-single=1[1] agent:list-single[" + two + "] workgroup:list-single[billing support]"},
		{alice, "close", "conversation:list-single=1[1] reason:text-single"},
		{alice, "note", "conversation:list-single=1[1] text:text-multi*"},
		{carol, "pause", "agent:list-single[" + two + "] until:text-single"},
		{carol, "resume", "agent:list-single[" + two + "]"},
		{carol, "enter", "conversation:list-single*[1 2]"},
		{carol, "leave", "conversation:list-single*[1 2]"},
		{carol, "assign", "conversation:list-single*[1 2] agent:list-single*[" + two + "]"},
		{carol, "takeover", "conversation:list-single*[1 2]"},
		{carol, "ban", "conversation:list-single[1 2] until:text-single reason:text-single"},
		{carol, "unban", "text:list-single*"},
	} {
		answer := c.who.command(c.verb, "", "execute", nil)
		if got := outcome(answer); got != "executing form" {
			t.Errorf("%s: %s", c.verb, got)
			continue
		}
		if got := formShape(answer); got != c.want {
			t.Errorf("%s of %s: %s, want %s", c.verb, c.who.bare, got, c.want)
		}
		cmd := answer.child("command", nsCommands)
		if a := cmd.child("actions", nsCommands); a.attr("execute") != "complete" || a.child("complete", nsCommands) == nil || len(a.kids) != 1 {
			t.Errorf("%s: actions %s", c.verb, a.append(nil, ""))
		}
	}
}

// TestACommandStepByStep reads like the wire: ask for the form, send it wrong, send it right, send it again.
func TestACommandStepByStep(t *testing.T) {
	p := newPlay(t)
	alice, ann := p.agent("alice"), p.visitor("ann")
	p.chat(alice, ann, "Hello?")
	first := alice.command("note", "", "", nil)
	id := first.child("command", nsCommands).attr("sessionid")
	for _, c := range []struct{ name, session, action, verb, want string }{
		{"without the text", id, "complete", "note", "error 400 bad-request bad-payload"},
		{"back", id, "prev", "note", "error 400 bad-request bad-action"},
		{"something else", id, "fly", "note", "error 400 bad-request malformed-action"},
		{"of another command", id, "complete", "close", "error 400 bad-request bad-sessionid"},
		{"an invented one", "x" + id, "complete", "note", "error 400 bad-request bad-sessionid"},
	} {
		if got := outcome(alice.command(c.verb, c.session, c.action, filled("conversation", "1"))); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	// An id is its client's.
	second := alice.client("phone")
	second.online("")
	second.got = nil
	second.sends(el("iq", "", "type", "set", "to", support, "id", "p1").with(
		el("command", nsCommands, "node", cmdPrefix+"note", "sessionid", id).with(filled("text", "x"))))
	if got := outcome(second.got[0]); got != "error 400 bad-request bad-sessionid" {
		t.Errorf("from another client: %s", got)
	}
	done := alice.command("note", id, "next", filled("conversation", "1", "text", "first line"))
	if got := outcome(done); got != "completed info: noted on #1 Visitor 1" || done.child("command", nsCommands).attr("sessionid") != id {
		t.Errorf("sent right: %s", done.append(nil, ""))
	}
	if got := outcome(alice.command("note", id, "complete", filled("text", "x"))); got != "error 405 not-allowed session-expired" {
		t.Errorf("sent again: %s", got)
	}
	p.says(1, `
		1 join visitor Visitor 1
		2 join agent alice
		3 note agent alice «first line»`)
	third := alice.command("close", "", "execute", nil).child("command", nsCommands).attr("sessionid")
	if got := outcome(alice.command("close", third, "cancel", nil)); got != "canceled" {
		t.Errorf("cancelled: %s", got)
	}
	if got := outcome(alice.command("close", third, "complete", filled())); got != "error 405 not-allowed session-expired" {
		t.Errorf("after cancelling: %s", got)
	}
	late := alice.command("close", "", "execute", nil).child("command", nsCommands).attr("sessionid")
	p.wait(sessionLife)
	if got := outcome(alice.command("close", late, "complete", filled())); got != "error 405 not-allowed session-expired" {
		t.Errorf("after 10 min: %s", got)
	}
}

// TestCommandsDo: what the words do, at once if the form comes with the first request.
func TestCommandsDo(t *testing.T) {
	p := newPlay(t)
	alice, carol, ann, ben := p.agent("alice"), p.agent("carol"), p.visitor("ann"), p.visitor("ben")
	ann.asks("Hello?")
	for _, c := range []struct {
		who    *clerk
		verb   string
		fields []string
		want   string
	}{
		{alice, "accept", nil, "completed info: #1 Visitor 1 is yours: the invitation follows"},
		{alice, "accept", nil, "completed error: nothing is offered to you"},
		{alice, "list", nil, "completed result"},
		{alice, "who", nil, "completed result"},
		{alice, "pause", []string{"until", "2026-03-02T12:00:00Z"}, "completed info: you get no offers for 2 h 59 min"},
		{alice, "pause", []string{"until", "2026-03-02T08:00:00Z"}, "error 400 bad-request bad-payload"},
		{alice, "pause", []string{"until", "soon"}, "error 400 bad-request bad-payload"},
		{alice, "resume", nil, "completed info: you get offers again"},
		{alice, "max", []string{"text", "2"}, "completed info: at most 2 chats"},
		{alice, "max", []string{"text", "many"}, "error 400 bad-request bad-payload"},
		{alice, "note", []string{"conversation", "#1", "text", "a\nb"}, "completed info: noted on #1 Visitor 1"},
		{alice, "transfer", []string{"conversation", "1"}, "error 400 bad-request bad-payload"},
		{alice, "transfer", []string{"conversation", "1", "agent", "bob", "workgroup", "support"}, "error 400 bad-request bad-payload"},
		{alice, "transfer", []string{"conversation", "1", "agent", "bob@corp.test"}, "completed error: he can not take one now"},
		{alice, "close", []string{"conversation", "one"}, "error 400 bad-request bad-payload"},
		{alice, "close", []string{"conversation", "9"}, "completed error: there is no chat #9 here"},
		{alice, "call", []string{"conversation", "2", "text", "Can I help?"}, "completed info: #2: the visitor is asked in"},
		{alice, "fly", nil, "error 404 item-not-found"},
		{alice, "help", nil, "error 404 item-not-found"},
		{carol, "enter", nil, "error 400 bad-request bad-payload"},
		{carol, "enter", []string{"conversation", "1"}, "completed info: the invitation to #1 Visitor 1 follows"},
		{carol, "leave", []string{"conversation", "1"}, "completed info: you have left #1 Visitor 1"},
		{carol, "assign", []string{"conversation", "1", "agent", "zoe"}, "completed error: there is no such agent here"},
		{carol, "takeover", []string{"conversation", "2"}, "completed info: #2 Visitor 2 is yours: the invitation follows"},
		{carol, "ban", []string{"conversation", "2", "until", "24h", "reason", "spam"}, "completed info: #2 Visitor 2 is banned for 1 d: unban b1 lifts it"},
		{carol, "unban", []string{"text", "b1"}, "completed info: ban b1 is lifted"},
		{carol, "pause", []string{"agent", "alice", "until", "30m"}, "completed info: alice gets no offers for 30 min"},
		{carol, "resume", []string{"agent", "alice"}, "completed info: alice gets offers again"},
		{alice, "close", []string{"conversation", "1", "reason", "solved"}, "completed info: #1 Visitor 1 closed"},
		{alice, "list", nil, "completed info: you have no chat"},
	} {
		if got := outcome(c.who.execute(support, c.verb, c.fields...)); got != c.want {
			t.Errorf("%s %v: %s, want %s", c.verb, c.fields, got, c.want)
		}
	}
	if ben.room != "" {
		ben.leaves()
	}
}

// TestCommandNamesAChatByItsID: the id that everybody sees of a chat is as good as its number, to who sees the chat.
func TestCommandNamesAChatByItsID(t *testing.T) {
	p := newPlay(t)
	alice, bob, ann := p.agent("alice"), p.agent("bob"), p.visitor("ann")
	ann.asks("Hello?")
	if alice.words(); strings.Contains(bob.words(), "[#1]") {
		alice, bob = bob, alice
	}
	id := p.kept.all()[0].ID
	for _, c := range []struct {
		who  *clerk
		verb string
		want string
	}{
		{bob, "accept", "completed error: nothing is offered to you"},
		{alice, "accept", "completed info: #1 Visitor 1 is yours: the invitation follows"},
		{alice, "call", "error 400 bad-request bad-payload"},
		{alice, "close", "completed info: #1 Visitor 1 closed"},
	} {
		if got := outcome(c.who.execute(support, c.verb, "conversation", id, "text", "x")); got != c.want {
			t.Errorf("%s: %s, want %s", c.verb, got, c.want)
		}
	}
}

// TestListsAsTables: list and who give rows under named columns (XEP-0004 §3.4).
func TestListsAsTables(t *testing.T) {
	p := newPlay(t)
	alice, ann := p.agent("alice"), p.visitor("ann")
	p.chat(alice, ann, "Hello?")
	x := alice.command("list", "", "execute", nil).child("command", nsCommands).child("x", nsForm)
	columns, row := "", ""
	for _, f := range x.child("reported", nsForm).kids {
		columns += f.attr("var") + " "
	}
	for _, f := range x.child("item", nsForm).kids {
		row += f.attr("var") + "=" + f.child("value", nsForm).text + " "
	}
	if columns != "conversation name state page wait agent " || row != "conversation=1 name=Visitor 1 state=active page= wait=0 s agent=alice " {
		t.Errorf("columns %s\nrow %s", columns, row)
	}
}

// TestSessionsAreBounded: 5 for a person, 500 in all; the oldest gives way and is then as good as invented.
func TestSessionsAreBounded(t *testing.T) {
	many := func(g *Group) {
		for i := range mostSessions / mostOwn {
			g.Agents = append(g.Agents, Member{JID: "a" + strconv.Itoa(i) + "@" + playHome})
		}
	}
	p := newPlay(t, playGroup(many))
	alice := p.agent("alice")
	open := func(a *clerk) string {
		return a.command("max", "", "execute", nil).child("command", nsCommands).attr("sessionid")
	}
	alive := func(a *clerk, id string) bool { // a wrong form leaves a session as it is
		return outcome(a.command("max", id, "complete", filled("text", "x"))) == "error 400 bad-request bad-payload"
	}
	var ids []string
	for range mostOwn + 1 {
		ids = append(ids, open(alice))
	}
	for i, id := range ids {
		if got, want := alive(alice, id), i > 0; got != want {
			t.Errorf("session %d of %d of one person: alive %v, want %v", i+1, len(ids), got, want)
		}
	}
	last := ids[len(ids)-1]
	for i := range mostSessions/mostOwn - 1 {
		a := p.agent("a" + strconv.Itoa(i))
		for range mostOwn {
			open(a)
		}
	}
	if !alive(alice, last) {
		t.Error("a session is gone before the table is full")
	}
	a := p.agent("a" + strconv.Itoa(mostSessions/mostOwn-1))
	for range mostOwn {
		open(a)
	}
	if alive(alice, last) {
		t.Error("the oldest session is still there though the table is full")
	}
}
