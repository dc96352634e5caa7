package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"usher/upstream"
	"usher/xmpp"
	"usher/xmpp/xmpptest"
)

var servers = map[string]func(testing.TB, xmpptest.ServerOptions) *xmpptest.Server{
	"prosody":  xmpptest.RunProsody,
	"ejabberd": xmpptest.RunEjabberd,
}

// stanzas is a receiver that hands on what it gets.
type stanzas chan string

func (s stanzas) Stanza(_ *upstream.Link, e *xmpp.Element) { s <- string(e.Raw) }
func (s stanzas) Flush(*upstream.Link)                     {}

// link dials and serves until the test ends or it is closed.
func link(t *testing.T, s *xmpptest.Server, domain string, ping time.Duration) (*upstream.Link, stanzas, chan error) {
	t.Helper()
	l, err := upstream.Dial(t.Context(), config(s, domain, "s3cret", ping))
	if err != nil {
		t.Fatal(err)
	}
	in, why := make(stanzas, 1000), make(chan error, 1)
	go func() { why <- l.Serve(context.Background(), in) }() // ended by Close
	t.Cleanup(func() { l.Close(context.Background()) })
	return l, in, why
}

func config(s *xmpptest.Server, domain, secret string, ping time.Duration) upstream.Config {
	return upstream.Config{Domain: domain, Secret: secret, Address: s.ComponentAddr(), Ping: ping, Limits: xmpp.Limits{Bytes: 1 << 20}}
}

func TestRealServers(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			extra := ""
			if name == "prosody" { // the listed ones resolve conflicts by kick_old
				extra = "Component 'strict.localhost'\n component_secret = 's3cret'"
			}
			s := start(t, xmpptest.ServerOptions{Extra: extra, Components: []xmpptest.Component{{Domain: "v1.localhost", Secret: "s3cret"}, {Domain: "v2.localhost", Secret: "s3cret"}}})
			t.Run("refusals", func(t *testing.T) { refusals(t, s) })
			t.Run("self-ping", func(t *testing.T) { selfPing(t, s) })
			t.Run("between components", func(t *testing.T) { between(t, s) })
			t.Run("second link", func(t *testing.T) { second(t, s) })
			t.Run("kill", func(t *testing.T) { kill(t, s) })
		})
	}
}

func refusals(t *testing.T, s *xmpptest.Server) {
	unknown := "host-unknown"
	if s.Name() == "ejabberd" {
		unknown = "conflict" // its word for a name that it serves itself
	}
	for _, tc := range []struct{ name, domain, secret, condition string }{
		{"wrong secret", "v1.localhost", "wrong", "not-authorized"},
		{"no component's name", "localhost", "s3cret", unknown},
	} {
		_, err := upstream.Dial(t.Context(), config(s, tc.domain, tc.secret, 0))
		var se *xmpp.StreamError
		if !errors.As(err, &se) || se.Condition != tc.condition {
			t.Errorf("%s: got %v, want %s", tc.name, err, tc.condition)
		}
	}
}

func selfPing(t *testing.T, s *xmpptest.Server) {
	l, in, why := link(t, s, "v1.localhost", 250*time.Millisecond)
	deadline := time.After(30 * time.Second)
	first := l.LastRead()
	for l.RTT() == 0 || !l.LastRead().After(first.Add(time.Second)) { // several pings have come back
		select {
		case err := <-why:
			t.Fatalf("the link ended: %v", err)
		case <-deadline:
			t.Fatalf("no pings came back: last read %v", l.LastRead())
		case e := <-in:
			t.Fatalf("the receiver got %s", e)
		case <-time.After(20 * time.Millisecond):
		}
	}
	if err := l.Close(t.Context()); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := <-why; err != upstream.ErrClosed {
		t.Errorf("ended with %v", err)
	}
}

func between(t *testing.T, s *xmpptest.Server) {
	v1, _, _ := link(t, s, "v1.localhost", 0)
	_, in2, _ := link(t, s, "v2.localhost", 0)
	scan := xmpp.NewScanner(xmpp.Limits{})
	for i := range 500 {
		e, err := scan.One(fmt.Appendf(nil, `<message xmlns="jabber:client" type="chat" id="m%d"><body xmlns="jabber:client">ä😀 &lt;%d&gt;</body></message>`, i, i))
		if err != nil {
			t.Fatal(err)
		}
		if err := v1.Write(t.Context(), e, &xmpp.Header{To: []byte("bob@v2.localhost/r"), From: []byte("alice@v1.localhost/r"), Type: e.Type, ID: e.ID}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 500 {
		got, err := scan.One([]byte(strings.Replace(<-in2, "<message", "<message xmlns='jabber:component:accept'", 1)))
		if err != nil {
			t.Fatal(err)
		}
		if string(got.ID) != fmt.Sprintf("m%d", i) || string(got.To) != "bob@v2.localhost/r" || string(got.From) != "alice@v1.localhost/r" ||
			!strings.Contains(string(got.Inner), fmt.Sprintf("ä😀 &lt;%d&gt;", i)) && !strings.Contains(string(got.Inner), fmt.Sprintf("ä😀 &lt;%d>", i)) {
			t.Fatalf("stanza %d arrived as %s", i, got.Raw)
		}
	}
}

// A second link of one name: Prosody ends the first if it is told to, else refuses the second and
// the first lives on; ejabberd takes both.
func second(t *testing.T, s *xmpptest.Server) {
	if s.Name() == "ejabberd" {
		link(t, s, "v1.localhost", 0)
		link(t, s, "v1.localhost", 0)
		return
	}
	var se *xmpp.StreamError
	_, _, why := link(t, s, "v1.localhost", 0)
	l, in, _ := link(t, s, "v1.localhost", 0)
	if err := <-why; !errors.As(err, &se) || se.Condition != "conflict" {
		t.Errorf("the replaced link ended with %v", err)
	}
	works(t, l, in)

	l, in, _ = link(t, s, "strict.localhost", 0)
	if _, err := upstream.Dial(t.Context(), config(s, "strict.localhost", "s3cret", 0)); !errors.As(err, &se) || se.Condition != "conflict" {
		t.Errorf("the refused link: %v", err)
	}
	works(t, l, in)
}

// works sends a stanza through the server and back.
func works(t *testing.T, l *upstream.Link, in stanzas) {
	t.Helper()
	if err := l.WriteRaw(noWait, []byte("<message from='a@"+l.Domain()+"' to='b@"+l.Domain()+"' id='still'/>")); err != nil {
		t.Fatal(err)
	}
	if got := <-in; !strings.Contains(got, "still") {
		t.Errorf("got %s", got)
	}
}

// The server dies while a link is busy: the link ends with a reason, all who write are told.
func kill(t *testing.T, s *xmpptest.Server) {
	l, _, why := link(t, s, "v1.localhost", 0)
	writer := make(chan error, 1)
	go func() { // ended by the link's end
		for {
			if err := l.WriteRaw(t.Context(), []byte("<message from='a@v1.localhost' to='nobody@v2.localhost'/>")); err != nil {
				writer <- err
				return
			}
		}
	}()
	s.Kill()
	if err := <-why; !errors.Is(err, upstream.ErrLost) {
		t.Errorf("ended with %v", err)
	}
	if err := <-writer; err != upstream.ErrClosed {
		t.Errorf("the writer got %v", err)
	}
}
