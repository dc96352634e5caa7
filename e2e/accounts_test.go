package e2e

import (
	"fmt"
	"strings"
	"testing"

	"usher/xmpp/xmpptest"
)

// The edge of the accounts: streams to localhost are relayed to the server's own listener for clients.
const accountsConfig = `
listen: %[1]s
admin: %[2]s
log: {level: debug}
upstream:
  server: %[3]s
  address: %[4]s
  components:
    - {domain: visitors.localhost, secret: s3cret}
  rooms: %[5]s
  accounts:
    - {domain: localhost, address: %[6]s, tls: none, auth_failures: "2/h"}
sites:
  - name: shop
    domain: visitors.localhost
    allow: ["*@%[5]s"]
    create_rooms: true
`

// account logs a client in to an account; mechanism "": the one that the library prefers.
func (c *client) account(url, transport, user, mechanism string) {
	c.t.Helper()
	args := map[string]any{"url": url, "transport": transport, "domain": user + "@localhost", "password": "pw-" + user}
	if mechanism != "" {
		args["mechanism"] = mechanism
	}
	c.do("connect", args)
	if c.jid = c.next("online", nil).JID; !strings.HasPrefix(c.jid, user+"@localhost/") {
		c.t.Fatalf("%s is %s", user, c.jid)
	}
}

// Real libraries log in to accounts through the edge, with SCRAM and PLAIN, over WebSocket and BOSH, and chat in a room with a visitor
// of the same edge.
func TestAccounts(t *testing.T) {
	p := servePages(t)
	for _, name := range []string{"prosody", "ejabberd"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each mostly waits for its clients
			s := servers[name](t, xmpptest.ServerOptions{Components: components[:1]})
			addr, admin := port(t), port(t)
			u := runUsher(t, fmt.Sprintf(accountsConfig, addr, admin, name, s.ComponentAddr(), s.Rooms(), s.C2SAddr()), addr, admin)
			e := &edge{server: s, addr: addr, creates: true, visitor: visitorJID}
			url := map[string]string{"ws": "ws://" + addr + "/xmpp-websocket", "bosh": "http://" + addr + "/http-bind"}
			cases := []struct {
				lib                  library
				transport, mechanism string
			}{
				{strophe, "ws", "SCRAM-SHA-1"}, {strophe, "ws", "PLAIN"}, {xmppjs, "ws", "SCRAM-SHA-1"}, {xmppjs, "ws", "PLAIN"},
				{strophePage, "bosh", "SCRAM-SHA-1"}, {strophePage, "bosh", "PLAIN"}, {converse, "ws", ""}, {converse, "bosh", ""},
			}
			for _, tc := range cases {
				t.Run(fmt.Sprint(tc.lib.name, " ", tc.transport, " ", tc.mechanism), func(t *testing.T) {
					bob := start(t, tc.lib, p)
					bob.account(url[tc.transport], tc.transport, "bob", tc.mechanism)
					visitor, _ := visit(t, e, nil, "ws", strophe, "visitors.localhost")
					alice := ordinary(t, s, "alice")
					room := "room-" + random() + "@" + s.Rooms()
					visitor.join(room, "Guest") // and so makes it; his client says so when it is unlocked, which Converse.js doesn't
					bob.join(room, "Bob")
					alice.join(room, "Alice")
					everyone := []hearer{bob, visitor, alice}
					for _, text := range bodies {
						say(bob, "Bob", text, everyone)
						say(visitor, "Guest", text, everyone)
					}
					bob.close()
					visitor.sees("Bob", "unavailable")
					visitor.close()
				})
			}
			t.Run("a wrong password", func(t *testing.T) {
				for i, want := range []string{"not-authorized", "not-authorized", "temporary-auth-failure"} {
					lib := []library{strophe, xmppjs}[i%2]
					c := start(t, lib, p)
					c.do("connect", map[string]any{"url": url["ws"], "transport": "ws", "domain": "carol@localhost", "password": "guess"})
					if got := c.next("refused", nil).Reason; got != want {
						t.Errorf("%s, try %d: %s, want %s", lib.name, i+1, got, want)
					}
				}
			})
			u.stop()
		})
	}
}
