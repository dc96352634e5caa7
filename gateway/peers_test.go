package gateway

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Cases of other servers' black-box tests, over the running edge with a real server behind, with and without TLS: Prosody's
// mod_bosh_spec, MongooseIM's bosh_SUITE, websockets_SUITE and websocket_SUITE. Those that are about time, or look
// inside the server, are in bosh and ws, where there is a clock to turn; docs/specs.md lists them all.
func TestPeers(t *testing.T) {
	for _, name := range []string{"plain", "TLS"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it mostly waits
			more := ""
			if name == "TLS" {
				dir := t.TempDir()
				writeCertificate(t, dir, "edge", "localhost")
				more = "tls: {cert: " + dir + "/edge.crt, key: " + dir + "/edge.key}\n"
			}
			s := newScene(t, more)
			t.Run("prosody", s.prosodyBOSH)
			t.Run("mongooseim", s.mongooseBOSH)
			t.Run("mongooseim websockets", s.mongooseWS)
		})
	}
}

// later asks on another goroutine; the answer comes through the channel.
func (s *scene) later(t *testing.T, body string) <-chan *answer {
	got := make(chan *answer, 1)
	go func() { // ends with its answer
		a, err := s.try("POST", body)
		if err != nil {
			t.Error(err)
			a = &answer{}
		}
		got <- a
	}()
	return got
}

// prosodyBOSH is spec/mod_bosh_spec.lua.
func (s *scene) prosodyBOSH(t *testing.T) {
	held := func(t *testing.T) {
		t.Helper()
		eventually(t, "a request is held", func() bool { return s.g.bosh.Held() == 1 })
	}
	// start is how its tests log in: all in the creation request.
	start := func(t *testing.T, wait string) *boshClient {
		b := &boshClient{s: s, rid: 998}
		create := strings.Replace(fmt.Sprintf(createBOSH, b.rid, "from='test@localhost' content='text/xml; charset=utf-8' hold='1'"), "wait='10'", "wait='"+wait+"'", 1)
		a := s.ask(t, "POST", strings.Replace(create, "/>", ">"+authSASL+bindIQ+"</body>", 1))
		if b.sid = a.body.SID; b.sid == "" || !strings.Contains(a.text, "<jid>") {
			t.Fatalf("no session: %s", a.text)
		}
		return b
	}
	end := func(t *testing.T, b *boshClient, closes string) {
		t.Helper()
		if closes == "client-closed/bosh" {
			s.ask(t, "POST", b.body("type='terminate'", ""))
		}
		s.aftermath(t, closes)
	}
	t.Run("test endpoint should be reachable", func(t *testing.T) {
		if a := s.ask(t, "GET", ""); a.status != 200 || a.text == "" {
			t.Errorf("%d %s", a.status, a.text)
		}
	})
	t.Run("should respond to past rids with past responses", func(t *testing.T) {
		b := start(t, "1")
		if got := s.ask(t, "POST", b.body("", "")).gist(); got != "empty" { // 999
			t.Errorf("999: %s", got)
		}
		poll := b.body("", "")
		first := s.later(t, poll)
		held(t)
		second := s.later(t, b.body("", ""))
		once := <-first
		again := s.ask(t, "POST", poll)
		if again.text != once.text || again.gist() != "empty" {
			t.Errorf("at first %s, then %s", once.text, again.text)
		}
		<-second
		end(t, b, "client-closed/bosh")
	})
	t.Run("should handle out-of-order requests", func(t *testing.T) {
		b := s.create(t, "")
		third := s.later(t, b.at(b.rid+2, "", bindIQ))
		held(t)
		if a := s.ask(t, "POST", b.body("", authSASL)); !strings.Contains(a.text, "<success") {
			t.Errorf("second: %s", a.text)
		}
		if a := <-third; !strings.Contains(a.text, "<jid>") {
			t.Errorf("third: %s", a.text)
		}
		b.rid++
		end(t, b, "client-closed/bosh")
	})
	t.Run("should work", func(t *testing.T) {
		b := s.create(t, "")
		b.until(t, authSASL, "<success")
		b.until(t, bindIQ, "<jid>")
		end(t, b, "client-closed/bosh")
	})
	t.Run("should handle aborted pending requests", func(t *testing.T) {
		b := start(t, "1")
		poll := b.body("", "")
		ctx, abort := context.WithCancel(context.Background())
		request, err := http.NewRequestWithContext(ctx, "POST", "http"+s.secure+"://"+s.address+pathBOSH, strings.NewReader(poll))
		if err != nil {
			t.Fatal(err)
		}
		aborted := make(chan error, 1)
		go func() { // ended by abort
			_, err := s.http.Do(request)
			aborted <- err
		}()
		held(t)
		abort()
		if <-aborted == nil {
			t.Fatal("it was answered")
		}
		eventually(t, "the edge has noticed", func() bool { return s.g.bosh.Held() == 0 })
		if got := s.ask(t, "POST", poll).gist(); got != "empty" {
			t.Errorf("again: %s", got)
		}
		end(t, b, "client-closed/bosh")
	})
	t.Run("should fail on requests beyond rid window", func(t *testing.T) {
		b := start(t, "1")
		s.ask(t, "POST", b.body("", "")) // 999
		b.wantTerminated(t, s.ask(t, "POST", b.at(1002, "", "")), "item-not-found")
		end(t, b, "policy-violation/bosh")
	})
	t.Run("should always succeed for requests within the rid window", func(t *testing.T) {
		b := s.create(t, "")
		b.until(t, authSASL, "<success")
		bind := b.body("", bindIQ)
		first := s.ask(t, "POST", bind)
		b.until(t, "<iq xmlns='jabber:client' type='get' id='ping1'><ping xmlns='urn:xmpp:ping'/></iq>", "id='ping1'")
		if again := s.ask(t, "POST", bind); again.text != first.text || !strings.Contains(again.text, "<jid>") {
			t.Errorf("at first %s, then %s", first.text, again.text)
		}
		end(t, b, "client-closed/bosh")
	})
}

// direct is a message from one visitor to another.
func direct(to, id, body string) string {
	return "<message xmlns='jabber:client' type='chat' to='" + to + "' id='" + id + "'><body>" + body + "</body></message>"
}

// letter is what arrives of it.
type letter struct {
	XMLName xml.Name
	From    string `xml:"from,attr"`
	ID      string `xml:"id,attr"`
	Body    string `xml:"body"`
}

func openLetter(t *testing.T, raw string) letter {
	t.Helper()
	var l letter
	if err := xml.Unmarshal([]byte(raw), &l); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	if l.XMLName != (xml.Name{Space: "jabber:client", Local: "message"}) {
		t.Fatalf("no message of jabber:client: %s", raw)
	}
	return l
}

// delivered waits for the witness's next letter.
func (s *scene) delivered(t *testing.T, want letter) {
	t.Helper()
	select {
	case raw := <-s.heard:
		got := openLetter(t, raw)
		if got.XMLName = (xml.Name{}); got != want {
			t.Errorf("the witness got %+v, want %+v", got, want)
		}
	case <-time.After(patience):
		s.lost = true
		t.Fatal("the witness waited in vain for a letter")
	}
}

// Characters that have to be escaped somewhere: as sent, and what they stand for.
const (
	escaped   = "Hi! &amp; &lt; &gt; &apos; &quot; &#x20AC; \U0001F642 <![CDATA[<&>]]>"
	unescaped = "Hi! & < > ' \" € \U0001F642 <&>"
	escapedID = "&lt;&amp;&apos;&gt;&quot;"
	plainID   = "<&'>\""
)

// mongooseBOSH is big_tests/tests/bosh_SUITE.erl.
func (s *scene) mongooseBOSH(t *testing.T) {
	gone := func(t *testing.T, b *boshClient) {
		t.Helper()
		s.ask(t, "POST", b.body("type='terminate'", ""))
		s.aftermath(t, "client-closed/bosh")
	}
	t.Run("create_and_terminate_session", func(t *testing.T) {
		before := s.g.bosh.Sessions()
		b := s.create(t, "")
		if n := s.g.bosh.Sessions(); n != before+1 {
			t.Errorf("%d sessions, want %d", n, before+1)
		}
		if got := s.ask(t, "POST", b.body("type='terminate'", "")).gist(); got != "terminate " {
			t.Errorf("told %s", got)
		}
		if n := s.g.bosh.Sessions(); n != before {
			t.Errorf("%d sessions are left, want %d", n, before)
		}
		s.aftermath(t, "client-closed/bosh")
	})
	t.Run("accept_higher_hold_value", func(t *testing.T) {
		for hold, want := range map[string]string{"2": "1", "1": "1", "0": "0"} {
			a := s.ask(t, "POST", fmt.Sprintf(createBOSH, 7, "hold='"+hold+"'"))
			if !strings.Contains(a.text, " hold='"+want+"'") {
				t.Errorf("hold %s: %s", hold, a.text)
			}
			b := &boshClient{s: s, sid: a.body.SID, rid: 7}
			gone(t, b)
		}
	})
	t.Run("interleave_requests", func(t *testing.T) {
		b := s.create(t, "").login(t, nil)
		say := func(n int) string { return direct(s.witness.jid, fmt.Sprint(n), fmt.Sprint("message ", n)) }
		second := s.later(t, b.at(b.rid+2, "", say(2)))
		eventually(t, "the second is there", func() bool { return s.g.bosh.Held() == 1 })
		first := s.later(t, b.at(b.rid+1, "", say(1)))
		for n := 1; n <= 2; n++ {
			s.delivered(t, letter{From: b.jid, ID: fmt.Sprint(n), Body: fmt.Sprint("message ", n)})
		}
		<-first
		third := s.later(t, b.at(b.rid+3, "", say(3)))
		<-second
		fourth := s.later(t, b.at(b.rid+4, "", say(4)))
		<-third
		for n := 3; n <= 4; n++ {
			s.delivered(t, letter{From: b.jid, ID: fmt.Sprint(n), Body: fmt.Sprint("message ", n)})
		}
		b.rid += 4
		gone(t, b)
		<-fourth
	})
	t.Run("simple_chat, namespace", func(t *testing.T) {
		b := s.create(t, "").login(t, nil)
		poll := s.later(t, b.body("", direct(s.witness.jid, "there", "Hi!")))
		s.delivered(t, letter{From: b.jid, ID: "there", Body: "Hi!"})
		s.witness.send(direct(b.jid, "back", "Hello!"))
		got := openLetter(t, (<-poll).gist())
		if got.From != s.witness.jid || got.ID != "back" || got.Body != "Hello!" {
			t.Errorf("got %+v", got)
		}
		gone(t, b)
	})
	t.Run("cdata_escape_chat, escape_attr_chat", func(t *testing.T) {
		b := s.create(t, "").login(t, nil)
		poll := s.later(t, b.body("", direct(s.witness.jid, escapedID, escaped)))
		s.delivered(t, letter{From: b.jid, ID: plainID, Body: unescaped})
		s.witness.send(direct(b.jid, escapedID, escaped))
		if got := openLetter(t, (<-poll).gist()); got.ID != plainID || got.Body != unescaped {
			t.Errorf("got %+v", got)
		}
		gone(t, b)
	})
	t.Run("multiple_stanzas", func(t *testing.T) {
		b := s.create(t, "").login(t, nil)
		var all string
		for n := range 4 {
			all += direct(s.witness.jid, fmt.Sprint(n), "one of four")
		}
		poll := s.later(t, b.body("", all))
		for n := range 4 {
			s.delivered(t, letter{From: b.jid, ID: fmt.Sprint(n), Body: "one of four"})
		}
		gone(t, b)
		<-poll
	})
	t.Run("interrupt_long_poll_is_activity, reply_in_time", func(t *testing.T) {
		b := s.create(t, "").login(t, nil)
		poll := s.later(t, b.body("", ""))
		eventually(t, "one is held", func() bool { return s.g.bosh.Held() == 1 })
		next := s.later(t, b.body("", direct(s.witness.jid, "x", "in between")))
		if got := (<-poll).gist(); got != "empty" {
			t.Errorf("the poll is told %s", got)
		}
		s.delivered(t, letter{From: b.jid, ID: "x", Body: "in between"})
		gone(t, b)
		<-next
		short := &boshClient{s: s, rid: 1}
		short.sid = s.ask(t, "POST", strings.Replace(fmt.Sprintf(createBOSH, short.rid, ""), "wait='10'", "wait='1'", 1)).body.SID
		if got := short.login(t, nil).s.ask(t, "POST", short.body("", "")).gist(); got != "empty" {
			t.Errorf("after wait: %s", got)
		}
		gone(t, short)
	})
	t.Run("reply_on_pause", func(t *testing.T) {
		b := s.create(t, "").login(t, nil)
		poll := s.later(t, b.body("", ""))
		eventually(t, "one is held", func() bool { return s.g.bosh.Held() == 1 })
		if got := s.ask(t, "POST", b.body("pause='10'", "")).gist(); got != "empty" {
			t.Errorf("the pause is told %s", got)
		}
		if got := (<-poll).gist(); got != "empty" || s.g.bosh.Held() != 0 {
			t.Errorf("the poll is told %s, %d are held", got, s.g.bosh.Held())
		}
		gone(t, b)
	})
	t.Run("server_acks", func(t *testing.T) {
		b := s.create(t, "ack='1'").login(t, nil)
		first := s.later(t, b.body("ack='"+strconv.FormatUint(b.rid, 10)+"'", ""))
		eventually(t, "the first is held", func() bool { return s.g.bosh.Held() == 1 })
		second := s.later(t, b.body("ack='"+strconv.FormatUint(b.rid-1, 10)+"'", direct(s.witness.jid, "x", "second")))
		if a := <-first; !strings.Contains(a.text, " ack='"+strconv.FormatUint(b.rid, 10)+"'") {
			t.Errorf("the first is told %s, want ack %d", a.text, b.rid)
		}
		s.delivered(t, letter{From: b.jid, ID: "x", Body: "second"})
		gone(t, b)
		<-second
	})
	t.Run("force_retransmission", func(t *testing.T) {
		b := s.create(t, "").login(t, nil)
		request := b.body("", direct(s.witness.jid, "x", "once"))
		first := s.later(t, request)
		s.delivered(t, letter{From: b.jid, ID: "x", Body: "once"})
		s.witness.send(direct(b.jid, "y", "and back"))
		once := <-first
		if again := s.ask(t, "POST", request); again.text != once.text || !strings.Contains(again.text, "and back") {
			t.Errorf("at first %s, then %s", once.text, again.text)
		}
		gone(t, b) // and the witness has it once
	})
}

// mongooseWS is big_tests/tests/websockets_SUITE.erl and test/websocket_SUITE.erl.
func (s *scene) mongooseWS(t *testing.T) {
	gone := func(t *testing.T, v *browser) {
		t.Helper()
		v.send("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>")
		if said, code, err := ending(v.c); code != 1000 || len(said) != 1 || said[0] != "close" {
			t.Errorf("closing: %q, Close %d, %v", said, code, err)
		}
		s.aftermath(t, "client-closed/ws")
	}
	t.Run("chat_msg", func(t *testing.T) {
		v := s.browser(t)
		v.send(direct(s.witness.jid, "there", "Hi!"))
		s.delivered(t, letter{From: v.jid, ID: "there", Body: "Hi!"})
		s.witness.send(direct(v.jid, "back", "Hello!"))
		raw, err := v.read()
		if err != nil {
			t.Fatal(err)
		}
		if got := openLetter(t, raw); got.From != s.witness.jid || got.ID != "back" || got.Body != "Hello!" {
			t.Errorf("got %+v", got)
		}
		gone(t, v)
	})
	t.Run("escape_chat_msg, escape_attrs", func(t *testing.T) {
		v := s.browser(t)
		v.send(direct(s.witness.jid, escapedID, escaped))
		s.delivered(t, letter{From: v.jid, ID: plainID, Body: unescaped})
		s.witness.send(direct(v.jid, escapedID, escaped))
		_, raw, err := v.c.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if got := openLetter(t, string(raw)); got.ID != plainID || got.Body != unescaped {
			t.Errorf("got %+v", got)
		}
		gone(t, v)
	})
	t.Run("too_big_stanza_is_rejected", func(t *testing.T) {
		v := s.browser(t)
		v.c.NetConn().Write(frame(0x81, direct(s.witness.jid, "x", strings.Repeat("x", 64<<10)))) // in one frame, as browsers do
		wantEnding(t, v.c, "policy-violation 1009")
		s.aftermath(t, "policy-violation/ws") // and the other has got nothing
	})
	t.Run("invalid_xmpp_version_is_rejected", func(t *testing.T) {
		c := s.dial(t)
		b := &browser{t: t, c: c}
		b.send(strings.Replace(openWS, "version='1.0'", "version='0.9'", 1))
		wantEnding(t, c, "unsupported-version 1008", "open")
		s.aftermath(t, "bad-protocol/ws")
	})
	t.Run("unavailable_presence_on_ws_disconnect", func(t *testing.T) {
		v := s.browser(t)
		v.send("<presence xmlns='jabber:client' to='" + s.witness.jid + "'/>")
		presence := func(kind string) {
			t.Helper()
			select {
			case raw := <-s.heard:
				if !strings.HasPrefix(raw, "<presence") || attr(raw, "from") != v.jid || attr(raw, "type") != kind {
					t.Errorf("the witness got %s, want presence %q of %s", raw, kind, v.jid)
				}
			case <-time.After(patience):
				t.Fatalf("no presence %q", kind)
			}
		}
		presence("")
		v.send("<presence xmlns='jabber:client' type='unavailable'/>") // RFC 6121 §4.5.2: to everybody who has it
		presence("unavailable")
		v.send("<presence xmlns='jabber:client' to='" + s.witness.jid + "'/>")
		presence("")
		v.c.NetConn().Close() // without a word
		presence("unavailable")
		s.aftermath(t, "connection-lost/ws")
	})
	t.Run("metrics_test", func(t *testing.T) {
		v := s.browser(t)
		in, out := &s.g.count.octets[Up][overWS], &s.g.count.octets[Down][overWS]
		inBefore, outBefore := in.Load(), out.Load()
		v.ask("<iq xmlns='jabber:client' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>", "<iq")
		// The answer may be read before it's counted.
		eventually(t, "both are counted", func() bool { return in.Load() > inBefore && out.Load() > outBefore })
		gone(t, v)
	})
}
