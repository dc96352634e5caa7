package conn

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Idle waits for connections that are silent, for all of them in one goroutine: Run's. It is safe for concurrent use; the zero value is ready.
//
// It has an epoll(7) of its own beside the runtime's, in which the sockets stay. Its descriptor is in the runtime's, so that no thread is blocked
// for it.
type Idle struct {
	// Refused is told, once, that the kernel takes no more connections (fs.epoll.max_user_watches); nil = nobody is. Those wait in goroutines of their own. It
	// must not block, and is set before Run.
	Refused func(error)
	refusal sync.Once

	mu    sync.Mutex
	file  *os.File // the epoll; nil = Run isn't running
	fd    int      // of file
	slots []slot   // by descriptor
	start time.Time
	alarm time.Duration // since start, the earliest deadline that Run waits for; 0 = none
}

// slot is a descriptor's connection at rest.
type slot struct {
	r     Resumer       // nil = it isn't at rest
	until time.Duration // since start; 0 = for ever
	turn  int32         // counts its rests, so that an event of an earlier one is known
}

// grain is what deadlines are rounded up to, which bounds how often all slots are looked through.
const grain = 250 * time.Millisecond

// Run waits until ctx ends; then all who rest are resumed. The error, of the kernel, is that it can't: then each waits in a goroutine of its own.
func (p *Idle) Run(ctx context.Context) error {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err == nil {
		err = unix.SetNonblock(fd, true) // so that os.NewFile lets the runtime poll it
	}
	if err != nil {
		return fmt.Errorf("conn: epoll: %w", err)
	}
	file := os.NewFile(uintptr(fd), "epoll")
	defer file.Close()
	raw, err := file.SyscallConn()
	if err == nil {
		err = file.SetReadDeadline(time.Time{}) // fails if the runtime can't poll it
	}
	if err != nil {
		return fmt.Errorf("conn: epoll: %w", err)
	}
	p.mu.Lock()
	p.file, p.fd, p.start, p.alarm = file, fd, time.Now(), 0
	p.mu.Unlock()
	defer p.stop()
	defer context.AfterFunc(ctx, p.interrupt)()
	w := waiting{events: make([]unix.EpollEvent, 256)}
	for ctx.Err() == nil {
		err := raw.Read(w.look)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			p.expire(ctx)
		case err != nil:
			return fmt.Errorf("conn: epoll: %w", err)
		case w.err != nil:
			return fmt.Errorf("conn: epoll: %w", w.err)
		default:
			p.wake(w.events[:w.n])
		}
	}
	return nil
}

// waiting is Run's look at its epoll.
type waiting struct {
	events []unix.EpollEvent
	n      int
	err    error
}

// look asks without waiting; false makes the runtime wait until there is something.
func (w *waiting) look(fd uintptr) bool {
	w.n, w.err = unix.EpollWait(int(fd), w.events, 0)
	if w.err == unix.EINTR {
		w.n, w.err = 0, nil
	}
	return w.n > 0 || w.err != nil
}

// park enters c; false: it has to wait otherwise.
func (p *Idle) park(c *Conn, until time.Time, r Resumer) (parked bool) {
	if p == nil {
		return false
	}
	c.idle.Store(p)                         // from now on Close and SetReadDeadline look here
	err := c.raw.Control(func(fd uintptr) { // the descriptor is not closed meanwhile
		p.mu.Lock()
		defer p.mu.Unlock()
		parked = p.file != nil && !c.shut.Load() && p.enter(c, int(fd), until, r)
	})
	return err == nil && parked
}

// enter arms a descriptor for one event. What has come already is one. Under mu.
func (p *Idle) enter(c *Conn, fd int, until time.Time, r Resumer) bool {
	if fd == 0 {
		return false // stands for none
	}
	for fd >= len(p.slots) {
		p.slots = append(p.slots, make([]slot, 256)...)
	}
	s := &p.slots[fd]
	s.turn++
	e := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLONESHOT, Fd: int32(fd), Pad: s.turn}
	err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_MOD, fd, &e)
	if err == unix.ENOENT { // its first rest; closing a descriptor takes it out
		err = unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &e)
	}
	if err != nil {
		p.refusal.Do(func() {
			if p.Refused != nil {
				p.Refused(fmt.Errorf("conn: epoll: %w", err))
			}
		})
		return false
	}
	c.fd, s.r, s.until = int32(fd), r, 0
	p.bound(s, until)
	return true
}

// wake resumes those that events are for.
func (p *Idle) wake(events []unix.EpollEvent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range events {
		// An event may be older than it looks: the connection was closed or has moved on, and its number is another one's.
		if s := &p.slots[events[i].Fd]; s.turn == events[i].Pad {
			s.resume()
		}
	}
}

// resume lets the connection go on, if it is at rest. Under mu.
func (s *slot) resume() {
	if r := s.r; r != nil {
		s.r = nil
		go r.Resume() // ends as that connection's reader does
	}
}

// closed resumes the reader of a connection that is about to be closed, which epoll would say nothing of.
func (p *Idle) closed(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.fd != 0 { // it has been at rest
		p.slots[c.fd].resume()
	}
}

// deadline tells that c has another read deadline.
func (p *Idle) deadline(c *Conn, t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.fd == 0 || c.shut.Load() { // its descriptor may be another's by now
		return
	}
	if s := &p.slots[c.fd]; s.r != nil {
		p.bound(s, t)
	}
}

// bound sets a slot's deadline. Under mu.
func (p *Idle) bound(s *slot, t time.Time) {
	s.until = 0
	if t.IsZero() {
		return
	}
	s.until = max(0, t.Sub(p.start)).Truncate(grain) + grain
	if p.file != nil && (p.alarm == 0 || s.until < p.alarm) {
		p.alarm = s.until
		p.file.SetReadDeadline(p.start.Add(p.alarm))
	}
}

// expire resumes those whose deadline has passed.
func (p *Idle) expire(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	now := time.Since(p.start)
	p.alarm = 0
	for i := range p.slots {
		s := &p.slots[i]
		switch {
		case s.r == nil || s.until == 0:
		case s.until <= now:
			s.resume()
		case p.alarm == 0 || s.until < p.alarm:
			p.alarm = s.until
		}
	}
	next := time.Time{}
	if p.alarm != 0 {
		next = p.start.Add(p.alarm)
	}
	p.file.SetReadDeadline(next)
}

// interrupt ends Run's waiting, and what is parked.
func (p *Idle) interrupt() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file != nil {
		p.alarm = 1 // nothing is earlier
		p.file.SetReadDeadline(past)
	}
}

// stop resumes everybody: from now on each waits for himself.
func (p *Idle) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.file = nil
	for i := range p.slots {
		p.slots[i].resume()
	}
}
