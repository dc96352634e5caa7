package xmpptest_test

import (
	"bufio"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"usher/xmpp/xmpptest"
)

var starters = map[string]func(testing.TB, xmpptest.ServerOptions) *xmpptest.Server{
	"prosody":  xmpptest.RunProsody,
	"ejabberd": xmpptest.RunEjabberd,
}

// A component logs in by XEP-0114 and the MUC service answers it; after a
// kill and a start on the same ports it does so again.
func TestServerComponent(t *testing.T) {
	for name, start := range starters {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, xmpptest.ServerOptions{Components: []xmpptest.Component{{Domain: "a.localhost", Secret: "s1"}, {Domain: "b.localhost", Secret: "s2"}}})
			addr := s.ComponentAddr()
			ping(t, addr, "a.localhost", "s1", s.Rooms())
			ping(t, addr, "b.localhost", "s2", s.Rooms())
			if got := handshake(t, addr, "a.localhost", "wrong"); !strings.Contains(got, "not-authorized") {
				t.Errorf("wrong secret answered with %q", got)
			}

			s.Kill()
			if c, err := net.Dial("tcp", addr); err == nil {
				c.Close()
				t.Fatal("the port still accepts after Kill")
			}
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
			if s.ComponentAddr() != addr {
				t.Fatalf("address changed from %s to %s", addr, s.ComponentAddr())
			}
			ping(t, addr, "a.localhost", "s1", s.Rooms())
		})
	}
}

// The server's own front answers on both transports for the anonymous host.
func TestServerFront(t *testing.T) {
	for name, start := range starters {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, xmpptest.ServerOptions{Front: "anon.localhost"})
			const body = `<body xmlns='http://jabber.org/protocol/httpbind' to='anon.localhost' rid='1573741820' wait='5' hold='1' ver='1.6' xmpp:version='1.0' xml:lang='en' xmlns:xmpp='urn:xmpp:xbosh'/>`
			res, err := http.Post(s.BOSHURL(), "text/xml; charset=utf-8", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(b), "<mechanism>ANONYMOUS</mechanism>") {
				t.Errorf("no ANONYMOUS offered: %s", b)
			}
		})
	}
}

func TestServerMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if s, err := xmpptest.StartProsody(xmpptest.ServerOptions{}); err == nil {
		s.Close()
		t.Error("Prosody started without a program")
	}
	if s, err := xmpptest.StartEjabberd(xmpptest.ServerOptions{}); err == nil {
		s.Close()
		t.Error("ejabberd started without a program")
	}
}

var streamID = regexp.MustCompile(`<stream:stream[^>]* id=['"]([^'"]*)['"]`)

func connect(t *testing.T, addr, domain, secret string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(30 * time.Second))
	in := bufio.NewReader(c)
	fmt.Fprintf(c, "<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='%s'>", domain)
	head := readUntil(t, in, func(got string) bool { return streamID.MatchString(got) })
	sum := sha1.Sum([]byte(streamID.FindStringSubmatch(head)[1] + secret)) // XEP-0114 §3
	fmt.Fprintf(c, "<handshake>%s</handshake>", hex.EncodeToString(sum[:]))
	return c, in
}

func handshake(t *testing.T, addr, domain, secret string) string {
	t.Helper()
	_, in := connect(t, addr, domain, secret)
	return readUntil(t, in, func(got string) bool {
		return strings.Contains(got, "<handshake/>") || strings.Contains(got, "</stream:error>")
	})
}

func ping(t *testing.T, addr, domain, secret, to string) {
	t.Helper()
	c, in := connect(t, addr, domain, secret)
	readUntil(t, in, func(got string) bool { return strings.Contains(got, "<handshake/>") })
	fmt.Fprintf(c, "<iq type='get' id='p1' from='x@%s/r' to='%s'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>", domain, to)
	got := readUntil(t, in, func(got string) bool { return strings.Contains(got, "</iq>") })
	if !strings.Contains(got, "http://jabber.org/protocol/muc") {
		t.Errorf("%s: the MUC service answered %s", domain, got)
	}
}

func readUntil(t *testing.T, in *bufio.Reader, ok func(string) bool) string {
	t.Helper()
	var got strings.Builder
	for !ok(got.String()) {
		b, err := in.ReadByte()
		if err != nil {
			t.Fatalf("after %q: %v", got.String(), err)
		}
		got.WriteByte(b)
	}
	return got.String()
}
