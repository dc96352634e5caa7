package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/c2s"
	"usher/workgroup"
	"usher/xmpp/xmpptest"
)

// deskSites are two sites with a workgroup each, of different addresses.
const deskSites = `    workgroups:
      - {name: support, agents: [alice@localhost], supervisors: [carol@localhost]}
  - name: club
    domain: club.example
    workgroups:
      - {name: support, title: Club desk, address: club-support, agents: [bob@localhost]}
`

// deskConfig has its archive at path.
func deskConfig(address, path string) string {
	return edgeConfig(address, deskSites) + "archive: {path: " + path + "}\n"
}

const (
	shopDesk = "support@" + testComponent
	clubDesk = "club-support@" + testComponent
)

// ledger is an archive that keeps nothing; the test holds it up or lets it fail.
type ledger struct {
	mu      sync.Mutex
	gate    chan struct{} // a commit waits until it is closed; nil: not
	err     error
	commits int
	rows    []string      // of the conversations committed, as SITE STATE
	asked   chan struct{} // a commit has begun to wait
}

func newLedger() *ledger { return &ledger{asked: make(chan struct{}, 1000)} }

func (l *ledger) load() (workgroup.Snapshot, error) { return workgroup.Snapshot{}, nil }
func (l *ledger) secret(string) ([]byte, error)     { return []byte("secret"), nil }
func (l *ledger) lag() float64                      { return 0 }
func (l *ledger) errors() uint64                    { return 0 }
func (l *ledger) close()                            {}
func (l *ledger) commit(b *workgroup.Batch) error {
	l.mu.Lock()
	gate := l.gate
	l.mu.Unlock()
	if gate != nil {
		l.asked <- struct{}{}
		<-gate
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commits++
	for i := range b.Conversations {
		l.rows = append(l.rows, b.Conversations[i].Site+" "+string(b.Conversations[i].State))
	}
	return l.err
}

// hold makes commits wait; the function lets them go.
func (l *ledger) hold() (release func()) {
	gate := make(chan struct{})
	l.mu.Lock()
	l.gate = gate
	l.mu.Unlock()
	return func() {
		l.mu.Lock()
		l.gate = nil
		l.mu.Unlock()
		close(gate)
	}
}

func (l *ledger) fail(err error) {
	l.mu.Lock()
	l.err = err
	l.mu.Unlock()
}

// desked is a scripted edge with workgroups, its archive a ledger, and an available agent of each site.
func desked(t *testing.T) (*script, *Gateway, *ledger) {
	t.Helper()
	s, l := newScript(t), newLedger()
	g := startEdge(t, deskConfig(s.u.Addr(), "unused.db"), func(g *Gateway) { g.openArchive = func() (keeper, error) { return l, nil } })
	s.available("alice@localhost", shopDesk)
	s.available("bob@localhost", clubDesk)
	return s, g, l
}

// available lets an agent subscribe to the workgroup and be available to it, until it takes him for ready.
func (s *script) available(agent, group string) {
	s.t.Helper()
	for _, stanza := range []string{
		"<presence type='subscribed' from='" + agent + "' to='" + group + "'/>",
		"<presence type='subscribe' from='" + agent + "' to='" + group + "'/>",
		"<presence from='" + agent + "/desk' to='" + group + "'/>",
	} {
		if err := s.u.Send(testComponent, []byte(stanza)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// until returns the next stanza with these parts that the edge sent, whatever comes before it.
func (s *script) until(parts ...string) string {
	s.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case got := <-s.sent:
			if matches(got, "", parts) {
				return got
			}
		case <-deadline:
			s.t.Fatalf("upstream waited in vain for %q", parts)
		}
	}
}

const joinQueue = "<iq xmlns='jabber:client' type='set' id='%s' to='%s'><join-queue xmlns='http://jabber.org/protocol/workgroup'><queue-notifications/></join-queue></iq>"

// TestDeskRouting: a visitor reaches the workgroups of his own site and no other, and they him, without the server behind.
func TestDeskRouting(t *testing.T) {
	s, g, _ := desked(t)
	shop, club := newGuest(t, g, testComponent), newGuest(t, g, "club.example")
	const info = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
	for _, c := range []struct {
		name          string
		who           *guest
		to, kind, typ string
		payload, want string
	}{
		{"his site's workgroup", shop, shopDesk, "iq", "get", info, "type='workgroup'"},
		{"the other site's", shop, clubDesk, "iq", "get", info, "<forbidden "},
		{"of the other site, his own", club, clubDesk, "iq", "get", info, "type='workgroup'"},
		{"of the other site, the first one's", club, shopDesk, "iq", "get", info, "<forbidden "},
		{"a message to the other site's", shop, clubDesk, "message", "chat", "<body>x</body>", "<forbidden "},
		{"a request of the other site", shop, clubDesk, "iq", "set", "<join-queue xmlns='http://jabber.org/protocol/workgroup'/>", "<forbidden "},
		{"a workgroup that isn't there", shop, "nothing@" + testComponent, "iq", "get", info, "<forbidden "},
		{"a queue that isn't there", shop, "nothing@" + testComponent, "iq", "set", "<join-queue xmlns='http://jabber.org/protocol/workgroup'/>",
			"<error type='cancel' code='404'><item-not-found "},
		{"a visitor's queue", shop, bareOf(club.jid), "iq", "set", "<join-queue xmlns='http://jabber.org/protocol/workgroup'/>", "<error type='cancel' code='404'><item-not-found "},
		{"an owner of a room", shop, "c-aaaaaaaaaaaaaaaaaaaaaaaaaa@" + testComponent, "message", "chat", "<body>x</body>", "<forbidden "},
		{"a subscription", shop, shopDesk, "presence", "subscribe", "", "<forbidden "},
		{"a resource of it", shop, shopDesk + "/x", "iq", "get", info, "type='workgroup'"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.who.t = t
			c.who.sendf("<%s xmlns='jabber:client' type='%s' id='q' to='%s'>%s</%s>", c.kind, c.typ, c.to, c.payload, c.kind)
			c.who.expect(c.kind, c.want, "id='q'", "from='"+c.to+"'")
		})
	}
	shop.t, club.t = t, t
	items := "<iq xmlns='jabber:client' type='get' id='i' to='%s'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>"
	shop.sendf(items, testComponent)
	if got := shop.expect("iq", "id='i'"); !strings.Contains(got, "<item jid='"+shopDesk+"' name='support'/>") || strings.Contains(got, clubDesk) {
		t.Errorf("the shop's items: %s", got)
	}
	club.sendf(items, "club.example")
	if got := club.expect("iq", "id='i'"); !strings.Contains(got, "<item jid='"+clubDesk+"' name='Club desk'/>") || strings.Contains(got, "'"+shopDesk) {
		t.Errorf("the club's items: %s", got)
	}
	shop.sendf(items, bareOf(shop.jid))
	if got := shop.expect("iq", "id='i'"); strings.Contains(got, "<item") {
		t.Errorf("an account's items: %s", got)
	}
	// Whom the workgroups offer a request to, and who lists it, is of its own site.
	shop.sendf(joinQueue, "j", shopDesk)
	shop.expect("iq", "id='j'", "type='result'")
	offer := s.until("<message", "to='alice@localhost", "<body>")
	if !strings.Contains(offer, "from='"+shopDesk+"'") {
		t.Errorf("the offer is not the workgroup's: %s", offer)
	}
	s.t = t
	if err := s.u.Send(testComponent, []byte("<message type='chat' id='who' from='bob@localhost/desk' to='"+clubDesk+"'><body>who</body></message>")); err != nil {
		t.Fatal(err)
	}
	answer := s.until("<message", "to='bob@localhost", "<body>")
	if local, _, _ := strings.Cut(shop.jid, "@"); strings.Contains(answer, local) || strings.Contains(answer, "alice") || strings.Contains(answer, "from='"+shopDesk) {
		t.Errorf("the other site's agent is told %s", answer)
	}
}

// TestDeskCommitsFirst: nobody sees anything of what isn't in the archive yet.
func TestDeskCommitsFirst(t *testing.T) {
	s, g, l := desked(t)
	v := newGuest(t, g, testComponent)
	v.sendf("<iq xmlns='jabber:client' type='get' id='d' to='%s'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>", shopDesk)
	v.expect("iq", "id='d'")
	release := l.hold()
	v.sendf(joinQueue, "j", shopDesk)
	<-l.asked // the commit has begun
	v.none("id='j'")
	for len(s.sent) > 0 {
		if got := <-s.sent; strings.Contains(got, "<message") {
			t.Errorf("before the commit upstream got %s", got)
		}
	}
	if wait := g.desk.behind(); wait <= 0 {
		t.Errorf("what waits for the archive is %v s old", wait)
	}
	release()
	v.expect("iq", "id='j'", "type='result'")
	s.until("<message", "to='alice@localhost", "<body>")
	l.mu.Lock()
	rows := strings.Join(l.rows, ", ")
	l.mu.Unlock()
	if !strings.Contains(rows, "shop queued") && !strings.Contains(rows, "shop offered") {
		t.Errorf("committed were %s", rows)
	}
	eventually(t, "nothing waits for the archive", func() bool { return g.desk.behind() == 0 })
}

// TestDeskForgetsTheErased: what somebody has left who was erased then is given to no agent, what others have left is.
func TestDeskForgetsTheErased(t *testing.T) {
	s, l := newScript(t), newLedger()
	g := startEdge(t, deskConfig(s.u.Addr(), "unused.db"), func(g *Gateway) { g.openArchive = func() (keeper, error) { return l, nil } })
	const leave = "<iq xmlns='jabber:client' type='set' id='l' to='%s'><leave-message xmlns='urn:usher:desk:0'>" +
		"<x xmlns='jabber:x:data' type='submit'><field var='question'><value>%s</value></field></x></leave-message></iq>"
	ann, bea := newGuest(t, g, testComponent), newGuest(t, g, testComponent)
	ann.sendf(leave, shopDesk, "erase me")
	ann.expect("iq", "id='l'", "type='result'", "<leave-message ")
	bea.sendf(leave, shopDesk, "keep me")
	bea.expect("iq", "id='l'", "type='result'", "<leave-message ")
	g.desk.erased(bareOf(ann.jid))
	s.available("alice@localhost", shopDesk)
	if got := s.until("<message", "to='alice@localhost'", "message left"); !strings.Contains(got, "keep me") {
		t.Errorf("the agent is given %s", got)
	}
}

// TestDeskOutlivesTheArchive: an archive that fails stops no chat.
func TestDeskOutlivesTheArchive(t *testing.T) {
	s, g, l := desked(t)
	l.fail(errors.New("the disk is full"))
	v := newGuest(t, g, testComponent)
	v.sendf(joinQueue, "j", shopDesk)
	v.expect("iq", "id='j'", "type='result'")
	s.until("<message", "to='alice@localhost", "<body>")
	if err := s.u.Send(testComponent, []byte("<message type='chat' id='yes' from='alice@localhost/desk' to='"+shopDesk+"'><body>accept</body></message>")); err != nil {
		t.Fatal(err)
	}
	s.until("<presence", "from='c-", "@conference.localhost/") // the owner makes the room
}

// TestDeskMailbox: what finds the mailbox full is refused, counted, and the desk is told; events have room of their own; and nothing grows beyond its bound.
func TestDeskMailbox(t *testing.T) {
	s, g, l := desked(t)
	v := newGuest(t, g, testComponent)
	release := l.hold()
	v.sendf(joinQueue, "j", shopDesk)
	<-l.asked
	big := strings.Repeat("x", 60<<10)
	before := g.count.drops[DropDeskFull].Load()
	sent := 0
	for ; g.count.drops[DropDeskFull].Load() == before; sent++ {
		v.sendf("<iq xmlns='jabber:client' type='get' id='big%d' to='%s'><x xmlns='urn:example:big'>%s</x></iq>", sent, shopDesk, big)
		if sent > 10000 {
			t.Fatal("the mailbox takes everything")
		}
	}
	v.expect("iq", fmt.Sprintf("id='big%d'", sent-1), "type='error'", "type='wait'", "resource-constraint")
	g.desk.mu.Lock()
	n := g.desk.bytes
	g.desk.mu.Unlock()
	if n > mailboxBytes || n < mailboxBytes-2*len(big) {
		t.Errorf("%d bytes are in the mailbox, want nearly %d", n, mailboxBytes)
	}
	// From upstream likewise; small ones that still fit are taken.
	if err := s.u.Send(testComponent, []byte("<message type='chat' id='up' from='alice@localhost/desk' to='"+shopDesk+"'><body>"+big+"</body></message>")); err != nil {
		t.Fatal(err)
	}
	s.until("type='error'", "to='alice@localhost/desk'", "resource-constraint", "id='up'")
	late := newGuest(t, g, testComponent) // an event: taken
	g.desk.mu.Lock()
	last := g.desk.box[len(g.desk.box)-1]
	lost := g.desk.lost
	g.desk.mu.Unlock()
	if last.kind != visitorBound || last.visitor.JID != late.jid || !lost {
		t.Errorf("last in the mailbox is a %d of %v; lost %v", last.kind, last.visitor, lost)
	}
	release()
	v.expect("iq", "id='j'", "type='result'")
	v.expect("iq", fmt.Sprintf("id='big%d'", sent-2), "type='error'") // all that was taken is answered
	eventually(t, "the mailbox is empty", func() bool {
		g.desk.mu.Lock()
		defer g.desk.mu.Unlock()
		return g.desk.bytes == 0 && len(g.desk.box) == 0 && !g.desk.lost
	})
	late.sendf("<iq xmlns='jabber:client' type='get' id='d' to='%s'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>", shopDesk)
	late.expect("iq", "id='d'", "type='result'")
}

// TestDeskEffects: where each thing goes that the desk asks for, and that they are done in order.
func TestDeskEffects(t *testing.T) {
	s, g, _ := desked(t)
	v, gone := newGuest(t, g, testComponent), newGuest(t, g, testComponent)
	gone.s.End(c2s.Ending{Reason: c2s.ClientClosed})
	<-gone.closed
	send := func(format string, args ...any) workgroup.Effect {
		return workgroup.Effect{Kind: workgroup.Send, Stanza: fmt.Appendf(nil, format, args...)}
	}
	g.desk.outputs <- workgroup.Output{Effects: []workgroup.Effect{
		send("<message from='%s' to='%s' id='e1' type='chat'><body>to you</body></message>", shopDesk, v.jid),
		send("<message from='%s' to='%s' id='e2' xml:lang='de'><body>to your account</body></message>", shopDesk, bareOf(v.jid)),
		send("<message from='%s' to='%s' id='e3'><body>to nobody</body></message>", shopDesk, gone.jid),
		send("<presence from='%s' to='%s'/>", shopDesk, gone.jid),
		send("<message from='%s' to='%s' id='e4'><body>to a domain of ours</body></message>", shopDesk, testComponent),
		send("no stanza"),
		send("<message from='%s' to='alice@localhost' id='e5'><body>to an agent</body></message>", shopDesk),
		{Kind: workgroup.OpenRoom, Visitor: bareOf(v.jid), Room: supportRoom, Nick: supportNick},
		{Kind: workgroup.OpenRoom, Visitor: bareOf(gone.jid), Room: supportRoom, Nick: supportNick},
		send("<message from='%s' to='%s' id='e6'><body>come in</body></message>", shopDesk, v.jid),
	}}
	v.expect("message", "id='e1'", "xmlns='jabber:client'", "to='"+v.jid+"'", "from='"+shopDesk+"'", "to you")
	v.expect("message", "id='e2'", "to='"+v.jid+"'", "xml:lang='de'")
	s.until("id='e5'", "to='alice@localhost'", "from='"+shopDesk+"'")
	v.expect("message", "id='e6'")
	s.enterSupport2(v)
	for reason, want := range map[DropReason]uint64{DropDeskVisitor: 2, DropDeskAddress: 2, DropDeskLink: 0} {
		if n := g.count.drops[reason].Load(); n != want {
			t.Errorf("%d drops for %s, want %d", n, reason, want)
		}
	}
	g.desk.outputs <- workgroup.Output{Effects: []workgroup.Effect{{Kind: workgroup.CloseRoom, Visitor: bareOf(v.jid), Room: supportRoom},
		send("<message from='%s' to='%s' id='e7'><body>out</body></message>", shopDesk, v.jid)}}
	v.expect("message", "id='e7'")
	v.say(supportRoom, "late", "still here?")
	v.expect("message", "id='late'", "<forbidden ")
}

// enterSupport2 joins the room while other stanzas of the desk pass by.
func (s *script) enterSupport2(v *guest) {
	s.t.Helper()
	v.sendf("<presence xmlns='jabber:client' to='%s/%s'><x xmlns='http://jabber.org/protocol/muc'/></presence>", supportRoom, supportNick)
	s.until("<presence", "to='"+supportRoom+"/"+supportNick+"'")
	s.admitTo(v, supportRoom, supportNick, "")
	v.expect("presence", "from='"+supportRoom+"/"+supportNick+"'", "110")
}

// TestDeskIsRestored: after a restart, polite or not, nobody has lost his place, and he who waits comes back by his token.
func TestDeskIsRestored(t *testing.T) {
	const status = "<iq xmlns='jabber:client' type='get' id='s' to='" + shopDesk + "'><queue-status xmlns='http://jabber.org/protocol/workgroup'/></iq>"
	path := filepath.Join(t.TempDir(), "usher.db")
	s := newScript(t)
	var tokens []string
	var first []*guest
	t.Run("before", func(t *testing.T) {
		s.t = t
		g := startEdge(t, deskConfig(s.u.Addr(), path))
		s.available("alice@localhost", shopDesk)
		for i := range 3 {
			v := newGuest(t, g, testComponent)
			eventually(t, "the workgroup is open", func() bool {
				v.sendf(joinQueue, "j", shopDesk)
				return !strings.Contains(v.expect("iq", "id='j'"), "type='error'")
			})
			token, _ := v.token()
			tokens, first = append(tokens, token), append(first, v)
			if i == 0 {
				s.until("<message", "to='alice@localhost", "<body>") // the offer
			}
		}
	})
	s.t = t
	s.settleDown()
	g := startEdge(t, deskConfig(s.u.Addr(), path))
	for i, token := range tokens {
		v := returns(t, g, testComponent, token, "")
		if bareOf(v.jid) != bareOf(first[i].jid) {
			t.Fatalf("came back as %s, was %s", v.jid, first[i].jid)
		}
		v.send(status)
		got := v.expect("iq", "id='s'", "type='result'")
		if want := fmt.Sprintf("<position>%d</position>", i+1); !strings.Contains(got, want) && !(i == 0 && strings.Contains(got, "<position>0</position>")) {
			t.Errorf("the one who asked as number %d is told %s", i+1, got)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the archive is %v, %v", info, err)
	}
}

// settleDown forgets what was sent so far.
func (s *script) settleDown() {
	for len(s.sent) > 0 {
		<-s.sent
	}
}

// TestDeskOfNoWorkgroup: without a workgroup there is no desk and no archive.
func TestDeskOfNoWorkgroup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher.db")
	g := startEdge(t, edgeConfig(silent(t).Addr(), "")+"archive: {path: "+path+"}\n")
	if g.desk != nil {
		t.Error("a desk runs")
	}
	v := newGuest(t, g, testComponent)
	v.sendf(joinQueue, "j", shopDesk)
	v.expect("iq", "id='j'", "<forbidden ")
	if g.visitors.addressed([]byte(v.jid)).card.Load() != nil {
		t.Error("a visitor has a card that nobody reads")
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the archive: %v", err)
	}
}

// TestDeskCannotStart: an archive that can't be opened is an error of Run, not a desk that forgets.
func TestDeskCannotStart(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "usher.yaml")
	if err := os.WriteFile(path, []byte(deskConfig("127.0.0.1:1", filepath.Join(dir, "no", "such", "dir", "usher.db"))), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	g, err := New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "archive") {
		t.Errorf("Run: %v", err)
	}
}

// TestStoredAddress: none, hashed with the archive's key, or in full.
func TestStoredAddress(t *testing.T) {
	_, g, _ := desked(t)
	v := newGuest(t, g, testComponent)
	at := g.visitors.addressed([]byte(v.jid))
	for _, c := range []struct {
		how, a, b, want string
		same            bool
	}{
		{"none", "192.0.2.1", "192.0.2.2", "", true},
		{"full", "192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1", true},
		{"full", "2001:db8::1", "2001:db8::2", "2001:db8::1", false},
		{"hash", "192.0.2.1", "192.0.2.2", "", false},
		{"hash", "192.0.2.1", "::ffff:192.0.2.1", "", true},
		{"hash", "2001:db8::1", "2001:db8::2", "", true},
		{"hash", "2001:db8::1", "2001:db8:0:1::1", "", false},
	} {
		site := *at.site
		cfg := *at.site.cfg
		cfg.StoreAddress = c.how
		site.cfg = &cfg
		a, b := g.desk.storedAddress(&site, netip.MustParseAddr(c.a)), g.desk.storedAddress(&site, netip.MustParseAddr(c.b))
		if (a == b) != c.same || c.want != "" && a != c.want || c.how == "none" && a != "" || c.how == "hash" && (len(a) != 32 || strings.Contains(a, ".")) {
			t.Errorf("%s: %s is %q, %s is %q", c.how, c.a, a, c.b, b)
		}
	}
}

// TestDeskHearsOfALostHome: a visitor whose own link is lost, while the desk's is not, is out of his support room: to the
// desk he is gone until that link is back. One without a support room has lost nothing.
func TestDeskHearsOfALostHome(t *testing.T) {
	const other = "v2.localhost"
	u, err := xmpptest.NewUpstream(xmpptest.UpstreamConfig{
		Components: []xmpptest.Component{{Domain: testComponent, Secret: "s3cret"}, {Domain: other, Secret: "s3cret"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.Close)
	l := newLedger()
	yaml := strings.Replace(deskConfig(u.Addr(), "unused.db"), "  rooms:", "    - {domain: v2.localhost, secret: s3cret}\n  rooms:", 1)
	g := startEdge(t, yaml, func(g *Gateway) { g.openArchive = func() (keeper, error) { return l, nil } })
	var there []*guest // on the other link
	for range 4 {
		if v := newGuest(t, g, testComponent); strings.Contains(v.jid, other) {
			there = append(there, v)
		}
	}
	if len(there) != 2 {
		t.Fatalf("%d visitors of 4 live on the second link", len(there))
	}
	// Nothing of the logins is left for the desk to do.
	there[0].sendf("<iq xmlns='jabber:client' type='get' id='d' to='%s'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>", shopDesk)
	there[0].expect("iq", "id='d'", "type='result'")
	// From here on the desk reads nothing: its goroutine waits for the archive.
	release := l.hold()
	defer release()
	row := workgroup.Output{Batch: workgroup.Batch{Items: []workgroup.Item{{Key: "x"}}}, Effects: []workgroup.Effect{{Kind: workgroup.CloseRoom}}}
	g.desk.outputs <- row
	<-l.asked
	for len(g.desk.outputs) < cap(g.desk.outputs) {
		select {
		case g.desk.outputs <- row:
		default: // the desk itself was faster
		}
	}
	there[0].sendf(joinQueue, "j", shopDesk)
	eventually(t, "the last is read", func() bool {
		g.desk.mu.Lock()
		defer g.desk.mu.Unlock()
		return len(g.desk.box) == 0
	})
	told := func(want ...letterOf) {
		t.Helper()
		var got []letterOf
		eventually(t, fmt.Sprint(want), func() bool {
			g.desk.mu.Lock()
			defer g.desk.mu.Unlock()
			got = nil
			for _, in := range g.desk.box {
				if in.visitor != nil && in.stanza == nil {
					got = append(got, letterOf{in.kind, in.visitor.JID})
				}
			}
			return slices.Equal(got, want)
		})
	}
	there[0].open(g, supportRoom, supportNick)
	u.Peer(other).Kill()
	for _, v := range there {
		v.expect("message", "state='down'")
	}
	for _, v := range there {
		v.expect("message", "state='up'")
	}
	told(letterOf{visitorGone, there[0].jid}, letterOf{visitorBound, there[0].jid})
	there[0].s.End(c2s.Ending{Reason: c2s.ClientClosed})
	told(letterOf{visitorGone, there[0].jid}, letterOf{visitorBound, there[0].jid}, letterOf{visitorGone, there[0].jid})
}

// letterOf is an event of a visitor in the mailbox.
type letterOf struct {
	kind inputKind
	jid  string
}

// TestBatchesAreGrouped: whatever a batch may hold is still there when it was put behind another one.
func TestBatchesAreGrouped(t *testing.T) {
	var one, pending workgroup.Batch
	lists := reflect.ValueOf(&one).Elem()
	for i := range lists.NumField() {
		lists.Field(i).Set(reflect.MakeSlice(lists.Field(i).Type(), 2, 2))
	}
	d := &desk{g: &Gateway{now: time.Now}}
	d.group(&pending, &one)
	d.group(&pending, &one)
	grouped := reflect.ValueOf(pending)
	for i := range grouped.NumField() {
		if n := grouped.Field(i).Len(); n != 4 {
			t.Errorf("%d of 4 %s are left", n, grouped.Type().Field(i).Name)
		}
	}
}
