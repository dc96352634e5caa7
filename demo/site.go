package main

import (
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"path/filepath"
)

var (
	//go:embed room
	room embed.FS
	//go:embed shop
	shop embed.FS
)

// page is what the pages are told.
type page struct {
	Self  string   // where they come from
	HTTP  string   // the gateway: widget, desk, BOSH
	WS    string   // the gateway, for WebSocket
	C2S   int      // port of the server for ordinary clients
	Sites []string // the domains that the room page can log in to
}

// shopPage is one page of the shop.
type shopPage struct {
	Path, Title string
	Gateway     string
	C2S         int
	Menu        []shopPage
	Bikes       []bike
}

type bike struct {
	Name, Words, Picture, Alt string
	Price                     string
}

// shopPages are the shop.
var shopPages = []shopPage{{Path: "/", Title: "Welcome"}, {Path: "/bikes", Title: "Bicycles"}, {Path: "/delivery", Title: "Delivery"}}

var bikes = []bike{
	{"Alva", "The one for the city: upright, seven gears, and a basket that holds a week's shopping.", "city", "A city bicycle with a basket", "890"},
	{"Torun", "For roads that go on: three times nine gears, racks, and lights that never need a battery.", "touring", "A touring bicycle with a pannier", "1,240"},
	{"Bosse", "Carries two children or a fridge. Electric, if you live on a hill.", "cargo", "A cargo bicycle with a box in front", "2,950"},
}

// site returns the handler of the demo's website, an origin other than the gateway's: a shop with the widget, and a room without any.
// library is the folder of the npm packages that the room needs.
//
// The shop's policy is the strictest under which the widget works: nothing from elsewhere but the gateway's scripts and
// connections to it, and no string becomes script. The room has all scripts of its own.
func site(p page, library string) (http.Handler, error) {
	index, err := template.ParseFS(room, "room/index.html")
	if err != nil {
		return nil, err
	}
	goods, err := template.ParseFS(shop, "shop/page.html")
	if err != nil {
		return nil, err
	}
	const common = "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
	strict := fmt.Sprintf("default-src 'self'; script-src %s; connect-src %s %s; require-trusted-types-for 'script'; %s", p.HTTP, p.HTTP, p.WS, common)
	mux := http.NewServeMux()
	for _, s := range shopPages {
		s.Gateway, s.C2S, s.Menu, s.Bikes = p.HTTP, p.C2S, shopPages, bikes
		pattern := "GET " + s.Path
		if s.Path == "/" {
			pattern += "{$}"
		}
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { write(w, goods, s) })
	}
	for _, name := range []string{"shop.css", "wheel.svg", "city.svg", "touring.svg", "cargo.svg"} {
		mux.HandleFunc("GET /shop/"+name, func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, shop, "shop/"+name) })
	}
	own := fmt.Sprintf("default-src 'self'; connect-src 'self' %s %s; %s", p.HTTP, p.WS, common)
	mux.HandleFunc("GET /room/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", own)
		write(w, index, p)
	})
	for _, name := range []string{"room.css", "room.js", "icon.svg"} {
		mux.HandleFunc("GET /room/"+name, func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, room, "room/"+name) })
	}
	mux.HandleFunc("GET /room/strophe.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(library, "strophe.js", "dist", "strophe.esm.js"))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", strict)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-cache")
		mux.ServeHTTP(w, r)
	}), nil
}

func write(w http.ResponseWriter, t *template.Template, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := t.Execute(w, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}
