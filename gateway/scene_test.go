package gateway

import (
	"crypto/tls"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"usher/c2s"
	"usher/xmpp/xmpptest"
)

// scene is an edge before a real Prosody, with one component link that all share, and a room with a witness in it: a
// visitor who sees whatever comes out at the other end.
type scene struct {
	g       *Gateway
	server  *xmpptest.Server
	address string // of the public listener
	secure  string // "s" behind http and ws where it has TLS
	dialer  websocket.Dialer
	http    *http.Client
	witness *browser
	heard   chan string // by the witness, as gist writes it
	nicks   int
	lost    bool // the witness has heard something else, so what he hears next means nothing

	// As it was when the last case was over.
	since  time.Time // the link
	log    int64     // bytes of the server's log
	closes map[string]uint64
}

const (
	sceneRoom   = "witness@conference.localhost"
	sceneOrigin = "https://shop.example" // of every BOSH request
)

// newScene starts it; more is appended to the config.
func newScene(t *testing.T, more string, change ...func(*Gateway)) *scene {
	t.Helper()
	s := &scene{heard: make(chan string, 1000)}
	s.server = xmpptest.RunProsody(t, xmpptest.ServerOptions{Components: []xmpptest.Component{{Domain: testComponent, Secret: "s3cret"}}})
	yaml := strings.Replace(edgeConfig(s.server.ComponentAddr(), "    create_rooms: true\n"), "allow: [", "allow: [visitors, ", 1)
	s.g = startEdge(t, yaml+more, change...)
	s.address = s.g.doors.public[0].Addr().String()
	trust := &tls.Config{InsecureSkipVerify: true}
	if s.g.cfg.TLS != nil {
		s.secure = "s"
	}
	s.dialer = websocket.Dialer{Subprotocols: []string{"xmpp"}, HandshakeTimeout: patience, TLSClientConfig: trust}
	transport := &http.Transport{MaxIdleConnsPerHost: 4, TLSClientConfig: trust}
	s.http = &http.Client{Transport: transport, Timeout: patience}
	s.witness = s.browser(t)
	t.Cleanup(transport.CloseIdleConnections)
	s.witness.ask("<presence xmlns='jabber:client' to='"+sceneRoom+"/witness'><x xmlns='http://jabber.org/protocol/muc'/></presence>", "<presence")
	s.witness.ask("<iq xmlns='jabber:client' type='set' id='cfg' to='"+sceneRoom+"'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>", "<iq")
	s.witness.seen = func(e string) { s.heard <- gist(e) }
	s.witness.listen()
	s.since, s.closes = s.g.links()[0].Since, s.countCloses()
	s.log = s.logSize(t)
	return s
}

// dial opens a WebSocket.
func (s *scene) dial(t *testing.T) *websocket.Conn {
	t.Helper()
	c, _, err := s.dialer.Dial("ws"+s.secure+"://"+s.address+pathWS, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// browser is a visitor over WebSocket.
func (s *scene) browser(t *testing.T) *browser { return loginBrowser(t, s.dial(t), testComponent) }

// element is what gist reads of one.
type element struct {
	XMLName xml.Name
	From    string  `xml:"from,attr"`
	Type    string  `xml:"type,attr"`
	Body    *string `xml:"body"`
	Any     []struct {
		XMLName xml.Name
	} `xml:",any"`
}

// gist writes an element for comparison: who came, left or spoke in the room, which stream error it is; others as they are.
func gist(raw string) string {
	var e element
	if err := xml.Unmarshal([]byte(raw), &e); err != nil {
		return err.Error() + ": " + raw
	}
	nick, inRoom := strings.CutPrefix(e.From, sceneRoom+"/")
	switch name := e.XMLName; {
	case inRoom && name.Local == "presence" && e.Type == "":
		return "in " + nick
	case inRoom && name.Local == "presence" && e.Type == "unavailable":
		return "out " + nick
	case inRoom && name.Local == "message" && e.Type == "groupchat" && e.Body != nil:
		return nick + ": " + *e.Body
	case name.Space == "http://etherx.jabber.org/streams" && name.Local == "error" && len(e.Any) > 0:
		return "error " + e.Any[0].XMLName.Local
	case name.Space == "urn:ietf:params:xml:ns:xmpp-framing":
		return name.Local
	}
	return raw
}

// expect waits until the witness has heard this, and nothing else before it.
func (s *scene) expect(t *testing.T, want ...string) {
	t.Helper()
	if s.lost {
		t.Skip("the witness is lost since an earlier failure")
	}
	for _, w := range want {
		select {
		case got := <-s.heard:
			if got != w {
				s.lost = true
				t.Fatalf("the witness heard\n%s, want\n%s", got, w)
			}
		case <-time.After(patience):
			s.lost = true
			t.Fatalf("the witness waited in vain for %s", w)
		}
	}
}

// nick is a new one for each visitor.
func (s *scene) nick() string {
	s.nicks++
	return fmt.Sprintf("bad%d", s.nicks)
}

// aftermath is what must be so after each case: the streams that it ended are counted, each with its reason; the
// witness heard what was expected and nothing else; he still chats; the link is the one it was, and the server had nothing
// to say about it.
func (s *scene) aftermath(t *testing.T, closes string, heard ...string) {
	t.Helper()
	s.expect(t, heard...)
	still := fmt.Sprintf("still here after %d", s.nicks)
	s.witness.send("<message xmlns='jabber:client' type='groupchat' to='" + sceneRoom + "'><body>" + still + "</body></message>")
	s.expect(t, "witness: "+still)
	want := strings.Fields(closes)
	slices.Sort(want)
	var got []string
	eventually(t, "streams ended: "+closes, func() bool {
		got = s.newCloses()
		return len(got) >= len(want)
	})
	s.closes = s.countCloses()
	if !slices.Equal(got, want) {
		t.Errorf("streams ended by %v, want %v", got, want)
	}
	if l := s.g.links()[0]; l.State != "up" || !l.Since.Equal(s.since) {
		t.Errorf("the link is %s since %v, want up since %v", l.State, l.Since, s.since)
	}
	if size := s.logSize(t); size != s.log {
		t.Errorf("the server says:\n%s", s.server.LogTail(5))
		s.log = size
	}
}

func (s *scene) countCloses() map[string]uint64 {
	all := make(map[string]uint64)
	for _, r := range c2s.Reasons() {
		for over, name := range transportNames {
			all[r.String()+"/"+name] = s.g.count.closes[r][over].Load()
		}
	}
	return all
}

// newCloses lists the endings since the last case, as REASON/TRANSPORT.
func (s *scene) newCloses() (all []string) {
	for name, n := range s.countCloses() {
		for range n - s.closes[name] {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

func (s *scene) logSize(t *testing.T) int64 {
	t.Helper()
	info, err := os.Stat(s.server.LogFile())
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

const joinScene = "<presence xmlns='jabber:client' to='" + sceneRoom + "/%s'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>"

// wsVisitor is in the room over WebSocket.
type wsVisitor struct {
	*browser
	s    *scene
	nick string
}

func (s *scene) overWS(t *testing.T) *wsVisitor {
	t.Helper()
	v := &wsVisitor{s.browser(t), s, s.nick()}
	v.send(fmt.Sprintf(joinScene, v.nick))
	for { // the subject is the last that comes at a join (XEP-0045 §7.2.15)
		e, err := v.read()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(e, "<subject") {
			break
		}
	}
	s.expect(t, "in "+v.nick)
	return v
}

// raw writes bytes to the socket as they are.
func (v *wsVisitor) raw(b ...[]byte) {
	for _, p := range b {
		v.c.NetConn().Write(p) // it may be closed while we talk; what was heard tells
	}
}

// ending reads to the end: what was said, and the code of the Close frame.
func ending(c *websocket.Conn) (said []string, code int, err error) {
	c.SetReadDeadline(time.Now().Add(patience))
	for {
		_, data, err := c.ReadMessage()
		if closed, ok := err.(*websocket.CloseError); ok {
			return said, closed.Code, nil
		}
		if err != nil {
			return said, 0, err
		}
		said = append(said, gist(string(data)))
	}
}

// wantEnding checks it against, say, "not-well-formed 1008": a stream error and <close/>, or "- 1002": nothing but the Close frame.
func wantEnding(t *testing.T, c *websocket.Conn, want string, before ...string) {
	t.Helper()
	said, code, err := ending(c)
	if err != nil {
		t.Fatalf("after %q: %v", said, err)
	}
	condition, wantCode, _ := strings.Cut(want, " ")
	wantSaid := before
	if condition != "-" {
		wantSaid = append(wantSaid, "error "+condition, "close")
	}
	if !slices.Equal(said, wantSaid) || fmt.Sprint(code) != wantCode {
		t.Errorf("told %q, Close %d; want %q, Close %s", said, code, wantSaid, wantCode)
	}
}

// frame makes a client's WebSocket frame: the first byte as given, masked.
func frame(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n <= 125:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = append(b, 0x80|126, byte(n>>8), byte(n))
	default:
		b = append(b, 0x80|127, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	mask := [4]byte{0xA1, 0x5C, 0x03, 0xF7}
	b = append(b, mask[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return b
}

// boshClient speaks XEP-0124, right or wrong.
type boshClient struct {
	s    *scene
	sid  string
	rid  uint64
	jid  string
	nick string
}

// answer is one HTTP answer.
type answer struct {
	status int
	header http.Header
	text   string
	body   struct {
		XMLName   xml.Name
		SID       string `xml:"sid,attr"`
		Type      string `xml:"type,attr"`
		Condition string `xml:"condition,attr"`
		Inner     string `xml:",innerxml"`
		Any       []struct {
			XMLName xml.Name
			Any     []struct{ XMLName xml.Name } `xml:",any"`
		} `xml:",any"`
	}
}

// gist is "empty", "terminate CONDITION+STREAM-ERROR", or what is in it.
func (a *answer) gist() string {
	b := &a.body
	inner := b.Inner
	if len(b.Any) == 1 && b.Any[0].XMLName == (xml.Name{Space: "http://etherx.jabber.org/streams", Local: "error"}) && len(b.Any[0].Any) > 0 {
		inner = "+" + b.Any[0].Any[0].XMLName.Local
	}
	switch {
	case b.Type == "terminate":
		return "terminate " + b.Condition + inner
	case b.Type != "":
		return b.Type + inner
	case inner == "":
		return "empty"
	}
	return inner
}

// ask sends a request and checks what every answer must have.
func (s *scene) ask(t *testing.T, method, body string, headers ...string) *answer {
	t.Helper()
	a, err := s.try(method, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	a.check(t, sceneOrigin)
	return a
}

// check: a page's script may read it (CORS).
func (a *answer) check(t *testing.T, origin string) {
	t.Helper()
	if got := a.header.Get("Access-Control-Allow-Origin"); got != origin {
		t.Errorf("%d: allowed origin %q", a.status, got)
	}
	if got := a.header.Get("Vary"); got != "Origin" {
		t.Errorf("%d: Vary %q", a.status, got)
	}
}

func (s *scene) try(method, body string, headers ...string) (*answer, error) {
	request, err := http.NewRequest(method, "http"+s.secure+"://"+s.address+pathBOSH, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Origin", sceneOrigin)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	r, err := s.http.Do(request)
	if err != nil {
		return nil, err
	}
	return readAnswer(r, method)
}

func readAnswer(r *http.Response, method string) (*answer, error) {
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	a := &answer{status: r.StatusCode, header: r.Header, text: string(text)}
	if method != "POST" {
		return a, nil
	}
	if err := xml.Unmarshal(text, &a.body); err != nil {
		return nil, fmt.Errorf("%d %s: %w", a.status, text, err)
	}
	if a.body.XMLName.Space != "http://jabber.org/protocol/httpbind" || a.body.XMLName.Local != "body" {
		return nil, fmt.Errorf("%d %s: no <body/>", a.status, text)
	}
	return a, nil
}

const createBOSH = "<body rid='%d' to='" + testComponent + "' ver='1.6' wait='10' xmpp:version='1.0' xmlns:xmpp='urn:xmpp:xbosh' xmlns='http://jabber.org/protocol/httpbind' %s/>"

// create opens a session; attrs come on top.
func (s *scene) create(t *testing.T, attrs string) *boshClient {
	t.Helper()
	c := &boshClient{s: s, rid: 1 << 40}
	a := s.ask(t, "POST", fmt.Sprintf(createBOSH, c.rid, attrs))
	if c.sid = a.body.SID; c.sid == "" || a.status != 200 {
		t.Fatalf("no session: %d %s", a.status, a.text)
	}
	return c
}

// at writes a request with this rid, body the next one.
func (c *boshClient) at(rid any, attrs, payload string) string {
	return fmt.Sprintf("<body rid='%v' sid='%s' xmlns='http://jabber.org/protocol/httpbind' %s>%s</body>", rid, c.sid, attrs, payload)
}

func (c *boshClient) body(attrs, payload string) string {
	c.rid++
	return c.at(c.rid, attrs, payload)
}

// until sends the payload, and empty requests while the answers lack what is waited for.
func (c *boshClient) until(t *testing.T, payload string, part string) *answer {
	t.Helper()
	for {
		a := c.s.ask(t, "POST", c.body("", payload))
		if a.body.Type != "" || a.status != 200 {
			t.Fatalf("%d %s, want %s", a.status, a.text, part)
		}
		if strings.Contains(strings.ReplaceAll(a.text, `"`, "'"), part) {
			return a
		}
		payload = ""
	}
}

const (
	authSASL = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>"
	bindIQ   = "<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
)

// login binds; keys of XEP-0124 §15 are added by key, which may be nil.
func (c *boshClient) login(t *testing.T, key func() string) *boshClient {
	t.Helper()
	if key == nil {
		key = func() string { return "" }
	}
	var a *answer
	for _, step := range []struct{ attrs, payload, want string }{
		{"", authSASL, "<success"},
		{"xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh'", "", "xmpp-bind"},
		{"", bindIQ, "<jid>"},
	} {
		a = c.s.ask(t, "POST", c.body(step.attrs+key(), step.payload))
		if !strings.Contains(a.text, step.want) {
			t.Fatalf("%d %s, want %s", a.status, a.text, step.want)
		}
	}
	_, jid, _ := strings.Cut(a.text, "<jid>")
	c.jid, _, _ = strings.Cut(jid, "</jid>")
	return c
}

// join enters the room.
func (c *boshClient) join(t *testing.T) *boshClient {
	t.Helper()
	c.nick = c.s.nick()
	c.until(t, fmt.Sprintf(joinScene, c.nick), "<subject")
	c.s.expect(t, "in "+c.nick)
	return c
}

func (s *scene) overBOSH(t *testing.T) *boshClient {
	t.Helper()
	return s.create(t, "").login(t, nil).join(t)
}

// wantTerminated checks an answer that ends the session, and that the session is over.
func (c *boshClient) wantTerminated(t *testing.T, a *answer, want string) {
	t.Helper()
	if got := a.gist(); got != "terminate "+want || a.status != 200 {
		t.Errorf("told %d %s, want terminate %s", a.status, got, want)
	}
	if got := c.s.ask(t, "POST", c.body("", "")).gist(); got != "terminate "+want {
		t.Errorf("afterwards told %s, want terminate %s", got, want)
	}
}
