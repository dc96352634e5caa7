package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"usher/xmpp"
	"usher/xmpp/xmpptest"
)

// body makes a stanza of about 390 bytes, as a web client sends it.
const body = "<body>Hello, I have a question about my order &amp; its delivery. Can you help me, please?</body>" +
	"<active xmlns='http://jabber.org/protocol/chatstates'/><origin-id xmlns='urn:xmpp:sid:0' id='f81d4fae-7dec-11d0-a765-00a0c91e6bf6'/>"

// audience is a real Usher, the fake upstream's end of its link, and WebSocket sessions.
type audience struct {
	*crowd
	link *xmpptest.Peer
	jids []string
}

const sockets = 1000

// newAudience logs them in and asks each for its address.
func newAudience(b *testing.B) *audience {
	b.Helper()
	bin, err := program()
	if err != nil {
		b.Fatal(err)
	}
	s, err := startServer(b.Context(), bin, b.TempDir(), false)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.stop)
	a := &audience{jids: make([]string, sockets)}
	a.crowd = &crowd{server: s, workers: 16, clients: make([]client, sockets), dialer: &dialer{to: s.public}, progress: io.Discard}
	b.Cleanup(a.close)
	if _, _, err := a.each(b.Context(), "logging in", a.enter); err != nil {
		b.Fatal(err)
	}
	a.link = s.up.Peer(domain)
	// Each says its number; the link sees from which address.
	var mu sync.Mutex
	s.up.SetHook(func(c *xmpptest.Peer, e *xmpp.Element) bool {
		var i int
		if _, err := fmt.Sscanf(string(e.ID), "i%d", &i); err == nil && i < sockets {
			mu.Lock()
			a.jids[i] = string(e.From)
			mu.Unlock()
		}
		return true
	})
	before := a.link.Received()
	if _, _, err := a.each(b.Context(), "who is who", func(_ context.Context, i int, w *worker) error {
		return a.write(i, w, fmt.Sprintf("<message xmlns='jabber:client' to='%s' id='i%d'/>", echo, i))
	}); err != nil {
		b.Fatal(err)
	}
	a.arrived(b, before+sockets)
	mu.Lock()
	defer mu.Unlock()
	for i, jid := range a.jids {
		if jid == "" {
			b.Fatalf("no address of session %d", i)
		}
	}
	return a
}

func (a *audience) conn(i int) net.Conn { return a.clients[i].(*wsClient).c }

func (a *audience) write(i int, w *worker, stanza string) error {
	w.buf = appendFrame(w.buf[:0], stanza)
	_, err := a.conn(i).Write(w.buf)
	return err
}

// arrived waits until the fake upstream has n stanzas.
func (a *audience) arrived(b *testing.B, n int64) {
	b.Helper()
	if err := a.server.until(b.Context(), "all is upstream", func() (bool, error) { return a.link.Received() >= n, nil }); err != nil {
		b.Fatalf("%v: %d of %d", err, a.link.Received(), n)
	}
}

// report gives the figures of n stanzas for which the server used so much CPU.
func report(b *testing.B, n int64, wall, used time.Duration) {
	b.ReportMetric(float64(n)/wall.Seconds(), "stanzas/s")
	b.ReportMetric(float64(used.Nanoseconds())/1e3/float64(n), "edge-us/stanza")
	if used > 0 {
		b.ReportMetric(float64(n)/used.Seconds(), "stanzas/s/core")
	}
}

// BenchmarkFanIn sends stanzas over one link to 1,000 sockets, as many in a row to the same one as the name says, so that they share
// a write. An operation is a round: as many stanzas to each. The CPU is the edge's process alone; the bare write beside it is
// what the kernel takes for the same bytes in the same writes, without any edge.
func BenchmarkFanIn(b *testing.B) {
	for _, burst := range []int{1, 4, 8} {
		b.Run(fmt.Sprintf("burst=%d", burst), func(b *testing.B) { fanIn(b, burst) })
	}
}

func fanIn(b *testing.B, burst int) {
	a := newAudience(b)
	var round []byte
	for i, jid := range a.jids {
		for j := range burst {
			round = fmt.Appendf(round, "<message from='%s' to='%s' type='chat' id='m%d.%d'>%s</message>", echo, jid, i, j, body)
		}
	}
	var frames atomic.Int64
	done := make(chan struct{}, 1)
	var want atomic.Int64
	var readers sync.WaitGroup
	b.Cleanup(readers.Wait) // runs after a.close of the line below
	b.Cleanup(a.close)
	for i := range sockets {
		readers.Go(func() { // ends with its connection
			c := a.conn(i)
			c.SetDeadline(time.Time{})
			r := bufio.NewReaderSize(c, 4<<10)
			for skip(r) == nil {
				if frames.Add(1) == want.Load() {
					done <- struct{}{}
				}
			}
		})
	}
	b.ResetTimer()
	before, err := cpu(a.server.pid())
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	want.Store(frames.Load() + int64(b.N*burst*sockets))
	for range b.N {
		if err := a.link.Send(round); err != nil {
			b.Fatal(err)
		}
	}
	select {
	case <-done:
	case <-time.After(5 * time.Minute):
		b.Fatalf("%d of %d stanzas arrived\n%s", frames.Load(), want.Load(), a.server.log.String())
	}
	wall := time.Since(start)
	b.StopTimer()
	after, err := cpu(a.server.pid())
	if err != nil {
		b.Fatal(err)
	}
	report(b, int64(b.N*burst*sockets), wall, after-before)
}

// skip reads one frame and throws it away.
func skip(r *bufio.Reader) error {
	h, err := r.Peek(4)
	if err != nil {
		return err
	}
	n, size := int(h[1]&0x7f), 2
	if n == 126 {
		n, size = int(h[2])<<8|int(h[3]), 4
	}
	_, err = r.Discard(size + n)
	return err
}

// BenchmarkFanOut is the other way: messages of 1,000 sockets to the upstream server over one link. An operation is a
// message of each.
func BenchmarkFanOut(b *testing.B) {
	a := newAudience(b)
	frame := appendFrame(nil, "<message xmlns='jabber:client' to='"+echo+"' type='chat' id='up'>"+body+"</message>")
	a.server.up.SetHook(func(*xmpptest.Peer, *xmpp.Element) bool { return true })
	for i := range sockets {
		a.conn(i).SetDeadline(time.Time{})
	}
	b.ResetTimer()
	n := int64(b.N * sockets)
	goal := a.link.Received() + n
	start := time.Now()
	before, err := cpu(a.server.pid())
	if err != nil {
		b.Fatal(err)
	}
	for range b.N {
		for i := range sockets {
			if _, err := a.conn(i).Write(frame); err != nil {
				b.Fatal(err)
			}
		}
	}
	a.arrived(b, goal)
	wall := time.Since(start)
	b.StopTimer()
	after, err := cpu(a.server.pid())
	if err != nil {
		b.Fatal(err)
	}
	report(b, n, wall, after-before)
}

// BenchmarkBareWrite is the baseline of both: one write of one stanza's frame to each of 1,000 sockets in turn, and nothing else.
func BenchmarkBareWrite(b *testing.B) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var readers sync.WaitGroup
	b.Cleanup(readers.Wait)
	var conns []net.Conn
	b.Cleanup(func() {
		ln.Close()
		for _, c := range conns {
			c.Close()
		}
	})
	for range sockets {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		peer, err := ln.Accept()
		if err != nil {
			b.Fatal(err)
		}
		conns = append(conns, peer)
		readers.Go(func() { // ends with its connection
			defer c.Close()
			io.Copy(struct{ io.Writer }{io.Discard}, c)
		})
	}
	stanza := bytes.Repeat([]byte("x"), len(body)+150)
	b.ResetTimer()
	for range b.N {
		for _, c := range conns {
			if _, err := c.Write(stanza); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/1e3/float64(b.N*sockets), "us/write")
}
