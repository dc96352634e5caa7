// Package gateway is the keystone: it wires all packages together, routes
// stanzas by address, and owns the sites' policy, the configuration, the
// metrics and the two HTTP listeners. Nothing imports it but the program.
package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"usher/bosh"
	"usher/c2s"
	"usher/conn"
	"usher/pool"
	"usher/upstream"
	"usher/ws"
	"usher/xmpp"
)

// Gateway is one running edge.
type Gateway struct {
	// Fixed after New.
	cfg         *Config
	log         *slog.Logger
	sites       []*site
	byDomain    map[string]*site    // by the site's domain
	accounts    map[string]*account // by domain
	homes       map[string]*home    // by component domain
	pool        *pool.Pool
	openArchive func() (keeper, error) // replaced by tests only
	desk        *desk                  // nil without workgroups; set by Run, before anything else of it
	streams     *c2s.Config
	wheel       *c2s.Wheel
	idle        conn.Idle
	count       *counters
	ws          *ws.Server
	bosh        *bosh.Server
	gate        *admission
	tokens      *tokens // nil where they are off
	doors       *doors
	files       *fileServer // nil: off
	now         func() time.Time
	start       time.Time
	atOnce      context.Context // has ended: who has it waits for nothing

	visitors *table
	rooms    roomTable
	scanners sync.Pool // *xmpp.Scanner, for looking into checked elements
	buffers  sync.Pool // *[]byte
	sents    sync.Pool // *sent
	seed     maphash.Seed

	draining atomic.Bool
	ctx      context.Context // ends when Run ends: recovery's goroutines
	cancel   context.CancelFunc
	wg       sync.WaitGroup // of spawn
}

// New builds an edge from a checked configuration. It opens nothing yet.
func New(cfg *Config, log *slog.Logger) (*Gateway, error) {
	g := &Gateway{
		cfg: cfg, log: log, count: newCounters(cfg.Sites, cfg.Upstream.Accounts), now: time.Now, start: time.Now(),
		byDomain: make(map[string]*site), homes: make(map[string]*home),
		visitors: newTable(), wheel: c2s.NewWheel(100 * time.Millisecond),
	}
	ended, end := context.WithCancel(context.Background())
	end()
	g.atOnce = ended
	g.rooms.m = make(map[string]*room)
	g.scanners.New = func() any { return xmpp.NewScanner(xmpp.Limits{}) }
	g.buffers.New = func() any { b := make([]byte, 0, 1024); return &b }
	g.sents.New = func() any { return new(sent) }
	g.seed = maphash.MakeSeed()
	g.ctx, g.cancel = context.WithCancel(context.Background())
	for i := range cfg.Sites {
		s := newSite(&cfg.Sites[i], cfg.Upstream.Desk, g.count.site(cfg.Sites[i].Name))
		g.sites = append(g.sites, s)
		g.byDomain[s.domain] = s
	}
	if err := g.newAccounts(); err != nil {
		return nil, err
	}
	g.openArchive = func() (keeper, error) { return openStore(cfg, log) }
	g.gate = newAdmission(g)
	if cfg.Resume.Tokens {
		g.tokens = newTokens(&cfg.Resume)
	}
	g.files = newFileServer(g)
	g.doors = newDoors(g)
	var err error
	if g.doors.desk, err = newDeskPage(cfg); err != nil {
		return nil, err
	}
	if g.doors.web, err = newWeb(cfg, g.byDomain); err != nil {
		return nil, err
	}
	if g.doors.cert, err = loadCertificate(cfg.TLS); err != nil {
		return nil, err
	}
	if err := g.newPool(); err != nil {
		return nil, err
	}
	g.streams = &c2s.Config{
		Handler: g, Login: g.login, LoginTime: cfg.Limits.LoginTime, Outbox: int(cfg.Limits.Outbox), Now: g.now,
		Resume: c2s.Resume{Max: cfg.Resume.Max, Queue: int(cfg.Resume.Queue), Wheel: g.wheel, Lost: g.lost, Resumed: g.resumed},
	}
	limits := xmpp.Limits{
		Bytes: int(cfg.Limits.Stanza), Depth: cfg.Limits.Depth,
		Attributes: cfg.Limits.Attributes, Elements: cfg.Limits.Elements,
	}
	g.ws = ws.New(ws.Config{
		Streams: g.streams, Wheel: g.wheel, Idle: &g.idle, Ping: cfg.WS.Ping, Pong: cfg.WS.Pong, Fragments: cfg.WS.Fragments,
		Stalled: cfg.Limits.Stalled, Limits: limits, Accounts: g.accountLimits(), Prelogin: int(cfg.Limits.Prelogin.Bytes),
		Bytes: g.count.counted(overWS), Admit: g.gate.admit,
	})
	g.bosh = bosh.New(bosh.Config{
		Streams: g.streams, Wheel: g.wheel, Idle: &g.idle, Wait: cfg.BOSH.Wait, Hold: cfg.BOSH.Hold, Requests: cfg.BOSH.Requests,
		Polling: cfg.BOSH.Polling, Inactivity: cfg.BOSH.Inactivity, MaxPause: cfg.BOSH.MaxPause,
		Gzip: cfg.BOSH.Gzip, Stalled: cfg.Limits.Stalled, Limits: limits, Accounts: g.accountLimits(),
		Prelogin: int(cfg.Limits.Prelogin.Bytes), Node: cfg.Node, Bytes: g.count.counted(overBOSH),
		Admit: g.gate.admit, ServeConn: func(c net.Conn) error { return g.doors.server.ServeConn(c) },
	})
	return g, nil
}

// tlsConfig is what the component links are secured with; nil: nothing.
func (up *UpstreamConfig) tlsConfig() (*tls.Config, error) {
	if up.TLS != "direct" {
		return nil, nil
	}
	return trusting("upstream", up.CAFile, up.ServerName)
}

// trusting makes a client's TLS configuration of the keys ca_file and server_name below key.
func trusting(key, caFile, serverName string) (*tls.Config, error) {
	secure := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: serverName}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("%s.ca_file: %w", key, err)
		}
		secure.RootCAs = x509.NewCertPool()
		if !secure.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s.ca_file: no certificate in %s", key, caFile)
		}
	}
	return secure, nil
}

// newPool makes the component links and their homes.
func (g *Gateway) newPool() error {
	up := &g.cfg.Upstream
	secure, err := up.tlsConfig()
	if err != nil {
		return err
	}
	cfg := pool.Config{
		Addresses: up.Address, RetryMin: up.Retry.Min, RetryMax: up.Retry.Max, DialTimeout: 10 * time.Second,
		Receiver: inbound{g}, Log: g.log,
		Changed: func(p *pool.Home, isUp bool, err error) { g.changed(g.homes[p.Domain()], isUp) },
	}
	for _, c := range up.Components {
		cfg.Links = append(cfg.Links, upstream.Config{
			Domain: c.Domain, Secret: c.Secret.Value(), TLS: secure, Ping: up.Ping,
			Limits: xmpp.Limits{Bytes: maxUpstreamStanza}, HighWater: highWater, Reserve: reserve, Log: g.log,
		})
	}
	if g.pool, err = pool.New(cfg); err != nil {
		return err
	}
	for _, p := range g.pool.Homes() {
		g.homes[p.Domain()] = &home{Home: p, g: g}
	}
	return nil
}

// Bounds of a component link.
const (
	maxUpstreamStanza = 1 << 20 // of one stanza from the server: above every server's own limit
	highWater         = 4 << 20 // bytes queued to the server before visitors wait
	reserve           = 8 << 20 // beyond that, for those who can't wait: over BOSH
)

// Run opens the listeners and links and serves until ctx ends, then drains:
// readiness goes, no new session is taken, each stream is ended with system-shutdown, everybody who has a visitor's
// presence is told that he is gone, and the links are closed; all of it within drain.timeout.
// When it returns, nothing that it started is alive.
func (g *Gateway) Run(ctx context.Context) error {
	err := g.files.open()
	if err != nil {
		return err
	}
	if g.desk, err = g.newDesk(); err != nil {
		return err
	}
	if err := g.doors.open(); err != nil {
		g.desk.stop(ctx)
		return err
	}
	g.desk.start()
	idleCtx, stopIdle := context.WithCancel(context.Background())
	wheelCtx, stopWheel := context.WithCancel(context.Background())
	poolCtx, stopPool := context.WithCancel(context.Background())
	var owned sync.WaitGroup
	costly := func(err error) {
		g.log.Warn("silent connections are kept at a higher cost: each has a goroutine", "err", err)
	}
	g.idle.Refused = costly
	owned.Go(func() { // ended below by stopIdle
		if err := g.idle.Run(idleCtx); err != nil {
			costly(err)
		}
	})
	owned.Add(2)
	go func() { defer owned.Done(); g.wheel.Run(wheelCtx) }() // ended below by stopWheel
	go func() { defer owned.Done(); g.pool.Run(poolCtx) }()   // ended below by stopPool
	failed := make(chan error, 1)
	go func() { failed <- g.doors.serve() }() // ends when the doors are closed; awaited below
	select {
	case <-ctx.Done():
	case err = <-failed:
		failed <- nil
	}
	g.drain()
	if e := <-failed; err == nil {
		err = e
	}
	stopPool()
	g.files.close()
	g.cancel()
	g.wg.Wait()
	stopWheel()
	stopIdle()
	owned.Wait()
	return err
}

// drain ends everything politely, bounded by drain.timeout.
func (g *Gateway) drain() {
	g.draining.Store(true)
	g.log.Info("draining", "timeout", g.cfg.Drain.Timeout, "sessions", g.gate.sessions())
	ctx, cancel := context.WithTimeout(context.Background(), g.cfg.Drain.Timeout)
	defer cancel()
	// The links keep a quarter of the time. Until the clients know, they may still come in: a BOSH client without a held
	// request is told by the answer to his next one. New sessions are refused all the while (INTERFACE C).
	streams, done := context.WithTimeout(ctx, g.cfg.Drain.Timeout*3/4)
	defer done()
	var both sync.WaitGroup
	both.Add(2)
	g.endParked()
	go func() { defer both.Done(); g.ws.Shutdown(streams) }()   // ends with its connections or streams
	go func() { defer both.Done(); g.bosh.Shutdown(streams) }() // likewise
	both.Wait()
	g.endParked() // whose clients went away when the draining began
	g.doors.stopAccepting()
	g.desk.stop(ctx)
	g.pool.Drain(ctx)
	g.doors.close(ctx)
	g.log.Info("drained", "sessions", g.gate.sessions())
}

// uptime is the time since the gateway was made, of a clock that is never set.
func (g *Gateway) uptime() time.Duration { return g.now().Sub(g.start) }

// spawn runs f on a goroutine that Run waits for; f ends by itself in bounded time.
func (g *Gateway) spawn(f func()) {
	g.wg.Add(1)
	go func() { // ends with f; awaited by Run
		defer g.wg.Done()
		f()
	}()
}

// Open finds the site of a stream, or the accounts that it is relayed to. `to` is a site's domain, or one of our
// component domains, which stands for the site that the page's origin names, or an accounts domain.
func (g *Gateway) Open(s *c2s.Stream, to string) (c2s.Host, error) {
	info := s.Info()
	if a := g.accounts[to]; a != nil {
		return g.openAccount(s, a)
	}
	st := g.siteFor(to, info.Origin)
	if st == nil {
		s.SetOwner(LoginHostUnknown)
		return c2s.Host{}, &xmpp.StreamError{Condition: "host-unknown", Text: "no site has this domain"}
	}
	var failure LoginFailure
	refusal := &xmpp.StreamError{Condition: "policy-violation"}
	switch {
	case !st.origin(info.Origin):
		failure, refusal.Text = LoginOrigin, "the page's origin is not allowed on this site"
	case !st.transport(info.Transport):
		failure, refusal.Text = LoginTransport, "this site does not use this transport"
	case st.cfg.Sessions > 0 && st.count.open()-st.count.parked.Load() >= int64(st.cfg.Sessions):
		failure, refusal.Condition, refusal.Text = LoginSiteFull, "resource-constraint", "the site is full"
	case !g.gate.siteAdmits(st, info):
		failure, refusal.Condition, refusal.Text = LoginAddressFull, "resource-constraint", "too many sessions from your address"
	default:
		refusal = nil
	}
	if refusal != nil {
		s.SetOwner(failure)
		return c2s.Host{}, refusal
	}
	if s.Owner() == nil {
		v := &visitor{g: g, site: st}
		v.at.Store(s)
		s.SetOwner(v)
	}
	return c2s.Host{
		Domain: st.domain, Mechanism: g.mechanism(), Stanzas: c2s.Rate(st.cfg.Limits.Visitor.Stanzas), Bytes: c2s.Rate(st.cfg.Limits.Visitor.Bytes),
	}, nil
}

// mechanism is what is offered beside ANONYMOUS.
func (g *Gateway) mechanism() string {
	if g.tokens == nil {
		return ""
	}
	return tokenMechanism
}

// siteFor finds the site that `to` means.
func (g *Gateway) siteFor(to, origin string) *site {
	canon, err := xmpp.CanonJID([]byte(to))
	if err != nil {
		return nil
	}
	if st := g.byDomain[string(canon)]; st != nil {
		return st
	}
	if !g.ownDomain(canon) {
		return nil
	}
	var found *site
	for _, st := range g.sites {
		if st.origin(origin) {
			if found != nil {
				return nil
			}
			found = st
		}
	}
	return found
}

// Bind gives the stream the session that its token names, if that is still there: its address, whatever resource is asked for
// (RFC 6120 §7.7.1). Else it gets an address in the domain of the least loaded link, or the token's.
func (g *Gateway) Bind(s *c2s.Stream, resource string) (string, error) {
	v := s.Owner().(*visitor)
	for {
		there, err := g.reattach(s, v)
		if err != nil {
			v.failure = LoginOther
			return "", err
		}
		if there != nil {
			return there.full(), nil
		}
		address, err := g.enter(s, v, resource)
		if err == nil && s.Ended() != nil {
			g.visitors.remove(v) // it ended meanwhile, and Closed may have come before he was in the table
		}
		if err != errTaken { // else another stream with his token was faster
			return address, err
		}
	}
}

// errTaken: somebody has this address.
var errTaken = errors.New("gateway: this address is taken")

// enter makes a new session.
func (g *Gateway) enter(s *c2s.Stream, v *visitor, resource string) (string, error) {
	local, h := g.place(v)
	if h == nil {
		v.failure = LoginNoLink
		return "", errNoPlace
	}
	v.name(h, local, resource)
	v.language = s.Lang()
	v.mu.Lock()
	if v.closed {
		v.mu.Unlock()
		h.Leave()
		return "", errNoPlace
	}
	v.bound = true
	v.mu.Unlock()
	address := v.full()
	v.card.Store(g.desk.card(v))
	if g.visitors.add(v, address) != nil {
		v.unbind()
		return "", errTaken
	}
	if failure, refusal := g.gate.lodge(v.site, s.Info()); refusal != nil {
		g.visitors.remove(v)
		v.unbind()
		v.failure = failure
		s.End(c2s.Ending{Reason: c2s.ResourceLimit, Err: refusal})
		return "", errNoPlace
	}
	if v.claim != nil {
		g.count.resumes[ResumeAddress].Add(1)
	}
	g.desk.bound(v)
	g.log.Debug("visitor bound", "site", v.site.name, "session", string(v.localpart()), "transport", s.Info().Transport)
	return address, nil
}

// unbind takes back what enter has done of a session that doesn't come to be.
func (v *visitor) unbind() {
	v.mu.Lock()
	v.bound = false
	v.mu.Unlock()
	v.home.Leave()
}

// place finds the visitor's home: that of the address he has come back for, else the least loaded. It counts
// him there. nil: that link, or every one, is down.
func (g *Gateway) place(v *visitor) (local string, h *home) {
	if v.claim != nil {
		l, domain, _ := xmpp.SplitJID([]byte(*v.claim))
		if h = g.homes[string(domain)]; !h.Enter() {
			return "", nil
		}
		return string(l), h
	}
	p := g.pool.Place()
	if p == nil {
		return "", nil
	}
	return "", g.homes[p.Domain()]
}

// Closed takes the end of a stream, and with it that of the session, unless another stream has it.
func (g *Gateway) Closed(s *c2s.Stream, e c2s.Ending) {
	info := s.Info()
	g.count.closed(e.Reason, info.Transport)
	failure := loginFailureOf(e.Reason)
	bound := false
	v, _ := s.Owner().(*visitor)
	switch owner := s.Owner().(type) {
	case LoginFailure:
		failure = owner
	case *relay:
		bound = owner.closed(e.Reason)
	case *visitor:
		if e.Reason == c2s.Replaced { // he goes on with another one
			bound = true
			break
		}
		bound = v.close()
		if v.failure != LoginOther {
			failure = v.failure
		}
	}
	g.gate.left(info, bound)
	if !bound {
		g.count.loginFailed(failure)
		return
	}
	if v == nil {
		return
	}
	v.site.count.closed(info.Transport)
	g.log.Debug("visitor gone", "site", v.site.name, "session", string(v.localpart()), "reason", e.Reason.String())
}

// links returns the health of each component link.
func (g *Gateway) links() []pool.Status {
	homes := g.pool.Homes()
	all := make([]pool.Status, len(homes))
	for i, h := range homes {
		all[i] = h.Status()
	}
	return all
}

// queued returns the bytes that wait for all visitors.
func (g *Gateway) queued() (n int64) {
	g.visitors.each(func(v *visitor) { n += int64(v.stream().Pending()) })
	return n
}
