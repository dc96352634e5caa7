package main

import (
	"context"
	"log/slog"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// When memory goes back to the system: docs/decisions/0021-memory-given-back.md.
const (
	tidyEvery = 5 * time.Second // between two looks
	tidyFrom  = 4 << 20         // bytes that are worth a garbage collection
	tidyShare = 8               // and the part of what is in use that they must be
)

// tidy gives back what a burst of visitors has left behind, until ctx ends. Bound visitors make no garbage, so the runtime
// would collect what their logins left only minutes later, and keep most of it for a next time.
func tidy(ctx context.Context, log *slog.Logger) {
	look := time.NewTicker(tidyEvery)
	defer look.Stop()
	last := heapNow()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		h := heapNow()
		if h.worthIt(last) {
			debug.FreeOSMemory()
			log.Debug("memory given back to the system", "bytes", h.spare())
			h = heapNow()
		}
		last = h
	}
}

// heap is what the runtime says of its memory, in bytes; it costs nothing to ask.
type heap struct {
	objects uint64 // live or not collected yet
	live    uint64 // of these, found alive by the last collection
	free    uint64 // kept for later
	stacks  uint64
	made    uint64 // since the start
}

func heapNow() heap {
	s := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"}, {Name: "/gc/heap/allocs:bytes"},
	}
	metrics.Read(s)
	return heap{s[0].Value.Uint64(), s[1].Value.Uint64(), s[2].Value.Uint64(), s[3].Value.Uint64(), s[4].Value.Uint64()}
}

// spare is what a collection may give back: an estimate, since what was made since the last one may be alive.
func (h heap) spare() uint64 { return h.free + h.objects - min(h.live, h.objects) }

// worthIt tells whether there is much to give back, and a burst is over that may need it again: less was made since the
// look before than could be given back.
func (h heap) worthIt(before heap) bool {
	spare := h.spare()
	return spare >= tidyFrom && spare >= (h.objects+h.stacks)/tidyShare && h.made-before.made < spare/4
}
