package gateway

import (
	"strings"
	"testing"
	"time"
)

const (
	supportRoom  = "c-abcdefghijklmnopqrstuvwx23@conference.localhost"
	supportRoom2 = "c-zzzzzzzzzzzzzzzzzzzzzzzzzz@conference.localhost"
	supportNick  = "Visitor 17"
)

// open does what the desk's effect does.
func (v *guest) open(g *Gateway, room, nick string) {
	v.t.Helper()
	at := g.visitors.addressed([]byte(bareOf(v.jid)))
	if at == nil {
		v.t.Fatalf("%s is not there", v.jid)
	}
	at.openRoom(room, nick)
}

func (v *guest) takeBack(g *Gateway, room string) {
	v.t.Helper()
	g.visitors.addressed([]byte(bareOf(v.jid))).closeRoom(room)
}

// admitTo answers a join to a support room.
func (s *script) admitTo(v *guest, room, nick, codes string) {
	s.t.Helper()
	s.send(v, "<presence from='"+room+"/"+nick+"' to='{v}'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' role='participant'/><status code='110'/>"+codes+"</x></presence>")
}

// enterSupport brings v into a support room.
func (s *script) enterSupport(v *guest, room string) {
	s.t.Helper()
	v.sendf("<presence xmlns='jabber:client' to='%s/%s'><x xmlns='http://jabber.org/protocol/muc'/></presence>", room, supportNick)
	s.expect("<presence", "to='"+room+"/"+supportNick+"'")
	s.admitTo(v, room, supportNick, "")
	v.expect("presence", "from='"+room+"/"+supportNick+"'", "110")
}

// TestSupportRoomFirewall: whatever `allow` says, a support room is open only to those to whom the desk opened it.
func TestSupportRoomFirewall(t *testing.T) {
	const (
		body   = "<body>hello</body>"
		join   = "<x xmlns='http://jabber.org/protocol/muc'/>"
		owner  = "<query xmlns='http://jabber.org/protocol/muc#owner'/>"
		admin  = "<query xmlns='http://jabber.org/protocol/muc#admin'/>"
		ping   = "<ping xmlns='urn:xmpp:ping'/>"
		invite = "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='eve@localhost'/></x>"
		reject = "<x xmlns='http://jabber.org/protocol/muc#user'><decline to='" + supportRoom + "'/></x>"
	)
	s, g, v := scripted(t, "    create_rooms: true\n")
	stranger := newGuest(t, g, testComponent)
	v.open(g, supportRoom, supportNick)
	for _, c := range []struct {
		name, who, stanza, to, kind, payload string
		want                                 string // forbidden, or the `to` under which it goes upstream
	}{
		{"a stranger's join", "stranger", "presence", supportRoom + "/eve", "", join, "forbidden"},
		{"a stranger's message", "stranger", "message", supportRoom, "groupchat", body, "forbidden"},
		{"a stranger's private message", "stranger", "message", supportRoom + "/alice", "chat", body, "forbidden"},
		{"a stranger's question", "stranger", "iq", supportRoom, "get", ping, "forbidden"},
		{"in other letters", "stranger", "message", strings.ToUpper(supportRoom), "groupchat", body, "forbidden"},
		{"a stranger's setting", "stranger", "iq", supportRoom, "set", owner, "forbidden"},
		{"a room of nobody's", "invited", "presence", supportRoom2 + "/eve", "", join, "forbidden"},
		{"the invited one's join", "invited", "presence", supportRoom + "/" + supportNick, "", join, supportRoom + "/" + supportNick},
		{"a message", "invited", "message", supportRoom, "groupchat", body, supportRoom},
		{"a private message", "invited", "message", supportRoom + "/alice", "chat", body, supportRoom + "/alice"},
		{"a question", "invited", "iq", supportRoom, "get", ping, supportRoom},
		{"a question to an occupant", "invited", "iq", supportRoom + "/alice", "get", ping, supportRoom + "/alice"},
		{"a setting", "invited", "iq", supportRoom, "set", owner, "forbidden"},
		{"a look at the settings", "invited", "iq", supportRoom, "get", owner, "forbidden"},
		{"what was said", "invited", "iq", supportRoom, "set", "<query xmlns='urn:xmpp:mam:2'/>", "forbidden"},
		{"an affiliation", "invited", "iq", supportRoom, "set", admin, "forbidden"},
		{"an invitation of somebody else", "invited", "message", supportRoom, "", invite, "forbidden"},
		{"a refusal of the invitation", "invited", "message", supportRoom, "", reject, supportRoom},
		{"a subscription", "invited", "presence", supportRoom, "subscribe", "", "forbidden"},
		{"a room that is none", "stranger", "message", "c-short@conference.localhost", "groupchat", body, "c-short@conference.localhost"},
		{"one with another letter", "stranger", "message", strings.Replace(supportRoom, "23@", "21@", 1), "groupchat", body, strings.Replace(supportRoom, "23@", "21@", 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			who := map[string]*guest{"stranger": stranger, "invited": v}[c.who]
			who.t, s.t = t, t
			typ := ""
			if c.kind != "" {
				typ = " type='" + c.kind + "'"
			}
			who.sendf("<%s xmlns='jabber:client'%s id='q' to='%s'>%s</%s>", c.stanza, typ, c.to, c.payload, c.stanza)
			if c.want != "forbidden" {
				s.expect("<"+c.stanza, "to='"+c.want+"'", "from='"+who.jid+"'")
				return
			}
			who.expect(c.stanza, "type='error'", "type='auth'", "<forbidden ", "id='q'")
			s.none(who)
		})
	}
}

// TestSupportRoomInbound: what a support room says reaches those to whom it is open.
func TestSupportRoomInbound(t *testing.T) {
	s, g, v := scripted(t, "")
	stranger := newGuest(t, g, testComponent)
	v.open(g, supportRoom, supportNick)
	invitation := "<message from='" + supportRoom + "' to='{v}' id='i1'><x xmlns='http://jabber.org/protocol/muc#user'><invite from='c-aaaaaaaaaaaaaaaaaaaaaaaaaa@visitors.localhost/usher'/></x></message>"
	s.send(v, invitation)
	v.expect("message", "id='i1'", "<invite ")
	s.send(stranger, invitation)
	s.send(stranger, "<presence from='"+supportRoom+"/alice' to='{v}'/>")
	s.send(stranger, "<iq type='get' id='i2' from='"+supportRoom+"/alice' to='{v}'><ping xmlns='urn:xmpp:ping'/></iq>")
	s.expect("type='error'", "to='"+supportRoom+"'", "<forbidden ", "id='i1'")
	s.expect("type='error'", "to='"+supportRoom+"/alice'", "<forbidden ", "id='i2'")
	stranger.none("from='" + supportRoom)

	// Nobody but the desk opens one: an invitation that comes through another room names it in vain.
	stranger.sendf("<presence xmlns='jabber:client' to='%s/eve'><x xmlns='http://jabber.org/protocol/muc'/></presence>", scriptRoom)
	s.expect("to='" + scriptRoom + "/eve'")
	s.admit(stranger, "eve", "", "")
	s.send(stranger, "<message from='"+scriptRoom+"/mallory' to='{v}' id='i3'><x xmlns='jabber:x:conference' jid='"+supportRoom+"'/></message>")
	stranger.expect("message", "id='i3'")
	stranger.sendf("<presence xmlns='jabber:client' to='%s/eve' id='q'><x xmlns='http://jabber.org/protocol/muc'/></presence>", supportRoom)
	stranger.expect("presence", "type='error'", "<forbidden ", "id='q'")
	s.none(stranger)
}

// TestSupportRoomNick: the room knows the visitor by the desk's nick, whatever his client says, and his client is told so.
func TestSupportRoomNick(t *testing.T) {
	s, g, v := scripted(t, "")
	v.open(g, supportRoom, supportNick)
	presence := func(nick, typ, payload string) {
		if typ != "" {
			typ = " type='" + typ + "'"
		}
		v.sendf("<presence xmlns='jabber:client'%s to='%s%s'>%s</presence>", typ, supportRoom, nick, payload)
	}
	const join = "<x xmlns='http://jabber.org/protocol/muc'/>"
	own := "from='" + supportRoom + "/" + supportNick + "'"
	presence("/Alice (agent)", "", join)
	s.expect("<presence", "to='"+supportRoom+"/"+supportNick+"'", "protocol/muc")
	s.admitTo(v, supportRoom, supportNick, "")
	got := v.expect("presence", own, "<status code='110'/>", "code='210'")
	if at := strings.Index(got, "code='210'"); at > strings.Index(got, "</x>") || strings.Count(got, "<x ") != 1 {
		t.Errorf("the code is not with the other: %s", got)
	}
	presence("/Alice (agent)", "", "<show>away</show>")
	s.expect("to='"+supportRoom+"/"+supportNick+"'", "<show>away</show>")
	s.admitTo(v, supportRoom, supportNick, "")
	v.expect("presence", own, "code='210'")
	presence("/"+supportNick, "", "<show>dnd</show>")
	s.expect("to='"+supportRoom+"/"+supportNick+"'", "<show>dnd</show>")
	s.admitTo(v, supportRoom, supportNick, "")
	if got := v.expect("presence", own); strings.Contains(got, "210") {
		t.Errorf("told of a change where there is none: %s", got)
	}
	presence("/Alice (agent)", "", "")
	s.expect("to='" + supportRoom + "/" + supportNick + "'")
	s.admitTo(v, supportRoom, supportNick, "<status code='210'/>")
	if got := v.expect("presence", own, "210"); strings.Count(got, "210") != 1 {
		t.Errorf("told twice: %s", got)
	}
	presence("", "", "")
	s.expect("to='" + supportRoom + "/" + supportNick + "'")
	presence("/whoever", "unavailable", "")
	s.expect("type='unavailable'", "to='"+supportRoom+"/"+supportNick+"'")
}

// TestSupportRoomIsNeverMade: a join to one that is no longer there makes nothing, also where visitors may make rooms.
func TestSupportRoomIsNeverMade(t *testing.T) {
	s, g, v := scripted(t, "    create_rooms: true\n")
	v.open(g, supportRoom, supportNick)
	v.sendf("<presence xmlns='jabber:client' to='%s/x' id='j'><x xmlns='http://jabber.org/protocol/muc'/></presence>", supportRoom)
	s.expect("to='" + supportRoom + "/" + supportNick + "'")
	s.admitTo(v, supportRoom, supportNick, "<status code='201'/>")
	s.expect("<iq", "to='"+supportRoom+"'", "<destroy/>")
	v.expect("presence", "type='error'", "not-allowed", "id='j'")
}

// TestSupportRoomIsTakenBack: from then on he may only leave; what the room says about its end still reaches him.
func TestSupportRoomIsTakenBack(t *testing.T) {
	s, g, v := scripted(t, "")
	v.open(g, supportRoom, supportNick)
	s.enterSupport(v, supportRoom)
	v.open(g, supportRoom2, supportNick)
	v.takeBack(g, supportRoom2)
	v.takeBack(g, supportRoom)
	for _, room := range []string{supportRoom, supportRoom2} {
		v.sendf("<message xmlns='jabber:client' type='groupchat' id='q' to='%s'><body>still?</body></message>", room)
		v.expect("message", "type='error'", "<forbidden ", "id='q'")
		v.sendf("<presence xmlns='jabber:client' id='q' to='%s/x'/>", room)
		v.expect("presence", "type='error'", "<forbidden ", "id='q'")
	}
	s.none(v)
	s.send(v, "<message type='groupchat' id='m9' from='"+supportRoom+"/alice' to='{v}'><body>bye</body></message>")
	v.expect("message", "id='m9'", "bye")
	v.sendf("<presence xmlns='jabber:client' type='unavailable' to='%s/x'/>", supportRoom)
	s.expect("type='unavailable'", "to='"+supportRoom+"/"+supportNick+"'")
	s.send(v, "<presence type='unavailable' from='"+supportRoom+"/"+supportNick+"' to='{v}'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none'/><status code='110'/><destroy/></x></presence>")
	v.expect("presence", "type='unavailable'", "<destroy/>")
	s.send(v, "<message type='groupchat' id='m10' from='"+supportRoom+"/alice' to='{v}'><body>really</body></message>")
	s.expect("type='error'", "<forbidden ", "id='m10'")
	v.none("id='m10'")
	at := g.visitors.addressed([]byte(v.jid))
	if n := len(at.invites); n != 0 {
		t.Errorf("%d rooms are still remembered", n)
	}
	for i := range 2 * maxOpened {
		v.open(g, strings.Replace(supportRoom, "abcdef", strings.Repeat("a", 5)+string(rune('a'+i%26)), 1)+strings.Repeat("x", i), supportNick)
	}
	if n := len(at.invites); n != maxOpened {
		t.Errorf("%d rooms are open to one visitor, want %d at most", n, maxOpened)
	}
	if n := g.count.drops[DropInvites].Load(); n != maxOpened {
		t.Errorf("%d openings are counted as refused, want %d", n, maxOpened)
	}
}

// TestSupportRoomOverALoss: it isn't joined again by the edge. The visitor is told that he is out, and of what he said that
// the room never confirmed; what he says to it meanwhile is answered at once. A new invitation is followed while
// other rooms are still being replayed.
func TestSupportRoomOverALoss(t *testing.T) {
	s, g, v := scripted(t, "")
	v.open(g, supportRoom, supportNick)
	s.enter(v, "ann")
	s.enterSupport(v, supportRoom)
	for _, id := range []string{"m1", "m2"} {
		v.say(supportRoom, id, "said "+id)
		s.expect("id='" + id + "'")
	}
	s.send(v, "<message type='groupchat' id='m1' from='"+supportRoom+"/"+supportNick+"' to='{v}'><body>said m1</body></message>")
	v.expect("message", "id='m1'")
	s.lose(v)
	v.expect("message", "type='error'", "remote-server-timeout", "id='m2'", "from='"+supportRoom+"'")
	v.expect("presence", "type='unavailable'", "from='"+supportRoom+"/"+supportNick+"'", "code='110'", "code='332'")
	s.expect("<presence", "to='"+scriptRoom+"/ann'", "<history since='") // the other room, whose answer is kept waiting
	v.open(g, supportRoom2, supportNick)
	s.send(v, "<message from='"+supportRoom2+"' to='{v}' id='i1'><x xmlns='http://jabber.org/protocol/muc#user'><invite/></x></message>")
	v.expect("message", "id='i1'")
	s.enterSupport(v, supportRoom2)
	v.say(supportRoom2, "m3", "here again")
	s.expect("id='m3'", "to='"+supportRoom2+"'")
	s.admit(v, "ann", "", "")
	v.expect("message", "state='up'", "missed='1'")
	v.none("state=")
}

func TestSupportRoomWhileTheLinkIsDown(t *testing.T) {
	s, g, v := scripted(t, "")
	v.open(g, supportRoom, supportNick)
	s.enterSupport(v, supportRoom)
	s.u.SetHook(nil)
	s.u.Close()
	v.expect("presence", "type='unavailable'", "code='332'")
	for _, stanza := range []string{
		"<message xmlns='jabber:client' type='groupchat' id='%s' to='" + supportRoom + "'><body>x</body></message>",
		"<presence xmlns='jabber:client' id='%s' to='" + supportRoom + "/x'><x xmlns='http://jabber.org/protocol/muc'/></presence>",
		"<iq xmlns='jabber:client' type='get' id='%s' to='" + supportRoom + "'><ping xmlns='urn:xmpp:ping'/></iq>",
	} {
		v.sendf(stanza, "q")
		v.expect("", "type='error'", "type='wait'", "remote-server-timeout", "id='q'", "from='"+supportRoom)
	}
	at := g.visitors.addressed([]byte(v.jid))
	at.mu.Lock()
	held, requests := len(at.held), len(at.requests)
	at.mu.Unlock()
	if held != 0 || requests != 0 {
		t.Errorf("%d stanzas are held, %d requests are open", held, requests)
	}
	if n := g.count.drops[DropNotHeld].Load(); n != 3 {
		t.Errorf("%d stanzas are counted as not held, want 3", n)
	}
	at.Due(time.Now().Add(time.Hour))
	v.none("id='q'")
}

// TestAsidesStayInside: what the others say behind a ! in a support room isn't delivered to the visitor; anywhere else, and of
// himself, it is a message as any.
func TestAsidesStayInside(t *testing.T) {
	s, g, v := scripted(t, "    create_rooms: true\n")
	v.open(g, supportRoom, supportNick)
	s.enterSupport(v, supportRoom)
	s.enter(v, "me")
	say := func(from, id, body string) {
		s.send(v, "<message type='groupchat' from='"+from+"' to='{v}' id='"+id+"'>"+body+"<stanza-id xmlns='urn:xmpp:sid:0' by='x' id='!"+id+"'/></message>")
	}
	for _, aside := range []string{
		"<body>!note he is rude</body>", "<body> \n!close</body>", "<body>!</body>", "<body xml:lang='en'>hello</body><body xml:lang='de'>!close</body>",
	} {
		say(supportRoom+"/alice", "hidden", aside)
	}
	for _, c := range []struct{ from, id, body string }{
		{supportRoom + "/alice", "m1", "<body>hello! you!</body>"},
		{supportRoom + "/" + supportNick, "m2", "<body>!close</body>"},
		{scriptRoom + "/alice", "m3", "<body>!close</body>"},
		{supportRoom + "/alice", "m4", "<note xmlns='x:y'><body>!</body></note><body>hello</body>"},
	} {
		say(c.from, c.id, c.body)
		if _, before := v.until("message", "id='"+c.id+"'"); len(before) > 0 {
			t.Errorf("before %s came %s", c.id, before)
		}
	}
	if n := g.count.drops[DropAside].Load(); n != 4 {
		t.Errorf("%d messages were kept back, want 4", n)
	}
}
