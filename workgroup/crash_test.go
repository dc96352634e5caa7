package workgroup

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Kill -9 of Usher, and what is there afterwards.

// TestKilledMidChat: the chat goes on in the same room, with everything said in it, also what was said meanwhile.
func TestKilledMidChat(t *testing.T) {
	p, alice, ann := talking(t)
	ann.says("Before")
	room := ann.room
	p.kill()
	alice.says("Meanwhile")
	p.is("goes on", 1, "active")
	ann.back()
	if ann.room != room {
		t.Errorf("she is in %q, not in the room", ann.room)
	}
	p.here("both are in", ann, "Support, Visitor 1, alice")
	ann.says("After")
	for _, line := range []string{"«Before»", "«Meanwhile»", "«After»"} {
		if n := strings.Count(p.transcript(1), line); n != 1 {
			t.Errorf("%s is %d times in\n%s", line, n, p.transcript(1))
		}
	}
	alice.types("close")
	p.wait(30 * time.Second)
	p.is("ends as ever", 1, "closed agent")
	if len(p.muc.rooms) != 0 {
		t.Error("the room is left")
	}
}

func TestKilledAndTheVisitorDoesNotComeBack(t *testing.T) {
	p, _, _ := talking(t)
	p.kill()
	p.wait(2*time.Minute - unsureTime)
	p.is("waited for", 1, "active")
	p.wait(unsureTime)
	p.is("timers.visitor_lost", 1, "closed lost")
	if len(p.muc.rooms) != 0 {
		t.Error("the room is left")
	}
}

// TestKilledWithAQueue: nobody loses his place, an offer that was out counts as none.
func TestKilledWithAQueue(t *testing.T) {
	p := newPlay(t, playGroup(func(g *Group) { g.MaxChats = 1 }))
	alice := p.agent("alice")
	var all []*guest
	for _, name := range []string{"ann", "ben", "cem", "dan"} {
		g := p.visitor(name)
		g.asks("Hello?")
		all = append(all, g)
	}
	p.is("the first is offered", 1, "offered")
	p.kill()
	p.is("the offer is void", 1, "queued")
	for _, i := range []int{3, 1, 2, 0} { // however they come back
		all[i].back()
	}
	for n := range all {
		p.is("his turn", n+1, "offered")
		alice.types("1")
		p.is("his turn", n+1, "active")
		alice.types("close")
	}
}

// TestKilledAtEveryStep plays one conversation again and again, and kills Usher before each single thing that it does: the
// chat comes about, its transcript has each line once, nobody else is let in, and no room is left.
func TestKilledAtEveryStep(t *testing.T) {
	for at := 1; ; at++ {
		p := newPlay(t)
		alice, ann := p.agent("alice"), p.visitor("ann")
		p.effects, p.crashAt = 0, at
		died := false
		step := func(act func()) {
			if act(); p.dead {
				died = true
				p.kill()
				p.wait(10 * time.Second)
				ann.back()
			}
		}
		step(func() { ann.asks("Hello?") })
		if p.state(1) == "none" {
			step(func() { ann.asks("Hello?") }) // he has no answer and asks again
		}
		step(func() { alice.types("1") })
		for range 4 { // the clerk answers what he is offered
			if s := p.state(1); s == "queued" || s == "offered" {
				step(func() { p.wait(20 * time.Second) })
				step(func() { alice.types("1") })
			}
		}
		step(func() { p.wait(30 * time.Second) })
		if s := p.state(1); s != "active" {
			t.Fatalf("killed before effect %d: the conversation is %s\n%s", at, s, p.transcript(1))
		}
		p.here(fmt.Sprint("killed before effect ", at), ann, "Support, Visitor 1, alice")
		step(func() { ann.says("One") })
		step(func() { alice.says("Two") })
		step(func() { ann.says("Three") })
		step(func() { alice.types("close") })
		if s := p.state(1); !strings.HasSuffix(s, "agent") {
			alice.types("close")
		}
		step(func() { p.wait(2 * time.Minute) })
		if s := p.state(1); s != "closed agent" {
			t.Errorf("killed before effect %d: the end is %s", at, s)
		}
		for said, times := range p.accepted {
			nick, body, _ := strings.Cut(said, ": ")
			if line := nick + " «" + body + "»"; nick != "Support" && strings.Count(p.transcript(1), line) != times {
				t.Errorf("killed before effect %d: %s was said %d times, and is %d times in\n%s", at, line, times, strings.Count(p.transcript(1), line), p.transcript(1))
			}
		}
		if len(p.muc.rooms) != 0 {
			t.Errorf("killed before effect %d: %d rooms are left", at, len(p.muc.rooms))
		}
		if t.Failed() {
			return
		}
		if !died {
			t.Logf("%d steps", at-1)
			return
		}
	}
}

// TestConfigChangesOverARestart: an agent, a supervisor and a workgroup of running conversations are configured no more.
func TestConfigChangesOverARestart(t *testing.T) {
	sales := playGroup(func(g *Group) {
		g.Name, g.Address, g.Agents = "sales", "sales", []Member{{JID: "bob@" + playHome}}
	})
	p, _, ann := talking(t, playGroup(), sales)
	carol, ben := p.agent("carol"), p.visitor("ben")
	bob := p.agent("bob")
	carol.types("enter 1")
	ben.group, bob.group = "sales@"+playDesk, "sales@"+playDesk
	ben.asks("Sales?")
	p.here("before", ann, "Support, Visitor 1, alice, carol")
	p.cfg.Groups = []Group{playGroup(func(g *Group) {
		g.Agents, g.Supervisors = []Member{{JID: "bob@" + playHome}}, nil
	})}
	bob.group = support
	p.kill()
	ann.back()
	p.here("the two who are none any more are out", ann, "Support, Visitor 1")
	p.wait(returnTime)
	bob.types("1")
	p.here("bob has it", ann, "Support, Visitor 1, bob")
	for _, c := range p.kept.all() {
		if c.Workgroup == "sales" && (c.State != Closed || c.Reason != ReasonFailed) {
			t.Errorf("the one of the workgroup that is no more is %s (%s)", c.State, c.Reason)
		}
	}
}

// TestClosedWhileTheOwnerIsOut: the service doesn't let the owner in again after a disturbance; what is said meanwhile is a gap.
func TestClosedWhileTheOwnerIsOut(t *testing.T) {
	p, alice, ann := talking(t)
	p.muc.fail("enter", "internal-server-error")
	p.d.Lost(p.now)
	p.carryOut()
	alice.says("Nobody hears this")
	alice.types("close")
	ann.cut() // ends the wrap-up
	p.is("closed", 1, "closed agent")
	if s := p.transcript(1); !strings.Contains(s, " gap service") {
		t.Errorf("no gap in\n%s", s)
	}
}

// TestKilledDuringATransfer: it is off, he who was to come has no right to, and another one has its full time.
func TestKilledDuringATransfer(t *testing.T) {
	p, alice, ann := talking(t)
	bob := p.agent("bob")
	bob.clients[0].autojoin = false
	alice.types("transfer 1 bob")
	bob.types("1")
	p.kill()
	ann.back()
	bob.joins()
	p.here("the transfer is off", ann, "Support, Visitor 1, alice")
	alice.says("Hello again")
	p.wait(unsureTime - 5*time.Second)
	alice.clients[0].got = nil
	alice.types("transfer 1 bob")
	p.wait(10 * time.Second) // beyond what was left of timers.join
	bob.clients[0].autojoin = true
	bob.types("1")
	p.here("the next one works", ann, "Support, Visitor 1, bob")
}
