package workgroup

import "testing"

// Without cool, wrap and ready nothing is waited for: who declines may be asked at once again, a chat is over when it is closed.
func TestTimersThatAreNone(t *testing.T) {
	p := newPlay(t, playGroup(func(g *Group) {
		g.Timers.Cool, g.Timers.Wrap, g.Timers.Ready = 0, 0, 0
		g.Agents = g.Agents[:1]
	}))
	alice, ann := p.agent("alice"), p.visitor("ann")
	alice.offline()
	alice.online("")
	alice.words()
	ann.asks("Hello?")
	alice.reads("is asked, though only just back", "[#1] Visitor 1\nHello?\n1 accept · 2 decline · 20 s")
	alice.types("2")
	p.is("declined", 1, "offered")
	alice.types("1")
	p.is("accepted", 1, "active")
	alice.types("close")
	p.is("closed", 1, "closed agent")
}
