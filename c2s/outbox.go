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

// end notes the length of what was appended since begin.
func (o *outbox) end(mark int) {
	binary.NativeEndian.PutUint32(o.buf[mark:], uint32(len(o.buf)-mark-prefix))
	o.n++
}

// cut takes the last element back.
func (o *outbox) cut(mark int) {
	o.buf = o.buf[:mark]
	o.n--
}

// next takes the first element out; it stays valid until the next begin or compact.
func (o *outbox) next() []byte {
	n := int(binary.NativeEndian.Uint32(o.buf[o.off:]))
	e := o.buf[o.off+prefix : o.off+prefix+n : o.off+prefix+n]
	o.off += prefix + n
	o.n--
	return e
}

// compact moves the rest to the front once it is the smaller part.
func (o *outbox) compact() {
	if o.off > len(o.buf)/2 {
		o.buf = o.buf[:copy(o.buf, o.buf[o.off:])]
		o.off = 0
	}
}

func (o *outbox) pending() int { return len(o.buf) - o.off - prefix*o.n }

// box returns the outbox, taken from the pool if there was none. Under mu.
func (s *Stream) box() *outbox {
	if s.out == nil {
		s.out, _ = s.cfg.boxes.Get().(*outbox)
		if s.out == nil {
			s.out = &outbox{buf: make([]byte, 0, small)}
		}
	}
	return s.out
}

// unbox gives the outbox back to the pool once it is empty. Under mu.
func (s *Stream) unbox() {
	o := s.out
	s.out = nil
	if cap(o.buf) <= keep {
		o.buf, o.off = o.buf[:0], 0
		s.cfg.boxes.Put(o)
	}
}

// Send queues a stanza, rewritten with h for jabber:client. It never blocks. dirty tells that the caller
// must see to it that Wake is called (once, after a batch): true for the first stanza since the
// last Drain. An outbox over its limit ends the stream with Overflow.
func (s *Stream) Send(e *xmpp.Element, h *xmpp.Header) (dirty bool) {
	s.mu.Lock()
	if s.ended != nil {
		s.mu.Unlock()
		return false
	}
	o := s.box()
	mark := o.begin()
	o.buf = e.Append(o.buf, xmpp.Client, h)
	return s.commit(mark, true, true)
}

// SendRaw queues one complete element of ours that stands alone in
// jabber:client, otherwise like Send. b is copied.
func (s *Stream) SendRaw(b []byte) (dirty bool) { return s.raw(b, true) }

// answer queues what Open or Receive answer: their caller drains the outbox
// anyway, so nobody has to be told.
func (s *Stream) answer(b []byte) { s.raw(b, false) }

func (s *Stream) raw(b []byte, tell bool) (dirty bool) {
	s.mu.Lock()
	if s.ended != nil {
		s.mu.Unlock()
		return false
	}
	o := s.box()
	mark := o.begin()
	o.buf = append(o.buf, b...)
	return s.commit(mark, isStanza(b), tell)
}

// commit finishes the element that was begun at mark, and unlocks mu.
func (s *Stream) commit(mark int, stanza, tell bool) (dirty bool) {
	o := s.out
	o.end(mark)
	if o.pending() > s.cfg.outbox() {
		o.cut(mark)
		s.mu.Unlock()
		// RFC 6120 §4.9.3.14: a limit of ours, so no reason to try the same again at once.
		s.End(Ending{Overflow, &xmpp.StreamError{Condition: "policy-violation", Text: "too much is waiting to be read"}})
		return false
	}
	if stanza && s.acks {
		s.sent++ // XEP-0198 §4: wraps at 2^32
	}
	dirty = tell && !s.dirty
	s.dirty = s.dirty || tell
	s.mu.Unlock()
	return dirty
}

// isStanza tells whether an element of ours counts for XEP-0198.
func isStanza(b []byte) bool {
	return bytes.HasPrefix(b, []byte("<message")) || bytes.HasPrefix(b, []byte("<presence")) || bytes.HasPrefix(b, []byte("<iq"))
}

// Drain hands every queued element to put, which appends it (framed as the
// carrier wants it) to dst, until dst holds at least max bytes; it returns dst
// and whether more is queued. The outbox's memory is given back when it is empty.
// put runs under the stream's lock: it must not call the Stream.
func (s *Stream) Drain(dst []byte, max int, put func(dst, element []byte) []byte) (out []byte, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty = false
	o := s.out
	if o == nil {
		return dst, false
	}
	for o.n > 0 && len(dst) < max {
		dst = put(dst, o.next())
	}
	if o.n == 0 {
		s.unbox()
		return dst, false
	}
	o.compact()
	return dst, true
}

// Pending returns the number of bytes queued.
func (s *Stream) Pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out == nil {
		return 0
	}
	return s.out.pending()
}
