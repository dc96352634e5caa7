package bosh

import (
	"sync"
	"sync/atomic"
)

// lot knows every goroutine and every connection of this package, so that Shutdown ends them.
type lot struct {
	leaving atomic.Bool // answers close their connections

	mu     sync.Mutex
	closed bool
	n      int      // goroutines
	parked exchange // ring of those on a taken-over connection
	empty  chan struct{}
}

func (l *lot) init() {
	l.parked.next, l.parked.prev = &l.parked, &l.parked
	l.empty = make(chan struct{})
}

// add counts a goroutine; false means that none may start any more.
func (l *lot) add() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.n++
	return true
}

func (l *lot) done() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n--
	l.settle()
}

// enter is add for a parked goroutine.
func (l *lot) enter(x *exchange) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.n++
	x.prev, x.next = l.parked.prev, &l.parked
	x.prev.next, x.next.prev = x, x
	return true
}

func (l *lot) leave(x *exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	x.prev.next, x.next.prev = x.next, x.prev
	x.next, x.prev = nil, nil
	l.n--
	l.settle()
}

// swap puts y in the place of x, on the same connection and goroutine; false means that all connections are being closed.
func (l *lot) swap(x, y *exchange) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	y.prev, y.next = x.prev, x.next
	y.prev.next, y.next.prev = y, y
	x.next, x.prev = nil, nil
	return !l.closed
}

func (l *lot) settle() {
	if l.closed && l.n == 0 {
		closeOnce(l.empty)
	}
}

// draining tells whether answers have to close their connections.
func (l *lot) draining() bool { return l.leaving.Load() }

// drain closes the connections that wait for another request.
func (l *lot) drain() {
	l.leaving.Store(true)
	for _, x := range l.all() {
		x.s.mu.Lock()
		if x.phase == written {
			x.c.Close()
		}
		x.s.mu.Unlock()
	}
}

// shut closes all connections; what it returns is closed when the last goroutine has ended.
func (l *lot) shut() <-chan struct{} {
	l.leaving.Store(true)
	l.mu.Lock()
	l.closed = true
	l.settle()
	l.mu.Unlock()
	for _, x := range l.all() {
		x.s.mu.Lock()
		if x.c != nil {
			x.c.Close()
		}
		x.leave()
		x.s.mu.Unlock()
	}
	return l.empty
}

func (l *lot) all() (out []*exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for x := l.parked.next; x != &l.parked; x = x.next {
		out = append(out, x)
	}
	return out
}
