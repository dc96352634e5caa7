// Package upstream is one upstream XMPP stream with one life: a XEP-0114
// component link. It owns dialling, negotiation, batched reads, group-commit
// writes, keep-alive and round-trip time. It must not know visitors, retry or placement.
package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"time"

	"usher/xmpp"
)

// Config of one link.
type Config struct {
	Domain    string        // the component's
	Secret    string        // XEP-0114 §3
	Address   string        // host:port or unix:PATH
	TLS       *tls.Config   // nil = plain
	Ping      time.Duration // self-ping through the server; 0 = none. No answer within one more Ping ends the link
	Limits    xmpp.Limits   // of one stanza from upstream; generous
	HighWater int           // bytes queued to write before Write waits or fails
	Log       *slog.Logger
}

// Errors of Write.
var (
	ErrClosed = errors.New("upstream: link is closed")
	ErrBusy   = errors.New("upstream: the link's buffer is full")
)

// Receiver takes what comes from upstream, on the link's reader goroutine: it must never block.
type Receiver interface {
	// Stanza is called for each stanza; e is valid during the call only.
	Stanza(l *Link, e *xmpp.Element)
	// Flush is called after the last stanza of each read.
	Flush(l *Link)
}

// Link is one connected, authenticated component stream.
type Link struct{}

// Dial connects and negotiates (XEP-0114 §3, with mellium.im/xmpp/component). ctx bounds it.
// A refusal is an error that wraps the *xmpp.StreamError that the server gave.
func Dial(ctx context.Context, cfg Config) (*Link, error) { panic("unbuilt") }

// Serve reads until the link ends and returns why (never nil), after the writer has
// stopped too. The link's own pings and whitespace never reach r.
func (l *Link) Serve(ctx context.Context, r Receiver) error { panic("unbuilt") }

// Write queues a stanza, rewritten with h for jabber:component:accept. Over
// the high-water mark it waits until ctx ends if ctx is not nil, else it fails at
// once with ErrBusy. It never waits for the network itself.
func (l *Link) Write(ctx context.Context, e *xmpp.Element, h *xmpp.Header) error { panic("unbuilt") }

// WriteRaw queues complete stanzas of ours, already in the component namespace.
func (l *Link) WriteRaw(ctx context.Context, b []byte) error { panic("unbuilt") }

// Domain returns the component's domain.
func (l *Link) Domain() string { panic("unbuilt") }

// RTT returns the last measured round trip, 0 before the first.
func (l *Link) RTT() time.Duration { panic("unbuilt") }

// LastRead returns when bytes last came in.
func (l *Link) LastRead() time.Time { panic("unbuilt") }

// Close ends the stream politely: what is queued is written (bounded by ctx), then </stream:stream>.
func (l *Link) Close(ctx context.Context) error { panic("unbuilt") }
