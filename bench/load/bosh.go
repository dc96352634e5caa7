package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"
)

// post is the head of each request up to the value of Content-Length.
func (e *Endpoint) post(u *url.URL) []byte {
	return []byte("POST " + u.RequestURI() + " HTTP/1.1\r\nHost: " + u.Host + "\r\n" + agent + e.origin() +
		"Content-Type: text/xml; charset=utf-8\r\nContent-Length: ")
}

// maxPending bounds what waits for a request to be sent with.
const maxPending = 256 << 10

var errPending = fmt.Errorf("the server answers no request while more than %d bytes wait to be sent", maxPending)

// bosh is a session over XEP-0124 with hold='1': one request is held, another may be on its way. Answers are read in the order of their
// requests, as the stanzas in them are (§14), by whoever serves or waits; mu makes the order in which requests are written theirs too.
type bosh struct {
	e *Endpoint

	mu      sync.Mutex // held while a request is written
	sid     string
	rid     uint64
	used    [2]time.Time // when the answer to the last request on it had come
	asked   [2]byte      // on which connections answers are awaited, the oldest request first
	open    int          // how many of asked count
	pending []byte       // stanzas that the next request takes along; nil or empty = none
	leaving bool         // the last request says so, or will
	told    bool         // it has been sent
	wrote   time.Time    // when the last request was
	bytes   [2][]byte    // the requests of asked as they were written, where they may have to be repeated

	sockets sync.Mutex // never held while anything waits, so that cut ends what does
	conns   [2]net.Conn
	dead    bool      // cut
	by      time.Time // the deadline, for connections that are opened later

	left []byte // stanzas that came with what was waited for. Only who reads touches it.
}

func newBOSH(e *Endpoint, nc net.Conn) *bosh {
	return &bosh{e: e, rid: uint64(rand.Uint32()), conns: [2]net.Conn{nc}, used: [2]time.Time{time.Now()}}
}

func (c *bosh) cut() {
	c.sockets.Lock()
	defer c.sockets.Unlock()
	c.dead = true
	for _, nc := range c.conns {
		if nc != nil {
			nc.Close()
		}
	}
}

func (c *bosh) deadline(t time.Time) {
	c.sockets.Lock()
	defer c.sockets.Unlock()
	c.by = t
	for _, nc := range c.conns {
		if nc != nil {
			nc.SetDeadline(t)
		}
	}
}

// conn is connection i; nil = there is none.
func (c *bosh) conn(i byte) (net.Conn, error) {
	c.sockets.Lock()
	defer c.sockets.Unlock()
	if c.dead {
		return nil, net.ErrClosed
	}
	return c.conns[i], nil
}

// replace closes connection i, and puts another in its place, or none.
func (c *bosh) replace(i byte, nc net.Conn) error {
	c.sockets.Lock()
	defer c.sockets.Unlock()
	if old := c.conns[i]; old != nil {
		old.Close()
	}
	if c.conns[i] = nc; nc == nil {
		return nil
	}
	if c.dead {
		nc.Close()
		return net.ErrClosed
	}
	if !c.by.IsZero() {
		nc.SetDeadline(c.by)
	}
	return nil
}

// The attributes of requests that are not plain ones (XEP-0206 §2, §3; XEP-0124 §7, §13).
const (
	restart   = " xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh'"
	terminate = " type='terminate'"
)

func (c *bosh) start(w *Worker) ([]byte, error) {
	c.deadline(time.Now().Add(Step))
	err := c.ask(w, fmt.Sprintf(" to='%s' content='text/xml; charset=utf-8' wait='%d' hold='1' ver='1.6' xml:lang='en' xmpp:version='1.0' xmlns:xmpp='urn:xmpp:xbosh'",
		c.e.Domain, c.e.Wait))
	if err != nil {
		return nil, strange(err)
	}
	tag, inner, err := c.answer(&w.in)
	if err != nil {
		var status httpStatus
		switch {
		case errors.As(err, &status):
			return nil, unwanted(status.code, nil)
		case !errors.Is(err, ErrEnded):
			err = strange(err)
		}
		return nil, err
	}
	if c.sid = string(Attr(tag, "sid")); c.sid == "" {
		return nil, fmt.Errorf("%w: no session id in the answer: %s", ErrEndpoint, clip(tag))
	}
	c.left = append([]byte(nil), inner...)
	return c.features(w)
}

func (c *bosh) restart(w *Worker) ([]byte, error) {
	c.deadline(time.Now().Add(Step))
	if err := c.ask(w, " to='"+c.e.Domain+"'"+restart); err != nil {
		return nil, err
	}
	return c.features(w)
}

func (c *bosh) features(w *Worker) (features []byte, err error) {
	err = c.until(w, func(b []byte) bool {
		if isFeatures(b) {
			features = append([]byte(nil), b...)
		}
		return features != nil
	})
	return features, err
}

// ask sends a request of its own while nothing is under way.
func (c *bosh) ask(w *Worker, attrs string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.request(&w.out, attrs, nil)
}

func (c *bosh) send(w *Worker, stanza []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open < 2 && len(c.pending) == 0 {
		return c.request(&w.out, "", stanza)
	}
	if len(c.pending)+len(stanza) > maxPending {
		return errPending
	}
	c.pending = append(c.pending, stanza...)
	return nil
}

// poll sends what waits or, if the server has no request, an empty one.
func (c *bosh) poll(out *[]byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.open == 2 || c.told, c.open == 1 && len(c.pending) == 0 && !c.leaving:
		return nil
	case c.leaving:
		c.told = true
		return c.request(out, terminate, c.pending)
	}
	err := c.request(out, "", c.pending)
	c.pending = c.pending[:0]
	return err
}

// request writes one on a connection that is free. It is called with mu.
func (c *bosh) request(out *[]byte, attrs string, payload []byte) error {
	i := byte(0)
	if c.open == 1 && c.asked[0] == 0 {
		i = 1
	}
	if c.open == 1 && c.e.Gap > 0 {
		time.Sleep(time.Until(c.wrote.Add(c.e.Gap)))
	}
	nc, err := c.conn(i)
	if err != nil {
		return err
	}
	if nc == nil || time.Since(c.used[i]) > rested && !alive(nc) {
		if nc, err = c.e.connect(context.Background()); err != nil { // bounded by Step
			return err
		}
		if err := c.replace(i, nc); err != nil {
			return err
		}
	}
	const open, within, id, shut, end = "<body xmlns='http://jabber.org/protocol/httpbind' rid='", "' sid='", "'", ">", "</body>"
	c.rid++
	var number [20]byte
	rid := strconv.AppendUint(number[:0], c.rid, 10)
	length := len(open) + len(rid) + len(id) + len(attrs) + len(shut) + len(payload) + len(end)
	if c.sid != "" {
		length += len(within) + len(c.sid)
	}
	b := append((*out)[:0], c.e.at.request...)
	b = strconv.AppendInt(b, int64(length), 10)
	b = append(b, "\r\n\r\n"+open...)
	b = append(b, rid...)
	if c.sid != "" {
		b = append(b, within...)
		b = append(b, c.sid...)
	}
	b = append(b, id...)
	b = append(b, attrs...)
	b = append(b, shut...)
	b = append(b, payload...)
	b = append(b, end...)
	*out = b
	if c.e.Gap > 0 {
		c.wrote = time.Now()
	}
	if c.e.Repeat > 0 {
		c.bytes[c.open] = append(c.bytes[c.open][:0], b...)
	}
	c.asked[c.open] = i
	c.open++
	_, err = nc.Write(b)
	return err
}

// repeat sends the oldest request once more, on another connection (XEP-0124 §14.2), if another one is under way: else it is merely held.
func (c *bosh) repeat() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open < 2 {
		return nil
	}
	nc, err := c.e.connect(context.Background()) // bounded by Step
	if err != nil {
		return err
	}
	if err := c.replace(c.asked[0], nc); err != nil {
		return err
	}
	c.e.Repeated.Add(1)
	_, err = nc.Write(c.bytes[0])
	return err
}

// hasten makes reading from a connection end after Repeat, or at the deadline, which is not over yet.
func (c *bosh) hasten(nc net.Conn) bool {
	c.sockets.Lock()
	defer c.sockets.Unlock()
	now := time.Now()
	t := now.Add(c.e.Repeat)
	if !c.by.IsZero() && c.by.Before(t) {
		t = c.by
	}
	nc.SetReadDeadline(t)
	return t.After(now)
}

// httpStatus is an answer other than 200.
type httpStatus struct{ code int }

func (s httpStatus) Error() string {
	return fmt.Sprintf("%v: status %d %s", ErrEnded, s.code, http.StatusText(s.code))
}
func (httpStatus) Unwrap() error { return ErrEnded }

// response reads one on the connection of the oldest request, which is repeated if it isn't answered in time.
func (c *bosh) response(in *inbox) (i byte, h header, body []byte, err error) {
	for headed := false; ; {
		c.mu.Lock()
		waits := c.open > 0
		i = c.asked[0]
		c.mu.Unlock()
		if !waits { // the terminating one was answered
			return i, h, nil, errLeft
		}
		nc, err := c.conn(i)
		if err != nil {
			return i, h, nil, err
		}
		inTime := c.e.Repeat > 0 && c.hasten(nc)
		if !headed {
			h, err = in.head(nc)
			headed = err == nil
		}
		if headed {
			body, err = in.body(nc, h)
		}
		if err == nil || !inTime || !errors.Is(err, os.ErrDeadlineExceeded) {
			return i, h, body, err
		}
		if headed || len(in.unread()) > 0 { // it has begun
			continue
		}
		if err := c.repeat(); err != nil {
			return i, h, nil, err
		}
	}
}

// answer reads the answer to the oldest request: the start tag of its body, and what is in it, valid until the inbox is filled again. in must be unused.
func (c *bosh) answer(in *inbox) (tag, inner []byte, err error) {
	in.begin(nil)
	i, h, b, err := c.response(in)
	if err != nil {
		return nil, nil, err
	}
	c.mu.Lock()
	c.used[i] = time.Now()
	c.asked[0] = c.asked[1]
	c.bytes[0], c.bytes[1] = c.bytes[1], c.bytes[0]
	c.open--
	if h.closes {
		_ = c.replace(i, nil)
	}
	c.mu.Unlock()
	if h.status != http.StatusOK {
		return nil, nil, httpStatus{h.status}
	}
	start := bytes.Index(b, []byte("<body"))
	n := 0
	if start >= 0 {
		n = tagEnd(b[start:])
	}
	if n == 0 {
		return nil, nil, fmt.Errorf("%w: no <body/> in the answer: %s", ErrEndpoint, clip(b))
	}
	tag, inner = b[start:start+n], b[start+n:]
	if tag[n-2] == '/' {
		inner = nil
	} else if end := bytes.LastIndex(inner, []byte("</body")); end >= 0 {
		inner = inner[:end]
	}
	if string(Attr(tag, "type")) == "terminate" {
		return nil, nil, c.terminated(tag, inner)
	}
	return tag, inner, nil
}

// terminated says how a session ended.
func (c *bosh) terminated(tag, inner []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaving {
		return errLeft
	}
	if bytes.Contains(inner, []byte("<stream:error")) { // condition='remote-stream-error' (XEP-0206 §6)
		return ending{Condition(inner, "stream:error")}
	}
	if how := Attr(tag, "condition"); how != nil {
		return ending{"terminate, " + string(how)}
	}
	return ending{"terminate"}
}

func (c *bosh) until(w *Worker, hear func([]byte) bool) error {
	return c.read(&w.in, &w.out, hear)
}

// rest leaves a request with the server, and only the connection that it is on.
func (c *bosh) rest(w *Worker) error {
	if err := c.poll(&w.out); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == 1 {
		return c.replace(1-c.asked[0], nil)
	}
	return nil
}

func (c *bosh) serve(hear func([]byte)) error {
	in := inbox{b: make([]byte, 0, 2<<10)}
	var out []byte
	return c.read(&in, &out, func(b []byte) bool { hear(b); return false })
}

// read hands on what comes until hear says that it is enough; what came with it stays in left.
func (c *bosh) read(in *inbox, out *[]byte, hear func([]byte) bool) error {
	b := c.left
	c.left = nil
	for {
		for {
			stanza, more, ok := split(b)
			if !ok {
				break
			}
			if b = more; hear(stanza) {
				if len(b) > 0 {
					c.left = append([]byte(nil), b...)
				}
				return nil
			}
		}
		if err := c.poll(out); err != nil {
			return err
		}
		var err error
		if _, b, err = c.answer(in); err != nil {
			return err
		}
		if len(b) == 0 {
			c.e.Empty.Add(1)
		}
	}
}

// leave terminates (XEP-0124 §13). The answer to it is the last, unless the request that was held is answered with the end already.
func (c *bosh) leave(w *Worker, served bool) error {
	c.mu.Lock()
	c.leaving = true
	c.mu.Unlock()
	if err := c.poll(&w.out); err != nil || served {
		return err
	}
	for {
		_, _, err := c.answer(&w.in)
		var status httpStatus
		switch {
		case errors.Is(err, errLeft), errors.As(err, &status), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
		if err := c.poll(&w.out); err != nil {
			return err
		}
	}
}

// body takes a response's body out of the inbox, once it is there in whole.
func (in *inbox) body(r io.Reader, h header) ([]byte, error) {
	if h.chunked {
		return in.chunks(r)
	}
	for h.length < 0 || len(in.unread()) < h.length {
		if err := in.fill(r); errors.Is(err, io.ErrUnexpectedEOF) && h.length < 0 {
			h.length = len(in.unread()) // it ends with the connection
		} else if err != nil {
			return nil, err
		}
	}
	b := in.unread()[:h.length]
	in.r += h.length
	return b, nil
}

// chunks is a body in chunks (RFC 9112 §7.1), pushed together in its place.
func (in *inbox) chunks(r io.Reader) ([]byte, error) {
	for size, at := 0, 0; ; { // the body is unread()[:size], the next chunk begins at at
		b := in.unread()
		line := bytes.Index(b[at:], []byte("\r\n"))
		if line >= 0 {
			digits, _, _ := bytes.Cut(b[at:at+line], []byte(";"))
			n, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 16, 32)
			if err != nil || n > maxInbox {
				return nil, fmt.Errorf("bad chunk: %s", clip(b[at:at+line]))
			}
			if from := at + line + 2; len(b) >= from+int(n)+2 {
				if n == 0 { // no trailers are asked for
					in.r += from + 2
					return b[:size], nil
				}
				size += copy(b[size:], b[from:from+int(n)])
				at = from + int(n) + 2
				continue
			}
		}
		if err := in.fill(r); err != nil {
			return nil, err
		}
	}
}
