package bosh

import (
	"strings"
	"testing"
	"time"

	"usher/c2s"
)

// outliving lets sessions wait for their visitors, who take them over with their next bind.
func outliving(cfg *Config) {
	cfg.Streams.Handler.(*site).again = true
	cfg.Streams.Resume = c2s.Resume{Wheel: cfg.Wheel, Lost: func(_ *c2s.Stream, e c2s.Ending, promised time.Duration) time.Duration {
		if e.Reason != c2s.Inactive || promised != 0 {
			panic(e.Reason.String())
		}
		return 45 * time.Second
	}}
}

// goOn logs in anew and returns what comes behind the answer to bind.
func (d *desk) goOn() (c *client, messages string) {
	d.t.Helper()
	c, _ = d.open("")
	d.want(d.ask(c.body("", auth)), "<success")
	d.want(d.ask(c.body(restart, "")), "urn:ietf:params:xml:ns:xmpp-bind")
	_, messages, ok := strings.Cut(d.ask(c.body("", bind)).said(), "</jid></bind></iq>")
	if !ok {
		d.t.Fatalf("not bound")
	}
	return c, strings.TrimSuffix(messages, "</body>")
}

// XEP-0124 §10 ends the BOSH session; what it carried goes on for a while, and in another session.
func TestInactiveSessionGoesOn(t *testing.T) {
	bubble(t, outliving, func(t *testing.T, d *desk) {
		c := d.login("")
		pass(62 * time.Second)
		if len(d.closed) != 0 || !d.stream(0).Parked() || d.srv.Sessions() != 0 {
			t.Fatalf("%d ended, %d sessions, parked: %v", len(d.closed), d.srv.Sessions(), d.stream(0).Parked())
		}
		d.wantBody(d.ask(c.body("", "")), stop("item-not-found"))
		d.send(0, "1")
		pass(40 * time.Second)
		c, again := d.goOn()
		if again != message("1") {
			t.Errorf("it goes on with %q", again)
		}
		if e := d.ending(t); e.Reason != c2s.Replaced {
			t.Errorf("ended as %v", e.Reason)
		}
		d.send(0, "2") // by the old stream
		d.wantBody(d.ask(c.body("", "")), wrap(message("2")))
		d.wantHeld(d.ask(c.body("", "")))
		pass(time.Minute)
		if d.stream(1).Ended() != nil {
			t.Error("ended")
		}
	})
}

func TestNobodyTakesTheSessionOver(t *testing.T) {
	bubble(t, outliving, func(t *testing.T, d *desk) {
		d.login("")
		pass(62 * time.Second)
		pass(46 * time.Second)
		if e := d.ending(t); e.Reason != c2s.Inactive {
			t.Errorf("ended as %v", e.Reason)
		}
	})
}

// A session whose client is still there is told why it ends.
func TestRunningSessionIsTakenOver(t *testing.T) {
	bubble(t, outliving, func(t *testing.T, d *desk) {
		c := d.login("")
		held := d.ask(c.body("", ""))
		d.login("")
		d.want(held, "condition='remote-stream-error'")
		d.want(held, "<conflict ")
	})
}

// What comes again in the session that follows is what no request has confirmed: with two requests at a time the second one after the
// answer does, with acknowledgements the number in the next one.
func TestWhatIsConfirmed(t *testing.T) {
	type step = func(d *desk, c *client)
	say := func(id string) step { return func(d *desk, c *client) { d.send(0, id) } }
	poll := func(attrs string) step { return func(d *desk, c *client) { d.ask(c.body(attrs, "")) } }
	leave := func(d *desk, c *client) { d.ask(c.body("", "")).lose() }
	for _, tc := range []struct {
		name, session string
		steps         []step
		again         string
	}{
		{"nothing was said", "", []step{poll("")}, ""},
		{"queued only", "", []step{say("1")}, "1"},
		{"answered, and nothing follows", "", []step{say("1"), poll("")}, "1"},
		{"one more request may cross the answer", "", []step{say("1"), poll(""), poll("")}, "1"},
		{"two more can't", "", []step{say("1"), poll(""), poll(""), poll("")}, ""},
		{"a pause is one more that may be open", "", []step{say("1"), poll(""), poll(""), poll("pause='10'")}, "1"},
		{"in order", "", []step{say("1"), poll(""), say("2"), poll(""), say("3"), poll(""), say("4")}, "2 3 4"},
		{"left while it was held", "", []step{leave, say("1"), say("2")}, "1 2"},
		{"acknowledged", "ack='1'", []step{say("1"), poll("ack='1003'"), poll("ack='1004'")}, ""},
		{"not acknowledged", "ack='1'", []step{say("1"), poll("ack='1003'"), poll("ack='1003'")}, "1"},
		{"acknowledged in part", "ack='1'", []step{say("1"), poll("ack='1003'"), say("2"), poll("ack='1004'"), say("3")}, "2 3"},
		{"a number of the future says nothing", "ack='1'", []step{say("1"), poll("ack='9999'"), poll("ack='9999'")}, "1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(cfg *Config) { cfg.Polling = 0; outliving(cfg) }, func(t *testing.T, d *desk) {
				c := d.login(tc.session)
				for _, s := range tc.steps {
					s(d, c)
				}
				want := ""
				for _, id := range strings.Fields(tc.again) {
					want += message(id)
				}
				if _, again := d.goOn(); again != want {
					t.Errorf("it goes on with\n%q, want\n%q", again, want)
				}
			})
		})
	}
}
