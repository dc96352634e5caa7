package pool_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"usher/pool"
	"usher/upstream"
	"usher/xmpp"
	"usher/xmpp/xmpptest"
)

type change struct {
	domain string
	up     bool
}

// A real server is killed under the pool and started again: all homes go down, and come back and work.
func TestRealServerRestart(t *testing.T) {
	for name, start := range map[string]func(testing.TB, xmpptest.ServerOptions) *xmpptest.Server{
		"prosody": xmpptest.RunProsody, "ejabberd": xmpptest.RunEjabberd} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			domains := []string{"v1.localhost", "v2.localhost"}
			var opts xmpptest.ServerOptions
			for _, d := range domains {
				opts.Components = append(opts.Components, xmpptest.Component{Domain: d, Secret: "s3cret"})
			}
			s := start(t, opts)
			in := make(stanzas, 100)
			changes := make(chan change, 100)
			cfg := pool.Config{Addresses: []string{s.ComponentAddr()}, RetryMin: 50 * time.Millisecond, RetryMax: 500 * time.Millisecond,
				Receiver: in, Log: slog.New(slog.DiscardHandler),
				Changed: func(h *pool.Home, up bool, err error) { changes <- change{h.Domain(), up} }}
			for _, d := range domains {
				cfg.Links = append(cfg.Links, upstream.Config{Domain: d, Secret: "s3cret", Ping: time.Second, Limits: xmpp.Limits{Bytes: 1 << 20}})
			}
			p, err := pool.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan struct{})
			go func() { // ended by cancel
				defer close(done)
				p.Run(ctx)
			}()
			defer func() { cancel(); <-done }()
			wait := func(up bool) {
				t.Helper()
				seen := map[string]bool{}
				for len(seen) < len(domains) {
					select {
					case c := <-changes:
						if c.up != up {
							t.Fatalf("%s: up = %v", c.domain, c.up)
						}
						seen[c.domain] = true
					case <-time.After(time.Minute):
						t.Fatalf("only %v: up = %v", seen, up)
					}
				}
			}
			exchange := func(id string) {
				t.Helper()
				v1 := p.Home([]byte("v1.localhost"))
				if err := v1.SendRaw(t.Context(), []byte("<message from='a@v1.localhost' to='b@v2.localhost' id='"+id+"'/>")); err != nil {
					t.Fatal(err)
				}
				select {
				case got := <-in:
					if !strings.Contains(got, id) {
						t.Fatalf("got %s", got)
					}
				case <-time.After(time.Minute):
					t.Fatal("nothing came")
				}
			}
			wait(true)
			exchange("before")
			s.Kill()
			wait(false)
			if h := p.Place(); h != nil {
				t.Errorf("placed at %s", h.Domain())
			}
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
			wait(true)
			exchange("after")
			p.Drain(t.Context())
			wait(false)
		})
	}
}

// stanzas is a receiver that hands on what it gets.
type stanzas chan string

func (s stanzas) Stanza(_ *upstream.Link, e *xmpp.Element) { s <- string(e.Raw) }
func (s stanzas) Flush(*upstream.Link)                     {}
