package measure

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// bubble makes a recorder under synctest's clock.
func bubble(about About) *Recorder {
	r := New(about, nil, nil)
	r.nap = time.Sleep
	return r
}

// delay is what the server of TestKnownDelays takes for a request: 90 % 2 ms, 9 % 15 ms, 0.9 % 120 ms, one in 1,000 3 s.
func delay(i int) time.Duration {
	switch i = i * 7919 % 1000; {
	case i < 900:
		return 2 * time.Millisecond
	case i < 990:
		return 15 * time.Millisecond
	case i < 999:
		return 120 * time.Millisecond
	}
	return 3 * time.Second
}

// TestKnownDelays: a server whose delays are known is measured as what it is, through a connection, at a rate that leaves thousands waiting.
func TestKnownDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const requests, rate = 10_000, 2000
		here, there := net.Pipe()
		var lock sync.Mutex
		go func() { // the server: it answers each request after its delay; ends with the pipe
			for lines := bufio.NewScanner(there); lines.Scan(); {
				i, err := strconv.Atoi(lines.Text())
				if err != nil {
					t.Error(err)
				}
				time.AfterFunc(delay(i), func() {
					lock.Lock()
					defer lock.Unlock()
					fmt.Fprintln(there, i)
				})
			}
		}()
		r := bubble(About{})
		h := r.Histogram("answer")
		delivered := r.Counter("delivered")
		due := make([]time.Time, requests)
		r.Start()
		done := make(chan struct{})
		go func() { // reads answers; ends with the last
			defer close(done)
			lines := bufio.NewScanner(here)
			for range requests {
				if !lines.Scan() {
					t.Error("an answer is missing")
					return
				}
				i, err := strconv.Atoi(lines.Text())
				if err != nil {
					t.Error(err)
				}
				h.Record(time.Since(due[i]))
				delivered.Add(1)
			}
		}()
		began := time.Now()
		r.Pace(t.Context(), rate, requests*time.Second/rate, func(i int, at time.Time) {
			due[i] = at
			if _, err := io.WriteString(here, strconv.Itoa(i)+"\n"); err != nil {
				t.Error(err)
			}
		})
		if took := time.Since(began); took > requests*time.Second/rate {
			t.Errorf("an open loop took %v: it waited for answers", took)
		}
		<-done
		here.Close()
		there.Close()
		result := r.Stop()
		l := result.Latency("answer")
		if l == nil || l.Count != requests || result.Counters["delivered"] != requests {
			t.Fatalf("got %+v, %v", l, result.Counters)
		}
		for name, want := range map[string]float64{"p50": 2000, "p90": 2000, "p95": 15_000, "p99": 15_000, "p99.9": 120_000, "max": 3e6,
			"mean": (900*2000 + 90*15_000 + 9*120_000 + 3e6) / 1000} {
			if got := l.Us[name]; math.Abs(got-want) > want/1000 {
				t.Errorf("%s is %v us, want %v", name, got, want)
			}
		}
		if result.Harness.Late > 1 {
			t.Errorf("late by %v us", result.Harness.Late)
		}
	})
}

// TestOpenLoopSparesNobody: a server that serves one at a time and stands still for a second makes all wait who are due in that second. An open
// loop says so; a closed loop has one slow answer and never sees the others (coordinated omission).
func TestOpenLoopSparesNobody(t *testing.T) {
	const service, stall, from = time.Millisecond, time.Second, 5 * time.Second
	const requests, rate = 1000, 100
	serve := func(start time.Time) {
		if since := time.Since(start); since >= from && since < from+stall {
			time.Sleep(from + stall - since)
		}
		time.Sleep(service)
	}
	synctest.Test(t, func(t *testing.T) {
		r := bubble(About{})
		open, closed := r.Histogram("open"), r.Histogram("closed")
		r.Start()
		queue := make(chan time.Time, requests)
		done := make(chan struct{})
		start := time.Now()
		go func() { // the server; ends with the queue
			defer close(done)
			for due := range queue {
				serve(start)
				open.Record(time.Since(due))
			}
		}()
		r.Pace(t.Context(), rate, requests*time.Second/rate, func(_ int, due time.Time) { queue <- due })
		close(queue)
		<-done
		start = time.Now()
		for time.Since(start) < requests*time.Second/rate {
			asked := time.Now()
			serve(start)
			closed.Record(time.Since(asked))
			time.Sleep(max(0, time.Second/rate-time.Since(asked)))
		}
		result := r.Stop()

		var want []float64 // by hand: who is served when
		free := time.Duration(0)
		for i := range requests {
			due := time.Duration(i) * time.Second / rate
			free = max(free, due)
			if free >= from && free < from+stall {
				free = from + stall
			}
			free += service
			want = append(want, float64((free - due).Microseconds()))
		}
		slices.Sort(want)
		l := result.Latency("open")
		for _, p := range shown {
			sorted := want[nth(p.at, requests)]
			if got := l.Us[p.name]; math.Abs(got-sorted) > sorted/1000+1 {
				t.Errorf("%s is %v us, want %v", p.name, got, sorted)
			}
		}
		if got := result.Latency("closed").Us["p99"]; got > 1001 || l.Us["p99"] < 800_000 {
			t.Errorf("p99: closed loop %v us, open loop %v: the test shows nothing", got, l.Us["p99"])
		}
	})
}

// TestPace: nothing is left out by who falls behind, each is told when it was due, and how late it is is known.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := bubble(About{})
		r.Start()
		start := time.Now()
		calls := 0
		r.Pace(t.Context(), 1000, time.Second, func(i int, due time.Time) {
			if i != calls || due.Sub(start) != time.Duration(i)*time.Millisecond {
				t.Fatalf("call %d is number %d, due after %v", calls, i, due.Sub(start))
			}
			calls++
			if i == 500 {
				time.Sleep(300 * time.Millisecond) // what do must not
			}
		})
		if calls != 1000 {
			t.Errorf("%d calls", calls)
		}
		ctx, cancel := context.WithCancel(t.Context())
		r.Pace(ctx, 10, 0, func(i int, _ time.Time) {
			if calls++; i == 7 {
				cancel()
			}
		})
		if calls != 1008 {
			t.Errorf("%d calls with those until it was cancelled", calls)
		}
		// 300 of 1,008 were late, by 299 ms and less: the 99th percentile is that of the tenth but last.
		result := r.Stop()
		if late := result.Harness.Late; late < 288_000 || late > 291_000 {
			t.Errorf("late by %v us", late)
		}
		if h := result.Harness; h.Bottleneck {
			// Without latencies there is nothing that lateness could have spoilt.
			t.Errorf("verdict %+v", h)
		}
	})
}

// TestPaceInTheKernel is the same without a false clock: due is even, whatever the machine does.
func TestPaceInTheKernel(t *testing.T) {
	r := New(About{}, nil, nil)
	defer r.Stop()
	var all []time.Time
	r.Pace(t.Context(), 1000, 50*time.Millisecond, func(_ int, due time.Time) {
		if time.Now().Before(due) {
			t.Errorf("%v early", time.Until(due))
		}
		all = append(all, due)
	})
	if len(all) != 50 || all[49].Sub(all[0]) != 49*time.Millisecond {
		t.Errorf("%d calls over %v", len(all), all[len(all)-1].Sub(all[0]))
	}
}

// TestErrorKinds: what differs from one error to the next is left out, what says more stays.
func TestErrorKinds(t *testing.T) {
	for text, want := range map[string]string{
		"session 17: dial tcp 127.0.0.3:40112->127.0.0.1:5280: connection refused": "session N: dial tcp ADDRESS->ADDRESS: connection refused",
		"[::1]:5280: HTTP 404": "ADDRESS: HTTP 404",
		"HTTP 503":             "HTTP 503",
		"room r-000231@x: 12 lost of 5000; sid 7f0a9c55e1d24b1c8ab3": "room r-N@x: N lost of N; sid ID",
		"write: broken pipe": "write: broken pipe",
		"the login was refused: not-authorized (policy-violation-and-more)": "the login was refused: not-authorized (policy-violation-and-more)",
		strings.Repeat("wort ", 100):                                        strings.Repeat("wort ", 60) + "...",
	} {
		if got := kind(fmt.Errorf("%s", text)); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	r := New(About{}, nil, nil)
	r.Error(nil)
	for i := range 2 * maxErrors {
		r.Error(fmt.Errorf("kind %s", strings.Repeat("x", i+1)))
	}
	result := r.Stop()
	if len(result.Errors) != maxErrors+1 || result.Errors["others"] != maxErrors {
		t.Errorf("%d kinds, %d others", len(result.Errors), result.Errors["others"])
	}
}
