package e2e

import (
	"cmp"
	"fmt"
	"html"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// shop is a website on an origin that is not the gateway's, which loads the widget from there.
type shop struct {
	port string

	mu    sync.Mutex
	looks map[string]look // by the first part of the path
}

// look is one way to put the widget on a page. All pages below one look link to each other.
type look struct {
	gateway string            // where the widget is loaded from, http://…
	attrs   map[string]string // of the script, data-site and the like
	csp     string            // Content-Security-Policy; "" = none
	css     string            // more style
	head    string            // markup before the widget's script
	body    string            // markup in the place of the widget's script; "" = the script
	host    string            // "" = shop.localhost
}

// strictCSP is the policy of docs/widget.md: nothing but the gateway is added to what a careful site allows, and no string becomes script.
func strictCSP(gateway string) string {
	return fmt.Sprintf("default-src 'self'; script-src %[1]s; connect-src %[1]s %[2]s; require-trusted-types-for 'script'",
		gateway, "ws"+strings.TrimPrefix(gateway, "http"))
}

// hostileCSS is what careless sites do to every element of theirs, and to what isn't theirs.
const hostileCSS = `
* { all: unset !important; }
html, body { display: block !important; width: 100% !important; transform: translateZ(0) !important; font: 60px/1 cursive !important; direction: rtl !important; }
head, style, script { display: none !important; }
body * { display: block !important; position: static !important; font: 60px/1 cursive !important; color: #eee !important; background: #fff !important;
    visibility: hidden !important; opacity: .1 !important; transform: rotate(3deg) !important; pointer-events: none !important; width: 11px !important;
    box-sizing: content-box !important; z-index: -1 !important; direction: rtl !important; }
div, button, input, textarea, form, dialog, [class], [id], [role], :not(:defined) { display: none !important; max-height: 0 !important; clip-path: inset(50%) !important; }
body > * { margin: 5000px !important; float: left !important; }
main { display: block !important; visibility: visible !important; position: fixed !important; inset: 0 !important; width: 100% !important; opacity: 1 !important; z-index: 2147483647 !important; pointer-events: auto !important; margin: 0 !important; }
`

func runShop(t *testing.T) *shop {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	s := &shop{port: port, looks: map[string]look{}}
	srv := &http.Server{Handler: s, ReadHeaderTimeout: patience}
	go srv.Serve(l) // ends with Close, below
	t.Cleanup(func() { srv.Close() })
	return s
}

// add makes pages of a look and returns the address of the first.
func (s *shop) add(l look) string {
	id := random()
	s.mu.Lock()
	s.looks[id] = l
	s.mu.Unlock()
	return fmt.Sprintf("http://%s:%s/%s/", cmp.Or(l.host, "shop.localhost"), s.port, id)
}

const shopPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%[1]s – Lamps and more</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="shop.css">
%[2]s
</head>
<body>
<header><nav aria-label="Shop"><a href="./">Home</a> <a href="lamps">Lamps</a> <a href="basket">Basket</a></nav></header>
<main>
<h1>%[1]s</h1>
<p>A lamp for each room. Ask us if you can't decide.</p>
<p><a href="lamps?by=price" target="_blank" rel="opener">Open the lamps in a new tab</a></p>
</main>
%[3]s
</body>
</html>
`

const shopCSS = `
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; color: #222; background: #f6f4ef; }
header { background: #233a3f; padding: 1rem 2rem; } header a { color: #fff; margin-inline-end: 1.5rem; }
main { padding: 2rem; max-width: 60ch; } main a { color: #135; }
@media (prefers-color-scheme: dark) { body { background: #181c1d; color: #ddd; } main a { color: #9cf; } }
`

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	s.mu.Lock()
	l, ok := s.looks[id]
	s.mu.Unlock()
	titles := map[string]string{"": "Welcome", "lamps": "Lamps", "basket": "Your basket"}
	switch {
	case r.URL.Path == "/icon.svg":
		w.Header().Set("Content-Type", "image/svg+xml")
		fmt.Fprint(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle cx="4" cy="4" r="4"/></svg>`)
	case !ok:
		http.NotFound(w, r)
	case name == "shop.css":
		w.Header().Set("Content-Type", "text/css")
		fmt.Fprint(w, shopCSS, l.css)
	case titles[name] != "":
		if l.csp != "" {
			w.Header().Set("Content-Security-Policy", l.csp)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, shopPage, titles[name], l.head, cmp.Or(l.body, l.script()))
	default:
		http.NotFound(w, r)
	}
}

// script is the snippet of docs/widget.md.
func (l look) script() string {
	var attrs []string
	for k, v := range l.attrs {
		attrs = append(attrs, fmt.Sprintf(` %s="%s"`, k, html.EscapeString(v)))
	}
	slices.Sort(attrs)
	return fmt.Sprintf(`<script src="%s/widget.js"%s async></script>`, l.gateway, strings.Join(attrs, ""))
}
