package gateway

import (
	"errors"
	"time"

	"usher/c2s"
	"usher/xmpp"
)

// A visitor's session may pass from stream to stream (docs/decisions/0042-sessions-that-outlive-a-stream.md): the visitor stays, with
// his address, rooms, requests and presence; what changes is the stream that he is reached by.

// ResumeOutcome says what became of a session whose client was gone, or of a client who came for one: a closed list,
// used as a metric label.
type ResumeOutcome uint8

const (
	ResumeResumed  ResumeOutcome = iota // by <resume/> (XEP-0198 §5)
	ResumeAttached                      // by a token: the session was still there
	ResumeAddress                       // by a token, too late: he has his address again, and nothing else
	ResumeExpired                       // nobody came in time
	ResumeRefused                       // <resume/> from where the session's site can't be used
	numResumeOutcomes
)

var resumeNames = [...]string{"resumed", "attached", "address", "expired", "refused"}

// Does not compile unless each outcome has a name.
var _ = [1]struct{}{}[len(resumeNames)-int(numResumeOutcomes)]

// String is the metric label.
func (o ResumeOutcome) String() string { return resumeNames[o] }

// parking is what a visitor has while his stream waits for its client. His lock guards it.
type parking struct {
	grace     time.Time // until then nobody sees that he is gone; zero: for as long as the stream waits
	withdrawn bool      // everybody has been told
	told      chan struct{}
	rooms     map[string]*absence // that he was taken out of then, by bare JID
}

// absence is what is kept of a place in a room that a visitor was taken out of, so that he can be brought back.
type absence struct {
	nick, password string
	extra          []byte
	seen           []mark
	seenAt         int
	known          []string  // who was there when he left
	since          time.Time // when he did
	unheard        bool      // the room hasn't said yet that he left
}

// maxKnown bounds absence.known; in a larger room who left meanwhile stays in his client's list.
const maxKnown = 1000

// Lost is c2s.Resume's: how long a stream waits for its client. Whose token lets him take the session up again has the grace, whoever was
// promised a resumption has that.
func (g *Gateway) lost(s *c2s.Stream, _ c2s.Ending, promised time.Duration) time.Duration {
	v, ok := s.Owner().(*visitor)
	if !ok || g.draining.Load() {
		return 0
	}
	now, wait := g.now(), promised
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed || v.stream() != s || v.parking != nil {
		return 0
	}
	if now.UnixMilli() < v.tokenEnds {
		wait = max(wait, g.cfg.Resume.Grace)
	}
	if wait <= 0 {
		return 0
	}
	v.parking = &parking{}
	if wait > g.cfg.Resume.Grace {
		v.parking.grace = now.Add(g.cfg.Resume.Grace)
		v.schedule(v.parking.grace)
	}
	g.gate.parked(v.site, s.Info(), 1)
	g.log.Debug("visitor lost", "site", v.site.name, "session", string(v.localpart()), "wait", wait)
	return wait
}

var errElsewhere = errors.New("gateway: this session can't be used from there")

// resumed is c2s.Resume's: s has taken over from old by <resume/>. What a site doesn't take at login it doesn't take here.
func (g *Gateway) resumed(s, old *c2s.Stream) error {
	v, ok := s.Owner().(*visitor)
	info := s.Info()
	if !ok || !v.site.origin(info.Origin) || !v.site.transport(info.Transport) {
		g.count.resumes[ResumeRefused].Add(1)
		return errElsewhere
	}
	g.count.resumes[ResumeResumed].Add(1)
	v.follow(s)
	return nil
}

// reattach gives s the session of the visitor whose token c has shown, if there is one: whether it runs or waits. nil: there is none.
func (g *Gateway) reattach(s *c2s.Stream, c *visitor) (*visitor, error) {
	if c.claim == nil {
		return nil, nil
	}
	local, domain, _ := xmpp.SplitJID([]byte(*c.claim))
	for {
		v := g.visitors.find(local, domain)
		if v == nil {
			return nil, nil
		}
		old := v.stream()
		if s.Succeed(old) {
			v.mu.Lock()
			v.tokenEnds = max(v.tokenEnds, c.tokenEnds)
			v.mu.Unlock()
			g.count.resumes[ResumeAttached].Add(1)
			v.site.count.setup(s.Info().Transport)
			v.anew(v.follow(s))
			return v, nil
		}
		if !v.moves(old, busyWait+time.Second) { // it is ending, or somebody else is faster
			return nil, errNoPlace
		}
	}
}

// follow makes s the visitor's stream. Whoever was told that he is gone is told that he is back; it returns whether they were.
func (v *visitor) follow(s *c2s.Stream) (back bool) {
	info := s.Info()
	v.g.gate.succeeded(v.site, info)
	if lang := s.Lang(); lang != "" {
		v.language = lang // Succeed has waited for the reader before
	}
	v.g.desk.refresh(v, info)
	v.mu.Lock()
	old, p := v.at.Swap(s), v.parking
	withdrawn := v.withdrawn()
	if p != nil {
		v.g.gate.parked(v.site, old.Info(), -1)
		if !withdrawn {
			v.parking = nil
		}
	}
	v.signal()
	v.mu.Unlock()
	v.g.log.Debug("visitor follows", "site", v.site.name, "session", string(v.localpart()), "from", old.Info().Transport,
		"to", info.Transport, "lost", p != nil, "withdrawn", withdrawn)
	if !withdrawn {
		return false
	}
	<-p.told // it never waits
	v.comeBack(p)
	return true
}

// anew tells a client that has begun anew what it can't remember: that the link is down, and where its request to the desk is, unless the
// desk has just been told that he is back.
func (v *visitor) anew(back bool) {
	v.home.mu.Lock()
	down, since := v.home.down, v.home.lostAt
	v.home.mu.Unlock()
	if down {
		v.tell(v.linkState("down", since, 0))
	}
	if !back {
		v.g.desk.anew(v)
	}
}

// moves waits until the visitor has another stream than old, or is out.
func (v *visitor) moves(old *c2s.Stream, patience time.Duration) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		v.mu.Lock()
		if v.out || v.stream() != old {
			v.mu.Unlock()
			return true
		}
		if v.news == nil {
			v.news = make(chan struct{})
		}
		news := v.news
		v.mu.Unlock()
		select {
		case <-news:
		case <-timer.C:
			return false
		}
	}
}

// signal tells those who wait in moves. Under mu.
func (v *visitor) signal() {
	if v.news != nil {
		close(v.news)
		v.news = nil
	}
}

// isWithdrawn tells whether everybody takes the visitor for gone.
func (v *visitor) isWithdrawn() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.withdrawn()
}

// withdrawn is isWithdrawn under mu.
func (v *visitor) withdrawn() bool { return v.parking != nil && v.parking.withdrawn }

// endParked ends the sessions that wait for their clients.
func (g *Gateway) endParked() {
	g.visitors.each(func(v *visitor) {
		if s := v.stream(); s.Parked() {
			s.End(c2s.Ending{Reason: c2s.Shutdown})
		}
	})
}
