package c2s

import "time"

// How a session outlives its stream. A bound stream whose connection goes away without a goodbye may be parked: it takes what is
// sent to it (bounded by Config.Queue besides the outbox) for the client who comes back. He comes back on a new Stream, which
// succeeds the parked or still running one: with XEP-0198's <resume/>, over WebSocket, or with a login that the
// Handler knows for the same visitor, over any carrier. What was queued or not acknowledged goes over to the successor, in
// order; whoever still holds the old Stream and sends to it reaches the successor.

// Resume are the settings of Config for that; the zero value turns it off.
type Resume struct {
	Max   time.Duration // longest that a resumable stream waits for its client; 0: <resume/> is not offered
	Queue int           // bytes kept of what was written and isn't acknowledged; 0: 256 KiB

	// Lost is asked when a bound stream's connection went away without a goodbye: how long is it parked? promised is what
	// XEP-0198 has promised its client, 0 if nothing. 0: it ends now. When the time is over, or when
	// somebody ends it, Closed comes with the Ending that it was lost for. Called with no lock held. nil: promised it is.
	Lost func(s *Stream, e Ending, promised time.Duration) (wait time.Duration)
	// Resumed tells that s has succeeded old by <resume/>, in the place of Handler.Bind: s has old's JID and owner. The answer
	// and everything that old had queued go out after it. Closed comes for old with Replaced, after Resumed. An error refuses
	// the resumption: the client may go on with bind.
	Resumed func(s, old *Stream) error
}

// Succeed has s take over from old, with its owner and everything queued or not acknowledged; the Handler calls it in Bind, and
// then binds s to the same full JID. It waits until old has done with the stanza it is handling. Closed comes for old
// with Replaced, in this call or right after it. false: old has ended for good, and s starts with nothing.
func (s *Stream) Succeed(old *Stream) bool { panic("unbuilt") }

// Parked tells whether the stream waits for its client.
func (s *Stream) Parked() bool { return false }

// Undelivered calls f with each stanza that was queued for the client, or written and never acknowledged where the
// carrier can know, oldest first. For Handler.Closed only, so that senders can be told (XEP-0198 §4).
func (s *Stream) Undelivered(f func(element []byte)) {}
