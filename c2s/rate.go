package c2s

import "time"

// Rate is a token bucket: PerSecond tokens flow in, at most Burst are kept.
// A zero Rate does not limit.
type Rate struct {
	PerSecond float64
	Burst     float64
}

// bucket is the state of one token bucket: the moment, since the stream's
// start, at which it will be full again. What is taken is never refused: the
// bucket goes below zero and the taker pauses.
type bucket time.Duration

// take takes n tokens and returns how long it is until the bucket is no longer below zero.
func (b *bucket) take(r Rate, now time.Duration, n float64) time.Duration {
	if r.PerSecond <= 0 {
		return 0
	}
	full := max(time.Duration(*b), now) + seconds(n/r.PerSecond)
	*b = bucket(full)
	return max(0, full-now-seconds(r.Burst/r.PerSecond))
}

// seconds converts without overflow: a day is more than anybody waits.
func seconds(s float64) time.Duration {
	return time.Duration(min(s, 86400) * float64(time.Second))
}
