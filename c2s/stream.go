package c2s

import (
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
	"unique"

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

// Host is what the Handler says of the domain that a stream was opened to.
type Host struct {
	Domain  string // canonical; the stream header's `from`
	Stanzas Rate   // limits.visitor.stanzas
	Bytes   Rate   // limits.visitor.bytes

	// Mechanism is a SASL mechanism that is offered beside ANONYMOUS, and that
	// Config.Login decides; "" = none.
	Mechanism string
}

// Handler is the gateway's half. Its methods are called without any lock held;
// for one stream Open, Bind and Stanza are called one at a time, in order.
// Closed may come from any goroutine, at any time after New, exactly once, but never
// while one of the others is running for the same stream: then it comes
// right after it. So what they do is complete when Closed cleans up. It must not block.
type Handler interface {
	// Open resolves the `to` of a stream header, which is a canonical domain or
	// "" if there was none. It is called once, for the first header. An error that is a
	// *xmpp.StreamError ends the stream with it; beside the error Host may name the domain that answers.
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

// Config is shared by all streams of a process. It must not be copied once a
// stream has it.
type Config struct {
	Handler   Handler
	LoginTime time.Duration // from New to bound, absolute; 0 = none
	Outbox    int           // bytes queued for one client, hard; 0 = 256 KiB
	Now       func() time.Time
	// Login says whether a client that names Host.Mechanism may log in. response is its
	// initial response, decoded, at most 1,024 bytes; it is valid during the call only. Called like Handler's
	// methods, after Open and before Bind. It may be nil where no Host has a mechanism.
	Login func(s *Stream, response []byte) bool

	Resume Resume

	boxes     sync.Pool // *outbox, empty
	sessions  registry
	forgotten atomic.Int64
}

// outbox returns the limit of an outbox.
func (c *Config) outbox() int {
	if c.Outbox <= 0 {
		return 256 << 10
	}
	return c.Outbox
}

// Header is a stream header (RFC 6120 §4.7), RFC 7395's <open/>, or what XEP-0206
// carries on <body/>.
type Header struct {
	To, From, ID, Lang, Version string
}

// Stream is one client's stream. One lock guards it; it is safe for concurrent use, but
// Open and Receive must be called from one goroutine at a time.
type Stream struct {
	// Set by New, never changed.
	cfg   *Config
	info  Info
	start time.Time

	// The receiver's: whoever calls Open and Receive.
	host     unique.Handle[Host]   // set by Open; few values, so shared
	to       unique.Handle[string] // as the first header had it
	lang     unique.Handle[string] // set by Open, like to; few values, so shared
	stanzas  bucket
	bytes    bucket
	state    state
	failures uint8 // refused logins and binds
	known    bool  // logged in with Host.Mechanism
	confirms bool  // the carrier knows what the client has got; set at the start

	mu        sync.Mutex // guards what follows; jid is written by the receiver only
	busy      bool       // Open or Receive is running, or Resume.Lost
	dirty     bool       // somebody was told to call Wake and Drain hasn't come yet
	transport Transport  // nil once the connection is gone
	jid       string
	owner     any
	ended     *Ending
	out       *outbox
	led       *ledger  // nil if nothing is counted
	pass      *passage // nil for a stream that lives and dies with its connection
	relay     *relayed // nil for a visitor; set in Handler.Open, and never changed then
}

// ErrEnded is what Open returns on a stream that somebody has ended plainly.
var ErrEnded = errors.New("c2s: the stream has ended")

// New starts a stream; Closed will be called for it once, sooner or later.
func New(cfg *Config, t Transport, info Info) *Stream {
	return &Stream{cfg: cfg, transport: t, info: info, start: cfg.Now(), host: unique.Make(Host{})}
}

// Info returns what New was given.
func (s *Stream) Info() *Info { return &s.info }

// Lang returns the xml:lang of the client's stream header, "" if it had none: the
// default of its stanzas (RFC 6120 §8.1.5). For Handler's Bind and Stanza only.
func (s *Stream) Lang() string { return s.lang.Value() }

// Receive takes one checked top-level element from the client. The answer, if
// any, is in the outbox when it returns. If pause > 0 the client is over its
// rate: the transport must not call Receive again before that time has passed,
// and should not read further either. Once the stream has ended it does nothing.
func (s *Stream) Receive(e *xmpp.Element) (pause time.Duration) {
	if !s.enter() {
		return 0
	}
	defer s.leave()
	size := len(e.Raw)
	if s.relay != nil {
		s.forward(e)
	} else {
		s.step(e)
	}
	return s.charge(size)
}

// charge takes an element from the client's rates.
func (s *Stream) charge(size int) time.Duration {
	host := s.host.Value()
	if host.Stanzas.PerSecond <= 0 && host.Bytes.PerSecond <= 0 {
		return 0
	}
	now := s.cfg.Now().Sub(s.start)
	return max(s.stanzas.take(host.Stanzas, now, 1), s.bytes.take(host.Bytes, now, float64(size)))
}

// Reopens tells whether the client has logged in and its next word should be a new stream header. For the
// goroutine that calls Open and Receive.
func (s *Stream) Reopens() bool {
	if s.relay != nil {
		return s.relay.at(s) == authenticated
	}
	return s.state == authenticated
}

// Fail ends the stream because of what the client sent: err is the scanner's
// or the framing's error.
func (s *Stream) Fail(err *xmpp.StreamError) {
	s.End(Ending{reasonOf(err.Condition, BadFraming), err})
}

// fail ends the stream for a violation of the protocol.
func (s *Stream) fail(condition, text string) {
	s.End(Ending{reasonOf(condition, BadProtocol), &xmpp.StreamError{Condition: condition, Text: text}})
}

// enter marks the stream as busy with what the client sent, unless it has ended or its connection is gone. It waits for
// who is about to take the stream over.
func (s *Stream) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.pass != nil && s.pass.claim != nil {
		claim := s.pass.claim
		s.mu.Unlock()
		<-claim // closed by release or yield
		s.mu.Lock()
	}
	if s.ended != nil || s.pass != nil && s.pass.lost != nil {
		return false
	}
	s.busy = true
	return true
}

// leave goes on with what came while the stream was busy.
func (s *Stream) leave() {
	s.mu.Lock()
	s.busy = false
	if p := s.pass; p != nil && p.claim != nil {
		if p.idle != nil {
			close(p.idle)
			p.idle = nil
		}
		s.mu.Unlock()
		return
	}
	s.proceed()
}

// proceed sees to an ending or the loss of the connection that had to wait. The stream is neither busy nor
// seized. Under mu, which it gives up.
func (s *Stream) proceed() {
	ended := s.ended
	lost := ended == nil && s.pass != nil && s.pass.lost != nil && !s.pass.parked
	s.busy = lost
	s.mu.Unlock()
	switch {
	case ended != nil:
		s.closed(*ended)
	case lost:
		s.park()
	}
}

// End ends the stream, the first call counts: Closed is called (in this goroutine, or in that of an Open or
// Receive under way as soon as it has done), the transport
// is woken, drains what is queued, tells the client and hangs up. One that was lost ends with the Ending it was lost for, unless e tells that it has
// overflown. One that has a successor has ended already.
func (s *Stream) End(e Ending) {
	s.mu.Lock()
	if s.ended != nil {
		s.mu.Unlock()
		return
	}
	busy, p := s.busy, s.pass
	lost := p != nil && p.lost != nil
	if lost && e.Reason != Overflow && e.Reason != Unacked {
		e = *p.lost
	}
	s.ended = &e
	s.relay.release()
	if s.led != nil && s.led.sm && !lost {
		// XEP-0198 §4: a last <a/>, so that the client knows what need not be
		// sent again. Its few bytes may go over the limit.
		o := s.box()
		mark := o.begin()
		o.buf = appendAck(o.buf, s.led.handled)
		o.end(mark, private)
	}
	s.retire()
	if p != nil {
		busy = busy || p.claim != nil
		if p.parked {
			s.cfg.Resume.Wheel.Stop(&p.timer)
		}
	}
	t := s.transport
	s.mu.Unlock()
	if !busy {
		s.closed(e)
	}
	if t != nil {
		t.Wake()
	}
}

// closed tells the Handler of the end. A stream that was lost has no more use for what is queued.
func (s *Stream) closed(e Ending) {
	s.cfg.Handler.Closed(s, e)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pass != nil && s.pass.lost != nil {
		s.pass.told = true
		s.handOn(new(outbox), 0)
	}
}

// Ended returns how the stream has ended, or nil.
func (s *Stream) Ended() *Ending {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// whyEnded returns how the stream has ended as an error, or nil.
func (s *Stream) whyEnded() error {
	switch e := s.Ended(); {
	case e == nil:
		return nil
	case e.Err == nil:
		return ErrEnded
	default:
		return e.Err
	}
}

// Wake passes on to the transport, or to that of the stream's successor.
func (s *Stream) Wake() {
	s = s.lock()
	t := s.transport
	s.mu.Unlock()
	if t != nil {
		t.Wake()
	}
}

// Bound returns the stream's full JID, or "" before bind. Of a relayed stream it is the domain, from the login on.
func (s *Stream) Bound() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.jid
}

// Owner returns the Handler's own state of this stream.
func (s *Stream) Owner() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owner
}

// SetOwner keeps the Handler's own state of this stream. It is called in
// Handler.Open or Handler.Bind only.
func (s *Stream) SetOwner(o any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owner = o
}

// Deadline is the time by which the stream must be bound, or zero once it is; a
// transport's timer calls Expire when it has passed. Nothing extends it.
func (s *Stream) Deadline() time.Time {
	if s.cfg.LoginTime <= 0 || s.Bound() != "" {
		return time.Time{}
	}
	return s.start.Add(s.cfg.LoginTime)
}

// Expire ends the stream with LoginTimeout if its Deadline has passed, and with Unacked if the client has acknowledged nothing for a
// minute although nothing more can be written before it does. A transport's timer calls it now and then.
func (s *Stream) Expire() {
	now := s.cfg.Now() // before Deadline, which a bind may lift meanwhile
	s.mu.Lock()
	mum := s.led != nil && s.led.full != 0 && now.Sub(s.start)-s.led.full >= ackWait
	s.mu.Unlock()
	if mum {
		s.End(errUnacked())
		return
	}
	if at := s.Deadline(); at.IsZero() || now.Before(at) {
		return
	}
	// RFC 6120 §4.9.3.4
	s.End(Ending{LoginTimeout, &xmpp.StreamError{Condition: "connection-timeout", Text: "login took too long"}})
}
