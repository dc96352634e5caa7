package workgroup

import (
	"slices"
	"strings"
	"testing"
	"time"

	"usher/xmpp"
)

// The fake MUC service is held to XEP-0045 itself, or it would prove nothing.

const mucAt = "rooms.test"

var mucStart = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// mucForm is an owner's submission.
func mucForm(owner, room string, values ...string) []byte {
	x := el("x", "jabber:x:data", "type", "submit")
	for i := 0; i < len(values); i += 2 {
		x.with(el("field", "", "var", values[i]).with(el("value", "").said(values[i+1])))
	}
	return el("iq", "", "from", owner, "to", room, "type", "set", "id", "f").with(el("query", xmpp.NSMUCOwner).with(x)).append(nil, "")
}

func mucAffiliate(by, room, jid, affil string) []byte {
	return el("iq", "", "from", by, "to", room, "type", "set", "id", "a").with(el("query", xmpp.NSMUCAdmin).with(
		el("item", "", "jid", jid, "affiliation", affil))).append(nil, "")
}

func TestFakeMUC(t *testing.T) {
	const (
		room  = "c@rooms.test"
		owner = "o@desk.test/usher"
		ann   = "ann@site.test/w"
		bob   = "bob@test/phone"
	)
	m := newMUC(mucAt, likeProsody)
	step := func(what string, stanza []byte, want string) {
		t.Helper()
		sameLines(t, what, m.take(mucStart, stanza), want)
	}
	step("the owner makes the room, locked", mucJoin(owner, room, "Support"), `
		o@desk.test/usher < c@rooms.test/Support: presence owner/moderator(o@desk.test/usher) 110 201
		o@desk.test/usher < c@rooms.test: message groupchat subject «»`)
	step("nobody else gets in before the form", mucJoin(ann, room, "Ann"), `
		ann@site.test/w < c@rooms.test/Ann: presence error item-not-found`)
	step("the form unlocks it; the change is told", mucForm(owner, room, "muc#roomconfig_membersonly", "1", "what-nobody-offers", "1"), `
		o@desk.test/usher < c@rooms.test: iq result
		o@desk.test/usher < c@rooms.test: message groupchat 104`)
	step("strangers stay out", mucJoin(ann, room, "Ann"), `
		ann@site.test/w < c@rooms.test/Ann: presence error registration-required`)
	step("the owner makes a member", mucAffiliate(owner, room, "ann@site.test", "member"), `
		o@desk.test/usher < c@rooms.test: iq result`)
	step("she comes: who is there, then the others hear, then she herself, then the subject", mucJoin(ann, room, "Ann"), `
		ann@site.test/w < c@rooms.test/Support: presence owner/moderator
		o@desk.test/usher < c@rooms.test/Ann: presence member/participant(ann@site.test/w)
		ann@site.test/w < c@rooms.test/Ann: presence member/participant(ann@site.test/w) 110
		ann@site.test/w < c@rooms.test: message groupchat subject «»`)
	step("she speaks", mucSay(ann, room, "1", "Hello"), `
		o@desk.test/usher < c@rooms.test/Ann: message groupchat «Hello»
		ann@site.test/w < c@rooms.test/Ann: message groupchat «Hello»`)
	step("strangers can't", mucSay(bob, room, "1", "Hello"), `
		bob@test/phone < c@rooms.test: message error not-acceptable`)
	step("members can't change affiliations", mucAffiliate(ann, room, "bob@test", "member"), `
		ann@site.test/w < c@rooms.test: iq error forbidden`)
	step("the owner invites through the room and makes a member by it", el("message", "", "from", owner, "to", room).with(
		el("x", xmpp.NSMUCUser).with(el("invite", "", "to", "bob@test"))).append(nil, ""), `
		bob@test < c@rooms.test: message invite by o@desk.test/usher`)
	step("who comes late gets the history since his time", el("presence", "", "from", bob, "to", room+"/Bob").with(
		el("x", xmpp.NSMUC).with(el("history", "", "since", "2026-03-01T08:59:00Z"))).append(nil, ""), `
		bob@test/phone < c@rooms.test/Support: presence owner/moderator
		bob@test/phone < c@rooms.test/Ann: presence member/participant
		o@desk.test/usher < c@rooms.test/Bob: presence member/participant(bob@test/phone)
		ann@site.test/w < c@rooms.test/Bob: presence member/participant
		bob@test/phone < c@rooms.test/Bob: presence member/participant(bob@test/phone) 110
		bob@test/phone < c@rooms.test/Ann: message groupchat «Hello» @2026-03-01T09:00:00.000Z
		bob@test/phone < c@rooms.test: message groupchat subject «»`)
	step("somebody else's nick", mucJoin(bob, room, "Ann"), `
		bob@test/phone < c@rooms.test/Ann: presence error conflict`)
	step("a second client under the same nick gets in without the others hearing it as somebody new", mucJoin("bob@test/laptop", room, "Bob"), `
		bob@test/laptop < c@rooms.test/Support: presence owner/moderator
		bob@test/laptop < c@rooms.test/Ann: presence member/participant
		o@desk.test/usher < c@rooms.test/Bob: presence member/participant(bob@test/laptop)
		ann@site.test/w < c@rooms.test/Bob: presence member/participant
		bob@test/phone < c@rooms.test/Bob: presence member/participant(bob@test/laptop)
		bob@test/laptop < c@rooms.test/Bob: presence member/participant(bob@test/laptop) 110
		bob@test/laptop < c@rooms.test/Ann: message groupchat «Hello» @2026-03-01T09:00:00.000Z
		bob@test/laptop < c@rooms.test: message groupchat subject «»`)
	sameLines(t, "one client goes offline", m.gone(mucStart, "bob@test/laptop"), `
		bob@test/laptop < c@rooms.test/Bob: presence unavailable member/none(bob@test/laptop) 110`)
	step("a private message", el("message", "", "from", owner, "to", room+"/Ann", "type", "chat", "id", "p").with(el("body", "").said("Psst")).append(nil, ""), `
		ann@site.test/w < c@rooms.test/Support: message chat «Psst»`)
	step("an invitation is turned down", el("message", "", "from", "x@test/1", "to", room).with(
		el("x", xmpp.NSMUCUser).with(el("decline", "", "to", owner))).append(nil, ""), `
		o@desk.test/usher < c@rooms.test: message decline by x@test/1`)
	step("an error that comes back from an occupant takes him out", el("message", "", "from", bob, "to", room+"/Ann", "type", "error").append(nil, ""), `
		bob@test/phone < c@rooms.test/Bob: presence unavailable member/none(bob@test/phone) 110 307 333
		o@desk.test/usher < c@rooms.test/Bob: presence unavailable member/none(bob@test/phone) 307 333
		ann@site.test/w < c@rooms.test/Bob: presence unavailable member/none 307 333`)
	step("who loses membership is out", mucAffiliate(owner, room, "ann@site.test", "none"), `
		o@desk.test/usher < c@rooms.test: iq result
		ann@site.test/w < c@rooms.test/Ann: presence unavailable none/none(ann@site.test/w) 110 321
		o@desk.test/usher < c@rooms.test/Ann: presence unavailable none/none(ann@site.test/w) 321`)
	step("destroyed", el("iq", "", "from", owner, "to", room, "type", "set", "id", "d").with(
		el("query", xmpp.NSMUCOwner).with(el("destroy", "").with(el("reason", "").said("over")))).append(nil, ""), `
		o@desk.test/usher < c@rooms.test/Support: presence unavailable none/none destroy
		o@desk.test/usher < c@rooms.test: iq result`)
	if len(m.rooms) != 0 {
		t.Errorf("%d rooms are left", len(m.rooms))
	}
}

func TestFakeMUCOfEjabberd(t *testing.T) {
	const room = "c@rooms.test"
	m := newMUC(mucAt, likeEjabberd)
	m.take(mucStart, mucJoin("o@desk.test/usher", room, "Support"))
	sameLines(t, "an unknown field makes the whole form bad", m.take(mucStart, mucForm("o@desk.test/usher", room, "what-nobody-offers", "1")), `
		o@desk.test/usher < c@rooms.test: iq error bad-request`)
	m.take(mucStart, mucForm("o@desk.test/usher", room, "FORM_TYPE", "f", "muc#roomconfig_maxusers", "2"))
	m.take(mucStart, mucJoin("ann@site.test/w", room, "Ann"))
	sameLines(t, "full", m.take(mucStart, mucJoin("bob@test/1", room, "Bob")), `
		bob@test/1 < c@rooms.test/Bob: presence error resource-constraint`)
	m.take(mucStart, mucAffiliate("o@desk.test/usher", room, "bob@test", "admin"))
	if got := m.take(mucStart, mucJoin("bob@test/1", room, "Bob")); len(got) < 4 {
		t.Errorf("an admin passes the limit, but got %s", wire(got))
	}
	sameLines(t, "the service restarts", m.restart(mucStart), `
		o@desk.test/usher < c@rooms.test/Support: presence unavailable owner/none(o@desk.test/usher) 110 332
		ann@site.test/w < c@rooms.test/Ann: presence unavailable none/none(ann@site.test/w) 110 332
		bob@test/1 < c@rooms.test/Bob: presence unavailable admin/none(bob@test/1) 110 332`)
	sameLines(t, "and has forgotten all", m.take(mucStart, mucSay("ann@site.test/w", room, "1", "Hello?")), `
		ann@site.test/w < c@rooms.test: message error item-not-found`)
	m.fail("enter", "resource-constraint")
	sameLines(t, "an error on demand", m.take(mucStart, mucJoin("o@desk.test/usher", room, "Support")), `
		o@desk.test/usher < c@rooms.test/Support: presence error resource-constraint`)
	m.fail("enter", "")
	sameLines(t, "silence on demand", m.take(mucStart, mucJoin("o@desk.test/usher", room, "Support")), "")
	m.ok("enter")
	if got := m.take(mucStart, mucJoin("o@desk.test/usher", room, "Support")); len(got) != 2 {
		t.Errorf("it goes on: %s", wire(got))
	}
}

// The people's side, for tests: what clients send.

// mucJoin is a client's join.
func mucJoin(full, room, nick string) []byte {
	return el("presence", "", "from", full, "to", room+"/"+nick).with(el("x", xmpp.NSMUC)).append(nil, "")
}

// mucLeave is a client's clean leave.
func mucLeave(full, room, nick string) []byte {
	return el("presence", "", "from", full, "to", room+"/"+nick, "type", "unavailable").append(nil, "")
}

// mucSay is a groupchat message.
func mucSay(full, room, id, body string) []byte {
	return el("message", "", "from", full, "to", room, "type", "groupchat", "id", id).with(el("body", "").said(body)).append(nil, "")
}

// mucParts splits a JID.
func mucParts(jid string) (local, domain, resource string) {
	bare, resource, _ := strings.Cut(jid, "/")
	local, domain, is := strings.Cut(bare, "@")
	if !is {
		return "", bare, resource
	}
	return local, domain, resource
}

func mucBare(jid string) string {
	bare, _, _ := strings.Cut(jid, "/")
	return bare
}

// wire is how a test reads stanzas: one line each, all but ids and namespaces.
func wire(ns []*node) string {
	var b strings.Builder
	for _, n := range ns {
		b.WriteString(short(n))
		b.WriteByte('\n')
	}
	return b.String()
}

// short is a stanza in a few words: to < from: what.
func short(n *node) string {
	s := n.attr("to") + " < " + n.attr("from") + ": " + n.name
	if t := n.attr("type"); t != "" {
		s += " " + t
	}
	if b := n.child("body", ""); b != nil {
		s += " «" + b.text + "»"
	}
	if b := n.child("subject", ""); b != nil {
		s += " subject «" + b.text + "»"
	}
	if e := n.child("error", ""); e != nil && e.first() != nil {
		s += " " + e.first().name
	}
	if d := n.child("delay", xmpp.NSDelay); d != nil {
		s += " @" + d.attr("stamp")
	}
	if x := n.child("x", xmpp.NSMUCUser); x != nil {
		for _, k := range x.kids {
			switch k.name {
			case "item":
				s += " " + k.attr("affiliation") + "/" + k.attr("role")
				if j := k.attr("jid"); j != "" {
					s += "(" + j + ")"
				}
			case "status":
				s += " " + k.attr("code")
			default:
				s += " " + k.name
				if f := k.attr("from"); f != "" {
					s += " by " + f
				}
			}
		}
	}
	return s
}

func sameLines(t *testing.T, what string, got []*node, want string) {
	t.Helper()
	lines := func(s string) []string {
		var out []string
		for _, l := range strings.Split(s, "\n") {
			if l = strings.TrimSpace(l); l != "" {
				out = append(out, l)
			}
		}
		return out
	}
	if g, w := lines(wire(got)), lines(want); !slices.Equal(g, w) {
		t.Errorf("%s:\ngot\n\t%s\nwant\n\t%s", what, strings.Join(g, "\n\t"), strings.Join(w, "\n\t"))
	}
}
