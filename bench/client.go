package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// client is one visitor's session from the outside. It owns no goroutine and no buffer:
// a worker lends both for as long as it has to do with it.
type client interface {
	login(w *worker) error
	idle(w *worker) error // brings the session to rest: over BOSH, with a held request
	// chat sends a message to the echo, waits until it is back, and comes to rest again.
	chat(w *worker) error
	leave(w *worker) error // ends the session at rest
	close()                // the connection
}

// worker is the buffer and the patience that a client needs while it talks.
type worker struct {
	r   *bufio.Reader
	buf []byte
}

func newWorker() *worker { return &worker{r: bufio.NewReaderSize(nil, 4<<10)} }

// step is how long one exchange may take before the run is given up.
const step = time.Minute

// dialer opens connections, from the next address of the loopback network when one has no port left.
type dialer struct {
	to     string
	tls    *tls.Config // nil = plain
	source atomic.Uint32
}

const sources = 200 // 127.0.0.1 to 127.0.0.200

func (d *dialer) dial(ctx context.Context) (net.Conn, error) {
	for {
		at := d.source.Load()
		nd := net.Dialer{
			Timeout: step, KeepAlive: -1, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(at+1))},
			Control: func(_, _ string, raw syscall.RawConn) error {
				var err error
				if e := raw.Control(func(fd uintptr) {
					// ip(7) IP_BIND_ADDRESS_NO_PORT: the port is chosen at connect, so it need only be unique towards one server.
					err = syscall.SetsockoptInt(int(fd), syscall.SOL_IP, 24, 1)
				}); e != nil {
					return e
				}
				return err
			},
		}
		c, err := nd.DialContext(ctx, "tcp4", d.to)
		switch {
		case errors.Is(err, syscall.EADDRNOTAVAIL) && at+1 < sources:
			d.source.CompareAndSwap(at, at+1)
			continue
		case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
			return nil, fmt.Errorf("out of descriptors, raise `ulimit -n` or take a smaller -n: %w", err)
		case err != nil:
			return nil, err
		}
		if d.tls == nil {
			return c, nil
		}
		return tls.Client(c, d.tls), nil // the handshake comes with the first write
	}
}

// The elements of a login (RFC 6120 §6, §7; RFC 4505).
const (
	auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>"
	bind = "<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
	chat = "<message xmlns='jabber:client' type='chat' id='echo' to='" + echo + "'><body>Lorem ipsum dolor sit amet, consectetur adipisici elit</body></message>"
)

// agent is the part of a request's header that a browser sends besides: some 350 bytes.
const agent = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36\r\n" +
	"Origin: https://www.example.com\r\nAccept-Language: en-GB,en;q=0.9,de;q=0.8\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n" +
	"Pragma: no-cache\r\nCache-Control: no-cache\r\n"

// wsClient is a session over a WebSocket.
type wsClient struct {
	c    net.Conn
	site string // domain of the stream; "" = domain
}

func (c *wsClient) close() { c.c.Close() }

func (c *wsClient) login(w *worker) error {
	w.r.Reset(c.c)
	c.c.SetDeadline(time.Now().Add(step))
	const upgrade = "GET /xmpp-websocket HTTP/1.1\r\nHost: chat.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + agent +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: xmpp\r\n" +
		"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
	if _, err := io.WriteString(c.c, upgrade); err != nil {
		return err
	}
	if status, _, err := w.header(); err != nil || status != 101 {
		return fmt.Errorf("upgrade: status %d, %w", status, orNone(err))
	}
	open := "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='" + cmp.Or(c.site, domain) + "' version='1.0'/>"
	for _, talk := range []struct{ say, hear string }{
		{open, "<mechanism>ANONYMOUS"}, {auth, "<success"}, {open, "<bind"}, {bind, "<jid>"},
	} {
		if err := c.ask(w, talk.say, talk.hear); err != nil {
			return err
		}
	}
	return nil
}

func (c *wsClient) idle(*worker) error { return nil }

func (c *wsClient) chat(w *worker) error {
	w.r.Reset(c.c)
	c.c.SetDeadline(time.Now().Add(step))
	return c.ask(w, chat, "Lorem ipsum")
}

func (c *wsClient) leave(w *worker) error {
	w.r.Reset(c.c)
	c.c.SetDeadline(time.Now().Add(step))
	const end = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"
	return c.ask(w, end, "<close")
}

// ask sends a message and reads up to one that contains hear.
func (c *wsClient) ask(w *worker, say, hear string) error {
	w.buf = appendFrame(w.buf[:0], say)
	if _, err := c.c.Write(w.buf); err != nil {
		return err
	}
	for {
		op, b, err := w.frame()
		if err != nil {
			return fmt.Errorf("waiting for %s: %w", hear, err)
		}
		if op != 1 {
			return fmt.Errorf("waiting for %s: frame of type %d: %q", hear, op, b)
		}
		if bytes.Contains(b, []byte(hear)) {
			return nil
		}
	}
}

// appendFrame appends a masked text frame (RFC 6455 §5.2).
func appendFrame(dst []byte, text string) []byte {
	dst = append(dst, 0x81)
	if n := len(text); n < 126 {
		dst = append(dst, 0x80|byte(n))
	} else {
		dst = append(dst, 0x80|126, byte(n>>8), byte(n))
	}
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	dst = append(dst, key[:]...)
	for i := range len(text) {
		dst = append(dst, text[i]^key[i%4])
	}
	return dst
}

// frame reads one unmasked frame; its payload is valid until the next.
func (w *worker) frame() (op byte, b []byte, err error) {
	var h [8]byte
	if _, err := io.ReadFull(w.r, h[:2]); err != nil {
		return 0, nil, err
	}
	op = h[0] & 0x0f
	n := uint64(h[1] & 0x7f)
	switch n {
	case 126:
		_, err = io.ReadFull(w.r, h[:2])
		n = uint64(binary.BigEndian.Uint16(h[:]))
	case 127:
		_, err = io.ReadFull(w.r, h[:8])
		n = binary.BigEndian.Uint64(h[:])
	}
	if err != nil {
		return op, nil, err
	}
	b, err = w.body(n)
	return op, b, err
}

// body reads n bytes into the worker's buffer.
func (w *worker) body(n uint64) ([]byte, error) {
	if n > 1<<20 {
		return nil, fmt.Errorf("%d bytes at once", n)
	}
	if uint64(cap(w.buf)) < n {
		w.buf = make([]byte, n)
	}
	w.buf = w.buf[:n]
	_, err := io.ReadFull(w.r, w.buf)
	return w.buf, err
}

// header reads the head of an HTTP response.
func (w *worker) header() (status int, length uint64, err error) {
	for first := true; ; first = false {
		line, err := w.r.ReadSlice('\n')
		if err != nil {
			return status, 0, err
		}
		text := strings.TrimRight(string(line), "\r\n")
		if first {
			_, code, _ := strings.Cut(text, " ")
			code, _, _ = strings.Cut(code, " ")
			if status, err = strconv.Atoi(code); err != nil {
				return 0, 0, fmt.Errorf("bad status line %q", text)
			}
			continue
		}
		if text == "" {
			return status, length, nil
		}
		if name, value, _ := strings.Cut(text, ":"); strings.EqualFold(name, "Content-Length") {
			if length, err = strconv.ParseUint(strings.TrimSpace(value), 10, 64); err != nil {
				return status, 0, fmt.Errorf("bad length %q", text)
			}
		}
	}
}

// orNone makes a %w of what may be nil.
func orNone(err error) error {
	if err == nil {
		return errors.New("which is not what was expected")
	}
	return err
}

// boshClient is a session over HTTP, on one connection that stays open.
type boshClient struct {
	c   net.Conn
	sid string
	rid int
}

func (c *boshClient) close() { c.c.Close() }

func (c *boshClient) login(w *worker) error {
	c.rid = 1
	b, err := c.ask(w, "to='"+domain+"' wait='3600' hold='1' ver='1.6' xml:lang='en' xmpp:version='1.0' xmlns:xmpp='urn:xmpp:xbosh'", "")
	if err != nil {
		return err
	}
	_, sid, ok := strings.Cut(strings.ReplaceAll(b, `"`, "'"), " sid='")
	c.sid, _, _ = strings.Cut(sid, "'")
	if !ok || !strings.Contains(b, "ANONYMOUS") {
		return fmt.Errorf("session creation: %s", b)
	}
	for _, talk := range []struct{ attrs, say, hear string }{
		{"", auth, "<success"}, {"xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh'", "", "<bind"}, {"", bind, "<jid>"},
	} {
		if b, err = c.ask(w, talk.attrs, talk.say); err != nil {
			return err
		}
		if !strings.Contains(b, talk.hear) {
			return fmt.Errorf("waiting for %s: %s", talk.hear, b)
		}
	}
	return nil
}

// idle leaves a request to be held.
func (c *boshClient) idle(w *worker) error { return c.send(w, "", "") }

// chat answers a request that is held, which the edge does when another comes, and
// waits for the message in the answer to that.
func (c *boshClient) chat(w *worker) error {
	w.r.Reset(c.c)
	if err := c.send(w, "", chat); err != nil { // pipelined behind the held one
		return err
	}
	for heard := false; !heard; {
		b, err := c.receive(w)
		if err != nil {
			return err
		}
		if heard = strings.Contains(b, "Lorem ipsum"); !heard && strings.Contains(b, "type='terminate'") {
			return fmt.Errorf("waiting for the message: %s", b)
		}
	}
	return c.idle(w)
}

// leave reads two answers: the one to the request that was held, and its own. One of them says that it is over, or, if the
// first was given because another request came, neither has to.
func (c *boshClient) leave(w *worker) error {
	if _, err := c.ask(w, "type='terminate'", ""); err != nil {
		return err
	}
	_, err := c.receive(w)
	return err
}

func (c *boshClient) ask(w *worker, attrs, payload string) (string, error) {
	w.r.Reset(c.c)
	if err := c.send(w, attrs, payload); err != nil {
		return "", err
	}
	return c.receive(w)
}

func (c *boshClient) send(w *worker, attrs, payload string) error {
	sid := ""
	if c.sid != "" {
		sid = " sid='" + c.sid + "'"
	}
	body := fmt.Sprintf("<body xmlns='http://jabber.org/protocol/httpbind' rid='%d'%s %s>%s</body>", c.rid, sid, attrs, payload)
	c.rid++
	w.buf = fmt.Appendf(w.buf[:0], "POST /http-bind HTTP/1.1\r\nHost: chat.example.com\r\n"+agent+
		"Content-Type: text/xml; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	c.c.SetDeadline(time.Now().Add(step))
	_, err := c.c.Write(w.buf)
	return err
}

func (c *boshClient) receive(w *worker) (string, error) {
	status, n, err := w.header()
	if err != nil {
		return "", err
	}
	b, err := w.body(n)
	if err == nil && status != 200 {
		err = fmt.Errorf("status %d: %s", status, b)
	}
	return string(b), err
}
