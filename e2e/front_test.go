package e2e

import (
	"flag"
	"regexp"
	"testing"

	"usher/xmpp/xmpptest"
)

// With -own-front the same visitors chat through the servers' own BOSH and
// WebSocket: it tells what is the client's or the server's way and not Usher's.
var ownFront = flag.Bool("own-front", false, "chat through the servers' own fronts instead of Usher")

// frontExtra lets the servers notice a lost visitor as fast as the tests want it.
var frontExtra = map[string]string{
	"prosody":  "bosh_max_inactivity = 6",
	"ejabberd": "",
}

func ownFrontEdge(t *testing.T, name string) *edge {
	s := servers[name](t, xmpptest.ServerOptions{Front: "anon.localhost", Extra: frontExtra[name]})
	return &edge{
		server: s, addr: s.HTTPAddr(), domain: "anon.localhost", domain2: "anon.localhost", creates: true,
		visitor: regexp.MustCompile(`^[^@/]+@anon\.localhost/.+$`),
	}
}

var servers = map[string]func(testing.TB, xmpptest.ServerOptions) *xmpptest.Server{
	"prosody":  xmpptest.RunProsody,
	"ejabberd": xmpptest.RunEjabberd,
}
