package conn

import (
	"crypto/tls"
	"net"
	"time"
)

// NetConn returns a net.Conn with the same bytes for handing the connection back to
// an HTTP server (fasthttp's ServeConn): what Take or Read left over comes first. It knows the layers' addresses, and over TLS the
// state of the encryption. The Conn must not be used again before Take has taken it over anew.
func (c *Conn) NetConn() net.Conn {
	if c.secure != nil {
		return (*tlsConn)(c)
	}
	return (*plainConn)(c)
}

// plainConn is a Conn as an HTTP server sees it.
type plainConn Conn

func (p *plainConn) Read(b []byte) (int, error)         { return (*Conn)(p).Read(b) }
func (p *plainConn) Write(b []byte) (int, error)        { return p.outer.Write(b) }
func (p *plainConn) Close() error                       { return (*Conn)(p).Close() }
func (p *plainConn) LocalAddr() net.Addr                { return p.outer.LocalAddr() }
func (p *plainConn) RemoteAddr() net.Addr               { return p.outer.RemoteAddr() }
func (p *plainConn) SetReadDeadline(t time.Time) error  { return (*Conn)(p).SetReadDeadline(t) }
func (p *plainConn) SetWriteDeadline(t time.Time) error { return p.outer.SetWriteDeadline(t) }
func (p *plainConn) SetDeadline(t time.Time) error {
	if err := p.SetReadDeadline(t); err != nil {
		return err
	}
	return p.outer.SetWriteDeadline(t)
}

// tlsConn is the same over TLS; fasthttp tells it by its ConnectionState.
type tlsConn Conn

func (p *tlsConn) Read(b []byte) (int, error)           { return (*Conn)(p).Read(b) }
func (p *tlsConn) Write(b []byte) (int, error)          { return p.outer.Write(b) }
func (p *tlsConn) Close() error                         { return (*Conn)(p).Close() }
func (p *tlsConn) LocalAddr() net.Addr                  { return p.outer.LocalAddr() }
func (p *tlsConn) RemoteAddr() net.Addr                 { return p.outer.RemoteAddr() }
func (p *tlsConn) SetReadDeadline(t time.Time) error    { return (*Conn)(p).SetReadDeadline(t) }
func (p *tlsConn) SetWriteDeadline(t time.Time) error   { return p.outer.SetWriteDeadline(t) }
func (p *tlsConn) SetDeadline(t time.Time) error        { return (*plainConn)(p).SetDeadline(t) }
func (p *tlsConn) Handshake() error                     { return p.secure.tls.Handshake() }
func (p *tlsConn) ConnectionState() tls.ConnectionState { return p.secure.tls.ConnectionState() }
