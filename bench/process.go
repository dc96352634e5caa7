package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// memory is the resident memory of a process, in bytes. The kernel's
// smaps_rollup is exact; /proc/PID/status lags behind by what each thread has not yet accounted for.
func memory(pid int) (int64, error) {
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

// tick is the unit of CPU times in /proc: USER_HZ is 100 on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// cpu is the CPU time, of user and system, that a process has used.
func cpu(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("CPU time: %w", err)
	}
	// proc(5): the program's name, in parentheses, may hold anything; utime and stime are fields 14 and 15.
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 13 {
		return 0, fmt.Errorf("CPU time: /proc/%d/stat has %d fields", pid, len(f))
	}
	user, err := strconv.ParseInt(f[11], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("CPU time: %w", err)
	}
	system, err := strconv.ParseInt(f[12], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("CPU time: %w", err)
	}
	return time.Duration(user+system) * tick, nil
}

// busy is the CPU time, of whatever kind but idling, that the whole machine has spent.
func busy() (time.Duration, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("CPU time of the machine: %w", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	var sum int64
	for i, f := range strings.Fields(line) {
		if i == 0 || i == 4 || i == 5 || i > 8 { // proc(5): the name, idle and iowait; guests are in user already
			continue
		}
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("CPU time of the machine: %w", err)
		}
		sum += n
	}
	return time.Duration(sum) * tick, nil
}

// settled waits until a process's memory moves no more: samples in a row, every
// apart, that differ by at most half a per cent. It returns the last one; after patience it
// is content with what there is, and says so.
func settled(ctx context.Context, pid int, every time.Duration, samples int, patience time.Duration) (rss int64, calm bool, err error) {
	next := time.NewTicker(every)
	defer next.Stop()
	var window []int64
	for end := time.Now().Add(patience); time.Now().Before(end); {
		rss, err = memory(pid)
		if err != nil {
			return 0, false, err
		}
		window = append(window, rss)
		if len(window) >= samples {
			window = window[len(window)-samples:]
			least, most := window[0], window[0]
			for _, w := range window {
				least, most = min(least, w), max(most, w)
			}
			if most-least <= rss/200 {
				return rss, true, nil
			}
		}
		select {
		case <-next.C:
		case <-ctx.Done():
			return 0, false, ctx.Err()
		}
	}
	return rss, false, nil
}
