package workgroup

import (
	"strings"
	"testing"
	"time"
)

// The rows of the table of states (research 3.7), each as a scene. Where a test waits, it waits for the row's timer.

// talking is a play in which ann and alice are in their room.
func talking(t *testing.T, groups ...Group) (p *play, alice *clerk, ann *guest) {
	t.Helper()
	p = newPlay(t, groups...)
	alice, ann = p.agent("alice"), p.visitor("ann")
	ann.asks("Where is my parcel?")
	alice.types("1")
	p.is("accepted", 1, "active")
	p.here("both are in", ann, "Support, Visitor 1, alice")
	return p, alice, ann
}

// here checks who is in a visitor's room.
func (p *play) here(what string, g *guest, want string) {
	p.t.Helper()
	if got := p.inRoom(g); got != want {
		p.t.Errorf("%s: in the room are %q, want %q", what, got, want)
	}
}

// saw tells whether a clerk was sent a line with these words.
func (a *clerk) saw(what, words string) {
	a.p.t.Helper()
	for _, n := range a.clients[0].got {
		if b := n.child("body", ""); b != nil && strings.Contains(b.text, words) {
			return
		}
	}
	a.p.t.Errorf("%s: %s was not told %q", what, a.bare, words)
}

// sawNot is the opposite.
func (a *clerk) sawNot(what, words string) {
	a.p.t.Helper()
	for _, n := range a.clients[0].got {
		if b := n.child("body", ""); b != nil && strings.Contains(b.text, words) {
			a.p.t.Errorf("%s: %s was told %q", what, a.bare, b.text)
		}
	}
}

func TestAgentAcceptsAndNeverJoins(t *testing.T) {
	p := newPlay(t)
	alice, bob, ann := p.agent("alice"), p.agent("bob"), p.visitor("ann")
	bob.online("away") // a reserve: alice is asked first
	alice.clients[0].autojoin = false
	ann.asks("Hello?")
	alice.types("1")
	p.is("accepted", 1, "connecting")
	p.wait(30 * time.Second) // timers.join
	p.is("alice didn't come", 1, "offered")
	alice.saw("she is told", "you did not come into the room")
	bob.types("1")
	p.is("bob has it", 1, "active")
	p.here("in the same room, without her", ann, "Support, Visitor 1, bob")
	alice.joins()
	p.here("she has no right to it any more", ann, "Support, Visitor 1, bob")
}

func TestThreeWhoNeverJoin(t *testing.T) {
	p := newPlay(t, playGroup(func(g *Group) { g.Agents = append(g.Agents, Member{JID: "dave@" + playHome}) }))
	ann := p.visitor("ann")
	var staff []*clerk
	for _, name := range []string{"alice", "bob", "dave"} {
		a := p.agent(name)
		a.clients[0].autojoin = false
		staff = append(staff, a)
	}
	ann.asks("Hello?")
	for range staff {
		for _, a := range staff {
			a.types("1")
		}
		p.wait(30 * time.Second)
	}
	p.is("the third didn't come", 1, "closed no-agents")
	if len(p.muc.rooms) != 0 {
		t.Error("the room is still there")
	}
}

func TestAgentDiesMidChat(t *testing.T) {
	p, alice, ann := talking(t)
	bob := p.agent("bob")
	ann.says("My order is 4711")
	alice.says("One moment")
	room := ann.invited
	alice.clients[0].dies()
	p.is("she is gone", 1, "agent-lost")
	p.wait(60 * time.Second) // timers.agent_lost
	p.is("somebody else is asked", 1, "offered")
	bob.types("1")
	p.is("bob has it", 1, "active")
	if ann.invited != room || ann.room != room {
		t.Error("bob got another room")
	}
	p.here("in the same room", ann, "Support, Visitor 1, bob")
	bob.saw("he reads what was said", "Visitor 1: My order is 4711")
	bob.saw("he reads what was said", "alice: One moment")
	ann.says("Are you there?")
	bob.saw("he hears her", "Are you there?")
}

func TestAgentComesBackInTime(t *testing.T) {
	p, alice, ann := talking(t)
	alice.clients[0].dies()
	p.is("she is gone", 1, "agent-lost")
	p.wait(40 * time.Second)
	alice.online("") // and is invited again, since her client may have forgotten the room
	p.is("she is back", 1, "active")
	p.here("both are in", ann, "Support, Visitor 1, alice")
	p.wait(time.Minute)
	p.is("timers.agent_lost is over for good", 1, "active")
}

func TestAgentLeavesByHimself(t *testing.T) {
	p, alice, ann := talking(t)
	alice.leaves()
	p.is("she left", 1, "agent-lost")
	p.wait(59 * time.Second)
	alice.joins()
	p.is("and is back", 1, "active")
	alice.leaves()
	p.wait(60 * time.Second)
	p.is("she left for good", 1, "wrapup agent-left")
	p.wait(30 * time.Second)
	p.is("timers.wrap", 1, "closed agent-left")
	p.here("the room is gone", ann, "")
}

func TestAgentGoesAwayMidChat(t *testing.T) {
	for _, show := range []string{"away", "xa", "dnd"} {
		p, alice, ann := talking(t)
		alice.says("Hello")
		alice.online(show)
		p.wait(2 * time.Minute)
		ann.says("Still here")
		p.is(show+" cuts no running chat", 1, "active")
		p.visitor("ben").asks("Me too")
		if want := map[bool]string{true: "offered", false: "none"}[show == "away"]; p.state(2) != want {
			t.Errorf("%s: the next visitor is %q, want %q", show, p.state(2), want)
		}
	}
}

func TestAgentWithTwoClients(t *testing.T) {
	p := newPlay(t)
	alice, ann := p.agent("alice"), p.visitor("ann")
	phone := alice.client("phone")
	phone.online("")
	ann.asks("Hello?")
	alice.types("1") // both clients follow the invitation, under one nick
	p.is("accepted", 1, "active")
	phone.leaves(phone.invited)
	p.is("one of two leaves", 1, "active")
	phone.joins()
	alice.clients[0].dies()
	p.is("the other dies", 1, "active")
	phone.offline()
	p.is("now she is gone", 1, "agent-lost")
}

func TestVisitorIsCutAndComesBack(t *testing.T) {
	p, alice, ann := talking(t)
	room := ann.room
	ann.cut()
	p.is("her stream is gone", 1, "active")
	alice.says("Are you there?")
	p.wait(14 * time.Second)
	alice.sawNot("it may be a page load", "connection is lost")
	p.wait(time.Second)
	alice.saw("she is told now", "#1] the visitor's connection is lost")
	p.wait(104 * time.Second)
	ann.back()
	p.is("she is back", 1, "active")
	if ann.room != room {
		t.Errorf("she is in %q, not in the room", ann.room)
	}
	p.here("both are in", ann, "Support, Visitor 1, alice")
	p.wait(30 * time.Second)
	p.is("timers.visitor_lost is over for good", 1, "active")
	ann.cut()
	p.wait(120 * time.Second)
	p.is("she doesn't come back", 1, "wrapup lost")
}

func TestVisitorIsCutWhileWaiting(t *testing.T) {
	p := newPlay(t, playGroup(func(g *Group) { g.MaxChats = 1 }))
	alice, ann, ben := p.agent("alice"), p.visitor("ann"), p.visitor("ben")
	p.visitor("zoe").asks("First")
	alice.types("1")
	ann.asks("Second")
	ben.asks("Third")
	ann.cut()
	p.wait(44 * time.Second) // timers.net is 45 s
	ann.got = nil
	ann.back()
	ann.sees("she hears where she stands", `
		conversation queued
		queue-status position=1 time=15`)
	ann.cut()
	alice.types("close")
	p.is("who isn't there isn't called", 2, "queued")
	p.is("who is there is", 3, "offered")
	p.wait(45 * time.Second)
	p.is("and then he has lost his place", 2, "closed lost")
}

func TestVisitorLeavesDuringAnOffer(t *testing.T) {
	p := newPlay(t)
	alice, ann := p.agent("alice"), p.visitor("ann")
	ann.asks("Hello?")
	p.is("offered", 1, "offered")
	alice.clients[0].got = nil
	ann.departs()
	p.is("departed", 1, "closed visitor")
	alice.saw("she is told", "visitor left")
	alice.types("1")
	alice.saw("too late", "nothing is offered to you")
	p.visitor("ben").asks("Hello?")
	p.is("she is free for the next", 2, "offered")
}

func TestTwoAcceptInTheSameInstant(t *testing.T) {
	p := newPlay(t, playGroup(func(g *Group) { g.Strategy = "ring-all" }))
	alice, bob, ann := p.agent("alice"), p.agent("bob"), p.visitor("ann")
	ann.asks("Hello?")
	alice.saw("both are asked", "[#1]")
	bob.saw("both are asked", "[#1]")
	alice.types("1")
	bob.types("1")
	p.is("one has it", 1, "active")
	p.here("the first", ann, "Support, Visitor 1, alice")
	bob.saw("the other is told", "taken by alice")
	p.visitor("ben").asks("Me too")
	p.wait(20 * time.Second)
	p.is("nobody answers", 2, "queued")
}

func TestAllBusy(t *testing.T) {
	p := newPlay(t, playGroup(func(g *Group) { g.MaxChats = 1 }))
	alice, ann, ben, cem := p.agent("alice"), p.visitor("ann"), p.visitor("ben"), p.visitor("cem")
	ann.asks("First")
	alice.types("1")
	ben.asks("Second")
	cem.asks("Third")
	p.is("waits", 2, "queued")
	p.is("waits", 3, "queued")
	ben.got, cem.got = nil, nil
	alice.types("close 1")
	ben.sees("his turn", `
		conversation offered
		queue-status position=0 time=0`)
	cem.sees("moves up", `
		queue-status position=1 time=15`)
	alice.types("1")
	alice.says("Hello")
	p.wait(4 * time.Minute) // timers.queue
	p.is("nobody took it", 3, "closed timeout")
}

func TestLapsesAndCoolDown(t *testing.T) {
	p := newPlay(t)
	alice, ann := p.agent("alice"), p.visitor("ann")
	ann.asks("Hello?")
	p.wait(20 * time.Second) // offer_timeout
	p.is("lapsed", 1, "queued")
	alice.types("1")
	p.is("late", 1, "queued")
	p.wait(20 * time.Second) // timers.cool
	p.is("asked again", 1, "offered")
	p.wait(20 * time.Second)
	alice.saw("two in a row are a pause", "resume")
	p.wait(3 * time.Minute)
	p.is("she is paused", 1, "closed no-agents")
	ben := p.visitor("ben")
	ben.asks("Hello?")
	p.is("nobody takes requests", 2, "none")
	alice.types("resume")
	ben.asks("Hello?")
	p.is("she is back", 2, "offered")
}

func TestDeclined(t *testing.T) {
	p := newPlay(t)
	alice, bob, ann := p.agent("alice"), p.agent("bob"), p.visitor("ann")
	ann.asks("Hello?")
	alice.types("2")
	p.is("the next is asked", 1, "offered")
	bob.saw("bob", "[#1]")
	bob.types("2")
	p.is("nobody else", 1, "queued")
	p.wait(20 * time.Second)
	p.is("then again", 1, "offered")
}

func TestAgentUnavailableDuringAnOffer(t *testing.T) {
	for what, act := range map[string]func(*clerk){
		"offline": (*clerk).offline,
		"dnd":     func(a *clerk) { a.online("dnd") },
		"paused":  func(a *clerk) { a.types("pause") },
	} {
		p := newPlay(t)
		alice, bob, ann := p.agent("alice"), p.agent("bob"), p.visitor("ann")
		ann.asks("Hello?")
		bob.clients[0].got = nil
		act(alice)
		bob.saw(what, "[#1]")
		p.is(what, 1, "offered")
	}
}

func TestFirstReplyTimer(t *testing.T) {
	p, alice, _ := talking(t)
	bob := p.agent("bob")
	p.wait(90 * time.Second) // timers.first
	alice.saw("she is asked", "are you there?")
	p.is("once", 1, "active")
	bob.clients[0].got = nil
	p.wait(90 * time.Second)
	p.is("then somebody else is", 1, "offered")
	bob.saw("bob", "[#1]")
}

func TestIdle(t *testing.T) {
	p, alice, ann := talking(t)
	alice.says("Hello")
	p.wait(2 * time.Minute)
	ann.says("Hm")
	ann.got = nil
	p.wait(3 * time.Minute) // timers.idle_warn
	ann.sees("warned", `
		Support: «Are you still there? Without a word the chat will be closed soon.»`)
	p.wait(3*time.Minute - time.Second)
	p.is("just before timers.idle_close", 1, "active")
	p.wait(time.Second)
	p.is("idle", 1, "wrapup idle")
}

func TestLongestTime(t *testing.T) {
	p, alice, _ := talking(t)
	for range 4 * 60 {
		alice.says("still talking")
		p.wait(time.Minute)
	}
	p.is("timers.max", 1, "wrapup max")
}

func TestQueueOverflow(t *testing.T) {
	sales := playGroup(func(g *Group) {
		g.Name, g.Address, g.Agents = "sales", "sales", []Member{{JID: "bob@" + playHome}}
	})
	p := newPlay(t, playGroup(func(g *Group) {
		g.Overflow, g.MaxChats, g.Agents = "sales", 1, []Member{{JID: "alice@" + playHome}}
	}), sales)
	alice, bob := p.agent("alice"), p.agent("bob")
	p.visitor("zoe").asks("First")
	alice.types("1")
	p.visitor("ann").asks("Second")
	p.is("waits", 2, "queued")
	p.wait(4 * time.Minute) // timers.queue
	p.is("bob is asked", 2, "offered")
	bob.group = "sales@" + playDesk
	bob.types("1")
	p.is("and has it", 2, "active")
}

func TestQueueLimit(t *testing.T) {
	p := newPlay(t, playGroup(func(g *Group) { g.QueueLimit, g.MaxChats = 1, 1 }))
	alice, ann := p.agent("alice"), p.visitor("ann")
	p.visitor("zoe").asks("First")
	alice.types("1")
	p.visitor("ben").asks("Second")
	ann.asks("Third")
	ann.sees("full", `
		iq error service-unavailable`)
	p.is("refused", 3, "none")
}

func TestRoomCanNotBeMade(t *testing.T) {
	for _, step := range []string{"enter", "form", "submit"} {
		p := newPlay(t)
		alice, ann := p.agent("alice"), p.visitor("ann")
		p.muc.fail(step, "not-allowed")
		ann.asks("Hello?")
		alice.types("1")
		p.is(step+" failed", 1, "connecting")
		p.wait(time.Second + 2*time.Second) // two of the three tries
		p.is(step+" failed again", 1, "connecting")
		p.wait(4 * time.Second)
		p.is(step+" fails for good", 1, "closed failed")
		alice.saw(step, "no room could be made")
		if len(p.muc.rooms) != 0 {
			t.Errorf("%s: a room is left", step)
		}
		p.muc.ok(step)
		p.visitor("ben").asks("Hello?")
		alice.types("1")
		p.is("the agent is free", 2, "active")
	}
}

func TestRoomIsMadeAtTheSecondTry(t *testing.T) {
	p := newPlay(t)
	alice, ann := p.agent("alice"), p.visitor("ann")
	p.muc.fail("submit", "internal-server-error")
	ann.asks("Hello?")
	alice.types("1")
	p.muc.ok("submit")
	p.wait(time.Second)
	p.is("built", 1, "active")
	if len(p.muc.rooms) != 1 {
		t.Errorf("there are %d rooms", len(p.muc.rooms))
	}
}

func TestMUCServiceRestartsMidChat(t *testing.T) {
	p, alice, ann := talking(t)
	ann.says("My order is 4711")
	alice.says("One moment")
	room := ann.room
	alice.clients[0].got = nil
	p.fromMUC(p.muc.restart(p.now))
	p.carryOut()
	p.is("goes on", 1, "active")
	if ann.room == room {
		t.Error("in the old room")
	}
	p.here("with the same people", ann, "Support, Visitor 1, alice")
	alice.saw("who are shown what was said", "Visitor 1: My order is 4711")
	ann.says("Hello again")
	alice.saw("they talk", "Hello again")
}

func TestMUCServiceCrashesMidChat(t *testing.T) {
	p, _, ann := talking(t)
	p.muc.forget()
	p.wait(2 * time.Minute) // the room is asked whether it is still there
	p.is("goes on", 1, "active")
	p.here("with the same people", ann, "Support, Visitor 1, alice")
}

func TestLinkIsLostMidChat(t *testing.T) {
	p, alice, ann := talking(t)
	ann.says("Before")
	p.down()
	p.wait(10 * time.Second)
	alice.says("While you were out")
	p.up()
	p.is("goes on", 1, "active")
	p.here("both are in", ann, "Support, Visitor 1, alice")
	ann.says("After")
	for _, line := range []string{"«Before»", "«While you were out»", "«After»"} {
		if n := strings.Count(p.transcript(1), line); n != 1 {
			t.Errorf("%s is %d times in\n%s", line, n, p.transcript(1))
		}
	}
}

func TestLinkIsLostDuringAnOffer(t *testing.T) {
	p := newPlay(t)
	alice, ann := p.agent("alice"), p.visitor("ann")
	ann.asks("Hello?")
	p.down()
	p.wait(25 * time.Second)
	p.up()
	p.wait(10 * time.Second)
	p.is("asked anew", 1, "offered")
	alice.types("1")
	p.is("taken", 1, "active")
	if ann.room == "" {
		t.Error("she isn't in the room")
	}
}

// TestLinkIsAwayForLong: what can't be heard doesn't count as silence.
func TestLinkIsAwayForLong(t *testing.T) {
	p, alice, ann := talking(t)
	alice.says("Hello")
	p.down()
	for range 10 {
		p.wait(time.Minute)
		alice.says("I am writing all the time")
	}
	p.is("nobody is idle", 1, "active")
	p.up()
	p.wait(time.Minute)
	p.is("goes on", 1, "active")
	p.here("both are in", ann, "Support, Visitor 1, alice")
	p.down()
	alice.leaves()
	p.wait(3 * time.Minute)
	p.is("nobody knows", 1, "active")
	p.up()
	p.is("now it is known", 1, "agent-lost")
	p.down()
	p.wait(3 * time.Minute)
	p.is("nobody could hear him come back", 1, "agent-lost")
	alice.joins()
	p.up()
	p.is("as he did", 1, "active")
}
