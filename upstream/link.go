// Package upstream is one upstream XMPP stream with one life: a XEP-0114
// component link. It owns dialling, negotiation, batched reads, group-commit
// writes, keep-alive and round-trip time. It must not know visitors, retry or placement.
package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"usher/conn"
	"usher/xmpp"
)

// Config of one link.
type Config struct {
	Domain    string        // the component's
	Secret    string        // XEP-0114 §3
	Address   string        // host:port or unix:PATH
	TLS       *tls.Config   // nil = plain; an empty ServerName means Address's host, or Domain on a unix socket
	Ping      time.Duration // self-ping through the server; 0 = none. No answer within one more Ping ends the link
	Limits    xmpp.Limits   // of one stanza from upstream; generous
	HighWater int           // bytes queued to write before Write waits; 0 = 1 MiB. At most one stanza more is held
	Reserve   int           // bytes beyond that for callers who can't wait
	Log       *slog.Logger  // nil = slog.Default

	// Dial makes the connection; nil = net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Errors of Write.
var (
	ErrClosed = errors.New("upstream: link is closed")
	ErrBusy   = errors.New("upstream: the link's buffer is full")
)

// Reasons for a link's end that Serve returns, wrapped. Others are a
// *xmpp.StreamError (the server's, or what we found wrong with its stream), ErrClosed
// after Close, the context's cause, or a network error.
var (
	ErrPing  = errors.New("upstream: a ping through the server was not answered")
	ErrEnded = errors.New("upstream: the server closed the stream")
	ErrLost  = errors.New("upstream: the connection was lost")
)

// farewell bounds how long an ending link waits for the server to take, and after Close to answer, our end tag.
const farewell = 2 * time.Second

// Receiver takes what comes from upstream, on the link's reader goroutine: it must never block.
type Receiver interface {
	// Stanza is called for each stanza; e is valid during the call only.
	Stanza(l *Link, e *xmpp.Element)
	// Flush is called after the last stanza of each read.
	Flush(l *Link)
}

// Link is one connected, authenticated component stream. All methods may be
// called from any goroutine. Whoever has dialled it must either call Serve, once, or Close.
type Link struct {
	cfg    Config
	conn   net.Conn
	socket *conn.Socket // of conn; nil if it is none
	reader io.Reader    // socket, or conn
	writer io.Writer    // the same
	rest   []byte       // what was read behind the handshake; Serve's

	start   time.Time
	out     outbox
	ping    ping
	written chan struct{} // closed when the writer goroutine has returned

	lastRead atomic.Int64 // unix nanoseconds
	counts   counts

	serving atomic.Bool
	closing atomic.Bool // Close was called: it names the reason
	once    sync.Once
	why     error         // set before done is closed
	done    chan struct{} // closed when the link has ended
}

// counts are a link's counters.
type counts struct {
	stanzasIn, bytesIn, ignored atomic.Int64 // the reader's
	bytesOut, writes            atomic.Int64 // the writers'
}

// Counts are a link's counters since it was dialled.
type Counts struct {
	StanzasIn, BytesIn int64 // of a read, the link's own pings left out
	Ignored            int64 // elements from upstream that are no stanza
	BytesOut, Writes   int64 // to the network
}

// newLink takes over a negotiated connection; rest is what was already read from it.
func newLink(cfg Config, nc net.Conn, rest []byte) *Link {
	if cfg.HighWater <= 0 {
		cfg.HighWater = 1 << 20
	}
	l := &Link{cfg: cfg, conn: nc, reader: nc, writer: nc, rest: rest, start: time.Now(), written: make(chan struct{}), done: make(chan struct{})}
	if l.socket = conn.NewSocket(nc); l.socket != nil {
		l.reader, l.writer = l.socket, l.socket
	}
	l.out.init(cfg.HighWater, cfg.Reserve)
	l.ping.init(cfg.Domain)
	l.lastRead.Store(time.Now().UnixNano())
	go l.write() // ended by l.end, or by l.out.finish when all is written
	return l
}

// Write queues a stanza, rewritten with h for jabber:component:accept. Over
// the high-water mark it waits until ctx ends, and fails with ErrBusy then. With a nil ctx it
// never waits, and fails where the reserve is used up too. It never waits for the network itself.
// nil means queued, not delivered: XEP-0114 has no acknowledgements.
func (l *Link) Write(ctx context.Context, e *xmpp.Element, h *xmpp.Header) error {
	if err := l.out.lock(ctx); err != nil {
		return err
	}
	l.out.buf = e.Append(l.out.buf, xmpp.Component, h)
	l.send()
	return nil
}

// WriteRaw queues complete stanzas of ours, already in the component namespace; else it is like Write.
func (l *Link) WriteRaw(ctx context.Context, b []byte) error {
	if err := l.out.lock(ctx); err != nil {
		return err
	}
	l.out.buf = append(l.out.buf, b...)
	l.send()
	return nil
}

// Domain returns the component's domain.
func (l *Link) Domain() string { return l.cfg.Domain }

// RTT returns the last measured round trip, 0 before the first.
func (l *Link) RTT() time.Duration { return time.Duration(l.ping.rtt.Load()) }

// LastRead returns when bytes last came in.
func (l *Link) LastRead() time.Time { return time.Unix(0, l.lastRead.Load()) }

// Lag is how far what was read last may have been behind the server's work: the last round trip, or what the one under way had taken by then.
func (l *Link) Lag() time.Duration {
	lag := l.RTT()
	if sent := l.ping.under(); !sent.IsZero() {
		lag = max(lag, l.LastRead().Sub(sent))
	}
	return lag
}

// Queued returns how many bytes wait to be written or are being written.
func (l *Link) Queued() int { return l.out.queued() }

// Counts returns the link's counters.
func (l *Link) Counts() Counts {
	c := &l.counts
	return Counts{c.stanzasIn.Load(), c.bytesIn.Load(), c.ignored.Load(), c.bytesOut.Load(), c.writes.Load()}
}

// Close ends the stream politely: what is queued is written (bounded by ctx),
// then </stream:stream>, and the server has a moment to answer it (RFC 6120 §4.4). From its call on Write fails
// with ErrClosed. The error is not nil if something queued could not be written.
func (l *Link) Close(ctx context.Context) error {
	l.closing.Store(true)
	defer l.end(ErrClosed)
	l.out.finish([]byte("</stream:stream>"))
	select {
	case <-l.written:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if n := l.out.queued(); n > 0 {
		return fmt.Errorf("%w: %d bytes were not written", ErrLost, n)
	}
	if !l.serving.Load() {
		return nil
	}
	t := time.NewTimer(farewell)
	defer t.Stop()
	select {
	case <-l.done:
	case <-t.C:
	case <-ctx.Done():
	}
	return nil
}

// end ends the link at once; only the first call has an effect.
func (l *Link) end(why error) {
	l.once.Do(func() {
		if l.closing.Load() {
			why = ErrClosed
		}
		l.why = why
		close(l.done)
		l.out.stop()
		l.conn.Close()
	})
}

// goodbye ends our half of the stream: last and the end tag are written behind
// what is queued, as far as the server takes it within the farewell time (RFC 6120 §4.4, §4.9.1.1).
func (l *Link) goodbye(last []byte) {
	l.conn.SetWriteDeadline(time.Now().Add(farewell))
	l.out.finish(append(last, "</stream:stream>"...))
	<-l.written
}
