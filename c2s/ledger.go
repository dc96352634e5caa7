package c2s

import "time"

// ledger counts the stanzas of a stream, both ways, and keeps those written until the client has confirmed them: with XEP-0198's
// <a/>, or in the way of a carrier that knows itself (Stream.Confirms). The counters wrap at 2^32, so only
// differences mean something (XEP-0198 §4). Streams that can't tell what has arrived have none.
type ledger struct {
	counting bool // else everything that is written counts as early
	sm       bool // the client has enabled XEP-0198
	keeps    bool // what is written is kept until it's confirmed
	begun    bool // the client has been told so, and may be asked
	asked    bool // an <r/> is out
	news     bool // something was written or confirmed since it went out
	offered  bool // <resume/> is promised: id is in the registry

	handled uint32 // the client's stanzas taken
	sent    uint32 // ours, written
	acked   uint32 // of these, confirmed

	early uint32  // of kept, the first ones, written before the client could count them
	kept  *outbox // written and not confirmed; nil if there is none

	id   smID
	max  time.Duration // how long a resumption is promised
	full time.Duration // since when, counted from the stream's start, nothing is written until something is confirmed; 0: it isn't so
}

// ackWait is how long a client may leave a full queue unconfirmed.
const ackWait = time.Minute

// Marks of an element in an outbox, beside its length.
const (
	counted = 1 << 31 // a stanza that counts, and is kept until it is confirmed
	early   = 1 << 30 // a stanza that is kept, but doesn't count yet
	private = 1 << 29 // concerns this stream alone, and is never handed on to another
	begins  = 1 << 28 // from here on the client counts
	length  = begins - 1
)

// mark is how an element that is queued now is to be marked. Under mu.
func (s *Stream) mark(stanza bool) uint32 {
	switch {
	case !stanza:
		return private
	case s.led == nil:
		return 0
	case s.led.counting:
		return counted
	}
	return early
}

// write notes that an element goes out. Under mu.
func (s *Stream) write(e []byte, marks uint32) {
	l := s.led
	if l == nil || marks&(counted|early) == 0 {
		if marks&begins != 0 {
			l.begun = true
		}
		return
	}
	if marks&counted != 0 {
		l.sent++
		l.news = true
	} else {
		l.early++
	}
	if !l.keeps {
		return
	}
	if l.kept == nil {
		l.kept = s.cfg.newBox()
	}
	l.kept.add(e, marks)
	// A carrier with confirmations of its own can't be made to wait. What is forgotten here
	// was in an answer that the client has very likely got.
	for !l.sm && l.kept.n > 1 && l.kept.pending() > s.cfg.outbox()+s.cfg.queue() {
		s.cfg.forgotten.Add(1)
		l.forget()
	}
}

// forget takes the oldest element away, as if it were confirmed.
func (l *ledger) forget() {
	l.kept.next()
	l.kept.compact()
	if l.early > 0 {
		l.early--
	} else {
		l.acked++
	}
}

// confirm notes that the client has everything up to the count h, and all that was
// written before it could count. false: so much was never written.
func (s *Stream) confirm(h uint32) bool {
	l := s.led
	n := h - l.acked
	if n > l.sent-l.acked { // differences, since the counters wrap
		return false
	}
	if n+l.early > 0 {
		l.news, l.full = true, 0
	}
	if l.kept != nil {
		for range n + l.early {
			l.kept.next()
		}
		l.kept.compact()
		l.kept = s.cfg.putBox(l.kept)
	}
	l.acked, l.early = h, 0
	return true
}

// fullUp tells whether nothing more is to be written before something is confirmed. Under mu.
func (s *Stream) fullUp() bool {
	l := s.led
	if l == nil || !l.sm || l.kept == nil || l.kept.pending() < s.cfg.queue() || s.ended != nil {
		return false
	}
	if l.full == 0 {
		l.full = max(s.cfg.Now().Sub(s.start), 1)
	}
	return true
}

// wantsAck tells whether the client is to be asked now. One <r/> is out at a time, and another one only after there was something
// new: so a client that counts slowly isn't asked over and over. Under mu.
func (s *Stream) wantsAck() bool {
	l := s.led
	if l == nil || !l.begun || !l.keeps || l.asked || !l.news || l.sent == l.acked && l.early == 0 || s.ended != nil {
		return false
	}
	l.asked, l.news = true, false
	return true
}

// Confirms tells that the carrier knows by itself what the client has got, and will call Confirmed. For carriers, right after New.
func (s *Stream) Confirms() { s.confirms = true }

// Written returns how many stanzas Drain has handed out since the client was bound; it wraps. What Confirmed wants.
// For a carrier that confirms.
func (s *Stream) Written() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.led == nil {
		return 0
	}
	return s.led.sent
}

// Confirmed tells that the client has everything up to that count of Written. What isn't confirmed goes over to a successor.
func (s *Stream) Confirmed(upTo uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.led != nil {
		s.confirm(upTo)
	}
}

// Calm tells that nothing has come from the client for a while, so that what is kept for it may take no more memory than it
// needs. For carriers.
func (s *Stream) Calm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.led == nil || s.led.kept == nil {
		return
	}
	o := s.led.kept
	if rest := o.buf[o.off:]; cap(o.buf) > 2*len(rest) {
		s.led.kept = &outbox{buf: append(make([]byte, 0, len(rest)), rest...), n: o.n}
		o.n = 0
		s.cfg.putBox(o)
	}
}

// Forgotten returns how many stanzas were written to clients and neither confirmed nor kept until they were, because there were too many.
func (c *Config) Forgotten() int64 { return c.forgotten.Load() }
