// Package pool is the set of component links: placement, retry, health,
// drain. It owns when a link is dialled again and where a new visitor lives.
// It must not know transports, sites or what the stanzas mean.
package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"usher/upstream"
)

// Config of a pool.
type Config struct {
	Links              []upstream.Config // one per domain; Address is ignored
	Addresses          []string          // tried in turn, for every link
	RetryMin, RetryMax time.Duration     // jittered back-off; 0 = 500 ms and 30 s
	DialTimeout        time.Duration     // of one attempt, negotiation included; 0 = 10 s
	Receiver           upstream.Receiver
	// Changed tells that a home went up (err nil) or down (err says why). It is called on the
	// home's own goroutine, after Up and before the first stanza is read, or after the last. It must not block long.
	// It is not called for an attempt that failed. nil = nobody wants to know.
	Changed func(h *Home, up bool, err error)
	Log     *slog.Logger // nil = slog.Default
}

// ErrDown means that the home's link is down.
var ErrDown = errors.New("pool: link is down")

// ErrDraining is why a home is down after Drain.
var ErrDraining = errors.New("pool: draining")

// Pool keeps one Home for each component domain. All methods may be called from any goroutine.
type Pool struct {
	cfg      Config
	homes    []*Home
	byDomain map[string]*Home // never changed

	placing   sync.Mutex // makes choosing and counting one step
	drainOnce sync.Once
	draining  chan struct{} // closed by Drain
}

// New checks the config; Run starts the links.
func New(cfg Config) (*Pool, error) {
	if len(cfg.Links) == 0 || len(cfg.Addresses) == 0 {
		return nil, errors.New("pool: no link or no address")
	}
	if cfg.Receiver == nil {
		return nil, errors.New("pool: no receiver")
	}
	if cfg.RetryMin <= 0 {
		cfg.RetryMin = 500 * time.Millisecond
	}
	if cfg.RetryMax <= 0 {
		cfg.RetryMax = 30 * time.Second
	}
	cfg.RetryMax = max(cfg.RetryMin, cfg.RetryMax)
	if cfg.DialTimeout <= 0 {
		cfg.DialTimeout = 10 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	p := &Pool{cfg: cfg, byDomain: make(map[string]*Home, len(cfg.Links)), draining: make(chan struct{})}
	for _, lc := range cfg.Links {
		if p.byDomain[lc.Domain] != nil {
			return nil, fmt.Errorf("pool: component domain %q twice", lc.Domain)
		}
		if lc.Log == nil {
			lc.Log = cfg.Log
		}
		h := &Home{pool: p, cfg: lc, log: cfg.Log.With("link", lc.Domain), told: map[string]bool{}, state: Down, since: time.Now(), err: ErrDown}
		p.byDomain[lc.Domain] = h
		p.homes = append(p.homes, h)
	}
	return p, nil
}

// Run keeps the links up until ctx ends, then returns when nothing it started
// is alive. The links then end without ceremony: call Drain before. It may be called once.
func (p *Pool) Run(ctx context.Context) {
	dialling, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for _, h := range p.homes {
		wg.Go(func() { h.run(ctx, dialling) }) // ended by ctx
	}
	select {
	case <-p.draining:
		cancel(ErrDraining)
		<-ctx.Done()
	case <-ctx.Done():
	}
	wg.Wait()
}

// Place chooses the home for a new visitor: the least loaded among those up; nil if none is. It counts him there until Leave.
func (p *Pool) Place() *Home {
	p.placing.Lock()
	defer p.placing.Unlock()
	var best *Home
	var least int64
	for _, h := range p.homes {
		if h.link.Load() == nil {
			continue
		}
		if n := h.visitors.Load(); best == nil || n < least {
			best, least = h, n
		}
	}
	if best != nil {
		best.visitors.Add(1)
	}
	return best
}

// Home returns the home with this component domain, or nil. Looking up by bytes doesn't allocate.
func (p *Pool) Home(domain []byte) *Home { return p.byDomain[string(domain)] }

// Homes returns all homes in the order of the config.
func (p *Pool) Homes() []*Home { return append([]*Home(nil), p.homes...) }

// Drain writes out what is queued on every link and closes them politely, bounded by ctx. No link
// is dialled again, and Place finds none.
func (p *Pool) Drain(ctx context.Context) {
	p.drainOnce.Do(func() { close(p.draining) })
	var wg sync.WaitGroup
	for _, h := range p.homes {
		wg.Go(func() { h.drain(ctx) }) // ended by ctx
	}
	wg.Wait()
}
