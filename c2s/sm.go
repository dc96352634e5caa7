package c2s

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"usher/xmpp"
)

// offersSM tells whether XEP-0198 is on offer: BOSH has acknowledgements of
// its own (XEP-0124 §9).
func (s *Stream) offersSM() bool { return s.info.Transport == "ws" }

// streamManagement takes an element of XEP-0198, in any state.
func (s *Stream) streamManagement(e *xmpp.Element) {
	name := string(e.Name.Local)
	switch {
	case !s.offersSM():
		s.refuseSM("feature-not-implemented")
	case name == "enable" && s.state == bound && !s.enabled():
		s.enable(e)
	case name == "resume" && s.state == reopened:
		s.resume(e)
	case name == "r" && s.enabled():
		s.answer(appendAck(nil, s.led.handled))
	case name == "a" && s.enabled():
		s.acknowledged(e)
	case name == "enable", name == "resume", name == "r", name == "a":
		s.refuseSM("unexpected-request") // XEP-0198 §3: out of order, or twice
	default:
		s.fail("unsupported-stanza-type", "not known here")
	}
}

// enabled tells whether XEP-0198 is in use. For the receiver, which alone changes that.
func (s *Stream) enabled() bool { return s.led != nil && s.led.sm }

// enable starts both counters. A stream that can't be resumed has no `resume` in the answer. The id is there
// all the same: @xmpp/client clears what was not acknowledged only where it had one, and else fails its next login.
func (s *Stream) enable(e *xmpp.Element) {
	wish, _ := e.Attr("resume")
	resume := (wish == "true" || wish == "1") && s.cfg.Resume.Wheel != nil && s.cfg.Resume.Max > 0
	most := s.cfg.Resume.Max
	// XEP-0198 §5: the client's preference. What is no number of seconds above zero is none.
	wish, _ = e.Attr("max")
	if n, err := strconv.ParseUint(wish, 10, 31); err == nil && n > 0 {
		most = min(most, time.Duration(n)*time.Second)
	}
	id := newSMID()
	answer := []byte(`<enabled xmlns='` + xmpp.NSSM + `' id='` + id.String() + `'`)
	if resume {
		answer = append(answer, ` resume='true' max='`...)
		answer = strconv.AppendInt(answer, int64((most+time.Second-1)/time.Second), 10)
		answer = append(answer, '\'')
	}
	answer = append(answer, `/>`...)
	s.mu.Lock()
	if s.ended != nil {
		s.mu.Unlock()
		return
	}
	l := s.led
	if l == nil {
		l = new(ledger)
		s.led = l
	}
	l.counting, l.sm, l.keeps = true, true, s.cfg.Resume.on()
	l.news = true
	if resume {
		l.offered, l.id, l.max = true, id, most
		s.cfg.sessions.set(id, s)
	}
	s.reply(answer, private|begins) // under one lock with what is above: both sides count from here
}

// resume has the stream go on where a former one was left (XEP-0198 §5).
func (s *Stream) resume(e *xmpp.Element) {
	previd, _ := e.Attr("previd")
	value, _ := e.Attr("h")
	h, err := strconv.ParseUint(value, 10, 32)
	if previd == "" || err != nil {
		s.refuseSM("bad-request")
		return
	}
	id, _ := parseSMID(previd)
	for {
		old, grave, known := s.cfg.sessions.find(id)
		domain := grave.domain
		if old != nil {
			domain = old.host.Value().Domain
		}
		switch {
		case !known || domain != s.host.Value().Domain: // of another site is as if it weren't
			s.refuseSM("item-not-found")
			return
		case old == nil:
			s.answer(append(strconv.AppendUint([]byte(`<failed xmlns='`+xmpp.NSSM+`' h='`), uint64(grave.handled), 10),
				`'><item-not-found xmlns='`+xmpp.NSStanzaErrors+`'/></failed>`...))
			return
		}
		if !old.seize() {
			continue // it has ended meanwhile, and is a tombstone or another stream now
		}
		old.mu.Lock()
		l := old.led
		same := l != nil && l.offered && l.id == id
		old.mu.Unlock()
		if same {
			s.resumeFrom(old, uint32(h))
			return
		}
		old.release()
	}
}

// resumeFrom takes over from old, which is seized.
func (s *Stream) resumeFrom(old *Stream, h uint32) {
	old.mu.Lock()
	l := old.led
	sent := l.sent
	possible := h-l.acked <= sent-l.acked
	jid, owner := old.jid, old.owner
	old.mu.Unlock()
	if !possible {
		old.release() // it isn't harmed, and its time goes on
		s.overcounted(h, sent)
		return
	}
	s.mu.Lock()
	own := s.owner
	s.jid, s.owner = jid, owner
	s.passing().holding = true
	s.mu.Unlock()
	if told := s.cfg.Resume.Resumed; told != nil {
		if err := told(s, old); err != nil {
			s.mu.Lock()
			s.jid, s.owner = "", own
			s.unhold()
			s.mu.Unlock()
			old.release()
			known := &xmpp.StanzaError{Condition: "item-not-found"}
			errors.As(err, &known)
			s.refuseSM(known.Condition)
			return
		}
	}
	s.state = bound
	answer := []byte(`<resumed xmlns='` + xmpp.NSSM + `' previd='` + l.id.String() + `' h='`)
	old.mu.Lock()
	s.mu.Lock()
	answer = append(strconv.AppendUint(answer, uint64(l.handled), 10), `'/>`...)
	o := s.box()
	o.add(answer, private)
	// As if h were that of an <a/>; what is left goes out again, and counts again.
	old.confirm(h)
	old.handOn(o, counted)
	s.led, old.led = l, nil
	l.sent, l.asked, l.news, l.full = l.acked, false, true, 0
	s.unhold()
	s.pass.heir = true
	if l.offered {
		s.cfg.sessions.set(l.id, s)
	}
	if s.ended != nil { // while the Handler was asked
		s.retire()
	}
	old.yield(s)
}

func (s *Stream) refuseSM(condition string) {
	s.answer([]byte(`<failed xmlns='` + xmpp.NSSM + `'><` + condition + ` xmlns='` + xmpp.NSStanzaErrors + `'/></failed>`))
}

func appendAck(dst []byte, h uint32) []byte {
	dst = append(dst, `<a xmlns='`+xmpp.NSSM+`' h='`...)
	dst = strconv.AppendUint(dst, uint64(h), 10)
	return append(dst, `'/>`...)
}

// acknowledged takes the client's count of what it has handled.
func (s *Stream) acknowledged(e *xmpp.Element) {
	value, _ := e.Attr("h")
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		s.fail("bad-format", "<a/> needs a number in h") // XEP-0198 §4
		return
	}
	h := uint32(n)
	s.mu.Lock()
	l := s.led
	sent := l.sent
	l.asked = false
	known := s.confirm(h)
	ask := known && s.out == nil && s.wantsAck() // else Drain asks, behind what it hands out
	s.mu.Unlock()
	switch {
	case !known:
		s.overcounted(h, sent)
	case ask:
		s.answer(askAck)
	}
}

// overcounted ends the stream of a client that has counted more than there was (XEP-0198 §6).
func (s *Stream) overcounted(h, sent uint32) {
	s.End(Ending{BadProtocol, &xmpp.StreamError{
		Condition: "undefined-condition",
		Text:      fmt.Sprintf("%d stanzas acknowledged, %d sent", h, sent),
		App:       fmt.Sprintf(`<handled-count-too-high xmlns='%s' h='%d' send-count='%d'/>`, xmpp.NSSM, h, sent),
	}})
}
