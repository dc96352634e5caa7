package e2e

import (
	"io"
	"net"
	"sync"
	"testing"
)

// relay stands between one client and the edge, so that a test can cut the
// network under the client without the client's help.
type relay struct {
	addr string
	to   string
	l    net.Listener

	mu      sync.Mutex
	conns   map[net.Conn]struct{}
	blocked bool
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{addr: l.Addr().String(), to: to, l: l, conns: map[net.Conn]struct{}{}}
	go r.serve() // ends when the listener is closed, below
	t.Cleanup(func() { l.Close(); r.block() })
	return r
}

func (r *relay) serve() {
	for {
		in, err := r.l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", r.to)
		if err != nil {
			reset(in)
			continue
		}
		if !r.add(in, out) {
			reset(in)
			reset(out)
			continue
		}
		// Each ends when either side of the connection does, which cut brings about.
		go r.pipe(in, out)
		go r.pipe(out, in)
	}
}

func (r *relay) add(conns ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.blocked {
		return false
	}
	for _, c := range conns {
		r.conns[c] = struct{}{}
	}
	return true
}

func (r *relay) pipe(dst, src net.Conn) {
	io.Copy(dst, src)
	dst.Close()
	src.Close()
	r.mu.Lock()
	delete(r.conns, src)
	r.mu.Unlock()
}

// cut resets every connection; new ones are let through.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		reset(c)
	}
}

// block cuts, and resets new connections too until unblock.
func (r *relay) block() {
	r.mu.Lock()
	r.blocked = true
	r.mu.Unlock()
	r.cut()
}

func (r *relay) unblock() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blocked = false
}

func reset(c net.Conn) {
	if tc, ok := c.(*net.TCPConn); ok {
		tc.SetLinger(0)
	}
	c.Close()
}
