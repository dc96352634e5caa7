package bosh

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"usher/c2s"
)

// bubble runs a test against sessions without sockets, with a clock of its own.
func bubble(t *testing.T, change func(*Config), f func(t *testing.T, d *desk)) {
	synctest.Test(t, func(t *testing.T) { f(t, newDesk(t, change)) })
}

// XEP-0124 §7.2, XEP-0206 §4: what the session creation response says.
func TestCreate(t *testing.T) {
	const all = `rid='1000' to='example.com'`
	for _, c := range []struct {
		name, attrs string
		want        map[string]string
	}{
		{"as asked", all + ` wait='30' hold='1' ver='1.6'`, map[string]string{
			"wait": "30", "hold": "1", "requests": "2", "ver": "1.6", "inactivity": "60", "polling": "5", "maxpause": "120",
			"from": "example.com", "restartlogic": "true", "version": "1.0", "accept": "gzip", "ack": "", "secure": "", "content": ""}},
		{"nothing asked", all, map[string]string{"wait": "60", "hold": "1", "requests": "2", "ver": "1.11"}},
		{"wait is clamped", all + ` wait='600'`, map[string]string{"wait": "60"}},
		{"accept_higher_hold_value (MongooseIM)", all + ` hold='2'`, map[string]string{"hold": "1", "requests": "2"}},
		{"a polling session by hold", all + ` hold='0'`, map[string]string{"hold": "0", "requests": "1", "inactivity": "70"}},
		{"a polling session by wait", all + ` wait='0'`, map[string]string{"wait": "0", "hold": "0", "requests": "1"}},
		{"a later version", all + ` ver='1.20'`, map[string]string{"ver": "1.11"}},
		{"two integers, not a fraction", all + ` ver='1.9'`, map[string]string{"ver": "1.9"}},
		{"not a version", all + ` ver='x'`, map[string]string{"ver": "1.11"}},
		{"acknowledgements", all + ` ack='1'`, map[string]string{"ack": "1000"}},
		{"content, route and charsets are ignored", all + ` content='text/html' route='xmpp:evil:5222' charsets='x'`,
			map[string]string{"wait": "60", "content": "", "charsets": "", "route": ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, d *desk) {
				x := d.ask(`<body xmlns='http://jabber.org/protocol/httpbind' ` + c.attrs + `/>`)
				for name, want := range c.want {
					if got := attr(t, x.said(), name); got != want {
						t.Errorf("%s is %q, want %q", name, got, want)
					}
				}
				if sid := attr(t, x.said(), "sid"); len(sid) != sidRandom+len(".node-1") || !strings.HasSuffix(sid, ".node-1") {
					t.Errorf("sid %q", sid)
				}
				if attr(t, x.said(), "authid") == "" {
					t.Error("no authid")
				}
				d.want(x, "<stream:features") // in the first answer
			})
		})
	}
}

// A stanza waits for a request, a request for a stanza.
func TestHold(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		c := d.login("")
		poll := d.ask(c.body("", ""))
		d.wantHeld(poll)
		if n := d.srv.Held(); n != 1 {
			t.Errorf("%d held", n)
		}
		d.send(0, "m1")
		d.wantBody(poll, wrap(message("m1")))
		d.send(0, "m2")
		d.send(0, "m3")
		d.wantBody(d.ask(c.body("", "")), wrap(message("m2")+message("m3"))) // all that is pending
		d.wantHeld(d.ask(c.body("", "")))
	})
}

// reply_in_time (MongooseIM): an empty answer at `wait`.
func TestReplyInTime(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		c := d.login("wait='20'")
		before := d.srv.Polls()
		poll := d.ask(c.body("", ""))
		time.Sleep(20*time.Second - time.Millisecond)
		synctest.Wait()
		d.wantHeld(poll)
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		d.wantBody(poll, empty)
		if got := d.srv.Polls() - before; got != 1 || d.srv.Held() != 0 {
			t.Errorf("%d polls, %d held", got, d.srv.Held())
		}
	})
}

// disconnect_inactive (MongooseIM), testSessionTimeout (Punjab).
func TestDisconnectInactive(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		c := d.login("")
		time.Sleep(60*time.Second - time.Millisecond)
		synctest.Wait()
		if len(d.closed) != 0 {
			t.Fatal("ended too early")
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if e := d.ending(t); e.Reason != c2s.Inactive {
			t.Errorf("ended as %v", e)
		}
		d.wantBody(d.ask(c.body("", "")), stop("item-not-found")) // §10: as if there were none
		if d.srv.Sessions() != 0 {
			t.Error("the session is still there")
		}
	})
}
