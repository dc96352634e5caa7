package ws

import (
	"errors"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"usher/c2s"
	"usher/conn"
)

// Conn is one client's connection: the Transport of one stream. An idle one owns no buffer, and at rest no goroutine (conn.Idle).
// Whoever has something to write claims the socket, and while nobody has it, nobody waits for it.
type Conn struct {
	server *Server
	stream *c2s.Stream
	heard  atomic.Int64 // when bytes last came, since the server's start
	fresh  atomic.Bool  // nothing has come since it was last at rest, or since it is there

	// The reader's.
	rest   []byte // begun frames, still masked
	msg    []byte // fragments of a message, unmasked
	parts  int32  // frames of that message
	bound  bool   // the prelogin limit is lifted
	opened bool   // the client has opened the stream

	mu     sync.Mutex // guards what follows; taken before the stream's and the wheel's
	timer  c2s.Timer
	nc     *conn.Conn    // nil until attached
	hello  []byte        // frames that go before the outbox
	pong   []byte        // payload of the pong that is due
	resume chan struct{} // ends the reader's pause; nil = it doesn't pause
	pinged time.Duration // when the ping that is unanswered was asked for; 0 = none is
	cutAt  time.Duration // when the connection is cut, once ending
	code   uint16        // of the Close frame, where the framing decides it

	writing  bool // the socket is claimed
	lent     bool // by a goroutine
	opening  bool // the outbox must wait for the server's <open/>
	answered bool // the server's <open/> is in hello or beyond
	pongDue  bool
	pingDue  bool
	ending   bool // the stream has ended, or goes on without this connection
	lost     bool // it goes on: nothing is said in XMPP
	mute     bool // nothing can be said in XMPP: the framing is broken
	deaf     bool // nothing more is read but thrown away; written by the reader only
	peerDone bool // the client's Close frame has come
	closing  bool // our Close frame is framed
	told     bool // and written
	read     bool // the reader has ended
	gone     bool // nothing is left; no timer may be set
}

// Wake is called when the outbox has something or the stream has ended: see c2s.Transport.
func (c *Conn) Wake() {
	if c.stream.Ended() != nil {
		c.noteEnd()
	}
	c.flush()
}

// expect waits for the connection to be attached; a client that goes away before it has its answer never is.
func (c *Conn) expect() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.setTimer(c.server.now() + startWait)
}

// attach takes over the hijacked connection. fasthttp's handler; it returns at once.
func (c *Conn) attach(hijacked net.Conn) {
	nc, err := conn.Take(hijacked)
	if err != nil {
		hijacked.Close()
		reason := c2s.ConnectionLost
		if errors.Is(err, conn.ErrNoSocket) {
			reason = c2s.Internal // the listener is not one that we can work with
		}
		c.stream.End(c2s.Ending{Reason: reason})
		c.abandon()
		return
	}
	c.heard.Store(int64(c.server.now()))
	c.fresh.Store(true)
	c.mu.Lock()
	if c.gone {
		c.mu.Unlock()
		nc.Close()
		return
	}
	c.nc = nc
	c.schedule()
	c.mu.Unlock()
	go c.readLoop() // ends with the connection, which Shutdown, Due, the writer or the peer closes
	if c.stream.Ended() != nil {
		c.Wake() // it has ended before there was anybody to tell
	}
}

// abandon gives up a connection that was never attached.
func (c *Conn) abandon() {
	c.mu.Lock()
	if c.nc != nil || c.gone {
		c.mu.Unlock()
		return
	}
	c.gone = true
	c.server.cfg.Wheel.Stop(&c.timer)
	c.mu.Unlock()
	c.server.remove(c)
}

// cut closes the connection without further words; the reader notices and leaves.
func (c *Conn) cut() {
	c.mu.Lock()
	nc := c.nc
	c.mu.Unlock()
	if nc == nil {
		c.abandon()
		return
	}
	nc.Close()
}

// lose tells the stream that its connection is gone; it may wait for the client to come back over another one.
func (c *Conn) lose(r c2s.Reason) {
	c.stream.Lose(c2s.Ending{Reason: r})
	if c.stream.Ended() == nil {
		c.mu.Lock()
		c.lost, c.mute = true, true
		c.mu.Unlock()
	}
	c.noteEnd()
}

// noteEnd starts the time that the client has to take what is left, and ends the reader's pause.
func (c *Conn) noteEnd() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending {
		return
	}
	c.ending = true
	if c.resume != nil {
		close(c.resume)
		c.resume = nil
	}
	if !c.told {
		c.cutAfter(max(c.server.cfg.Stalled, closeWait))
	}
}

// cutAfter makes Due cut the connection when d has passed. Under mu.
func (c *Conn) cutAfter(d time.Duration) {
	c.cutAt = c.server.now() + d
	c.setTimer(c.cutAt)
}

// setTimer sets the timer to a time since the server's start. Under mu.
func (c *Conn) setTimer(at time.Duration) {
	if !c.gone {
		c.server.cfg.Wheel.Set(&c.timer, c.server.start.Add(at), c)
	}
}

// schedule sets the timer to the next thing that has to be looked at in a stream that hasn't ended. Under mu.
func (c *Conn) schedule() {
	cfg := &c.server.cfg
	at := time.Duration(math.MaxInt64)
	if cfg.Ping > 0 {
		at = time.Duration(c.heard.Load()) + cfg.Ping
		if c.pinged != 0 {
			at = min(c.pinged+cfg.Pong, c.server.now()+cfg.Ping)
		}
	}
	if !c.fresh.Load() {
		at = min(at, time.Duration(c.heard.Load())+calmTime)
	}
	if d := c.stream.Deadline(); !d.IsZero() {
		at = min(at, d.Sub(c.server.start))
	}
	if at != math.MaxInt64 {
		c.setTimer(at)
	}
}

// Due is the timer's (c2s.Due): login, ping, pong, or the end of the time to say good-bye.
func (c *Conn) Due(time.Time) {
	c.stream.Expire()
	now := c.server.now()
	c.mu.Lock()
	attached, over, lost, ping := c.nc != nil, false, false, false
	switch {
	case !attached:
	case c.ending:
		if over = now >= c.cutAt; !over {
			c.setTimer(c.cutAt)
		}
	default:
		lost, ping = c.alive(now)
		if !c.fresh.Load() && now >= time.Duration(c.heard.Load())+calmTime && c.resume == nil {
			c.fresh.Store(true)
			c.nc.SetReadDeadline(time.Unix(1, 0)) // see readLoop
			c.stream.Calm()
		}
		c.schedule()
	}
	c.mu.Unlock()
	switch {
	case !attached:
		c.stream.End(c2s.Ending{Reason: c2s.ConnectionLost})
		c.abandon()
	case over:
		c.cut()
	case lost:
		c.lose(c2s.PongTimeout)
		c.cut()
	case ping:
		c.flush()
	}
}

// alive looks at how long the client has been silent: whatever it sends shows that it is there. Under mu.
func (c *Conn) alive(now time.Duration) (lost, ping bool) {
	cfg := &c.server.cfg
	heard := time.Duration(c.heard.Load())
	switch {
	case cfg.Ping <= 0:
	case c.resume != nil, c.pingDue: // we don't listen, or it can't hear: Stalled sees to that
		c.pinged = now
	case c.pinged != 0 && heard < c.pinged:
		return now >= c.pinged+cfg.Pong, false
	case now >= heard+cfg.Ping:
		c.pinged, c.pingDue = now, true
		return false, true
	default:
		c.pinged = 0
	}
	return false, false
}
