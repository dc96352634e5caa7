package conn

import (
	"io"
	"sync"
	"syscall"
)

// Buffers is a pool of read buffers of one size. It is safe for concurrent use.
type Buffers struct {
	size int
	pool sync.Pool
}

// Buffer is one of them: B is what was read, its capacity at least the pool's size.
type Buffer struct {
	B []byte
}

// NewBuffers returns a pool of buffers of size bytes.
func NewBuffers(size int) *Buffers {
	p := &Buffers{size: size}
	p.pool.New = func() any { return &Buffer{B: make([]byte, 0, size)} }
	return p
}

// Get returns an empty buffer.
func (p *Buffers) Get() *Buffer { return p.pool.Get().(*Buffer) }

// Put takes b back; its owner must not touch it any more.
func (p *Buffers) Put(b *Buffer) {
	b.B = b.B[:0]
	p.pool.Put(b)
}

// Wait blocks until bytes are there to Read (nil), the peer has ended (io.EOF), the connection has failed or was closed
// (net.ErrClosed), or the deadline of SetReadDeadline has passed (os.ErrDeadlineExceeded). Without SetReadDeadline it
// waits for ever. It holds no buffer and allocates nothing; a goroutine parked here costs its minimal stack. The end is
// told only when nothing is left to read.
func (c *Conn) Wait() error {
	if c.head != nil {
		return nil
	}
	if c.secure != nil {
		return c.secure.wait(c)
	}
	return c.park(nil)
}

// Fill waits like Wait and reads what is there, up to the pool's buffer size, into a buffer that it takes from pool
// only then. The caller gives it back with Put. It allocates nothing on a plain connection.
func (c *Conn) Fill(pool *Buffers) (*Buffer, error) {
	if c.head != nil {
		b := pool.Get()
		b.B = b.B[:pool.size]
		b.B = b.B[:c.takeHead(b.B)]
		return b, nil
	}
	if c.secure != nil {
		return c.secure.fill(c, pool)
	}
	if err := c.park(pool); err != nil {
		return nil, err
	}
	b := c.got
	c.got = nil
	return b, nil
}

// Read reads what is there; it blocks if nothing is, holding p.
func (c *Conn) Read(p []byte) (int, error) {
	if c.head != nil {
		return c.takeHead(p), nil
	}
	if c.secure != nil {
		return c.secure.readAnyhow(p)
	}
	return c.outer.Read(p)
}

// Unread puts bytes that were read back: they come out first. p is copied.
func (c *Conn) Unread(p []byte) {
	if len(p) == 0 {
		return
	}
	var behind []byte
	if c.head != nil {
		behind = *c.head
	}
	c.keep(append(append(make([]byte, 0, len(p)+len(behind)), p...), behind...))
}

// keep makes p, which isn't empty, what comes out first.
func (c *Conn) keep(p []byte) { c.head = &p }

// takeHead moves bytes that were read ahead into p.
func (c *Conn) takeHead(p []byte) int {
	n := copy(p, *c.head)
	if *c.head = (*c.head)[n:]; len(*c.head) == 0 {
		c.head = nil // an idle connection keeps no buffer
	}
	return n
}

// park repeats step until it has come to something.
func (c *Conn) park(pool *Buffers) error {
	c.pool = pool
	c.readErr = 0
	if err := c.raw.Read(c.readable); err != nil {
		return err
	}
	switch c.readErr {
	case 0:
		return nil
	case ended:
		return io.EOF
	}
	return c.readErr
}

// step asks the kernel once; false makes the runtime's poller park the goroutine until the
// socket is readable, when step holds no buffer.
func (c *Conn) step(fd uintptr) bool {
	if c.pool == nil {
		return c.look(int(fd))
	}
	b := c.pool.Get()
	n, err := retry(read, int(fd), b.B[:c.pool.size])
	if n > 0 {
		b.B = b.B[:n]
		c.got = b
		return true
	}
	c.pool.Put(b)
	return c.settle(err)
}

// look is step without taking the bytes away.
func (c *Conn) look(fd int) bool {
	var one [1]byte
	n, err := retry(peek, fd, one[:])
	if n > 0 {
		return true
	}
	return c.settle(err)
}

// settle notes what a read without bytes means.
func (c *Conn) settle(err error) bool {
	switch errno, _ := err.(syscall.Errno); {
	case err == nil:
		c.readErr = ended
	case errno == syscall.EAGAIN:
		return false
	default:
		c.readErr = errno
	}
	return true
}

func peek(fd int, p []byte) (int, error) {
	n, _, err := syscall.Recvfrom(fd, p, syscall.MSG_PEEK)
	return n, err
}

// retry repeats a system call that a signal has interrupted.
func retry(call func(int, []byte) (int, error), fd int, p []byte) (int, error) {
	for {
		n, err := call(fd, p)
		if err != syscall.EINTR {
			return n, err
		}
	}
}
