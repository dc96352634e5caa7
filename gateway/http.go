package gateway

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/valyala/fasthttp"

	"usher/workgroup"
)

// Bounds of the public HTTP server.
const (
	maxHeader   = 8 << 10 // a browser's behind a CDN needs more than 4 KiB
	readTimeout = 15 * time.Second
	idleTimeout = 90 * time.Second
)

// doors are the two HTTP listeners: the public web edge and the admin's.
type doors struct {
	g         *Gateway
	proxies   proxies
	server    *fasthttp.Server
	discovery *discovery
	web       *web
	desk      *deskPage
	admin     *http.Server

	cert   *certificate
	public []net.Listener
	inner  []net.Listener // the admin's
}

func newDoors(g *Gateway) *doors {
	d := &doors{g: g, proxies: g.cfg.TrustedProxies, discovery: newDiscovery(g.cfg)}
	registry := newRegistry(g.cfg, g.count, gauges{
		Links: g.links, HoldBytes: func(domain string) int64 { return g.homes[domain].heldBytes.Load() },
		Outbox: g.queued, Forgotten: func() int64 { return g.streams.Forgotten() }, BOSHHeld: func() int { return g.bosh.Held() }, BOSHPolls: func() int64 { return g.bosh.Polls() },
		Desk: func() []workgroup.Gauges { return g.desk.figures() }, Lag: func() float64 { return g.desk.behind() },
		Failures: func() uint64 { return g.desk.failed() },
	})
	d.admin = newAdmin(g.cfg, registry, func() ReadyReport { return readyReport(g.draining.Load(), g.links()) }, g.kept, eraser{func(visitor string) { g.desk.erased(visitor) }, func(jids []string) (int, error) { return g.files.erase(jids) }}, g.log)
	d.server = &fasthttp.Server{
		Handler:               d.handle,
		Name:                  "Usher",
		NoDefaultServerHeader: true,
		KeepHijackedConns:     true, // ws and bosh take connections over and let go of the server's buffers
		ReduceMemoryUsage:     true,
		ReadBufferSize:        maxHeader,
		ReadTimeout:           readTimeout,
		WriteTimeout:          readTimeout,
		IdleTimeout:           idleTimeout,
		MaxRequestBodySize:    maxBody(g.cfg),
		CloseOnShutdown:       true,
		SecureErrorLogMessage: true,
		Logger:                quiet{g.log},
		ErrorHandler:          d.badRequest,
		HeaderReceived:        func(h *fasthttp.RequestHeader) fasthttp.RequestConfig { return g.files.received(h) },
		NoDefaultContentType:  true,

		DisablePreParseMultipartForm: true, // nobody here takes forms; a body is what was sent
	}
	return d
}

// maxBody is what a BOSH request may hold: as many stanzas as fit into two of the largest.
func maxBody(cfg *Config) int {
	stanza := cfg.Limits.Stanza
	if len(cfg.Upstream.Accounts) > 0 {
		stanza = max(stanza, cfg.Limits.AccountStanza)
	}
	return 2*int(stanza) + 4<<10
}

// quiet lets the HTTP library's complaints about clients through at debug level only.
type quiet struct{ log *slog.Logger }

func (q quiet) Printf(format string, args ...any) {
	q.log.Debug("http: " + fmt.Sprintf(format, args...))
}

// open opens both sets of listeners, or neither.
func (d *doors) open() error {
	var err error
	if d.public, err = openPublic(d.g.cfg, d.cert, d.g.log); err != nil {
		return err
	}
	if d.inner, err = openListeners(d.g.cfg.Admin, d.g.log); err != nil {
		closeListeners(d.public)
		return err
	}
	return nil
}

// serve serves until stopAccepting and close; it returns the first listener's failure.
func (d *doors) serve() error {
	errs := make(chan error, len(d.public)+len(d.inner))
	for _, ln := range d.public {
		d.g.log.Info("listening", "public", ln.Addr().String())
		go func() { errs <- d.server.Serve(ln) }() // ends with its listener; awaited below
	}
	for _, ln := range d.inner {
		d.g.log.Info("listening", "admin", ln.Addr().String())
		go func() { errs <- d.admin.Serve(ln) }() // likewise
	}
	var first error
	for range cap(errs) {
		err := <-errs
		if d.g.draining.Load() || errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
			continue
		}
		if first == nil && err != nil {
			first = fmt.Errorf("listener failed: %w", err)
		}
		if first == nil {
			first = errors.New("listener closed")
		}
		closeListeners(d.public)
		closeListeners(d.inner)
	}
	return first
}

// stopAccepting closes the public listeners.
func (d *doors) stopAccepting() { closeListeners(d.public) }

// close ends the HTTP servers: what they still hold is bounded by ctx.
func (d *doors) close(ctx context.Context) {
	if err := d.server.ShutdownWithContext(ctx); err != nil && !errors.Is(err, net.ErrClosed) { // closed by stopAccepting
		d.g.log.Warn("public listener: not everything ended in time", "err", err)
	}
	if d.admin.Shutdown(ctx) != nil {
		d.admin.Close()
	}
}

// handle is the table of public paths (INTERFACE C).
func (d *doors) handle(ctx *fasthttp.RequestCtx) {
	switch string(ctx.Path()) {
	case pathWS:
		d.websocket(ctx)
	case pathBOSH:
		d.httpBind(ctx)
	case pathHostMeta:
		d.discovery.hostMeta(ctx)
	case pathStatus:
		d.status(ctx)
	case pathHostMetaJSON:
		d.discovery.hostMetaJSON(ctx)
	case pathWidgetConfig:
		d.web.config(ctx)
	default:
		if bytes.HasPrefix(ctx.Path(), []byte(pathFiles)) {
			d.g.files.serve(ctx)
			return
		}
		if d.web.file(ctx) || d.desk.serve(ctx) {
			return
		}
		ctx.Error("not found", fasthttp.StatusNotFound)
	}
}

func (d *doors) websocket(ctx *fasthttp.RequestCtx) {
	info := d.proxies.clientInfo(ctx, transportNames[overWS])
	if !d.knownOrigin(info.Origin) {
		d.g.count.loginFailed(LoginOrigin)
		ctx.Error("origin not allowed", fasthttp.StatusForbidden)
		return
	}
	d.g.ws.Serve(ctx, info)
}

func (d *doors) httpBind(ctx *fasthttp.RequestCtx) {
	info := d.proxies.clientInfo(ctx, transportNames[overBOSH])
	if !d.knownOrigin(info.Origin) {
		d.g.count.loginFailed(LoginOrigin)
		d.g.bosh.Refuse(ctx, info, fasthttp.StatusForbidden, "policy-violation")
		return
	}
	d.g.bosh.Serve(ctx, info)
}

// knownOrigin tells whether any site or accounts domain admits the origin; the own list of the one that
// the stream names is checked when it does.
func (d *doors) knownOrigin(origin string) bool {
	for _, a := range d.g.accounts {
		if a.origin(origin) {
			return true
		}
	}
	for _, st := range d.g.sites {
		if st.origin(origin) {
			return true
		}
	}
	return false
}

// badRequest answers what could not be read as a request; the connection ends after it.
func (d *doors) badRequest(ctx *fasthttp.RequestCtx, err error) {
	status, condition := fasthttp.StatusBadRequest, "bad-request"
	var small *fasthttp.ErrSmallBuffer
	var timeout net.Error
	switch {
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		status, condition = fasthttp.StatusRequestEntityTooLarge, "policy-violation"
	case errors.As(err, &small):
		status = fasthttp.StatusRequestHeaderFieldsTooLarge
	case errors.Is(err, io.EOF):
		return
	case errors.As(err, &timeout) && timeout.Timeout():
		status = fasthttp.StatusRequestTimeout
	}
	if len(ctx.Request.Header.Host()) == 0 {
		// The library forgets the header of a request whose body it can't read. Only BOSH requests have one.
		ctx.Request.Header.SetMethod(fasthttp.MethodPost)
		ctx.Request.SetRequestURI(pathBOSH)
	}
	if string(ctx.Path()) == pathBOSH {
		info := d.proxies.clientInfo(ctx, transportNames[overBOSH])
		d.g.bosh.Refuse(ctx, info, status, condition)
	} else {
		ctx.Error(fasthttp.StatusMessage(status), status)
	}
	if status == fasthttp.StatusRequestEntityTooLarge {
		answerFirst(ctx)
	}
}

// Bounds of what a refused client may still send before it has to take the answer.
const (
	refusedBytes = 8 << 20
	refusedTime  = 5 * time.Second
)

// answerFirst writes the answer to a client who is still sending, and throws away what he sends: if the connection
// were closed with that unread, he would see a reset in the place of the answer (RFC 9112 §9.6).
func answerFirst(ctx *fasthttp.RequestCtx) {
	c, ok := ctx.Conn().(interface {
		net.Conn
		CloseWrite() error
	})
	if !ok {
		return // the HTTP server will answer
	}
	ctx.Response.SetConnectionClose()
	c.SetDeadline(time.Now().Add(refusedTime))
	w := bufio.NewWriter(c)
	if ctx.Response.Write(w) == nil && w.Flush() == nil && c.CloseWrite() == nil {
		io.CopyN(io.Discard, c, refusedBytes)
	}
}
