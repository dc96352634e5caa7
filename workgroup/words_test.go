package workgroup

import (
	"strings"
	"testing"
	"time"

	"usher/xmpp"
)

func TestWordsOfASupervisor(t *testing.T) {
	p := newPlay(t)
	alice, carol, ann, ben := p.agent("alice"), p.agent("carol"), p.visitor("ann"), p.visitor("ben")
	p.chat(alice, ann, "Hello?")
	alice.types("max 1")
	ben.asks("And me?")
	p.wait(90 * time.Second)
	carol.answers("list", "#1 · Visitor 1 · active · 1 min · alice\n#2 · Visitor 2 · queued · 1 min")
	carol.answers("enter 1", "the invitation to #1 Visitor 1 follows")
	if got := p.inRoom(ann); got != "Support, Visitor 1, alice, carol" {
		t.Errorf("in the room: %s", got)
	}
	carol.answers("enter 1", "you are in it already")
	carol.answers("leave 1", "you have left #1 Visitor 1")
	carol.answers("leave 1", "you were not let in")
	carol.answers("leave", "which chat? leave N")
	carol.answers("enter 2", "there is no room yet")
	carol.answers("note 1 be kind", "noted on #1 Visitor 1")
	carol.answers("pause alice 30m", "alice gets no offers for 30 min")
	carol.answers("resume alice@"+playHome, "alice gets offers again")
	carol.answers("pause zoe", "there is no such agent here")
	carol.answers("takeover 2", "#2 Visitor 2 is yours: the invitation follows")
	carol.answers("list", "#1 · Visitor 1 · active · 1 min · alice\n#2 · Visitor 2 · active · 1 min · carol")
	carol.answers("bans", "nobody is banned")
	carol.types("ban 2 24h spam and abuse")
	id, said := "", carol.words()
	if _, rest, ok := strings.Cut(said, "#2 Visitor 2 is banned for 1 d: unban "); ok {
		id, _, _ = strings.Cut(rest, " ")
	}
	if id == "" {
		t.Fatalf("ban: %s", said)
	}
	carol.answers("bans", id+" · visitor ben · for 1 d · carol@"+playHome+" · spam and abuse")
	ben.got = nil
	ben.asks("Let me in")
	ben.sees("asks again", "iq error not-authorized")
	carol.answers("unban ZZZ", "there is no such ban")
	carol.answers("unban "+strings.ToLower(id), "ban "+id+" is lifted")
	carol.answers("bans", "nobody is banned")
}

// TestAssignInWords: a waiting chat is offered to the one who is named.
func TestAssignInWords(t *testing.T) {
	p := newPlay(t)
	alice, bob, carol := p.agent("alice"), p.agent("bob"), p.agent("carol")
	ann := p.visitor("ann")
	ann.asks("Hello?")
	asked, other := alice, bob
	if alice.words(); strings.Contains(bob.words(), "[#1]") {
		asked, other = bob, alice
	}
	name, _, _ := mucParts(other.bare)
	carol.answers("assign 1 "+name, "#1 Visitor 1 is offered to "+name)
	other.reads("is asked", "[#1] Visitor 1\nHello?\n1 accept · 2 decline · 20 s")
	asked.answers("1", "nothing is offered to you")
	other.types("1")
	p.is("taken", 1, "active")
}

// TestWordsInTheRoom mean the room's chat; the answers come from the workgroup, and what was typed is in the transcript.
func TestWordsInTheRoom(t *testing.T) {
	p := newPlay(t, playGroup(func(g *Group) {
		g.Replies = map[string]string{"hello": "Good morning! How can I help?", "close": "never said"}
	}))
	alice, carol, ann := p.agent("alice"), p.agent("carol"), p.visitor("ann")
	p.chat(alice, ann, "Hello?")
	room := func(who *clerk, text, want string) {
		t.Helper()
		who.words()
		who.says(text)
		who.reads("says "+text, want)
	}
	ann.got = nil
	room(alice, "!list", "#1 · Visitor 1 · active · 0 s · alice")
	room(alice, "!Note he was here before", "noted on #1 Visitor 1")
	room(alice, "!transfer zoe", "there is no such agent or workgroup here")
	room(alice, "!important", "I don't know that word: help lists what I do (the visitor has not seen it)")
	room(alice, "list", "")
	room(alice, "!HELLO", "")
	room(alice, "!hello there", "after a ready answer comes nothing, or a chat's number")
	ann.sees("what the room sends (the edge keeps back what begins with a !)", `
		alice: «!list»
		alice: «!Note he was here before»
		alice: «!transfer zoe»
		alice: «!important»
		alice: «list»
		alice: «!HELLO»
		Support: «alice: Good morning! How can I help?»
		alice: «!hello there»`)
	alice.answers("!hello", "said in #1 Visitor 1")
	alice.answers("!hello 1", "said in #1 Visitor 1")
	alice.answers("!hello 2", "there is no chat #2 here")
	carol.types("enter 1")
	room(carol, "!leave", "you have left #1 Visitor 1")
	room(alice, "!close", "#1 Visitor 1 closed")
	p.says(1, `
		1 join visitor Visitor 1
		2 join agent alice
		3 message agent alice «!list»
		4 message agent alice «!Note he was here before»
		5 note agent alice «he was here before»
		6 message agent alice «!transfer zoe»
		7 message agent alice «!important»
		8 message agent alice «list»
		9 message agent alice «!HELLO»
		10 message agent alice «Good morning! How can I help?»
		11 message agent alice «!hello there»
		12 message agent alice «Good morning! How can I help?»
		13 message agent alice «Good morning! How can I help?»
		14 join supervisor carol
		15 notice service Support «carol has joined the chat.»
		16 message supervisor carol «!leave»
		17 notice service Support «carol has left the chat.»
		18 leave supervisor carol
		19 message agent alice «!close»
		20 notice service Support «The chat is closed. Thank you and goodbye.»`)
}

// TestVisitorsMarkIsNoWord: what the visitor says behind a ! is said.
func TestVisitorsMarkIsNoWord(t *testing.T) {
	p := newPlay(t)
	alice, ann := p.agent("alice"), p.visitor("ann")
	p.chat(alice, ann, "Hello?")
	ann.says("!close")
	p.is("after the visitor's !close", 1, "active")
	alice.reads("hears it only in the room", "")
}

func TestWhoAndCall(t *testing.T) {
	p := newPlay(t)
	alice := p.agent("alice")
	alice.answers("who", "nobody is on the site")
	alice.answers("call 1 Hello", "there is no visitor 1: who shows the list")
	ann, ben := p.visitor("ann"), p.visitor("ben")
	alice.answers("call 1 Hello", "there is no visitor 1: who shows the list")
	alice.answers("who", "1 · visitor ann · 0 s\n2 · visitor ben · 0 s")
	// The list is meant as he saw it, whoever has come and gone since.
	ann.cut()
	p.visitor("aaron")
	alice.answers("call 1 Hello", "that visitor is not here any more")
	ben.got = nil
	alice.types("call 2 Can I help you?")
	ben.sees("is called", `
		conversation connecting agent=alice
		«Can I help you?»
		invited
		conversation connecting agent=alice room
		conversation active agent=alice room`)
	alice.answers("who", "1 · visitor aaron · 0 s\n2 · Visitor 1 · 0 s · #1 active")
	alice.answers("call 2 Again", "that visitor has a chat or waits for one")
	alice.answers("call 1 "+strings.Repeat("x", mostCalled+1), "that text is too long")
	alice.answers("call 3 Hello", "there is no visitor 3: who shows the list")
}

// TestOnlyWhatIsTypedCounts: none of these is an answer to the open offer, and none of them is answered.
func TestOnlyWhatIsTypedCounts(t *testing.T) {
	p := newPlay(t)
	alice, ann := p.agent("alice"), p.visitor("ann")
	ann.asks("Hello?")
	alice.words()
	one := func() *node { return el("body", "").said("1") }
	message := func(typ string, kids ...*node) *node {
		return el("message", "", "type", typ, "to", support, "id", "x").with(kids...)
	}
	for name, n := range map[string]*node{
		"an error, as for an offer to a dead client": message("error", one(), el("error", "", "type", "cancel").with(
			el("service-unavailable", xmpp.NSStanzaErrors))),
		"a headline":       message("headline", one()),
		"a groupchat":      message("groupchat", one()),
		"a chat state":     message("chat", el("composing", nsChatStates)),
		"a receipt":        message("chat", el("received", "urn:xmpp:receipts", "id", "y")),
		"an empty body":    message("chat", el("body", "").said(" \n")),
		"a delayed one":    message("chat", one(), el("delay", xmpp.NSDelay, "stamp", "2026-03-02T08:00:00Z")),
		"a carbon":         message("chat", el("sent", xmpp.NSCarbons).with(el("forwarded", xmpp.NSForward).with(message("chat", one())))),
		"a carbon's body":  message("chat", one(), el("received", xmpp.NSCarbons)),
		"an archive's":     message("", el("result", nsMAM).with(el("forwarded", xmpp.NSForward).with(message("chat", one())))),
		"an invitation":    message("", one(), el("x", nsConference, "jid", "a@b")),
		"an IQ's answer":   el("iq", "", "type", "result", "to", support, "id", "x").with(el("body", "").said("1")),
		"an IQ's error":    el("iq", "", "type", "error", "to", support, "id", "x"),
		"an IQ of no type": el("iq", "", "to", support, "id", "x").with(el("ping", xmpp.NSPing)),
	} {
		alice.clients[0].sends(n)
		if got := alice.clients[0].got; len(got) > 0 {
			t.Errorf("%s is answered: %s", name, wire(got))
		}
		alice.clients[0].got = nil
		p.is(name, 1, "offered")
	}
	alice.clients[0].sends(message("", one(), el("thread", "").said("t7")))
	p.is("what is typed", 1, "active")
	found := false
	for _, n := range alice.clients[0].got {
		if b := n.child("body", ""); b != nil && strings.HasPrefix(b.text, "#1 Visitor 1 is yours") {
			found = n.child("thread", "") != nil && n.child("thread", "").text == "t7" && n.attr("to") == alice.clients[0].full
		}
	}
	if !found {
		t.Errorf("no answer in the thread, to the client that asked: %s", wire(alice.clients[0].got))
	}
}

// TestNotesStayInside: the visitor gets nothing of them, and they are the agent's and supervisors' to leave.
func TestNotesStayInside(t *testing.T) {
	p := newPlay(t)
	alice, bob, carol, ann := p.agent("alice"), p.agent("bob"), p.agent("carol"), p.visitor("ann")
	ann.asks("Hello?")
	alice.types("1")
	if !alice.clients[0].rooms[ann.room] {
		alice, bob = bob, alice
		alice.types("1")
	}
	ann.got = nil
	alice.answers("note promised a refund", "noted on #1 Visitor 1")
	bob.answers("note 1 nosy", "that chat isn't yours")
	carol.answers("note 1 fine", "noted on #1 Visitor 1")
	alice.types("close")
	alice.answers("note 1 done", "noted on #1 Visitor 1")
	for _, n := range ann.got {
		for _, secret := range []string{"refund", "nosy", "fine", "done"} {
			if strings.Contains(string(n.append(nil, "")), secret) {
				t.Errorf("the visitor got %s", n.append(nil, ""))
			}
		}
	}
}
