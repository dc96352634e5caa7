package measure

import (
	"context"
	"time"

	"golang.org/x/sys/unix"
)

// Pace is an open loop: it calls do with 0, 1, 2... and the moment at which each is due, rate times a second in even steps from now on, until ctx
// ends or, unless it is 0, span is over. Nothing is left out: who falls behind catches up, and how late each call was is recorded (Late). do must not wait
// for an answer; latencies count from due.
func (r *Recorder) Pace(ctx context.Context, rate float64, span time.Duration, do func(i int, due time.Time)) {
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := 0; ; i++ {
		after := time.Duration(float64(i) / rate * float64(time.Second))
		if span > 0 && after >= span {
			return
		}
		due := start.Add(after)
		// The runtime's timers are up to a millisecond late on an idle machine, which is more than some servers' latencies: the last bit is slept
		// through in the kernel.
		if wait := time.Until(due) - 2*time.Millisecond; wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return
			}
		} else if ctx.Err() != nil {
			return
		}
		for wait := time.Until(due); wait > 0; wait = time.Until(due) { // a signal may wake it early
			r.nap(wait)
		}
		r.Late(time.Since(due))
		do(i, due)
	}
}

// nap sleeps in the kernel, to some 50 us.
func nap(d time.Duration) {
	t := unix.NsecToTimespec(d.Nanoseconds())
	_ = unix.Nanosleep(&t, nil)
}
