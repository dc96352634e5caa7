// Package ws carries client streams over WebSocket (RFC 7395 over RFC 6455).
// It owns frames, fragments, pings and the close handshake. It must not know
// negotiation, sites, BOSH, the pool.
package ws

import (
	"context"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"usher/c2s"
	"usher/conn"
	"usher/xmpp"
)

const (
	readSize  = 16 << 10 // of a pooled read buffer
	writeSize = 16 << 10 // what is gathered for one write, before the last element
	keepSize  = 64 << 10 // the largest write buffer that goes back to its pool
	slowSize  = 4 << 10  // what a slow client must take within Config.Stalled

	closeWait = 5 * time.Second  // for the peer's part of the close handshake
	startWait = 10 * time.Second // from admission to the hijacked connection
	calmTime  = 2 * time.Second  // of silence, after which a connection rests, without a goroutine
)

// Config of the carrier.
type Config struct {
	Streams   *c2s.Config
	Wheel     *c2s.Wheel
	Idle      *conn.Idle           // where silent connections rest; nil: each keeps a goroutine
	Ping      time.Duration        // between pings to an idle client; 0 = none
	Pong      time.Duration        // to answer one, by whatever it sends
	Fragments int                  // frames of one message; 0 = no limit
	Stalled   time.Duration        // a reader that takes nothing (less than 4 KiB); 0 = no limit
	Limits    xmpp.Limits          // after bind
	Accounts  xmpp.Limits          // in their place for relayed streams
	Prelogin  int                  // bytes of one message before bind; 0 = as after it
	Bytes     func(in bool, n int) // counts bytes on the wire; may be nil
	// Admit says whether a new stream may start; an error is answered with 503 and Retry-After. After nil
	// the stream exists, and Closed will be called for it even if the client never sees the answer to its upgrade.
	Admit func(info *c2s.Info) error
}

// Server upgrades requests and keeps the connections' registry.
type Server struct {
	cfg      Config
	start    time.Time
	buffers  *conn.Buffers
	scanners sync.Pool // *xmpp.Scanner
	outs     sync.Pool // *outBuf

	mu       sync.Mutex // guards what follows
	conns    map[*Conn]struct{}
	draining bool
	empty    chan struct{} // closed when the last connection has ended while draining
}

// outBuf is what is on its way to one socket.
type outBuf struct{ b []byte }

// New returns a server; it starts no goroutine. cfg.Wheel must run.
func New(cfg Config) *Server {
	if cfg.Bytes == nil {
		cfg.Bytes = func(bool, int) {}
	}
	s := &Server{
		cfg:     cfg,
		start:   cfg.Streams.Now(),
		buffers: conn.NewBuffers(readSize),
		conns:   make(map[*Conn]struct{}),
		empty:   make(chan struct{}),
	}
	s.scanners.New = func() any { return xmpp.NewScanner(cfg.Limits) }
	s.outs.New = func() any { return &outBuf{b: make([]byte, 0, writeSize)} }
	return s
}

// Serve answers an upgrade request whose origin and path the caller has checked (INTERFACE C:
// no `xmpp` subprotocol 400, wrong version 426, not admitted 503). info's strings must be the
// caller's own, not the request's. The HTTP server must have KeepHijackedConns and ReduceMemoryUsage set.
func (s *Server) Serve(ctx *fasthttp.RequestCtx, info c2s.Info) {
	hs, refusal := handshakeOf(&ctx.Request)
	if refusal != nil {
		refusal.answer(ctx)
		return
	}
	if s.cfg.Admit != nil {
		if err := s.cfg.Admit(&info); err != nil {
			busy.answer(ctx)
			return
		}
	}
	c := &Conn{server: s}
	c.stream = c2s.New(s.cfg.Streams, c, info)
	if !s.add(c) {
		c.stream.End(c2s.Ending{Reason: c2s.Shutdown})
		busy.answer(ctx)
		return
	}
	c.expect()
	hs.accept(ctx)
	ctx.Hijack(c.attach)
}

// Shutdown ends every stream with system-shutdown, waits until the connections have ended or ctx ends, then cuts the
// rest. Upgrades are refused from its start on.
func (s *Server) Shutdown(ctx context.Context) {
	s.mu.Lock()
	s.draining = true
	s.checkEmpty()
	s.mu.Unlock()
	for _, c := range s.all() {
		c.stream.End(c2s.Ending{Reason: c2s.Shutdown, Err: &xmpp.StreamError{Condition: "system-shutdown", Text: "the server stops"}})
	}
	select {
	case <-s.empty:
	case <-ctx.Done():
		for _, c := range s.all() {
			c.cut()
		}
	}
}

func (s *Server) all() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	return all
}

// add enters a connection in the registry, unless the server is being shut down.
func (s *Server) add(c *Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *Server) remove(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	s.checkEmpty()
}

// checkEmpty tells Shutdown when nothing is left. Under mu.
func (s *Server) checkEmpty() {
	if !s.draining || len(s.conns) > 0 {
		return
	}
	select {
	case <-s.empty:
	default:
		close(s.empty)
	}
}

// now is the time since the server's start.
func (s *Server) now() time.Duration { return s.cfg.Streams.Now().Sub(s.start) }
