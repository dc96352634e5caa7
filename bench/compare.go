package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"usher/bench/measure"
	"usher/bench/stage"
)

// comparison is the command compare: the same work on Prosody and ejabberd with their own fronts, and with Usher before them.
type comparison struct {
	steps        *steps
	quick, json  bool
	report, bin  string
	only, choice string
	tls          bool
	out, screen  io.Writer // the table; what goes on
	progress     io.Writer // of the scenarios
	results      []*measure.Result
	failed       []string
	began        time.Time
	done, number int // runs
}

// task is one piece of work: a scenario with flags.
type task struct {
	name  string
	line  string // the command line
	times int    // how often; the table has the medians
	bare  bool   // also over a bare component link of the server
}

// steps are all of them.
type steps struct {
	idleWS, idleBOSH, rooms, churn, chatWS, chatBOSH, tail, polls task
}

func newSteps(quick bool) *steps {
	if quick {
		return &steps{
			idleWS:   task{name: "idle WebSocket", line: "idle -transport ws -n 500 -rest 1s -every 25ms -gone 0", times: 1},
			idleBOSH: task{name: "idle BOSH", line: "idle -transport bosh -n 500 -rest 1s -every 25ms -gone 0", times: 1},
			rooms:    task{name: "visitors in rooms", line: "idle -join -transport ws -n 500 -rest 1s -every 25ms -gone 0", times: 1},
			churn:    task{name: "churn", line: "churn -transport ws -c 64 -for 3s", times: 1},
			chatWS:   task{name: "chat WebSocket", line: "chat -transport ws -n 400 -for 4s", times: 1},
			chatBOSH: task{name: "chat BOSH", line: "chat -transport bosh -n 400 -for 4s", times: 1},
			tail:     task{name: "chat at a rate", line: "chat -transport ws -n 400 -rate 1000 -for 3s", times: 1, bare: true},
			polls:    task{name: "polls", line: "poll -n 400 -wait 2 -for 4s", times: 1},
		}
	}
	return &steps{
		idleWS:   task{name: "idle WebSocket", line: "idle -transport ws -n 2000 -rest 16s -every 200ms -gone 0", times: 1},
		idleBOSH: task{name: "idle BOSH", line: "idle -transport bosh -n 2000 -rest 16s -every 200ms -gone 0", times: 1},
		rooms:    task{name: "visitors in rooms", line: "idle -join -transport ws -n 2000 -rest 16s -every 200ms -gone 0", times: 1},
		churn:    task{name: "churn", line: "churn -transport ws -c 64 -for 7s", times: 3},
		chatWS:   task{name: "chat WebSocket", line: "chat -transport ws -n 400 -for 7s", times: 5},
		chatBOSH: task{name: "chat BOSH", line: "chat -transport bosh -n 400 -for 7s", times: 5},
		tail:     task{name: "chat at a rate", line: "chat -transport ws -n 400 -rate 1000 -for 8s", times: 5, bare: true},
		polls:    task{name: "polls", line: "poll -n 2000 -wait 10 -for 20s", times: 2},
	}
}

// list is the steps in the order of what is done.
func (s *steps) list() []*task {
	return []*task{&s.idleWS, &s.idleBOSH, &s.rooms, &s.churn, &s.chatWS, &s.chatBOSH, &s.tail, &s.polls}
}

func (s *steps) names() (names []string) {
	for _, one := range s.list() {
		names = append(names, one.name)
	}
	return names
}

// choose leaves the steps out that -steps doesn't name.
func (c *comparison) choose() error {
	if c.choice == "" {
		return nil
	}
	chosen := map[*task]bool{}
	for part := range strings.SplitSeq(c.choice, ",") {
		known := false
		for _, one := range c.steps.list() {
			if part = strings.TrimSpace(part); part != "" && strings.HasPrefix(one.name, part) {
				chosen[one], known = true, true
			}
		}
		if !known {
			return fmt.Errorf("-steps: none is called %q", part)
		}
	}
	for _, one := range c.steps.list() {
		if !chosen[one] {
			one.times = 0
		}
	}
	return nil
}

// compare is the command.
func compare(ctx context.Context, args []string, out, progress io.Writer) error {
	c := &comparison{out: out, screen: progress, progress: io.Discard, began: time.Now()}
	f := flag.NewFlagSet("bench compare", flag.ContinueOnError)
	f.SetOutput(progress)
	f.BoolVar(&c.quick, "quick", false, "within 5 minutes on two cores, instead of 30")
	f.StringVar(&c.only, "only", "prosody,ejabberd", "the `servers`")
	f.StringVar(&c.choice, "steps", "", "only these `steps`, as their names begin: \""+strings.Join(newSteps(false).names(), ", ")+"\"")
	f.BoolVar(&c.tls, "tls", false, "over TLS, with certificates made for the run")
	f.BoolVar(&c.json, "json", false, "print one JSON object")
	f.StringVar(&c.report, "report", "", "write an HTML page about the results to `file`")
	f.StringVar(&c.bin, "bin", "", "Usher's binary; without it, it is built from this module, so run it there")
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return errUsage
	}
	servers := strings.Split(c.only, ",")
	for _, s := range servers {
		if s != stage.Prosody && s != stage.Ejabberd {
			fmt.Fprintf(progress, "-only: no %q\n", s)
			return errUsage
		}
	}
	if f.NArg() > 0 {
		fmt.Fprintln(progress, "no arguments, only flags")
		return errUsage
	}
	c.steps = newSteps(c.quick)
	if err := c.choose(); err != nil {
		fmt.Fprintln(progress, err)
		return errUsage
	}
	return c.run(ctx, servers)
}

func (c *comparison) run(ctx context.Context, servers []string) error {
	dir, err := os.MkdirTemp("", "usher-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if c.bin == "" {
		fmt.Fprintln(c.screen, "building Usher")
		if c.bin, err = stage.Build(ctx, dir); err != nil {
			return err
		}
	}
	s := c.steps
	for _, one := range s.list() {
		c.number += len(servers) * 2 * one.times
		if one.bare {
			c.number += len(servers) * one.times
		}
	}
	all := sheet{Quick: c.quick}
	rows := s.rows()
	for _, server := range servers {
		done, err := c.server(ctx, server)
		if err != nil {
			return err
		}
		side := side{Server: server}
		for _, w := range rows {
			if w.step.times == 0 {
				continue // -steps
			}
			side.Lines = append(side.Lines, w.compare(server, done[w.step]))
		}
		all.Servers = append(all.Servers, side)
	}
	all.Seconds, all.Failed, all.Interrupted = time.Since(c.began).Seconds(), c.failed, ctx.Err() != nil
	if len(c.results) == 0 {
		return fmt.Errorf("nothing was measured: %s", strings.Join(append(c.failed, "ended early"), "; "))
	}
	for _, r := range c.results {
		if u := r.Usage(measure.Others); u != nil {
			all.Others = max(all.Others, u.Cores)
		}
		all.Stolen = max(all.Stolen, r.Harness.Stolen)
	}
	all.Machine, all.Commit = c.results[0].Machine, c.results[0].Commit
	if err := c.show(&all); err != nil {
		return err
	}
	if c.report == "" {
		return nil
	}
	file, err := os.Create(c.report)
	if err != nil {
		return err
	}
	return errors.Join(measure.Report(file, c.results), file.Close())
}

// tries is how often a run is tried: ejabberd's BOSH sometimes leaves a session without an answer.
const tries = 2

// server does all steps with one server. What fails is noted and left out; when ctx ends there are no more.
func (c *comparison) server(ctx context.Context, server string) (map[*task]runs, error) {
	done := map[*task]runs{}
	for _, one := range c.steps.list() {
		var r runs
		failed := map[*[]*measure.Result]bool{}
		for range one.times {
			// Next to each other, since a machine that others share isn't equally fast for long.
			for _, side := range []struct {
				results *[]*measure.Result
				target  string
				bare    bool
			}{{&r.own, server, false}, {&r.bare, server, true}, {&r.usher, "usher+" + server, false}} {
				if ctx.Err() != nil || failed[side.results] || side.bare && !one.bare {
					continue
				}
				result, err := c.step(ctx, one, side.target, side.bare)
				if err != nil && !errors.Is(err, errFailed) {
					return nil, err
				}
				failed[side.results] = err != nil
				*side.results = append(*side.results, result)
			}
		}
		done[one] = r
		c.keep(one, server, r)
	}
	return done, nil
}

// step makes one run, each with servers of its own: what one has left behind in a server, or has brought its collector to, is not the next one's.
func (c *comparison) step(ctx context.Context, one *task, target string, bare bool) (*measure.Result, error) {
	line, what := one.line, target
	if bare {
		line, what = strings.Replace(line, "-transport ws", "-transport component", 1), "bare link of "+target
	}
	c.done++
	fmt.Fprintf(c.screen, "%4.0f s  %d of %d: %s, %s\n", time.Since(c.began).Seconds(), c.done, c.number, one.name, what)
	for try := 1; ; try++ {
		st, err := stage.Open(ctx, stage.Options{Target: target, TLS: c.tls, Bin: c.bin})
		if err != nil {
			return nil, err
		}
		result, err := c.play(ctx, one, line, st, what)
		st.Close()
		if err == nil || ctx.Err() != nil || try == tries {
			return result, err
		}
	}
}

// errFailed means that a step's failure is noted.
var errFailed = errors.New("a step failed")

// play runs one scenario.
func (c *comparison) play(ctx context.Context, one *task, line string, st *stage.Stage, what string) (*measure.Result, error) {
	args := strings.Fields(line)
	all := scenarios()
	i := slices.IndexFunc(all, func(s scenario) bool { return s.name == args[0] })
	if i < 0 || all[i].prepare == nil {
		return nil, c.fail(ctx, one, what, fmt.Errorf("no scenario %q", args[0]))
	}
	o, w, err := all[i].parse(append(args, "-target", st.Target), c.out, c.progress)
	if err != nil {
		return nil, c.fail(ctx, one, what, err)
	}
	o.TLS = c.tls && o.transport != stage.Component
	st.Wait(o.Wait)
	result, err := all[i].measure(ctx, o, w, st)
	switch {
	case err == nil && result.Interrupted:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, c.fail(ctx, one, what, err)
	}
	if o.transport == stage.Component {
		result.Target = what
	}
	return result, nil
}

// fail notes what has failed, unless the user has ended it.
func (c *comparison) fail(ctx context.Context, one *task, what string, err error) error {
	if ctx.Err() == nil {
		c.failed = append(c.failed, fmt.Sprintf("%s, %s: %v", one.name, what, err))
		fmt.Fprintln(c.screen, "  failed:", err)
	}
	return errFailed
}

// keep keeps a step's results for the report: of several the middle one, and each server's by themselves.
func (c *comparison) keep(one *task, server string, r runs) {
	for _, all := range [][]*measure.Result{r.own, r.bare, r.usher} {
		sorted := slices.DeleteFunc(slices.Clone(all), func(r *measure.Result) bool { return r == nil })
		if len(sorted) == 0 {
			continue
		}
		slices.SortStableFunc(sorted, func(a, b *measure.Result) int {
			return int(math.Copysign(1, percentile("p99")(a)-percentile("p99")(b)))
		})
		kept := *sorted[len(sorted)/2]
		kept.Scenario = one.name + ", " + server
		c.results = append(c.results, &kept)
	}
}

// middle is the median of a value over results; nil if none has it.
func middle(value func(*measure.Result) float64, all []*measure.Result) *float64 {
	var values []float64
	for _, r := range all {
		if r != nil {
			values = append(values, value(r))
		}
	}
	return median(values)
}

// median leaves out what is no number; nil if nothing is left.
func median(values []float64) *float64 {
	values = slices.DeleteFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	m := values[len(values)/2]
	if len(values)%2 == 0 {
		m = (m + values[len(values)/2-1]) / 2
	}
	return &m
}

// noisy is how much others may use before the figures are doubtful, in cores.
const noisy = 0.2

// sheet is the whole comparison, as JSON has it.
type sheet struct {
	Commit      string          `json:"commit,omitempty"`
	Machine     measure.Machine `json:"machine"`
	Quick       bool            `json:"quick"`
	Seconds     float64         `json:"seconds"`
	Others      float64         `json:"others_cores"` // what programs without a part in this used at most, in one run
	Stolen      float64         `json:"stolen_cores"` // what the machine's host gave to others at most, in one run
	Interrupted bool            `json:"interrupted,omitempty"`
	Servers     []side          `json:"servers"`
	Failed      []string        `json:"failed,omitempty"`
}

type side struct {
	Server string `json:"server"`
	Lines  []line `json:"lines"`
}

func (c *comparison) show(all *sheet) error {
	if c.json {
		return json.NewEncoder(c.out).Encode(all)
	}
	return all.print(c.out)
}

func (all *sheet) print(out io.Writer) error {
	var b strings.Builder
	m := all.Machine
	fmt.Fprintf(&b, "commit %s; %s, %d cores, %.0f GB, %s, %s; %.0f s\n", all.Commit, m.CPU, m.Cores, float64(m.Memory)/1e9, m.Kernel, m.Go, all.Seconds)
	if all.Interrupted {
		fmt.Fprintln(&b, "ENDED EARLY")
	}
	for _, s := range all.Servers {
		s.print(&b)
	}
	for _, f := range all.Failed {
		fmt.Fprintln(&b, "  failed: "+f)
	}
	if all.Others > noisy {
		fmt.Fprintf(&b, "Other programs used up to %.2f cores of the machine meanwhile: measure again on a quiet one.\n", all.Others)
	}
	if all.Stolen > noisy {
		fmt.Fprintf(&b, "The machine's host gave up to %.2f of its cores to others meanwhile.\n", all.Stolen)
	}
	fmt.Fprintln(&b, "Figures are medians of runs next to each other in time, ratios medians of theirs. A goal in ms or in rates was set on another machine: beside it stands what it was there of the own front.")
	fmt.Fprintln(&b, "With Usher: Usher and the server behind it together. docs/bench.md says how the servers are configured.")
	_, err := io.WriteString(out, b.String())
	return err
}

// print writes the table of one server.
func (s side) print(b *strings.Builder) {
	table := [][]string{{s.Server, "own front", "with Usher", "edge alone", "bare link", "ratio", "goal"}}
	var notes []string
	for _, l := range s.Lines {
		cell := func(v *float64) string {
			if v == nil {
				return ""
			}
			return measure.Format(*v, l.Unit)
		}
		ratio := ""
		switch {
		case l.Unit == "": // a count of what should be none
		case l.Ratio != nil:
			ratio = fmt.Sprintf("%.2fx", *l.Ratio)
		case l.Refused != "":
			ratio = "refused"
			if !slices.Contains(notes, l.Refused) {
				notes = append(notes, l.Refused)
			}
		}
		var goals []string
		for _, g := range l.Goals {
			if g.Met != nil {
				g.Text += map[bool]string{true: ": met", false: ": missed"}[*g.Met]
			}
			goals = append(goals, g.Text)
		}
		table = append(table, []string{l.Name, cell(l.Own), cell(l.Usher), cell(l.Edge), cell(l.Bare), ratio, strings.Join(goals, "; ")})
	}
	fmt.Fprintln(b)
	measure.Columns(b, table)
	for _, n := range notes {
		fmt.Fprintln(b, "  ratio refused: "+n)
	}
}
