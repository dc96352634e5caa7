package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// A form with one field that must be filled in.
const askForm = `, form: [{var: name, type: text-single, label: {en: Your name}}, {var: question, type: text-multi, label: {en: Your question}, required: true}]`

// wholeLife is a visitor's request from the form to the transcript, by text and by ad-hoc commands, with a supervisor who
// comes and goes, and strangers at the door.
func wholeLife(t *testing.T, s *scene) {
	alice, carol := s.agent(0, map[string]any{"follow": false}), s.lead()
	anna := s.visitor()

	// XEP-0142 §4.1: without the form that is needed: 406; the form is asked for.
	if e := anna.tries(nil, nil); e.Type != "error" || e.State != "not-acceptable" || e.ID != "406" {
		t.Errorf("asking without the form was answered by %s", e)
	}
	anna.do("form", map[string]any{"to": s.workgroup})
	if e := anna.next("form", nil); e.Fields["question"] != "Your question" {
		t.Errorf("the form: %s", e)
	}
	if e := anna.tries(map[string]string{"name": "Anna", "question": "Where is my parcel?"},
		map[string]string{"page": "https://shop.example/orders", "language": "de"}); e.Type != "result" {
		t.Fatalf("refused: %s", e)
	}
	anna.state("queued", "offered")
	offer := alice.offered(anna)
	for _, part := range []string{"Anna", "/orders", "de", "Where is my parcel?"} {
		if !strings.Contains(offer.Text, part) {
			t.Errorf("the offer lacks %q: %q", part, offer.Text)
		}
	}
	if strings.Contains(offer.Text, "(verified)") {
		t.Errorf("what nobody has signed is shown as verified: %q", offer.Text)
	}
	if e := alice.runs(s.workgroup, "accept", map[string]string{"conversation": fmt.Sprint(anna.number)}); e.State != "completed" {
		t.Fatalf("accept by ad-hoc command: %s", e)
	}
	room := anna.enters()
	if at := alice.next("invited", nil).Room; at != room {
		t.Fatalf("the visitor is in %s, the agent called to %s", at, room)
	}
	s.strangers(room) // while there is a place left
	alice.do("join", map[string]any{"room": room})
	alice.next("joined", nil)
	if e := anna.state("active"); e.Agent == "" || e.Room != room {
		t.Errorf("the visitor isn't told who and where: %s", e)
	}
	if !strings.HasPrefix(anna.nick, "Anna") {
		t.Errorf("the visitor's nick is %q", anna.nick)
	}
	alice.do("info", map[string]any{"of": room})
	for _, feature := range []string{"muc_membersonly", "muc_hidden"} {
		if e := alice.next("info", nil); !slices.Contains(e.Names, feature) {
			t.Errorf("the room isn't %s: %s", feature, e)
		}
		alice.do("info", map[string]any{"of": room})
	}

	var said []string
	talk := func(who *client, room, role, text string, everyone ...*client) {
		t.Helper()
		who.do("say", map[string]any{"room": room, "text": text})
		for _, h := range everyone {
			h.hearsIn(room, who.nick, text)
		}
		said = append(said, role+": "+text)
	}
	for i, text := range bodies[:4] {
		talk(anna.client, room, "visitor", text, anna.client, alice.client)
		talk(alice.client, room, "agent", fmt.Sprint("answer ", i), anna.client, alice.client)
	}

	// The supervisor looks, comes in, and goes.
	carol.tells(s.workgroup, "list")
	carol.hearsFrom(s.workgroup, fmt.Sprintf("#%d", anna.number), alice.nick)
	carol.tells(s.workgroup, fmt.Sprintf("enter %d", anna.number))
	if at := carol.enters(); at != room {
		t.Fatalf("the supervisor is in %s", at)
	}
	talk(carol.client, room, "supervisor", "May I help?", anna.client, alice.client, carol.client)
	talk(anna.client, room, "visitor", "Oh, hello", alice.client, carol.client)
	if e := carol.runs(s.workgroup, "leave", map[string]string{"conversation": fmt.Sprint(anna.number)}); e.State != "completed" {
		t.Errorf("leave by ad-hoc command: %s", e)
	}
	carol.isOut(room)
	carol.do("join", map[string]any{"room": room})
	carol.next("refused", func(e event) bool { return e.Room == room })
	talk(anna.client, room, "visitor", "Are you still there?", alice.client)

	alice.tells(s.workgroup, "note the parcel is at the neighbour's")
	alice.hearsFrom(s.workgroup, "note")
	alice.tells(s.workgroup, "close solved")
	if e := anna.state("closed"); e.Reason != "agent" {
		t.Errorf("closed because of %q", e.Reason)
	}
	if e := anna.rates(5, "very kind"); e.Type != "result" {
		t.Errorf("rating: %s", e)
	}
	if e := anna.rates(1, "on second thoughts"); e.State != "conflict" {
		t.Errorf("a second rating: %s", e)
	}
	tr := s.archived(t, anna.id)
	sameLines(t, "said", tr.said(), said)
	var frame []string
	for _, line := range tr.story() {
		if !strings.HasPrefix(line, "message ") {
			frame = append(frame, line)
		}
	}
	sameLines(t, "besides", frame[:min(4, len(frame))], []string{"join visitor", "join agent", "join supervisor", "leave supervisor"})
	for _, want := range []string{"note agent: the parcel is at the neighbour's", "rating visitor: very kind"} {
		if !slices.Contains(tr.story(), want) {
			t.Errorf("no %q in %q", want, tr.story())
		}
	}
	if tr.Visitor.Name != "Anna" || tr.Visitor.Verified || tr.Visitor.JID != bareJID(anna.jid) || tr.Visitor.Page != "https://shop.example/orders" ||
		tr.Reason != "agent" || !slices.Equal(tr.Agents, []string{alice.bare}) || tr.Rating == nil || tr.Rating.Value != 5 ||
		tr.Asked == "" || tr.Accepted < tr.Asked || tr.Closed < tr.Accepted {
		t.Errorf("the transcript's head: %+v", tr)
	}

	// XEP-0313: supervisors read it, nobody else does.
	read := func(who *member) event {
		who.do("archive", map[string]any{"of": s.workgroup, "with": bareJID(anna.jid)})
		return who.next("archive", nil)
	}
	e := read(carol)
	words := e.Names
	for _, line := range said {
		_, text, _ := strings.Cut(line, ": ")
		if i := slices.Index(words, text); i < 0 {
			t.Errorf("not in the supervisor's archive, or not in order: %q (%s)", text, e)
		} else {
			words = words[i+1:]
		}
	}
	if e := read(alice); e.Type != "error" {
		t.Errorf("an agent reads the supervisors' archive: %s", e)
	}
	s.hook.tells(t, "closed", anna.id)
	s.hook.tells(t, "rated", anna.id)
}

// strangers know the room's name, and get in neither as an account of the server nor as another visitor.
func (s *scene) strangers(room string) {
	s.t.Helper()
	mallory := s.signIn(s.t, "stranger", nil)
	mallory.do("join", map[string]any{"room": room, "nick": "Support"})
	if e := mallory.next("refused", nil); e.State != "registration-required" {
		s.t.Errorf("a stranger's account: %s", e)
	}
	other := s.visitor()
	other.do("join", map[string]any{"room": room, "nick": "Anna"})
	if e := other.next("refused", nil); e.State != "forbidden" {
		s.t.Errorf("another visitor: %s", e)
	}
	for _, c := range []*client{mallory.client, other.client} {
		if c.has(func(e event) bool { return e.Event == "joined" }) {
			s.t.Error("a stranger got in")
		}
	}
}

// Visitors whom the site has signed are shown as verified; a forged or old signature is refused.
func signedVisitor(t *testing.T, s *scene) {
	sign := func(key string, life time.Duration) string {
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
			"sub": "customer-4711", "aud": "signed", "exp": time.Now().Add(life).Unix(), "name": "Berta Beispiel", "email": "berta@example.org",
		}).SignedString([]byte(key))
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	bob := s.agent(0)
	berta := s.visitor()
	for reason, token := range map[string]string{"signature": sign("another key", time.Hour), "expired": sign(jwtKey, -time.Hour)} {
		e := berta.tries(nil, map[string]string{"token": token})
		if e.Type != "error" || e.State != "not-authorized" || e.Reason != reason || !slices.Equal(e.Names, []string{"invalid-token"}) {
			t.Errorf("%s: answered by %s", reason, e)
		}
	}
	if e := berta.tries(map[string]string{"question": "Who am I?"}, map[string]string{"token": sign(jwtKey, time.Hour)}); e.Type != "result" {
		t.Fatalf("refused: %s", e)
	}
	berta.state("queued", "offered")
	if offer := bob.offered(berta); !strings.Contains(offer.Text, "Berta Beispiel (verified)") {
		t.Errorf("the offer: %q", offer.Text)
	}
	bob.tells(s.workgroup, "1")
	room := bob.enters()
	berta.enters()
	exchange(berta, bob, room, "signed")
	bob.tells(s.workgroup, "close")
	berta.state("closed")
	if tr := s.archived(t, berta.id); !tr.Visitor.Verified || tr.Visitor.Sub != "customer-4711" || tr.Visitor.Email != "berta@example.org" || tr.Site != "signed" {
		t.Errorf("the archived visitor: %+v at %s", tr.Visitor, tr.Site)
	}
}

// A visitor with a plain client, and no form: a chat message to the workgroup is enough.
func plainVisitor(t *testing.T, s *scene) {
	bob := s.agent(0)
	anna := s.visitor()
	anna.do("chat", map[string]any{"to": s.workgroup, "text": "Is anybody there?"})
	anna.next("chat", func(e event) bool { return e.From == s.workgroup }) // told in words that she waits
	offer := bob.hearsFrom(s.workgroup, "Is anybody there?", "1 accept")
	if !strings.HasPrefix(offer.Text, "[#") {
		t.Errorf("the offer: %q", offer.Text)
	}
	bob.tells(s.workgroup, "accept")
	room := bob.enters()
	if at := anna.enters(); at != room {
		t.Fatalf("the visitor is in %s, the agent in %s", at, room)
	}
	exchange(anna, bob, room, "plain")
}

// An agent starts a chat with a visitor who is on the site, and it may be declined.
func agentCalls(t *testing.T, s *scene) {
	bob := s.agent(0)
	anna := s.visitor()
	number := func() string {
		t.Helper()
		bob.tells(s.workgroup, "who")
		list := bob.hearsFrom(s.workgroup, bareJID(anna.jid)[:6])
		for line := range strings.Lines(list.Text) {
			if strings.Contains(line, bareJID(anna.jid)[:6]) {
				n, _, _ := strings.Cut(strings.TrimLeft(line, " #"), " ")
				return strings.TrimRight(n, ".:")
			}
		}
		t.Fatalf("not in the list: %q", list.Text)
		return ""
	}
	bob.tells(s.workgroup, "call "+number()+" May I help you?")
	if e := anna.next("call", nil); e.Text != "May I help you?" {
		t.Errorf("the call: %s", e)
	}
	room := anna.enters()
	if at := bob.enters(); at != room {
		t.Fatalf("the visitor is in %s, the agent in %s", room, at)
	}
	exchange(anna, bob, room, "called")
	bob.tells(s.workgroup, "close")
	anna.state("closed")

	ben := s.visitor()
	ben.do("follow", map[string]any{"follow": false})
	anna.close()
	anna = ben
	bob.tells(s.workgroup, "call "+number()+" And you?")
	invitation := ben.next("invited", nil)
	ben.do("decline", map[string]any{"room": invitation.Room, "from": invitation.From})
	if e := ben.state("closed"); e.Reason != "declined" {
		t.Errorf("closed because of %q", e.Reason)
	}
}
