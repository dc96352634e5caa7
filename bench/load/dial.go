package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// dialer opens connections to a loopback address, from the next of our own when one has no port left.
type dialer struct{ source atomic.Uint32 }

// noPortYet is ip(7) IP_BIND_ADDRESS_NO_PORT of Linux: the port is chosen at connect, so it need only be unique towards one server.
const noPortYet = 24

func noPort(_, _ string, raw syscall.RawConn) error {
	if runtime.GOOS != "linux" {
		return nil
	}
	var err error
	if e := raw.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, noPortYet, 1) }); e != nil {
		return e
	}
	return err
}

func (d *dialer) dial(ctx context.Context, to string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(to)
	if err != nil {
		return nil, err
	}
	nd := net.Dialer{Timeout: Step, KeepAlive: -1}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || ip.To4() == nil || !ip.IsLoopback()) {
		return nd.DialContext(ctx, "tcp", to)
	}
	nd.Control = noPort
	for {
		at := d.source.Load()
		nd.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(at+1))}
		c, err := nd.DialContext(ctx, "tcp4", to)
		if errors.Is(err, syscall.EADDRNOTAVAIL) && at+1 < Sources {
			d.source.CompareAndSwap(at, at+1)
			continue
		}
		return c, err
	}
}

// connect opens one connection of a session, without TLS' handshake, which comes with the first write.
func (e *Endpoint) connect(ctx context.Context) (net.Conn, error) {
	nc, err := e.at.dial.dial(ctx, e.at.address)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return nil, fmt.Errorf("%w (%w)", ErrDescriptors, err)
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return nil, fmt.Errorf("%w: %w: it may be out of descriptors or behind a firewall", ErrEndpoint, plainly(err))
	default:
		return nil, fmt.Errorf("%w: %w", ErrEndpoint, plainly(err))
	}
	if tcp, ok := nc.(*net.TCPConn); ok && e.ReceiveBuffer > 0 {
		if err := tcp.SetReadBuffer(e.ReceiveBuffer); err != nil {
			nc.Close()
			return nil, fmt.Errorf("receive buffer: %w", err)
		}
	}
	if e.at.tls != nil {
		return tls.Client(nc, e.at.tls), nil
	}
	return nc, nil
}

// plainly is a socket's error without our port, so that the same errors count as the same.
func plainly(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Addr != nil {
		return fmt.Errorf("%s %s: %w", op.Op, op.Addr, op.Err)
	}
	return err
}

// late says how long was waited, if an error is about that.
func late(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("no answer within %v: %w", Step, os.ErrDeadlineExceeded)
	}
	return plainly(err)
}

// maxInbox bounds what one frame or response may be.
const maxInbox = 4 << 20

// inbox is what was read from a connection and is not used up: b[r:].
type inbox struct {
	b []byte
	r int
}

func (in *inbox) unread() []byte { return in.b[in.r:] }

// begin takes over what an earlier reader left.
func (in *inbox) begin(left []byte) {
	in.b = append(in.b[:0], left...)
	in.r = 0
}

// left copies what is unread; nil = nothing.
func (in *inbox) left() []byte {
	if in.r == len(in.b) {
		return nil
	}
	return append([]byte(nil), in.b[in.r:]...)
}

// fill reads once. What unread returned before may have moved.
func (in *inbox) fill(r io.Reader) error {
	if in.r == len(in.b) {
		in.b, in.r = in.b[:0], 0
	}
	if len(in.b) == cap(in.b) {
		if in.r >= cap(in.b)/2 {
			in.b, in.r = in.b[:copy(in.b, in.b[in.r:])], 0
		} else {
			if len(in.b)-in.r >= maxInbox {
				return fmt.Errorf("the server sends more than %d bytes at once", maxInbox)
			}
			b := make([]byte, len(in.b)-in.r, 2*cap(in.b)+1<<10)
			copy(b, in.b[in.r:])
			in.b, in.r = b, 0
		}
	}
	n, err := r.Read(in.b[len(in.b):cap(in.b)])
	in.b = in.b[:len(in.b)+n]
	if n > 0 {
		return nil // an error comes again
	}
	if err == nil || err == io.EOF {
		return fmt.Errorf("the server closed the connection: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// alive reports whether a connection that has rested can be used: nothing is expected on it, so neither bytes nor an end may
// have come.
func alive(nc net.Conn) bool {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	var one [1]byte
	open := false
	if err := raw.Control(func(fd uintptr) {
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		open = errors.Is(err, syscall.EAGAIN)
	}); err != nil {
		return false
	}
	return open
}

// rested is how long a connection must have been idle to be looked at before it is used.
const rested = time.Second
