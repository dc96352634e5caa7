package conn

import (
	"sync"
	"syscall"
)

// TryWrite writes as much of p as the kernel takes now and never blocks. n < len(p) with a nil error means that
// the kernel is full. Over TLS it takes nothing, since a record can't be written in part: lend a goroutine to Write.
func (c *Conn) TryWrite(p []byte) (n int, err error) {
	if c.secure != nil || len(p) == 0 {
		return 0, nil
	}
	w := writes.Get().(*writing)
	w.p, w.n, w.err = p, 0, nil
	err = c.raw.Write(w.put)
	if err == nil {
		err = w.err
	}
	n, w.p, w.err = w.n, nil, nil
	writes.Put(w)
	return n, err
}

// writing is one TryWrite. They are shared by all connections, of which few write at a time.
type writing struct {
	p   []byte
	n   int
	err error
	put func(fd uintptr) bool // of once, made once so that writing allocates nothing
}

var writes = sync.Pool{New: func() any {
	w := &writing{}
	w.put = w.once
	return w
}}

// once is one write; it always says that it's done, so the poller never parks the caller.
func (w *writing) once(fd uintptr) bool {
	n, err := retry(write, int(fd), w.p)
	if n > 0 {
		w.n = n
	}
	if err != nil && err != syscall.EAGAIN {
		w.err = err
	}
	return true
}

// Write blocks until all is written or the write deadline passes.
func (c *Conn) Write(p []byte) (int, error) { return c.outer.Write(p) }
