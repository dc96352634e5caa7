package workgroup

import (
	"container/heap"
	"strconv"
	"time"
)

// timer is one appointment.
type timer struct {
	when time.Time
	turn uint64 // of two for the same time the one made first goes first
	f    func()
	slot int // in the desk's heap; -1: not set
}

// timers is a heap of appointments, the next one first.
type timers struct {
	set  []*timer
	turn uint64
}

func (h *timers) Len() int { return len(h.set) }
func (h *timers) Less(i, j int) bool {
	a, b := h.set[i], h.set[j]
	if a.when.Equal(b.when) {
		return a.turn < b.turn
	}
	return a.when.Before(b.when)
}
func (h *timers) Swap(i, j int) {
	h.set[i], h.set[j] = h.set[j], h.set[i]
	h.set[i].slot, h.set[j].slot = i, j
}
func (h *timers) Push(x any) {
	t := x.(*timer)
	t.slot = len(h.set)
	h.set = append(h.set, t)
}
func (h *timers) Pop() any {
	t := h.set[len(h.set)-1]
	h.set[len(h.set)-1] = nil
	h.set = h.set[:len(h.set)-1]
	t.slot = -1
	return t
}

// at has f called by Tick at that time; stop takes it back. Owned timers of conversations, rooms and agents are all of
// this kind; they are not kept over a crash, their owners set them again.
func (d *Desk) at(t time.Time, f func()) *timer {
	d.timers.turn++
	a := &timer{when: t, turn: d.timers.turn, f: f}
	heap.Push(&d.timers, a)
	return a
}

// stop takes a timer back; a nil one, or one that has gone off, is no matter.
func (d *Desk) stop(t *timer) {
	if t != nil && t.slot >= 0 {
		heap.Remove(&d.timers, t.slot)
	}
}

// Tick does what is due. Next is when it is to be called at the latest; zero: no time is set.
func (d *Desk) Tick(now time.Time) {
	d.begin(now)
	for len(d.timers.set) > 0 && !d.timers.set[0].when.After(now) {
		t := heap.Pop(&d.timers).(*timer)
		t.f()
		d.settle()
	}
	d.settle()
}

// Next is when Tick is to be called at the latest; zero: no time is set.
func (d *Desk) Next() time.Time {
	if len(d.timers.set) == 0 {
		return time.Time{}
	}
	return d.timers.set[0].when
}

// answerTime is how long the answer to a request is waited for.
const answerTime = 10 * time.Second

// requested is an IQ whose answer is waited for.
type requested struct {
	from, to string
	done     func(*node)
	late     *timer
}

// request sends an IQ get or set from one of the desk's addresses and calls done with the answer, or with nil if none
// came within 10 s (a late one is dropped) or the link went down.
func (d *Desk) request(from, to, typ string, payload *node, done func(answer *node)) {
	d.serial++
	id := d.prefix + strconv.Itoa(d.serial)
	r := &requested{from: from, to: to, done: done}
	r.late = d.at(d.now.Add(answerTime), func() { d.settleRequest(id, nil) })
	d.requests[id] = r
	d.send(el("iq", "", "type", typ, "from", from, "to", to, "id", id).with(payload))
}

// answered gives an answer to the one who asked; false: nobody did, or somebody else was asked (RFC 6120 §8.2.3).
func (d *Desk) answered(n *node) bool {
	r := d.requests[n.attr("id")]
	if r == nil || r.to != n.attr("from") || r.from != n.attr("to") {
		return false
	}
	d.settleRequest(n.attr("id"), n)
	return true
}

func (d *Desk) settleRequest(id string, answer *node) {
	r := d.requests[id]
	if r == nil {
		return
	}
	delete(d.requests, id)
	d.stop(r.late)
	r.done(answer)
}
