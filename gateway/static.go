package gateway

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/valyala/fasthttp"
)

// mediaTypes are those of the files we serve, by extension.
var mediaTypes = map[string]string{
	".css":   "text/css; charset=utf-8",
	".gif":   "image/gif",
	".html":  "text/html; charset=utf-8",
	".ico":   "image/vnd.microsoft.icon",
	".jpg":   "image/jpeg",
	".js":    "text/javascript; charset=utf-8",
	".json":  "application/json",
	".mp3":   "audio/mpeg",
	".ogg":   "audio/ogg",
	".png":   "image/png",
	".svg":   "image/svg+xml",
	".txt":   "text/plain; charset=utf-8",
	".wasm":  "application/wasm",
	".webp":  "image/webp",
	".woff":  "font/woff",
	".woff2": "font/woff2",
}

// How long a browser may keep a file.
const (
	cacheForever = "public, max-age=31536000, immutable" // its name changes with its content
	cacheShortly = "public, max-age=300, must-revalidate"
)

// staticFile is one file that is served from memory.
type staticFile struct {
	kind  string // media type
	cache string // Cache-Control
	plain variant
	small func() []variant // compressed, the best first; made when the file is first asked for
}

// variant is a file in one coding. Each has an ETag of its own (RFC 9110 §8.8.3.3).
type variant struct {
	coding string // of Content-Encoding; "" = none
	body   []byte
	etag   string
}

func newStaticFile(name, cache string, body []byte) *staticFile {
	sum := sha256.Sum256(body)
	tag := base64.RawURLEncoding.EncodeToString(sum[:15])
	f := &staticFile{kind: mediaTypes[path.Ext(name)], cache: cache, plain: variant{"", body, `"` + tag + `"`}}
	if f.kind == "" {
		f.kind = "application/octet-stream"
	}
	if f.compressible() {
		f.small = sync.OnceValue(func() []variant { return compress(body, tag) })
	}
	return f
}

// compressible: text of all kinds; images, fonts and sounds are compressed already.
func (f *staticFile) compressible() bool {
	kind, _, _ := strings.Cut(f.kind, ";")
	return strings.HasPrefix(kind, "text/") || kind == "application/json" || kind == "image/svg+xml" || kind == "application/wasm"
}

// Compressing hard takes seconds for a megabyte, and gains little there.
const compressHard = 256 << 10

// compress makes the variants that are smaller than the file.
func compress(body []byte, tag string) []variant {
	brotli, gzip := fasthttp.CompressBrotliBestCompression, fasthttp.CompressBestCompression
	if len(body) > compressHard {
		brotli, gzip = 6, fasthttp.CompressDefaultCompression
	}
	var all []variant
	for _, v := range []variant{
		{"br", fasthttp.AppendBrotliBytesLevel(nil, body, brotli), `"` + tag + `-br"`},
		{"gzip", fasthttp.AppendGzipBytesLevel(nil, body, gzip), `"` + tag + `-gz"`},
	} {
		if len(v.body) < len(body) {
			all = append(all, v)
		}
	}
	return all
}

// serve answers a request for the file. The caller has said who may have it (CORS and the like).
func (f *staticFile) serve(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	h.Set(fasthttp.HeaderXContentTypeOptions, "nosniff")
	if !readOnly(ctx) {
		return
	}
	v := f.plain
	if f.small != nil {
		h.Add(fasthttp.HeaderVary, "Accept-Encoding")
		accepted := fieldOf(ctx.Request.Header.PeekAll(fasthttp.HeaderAcceptEncoding))
		for _, s := range f.small() {
			if acceptsCoding(accepted, s.coding) {
				v = s
				break
			}
		}
	}
	h.Set(fasthttp.HeaderCacheControl, f.cache)
	h.Set(fasthttp.HeaderETag, v.etag)
	if noneMatch(fieldOf(ctx.Request.Header.PeekAll(fasthttp.HeaderIfNoneMatch)), v.etag) {
		ctx.SetStatusCode(fasthttp.StatusNotModified) // with the headers that a 200 would have (RFC 9110 §15.4.5)
		return
	}
	if v.coding != "" {
		h.Set(fasthttp.HeaderContentEncoding, v.coding)
	}
	ctx.SetContentType(f.kind)
	ctx.Response.SetBodyRaw(v.body)
}

// readOnly lets GET and HEAD through and answers everything else: OPTIONS with 204, the rest with 405.
func readOnly(ctx *fasthttp.RequestCtx) bool {
	switch {
	case ctx.IsGet(), ctx.IsHead():
		return true
	case ctx.IsOptions():
		ctx.Response.Header.Set(fasthttp.HeaderAccessControlAllowMethods, "GET, HEAD, OPTIONS")
		ctx.Response.Header.Set(fasthttp.HeaderAccessControlMaxAge, "86400")
		ctx.SetStatusCode(fasthttp.StatusNoContent)
	default:
		ctx.Response.Header.Set(fasthttp.HeaderAllow, "GET, HEAD, OPTIONS")
		ctx.SetStatusCode(fasthttp.StatusMethodNotAllowed)
	}
	return false
}

// acceptsCoding tells whether Accept-Encoding lets us use the coding (RFC 9110 §12.5.3).
func acceptsCoding(header, coding string) bool {
	any := false
	for item := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(item, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		if name != coding && name != "*" {
			continue
		}
		ok := true
		for p := range strings.SplitSeq(params, ";") {
			if q, found := strings.CutPrefix(strings.ToLower(strings.TrimSpace(p)), "q="); found {
				weight, err := strconv.ParseFloat(q, 64)
				ok = err == nil && weight > 0
			}
		}
		if name == coding {
			return ok
		}
		any = ok
	}
	return any
}

// noneMatch tells whether If-None-Match has the tag, compared weakly (RFC 9110 §13.1.2).
func noneMatch(header, etag string) bool {
	for item := range strings.SplitSeq(header, ",") {
		item = strings.TrimSpace(item)
		if item == "*" || strings.TrimPrefix(item, "W/") == etag {
			return true
		}
	}
	return false
}

// readFiles reads all files below the root of a file system into memory, by their paths.
func readFiles(fsys fs.FS) (map[string][]byte, error) {
	all := make(map[string][]byte)
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return fmt.Errorf("embedded file %s: %w", name, err)
		}
		all[name] = b
		return nil
	})
	return all, err
}
