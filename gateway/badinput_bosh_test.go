package gateway

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// slowRequest bounds how long a request may take to come; nothing else depends on it.
const slowRequest = 4 * time.Second

// Whatever one visitor says over BOSH, the others on the same link chat on.
func TestBadInputBOSH(t *testing.T) {
	s := newScene(t, "", func(g *Gateway) { g.doors.server.ReadTimeout = slowRequest })
	for _, w := range badWords() {
		t.Run(w.name, func(t *testing.T) {
			c := s.overBOSH(t)
			if w.bosh == "" {
				c.until(t, w.by(c.jid, s.witness.jid), "<message")
				c.livesOn(t, c.nick+": "+w.heard)
				return
			}
			end, reason := cutLast(w.bosh)
			c.wantTerminated(t, s.ask(t, "POST", c.body("", w.by(c.jid, s.witness.jid))), end)
			s.aftermath(t, reason+"/bosh", "out "+c.nick)
		})
	}
	t.Run("bodies", s.badBodies)
	t.Run("login", s.badLoginBOSH)
	t.Run("rid", s.badRIDs)
	t.Run("keys", s.badKeys)
	t.Run("activity", s.badActivity)
	t.Run("statuses", s.badStatuses)
	t.Run("slow", s.slowRequests)
}

// livesOn: the witness has heard this of the visitor, who still chats, and then goes of himself.
func (c *boshClient) livesOn(t *testing.T, heard ...string) {
	t.Helper()
	c.s.expect(t, heard...)
	c.until(t, sayInRoom("<body>alive</body>"), "<body>alive</body>")
	c.s.expect(t, c.nick+": alive")
	if got := c.s.ask(t, "POST", c.body("type='terminate'", "")).gist(); got != "terminate " {
		t.Errorf("closing: %s", got)
	}
	c.s.aftermath(t, "client-closed/bosh", "out "+c.nick)
}

// badBodies: the wrapper itself is broken.
func (s *scene) badBodies(t *testing.T) {
	word := sayInRoom("<body>x</body>")
	for _, c := range []struct {
		name   string
		change func(request string) string // of a good one that carries word
		want   string
		reason string // "" = the session isn't touched
	}{
		{"unclosed body", func(r string) string { return strings.TrimSuffix(r, "</body>") }, "bad-request", "bad-xml"},
		{"two bodies", func(r string) string { return r + r }, "bad-request", "bad-xml"},
		{"text behind the body", func(r string) string { return r + "x" }, "bad-request", "bad-xml"},
		{"DTD before the body", func(r string) string { return "<!DOCTYPE body>" + r }, "bad-request", ""},
		{"billion laughs before the body", func(r string) string {
			return "<!DOCTYPE b [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]>" + strings.Replace(r, ">x<", ">&b;<", 1)
		}, "bad-request", ""},
		{"comment behind the body", func(r string) string { return r + "<!-- x -->" }, "bad-request", "bad-xml"},
		{"not XML at all", func(string) string { return "hello" }, "bad-request", ""},
		{"nothing", func(string) string { return "" }, "bad-request", ""},
		{"NUL", func(string) string { return "\x00" }, "bad-request", ""},
		{"invalid UTF-8 in the sid", func(r string) string { return strings.Replace(r, "sid='", "sid='\xff", 1) }, "bad-request", ""},
		{"another root", func(r string) string {
			return strings.Replace(strings.Replace(r, "<body ", "<html ", 1), "</body>", "</html>", 2)
		}, "bad-request", ""},
		{"another namespace", func(r string) string { return strings.Replace(r, "protocol/httpbind", "protocol/other", 1) }, "bad-request", ""},
		{"sid twice", func(r string) string { return strings.Replace(r, " sid=", " sid='x' sid=", 1) }, "bad-request", ""},
		{"undeclared prefix", func(r string) string { return strings.Replace(r, " sid=", " xmpp:restart='true' sid=", 1) }, "bad-request", ""},
		{"deep nesting in the place of a body", func(string) string { return strings.Repeat("<body>", 10000) }, "bad-request", ""},
		{"too many stanzas", func(r string) string {
			return strings.Replace(r, word, strings.Repeat("<presence xmlns='jabber:client' to='"+sceneRoom+"/x'/>", 257), 1)
		}, "policy-violation", "policy-violation"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := s.overBOSH(t)
			request := c.change(b.body("", word))
			if c.reason != "" {
				b.wantTerminated(t, s.ask(t, "POST", request), c.want)
				s.aftermath(t, c.reason+"/bosh", "out "+b.nick)
				return
			}
			if a := s.ask(t, "POST", request); a.gist() != "terminate "+c.want || a.status != 200 {
				t.Errorf("told %d %s, want %s", a.status, a.gist(), c.want)
			}
			b.rid-- // it didn't count
			b.livesOn(t)
		})
	}
	t.Run("breaking out with another stanza", func(t *testing.T) { // several are legal here, so the first one counts
		b := s.overBOSH(t)
		a := s.ask(t, "POST", b.body("", word+strings.Replace(word, "type=", "from='admin@localhost' type=", 1)))
		if all := a.body.Any; len(all) == 2 && all[0].XMLName.Local == "message" {
			a.body.Any = all[1:] // the room's copy of the first was faster than the answer
		}
		b.wantTerminated(t, a, "remote-stream-error+invalid-from")
		s.aftermath(t, "bad-protocol/bosh", b.nick+": x", "out "+b.nick)
	})
	t.Run("second bind", func(t *testing.T) {
		b := s.overBOSH(t)
		a := b.until(t, strings.Replace(bindIQ, "id='bind'", "id='again'", 1), "id='again'")
		if !matches(a.gist(), "iq", []string{"type='error'", "<not-allowed"}) {
			t.Errorf("answer %s", a.text)
		}
		b.livesOn(t)
	})
}

// badLoginBOSH: what goes wrong before a visitor is one.
func (s *scene) badLoginBOSH(t *testing.T) {
	word := sayInRoom("<body>x</body>")
	for _, c := range []struct {
		name, payload, want string
		before              []string // the error
	}{
		{"stanza before login", word, "remote-stream-error+not-authorized bad-protocol", nil},
		{"bind before login", bindIQ, "remote-stream-error+not-authorized bad-protocol", nil},
		{"stanza behind the login", authSASL + word, "remote-stream-error+not-authorized bad-protocol", []string{"success", "features"}},
		{"not XML before login", "hello", "bad-request bad-framing", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := s.create(t, "")
			a := s.ask(t, "POST", b.body("", c.payload))
			a.skip(t, c.before...)
			end, reason := cutLast(c.want)
			b.wantTerminated(t, a, end)
			s.aftermath(t, reason+"/bosh")
		})
	}
	t.Run("too large before login", func(t *testing.T) {
		b := s.create(t, "")
		a := s.ask(t, "POST", b.body("", sayInRoom(strings.Repeat("x", 16<<10))))
		if a.status != http.StatusRequestEntityTooLarge || a.gist() != "terminate policy-violation" {
			t.Errorf("%d %s", a.status, a.text)
		}
		s.aftermath(t, "policy-violation/bosh")
	})
	t.Run("session for a stranger's domain", func(t *testing.T) {
		for _, to := range []string{"elsewhere.example", "localhost", "conference.localhost", "x@" + testComponent} {
			a := s.ask(t, "POST", strings.Replace(fmt.Sprintf(createBOSH, 1, ""), testComponent, to, 1))
			if a.gist() != "terminate host-unknown" || a.body.SID != "" {
				t.Errorf("%s: %s", to, a.text)
			}
		}
		s.aftermath(t, "host-unknown/bosh host-unknown/bosh host-unknown/bosh host-unknown/bosh")
	})
	t.Run("session without a rid or with a bad one", func(t *testing.T) {
		for _, rid := range []string{"", "rid=''", "rid='-1'", "rid='0'", "rid='x'", "rid='9007199254740992'"} {
			a := s.ask(t, "POST", strings.Replace(fmt.Sprintf(createBOSH, 1, ""), "rid='1'", rid, 1))
			if a.gist() != "terminate bad-request" {
				t.Errorf("%s: %s", rid, a.text)
			}
		}
		s.aftermath(t, "")
	})
	t.Run("unknown mechanism", func(t *testing.T) {
		b := s.create(t, "")
		for _, m := range []string{"PLAIN", "X-OAUTH2", ""} {
			a := s.ask(t, "POST", b.body("", "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='"+m+"'>AGEAYg==</auth>"))
			if a.gist() != "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><invalid-mechanism/></failure>" {
				t.Errorf("%s: %s", m, a.text)
			}
		}
		b.login(t, nil).join(t).livesOn(t)
	})
	t.Run("unknown mechanism all the time", func(t *testing.T) {
		b := s.create(t, "")
		fail := "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>"
		for range 4 {
			b.until(t, fail, "<failure")
		}
		a := s.ask(t, "POST", b.body("", fail))
		a.skip(t, "failure")
		b.wantTerminated(t, a, "remote-stream-error+policy-violation")
		s.aftermath(t, "policy-violation/bosh")
	})
}

// skip takes what came before a stream error away, so that gist is of the error.
func (a *answer) skip(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if len(a.body.Any) < 2 || a.body.Any[0].XMLName.Local != name {
			t.Fatalf("no <%s/> at first: %s", name, a.text)
		}
		a.body.Any = a.body.Any[1:]
	}
}

// badRIDs: XEP-0124 §14.
func (s *scene) badRIDs(t *testing.T) {
	for _, c := range []struct{ name, rid, want, reason string }{
		{"missing", "", "bad-request", "bad-framing"},
		{"empty", "rid=''", "bad-request", "bad-framing"},
		{"negative", "rid='-1'", "bad-request", "bad-framing"},
		{"zero", "rid='0'", "bad-request", "bad-framing"},
		{"no number", "rid='0x10'", "bad-request", "bad-framing"},
		{"over 2^53", "rid='9007199254740992'", "bad-request", "bad-framing"},
		{"huge", "rid='184467440737095516161844674407370955161'", "bad-request", "bad-framing"},
		{"forged", "rid='77'", "item-not-found", "policy-violation"},
		{"the largest of all", "rid='9007199254740991'", "item-not-found", "policy-violation"},
		{"early", "rid='{+3}'", "item-not-found", "policy-violation"},
		{"early by 999", "rid='{+999}'", "item-not-found", "policy-violation"},
		{"late", "rid='{-3}'", "item-not-found", "policy-violation"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := s.overBOSH(t)
			rid := strings.NewReplacer("{+3}", fmt.Sprint(b.rid+3), "{+999}", fmt.Sprint(b.rid+999), "{-3}", fmt.Sprint(b.rid-3)).Replace(c.rid)
			a := s.ask(t, "POST", strings.Replace(b.at("NONE", "", sayInRoom("<body>x</body>")), "rid='NONE'", rid, 1))
			b.wantTerminated(t, a, c.want)
			s.aftermath(t, c.reason+"/bosh", "out "+b.nick)
		})
	}
	t.Run("repeated", func(t *testing.T) { // §14.3: the same answer, and it is said once
		b := s.overBOSH(t)
		request := b.body("", sayInRoom("<body>once</body>"))
		first := s.ask(t, "POST", request)
		for range 5 {
			if again := s.ask(t, "POST", request); again.text != first.text || !strings.Contains(again.text, "once") {
				t.Errorf("repeated: %s, at first %s", again.text, first.text)
			}
		}
		b.livesOn(t, b.nick+": once")
	})
	t.Run("repeated all the time", func(t *testing.T) {
		b := s.overBOSH(t)
		request := b.body("", sayInRoom("<body>once</body>"))
		s.ask(t, "POST", request)
		var a *answer
		for range 100 {
			if a = s.ask(t, "POST", request); a.body.Type != "" {
				break
			}
		}
		b.wantTerminated(t, a, "policy-violation")
		s.aftermath(t, "policy-violation/bosh", b.nick+": once", "out "+b.nick)
	})
	t.Run("early within the window", func(t *testing.T) { // §14.2: it waits for the one before
		b := s.overBOSH(t)
		ahead, second := make(chan *answer, 1), b.at(b.rid+2, "", sayInRoom("<body>second</body>"))
		go func() { // ends with its answer
			a, _ := s.try("POST", second)
			ahead <- a
		}()
		eventually(t, "the early request is held", func() bool { return s.g.bosh.Held() == 1 })
		s.ask(t, "POST", b.body("", sayInRoom("<body>first</body>")))
		if a := <-ahead; a == nil || a.body.Type != "" {
			t.Fatalf("the early request: %+v", a)
		}
		b.rid++
		b.livesOn(t, b.nick+": first", b.nick+": second")
	})
	t.Run("unknown sid", func(t *testing.T) {
		b := s.overBOSH(t)
		for _, sid := range []string{"x", "", strings.Repeat("a", 5000), strings.ToUpper(b.sid), b.sid[:len(b.sid)-1], b.sid + "x",
			strings.Repeat("a", 26) + b.sid[26:], "../../etc/passwd", "&#x41;"} {
			if sid == "" {
				continue // that asks for a new session
			}
			other := &boshClient{s: s, sid: sid, rid: b.rid}
			a := s.ask(t, "POST", other.body("", sayInRoom("<body>x</body>")))
			if a.gist() != "terminate item-not-found" || a.status != 200 {
				t.Errorf("%s: %d %s", sid, a.status, a.text)
			}
		}
		b.livesOn(t)
	})
}

// badActivity: XEP-0124 §10-§12.
func (s *scene) badActivity(t *testing.T) {
	t.Run("overactivity", func(t *testing.T) { // empty requests, each on top of one that is held
		b := s.overBOSH(t)
		const most = 100
		answers := make(chan *answer, most)
		for n := range most {
			request := b.body("", "")
			go func() { // ends with its answer
				a, err := s.try("POST", request)
				if err != nil {
					a = nil
				}
				answers <- a
			}()
			if n == 0 {
				eventually(t, "one is held", func() bool { return s.g.bosh.Held() == 1 })
				continue
			}
			a := <-answers // of the one before, which had to make room, or of all
			if a == nil {
				t.Fatal("no answer")
			}
			a.check(t, sceneOrigin)
			if a.body.Type != "" {
				if n < 10 {
					t.Errorf("ended by request %d already", n)
				}
				if got := a.gist(); got != "terminate policy-violation" {
					t.Errorf("told %s", got)
				}
				if got := (<-answers).gist(); got != "terminate policy-violation" { // the other one is told too
					t.Errorf("the other is told %s", got)
				}
				b.wantTerminated(t, s.ask(t, "POST", b.body("", "")), "policy-violation")
				s.aftermath(t, "policy-violation/bosh", "out "+b.nick)
				return
			}
			if a.gist() != "empty" {
				t.Fatalf("answered %s", a.text)
			}
		}
		t.Fatalf("%d empty requests were taken", most)
	})
	t.Run("polling too quickly", func(t *testing.T) {
		poll := s.create(t, "hold='0'").login(t, nil)
		if got := s.ask(t, "POST", poll.body("", "")).gist(); got != "empty" {
			t.Errorf("first poll: %s", got)
		}
		poll.wantTerminated(t, s.ask(t, "POST", poll.body("", "")), "policy-violation")
		s.aftermath(t, "policy-violation/bosh")
	})
	t.Run("pause too long", func(t *testing.T) {
		b := s.overBOSH(t)
		b.wantTerminated(t, s.ask(t, "POST", b.body("pause='121'", "")), "policy-violation")
		s.aftermath(t, "policy-violation/bosh", "out "+b.nick)
	})
	t.Run("pause that is no number", func(t *testing.T) {
		b := s.overBOSH(t)
		b.wantTerminated(t, s.ask(t, "POST", b.body("pause='for ever'", "")), "bad-request")
		s.aftermath(t, "bad-framing/bosh", "out "+b.nick)
	})
	t.Run("pause up to the limit", func(t *testing.T) {
		b := s.overBOSH(t)
		if got := s.ask(t, "POST", b.body("pause='120'", "")).gist(); got != "empty" {
			t.Errorf("told %s", got)
		}
		b.livesOn(t)
	})
}

// badStatuses: INTERFACE C, on a path that is always readable for the page's script.
func (s *scene) badStatuses(t *testing.T) {
	large := strings.Repeat("<a/>", 64<<10)
	for _, c := range []struct {
		name, method string
		body         func(b *boshClient) string
		headers      []string
		status       int
		want         string // gist of a POST's answer
	}{
		{"GET", "GET", nil, nil, 200, ""},
		{"PUT", "PUT", func(b *boshClient) string { return b.at(b.rid+1, "", "") }, nil, 405, ""},
		{"DELETE", "DELETE", nil, nil, 405, ""},
		{"OPTIONS", "OPTIONS", nil, []string{"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type"}, 204, ""},
		{"huge body", "POST", func(b *boshClient) string { return b.at(b.rid+1, "", large) }, nil, 413, "terminate policy-violation"},
		{"huge body, packed", "POST", func(b *boshClient) string { return packed(b.at(b.rid+1, "", large)) },
			[]string{"Content-Encoding", "gzip"}, 413, "terminate policy-violation"},
		{"bomb", "POST", func(*boshClient) string { return packed(strings.Repeat(" ", 16<<20)) }, []string{"Content-Encoding", "gzip"}, 413, "terminate policy-violation"},
		{"packed, and it isn't", "POST", func(b *boshClient) string { return b.at(b.rid+1, "", "") }, []string{"Content-Encoding", "gzip"}, 200, "terminate bad-request"},
		{"unknown encoding", "POST", func(b *boshClient) string { return b.at(b.rid+1, "", "") }, []string{"Content-Encoding", "br"}, 200, "terminate bad-request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := s.overBOSH(t)
			var body string
			if c.body != nil {
				body = c.body(b)
			}
			a, err := s.try(c.method, body, c.headers...)
			for range 50 {
				// Who is refused while he still sends may lose the answer to the reset of his connection (RFC 9112 §9.6).
				if c.status != 413 || !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
					break
				}
				a, err = s.try(c.method, body, c.headers...)
			}
			if err != nil {
				t.Fatal(err)
			}
			a.check(t, sceneOrigin)
			if a.status != c.status {
				t.Errorf("status %d, want %d: %s", a.status, c.status, a.text)
			}
			if c.method == "POST" && a.gist() != c.want {
				t.Errorf("told %s, want %s", a.text, c.want)
			}
			switch c.status {
			case 204:
				for name, want := range map[string]string{"Allow-Methods": "POST, OPTIONS, GET", "Allow-Headers": "Content-Type", "Max-Age": "1728000"} {
					if got := a.header.Get("Access-Control-" + name); got != want {
						t.Errorf("%s: %q, want %q", name, got, want)
					}
				}
			case 405:
				if got := a.header.Get("Allow"); got != "POST, OPTIONS, GET" {
					t.Errorf("Allow %q", got)
				}
			}
			b.livesOn(t) // none of it counts as a request of his session
		})
	}
	t.Run("huge body that is sent before anything is read", func(t *testing.T) {
		b := s.overBOSH(t)
		raw := s.dialHTTP(t)
		fmt.Fprintf(raw, rawPost, 1<<20)
		if _, err := raw.Write(bytes.Repeat([]byte("x"), 1<<20)); err != nil {
			t.Errorf("reset while sending: %v", err)
		}
		a := raw.read(t, sceneOrigin)
		if a.status != 413 || a.gist() != "terminate policy-violation" {
			t.Errorf("%d %s", a.status, a.text)
		}
		b.livesOn(t)
	})
	t.Run("endless chunks", func(t *testing.T) {
		b := s.overBOSH(t)
		raw := s.dialHTTP(t)
		fmt.Fprint(raw, strings.Replace(rawPost, "Content-Length: %d", "Transfer-Encoding: chunked", 1))
		chunk := "1000\r\n" + strings.Repeat("x", 4096) + "\r\n"
		for range 256 {
			if _, err := io.WriteString(raw, chunk); err != nil {
				t.Fatalf("reset while sending: %v", err)
			}
		}
		a := raw.read(t, "*") // the HTTP library has forgotten the request's origin
		if a.status != 413 || a.gist() != "terminate policy-violation" {
			t.Errorf("%d %s", a.status, a.text)
		}
		b.livesOn(t)
	})
	t.Run("not HTTP", func(t *testing.T) {
		b := s.overBOSH(t)
		raw := s.dialHTTP(t)
		fmt.Fprint(raw, "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams'>\r\n\r\n")
		r, err := http.ReadResponse(raw.r, nil)
		if err != nil || r.StatusCode != 400 {
			t.Errorf("%v, %v", r, err)
		}
		b.livesOn(t)
	})
}

func packed(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

const rawPost = "POST " + pathBOSH + " HTTP/1.1\r\nHost: x\r\nOrigin: " + sceneOrigin + "\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n"

// rawHTTP is a client's connection without any help.
type rawHTTP struct {
	net.Conn
	r *bufio.Reader
}

func (s *scene) dialHTTP(t *testing.T) *rawHTTP {
	t.Helper()
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return &rawHTTP{c, bufio.NewReader(c)}
}

func (r *rawHTTP) read(t *testing.T, origin string) *answer {
	t.Helper()
	response, err := http.ReadResponse(r.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := readAnswer(response, "POST")
	if err != nil {
		t.Fatal(err)
	}
	a.check(t, origin)
	return a
}

// slowRequests: clients that never get to the end of a request hold nobody up, and are cut in the end.
func (s *scene) slowRequests(t *testing.T) {
	b := s.overBOSH(t)
	request := b.body("", sayInRoom("<body>slow</body>"))
	type slow struct {
		*rawHTTP
		begin string
	}
	all := map[string]slow{
		"header": {s.dialHTTP(t), "POST " + pathBOSH + " HTTP/1.1\r\nX-Slow: "},
		"body":   {s.dialHTTP(t), fmt.Sprintf(rawPost, len(request)+1000) + request},
	}
	stop := make(chan struct{})
	for _, c := range all {
		io.WriteString(c, c.begin)
		go func() { // ended by stop
			trickle := time.NewTicker(20 * time.Millisecond)
			defer trickle.Stop()
			for {
				select {
				case <-trickle.C:
					io.WriteString(c, " ")
				case <-stop:
					return
				}
			}
		}()
	}
	defer close(stop)
	b.rid--
	b.until(t, sayInRoom("<body>meanwhile</body>"), "meanwhile") // himself included: the slow one doesn't count yet
	s.expect(t, b.nick+": meanwhile")
	for name, c := range all {
		if a := c.read(t, "*"); a.status != http.StatusRequestTimeout || a.gist() != "terminate bad-request" {
			t.Errorf("slow %s: %d %s", name, a.status, a.text)
		}
		if _, err := io.Copy(io.Discard, c.r); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("slow %s: not cut: %v", name, err)
		}
	}
	b.livesOn(t)
}
