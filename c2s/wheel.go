package c2s

import (
	"context"
	"time"
)

// Wheel runs many coarse deadlines on one goroutine: a Timer costs no
// allocation of its own. Deadlines are kept to one tick.
type Wheel struct{}

// Timer is one deadline; embed it. Its zero value is unset.
type Timer struct{}

// NewWheel returns a wheel with this granularity. Its deadlines pass while Run runs.
func NewWheel(tick time.Duration) *Wheel { panic("unbuilt") }

// Run drives the wheel until ctx ends.
func (w *Wheel) Run(ctx context.Context) { panic("unbuilt") }

// Set makes due be called (on the wheel's goroutine, so it must not block, and without the wheel's lock)
// once at has passed, instead of what was set before. due is kept in the Timer: use a method value
// made once, or better an interface.
func (w *Wheel) Set(t *Timer, at time.Time, due Due) { panic("unbuilt") }

// Stop unsets it. A call of Due that is already under way may still happen.
func (w *Wheel) Stop(t *Timer) { panic("unbuilt") }

// Due is what a Timer calls.
type Due interface{ Due(now time.Time) }
