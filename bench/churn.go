package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"usher/bench/load"
	"usher/bench/measure"
)

// The figures of a scenario in which sessions come and go.
const (
	figureChurn          = "connect, bind, leave"
	figureCycleCPU       = "CPU each"
	figureCycleEdgeCPU   = "CPU each, edge"
	figureCycleServerCPU = "CPU each, server"
)

// visits counts those who have come and gone.
const visits = "visits"

// churnScenario is visitors who come, and go as soon as they are there: as fast as the server lets them, or at -rate.
func churnScenario() scenario {
	return scenario{name: "churn", brief: "connect, bind, leave, again and again: how many a second, how long a login takes, CPU each", prepare: prepareChurn}
}

func prepareChurn(_ *flag.FlagSet, o *options) *work {
	o.Sessions = 1000
	return &work{
		run: churn,
		figures: func(_ *runner, result *measure.Result) {
			result.Add(figureChurn, result.Rate(visits), "/s", false)
			cpuFigures(result, float64(result.Counters[visits]), "us", figureCycleCPU, figureCycleEdgeCPU, figureCycleServerCPU)
		},
	}
}

// maxFailures is how many logins may fail in a row before nobody tries any more.
const maxFailures = 100

// turnstile is what all visitors have in common.
type turnstile struct {
	*runner
	sessions, visits *atomic.Int64
	login, leave     *measure.Histogram
	failures         atomic.Int64 // in a row
}

func newTurnstile(r *runner) *turnstile {
	return &turnstile{
		runner: r, sessions: r.rec.Counter("sessions"), visits: r.rec.Counter(visits), login: r.rec.Histogram("login"), leave: r.rec.Histogram("leave"),
	}
}

// visit is one who comes, from when that was due, and leaves. An error means that there is no sense in going on.
func (t *turnstile) visit(ctx context.Context, i int, due time.Time, w *load.Worker) error {
	e, err := t.stage.Endpoint(t.transport, t.first+i)
	if err != nil {
		return err
	}
	s, err := e.Open(ctx, w)
	if err != nil {
		return t.failed(ctx, err)
	}
	t.login.Record(time.Since(due))
	t.sessions.Add(1)
	defer t.sessions.Add(-1)
	began := time.Now()
	if err := s.Leave(w); err != nil {
		return t.failed(ctx, err)
	}
	t.leave.Record(time.Since(began))
	t.visits.Add(1)
	t.failures.Store(0)
	return nil
}

// failed counts an error; it is for all if it would only come again.
func (t *turnstile) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil // who was under way when the time was over
	}
	t.rec.Error(err)
	if errors.Is(err, load.ErrDescriptors) {
		return err
	}
	if n := t.failures.Add(1); n >= maxFailures {
		return fmt.Errorf("%d in a row have failed: %w", n, err)
	}
	return nil
}

func churn(ctx context.Context, r *runner) error {
	t := newTurnstile(r)
	r.rec.Phase("the first ones, who are not measured")
	if err := load.Each(ctx, min(firstSessions, r.Sessions), r.c, func(ctx context.Context, i int, w *load.Worker) error {
		return t.visit(ctx, i, time.Now(), w)
	}); err != nil {
		return err
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	r.rec.Phase("coming and going")
	end := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	if r.rate > 0 {
		t.atRate(ctx, cancel, &wg)
	} else {
		t.atOnce(ctx, cancel, &wg)
	}
	err := context.Cause(ctx)
	if end.Err() != nil {
		err = nil // ended early: there is a result nevertheless
	}
	err = errors.Join(err, r.stop(end))
	cancel(nil)
	wg.Wait()
	return err
}

// atOnce lets c visitors at a time come until the time is over; those who are there then leave later.
func (t *turnstile) atOnce(ctx context.Context, cancel context.CancelCauseFunc, wg *sync.WaitGroup) {
	over := make(chan struct{})
	var next atomic.Int64
	for range t.c {
		wg.Go(func() { // ends when the time is over, or with ctx
			w := load.NewWorker()
			for ctx.Err() == nil {
				select {
				case <-over:
					return
				default:
				}
				if err := t.visit(ctx, int(next.Add(1)), time.Now(), w); err != nil {
					cancel(err)
				}
			}
		})
	}
	_ = pause(ctx, t.length) // the caller looks at ctx
	close(over)
}

// atRate lets visitors come at the rate, whether or not those before have left: c at a time at most, the others wait, which counts as part of
// their login.
func (t *turnstile) atRate(ctx context.Context, cancel context.CancelCauseFunc, wg *sync.WaitGroup) {
	type turn struct {
		i   int
		due time.Time
	}
	turns := make(chan turn, int(t.rate*t.length.Seconds())+1) // all there will be, so that the pace never waits
	for range t.c {
		wg.Go(func() { // ends when turns is closed
			w := load.NewWorker()
			for one := range turns {
				if ctx.Err() != nil {
					continue
				}
				if err := t.visit(ctx, one.i, one.due, w); err != nil {
					cancel(err)
				}
			}
		})
	}
	t.rec.Pace(ctx, t.rate, t.length, func(i int, due time.Time) { turns <- turn{i, due} })
	close(turns)
}
