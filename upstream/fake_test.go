package upstream_test

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"usher/upstream"
	"usher/xmpp"
	"usher/xmpp/xmpptest"
)

// noWait makes a write fail at once instead of waiting for room.
var noWait context.Context

// inOrder is a receiver that checks that the ids are 0, 1, 2 and so on, and closes all at the last.
type inOrder struct {
	t    *testing.T
	next int
	last int
	all  chan struct{}
}

func (r *inOrder) Stanza(_ *upstream.Link, e *xmpp.Element) {
	if n, err := strconv.Atoi(string(e.ID)); err != nil || n != r.next {
		r.t.Errorf("stanza %q, want %d", e.ID, r.next)
	}
	if r.next++; r.next == r.last {
		close(r.all)
	}
}
func (r *inOrder) Flush(*upstream.Link) {}

func numbered(n int) []byte {
	return fmt.Appendf(nil, "<message from='a@v1.localhost' to='b@v1.localhost' id='%d'><body>äöü 😀 %d</body></message>", n, n)
}

func fakeLink(t *testing.T, cfg xmpptest.UpstreamConfig, change func(*upstream.Config)) (*xmpptest.Upstream, *upstream.Link) {
	t.Helper()
	cfg.Components = []xmpptest.Component{{Domain: "v1.localhost", Secret: "s3cret"}}
	u, err := xmpptest.NewUpstream(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.Close)
	c := upstream.Config{Domain: "v1.localhost", Secret: "s3cret", Address: u.Addr(), Limits: xmpp.Limits{Bytes: 1 << 20}}
	if change != nil {
		change(&c)
	}
	l, err := upstream.Dial(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return u, l
}

// Everything that is written comes back through the server once and in order, whatever the pieces and the pings between.
func TestThereAndBack(t *testing.T) {
	for _, tc := range []struct{ chunk, stanzas, high int }{{0, 20_000, 1 << 20}, {4096, 20_000, 5000}, {7, 500, 1 << 20}} {
		t.Run(fmt.Sprintf("%d bytes a write", tc.chunk), func(t *testing.T) {
			_, l := fakeLink(t, xmpptest.UpstreamConfig{Chunk: tc.chunk}, func(c *upstream.Config) { c.HighWater, c.Ping = tc.high, 10*time.Second })
			r := &inOrder{t: t, last: tc.stanzas, all: make(chan struct{})}
			why := make(chan error, 1)
			go func() { why <- l.Serve(context.Background(), r) }() // ended by Close
			for n := range tc.stanzas {
				if err := l.WriteRaw(t.Context(), numbered(n)); err != nil {
					t.Fatal(err)
				}
			}
			select {
			case <-r.all:
			case err := <-why:
				t.Fatalf("the link ended: %v", err)
			}
			if err := l.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if err := <-why; err != upstream.ErrClosed {
				t.Error(err)
			}
		})
	}
}

// What the server sends together with its answer to the handshake comes first.
func TestGreeting(t *testing.T) {
	_, l := fakeLink(t, xmpptest.UpstreamConfig{Greeting: func(string) []byte { return append(numbered(0), numbered(1)...) }}, nil)
	r := &inOrder{t: t, last: 3, all: make(chan struct{})}
	why := make(chan error, 1)
	go func() { why <- l.Serve(context.Background(), r) }() // ended by Close
	if err := l.WriteRaw(noWait, numbered(2)); err != nil {
		t.Fatal(err)
	}
	<-r.all
	l.Close(t.Context())
	<-why
}

// A server that stops reading makes Write fail at once; what was accepted arrives all the same when it reads on.
func TestPausedServer(t *testing.T) {
	var got atomic.Int64
	u, l := fakeLink(t, xmpptest.UpstreamConfig{Hook: func(_ *xmpptest.Peer, e *xmpp.Element) bool {
		if string(e.ID) != strconv.FormatInt(got.Load(), 10) {
			t.Errorf("stanza %s, want %d", e.ID, got.Load())
		}
		got.Add(1)
		return true
	}}, func(c *upstream.Config) { c.HighWater = 100_000 })
	why := make(chan error, 1)
	go func() { why <- l.Serve(context.Background(), make(stanzas, 1)) }() // ended by Close
	p, err := u.Wait(t.Context(), "v1.localhost")
	if err != nil {
		t.Fatal(err)
	}
	p.Pause()
	accepted := 0
	for ; err != upstream.ErrBusy; accepted++ {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond) // until the network is full too
		if err = l.WriteRaw(ctx, numbered(accepted)); err != nil {
			err = l.WriteRaw(noWait, numbered(accepted))
		}
		cancel()
		if err != nil && err != upstream.ErrBusy {
			t.Fatal(err)
		}
	}
	accepted--
	if q := l.Queued(); q < 100_000 || q > 100_000+len(numbered(accepted)) {
		t.Errorf("%d bytes queued", q)
	}
	p.Resume()
	if err := l.Close(t.Context()); err != nil {
		t.Error(err)
	}
	<-why
	<-p.Done() // a slow server still has much to read
	if n := got.Load(); n != int64(accepted) {
		t.Errorf("%d of %d arrived", n, accepted)
	}
}
