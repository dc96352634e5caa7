package upstream

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"
)

const (
	// keepBuffer is how large a write buffer may always stay.
	keepBuffer = 64 << 10
	// shrinkAfter is how many batches in a row must have been far smaller before a large buffer is given back.
	shrinkAfter = 1024
	// lull is how long nothing must have been written for the next stanza to be written at once, by whoever brings it. What comes
	// sooner is left to the writer goroutine, and waits there for what others bring meanwhile.
	lull = 200 * time.Microsecond
)

// outbox gathers what is to be written while the batch before is written: the group
// commit that makes one system call of many stanzas. One at a time writes: who has set busy.
type outbox struct {
	high, reserve int // bytes

	mu     sync.Mutex
	work   sync.Cond     // the writer goroutine waits here
	buf    []byte        // being gathered
	spare  []byte        // the other buffer: what is being written, while somebody writes
	rest   []byte        // of a batch that the socket hasn't taken at once: the writer goroutine's
	flying int           // bytes that were taken to be written and aren't yet
	busy   bool          // somebody writes
	last   time.Duration // when the last batch was taken, since the link's start
	room   chan struct{} // closed at the next room or end; nil if nobody waits
	state  outboxState

	peak, rounds int // the largest batch of so many last ones
}

type outboxState uint8

const (
	open      outboxState = iota
	finishing             // takes nothing more; the writer returns when all is written
	stopped               // the writer returns at once
)

func (o *outbox) init(high, reserve int) {
	o.high, o.reserve = high, reserve
	o.work.L = &o.mu
	o.last = -lull
}

// lock returns with the outbox locked and room in it, or with an error and not
// locked. A caller waits for room if ctx isn't nil, and else may use the reserve.
func (o *outbox) lock(ctx context.Context) error {
	o.mu.Lock()
	for {
		n := len(o.buf) + o.flying
		switch {
		case o.state != open:
			o.mu.Unlock()
			return ErrClosed
		case n < o.high, ctx == nil && n < o.high+o.reserve:
			return nil
		case ctx == nil:
			o.mu.Unlock()
			return ErrBusy
		}
		if o.room == nil {
			o.room = make(chan struct{})
		}
		room := o.room
		o.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrBusy, context.Cause(ctx))
		}
		o.mu.Lock()
	}
}

// unlock leaves what was appended to the writer goroutine.
func (o *outbox) unlock() {
	o.work.Signal()
	o.mu.Unlock()
}

// force appends b whatever the high-water mark says: for the link's own few small stanzas.
func (o *outbox) force(b []byte) {
	o.mu.Lock()
	if o.state == open {
		o.buf = append(o.buf, b...)
	}
	o.unlock()
}

// finish appends the last bytes ever; the writer returns when it has written them.
func (o *outbox) finish(last []byte) {
	o.mu.Lock()
	if o.state == open {
		o.buf = append(o.buf, last...)
		o.state = finishing
		o.release()
	}
	o.unlock()
}

// stop makes the writer and all who wait for room return. What is queued stays counted: it is lost.
func (o *outbox) stop() {
	o.mu.Lock()
	o.state = stopped
	o.release()
	o.unlock()
}

func (o *outbox) queued() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.buf) + o.flying
}

// release wakes those who wait for room; the lock is held.
func (o *outbox) release() {
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
}

// take takes what was gathered, for the caller to write. The lock is held, and nobody writes.
func (o *outbox) take(now time.Duration) []byte {
	batch := o.buf
	o.buf, o.spare = o.spare[:0], batch
	o.busy, o.flying, o.last = true, len(batch), now
	return batch
}

// done notes that the batch is written and gives its buffer back. The lock is held.
func (o *outbox) done() {
	o.busy, o.flying, o.rest = false, 0, nil
	o.release()
	// A burst must not keep its memory for ever, and a steady load must not allocate:
	// in rounds 1,024 and 1,025 each of the two buffers is looked at.
	o.peak, o.rounds = max(o.peak, len(o.spare)), o.rounds+1
	if o.rounds >= shrinkAfter && cap(o.spare) > max(keepBuffer, 4*o.peak) {
		o.spare = nil
	}
	if o.rounds > shrinkAfter {
		o.peak, o.rounds = 0, 0
	}
}

// next waits for what the writer goroutine has to write: what the socket hasn't taken from somebody else,
// or the next batch; nil means that it is to return.
func (o *outbox) next(now func() time.Duration) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	for yielded := false; o.state != stopped; {
		switch {
		case len(o.rest) > 0:
			return o.rest
		case o.busy:
		case len(o.buf) > 0 && o.state == open && !yielded:
			// Others who have something for the link may be about to run: their stanzas come along.
			yielded = true
			o.mu.Unlock()
			runtime.Gosched()
			o.mu.Lock()
			continue
		case len(o.buf) > 0:
			return o.take(now())
		case o.state == finishing:
			return nil
		}
		o.work.Wait()
	}
	return nil
}

// send unlocks the outbox, to which something was appended, and sees to it that it is written: at once and by the caller if the
// socket is free and there is a lull, else by the writer goroutine. It never waits for the network.
func (l *Link) send() {
	o := &l.out
	now := time.Duration(0)
	if l.socket != nil && !o.busy {
		now = l.since()
	}
	if l.socket == nil || o.busy || now-o.last < lull {
		o.unlock()
		return
	}
	batch := o.take(now)
	o.mu.Unlock()
	n, err := l.socket.TryWrite(batch)
	l.wrote(n, err)
	if err != nil {
		return // it stays busy: nobody tries again
	}
	o.mu.Lock()
	if n < len(batch) {
		o.rest, o.flying = batch[n:], len(batch)-n
	} else {
		o.done()
	}
	if len(o.rest) > 0 || len(o.buf) > 0 || o.state != open {
		o.work.Signal()
	}
	o.mu.Unlock()
}

// write is the link's writer goroutine.
func (l *Link) write() {
	defer close(l.written)
	for batch := l.out.next(l.since); batch != nil; batch = l.out.next(l.since) {
		n, err := l.writer.Write(batch)
		l.wrote(n, err)
		if err != nil {
			return
		}
		l.out.mu.Lock()
		l.out.done()
		l.out.mu.Unlock()
	}
}

// wrote counts a write; an error ends the link.
func (l *Link) wrote(n int, err error) {
	l.counts.bytesOut.Add(int64(n))
	l.counts.writes.Add(1)
	if err != nil {
		l.end(fmt.Errorf("%w: write: %w", ErrLost, err))
	}
}

func (l *Link) since() time.Duration { return time.Since(l.start) }
