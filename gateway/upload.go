package gateway

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"usher/files"
)

// Bounds of uploads and downloads.
const (
	maxUploads  = 64               // at a time: each has a goroutine and 40 KiB
	uploadIdle  = 20 * time.Second // without a byte
	uploadRate  = 4 << 10          // bytes a second on the whole, else it takes too long
	uploadBegin = 30 * time.Second // before the rate counts
)

// headerLength carries the length of an upload from received to put. A client's own of this name is overwritten.
const (
	headerLength = "Usher-Content-Length"
	headerExpect = "Usher-Expect"
)

// received is called by the HTTP server between a request's header and its body. The server reads a body into memory, with one limit for all
// paths, before it calls anybody. So an upload is presented to it as one without a body; put takes the connection over and reads that from it.
// Who sends or takes files may also take longer than the others.
func (f *fileServer) received(h *fasthttp.RequestHeader) (c fasthttp.RequestConfig) {
	if f == nil || !bytes.HasPrefix(h.RequestURI(), []byte(pathFiles)) {
		return c
	}
	c.WriteTimeout = f.longest(int64(f.g.cfg.Files.Max))
	if string(h.Method()) == fasthttp.MethodPut {
		h.Set(headerLength, strconv.Itoa(h.ContentLength()))
		h.Set(headerExpect, string(h.Peek(fasthttp.HeaderExpect)))
		h.Del(fasthttp.HeaderExpect)
		h.SetContentLength(0)
	}
	return c
}

// longest is how long a file of this size may take.
func (f *fileServer) longest(size int64) time.Duration {
	return uploadBegin + time.Duration(size/f.rate)*time.Second
}

// upload is one PUT, after its header.
type upload struct {
	id, name, kind, origin string
	size                   int64 // less than 0: the client names none
	expects                bool  // waits for 100 before he sends
}

// put takes the connection away from the HTTP server and the file from it.
func (f *fileServer) put(ctx *fasthttp.RequestCtx, id, name string) {
	h := &ctx.Request.Header
	u := upload{id: id, name: name, kind: string(h.ContentType()), origin: string(h.Peek(fasthttp.HeaderOrigin))}
	if n, err := strconv.ParseInt(string(h.Peek(headerLength)), 10, 64); err == nil {
		u.size = n
	}
	u.expects = bytes.EqualFold(h.Peek(headerExpect), []byte("100-continue"))
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(func(c net.Conn) {
		defer c.Close()
		if !f.enter(c) {
			u.answer(c, fasthttp.StatusServiceUnavailable)
			return
		}
		defer f.leave(c)
		u.answer(c, f.receive(c, &u))
	})
}

// enter counts an upload until leave; false: there are too many, or the edge is leaving.
func (f *fileServer) enter(c net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closing || f.g.draining.Load() || len(f.uploads) >= maxUploads {
		return false
	}
	f.uploads[c] = struct{}{}
	f.running.Add(1)
	return true
}

func (f *fileServer) leave(c net.Conn) {
	f.mu.Lock()
	delete(f.uploads, c)
	f.mu.Unlock()
	f.running.Done()
}

// close breaks off what is still on its way and waits for it.
func (f *fileServer) close() {
	if f == nil {
		return
	}
	f.mu.Lock()
	f.closing = true
	for c := range f.uploads {
		c.Close()
	}
	f.mu.Unlock()
	f.running.Wait()
}

// receive takes the body and returns the status to answer with.
func (f *fileServer) receive(c net.Conn, u *upload) int {
	scope, ok := f.store.Pending(u.id, u.name)
	switch {
	case ok && u.origin != "" && !f.mayPut(scope, u.origin):
		u.origin = ""
		return fasthttp.StatusForbidden
	case u.size < 0:
		return fasthttp.StatusLengthRequired
	case u.size > int64(f.g.cfg.Files.Max):
		return fasthttp.StatusRequestEntityTooLarge
	}
	body := &slowly{c: c, idle: f.idle, until: time.Now().Add(f.longest(u.size)), left: u.size}
	if u.expects {
		body.first = func() error {
			c.SetWriteDeadline(time.Now().Add(f.idle))
			_, err := io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n")
			return err
		}
	}
	err := f.store.Take(u.id, u.name, u.kind, u.size, body)
	var failed net.Error
	switch {
	case err == nil:
		return fasthttp.StatusCreated // XEP-0363 §7
	case errors.Is(err, files.ErrNotFound):
		return fasthttp.StatusNotFound
	case errors.Is(err, files.ErrTaken):
		return fasthttp.StatusConflict
	case errors.Is(err, files.ErrSize):
		return fasthttp.StatusRequestEntityTooLarge
	case errors.Is(err, files.ErrType):
		return fasthttp.StatusUnsupportedMediaType
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &failed) && failed.Timeout():
		return fasthttp.StatusRequestTimeout
	case body.broken:
		return fasthttp.StatusBadRequest // nobody will read it
	}
	f.log.Error("files: cannot store an upload", "err", err)
	return fasthttp.StatusInsufficientStorage
}

// slowly reads a body from a connection: a bounded time without a byte, and in all.
type slowly struct {
	c      net.Conn
	first  func() error // before the first byte
	idle   time.Duration
	until  time.Time
	left   int64
	broken bool // the connection has failed, not the disk
}

func (s *slowly) Read(b []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	if f := s.first; f != nil {
		s.first = nil
		if err := f(); err != nil {
			s.broken = true
			return 0, err
		}
	}
	deadline := time.Now().Add(s.idle)
	if s.until.Before(deadline) {
		deadline = s.until
	}
	s.c.SetReadDeadline(deadline)
	n, err := s.c.Read(b[:min(int64(len(b)), s.left)])
	s.left -= int64(n)
	s.broken = err != nil
	return n, err
}

// answer writes the answer and throws away what the client still sends, within bounds, so that he sees it (RFC 9112 §9.6).
func (u *upload) answer(c net.Conn, status int) {
	var r fasthttp.Response
	r.Header.SetNoDefaultContentType(true)
	r.SetStatusCode(status)
	r.SetConnectionClose()
	r.Header.Set(fasthttp.HeaderXContentTypeOptions, "nosniff")
	r.Header.Set(fasthttp.HeaderVary, "Origin")
	if u.origin != "" {
		r.Header.Set(fasthttp.HeaderAccessControlAllowOrigin, u.origin)
	}
	if status == fasthttp.StatusServiceUnavailable {
		r.Header.Set(fasthttp.HeaderRetryAfter, "5")
	}
	c.SetDeadline(time.Now().Add(refusedTime))
	w := bufio.NewWriter(c)
	if r.Write(w) != nil || w.Flush() != nil || status == fasthttp.StatusCreated {
		return
	}
	inner := c
	if h, ok := c.(interface{ UnsafeConn() net.Conn }); ok {
		inner = h.UnsafeConn()
	}
	if half, ok := inner.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		io.CopyN(io.Discard, c, refusedBytes)
	}
}
