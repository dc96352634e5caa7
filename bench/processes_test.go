package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"usher/bench/measure"
)

// meeting is a scenario that talks to nobody: it counts its sessions in every client process, and may fail or die in one of them, or wait in all until
// the leading one's user, who is interrupt, has enough.
func meeting(interrupt func()) scenario {
	return scenario{name: "meeting", brief: "of client processes", prepare: func(f *flag.FlagSet, o *options) *work {
		o.Sessions = 10
		trouble := f.String("trouble", "", "what becomes of the last process")
		met := 0
		return &work{
			run: func(ctx context.Context, r *runner) error {
				if err := r.start(ctx); err != nil {
					return err
				}
				r.rec.Counter("delivered").Add(int64(r.Sessions))
				r.rec.Counter("sent").Add(int64(r.rate))
				for range r.Sessions {
					r.rec.Histogram("number").Record(time.Duration(r.first+1) * time.Millisecond)
				}
				if err := r.meet(ctx, func() error { met++; return nil }); err != nil {
					return err
				}
				last := r.number == r.processes-1
				switch {
				case *trouble == "error" && last:
					return errors.New("no tea left")
				case *trouble == "death" && last:
					syscall.Kill(os.Getpid(), syscall.SIGKILL)
				case *trouble == "interrupt":
					if r.leads() {
						interrupt()
					}
					<-ctx.Done()
				}
				return r.stop(ctx)
			},
			figures: func(_ *runner, result *measure.Result) {
				result.Add("met", float64(met), "", false)
				result.Add("each", float64(result.Counters["delivered"])/float64(result.Sessions), "", false)
			},
		}
	}}
}

func meet(t *testing.T, line string) (status int, r measure.Result, progress string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	var said words
	args := strings.Fields("meeting -ws ws://127.0.0.1:1/ -domain d.localhost -json " + line)
	status = choose(ctx, []scenario{meeting(cancel)}, args, &out, &said)
	if out.Len() > 0 {
		if err := json.Unmarshal(out.Bytes(), &r); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
	}
	return status, r, said.String()
}

// TestProcesses: several client processes share the work, and one result is made of theirs, with figures made of the whole.
func TestProcesses(t *testing.T) {
	for _, n := range []int{1, 2, 3} {
		status, r, said := meet(t, fmt.Sprintf("-n 11 -rate 110 -processes %d", n))
		if status != 0 {
			t.Fatalf("%d processes: status %d\n%s", n, status, said)
		}
		if r.Sessions != 11 || r.Counters["delivered"] != 11 || r.Counters["sent"] != 110 || r.Latencies[0].Count != 11 || r.Interrupted {
			t.Errorf("%d processes: %+v, %+v, %+v", n, r.About, r.Counters, r.Latencies)
		}
		ours := 0
		for _, p := range r.Processes {
			if measure.Ours(p.Name) {
				ours++
			}
		}
		if ours != n || len(r.Figures) != 2 || r.Figures[0].Value != 1 || r.Figures[1].Value != 1 {
			t.Errorf("%d processes: %+v, %+v", n, r.Processes, r.Figures)
		}
		// Three sessions, or two pairs and the rest, have the first one's number.
		if want := map[int]float64{1: 1e3, 2: 5e3, 3: 7e3}[n]; r.Latencies[0].Us["max"] < want*0.99 || r.Latencies[0].Us["max"] > want*1.01 {
			t.Errorf("%d processes: the last one's first session is %v, want %v", n, r.Latencies[0].Us, want)
		}
	}
}

// A client process that fails or dies ends the run with its words; nobody is left behind.
func TestProcessesFail(t *testing.T) {
	for trouble, says := range map[string]string{
		"error": "client process 3: no tea left",
		"death": "client process 3 has ended: signal: killed",
	} {
		status, r, said := meet(t, "-processes 3 -trouble "+trouble)
		if status != 1 || r.Sessions != 0 || !strings.Contains(said, says) {
			t.Errorf("%s: status %d, %+v, %q", trouble, status, r, said)
		}
	}
}

// Ended early, the run has all processes' results so far, and says that it was.
func TestProcessesInterrupted(t *testing.T) {
	status, r, said := meet(t, "-processes 3 -trouble interrupt")
	if status != 0 || !r.Interrupted || r.Counters["delivered"] != 10 || len(r.Figures) != 2 {
		t.Errorf("status %d, %+v, %q", status, r, said)
	}
}
