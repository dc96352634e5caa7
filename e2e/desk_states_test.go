package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// The rows of the state tables. Each has a workgroup of its own, and all run beside each other on each server.
func deskCases() []deskCase {
	return []deskCase{
		{name: "life", agents: 1, group: askForm, example: wholeLife},
		{name: "signed", site: "signed", agents: 1, example: signedVisitor},
		{name: "plain", agents: 1, example: plainVisitor},
		{name: "calls", site: "help", agents: 1, example: agentCalls},
		{name: "never-joins", agents: 2, timers: "join: 1s", example: neverJoins},
		{name: "dies", agents: 2, timers: "agent_lost: 500ms", example: agentDies},
		{name: "cut", agents: 1, example: visitorCut},
		{name: "visitor-lost", agents: 1, timers: "visitor_lost: 500ms", example: visitorLost},
		{name: "departs", agents: 1, example: visitorDeparts},
		{name: "race", agents: 2, group: ", strategy: ring-all", example: twoAccept},
		{name: "all-busy", agents: 1, group: ", max_chats: 1", example: allBusy},
		{name: "goes-away", agents: 1, example: agentGoesAway},
		{name: "two-clients", agents: 1, example: twoClients},
		{name: "transfer", agents: 2, example: transferred},
		{name: "person", agents: 1, example: personsClient},
		{name: "nobody", agents: 1, example: nobodyThere},
		{name: "hours", agents: 1, group: closedHours(time.Now()), example: outsideHours},
		{name: "site-a", agents: 1, example: func(t *testing.T, s *scene) { twoSites(t, s, "site-b", "signed") }},
		{name: "site-b", site: "signed", agents: 1, example: func(t *testing.T, s *scene) { twoSites(t, s, "site-a", "shop") }},
	}
}

func TestDesk(t *testing.T) {
	for _, name := range []string{"prosody", "ejabberd"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cases := deskCases()
			runDesk(t, name, cases).play(t, cases)
		})
	}
}

// An agent accepts and never joins: the next one gets the visitor, who keeps his place.
func neverJoins(t *testing.T, s *scene) {
	alice := s.agent(0, map[string]any{"follow": false})
	anna := s.visitor()
	anna.asks(nil)
	alice.offered(anna)
	bob := s.agent(1)
	alice.tells(s.workgroup, "1")
	alice.next("invited", nil)
	room := bob.takes(anna)
	if at := anna.enters(); at != room {
		t.Fatalf("the visitor is in %s, the agent in %s", at, room)
	}
	exchange(anna, bob, room, "somebody at last")
	if alice.has(func(e event) bool { return e.Event == "joined" }) {
		t.Error("the first agent was to stay away")
	}
	// The door is shut for the one who did not come.
	alice.do("join", map[string]any{"room": room})
	alice.next("refused", func(e event) bool { return e.Room == room })
	bob.tells(s.workgroup, "close")
	anna.state("closed")
	if tr := s.archived(t, anna.id); tr.Agents[len(tr.Agents)-1] != bob.bare {
		t.Errorf("agents %v", tr.Agents)
	}
}

// An agent's client dies mid-chat; the next agent enters the same room and sees what was said.
func agentDies(t *testing.T, s *scene) {
	alice := s.agent(0)
	anna := s.visitor()
	room := connects(anna, alice, map[string]string{"question": "Can you hear me?"})
	exchange(anna, alice, room, "before the crash")
	alice.kill()
	anna.state("agent-lost")
	anna.says(room, "Hello?")
	anna.hearsIn(room, anna.nick, "Hello?")
	bob := s.agent(1)
	if at := bob.takes(anna); at != room {
		t.Fatalf("the next agent is in %s, the chat is in %s", at, room)
	}
	// What was said before comes to him alone, as it came in (XEP-0203), also where the room itself has no history.
	told := bob.next("pm", func(e event) bool { return e.Room == room }).Text
	rest := told
	for _, text := range []string{"visitor: before the crash", "agent: before the crash", "Hello?"} {
		_, after, found := strings.Cut(rest, text)
		if !found {
			t.Fatalf("told %q, which lacks %q, or not in order", told, text)
		}
		rest = after
	}
	anna.state("active")
	exchange(anna, bob, room, "after the crash")
	bob.tells(s.workgroup, "close")
	anna.state("closed")
	tr := s.archived(t, anna.id)
	sameLines(t, "said", tr.said(), []string{"visitor: visitor: before the crash", "agent: agent: before the crash", "visitor: Hello?",
		"visitor: visitor: after the crash", "agent: agent: after the crash"})
	if !slices.Equal(tr.Agents, []string{alice.bare, bob.bare}) {
		t.Errorf("agents %v", tr.Agents)
	}
}

// A visitor's connection is cut and comes back, while he waits and while he chats.
func visitorCut(t *testing.T, s *scene) {
	alice := s.agent(0)
	anna := s.visitor()
	anna.asks(nil)
	alice.offered(anna)
	again := func() {
		t.Helper()
		if e := anna.next("reconnected", nil); e.JID != anna.jid {
			t.Fatalf("came back as %s, was %s", e.JID, anna.jid)
		}
	}
	back := func() {
		t.Helper()
		anna.net.cut()
		again()
	}
	back()
	alice.tells(s.workgroup, "1")
	room := alice.enters()
	if at := anna.enters(); at != room {
		t.Fatalf("the visitor is in %s, the agent in %s", at, room)
	}
	anna.state("active")
	exchange(anna, alice, room, "before the cut")
	back()
	exchange(anna, alice, room, "after the cut")
	// From page to page, by the token alone: WebSocket, BOSH, WebSocket.
	for _, transport := range []string{"bosh", "ws"} {
		path := map[string]string{"bosh": "http://" + anna.net.addr + "/http-bind", "ws": "ws://" + anna.net.addr + "/xmpp-websocket"}
		anna.do("reload", map[string]any{"url": path[transport]})
		again()
		if e := anna.state("active"); e.Room != room { // he is told again where he is
			t.Errorf("over %s he is told of %q, he is in %s", transport, e.Room, room)
		}
		anna.do("join", map[string]any{"room": room, "nick": "me"})
		if e := anna.next("joined", nil); e.Nick != anna.nick {
			t.Errorf("over %s he is %s, he was %s", transport, e.Nick, anna.nick)
		}
		exchange(anna, alice, room, "over "+transport)
	}
	if alice.has(func(e event) bool { return e.Event == "presence" && e.Nick == anna.nick && e.Type == "unavailable" }) {
		t.Error("the agent saw the visitor leave")
	}
	alice.tells(s.workgroup, "close")
	anna.state("closed")
	sameLines(t, "said", s.archived(t, anna.id).said(), []string{"visitor: visitor: before the cut", "agent: agent: before the cut",
		"visitor: visitor: after the cut", "agent: agent: after the cut",
		"visitor: visitor: over bosh", "agent: agent: over bosh", "visitor: visitor: over ws", "agent: agent: over ws"})
}

// A visitor who doesn't come back ends the chat; the agent is told.
func visitorLost(t *testing.T, s *scene) {
	alice := s.agent(0)
	anna := s.visitor()
	room := connects(anna, alice, nil)
	exchange(anna, alice, room, "still here")
	anna.kill()
	alice.next("presence", func(e event) bool { return e.Room == room && e.Nick == anna.nick && e.Type == "unavailable" })
	alice.isOut(room)
	s.hook.tells(t, "closed", anna.id)
	if tr := s.archived(t, anna.id); tr.Reason != "lost" {
		t.Errorf("closed because of %q", tr.Reason)
	}
}

// A visitor leaves while he is offered: the offer is corrected, and can't be accepted any more.
func visitorDeparts(t *testing.T, s *scene) {
	alice := s.agent(0)
	anna := s.visitor()
	anna.asks(nil)
	offer := alice.offered(anna)
	anna.do("depart", map[string]any{"to": s.workgroup})
	if e := anna.next("depart", nil); e.Type != "result" {
		t.Fatalf("depart-queue: %s", e)
	}
	anna.state("closed")
	alice.next("chat", func(e event) bool { return e.Replaces == offer.ID }) // XEP-0308
	alice.tells(s.workgroup, "1")
	alice.hearsFrom(s.workgroup, "no")
	if alice.has(func(e event) bool { return e.Event == "invited" }) {
		t.Error("invited to a chat with nobody")
	}
	if tr := s.archived(t, anna.id); tr.Reason != "visitor" || len(tr.Agents) != 0 {
		t.Errorf("reason %q, agents %v", tr.Reason, tr.Agents)
	}
	// She may ask again, and he is free.
	connects(anna, alice, nil)
}

// Two agents accept in the same instant: one has it, the other is told.
func twoAccept(t *testing.T, s *scene) {
	alice, bob := s.agent(0), s.agent(1)
	anna := s.visitor()
	anna.asks(nil)
	alice.offered(anna)
	bob.offered(anna)
	together := make(chan struct{})
	done := make(chan struct{}, 2)
	for _, m := range []*member{alice, bob} {
		go func() { // ends when it has said so
			<-together
			m.tells(s.workgroup, "1")
			done <- struct{}{}
		}()
	}
	close(together)
	<-done
	<-done
	room := anna.enters()
	who := anna.state("active").Agent
	winner, other := alice, bob
	if strings.HasPrefix(who, bob.nick) {
		winner, other = bob, alice
	}
	if at := winner.enters(); at != room {
		t.Fatalf("the agent is in %s, the visitor in %s", at, room)
	}
	other.hearsFrom(s.workgroup, "taken", winner.nick)
	exchange(anna, winner, room, "one of you")
	if other.has(func(e event) bool { return e.Event == "invited" }) {
		t.Error("both were invited")
	}
	winner.tells(s.workgroup, "close")
	anna.state("closed")
	if tr := s.archived(t, anna.id); !slices.Equal(tr.Agents, []string{winner.bare}) {
		t.Errorf("agents %v", tr.Agents)
	}
}

// All busy: who comes waits, is told his place, and is served in the order of asking.
func allBusy(t *testing.T, s *scene) {
	alice := s.agent(0)
	anna, ben, clara := s.visitor(), s.visitor(), s.visitor()
	connects(anna, alice, nil)
	ben.asks(nil)
	ben.awaits(1)
	clara.asks(nil)
	clara.awaits(2)
	if e := ben.place(); e.Position != 1 {
		t.Errorf("ben's place: %s", e)
	}
	if alice.has(func(e event) bool { return strings.Contains(e.Text, fmt.Sprintf("[#%d]", ben.number)) }) {
		t.Error("an agent who is busy got an offer")
	}
	alice.tells(s.workgroup, "close")
	anna.state("closed")
	alice.takes(ben)
	ben.enters()
	clara.awaits(1)
	alice.tells(s.workgroup, "close")
	ben.state("closed")
	alice.takes(clara)
	clara.enters()
}

// An agent goes away mid-chat: the chat goes on, others are told that nobody is there.
func agentGoesAway(t *testing.T, s *scene) {
	alice := s.agent(0)
	anna := s.visitor()
	room := connects(anna, alice, nil)
	alice.do("show", map[string]any{"show": "dnd", "status": "lunch"})
	alice.next("contact", func(e event) bool { return e.From == s.workgroup && (e.Show != "" || e.Type == "unavailable") }) // closed
	exchange(anna, alice, room, "you eat and talk")
	ben := s.visitor()
	if e := ben.tries(nil, nil); e.Type != "error" || e.State != "service-unavailable" || e.ID != "503" || e.Reason != "no-agents" {
		t.Errorf("while he is not to be disturbed: %s", e)
	}
	alice.do("show", map[string]any{})
	alice.next("contact", func(e event) bool { return e.From == s.workgroup && e.Type == "available" && e.Show == "" })
	ben.asks(nil)
	alice.offered(ben)
	exchange(anna, alice, room, "still you")
}

// An agent with two clients: both ring, either may accept and speak, one may go.
func twoClients(t *testing.T, s *scene) {
	desktop := s.agent(0, map[string]any{"nick": "Alice"})
	phone := s.agent(0, map[string]any{"nick": "Alice"})
	anna := s.visitor()
	anna.asks(nil)
	desktop.offered(anna)
	phone.offered(anna)
	phone.tells(s.workgroup, "1")
	room := anna.enters()
	anna.state("active")
	desktop.next("invited", nil)
	phone.next("invited", nil)
	// Where the room lets both in they are one occupant; where it is full for the second, the other one is in.
	joined := func(e event) bool { return e.Event == "joined" }
	until(t, "both are in, or one is", func() bool {
		settled := func(m *member) bool {
			return m.has(func(e event) bool { return joined(e) || e.Event == "refused" })
		}
		return settled(desktop) && settled(phone)
	})
	in, out := desktop, phone
	if !in.has(joined) {
		in, out = phone, desktop
	}
	anna.says(room, "which of you?")
	in.hearsIn(room, anna.nick, "which of you?")
	in.says(room, "this one")
	anna.next("message", func(e event) bool { return e.Text == "this one" })
	out.kill()
	in.says(room, "still this one")
	anna.next("message", func(e event) bool { return e.Text == "still this one" })
	in.tells(s.workgroup, "close")
	anna.state("closed")
	tr := s.archived(t, anna.id)
	sameLines(t, "said", tr.said(), []string{"visitor: which of you?", "agent: this one", "agent: still this one"})
	if anna.has(func(e event) bool { return e.State == "agent-lost" }) || !slices.Equal(tr.Agents, []string{in.bare}) {
		t.Errorf("one client's end was taken for the agent's; agents %v", tr.Agents)
	}
}

// A chat is handed over in the same room; the old agent stays until the new one is in.
func transferred(t *testing.T, s *scene) {
	alice := s.agent(0)
	anna := s.visitor()
	room := connects(anna, alice, nil)
	exchange(anna, alice, room, "you want my colleague")
	bob := s.agent(1)
	alice.tells(s.workgroup, fmt.Sprintf("transfer %d %s", anna.number, bob.nick))
	if at := bob.takes(anna); at != room {
		t.Fatalf("the new agent is in %s, the chat in %s", at, room)
	}
	bob.next("pm", func(e event) bool { return strings.Contains(e.Text, "you want my colleague") })
	alice.isOut(room)
	exchange(anna, bob, room, "it is me now")
	bob.tells(s.workgroup, "close")
	anna.state("closed")
	tr := s.archived(t, anna.id)
	if !slices.Equal(tr.Agents, []string{alice.bare, bob.bare}) || !slices.Contains(tr.story(), "transfer agent") {
		t.Errorf("agents %v, story %q", tr.Agents, tr.story())
	}
}

// Nobody there: the message is kept, told to the webhook, and given to the next agent who comes.
func nobodyThere(t *testing.T, s *scene) {
	carol := s.signIn(t, s.supervisor, nil)
	carol.next("contact", func(e event) bool { return e.From == s.workgroup && e.Show == "away" }) // it knows by now
	anna := s.visitor()
	if e := anna.tries(nil, nil); e.Type != "error" || e.State != "service-unavailable" || e.Reason != "no-agents" {
		t.Errorf("asking while nobody is there: %s", e)
	}
	id := s.leavesMessage(anna, "Please write to me")
	s.hook.tells(t, "offline", id)
	alice := s.agent(0)
	alice.hearsFrom(s.workgroup, "Please write to me", "anna@example.org")
	until(t, "it counts as delivered, to him", func() bool {
		tr := s.archived(t, id)
		return tr.Reason == "delivered" && slices.Equal(tr.Agents, []string{alice.bare})
	})
	connects(anna, alice, nil) // and open it is
}

// Outside the hours the visitor is told when it opens, and may leave a message.
func outsideHours(t *testing.T, s *scene) {
	anna := s.visitor()
	if e := anna.tries(nil, nil); e.Type != "error" || e.State != "service-unavailable" || e.Reason != "hours" {
		t.Errorf("asking outside the hours: %s", e)
	}
	if tr := s.archived(t, s.leavesMessage(anna, "Tomorrow then")); !strings.Contains(strings.Join(tr.said(), "\n"), "Tomorrow then") {
		t.Errorf("the message isn't in its transcript: %+v", tr)
	}
}

// closedHours are open on the day before yesterday only.
func closedHours(now time.Time) string {
	day := strings.ToLower(now.UTC().AddDate(0, 0, -2).Weekday().String()[:3])
	return fmt.Sprintf(`, hours: {zone: UTC, week: {%s: ["09:00-17:00"]}}`, day)
}

// leavesMessage fills in the form for messages and returns the id of what was kept.
func (s *scene) leavesMessage(v *visitor, question string) string {
	s.t.Helper()
	v.do("offlineForm", map[string]any{"to": s.workgroup})
	form := v.next("form", nil)
	values := map[string]string{}
	for name := range form.Fields {
		switch name {
		case "email":
			values[name] = "anna@example.org"
		case "name":
			values[name] = "Anna"
		case "question":
			values[name] = question
		}
	}
	if values["question"] == "" {
		s.t.Fatalf("no question in the form: %s", form)
	}
	v.do("leaveMessage", map[string]any{"to": s.workgroup, "form": values})
	e := v.next("left", nil)
	if e.Type != "result" || e.ID == "" {
		s.t.Fatalf("leave-message: %s", e)
	}
	return e.ID
}

// Two sites with agents of their own never see each other's visitors.
func twoSites(t *testing.T, s *scene, otherGroup, otherSite string) {
	alice := s.agent(0)
	anna := s.visitor()
	stranger := s.desk.visitor(t, deskSites[otherSite], s.workgroup) // of the other site, at this door
	if e := stranger.tries(nil, nil); e.Type != "error" || e.State != "forbidden" {
		t.Errorf("a visitor of another site asks here: %s", e)
	}
	anna.workgroup = otherGroup + "@visitors.localhost"
	if e := anna.tries(nil, nil); e.Type != "error" || e.State != "forbidden" {
		t.Errorf("he asks at another site's: %s", e)
	}
	anna.workgroup = s.workgroup
	alice.tells(s.workgroup, "who")
	list := alice.hearsFrom(s.workgroup, bareJID(anna.jid)[:6])
	if strings.Contains(list.Text, bareJID(stranger.jid)[:6]) {
		t.Errorf("an agent sees another site's visitors: %q", list.Text)
	}
	room := connects(anna, alice, map[string]string{"question": "mine"})
	exchange(anna, alice, room, "among us")
	stranger.do("join", map[string]any{"room": room, "nick": "me"})
	if e := stranger.next("refused", nil); e.State != "forbidden" {
		t.Errorf("a visitor of another site enters the room: %s", e)
	}
}
