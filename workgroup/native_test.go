package workgroup

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// goesNative announces a client as one that knows XEP-0142 (§4.2.1); caps is its XEP-0115 node, or nothing.
func (c *client) goesNative(group, caps string) {
	n := el("presence", "", "to", group).with(el("agent-status", nsWorkgroup))
	if caps != "" {
		n.with(el("c", "http://jabber.org/protocol/caps", "node", caps, "ver", "x", "hash", "sha-1"))
	}
	c.here = true
	c.sends(n)
}

// natively is what a client got of XEP-0142 since it was last looked at: elements, as they stand, without the Jive part.
func (c *client) natively() string {
	var all []string
	for _, n := range c.got {
		for _, k := range n.kids {
			if k.space != nsWorkgroup {
				continue
			}
			k.kids = slices.DeleteFunc(k.kids, func(j *node) bool { return j.space == nsJive })
			s := strings.ReplaceAll(string(k.append(nil, nsWorkgroup)), "'", "")
			if n.name == "iq" || n.name == "presence" {
				s = strings.TrimSpace(n.name+" "+n.attr("type")) + " " + s
			}
			all = append(all, s)
		}
	}
	c.got = nil
	return strings.Join(all, "\n")
}

func (c *client) readsNatively(what, want string) {
	c.clerk.p.t.Helper()
	if got, want := c.natively(), strings.Join(trimmed(want), "\n"); got != want {
		c.clerk.p.t.Errorf("%s: %s gets\n%s\nwant\n%s", what, c.full, got, want)
	}
}

// offered is the last offer of a client: the IQ that carried it.
func (c *client) offered() *node {
	for _, n := range slices.Backward(c.got) {
		if o := n.child("offer", nsWorkgroup); o != nil && n.name == "iq" {
			return n
		}
	}
	return nil
}

// TestNativeAgent is XEP-0142's agent protocol from the announcement to the invitation, as the client sees it.
func TestNativeAgent(t *testing.T) {
	p := newPlay(t)
	alice, ann := p.agent("alice"), p.visitor("ann")
	c := alice.clients[0]
	c.got = nil
	c.goesNative(support, "")
	c.readsNatively("announces itself", `
		presence <notify-queue><count>0</count><status>open</status></notify-queue>
		presence <notify-queue-details/>
		presence <notify-agents><available>1</available><current-chats>0</current-chats><max-chats>3</max-chats></notify-agents>`)
	p.wait(time.Minute)
	c.readsNatively("time passes", "")
	ann.asks("Where is my parcel?")
	iq := c.offered()
	if iq == nil {
		t.Fatal("no offer came")
	}
	offer := iq.child("offer", nsWorkgroup)
	id := offer.attr("id")
	// What Spark reads: it fails without username, and wants userID as a bare JID.
	meta := offer.child("metadata", nsJive)
	for name, want := range map[string]string{"username": "Visitor 1", "userID": ann.bare, "question": "Where is my parcel?", "verified": "false"} {
		if v := meta.value(name); v == nil || v.text != want {
			t.Errorf("metadata %s: %v, want %q", name, v, want)
		}
	}
	if s, u := offer.child("session", nsJive), offer.child("user", nsJive); s == nil || s.attr("id") != id || s.attr("workgroup") != support ||
		u == nil || u.attr("id") != ann.bare || offer.child("user-request", nsJive) == nil {
		t.Errorf("for Spark: %s", offer.append(nil, ""))
	}
	if iq.attr("type") != "set" || iq.attr("from") != support || iq.attr("to") != c.full || iq.attr("id") == "" {
		t.Errorf("the offer's IQ: %s", iq.append(nil, ""))
	}
	c.readsNatively("is asked", `
		iq set <offer jid=`+ann.full+` id=`+id+`><timeout>20</timeout></offer>`)
	c.sends(el("iq", "", "type", "result", "to", support, "id", iq.attr("id")))
	p.is("the offer has been received, no more", 1, "offered")
	if got := outcome(alice.asks(support, "set", el("offer-accept", nsWorkgroup, "jid", ann.full))); got != "result" {
		t.Errorf("accepts: %s", got)
	}
	p.is("accepted", 1, "active")
	c.readsNatively("accepted", `
		<offer jid=`+ann.full+` id=`+id+`/>`)
	p.wait(time.Second)
	c.readsNatively("a moment later", `
		presence <notify-queue><count>0</count><status>open</status></notify-queue>
		presence <notify-queue-details/>
		presence <notify-agents><available>1</available><current-chats>1</current-chats><max-chats>3</max-chats></notify-agents>`)
}

// TestNativeOfferEnds: what is over is revoked from every native client but the one that took it (XEP-0142 §4.2.7).
func TestNativeOfferEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		act  func(p *play, alice, bob *clerk, ann *guest)
		want string // the reason; "" for none
	}{
		{"lapsed", func(p *play, _, _ *clerk, _ *guest) { p.wait(20 * time.Second) }, "lapsed"},
		{"by words", func(_ *play, alice, _ *clerk, _ *guest) { alice.types("1") }, "accepted"},
		{"by a colleague", func(_ *play, _, bob *clerk, _ *guest) { bob.types("1") }, "taken by bob"},
		{"visitor left", func(_ *play, _, _ *clerk, ann *guest) { ann.departs() }, "visitor left"},
		{"rejected", func(_ *play, alice, _ *clerk, ann *guest) {
			alice.clients[1].sends(el("iq", "", "type", "set", "to", support, "id", "r").with(el("offer-reject", nsWorkgroup, "jid", ann.bare)))
		}, "declined"},
		{"by this client, with the id", func(_ *play, alice, _ *clerk, _ *guest) {
			id := alice.clients[1].offered().child("offer", nsWorkgroup).attr("id")
			alice.clients[1].sends(el("iq", "", "type", "set", "to", support, "id", "r").with(el("offer-accept", nsWorkgroup, "id", id)))
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlay(t, playGroup(func(g *Group) { g.Strategy = "ring-all" }))
			alice, bob, ann := p.agent("alice"), p.agent("bob"), p.visitor("ann")
			spark := alice.client("spark")
			spark.goesNative(support, "")
			ann.asks("Hello?")
			if spark.offered() == nil || alice.clients[0].offered() != nil || bob.clients[0].offered() != nil {
				t.Fatal("the offer went not to the native client, or not to it alone")
			}
			got := spark.got
			c.act(p, alice, bob, ann)
			var reasons []string
			for _, n := range append(got, spark.got...) {
				if r := n.child("offer-revoke", nsWorkgroup); r != nil && n.attr("type") == "set" {
					if r.attr("jid") != ann.full || r.attr("id") == "" || r.child("session", nsJive) == nil {
						t.Errorf("revoked with %s", r.append(nil, ""))
					}
					reasons = append(reasons, r.child("reason", nsWorkgroup).text)
				}
			}
			if got := strings.Join(slices.Compact(reasons), ", "); got != c.want {
				t.Errorf("revoked with %q, want %q", got, c.want)
			}
		})
	}
}

// TestNativeAcceptTooLate gets a result, the only answer there is, and a revocation (XEP-0142 §4.2.6, §4.2.7).
func TestNativeAcceptTooLate(t *testing.T) {
	p := newPlay(t)
	alice, bob, ann := p.agent("alice"), p.agent("bob"), p.visitor("ann")
	p.chat(alice, ann, "Hello?")
	_ = bob
	for _, jid := range []string{ann.full, ann.bare} {
		if got := outcome(bob.asks(support, "set", el("offer-accept", nsWorkgroup, "jid", jid))); got != "result" {
			t.Errorf("accepts too late: %s", got)
		}
		if got := bob.clients[0].natively(); !strings.Contains(got, "<reason>nothing is offered to you</reason>") {
			t.Errorf("and gets %s", got)
		}
	}
	// One that nobody made is nothing.
	for _, jid := range []string{"nobody@" + playSite, "", "\x01"} {
		if got := outcome(bob.asks(support, "set", el("offer-accept", nsWorkgroup, "jid", jid))); got != "result" {
			t.Errorf("accepts nothing: %s", got)
		}
		if got := bob.clients[0].natively(); got != "" {
			t.Errorf("and gets %s", got)
		}
	}
	p.is("after all", 1, "active")
}

// TestNativeErrors are those of XEP-0142's tables, with their codes, where agents can meet them.
func TestNativeErrors(t *testing.T) {
	p := newPlay(t, playGroup(withForm))
	alice, carol, ann, ben := p.agent("alice"), p.agent("carol"), p.visitor("ann"), p.visitor("ben")
	alice.types("max 1")
	p.chat(alice, ann, "Hello?")
	ben.asks("And me?")
	depart := func(jid string) *node {
		n := el("depart-queue", nsWorkgroup)
		if jid != "" {
			n.with(el("jid", "").said(jid))
		}
		return n
	}
	for _, c := range []struct {
		who  *clerk
		typ  string
		what *node
		want string
	}{
		{alice, "set", el("join-queue", nsWorkgroup), "error 401 not-authorized"},
		{alice, "get", el("join-queue", nsWorkgroup), "result join-queue"},
		{alice, "get", el("queue-status", nsWorkgroup), "error 401 not-authorized"},
		{alice, "set", depart(""), "error 404 item-not-found"},
		{alice, "set", depart(ben.full), "error 401 not-authorized"},
		{carol, "set", depart("nobody@" + playSite), "error 404 item-not-found"},
		{carol, "set", depart(ann.full), "error 404 item-not-found"},
		{carol, "set", depart(ben.full), "result"},
		{carol, "set", depart(ben.full), "error 404 item-not-found"},
		{alice, "get", el("offer-accept", nsWorkgroup, "jid", ann.full), "error 501 feature-not-implemented"},
		{alice, "get", el("offer", nsWorkgroup), "error 501 feature-not-implemented"},
		{alice, "set", el("nonsense", nsWorkgroup), "error 501 feature-not-implemented"},
		{alice, "get", el("workgroup-form", nsJive), "result workgroup-form"},
		{alice, "get", el("chat-settings", nsJive), "error 501 feature-not-implemented"},
		{alice, "get", el("monitor", nsJive), "result monitor"},
		{alice, "set", el("monitor", nsJive).with(el("makeOwner", "", "sessionID", "x")), "error 403 forbidden"},
		{carol, "set", el("monitor", nsJive), "error 400 bad-request"},
		{carol, "set", el("monitor", nsJive).with(el("makeOwner", "", "sessionID", "x")), "error 404 item-not-found"},
		{alice, "get", el("ping", "urn:xmpp:ping"), "result"},
		{alice, "get", el("vCard", "vcard-temp"), "error 503 service-unavailable"},
	} {
		if got := outcome(c.who.asks(support, c.typ, c.what)); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.typ, c.what.append(nil, ""), got, c.want)
		}
	}
	p.is("the chat", 1, "active")
	p.is("who waited", 2, "closed agent")
}

// TestSparkMonitors: it asks whether it may, and enters by the session's id.
func TestSparkMonitors(t *testing.T) {
	p := newPlay(t)
	alice, carol, ann := p.agent("alice"), p.agent("carol"), p.visitor("ann")
	p.chat(alice, ann, "Hello?")
	for a, want := range map[*clerk]string{alice: "false", carol: "true"} {
		if got := a.asks(support, "get", el("monitor", nsJive)).first().child("isMonitor", nsJive).text; got != want {
			t.Errorf("%s may: %s, want %s", a.bare, got, want)
		}
	}
	id := p.kept.all()[0].ID
	if got := outcome(carol.asks(support, "set", el("monitor", nsJive).with(el("makeOwner", "", "sessionID", id)))); got != "result" {
		t.Errorf("enters: %s", got)
	}
	if got := p.inRoom(ann); got != "Support, Visitor 1, alice, carol" {
		t.Errorf("in the room: %s", got)
	}
}

// TestNativePushes: queue and agents, to native clients, when something has changed, at most once a second.
func TestNativePushes(t *testing.T) {
	p := newPlay(t)
	alice, carol := p.agent("alice"), p.agent("carol")
	plain, native, smack := carol.clients[0], carol.client("native"), carol.client("spark")
	native.goesNative(support, "")
	p.wait(time.Second)
	smack.goesNative(support, "http://www.igniterealtime.org/projects/smack")
	alice.types("max 1")
	p.chat(alice, p.visitor("first"), "Hello?")
	p.wait(2 * time.Second)
	for _, c := range []*client{plain, native, smack} {
		c.got = nil
	}
	ann, ben, cid := p.visitor("ann"), p.visitor("ben"), p.visitor("cid")
	at := p.now.UTC().Format(dateTime)
	ann.asks("1")
	ben.asks("2")
	cid.asks("3")
	native.readsNatively("at once only the first change", `
		presence <notify-queue><count>1</count><oldest>`+at+`</oldest><time>15</time><status>open</status></notify-queue>
		presence <notify-queue-details><user jid=`+ann.full+`><position>0</position><time>15</time><join-time>`+at+`</join-time></user></notify-queue-details>
		presence <notify-agents><available>1</available><current-chats>1</current-chats><max-chats>1</max-chats></notify-agents>`)
	p.wait(time.Second)
	native.readsNatively("the rest together", `
		presence <notify-queue><count>3</count><oldest>`+at+`</oldest><time>15</time><status>open</status></notify-queue>
		presence <notify-queue-details><user jid=`+ann.full+`><position>0</position><time>15</time><join-time>`+at+`</join-time></user>`+
		`<user jid=`+ben.full+`><position>1</position><time>30</time><join-time>`+at+`</join-time></user>`+
		`<user jid=`+cid.full+`><position>2</position><time>45</time><join-time>`+at+`</join-time></user></notify-queue-details>
		presence <notify-agents><available>1</available><current-chats>1</current-chats><max-chats>1</max-chats></notify-agents>`)
	if got := smack.natively(); strings.Contains(got, "oldest") || strings.Contains(got, "join-time") || !strings.Contains(got, "<count>3</count>") {
		t.Errorf("a client built on Smack, which can't read XEP-0082's times: %s", got)
	}
	if got := plain.natively(); got != "" {
		t.Errorf("a client that never said agent-status: %s", got)
	}
	p.wait(14 * time.Second)
	native.readsNatively("nothing has changed", "")
	alice.offline()
	p.wait(time.Second)
	if got := native.natively(); !strings.Contains(got, "<status>active</status>") || !strings.Contains(got, "<available>0</available>") {
		t.Errorf("the only agent is gone while three wait: %s", got)
	}
	p.down()
	p.wait(time.Second)
	p.up()
	p.wait(time.Second)
	if got := native.natively(); !strings.Contains(got, "<count>3</count>") {
		t.Errorf("after the loss of the link all is told again, but: %s", got)
	}
}

// TestNativeColleagues: agent-status-request lists the other agents, and from then on how they are is pushed (XEP-0142 §4.2.4).
func TestNativeColleagues(t *testing.T) {
	p := newPlay(t)
	alice, bob, ann := p.agent("alice"), p.agent("bob"), p.visitor("ann")
	c := alice.clients[0]
	list := alice.asks(support, "get", el("agent-status-request", nsWorkgroup)).child("agent-status-request", nsWorkgroup)
	if len(list.kids) != 1 || list.kids[0].name != "agent" || list.kids[0].attr("jid") != bob.bare {
		t.Errorf("the list: %s", list.append(nil, ""))
	}
	status := func(what, show, typ, chats string) {
		t.Helper()
		p.wait(time.Second)
		var got []string
		for _, n := range c.got {
			if s := n.child("agent-status", nsWorkgroup); s != nil && n.name == "presence" {
				if n.attr("from") != support+"/"+bob.bare || s.attr("jid") != bob.bare {
					t.Errorf("%s: %s", what, n.append(nil, ""))
				}
				got = append(got, strings.Join([]string{n.child("show", "").words(), n.attr("type"), s.child("current-chats", nsWorkgroup).words()}, " "))
			}
		}
		c.got = nil
		if want := strings.Join([]string{show, typ, chats}, " "); len(got) == 0 || got[len(got)-1] != want {
			t.Errorf("%s: pushed %q, want %q last", what, got, want)
		}
	}
	status("asks for them", "", "", "0")
	bob.online("chat")
	status("bob is free", "chat", "", "0")
	bob.online("away")
	status("bob is away", "away", "", "0")
	bob.online("dnd")
	status("bob is not to be disturbed", "", "unavailable", "0")
	bob.online("")
	p.wait(10 * time.Second)
	alice.types("pause")
	ann.asks("Hello?")
	bob.types("1")
	status("bob has a chat", "", "", "1")
	alice.offline()
	c.got = nil
	alice.online("")
	bob.online("away")
	p.wait(5 * time.Second)
	for _, n := range c.got {
		if n.child("agent-status", nsWorkgroup) != nil {
			t.Errorf("pushed after the client was gone and has not asked again: %s", n.append(nil, ""))
		}
	}
}
