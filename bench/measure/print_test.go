package measure

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// example is a result with everything in it.
func example() *Result {
	return &Result{
		About:  About{Scenario: "chat", Target: "usher + prosody", Transport: "ws", TLS: true, Sessions: 4000},
		Commit: "0123456789ab", Machine: Machine{"Some CPU", 2, 24e9, "Linux 6.18", "go1.26"},
		Began: time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC), Seconds: 10,
		Figures:  []Figure{{"delivered", 8676, "/s", false}, {"CPU per 1,000 delivered, usher", 34.56, "ms", true}, {"idle session", 4.871, "kB", true}},
		Counters: map[string]int64{"lost": 0, "delivered": 86760, "sessions": 4000, "ends": 3, "sent": 43380}, Gauges: []string{"sessions"},
		Latencies: []Latency{
			{Name: "room message", Count: 86760, Us: map[string]float64{"p50": 850, "p90": 1200, "p95": 12345, "p99": 99_400, "p99.9": 1.5e6, "max": 61e6, "mean": 1999.6}},
			{Name: "never"},
		},
		Processes: []Usage{
			{Process: Process{"usher", 1}, CPU: 3, Cores: 0.3, Before: 9.5e6, Begin: 2e7, Peak: 123456789, End: 3e7},
			{Process: Process{"prosody", 2}, CPU: 9.5, Cores: 0.95, Before: 1e7, Begin: 1e7, Peak: 1e7, Gone: true, Threads: 1},
			{Process: Process{"bench", 3}, CPU: 5, Cores: 0.5, Before: 1e7, Begin: 1e7, Peak: 1e7, End: 1e7},
			{Process: Process{Name: Others}, CPU: 0.1, Cores: 0.01},
		},
		Errors: map[string]int{"session N: broken pipe": 2, "HTTP 503": 1200},
	}
}

func TestPrint(t *testing.T) {
	r := example()
	r.judge()
	var out strings.Builder
	if err := r.Print(&out); err != nil {
		t.Fatal(err)
	}
	want := `chat: usher + prosody, WebSocket, TLS, 4,000 sessions
  10.0 s from 2026-11-22 20:00:00, commit 0123456789ab; Some CPU, 2 cores, 24 GB, Linux 6.18, go1.26
  delivered                       8,676/s
  CPU per 1,000 delivered, usher  34.6 ms
  idle session                    4.87 kB

  sessions    4,000  in the end
  sent       43,380     4,338/s
  delivered  86,760     8,676/s
  lost            0         0/s
  ends            3      0.30/s

  latency        count     p50      p90      p95      p99   p99.9   max     mean
  room message  86,760  850 us  1.20 ms  12.3 ms  99.4 ms  1.50 s  61 s  2.00 ms

  process  cores     CPU  RSS before  at start      peak      end
  usher     0.30  3.00 s      9.5 MB   20.0 MB  123.5 MB  30.0 MB
  prosody   0.95  9.50 s     10.0 MB   10.0 MB   10.0 MB     gone
  bench     0.50  5.00 s     10.0 MB   10.0 MB   10.0 MB  10.0 MB
  others    0.01  0.10 s           -         -         -        -

  errors:
     1,200  HTTP 503
         2  session N: broken pipe
  prosody was the limit: it has 1 thread and used 0.95 cores; the load generator took 25 % of the machine

`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	r.Fake, r.Interrupted = true, true
	out.Reset()
	if err := r.Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"chat: usher + prosody (FAKE upstream server", "INTERRUPTED"} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("no %q in\n%s", text, out.String())
		}
	}
}

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		v          float64
		unit, want string
	}{
		{0, "", "0"}, {5, "", "5"}, {-1234567, "", "-1,234,567"}, {0.034, "ms", "0.034 ms"}, {0.5, "/s", "0.50/s"}, {4338.4, "/s", "4,338/s"}, {12.34, "kB", "12.3 kB"},
		{999.6, "us", "1,000 us"}, {math.NaN(), "kB", "-"},
	} {
		if got := Format(c.v, c.unit); got != c.want {
			t.Errorf("%v %s is written %q, want %q", c.v, c.unit, got, c.want)
		}
	}
	for us, want := range map[float64]string{1: "1 us", 999: "999 us", 1000: "1 ms", 85_400: "85.4 ms", 4.3e6: "4.30 s"} {
		if got := Duration(us); got != want {
			t.Errorf("%v us is written %q, want %q", us, got, want)
		}
	}
}

// TestVerdict: whose limit was reached, and whether the figures are worth anything.
func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		name                          string
		usher, prosody, bench, others float64
		late, host                    float64
		bottleneck                    bool
		says                          string
	}{
		{"nobody's", 0.3, 0.2, 0.3, 0.1, 0, 0, false, "no limit of CPU was reached: 55 % of the machine were idle; the load generator took 15 % of the machine"},
		{"one thread", 0.3, 0.93, 0.3, 0.1, 0, 0, false, "prosody was the limit"},
		{"machine full, by the server", 0.9, 0.5, 0.5, 0.1, 0, 0, false, "the machine was the limit: usher used the most"},
		{"machine full, by strangers", 0.4, 0.3, 0.4, 0.9, 0, 0, false, "measure again on a quiet machine"},
		{"machine full, by us", 0.6, 0.6, 0.75, 0, 0, 0, true, "it was the limit"},
		{"too greedy, machine not full", 0.1, 0, 0.81, 0, 0, 0, true, "took 40 % of the machine, more than 40 %"},
		{"just at the share", 0.1, 0, 0.8, 0, 0, 0, false, "no limit"},
		{"late", 0.1, 0.1, 0.1, 0, 12_000, 0, true, "late itself (p99 12 ms)"},
		{"late, but less than the server", 0.1, 0.1, 0.1, 0, 9_000, 0, false, "no limit"},
		{"late by less than is worth a word", 0.1, 0.1, 0.1, 0, 900, 0, false, "no limit"},
		{"the host's", 0.3, 0.2, 0.3, 0.1, 0, 0.3, false, "no limit of CPU was reached: 40 % of the machine were idle; the load generator took 15 % of the machine, its host 15 %"},
		{"machine full, partly by its host", 0.9, 0.3, 0.4, 0, 0, 0.35, false, "the machine was the limit: usher used the most of it (0.90 cores); the load generator took 20 % of the machine, its host 18 %"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &Result{Machine: Machine{Cores: 2}, Seconds: 1, Latencies: []Latency{{Count: 1, Us: map[string]float64{"p99": 20_000}}}}
			r.Harness.Late, r.Harness.Stolen = c.late, c.host
			r.Processes = []Usage{
				{Process: Process{Name: "usher"}, Cores: c.usher, Threads: 12}, {Process: Process{Name: "prosody"}, Cores: c.prosody, Threads: 1},
				{Process: Process{Name: "bench 1"}, Cores: c.bench / 2, Threads: 9}, {Process: Process{Name: "bench 2"}, Cores: c.bench / 2, Threads: 9},
				{Process: Process{Name: Others}, Cores: c.others},
			}
			r.judge()
			if r.Harness.Bottleneck != c.bottleneck || !strings.Contains(r.Harness.Says, c.says) {
				t.Errorf("got %v, %q; want %v, %q", r.Harness.Bottleneck, r.Harness.Says, c.bottleneck, c.says)
			}
			if strangers := strings.Contains(c.name, "strangers"); r.Harness.Disturbed != strangers {
				t.Errorf("disturbed: %v", r.Harness.Disturbed)
			}
			if math.Abs(r.Harness.Share-c.bench/2) > 1e-9 {
				t.Errorf("share %v of %v cores", r.Harness.Share, c.bench)
			}
		})
	}
}

// pair is two results, of which the second delivers twice as much at half the latency.
func pair() []*Result {
	one := &Result{About: About{Scenario: "chat", Target: "prosody"}, Figures: []Figure{{"delivered", 1000, "/s", false}, {"only here", 3, "kB", true}},
		Latencies: []Latency{{Name: "message", Count: 9, Us: map[string]float64{"p50": 400, "p99": 85_000}}}}
	two := &Result{About: About{Scenario: "chat", Target: "usher + prosody"}, Figures: []Figure{{"delivered", 2000, "/s", false}, {"only there", 0.5, "", false}},
		Latencies: []Latency{{Name: "message", Count: 9, Us: map[string]float64{"p50": 200, "p99": 42_500}}, {Name: "none"}}}
	return []*Result{one, two}
}

func TestCompare(t *testing.T) {
	rows := Compare(pair())
	missing := math.NaN()
	for i, want := range []Row{
		{Name: "delivered", Unit: "/s", Values: []float64{1000, 2000}, Ratio: 2},
		{Name: "only here", Unit: "kB", Lower: true, Values: []float64{3, missing}, Ratio: missing},
		{Name: "only there", Values: []float64{missing, 0.5}, Ratio: missing},
		{Name: "message p50", Unit: "us", Lower: true, Values: []float64{400, 200}, Ratio: 0.5},
		{Name: "message p99", Unit: "us", Lower: true, Values: []float64{85_000, 42_500}, Ratio: 0.5},
	} {
		if i >= len(rows) || fmt.Sprint(rows[i]) != fmt.Sprint(want) { // NaN is no equal of itself, but written alike
			t.Fatalf("row %d of %+v, want %+v", i, rows, want)
		}
	}
	if len(rows) != 5 {
		t.Errorf("%d rows", len(rows))
	}
	text, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		`{"name":"delivered","unit":"/s","lower_is_better":false,"values":[1000,2000],"ratio":2}`,
		`{"name":"only here","unit":"kB","lower_is_better":true,"values":[3,null],"ratio":null}`,
	} {
		if !strings.Contains(string(text), part) {
			t.Errorf("no %s in\n%s", part, text)
		}
	}
}

// TestRatioRefused: no ratio of what is not the server's.
func TestRatioRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(baseline, result *Result)
		why   string
	}{
		{"the harness takes 41 %", func(_, r *Result) { r.Harness.Share = 0.41 }, "chat, usher + prosody: the load generator took 41 % of the machine"},
		{"of the baseline", func(r, _ *Result) { r.Harness.Share = 0.5 }, "chat, prosody: the load generator took 50 % of the machine"},
		{"the harness is late", func(_, r *Result) { r.Harness.Bottleneck = true }, "the load generator was the limit"},
		{"interrupted", func(r, _ *Result) { r.Interrupted = true }, "interrupted"},
		{"one is fake", func(_, r *Result) { r.Fake = true }, "fake upstream server"},
		{"not the same work", func(_, r *Result) { r.Scenario = "idle" }, "idle is not chat"},
	} {
		t.Run(c.name, func(t *testing.T) {
			results := pair()
			c.spoil(results[0], results[1])
			rows := Compare(results)
			if len(rows) != 5 {
				t.Fatalf("%d rows", len(rows))
			}
			for _, row := range rows {
				if !math.IsNaN(row.Ratio) || !strings.Contains(row.Refused, c.why) {
					t.Errorf("%s: ratio %v, refused %q", row.Name, row.Ratio, row.Refused)
				}
			}
			if rows[0].Values[1] != 2000 {
				t.Errorf("the values are %v", rows[0].Values)
			}
		})
	}
	atLimit := pair()
	atLimit[1].Harness.Share = MaxShare
	if why := Refused(atLimit); why != "" {
		t.Errorf("at the limit: %s", why)
	}
}
