package c2s

import (
	"testing"
	"time"
)

func TestRates(t *testing.T) {
	type step struct {
		after time.Duration // since the step before
		n     float64
		pause time.Duration
	}
	for name, c := range map[string]struct {
		rate  Rate
		steps []step
	}{
		"no limit": {Rate{}, []step{{0, 1e12, 0}, {0, 1e12, 0}}},
		"burst, then one by one": {Rate{PerSecond: 2, Burst: 3}, []step{
			{0, 1, 0}, {0, 1, 0}, {0, 1, 0}, // the burst
			{0, 1, 500 * time.Millisecond},
			{500 * time.Millisecond, 1, 500 * time.Millisecond},
			{time.Second, 1, 0},
		}},
		"fills up to the burst only": {Rate{PerSecond: 10, Burst: 2}, []step{
			{0, 2, 0}, {time.Hour, 2, 0}, {0, 1, 100 * time.Millisecond},
		}},
		"one that is larger than the burst": {Rate{PerSecond: 100, Burst: 100}, []step{
			{0, 300, 2 * time.Second}, {2 * time.Second, 0, 0}, {0, 1, 10 * time.Millisecond},
		}},
		"no burst": {Rate{PerSecond: 1}, []step{{0, 1, time.Second}, {3 * time.Second, 1, time.Second}}},
		"no overflow": {Rate{PerSecond: 1e-12, Burst: 1e12}, []step{
			{0, 1e300, 0}, {0, 1e300, 24 * time.Hour},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var b bucket
			var now time.Duration
			for i, s := range c.steps {
				now += s.after
				if got := b.take(c.rate, now, s.n); got != s.pause {
					t.Fatalf("step %d: pause %v, want %v", i, got, s.pause)
				}
			}
		})
	}
}
