// Package stage sets up what a run drives: endpoints that are given, or the real Usher in front of a fake upstream server,
// Prosody or ejabberd, or one of these two with its own web front. It owns processes and their configuration; it
// must not know what is measured.
package stage

import (
	"context"
	"io"

	"usher/bench/load"
	"usher/bench/measure"
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

// Options say what to set up.
type Options struct {
	Target                  string // one of the above; "" = Given if there is a URL, else what the scenario asks for
	WS, BOSH, Domain, Rooms string // of Given
	User, Password          string
	Insecure                bool           // any certificate will do
	Pids                    map[string]int // processes of Given to look at
	TLS                     bool           // of what is started: with a certificate made for the run
	Bin                     string         // Usher's binary; "" = build it from this module
	Sessions                int            // how many there will be
	Links                   int            // component links of Usher; 0 = 1
	Ushers                  int            // processes of Usher; 0 = 1. Only with Fake.
	Agents                  int            // accounts agent-1... with a workgroup support@DOMAIN, and an archive
	Config                  string         // more of Usher's YAML
	Progress                io.Writer
}

// Stage is what runs.
type Stage struct {
	Target    string // as in measure.About
	Fake      bool
	Processes []measure.Process
	Upstream  *xmpptest.Upstream // the fake one, or nil
	Server    *xmpptest.Server   // the real one that was started, or nil
	Ushers    []*Usher
	ends      []func()
}

// Usher is one process of it.
type Usher struct {
	Public, Admin string // host:port
	Pid           int
}

// Open starts everything and waits until it is ready. Errors say what is missing on the machine, or what the process said.
func Open(ctx context.Context, o Options) (*Stage, error) { panic("not built") }

// Endpoint is the way in over "ws" or "bosh"; with several Ushers, that of number i modulo their number.
func (s *Stage) Endpoint(transport string, i int) (*load.Endpoint, error) { panic("not built") }

// Metric sums a metric of an Usher that was started, with labels in Prometheus' text form: `usher_closed_total{reason="slow"}`.
func (u *Usher) Metric(ctx context.Context, name string) (float64, error) { panic("not built") }

// Close ends everything that was started.
func (s *Stage) Close() { panic("not built") }
