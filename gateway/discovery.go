package gateway

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"usher/xmpp"
)

// Paths of the public listener (docs/interface.md, part C).
const (
	pathWS           = "/xmpp-websocket"
	pathBOSH         = "/http-bind"
	pathHostMeta     = "/.well-known/host-meta"
	pathHostMetaJSON = "/.well-known/host-meta.json"
	pathStatus       = "/status"
)

// siteOf finds the site of a request that belongs to no stream: the one whose domain is the
// Host, else the one that is named (?site=), else the only one there is. nil: none, or which one can't be told.
func siteOf(sites []Site, host, name string) *Site {
	i := slices.IndexFunc(sites, func(s Site) bool { return s.Domain == host })
	if i < 0 && name != "" {
		i = slices.IndexFunc(sites, func(s Site) bool { return s.Name == name })
	} else if i < 0 && len(sites) == 1 {
		i = 0
	}
	if i < 0 {
		return nil
	}
	return &sites[i]
}

// discovery answers where a site's transports are (XEP-0156).
type discovery struct {
	public  string
	sites   []Site
	proxies proxies
}

func newDiscovery(cfg *Config) *discovery {
	return &discovery{cfg.Public, cfg.Sites, cfg.TrustedProxies}
}

// link is one way to connect.
type link struct {
	Rel  string `json:"rel"`
	Href string `json:"href"`
}

// hostMeta answers GET /.well-known/host-meta as XRD (RFC 6415 §3).
func (d *discovery) hostMeta(ctx *fasthttp.RequestCtx) {
	links, ok := d.links(ctx)
	if !ok {
		return
	}
	b := []byte("<?xml version='1.0' encoding='utf-8'?>\n<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>\n")
	for _, l := range links {
		b = append(b, "  <Link"...)
		b = xmpp.AppendAttr(b, "rel", []byte(l.Rel))
		b = xmpp.AppendAttr(b, "href", []byte(l.Href))
		b = append(b, "/>\n"...)
	}
	ctx.SetContentType("application/xrd+xml; charset=utf-8")
	ctx.SetBody(append(b, "</XRD>\n"...))
}

// hostMetaJSON answers GET /.well-known/host-meta.json as JRD (RFC 6415 appendix A).
func (d *discovery) hostMetaJSON(ctx *fasthttp.RequestCtx) {
	links, ok := d.links(ctx)
	if !ok {
		return
	}
	b, err := json.Marshal(struct {
		Links []link `json:"links"`
	}{links})
	if err != nil {
		ctx.SetStatusCode(fasthttp.StatusInternalServerError) // two strings always marshal
		return
	}
	ctx.SetContentType("application/jrd+json")
	ctx.SetBody(append(b, '\n'))
}

// links lists the site's transports. ok is false if the request is answered already.
//
// XEP-0156 §3.2 wants https and wss only. They are given as soon as the edge or a
// trusted proxy has TLS; a plain edge (a demo on one machine) tells the truth instead of what doesn't work.
func (d *discovery) links(ctx *fasthttp.RequestCtx) (links []link, ok bool) {
	ctx.Response.Header.Set(fasthttp.HeaderAccessControlAllowOrigin, "*") // XEP-0156 §4
	ctx.Response.Header.Set(fasthttp.HeaderVary, "Host, X-Forwarded-Proto, Forwarded")
	switch {
	case ctx.IsOptions():
		ctx.Response.Header.Set(fasthttp.HeaderAccessControlAllowMethods, "GET, HEAD, OPTIONS")
		ctx.Response.Header.Set(fasthttp.HeaderAccessControlMaxAge, "86400")
		ctx.SetStatusCode(fasthttp.StatusNoContent)
		return nil, false
	case !ctx.IsGet() && !ctx.IsHead():
		ctx.Response.Header.Set(fasthttp.HeaderAllow, "GET, HEAD, OPTIONS")
		ctx.SetStatusCode(fasthttp.StatusMethodNotAllowed)
		return nil, false
	}
	info := d.proxies.clientInfo(ctx, "")
	site := siteOf(d.sites, info.Host, string(ctx.QueryArgs().Peek("site")))
	if site == nil {
		ctx.SetStatusCode(fasthttp.StatusNotFound)
		return nil, false
	}
	base := d.public
	if base == "" {
		host := string(ctx.Host())
		if host == "" || strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789.-_:[]") != "" {
			ctx.SetStatusCode(fasthttp.StatusBadRequest)
			return nil, false
		}
		base = "http://" + host
		if info.Secure {
			base = "https://" + host
		}
	}
	if slices.Contains(site.Transports, "ws") {
		links = append(links, link{"urn:xmpp:alt-connections:websocket", "ws" + strings.TrimPrefix(base, "http") + pathWS})
	}
	if slices.Contains(site.Transports, "bosh") {
		links = append(links, link{"urn:xmpp:alt-connections:xbosh", base + pathBOSH})
	}
	return links, true
}
