package ws

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"usher/c2s"
	"usher/xmpp"
)

// raceDetector is set where sync.Pool forgets at random, so that allocations can't be counted.
var raceDetector bool

// ball is a frame that is sent, and the room for the one that comes back.
type ball struct {
	there, back []byte
}

func newBall() *ball {
	return &ball{there: text(hello), back: make([]byte, 2+len(echoed))}
}

func (b *ball) throw(t testing.TB, c *client) {
	if _, err := c.Conn.Write(b.there); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c.Conn, b.back); err != nil {
		t.Fatal(err)
	}
}

// In and out, through scanner and outbox, with the reader parked in between.
func TestMessageAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes sync.Pool forget")
	}
	e := start(t, testConfig(), nil)
	var h xmpp.Header // the echo of the other tests makes one for each stanza
	e.site.stanza = func(s *c2s.Stream, el *xmpp.Element) {
		h = xmpp.Header{From: el.To, Type: el.Type, ID: el.ID}
		s.Send(el, &h)
		s.Wake()
	}
	c := e.dial(t).login()
	b := newBall()
	b.throw(t, c)
	if n := testing.AllocsPerRun(500, func() { b.throw(t, c) }); n != 0 {
		t.Errorf("%v allocations a message", n)
	}
	if !bytes.Equal(b.back[4:], []byte(echoed)[2:]) && !bytes.HasSuffix(b.back, []byte("</message>")) {
		t.Errorf("got %q", b.back)
	}
}

// A guard against buffers and deep stacks that stay with idle connections. Both ends are in the process; the client's is a
// bare socket of some 900 bytes.
func TestIdleConnectionIsSmall(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector's own memory counts")
	}
	const n, limit = 400, 4096 // some 2,900 were measured
	e := start(t, testConfig(), nil)
	clients := make([]net.Conn, 0, n)
	size := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	before := size()
	for range n {
		c := e.dial(t).login()
		c.send(hello)
		c.expect(echoed)
		clients = append(clients, c.Conn)
		c.r = nil // the test keeps no buffer
	}
	e.mu.Lock()
	for c := range e.conns {
		c.heard.Add(-int64(calmTime)) // time flies
		c.Due(time.Now())
	}
	e.mu.Unlock()
	stacks := make([]byte, 4<<20)
	await(func() bool { // none has a goroutine
		return !strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "ws.(*Conn)")
	})
	each := (size() - before) / n
	t.Logf("%d bytes each", each)
	if each > limit {
		t.Errorf("%d bytes for each idle connection, limit %d", each, limit)
	}
	runtime.KeepAlive(clients)
}

func BenchmarkEcho(b *testing.B) {
	e := start(b, testConfig(), nil)
	c := e.dial(b).login()
	ball := newBall()
	b.ReportAllocs()
	b.SetBytes(int64(len(ball.there)))
	for b.Loop() {
		ball.throw(b, c)
	}
}

// One stanza to each of 1,000 sockets, as a link's reader delivers them; the clients' side of TCP is paid for here too.
func BenchmarkFanOut(b *testing.B) {
	for _, batch := range []int{1, 4} {
		b.Run(map[int]string{1: "one a write", 4: "four a write"}[batch], func(b *testing.B) {
			const sockets = 1000
			e := start(b, testConfig(), nil)
			clients := make([]*client, sockets)
			for i := range clients {
				clients[i] = e.dial(b).login()
			}
			streams := make([]*c2s.Stream, 0, sockets)
			for _, s := range e.site.bound {
				streams = append(streams, s)
			}
			stanza := []byte("<message xmlns='jabber:client'><body>" + strings.Repeat("x", 350) + "</body></message>")
			in := make([]byte, batch*(len(stanza)+4))
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				for _, s := range streams {
					for range batch {
						s.SendRaw(stanza)
					}
					s.Wake()
				}
				b.StopTimer()
				for _, c := range clients {
					if _, err := io.ReadFull(c.r, in); err != nil {
						b.Fatal(err)
					}
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*sockets*batch), "ns/stanza")
		})
	}
}
