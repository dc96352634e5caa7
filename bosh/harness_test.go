package bosh

import (
	"bufio"
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"usher/c2s"
	"usher/conn"
	"usher/xmpp"
)

// site is the Handler of the tests: one domain, everybody may log in, stanzas are noted.
type site struct {
	mu       sync.Mutex
	heard    []string // ids of stanzas, in order
	raw      []string
	streams  []*c2s.Stream
	endings  []c2s.Ending
	closed   chan struct{} // one for each ending
	stanza   func(s *c2s.Stream, e *xmpp.Element)
	rate     c2s.Rate
	received chan string
	again    bool // who binds takes over from the stream that was opened before his
}

func newSite() *site {
	return &site{closed: make(chan struct{}, 1000), received: make(chan string, 1000)}
}

func (d *site) Open(s *c2s.Stream, to string) (c2s.Host, error) {
	if to != "example.com" {
		return c2s.Host{}, &xmpp.StreamError{Condition: "host-unknown", Text: "no such site"}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.streams = append(d.streams, s)
	return c2s.Host{Domain: to, Stanzas: d.rate}, nil
}

func (d *site) Bind(s *c2s.Stream, resource string) (string, error) {
	if resource == "" {
		resource = "r"
	}
	d.mu.Lock()
	again := d.again
	d.mu.Unlock()
	if n := d.opened(); again && n > 1 {
		s.Succeed(d.stream(n - 2))
	}
	return "visitor@example.com/" + resource, nil
}

func (d *site) Stanza(s *c2s.Stream, e *xmpp.Element) {
	d.mu.Lock()
	d.heard = append(d.heard, string(e.ID))
	d.raw = append(d.raw, string(e.Append(nil, xmpp.Component, &xmpp.Header{To: e.To, Type: e.Type, ID: e.ID})))
	hook := d.stanza
	d.mu.Unlock()
	if hook != nil {
		hook(s, e)
	}
	d.received <- string(e.ID)
}

func (d *site) Closed(s *c2s.Stream, e c2s.Ending) {
	d.mu.Lock()
	d.endings = append(d.endings, e)
	d.mu.Unlock()
	d.closed <- struct{}{}
}

func (d *site) stream(i int) *c2s.Stream {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.streams[i]
}

func (d *site) opened() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.streams)
}

func (d *site) ids() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.heard, " ")
}

func (d *site) ending(t testing.TB) c2s.Ending {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.endings) != 1 {
		t.Fatalf("%d endings", len(d.endings))
	}
	return d.endings[0]
}

// send is what the upstream reader does.
func (d *site) send(i int, id string) {
	s := d.stream(i)
	if s.SendRaw([]byte(message(id))) {
		s.Wake()
	}
}

func message(id string) string {
	return `<message xmlns='jabber:client' id='` + id + `'><body>hello ` + id + `</body></message>`
}

func testConfig(d *site, wheel *c2s.Wheel) Config {
	return Config{
		Streams:    &c2s.Config{Handler: d, LoginTime: 15 * time.Second, Outbox: 256 << 10, Now: time.Now},
		Wheel:      wheel,
		Wait:       60 * time.Second,
		Hold:       1,
		Requests:   2,
		Polling:    5 * time.Second,
		Inactivity: 60 * time.Second,
		MaxPause:   120 * time.Second,
		Gzip:       true,
		Stalled:    30 * time.Second,
		Limits:     xmpp.Limits{Bytes: 64 << 10, Depth: 64, Attributes: 64, Elements: 1000},
		Prelogin:   16 << 10,
		Node:       "node-1",
	}
}

// failer is what testing.TB and rapid.T have in common.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// desk drives sessions without any socket; meant for synctest bubbles.
type desk struct {
	*site
	t   failer
	srv *Server
}

func newDesk(t testing.TB, change func(*Config)) *desk {
	t.Helper()
	d := newSite()
	wheel := c2s.NewWheel(100 * time.Millisecond)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { wheel.Run(ctx); close(done) }() // ended by the cleanup
	t.Cleanup(func() { cancel(); <-done })
	cfg := testConfig(d, wheel)
	if change != nil {
		change(&cfg)
	}
	return &desk{site: d, t: t, srv: New(cfg)}
}

// ask is what Serve does with a POST, up to the point where the request would be held.
func (d *desk) ask(body string) *exchange {
	d.t.Helper()
	var w wrapper
	bad := parse(xmpp.NewScanner(d.srv.cfg.Limits), []byte(body), d.srv.cfg.Limits, &w)
	h := head{origin: "*"}
	info := &c2s.Info{Transport: "bosh"}
	if len(w.sid) == 0 {
		if c := badCreation(&w, bad); c != "" {
			x := &exchange{s: &session{srv: d.srv}, head: h}
			x.reply(terminated(c))
			return x
		}
		e := newSession(d.srv, info, &w)
		x := &exchange{s: e, head: h}
		e.begin(&w, []byte(body), x)
		x.hold()
		return x
	}
	key, e := d.srv.find(&w)
	if e == nil {
		x := &exchange{s: &session{srv: d.srv}, head: h}
		x.reply(d.srv.epitaph(key))
		return x
	}
	x := &exchange{s: e, head: h}
	e.accept(&w, []byte(body), bad, x)
	x.hold()
	return x
}

// hold is atOnce, but leaves the answer to be looked at.
func (x *exchange) hold() {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if x.phase == serving {
		x.phase = held
		x.s.srv.held.Add(1)
	}
}

// lose is what happens when the client of a held request leaves.
func (x *exchange) lose() {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.leave()
}

// said is the answer, "" if there is none yet.
func (x *exchange) said() string {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	return string(x.body)
}

// client writes requests with the right rid and sid.
type client struct {
	rid int
	sid string
}

func (c *client) body(attrs, payload string) string {
	c.rid++
	return c.at(c.rid, attrs, payload)
}

func (c *client) at(rid int, attrs, payload string) string {
	return fmt.Sprintf(`<body rid='%d' sid='%s' xmlns='http://jabber.org/protocol/httpbind' %s>%s</body>`, rid, c.sid, attrs, payload)
}

const creation = `to='example.com' ver='1.6' wait='60' hold='1' xml:lang='en' xmpp:version='1.0' xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh'`

const (
	auth    = `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>`
	restart = `xmpp:restart='true' to='example.com' xmlns:xmpp='urn:xmpp:xbosh'`
	bind    = `<iq id='bind' type='set' xmlns='jabber:client'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`
)

// open creates a session; further attributes replace those of creation with the same name.
func (d *desk) open(attrs string) (*client, string) {
	d.t.Helper()
	c := &client{rid: 1000}
	x := d.ask(fmt.Sprintf(`<body rid='%d' %s/>`, c.rid, replace(creation, attrs)))
	c.sid = attr(d.t, x.said(), "sid")
	return c, x.said()
}

// login creates a session and binds.
func (d *desk) login(attrs string) *client {
	d.t.Helper()
	c, _ := d.open(attrs)
	d.want(d.ask(c.body("", auth)), "<success")
	d.want(d.ask(c.body(restart, "")), "urn:ietf:params:xml:ns:xmpp-bind")
	d.want(d.ask(c.body("", bind)), "<jid>visitor@example.com/r</jid>")
	return c
}

func (d *desk) want(x *exchange, part string) {
	d.t.Helper()
	if got := x.said(); !strings.Contains(got, part) {
		d.t.Fatalf("answer %q, want %q in it", got, part)
	}
}

func (d *desk) wantBody(x *exchange, want string) {
	d.t.Helper()
	if got := x.said(); got != want {
		d.t.Fatalf("answer\n%q, want\n%q", got, want)
	}
}

func (d *desk) wantHeld(x *exchange) {
	d.t.Helper()
	if got := x.said(); got != "" {
		d.t.Fatalf("answered with %q, want it held", got)
	}
}

const empty = `<body xmlns='http://jabber.org/protocol/httpbind'/>`

func stop(condition string) string {
	if condition == "" {
		return `<body xmlns='http://jabber.org/protocol/httpbind' type='terminate'/>`
	}
	return `<body xmlns='http://jabber.org/protocol/httpbind' type='terminate' condition='` + condition + `'/>`
}

func wrap(payload string) string {
	return `<body xmlns='http://jabber.org/protocol/httpbind'>` + payload + `</body>`
}

// replace puts attributes in the place of others with the same name.
func replace(attrs, by string) string {
	for _, a := range strings.Fields(by) {
		name, _, _ := strings.Cut(a, "=")
		i := strings.Index(" "+attrs, " "+name+"=")
		if i < 0 {
			attrs += " " + a
			continue
		}
		end := i + strings.Index(attrs[i:], "'")
		end += 2 + strings.Index(attrs[end+1:], "'")
		attrs = attrs[:i] + a + attrs[end:]
	}
	return attrs
}

// attr reads an attribute of an answer; it must be well-formed.
func attr(t failer, body, name string) string {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(body))
	tok, err := dec.Token()
	if err != nil {
		t.Fatalf("answer %q: %v", body, err)
	}
	for _, a := range tok.(xml.StartElement).Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// edge is a server on a real socket.
type edge struct {
	*site
	t    testing.TB
	srv  *Server
	http *fasthttp.Server
	addr string
}

func newEdge(t testing.TB, change func(*Config)) *edge {
	t.Helper()
	d := newSite()
	wheel := c2s.NewWheel(10 * time.Millisecond)
	ctx, cancel := context.WithCancel(context.Background())
	cfg := testConfig(d, wheel)
	e := &edge{site: d, t: t}
	e.http = &fasthttp.Server{
		KeepHijackedConns: true, ReduceMemoryUsage: true, NoDefaultServerHeader: true,
		MaxRequestBodySize: 1 << 20, ReadTimeout: 20 * time.Second, Logger: quiet{},
		Handler: func(ctx *fasthttp.RequestCtx) {
			e.srv.Serve(ctx, c2s.Info{Transport: "bosh", Origin: string(ctx.Request.Header.Peek("Origin"))})
		},
	}
	cfg.ServeConn, cfg.Idle = e.http.ServeConn, &conn.Idle{}
	if change != nil {
		change(&cfg)
	}
	e.srv = New(cfg)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e.addr = ln.Addr().String()
	var wg sync.WaitGroup
	wg.Go(func() { wheel.Run(ctx) }) // ended by cancel
	wg.Go(func() {                   // ended by cancel
		if err := cfg.Idle.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	wg.Go(func() { e.http.Serve(ln) }) // ended by Shutdown
	t.Cleanup(func() {
		gone, done := context.WithTimeout(context.Background(), 0)
		defer done()
		e.srv.Shutdown(gone)
		e.http.Shutdown()
		cancel()
		wg.Wait()
	})
	return e
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}

// wire is one keep-alive connection of a client.
type wire struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func (e *edge) dial() *wire {
	e.t.Helper()
	c, err := net.Dial("tcp", e.addr)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(2 * time.Minute)) // for a busy machine; nothing waits for it
	return &wire{e.t, c, bufio.NewReader(c)}
}

func httpRequest(method, headers, body string) string {
	return fmt.Sprintf("%s /http-bind HTTP/1.1\r\nHost: example.com\r\nOrigin: https://shop.example\r\n%sContent-Length: %d\r\n\r\n%s", method, headers, len(body), body)
}

func (w *wire) write(raw string) {
	w.t.Helper()
	if _, err := io.WriteString(w, raw); err != nil {
		w.t.Fatal(err)
	}
}

// read takes one response.
func (w *wire) read() (*http.Response, string) {
	w.t.Helper()
	resp, err := http.ReadResponse(w.r, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		w.t.Fatal(err)
	}
	return resp, b.String()
}

func (w *wire) post(body string) string {
	w.t.Helper()
	w.write(httpRequest("POST", "", body))
	resp, got := w.read()
	if resp.StatusCode != 200 {
		w.t.Fatalf("status %d", resp.StatusCode)
	}
	return got
}

// login opens and binds a session over this connection.
func (w *wire) login(attrs string) *client {
	w.t.Helper()
	c := &client{rid: 1000}
	c.sid = attr(w.t, w.post(fmt.Sprintf(`<body rid='%d' %s/>`, c.rid, replace(creation, attrs))), "sid")
	w.post(c.body("", auth))
	w.post(c.body(restart, ""))
	if got := w.post(c.body("", bind)); !strings.Contains(got, "<jid>") {
		w.t.Fatalf("no bind: %s", got)
	}
	return c
}

// until waits for a condition that another goroutine brings about; it is not a timed assertion.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
