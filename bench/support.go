package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// supportOptions are the flags of `bench support`.
type supportOptions struct {
	upstream string
	rate     float64
	length   time.Duration
	agents   int
	json     bool
	bin      string

	// An Usher and a server that run already.
	ws, site, group, c2s, user, password string
}

// supportReport is one run's figures. Times are in milliseconds, as the visitors see them.
type supportReport struct {
	Upstream string  `json:"upstream"`
	Wanted   float64 `json:"requests_per_second_wanted"`
	Asked    int     `json:"requests"`
	Met      int     `json:"both_in_room"`
	Talked   int     `json:"talked"` // a line each way
	Failed   int     `json:"failed"`
	Reached  float64 `json:"requests_per_second_reached"` // both in the room, over the time from the first request to the last meeting

	Meet map[string]float64 `json:"ms_ask_to_both_in_room"` // from when the request was due: p50, p90, p95, p99, max
	Open map[string]float64 `json:"ms_offer_accepted_to_both_in_room"`
	Talk map[string]float64 `json:"ms_line_and_answer"`

	Cores   map[string]float64 `json:"cores_used"` // by process: usher, server, bench; others: the rest of the machine
	Machine int                `json:"cores"`
	Why     map[string]int     `json:"failures,omitempty"`
}

func support(ctx context.Context, args []string, out, progress io.Writer) error {
	o := supportOptions{}
	flags := flag.NewFlagSet("bench support", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.StringVar(&o.upstream, "upstream", "prosody", "the `server` to start: prosody or ejabberd")
	flags.Float64Var(&o.rate, "rate", 100, "support requests a `second`")
	flags.DurationVar(&o.length, "for", 30*time.Second, "how long requests are made")
	flags.IntVar(&o.agents, "agents", 100, "`agents` who accept at once; the workgroup must have them")
	flags.BoolVar(&o.json, "json", false, "print one JSON object")
	flags.StringVar(&o.bin, "bin", "", "Usher's binary; without it, it is built from this module, so run it there")
	flags.StringVar(&o.ws, "ws", "", "host:port of a running Usher's public listener, instead of starting anything; then also:")
	flags.StringVar(&o.site, "site", domain, "the site's `domain`")
	flags.StringVar(&o.group, "workgroup", "support@"+domain, "the workgroup's `JID`")
	flags.StringVar(&o.c2s, "c2s", "", "host:port where the server takes clients without TLS")
	flags.StringVar(&o.user, "user", "agent-%d@localhost", "an agent's `JID`, %d being 1 to the number of agents")
	flags.StringVar(&o.password, "password", "pw-%d", "an agent's `password`")
	switch err := flags.Parse(args); {
	case err == flag.ErrHelp:
		return err
	case err != nil:
		return errUsage
	}
	if flags.NArg() > 0 || o.rate <= 0 || o.length <= 0 || o.agents < 1 || (o.ws == "") != (o.c2s == "") {
		fmt.Fprintln(progress, "-rate, -for: more than 0; -agents: 1 or more; -ws and -c2s together or not at all; no arguments")
		return errUsage
	}
	if o.upstream != "prosody" && o.upstream != "ejabberd" {
		fmt.Fprintf(progress, "-upstream: no %q\n", o.upstream)
		return errUsage
	}
	r, err := o.measure(ctx, progress)
	if err != nil {
		return err
	}
	if o.json {
		return json.NewEncoder(out).Encode(r)
	}
	return r.print(out)
}

// measure makes the run, with processes of its own unless they are given.
func (o *supportOptions) measure(ctx context.Context, progress io.Writer) (*supportReport, error) {
	requests := max(1, int(o.rate*o.length.Seconds()))
	if err := checkLimits(requests + o.agents); err != nil {
		return nil, err
	}
	pids := map[string]int{"bench": os.Getpid()}
	if o.ws == "" {
		dir, err := os.MkdirTemp("", "usher-bench-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		if o.bin == "" {
			fmt.Fprintln(progress, "building")
			if o.bin, err = build(ctx, dir); err != nil {
				return nil, err
			}
		} else if o.bin, err = filepath.Abs(o.bin); err != nil {
			return nil, err
		}
		fmt.Fprintf(progress, "starting %s and usher\n", o.upstream)
		d, err := startDesk(ctx, o, dir)
		if err != nil {
			return nil, err
		}
		defer d.stop()
		o.ws, o.c2s = d.usher.public, d.upstream.C2SAddr()
		pids["usher"], pids["server"] = d.usher.pid(), d.upstream.Pid()
	}
	staff, err := o.staff(ctx, progress)
	if err != nil {
		return nil, err
	}
	defer staff.close()
	return o.run(ctx, requests, staff, pids, progress)
}

// run logs the visitors in, lets each ask when it is his turn, whether or not those before him are served (an open
// loop: a slow desk is not spared), and gathers the figures.
func (o *supportOptions) run(ctx context.Context, requests int, staff *staff, pids map[string]int, progress io.Writer) (*supportReport, error) {
	people, err := o.enter(ctx, requests, progress)
	for _, p := range people {
		defer p.close()
	}
	if err != nil {
		return nil, err
	}
	before, err := cpus(pids)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(progress, "%d requests, %.0f a second\n", requests, o.rate)
	ctx, cancel := context.WithTimeout(ctx, o.length+2*step)
	defer cancel()
	results := make([]outcome, requests)
	start := time.Now()
	var wg sync.WaitGroup
	var last atomic.Int64 // when the last two met, since start
	for i, p := range people {
		due := start.Add(time.Duration(float64(i) / o.rate * float64(time.Second)))
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		wg.Go(func() { // ends with its conversation, or when the visitor has lost patience
			results[i] = p.support(o.group, due)
			if !results[i].met.IsZero() {
				for at := int64(results[i].met.Sub(start)); ; {
					if was := last.Load(); at <= was || last.CompareAndSwap(was, at) {
						break
					}
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	after, err := cpus(pids)
	if err != nil {
		return nil, err
	}
	r := &supportReport{Upstream: o.upstream, Wanted: o.rate, Asked: requests, Cores: map[string]float64{}, Machine: runtime.NumCPU(), Why: map[string]int{}}
	for name := range after {
		r.Cores[name] = (after[name] - before[name]).Seconds() / took.Seconds()
	}
	for name := range pids {
		r.Cores["others"] -= r.Cores[name]
	}
	r.Cores["others"] = max(0, r.Cores["others"]) // the clocks of /proc are coarse
	r.fill(results, staff, time.Duration(last.Load()))
	if r.Met == 0 {
		return nil, fmt.Errorf("nobody was served: %v", r.Why)
	}
	return r, nil
}

// enter logs in a visitor for each request, before the clock starts.
func (o *supportOptions) enter(ctx context.Context, n int, progress io.Writer) ([]*asker, error) {
	fmt.Fprintf(progress, "logging in %d visitors\n", n)
	people := make([]*asker, 0, n)
	w := newWorker()
	d := &dialer{to: o.ws}
	for range n {
		nc, err := d.dial(ctx)
		if err != nil {
			return people, err
		}
		p := &asker{wsClient: wsClient{c: nc, site: o.site}}
		people = append(people, p)
		if err := p.login(w); err != nil {
			return people, fmt.Errorf("visitor %d: %w", len(people), err)
		}
	}
	return people, nil
}

func cpus(pids map[string]int) (map[string]time.Duration, error) {
	used := map[string]time.Duration{}
	for name, pid := range pids {
		t, err := cpu(pid)
		if err != nil {
			return nil, err
		}
		used[name] = t
	}
	var err error
	used["others"], err = busy() // less those of pids, which run takes off
	return used, err
}

// outcome is one request's fate.
type outcome struct {
	room          string
	due, met, end time.Time // when both were in the room; when the answer to the line was there
	err           error
}

func (r *supportReport) fill(results []outcome, staff *staff, span time.Duration) {
	var meet, open, talk []time.Duration
	for _, one := range results {
		if one.err != nil {
			r.Failed++
			r.Why[reasonOf(one.err)]++
		}
		if one.met.IsZero() {
			continue
		}
		r.Met++
		meet = append(meet, one.met.Sub(one.due))
		if accepted := staff.acceptedAt(one.room); !accepted.IsZero() {
			open = append(open, one.met.Sub(accepted))
		}
		if !one.end.IsZero() {
			r.Talked++
			talk = append(talk, one.end.Sub(one.met))
		}
	}
	if span > 0 {
		r.Reached = float64(r.Met) / span.Seconds()
	}
	r.Meet, r.Open, r.Talk = percentiles(meet), percentiles(open), percentiles(talk)
}

// reasonOf shortens an error to its last part, so that equal ones are counted together.
func reasonOf(err error) string {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "no patience left"
	}
	return err.Error()
}

func percentiles(all []time.Duration) map[string]float64 {
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	at := func(p float64) float64 {
		return float64(all[min(len(all)-1, int(p*float64(len(all))))].Microseconds()) / 1000
	}
	return map[string]float64{"p50": at(0.5), "p90": at(0.9), "p95": at(0.95), "p99": at(0.99), "max": at(1)}
}

func (r *supportReport) print(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "support: %d requests at %.0f/s, %s behind; reached %.1f/s; both in the room %d, a line each way %d, failed %d\n",
		r.Asked, r.Wanted, r.Upstream, r.Reached, r.Met, r.Talked, r.Failed)
	line := func(what string, p map[string]float64) {
		fmt.Fprintf(&b, "  %-38s p50 %8.1f ms   p90 %8.1f   p95 %8.1f   p99 %8.1f   max %8.1f\n", what, p["p50"], p["p90"], p["p95"], p["p99"], p["max"])
	}
	line("due to both in the room", r.Meet)
	line("offer accepted to both in the room", r.Open)
	line("a line and its answer", r.Talk)
	for _, name := range []string{"usher", "server", "bench", "others"} {
		if used, ok := r.Cores[name]; ok {
			fmt.Fprintf(&b, "  %-8s %5.2f cores\n", name, used)
		}
	}
	fmt.Fprintln(&b, "  "+r.limit())
	for why, n := range r.Why {
		fmt.Fprintf(&b, "  %d failed: %s\n", n, why)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// limit says whose limit was reached, if one was.
func (r *supportReport) limit() string {
	if r.Reached >= 0.97*r.Wanted && r.Failed == 0 {
		return "no limit reached: the rate was kept"
	}
	whose, most, sum := "", 0.0, 0.0
	for name, used := range r.Cores {
		sum += used
		if used > most && name != "others" {
			whose, most = name, used
		}
	}
	switch {
	case r.Cores["server"] == 0:
		return "the rate was not kept; whose limit it is can't be told from here"
	case r.Machine > 0 && sum > 0.9*float64(r.Machine):
		return fmt.Sprintf("the rate was not kept: the machine is full (%.2f of %d cores, others %.2f); of ours, %s uses the most", sum, r.Machine, r.Cores["others"], whose)
	case most >= 0.85:
		return fmt.Sprintf("the rate was not kept: %s uses %.2f cores, the most of all; it is the limit", whose, most)
	default:
		return fmt.Sprintf("the rate was not kept, though no process uses a core (%.2f in all): somebody waits", sum)
	}
}
