// Package bosh carries client streams over HTTP request pairs (XEP-0124,
// XEP-0206). It owns sessions, request ids, held requests, kept responses and
// CORS on its path. It must not know negotiation, sites, WebSocket, the pool.
package bosh

import (
	"context"
	"net"
	"time"

	"github.com/valyala/fasthttp"

	"usher/c2s"
	"usher/xmpp"
)

// Config of the carrier: the maxima of INTERFACE A `bosh`.
type Config struct {
	Streams    *c2s.Config
	Wheel      *c2s.Wheel
	Wait       time.Duration
	Hold       int
	Requests   int
	Polling    time.Duration
	Inactivity time.Duration
	MaxPause   time.Duration
	Gzip       bool
	Stalled    time.Duration
	Limits     xmpp.Limits
	Prelogin   int    // bytes of one request before bind
	Node       string // in sids
	Bytes      func(in bool, n int)
	Admit      func(info *c2s.Info) error // nil error = a new session may start; else 503
	// ServeConn hands a connection back to the HTTP server after a held request was answered.
	// (fasthttp.Server.ServeConn)
	ServeConn func(c net.Conn) error
}

// Server keeps the sessions.
type Server struct{}

func New(cfg Config) *Server { panic("unbuilt") }

// Serve answers a request to the BOSH path; the caller has checked its origin.
func (s *Server) Serve(ctx *fasthttp.RequestCtx, info c2s.Info) { panic("unbuilt") }

// Refuse answers with status and, for POST, a terminate body with this condition, with CORS headers like every answer here.
func (s *Server) Refuse(ctx *fasthttp.RequestCtx, info c2s.Info, status int, condition string) {
	panic("unbuilt")
}

// Held returns the number of held requests; Polls counts empty answers.
func (s *Server) Held() int    { panic("unbuilt") }
func (s *Server) Polls() int64 { panic("unbuilt") }

// Shutdown waits until every session's end has been told (the caller has ended the streams) or ctx ends, then drops the rest.
func (s *Server) Shutdown(ctx context.Context) { panic("unbuilt") }
