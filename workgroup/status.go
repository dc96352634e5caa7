package workgroup

import (
	"errors"
	"time"
)

// States of a workgroup, as a visitor would find it.
const (
	GroupOpen    = "open"    // somebody is there who can take him
	GroupBusy    = "busy"    // he would wait: all are at their capacity, or not heard of yet, or the queue is full
	GroupClosed  = "closed"  // outside the opening hours
	GroupOffline = "offline" // nobody is there
)

// measure fills in what visitors and their pages are told of the workgroup.
func (g *group) measure(f *Gauges) {
	free := false
	for _, m := range g.serving {
		switch s, _ := m.standing(g); s {
		case ready, reserve:
			free = true
			f.Able++
		case busy:
			f.Able++
		}
	}
	var closed *closedError
	switch errors.As(g.d.openFor(g), &closed); {
	case closed == nil && free:
		f.State = GroupOpen
	case closed == nil || closed.reason == "full":
		f.State = GroupBusy
	case closed.reason == "hours":
		f.State, f.Opens = GroupClosed, closed.opens
	default:
		f.State = GroupOffline
	}
	if f.State == GroupBusy || len(g.waiting) > 0 {
		f.Estimate = g.estimate(len(g.waiting) + 1)
	}
}

// estimate is how long the one in this place of the queue, from 1, is likely to wait.
func (g *group) estimate(place int) time.Duration {
	pace := g.pace
	if pace == 0 {
		pace = usualPlace
	}
	return pace * time.Duration(place)
}
