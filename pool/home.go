package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"usher/upstream"
	"usher/xmpp"
)

// The states of a home.
const (
	Down       = "down" // waits until it is tried again
	Connecting = "connecting"
	Up         = "up"
	Draining   = "draining" // takes no new visitor and is not dialled again
)

// Home is one component domain: the visitors who live there keep it for life.
type Home struct {
	pool     *Pool
	cfg      upstream.Config
	log      *slog.Logger
	link     atomic.Pointer[upstream.Link] // nil unless up
	visitors atomic.Int64

	told map[string]bool // failures of this outage that are logged; run's

	mu       sync.Mutex
	state    string
	since    time.Time
	err      error          // why it is down
	last     *upstream.Link // the last one that was up, for what Status and Drain ask
	draining bool
}

// Domain returns the component's domain.
func (h *Home) Domain() string { return h.cfg.Domain }

// Send queues a stanza on the home's link; see upstream.Link.Write. ErrDown while there is none.
func (h *Home) Send(ctx context.Context, e *xmpp.Element, hd *xmpp.Header) error {
	l := h.link.Load()
	if l == nil {
		return ErrDown
	}
	return sent(l.Write(ctx, e, hd))
}

// SendRaw queues complete stanzas of ours, already in the component namespace; else it is like Send.
func (h *Home) SendRaw(ctx context.Context, b []byte) error {
	l := h.link.Load()
	if l == nil {
		return ErrDown
	}
	return sent(l.WriteRaw(ctx, b))
}

// sent makes of a link that has just ended one that is down: the caller sees no difference.
func sent(err error) error {
	if err == upstream.ErrClosed {
		return ErrDown
	}
	return err
}

// Enter counts a visitor who comes back to this home until Leave; false: its link is down.
func (h *Home) Enter() bool {
	if h.link.Load() == nil {
		return false
	}
	h.visitors.Add(1)
	return true
}

// Leave takes back what Place or Enter counted.
func (h *Home) Leave() { h.visitors.Add(-1) }

// Status is a home's health.
type Status struct {
	Domain   string
	State    string // down, connecting, up, draining
	Since    time.Time
	RTT      time.Duration // of the last link that was up
	Lag      time.Duration // the same: how far what was read at LastRead may have been behind the server's work
	LastRead time.Time     // the same; zero if there was none
	Visitors int
	Err      error // why it is down
}

// Status returns the home's health.
func (h *Home) Status() Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := Status{Domain: h.cfg.Domain, State: h.state, Since: h.since, Visitors: int(h.visitors.Load()), Err: h.err}
	if h.last != nil {
		s.RTT, s.Lag, s.LastRead = h.last.RTT(), h.last.Lag(), h.last.LastRead()
	}
	return s
}

// set changes the state; Since stays while a home goes to and fro between down and connecting.
func (h *Home) set(state string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		state = Draining
	}
	outage := func(s string) bool { return s == Down || s == Connecting }
	if h.state != state && !(outage(h.state) && outage(state)) {
		h.since = time.Now()
	}
	h.state = state
	if err != nil || state == Up {
		h.err = err
	}
}

// run keeps the link up until ctx ends. dialling is ctx, and ends also when the pool drains.
func (h *Home) run(ctx, dialling context.Context) {
	cfg := &h.pool.cfg
	r := retry{min: cfg.RetryMin, max: cfg.RetryMax}
	next, failed := 0, 0 // the address to try, and how many in a row have failed
	for dialling.Err() == nil {
		h.set(Connecting, nil)
		l, err := h.dial(dialling, cfg.Addresses[next])
		if err == nil {
			began := time.Now()
			err = h.serve(ctx, l)
			if time.Since(began) >= cfg.RetryMax { // it was stable: as if for the first time, at the same address
				r.reset()
				failed, next = 0, next-1
			} else {
				failed++
			}
		} else {
			failed++
		}
		next = (next + 1 + len(cfg.Addresses)) % len(cfg.Addresses)
		r.note(err)
		h.set(Down, err)
		if dialling.Err() != nil {
			break
		}
		if failed > 0 && failed%len(cfg.Addresses) != 0 {
			continue // the next address at once
		}
		sleep(dialling, r.wait())
	}
	h.set(Down, context.Cause(dialling))
}

// dial makes one attempt. In one outage each reason is logged once for each address.
func (h *Home) dial(ctx context.Context, address string) (*upstream.Link, error) {
	c := h.cfg
	c.Address = address
	attempt, cancel := context.WithTimeoutCause(ctx, h.pool.cfg.DialTimeout, errTimeout)
	defer cancel()
	l, err := upstream.Dial(attempt, c)
	if key := address + " " + root(err); err != nil && ctx.Err() == nil && !h.told[key] {
		h.told[key] = true
		level := slog.LevelWarn
		if refused(err) {
			level = slog.LevelError // it won't go away by itself
		}
		h.log.Log(ctx, level, "cannot connect upstream, will go on trying", "address", address, "refused", refused(err), "err", err)
	}
	return l, err
}

// root is the innermost reason: what is around it may name another port each time.
func root(err error) string {
	if err == nil {
		return ""
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err.Error()
}

var errTimeout = errors.New("no connection in time")

// serve is one link's life. It returns why the link has ended.
func (h *Home) serve(ctx context.Context, l *upstream.Link) error {
	changed := h.pool.cfg.Changed
	if changed == nil {
		changed = func(*Home, bool, error) {}
	}
	h.mu.Lock()
	if h.draining {
		h.mu.Unlock()
		l.Close(ctx)
		return ErrDraining
	}
	outage := time.Since(h.since)
	h.last = l
	h.link.Store(l)
	h.mu.Unlock()
	h.set(Up, nil)
	clear(h.told)
	h.log.Info("link is up", "after", outage.Round(time.Millisecond))
	changed(h, true, nil)
	err := l.Serve(ctx, h.pool.cfg.Receiver)
	h.link.Store(nil)
	h.set(Down, err)
	if ctx.Err() == nil && !errors.Is(err, upstream.ErrClosed) {
		h.log.Warn("link is down", "err", err)
	}
	changed(h, false, err)
	return err
}

// drain ends the link politely, now and for good.
func (h *Home) drain(ctx context.Context) {
	h.mu.Lock()
	h.draining = true
	l := h.link.Swap(nil) // no new visitor, nothing more to send
	h.mu.Unlock()
	h.set(Draining, ErrDraining)
	if l == nil {
		return
	}
	if err := l.Close(ctx); err != nil {
		h.log.Warn("link could not be drained", "err", fmt.Errorf("pool: drain: %w", err))
	}
}
