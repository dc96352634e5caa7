package gateway

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/valyala/fasthttp"

	agents "usher/desk"
)

// agentsPage is the page of a config with accounts; with Converse.js or without.
func agentsPage(t *testing.T, public string, built bool) *deskPage {
	t.Helper()
	cfg := &Config{Public: public, Upstream: UpstreamConfig{Desk: "desk.example", Accounts: []Account{{Domain: "a.example"}, {Domain: "b.example"}}}}
	converse := fstest.MapFS{"converse/README.md": {Data: []byte("x")}}
	if built {
		converse["converse/converse.min.js"] = &fstest.MapFile{Data: []byte("window.converse = {}")}
		converse["converse/sounds/ring.ogg"] = &fstest.MapFile{Data: []byte("OggS")}
	}
	d, err := deskPageOf(cfg, agents.App, converse)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *deskPage) ask(method, path string) (*fasthttp.Response, bool) {
	ctx := asked(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}, "Host: chat.example:8080")
	ctx.Request.Header.SetMethod(method)
	ctx.Request.SetRequestURI(path)
	ctx.Request.Header.SetHost("chat.example:8080")
	found := d.serve(ctx)
	return &ctx.Response, found
}

func TestDeskPageFiles(t *testing.T) {
	d := agentsPage(t, "", true)
	for _, tc := range []struct {
		method, path string
		status       int
		kind, holds  string
	}{
		{"GET", "/desk/", 200, "text/html", "desk.js"},
		{"GET", "/desk/index.html", 200, "text/html", "desk.js"},
		{"GET", "/desk/desk.js", 200, "text/javascript", "usher-desk"},
		{"GET", "/desk/desk.css", 200, "text/css", ".desk-words"},
		{"GET", "/desk/converse/converse.min.js", 200, "text/javascript", "window.converse"},
		{"GET", "/desk/converse/sounds/ring.ogg", 200, "audio/ogg", "OggS"},
		{"HEAD", "/desk/", 200, "text/html", ""},
		{"POST", "/desk/", 405, "", ""},
		{"GET", "/desk", 308, "", ""},
		{"GET", "/desk/nosuch", 0, "", ""},
		{"GET", "/desk/../desk.go", 0, "", ""},
		{"GET", "/desktop", 0, "", ""},
	} {
		res, found := d.ask(tc.method, tc.path)
		if found != (tc.status != 0) {
			t.Errorf("%s %s is served: %v", tc.method, tc.path, found)
			continue
		}
		if !found {
			continue
		}
		if res.StatusCode() != tc.status || !strings.HasPrefix(string(res.Header.ContentType()), tc.kind) || !strings.Contains(string(res.Body()), tc.holds) {
			t.Errorf("%s %s: %d %s, %.80s", tc.method, tc.path, res.StatusCode(), res.Header.ContentType(), res.Body())
		}
		if tc.status == 200 && (string(res.Header.Peek("Cross-Origin-Resource-Policy")) != "same-origin" || string(res.Header.Peek("X-Content-Type-Options")) != "nosniff") {
			t.Errorf("%s: headers %s", tc.path, &res.Header)
		}
	}
}

// The page runs scripts of its own origin and no other, talks to its own edge, and stands in no frame.
func TestDeskPagePolicy(t *testing.T) {
	for public, edge := range map[string]string{
		"":                         "'self' ws://chat.example:8080 http://chat.example:8080",
		"https://chat.example.com": "'self' wss://chat.example.com https://chat.example.com",
	} {
		for _, built := range []bool{true, false} {
			res, _ := agentsPage(t, public, built).ask("GET", "/desk/")
			rules := map[string]string{}
			for _, rule := range strings.Split(string(res.Header.Peek("Content-Security-Policy")), "; ") {
				name, value, _ := strings.Cut(rule, " ")
				rules[name] = value
			}
			for name, want := range map[string]string{
				"default-src": "'none'", "script-src": "'self'", "connect-src": edge, "base-uri": "'none'", "frame-ancestors": "'none'", "form-action": "'self'",
			} {
				if rules[name] != want {
					t.Errorf("%s is %q, want %q", name, rules[name], want)
				}
			}
			if strings.Contains(string(res.Body()), "<script>") || strings.Contains(string(res.Body()), " onload=") {
				t.Error("the page has a script in its text")
			}
		}
	}
}

// A build without Converse.js says how to add it.
func TestDeskPageMissing(t *testing.T) {
	res, found := agentsPage(t, "", false).ask("GET", "/desk/")
	if !found || !strings.Contains(string(res.Body()), "make desk build") {
		t.Errorf("%v %s", found, res.Body())
	}
	if _, found := agentsPage(t, "", false).ask("GET", "/desk/converse/converse.min.js"); found {
		t.Error("there is a file that isn't there")
	}
}

func TestDeskPageConfig(t *testing.T) {
	res, _ := agentsPage(t, "", true).ask("GET", "/desk/config.json")
	var got deskSettings
	if err := json.Unmarshal(res.Body(), &got); err != nil {
		t.Fatal(err)
	}
	want := `{[a.example b.example] desk.example ws://chat.example:8080/xmpp-websocket http://chat.example:8080/http-bind}`
	if s := fmt.Sprint(got); s != want {
		t.Errorf("%s, want %s", s, want)
	}
	if res, _ := agentsPage(t, "", true).ask("POST", "/desk/config.json"); res.StatusCode() != 405 {
		t.Errorf("POST: %d", res.StatusCode())
	}
}
