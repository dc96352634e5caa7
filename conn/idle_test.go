//go:build linux

package conn

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// idle is one that runs until the test ends, or end is called.
func idle(t testing.TB) (p *Idle, end func()) {
	t.Helper()
	p = &Idle{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { // ends with ctx
		defer close(done)
		if err := p.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	for running := false; !running; runtime.Gosched() {
		p.mu.Lock()
		running = p.file != nil
		p.mu.Unlock()
	}
	end = func() { cancel(); <-done }
	t.Cleanup(end)
	return p, end
}

// resumed is a Resumer that tells.
type resumed chan struct{}

func (r resumed) Resume() { r <- struct{}{} }

// calm is what a reader does before it lets its connection rest.
func calm(t testing.TB, c *Conn) {
	t.Helper()
	c.SetReadDeadline(past)
	if b, err := c.Fill(NewBuffers(64)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("Fill gave %v, %v", b, err)
	}
	c.SetReadDeadline(time.Time{})
}

// atRest tells whether c is.
func atRest(p *Idle, c *Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return c.fd != 0 && p.slots[c.fd].r != nil
}

// A connection at rest goes on when there is something to read, when the peer ends, when it is closed here, when its deadline has passed, whenever that was
// set, and when nobody waits for it any more; each time once.
func TestRest(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(t *testing.T, client net.Conn, c *Conn, end func())
		want error // of what is read then
	}{
		"bytes": {func(_ *testing.T, client net.Conn, _ *Conn, _ func()) { io.WriteString(client, "x") }, nil},
		"end":   {func(_ *testing.T, client net.Conn, _ *Conn, _ func()) { client.Close() }, io.EOF},
		"close": {func(_ *testing.T, _ net.Conn, c *Conn, _ func()) { c.Close() }, net.ErrClosed},
		"closed twice": {func(_ *testing.T, _ net.Conn, c *Conn, _ func()) {
			var both sync.WaitGroup
			both.Go(func() { c.Close() }) // ends at once
			both.Go(func() { c.Close() }) // ends at once
			both.Wait()
		}, net.ErrClosed},
		"deadline": {func(_ *testing.T, _ net.Conn, c *Conn, _ func()) { c.SetReadDeadline(time.Now()) }, os.ErrDeadlineExceeded},
		"earlier deadline": {func(_ *testing.T, _ net.Conn, c *Conn, _ func()) {
			c.SetReadDeadline(time.Now().Add(time.Hour))
			c.SetReadDeadline(time.Now())
		}, os.ErrDeadlineExceeded},
		"stop": {func(t *testing.T, client net.Conn, _ *Conn, end func()) { end(); io.WriteString(client, "x") }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, w way) {
				p, end := idle(t)
				client, c := taken(t, w)
				if test.want == io.EOF && c.TLS() {
					test.want = io.ErrUnexpectedEOF // cut off without close_notify, or with it
				}
				calm(t, c)
				r := make(resumed)
				p.Rest(c, time.Time{}, r)
				if !atRest(p, c) {
					t.Error("it doesn't rest")
				}
				test.do(t, client, c, end)
				<-r
				b, err := c.Fill(NewBuffers(64))
				if test.want == nil && (err != nil || string(b.B) != "x") || test.want != nil && !errors.Is(err, test.want) && !(errors.Is(test.want, io.ErrUnexpectedEOF) && errors.Is(err, io.EOF)) {
					t.Errorf("then Fill gave %v, want %v", err, test.want)
				}
				c.Close()
				select {
				case <-r:
					t.Error("it was resumed twice")
				default:
				}
			})
		})
	}
}

// What is there already, or will never be, isn't waited for.
func TestRestAtOnce(t *testing.T) {
	w := ways(t)[0]
	var why []error
	refused := func(err error) { why = append(why, err) }
	for name, prepare := range map[string]func(p *Idle, c *Conn) *Idle{
		"bytes read ahead":   func(p *Idle, c *Conn) *Idle { c.Unread([]byte("x")); return p },
		"it is closed":       func(p *Idle, c *Conn) *Idle { c.Close(); return p },
		"nobody waits":       func(*Idle, *Conn) *Idle { return &Idle{} },
		"there is no Idle":   func(*Idle, *Conn) *Idle { return nil },
		"the kernel refuses": func(p *Idle, _ *Conn) *Idle { return &Idle{file: p.file, fd: -1, Refused: refused} },
	} {
		p, _ := idle(t)
		_, c := taken(t, w)
		p = prepare(p, c)
		r := make(resumed)
		for range 2 {
			p.Rest(c, time.Time{}, r)
			<-r
		}
		if p != nil && atRest(p, c) {
			t.Errorf("%s: it rests", name)
		}
		c.Close()
	}
	if len(why) != 1 || !errors.Is(why[0], unix.EBADF) {
		t.Errorf("refused: %v", why)
	}
}

// A deadline that a connection has when it begins to rest ends that, not earlier ones' deadlines.
func TestRestUntil(t *testing.T) {
	p, _ := idle(t)
	w := ways(t)[0]
	var all []resumed
	var conns []*Conn
	for _, until := range []time.Duration{time.Hour, 0, 300 * time.Millisecond} {
		_, c := taken(t, w)
		calm(t, c)
		r := make(resumed)
		at := time.Now().Add(until)
		c.SetReadDeadline(at)
		p.Rest(c, at, r)
		all, conns = append(all, r), append(conns, c)
	}
	<-all[1]
	<-all[2]
	if !atRest(p, conns[0]) {
		t.Error("the one with an hour doesn't rest any more")
	}
	conns[0].SetReadDeadline(time.Now())
	<-all[0]
}

// An event of an earlier rest, or of a descriptor's earlier owner, wakes nobody.
func TestStaleEvent(t *testing.T) {
	p, _ := idle(t)
	client, c := taken(t, ways(t)[0])
	r := make(resumed)
	for range 2 {
		calm(t, c)
		p.Rest(c, time.Time{}, r)
		p.wake([]unix.EpollEvent{{Fd: c.fd, Pad: p.slots[c.fd].turn - 1}})
		if !atRest(p, c) {
			t.Fatal("a stale event has woken it")
		}
		io.WriteString(client, "x")
		<-r
		if b, err := c.Fill(NewBuffers(64)); err != nil || string(b.B) != "x" {
			t.Fatal(err)
		}
	}
}

// Many rest without a goroutine.
func TestRestingCostsNoGoroutine(t *testing.T) {
	const n = 100
	p, _ := idle(t)
	w := ways(t)[0]
	r := make(resumed, n)
	for range n {
		_, c := taken(t, w)
		calm(t, c)
		p.Rest(c, time.Time{}, r)
	}
	stacks := make([]byte, 1<<20)
	if s := string(stacks[:runtime.Stack(stacks, true)]); strings.Contains(s, "Resume") {
		t.Errorf("somebody waits:\n%s", s)
	}
}

// sleeper rests again and again until it ends, and counts.
type sleeper struct {
	p     *Idle
	c     *Conn
	pool  *Buffers
	turns *atomic.Int64
	in    atomic.Int32
	ended chan struct{}
}

func (s *sleeper) Resume() {
	if s.in.Add(1) != 1 {
		panic("resumed while it was awake")
	}
	s.turns.Add(1)
	s.c.SetReadDeadline(time.Now().Add(time.Millisecond))
	b, err := s.c.Fill(s.pool)
	switch {
	case err == nil:
		s.pool.Put(b)
	case !errors.Is(err, os.ErrDeadlineExceeded):
		close(s.ended)
		return
	}
	s.c.SetReadDeadline(time.Time{})
	s.in.Add(-1)
	s.p.Rest(s.c, time.Time{}, s)
}

// Whatever comes together, nobody sleeps on and nobody is woken twice: bytes, ends, deadlines and closing, from several sides, while descriptors are used anew.
func TestRestStress(t *testing.T) {
	p, _ := idle(t)
	w := ways(t)[0]
	pool := NewBuffers(64)
	var turns atomic.Int64
	var workers sync.WaitGroup
	for worker := range 4 {
		random := rand.New(rand.NewPCG(1, uint64(worker)))
		for range 60 {
			client, c := taken(t, w)
			s := &sleeper{p: p, c: c, pool: pool, turns: &turns, ended: make(chan struct{})}
			p.Rest(c, time.Time{}, s)
			acts := make([]int, random.IntN(20))
			for i := range acts {
				acts[i] = random.IntN(3)
			}
			last := random.IntN(3)
			workers.Go(func() { // ends with the connection
				for _, act := range acts {
					switch act {
					case 0:
						io.WriteString(client, "x")
					case 1:
						c.SetReadDeadline(time.Now().Add(time.Hour))
					case 2:
						runtime.Gosched()
					}
				}
				if last != 0 {
					client.Close()
				}
				if last != 1 {
					c.Close()
				}
				<-s.ended
				c.Close()
				client.Close()
			})
		}
	}
	workers.Wait()
	if turns.Load() < 240 {
		t.Errorf("resumed %d times", turns.Load())
	}
}
