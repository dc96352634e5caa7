package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"usher/bench/measure"
)

// soak is a talk that goes on for long, over WebSocket and BOSH together: does anything get lost, or memory grow?
type soak struct {
	talkFlags
	every time.Duration
	lines io.Writer // a line each time; it can be kept
}

func soakScenario() scenario {
	return scenario{name: "soak", brief: "pairs talk at a rate for an hour, over WebSocket and BOSH together: what was lost, and the slope of memory", prepare: prepareSoak}
}

func prepareSoak(f *flag.FlagSet, o *options) *work {
	s := &soak{}
	o.Sessions, o.rate, o.length, o.transport = 400, 500, time.Hour, "both"
	s.register(f)
	f.DurationVar(&s.every, "every", time.Minute, "how often a line is printed that can be kept")
	return &work{
		together: true,
		alone:    true,
		check: func() error {
			switch {
			case o.rate <= 0:
				return errors.New("-rate: more than 0, about half of what chat reaches")
			case s.every < time.Second:
				return errors.New("-every: a second or more")
			}
			if s.lines = o.out; o.json { // there, all is JSON
				s.lines = o.progress
			}
			return s.talkFlags.check(o)
		},
		run: s.run,
		figures: func(_ *runner, result *measure.Result) {
			talkFigures(result)
			slopes(result)
		},
	}
}

func (s *soak) run(ctx context.Context, r *runner) (err error) {
	t := newTalk(r, s.talkFlags, 0, "message")
	defer func() { err = errors.Join(err, t.finish()) }()
	if err := t.login(ctx); err != nil {
		return err
	}
	if err := t.warm(ctx); err != nil {
		return err
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	r.rec.Phase("talking")
	printing, stop := context.WithCancel(ctx)
	var printer sync.WaitGroup
	printer.Go(func() { s.print(printing, t) }) // ends with stop
	err = t.open(ctx, r.rate, r.length)
	err = errors.Join(err, t.drain(ctx, s.late))
	stop()
	printer.Wait()
	return errors.Join(err, r.stop(ctx))
}

// print prints what the last minute was like, until ctx ends. That nobody reads it is no reason to stop.
func (s *soak) print(ctx context.Context, t *talk) {
	next := time.NewTicker(s.every)
	defer next.Stop()
	for {
		select {
		case <-next.C:
			fmt.Fprintln(s.lines, t.line(s.every))
		case <-ctx.Done():
			return
		}
	}
}

// line says how things are, and how they were lately.
func (t *talk) line(lately time.Duration) string {
	last := t.rec.Last(lately)
	var b strings.Builder
	fmt.Fprintf(&b, "%s after %s: sessions %d, sent %d, delivered %d, lost %d, doubled %d, reordered %d; %.0f/s, p50 %s, p99 %s;",
		time.Now().Format(time.DateTime), t.rec.Elapsed().Round(time.Second), t.sessions.Load(), t.sent.Load(), t.delivered.Load(), t.lost.Load(),
		t.doubled.Load(), t.reordered.Load(), last.Counters["delivered"], measure.Duration(last.P50), measure.Duration(last.P99))
	var names []string
	for name := range last.RSS {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, " %s %.1f MB %.2f cores,", name, float64(last.RSS[name])/1e6, last.Cores[name])
	}
	return strings.TrimSuffix(b.String(), ",")
}

// settling is the part of a soak in which memory may still grow, as buffers and caches fill.
const settling = 1. / 6

// slopes adds how fast the memory of each process grew, when it had settled.
func slopes(result *measure.Result) {
	for _, p := range result.Processes {
		if p.Name == measure.Others || measure.Ours(p.Name) {
			continue
		}
		var at, rss []float64
		for _, s := range result.Series {
			if s.At >= settling*result.Seconds && s.RSS[p.Name] > 0 {
				at, rss = append(at, s.At), append(rss, float64(s.RSS[p.Name]))
			}
		}
		if slope, ok := slope(at, rss); ok {
			result.Add("memory growth, "+p.Name, slope*3600/1000, "kB/h", true)
		}
	}
}

// slope is that of the straight line with the least squares of distances.
func slope(x, y []float64) (float64, bool) {
	n := float64(len(x))
	var sx, sy, sxx, sxy float64
	for i := range x {
		sx += x[i]
		sy += y[i]
	}
	for i := range x {
		sxx += (x[i] - sx/n) * (x[i] - sx/n)
		sxy += (x[i] - sx/n) * (y[i] - sy/n)
	}
	if sxx == 0 {
		return 0, false
	}
	return sxy / sxx, true
}
