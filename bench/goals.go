package main

import (
	"fmt"
	"math"

	"usher/bench/measure"
)

// A comparison is of four targets, two for each server: its own front, and Usher with the server behind it.

// row is one line of it: a figure of a step.
type row struct {
	step       *task
	name, unit string
	lower      bool // is better
	whole      func(*measure.Result) float64
	edge       func(*measure.Result) float64 // of Usher alone; nil = that has no sense
	ratio      map[string]float64            // goal by server: Usher with the server to the server's own front
	limit      float64                       // goal for Usher; 0 = none. It is for the edge alone if that is known
	peer       map[string]float64            // by server, what its own front had on the machine that limit was set on; none: it doesn't depend on the machine
	bare       bool                          // goal: no more than the bare component link has, by a tenth or a millisecond
}

// figureOf is a result's figure of that name, or NaN.
func figureOf(name string) func(*measure.Result) float64 {
	return func(r *measure.Result) float64 {
		for _, f := range r.Figures {
			if f.Name == name {
				return f.Value
			}
		}
		return math.NaN()
	}
}

// scaled is a figure in another unit.
func scaled(by float64, of func(*measure.Result) float64) func(*measure.Result) float64 {
	return func(r *measure.Result) float64 { return of(r) * by }
}

// percentile is one of messages' latencies, in ms.
func percentile(p string) func(*measure.Result) float64 {
	return func(r *measure.Result) float64 {
		if l := r.Latency("message"); l != nil && l.Count > 0 {
			return l.Us[p] / 1000
		}
		return math.NaN()
	}
}

func count(name string) func(*measure.Result) float64 {
	return func(r *measure.Result) float64 { return float64(r.Counters[name]) }
}

// rows are all lines, with the goals that the project has set itself.
//
// Goals in ms and in rates were set on a machine where the servers' own fronts had the figures in peer (of a range, the end that makes the goal
// harder). On a slower or faster one the same goal, as a ratio to the own front of the same run, says more.
func (s *steps) rows() []row {
	both := func(prosody, ejabberd float64) map[string]float64 {
		return map[string]float64{"prosody": prosody, "ejabberd": ejabberd}
	}
	all := []row{
		{step: &s.idleWS, name: "idle session, WebSocket: memory", unit: "kB", lower: true,
			whole: figureOf("at rest, a session"), edge: figureOf("at rest, a session: usher"), limit: 5},
		{step: &s.idleBOSH, name: "idle session, BOSH: memory", unit: "kB", lower: true,
			whole: figureOf("at rest, a session"), edge: figureOf("at rest, a session: usher"), limit: 6},
		{step: &s.rooms, name: "visitor in a room of two, WebSocket: memory", unit: "kB", lower: true,
			whole: figureOf("at rest, a session"), edge: figureOf("at rest, a session: usher"), ratio: both(0.2, 0.4)},
		{step: &s.idleWS, name: "set-up, WebSocket: CPU", unit: "ms", lower: true, whole: scaled(1e-3, figureOf("set-up, CPU")), limit: 0.12, peer: both(1, 0.94)},
		{step: &s.idleBOSH, name: "set-up, BOSH: CPU", unit: "ms", lower: true, whole: scaled(1e-3, figureOf("set-up, CPU")), limit: 0.2, peer: both(1, 0.94)},
		{step: &s.idleWS, name: "set-ups, WebSocket", unit: "/s", whole: figureOf("set-up"), limit: 4500, peer: both(1200, 2100)},
		{step: &s.churn, name: "connect, bind, leave, WebSocket", unit: "/s", whole: figureOf(figureChurn), limit: 3500, peer: both(884, 1551)},
		{step: &s.chatWS, name: "1,000 messages, WebSocket: CPU", unit: "ms", lower: true,
			whole: figureOf(figureCPU), edge: figureOf(figureEdgeCPU), ratio: both(0.58, 0.63), limit: 35, peer: both(230, 172)},
		{step: &s.chatBOSH, name: "1,000 messages, BOSH: CPU", unit: "ms", lower: true,
			whole: figureOf(figureCPU), edge: figureOf(figureEdgeCPU), ratio: both(0.36, 0.45)},
		{step: &s.chatWS, name: "messages, WebSocket", unit: "/s", whole: figureOf(figureDelivered), ratio: both(2, 1.4)},
		{step: &s.chatBOSH, name: "messages, BOSH", unit: "/s", whole: figureOf(figureDelivered), ratio: both(4, 1.8)},
	}
	for _, p := range []string{"p50", "p95", "p99"} {
		all = append(all, row{step: &s.tail, name: "at 1,000 messages a second: " + p, unit: "ms", lower: true, whole: percentile(p), bare: p != "p50"})
	}
	all = append(all, row{step: &s.polls, name: "idle poll, BOSH: CPU", unit: "ms", lower: true,
		whole: figureOf(figurePollCPU), edge: figureOf(figurePollEdgeCPU), limit: 0.03, peer: both(0.23, 0.12)})
	for _, one := range []struct {
		step *task
		over string
	}{{&s.chatWS, "WebSocket"}, {&s.chatBOSH, "BOSH"}, {&s.tail, "at 1,000 a second"}} {
		all = append(all, row{step: one.step, name: "lost, doubled or reordered, " + one.over, lower: true, whole: func(r *measure.Result) float64 {
			return count("lost")(r) + count("doubled")(r) + count("reordered")(r)
		}})
	}
	return all
}

// line is a row's values for one server, as JSON has it.
type line struct {
	Name    string   `json:"name"`
	Unit    string   `json:"unit,omitempty"`
	Lower   bool     `json:"lower_is_better"`
	Own     *float64 `json:"own_front"`         // null = not measured
	Usher   *float64 `json:"with_usher"`        // Usher and the server together
	Edge    *float64 `json:"edge"`              // Usher alone
	Bare    *float64 `json:"bare_link"`         // a component link without a front
	Ratio   *float64 `json:"ratio"`             // with Usher to own front
	Refused string   `json:"refused,omitempty"` // why there is no ratio
	Goals   []goal   `json:"goals,omitempty"`
}

// goal is one that the project has set itself, and whether it is met in this run; null = it can't be said.
type goal struct {
	Text string `json:"text"`
	Met  *bool  `json:"met"`
}

// runs are the results of one step with one server: of the same step several times if that is needed, those with the same index next to each other in
// time; nil = it failed.
type runs struct{ own, usher, bare []*measure.Result }

// ratio is the median, over runs made next to each other, of a figure with Usher to one of the own front. nil if there is none.
func (r runs) ratio(of, base func(*measure.Result) float64) *float64 {
	var ratios []float64
	for i := range min(len(r.own), len(r.usher)) {
		if r.own[i] != nil && r.usher[i] != nil {
			ratios = append(ratios, of(r.usher[i])/base(r.own[i]))
		}
	}
	return median(ratios)
}

// compare makes the line of a row.
func (w row) compare(server string, r runs) line {
	l := line{Name: w.name, Unit: w.unit, Lower: w.lower, Own: middle(w.whole, r.own), Usher: middle(w.whole, r.usher), Bare: middle(w.whole, r.bare)}
	if w.edge != nil {
		l.Edge = middle(w.edge, r.usher)
	}
	for i := range min(len(r.own), len(r.usher)) {
		if l.Refused == "" && r.own[i] != nil && r.usher[i] != nil {
			l.Refused = measure.Refused([]*measure.Result{r.own[i], r.usher[i]})
		}
	}
	if l.Refused == "" {
		l.Ratio = r.ratio(w.whole, w.whole)
	}
	if want, ok := w.ratio[server]; ok {
		l.add(fmt.Sprintf("%s %gx", w.sign(), want), w.met(l.Ratio, want))
	}
	if w.limit != 0 {
		whose, value, of := "", l.Usher, w.whole
		if w.edge != nil {
			whose, value, of = "edge ", l.Edge, w.edge
		}
		l.add(fmt.Sprintf("%s%s %s", whose, w.sign(), measure.Format(w.limit, w.unit)), w.met(value, w.limit))
		if peer := w.peer[server]; peer != 0 {
			want := w.limit / peer
			var met *bool
			if l.Refused == "" {
				met = w.met(r.ratio(of, w.whole), want)
			}
			l.add(fmt.Sprintf("%s%s %.3gx", whose, w.sign(), want), met)
		}
	}
	if w.bare {
		// Two figures that differ by less can't be told apart.
		l.add("bare link + 10 % or 1 ms", nil)
		if l.Bare != nil && l.Usher != nil {
			met := *l.Usher <= max(*l.Bare*1.1, *l.Bare+1)
			l.Goals[0].Met = &met
		}
	}
	return l
}

func (l *line) add(text string, met *bool) { l.Goals = append(l.Goals, goal{text, met}) }

func (w row) sign() string {
	if w.lower {
		return "<="
	}
	return ">="
}

func (w row) met(value *float64, want float64) *bool {
	if value == nil {
		return nil
	}
	met := *value >= want
	if w.lower {
		met = *value <= want
	}
	return &met
}
