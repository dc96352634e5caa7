// Package load is many XMPP web clients in one process: sessions over WebSocket (RFC 7395) and BOSH (XEP-0124, XEP-0206) to
// any server, cheap enough that the server and not they reach a limit first. It owns sockets and the words of a
// login and of rooms; it must not know what is measured, or who the server is.
package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
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

// Endpoint is where sessions go. It is set up once and then shared by all of them; it must not be copied once it is in use.
type Endpoint struct {
	// URL is ws:, wss: (RFC 7395), http:, https: (XEP-0124), or xmpp-component://HOST:PORT, which is no client's way: a bare component link
	// (XEP-0114) whose secret is Password, and each session an address on it.
	URL    string
	Domain string      // `to` of the stream; the component's
	TLS    *tls.Config // of wss and https; nil = the system's authorities
	Origin string      // what a page's browser would send; "" = none
	// User and Password log in by PLAIN (RFC 4616); without them sessions are anonymous (RFC 4505).
	User, Password string
	Wait           int    // BOSH `wait`, seconds; 0 = 3600, so that held requests stay
	Rooms          string // the MUC service
	ReceiveBuffer  int    // of each socket (tcp(7), SO_RCVBUF), bytes: for clients who shall take little; 0 = the system's

	// Repeat is for how long a request over BOSH may be without an answer while another one is under way, before the first is sent again on another
	// connection, as web clients do; 0 = for ever.
	Repeat   time.Duration
	Repeated atomic.Int64 // how often it came to that
	// Gap is how long after a request the next may follow while the first is under way: one that overtakes it on the other connection is too much for some
	// servers. Clients that poll from a timer keep one without knowing it; 0 = none.
	Gap time.Duration
	// Empty counts the answers over BOSH that had nothing in them, of all sessions that are being read: those to requests that were held for Wait.
	Empty atomic.Int64

	once sync.Once
	err  error // of once
	at   site
}

// site is what all sessions of an endpoint have alike, worked out once.
type site struct {
	scheme  string
	address string // host:port
	tls     *tls.Config
	dial    dialer
	request []byte // of an upgrade, or the head of a POST up to the value of Content-Length
	open    []byte // what opens the stream, and again after the login
	plain   []byte // <auth/> with PLAIN; nil = ANONYMOUS

	mu     sync.Mutex
	link   *link  // of a component; it may have ended
	number uint64 // of its sessions so far
}

// Check reports whether the URL can be used, before anything is opened. Errors wrap ErrEndpoint.
func (e *Endpoint) Check() error {
	e.once.Do(func() { e.err = e.prepare() })
	return e.err
}

// BOSH reports which transport the URL means.
func (e *Endpoint) BOSH() bool { return strings.HasPrefix(e.URL, "http") }

func (e *Endpoint) prepare() error {
	u, err := url.Parse(e.URL)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrEndpoint, err)
	}
	ports := map[string]string{"ws": "80", "http": "80", "wss": "443", "https": "443", component: "5347"}
	port, known := ports[u.Scheme]
	if !known {
		return fmt.Errorf("%w: %q: a URL starts with ws:, wss:, http: or https:, or %s: for a bare link", ErrEndpoint, e.URL, component)
	}
	if u.Hostname() == "" {
		return fmt.Errorf("%w: %q names no host", ErrEndpoint, e.URL)
	}
	if e.Domain == "" || strings.ContainsAny(e.Domain, "<>&'\" /@\t\r\n") {
		return fmt.Errorf("%w: %q is no domain", ErrEndpoint, e.Domain)
	}
	if (e.User == "") != (e.Password == "") && u.Scheme != component {
		return fmt.Errorf("%w: user and password go together", ErrEndpoint)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	e.at.scheme, e.at.address = u.Scheme, net.JoinHostPort(u.Hostname(), port)
	if u.Scheme == "wss" || u.Scheme == "https" {
		e.at.tls = &tls.Config{}
		if e.TLS != nil {
			e.at.tls = e.TLS.Clone()
		}
		if e.at.tls.ServerName == "" {
			e.at.tls.ServerName = u.Hostname()
		}
		e.at.tls.NextProtos = []string{"http/1.1"}
	}
	if e.User != "" {
		e.at.plain = plain(e.User, e.Password)
	}
	if e.Wait == 0 {
		e.Wait = 3600
	}
	switch {
	case u.Scheme == component:
	case e.BOSH():
		e.at.request = e.post(u)
	default:
		e.at.request = e.upgrade(u)
		e.at.open = appendFrame(nil, opText, []byte("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='"+e.Domain+"' version='1.0'/>"))
	}
	return nil
}

// Worker is the buffers that a session borrows while it talks. It belongs to one goroutine.
type Worker struct {
	in  inbox
	out []byte
}

// NewWorker makes one, with some kB.
func NewWorker() *Worker {
	return &Worker{in: inbox{b: make([]byte, 0, 4<<10)}, out: make([]byte, 0, 2<<10)}
}

// carrier is a session's transport. What until and serve hand on is valid during the call.
type carrier interface {
	send(w *Worker, stanza []byte) error                  //
	until(w *Worker, hear func(stanza []byte) bool) error // without deadline
	rest(w *Worker) error                                 // over BOSH: with a request held
	serve(hear func(stanza []byte)) error                 //
	leave(w *Worker, served bool) error                   //
	deadline(t time.Time)                                 // of all that follows; zero = none
	cut()                                                 //
}

// stream is a transport that logs in.
type stream interface {
	carrier
	start(w *Worker) (features []byte, err error)   // opens the stream
	restart(w *Worker) (features []byte, err error) // the same after the login (RFC 6120 §6.4.6)
}

// Session is one client's stream. At rest it has one connection (over BOSH with a held request), and no goroutine and no buffer.
// Over BOSH what is sent while a request is held goes over a second connection, as browsers do it (XEP-0124 §11).
type Session struct {
	// JID is the full address that was bound.
	JID string

	e       *Endpoint
	c       carrier
	serving atomic.Bool
	over    atomic.Bool // left or closed: what ends it then is no error
}

// Open connects and logs in until a resource is bound (open, auth, open, bind; a legacy session is not asked for). Over BOSH a
// request is then held.
func (e *Endpoint) Open(ctx context.Context, w *Worker) (*Session, error) {
	if err := e.Check(); err != nil {
		return nil, err
	}
	if e.at.scheme == component {
		c, err := e.openLinked(ctx)
		if err != nil {
			return nil, err
		}
		return &Session{JID: c.jid, e: e, c: c}, nil
	}
	nc, err := e.connect(ctx)
	if err != nil {
		return nil, err
	}
	var c stream = &webSocket{e: e, nc: nc}
	if e.BOSH() {
		c = newBOSH(e, nc)
	}
	unwatch := context.AfterFunc(ctx, c.cut)
	jid, err := e.login(w, c)
	if err == nil {
		err = c.rest(w)
	}
	c.deadline(time.Time{})
	if !unwatch() {
		err = context.Cause(ctx)
	}
	if err != nil {
		c.cut()
		return nil, err
	}
	return &Session{JID: jid, e: e, c: c}, nil
}

// Send sends one stanza, which states its namespace jabber:client itself. One goroutine at a time; Serve may run beside it. It
// waits for the kernel only: over BOSH, what is sent while both requests are on their way goes with the next, up to 256 KiB.
func (s *Session) Send(w *Worker, stanza []byte) error {
	if err := s.c.send(w, stanza); err != nil {
		return s.ended(err)
	}
	return nil
}

// Until reads until hear returns true for a stanza, within Step, and leaves the session at rest. The stanza is valid during the call only.
func (s *Session) Until(w *Worker, hear func(stanza []byte) bool) error { return s.step(w, hear, true) }

// step is Until; without rest it is for who goes on at once, and over BOSH would ask for what it doesn't wait for.
func (s *Session) step(w *Worker, hear func(stanza []byte) bool, rest bool) error {
	s.c.deadline(time.Now().Add(Step))
	err := s.c.until(w, hear)
	if err == nil && rest {
		err = s.c.rest(w)
	}
	s.c.deadline(time.Time{})
	if err != nil {
		return late(s.ended(err))
	}
	return nil
}

// Serve reads in the goroutine of its caller, with a buffer of its own, until the session ends or is closed, and hands on every stanza. Over BOSH
// it keeps a request with the server. Several stanzas that one read brings are handed on without another read. The error is
// nil after Leave or Close, else it wraps ErrEnded or what the socket said. hear may call Send.
func (s *Session) Serve(hear func(stanza []byte)) error {
	s.serving.Store(true)
	defer s.serving.Store(false)
	err := s.c.serve(hear)
	s.c.cut()
	if s.over.Load() {
		return nil
	}
	return s.ended(err)
}

// Leave ends the session as a page that is left does, and waits for the server's answer, if no Serve reads it.
func (s *Session) Leave(w *Worker) error {
	s.over.Store(true)
	served := s.serving.Load()
	if !served {
		s.c.deadline(time.Now().Add(Step))
	}
	err := s.c.leave(w, served)
	if err != nil {
		err = late(fmt.Errorf("leave: %w", err))
	}
	if !served || err != nil {
		s.c.cut()
	}
	return err
}

// Close cuts the connections, without a word.
func (s *Session) Close() {
	s.over.Store(true)
	s.c.cut()
}

// ended says who ended the session.
func (s *Session) ended(err error) error {
	if s.over.Load() {
		return fmt.Errorf("the session was closed here: %w", net.ErrClosed)
	}
	return err
}

// Each calls do for every number below n, workers at a time, each with a Worker of its own; the first error ends it, and so does ctx.
func Each(ctx context.Context, n, workers int, do func(ctx context.Context, i int, w *Worker) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, workers) {
		wg.Go(func() { // ends when the numbers do, or with ctx
			w := NewWorker()
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := do(ctx, i, w); err != nil {
					cancel(fmt.Errorf("session %d: %w", i+1, err))
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
