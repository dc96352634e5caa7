package c2s

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/xmpp"
)

// gate is a Handler that notes what it is told, one line each.
type gate struct {
	mu     sync.Mutex
	told   []string
	closed map[*Stream]int
	host   Host

	// For sessions that outlive their streams.
	old         *Stream // who binds the resource "again" succeeds it
	undelivered bool    // Closed tells what was not delivered
}

func (g *gate) tell(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.told = append(g.told, strings.TrimSpace(fmt.Sprintf(format, args...)))
}

func (g *gate) Open(s *Stream, to string) (Host, error) {
	g.tell("open %s", to)
	switch to {
	case "site.example", "visitors.example":
		return g.host, nil
	case "neighbour.example":
		return Host{Domain: to}, nil
	case "broken.example":
		return Host{}, errors.New("no reason for strangers to see")
	case "full.example":
		return g.host, &xmpp.StreamError{Condition: "resource-constraint", Text: "full"}
	case "gone.example":
		s.End(Ending{Reason: Shutdown})
		return g.host, nil
	}
	return Host{}, &xmpp.StreamError{Condition: "host-unknown", Text: "no such site"}
}

func (g *gate) Bind(s *Stream, resource string) (string, error) {
	g.tell("bind %q", resource)
	switch resource {
	case "taken":
		return "", &xmpp.StanzaError{Type: "modify", Condition: "conflict"}
	case "broken":
		return "", errors.New("no reason for strangers to see")
	case "ends":
		s.End(Ending{Reason: Terminated})
	case "again":
		if s.Succeed(g.old) {
			return g.old.Bound(), nil
		}
	case "":
		resource = "r4nd0m"
	}
	s.SetOwner(resource)
	return "abc@visitors.example/" + resource, nil
}

func (g *gate) Stanza(s *Stream, e *xmpp.Element) {
	g.tell("%s %s", e.Name.Local, e.ID)
	if string(e.ID) == "echo" {
		s.Send(e, &xmpp.Header{From: []byte("room@rooms.example"), ID: e.ID, Type: e.Type})
	}
}

func (g *gate) Closed(s *Stream, e Ending) {
	g.tell("closed %v", e.Reason)
	if g.undelivered {
		s.Undelivered(func(e []byte) { g.tell("undelivered %s", idOf(e)) })
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed == nil {
		g.closed = map[*Stream]int{}
	}
	g.closed[s]++
}

// idOf is the id of an element of ours.
func idOf(e []byte) string {
	_, rest, _ := bytes.Cut(e, []byte(" id='"))
	id, _, _ := bytes.Cut(rest, []byte("'"))
	return string(id)
}

// bell is a Transport that counts.
type bell struct {
	mu   sync.Mutex
	rung int
}

func (b *bell) Wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rung++
}

// clock stands still unless it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// rig is one stream and everything around it.
type rig struct {
	t      testing.TB
	gate   *gate
	bell   *bell
	clock  *clock
	cfg    *Config
	stream *Stream
	scan   *xmpp.Scanner
	got    []string // drained and not yet compared
	ids    map[string]bool
	wheel  *Wheel
	all    map[string]*rig // streams of one process, by name
	vars   map[string]string
}

func newRig(t testing.TB, transport string) *rig {
	r := &rig{t: t, bell: &bell{}, clock: &clock{now: time.Unix(1e9, 0)}, ids: map[string]bool{}}
	r.gate = &gate{host: Host{Domain: "site.example"}}
	r.cfg = &Config{Handler: r.gate, LoginTime: 15 * time.Second, Outbox: 4 << 10, Now: r.clock.Now}
	r.scan = xmpp.NewScanner(xmpp.Limits{})
	r.wheel = NewWheel(time.Second)
	r.wheel.start = r.clock.Now()
	r.vars = map[string]string{}
	r.all = map[string]*rig{"first": r}
	r.connect(transport)
	return r
}

func (r *rig) connect(transport string) {
	r.stream = New(r.cfg, r.bell, Info{Remote: netip.MustParseAddr("192.0.2.1"), Transport: transport})
	if transport == "bosh" {
		r.stream.Confirms()
	}
}

// other returns the stream of that name, opened over WebSocket if there was none; "name bosh" opens one over BOSH.
func (r *rig) other(name string) *rig {
	name, transport, _ := strings.Cut(name, " ")
	if o := r.all[name]; o != nil {
		return o
	}
	o := *r
	o.bell, o.got, o.ids = &bell{}, nil, map[string]bool{}
	if transport == "" {
		transport = "ws"
	}
	o.connect(transport)
	r.all[name] = &o
	return &o
}

func (r *rig) element(text string) *xmpp.Element {
	r.t.Helper()
	e, err := r.scan.One([]byte(text))
	if err != nil {
		r.t.Fatalf("%s: %v", text, err)
	}
	return e
}

// say lets the client say one element; <open/> stands for the carrier's header.
func (r *rig) say(text string) {
	r.t.Helper()
	e := r.element(text)
	if string(e.Name.Local) != "open" {
		r.stream.Receive(e)
		return
	}
	attr := func(name string) string { v, _ := e.Attr(name); return v }
	h := Header{To: attr("to"), From: attr("from"), Version: attr("version"), Lang: attr("xml:lang")}
	answer, err := r.stream.Open(h)
	if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(answer.ID) || r.ids[answer.ID] {
		r.t.Errorf("stream id %q", answer.ID)
	}
	r.ids[answer.ID] = true
	if (err != nil) != (r.stream.Ended() != nil) {
		r.t.Errorf("Open returned %v, the ending is %v", err, r.stream.Ended())
	}
	if answer.Lang != "en" || answer.Version != "1.0" {
		r.t.Errorf("header %+v", answer)
	}
	line := "<open"
	if answer.From != "" {
		line += fmt.Sprintf(" from='%s'", answer.From)
	}
	if answer.To != "" {
		line += fmt.Sprintf(" to='%s'", answer.To)
	}
	r.got = append(r.got, line+"/>")
}

func (r *rig) drain() {
	_, more := r.stream.Drain(nil, 1<<20, func(dst, e []byte) []byte {
		r.got = append(r.got, string(e))
		alone(r.t, e)
		return append(dst, e...)
	})
	if more {
		r.t.Error("there is more after a full drain")
	}
}

// play runs a script: what the client says (C), what it hears (S, or
// S? for what must be in it), what the
// Handler is told (H), how the stream ends (E), how much time passes (T).
// "=" goes on with another stream of the same process, X loses the connection for a reason, Q ends the stream for one, M sends a message with that id from the
// server, N lets the
// carrier confirm so many, O says who is succeeded next, I is S and notes what stands in the place of a $name.
// Whatever the script doesn't foresee is an error.
func (r *rig) play(script string) {
	r.t.Helper()
	for n, line := range strings.Split(strings.TrimSpace(script), "\n") {
		line = strings.TrimSpace(line)
		who, what, _ := strings.Cut(line, ": ")
		what = r.fill(what)
		switch who {
		case "=":
			r = r.other(what)
			r.drain()
		case "X":
			r.drain()
			r.quiet(n, line)
			r.stream.Lose(Ending{Reason: reasonNamed(what)})
		case "L": // lost, with what is queued
			r.stream.Lose(Ending{Reason: reasonNamed(what)})
		case "B": // said, and nothing is heard of the answer
			r.say(what)
		case "N":
			n, err := strconv.ParseUint(what, 10, 32)
			if err != nil {
				r.t.Fatal(err)
			}
			r.stream.Confirmed(uint32(n))
		case "O":
			r.gate.old = r.other(what).stream
		case "Q":
			r.stream.End(Ending{Reason: reasonNamed(what)})
			r.drain()
		case "M":
			if r.stream.SendRaw([]byte(messageOf(what))) {
				r.stream.Wake()
			}
			r.drain()
		case "I":
			r.note(n, what)
		case "C":
			r.quiet(n, line)
			r.say(what)
			r.drain()
		case "S":
			if len(r.got) == 0 {
				r.t.Fatalf("line %d: nothing said, want\n%s", n+1, what)
			}
			if r.got[0] != what {
				r.t.Fatalf("line %d:\n got %s\nwant %s", n+1, r.got[0], what)
			}
			r.got = r.got[1:]
		case "S?":
			if len(r.got) == 0 {
				r.t.Fatalf("line %d: nothing said, want %s", n+1, what)
			}
			for _, part := range strings.Fields(what) {
				if !strings.Contains(r.got[0], part) {
					r.t.Fatalf("line %d: no %s in %s", n+1, part, r.got[0])
				}
			}
			r.got = r.got[1:]
		case "H":
			if len(r.gate.told) == 0 || r.gate.told[0] != what {
				r.t.Fatalf("line %d: the handler was told %q, want %q", n+1, r.gate.told, what)
			}
			r.gate.told = r.gate.told[1:]
		case "E":
			if got := ending(r.stream.Ended()); got != what {
				r.t.Fatalf("line %d: ended %q, want %q", n+1, got, what)
			}
			r.gate.told = remove(r.gate.told, "closed "+strings.Fields(what)[0])
		case "T":
			d, err := time.ParseDuration(what)
			if err != nil {
				r.t.Fatal(err)
			}
			r.clock.pass(d)
			r.wheel.turn(r.clock.Now())
			r.stream.Expire()
			r.drain()
		case "":
		default:
			r.t.Fatalf("line %d: %q", n+1, line)
		}
	}
	for _, o := range r.all {
		o.drain()
		o.quiet(-1, "the end")
	}
	if e := r.stream.Ended(); e != nil && r.gate.closed[r.stream] != 1 {
		r.t.Errorf("Closed was called %d times", r.gate.closed[r.stream])
	}
}

// fill puts in what was noted.
func (r *rig) fill(what string) string {
	for name, value := range r.vars {
		what = strings.ReplaceAll(what, name, value)
	}
	return what
}

var variable = regexp.MustCompile(`\\\$[a-z]+`)

// note compares what was said with a pattern, and keeps the names in it.
func (r *rig) note(n int, pattern string) {
	r.t.Helper()
	if len(r.got) == 0 {
		r.t.Fatalf("line %d: nothing said, want\n%s", n+1, pattern)
	}
	quoted := regexp.QuoteMeta(pattern)
	names := variable.FindAllString(quoted, -1)
	m := regexp.MustCompile("^" + variable.ReplaceAllString(quoted, "([0-9a-f]{32})") + "$").FindStringSubmatch(r.got[0])
	if m == nil {
		r.t.Fatalf("line %d:\n got %s\nwant %s", n+1, r.got[0], pattern)
	}
	for i, name := range names {
		r.vars[strings.TrimPrefix(name, `\`)] = m[i+1]
	}
	r.got = r.got[1:]
}

func messageOf(id string) string { return "<message " + jc + " id='" + id + "'/>" }

func reasonNamed(name string) Reason {
	for _, r := range Reasons() {
		if r.String() == name {
			return r
		}
	}
	return Unknown
}

// quiet checks that nothing more was said or told.
func (r *rig) quiet(n int, line string) {
	r.t.Helper()
	if len(r.got) > 0 || len(r.gate.told) > 0 {
		r.t.Fatalf("before line %d (%s): left over %q, handler %q", n+1, line, r.got, r.gate.told)
	}
}

// alone checks that an element is well-formed with no declarations around it.
func alone(t testing.TB, e []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(e))
	for depth := 0; ; {
		token, err := d.Token()
		if err == io.EOF && depth == 0 {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", e, err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			if depth++; !strings.Contains(x.Name.Space, ":") { // an undeclared prefix stays as it is
				t.Errorf("%s: the namespace of %s is %q", e, x.Name.Local, x.Name.Space)
			}
		case xml.EndElement:
			depth--
		}
	}
}

func ending(e *Ending) string {
	switch {
	case e == nil:
		return "not"
	case e.Err == nil:
		return e.Reason.String()
	default:
		return e.Reason.String() + " " + e.Err.Condition + e.Err.App
	}
}

func remove(lines []string, line string) []string {
	for i := range lines {
		if lines[i] == line {
			return append(lines[:i:i], lines[i+1:]...)
		}
	}
	return lines
}

// loggedIn and ready are the scripts up to reopened and up to bound, on WebSocket.
const (
	loggedIn = `
		C: <open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='site.example' version='1.0'/>
		H: open site.example
		S: <open from='site.example'/>
		S: <stream:features xmlns:stream='http://etherx.jabber.org/streams'><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>ANONYMOUS</mechanism></mechanisms></stream:features>
		C: <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>
		S: <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>
		C: <open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='site.example' version='1.0'/>
		S: <open from='site.example'/>
		S: <stream:features xmlns:stream='http://etherx.jabber.org/streams'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session><sm xmlns='urn:xmpp:sm:3'/><csi xmlns='urn:xmpp:csi:0'/></stream:features>`
	ready = loggedIn + `
		C: <iq xmlns='jabber:client' type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>web</resource></bind></iq>
		H: bind "web"
		S: <iq xmlns='jabber:client' type='result' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>abc@visitors.example/web</jid></bind></iq>`
	enabled = ready + `
		C: <enable xmlns='urn:xmpp:sm:3' resume='true'/>
		S?: <enabled xmlns='urn:xmpp:sm:3' id='`
)
