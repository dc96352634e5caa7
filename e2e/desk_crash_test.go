package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// crashSteps are the moments of the scripted conversation at which Usher is killed.
var crashSteps = []string{
	"before asking", "asking", "asked", "offered", "accepting", "agent invited", "both in the room", "speaking", "heard",
	"supervisor called", "supervisor in", "supervisor gone", "closing", "closed", "rated",
}

// TestDeskCrash kills what the desk stands on. The cases of one server run one after the other.
func TestDeskCrash(t *testing.T) {
	for _, name := range []string{"prosody", "ejabberd"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cases := []deskCase{
				{name: "mid-chat", agents: 1, group: ", max_chats: 1", example: usherKilled},
				{name: "server", agents: 1, example: serverRestarts},
			}
			for i, step := range crashSteps {
				cases = append(cases, deskCase{name: fmt.Sprint("step-", i), agents: 1, timers: "visitor_join: 3s, join: 3s",
					example: func(t *testing.T, s *scene) { killedAt(t, s, step) }})
			}
			d := runDesk(t, name, cases)
			for i, c := range append(cases[2:], cases[:2]...) { // the server last
				title := c.name
				if i < len(crashSteps) {
					title = crashSteps[i]
				}
				t.Run(strings.ReplaceAll(title, " ", "-"), func(t *testing.T) { c.example(t, d.scene(t, c)) })
			}
		})
	}
}

// until looks again and again, and acts meanwhile, until it is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for !so() {
		select {
		case <-again.C:
		case <-timeout.C:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// count counts events.
func (ev *events) count(ok func(event) bool) (n int) {
	ev.has(func(e event) bool {
		if ok(e) {
			n++
		}
		return false
	})
	return n
}

// script is one conversation, with Usher killed at a step of it. The people do what people do: they answer offers, follow
// invitations, and say again what got lost.
type script struct {
	*scene
	anna        *visitor
	alice, lead *member
	dieAt       string
	room        string
	deaths      int
}

func killedAt(t *testing.T, s *scene, step string) {
	sc := &script{scene: s, alice: s.agent(0), lead: s.lead(), anna: s.visitor(), dieAt: step}
	sc.step("before asking")
	sc.ask()
	sc.connect()
	sc.speak()
	sc.supervise()
	sc.finish()
	if sc.deaths != 1 {
		t.Fatalf("Usher died %d times", sc.deaths)
	}
}

// step is a moment; if it is the one, Usher dies now, the agent goes on talking, and Usher is started again.
func (sc *script) step(name string) {
	sc.t.Helper()
	if sc.dieAt != name {
		return
	}
	sc.deaths++
	back := sc.anna.count(isBack)
	sc.usher.kill()
	if sc.room != "" && !sc.anna.has(isClosed) && sc.inRoom(sc.alice.client) {
		sc.alice.says(sc.room, "anybody here?")
		until(sc.t, "the agent hears himself, or his room has gone just now", func() bool {
			return sc.alice.has(func(e event) bool {
				return e.Event == "message" && e.Room == sc.room && e.Nick == sc.alice.nick && e.Text == "anybody here?"
			}) || !sc.inRoom(sc.alice.client)
		})
	}
	sc.usher.start()
	until(sc.t, "the visitor is back", func() bool { return sc.anna.count(isBack) > back })
}

func isBack(e event) bool   { return e.Event == "reconnected" }
func isClosed(e event) bool { return e.Event == "conversation" && e.State == "closed" }

// inRoom tells whether the last that a client saw of itself in the room was that it is in.
func (sc *script) inRoom(c *client) (in bool) {
	nick := ""
	c.has(func(e event) bool {
		switch {
		case e.Event == "joined" && e.Room == sc.room:
			in, nick = true, e.Nick
		case e.Event == "presence" && e.Room == sc.room && e.Nick == nick && e.Type == "unavailable":
			in = false
		case e.Event == "disconnected":
			in = false
		}
		return false
	})
	return in
}

func (sc *script) ask() {
	sc.t.Helper()
	asked := func(e event) bool { return e.Event == "asked" }
	known := func(e event) bool { return e.Event == "conversation" }
	sc.anna.do("ask", map[string]any{"to": sc.anna.workgroup, "form": map[string]string{"question": "Why?"}, "updates": true})
	sc.step("asking")
	if sc.dieAt == "asking" && !sc.anna.has(asked) {
		sc.anna.do("ask", map[string]any{"to": sc.anna.workgroup, "form": map[string]string{"question": "Why?"}, "updates": true})
		if e := sc.anna.next("asked", nil); e.Type != "result" && e.State != "conflict" {
			sc.t.Fatalf("asking again: %s", e)
		}
	}
	until(sc.t, "the visitor is told of his conversation", func() bool { return sc.anna.has(known) })
	sc.step("asked")
	sc.anna.state("queued", "offered")
}

// connect goes on until both are in one room.
func (sc *script) connect() {
	sc.t.Helper()
	offer := func(e event) bool {
		return e.Event == "chat" && strings.Contains(e.Text, fmt.Sprintf("[#%d]", sc.anna.number)) && strings.Contains(e.Text, "1 accept")
	}
	invited := func(e event) bool { return e.Event == "invited" && e.Type == "direct" }
	answered := 0
	answer := func() {
		if n := sc.alice.count(offer); n > answered {
			answered = n
			sc.alice.tells(sc.workgroup, "1")
		}
	}
	until(sc.t, "the agent is offered", func() bool { return sc.alice.has(offer) })
	sc.step("offered")
	answer()
	sc.step("accepting")
	until(sc.t, "the agent is invited", func() bool { answer(); return sc.alice.has(invited) })
	sc.step("agent invited")
	until(sc.t, "both are in the room", func() bool {
		answer()
		sc.alice.has(func(e event) bool {
			if invited(e) {
				sc.room = e.Room
			}
			return false
		})
		return sc.inRoom(sc.alice.client) && sc.inRoom(sc.anna.client)
	})
	sc.step("both in the room")
	sc.together()
}

// together waits until the visitor is in the room, and both hear each other.
func (sc *script) together() {
	sc.t.Helper()
	until(sc.t, "the visitor is in the room", func() bool { return sc.inRoom(sc.anna.client) })
	sc.anna.nick = sc.lastNick()
}

func (sc *script) lastNick() (nick string) {
	sc.anna.has(func(e event) bool {
		if e.Event == "joined" && e.Room == sc.room {
			nick = e.Nick
		}
		return false
	})
	return nick
}

func (sc *script) speak() {
	sc.t.Helper()
	line := "one moment please"
	said := func(e event) bool { return e.Event == "message" && e.Text == line }
	sc.anna.says(sc.room, line)
	sc.step("speaking")
	if sc.dieAt == "speaking" {
		sc.together()
		// By the time that the agent has heard himself, he would have heard what the room had taken before.
		sc.alice.says(sc.room, "did you say something?")
		sc.alice.hearsIn(sc.room, sc.alice.nick, "did you say something?")
		if !sc.alice.has(said) {
			sc.anna.says(sc.room, line)
		}
	}
	until(sc.t, "the agent hears it", func() bool { return sc.alice.has(said) })
	sc.step("heard")
	sc.together()
	sc.alice.says(sc.room, "take your time")
	sc.anna.hearsIn(sc.room, sc.alice.nick, "take your time")
}

func (sc *script) supervise() {
	sc.t.Helper()
	in := func() bool { return sc.inRoom(sc.lead.client) }
	sc.lead.tells(sc.workgroup, fmt.Sprintf("enter %d", sc.anna.number))
	sc.step("supervisor called")
	if sc.dieAt == "supervisor called" {
		sc.lead.tells(sc.workgroup, fmt.Sprintf("enter %d", sc.anna.number)) // no matter if she is let in already
	}
	until(sc.t, "the supervisor is in", in)
	sc.step("supervisor in")
	sc.together()
	sc.lead.says(sc.room, "do go on")
	sc.anna.hearsIn(sc.room, sc.lead.nick, "do go on")
	sc.lead.tells(sc.workgroup, fmt.Sprintf("leave %d", sc.anna.number))
	until(sc.t, "the supervisor is out", func() bool { return !in() })
	sc.step("supervisor gone")
	sc.together()
}

func (sc *script) finish() {
	sc.t.Helper()
	sc.alice.says(sc.room, "good bye")
	sc.alice.hearsIn(sc.room, sc.alice.nick, "good bye")
	sc.alice.tells(sc.workgroup, "close")
	sc.step("closing")
	if sc.dieAt == "closing" && !sc.anna.has(isClosed) {
		sc.alice.tells(sc.workgroup, "close") // no matter if it is closed already
	}
	until(sc.t, "it is closed", func() bool { return sc.anna.has(isClosed) })
	sc.step("closed")
	id := sc.anna.id
	if e := sc.anna.rates(4, ""); e.Type != "result" {
		sc.t.Errorf("rating: %s", e)
	}
	sc.step("rated")
	sc.hook.tells(sc.t, "closed", id)

	// The agent was in the room all the time: he knows what was said, each line once, in this order.
	var heard []string
	sc.alice.has(func(e event) bool {
		if e.Event == "message" && e.Room == sc.room && !e.Delayed && e.Nick != "Support" {
			heard = append(heard, e.Text)
		}
		return false
	})
	tr := sc.archived(sc.t, id)
	if tr.Number != sc.anna.number || tr.Rating == nil || tr.Rating.Value != 4 || tr.Closed == "" {
		sc.t.Errorf("the transcript's head: %+v", tr)
	}
	sc.once(tr, heard)
}

// once checks that the transcript has each line once and in order, or a gap where it lacks some.
func (s *scene) once(tr *transcript, heard []string) {
	s.t.Helper()
	gap := slices.ContainsFunc(tr.story(), func(l string) bool { return strings.HasPrefix(l, "gap ") })
	var kept []string
	for _, line := range tr.said() {
		_, text, _ := strings.Cut(line, ": ")
		kept = append(kept, text)
	}
	if !gap {
		sameLines(s.t, "kept", kept, heard)
		return
	}
	rest := heard
	for _, text := range kept {
		i := slices.Index(rest, text)
		if i < 0 {
			s.t.Fatalf("kept %q, heard %q", kept, heard)
		}
		rest = rest[i+1:]
	}
}

// Usher is killed with one chatting and two waiting, and started again: same room, same places, each line once.
func usherKilled(t *testing.T, s *scene) {
	alice := s.agent(0)
	anna, ben, clara := s.visitor(), s.visitor(), s.visitor()
	room := connects(anna, alice, nil)
	ben.asks(nil)
	ben.awaits(1)
	clara.asks(nil)
	clara.awaits(2)
	exchange(anna, alice, room, "before")

	s.usher.kill()
	for i := range 5 {
		alice.says(room, fmt.Sprint("while it was down ", i))
		alice.hearsIn(room, alice.nick, fmt.Sprint("while it was down ", i))
	}
	s.usher.start()
	for _, v := range []*visitor{clara, ben, anna} { // in whatever order they are back
		if e := v.next("reconnected", nil); bareJID(e.JID) != bareJID(v.jid) {
			t.Fatalf("came back as %s, was %s", e.JID, v.jid)
		}
	}
	if at := anna.enters(); at != room {
		t.Fatalf("after the crash the visitor is in %s, he was in %s", at, room)
	}
	anna.next("message", func(e event) bool { return e.Text == "while it was down 4" }) // from the room's history
	exchange(anna, alice, room, "after")
	for want, v := range map[int]*visitor{1: ben, 2: clara} {
		if e := v.place(); e.Type != "result" || e.Position != want {
			t.Errorf("place %d: %s", want, e)
		}
	}
	alice.tells(s.workgroup, "close")
	anna.state("closed")
	alice.takes(ben)
	ben.enters()
	alice.tells(s.workgroup, "close")
	ben.state("closed")
	alice.takes(clara)
	clara.enters()

	want := []string{"visitor: before", "agent: before"}
	for i := range 5 {
		want = append(want, fmt.Sprint("while it was down ", i))
	}
	s.once(s.archived(t, anna.id), append(want, "visitor: after", "agent: after"))
}

// The server, its MUC service with it, is killed mid-chat and started again: a new room, the same two in it, nothing lost of what was kept.
func serverRestarts(t *testing.T, s *scene) {
	alice := s.agent(0)
	anna := s.visitor()
	room := connects(anna, alice, nil)
	exchange(anna, alice, room, "before")
	s.server.Kill()
	alice.next("disconnected", nil)
	if err := s.server.Start(); err != nil {
		t.Fatal(err)
	}
	alice.next("reconnected", nil)
	again := anna.enters()
	if again == room {
		t.Errorf("the server has forgotten %s, and its name is used again", room)
	}
	if at := alice.enters(); at != again {
		t.Fatalf("the visitor is in %s, the agent in %s", again, at)
	}
	exchange(anna, alice, again, "after")
	if anna.has(isBack) {
		t.Error("the visitor's connection was lost")
	}
	alice.tells(s.workgroup, "close")
	anna.state("closed")
	s.once(s.archived(t, anna.id), []string{"visitor: before", "agent: before", "visitor: after", "agent: after"})
}
