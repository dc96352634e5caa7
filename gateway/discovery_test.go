package gateway

import (
	"encoding/json"
	"encoding/xml"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

func TestDiscovery(t *testing.T) {
	shop := Site{Name: "shop", Domain: "visitors.localhost", Transports: []string{"ws", "bosh"}}
	blog := Site{Name: "blog", Domain: "blog.example", Transports: []string{"bosh"}}
	both := []Site{shop, blog}
	proxy := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1}
	direct := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}
	tests := []struct {
		name   string
		public string
		sites  []Site
		peer   net.Addr
		host   string
		query  string
		header string
		status int
		want   []string
	}{
		{"public", "https://chat.example.com", both[:1], direct, "x", "", "", 200, []string{"wss://chat.example.com/xmpp-websocket", "https://chat.example.com/http-bind"}},
		{"public, plain", "http://chat.example.com:81", both[:1], direct, "x", "", "", 200, []string{"ws://chat.example.com:81/xmpp-websocket", "http://chat.example.com:81/http-bind"}},
		{"by the Host", "", both[:1], direct, "127.0.0.1:8080", "", "", 200, []string{"ws://127.0.0.1:8080/xmpp-websocket", "http://127.0.0.1:8080/http-bind"}},
		{"TLS before a trusted proxy", "", both[:1], proxy, "chat.example.com", "", "X-Forwarded-Proto: https", 200, []string{"wss://chat.example.com/xmpp-websocket", "https://chat.example.com/http-bind"}},
		{"TLS before somebody else", "", both[:1], direct, "chat.example.com", "", "X-Forwarded-Proto: https", 200, []string{"ws://chat.example.com/xmpp-websocket", "http://chat.example.com/http-bind"}},
		{"the site of the Host", "https://c.example", both, direct, "Blog.example:8080", "", "", 200, []string{"https://c.example/http-bind"}},
		{"the site that is named", "https://c.example", both, direct, "c.example", "site=blog", "", 200, []string{"https://c.example/http-bind"}},
		{"the Host before the name", "https://c.example", both, direct, "blog.example", "site=shop", "", 200, []string{"https://c.example/http-bind"}},
		{"which site?", "https://c.example", both, direct, "c.example", "", "", 404, nil},
		{"no such site", "https://c.example", both[:1], direct, "c.example", "site=nosuch", "", 404, nil},
		{"an accounts domain", "https://c.example", both, direct, "Acc.example", "", "", 200, []string{"wss://c.example/xmpp-websocket", "https://c.example/http-bind"}},
		{"a Host that is none", "", both[:1], direct, `a"><x`, "", "", 400, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDiscovery(&Config{Public: tt.public, Sites: tt.sites, Upstream: UpstreamConfig{Accounts: []Account{{Domain: "acc.example"}}}, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
			ask := func(h fasthttp.RequestHandler) *fasthttp.Response {
				lines := []string{"Host: placeholder", "Origin: https://anything.example"}
				if tt.header != "" {
					lines = append(lines, tt.header)
				}
				ctx := asked(tt.peer, lines...)
				ctx.Request.Header.SetHost(tt.host)
				ctx.Request.SetRequestURI("/.well-known/host-meta?" + tt.query)
				ctx.Request.Header.SetHost(tt.host)
				h(ctx)
				if got := ctx.Response.StatusCode(); got != tt.status {
					t.Errorf("status %d, want %d", got, tt.status)
				}
				if cors := string(ctx.Response.Header.Peek("Access-Control-Allow-Origin")); cors != "*" {
					t.Errorf("CORS %q", cors)
				}
				return &ctx.Response
			}
			x := ask(d.hostMeta)
			j := ask(d.hostMetaJSON)
			if tt.status != 200 {
				return
			}
			var xrd struct {
				XMLName xml.Name `xml:"http://docs.oasis-open.org/ns/xri/xrd-1.0 XRD"`
				Link    []struct {
					Rel  string `xml:"rel,attr"`
					Href string `xml:"href,attr"`
				}
			}
			if err := xml.Unmarshal(x.Body(), &xrd); err != nil {
				t.Fatalf("%v in %s", err, x.Body())
			}
			var jrd struct{ Links []link }
			if err := json.Unmarshal(j.Body(), &jrd); err != nil {
				t.Fatalf("%v in %s", err, j.Body())
			}
			var inXML, inJSON []string
			for i, l := range xrd.Link {
				rel := "urn:xmpp:alt-connections:xbosh"
				if strings.HasPrefix(l.Href, "ws") {
					rel = "urn:xmpp:alt-connections:websocket"
				}
				if l.Rel != rel || jrd.Links[i].Rel != rel {
					t.Errorf("%s is %s and %s, want %s", l.Href, l.Rel, jrd.Links[i].Rel, rel)
				}
				inXML, inJSON = append(inXML, l.Href), append(inJSON, jrd.Links[i].Href)
			}
			if !slices.Equal(inXML, tt.want) || !slices.Equal(inJSON, tt.want) {
				t.Errorf("XRD %v, JRD %v, want %v", inXML, inJSON, tt.want)
			}
			if ct := string(x.Header.ContentType()) + " " + string(j.Header.ContentType()); ct != "application/xrd+xml; charset=utf-8 application/jrd+json" {
				t.Errorf("content types %s", ct)
			}
		})
	}
}

func TestDiscoveryMethods(t *testing.T) {
	d := newDiscovery(&Config{Sites: []Site{{Name: "shop", Domain: "a.example", Transports: []string{"ws"}}}})
	for method, want := range map[string]int{"GET": 200, "HEAD": 200, "OPTIONS": 204, "POST": 405, "PUT": 405, "DELETE": 405} {
		ctx := asked(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}, "Host: a.example")
		ctx.Request.Header.SetMethod(method)
		d.hostMetaJSON(ctx)
		if got := ctx.Response.StatusCode(); got != want {
			t.Errorf("%s: status %d, want %d", method, got, want)
		}
		if string(ctx.Response.Header.Peek("Access-Control-Allow-Origin")) != "*" {
			t.Errorf("%s: no CORS", method)
		}
		if want == 405 && string(ctx.Response.Header.Peek("Allow")) != "GET, HEAD, OPTIONS" {
			t.Errorf("%s: Allow is %q", method, ctx.Response.Header.Peek("Allow"))
		}
	}
}
