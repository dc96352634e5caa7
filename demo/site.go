package main

import (
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"path/filepath"
)

//go:embed room
var room embed.FS

// page is what the room page is told.
type page struct {
	Self  string   // where it comes from
	HTTP  string   // the gateway, for BOSH
	WS    string   // the gateway, for WebSocket
	Sites []string // the domains that it can log in to
}

// site returns the handler of the demo's web page, an origin other than the
// gateway's. library is the folder of the npm packages. The page runs under a strict
// policy: everything from here, connections to the gateway, nothing else.
func site(p page, library string) (http.Handler, error) {
	index, err := template.ParseFS(room, "room/index.html")
	if err != nil {
		return nil, err
	}
	policy := fmt.Sprintf("default-src 'self'; connect-src 'self' %s %s; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'", p.HTTP, p.WS)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := index.Execute(w, p); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	for _, name := range []string{"room.css", "room.js", "icon.svg"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFileFS(w, r, room, "room/"+name)
		})
	}
	mux.HandleFunc("GET /strophe.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(library, "strophe.js", "dist", "strophe.esm.js"))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-cache")
		mux.ServeHTTP(w, r)
	}), nil
}
