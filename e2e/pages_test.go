package e2e

import (
	"net"
	"net/http"
	"os/exec"
	"testing"
)

// pages serves the browser's pages on an origin of their own.
type pages struct {
	origin   string
	chromium string
	ca       string // file of the certificate that drivers in Node trust, if there is one
}

func servePages(t *testing.T) *pages {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServer(http.Dir(".")))
	// Converse.js looks for it beside the page.
	mux.HandleFunc("/pages/curve25519_compiled.wasm", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, "node_modules/converse.js/dist/curve25519_compiled.wasm")
	})
	srv := &http.Server{Handler: mux}
	go srv.Serve(l) // ends with Close, below
	t.Cleanup(func() { srv.Close() })
	return &pages{origin: "http://" + l.Addr().String(), chromium: chromium}
}
