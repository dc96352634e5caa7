package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// program is the program, built once; TestMain removes it.
var program = sync.OnceValues(func() (string, error) {
	var err error
	if programDir, err = os.MkdirTemp("", "usher-bench-"); err != nil {
		return "", err
	}
	return build(context.Background(), programDir)
})

var programDir string

func TestMain(m *testing.M) {
	if os.Getenv(partVariable) != "" { // a client process that a test has started
		os.Exit(choose(context.Background(), append(scenarios(), meeting(nil)), os.Args[1:], os.Stdout, os.Stderr))
	}
	status := m.Run()
	os.RemoveAll(programDir) // of "" too: nothing
	os.Exit(status)
}

// TestIdle is the idle scenario in small, with the real binary: every step is taken, and every figure is there.
func TestIdle(t *testing.T) {
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"-transport", "both"}, {"-transport", "ws", "-tls"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			var out, progress bytes.Buffer
			profile := filepath.Join(t.TempDir(), "heap")
			args = append([]string{"idle", "-n", "200", "-json", "-every", "20ms", "-rest", "0s", "-bin", bin, "-profile", profile}, args...)
			if status := run(t.Context(), args, &out, &progress); status != 0 {
				t.Fatalf("status %d\n%s", status, progress.String())
			}
			dec := json.NewDecoder(&out)
			for _, transport := range []string{"ws", "bosh"} {
				if transport == "bosh" && !strings.Contains(t.Name(), "both") {
					break
				}
				var r idleReport
				if err := dec.Decode(&r); err != nil {
					t.Fatalf("no report on %s: %v", transport, err)
				}
				if r.Transport != transport || r.TLS != strings.Contains(t.Name(), "tls") || r.Sessions != 200 || r.Upstream != "fake upstream" {
					t.Errorf("report on something else: %+v", r)
				}
				for what, rss := range map[string]int64{
					"before": r.Before, "logged in": r.LoggedIn, "after chat": r.AfterChat, "at rest": r.AtRest,
				} {
					if rss < 4<<20 || rss > 1<<30 {
						t.Errorf("%s: %d bytes can't be the server's", what, rss)
					}
				}
				if r.Rate <= 0 || r.SetupCPU <= 0 {
					t.Errorf("not measured: %+v", r)
				}
				if each := (r.Live.Heap - r.LiveBase.Heap) / 200; each < 500 || each > 64<<10 {
					t.Errorf("%d live bytes a session: something else was measured: %+v", each, r)
				}
				if err := r.print(&progress); err != nil {
					t.Error(err)
				}
			}
			if dec.More() {
				t.Error("more reports than runs")
			}
		})
	}
}

// TestSupport is the support scenario in small, with real servers and the real binary: everybody who asks is served.
func TestSupport(t *testing.T) {
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	for _, upstream := range []string{"prosody", "ejabberd"} {
		t.Run(upstream, func(t *testing.T) {
			var out, progress bytes.Buffer
			args := []string{"support", "-upstream", upstream, "-rate", "10", "-for", "1s", "-agents", "3", "-json", "-bin", bin}
			if status := run(t.Context(), args, &out, &progress); status != 0 {
				t.Fatalf("status %d\n%s", status, progress.String())
			}
			var r supportReport
			if err := json.Unmarshal(out.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			if r.Upstream != upstream || r.Asked != 10 || r.Met != 10 || r.Talked != 10 || r.Failed != 0 {
				t.Errorf("not everybody was served: %+v", r)
			}
			for what, p := range map[string]map[string]float64{"meet": r.Meet, "open": r.Open, "talk": r.Talk} {
				if p["p50"] <= 0 || p["p99"] < p["p50"] || p["max"] < p["p99"] {
					t.Errorf("%s: %v", what, p)
				}
			}
			if r.Cores["usher"] <= 0 || r.Cores["server"] <= 0 || r.Reached <= 0 {
				t.Errorf("not measured: %+v", r)
			}
			if err := r.print(&progress); err != nil || !strings.Contains(progress.String(), "due to both in the room") {
				t.Errorf("%v: %s", err, progress.String())
			}
		})
	}
}

// Whose limit it is follows from who uses his core up.
func TestWhoseLimit(t *testing.T) {
	for _, test := range []struct {
		r    supportReport
		says string
	}{
		{supportReport{Wanted: 100, Reached: 99.5}, "no limit"},
		{supportReport{Wanted: 100, Reached: 60, Cores: map[string]float64{"usher": 0.4, "server": 0.97, "bench": 0.3}}, "server uses 0.97 cores"},
		{supportReport{Wanted: 100, Reached: 60, Machine: 2, Cores: map[string]float64{"usher": 0.4, "server": 0.6, "others": 0.9}}, "machine is full"},
		{supportReport{Wanted: 100, Reached: 60, Machine: 2, Cores: map[string]float64{"usher": 0.2, "server": 0.3, "bench": 0.1}}, "somebody waits"},
		{supportReport{Wanted: 100, Reached: 60, Cores: map[string]float64{"bench": 0.1}}, "can't be told"},
		{supportReport{Wanted: 100, Reached: 100, Failed: 1, Cores: map[string]float64{"usher": 1.1, "server": 0.3}}, "usher uses 1.10"},
	} {
		if got := test.r.limit(); !strings.Contains(got, test.says) {
			t.Errorf("%+v: %q, want %q in it", test.r, got, test.says)
		}
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
		"idle -n 0":                   {2, "-n: 1 to 19000"},
		"idle -n 20000":               {2, "-n: 1 to 19000"},
		"idle -transport carrier":     {2, `no "carrier"`},
		"idle -transport ws -nonsens": {2, "not defined: -nonsens"},
		"idle -n 5 more":              {2, "no arguments"},
		"idle -n 1 -bin /nonexistent": {1, "no such file"},
		"support -help":               {0, "-workgroup"},
		"support -rate 0":             {2, "more than 0"},
		"support -upstream carrier":   {2, `no "carrier"`},
		"support -ws 127.0.0.1:1":     {2, "-ws and -c2s together"},
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
	if err := checkLimits(10); err != nil {
		t.Error(err)
	}
	if err := checkLimits(1 << 40); err == nil || !strings.Contains(err.Error(), "raise `ulimit -n`") {
		t.Errorf("far too many: %v", err)
	}
}

// A server that goes away in the middle is an error that says so, not a figure.
func TestServerEnds(t *testing.T) {
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	s, err := startServer(t.Context(), bin, t.TempDir(), false)
	if err != nil {
		t.Fatal(err)
	}
	defer s.stop()
	var progress bytes.Buffer
	c := &crowd{server: s, workers: 2, clients: make([]client, 50), dialer: &dialer{to: s.public}, progress: &progress}
	defer c.close()
	_, _, err = c.each(t.Context(), "logging in", func(ctx context.Context, i int, w *worker) error {
		if i == 20 {
			s.cmd.Process.Kill()
			<-s.ended
		}
		return c.enter(ctx, i, w)
	})
	if err == nil || !strings.Contains(err.Error(), "usher has ended") {
		t.Errorf("got %v", err)
	}
}
