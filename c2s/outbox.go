package c2s

import (
	"bytes"
	"encoding/binary"

	"usher/xmpp"
)

// outbox is a queue of complete elements in one buffer. An idle stream has none.
type outbox struct {
	buf []byte // each element stands behind its length
	off int    // what is drained already
	n   int    // elements
}

const (
	prefix = 4        // bytes of a length
	small  = 1 << 10  // bytes of a new buffer
	keep   = 32 << 10 // bytes of the largest buffer that goes back to the pool
)

// begin makes room for the length of an element that is about to be appended to buf.
func (o *outbox) begin() (mark int) {
	mark = len(o.buf)
	o.buf = append(o.buf, 0, 0, 0, 0)
	return mark
}

// end notes the length of what was appended since begin, and its marks.
func (o *outbox) end(mark int, marks uint32) {
	binary.NativeEndian.PutUint32(o.buf[mark:], uint32(len(o.buf)-mark-prefix)|marks)
	o.n++
}

// add appends a copy of an element.
func (o *outbox) add(e []byte, marks uint32) {
	mark := o.begin()
	o.buf = append(o.buf, e...)
	o.end(mark, marks)
}

// cut takes the last element back.
func (o *outbox) cut(mark int) {
	o.buf = o.buf[:mark]
	o.n--
}

// next takes the first element out; it stays valid until the next begin or compact.
func (o *outbox) next() (e []byte, marks uint32) {
	marks = binary.NativeEndian.Uint32(o.buf[o.off:])
	n := int(marks & length)
	e = o.buf[o.off+prefix : o.off+prefix+n : o.off+prefix+n]
	o.off += prefix + n
	o.n--
	return e, marks &^ length
}

// each calls f with every element, oldest first.
func (o *outbox) each(f func(e []byte, marks uint32)) {
	for rest := *o; rest.n > 0; {
		f(rest.next())
	}
}

// compact moves the rest to the front once it is the smaller part.
func (o *outbox) compact() {
	if o.off > len(o.buf)/2 {
		o.buf = o.buf[:copy(o.buf, o.buf[o.off:])]
		o.off = 0
	}
}

func (o *outbox) pending() int { return len(o.buf) - o.off - prefix*o.n }

// newBox takes an empty outbox from the pool.
func (c *Config) newBox() *outbox {
	if o, _ := c.boxes.Get().(*outbox); o != nil {
		return o
	}
	return &outbox{buf: make([]byte, 0, small)}
}

// putBox gives an outbox back to the pool if it is empty and has a buffer of the size that others need, and returns it if not empty.
func (c *Config) putBox(o *outbox) *outbox {
	if o.n > 0 {
		return o
	}
	if cap(o.buf) >= small && cap(o.buf) <= keep {
		o.buf, o.off = o.buf[:0], 0
		c.boxes.Put(o)
	}
	return nil
}

// box returns the outbox, taken from the pool if there was none. Under mu.
func (s *Stream) box() *outbox {
	if s.out == nil {
		s.out = s.cfg.newBox()
	}
	return s.out
}

// tail is the queue that new stanzas join: the outbox, or what is behind the answer to the
// client's bind or resume. Under mu.
func (s *Stream) tail() *outbox {
	if s.pass == nil || !s.pass.holding {
		return s.box()
	}
	if s.pass.held == nil {
		s.pass.held = s.cfg.newBox()
	}
	return s.pass.held
}

// takes tells whether what is sent still finds somebody: the client, or who tells its senders. Under mu.
func (s *Stream) takes() bool {
	return s.ended == nil || s.pass != nil && s.pass.lost != nil && !s.pass.told
}

// Send queues a stanza, rewritten with h for jabber:client. It never blocks. dirty tells that the caller
// must see to it that Wake is called (once, after a batch): true for the first stanza since the
// last Drain. An outbox over its limit ends the stream with Overflow.
func (s *Stream) Send(e *xmpp.Element, h *xmpp.Header) (dirty bool) {
	s = s.lock()
	if !s.takes() {
		s.mu.Unlock()
		return false
	}
	o := s.tail()
	mark := o.begin()
	o.buf = e.Append(o.buf, xmpp.Client, h)
	return s.commit(o, mark, s.mark(true), true)
}

// SendRaw queues one complete element of ours that stands alone in
// jabber:client, otherwise like Send. b is copied.
func (s *Stream) SendRaw(b []byte) (dirty bool) {
	s = s.lock()
	if !s.takes() {
		s.mu.Unlock()
		return false
	}
	o := s.tail()
	mark := o.begin()
	o.buf = append(o.buf, b...)
	return s.commit(o, mark, s.mark(isStanza(b)), true)
}

// answer queues what Open or Receive answer: their caller drains the outbox
// anyway, so nobody has to be told.
func (s *Stream) answer(b []byte) {
	s.mu.Lock()
	s.reply(b, s.mark(isStanza(b)))
}

// reply is answer with marks; it unlocks mu.
func (s *Stream) reply(b []byte, marks uint32) {
	if !s.takes() {
		s.mu.Unlock()
		return
	}
	o := s.box()
	mark := o.begin()
	o.buf = append(o.buf, b...)
	s.commit(o, mark, marks, false)
}

// commit finishes the element that was begun at mark, and unlocks mu.
func (s *Stream) commit(o *outbox, mark int, marks uint32, tell bool) (dirty bool) {
	o.end(mark, marks)
	if s.waiting() > s.room() && s.relay == nil { // what is relayed waits before it is queued
		e := Ending{Overflow, &xmpp.StreamError{Condition: "policy-violation", Text: "too much is waiting to be read"}}
		if s.led != nil && s.led.full != 0 {
			e = errUnacked()
		}
		if s.ended != nil || s.pass == nil || s.pass.lost == nil {
			o.cut(mark)
		} // else it stays, for its sender to be told
		s.mu.Unlock()
		// RFC 6120 §4.9.3.14: a limit of ours, so no reason to try the same again at once.
		s.End(e)
		return false
	}
	dirty = tell && !s.dirty
	s.dirty = s.dirty || tell
	s.mu.Unlock()
	return dirty
}

func errUnacked() Ending {
	return Ending{Unacked, &xmpp.StreamError{Condition: "policy-violation", Text: "too much is not acknowledged"}}
}

// waiting is the number of bytes queued. Under mu.
func (s *Stream) waiting() int {
	n := 0
	if s.out != nil {
		n = s.out.pending()
	}
	if s.pass != nil && s.pass.held != nil {
		n += s.pass.held.pending()
	}
	return n
}

// room is the most that may wait: an outbox, and for a stream that is parked, or has taken over from
// one, what of Resume.Queue isn't used. Under mu.
func (s *Stream) room() int {
	n := s.cfg.outbox()
	if p := s.pass; p != nil && (p.lost != nil || p.heir) {
		n += s.cfg.queue()
		if s.led != nil && s.led.kept != nil {
			n = max(s.cfg.outbox(), n-s.led.kept.pending())
		}
	}
	return n
}

// isStanza tells whether an element of ours counts for XEP-0198.
func isStanza(b []byte) bool {
	return bytes.HasPrefix(b, []byte("<message")) || bytes.HasPrefix(b, []byte("<presence")) || bytes.HasPrefix(b, []byte("<iq"))
}

// askAck is what asks the client how far it has come (XEP-0198 §4).
var askAck = []byte(`<r xmlns='` + xmpp.NSSM + `'/>`)

// Drain hands every queued element to put, which appends it (framed as the
// carrier wants it) to dst, until dst holds at least max bytes; it returns dst
// and whether more is queued. A stream whose client must acknowledge something first hands out nothing, nor does one that is parked or
// has a successor. The outbox's memory is given back when it is empty.
// put runs under the stream's lock: it must not call the Stream.
func (s *Stream) Drain(dst []byte, max int, put func(dst, element []byte) []byte) (out []byte, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty = false
	if s.pass != nil && s.pass.lost != nil {
		return dst, false
	}
	o := s.out
	if o == nil {
		return dst, false
	}
	for o.n > 0 && len(dst) < max && !s.fullUp() {
		e, marks := o.next()
		s.write(e, marks)
		dst = put(dst, e)
	}
	if s.relay != nil && o.pending() < relayMark {
		s.relay.release()
	}
	if s.wantsAck() {
		dst = put(dst, askAck)
	}
	o.compact()
	if s.out = s.cfg.putBox(o); s.out != nil {
		return dst, true
	}
	if s.pass != nil {
		s.pass.heir = false
	}
	return dst, false
}

// Pending returns the number of bytes queued.
func (s *Stream) Pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting()
}
