package stage

import (
	"fmt"
	"strings"
)

const (
	secret = "bench" // of all components
	token  = "bench" // of the admin listener
	link   = "link.localhost"
	front  = "anon.localhost" // where a server's own web front lets anybody in
	rooms  = "conference.localhost"

	// Desk is the workgroup, where there are agents.
	Desk = "support@visitors.localhost"
)

// domains are the components of Usher number i; its site has the first one's.
func domains(o Options, i int) []string {
	var all []string
	for link := range max(1, o.Links) {
		name := "visitors"
		if i > 0 {
			name += fmt.Sprint(i + 1)
		}
		if link > 0 {
			name += fmt.Sprintf("-%d", link+1)
		}
		all = append(all, name+".localhost")
	}
	return all
}

// sessionsAtLeast is what Usher lets in, or twice those there will be, so that those that are being closed, or whose clients are gone and may come back, don't keep others out.
const sessionsAtLeast = 19000

// config is Usher's. Pings and waits are so long that an idle session stays idle, and who measures isn't limited by address or rate.
const config = `
listen: %[1]s
admin: %[2]s
admin_token: ` + token + `
node: bench-%[3]d
log: {level: warn}
upstream:
  server: %[4]s
  address: %[5]s
  components: [%[6]s]
  rooms: ` + rooms + `
ws: {ping: 1h, pong: 1h}
bosh: {wait: 1h, inactivity: 1h}
drain: {timeout: 2s}
limits:
  sessions: %[7]d
  prelogin: {sessions: %[7]d}
  login_time: 2m
  address: {sessions: 0, new: 0}
  visitor: {stanzas: 0, bytes: 0, messages: 0, joins: 0, rooms: 0}
sites:
  - name: bench
    domain: %[8]s
    create_rooms: true
    allow: [` + Echo + `, ` + rooms + `, "*@` + rooms + `"]
`

// desk is for one workgroup with many agents who take any number of chats.
const desk = `
    workgroups:
      - name: support
        agents: [%s]
        max_chats: 100
        queue: {limit: 10000}
        timers: {ready: 1ms, wrap: 1s, cool: 1s, queue: 2m}
archive: {path: usher.db}
`

// usherConfig is that of Usher number i.
func usherConfig(o Options, i int, public, admin, server, address string, secure bool) string {
	var components []string
	names := domains(o, i)
	for _, domain := range names {
		components = append(components, fmt.Sprintf("{domain: %s, secret: %s}", domain, secret))
	}
	text := fmt.Sprintf(config, public, admin, i+1, server, address, strings.Join(components, ", "), max(2*o.Sessions, sessionsAtLeast), names[0])
	if o.Agents > 0 {
		var agents []string
		for i := range o.Agents {
			agents = append(agents, fmt.Sprintf("agent-%d@localhost", i+1))
		}
		text += fmt.Sprintf(desk, strings.Join(agents, ", "))
	}
	if secure {
		text += "tls: {cert: tls.crt, key: tls.key}\n"
	}
	return text + o.Config + "\n"
}
