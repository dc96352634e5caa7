package ws

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"usher/c2s"
	"usher/conn"
	"usher/xmpp"
)

// site is a c2s.Handler with one domain, whose visitors talk to an echo.
type site struct {
	mu     sync.Mutex
	n      int
	bound  map[string]*c2s.Stream
	closed chan c2s.Ending
	rate   c2s.Rate
	stanza func(s *c2s.Stream, e *xmpp.Element) // instead of the echo
}

func (h *site) Open(s *c2s.Stream, to string) (c2s.Host, error) {
	if to != "shop.example" {
		return c2s.Host{}, &xmpp.StreamError{Condition: "host-unknown", Text: "no such site"}
	}
	return c2s.Host{Domain: "shop.example", Stanzas: h.rate}, nil
}

func (h *site) Bind(s *c2s.Stream, resource string) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.n++
	jid := fmt.Sprintf("v%d@shop.example/%s", h.n, resource)
	h.bound[jid] = s
	return jid, nil
}

func (h *site) Stanza(s *c2s.Stream, e *xmpp.Element) {
	if h.stanza != nil {
		h.stanza(s, e)
		return
	}
	s.Send(e, &xmpp.Header{From: e.To, Type: e.Type, ID: e.ID})
	s.Wake()
}

func (h *site) Closed(s *c2s.Stream, e c2s.Ending) { h.closed <- e }

// stream returns the stream that was bound as number n.
func (h *site) stream(t testing.TB, jid string) *c2s.Stream {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.bound[jid]
	if s == nil {
		t.Fatalf("%s isn't bound", jid)
	}
	return s
}

// ended waits for the next stream's end.
func (h *site) ended(t testing.TB, want c2s.Reason) c2s.Ending {
	t.Helper()
	e := <-h.closed
	if e.Reason != want {
		t.Fatalf("ended with %v (%v), want %v", e.Reason, e.Err, want)
	}
	return e
}

// edge is a server for tests on a loopback port.
type edge struct {
	*Server
	site *site
	ln   net.Listener
}

func testConfig() Config {
	return Config{
		Streams: &c2s.Config{LoginTime: time.Minute, Outbox: 256 << 10, Now: time.Now},
		Ping:    time.Minute, Pong: time.Minute, Stalled: time.Minute,
		Fragments: 4, Prelogin: 2048,
		Limits: xmpp.Limits{Bytes: 8192, Depth: 16, Attributes: 16, Elements: 64},
	}
}

// start runs a server; over wraps its listener.
func start(t testing.TB, cfg Config, over func(net.Listener) net.Listener) *edge {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if over != nil {
		ln = over(ln)
	}
	h := &site{bound: make(map[string]*c2s.Stream), closed: make(chan c2s.Ending, 1<<14)}
	cfg.Streams.Handler = h
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	if cfg.Wheel == nil {
		cfg.Wheel = c2s.NewWheel(5 * time.Millisecond)
		running.Go(func() { cfg.Wheel.Run(ctx) }) // ends with ctx
	}
	if cfg.Idle == nil {
		cfg.Idle = &conn.Idle{}
		running.Go(func() { // ends with ctx
			if err := cfg.Idle.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	e := &edge{Server: New(cfg), site: h, ln: ln}
	srv := &fasthttp.Server{
		KeepHijackedConns: true, ReduceMemoryUsage: true, ReadTimeout: time.Minute,
		Handler: func(rc *fasthttp.RequestCtx) {
			e.Serve(rc, c2s.Info{Transport: "ws", Host: string(rc.Host()), Origin: string(rc.Request.Header.Peek("Origin"))})
		},
	}
	running.Go(func() { srv.Serve(ln) }) // ends with the listener
	t.Cleanup(func() {
		ln.Close()
		now, stop := context.WithCancel(context.Background())
		stop()
		e.Shutdown(now)
		<-e.empty
		cancel()
		running.Wait()
	})
	return e
}

const upgrade = "GET /xmpp-websocket HTTP/1.1\r\nHost: shop.example\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n"

// client speaks RFC 6455 by hand, so that it can also speak it wrong.
type client struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

// dial upgrades; behind follows the request in the same write.
func (e *edge) dial(t testing.TB, behind ...[]byte) *client {
	t.Helper()
	nc, err := net.Dial("tcp", e.ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return upgraded(t, nc, behind...)
}

func upgraded(t testing.TB, nc net.Conn, behind ...[]byte) *client {
	t.Helper()
	t.Cleanup(func() { nc.Close() })
	c := &client{t: t, Conn: nc, r: bufio.NewReader(nc)}
	c.write(append([]byte(upgrade), bytes.Join(behind, nil)...))
	status, err := c.r.ReadString('\n')
	if err != nil || !strings.HasPrefix(status, "HTTP/1.1 101 ") {
		t.Fatalf("upgrade: %q, %v", status, err)
	}
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == "\r\n" {
			return c
		}
	}
}

func (c *client) write(b []byte) {
	c.t.Helper()
	if _, err := c.Conn.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// frame makes a client's frame: first byte as given, masked.
func frame(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n <= 125:
		b = append(b, maskBit|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, maskBit|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, maskBit|127), uint64(n))
	}
	mask := [4]byte{0xA1, 0x5C, 0x03, 0xF7}
	b = append(b, mask[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return b
}

func text(payload string) []byte { return frame(finBit|opText, payload) }

func (c *client) send(message string) { c.t.Helper(); c.write(text(message)) }

// next reads a server's frame: whole, unmasked, its length in the shortest form.
func (c *client) next() (op byte, payload string, err error) {
	var h [2]byte
	if _, err := io.ReadFull(c.r, h[:]); err != nil {
		return 0, "", err
	}
	n := uint64(h[1])
	switch n {
	case 126:
		var x [2]byte
		if _, err := io.ReadFull(c.r, x[:]); err != nil {
			return 0, "", err
		}
		if n = uint64(binary.BigEndian.Uint16(x[:])); n < 126 {
			c.t.Fatalf("length %d in two bytes", n)
		}
	case 127:
		var x [8]byte
		if _, err := io.ReadFull(c.r, x[:]); err != nil {
			return 0, "", err
		}
		if n = binary.BigEndian.Uint64(x[:]); n < 1<<16 {
			c.t.Fatalf("length %d in eight bytes", n)
		}
	}
	if h[0]&0xF0 != finBit || h[1]&maskBit != 0 {
		c.t.Fatalf("frame starts with % x", h)
	}
	p := make([]byte, n)
	_, err = io.ReadFull(c.r, p)
	return h[0] & 0xF, string(p), err
}

// expect reads frames that must be these, each written as gist does.
func (c *client) expect(want ...string) {
	c.t.Helper()
	for i, w := range want {
		op, p, err := c.next()
		if got := gist(op, p, err); !strings.HasPrefix(got, w) {
			c.t.Fatalf("frame %d is\n%s\nwant\n%s", i, got, w)
		}
	}
}

// gist writes a frame for comparison: a message as it is, what differs each time replaced; others by name.
func gist(op byte, p string, err error) string {
	switch {
	case err == io.EOF:
		return "EOF"
	case err != nil:
		return "error " + err.Error()
	case op == opText:
		if i := strings.Index(p, " id='"); strings.HasPrefix(p, "<open") && i > 0 {
			j := i + 5 + strings.IndexByte(p[i+5:], '\'')
			p = p[:i+5] + "ID" + p[j:]
		}
		return p
	case op == opClose && len(p) == 0:
		return "Close"
	case op == opClose:
		return fmt.Sprintf("Close %d%s", binary.BigEndian.Uint16([]byte(p)), p[2:])
	}
	return fmt.Sprintf("%s %s", map[byte]string{opPing: "Ping", opPong: "Pong"}[op], p)
}

const (
	openShop    = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='shop.example' version='1.0' xml:lang='de'/>"
	opened      = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='shop.example' id='ID' version='1.0' xml:lang='en'/>"
	openedBlind = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' id='ID' version='1.0' xml:lang='en'/>"
	closeStream = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"
	auth        = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>"
	bind        = "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>"
	hello       = "<message xmlns='jabber:client' to='echo@shop.example' id='m1'><body>hello</body></message>"
	echoed      = "<message xmlns='jabber:client' from='echo@shop.example' id='m1'><body>hello</body></message>"
)

func errorOf(condition string) string {
	return "<stream:error xmlns:stream='http://etherx.jabber.org/streams'><" + condition + " "
}

// login takes the client from the upgrade to a bound stream.
func (c *client) login() *client {
	c.t.Helper()
	c.send(openShop)
	c.expect(opened, "<stream:features")
	c.send(auth)
	c.expect("<success")
	c.send(openShop)
	c.expect(opened, "<stream:features")
	c.send(bind)
	c.expect("<iq ")
	return c
}

// A whole life, as it stands on the wire.
func TestTranscript(t *testing.T) {
	e := start(t, testConfig(), nil)
	c := e.dial(t)
	for _, step := range []struct{ says, hears string }{
		{openShop, opened},
		{"", "<stream:features xmlns:stream='http://etherx.jabber.org/streams'><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>ANONYMOUS</mechanism>"},
		{auth, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"},
		{openShop, opened},
		{"", "<stream:features xmlns:stream='http://etherx.jabber.org/streams'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"},
		{bind, "<iq xmlns='jabber:client' type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>v1@shop.example/r</jid></bind></iq>"},
		{hello, echoed},
		{closeStream, closeStream},
		{"", "Close 1000"},
	} {
		if step.says != "" {
			c.send(step.says)
		}
		c.expect(step.hears)
	}
	c.write(frame(finBit|opClose, "\x03\xe8"))
	c.expect("EOF")
	e.site.ended(t, c2s.ClientClosed)
}
