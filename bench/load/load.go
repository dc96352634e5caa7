// Package load is many XMPP web clients in one process: sessions over WebSocket (RFC 7395) and BOSH (XEP-0124, XEP-0206) to
// any server, cheap enough that the server and not they reach a limit first. It owns sockets and the words of a
// login and of rooms; it must not know what is measured, or who the server is.
package load

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"time"
)

// Step is how long one exchange of a login, a join or a leave may take before it is an error.
const Step = time.Minute

// Sources is how many addresses of the loopback network, from 127.0.0.1 on, sessions come from at most: the next is taken when one has no port left.
const Sources = 200

// What a login ends with is told apart by these; each comes wrapped with what was said.
var (
	ErrEndpoint    = errors.New("this is no XMPP endpoint") // nobody listens, wrong path, wrong subprotocol, wrong domain
	ErrRefused     = errors.New("the login was refused")    // SASL failure, no mechanism that fits, a limit of the server
	ErrDescriptors = errors.New("out of file descriptors: raise `ulimit -n` here or for the server, or take fewer sessions")
	ErrEnded       = errors.New("the server ended the session") // a stream error, a terminate or a close frame
)

// Endpoint is where sessions go. It is set up once and then shared by all of them.
type Endpoint struct {
	URL    string      // ws:, wss: (RFC 7395) or http:, https: (XEP-0124)
	Domain string      // `to` of the stream
	TLS    *tls.Config // of wss and https; nil = the system's authorities
	Origin string      // what a page's browser would send; "" = none
	// User and Password log in by PLAIN (RFC 4616); without them sessions are anonymous (RFC 4505).
	User, Password string
	Wait           int    // BOSH `wait`, seconds; 0 = 3600, so that held requests stay
	Rooms          string // the MUC service
}

// Worker is the buffers that a session borrows while it talks. It belongs to one goroutine.
type Worker struct {
	r   *bufio.Reader
	buf []byte
}

// NewWorker makes one, with some kB.
func NewWorker() *Worker { return &Worker{r: bufio.NewReaderSize(nil, 4<<10)} }

// Session is one client's stream. At rest it has one connection (over BOSH with a held request), and no goroutine and no buffer.
// Over BOSH what is sent while a request is held goes over a second connection, as browsers do it (XEP-0124 §11).
type Session struct {
	// JID is the full address that was bound.
	JID string

	_ *Endpoint
}

// Check reports whether the URL can be used, before anything is opened. Errors wrap ErrEndpoint.
func (e *Endpoint) Check() error { panic("not built") }

// BOSH reports which transport the URL means.
func (e *Endpoint) BOSH() bool { panic("not built") }

// Open connects and logs in until a resource is bound (open, auth, open, bind; a legacy session is not asked for). Over BOSH a
// request is then held.
func (e *Endpoint) Open(ctx context.Context, w *Worker) (*Session, error) { panic("not built") }

// Send sends one stanza, which states its namespace jabber:client itself. One goroutine at a time; Serve may run beside it.
func (s *Session) Send(w *Worker, stanza []byte) error { panic("not built") }

// Until reads until hear returns true for a stanza, within Step, and leaves the session at rest. The stanza is valid during the call only.
func (s *Session) Until(w *Worker, hear func(stanza []byte) bool) error { panic("not built") }

// Serve reads in the goroutine of its caller, with a buffer of its own, until the session ends or is closed, and hands on every stanza. Over BOSH
// it keeps a request with the server. Several stanzas that one read brings are handed on without another read. The error is
// nil after Leave or Close, else it wraps ErrEnded or what the socket said.
func (s *Session) Serve(hear func(stanza []byte)) error { panic("not built") }

// Join enters a room with a nick, asks for no history, waits for the self-presence (XEP-0045 §7.2.2) and unlocks a room
// that is new (§10.1.2). No Serve may run.
func (s *Session) Join(w *Worker, room, nick string) error { panic("not built") }

// Leave ends the session as a page that is left does, and waits for the server's answer, if no Serve reads it.
func (s *Session) Leave(w *Worker) error { panic("not built") }

// Close cuts the connections, without a word.
func (s *Session) Close() { panic("not built") }

// Each calls do for every number below n, workers at a time, each with a Worker of its own; the first error ends it, and so does ctx.
func Each(ctx context.Context, n, workers int, do func(ctx context.Context, i int, w *Worker) error) error {
	panic("not built")
}
