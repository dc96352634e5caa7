package c2s

import (
	"context"
	"sync"
	"time"
)

// slots of a Wheel: one turn takes slots ticks. A Timer that is set further ahead
// stays in its slot and is looked at once a turn.
const slots = 512

// Wheel runs many coarse deadlines on one goroutine: a Timer costs no
// allocation of its own. A deadline is never early, and late by one tick at most.
// Set and Stop may be called from any goroutine, a Timer's Due included.
type Wheel struct {
	tick  time.Duration
	start time.Time

	mu   sync.Mutex // guards what follows, and every Timer that is set
	now  int64      // the tick that Run has come to, counted from start
	ring [slots]Timer
	ripe Timer // what has passed and waits to be called
}

// Timer is one deadline; embed it. Its zero value is unset. It must not be
// copied while it is set.
type Timer struct {
	next, prev *Timer // ring of the slot; nil while unset
	due        Due
	at         time.Duration // since the wheel's start
}

// Due is what a Timer calls.
type Due interface{ Due(now time.Time) }

// NewWheel returns a wheel with this granularity. Its deadlines pass while Run runs.
func NewWheel(tick time.Duration) *Wheel {
	w := &Wheel{tick: max(tick, time.Millisecond), start: time.Now()}
	for i := range w.ring {
		w.ring[i].clear()
	}
	w.ripe.clear()
	return w
}

// Run drives the wheel until ctx ends. One Run at a time.
func (w *Wheel) Run(ctx context.Context) {
	t := time.NewTicker(w.tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			w.turn(time.Now())
		}
	}
}

// Set makes due be called (on the wheel's goroutine, so it must not block, and without the wheel's lock)
// once at has passed, instead of what was set before. due is kept in the Timer: use a method value
// made once, or better an interface.
func (w *Wheel) Set(t *Timer, at time.Time, due Due) {
	since := at.Sub(w.start)
	w.mu.Lock()
	defer w.mu.Unlock()
	t.unlink()
	t.at, t.due = since, due
	// What has passed already goes where the next turn looks first.
	w.ring[max(int64(since/w.tick), w.now)%slots].push(t)
}

// Stop unsets it. A call of Due that is already under way may still happen.
func (w *Wheel) Stop(t *Timer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t.unlink()
	t.due = nil
}

// turn calls everything whose deadline has passed by now.
func (w *Wheel) turn(now time.Time) {
	since := now.Sub(w.start)
	w.mu.Lock()
	to := int64(since / w.tick)
	// The slot of the last turn is looked at again: the later half of its tick
	// may not have passed then. After a long sleep one turn of the ring is enough.
	for i := max(w.now, to-slots+1); i <= to; i++ {
		w.gather(&w.ring[i%slots], since)
	}
	w.now = max(w.now, to)
	for {
		t := w.ripe.next
		if t == &w.ripe {
			break
		}
		due := t.due
		t.unlink()
		t.due = nil
		w.mu.Unlock()
		due.Due(now) // may set t again
		w.mu.Lock()
	}
	w.mu.Unlock()
}

// gather moves the slot's timers whose deadline has passed to the ripe ones.
func (w *Wheel) gather(slot *Timer, since time.Duration) {
	for t := slot.next; t != slot; {
		next := t.next
		if t.at <= since {
			t.unlink()
			w.ripe.push(t)
		}
		t = next
	}
}

// clear makes t the empty head of a ring.
func (t *Timer) clear() { t.next, t.prev = t, t }

// push puts n at the end of t's ring.
func (t *Timer) push(n *Timer) {
	n.prev, n.next = t.prev, t
	t.prev.next = n
	t.prev = n
}

func (t *Timer) unlink() {
	if t.next == nil {
		return
	}
	t.prev.next, t.next.prev = t.next, t.prev
	t.next, t.prev = nil, nil
}
