package conn

import "time"

// Resumer is who goes on with a connection that has been at rest.
type Resumer interface {
	// Resume runs on a goroutine of its own, and reads (Fill) what has come, or how it ended.
	Resume()
}

// Rest gives up the caller's goroutine: r.Resume is called, once, when there are bytes to read, the peer has ended, the read deadline (until, as
// SetReadDeadline was told; zero = none) has passed, a quarter of a second late at most, or the connection is closed. A connection at rest costs some 40 bytes here. The caller is c's reader, and must not use c any more when it has called. Rest may resume
// at once: where something is at hand already, and where p is nil or doesn't run, when it is that goroutine that waits.
func (p *Idle) Rest(c *Conn, until time.Time, r Resumer) {
	if c.Buffered() || c.secure != nil && !c.secure.dry || !p.park(c, until, r) {
		go r.Resume() // ends as its caller's goroutine would have
	}
}
