package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"usher/xmpp"
)

// ClientConfig of one client stream.
type ClientConfig struct {
	Domain   string        // of the accounts: the stream header's `to`
	Address  string        // host:port or unix:PATH
	TLS      *tls.Config   // nil = plain; an empty ServerName means Domain (RFC 6120 §13.7.2.1)
	StartTLS bool          // TLS by <starttls/>, which the server must offer; else from the first byte
	Limits   xmpp.Limits   // of one element from the server, once the client has logged in
	Stalled  time.Duration // in which the server must take one write; 0 = 10 s

	// Hello is what goes before everything else to this server: a PROXY protocol header. nil = nothing.
	Hello func(server net.Addr) []byte
	// Dial makes the connection; nil = net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// ErrNoTLS tells that a server which must be reached over TLS doesn't offer it.
var ErrNoTLS = errors.New("upstream: the server offers no TLS")

// stallTime is ClientConfig.Stalled where that is 0.
const stallTime = 10 * time.Second

// clientBuffer is the size of a client stream's read buffer while no stanza needs a larger one.
const clientBuffer = 16 << 10

// ClientReceiver takes what the server sends to one client.
type ClientReceiver interface {
	// Element is called for each element but a stream error; e is valid during the call only. It may wait: meanwhile nothing is
	// read, so the server is slowed down by TCP. An error ends the stream.
	Element(e *xmpp.Element) error
	// Flush is called after the last element of each read.
	Flush()
}

// Client is one client stream to a server (RFC 6120 §4) that somebody else speaks over: it logs nobody in. It starts no goroutine. Whoever
// has dialled it must call Serve, once. Write, Restart and Close may be called from any goroutine.
type Client struct {
	cfg       ClientConfig
	conn      net.Conn
	in        inbox
	id        string
	features  []byte
	encrypted bool
	local     bool

	mu     sync.Mutex // holds the right to write; guards what follows
	broken error      // no more can be written

	ending sync.Mutex // guards what follows
	closed bool
	polite bool
}

// DialClient connects, secures the stream as cfg wants it, opens it, and reads the server's first features. ctx bounds
// that and has no effect afterwards. What the server refuses with is a wrapped *xmpp.StreamError.
func DialClient(ctx context.Context, cfg ClientConfig) (*Client, error) {
	if cfg.Stalled <= 0 {
		cfg.Stalled = stallTime
	}
	c := &Client{cfg: cfg}
	dial := cfg.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	network, address := "tcp", cfg.Address
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
	}
	var err error
	if c.conn, err = dial(ctx, network, address); err != nil {
		return nil, fmt.Errorf("upstream: dial %s: %w", cfg.Address, err)
	}
	if tcp, ok := c.conn.RemoteAddr().(*net.TCPAddr); ok {
		c.local = tcp.IP.IsLoopback()
	} else {
		c.local = network == "unix"
	}
	raw := c.conn
	stop := context.AfterFunc(ctx, func() { raw.SetDeadline(time.Unix(1, 0)) }) // a context alone doesn't stop a read
	err = c.negotiate(ctx)
	if !stop() {
		err = context.Cause(ctx) // the deadline is past: the connection is of no use even after a success
	}
	if err != nil {
		raw.Close()
		return nil, fmt.Errorf("upstream: client stream to %s at %s: %w", cfg.Domain, cfg.Address, err)
	}
	return c, nil
}

// negotiate brings the stream to the features that are the client's.
func (c *Client) negotiate(ctx context.Context) error {
	if c.cfg.Hello != nil {
		if _, err := c.conn.Write(c.cfg.Hello(c.conn.RemoteAddr())); err != nil {
			return err
		}
	}
	if c.cfg.TLS != nil && !c.cfg.StartTLS {
		if err := c.secure(ctx); err != nil {
			return err
		}
	}
	if err := c.greet(); err != nil {
		return err
	}
	if c.cfg.TLS == nil || !c.cfg.StartTLS {
		return nil
	}
	// RFC 6120 §5.4.2
	if !bytes.Contains(c.features, []byte(xmpp.NSTLS)) {
		return ErrNoTLS
	}
	if _, err := io.WriteString(c.conn, "<starttls xmlns='"+xmpp.NSTLS+"'/>"); err != nil {
		return err
	}
	e, err := c.await()
	if err != nil {
		return err
	}
	if string(e.Name.Space) != xmpp.NSTLS || string(e.Name.Local) != "proceed" {
		return fmt.Errorf("%w: <%s/> instead of <proceed/>", ErrNoTLS, e.Name.Local)
	}
	if c.in.start != c.in.end {
		// What came in the clear behind <proceed/> is somebody else's word, and must not count as said over TLS.
		return fmt.Errorf("%w: something follows <proceed/> unencrypted", ErrNoTLS)
	}
	if err := c.secure(ctx); err != nil {
		return err
	}
	return c.greet()
}

// secure makes the TLS handshake. The certificate must be for the domain of the accounts (RFC 6120 §13.7.2), or for who the
// configuration names.
func (c *Client) secure(ctx context.Context) error {
	tc := c.cfg.TLS
	if tc.ServerName == "" {
		tc = tc.Clone()
		tc.ServerName = c.cfg.Domain
	}
	conn := tls.Client(c.conn, tc)
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	c.conn, c.encrypted = conn, true
	return nil
}

// greet opens the stream and reads the server's header and features.
func (c *Client) greet() error {
	c.in = inbox{size: clientBuffer, buf: make([]byte, clientBuffer)}
	c.in.scan.Reset(xmpp.Limits{Bytes: handshakeLimit})
	if _, err := c.conn.Write(c.header("")); err != nil {
		return err
	}
	e, err := c.await()
	if err != nil {
		return err
	}
	if string(e.Name.Space) != xmpp.NSStream || string(e.Name.Local) != "features" { // RFC 6120 §4.3.2: MUST
		return fmt.Errorf("the server sends <%s/> before its features", e.Name.Local)
	}
	c.features = bytes.Clone(e.Inner)
	return nil
}

// header is our stream header (RFC 6120 §4.7).
func (c *Client) header(lang string) []byte {
	b := []byte("<?xml version='1.0'?><stream:stream xmlns='" + xmpp.NSClient + "' xmlns:stream='" + xmpp.NSStream + "' version='1.0'")
	b = xmpp.AppendAttr(b, "to", []byte(c.cfg.Domain))
	if lang != "" {
		b = xmpp.AppendAttr(b, "xml:lang", []byte(lang))
	}
	return append(b, '>')
}

// await reads until the next element.
func (c *Client) await() (*xmpp.Element, error) {
	for {
		e, err := c.next()
		if e != nil || err != nil {
			return e, err
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

// next returns the next element of what was read, nil if it isn't complete.
func (c *Client) next() (*xmpp.Element, error) {
	in := &c.in
	for {
		n, t, err := in.scan.Next(in.buf[in.start:in.end])
		if err != nil {
			return nil, fmt.Errorf("the server's stream is wrong: %v", err) // not %w: the server hasn't said it
		}
		in.start += n
		switch t {
		case xmpp.NeedMore:
			return nil, nil
		case xmpp.End:
			return nil, ErrEnded
		case xmpp.Root:
			root := in.scan.Root()
			if string(root.Name.Space) != xmpp.NSStream || string(root.Name.Local) != "stream" {
				return nil, errors.New("the server's stream header is none")
			}
			if def, _ := root.Attr("xmlns"); def != xmpp.NSClient { // RFC 6120 §4.8.2
				return nil, errors.New("the server's stream is not " + xmpp.NSClient)
			}
			c.id = string(root.ID)
			continue
		}
		e := in.scan.Element()
		if string(e.Name.Space) == xmpp.NSStream && string(e.Name.Local) == "error" {
			return nil, fmt.Errorf("stream error from the server: %w", parseStreamError(e, xmpp.NSClient))
		}
		return e, nil
	}
}

// fill reads more.
func (c *Client) fill() error {
	n, err := c.conn.Read(c.in.space())
	c.in.end += n
	switch {
	case n > 0:
		return nil // an error comes again
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: %w", ErrLost, io.ErrUnexpectedEOF) // no </stream:stream> before it
	case err != nil:
		return fmt.Errorf("%w: read: %w", ErrLost, err)
	}
	return nil
}

// ID returns the id of the server's last stream header; Features what stands within its first features. For before Serve.
func (c *Client) ID() string       { return c.id }
func (c *Client) Features() []byte { return c.features }

// Encrypted tells whether the stream is over TLS; Local whether its connection never leaves the machine.
func (c *Client) Encrypted() bool { return c.encrypted }
func (c *Client) Local() bool     { return c.local }

// Serve hands over what the server sends until the stream ends, and returns why, never nil: ErrClosed after Close, ErrEnded if the
// server has closed it, ErrLost, a *xmpp.StreamError that the server has sent, or r's error, each wrapped. When it returns the
// connection is closed.
func (c *Client) Serve(r ClientReceiver) error {
	defer c.conn.Close()
	err := c.serve(r)
	c.ending.Lock()
	closed, polite := c.closed, c.polite
	c.ending.Unlock()
	switch {
	case closed && polite:
		c.farewell()
	case !closed && !errors.Is(err, ErrLost):
		c.farewell() // RFC 6120 §4.4: the server's end tag is answered
	}
	if closed {
		err = ErrClosed
	}
	return fmt.Errorf("upstream: %w", err)
}

func (c *Client) serve(r ClientReceiver) error {
	for {
		for {
			e, err := c.next()
			if err != nil {
				r.Flush()
				return err
			}
			if e == nil {
				break
			}
			// RFC 6120 §6.4.6: what follows a success is another document.
			restart := string(e.Name.Space) == xmpp.NSSASL && string(e.Name.Local) == "success"
			if err := r.Element(e); err != nil {
				r.Flush()
				return err
			}
			if restart {
				c.in.scan.Reset(c.cfg.Limits)
			}
		}
		r.Flush()
		if err := c.fill(); err != nil {
			return err
		}
	}
}

// farewell ends our half of the stream and waits a moment for the server's (RFC 6120 §4.4).
func (c *Client) farewell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return
	}
	c.broken = ErrClosed
	c.conn.SetDeadline(time.Now().Add(farewell))
	if _, err := io.WriteString(c.conn, "</stream:stream>"); err != nil {
		return
	}
	var rest [512]byte
	for {
		if _, err := c.conn.Read(rest[:]); err != nil {
			return
		}
	}
}

// Restart opens the stream anew, as its client does after a login (RFC 6120 §6.3.2). Else it is like Write.
func (c *Client) Restart(lang string) error { return c.Write(c.header(lang)) }

// Write writes complete elements. It waits for the server for ClientConfig.Stalled at most; an error is ErrClosed or ErrLost,
// wrapped, and final.
func (c *Client) Write(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return c.broken
	}
	c.conn.SetWriteDeadline(time.Now().Add(c.cfg.Stalled))
	if c.isClosed() { // after the deadline, which Close makes shorter
		return ErrClosed
	}
	if _, err := c.conn.Write(b); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = fmt.Errorf("the server takes nothing: %w", err)
		}
		c.broken = fmt.Errorf("%w: write: %w", ErrLost, err)
	}
	return c.broken
}

// Close makes Serve end, without waiting for it. polite: the stream is closed, so the server ends the session; else the connection
// is cut, and a session that the client may resume elsewhere (XEP-0198 §5) stays resumable.
func (c *Client) Close(polite bool) {
	c.ending.Lock()
	defer c.ending.Unlock()
	if c.closed {
		return
	}
	c.closed, c.polite = true, polite
	if !polite {
		raw := c.conn
		if t, ok := raw.(*tls.Conn); ok {
			raw = t.NetConn() // a close_notify could wait for a server that takes nothing
		}
		raw.Close()
		return
	}
	c.conn.SetReadDeadline(time.Unix(1, 0))
	c.conn.SetWriteDeadline(time.Now().Add(farewell))
}

func (c *Client) isClosed() bool {
	c.ending.Lock()
	defer c.ending.Unlock()
	return c.closed
}
