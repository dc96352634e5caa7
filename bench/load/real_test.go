package load_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"usher/bench/load"
	"usher/xmpp/xmpptest"
)

const (
	front     = "anon.localhost"
	component = "visitors.localhost"
	rooms     = "conference.localhost"
)

// A way in is one that the tests below take.
type way struct {
	name     string
	endpoint func(transport string) *load.Endpoint
}

func at(transport string, port int, domain string) *load.Endpoint {
	e := &load.Endpoint{URL: fmt.Sprintf("ws://127.0.0.1:%d/xmpp-websocket", port), Domain: domain, Rooms: rooms}
	if transport == "bosh" {
		e.URL, e.Wait = fmt.Sprintf("http://127.0.0.1:%d/http-bind", port), 5 // ejabberd's own front now and then holds both requests until they time out
	}
	return e
}

// usher starts the real one in front of a server, and ends it with the test.
func usher(t *testing.T, s *xmpptest.Server) int {
	t.Helper()
	dir := t.TempDir()
	bin := filepath.Join(dir, "usher")
	if out, err := exec.Command("go", "build", "-o", bin, "usher").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	public, err := xmpptest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	admin, err := xmpptest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`
listen: 127.0.0.1:%d
admin: 127.0.0.1:%d
upstream:
  address: %s
  rooms: %s
  components: [{domain: %s, secret: secret}]
limits:
  address: {sessions: 0, new: 0}
  visitor: {stanzas: 0, bytes: 0, messages: 0, joins: 0}
sites:
  - {name: bench, domain: %s, create_rooms: true, allow: ["*@%s"]}
`, public, admin, s.ComponentAddr(), rooms, component, component, rooms)
	if err := os.WriteFile(filepath.Join(dir, "usher.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command(bin, "-config", filepath.Join(dir, "usher.yaml"))
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }() // ends with the process
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Log(log.String())
		}
	})
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		if res, err := http.Get("http://127.0.0.1:" + strconv.Itoa(admin) + "/readyz"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return public
			}
		}
		select {
		case <-again.C:
		case <-ended:
			t.Fatal(log.String())
		}
	}
}

// ways starts the real servers, each with its own front and with Usher before it.
func ways(t *testing.T) []way {
	t.Helper()
	var all []way
	for name, run := range map[string]func(testing.TB, xmpptest.ServerOptions) *xmpptest.Server{"prosody": xmpptest.RunProsody, "ejabberd": xmpptest.RunEjabberd} {
		s := run(t, xmpptest.ServerOptions{Front: front, Components: []xmpptest.Component{{Domain: component, Secret: "secret"}, {Domain: "bare.localhost", Secret: "secret"}}})
		_, port, err := net.SplitHostPort(s.HTTPAddr())
		if err != nil {
			t.Fatal(err)
		}
		own, _ := strconv.Atoi(port)
		edge := usher(t, s)
		all = append(all,
			way{name + " link", func(string) *load.Endpoint {
				return &load.Endpoint{URL: "xmpp-component://" + s.ComponentAddr(), Domain: "bare.localhost", Password: "secret", Rooms: rooms}
			}},
			way{name, func(transport string) *load.Endpoint {
				e := at(transport, own, front)
				if name == "ejabberd" { // over BOSH it minds when requests overtake each other
					e.Repeat, e.Gap = 2*time.Second, 20*time.Millisecond
				}
				return e
			}},
			way{"usher+" + name, func(transport string) *load.Endpoint { return at(transport, edge, component) }})
	}
	return all
}

// TestRealServers: over each transport of each server two sessions meet in a new room, talk both ways without a loss and in order while
// both are served, and leave.
func TestRealServers(t *testing.T) {
	for _, way := range ways(t) {
		for _, transport := range []string{"ws", "bosh"} {
			t.Run(way.name+" "+transport, func(t *testing.T) { talk(t, way.endpoint(transport), "room-"+transport) })
		}
	}
}

func talk(t *testing.T, e *load.Endpoint, room string) {
	const messages = 200
	var both [2]*load.Session
	w := load.NewWorker()
	for i := range both {
		s, err := e.Open(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Join(w, room, fmt.Sprintf("nick%d", i)); err != nil {
			t.Fatal(err)
		}
		both[i] = s
	}
	if both[0].JID == "" || both[0].JID == both[1].JID {
		t.Fatalf("addresses %q and %q", both[0].JID, both[1].JID)
	}
	var wg sync.WaitGroup
	for i, s := range both {
		heard := make(chan struct{})
		want := [2]int{}
		wg.Go(func() { // ends with the session
			if err := s.Serve(func(b []byte) {
				for from := range want {
					if !bytes.HasPrefix(load.Attr(b, "from"), fmt.Appendf(nil, "%s@%s/nick%d", room, rooms, from)) {
						continue
					}
					if _, text, ok := bytes.Cut(b, []byte("<body>number ")); ok {
						if text, _, _ = bytes.Cut(text, []byte("<")); string(text) != strconv.Itoa(want[from]) {
							t.Errorf("number %s from %d, want %d", text, from, want[from])
						}
						want[from]++
					}
				}
				if want == [2]int{messages, messages} {
					close(heard)
					want[0]++ // once only
				}
			}); err != nil {
				t.Errorf("serve: %v", err)
			}
		})
		wg.Go(func() { // ends when all was said and heard
			w := load.NewWorker()
			for n := range messages {
				if err := s.Send(w, fmt.Appendf(nil, "<message xmlns='jabber:client' type='groupchat' to='%s@%s' id='m%d-%d'><body>number %d</body></message>", room, rooms, i, n, n)); err != nil {
					t.Error(err)
				}
			}
			<-heard
			if err := s.Leave(w); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := both[0].Send(w, []byte("<presence xmlns='jabber:client'/>")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a message on a session that has left: %v", err)
	}
}
