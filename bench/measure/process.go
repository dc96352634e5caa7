package measure

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// CPU is the CPU time, of user and system, that a process has used, to the nanosecond. An error means that there is none of that number.
func CPU(pid int) (time.Duration, error) {
	var t unix.Timespec
	// The kernel has a clock for every process; its number is what clock_getcpuclockid(3) makes of the process's.
	if err := unix.ClockGettime(int32(^pid<<3|2), &t); err != nil {
		return 0, fmt.Errorf("CPU time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// RSS is the resident memory of a process, in bytes. The kernel's smaps_rollup is exact, but walks through all pages.
func RSS(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, fmt.Errorf("resident memory: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) == 3 && f[0] == "Rss:" && f[2] == "kB" {
			n, err := strconv.ParseInt(f[1], 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("resident memory: no Rss in smaps_rollup of process %d", pid)
}

// roughRSS is the same at next to no cost, without what each thread has not yet accounted for (some 100 kB).
func roughRSS(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, fmt.Errorf("resident memory: %w", err)
	}
	f := bytes.Fields(b)
	if len(f) < 2 {
		return 0, fmt.Errorf("resident memory: /proc/%d/statm has %d fields", pid, len(f))
	}
	pages, err := strconv.ParseInt(string(f[1]), 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// threads is how many threads a process has; 0 = it is gone.
func threads(pid int) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// proc(5): the program's name, in parentheses, may hold anything; num_threads is field 20.
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) < 18 {
		return 0
	}
	n, _ := strconv.Atoi(string(f[17])) // 0 if the kernel wrote something else
	return n
}

// tick is the unit of CPU times in /proc: USER_HZ is 100 on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// machine is what all cores together have done since they were started. That they were busy is what is left of the time: the kernel counts idling exactly, but
// work by who is at it 100 times a second, which is wrong by half a core where that goes in step with what is measured.
type machine struct {
	at           time.Time
	cores        int
	idle, stolen time.Duration // stolen: there was work, but the hypervisor had given the core to others
}

// look is what there is now; without /proc nothing is known, and nobody was busy.
func (m *machine) look(now time.Time) {
	if b, err := os.ReadFile("/proc/stat"); err == nil {
		*m = parseMachine(string(b), now)
	}
}

func parseMachine(stat string, now time.Time) machine {
	m := machine{at: now}
	for line := range strings.Lines(stat) {
		f := strings.Fields(line)
		switch {
		case len(f) < 9 || !strings.HasPrefix(f[0], "cpu"):
		case f[0] == "cpu": // proc(5): user nice system idle iowait irq softirq steal
			m.idle, m.stolen = ticks(f[4])+ticks(f[5]), ticks(f[8])
		default:
			m.cores++
		}
	}
	return m
}

func ticks(text string) time.Duration {
	n, _ := strconv.ParseInt(text, 10, 64) // the kernel writes numbers
	return time.Duration(n) * tick
}

// since is what the cores have done after an earlier look.
func (m machine) since(before machine) (busy, stolen time.Duration) {
	if before.cores == 0 || m.cores == 0 {
		return 0, 0
	}
	stolen = m.stolen - before.stolen
	return max(0, time.Duration(m.cores)*m.at.Sub(before.at)-(m.idle-before.idle)-stolen), stolen
}

// thisMachine says what this is.
func thisMachine() Machine {
	m := Machine{Cores: runtime.NumCPU(), Go: runtime.Version(), CPU: runtime.GOARCH}
	m.CPU = field("/proc/cpuinfo", "model name", m.CPU)
	if kB, err := strconv.ParseInt(strings.TrimSuffix(field("/proc/meminfo", "MemTotal", ""), " kB"), 10, 64); err == nil {
		m.Memory = kB << 10
	}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = "Linux " + strings.TrimSpace(string(b))
	}
	return m
}

// field is the first value of that name in a file of /proc.
func field(file, name, without string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return without
	}
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return without
}

// watched is a process that is looked at again and again.
type watched struct {
	Process
	past   time.Duration // what those that had the name before have used
	now    time.Duration // what this one has used
	base   time.Duration // of past+now, at Start
	last   time.Duration // the same at the last look
	before int64
	begin  int64
	peak   int64
	rss    int64
	gone   bool
}

// read looks at the process, exactly or not. One that is gone keeps the CPU time that it was seen with.
func (w *watched) read(exact bool) {
	cpu, err := CPU(w.Pid)
	if err != nil {
		w.gone, w.rss = true, 0
		return
	}
	w.gone = false
	w.now = max(w.now, cpu)
	n, err := roughRSS(w.Pid)
	if exact {
		if exactly, denied := RSS(w.Pid); denied == nil { // another user's process has no smaps_rollup for us
			n, err = exactly, nil
		}
	}
	if err == nil { // else it ends just now
		w.rss = n
	}
	w.peak = max(w.peak, w.rss)
}

func (w *watched) used() time.Duration { return w.past + w.now }

// usage is what it used since Start.
func (w *watched) usage(seconds float64) Usage {
	u := Usage{Process: w.Process, CPU: (w.used() - w.base).Seconds(), Before: w.before, Begin: w.begin, Peak: w.peak, End: w.rss,
		Threads: threads(w.Pid), Gone: w.gone}
	if seconds > 0 {
		u.Cores = u.CPU / seconds
	}
	return u
}
