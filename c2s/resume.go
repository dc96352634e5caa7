package c2s

import (
	"time"

	"usher/xmpp"
)

// How a session outlives its stream. A bound stream whose connection goes away without a goodbye may be parked: it takes what is
// sent to it (bounded by Config.Queue besides the outbox) for the client who comes back. He comes back on a new Stream, which
// succeeds the parked or still running one: with XEP-0198's <resume/>, over WebSocket, or with a login that the
// Handler knows for the same visitor, over any carrier. What was queued or not acknowledged goes over to the successor, in
// order; whoever still holds the old Stream and sends to it reaches the successor.

// Resume are the settings of Config for that; the zero value turns it off.
type Resume struct {
	Max   time.Duration // longest that a resumable stream waits for its client; 0: <resume/> is not offered
	Queue int           // bytes kept of what was written and isn't acknowledged; 0: 256 KiB
	Wheel *Wheel        // ends the waiting; without one nothing is parked

	// Lost is asked when a bound stream's connection went away without a goodbye: how long is it parked? promised is what
	// XEP-0198 has promised its client, 0 if nothing. 0: it ends now. When the time is over, or when
	// somebody ends it, Closed comes with the Ending that it was lost for; with Overflow, if more is sent to it than it
	// has room for. Called with no lock held, once for a stream, never while Open, Bind, Stanza or Closed runs for it. nil: promised it is.
	Lost func(s *Stream, e Ending, promised time.Duration) (wait time.Duration)
	// Resumed tells that s has succeeded old by <resume/>, in the place of Handler.Bind: s has old's JID and owner. The answer
	// and everything that old had queued go out after it. Closed comes for old with Replaced, after Resumed. An error refuses
	// the resumption: the client may go on with bind, and old is as it was. A *xmpp.StanzaError is what the client is told.
	Resumed func(s, old *Stream) error
}

// on tells whether sessions outlive their streams.
func (r *Resume) on() bool { return r.Wheel != nil && (r.Max > 0 || r.Lost != nil) }

// queue returns the limit of what is kept unacknowledged.
func (c *Config) queue() int {
	if c.Resume.Queue <= 0 {
		return 256 << 10
	}
	return c.Resume.Queue
}

// passage is the state of a stream that is lost, taken over, or takes over; nearly all have none. The stream's mu guards it.
type passage struct {
	s      *Stream
	lost   *Ending   // the connection is gone, for this reason
	parked bool      // it waits for its client, if nobody ends it
	until  time.Time // that long
	timer  Timer
	told   bool // the Handler knows of the end: what is sent now is refused

	claim chan struct{} // closed when whoever takes over has done, or has let go; nil: nobody does
	idle  chan struct{} // closed when the stanza under way is done; nil: nobody waits
	next  *Stream       // the successor

	holding bool    // the answer to bind or resume isn't queued yet
	held    *outbox // what goes behind it
	heir    bool    // it has what another one had queued
}

// passing returns the stream's passage, made if there was none. Under mu.
func (s *Stream) passing() *passage {
	if s.pass == nil {
		s.pass = &passage{s: s}
	}
	return s.pass
}

// lock locks the stream that has succeeded this one, at last, or this one.
func (s *Stream) lock() *Stream {
	s.mu.Lock()
	for s.pass != nil && s.pass.next != nil {
		next := s.pass.next
		s.mu.Unlock()
		s = next
		s.mu.Lock()
	}
	return s
}

// Lose tells that the connection is gone and that the client has not said goodbye: a bound stream may be parked, any other one
// ends. For carriers. From then on the stream has nothing for this one and doesn't wake it any more.
func (s *Stream) Lose(e Ending) {
	s.mu.Lock()
	switch {
	case s.ended != nil || s.pass != nil && s.pass.lost != nil:
		s.mu.Unlock()
		return
	case s.jid == "" && !s.busy, !s.cfg.Resume.on(), s.relay != nil: // a relayed session is the server's to keep
		s.mu.Unlock()
		s.End(e)
		return
	}
	p := s.passing()
	p.lost, s.transport = &e, nil
	later := s.busy || p.claim != nil // then leave or release goes on from here
	s.busy = s.busy || !later
	s.mu.Unlock()
	if !later {
		s.park()
	}
}

// park asks how long a stream that was lost is kept. The caller has set busy, so that an end comes after the question.
func (s *Stream) park() {
	s.mu.Lock()
	p := s.pass
	e, gone := *p.lost, s.ended != nil || s.jid == ""
	var wait time.Duration
	if s.led != nil && s.led.offered {
		wait = s.led.max
	}
	s.mu.Unlock()
	if ask := s.cfg.Resume.Lost; ask != nil && !gone {
		wait = ask(s, e, wait)
	}
	s.mu.Lock()
	over := s.jid == "" || wait <= 0 && p.claim == nil
	if s.ended == nil && !over {
		p.parked, p.until = true, s.cfg.Now().Add(wait)
		s.cfg.Resume.Wheel.Set(&p.timer, p.until, p)
	}
	s.mu.Unlock()
	if over {
		s.End(e)
	}
	s.leave()
}

// Due ends a stream whose client didn't come back in time.
func (p *passage) Due(time.Time) {
	p.s.mu.Lock()
	claimed := p.claim != nil // then release sets the timer again, or nobody has to
	e := *p.lost
	p.s.mu.Unlock()
	if !claimed {
		p.s.End(e)
	}
}

// Parked tells whether the stream waits for its client.
func (s *Stream) Parked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pass != nil && s.pass.parked && s.ended == nil
}

// seize keeps the stream to the caller, who wants to succeed it: what its client says waits, so does the end of its time.
// It returns when no stanza is being handled. false: the stream has ended.
func (s *Stream) seize() bool {
	s.mu.Lock()
	for s.ended == nil && s.pass != nil && s.pass.claim != nil {
		other := s.pass.claim
		s.mu.Unlock()
		<-other // closed by release or yield
		s.mu.Lock()
	}
	if s.ended != nil {
		s.mu.Unlock()
		return false
	}
	p := s.passing()
	p.claim = make(chan struct{})
	if s.busy {
		idle := make(chan struct{})
		p.idle = idle
		s.mu.Unlock()
		<-idle // closed by leave
		s.mu.Lock()
	}
	if s.ended != nil || s.jid == "" {
		s.mu.Unlock()
		s.release()
		return false
	}
	s.mu.Unlock()
	return true
}

// release gives up what seize has taken.
func (s *Stream) release() {
	s.mu.Lock()
	p := s.pass
	close(p.claim)
	p.claim = nil
	if p.parked && s.ended == nil {
		s.cfg.Resume.Wheel.Set(&p.timer, p.until, p)
	}
	s.proceed()
}

// yield ends old, which the caller has seized, in favour of s. It gives up both locks, and tells the Handler and the client.
func (old *Stream) yield(s *Stream) {
	p := old.pass
	meanwhile := old.ended // somebody has ended the session while the Handler was asked
	// XEP-0198 §5: a client whose stream is still open is told.
	e := Ending{Replaced, &xmpp.StreamError{Condition: "conflict", Text: "the session goes on in another stream"}}
	if meanwhile == nil {
		old.ended = &e
	}
	t := old.transport
	old.transport, p.next, p.told = nil, s, true
	if p.parked {
		old.cfg.Resume.Wheel.Stop(&p.timer)
	}
	close(p.claim)
	p.claim = nil
	s.mu.Unlock()
	old.mu.Unlock()
	old.cfg.Handler.Closed(old, e)
	if t != nil {
		t.Wake()
	}
	if meanwhile != nil {
		s.End(*meanwhile)
	}
}

// Succeed has s take over from old, with its owner and everything queued or not acknowledged; the Handler calls it in Bind, and
// then binds s to the same full JID. It waits until old has done with the stanza it is handling. Closed comes for old
// with Replaced, in this call. false: old has ended for good, and s starts with nothing.
func (s *Stream) Succeed(old *Stream) bool {
	if old == s || !old.seize() {
		return false
	}
	old.mu.Lock()
	if old.ended != nil { // since it was seized
		old.mu.Unlock()
		old.release()
		return false
	}
	s.mu.Lock()
	p := s.passing()
	p.holding, p.heir = true, true
	s.owner = old.owner
	old.handOn(s.tail(), s.mark(true))
	old.retire()
	old.yield(s)
	return true
}

// boxes are the places of what the client hasn't got for all that is known, oldest first. Under mu.
func (s *Stream) boxes() (all [3]*outbox) {
	if s.led != nil {
		all[0] = s.led.kept
	}
	all[1] = s.out
	if s.pass != nil {
		all[2] = s.pass.held
	}
	return all
}

// handOn moves all of that to o, without what concerned this stream alone. Under mu, and that of o's stream.
func (s *Stream) handOn(o *outbox, marks uint32) {
	for _, box := range s.boxes() {
		for box != nil && box.n > 0 {
			if e, was := box.next(); was&private == 0 {
				o.add(e, marks)
			}
		}
		if box != nil {
			s.cfg.putBox(box)
		}
	}
	s.out = nil
	if s.led != nil {
		s.led.kept = nil
	}
	if s.pass != nil {
		s.pass.held = nil
	}
}

// unhold lets what was held follow the answer that is queued now. Under mu.
func (s *Stream) unhold() {
	p := s.pass
	if p == nil || !p.holding {
		return
	}
	p.holding = false
	if p.held == nil {
		return
	}
	o := s.box()
	for p.held.n > 0 {
		e, marks := p.held.next()
		if marks&private == 0 {
			marks = s.mark(true) // by now it may count
		}
		o.add(e, marks)
	}
	p.held = s.cfg.putBox(p.held)
}

// retire takes the stream out of the registry; who still asks for it learns how much of what he said was handled. Under mu.
func (s *Stream) retire() {
	if l := s.led; l != nil && l.offered {
		l.offered = false
		s.cfg.sessions.bury(l.id, tombstone{s.host.Value().Domain, l.handled})
	}
}

// Undelivered calls f with each stanza that was queued for the client, or written and never acknowledged where the
// carrier can know, oldest first. For Handler.Closed only, so that senders can be told (XEP-0198 §4): once nobody can find the stream any
// more, for what was sent to a lost stream until then is among them, and what is sent later is refused. If the
// client is still there to be told of the end, what is queued may reach him all the same.
func (s *Stream) Undelivered(f func(element []byte)) {
	var all outbox
	s.mu.Lock()
	for _, box := range s.boxes() {
		if box == nil {
			continue
		}
		box.each(func(e []byte, marks uint32) {
			if marks&private == 0 {
				all.add(e, marks)
			}
		})
	}
	if s.pass != nil {
		s.pass.told = true
	}
	s.mu.Unlock()
	all.each(func(e []byte, _ uint32) { f(e) })
}
