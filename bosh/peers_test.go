package bosh

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"usher/c2s"
	"usher/xmpp"
)

// The cases of Prosody's mod_bosh_spec.lua, MongooseIM's bosh_SUITE.erl, Punjab's xep124.py and xep206.py and Openfire's
// rules that concern sessions; those that need a socket are in wire_test.go, those on
// time in time_test.go, keys and rids in rid_test.go. Each test has its peer's name for the case.

// prosodyLogin is how Prosody's tests log in: all in the creation request, without a restart.
func prosodyLogin(d *desk) *client {
	d.t.Helper()
	c := &client{rid: 998}
	x := d.ask(`<body rid='998' content='text/xml; charset=utf-8' from='test@localhost' ` + replace(creation, "wait='10'") + `>` + auth + bind + `</body>`)
	d.want(x, "<jid>")
	c.sid = attr(d.t, x.said(), "sid")
	return c
}

func TestProsody(t *testing.T) {
	t.Run("should respond to past rids with past responses", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			c := prosodyLogin(d)
			first := d.ask(c.body("", "")) // 999
			pass(11 * time.Second)
			d.wantBody(first, empty)
			poll := c.body("", "")
			held := d.ask(poll) // 1000
			pass(2 * time.Second)
			next := d.ask(c.body("", ""))
			d.wantBody(held, empty)
			pass(2 * time.Second)
			d.wantBody(d.ask(poll), held.said())
			bye := d.ask(c.body("type='terminate'", ""))
			d.wantBody(next, stop(""))
			d.wantBody(bye, empty)
		})
	})
	t.Run("should handle out-of-order requests", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			c, _ := d.open("wait='10'")
			ahead := d.ask(c.at(c.rid+2, "", bind))
			pass(2 * time.Second)
			d.wantHeld(ahead)
			d.want(d.ask(c.at(c.rid+1, "", auth)), "<success")
			d.want(ahead, "<jid>") // the restart is implied, as there
			d.want(ahead, "<stream:features")
		})
	})
	t.Run("should work", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			c, _ := d.open("wait='10'")
			d.want(d.ask(c.body("", auth)), "<success")
			d.want(d.ask(c.body("", bind)), "<jid>")
		})
	})
	// It differs there in one thing: XEP-0124 §14.3 wants type='error' for the older request.
	t.Run("should handle aborted pending requests", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			c := prosodyLogin(d)
			poll := c.body("", "")
			d.ask(poll).lose()
			pass(2 * time.Second)
			again := d.ask(poll)
			pass(11 * time.Second)
			d.wantBody(again, empty)
		})
	})
	t.Run("should fail on requests beyond rid window", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			c := prosodyLogin(d)
			d.ask(c.body("", ""))
			pass(11 * time.Second)
			d.wantBody(d.ask(c.at(1002, "", "")), stop("item-not-found"))
		})
	})
	t.Run("should always succeed for requests within the rid window", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			d.stanza = func(s *c2s.Stream, e *xmpp.Element) { s.SendRaw([]byte("<iq xmlns='jabber:client' type='result'/>")) }
			c, _ := d.open("")
			d.want(d.ask(c.body("", auth)), "<success")
			third := d.ask(c.body("", bind))
			d.want(d.ask(c.body("", `<iq xmlns='jabber:client' type='get' id='ping1'><ping xmlns='urn:xmpp:ping'/></iq>`)), "result")
			d.wantBody(d.ask(c.at(1002, "", bind)), third.said())
		})
	})
}

func TestMongooseIM(t *testing.T) {
	t.Run("create_and_terminate_session", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			c, _ := d.open("")
			if d.srv.Sessions() != 1 {
				t.Error("no session")
			}
			d.wantBody(d.ask(c.body("type='terminate'", "")), stop(""))
			if d.srv.Sessions() != 0 || len(d.endings) != 1 {
				t.Error("the session is still there")
			}
		})
	})
	// It refuses hold='0'; XEP-0124 §12 has polling sessions: they differ on purpose.
	t.Run("do_not_accept_0_hold_value", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			c, hello := d.open("hold='0'")
			if attr(t, hello, "hold") != "0" || attr(t, hello, "requests") != "1" {
				t.Error(hello)
			}
			d.want(d.ask(c.body("", auth)), "<success")
		})
	})
	t.Run("interleave_requests", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			c := d.login("")
			d.ask(c.at(c.rid+2, "", message("2nd")))
			d.ask(c.at(c.rid+1, "", message("1st")))
			d.ask(c.at(c.rid+3, "", message("3rd")))
			d.ask(c.at(c.rid+4, "", message("4th")))
			if d.ids() != "1st 2nd 3rd 4th" {
				t.Errorf("heard %q", d.ids())
			}
		})
	})
	t.Run("simple_chat", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			d.stanza = func(s *c2s.Stream, e *xmpp.Element) { s.SendRaw([]byte(message("Hello"))) }
			c := d.login("")
			d.wantBody(d.ask(c.body("", message("Hi"))), wrap(message("Hello")))
		})
	})
	t.Run("cdata_escape_chat, escape_attr_chat", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			c := d.login("")
			d.ask(c.body("", `<message xmlns='jabber:client' id='&lt;&amp;&apos;&quot;&gt;'><body>Hi! &amp; &lt; > " </body></message>`))
			if d.ids() != `<&'">` || !strings.Contains(d.raw[0], `<body>Hi! &amp; &lt; > " </body>`) {
				t.Errorf("heard %q: %s", d.ids(), d.raw)
			}
		})
	})
	t.Run("multiple_stanzas", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			c := d.login("")
			d.ask(c.body("", message("1")+` <presence xmlns='jabber:client' id='2'/>`+message("3")+"\n"+`<iq xmlns='jabber:client' type='get' id='4'><query xmlns='x'/></iq>`))
			if d.ids() != "1 2 3 4" {
				t.Errorf("heard %q", d.ids())
			}
		})
	})
	t.Run("namespace", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			c := d.login("")
			// XEP-0206 §2: many clients leave the namespace out
			x := d.ask(c.body("", `<message id='bare'><body>x</body><y xmlns='z'/></message>`))
			if d.ids() != "bare" || strings.Contains(d.raw[0], "httpbind") {
				t.Errorf("heard %q: %s", d.ids(), d.raw)
			}
			d.send(0, "m")
			d.wantBody(x, wrap(message("m")))
		})
	})
	t.Run("stream_error", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			c := d.login("")
			x := d.ask(c.body("", `<message xmlns='jabber:client' from='not_carol@example.com' id='x'/>`))
			if attr(t, x.said(), "condition") != "remote-stream-error" || !strings.Contains(x.said(), "<invalid-from") {
				t.Errorf("told %q", x.said())
			}
			if !strings.Contains(x.said(), ` xmlns:stream='http://etherx.jabber.org/streams'`) || d.ids() != "" {
				t.Errorf("told %q, heard %q", x.said(), d.ids())
			}
		})
	})
	t.Run("interrupt_long_poll_is_activity", func(t *testing.T) {
		bubble(t, func(c *Config) { c.Inactivity = 2 * time.Second }, func(t *testing.T, d *desk) {
			c := d.login("wait='10'")
			poll := d.ask(c.body("", ""))
			next := d.ask(c.body("", message("Hello")))
			d.wantBody(poll, empty)
			pass(4 * time.Second)
			d.wantHeld(next)
			if len(d.closed) != 0 {
				t.Error("the session has ended")
			}
		})
	})
	t.Run("reply_on_pause", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			c := d.login("")
			poll := d.ask(c.body("", ""))
			d.wantBody(d.ask(c.body("pause='10'", "")), empty)
			d.wantBody(poll, empty)
			if d.srv.Held() != 0 || d.srv.Sessions() != 1 {
				t.Errorf("%d held, %d sessions", d.srv.Held(), d.srv.Sessions())
			}
		})
	})
	t.Run("pause_request_is_activity", func(t *testing.T) {
		bubble(t, func(c *Config) { c.Inactivity = 2 * time.Second }, func(t *testing.T, d *desk) {
			c := d.login("")
			pass(time.Second)
			d.wantBody(d.ask(c.body("pause='10'", "")), empty)
			pass(9 * time.Second)
			if len(d.closed) != 0 {
				t.Error("the session has ended")
			}
		})
	})
	t.Run("server_acks", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			c := d.login("ack='1'")
			first := d.ask(c.body("", message("1st")))
			second := d.ask(c.body("ack='1003'", message("2nd")))
			if got := attr(t, first.said(), "ack"); got != fmt.Sprint(c.rid) {
				t.Errorf("ack %q", got)
			}
			d.send(0, "m")
			d.wantBody(second, wrap(message("m"))) // §9.1: none if it is the request's own rid
		})
	})
	t.Run("force_report", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			c := d.login("ack='1'")
			stale := c.rid
			for _, id := range []string{"1st", "2nd"} {
				x := d.ask(c.body("", message(id)))
				d.send(0, id+" reply")
				d.want(x, id+" reply")
			}
			pass(852 * time.Millisecond)
			x := d.ask(c.body(fmt.Sprintf("ack='%d'", stale), ""))
			d.wantBody(x, fmt.Sprintf(`<body xmlns='http://jabber.org/protocol/httpbind' report='%d' time='852'/>`, stale+1))
			d.want(d.ask(c.at(stale+1, "", message("1st"))), "1st reply")
			d.wantHeld(d.ask(c.body(fmt.Sprintf("ack='%d'", stale), ""))) // once each, or it would be a loop
		})
	})
	t.Run("force_retransmission", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			c := d.login("")
			chat := c.body("", message("1st msg!"))
			x := d.ask(chat)
			d.send(0, "1st rep!")
			d.want(x, "1st rep!")
			d.wantBody(d.ask(chat), x.said())
			if d.ids() != "1st msg!" {
				t.Errorf("heard %q", d.ids())
			}
		})
	})
	t.Run("force_cache_trimming", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			c := d.login("ack='1'")
			for range 5 { // more than `requests` are kept until they are acknowledged
				d.send(0, "m")
				d.want(d.ask(c.body("ack='1003'", "")), "hello")
			}
			if n := len(d.session(c).kept); n != 5 {
				t.Errorf("%d kept", n)
			}
			d.ask(c.body(fmt.Sprintf("ack='%d'", c.rid), ""))
			if n := len(d.session(c).kept); n != 0 {
				t.Errorf("%d kept", n)
			}
			d.wantBody(d.ask(c.at(c.rid-1, "", "")), stop("item-not-found"))
		})
	})
}

func TestPunjab(t *testing.T) {
	t.Run("testCreateSession", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			_, hello := d.open("ack='1'")
			for _, part := range []string{"xmlns:xmpp='urn:xmpp:xbosh'", "xmlns:stream='http://etherx.jabber.org/streams'", "xmpp:version='1.0'", "sid='", "authid='"} {
				if !strings.Contains(hello, part) {
					t.Errorf("no %s in %s", part, hello)
				}
			}
		})
	})
	// Both names: an error from behind reaches the client, also when no request waits.
	t.Run("testRemoteError, testStreamError", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			c := d.login("")
			d.stream(0).End(c2s.Ending{Reason: c2s.BadProtocol, Err: &xmpp.StreamError{Condition: "policy-violation"}})
			x := d.ask(c.body("", `<fdsfd/>`))
			if attr(t, x.said(), "condition") != "remote-stream-error" || !strings.Contains(x.said(), "<policy-violation") {
				t.Errorf("told %q", x.said())
			}
		})
	})
	t.Run("testTerminateRace", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			d.stanza = func(s *c2s.Stream, e *xmpp.Element) { s.SendRaw([]byte(message("last"))) }
			c := d.login("")
			poll := d.ask(c.body("", ""))
			x := d.ask(c.body("type='terminate'", message("bye")))
			d.wantBody(poll, `<body xmlns='http://jabber.org/protocol/httpbind' type='terminate'>`+message("last")+`</body>`)
			d.wantBody(x, empty)
		})
	})
	t.Run("testStreamParseError", func(t *testing.T) {
		for _, payload := range []string{`<a>`, `<a></b>`, `</body>`, `<!-- x -->`, `<?pi?>`, `text`, `<a>&foo;</a>`, `<x:y/>`, "<a>\x00</a>",
			"<a>\xff</a>", `<a b='1' b='2'/>`, `<!DOCTYPE a>`} {
			bubble(t, nil, func(t *testing.T, d *desk) {
				c := d.login("")
				x := d.ask(c.body("", message("good")+payload))
				d.wantBody(x, stop("bad-request"))
				if d.ids() != "" || d.srv.Sessions() != 0 {
					t.Errorf("%q: heard %q, %d sessions", payload, d.ids(), d.srv.Sessions())
				}
			})
		}
	})
	t.Run("testFeaturesError", func(t *testing.T) { // features come once
		bubble(t, nil, func(t *testing.T, d *desk) {
			c, hello := d.open("")
			if strings.Count(hello, "<stream:features") != 1 {
				t.Error(hello)
			}
			d.wantBody(d.ask(c.body("", auth)), wrap("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"))
		})
	})
	t.Run("testRidCountBug", func(t *testing.T) { // repeats don't move the window
		bubble(t, nil, func(t *testing.T, d *desk) {
			c := d.login("")
			for range 5 {
				d.ask(c.body("", message("x")))
			}
			for range 5 {
				d.wantHeld(d.ask(c.at(c.rid, "", message("x"))))
			}
			d.wantHeld(d.ask(c.body("", "")))
			if d.ids() != "x x x x x" {
				t.Errorf("heard %q", d.ids())
			}
		})
	})
}

// Openfire's limits: what is too large is refused in its own terms.
func TestOpenfireLimits(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		c := d.login("")
		d.wantBody(d.ask(c.body("", strings.Repeat("<presence/>", maxPayloads+1))), stop("policy-violation"))
	})
	bubble(t, nil, func(t *testing.T, d *desk) {
		c, _ := d.open("")
		x := d.ask(c.body("", `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'>`+strings.Repeat("=", 17<<10)+`</auth>`))
		d.wantBody(x, stop("policy-violation"))
		if x.status != 413 || d.stream(0).Bound() != "" {
			t.Errorf("status %d", x.status)
		}
	})
}
