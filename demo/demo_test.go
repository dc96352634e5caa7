package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func testSite(t *testing.T) http.Handler {
	t.Helper()
	library := t.TempDir()
	dist := filepath.Join(library, "strophe.js", "dist")
	if err := os.MkdirAll(dist, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dist, "strophe.esm.js"), []byte("// the library"), 0o644); err != nil {
		t.Fatal(err)
	}
	h, err := site(page{
		Self: "http://localhost:1", HTTP: "http://localhost:2", WS: "ws://localhost:2", C2S: 5555,
		Sites: []string{"one.localhost", "two.localhost"},
	}, library)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func fetch(t *testing.T, h http.Handler, path string) (*http.Response, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	answer := w.Result()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

// TestPages: the shop's pages have the widget under the strictest policy that it works with; the room has its own scripts.
func TestPages(t *testing.T) {
	h := testSite(t)
	const end = "; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
	const strict = "default-src 'self'; script-src http://localhost:2; connect-src http://localhost:2 ws://localhost:2; require-trusted-types-for 'script'" + end
	for _, test := range []struct{ path, kind, text, policy string }{
		{"/", "text/html", `<script src="http://localhost:2/widget.js" data-site="shop" async></script>`, strict},
		{"/", "text/html", `href="http://localhost:2/desk/"`, strict},
		{"/", "text/html", "localhost:5555", strict},
		{"/bikes", "text/html", "Torun", strict},
		{"/delivery", "text/html", "Delivery and returns", strict},
		{"/delivery", "text/html", `<a href="/delivery" aria-current="page">`, strict},
		{"/shop/shop.css", "text/css", "color-scheme", strict},
		{"/shop/city.svg", "image/svg+xml", "<svg", strict},
		{"/room/", "text/html", `data-ws="ws://localhost:2"`, "default-src 'self'; connect-src 'self' http://localhost:2 ws://localhost:2" + end},
		{"/room/", "text/html", `value="two.localhost"`, "default-src 'self'; connect-src 'self' http://localhost:2 ws://localhost:2" + end},
		{"/room/room.js", "text/javascript", "from './strophe.js'", strict},
		{"/room/room.css", "text/css", "color-scheme", strict},
		{"/room/icon.svg", "image/svg+xml", "<svg", strict},
		{"/room/strophe.js", "text/javascript", "// the library", strict},
	} {
		answer, body := fetch(t, h, test.path)
		if answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Header.Get("Content-Type"), test.kind) || !strings.Contains(body, test.text) {
			t.Errorf("%s: %s, %s, no %q in it", test.path, answer.Status, answer.Header.Get("Content-Type"), test.text)
		}
		if got := answer.Header.Get("Content-Security-Policy"); got != test.policy {
			t.Errorf("%s: policy %q, want %q", test.path, got, test.policy)
		}
	}
	for _, path := range []string{"/main.go", "/shop/page.html", "/nowhere"} {
		if answer, _ := fetch(t, h, path); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s, want 404", path, answer.Status)
		}
	}
}

// TestPagesHoldTogether: every link, picture and style sheet of the shop is there, and nothing stands in a page that its policy forbids.
func TestPagesHoldTogether(t *testing.T) {
	h := testSite(t)
	own := regexp.MustCompile(`(?:href|src)="(/[^"]*)"`)
	for _, path := range []string{"/", "/bikes", "/delivery", "/room/"} {
		_, body := fetch(t, h, path)
		for _, inline := range []string{`<style`, `style=`, `<script>`, `javascript:`, ` onclick=`, ` onload=`} {
			if strings.Contains(body, inline) {
				t.Errorf("%s contains %s, which the policy forbids", path, inline)
			}
		}
		found := own.FindAllStringSubmatch(body, -1)
		if len(found) == 0 && path != "/room/" {
			t.Errorf("%s links to nothing", path)
		}
		for _, m := range found {
			if answer, _ := fetch(t, h, m[1]); answer.StatusCode != http.StatusOK {
				t.Errorf("%s: %s is %s", path, m[1], answer.Status)
			}
		}
	}
}

func TestServerConfigs(t *testing.T) {
	word := regexp.MustCompile(`@[A-Z0-9]+@`)
	for name, config := range map[string]string{"prosody.cfg.lua": prosodyConfig, "ejabberd.yml": ejabberdConfig} {
		path := filepath.Join(t.TempDir(), name)
		if err := fill(path, config, "/some/where", ports{c2s: 15222, component: 15347}); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if left := word.Find(text); left != nil {
			t.Errorf("%s: %s was not filled in", name, left)
		}
		for _, port := range []string{"15222", "15347", "s3cret"} {
			if !strings.Contains(string(text), port) {
				t.Errorf("%s: no %s in it", name, port)
			}
		}
	}
}

func TestPortsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().(*net.TCPAddr).Port
	err = ports{c2s: taken}.free() // port 0 can always be had
	if err == nil || !strings.Contains(err.Error(), "-c2s ") || !strings.Contains(err.Error(), "the XMPP server's clients") {
		t.Errorf("a taken port was reported as %v", err)
	}
	if err := (ports{}).free(); err != nil {
		t.Errorf("free ports: %v", err)
	}
}
