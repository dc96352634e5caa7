// Package bosh carries client streams over HTTP request pairs (XEP-0124,
// XEP-0206). It owns sessions, request ids, held requests, kept responses and
// CORS on its path. It must not know negotiation, sites, WebSocket, the pool.
//
// A session is apart from connections. With its first request a connection gives up
// its HTTP server's goroutine and buffers: it is taken over (package conn), a parked goroutine
// waits for the client to say more or to leave, and whoever has something for the client writes the
// answer. Requests that look as the one before are read here, others by the HTTP server.
//
// Not offered, on purpose: several streams in a session (XEP-0124 §16), `route`,
// `content` and `charsets` (the answer's type is fixed), HTTP status codes for clients
// without `ver` (§17.1, deprecated): they get terminal binding conditions like all others.
package bosh

import (
	"context"
	"hash/maphash"
	"net"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"usher/c2s"
	"usher/conn"
	"usher/xmpp"
)

// Config of the carrier: the maxima of INTERFACE A `bosh`.
type Config struct {
	Streams    *c2s.Config
	Wheel      *c2s.Wheel
	Idle       *conn.Idle // where silent connections rest; nil: each keeps a goroutine
	Wait       time.Duration
	Hold       int
	Requests   int
	Polling    time.Duration
	Inactivity time.Duration
	MaxPause   time.Duration
	Gzip       bool
	Stalled    time.Duration
	Limits     xmpp.Limits
	Accounts   xmpp.Limits // in their place for relayed streams; zero where there are none
	Prelogin   int         // bytes of one request before bind
	Node       string      // in sids
	Bytes      func(in bool, n int)
	Admit      func(info *c2s.Info) error // nil error = a new session may start; else 503
	// ServeConn hands a connection back to the HTTP server after a held request was answered.
	// (fasthttp.Server.ServeConn)
	ServeConn func(c net.Conn) error
}

// MaxBody is the largest request body, in bytes after decompression, of any session. The HTTP server's own limit should be the same.
func (c *Config) MaxBody() int {
	if c.Accounts == (xmpp.Limits{}) {
		return maxBody(&c.Limits)
	}
	return max(maxBody(&c.Limits), maxBody(&c.Accounts))
}

// maxBody is the largest request body of a session with these limits: two stanzas of the largest size with their
// wrapper. It also bounds what waits to be forwarded in one session.
func maxBody(l *xmpp.Limits) int {
	if l.Bytes <= 0 {
		return 1 << 20
	}
	return 2*l.Bytes + 4<<10
}

const (
	maxPayloads = 256             // elements in one request
	maxAnswer   = 64 << 10        // bytes of stanzas after which an answer is full
	maxKept     = 256 << 10       // bytes of answers kept for repeats, by session
	maxUnacked  = 16              // answers kept for a client that acknowledges
	slowSize    = 64 << 10        // bytes that a slow client must take within Config.Stalled
	gzipFrom    = 1 << 10         // bytes of an answer that is worth compressing
	tombs       = 4096            // ended sessions that are remembered
	absent      = 5 * time.Second // without a request, after which Shutdown takes a client that doesn't poll for lost
	spare       = 20              // repeats and overlapping polls that come too early, before they are a violation
)

// Server keeps the sessions.
type Server struct {
	cfg      Config
	epoch    time.Time // before everything
	polls    atomic.Int64
	held     atomic.Int64
	table    table
	lot      lot
	dead     *lru.Cache[sessionKey, tomb]
	scanners sync.Pool // *xmpp.Scanner
	buffers  sync.Pool // *[]byte, empty
	reads    *conn.Buffers
	seed     maphash.Seed // of shapes
}

// New returns a server without sessions. It starts no goroutine; Config.Wheel must run.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg, reads: conn.NewBuffers(readSize), seed: maphash.MakeSeed()}
	s.epoch = s.clock().Add(-time.Hour)
	s.dead, _ = lru.New[sessionKey, tomb](tombs) // fails only for a size below 1
	s.table.init()
	s.lot.init()
	s.scanners.New = func() any { return xmpp.NewScanner(cfg.Limits) }
	s.buffers.New = func() any { b := make([]byte, 0, 2<<10); return &b }
	return s
}

// Held returns the number of held requests; Polls counts empty answers.
func (s *Server) Held() int    { return int(s.held.Load()) }
func (s *Server) Polls() int64 { return s.polls.Load() }

// Sessions returns the number of sessions, those included whose end is still to be told.
func (s *Server) Sessions() int { return s.table.len() }

// Shutdown ends every stream with system-shutdown, waits until each session's end has been told or ctx ends, then
// drops the rest. From its start on every answer closes its connection. When it returns no goroutine of this package is left, other
// than those that are inside Config.ServeConn, which the HTTP server's own shutdown ends.
func (s *Server) Shutdown(ctx context.Context) {
	s.lot.drain()
	for _, e := range s.table.all() {
		e.stream.End(c2s.Ending{Reason: c2s.Shutdown, Err: &xmpp.StreamError{Condition: "system-shutdown", Text: "the server stops"}})
		e.Wake() // those also that had ended before: they are waited for less long now
	}
	select {
	case <-s.table.drained():
	case <-ctx.Done():
		for _, e := range s.table.all() {
			e.drop()
		}
	}
	<-s.lot.shut()
}

// instant is a point in time in nanoseconds since Server.epoch, a third of a time.Time; 0 = none.
type instant int64

func (i instant) plus(d time.Duration) instant        { return i + instant(d) }
func (i instant) since(earlier instant) time.Duration { return time.Duration(i - earlier) }

func (s *Server) now() instant { return s.instant(s.clock()) }

func (s *Server) instant(t time.Time) instant { return instant(t.Sub(s.epoch)) }
func (s *Server) time(i instant) time.Time    { return s.epoch.Add(time.Duration(i)) }

func (s *Server) clock() time.Time {
	if s.cfg.Streams.Now != nil {
		return s.cfg.Streams.Now()
	}
	return time.Now()
}

func (s *Server) count(in bool, n int) {
	if s.cfg.Bytes != nil && n > 0 {
		s.cfg.Bytes(in, n)
	}
}

// scratch lends an empty buffer; give takes it back.
func (s *Server) scratch() *[]byte { return s.buffers.Get().(*[]byte) }

func (s *Server) give(b *[]byte) {
	if cap(*b) <= 128<<10 {
		*b = (*b)[:0]
		s.buffers.Put(b)
	}
}
