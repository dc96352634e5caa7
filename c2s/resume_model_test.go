package c2s

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"usher/xmpp"
)

// visit is a visitor, his client, and the network between it and the server, which breaks at any moment. What the server sends him
// and what he says are numbered; the model knows what he must get next, and how much of it he has confirmed.
type visit struct {
	t     *rapid.T
	cfg   *Config
	clock *clock
	scan  *xmpp.Scanner

	// The server's side.
	streams   []*Stream // of this session: whoever has an old one may go on sending to it
	served    int       // messages sent to him
	confirmed int       // of these, the server knows that he has the first ones
	sessionID string    // of his session, if it can be resumed
	handled   uint32    // of the client's since then
	heard     []int
	undone    []int  // what Closed told
	ended     string // of the session

	// The client's side.
	line    *line
	next    int            // the message that must come next
	id      string         // of the session that it could resume
	base    int            // what it counts from
	offset  uint32         // its counters begin here
	said    int            // messages
	unheard []int          // of these, what it has no acknowledgement for
	acked   uint32         // what the server has acknowledged
	excused map[int]bool   // nobody knows whether they were heard: there was no count
	was     map[string]int // of ended sessions: how much was handled
}

// line is one connection, and what is on its way over it.
type line struct {
	kind    string
	s       *Stream
	up      []parcel
	down    []parcel
	start   int // the first message on a line that goes on without a count
	enabled bool
	dead    bool // nothing more gets through
	noticed bool // the server knows

	// BOSH.
	rid, arrived, answered int // of requests
	written                map[int]tale
}

type tale struct {
	count uint32 // Written
	upTo  int    // messages
}

// parcel is an element or a BOSH request or answer on its way.
type parcel struct {
	elements []string
	has      int // the messages that the client has when it sends this
	rid      int
}

func (v *visit) Open(*Stream, string) (Host, error) { return Host{Domain: "site.example"}, nil }

func (v *visit) Bind(s *Stream, resource string) (string, error) {
	if n := len(v.streams); n > 0 {
		if !s.Succeed(v.streams[n-1]) {
			v.t.Fatalf("no successor of a session that goes on")
		}
	}
	v.streams = append(v.streams, s)
	return "abc@visitors.example/web", nil
}

func (v *visit) resumed(s, old *Stream) error {
	if old != v.streams[len(v.streams)-1] {
		v.t.Fatalf("resumes another stream")
	}
	v.streams = append(v.streams, s)
	return nil
}

func (v *visit) Stanza(_ *Stream, e *xmpp.Element) {
	n, _ := strconv.Atoi(string(e.ID))
	v.heard = append(v.heard, n)
	v.handled++
}

func (v *visit) Closed(s *Stream, e Ending) {
	var undone []int
	s.Undelivered(func(e []byte) { n, _ := strconv.Atoi(idOf(e)); undone = append(undone, n) })
	if e.Reason == Replaced {
		if len(undone) > 0 {
			v.t.Fatalf("%v stay with a stream that has a successor", undone)
		}
		return
	}
	v.ended, v.undone = e.Reason.String(), undone
}

func (v *visit) Wake() {}

func newVisit(t *rapid.T) *visit {
	v := &visit{t: t, clock: &clock{now: time.Unix(1e9, 0)}, scan: xmpp.NewScanner(xmpp.Limits{}), excused: map[int]bool{}, was: map[string]int{}}
	wheel := NewWheel(time.Second)
	wheel.start = v.clock.Now()
	v.cfg = &Config{Handler: v, Outbox: 1 << 20, Now: v.clock.Now, Resume: Resume{
		Max: 5 * time.Minute, Queue: 1 << 20, Wheel: wheel, Resumed: v.resumed,
		Lost: func(_ *Stream, _ Ending, promised time.Duration) time.Duration { return max(promised, 45*time.Second) },
	}}
	v.connect("ws")
	v.bind()
	return v
}

// tell brings an element of the client's to the server.
func (v *visit) tell(l *line, text string) {
	e, err := v.scan.One([]byte(text))
	if err != nil {
		v.t.Fatalf("%s: %v", text, err)
	}
	if l.s.Reopens() {
		l.s.Open(Header{To: "site.example", Version: "1.0"})
	}
	l.s.Receive(e)
}

// connect opens a new line and logs in over it. The one that was there is broken from then on, whether the server knows or not.
func (v *visit) connect(kind string) {
	if v.line != nil {
		v.line.down = nil
	}
	l := &line{kind: kind, written: map[int]tale{}}
	l.s = New(v.cfg, v, Info{Transport: kind})
	if kind == "bosh" {
		l.s.Confirms()
	}
	l.s.Open(Header{To: "site.example", Version: "1.0"})
	v.tell(l, `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>`)
	l.s.Open(Header{To: "site.example", Version: "1.0"})
	v.line = l
}

// bind takes over the session by the visitor's token, or starts one.
func (v *visit) bind() {
	l := v.line
	l.start = v.confirmed
	v.entomb()
	v.sessionID = ""
	v.tell(l, `<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`)
	if l.kind == "ws" {
		l.up = append(l.up, parcel{elements: []string{`<enable xmlns='urn:xmpp:sm:3' resume='true'/>`}})
	} else {
		v.request("")
	}
}

// entomb notes how far a session has come that can't be resumed any more.
func (v *visit) entomb() {
	if v.sessionID != "" {
		v.was[v.sessionID] = int(v.handled)
	}
}

// resume asks for the session that the client knows; if there is none it binds instead.
func (v *visit) resume() {
	if v.id == "" {
		v.t.Skip("it knows none")
	}
	id := v.id
	v.connect("ws")
	l := v.line
	v.tell(l, fmt.Sprintf(`<resume xmlns='urn:xmpp:sm:3' previd='%s' h='%d'/>`, id, v.count()))
	if id == v.sessionID {
		if l.s.Bound() == "" {
			v.t.Fatalf("a session that goes on wasn't resumed")
		}
		v.confirmed = max(v.confirmed, v.next)
		return
	}
	var last []byte
	l.s.Drain(nil, 1<<30, func(dst, e []byte) []byte { last = bytes.Clone(e); return append(dst, e...) })
	if want := fmt.Sprintf(`<failed xmlns='urn:xmpp:sm:3' h='%d'><item-not-found`, uint32(v.was[id])); !bytes.HasPrefix(last, []byte(want)) {
		v.t.Fatalf("answered %s, want %s", last, want)
	}
	v.bind()
}

// count is the client's h.
func (v *visit) count() uint32 { return v.offset + uint32(v.next-v.base) }

// serve sends him a message, by any of the streams that his session has had.
func (v *visit) serve() {
	s := v.streams[rapid.IntRange(0, len(v.streams)-1).Draw(v.t, "stream")]
	if s.SendRaw([]byte(messageOf(strconv.Itoa(v.served)))) {
		s.Wake()
	}
	v.served++
}

func (v *visit) say() {
	l := v.line
	if l.dead || l.kind == "ws" && !l.enabled {
		v.t.Skip("it can't")
	}
	text := messageOf(strconv.Itoa(v.said))
	if l.kind == "ws" {
		v.unheard = append(v.unheard, v.said)
		l.up = append(l.up, parcel{elements: []string{text}})
	} else {
		if l.rid-l.answered >= 2 {
			v.t.Skip("no request is left")
		}
		v.excused[v.said] = true
		v.request(text)
	}
	v.said++
}

// request is one of BOSH, of which two may be open.
func (v *visit) request(text string) {
	l := v.line
	l.rid++
	p := parcel{rid: l.rid}
	if text != "" {
		p.elements = []string{text}
	}
	l.up = append(l.up, p)
}

// arrive brings what the client has sent to the server.
func (v *visit) arrive() {
	l := v.line
	if len(l.up) == 0 || l.noticed {
		v.t.Skip("nothing is on its way")
	}
	p := l.up[0]
	l.up = l.up[1:]
	if p.rid > 0 {
		l.arrived = p.rid
		if w, ok := l.written[p.rid-2]; ok { // two are open at most
			l.s.Confirmed(w.count)
			v.confirmed = max(v.confirmed, w.upTo)
		}
	}
	for _, text := range p.elements {
		if strings.HasPrefix(text, "<a ") {
			v.confirmed = max(v.confirmed, p.has)
		}
		v.tell(l, text)
		if strings.HasPrefix(text, "<enable ") && l.s.led != nil {
			led := l.s.led
			v.sessionID, v.handled = led.id.String(), v.offsetDrawn()
			led.sent, led.acked, led.handled = v.handled, v.handled, v.handled
		}
	}
	if e := l.s.Ended(); e != nil {
		v.t.Fatalf("ended: %s", ending(e))
	}
}

// offsetDrawn is where the counters begin: most often so that they wrap soon.
func (v *visit) offsetDrawn() uint32 {
	return rapid.SampledFrom([]uint32{0, ^uint32(0), ^uint32(2)}).Draw(v.t, "counters")
}

// flush puts on the line what the server has for him, or some of it.
func (v *visit) flush() {
	l := v.line
	if l.kind == "bosh" && l.arrived == l.answered {
		v.t.Skip("no request to be answered")
	}
	most := rapid.IntRange(1, 400).Draw(v.t, "bytes")
	p := parcel{}
	upTo := 0
	l.s.Drain(nil, most, func(dst, e []byte) []byte {
		p.elements = append(p.elements, string(e))
		if n, err := strconv.Atoi(idOf(e)); err == nil {
			upTo = n + 1
		}
		return append(dst, e...)
	})
	if l.kind == "bosh" {
		l.answered++
		p.rid = l.answered
		l.written[p.rid] = tale{l.s.Written(), upTo}
	}
	if !l.dead && (len(p.elements) > 0 || p.rid > 0) {
		l.down = append(l.down, p)
	}
}

// read lets the client have what is on the line.
func (v *visit) read() {
	l := v.line
	if len(l.down) == 0 {
		v.t.Skip("nothing is on its way")
	}
	p := l.down[0]
	l.down = l.down[1:]
	for _, text := range p.elements {
		v.hear(l, text)
	}
	if p.rid > 0 && p.rid == l.rid { // it always has one request there
		v.request("")
	}
}

var number = func(text, name string) uint32 {
	_, rest, _ := strings.Cut(text, " "+name+"='")
	value, _, _ := strings.Cut(rest, "'")
	n, _ := strconv.ParseUint(value, 10, 32)
	return uint32(n)
}

func (v *visit) hear(l *line, text string) {
	switch {
	case strings.Contains(text, "<jid>"): // it goes on, and knows not from where
		v.next, v.id = l.start, ""
		v.excuse()
	case strings.HasPrefix(text, "<message"):
		if n, _ := strconv.Atoi(idOf([]byte(text))); n != v.next {
			v.t.Fatalf("message %d instead of %d", n, v.next)
		}
		v.next++
	case strings.HasPrefix(text, "<enabled"):
		v.id, v.base, l.enabled = idOf([]byte(text)), v.next, true
		v.offset = v.was0(v.id)
		v.acked, v.unheard = v.offset, nil
	case strings.HasPrefix(text, "<r "):
		l.up = append(l.up, parcel{elements: []string{fmt.Sprintf(`<a xmlns='urn:xmpp:sm:3' h='%d'/>`, v.count())}, has: v.next})
	case strings.HasPrefix(text, "<a "):
		v.trim(number(text, "h"))
	case strings.HasPrefix(text, "<resumed"):
		l.enabled = true
		v.trim(number(text, "h"))
		for _, n := range v.unheard {
			l.up = append(l.up, parcel{elements: []string{messageOf(strconv.Itoa(n))}})
		}
	}
}

// was0 is where the counters of a session began: the test has set them behind the client's back.
func (v *visit) was0(id string) uint32 {
	if id != v.sessionID {
		v.t.Fatalf("an answer from another session")
	}
	return v.handled // nothing was said before the answer had come
}

// trim forgets what the server has acknowledged.
func (v *visit) trim(h uint32) {
	n := h - v.acked
	if n > uint32(len(v.unheard)) {
		v.t.Fatalf("%d acknowledged of %d", n, len(v.unheard))
	}
	v.unheard, v.acked = v.unheard[n:], h
}

// excuse gives up on what the client has no acknowledgement for: without a count it can't know.
func (v *visit) excuse() {
	for _, n := range v.unheard {
		v.excused[n] = true
	}
	v.unheard = nil
}

// cut breaks the line; what was on its way is lost, in part.
func (v *visit) cut() {
	l := v.line
	l.down, l.dead = nil, true
	l.up = l.up[:rapid.IntRange(0, len(l.up)).Draw(v.t, "still arrive")]
}

// notice lets the server find out.
func (v *visit) notice() {
	v.cut()
	v.line.noticed = true
	v.line.s.Lose(Ending{Reason: ConnectionLost})
}

// expire lets the time pass that a stream waits for its client.
func (v *visit) expire() {
	if !v.line.noticed {
		v.t.Skip("nobody waits")
	}
	v.clock.pass(6 * time.Minute)
	v.cfg.Resume.Wheel.turn(v.clock.Now())
	if v.ended == "" {
		v.t.Fatalf("it still waits")
	}
	var want []int
	for n := v.confirmed; n < v.served; n++ {
		want = append(want, n)
	}
	if !slices.Equal(v.undone, want) {
		v.t.Fatalf("not delivered: %v, told: %v", want, v.undone)
	}
	v.entomb()
	v.streams, v.confirmed, v.sessionID, v.ended, v.undone = nil, v.served, "", "", nil
	v.excuse()
	v.connect(rapid.SampledFrom([]string{"ws", "bosh"}).Draw(v.t, "carrier"))
	v.bind()
}

func (v *visit) check(t *rapid.T) {
	for i := 1; i < len(v.heard); i++ {
		if v.heard[i] <= v.heard[i-1] {
			t.Fatalf("heard %v", v.heard)
		}
	}
	for _, n := range v.heard {
		if n >= v.said {
			t.Fatalf("heard %d, of %d", n, v.said)
		}
	}
	if v.next > v.served || v.ended != "" {
		t.Fatalf("got %d of %d; ended %q", v.next, v.served, v.ended)
	}
}

// Whatever the network does, and whichever way the client comes back: what the server sends arrives once, in order; where the client
// can't say how much it has, exactly what it hasn't confirmed comes again. What it says over a session that is resumed is heard once, in order.
func TestResumeModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := newVisit(t)
		t.Repeat(map[string]func(*rapid.T){
			"serve":  func(*rapid.T) { v.serve() },
			"serve ": func(*rapid.T) { v.serve() },
			"say":    func(*rapid.T) { v.say() },
			"arrive": func(*rapid.T) { v.arrive() },
			"flush":  func(*rapid.T) { v.flush() },
			"read":   func(*rapid.T) { v.read() },
			"pass":   func(*rapid.T) { v.calm() },
			"ask":    func(*rapid.T) { v.ask() },
			"cut":    func(*rapid.T) { v.cut() },
			"notice": func(*rapid.T) { v.notice() },
			"resume": func(*rapid.T) { v.resume() },
			"token":  func(t *rapid.T) { v.connect(rapid.SampledFrom([]string{"ws", "bosh"}).Draw(t, "carrier")); v.bind() },
			"expire": func(*rapid.T) { v.expire() },
			"":       func(t *rapid.T) { v.check(t) },
		})
		// In the end the network is mended.
		if v.id != "" {
			v.resume()
		} else {
			v.connect("ws")
			v.bind()
		}
		v.calm()
		v.check(t)
		if v.next != v.served {
			t.Fatalf("got %d of %d", v.next, v.served)
		}
		for n := range v.said {
			if !v.excused[n] && !slices.Contains(v.heard, n) {
				t.Fatalf("%d was never heard: %v", n, v.heard)
			}
		}
	})
}

// calm lets everything arrive that is on its way, and what follows from it.
func (v *visit) calm() {
	for range 1000 {
		l := v.line
		switch {
		case l.dead:
			return
		case len(l.up) > 0:
			v.arrive()
		case l.s.Pending() > 0 && (l.kind == "ws" || l.arrived > l.answered):
			v.flush()
		case len(l.down) > 0:
			v.read()
		default:
			return
		}
	}
	v.t.Fatalf("it never ends")
}

// ask lets the client ask for an acknowledgement.
func (v *visit) ask() {
	if v.line.enabled && !v.line.dead {
		v.line.up = append(v.line.up, parcel{elements: []string{`<r xmlns='urn:xmpp:sm:3'/>`}})
	}
}
