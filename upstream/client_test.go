package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"usher/xmpp"
)

// host is a scripted server for one client: each step waits for the end of what it expects and answers.
type host struct {
	ln   net.Listener
	conn chan net.Conn // as the script has left it
	done chan error
}

const (
	header   = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='s1' from='acc.example' version='1.0'>"
	plainly  = "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms></stream:features>"
	starttls = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
	proceed  = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
)

// step waits for until and says say; secure: then TLS begins.
type step struct {
	until, say string
	secure     *tls.Config
}

func newHost(t *testing.T, steps ...step) *host {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &host{ln: ln, conn: make(chan net.Conn, 1), done: make(chan error, 1)}
	go func() { h.done <- h.run(steps) }() // ends with the script, or the connection
	t.Cleanup(func() { ln.Close() })
	return h
}

func (h *host) run(steps []step) error {
	c, err := h.ln.Accept()
	if err != nil {
		return err
	}
	defer func() { h.conn <- c }()
	for _, s := range steps {
		if s.until == "" && s.secure != nil { // TLS from the first byte
			c = tls.Server(c, s.secure)
			continue
		}
		if err := await(c, s.until); err != nil {
			return err
		}
		if _, err := io.WriteString(c, s.say); err != nil {
			return err
		}
		if s.secure != nil {
			c = tls.Server(c, s.secure)
		}
	}
	return nil
}

// await reads byte by byte, so nothing that follows is lost.
func await(r io.Reader, until string) error {
	var got strings.Builder
	for b := make([]byte, 1); !strings.HasSuffix(got.String(), until); got.Write(b) {
		if _, err := r.Read(b); err != nil {
			return fmt.Errorf("waiting for %s: %w, got %s", until, err, got.String())
		}
	}
	return nil
}

func dialHost(t *testing.T, h *host, cfg ClientConfig) (*Client, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	cfg.Domain, cfg.Address = "acc.example", h.ln.Addr().String()
	return DialClient(ctx, cfg)
}

// TLS is what was asked for, or nothing: names and authorities are checked, a server that offers none, or lets somebody say something
// before it, isn't spoken to.
func TestClientTLS(t *testing.T) {
	cert, roots := selfSigned(t, "acc.example")
	foreign, _ := selfSigned(t, "acc.example")
	other, otherRoots := selfSigned(t, "other.example")
	serve := func(c tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{c}} }
	upgrade := func(c tls.Certificate) []step {
		return []step{{"version='1.0' to='acc.example'>", header + starttls, nil}, {"xmpp-tls'/>", proceed, serve(c)}, {"'>", header + plainly, nil}}
	}
	direct := func(c tls.Certificate) []step { return []step{{secure: serve(c)}, {"'>", header + plainly, nil}} }
	trust := &tls.Config{RootCAs: roots}
	for name, tc := range map[string]struct {
		steps    []step
		tls      *tls.Config
		starttls bool
		want     string // of the error
	}{
		"starttls":                {upgrade(cert), trust, true, ""},
		"starttls, unknown CA":    {upgrade(foreign), trust, true, "unknown authority"},
		"starttls, wrong name":    {upgrade(other), &tls.Config{RootCAs: otherRoots}, true, "valid for other.example, not acc.example"},
		"starttls, other name":    {upgrade(other), &tls.Config{RootCAs: otherRoots, ServerName: "other.example"}, true, ""},
		"direct":                  {direct(cert), trust, false, ""},
		"direct, unknown CA":      {direct(foreign), trust, false, "unknown authority"},
		"direct, wrong name":      {direct(other), &tls.Config{RootCAs: otherRoots}, false, "not acc.example"},
		"none":                    {[]step{{"'>", header + plainly, nil}}, nil, false, ""},
		"downgrade: not offered":  {[]step{{"'>", header + plainly, nil}}, trust, true, "offers no TLS"},
		"downgrade: refused":      {[]step{{"'>", header + starttls, nil}, {"xmpp-tls'/>", "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", nil}}, trust, true, "offers no TLS"},
		"injection before TLS":    {[]step{{"'>", header + starttls, nil}, {"xmpp-tls'/>", proceed + "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", nil}}, trust, true, "follows <proceed/>"},
		"no features":             {[]step{{"'>", header + "<message/>", nil}}, nil, false, "before its features"},
		"a component's stream":    {[]step{{"'>", strings.Replace(header, "jabber:client", "jabber:component:accept", 1), nil}}, nil, false, "not jabber:client"},
		"no stream":               {[]step{{"'>", "<html>", nil}}, nil, false, "header is none"},
		"refused":                 {[]step{{"'>", header + "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>", nil}}, nil, false, "host-unknown"},
		"too much before login":   {[]step{{"'>", header + "<stream:features><x xmlns='urn:x'>" + strings.Repeat("x", handshakeLimit), nil}}, nil, false, "too large"},
		"the server ends at once": {[]step{{"'>", header + "</stream:stream>", nil}}, nil, false, "closed the stream"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, tc.steps...)
			c, err := dialHost(t, h, ClientConfig{TLS: tc.tls, StartTLS: tc.starttls})
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Fatalf("error %v, want %q", err, tc.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close(false)
			if c.ID() != "s1" || !strings.Contains(string(c.Features()), "PLAIN") || c.Encrypted() != (tc.tls != nil) || !c.Local() {
				t.Errorf("id %q, features %s, encrypted %v, local %v", c.ID(), c.Features(), c.Encrypted(), c.Local())
			}
		})
	}
}

// told takes what the server says.
type told struct {
	got  chan string
	fail error
}

func (r told) Element(e *xmpp.Element) error { r.got <- string(e.Raw); return r.fail }
func (r told) Flush()                        {}

const success = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"

// A stream is opened anew after its login; larger elements come through then; the PROXY header goes before all.
func TestClientRestart(t *testing.T) {
	long := "<message><body>" + strings.Repeat("x", 2*handshakeLimit) + "</body></message>"
	h := newHost(t, step{"PROXY to 127.0.0.1\r\n", "", nil}, step{"to='acc.example'>", header + plainly, nil}, step{"<auth/>", success, nil},
		step{"to='acc.example' xml:lang='de'>", strings.Replace(header, "s1", "s2", 1) + "<stream:features/>" + long, nil}, step{"</stream:stream>", "</stream:stream>", nil})
	c, err := dialHost(t, h, ClientConfig{Hello: func(a net.Addr) []byte { return []byte("PROXY to " + a.(*net.TCPAddr).IP.String() + "\r\n") }, Limits: xmpp.Limits{Bytes: 1 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	r := told{got: make(chan string, 8)}
	ended := make(chan error, 1)
	go func() { ended <- c.Serve(r) }() // ends by Close
	if err := c.Write([]byte("<auth/>")); err != nil {
		t.Fatal(err)
	}
	if got := <-r.got; got != success {
		t.Fatal(got)
	}
	if err := c.Restart("de"); err != nil {
		t.Fatal(err)
	}
	if got := <-r.got; got != "<stream:features/>" {
		t.Fatal(got)
	}
	if got := <-r.got; got != long {
		t.Fatalf("%d bytes, want %d", len(got), len(long))
	}
	c.Close(true)
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := <-h.done; err != nil { // it has seen the end of the stream
		t.Error(err)
	}
	if err := c.Write([]byte("<x/>")); !errors.Is(err, ErrClosed) {
		t.Errorf("a write after the end: %v", err)
	}
}

// How a stream may end, and what the server is told: an end of the stream, or nothing where its client may come back.
func TestClientEndings(t *testing.T) {
	for name, tc := range map[string]struct {
		says  string
		do    func(c *Client)
		fail  error
		want  error
		hears string
	}{
		"cut":               {"", func(c *Client) { c.Close(false) }, nil, ErrClosed, ""},
		"closed":            {"", func(c *Client) { c.Close(true) }, nil, ErrClosed, "</stream:stream>"},
		"closed, then cut":  {"", func(c *Client) { c.Close(true); c.Close(false) }, nil, ErrClosed, "</stream:stream>"},
		"the server's end":  {"</stream:stream>", nil, nil, ErrEnded, "</stream:stream>"},
		"the receiver ends": {"<x xmlns='urn:x'/>", nil, io.ErrShortBuffer, io.ErrShortBuffer, "</stream:stream>"},
		"lost":              {"EOF", nil, nil, ErrLost, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, step{"'>", header + plainly, nil})
			c, err := dialHost(t, h, ClientConfig{})
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- c.Serve(told{got: make(chan string, 8), fail: tc.fail}) }() // ends by what is tried here
			server := <-h.conn
			switch {
			case tc.do != nil:
				tc.do(c)
			case tc.says == "EOF":
				server.Close()
			default:
				io.WriteString(server, tc.says)
			}
			if tc.says != "EOF" {
				server.SetDeadline(time.Now().Add(10 * time.Second))
				heard, _ := bufio.NewReader(server).ReadString('>')
				if heard != tc.hears {
					t.Errorf("the server hears %q, want %q", heard, tc.hears)
				}
				server.Close()
			}
			if err := <-ended; !errors.Is(err, tc.want) {
				t.Errorf("ended by %v, want %v", err, tc.want)
			}
		})
	}
}

// A stream error is the server's word; a fault in its stream isn't.
func TestClientStreamError(t *testing.T) {
	for says, want := range map[string]string{
		"<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>Replaced</text></stream:error>": "conflict: Replaced",
		"<message><body></message>": "",
		"text":                      "",
	} {
		h := newHost(t, step{"'>", header + plainly + says, nil})
		c, err := dialHost(t, h, ClientConfig{})
		if err != nil {
			t.Fatal(err)
		}
		err = c.Serve(told{got: make(chan string, 8)})
		var se *xmpp.StreamError
		if errors.As(err, &se) != (want != "") || se != nil && se.Error() != want {
			t.Errorf("%s: %v, want %q", says, err, want)
		}
		(<-h.conn).Close()
	}
}
