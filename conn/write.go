package conn

import "syscall"

// TryWrite writes as much of p as the kernel takes now and never blocks. n < len(p) with a nil error means that
// the kernel is full. Over TLS it takes nothing, since a record can't be written in part: lend a goroutine to Write.
func (c *Conn) TryWrite(p []byte) (n int, err error) {
	if c.secure != nil || len(p) == 0 {
		return 0, nil
	}
	if c.writable == nil {
		c.writable = c.put
	}
	c.out, c.outN, c.outErr = p, 0, nil
	err = c.raw.Write(c.writable)
	c.out = nil
	if err == nil {
		err = c.outErr
	}
	return c.outN, err
}

// put is one write; it always says that it's done, so the poller never parks the caller.
func (c *Conn) put(fd uintptr) bool {
	n, err := retry(write, int(fd), c.out)
	if n > 0 {
		c.outN = n
	}
	if err != nil && err != syscall.EAGAIN {
		c.outErr = err
	}
	return true
}

// Write blocks until all is written or the write deadline passes.
func (c *Conn) Write(p []byte) (int, error) { return c.outer.Write(p) }
