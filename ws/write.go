package ws

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"time"

	"usher/c2s"
	"usher/xmpp"
)

// pending tells whether there is something to write.
func (c *Conn) pending() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.hello) > 0 || c.pongDue || c.pingDue || c.ending && !c.closing || c.stream.Pending() > 0
}

// flush writes what is there, without waiting for the client: what the kernel doesn't take now is
// left to a goroutine that is lent for as long as that lasts. If the socket is claimed, the one who has it comes back for
// what is new: it gives the socket up only after it has found nothing, under the lock that claiming needs.
func (c *Conn) flush() {
	c.mu.Lock()
	if c.writing || c.nc == nil || c.told {
		c.mu.Unlock()
		return
	}
	c.writing = true
	c.mu.Unlock()
	out := c.server.outs.Get().(*outBuf)
	for c.fill(out) {
		n, err := c.nc.TryWrite(out.b)
		c.server.cfg.Bytes(false, n)
		if err != nil {
			c.broken(err)
			break
		}
		if n < len(out.b) {
			c.mu.Lock()
			c.lent = true
			c.mu.Unlock()
			go c.lend(out, n) // ends when all is written, or with the connection, or when the client takes nothing for Stalled
			return
		}
	}
	c.server.putOut(out)
}

// lend writes on, waiting for the client.
func (c *Conn) lend(out *outBuf, n int) {
	for {
		for n < len(out.b) {
			if d := c.server.cfg.Stalled; d > 0 {
				c.nc.SetWriteDeadline(time.Now().Add(d))
			}
			m, err := c.nc.Write(out.b[n:min(n+slowSize, len(out.b))])
			c.server.cfg.Bytes(false, m)
			n += m
			if err != nil {
				c.broken(err)
				c.unlend(out)
				return
			}
		}
		c.nc.SetWriteDeadline(time.Time{}) // before the socket may be claimed by another
		if !c.fill(out) {
			c.unlend(out)
			return
		}
		n = 0
	}
}

func (c *Conn) unlend(out *outBuf) {
	c.server.putOut(out)
	c.mu.Lock()
	c.lent = false
	c.mu.Unlock()
	c.depart()
}

func (s *Server) putOut(out *outBuf) {
	if cap(out.b) <= keepSize {
		s.outs.Put(out)
	}
}

// broken ends a connection that can't be written to. The socket stays claimed: nobody tries again.
func (c *Conn) broken(err error) {
	reason := c2s.ConnectionLost
	if errors.Is(err, os.ErrDeadlineExceeded) {
		reason = c2s.Stalled
	}
	c.lose(reason)
	c.nc.Close()
}

// fill gathers what is to be written next. If that is nothing, it gives the socket up and returns false.
func (c *Conn) fill(out *outBuf) bool {
	c.mu.Lock()
	out.b = c.gather(out.b[:0])
	if len(out.b) > 0 {
		c.mu.Unlock()
		return true
	}
	c.writing = false
	told := c.closing && !c.told
	if told {
		c.told = true
		c.cutAfter(closeWait)
	}
	peerDone, deaf := c.peerDone, c.deaf
	c.mu.Unlock()
	switch {
	case told && peerDone:
		c.hangup()
	case told && deaf:
		// RFC 6455 §7.1.7: the client isn't listened to any more; it sees the end at once, but
		// reading goes on, or what it still sends would make the kernel throw our last words away.
		c.nc.CloseWrite()
	}
	return false
}

// gather appends everything that is due. Under mu.
func (c *Conn) gather(dst []byte) []byte {
	if c.closing {
		return dst // RFC 6455 §5.5.1: nothing after a Close frame
	}
	if c.pongDue && !c.peerDone {
		dst = append(appendHeader(dst, opPong, len(c.pong)), c.pong...)
	}
	if c.pingDue {
		dst = appendHeader(dst, opPing, 0)
		c.pinged = c.server.now()
	}
	c.pong, c.pongDue, c.pingDue = nil, false, false
	if !c.peerDone {
		dst = append(dst, c.hello...)
		c.hello = nil
	}
	if c.opening {
		return dst
	}
	// Before Drain: an element queued before the end is then drained before it.
	ended := c.stream.Ended()
	if c.lost {
		ended = &c2s.Ending{Reason: c2s.ConnectionLost}
	}
	more := false
	if !c.peerDone {
		dst, more = c.stream.Drain(dst, writeSize, appendText)
	}
	if ended != nil && !more {
		dst = c.goodbye(dst, ended)
		c.closing = true
	}
	return dst
}

// goodbye ends the stream and the WebSocket (RFC 7395 §3.5, §3.6). Under mu.
func (c *Conn) goodbye(dst []byte, ended *c2s.Ending) []byte {
	code := c.code
	if code == 0 {
		code = codeOf(ended.Reason)
	}
	if c.mute {
		return appendClose(dst, code)
	}
	if ended.Err != nil {
		if !c.answered { // RFC 7395 §3.5: an error needs an open stream
			dst = appendText(dst, openElement(&c2s.Header{ID: newID(), Lang: "en", Version: "1.0"}))
		}
		dst = appendText(dst, ended.Err.Append(nil))
	}
	dst = appendText(dst, []byte(`<close xmlns='`+xmpp.NSFraming+`'/>`))
	return appendClose(dst, code)
}

// codeOf is the status code of the Close frame that follows an ending of the stream.
func codeOf(r c2s.Reason) uint16 {
	switch r {
	case c2s.ClientClosed, c2s.ConnectionLost:
		return codeNormal
	case c2s.Shutdown, c2s.Terminated:
		return codeAway
	case c2s.ResourceLimit:
		return codeTryLater
	case c2s.Internal, c2s.Unknown:
		return codeInternal
	default:
		return codePolicy
	}
}

// hangup closes the connection after both have said so. Over TLS it may block for some seconds, so it's
// called by goroutines of this connection only: the reader, or the lent writer, which TLS always has.
func (c *Conn) hangup() {
	if c.nc.TLS() {
		c.nc.CloseWrite()
	}
	c.nc.Close()
}

// openElement is the server's <open/> (RFC 7395 §3.4).
func openElement(h *c2s.Header) []byte {
	b := []byte(`<open xmlns='` + xmpp.NSFraming + `'`)
	for _, a := range [...]struct{ name, value string }{
		{"from", h.From}, {"to", h.To}, {"id", h.ID}, {"version", h.Version}, {"xml:lang", h.Lang},
	} {
		if a.value != "" {
			b = xmpp.AppendAttr(b, a.name, []byte(a.value))
		}
	}
	return append(b, "/>"...)
}

// newID makes the id of a stream that never was.
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
