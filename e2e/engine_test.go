package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// The widget's engine against the real thing: the same visitor as on a page, but without a browser.
var engineLib = library{name: "engine", args: nodeDriver("engine.js")}

// guest is a visitor with the widget's engine.
type guest struct {
	*client
	ws, bosh *relay
	id       string // of the conversation
}

func (s *scene) guest() *guest {
	s.t.Helper()
	g := &guest{client: start(s.t, engineLib, nil), ws: newRelay(s.t, s.addr), bosh: newRelay(s.t, s.addr)}
	g.do("open", map[string]any{
		"ws": "ws://" + g.ws.addr + "/xmpp-websocket", "bosh": "http://" + g.bosh.addr + "/http-bind",
		"domain": s.domain, "workgroup": s.workgroup,
	})
	return g
}

// act calls the engine.
func (g *guest) act(name string, args ...any) {
	g.t.Helper()
	if args == nil {
		args = []any{}
	}
	g.do("act", map[string]any{"name": name, "args": args})
}

func (g *guest) phase(phase string) event {
	g.t.Helper()
	e := g.next("phase", func(e event) bool { return e.State == phase })
	if e.ID != "" {
		g.id = e.ID
	}
	return e
}

func (g *guest) link(state string) {
	g.t.Helper()
	g.next("link", func(e event) bool { return e.State == state })
}

// line waits until a line of the chat is there in this state.
func (g *guest) line(from, text, state string) event {
	g.t.Helper()
	return g.next("line", func(e event) bool { return e.From == from && e.Text == text && e.State == state })
}

// sees asserts what the chat shows: who said what, in this order, each once.
func (g *guest) sees(want ...string) {
	g.t.Helper()
	g.do("lines", nil)
	sameLines(g.t, "the chat shows", g.next("lines", nil).Names, want)
}

// agentOffered waits for the offer, accepts it and enters.
func (m *member) takesGuest(workgroup string) (room string) {
	m.t.Helper()
	m.hearsFrom(workgroup, "1 accept", "2 decline")
	m.tells(workgroup, "1")
	return m.enters()
}

// talks is a line each; id is that of the guest's.
func (g *guest) talks(a *member, room, text string) (id string) {
	g.t.Helper()
	g.act("send", "guest: "+text)
	a.next("message", func(e event) bool { return e.Room == room && e.Text == "guest: "+text })
	id = g.line("visitor", "guest: "+text, "delivered").ID
	a.says(room, "agent: "+text)
	g.line("agent", "agent: "+text, "delivered")
	return id
}

// begun is a chat between a guest and an agent.
func (s *scene) begun() (g *guest, a *member, room string) {
	s.t.Helper()
	a = s.agent(0)
	g = s.guest()
	g.act("start", map[string]any{"question": "Where is my parcel?"})
	room = a.takesGuest(s.workgroup)
	g.phase("active")
	g.next("agent", func(e event) bool { return e.Nick == a.nick && e.State == "here" })
	return g, a, room
}

// The form, the queue, the chat with typing and a correction, a supervisor, the end, the rating.
func engineLife(t *testing.T, s *scene) {
	alice, carol := s.agent(0), s.lead()
	g := s.guest()
	g.act("start")
	if e := g.next("form", nil); e.Fields["question"] != "Your question" {
		t.Errorf("the form: %s", e)
	}
	g.phase("form")
	g.act("submitForm", map[string]any{"name": []string{"Anna"}, "question": []string{"Where is my parcel?"}})
	g.phase("offered")
	room := alice.takesGuest(s.workgroup)
	g.phase("active")
	g.line("visitor", "Where is my parcel?", "delivered")
	hello := g.talks(alice, room, "hello")

	alice.do("typing", map[string]any{"room": room, "state": "composing"})
	g.next("typing", func(e event) bool { return e.State == "composing" })
	g.act("typing", true)
	alice.next("chatstate", func(e event) bool { return e.State == "composing" })

	g.act("correct", hello, "guest: hello, you")
	alice.next("message", func(e event) bool { return e.Text == "guest: hello, you" })
	g.line("visitor", "guest: hello, you", "delivered")

	carol.tells(s.workgroup, fmt.Sprintf("enter %d", 1))
	carol.enters()
	g.next("supervisors", func(e event) bool { return slices.Equal(e.Names, []string{carol.nick}) })
	carol.tells(s.workgroup, "leave 1")
	g.next("supervisors", func(e event) bool { return len(e.Names) == 0 })

	g.sees("visitor: Where is my parcel?", "visitor: guest: hello, you", "agent: agent: hello")
	alice.says(room, "!close")
	if e := g.phase("closed"); e.Reason != "agent" {
		t.Errorf("closed because of %q", e.Reason)
	}
	g.act("rate", 5, "quick")
	until(t, "the rating is in the archive", func() bool {
		r := s.archived(t, g.id).Rating
		return r != nil && r.Value == 5 && r.Text == "quick"
	})
}

// A page after the other, the network cut and blocked: the chat goes on, with all that was said meanwhile, once.
func engineReloads(t *testing.T, s *scene) {
	g, alice, room := s.begun()
	g.talks(alice, room, "1")

	g.do("reload", nil)
	alice.says(room, "while the page was loading")
	g.line("agent", "while the page was loading", "delivered")
	g.talks(alice, room, "2")

	g.ws.cut()
	g.link("reconnecting")
	g.act("send", "said without a network")
	g.line("visitor", "said without a network", "delivered")
	g.talks(alice, room, "3")

	g.ws.block()
	alice.says(room, "while WebSocket was blocked")
	g.link("up") // over BOSH
	g.line("agent", "while WebSocket was blocked", "delivered")
	g.talks(alice, room, "4")
	g.do("reload", nil) // the BOSH session is taken over by the token
	g.talks(alice, room, "5")

	g.sees("visitor: Where is my parcel?",
		"visitor: guest: 1", "agent: agent: 1", "agent: while the page was loading", "visitor: guest: 2", "agent: agent: 2",
		"visitor: said without a network", "visitor: guest: 3", "agent: agent: 3",
		"agent: while WebSocket was blocked", "visitor: guest: 4", "agent: agent: 4", "visitor: guest: 5", "agent: agent: 5")
	g.act("end")
	g.phase("closed")
	var said []string
	for _, l := range s.archived(t, g.id).said() {
		if !strings.HasPrefix(l, "service") {
			said = append(said, l)
		}
	}
	if got := len(slices.Compact(slices.Sorted(slices.Values(said)))); got != len(said) {
		t.Errorf("the transcript has something twice: %q", said)
	}
}

// The network is gone while the visitor waits, and when he asks.
func engineQueue(t *testing.T, s *scene) {
	alice := s.agent(0)
	bob := s.guest()
	bob.act("start", map[string]any{"question": "first"})
	bob.phase("offered")
	alice.hearsFrom(s.workgroup, "1 accept")
	anna := s.guest()
	anna.act("start", map[string]any{"question": "second"})
	anna.phase("queued")
	anna.next("queue", func(e event) bool { return e.Position == 1 })
	anna.do("reload", nil)
	anna.act("leaveQueue")
	anna.phase("idle")
	anna.act("start", map[string]any{"question": "third"})
	anna.phase("queued")
	bob.act("leaveQueue")
	bob.phase("idle")
	anna.phase("offered")
	anna.act("leaveQueue")
	anna.phase("idle")
}

// Nobody there: the form of an offline message.
func engineOffline(t *testing.T, s *scene) {
	name, _, _ := strings.Cut(s.workgroup, "@")
	until(t, "the desk knows that nobody is there", func() bool { // right after its start it asks first, and lets people wait
		answer, err := http.Get("http://" + s.addr + "/status?site=shop&workgroup=" + name)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		var now struct{ State string }
		return json.NewDecoder(answer.Body).Decode(&now) == nil && now.State == "offline"
	})
	g := s.guest()
	g.act("start", map[string]any{"question": "Anybody?"})
	if e := g.phase("offline"); e.Reason != "no-agents" {
		t.Errorf("closed because of %q", e.Reason)
	}
	if e := g.next("form", nil); e.Fields["question"] == "" {
		t.Errorf("the form: %s", e)
	}
	g.act("submitForm", map[string]any{"name": []string{"Anna"}, "email": []string{"anna@example.com"}, "question": []string{"Please write"}})
	g.phase("left")
	s.agent(0).next("chat", func(e event) bool { return strings.Contains(e.Text, "Please write") })
}

// An agent calls a visitor who is on the site and has asked for nothing.
func engineCalled(t *testing.T, s *scene) {
	alice := s.agent(0)
	for _, accept := range []bool{false, true} {
		g := s.guest()
		g.act("presence")
		g.link("up")
		alice.tells(s.workgroup, "who")
		alice.hearsFrom(s.workgroup, "1")
		alice.tells(s.workgroup, "call 1 May I help?")
		g.phase("called")
		g.act("answerCall", accept)
		if !accept {
			g.phase("idle")
			alice.hearsFrom(s.workgroup, "the visitor has left")
			g.close()
			continue
		}
		room := alice.enters()
		g.phase("active")
		g.talks(alice, room, "hello")
		g.act("end")
		g.phase("closed")
	}
}

func TestWidgetEngine(t *testing.T) {
	if testing.Short() {
		t.Skip("real servers")
	}
	for server := range servers {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			cases := []deskCase{
				{name: "engine-life", group: askForm, agents: 1, example: engineLife},
				{name: "engine-reloads", agents: 1, example: engineReloads},
				{name: "engine-queue", agents: 1, group: ", max_chats: 1", example: engineQueue},
				{name: "engine-offline", agents: 1, example: engineOffline},
				{name: "engine-called", site: "help", agents: 1, example: engineCalled},
			}
			runDesk(t, server, cases).play(t, cases)
		})
	}
}
