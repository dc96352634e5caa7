package bosh

import (
	"runtime"
	"testing"
	"time"
	"unsafe"

	"usher/c2s"
)

// A session with a held request costs little besides its stream (the connection is package conn's). A third of it
// is the two answers that are kept: features and bind.
func TestSessionSize(t *testing.T) {
	t.Run("as it is", func(t *testing.T) { sessionSize(t, 1400, c2s.Resume{}) })
	t.Run("it may go on in another", func(t *testing.T) {
		sessionSize(t, 1500, c2s.Resume{Max: time.Minute, Wheel: c2s.NewWheel(time.Second)})
	})
}

func sessionSize(t *testing.T, most int, resume c2s.Resume) {
	const n = 2000
	d := &desk{site: newSite(), t: t}
	cfg := testConfig(d.site, c2s.NewWheel(time.Second))
	cfg.Streams.Resume = resume
	d.srv = New(cfg)
	heap := func() int {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	var xs []*exchange
	d.streams = make([]*c2s.Stream, 0, n)
	before := heap()
	for range n {
		c := d.login("")
		xs = append(xs, d.ask(c.body("", "")))
	}
	each := (heap()-before)/n - int(unsafe.Sizeof(c2s.Stream{}))
	t.Logf("%d bytes a session (session %d, request %d, exchange %d, kept %d, stream %d)", each, unsafe.Sizeof(session{}), unsafe.Sizeof(request{}), unsafe.Sizeof(exchange{}), unsafe.Sizeof(kept{}), unsafe.Sizeof(c2s.Stream{}))
	if each > most {
		t.Errorf("%d bytes a session, at most %d wanted", each, most)
	}
	runtime.KeepAlive(xs)
	runtime.KeepAlive(d)
}
