package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

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

	started bool            // by start
	result  *measure.Result // after stop
}

// leads says whether this process does what is done once, such as looking at a server from outside.
func (r *runner) leads() bool { return r.first == 0 }

// meet waits until all client processes have come here; then the leading one alone does once, if that is not nil, and after that all go on.
func (r *runner) meet(ctx context.Context, once func() error) error {
	if once != nil && r.leads() {
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
	r.result = r.rec.Stop()
	return r.meet(ctx, nil)
}

// measured waits until the time that is to be measured is over, or ctx ends it early, and stops.
func (r *runner) measured(ctx context.Context) error {
	_ = pause(ctx, r.length) // ended early: there is a result nevertheless
	return r.stop(ctx)
}

// command is a scenario from the command line to what is printed; args begin with its name.
func (s *scenario) command(ctx context.Context, args []string, out, progress io.Writer) error {
	o, w, err := s.parse(args, out, progress)
	if err != nil {
		return err
	}
	var results []*measure.Result
	for _, transport := range o.transports(w) {
		o.transport = transport
		r, err := s.fresh(ctx, o, w)
		if r != nil {
			results = append(results, r)
			if err := o.print(r); err != nil {
				return err
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", transport, err)
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

// measure makes a run with what stands there. With an error there may be a result nevertheless: of the time until then.
func (s *scenario) measure(ctx context.Context, o *options, w *work, st *stage.Stage) (*measure.Result, error) {
	about := measure.About{
		Scenario: s.name, Target: st.Target, Fake: st.Fake, Transport: o.transport, TLS: o.TLS, Sessions: o.Sessions, Command: o.command,
	}
	r := &runner{options: o.part(0), stage: st, rec: measure.New(about, st.Processes, o.progress)}
	err := w.run(ctx, r)
	if r.result == nil {
		r.result = r.rec.Stop()
	}
	if ctx.Err() != nil {
		r.result.Interrupted = true
		if r.started {
			err = nil // the user wants what there is
		}
	}
	if !r.started {
		return nil, err
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
