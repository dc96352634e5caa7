package conn

import (
	"crypto/tls"
	"errors"
	"os"
	"sync"
	"time"
)

// secure is what a TLS connection needs besides.
type secure struct {
	tls *tls.Conn

	mu       sync.Mutex
	deadline time.Time // what SetReadDeadline has asked for
	probing  bool      // the socket's own deadline is in the past just now
}

func (s *secure) setDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	if s.probing {
		return nil // probe sets it when it ends
	}
	return s.tls.SetReadDeadline(t)
}

// probe reads what TLS has at hand without asking the socket. 0 means that it needs more bytes from there, so that
// waiting for the socket is waiting for TLS (a record in pieces stays in TLS's own buffer).
func (s *secure) probe(p []byte) (int, error) {
	if err := s.shift(true); err != nil {
		return 0, err
	}
	n, err := s.tls.Read(p)
	if e := s.shift(false); e != nil && n == 0 {
		return 0, e
	}
	if n > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		return n, nil // an error beside bytes comes again
	}
	return 0, err
}

// shift puts the deadline into the past, or back to what was asked for.
func (s *secure) shift(probing bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.probing = probing
	if probing {
		return s.tls.SetReadDeadline(past)
	}
	return s.tls.SetReadDeadline(s.deadline)
}

// fill parks on the socket under TLS, not in TLS's Read, so that an idle connection holds no buffer of ours and no deep stack.
func (s *secure) fill(c *Conn, pool *Buffers) (*Buffer, error) {
	if b, err := s.take(pool, s.probe); b != nil || err != nil {
		return b, err
	}
	for {
		// The end of the socket is TLS's to judge: cut off or closed.
		if err := c.park(nil); err != nil && c.readErr == nil {
			return nil, err
		}
		if b, err := s.take(pool, s.tls.Read); b != nil || err != nil {
			return b, err
		}
	}
}

func (s *secure) take(pool *Buffers, read func([]byte) (int, error)) (*Buffer, error) {
	b := pool.Get()
	n, err := read(b.B[:pool.size])
	if n == 0 {
		pool.Put(b)
		return nil, err
	}
	b.B = b.B[:n]
	return b, nil
}

// wait is fill with as few bytes as may be: they can't be looked at without taking them.
func (s *secure) wait(c *Conn) error {
	var one [1]byte
	n, err := s.probe(one[:])
	for n == 0 && err == nil {
		if err := c.park(nil); err != nil && c.readErr == nil {
			return err
		}
		n, err = s.tls.Read(one[:])
	}
	if n == 0 {
		return err
	}
	c.head = []byte{one[0]}
	return nil
}
