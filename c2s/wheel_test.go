package c2s

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

const tick = 250 * time.Millisecond

// alarm notes when it was called.
type alarm struct {
	Timer
	mu    sync.Mutex
	calls []time.Time
	then  func(now time.Time)
}

func (a *alarm) Due(now time.Time) {
	a.mu.Lock()
	a.calls = append(a.calls, now)
	a.mu.Unlock()
	if a.then != nil {
		a.then(now)
	}
}

func (a *alarm) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.calls)
}

// withWheel runs a wheel in a bubble of fake time for the length of f.
func withWheel(t *testing.T, f func(t *testing.T, w *Wheel)) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWheel(tick)
		time.Sleep(83 * time.Millisecond) // Run needn't start with the wheel's first tick
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); w.Run(ctx) }() // ended by cancel
		f(t, w)
		cancel()
		<-done
	})
}

func TestTimerComesOnceAndNeverEarly(t *testing.T) {
	for _, after := range []time.Duration{
		-time.Hour, 0, time.Nanosecond, 100 * time.Millisecond, tick, tick + 1,
		20 * time.Second, slots*tick - 1, slots * tick, slots*tick + 1, time.Hour, 30 * time.Hour,
	} {
		t.Run(after.String(), func(t *testing.T) {
			withWheel(t, func(t *testing.T, w *Wheel) {
				var a alarm
				at := time.Now().Add(after)
				w.Set(&a.Timer, at, &a)
				time.Sleep(max(after, 0) + 2*slots*tick)
				if a.count() != 1 {
					t.Fatalf("called %d times", a.count())
				}
				if late := a.calls[0].Sub(at); late < 0 || after > 0 && late > tick {
					t.Errorf("%v late", late)
				}
			})
		})
	}
}

func TestTimerIsSetAnew(t *testing.T) {
	withWheel(t, func(t *testing.T, w *Wheel) {
		var a alarm
		start := time.Now()
		for i := range 20 { // as each pong moves the next ping
			w.Set(&a.Timer, start.Add(time.Duration(i)*time.Second+10*time.Second), &a)
			time.Sleep(time.Second)
		}
		if a.count() != 0 {
			t.Fatalf("called %v after the start", a.calls[0].Sub(start))
		}
		time.Sleep(10 * time.Second)
		if a.count() != 1 || a.calls[0].Before(start.Add(29*time.Second)) {
			t.Fatalf("calls: %v", a.calls)
		}
	})
}

func TestTimerIsStopped(t *testing.T) {
	withWheel(t, func(t *testing.T, w *Wheel) {
		var a, b, c alarm
		at := time.Now().Add(10 * time.Second)
		w.Stop(&a.Timer) // unset
		for _, x := range []*alarm{&a, &b, &c} {
			w.Set(&x.Timer, at, x)
		}
		w.Stop(&b.Timer)
		w.Stop(&b.Timer)
		time.Sleep(time.Minute)
		if a.count() != 1 || b.count() != 0 || c.count() != 1 {
			t.Errorf("calls: %d %d %d", a.count(), b.count(), c.count())
		}
	})
}

// What is due in the same turn may be stopped or set anew by what is called first.
func TestDueUsesTheWheel(t *testing.T) {
	withWheel(t, func(t *testing.T, w *Wheel) {
		var first, stopped, moved, again alarm
		at := time.Now().Add(time.Second)
		first.then = func(now time.Time) {
			w.Stop(&stopped.Timer)
			w.Set(&moved.Timer, now.Add(time.Minute), &moved)
		}
		again.then = func(now time.Time) {
			if again.count() < 5 {
				w.Set(&again.Timer, now, &again) // has passed: comes with the next turn
			}
		}
		for _, x := range []*alarm{&first, &stopped, &moved, &again} {
			w.Set(&x.Timer, at, x)
		}
		time.Sleep(30 * time.Second)
		if first.count() != 1 || stopped.count() != 0 || moved.count() != 0 || again.count() != 5 {
			t.Errorf("calls: %d %d %d %d", first.count(), stopped.count(), moved.count(), again.count())
		}
		time.Sleep(time.Minute)
		if moved.count() != 1 {
			t.Errorf("moved called %d times", moved.count())
		}
	})
}

// A machine that slept: everything that passed comes with one turn.
func TestWheelCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWheel(tick)
		var as [slots + 100]alarm
		for i := range as {
			w.Set(&as[i].Timer, time.Now().Add(time.Duration(i)*7*tick), &as[i])
		}
		time.Sleep(7 * tick * time.Duration(len(as)))
		w.turn(time.Now())
		for i := range as {
			if as[i].count() != 1 {
				t.Fatalf("timer %d called %d times", i, as[i].count())
			}
		}
	})
}

// Many goroutines set and stop their own timers; what was set last decides.
func TestWheelConcurrently(t *testing.T) {
	withWheel(t, func(t *testing.T, w *Wheel) {
		const owners, each = 8, 50
		var as [owners * each]alarm
		var armed [owners * each]bool
		var wg sync.WaitGroup
		for o := range owners {
			wg.Go(func() { // ends by itself
				r := rand.New(rand.NewPCG(1, uint64(o)))
				for range 2000 {
					i := o*each + r.IntN(each)
					if armed[i] = r.IntN(3) > 0; armed[i] {
						w.Set(&as[i].Timer, time.Now().Add(time.Minute+time.Duration(r.Int64N(int64(time.Hour)))), &as[i])
					} else {
						w.Stop(&as[i].Timer)
					}
					time.Sleep(time.Duration(r.Int64N(int64(time.Millisecond))))
				}
			})
		}
		wg.Wait()
		time.Sleep(2 * time.Hour)
		for i := range as {
			if as[i].count() != map[bool]int{true: 1}[armed[i]] {
				t.Fatalf("timer %d, armed %v, called %d times", i, armed[i], as[i].count())
			}
		}
	})
}

func TestTimerIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Timer{}); n > 48 {
		t.Errorf("%d bytes", n)
	}
	w := NewWheel(time.Hour)
	var a alarm
	if n := testing.AllocsPerRun(100, func() {
		w.Set(&a.Timer, time.Now(), &a)
		w.Stop(&a.Timer)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkWheelSet(b *testing.B) {
	w := NewWheel(tick)
	as := make([]alarm, 19000)
	at := time.Now()
	i := 0
	for b.Loop() {
		w.Set(&as[i].Timer, at.Add(time.Duration(i)*time.Millisecond), &as[i])
		i = (i + 1) % len(as)
	}
}

// One second of a wheel that 19,000 streams have a ping timer on.
func BenchmarkWheelIdleSecond(b *testing.B) {
	w := NewWheel(tick)
	as := make([]alarm, 19000)
	now := time.Now()
	for i := range as {
		w.Set(&as[i].Timer, now.Add(1000*time.Hour+time.Duration(i)*time.Millisecond), &as[i])
	}
	for b.Loop() {
		for range time.Second / tick {
			now = now.Add(tick)
			w.turn(now)
		}
	}
}
