package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"
	"github.com/pires/go-proxyproto"

	"usher/c2s"
	"usher/upstream"
	"usher/xmpp"
)

// Bounds of relayed streams.
const (
	accountDial  = 10 * time.Second // to the server's first features, and for it to take one write
	loginTurn    = 5 * time.Second  // that a login waits for those before it from the same address
	maxLoginLogs = 16384            // addresses whose failed logins are remembered
	loginLogLife = time.Hour
)

// account is one of upstream.accounts, as compiled from the config.
type account struct {
	g      *Gateway
	cfg    *Account
	domain string
	secure *tls.Config // nil: plain
	count  *accountCounters
	down   atomic.Bool // the last connection to the server failed

	mu   sync.Mutex
	from *expirable.LRU[netip.Prefix, *attempts]
}

// attempts are the logins from one network address. Few are with the server at a time: so no more can fail than there are tokens
// for, and a few.
type attempts struct {
	turns  chan struct{} // one for each login that is with the server; nil: no limit
	failed bucket        // guarded by account.mu
}

// newAccounts compiles upstream.accounts.
func (g *Gateway) newAccounts() error {
	g.accounts = make(map[string]*account)
	for i := range g.cfg.Upstream.Accounts {
		cfg := &g.cfg.Upstream.Accounts[i]
		a := &account{g: g, cfg: cfg, domain: cfg.Domain, count: g.count.accounts[cfg.Domain]}
		a.from = expirable.NewLRU[netip.Prefix, *attempts](maxLoginLogs, nil, loginLogLife)
		if cfg.TLS != "none" {
			var err error
			if a.secure, err = trusting(fmt.Sprintf("upstream.accounts[%d]", i), cfg.CAFile, cfg.ServerName); err != nil {
				return err
			}
			if cfg.TLS == "direct" {
				a.secure.NextProtos = []string{"xmpp-client"} // XEP-0368 §2
			}
		}
		g.accounts[a.domain] = a
	}
	return nil
}

// accountLimits are those of what a relayed client sends; zero without accounts.
func (g *Gateway) accountLimits() xmpp.Limits {
	if len(g.cfg.Upstream.Accounts) == 0 {
		return xmpp.Limits{}
	}
	l := &g.cfg.Limits
	// The number of elements is the server's concern: a large list is bounded by its bytes.
	return xmpp.Limits{Bytes: int(l.AccountStanza), Depth: l.Depth, Attributes: l.Attributes}
}

func (a *account) origin(origin string) bool { return admits(a.cfg.Origins, origin) }

// relay is one relayed stream: the Relay of its client's half and the receiver of its server's.
type relay struct {
	a      *account
	stream *c2s.Stream
	server *upstream.Client
	from   *attempts

	mu     sync.Mutex // guards what follows
	trying bool       // a login is with the server, and has a turn
	in     bool       // logged in
	over   bool
}

// openAccount connects a client to the server of his account. It blocks its client's reader, and nobody else, for accountDial at most.
func (g *Gateway) openAccount(s *c2s.Stream, a *account) (c2s.Host, error) {
	info := s.Info()
	switch {
	case !a.origin(info.Origin):
		s.SetOwner(LoginOrigin)
		return c2s.Host{}, &xmpp.StreamError{Condition: "policy-violation", Text: "the page's origin is not allowed for these accounts"}
	case !g.gate.within(g.cfg.Limits.Address.Sessions, info):
		s.SetOwner(LoginAddressFull)
		return c2s.Host{}, &xmpp.StreamError{Condition: "resource-constraint", Text: "too many sessions from your address"}
	}
	server, err := a.dial(info.Remote)
	if a.down.Swap(err != nil) != (err != nil) { // once a change, since anybody may try
		if err != nil {
			g.log.Warn("the accounts' server can't be reached", "domain", a.domain, "err", err)
		} else {
			g.log.Info("the accounts' server is reached again", "domain", a.domain)
		}
	}
	if err != nil {
		s.SetOwner(LoginNoLink)
		return c2s.Host{}, &xmpp.StreamError{Condition: "remote-connection-failed", Text: "the server of these accounts can't be reached"}
	}
	r := &relay{a: a, stream: s, server: server, from: a.attempts(info.Remote)}
	s.SetOwner(r)
	s.Relay(r, server.ID(), server.Features())
	g.spawn(r.serve) // ends with the server's stream, which closed brings about
	return c2s.Host{Domain: a.domain}, nil
}

// dial opens a stream to the accounts' server.
func (a *account) dial(client netip.Addr) (*upstream.Client, error) {
	ctx, cancel := context.WithTimeout(a.g.ctx, accountDial)
	defer cancel()
	cfg := upstream.ClientConfig{
		Domain: a.domain, Address: a.cfg.Address, TLS: a.secure, StartTLS: a.cfg.TLS == "starttls",
		Limits: xmpp.Limits{Bytes: maxUpstreamStanza}, Stalled: accountDial,
	}
	if version := proxyVersion(a.cfg.ProxyProtocol); version > 0 {
		cfg.Hello = func(server net.Addr) []byte { return proxyHeader(version, client, server) }
	}
	return upstream.DialClient(ctx, cfg)
}

// proxyVersion reads upstream.accounts.proxy_protocol; 0: none.
func proxyVersion(key string) byte {
	switch key {
	case "v1":
		return 1
	case "v2":
		return 2
	}
	return 0
}

// proxyHeader tells the server the client's address. His port isn't known.
func proxyHeader(version byte, client netip.Addr, server net.Addr) []byte {
	client = client.Unmap()
	h := proxyproto.Header{Version: version, Command: proxyproto.PROXY, TransportProtocol: proxyproto.TCPv6}
	to := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} // through a Unix socket: this machine
	if tcp, ok := server.(*net.TCPAddr); ok {
		to = &net.TCPAddr{IP: tcp.IP, Port: tcp.Port}
	}
	if client.Is4() && to.IP.To4() != nil {
		h.TransportProtocol = proxyproto.TCPv4 // else both are written as IPv6 addresses
	}
	h.SourceAddr, h.DestinationAddr = &net.TCPAddr{IP: client.AsSlice()}, to
	b, err := h.Format()
	if err != nil {
		return nil // an address of no family; the server then refuses what follows
	}
	return b
}

// attempts returns those of the client's network.
func (a *account) attempts(client netip.Addr) *attempts {
	network := a.g.gate.network(client)
	a.mu.Lock()
	defer a.mu.Unlock()
	l, ok := a.from.Get(network)
	if !ok {
		l = &attempts{}
		if r := a.cfg.AuthFailures; r.PerSecond > 0 {
			l.turns = make(chan struct{}, max(1, int(r.Burst)))
		}
		a.from.Add(network, l)
	}
	return l
}

// spent tells whether too many logins from there have failed.
func (a *account) spent(l *attempts) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	probe := l.failed
	return !probe.take(c2s.Rate(a.cfg.AuthFailures), a.g.uptime())
}

// Offers is c2s.Relay's: over an unencrypted stream that leaves the machine nothing is let through that shows the password, or
// another secret, to who listens. Of what servers have, that is SCRAM alone.
func (r *relay) Offers(mechanism string) bool {
	return offers(mechanism, r.server.Encrypted() || r.server.Local())
}

// offers tells whether a mechanism may be used; private: nobody can listen on the way to the server.
func offers(mechanism string, private bool) bool {
	return private || strings.HasPrefix(mechanism, "SCRAM-")
}

// Auth is c2s.Relay's: a login waits for its turn, and is refused where too many have failed. The servers would ban the
// address of who fails too often, and that is the edge's.
func (r *relay) Auth(string) (failure string) {
	if r.from.turns == nil {
		return ""
	}
	r.mu.Lock()
	again := r.trying
	r.mu.Unlock()
	if again {
		return "malformed-request" // RFC 6120 §6.5.8: the last login isn't over
	}
	wait := time.NewTimer(loginTurn)
	defer wait.Stop()
	select {
	case r.from.turns <- struct{}{}:
	case <-wait.C:
		r.a.count.login(accountLimited)
		return "temporary-auth-failure" // RFC 6120 §6.5.12
	}
	if r.a.spent(r.from) {
		<-r.from.turns
		r.a.count.login(accountLimited)
		return "temporary-auth-failure"
	}
	r.mu.Lock()
	r.trying = true
	r.mu.Unlock()
	return ""
}

// Outcome is c2s.Relay's.
func (r *relay) Outcome(success bool) {
	r.mu.Lock()
	if r.over {
		r.mu.Unlock()
		return
	}
	r.settle(success)
	if success {
		r.in = true
		r.a.g.gate.loggedIn(r.stream.Info())
		r.a.count.opened(r.stream.Info().Transport)
	}
	r.mu.Unlock()
	if success {
		r.a.count.login(accountIn)
		return
	}
	r.a.count.login(accountFailed)
	r.a.g.log.Info("login failed", "accounts", r.a.domain, "remote", r.stream.Info().Remote)
}

// settle ends the login that is with the server. Under mu.
func (r *relay) settle(success bool) {
	if !r.trying {
		return
	}
	r.trying = false
	if !success {
		r.a.mu.Lock()
		r.from.failed.charge(c2s.Rate(r.a.cfg.AuthFailures), r.a.g.uptime())
		r.a.mu.Unlock()
	}
	<-r.from.turns
}

// Open is c2s.Relay's.
func (r *relay) Open(lang string) { r.written(r.server.Restart(lang)) }

// Pass is c2s.Relay's.
func (r *relay) Pass(b []byte) { r.written(r.server.Write(b)) }

func (r *relay) written(err error) {
	if err != nil && !errors.Is(err, upstream.ErrClosed) {
		r.lost()
	}
}

// lost ends the stream because its server is gone.
func (r *relay) lost() {
	r.stream.End(c2s.Ending{Reason: c2s.ServerLost, Err: &xmpp.StreamError{
		Condition: "remote-connection-failed", Text: "the connection to the server is lost",
	}})
}

// Element is upstream.ClientReceiver's.
func (r *relay) Element(e *xmpp.Element) error { return r.stream.FromServer(e) }

// Flush is upstream.ClientReceiver's.
func (r *relay) Flush() { r.stream.Wake() }

// serve reads from the server until its stream ends.
func (r *relay) serve() {
	err := r.server.Serve(r)
	var told *xmpp.StreamError
	switch {
	case errors.Is(err, upstream.ErrClosed):
	case errors.Is(err, upstream.ErrEnded):
		r.stream.End(c2s.Ending{Reason: c2s.ServerClosed})
	case errors.As(err, &told) && told.Condition != "see-other-host": // which a browser can't go to
		r.stream.End(c2s.Ending{Reason: c2s.ServerClosed, Err: told})
	default:
		r.a.g.log.Debug("stream to the accounts' server lost", "accounts", r.a.domain, "err", err)
		r.lost()
	}
}

// closed takes the end of the stream, and tells whether its client was logged in. A client who has ended his stream, or broken its
// rules, has it ended at the server; one who was lost, or whom the edge sends away, may resume it there (XEP-0198 §5).
func (r *relay) closed(why c2s.Reason) (in bool) {
	r.mu.Lock()
	r.over = true
	r.settle(false) // a login that nobody waited for the end of counts as failed
	in = r.in
	r.mu.Unlock()
	if in {
		r.a.count.closed(r.stream.Info().Transport)
	}
	switch why {
	case c2s.ConnectionLost, c2s.Inactive, c2s.PongTimeout, c2s.Stalled, c2s.Shutdown, c2s.Internal:
		r.server.Close(false)
	default:
		r.server.Close(true)
	}
	return in
}
