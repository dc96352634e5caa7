package workgroup

import (
	"slices"
	"testing"
	"time"
)

// A client that is killed is gone for the room and for its contacts, in either order: an ordinary unavailable presence each, which
// is how Prosody and ejabberd tell it (no status 333). The agent has vanished then, and is replaced; he has not left by himself.
func TestClientIsKilled(t *testing.T) {
	for _, order := range []string{"room first", "contacts first"} {
		t.Run(order, func(t *testing.T) {
			p := newPlay(t)
			alice, ann := p.agent("alice"), p.visitor("ann")
			ann.asks("Can you hear me?")
			alice.types("1")
			p.is("they talk", 1, "active")
			room := ann.invited
			c := alice.clients[0]
			tell := []func(){
				func() { p.fromMUC(p.muc.gone(p.now, c.full)) },
				func() {
					for _, g := range alice.friends {
						p.carry(el("presence", "", "type", "unavailable", "from", c.full, "to", g))
					}
				},
			}
			if order == "contacts first" {
				slices.Reverse(tell)
			}
			c.here = false
			for _, f := range tell {
				f()
				p.carryOut()
			}
			p.is("she is gone", 1, "agent-lost")
			bob := p.agent("bob")
			p.wait(60 * time.Second) // timers.agent_lost
			bob.types("1")
			p.is("bob has it", 1, "active")
			if bob.clients[0].invited != room {
				t.Errorf("bob is called to %s, the chat is in %s", bob.clients[0].invited, room)
			}
		})
	}
}
