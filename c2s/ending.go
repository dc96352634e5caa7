package c2s

import "usher/xmpp"

// Reason says why a stream ended: a closed list, used as a metric label.
type Reason uint8

const (
	Unknown         Reason = iota
	ClientClosed           // the client ended its stream
	ConnectionLost         // the connection went away
	Inactive               // BOSH: no request within inactivity
	PongTimeout            // WebSocket: no pong
	LoginTimeout           // not bound in time
	Stalled                // the client takes nothing
	Overflow               // the outbox is full
	BadFraming             // RFC 6455, 7395 or XEP-0124 violated
	BadXML                 // the scanner refused it
	BadProtocol            // a stream error by RFC 6120: wrong state, namespace, to, …
	HostUnknown            // `to` is no site's
	PolicyViolation        // a limit or a rule of the edge
	ResourceLimit          // the edge is full
	Terminated             // ended by an operator
	Shutdown               // the edge stops
	numReasons
)

// String is the metric label.
func (r Reason) String() string { panic("unbuilt") }

// Ending is how a stream ended.
type Ending struct {
	Reason Reason
	Err    *xmpp.StreamError // what the client is told; nil = a plain close
}
