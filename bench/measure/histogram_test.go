package measure

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestHistogramKnownPercentiles records values whose percentiles are known by sorting them.
func TestHistogramKnownPercentiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, next := range map[string]func(i int) float64{
		"even, 1 us to 100 ms":    func(i int) float64 { return float64(i + 1) },
		"exponential, mean 3 ms":  func(int) float64 { return 3000 * random.ExpFloat64() },
		"log-normal, to minutes":  func(int) float64 { return 20_000 * math.Exp(2*random.NormFloat64()) },
		"two peaks, 1 ms and 1 s": func(i int) float64 { return []float64{1000, 1e6}[i%100/98] },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHistogram("")
			var all []float64
			for i := range 100_000 {
				us := min(max(math.Round(next(i)), leastUs), mostUs)
				all = append(all, us)
				h.Record(time.Duration(us) * time.Microsecond)
			}
			slices.Sort(all)
			l := h.latency()
			if l.Count != int64(len(all)) {
				t.Errorf("count %d, want %d", l.Count, len(all))
			}
			sum := 0.0
			for _, us := range all {
				sum += us
			}
			close := func(what string, got, want, digits float64) {
				t.Helper()
				if math.Abs(got-want) > max(want*digits, 1) {
					t.Errorf("%s is %v us, want %v", what, got, want)
				}
			}
			close("mean", l.Us["mean"], sum/float64(len(all)), 0.001)
			recent := h.taken()
			for _, p := range shown {
				want := all[nth(p.at, len(all))]
				close(p.name, l.Us[p.name], want, 0.001)
				close(p.name+" of the look", percentile(recent, p.at), want, 1.0/perDoubling)
			}
			var n int64
			for i, b := range l.Buckets {
				n += b[1]
				if i > 0 && b[0] <= l.Buckets[i-1][0] {
					t.Fatalf("bucket %d ends at %d, the one before at %d", i, b[0], l.Buckets[i-1][0])
				}
				under, _ := slices.BinarySearch(all, float64(b[0])*1.001+1)
				if int64(under) < n {
					t.Fatalf("buckets to %d us hold %d, but only %d are as short", b[0], n, under)
				}
			}
			if n != l.Count || len(l.Buckets) > 110 {
				t.Errorf("%d buckets with %d of %d", len(l.Buckets), n, l.Count)
			}
		})
	}
}

// nth is where a percentile of n sorted values is.
func nth(percentile float64, n int) int {
	return int(math.Ceil(math.Round(percentile*float64(n)*10)/1000)) - 1
}

// TestHistogramBounds: what is outside the range counts as its end, and nothing is not a latency.
func TestHistogramBounds(t *testing.T) {
	h := newHistogram("")
	if l := h.latency(); l.Count != 0 || len(l.Us) != 0 || h.p99() != 0 {
		t.Errorf("an empty histogram says %+v", l)
	}
	for _, d := range []time.Duration{-time.Second, 0, 499 * time.Nanosecond, time.Hour} {
		h.Record(d)
	}
	l := h.latency()
	if l.Count != 4 || l.Us["p50"] != 1 || math.Abs(l.Us["max"]-mostUs) > mostUs/1000 {
		t.Errorf("got %+v", l)
	}
	if got := h.taken(); len(got) != 2 || got[0] != [2]int64{1, 3} || got[1][1] != 1 || got[1][0] < mostUs {
		t.Errorf("the look has %v", got)
	}
	if got := h.taken(); got != nil {
		t.Errorf("the next look has %v again", got)
	}
}

// TestBuckets: each latency is in a bucket that ends not before it and at most 1.6 % after it, and buckets leave no gap.
func TestBuckets(t *testing.T) {
	for us := int64(1); us <= mostUs; us += 1 + us/1000 {
		i := bucket(us)
		if u := upper(i); i >= coarse || u < us || float64(u) > float64(us)*(1+1.0/perDoubling) {
			t.Fatalf("%d us is in bucket %d, which ends at %d", us, i, u)
		}
		if bucket(upper(i)) != i || bucket(upper(i)+1) != i+1 {
			t.Fatalf("bucket %d ends at %d, but that is in %d and the next in %d", i, upper(i), bucket(upper(i)), bucket(upper(i)+1))
		}
	}
}

func TestUnited(t *testing.T) {
	for _, c := range []struct{ a, b, want [][2]int64 }{
		{nil, nil, nil},
		{nil, [][2]int64{{3, 1}}, [][2]int64{{3, 1}}},
		{[][2]int64{{3, 1}}, nil, [][2]int64{{3, 1}}},
		{[][2]int64{{1, 1}, {3, 2}, {9, 1}}, [][2]int64{{2, 5}, {3, 4}}, [][2]int64{{1, 1}, {2, 5}, {3, 6}, {9, 1}}},
	} {
		if got := united(c.a, c.b); !slices.Equal(got, c.want) {
			t.Errorf("%v and %v are %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

func TestRecordAllocatesNothing(t *testing.T) {
	h := newHistogram("")
	if n := testing.AllocsPerRun(1000, func() { h.Record(1234 * time.Microsecond) }); n != 0 {
		t.Errorf("a latency costs %v allocations", n)
	}
}
