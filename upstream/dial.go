package upstream

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"mellium.im/xmpp/component"
	"mellium.im/xmpp/jid"
	"mellium.im/xmpp/stream"

	"usher/xmpp"
)

// handshakeLimit bounds the bytes that a server may send before it has accepted or refused us.
const handshakeLimit = 64 << 10

// Dial connects and negotiates (XEP-0114 §3, with mellium.im/xmpp/component). ctx bounds it and
// has no effect afterwards. A refusal is an error that wraps the *xmpp.StreamError that the server
// gave: not-authorized, conflict, host-unknown and so on.
func Dial(ctx context.Context, cfg Config) (*Link, error) {
	addr, err := jid.New("", cfg.Domain, "")
	if err != nil {
		return nil, fmt.Errorf("upstream: component domain %q: %w", cfg.Domain, err)
	}
	conn, err := connect(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("upstream: dial %s: %w", cfg.Address, err)
	}
	rest, err := negotiate(ctx, conn, addr, cfg.Secret)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("upstream: component %s at %s: %w", cfg.Domain, cfg.Address, err)
	}
	return newLink(cfg, conn, rest), nil
}

// connect makes the connection, with TLS from the first byte if it is asked for.
func connect(ctx context.Context, cfg Config) (net.Conn, error) {
	dial := cfg.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	network, address := "tcp", cfg.Address
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
	}
	conn, err := dial(ctx, network, address)
	if err != nil || cfg.TLS == nil {
		return conn, err
	}
	tc := cfg.TLS
	if tc.ServerName == "" {
		tc = tc.Clone()
		tc.ServerName = cfg.Domain
		if host, _, err := net.SplitHostPort(address); err == nil && network == "tcp" {
			tc.ServerName = host
		}
	}
	secure := tls.Client(conn, tc)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// negotiate opens the stream and authenticates. It returns what the server has sent behind its answer.
func negotiate(ctx context.Context, conn net.Conn, addr jid.JID, secret string) (rest []byte, err error) {
	// A context alone doesn't stop a read: the deadline does.
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	n := &negotiation{Conn: conn, r: bufio.NewReader(conn)}
	s, err := component.NewSession(ctx, addr, []byte(secret), n)
	if !stop() {
		return nil, context.Cause(ctx) // the deadline is past: the connection is of no use even after a success
	}
	if err != nil {
		return nil, n.explain(err)
	}
	// What follows is scanned on its own, so what it inherits from the header must be known.
	// RFC 6120 §4.8.5 allows to insist on the prefix.
	if !bytes.Equal(n.root(), []byte("stream:stream")) {
		return nil, &xmpp.StreamError{Condition: "bad-namespace-prefix", Text: "the server's stream header has another prefix than stream"}
	}
	if s.In().XMLNS != component.NSAccept {
		return nil, &xmpp.StreamError{Condition: "invalid-namespace", Text: "the server's stream is not " + component.NSAccept}
	}
	rest, _ = n.r.Peek(n.r.Buffered())
	return bytes.Clone(rest), nil
}

// negotiation is the connection as mellium sees it until the stream is
// accepted. It is an io.ByteReader, so that encoding/xml keeps no buffer of its own and the first
// byte behind the handshake stays ours.
type negotiation struct {
	net.Conn
	r       *bufio.Reader
	seen    []byte // what was read
	readErr error
	sendErr error
}

func (n *negotiation) ReadByte() (byte, error) {
	for {
		if len(n.seen) >= handshakeLimit {
			n.readErr = fmt.Errorf("no answer to the handshake within %d bytes", handshakeLimit)
			return 0, n.readErr
		}
		b, err := n.r.ReadByte()
		if err != nil {
			n.readErr = err
			return 0, err
		}
		space := b == ' ' || b == '\n' || b == '\r' || b == '\t'
		if space && (len(n.seen) == 0 || n.seen[len(n.seen)-1] == '>') {
			continue // white space between the elements, which mellium takes for an unexpected token
		}
		n.seen = append(n.seen, b)
		return b, nil
	}
}

// Read is there for io.Reader's sake.
func (n *negotiation) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b, err := n.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = b
	return 1, nil
}

// Write keeps its error back: a server that refuses us early may have closed
// already, and what it said before is the better reason.
func (n *negotiation) Write(p []byte) (int, error) {
	if n.sendErr == nil {
		_, n.sendErr = n.Conn.Write(p)
	}
	return len(p), nil
}

// Deadlines are ours: mellium would set one on a cancelled context also after it has returned.
func (n *negotiation) SetDeadline(time.Time) error      { return nil }
func (n *negotiation) SetReadDeadline(time.Time) error  { return nil }
func (n *negotiation) SetWriteDeadline(time.Time) error { return nil }

// root returns the name of the stream header as the server wrote it.
func (n *negotiation) root() []byte {
	b := n.seen
	if bytes.HasPrefix(b, []byte("<?")) {
		_, b, _ = bytes.Cut(b, []byte("?>"))
	}
	b = bytes.TrimPrefix(b, []byte("<"))
	if i := bytes.IndexAny(b, " \t\r\n/>"); i >= 0 {
		b = b[:i]
	}
	return b
}

// explain finds the reason behind an error of mellium's.
func (n *negotiation) explain(err error) error {
	var se stream.Error
	switch {
	case errors.As(err, &se):
		return fmt.Errorf("refused: %w", refusal(se))
	case n.readErr == nil:
		return err // the server has sent something else than XEP-0114 asks for
	case n.sendErr != nil:
		return n.sendErr
	case errors.Is(n.readErr, io.EOF):
		return fmt.Errorf("the server hung up: %w", io.ErrUnexpectedEOF)
	default:
		return n.readErr
	}
}

// refusal is mellium's stream error as ours.
func refusal(se stream.Error) *xmpp.StreamError {
	e := &xmpp.StreamError{Condition: se.Err}
	if e.Condition == "" {
		e.Condition = "undefined-condition"
	}
	if len(se.Text) > 0 {
		e.Text = se.Text[0].Value
	}
	return e
}

// parseStreamError reads a server's <stream:error/>, the same way; space is the stream's default namespace.
func parseStreamError(e *xmpp.Element, space string) *xmpp.StreamError {
	var se stream.Error
	// The element stands alone here: its prefix must be declared again.
	doc := append([]byte("<stream:stream xmlns='"+space+"' xmlns:stream='"+xmpp.NSStream+"'>"), e.Raw...)
	d := xml.NewDecoder(bytes.NewReader(doc))
	d.Token()     // the header, which cannot fail
	d.Decode(&se) // of a checked element: what it cannot make sense of stays empty
	return refusal(se)
}
