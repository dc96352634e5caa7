package ws

import (
	"strings"
	"testing"
	"time"

	"usher/c2s"
)

const (
	enable   = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"
	question = "<r xmlns='urn:xmpp:sm:3'/>"
)

// resumable is an edge whose streams wait for their clients; lost tells of each that does.
func resumable(t *testing.T, change func(*Config)) (e *edge, lost chan c2s.Reason) {
	cfg := testConfig()
	lost = make(chan c2s.Reason, 10)
	cfg.Streams.Resume = c2s.Resume{
		Max: time.Minute, Wheel: c2s.NewWheel(time.Second), // which nobody turns: the time is never over
		Lost: func(s *c2s.Stream, e c2s.Ending, promised time.Duration) time.Duration {
			lost <- e.Reason
			return promised
		},
	}
	if change != nil {
		change(&cfg)
	}
	return start(t, cfg, nil), lost
}

// enabled turns XEP-0198 on and returns the session's id.
func (c *client) enabled() (id string) {
	c.t.Helper()
	c.send(enable)
	_, p, err := c.next()
	_, rest, _ := strings.Cut(p, " id='")
	id, rest, ok := strings.Cut(rest, "'")
	if err != nil || !ok || rest != " resume='true' max='60'/>" {
		c.t.Fatalf("%q, %v", p, err)
	}
	return id
}

func resume(id, h string) string {
	return "<resume xmlns='urn:xmpp:sm:3' previd='" + id + "' h='" + h + "'/>"
}

func resumed(id, h string) string {
	return "<resumed xmlns='urn:xmpp:sm:3' previd='" + id + "' h='" + h + "'/>"
}

// burst is everything that a client can say before it has heard a word, in one write.
func (e *edge) burst(t *testing.T, last string) *client {
	t.Helper()
	c := e.dial(t, text(openShop), text(auth), text(openShop), text(last))
	c.expect(opened, "<stream:features", "<success", opened, "<stream:features")
	return c
}

// aggressively_pipelined_resume_ws of MongooseIM's sm_SUITE: open, login and resumption in one write.
func TestPipelinedResume(t *testing.T) {
	e, lost := resumable(t, nil)
	c := e.dial(t).login()
	id := c.enabled()
	c.send(hello)
	c.expect(echoed, question)
	c.Close()
	if r := <-lost; r != c2s.ConnectionLost {
		t.Fatalf("lost for %v", r)
	}
	c = e.burst(t, resume(id, "0"))
	c.expect(resumed(id, "1"), echoed, question)
	c.send("<a xmlns='urn:xmpp:sm:3' h='1'/>")
	c.send(hello)
	c.expect(echoed, question)
	e.site.ended(t, c2s.Replaced)
	c.send(closeStream) // a goodbye is one
	c.expect("<a xmlns='urn:xmpp:sm:3' h='2'/>", closeStream, "Close 1000")
	e.site.ended(t, c2s.ClientClosed)
	c = e.burst(t, resume(id, "2"))
	c.expect("<failed xmlns='urn:xmpp:sm:3' h='2'><item-not-found")
}

// What is queued while nobody is there comes in order, behind what wasn't acknowledged.
func TestResumeBringsWhatCameMeanwhile(t *testing.T) {
	e, lost := resumable(t, nil)
	c := e.dial(t).login()
	id := c.enabled()
	s := e.site.stream(t, "v1@shop.example/r")
	say := func(id string) {
		if s.SendRaw([]byte("<message xmlns='jabber:client' id='" + id + "'/>")) {
			s.Wake()
		}
	}
	say("1")
	c.expect("<message xmlns='jabber:client' id='1'/>", question)
	c.Close()
	<-lost
	say("2")
	await(func() bool { e.mu.Lock(); defer e.mu.Unlock(); return len(e.conns) == 0 }) // a parked stream has no connection
	c = e.burst(t, resume(id, "0"))
	c.expect(resumed(id, "0"), "<message xmlns='jabber:client' id='1'/>", "<message xmlns='jabber:client' id='2'/>", question)
	say("3") // through the old stream
	c.expect("<message xmlns='jabber:client' id='3'/>")
}

// session_resumed_then_old_session_is_closed_gracefully_with_correct_error_stanza, on the wire.
func TestResumeClosesTheOldSocket(t *testing.T) {
	e, lost := resumable(t, nil)
	old := e.dial(t).login()
	id := old.enabled()
	c := e.burst(t, resume(id, "0"))
	c.expect(resumed(id, "0"))
	old.expect(errorOf("conflict"), closeStream, "Close 1008")
	old.write(frame(finBit|opClose, "\x03\xf0"))
	old.expect("EOF")
	e.site.ended(t, c2s.Replaced)
	c.send(hello)
	c.expect(echoed, question)
	if len(lost) > 0 {
		t.Error("the old one is waited for")
	}
}

// RFC 7395 §3.6: a WebSocket that is closed without <close/>, as browsers do when a page goes, is a stream that may be resumed.
func TestLeavesWithoutGoodbye(t *testing.T) {
	for name, leave := range map[string]func(t *testing.T, c *client){
		"going away": func(t *testing.T, c *client) {
			c.write(frame(finBit|opClose, "\x03\xe9"))
			c.expect("Close 1001", "EOF")
		},
		"without a status": func(t *testing.T, c *client) {
			c.write(frame(finBit|opClose, ""))
			c.expect("Close", "EOF")
		},
		"cut":                      func(t *testing.T, c *client) { c.Close() },
		"cut in the middle of one": func(t *testing.T, c *client) { c.write(text(hello)[:20]); c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			e, lost := resumable(t, nil)
			c := e.dial(t).login()
			id := c.enabled()
			leave(t, c)
			if r := <-lost; r != c2s.ConnectionLost {
				t.Fatalf("lost for %v", r)
			}
			c = e.burst(t, resume(id, "0"))
			c.expect(resumed(id, "0"))
		})
	}
}

// ping_timeout of sm_SUITE.
func TestSilentClientMayResume(t *testing.T) {
	e, lost := resumable(t, func(cfg *Config) { cfg.Ping, cfg.Pong = 10*time.Millisecond, 20*time.Millisecond })
	c := e.dial(t).login()
	id := c.enabled()
	if r := <-lost; r != c2s.PongTimeout {
		t.Fatalf("lost for %v", r)
	}
	c = e.burst(t, resume(id, "0"))
	c.expect(resumed(id, "0"))
}

// A breach of the framing ends the session, whatever was promised.
func TestBreachIsNoLoss(t *testing.T) {
	e, lost := resumable(t, nil)
	c := e.dial(t).login()
	id := c.enabled()
	c.write(frame(finBit|2, "binary"))
	e.site.ended(t, c2s.BadFraming)
	c = e.burst(t, resume(id, "0"))
	c.expect("<failed xmlns='urn:xmpp:sm:3' h='0'><item-not-found")
	if len(lost) > 0 {
		t.Error("it was waited for")
	}
}

// A client that takes nothing for too long may come back.
func TestStalledClientMayResume(t *testing.T) {
	e, lost := resumable(t, func(cfg *Config) {
		cfg.Stalled = 20 * time.Millisecond
		cfg.Streams.Outbox, cfg.Streams.Resume.Queue = 32<<20, 32<<20
	})
	c := e.dial(t).login()
	id := c.enabled()
	s := e.site.stream(t, "v1@shop.example/r")
	for len(lost) == 0 && s.Pending() < 16<<20 {
		flood(s, 1)
	}
	if r := <-lost; r != c2s.Stalled {
		t.Fatalf("lost for %v", r)
	}
	c = e.burst(t, resume(id, "0"))
	c.expect(resumed(id, "0"), "<message xmlns='jabber:client'><body>xxx")
}
