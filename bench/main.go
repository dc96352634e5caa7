// Command bench drives an XMPP server's web front, Usher's or another's, from outside, as its clients and its upstream server see it, and
// says how fast it is. It owns the scenarios; what sessions say is in load, what is started in stage, figures are in
// measure. It must not know the gateway's insides.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// scenario is one kind of measurement.
type scenario struct {
	name, brief string
	// prepare sets what the scenario's defaults are in o, adds flags of its own, and returns what is done when they are parsed.
	prepare func(f *flag.FlagSet, o *options) *work

	// run is a command that parses its flags itself, prints its figures to out and what goes on meanwhile to progress.
	run func(ctx context.Context, args []string, out, progress io.Writer) error
}

func scenarios() []scenario {
	return []scenario{
		{name: "compare", brief: "Prosody's and ejabberd's own fronts against Usher before them, the same work on each", run: compare},
		chatScenario(),
		soakScenario(),
		churnScenario(),
		stormScenario(),
		slowScenario(),
		pollScenario(),
		{name: "idle", brief: "memory of idle sessions, rate and CPU of their set-up", prepare: idle},
		{name: "support", brief: "support requests a second, and how long until both are in the room", prepare: support},
		{name: "fanin", brief: "a fake upstream server floods the sessions: the edge's own ceiling", prepare: fanin},
		{name: "fanout", brief: "the sessions flood a fake upstream server", prepare: fanout},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, out, progress io.Writer) int {
	return choose(ctx, scenarios(), args, out, progress)
}

// choose runs the scenario that args begin with, and returns the exit status.
func choose(ctx context.Context, all []scenario, args []string, out, progress io.Writer) int {
	if len(args) > 0 {
		for _, s := range all {
			if s.name != args[0] {
				continue
			}
			var err error
			if s.run != nil {
				err = s.run(ctx, args[1:], out, progress)
			} else {
				err = s.command(ctx, args, out, progress)
			}
			switch {
			case err == nil || errors.Is(err, flag.ErrHelp):
				return 0
			case errors.Is(err, errUsage): // the reason is printed
				return 2
			default:
				fmt.Fprintf(progress, "bench %s: %v\n", s.name, err)
				return 1
			}
		}
	}
	fmt.Fprintln(progress, "usage: go run ./bench SCENARIO [flags]   (-help: the scenario's flags)")
	for _, s := range all {
		fmt.Fprintf(progress, "  %-8s %s\n", s.name, s.brief)
	}
	return 2
}
