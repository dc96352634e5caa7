// Command bench measures a running Usher from outside, as its clients and its
// upstream server see it: it starts the real binary and speaks to its sockets.
// It owns load and figures; it must not know the gateway's insides.
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

// scenario is one kind of measurement. run parses its own flags, prints its
// figures to out and what goes on meanwhile to progress.
type scenario struct {
	name, brief string
	run         func(ctx context.Context, args []string, out, progress io.Writer) error
}

var scenarios = []scenario{
	{"idle", "memory of idle sessions, rate and CPU of their set-up", idle},
	{"support", "support requests a second, and how long until both are in the room", support},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, out, progress io.Writer) int {
	if len(args) > 0 {
		for _, s := range scenarios {
			if s.name != args[0] {
				continue
			}
			switch err := s.run(ctx, args[1:], out, progress); {
			case err == nil || errors.Is(err, flag.ErrHelp):
				return 0
			case errors.Is(err, errUsage): // the flag package has said what is wrong
				return 2
			default:
				fmt.Fprintf(progress, "bench %s: %v\n", s.name, err)
				return 1
			}
		}
	}
	fmt.Fprintln(progress, "usage: go run ./bench SCENARIO [flags]   (-help: the scenario's flags)")
	for _, s := range scenarios {
		fmt.Fprintf(progress, "  %-8s %s\n", s.name, s.brief)
	}
	return 2
}

// errUsage means that the command line was wrong and that the reason is printed.
var errUsage = errors.New("wrong command line")
