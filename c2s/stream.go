package c2s

import (
	"net/netip"
	"time"

	"usher/xmpp"
)

// Info is what is known of a client before it says a word.
type Info struct {
	Remote    netip.Addr // the visitor's address, after trusted proxies
	Origin    string     // of the web page; "" if none was sent
	Host      string     // HTTP Host without port
	Secure    bool       // TLS on the way from the visitor to the edge or its trusted proxy
	Transport string     // "ws" or "bosh": a metric label
}

// Rate is a token bucket: PerSecond tokens flow in, at most Burst are kept.
// A zero Rate does not limit.
type Rate struct {
	PerSecond float64
	Burst     float64
}

// Host is what the Handler says of the domain that a stream was opened to.
type Host struct {
	Domain  string // canonical; the stream header's `from`
	Stanzas Rate   // limits.visitor.stanzas
	Bytes   Rate   // limits.visitor.bytes
}

// Handler is the gateway's half. Its methods are called without any lock held;
// for one stream Open, Bind and Stanza are called one at a time, in order.
// Closed may come from any goroutine, at any time after New, exactly once; it must not block.
type Handler interface {
	// Open resolves the `to` of a stream header. An error that is a
	// *xmpp.StreamError ends the stream with it.
	Open(s *Stream, to string) (Host, error)
	// Bind gives the stream a full JID, once. resource is what the client asked for, already
	// prepared (RFC 7622), or "". A *xmpp.StanzaError answers the bind request.
	Bind(s *Stream, resource string) (jid string, err error)
	// Stanza takes a message, presence or IQ of a bound stream, other than
	// what c2s answers itself (bind, session). e is valid during the call only.
	Stanza(s *Stream, e *xmpp.Element)
	// Closed tells that the stream has ended; nothing sent to it afterwards arrives.
	Closed(s *Stream, e Ending)
}

// Transport is the carrier's half, implemented by ws and bosh.
type Transport interface {
	// Wake tells that the outbox has something, or that the stream has ended.
	// It must return at once, must not call the Stream back in the same goroutine while
	// it holds a lock of its own that Receive's caller holds, and may be called from any goroutine.
	Wake()
}

// Config is shared by all streams of a process.
type Config struct {
	Handler   Handler
	LoginTime time.Duration // from New to bound, absolute; 0 = none
	Outbox    int           // bytes queued for one client, hard
	Now       func() time.Time
}

// Header is a stream header (RFC 6120 §4.7), RFC 7395's <open/>, or what XEP-0206
// carries on <body/>.
type Header struct {
	To, From, ID, Lang, Version string
}

// Stream is one client's stream. One lock guards it; it is safe for concurrent use, but
// Open and Receive must be called from one goroutine at a time.
type Stream struct{}

// New starts a stream; Closed will be called for it once, sooner or later.
func New(cfg *Config, t Transport, info Info) *Stream { panic("unbuilt") }

// Info returns what New was given.
func (s *Stream) Info() *Info { panic("unbuilt") }

// Open takes the client's stream header, the first one or a restart's
// (XEP-0206 restart included), and returns the server's. The features that
// follow are in the outbox when it returns. The answer is meaningful also beside an error, since the server
// must open before it ends a stream (RFC 6120 §4.9.1.2); the error has already ended the stream.
func (s *Stream) Open(h Header) (Header, error) { panic("unbuilt") }

// Receive takes one checked top-level element from the client. The answer, if
// any, is in the outbox when it returns. If pause > 0 the client is over its
// rate: the transport must not call Receive again before that time has passed,
// and should not read further either. Once the stream has ended it does nothing.
func (s *Stream) Receive(e *xmpp.Element) (pause time.Duration) { panic("unbuilt") }

// Fail ends the stream because of what the client sent: err is the scanner's
// or the framing's error.
func (s *Stream) Fail(err *xmpp.StreamError) { panic("unbuilt") }

// Send queues a stanza, rewritten with h for jabber:client. It never blocks. dirty tells that the caller
// must see to it that Wake is called (once, after a batch): true for the first stanza since the
// last Drain. An outbox over its limit ends the stream with Overflow.
func (s *Stream) Send(e *xmpp.Element, h *xmpp.Header) (dirty bool) { panic("unbuilt") }

// SendRaw queues one complete element of ours that stands alone in jabber:client.
func (s *Stream) SendRaw(b []byte) (dirty bool) { panic("unbuilt") }

// Wake passes on to the transport.
func (s *Stream) Wake() { panic("unbuilt") }

// Drain hands every queued element to put, which appends it (framed as the
// carrier wants it) to dst, until dst holds at least max bytes; it returns dst
// and whether more is queued. The outbox's memory is given back when it is empty.
func (s *Stream) Drain(dst []byte, max int, put func(dst, element []byte) []byte) (out []byte, more bool) {
	panic("unbuilt")
}

// Pending returns the number of bytes queued.
func (s *Stream) Pending() int { panic("unbuilt") }

// End ends the stream, the first call counts: Closed is called (in this goroutine), then the transport
// is woken, drains what is queued, tells the client and hangs up.
func (s *Stream) End(e Ending) { panic("unbuilt") }

// Ended returns how the stream has ended, or nil.
func (s *Stream) Ended() *Ending { panic("unbuilt") }

// Bound returns the stream's full JID, or "" before bind.
func (s *Stream) Bound() string { panic("unbuilt") }

// Owner and SetOwner keep the Handler's own state of this stream; SetOwner is
// called in Handler.Open or Handler.Bind only.
func (s *Stream) Owner() any     { panic("unbuilt") }
func (s *Stream) SetOwner(o any) { panic("unbuilt") }

// Deadline is the time by which the stream must be bound, or zero once it is; a
// transport's timer calls Expire when it has passed.
func (s *Stream) Deadline() time.Time { panic("unbuilt") }

// Expire ends the stream with LoginTimeout if its Deadline has passed.
func (s *Stream) Expire() { panic("unbuilt") }
