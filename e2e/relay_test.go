package e2e

import (
	"bufio"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// relay stands between one client and the edge, so that a test can cut the
// network under the client without the client's help.
type relay struct {
	addr string
	to   string
	l    net.Listener

	http bool // it knows what it passes on

	mu      sync.Mutex
	conns   map[net.Conn]struct{}
	blocked bool
	refused string // prefix of the request lines whose connections get nowhere; "" = none
	silent  bool   // they get no answer, instead of a reset
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	return startRelay(t, &relay{to: to})
}

// newProxy is a relay of HTTP, which can refuse some requests and let others pass.
func newProxy(t *testing.T, to string) *relay {
	t.Helper()
	return startRelay(t, &relay{to: to, http: true})
}

func startRelay(t *testing.T, r *relay) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr, r.l, r.conns = l.Addr().String(), l, map[net.Conn]struct{}{}
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
		go r.carry(in) // ends when either side of the connection does, which cut brings about
	}
}

func (r *relay) carry(in net.Conn) {
	if !r.add(in) {
		reset(in)
		return
	}
	from := bufio.NewReader(in)
	if r.http {
		line, err := from.Peek(1)
		for n := 1; err == nil && n < from.Size() && !strings.Contains(string(line), "\n"); {
			n = max(n+1, from.Buffered())
			line, err = from.Peek(n)
		}
		if refused, silent := r.refuses(string(line)); refused {
			if !silent {
				reset(in)
			}
			io.Copy(io.Discard, from)
			r.forget(in)
			return
		}
	}
	out, err := net.Dial("tcp", r.to)
	if err != nil {
		reset(in)
		r.forget(in)
		return
	}
	if !r.add(out) {
		reset(in)
		reset(out)
		return
	}
	go r.pipe(in, out, out) // ends like its other half
	r.pipe(out, in, from)
}

// refuse lets no new connection pass whose first request begins like this, and cuts those that are there; silent ones get no answer. With "" all pass.
func (r *relay) refuse(request string, silent bool) {
	r.mu.Lock()
	r.refused, r.silent = request, silent
	r.mu.Unlock()
	if request != "" {
		r.cut()
	}
}

func (r *relay) refuses(line string) (refused, silent bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused != "" && strings.HasPrefix(line, r.refused), r.silent
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

func (r *relay) pipe(dst, src net.Conn, from io.Reader) {
	io.Copy(dst, from)
	dst.Close()
	src.Close()
	r.forget(src)
}

func (r *relay) forget(c net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c)
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
