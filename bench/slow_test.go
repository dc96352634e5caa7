package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestSlow floods four readers who stop reading: the edge ends them, for a reason that it counts, and the others lose nothing.
func TestSlow(t *testing.T) {
	bin, err := usher()
	if err != nil {
		t.Fatal(err)
	}
	r := one(t, "slow", "-target", "usher+prosody", "-bin", bin, "-n", "4", "-rate", "20", "-readers", "4", "-crowd", "2", "-flood", "60", "-for", "5s")
	if got := faultsOf(r); got != (faults{}) || r.Counters["sent"] != 100 {
		t.Errorf("counted %+v, %v", got, r.Counters)
	}
	figures := map[string]float64{}
	for _, f := range r.Figures {
		figures[f.Name] = f.Value
	}
	if figures["streams ended, overflow"] != 4 {
		t.Errorf("not all four were ended: %v", figures)
	}
	for i, name := range phases {
		if l := r.Latency(name); l == nil || l.Count != []int64{20, 20, 60}[i] {
			t.Errorf("%s: %+v", name, l)
		}
		if figures["memory of usher, most, "+strings.TrimPrefix(name, "message, ")] <= 1 {
			t.Errorf("no memory of %q: %v", name, figures)
		}
	}
}

func TestByReason(t *testing.T) {
	page := `# TYPE usher_closes_total counter
usher_closes_total{reason="overflow",transport="bosh"} 2
usher_closes_total{reason="overflow",transport="ws"} 40
usher_closes_total{transport="ws",reason="stalled"} 3
usher_closes_total_more{reason="stalled"} 7
usher_drops_total{reason="overflow"} 9
`
	got, err := byReason([]byte(page), "usher_closes_total")
	if want := map[string]float64{"overflow": 42, "stalled": 3}; err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", slices.Sorted(maps.Keys(got)), err, want)
	}
	if _, err := byReason([]byte(`usher_closes_total{reason="x"} many`), "usher_closes_total"); err == nil {
		t.Error("a value that is no number was taken")
	}
}
