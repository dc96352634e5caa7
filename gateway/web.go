package gateway

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"regexp"
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"usher/widget"
)

// hashedName is the name of a file that has a digest of its content in it.
var hashedName = regexp.MustCompile(`-[0-9A-Za-z_]{8,}\.[a-z0-9]+$`)

// web serves the widget's files and what a site has set for it.
type web struct {
	public  string
	desk    string
	sites   []Site
	proxies proxies
	rules   map[string]*site       // by the site's domain, for its origins
	files   map[string]*staticFile // by path
	smtp    bool
	shared  *sharedFiles // nil: off
}

// sharedFiles is what visitors may send, as the widget is told.
type sharedFiles struct {
	Max   int64    `json:"max"`
	Types []string `json:"types"`
}

func newWeb(cfg *Config, byDomain map[string]*site) (*web, error) {
	w := &web{
		public: cfg.Public, desk: cfg.Upstream.Desk, sites: cfg.Sites, proxies: cfg.TrustedProxies, rules: byDomain,
		files: make(map[string]*staticFile), smtp: cfg.SMTP.Address != "",
	}
	if cfg.Files.Path != "" {
		w.shared = &sharedFiles{int64(cfg.Files.Max), append([]string{}, cfg.Files.Types...)}
	}
	dist, err := fs.Sub(widget.Dist, "dist")
	if err != nil {
		return nil, err
	}
	all, err := readFiles(dist)
	if err != nil {
		return nil, err
	}
	for name, body := range all {
		at, cache := pathWidget+name, cacheShortly
		if name == "widget.js" {
			at = pathLoader
		} else if hashedName.MatchString(name) {
			cache = cacheForever
		}
		w.files[at] = newStaticFile(name, cache, body)
	}
	if w.files[pathLoader] == nil {
		return nil, errors.New("the widget's loader is missing: make widget")
	}
	for i := range cfg.Sites {
		if at, body := logoPath(&cfg.Sites[i].Theme.Picture), cfg.Sites[i].Theme.Picture.Raster; at != "" {
			w.files[at] = newStaticFile(at, cacheForever, body)
		}
	}
	return w, nil
}

// logoPath is where a raster image is served; "" = it is none.
func logoPath(l *Logo) string {
	if len(l.Raster) == 0 {
		return ""
	}
	sum := sha256.Sum256(l.Raster)
	return pathWidget + "logo-" + hex.EncodeToString(sum[:8]) + l.Ext
}

// file serves a file of the widget; false: the path is none of its. Pages of every origin may use them, also those that
// are isolated from other origins (COEP), and as modules, which are fetched with CORS wherever they are from.
func (w *web) file(ctx *fasthttp.RequestCtx) bool {
	f := w.files[string(ctx.Path())]
	if f == nil {
		return false
	}
	ctx.Response.Header.Set(fasthttp.HeaderAccessControlAllowOrigin, "*")
	ctx.Response.Header.Set(fasthttp.HeaderCrossOriginResourcePolicy, "cross-origin")
	f.serve(ctx)
	return true
}

// siteConfig is SiteConfig of widget/src/types.ts: what a site has set, as its widget reads it.
type siteConfig struct {
	Site           string          `json:"site"`
	Domain         string          `json:"domain"`
	WS             string          `json:"ws"`
	BOSH           string          `json:"bosh"`
	Language       string          `json:"language"`
	Languages      []string        `json:"languages"`
	Theme          themeConfig     `json:"theme"`
	Texts          map[string]Text `json:"texts"`
	Consent        string          `json:"consent"`
	Remember       bool            `json:"remember"`
	HideWhenClosed bool            `json:"hideWhenClosed"`
	Proactive      proactiveConfig `json:"proactive"`
	Files          *sharedFiles    `json:"files"`
	TranscriptMail bool            `json:"transcriptMail"`
	Workgroups     []siteGroup     `json:"workgroups"`
}

type themeConfig struct {
	Colour   string `json:"colour"`
	Logo     string `json:"logo"`
	Position string `json:"position"`
	Dark     string `json:"dark"` // auto | light | dark
	CSS      string `json:"css"`
}

type proactiveConfig struct {
	Mode  string      `json:"mode"`
	Rules []greetRule `json:"rules"`
}

type greetRule struct {
	Page  string `json:"page"`
	After int    `json:"after"` // seconds
	Text  Text   `json:"text"`
}

type siteGroup struct {
	Name  string `json:"name"`
	JID   string `json:"jid"`
	Title string `json:"title"`
}

// config answers GET /widget/config.
func (w *web) config(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	h.Set(fasthttp.HeaderVary, "Host, X-Forwarded-Proto, Forwarded, Origin")
	h.Set(fasthttp.HeaderXContentTypeOptions, "nosniff")
	h.Set(fasthttp.HeaderCrossOriginResourcePolicy, "cross-origin")
	info := w.proxies.clientInfo(ctx, "")
	s := siteOf(w.sites, info.Host, string(ctx.QueryArgs().Peek("site")))
	if s != nil && info.Origin != "" && w.rules[s.Domain].origin(info.Origin) {
		h.Set(fasthttp.HeaderAccessControlAllowOrigin, info.Origin)
	}
	if !readOnly(ctx) {
		return
	}
	if s == nil {
		ctx.SetStatusCode(fasthttp.StatusNotFound)
		return
	}
	base, ok := publicBase(w.public, ctx, info.Secure)
	if !ok {
		ctx.SetStatusCode(fasthttp.StatusBadRequest)
		return
	}
	b, err := json.Marshal(w.siteConfig(s, base))
	if err != nil {
		ctx.SetStatusCode(fasthttp.StatusInternalServerError) // text, numbers and lists of them always marshal
		return
	}
	sum := sha256.Sum256(b)
	etag := `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`
	h.Set(fasthttp.HeaderCacheControl, "public, max-age=60")
	h.Set(fasthttp.HeaderETag, etag)
	if noneMatch(fieldOf(ctx.Request.Header.PeekAll(fasthttp.HeaderIfNoneMatch)), etag) {
		ctx.SetStatusCode(fasthttp.StatusNotModified)
		return
	}
	ctx.SetContentType("application/json")
	ctx.SetBody(append(b, '\n'))
}

func (w *web) siteConfig(s *Site, base string) siteConfig {
	c := siteConfig{
		Site: s.Name, Domain: s.Domain, Language: s.Language, Languages: append([]string{}, s.Languages...),
		Theme: themeConfig{Colour: s.Theme.Colour, Logo: s.Theme.Picture.SVG, Position: s.Theme.Position, Dark: s.Theme.Dark, CSS: s.Theme.CSS},
		Texts: s.Texts, Consent: s.Consent, Remember: s.Remember, HideWhenClosed: s.HideWhenClosed,
		Proactive:  proactiveConfig{Mode: s.Proactive.Mode, Rules: []greetRule{}},
		Workgroups: []siteGroup{}, Files: w.shared,
	}
	c.WS, c.BOSH = transportURLs(s.Transports, base)
	if at := logoPath(&s.Theme.Picture); at != "" {
		c.Theme.Logo = base + at
	}
	switch s.Theme.Dark {
	case "on":
		c.Theme.Dark = "dark"
	case "off":
		c.Theme.Dark = "light"
	}
	if c.Texts == nil {
		c.Texts = map[string]Text{}
	}
	for _, r := range s.Proactive.Rules {
		c.Proactive.Rules = append(c.Proactive.Rules, greetRule{r.Page, int(r.After.Round(time.Second) / time.Second), r.Text})
	}
	for i := range s.Workgroups {
		g := &s.Workgroups[i]
		c.Workgroups = append(c.Workgroups, siteGroup{g.Name, g.Address + "@" + w.desk, cmp.Or(g.Title, g.Name)})
	}
	c.TranscriptMail = w.smtp && slices.ContainsFunc(s.Workgroups, func(g Workgroup) bool { return g.TranscriptMail })
	return c
}
