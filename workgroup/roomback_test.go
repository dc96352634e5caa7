package workgroup

import (
	"strings"
	"testing"
	"time"

	"usher/xmpp"
)

// say is a message in the room, a second later.
func (w *roomWorld) say(full, room, id, body string) {
	w.t.Helper()
	w.pass(time.Second)
	w.does(mucSay(full, room, id, body))
}

// hears is what is kept of what was said.
func (w *roomWorld) hears(want string) {
	w.t.Helper()
	clean := func(s string) string {
		var b strings.Builder
		for l := range strings.Lines(s) {
			if l = strings.TrimSpace(l); l != "" {
				b.WriteString(l + "\n")
			}
		}
		return b.String()
	}
	if got := w.transcript(); got != clean(want) {
		w.t.Errorf("the transcript is\n%swant\n%s", got, clean(want))
	}
}

// lose cuts the desk's link, back brings it up again.
func (w *roomWorld) lose() {
	w.t.Helper()
	w.cut = true
	w.d.LinkDown(w.now)
	w.run()
}

func (w *roomWorld) back() {
	w.t.Helper()
	w.cut = false
	w.d.LinkUp(w.now)
	w.run()
}

// TestRoomHeardOnce: each message is in the transcript once, in order, whatever ids the server and the clients give.
func TestRoomHeardOnce(t *testing.T) {
	noIDs := likeProsody
	noIDs.ids = false
	for name, like := range map[string]mucLike{"ids by the room": likeProsody, "ids by the clients": noIDs} {
		t.Run(name, func(t *testing.T) {
			w := newRoomWorld(t, like)
			room, agent := w.talk()
			w.say(ann, room, "a1", "Hello")
			w.say(agent+"/phone", room, "b1", "Hi")
			w.say(ann, room, "a2", "Hello") // the same words again
			w.say(ann, room, "a2", "Hello") // the same message again, by a client that was not sure
			w.say(agent+"/phone", room, "", "Yes")
			w.pass(3 * time.Second)
			w.say(agent+"/phone", room, "", "Yes") // a client without ids says it twice
			w.hears(`Visitor 1: Hello
				Helper: Hi
				Visitor 1: Hello
				Helper: Yes
				Helper: Yes`)
			w.d.Lost(w.now) // stanzas were dropped: the owner enters again and hears the history
			w.run()
			w.hears(`Visitor 1: Hello
				Helper: Hi
				Visitor 1: Hello
				Helper: Yes
				Helper: Yes`)
			w.say(ann, room, "a3", "Still here")
			if got := w.transcript(); !strings.HasSuffix(got, "Helper: Yes\nVisitor 1: Still here\n") {
				t.Errorf("it doesn't go on: %s", got)
			}
		})
	}
}

// TestRoomCountedIDs: a client that counts its messages begins again with each page, and may say the same again.
func TestRoomCountedIDs(t *testing.T) {
	w := newRoomWorld(t, likeProsody)
	room, _ := w.talk()
	w.say(ann, room, "1", "Hello?")
	w.pass(repeatTime)
	w.say(ann, room, "1", "Hello?")
	w.hears("Visitor 1: Hello?\nVisitor 1: Hello?")
}

// TestRoomForeignStanzaID: a stanza-id that isn't by the room is somebody's invention (XEP-0359 §5).
func TestRoomForeignStanzaID(t *testing.T) {
	w := newRoomWorld(t, likeProsody)
	room, _ := w.talk()
	owner := mucBare(w.m.rooms[room].occupants[0].sessions[0])
	message := func(id, body string) string {
		return "<message type='groupchat' from='" + room + "/Visitor 1' to='" + owner + "/usher' id='" + id + "'><body>" + body +
			"</body><stanza-id xmlns='urn:xmpp:sid:0' by='eve@test' id='same'/></message>"
	}
	w.server(message("1", "one"))
	w.server(message("2", "two"))
	w.hears("Visitor 1: one\nVisitor 1: two")
}

// TestRoomHistoryAfterLoss: what was said while the link was down is in the transcript, in order and once, and those who were there before
// aren't reported anew.
func TestRoomHistoryAfterLoss(t *testing.T) {
	for name, like := range map[string]mucLike{"prosody": likeProsody, "ejabberd": likeEjabberd} {
		t.Run(name, func(t *testing.T) {
			w := newRoomWorld(t, like)
			room, agent := w.talk()
			w.say(agent+"/phone", room, "b1", "Hello")
			w.lose()
			w.pass(2 * time.Second)
			w.m.take(w.now, mucSay(agent+"/phone", room, "b2", "Are you there?")) // nobody at our end hears it
			w.pass(3 * time.Second)
			i := len(w.sent)
			w.took(annBare)
			w.back()
			w.hears("Helper: Hello\nHelper: Are you there?")
			var since string
			for _, n := range w.sent[i:] {
				if h := n.child("x", xmpp.NSMUC).child("history", xmpp.NSMUC); h != nil {
					since = h.attr("since")
				}
			}
			if want := mucStart.Add(2 * time.Second).Add(time.Second - historyBefore).Format(time.RFC3339); since != want {
				t.Errorf("the history is asked for since %q, not from 2 s before the last line: %q", since, want)
			}
			// The visitor's stream was on the same link: his client was told that he is out. What the room still has of him is put out, so
			// that his next join is one, and he is invited.
			if o := w.m.rooms[room].session(ann); o != nil {
				t.Error("the visitor's ghost is still in the room")
			}
			invited := 0
			for _, n := range w.took(annBare) {
				if n.child("x", xmpp.NSMUCUser).child("invite", xmpp.NSMUCUser) != nil {
					invited++
				}
			}
			if invited != 1 {
				t.Errorf("the visitor is invited %d times", invited)
			}
			joins := 0
			for _, e := range w.kept.Events[w.row().ID] {
				if e.Kind == KindJoin && e.From == agent {
					joins++
				}
			}
			if joins != 1 {
				t.Errorf("the agent, who was there all the time, is reported %d times", joins)
			}
			w.does(mucJoin(ann, room, w.open[room]))
			w.say(ann, room, "a1", "I am")
			w.hears("Helper: Hello\nHelper: Are you there?\nVisitor 1: I am")
			if s := w.row().State; s != Active {
				t.Errorf("the conversation is %s", s)
			}
		})
	}
}

// TestRoomVisitorOfAnotherLink: the desk's link was lost, the visitor's was not. He is in the room as before, and stays there.
func TestRoomVisitorOfAnotherLink(t *testing.T) {
	w := &roomWorld{t: t, m: newMUC(mucAt, likeProsody), now: mucStart, got: map[string][]*node{}, items: map[string][]byte{}, open: map[string]string{}, at: "owners.test"}
	w.start(Snapshot{})
	room, agent := w.talk()
	w.say(ann, room, "a1", "Hello")
	w.lose()
	w.pass(5 * time.Second)
	w.m.take(w.now, mucSay(ann, room, "a2", "Still here"))
	w.back()
	w.hears("Visitor 1: Hello\nVisitor 1: Still here")
	if w.m.rooms[room].session(ann) == nil {
		t.Error("the visitor was put out of the room, though his own link was never lost")
	}
	w.say(agent+"/phone", room, "b1", "Good")
	if s := w.row().State; s != Active {
		t.Errorf("the conversation is %s", s)
	}
}

// TestRoomAgentGoneMeanwhile: who left while the link was down is reported when it is back.
func TestRoomAgentGoneMeanwhile(t *testing.T) {
	w := newRoomWorld(t, likeProsody)
	room, agent := w.talk()
	w.say(agent+"/phone", room, "b1", "Hello")
	w.lose()
	w.m.gone(w.now, agent+"/phone")
	w.back()
	w.pass(time.Second)
	if s := w.row().State; s != AgentLost {
		t.Errorf("the agent has gone while the link was down, the conversation is %s", s)
	}
}

// TestRoomGap: what the room no longer has is a gap in the transcript, before what it still has.
func TestRoomGap(t *testing.T) {
	w := newRoomWorld(t, likeProsody)
	room, agent := w.talk()
	w.say(agent+"/phone", room, "b1", "Hello")
	w.lose()
	for i := range 30 {
		w.pass(time.Second)
		w.m.take(w.now, mucSay(agent+"/phone", room, "c"+string(rune('a'+i)), "line "+string(rune('a'+i))))
	}
	w.m.rooms[room].config["muc#roomconfig_historylength"] = "3" // the service's own bound
	w.back()
	w.hears(`Helper: Hello
		gap 2026-03-01T09:00:03Z to 2026-03-01T09:00:31Z
		Helper: line ` + string(rune('a'+27)) + `
		Helper: line ` + string(rune('a'+28)) + `
		Helper: line ` + string(rune('a'+29)))
}

// TestRoomNoHistoryAtAll: a service that keeps no history leaves a gap until now.
func TestRoomNoHistoryAtAll(t *testing.T) {
	w := newRoomWorld(t, likeProsody)
	room, agent := w.talk()
	w.say(agent+"/phone", room, "b1", "Hello")
	w.m.rooms[room].said = nil
	w.lose()
	w.pass(time.Minute)
	w.back()
	w.hears("Helper: Hello\ngap 2026-03-01T09:00:03Z to 2026-03-01T09:01:03Z")
}

// TestRoomAfterCrash: the next process goes on in the same room, and fills in what it hasn't heard.
func TestRoomAfterCrash(t *testing.T) {
	w := newRoomWorld(t, likeEjabberd)
	room, agent := w.talk()
	w.server("<message type='chat' from='carol@test/phone' to='support@desk.test'><body>enter 1</body></message>")
	w.does(mucJoin(carol+"/phone", room, "Carol"))
	w.say(agent+"/phone", room, "b1", "Hello")
	w.say(ann, room, "a1", "Hello you")
	owner := mucBare(w.m.rooms[room].occupants[0].sessions[0])
	w.pass(time.Second)
	w.m.take(w.now, mucSay(agent+"/phone", room, "b2", "While nobody listens"))
	w.crash()
	w.hears("Helper: Hello\nVisitor 1: Hello you\nHelper: While nobody listens")
	if now := w.m.rooms[room].occupants; mucBare(now[len(now)-1].sessions[0]) != owner && w.m.rooms[room].session(owner+"/usher") == nil {
		t.Error("the owner isn't back in the room")
	}
	if w.m.rooms[room].session(carol+"/phone") == nil {
		t.Error("the supervisor was taken for a stranger")
	}
	if w.row().Room != room || len(w.m.rooms) != 1 {
		t.Errorf("it goes on in %s, there are %d rooms", w.row().Room, len(w.m.rooms))
	}
	w.does(mucJoin(ann, room, w.open[room]))
	w.say(ann, room, "a2", "Yes")
	if s := w.row(); s.State != Active {
		t.Errorf("the conversation is %s", s.State)
	}
	w.hears("Helper: Hello\nVisitor 1: Hello you\nHelper: While nobody listens\nVisitor 1: Yes")
}

// TestRoomServiceRestarts: the room is gone from under the chat: a new one, under a new name, with the same people.
func TestRoomServiceRestarts(t *testing.T) {
	for name, restart := range map[string]func(w *roomWorld, room string){
		"with a word": func(w *roomWorld, _ string) {
			w.route(w.m.restart(w.now))
			w.run()
		},
		"silently, and somebody speaks": func(w *roomWorld, room string) {
			w.m.forget()
			w.server("<message type='chat' from='carol@test/phone' to='support@desk.test'><body>enter 1</body></message>") // the owner's notice bounces
			w.pass(watchTime + time.Second)
		},
		"silently": func(w *roomWorld, room string) {
			w.m.forget()
			w.pass(watchTime + time.Second)
		},
		"it is destroyed by an administrator": func(w *roomWorld, room string) {
			owner := w.m.rooms[room].occupants[0].sessions[0]
			w.does(el("iq", "", "from", owner, "to", room, "type", "set", "id", "x").with(
				el("query", xmpp.NSMUCOwner).with(el("destroy", ""))).append(nil, ""))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newRoomWorld(t, likeProsody)
			room, agent := w.talk()
			w.say(agent+"/phone", room, "b1", "Hello")
			w.took(annBare)
			restart(w, room)
			row := w.row()
			if row.Room == room || row.Room == "" || row.State != Connecting {
				t.Fatalf("the conversation is %s in %q", row.State, row.Room)
			}
			if len(w.m.rooms) != 1 || w.m.rooms[row.Room] == nil {
				t.Errorf("there are %d rooms", len(w.m.rooms))
			}
			if got := w.took(annBare); len(got) == 0 || got[len(got)-1].attr("from") != row.Room {
				t.Errorf("the visitor isn't invited to the new one: %s", wire(got))
			}
			w.does(mucJoin(ann, row.Room, w.open[row.Room]))
			w.does(mucJoin(agent+"/phone", row.Room, "Helper"))
			if s := w.row().State; s != Active {
				t.Errorf("the conversation is %s", s)
			}
			var before []string // the agent is given what was said
			for _, n := range w.got[agent+"/phone"] {
				if b := n.child("body", ""); b != nil && n.attr("type") == "chat" && n.attr("from") == row.Room+"/Support" {
					before = append(before, b.text)
					if n.child("delay", xmpp.NSDelay) == nil {
						t.Error("what was said before has no delay stamp (XEP-0203)")
					}
				}
			}
			if len(before) != 1 || !strings.Contains(before[0], "] Helper: Hello") {
				t.Errorf("he is given %q", before)
			}
		})
	}
}

// TestRoomOwnerThrownOut: the owner is taken for a ghost and put out: it enters again, and the room stays the same.
func TestRoomOwnerThrownOut(t *testing.T) {
	w := newRoomWorld(t, likeProsody)
	room, agent := w.talk()
	w.say(agent+"/phone", room, "b1", "Hello")
	owner := w.m.rooms[room].occupants[0].sessions[0]
	w.route(w.m.take(w.now, el("message", "", "type", "error", "from", owner, "to", room+"/Helper").append(nil, "")))
	w.run()
	if w.m.rooms[room].session(owner) == nil || w.row().Room != room || w.row().State != Active {
		t.Errorf("the owner isn't back; the conversation is %s in %s", w.row().State, w.row().Room)
	}
	w.hears("Helper: Hello")
}

// TestRoomPrivateMessages: nobody reads what is written to the owner in private; a word to it is obeyed, and the visitor
// doesn't see it.
func TestRoomPrivateMessages(t *testing.T) {
	w := newRoomWorld(t, likeProsody)
	room, agent := w.talk()
	pm := func(from, body string) {
		t.Helper()
		w.does(el("message", "", "from", from, "to", room+"/Support", "type", "chat").with(el("body", "").said(body)).append(nil, ""))
	}
	w.took(ann)
	pm(ann, "Psst")
	pm(ann, "Psst!")
	var answers []string
	for _, n := range w.took(ann) {
		answers = append(answers, n.child("body", "").text)
	}
	sameStrings(t, "one short answer", answers, texts["unread"]["en"])
	w.hears("")
	pm(agent+"/phone", "!close done")
	if s := w.row().State; s != Wrapup && s != Closed {
		t.Errorf("after the agent's word the conversation is %s", s)
	}
}

// TestRoomAnswersPings: services put those out who don't answer (XEP-0199).
func TestRoomAnswersPings(t *testing.T) {
	w := newRoomWorld(t, likeProsody)
	room, _ := w.talk()
	owner := w.m.rooms[room].occupants[0].sessions[0]
	i := len(w.sent)
	w.server("<iq type='get' id='p1' from='" + room + "' to='" + owner + "'><ping xmlns='urn:xmpp:ping'/></iq>")
	w.server("<iq type='get' id='p2' from='" + room + "/Helper' to='" + owner + "'><query xmlns='jabber:iq:last'/></iq>")
	w.server("<iq type='get' id='p3' from='eve@test/1' to='" + owner + "'><ping xmlns='urn:xmpp:ping'/></iq>")
	sameLines(t, "answers", w.sent[i:], `
		`+room+` < `+owner+`: iq result
		`+room+`/Helper < `+owner+`: iq error service-unavailable
		eve@test/1 < `+owner+`: iq error service-unavailable`)
}

// TestRoomNickChange: who changes his nick is still the same.
func TestRoomNickChange(t *testing.T) {
	w := newRoomWorld(t, likeProsody)
	room, agent := w.talk()
	w.does(el("presence", "", "from", agent+"/phone", "to", room+"/Alice A.").append(nil, ""))
	if s := w.row().State; s != Active {
		t.Errorf("after a change of nick the conversation is %s", s)
	}
	w.say(agent+"/phone", room, "b1", "Me again")
	e := w.kept.Events[w.row().ID]
	if last := e[len(e)-1]; last.From != agent || last.Nick != "Alice A." || last.Role != RoleAgent {
		t.Errorf("kept as %+v", last)
	}
}

// TestRoomIsBounded: a flood of nicks costs no more than so many.
func TestRoomIsBounded(t *testing.T) {
	w := newRoomWorld(t, likeProsody)
	room, _ := w.talk()
	owner := w.m.rooms[room].occupants[0].sessions[0]
	for i := range 3 * maxSaid {
		w.server("<presence from='" + room + "/n" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + "' to='" + owner +
			"'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='participant' jid='e" + string(rune('a'+i%26)) + "@test/1'/></x></presence>")
		w.server("<message type='groupchat' from='" + room + "/Helper' to='" + owner + "' id='" + time.Duration(i).String() + "'><body>x</body></message>")
	}
	r := w.d.convs[w.row().ID].room
	if len(r.here) > maxOccupants || len(r.said) > maxSaid || len(r.nicks) > maxNicks {
		t.Errorf("%d occupants, %d messages, %d nicks are remembered", len(r.here), len(r.said), len(r.nicks))
	}
}
