package xmpptest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"usher/xmpp"
)

// Inbox keeps elements between whoever delivers them and a Player: its Receive
// is that of a Channel. The zero value is ready. Safe for concurrent use.
type Inbox struct {
	mu    sync.Mutex
	queue [][]byte
	bytes int
	err   error
	more  chan struct{} // closed and forgotten when something changes; nil if nobody waits
}

// maxInbox bounds what waits in an Inbox, in bytes.
const maxInbox = 16 << 20

// ErrInboxFull means that nobody read what was delivered.
var ErrInboxFull = errors.New("xmpptest: inbox is full")

// Put delivers a copy of an element. Over 16 MiB the inbox ends with ErrInboxFull.
func (in *Inbox) Put(element []byte) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.err != nil {
		return
	}
	if in.bytes += len(element); in.bytes > maxInbox {
		in.err = ErrInboxFull
	} else {
		in.queue = append(in.queue, append([]byte(nil), element...))
	}
	in.wake()
}

// End says that nothing more comes, and why (io.EOF for a clean end). What
// has been put can still be received.
func (in *Inbox) End(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.err == nil {
		in.err = err
	}
	in.wake()
}

func (in *Inbox) wake() {
	if in.more != nil {
		close(in.more)
		in.more = nil
	}
}

// Receive returns the next element, the error of End, or ctx's.
func (in *Inbox) Receive(ctx context.Context) ([]byte, error) {
	for {
		in.mu.Lock()
		if len(in.queue) > 0 {
			b := in.queue[0]
			in.queue[0] = nil
			in.queue = in.queue[1:]
			in.bytes -= len(b)
			in.mu.Unlock()
			return b, nil
		}
		if in.err != nil {
			defer in.mu.Unlock()
			return nil, in.err
		}
		if in.more == nil {
			in.more = make(chan struct{})
		}
		more := in.more
		in.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Actor returns the server as an actor of a transcript: it receives what
// components send to others than connected components (so not their messages
// to themselves), and sends to the component that owns the domain of `to`. It takes the hook.
func (u *Upstream) Actor() Actor {
	in := new(Inbox)
	u.SetHook(func(_ *Peer, e *xmpp.Element) bool {
		_, domain, _ := xmpp.SplitJID(e.To)
		if u.Peer(string(domain)) != nil {
			return false
		}
		in.Put(e.Raw)
		return true
	})
	send := func(b []byte) error {
		scan := xmpp.NewScanner(xmpp.Limits{})
		scan.ResetInside(xmpp.Limits{}, "stream:stream", xmpp.NSComponent, xmpp.NSStream)
		if _, tok, err := scan.Next(b); err != nil || tok != xmpp.Stanza {
			return fmt.Errorf("not one stanza: %w", err)
		}
		return u.Send(string(scan.Element().To), b)
	}
	return Actor{Send: send, Receive: in.Receive, Space: xmpp.NSComponent}
}
