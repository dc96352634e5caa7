// Package conn is a client's connection after the HTTP server has let go of
// it: bytes the server had read already, waiting for the peer without holding
// a buffer, writes that never block. It owns the way from a hijacked
// connection to the kernel, plain or TLS, TCP or Unix socket. It must not know
// WebSocket, BOSH or XMPP.
package conn

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
)

// ErrNoSocket means that there is no socket to be found under a connection's wrappers.
var ErrNoSocket = errors.New("conn: no socket under the connection")

// past is a deadline that has passed.
var past = time.Unix(1, 0)

// Conn is one taken-over connection. Wait, Fill and Read belong to one goroutine (the owner's reader);
// TryWrite, Write, the deadlines and Close may be called from others, writes one at a time.
type Conn struct {
	outer  net.Conn        // the outermost layer that outlives the server: TLS, PROXY protocol or the socket
	raw    syscall.RawConn // of the socket
	secure *secure         // nil = plain

	// The reader's. readable is the step that the runtime's poller repeats, made once so that waiting allocates nothing.
	head     *[]byte // what was read but not taken yet; nil = nothing
	readable func(fd uintptr) bool
	pool     *Buffers // where the step takes a buffer; nil = it only looks
	got      *Buffer
	readErr  syscall.Errno // of the last step; ended = there is nothing more

	idle atomic.Pointer[Idle] // where it has been at rest
	fd   int32                // the descriptor, under idle's lock; 0 = never at rest
	shut atomic.Bool          // Close was called
}

// ended stands for io.EOF among the errors of the kernel.
const ended = ^syscall.Errno(0)

// socket is what *net.TCPConn and *net.UnixConn have in common.
type socket interface {
	net.Conn
	syscall.Conn
	CloseWrite() error
}

// Take takes over the connection that fasthttp hands to a hijack handler (Server.KeepHijackedConns and
// ReduceMemoryUsage set): the bytes that the server has already read are kept and come
// out of Read first, and the server's own buffers are not needed any more when it returns.
// A connection that came from NetConn gives the same Conn again. The error is ErrNoSocket, wrapped, or that of a
// layer which had failed already; the caller still has to close hijacked then.
func Take(hijacked net.Conn) (*Conn, error) {
	c, err := unwrap(hijacked)
	if err != nil {
		return nil, err
	}
	if err := c.drain(hijacked); err != nil {
		return nil, fmt.Errorf("conn: taking over: %w", err)
	}
	return c, nil
}

// unwrap finds the socket under the layers and notes those that matter.
func unwrap(nc net.Conn) (*Conn, error) {
	c := &Conn{}
	for {
		switch layer := nc.(type) {
		case *plainConn:
			return (*Conn)(layer), nil
		case *tlsConn:
			return (*Conn)(layer), nil
		case interface{ UnsafeConn() net.Conn }: // fasthttp's hijacked connection; ends with the handler
			nc = layer.UnsafeConn()
			continue
		}
		if c.outer == nil {
			c.outer = nc
		}
		switch layer := nc.(type) {
		case *tls.Conn:
			if c.secure != nil {
				return nil, fmt.Errorf("%w: TLS in TLS", ErrNoSocket)
			}
			c.secure = &secure{tls: layer}
			nc = layer.NetConn()
		case interface{ Raw() net.Conn }: // a PROXY protocol connection
			nc = layer.Raw()
		case socket:
			raw, err := layer.SyscallConn()
			if err != nil {
				return nil, fmt.Errorf("conn: %w", err)
			}
			c.raw = raw
			c.readable = c.step
			return c, nil
		default:
			return nil, fmt.Errorf("%w: %T", ErrNoSocket, nc)
		}
	}
}

// drain keeps what the layers above the socket have read ahead. With a deadline in the past a socket isn't
// asked any more, so only such bytes come out, and their end shows as a timeout.
func (c *Conn) drain(hijacked net.Conn) error {
	if err := hijacked.SetReadDeadline(past); err != nil {
		return err
	}
	// Mostly there is nothing. Reading empties c.head, where this is a connection taken again.
	ahead := make([]byte, 0, 64)
	for {
		ahead = slices.Grow(ahead, 64)
		n, err := hijacked.Read(ahead[len(ahead):cap(ahead)])
		ahead = ahead[:len(ahead)+n]
		if errors.Is(err, os.ErrDeadlineExceeded) || err == io.EOF { // TLS says io.EOF again when it's read again
			break
		}
		if err != nil {
			return err
		}
	}
	if c.head = nil; len(ahead) > 0 {
		c.keep(ahead)
	}
	if c.secure != nil {
		return c.secure.setDeadline(time.Time{})
	}
	return c.outer.SetReadDeadline(time.Time{})
}

// TLS says whether the connection is encrypted: then TryWrite never takes anything.
func (c *Conn) TLS() bool { return c.secure != nil }

// Buffered returns whether bytes are at hand without asking the kernel.
func (c *Conn) Buffered() bool { return c.head != nil }

// RemoteAddr is the peer's address as the layers tell it.
func (c *Conn) RemoteAddr() net.Addr { return c.outer.RemoteAddr() }

// SetReadDeadline bounds Wait, Fill and Read, also those under way; zero means none.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if p := c.idle.Load(); p != nil {
		p.deadline(c, t)
	}
	if c.secure != nil {
		return c.secure.setDeadline(t)
	}
	return c.outer.SetReadDeadline(t)
}

// SetWriteDeadline bounds Write; TryWrite fails when it has passed. Once it has
// passed in a Write, a TLS connection can't be written to any more.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.outer.SetWriteDeadline(t) }

// Close closes the connection and wakes Wait, Fill, Read and Write, and who is at rest. It never blocks; over TLS nothing is said to
// the peer (CloseWrite does that).
func (c *Conn) Close() error {
	if !c.shut.Swap(true) { // before idle is looked at: who rests meanwhile sees one or the other
		if p := c.idle.Load(); p != nil {
			p.closed(c)
		}
	}
	if c.secure != nil {
		return c.secure.tls.NetConn().Close()
	}
	return c.outer.Close()
}

// CloseWrite tells the peer that nothing follows (over TLS with close_notify, which may block up to five
// seconds), while reading goes on.
func (c *Conn) CloseWrite() error {
	nc := c.outer
	var alert error
	if c.secure != nil {
		alert = c.secure.tls.CloseWrite()
		nc = c.secure.tls.NetConn()
	}
	for {
		switch layer := nc.(type) {
		case interface{ Raw() net.Conn }:
			nc = layer.Raw()
			continue
		case socket:
			return errors.Join(alert, layer.CloseWrite())
		}
		return errors.Join(alert, ErrNoSocket)
	}
}
