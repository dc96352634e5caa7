package pool

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"usher/xmpp"
)

// retry is the back-off between attempts: doubled each time, jittered so that the links of many
// edges don't come back in step, always between min and max.
type retry struct {
	min, max time.Duration
	cur      time.Duration
	refused  bool
}

// reset makes the next wait a short one again.
func (r *retry) reset() { r.cur, r.refused = 0, false }

// note takes the reason of the last failure into account.
func (r *retry) note(err error) { r.refused = refused(err) }

// wait returns how long to wait now.
func (r *retry) wait() time.Duration {
	r.cur = min(max(r.cur, r.min)*2, r.max)
	if r.refused {
		r.cur = r.max
	}
	low := max(r.min, r.cur/2)
	if r.cur <= low {
		return low
	}
	return low + rand.N(r.cur-low)
}

// refused says whether the server turned us away for a reason that only its or our operator can change.
func refused(err error) bool {
	var se *xmpp.StreamError
	if !errors.As(err, &se) {
		return false
	}
	switch se.Condition {
	case "conflict", "not-authorized", "host-unknown", "invalid-namespace", "host-gone":
		return true
	}
	return false
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
