package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"usher/bench/measure"
	"usher/bench/stage"
)

// supporting is the scenario support: visitors ask, agents accept, both meet in a room, each says a line, the visitor leaves.
type supporting struct {
	group               string // the workgroup's address
	c2s, user, password string // where agents log in to the server, and as whom

	requests int
	span     time.Duration // from the first request to the last meeting
}

func support(f *flag.FlagSet, o *options) *work {
	s := &supporting{}
	o.rate, o.Agents = 100, 100
	f.IntVar(&o.Agents, "agents", o.Agents, "`agents` who accept at once; a workgroup that exists already must have them")
	f.StringVar(&s.group, "workgroup", "", "with -ws or -bosh: the workgroup's `JID`")
	f.StringVar(&s.c2s, "c2s", "", "with -ws or -bosh: `host:port` where the server takes clients without TLS")
	f.StringVar(&s.user, "agent", "agent-%d@localhost", "an agent's `JID`, %d being 1 to the number of agents")
	f.StringVar(&s.password, "agent-password", "pw-%d", "an agent's `password`")
	return &work{target: stage.UsherProsody, alone: true, run: s.run, figures: s.figures, check: func() error {
		given := o.WS != "" || o.BOSH != ""
		switch {
		case o.rate <= 0:
			return errors.New("-rate: more than 0")
		case o.Agents < 1:
			return errors.New("-agents: 1 or more")
		case given != (s.c2s != "") || given != (s.group != ""):
			return errors.New("-c2s and -workgroup: with -ws or -bosh, and only then")
		case !given && o.Target != stage.UsherProsody && o.Target != stage.UsherEjabberd:
			return fmt.Errorf("-target: a desk has %s or %s", stage.UsherProsody, stage.UsherEjabberd)
		}
		o.Sessions = max(1, int(o.rate*o.length.Seconds())) // one visitor a request
		return nil
	}}
}

// run logs the visitors in, lets each ask when it is his turn, whether or not those before him are served (an open
// loop: a slow desk is not spared), and gathers the figures.
func (s *supporting) run(ctx context.Context, r *runner) error {
	s.group = cmp.Or(s.group, stage.Desk)
	if r.stage.Server != nil {
		s.c2s = r.stage.Server.C2SAddr()
	}
	r.rec.Phase(fmt.Sprintf("logging in %d agents", r.Agents))
	staff, err := s.staff(ctx, r.Agents)
	if err != nil {
		return err
	}
	defer staff.close()
	people := r.crowd(r.Sessions)
	defer people.close()
	if err := people.enter(ctx); err != nil {
		return err
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	r.rec.Phase("asking")
	if err := s.ask(ctx, r, people, staff); err != nil {
		return err
	}
	return r.stop(ctx)
}

// ask lets everybody ask in turn and waits until all have what they wanted, or no patience left.
func (s *supporting) ask(ctx context.Context, r *runner, people *crowd, staff *staff) error {
	start := time.Now()
	var last atomic.Int64 // when the last two met, since start
	var wg sync.WaitGroup
	defer func() { s.requests, s.span = int(r.rec.Counter("asked").Load()), time.Duration(last.Load()) }()
	defer wg.Wait()
	for i, p := range people.sessions {
		due := start.Add(time.Duration(float64(i) / r.rate * float64(time.Second)))
		if err := pause(ctx, time.Until(due)); err != nil {
			people.cut()
			return err
		}
		r.rec.Counter("asked").Add(1)
		wg.Go(func() { // ends with its conversation, or when the visitor has lost patience
			o := s.support(p, due)
			s.note(r.rec, &o, staff)
			for at := int64(o.met.Sub(start)); !o.met.IsZero(); {
				if was := last.Load(); at <= was || last.CompareAndSwap(was, at) {
					break
				}
			}
		})
	}
	return nil
}

// note takes down what became of a request.
func (s *supporting) note(rec *measure.Recorder, o *outcome, staff *staff) {
	rec.Error(reasonOf(o.err))
	if o.err != nil {
		rec.Counter("failed").Add(1)
	}
	if o.met.IsZero() {
		return
	}
	rec.Counter("met").Add(1)
	rec.Histogram("due to both in the room").Record(o.met.Sub(o.due))
	if accepted := staff.acceptedAt(o.room); !accepted.IsZero() {
		rec.Histogram("offer accepted to both in the room").Record(o.met.Sub(accepted))
	}
	if !o.end.IsZero() {
		rec.Counter("talked").Add(1)
		rec.Histogram("a line and its answer").Record(o.end.Sub(o.met))
	}
}

// reasonOf gives one name to what is the same.
func reasonOf(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("no patience left")
	}
	return err
}

func (s *supporting) figures(r *runner, result *measure.Result) {
	met := float64(result.Counters["met"])
	reached := 0.0
	if s.span > 0 {
		reached = met / s.span.Seconds()
	}
	result.Add("requests reached", reached, "/s", false)
	result.Add("requests wanted", r.rate, "/s", false)
	for _, p := range result.Processes {
		if met > 0 && p.Name != measure.Others && !measure.Ours(p.Name) {
			result.Add("a request, CPU of "+p.Name, p.CPU*1e3/met, "ms", true)
		}
	}
}
