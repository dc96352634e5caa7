// Package conn is a client's connection after the HTTP server has let go of
// it: bytes the server had read already, waiting for the peer without holding
// a buffer, writes that never block. It owns the way from a hijacked
// connection to the kernel, plain or TLS. It must not know WebSocket, BOSH or
// XMPP.
package conn

import (
	"net"
	"time"
)

// Conn is one taken-over connection. Wait and Read belong to one goroutine (the owner's reader);
// TryWrite, Write and Close may be called from others, writes one at a time.
type Conn struct{}

// Take takes over the connection that fasthttp hands to a hijack handler (Server.KeepHijackedConns and
// ReduceMemoryUsage set): the bytes that the server has already read are kept and come
// out of Read first, and the server's own buffers are not needed any more when it returns.
func Take(hijacked net.Conn) (*Conn, error) { panic("unbuilt") }

// Wait blocks until Read would return at once (bytes, end, or error) or the
// deadline of SetReadDeadline passes. It holds no buffer; a goroutine parked here costs its minimal stack.
func (c *Conn) Wait() error { panic("unbuilt") }

// Read reads what is there.
func (c *Conn) Read(p []byte) (int, error) { panic("unbuilt") }

// Buffered returns whether bytes are at hand without asking the kernel.
func (c *Conn) Buffered() bool { panic("unbuilt") }

// TryWrite writes as much of p as the kernel takes now and never blocks (over TLS: it is told by
// whole records). n < len(p) with a nil error means that the kernel is full.
func (c *Conn) TryWrite(p []byte) (n int, err error) { panic("unbuilt") }

// Write blocks until all is written or the write deadline passes.
func (c *Conn) Write(p []byte) (int, error) { panic("unbuilt") }

func (c *Conn) SetReadDeadline(t time.Time) error  { panic("unbuilt") }
func (c *Conn) SetWriteDeadline(t time.Time) error { panic("unbuilt") }

// Close closes the connection and wakes Wait.
func (c *Conn) Close() error { panic("unbuilt") }

// NetConn returns a net.Conn with the same bytes for handing the connection back to
// an HTTP server (fasthttp's ServeConn): what Take or Read left over comes first.
func (c *Conn) NetConn() net.Conn { panic("unbuilt") }
