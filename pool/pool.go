// Package pool is the set of component links: placement, retry, health,
// drain. It owns when a link is dialled again and where a new visitor lives.
// It must not know transports, sites or what the stanzas mean.
package pool

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"usher/upstream"
	"usher/xmpp"
)

// Config of a pool.
type Config struct {
	Links              []upstream.Config // one per domain; Address is ignored
	Addresses          []string          // tried in turn, for every link
	RetryMin, RetryMax time.Duration     // jittered back-off
	DialTimeout        time.Duration
	Receiver           upstream.Receiver
	// Changed tells that a home went up (err nil) or down (err says why). It is called on the
	// home's own goroutine, after Up and before the first stanza is read, or after the last. It must not block long.
	Changed func(h *Home, up bool, err error)
	Log     *slog.Logger
}

// ErrDown means that the home's link is down.
var ErrDown = errors.New("pool: link is down")

// Pool keeps one Home for each component domain.
type Pool struct{}

func New(cfg Config) (*Pool, error) { panic("unbuilt") }

// Run keeps the links up until ctx ends, then returns when nothing it started is alive.
func (p *Pool) Run(ctx context.Context) { panic("unbuilt") }

// Place chooses the home for a new visitor: the least loaded among those up; nil if none is. It counts him there until Leave.
func (p *Pool) Place() *Home { panic("unbuilt") }

// Home returns the home with this component domain, or nil. Looking up by bytes doesn't allocate.
func (p *Pool) Home(domain []byte) *Home { panic("unbuilt") }

// Homes returns all homes in the order of the config.
func (p *Pool) Homes() []*Home { panic("unbuilt") }

// Drain writes out what is queued on every link and closes them politely, bounded by ctx.
func (p *Pool) Drain(ctx context.Context) { panic("unbuilt") }

// Home is one component domain: the visitors who live there keep it for life.
type Home struct{}

func (h *Home) Domain() string { panic("unbuilt") }

// Send queues a stanza on the home's link; see upstream.Link.Write. ErrDown while there is none.
func (h *Home) Send(ctx context.Context, e *xmpp.Element, hd *xmpp.Header) error { panic("unbuilt") }
func (h *Home) SendRaw(ctx context.Context, b []byte) error                      { panic("unbuilt") }

// Leave takes back what Place counted.
func (h *Home) Leave() { panic("unbuilt") }

// Status is a home's health.
type Status struct {
	Domain   string
	State    string // down, connecting, up, draining
	Since    time.Time
	RTT      time.Duration
	LastRead time.Time
	Visitors int
	Err      error // why it is down
}

func (h *Home) Status() Status { panic("unbuilt") }
