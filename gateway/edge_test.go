package gateway

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/c2s"
	"usher/upstream"
	"usher/xmpp"
	"usher/xmpp/xmpptest"
)

// patience bounds every wait of these tests; nothing depends on its length.
const patience = 2 * time.Minute

// component and site of the tests' config.
const testComponent = "visitors.localhost"

// edgeConfig is a config for these tests; more is appended to the site.
func edgeConfig(address, more string) string {
	return `
listen: 127.0.0.1:0
admin: 127.0.0.1:0
upstream:
  address: ` + address + `
  components:
    - {domain: visitors.localhost, secret: s3cret}
  rooms: conference.localhost
  retry: {min: 50ms, max: 200ms}
limits: {address: {sessions: 0, new: 0}, visitor: {stanzas: 0, bytes: 0, messages: 0, joins: 0}}
sites:
  - name: shop
    domain: visitors.localhost
    allow: ["*@conference.localhost", "alice@localhost"]
` + more
}

// startEdge runs a gateway with this YAML until the test ends and waits until its links are up. What the YAML
// can't say is changed before it runs.
func startEdge(t testing.TB, yaml string, change ...func(*Gateway)) *Gateway {
	t.Helper()
	path := filepath.Join(t.TempDir(), "usher.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	var out io.Writer = io.Discard
	if testing.Verbose() {
		out = os.Stderr
	}
	g, err := New(cfg, slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(g)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }() // ended by the cleanup below
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	eventually(t, "links up", func() bool {
		for _, l := range g.links() {
			if l.State != "up" {
				return false
			}
		}
		return true
	})
	return g
}

// eventually waits for a state that no event tells of.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	if !within(ok) {
		t.Fatalf("waited in vain: %s", what)
	}
}

// within tells whether it came to that within patience.
func within(ok func() bool) bool {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// guest is a visitor without a carrier: it talks to the gateway through a
// stream whose transport is the test.
type guest struct {
	t      testing.TB
	s      *c2s.Stream
	jid    string
	wake   chan struct{}
	mu     sync.Mutex
	got    []string
	all    []string      // everything that ever came
	gone   bool          // the connection is lost
	before int           // stanzas that streams before this one had counted
	more   chan struct{} // closed and replaced when something came
	scan   *xmpp.Scanner
	closed chan struct{}
}

func (v *guest) Wake() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// opened opens a stream to the domain.
func opened(t testing.TB, g *Gateway, domain string) *guest {
	t.Helper()
	return openedOver(t, g, domain, "ws")
}

func openedOver(t testing.TB, g *Gateway, domain, transport string) *guest {
	t.Helper()
	v := &guest{t: t, wake: make(chan struct{}, 1), more: make(chan struct{}), scan: xmpp.NewScanner(xmpp.Limits{}), closed: make(chan struct{})}
	info := c2s.Info{Remote: netip.MustParseAddr("127.0.0.1"), Transport: transport}
	if err := g.gate.admit(&info); err != nil {
		t.Fatal(err)
	}
	v.s = c2s.New(g.streams, v, info)
	go v.pump() // ends with the stream
	t.Cleanup(func() { v.s.End(c2s.Ending{Reason: c2s.ClientClosed}); <-v.closed })
	if _, err := v.s.Open(c2s.Header{To: domain, Version: "1.0"}); err != nil {
		t.Fatal(err)
	}
	v.Wake()
	v.expect("stream:features", "ANONYMOUS")
	return v
}

// newGuest logs in to the domain and waits for its address.
func newGuest(t testing.TB, g *Gateway, domain string) *guest {
	t.Helper()
	v := opened(t, g, domain)
	v.login(domain)
	return v
}

func (v *guest) login(domain string) {
	v.t.Helper()
	v.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")
	v.expect("success")
	v.reopen(domain)
	v.bind("")
}

// reopen restarts the stream after login.
func (v *guest) reopen(domain string) {
	v.t.Helper()
	if _, err := v.s.Open(c2s.Header{To: domain, Version: "1.0"}); err != nil {
		v.t.Fatal(err)
	}
	v.Wake()
	v.expect("stream:features", "bind")
}

// bind asks for an address; resource is an element, or empty.
func (v *guest) bind(resource string) {
	v.t.Helper()
	v.send("<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>" + resource + "</bind></iq>")
	answer := v.expect("iq", "id='bind'")
	m := regexp.MustCompile("<jid>(.*)</jid>").FindStringSubmatch(answer)
	if m == nil {
		v.t.Fatalf("no address in %s", answer)
	}
	v.jid = m[1]
}

// pump takes what the stream has.
func (v *guest) pump() {
	defer close(v.closed)
	for range v.wake {
		v.take()
		v.mu.Lock()
		gone := v.gone
		v.mu.Unlock()
		if v.s.Ended() != nil || gone {
			v.take()
			return
		}
	}
}

func (v *guest) take() {
	var items []string
	put := func(dst, e []byte) []byte { items = append(items, string(e)); return dst }
	for more := true; more; {
		_, more = v.s.Drain(nil, 1<<16, put)
	}
	if len(items) == 0 {
		return
	}
	v.mu.Lock()
	v.got = append(v.got, items...)
	v.all = append(v.all, items...)
	close(v.more)
	v.more = make(chan struct{})
	v.mu.Unlock()
}

// send gives the stream one element.
func (v *guest) send(xml string) {
	v.t.Helper()
	e, err := v.scan.One([]byte(xml))
	if err != nil {
		v.t.Fatalf("%s: %v", xml, err)
	}
	v.s.Receive(e)
	v.Wake()
}

func (v *guest) sendf(format string, args ...any) { v.t.Helper(); v.send(fmt.Sprintf(format, args...)) }

// expect waits for an element with this name that contains all the parts, and
// takes it and what came before it away.
func (v *guest) expect(name string, parts ...string) string {
	v.t.Helper()
	e, _ := v.until(name, parts...)
	return e
}

// until is expect, and returns also what came before.
func (v *guest) until(name string, parts ...string) (e string, before []string) {
	v.t.Helper()
	deadline := time.After(patience)
	for {
		v.mu.Lock()
		for i, e := range v.got {
			if matches(e, name, parts) {
				before = v.got[:i]
				v.got = v.got[i+1:]
				v.mu.Unlock()
				return e, before
			}
		}
		more, seen := v.more, strings.Join(v.got, "\n")
		v.mu.Unlock()
		select {
		case <-more:
		case <-deadline:
			v.t.Fatalf("%s waited in vain for <%s> with %q; got\n%s", v.jid, name, parts, seen)
		}
	}
}

func matches(e, name string, parts []string) bool {
	if !strings.HasPrefix(e, "<"+name) {
		return false
	}
	for _, p := range parts {
		if !strings.Contains(strings.ReplaceAll(e, `"`, "'"), p) {
			return false
		}
	}
	return true
}

// none asserts that nothing with these parts has come up to now: a ping to the
// edge is answered after everything before it.
func (v *guest) none(parts ...string) {
	v.t.Helper()
	v.send("<iq xmlns='jabber:client' type='get' id='sync'><ping xmlns='urn:xmpp:ping'/></iq>")
	_, before := v.until("iq", "id='sync'")
	for _, e := range before {
		if matches(e, "", parts) {
			v.t.Fatalf("%s got what it should not: %s", v.jid, e)
		}
	}
}

// join enters a room and waits until the room says so.
func (v *guest) join(room, nick string) {
	v.t.Helper()
	v.sendf("<presence xmlns='jabber:client' to='%s/%s' id='join'><x xmlns='http://jabber.org/protocol/muc'/></presence>", room, nick)
	v.expect("presence", "from='"+room+"/"+nick+"'", "110")
}

// unlock accepts a new room's default configuration.
func (v *guest) unlock(room string) {
	v.t.Helper()
	v.sendf("<iq xmlns='jabber:client' type='set' id='cfg' to='%s'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>", room)
	v.expect("iq", "id='cfg'", "type='result'")
}

func (v *guest) say(room, id, body string) {
	v.t.Helper()
	v.sendf("<message xmlns='jabber:client' type='groupchat' to='%s' id='%s'><body>%s</body></message>", room, id, body)
}

// onEachServer runs a test on a real Prosody and on a real ejabberd, side by side: each mostly waits for its server.
func onEachServer(t *testing.T, test func(t *testing.T, server *xmpptest.Server)) {
	options := xmpptest.ServerOptions{Components: []xmpptest.Component{{Domain: testComponent, Secret: "s3cret"}}}
	t.Run("prosody", func(t *testing.T) { t.Parallel(); test(t, xmpptest.RunProsody(t, options)) })
	t.Run("ejabberd", func(t *testing.T) { t.Parallel(); test(t, xmpptest.RunEjabberd(t, options)) })
}

func TestChatInARoom(t *testing.T) { onEachServer(t, chatInARoom) }

func chatInARoom(t *testing.T, server *xmpptest.Server) {
	g := startEdge(t, edgeConfig(server.ComponentAddr(), "    create_rooms: true\n"))
	a, b := newGuest(t, g, testComponent), newGuest(t, g, testComponent)
	room := "tea@conference.localhost"
	a.join(room, "ann")
	a.unlock(room)
	b.join(room, "ben")
	a.expect("presence", "from='"+room+"/ben'")
	a.say(room, "m1", "hello &amp; welcome")
	b.expect("message", "id='m1'", "hello &amp; welcome")
	a.expect("message", "id='m1'")
	b.say(room, "m2", "thanks")
	a.expect("message", "id='m2'", "thanks")
	b.s.End(c2s.Ending{Reason: c2s.ConnectionLost})
	a.expect("presence", "from='"+room+"/ben'", "unavailable")
}

func TestRoomsAreNotMadeUnlessAllowed(t *testing.T) { onEachServer(t, roomsAreNotMadeUnlessAllowed) }

func roomsAreNotMadeUnlessAllowed(t *testing.T, server *xmpptest.Server) {
	g := startEdge(t, edgeConfig(server.ComponentAddr(), ""))
	a := newGuest(t, g, testComponent)
	room := "new@conference.localhost"
	a.sendf("<presence xmlns='jabber:client' to='%s/ann' id='j'><x xmlns='http://jabber.org/protocol/muc'/></presence>", room)
	a.expect("presence", "type='error'", "not-allowed", "id='j'")
	eventually(t, "room forgotten", func() bool {
		g.rooms.mu.Lock()
		defer g.rooms.mu.Unlock()
		return len(g.rooms.m) == 0
	})
	a.none("from='" + room)
}

func TestLinkLossIsRecovered(t *testing.T) { onEachServer(t, linkLossIsRecovered) }

func linkLossIsRecovered(t *testing.T, server *xmpptest.Server) {
	g := startEdge(t, edgeConfig(server.ComponentAddr(), "    create_rooms: true\n"))
	a, b := newGuest(t, g, testComponent), newGuest(t, g, testComponent)
	room := "tea@conference.localhost"
	a.join(room, "ann")
	a.unlock(room)
	b.join(room, "ben")
	a.say(room, "m1", "before")
	b.expect("message", "id='m1'")
	a.expect("message", "id='m1'")
	server.Kill()
	a.expect("message", "state='down'")
	b.expect("message", "state='down'")
	a.say(room, "m2", "during")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	a.expect("message", "state='up'")
	b.expect("message", "id='m2'", "during")
	a.expect("message", "id='m2'", "during")
	b.say(room, "m3", "after")
	a.expect("message", "id='m3'", "after")
	b.expect("message", "id='m3'", "after")
	g.rooms.mu.Lock()
	r := g.rooms.m[room]
	g.rooms.mu.Unlock()
	eventually(t, "nothing is unconfirmed", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.sent) == 0
	})
}

// TestOneLinkLost: one of two links is lost while the server lives and the
// others go on talking. Who comes back gets what he missed, and nothing twice.
func TestOneLinkLost(t *testing.T) {
	server := xmpptest.RunProsody(t, xmpptest.ServerOptions{Components: []xmpptest.Component{
		{Domain: testComponent, Secret: "s3cret"}, {Domain: "v2.localhost", Secret: "s3cret"}}})
	yaml := strings.Replace(edgeConfig(server.ComponentAddr(), "    create_rooms: true\n"), "  rooms:", "    - {domain: v2.localhost, secret: s3cret}\n  rooms:", 1)
	g := startEdge(t, yaml)
	a, b := newGuest(t, g, testComponent), newGuest(t, g, testComponent)
	lost := "v2.localhost"
	if strings.Contains(a.jid, lost) {
		a, b = b, a
	}
	if strings.Contains(a.jid, lost) || !strings.Contains(b.jid, lost) {
		t.Fatalf("the visitors are not on both links: %s, %s", a.jid, b.jid)
	}
	room := "tea@conference.localhost"
	a.join(room, "ann")
	a.unlock(room)
	b.join(room, "ben")
	a.say(room, "m1", "before")
	a.expect("message", "id='m1'")
	b.expect("message", "id='m1'")

	// The server gives the name to somebody else (conflict: kick_old).
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	thief, err := upstream.Dial(ctx, upstream.Config{Domain: lost, Secret: "s3cret", Address: server.ComponentAddr(), HighWater: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer thief.Close(ctx)
	go thief.Serve(ctx, &stranger{in: make(chan string, 1000)}) // ends when the edge takes the name back
	b.expect("message", "state='down'")
	a.say(room, "m2", "meanwhile")
	a.expect("message", "id='m2'")
	b.say(room, "m3", "held")
	if _, before := b.until("message", "id='m2'", "meanwhile"); strings.Contains(strings.Join(before, ""), "id='m1'") {
		t.Errorf("ben got m1 twice: %q", before)
	}
	b.expect("message", "state='up'")
	if _, before := b.until("message", "id='m3'"); strings.Contains(strings.Join(before, ""), "id='m1'") {
		t.Errorf("ben got m1 twice: %q", before)
	}
	a.expect("message", "id='m3'")
	a.say(room, "m4", "after")
	a.expect("message", "id='m4'")
	if _, before := b.until("message", "id='m4'"); strings.Contains(strings.Join(before, ""), "<body") {
		t.Errorf("ben got something twice: %q", before)
	}
}
