package upstream

import (
	"context"
	"fmt"
	"sync"
)

const (
	// keepBuffer is how large a write buffer may always stay.
	keepBuffer = 64 << 10
	// shrinkAfter is how many batches in a row must have been far smaller before a large buffer is given back.
	shrinkAfter = 1024
)

// outbox gathers what is to be written while the writer goroutine writes the
// batch before: the group commit that makes one system call of many stanzas.
type outbox struct {
	high int

	mu     sync.Mutex
	work   sync.Cond     // the writer waits here
	buf    []byte        // being gathered
	flying int           // bytes that the writer has taken and not yet written
	room   chan struct{} // closed at the next room or end; nil if nobody waits
	state  outboxState
}

type outboxState uint8

const (
	open      outboxState = iota
	finishing             // takes nothing more; the writer returns when all is written
	stopped               // the writer returns at once
)

func (o *outbox) init(high int) {
	o.high = high
	o.work.L = &o.mu
}

// lock returns with the outbox locked and room in it, or with an error and not
// locked. A caller waits for room only if ctx isn't nil.
func (o *outbox) lock(ctx context.Context) error {
	o.mu.Lock()
	for {
		switch {
		case o.state != open:
			o.mu.Unlock()
			return ErrClosed
		case len(o.buf)+o.flying < o.high:
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

// unlock hands what was appended to the writer.
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

// swap gives back the batch that was written, waits for the next one, and
// returns it; nil means that the writer is to return.
func (o *outbox) swap(written []byte) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flying = 0
	o.release()
	for len(o.buf) == 0 && o.state == open {
		o.work.Wait()
	}
	if o.state == stopped || len(o.buf) == 0 {
		return nil
	}
	next := o.buf
	o.buf, o.flying = written[:0], len(next)
	return next
}

// write is the link's writer goroutine.
func (l *Link) write() {
	defer close(l.written)
	peak, rounds := 0, 0 // the largest batch of so many last ones
	for batch := l.out.swap(nil); batch != nil; batch = l.out.swap(batch) {
		n, err := l.conn.Write(batch)
		l.counts.bytesOut.Add(int64(n))
		l.counts.writes.Add(1)
		if err != nil {
			l.end(fmt.Errorf("%w: write: %w", ErrLost, err))
			return
		}
		// A burst must not keep its memory for ever, and a steady load must not allocate:
		// in rounds 1,024 and 1,025 each of the two buffers is looked at.
		peak, rounds = max(peak, len(batch)), rounds+1
		if rounds >= shrinkAfter && cap(batch) > max(keepBuffer, 4*peak) {
			batch = nil
		}
		if rounds > shrinkAfter {
			peak, rounds = 0, 0
		}
	}
}
