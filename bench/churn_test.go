package main

import (
	"bytes"
	"encoding/json"
	"net"
	"strings"
	"testing"

	"usher/bench/measure"
	"usher/bench/stage"
)

// TestChurn: visitors come and go over each transport, as fast as they can and at a rate, at Usher's and at the servers' own fronts.
func TestChurn(t *testing.T) {
	for _, args := range []string{
		"-target usher -transport both -c 4 -for 300ms",
		"-target usher -transport ws -tls -c 4 -for 300ms -rate 50 -processes 2",
		"-target prosody -transport bosh -c 4 -for 300ms",
		"-target ejabberd -transport ws -c 4 -for 300ms",
	} {
		t.Run(args, func(t *testing.T) {
			for _, r := range bench(t, strings.Fields("churn -n 20 "+args)...) {
				n := r.Counters[visits]
				if n < 1 || strings.Contains(args, "-rate") && n > 15 {
					t.Errorf("%d visits", n)
				}
				for _, name := range []string{"login", "leave"} {
					// Who is just leaving when the time is over has logged in only.
					if l := r.Latency(name); l == nil || l.Count < n || l.Count > n+4 || l.Us["p50"] <= 0 {
						t.Errorf("%d visits, and %s: %+v", n, name, l)
					}
				}
				if rate := figure(t, r, figureChurn); rate <= 0 || rate > float64(n)/r.Seconds*1.01 || figure(t, r, figureCycleCPU) <= 0 {
					t.Errorf("%d visits in %v s: %+v", n, r.Seconds, r.Figures)
				}
			}
		})
	}
}

// TestStorm: all are cut, by their own side or as Usher is killed, and all are back.
func TestStorm(t *testing.T) {
	bin, err := usher()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args   string
		target string
	}{
		{"-transport both -over 100ms", stage.Fake},
		{"-transport ws -over 0", stage.UsherEjabberd},
		{"-transport ws -over 100ms -by restart -processes 2", stage.Fake},
		{"-transport bosh -over 100ms -by restart", stage.UsherProsody},
	} {
		t.Run(test.args, func(t *testing.T) {
			var out bytes.Buffer
			var progress words // of all client processes
			args := append(strings.Fields("storm -n 40 -json -bin "+bin+" -target "+test.target), strings.Fields(test.args)...)
			if status := run(t.Context(), args, &out, &progress); status != 0 {
				t.Fatalf("status %d\n%s", status, progress.String())
			}
			runs := 0
			for dec := json.NewDecoder(&out); dec.More(); runs++ {
				r := &measure.Result{}
				if err := dec.Decode(r); err != nil {
					t.Fatal(err)
				}
				if r.Counters["sessions"] != 40 || r.Counters[attempts] < 40 {
					t.Errorf("%v", r.Counters)
				}
				// Only who tried while Usher was down has an error, and as many more attempts.
				failed := int64(0)
				for _, n := range r.Errors {
					failed += int64(n)
				}
				if failed > 0 && !strings.Contains(test.args, "restart") || r.Counters[attempts] != 40+failed {
					t.Errorf("%d attempts, %v", r.Counters[attempts], r.Errors)
				}
				for _, name := range []string{histogramBack, histogramLogin} {
					if l := r.Latency(name); l == nil || l.Count != 40 {
						t.Errorf("%s: %+v", name, l)
					}
				}
				if figure(t, r, figureBack) <= 0 || figure(t, r, figureLogin99) < figure(t, r, figureLogin50) || figure(t, r, figurePeak+", usher") < 4 {
					t.Errorf("%+v", r.Figures)
				}
			}
			if want := 1 + strings.Count(test.args, "both"); runs != want {
				t.Errorf("%d results, want %d", runs, want)
			}
		})
	}
}

// TestStormFlags and where nobody listens: it is said what is wrong.
func TestStormFlags(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	nobody := " -ws ws://" + l.Addr().String() + "/ -domain x"
	for line, want := range map[string]struct {
		status int
		says   string
	}{
		"storm -by magic":                {2, `no "magic"`},
		"storm -over -1s":                {2, "-over: 0 or more"},
		"storm -by restart" + nobody:     {2, "one Usher that is started"},
		"storm -n 5" + nobody:            {1, "no XMPP endpoint"},
		"churn -for 1s" + nobody:         {1, "no XMPP endpoint"},
		"churn -target prosody -for -1s": {2, "-for: more than 0"},
	} {
		var out, progress bytes.Buffer
		if got := run(t.Context(), strings.Fields(line), &out, &progress); got != want.status || !strings.Contains(progress.String(), want.says) || out.Len() > 0 {
			t.Errorf("%s: status %d, %q %q", line, got, progress.String(), out.String())
		}
	}
}
