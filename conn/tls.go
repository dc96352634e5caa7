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

	// The reader's.
	dry bool // a probe has found nothing, and nothing was read since
	fed bool // the socket has become readable since

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

// ready waits until read has something to do. It parks on the socket under TLS, not in TLS's Read, so that an idle connection
// holds no buffer of ours and no deep stack.
func (s *secure) ready(c *Conn) error {
	if !s.dry {
		return nil
	}
	// The end of the socket is TLS's to judge: cut off or closed.
	if err := c.park(nil); err != nil && c.readErr == 0 {
		return err
	}
	s.dry, s.fed = false, true
	return nil
}

// read returns 0 without an error when TLS needs more from the socket.
func (s *secure) read(p []byte) (int, error) {
	if s.fed {
		s.fed = false
		return s.tls.Read(p)
	}
	n, err := s.probe(p)
	s.dry = n == 0 && err == nil
	return n, err
}

// readAnyhow reads like TLS itself.
func (s *secure) readAnyhow(p []byte) (int, error) {
	s.dry, s.fed = false, false
	return s.tls.Read(p)
}

func (s *secure) fill(c *Conn, pool *Buffers) (*Buffer, error) {
	for {
		if err := s.ready(c); err != nil {
			return nil, err
		}
		b := pool.Get()
		n, err := s.read(b.B[:pool.size])
		if n > 0 {
			b.B = b.B[:n]
			return b, nil
		}
		pool.Put(b)
		if err != nil {
			return nil, err
		}
	}
}

// wait reads as few bytes as may be: they can't be looked at without taking them.
func (s *secure) wait(c *Conn) error {
	for {
		if err := s.ready(c); err != nil {
			return err
		}
		var one [1]byte
		n, err := s.read(one[:])
		if n > 0 {
			c.keep([]byte{one[0]})
			return nil
		}
		if err != nil {
			return err
		}
	}
}
