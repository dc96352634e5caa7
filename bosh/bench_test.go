package bosh

import (
	"fmt"
	"testing"
	"time"

	"usher/c2s"
	"usher/xmpp"
)

// BenchmarkPoll is a poll over the wire that is answered at once; BenchmarkHeldPoll one that is held and
// answered when a stanza comes.
func BenchmarkPoll(b *testing.B) {
	e := newEdge(b, func(c *Config) { c.Polling = 0 })
	w := e.dial()
	w.SetDeadline(time.Time{})
	c := w.login("hold='0'")
	buf := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		w.write(httpRequest("POST", "", c.body("", "")))
		if _, err := w.r.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHeldPoll(b *testing.B) {
	e := newEdge(b, nil)
	w := e.dial()
	w.SetDeadline(time.Time{})
	c := w.login("")
	buf := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		w.write(httpRequest("POST", "", c.body("", "")))
		for e.srv.Held() == 0 {
		}
		e.send(0, "m")
		if _, err := w.r.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSession is what the session itself costs: an empty request and its answer, without HTTP.
func BenchmarkSession(b *testing.B) {
	d := &desk{site: newSite(), t: b}
	cfg := testConfig(d.site, c2s.NewWheel(time.Second))
	cfg.Polling = 0
	d.srv = New(cfg)
	c := d.login("hold='0'")
	e := d.session(c)
	sc := xmpp.NewScanner(cfg.Limits)
	bodies := make([]string, 0, b.N)
	for i := range b.N {
		bodies = append(bodies, c.at(c.rid+1+i, "", ""))
	}
	b.ReportAllocs()
	b.ResetTimer()
	var w wrapper
	for _, body := range bodies {
		raw := []byte(body)
		if bad := parse(sc, raw, cfg.Limits, &w); bad != nil {
			b.Fatal(bad)
		}
		x := &exchange{s: e, head: head{origin: "*"}}
		e.accept(&w, raw, nil, x)
		if got, _, ok := x.atOnce(); !ok || len(got) != len(empty) {
			b.Fatalf("%s", got)
		}
	}
}

// A poll that is answered at once costs few allocations: the request, the exchange, and what the test itself needs.
func TestPollAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool forgets at random under the race detector")
	}
	d := &desk{site: newSite(), t: t}
	cfg := testConfig(d.site, c2s.NewWheel(time.Second))
	cfg.Polling = 0
	d.srv = New(cfg)
	c := d.login("hold='0'")
	e := d.session(c)
	sc := xmpp.NewScanner(cfg.Limits)
	raw := make([]byte, 0, 256)
	var w wrapper
	x := &exchange{}
	got := testing.AllocsPerRun(1000, func() {
		c.rid++
		raw = fmt.Appendf(raw[:0], `<body rid='%d' sid='%s' xmlns='http://jabber.org/protocol/httpbind'/>`, c.rid, c.sid)
		if bad := parse(sc, raw, cfg.Limits, &w); bad != nil {
			t.Fatal(bad)
		}
		*x = exchange{s: e, head: head{origin: "*"}}
		e.accept(&w, raw, nil, x)
		if body, _, ok := x.atOnce(); !ok || string(body) != empty {
			t.Fatalf("%s", body)
		}
	})
	if got > 3 { // two of them are Appendf's
		t.Errorf("%v allocations", got)
	}
}
