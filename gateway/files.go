package gateway

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"usher/files"
	"usher/workgroup"
	"usher/xmpp"
)

const (
	nsUpload   = "urn:xmpp:http:upload:0"
	sweepEvery = time.Hour
)

// fileServer is XEP-0363 at the edge: slots for those who talk in a chat, and the files under /files/. A nil one is off.
type fileServer struct {
	g     *Gateway
	store *files.Store // set by open
	log   *slog.Logger
	idle  time.Duration // how long a sender may send nothing
	rate  int64         // bytes a second that he must reach on the whole

	mu      sync.Mutex
	closing bool
	uploads map[net.Conn]struct{}
	running sync.WaitGroup // of uploads
}

func newFileServer(g *Gateway) *fileServer {
	if g.cfg.Files.Path == "" {
		return nil
	}
	return &fileServer{g: g, log: g.log, idle: uploadIdle, rate: uploadRate, uploads: make(map[net.Conn]struct{})}
}

// open opens the folder and keeps to the retention until the gateway ends.
func (f *fileServer) open() error {
	if f == nil {
		return nil
	}
	cfg := &f.g.cfg.Files
	var err error
	f.store, err = files.Open(files.Config{
		Dir: cfg.Path, Max: int64(cfg.Max), PerSender: int64(cfg.PerVisitor), Types: cfg.Types, Retention: cfg.Retention, Now: f.g.now,
	})
	if err != nil {
		return err
	}
	f.g.spawn(func() {
		tick := time.NewTicker(sweepEvery)
		defer tick.Stop()
		for {
			if n, err := f.store.Sweep(); err != nil {
				f.log.Error("files: retention, trying again in an hour", "err", err)
			} else if n > 0 {
				f.log.Info("files: retention", "files", n)
			}
			select {
			case <-tick.C:
			case <-f.g.ctx.Done():
				return
			}
		}
	})
	return nil
}

// disco is what a domain says of it: features and limits (XEP-0363 §3).
func (f *fileServer) disco() string {
	if f == nil {
		return ""
	}
	return fmt.Sprintf("<identity category='store' type='file' name='Usher'/><feature var='%s'/><x xmlns='jabber:x:data' type='result'>"+
		"<field var='FORM_TYPE' type='hidden'><value>%s</value></field><field var='max-file-size'><value>%d</value></field></x>", nsUpload, nsUpload, f.g.cfg.Files.Max)
}

func isSlotRequest(e *xmpp.Element) bool {
	return string(e.Type) == "get" && string(e.Child.Space) == nsUpload && string(e.Child.Local) == "request"
}

// ask takes a request for a slot, of a visitor or, where v is nil, of somebody upstream, to a domain of ours. Who is in which chat only the desk
// knows, so it goes through its mailbox. The error is the answer if it is known already.
func (f *fileServer) ask(v *visitor, e *xmpp.Element) *xmpp.StanzaError {
	if f == nil {
		return errUnavailable
	}
	if f.g.desk == nil {
		return errNoChat
	}
	h := xmpp.Header{To: e.To, From: e.From, Type: e.Type, ID: e.ID}
	in := input{kind: slotAsked}
	if v != nil {
		in.visitor = v.card.Load()
		h.From = v.jid
	}
	in.stanza = e.Append(nil, xmpp.Component, &h)
	if !f.g.desk.post(in) {
		return errDeskFull
	}
	return nil
}

// decide answers a request for a slot. It is called on the desk's goroutine and waits for nothing.
func (d *desk) decide(l *input) {
	f, g := d.g.files, d.g
	s := g.scanners.Get().(*xmpp.Scanner)
	defer g.scanners.Put(s)
	s.ResetInside(xmpp.Limits{}, "stream:stream", xmpp.NSComponent, xmpp.NSStream)
	if _, tok, err := s.Next(l.stanza); err != nil || tok != xmpp.Stanza {
		d.log.Error("a request for a slot is no stanza any more", "err", err)
		return
	}
	e := s.Element()
	payload, se := f.slot(e, d.groups.Chats(string(xmpp.Bare(e.From))))
	if l.visitor != nil {
		v := g.visitors.addressed(e.From)
		switch {
		case v == nil: // he is gone
			g.count.drop(DropUnknownVisitor)
		case se != nil:
			v.tell(se.AppendReply(nil, e, xmpp.Client, e.To, e.From))
		default:
			v.tell(appendResult(nil, e, xmpp.Client, e.To, e.From, payload))
		}
		return
	}
	_, domain, _ := xmpp.SplitJID(e.To)
	h := g.homes[string(domain)]
	if se != nil {
		h.answer(e, se)
	} else if h.sendRaw(appendResult(nil, e, xmpp.Component, e.To, e.From, payload), false) != nil {
		g.count.drop(DropLinkBusy)
	}
}

var errNoChat = &xmpp.StanzaError{Type: "auth", Condition: "forbidden", Text: "files may be sent in a chat only"}

// slot gives out a slot to who talks in these chats (XEP-0363 §4), or says why not (§6).
func (f *fileServer) slot(e *xmpp.Element, chats []workgroup.Chat) (payload string, se *xmpp.StanzaError) {
	if len(chats) == 0 {
		return "", errNoChat
	}
	var r files.Request
	var size string
	f.g.eachChild(e.Inner, xmpp.NSComponent, func(c *xmpp.Element) bool {
		r.Name, _ = c.Attr("filename")
		r.Type, _ = c.Attr("content-type")
		size, _ = c.Attr("size")
		return false
	})
	n, err := strconv.ParseUint(size, 10, 63)
	if err != nil || n == 0 || r.Name == "" {
		return "", errSlotRequest
	}
	r.Size, r.By = int64(n), strings.ToLower(string(xmpp.Bare(e.From)))
	for _, c := range chats {
		r.Of = append(r.Of, strings.ToLower(c.Visitor))
		if string(xmpp.Bare(e.From)) == c.Visitor {
			r.Scope = c.Site
		}
	}
	given, err := f.store.Ask(r)
	if err != nil {
		return "", slotError(err, f.g.now())
	}
	at := []byte(f.base() + pathFiles + given.ID + "/" + url.PathEscape(given.Name))
	b := append(xmpp.AppendAttr([]byte("<slot xmlns='"+nsUpload+"'><put"), "url", at), "/><get"...)
	return string(append(xmpp.AppendAttr(b, "url", at), "/></slot>"...)), nil
}

var errSlotRequest = &xmpp.StanzaError{Type: "modify", Condition: "bad-request", Text: "a slot needs a filename and a size in bytes"}

// slotError is why there is no slot, in the words of XEP-0363 §6.
func slotError(err error, now time.Time) *xmpp.StanzaError {
	var large *files.TooLargeError
	switch {
	case errors.As(err, &large):
		return &xmpp.StanzaError{Type: "modify", Condition: "not-acceptable", Text: fmt.Sprintf("the file is too large: %d bytes at most", large.Max),
			App: fmt.Sprintf("<file-too-large xmlns='%s'><max-file-size>%d</max-file-size></file-too-large>", nsUpload, large.Max)}
	case errors.Is(err, files.ErrType):
		return &xmpp.StanzaError{Type: "modify", Condition: "not-acceptable", Text: "files of this type are not accepted"}
	case errors.Is(err, files.ErrSlots):
		return &xmpp.StanzaError{Type: "wait", Condition: "resource-constraint", Text: "too many files are on their way",
			App: "<retry xmlns='" + nsUpload + "' stamp='" + now.Add(files.SlotTime).UTC().Format(time.RFC3339) + "'/>"}
	case errors.Is(err, files.ErrQuota):
		return &xmpp.StanzaError{Type: "wait", Condition: "resource-constraint", Text: "you have sent too much"}
	}
	return errSlotRequest
}

// base is where files are: `public`, else the first listener, which Load lets through on the loopback only.
func (f *fileServer) base() string {
	if f.g.cfg.Public != "" {
		return f.g.cfg.Public
	}
	scheme := "http://"
	if f.g.cfg.TLS != nil {
		scheme = "https://"
	}
	for _, ln := range f.g.doors.public {
		if a, ok := ln.Addr().(*net.TCPAddr); ok {
			return scheme + a.String()
		}
	}
	return ""
}

// serve answers for /files/.
func (f *fileServer) serve(ctx *fasthttp.RequestCtx) {
	id, name, ok := strings.Cut(strings.TrimPrefix(string(ctx.Path()), pathFiles), "/")
	switch {
	case f == nil || !ok:
		ctx.Error("not found", fasthttp.StatusNotFound)
	case ctx.IsGet(), ctx.IsHead():
		f.get(ctx, id, name)
	case ctx.IsPut():
		f.put(ctx, id, name)
	case ctx.IsOptions():
		f.preflight(ctx, id, name)
	default:
		ctx.Response.Header.Set(fasthttp.HeaderAllow, "GET, HEAD, PUT, OPTIONS")
		ctx.SetStatusCode(fasthttp.StatusMethodNotAllowed)
	}
}

// preflight tells a browser who may put (XEP-0363 §8): anybody may get, for who has the address was given it.
func (f *fileServer) preflight(ctx *fasthttp.RequestCtx, id, name string) {
	h := &ctx.Response.Header
	h.Set(fasthttp.HeaderVary, "Origin, Access-Control-Request-Method")
	origin := string(ctx.Request.Header.Peek(fasthttp.HeaderOrigin))
	if string(ctx.Request.Header.Peek(fasthttp.HeaderAccessControlRequestMethod)) != fasthttp.MethodPut {
		h.Set(fasthttp.HeaderAccessControlAllowOrigin, "*")
	} else if scope, ok := f.store.Pending(id, name); ok && f.mayPut(scope, origin) {
		h.Set(fasthttp.HeaderAccessControlAllowOrigin, origin)
	}
	h.Set(fasthttp.HeaderAccessControlAllowMethods, "GET, HEAD, PUT, OPTIONS")
	h.Set(fasthttp.HeaderAccessControlAllowHeaders, "Content-Type, Range")
	ctx.SetStatusCode(fasthttp.StatusNoContent)
}

// mayPut tells whether a page of this origin may put a file into a slot of this site; "" is that of an agent, whose client may be anywhere.
func (f *fileServer) mayPut(site, origin string) bool {
	if site == "" || origin == f.base() {
		return true
	}
	for _, s := range f.g.sites {
		if s.name == site {
			return s.origin(origin)
		}
	}
	return false
}

// get sends a file. Nothing of it can run: the type is what was sniffed, only pictures that were decoded are shown, and even these
// in a page without rights of its own.
func (f *fileServer) get(ctx *fasthttp.RequestCtx, id, name string) {
	h := &ctx.Response.Header
	h.Set(fasthttp.HeaderAccessControlAllowOrigin, "*")
	h.Set(fasthttp.HeaderCrossOriginResourcePolicy, "cross-origin")
	h.Set(fasthttp.HeaderXContentTypeOptions, "nosniff")
	h.Set(fasthttp.HeaderContentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set(fasthttp.HeaderReferrerPolicy, "no-referrer")
	h.Set("X-Robots-Tag", "noindex")
	file, err := f.store.Get(id, name)
	if err != nil {
		if !errors.Is(err, files.ErrNotFound) {
			f.log.Error("files: cannot read", "err", err)
			ctx.SetStatusCode(fasthttp.StatusInternalServerError)
			return
		}
		ctx.SetStatusCode(fasthttp.StatusNotFound)
		return
	}
	etag := `"` + id + `"`
	h.Set(fasthttp.HeaderETag, etag)
	h.Set(fasthttp.HeaderCacheControl, "private, max-age=3600")
	h.Set(fasthttp.HeaderAcceptRanges, "bytes")
	if noneMatch(fieldOf(ctx.Request.Header.PeekAll(fasthttp.HeaderIfNoneMatch)), etag) {
		file.Close()
		ctx.SetStatusCode(fasthttp.StatusNotModified)
		return
	}
	kind := file.Type
	if kind == "text/plain" {
		kind = "text/plain; charset=utf-8"
	}
	ctx.SetContentType(kind)
	h.Set(fasthttp.HeaderContentDisposition, disposition(name, file.Inline))
	f.send(ctx, file, etag)
}

// send sends the file, or the one range of it that was asked for (RFC 9110 §14.2).
func (f *fileServer) send(ctx *fasthttp.RequestCtx, file *files.File, etag string) {
	size := int(file.Size())
	asked := ctx.Request.Header.Peek(fasthttp.HeaderRange)
	since := string(ctx.Request.Header.Peek(fasthttp.HeaderIfRange))
	if len(asked) == 0 || ctx.IsHead() || since != "" && since != etag || strings.Contains(string(asked), ",") {
		ctx.SetBodyStream(file, size) // closes it
		return
	}
	from, to, err := fasthttp.ParseByteRange(asked, size)
	if err != nil {
		file.Close()
		ctx.Response.Header.Set(fasthttp.HeaderContentRange, fmt.Sprintf("bytes */%d", size))
		ctx.SetStatusCode(fasthttp.StatusRequestedRangeNotSatisfiable)
		return
	}
	if _, err := file.Seek(int64(from), 0); err != nil {
		file.Close()
		ctx.SetStatusCode(fasthttp.StatusInternalServerError) // a place within the file
		return
	}
	ctx.Response.Header.Set(fasthttp.HeaderContentRange, fmt.Sprintf("bytes %d-%d/%d", from, to, size))
	ctx.SetStatusCode(fasthttp.StatusPartialContent)
	ctx.SetBodyStream(struct {
		io.Reader
		io.Closer
	}{io.LimitReader(file, int64(to-from+1)), file}, to-from+1)
}

// disposition is Content-Disposition (RFC 6266 §4): the name in ASCII, and as it is.
func disposition(name string, inline bool) string {
	kind := "attachment"
	if inline {
		kind = "inline"
	}
	ascii := strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
			return '_'
		}
		return r
	}, name)
	return kind + `; filename="` + ascii + `"; filename*=UTF-8''` + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
}

// erase removes the files of these visitors, by bare JID.
func (f *fileServer) erase(jids []string) (int, error) {
	if f == nil || f.store == nil {
		return 0, nil
	}
	return f.store.Erase(jids)
}
