package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"usher/bench/load"
	"usher/bench/measure"
	"usher/bench/stage"
)

// The ways in which all are cut off.
const (
	byCut     = "cut"
	byRestart = "restart"
)

// attempts counts logins that were tried.
const attempts = "attempts"

// storm is everybody who loses the connection at once and comes back.
type storm struct {
	by   string
	over time.Duration
}

// stormScenario is N sessions that are all cut at once, and log in again with an even spread, each until it has succeeded.
func stormScenario() scenario {
	return scenario{name: "storm", brief: "all sessions are cut at once and reconnect: how long until all are back, logins meanwhile, peak memory", prepare: func(f *flag.FlagSet, o *options) *work {
		s := &storm{}
		o.Sessions, o.c, o.length = 10000, 512, 5*time.Minute
		f.StringVar(&s.by, "by", byCut, "how they are cut: `cut` (the clients' sockets) or restart (Usher is killed and started again)")
		f.DurationVar(&s.over, "over", 10*time.Second, "over which time the first attempts to reconnect are spread; -for is how long all of it may take")
		return &work{
			check: func() error {
				switch {
				case s.by != byCut && s.by != byRestart:
					return fmt.Errorf("-by: no %q", s.by)
				case s.over < 0:
					return errors.New("-over: 0 or more")
				case s.by == byRestart && (!strings.HasPrefix(o.Target, stage.Fake) || o.Ushers > 1):
					return errors.New("-by restart: needs one Usher that is started for the run")
				}
				return nil
			},
			run:     s.run,
			figures: stormFigures,
		}
	}}
}

// crowdOf is the sessions of a storm, each of the worker that has its number.
type crowdOf struct {
	*runner
	all      []*load.Session
	sessions *atomic.Int64
}

// enter logs number i in.
func (c *crowdOf) enter(ctx context.Context, i int, w *load.Worker) error {
	e, err := c.stage.Endpoint(c.transport, c.first+i)
	if err != nil {
		return err
	}
	s, err := e.Open(ctx, w)
	if err != nil {
		return err
	}
	c.all[i] = s
	c.sessions.Add(1)
	return nil
}

// cut closes all sockets at once.
func (c *crowdOf) cut() {
	for _, s := range c.all {
		if s != nil {
			s.Close()
			c.sessions.Add(-1)
		}
	}
	clear(c.all)
}

// answered asks the server something over each session and waits for the answer: it is not only logged in.
func (c *crowdOf) answered(ctx context.Context) error {
	ping := []byte("<iq xmlns='jabber:client' type='get' id='storm'><ping xmlns='urn:xmpp:ping'/></iq>")
	return load.Each(ctx, len(c.all), c.c, func(_ context.Context, i int, w *load.Worker) error {
		err := c.all[i].Send(w, ping)
		if err == nil {
			err = c.all[i].Until(w, func(b []byte) bool {
				return bytes.HasPrefix(b, []byte("<iq")) && string(load.Attr(b, "id")) == "storm"
			})
		}
		return err
	})
}

func (s *storm) run(ctx context.Context, r *runner) error {
	c := &crowdOf{runner: r, all: make([]*load.Session, r.Sessions), sessions: r.rec.Counter("sessions")}
	defer c.cut()
	r.rec.Phase("logging in")
	if err := load.Each(ctx, len(c.all), r.c, c.enter); err != nil {
		return err
	}
	if err := c.answered(ctx); err != nil {
		return err
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	r.rec.Phase("cut, and reconnecting")
	cut := time.Now()
	var restarted chan error // nil = nothing is restarted by this process
	if s.by == byRestart {
		if err := r.meet(ctx, func() error { // Usher is gone before anybody tries again
			u := r.stage.Ushers[0]
			u.Kill()
			restarted = make(chan error, 1)
			go func() { restarted <- restart(ctx, r, u) }() // ends when Usher is up, or has failed to come up
			return nil
		}); err != nil {
			return err
		}
	}
	c.cut()
	within, cancel := context.WithTimeoutCause(ctx, r.length, fmt.Errorf("not all were back within %v", r.length))
	defer cancel()
	err := s.reconnect(within, c, cut)
	if restarted != nil {
		err = errors.Join(err, <-restarted)
	}
	switch {
	case ctx.Err() != nil:
		return r.stop(context.WithoutCancel(ctx)) // ended early: there is a result nevertheless
	case err != nil:
		return err
	}
	if err := r.stop(ctx); err != nil {
		return err
	}
	return c.answered(ctx)
}

// restart starts Usher again.
func restart(ctx context.Context, r *runner, u *stage.Usher) error {
	if err := u.Start(ctx); err != nil {
		return err
	}
	r.rec.Process("usher", u.Pid)
	return nil
}

// between two attempts of a client to reconnect, which wait longer each time, up to the last; as much again by chance.
var between = [...]time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second}

// reconnect lets each log in when its turn is there, and again until it has succeeded.
func (s *storm) reconnect(ctx context.Context, c *crowdOf, cut time.Time) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	back, login := c.rec.Histogram(histogramBack), c.rec.Histogram(histogramLogin)
	tries := c.rec.Counter(attempts)
	// As many logins at a time as a worker is there for: the others' time runs nevertheless.
	workers := make(chan *load.Worker, c.c)
	for range c.c {
		workers <- load.NewWorker()
	}
	var wg sync.WaitGroup
	attempt := func(i int, due time.Time) error {
		var w *load.Worker
		select {
		case w = <-workers:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		defer func() { workers <- w }()
		tries.Add(1)
		err := c.enter(ctx, i, w)
		if err == nil {
			login.Record(time.Since(due))
			back.Record(time.Since(cut))
			return nil
		}
		if ctx.Err() == nil {
			c.rec.Error(err)
		}
		return err
	}
	one := func(i int, due time.Time) {
		for n := 0; ; n++ {
			err := attempt(i, due)
			if err == nil || ctx.Err() != nil {
				return
			}
			if errors.Is(err, load.ErrDescriptors) {
				cancel(err)
				return
			}
			wait := between[min(n, len(between)-1)]
			if pause(ctx, wait+rand.N(wait)) != nil {
				return
			}
			due = time.Now()
		}
	}
	start := func(i int, due time.Time) {
		wg.Go(func() { one(i, due) }) // ends when the session is back, or with ctx
	}
	if s.over > 0 {
		spread, all := context.WithCancel(ctx)
		c.rec.Pace(spread, float64(len(c.all))/s.over.Seconds(), 0, func(i int, due time.Time) {
			start(i, due)
			if i == len(c.all)-1 {
				all()
			}
		})
		all()
	} else {
		for i := range c.all {
			start(i, cut)
		}
	}
	wg.Wait()
	return context.Cause(ctx)
}

// The histograms of a storm: how long each was away, and how long a login took that succeeded, from when it was due.
const (
	histogramBack  = "back"
	histogramLogin = "login"
)

// The figures of a storm.
const (
	figureBack     = "all back after"
	figureLogin50  = "login meanwhile, p50"
	figureLogin99  = "login meanwhile, p99"
	figurePeak     = "peak memory"
	figureAttempts = "attempts each"
)

func stormFigures(_ *runner, result *measure.Result) {
	for _, l := range result.Latencies {
		switch {
		case l.Count == 0:
		case l.Name == histogramBack && l.Count == int64(result.Sessions):
			result.Add(figureBack, l.Us["max"]/1000, "ms", true)
		case l.Name == histogramLogin:
			result.Add(figureLogin50, l.Us["p50"]/1000, "ms", true)
			result.Add(figureLogin99, l.Us["p99"]/1000, "ms", true)
		}
	}
	result.Add(figureAttempts, float64(result.Counters[attempts])/float64(result.Sessions), "", true)
	for _, p := range result.Processes {
		if p.Peak > 0 && !measure.Ours(p.Name) && p.Name != measure.Others {
			result.Add(figurePeak+", "+p.Name, float64(p.Peak)/1e6, "MB", true)
			result.Add("memory before, "+p.Name, float64(p.Begin)/1e6, "MB", true)
		}
	}
}
