package bosh

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"usher/c2s"
	"usher/xmpp"
)

// checkCORS is what a page's script needs to see any answer.
func checkCORS(t *testing.T, name string, r *http.Response) {
	t.Helper()
	if got := r.Header.Get("Access-Control-Allow-Origin"); got != "https://shop.example" {
		t.Errorf("%s: allowed origin %q", name, got)
	}
	if r.Header.Get("Vary") != "Origin" || r.Header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("%s: %v", name, r.Header)
	}
}

// INTERFACE C: statuses, types and CORS of every kind of answer.
func TestStatuses(t *testing.T) {
	var full atomic.Bool
	e := newEdge(t, func(c *Config) {
		c.Admit = func(*c2s.Info) error {
			if full.Load() {
				return &xmpp.StreamError{Condition: "resource-constraint"}
			}
			return nil
		}
	})
	c := e.dial().login("")
	create := `<body rid='1' ` + creation + `/>`
	for _, k := range []struct {
		name, method, headers, body string
		status                      int
		typ, in                     string
		full                        bool
	}{
		{name: "test endpoint should be reachable (Prosody), get_request (MongooseIM)", method: "GET", status: 200, typ: "text/html; charset=utf-8", in: "BOSH"},
		{name: "put_request (MongooseIM)", method: "PUT", body: "x", status: 405, typ: "text/plain; charset=utf-8", in: "POST"},
		{name: "DELETE", method: "DELETE", status: 405, typ: "text/plain; charset=utf-8"},
		{name: "options_request (MongooseIM)", method: "OPTIONS", status: 204},
		{name: "post_empty_body (MongooseIM)", method: "POST", status: 200, in: stop("bad-request")},
		{name: "not XML", method: "POST", body: "hello", status: 200, in: stop("bad-request")},
		{name: "cut", method: "POST", body: create[:40], status: 200, in: stop("bad-request")},
		{name: "another root", method: "POST", body: "<html/>", status: 200, in: stop("bad-request")},
		{name: "no namespace", method: "POST", body: "<body rid='1' to='example.com'/>", status: 200, in: stop("bad-request")},
		{name: "something behind", method: "POST", body: create + "<x/>", status: 200, in: stop("bad-request")},
		{name: "a DTD", method: "POST", body: "<!DOCTYPE body [<!ENTITY a 'b'>]>" + create, status: 200, in: stop("bad-request")},
		{name: "an XML declaration", method: "POST", body: "<?xml version='1.0' encoding='UTF-8'?>" + create, status: 200, in: "sid='"},
		{name: "no to", method: "POST", body: "<body rid='1' xmlns='http://jabber.org/protocol/httpbind'/>", status: 200, in: stop("improper-addressing")},
		{name: "no rid", method: "POST", body: "<body to='example.com' xmlns='http://jabber.org/protocol/httpbind'/>", status: 200, in: stop("bad-request")},
		{name: "no legal wait", method: "POST", body: "<body rid='1' wait='-1' to='example.com' xmlns='http://jabber.org/protocol/httpbind'/>", status: 200, in: stop("bad-request")},
		{name: "an end of nothing", method: "POST", body: "<body rid='1' type='terminate' to='example.com' xmlns='http://jabber.org/protocol/httpbind'/>", status: 200, in: stop("bad-request")},
		{name: "unknown domain", method: "POST", body: strings.Replace(create, "example.com", "x.example", 1), status: 200, in: stop("host-unknown")},
		{name: "unknown sid", method: "POST", body: "<body rid='1' sid='x' xmlns='http://jabber.org/protocol/httpbind'/>", status: 200, in: stop("item-not-found")},
		{name: "unknown encoding", method: "POST", headers: "Content-Encoding: br\r\n", body: create, status: 200, in: stop("bad-request")},
		{name: "not what the encoding says", method: "POST", headers: "Content-Encoding: gzip\r\n", body: create, status: 200, in: stop("bad-request")},
		{name: "too large", method: "POST", body: strings.Repeat(" ", 133<<10), status: 413, in: stop("policy-violation")},
		{name: "too large unpacked", method: "POST", headers: "Content-Encoding: gzip\r\n", body: zip(strings.Repeat(" ", 1<<20)), status: 413, in: stop("policy-violation")},
		{name: "too large before login", method: "POST", body: create + strings.Repeat(" ", 17<<10), status: 413, in: stop("policy-violation")},
		{name: "full", method: "POST", body: create, status: 503, in: stop("internal-server-error"), full: true},
		{name: "a forged rid", method: "POST", body: c.at(9, "", ""), status: 200, in: stop("item-not-found")},
		{name: "a session", method: "POST", body: create, status: 200, in: "sid='"},
		{name: "a session, packed", method: "POST", headers: "Content-Encoding: gzip\r\n", body: zip(create), status: 200, in: "sid='"},
	} {
		t.Run(k.name, func(t *testing.T) {
			full.Store(k.full)
			w := e.dial()
			w.write(httpRequest(k.method, k.headers, k.body))
			r, body := w.read()
			if r.StatusCode != k.status || !strings.Contains(body, k.in) {
				t.Errorf("%d %s", r.StatusCode, body)
			}
			checkCORS(t, k.name, r)
			if k.typ == "" && k.method == "POST" {
				k.typ = "text/xml; charset=utf-8"
			}
			if got := r.Header.Get("Content-Type"); got != k.typ {
				t.Errorf("type %q", got)
			}
			if k.method == "POST" && r.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Error("no nosniff")
			}
			switch k.status {
			case 204:
				for name, want := range map[string]string{"Methods": "POST, OPTIONS, GET", "Headers": "Content-Type"} {
					if got := r.Header.Get("Access-Control-Allow-" + name); got != want {
						t.Errorf("%s %q", name, got)
					}
				}
				if r.Header.Get("Access-Control-Max-Age") != "1728000" || body != "" {
					t.Errorf("%v %q", r.Header, body)
				}
			case 405:
				if r.Header.Get("Allow") != "POST, OPTIONS, GET" {
					t.Error("no Allow")
				}
			case 503:
				if r.Header.Get("Retry-After") == "" {
					t.Error("no Retry-After")
				}
			}
		})
	}
}

func zip(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

// What the gateway refuses on our behalf looks the same.
func TestRefuse(t *testing.T) {
	srv := New(testConfig(newSite(), c2s.NewWheel(time.Second)))
	for _, k := range []struct {
		method    string
		status    int
		condition string
		want      int
		body      string
	}{
		{"POST", 403, "policy-violation", 403, stop("policy-violation")},
		{"POST", 503, "system-shutdown", 503, stop("system-shutdown")},
		{"GET", 403, "policy-violation", 403, "policy-violation\n"},
		{"OPTIONS", 503, "system-shutdown", 204, ""},
	} {
		var ctx fasthttp.RequestCtx
		ctx.Request.Header.SetMethod(k.method)
		srv.Refuse(&ctx, c2s.Info{Origin: "https://shop.example"}, k.status, k.condition)
		r := &ctx.Response
		if r.StatusCode() != k.want || string(r.Body()) != k.body || string(r.Header.Peek("Access-Control-Allow-Origin")) != "https://shop.example" {
			t.Errorf("%s %d: %s", k.method, k.status, r)
		}
		if (k.want == 503) != (len(r.Header.Peek("Retry-After")) > 0) {
			t.Errorf("%s %d: Retry-After", k.method, k.status)
		}
	}
}

// An origin is repeated only if it can't break the header.
func TestAllowed(t *testing.T) {
	for origin, want := range map[string]string{
		"": "*", "https://a.example": "https://a.example", "null": "null", "a\r\nX: y": "*", "a b": "*", "ä": "*", strings.Repeat("a", 600): "*",
	} {
		if got := allowed(origin); got != want {
			t.Errorf("%q: %q", origin, got)
		}
	}
}

// A held request's answer has all that one by the server has.
func TestHeldHeaders(t *testing.T) {
	e := newEdge(t, nil)
	w := e.dial()
	c := w.login("")
	for i := range 5 { // the connection is used again and again
		w.write(httpRequest("POST", "", c.body("", "")))
		until(t, "the request is held", func() bool { return e.srv.Held() == 1 })
		e.send(0, fmt.Sprint("m", i))
		r, body := w.read()
		checkCORS(t, "held", r)
		if body != wrap(message(fmt.Sprint("m", i))) || r.Header.Get("Content-Type") != "text/xml; charset=utf-8" ||
			r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Date") == "" {
			t.Fatalf("%v %s", r.Header, body)
		}
	}
}

// The client leaves while its request is held: it's noticed, what comes next isn't lost.
func TestClientLeavesWhileHeld(t *testing.T) {
	e := newEdge(t, nil)
	w := e.dial()
	c := w.login("")
	poll := c.body("", "")
	other := e.dial()
	other.write(httpRequest("POST", "", poll))
	until(t, "the request is held", func() bool { return e.srv.Held() == 1 })
	other.Close()
	until(t, "it is noticed", func() bool { return e.srv.Held() == 0 })
	e.send(0, "m")
	if got := w.post(poll); got != wrap(message("m")) {
		t.Error(got)
	}
}

// An answer that went into a dead connection is kept.
func TestAnswerLost(t *testing.T) {
	e := newEdge(t, nil)
	w := e.dial()
	c := w.login("")
	poll := c.body("", "")
	other := e.dial()
	other.write(httpRequest("POST", "", poll))
	until(t, "the request is held", func() bool { return e.srv.Held() == 1 })
	e.send(0, "m")
	other.Close() // unread
	if got := w.post(poll); got != wrap(message("m")) {
		t.Error(got)
	}
}

// Pipelined requests, even in one packet, get their answers in order.
func TestPipelined(t *testing.T) {
	e := newEdge(t, nil)
	w := e.dial()
	c := w.login("")
	var b strings.Builder
	for i := range 6 {
		payload := ""
		if i%2 == 1 {
			payload = message(fmt.Sprint("c", i))
		}
		b.WriteString(httpRequest("POST", "", c.body("", payload)))
	}
	w.write(b.String())
	for range 5 {
		if _, body := w.read(); body != empty {
			t.Fatal(body)
		}
	}
	until(t, "the last is held", func() bool { return e.srv.Held() == 1 })
	e.send(0, "m")
	if _, body := w.read(); body != wrap(message("m")) {
		t.Fatal(body)
	}
	if e.ids() != "c1 c3 c5" {
		t.Errorf("heard %q", e.ids())
	}
}

// A request that waits for another which is behind it on the same connection is given back, so that both get through.
func TestPipelinedOutOfOrder(t *testing.T) {
	e := newEdge(t, nil)
	w := e.dial()
	c := w.login("")
	ahead := c.at(c.rid+2, "", message("b"))
	w.write(httpRequest("POST", "", ahead) + httpRequest("POST", "", c.at(c.rid+1, "", message("a"))))
	if _, body := w.read(); body != string(recoverableBody) {
		t.Fatal(body)
	}
	if _, body := w.read(); body != empty {
		t.Fatal(body)
	}
	w.write(httpRequest("POST", "", ahead))
	until(t, "the repeat is held", func() bool { return e.srv.Held() == 1 })
	if e.ids() != "a b" {
		t.Errorf("heard %q", e.ids())
	}
}

// `hold` requests on several connections: the older is answered when the next one comes.
func TestTwoConnections(t *testing.T) {
	e := newEdge(t, nil)
	a, b := e.dial(), e.dial()
	c := a.login("")
	for i := range 6 {
		a.write(httpRequest("POST", "", c.body("", message(fmt.Sprint("c", i)))))
		<-e.received
		if i > 0 {
			if _, body := b.read(); body != empty {
				t.Fatal(body)
			}
		}
		a, b = b, a
	}
	e.send(0, "m")
	if _, body := b.read(); body != wrap(message("m")) {
		t.Fatal(body)
	}
}

// HTTP/1.0 and Connection: close end the connection with the answer, held or not.
func TestClose(t *testing.T) {
	e := newEdge(t, nil)
	c := e.dial().login("")
	for _, head := range []string{"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", "POST / HTTP/1.0\r\n"} {
		for _, hold := range []bool{true, false} {
			w := e.dial()
			if !hold {
				e.send(0, "m")
			}
			body := c.body("", "")
			w.write(fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(body), body))
			if hold {
				until(t, "the request is held", func() bool { return e.srv.Held() == 1 })
				e.send(0, "m")
			}
			r, got := w.read()
			if got != wrap(message("m")) || !r.Close {
				t.Errorf("%v %s", r, got)
			}
			if _, err := w.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("hold %v: %v", hold, err)
			}
		}
	}
}

// Compressed where the client asks for it and it pays, held or not.
func TestGzip(t *testing.T) {
	for _, on := range []bool{true, false} {
		e := newEdge(t, func(c *Config) { c.Gzip = on })
		w := e.dial()
		c := w.login("")
		big := strings.Repeat("x", 5000)
		for _, hold := range []bool{true, false} {
			for _, id := range []string{"small", big} {
				if !hold {
					e.send(0, id)
				}
				w.write(httpRequest("POST", "Accept-Encoding: deflate, gzip\r\n", c.body("", "")))
				if hold {
					until(t, "the request is held", func() bool { return e.srv.Held() == 1 })
					e.send(0, id)
				}
				r, body := w.read()
				if packed := r.Header.Get("Content-Encoding") == "gzip"; packed != (on && id == big) {
					t.Errorf("hold %v, %d bytes: packed %v", hold, len(id), packed)
				} else if packed {
					z, err := gzip.NewReader(strings.NewReader(body))
					if err != nil {
						t.Fatal(err)
					}
					b, _ := io.ReadAll(z)
					body = string(b)
				}
				if body != wrap(message(id)) {
					t.Errorf("hold %v: %d bytes", hold, len(body))
				}
			}
		}
	}
}

// A client that takes nothing loses its connection, not its session, and holds nobody up.
func TestSlowReader(t *testing.T) {
	e := newEdge(t, func(c *Config) { c.Stalled = 5 * time.Second; c.Streams.Outbox = 64 << 20 })
	w := e.dial()
	c := w.login("")
	slow := e.dial()
	slow.Conn.(interface{ SetReadBuffer(int) error }).SetReadBuffer(4 << 10)
	poll := c.body("", "")
	slow.write(httpRequest("POST", "", poll))
	until(t, "the request is held", func() bool { return e.srv.Held() == 1 })
	huge := strings.Repeat("x", 24<<20)
	e.send(0, huge)
	until(t, "the connection is given up, the other one waits for a request", func() bool {
		e.srv.lot.mu.Lock()
		defer e.srv.lot.mu.Unlock()
		return e.srv.lot.n == 1
	})
	if got := w.post(poll); got != wrap(message(huge)) {
		t.Errorf("%d bytes of %d", len(got), len(huge))
	}
}

// §19.1: a session that began over TLS isn't served without; nor is it ended.
func TestSecureSession(t *testing.T) {
	e := newEdge(t, nil)
	var secure atomic.Bool
	secure.Store(true)
	e.http.Handler = func(ctx *fasthttp.RequestCtx) {
		e.srv.Serve(ctx, c2s.Info{Transport: "bosh", Secure: secure.Load()})
	}
	c := e.dial().login("")
	secure.Store(false)
	w := e.dial()
	w.write(httpRequest("POST", "", c.body("", message("evil"))))
	if _, err := w.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read: %v", err)
	}
	secure.Store(true)
	c.rid--
	e.send(0, "m")
	if got := e.dial().post(c.body("", "")); got != wrap(message("m")) || e.ids() != "" {
		t.Errorf("%s; heard %q", got, e.ids())
	}
}

// Shutdown tells every session, waits for those that aren't there, and leaves no goroutine.
func TestShutdown(t *testing.T) {
	fasthttp.AppendGzipBytesLevel(nil, []byte("x"), fasthttp.CompressBestSpeed) // starts fasthttp's own workers
	before := runtime.NumGoroutine()
	e := newEdge(t, nil)
	held, idle, away := e.dial(), e.dial(), e.dial()
	held.write(httpRequest("POST", "", held.login("").body("", "")))
	until(t, "the request is held", func() bool { return e.srv.Held() == 1 })
	c := idle.login("")
	e.send(1, "m")
	idle.write(httpRequest("POST", "", c.body("", "")))
	idle.read()
	a := away.login("")
	away.Close()

	e.mu.Lock()
	streams := e.streams
	e.mu.Unlock()
	for _, s := range streams {
		s.End(c2s.Ending{Reason: c2s.Shutdown, Err: &xmpp.StreamError{Condition: "system-shutdown"}})
	}
	done := make(chan struct{})
	go func() { e.srv.Shutdown(context.Background()); close(done) }() // ends when all are told
	r, body := held.read()
	if body != stop("system-shutdown") {
		t.Errorf("%v %s", r.Header, body)
	}
	w := e.dial()
	for _, cl := range []*client{c, a} {
		if got := w.post(cl.body("", "")); got != stop("system-shutdown") {
			t.Errorf("told %s", got)
		}
		w = e.dial()
	}
	<-done
	if e.srv.Sessions() != 0 || e.srv.Held() != 0 {
		t.Errorf("%d sessions, %d held", e.srv.Sessions(), e.srv.Held())
	}
	for _, x := range []*wire{held, idle, away, w} {
		x.Close()
	}
	e.http.Shutdown()
	until(t, "all goroutines have ended", func() bool { return runtime.NumGoroutine() <= before+2 }) // the edge's two
}

// What still waits at a shutdown goes before the end, in an answer of its own: stanza.js, for one, fails on a terminate that carries
// anything.
func TestShutdownAfterStanzas(t *testing.T) {
	e := newEdge(t, nil)
	w := e.dial()
	c := w.login("")
	e.send(0, "m")
	e.mu.Lock()
	s := e.streams[0]
	e.mu.Unlock()
	s.End(c2s.Ending{Reason: c2s.Shutdown, Err: &xmpp.StreamError{Condition: "system-shutdown"}})
	if got := w.post(c.body("", "")); got != wrap(message("m")) {
		t.Errorf("first %s", got)
	}
	if got := w.post(c.body("", "")); got != stop("system-shutdown") {
		t.Errorf("then %s", got)
	}
}

// Those who don't come to be told are dropped when the time is up.
func TestShutdownInTime(t *testing.T) {
	e := newEdge(t, nil)
	w := e.dial()
	w.write(httpRequest("POST", "", w.login("").body("", "")))
	until(t, "the request is held", func() bool { return e.srv.Held() == 1 })
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("now"))
	e.srv.Shutdown(ctx)
	if e.srv.Sessions() != 0 || e.srv.Held() != 0 || len(e.closed) != 1 {
		t.Errorf("%d sessions, %d held, %d ended", e.srv.Sessions(), e.srv.Held(), len(e.closed))
	}
}

// certificate is one for 127.0.0.1 that nobody else trusts.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// essential_https, chat_https (MongooseIM): the same over TLS: held, answered, used again, left.
func TestTLS(t *testing.T) {
	e := newEdge(t, nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	secure := tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{certificate(t)}})
	go func() { e.http.Serve(secure); close(served) }() // ended by closing the listener
	t.Cleanup(func() { ln.Close(); <-served })
	dial := func() *wire {
		nc, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
		nc.SetDeadline(time.Now().Add(20 * time.Second))
		return &wire{t, nc, bufio.NewReader(nc)}
	}
	w := dial()
	c := w.login("")
	for i := range 3 {
		w.write(httpRequest("POST", "", c.body("", message(fmt.Sprint("c", i)))))
		until(t, "the request is held", func() bool { return e.srv.Held() == 1 })
		e.send(0, fmt.Sprint("m", i))
		r, body := w.read()
		if body != wrap(message(fmt.Sprint("m", i))) {
			t.Fatal(body)
		}
		checkCORS(t, "TLS", r)
	}
	w.write(httpRequest("POST", "", c.body("", "")) + httpRequest("POST", "", c.body("", "")))
	if _, body := w.read(); body != empty {
		t.Fatal(body)
	}
	until(t, "the second is held", func() bool { return e.srv.Held() == 1 })
	w.Close()
	until(t, "the client is gone", func() bool { return e.srv.Held() == 0 })
	if e.ids() != "c0 c1 c2" {
		t.Errorf("heard %q", e.ids())
	}
}

// Two visitors who write to each other all the time don't get into each other's locks.
func TestCrossTalk(t *testing.T) {
	e := newEdge(t, func(c *Config) { c.Polling = 0 })
	a, b := e.dial(), e.dial()
	ca, cb := a.login(""), b.login("")
	first := e.stream(0)
	e.mu.Lock()
	e.stanza = func(s *c2s.Stream, el *xmpp.Element) {
		to := 0
		if s == first {
			to = 1
		}
		e.send(to, string(el.ID))
	}
	e.mu.Unlock()
	const n = 200
	// Two connections each: the request on one releases that on the other.
	talk := func(w, spare *wire, c *client, name string) (got string) {
		w.write(httpRequest("POST", "", c.body("", "")))
		for i := 0; i < n || strings.Count(got, "<message") < n; i++ {
			payload := ""
			if i < n {
				payload = message(fmt.Sprint(name, i))
			}
			spare.write(httpRequest("POST", "", c.body("", payload)))
			_, body := w.read()
			got += body
			w, spare = spare, w
		}
		return got
	}
	other := make(chan string)
	b2, a2 := e.dial(), e.dial()
	go func() { // ends when all of a's have come, or by the wire's deadline
		defer close(other)
		other <- talk(b, b2, cb, "b")
	}()
	fromB := talk(a, a2, ca, "a")
	fromA := <-other
	for name, got := range map[string]string{"a": fromA, "b": fromB} {
		at := 0
		for i := range n {
			next := strings.Index(got[at:], fmt.Sprintf("id='%s%d'", name, i))
			if next < 0 {
				t.Fatalf("%s%d is missing or out of order", name, i)
			}
			at += next
		}
	}
}
