package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"usher/bench/load"
	"usher/bench/measure"
	"usher/bench/stage"
)

// usher is Usher's binary, built once; TestMain removes it.
var usher = sync.OnceValues(func() (string, error) {
	var err error
	if usherDir, err = os.MkdirTemp("", "usher-bench-"); err != nil {
		return "", err
	}
	return stage.Build(context.Background(), usherDir)
})

var usherDir string

func TestMain(m *testing.M) {
	if os.Getenv(partVariable) != "" { // a client process that a test has started
		os.Exit(choose(context.Background(), append(scenarios(), meeting(nil)), os.Args[1:], os.Stdout, os.Stderr))
	}
	status := m.Run()
	os.RemoveAll(usherDir) // of "" too: nothing
	os.Exit(status)
}

// bench runs a scenario as from the command line, with the real binary, and returns what -json prints: a result for each transport.
func bench(t *testing.T, args ...string) []*measure.Result {
	t.Helper()
	bin, err := usher()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	var progress words
	if status := run(t.Context(), append(args, "-json", "-bin", bin), &out, &progress); status != 0 {
		t.Fatalf("%v: status %d\n%s", args, status, progress.String())
	}
	var results []*measure.Result
	for dec := json.NewDecoder(&out); dec.More(); {
		r := &measure.Result{}
		if err := dec.Decode(r); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		if r.Scenario != args[0] || r.Interrupted || r.Seconds <= 0 || r.Harness.Says == "" {
			t.Errorf("%v: not a whole run of it: %+v", args, r.About)
		}
		if len(r.Errors) > 0 {
			t.Errorf("%v: %v", args, r.Errors)
		}
		for _, p := range r.Processes {
			if p.Name != measure.Others && (p.CPU <= 0 || p.Peak < 4<<20 || p.Peak > 4<<30) {
				t.Errorf("%v: process %s was not looked at: %+v", args, p.Name, p)
			}
		}
		results = append(results, r)
	}
	if len(results) == 0 {
		t.Fatalf("%v: nothing was printed\n%s", args, progress.String())
	}
	return results
}

// figure is the value of a scenario's figure.
func figure(t *testing.T, r *measure.Result, name string) float64 {
	t.Helper()
	for _, f := range r.Figures {
		if f.Name == name {
			return f.Value
		}
	}
	t.Fatalf("%s has no figure %q: %+v", r.Title(), name, r.Figures)
	return 0
}

// TestIdle is the idle scenario in small: every step is taken, and every figure is there.
func TestIdle(t *testing.T) {
	for _, test := range []struct {
		name     string
		args     []string
		runs     []string
		sessions int
		figures  []string
	}{
		{"ws and bosh", []string{"-transport", "both"}, []string{"ws", "bosh"}, 200, nil},
		{"tls", []string{"-transport", "ws", "-tls"}, []string{"ws"}, 40, nil},
		{"two edges, two client processes", []string{"-transport", "bosh", "-ushers", "2", "-processes", "2"}, []string{"bosh"}, 40,
			[]string{"at rest, a session: usher 1", "at rest, a session: usher 2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			profile := filepath.Join(t.TempDir(), "heap")
			results := bench(t, append([]string{"idle", "-n", fmt.Sprint(test.sessions), "-every", "20ms", "-rest", "0s", "-gone", "3", "-profile", profile}, test.args...)...)
			if len(results) != len(test.runs) {
				t.Fatalf("%d results, not one for each of %v", len(results), test.runs)
			}
			for i, r := range results {
				if r.Transport != test.runs[i] || r.TLS != (test.name == "tls") || r.Sessions != test.sessions || !r.Fake || r.Counters["sessions"] != int64(test.sessions) {
					t.Errorf("a result about something else: %+v", r.About)
				}
				for _, name := range []string{"set-up", "set-up, CPU", "message there and back, CPU", "at rest, live heap a session"} {
					if v := figure(t, r, name); v <= 0 {
						t.Errorf("%s: %v", name, v)
					}
				}
				// The kernel gives pages and runtimes keep some in hand, so that a few sessions' memory says little.
				for _, name := range append(test.figures, "logged in, a session", "after a message, a session", "at rest, a session") {
					if kB := figure(t, r, name); test.sessions >= 200 && (kB < 0.5 || kB > 64) {
						t.Errorf("%s: %v kB: something else was measured", name, kB)
					}
				}
				for name, n := range map[string]int64{"login": int64(test.sessions), "message there and back": int64(test.sessions), "client gone noticed": 3} {
					if l := r.Latency(name); r.Transport == "ws" && name == "client gone noticed" {
						continue
					} else if l == nil || l.Count != n {
						t.Errorf("%s: %+v, want %d", name, l, n)
					}
				}
				if _, err := os.Stat(profile + "." + r.Transport + ".1"); err != nil {
					t.Errorf("heap profile: %v", err)
				}
			}
		})
	}
}

// TestIdleOfOthers holds sessions, two in each room, at real servers: at their own fronts, and at Usher before one.
func TestIdleOfOthers(t *testing.T) {
	for _, test := range []struct{ target, transport string }{
		{stage.Prosody, "ws"},
		{stage.UsherProsody, "bosh"},
		{stage.Ejabberd, "ws"}, // over BOSH it never answers, now and then, a request that overtakes the one before on another connection
	} {
		t.Run(test.target, func(t *testing.T) {
			t.Parallel()
			r := bench(t, "idle", "-target", test.target, "-transport", test.transport, "-n", "21", "-join", "-every", "20ms", "-rest", "0s")[0]
			if r.Fake || r.Counters["sessions"] != 21 || r.Counters["in rooms"] != 21 || r.Usage(strings.TrimPrefix(test.target, "usher+")) == nil || figure(t, r, "set-up, CPU") <= 0 {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestSupport(t *testing.T) {
	for _, test := range []struct{ target, transport string }{{stage.UsherProsody, "ws"}, {stage.UsherEjabberd, "bosh"}} {
		t.Run(test.target, func(t *testing.T) {
			t.Parallel()
			r := bench(t, "support", "-target", test.target, "-transport", test.transport, "-rate", "10", "-for", "1s", "-agents", "3")[0]
			for _, name := range []string{"sessions", "asked", "met", "talked"} {
				if r.Counters[name] != 10 {
					t.Errorf("%d %s, want 10: not everybody was served", r.Counters[name], name)
				}
			}
			for _, name := range []string{"due to both in the room", "offer accepted to both in the room", "a line and its answer"} {
				if l := r.Latency(name); l == nil || l.Count != 10 || l.Us["p50"] <= 0 {
					t.Errorf("%s: %+v", name, l)
				}
			}
			if figure(t, r, "requests reached") <= 0 || figure(t, r, "a request, CPU of usher") <= 0 {
				t.Errorf("not measured: %+v", r.Figures)
			}
		})
	}
}

// TestFan floods in both directions; nothing is lost on the way.
func TestFan(t *testing.T) {
	for _, args := range [][]string{
		{"fanin", "-n", "20", "-for", "200ms", "-transport", "both", "-burst", "1,4"},
		{"fanout", "-n", "20", "-for", "200ms", "-transport", "both"},
	} {
		t.Run(args[0], func(t *testing.T) {
			names := []string{"client to upstream"}
			if args[0] == "fanin" {
				names = []string{"1 in a row", "4 in a row"}
			}
			for _, r := range bench(t, args...) {
				if !r.Fake || r.Counters["sent"] < 20 || r.Counters["delivered"] != r.Counters["sent"] {
					t.Errorf("%s: %v", r.Title(), r.Counters)
				}
				for _, name := range names {
					us, core := figure(t, r, name+": CPU of the edge, a stanza"), figure(t, r, name+": a core of the edge")
					if us <= 0 || us*core < 0.99e6 || us*core > 1.01e6 {
						t.Errorf("%s: %v us a stanza, but %v a second", name, us, core)
					}
				}
				if args[0] == "fanin" && figure(t, r, "one bare write of as many bytes, CPU") <= 0 {
					t.Error("no bare write")
				}
			}
		})
	}
}

func TestCommandLine(t *testing.T) {
	for line, want := range map[string]struct {
		status int
		says   string
	}{
		"":                            {2, "usage: go run ./bench SCENARIO"},
		"nonsense":                    {2, "idle "},
		"idle -help":                  {0, "-transport"},
		"idle -n 0":                   {2, "-n: 1 or more"},
		"idle -transport carrier":     {2, `no "carrier"`},
		"idle -transport ws -nonsens": {2, "not defined: -nonsens"},
		"idle -n 5 more":              {2, "no arguments"},
		"idle -n 1 -bin /nonexistent": {1, "no such file"},
		"idle -every 0s":              {2, "more than 0"},
		"idle -ws ws://127.0.0.1:1/ -transport ws":                   {2, "-domain"},
		"idle -ws ws://127.0.0.1:1/ -transport ws -domain localhost": {1, load.ErrEndpoint.Error()},
		"support -help":           {0, "-workgroup"},
		"support -rate 0":         {2, "more than 0"},
		"support -target carrier": {2, `no "carrier"`},
		"support -target prosody": {2, "a desk has"},
		"support -agents 0":       {2, "-agents: 1 or more"},
		"support -ws ws://127.0.0.1:1/ -domain d -transport ws": {2, "-c2s and -workgroup"},
		"support -c2s 127.0.0.1:1":                              {2, "-c2s and -workgroup"},
		"fanin -target prosody":                                 {2, "fake upstream server"},
		"fanin -burst 0":                                        {2, "is not 1 to"},
	} {
		var out, progress bytes.Buffer
		if got := run(context.Background(), strings.Fields(line), &out, &progress); got != want.status {
			t.Errorf("%q: status %d, want %d", line, got, want.status)
		}
		if !strings.Contains(progress.String(), want.says) || out.Len() > 0 {
			t.Errorf("%q: %q, %q", line, out.String(), progress.String())
		}
	}
}

func TestDescriptors(t *testing.T) {
	o := defaults(io.Discard, io.Discard)
	o.Sessions = 10
	if err := o.descriptors(); err != nil {
		t.Error(err)
	}
	o.Sessions = 1 << 40
	if err := o.descriptors(); !errors.Is(err, load.ErrDescriptors) || !strings.Contains(err.Error(), "raise `ulimit -n`") {
		t.Errorf("far too many: %v", err)
	}
}

// A server that goes away in the middle is an error that says so, not a figure.
func TestServerEnds(t *testing.T) {
	bin, err := usher()
	if err != nil {
		t.Fatal(err)
	}
	st, err := stage.Open(t.Context(), stage.Options{Target: stage.Fake, Bin: bin, Sessions: 50})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	var progress bytes.Buffer
	o := defaults(&progress, &progress)
	o.c, o.Sessions = 2, 50
	r := &runner{options: o.part(0), stage: st, rec: measure.New(measure.About{}, st.Processes, &progress)}
	defer r.rec.Stop()
	c := r.crowd(50)
	defer c.close()
	if err := c.enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = c.each(t.Context(), "a message", func(_ context.Context, i int, w *load.Worker) error {
		if i == 20 {
			st.Ushers[0].Kill()
		}
		return say(c.sessions[i], w, true)
	})
	if err == nil || !strings.Contains(err.Error(), "a message: session") {
		t.Errorf("got %v", err)
	}
}

// Ctrl-C ends a run early with what there is so far.
func TestEndedEarly(t *testing.T) {
	bin, err := usher()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out bytes.Buffer
	progress := &words{text: "in a row", act: stop}
	if status := run(ctx, []string{"fanin", "-n", "20", "-for", "1h", "-json", "-bin", bin}, &out, progress); status != 0 {
		t.Fatalf("status %d\n%s", status, progress.String())
	}
	r := &measure.Result{}
	if err := json.Unmarshal(out.Bytes(), r); err != nil {
		t.Fatal(err)
	}
	if !r.Interrupted || r.Counters["sessions"] != 20 {
		t.Errorf("%+v", r)
	}
}

// words keep what several goroutines or processes say, and act when it contains a text.
type words struct {
	mu   sync.Mutex
	all  bytes.Buffer
	text string
	act  func() // nil = no
}

func (w *words) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all.Write(b)
	if w.act != nil && strings.Contains(w.all.String(), w.text) {
		w.act()
	}
	return len(b), nil
}

func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.String()
}
