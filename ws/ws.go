// Package ws carries client streams over WebSocket (RFC 7395 over RFC 6455).
// It owns frames, fragments, pings and the close handshake. It must not know
// negotiation, sites, BOSH, the pool.
package ws

import (
	"context"
	"time"

	"github.com/valyala/fasthttp"

	"usher/c2s"
	"usher/xmpp"
)

// Config of the carrier.
type Config struct {
	Streams   *c2s.Config
	Wheel     *c2s.Wheel
	Ping      time.Duration        // between pings to an idle client
	Pong      time.Duration        // to answer one
	Fragments int                  // frames of one message
	Stalled   time.Duration        // a reader that takes nothing
	Limits    xmpp.Limits          // after bind
	Prelogin  int                  // bytes of one message before bind
	Bytes     func(in bool, n int) // counts bytes on the wire; may be nil
	// Admit says whether a new stream may start; an error is answered with 503 and Retry-After.
	Admit func(info *c2s.Info) error
}

// Server upgrades requests and keeps the connections' registry.
type Server struct{}

func New(cfg Config) *Server { panic("unbuilt") }

// Serve answers an upgrade request whose origin and path the caller has checked (INTERFACE C:
// no `xmpp` subprotocol 400, wrong version 426, not admitted 503).
func (s *Server) Serve(ctx *fasthttp.RequestCtx, info c2s.Info) { panic("unbuilt") }

// Shutdown waits until every connection has ended (the caller has ended their streams) or ctx ends, then cuts the rest.
func (s *Server) Shutdown(ctx context.Context) { panic("unbuilt") }
