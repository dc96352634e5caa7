package gateway

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"usher/c2s"
	"usher/xmpp"
	"usher/xmpp/xmpptest"
)

// script is a fake upstream server whose room answers as the test wants: what
// a real one does only by bad luck.
type script struct {
	t    *testing.T
	u    *xmpptest.Upstream
	sent chan string // what the edge sent, pings to itself aside
	deaf atomic.Bool // pings aren't answered
}

const scriptRoom = "tea@conference.localhost"

func newScript(t *testing.T) *script {
	t.Helper()
	s := &script{t: t, sent: make(chan string, 1000)}
	s.listen("")
	return s
}

// listen starts the server; address is "" or one that it had before.
func (s *script) listen(address string) {
	s.t.Helper()
	u, err := xmpptest.NewUpstream(xmpptest.UpstreamConfig{
		Address:    address,
		Components: []xmpptest.Component{{Domain: testComponent, Secret: "s3cret"}},
		Hook: func(_ *xmpptest.Peer, e *xmpp.Element) bool {
			if strings.Contains(string(e.To), "@conference.") || strings.Contains(string(e.To), "@localhost") {
				s.sent <- strings.ReplaceAll(string(e.Raw), `"`, "'")
				return true
			}
			return s.deaf.Load() && strings.Contains(string(e.Inner), "urn:xmpp:ping")
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.u = u
	s.t.Cleanup(u.Close)
}

// expect returns the next stanza that the edge sent, which must contain the parts.
func (s *script) expect(parts ...string) string {
	s.t.Helper()
	select {
	case got := <-s.sent:
		if !matches(got, "", parts) {
			s.t.Fatalf("upstream got %s, want %q", got, parts)
		}
		return got
	case <-time.After(patience):
		s.t.Fatalf("upstream waited in vain for %q", parts)
	}
	return ""
}

// none asserts that the edge has sent nothing: a stanza of v comes next.
func (s *script) none(v *guest) {
	s.t.Helper()
	v.send("<message xmlns='jabber:client' to='alice@localhost' id='none' type='chat'><body>x</body></message>")
	s.expect("id='none'")
}

func (s *script) send(v *guest, xml string) {
	s.t.Helper()
	xml = strings.ReplaceAll(xml, "{v}", v.jid)
	if err := s.u.Send(testComponent, []byte(xml)); err != nil {
		s.t.Fatal(err)
	}
}

// admit answers a join: the visitor's own presence, with more status codes,
// some history, and the subject.
func (s *script) admit(v *guest, nick, codes, history string) {
	s.t.Helper()
	s.send(v, "<presence from='"+scriptRoom+"/"+nick+"' to='{v}'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='participant'/><status code='110'/>"+
		codes+"</x></presence>"+history+"<message type='groupchat' from='"+scriptRoom+"' to='{v}'><subject/></message>")
}

// enter brings v into the room.
func (s *script) enter(v *guest, nick string) {
	s.t.Helper()
	v.sendf("<presence xmlns='jabber:client' to='%s/%s'><x xmlns='http://jabber.org/protocol/muc'><password>s&lt;sam</password><history maxstanzas='0'/></x>"+
		"<c xmlns='http://jabber.org/protocol/caps' node='n' ver='v' hash='sha-1'/><show>chat</show></presence>", scriptRoom, nick)
	s.expect("<presence", "/"+nick+"'", "maxstanzas")
	s.admit(v, nick, "", "")
	v.expect("message", "<subject")
}

// lose cuts the link and waits until the edge and the visitors know.
func (s *script) lose(all ...*guest) {
	s.t.Helper()
	s.u.Peer(testComponent).Kill()
	for _, v := range all {
		v.expect("message", "urn:usher:link:0", "state='down'", "from='"+testComponent+"'", "type='headline'", "no-store")
	}
}

func scripted(t *testing.T, more string) (*script, *Gateway, *guest) {
	t.Helper()
	s := newScript(t)
	g := startEdge(t, edgeConfig(s.u.Addr(), more))
	return s, g, newGuest(t, g, testComponent)
}

func TestReplayRestoresPresenceAndJoins(t *testing.T) {
	s, _, v := scripted(t, "")
	v.send("<presence xmlns='jabber:client' to='alice@localhost'><status>here</status></presence>")
	s.expect("to='alice@localhost'", "here")
	s.enter(v, "ann")
	s.lose(v)
	s.expect("<presence", "to='alice@localhost'", "<status>here</status>", "from='"+v.jid+"'")
	join := s.expect("<presence", "to='"+scriptRoom+"/ann'", "<password>s&lt;sam</password>", "<history since='", "jabber.org/protocol/caps", "<show>chat</show>")
	if strings.Contains(join, "maxstanzas") || strings.Count(join, "<x ") != 1 {
		t.Errorf("the replayed join still has its old history request: %s", join)
	}
	s.admit(v, "ann", "", "")
	v.expect("message", "<subject") // the last of what the room had for him comes before the word that all is there
	v.expect("message", "state='up'", "missed='0'")
}

func TestReplayedJoinIsRetriedWhileLocked(t *testing.T) {
	s, _, v := scripted(t, "")
	s.enter(v, "ann")
	s.lose(v)
	s.expect("<history since='")
	s.send(v, "<presence type='error' from='"+scriptRoom+"/ann' to='{v}'><error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>")
	s.expect("<presence", "<history since='")
	s.admit(v, "ann", "", "")
	v.expect("message", "state='up'")
	v.none("type='error'")
}

// A link whose ping is still under way when it is lost may have been behind: history is asked for from when that was sent.
func TestHistoryOfALinkThatWasBehind(t *testing.T) {
	s := newScript(t)
	s.deaf.Store(true)
	g := startEdge(t, edgeConfig(s.u.Addr(), ""))
	up := time.Now()
	v := newGuest(t, g, testComponent)
	s.enter(v, "ann")
	for n := 0; time.Since(up) < 3*time.Second; n++ { // history is asked for in whole seconds
		s.send(v, fmt.Sprintf("<message type='groupchat' id='b%d' from='%s/ben' to='{v}'><body>x</body></message>", n, scriptRoom))
		v.expect("message", fmt.Sprintf("id='b%d'", n))
	}
	s.lose(v)
	asked, err := time.Parse(time.RFC3339, attr(s.expect("<history since='"), "since"))
	if err != nil || asked.After(up.Add(-sinceMargin+time.Second)) {
		t.Errorf("history since %v, %v; the link was up at %v", asked, err, up)
	}
}

// However long the others of his room take to come back: who has had a message doesn't get it again when it is sent again.
func TestRepeatAfterASlowReplay(t *testing.T) {
	s, clock := newScript(t), &aheadClock{}
	g := startEdge(t, edgeConfig(s.u.Addr(), ""), func(g *Gateway) { g.now = clock.now })
	v, w := newGuest(t, g, testComponent), newGuest(t, g, testComponent)
	s.enter(v, "ann")
	s.enter(w, "bea")
	said := func(to *guest, id, from string) {
		s.send(to, "<message type='groupchat' id='"+id+"' from='"+scriptRoom+"/"+from+"' to='{v}'><body>said "+id+"</body></message>")
	}
	w.say(scriptRoom, "m1", "said m1")
	s.expect("id='m1'")
	said(v, "m1", "bea") // and the server dies before it comes to bea
	v.expect("message", "id='m1'")
	s.lose(v, w)
	first, second := v, w
	nick := map[*guest]string{v: "ann", w: "bea"}
	if strings.Contains(s.expect("<history since='"), w.jid) {
		first, second = w, v
	}
	s.admit(first, nick[first], "", "")
	s.expect("<history since='", "from='"+second.jid+"'")
	clock.pass(mergeFor + time.Second)
	s.admit(second, nick[second], "", "")
	s.expect("id='m1'", "from='"+w.jid+"'")
	said(v, "m1", "bea")
	said(w, "m1", "bea")
	said(v, "b1", "ben")
	if _, before := v.until("message", "id='b1'"); strings.Contains(strings.Join(before, ""), "m1") {
		t.Errorf("a repeat came through: %q", before)
	}
	w.expect("message", "id='m1'")
}

// A second loss may leave a room locked that only who made it in between can enter: he isn't kept waiting by those who can't.
func TestReplayedJoinMakesWayWhileLocked(t *testing.T) {
	s, g, v := scripted(t, "")
	w := newGuest(t, g, testComponent)
	s.enter(v, "ann")
	s.enter(w, "bea")
	s.lose(v, w)
	locked, owner := v, w
	if strings.Contains(s.expect("<history since='"), w.jid) {
		locked, owner = w, v
	}
	nick := map[*guest]string{v: "ann", w: "bea"}
	s.send(locked, "<presence type='error' from='"+scriptRoom+"/"+nick[locked]+"' to='{v}'><error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>")
	s.expect("<history since='", "from='"+owner.jid+"'")
	s.admit(owner, nick[owner], "", "")
	s.expect("<history since='", "from='"+locked.jid+"'")
	s.admit(locked, nick[locked], "", "")
	v.expect("message", "state='up'", "missed='0'")
	w.expect("message", "state='up'", "missed='0'")
}

// Each case: what is in flight when the link is lost, how the room answers, and what the sender sees.
func TestMessagesOverALoss(t *testing.T) {
	copyOf := func(id, from, more string) string {
		return "<message type='groupchat' id='" + id + "' from='" + scriptRoom + "/" + from + "' to='{v}'><body>said " + id + "</body>" + more + "</message>"
	}
	stamp := func() string {
		return "<delay xmlns='urn:xmpp:delay' stamp='" + time.Now().UTC().Format(time.RFC3339) + "'/>"
	}
	start := func(t *testing.T, more string) (*script, *guest) {
		s, _, v := scripted(t, more)
		s.enter(v, "ann")
		for _, id := range []string{"m1", "m2"} {
			v.say(scriptRoom, id, "said "+id)
			s.expect("id='"+id+"'", "<origin-id xmlns='urn:xmpp:sid:0' id='"+id+"'/>")
		}
		s.send(v, copyOf("m1", "ann", "")+copyOf("b1", "ben", ""))
		v.expect("message", "id='b1'")
		s.lose(v)
		s.expect("<history since='")
		return s, v
	}
	t.Run("a copy that is missing is sent again, the same", func(t *testing.T) {
		s, v := start(t, "")
		v.say(scriptRoom, "m3", "held")
		s.admit(v, "ann", "", copyOf("m1", "ann", stamp())+copyOf("b1", "ben", stamp()))
		s.expect("id='m2'", "<body>said m2</body><origin-id xmlns='urn:xmpp:sid:0' id='m2'/>", "from='"+v.jid+"'")
		s.expect("id='m3'", "held")
		s.send(v, copyOf("m2", "ann", ""))
		_, before := v.until("message", "id='m2'")
		if all := strings.Join(before, ""); strings.Contains(all, "said m1") || strings.Contains(all, "said b1") {
			t.Errorf("history was not merged: %q", before)
		}
	})
	t.Run("one in the history is not", func(t *testing.T) {
		s, v := start(t, "")
		s.admit(v, "ann", "", copyOf("m2", "ann", stamp())+copyOf("b2", "ben", stamp()))
		v.expect("message", "id='m2'", "urn:xmpp:delay")
		v.expect("message", "id='b2'")
		v.expect("message", "state='up'")
		s.none(v)
	})
	t.Run("a repeat is dropped", func(t *testing.T) {
		s, v := start(t, "")
		s.admit(v, "ann", "", copyOf("m2", "ann", stamp()))
		v.expect("message", "state='up'")
		s.send(v, copyOf("b1", "ben", "")+copyOf("b3", "ben", ""))
		if _, before := v.until("message", "id='b3'"); len(before) > 0 {
			t.Errorf("a repeat came through: %q", before)
		}
	})
	t.Run("a room that refuses him is left, and he is told of what may be lost", func(t *testing.T) {
		s, v := start(t, "")
		v.say(scriptRoom, "m3", "held")
		s.send(v, "<presence type='error' from='"+scriptRoom+"/ann' to='{v}'><error type='auth'><registration-required xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>")
		v.expect("message", "id='m2'", "type='error'", "type='wait'", "remote-server-timeout", "from='"+scriptRoom+"'")
		v.expect("presence", "type='unavailable'", "from='"+scriptRoom+"/ann'", "code='332'", "code='110'")
		v.expect("message", "state='up'", "missed='1'")
		s.expect("id='m3'") // the room will answer it
	})
	t.Run("a forgotten room that may not be made anew", func(t *testing.T) {
		s, v := start(t, "")
		s.admit(v, "ann", "<status code='201'/>", "")
		s.expect("<iq", "to='"+scriptRoom+"'", "muc#owner'><destroy/>")
		v.expect("message", "id='m2'", "remote-server-timeout")
		v.expect("presence", "unavailable", "code='332'")
	})
	t.Run("a forgotten room that may", func(t *testing.T) {
		s, v := start(t, "    create_rooms: true\n")
		s.admit(v, "ann", "<status code='201'/>", "")
		config := s.expect("<iq", "type='set'", "to='"+scriptRoom+"'", "<x xmlns='jabber:x:data' type='submit'/>")
		s.send(v, "<iq type='result' from='"+scriptRoom+"' to='{v}' id='"+attr(config, "id")+"'/>")
		s.expect("id='m2'")
		v.expect("message", "state='up'")
	})
	t.Run("an error answers a message", func(t *testing.T) {
		s, v := start(t, "")
		s.admit(v, "ann", "", "")
		s.expect("id='m2'")
		s.send(v, "<message type='error' id='m2' from='"+scriptRoom+"' to='{v}'><error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>")
		v.expect("message", "id='m2'", "forbidden")
		s.lose(v)
		s.expect("<history since='")
		s.admit(v, "ann", "", "")
		v.expect("message", "state='up'")
		s.none(v) // it is not sent a third time
	})
}

func TestUnconfirmedMessageIsReported(t *testing.T) {
	s, g, v := scripted(t, "")
	s.enter(v, "ann")
	v.say(scriptRoom, "m1", "one")
	s.expect("id='m1'")
	s.send(v, "<message type='groupchat' id='m1' from='"+scriptRoom+"/ann' to='{v}'><body>one</body></message>")
	v.expect("message", "id='m1'")
	v.say(scriptRoom, "m2", "two")
	s.expect("id='m2'")
	local, _, _ := strings.Cut(v.jid, "@")
	me := g.visitors.find([]byte(local), []byte(testComponent))
	me.Due(time.Now().Add(confirmTime / 2))
	v.none("id='m2'")
	me.Due(time.Now().Add(confirmTime + time.Second))
	v.expect("message", "id='m2'", "type='error'", "remote-server-timeout")
}

func TestUnansweredRequestIsGivenUp(t *testing.T) {
	s, g, v := scripted(t, "")
	v.send("<iq xmlns='jabber:client' type='get' id='q' to='alice@localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
	s.expect("<iq", "to='alice@localhost'")
	local, _, _ := strings.Cut(v.jid, "@")
	g.visitors.find([]byte(local), []byte(testComponent)).Due(time.Now().Add(requestLife + time.Second))
	v.expect("iq", "id='q'", "type='error'", "remote-server-timeout", "from='alice@localhost'")
}

func TestRequestsAreBounded(t *testing.T) {
	s, g, v := scripted(t, "")
	for i := range maxOutstanding {
		v.sendf("<iq xmlns='jabber:client' type='get' id='q%d' to='alice@localhost'><ping xmlns='urn:xmpp:ping'/></iq>", i)
		s.expect("<iq")
	}
	v.send("<iq xmlns='jabber:client' type='get' id='over' to='alice@localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
	v.expect("iq", "id='over'", "resource-constraint", "type='wait'")
	if g.count.drops[DropTooManyRequests].Load() != 1 {
		t.Error("not counted")
	}
	s.u.Peer(testComponent).Kill()
	eventually(t, "each is answered: the answers are gone with the link", func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		n := 0
		for _, e := range v.got {
			if matches(e, "iq", []string{"type='error'", "remote-server-timeout", "from='alice@localhost'"}) {
				n++
			}
		}
		return n == maxOutstanding
	})
}

func TestHoldIsBounded(t *testing.T) {
	s := newScript(t)
	yaml := strings.Replace(edgeConfig(s.u.Addr(), ""), "  rooms:", "  hold: {bytes: 300, age: 1s}\n  rooms:", 1)
	g := startEdge(t, yaml)
	v := newGuest(t, g, testComponent)
	s.u.Close()
	v.expect("message", "state='down'")
	for i := range 4 {
		v.sendf("<message xmlns='jabber:client' type='chat' to='alice@localhost' id='h%d'><body>held</body></message>", i)
	}
	for _, id := range []string{"h2", "h3", "h0", "h1"} { // too many bytes; then too old
		v.expect("message", "id='"+id+"'", "type='error'", "type='wait'", "remote-server-timeout", "from='alice@localhost'")
	}
	if b, a := g.count.drops[DropHoldBytes].Load(), g.count.drops[DropHoldAge].Load(); b != 2 || a != 2 {
		t.Errorf("counted %d by bytes, %d by age, want 2 and 2", b, a)
	}
	if n := g.homes[testComponent].heldBytes.Load(); n != 0 {
		t.Errorf("%d bytes are still held", n)
	}
}

func TestWhoLeavesWhileTheLinkIsAwayIsTakenOut(t *testing.T) {
	s, g, v := scripted(t, "")
	other := newGuest(t, g, testComponent)
	s.enter(v, "ann")
	s.lose(v, other)
	v.s.End(c2s.Ending{Reason: c2s.ConnectionLost})
	for {
		if got := s.expect("<presence"); matches(got, "presence", []string{"type='unavailable'", "to='" + scriptRoom + "/ann'", "from='" + v.jid + "'"}) {
			break
		}
	}
	other.expect("message", "state='up'")
}

func TestNoLinkNoLogin(t *testing.T) {
	s, g, v := scripted(t, "")
	s.u.Close()
	v.expect("message", "state='down'")
	w := &guest{t: t, wake: make(chan struct{}, 1), more: make(chan struct{}), scan: xmpp.NewScanner(xmpp.Limits{}), closed: make(chan struct{})}
	info := *v.s.Info()
	if err := g.gate.admit(&info); err != nil {
		t.Fatal(err)
	}
	w.s = c2s.New(g.streams, w, info)
	go w.pump() // ends with the stream
	header := c2s.Header{To: testComponent, Version: "1.0"}
	w.s.Open(header)
	w.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")
	w.s.Open(header)
	w.send("<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
	w.expect("iq", "id='bind'", "type='error'", "type='wait'", "resource-constraint")
	w.s.End(c2s.Ending{Reason: c2s.ClientClosed})
	<-w.closed
	eventually(t, "counted", func() bool { return g.count.logins[LoginNoLink].Load() == 1 })
}

func TestVisitorLimits(t *testing.T) {
	s := newScript(t)
	yaml := strings.Replace(edgeConfig(s.u.Addr(), ""), "messages: 0, joins: 0", "messages: \"1/h,2\", joins: \"1/h,3\", rooms: 2", 1)
	g := startEdge(t, yaml)
	v := newGuest(t, g, testComponent)
	for i := range 3 {
		v.sendf("<message xmlns='jabber:client' type='chat' to='alice@localhost' id='m%d'><body>x</body></message>", i)
		v.sendf("<message xmlns='jabber:client' type='chat' to='alice@localhost' id='s%d'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>", i)
	}
	for _, id := range []string{"m0", "s0", "m1", "s1", "s2"} {
		s.expect("id='" + id + "'")
	}
	v.expect("message", "id='m2'", "type='wait'", "policy-violation")
	join := func(room string) {
		v.sendf("<presence xmlns='jabber:client' to='%s@conference.localhost/n' id='%s'><x xmlns='http://jabber.org/protocol/muc'/></presence>", room, room)
	}
	join("r1")
	join("r2")
	s.expect("r1@")
	s.expect("r2@")
	join("r3")
	v.expect("presence", "id='r3'", "type='wait'", "resource-constraint")
	s.send(v, "<presence type='error' from='r2@conference.localhost/n' to='{v}'><error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>")
	v.expect("presence", "from='r2@", "forbidden")
	join("r4") // a join that failed takes no place
	s.expect("r4@")
	v.send("<presence xmlns='jabber:client' type='unavailable' to='r4@conference.localhost/n'/>") // before the room has answered
	s.expect("r4@", "unavailable")
	s.send(v, "<presence type='unavailable' from='r4@conference.localhost/n' to='{v}'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none'/><status code='110'/></x></presence>")
	v.expect("presence", "from='r4@", "unavailable")
	join("r5")
	v.expect("presence", "id='r5'", "type='wait'", "policy-violation")
}

func TestInvitationOpensARoom(t *testing.T) {
	s := newScript(t)
	yaml := strings.Replace(edgeConfig(s.u.Addr(), ""), `"*@conference.localhost"`, `"tea@conference.localhost"`, 1)
	g := startEdge(t, yaml)
	v := newGuest(t, g, testComponent)
	join := func(room string) {
		v.sendf("<presence xmlns='jabber:client' to='%s/n' id='j'><x xmlns='http://jabber.org/protocol/muc'/></presence>", room)
	}
	invite := func(from, room string) {
		s.send(v, "<message from='"+from+"' to='{v}' id='i'><x xmlns='jabber:x:conference' jid='"+room+"'/></message>")
		v.expect("message", "id='i'")
	}
	invite("alice@localhost", "den@conference.localhost") // alice is open, but no room that he is in
	join("den@conference.localhost")
	v.expect("presence", "forbidden")
	s.enter(v, "ann")
	invite(scriptRoom+"/ben", "den@elsewhere.localhost")
	join("den@elsewhere.localhost")
	v.expect("presence", "forbidden")
	invite(scriptRoom+"/ben", "den@conference.localhost")
	join("den@conference.localhost")
	s.expect("<presence", "to='den@conference.localhost/n'")
	s.none(v)
}

func TestAdmission(t *testing.T) {
	s := newScript(t)
	for _, c := range []struct {
		name, limits, site string
		ok                 int
		want               LoginFailure
	}{
		{"sessions of the edge", "sessions: 2", "", 2, LoginEdgeFull},
		{"sessions before login", "prelogin: {sessions: 1}", "", 1, LoginEdgeFull},
		{"sessions of an address", "address: {sessions: 3, new: 0}", "", 3, LoginAddressFull},
		{"new sessions of an address", "address: {sessions: 0, new: \"1/h,2\"}", "", 2, LoginAddressRate},
		{"a looser site", "address: {sessions: 1, new: 0}", "    limits: {address: {sessions: 2}}\n", 2, LoginAddressFull},
	} {
		t.Run(c.name, func(t *testing.T) {
			yaml := strings.Replace(edgeConfig(s.u.Addr(), c.site), "limits: {address: {sessions: 0, new: 0}, visitor: {stanzas: 0, bytes: 0, messages: 0, joins: 0}}", "limits: {"+c.limits+"}", 1)
			g := startEdge(t, yaml)
			info := c2s.Info{Transport: "ws"}
			for i := range c.ok {
				if err := g.gate.admit(&info); err != nil {
					t.Fatalf("number %d: %v", i, err)
				}
			}
			if err := g.gate.admit(&info); err == nil {
				t.Fatal("one too many was admitted")
			}
			if g.count.logins[c.want].Load() != 1 {
				t.Errorf("not counted as %s", c.want)
			}
			g.gate.left(&info, false)
			if err := g.gate.admit(&info); (err == nil) != (c.want != LoginAddressRate) {
				t.Errorf("after one has left: %v", err)
			}
			for range c.ok {
				g.gate.left(&info, false)
			}
		})
	}
	g := startEdge(t, edgeConfig(s.u.Addr(), ""))
	g.draining.Store(true)
	if err := g.gate.admit(&c2s.Info{}); err != errDraining {
		t.Errorf("while draining: %v", err)
	}
	g.draining.Store(false)
}
