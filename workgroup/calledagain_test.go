package workgroup

import (
	"testing"
	"time"
)

// The server restarts while an agent is on his way into the room: the invitation went to nobody, since his client was not back
// yet, so it is sent again when the client is.
func TestAgentComesBackBeforeHeIsIn(t *testing.T) {
	p := newPlay(t)
	alice, ann := p.agent("alice"), p.visitor("ann")
	c := alice.clients[0]
	c.autojoin = false
	ann.asks("Where is my parcel?")
	alice.types("1")
	p.is("he is called in", 1, "connecting")
	p.down()
	c.here, c.invited = false, "" // a client that connects again later
	p.up()
	p.wait(time.Second)
	p.is("he is waited for", 1, "connecting")
	if c.invited != "" {
		t.Fatal("a client that isn't there got an invitation")
	}
	c.autojoin = true
	c.online("")
	p.is("he is back", 1, "active")
	p.here("both are in", ann, "Support, Visitor 1, alice")
}

// A supervisor asks to be let in while the room is being found again after a crash: she is let in when it is.
func TestEnterWhileTheRoomIsLookedFor(t *testing.T) {
	p, _, ann := talking(t)
	carol := p.agent("carol")
	p.busy = true // what the desk wants done waits
	p.kill()
	carol.types("enter 1")
	p.busy = false
	p.carryOut()
	if carol.clients[0].invited == "" {
		t.Fatal("she was not invited")
	}
	ann.back()
	p.here("all are in", ann, "Support, Visitor 1, alice, carol")
}
