package bosh

import (
	"bytes"
	"errors"
	"net"
	"os"
	"time"

	"github.com/valyala/fasthttp"

	"usher/conn"
)

// phase is how far an exchange has come.
type phase uint8

const (
	serving  phase = iota // the HTTP server's handler is running
	held                  // the HTTP server has let go; no answer yet
	answered              // the answer is there and is to be written
	written               // the client has it, as far as we can know; the connection waits for the next request
	gone                  // the connection has ended
)

// exchange is one HTTP request that gets one answer. In the end the answer goes out by the HTTP server (if
// it is there before the handler returns) or straight to the connection.
type exchange struct {
	s    *session
	head head

	// Guarded by s.mu.
	phase  phase
	warm   bool   // it is to rest when the client is calm; it has not since it worked
	waited bool   // the answer was empty, since `wait` had passed
	status uint16 // other than 200; only while serving
	body   []byte
	c      *conn.Conn    // nil until it is taken over
	out    chan struct{} // closed when phase has come to written or gone; made by who waits for it

	next, prev *exchange // the lot's
}

// takes tells whether the answer goes straight to the connection, which is taken away from the HTTP server: if there is no answer yet, or
// if the next request on it may be read without that.
func (x *exchange) takes() bool {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	switch {
	case x.phase == serving:
		x.phase = held
		x.s.srv.held.Add(1)
		return true
	case x.phase != answered || x.head.close || x.head.before == 0 || x.status != 0:
		return false
	}
	return !x.s.srv.lot.draining() && !x.s.srv.compresses(&x.head, x.body)
}

// atOnce returns the answer if it is there already; else the request is held from now on.
func (x *exchange) atOnce() (body []byte, status int, ok bool) {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if x.phase == serving {
		x.phase = held
		x.s.srv.held.Add(1)
		return nil, 0, false
	}
	x.phase = written
	if x.status == 0 {
		x.status = fasthttp.StatusOK
	}
	return x.body, int(x.status), true
}

// reply gives the request its answer. Under s.mu.
func (x *exchange) reply(body []byte) {
	switch x.phase {
	case held:
		x.s.srv.held.Add(-1)
	case serving:
	default:
		return
	}
	x.body, x.phase = body, answered
	if x.c != nil {
		x.write()
	}
}

// take is the hijack handler: the HTTP server has let go of the connection.
func (x *exchange) take(hijacked net.Conn) {
	c, err := conn.Take(hijacked)
	if err != nil {
		hijacked.Close()
	}
	x.s.mu.Lock()
	if err != nil || !x.s.srv.lot.enter(x) {
		x.leave()
		x.s.mu.Unlock()
		if err == nil {
			c.Close()
		}
		return
	}
	x.c, x.warm = c, true
	if x.phase == answered {
		x.write()
	}
	if c.SetReadDeadline(time.Now().Add(x.s.srv.calm())) != nil {
		x.fail()
	}
	x.s.mu.Unlock()
	// Ends when the client says more or leaves, when the idle connection's deadline passes, or by
	// lot.shut, which closes the connection.
	go x.park()
}

// park waits for the client, and lets the connection rest when he is silent.
func (x *exchange) park() {
	for x != nil {
		b, err := x.c.Fill(x.s.srv.reads)
		x = x.woken(b, err)
	}
}

// woken goes on after the client has said more (nil), has left, or has been calm for a while. It returns what waits on the
// connection in this goroutine then, or nil.
//
//go:noinline
func (x *exchange) woken(b *conn.Buffer, err error) *exchange {
	s := x.s
	s.mu.Lock()
	if x.warm && errors.Is(err, os.ErrDeadlineExceeded) && x.phase != gone {
		x.cool()
		s.mu.Unlock()
		return nil
	}
	if err == nil && x.phase < written {
		// Another request behind one that is held (HTTP pipelining, XEP-0124 §18.1): it can't be
		// answered before this one is.
		s.hurry(x)
		if x.phase < written {
			x.out = make(chan struct{})
			s.mu.Unlock()
			<-x.out // closed by sent or fail
			s.mu.Lock()
		}
	}
	again := err == nil && x.phase == written && !x.head.close
	if !again {
		x.leave()
	}
	s.mu.Unlock()
	if again {
		return x.proceed(b)
	}
	s.srv.lot.leave(x)
	if b != nil {
		s.srv.reads.Put(b)
	}
	x.c.Close()
	return nil
}

// serveConn lets the HTTP server read the next request. Its errors are the client's, and told by the
// server's own log.
func (s *Server) serveConn(c net.Conn) {
	if s.cfg.ServeConn == nil {
		c.Close()
		return
	}
	_ = s.cfg.ServeConn(c)
}

// leave notes that the client isn't there any more. Under s.mu.
func (x *exchange) leave() {
	if x.phase == held {
		x.s.srv.held.Add(-1)
		x.phase = gone
		x.s.left(x)
	}
	x.phase = gone
	x.told()
}

// write sends the answer as one write. Under s.mu; it never blocks.
func (x *exchange) write() {
	srv := x.s.srv
	if srv.lot.draining() {
		x.head.close = true
	}
	if x.c.TLS() || srv.compresses(&x.head, x.body) {
		x.lend(nil)
		return
	}
	buf := srv.scratch()
	defer srv.give(buf)
	*buf = append(x.head.append(*buf, srv.clock(), len(x.body), false), x.body...)
	n, err := x.c.TryWrite(*buf)
	switch {
	case err != nil:
		x.fail()
	case n < len(*buf):
		x.lend(bytes.Clone((*buf)[n:]))
	default:
		srv.count(false, len(x.body))
		x.sent()
	}
}

// lend lets a goroutine write what the kernel doesn't take at once, or what has to be compressed or
// encrypted first. Under s.mu.
func (x *exchange) lend(rest []byte) {
	if !x.s.srv.lot.add() {
		x.fail()
		return
	}
	// Ends when all is written, or when the client doesn't take slowSize within Config.Stalled.
	go x.writeOut(rest, x.head, x.body)
}

func (x *exchange) writeOut(rest []byte, h head, body []byte) {
	srv := x.s.srv
	defer srv.lot.done()
	if rest == nil {
		zip := srv.compresses(&h, body)
		if zip {
			body = fasthttp.AppendGzipBytesLevel(nil, body, fasthttp.CompressBestSpeed)
		}
		rest = append(h.append(nil, srv.clock(), len(body), zip), body...)
	}
	var err error
	for len(rest) > 0 && err == nil {
		if srv.cfg.Stalled > 0 {
			x.c.SetWriteDeadline(time.Now().Add(srv.cfg.Stalled))
		}
		var n int
		n, err = x.c.Write(rest[:min(len(rest), slowSize)])
		rest = rest[n:]
	}
	if err == nil {
		err = x.c.SetWriteDeadline(time.Time{})
	}
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if err != nil {
		x.fail() // the answer is kept for a repeat
		return
	}
	srv.count(false, len(body))
	x.sent()
}

// sent notes that the answer is out. Under s.mu.
func (x *exchange) sent() {
	if x.phase != answered {
		return
	}
	x.phase = written
	x.body = nil
	if x.head.close {
		x.c.Close()
	} else if idle := x.s.srv.cfg.Inactivity; idle > 0 && !x.warm { // else cool sets it
		// The client has no business to keep it open any longer without a request (XEP-0124 §10).
		x.c.SetReadDeadline(time.Now().Add(idle))
	}
	x.told()
}

// fail notes that the connection can't be written to. Under s.mu.
func (x *exchange) fail() {
	x.leave()
	if x.c != nil {
		x.c.Close()
	}
}

func (x *exchange) told() {
	if x.out != nil {
		closeOnce(x.out)
	}
}
