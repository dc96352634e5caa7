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

func TestPage(t *testing.T) {
	library := t.TempDir()
	dist := filepath.Join(library, "strophe.js", "dist")
	if err := os.MkdirAll(dist, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dist, "strophe.esm.js"), []byte("// the library"), 0o644); err != nil {
		t.Fatal(err)
	}
	h, err := site(page{
		Self: "http://localhost:1", HTTP: "http://localhost:2", WS: "ws://localhost:2",
		Sites: []string{"one.localhost", "two.localhost"},
	}, library)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ path, kind, text string }{
		{"/", "text/html", `data-ws="ws://localhost:2"`},
		{"/", "text/html", `value="two.localhost"`},
		{"/room.js", "text/javascript", "from './strophe.js'"},
		{"/room.css", "text/css", "color-scheme"},
		{"/icon.svg", "image/svg+xml", "<svg"},
		{"/strophe.js", "text/javascript", "// the library"},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", test.path, nil))
		answer := w.Result()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Header.Get("Content-Type"), test.kind) || !strings.Contains(string(body), test.text) {
			t.Errorf("%s: %s, %s, no %q in it", test.path, answer.Status, answer.Header.Get("Content-Type"), test.text)
		}
		want := "default-src 'self'; connect-src 'self' http://localhost:2 ws://localhost:2; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
		if got := answer.Header.Get("Content-Security-Policy"); got != want {
			t.Errorf("%s: policy %q, want %q", test.path, got, want)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/main.go", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("/main.go: %d, want 404", w.Code)
	}
}

// The page works under its policy only if nothing stands in the page itself.
func TestPageHasNothingInline(t *testing.T) {
	text, err := room.ReadFile("room/index.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, inline := range []string{`<style`, `style=`, `<script>`, `javascript:`, ` onclick=`, ` onload=`} {
		if strings.Contains(string(text), inline) {
			t.Errorf("index.html contains %s, which the policy forbids", inline)
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
