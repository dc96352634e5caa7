package bosh

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/valyala/fasthttp"

	"usher/c2s"
	"usher/xmpp"
)

// counted counts the requests that the HTTP server reads.
func (e *edge) counted() *atomic.Int64 {
	n, serve := new(atomic.Int64), e.http.Handler
	e.http.Handler = func(ctx *fasthttp.RequestCtx) { n.Add(1); serve(ctx) }
	return n
}

// echo answers a stanza at once.
func echo(s *c2s.Stream, e *xmpp.Element) {
	s.SendRaw([]byte(`<message xmlns='jabber:client'><echo>` + string(e.ID) + `</echo></message>`))
}

// The HTTP server reads the first request of a connection, and those that differ from the one before in more than their length.
func TestAgain(t *testing.T) {
	type step struct {
		raw    func(c *client) string
		status int
		part   string // of the body
		parsed bool   // by the HTTP server
	}
	plain := func(headers, attrs, payload string) func(c *client) string {
		return func(c *client) string { return httpRequest("POST", headers, c.body(attrs, payload)) }
	}
	message1 := step{plain("", "", message("1")), 200, "echo", false}
	for name, steps := range map[string][]step{
		"the same": {message1, {plain("", "", message(strings.Repeat("x", 2000))), 200, "echo", false}},
		"another header, twice": {
			{plain("X-A: 1\r\n", "", message("1")), 200, "echo", true}, {plain("X-A: 1\r\n", "", message("1")), 200, "echo", false}, {plain("", "", message("1")), 200, "echo", true}},
		"an origin of the same length": {{func(c *client) string {
			return strings.Replace(plain("", "", message("1"))(c), "shop", "evil", 1)
		}, 200, "echo", true}},
		"another path": {{func(c *client) string { // every path is ours here; the gateway sees to that
			return strings.Replace(plain("", "", message("1"))(c), "/http-bind", "/http-bina", 1)
		}, 200, "echo", true}},
		"a number with a sign": {{func(c *client) string {
			return strings.Replace(plain("", "", "")(c), "Content-Length: ", "Content-Length: +", 1)
		}, 400, "", true}},
		"no number": {{func(c *client) string {
			return "POST /http-bind HTTP/1.1\r\nHost: example.com\r\nOrigin: https://shop.example\r\nContent-Length: \r\n\r\n"
		}, 400, "", true}},
		"chunks": {{func(c *client) string {
			body := c.body("", message("1"))
			return fmt.Sprintf("POST /http-bind HTTP/1.1\r\nHost: example.com\r\nOrigin: https://shop.example\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
		}, 200, "echo", true}, {plain("", "", message("1")), 200, "echo", true}, message1},
		"not XML":         {{plain("", "", "<"), 200, "bad-request", true}},
		"another sid":     {{func(c *client) string { c.sid = strings.Repeat("x", len(c.sid)); return plain("", "", "")(c) }, 200, "item-not-found", true}},
		"a new session":   {{func(c *client) string { return httpRequest("POST", "", `<body rid='1' `+creation+`/>`) }, 200, "ANONYMOUS", true}},
		"too large":       {message1, {plain("", "", message(strings.Repeat("x", 140<<10))), 413, "policy-violation", true}},
		"the last one":    {message1, {plain("Connection: close\r\n", "", message("1")), 200, "echo", true}},
		"a goodbye":       {message1, {plain("", "type='terminate'", ""), 200, "terminate", false}},
		"out of window":   {message1, {func(c *client) string { c.rid += 10; return plain("", "", "")(c) }, 200, "item-not-found", false}},
		"what isn't XMPP": {{func(c *client) string { return "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n" }, 200, "BOSH", true}},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEdge(t, nil)
			n := e.counted()
			e.stanza = echo
			w := e.dial()
			c := w.login("")
			if got := n.Load(); got != 1 {
				t.Fatalf("the HTTP server has read %d requests of a login, want the first", got)
			}
			for i, s := range steps {
				before := n.Load()
				w.write(s.raw(c))
				resp, body := w.read()
				if resp.StatusCode != s.status || !strings.Contains(body, s.part) {
					t.Errorf("step %d: %d %q, want %d %q", i, resp.StatusCode, body, s.status, s.part)
				}
				if origin := resp.Header.Get("Access-Control-Allow-Origin"); s.status == 200 && resp.Header.Get("Content-Type") == contentType &&
					origin != "https://shop.example" && origin != "https://evil.example" {
					t.Errorf("step %d: allowed origin %q", i, origin)
				}
				if parsed := n.Load() > before; s.status == 200 && parsed != s.parsed {
					t.Errorf("step %d: the HTTP server has read it: %v, want %v", i, parsed, s.parsed)
				}
			}
		})
	}
}

// Requests that come in one piece, or in many, are answered one by one, in order.
func TestAgainPieces(t *testing.T) {
	e := newEdge(t, nil)
	e.stanza = echo
	w := e.dial()
	c := w.login("")
	one, two := httpRequest("POST", "", c.body("", message("1"))), httpRequest("POST", "", c.body("", message("2")))
	w.write(one + two)
	w.wantEcho("1")
	w.wantEcho("2")
	three := httpRequest("POST", "", c.body("", message("3")))
	for at := range three {
		w.write(three[at : at+1])
	}
	w.wantEcho("3")
	four, five := httpRequest("POST", "", c.body("", message("4"))), httpRequest("POST", "", c.body("", message("5")))
	w.write(four + five[:len(five)-3])
	w.wantEcho("4")
	w.write(five[len(five)-3:])
	w.wantEcho("5")
	if got := e.ids(); got != "1 2 3 4 5" {
		t.Errorf("heard %s", got)
	}
}

func (w *wire) wantEcho(id string) {
	w.t.Helper()
	if resp, body := w.read(); resp.StatusCode != http.StatusOK || !strings.Contains(body, "<echo>"+id+"</echo>") {
		w.t.Errorf("%d %q, want the echo of %s", resp.StatusCode, body, id)
	}
}

// What is taken for the same by its shape is the same to the HTTP server.
func FuzzShape(f *testing.F) {
	first := httpRequest("POST", "Cookie: a=b\r\n", "<body/>")
	for _, second := range []string{
		first, first + first, httpRequest("POST", "Cookie: a=b\r\n", "<body rid='1'/>"), httpRequest("POST", "Cookie: a=c\r\n", "<body/>"),
		strings.Replace(first, "7", "007", 1), strings.Replace(first, "7", "700", 1), strings.Replace(first, "7\r", "7 \r", 1), first[:40],
	} {
		f.Add([]byte(first), []byte(second))
	}
	f.Add([]byte("POST / HTTP/1.1\nHost: a\ncontent-length:0\n\n"), []byte("POST / HTTP/1.1\nHost: a\ncontent-length:0\n\n"))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n \t2\r\n\r\nab"), []byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n \t2\r\n\r\nab"))
	s := New(testConfig(newSite(), nil))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var a fasthttp.RequestCtx
		if err := a.Request.Read(bufio.NewReader(bytes.NewReader(first))); err != nil {
			return
		}
		body, rest, ok := s.cut(s.shapeOf(&a), second)
		if !ok {
			return
		}
		var b fasthttp.RequestCtx
		r := bufio.NewReader(bytes.NewReader(second))
		if err := b.Request.Read(r); err != nil {
			t.Fatalf("cut %q from %q; the HTTP server: %v", body, second, err)
		}
		left, _ := io.ReadAll(r)
		if !bytes.Equal(b.Request.Body(), body) || !bytes.Equal(left, rest) {
			t.Fatalf("cut %q from %q and left %q; the HTTP server: %q and %q", body, second, rest, b.Request.Body(), left)
		}
		a.Request.Header.SetContentLength(0)
		b.Request.Header.SetContentLength(0)
		if !bytes.Equal(a.Request.Header.Header(), b.Request.Header.Header()) {
			t.Fatalf("%q and %q are not the same", a.Request.Header.Header(), b.Request.Header.Header())
		}
	})
}
