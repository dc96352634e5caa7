package upstream

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"usher/xmpp"
)

const (
	domain = "v1.example.org"
	secret = "s3cret"

	ourHeader   = `<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='v1.example.org'>`
	theirHeader = `<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' from='v1.example.org' id='3BF96D32'>`
	endTag      = `</stream:stream>`
)

// noWait makes a write fail at once instead of waiting for room.
var noWait context.Context

// ourHandshake is what XEP-0114 §3 asks us to send to the id of theirHeader.
var ourHandshake = func() string {
	sum := sha1.Sum([]byte("3BF96D32" + secret))
	return "<handshake>" + hex.EncodeToString(sum[:]) + "</handshake>"
}()

// peer is the server's end of a connection, played by a test.
type peer struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

func newPeer(t *testing.T, c net.Conn) *peer {
	return &peer{t: t, Conn: c, in: bufio.NewReaderSize(c, 64<<10)}
}

// send writes s; it fails only when the link has closed.
func (p *peer) send(s string) error {
	_, err := io.WriteString(p.Conn, s)
	return err
}

// read returns all bytes up to and with the first end.
func (p *peer) read(end string) string {
	p.t.Helper()
	var b strings.Builder
	for !strings.HasSuffix(b.String(), end) {
		c, err := p.in.ReadByte()
		if err != nil {
			p.t.Errorf("the server waits for %q, has read %q: %v", end, b.String(), err)
			return b.String()
		}
		b.WriteByte(c)
	}
	return b.String()
}

// expect reads exactly want.
func (p *peer) expect(want string) {
	p.t.Helper()
	if got := p.read(want[max(0, len(want)-16):]); got != want {
		p.t.Errorf("the server read\n %s\nwant\n %s", got, want)
	}
}

// rest reads until the link hangs up.
func (p *peer) rest() string {
	b, _ := io.ReadAll(p.in)
	return string(b)
}

// accept plays the server's side of XEP-0114 §3.
func (p *peer) accept() {
	p.t.Helper()
	p.expect(ourHeader)
	p.send(theirHeader)
	p.expect(ourHandshake)
	p.send("<handshake/>")
}

// scripted returns a config whose connection is one end of a pipe, with script at the other. The script's
// end closes the connection; wait returns when it has ended.
func scripted(t *testing.T, script func(p *peer)) (cfg Config, wait func()) {
	var wg sync.WaitGroup
	cfg = config()
	cfg.Dial = func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		wg.Go(func() {
			defer server.Close()
			script(newPeer(t, server))
		})
		return client, nil
	}
	return cfg, wg.Wait
}

func config() Config {
	return Config{Domain: domain, Secret: secret, Address: "pipe",
		Limits: xmpp.Limits{Bytes: 1 << 20, Depth: 64, Attributes: 64, Elements: 1000}}
}

func mustDial(t *testing.T, cfg Config) *Link {
	t.Helper()
	l, err := Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// connected returns a link with a peer that has accepted it.
func connected(t *testing.T, change func(*Config)) (*Link, *peer) {
	t.Helper()
	return connectedBy(t, net.Pipe, change)
}

// loopback returns both ends of a TCP connection, which the link writes to in another way than to a pipe.
func loopback(t *testing.T) func() (client, server net.Conn) {
	return func() (client, server net.Conn) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		if client, err = net.Dial("tcp", ln.Addr().String()); err != nil {
			t.Fatal(err)
		}
		if server, err = ln.Accept(); err != nil {
			t.Fatal(err)
		}
		return client, server
	}
}

func connectedBy(t *testing.T, pair func() (client, server net.Conn), change func(*Config)) (*Link, *peer) {
	t.Helper()
	ready := make(chan *peer, 1)
	cfg := config()
	cfg.Dial = func(context.Context, string, string) (net.Conn, error) {
		client, server := pair()
		go func() { // ends with the handshake
			p := newPeer(t, server)
			p.accept()
			ready <- p
		}()
		return client, nil
	}
	if change != nil {
		change(&cfg)
	}
	l := mustDial(t, cfg)
	return l, <-ready
}

// served is a link's Serve running.
type served struct {
	received
	link *Link
	why  chan error
}

// received is a receiver that keeps what it gets.
type received struct {
	mu      sync.Mutex
	got     []string // raw stanzas
	flushed []int    // how many there were at each Flush
	more    chan struct{}
}

func (r *received) Stanza(_ *Link, e *xmpp.Element) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, string(e.Raw))
}

func (r *received) Flush(*Link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flushed = append(r.flushed, len(r.got))
	select {
	case r.more <- struct{}{}:
	default:
	}
}

// wait returns the stanzas when there are n.
func (r *received) wait(n int) []string {
	for {
		r.mu.Lock()
		if len(r.got) >= n {
			defer r.mu.Unlock()
			return append([]string(nil), r.got...)
		}
		r.mu.Unlock()
		<-r.more
	}
}

func serve(t *testing.T, l *Link) *served {
	s := &served{link: l, why: make(chan error, 1)}
	s.more = make(chan struct{}, 1)
	go func() { s.why <- l.Serve(t.Context(), s) }() // ends with the link
	return s
}

// ended returns why Serve has returned.
func (s *served) ended() error { return <-s.why }

func condition(err error) string {
	var se *xmpp.StreamError
	if errors.As(err, &se) {
		return se.Condition
	}
	return ""
}
