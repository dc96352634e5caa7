package main

import (
	"context"
	"errors"
	"flag"
	"sync"
	"time"

	"usher/bench/load"
	"usher/bench/measure"
	"usher/bench/stage"
)

// The figures of poll.
const (
	figurePolls       = "polls"
	figurePollCPU     = "CPU a poll"
	figurePollEdgeCPU = "CPU a poll, edge"
)

// pollScenario is BOSH sessions to which nothing happens, but that a request is held for a short time only.
func pollScenario() scenario {
	return scenario{name: "poll", brief: "idle BOSH sessions whose requests are held for -wait seconds: CPU of a poll", prepare: func(_ *flag.FlagSet, o *options) *work {
		o.Sessions, o.transport, o.Wait = 2000, stage.BOSH, 10
		return &work{
			run: pollRun,
			check: func() error {
				switch {
				case o.transport != stage.BOSH:
					return errors.New("-transport: polls are of bosh")
				case o.Wait == 0:
					return errors.New("-wait: 1 or more")
				}
				return nil
			},
			figures: func(_ *runner, result *measure.Result) { pollFigures(result) },
		}
	}}
}

func pollRun(ctx context.Context, r *runner) error {
	e, err := r.stage.Endpoint(stage.BOSH, 0)
	if err != nil {
		return err
	}
	var readers sync.WaitGroup
	sessions := make([]*load.Session, r.Sessions)
	defer readers.Wait()
	defer func() {
		for _, s := range sessions {
			if s != nil {
				s.Close()
			}
		}
	}()
	there, polls := r.rec.Counter("sessions"), r.rec.Counter("polls")
	r.rec.Phase("logging in")
	// Spread over one wait, or the polls would all come at once.
	spread := time.Duration(r.Wait) * time.Second / time.Duration(r.Sessions)
	began := time.Now()
	err = load.Each(ctx, r.Sessions, r.c, func(ctx context.Context, i int, w *load.Worker) error {
		if err := pause(ctx, time.Until(began.Add(time.Duration(i)*spread))); err != nil {
			return err
		}
		s, err := e.Open(ctx, w)
		if err != nil {
			return err
		}
		sessions[i] = s
		there.Add(1)
		readers.Go(func() { // ends with its session, which is closed above
			if err := s.Serve(func([]byte) {}); err != nil {
				r.rec.Error(err)
				there.Add(-1)
			}
		})
		return nil
	})
	if err != nil {
		return err
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	r.rec.Phase("polling")
	first := e.Empty.Load()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for over := time.After(r.length); over != nil; {
		select {
		case <-look.C:
		case <-over:
			over = nil
		case <-ctx.Done():
			over = nil
		}
		polls.Store(e.Empty.Load() - first)
	}
	return r.stop(ctx)
}

func pollFigures(result *measure.Result) {
	result.Add(figurePolls, result.Rate("polls"), "/s", false)
	cpuFigures(result, float64(result.Counters["polls"]), "ms", figurePollCPU, figurePollEdgeCPU, "CPU a poll, server")
}
