package bosh

import (
	"strconv"
	"sync"
	"time"

	"usher/c2s"
	"usher/xmpp"
)

// session is one BOSH session. It has no goroutine of its own.
//
// Lock order: session.mu, then c2s.Stream's, then lot's. c2s.Stream's Open, Receive, End, Expire and Fail are
// called without mu, since they call the Handler.
type session struct {
	srv    *Server
	stream *c2s.Stream
	key    sessionKey

	// As negotiated (XEP-0124 §7); never changed.
	wait       time.Duration
	inactivity time.Duration
	hold       uint8
	requests   uint8
	acks       bool // both sides acknowledge (§9)

	mu sync.Mutex // guards what follows

	// Flags and small counts.
	busy      bool  // a goroutine is in work
	loggedIn  bool  // the stream is bound
	login     bool  // stream.Deadline is to be watched
	lastEmpty bool  // the last new request had no payload, nor had its answer
	over      bool  // the end was told, or nobody is to be told any more
	spare     uint8 // early repeats and polls that are left (§11, §14.3)

	// Requests: those received and not answered yet, by rid.
	slots    []*request
	received uint64 // the highest rid without a gap below it
	replied  uint64 // the highest rid that was answered
	resumeAt instant
	chain    *digest // of the next key; nil while not keyed

	// Answers.
	kept     []kept
	keptLen  int32   // bytes, at most maxKept and an answer
	pending  int32   // bytes of payload of requests that wait, at most maxBody
	greeting *string // of the first; nil once it was given
	reported uint64  // the last rid that §9.2's report was about
	unsure   []tally // answers that the client may not have got, oldest first

	// Time.
	timer   c2s.Timer
	timerAt instant       // 0 = unset
	idle    instant       // since when no request is held; 0 = one is
	pause   time.Duration // 0 = none; replaces inactivity until the next request
	last    instant       // when the last new request came
	spareAt instant

	final *final // nil until it comes to that
}

// final is what a session has when it ends.
type final struct {
	condition string      // what ended it here, rather than in the stream
	strays    []*exchange // requests beside slots that are to be told
	at        instant     // when the stream had ended; 0 = it hasn't
}

// request is one rid that was received and not answered.
type request struct {
	rid       uint64
	x         *exchange // nil: the client went away; a repeat may come
	body      []byte    // to be forwarded
	until     instant   // when it is answered at the latest (§8: wait)
	payloads  uint16    // at most maxPayloads
	fed       uint16    // of these, forwarded
	copied    bool      // body is ours
	done      bool      // all that it carries was forwarded
	now       bool      // to be answered without waiting
	empty     bool
	terminate bool
	restart   bool
	pauses    bool
	pause     time.Duration
	report    uint64
	age       time.Duration // since the answer that report is about
	keys      *keyPair      // nil = none
}

// kept is an answer for repeats (§14.3).
type kept struct {
	rid    uint64
	at     instant
	body   []byte
	keys   *keyPair
	pauses bool
}

// tally is how much had been written with the answer to rid.
type tally struct {
	rid     uint64
	written uint32 // c2s.Stream.Written
}

// ending is what the session has for its end, made where it is the first time. Under mu.
func (s *session) ending() *final {
	if s.final == nil {
		s.final = &final{}
	}
	return s.final
}

// stray notes a request that is to be told how the session ends. Under mu.
func (s *session) stray(x *exchange) {
	f := s.ending()
	f.strays = append(f.strays, x)
}

// endedAt is when the stream was found to have ended; 0 = it wasn't. Under mu.
func (s *session) endedAt() instant {
	if s.final == nil {
		return 0
	}
	return s.final.at
}

// newSession negotiates (XEP-0124 §7.1, §7.2).
func newSession(srv *Server, info *c2s.Info, w *wrapper) *session {
	c := &srv.cfg
	s := &session{srv: srv, key: newKey(), spare: spare, login: true}
	s.wait = c.Wait
	if w.wait >= 0 {
		s.wait = min(c.Wait, time.Duration(w.wait)*time.Second)
	}
	hold := min(c.Hold, 1)
	if w.hold >= 0 {
		hold = min(hold, w.hold)
	}
	if seconds(s.wait) == 0 {
		hold = 0 // §12: a polling session
	}
	requests := min(hold+1, max(c.Requests, 1))
	s.hold, s.requests = uint8(min(hold, requests-1)), uint8(requests)
	s.inactivity = c.Inactivity
	if s.polls() && s.inactivity > 0 {
		s.inactivity += 2 * c.Polling // §12: higher than normal by more than `polling`
	}
	s.acks = w.ack == 1
	if chain, keyed := parseDigest(w.newkey); keyed { // §15.4
		s.chain = &chain
	}
	s.received, s.replied = w.rid, w.rid-1
	s.last = srv.now()
	s.spareAt = s.last
	s.stream = c2s.New(c.Streams, s, *info)
	s.stream.Confirms()
	return s
}

// limits are those of what the client sends.
func (s *session) limits() *xmpp.Limits {
	if s.stream.Relayed() {
		return &s.srv.cfg.Accounts
	}
	return &s.srv.cfg.Limits
}

// polls tells whether it is a polling session: no request is held.
func (s *session) polls() bool { return s.hold == 0 }

// greet makes the attributes of the session creation response (XEP-0124 §7.2, XEP-0206 §4).
func (s *session) greet(w *wrapper, h c2s.Header) string {
	c := &s.srv.cfg
	buf := s.srv.scratch()
	defer s.srv.give(buf)
	b := append(*buf, ` xmlns:xmpp='`+xmpp.NSXBOSH+`' xmlns:stream='`+xmpp.NSStream+`'`...)
	b = xmpp.AppendAttr(b, "sid", []byte(s.key.sid(c.Node)))
	b = appendNumber(b, "wait", seconds(s.wait))
	b = appendNumber(b, "requests", uint64(s.requests))
	b = appendNumber(b, "hold", uint64(s.hold))
	if s.inactivity > 0 {
		b = appendNumber(b, "inactivity", seconds(s.inactivity))
	}
	if c.Polling > 0 {
		b = appendNumber(b, "polling", seconds(c.Polling+time.Second-1))
	}
	if c.MaxPause > 0 {
		b = appendNumber(b, "maxpause", seconds(c.MaxPause))
	}
	major, minor := negotiate(w.ver)
	b = append(b, ` ver='`...)
	b = strconv.AppendUint(b, major, 10)
	b = append(b, '.')
	b = strconv.AppendUint(b, minor, 10)
	b = append(b, '\'')
	if c.Gzip {
		b = append(b, ` accept='gzip'`...)
	}
	if s.acks {
		b = appendNumber(b, "ack", w.rid) // §9.1
	}
	if h.From != "" {
		b = xmpp.AppendAttr(b, "from", []byte(h.From))
	}
	b = xmpp.AppendAttr(b, "authid", []byte(h.ID))
	b = xmpp.AppendAttr(b, "xmpp:version", []byte(h.Version))
	*buf = append(b, ` xmpp:restartlogic='true'`...)
	return string(*buf)
}

// begin takes the session creation request. The session is found by its sid from then on, unless the stream was refused.
func (s *session) begin(w *wrapper, body []byte, x *exchange) {
	h, err := s.stream.Open(header(w))
	s.mu.Lock()
	r := s.newRequest(w, body, x)
	r.now = true
	r.pauses, r.restart = false, false // there is nothing to pause or to restart yet
	if err == nil {
		greeting := s.greet(w, h)
		s.greeting = &greeting
		s.srv.table.add(s)
	}
	s.slots = append(s.slots, r)
	s.work(false) // also after an error, which has ended the stream: then it tells
	s.mu.Unlock()
}

func header(w *wrapper) c2s.Header {
	h := c2s.Header{To: string(w.to), From: string(w.from), Lang: string(w.lang), Version: string(w.version)}
	if h.Version == "" {
		h.Version = "1.0" // the attribute's default by XEP-0206's schema
	}
	return h
}

// Wake is c2s.Transport's: there is something to tell.
func (s *session) Wake() {
	s.mu.Lock()
	s.settle(s.srv.now())
	s.mu.Unlock()
}

// Due is the timer's.
func (s *session) Due(time.Time) {
	now := s.srv.now()
	s.mu.Lock()
	s.timerAt = 0
	if s.login {
		s.mu.Unlock()
		s.stream.Expire()
		s.mu.Lock()
	}
	var inactive bool
	if at, ok := s.inactiveAt(); ok && now >= at {
		inactive = true
	}
	if !inactive {
		if s.resumeAt != 0 && now >= s.resumeAt && !s.busy && s.srv.lot.add() {
			s.resumeAt = 0
			s.busy = true
			go s.goOn() // ends when what was received is forwarded; c2s.Handler bounds its waiting
		}
		s.settle(now)
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	// XEP-0124 §10: without informing the client
	s.stream.Lose(c2s.Ending{Reason: c2s.Inactive})
	s.drop()
}

// goOn forwards what had to wait for the client's rate.
func (s *session) goOn() {
	s.mu.Lock()
	s.work(true)
	s.mu.Unlock()
	s.srv.lot.done()
}

// inactiveAt is when the session ends for want of requests. Under mu.
func (s *session) inactiveAt() (instant, bool) {
	switch {
	case s.endedAt() != 0 && s.srv.lot.draining() && !s.polls() && s.pause == 0:
		// One who is there asks again at once: what is held up is the end of the process.
		return max(s.idle, s.last).plus(absent), true
	case s.endedAt() != 0:
		// Nobody has asked yet for how it ended.
		return s.endedAt().plus(max(s.inactivity, time.Second)), true
	case s.idle == 0 || s.inactivity == 0:
		return 0, false
	case s.pause > 0:
		return s.idle.plus(s.pause), true
	}
	return s.idle.plus(s.inactivity), true
}

// schedule sets the timer to what comes next. Under mu. A timer that is early already is left as it is: it
// looks again when it is due.
func (s *session) schedule(now instant) {
	if s.over {
		return
	}
	waiting := s.final != nil && len(s.final.strays) > 0
	var next instant
	sooner := func(t instant) {
		if next == 0 || t < next {
			next = t
		}
	}
	for _, r := range s.slots {
		if r.x != nil {
			waiting = true
			sooner(r.until)
		}
	}
	switch {
	case waiting:
		s.idle = 0
	case s.idle == 0:
		s.idle = now
	}
	if at, ok := s.inactiveAt(); ok {
		sooner(at)
	}
	if s.resumeAt != 0 {
		sooner(s.resumeAt)
	}
	if s.login && s.endedAt() == 0 {
		if at := s.stream.Deadline(); at.IsZero() {
			s.login = false
		} else {
			sooner(s.srv.instant(at))
		}
	}
	if next == 0 || s.timerAt != 0 && next >= s.timerAt {
		return
	}
	s.timerAt = next
	s.srv.cfg.Wheel.Set(&s.timer, s.srv.time(next), s)
}

// drop forgets the session without a word to anybody.
func (s *session) drop() {
	s.mu.Lock()
	s.end()
	for _, r := range s.slots {
		if r.x != nil {
			x := r.x
			r.x = nil
			x.fail()
		}
	}
	if f := s.final; f != nil {
		strays := f.strays
		f.strays = nil // before left looks for them there
		for _, x := range strays {
			x.fail()
		}
	}
	s.slots = nil
	s.mu.Unlock()
}

// end takes the session out of the table, and tells whether it was there. Under mu.
func (s *session) end() bool {
	if s.over {
		return false
	}
	s.over = true
	s.kept, s.keptLen = nil, 0
	s.srv.cfg.Wheel.Stop(&s.timer)
	return s.srv.table.remove(s)
}
