package gateway

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// webOf makes the web part of an edge with this config.
func webOf(t *testing.T, yaml string) *web {
	t.Helper()
	cfg, _ := mustParse(t, yaml)
	byDomain := make(map[string]*site)
	for i := range cfg.Sites {
		byDomain[cfg.Sites[i].Domain] = newSite(&cfg.Sites[i], cfg.Upstream.Desk, newCounters(cfg.Sites, nil).site(cfg.Sites[i].Name))
	}
	w, err := newWeb(cfg, byDomain)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// fetch asks chat.example.com, or the Host that stands first in the header lines, for a path.
func fetch(h func(*fasthttp.RequestCtx), method, uri string, lines ...string) *fasthttp.Response {
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "Host:") {
		lines = append([]string{"Host: chat.example.com"}, lines...)
	}
	ctx := asked(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}, lines...)
	host := string(ctx.Request.Header.Host())
	ctx.Request.Header.SetMethod(method)
	ctx.Request.SetRequestURI(uri)
	ctx.Request.Header.SetHost(host)
	h(ctx)
	return &ctx.Response
}

func header(r *fasthttp.Response, name string) string {
	return fieldOf(r.Header.PeekAll(name))
}

// TestWidgetFiles: what a page of another origin fetches, in the coding that its browser takes, and not twice.
func TestWidgetFiles(t *testing.T) {
	w := webOf(t, minimal)
	script := []byte(strings.Repeat("export const words = 'the same again';\n", 50))
	w.files["/widget/app-0123ABCD.js"] = newStaticFile("app-0123ABCD.js", cacheForever, script)
	serve := func(ctx *fasthttp.RequestCtx) {
		if !w.file(ctx) {
			ctx.SetStatusCode(fasthttp.StatusNotFound)
		}
	}
	tags := map[string]bool{}
	for _, c := range []struct {
		accept, coding string
		unpack         func([]byte) ([]byte, error)
	}{
		{"", "", func(b []byte) ([]byte, error) { return b, nil }},
		{"gzip, deflate, br, zstd", "br", func(b []byte) ([]byte, error) { return fasthttp.AppendUnbrotliBytes(nil, b) }},
		{"gzip, br;q=0", "gzip", func(b []byte) ([]byte, error) {
			r, err := gzip.NewReader(bytes.NewReader(b))
			if err != nil {
				return nil, err
			}
			return io.ReadAll(r)
		}},
	} {
		r := fetch(serve, "GET", "/widget/app-0123ABCD.js", "Accept-Encoding: "+c.accept, "Origin: https://shop.example")
		body, err := c.unpack(r.Body())
		if err != nil || !bytes.Equal(body, script) {
			t.Errorf("%q: the body is not the file: %v", c.accept, err)
		}
		if c.coding != "" && len(r.Body()) > len(script)/4 {
			t.Errorf("%s: %d of %d bytes", c.coding, len(r.Body()), len(script))
		}
		for name, want := range map[string]string{
			"Content-Encoding": c.coding, "Content-Type": "text/javascript; charset=utf-8", "Vary": "Accept-Encoding",
			"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff",
			"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin",
		} {
			if got := header(r, name); got != want {
				t.Errorf("%q: %s is %q, want %q", c.accept, name, got, want)
			}
		}
		tag := header(r, "ETag")
		if !regexp.MustCompile(`^"[\w-]+"$`).MatchString(tag) || tags[tag] {
			t.Errorf("%q: ETag %s isn't a strong one of its own", c.accept, tag)
		}
		tags[tag] = true
		again := fetch(serve, "GET", "/widget/app-0123ABCD.js", "Accept-Encoding: "+c.accept, `If-None-Match: "other", W/`+tag)
		if again.StatusCode() != 304 || len(again.Body()) > 0 || header(again, "ETag") != tag || header(again, "Vary") != "Accept-Encoding" ||
			header(again, "Access-Control-Allow-Origin") != "*" || header(again, "Cache-Control") != cacheForever {
			t.Errorf("%q: again: %d %s", c.accept, again.StatusCode(), &again.Header)
		}
	}
	if r := fetch(serve, "GET", "/widget.js"); r.StatusCode() != 200 || header(r, "Cache-Control") != "public, max-age=300, must-revalidate" || len(r.Body()) == 0 {
		t.Errorf("loader: %d %s", r.StatusCode(), &r.Header)
	}
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"HEAD", "/widget.js", 200}, {"OPTIONS", "/widget.js", 204}, {"POST", "/widget.js", 405}, {"GET", "/widget/none-0123ABCD.js", 404},
		{"GET", "/widget/", 404}, {"GET", "/widget/../main.go", 404}, {"GET", "/widget/widget.js", 404},
	} {
		r := fetch(serve, c.method, c.path)
		if r.StatusCode() != c.status || c.status == 405 && header(r, "Allow") != "GET, HEAD, OPTIONS" || c.status == 204 && header(r, "Access-Control-Allow-Methods") == "" {
			t.Errorf("%s %s: %d %s", c.method, c.path, r.StatusCode(), &r.Header)
		}
	}
}

func TestAcceptsCoding(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false, "br": true, "BR": true, "gzip, br": true, "gzip": false, "br;q=0": false, "br;q=0.0": false, "br; q=0.1": true, "br;q=x": false,
		"*": true, "*;q=0": false, "br;q=0, *": false, "*;q=0, br": true, "brotli": false, "identity": false,
	} {
		if acceptsCoding(accept, "br") != want {
			t.Errorf("%q: %v", accept, !want)
		}
	}
}

const widgetSites = `
sites:
  - name: shop
    domain: visitors.localhost
    origins: ["https://shop.example"]
    transports: [ws]
    language: de
    languages: [de, en]
    texts: {title: {de: Hilfe, "": Help}, greeting: Hello}
    theme: {colour: "#0a7", logo: logo.png, position: left, dark: on, css: ".panel { border-radius: 0 }"}
    consent: We keep what you write for a year.
    remember: true
    hide_when_closed: true
    proactive: {mode: greet, rules: [{page: "/pricing*", after: 10s, text: {en: Questions?, de: Fragen?}}, {text: Hi}]}
    workgroups: [{name: support, address: shop-support, title: Support team, transcript_mail: true}, {name: sales}]
  - name: blog
    domain: blog.example
`

// TestWidgetConfig: what the widget is told is SiteConfig of widget/src/types.ts.
func TestWidgetConfig(t *testing.T) {
	dir := t.TempDir()
	picture := append([]byte("\x89PNG\r\n\x1a\n"), "the rest"...)
	if err := os.WriteFile(filepath.Join(dir, "logo.png"), picture, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, warnings, err := parseConfig(filepath.Join(dir, "u.yaml"), []byte("upstream:\n  components: [{domain: visitors.localhost, secret: s3cret}]\nsmtp: {address: '127.0.0.1:25', from: a@example.com}"+widgetSites))
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	rules := make(map[string]*site)
	for i := range cfg.Sites {
		rules[cfg.Sites[i].Domain] = newSite(&cfg.Sites[i], cfg.Upstream.Desk, newCounters(cfg.Sites, nil).site(cfg.Sites[i].Name))
	}
	w, err := newWeb(cfg, rules)
	if err != nil {
		t.Fatal(err)
	}
	r := fetch(w.config, "GET", "/widget/config?site=shop", "Origin: https://shop.example")
	want := `{"site":"shop","domain":"visitors.localhost","ws":"ws://chat.example.com/xmpp-websocket","bosh":"","language":"de","languages":["de","en"],` +
		`"theme":{"colour":"#0a7","logo":"http://chat.example.com/widget/logo-HASH.png","position":"left","dark":"dark","css":".panel { border-radius: 0 }"},` +
		`"texts":{"greeting":{"":"Hello"},"title":{"":"Help","de":"Hilfe"}},"consent":"We keep what you write for a year.","remember":true,"hideWhenClosed":true,` +
		`"proactive":{"mode":"greet","rules":[{"page":"/pricing*","after":10,"text":{"de":"Fragen?","en":"Questions?"}},{"page":"","after":0,"text":{"":"Hi"}}]},` +
		`"files":null,"transcriptMail":true,"workgroups":[{"name":"support","jid":"shop-support@visitors.localhost","title":"Support team"},{"name":"sales","jid":"sales@visitors.localhost","title":"sales"}]}` + "\n"
	got := regexp.MustCompile(`logo-[0-9a-f]{16}`).ReplaceAllString(string(r.Body()), "logo-HASH")
	if r.StatusCode() != 200 || got != want {
		t.Errorf("%d\n%s\nwant\n%s", r.StatusCode(), got, want)
	}
	var told struct{ Theme struct{ Logo string } }
	if err := json.Unmarshal(r.Body(), &told); err != nil {
		t.Fatal(err)
	}
	logo := fetch(func(ctx *fasthttp.RequestCtx) { w.file(ctx) }, "GET", strings.TrimPrefix(told.Theme.Logo, "http://chat.example.com"))
	if !bytes.Equal(logo.Body(), picture) || header(logo, "Content-Type") != "image/png" || header(logo, "Cache-Control") != cacheForever {
		t.Errorf("logo: %s %q", &logo.Header, logo.Body())
	}
	if header(r, "Cache-Control") != "public, max-age=60" || header(r, "Vary") != "Host, X-Forwarded-Proto, Forwarded, Origin" {
		t.Errorf("%s", &r.Header)
	}
	again := fetch(w.config, "GET", "/widget/config?site=shop", "Origin: https://shop.example", "If-None-Match: "+header(r, "ETag"))
	if again.StatusCode() != 304 || header(again, "Access-Control-Allow-Origin") != "https://shop.example" {
		t.Errorf("again: %d %s", again.StatusCode(), &again.Header)
	}
	for _, c := range []struct {
		method, uri, host, origin string
		status                    int
		site, allowed             string
	}{
		{"GET", "/widget/config?site=shop", "chat.example.com", "https://evil.example", 200, "shop", ""},
		{"GET", "/widget/config?site=shop", "chat.example.com", "", 200, "shop", ""},
		{"GET", "/widget/config?site=blog", "chat.example.com", "https://evil.example", 200, "blog", "https://evil.example"}, // its origins are *
		{"GET", "/widget/config?site=shop", "blog.example", "", 200, "blog", ""},
		{"GET", "/widget/config", "chat.example.com", "", 404, "", ""},
		{"GET", "/widget/config?site=none", "chat.example.com", "https://shop.example", 404, "", ""},
		{"GET", "/widget/config?site=shop", "a'b", "", 400, "", ""},
		{"OPTIONS", "/widget/config?site=shop", "chat.example.com", "https://shop.example", 204, "", "https://shop.example"},
		{"DELETE", "/widget/config?site=shop", "chat.example.com", "https://shop.example", 405, "", "https://shop.example"},
	} {
		lines := []string{"Host: " + c.host}
		if c.origin != "" {
			lines = append(lines, "Origin: "+c.origin)
		}
		r := fetch(w.config, c.method, c.uri, lines...)
		var got struct{ Site string }
		if r.StatusCode() == 200 {
			if err := json.Unmarshal(r.Body(), &got); err != nil {
				t.Fatal(err)
			}
		}
		if r.StatusCode() != c.status || got.Site != c.site || header(r, "Access-Control-Allow-Origin") != c.allowed {
			t.Errorf("%s %s of %q at %s: %d %q, allowed %q", c.method, c.uri, c.origin, c.host, r.StatusCode(), got.Site, header(r, "Access-Control-Allow-Origin"))
		}
	}
}

// TestWidgetConfigFields: each field of SiteConfig is there, also where the site has set nothing, and no other.
func TestWidgetConfigFields(t *testing.T) {
	r := fetch(webOf(t, minimal).config, "GET", "/widget/config")
	var got map[string]json.RawMessage
	if err := json.Unmarshal(r.Body(), &got); err != nil {
		t.Fatal(err)
	}
	types, err := os.ReadFile("../widget/src/types.ts")
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(types), "export interface SiteConfig {\n")
	part, _, _ = strings.Cut(part, "\n}")
	var want []string
	for _, m := range regexp.MustCompile(`(?m)^  (\w+):`).FindAllStringSubmatch(part, -1) {
		want = append(want, m[1])
	}
	slices.Sort(want)
	if keys := sortedKeys(got); !slices.Equal(keys, want) || len(want) < 10 {
		t.Errorf("told %v, want %v", keys, want)
	}
	for _, list := range []string{"languages", "workgroups"} {
		if string(got[list]) != "[]" {
			t.Errorf("%s is %s, want a list", list, got[list])
		}
	}
	if string(got["proactive"]) != `{"mode":"none","rules":[]}` || string(got["texts"]) != "{}" || string(got["files"]) != "null" {
		t.Errorf("%s", r.Body())
	}
}

func TestWidgetConfigErrors(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"ok.css": ".a { color: red }", "bad.css": ".a { background: URL( x ) }"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ name, more, want string }{
		{"css of a file", "theme: {css: ok.css}", ""},
		{"css of no file", "theme: {css: none.css}", "sites[0].theme.css: none.css cannot be read: no such file or directory"},
		{"css that loads", "theme: {css: bad.css}", `sites[0].theme.css: has "URL(": the widget may load nothing from elsewhere`},
		{"css that imports", "theme: {css: '@import \"x\"; a {}'}", `sites[0].theme.css: has "@import": the widget may load nothing from elsewhere`},
		{"css with an escape", `theme: {css: 'a { b: u\72l(x) }'}`, `sites[0].theme.css: has "\\": the widget may load nothing from elsewhere`},
		{"css that is long", "theme: {css: 'a {" + strings.Repeat(" ", maxCSS) + "}'}", "sites[0].theme.css: has 16388 bytes: at most 16384"},
		{"logo of no file", "theme: {logo: none.svg}", "sites[0].theme.logo: none.svg cannot be read: no such file or directory"},
		{"logo that is none", "theme: {logo: ok.css}", "sites[0].theme.logo: is neither a PNG, JPEG, GIF or WebP image nor an SVG: EOF"},
		{"logo with a script", "theme: {logo: '<svg xmlns=\"http://www.w3.org/2000/svg\"><script/></svg>'}", `sites[0].theme.logo: has <script> (http://www.w3.org/2000/svg), which a logo may not have: want shapes, groups, gradients and text in one <svg xmlns="http://www.w3.org/2000/svg">`},
		{"consent", "consent: '" + strings.Repeat("ä", 2049) + "'", "sites[0].consent: has 2049 characters: at most 2048"},
		{"a text", "texts: {title: '" + strings.Repeat("x", 1025) + "'}", "sites[0].texts.title: has 1025 bytes: at most 1024"},
		{"page", "proactive: {mode: greet, rules: [{page: pricing, text: x}]}", `sites[0].proactive.rules[0].page: "pricing" is no path: want one such as /pricing or /shop/*, 256 bytes at most`},
		{"after", "proactive: {mode: greet, rules: [{after: 1500ms, text: x}]}", "sites[0].proactive.rules[0].after: want whole seconds, a day at most"},
		{"after, negative", "proactive: {mode: greet, rules: [{after: -1s, text: x}]}", "sites[0].proactive.rules[0].after: must not be negative"},
		{"no text", "proactive: {mode: greet, rules: [{page: /a}]}", "sites[0].proactive.rules[0].text: missing"},
		{"an empty text", "proactive: {mode: greet, rules: [{text: {en: ' '}}]}", "sites[0].proactive.rules[0].text: missing value"},
		{"a text's language", "proactive: {mode: greet, rules: [{text: {e: x}}]}", `sites[0].proactive.rules[0].text.e: "e" is no language tag`},
		{"an unknown key", "proactive: {mode: greet, rules: [{txt: x, text: x}]}", "sites[0].proactive.rules[0].txt: unknown key; did you mean text?"},
		{"many", "proactive: {mode: greet, rules: [" + strings.Repeat("{text: x}, ", 20) + "{text: x}]}", "sites[0].proactive.rules: are 21: at most 20"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := parseConfig(filepath.Join(dir, "u.yaml"), []byte(minimalOpen+"    "+c.more+"\n"))
			got := ""
			if err != nil {
				got = err.Error()
			}
			want := c.want
			if want != "" {
				want = filepath.Join(dir, "u.yaml") + ":6: " + want
			}
			if got != want {
				t.Errorf("%s\nwant\n%s", got, want)
			}
		})
	}
	for more, want := range map[string]string{
		"proactive: {mode: greet}":               "u.yaml:6: sites[0].proactive: greets nobody: it has no rules",
		"proactive: {rules: [{text: x}]}":        "u.yaml:6: sites[0].proactive.rules: have no effect: mode is none",
		"proactive: {mode: presence, rules: []}": "",
	} {
		_, warnings, err := parseConfig("u.yaml", []byte(minimalOpen+"    "+more+"\n"))
		if err != nil || strings.Join(warnings, "") != want {
			t.Errorf("%s: %v %q", more, err, warnings)
		}
	}
}

// TestLogo: an SVG keeps what draws and loses what an editor has left; what could run, load or link is refused.
func TestLogo(t *testing.T) {
	const ns = ` xmlns="http://www.w3.org/2000/svg"`
	for _, c := range []struct{ name, in, want, problem string }{
		{"shapes", `<?xml version="1.0"?><!-- made by --><svg` + ns + ` viewBox="0 0 1 1"><g fill="#fff"><path d="M0 0h1"/></g><text x="0">a &lt; b</text></svg>`,
			`<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1 1'><g fill='#fff'><path d='M0 0h1'></path></g><text x='0'>a &lt; b</text></svg>`, ""},
		{"an editor's", `<svg` + ns + ` xmlns:i="urn:editor" i:version="1" class="x"><i:view><b/></i:view><rect i:label="y" width="1" style="fill:#fff;-i-font:x; stroke : url(#g)"/></svg>`,
			`<svg xmlns='http://www.w3.org/2000/svg'><rect fill='#fff' stroke='url(#g)' width='1'></rect></svg>`, ""},
		{"a script", `<svg` + ns + `><script>x</script></svg>`, "", "has <script>"},
		{"foreign markup", `<svg` + ns + `><foreignObject/></svg>`, "", "has <foreignObject>"},
		{"an image", `<svg` + ns + `><image href="x"/></svg>`, "", "has <image>"},
		{"a use", `<svg` + ns + `><use href="#a"/></svg>`, "", "has <use>"},
		{"a style", `<svg` + ns + `><style>*{}</style></svg>`, "", "has <style>"},
		{"an animation", `<svg` + ns + `><set attributeName="href"/></svg>`, "", "has <set>"},
		{"an svg within", `<svg` + ns + `><svg/></svg>`, "", "has <svg>"},
		{"a handler", `<svg` + ns + ` onload="x()"/>`, "", "has onload="},
		{"a link", `<svg` + ns + `><linearGradient href="http://a"/></svg>`, "", "has href="},
		{"an old link", `<svg` + ns + ` xmlns:xlink="http://www.w3.org/1999/xlink"><linearGradient xlink:href="http://a"/></svg>`, "", "has xlink:href"},
		{"a foreign reference", `<svg` + ns + `><rect fill="url(http://a#b)"/></svg>`, "", "has fill="},
		{"a foreign reference in a style", `<svg` + ns + `><rect style="fill:URL(//a)"/></svg>`, "", "has fill="},
		{"an entity", `<!DOCTYPE svg [<!ENTITY a "b">]><svg` + ns + `>&a;</svg>`, "", "has a DOCTYPE"},
		{"HTML", `<html><body/></html>`, "", "has <html>"},
		{"no namespace", `<svg/>`, "", "has <svg>"},
		{"cut", `<svg` + ns + `><g>`, "", "is neither"},
		{"two", `<svg` + ns + `/><svg` + ns + `/>`, "", "more than one"},
		{"large", `<svg` + ns + `>` + strings.Repeat(" ", maxLogo) + `</svg>`, "", "at most 65536"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := readLogo(c.in, "")
			if got.SVG != c.want || (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
				t.Errorf("%s, %v\nwant %s, %s", got.SVG, err, c.want, c.problem)
			}
		})
	}
}
