// Package measure gathers what a run shows and prints it: histograms, counters, what processes use over time, and whether
// the load generator itself stood in the way. It owns figures and their looks (terminal, JSON, HTML); it must not
// know XMPP or sockets.
package measure

import (
	"io"
	"sync/atomic"
	"time"
)

// Process is one that is looked at from outside.
type Process struct {
	Name string // "usher", "prosody", "bench 2"
	Pid  int
}

// About says what is measured.
type About struct {
	Scenario  string   `json:"scenario"`
	Target    string   `json:"target"`    // "usher + prosody", "prosody", a URL
	Fake      bool     `json:"fake"`      // a fake upstream server stands behind the edge: shown wherever a figure is
	Transport string   `json:"transport"` // ws, bosh
	TLS       bool     `json:"tls"`
	Sessions  int      `json:"sessions"`
	Command   []string `json:"command"`
}

// Histogram holds latencies from 1 us to 10 minutes with three digits (HdrHistogram). Record may be called by any goroutine.
type Histogram struct{ _ int }

// Record takes one latency. In an open loop it is counted from when the request was due, not from when it could be made, so that a slow server is
// not spared (coordinated omission).
func (h *Histogram) Record(d time.Duration) { panic("not built") }

// Recorder gathers one run. All methods but Start and Stop may be called by any goroutine.
type Recorder struct{ _ int }

// New makes a recorder that looks at the processes and at this one every second (sooner in short runs), and shows on progress, if that is a terminal, one line that changes
// (sessions, rates, errors, p99); else a line every ten seconds.
func New(about About, processes []Process, progress io.Writer) *Recorder { panic("not built") }

// Counter returns a count by its name, e.g. "delivered", whose rate is shown and plotted. Names that the views know: sessions
// (a gauge), sent, delivered, lost, doubled, reordered.
func (r *Recorder) Counter(name string) *atomic.Int64 { panic("not built") }

// Histogram returns one by its name, e.g. "room message".
func (r *Recorder) Histogram(name string) *Histogram { panic("not built") }

// Error counts an error by its text, without what differs from one to the next; nil is none.
func (r *Recorder) Error(err error) { panic("not built") }

// Phase says what begins now: "logging in", "talking". What happened before Start is not in latencies and CPU.
func (r *Recorder) Phase(name string) { panic("not built") }

// Start begins the measured time: histograms and counters other than gauges begin anew, and so does everybody's CPU time.
func (r *Recorder) Start() { panic("not built") }

// Stop ends the measured time, the sampling and the progress line, and returns the result.
func (r *Recorder) Stop() *Result { panic("not built") }

// Result is one run's figures, as JSON has them.
type Result struct {
	About
	Commit      string           `json:"commit,omitempty"`
	Machine     Machine          `json:"machine"`
	Began       time.Time        `json:"began"`
	Seconds     float64          `json:"seconds"` // of the measured time
	Interrupted bool             `json:"interrupted,omitempty"`
	Figures     []Figure         `json:"figures"` // a scenario's own, in the order they are shown in
	Counters    map[string]int64 `json:"counters"`
	Latencies   []Latency        `json:"latencies"`
	Processes   []Usage          `json:"processes"` // this one is "bench"; "others" is the rest of the machine
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
	Us      map[string]float64 `json:"us"`      // p50 p90 p95 p99 p99.9 max mean
	Buckets [][2]int64         `json:"buckets"` // upper bound in us, count; about 100
}

// Usage is what a process used in the measured time.
type Usage struct {
	Process
	CPU    float64 `json:"cpu_seconds"`
	Cores  float64 `json:"cores"`
	Before int64   `json:"rss_before"` // bytes, at New
	Begin  int64   `json:"rss_begin"`  // at Start
	Peak   int64   `json:"rss_peak"`
	End    int64   `json:"rss_end"`
}

// Sample is one look, at a second since Start (before it, negative).
type Sample struct {
	At       float64            `json:"at"`
	Counters map[string]float64 `json:"counters"` // rates a second; gauges as they are
	P50      float64            `json:"p50_us"`
	P99      float64            `json:"p99_us"`
	Cores    map[string]float64 `json:"cores"`
	RSS      map[string]int64   `json:"rss"`
}

// Harness says what the load generator itself took.
type Harness struct {
	Share      float64 `json:"share"`      // of the CPU time that the machine has
	Late       float64 `json:"late_us"`    // p99 of how late this process did what was due; open loops only
	Bottleneck bool    `json:"bottleneck"` // it was the limit, or may have been: the figures are of it, not of the server
	Says       string  `json:"says"`       // the same as a sentence
}

// MaxShare is the harness's share of the machine above which no ratio is given.
const MaxShare = 0.4

// Add appends a figure.
func (r *Result) Add(name string, value float64, unit string, lower bool) {
	r.Figures = append(r.Figures, Figure{name, value, unit, lower})
}

// Print writes the summary table, and whose limit was reached.
func (r *Result) Print(out io.Writer) error { panic("not built") }

// Merge makes one result of those of several client processes that ran at the same time: counts add up, histograms merge.
func Merge(parts []*Result) (*Result, error) { panic("not built") }

// Row compares one figure over several results.
type Row struct {
	Name, Unit string
	Values     []float64 // one of each result
	Ratio      float64   // of the last to the first; NaN if it is refused
	Refused    string    // why: the harness took more than MaxShare, or was the bottleneck, or the run was interrupted
}

// Compare sets results of the same scenario side by side, the baseline first.
func Compare(results []*Result) []Row { panic("not built") }

// Report writes one self-contained HTML page about the results: histogram of the latencies, percentiles over time, throughput,
// memory and CPU, the machine and the exact command; several results of one scenario share their plots.
func Report(out io.Writer, results []*Result) error { panic("not built") }
