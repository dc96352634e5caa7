package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"usher/archive"
)

// Config is what a Sender is made of.
type Config struct {
	Hooks map[string]Hook // by site
	SMTP  SMTP
	// Texts are the sites' own texts for mails, by site, key and language ("" = any); what is missing is said in ours.
	Texts map[string]map[string]map[string]string
	// Languages are the sites' languages, for what isn't meant for one visitor.
	Languages map[string]string
	Log       *slog.Logger
	// Dial is how servers are reached; nil: over the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

const (
	together  = 4                // destinations at a time
	batch     = 64               // notices looked at at a time
	callTime  = 10 * time.Second // of a webhook
	firstWait = 10 * time.Second // after the first failure; it doubles with each
	maxWait   = time.Hour
	lifetime  = 24 * time.Hour // then a notice is given up
	lookAgain = time.Minute    // at the latest, also if nobody says that there is something
)

// Sender tells what stands in the archive's outbox. Run does the work; Wake may be called by any goroutine.
type Sender struct {
	cfg    Config
	store  *archive.Archive
	client *http.Client
	wake   chan struct{}
}

// New makes a sender. It owns neither the archive nor anything else that must be closed.
func New(store *archive.Archive, cfg Config) *Sender {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{Timeout: callTime}).DialContext
	}
	return &Sender{cfg: cfg, store: store, wake: make(chan struct{}, 1), client: &http.Client{
		Timeout:       callTime,
		CheckRedirect: noRedirects,
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: cfg.Dial, TLSHandshakeTimeout: callTime,
			MaxIdleConnsPerHost: 1, IdleConnTimeout: lookAgain, MaxResponseHeaderBytes: 64 << 10},
	}}
}

// Wake says that there may be something new in the outbox.
func (s *Sender) Wake() {
	select {
	case s.wake <- struct{}{}:
	default: // it is awake
	}
}

// Run sends until ctx ends. What is under way then is broken off, and is sent again by the next Run.
func (s *Sender) Run(ctx context.Context) {
	defer s.client.CloseIdleConnections()
	for ctx.Err() == nil {
		wait := s.round(ctx)
		if wait <= 0 {
			continue
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-t.C:
		}
		t.Stop()
	}
}

// round sends what is due, several destinations at a time and for each in order, and returns how long there is nothing to do.
func (s *Sender) round(ctx context.Context) time.Duration {
	due, err := s.store.Due(time.Now(), batch)
	if err != nil {
		s.cfg.Log.Error("the outbox can't be read", "error", err)
		return firstWait
	}
	var order []string
	by := make(map[string][]archive.Pending)
	for _, p := range due {
		to := destination(p)
		if by[to] == nil {
			order = append(order, to)
		}
		by[to] = append(by[to], p)
	}
	var sending sync.WaitGroup
	var unkept atomic.Bool
	slots := make(chan struct{}, together)
	for _, to := range order {
		slots <- struct{}{}
		sending.Go(func() { // ends when it has sent its notices; Run waits for it below
			defer func() { <-slots }()
			if !s.send(ctx, by[to]) {
				unkept.Store(true)
			}
		})
	}
	sending.Wait()
	switch {
	case unkept.Load(): // not to tell the same again and again
		return firstWait
	case len(due) == batch:
		return 0
	}
	next, err := s.store.NextDue()
	if err != nil {
		s.cfg.Log.Error("the outbox can't be read", "error", err)
		return firstWait
	}
	if next.IsZero() {
		return lookAgain
	}
	return min(lookAgain, time.Until(next))
}

// destination is what one failure is likely to speak for: a site's webhook, or the mail server.
func destination(p archive.Pending) string {
	if len(p.Mail) > 0 {
		return "mail"
	}
	return "site " + p.Site
}

// errLater puts off what stands behind a failure for the same destination, without trying.
var errLater = errors.New("notify: the one before it failed")

// errGone: there is nobody to tell, or nothing to tell any more.
var errGone = errors.New("notify: not to be told any more")

// send tells these notices one after the other. Once one has failed for now the others wait as it does. It stops, and
// returns false, when it can't write down what it has done.
func (s *Sender) send(ctx context.Context, all []archive.Pending) bool {
	var down bool
	for _, p := range all {
		err := errLater
		if !down {
			err = s.tell(ctx, p)
		}
		if ctx.Err() != nil && err != nil {
			break
		}
		again, kept := s.settle(p, err)
		if !kept {
			return false
		}
		down = down || again
	}
	return true
}

// settle writes down what became of a notice; again: it is to be tried again.
func (s *Sender) settle(p archive.Pending, err error) (again, kept bool) {
	log := s.cfg.Log.With("site", p.Site, "conversation", p.Conversation, "event", p.Event, "mail", len(p.Mail) > 0)
	var refused *refusedError
	now := time.Now()
	var failed error
	switch {
	case err == nil:
		failed = s.store.Done(p.ID)
	case errors.Is(err, errGone):
		log.Warn("a notice isn't sent", "error", err)
		failed = s.store.GiveUp(p.ID)
	case errors.As(err, &refused):
		log.Warn("a mail was refused", "error", err)
		failed = s.store.GiveUp(p.ID)
	case now.Sub(p.Time) >= lifetime:
		log.Error("a notice could not be sent for a day and is given up", "error", err)
		failed = s.store.GiveUp(p.ID)
	default:
		again = true
		at := now.Add(backOff(p.Tries, rand.Float64()))
		if end := p.Time.Add(lifetime); at.After(end) { // a last try
			at = end
		}
		if !errors.Is(err, errLater) {
			log.Info("a notice could not be sent", "error", err, "tries", p.Tries+1, "again", at)
		}
		failed = s.store.Again(p.ID, at)
	}
	if failed != nil {
		log.Error("the outbox can't be written", "error", failed)
	}
	return again, failed == nil
}

// backOff is the wait after a failure with so many before it: doubling, and spread by a fifth either way.
func backOff(tries int, random float64) time.Duration {
	wait := maxWait
	if tries < 16 {
		wait = min(maxWait, firstWait<<tries)
	}
	return time.Duration(float64(wait) * (0.8 + 0.4*random))
}

// tell sends one notice.
func (s *Sender) tell(ctx context.Context, p archive.Pending) error {
	if len(p.Mail) > 0 {
		return s.mail(ctx, p)
	}
	h, ok := s.cfg.Hooks[p.Site]
	if !ok {
		return fmt.Errorf("%w: the site has no webhook", errGone)
	}
	c, err := s.call(p)
	if err != nil {
		return err
	}
	body, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("notify: webhook: %w", err)
	}
	return post(ctx, s.client, h, time.Now(), body)
}
