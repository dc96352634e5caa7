package gateway

import (
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"

	"usher/c2s"
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

// admission counts sessions, in all and per network address.
type admission struct {
	g      *Gateway
	limits AddressLimits // the loosest of the sites': a site's own are checked when the stream names it

	mu       sync.Mutex
	total    int
	prelogin int
	from     map[netip.Prefix]int
	rates    *expirable.LRU[netip.Prefix, *bucket]
}

func newAdmission(g *Gateway) *admission {
	a := &admission{g: g, from: make(map[netip.Prefix]int), limits: g.cfg.Limits.Address}
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
	if a.total >= limits.Sessions || a.prelogin >= limits.Prelogin.Sessions {
		a.g.count.loginFailed(LoginEdgeFull)
		return errEdgeFull
	}
	if n := a.limits.Sessions; n > 0 && a.from[network] >= n {
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
	a.total++
	a.prelogin++
	a.from[network]++
	return nil
}

// siteAdmits checks a site's own limit of sessions per address; the stream
// itself is counted already.
func (a *admission) siteAdmits(st *site, info *c2s.Info) bool {
	n := st.cfg.Limits.Address.Sessions
	if n == 0 {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.from[a.network(info.Remote)] <= n
}

// bound moves a stream from those before login to the visitors.
func (a *admission) bound() {
	a.mu.Lock()
	a.prelogin--
	a.mu.Unlock()
}

// left takes back what admit counted.
func (a *admission) left(info *c2s.Info, bound bool) {
	network := a.network(info.Remote)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.total--
	if !bound {
		a.prelogin--
	}
	if a.from[network]--; a.from[network] <= 0 {
		delete(a.from, network)
	}
}

// sessions returns how many streams there are.
func (a *admission) sessions() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.total
}
