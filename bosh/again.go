package bosh

import (
	"bytes"
	"hash/maphash"
	"math/bits"
	"time"

	"github.com/valyala/fasthttp"

	"usher/conn"
	"usher/xmpp"
)

const (
	readSize = 16 << 10 // of a pooled read buffer, so of a request that is read here
	// calmTime is the silence after which a connection rests, without a goroutine.
	calmTime = 2 * time.Second
)

// shape is what the head of a request looked like, but for the digits of its Content-Length. The next request on the same
// connection that looks the same means the same: the HTTP server, who has checked the first, is not asked about it again.
type shape struct {
	sum           uint64 // of all bytes before and behind the digits
	before, after uint16 // how many; 0 = not known
}

var contentLength = []byte("Content-Length")

// shapeOf is the shape of a request that the HTTP server has read; zero for one that has more to it than a body of known length.
func (s *Server) shapeOf(ctx *fasthttp.RequestCtx) (sh shape) {
	h := &ctx.Request.Header
	if h.ContentLength() < 0 || !h.IsHTTP11() || len(h.Peek("Transfer-Encoding")) > 0 || len(h.Peek("Expect")) > 0 || len(h.ContentEncoding()) > 0 {
		return sh
	}
	raw := h.RawHeaders()
	at := 0
	for {
		line := raw[at:]
		end := bytes.IndexByte(line, '\n')
		if end < 0 {
			return sh
		}
		if end > len(contentLength) && line[len(contentLength)] == ':' && bytes.EqualFold(line[:len(contentLength)], contentLength) {
			at += len(contentLength) + 1
			break
		}
		at += end + 1
	}
	for at < len(raw) && raw[at] == ' ' {
		at++
	}
	digits := decimal(raw[at:])
	// RFC 9112 §3: what stood before it, if it was written as it is mostly
	buf := s.scratch()
	defer s.give(buf)
	*buf = append(append(append(append(*buf, h.Method()...), ' '), h.RequestURI()...), " HTTP/1.1\r\n"...)
	*buf = append(*buf, raw[:at]...)
	before := *buf
	after := raw[at+digits:]
	if digits == 0 || len(before)+len(after) > readSize {
		return sh
	}
	return shape{s.sum(before, after), uint16(len(before)), uint16(len(after))}
}

func (s *Server) sum(before, after []byte) uint64 {
	return bits.RotateLeft64(maphash.Bytes(s.seed, before), 1) ^ maphash.Bytes(s.seed, after)
}

// decimal is how many digits b begins with.
func decimal(b []byte) (n int) {
	for n < len(b) && b[n] >= '0' && b[n] <= '9' {
		n++
	}
	return n
}

// cut takes a request of this shape from the front of b. It returns false if that is another one, or not all of it has come.
func (s *Server) cut(sh shape, b []byte) (body, rest []byte, ok bool) {
	before := int(sh.before)
	if before == 0 || len(b) < before {
		return nil, b, false
	}
	digits := decimal(b[before:])
	length, ok := number(b[before : before+digits])
	head := before + digits + int(sh.after)
	if !ok || len(b) < head || uint64(len(b)-head) < length || s.sum(b[:before], b[before+digits:head]) != sh.sum {
		return nil, b, false
	}
	end := head + int(length)
	return b[head:end:end], b[end:], true
}

// again reads the next request on the connection of x in b, if it looks as the one before and is one of a live session, as
// it should be. Everything else is the HTTP server's to read, and to answer. It returns the new exchange, for
// which accept is to be called with w and body.
func (x *exchange) again(b []byte, w *wrapper) (y *exchange, body, rest []byte) {
	srv := x.s.srv
	body, rest, ok := srv.cut(x.head.shape, b)
	if !ok || srv.cfg.Prelogin > 0 && len(body) > srv.cfg.Prelogin {
		return nil, nil, b
	}
	sc := srv.scanners.Get().(*xmpp.Scanner)
	bad := parse(sc, body, srv.cfg.Limits, w)
	srv.scanners.Put(sc)
	if bad != nil || len(w.sid) == 0 {
		return nil, nil, b
	}
	_, e := srv.find(w)
	if e == nil || e.stream.Info().Secure && !x.head.secure || len(body) > maxBody(e.limits()) {
		return nil, nil, b
	}
	return &exchange{s: e, head: x.head, c: x.c, phase: held}, body, rest
}

// proceed goes on with what has come on a connection that has its answer: with a request here, or in the HTTP server. It
// returns the exchange that waits on the connection then in this goroutine, nil if there is none.
func (x *exchange) proceed(b *conn.Buffer) *exchange {
	srv, c := x.s.srv, x.c
	var w wrapper
	y, body, rest := x.again(b.B, &w)
	if y == nil {
		srv.lot.leave(x)
		c.Unread(b.B)
		srv.reads.Put(b)
		if c.SetReadDeadline(time.Time{}) != nil {
			c.Close()
			return nil
		}
		srv.serveConn(c.NetConn())
		return nil
	}
	// One empty request after the other, a whole wait apart: there won't be more in a moment. Over TLS that is not to be seen without another read.
	calm := x.waited && w.payloads == 0 && len(rest) == 0 && !c.TLS()
	y.warm = !calm
	srv.held.Add(1)
	if !srv.lot.swap(x, y) || !calm && c.SetReadDeadline(time.Now().Add(srv.calm())) != nil {
		y.s.mu.Lock()
		y.fail()
		y.s.mu.Unlock()
	}
	srv.count(true, len(body))
	y.s.accept(&w, body, nil, y)
	c.Unread(rest)
	srv.reads.Put(b)
	if calm {
		y.s.mu.Lock()
		defer y.s.mu.Unlock()
		if y.phase != gone {
			y.cool()
			return nil
		}
	}
	return y
}

// calm is calmTime, or less if an idle connection is closed earlier.
func (s *Server) calm() time.Duration {
	if s.cfg.Inactivity > 0 {
		return min(calmTime, s.cfg.Inactivity)
	}
	return calmTime
}

// cool lets the connection rest: nothing has come for a while, or is to be expected. Under s.mu.
func (x *exchange) cool() {
	x.warm = false
	until := time.Time{}
	if idle := x.s.srv.cfg.Inactivity; x.phase == written && idle > 0 {
		until = time.Now().Add(idle)
	}
	x.c.SetReadDeadline(until)
	x.s.stream.Calm()
	x.s.srv.cfg.Idle.Rest(x.c, until, x)
}

// Resume goes on reading: see conn.Idle.
func (x *exchange) Resume() { x.park() }
