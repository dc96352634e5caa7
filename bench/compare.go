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
	only         string
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
	fresh bool   // with servers of its own, since memory is looked at
	times int    // how often; the table has the medians
	bare  bool   // also over a bare component link of the server, each time
}

// steps are all of them.
type steps struct {
	idleWS, idleBOSH, rooms, churn, chatWS, chatBOSH, tail, polls task
}

func newSteps(quick bool) *steps {
	if quick {
		return &steps{
			idleWS:   task{name: "idle, WebSocket", line: "idle -transport ws -n 1000 -rest 4s -every 50ms -gone 0", fresh: true, times: 1},
			idleBOSH: task{name: "idle, BOSH", line: "idle -transport bosh -n 1000 -rest 4s -every 50ms -gone 0", fresh: true, times: 1},
			rooms:    task{name: "visitors in rooms", line: "idle -join -transport ws -n 1000 -rest 4s -every 50ms -gone 0", fresh: true, times: 1},
			churn:    task{name: "churn", line: "churn -transport ws -c 64 -for 5s", times: 1},
			chatWS:   task{name: "chat, WebSocket", line: "chat -transport ws -n 400 -for 6s", times: 1},
			chatBOSH: task{name: "chat, BOSH", line: "chat -transport bosh -n 400 -for 6s", times: 1},
			tail:     task{name: "chat at a rate", line: "chat -transport ws -n 400 -rate 1000 -for 6s", times: 1, bare: true},
			polls:    task{name: "polls", line: "poll -n 500 -wait 3 -for 6s", times: 1},
		}
	}
	return &steps{
		idleWS:   task{name: "idle, WebSocket", line: "idle -transport ws -n 2000 -rest 16s -every 200ms -gone 0", fresh: true, times: 1},
		idleBOSH: task{name: "idle, BOSH", line: "idle -transport bosh -n 2000 -rest 16s -every 200ms -gone 0", fresh: true, times: 1},
		rooms:    task{name: "visitors in rooms", line: "idle -join -transport ws -n 2000 -rest 16s -every 200ms -gone 0", fresh: true, times: 1},
		churn:    task{name: "churn", line: "churn -transport ws -c 64 -for 15s", times: 1},
		chatWS:   task{name: "chat, WebSocket", line: "chat -transport ws -n 400 -for 20s", times: 1},
		chatBOSH: task{name: "chat, BOSH", line: "chat -transport bosh -n 400 -for 20s", times: 1},
		tail:     task{name: "chat at a rate", line: "chat -transport ws -n 400 -rate 1000 -for 8s", times: 5, bare: true},
		polls:    task{name: "polls", line: "poll -n 2000 -wait 10 -for 30s", times: 1},
	}
}

// list is the steps in the order of what is done.
func (s *steps) list() []*task {
	return []*task{&s.idleWS, &s.idleBOSH, &s.rooms, &s.churn, &s.chatWS, &s.chatBOSH, &s.tail, &s.polls}
}

// compare is the command.
func compare(ctx context.Context, args []string, out, progress io.Writer) error {
	c := &comparison{out: out, screen: progress, progress: io.Discard, began: time.Now()}
	f := flag.NewFlagSet("bench compare", flag.ContinueOnError)
	f.SetOutput(progress)
	f.BoolVar(&c.quick, "quick", false, "within 5 minutes on two cores, instead of 20")
	f.StringVar(&c.only, "only", "prosody,ejabberd", "the `servers`")
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

// tries is how often a step is tried, each time with servers of its own: ejabberd's BOSH sometimes leaves a session without an answer.
const tries = 2

// server does all steps with one server. What fails is noted and left out; when ctx ends there are no more.
func (c *comparison) server(ctx context.Context, server string) (map[*task]runs, error) {
	done := map[*task]runs{}
	for _, target := range []string{server, "usher+" + server} {
		var st *stage.Stage
		shut := func() {
			if st != nil {
				st.Close()
				st = nil
			}
		}
		for _, one := range c.steps.list() {
			if ctx.Err() != nil {
				break
			}
			if one.fresh {
				shut()
			}
			r := done[one]
			for range tries {
				if st == nil {
					var err error
					if st, err = stage.Open(ctx, stage.Options{Target: target, TLS: c.tls, Bin: c.bin}); err != nil {
						return nil, err
					}
				}
				if c.step(ctx, one, st, target, &r) == nil || ctx.Err() != nil {
					break
				}
				shut() // the next one is not to pay for what is wrong with this
			}
			done[one] = r
			if one.fresh {
				shut()
			}
		}
		shut()
	}
	for _, one := range c.steps.list() {
		c.keep(one, server, done[one])
	}
	return done, nil
}

// step does one of them on a stage, as often as it says.
func (c *comparison) step(ctx context.Context, one *task, st *stage.Stage, target string, r *runs) error {
	edge := len(st.Ushers) > 0
	for range one.times {
		if edge && one.bare {
			bare, err := c.play(ctx, one, strings.Replace(one.line, "-transport ws", "-transport component", 1), st, "bare link of "+target)
			if err != nil {
				return err
			}
			r.bare = append(r.bare, bare)
		}
		result, err := c.play(ctx, one, one.line, st, target)
		if err != nil {
			return err
		}
		if edge {
			r.usher = append(r.usher, result)
		} else {
			r.own = append(r.own, result)
		}
	}
	return nil
}

// errFailed means that a step's failure is noted.
var errFailed = errors.New("a step failed")

// play runs one scenario.
func (c *comparison) play(ctx context.Context, one *task, line string, st *stage.Stage, what string) (*measure.Result, error) {
	c.done++
	fmt.Fprintf(c.screen, "%4.0f s  %d of %d: %s, %s\n", time.Since(c.began).Seconds(), c.done, c.number, one.name, what)
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
		if len(all) == 0 {
			continue
		}
		sorted := slices.Clone(all)
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
		if v := value(r); !math.IsNaN(v) {
			values = append(values, v)
		}
	}
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
	Others      float64         `json:"others_cores"` // what programs without a part in this used at most, in one step
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
