package load

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

// Opcodes of RFC 6455 §5.2.
const (
	opMore  = 0
	opText  = 1
	opClose = 8
	opPing  = 9
	opPong  = 10
)

// agent is the part of a request's header that a browser sends besides. It takes no encoding and offers no extension, so that nothing is compressed.
const agent = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36\r\n" +
	"Accept: */*\r\nAccept-Language: en-GB,en;q=0.9,de;q=0.8\r\nAccept-Encoding: identity\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n"

// upgrade is the request of RFC 6455 §4.1. What the key is answered with is not checked: who answers 101 with our subprotocol means it.
func (e *Endpoint) upgrade(u *url.URL) []byte {
	return []byte("GET " + u.RequestURI() + " HTTP/1.1\r\nHost: " + u.Host + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + agent + e.origin() +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n")
}

func (e *Endpoint) origin() string {
	if e.Origin == "" {
		return ""
	}
	return "Origin: " + e.Origin + "\r\n"
}

// webSocket is a session over RFC 7395.
type webSocket struct {
	e    *Endpoint
	nc   net.Conn
	left []byte // frames that came with what was waited for; nil = none
	part []byte // of a fragmented message; nil = none
	bye  atomic.Bool
}

var errLeft = errors.New("the server confirmed the end")

func (c *webSocket) cut()                 { c.nc.Close() }
func (c *webSocket) deadline(t time.Time) { c.nc.SetDeadline(t) }
func (c *webSocket) rest(*Worker) error   { return nil }

func (c *webSocket) start(w *Worker) ([]byte, error) {
	c.deadline(time.Now().Add(Step))
	if _, err := c.nc.Write(c.e.at.request); err != nil {
		return nil, strange(err)
	}
	w.in.begin(nil)
	h, err := w.in.head(c.nc)
	if err != nil {
		return nil, strange(err)
	}
	if h.status != http.StatusSwitchingProtocols {
		return nil, unwanted(h.status, w.in.unread())
	}
	if !h.xmpp {
		return nil, fmt.Errorf("%w: it is a WebSocket that does not take the subprotocol xmpp (RFC 7395 §3.1)", ErrEndpoint)
	}
	c.left = w.in.left()
	return c.restart(w)
}

// strange makes of an error before the first word of XMPP one about the endpoint: a TLS listener that gets plain text, or a plain
// one that gets TLS, says no more than that.
func strange(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, net.ErrClosed) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrEndpoint, late(err))
}

// unwanted is an HTTP status in the place of a stream.
func unwanted(status int, body []byte) error {
	is := ErrEndpoint
	switch status {
	case http.StatusForbidden, http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		is = ErrRefused
	}
	if said := bytes.TrimSpace(body); len(said) > 0 && said[0] != '<' {
		return fmt.Errorf("%w: status %d %s: %s", is, status, http.StatusText(status), clip(said))
	}
	return fmt.Errorf("%w: status %d %s", is, status, http.StatusText(status))
}

func (c *webSocket) restart(w *Worker) (features []byte, err error) {
	c.deadline(time.Now().Add(Step))
	if _, err := c.nc.Write(c.e.at.open); err != nil {
		return nil, err
	}
	err = c.until(w, func(b []byte) bool {
		if isFeatures(b) {
			features = append([]byte(nil), b...)
		}
		return features != nil
	})
	return features, err
}

// isFeatures knows <stream:features/> by any prefix.
func isFeatures(b []byte) bool {
	return bytes.HasPrefix(b, []byte("<stream:features")) || bytes.HasPrefix(b, []byte("<features"))
}

func (c *webSocket) send(w *Worker, stanza []byte) error {
	w.out = appendFrame(w.out[:0], opText, stanza)
	_, err := c.nc.Write(w.out)
	return err
}

func (c *webSocket) until(w *Worker, hear func([]byte) bool) error {
	w.in.begin(c.left)
	c.left = nil
	if err := c.read(&w.in, hear); err != nil {
		return err
	}
	c.left = w.in.left()
	return nil
}

func (c *webSocket) serve(hear func([]byte)) error {
	in := inbox{b: make([]byte, 0, 2<<10)}
	in.begin(c.left)
	c.left = nil
	return c.read(&in, func(b []byte) bool { hear(b); return false })
}

// leave says <close/> (RFC 7395 §3.6).
func (c *webSocket) leave(w *Worker, served bool) error {
	c.bye.Store(true)
	if err := c.send(w, []byte("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>")); err != nil || served {
		return err
	}
	err := c.until(w, func([]byte) bool { return false })
	if errors.Is(err, errLeft) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// read hands on what comes until hear says that it is enough.
func (c *webSocket) read(in *inbox, hear func([]byte) bool) error {
	for {
		op, fin, p, err := in.frame(c.nc)
		if err != nil {
			return err
		}
		switch op {
		case opPing: // RFC 6455 §5.5.2; beside a Send, as a socket takes each Write whole
			if _, err := c.nc.Write(appendFrame(nil, opPong, p)); err != nil {
				return err
			}
			continue
		case opPong:
			continue
		case opClose:
			if c.bye.Load() {
				return errLeft
			}
			if len(p) < 2 {
				return ending{"close frame"}
			}
			return ending{fmt.Sprintf("close frame %d %s", binary.BigEndian.Uint16(p), p[2:])}
		}
		if op == opMore || !fin {
			if len(c.part)+len(p) > maxInbox {
				return fmt.Errorf("the server sends a message of more than %d bytes", maxInbox)
			}
			if c.part = append(c.part, p...); !fin {
				continue
			}
			p, c.part = c.part, nil
		}
		if len(p) > 2 && (p[1] == 'c' || p[1] == 's' || p[1] == 'e') {
			if err := c.over(p); err != nil {
				return err
			}
		}
		if hear(p) {
			return nil
		}
	}
}

// over is the end that a message says, or nil.
func (c *webSocket) over(p []byte) error {
	switch {
	case bytes.HasPrefix(p, []byte("<close")):
		if c.bye.Load() {
			return errLeft
		}
		if to := Attr(p, "see-other-uri"); to != nil {
			return ending{"<close/>, go to " + string(to)}
		}
		return ending{"<close/>"}
	case bytes.HasPrefix(p, []byte("<stream:error")):
		return ending{Condition(p, "stream:error")}
	case bytes.HasPrefix(p, []byte("<error")): // with the namespace of streams as its default
		return ending{Condition(p, "error")}
	}
	return nil
}

// key masks what clients send (RFC 6455 §5.3): any key does where no proxy is to be protected.
const key uint64 = 0x3dfa21373dfa2137

// appendFrame appends a masked frame in one piece (RFC 6455 §5.2).
func appendFrame(dst []byte, op byte, payload []byte) []byte {
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, 0x80|op, 0x80|byte(n))
	case n < 1<<16:
		dst = append(dst, 0x80|op, 0x80|126, byte(n>>8), byte(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 0x80|op, 0x80|127), uint64(n))
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(key&(1<<32-1)))
	at := len(dst)
	dst = append(dst, payload...)
	p := dst[at:]
	for ; len(p) >= 8; p = p[8:] {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^key)
	}
	for i := range p {
		p[i] ^= byte(key >> (8 * i))
	}
	return dst
}

// frame takes the next frame out of the inbox. Its payload is valid until the next.
func (in *inbox) frame(r io.Reader) (op byte, fin bool, payload []byte, err error) {
	for {
		b := in.unread()
		size, head := uint64(0), 0
		if len(b) >= 2 {
			if b[0]&0x70 != 0 || b[1]&0x80 != 0 {
				return 0, false, nil, fmt.Errorf("a frame that begins with %#x is compressed or masked, which was not agreed on", b[:2])
			}
			size, head = uint64(b[1]&0x7f), 2
			switch {
			case size == 126 && len(b) >= 4:
				size, head = uint64(binary.BigEndian.Uint16(b[2:])), 4
			case size == 127 && len(b) >= 10:
				size, head = binary.BigEndian.Uint64(b[2:]), 10
			case size >= 126:
				head = 0
			}
		}
		if size > maxInbox {
			return 0, false, nil, fmt.Errorf("the server sends a frame of %d bytes", size)
		}
		if total := head + int(size); head > 0 && len(b) >= total {
			in.r += total
			return b[0] & 0x0f, b[0]&0x80 != 0, b[head:total], nil
		}
		if err := in.fill(r); err != nil {
			return 0, false, nil, err
		}
	}
}

// header is what matters of an HTTP response's.
type header struct {
	status  int
	length  int // -1 = not said
	chunked bool
	closes  bool // the connection ends with this response
	xmpp    bool // Sec-WebSocket-Protocol: xmpp
}

// head takes a response's header out of the inbox.
func (in *inbox) head(r io.Reader) (h header, err error) {
	for {
		end := bytes.Index(in.unread(), []byte("\r\n\r\n"))
		if end >= 0 {
			b := in.unread()[:end+2]
			in.r += end + 4
			return parseHead(b)
		}
		if b := in.unread(); len(b) >= 5 && string(b[:5]) != "HTTP/" || len(b) > 64<<10 {
			return h, fmt.Errorf("this is not HTTP: %s", clip(b[:min(len(b), 40)]))
		}
		if err := in.fill(r); err != nil {
			return h, err
		}
	}
}

func parseHead(b []byte) (h header, err error) {
	h.length = -1
	if len(b) < 14 || string(b[:7]) != "HTTP/1." {
		return h, fmt.Errorf("this is not HTTP/1.1: %s", clip(b))
	}
	h.closes = b[7] == '0'
	if h.status, err = strconv.Atoi(string(b[9:12])); err != nil {
		return h, fmt.Errorf("bad status line: %s", clip(b))
	}
	for {
		n := bytes.IndexByte(b, '\n')
		if n < 0 || n+1 == len(b) {
			return h, nil
		}
		b = b[n+1:]
		switch b[0] | 0x20 {
		case 'c':
			if v := field(b, "content-length:"); v != nil {
				if h.length, err = strconv.Atoi(string(v)); err != nil || h.length < 0 || h.length > maxInbox {
					return h, fmt.Errorf("bad length: %s", clip(v))
				}
			} else if v := field(b, "connection:"); v != nil {
				h.closes = bytes.EqualFold(v, []byte("close"))
			}
		case 't':
			if v := field(b, "transfer-encoding:"); v != nil {
				h.chunked = bytes.EqualFold(v, []byte("chunked"))
			}
		case 's':
			if v := field(b, "sec-websocket-protocol:"); v != nil {
				h.xmpp = bytes.EqualFold(v, []byte("xmpp"))
			}
		}
	}
}

// field is the value of the header line that b begins with, if it has that name (in small letters, with the colon).
func field(b []byte, name string) []byte {
	if len(b) < len(name) || b[len(name)-1] != ':' || !bytes.EqualFold(b[:len(name)], []byte(name)) {
		return nil
	}
	b = b[len(name):]
	return bytes.TrimSpace(b[:max(0, bytes.IndexByte(b, '\n'))])
}
