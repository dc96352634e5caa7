package workgroup

import "testing"

// TestLifeOfAConversation is the whole of it, as visitor, agent and archive see it.
func TestLifeOfAConversation(t *testing.T) {
	p := newPlay(t)
	alice, ann := p.agent("alice"), p.visitor("ann")
	alice.sees("before anything", `
		presence open`)
	ann.asks("Where is my parcel?")
	ann.sees("asks", `
		iq result
		conversation queued
		queue-status position=1 time=15
		conversation offered
		queue-status position=0 time=0`)
	alice.sees("is asked", `
		«[#1] Visitor 1»`)
	alice.types("1")
	ann.sees("taken", `
		conversation connecting agent=alice
		invited
		conversation connecting agent=alice room
		conversation active agent=alice room`)
	alice.sees("takes", `
		«[#1] Visitor 1»
		«#1 Visitor 1 is yours: the invitation follows»
		called in`)
	ann.says("Hello")
	alice.says("Good morning")
	ann.sees("talks", `
		Visitor 1: «Hello»
		alice: «Good morning»`)
	alice.types("close")
	ann.sees("closed", `
		Support: «The chat is closed. Thank you and goodbye.»
		conversation wrapup reason=agent room`)
	p.is("after close", 1, "wrapup agent")
	p.wait(p.cfg.Groups[0].Timers.Wrap)
	p.is("after the wrap-up", 1, "closed agent")
	p.says(1, `
		1 join visitor Visitor 1
		2 join agent alice
		3 message visitor Visitor 1 «Hello»
		4 message agent alice «Good morning»
		5 notice service Support «The chat is closed. Thank you and goodbye.»`)
	if len(p.muc.rooms) != 0 {
		t.Errorf("%d rooms are left", len(p.muc.rooms))
	}
}
