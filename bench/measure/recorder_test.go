package measure

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain makes of this program the process that is looked at: with USHER_BURN it uses that much CPU time, says so, and waits for the end of its input.
func TestMain(m *testing.M) {
	if text := os.Getenv("USHER_BURN"); text != "" {
		burnt, err := time.ParseDuration(text)
		if err != nil {
			panic(err)
		}
		burn(burnt)
		fmt.Println("burnt")
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	os.Exit(m.Run())
}

// burn uses that much CPU time of this process.
func burn(d time.Duration) {
	start, err := CPU(os.Getpid())
	if err != nil {
		panic(err)
	}
	for now := start; now-start < d; {
		for range 1000 {
			_ = strings.Repeat("burn", 10)
		}
		if now, err = CPU(os.Getpid()); err != nil {
			panic(err)
		}
	}
}

// burner starts a process that has burnt d when this returns; end ends it.
func burner(t *testing.T, d time.Duration) (pid int, end func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "USHER_BURN="+d.String())
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "burnt\n" {
		t.Fatalf("the burner says %q, %v", line, err)
	}
	end = func() {
		in.Close()
		_ = cmd.Wait()
	}
	t.Cleanup(end)
	return cmd.Process.Pid, end
}

// TestProcesses: CPU and memory of others and of this process, of one that is restarted and of one that ends.
func TestProcesses(t *testing.T) {
	const first, second, own = 80 * time.Millisecond, 120 * time.Millisecond, 100 * time.Millisecond
	old, end := burner(t, first)
	r := New(About{}, []Process{{"server", old}, {"short", old}}, nil)
	burn(own) // before Start: nobody's business
	r.Start()
	burn(own)
	end() // the server is gone, a new one comes and does its work
	young, _ := burner(t, second)
	r.Process("server", young)
	ours, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	result := r.Stop()
	if again := r.Stop(); again != result {
		t.Error("a second Stop has another result")
	}
	s := result.Usage("server")
	if s == nil || s.Pid != young || s.CPU < second.Seconds() || s.CPU > second.Seconds()+1 || s.Before == 0 || s.Begin == 0 || s.Peak == 0 || s.End == 0 || s.Gone {
		t.Errorf("the server: %+v", s)
	}
	if s.Threads < 1 || s.Threads > 1000 {
		t.Errorf("the server has %d threads", s.Threads)
	}
	if u := result.Usage("short"); u == nil || !u.Gone || u.End != 0 || u.Begin == 0 || u.CPU > 0.05 {
		t.Errorf("what has ended: %+v", u)
	}
	b := result.Usage("bench")
	if b == nil || b.Pid != os.Getpid() || b.CPU < own.Seconds() || b.CPU > (ours-own).Seconds()+1 {
		t.Errorf("this process: %+v", b)
	}
	if o := result.Usage(Others); o == nil || o.CPU < 0 {
		t.Errorf("others: %+v", o)
	}
	if want := b.CPU / result.Seconds / float64(result.Machine.Cores); math.Abs(result.Harness.Share-want) > 1e-9 {
		t.Errorf("share %v, want %v", result.Harness.Share, want)
	}
	if _, err := CPU(old); err == nil {
		t.Error("a process that is gone has a CPU time")
	}
	if _, err := RSS(old); err == nil {
		t.Error("a process that is gone has memory")
	}
	if m := result.Machine; m.Cores < 1 || m.Memory < 1<<20 || m.CPU == "" || !strings.HasPrefix(m.Kernel, "Linux ") || m.Go == "" {
		t.Errorf("machine %+v", m)
	}
}

// TestStartBeginsAnew: what was before Start is not in the result but for gauges and errors.
func TestStartBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := bubble(About{Scenario: "chat"})
		sessions, delivered, held := r.Counter("sessions"), r.Counter("delivered"), r.Gauge("held")
		h := r.Histogram("message")
		r.Phase("logging in")
		sessions.Add(10)
		held.Add(3)
		delivered.Add(1000)
		h.Record(time.Second)
		r.Late(time.Second)
		r.Error(errors.New("early"))
		if r.Elapsed() != 0 {
			t.Errorf("elapsed before Start: %v", r.Elapsed())
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		r.Start()
		began := time.Now()
		r.Phase("talking")
		for range 8 {
			delivered.Add(50)
			h.Record(2 * time.Millisecond)
			time.Sleep(every)
			synctest.Wait()
		}
		if r.Elapsed() != 2*time.Second {
			t.Errorf("elapsed %v", r.Elapsed())
		}
		result := r.Stop()
		if want := map[string]int64{"sessions": 10, "held": 3, "delivered": 400}; fmt.Sprint(result.Counters) != fmt.Sprint(want) {
			t.Errorf("counters %v, want %v", result.Counters, want)
		}
		if !slices.Equal(result.Gauges, []string{"sessions", "held"}) {
			t.Errorf("gauges %v", result.Gauges)
		}
		if l := result.Latency("message"); l.Count != 8 || l.Us["max"] != 2000 {
			t.Errorf("latencies %+v", l)
		}
		if result.Harness.Late != 0 || result.Errors["early"] != 1 {
			t.Errorf("late %v, errors %v", result.Harness.Late, result.Errors)
		}
		if !result.Began.Equal(began) || result.Seconds != 2 || result.Rate("delivered") != 200 {
			t.Errorf("began %v, %v s, %v/s", result.Began, result.Seconds, result.Rate("delivered"))
		}
		if want := []Mark{{-3, "logging in"}, {0, "talking"}}; !slices.Equal(result.Phases, want) {
			t.Errorf("phases %v", result.Phases)
		}
		before, after := 0, 0.0
		for i, s := range result.Series {
			if s.At <= 0 {
				before++
			} else {
				after += s.Counters["delivered"] * s.Seconds
			}
			if i > 0 && s.At <= result.Series[i-1].At {
				t.Errorf("look %d at %v, after one at %v", i, s.At, result.Series[i-1].At)
			}
		}
		if before != 12 || math.Abs(after-400) > 1e-6 {
			t.Errorf("%d looks before Start, %v delivered after", before, after)
		}
	})
}

// TestWithoutStart: what is interrupted before Start has results too.
func TestWithoutStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := bubble(About{})
		r.Counter("sent").Add(7)
		time.Sleep(time.Second)
		result := r.Stop()
		if result.Seconds != 1 || result.Counters["sent"] != 7 || len(result.Series) == 0 || result.Series[0].At <= 0 {
			t.Errorf("got %v s, %v, %v", result.Seconds, result.Counters, result.Series)
		}
	})
}

// TestLongRun: twenty minutes have no more looks than a minute, and nothing of it is lost.
func TestLongRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := bubble(About{})
		h := r.Histogram("message")
		r.Start()
		const n = 1200 * 10
		delivered := r.Counter("delivered")
		r.Pace(t.Context(), 10, 20*time.Minute, func(i int, _ time.Time) {
			delivered.Add(1)
			h.Record(time.Duration(1+i*9/n) * time.Millisecond) // 1 to 9 ms, slower and slower
		})
		result := r.Stop()
		if k := len(result.Series); k > maxSamples || k < maxSamples/3 {
			t.Errorf("%d looks", k)
		}
		var counted int64
		rates, last := 0.0, 0.0
		for _, s := range result.Series {
			rates += s.Counters["delivered"] * s.Seconds
			for _, b := range s.Buckets {
				counted += b[1]
			}
			if s.P99 < last || s.P50 == 0 {
				t.Errorf("at %v: p50 %v, p99 %v after %v", s.At, s.P50, s.P99, last)
			}
			last = s.P99
		}
		if math.Abs(rates-n) > 1e-3 || counted != n || result.Latencies[0].Count != n {
			t.Errorf("%v by rates, %d in looks, %d in the histogram; want %d", rates, counted, result.Latencies[0].Count, n)
		}
	})
}

// TestProgressLines: where there is no terminal, a line for each phase and one every ten seconds.
func TestProgressLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		r := New(About{}, nil, &out)
		sessions, delivered := r.Counter("sessions"), r.Counter("delivered")
		h := r.Histogram("message")
		r.Phase("logging in")
		sessions.Add(1500)
		time.Sleep(9 * time.Second)
		r.Phase("talking")
		r.Start()
		r.Error(errors.New("x"))
		time.Sleep(every / 2) // nothing happens just when somebody looks
		for range 25 {
			time.Sleep(time.Second)
			delivered.Add(2500)
			h.Record(12 * time.Millisecond)
		}
		r.Stop()
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(lines) != 4 || lines[0] != "logging in" || lines[1] != "talking" {
			t.Fatalf("got\n%s", out.String())
		}
		for i, line := range lines[2:] {
			for _, part := range []string{fmt.Sprintf("talking 0:%d0 ", i+1), "  sessions 1,500  ", "  delivered 2,500/s  ", "  p99 12.0 ms  ", "  errors 1  ", " bench 0."} {
				if !strings.Contains(line+" ", part) {
					t.Errorf("line %q lacks %q", line, part)
				}
			}
		}
	})
}

// TestProgressTerminal: on a terminal one line changes, and never runs over its width.
func TestProgressTerminal(t *testing.T) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal("no pseudo-terminals here: ", err)
	}
	defer master.Close()
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal("no pseudo-terminals here: ", err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal("no pseudo-terminals here: ", err)
	}
	defer terminal.Close()
	if err := unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 40}); err != nil {
		t.Fatal(err)
	}
	l := newLine(terminal)
	l.phase("logging in")
	s := status{phase: "logging in", since: 61 * time.Second, sample: Sample{Counters: map[string]float64{"sessions": 1e6}}, names: []string{"sessions"}, gauges: []string{"sessions"}}
	l.show(time.Now(), s)
	s.failed = 1000
	l.show(time.Now(), s)
	l.end()
	l.end()
	fmt.Fprintln(terminal, "after")
	lines := bufio.NewReader(master)
	first, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if want := "\rlogging in 1:01  sessions 1,000,000  er\x1b[K\rlogging in 1:01  sessions 1,000,000  er\x1b[K\r\n"; first != want {
		t.Errorf("got %q, want %q", first, want)
	}
	if second, err := lines.ReadString('\n'); second != "after\r\n" {
		t.Errorf("then %q, %v", second, err)
	}
}

// TestCommand: what is shown can be typed again, but for passwords.
func TestCommand(t *testing.T) {
	for _, c := range []struct{ args, want []string }{
		{[]string{"bench", "chat", "-password", "geheim", "-n", "4"}, []string{"bench", "chat", "-password", "...", "-n", "4"}},
		{[]string{"bench", "chat", "--password=geheim"}, []string{"bench", "chat", "--password=..."}},
		{[]string{"bench", "-component-secret=geheim", "-password"}, []string{"bench", "-component-secret=...", "-password"}},
	} {
		r := New(About{Command: c.args}, nil, nil)
		if got := r.Stop().Command; !slices.Equal(got, c.want) {
			t.Errorf("%q is shown as %q, want %q", c.args, got, c.want)
		}
		if slices.Contains(c.args, "...") {
			t.Errorf("the caller's command is %q now", c.args)
		}
	}
	if got, want := ownCommand([]string{"/tmp/go-build123/b001/exe/bench", "idle", "-n", "5"}), []string{"go", "run", "./bench", "idle", "-n", "5"}; !slices.Equal(got, want) {
		t.Errorf("`go run` is shown as %q", got)
	}
	if got, want := shell([]string{"bench", "-config", "a: 'b c'", ""}), `bench -config 'a: '\''b c'\''' ''`; got != want {
		t.Errorf("for a shell: %s, want %s", got, want)
	}
}

// The kernel's words for two cores, twice within a second: who was at work when it looked says nothing, idling does.
func TestMachine(t *testing.T) {
	const before = "cpu  1000 0 500 30000 20 0 30 7 0 0\ncpu0 500 0 250 15000 10 0 15 4 0 0\ncpu1 500 0 250 15000 10 0 15 3 0 0\nintr 12345 1 2 3 4 5 6 7 8 9\nctxt 99\n"
	const after = "cpu  1100 0 580 30110 25 0 30 17 0 0\ncpu0 600 0 330 15000 10 0 15 9 0 0\ncpu1 500 0 250 15110 15 0 15 8 0 0\nintr 12399 1 2 3 4 5 6 7 8 9\nctxt 111\n"
	at := time.Now()
	first, second := parseMachine(before, at), parseMachine(after, at.Add(time.Second))
	// Of 2 s there were 1.10 + 0.05 idle, and 0.10 stolen; the 1.80 of user and system are the kernel's guess.
	if busy, stolen := second.since(first); busy != 750*time.Millisecond || stolen != 100*time.Millisecond {
		t.Errorf("busy %v, stolen %v", busy, stolen)
	}
	if busy, stolen := second.since(machine{}); busy != 0 || stolen != 0 {
		t.Errorf("without a look before: busy %v, stolen %v", busy, stolen)
	}
	if busy, _ := second.since(parseMachine("no such file", at)); busy != 0 {
		t.Errorf("where nothing is known: busy %v", busy)
	}
}
