// Package measure gathers what a run shows and prints it: histograms, counters, what processes use over time, and whether
// the load generator itself stood in the way. It owns figures and their looks (terminal, JSON, HTML); it must not
// know XMPP or sockets.
package measure

import (
	"encoding/json"
	"io"
	"math"
	"time"
)

// Process is one that is looked at from outside.
type Process struct {
	Name string `json:"name"` // "usher", "prosody", "bench 2"
	Pid  int    `json:"pid"`
}

// About says what is measured.
type About struct {
	Scenario  string   `json:"scenario"`
	Target    string   `json:"target"`    // "usher + prosody", "prosody", a URL
	Fake      bool     `json:"fake"`      // a fake upstream server stands behind the edge: shown wherever a figure is
	Transport string   `json:"transport"` // ws, bosh
	TLS       bool     `json:"tls"`
	Sessions  int      `json:"sessions"`
	Command   []string `json:"command"` // nil = that of this process; passwords in it are left out
}

// Result is one run's figures, as JSON has them.
type Result struct {
	About
	Commit      string           `json:"commit,omitempty"`
	Machine     Machine          `json:"machine"`
	Began       time.Time        `json:"began"`   // the measured time
	Seconds     float64          `json:"seconds"` // of the measured time
	Interrupted bool             `json:"interrupted,omitempty"`
	Figures     []Figure         `json:"figures"` // a scenario's own, in the order they are shown in
	Counters    map[string]int64 `json:"counters"`
	Gauges      []string         `json:"gauges,omitempty"` // those of the counters that go up and down: sessions
	Latencies   []Latency        `json:"latencies"`
	Processes   []Usage          `json:"processes"` // those named "bench" or "bench ..." are the load generator; "others" is the rest of the machine
	Phases      []Mark           `json:"phases,omitempty"`
	Series      []Sample         `json:"series"`
	Errors      map[string]int   `json:"errors,omitempty"`
	Harness     Harness          `json:"harness"`
}

// Figure is one number with its unit.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"` // "/s", "kB", "us", "ms", "" = a plain number
	Lower bool    `json:"lower_is_better"`
}

// Machine is what it ran on.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Memory int64  `json:"memory"` // bytes
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
}

// Latency is one histogram. Times are in microseconds.
type Latency struct {
	Name    string             `json:"name"`
	Count   int64              `json:"count"`
	Us      map[string]float64 `json:"us"`            // p50 p90 p95 p99 p99.9 max mean
	Buckets [][2]int64         `json:"buckets"`       // upper bound in us, count; about 100
	Hdr     []byte             `json:"hdr,omitempty"` // the whole histogram in HdrHistogram's V2 encoding, base64: Merge needs it
}

// Usage is what a process used in the measured time.
type Usage struct {
	Process
	CPU     float64 `json:"cpu_seconds"`
	Cores   float64 `json:"cores"`
	Threads int     `json:"threads,omitempty"`
	Before  int64   `json:"rss_before"` // bytes, at New
	Begin   int64   `json:"rss_begin"`  // at Start
	Peak    int64   `json:"rss_peak"`   // of all looks since New
	End     int64   `json:"rss_end"`
	Gone    bool    `json:"gone,omitempty"` // it had ended when the run did
}

// Mark is when a phase began, in seconds since Start.
type Mark struct {
	At   float64 `json:"at"`
	Name string  `json:"name"`
}

// Sample is one look, at a second since Start (before it, negative), and what happened since the one before. A run has at most maxSamples: in long ones
// they are further apart.
type Sample struct {
	At       float64            `json:"at"`
	Seconds  float64            `json:"seconds"`  // since the look before
	Counters map[string]float64 `json:"counters"` // rates a second; gauges as they are
	P50      float64            `json:"p50_us"`   // of the histogram that was asked for first; 0 = none was recorded
	P99      float64            `json:"p99_us"`
	Cores    map[string]float64 `json:"cores"`
	RSS      map[string]int64   `json:"rss"`
	// Buckets is the histogram that P50 and P99 are of (upper bound in us, count), for Merge. WriteJSON leaves it out.
	Buckets [][2]int64 `json:"buckets,omitempty"`
}

// Harness says what the load generator itself took.
type Harness struct {
	Share      float64 `json:"share"`      // of the CPU time that the machine has
	Late       float64 `json:"late_us"`    // p99 of how late this process did what was due; open loops only
	Bottleneck bool    `json:"bottleneck"` // it was the limit, or may have been: the figures are of it, not of the server
	Stolen     float64 `json:"stolen"`     // cores that the hypervisor gave to others while there was work for them
	Disturbed  bool    `json:"disturbed"`  // the machine was full, the most of it with what has no part in the run: absolute figures are too bad
	Says       string  `json:"says"`       // the same as a sentence
}

// MaxShare is the harness's share of the machine above which no ratio is given.
const MaxShare = 0.4

// Add appends a figure. One that is no number, because nothing was counted that it is a share of, is left out.
func (r *Result) Add(name string, value float64, unit string, lower bool) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return
	}
	r.Figures = append(r.Figures, Figure{name, value, unit, lower})
}

// Usage is the named process's, or nil.
func (r *Result) Usage(name string) *Usage {
	for i := range r.Processes {
		if r.Processes[i].Name == name {
			return &r.Processes[i]
		}
	}
	return nil
}

// Latency is the named histogram's, or nil.
func (r *Result) Latency(name string) *Latency {
	for i := range r.Latencies {
		if r.Latencies[i].Name == name {
			return &r.Latencies[i]
		}
	}
	return nil
}

// Rate is a counter's mean rate a second over the measured time.
func (r *Result) Rate(counter string) float64 {
	if r.Seconds == 0 {
		return 0
	}
	return float64(r.Counters[counter]) / r.Seconds
}

// WriteJSON writes the result for programs, in one line: all but what only Merge needs of each look. A part that is yet to be merged is passed on by
// json.Marshal instead.
func (r *Result) WriteJSON(out io.Writer) error {
	whole := *r
	whole.Series = make([]Sample, len(r.Series))
	copy(whole.Series, r.Series)
	for i := range whole.Series {
		whole.Series[i].Buckets = nil
	}
	return json.NewEncoder(out).Encode(&whole)
}
