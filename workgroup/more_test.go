package workgroup

import (
	"strings"
	"testing"
	"time"

	"usher/xmpp"
)

// Transfers, supervisors, calls, rooms with the offer, and two sites: the rest of the rows.

func TestTransferToAnAgent(t *testing.T) {
	p, alice, ann := talking(t)
	bob := p.agent("bob")
	ann.says("My order is 4711")
	alice.types("transfer 1 bob")
	p.is("alice stays", 1, "active")
	p.here("alice stays", ann, "Support, Visitor 1, alice")
	bob.types("1")
	p.is("bob has it", 1, "active")
	p.here("alice is out", ann, "Support, Visitor 1, bob")
	bob.saw("he reads what was said", "My order is 4711")
	alice.saw("she is told", "bob has it now")
	if c := p.kept.all()[0]; strings.Join(c.Agents, " ") != "alice@"+playHome+" bob@"+playHome {
		t.Errorf("the agents of it are %q", c.Agents)
	}
	bob.types("close")
	p.wait(30 * time.Second)
	p.is("he closes it", 1, "closed agent")
}

func TestTransferFails(t *testing.T) {
	for what, act := range map[string]func(p *play, bob *clerk){
		"declined":    func(p *play, bob *clerk) { bob.types("2") },
		"lapsed":      func(p *play, bob *clerk) { p.wait(20 * time.Second) },
		"never joins": func(p *play, bob *clerk) { bob.clients[0].autojoin = false; bob.types("1"); p.wait(30 * time.Second) },
		"offline":     func(p *play, bob *clerk) { bob.offline() },
	} {
		p, alice, ann := talking(t)
		bob := p.agent("bob")
		alice.types("transfer 1 bob")
		act(p, bob)
		alice.saw(what, "It stays with alice")
		p.is(what, 1, "active")
		p.here(what, ann, "Support, Visitor 1, alice")
		bob.online("")
		bob.clients[0].joins()
		p.here(what+", and has no right to come in", ann, "Support, Visitor 1, alice")
		alice.says("Where were we?")
		alice.types("transfer 1 bob")
		if what != "offline" {
			p.wait(20 * time.Second)
		}
		p.is(what+", and may be tried again", 1, "active")
	}
}

func TestTransferToAWorkgroup(t *testing.T) {
	sales := playGroup(func(g *Group) {
		g.Name, g.Address, g.Agents, g.MaxChats = "sales", "sales", []Member{{JID: "bob@" + playHome}}, 1
	})
	p, alice, ann := talking(t, playGroup(func(g *Group) { g.Agents = []Member{{JID: "alice@" + playHome}} }), sales)
	bob := p.agent("bob")
	bob.group = "sales@" + playDesk
	ben, cem := p.visitor("ben"), p.visitor("cem")
	ben.group, cem.group = bob.group, bob.group
	ben.asks("Sales?")
	bob.types("1")
	cem.asks("Sales too?")
	alice.says("I'll pass you on")
	alice.types("transfer 1 sales")
	p.is("bob is busy", 1, "active")
	bob.clients[0].got = nil
	bob.types("close")
	bob.saw("a transferred one is ahead of those who wait", "[#1] Visitor 1")
	if len(p.muc.rooms) != 2 {
		t.Errorf("there are %d rooms", len(p.muc.rooms))
	}
	p.here("still alice", ann, "Support, Visitor 1, alice")
	bob.types("1")
	p.here("now bob", ann, "Support, Visitor 1, bob")
}

func TestSupervisorEntersAndLeaves(t *testing.T) {
	p, alice, ann := talking(t)
	carol := p.agent("carol")
	ann.got = nil
	carol.types("enter 1")
	p.here("she is in", ann, "Support, Visitor 1, alice, carol")
	ann.sees("the visitor is told (supervisor_notice)", `
		Support: «carol has joined the chat.»`)
	carol.says("Good evening")
	carol.types("leave 1")
	p.here("she is out", ann, "Support, Visitor 1, alice")
	carol.joins()
	p.here("and has no right to it any more", ann, "Support, Visitor 1, alice")
	carol.types("enter 1")
	carol.leaves()
	carol.joins()
	p.here("nor when she left by herself", ann, "Support, Visitor 1, alice")
	p.is("nothing of this changes it", 1, "active")
	alice.types("enter 1")
	alice.saw("only supervisors may", "supervisor")
}

// TestPutOutAtTheSecondTry: a service that can't take a membership away is asked again.
func TestPutOutAtTheSecondTry(t *testing.T) {
	p, _, ann := talking(t)
	carol := p.agent("carol")
	carol.types("enter 1")
	p.muc.fail("affiliation", "internal-server-error")
	carol.types("leave 1")
	p.here("the service is in trouble", ann, "Support, Visitor 1, alice, carol")
	p.muc.ok("affiliation")
	p.wait(returnPause)
	p.here("and then out of it", ann, "Support, Visitor 1, alice")
	p.muc.fail("affiliation", "internal-server-error")
	carol.types("enter 1")
	carol.types("leave 1")
	p.muc.ok("affiliation")
	carol.types("enter 1")
	p.wait(returnPause)
	p.here("who was let in anew stays", ann, "Support, Visitor 1, alice, carol")
}

func TestSupervisorTakesOver(t *testing.T) {
	for what, before := range map[string]func(p *play, alice, carol *clerk){
		"active":      func(p *play, alice, carol *clerk) {},
		"from inside": func(p *play, alice, carol *clerk) { carol.types("enter 1") },
		"agent-lost":  func(p *play, alice, carol *clerk) { alice.offline() },
	} {
		p, alice, ann := talking(t)
		carol := p.agent("carol")
		before(p, alice, carol)
		carol.types("takeover 1")
		p.is(what, 1, "active")
		p.here(what, ann, "Support, Visitor 1, carol")
		carol.types("close 1")
		p.is(what, 1, "wrapup agent")
	}
	for _, state := range []string{"offered", "queued"} {
		p := newPlay(t)
		alice, carol, ann := p.agent("alice"), p.agent("carol"), p.visitor("ann")
		ann.asks("Hello?")
		if state == "queued" {
			alice.types("2")
		}
		p.is("before", 1, state)
		carol.types("takeover 1")
		p.is(state, 1, "active")
		p.here(state, ann, "Support, Visitor 1, carol")
	}
}

func TestSupervisorAssigns(t *testing.T) {
	p := newPlay(t)
	alice, bob, carol, ann := p.agent("alice"), p.agent("bob"), p.agent("carol"), p.visitor("ann")
	ann.asks("Hello?")
	alice.saw("alice is asked", "[#1]")
	alice.clients[0].got, bob.clients[0].got = nil, nil
	carol.types("assign 1 bob")
	alice.saw("alice is not, any more", "given to bob")
	bob.saw("bob is", "[#1]")
	bob.types("1")
	p.here("bob has it", ann, "Support, Visitor 1, bob")
}

func TestSupervisorCloses(t *testing.T) {
	p := newPlay(t)
	_, carol, ann := p.agent("alice"), p.agent("carol"), p.visitor("ann")
	ann.asks("Hello?")
	carol.types("close 1")
	p.is("an offered one", 1, "closed agent")
}

func TestCall(t *testing.T) {
	p := newPlay(t)
	alice, ann := p.agent("alice"), p.visitor("ann")
	alice.types("who")
	alice.types("call 1 May I help?")
	ann.sees("she is called", `
		conversation connecting agent=alice
		«May I help?»
		invited
		conversation connecting agent=alice room
		conversation active agent=alice room`)
	p.here("both are in", ann, "Support, Visitor 1, alice")
	alice.types("close")
	p.wait(30 * time.Second)
	alice.clients[0].got = nil
	alice.types("call 1 Hello again")
	alice.saw("once in 10 min", "called a short while ago")
	p.wait(10 * time.Minute)
	ann.autojoin = false
	alice.types("call 1 Hello again")
	ann.declines()
	p.is("she declines", 2, "closed declined")
	alice.saw("alice is told", "visitor has left")
	alice.words()
	ann.asks("Hello?")
	alice.reads("she has been here once: a call that was declined is no chat",
		"[#3] Visitor 3\nHello?\nhere before: 1 chat, the last with alice 10 min ago\n1 accept · 2 decline · 20 s")
}

// TestCallOverACrash: whom an agent has called isn't called again because Usher was killed meanwhile.
func TestCallOverACrash(t *testing.T) {
	p := newPlay(t)
	alice, ann := p.agent("alice"), p.visitor("ann")
	ann.autojoin = false
	alice.types("who")
	alice.types("call 1 May I help?")
	ann.declines()
	p.kill()
	ann.back()
	p.wait(30 * time.Second)
	alice.types("who")
	alice.answers("call 1 Hello again", "that visitor was called a short while ago")
	p.wait(10 * time.Minute)
	alice.types("who")
	alice.answers("call 1 Hello again", "#2: the visitor is asked in")
}

func TestVisitorNeverJoins(t *testing.T) {
	p := newPlay(t)
	alice, ann := p.agent("alice"), p.visitor("ann")
	ann.autojoin = false
	ann.asks("Hello?")
	alice.types("1")
	p.wait(20 * time.Second) // timers.visitor_join
	p.is("invited again", 1, "connecting")
	p.wait(20 * time.Second)
	p.is("given up", 1, "closed lost")
	p.visitor("ben").asks("Hello?")
	p.is("alice is free", 2, "offered")
}

func TestVisitorLeavesTheRoom(t *testing.T) {
	p, _, ann := talking(t)
	ann.leaves()
	p.is("he may be on another page", 1, "active")
	p.wait(leaveGrace)
	p.is("no, he has left", 1, "wrapup visitor")
}

func TestVisitorLeavesWhileConnecting(t *testing.T) {
	p := newPlay(t)
	alice, ann := p.agent("alice"), p.visitor("ann")
	alice.clients[0].autojoin = false
	ann.asks("Hello?")
	alice.types("1")
	ann.departs()
	p.is("departed", 1, "closed visitor")
	alice.saw("alice is told", "the visitor has left")
	if len(p.muc.rooms) != 0 {
		t.Error("the room is still there")
	}
}

func TestVisitorIsCutWhileConnecting(t *testing.T) {
	p := newPlay(t)
	alice, ann := p.agent("alice"), p.visitor("ann")
	ann.autojoin = false
	ann.asks("Hello?")
	alice.types("1")
	ann.cut()
	p.wait(40 * time.Second)
	p.is("waited for", 1, "connecting")
	ann.autojoin = true
	ann.back()
	p.is("there", 1, "active")
}

func TestAgentIsOfflineWhileConnecting(t *testing.T) {
	p := newPlay(t)
	alice, _, ann := p.agent("alice"), p.agent("bob"), p.visitor("ann")
	alice.clients[0].autojoin = false
	ann.asks("Hello?")
	alice.types("1")
	alice.offline()
	p.is("the next is asked at once", 1, "offered")
}

func TestVisitorAsksAgainWhileItIsWrappedUp(t *testing.T) {
	p, alice, ann := talking(t)
	alice.types("close")
	ann.asks("One more thing")
	p.is("the first", 1, "closed agent")
	p.is("the second", 2, "offered")
}

func TestDepartEndsAChat(t *testing.T) {
	p, _, ann := talking(t)
	ann.departs()
	p.is("departed", 1, "wrapup visitor")
	ann.departs()
	p.is("twice", 1, "closed visitor")
}

func TestRoomWithTheOffer(t *testing.T) {
	with := playGroup(func(g *Group) { g.WithOffer = true })
	p := newPlay(t, with)
	alice, bob, ann := p.agent("alice"), p.agent("bob"), p.visitor("ann")
	ann.asks("Hello?")
	p.here("her client joins by itself", ann, "Support, Visitor 1, alice")
	p.is("which is no answer", 1, "offered")
	p.wait(20 * time.Second)
	p.is("the next is asked", 1, "offered")
	p.here("and she is out", ann, "Support, Visitor 1, bob")
	bob.says("Good morning")
	p.is("a word is one", 1, "active")
	p.says(1, `
		1 join visitor Visitor 1
		2 join agent alice
		3 leave agent alice
		4 join agent bob
		5 message agent bob «Good morning»`)

	alice.types("resume")
	ben := p.visitor("ben")
	p.wait(20 * time.Second)
	ben.asks("Hello?")
	p.is("offered", 2, "offered")
	alice.clients[0].sends(el("message", "", "type", "groupchat", "to", alice.clients[0].invited).with(el("composing", nsChatStates)))
	p.is("typing is one", 2, "active")
}

func TestTwoSites(t *testing.T) {
	shop := playGroup(func(g *Group) { g.Agents, g.Supervisors = []Member{{JID: "alice@" + playHome}}, nil })
	bank := playGroup(func(g *Group) {
		g.Site, g.Name, g.Address, g.Agents, g.Supervisors = "bank", "support", "bank", []Member{{JID: "bob@" + playHome}}, nil
	})
	p := newPlay(t, shop, bank)
	alice, bob, ann, ben := p.agent("alice"), p.agent("bob"), p.visitor("ann"), p.visitor("ben")
	bob.group, ben.site, ben.group = "bank@"+playDesk, "bank", "bank@"+playDesk
	alice.clients[0].got, bob.clients[0].got = nil, nil
	ann.asks("Hello?")
	alice.saw("alice is the shop's", "[#1]")
	ben.asks("Hello?")
	bob.saw("bob is the bank's", "[#1]")
	for _, a := range []*clerk{alice, bob} {
		n := 0
		for _, m := range a.clients[0].got {
			if b := m.child("body", ""); b != nil && strings.Contains(b.text, "[#1]") {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s saw %d offers", a.bare, n)
		}
	}
	bob.types("1")
	p.here("bob and his visitor", ben, "Support, Visitor 1, bob")
	bob.clients[0].got = nil
	bob.types("who")
	for _, m := range bob.clients[0].got {
		if b := m.child("body", ""); b != nil && strings.Contains(b.text, "ann") {
			t.Errorf("bob sees the shop's visitor: %s", b.text)
		}
	}
	for _, verb := range []string{"list", "enter 1", "close 1", "note 1 x", "transfer 1 bob"} {
		bob.clients[0].got = nil
		bob.group = support
		bob.types(verb)
		bob.sees(verb+" at the shop's", `
			message error forbidden`)
	}
	alice.types("1")
	alice.types("transfer 1 bob")
	p.here("nor does the shop pass on to the bank", ann, "Support, Visitor 1, alice")
	ann.group = "bank@" + playDesk
	ann.got = nil
	ann.asks("Hello bank")
	ann.sees("a visitor of the shop at the bank's", `
		iq error forbidden`)
}

func TestStrangersToAWorkgroup(t *testing.T) {
	p := newPlay(t)
	p.agents["eve@"+playHome] = &clerk{p: p, bare: "eve@" + playHome}
	eve := p.agents["eve@"+playHome].client("x")
	eve.here = true
	for what, c := range map[string]struct {
		n    *node
		want string
	}{
		"a word":     {el("message", "", "type", "chat", "to", support).with(el("body", "").said("list")), "message error forbidden"},
		"a request":  {el("iq", "", "type", "set", "id", "1", "to", support).with(el("join-queue", nsWorkgroup)), "iq error not-authorized"},
		"a command":  {el("iq", "", "type", "set", "id", "2", "to", support).with(el("command", "http://jabber.org/protocol/commands", "node", "urn:usher:cmd:0#list")), "iq error forbidden"},
		"nobody":     {el("iq", "", "type", "get", "id", "3", "to", "nobody@"+playDesk).with(el("query", xmpp.NSDiscoInfo)), ""},
		"an error":   {el("message", "", "type", "error", "to", support), ""},
		"a contact":  {el("presence", "", "type", "subscribe", "to", support), "presence unsubscribed"},
		"his answer": {el("iq", "", "type", "result", "id", "4", "to", support), ""},
	} {
		eve.got = nil
		eve.sends(c.n)
		var got []string
		for _, n := range eve.got {
			got = append(got, strings.ReplaceAll(scene(n), "  ", " "))
		}
		if s := strings.Join(got, " | "); s != c.want && what != "nobody" {
			t.Errorf("%s: %q, want %q", what, s, c.want)
		}
	}
}

// TestTableOfStates: every state has a word on every event. What it does is in the table; that it does nothing is written here, with the reason
// where it isn't plain.
func TestTableOfStates(t *testing.T) {
	names := map[event]string{
		found: "found", accepted: "accepted", unwanted: "unwanted", departed: "departed", turnedDown: "turned down", visitorCut: "visitor cut",
		visitorBack: "visitor back", visitorIn: "visitor in", visitorLeft: "visitor left", visitorWord: "visitor's word", agentIn: "agent in",
		agentLeft: "agent left", agentWord: "agent's word", agentTyping: "agent types", agentGone: "agent gone", roomBuilt: "room built",
		roomBroken: "room broken", roomLost: "room lost", closedBy: "closed", passedOn: "passed on", assigned: "assigned",
		takenOver: "taken over", linkUp: "link up", linkDown: "link down", waitOver: "wait over", offerOver: "offer over", visitorLate: "visitor late",
		visitorLost: "visitor lost", visitorOut: "visitor out", agentLate: "agent late", agentOut: "agent out", agentSilent: "agent silent",
		roomAgain: "room again", idleSoon: "idle soon", idle: "idle", tooLong: "too long", wrapped: "wrapped",
	}
	nothing := map[State]string{
		// Nobody has it: nothing of an agent matters, nor do words in a room that is kept for the next one.
		Queued: "accepted, unwanted, visitor's word, agent in, agent left, agent's word, agent types, agent gone, passed on, " +
			"offer over, agent late, agent out, agent silent, room again, idle soon, idle, too long, wrapped",
		// Those who are asked may be in the room (invite: with-offer), which is no answer; the queue's time goes on, but is looked at in the queue.
		Offered: "found, visitor's word, agent in, agent left, agent gone, passed on, wait over, agent late, agent out, " +
			"agent silent, room again, idle soon, idle, too long, wrapped",
		// It is given: no offers. Who leaves before he has come is late, not lost. Words and idleness count from when both are there.
		Connecting: "found, accepted, unwanted, visitor's word, agent left, agent's word, agent types, passed on, assigned, wait over, " +
			"offer over, agent out, agent silent, idle soon, idle, too long, wrapped",
		Active: "agent types, assigned, agent out, room again, wrapped",
		// The chat stands still: only the agent's coming or not coming moves it, and a supervisor.
		AgentLost: "found, accepted, unwanted, agent left, agent's word, agent types, passed on, wait over, offer over, agent late, " +
			"agent silent, room again, idle soon, idle, wrapped",
		// It is over.
		Wrapup: "found, accepted, unwanted, turned down, visitor back, visitor in, visitor's word, agent in, agent left, agent's word, agent types, " +
			"agent gone, passed on, assigned, taken over, wait over, offer over, visitor late, visitor lost, visitor out, agent late, " +
			"agent out, agent silent, room again, idle soon, idle, too long",
	}
	table := moves()
	if len(table) != len(nothing) {
		t.Errorf("the table has %d states, want %d", len(table), len(nothing))
	}
	for state, ignored := range nothing {
		var silent []string
		for e := range event(events) {
			if names[e] == "" {
				t.Fatalf("event %d has no name", e)
			}
			if table[state][e] == nil {
				silent = append(silent, names[e])
			}
		}
		if got := strings.Join(silent, ", "); got != ignored {
			t.Errorf("%s does nothing about\n\t%s\nwant\n\t%s", state, got, ignored)
		}
	}
}
