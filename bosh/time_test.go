package bosh

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"usher/c2s"
	"usher/xmpp"
)

// pass lets time pass, and everything that is due then.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// §10: pause answers what is held, applies until the next request, then inactivity is as before.
func TestPause(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		c := d.login("")
		poll := d.ask(c.body("", ""))
		pause := d.ask(c.body("pause='110'", ""))
		d.wantBody(poll, empty)
		d.wantBody(pause, empty)
		d.send(0, "m")
		pass(109 * time.Second)
		next := d.ask(c.body("", ""))
		d.wantBody(next, wrap(message("m")))
		pass(59 * time.Second)
		if len(d.closed) != 0 {
			t.Fatal("ended too early")
		}
		pass(2 * time.Second)
		if e := d.ending(t); e.Reason != c2s.Inactive {
			t.Errorf("ended as %v", e)
		}
	})
}

// The answer to a pause carries no payload, though there is one: the next one does.
func TestPauseWithPayloadPending(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		c := d.login("")
		d.send(0, "m")
		d.wantBody(d.ask(c.body("pause='10'", "")), empty)
		d.wantBody(d.ask(c.body("", "")), wrap(message("m")))
	})
}

// A pause may also be shorter than inactivity.
func TestShortPause(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		c := d.login("")
		d.wantBody(d.ask(c.body("pause='3'", "")), empty)
		pass(4 * time.Second)
		if e := d.ending(t); e.Reason != c2s.Inactive {
			t.Errorf("ended as %v", e)
		}
	})
}

// §10: not during a pause that was longer than allowed, nor where pausing is off.
func TestPauseTooLong(t *testing.T) {
	for _, c := range []struct {
		name, pause string
		max         time.Duration
	}{
		{"cant_pause_for_too_long (MongooseIM)", "10000", 120 * time.Second},
		{"by a second", "121", 120 * time.Second},
		{"not offered", "1", 0},
		{"beyond all numbers", "999999999999999999", 120 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(cfg *Config) { cfg.MaxPause = c.max }, func(t *testing.T, d *desk) {
				cl := d.login("")
				poll := d.ask(cl.body("", ""))
				d.wantBody(d.ask(cl.body("pause='"+c.pause+"'", "")), stop("policy-violation"))
				d.wantBody(poll, stop("policy-violation"))
				if e := d.ending(t); e.Reason != c2s.PolicyViolation {
					t.Errorf("ended as %v", e)
				}
			})
		})
	}
}

// The timer of inactivity starts when no request is held, not before.
func TestInactivityStarts(t *testing.T) {
	bubble(t, func(c *Config) { c.Inactivity = 10 * time.Second }, func(t *testing.T, d *desk) {
		c := d.login("wait='30'")
		poll := d.ask(c.body("", ""))
		pass(29 * time.Second)
		d.wantHeld(poll)
		pass(2 * time.Second)
		d.wantBody(poll, empty)
		pass(8 * time.Second)
		if len(d.closed) != 0 {
			t.Fatal("ended too early")
		}
		pass(2 * time.Second)
		if e := d.ending(t); e.Reason != c2s.Inactive {
			t.Errorf("ended as %v", e)
		}
	})
}

// connection_interrupted (MongooseIM): the session outlives the connection by inactivity.
func TestConnectionInterrupted(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		c := d.login("")
		poll := d.ask(c.body("", ""))
		pass(30 * time.Second)
		poll.lose()
		pass(59 * time.Second)
		if len(d.closed) != 0 {
			t.Fatal("ended too early")
		}
		pass(2 * time.Second)
		if e := d.ending(t); e.Reason != c2s.Inactive {
			t.Errorf("ended as %v", e)
		}
	})
}

// §12, and §11 for the sessions that don't poll.
func TestPolling(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		c := d.login("hold='0'")
		d.wantBody(d.ask(c.body("", "")), empty) // after a request with a payload
		pass(5 * time.Second)
		d.wantBody(d.ask(c.body("", "")), empty)
		d.send(0, "m")
		pass(5 * time.Second)
		d.wantBody(d.ask(c.body("", "")), wrap(message("m")))
		d.wantBody(d.ask(c.body("", "")), empty) // the last answer had a payload
		d.wantBody(d.ask(c.body("", message("a"))), empty)
		d.wantBody(d.ask(c.body("", "")), empty)
		pass(4 * time.Second)
		d.wantBody(d.ask(c.body("", "")), stop("policy-violation"))
		if e := d.ending(t); e.Reason != c2s.PolicyViolation {
			t.Errorf("ended as %v", e)
		}
	})
}

// A polling session ends for inactivity too.
func TestPollingInactive(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		d.login("wait='0'")
		pass(69 * time.Second)
		if len(d.closed) != 0 {
			t.Fatal("ended too early")
		}
		pass(2 * time.Second)
		if e := d.ending(t); e.Reason != c2s.Inactive {
			t.Errorf("ended as %v", e)
		}
	})
}

// §11, second rule: empty requests beside one that is open. Some are overlooked.
func TestPollingBesideHeld(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		c := d.login("")
		d.ask(c.body("", ""))
		for range spare {
			d.wantHeld(d.ask(c.body("", "")))
		}
		d.wantBody(d.ask(c.body("", "")), stop("policy-violation"))
	})
}

// §11: too many simultaneous requests. It takes requests that wait for their predecessor or for the client's rate.
func TestOveractivity(t *testing.T) {
	slow := func(d *desk) *client {
		d.rate = c2s.Rate{PerSecond: 1, Burst: 10}
		c := d.login("")
		for i := 0; d.srv.table.get(d.session(c).key).resumeAt == 0; i++ {
			if i > 100 {
				d.t.Fatalf("no limit on the rate")
			}
			d.ask(c.body("", message("x")))
		}
		return c
	}
	bubble(t, nil, func(t *testing.T, d *desk) {
		c := slow(d)
		a, b := d.ask(c.body("", message("a"))), d.ask(c.body("", message("b")))
		bad := d.ask(c.body("", message("c")))
		for _, x := range []*exchange{a, b, bad} {
			d.wantBody(x, stop("policy-violation"))
		}
		if strings.ContainsAny(d.ids(), "abc") {
			t.Errorf("heard %s", d.ids())
		}
	})
	for _, extra := range []string{"type='terminate'", "pause='10'"} { // one more is allowed for these
		bubble(t, nil, func(t *testing.T, d *desk) {
			c := slow(d)
			a, b := d.ask(c.body("", message("a"))), d.ask(c.body("", message("b")))
			last := d.ask(c.body(extra, ""))
			d.wantHeld(last)
			pass(30 * time.Second)
			if !strings.HasSuffix(d.ids(), "a b") {
				t.Errorf("heard %s", d.ids())
			}
			if extra == "pause='10'" {
				return // its session has ended since
			}
			d.wantBody(a, empty)
			d.wantBody(b, empty)
			d.wantBody(last, stop(""))
		})
	}
}

// A client over its rate waits, in order, and nothing is lost; no goroutine waits with it.
func TestRate(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		d.rate = c2s.Rate{PerSecond: 2, Burst: 4}
		c := d.login("")
		pass(10 * time.Second)
		many := ""
		want := ""
		for _, id := range strings.Split("abcdefghijklmnop", "") {
			many += message(id)
			want += id + " "
		}
		x := d.ask(c.body("", many))
		d.wantHeld(x)
		next := d.ask(c.body("", message("z")))
		if got := len(d.ids()); got > len(want)/2 {
			t.Errorf("%q went through at once", d.ids())
		}
		pass(20 * time.Second)
		d.wantBody(x, empty)
		d.wantHeld(next)
		if d.ids() != want+"z" {
			t.Errorf("heard %q", d.ids())
		}
		if p := d.session(c).pending; p != 0 {
			t.Errorf("%d bytes pending", p)
		}
	})
}

// The time to log in is absolute.
func TestLoginTimeout(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		c, _ := d.open("")
		x := d.ask(c.body("", ""))
		pass(14 * time.Second)
		d.wantHeld(x)
		d.ask(c.body("", ""))
		y := d.ask(c.body("", ""))
		pass(2 * time.Second)
		d.want(y, "condition='remote-stream-error'")
		d.want(y, "<connection-timeout")
		if e := d.ending(t); e.Reason != c2s.LoginTimeout {
			t.Errorf("ended as %v", e)
		}
	})
}

// How an ending is told, to a held request and to one that comes later.
func TestEndings(t *testing.T) {
	failed := &xmpp.StreamError{Condition: "conflict", Text: "elsewhere"}
	for _, c := range []struct {
		e    c2s.Ending
		want string
		also string
	}{
		{c2s.Ending{Reason: c2s.Shutdown, Err: &xmpp.StreamError{Condition: "system-shutdown"}}, "system-shutdown", ""},
		{c2s.Ending{Reason: c2s.Terminated}, "", ""},
		{c2s.Ending{Reason: c2s.Terminated, Err: failed}, "remote-stream-error", "<conflict"},
		{c2s.Ending{Reason: c2s.Overflow, Err: &xmpp.StreamError{Condition: "policy-violation"}}, "remote-stream-error", "<policy-violation"},
		{c2s.Ending{Reason: c2s.Overflow}, "policy-violation", ""},
		{c2s.Ending{Reason: c2s.ResourceLimit}, "internal-server-error", ""},
		{c2s.Ending{Reason: c2s.HostUnknown, Err: &xmpp.StreamError{Condition: "host-gone"}}, "host-gone", ""},
		{c2s.Ending{Reason: c2s.ConnectionLost}, "remote-connection-failed", ""},
	} {
		t.Run(c.e.Reason.String(), func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, d *desk) {
				cl := d.login("")
				poll := d.ask(cl.body("", ""))
				d.stream(0).SendRaw([]byte(message("m")))
				d.stream(0).End(c.e)
				if c.e.Reason == c2s.Shutdown { // in an answer of its own
					d.want(poll, "'>"+message("m"))
					if attr(t, poll.said(), "type") != "" {
						t.Errorf("told %q", poll.said())
					}
					poll = d.ask(cl.body("", message("too late")))
					if got := attr(t, poll.said(), "condition"); got != c.want || attr(t, poll.said(), "type") != "terminate" || strings.Contains(poll.said(), "<message") {
						t.Errorf("then told %q", poll.said())
					}
					return
				}
				if got := attr(t, poll.said(), "condition"); got != c.want || attr(t, poll.said(), "type") != "terminate" {
					t.Errorf("told %q", poll.said())
				}
				// testStreamFlushOnError (Punjab): what is queued comes first; XEP-0206 §6
				d.want(poll, "'>"+message("m"))
				if c.also != "" {
					d.want(poll, message("m")+"<stream:error")
					d.want(poll, c.also)
				}
				later := d.ask(cl.body("", ""))
				if got := attr(t, later.said(), "condition"); got != c.want || strings.Contains(later.said(), "<message") {
					t.Errorf("later told %q", later.said())
				}
			})
			bubble(t, nil, func(t *testing.T, d *desk) {
				cl := d.login("")
				d.stream(0).SendRaw([]byte(message("m")))
				d.stream(0).End(c.e)
				if d.srv.Sessions() != 1 {
					t.Error("nobody is there to be told")
				}
				x := d.ask(cl.body("", ""))
				said := x.said()
				if c.e.Reason == c2s.Shutdown {
					x = d.ask(cl.body("", ""))
					said += x.said()
				}
				if got := attr(t, x.said(), "condition"); got != c.want || !strings.Contains(said, message("m")) {
					t.Errorf("told %q", said)
				}
				if d.srv.Sessions() != 0 {
					t.Error("still there")
				}
			})
		})
	}
}

// An end that nobody asks for is forgotten.
func TestEndForgotten(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		c := d.login("")
		d.stream(0).End(c2s.Ending{Reason: c2s.Terminated})
		pass(61 * time.Second)
		if d.srv.Sessions() != 0 {
			t.Error("still there")
		}
		d.wantBody(d.ask(c.body("", "")), stop("item-not-found"))
	})
}

// Shutdown waits for each client that may come and ask, but not for one who would have come long ago.
func TestShutdownIsNotHeldUpByTheLost(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		ended, lost := d.login(""), d.login("")
		d.stream(0).End(c2s.Ending{Reason: c2s.Terminated})
		d.ask(lost.body("", "")).lose()
		polls, pauses := d.login("wait='0'"), d.login("")
		d.ask(pauses.body("pause='60'", ""))
		pass(absent)
		between, crashes := d.login(""), d.login("")
		done := make(chan struct{})
		go func() { d.srv.Shutdown(context.Background()); close(done) }() // ends when nobody is waited for
		left := func(want int) {
			t.Helper()
			if got := d.srv.Sessions(); got != want {
				t.Errorf("%d sessions, want %d", got, want)
			}
		}
		pass(time.Second)
		left(4)
		d.wantBody(d.ask(ended.body("", "")), stop("item-not-found"))
		d.wantBody(d.ask(lost.body("", "")), stop("item-not-found"))
		d.wantBody(d.ask(between.body("", "")), stop("system-shutdown"))
		left(3)
		pass(absent)
		left(2)
		d.wantBody(d.ask(crashes.body("", "")), stop("item-not-found"))
		pass(10 * time.Second)
		d.wantBody(d.ask(polls.body("", "")), stop("system-shutdown"))
		d.wantBody(d.ask(pauses.body("", "")), stop("system-shutdown"))
		<-done
	})
}

// §13: payload, then the end; the oldest request is told, others are let go.
func TestTerminate(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		c := d.login("")
		poll := d.ask(c.body("", ""))
		bye := c.body("type='terminate'", `<presence xmlns='jabber:client' type='unavailable' id='bye'/>`)
		x := d.ask(bye)
		d.wantBody(poll, stop(""))
		d.wantBody(x, empty)
		if e := d.ending(t); e.Reason != c2s.ClientClosed || d.ids() != "bye" {
			t.Errorf("%v, heard %q", e, d.ids())
		}
		d.wantBody(d.ask(bye), stop("")) // again
		if d.ids() != "bye" {
			t.Error("processed again")
		}
	})
	bubble(t, nil, func(t *testing.T, d *desk) {
		c := d.login("")
		x := d.ask(c.body("type='terminate'", ""))
		d.wantBody(x, stop(""))
	})
}

// Refusals of new sessions leave nothing behind.
func TestCreateRefused(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"cannot_create_session_for_unknown_domain (MongooseIM)", `<body rid='1' ` + replace(creation, "to='nowhere.example'") + `/>`, "host-unknown"},
		{"testWhiteListError (Punjab)", `<body rid='1' ` + replace(creation, "to='jabber.org'") + `>` + auth + `</body>`, "host-unknown"},
		{"an old version", `<body rid='1' ` + replace(creation, "xmpp:version='0.9'") + `/>`, "remote-stream-error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, d *desk) {
				x := d.ask(c.body)
				if got := attr(t, x.said(), "condition"); got != c.want || attr(t, x.said(), "sid") != "" {
					t.Errorf("told %q", x.said())
				}
				if d.srv.Sessions() != 0 || len(d.endings) != 1 {
					t.Errorf("%d sessions, %d endings", d.srv.Sessions(), len(d.endings))
				}
			})
		})
	}
}

// The same domain has to stand in a restart (CVE-2018-10847 was another server's).
func TestRestartElsewhere(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		c, _ := d.open("")
		d.want(d.ask(c.body("", auth)), "<success")
		x := d.ask(c.body(strings.Replace(restart, "example.com", "other.example", 1), ""))
		if attr(t, x.said(), "condition") != "host-unknown" {
			t.Errorf("told %q", x.said())
		}
	})
}

// XEP-0206 §5: the payload of a restart request is ignored.
func TestRestartPayload(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		c, _ := d.open("")
		d.want(d.ask(c.body("", auth)), "<success")
		x := d.ask(c.body(restart, message("m")))
		d.want(x, "<bind")
		if len(d.closed) != 0 || d.ids() != "" {
			t.Errorf("heard %q", d.ids())
		}
		d.want(d.ask(c.body("", bind)), "<jid>")
	})
}

func TestRefusalConditions(t *testing.T) {
	for _, c := range []struct {
		err  *xmpp.StreamError
		want string
	}{
		{nil, "internal-server-error"},
		{&xmpp.StreamError{Condition: "system-shutdown"}, "system-shutdown"},
		{&xmpp.StreamError{Condition: "policy-violation"}, "policy-violation"},
		{&xmpp.StreamError{Condition: "resource-constraint"}, "internal-server-error"},
	} {
		if got := refusal(c.err); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
}
