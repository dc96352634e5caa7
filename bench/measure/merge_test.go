package measure

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// passedOn is a result as it comes from a client process.
func passedOn(t *testing.T, r *Result) *Result {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Result
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return &back
}

// TestMerge: three processes' histograms and counts together are those of one that did all of it, at each second too.
func TestMerge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		about := About{Scenario: "chat", Target: "usher", Fake: true, Sessions: 100}
		var parts []*Recorder
		for range 3 {
			parts = append(parts, bubble(about))
		}
		about.Sessions = 300
		one := bubble(about)
		all := append(slices.Clone(parts), one)
		for _, r := range all {
			r.Counter("sessions").Add(int64(r.about.Sessions))
			r.Histogram("message")
			r.Start()
		}
		random := rand.New(rand.NewPCG(1, 2))
		time.Sleep(time.Millisecond / 2) // nothing happens just when somebody looks
		for i := range 6000 {
			d := time.Duration(random.ExpFloat64() * 1e7)
			for _, r := range []*Recorder{parts[i%3], one} {
				r.Histogram("message").Record(d)
				r.Counter("delivered").Add(1)
			}
			time.Sleep(time.Millisecond)
		}
		parts[1].Histogram("login").Record(time.Second) // that only one has
		one.Histogram("login").Record(time.Second)
		parts[2].Gauge("held").Add(5)
		one.Gauge("held").Add(5)
		var results []*Result
		for _, r := range parts {
			results = append(results, passedOn(t, r.Stop()))
		}
		results[1].Add("delivered", 123, "/s", false)
		want := one.Stop()
		got, err := Merge(results)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Counters, want.Counters) || !slices.Equal(got.Gauges, want.Gauges) {
			t.Errorf("counters %v %v, want %v %v", got.Counters, got.Gauges, want.Counters, want.Gauges)
		}
		for _, w := range want.Latencies {
			l := got.Latency(w.Name)
			if l == nil || l.Count != w.Count || !reflect.DeepEqual(l.Us, w.Us) || !slices.Equal(l.Buckets, w.Buckets) {
				t.Errorf("latencies %+v,\nwant %+v", l, w)
			}
		}
		if got.Sessions != 300 || !got.Fake || got.Seconds != want.Seconds || len(got.Figures) != 0 {
			t.Errorf("merged: %v, %v s, figures %v", got.About, got.Seconds, got.Figures)
		}
		if len(got.Series) != len(want.Series) {
			t.Fatalf("%d looks, want %d", len(got.Series), len(want.Series))
		}
		for i, w := range want.Series {
			s := got.Series[i]
			if math.Abs(s.At-w.At) > 1e-9 || s.P50 != w.P50 || s.P99 != w.P99 || math.Abs(s.Counters["delivered"]-w.Counters["delivered"]) > 1e-6 ||
				s.Counters["sessions"] != w.Counters["sessions"] {
				s.Buckets, w.Buckets = nil, nil
				t.Errorf("look %d: %+v,\nwant %+v", i, s, w)
			}
		}
	})
}

// process is what was seen of one.
func process(name string, pid int, cores float64, peak int64) Usage {
	return Usage{Process: Process{name, pid}, Cores: cores, CPU: cores * 10, Peak: peak, End: peak - 1}
}

// TestMergeProcesses: who is seen by several counts once, and none of the client processes is a stranger to the others.
func TestMergeProcesses(t *testing.T) {
	part := func(own int, ownCores, others float64, usher int64) *Result {
		names := map[string]float64{"usher": 0.8, "bench": ownCores, Others: others}
		return &Result{Seconds: 10, Machine: Machine{Cores: 2}, Processes: []Usage{process("usher", 7, 0.8, usher), process("bench", own, ownCores, 1000), process(Others, 0, others, 0)},
			Series: []Sample{{At: 1, Seconds: 1, Cores: names, RSS: map[string]int64{"usher": usher, "bench": int64(own)}}}}
	}
	// Both saw 1.5 cores busy: usher 0.8, themselves 0.3 and 0.2, so 0.2 are left for others.
	got, err := Merge([]*Result{part(11, 0.3, 0.4, 50), part(12, 0.2, 0.5, 60)})
	if err != nil {
		t.Fatal(err)
	}
	want := []Usage{process("usher", 7, 0.8, 60), process("bench 1", 11, 0.3, 1000), process("bench 2", 12, 0.2, 1000)}
	for i, w := range want {
		if got.Processes[i] != w {
			t.Errorf("%+v, want %+v", got.Processes[i], w)
		}
	}
	if o := got.Processes[3]; o.Name != Others || math.Abs(o.Cores-0.2) > 1e-9 || math.Abs(o.CPU-2) > 1e-9 || len(got.Processes) != 4 {
		t.Errorf("others: %+v of %d", o, len(got.Processes))
	}
	s := got.Series[0]
	if want := map[string]int64{"usher": 60, "bench 1": 11, "bench 2": 12}; !reflect.DeepEqual(s.RSS, want) {
		t.Errorf("memory over time %v, want %v", s.RSS, want)
	}
	if s.Cores["bench 2"] != 0.2 || math.Abs(s.Cores[Others]-0.2) > 1e-9 || len(s.Cores) != 4 {
		t.Errorf("cores over time %v", s.Cores)
	}
	if math.Abs(got.Harness.Share-0.25) > 1e-9 {
		t.Errorf("share %v", got.Harness.Share)
	}
}

// TestMergeSlowLooks: parts that looked at different intervals still give one series.
func TestMergeSlowLooks(t *testing.T) {
	part := func(step float64, n int) *Result {
		r := &Result{}
		for i := range n {
			r.Series = append(r.Series, Sample{At: step * float64(i+1), Seconds: step, Counters: map[string]float64{"sent": 10}})
		}
		return r
	}
	got, err := Merge([]*Result{part(0.25, 16), part(1, 4), part(0.5, 8)})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Series) != 4 {
		t.Fatalf("%d looks", len(got.Series))
	}
	for i, s := range got.Series {
		if s.At != float64(i+1) || s.Seconds != 1 || s.Counters["sent"] != 30 {
			t.Errorf("look %d: %+v", i, s)
		}
	}
}

func TestMergeRefuses(t *testing.T) {
	chat := &Result{About: About{Scenario: "chat", Target: "prosody"}}
	for what, parts := range map[string][]*Result{
		"no results":               {},
		"idle: prosody":            {chat, {About: About{Scenario: "idle", Target: "prosody"}}},
		"chat: ejabberd":           {chat, {About: About{Scenario: "chat", Target: "ejabberd"}}},
		"the histogram itself":     {chat, {About: chat.About, Latencies: []Latency{{Name: "x", Count: 1}}}},
		`latencies "x": illegal`:   {chat, {About: chat.About, Latencies: []Latency{{Name: "x", Count: 1, Hdr: []byte("garbage")}}}},
		`latencies "x": too short`: {chat, {About: chat.About, Latencies: []Latency{{Name: "x", Count: 1, Hdr: []byte{1}}}}},
	} {
		if r, err := Merge(parts); err == nil || r != nil {
			t.Errorf("%s: merged", what)
		} else if word, _, _ := strings.Cut(what, ": illegal"); !strings.Contains(err.Error(), strings.TrimSuffix(word, ": too short")) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestJSON: what is written can be read and merged again, but is without what only merging needs of each look.
func TestJSON(t *testing.T) {
	r := New(About{Scenario: "chat"}, []Process{{"server", os.Getppid()}}, nil)
	h := r.Histogram("message")
	r.Start()
	h.Record(time.Millisecond)
	result := r.Stop()
	result.Add("delivered", 5, "/s", false)
	result.Add("of nothing", math.NaN(), "ms", true)
	result.Add("of less", math.Inf(1), "ms", true)
	if len(result.Series) == 0 || len(result.Series[len(result.Series)-1].Buckets) == 0 {
		t.Fatalf("looks: %+v", result.Series)
	}
	var out strings.Builder
	if err := result.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	if strings.Count(out.String(), "\n") != 1 {
		t.Error("not one line")
	}
	back := &Result{}
	if err := json.Unmarshal([]byte(out.String()), back); err != nil {
		t.Fatal(err)
	}
	for i := range back.Series {
		if back.Series[i].Buckets != nil {
			t.Errorf("look %d has its buckets", i)
		}
	}
	if len(result.Series[len(result.Series)-1].Buckets) == 0 {
		t.Error("the result itself has lost its buckets")
	}
	if !reflect.DeepEqual(back.Latencies, result.Latencies) || !reflect.DeepEqual(back.Figures, []Figure{{"delivered", 5, "/s", false}}) || !reflect.DeepEqual(back.Processes, result.Processes) {
		t.Errorf("read back: %+v", back)
	}
	if _, err := Merge([]*Result{back, back}); err != nil {
		t.Error(err)
	}
	var keys map[string]any
	if err := json.Unmarshal([]byte(out.String()), &keys); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"scenario", "target", "fake", "machine", "seconds", "figures", "counters", "latencies", "processes", "series", "harness", "command"} {
		if _, is := keys[key]; !is {
			t.Errorf("no %q in the JSON", key)
		}
	}
}
