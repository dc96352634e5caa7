package load_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"usher/bench/load"
)

// serve lets do talk on each connection, one after the other.
func serve(t *testing.T, do ...func(c *peer)) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() { // ends with the listener or the last script
		defer close(done)
		for _, one := range do {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			func() {
				defer nc.Close()
				one(&peer{t: t, nc: nc, r: bufio.NewReader(nc)})
			}()
		}
	}()
	return l.Addr().String()
}

// peer is the server's end of one connection.
type peer struct {
	t  *testing.T
	nc net.Conn
	r  *bufio.Reader
}

func (p *peer) say(text string) { io.WriteString(p.nc, text) }

// dribble says it byte by byte.
func (p *peer) dribble(text string) {
	for i := range len(text) {
		p.say(text[i : i+1])
	}
}

// request reads one with a body that has this in it.
func (p *peer) request(has string) {
	r, err := http.ReadRequest(p.r)
	if err != nil {
		p.t.Errorf("instead of %s: %v", has, err)
		return
	}
	b, _ := io.ReadAll(r.Body)
	if !strings.Contains(string(b), has) {
		p.t.Errorf("the client said %q, want %q in it", b, has)
	}
}

// read reads one and returns its body.
func (p *peer) read() string {
	r, err := http.ReadRequest(p.r)
	if err != nil {
		p.t.Error(err)
		return ""
	}
	b, _ := io.ReadAll(r.Body)
	return string(b)
}

// answer is a response with this body.
func answer(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\ncontent-length:%d\r\n\r\n%s", len(body), body)
}

func body(inner string) string {
	return answer("<body xmlns='http://jabber.org/protocol/httpbind' sid='s1'>" + inner + "</body>")
}

// frame reads one of the client's, unmasked, and wants this in it.
func (p *peer) frame(op byte, has string) {
	h := make([]byte, 2)
	if _, err := io.ReadFull(p.r, h); err != nil {
		p.t.Errorf("instead of %s: %v", has, err)
		return
	}
	n := int(h[1] & 0x7f)
	if n == 126 {
		var l [2]byte
		io.ReadFull(p.r, l[:])
		n = int(binary.BigEndian.Uint16(l[:]))
	}
	b := make([]byte, 4+n)
	io.ReadFull(p.r, b)
	for i := range b[4:] {
		b[4+i] ^= b[i%4]
	}
	if h[0] != 0x80|op || h[1]&0x80 == 0 || !bytes.Contains(b[4:], []byte(has)) {
		p.t.Errorf("frame %#x %q, want %q in it", h, b[4:], has)
	}
}

// message is a frame of the server's.
func message(first byte, text string) string {
	b := []byte{first, byte(len(text))}
	if len(text) > 125 {
		b = binary.BigEndian.AppendUint16([]byte{first, 126}, uint16(len(text)))
	}
	return string(b) + text
}

const (
	switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n"
	opened    = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='x' id='1'/>"
	offered   = `<stream:features xmlns:stream="s"><mechanisms xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><mechanism>PLAIN</mechanism><mechanism>ANONYMOUS</mechanism></mechanisms></stream:features>`
	success   = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
	bindable  = "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>"
	bound     = "<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>a@x/1</jid></bind></iq>"
)

// wsLogin is a whole one; say decides in which pieces.
func wsLogin(p *peer, auth string, say func(string)) {
	if _, err := http.ReadRequest(p.r); err != nil {
		p.t.Error(err)
	}
	say(switching)
	p.frame(1, "<open")
	say(message(0x81, opened) + message(0x81, offered))
	p.frame(1, auth)
	say(message(0x81, success))
	p.frame(1, "<open")
	say(message(0x81, opened) + message(0x81, bindable))
	p.frame(1, "id='bind'")
	say(message(0x81, bound))
}

func boshLogin(p *peer, say func(string)) {
	p.request("wait='3600' hold='1'")
	say(body(offered))
	p.request("mechanism='ANONYMOUS'")
	say(body("")) // the answer comes with the next
	p.request("sid='s1'></body>")
	say(body(success))
	p.request("xmpp:restart='true'")
	say(body(bindable))
	p.request("id='bind'")
	say(body(bound))
}

// hear serves a session and returns what came, and how it ended.
func hear(s *load.Session) (all []string, err error) {
	err = s.Serve(func(b []byte) { all = append(all, string(b)) })
	return all, err
}

// TestWebSocketFrames: what the server says is understood in whatever pieces it comes: byte by byte, several messages at once, a message in
// fragments with a ping between, one that is longer than the buffer.
func TestWebSocketFrames(t *testing.T) {
	long := "<message>" + strings.Repeat("x", 60000) + "</message>"
	for name, pieces := range map[string]func(p *peer) func(string){
		"whole":        func(p *peer) func(string) { return p.say },
		"byte by byte": func(p *peer) func(string) { return p.dribble },
	} {
		t.Run(name, func(t *testing.T) {
			addr := serve(t, func(p *peer) {
				say := pieces(p)
				wsLogin(p, "mechanism='PLAIN'>AGEAcHc=<", say)
				p.frame(1, "<presence xmlns='jabber:client'/>")
				say(message(0x81, "<presence from='a'/>") + message(0x81, "<presence from='b'/>") + message(0x01, "<message>in three ") +
					message(0x89, "are you there") + message(0x00, "parts") + message(0x80, "</message>"))
				p.frame(10, "are you there")
				p.say(message(0x81, long) + message(0x81, "<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text>enough</text></stream:error>"))
				p.r.ReadByte() // the client's end
			})
			e := &load.Endpoint{URL: "ws://" + addr + "/ws", Domain: "x", User: "a", Password: "pw"}
			w := load.NewWorker()
			s, err := e.Open(t.Context(), w)
			if err != nil {
				t.Fatal(err)
			}
			if s.JID != "a@x/1" {
				t.Errorf("address %q", s.JID)
			}
			if err := s.Send(w, []byte("<presence xmlns='jabber:client'/>")); err != nil {
				t.Fatal(err)
			}
			// What came together with what was waited for is not lost.
			if err := s.Until(w, func(b []byte) bool { return string(load.Attr(b, "from")) == "a" }); err != nil {
				t.Fatal(err)
			}
			all, err := hear(s)
			if want := []string{"<presence from='b'/>", "<message>in three parts</message>", long}; strings.Join(all, "\n") != strings.Join(want, "\n") {
				t.Errorf("heard %d: %.200q", len(all), all)
			}
			if !errors.Is(err, load.ErrEnded) || !strings.Contains(err.Error(), "policy-violation (enough)") {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

// TestBodies: several stanzas in one body are told apart, chunks are put together, and what comes with what was waited for is kept.
func TestBodies(t *testing.T) {
	for name, pieces := range map[string]func(p *peer) func(string){
		"whole":        func(p *peer) func(string) { return p.say },
		"byte by byte": func(p *peer) func(string) { return p.dribble },
	} {
		t.Run(name, func(t *testing.T) {
			addr := serve(t, func(p *peer) {
				say := pieces(p)
				boshLogin(p, say)
				p.request("'></body>") // held
				say(body(`<presence from='a'/><message from="b"><body a='>'>&lt;<![CDATA[</body>]]></body><x/></message><presence from='c'/>`))
				p.request("'></body>")
				say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + "3\r\n<bo\r\n1a;x=y\r\ndy><presence from='d'/></bo\r\n3\r\ndy>\r\n0\r\n\r\n")
				p.request("'></body>")
				say(answer("<body type='terminate' condition='policy-violation' xmlns='http://jabber.org/protocol/httpbind'/>"))
				p.r.ReadByte()
			})
			e := &load.Endpoint{URL: "http://" + addr + "/b", Domain: "x"}
			w := load.NewWorker()
			s, err := e.Open(t.Context(), w)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Until(w, func(b []byte) bool { return string(load.Attr(b, "from")) == "a" }); err != nil {
				t.Fatal(err)
			}
			all, err := hear(s)
			want := []string{`<message from="b"><body a='>'>&lt;<![CDATA[</body>]]></body><x/></message>`, "<presence from='c'/>", "<presence from='d'/>"}
			if strings.Join(all, "\n") != strings.Join(want, "\n") {
				t.Errorf("heard %q", all)
			}
			if !errors.Is(err, load.ErrEnded) || !strings.Contains(err.Error(), "policy-violation") {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

// TestRepeat: a request that a server has lost, while another one is under way, is sent again as it was, on another connection; one that is merely
// held is not.
func TestRepeat(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accept := func() *peer {
		nc, err := l.Accept()
		if err != nil {
			t.Error(err)
			return nil
		}
		return &peer{t: t, nc: nc, r: bufio.NewReader(nc)}
	}
	e := &load.Endpoint{URL: "http://" + l.Addr().String() + "/b", Domain: "x", Repeat: 100 * time.Millisecond}
	done := make(chan struct{})
	go func() { // ends with the script
		defer close(done)
		first := accept()
		boshLogin(first, first.say)
		held := first.read()
		second := accept()
		second.request("<message")
		if n := e.Repeated.Load(); n != 0 {
			t.Errorf("%d requests were repeated that were merely held", n)
		}
		third := accept() // the two before stay without an answer
		if again := third.read(); again != held || !strings.Contains(held, "'></body>") {
			t.Errorf("the client repeated %q as %q", held, again)
		}
		if n, err := first.r.ReadByte(); err != io.EOF {
			t.Errorf("the connection of what is repeated was left open: %q, %v", n, err)
		}
		third.say(body("<presence from='a'/>"))
		second.say(body("<presence from='b'/>"))
		third.request("'></body>")
		third.say(body("<presence from='c'/>"))
	}()
	w := load.NewWorker()
	s, err := e.Open(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Send(w, []byte("<message xmlns='jabber:client'/>")); err != nil {
		t.Fatal(err)
	}
	var heard string
	if err := s.Until(w, func(b []byte) bool { heard += string(load.Attr(b, "from")); return len(heard) == 3 }); err != nil || heard != "abc" {
		t.Errorf("heard %q, %v", heard, err)
	}
	<-done
	if n := e.Repeated.Load(); n != 1 {
		t.Errorf("%d requests were repeated", n)
	}
}

// TestErrors: what is wrong with an endpoint or a login is an error that says so and can be told from others.
func TestErrors(t *testing.T) {
	ws := func(do func(p *peer)) func(p *peer) {
		return func(p *peer) {
			http.ReadRequest(p.r)
			p.say(switching)
			p.frame(1, "<open")
			do(p)
		}
	}
	nobody, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	for _, test := range []struct {
		name   string
		url    string // of what listens, if it is not the script
		script func(p *peer)
		is     error
		says   string
	}{
		{"no URL", "carrier-pigeon:x", nil, load.ErrEndpoint, "starts with ws:"},
		{"no host", "ws:///x", nil, load.ErrEndpoint, "names no host"},
		{"nobody listens", "ws://" + nobody.Addr().String(), nil, load.ErrEndpoint, "refused"},
		{"wrong path", "ws:", func(p *peer) {
			http.ReadRequest(p.r)
			p.say("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
		}, load.ErrEndpoint, "404"},
		{"no HTTP", "ws:", func(p *peer) { http.ReadRequest(p.r); p.say("220 mail.example.com ESMTP\r\n\r\n") }, load.ErrEndpoint, "not HTTP"},
		{"a limit", "ws:", func(p *peer) {
			http.ReadRequest(p.r)
			p.say("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
		}, load.ErrRefused, "503"},
		{"no subprotocol", "ws:", func(p *peer) {
			http.ReadRequest(p.r)
			p.say(strings.Replace(switching, "Sec-WebSocket-Protocol: xmpp\r\n", "", 1))
		}, load.ErrEndpoint, "subprotocol"},
		{"plain where TLS is", "wss:", func(p *peer) { p.r.ReadByte(); p.say("HTTP/1.1 400 Bad Request\r\n\r\n") }, load.ErrEndpoint, "tls"},
		{"wrong domain", "ws:", ws(func(p *peer) {
			p.say(message(0x81, opened) + message(0x81, "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"))
		}), load.ErrEndpoint, "is the domain right?"},
		{"no anonymous login", "ws:", ws(func(p *peer) {
			p.say(message(0x81, opened) + message(0x81, strings.Replace(offered, "ANONYMOUS", "SCRAM", 1)))
		}), load.ErrRefused, "no mechanism ANONYMOUS"},
		{"SASL failure", "ws:", ws(func(p *peer) {
			p.say(message(0x81, opened) + message(0x81, offered))
			p.frame(1, "<auth")
			p.say(message(0x81, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><temporary-auth-failure/></failure>"))
		}), load.ErrRefused, "temporary-auth-failure"},
		{"no session of BOSH", "http:", func(p *peer) { p.request("hold='1'"); p.say(answer("<html>It works!</html>")) }, load.ErrEndpoint, "no <body/>"},
		{"BOSH at a wrong path", "http:", func(p *peer) {
			p.request("hold='1'")
			p.say("HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
		}, load.ErrEndpoint, "405"},
		{"BOSH of a wrong domain", "http:", func(p *peer) {
			p.request("hold='1'")
			p.say(answer("<body type='terminate' condition='host-unknown'/>"))
		}, load.ErrEndpoint, "is the domain right?"},
		{"a component's wrong secret", "xmpp-component:", func(p *peer) {
			p.r.ReadString('>')
			p.say("<?xml version='1.0'?><stream:stream id='x'>")
			p.r.ReadString('>')
			p.say("<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>")
		}, load.ErrRefused, "not-authorized"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := &load.Endpoint{URL: test.url, Domain: "x"}
			if test.script != nil {
				e.URL += "//" + serve(t, test.script) + "/"
			}
			s, err := e.Open(t.Context(), load.NewWorker())
			if s != nil || !errors.Is(err, test.is) || !strings.Contains(fmt.Sprint(err), test.says) {
				t.Errorf("%v, want %v: ... %s", err, test.is, test.says)
			}
		})
	}
}

// TestDescriptors: who runs out of them is told what to raise.
func TestDescriptors(t *testing.T) {
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	addr := serve(t)
	few := was
	few.Cur = 3
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	_, err := (&load.Endpoint{URL: "ws://" + addr, Domain: "x"}).Open(t.Context(), load.NewWorker())
	if e := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was); e != nil {
		t.Fatal(e)
	}
	if !errors.Is(err, load.ErrDescriptors) || !strings.Contains(err.Error(), "ulimit -n") {
		t.Errorf("got %v", err)
	}
}

// TestCut: a session that is cut while somebody waits for a silent server ends that wait, and a login ends with its context.
func TestCut(t *testing.T) {
	silent := func(p *peer) { wsLogin(p, "ANONYMOUS", p.say); p.r.ReadByte() }
	e := &load.Endpoint{URL: "ws://" + serve(t, silent) + "/", Domain: "x"}
	s, err := e.Open(t.Context(), load.NewWorker())
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- s.Serve(func([]byte) {}) }() // ends with Close
	s.Close()
	if err := <-ended; err != nil {
		t.Errorf("a session that was closed here ended with %v", err)
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the user has had enough")
	e = &load.Endpoint{URL: "http://" + serve(t, func(p *peer) { p.request("hold='1'"); cancel(why); p.r.ReadByte() }) + "/", Domain: "x"}
	if _, err := e.Open(ctx, load.NewWorker()); !errors.Is(err, why) {
		t.Errorf("a login whose context ended ended with %v", err)
	}
}

// TestHotPathAllocatesNothing: neither a message that is sent nor one that is heard makes garbage.
func TestHotPathAllocatesNothing(t *testing.T) {
	const runs = 200
	said := message(0x81, "<message from='a'><body>"+strings.Repeat("x", 300)+"</body></message>")
	addr := serve(t, func(p *peer) {
		wsLogin(p, "ANONYMOUS", p.say)
		for range runs + 1 {
			p.frame(1, "<message")
			p.say(said)
		}
		p.r.ReadByte()
	})
	s, err := (&load.Endpoint{URL: "ws://" + addr + "/", Domain: "x"}).Open(t.Context(), load.NewWorker())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := load.NewWorker()
	stanza := []byte("<message xmlns='jabber:client' type='groupchat' to='a@b'><body>hello</body></message>")
	hear := func(b []byte) bool { return string(load.Attr(b, "from")) == "a" }
	// The fake allocates too, in a goroutine of its own: about two a message. Ours would come on top of that.
	n := testing.AllocsPerRun(runs, func() {
		if err := s.Send(w, stanza); err != nil {
			t.Error(err)
		}
		if err := s.Until(w, hear); err != nil {
			t.Error(err)
		}
	})
	if n > 3 {
		t.Errorf("%v allocations a message", n)
	}
}
