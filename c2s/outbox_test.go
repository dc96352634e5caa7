package c2s

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/xmpp"
)

var chat = []byte(`<message xmlns='jabber:component:accept' from='room@rooms.example/Ann' to='abc@visitors.example/web' type='groupchat' id='m1'><body>hello &amp; welcome</body></message>`)

func appendFrame(dst, e []byte) []byte { return append(dst, e...) }

// boundRig is a rig whose client has logged in and heard everything.
func boundRig(t testing.TB) *rig {
	r := newRig(t, "ws")
	r.play(ready)
	return r
}

// Whatever is queued comes out once, in order, however it is drained.
func TestOutboxKeepsOrder(t *testing.T) {
	r := boundRig(t)
	r.cfg.Outbox = 1 << 20
	rnd := rand.New(rand.NewPCG(7, 7))
	var want [][]byte
	var size int
	for n := range 20000 {
		if rnd.IntN(3) > 0 || len(want) == 0 {
			e := fmt.Appendf(nil, "<message id='%d'>%s</message>", n, strings.Repeat("x", rnd.IntN(300)))
			r.stream.SendRaw(e)
			want, size = append(want, e), size+len(e)
		} else {
			limit := rnd.IntN(2000)
			out, more := r.stream.Drain(nil, limit, func(dst, e []byte) []byte {
				if len(dst) >= limit {
					t.Fatalf("an element more after %d of %d bytes", len(dst), limit)
				}
				if !bytes.Equal(e, want[0]) {
					t.Fatalf("got %s, want %s", e, want[0])
				}
				want, size = want[1:], size-len(e)
				return append(dst, e...)
			})
			if more != (len(want) > 0) || len(out) < limit && more {
				t.Fatalf("more=%v after %d of %d bytes, %d elements left", more, len(out), limit, len(want))
			}
		}
		if r.stream.Pending() != size {
			t.Fatalf("%d bytes pending, want %d", r.stream.Pending(), size)
		}
	}
}

// A client that is always a little behind doesn't make the buffer grow.
func TestOutboxNeverQuiteEmpty(t *testing.T) {
	r := boundRig(t)
	r.stream.SendRaw(chat)
	for range 10000 {
		r.stream.SendRaw(chat)
		if _, more := r.stream.Drain(nil, 1, appendFrame); !more {
			t.Fatal("the outbox is empty")
		}
	}
	if n := cap(r.stream.out.buf); n > 4*small {
		t.Errorf("a buffer of %d bytes for %d", n, r.stream.Pending())
	}
}

func TestDirtyOncePerDrain(t *testing.T) {
	r := boundRig(t)
	s := r.stream
	say := func(want ...bool) {
		t.Helper()
		for i, w := range want {
			if got := s.SendRaw([]byte("<message/>")); got != w {
				t.Errorf("%d. send: dirty=%v", i+1, got)
			}
		}
	}
	say(true, false, false)
	if _, more := s.Drain(nil, 1, appendFrame); !more {
		t.Error("nothing more after one of three")
	}
	say(true, false)
	s.Drain(nil, 1<<20, appendFrame)
	// An answer within Receive is fetched by who called Receive.
	s.Receive(r.element(`<iq xmlns='jabber:client' id='1'/>`))
	say(true, false)
	s.End(Ending{Reason: Shutdown})
	say(false)
}

func TestOverflow(t *testing.T) {
	r := boundRig(t)
	e := r.element(string(chat))
	h := &xmpp.Header{To: e.To, From: e.From, ID: e.ID, Type: e.Type}
	n := 0
	for r.stream.Ended() == nil {
		n++
		r.stream.Send(e, h)
		if got := r.stream.Pending(); got > r.cfg.Outbox {
			t.Fatalf("%d bytes queued of at most %d", got, r.cfg.Outbox)
		}
		if n > r.cfg.Outbox {
			t.Fatal("no end")
		}
	}
	r.stream.Send(e, h)
	r.stream.SendRaw(chat)
	r.drain()
	if len(r.got) != n-1 || n < 10 { // what was accepted is still told
		t.Errorf("%d elements of %d accepted", len(r.got), n-1)
	}
	r.got = nil
	if r.bell.rung != 1 {
		t.Errorf("the transport was woken %d times", r.bell.rung)
	}
	r.play("E: overflow policy-violation")
}

// A client that asks without reading overflows too.
func TestOverflowByAnswers(t *testing.T) {
	r := newRig(t, "ws")
	r.play(enabled)
	ask := r.element(`<r xmlns='urn:xmpp:sm:3'/>`)
	for range 1 + r.cfg.Outbox/len("<a xmlns='urn:xmpp:sm:3' h='0'/>") {
		r.stream.Receive(ask)
	}
	r.drain()
	if last := r.got[len(r.got)-1]; last != "<a xmlns='urn:xmpp:sm:3' h='0'/>" {
		t.Errorf("last is %s", last)
	}
	r.got = nil
	r.play("E: overflow policy-violation")
}

func TestOutboxMemoryIsGivenBack(t *testing.T) {
	r := boundRig(t)
	r.cfg.Outbox = 1 << 20
	s := r.stream
	if s.out != nil {
		t.Error("an idle stream has a buffer")
	}
	big := bytes.Repeat([]byte("x"), 2*keep)
	for _, e := range [][]byte{chat, big} {
		s.SendRaw(e)
		if s.out == nil || s.Pending() != len(e) {
			t.Fatalf("%d bytes pending", s.Pending())
		}
		if out, more := s.Drain(nil, 1<<20, appendFrame); more || !bytes.Equal(out, e) {
			t.Errorf("drained %d bytes of %d", len(out), len(e))
		}
		if s.out != nil {
			t.Error("the buffer is kept")
		}
	}
	for range 10 { // large buffers don't go round
		if o, _ := r.cfg.boxes.Get().(*outbox); o != nil && cap(o.buf) > keep {
			t.Errorf("a buffer of %d bytes is in the pool", cap(o.buf))
		}
	}
}

func TestSendDoesNotAllocate(t *testing.T) {
	r := boundRig(t)
	e := r.element(string(chat))
	h := &xmpp.Header{To: e.To, From: e.From, ID: e.ID, Type: e.Type}
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(1000, func() {
		r.stream.Send(e, h)
		r.stream.SendRaw(chat)
		buf, _ = r.stream.Drain(buf[:0], 4096, appendFrame)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if !bytes.HasSuffix(buf, chat) || len(buf) <= len(chat) {
		t.Errorf("drained %s", buf)
	}
}

// mute is a Handler that takes everything without a trace.
type mute struct{ *gate }

func (mute) Stanza(*Stream, *xmpp.Element) {}

func TestReceiveDoesNotAllocate(t *testing.T) {
	r := newRig(t, "ws")
	r.gate.host.Stanzas = Rate{PerSecond: 1e9, Burst: 1e9}
	r.gate.host.Bytes = Rate{PerSecond: 1e9, Burst: 1e9}
	r.play(enabled)
	r.cfg.Handler = mute{r.gate}
	m := r.element(`<message xmlns='jabber:client' from='abc@visitors.example/web' to='room@rooms.example' id='m'><body>hi</body></message>`)
	if n := testing.AllocsPerRun(1000, func() { r.stream.Receive(m) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if r.stream.led.handled == 0 {
		t.Error("nothing was received")
	}
}

// An idle bound stream costs at most 400 bytes, its JID included; 300 more if it may be resumed and its client has acknowledged all.
func TestIdleStreamIsSmall(t *testing.T) {
	t.Run("as it is", func(t *testing.T) { idleStreams(t, false, 400) })
	t.Run("it may be resumed", func(t *testing.T) { idleStreams(t, true, 700) })
}

func idleStreams(t *testing.T, resumable bool, most uint64) {
	const n = 2000
	r := newRig(t, "ws")
	g := idleGate{r.gate.host}
	cfg := &Config{Handler: g, Outbox: 1 << 10, Now: r.clock.Now}
	if resumable {
		cfg.Resume = Resume{Max: time.Minute, Wheel: r.wheel}
	}
	element := func(text string) *xmpp.Element {
		e, err := xmpp.NewScanner(xmpp.Limits{}).One([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	auth := element(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>`)
	bind := element(`<iq xmlns='jabber:client' type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`)
	enable := element(`<enable xmlns='urn:xmpp:sm:3' resume='true'/>`)
	ack := element(`<a xmlns='urn:xmpp:sm:3' h='1'/>`)
	streams := make([]*Stream, n)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range streams {
		s := New(cfg, r.bell, r.stream.info)
		s.Open(Header{To: "site.example", Version: "1.0"})
		s.Receive(auth)
		s.Open(Header{To: "site.example", Version: "1.0"})
		s.Receive(bind)
		if resumable {
			s.Receive(enable)
			s.SendRaw(chat)
		}
		s.Drain(nil, 1<<20, appendFrame)
		if resumable {
			s.Receive(ack)
		}
		streams[i] = s
	}
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	for _, s := range streams {
		if len(s.Bound()) != 68 || s.Ended() != nil || resumable && s.led.acked != 1 {
			t.Fatalf("bound %q, ended %v", s.Bound(), s.Ended())
		}
	}
	if each := (after.HeapAlloc - before.HeapAlloc) / n; each > most {
		t.Errorf("%d bytes for a stream", each)
	} else {
		t.Logf("%d bytes for a stream", each)
	}
	runtime.KeepAlive(cfg)
}

// idleGate gives a JID as long as real ones are, and keeps nothing.
type idleGate struct{ host Host }

func (g idleGate) Open(*Stream, string) (Host, error) { return g.host, nil }
func (g idleGate) Bind(*Stream, string) (string, error) {
	return strings.Repeat("a", 26) + "@visitors.localhost/" + strings.Repeat("b", 22), nil
}
func (g idleGate) Stanza(*Stream, *xmpp.Element) {}
func (g idleGate) Closed(*Stream, Ending)        {}

// Everything at once, for the race detector: what comes out is in order for
// each sender, Closed is called once and nothing follows it.
func TestConcurrently(t *testing.T) {
	for range 50 {
		r := newRig(t, "ws")
		r.cfg.Outbox = 1 << 20
		r.play(enabled)
		s := r.stream
		var wg sync.WaitGroup // all of them end by themselves
		for sender := range 3 {
			wg.Go(func() {
				scan := xmpp.NewScanner(xmpp.Limits{})
				for i := range 100 {
					e, err := scan.One(chat)
					if err != nil {
						t.Error(err)
						return
					}
					if s.Send(e, &xmpp.Header{ID: fmt.Appendf(nil, "%d-%03d", sender, i)}) {
						s.Wake()
					}
				}
			})
		}
		wg.Go(func() {
			scan := xmpp.NewScanner(xmpp.Limits{})
			for i := range 100 {
				e, err := scan.One(fmt.Appendf(nil, `<message xmlns='jabber:client' id='echo' type='x%d'/>`, i))
				if err != nil {
					t.Error(err)
					return
				}
				s.Receive(e)
			}
		})
		for range 2 {
			wg.Go(func() { s.Expire(); s.Bound(); s.Owner(); s.End(Ending{Reason: Terminated}) })
		}
		wg.Go(func() {
			last := map[byte]string{}
			for s.Ended() == nil || s.Pending() > 0 {
				s.Drain(nil, 500, func(dst, e []byte) []byte {
					_, id, found := bytes.Cut(e, []byte("id='"))
					if found && bytes.IndexByte(id, '-') == 1 {
						if string(id[:5]) <= last[id[0]] {
							t.Errorf("%s after %s", id[:5], last[id[0]])
						}
						last[id[0]] = string(id[:5])
					}
					return append(dst, e...)
				})
				runtime.Gosched()
			}
		})
		wg.Wait()
		if r.gate.closed[s] != 1 {
			t.Errorf("Closed was called %d times", r.gate.closed[s])
		}
		if told := r.gate.told; told[len(told)-1] != "closed terminated" {
			t.Errorf("after Closed: %q", told[len(told)-1])
		}
	}
}

func BenchmarkSendDrain(b *testing.B) {
	r := boundRig(b)
	e := r.element(string(chat))
	h := &xmpp.Header{To: e.To, From: e.From, ID: e.ID, Type: e.Type}
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	b.SetBytes(int64(len(chat)))
	for b.Loop() {
		r.stream.Send(e, h)
		buf, _ = r.stream.Drain(buf[:0], 4096, appendFrame)
	}
}

func BenchmarkReceive(b *testing.B) {
	r := newRig(b, "ws")
	r.play(enabled)
	r.cfg.Handler = mute{r.gate}
	m := r.element(`<message xmlns='jabber:client' to='room@rooms.example' id='m'><body>hi</body></message>`)
	b.ReportAllocs()
	for b.Loop() {
		r.stream.Receive(m)
	}
}

func BenchmarkLogin(b *testing.B) {
	r := newRig(b, "ws")
	cfg := &Config{Handler: idleGate{r.gate.host}, Now: r.clock.Now}
	bindScan := xmpp.NewScanner(xmpp.Limits{})
	bind, err := bindScan.One([]byte(`<iq xmlns='jabber:client' type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>web</resource></bind></iq>`))
	if err != nil {
		b.Fatal(err)
	}
	auth := r.element(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>`)
	b.ReportAllocs()
	for b.Loop() {
		s := New(cfg, r.bell, r.stream.info)
		s.Open(Header{To: "site.example", Version: "1.0"})
		s.Receive(auth)
		s.Open(Header{To: "site.example", Version: "1.0"})
		s.Receive(bind)
		s.Drain(nil, 1<<20, appendFrame)
		if s.Bound() == "" {
			b.Fatal("not bound")
		}
	}
}
