package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"usher/xmpp"
)

func message(n int) string {
	return fmt.Sprintf("<message from='a@x' to='b@v1.example.org' id='m%d'><body>text %d</body></message>", n, n)
}

// What a server may say, and how the link ends.
func TestServeEndings(t *testing.T) {
	const before = "<presence from='a@x' to='b@v1.example.org'/>"
	for _, tc := range []struct {
		name      string
		sends     string // behind a good stanza
		is        error
		condition string
		answer    string // what we say at the end, by its end
	}{
		{"end tag", endTag, ErrEnded, "", endTag},
		{"hangs up", "", ErrLost, "", ""},
		{"hangs up within a stanza", "<message><bo", ErrLost, "", ""},
		{"stream error", "<stream:error><conflict xmlns='" + xmpp.NSStreamErrors + "'/><text xmlns='" + xmpp.NSStreamErrors + "'>replaced</text></stream:error>" + endTag, nil, "conflict", endTag},
		{"stream error without condition", "<stream:error/>", nil, "undefined-condition", endTag},
		{"shut down", "<stream:error><system-shutdown xmlns='" + xmpp.NSStreamErrors + "'/></stream:error>" + endTag, nil, "system-shutdown", endTag},
		{"not well-formed", "<message></presence>", nil, "not-well-formed", "</stream:error>" + endTag},
		{"undeclared prefix", "<message><x:y/></message>", nil, "not-well-formed", "</stream:error>" + endTag},
		{"a comment", "<!-- -->", nil, "restricted-xml", "</stream:error>" + endTag},
		{"too large", "<message><body>" + strings.Repeat("x", 1<<20), nil, "policy-violation", "</stream:error>" + endTag},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // which also sees that nothing stays behind
				l, p := connected(t, nil)
				s := serve(t, l)
				go func() { // ends with its bytes
					p.send(before + tc.sends)
					if tc.answer == "" {
						p.Close()
					}
				}()
				if tc.answer != "" {
					if got := p.read(endTag); !strings.HasSuffix(got, tc.answer) {
						t.Errorf("we said %q", got)
					}
				}
				err := s.ended()
				if tc.is != nil && !errors.Is(err, tc.is) || condition(err) != tc.condition {
					t.Errorf("ended with %v", err)
				}
				if got := s.wait(1); len(got) != 1 || got[0] != before {
					t.Errorf("got %q", got)
				}
				if err := l.WriteRaw(noWait, []byte("<x/>")); err != ErrClosed {
					t.Errorf("a write afterwards: %v", err)
				}
				if rest := p.rest(); rest != "" {
					t.Errorf("behind the end came %q", rest)
				}
			})
		})
	}
}

// Elements that are no stanza, and white space, are nobody's business.
func TestServeIgnores(t *testing.T) {
	var log bytes.Buffer
	l, p := connected(t, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	s := serve(t, l)
	go p.send(" \n<route xmlns='some:thing' password='geheim'/>\n" + message(1) + " <other/> " + message(2) + "\n")
	if got := s.wait(2); !reflect.DeepEqual(got, []string{message(1), message(2)}) {
		t.Errorf("got %q", got)
	}
	if n := l.Counts().Ignored; n != 2 {
		t.Errorf("%d counted", n)
	}
	l.Close(canceled())
	s.ended()
	if n := strings.Count(log.String(), "some:thing"); n != 1 || strings.Contains(log.String(), "geheim") {
		t.Errorf("log:\n%s", &log)
	}
}

// All complete stanzas of one read are one batch.
func TestServeBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, p := connected(t, nil)
		s := serve(t, l)
		for _, part := range []string{
			message(1) + message(2) + message(3)[:20],
			message(3)[20:] + message(4) + message(5),
			"  ",
			message(6)[:1],
			message(6)[1:],
		} {
			p.send(part)
			synctest.Wait()
		}
		if want := []int{2, 5, 6}; !reflect.DeepEqual(s.flushed, want) {
			t.Errorf("flushed at %v, want %v", s.flushed, want)
		}
		if c := l.Counts(); c.StanzasIn != 6 || c.BytesIn != int64(6*len(message(1))+2) {
			t.Errorf("counted %+v", c)
		}
		if l.LastRead() != time.Now() {
			t.Errorf("last read %v, now %v", l.LastRead(), time.Now())
		}
		l.Close(canceled())
		s.ended()
	})
}

// A stanza larger than the read buffer grows it, whatever its pieces, and the ones behind it are right.
func TestServeLargeStanza(t *testing.T) {
	large := "<message to='b@v1.example.org'><body>" + strings.Repeat("0123456789", 90_000) + "</body></message>"
	all := message(1) + large + message(2) + large + message(3)
	for _, size := range []int{1000, 99_999, len(all)} {
		l, p := connected(t, nil)
		s := serve(t, l)
		go func() { // ends with its bytes
			for rest := all; rest != ""; {
				n := min(size, len(rest))
				p.send(rest[:n])
				rest = rest[n:]
			}
		}()
		if got := s.wait(5); strings.Join(got, "") != all {
			t.Errorf("pieces of %d: %d stanzas differ", size, len(got))
		}
		l.Close(canceled())
		s.ended()
	}
}

func TestInboxShrinks(t *testing.T) {
	in := inbox{size: readBuffer, buf: make([]byte, readBuffer)}
	in.end = len(in.buf) // one cut stanza fills it
	if in.space(); len(in.buf) != 2*readBuffer {
		t.Fatalf("size %d after a full buffer", len(in.buf))
	}
	in.end = len(in.buf)
	copy(in.buf[in.end-3:], "<me")
	in.start = in.end - 3 // it has passed
	if in.space(); len(in.buf) != readBuffer || string(in.buf[in.start:in.end]) != "<me" {
		t.Fatalf("size %d, left %q", len(in.buf), in.buf[in.start:in.end])
	}
}

func TestServeContext(t *testing.T) {
	l, p := connected(t, nil)
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	why := make(chan error, 1)
	go func() { why <- l.Serve(ctx, new(received)) }() // ended by ctx
	cancel(reason)
	if err := <-why; err != reason {
		t.Errorf("ended with %v", err)
	}
	p.rest()
}

// XEP-0199 to ourselves: the server's time is the round trip, and nobody else sees it.
func TestPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, p := connected(t, func(c *Config) { c.Ping = 30 * time.Second })
		s := serve(t, l)
		seen := map[string]bool{}
		for i := range 5 {
			req := p.read("</iq>")
			if began := time.Now(); i > 0 && began.Sub(l.LastRead()) > 30*time.Second {
				t.Errorf("ping %d came late", i)
			}
			if seen[req] {
				t.Errorf("the same ping twice: %s", req)
			}
			seen[req] = true
			delay := time.Duration(i+1) * time.Millisecond
			time.Sleep(delay) // the network's
			switch i {
			case 0: // as a server that routes it
				p.send(req)
			case 1: // as a server that answers in our name
				p.send(strings.NewReplacer("'get'", "'result'").Replace(req))
			default: // as one that doesn't know it
				p.send(strings.NewReplacer("'get'", "'error'").Replace(req))
			}
			synctest.Wait()
			if l.RTT() != delay {
				t.Errorf("round trip %v, want %v", l.RTT(), delay)
			}
		}
		if len(s.got) != 0 || len(s.flushed) != 0 {
			t.Errorf("the receiver got %q", s.got)
		}
		l.Close(canceled())
		s.ended()
	})
}

// A server that is far behind with its work, but works, keeps its link.
func TestPingAnsweredLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, p := connected(t, func(c *Config) { c.Ping = 30 * time.Second })
		s := serve(t, l)
		began := time.Now()
		req := p.read("</iq>")
		for range 4 {
			time.Sleep(20 * time.Second)
			p.send(message(1))
		}
		synctest.Wait()
		time.Sleep(5 * time.Second) // of silence, which says nothing
		if l.Lag() != 80*time.Second || l.RTT() != 0 {
			t.Errorf("%v behind, round trip %v", l.Lag(), l.RTT())
		}
		p.send(req)
		synctest.Wait()
		if l.Lag() != 85*time.Second || l.RTT() != 85*time.Second {
			t.Errorf("%v behind, round trip %v", l.Lag(), l.RTT())
		}
		if next := p.read("</iq>"); next == req || time.Since(began) != 90*time.Second {
			t.Errorf("after %v: %s", time.Since(began), next)
		}
		l.Close(canceled())
		if err := s.ended(); !errors.Is(err, ErrClosed) {
			t.Errorf("ended with %v", err)
		}
	})
}

// A half-open server, or one that doesn't route, or a liar: no ping comes back.
func TestPingUnanswered(t *testing.T) {
	const forged = "<iq type='result' from='v1.example.org' to='v1.example.org' id='00000000000000000000000000000000'/>"
	for name, c := range map[string]struct {
		answer string // to the first ping
		again  int    // how often it is said, at each half of a ping's time
		after  time.Duration
	}{
		"silent":           {"", 0, 30 * time.Second},
		"traffic at first": {message(1), 1, 60 * time.Second},
		"forged":           {forged, 1, 60 * time.Second},
		"traffic":          {message(1), 100, (1 + lenient) * 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, p := connected(t, func(c *Config) { c.Ping = 30 * time.Second })
				began := time.Now()
				s := serve(t, l)
				p.read("</iq>")
				said := 0
				for range c.again {
					p.send(c.answer)
					said++
					time.Sleep(15 * time.Second)
					synctest.Wait()
					if time.Since(began) >= c.after {
						break
					}
				}
				if err := s.ended(); !errors.Is(err, ErrPing) {
					t.Errorf("ended with %v", err)
				}
				if d := time.Since(began); d != c.after {
					t.Errorf("after %v", d)
				}
				if got := s.wait(said); len(got) != said { // somebody else's stanza is not swallowed
					t.Errorf("got %q", got)
				}
			})
		})
	}
}

// A server that takes nothing more is found by the ping too.
func TestPingStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, p := connected(t, func(c *Config) { c.Ping, c.HighWater = 30*time.Second, 1000 })
		s := serve(t, l)
		p.send(p.read("</iq>"))
		waits := make(chan error, 1)
		go func() { // ended by the link's end
			for {
				if err := l.WriteRaw(t.Context(), []byte(message(1))); err != nil {
					waits <- err
					return
				}
			}
		}()
		if err := s.ended(); !errors.Is(err, ErrPing) {
			t.Errorf("ended with %v", err)
		}
		if err := <-waits; err != ErrClosed {
			t.Errorf("the writer got %v", err)
		}
	})
}

type discard struct{ n int }

func (d *discard) Stanza(*Link, *xmpp.Element) { d.n++ }
func (d *discard) Flush(*Link)                 {}

// source is a connection that has the same bytes for ever, piece by piece.
type source struct {
	net.Conn
	piece []byte
	left  int // pieces until it ends
}

func (s *source) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, errors.New("out of pieces")
	}
	s.left--
	return copy(p, s.piece), nil
}
func (s *source) Write(p []byte) (int, error) { return len(p), nil }
func (s *source) Close() error                { return nil }

func stanzas(n int) []byte {
	var b []byte
	for i := range n {
		b = fmt.Appendf(b, "<message from='room@conference.localhost/agent' to='abcdefghijklmnopqrstuvwxyz@v1.example.org/r' type='groupchat' id='m%d'>"+
			"<body>Some words of an ordinary length, as people say them</body><origin-id xmlns='urn:xmpp:sid:0' id='o%d'/>"+
			"<stanza-id xmlns='urn:xmpp:sid:0' by='room@conference.localhost' id='2026-11-22-%d'/></message>", i, i, i)
	}
	return b
}

// After the first reads nothing is allocated for a stanza.
func TestServeAllocations(t *testing.T) {
	batch := stanzas(100)
	in := inbox{size: readBuffer, buf: make([]byte, readBuffer)}
	in.scan.ResetInside(config().Limits, "stream:stream", xmpp.NSComponent, xmpp.NSStream)
	l := &Link{cfg: config()}
	var r discard
	if n := testing.AllocsPerRun(100, func() {
		in.end += copy(in.space(), batch)
		if _, err := l.batch(&in, &r); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for 100 stanzas", n)
	}
	if r.n != 101*100 {
		t.Errorf("%d stanzas", r.n)
	}
}

func BenchmarkServe(b *testing.B) {
	for _, per := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("%dPerRead", per), func(b *testing.B) {
			batch := stanzas(per)
			b.SetBytes(int64(len(batch) / per))
			b.ReportAllocs()
			l := newLink(config(), &source{piece: batch, left: b.N/per + 1}, nil)
			var r discard
			l.Serve(b.Context(), &r)
			if r.n < b.N {
				b.Fatalf("%d of %d stanzas", r.n, b.N)
			}
			b.ReportMetric(float64(r.n)/b.Elapsed().Seconds(), "stanzas/s")
		})
	}
}
