package xmpptest_test

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"usher/xmpp"
	"usher/xmpp/xmpptest"
)

// link is a component that a test plays by hand.
type link struct {
	t    *testing.T
	conn net.Conn
	scan *xmpp.Scanner
	buf  []byte
}

// dialLink connects and sends the handshake; the next token is the server's answer.
func dialLink(t *testing.T, addr, domain, secret string) *link {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	l := &link{t: t, conn: conn, scan: xmpp.NewScanner(xmpp.Limits{})}
	l.send("<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='" + domain + "'>")
	l.want(xmpp.Root)
	id, _ := l.scan.Root().Attr("id")
	sum := sha1.Sum([]byte(id + secret))
	l.send("<handshake>" + hex.EncodeToString(sum[:]) + "</handshake>")
	return l
}

func (l *link) send(s string) {
	l.t.Helper()
	if _, err := io.WriteString(l.conn, s); err != nil {
		l.t.Fatal(err)
	}
}

// next returns the next token and the bytes of a stanza.
func (l *link) next() (xmpp.Token, string, error) {
	for {
		n, tok, err := l.scan.Next(l.buf)
		if err != nil {
			return tok, "", err
		}
		raw := ""
		if tok == xmpp.Stanza {
			raw = string(l.scan.Element().Raw)
		}
		if tok != xmpp.Root {
			l.buf = l.buf[n:]
		} else {
			l.buf = append([]byte(nil), l.buf[n:]...) // Root stays valid
		}
		if tok != xmpp.NeedMore {
			return tok, raw, nil
		}
		b := make([]byte, 4096)
		n, err = l.conn.Read(b)
		if err != nil {
			return tok, "", err
		}
		l.buf = append(l.buf, b[:n]...)
	}
}

func (l *link) want(tok xmpp.Token) string {
	l.t.Helper()
	got, raw, err := l.next()
	if err != nil || got != tok {
		l.t.Fatalf("got token %v, %q, %v; want %v", got, raw, err, tok)
	}
	return raw
}

func (l *link) wantStanza(s string) {
	l.t.Helper()
	if got := l.want(xmpp.Stanza); got != s {
		l.t.Fatalf("got %s\nwant %s", got, s)
	}
}

func newUpstream(t *testing.T, cfg xmpptest.UpstreamConfig) *xmpptest.Upstream {
	t.Helper()
	cfg.Components = []xmpptest.Component{{Domain: "a.test", Secret: "s1"}, {Domain: "b.test", Secret: "s2"}}
	u, err := xmpptest.NewUpstream(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.Close)
	return u
}

func TestUpstreamRefusals(t *testing.T) {
	u := newUpstream(t, xmpptest.UpstreamConfig{})
	first := dialLink(t, u.Addr(), "a.test", "s1")
	first.wantStanza("<handshake/>")
	for _, c := range []struct{ name, domain, secret, condition string }{
		{"wrong secret", "b.test", "s1", "not-authorized"},
		{"second connection", "a.test", "s1", "conflict"},
		{"unknown domain", "c.test", "s1", "host-unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := dialLink(t, u.Addr(), c.domain, c.secret)
			if got := l.want(xmpp.Stanza); !strings.Contains(got, "<"+c.condition+" ") {
				t.Errorf("got %s", got)
			}
			l.want(xmpp.End)
			// What the server hasn't read when it closes makes TCP say that it was reset.
			if _, _, err := l.next(); err != io.EOF && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("after the end: %v", err)
			}
		})
	}
	// The first connection lives on.
	first.send("<iq type='get' id='1' from='a.test' to='a.test'><ping xmlns='urn:xmpp:ping'/></iq>")
	first.wantStanza("<iq to='a.test' from='a.test' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>")
}

func TestUpstreamRoutes(t *testing.T) {
	u := newUpstream(t, xmpptest.UpstreamConfig{Chunk: 7})
	a, b := dialLink(t, u.Addr(), "a.test", "s1"), dialLink(t, u.Addr(), "b.test", "s2")
	a.wantStanza("<handshake/>")
	b.wantStanza("<handshake/>")
	a.send("<message from='x@a.test/1' to='nobody.test'/><message from='x@a.test/1' to='y@b.test/2'><body>1</body></message>")
	b.wantStanza("<message to='y@b.test/2' from='x@a.test/1'><body>1</body></message>")
	if u.Routed() != 1 || u.Lost() != 1 {
		t.Errorf("routed %d, lost %d", u.Routed(), u.Lost())
	}
	u.SetHook(func(p *xmpptest.Peer, e *xmpp.Element) bool {
		return p.Append(e, &xmpp.Header{To: e.From, From: e.To}) == nil
	})
	a.send("<message from='x@a.test/1' to='room@rooms.test'><body>2</body></message>")
	a.wantStanza("<message to='x@a.test/1' from='room@rooms.test'><body>2</body></message>")
	if err := u.Send("y@b.test", []byte("<presence from='z' to='y@b.test'/>")); err != nil {
		t.Fatal(err)
	}
	b.wantStanza("<presence from='z' to='y@b.test'/>")
}

func TestUpstreamTrouble(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	u := newUpstream(t, xmpptest.UpstreamConfig{
		Window:   4096,
		Greeting: func(domain string) []byte { return []byte("<message to='" + domain + "'/>") },
	})
	a := dialLink(t, u.Addr(), "a.test", "s1")
	a.wantStanza("<handshake/>")
	a.wantStanza("<message to='a.test'/>")
	p, err := u.Wait(ctx, "a.test")
	if err != nil {
		t.Fatal(err)
	}

	p.Pause()
	flooded := make(chan error, 1)
	go func() { flooded <- p.Flood([]byte("<message to='a.test'/>"), 1000) }() // ended by the reading below
	for range 1000 {
		a.wantStanza("<message to='a.test'/>")
	}
	if err := <-flooded; err != nil {
		t.Fatal(err)
	}
	a.send("<message to='a.test' id='paused'/>")
	p.Resume()
	a.wantStanza("<message to='a.test' id='paused'/>")

	p.Kill()
	if _, _, err := a.next(); err == nil {
		t.Error("the connection lives after Kill")
	}
	if err := u.WaitGone(ctx, "a.test"); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if p.Err() == nil || p.Send(nil) != xmpptest.ErrEnded {
		t.Errorf("ended with %v", p.Err())
	}
	a = dialLink(t, u.Addr(), "a.test", "s1")
	a.wantStanza("<handshake/>")
	a.wantStanza("<message to='a.test'/>")
	a.send("</stream:stream>")
	a.want(xmpp.End)
}
