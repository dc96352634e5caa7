package gateway

import (
	"testing"
	"time"

	"usher/c2s"
)

// A bucket starts full, gives its burst at once, and one more for each token that has flown in; what it refuses costs nothing.
func TestBucket(t *testing.T) {
	const start = 90 * time.Minute // buckets are made at any time
	take := func(b *bucket, r c2s.Rate, at time.Duration, want ...bool) {
		t.Helper()
		for i, w := range want {
			if got := b.take(r, start+at); got != w {
				t.Errorf("%v at %v, %d.: %v", r, at, i+1, got)
			}
		}
	}
	var b bucket
	r := c2s.Rate{PerSecond: 2, Burst: 3}
	take(&b, r, 0, true, true, true, false, false, false)
	take(&b, r, 499*time.Millisecond, false)
	take(&b, r, 500*time.Millisecond, true, false)
	take(&b, r, 1500*time.Millisecond, true, true, false)
	take(&b, r, time.Hour, true, true, true, false)

	b = 0
	take(&b, c2s.Rate{PerSecond: 1e9, Burst: 1e9}, 0, true, true, true)
	b = 0
	take(&b, c2s.Rate{}, 0, true, true, true) // no limit
	b = 0
	take(&b, c2s.Rate{PerSecond: 1.0 / 3600, Burst: 1}, 0, true, false)
	take(&b, c2s.Rate{PerSecond: 1.0 / 3600, Burst: 1}, time.Hour, true, false)
	b = 0
	take(&b, c2s.Rate{PerSecond: 1e-300, Burst: 5}, 0, true, false) // once, and never again: no overflow
}
