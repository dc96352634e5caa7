package stage

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"usher/bench/measure"
	"usher/xmpp/xmpptest"
)

// prosodyExtra makes Prosody as fast as it can be with what is known about it. Its default collector spends most of the time on collecting. An idle session
// isn't woken, as with Usher.
const prosodyExtra = `gc = { mode = "incremental", threshold = 1000, speed = 500 }
network_backend = "epoll"
network_settings = { read_timeout = 3600; tcp_backlog = 1024 }
bosh_max_wait = 3600; bosh_max_inactivity = 3600
`

// prosodyRooms: of more than 100 rooms, which is the default, each stanza stores one away and reads another one back.
const prosodyRooms = `  muc_room_cache_size = 10000`

// ejabberdExtra is the same for ejabberd; its shapers are off unless they are configured, kernel poll is on.
const ejabberdExtra = `websocket_ping_interval: 1 hour
websocket_timeout: 1 hour
`

// ejabberd answers neither of two requests where the second overtakes the first on its other connection.
const (
	ejabberdRepeat = 2 * time.Second
	ejabberdGap    = 20 * time.Millisecond
)

// startServer starts Prosody or ejabberd: with its own web front if it is the target, else for Usher's components. In both cases a bare link may
// be had, which is the least that anything between visitors and the server can cost.
func (s *Stage) startServer(o Options) error {
	fmt.Fprintf(o.Progress, "starting %s\n", o.Target)
	opts := xmpptest.ServerOptions{Components: []xmpptest.Component{{Domain: link, Secret: secret}}, Rooms: rooms, Quiet: true}
	var authority []byte
	own := o.Target == Prosody || o.Target == Ejabberd
	if own {
		opts.Front = front
		if o.TLS {
			dir, err := os.MkdirTemp("", "usher-bench-")
			if err != nil {
				return err
			}
			s.ends = append(s.ends, func() { os.RemoveAll(dir) })
			if authority, err = selfSigned(dir); err != nil {
				return err
			}
			opts.FrontTLS = filepath.Join(dir, both)
		}
	} else {
		for _, domain := range domains(o, 0) {
			opts.Components = append(opts.Components, xmpptest.Component{Domain: domain, Secret: secret})
		}
	}
	for i := range o.Agents {
		opts.Accounts = append(opts.Accounts, xmpptest.Account{User: fmt.Sprintf("agent-%d", i+1), Password: fmt.Sprintf("pw-%d", i+1)})
	}
	start := xmpptest.StartEjabberd
	opts.Extra = ejabberdExtra
	if o.Target == Prosody || o.Target == UsherProsody {
		start = xmpptest.StartProsody
		opts.Extra, opts.ExtraRooms = prosodyExtra, prosodyRooms
	}
	up, err := start(opts)
	if err != nil {
		return err
	}
	s.Server = up
	s.ends = append(s.ends, func() { up.Close() })
	s.Processes = append(s.Processes, measure.Process{Name: up.Name(), Pid: up.Pid()})
	s.open[way{Component, 0}] = door{URL: "xmpp-component://" + up.ComponentAddr(), Domain: link, Password: secret, Rooms: rooms}
	if own {
		s.open[way{WebSocket, 0}] = door{URL: up.WebSocketURL(), Domain: front, Rooms: rooms, Authority: authority}
		s.open[way{BOSH, 0}] = door{URL: up.BOSHURL(), Domain: front, Rooms: rooms, Authority: authority}
	}
	return nil
}
