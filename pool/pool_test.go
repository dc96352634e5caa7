package pool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"usher/upstream"
	"usher/xmpp"
)

func TestNewChecks(t *testing.T) {
	good := Config{Links: []upstream.Config{{Domain: "a.x"}, {Domain: "b.x"}}, Addresses: []string{"x"}, Receiver: new(journal)}
	for name, change := range map[string]func(*Config){
		"no links":     func(c *Config) { c.Links = nil },
		"no addresses": func(c *Config) { c.Addresses = nil },
		"no receiver":  func(c *Config) { c.Receiver = nil },
		"one twice":    func(c *Config) { c.Links = []upstream.Config{{Domain: "a.x"}, {Domain: "a.x"}} },
	} {
		c := good
		change(&c)
		if p, err := New(c); err == nil || p != nil {
			t.Errorf("%s: got %v, %v", name, p, err)
		}
	}
	p, err := New(good)
	if err != nil {
		t.Fatal(err)
	}
	if hs := p.Homes(); len(hs) != 2 || hs[0].Domain() != "a.x" || hs[1].Domain() != "b.x" {
		t.Errorf("homes %v", hs)
	}
	if h := p.Home([]byte("b.x")); h != p.Homes()[1] {
		t.Errorf("b.x is %v", h)
	}
	if h := p.Home([]byte("c.x")); h != nil {
		t.Errorf("c.x is %v", h)
	}
	if h := p.Place(); h != nil {
		t.Errorf("placed at %v before any is up", h)
	}
	if err := p.Homes()[0].SendRaw(noWait, []byte("x")); err != ErrDown {
		t.Errorf("sent: %v", err)
	}
}

func TestHomeAllocations(t *testing.T) {
	p, err := New(Config{Links: []upstream.Config{{Domain: "a.x"}, {Domain: "b.x"}}, Addresses: []string{"x"}, Receiver: new(journal)})
	if err != nil {
		t.Fatal(err)
	}
	key := []byte("b.x")
	if n := testing.AllocsPerRun(100, func() { p.Home(key) }); n != 0 {
		t.Errorf("%v allocations for a look-up", n)
	}
}

// Up before the first stanza, down after the last, and back with the traffic on the new link.
func TestLinkLostAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		p, j, stop := running(t, f, []string{"one"}, nil, "a.x", "b.x")
		defer stop()
		synctest.Wait()
		if got := j.take(); len(got) != 2 || p.Home([]byte("a.x")).Status().State != Up {
			t.Fatalf("journal %q", got)
		}
		a, b := p.Homes()[0], p.Homes()[1]
		if err := a.SendRaw(noWait, []byte("<first/>")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		f.say("a.x", "<message id='1'/><message id='2'/>")
		f.cut("a.x")
		synctest.Wait()
		if got, want := j.take(), []string{"a.x stanza 1", "a.x stanza 2", "a.x down lost"}; !reflect.DeepEqual(got, want) {
			t.Errorf("journal %q, want %q", got, want)
		}
		if err := a.SendRaw(t.Context(), []byte("<lost/>")); err != ErrDown {
			t.Errorf("sent while down: %v", err)
		}
		s := a.Status()
		if s.State != Down || !errors.Is(s.Err, upstream.ErrLost) || s.Since != time.Now() || s.Domain != "a.x" {
			t.Errorf("status %+v", s)
		}
		if err := b.SendRaw(noWait, []byte("<other/>")); err != nil || b.Status().State != Up {
			t.Errorf("the other link: %v, %+v", err, b.Status())
		}
		since := time.Now()
		time.Sleep(time.Second) // the first wait is 0.5 to 1 s
		synctest.Wait()
		if got, want := j.take(), []string{"a.x up up"}; !reflect.DeepEqual(got, want) {
			t.Errorf("journal %q, want %q", got, want)
		}
		if s := a.Status(); s.State != Up || s.Err != nil || !s.Since.After(since) {
			t.Errorf("status %+v", s)
		}
		if err := a.SendRaw(noWait, []byte("<second/>")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := f.received("a.x"); got != "<first/><second/>" {
			t.Errorf("the server got %s", got)
		}
	})
}

// The waits grow from min to max with jitter, and only a link that was stable makes them short again.
func TestBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		f.set("one", "unreachable")
		p, j, stop := running(t, f, []string{"one"}, nil, "a.x")
		defer stop()
		time.Sleep(5 * time.Minute)
		dials, gaps := f.dialled()
		low, high := 500*time.Millisecond, time.Second
		for i, g := range gaps {
			if g < low || g > high {
				t.Errorf("wait %d is %v, not within %v to %v", i, g, low, high)
			}
			high = min(2*high, 30*time.Second)
			low = high / 2
		}
		if len(dials) < 10 || len(j.take()) != 0 {
			t.Errorf("%d dials", len(dials))
		}
		if s := p.Homes()[0].Status(); !errors.Is(s.Err, errUnreachable) || time.Since(s.Since) != 5*time.Minute {
			t.Errorf("status %+v", s)
		}

		next := func() time.Duration { // from a cut to the next dial
			began := time.Now()
			f.dialled()
			f.cut("a.x")
			for {
				time.Sleep(10 * time.Millisecond)
				synctest.Wait()
				if dials, _ := f.dialled(); len(dials) > 0 {
					return time.Since(began)
				}
			}
		}
		f.set("one", "")
		time.Sleep(30 * time.Second) // up some time in it
		synctest.Wait()
		if p.Homes()[0].Status().State != Up {
			t.Fatal("not back")
		}
		time.Sleep(30 * time.Second) // now it's stable
		if d := next(); d > time.Second+10*time.Millisecond {
			t.Errorf("waited %v after a stable link", d)
		}
		time.Sleep(time.Second) // and now it isn't
		if d := next(); d < time.Second {
			t.Errorf("waited %v after a link of a second", d)
		}
	})
}

func TestRetryJitter(t *testing.T) {
	for _, tc := range []struct {
		min, max  time.Duration
		low, high time.Duration // of the fifth wait
	}{
		{time.Second, 30 * time.Second, 15 * time.Second, 30 * time.Second},
		{time.Second, 4 * time.Second, 2 * time.Second, 4 * time.Second},
		{time.Second, 1500 * time.Millisecond, time.Second, 1500 * time.Millisecond},
		{time.Second, time.Second, time.Second, time.Second},
	} {
		waits := map[time.Duration]bool{}
		for range 50 {
			r := retry{min: tc.min, max: tc.max}
			for range 4 {
				r.wait()
			}
			w := r.wait()
			if w < tc.low || w > tc.high {
				t.Errorf("%v to %v: waits %v", tc.min, tc.max, w)
			}
			waits[w] = true
		}
		if len(waits) < 40 && tc.low < tc.high {
			t.Errorf("%v to %v: only %d different waits of 50", tc.min, tc.max, len(waits))
		}
	}
}

// A refusal that only an operator can mend: said once, tried again seldom.
func TestRefused(t *testing.T) {
	for _, condition := range []string{"conflict", "not-authorized", "host-unknown"} {
		t.Run(condition, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log syncBuffer
				f := newFleet(t)
				f.set("one", condition)
				p, j, stop := running(t, f, []string{"one"}, slog.New(slog.NewTextHandler(&log, nil)), "a.x")
				defer stop()
				time.Sleep(5 * time.Minute)
				dials, gaps := f.dialled()
				for i, g := range gaps {
					if g < 15*time.Second || g > 30*time.Second {
						t.Errorf("wait %d is %v", i, g)
					}
				}
				if len(dials) < 10 || len(dials) > 21 {
					t.Errorf("%d dials in 5 minutes", len(dials))
				}
				var se *xmpp.StreamError
				if s := p.Homes()[0].Status(); !errors.As(s.Err, &se) || se.Condition != condition {
					t.Errorf("status %+v", s)
				}
				if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, condition) || !strings.Contains(text, "level=ERROR") {
					t.Errorf("log:\n%s", text)
				}
				f.set("one", "")
				time.Sleep(30 * time.Second)
				synctest.Wait()
				if got := j.take(); !reflect.DeepEqual(got, []string{"a.x up up"}) {
					t.Errorf("journal %q", got)
				}
			})
		})
	}
}

// An outage is logged once for each address and reason, though the reasons name other ports.
func TestOutageLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log syncBuffer
		f := newFleet(t)
		f.set("one", "unreachable")
		f.set("two", "silent")
		_, _, stop := running(t, f, []string{"one", "two"}, slog.New(slog.NewTextHandler(&log, nil)), "a.x")
		defer stop()
		time.Sleep(10 * time.Minute)
		text := log.String()
		if strings.Count(text, "\n") != 2 || strings.Count(text, "address=one") != 1 || strings.Count(text, errTimeout.Error()) != 1 {
			t.Errorf("log:\n%s", text)
		}
	})
}

// The addresses are tried in turn: all of them before a wait; a stable one is kept, a bad one left.
func TestAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		f.set("one", "unreachable")
		f.set("two", "silent")
		_, j, stop := running(t, f, []string{"one", "two", "three"}, nil, "a.x")
		defer stop()
		time.Sleep(5 * time.Second) // of the silent one
		synctest.Wait()
		if dials, gaps := f.dialled(); !reflect.DeepEqual(dials, []string{"one a.x", "two a.x", "three a.x"}) || gaps[0] != 0 || gaps[1] != 5*time.Second {
			t.Errorf("dials %q, gaps %v", dials, gaps)
		}
		time.Sleep(time.Minute)
		f.cut("a.x") // was stable: the server has probably only been started again
		time.Sleep(time.Second)
		synctest.Wait()
		if dials, _ := f.dialled(); !reflect.DeepEqual(dials, []string{"three a.x"}) {
			t.Errorf("dials %q", dials)
		}
		f.set("one", "")
		f.cut("a.x") // was not: the next
		synctest.Wait()
		if dials, _ := f.dialled(); !reflect.DeepEqual(dials, []string{"one a.x"}) {
			t.Errorf("dials %q", dials)
		}
		if n := len(j.take()); n != 5 {
			t.Errorf("%d changes", n)
		}
	})
}

// Each visitor goes to the least loaded of the homes that are up.
func TestPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		p, _, stop := running(t, f, []string{"one"}, nil, "a.x", "b.x", "c.x")
		defer stop()
		synctest.Wait()
		count := func() (n [3]int) {
			for i, h := range p.Homes() {
				n[i] = h.Status().Visitors
			}
			return n
		}
		for range 9 {
			p.Place()
		}
		if got := count(); got != [3]int{3, 3, 3} {
			t.Errorf("placed %v", got)
		}
		p.Homes()[1].Leave()
		p.Homes()[1].Leave()
		if h := p.Place(); h.Domain() != "b.x" {
			t.Errorf("placed at %s", h.Domain())
		}
		f.cut("b.x")
		synctest.Wait()
		for range 8 {
			p.Place()
		}
		if got := count(); got != [3]int{7, 2, 7} {
			t.Errorf("placed %v with b.x down", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		for range 3 {
			p.Place()
		}
		if got := count(); got != [3]int{7, 5, 7} {
			t.Errorf("placed %v with b.x back", got)
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 100 {
					p.Place()
				}
			})
		}
		wg.Wait()
		if got := count(); got != [3]int{273, 273, 273} {
			t.Errorf("placed %v from many goroutines", got)
		}
	})
}

// Drain writes what is queued, ends the streams, and nothing comes back.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		f.set("two", "unreachable")
		p, j, stop := running(t, f, []string{"one"}, nil, "a.x", "b.x")
		defer stop()
		synctest.Wait()
		j.take()
		f.set("one", "unreachable")
		f.cut("b.x")
		synctest.Wait()
		j.take()
		for range 100 {
			if err := p.Homes()[0].SendRaw(noWait, []byte("<m/>")); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		p.Drain(ctx)
		synctest.Wait()
		if got, want := f.received("a.x"), strings.Repeat("<m/>", 100)+"</stream:stream>"; got != want {
			t.Errorf("the server got %s", got)
		}
		if got := j.take(); !reflect.DeepEqual(got, []string{"a.x down " + upstream.ErrClosed.Error()}) {
			t.Errorf("journal %q", got)
		}
		f.set("one", "")
		f.dialled()
		time.Sleep(time.Hour)
		if dials, _ := f.dialled(); len(dials) != 0 {
			t.Errorf("dialled %q after the drain", dials)
		}
		for _, h := range p.Homes() {
			if s := h.Status(); s.State != Draining || !errors.Is(s.Err, ErrDraining) {
				t.Errorf("status %+v", s)
			}
			if err := h.SendRaw(noWait, nil); err != ErrDown {
				t.Errorf("sent: %v", err)
			}
		}
		if p.Place() != nil {
			t.Error("placed after the drain")
		}
		p.Drain(ctx) // again: nothing to do
	})
}

// Drain during a dial that hangs ends the dial.
func TestDrainWhileConnecting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		f.set("one", "silent")
		p, j, stop := running(t, f, []string{"one"}, nil, "a.x")
		defer stop()
		synctest.Wait()
		if s := p.Homes()[0].Status().State; s != Connecting {
			t.Errorf("state %s", s)
		}
		p.Drain(t.Context())
		synctest.Wait()
		time.Sleep(time.Hour)
		if dials, _ := f.dialled(); len(dials) != 1 || len(j.take()) != 0 {
			t.Errorf("dials %q", dials)
		}
		if s := p.Homes()[0].Status().State; s != Draining {
			t.Errorf("state %s", s)
		}
	})
}

// While links come and go each stanza is either refused or goes to one link, once and in order.
func TestSendWhileLinksChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		p, _, stop := running(t, f, []string{"one"}, nil, "a.x")
		h := p.Homes()[0]
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		const writers, cuts = 4, 20
		var accepted, refused [writers]int
		for w := range writers {
			wg.Go(func() { // ended by cancel
				for n := 0; ctx.Err() == nil; n++ {
					switch err := h.SendRaw(ctx, fmt.Appendf(nil, "<m w='%d' n='%d'/>", w, n)); {
					case err == nil:
						accepted[w]++
					case err == ErrDown:
						refused[w]++
					case ctx.Err() == nil:
						t.Errorf("sent: %v", err)
					}
					time.Sleep(7 * time.Millisecond)
				}
			})
		}
		for range cuts {
			time.Sleep(3 * time.Second)
			synctest.Wait()
			if h.Status().State == Up {
				f.cut("a.x")
			}
		}
		cancel()
		wg.Wait()
		stop()
		var arrived [writers]int
		last := [writers]int{-1, -1, -1, -1}
		for _, m := range regexp.MustCompile(`<m w='(\d)' n='(\d+)'/>`).FindAllStringSubmatch(f.received("a.x"), -1) {
			w, _ := strconv.Atoi(m[1])
			n, _ := strconv.Atoi(m[2])
			if n <= last[w] {
				t.Errorf("writer %d: %d behind %d", w, n, last[w])
			}
			last[w] = n
			arrived[w]++
		}
		for w := range writers {
			if arrived[w] > accepted[w] || arrived[w] < accepted[w]-cuts || refused[w] == 0 { // a cut may lose what is on its way
				t.Errorf("writer %d: %d accepted, %d arrived, %d refused", w, accepted[w], arrived[w], refused[w])
			}
		}
	})
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
