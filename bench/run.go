package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"usher/bench/measure"
	"usher/bench/stage"
)

// work is what a scenario does when its flags are parsed.
type work struct {
	target   string       // what is started when the command line names nothing; "" = stage.UsherProsody
	together bool         // -transport both means both at the same time, not one after the other
	alone    bool         // it can't be shared by several client processes
	check    func() error // of the scenario's own flags; nil = nothing to check

	// run does it, over one transport. It is called in each client process, with its share of sessions and rate. It logs in, calls
	// measure.start, does what is measured until the time is over or ctx is done, calls stop, and takes the sessions down. If ctx ends it early
	// after start, it returns nil or ctx's error: what was measured so far is the result.
	run func(ctx context.Context, r *runner) error
	// figures adds the scenario's figures to the result of all client processes, from what is in it. May be nil.
	figures func(r *runner, result *measure.Result)
}

// runner is one run, over one transport, as one client process has it.
type runner struct {
	*options
	stage *stage.Stage
	rec   *measure.Recorder

	number  int             // of this client process, from 0
	others  *others         // the other client processes; nil = there are none
	over    <-chan struct{} // closed when the user ends the run early
	started bool            // by start
	result  *measure.Result // after stop
}

// leads says whether this process does what is done once, such as looking at a server from outside.
func (r *runner) leads() bool { return r.number == 0 }

// meet waits until all client processes have come here; then the leading one alone does once, if that is not nil, and after that all go on.
func (r *runner) meet(ctx context.Context, once func() error) error {
	switch {
	case r.others != nil:
		return r.others.meet(ctx, once)
	case once != nil:
		return once()
	}
	return nil
}

// start begins the measured time in all client processes at once.
func (r *runner) start(ctx context.Context) error {
	if err := r.meet(ctx, nil); err != nil {
		return err
	}
	r.rec.Start()
	r.started = true
	return nil
}

// stop ends the measured time, and waits until it has ended for all, so that nobody measures how others leave.
func (r *runner) stop(ctx context.Context) error {
	r.take()
	return r.meet(ctx, nil)
}

// take takes the result.
func (r *runner) take() {
	if r.result != nil {
		return
	}
	r.result = r.rec.Stop()
	select {
	case <-r.over:
		r.result.Interrupted = true
	default:
	}
}

// command is a scenario from the command line to what is printed; args begin with its name.
func (s *scenario) command(ctx context.Context, args []string, out, progress io.Writer) error {
	o, w, err := s.parse(args, out, progress)
	if err != nil {
		return err
	}
	if number := os.Getenv(partVariable); number != "" {
		i, err := strconv.Atoi(number)
		if err != nil || i < 1 || i >= o.processes {
			return fmt.Errorf("%s=%s, of %d client processes", partVariable, number, o.processes)
		}
		return s.part(ctx, o, w, i, os.Stdin, out)
	}
	var results []*measure.Result
	for _, transport := range o.transports(w) {
		o.transport = transport
		r, err := s.fresh(ctx, o, w)
		if r != nil {
			results = append(results, r)
			err = errors.Join(err, o.print(r))
		}
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", transport, err), o.writeReport(results))
		}
		if r.Interrupted {
			break
		}
	}
	return o.writeReport(results)
}

// parse reads the flags; what is wrong with them is printed.
func (s *scenario) parse(args []string, out, progress io.Writer) (*options, *work, error) {
	o := defaults(out, progress)
	o.command = append([]string{"bench"}, args...)
	f := flag.NewFlagSet("bench "+s.name, flag.ContinueOnError)
	f.SetOutput(progress)
	w := s.prepare(f, o)
	o.register(f)
	switch err := f.Parse(args[1:]); {
	case errors.Is(err, flag.ErrHelp):
		return nil, nil, err
	case err != nil:
		return nil, nil, errUsage
	}
	o.settle(cmp.Or(w.target, stage.UsherProsody))
	err := o.check(w)
	if err == nil && f.NArg() > 0 {
		err = errors.New("no arguments, only flags")
	}
	if err != nil {
		fmt.Fprintln(progress, err)
		return nil, nil, errUsage
	}
	return o, w, nil
}

// fresh makes a run with servers started for it alone.
func (s *scenario) fresh(ctx context.Context, o *options, w *work) (*measure.Result, error) {
	st, err := stage.Open(ctx, o.Options)
	if err != nil {
		return nil, err
	}
	defer st.Close()
	return s.measure(ctx, o, w, st)
}

// runner makes what client process i works with.
func (s *scenario) runner(o *options, st *stage.Stage, i int) *runner {
	p := o.part(i)
	about := measure.About{
		Scenario: s.name, Target: st.Target, Fake: st.Fake, Transport: o.transport, TLS: o.TLS, Sessions: p.Sessions, Command: o.command,
	}
	return &runner{options: p, stage: st, number: i, rec: measure.New(about, st.Processes, o.progress)}
}

// do does the work of one client process. There is a result if the error is nil.
func (r *runner) do(ctx context.Context, w *work) error {
	r.over = ctx.Done()
	err := w.run(ctx, r)
	r.take()
	switch {
	case !r.started && ctx.Err() != nil:
		return fmt.Errorf("ended before anything was measured: %w", context.Cause(ctx))
	case !r.started:
		return cmp.Or(err, errNotStarted)
	case r.result.Interrupted:
		return nil // the user wants what there is
	}
	return err
}

// errNotStarted would be a scenario's mistake.
var errNotStarted = errors.New("the scenario has measured nothing")

// measure makes a run with what stands there. With an error there may be a result nevertheless: what one process had measured until then.
func (s *scenario) measure(ctx context.Context, o *options, w *work, st *stage.Stage) (*measure.Result, error) {
	if err := o.descriptors(); err != nil {
		return nil, err
	}
	whole := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all *others
	if o.processes > 1 {
		var err error
		if all, err = o.startOthers(st, cancel); err != nil {
			return nil, err
		}
		defer all.end()
	}
	r := s.runner(o, st, 0)
	r.others = all
	err := r.do(ctx, w)
	if cause := context.Cause(ctx); cause != nil && whole.Err() == nil {
		return nil, cause // another process's fault, not the user's wish
	}
	switch {
	case err != nil && (all != nil || !r.started):
		return nil, err
	case err == nil && all != nil:
		if r.result, err = all.merge(ctx, r.result); err != nil {
			return nil, err
		}
	}
	if w.figures != nil {
		w.figures(r, r.result)
	}
	return r.result, err
}

// print shows one result.
func (o *options) print(r *measure.Result) error {
	if o.json {
		return r.WriteJSON(o.out)
	}
	return r.Print(o.out)
}

// writeReport writes the page that -report asks for.
func (o *options) writeReport(results []*measure.Result) error {
	if o.report == "" || len(results) == 0 {
		return nil
	}
	file, err := os.Create(o.report)
	if err != nil {
		return err
	}
	err = measure.Report(file, results)
	return errors.Join(err, file.Close())
}

// spent is the CPU time that Ushers and other servers used, in seconds.
func spent(r *measure.Result) (edge, server float64) {
	for _, p := range r.Processes {
		switch {
		case measure.Ours(p.Name) || p.Name == measure.Others:
		case strings.HasPrefix(p.Name, "usher"):
			edge += p.CPU
		default:
			server += p.CPU
		}
	}
	return edge, server
}
