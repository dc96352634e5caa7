package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"usher/xmpp/xmpptest"
)

// usher is the real binary, running.
type usher struct {
	t       *testing.T
	program string
	config  string // its file
	addr    string // public listener
	admin   string
	log     tail

	cmd   *exec.Cmd
	ended chan struct{}
	err   error // of Wait, once ended is closed
}

// programDir is where binary has put the program; TestMain removes it.
var programDir string

// binary is the program, built once, as a user would.
var binary = sync.OnceValues(func() (string, error) {
	var err error
	if programDir, err = os.MkdirTemp("", "usher-e2e-"); err != nil {
		return "", err
	}
	path := filepath.Join(programDir, "usher")
	if out, err := exec.Command("go", "build", "-o", path, "usher").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %v\n%s", err, out)
	}
	return path, nil
})

func port(t *testing.T) string {
	t.Helper()
	p, err := xmpptest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint("127.0.0.1:", p)
}

// runUsher writes the config, starts the binary and waits until it is ready, which
// includes its component links.
func runUsher(t *testing.T, config, addr, admin string) *usher {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "usher.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	program, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	u := &usher{t: t, program: program, config: file, addr: addr, admin: admin, log: tail{limit: 4 << 20}}
	u.start()
	t.Cleanup(func() {
		u.cmd.Process.Kill()
		<-u.ended
		log := u.log.String()
		for _, bad := range []string{"level=ERROR", "panic: ", "DATA RACE"} {
			if strings.Contains(log, bad) {
				t.Errorf("usher's log has %q", bad)
			}
		}
		if t.Failed() {
			t.Logf("usher's log:\n%s", log[max(0, len(log)-16<<10):])
		}
	})
	return u
}

// start starts it, also again after stop.
func (u *usher) start() {
	u.t.Helper()
	u.cmd, u.ended = exec.Command(u.program, "-config", u.config), make(chan struct{})
	u.cmd.Dir = filepath.Dir(u.config)
	u.cmd.Stdout, u.cmd.Stderr = &u.log, &u.log
	if err := u.cmd.Start(); err != nil {
		u.t.Fatal(err)
	}
	go func() { // ends with the process, which runUsher's cleanup brings about
		u.err = u.cmd.Wait()
		close(u.ended)
	}()
	u.awaitReady()
}

func (u *usher) awaitReady() {
	u.t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	timeout := time.After(patience)
	for {
		res, err := http.Get("http://" + u.admin + "/readyz")
		if err == nil {
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-again.C:
		case <-u.ended:
			u.t.Fatalf("usher ended: %v", u.err)
		case <-timeout:
			u.t.Fatalf("usher is not ready after %v", patience)
		}
	}
}

// stop ends Usher as an operator does and asserts that it says so by status 0.
func (u *usher) stop() {
	u.t.Helper()
	u.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-u.ended:
		if u.err != nil {
			u.t.Errorf("usher ended with %v after SIGTERM", u.err)
		}
	case <-time.After(patience):
		u.t.Errorf("usher still runs %v after SIGTERM", patience)
	}
}

// kill ends Usher as a crash would; start starts it again.
func (u *usher) kill() {
	u.t.Helper()
	u.cmd.Process.Kill()
	<-u.ended
}

// The edge of the pairs: two links, two sites, one of them with a domain that is
// no component domain, each with its own idea of origins.
const pairsConfig = `
listen: %[1]s
admin: %[2]s
log: {level: debug}
upstream:
  server: %[3]s
  address: %[4]s
  components:
    - {domain: visitors.localhost, secret: s3cret}
    - {domain: guests.localhost, secret: s3cret}
  rooms: %[5]s
bosh: {inactivity: 6s}    # a lost visitor leaves the rooms soon
resume: {grace: 8s, max: 1m}
sites:
  - name: shop
    domain: visitors.localhost
    origins: ["*"]
    allow: ["*@%[5]s"]
    create_rooms: true
  - name: help
    domain: help.example
    origins: ["%[6]s"]
    allow: ["*@%[5]s"]
    create_rooms: true
  - name: readers
    domain: readers.example
    allow: ["*@%[5]s"]
`

var components = []xmpptest.Component{
	{Domain: "visitors.localhost", Secret: "s3cret"},
	{Domain: "guests.localhost", Secret: "s3cret"},
}

// A visitor's address: 26 base32 characters, on one of the component domains.
var visitorJID = regexp.MustCompile(`^[a-z2-7]{26}@(visitors|guests)\.localhost/.+$`)

// usherEdge runs a server and Usher in front of it; more is appended to the config.
func usherEdge(t *testing.T, name string, p *pages, more ...string) (*edge, *usher) {
	t.Helper()
	s := servers[name](t, xmpptest.ServerOptions{Components: components})
	addr, admin := port(t), port(t)
	config := fmt.Sprintf(pairsConfig, addr, admin, name, s.ComponentAddr(), s.Rooms(), p.origin)
	u := runUsher(t, config+strings.Join(more, ""), addr, admin)
	return &edge{
		server: s, addr: addr, visitor: visitorJID, creates: true,
		domain: "visitors.localhost", domain2: "help.example", resumes: true,
	}, u
}

// The configuration that the design prints works as it stands, on each server; only
// the secret and the ports are other ones here.
func TestPrintedConfig(t *testing.T) {
	text, err := os.ReadFile("../gateway/testdata/design.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"prosody", "ejabberd"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := servers[name](t, xmpptest.ServerOptions{Components: []xmpptest.Component{{Domain: "visitors.localhost", Secret: "an0ther"}}})
			addr, admin := port(t), port(t)
			config := string(text)
			for _, change := range [][2]string{
				{"127.0.0.1:8080", addr}, {"127.0.0.1:9091", admin}, {"127.0.0.1:5347", s.ComponentAddr()},
				{"127.0.0.1:5222", s.C2SAddr()}, {"secret: s3cret", "secret: an0ther"},
			} {
				if strings.Count(config, change[0]) != 1 {
					t.Fatalf("%q stands %d times in the printed config", change[0], strings.Count(config, change[0]))
				}
				config = strings.Replace(config, change[0], change[1], 1)
			}
			u := runUsher(t, config, addr, admin)
			e := &edge{server: s, addr: addr, creates: true, visitor: regexp.MustCompile(`^[a-z2-7]{26}@visitors\.localhost/.+$`)}

			room := "room-" + random() + "@" + s.Rooms()
			anna, _ := visit(t, e, nil, "ws", strophe, "visitors.localhost")
			ben, _ := visit(t, e, nil, "bosh", stanza, "visitors.localhost")
			alice := ordinary(t, s, "alice")
			if !anna.join(room, annasNick) {
				t.Fatal("the room was there already")
			}
			ben.join(room, bensNick)
			alice.join(room, "Alice")
			everyone := []hearer{anna, ben, alice}
			for _, text := range bodies {
				say(anna, annasNick, text, everyone)
				say(ben, bensNick, text, everyone)
			}

			u.stop()
			alice.sees(annasNick, "unavailable")
			alice.sees(bensNick, "unavailable")
			anna.next("disconnected", nil)
			ben.next("disconnected", nil)
		})
	}
}
