package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"usher/xmpp"
)

// XEP-0114 §3, and the ways in which a server may turn us away or be wrong.
func TestDialAnswers(t *testing.T) {
	streamError := func(condition string) string {
		return "<stream:error><" + condition + " xmlns='" + xmpp.NSStreamErrors + "'/><text xmlns='" + xmpp.NSStreamErrors + "'>sorry</text></stream:error></stream:stream>"
	}
	for _, tc := range []struct {
		name      string
		header    string // answers ours
		answer    string // answers our handshake; "-" = hangs up before it
		condition string // of the StreamError; "" = none
		err       string // part of the message; both empty = accepted
	}{
		{"accepted", theirHeader, "<handshake/>", "", ""},
		{"accepted, long form", theirHeader, "<handshake></handshake>", "", ""},
		{"accepted, no XML declaration", strings.TrimPrefix(theirHeader, "<?xml version='1.0'?>"), "<handshake/>", "", ""},
		{"accepted, white space between", "<?xml version='1.0'?>\r\n" + strings.TrimPrefix(theirHeader, "<?xml version='1.0'?>") + "\n  ", "\n<handshake/>", "", ""},
		{"wrong secret", theirHeader, streamError("not-authorized"), "not-authorized", "refused: not-authorized: sorry"},
		{"conflict", theirHeader, streamError("conflict"), "conflict", "refused"},
		{"conflict before the handshake", theirHeader + streamError("conflict"), "-", "conflict", "refused"},
		{"host unknown", theirHeader + streamError("host-unknown"), "-", "host-unknown", "refused"},
		{"no reason", theirHeader, "<stream:error/></stream:stream>", "undefined-condition", "refused"},
		{"hangs up after the handshake", theirHeader, "", "", "hung up"},
		{"hangs up at once", "", "-", "", "hung up"},
		{"ends the stream", theirHeader, endTag, "", "expected acknowledgement"},
		{"malformed header", "<stream:stream xmlns=>", "-", "", "XML syntax error"},
		{"malformed answer", theirHeader, "<handshake></stream:stream>", "", "XML syntax error"},
		{"not XMPP at all", "HTTP/1.1 400 Bad Request\r\n\r\n<html>", "-", "", "unexpected token"},
		{"wrong stream namespace", strings.Replace(theirHeader, "etherx", "ether", 1), "-", "", "expected stream:stream"},
		{"wrong content namespace", strings.Replace(theirHeader, "component:accept", "client", 1), "<handshake/>", "invalid-namespace", ""},
		{"other prefix", strings.NewReplacer("stream:stream", "s:stream", "xmlns:stream", "xmlns:s").Replace(theirHeader), "<handshake/>", "bad-namespace-prefix", ""},
		{"no stream id", strings.Replace(theirHeader, "id='3BF96D32'", "", 1), "<handshake/>", "", "stream ID"},
		{"a stanza instead of the answer", theirHeader, "<message/>", "", "unknown start element"},
		{"endless header", "<stream:stream x='" + strings.Repeat("x", handshakeLimit), "-", "", "no answer to the handshake"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg, wait := scripted(t, func(p *peer) {
				p.expect(ourHeader)
				p.send(tc.header)
				if tc.answer != "-" {
					p.read("</handshake>")
					p.send(tc.answer)
				}
			})
			defer wait()
			l, err := Dial(t.Context(), cfg)
			if err == nil {
				defer l.Close(t.Context())
			}
			if accepted := tc.condition == "" && tc.err == ""; accepted != (err == nil) {
				t.Fatalf("accepted = %v, error %v", err == nil, err)
			}
			if got := condition(err); got != tc.condition {
				t.Errorf("condition %q, want %q (%v)", got, tc.condition, err)
			}
			if err != nil && (!strings.Contains(err.Error(), tc.err) || !strings.Contains(err.Error(), domain)) {
				t.Errorf("error %q doesn't say %q and the domain", err, tc.err)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the error tells the secret: %v", err)
			}
		})
	}
}

// No byte behind the handshake is lost, wherever the network cuts the server's bytes.
func TestDialLosesNothing(t *testing.T) {
	stanzas := []string{
		`<message from='a@x' to='b@v1.example.org'><body>ä€😀 &lt;&amp;</body></message>`,
		`<presence from='a@x' to='b@v1.example.org'/>`,
	}
	all := "<handshake/>" + strings.Join(stanzas, "") + endTag
	run := func(t *testing.T, pieces ...string) {
		cfg, wait := scripted(t, func(p *peer) {
			p.expect(ourHeader)
			p.send(theirHeader)
			p.expect(ourHandshake)
			for _, piece := range pieces {
				if piece != "" { // a pipe's empty write waits for a read
					p.send(piece)
				}
			}
			p.expect(endTag)
		})
		defer wait()
		s := serve(t, mustDial(t, cfg))
		if err := s.ended(); !errors.Is(err, ErrEnded) {
			t.Errorf("ended with %v", err)
		}
		if !reflect.DeepEqual(s.got, stanzas) {
			t.Errorf("got %q", s.got)
		}
	}
	for i := range len(all) + 1 {
		run(t, all[:i], all[i:])
		if t.Failed() {
			t.Fatalf("cut at %d", i)
		}
	}
	run(t, strings.Split(all, "")...) // one by one, characters whole
	var bytes []string
	for i := range len(all) {
		bytes = append(bytes, all[i:i+1]) // and cut
	}
	run(t, bytes...)
}

// A server that falls silent doesn't hold Dial: the context does end it.
func TestDialHung(t *testing.T) {
	for name, says := range map[string]string{"silent": "", "after the header": theirHeader, "within the answer": theirHeader + "<hand"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg, wait := scripted(t, func(p *peer) {
					p.expect(ourHeader)
					p.send(says)
					p.rest() // until Dial hangs up
				})
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				began := time.Now()
				l, err := Dial(ctx, cfg)
				if l != nil || !errors.Is(err, context.DeadlineExceeded) {
					t.Fatalf("got %v, %v", l, err)
				}
				if d := time.Since(began); d != 5*time.Second {
					t.Errorf("took %v", d)
				}
				wait()
			})
		})
	}
}

// The same on a socket, where a deadline that is set and cleared at once would go unnoticed by the read.
func TestDialHungSocket(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cfg := config()
	cfg.Address = listen(t, "tcp", "127.0.0.1:0", plain, func(p *peer) {
		p.expect(ourHeader)
		cancel()
		p.rest() // until Dial hangs up
	})
	if l, err := Dial(ctx, cfg); l != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v", l, err)
	}
	// Nor can mellium set deadlines on the connection: it would do so also after it has returned.
	n := &negotiation{} // without a connection: passing one on would be a panic
	for _, set := range []func(time.Time) error{n.SetDeadline, n.SetReadDeadline, n.SetWriteDeadline} {
		if err := set(time.Now()); err != nil {
			t.Error(err)
		}
	}
}

// After a success the context of Dial has no hold on the link, whatever mellium's goroutine does.
func TestDialContextEndsAfterwards(t *testing.T) {
	for range 200 {
		cfg, wait := scripted(t, func(p *peer) {
			p.accept()
			p.send("<presence from='a@x' to='v1.example.org'/>")
			p.rest()
		})
		ctx, cancel := context.WithCancel(t.Context())
		l, err := Dial(ctx, cfg)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		s := serve(t, l)
		s.wait(1)
		l.Close(canceled())
		if err := s.ended(); err != ErrClosed {
			t.Fatal(err)
		}
		wait()
	}
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestDialRefusedConnection(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	cfg := config()
	cfg.Address = ln.Addr().String()
	_, err = Dial(t.Context(), cfg)
	if !errors.Is(err, syscall.ECONNREFUSED) || !strings.Contains(err.Error(), cfg.Address) {
		t.Errorf("got %v", err)
	}
	cfg.Domain = "not a domain"
	if _, err = Dial(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "not a domain") {
		t.Errorf("got %v", err)
	}
}

// listen accepts one connection and plays script on it.
func listen(t *testing.T, network, address string, wrap func(net.Conn) net.Conn, script func(p *peer)) string {
	t.Helper()
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // ends with the script or the listener
		defer close(done)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		script(newPeer(t, wrap(c)))
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return ln.Addr().String()
}

func plain(c net.Conn) net.Conn { return c }

func TestDialTransports(t *testing.T) {
	cert, roots := selfSigned(t, "xmpp.example.org")
	server := func(c net.Conn) net.Conn {
		return tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}})
	}
	for _, tc := range []struct {
		name   string
		listen string
		wrap   func(net.Conn) net.Conn
		tls    *tls.Config
		err    string
	}{
		{name: "TCP", listen: "tcp", wrap: plain},
		{name: "unix", listen: "unix", wrap: plain},
		{name: "TLS", listen: "tcp", wrap: server, tls: &tls.Config{RootCAs: roots, ServerName: "xmpp.example.org"}},
		{name: "TLS over unix", listen: "unix", wrap: server, tls: &tls.Config{RootCAs: roots, ServerName: "xmpp.example.org"}},
		{name: "wrong name", listen: "tcp", wrap: server, tls: &tls.Config{RootCAs: roots, ServerName: "evil.example.org"}, err: "evil.example.org"},
		{name: "the address is the name", listen: "tcp", wrap: server, tls: &tls.Config{RootCAs: roots}, err: "127.0.0.1"},
		{name: "unknown CA", listen: "tcp", wrap: server, tls: &tls.Config{ServerName: "xmpp.example.org"}, err: "unknown authority"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			address, prefix := "127.0.0.1:0", ""
			if tc.listen == "unix" {
				address, prefix = filepath.Join(t.TempDir(), "s"), "unix:"
			}
			cfg := config()
			cfg.TLS = tc.tls
			early := make(chan string, 1)
			cfg.Address = prefix + listen(t, tc.listen, address, tc.wrap, func(p *peer) {
				if tc.err != "" {
					early <- p.rest()
					return
				}
				p.accept()
				p.send("<presence from='a@x' to='v1.example.org'/>")
				p.expect("<message to='a@x'/>" + endTag)
				p.send(endTag)
			})
			l, err := Dial(t.Context(), cfg)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("got %v", err)
				}
				if said := <-early; said != "" {
					t.Errorf("we said %q to a server that is not ours", said)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			s := serve(t, l)
			s.wait(1)
			if err := l.WriteRaw(noWait, []byte("<message to='a@x'/>")); err != nil {
				t.Fatal(err)
			}
			if err := l.Close(t.Context()); err != nil {
				t.Errorf("close: %v", err)
			}
			if err := s.ended(); err != ErrClosed {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

// A server that has refused us and closed: what it said is the reason, not that our handshake could not be written.
func TestDialRefusalBeforeWrite(t *testing.T) {
	cfg := config()
	cfg.Dial = func(context.Context, string, string) (net.Conn, error) {
		said := theirHeader + "<stream:error><host-unknown xmlns='" + xmpp.NSStreamErrors + "'/></stream:error>"
		return &gone{Reader: strings.NewReader(said)}, nil
	}
	if _, err := Dial(t.Context(), cfg); condition(err) != "host-unknown" {
		t.Errorf("got %v", err)
	}
	cfg.Dial = func(context.Context, string, string) (net.Conn, error) {
		return &gone{Reader: strings.NewReader("")}, nil
	}
	if _, err := Dial(t.Context(), cfg); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("got %v", err)
	}
}

// gone is a connection whose other end has closed: it can be read but not written.
type gone struct {
	io.Reader
	net.Conn
}

func (g *gone) Read(p []byte) (int, error)    { return g.Reader.Read(p) }
func (g *gone) Write(p []byte) (int, error)   { return 0, syscall.EPIPE }
func (g *gone) Close() error                  { return nil }
func (g *gone) SetDeadline(t time.Time) error { return nil }
