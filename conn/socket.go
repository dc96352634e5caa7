package conn

import (
	"io"
	"net"
	"syscall"
)

// Socket makes the calls of a connection that has much to read and to write, as a link has. It differs from net.Conn's
// own methods in that the scheduler isn't told of calls that never block: each would wake the runtime's
// monitor, which then looks around every 20 us. One goroutine at a time may read, and one may write; what else is to be
// done with the connection, its owner does with the net.Conn.
type Socket struct {
	raw syscall.RawConn

	in      []byte // the reader's
	got     int
	readErr error
	fill    func(fd uintptr) bool // of step: made once, so that reading allocates nothing

	out      []byte // the writer's
	wait     bool
	writeErr error
	put      func(fd uintptr) bool
}

// chunk is the most that one call reads or writes: while the kernel copies, the scheduler can't stop the goroutine.
const chunk = 64 << 10

// NewSocket returns the socket of nc, or nil if nc is not one itself: a connection over TLS, or one of a test.
func NewSocket(nc net.Conn) *Socket {
	layer, ok := nc.(socket)
	if !ok {
		return nil
	}
	raw, err := layer.SyscallConn()
	if err != nil {
		return nil
	}
	s := &Socket{raw: raw}
	s.fill, s.put = s.readSome, s.writeAll
	return s
}

// Read reads what is there, and waits if nothing is. It is io.Reader's.
func (s *Socket) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.in, s.got, s.readErr = p[:min(len(p), chunk)], 0, nil
	err := s.raw.Read(s.fill)
	s.in = nil
	if err == nil {
		err = s.readErr
	}
	return s.got, err
}

// readSome reads once; false makes the poller wait.
func (s *Socket) readSome(fd uintptr) bool {
	n, err := retry(read, int(fd), s.in)
	switch {
	case n > 0:
		s.got = n
	case err == nil:
		s.readErr = io.EOF
	case err == syscall.EAGAIN:
		return false
	default:
		s.readErr = err
	}
	return true
}

// Write writes all of p and waits for the peer meanwhile, until the write deadline of the connection. It is io.Writer's.
func (s *Socket) Write(p []byte) (int, error) { return s.write(p, true) }

// TryWrite writes as much of p as the kernel takes now and never waits. n < len(p) with a nil error means that the
// kernel is full.
func (s *Socket) TryWrite(p []byte) (int, error) { return s.write(p, false) }

func (s *Socket) write(p []byte, wait bool) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.out, s.wait, s.writeErr = p, wait, nil
	err := s.raw.Write(s.put)
	n := len(p) - len(s.out)
	s.out = nil
	if err == nil {
		err = s.writeErr
	}
	return n, err
}

// writeAll writes what is left; false makes the poller wait.
func (s *Socket) writeAll(fd uintptr) bool {
	for len(s.out) > 0 {
		n, err := retry(write, int(fd), s.out[:min(len(s.out), chunk)])
		if n > 0 {
			s.out = s.out[n:]
		}
		if err == syscall.EAGAIN {
			return !s.wait
		}
		if err != nil {
			s.writeErr = err
			return true
		}
	}
	return true
}
