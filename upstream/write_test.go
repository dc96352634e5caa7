package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"usher/xmpp"
)

// Each writer's stanzas arrive complete and in its order; Close loses none of them.
func TestWriteOrder(t *testing.T) {
	t.Run("pipe", func(t *testing.T) { writeOrder(t, net.Pipe) })
	t.Run("socket", func(t *testing.T) { writeOrder(t, loopback(t)) })
}

func writeOrder(t *testing.T, pair func() (client, server net.Conn)) {
	const writers, each = 8, 500
	l, p := connectedBy(t, pair, func(c *Config) { c.HighWater = 4000 })
	s := serve(t, l)
	all := make(chan string, 1)
	go func() { // ends with the stream
		all <- p.read(endTag)
		p.send(endTag)
	}()
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				if err := l.WriteRaw(t.Context(), fmt.Appendf(nil, "<m w='%d' n='%d'/>\n", w, n)); err != nil {
					t.Errorf("writer %d, stanza %d: %v", w, n, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := l.Close(t.Context()); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := s.ended(); err != ErrClosed {
		t.Errorf("ended with %v", err)
	}
	next := [writers]int{}
	lines := strings.Split(strings.TrimSuffix(<-all, endTag), "\n")
	for _, line := range lines[:len(lines)-1] {
		var w, n int
		if _, err := fmt.Sscanf(line, "<m w='%d' n='%d'/>", &w, &n); err != nil || n != next[w] {
			t.Fatalf("got %q, next of this writer is %d (%v)", line, next[w], err)
		}
		next[w]++
	}
	for w, n := range next {
		if n != each {
			t.Errorf("writer %d: %d of %d arrived", w, n, each)
		}
	}
	if c := l.Counts(); c.BytesOut != int64(len(strings.Join(lines, "\n"))+len(endTag)) || c.Writes >= writers*each {
		t.Errorf("no group commit or a wrong count: %+v", c)
	}
}

// Who comes when nothing is being written writes himself: no goroutine has to be woken.
func TestWriteAtOnce(t *testing.T) {
	l, p := connectedBy(t, loopback(t), nil)
	s := serve(t, l)
	if err := l.WriteRaw(noWait, []byte(message(1))); err != nil {
		t.Fatal(err)
	}
	if c := l.Counts(); c.Writes != 1 || c.BytesOut != int64(len(message(1))) || l.Queued() != 0 {
		t.Errorf("not written when WriteRaw has returned: %+v, %d bytes queued", c, l.Queued())
	}
	p.expect(message(1))
	p.Close()
	if err := s.ended(); !errors.Is(err, ErrLost) {
		t.Errorf("ended with %v", err)
	}
}

// A server that takes nothing makes nobody wait; what it takes later is whole and in order.
func TestWriteToFullSocket(t *testing.T) {
	l, p := connectedBy(t, loopback(t), func(c *Config) { c.HighWater = 1 << 30 })
	s := serve(t, l)
	large := "<m>" + strings.Repeat("x", 32<<20) + "</m>" // more than any kernel's buffers take
	want := large
	if err := l.WriteRaw(noWait, []byte(large)); err != nil {
		t.Fatal(err)
	}
	if n := l.Queued(); n == 0 || n >= len(large) {
		t.Fatalf("%d of %d bytes queued", n, len(large))
	}
	for n := range 100 {
		want += message(n)
		if err := l.WriteRaw(noWait, []byte(message(n))); err != nil {
			t.Fatal(err)
		}
	}
	closed := make(chan error, 1)
	go func() { closed <- l.Close(t.Context()) }() // ends when the server has answered
	got := make([]byte, len(want)+len(endTag))
	if _, err := io.ReadFull(p.in, got); err != nil || string(got) != want+endTag {
		t.Errorf("the server got something else: %v", err)
	}
	p.send(endTag)
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
	if err := s.ended(); err != ErrClosed {
		t.Errorf("ended with %v", err)
	}
	if c := l.Counts(); c.BytesOut != int64(len(got)) {
		t.Errorf("counted %d of %d bytes", c.BytesOut, len(got))
	}
}

// Who finds the socket broken ends the link, and what wasn't written is told.
func TestWriteToBrokenSocket(t *testing.T) {
	l, _ := connectedBy(t, loopback(t), nil)
	l.conn.(*net.TCPConn).CloseWrite() // so that the next write fails, whatever the reader sees
	if err := l.WriteRaw(noWait, []byte(message(1))); err != nil {
		t.Fatal(err)
	}
	s := serve(t, l)
	if err := s.ended(); !errors.Is(err, ErrLost) || !errors.Is(err, syscall.EPIPE) {
		t.Errorf("ended with %v", err)
	}
	if err := l.WriteRaw(noWait, []byte(message(2))); err != ErrClosed {
		t.Errorf("a write afterwards: %v", err)
	}
	if n := l.Queued(); n != len(message(1)) {
		t.Errorf("%d bytes are counted as not written, of %d", n, len(message(1)))
	}
}

// Write rewrites the start tag for jabber:component:accept.
func TestWriteElement(t *testing.T) {
	l, p := connected(t, nil)
	s := serve(t, l)
	e, err := xmpp.NewScanner(config().Limits).One([]byte(
		`<message xmlns="jabber:client" to="room@conference.x" from="forged@x" type="chat"><body xmlns="jabber:client">a &amp; b</body></message>`))
	if err != nil {
		t.Fatal(err)
	}
	h := &xmpp.Header{To: e.To, From: []byte("abc@v1.example.org/r'"), Type: e.Type}
	if err := l.Write(noWait, e, h); err != nil {
		t.Fatal(err)
	}
	want := string(e.Append(nil, xmpp.Component, h))
	if strings.Contains(want, xmpp.NSClient) || !strings.Contains(want, "abc@v1.example.org") {
		t.Fatalf("rewritten to %s", want)
	}
	p.expect(want)
	l.Close(canceled())
	s.ended()
}

// Over the high-water mark: fail at once, or wait until room, the context's end, or the link's.
func TestWriteBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, p := connected(t, func(c *Config) { c.HighWater = 100 })
		s := serve(t, l)
		stanza := []byte("<m>" + strings.Repeat("x", 53) + "</m>") // 60
		send := func(ctx context.Context) error { return l.WriteRaw(ctx, stanza) }

		if err := send(noWait); err != nil { // the writer takes it, the server doesn't
			t.Fatal(err)
		}
		synctest.Wait()
		if err := send(noWait); err != nil { // the mark is not reached before it
			t.Fatal(err)
		}
		if n := l.Queued(); n != 120 {
			t.Errorf("%d bytes queued", n)
		}
		if err := send(noWait); err != ErrBusy {
			t.Errorf("got %v, want ErrBusy", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		began := time.Now()
		if err := send(ctx); !errors.Is(err, ErrBusy) || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
		cancel()

		waits := make(chan error, 2)
		for range 2 {
			go func() { waits <- send(t.Context()) }() // ended by room
		}
		synctest.Wait()
		if len(waits) != 0 || l.Queued() != 120 {
			t.Errorf("a writer didn't wait: %d bytes queued", l.Queued())
		}
		p.expect(string(stanza)) // the first batch is through: one fits
		for range 2 {
			p.expect(string(stanza))
			if err := <-waits; err != nil {
				t.Error(err)
			}
		}
		p.expect(string(stanza))

		for range 2 {
			synctest.Wait() // what the server has read is counted until the writer knows it
			if err := send(noWait); err != nil {
				t.Error(err)
			}
		}
		go func() { waits <- send(t.Context()) }() // ended by the link's end
		synctest.Wait()
		p.Close()
		if err := s.ended(); !errors.Is(err, ErrLost) {
			t.Errorf("ended with %v", err)
		}
		if err := <-waits; err != ErrClosed {
			t.Errorf("who waited got %v", err)
		}
	})
}

// Between the high-water mark and the end of the reserve only those are served who can't wait, and in the end it all goes out in order.
func TestWriteReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, p := connected(t, func(c *Config) { c.HighWater, c.Reserve = 100, 120 })
		s := serve(t, l)
		var want strings.Builder
		send := func(ctx context.Context, name string) error {
			b := "<" + name + ">" + strings.Repeat("x", 53) + "</" + name + ">" // 60
			err := l.WriteRaw(ctx, []byte(b))
			if err == nil {
				want.WriteString(b)
			}
			synctest.Wait() // the writer has what it takes, the server nothing
			return err
		}
		for _, step := range []struct {
			ctx    context.Context
			name   string
			queued int
			err    error
		}{
			{canceled(), "a", 60, nil}, // the mark isn't reached: there is nothing to wait for
			{canceled(), "b", 120, nil},
			{canceled(), "c", 120, ErrBusy},
			{noWait, "d", 180, nil},
			{canceled(), "e", 180, ErrBusy},
			{noWait, "f", 240, nil},
			{noWait, "g", 240, ErrBusy},
		} {
			if err := send(step.ctx, step.name); !errors.Is(err, step.err) || l.Queued() != step.queued {
				t.Errorf("%s: %v, %d bytes queued", step.name, err, l.Queued())
			}
		}
		p.expect(want.String())
		l.Close(canceled())
		s.ended()
	})
}

// The server dies with half a batch: Serve says so, and so does Close.
func TestKillWithinBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, p := connected(t, nil)
		s := serve(t, l)
		l.WriteRaw(noWait, []byte(strings.Repeat(message(1), 10)))
		if _, err := io.ReadFull(p.in, make([]byte, 1)); err != nil { // has all the rest in its buffer
			t.Fatal(err)
		}
		l.WriteRaw(noWait, []byte(strings.Repeat(message(2), 2000)))
		synctest.Wait()
		p.Close()
		if err := s.ended(); !errors.Is(err, ErrLost) {
			t.Errorf("ended with %v", err)
		}
		if err := l.Close(t.Context()); !errors.Is(err, ErrLost) {
			t.Errorf("close: %v", err)
		}
	})
}

func TestClose(t *testing.T) {
	for _, tc := range []struct {
		name   string
		serve  bool
		server func(p *peer) // after the handshake; nil = takes nothing
		takes  time.Duration
		err    error
	}{
		{"answered", true, func(p *peer) { p.expect(message(1) + endTag); p.send(message(2) + endTag) }, 0, nil},
		{"hung up", true, func(p *peer) { p.expect(message(1) + endTag); p.Close() }, 0, nil},
		{"not answered", true, func(p *peer) { p.expect(message(1) + endTag); p.rest() }, farewell, nil},
		{"not served", false, func(p *peer) { p.expect(message(1) + endTag) }, 0, nil},
		{"not taken", true, nil, 5 * time.Second, context.DeadlineExceeded},
		{"not taken, not served", false, nil, 5 * time.Second, context.DeadlineExceeded},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, p := connected(t, nil)
				if tc.server != nil {
					go tc.server(p) // ends with the link
				}
				var s *served
				if tc.serve {
					s = serve(t, l)
				}
				synctest.Wait()
				l.WriteRaw(noWait, []byte(message(1)))
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				began := time.Now()
				if err := l.Close(ctx); !errors.Is(err, tc.err) {
					t.Errorf("got %v", err)
				}
				if d := time.Since(began); d != tc.takes {
					t.Errorf("took %v, want %v", d, tc.takes)
				}
				if err := l.WriteRaw(noWait, nil); err != ErrClosed {
					t.Errorf("a write afterwards: %v", err)
				}
				if s != nil {
					if err := s.ended(); err != ErrClosed {
						t.Errorf("ended with %v", err)
					}
				}
			})
		})
	}
}

// drain is a connection that takes everything and has nothing.
type drain struct {
	net.Conn
	gone chan struct{}
}

func newDrain() *drain                              { return &drain{gone: make(chan struct{})} }
func (d *drain) Write(p []byte) (int, error)        { return len(p), nil }
func (d *drain) Read(p []byte) (int, error)         { <-d.gone; return 0, io.EOF }
func (d *drain) SetWriteDeadline(t time.Time) error { return nil }
func (d *drain) Close() error                       { close(d.gone); return nil }

// A burst makes the buffers large; quiet times give the memory back; a steady load allocates nothing.
func TestWriteBuffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, p := connected(t, func(c *Config) { c.HighWater = 4 << 20 })
		go p.rest() // ends with the link
		burst := []byte(strings.Repeat("x", 1<<20))
		caps := func() int {
			l.out.mu.Lock()
			defer l.out.mu.Unlock()
			return cap(l.out.buf)
		}
		for range 2 { // both buffers
			l.WriteRaw(noWait, burst)
			synctest.Wait()
		}
		if caps() < 1<<20 {
			t.Fatalf("buffer of %d after the burst", caps())
		}
		for range 2 * shrinkAfter {
			l.WriteRaw(noWait, []byte(message(1)))
			synctest.Wait()
		}
		for range 2 {
			if n := caps(); n > keepBuffer {
				t.Errorf("buffer of %d long after the burst", n)
			}
			l.WriteRaw(noWait, []byte(message(1)))
			synctest.Wait()
		}
		l.Close(canceled())
	})
}

func TestWriteAllocations(t *testing.T) {
	l := newLink(config(), newDrain(), nil)
	defer l.Close(canceled())
	s := xmpp.NewScanner(config().Limits)
	e, err := s.One([]byte("<message xmlns='jabber:client' to='room@conference.x' type='groupchat'><body>some words</body></message>"))
	if err != nil {
		t.Fatal(err)
	}
	h := &xmpp.Header{To: e.To, From: []byte("abc@v1.example.org/r"), Type: e.Type}
	send := func() {
		if err := l.Write(t.Context(), e, h); err != nil {
			t.Fatal(err)
		}
	}
	for range 10_000 {
		send()
	}
	if n := testing.AllocsPerRun(10_000, send); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkWrite(b *testing.B) {
	s := xmpp.NewScanner(config().Limits)
	e, err := s.One([]byte("<message xmlns='jabber:client' to='room@conference.localhost' type='groupchat' id='m1'>" +
		"<body>Some words of an ordinary length, as people say them</body><origin-id xmlns='urn:xmpp:sid:0' id='o1'/></message>"))
	if err != nil {
		b.Fatal(err)
	}
	h := &xmpp.Header{To: e.To, From: []byte("abcdefghijklmnopqrstuvwxyz@v1.example.org/r"), Type: e.Type, ID: e.ID}
	b.Run("discard", func(b *testing.B) { benchmarkWrite(b, newDrain(), e, h) })
	b.Run("loopback", func(b *testing.B) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		defer ln.Close()
		go func() { // ends with the connection
			if c, err := ln.Accept(); err == nil {
				io.Copy(io.Discard, c)
			}
		}()
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		benchmarkWrite(b, c, e, h)
	})
}

func benchmarkWrite(b *testing.B, c net.Conn, e *xmpp.Element, h *xmpp.Header) {
	l := newLink(config(), c, nil)
	ctx := b.Context()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if err := l.Write(ctx, e, h); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Close(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "stanzas/s")
	b.ReportMetric(float64(b.N)/float64(l.Counts().Writes), "stanzas/write")
}
