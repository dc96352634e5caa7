package workgroup

import (
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// TestBans: a supervisor refuses a visitor, by whatever is known of him, for a time or for ever, and lifts it again.
func TestBans(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789abcdef")
	identity := func(g *Group) { g.Identity = Identity{HMACKey: secret, Audience: "shop"} }
	token := func(sub string) string {
		return signedBy(t, jwt.SigningMethodHS256, secret, jwt.MapClaims{"sub": sub, "aud": "shop", "exp": playStart.Add(1000 * time.Hour).Unix()})
	}
	forum := playGroup(func(g *Group) { g.Site, g.Name, g.Address = "forum", "help", "help" }, identity)
	const refused, fine = "iq error not-authorized", "iq result"
	asks := func(g *guest, token string) string {
		g.got = nil
		g.request("set", el("join-queue", nsWorkgroup).with(el("visitor", nsDesk, "token", token)))
		return scene(g.got[0])
	}
	for _, tc := range []struct {
		name string
		ban  string // the supervisor's words
		do   func(p *play) string
		want string
	}{
		{"himself", "ban 1", func(p *play) string { return asks(p.visitors["ann@"+playSite], "") }, refused},
		{"himself on his next stream", "ban 1", func(p *play) string {
			ann := p.visitors["ann@"+playSite]
			ann.cut()
			ann.back()
			return asks(ann, "")
		}, refused},
		{"his customer id under another name", "ban 1", func(p *play) string { return asks(p.visitor("bea"), token("7")) }, refused},
		{"his network address", "ban 1", func(p *play) string {
			bea := p.visitor("bea")
			bea.address = "203.0.113.7"
			return asks(bea, "")
		}, refused},
		{"somebody else", "ban 1", func(p *play) string {
			bea := p.visitor("bea")
			bea.address = "203.0.113.8"
			return asks(bea, token("8"))
		}, fine},
		{"an id that isn't signed", "ban 1", func(p *play) string { return asks(p.visitor("bea"), "") }, fine},
		{"another site", "ban 1", func(p *play) string {
			bea := p.visitor("bea")
			bea.address, bea.site, bea.group = "203.0.113.7", "forum", "help@"+playDesk
			return asks(bea, token("7"))
		}, fine},
		{"for a day, before its end", "ban 1 24h insults", func(p *play) string {
			p.wait(24*time.Hour - time.Second)
			return asks(p.visitors["ann@"+playSite], "")
		}, refused},
		{"for a day, after it", "ban 1 24h insults", func(p *play) string {
			p.wait(24 * time.Hour)
			return asks(p.visitors["ann@"+playSite], "")
		}, fine},
		{"after a crash", "ban 1", func(p *play) string {
			p.kill()
			p.wait(time.Minute)
			ann := p.visitors["ann@"+playSite]
			ann.back()
			return asks(ann, "")
		}, refused},
		{"for a day, over a crash", "ban 1 24h", func(p *play) string {
			p.wait(time.Hour)
			p.kill()
			p.wait(23 * time.Hour)
			ann := p.visitors["ann@"+playSite]
			ann.back()
			return asks(ann, "")
		}, fine},
		{"lifted", "ban 1", func(p *play) string {
			p.agents["carol@"+playHome].types("unban b1")
			return asks(p.visitors["ann@"+playSite], "")
		}, fine},
		{"lifted, after a crash", "ban 1", func(p *play) string {
			p.agents["carol@"+playHome].types("UNBAN B1")
			p.kill()
			p.wait(time.Minute)
			ann := p.visitors["ann@"+playSite]
			ann.back()
			return asks(ann, "")
		}, fine},
		{"by an agent", "alice: ban 1", func(p *play) string {
			p.is("goes on", 1, "offered")
			ann := p.visitors["ann@"+playSite]
			ann.departs()
			return asks(ann, "")
		}, fine},
		{"leaving a message", "ban 1", func(p *play) string {
			return scene(p.visitors["ann@"+playSite].leavesWord("question", "?"))
		}, refused},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPlay(t, playGroup(identity), forum)
			p.agent("alice")
			carol := p.agent("carol")
			ann := p.visitor("ann")
			ann.address = "203.0.113.7"
			if got := asks(ann, token("7")); got != fine {
				t.Fatal(got)
			}
			if words, ok := strings.CutPrefix(tc.ban, "alice: "); ok {
				p.agents["alice@"+playHome].types(words)
			} else {
				carol.types(tc.ban)
				p.is("banned", 1, "closed banned")
			}
			if got := tc.do(p); got != tc.want {
				t.Errorf("answered with %s, want %s", got, tc.want)
			}
		})
	}
}

// TestBanWire: what the visitor is told: that he is refused, and not why.
func TestBanWire(t *testing.T) {
	p := newPlay(t)
	p.allBusy()
	p.agent("carol")
	ann := p.visitor("ann")
	p.wire(ann, `
		> <iq type='set' id='1'><join-queue xmlns='http://jabber.org/protocol/workgroup'><queue-notifications/></join-queue></iq>
		< <iq type='result' from='support@desk.test' to='ann@desk.test/web1' id='1'/>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='2' state='queued'/></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><queue-status xmlns='http://jabber.org/protocol/workgroup'><position>1</position><time>15</time></queue-status></message>
		@carol ban 2 1h threats
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='2' state='closed' reason='banned'/></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><depart-queue xmlns='http://jabber.org/protocol/workgroup'><reason xmlns='urn:usher:desk:0'>banned</reason></depart-queue></message>
		> <iq type='set' id='2'><join-queue xmlns='http://jabber.org/protocol/workgroup'/></iq>
		< <iq type='error' from='support@desk.test' to='ann@desk.test/web1' id='2'><error type='auth' code='401'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><refused xmlns='urn:usher:desk:0'/></error></iq>
		> <message type='chat'><body>Let me in</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Sorry, you can't write here.</body></message>`)
}

// TestBansListed: supervisors see the bans of their sites, in the order in which they were made, and lift only those.
func TestBansListed(t *testing.T) {
	forum := playGroup(func(g *Group) {
		g.Site, g.Name, g.Address, g.Agents, g.Supervisors = "forum", "help", "help", nil, []string{"dora@" + playHome}
	})
	p := newPlay(t, playGroup(), forum)
	p.allBusy()
	carol := p.agent("carol")
	dora := p.agent("dora")
	dora.group = "help@" + playDesk
	for i := range 11 {
		v := p.visitor("v" + string(rune('a'+i)))
		v.asks("?")
		carol.types("ban " + []string{"2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"}[i])
	}
	last := func(a *clerk) string {
		got := a.clients[0].got
		return got[len(got)-1].child("body", "").text
	}
	carol.types("bans")
	lines := strings.Split(last(carol), "\n")
	at := 0
	for _, l := range lines {
		if at < 11 && strings.Contains(l, "b"+[]string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"}[at]) {
			at++
		}
	}
	if at != 11 {
		t.Errorf("carol sees\n%s", last(carol))
	}
	dora.types("bans")
	if strings.Contains(last(dora), "b1") {
		t.Errorf("dora sees\n%s", last(dora))
	}
	dora.types("unban b1")
	ann := p.visitors["va@"+playSite]
	ann.got = nil
	ann.asks("?")
	if got := scene(ann.got[0]); got != "iq error not-authorized" {
		t.Errorf("another site's supervisor has lifted it: %s (%s)", got, last(dora))
	}
}
