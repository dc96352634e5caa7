package notify

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// office is a mail server for tests: it takes what it is told to and remembers it. One script serves all connections.
type office struct {
	t       *testing.T
	cert    *tls.Config // nil: no TLS
	direct  bool
	auth    string            // what AUTH offers; empty: none
	answers map[string]string // to a line with this beginning, in place of the usual answer

	mu    sync.Mutex
	lines []string // what was said to it, mails aside
	mails []string
	taken chan struct{} // if there is one: a mail was
}

// open listens; it is closed with the test.
func (o *office) open() string {
	o.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		o.t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Add(1)
	go func() { // ends when the test closes the listener
		defer serving.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Add(1)
			go func() { // ends with its connection, which the client closes
				defer serving.Done()
				o.serve(c)
			}()
		}
	}()
	o.t.Cleanup(func() { l.Close(); serving.Wait() })
	return l.Addr().String()
}

func (o *office) serve(c net.Conn) {
	defer func() { c.Close() }()
	if o.direct {
		c = tls.Server(c, o.cert)
	}
	r := bufio.NewReader(c)
	say := func(s string) { fmt.Fprintf(c, "%s\r\n", s) }
	say("220 office")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		o.mu.Lock()
		o.lines = append(o.lines, line)
		o.mu.Unlock()
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		answer := ""
		for start, a := range o.answers {
			if strings.HasPrefix(strings.ToUpper(line), strings.ToUpper(start)) {
				answer = a
			}
		}
		switch {
		case answer != "":
			say(answer)
		case verb == "EHLO":
			_, encrypted := c.(*tls.Conn)
			say("250-office")
			if o.cert != nil && !encrypted {
				say("250-STARTTLS")
			}
			if o.auth != "" {
				say("250-AUTH " + o.auth)
			}
			say("250 8BITMIME")
		case verb == "STARTTLS":
			say("220 go on")
			c = tls.Server(c, o.cert)
			r = bufio.NewReader(c)
		case verb == "AUTH":
			say("235 welcome")
		case verb == "DATA":
			say("354 speak")
			if !o.take(r) {
				return
			}
			if answer := o.answers["."]; answer != "" {
				say(answer)
			} else {
				say("250 taken")
			}
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 fine")
		}
	}
}

func (o *office) take(r *bufio.Reader) bool {
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		b.WriteString(strings.TrimPrefix(line, ".")) // RFC 5321 §4.5.2
	}
	o.mu.Lock()
	o.mails = append(o.mails, b.String())
	o.mu.Unlock()
	if o.taken != nil {
		o.taken <- struct{}{}
	}
	return true
}

func (o *office) heard() (lines, mails []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lines, o.mails
}

// testCert is a server's and a client's side of a certificate for 127.0.0.1 and example.com.
func testCert(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	return &tls.Config{Certificates: s.TLS.Certificates}, s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
}

func deliver(s SMTP, l letter) error {
	to := make([]string, len(l.to))
	for i := range l.to {
		to[i] = l.to[i].Address
	}
	return s.send(context.Background(), new(net.Dialer).DialContext, l.from.Address, to, l.write())
}

func TestMailIsHandedOver(t *testing.T) {
	server, client := testCert(t)
	for _, c := range []struct {
		name string
		o    *office
		s    SMTP
		want string
	}{
		{"none", &office{}, SMTP{TLS: "none"}, "EHLO localhost|MAIL FROM:<desk@shop.example> BODY=8BITMIME|RCPT TO:<ann@example.com>|RCPT TO:<bob@example.com>|DATA|QUIT"},
		{"starttls", &office{cert: server}, SMTP{TLS: "starttls", Roots: client},
			"EHLO localhost|STARTTLS|EHLO localhost|MAIL FROM:<desk@shop.example> BODY=8BITMIME|RCPT TO:<ann@example.com>|RCPT TO:<bob@example.com>|DATA|QUIT"},
		{"direct", &office{cert: server, direct: true}, SMTP{TLS: "direct", Roots: client},
			"EHLO localhost|MAIL FROM:<desk@shop.example> BODY=8BITMIME|RCPT TO:<ann@example.com>|RCPT TO:<bob@example.com>|DATA|QUIT"},
		{"login", &office{cert: server, auth: "LOGIN PLAIN"}, SMTP{TLS: "starttls", Roots: client, User: "u", Password: "p"},
			"EHLO localhost|STARTTLS|EHLO localhost|AUTH PLAIN AHUAcA==|MAIL FROM:<desk@shop.example> BODY=8BITMIME|RCPT TO:<ann@example.com>|RCPT TO:<bob@example.com>|DATA|QUIT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.t = t
			c.s.Address = c.o.open()
			l := letterTo("ann@example.com", "bob@example.com")
			l.body = "one\n.\n..two\n"
			if err := deliver(c.s, l); err != nil {
				t.Fatal(err)
			}
			lines, mails := c.o.heard()
			if got := strings.Join(lines, "|"); got != c.want {
				t.Errorf("said %s\nwant %s", got, c.want)
			}
			if len(mails) != 1 {
				t.Fatalf("%d mails", len(mails))
			}
			if _, _, body := read(t, []byte(mails[0])); body != "one\r\n.\r\n..two\r\n" {
				t.Errorf("body %q", body)
			}
		})
	}
}

func TestMailFails(t *testing.T) {
	server, client := testCert(t)
	for _, c := range []struct {
		name    string
		o       *office
		s       SMTP
		to      []string
		lasting bool
		mails   int
		never   string // said
	}{
		{"no STARTTLS offered", &office{auth: "PLAIN"}, SMTP{TLS: "starttls", User: "u", Password: "p"}, nil, false, 0, "AUTH"},
		{"a stranger's certificate", &office{cert: server}, SMTP{TLS: "starttls"}, nil, false, 0, "MAIL"},
		{"wrong password", &office{cert: server, auth: "PLAIN", answers: map[string]string{"AUTH": "535 no"}}, SMTP{TLS: "starttls", Roots: client, User: "u", Password: "p"}, nil, false, 0, "MAIL"},
		{"busy", &office{answers: map[string]string{"MAIL": "451 later"}}, SMTP{TLS: "none"}, nil, false, 0, "DATA"},
		{"greylisted", &office{answers: map[string]string{"RCPT": "450 later"}}, SMTP{TLS: "none"}, nil, false, 0, "DATA"},
		{"nobody of that name", &office{answers: map[string]string{"RCPT": "550 who?"}}, SMTP{TLS: "none"}, nil, true, 0, "DATA"},
		{"one of two is unknown", &office{answers: map[string]string{"RCPT TO:<bob": "550 who?"}}, SMTP{TLS: "none"}, []string{"ann@example.com", "bob@example.com"}, true, 1, "STARTTLS"},
		{"refused for what it says", &office{answers: map[string]string{".": "554 spam"}}, SMTP{TLS: "none"}, nil, true, 1, "STARTTLS"},
		{"no room now", &office{answers: map[string]string{".": "452 full"}}, SMTP{TLS: "none"}, nil, false, 1, "STARTTLS"},
		{"a line end in an address", &office{}, SMTP{TLS: "none"}, []string{"ann@example.com>\r\nRCPT TO:<eve@example.com"}, false, 0, "RCPT TO:<eve"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.t = t
			c.s.Address = c.o.open()
			if c.to == nil {
				c.to = []string{"ann@example.com"}
			}
			err := deliver(c.s, letterTo(c.to...))
			var refused *refusedError
			if err == nil || errors.As(err, &refused) != c.lasting {
				t.Errorf("%v, want one that lasts: %v", err, c.lasting)
			}
			lines, mails := c.o.heard()
			if len(mails) != c.mails {
				t.Errorf("%d mails", len(mails))
			}
			for _, l := range lines {
				if strings.HasPrefix(l, c.never) {
					t.Errorf("said %q", l)
				}
			}
		})
	}
}

// A server that says nothing is left when the sender is told to stop.
func TestMailStops(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	ctx, cancel := context.WithCancel(context.Background())
	s := SMTP{Address: "mail.example:25", TLS: "none"}
	done := make(chan error)
	go func() { // ends when send does
		done <- s.send(ctx, func(context.Context, string, string) (net.Conn, error) { return here, nil }, "a@b", []string{"c@d"}, nil)
	}()
	fmt.Fprint(there, "220 ") // it waits for the rest
	cancel()
	if err := <-done; err == nil {
		t.Error("no error")
	}
}
