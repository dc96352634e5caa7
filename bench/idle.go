package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// idleOptions are the flags of `bench idle`.
type idleOptions struct {
	n, workers int
	transport  string
	secure     bool
	json       bool
	bin        string
	profile    string        // file for the server's heap profile at the end; "" = none
	rest       time.Duration // before the memory at rest is read
	every      time.Duration // between two looks at the server's memory
}

// idleReport is one run's figures. Bytes are of the server's process alone.
type idleReport struct {
	Transport string  `json:"transport"`
	TLS       bool    `json:"tls"`
	Upstream  string  `json:"upstream"` // what stood behind the edge
	Sessions  int     `json:"sessions"`
	Seconds   float64 `json:"setup_seconds"`
	Rate      float64 `json:"setups_per_second"` // with the load generator on the same machine
	SetupCPU  float64 `json:"cpu_us_per_setup"`
	ChatCPU   float64 `json:"cpu_us_per_echo"`

	Before    int64    `json:"rss_before"`    // nobody is there, but some have been
	LoggedIn  int64    `json:"rss_logged_in"` // all idle
	AfterChat int64    `json:"rss_after_chat"`
	AtRest    int64    `json:"rss_at_rest"` // when nothing has happened for a while: the figure that goals are about
	Live      goMemory `json:"live"`        // of that, what the runtime finds in use
	LiveBase  goMemory `json:"live_before"` // the same before
	Restless  bool     `json:"restless"`    // memory still moved when patience ended: don't trust it
}

// each is what a session adds to the process, in bytes.
func (r *idleReport) each(rss int64) float64 { return float64(rss-r.Before) / float64(r.Sessions) }

func idle(ctx context.Context, args []string, out, progress io.Writer) error {
	var o idleOptions
	flags := flag.NewFlagSet("bench idle", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.IntVar(&o.n, "n", 10000, "`sessions`")
	flags.IntVar(&o.workers, "c", 64, "logins at a `time`")
	flags.StringVar(&o.transport, "transport", "both", "ws, bosh or `both`, one after the other")
	flags.BoolVar(&o.secure, "tls", false, "over TLS, with a certificate made for the run")
	flags.BoolVar(&o.json, "json", false, "print one JSON object a run")
	flags.StringVar(&o.bin, "bin", "", "Usher's binary; without it, it is built from this module, so run it there")
	flags.StringVar(&o.profile, "profile", "", "write the server's heap profile to `file`.ws and file.bosh")
	flags.DurationVar(&o.rest, "rest", 45*time.Second, "how long nothing happens before the memory at rest is read: Usher looks for what it can give back every 15 s")
	flags.DurationVar(&o.every, "every", 500*time.Millisecond, "between two of the ten looks at a memory that has settled")
	switch err := flags.Parse(args); {
	case err == flag.ErrHelp:
		return err
	case err != nil:
		return errUsage
	}
	transports := []string{o.transport}
	switch o.transport {
	case "ws", "bosh":
	case "both":
		transports = []string{"ws", "bosh"}
	default:
		fmt.Fprintf(progress, "-transport: no %q\n", o.transport)
		return errUsage
	}
	if flags.NArg() > 0 || o.n < 1 || o.n > 19000 || o.workers < 1 || o.every <= 0 || o.rest < 0 {
		fmt.Fprintln(progress, "-n: 1 to 19000; -c: 1 or more; -every: more than 0; -rest: 0 or more; no arguments")
		return errUsage
	}
	for _, transport := range transports {
		r, err := o.measure(ctx, transport, progress)
		if err != nil {
			return fmt.Errorf("%s: %w", transport, err)
		}
		if o.json {
			err = json.NewEncoder(out).Encode(r)
		} else {
			err = r.print(out)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// firstSessions come and go before the memory without sessions is read.
const firstSessions = 200

// spareFiles is what both processes need besides one descriptor a session.
const spareFiles = 100

// checkLimits tells in time what would fail in the middle.
func checkLimits(sessions int) error {
	var rl syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &rl); err != nil {
		return fmt.Errorf("limit of descriptors: %w", err)
	}
	if need := uint64(sessions + spareFiles); rl.Cur < need {
		return fmt.Errorf("%d sessions need %d descriptors here and as many in Usher, the limit is %d: raise `ulimit -n`, or take a smaller -n", sessions, need, rl.Cur)
	}
	return nil
}

// measure makes one run with a server of its own.
func (o *idleOptions) measure(ctx context.Context, transport string, progress io.Writer) (*idleReport, error) {
	if err := checkLimits(o.n); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "usher-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	bin := o.bin
	if bin == "" {
		fmt.Fprintln(progress, "building")
		if bin, err = build(ctx, dir); err != nil {
			return nil, err
		}
	} else if bin, err = filepath.Abs(bin); err != nil {
		return nil, err
	}
	s, err := startServer(ctx, bin, dir, o.secure)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	crowd := &crowd{
		server: s, workers: o.workers, clients: make([]client, o.n), progress: progress,
		dialer: &dialer{to: s.public, tls: s.tlsConfig()}, bosh: transport == "bosh",
	}
	defer crowd.close()
	r := &idleReport{Transport: transport, TLS: o.secure, Upstream: "fake upstream", Sessions: o.n}
	if err := o.steps(ctx, s, crowd, r); err != nil {
		return nil, err
	}
	if o.profile != "" {
		page, err := s.get(ctx, "/debug/pprof/heap?gc=1")
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(o.profile+"."+transport, page, 0o644); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// steps fills in the report, in the order of what happens.
func (o *idleOptions) steps(ctx context.Context, s *server, all *crowd, r *idleReport) (err error) {
	settle := func(to *int64, what string) error {
		fmt.Fprintf(all.progress, "%s: waiting until the server's memory has settled\n", what)
		rss, calm, err := settled(ctx, s.pid(), o.every, 10, 120*o.every)
		*to = rss
		r.Restless = r.Restless || !calm
		return err
	}
	// The first sessions bring the program's pages in and the runtime's own memory, once and for all: not theirs to pay.
	first := &crowd{server: s, workers: all.workers, clients: make([]client, min(firstSessions, len(all.clients))), progress: all.progress,
		dialer: all.dialer, bosh: all.bosh}
	defer first.close()
	if _, _, err = first.each(ctx, "first ones, who leave again", func(ctx context.Context, i int, w *worker) error {
		if err := first.enter(ctx, i, w); err != nil {
			return err
		}
		if err := first.clients[i].chat(w); err != nil {
			return err
		}
		return first.clients[i].leave(w)
	}); err != nil {
		return err
	}
	first.close()
	if err := s.until(ctx, "the first ones are gone", func() (bool, error) {
		v, err := s.gauge(ctx, "usher_sessions")
		return v == 0, err
	}); err != nil {
		return err
	}
	if err := rest(ctx, o.rest, all.progress); err != nil {
		return err
	}
	if err := settle(&r.Before, "the first ones are gone"); err != nil {
		return err
	}
	if r.LiveBase, err = s.collect(ctx); err != nil {
		return err
	}
	took, used, err := all.each(ctx, "logging in", all.enter)
	if err != nil {
		return err
	}
	r.Seconds = took.Seconds()
	r.Rate = float64(r.Sessions) / r.Seconds
	r.SetupCPU = float64(used.Microseconds()) / float64(r.Sessions)
	if err := all.present(ctx); err != nil {
		return err
	}
	if err := settle(&r.LoggedIn, "logged in"); err != nil {
		return err
	}
	_, used, err = all.each(ctx, "a message to the upstream server and back", func(_ context.Context, i int, w *worker) error {
		return all.clients[i].chat(w)
	})
	if err != nil {
		return err
	}
	r.ChatCPU = float64(used.Microseconds()) / float64(r.Sessions)
	if err := settle(&r.AfterChat, "said something"); err != nil {
		return err
	}
	if err := rest(ctx, o.rest, all.progress); err != nil {
		return err
	}
	if err := settle(&r.AtRest, "rested"); err != nil {
		return err
	}
	if r.Live, err = s.collect(ctx); err != nil {
		return err
	}
	return all.present(ctx) // nobody has left meanwhile
}

// rest lets nothing happen for d.
func rest(ctx context.Context, d time.Duration, progress io.Writer) error {
	fmt.Fprintf(progress, "resting for %v\n", d)
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *idleReport) print(out io.Writer) error {
	name := map[string]string{"ws": "WebSocket", "bosh": "BOSH, each with a held request"}[r.Transport]
	if r.TLS {
		name += ", TLS"
	}
	_, err := fmt.Fprintf(out, `%s: %d idle sessions, %s
  set-up                  %8.0f /s     %6.0f us of server CPU each
  message there and back               %6.0f us of server CPU each
  server's RSS before     %8.1f MB
    all logged in         %8.1f MB    %6.2f kB a session
    after a message each  %8.1f MB    %6.2f kB a session
    at rest               %8.1f MB    %6.2f kB a session, of which live: heap %.2f kB, stacks %.2f kB
`, name, r.Sessions, r.Upstream, r.Rate, r.SetupCPU, r.ChatCPU, float64(r.Before)/1e6,
		float64(r.LoggedIn)/1e6, r.each(r.LoggedIn)/1e3, float64(r.AfterChat)/1e6, r.each(r.AfterChat)/1e3,
		float64(r.AtRest)/1e6, r.each(r.AtRest)/1e3,
		float64(r.Live.Heap-r.LiveBase.Heap)/float64(r.Sessions)/1e3, float64(r.Live.Stacks-r.LiveBase.Stacks)/float64(r.Sessions)/1e3)
	if err == nil && r.Restless {
		_, err = fmt.Fprintln(out, "  the memory had not settled when it was read: measure again on a quiet machine")
	}
	return err
}

// crowd is all clients of a run.
type crowd struct {
	server   *server
	dialer   *dialer
	bosh     bool
	workers  int
	clients  []client // nil = not there yet; each belongs to the worker that has its number
	progress io.Writer
}

// each does something with every number below len(clients), workers at a time. It returns the time that took and
// the server's CPU time meanwhile; the first error ends it.
func (c *crowd) each(ctx context.Context, what string, do func(ctx context.Context, i int, w *worker) error) (took, used time.Duration, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	before, err := cpu(c.server.pid())
	if err != nil {
		return 0, 0, err
	}
	fmt.Fprintf(c.progress, "%s: %d sessions\n", what, len(c.clients))
	start := time.Now()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range c.workers {
		wg.Go(func() { // ends when the numbers do, or with ctx
			w := newWorker()
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(c.clients) {
					return
				}
				if err := do(ctx, i, w); err != nil {
					cancel(fmt.Errorf("%s: session %d: %w", what, i+1, err))
				}
			}
		})
	}
	wg.Wait()
	took = time.Since(start)
	if err := context.Cause(ctx); err != nil {
		select {
		case <-c.server.ended:
			err = fmt.Errorf("%w; usher has ended: %w\n%s", err, c.server.err, c.server.log.String())
		default:
		}
		return 0, 0, err
	}
	after, err := cpu(c.server.pid())
	return took, after - before, err
}

// enter logs client i in.
func (c *crowd) enter(ctx context.Context, i int, w *worker) error {
	nc, err := c.dialer.dial(ctx)
	if err != nil {
		return err
	}
	c.clients[i] = newClient(nc, c.bosh)
	if err := c.clients[i].login(w); err != nil {
		return err
	}
	return c.clients[i].idle(w)
}

func newClient(nc net.Conn, bosh bool) client {
	if bosh {
		return &boshClient{c: nc}
	}
	return &wsClient{c: nc}
}

// present waits until the server says that everybody is there, over BOSH with a request held.
func (c *crowd) present(ctx context.Context) error {
	gauges := []string{"usher_sessions"}
	if c.bosh {
		gauges = append(gauges, "usher_bosh_held")
	}
	for _, name := range gauges {
		last := 0.0
		err := c.server.until(ctx, fmt.Sprintf("%s is %d", name, len(c.clients)), func() (bool, error) {
			v, err := c.server.gauge(ctx, name)
			last = v
			return v == float64(len(c.clients)), err
		})
		if err != nil {
			return fmt.Errorf("%w (last %v)", err, last)
		}
	}
	return nil
}

func (c *crowd) close() {
	for _, one := range c.clients {
		if one != nil {
			one.close()
		}
	}
}
