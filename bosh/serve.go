package bosh

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"usher/c2s"
	"usher/xmpp"
)

// Serve answers a request to the BOSH path; the caller has checked its origin. It blocks no longer than
// c2s.Stream.Receive does. A request that has to be held is taken away from the HTTP server, which
// must have KeepHijackedConns and ReduceMemoryUsage set.
func (s *Server) Serve(ctx *fasthttp.RequestCtx, info c2s.Info) {
	h := headOf(ctx, &info)
	switch {
	case ctx.IsPost():
		h.shape = s.shapeOf(ctx)
		s.post(ctx, &info, &h)
	case ctx.IsOptions():
		s.preflight(ctx, &h)
	case ctx.IsGet(), ctx.IsHead():
		s.cors(ctx, &h)
		ctx.SetContentType("text/html; charset=utf-8")
		ctx.Response.Header.Set("X-Content-Type-Options", "nosniff")
		ctx.SetBodyString(page)
	default:
		s.cors(ctx, &h)
		ctx.SetStatusCode(fasthttp.StatusMethodNotAllowed)
		ctx.Response.Header.Set("Allow", allowMethods)
		ctx.SetContentType("text/plain; charset=utf-8")
		ctx.SetBodyString("BOSH requests are POST requests\n")
	}
}

// Refuse answers with status and, for POST, a terminate body with this condition, with CORS headers like every answer here.
// A 503 asks to come back later.
func (s *Server) Refuse(ctx *fasthttp.RequestCtx, info c2s.Info, status int, condition string) {
	h := headOf(ctx, &info)
	if ctx.IsOptions() {
		s.preflight(ctx, &h) // so that the page's script may read the refusal of the request proper
		return
	}
	if ctx.IsPost() {
		s.plain(ctx, &h, status, terminated(condition))
	} else {
		s.cors(ctx, &h)
		ctx.SetStatusCode(status)
		ctx.SetContentType("text/plain; charset=utf-8")
		ctx.SetBodyString(condition + "\n")
	}
	if status == fasthttp.StatusServiceUnavailable {
		ctx.Response.Header.Set("Retry-After", retryAfter)
	}
}

const retryAfter = "5" // seconds

func (s *Server) preflight(ctx *fasthttp.RequestCtx, h *head) {
	s.cors(ctx, h)
	ctx.Response.Header.Set("Access-Control-Allow-Methods", allowMethods)
	ctx.Response.Header.Set("Access-Control-Allow-Headers", allowHeaders)
	ctx.Response.Header.Set("Access-Control-Max-Age", corsMaxAge)
	ctx.Response.Header.SetNoDefaultContentType(true)
	ctx.SetStatusCode(fasthttp.StatusNoContent)
}

func (s *Server) post(ctx *fasthttp.RequestCtx, info *c2s.Info, h *head) {
	s.count(true, len(ctx.PostBody()))
	body, err := s.decode(ctx)
	switch {
	case errors.Is(err, errTooLarge):
		s.Refuse(ctx, *info, fasthttp.StatusRequestEntityTooLarge, "policy-violation")
		return
	case err != nil:
		s.plain(ctx, h, fasthttp.StatusOK, terminated("bad-request"))
		return
	}
	var w wrapper
	sc := s.scanners.Get().(*xmpp.Scanner)
	bad := parse(sc, body, s.cfg.Limits, &w)
	s.scanners.Put(sc)
	if len(w.sid) > 0 {
		s.resume(ctx, info, h, &w, body, bad)
		return
	}
	condition := badCreation(&w, bad)
	switch {
	case condition != "":
		s.plain(ctx, h, fasthttp.StatusOK, terminated(condition))
	case s.cfg.Prelogin > 0 && len(body) > s.cfg.Prelogin:
		s.Refuse(ctx, *info, fasthttp.StatusRequestEntityTooLarge, "policy-violation")
	default:
		s.create(ctx, info, h, &w, body)
	}
}

// badCreation is the condition for a session creation request that is none, or "".
func badCreation(w *wrapper, bad *xmpp.StreamError) string {
	_, ok := parseDigest(w.newkey)
	switch {
	case bad != nil:
		return badCondition(bad)
	case w.rid == 0: // XEP-0124 §6: MUST
		return "bad-request"
	case len(w.newkey) > 0 && !ok: // §15.4
		return "bad-request"
	case w.terminate: // §13: of what?
		return "bad-request"
	case len(w.to) == 0:
		return "improper-addressing"
	}
	return ""
}

// badCondition is the binding condition for what the scanner refused.
func badCondition(err *xmpp.StreamError) string {
	if err.Condition == "policy-violation" {
		return "policy-violation"
	}
	return "bad-request"
}

// resume gives a request to the session that it names.
func (s *Server) resume(ctx *fasthttp.RequestCtx, info *c2s.Info, h *head, w *wrapper, body []byte, bad *xmpp.StreamError) {
	key, e := s.find(w)
	if e == nil {
		s.plain(ctx, h, fasthttp.StatusOK, s.epitaph(key))
		return
	}
	if len(body) > maxBody(e.limits()) { // as if the HTTP server had refused it
		s.Refuse(ctx, *info, fasthttp.StatusRequestEntityTooLarge, "policy-violation")
		return
	}
	if bad != nil && e.stream.Relayed() {
		sc := s.scanners.Get().(*xmpp.Scanner) // the session's limits are other ones
		bad = parse(sc, body, s.cfg.Accounts, w)
		s.scanners.Put(sc)
	}
	if e.stream.Info().Secure && !info.Secure {
		// XEP-0124 §19.1: the connection is closed, the session is not harmed.
		ctx.HijackSetNoResponse(true)
		ctx.Hijack(func(c net.Conn) { c.Close() })
		return
	}
	x := &exchange{s: e, head: *h}
	e.accept(w, body, bad, x)
	s.finish(ctx, x)
}

// find returns the session that a request names, or nil; a sid that can't be ours has the zero key.
func (s *Server) find(w *wrapper) (sessionKey, *session) {
	key, ok := parseSID(w.sid, s.cfg.Node)
	if !ok {
		return sessionKey{}, nil
	}
	return key, s.table.get(key)
}

// epitaph is what is said of a session that isn't there.
func (s *Server) epitaph(key sessionKey) []byte {
	if t, ok := s.dead.Get(key); ok && s.now() < t.until {
		return t.body
	}
	return terminated("item-not-found")
}

// create starts a session (XEP-0124 §7).
func (s *Server) create(ctx *fasthttp.RequestCtx, info *c2s.Info, h *head, w *wrapper, body []byte) {
	if s.cfg.Admit != nil {
		if err := s.cfg.Admit(info); err != nil {
			var known *xmpp.StreamError
			errors.As(err, &known)
			s.Refuse(ctx, *info, fasthttp.StatusServiceUnavailable, refusal(known))
			return
		}
	}
	e := newSession(s, info, w)
	x := &exchange{s: e, head: *h}
	e.begin(w, body, x)
	s.finish(ctx, x)
}

// finish answers through the HTTP server, or takes the connection away from it.
func (s *Server) finish(ctx *fasthttp.RequestCtx, x *exchange) {
	if x.takes() {
		ctx.HijackSetNoResponse(true)
		ctx.Hijack(x.take)
		return
	}
	body, status, _ := x.atOnce()
	if s.lot.draining() {
		x.head.close = true
	}
	s.plain(ctx, &x.head, status, body)
}

var errTooLarge = errors.New("bosh: the request is too large")

// decode returns the request's body, unpacked if the client has taken up the offer
// of `accept` (XEP-0124 §7.2).
func (s *Server) decode(ctx *fasthttp.RequestCtx) ([]byte, error) {
	limit := s.cfg.MaxBody()
	body := ctx.PostBody()
	if len(body) > limit {
		return nil, errTooLarge
	}
	encoding := ctx.Request.Header.ContentEncoding()
	switch {
	case len(encoding) == 0 || bytes.EqualFold(encoding, []byte("identity")):
		return body, nil
	case !bytes.EqualFold(encoding, []byte("gzip")) || !s.cfg.Gzip:
		return nil, errors.New("bosh: unknown content encoding " + strconv.Quote(string(encoding)))
	}
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(out) > limit {
		return nil, errTooLarge
	}
	return out, nil
}

// seconds rounds down; what the client is told is never more than what is kept.
func seconds(d time.Duration) uint64 { return uint64(d / time.Second) }
