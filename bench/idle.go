package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"usher/bench/load"
	"usher/bench/measure"
	"usher/bench/stage"
)

// idling is the scenario idle: sessions that are there and do nothing.
type idling struct {
	rest, every time.Duration
	profile     string
	gone        int
	join        bool

	last *idleRun // the run that figures are asked of
}

// firstSessions come and go before the memory without sessions is read.
const firstSessions = 200

func idle(f *flag.FlagSet, o *options) *work {
	i := &idling{}
	o.Sessions, o.transport = 10000, "both"
	f.DurationVar(&i.rest, "rest", 45*time.Second, "how long nothing happens before the memory at rest is read: Usher looks for what it can give back every 5 s")
	f.DurationVar(&i.every, "every", 500*time.Millisecond, "between two of the ten looks at a memory that has settled")
	f.StringVar(&i.profile, "profile", "", "write the heap profiles of the Ushers that were started to `file`.ws.1, file.bosh.1, ...")
	f.IntVar(&i.gone, "gone", 20, "BOSH clients that are cut off in the end, one after the other, to see how soon Usher notices")
	f.BoolVar(&i.join, "join", false, "before they rest, sessions enter rooms in pairs: what a visitor in a room costs the edge and the server (with a server that has rooms)")
	return &work{target: stage.Fake, run: i.run, figures: i.figures, check: func() error {
		if i.rest < 0 || i.every <= 0 || i.gone < 0 {
			return errors.New("-rest, -gone: 0 or more; -every: more than 0")
		}
		if i.join && o.Target == stage.Fake {
			return errors.New("-join: the fake upstream server has no rooms; take -target usher+prosody or another")
		}
		return nil
	}}
}

func (i *idling) run(ctx context.Context, r *runner) error {
	one := &idleRun{idling: i, runner: r, all: r.crowd(r.Sessions)}
	i.last = one
	defer one.all.close()
	return one.steps(ctx)
}

// idleRun is one run, over one transport. What it looks at from outside is looked at by the leading process.
type idleRun struct {
	*idling
	*runner
	all *crowd

	before, loggedIn, afterChat, atRest *look
	liveBase, live                      stage.Memory
}

// look is what the processes have at one moment, in the order of stage.Processes.
type look struct {
	at  time.Time       // the CPU time is of then
	cpu []time.Duration // used so far
	rss []int64         // when it had settled
}

// sum adds up the memory, or one process's if it is not negative.
func (l *look) sum(process int) (rss int64) {
	for i, one := range l.rss {
		if process < 0 || i == process {
			rss += one
		}
	}
	return rss
}

// spent is the CPU time between two looks.
func (l *look) spent(since *look) (all time.Duration) {
	for i := range l.cpu {
		all += l.cpu[i] - since.cpu[i]
	}
	return all
}

// steps are the run, in the order of what happens.
func (one *idleRun) steps(ctx context.Context) error {
	err := one.meet(ctx, func() error { return one.nobody(ctx) })
	if err != nil {
		return err
	}
	if err := one.start(ctx); err != nil {
		return err
	}
	if err := one.all.enter(ctx); err != nil {
		return err
	}
	err = one.meet(ctx, func() error {
		if err := one.present(ctx, one.total); err != nil {
			return err
		}
		return one.look(ctx, &one.loggedIn, "logged in")
	})
	if err != nil {
		return err
	}
	echoes := one.rec.Histogram("message there and back")
	if err := one.all.each(ctx, "a message there and back", func(_ context.Context, i int, w *load.Worker) error {
		began := time.Now()
		err := say(one.all.sessions[i], w, one.stage.Fake)
		echoes.Record(time.Since(began))
		return err
	}); err != nil {
		return err
	}
	err = one.meet(ctx, func() error { return one.look(ctx, &one.afterChat, "said something") })
	if err != nil {
		return err
	}
	if one.join {
		if err := one.rooms(ctx); err != nil {
			return err
		}
	}
	err = one.meet(ctx, func() error { return one.resting(ctx) })
	if err != nil {
		return err
	}
	err = one.meet(ctx, func() error { return one.afterwards(ctx) })
	if err != nil {
		return err
	}
	return one.stop(ctx)
}

// rooms brings the sessions into rooms, two in each. Who was there first reads of the other when he says something once more; over BOSH his request
// is held again then.
func (one *idleRun) rooms(ctx context.Context) error {
	one.rec.Phase("entering rooms")
	in, tag := one.rec.Counter("in rooms"), fmt.Sprintf("bench-%x-%x", os.Getpid(), time.Now().UnixMilli())
	if err := load.Each(ctx, (len(one.all.sessions)+1)/2, one.c, func(_ context.Context, pair int, w *load.Worker) error {
		for i := 2 * pair; i < min(2*pair+2, len(one.all.sessions)); i++ { // one after the other: who comes first makes the room
			if err := one.all.sessions[i].Join(w, fmt.Sprintf("%s-%d", tag, pair), fmt.Sprintf("nick-%d", i%2)); err != nil {
				return fmt.Errorf("entering rooms: %w", err)
			}
			in.Add(1)
		}
		return nil
	}); err != nil {
		return err
	}
	return one.all.each(ctx, "a message there and back, in rooms", func(_ context.Context, i int, w *load.Worker) error {
		return say(one.all.sessions[i], w, one.stage.Fake)
	})
}

// nobody reads what there is without sessions, when some have been there: they bring the programs' pages in and the
// runtimes' own memory, once and for all, which is not the others' to pay.
func (one *idleRun) nobody(ctx context.Context) error {
	if err := one.firstOnes(ctx); err != nil {
		return err
	}
	if err := one.present(ctx, 0); err != nil {
		return err
	}
	if err := one.quiet(ctx); err != nil {
		return err
	}
	if err := one.look(ctx, &one.before, "the first ones are gone"); err != nil {
		return err
	}
	var err error
	if one.liveBase, err = collect(ctx, one.stage.Ushers); err != nil {
		return err
	}
	// Collections and looks cost CPU too: what is spent counts from here.
	return one.before.clock(one.stage.Processes)
}

func (one *idleRun) firstOnes(ctx context.Context) error {
	first := one.crowd(min(firstSessions*max(1, len(one.stage.Ushers)), one.total))
	defer first.close()
	one.rec.Phase("first ones, who leave again")
	return load.Each(ctx, len(first.sessions), one.c, func(ctx context.Context, i int, w *load.Worker) error {
		e, err := one.stage.Endpoint(one.transport, i)
		if err != nil {
			return err
		}
		s, err := e.Open(ctx, w)
		if err != nil {
			return fmt.Errorf("first ones: %w", err)
		}
		first.sessions[i] = s
		if err := say(s, w, one.stage.Fake); err != nil {
			return fmt.Errorf("first ones: %w", err)
		}
		return s.Leave(w)
	})
}

// quiet lets nothing happen for a while.
func (one *idleRun) quiet(ctx context.Context) error {
	one.rec.Phase(fmt.Sprintf("resting for %v", one.rest))
	return pause(ctx, one.rest)
}

func (one *idleRun) resting(ctx context.Context) error {
	if err := one.quiet(ctx); err != nil {
		return err
	}
	if err := one.look(ctx, &one.atRest, "rested"); err != nil {
		return err
	}
	var err error
	if one.live, err = collect(ctx, one.stage.Ushers); err != nil {
		return err
	}
	return one.present(ctx, one.total) // nobody has left meanwhile
}

// afterwards is what has nothing to do with sessions at rest any more.
func (one *idleRun) afterwards(ctx context.Context) error {
	if one.profile != "" {
		for i, u := range one.stage.Ushers {
			page, err := u.Get(ctx, "/debug/pprof/heap?gc=1")
			if err != nil {
				return err
			}
			if err := os.WriteFile(fmt.Sprintf("%s.%s.%d", one.profile, one.transport, i+1), page, 0o644); err != nil {
				return err
			}
		}
	}
	return one.noticed(ctx)
}

// look notes the CPU time, waits until the memory has settled, and notes that.
func (one *idleRun) look(ctx context.Context, to **look, what string) error {
	l := &look{}
	if err := l.clock(one.stage.Processes); err != nil {
		return err
	}
	one.rec.Phase(what + ": waiting until the memory has settled")
	rss, calm, err := settled(ctx, one.stage.Processes, one.every, 10, 120*one.every)
	if err != nil {
		return err
	}
	if !calm {
		one.rec.Error(fmt.Errorf("%s: the memory had not settled when it was read: measure again on a quiet machine", what))
	}
	l.rss = rss
	*to = l
	return nil
}

// clock reads how much CPU time was used until now.
func (l *look) clock(processes []measure.Process) error {
	l.at, l.cpu = time.Now(), nil
	for _, p := range processes {
		used, err := measure.CPU(p.Pid)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		l.cpu = append(l.cpu, used)
	}
	return nil
}

// settled waits until the memory of processes moves no more: samples in a row, every apart, whose sums differ by at most half a per cent. After patience
// it is content with what there is, and says so.
func settled(ctx context.Context, processes []measure.Process, every time.Duration, samples int, patience time.Duration) (rss []int64, calm bool, err error) {
	var window []int64
	for end := time.Now().Add(patience); time.Now().Before(end); {
		var sum int64
		rss = rss[:0]
		for _, p := range processes {
			n, err := measure.RSS(p.Pid)
			if err != nil {
				return nil, false, fmt.Errorf("%s: %w", p.Name, err)
			}
			rss = append(rss, n)
			sum += n
		}
		window = append(window, sum)
		if len(window) >= samples {
			window = window[len(window)-samples:]
			least, most := window[0], window[0]
			for _, w := range window {
				least, most = min(least, w), max(most, w)
			}
			if most-least <= sum/200 {
				return rss, true, nil
			}
		}
		if err := pause(ctx, every); err != nil {
			return nil, false, err
		}
	}
	return rss, false, nil
}

// figures are in kB of 1,000 bytes and in microseconds. What all processes need together has a name that is the same whatever the target is.
func (i *idling) figures(_ *runner, result *measure.Result) {
	one := i.last
	if one == nil || one.before == nil || one.loggedIn == nil {
		return
	}
	n := float64(result.Sessions)
	took := one.loggedIn.at.Sub(one.before.at)
	result.Add("set-up", n/took.Seconds(), "/s", false)
	if len(one.stage.Processes) == 0 {
		return // nobody's memory can be seen
	}
	us := func(d time.Duration) float64 { return float64(d.Microseconds()) / n }
	result.Add("set-up, CPU", us(one.loggedIn.spent(one.before)), "us", true)
	if one.afterChat != nil {
		result.Add("message there and back, CPU", us(one.afterChat.spent(one.loggedIn)), "us", true)
	}
	for _, when := range []struct {
		name string
		look *look
	}{{"logged in", one.loggedIn}, {"after a message", one.afterChat}, {"at rest", one.atRest}} {
		if when.look != nil {
			result.Add(when.name+", a session", float64(when.look.sum(-1)-one.before.sum(-1))/n/1e3, "kB", true)
		}
	}
	if one.atRest == nil {
		return
	}
	if len(one.stage.Processes) > 1 {
		for p, process := range one.stage.Processes {
			result.Add("at rest, a session: "+process.Name, float64(one.atRest.sum(p)-one.before.sum(p))/one.share(process)/1e3, "kB", true)
		}
	}
	if len(one.stage.Ushers) > 0 {
		result.Add("at rest, live heap a session", float64(one.live.Heap-one.liveBase.Heap)/n/1e3, "kB", true)
		result.Add("at rest, stacks a session", float64(one.live.Stacks-one.liveBase.Stacks)/n/1e3, "kB", true)
	}
}

// share is how many sessions a process has: each Usher of several has its part, all others have all.
func (one *idleRun) share(p measure.Process) float64 {
	for i, u := range one.stage.Ushers {
		if u.Pid == p.Pid {
			return float64(portion(one.total, i, len(one.stage.Ushers)))
		}
	}
	return float64(one.total)
}
