package gateway

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"usher/pool"
	"usher/upstream"
	"usher/xmpp"
)

// maxFarewell bounds what is kept to be sent for visitors who left while their
// home's link was down, in bytes per link.
const maxFarewell = 1 << 20

// busyWait bounds how long a visitor's reader waits for a link that is busy.
const busyWait = 5 * time.Second

// home is one component domain: its link, and what the edge does for its
// visitors while the link is away.
type home struct {
	*pool.Home
	g         *Gateway
	heldBytes atomic.Int64 // of held stanzas of this home's visitors

	read  time.Time  // owned by the link's reader: see readTime
	batch []*visitor // owned by the link's reader: whom to wake at its next Flush

	mu        sync.Mutex
	down      bool
	lostAt    time.Time // when the server was last heard before the loss
	heardTo   time.Time // until when all that it did had been heard then: it may have been behind
	replay    func()    // ends the running replay
	farewells []byte    // complete stanzas in component form
}

// readTime is the time, asked for once between two Flushes. For the link's reader.
func (h *home) readTime() time.Time {
	if h.read.IsZero() {
		h.read = h.g.now()
	}
	return h.read
}

// send queues a stanza on the link. If the link is busy it waits where the
// caller is a reader of one visitor's own (WebSocket); all others go to the link's reserve.
func (h *home) send(e *xmpp.Element, hd *xmpp.Header, wait bool) error {
	if !wait {
		var none context.Context // Send doesn't wait, and takes from the reserve
		return linkError(h.Home.Send(none, e, hd))
	}
	err := h.Home.Send(h.g.atOnce, e, hd)
	if !errors.Is(err, upstream.ErrBusy) {
		return linkError(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), busyWait)
	defer cancel()
	return linkError(h.Home.Send(ctx, e, hd))
}

// sendRaw queues complete stanzas of ours.
func (h *home) sendRaw(b []byte, wait bool) error {
	if !wait {
		var none context.Context
		return linkError(h.Home.SendRaw(none, b))
	}
	err := h.Home.SendRaw(h.g.atOnce, b)
	if !errors.Is(err, upstream.ErrBusy) {
		return linkError(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), busyWait)
	defer cancel()
	return linkError(h.Home.SendRaw(ctx, b))
}

// linkError folds 'just closed' and 'not there' into one.
func linkError(err error) error {
	if errors.Is(err, upstream.ErrClosed) {
		return pool.ErrDown
	}
	return err
}

// farewell sends stanzas of a visitor who is gone, or keeps them until the
// link is back. It never blocks.
func (h *home) farewell(b []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.down && h.sendRaw(b, false) == nil {
		return
	}
	if len(h.farewells)+len(b) > maxFarewell {
		h.g.count.drop(DropPresenceGone)
		return
	}
	h.farewells = append(h.farewells, b...)
}

// isUp tells whether the edge has been told that the link is there.
func (h *home) isUp() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.down
}

// sayFarewells sends what was kept.
func (h *home) sayFarewells() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.farewells) > 0 && h.sendRaw(h.farewells, false) == nil {
		h.farewells = nil
	}
}
