package bosh

import (
	"bytes"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"usher/c2s"
	"usher/xmpp"
)

const bodyStart = `<body xmlns='` + xmpp.NSBOSH + `'`

var (
	emptyBody       = []byte(bodyStart + `/>`)
	recoverableBody = []byte(bodyStart + ` type='error'/>`) // XEP-0124 §17.3
	terminateBody   = []byte(bodyStart + ` type='terminate'/>`)
)

// terminated is the body of a terminal binding condition (XEP-0124 §17.2); "" = a plain end.
func terminated(condition string) []byte {
	if condition == "" {
		return terminateBody
	}
	b := append([]byte(bodyStart), ` type='terminate'`...)
	b = xmpp.AppendAttr(b, "condition", []byte(condition))
	return append(b, `/>`...)
}

// answer is what one <body/> has besides its payload.
type answer struct {
	greeting  string // further attributes, as XML
	ack       uint64 // 0 = none
	report    uint64 // 0 = none
	age       time.Duration
	terminate bool
	condition string
}

// append writes the body; payload is complete elements.
func (a *answer) append(dst, payload []byte) []byte {
	dst = append(dst, bodyStart...)
	if a.greeting == "" && hasStreamPrefix(payload) {
		// XEP-0206 §2: features and stream errors need it on the wrapper.
		dst = append(dst, ` xmlns:stream='`+xmpp.NSStream+`'`...)
	}
	dst = append(dst, a.greeting...)
	if a.ack != 0 {
		dst = appendNumber(dst, "ack", a.ack)
	}
	if a.report != 0 {
		dst = appendNumber(dst, "report", a.report)
		dst = appendNumber(dst, "time", uint64(min(a.age.Milliseconds(), 65535))) // an unsignedShort
	}
	if a.terminate {
		dst = append(dst, ` type='terminate'`...)
		if a.condition != "" {
			dst = xmpp.AppendAttr(dst, "condition", []byte(a.condition))
		}
	}
	if len(payload) == 0 {
		return append(dst, `/>`...)
	}
	dst = append(dst, '>')
	dst = append(dst, payload...)
	return append(dst, `</body>`...)
}

func hasStreamPrefix(payload []byte) bool {
	return bytes.HasPrefix(payload, []byte("<stream:")) || bytes.Contains(payload, []byte("><stream:"))
}

func appendNumber(dst []byte, name string, n uint64) []byte {
	dst = append(dst, ' ')
	dst = append(dst, name...)
	dst = append(dst, `='`...)
	dst = strconv.AppendUint(dst, n, 10)
	return append(dst, '\'')
}

// appendElement is how an element of the stream stands in a body: as it is.
func appendElement(dst, element []byte) []byte { return append(dst, element...) }

// terminal is the terminal binding condition for a stream that ended this way (XEP-0124 §17.2,
// XEP-0206 §6), and whether the stream error goes with it.
func terminal(e *c2s.Ending) (condition string, withError bool) {
	switch e.Reason {
	case c2s.ClientClosed:
		return "", false
	case c2s.Shutdown:
		return "system-shutdown", false
	case c2s.ConnectionLost:
		return "remote-connection-failed", false
	}
	if e.Err != nil {
		switch e.Err.Condition {
		case "host-unknown", "host-gone", "improper-addressing":
			return e.Err.Condition, false
		}
		return "remote-stream-error", true
	}
	switch e.Reason {
	case c2s.BadFraming, c2s.BadXML:
		return "bad-request", false
	case c2s.HostUnknown:
		return "host-unknown", false
	case c2s.BadProtocol, c2s.PolicyViolation, c2s.LoginTimeout, c2s.Stalled, c2s.Overflow:
		return "policy-violation", false
	case c2s.ResourceLimit:
		return "internal-server-error", false
	case c2s.Inactive:
		return "item-not-found", false // XEP-0124 §10: as if the session did not exist
	}
	return "", false
}

// refusal is the condition for a session that was not admitted.
func refusal(err *xmpp.StreamError) string {
	switch {
	case err == nil:
	case err.Condition == "system-shutdown", err.Condition == "policy-violation":
		return err.Condition
	}
	return "internal-server-error"
}

// head is what the HTTP header of an answer depends on.
type head struct {
	origin string // the request's; "" = none
	gzip   bool   // the client takes it
	close  bool   // the connection ends after this answer
	secure bool   // the request came over TLS
	shape
}

const (
	contentType  = "text/xml; charset=utf-8"
	allowMethods = "POST, OPTIONS, GET"
	allowHeaders = "Content-Type"
	corsMaxAge   = "1728000"
	maxOrigin    = 512
)

// headOf notes what a request asks of its answer.
func headOf(ctx *fasthttp.RequestCtx, info *c2s.Info) head {
	h := &ctx.Request.Header
	return head{
		origin: allowed(info.Origin),
		gzip:   h.HasAcceptEncoding("gzip"),
		close:  h.ConnectionClose() || !h.IsHTTP11(),
		secure: info.Secure,
	}
}

// allowed is the origin as it may be repeated in a header.
func allowed(origin string) string {
	if origin == "" || len(origin) > maxOrigin {
		return "*"
	}
	for i := 0; i < len(origin); i++ {
		if origin[i] <= ' ' || origin[i] >= 0x7f {
			return "*"
		}
	}
	return origin
}

// append writes the header of an answer with this body length, for a connection that
// the HTTP server has let go of. It says what plain says.
func (h *head) append(dst []byte, now time.Time, length int, gzip bool) []byte {
	dst = append(dst, "HTTP/1.1 200 OK\r\nDate: "...)
	dst = fasthttp.AppendHTTPDate(dst, now)
	dst = append(dst, "\r\nContent-Type: "+contentType+"\r\nX-Content-Type-Options: nosniff\r\nAccess-Control-Allow-Origin: "...)
	dst = append(dst, h.origin...)
	dst = append(dst, "\r\nVary: Origin\r\n"...)
	if gzip {
		dst = append(dst, "Content-Encoding: gzip\r\n"...)
	}
	if h.close {
		dst = append(dst, "Connection: close\r\n"...)
	}
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, int64(length), 10)
	return append(dst, "\r\n\r\n"...)
}

// plain answers through the HTTP server.
func (s *Server) plain(ctx *fasthttp.RequestCtx, h *head, status int, body []byte) {
	s.cors(ctx, h)
	r := &ctx.Response
	r.SetStatusCode(status)
	r.Header.SetContentType(contentType)
	r.Header.Set("X-Content-Type-Options", "nosniff")
	if h.close {
		r.SetConnectionClose()
	}
	if s.compresses(h, body) {
		r.Header.SetContentEncoding("gzip")
		r.SetBodyRaw(fasthttp.AppendGzipBytesLevel(nil, body, fasthttp.CompressBestSpeed))
	} else {
		r.SetBodyRaw(body)
	}
	s.count(false, len(r.Body()))
}

func (s *Server) compresses(h *head, body []byte) bool {
	return s.cfg.Gzip && h.gzip && len(body) >= gzipFrom
}

// cors lets scripts of the asking page read the answer, whatever it is. No cookies are used, so no credentials.
func (s *Server) cors(ctx *fasthttp.RequestCtx, h *head) {
	ctx.Response.Header.Set("Access-Control-Allow-Origin", h.origin)
	ctx.Response.Header.Set("Vary", "Origin")
}

const page = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>BOSH</title></head>
<body><p>This is a BOSH endpoint for XMPP web clients (XEP-0124, XEP-0206).</p></body></html>
`
