package gateway

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"usher/c2s"
	"usher/xmpp/xmpptest"
)

const tokenQuery = "<iq xmlns='jabber:client' type='get' id='t'><token xmlns='urn:usher:token:0'/></iq>"

// token asks for the visitor's token.
func (v *guest) token() (token string, expires time.Time) {
	v.t.Helper()
	v.send(tokenQuery)
	answer := v.expect("iq", "id='t'", "type='result'")
	m := regexp.MustCompile(`<token xmlns='urn:usher:token:0' expires='([^']*)'>([A-Za-z0-9_-]+)</token>`).FindStringSubmatch(answer)
	if m == nil {
		v.t.Fatalf("no token in %s", answer)
	}
	expires, err := time.Parse(time.RFC3339, m[1])
	if err != nil {
		v.t.Fatal(err)
	}
	return m[2], expires
}

// withToken says <auth/> with a token.
func withToken(token string) string {
	return "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='X-USHER-TOKEN'>" + base64.StdEncoding.EncodeToString([]byte(token)) + "</auth>"
}

// returns logs a visitor in with a token, and wants the resource if it isn't empty.
func returns(t testing.TB, g *Gateway, domain, token, resource string) *guest {
	t.Helper()
	v := opened(t, g, domain)
	v.send(withToken(token))
	v.expect("success")
	v.reopen(domain)
	if resource != "" {
		resource = "<resource>" + resource + "</resource>"
	}
	v.bind(resource)
	return v
}

func bareOf(jid string) string { bare, _, _ := strings.Cut(jid, "/"); return bare }

// tokenEdge is an edge before a server that says nothing, whose clock the test may turn.
func tokenEdge(t *testing.T, more string) (*Gateway, *aheadClock) {
	t.Helper()
	clock := &aheadClock{}
	g := startEdge(t, edgeConfig(silent(t).Addr(), firewallSites)+more, func(g *Gateway) { g.now = clock.now })
	return g, clock
}

// aheadClock is the real one, and ahead of it by what has passed.
type aheadClock struct{ ahead atomic.Int64 }

func (c *aheadClock) now() time.Time       { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *aheadClock) pass(d time.Duration) { c.ahead.Add(int64(d)) }

func TestTokenBringsTheAddressBack(t *testing.T) {
	g, clock := tokenEdge(t, "")
	first := newGuest(t, g, testComponent)
	token, expires := first.token()
	if want := clock.now().Add(30 * day); expires.Sub(want).Abs() > time.Minute {
		t.Errorf("expires %v, want %v", expires, want)
	}
	first.s.End(c2s.Ending{Reason: c2s.ClientClosed})
	<-first.closed
	back := returns(t, g, testComponent, token, "web")
	if want := bareOf(first.jid) + "/web"; back.jid != want {
		t.Errorf("came back as %s, want %s", back.jid, want)
	}
	back.s.End(c2s.Ending{Reason: c2s.ClientClosed})
	<-back.closed
	again := returns(t, g, testComponent, token, "")
	for v, want := range map[*guest]bool{first: true, again: false} {
		// A client that asks for a session first would lose what waits for it.
		if got := strings.Contains(strings.Join(v.all, ""), "xmpp-session"); got != want {
			t.Errorf("%s is offered a session: %v", v.jid, got)
		}
	}
	if bareOf(again.jid) != bareOf(first.jid) || again.jid == back.jid || strings.HasSuffix(again.jid, "/") {
		t.Errorf("without a resource came back as %s", again.jid)
	}
}

// TestTokenIsRefused: for every reason alike, and the stream stays open for ANONYMOUS.
func TestTokenIsRefused(t *testing.T) {
	g, clock := tokenEdge(t, "")
	v := newGuest(t, g, testComponent)
	token, _ := v.token()
	other := newGuest(t, g, "club.example")
	of, _ := other.token()
	forged := newTokens(&ResumeConfig{TokenLife: time.Hour})
	stolen, _, _ := forged.issue(bareOf(v.jid), "shop", false, clock.now())
	nowhere, _, _ := g.tokens.issue("abcdefghijklmnopqrstuvwxyz@elsewhere.example", "shop", false, clock.now())
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(i int) string {
		b := append([]byte(nil), raw...)
		b[i] ^= 1
		return base64.RawURLEncoding.EncodeToString(b)
	}
	revoked := newGuest(t, g, testComponent)
	old, _ := revoked.token()
	revoked.send("<iq xmlns='jabber:client' type='set' id='r'><token xmlns='urn:usher:token:0' revoke='true'/></iq>")
	revoked.expect("iq", "id='r'", "type='result'")
	for name, token := range map[string]string{
		"another site's": of, "forged": stolen, "of a domain that isn't ours": nowhere, "nothing": "", "garbage": "garbage",
		"cut": token[:len(token)-1], "cut to its signature": token[len(token)-43:], "longer": token + "A", "padded": token + "=",
		"changed at the start": changed(0), "changed in the middle": changed(20), "changed in the signature": changed(len(raw) - 1),
		"revoked": old, "too long": token + strings.Repeat("A", 1024),
	} {
		t.Run(name, func(t *testing.T) {
			c := opened(t, g, testComponent)
			c.send(withToken(token))
			c.expect("failure", "<not-authorized/>")
			c.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")
			c.expect("success")
			c.reopen(testComponent)
			c.bind("")
			if bareOf(c.jid) == bareOf(v.jid) || bareOf(c.jid) == bareOf(revoked.jid) {
				t.Errorf("ANONYMOUS gave him %s", c.jid)
			}
		})
	}
	if v.s.Ended() != nil {
		t.Errorf("the owner's stream was ended: %v", v.s.Ended())
	}
	fresh, _ := revoked.token()
	if back := returns(t, g, testComponent, fresh, ""); bareOf(back.jid) != bareOf(revoked.jid) {
		t.Errorf("a token of after the revocation brought %s back", back.jid)
	}
}

func TestTokenTimes(t *testing.T) {
	g, clock := tokenEdge(t, "resume: {token_life: 10m}\n")
	v := newGuest(t, g, testComponent)
	valid := func(token string) bool {
		t.Helper()
		_, _, ok := g.tokens.check([]byte(token), "shop", clock.now())
		return ok
	}
	first, _ := v.token()
	clock.pass(5 * time.Minute)
	if !valid(first) {
		t.Error("not valid after half its life")
	}
	second, _ := v.token()
	clock.pass(59 * time.Second)
	if !valid(first) || !valid(second) {
		t.Error("the old token or the new one is not valid 59 s after the new one was issued")
	}
	third, _ := v.token()
	clock.pass(time.Second)
	if valid(first) {
		t.Error("the oldest token is valid 60 s after its successor was issued, because there is a third")
	}
	if !valid(second) || !valid(third) {
		t.Error("the second or third token is not valid a second after the third was issued")
	}
	clock.pass(time.Minute)
	if valid(second) || !valid(third) {
		t.Error("a minute later the third one alone should be valid")
	}
	clock.pass(8 * time.Minute)
	if !valid(third) {
		t.Error("the last token has ended before its life")
	}
	clock.pass(time.Minute)
	if valid(third) {
		t.Error("the last token has outlived its life")
	}
	// However many are issued within a minute, only a bounded number is told apart: the oldest give way.
	var all []string
	for range 3 * maxSuccessors {
		token, _ := v.token()
		all = append(all, token)
	}
	if valid(all[0]) || !valid(all[len(all)-1]) || !valid(all[len(all)-2]) {
		t.Error("of many tokens the first is valid, or one of the last two is not")
	}
	if s, _ := g.tokens.states.Get(g.tokens.id(bareOf(v.jid))); len(s.issued) > maxSuccessors {
		t.Errorf("%d successors are remembered", len(s.issued))
	}
}

// TestTokenTakesOver: one visitor, one session. The second stream has the first one's address and is where it was: nobody sees him
// leave or come.
func TestTokenTakesOver(t *testing.T) { onEachServer(t, tokenTakesOver) }

func tokenTakesOver(t *testing.T, server *xmpptest.Server) {
	g := startEdge(t, edgeConfig(server.ComponentAddr(), "    create_rooms: true\n"))
	witness, first := newGuest(t, g, testComponent), newGuest(t, g, testComponent)
	room := "tea@conference.localhost"
	witness.join(room, "wit")
	witness.unlock(room)
	first.join(room, "ann")
	witness.expect("presence", "from='"+room+"/ann'")
	witness.say(room, "m0", "for the first")
	first.expect("message", "id='m0'")
	witness.expect("message", "id='m0'")
	token, _ := first.token()
	second := returns(t, g, testComponent, token, "another")
	<-first.closed
	if e := first.s.Ended(); e == nil || e.Reason != c2s.Replaced || e.Err == nil || e.Err.Condition != "conflict" {
		t.Errorf("the first stream ended with %v", e)
	}
	if second.jid != first.jid {
		t.Errorf("the second stream is %s, want %s", second.jid, first.jid)
	}
	second.say(room, "m1", "by the second")
	second.expect("message", "id='m1'")
	if _, before := witness.until("message", "id='m1'"); len(before) > 0 {
		t.Errorf("the witness saw %q", before)
	}
	// A client that has begun anew joins again, and gets who is there and what was said.
	second.join(room, "ann")
	second.expect("message", "id='m0'", "for the first")
	witness.say(room, "m2", "for the second")
	second.expect("message", "id='m2'")
	_, before := witness.until("message", "id='m2'")
	for _, e := range before {
		if strings.Contains(e, "unavailable") {
			t.Errorf("the witness saw %s", e)
		}
	}
	if n := g.count.site("shop").open(); n != 2 {
		t.Errorf("%d sessions are counted, want 2", n)
	}
	if n := g.links()[0].Visitors; n != 2 {
		t.Errorf("the link has %d visitors, want 2", n)
	}
	if a := g.gate.all; a.sessions() != 2 || a.streams != 2 {
		t.Errorf("counted at the gate: %+v", a)
	}
}

func TestTokensAreOff(t *testing.T) {
	g, _ := tokenEdge(t, "resume: {tokens: false}\n")
	v := newGuest(t, g, testComponent)
	v.send(tokenQuery)
	v.expect("iq", "id='t'", "type='error'", "service-unavailable")
	c := opened(t, g, testComponent)
	c.send(withToken("whatever"))
	c.expect("failure", "<invalid-mechanism/>")
}

func TestTokenQueries(t *testing.T) {
	g, _ := tokenEdge(t, "")
	v, other := newGuest(t, g, "club.example"), newGuest(t, g, "club.example")
	for name, c := range map[string]struct{ iq, want string }{
		"to the own bare JID":          {"<iq xmlns='jabber:client' type='get' id='q' to='" + bareOf(v.jid) + "'><token xmlns='urn:usher:token:0'/></iq>", "type='result'"},
		"of another visitor":           {"<iq xmlns='jabber:client' type='get' id='q' to='" + bareOf(other.jid) + "'><token xmlns='urn:usher:token:0'/></iq>", "service-unavailable"},
		"to the site":                  {"<iq xmlns='jabber:client' type='get' id='q' to='club.example'><token xmlns='urn:usher:token:0'/></iq>", "service-unavailable"},
		"a set that revokes nothing":   {"<iq xmlns='jabber:client' type='set' id='q'><token xmlns='urn:usher:token:0'/></iq>", "bad-request"},
		"a set that says no":           {"<iq xmlns='jabber:client' type='set' id='q'><token xmlns='urn:usher:token:0' revoke='false'/></iq>", "bad-request"},
		"another element of the space": {"<iq xmlns='jabber:client' type='get' id='q'><ticket xmlns='urn:usher:token:0'/></iq>", "service-unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			v.t = t
			v.send(c.iq)
			v.expect("iq", "id='q'", c.want)
		})
	}
}

// TestTokenOfAnotherStart: with a configured key a token outlives the program; without one it ends with it.
func TestTokenOfAnotherStart(t *testing.T) {
	for _, c := range []struct {
		name, first, second string
		valid               bool
	}{
		{"the same key", "k1", "k1", true}, {"another key", "k1", "k2", false}, {"no key", "", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			key := func(k string) string { return fmt.Sprintf("resume: {token_key: %q}\n", k) }
			one, _ := tokenEdge(t, key(c.first))
			v := newGuest(t, one, testComponent)
			token, _ := v.token()
			two, _ := tokenEdge(t, key(c.second))
			back := opened(t, two, testComponent)
			back.send(withToken(token))
			if !c.valid {
				back.expect("failure", "<not-authorized/>")
				return
			}
			back.expect("success")
			back.reopen(testComponent)
			back.bind("")
			if bareOf(back.jid) != bareOf(v.jid) {
				t.Errorf("came back as %s, want %s", back.jid, v.jid)
			}
		})
	}
}

func FuzzToken(f *testing.F) {
	made := newTokens(&ResumeConfig{TokenLife: time.Hour})
	now := time.Unix(1e9, 0)
	good, _, _ := made.issue("a@b", "shop", false, now)
	for _, seed := range []string{good, good + "=", "", "AAAA", good[:10], base64.RawURLEncoding.EncodeToString([]byte("1 a@b shop 1000000000000"))} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		bare, _, ok := made.check([]byte(token), "shop", now)
		if ok != (token == good) {
			t.Errorf("%q: %v", token, ok)
		}
		if ok && bare != "a@b" {
			t.Errorf("it is %q's", bare)
		}
	})
}
