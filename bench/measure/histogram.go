package measure

import (
	"fmt"
	"math"
	"math/bits"
	"sync"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// What a histogram holds, in microseconds, and with how many digits.
const (
	leastUs = 1
	mostUs  = 600e6
	digits  = 3
)

// Histogram holds latencies from 1 us to 10 minutes with three digits (HdrHistogram); what is outside counts as the nearest of these. Record may be
// called by any goroutine.
type Histogram struct {
	name string

	mu    sync.Mutex
	whole *hdr.Histogram
	since [coarse]uint32 // what came since the last look, by bucket
}

func newHistogram(name string) *Histogram {
	return &Histogram{name: name, whole: hdr.New(leastUs, mostUs, digits)}
}

// Record takes one latency. In an open loop it is counted from when the request was due, not from when it could be made, so that a slow server is
// not spared (coordinated omission).
func (h *Histogram) Record(d time.Duration) {
	us := min(max((d.Nanoseconds()+500)/1000, leastUs), mostUs)
	h.mu.Lock()
	defer h.mu.Unlock()
	// The value is within the range that the histogram was made for, so it can't be refused.
	_ = h.whole.RecordValue(us)
	h.since[bucket(us)]++
}

// reset forgets everything.
func (h *Histogram) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.whole.Reset()
	h.since = [coarse]uint32{}
}

// taken returns what came since it was called last.
func (h *Histogram) taken() [][2]int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all [][2]int64
	for i, n := range h.since {
		if n > 0 {
			all = append(all, [2]int64{upper(i), int64(n)})
			h.since[i] = 0
		}
	}
	return all
}

// latency is what the histogram shows.
func (h *Histogram) latency() Latency {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := Latency{Name: h.name}
	l.show(h.whole)
	return l
}

// p99 in microseconds.
func (h *Histogram) p99() float64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.whole.TotalCount() == 0 {
		return 0
	}
	return float64(h.whole.ValueAtPercentile(99))
}

// shown lists the percentiles of a Latency by name, in the order of a table.
var shown = []struct {
	name string
	at   float64
}{{"p50", 50}, {"p90", 90}, {"p95", 95}, {"p99", 99}, {"p99.9", 99.9}, {"max", 100}}

// show fills l in from a histogram.
func (l *Latency) show(h *hdr.Histogram) {
	l.Count = h.TotalCount()
	l.Us = map[string]float64{}
	l.Buckets = [][2]int64{}
	l.Hdr = nil
	if l.Count == 0 {
		return
	}
	for _, p := range shown {
		l.Us[p.name] = float64(h.ValueAtPercentile(p.at))
	}
	l.Us["mean"] = math.Round(h.Mean()*10) / 10
	// Buckets have their upper bounds in equal steps of the logarithm, whole microseconds at least.
	least, most := float64(h.Min()), float64(h.Max())
	step := max(math.Pow(most/max(least, 1), 1.0/100), 1.0001)
	bound := least
	for _, bar := range h.Distribution() {
		if bar.Count == 0 {
			continue
		}
		if last := len(l.Buckets) - 1; last >= 0 && bar.To <= l.Buckets[last][0] {
			l.Buckets[last][1] += bar.Count
			continue
		}
		for bound < float64(bar.To) {
			bound = max(math.Floor(bound*step), bound+1)
		}
		l.Buckets = append(l.Buckets, [2]int64{int64(bound), bar.Count})
	}
	// Encoding a histogram of this library's own making can't fail but for memory.
	l.Hdr, _ = h.EncodeV2()
}

// whole is the histogram that l was made of.
func (l *Latency) whole() (*hdr.Histogram, error) {
	if len(l.Hdr) == 0 {
		if l.Count > 0 {
			return nil, fmt.Errorf("latencies %q: the histogram itself is missing", l.Name)
		}
		return hdr.New(leastUs, mostUs, digits), nil
	}
	h, err := hdr.Decode(l.Hdr)
	if err != nil {
		return nil, fmt.Errorf("latencies %q: %w", l.Name, err)
	}
	return h, nil
}

// Percentiles over time come from buckets that are 1.6 % wide: every doubling has 64.
const (
	perDoubling = 64
	coarse      = perDoubling * (30 - 6 + 1) // up to 2^30 us
)

// bucket is where a latency goes. The first 64 hold one microsecond each.
func bucket(us int64) int {
	if us < perDoubling {
		return int(us)
	}
	e := bits.Len64(uint64(us)) - 7 // how many low bits are left out
	return e*perDoubling + int(us>>e)
}

// upper is the highest latency in a bucket.
func upper(i int) int64 {
	if i < 2*perDoubling {
		return int64(i)
	}
	e := i/perDoubling - 1
	return int64(i-e*perDoubling+1)<<e - 1
}

// percentile of sorted buckets, in microseconds; 0 if there is nothing in them.
func percentile(buckets [][2]int64, p float64) float64 {
	var all int64
	for _, b := range buckets {
		all += b[1]
	}
	want := int64(math.Ceil(float64(all)*p/100 - 1e-6)) // 99.9 is no binary number
	for _, b := range buckets {
		if want -= b[1]; want <= 0 {
			return float64(b[0])
		}
	}
	return 0
}

// united adds up two lists of sorted buckets.
func united(a, b [][2]int64) [][2]int64 {
	if len(a) == 0 {
		return b
	}
	sum := make([][2]int64, 0, max(len(a), len(b)))
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0][0] < b[0][0]:
			sum, a = append(sum, a[0]), a[1:]
		case a[0][0] > b[0][0]:
			sum, b = append(sum, b[0]), b[1:]
		default:
			sum = append(sum, [2]int64{a[0][0], a[0][1] + b[0][1]})
			a, b = a[1:], b[1:]
		}
	}
	return append(append(sum, a...), b...)
}
