package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"usher/xmpp/xmpptest"
)

// deskServers is a real XMPP server with a real Usher and its support desk in front of it.
type deskServers struct {
	upstream *xmpptest.Server
	usher    *server
}

// deskConfig is for one workgroup with many agents who take any number of chats; nobody is limited by address or rate.
const deskConfig = `
listen: %[1]s
admin: %[2]s
admin_token: ` + token + `
node: bench
log: {level: warn}
upstream:
  server: %[3]s
  address: %[4]s
  components: [{domain: ` + domain + `, secret: ` + secret + `}]
  rooms: %[5]s
archive: {path: usher.db}
ws: {ping: 1h, pong: 1h}
drain: {timeout: 2s}
limits:
  sessions: 19000
  prelogin: {sessions: 19000}
  login_time: 2m
  address: {sessions: 0, new: 0}
  visitor: {stanzas: 0, bytes: 0, messages: 0, joins: 0}
sites:
  - name: bench
    domain: ` + domain + `
    workgroups:
      - name: support
        agents: [%[6]s]
        max_chats: 100
        queue: {limit: 10000}
        timers: {ready: 1ms, wrap: 1s, cool: 1s, queue: 2m}
`

// startDesk starts both and waits until they are ready.
func startDesk(ctx context.Context, o *supportOptions, dir string) (*deskServers, error) {
	opts := xmpptest.ServerOptions{Components: []xmpptest.Component{{Domain: domain, Secret: secret}}}
	var agents []string
	for i := range o.agents {
		user := fmt.Sprintf("agent-%d", i+1)
		opts.Accounts = append(opts.Accounts, xmpptest.Account{User: user, Password: fmt.Sprintf("pw-%d", i+1)})
		agents = append(agents, user+"@localhost")
	}
	if o.upstream == "prosody" {
		// Its default spends most of the time on collecting; and of more than 100 rooms, which is its default too, each stanza
		// stores one away and reads another one back.
		opts.Extra = `gc = { mode = "incremental", threshold = 1000, speed = 500 }`
		opts.ExtraRooms = `  muc_room_cache_size = 10000`
	}
	start := map[string]func(xmpptest.ServerOptions) (*xmpptest.Server, error){
		"prosody": xmpptest.StartProsody, "ejabberd": xmpptest.StartEjabberd,
	}[o.upstream]
	up, err := start(opts)
	if err != nil {
		return nil, err
	}
	d := &deskServers{upstream: up, usher: newServer()}
	if err := d.usher.pickPorts(); err != nil {
		d.stop()
		return nil, err
	}
	config := fmt.Sprintf(deskConfig, d.usher.public, d.usher.admin, o.upstream, up.ComponentAddr(), up.Rooms(), strings.Join(agents, ", "))
	file := filepath.Join(dir, "usher.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		d.stop()
		return nil, err
	}
	if err := d.usher.launch(ctx, o.bin, file); err != nil {
		d.stop()
		return nil, err
	}
	return d, nil
}

func (d *deskServers) stop() {
	d.usher.stop()
	d.upstream.Close()
}
