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
	Unacked                // too much was sent that the client doesn't acknowledge
	BadFraming             // RFC 6455, 7395 or XEP-0124 violated
	BadXML                 // the scanner refused it
	BadProtocol            // a stream error by RFC 6120: wrong state, namespace, to, …
	HostUnknown            // `to` is no site's
	PolicyViolation        // a limit or a rule of the edge
	ResourceLimit          // the edge is full
	Terminated             // ended by an operator
	Shutdown               // the edge stops
	ServerLost             // relayed: the server can't be reached any more
	ServerClosed           // relayed: the server has ended the stream
	Replaced               // the client has opened another stream in the place of this one
	Internal               // a failure of ours
	numReasons
)

// reasonNames stand in the order of the constants.
var reasonNames = [...]string{
	"unknown", "client-closed", "connection-lost", "inactive", "pong-timeout",
	"login-timeout", "stalled", "overflow", "unacked", "bad-framing", "bad-xml",
	"bad-protocol", "host-unknown", "policy-violation", "resource-limit",
	"terminated", "shutdown", "server-lost", "server-closed", "replaced", "internal",
}

// Does not compile unless each reason has a name.
var _ = [1]struct{}{}[len(reasonNames)-int(numReasons)]

// String is the metric label.
func (r Reason) String() string {
	if r >= numReasons {
		r = Unknown
	}
	return reasonNames[r]
}

// Reasons returns every reason, for those who set up a counter for each.
func Reasons() []Reason {
	all := make([]Reason, numReasons)
	for i := range all {
		all[i] = Reason(i)
	}
	return all
}

// Ending is how a stream ended.
type Ending struct {
	Reason Reason
	Err    *xmpp.StreamError // what the client is told; nil = a plain close
}

// reasonOf files a stream error condition under a reason; other is for those
// that don't tell by themselves.
func reasonOf(condition string, other Reason) Reason {
	switch condition {
	case "host-unknown", "host-gone", "improper-addressing":
		return HostUnknown
	case "policy-violation":
		return PolicyViolation
	case "resource-constraint":
		return ResourceLimit
	case "system-shutdown":
		return Shutdown
	case "internal-server-error":
		return Internal
	case "remote-connection-failed":
		return ServerLost
	case "not-well-formed", "restricted-xml", "unsupported-encoding", "bad-namespace-prefix":
		return BadXML
	}
	return other
}
