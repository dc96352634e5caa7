package workgroup

import (
	"strings"
	"testing"
)

// The room took a message, Usher was killed before it was kept, and its sender is out of the room when Usher comes back (Prosody
// puts out whose stanzas bounce): his nick is known from when he came in, or, if that wasn't kept either, as the one that
// the edge gives to the visitor.
func TestKilledBeforeItWasKept(t *testing.T) {
	for _, kept := range []string{"his join was kept", "nothing was kept"} {
		t.Run(kept, func(t *testing.T) {
			p, alice, ann := talking(t)
			id := p.kept.all()[0].ID
			if kept == "nothing was kept" {
				p.kept.events[id] = nil
			}
			p.dead = true // what the desk hears from now on is lost with it
			ann.says("Before")
			alice.says("So what?")
			p.fromMUC(p.muc.gone(p.now, ann.full))
			p.kill()
			ann.back()
			want := map[string]string{"Before": RoleVisitor, "So what?": RoleAgent}
			for _, e := range p.kept.events[id] {
				if role, ok := want[e.Body]; ok {
					if e.Kind != KindMessage || e.Role != role {
						t.Errorf("%q is a %s of %s", e.Body, e.Kind, e.Role)
					}
					delete(want, e.Body)
				}
			}
			if len(want) > 0 {
				t.Errorf("not in the transcript: %v\n%s", want, p.transcript(1))
			}
		})
	}
}

// The room has ended while the desk's link was down: what was said last is not to be had any more, and the transcript says so. A
// room that ends before the owner's eyes leaves no gap.
func TestRoomEndsUnseen(t *testing.T) {
	for _, seen := range []bool{false, true} {
		p, _, ann := talking(t)
		ann.says("Before")
		if seen {
			p.fromMUC(p.muc.restart(p.now))
			p.carryOut()
		} else {
			p.down()
			p.muc.forget()
			p.up()
		}
		if gaps := strings.Count(p.transcript(1), " gap service"); gaps == 0 != seen || gaps > 1 {
			t.Errorf("seen: %v, %d gaps in\n%s", seen, gaps, p.transcript(1))
		}
	}
}
