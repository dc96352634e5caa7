package gateway

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"github.com/valyala/fasthttp"

	agents "usher/desk"
)

// The agents' page.
const (
	pathDesk         = "/desk/"
	deskSettingsPath = "config.json"
	deskConverse     = "converse/" // the files of Converse.js, below pathDesk
)

// deskPage serves the agents' web page. Its files are read and compressed when somebody first asks for them: most of an edge's
// memory is for visitors.
type deskPage struct {
	public  string
	proxies proxies
	told    deskSettings
	built   bool // Converse.js is in this build
	files   map[string]func() *staticFile
}

// deskSettings is what the page is told.
type deskSettings struct {
	Accounts []string `json:"accounts"` // the domains to log in to
	Desk     string   `json:"desk"`     // the workgroups' domain
	WS       string   `json:"ws"`
	BOSH     string   `json:"bosh"`
}

func newDeskPage(cfg *Config) (*deskPage, error) {
	return deskPageOf(cfg, agents.App, agents.Converse)
}

// deskPageOf makes it of the folders app and converse.
func deskPageOf(cfg *Config, app, converse fs.FS) (*deskPage, error) {
	d := &deskPage{
		public: cfg.Public, proxies: cfg.TrustedProxies, files: make(map[string]func() *staticFile),
		told: deskSettings{Accounts: []string{}, Desk: cfg.Upstream.Desk},
	}
	for _, a := range cfg.Upstream.Accounts {
		d.told.Accounts = append(d.told.Accounts, a.Domain)
	}
	if err := d.add(app, "app", ""); err != nil {
		return nil, err
	}
	if err := d.add(converse, strings.TrimSuffix(deskConverse, "/"), deskConverse); err != nil {
		return nil, err
	}
	_, d.built = d.files[pathDesk+deskConverse+"converse.min.js"]
	index := "index.html"
	if !d.built {
		index = "missing.html"
	}
	d.files[pathDesk] = d.files[pathDesk+index]
	if d.files[pathDesk] == nil {
		return nil, fmt.Errorf("the agents' page has no %s", index)
	}
	return d, nil
}

// add enters the files of a folder, to be served below at.
func (d *deskPage) add(fsys fs.FS, folder, at string) error {
	return fs.WalkDir(fsys, folder, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		d.files[pathDesk+at+strings.TrimPrefix(name, folder+"/")] = sync.OnceValue(func() *staticFile {
			body, err := fs.ReadFile(fsys, name)
			if err != nil {
				return nil // an embedded file that was found can be read
			}
			return newStaticFile(name, cacheShortly, body)
		})
		return nil
	})
}

// serve answers a request for the page and what is below it; false: the path is none of its.
func (d *deskPage) serve(ctx *fasthttp.RequestCtx) bool {
	path := string(ctx.Path())
	if path+"/" == pathDesk {
		ctx.Redirect(pathDesk, fasthttp.StatusPermanentRedirect)
		return true
	}
	if path == pathDesk+deskSettingsPath {
		d.config(ctx)
		return true
	}
	open := d.files[path]
	if open == nil {
		return false
	}
	f := open()
	if f == nil {
		return false
	}
	h := &ctx.Response.Header
	h.Set(fasthttp.HeaderCrossOriginResourcePolicy, "same-origin")
	if strings.HasPrefix(f.kind, "text/html") {
		h.Set("Content-Security-Policy", d.policy(ctx))
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY") // for browsers that don't know frame-ancestors
	}
	f.serve(ctx)
	return true
}

// policy is the page's Content-Security-Policy: everything from here, and no script in the page itself. Converse.js has styles in its
// markup. The address of the WebSocket is named, since not every browser counts it as 'self'.
func (d *deskPage) policy(ctx *fasthttp.RequestCtx) string {
	connect := "'self'"
	if s, ok := d.settings(ctx); ok {
		connect += " " + strings.TrimSuffix(s.WS, pathWS) + " " + strings.TrimSuffix(s.BOSH, pathBOSH)
	}
	return "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; " +
		"media-src 'self' blob:; manifest-src 'self'; connect-src " + connect + "; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
}

// settings is what the page of this request is told; false: the Host header is none.
func (d *deskPage) settings(ctx *fasthttp.RequestCtx) (deskSettings, bool) {
	told := d.told
	base, ok := publicBase(d.public, ctx, d.proxies.clientInfo(ctx, "").Secure)
	told.WS, told.BOSH = transportURLs(transportNames[:], base)
	return told, ok
}

// config answers GET /desk/config.json.
func (d *deskPage) config(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	h.Set(fasthttp.HeaderVary, "Host, X-Forwarded-Proto, Forwarded")
	h.Set(fasthttp.HeaderXContentTypeOptions, "nosniff")
	h.Set(fasthttp.HeaderCrossOriginResourcePolicy, "same-origin")
	h.Set(fasthttp.HeaderCacheControl, "no-cache")
	if !readOnly(ctx) {
		return
	}
	told, ok := d.settings(ctx)
	if !ok {
		ctx.SetStatusCode(fasthttp.StatusBadRequest)
		return
	}
	b, err := json.Marshal(told)
	if err != nil {
		ctx.SetStatusCode(fasthttp.StatusInternalServerError) // text and lists of it always marshal
		return
	}
	ctx.SetContentType("application/json")
	ctx.SetBody(append(b, '\n'))
}
