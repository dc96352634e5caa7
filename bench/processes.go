package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"usher/bench/measure"
	"usher/bench/stage"
)

// A run may be shared by several client processes: this one, which sets the stage, is part 0 and leads, and starts the others as itself, with the same
// command line and partVariable in the environment. They talk in lines of JSON over the others' stdin and stdout.
const partVariable = "USHER_BENCH_PART"

// note is one such line.
type note struct {
	Stage     *stage.Plan     `json:",omitempty"` // to the other, first, with the transport: go to work
	Transport string          `json:",omitempty"`
	Go        bool            `json:",omitempty"` // to the other: all are here, go on
	Here      bool            `json:",omitempty"` // from the other: it waits until all are here
	Result    *measure.Result `json:",omitempty"` // from the other, last
	Err       string          `json:",omitempty"` // from the other, last: no result, and why
}

// errOver is why a client process is ended: the leading one has ended, or been ended.
var errOver = errors.New("the run is over")

// others is the other client processes as the leading one has them, or the leading one as another has it.
type others struct {
	leads bool
	all   []*other
}

// other is one of them.
type other struct {
	name string
	in   io.WriteCloser
	out  *json.Encoder
	here chan note     // what it has said, but the last note
	said chan struct{} // closed with the last note, or with its end
	gone chan struct{} // closed with its end
	last note
	err  error // why there is no result, once said is closed

	cmd *exec.Cmd
}

// patience is how long a client process may take to leave when the others have.
const patience = 2 * time.Minute

// startOthers starts the others on a stage. When one of them fails, or ends before its time, cancel is called with why.
func (o *options) startOthers(st *stage.Stage, cancel context.CancelCauseFunc) (*others, error) {
	all := &others{leads: true}
	plan := st.Plan()
	for i := 1; i < o.processes; i++ {
		one, err := o.startOther(i, cancel)
		if err != nil {
			all.end()
			return nil, fmt.Errorf("client process %d: %w", i+1, err)
		}
		all.all = append(all.all, one)
		if err := one.out.Encode(note{Stage: &plan, Transport: o.transport}); err != nil {
			all.end()
			return nil, fmt.Errorf("%s: %w", one.name, err)
		}
	}
	return all, nil
}

func (o *options) startOther(i int, cancel context.CancelCauseFunc) (*other, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	one := &other{name: fmt.Sprintf("client process %d", i+1), here: make(chan note), said: make(chan struct{}), gone: make(chan struct{})}
	one.cmd = exec.Command(self, o.command[1:]...)
	one.cmd.Env = append(os.Environ(), partVariable+"="+strconv.Itoa(i))
	one.cmd.Stderr = o.progress
	// In a group of its own, so that a terminal's Ctrl-C comes to this one only, which tells it; and it dies with us.
	one.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if one.in, err = one.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	one.out = json.NewEncoder(one.in)
	out, err := one.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	started := make(chan error)
	go func() { // ends with the process, which end brings about
		// Linux ties the child's life to the thread that forked it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := one.cmd.Start()
		started <- err
		if err == nil {
			one.follow(out, cancel)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return one, nil
}

// follow reads what the process says until it ends.
func (one *other) follow(out io.Reader, cancel context.CancelCauseFunc) {
	in := json.NewDecoder(out)
	for one.last.Result == nil && one.last.Err == "" {
		var n note
		if err := in.Decode(&n); err != nil {
			break
		}
		if n.Here {
			one.here <- n
			continue
		}
		one.last = n
	}
	switch {
	case one.last.Err != "":
		one.fail(fmt.Errorf("%s: %s", one.name, one.last.Err), cancel)
	case one.last.Result != nil:
		close(one.said)
	}
	err := one.cmd.Wait() // what else it says is nothing, so no pipe fills up
	if one.last.Err == "" && one.last.Result == nil {
		one.fail(fmt.Errorf("%s has ended: %w", one.name, cmpErr(err)), cancel)
	}
	close(one.gone)
}

func (one *other) fail(err error, cancel context.CancelCauseFunc) {
	one.err = err
	close(one.said)
	cancel(err)
}

// errNothing is that of a process which ended well, but without a word.
var errNothing = errors.New("without a result")

func cmpErr(err error) error {
	if err == nil {
		return errNothing
	}
	return err
}

// meet is runner.meet among several processes.
func (all *others) meet(ctx context.Context, once func() error) error {
	if !all.leads {
		leader := all.all[0]
		if err := leader.out.Encode(note{Here: true}); err != nil {
			return err
		}
		select {
		case <-leader.here:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for _, one := range all.all {
		select {
		case <-one.here:
		case <-one.said:
			if one.err != nil {
				return one.err
			}
			return fmt.Errorf("%s has ended before the others", one.name)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if once != nil {
		if err := once(); err != nil {
			return err
		}
	}
	for _, one := range all.all {
		if err := one.out.Encode(note{Go: true}); err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
	}
	return nil
}

// end tells all that the run is over, and returns when they are gone.
func (all *others) end() {
	for _, one := range all.all {
		one.in.Close()
	}
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for _, one := range all.all {
		for waiting := true; waiting; {
			select {
			case <-one.here: // it may still come to where nobody waits for it
			case <-one.gone:
				waiting = false
			case <-timeout.C:
				for _, late := range all.all {
					late.cmd.Process.Kill()
				}
			}
		}
	}
}

// merge waits for the others' results, ends them, and makes one result of theirs and that of the leading process.
func (all *others) merge(ctx context.Context, first *measure.Result) (*measure.Result, error) {
	for _, one := range all.all {
		select {
		case <-one.said:
		case <-ctx.Done(): // end lets them say it
		}
	}
	all.end()
	parts := []*measure.Result{first}
	for _, one := range all.all {
		if one.err != nil {
			return nil, one.err
		}
		parts = append(parts, one.last.Result)
	}
	return measure.Merge(parts)
}

// part does what is this process's share, number i, as the leading process wants it, and hands over the result.
func (s *scenario) part(ctx context.Context, o *options, w *work, i int, in io.Reader, out io.Writer) error {
	leader := &other{name: "the leading process", out: json.NewEncoder(out), here: make(chan note)}
	from := json.NewDecoder(in)
	var first note
	if err := from.Decode(&first); err != nil || first.Stage == nil {
		return fmt.Errorf("no stage to play on: %w", cmpErr(err))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	defer wg.Wait() // until the leading process has what it wants
	wg.Go(func() {  // ends when the leading process closes the pipe, or is gone
		for {
			var n note
			if err := from.Decode(&n); err != nil {
				cancel(errOver)
				return
			}
			select {
			case leader.here <- n:
			case <-ctx.Done():
			}
		}
	})
	st := stage.Join(*first.Stage)
	st.Processes = nil // the leading process looks at them
	o.transport, o.progress = first.Transport, io.Discard
	r := s.runner(o, st, i)
	r.others = &others{all: []*other{leader}}
	last := note{}
	if err := r.do(ctx, w); err != nil {
		last.Err = err.Error()
	} else {
		last.Result = r.result
	}
	return leader.out.Encode(last)
}
