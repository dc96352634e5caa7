package gateway

import (
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"

	"usher/c2s"
	"usher/xmpp"
)

// Bounds of the table of rates per address: what is forgotten starts with a full bucket.
const (
	maxRates = 65536
	rateLife = 10 * time.Minute
)

// Errors of admit.
var (
	errDraining    = errors.New("gateway: draining")
	errEdgeFull    = errors.New("gateway: too many sessions")
	errAddressFull = errors.New("gateway: too many sessions from this address")
	errAddressRate = errors.New("gateway: too many new sessions from this address")
)

// admission counts streams, in all and per network address. Those whose clients are away count when a new session is made (lodge), but don't
// keep anybody out before it is known who comes: it may be one of theirs.
type admission struct {
	g      *Gateway
	limits AddressLimits // the loosest of the sites': a site's own are checked when the stream names it

	mu    sync.Mutex
	all   crowd
	from  map[netip.Prefix]crowd
	rates *expirable.LRU[netip.Prefix, *bucket]
}

// crowd counts streams.
type crowd struct {
	streams  int
	prelogin int // of them, those that aren't bound
	parked   int // of them, those that wait for their clients
}

func (c crowd) present() int  { return c.streams - c.parked }
func (c crowd) sessions() int { return c.streams - c.prelogin }

func newAdmission(g *Gateway) *admission {
	a := &admission{g: g, from: make(map[netip.Prefix]crowd), limits: g.cfg.Limits.Address}
	a.rates = expirable.NewLRU[netip.Prefix, *bucket](maxRates, nil, rateLife)
	for i := range g.cfg.Sites {
		l := &g.cfg.Sites[i].Limits.Address
		if a.limits.Sessions > 0 && (l.Sessions == 0 || l.Sessions > a.limits.Sessions) {
			a.limits.Sessions = l.Sessions
		}
		if a.limits.New.PerSecond > 0 && (l.New.PerSecond == 0 || l.New.PerSecond > a.limits.New.PerSecond) {
			a.limits.New = l.New
		}
	}
	return a
}

// network is what counts as one address: an IPv4 address, or an IPv6 network.
func (a *admission) network(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap()
	bits := addr.BitLen()
	if addr.Is6() {
		bits = a.limits.V6Prefix
	}
	p, _ := addr.WithZone("").Prefix(bits)
	return p
}

// admit says whether a new stream may start, and counts it until left.
func (a *admission) admit(info *c2s.Info) error {
	if a.g.draining.Load() {
		a.g.count.loginFailed(LoginDraining)
		return errDraining
	}
	network := a.network(info.Remote)
	limits := &a.g.cfg.Limits
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all.present() >= limits.Sessions || a.all.prelogin >= limits.Prelogin.Sessions {
		a.g.count.loginFailed(LoginEdgeFull)
		return errEdgeFull
	}
	if n := a.limits.Sessions; n > 0 && a.from[network].present() >= n {
		a.g.count.loginFailed(LoginAddressFull)
		return errAddressFull
	}
	if a.limits.New.PerSecond > 0 {
		b, ok := a.rates.Get(network)
		if !ok {
			b = new(bucket)
			a.rates.Add(network, b)
		}
		if !b.take(c2s.Rate(a.limits.New), a.g.uptime()) {
			a.g.count.loginFailed(LoginAddressRate)
			return errAddressRate
		}
	}
	a.change(network, crowd{streams: 1, prelogin: 1})
	return nil
}

// change adds to the counts. Under mu.
func (a *admission) change(network netip.Prefix, by crowd) {
	add := func(c crowd) crowd {
		return crowd{c.streams + by.streams, c.prelogin + by.prelogin, c.parked + by.parked}
	}
	a.all = add(a.all)
	if c := add(a.from[network]); c == (crowd{}) {
		delete(a.from, network)
	} else {
		a.from[network] = c
	}
}

// siteAdmits checks a site's own limit of sessions per address; the stream
// itself is counted already.
func (a *admission) siteAdmits(st *site, info *c2s.Info) bool {
	return a.within(st.cfg.Limits.Address.Sessions, info)
}

// within tells whether a client's address has no more than n sessions; 0: no limit.
func (a *admission) within(n int, info *c2s.Info) bool {
	if n == 0 {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.from[a.network(info.Remote)].present() <= n
}

// lodge makes a stream a session of its own, if there is room for one beside those that run and those that wait for their clients.
func (a *admission) lodge(st *site, info *c2s.Info) (LoginFailure, *xmpp.StreamError) {
	network := a.network(info.Remote)
	a.mu.Lock()
	defer a.mu.Unlock()
	here, limit := a.from[network].sessions(), a.limits.Sessions
	if n := st.cfg.Limits.Address.Sessions; n > 0 && (limit == 0 || n < limit) {
		limit = n
	}
	refuse := func(f LoginFailure, text string) (LoginFailure, *xmpp.StreamError) {
		return f, &xmpp.StreamError{Condition: "resource-constraint", Text: text}
	}
	switch {
	case a.all.sessions() >= a.g.cfg.Limits.Sessions:
		return refuse(LoginEdgeFull, "too many sessions")
	case limit > 0 && here >= limit:
		return refuse(LoginAddressFull, "too many sessions from your address")
	case st.cfg.Sessions > 0 && st.count.open() >= int64(st.cfg.Sessions):
		return refuse(LoginSiteFull, "the site is full")
	}
	a.change(network, crowd{prelogin: -1})
	st.count.opened(info.Transport)
	return LoginOther, nil
}

// loggedIn moves a relayed stream from those before login to the others.
func (a *admission) loggedIn(info *c2s.Info) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.change(a.network(info.Remote), crowd{prelogin: -1})
}

// succeeded counts a stream that has taken a session over from another one.
func (a *admission) succeeded(st *site, info *c2s.Info) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.change(a.network(info.Remote), crowd{prelogin: -1})
	st.count.moved(info.Transport)
}

// parked counts one stream more, or less, that waits for its client.
func (a *admission) parked(st *site, info *c2s.Info, n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.change(a.network(info.Remote), crowd{parked: n})
	st.count.parked.Add(int64(n))
}

// left takes back what admit counted.
func (a *admission) left(info *c2s.Info, bound bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if bound {
		a.change(a.network(info.Remote), crowd{streams: -1})
	} else {
		a.change(a.network(info.Remote), crowd{streams: -1, prelogin: -1})
	}
}

// sessions returns how many streams there are.
func (a *admission) sessions() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all.streams
}
