package workgroup

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"usher/xmpp"
)

// leavesWord leaves a message by form.
func (g *guest) leavesWord(fields ...string) *node {
	x := el("x", nsForm, "type", "submit")
	for i := 0; i+1 < len(fields); i += 2 {
		x.with(el("field", "", "var", fields[i]).with(el("value", "").said(fields[i+1])))
	}
	g.got = nil
	g.request("set", el("leave-message", nsDesk).with(x))
	return g.got[0]
}

// TestLeaveMessageWire is the form, what is wrong with it, and the message's id.
func TestLeaveMessageWire(t *testing.T) {
	p := newPlay(t)
	ann := p.visitor("ann")
	p.wire(ann, `
		> <iq type='get' id='1'><leave-message xmlns='urn:usher:desk:0'/></iq>
		< <iq type='result' from='support@desk.test' to='ann@desk.test/web1' id='1'><leave-message xmlns='urn:usher:desk:0'><x xmlns='jabber:x:data' type='form'><title>Leave a message</title><instructions>Nobody is here right now. Leave us a message, with an address that we may answer to.</instructions><field type='text-single' var='name' label='Name'/><field type='text-single' var='email' label='Mail address'/><field type='text-multi' var='question' label='Question'><required/></field></x></leave-message></iq>
		> <iq type='set' id='2'><leave-message xmlns='urn:usher:desk:0'/></iq>
		< <iq type='error' from='support@desk.test' to='ann@desk.test/web1' id='2'><error type='modify' code='406'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>Please fill in: Question</text></error></iq>
		> <iq type='set' id='3'><leave-message xmlns='urn:usher:desk:0'><visitor xmlns='urn:usher:desk:0' page='/cart'/><x xmlns='jabber:x:data' type='submit'><field var='email'><value>ann@example.org</value></field><field var='question'><value>Where is it?</value></field></x></leave-message></iq>
		< <iq type='result' from='support@desk.test' to='ann@desk.test/web1' id='3'><leave-message xmlns='urn:usher:desk:0' id='ULID'/></iq>`)
	row := p.row(1)
	if row.State != Offline || row.Question != "Where is it?" || row.Visitor.Email != "ann@example.org" || row.Visitor.Page != "/cart" {
		t.Errorf("kept %+v", row)
	}
	p.says(1, `
		1 message visitor «Where is it?»`)
	if len(p.kept.notices) != 0 {
		t.Errorf("told outside: %+v", p.kept.notices)
	}
}

// TestLeaveMessageForms: the site's own form is the one, and what is on it reaches the agent.
func TestLeaveMessageForms(t *testing.T) {
	p := newPlay(t, playGroup(func(g *Group) {
		g.OfflineForm = []Field{{Var: "email", Type: "text-single", Required: true}, {Var: "order", Type: "text-single", Label: map[string]string{"": "Order"}}}
		g.Webhook = map[string]bool{"offline": true}
		g.OfflineMail, g.Mail = []string{"desk@example.org", "boss@example.org"}, true
	}))
	ann := p.visitor("ann")
	if got := scene(ann.leavesWord("question", "Where?")); got != "iq error not-acceptable" {
		t.Errorf("without what is required: %s", got)
	}
	if got := scene(ann.leavesWord("question", "Where?\nWhen?", "email", "ann@example.org", "order", "4711", "name", "Ann Lee")); got != "iq result" {
		t.Errorf("with it: %s", got)
	}
	id := p.row(1).ID
	want := []Notice{
		{Site: "shop", Workgroup: "support", Event: "offline", Conversation: id, Time: p.now},
		{Site: "shop", Workgroup: "support", Event: "offline", Conversation: id, Mail: []string{"desk@example.org", "boss@example.org"}, Time: p.now},
	}
	if !reflect.DeepEqual(p.kept.notices, want) {
		t.Errorf("told outside: %+v\nwant %+v", p.kept.notices, want)
	}
	alice := p.agent("alice")
	var text string
	for _, n := range alice.clients[0].got {
		if b := n.child("body", ""); b != nil {
			text += b.text
		}
	}
	if want := "[#1] message left 2026-03-02 09:00 UTC by Ann Lee · ann@example.org\nWhere?\nWhen?\norder: 4711"; text != want {
		t.Errorf("the agent is told\n%s\nwant\n%s", text, want)
	}
}

// given lists the messages that an agent was given, by number.
func given(c *client) (numbers []string) {
	for _, n := range c.got {
		if b := n.child("body", ""); b != nil && strings.Contains(b.text, "message left") {
			numbers = append(numbers, strings.TrimSuffix(strings.TrimPrefix(strings.Fields(b.text)[0], "[#"), "]"))
		}
	}
	return numbers
}

// TestDeliverOffline: the first agent who comes in gets them all, in order, and nobody gets any of them again.
func TestDeliverOffline(t *testing.T) {
	p := newPlay(t)
	var want []string
	for i := range 23 {
		p.visitor(fmt.Sprint("v", i)).leavesWord("question", "?")
		want = append(want, fmt.Sprint(i+1))
	}
	alice := p.agent("alice")
	bob := p.agent("bob")
	p.wait(time.Minute)
	if got := given(alice.clients[0]); !reflect.DeepEqual(got, want) {
		t.Errorf("alice is given %v", got)
	}
	if got := given(bob.clients[0]); got != nil {
		t.Errorf("bob is given %v", got)
	}
	for i := range want {
		p.is("delivered", i+1, "closed delivered")
		if row := p.row(i + 1); !reflect.DeepEqual(row.Agents, []string{alice.bare}) || row.Closed.IsZero() {
			t.Fatalf("kept %+v", row)
		}
	}
	alice.offline()
	alice.online("")
	p.kill()
	p.wait(time.Minute)
	if got := given(alice.clients[0]); len(got) != len(want) {
		t.Errorf("alice is given some again: %v", got)
	}
}

// TestDeliverOfflineLater: only to who serves that workgroup and is ready, also long after a crash.
func TestDeliverOfflineLater(t *testing.T) {
	sales := playGroup(func(g *Group) { g.Name, g.Address, g.Agents = "sales", "sales", []Member{{JID: "bob@" + playHome}} })
	p := newPlay(t, playGroup(func(g *Group) { g.Agents = g.Agents[:1] }), sales)
	alice := p.agent("alice")
	alice.offline()
	p.visitor("ann").leavesWord("question", "?")
	bob, carol := p.agent("bob"), p.agent("carol")
	p.kill()
	p.wait(30 * time.Hour)
	alice.online("dnd")
	p.wait(time.Minute)
	alice.online("xa")
	p.wait(time.Minute)
	for _, a := range []*clerk{bob, carol} {
		if got := given(a.clients[0]); got != nil {
			t.Errorf("%s is given %v", a.bare, got)
		}
	}
	if got := given(alice.clients[0]); got != nil {
		t.Errorf("alice, who is not to be disturbed, is given %v", got)
	}
	alice.online("")
	p.wait(time.Minute)
	if got := given(alice.clients[0]); !reflect.DeepEqual(got, []string{"1"}) {
		t.Errorf("alice is given %v", got)
	}
}

// TestDeliverOfflineOverCrash: the server goes away, or Usher dies, with the message on its way: it is given again, as the same message.
func TestDeliverOfflineOverCrash(t *testing.T) {
	for name, end := range map[string]func(*play){
		"kill": (*play).kill,
		"link": func(p *play) { p.down(); p.wait(time.Minute); p.up() },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlay(t)
			p.visitor("ann").leavesWord("question", "?")
			alice := p.agent("alice")
			if got := given(alice.clients[0]); !reflect.DeepEqual(got, []string{"1"}) {
				t.Fatalf("alice is given %v", got)
			}
			end(p)
			p.is("nobody has it for sure", 1, "offline")
			p.wait(time.Minute)
			p.is("at last", 1, "closed delivered")
			ids := map[string]bool{}
			for _, n := range alice.clients[0].got {
				if b := n.child("body", ""); b != nil && strings.Contains(b.text, "message left") {
					ids[n.attr("id")] = true
				}
			}
			if len(ids) != 1 {
				t.Errorf("given under the ids %v", ids)
			}
		})
	}
}

// TestLeaveMessageBounds: how many are kept, of a workgroup and of one visitor.
func TestLeaveMessageBounds(t *testing.T) {
	p := newPlay(t)
	ann := p.visitor("ann")
	for range maxLeftEach {
		if got := scene(ann.leavesWord("question", "?")); got != "iq result" {
			t.Fatal(got)
		}
	}
	full := func(g *guest) {
		t.Helper()
		n := g.leavesWord("question", "?")
		e := n.child("error", "")
		if c := e.child("closed", nsDesk); scene(n) != "iq error service-unavailable" || c == nil || c.attr("reason") != "full" ||
			e.child("text", xmpp.NSStanzaErrors).text != texts["away_lost"]["en"] {
			t.Errorf("answered with %s", n.append(nil, ""))
		}
	}
	full(ann)
	for i := range maxLeft - maxLeftEach {
		if got := scene(p.visitor(fmt.Sprint("v", i)).leavesWord("question", "?")); got != "iq result" {
			t.Fatal(i, got)
		}
	}
	full(p.visitor("bea"))
	p.agent("alice")
	p.wait(10 * time.Minute)
	if got := scene(ann.leavesWord("question", "?")); got != "iq result" {
		t.Errorf("with room again: %s", got)
	}
}

// TestErased: whose words the archive has erased, by whatever name, of him no agent hears any more; of others he does.
func TestErased(t *testing.T) {
	for _, name := range []string{"ann@" + playSite, "ANN@" + playSite + "/web1", "Ann@example.org"} {
		t.Run(name, func(t *testing.T) {
			p := newPlay(t)
			p.visitor("ann").leavesWord("question", "secret", "email", "ann@example.org")
			p.visitor("bea").leavesWord("question", "open")
			p.d.Erased(p.now, name)
			p.carryOut()
			alice := p.agent("alice")
			p.wait(time.Minute)
			if got := given(alice.clients[0]); !reflect.DeepEqual(got, []string{"2"}) {
				t.Errorf("alice is given %v", got)
			}
			p.is("the erased one's", 1, "offline") // the desk writes nothing more of it
		})
	}
}

// TestErasedInChat: who takes a chat over isn't told what was erased of it.
func TestErasedInChat(t *testing.T) {
	p := newPlay(t)
	alice, bob, ann := p.agent("alice"), p.agent("bob"), p.visitor("ann")
	alice.types("max 1")
	bob.types("pause")
	ann.asks("secret question")
	alice.types("1")
	ann.says("secret words")
	alice.says("Good morning")
	p.d.Erased(p.now, ann.bare)
	bob.types("resume")
	alice.clients[0].dies()
	p.wait(time.Minute)
	bob.types("1")
	p.is("bob has it", 1, "active")
	for _, n := range bob.clients[0].got {
		// What the room itself keeps of the chat is the server's.
		if s := string(n.append(nil, "")); strings.Contains(s, "secret") && n.attr("type") != "groupchat" {
			t.Errorf("bob is sent %s", s)
		}
	}
}

// TestLeaveMessageOutside: where messages aren't kept for agents, they go out by mail or webhook and are done with.
func TestLeaveMessageOutside(t *testing.T) {
	p := newPlay(t, playGroup(func(g *Group) { g.OfflineStore, g.OfflineMail, g.Mail = false, []string{"desk@example.org"}, true }))
	ann := p.visitor("ann")
	if got := scene(ann.leavesWord("question", "?")); got != "iq result" {
		t.Fatal(got)
	}
	p.is("given away", 1, "closed delivered")
	if len(p.kept.notices) != 1 || p.kept.notices[0].Event != "offline" {
		t.Errorf("told outside: %+v", p.kept.notices)
	}
	alice := p.agent("alice")
	if got := given(alice.clients[0]); got != nil {
		t.Errorf("alice is given %v", got)
	}
}
