package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"usher/bench/load"
	"usher/bench/stage"
)

// options is what the command line says. A scenario sets its defaults in it before the flags are parsed, and reads it when it runs.
type options struct {
	stage.Options // what is driven; Sessions is -n, the share of this client process when it runs

	transport string        // ws, bosh or component; both only in a scenario that is together, which then has half of the sessions over each
	c         int           // logins, and other work that is done with each session, at a time
	length    time.Duration // of the measured time
	rate      float64       // a second; 0 = as fast as can be. The share of this client process when it runs
	processes int           // client processes
	json      bool
	report    string // file for the HTML report; "" = none

	total         int // sessions of all client processes; set when it runs
	first         int // the number of this process's first session: they are first to first+Sessions-1
	command       []string
	out, progress io.Writer
}

// errUsage means that the command line was wrong and that the reason is printed.
var errUsage = errors.New("wrong command line")

// defaults are those of a scenario that sets no others.
func defaults(out, progress io.Writer) *options {
	o := &options{transport: "ws", c: 64, length: 30 * time.Second, processes: 1, out: out, progress: progress}
	o.Sessions, o.Progress = 1000, progress
	return o
}

// register adds the flags that all scenarios have, with what is in o as defaults.
func (o *options) register(f *flag.FlagSet) {
	f.StringVar(&o.WS, "ws", o.WS, "WebSocket `URL` of a server that runs already; xmpp-component://HOST:PORT for a bare component link (-password: its secret)")
	f.StringVar(&o.BOSH, "bosh", o.BOSH, "BOSH `URL` of a server that runs already")
	f.StringVar(&o.Domain, "domain", o.Domain, "its `domain`, where sessions log in")
	f.StringVar(&o.Rooms, "rooms", o.Rooms, "its MUC `service`")
	f.StringVar(&o.User, "user", o.User, "log in as this `account` (PLAIN) instead of anonymously")
	f.StringVar(&o.Password, "password", o.Password, "the account's `password`")
	f.BoolVar(&o.Insecure, "insecure", o.Insecure, "take any certificate")
	f.Func("pid", "processes of a server that runs already, whose CPU and memory are looked at: `NAME=PID,...`", o.parsePids)
	f.StringVar(&o.Target, "target", o.Target, "what is started and driven where no URL is given: "+strings.Join(stage.Targets(), ", "))
	f.StringVar(&o.transport, "transport", o.transport, "`ws`, bosh, both, or component (straight on a component link of the server, without an edge)")
	f.BoolVar(&o.TLS, "tls", o.TLS, "what is started speaks TLS, with a certificate made for the run")
	f.IntVar(&o.Sessions, "n", o.Sessions, "`sessions`")
	f.IntVar(&o.c, "c", o.c, "logins at a `time`")
	f.DurationVar(&o.length, "for", o.length, "how long is measured")
	f.Float64Var(&o.rate, "rate", o.rate, "how often a `second`, whatever the answers do (open loop); 0 = as fast as answers come")
	f.IntVar(&o.Wait, "wait", o.Wait, "`seconds` that the server may hold a BOSH request (0: it is held until there is something)")
	f.IntVar(&o.processes, "processes", o.processes, "client `processes` that share the sessions")
	f.StringVar(&o.Bin, "bin", o.Bin, "Usher's binary; without it, it is built from this module, so run it there")
	f.IntVar(&o.Links, "links", o.Links, "component links of Usher (0: 1)")
	f.IntVar(&o.Ushers, "ushers", o.Ushers, "processes of Usher, only with -target usher (0: 1)")
	f.StringVar(&o.Config, "config", o.Config, "more top-level keys of Usher's config, as `YAML`")
	f.BoolVar(&o.json, "json", o.json, "print the results as JSON, one object a run")
	f.StringVar(&o.report, "report", o.report, "write an HTML page about the results to `file`")
}

func (o *options) parsePids(text string) error {
	o.Pids = map[string]int{}
	for part := range strings.SplitSeq(text, ",") {
		name, number, _ := strings.Cut(part, "=")
		pid, err := strconv.Atoi(number)
		if err != nil || pid < 1 || name == "" {
			return fmt.Errorf("%q is not NAME=PID", part)
		}
		o.Pids[name] = pid
	}
	return nil
}

// maxProcesses bounds the client processes.
const maxProcesses = 64

// check says what is wrong with the values.
func (o *options) check(w *work) error {
	given := o.WS != "" || o.BOSH != ""
	switch {
	case o.Sessions < 1:
		return errors.New("-n: 1 or more")
	case o.c < 1:
		return errors.New("-c: 1 or more")
	case o.length <= 0:
		return errors.New("-for: more than 0")
	case o.rate < 0:
		return errors.New("-rate: 0 or more")
	case o.Wait < 0 || o.Links < 0 || o.Ushers < 0:
		return errors.New("-wait, -links, -ushers: 0 or more")
	case o.processes < 1 || o.processes > maxProcesses || o.processes > 1 && o.Sessions < 2*o.processes:
		return fmt.Errorf("-processes: 1 to %d, with two sessions each at least", maxProcesses)
	case o.processes > 1 && w.alone:
		return errors.New("-processes: this scenario runs in one process")
	case o.processes > 1 && (o.transport == stage.Component || strings.HasPrefix(o.WS, "xmpp-component:")):
		return errors.New("-processes: several links of one component are a conflict")
	case given && o.Domain == "":
		return errors.New("-ws and -bosh need -domain")
	case given != (o.Target == stage.Given):
		return fmt.Errorf("-target %s: with -ws or -bosh nothing is started, without them something is", o.Target)
	case !slices.Contains(stage.Targets(), o.Target):
		return fmt.Errorf("-target: no %q", o.Target)
	}
	for _, transport := range o.transports(w) {
		switch transport {
		case "ws", "bosh", "component", "both":
		default:
			return fmt.Errorf("-transport: no %q", transport)
		}
		if given && (transport == "ws" && o.WS == "" || transport == "bosh" && o.BOSH == "" || transport == "both" && (o.WS == "" || o.BOSH == "")) {
			return fmt.Errorf("-transport %s: no URL for it was given", transport)
		}
	}
	if w.check != nil {
		return w.check()
	}
	return nil
}

// transports lists the runs to make.
func (o *options) transports(w *work) []string {
	if o.transport == "both" && !w.together {
		return []string{"ws", "bosh"}
	}
	return []string{o.transport}
}

// part is what client process number i (from 0) of o.processes does of the whole: sessions in pairs, so that two who talk are in one process.
func (o *options) part(i int) *options {
	at := func(i int) int {
		if i == o.processes {
			return o.Sessions
		}
		return o.Sessions * i / o.processes &^ 1
	}
	p := *o
	p.total, p.first, p.Sessions = o.Sessions, at(i), at(i+1)-at(i)
	p.rate = o.rate * float64(p.Sessions) / float64(o.Sessions)
	p.c = max(1, o.c/o.processes)
	return &p
}

// spare is what a process needs besides one descriptor a session.
const spare = 100

// descriptors tells in time what would fail in the middle.
func (o *options) descriptors() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit of descriptors: %w", err)
	}
	if need := o.Sessions/o.processes + spare; uint64(need) > limit.Cur {
		return fmt.Errorf("%d sessions in a process need %d descriptors, the limit is %d: %w", o.Sessions/o.processes, need, limit.Cur, load.ErrDescriptors)
	}
	if need := o.Sessions/max(1, o.Ushers) + spare; o.Target != stage.Given && uint64(need) > limit.Cur {
		return fmt.Errorf("%d sessions in a server need %d descriptors, the limit is %d: %w", o.Sessions/max(1, o.Ushers), need, limit.Cur, load.ErrDescriptors)
	}
	return nil
}

// settle chooses the transport and the target where the command line and the scenario leave them open.
func (o *options) settle(wanted string) {
	switch {
	case o.WS != "" || o.BOSH != "":
		if o.Target == "" {
			o.Target = stage.Given
		}
		if o.WS == "" && o.transport == "ws" {
			o.transport = "bosh"
		}
	case o.Target == "":
		o.Target = wanted
	}
}

// pause waits for d, or until the run is ended early.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
