package load

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// component is the scheme of a URL that means a bare component link (XEP-0114): sessions are addresses on one connection that all
// of an endpoint share. It is what a server does without any web front, so what a front adds can be told.
const component = "xmpp-component"

// maxLeft bounds what waits for a session that nobody reads.
const maxLeft = 1 << 20

var errUnread = fmt.Errorf("nobody read the session while more than %d bytes came for it", maxLeft)

// link is the connection. It lasts as long as it has sessions.
type link struct {
	e    *Endpoint
	nc   net.Conn
	done chan struct{} // closed when it has ended
	err  error         // why; set before done is closed

	mu       sync.Mutex
	sessions map[string]*linked
	ended    bool // done is closed, or is about to be
}

// linked is one address on a link.
type linked struct {
	l    *link
	jid  string
	by   time.Time     // the deadline; only who waits sets and reads it
	gone chan struct{} // closed by cut
	once sync.Once     // of cut

	mu    sync.Mutex
	rooms []string                 // occupants' addresses that it has entered, for an end in which they are left
	hear  func(stanza []byte) bool // nil = nobody reads
	heard chan struct{}            // hear has said that it is enough
	left  []byte                   // what came while nobody read
	err   error
}

// openLinked opens a session on the endpoint's link, which is dialled for the first one.
func (e *Endpoint) openLinked(ctx context.Context) (*linked, error) {
	e.at.mu.Lock()
	defer e.at.mu.Unlock()
	if l := e.at.link; l != nil {
		if s := l.add(e); s != nil {
			return s, nil
		}
	}
	nc, err := e.connect(ctx)
	if err != nil {
		return nil, err
	}
	l := &link{e: e, nc: nc, done: make(chan struct{}), sessions: map[string]*linked{}}
	in := inbox{b: make([]byte, 0, 16<<10)}
	unwatch := context.AfterFunc(ctx, func() { nc.Close() })
	err = l.handshake(&in)
	if !unwatch() {
		err = context.Cause(ctx)
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	e.at.link = l
	s := l.add(e)
	go l.serve(&in) // ends with the connection, which the last session closes
	return s, nil
}

// add makes a session; nil if the link has ended.
func (l *link) add(e *Endpoint) *linked {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return nil
	}
	e.at.number++
	s := &linked{
		l: l, gone: make(chan struct{}), heard: make(chan struct{}, 1),
		jid: "bench-" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatUint(e.at.number, 10) + "@" + e.Domain + "/bench",
	}
	l.sessions[s.jid] = s
	return s
}

// handshake logs the component in (XEP-0114 §3).
func (l *link) handshake(in *inbox) error {
	l.nc.SetDeadline(time.Now().Add(Step))
	if _, err := l.nc.Write([]byte("<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='" + l.e.Domain + "'>")); err != nil {
		return strange(err)
	}
	var id string
	for id == "" { // the header's end is that of the first tag which is no declaration
		if b := in.unread(); len(b) > 0 && b[0] != '<' {
			return fmt.Errorf("%w: no stream: %s", ErrEndpoint, clip(b))
		}
		if at := bytes.Index(in.unread(), []byte("<stream:stream")); at >= 0 {
			b := in.unread()[at:]
			if n := tagEnd(b); n > 0 {
				if id = string(Attr(b, "id")); id == "" {
					return fmt.Errorf("%w: a stream without an id: %s", ErrEndpoint, clip(b))
				}
				in.r += at + n
				break
			}
		}
		if err := in.fill(l.nc); err != nil {
			return strange(err)
		}
	}
	sum := sha1.Sum([]byte(id + l.e.Password))
	if _, err := l.nc.Write([]byte("<handshake>" + hex.EncodeToString(sum[:]) + "</handshake>")); err != nil {
		return refused("handshake", err)
	}
	b, err := in.element(l.nc)
	switch {
	case err != nil:
		return refused("handshake", err)
	case !bytes.HasPrefix(b, []byte("<handshake")):
		return fmt.Errorf("%w: no handshake: %s", ErrRefused, clip(b))
	}
	l.nc.SetDeadline(time.Time{})
	return nil
}

// element takes the next one of a stream out of the inbox. It is valid until the next. The end of the stream is an error.
func (in *inbox) element(nc net.Conn) ([]byte, error) {
	for {
		b := in.unread()
		if element, rest, ok := split(b); ok {
			in.r = len(in.b) - len(rest)
			if bytes.HasPrefix(element, []byte("<stream:error")) {
				return nil, ending{Condition(element, "stream:error")}
			}
			return element, nil
		}
		if bytes.HasPrefix(bytes.TrimSpace(b), []byte("</stream:stream>")) {
			return nil, ending{"the end of the stream"}
		}
		if err := in.fill(nc); err != nil {
			return nil, err
		}
	}
}

// serve hands on what comes until the connection ends.
func (l *link) serve(in *inbox) {
	for {
		b, err := in.element(l.nc)
		if err != nil {
			l.mu.Lock()
			l.ended = true
			l.mu.Unlock()
			l.nc.Close()
			l.err = err
			close(l.done)
			return
		}
		to := Attr(b, "to")
		l.mu.Lock()
		s := l.sessions[string(to)]
		l.mu.Unlock()
		if s != nil {
			s.deliver(b)
		}
	}
}

func (s *linked) deliver(stanza []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.hear != nil:
		if s.hear(stanza) {
			s.hear = nil
			s.heard <- struct{}{}
		}
	case len(s.left)+len(stanza) > maxLeft:
		s.err = errUnread
		go s.cut() // ends by itself, when the link's lock, which who calls may hold, and the socket let it
	default:
		s.left = append(s.left, stanza...)
	}
}

// listen makes hear the one who reads, first what came before; true = that was enough.
func (s *linked) listen(hear func([]byte) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		stanza, rest, ok := split(s.left)
		if !ok {
			s.left = nil
			s.hear = hear
			return false
		}
		if s.left = rest; hear(stanza) {
			return true
		}
	}
}

func (s *linked) until(_ *Worker, hear func([]byte) bool) error { return s.read(hear, s.by) }

func (s *linked) serve(hear func([]byte)) error {
	return s.read(func(b []byte) bool { hear(b); return false }, time.Time{})
}

// read waits until hear has said that it is enough, the deadline (zero = none) or an end.
func (s *linked) read(hear func([]byte) bool, by time.Time) error {
	if s.listen(hear) {
		return nil
	}
	var late <-chan time.Time
	if !by.IsZero() {
		t := time.NewTimer(time.Until(by))
		defer t.Stop()
		late = t.C
	}
	var err error
	select {
	case <-s.heard:
		return nil
	case <-late:
		err = os.ErrDeadlineExceeded
	case <-s.gone:
		err = net.ErrClosed
	case <-s.l.done:
		err = s.l.err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hear = nil
	select {
	case <-s.heard: // just in time
		return nil
	default:
	}
	if s.err != nil {
		return s.err
	}
	return err
}

// send puts the sender's address in the place of the namespace, which is the stream's (XEP-0114 §3).
func (s *linked) send(w *Worker, stanza []byte) error {
	name := max(0, bytes.IndexAny(stanza, " />"))
	tag := max(name, tagEnd(stanza))
	w.out = append(append(w.out[:0], stanza[:name]...), " from='"...)
	w.out = append(append(w.out, s.jid...), '\'')
	before, after, _ := bytes.Cut(stanza[name:tag], []byte(" xmlns='jabber:client'"))
	w.out = append(append(w.out, before...), after...)
	w.out = append(w.out, stanza[tag:]...)
	if string(stanza[:name]) == "<presence" && Attr(stanza, "type") == nil {
		if to := string(Attr(stanza, "to")); strings.Contains(to, "/") {
			s.mu.Lock()
			if !slices.Contains(s.rooms, to) {
				s.rooms = append(s.rooms, to)
			}
			s.mu.Unlock()
		}
	}
	_, err := s.l.nc.Write(w.out)
	return err
}

func (s *linked) rest(*Worker) error   { return nil }
func (s *linked) deadline(t time.Time) { s.by = t }

// leave is no more than cut: there is nobody who would confirm it.
func (s *linked) leave(*Worker, bool) error {
	s.cut()
	return nil
}

// cut leaves the rooms, as a server does for a client that is gone: a component has to do it itself.
func (s *linked) cut() {
	s.once.Do(func() {
		close(s.gone)
		s.mu.Lock()
		var b []byte
		for _, room := range s.rooms {
			b = fmt.Appendf(b, "<presence type='unavailable' from='%s' to='%s'/>", s.jid, room)
		}
		s.mu.Unlock()
		if len(b) > 0 {
			_, _ = s.l.nc.Write(b) // the link's end is reported by who reads
		}
		s.l.remove(s)
	})
}

// remove takes a session off the link, which ends with the last.
func (l *link) remove(s *linked) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.sessions, s.jid)
	if len(l.sessions) == 0 {
		l.ended = true
		l.nc.Close()
	}
}
