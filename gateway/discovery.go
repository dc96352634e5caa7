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
	pathFiles        = "/files/"
	pathLoader       = "/widget.js"
	pathWidget       = "/widget/"
	pathWidgetConfig = "/widget/config"
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

// discovery answers where a site's transports, or those of an accounts domain, are (XEP-0156).
type discovery struct {
	public   string
	sites    []Site
	accounts []Account
	proxies  proxies
}

func newDiscovery(cfg *Config) *discovery {
	return &discovery{cfg.Public, cfg.Sites, cfg.Upstream.Accounts, cfg.TrustedProxies}
}

// transports are those of the request's site, or of the accounts domain that is its Host; nil: there is neither.
func (d *discovery) transports(host, name string) []string {
	if slices.ContainsFunc(d.accounts, func(a Account) bool { return a.Domain == host }) {
		return transportNames[:]
	}
	if site := siteOf(d.sites, host, name); site != nil {
		return site.Transports
	}
	return nil
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
	if !readOnly(ctx) {
		return nil, false
	}
	info := d.proxies.clientInfo(ctx, "")
	transports := d.transports(info.Host, string(ctx.QueryArgs().Peek("site")))
	if transports == nil {
		ctx.SetStatusCode(fasthttp.StatusNotFound)
		return nil, false
	}
	base, ok := publicBase(d.public, ctx, info.Secure)
	if !ok {
		ctx.SetStatusCode(fasthttp.StatusBadRequest)
		return nil, false
	}
	ws, bosh := transportURLs(transports, base)
	if ws != "" {
		links = append(links, link{"urn:xmpp:alt-connections:websocket", ws})
	}
	if bosh != "" {
		links = append(links, link{"urn:xmpp:alt-connections:xbosh", bosh})
	}
	return links, true
}

// publicBase is where the visitor finds us, without a slash at the end: `public`, else what he has asked for.
// ok is false if that is no host.
func publicBase(public string, ctx *fasthttp.RequestCtx, secure bool) (base string, ok bool) {
	if public != "" {
		return public, true
	}
	host := string(ctx.Host())
	if host == "" || strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789.-_:[]") != "" {
		return "", false
	}
	if secure {
		return "https://" + host, true
	}
	return "http://" + host, true
}

// transportURLs are the site's two ways in; "" = it doesn't use that one.
func transportURLs(transports []string, base string) (ws, bosh string) {
	if slices.Contains(transports, "ws") {
		ws = "ws" + strings.TrimPrefix(base, "http") + pathWS
	}
	if slices.Contains(transports, "bosh") {
		bosh = base + pathBOSH
	}
	return ws, bosh
}
