package workgroup

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Agents as they see it themselves: what they show and say, and which offers they get for it.

// news are the bodies and presence that a clerk's first client has got since he was last asked.
func (a *clerk) news() (all []string) {
	for _, n := range a.clients[0].got {
		if b := n.child("body", ""); b != nil && n.attr("type") == "chat" && n.child("x", nsConference) == nil {
			all = append(all, b.text)
		}
	}
	a.clients[0].got = nil
	return all
}

// offers tells for which numbers he has got offers since.
func (a *clerk) offers() string {
	var all []string
	for _, s := range a.news() {
		if strings.HasPrefix(s, "[#") && strings.Contains(s, "1 accept") {
			n, _, _ := strings.Cut(s[1:], "]")
			all = append(all, n)
		}
	}
	return strings.Join(all, " ")
}

func (a *clerk) wantOffers(what, want string) {
	a.p.t.Helper()
	if got := a.offers(); got != want {
		a.p.t.Errorf("%s: %s has got offers %q, want %q", what, a.bare, got, want)
	}
}

// hears wants one of his news to contain this.
func (a *clerk) hears(what, part string) {
	a.p.t.Helper()
	all := a.news()
	for _, s := range all {
		if strings.Contains(s, part) {
			return
		}
	}
	a.p.t.Errorf("%s: %s has not heard %q, but %q", what, a.bare, part, all)
}

// asker is a new visitor who asks at once.
func (p *play) asker(name string) *guest {
	g := p.visitor(name)
	g.asks("a question of " + name)
	return g
}

// alone is a play with no other agent than alice.
func alone(t *testing.T, change ...func(*Group)) (*play, *clerk) {
	t.Helper()
	change = append([]func(*Group){func(g *Group) { g.Agents = g.Agents[:1] }}, change...)
	p := newPlay(t, playGroup(change...))
	return p, p.agent("alice")
}

func TestAgentAtHisLimit(t *testing.T) {
	p, alice := alone(t, func(g *Group) { g.MaxChats = 1 })
	p.asker("ann")
	p.asker("ben")
	alice.wantOffers("one at a time", "#1")
	alice.types("1")
	alice.wantOffers("at his limit", "")
	alice.types("max 2")
	alice.wantOffers("with a limit of his own", "#2")
	alice.types("1")
	p.asker("cat")
	alice.wantOffers("at that", "")
	alice.types("close 1")
	alice.wantOffers("as the chat is over", "#3")
	alice.types("2")
	alice.types("max 0")
	alice.types("close 2")
	p.asker("dan")
	alice.types("max 1000")
	alice.hears("too many", "the limit is a number from 1 to 50")
}

func TestAgentsOwnLimitOverridesBoth(t *testing.T) {
	p := newPlay(t, playGroup(func(g *Group) { g.Agents = []Member{{JID: "alice@" + playHome, MaxChats: 2}} }))
	alice := p.agent("alice")
	p.asker("ann")
	alice.types("1")
	p.asker("ben")
	alice.types("1")
	p.asker("cat")
	alice.wantOffers("his line in the config", "#1 #2")
	alice.types("max 4")
	alice.types("1")
	p.kill() // the limit isn't lost with the process
	p.wait(time.Second)
	alice.news()
	p.asker("dan")
	alice.wantOffers("three chats, and a limit of four", "#4")
}

// XEP-0142 §4.2.1: a client may hint at less than the config allows.
func TestAgentsClientHintsAtItsLimit(t *testing.T) {
	p, alice := alone(t)
	status := func(inside ...*node) {
		alice.clients[0].sends(el("presence", "", "to", support).with(el("agent-status", nsWorkgroup).with(inside...)))
	}
	status(el("max-chats", nsWorkgroup).said("1"))
	p.asker("ann")
	alice.types("1")
	p.asker("ben")
	if got := offersOf(alice.clients[0]); got != 1 {
		t.Errorf("at a limit of 1 there were %d offers", got)
	}
	status()
	if got := offersOf(alice.clients[0]); got != 2 {
		t.Errorf("without the hint %d offers in all, want 2", got)
	}
}

// max_chats counts over all workgroups, and there is one offer at a time over all of them.
func TestAgentOfTwoWorkgroups(t *testing.T) {
	sales := playGroup(func(g *Group) { g.Name, g.Address, g.Title, g.MaxChats = "sales", "sales", "Sales", 2 })
	one := playGroup(func(g *Group) { g.MaxChats = 2 })
	sales.Agents, one.Agents = sales.Agents[:1], one.Agents[:1]
	p := newPlay(t, one, sales)
	alice := p.agent("alice")
	p.asker("ann")
	ben := p.visitor("ben")
	ben.group = "sales@" + playDesk
	ben.asks("a price")
	alice.wantOffers("one at a time", "#1")
	alice.types("1")
	if got := alice.offers(); got != "#1" { // of sales: its own numbers
		t.Errorf("then from sales: %q", got)
	}
	alice.group = "sales@" + playDesk
	alice.types("1")
	p.asker("cat")
	dan := p.visitor("dan")
	dan.group = "sales@" + playDesk
	dan.asks("another")
	alice.wantOffers("two chats, one in each", "")
}

func TestAgentWhoLetsOffersPass(t *testing.T) {
	p, alice := alone(t)
	p.asker("ann")
	alice.wantOffers("first", "#1")
	p.wait(20 * time.Second)
	p.wait(20 * time.Second) // his cool-down
	p.asker("ben")
	p.wait(20 * time.Second)
	alice.hears("a second one in a row", "You have let two offers pass")
	p.asker("cat")
	p.wait(3 * time.Minute)
	alice.wantOffers("paused", "")
	ann := p.visitor("eva")
	ann.asks("Is anybody there?")
	alice.types("resume")
	if alice.offers() == "" {
		t.Error("no offer after `resume`")
	}
}

// A lapse and a decline are two things: who declines is there.
func TestAgentWhoAnswersIsNotPaused(t *testing.T) {
	p, alice := alone(t)
	for i := range 4 {
		v := p.asker(fmt.Sprint("v", i))
		if alice.offers() == "" {
			t.Fatalf("no offer %d", i)
		}
		if i%2 == 0 {
			p.wait(20 * time.Second)
			v.departs()
			p.wait(20 * time.Second) // his cool-down
		} else {
			alice.types("1")
		}
		alice.news()
	}
}

func TestPauseSurvivesLogout(t *testing.T) {
	p, alice := alone(t)
	alice.types("pause")
	alice.offline()
	p.wait(time.Hour)
	alice.online("chat")
	p.wait(time.Minute)
	p.asker("ann")
	alice.wantOffers("paused before he left", "")
	p.kill()
	p.wait(time.Minute)
	p.asker("ben")
	alice.wantOffers("and before the restart", "")
	alice.types("resume")
	p.asker("cat")
	if alice.offers() == "" {
		t.Error("no offer after `resume`")
	}
}

func TestPauseEndsByItself(t *testing.T) {
	p, alice := alone(t)
	alice.types("pause 30m")
	alice.news()
	p.wait(30*time.Minute - time.Millisecond)
	alice.wantOffers("not yet", "")
	p.wait(time.Millisecond)
	alice.hears("the time is over", "Your pause is over")
	p.asker("ann")
	alice.wantOffers("again", "#1")
}

func TestSupervisorPausesAnAgent(t *testing.T) {
	p := newPlay(t)
	alice, bob, carol := p.agent("alice"), p.agent("bob"), p.agent("carol")
	carol.types("pause alice")
	alice.hears("paused", "carol has paused you")
	p.asker("ann")
	p.asker("ben")
	alice.wantOffers("paused", "")
	bob.types("pause alice")
	bob.types("resume alice")
	alice.wantOffers("bob is no supervisor", "")
	carol.types("resume alice")
	if got := alice.offers(); got == "" {
		t.Error("no offer after carol's `resume`")
	}
}

// Reserve only if nobody is ready; `chat` before available.
func TestWhoIsAskedFirst(t *testing.T) {
	for _, c := range []struct{ alice, bob, want string }{
		{"", "", "either"}, {"chat", "", "alice"}, {"", "chat", "bob"}, {"away", "", "bob"}, {"away", "chat", "bob"},
		{"away", "dnd", "alice"}, {"away", "xa", "alice"}, {"xa", "away", "bob"}, {"dnd", "", "bob"},
	} {
		t.Run(c.alice+"-"+c.bob, func(t *testing.T) {
			p := newPlay(t)
			alice, bob := p.agent("alice"), p.agent("bob")
			alice.online(c.alice)
			bob.online(c.bob)
			p.wait(10 * time.Second)
			p.asker("ann")
			a, b := alice.offers() != "", bob.offers() != ""
			if a == b || c.want != "either" && a != (c.want == "alice") {
				t.Errorf("alice was asked: %v, bob: %v, want %s", a, b, c.want)
			}
		})
	}
}

// Every client of his gets the offer, each may answer it, and he is there as long as one of them is.
func TestAgentAtTwoClients(t *testing.T) {
	p, alice := alone(t)
	phone := alice.client("phone")
	phone.online("away")
	p.asker("ann")
	alice.wantOffers("at the desk", "#1")
	if len(phone.got) == 0 {
		t.Error("the phone got nothing")
	}
	phone.got = nil
	phone.sends(el("message", "", "type", "chat", "to", support, "id", "p1").with(el("body", "").said("1")))
	if phone.invited == "" {
		t.Fatal("he accepted at the phone, and was not invited there")
	}
	p.is("accepted", 1, "active")
	alice.offline()
	p.wait(2 * time.Minute)
	p.is("the desk is out, the phone is in the room", 1, "active")
	p.asker("ben")
	if got := offersOf(phone); got != 1 {
		t.Errorf("the phone, as a reserve, got %d offers", got)
	}
}

func offersOf(c *client) (n int) {
	for _, s := range c.got {
		if b := s.child("body", ""); b != nil && strings.Contains(b.text, "1 accept") {
			n++
		}
	}
	return n
}

// The queue's length is in the presence, not more often than once a second.
func TestPresenceTellsHowManyWait(t *testing.T) {
	p, alice := alone(t, func(g *Group) { g.MaxChats = 1 })
	p.asker("ann")
	alice.types("1")
	p.wait(time.Minute)
	shown := func() string {
		var all []string
		for _, n := range alice.clients[0].got {
			if n.name == "presence" && n.attr("from") == support {
				all = append(all, strings.TrimSpace(n.child("show", "").words()+" "+n.child("status", "").words()))
			}
		}
		alice.clients[0].got = nil
		return strings.Join(all, "; ")
	}
	shown()
	var waiting []*guest
	for i := range 5 {
		waiting = append(waiting, p.asker(fmt.Sprint("v", i)))
	}
	if got := shown(); got != "open · 1 waiting" {
		t.Errorf("in the same moment alice saw %q", got)
	}
	p.wait(time.Second)
	if got := shown(); got != "open · 5 waiting" {
		t.Errorf("a second later alice saw %q", got)
	}
	for _, g := range waiting {
		g.departs()
	}
	p.wait(time.Second)
	if got := shown(); got != "open" {
		t.Errorf("as all have left alice saw %q", got)
	}
}
