package pool

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/upstream"
	"usher/xmpp"
)

// noWait makes a write fail at once instead of waiting for room.
var noWait context.Context

var errUnreachable = errors.New("no route to host")

// fleet is a set of servers at addresses, played in memory.
type fleet struct {
	t *testing.T

	mu     sync.Mutex
	answer map[string]string // by address: "" = accepts, "unreachable", "silent", else a stream error's condition
	dials  []string          // "address domain" in order
	times  []time.Time       // of the dials
	conns  map[string]net.Conn
	got    map[string]*strings.Builder // by domain: what came in behind the handshake
}

func newFleet(t *testing.T) *fleet {
	return &fleet{t: t, answer: map[string]string{}, conns: map[string]net.Conn{}, got: map[string]*strings.Builder{}}
}

func (f *fleet) set(address, answer string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer[address] = answer
}

// dial is upstream.Config.Dial for the link of a domain.
func (f *fleet) dial(domain string) func(context.Context, string, string) (net.Conn, error) {
	return func(_ context.Context, _, address string) (net.Conn, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.dials = append(f.dials, address+" "+domain)
		f.times = append(f.times, time.Now())
		if f.answer[address] == "unreachable" {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("port %d: %w", len(f.dials), errUnreachable)}
		}
		client, server := net.Pipe()
		go f.serve(domain, f.answer[address], server) // ends with the connection
		return client, nil
	}
}

func (f *fleet) serve(domain, answer string, c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	readTo := func(end string) {
		for line := ""; !strings.HasSuffix(line, end); {
			b, err := in.ReadByte()
			if err != nil {
				return
			}
			line += string(b)
		}
	}
	readTo("'" + domain + "'>")
	if answer == "silent" {
		io.Copy(io.Discard, in)
		return
	}
	io.WriteString(c, "<stream:stream xmlns='"+xmpp.NSComponent+"' xmlns:stream='"+xmpp.NSStream+"' from='"+domain+"' id='1'>")
	readTo("</handshake>")
	if answer != "" {
		io.WriteString(c, "<stream:error><"+answer+" xmlns='"+xmpp.NSStreamErrors+"'/></stream:error></stream:stream>")
		return
	}
	f.mu.Lock()
	f.conns[domain] = c
	got := f.got[domain]
	if got == nil {
		got = new(strings.Builder)
		f.got[domain] = got
	}
	f.mu.Unlock()
	io.WriteString(c, "<handshake/>")
	for {
		b, err := in.ReadByte()
		if err != nil {
			return
		}
		f.mu.Lock()
		got.WriteByte(b)
		end := strings.HasSuffix(got.String(), "</stream:stream>")
		f.mu.Unlock()
		if end {
			io.WriteString(c, "</stream:stream>")
			return
		}
	}
}

// cut breaks the connection of a domain.
func (f *fleet) cut(domain string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conns[domain].Close()
}

// say sends something down the link of a domain.
func (f *fleet) say(domain, what string) {
	f.mu.Lock()
	c := f.conns[domain]
	f.mu.Unlock()
	io.WriteString(c, what)
}

func (f *fleet) received(domain string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.got[domain] == nil {
		return ""
	}
	return f.got[domain].String()
}

// dialled returns the dials since the last call, and the times between them.
func (f *fleet) dialled() (dials []string, gaps []time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := 1; i < len(f.times); i++ {
		gaps = append(gaps, f.times[i].Sub(f.times[i-1]))
	}
	dials, f.dials, f.times = f.dials, nil, nil
	return dials, gaps
}

// journal is a pool's receiver and listener: one list of what happened, in order.
type journal struct {
	mu   sync.Mutex
	list []string
}

func (j *journal) add(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.list = append(j.list, fmt.Sprintf(format, args...))
}

func (j *journal) Stanza(l *upstream.Link, e *xmpp.Element) { j.add("%s stanza %s", l.Domain(), e.ID) }
func (j *journal) Flush(l *upstream.Link)                   {}

func (j *journal) changed(h *Home, up bool, err error) {
	if up {
		j.add("%s up %s", h.Domain(), h.Status().State)
		return
	}
	reason := "lost"
	switch {
	case !errors.Is(err, upstream.ErrLost):
		reason = err.Error()
	case h.SendRaw(noWait, nil) != ErrDown:
		reason = "lost, but it sends"
	}
	j.add("%s down %s", h.Domain(), reason)
}

// take returns the list and empties it.
func (j *journal) take() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	list := j.list
	j.list = nil
	return list
}

// running is a pool that runs on a fleet until stop.
func running(t *testing.T, f *fleet, addresses []string, log *slog.Logger, domains ...string) (p *Pool, j *journal, stop func()) {
	t.Helper()
	j = new(journal)
	cfg := Config{Addresses: addresses, RetryMin: 500 * time.Millisecond, RetryMax: 30 * time.Second,
		DialTimeout: 5 * time.Second, Receiver: j, Changed: j.changed, Log: log}
	if log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	for _, d := range domains {
		cfg.Links = append(cfg.Links, upstream.Config{Domain: d, Secret: "s", Dial: f.dial(d)})
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { // ended by stop
		defer close(done)
		p.Run(ctx)
	}()
	return p, j, func() { cancel(); <-done }
}
