package ws

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"usher/c2s"
	"usher/xmpp"
)

// only returns the one connection of the registry.
func (e *edge) only(t *testing.T) *Conn {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.conns) != 1 {
		t.Fatalf("%d connections", len(e.conns))
	}
	for c := range e.conns {
		return c
	}
	return nil
}

// await yields until ok; a test that waits in vain is ended by go test.
func await(ok func() bool) {
	for !ok() {
		runtime.Gosched()
	}
}

// goroutines returns the stacks of all goroutines that are in this package's connections.
func goroutines() int {
	buf := make([]byte, 1<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), "usher/ws.(*Conn).")
}

func TestIdleClientIsPinged(t *testing.T) {
	cfg := testConfig()
	cfg.Ping = 10 * time.Millisecond
	e := start(t, cfg, nil)
	c := e.dial(t)
	for range 3 { // a pong keeps it alive
		c.expect("Ping")
		c.write(frame(pong, ""))
	}
	c.send(openShop) // and so does anything else
	for {
		op, p, err := c.next()
		if got := gist(op, p, err); got == opened {
			break
		} else if got != "Ping " {
			t.Fatal(got)
		}
	}
	c.expect("<stream:features", "Ping")
	for range 3 { // a ping of its own too: until something comes from it, it isn't asked again
		c.write(frame(ping, ""))
		c.expect("Pong ", "Ping")
	}
}

func TestSilentClientIsCutOff(t *testing.T) {
	cfg := testConfig()
	cfg.Ping, cfg.Pong = 10*time.Millisecond, 20*time.Millisecond
	e := start(t, cfg, nil)
	c := e.dial(t)
	c.expect("Ping")
	var err error
	for err == nil {
		_, _, err = c.next()
	}
	e.site.ended(t, c2s.PongTimeout)
}

func TestLoginTimeout(t *testing.T) {
	cfg := testConfig()
	cfg.Streams.LoginTime = 20 * time.Millisecond
	e := start(t, cfg, nil)
	c := e.dial(t)
	c.expect(openedBlind, errorOf("connection-timeout"), closeStream, "Close 1008")
	e.site.ended(t, c2s.LoginTimeout)
	c.write(frame(cease, "\x03\xf0"))
	c.expect("EOF")
}

// A client that was admitted and hangs up before it has its answer costs nothing for long: Closed comes.
func TestClientGoneWithoutAWord(t *testing.T) {
	e := start(t, testConfig(), nil)
	c := e.dial(t)
	c.Close()
	e.site.ended(t, c2s.ConnectionLost)
	await(func() bool { e.mu.Lock(); defer e.mu.Unlock(); return len(e.conns) == 0 })
}

func TestConnectionLostInTheMiddle(t *testing.T) {
	e := start(t, testConfig(), nil)
	c := e.dial(t).login()
	c.write(text(hello)[:30])
	c.Close()
	e.site.ended(t, c2s.ConnectionLost)
}

// flood queues n messages of a kilobyte for the client, which doesn't read.
func flood(s *c2s.Stream, n int) {
	b := []byte("<message xmlns='jabber:client'><body>" + strings.Repeat("x", 1000) + "</body></message>")
	for range n {
		if s.SendRaw(b) {
			s.Wake()
		}
	}
}

func TestSlowReaderIsLentAWriter(t *testing.T) {
	e := start(t, testConfig(), nil)
	c := e.dial(t).login()
	s, conn := e.site.stream(t, "v1@shop.example/r"), e.only(t)
	lent := func() bool { conn.mu.Lock(); defer conn.mu.Unlock(); return conn.lent }
	// Once the reader has let go of the socket after the login, flood writes itself; before, it could
	// outrun the reader's writing and overflow the outbox.
	await(func() bool { conn.mu.Lock(); defer conn.mu.Unlock(); return !conn.writing })
	n := 0
	for !lent() { // until the kernel is full
		if end := s.Ended(); end != nil {
			t.Fatalf("the stream ended (%s) before a writer was lent", end.Reason)
		}
		flood(s, 1)
		n++
	}
	flood(s, 100)
	for range n + 100 {
		c.expect("<message xmlns='jabber:client'><body>xxx")
	}
	await(func() bool { return !lent() })
	c.send(hello) // and the socket is free again
	c.expect(echoed)
}

func TestStalled(t *testing.T) {
	cfg := testConfig()
	cfg.Stalled = 20 * time.Millisecond
	e := start(t, cfg, nil)
	e.dial(t).login()
	s := e.site.stream(t, "v1@shop.example/r")
	for s.Ended() == nil {
		if s.Pending() < 64<<10 { // not so much that it overflows
			flood(s, 1)
		} else {
			runtime.Gosched()
		}
	}
	e.site.ended(t, c2s.Stalled)
	await(func() bool { e.mu.Lock(); defer e.mu.Unlock(); return len(e.conns) == 0 })
}

// The time that a lent writer gives the client is over with it.
func TestWriteDeadlineDoesNotOutliveTheLentWriter(t *testing.T) {
	server, trust := tlsPair(t) // over TLS each write is lent a goroutine
	cfg := testConfig()
	cfg.Stalled = 300 * time.Millisecond
	e := start(t, cfg, func(ln net.Listener) net.Listener { return tls.NewListener(ln, server) })
	nc, err := net.Dial("tcp", e.ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := upgraded(t, tls.Client(nc, trust)).login()
	conn := e.only(t)
	await(func() bool { conn.mu.Lock(); defer conn.mu.Unlock(); return !conn.lent })
	<-time.After(cfg.Stalled)
	if _, err := conn.nc.Write(appendHeader(nil, opPing, 0)); err != nil {
		t.Fatal(err)
	}
	c.expect("Ping")
}

// One that never reads costs its outbox, what is on its way in one buffer, and nothing else.
func TestOverflow(t *testing.T) {
	cfg := testConfig()
	cfg.Streams.Outbox = 32 << 10
	e := start(t, cfg, nil)
	c := e.dial(t).login()
	s := e.site.stream(t, "v1@shop.example/r")
	for s.Ended() == nil {
		flood(s, 1)
		if n := s.Pending(); n > 32<<10 {
			t.Fatalf("%d bytes queued", n)
		}
	}
	e.site.ended(t, c2s.Overflow)
	var frames []string // it reads at last, and is told after all that was queued
	for len(frames) == 0 || !strings.HasPrefix(frames[len(frames)-1], "Close") {
		op, p, err := c.next()
		if err != nil {
			t.Fatal(err)
		}
		if g := gist(op, p, err); !strings.HasPrefix(g, "<message") {
			frames = append(frames, g)
		}
	}
	if len(frames) != 3 || !strings.HasPrefix(frames[0], errorOf("policy-violation")) || frames[1] != closeStream || frames[2] != "Close 1008" {
		t.Fatal(frames)
	}
}

func TestPause(t *testing.T) {
	cfg := testConfig()
	e := start(t, cfg, nil)
	e.site.rate = c2s.Rate{PerSecond: 200, Burst: 1}
	c := e.dial(t).login()
	for range 5 { // slowed down, nothing lost
		c.write(join(text(hello), text(hello), text(hello)[:30]))
		c.write(text(hello)[30:])
		c.expect(echoed, echoed, echoed)
	}
}

func TestPauseEndsWithTheStream(t *testing.T) {
	cfg := testConfig()
	e := start(t, cfg, nil)
	e.site.rate = c2s.Rate{PerSecond: 0.001, Burst: 1}
	c := e.dial(t).login()
	c.write(join(text(hello), text(hello), text(hello)))
	conn := e.only(t)
	await(func() bool { conn.mu.Lock(); defer conn.mu.Unlock(); return conn.resume != nil })
	e.site.stream(t, "v1@shop.example/r").End(c2s.Ending{Reason: c2s.Terminated})
	for {
		op, p, err := c.next()
		if g := gist(op, p, err); g == "Close 1001" {
			break
		} else if g != echoed && g != closeStream {
			t.Fatal(g)
		}
	}
	c.write(frame(cease, "\x03\xe9"))
	c.expect("EOF") // a quarter of an hour early
	e.site.ended(t, c2s.Terminated)
}

func TestShutdown(t *testing.T) {
	e := start(t, testConfig(), nil)
	var clients []*client
	for range 5 {
		clients = append(clients, e.dial(t).login())
	}
	done := make(chan struct{})
	go func() { // ends when the clients have answered
		e.Shutdown(context.Background())
		close(done)
	}()
	await(func() bool { e.mu.Lock(); defer e.mu.Unlock(); return e.draining })
	if resp := e.ask(t, upgrade); resp.StatusCode != 503 {
		t.Errorf("while draining: status %d", resp.StatusCode)
	}
	e.site.ended(t, c2s.Shutdown) // the one that was refused
	for _, s := range e.site.bound {
		s.End(c2s.Ending{Reason: c2s.Shutdown, Err: &xmpp.StreamError{Condition: "system-shutdown", Text: "bye"}})
	}
	for _, c := range clients {
		c.expect(errorOf("system-shutdown"), closeStream, "Close 1001")
		c.write(frame(cease, "\x03\xe9"))
		c.expect("EOF")
		e.site.ended(t, c2s.Shutdown)
	}
	<-done
	await(func() bool { return goroutines() == 0 })
}

func TestShutdownCutsTheRest(t *testing.T) {
	e := start(t, testConfig(), nil)
	c := e.dial(t).login()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	e.Shutdown(ctx)
	e.site.ended(t, c2s.Shutdown)
	io.Copy(io.Discard, c.r) // the end comes, whatever is said before
	await(func() bool { return goroutines() == 0 })
}

// A client that doesn't answer our Close frame is cut off in the end.
func TestCloseHandshakeIsBounded(t *testing.T) {
	cfg := testConfig()
	e := start(t, cfg, nil)
	c := e.dial(t).login()
	c.send(closeStream)
	c.expect(closeStream, "Close 1000")
	conn := e.only(t)
	conn.mu.Lock()
	conn.cutAfter(0) // time flies
	conn.mu.Unlock()
	c.expect("EOF")
}

// What is sent to a connection whose last words are said goes nowhere and harms nothing.
func TestClientThatTalksOnAfterTheEnd(t *testing.T) {
	e := start(t, testConfig(), nil)
	c := e.dial(t).login()
	c.send(closeStream)
	c.expect(closeStream, "Close 1000")
	c.write(join(text(hello), text(openShop), text("<a"), frame(ping, "x"), frame(cease, "\x03\xe8")))
	c.expect("EOF")
	e.site.ended(t, c2s.ClientClosed)
}

func tlsPair(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"shop.example"}}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: roots, ServerName: "shop.example"}
}

func TestOverTLS(t *testing.T) {
	server, trust := tlsPair(t)
	e := start(t, testConfig(), func(ln net.Listener) net.Listener { return tls.NewListener(ln, server) })
	nc, err := net.Dial("tcp", e.ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := upgraded(t, tls.Client(nc, trust), text(openShop))
	c.expect(opened, "<stream:features")
	c.send(auth)
	c.expect("<success")
	c.write(join(text(openShop), text(bind)))
	c.expect(opened, "<stream:features", "<iq ")
	for i := range hello { // records and frames are cut alike
		c.write(text(hello)[:i])
		c.write(text(hello)[i:])
		c.expect(echoed)
	}
	s := e.site.stream(t, "v1@shop.example/r")
	flood(s, 200) // more than one record, by a lent writer
	for range 200 {
		c.expect("<message xmlns='jabber:client'><body>xxx")
	}
	c.send(closeStream)
	c.expect(closeStream, "Close 1000")
	c.write(frame(cease, "\x03\xe8"))
	c.expect("EOF") // with close_notify, or it would be an error
	e.site.ended(t, c2s.ClientClosed)
}

// Another implementation on the other side.
func TestAgainstAnotherImplementation(t *testing.T) {
	e := start(t, testConfig(), nil)
	dialer := websocket.Dialer{Subprotocols: []string{"xmpp"}, EnableCompression: true}
	c, resp, err := dialer.Dial("ws://"+e.ln.Addr().String()+"/xmpp-websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.Subprotocol() != "xmpp" || resp.StatusCode != 101 {
		t.Fatalf("subprotocol %q, status %d", c.Subprotocol(), resp.StatusCode)
	}
	say := func(word string, hears ...string) {
		t.Helper()
		if err := c.WriteMessage(websocket.TextMessage, []byte(word)); err != nil {
			t.Fatal(err)
		}
		for _, want := range hears {
			kind, p, err := c.ReadMessage()
			if err != nil || kind != websocket.TextMessage || !strings.HasPrefix(gist(opText, string(p), nil), want) {
				t.Fatalf("%q, %v, want %q", p, err, want)
			}
		}
	}
	say(openShop, opened, "<stream:features")
	say(auth, "<success")
	say(openShop, opened, "<stream:features")
	say(bind, "<iq ")
	for _, n := range []int{1, 100, 125, 126, 4000, 7000} {
		body := strings.Repeat("x", n)
		say(strings.Replace(hello, "hello", body, 1), strings.Replace(echoed, "hello", body, 1))
	}
	pongs := make(chan string, 1)
	c.SetPongHandler(func(data string) error { pongs <- data; return nil })
	c.WriteControl(websocket.PingMessage, []byte("are you there"), time.Now().Add(time.Minute))
	say(hello, echoed) // reading it reads the pong before
	if got := <-pongs; got != "are you there" {
		t.Fatalf("pong %q", got)
	}
	w, _ := c.NextWriter(websocket.TextMessage) // in fragments
	for i := 0; i < len(hello); i += 40 {
		io.WriteString(w, hello[i:min(i+40, len(hello))])
	}
	w.Close()
	say(closeStream, echoed, closeStream)
	if _, _, err := c.ReadMessage(); !websocket.IsCloseError(err, 1000) {
		t.Fatalf("ended with %v", err)
	}
	e.site.ended(t, c2s.ClientClosed)
}
