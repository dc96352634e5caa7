package ws

import (
	"errors"
	"os"
	"time"
	"unicode/utf8"

	"usher/c2s"
	"usher/conn"
	"usher/xmpp"
)

// readLoop is the connection's goroutine while the client talks. When it falls silent, Due makes Fill return with a timeout, and the connection
// rests, without a goroutine, until it has something to read again.
func (c *Conn) readLoop() {
	for {
		b, err := c.nc.Fill(c.server.buffers)
		if err == nil {
			c.take(b)
			continue
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		c.nc.SetReadDeadline(time.Time{})
		c.server.cfg.Idle.Rest(c.nc, time.Time{}, c)
		return
	}
	c.leave()
}

// Resume goes on reading: see conn.Idle.
func (c *Conn) Resume() { c.readLoop() }

// leave ends what is left of the connection.
//
//go:noinline
func (c *Conn) leave() {
	// RFC 7395 §3.6: a WebSocket that ends without <close/> is a connection lost, not a stream closed.
	c.lose(c2s.ConnectionLost)
	c.flush()
	c.nc.Close()
	c.mu.Lock()
	c.read = true
	c.mu.Unlock()
	c.depart()
}

// depart takes the connection out of the registry once reader and writer have ended.
func (c *Conn) depart() {
	c.mu.Lock()
	last := c.read && !c.lent && !c.gone
	if last {
		c.gone = true
		c.server.cfg.Wheel.Stop(&c.timer)
	}
	c.mu.Unlock()
	if last {
		c.server.remove(c)
	}
}

// take works through what has come, and through what was kept of it while the client had to pause.
//
//go:noinline
func (c *Conn) take(b *conn.Buffer) {
	s := c.server
	s.cfg.Bytes(true, len(b.B))
	c.heard.Store(int64(s.now()))
	if c.fresh.Load() {
		c.unfresh()
	}
	data := b.B
	if len(c.rest) > 0 {
		c.rest = append(c.rest, b.B...)
		data = c.rest
	}
	pause := c.work(data)
	s.buffers.Put(b)
	for pause > 0 {
		c.sleep(pause)
		pause = c.work(c.rest)
	}
}

// unfresh notes that the client talks, so that the connection rests when it stops.
func (c *Conn) unfresh() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fresh.Store(false)
	if !c.ending {
		c.schedule()
	}
}

// work consumes the frames in data, keeps what is begun, and sends the answers.
func (c *Conn) work(data []byte) (pause time.Duration) {
	n, pause := c.consume(data)
	switch left := data[n:]; {
	case len(left) == 0:
		c.rest = nil
	case n > 0 || len(c.rest) == 0: // in memory of its own size; otherwise it's c.rest that goes on growing
		c.rest = append([]byte(nil), left...)
	}
	if c.pending() {
		c.flush()
	}
	return pause
}

// sleep waits for d, or until the stream has ended. Meanwhile nothing is read, so the client is slowed down by TCP.
func (c *Conn) sleep(d time.Duration) {
	c.mu.Lock()
	if c.ending {
		c.mu.Unlock()
		return
	}
	resume := make(chan struct{})
	c.resume = resume
	c.mu.Unlock()
	t := time.NewTimer(d)
	select {
	case <-t.C:
	case <-resume:
	}
	t.Stop()
	c.heard.Store(int64(c.server.now()))
	c.mu.Lock()
	c.resume = nil
	c.mu.Unlock()
}

// consume takes the complete frames at the front of b and returns how many bytes that were.
func (c *Conn) consume(b []byte) (n int, pause time.Duration) {
	for pause == 0 && !c.deaf {
		h, v := parseHeader(b[n:])
		if v == nil && h.sized {
			v = c.allowed(&h)
		}
		if v != nil {
			c.violate(v)
			break
		}
		end := n + h.size + h.length
		if h.size == 0 || end > len(b) {
			return n, 0
		}
		payload := b[n+h.size : end]
		unmask(payload, h.mask)
		n = end
		pause = c.frame(&h, payload)
	}
	if c.deaf {
		return len(b), 0
	}
	return n, pause
}

// allowed checks a frame by its header, before a buffer is taken for it.
func (c *Conn) allowed(h *header) *violation {
	switch {
	case h.control():
		return nil
	case h.op == opBinary:
		return notText
	case (h.op == opContinue) != (c.parts > 0): // RFC 6455 §5.4
		return protocolError
	case c.server.cfg.Fragments > 0 && int(c.parts) >= c.server.cfg.Fragments:
		return tooManyParts
	case c.tooBig(len(c.msg) + h.length):
		return tooBig
	}
	return nil
}

// tooBig tells whether a message of n bytes is over the limit of the moment.
func (c *Conn) tooBig(n int) bool {
	cfg := &c.server.cfg
	if most := c.limits().Bytes; most > 0 && n > most {
		return true
	}
	if c.bound || cfg.Prelogin <= 0 || n <= cfg.Prelogin {
		return false
	}
	c.bound = c.stream.Bound() != ""
	return !c.bound
}

// limits are those of one message.
func (c *Conn) limits() *xmpp.Limits {
	if c.stream.Relayed() {
		return &c.server.cfg.Accounts
	}
	return &c.server.cfg.Limits
}

// frame takes one complete frame.
func (c *Conn) frame(h *header, payload []byte) (pause time.Duration) {
	switch h.op {
	case opPing:
		c.mu.Lock()
		// RFC 6455 §5.5.3: the latest ping may be answered alone, so a client that doesn't read costs no more.
		c.pong, c.pongDue = append(c.pong[:0], payload...), true
		c.mu.Unlock()
	case opPong: // it has been heard; an unasked one is legal (RFC 6455 §5.5.3)
	case opClose:
		c.peerClosed(payload)
	default:
		if h.fin && c.parts == 0 {
			return c.message(payload)
		}
		c.msg = append(c.msg, payload...)
		c.parts++
		if h.fin {
			msg := c.msg
			c.msg, c.parts = nil, 0
			return c.message(msg)
		}
	}
	return 0
}

// message takes one message, which must be one element (RFC 7395 §3.3.3): so an empty one, or white space to keep the
// connection alive, is not well-formed (§3.8 names what to use instead).
func (c *Conn) message(p []byte) (pause time.Duration) {
	if c.stream.Ended() != nil {
		return 0
	}
	scanner, relayed := c.server.scanners.Get().(*xmpp.Scanner), c.stream.Relayed()
	if relayed {
		scanner.Reset(c.server.cfg.Accounts)
	}
	e, err := scanner.One(p)
	if err == nil {
		pause = c.element(e)
	} else {
		c.malformed(p, err)
	}
	if relayed || err != nil {
		scanner.Reset(c.server.cfg.Limits)
	}
	c.server.scanners.Put(scanner)
	return pause
}

func (c *Conn) malformed(p []byte, err error) {
	if !utf8.Valid(p) {
		c.violate(notUTF8)
		return
	}
	known, ok := err.(*xmpp.StreamError)
	if !ok {
		known = &xmpp.StreamError{Condition: "not-well-formed", Text: "not one XML element"}
	}
	c.stream.Fail(known)
}

// element takes one element: framing is ours, everything else the stream's.
func (c *Conn) element(e *xmpp.Element) (pause time.Duration) {
	local, framing := string(e.Name.Local), string(e.Name.Space) == xmpp.NSFraming
	switch {
	case framing && local == "open":
		c.open(e)
	case framing && local == "close":
		c.stream.End(c2s.Ending{Reason: c2s.ClientClosed}) // RFC 7395 §3.6
	case framing:
		c.stream.Fail(&xmpp.StreamError{Condition: "unsupported-stanza-type", Text: "framing knows open and close"})
	case !c.opened && (local == "open" || local == "stream"), len(e.Name.Space) == 0:
		// RFC 7395 §3.3.2; §3.3.3: each message declares its own namespace.
		c.stream.Fail(&xmpp.StreamError{Condition: "invalid-namespace", Text: "the element is in a wrong namespace"})
	default:
		return c.stream.Receive(e)
	}
	return 0
}

// open takes the client's <open/> (RFC 7395 §3.4), the first or a restart's (§3.7). The outbox waits
// until the server's <open/> stands before it.
func (c *Conn) open(e *xmpp.Element) {
	if len(e.Inner) > 0 {
		c.stream.Fail(&xmpp.StreamError{Condition: "bad-format", Text: "<open/> is empty"})
		return
	}
	h := c2s.Header{To: string(e.To), From: string(e.From), ID: string(e.ID), Lang: string(e.Lang)}
	h.Version, _ = e.Attr("version")
	c.mu.Lock()
	c.hello, _ = c.stream.Drain(c.hello, int(^uint(0)>>1), appendText) // what is before a restart goes before it
	c.opening = true
	c.mu.Unlock()
	answer, _ := c.stream.Open(h) // an error has ended the stream, and is told by whoever writes
	c.opened = true
	c.mu.Lock()
	c.hello = appendText(c.hello, openElement(&answer))
	c.opening, c.answered = false, true
	c.mu.Unlock()
}

// violate ends the stream for a breach of the framing. Nothing that follows can be understood.
func (c *Conn) violate(v *violation) {
	c.mu.Lock()
	c.deaf = true
	if !c.ending { // else what ended it is told
		c.code, c.mute = v.code, v.err == nil
	}
	c.mu.Unlock()
	reason := c2s.BadFraming
	if v.err != nil {
		reason = c2s.PolicyViolation
	}
	c.stream.End(c2s.Ending{Reason: reason, Err: v.err})
}

// peerClosed takes the client's Close frame, an answer to ours or the first (RFC 6455 §5.5.1).
func (c *Conn) peerClosed(payload []byte) {
	code, ok := closeCode(payload)
	if !ok {
		c.violate(protocolError)
		return
	}
	if len(payload) > 2 && !utf8.Valid(payload[2:]) {
		c.violate(notUTF8)
		return
	}
	c.mu.Lock()
	c.deaf, c.peerDone, c.mute, c.code = true, true, true, code
	told := c.told
	c.mu.Unlock()
	c.lose(c2s.ConnectionLost)
	c.flush()
	if told {
		c.hangup()
	}
}
