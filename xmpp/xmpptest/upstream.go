package xmpptest

import (
	"context"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"usher/xmpp"
)

// UpstreamConfig says what an Upstream is like. Only Components is needed.
type UpstreamConfig struct {
	Address    string      // to listen on; "" = a free port of 127.0.0.1
	Components []Component // who may connect
	TLS        *tls.Config // nil = plain
	Limits     xmpp.Limits // of one stanza from a component; zero = none
	Window     int         // bytes queued for one component before Send waits; 0 = 4 MiB
	Mute       bool        // takes connections and says nothing on them
	Chunk      int         // writes at most this many bytes at once; 0 = no limit
	// Greeting is written together with the <handshake/> that ends the negotiation.
	Greeting func(domain string) []byte
	// Hook sees each stanza before it is routed, on the reader goroutine of its
	// component; see SetHook.
	Hook Hook
}

// Hook takes a stanza that a component sent; e is valid during the call only.
// If it returns true the stanza goes nowhere else.
type Hook func(c *Peer, e *xmpp.Element) bool

// Upstream is a fake XMPP server for XEP-0114 components. It checks the
// handshake (§3), takes one connection for each domain, and delivers what
// components send to the component that owns the domain of `to`, so a link's
// messages to itself come back. Stanzas to other domains are dropped unless a hook takes
// them. Safe for concurrent use.
type Upstream struct {
	cfg    UpstreamConfig
	ln     net.Listener
	hook   atomic.Pointer[Hook]
	routed atomic.Int64
	lost   atomic.Int64
	wg     sync.WaitGroup

	mu      sync.RWMutex
	closed  bool
	byName  map[string]*Peer
	conns   map[*Peer]struct{}
	changed chan struct{} // closed and renewed when byName changes
}

// NewUpstream starts a server; Close ends it.
func NewUpstream(cfg UpstreamConfig) (*Upstream, error) {
	if cfg.Address == "" {
		cfg.Address = "127.0.0.1:0"
	}
	if cfg.Window == 0 {
		cfg.Window = 4 << 20
	}
	ln, err := net.Listen("tcp", cfg.Address)
	if err != nil {
		return nil, fmt.Errorf("fake upstream: %w", err)
	}
	u := &Upstream{cfg: cfg, ln: ln, byName: map[string]*Peer{},
		conns: map[*Peer]struct{}{}, changed: make(chan struct{})}
	u.SetHook(cfg.Hook)
	u.wg.Add(1)
	go u.accept() // ended by Close, which closes the listener
	return u, nil
}

// Addr is the address to dial.
func (u *Upstream) Addr() string { return u.ln.Addr().String() }

// SetHook replaces the hook; nil takes it away.
func (u *Upstream) SetHook(h Hook) { u.hook.Store(&h) }

// Routed and Lost count stanzas delivered to a component, and stanzas to
// nobody who is connected.
func (u *Upstream) Routed() int64 { return u.routed.Load() }
func (u *Upstream) Lost() int64   { return u.lost.Load() }

// Peer returns the connection of a domain, or nil.
func (u *Upstream) Peer(domain string) *Peer {
	u.mu.RLock()
	defer u.mu.RUnlock()
	return u.byName[domain]
}

// Wait returns the connection of a domain as soon as its handshake is done.
func (u *Upstream) Wait(ctx context.Context, domain string) (*Peer, error) {
	return u.await(ctx, domain, func(c *Peer) bool { return c != nil })
}

// WaitGone waits until no connection of the domain is left.
func (u *Upstream) WaitGone(ctx context.Context, domain string) error {
	_, err := u.await(ctx, domain, func(c *Peer) bool { return c == nil })
	return err
}

func (u *Upstream) await(ctx context.Context, domain string, ok func(*Peer) bool) (*Peer, error) {
	for {
		u.mu.RLock()
		c, changed := u.byName[domain], u.changed
		u.mu.RUnlock()
		if ok(c) {
			return c, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("fake upstream: waiting for %s: %w", domain, ctx.Err())
		}
	}
}

// Send delivers a stanza, written for the namespace jabber:component:accept,
// to the component that owns the domain of its `to`.
func (u *Upstream) Send(to string, stanza []byte) error {
	_, domain, _ := xmpp.SplitJID([]byte(to))
	c := u.Peer(string(domain))
	if c == nil {
		return fmt.Errorf("fake upstream: %s is not connected", domain)
	}
	return c.Send(stanza)
}

// Close hangs up on everybody and returns when nothing that the server started is alive.
func (u *Upstream) Close() {
	u.mu.Lock()
	u.closed = true
	u.ln.Close()
	for c := range u.conns {
		c.end(ErrEnded)
		c.conn.Close()
	}
	u.mu.Unlock()
	u.wg.Wait()
}

func (u *Upstream) accept() {
	defer u.wg.Done()
	for {
		conn, err := u.ln.Accept()
		if err != nil {
			return
		}
		if u.cfg.TLS != nil {
			conn = tls.Server(conn, u.cfg.TLS)
		}
		c := &Peer{up: u, conn: conn, done: make(chan struct{})}
		c.cond.L = &c.mu
		u.mu.Lock()
		if u.closed {
			u.mu.Unlock()
			conn.Close()
			return
		}
		u.conns[c] = struct{}{}
		u.wg.Add(1)
		u.mu.Unlock()
		go u.serve(c) // ended by the component, or by Close, which closes its connection
	}
}

func (u *Upstream) serve(c *Peer) {
	defer u.wg.Done()
	var writer sync.WaitGroup
	writer.Add(1)
	go func() { // ended by c.end below
		defer writer.Done()
		c.write()
	}()
	c.end(c.read())
	writer.Wait()
	u.mu.Lock()
	delete(u.conns, c)
	if u.byName[c.domain] == c {
		delete(u.byName, c.domain)
		u.change()
	}
	u.mu.Unlock()
	close(c.done)
}

func (u *Upstream) change() {
	close(u.changed)
	u.changed = make(chan struct{})
}

// register gives the domain to c and tells it so before anybody else can send to it.
func (u *Upstream) register(c *Peer, ok []byte) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.byName[c.domain] != nil {
		return &xmpp.StreamError{Condition: "conflict"}
	}
	if err := c.Send(ok); err != nil {
		return err
	}
	u.byName[c.domain] = c
	u.change()
	return nil
}

// route delivers a stanza by its `to`.
func (u *Upstream) route(from *Peer, e *xmpp.Element) {
	if h := *u.hook.Load(); h != nil && h(from, e) {
		return
	}
	_, domain, _ := xmpp.SplitJID(e.To)
	u.mu.RLock()
	c := u.byName[string(domain)]
	u.mu.RUnlock()
	if c == nil {
		u.lost.Add(1)
		return
	}
	u.routed.Add(1) // before it can be read: who has read it finds it counted
	if c.Forward(e) != nil {
		u.routed.Add(-1)
		u.lost.Add(1)
	}
}

// Peer is one connection of a component, as the server sees it. Safe for
// concurrent use.
type Peer struct {
	up     *Upstream
	conn   net.Conn
	domain string
	id     string // of the stream
	secret string
	done   chan struct{}
	stanza atomic.Int64

	mu     sync.Mutex
	cond   sync.Cond // any of what follows has changed
	out    []byte
	paused bool
	ended  bool
	err    error
}

// ErrEnded means that the component's connection is gone.
var ErrEnded = errors.New("fake upstream: the connection has ended")

// Domain is the component's.
func (c *Peer) Domain() string { return c.domain }

// Received counts the stanzas that came from the component.
func (c *Peer) Received() int64 { return c.stanza.Load() }

// Done is closed when the connection has ended; Err then says why.
func (c *Peer) Done() <-chan struct{} { return c.done }

// Err is why the connection has ended; io.EOF and nil mean politely.
func (c *Peer) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Send queues bytes for the component, as they are. It waits while the window is full.
func (c *Peer) Send(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.window() {
		return ErrEnded
	}
	c.out = append(c.out, b...)
	c.cond.Broadcast()
	return nil
}

// Forward queues a stanza with its addresses as they are.
func (c *Peer) Forward(e *xmpp.Element) error {
	h := xmpp.Header{To: e.To, From: e.From, Type: e.Type, ID: e.ID, Lang: e.Lang}
	return c.Append(e, &h)
}

// Append queues a stanza with a start tag made of h.
func (c *Peer) Append(e *xmpp.Element, h *xmpp.Header) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.window() {
		return ErrEnded
	}
	c.out = e.Append(c.out, xmpp.Component, h)
	c.cond.Broadcast()
	return nil
}

// window waits, with c.mu held, until there is room to queue.
func (c *Peer) window() bool {
	for len(c.out) >= c.up.cfg.Window && !c.ended {
		c.cond.Wait()
	}
	return !c.ended
}

// Flood sends a stanza n times; it waits while the window is full.
func (c *Peer) Flood(stanza []byte, n int) error {
	for range n {
		if err := c.Send(stanza); err != nil {
			return err
		}
	}
	return nil
}

// Pause stops reading from the component until Resume; what has already been read is
// still taken. Nothing else of the connection stops.
func (c *Peer) Pause() { c.setPaused(true) }

// Resume reads on.
func (c *Peer) Resume() { c.setPaused(false) }

func (c *Peer) setPaused(p bool) {
	c.mu.Lock()
	c.paused = p
	c.cond.Broadcast()
	c.mu.Unlock()
}

// Kill resets the connection, as a crash does.
func (c *Peer) Kill() {
	conn := c.conn
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if t, ok := conn.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
	conn.Close()
	c.setPaused(false)
}

// Fail ends the stream with a stream error.
func (c *Peer) Fail(e *xmpp.StreamError) {
	c.Send(append(e.Append(nil), "</stream:stream>"...))
	c.end(e)
}

// end stops the reader and, once everything queued is written, the writer.
func (c *Peer) end(err error) {
	c.mu.Lock()
	if !c.ended {
		c.ended, c.err = true, err
	}
	c.cond.Broadcast()
	c.mu.Unlock()
}

// write writes what is queued until the connection ends.
func (c *Peer) write() {
	var spare []byte
	for {
		c.mu.Lock()
		for len(c.out) == 0 && !c.ended {
			c.cond.Wait()
		}
		b := c.out
		c.out = spare[:0]
		c.cond.Broadcast()
		c.mu.Unlock()
		if len(b) == 0 {
			c.conn.Close()
			return
		}
		for rest := b; len(rest) > 0; {
			n := len(rest)
			if c.up.cfg.Chunk > 0 {
				n = min(n, c.up.cfg.Chunk)
			}
			if _, err := c.conn.Write(rest[:n]); err != nil {
				c.end(err)
				c.conn.Close()
				return
			}
			rest = rest[n:]
		}
		spare = b
	}
}

// read takes the component's stream and returns why it ended.
func (c *Peer) read() error {
	scan := xmpp.NewScanner(c.up.cfg.Limits)
	buf := make([]byte, 64<<10)
	have, negotiated := 0, false
	for {
		c.mu.Lock()
		for c.paused && !c.ended {
			c.cond.Wait()
		}
		c.mu.Unlock()
		n, err := c.conn.Read(buf[have:])
		if err != nil {
			return err
		}
		if c.up.cfg.Mute {
			continue
		}
		have += n
		off := 0
		for {
			n, tok, err := scan.Next(buf[off:have])
			if err != nil {
				return c.refuse(err)
			}
			off += n
			if tok == xmpp.NeedMore {
				break
			}
			if tok == xmpp.End {
				c.Send([]byte("</stream:stream>"))
				return nil
			}
			if tok == xmpp.Stanza && negotiated {
				c.stanza.Add(1)
				c.up.route(c, scan.Element())
				continue
			}
			if tok == xmpp.Root {
				err = c.open(scan.Root())
			} else {
				err = c.handshake(scan.Element())
				negotiated = true
			}
			if err != nil {
				return c.refuse(err)
			}
		}
		have = copy(buf, buf[off:have])
		if have == len(buf) {
			buf = append(buf, make([]byte, len(buf))...)
		}
	}
}

// refuse tells the component why its stream ends.
func (c *Peer) refuse(err error) error {
	var se *xmpp.StreamError
	if errors.As(err, &se) {
		c.Send(append(se.Append(nil), "</stream:stream>"...))
	}
	return err
}

// open answers the stream header (XEP-0114 §3).
func (c *Peer) open(root *xmpp.Element) error {
	c.domain = string(root.To)
	c.id = rand.Text()
	h := []byte("<?xml version='1.0'?><stream:stream xmlns='" + xmpp.NSComponent + "' xmlns:stream='" + xmpp.NSStream + "'")
	h = xmpp.AppendAttr(h, "from", root.To)
	h = xmpp.AppendAttr(h, "id", []byte(c.id))
	c.Send(append(h, '>'))
	for _, k := range c.up.cfg.Components {
		if k.Domain == c.domain {
			c.secret = k.Secret
			return nil
		}
	}
	return &xmpp.StreamError{Condition: "host-unknown"}
}

// handshake checks the digest (XEP-0114 §3).
func (c *Peer) handshake(e *xmpp.Element) error {
	sum := sha1.Sum([]byte(c.id + c.secret))
	if string(e.Name.Local) != "handshake" || string(e.Inner) != hex.EncodeToString(sum[:]) {
		return &xmpp.StreamError{Condition: "not-authorized"}
	}
	ok := []byte("<handshake/>")
	if g := c.up.cfg.Greeting; g != nil {
		ok = append(ok, g(c.domain)...)
	}
	return c.up.register(c, ok)
}
