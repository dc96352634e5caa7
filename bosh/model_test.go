package bosh

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"usher/c2s"
	"usher/xmpp"
)

// world is a client, a session, and a network between them that loses, delays, reorders and repeats.
type world struct {
	t     *rapid.T
	d     *site
	srv   *Server
	sid   string
	clock time.Time

	rid       uint64  // the last request's
	open      []*sent // in the order of rids
	got       []string
	said      []string // what the client has sent
	served    int      // what the server has sent
	responded uint64   // all answers up to this rid have been read
	acks      bool

	// A session may go on in another one.
	had   map[uint64]int // messages read with the answers up to a rid
	sure  int            // of the messages, the server must know that the client has so many
	fresh bool           // nothing has come yet since it goes on
}

// sent is a request that the client has no answer to.
type sent struct {
	rid    uint64
	body   string
	shows  uint64    // the last rid whose answer the client must have
	x      *exchange // nil: not at the server, or the connection broke
	lost   bool      // the client knows that it has to repeat
	answer string
}

func (w *world) ask(body string) *exchange {
	d := &desk{site: w.d, t: w.t, srv: w.srv}
	return d.ask(body)
}

func newWorld(t *rapid.T) *world {
	w := &world{t: t, d: newSite(), clock: time.Unix(1e9, 0)}
	w.d.again = true
	cfg := testConfig(w.d, c2s.NewWheel(time.Second)) // which nobody turns: see expire
	cfg.Streams.Now = func() time.Time { return w.clock }
	cfg.Streams.LoginTime = 0
	cfg.Polling = 0 // no limit on repeats
	cfg.Inactivity = 0
	cfg.Streams.Resume = c2s.Resume{Wheel: c2s.NewWheel(time.Second), Lost: func(*c2s.Stream, c2s.Ending, time.Duration) time.Duration { return time.Minute }}
	if rapid.Bool().Draw(t, "over its rate") {
		w.d.rate = c2s.Rate{PerSecond: 1, Burst: 2}
	}
	w.d.received = make(chan string, 10000)
	w.srv = New(cfg)
	w.begin()
	return w
}

// begin creates a session and binds.
func (w *world) begin() {
	t := w.t
	w.had = map[uint64]int{}
	w.acks = rapid.Bool().Draw(t, "acks")
	w.rid = rapid.Uint64Range(1, maxRID-10000).Draw(t, "rid")
	ack := ""
	if w.acks {
		ack = "ack='1'"
	}
	x := w.ask(fmt.Sprintf(`<body rid='%d' %s>%s</body>`, w.rid, replace(creation, ack), auth+bind))
	for !strings.Contains(x.said(), "<jid>") {
		w.expire()
		if x.said() != "" && !strings.Contains(x.said(), "<jid>") {
			w.responded = w.rid
			w.sid = attr(t, x.said(), "sid")
			return
		}
	}
	w.sid = attr(t, x.said(), "sid")
	w.responded = w.rid
	_, messages, _ := strings.Cut(x.said(), "</jid>") // what may have come with the answer already
	if strings.Contains(messages, "<message") {
		_, messages, _ = strings.Cut(messages, "</iq>")
		w.take("<body>" + messages)
	}
}

// goOn is a page that is loaded anew: it knows the visitor's token, and nothing of the session. What it has said and has no
// answer to may have been heard or not.
func (w *world) goOn(lose bool) {
	if lose {
		w.d.stream(w.d.opened() - 1).Lose(c2s.Ending{Reason: c2s.Inactive})
		for _, e := range w.srv.table.all() {
			e.drop()
		}
	}
	for _, s := range w.open {
		w.cut(s)
	}
	w.open = nil
	w.said = slices.Clone(w.d.heard)
	w.fresh = true
	w.begin()
}

// expire lets all that is due happen.
func (w *world) expire() {
	w.clock = w.clock.Add(61 * time.Second)
	for _, e := range w.srv.table.all() {
		e.Due(w.clock)
		for { // the goroutine that goes on after a pause
			w.srv.lot.mu.Lock()
			n := w.srv.lot.n
			w.srv.lot.mu.Unlock()
			if n == 0 {
				break
			}
			time.Sleep(10 * time.Microsecond)
		}
	}
}

// send makes a request, if the window has room; the network has it then.
func (w *world) send(payload bool) {
	if len(w.open) >= 2 {
		return
	}
	w.rid++
	attrs, stanza, shows := "", "", w.rid-2
	if payload {
		id := fmt.Sprint("c", len(w.said))
		w.said = append(w.said, id)
		stanza = message(id)
	}
	if w.acks && w.responded != w.rid-1 {
		attrs, shows = fmt.Sprintf(" ack='%d'", w.responded), w.responded
	}
	w.open = append(w.open, &sent{rid: w.rid, shows: shows,
		body: fmt.Sprintf(`<body rid='%d' sid='%s' xmlns='http://jabber.org/protocol/httpbind'%s>%s</body>`, w.rid, w.sid, attrs, stanza)})
}

// arrive brings a request to the server, for the first time or again.
func (w *world) arrive(s *sent) {
	if s.x == nil {
		s.x, s.lost = w.ask(s.body), false
	}
}

// cut breaks the connection of a request; an answer on it is lost.
func (w *world) cut(s *sent) {
	if s.x != nil {
		if s.x.said() == "" {
			s.x.lose()
		}
		s.x, s.lost = nil, true
	}
}

// read takes the answers that are there, in the order of rids as XEP-0124 §14.2 has it.
func (w *world) read() {
	for _, s := range w.open {
		if s.answer == "" && s.x != nil {
			switch body := s.x.said(); {
			case body == string(recoverableBody):
				s.x, s.lost = nil, true
			case body != "":
				s.answer = body
			}
		}
	}
	for len(w.open) > 0 && w.open[0].answer != "" {
		w.take(w.open[0].answer)
		w.responded = w.open[0].rid
		w.had[w.responded] = len(w.got)
		if n, ok := w.had[w.open[0].shows]; ok {
			w.sure = max(w.sure, n)
		}
		w.open = w.open[1:]
	}
}

func (w *world) take(body string) {
	if strings.Contains(body, "terminate") {
		w.t.Fatalf("the session ended: %s", body)
	}
	var b struct {
		Message []struct {
			ID string `xml:"id,attr"`
		} `xml:"jabber:client message"`
	}
	if err := xml.Unmarshal([]byte(body), &b); err != nil {
		w.t.Fatalf("%v: %s", err, body)
	}
	for _, m := range b.Message {
		if w.fresh {
			w.fresh = false
			w.again(m.ID)
		}
		w.got = append(w.got, m.ID)
	}
}

// again is the first message of a session that goes on: nothing is left out before it, and nothing comes again that the server must have known to be there.
func (w *world) again(id string) {
	n, err := strconv.Atoi(strings.TrimPrefix(id, "s"))
	if err != nil || n > len(w.got) || n < w.sure {
		w.t.Fatalf("goes on with %s; the client has %d, the server knows of %d", id, len(w.got), w.sure)
	}
	w.got = w.got[:n]
}

func (w *world) serve() {
	w.d.send(0, fmt.Sprint("s", w.served))
	w.served++
}

// one picks a request that is open.
func (w *world) one() *sent {
	if len(w.open) == 0 {
		w.t.Skip("none is open")
	}
	return rapid.SampledFrom(w.open).Draw(w.t, "request")
}

// Every stanza arrives once, in order, both ways, whatever the network does (interleave_requests_statem of MongooseIM, and more).
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		t.Repeat(map[string]func(*rapid.T){
			"poll":        func(*rapid.T) { w.send(false) },
			"say":         func(*rapid.T) { w.send(true) },
			"arrive":      func(*rapid.T) { w.arrive(w.one()) },
			"arrive late": func(*rapid.T) { s := w.one(); w.cut(s); w.arrive(s); w.cut(s) },
			"twice":       func(*rapid.T) { s := w.one(); w.arrive(s); s.x = nil; w.arrive(s) },
			"cut":         func(*rapid.T) { w.cut(w.one()) },
			"read":        func(*rapid.T) { w.read() },
			"serve":       func(*rapid.T) { w.serve() },
			"expire":      func(*rapid.T) { w.expire() },
			"go on":       func(t *rapid.T) { w.goOn(rapid.Bool().Draw(t, "lost")) },
			"":            func(t *rapid.T) { w.check(t) },
		})
		// In the end the network is mended.
		for i := 0; len(w.open) > 0 || len(w.got) < w.served || len(w.d.heard) < len(w.said); i++ {
			if i > 1000 {
				t.Fatalf("stuck: %d open, got %v of %d, heard %v of %v", len(w.open), w.got, w.served, w.d.heard, w.said)
			}
			for _, s := range w.open {
				w.arrive(s)
			}
			w.read()
			w.expire()
			w.read()
			if len(w.got) < w.served {
				w.send(false)
			}
		}
		w.check(t)
	})
}

func (w *world) check(t *rapid.T) {
	if !slices.Equal(w.d.heard, w.said[:min(len(w.d.heard), len(w.said))]) {
		t.Fatalf("heard %v of %v", w.d.heard, w.said)
	}
	for i, id := range w.got {
		if id != fmt.Sprint("s", i) {
			t.Fatalf("got %v", w.got)
		}
	}
	if len(w.got) > w.served {
		t.Fatalf("got %v of %d", w.got, w.served)
	}
	n := 0
	for _, e := range w.srv.table.all() {
		for _, r := range e.slots {
			if r.x != nil {
				n++
			}
		}
		if e.keptLen > maxKept || int(e.pending) > w.srv.cfg.MaxBody() {
			t.Fatalf("%d kept, %d pending", e.keptLen, e.pending)
		}
	}
	if n != w.srv.Held() {
		t.Fatalf("%d open, %d held", n, w.srv.Held())
	}
}

// FuzzBody: whatever comes, the answer is a well-formed body, and nothing breaks.
func FuzzBody(f *testing.F) {
	for _, s := range []string{
		`<body rid='1' ` + creation + `/>`,
		`<body rid='1' ` + creation + `>` + auth + bind + `</body>`,
		`<b:body xmlns:b='http://jabber.org/protocol/httpbind' rid='1' to='example.com'><b:x/></b:body>`,
		`<body rid='1001' sid='SID' xmlns='http://jabber.org/protocol/httpbind'>` + message("m") + `</body>`,
		`<body rid='1001' sid='SID' type='terminate' xmlns='http://jabber.org/protocol/httpbind'/>`,
		`<body rid='1001' sid='SID' pause='60' ack='1000' key='x' newkey='y' xmlns='http://jabber.org/protocol/httpbind'/>`,
		`<body rid='1001' sid='SID' x:restart='1' xmlns:x='urn:xmpp:xbosh' xmlns='http://jabber.org/protocol/httpbind'/>`,
		`<body rid='9007199254740993' xmlns='http://jabber.org/protocol/httpbind'/>`,
		`<body rid="&#49;" to='a&amp;b' xmlns='http://jabber.org/protocol/httpbind' />  `,
		`<?xml version='1.0'?><body/>`, `<!DOCTYPE x>`, `<body`, ``, "\xef\xbb\xbf<body/>",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d := &desk{site: newSite(), t: t}
		d.srv = New(testConfig(d.site, c2s.NewWheel(time.Second)))
		c, _ := d.open("")
		x := d.ask(strings.Replace(string(body), "SID", c.sid, 1))
		said := x.said()
		if said == "" {
			d.ask(c.at(1002, "", ""))
			d.stream(0).End(c2s.Ending{Reason: c2s.Terminated})
			said = x.said()
		}
		var w wrapper
		if bad := parse(xmpp.NewScanner(xmpp.Limits{}), []byte(said), xmpp.Limits{}, &w); bad != nil {
			t.Fatalf("%v: %q answered with %q", bad, body, said)
		}
		if attr(t, said, "sid") == "" && !w.terminate && w.payloads == 0 && said != empty && said != string(recoverableBody) {
			t.Fatalf("%q answered with %q", body, said)
		}
	})
}
