package workgroup

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// words are the chat messages of workgroups that a clerk's first client got since it was last looked at, in full; a
// correction stands behind the number of the message that it corrects, among those of this call.
func (a *clerk) words() string {
	var all []string
	place := map[string]int{}
	for _, n := range a.clients[0].got {
		from, domain, _ := mucParts(n.attr("from"))
		b := n.child("body", "")
		if n.name != "message" || domain != playDesk || strings.HasPrefix(from, "c-") || b == nil {
			continue
		}
		text := b.text
		if r := n.child("replace", nsCorrect); r != nil {
			text = "corrects " + string(rune('0'+place[r.attr("id")])) + ": " + text
		}
		all = append(all, text)
		place[n.attr("id")] = len(all)
	}
	a.clients[0].got = nil
	return strings.Join(all, "\n--\n")
}

// answers types words and checks what comes back.
func (a *clerk) answers(words, want string) {
	a.p.t.Helper()
	a.words()
	a.types(words)
	if got := a.words(); got != want {
		a.p.t.Errorf("%s types %q and reads\n%s\nwant\n%s", a.bare, words, got, want)
	}
}

// reads checks all that came since it was last looked at.
func (a *clerk) reads(what, want string) {
	a.p.t.Helper()
	if got := a.words(); got != want {
		a.p.t.Errorf("%s: %s reads\n%s\nwant\n%s", what, a.bare, got, want)
	}
}

// chat brings a visitor and an agent together.
func (p *play) chat(a *clerk, g *guest, question string) {
	p.t.Helper()
	g.asks(question)
	a.types("1")
	if g.room == "" || !a.clients[0].rooms[g.room] {
		p.t.Fatalf("%s and %s are not in one room", a.bare, g.bare)
	}
	a.words()
}

// asked is a visitor's request with what his page says and a filled-in form.
func (g *guest) asked(page, language string, fields ...string) {
	form := el("x", nsForm, "type", "submit")
	for i := 0; i+1 < len(fields); i += 2 {
		form.with(el("field", "", "var", fields[i]).with(el("value", "").said(fields[i+1])))
	}
	g.request("set", el("join-queue", nsWorkgroup).with(form, el("visitor", nsDesk, "page", page, "language", language)))
}

func withForm(g *Group) {
	g.Form = []Field{
		{Var: "name", Type: "text-single"}, {Var: "question", Type: "text-multi"},
		{Var: "order", Type: "text-single", Label: map[string]string{"": "Order"}},
	}
}

func TestOfferMessage(t *testing.T) {
	for _, c := range []struct{ name, page, language, fields, want string }{
		{"all of it", "https://shop.test/pricing?a=1#top", "de", "name=Maria|question=Do you ship to Norway?\nAnd when?|order=4711",
			"[#1] Maria · /pricing · de\nDo you ship to Norway?\nAnd when?\nOrder: 4711\n1 accept · 2 decline · 20 s"},
		{"nothing", "", "", "", "[#1] Visitor 1\n1 accept · 2 decline · 20 s"},
		{"the root page", "https://shop.test", "", "name=Maria", "[#1] Maria · /\n1 accept · 2 decline · 20 s"},
		{"a name that plays verified", "", "", "name=Maria (verified) · [#2]", "[#1] Maria verified #2\n1 accept · 2 decline · 20 s"},
		{"a long question", "", "", "question=" + strings.Repeat("x", 2000),
			"[#1] Visitor 1\n" + strings.Repeat("x", mostQuestion) + "\n1 accept · 2 decline · 20 s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlay(t, playGroup(withForm))
			alice, ann := p.agent("alice"), p.visitor("ann")
			alice.words()
			var fields []string
			for f := range strings.SplitSeq(c.fields, "|") {
				name, value, _ := strings.Cut(f, "=")
				fields = append(fields, name, value)
			}
			ann.asked(c.page, c.language, fields...)
			alice.reads("is asked", c.want)
		})
	}
}

// TestOfferIsOneForAllClients: to the bare JID, as chat, with an id, and nothing that keeps it from being stored and pushed
// to phones; the answers are on it as quick responses (XEP-0439), and not on the correction, which is of the same kind otherwise (XEP-0308 §4).
func TestOfferIsOneForAllClients(t *testing.T) {
	p := newPlay(t)
	alice, ann := p.agent("alice"), p.visitor("ann")
	alice.clients[0].got = nil
	ann.asks("Hello?")
	p.wait(20 * time.Second)
	var offers []*node
	for _, n := range alice.clients[0].got {
		if n.name == "message" {
			offers = append(offers, n)
		}
	}
	if len(offers) < 2 {
		t.Fatalf("%d messages, want the offer and its correction", len(offers))
	}
	for i, n := range offers[:2] {
		if n.attr("to") != alice.bare || n.attr("from") != support || n.attr("type") != "chat" || n.attr("id") == "" {
			t.Errorf("message %d: %s", i, n.append(nil, ""))
		}
		var answers []string
		for _, k := range n.kids {
			switch {
			case k.name == "body", i == 1 && k.name == "replace" && k.space == nsCorrect && k.attr("id") == offers[0].attr("id"):
			case i == 0 && k.name == "response" && k.space == "urn:xmpp:tmp:quick-response":
				answers = append(answers, k.attr("label")+": "+k.attr("value"))
			default:
				t.Errorf("message %d has %s", i, k.append(nil, ""))
			}
		}
		if want := []string{"Accept: accept 1", "Decline: decline 1"}; i == 0 && !slices.Equal(answers, want) {
			t.Errorf("quick responses %q, want %q", answers, want)
		}
	}
	if offers[0].attr("id") == offers[1].attr("id") {
		t.Error("the correction has the id of what it corrects")
	}
}

func TestOfferEnds(t *testing.T) {
	const head = "[#1] Visitor 1\nHello?\n1 accept · 2 decline · 20 s\n--\ncorrects 1: [#1] Visitor 1\n"
	ring := func(g *Group) { g.Strategy = "ring-all" }
	for _, c := range []struct {
		name string
		act  func(p *play, alice, bob *clerk, ann *guest)
		want string
	}{
		{"lapsed", func(p *play, _, _ *clerk, _ *guest) { p.wait(20 * time.Second) }, "lapsed"},
		{"declined", func(_ *play, alice, _ *clerk, _ *guest) { alice.types("2 ") }, "declined\n--\n#1 Visitor 1 declined"},
		{"taken", func(_ *play, _, bob *clerk, _ *guest) { bob.types("1") }, "taken by bob"},
		{"accepted", func(_ *play, alice, _ *clerk, _ *guest) { alice.types("accept #1") },
			"accepted\n--\n#1 Visitor 1 is yours: the invitation follows"},
		{"visitor left", func(_ *play, _, _ *clerk, ann *guest) { ann.departs() }, "visitor left"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlay(t, playGroup(ring))
			alice, bob, ann := p.agent("alice"), p.agent("bob"), p.visitor("ann")
			alice.words()
			ann.asks("Hello?")
			c.act(p, alice, bob, ann)
			alice.reads(c.name, head+c.want)
		})
	}
}

// TestOfferOfOneWhoWasHereBefore names his former chats.
func TestOfferOfOneWhoWasHereBefore(t *testing.T) {
	p := newPlay(t)
	alice, ann := p.agent("alice"), p.visitor("ann")
	p.chat(alice, ann, "Hello?")
	alice.types("close")
	ann.leaves()
	p.wait(2 * time.Hour)
	alice.words()
	ann.asks("Me again")
	alice.reads("is asked again", "[#2] Visitor 2\nMe again\nhere before: 1 chat, the last with alice 2 h ago\n1 accept · 2 decline · 20 s")
}

func TestWordsOfAnAgent(t *testing.T) {
	p := newPlay(t)
	alice, ann, ben := p.agent("alice"), p.visitor("ann"), p.visitor("ben")
	alice.answers("1", "nothing is offered to you")
	alice.answers("decline", "nothing is offered to you")
	alice.answers("accept 9", "there is no chat #9 here")
	alice.answers("list", "you have no chat")
	alice.answers("close", "you have no chat: close [N] [reason]")
	alice.answers("What's up?", "I don't know that word: help lists what I do")
	alice.answers("HELP", `accept [N] · takes the offer (or 1)
decline [N] [reason] · turns it down (or 2)
pause [30m] · stops offers
resume · lets them come again
max N · at most so many chats
list · shows the chats
who · shows who is on the site
call N text · starts a chat with one of them
transfer [N] agent|workgroup · offers a chat to somebody else
close [N] [reason] · ends a chat
note [N] text · leaves a line that the visitor never sees
help · shows this
N is a chat's number, and may be left out with one chat. In a room the same after !`)

	alice.answers("pause", "you get no offers until you resume")
	ann.asks("Is anybody there?")
	alice.reads("while paused", "")
	alice.answers("resume", "you get offers again")
	ann.asks("Hello?")
	alice.reads("is asked", "[#1] Visitor 1\nHello?\n1 accept · 2 decline · 20 s")
	alice.types("1")
	alice.answers("list", "#1 · Visitor 1 · active · 0 s · alice")
	alice.answers("pause 1h30m", "you get no offers for 1 h 30 min")
	alice.answers("max 2", "at most 2 chats")
	alice.answers("max 0", "at most 3 chats")
	alice.answers("max 51", "the limit is a number from 1 to 50, or 0 for the usual one")
	alice.types("resume")
	p.chat(alice, ben, "And me?")
	alice.answers("close", "you have 2 chats: close [N] [reason]")
	alice.answers("note he has waited long", "you have 2 chats: note [N] text")
	alice.answers("note 1 he has waited long", "noted on #1 Visitor 1")
	alice.answers("transfer 1 bob", "he can not take one now")
	alice.answers("transfer 1 zoe", "there is no such agent or workgroup here")
	alice.answers("close 2 solved", "#2 Visitor 2 closed")
	alice.answers("close", "#1 Visitor 1 closed")
	p.says(1, `
		1 join visitor Visitor 1
		2 join agent alice
		3 note agent alice «he has waited long»
		4 notice service Support «The chat is closed. Thank you and goodbye.»`)
}

func TestTransferInWords(t *testing.T) {
	p := newPlay(t, playGroup(), playGroup(func(g *Group) {
		g.Name, g.Address, g.Agents = "billing", "billing", []Member{{JID: "dora@" + playHome}}
	}))
	alice, bob, ann := p.agent("alice"), p.agent("bob"), p.visitor("ann")
	ann.asks("Hello?")
	taker, other := alice, bob
	if alice.words() == "" || !strings.Contains(p.state(1), "offered") {
		taker, other = bob, alice
	}
	taker.types("1")
	if len(taker.clients[0].rooms) == 0 {
		taker, other = other, taker
		taker.types("1")
	}
	name, _, _ := mucParts(other.bare)
	other.words()
	taker.answers("transfer "+name, "#1 Visitor 1 is offered to "+name+"; it stays yours until it is taken")
	me, _, _ := mucParts(taker.bare)
	other.reads("is asked", "[#1] Visitor 1\ntransferred from "+me+"\nHello?\n1 accept · 2 decline · 20 s")
	other.types("1")
	taker.reads("handed over", "[#1] "+name+" has it now.")
	dora := p.agent("dora")
	dora.group = "billing@" + playDesk
	dora.words()
	other.answers("transfer 1 billing", "#1 Visitor 1 is offered to billing; it stays yours until it is taken")
	dora.reads("the other workgroup is asked", "[#1] Visitor 1\ntransferred from "+name+"\nHello?\n1 accept · 2 decline · 20 s")
	dora.types("1")
	dora.answers("list", "#1 · Visitor 1 · active · 5 s · dora")
	p.is("after all", 1, "active")
}
