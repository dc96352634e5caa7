package main

import (
	"bytes"
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"usher/bench/measure"
)

// TestSoak is a short one, over both transports at once, with a line each second.
func TestSoak(t *testing.T) {
	bin, err := usher()
	if err != nil {
		t.Fatal(err)
	}
	var out, progress bytes.Buffer
	args := []string{"soak", "-target", "usher+prosody", "-bin", bin, "-n", "20", "-rate", "100", "-for", "2s", "-every", "1s", "-json"}
	if status := run(t.Context(), args, &out, &progress); status != 0 {
		t.Fatalf("status %d\n%s", status, progress.String())
	}
	var r measure.Result
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if got := faultsOf(&r); got != (faults{}) || len(r.Errors) > 0 || r.Counters["sent"] != 200 || r.Counters["delivered"] != 200 {
		t.Errorf("counted %+v, %v, errors %v", got, r.Counters, r.Errors)
	}
	for _, name := range []string{"message, ws", "message, bosh"} {
		if l := r.Latency(name); l == nil || l.Count != 100 {
			t.Errorf("%s: %+v, want 100", name, l)
		}
	}
	for _, name := range []string{"memory growth, usher", "memory growth, prosody"} {
		if !slices.ContainsFunc(r.Figures, func(f measure.Figure) bool { return f.Name == name && !math.IsNaN(f.Value) }) {
			t.Errorf("no figure %q: %+v", name, r.Figures)
		}
	}
	line := regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d after \d+s: sessions 20, sent \d+, delivered \d+, lost 0, .* prosody \d+\.\d MB .* usher \d+\.\d MB `)
	if !line.MatchString(progress.String()) {
		t.Errorf("no line to keep in:\n%s", progress.String())
	}
}

func TestSlopes(t *testing.T) {
	r := &measure.Result{Seconds: 600, Processes: []measure.Usage{
		{Process: measure.Process{Name: "usher"}}, {Process: measure.Process{Name: "still"}}, {Process: measure.Process{Name: "bench"}}, {Process: measure.Process{Name: measure.Others}},
	}}
	for at := range 600 {
		grown := int64(20e6) + int64(at)*1000 // 3,600 kB/h
		if at < 100 {
			grown = int64(at) * 200e3 // it settles
		}
		jitter := int64(1 - at%2*2)
		r.Series = append(r.Series, measure.Sample{At: float64(at), RSS: map[string]int64{"usher": grown + jitter, "still": 5e6, "bench": grown}})
	}
	slopes(r)
	want := map[string]float64{"memory growth, usher": 3600, "memory growth, still": 0}
	if len(r.Figures) != len(want) {
		t.Errorf("figures %+v", r.Figures)
	}
	for _, f := range r.Figures {
		if w, ok := want[f.Name]; !ok || math.Abs(f.Value-w) > 1 || f.Unit != "kB/h" || !strings.HasPrefix(f.Name, "memory") {
			t.Errorf("%+v, want %v", f, w)
		}
	}
}
