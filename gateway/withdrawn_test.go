package gateway

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"usher/c2s"
)

// passed returns when the edge has dealt with all that upstream has sent so far: the link is read in order.
func (s *script) passed(witness *guest) {
	s.t.Helper()
	s.send(witness, fmt.Sprintf(fromAlice, "passed", "by"))
	witness.expect("message", "id='passed'")
}

// withdrawnScene: a visitor in a room, whose presence alice has, is away and withdrawn. Everybody has been told once.
func withdrawnScene(t *testing.T, more string) (s *script, g *Gateway, v, other *guest, id, token string) {
	t.Helper()
	s, g, v = scripted(t, more)
	other = newGuest(t, g, testComponent)
	v.send(toAlice)
	s.expect("to='alice@localhost'")
	s.enter(v, "ann")
	s.send(v, "<presence from='"+scriptRoom+"/ben' to='{v}'/><presence from='"+scriptRoom+"/cas' to='{v}'/>")
	v.expect("presence", "/cas'")
	token, _ = v.token()
	id = v.enable()
	v.lose()
	s.none(other)
	g.graceOver(v)
	told := s.expect("<presence", "type='unavailable'", "from='"+v.jid+"'") + s.expect("<presence", "type='unavailable'", "from='"+v.jid+"'")
	if !strings.Contains(told, "to='alice@localhost'") || !strings.Contains(told, "to='"+scriptRoom+"/ann'") {
		t.Fatalf("told: %s", told)
	}
	if !v.s.Parked() {
		t.Fatal("his session is over")
	}
	g.graceOver(v) // nobody is told twice
	s.none(other)
	return s, g, v, other, id, token
}

// TestWithdrawn: after the grace he is out of everything, and back in it when he comes: the client sees no more than history.
func TestWithdrawn(t *testing.T) {
	s, g, v, other, id, _ := withdrawnScene(t, "")
	s.send(v, "<presence type='unavailable' from='"+scriptRoom+"/ann' to='{v}'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none'/><status code='110'/></x></presence>")
	s.send(v, "<message type='groupchat' id='late' from='"+scriptRoom+"/ben' to='{v}'><body>late</body></message>")
	s.send(v, fmt.Sprintf(fromAlice, "m1", "to you"))
	s.passed(other)
	back := resumes(t, g, v, id)
	s.expect("<presence", "to='alice@localhost'", "<status>here</status>", "from='"+v.jid+"'")
	s.expect("<presence", "to='"+scriptRoom+"/ann'", "<password>s&lt;sam</password>", "<history since='", "<show>chat</show>")
	back.expect("message", "id='m1'")
	back.say(scriptRoom, "m2", "I am back") // waits for the room
	s.send(back, "<presence from='"+scriptRoom+"/ben' to='{v}'/>")
	s.admit(back, "ann", "", "<message type='groupchat' id='late' from='"+scriptRoom+"/ben' to='{v}'><body>late</body><delay xmlns='urn:xmpp:delay' stamp='"+
		time.Now().UTC().Format(time.RFC3339)+"'/></message>")
	s.expect("id='m2'")
	back.expect("presence", "type='unavailable'", "from='"+scriptRoom+"/cas'") // who has left meanwhile
	s.send(back, "<message type='groupchat' id='m2' from='"+scriptRoom+"/ann' to='{v}'><body>I am back</body></message>")
	back.expect("message", "id='m2'")
	all := strings.Join(back.all, "\n")
	if strings.Count(all, "id=\"late\"")+strings.Count(all, "id='late'") != 1 {
		t.Errorf("the message of the meantime came not once:\n%s", all)
	}
	if strings.Contains(all, nsLinkState) {
		t.Errorf("he was told of the link:\n%s", all)
	}
	for _, e := range back.all {
		if matches(e, "presence", []string{"unavailable", scriptRoom + "/ann'"}) {
			t.Errorf("he saw himself leave: %s", e)
		}
	}
	s.none(other)
}

// TestWithdrawnOverALinkLoss: the link goes away and comes back while he is withdrawn, or he comes back while it is away.
func TestWithdrawnOverALinkLoss(t *testing.T) {
	t.Run("back afterwards", func(t *testing.T) {
		s, g, v, other, id, _ := withdrawnScene(t, "")
		s.lose(other)
		other.expect("message", "state='up'")
		s.none(other) // nothing is replayed of one who isn't there
		back := resumes(t, g, v, id)
		back.expect("message", nsLinkState, "state='down'")
		back.expect("message", nsLinkState, "state='up'")
		s.expect("<presence", "to='alice@localhost'", "<status>here</status>")
		s.expect("<presence", "to='"+scriptRoom+"/ann'", "<history since='")
		s.admit(back, "ann", "", "")
		back.say(scriptRoom, "m1", "hello")
		s.expect("id='m1'")
	})
	t.Run("back meanwhile", func(t *testing.T) {
		s, g, v, other, _, token := withdrawnScene(t, "")
		address := s.u.Addr()
		s.u.Close()
		other.expect("message", nsLinkState, "state='down'")
		back := returns(t, g, testComponent, token, "")
		if back.jid != v.jid {
			t.Errorf("he is %s, was %s", back.jid, v.jid)
		}
		back.expect("message", nsLinkState, "state='down'")
		s.listen(address)
		s.expect("<presence", "to='alice@localhost'", "<status>here</status>")
		s.expect("<presence", "to='"+scriptRoom+"/ann'", "<history since='")
		s.admit(back, "ann", "", "")
		back.expect("message", nsLinkState, "state='up'")
	})
}

// TestPeersOverAWithdrawal: other visitors who have his presence see him go and come.
func TestPeersOverAWithdrawal(t *testing.T) {
	s := newScript(t)
	g := startEdge(t, strings.Replace(edgeConfig(s.u.Addr(), ""), "allow: [", "allow: [visitors, ", 1))
	v, other := newGuest(t, g, testComponent), newGuest(t, g, testComponent)
	v.sendf("<presence xmlns='jabber:client' to='%s'><show>chat</show></presence>", other.jid)
	other.expect("presence", "from='"+v.jid+"'")
	id := v.enable()
	v.lose()
	g.graceOver(v)
	other.expect("presence", "from='"+v.jid+"'", "type='unavailable'")
	back := resumes(t, g, v, id)
	other.expect("presence", "from='"+v.jid+"'", "<show>chat</show>")
	back.s.End(c2s.Ending{Reason: c2s.ClientClosed})
	other.expect("presence", "from='"+v.jid+"'", "type='unavailable'")
}

// passedDesk returns when the desk has read its mailbox.
func (s *script) passedDesk(g *Gateway) {
	s.t.Helper()
	eventually(s.t, "the desk has read everything", func() bool {
		g.desk.mu.Lock()
		defer g.desk.mu.Unlock()
		return len(g.desk.box) == 0
	})
}

// TestWithdrawnFromASupportRoom: it isn't replayed: he is told that he is out of it, once, and the desk invites him again. That he left, as
// the room says it, comes before he is back or after: it is nothing to his client.
func TestWithdrawnFromASupportRoom(t *testing.T) {
	const left = "<presence type='unavailable' from='" + supportRoom + "/" + supportNick + "' to='{v}'><x xmlns='http://jabber.org/protocol/muc#user'>" +
		"<item affiliation='member' role='none'/><status code='110'/></x></presence>"
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprintf("late %v", late), func(t *testing.T) {
			s, g, v := scripted(t, "")
			other := newGuest(t, g, testComponent)
			v.open(g, supportRoom, supportNick)
			s.enterSupport(v, supportRoom)
			id := v.enable()
			v.lose()
			g.graceOver(v)
			s.expect("<presence", "type='unavailable'", "to='"+supportRoom+"/"+supportNick+"'")
			if !late {
				s.send(v, left)
				s.passed(other)
			}
			back := resumes(t, g, v, id)
			back.expect("presence", "type='unavailable'", "from='"+supportRoom+"/"+supportNick+"'", "code='332'")
			s.none(other) // no join of ours
			back.sendf("<presence xmlns='jabber:client' to='%s/%s'><x xmlns='http://jabber.org/protocol/muc'/></presence>", supportRoom, supportNick)
			s.expect("<presence", "to='"+supportRoom+"/"+supportNick+"'")
			if late {
				s.send(back, left)
			}
			s.admitTo(back, supportRoom, supportNick, "")
			if _, before := back.until("presence", "from='"+supportRoom+"/"+supportNick+"'", "110"); strings.Contains(strings.Join(before, ""), "unavailable") {
				t.Errorf("before he was in he was told %q", before)
			}
			back.say(supportRoom, "m1", "here again")
			s.expect("id='m1'")
			back.s.End(c2s.Ending{Reason: c2s.ClientClosed})
			s.expect("<presence", "type='unavailable'", "to='"+supportRoom+"/"+supportNick+"'")
		})
	}
}
