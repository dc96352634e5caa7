// Package stage sets up what a run drives: endpoints that are given, or the real Usher in front of a fake upstream server,
// Prosody or ejabberd, or one of these two with its own web front. It owns processes and their configuration; it
// must not know what is measured.
package stage

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sync"

	"usher/bench/load"
	"usher/bench/measure"
	"usher/xmpp"
	"usher/xmpp/xmpptest"
)

// The targets that Open can start.
const (
	Fake          = "usher" // in front of a fake upstream server in this process: shows the edge's own limits
	UsherProsody  = "usher+prosody"
	UsherEjabberd = "usher+ejabberd"
	Prosody       = "prosody" // with its own BOSH and WebSocket
	Ejabberd      = "ejabberd"
	Given         = "given" // endpoints of a server that runs already
)

// Targets lists them.
func Targets() []string {
	return []string{Fake, UsherProsody, UsherEjabberd, Prosody, Ejabberd, Given}
}

// Echo sends every message back to its sender, behind an Usher in front of the fake upstream server.
const Echo = "echo@echo.localhost"

// Options say what to set up.
type Options struct {
	Target                  string // one of the above; "" = Given if there is a URL, else UsherProsody
	WS, BOSH, Domain, Rooms string // of Given
	User, Password          string
	Insecure                bool           // any certificate will do
	Pids                    map[string]int // processes of Given to look at
	TLS                     bool           // of what is started: with a certificate made for the run
	Bin                     string         // Usher's binary; "" = build it from this module
	Sessions                int            // how many there will be
	Links                   int            // component links of each Usher; 0 = 1
	Ushers                  int            // processes of Usher; 0 = 1. Only with Fake.
	Agents                  int            // accounts agent-1... with a workgroup support@DOMAIN, and an archive
	Config                  string         // more of Usher's YAML
	Wait                    int            // BOSH `wait` in seconds that Endpoint asks for; 0 = load's default
	Progress                io.Writer      // what goes on; nil = nowhere
}

// Stage is what runs. Its methods may be called by any goroutine, but Close and what changes a process by one at a time.
type Stage struct {
	Target    string // as in measure.About
	Fake      bool
	Processes []measure.Process
	Upstream  *xmpptest.Upstream // the fake one, or nil
	Server    *xmpptest.Server   // the real one that was started, or nil
	Ushers    []*Usher
	ends      []func()

	mu   sync.Mutex
	ways map[way]*load.Endpoint
	open map[way]door
	wait int
}

// way is a way in: a transport, and the number of an Usher if there are several.
type way struct {
	transport string
	usher     int
}

// door is what leads in there.
type door struct {
	URL, Domain, User, Password, Rooms string
	Insecure                           bool
	Authority                          []byte // PEM; nil = the system's
}

// Transports that Endpoint knows.
const (
	WebSocket = "ws"
	BOSH      = "bosh"
	Component = "component" // a bare link of XEP-0114 to the server, without an edge
)

// Open starts everything and waits until it is ready. Errors say what is missing on the machine, or what the process said.
func Open(ctx context.Context, o Options) (*Stage, error) {
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	given := o.WS != "" || o.BOSH != ""
	if o.Target == "" {
		o.Target = UsherProsody
		if given {
			o.Target = Given
		}
	}
	s := &Stage{Target: o.Target, ways: map[way]*load.Endpoint{}, open: map[way]door{}, wait: o.Wait}
	var err error
	switch {
	case o.Ushers > 1 && o.Target != Fake:
		err = fmt.Errorf("several processes of Usher are driven with the target %s only", Fake)
	case o.Agents > 0 && o.Target != UsherProsody && o.Target != UsherEjabberd:
		err = fmt.Errorf("a desk needs Usher and a real server: %s or %s", UsherProsody, UsherEjabberd)
	default:
		err = s.start(ctx, o)
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("target %s: %w", o.Target, err)
	}
	return s, nil
}

func (s *Stage) start(ctx context.Context, o Options) error {
	switch o.Target {
	case Given:
		return s.given(o)
	case Prosody, Ejabberd:
		return s.startServer(o)
	case Fake, UsherProsody, UsherEjabberd:
	default:
		return errors.New("there is no such target")
	}
	dir, err := os.MkdirTemp("", "usher-bench-")
	if err != nil {
		return err
	}
	s.ends = append(s.ends, func() { os.RemoveAll(dir) })
	if o.Bin == "" {
		fmt.Fprintln(o.Progress, "building Usher")
		if o.Bin, err = Build(ctx, dir); err != nil {
			return err
		}
	}
	if o.Target != Fake {
		if err := s.startServer(o); err != nil {
			return err
		}
		return s.startUsher(ctx, o, dir, 0)
	}
	s.Fake = true
	ushers := max(1, o.Ushers)
	var components []xmpptest.Component
	for i := range ushers {
		for _, domain := range domains(o, i) {
			components = append(components, xmpptest.Component{Domain: domain, Secret: secret})
		}
	}
	if s.Upstream, err = xmpptest.NewUpstream(xmpptest.UpstreamConfig{Components: components, Hook: echo}); err != nil {
		return err
	}
	s.ends = append(s.ends, s.Upstream.Close)
	for i := range ushers {
		if err := s.startUsher(ctx, o, dir, i); err != nil {
			return err
		}
	}
	return nil
}

func echo(c *xmpptest.Peer, e *xmpp.Element) bool {
	if string(e.To) != Echo {
		return false
	}
	c.Append(e, &xmpp.Header{To: e.From, From: e.To, Type: e.Type, ID: e.ID}) // an error: the link has ended
	return true
}

// given takes endpoints as they are.
func (s *Stage) given(o Options) error {
	if o.WS == "" && o.BOSH == "" {
		return errors.New("no URL is given")
	}
	for transport, url := range map[string]string{WebSocket: o.WS, BOSH: o.BOSH, Component: o.WS} {
		if url != "" {
			s.open[way{transport, 0}] = door{URL: url, Domain: o.Domain, User: o.User, Password: o.Password, Rooms: o.Rooms, Insecure: o.Insecure}
		}
	}
	s.Target = cmp.Or(o.WS, o.BOSH)
	for _, name := range slices.Sorted(maps.Keys(o.Pids)) {
		s.Processes = append(s.Processes, measure.Process{Name: name, Pid: o.Pids[name]})
	}
	return nil
}

// Endpoint is the way in over "ws", "bosh" or "component"; with several Ushers, that of number i modulo their number. The same way is
// always the same endpoint, as long as Wait isn't called.
func (s *Stage) Endpoint(transport string, i int) (*load.Endpoint, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := way{transport, 0}
	if len(s.Ushers) > 1 {
		at.usher = i % len(s.Ushers)
	}
	if e := s.ways[at]; e != nil {
		return e, nil
	}
	d, ok := s.open[at]
	if !ok {
		return nil, fmt.Errorf("%s can't be reached over %q", s.Target, transport)
	}
	e := &load.Endpoint{URL: d.URL, Domain: d.Domain, User: d.User, Password: d.Password, Rooms: d.Rooms, Wait: s.wait}
	if transport == BOSH && s.Target == Ejabberd {
		e.Repeat, e.Gap = ejabberdRepeat, ejabberdGap
	}
	switch {
	case d.Insecure:
		e.TLS = &tls.Config{InsecureSkipVerify: true}
	case d.Authority != nil:
		roots, err := pool(d.Authority)
		if err != nil {
			return nil, err
		}
		e.TLS = &tls.Config{RootCAs: roots}
	}
	if err := e.Check(); err != nil {
		return nil, err
	}
	s.ways[at] = e
	return e, nil
}

// Wait changes what BOSH sessions of Endpoint ask for, in seconds.
func (s *Stage) Wait(seconds int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wait = seconds
	clear(s.ways)
}

// Close ends everything that was started.
func (s *Stage) Close() {
	for _, end := range slices.Backward(s.ends) {
		end()
	}
	s.ends = nil
}
