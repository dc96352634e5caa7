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
