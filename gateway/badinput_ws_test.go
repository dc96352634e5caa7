package gateway

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
)

// Whatever one visitor says over WebSocket, the others on the same link chat on.
func TestBadInputWS(t *testing.T) {
	s := newScene(t, "")
	for _, w := range badWords() {
		t.Run(w.name, func(t *testing.T) {
			v := s.overWS(t)
			v.raw(frame(0x81, w.by(v.jid, s.witness.jid)))
			if w.ws == "" {
				v.livesOn(t, v.nick+": "+w.heard)
				return
			}
			end, reason := cutLast(w.ws)
			wantEnding(t, v.c, end)
			s.aftermath(t, reason+"/ws", "out "+v.nick)
		})
	}
	t.Run("frames", s.badFrames)
	t.Run("login", s.badLoginWS)
	t.Run("handshake", s.badHandshake)
}

// cutLast parts the last word from the rest.
func cutLast(s string) (rest, last string) {
	i := strings.LastIndexByte(s, ' ')
	return s[:i], s[i+1:]
}

// livesOn: the witness has heard this of the visitor, who still chats, and then goes of himself.
func (v *wsVisitor) livesOn(t *testing.T, heard ...string) {
	t.Helper()
	v.s.expect(t, heard...)
	v.send(sayInRoom("<body>alive</body>"))
	v.s.expect(t, v.nick+": alive")
	v.send("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>")
	said, code, err := ending(v.c)
	if err != nil || code != 1000 || len(said) == 0 || said[len(said)-1] != "close" {
		t.Errorf("closing: %q, Close %d, %v", said, code, err)
	}
	v.s.aftermath(t, "client-closed/ws", "out "+v.nick)
}

// badFrames: RFC 6455 broken by a visitor in the room.
func (s *scene) badFrames(t *testing.T) {
	word := sayInRoom("<body>x</body>")
	const protocol = "- 1002 bad-framing"
	huge := func(n uint64) []byte {
		return append(binary.BigEndian.AppendUint64([]byte{0x81, 0xFF}, n), 1, 2, 3, 4)
	}
	fragments := func(one []byte, n int) []byte {
		all := frame(0x01, "<message xmlns='jabber:client'>")
		for range n {
			all = append(all, one...)
		}
		return all
	}
	for _, c := range []struct {
		name string
		raw  []byte
		want string
	}{
		{"binary", frame(0x82, word), "- 1003 bad-framing"},
		{"two stanzas in one message", frame(0x81, word+word), "not-well-formed 1008 bad-xml"},
		{"breaking out with another message", frame(0x81, word+"<message xmlns='jabber:client' from='admin@localhost' to='"+sceneRoom+"'/>"), "not-well-formed 1008 bad-xml"},
		{"empty message", frame(0x81, ""), "not-well-formed 1008 bad-xml"},
		{"huge declared", huge(1 << 62), "policy-violation 1009 policy-violation"},
		{"a gigabyte declared", huge(1 << 30), "policy-violation 1009 policy-violation"},
		{"declared one byte over the limit", huge(64<<10 + 1), "policy-violation 1009 policy-violation"},
		{"negative length", huge(1 << 63), protocol},
		{"endless fragments", fragments(frame(0x00, "<a/>"), 200), "policy-violation 1008 policy-violation"},
		{"endless empty fragments", fragments(frame(0x00, ""), 200), "policy-violation 1008 policy-violation"},
		{"endless fragments with pongs between", fragments(append(frame(0x8A, ""), frame(0x00, "<a/>")...), 200), "policy-violation 1008 policy-violation"},
		{"fragments too large together", fragments(frame(0x00, strings.Repeat(" ", 30<<10)), 3), "policy-violation 1009 policy-violation"},
		{"unmasked", append([]byte{0x81, byte(len("<presence/>"))}, "<presence/>"...), protocol},
		{"RSV1, as for a compressed message", frame(0xC1, word), protocol},
		{"RSV2", frame(0xA1, word), protocol},
		{"RSV3", frame(0x91, word), protocol},
		{"reserved opcode", frame(0x83, word), protocol},
		{"reserved control opcode", frame(0x8B, ""), protocol},
		{"ping in fragments", frame(0x09, "x"), protocol},
		{"ping too long", frame(0x89, strings.Repeat("x", 126)), protocol},
		{"continuation of nothing", frame(0x80, word), protocol},
		{"message inside another", append(frame(0x01, word[:9]), frame(0x81, word)...), protocol},
		{"length in too many bytes", append([]byte{0x81, 0xFE, 0, 5, 0, 0, 0, 0}, "hello"...), protocol},
		{"close with a bad code", frame(0x88, "\x03\xed"), protocol},
		{"close with bad UTF-8", frame(0x88, "\x03\xe8\xff"), "- 1007 bad-framing"},
		{"not HTTP and no frame", []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), protocol},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := s.overWS(t)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			v.raw(c.raw)
			end, reason := cutLast(c.want)
			wantEnding(t, v.c, end)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
				t.Errorf("%d bytes allocated", n)
			}
			s.aftermath(t, reason+"/ws", "out "+v.nick)
		})
	}
	t.Run("connection lost in a frame", func(t *testing.T) {
		v := s.overWS(t)
		v.raw(frame(0x81, word)[:20])
		v.c.NetConn().Close()
		s.aftermath(t, "connection-lost/ws", "out "+v.nick)
	})
}

const openWS = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='" + testComponent + "' version='1.0'/>"

// badLoginWS: what goes wrong before a visitor is one.
func (s *scene) badLoginWS(t *testing.T) {
	dial := func(t *testing.T) *browser { return &browser{t: t, c: s.dial(t)} }
	opened := func(t *testing.T) *browser {
		b := dial(t)
		b.ask(openWS, "<stream:features")
		return b
	}
	word := sayInRoom("<body>x</body>")
	for _, c := range []struct {
		name   string
		from   func(t *testing.T) *browser
		says   string
		before []string // the error
		want   string
	}{
		{"stanza before the stream", dial, word, []string{"open"}, "not-authorized 1008 bad-protocol"},
		{"stream header of RFC 6120", dial, "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='" + testComponent + "' version='1.0'>",
			[]string{"open"}, "not-well-formed 1008 bad-xml"},
		{"open to a stranger", dial, strings.Replace(openWS, testComponent, "elsewhere.example", 1), []string{"open"}, "host-unknown 1008 host-unknown"},
		{"open to the server behind", dial, strings.Replace(openWS, testComponent, "localhost", 1), []string{"open"}, "host-unknown 1008 host-unknown"},
		{"not XML at all", dial, "hello", []string{"open"}, "not-well-formed 1008 bad-xml"},
		{"stanza before login", opened, word, nil, "not-authorized 1008 bad-protocol"},
		{"bind before login", opened, bindIQ, nil, "not-authorized 1008 bad-protocol"},
		{"too large before login", opened, sayInRoom(strings.Repeat("x", 16<<10)), nil, "policy-violation 1009 policy-violation"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := c.from(t)
			b.send(c.says)
			end, reason := cutLast(c.want)
			wantEnding(t, b.c, end, c.before...)
			s.aftermath(t, reason+"/ws")
		})
	}
	t.Run("unknown mechanism", func(t *testing.T) {
		b := opened(t)
		for _, m := range []string{"PLAIN", "X-OAUTH2", ""} {
			b.ask("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='"+m+"'>AGEAYg==</auth>", "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><invalid-mechanism/></failure>")
		}
		b.ask(authSASL, "<success")
		b.ask(openWS, "<stream:features")
		b.ask(bindIQ, "<iq xmlns='jabber:client' type='result' id='bind'")
		v := &wsVisitor{b, s, s.nick()}
		v.ask(fmt.Sprintf(joinScene, v.nick), "<presence")
		v.livesOn(t, "in "+v.nick)
	})
	t.Run("unknown mechanism all the time", func(t *testing.T) {
		b := opened(t)
		for range 4 {
			b.ask("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>", "<failure")
		}
		b.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>")
		wantEnding(t, b.c, "policy-violation 1008", "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><invalid-mechanism/></failure>")
		s.aftermath(t, "policy-violation/ws")
	})
	t.Run("second bind", func(t *testing.T) {
		v := s.overWS(t)
		answer := v.ask(strings.Replace(bindIQ, "id='bind'", "id='again'", 1), "<iq")
		if !matches(answer, "iq", []string{"type='error'", "id='again'", "<not-allowed"}) {
			t.Errorf("answer %s", answer)
		}
		v.livesOn(t)
	})
}

// badHandshake: there is no stream yet, so none ends.
func (s *scene) badHandshake(t *testing.T) {
	for _, c := range []struct {
		name   string
		change [2]string
		status int
	}{
		{"no subprotocol", [2]string{"Sec-WebSocket-Protocol", ""}, http.StatusBadRequest},
		{"other subprotocol", [2]string{"Sec-WebSocket-Protocol", "mqtt, xmpp2"}, http.StatusBadRequest},
		{"wrong version", [2]string{"Sec-WebSocket-Version", "8"}, http.StatusUpgradeRequired},
		{"no key", [2]string{"Sec-WebSocket-Key", ""}, http.StatusBadRequest},
		{"key of a wrong length", [2]string{"Sec-WebSocket-Key", "eA=="}, http.StatusBadRequest},
		{"no upgrade", [2]string{"Upgrade", ""}, http.StatusUpgradeRequired},
	} {
		t.Run(c.name, func(t *testing.T) {
			request, err := http.NewRequest("GET", "http://"+s.address+pathWS, nil)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range map[string]string{
				"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
				"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "xmpp", c.change[0]: c.change[1],
			} {
				if v != "" {
					request.Header.Set(k, v)
				}
			}
			r, err := s.http.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			r.Body.Close()
			if r.StatusCode != c.status {
				t.Errorf("status %d, want %d", r.StatusCode, c.status)
			}
			s.aftermath(t, "")
		})
	}
}
