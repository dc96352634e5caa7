package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"usher/archive"
)

// openArchive has one conversation with a transcript, and one message that was left.
func openArchive(t *testing.T) *archive.Archive {
	t.Helper()
	a, err := archive.Open(filepath.Join(t.TempDir(), "usher.db"), archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	asked := time.Now().Add(-10 * time.Minute).UTC().Truncate(time.Minute)
	line := func(seq int, kind, nick, role, body string) archive.Event {
		return archive.Event{Conversation: "01CHAT", Seq: seq, Time: asked.Add(time.Duration(seq) * time.Minute), Kind: kind, Nick: nick, Role: role, Body: body}
	}
	err = a.Write(archive.Batch{
		Conversations: []archive.Conversation{
			{ID: "01CHAT", Number: 17, Site: "shop", Workgroup: "support", State: "closed", Reason: "agent", Question: "Where is my order?", Asked: asked,
				Agents: []string{"alice@example"}, Rating: 4, Visitor: archive.Person{JID: "v@visitors.example", Name: "Maria", Email: "maria@example.org", Language: "de-AT"}},
			{ID: "01LEFT", Number: 18, Site: "shop", Workgroup: "support", State: "offline", Question: "Do you ship to Malta?\r\nBcc: eve@example.org", Asked: asked,
				Visitor: archive.Person{JID: "w@visitors.example", Name: "Eve\r\nBcc: eve@example.org", Email: "eve@example.org", Page: "/shipping", Verified: true}},
		},
		Events: []archive.Event{
			line(1, "join", "Maria", "visitor", ""),
			line(2, "message", "Maria", "visitor", "Hello\nthere"),
			line(3, "note", "alice", "agent", "a difficult one"),
			line(4, "message", "Alice", "agent", "Grüß Gott"),
			line(5, "message", "Alice", "agent", " !note he is rude"),
			line(6, "message", "Maria", "visitor", "!wow"),
			line(7, "leave", "Maria", "visitor", ""),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func tell(t *testing.T, a *archive.Archive, all ...archive.Notice) {
	t.Helper()
	for i := range all {
		if all[i].Time.IsZero() {
			all[i].Time = time.Now()
		}
		all[i].Workgroup = "support"
	}
	if err := a.Write(archive.Batch{Notices: all}); err != nil {
		t.Fatal(err)
	}
}

// runs runs a sender until the test is over.
func runs(t *testing.T, s *Sender) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { // ended by stop
		defer close(ended)
		s.Run(ctx)
	}()
	t.Cleanup(func() { stop(); <-ended })
}

// waiting is when the next notice is due; zero: the outbox is empty.
func waiting(t *testing.T, a *archive.Archive) time.Time {
	t.Helper()
	next, err := a.NextDue()
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// docs/interface.md, C: the call as a webhook gets it. It checks the signature as anybody would who has read that page.
func TestWebhookCall(t *testing.T) {
	a := openArchive(t)
	type got struct {
		header http.Header
		body   []byte
	}
	calls := make(chan got)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls <- got{r.Header, body}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer hook.Close()
	s := New(a, Config{Hooks: map[string]Hook{"shop": {URL: hook.URL, Secret: []byte("hush")}}})
	runs(t, s)
	at := time.Now().Add(-time.Minute)
	tell(t, a, archive.Notice{Site: "shop", Event: "closed", Conversation: "01CHAT", Time: at})
	s.Wake()
	c := <-calls

	var stamp, sum string
	for _, part := range strings.Split(c.header.Get("Usher-Signature"), ",") {
		switch name, value, _ := strings.Cut(part, "="); name {
		case "t":
			stamp = value
		case "v1":
			sum = value
		}
	}
	mac := hmac.New(sha256.New, []byte("hush"))
	mac.Write([]byte(stamp + "." + string(c.body)))
	if hex.EncodeToString(mac.Sum(nil)) != sum {
		t.Errorf("signature %q of %s", c.header.Get("Usher-Signature"), c.body)
	}
	if unix, err := strconv.ParseInt(stamp, 10, 64); err != nil || time.Since(time.Unix(unix, 0)).Abs() > time.Minute {
		t.Errorf("signed at %q", stamp)
	}
	if ct := c.header.Get("Content-Type"); ct != "application/json" {
		t.Errorf("content type %q", ct)
	}
	var body struct {
		Event, Site, Workgroup, Time string
		Conversation                 struct {
			ID      string
			Number  int
			Reason  string
			Visitor struct{ Name, Email string }
			Agents  []string
			Rating  struct{ Value int }
			Events  []struct{ Kind, Nick, Body string }
		}
	}
	if err := json.Unmarshal(c.body, &body); err != nil {
		t.Fatal(err)
	}
	want := "{closed shop support " + at.UTC().Format(time.RFC3339) + " {01CHAT 17 agent {Maria maria@example.org} [alice@example] {4} " +
		"[{join Maria } {message Maria Hello\nthere} {note alice a difficult one} {message Alice Grüß Gott} {message Alice  !note he is rude} {message Maria !wow} {leave Maria }]}}"
	if got := fmt.Sprint(body); got != want {
		t.Errorf("body\n%s\nwant\n%s", got, want)
	}
}

// pipes is a network of net.Pipe, so that the clock of a test may be its own.
type pipes struct {
	conns chan net.Conn
	addr  net.Addr
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), &net.TCPAddr{}} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	c, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p *pipes) Close() error   { return nil }
func (p *pipes) Addr() net.Addr { return p.addr }

// serve answers the calls until the test is over.
func (p *pipes) serve(t *testing.T, f http.HandlerFunc) {
	s := &http.Server{Handler: f, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	s.SetKeepAlivesEnabled(false)
	ended := make(chan struct{})
	go func() { // ended by closing conns
		defer close(ended)
		_ = s.Serve(p)
	}()
	t.Cleanup(func() { close(p.conns); <-ended; s.Close() })
}

// A webhook that fails is called again, at growing intervals, for a day, and then no more. A redirect is no success.
func TestWebhookIsCalledForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := openArchive(t)
		net := newPipes()
		start := time.Now()
		var calls []time.Duration
		net.serve(t, func(w http.ResponseWriter, r *http.Request) {
			calls = append(calls, time.Since(start))
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(map[bool]int{true: http.StatusFound, false: http.StatusInternalServerError}[len(calls)%2 == 0])
		})
		runs(t, New(a, Config{Dial: net.dial, Hooks: map[string]Hook{"shop": {URL: "http://hook.example/x"}}}))
		tell(t, a, archive.Notice{Site: "shop", Event: "closed", Conversation: "01CHAT"})
		time.Sleep(48 * time.Hour)
		synctest.Wait()
		if next := waiting(t, a); !next.IsZero() {
			t.Errorf("it is to be tried again at %v", next)
		}
		if n := len(calls); n < 24 || n > 40 {
			t.Fatalf("called %d times: %v", n, calls)
		}
		for i := 1; i < len(calls)-1; i++ {
			wait, usual := calls[i]-calls[i-1], min(firstWait<<min(i-1, 9), maxWait)
			if wait < usual*8/10 || wait > usual*12/10+lookAgain {
				t.Errorf("%v between call %d and the next, want about %v", wait, i, usual)
			}
		}
		if last := calls[len(calls)-1]; last < lifetime || last > lifetime+time.Minute+lookAgain {
			t.Errorf("the last call came after %v", last)
		}
	})
}

// A webhook that doesn't answer holds up neither another site's nor the rest of its own for longer than one call.
func TestWebhookThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := openArchive(t)
		net := newPipes()
		var shop, toys atomic.Int32
		var up atomic.Bool
		net.serve(t, func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Host == "toys.example":
				toys.Add(1)
			case up.Load():
				shop.Add(1)
			default:
				_, _ = io.ReadAll(r.Body) // or the server doesn't notice that the client leaves
				<-r.Context().Done()
			}
		})
		s := New(a, Config{Dial: net.dial, Hooks: map[string]Hook{"shop": {URL: "http://shop.example/"}, "toys": {URL: "http://toys.example/"}}})
		now := time.Now()
		for i := range 100 {
			tell(t, a, archive.Notice{Site: "shop", Event: "closed", Conversation: "01CHAT", Time: now.Add(time.Duration(i) * time.Microsecond)},
				archive.Notice{Site: "toys", Event: "closed", Conversation: "01CHAT", Time: now.Add(time.Duration(i) * time.Microsecond)})
		}
		runs(t, s)
		time.Sleep(5 * callTime)
		synctest.Wait()
		if shop.Load() != 0 || toys.Load() != 100 {
			t.Errorf("told %d and %d", shop.Load(), toys.Load())
		}
		up.Store(true)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if shop.Load() != 100 || toys.Load() != 100 {
			t.Errorf("told %d and %d", shop.Load(), toys.Load())
		}
		if next := waiting(t, a); !next.IsZero() {
			t.Error("something waits still")
		}
	})
}

// What is under way when the sender ends is told by the next one.
func TestSenderEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := openArchive(t)
		net := newPipes()
		calls := 0
		net.serve(t, func(w http.ResponseWriter, r *http.Request) {
			if calls++; calls == 1 {
				_, _ = io.ReadAll(r.Body) // or the server doesn't notice that the client leaves
				<-r.Context().Done()
			}
		})
		cfg := Config{Dial: net.dial, Hooks: map[string]Hook{"shop": {URL: "http://shop.example/"}}}
		tell(t, a, archive.Notice{Site: "shop", Event: "closed", Conversation: "01CHAT"})
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { // ended by stop
			defer close(ended)
			New(a, cfg).Run(ctx)
		}()
		synctest.Wait()
		stop()
		<-ended
		if calls != 1 || waiting(t, a).IsZero() {
			t.Fatalf("%d calls, waiting for %v", calls, waiting(t, a))
		}
		runs(t, New(a, cfg))
		synctest.Wait()
		if calls != 2 || !waiting(t, a).IsZero() {
			t.Errorf("%d calls, waiting for %v", calls, waiting(t, a))
		}
	})
}

// There is nobody to tell any more, or nothing: the notice goes, and nothing is sent.
func TestNoticesThatAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := openArchive(t)
		cfg := Config{Hooks: map[string]Hook{"shop": {URL: "http://shop.example/"}}, SMTP: SMTP{Address: "mail.example:25", TLS: "none", From: "desk@shop.example"},
			Dial: func(context.Context, string, string) (net.Conn, error) {
				t.Error("somebody was called")
				return nil, net.ErrClosed
			}}
		tell(t, a, archive.Notice{Site: "toys", Event: "closed", Conversation: "01CHAT"},
			archive.Notice{Site: "shop", Event: "closed", Conversation: "01ERASED"},
			archive.Notice{Site: "shop", Event: "offline", Conversation: "01ERASED", Mail: []string{"ann@example.com"}},
			archive.Notice{Site: "shop", Event: "offline", Conversation: "01LEFT", Mail: []string{"nobody\r\nRCPT TO:<eve@example.org>"}})
		runs(t, New(a, cfg))
		synctest.Wait()
		if next := waiting(t, a); !next.IsZero() {
			t.Errorf("something is to be sent at %v", next)
		}
	})
}

func TestMails(t *testing.T) {
	for _, c := range []struct {
		name    string
		notice  archive.Notice
		header  map[string]string
		subject string
		body    string
	}{
		{"a message that was left", archive.Notice{Event: "offline", Conversation: "01LEFT", Mail: []string{"ann@example.com", "bob@example.com"}},
			map[string]string{"From": `"The shop" <desk@shop.example>`, "To": "<ann@example.com>, <bob@example.com>", "Reply-To": "<eve@example.org>", "Bcc": "", "Content-Language": "en"},
			"shop: a message from Eve Bcc: eve@example.org",
			"Do you ship to Malta?\r\nBcc: eve@example.org\r\n\r\n-- \r\nName: Eve Bcc: eve@example.org (verified)\r\nMail: eve@example.org\r\nPage: /shipping\r\nNumber: 01LEFT\r\n"},
		{"a transcript", archive.Notice{Event: "transcript", Conversation: "01CHAT", Mail: []string{"maria@example.org"}},
			map[string]string{"To": "<maria@example.org>", "Reply-To": "", "Content-Language": "de-AT"},
			"Ihr Gespräch mit uns",
			"Das wurde in Ihrem Chat mit shop am DAY gesagt.\r\n\r\nT2  Maria: Hello\r\n        there\r\nT4  Alice: Grüß Gott\r\nT6  Maria: !wow\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := openArchive(t)
			o := &office{t: t, taken: make(chan struct{}, 1)}
			s := New(a, Config{SMTP: SMTP{Address: o.open(), TLS: "none", From: "The shop <desk@shop.example>"},
				Languages: map[string]string{"shop": "en"},
				Texts:     map[string]map[string]map[string]string{"shop": {"mail_transcript": {"de": "Ihr Gespräch mit uns"}}}})
			c.notice.Site = "shop"
			tell(t, a, c.notice)
			runs(t, s)
			<-o.taken
			_, mails := o.heard()
			h, subject, body := read(t, []byte(mails[0]))
			for name, want := range c.header {
				if got := h.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			conv, _, err := a.Get(c.notice.Conversation)
			if err != nil {
				t.Fatal(err)
			}
			at := func(m int) string { return conv.Asked.Add(time.Duration(m) * time.Minute).Format("15:04") }
			want := strings.NewReplacer("DAY", conv.Asked.Format("2006-01-02 15:04 UTC"), "T2", at(2), "T4", at(4), "T6", at(6)).Replace(c.body)
			if subject != c.subject || body != want {
				t.Errorf("subject %q, want %q\nbody\n%s\nwant\n%s", subject, c.subject, body, want)
			}
		})
	}
}

// An archive that can't be read is tried again in a while, not in a loop.
func TestOutboxThatCantBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := openArchive(t)
		var log lines
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		runs(t, New(a, Config{Log: slog.New(slog.NewTextHandler(&log, nil))}))
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		if n := log.n.Load(); n != 7 {
			t.Errorf("tried %d times in a minute, want 7", n)
		}
	})
}

// lines counts what is logged.
type lines struct{ n atomic.Int32 }

func (l *lines) Write(b []byte) (int, error) {
	l.n.Add(1)
	return len(b), nil
}
