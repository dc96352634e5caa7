package gateway

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"usher/c2s"
	"usher/xmpp/xmpptest"
)

// agent is an agent of a workgroup, on another component of the server: he does what an ordinary client does.
type agent struct {
	*stranger
	jid, group string // full JID of his client; the workgroup's
}

func newAgent(t *testing.T, server *xmpptest.Server, name, group string) *agent {
	a := &agent{newStranger(t, server), name + "@" + foreignDomain + "/desk", group}
	bare := bareOf(a.jid)
	a.send("<presence type='subscribed' from='" + bare + "' to='" + group + "'/>")
	a.send("<presence type='subscribe' from='" + bare + "' to='" + group + "'/>")
	a.send("<presence from='" + a.jid + "' to='" + group + "'/>")
	return a
}

// until returns the next stanza with these parts, and answers probes meanwhile.
func (a *agent) until(parts ...string) string {
	a.t.Helper()
	for {
		got := a.expect()
		if strings.Contains(got, "type='probe'") {
			a.send("<presence from='" + a.jid + "' to='" + a.group + "'/>")
		}
		if matches(got, "", parts) {
			return got
		}
	}
}

func (a *agent) say(text string) {
	a.t.Helper()
	a.send("<message type='chat' from='" + a.jid + "' to='" + a.group + "'><body>" + text + "</body></message>")
}

// accept takes the offer and joins the room that he is then invited to.
func (a *agent) accept() (room string) {
	a.t.Helper()
	a.until("<message", "<body>", "1 accept")
	a.say("accept")
	invitation := a.until("jabber:x:conference")
	m := regexp.MustCompile(`jid='(c-[a-z2-7]{26}@[^']*)'`).FindStringSubmatch(invitation)
	if m == nil {
		a.t.Fatalf("no support room in %s", invitation)
	}
	a.join(m[1])
	return m[1]
}

func (a *agent) join(room string) {
	a.t.Helper()
	a.send("<presence from='" + a.jid + "' to='" + room + "/Alice'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
	a.until("<presence", "from='"+room+"/Alice'", "code='110'")
}

// invited follows the next invitation, asking for a nick of his own, and returns the room and the nick that he gets.
func (v *guest) invited() (room, nick string) {
	v.t.Helper()
	m := regexp.MustCompile(`from='(c-[a-z2-7]{26}@[^'/]*)'`).FindStringSubmatch(strings.ReplaceAll(v.expect("message", "<invite "), `"`, "'"))
	if m == nil {
		v.t.Fatal("the invitation is not from a support room")
	}
	v.sendf("<presence xmlns='jabber:client' to='%s/Boss'><x xmlns='http://jabber.org/protocol/muc'/></presence>", m[1])
	own := v.expect("presence", "from='"+m[1]+"/", "code='110'", "code='210'")
	_, nick, _ = strings.Cut(strings.ReplaceAll(own, `"`, "'"), "from='"+m[1]+"/")
	nick, _, _ = strings.Cut(nick, "'")
	return m[1], nick
}

// meet asks for help and meets the agent in a room.
func (v *guest) meet(alice *agent) (room, nick string) {
	v.t.Helper()
	eventually(v.t, "the workgroup is open", func() bool {
		v.sendf(joinQueue, "j", shopDesk)
		return !strings.Contains(v.expect("iq", "id='j'"), "type='error'")
	})
	invited := make(chan struct{})
	go func() { // ends with the invitation, or the test
		defer close(invited)
		room, nick = v.invited()
	}()
	of := alice.accept()
	<-invited
	if of != room || !strings.HasPrefix(nick, "Visitor ") {
		v.t.Fatalf("the agent is in %s, the visitor in %s as %q", of, room, nick)
	}
	v.expect("message", "state='active'")
	return room, nick
}

func TestSupportChat(t *testing.T) { firewallServers(t, supportChat) }

// supportChat: ask, offer, accept, both in one room; a stranger isn't let in; the visitor's client goes and comes back by
// his token; the server dies and comes back, and the talk goes on.
func supportChat(t *testing.T, server *xmpptest.Server) {
	// The agent is on the server again only after Usher: the invitation that waits for him is sent once more after `join`. After the
	// goodbye the room is open for `wrap` still, which is waited for below.
	yaml := strings.NewReplacer("alice@localhost]", "alice@"+foreignDomain+"], timers: {join: 10s, wrap: 1s}").Replace(deskConfig(server.ComponentAddr(), filepath.Join(t.TempDir(), "usher.db")))
	g := startEdge(t, yaml)
	alice := newAgent(t, server, "alice", shopDesk)
	v, eve := newGuest(t, g, testComponent), newGuest(t, g, testComponent)
	token, _ := v.token()
	room, nick := v.meet(alice)
	v.say(room, "v1", "hello")
	alice.until("<message", "type='groupchat'", "from='"+room+"/"+nick+"'", "<body>hello</body>")
	alice.send("<message type='groupchat' id='a1' from='" + alice.jid + "' to='" + room + "'><body>good day</body></message>")
	v.expect("message", "id='a1'", "from='"+room+"/Alice'", "good day")
	alice.send("<message type='chat' id='a2' from='" + alice.jid + "' to='" + room + "/" + nick + "'><body>between us</body></message>")
	v.expect("message", "id='a2'", "type='chat'", "between us")
	eve.sendf("<presence xmlns='jabber:client' id='e1' to='%s/eve'><x xmlns='http://jabber.org/protocol/muc'/></presence>", room)
	eve.expect("presence", "id='e1'", "type='error'", "<forbidden ")

	v.s.End(c2s.Ending{Reason: c2s.ConnectionLost})
	<-v.closed
	alice.until("<presence", "type='unavailable'", "from='"+room+"/"+nick+"'")
	back := returns(t, g, testComponent, token, "")
	if again, as := back.invited(); again != room || as != nick {
		t.Fatalf("back, he is invited to %s as %s, was in %s as %s", again, as, room, nick)
	}
	back.say(room, "v2", "here again")
	alice.until("<message", "type='groupchat'", "from='"+room+"/"+nick+"'", "here again")

	server.Kill()
	back.expect("message", "state='down'")
	back.expect("presence", "type='unavailable'", "from='"+room+"/"+nick+"'", "code='332'")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	alice = newAgent(t, server, "alice", shopDesk)
	followed := make(chan struct{})
	var third, as string
	go func() { // ends with the invitation, or the test
		defer close(followed)
		third, as = back.invited()
	}()
	m := regexp.MustCompile(`jid='(c-[a-z2-7]{26}@[^']*)'`).FindStringSubmatch(alice.until("jabber:x:conference"))
	alice.join(m[1])
	<-followed
	if third != m[1] || as != nick {
		t.Fatalf("after the crash the agent is asked to %s, the visitor was to %s as %s", m[1], third, as)
	}
	back.say(third, "v3", "once more")
	alice.until("<message", "type='groupchat'", "from='"+third+"/"+nick+"'", "once more")
	back.sendf("<iq xmlns='jabber:client' type='set' id='bye' to='%s'><depart-queue xmlns='http://jabber.org/protocol/workgroup'/></iq>", shopDesk)
	back.expect("iq", "id='bye'", "type='result'")
	back.expect("message", "state='closed'")
}

// TestDesignRuns: the config of the design document works as it stands, apart from where the ports are.
func TestDesignRuns(t *testing.T) {
	onEachServer(t, func(t *testing.T, server *xmpptest.Server) {
		text, err := os.ReadFile("testdata/design.yaml")
		if err != nil {
			t.Fatal(err)
		}
		g := startEdge(t, strings.NewReplacer("127.0.0.1:8080", "127.0.0.1:0", "127.0.0.1:9091", "127.0.0.1:0",
			"127.0.0.1:5347", server.ComponentAddr()).Replace(string(text)))
		v := newGuest(t, g, testComponent)
		v.sendf("<iq xmlns='jabber:client' type='get' id='d' to='%s'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>", shopDesk)
		v.expect("iq", "id='d'", "category='collaboration'", "type='workgroup'", "from='"+shopDesk+"'")
		v.sendf(joinQueue, "j", shopDesk)
		v.expect("iq", "id='j'", "from='"+shopDesk+"'")
	})
}
