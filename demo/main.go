// Command demo runs Usher between a web page and an XMPP server of its own:
// Prosody or ejabberd as Debian packages them, with their data below .demo/.
// It owns the processes that it starts and stops them in the end; it must not
// touch a server that the machine runs. Start it with `make demo`.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ports are the demo's, all on 127.0.0.1.
type ports struct {
	http, admin, component, c2s, site int
}

func main() {
	var p ports
	upstream := flag.String("upstream", "prosody", "prosody or ejabberd")
	flag.IntVar(&p.http, "http", 8080, "port of Usher's web edge")
	flag.IntVar(&p.admin, "admin", 9091, "port of Usher's health and metrics")
	flag.IntVar(&p.component, "component", 5347, "port of the server for Usher's link")
	flag.IntVar(&p.c2s, "c2s", 5222, "port of the server for ordinary clients")
	flag.IntVar(&p.site, "site", 8090, "port of the shop")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, *upstream, p); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, upstream string, p ports) (err error) {
	if err := p.free(); err != nil {
		return err
	}
	dir, err := filepath.Abs(".demo")
	if err != nil {
		return err
	}
	start := map[string]func(string, ports) (*process, error){"prosody": prosody, "ejabberd": ejabberd}[upstream]
	if start == nil {
		return fmt.Errorf("no upstream %q: prosody or ejabberd", upstream)
	}

	fmt.Printf("starting %s …\n", upstream)
	server, err := start(filepath.Join(dir, upstream), p)
	if err != nil {
		return err
	}
	defer server.stop()
	if err := server.answers(ctx, p.component, p.c2s); err != nil {
		return err
	}

	usher, err := usher(dir, p)
	if err != nil {
		return err
	}
	defer usher.stop() // before the server: it says good-bye for its visitors
	if err := usher.ready(ctx, p.admin); err != nil {
		return err
	}

	pages, err := serve(p)
	if err != nil {
		return err
	}
	defer pages.Close()

	fmt.Printf(`
  the shop           http://localhost:%d/         you are the visitor; the page says what to click
  the agents' desk   http://localhost:%d/desk/    alice@localhost, bob@localhost: agents; carol@localhost: supervisor; password = name
  any XMPP client    localhost:%d, no TLS: the same accounts; accept support@visitors.localhost as a contact (docs/agents.md)
  a plain room       http://localhost:%d/room/    open it in two windows
  health, metrics    http://localhost:%d/readyz  /healthz  /metrics
  logs, data         .demo/

Ctrl-C stops it all.

`, p.site, p.http, p.c2s, p.site, p.admin)

	select {
	case <-ctx.Done():
		fmt.Println("\nstopping …")
		return nil
	case <-server.done:
		return fmt.Errorf("%s ended by itself; its log:\n%s", upstream, server.tail())
	case <-usher.done:
		return errors.New("usher ended by itself")
	}
}

// free says which of the ports are taken, and how to choose others.
func (p ports) free() error {
	var taken []string
	for _, x := range []struct {
		port         int
		option, for_ string
	}{
		{p.http, "http", "Usher's web edge"}, {p.admin, "admin", "Usher's health and metrics"},
		{p.component, "component", "the XMPP server's component listener"},
		{p.c2s, "c2s", "the XMPP server's clients"}, {p.site, "site", "the shop"},
	} {
		l, err := net.Listen("tcp", local(x.port))
		if err != nil {
			taken = append(taken, fmt.Sprintf("port %d (for %s) cannot be had: %v; choose another with ARGS='-%s %d'", x.port, x.for_, errors.Unwrap(err), x.option, x.port+10000))
			continue
		}
		l.Close()
	}
	if taken == nil {
		return nil
	}
	return fmt.Errorf("%s", strings.Join(taken, "\n      "))
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// serve starts the shop's server.
func serve(p ports) (*http.Server, error) {
	handler, err := site(page{
		Self:  fmt.Sprintf("http://localhost:%d", p.site),
		HTTP:  fmt.Sprintf("http://localhost:%d", p.http),
		WS:    fmt.Sprintf("ws://localhost:%d", p.http),
		C2S:   p.c2s,
		Sites: []string{"visitors.localhost", "help.localhost"},
	}, filepath.Join("demo", "node_modules"))
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", local(p.site))
	if err != nil {
		return nil, err
	}
	s := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	// Ends when run closes the server.
	go s.Serve(l)
	return s, nil
}
