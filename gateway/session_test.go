package gateway

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/c2s"
	"usher/workgroup"
)

// lose takes the connection away without a goodbye.
func (v *guest) lose() {
	v.t.Helper()
	v.mu.Lock()
	v.gone = true
	v.mu.Unlock()
	v.s.Lose(c2s.Ending{Reason: c2s.ConnectionLost})
	v.Wake()
	<-v.closed
}

// enable asks for XEP-0198 with resumption.
func (v *guest) enable() (id string) {
	v.t.Helper()
	v.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
	m := regexp.MustCompile(` id='([^']+)'`).FindStringSubmatch(v.expect("enabled", "resume='true'"))
	if m == nil {
		v.t.Fatal("no id to resume by")
	}
	return m[1]
}

// handled is how many stanzas have come since enable, over all streams.
func (v *guest) handled() (n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, e := range v.all {
		switch {
		case strings.HasPrefix(e, "<enabled"):
			n = 0
		case strings.HasPrefix(e, "<resumed"):
			n = v.before
		case strings.HasPrefix(e, "<message"), strings.HasPrefix(e, "<presence"), strings.HasPrefix(e, "<iq"):
			n++
		}
	}
	return n
}

// resumes logs in and resumes the session of old.
func resumes(t testing.TB, g *Gateway, old *guest, id string) *guest {
	t.Helper()
	v := opened(t, g, testComponent)
	v.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")
	v.expect("success")
	v.reopen(testComponent)
	v.sendf("<resume xmlns='urn:xmpp:sm:3' previd='%s' h='%d'/>", id, old.handled())
	v.expect("resumed", "previd='"+id+"'")
	v.jid, v.before = old.jid, old.handled()
	return v
}

func (g *Gateway) sessionOf(v *guest) *visitor { return g.visitors.addressed([]byte(v.jid)) }

// graceOver lets the time of the grace pass for a session whose client is away.
func (g *Gateway) graceOver(v *guest) {
	g.sessionOf(v).Due(g.now().Add(g.cfg.Resume.Grace + time.Second))
}

const (
	toAlice   = "<presence xmlns='jabber:client' to='alice@localhost'><status>here</status></presence>"
	fromAlice = "<message type='chat' id='%s' from='alice@localhost/desk' to='{v}'><body>%s</body></message>"
)

// TestGrace: within it nobody sees that a visitor is away; he keeps his address, rooms, requests and what was sent to him.
func TestGrace(t *testing.T) {
	for name, again := range map[string]func(t *testing.T, g *Gateway, old *guest, id, token string) *guest{
		"by token": func(t *testing.T, g *Gateway, _ *guest, _, token string) *guest {
			return returns(t, g, testComponent, token, "x")
		},
		"by resume": func(t *testing.T, g *Gateway, old *guest, id, _ string) *guest { return resumes(t, g, old, id) },
	} {
		t.Run(name, func(t *testing.T) {
			s, g, v := scripted(t, "")
			other := newGuest(t, g, testComponent)
			v.send(toAlice)
			s.expect("to='alice@localhost'")
			s.enter(v, "ann")
			token, _ := v.token()
			id := v.enable()
			v.send("<iq xmlns='jabber:client' type='get' id='q' to='alice@localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
			asked := s.expect("<iq", "to='alice@localhost'")
			v.lose()
			if !v.s.Parked() {
				t.Fatalf("not parked: %v", v.s.Ended())
			}
			s.send(v, "<iq type='result' from='alice@localhost' to='{v}' id='"+attr(asked, "id")+"'/>")
			s.send(v, fmt.Sprintf(fromAlice, "m1", "one"))
			s.send(v, "<message type='groupchat' id='m2' from='"+scriptRoom+"/ben' to='{v}'><body>two</body></message>")
			s.passed(other)
			s.none(other)
			back := again(t, g, v, id, token)
			if back.jid != v.jid {
				t.Errorf("he is %s, was %s", back.jid, v.jid)
			}
			back.expect("iq", "id='q'", "type='result'")
			back.expect("message", "id='m1'")
			back.expect("message", "id='m2'")
			s.none(other)
			back.say(scriptRoom, "m3", "three")
			s.expect("id='m3'", "from='"+v.jid+"'")
			s.send(v, "<message type='groupchat' id='m3' from='"+scriptRoom+"/ann' to='{v}'><body>three</body></message>")
			back.expect("message", "id='m3'")
			if n := g.links()[0].Visitors; n != 2 {
				t.Errorf("the link has %d visitors, want 2", n)
			}
			if a := g.gate.all; a.streams != 2 || a.prelogin != 0 || a.parked != 0 {
				t.Errorf("at the gate: %+v", a)
			}
			// When he says goodbye everybody hears it; what he has acknowledged is nobody's business any more.
			if name == "by resume" {
				back.sendf("<a xmlns='urn:xmpp:sm:3' h='%d'/>", back.handled())
			}
			back.s.End(c2s.Ending{Reason: c2s.ClientClosed})
			for range 2 {
				s.expect("<presence", "type='unavailable'", "from='"+v.jid+"'")
			}
			s.none(other)
		})
	}
}

const nsLinkState = "urn:usher:link:0"

// TestLinkLostWhileParked: within the grace he is replayed like anybody, client or not.
func TestLinkLostWhileParked(t *testing.T) {
	s, g, v := scripted(t, "")
	s.enter(v, "ann")
	id := v.enable()
	v.lose()
	s.u.Peer(testComponent).Kill()
	s.expect("<presence", "to='"+scriptRoom+"/ann'", "<history since='", "from='"+v.jid+"'")
	s.admit(v, "ann", "", "")
	back := resumes(t, g, v, id)
	back.expect("message", nsLinkState, "state='down'")
	back.expect("message", nsLinkState, "state='up'", "missed='0'")
	back.say(scriptRoom, "m1", "still here")
	s.expect("id='m1'")
}

// TestUndelivered: at the end senders of messages and requests are told, and nobody else.
func TestUndelivered(t *testing.T) {
	s, g, v := scripted(t, "")
	other := newGuest(t, g, testComponent)
	s.enter(v, "ann")
	v.enable()
	v.lose()
	for _, stanza := range []string{
		fmt.Sprintf(fromAlice, "chat", "one"),
		"<message id='normal' from='alice@localhost/desk' to='{v}'><body>two</body></message>",
		"<message type='error' id='err' from='alice@localhost/desk' to='{v}'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
		"<iq type='get' id='ask' from='alice@localhost/desk' to='{v}'><ping xmlns='urn:xmpp:ping'/></iq>",
		"<presence from='alice@localhost/desk' to='{v}'/>",
		"<message type='groupchat' id='room' from='" + scriptRoom + "/ben' to='{v}'><body>three</body></message>",
		"<message type='chat' id='private' from='" + scriptRoom + "/ben' to='{v}'><body>four</body></message>",
		"<iq type='get' id='through' from='" + scriptRoom + "/ben' to='{v}'><query xmlns='jabber:iq:version'/></iq>",
	} {
		s.send(v, stanza)
	}
	s.passed(other)
	v.s.End(c2s.Ending{Reason: c2s.Terminated}) // as when its time is over
	for _, want := range []struct{ id, name, to string }{
		{"chat", "<message", "alice@localhost/desk"}, {"normal", "<message", "alice@localhost/desk"},
		{"ask", "<iq", "alice@localhost/desk"}, {"through", "<iq", scriptRoom + "/ben"},
	} {
		s.expect(want.name, "type='error'", "id='"+want.id+"'", "to='"+want.to+"'", "from='"+v.jid+"'", "<recipient-unavailable ")
	}
	s.expect("<presence", "type='unavailable'", "to='"+scriptRoom+"/ann'")
	s.none(other)
	if n := g.count.drops[DropUndelivered].Load(); n != 8 {
		t.Errorf("%d are counted as undelivered, want 8", n)
	}
	if n := g.count.closes[c2s.ConnectionLost][overWS].Load(); n != 1 {
		t.Errorf("counted as lost: %d", n)
	}
	if n := g.count.resumes[ResumeExpired].Load(); n != 1 {
		t.Errorf("counted as expired: %d", n)
	}
	if a := g.gate.all; a.parked != 0 || a.streams != 1 {
		t.Errorf("at the gate: %+v", a)
	}
}

// TestUndeliveredBetweenVisitors: another visitor and the desk are senders like any.
func TestUndeliveredBetweenVisitors(t *testing.T) {
	s := newScript(t)
	g := startEdge(t, strings.Replace(edgeConfig(s.u.Addr(), ""), "allow: [", "allow: [visitors, ", 1))
	v, other := newGuest(t, g, testComponent), newGuest(t, g, testComponent)
	v.sendf("<presence xmlns='jabber:client' to='%s'/>", other.jid)
	other.expect("presence", "from='"+v.jid+"'")
	v.enable()
	v.lose()
	g.graceOver(v)
	other.expect("presence", "from='"+v.jid+"'", "type='unavailable'")
	other.sendf("<message xmlns='jabber:client' type='chat' id='m' to='%s'><body>x</body></message>", v.jid)
	v.s.End(c2s.Ending{Reason: c2s.Terminated})
	other.expect("message", "type='error'", "id='m'", "from='"+v.jid+"'", "<recipient-unavailable ")
	other.none("unavailable'")
}

// TestWhoIsWaitedFor: only he who can come back.
func TestWhoIsWaitedFor(t *testing.T) {
	for _, c := range []struct {
		name   string
		before func(v *guest)
		parked bool
		grace  bool // withdrawn after it, rather than over
	}{
		{"nothing", func(*guest) {}, false, false},
		{"a token", func(v *guest) { v.token() }, true, false},
		{"a revoked token", func(v *guest) {
			v.token()
			v.send("<iq xmlns='jabber:client' type='set' id='r'><token xmlns='urn:usher:token:0' revoke='true'/></iq>")
			v.expect("iq", "id='r'", "type='result'")
		}, false, false},
		{"counting only", func(v *guest) { v.send("<enable xmlns='urn:xmpp:sm:3'/>"); v.expect("enabled") }, false, false},
		{"resumption", func(v *guest) { v.enable() }, true, true},
		{"both", func(v *guest) { v.token(); v.enable() }, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, _ := tokenEdge(t, "")
			v := newGuest(t, g, testComponent)
			c.before(v)
			v.lose()
			if got := v.s.Parked(); got != c.parked {
				t.Fatalf("parked: %v", got)
			}
			if !c.parked {
				return
			}
			g.graceOver(v)
			if got := g.sessionOf(v).isWithdrawn(); got != c.grace {
				t.Errorf("withdrawn: %v", got)
			}
		})
	}
}

// TestTabsRace: many come with the same token at once, while a session is there, lost or running, or none: in the end there is one, and one stream has it.
func TestTabsRace(t *testing.T) {
	for name, before := range map[string]func(v *guest){
		"running": func(*guest) {}, "lost": (*guest).lose,
		"over": func(v *guest) { v.s.End(c2s.Ending{Reason: c2s.ClientClosed}); <-v.closed },
	} {
		t.Run(name, func(t *testing.T) {
			g, _ := tokenEdge(t, "")
			v := newGuest(t, g, testComponent)
			token, _ := v.token()
			before(v)
			const tabs = 8
			all := make([]*guest, tabs)
			for i := range all {
				all[i] = opened(t, g, testComponent)
				all[i].send(withToken(token))
				all[i].expect("success")
				all[i].reopen(testComponent)
			}
			var together sync.WaitGroup
			for _, tab := range all {
				together.Add(1)
				go func() { // ends with the bind
					defer together.Done()
					tab.send("<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
				}()
			}
			together.Wait()
			alive := 0
			for _, tab := range all {
				if e := tab.s.Ended(); e == nil {
					alive++
					answer := tab.expect("iq", "id='bind'", "type='result'")
					if !strings.Contains(answer, "<jid>"+bareOf(v.jid)+"/") || name != "over" && !strings.Contains(answer, "<jid>"+v.jid+"<") {
						t.Errorf("he was %s, and is %s", v.jid, answer)
					}
				} else if e.Reason != c2s.Replaced {
					t.Errorf("one ended by %v", e)
				}
			}
			if alive != 1 {
				t.Errorf("%d streams are left, want 1", alive)
			}
			if there := g.visitors.addressed([]byte(bareOf(v.jid))); there == nil || there.stream().Ended() != nil {
				t.Error("the session has no stream that lives")
			}
			if a := g.gate.all; a.streams != 1 || a.prelogin != 0 || a.parked != 0 {
				t.Errorf("at the gate: %+v", a)
			}
			if n := g.count.site("shop").open(); n != 1 {
				t.Errorf("%d sessions are counted", n)
			}
		})
	}
}

// TestParkedCount: sessions whose clients are away leave no room for new ones, but their owners are let in.
func TestParkedCount(t *testing.T) {
	for name, limit := range map[string]func(*Gateway){
		"in all":         func(g *Gateway) { g.cfg.Limits.Sessions = 2 },
		"by address":     func(g *Gateway) { g.gate.limits.Sessions = 2 },
		"of the site":    func(g *Gateway) { g.sites[0].cfg.Sessions = 2 },
		"of its address": func(g *Gateway) { g.sites[0].cfg.Limits.Address.Sessions = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			g := startEdge(t, edgeConfig(silent(t).Addr(), firewallSites), limit)
			one, two := newGuest(t, g, testComponent), newGuest(t, g, testComponent)
			token, _ := one.token()
			id := two.enable()
			one.lose()
			two.lose()
			stranger := opened(t, g, testComponent)
			stranger.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")
			stranger.expect("success")
			stranger.reopen(testComponent)
			stranger.send("<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
			<-stranger.closed
			if e := stranger.s.Ended(); e.Reason != c2s.ResourceLimit || e.Err.Condition != "resource-constraint" {
				t.Errorf("a stranger's stream ended by %v", e)
			}
			if back := returns(t, g, testComponent, token, ""); back.jid != one.jid {
				t.Errorf("came back as %s, was %s", back.jid, one.jid)
			}
			resumes(t, g, two, id)
			if a := g.gate.all; a.streams != 2 || a.parked != 0 || a.prelogin != 0 {
				t.Errorf("at the gate: %+v", a)
			}
		})
	}
}

// TestDrainEndsParked: nobody waits for them longer than for others, and everybody hears of their end.
func TestDrainEndsParked(t *testing.T) {
	s, g, v := scripted(t, "")
	s.enter(v, "ann")
	v.enable()
	v.lose()
	g.draining.Store(true)
	g.endParked()
	s.expect("<presence", "type='unavailable'", "to='"+scriptRoom+"/ann'")
	if v.s.Ended() == nil {
		t.Error("it hasn't ended")
	}
	g.draining.Store(false)
}

// TestTokensOverARestart: what was revoked or superseded stays so; what expired is forgotten.
func TestTokensOverARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher.db")
	s, clock := newScript(t), &aheadClock{}
	edge := func(t *testing.T) *Gateway {
		return startEdge(t, deskConfig(s.u.Addr(), path), func(g *Gateway) { g.now = clock.now })
	}
	var revoked, older, newer, only string
	t.Run("before", func(t *testing.T) {
		s.t = t
		g := edge(t)
		v := newGuest(t, g, testComponent)
		only, _ = v.token()
		v = newGuest(t, g, testComponent)
		revoked, _ = v.token()
		v.send("<iq xmlns='jabber:client' type='set' id='r'><token xmlns='urn:usher:token:0' revoke='true'/></iq>")
		v.expect("iq", "id='r'", "type='result'", "to='"+v.jid+"'")
		v = newGuest(t, g, testComponent)
		older, _ = v.token()
		clock.pass(time.Second)
		newer, _ = v.token()
	})
	clock.pass(2 * time.Minute)
	valid := func(g *Gateway, token string) bool {
		_, _, ok := g.tokens.check([]byte(token), "shop", clock.now())
		return ok
	}
	t.Run("after", func(t *testing.T) {
		s.t = t
		g := edge(t)
		for name, c := range map[string]struct {
			token string
			want  bool
		}{"revoked": {revoked, false}, "superseded": {older, false}, "the newer one": {newer, true}, "somebody's only one": {only, true}} {
			if got := valid(g, c.token); got != c.want {
				t.Errorf("%s: valid %v", name, got)
			}
		}
		// A first token of this start supersedes one of the start before, also over the next.
		v := returns(t, g, testComponent, only, "")
		v.token()
	})
	clock.pass(2 * time.Minute)
	t.Run("after that", func(t *testing.T) {
		s.t = t
		g := edge(t)
		if valid(g, only) || valid(g, revoked) || valid(g, older) || !valid(g, newer) {
			t.Error("another restart has forgotten something")
		}
		kept, err := g.desk.archive.load()
		if err != nil || tokenItems(kept.Items) != 3 {
			t.Errorf("%d states are kept, want 3; %v", tokenItems(kept.Items), err)
		}
		for _, i := range kept.Items {
			if strings.HasPrefix(i.Key, tokenItem) && strings.Contains(i.Key+string(i.Value), "@") {
				t.Errorf("an address is kept: %s %s", i.Key, i.Value)
			}
		}
	})
	clock.pass(40 * day)
	t.Run("when all have expired", func(t *testing.T) {
		s.t = t
		g := edge(t)
		eventually(t, "nothing is kept of them", func() bool {
			kept, err := g.desk.archive.load()
			return err == nil && tokenItems(kept.Items) == 0
		})
	})
}

func tokenItems(items []workgroup.Item) (n int) {
	for _, i := range items {
		if strings.HasPrefix(i.Key, tokenItem) {
			n++
		}
	}
	return n
}

// TestDeskSeesNoFlap: within the grace the desk hears nothing of a loss. A client that begins anew is told where his conversation is; one
// that resumes isn't. After the grace he is gone, and comes back.
func TestDeskSeesNoFlap(t *testing.T) {
	s, g, _ := desked(t)
	v := newGuest(t, g, testComponent)
	v.sendf(joinQueue, "j", shopDesk)
	v.expect("iq", "id='j'", "type='result'")
	s.until("<message", "to='alice@localhost", "<body>")
	v.expect("message", "<conversation ", "state='offered'")
	token, _ := v.token()
	v.lose()
	second := returns(t, g, testComponent, token, "")
	second.expect("message", "<conversation ", "state='offered'", "from='"+shopDesk+"'")
	id := second.enable()
	second.lose()
	third := resumes(t, g, second, id)
	third.none("<conversation ")
	third.lose()
	g.graceOver(third)
	s.passedDesk(g)
	if who, ok := g.desk.Visitor(bareOf(v.jid)); ok {
		t.Errorf("the desk still finds %v", who)
	}
	back := returns(t, g, testComponent, token, "")
	back.expect("message", "<conversation ", "state='offered'")
	if back.jid != v.jid {
		t.Errorf("he is %s, was %s", back.jid, v.jid)
	}
	if _, ok := g.desk.Visitor(bareOf(v.jid)); !ok {
		t.Error("the desk doesn't find him any more")
	}
}
