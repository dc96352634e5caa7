package workgroup

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/xmpp"
)

// without returns a server's likeness that doesn't offer a field.
func without(like mucLike, name string) mucLike {
	like.fields = slices.DeleteFunc(slices.Clone(like.fields), func(f mucField) bool { return f.name == name })
	return like
}

// shape drops what is random: the room's and the owner's localparts.
func shape(s, room string, w *roomWorld) string {
	s = strings.ReplaceAll(s, room, "ROOM")
	for _, n := range w.sent {
		if from := mucBare(n.attr("from")); strings.HasPrefix(from, "c-") {
			s = strings.ReplaceAll(s, from, "OWNER")
		}
	}
	return s
}

// upward is what the desk has said to a room since i stanzas were sent, in short.
func (w *roomWorld) upward(i int, room string) []string {
	var lines []string
	for _, n := range w.sent[i:] {
		to := n.attr("to")
		if strings.HasSuffix(mucBare(to), "@"+mucAt) || n.child("x", nsConference) != nil {
			s := short(n)
			if q := n.child("query", xmpp.NSMUCAdmin); q != nil {
				i := q.first()
				s += " " + i.attr("jid") + i.attr("nick") + " " + i.attr("affiliation") + i.attr("role")
			}
			if q := n.child("query", xmpp.NSMUCOwner); q != nil && q.child("x", nsForm) != nil {
				for _, f := range q.child("x", nsForm).kids {
					if f.attr("var") == maxUsersField {
						s += " maxusers " + f.child("value", nsForm).text
					}
				}
			}
			lines = append(lines, shape(s, room, w))
		}
	}
	return lines
}

func sameStrings(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\ngot\n\t%s\nwant\n\t%s", what, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// TestRoomOrder: the owner enters, the form is read, answered, read again; then the visitor is let in, and the agent only when he
// has come.
func TestRoomOrder(t *testing.T) {
	w := newRoomWorld(t, likeEjabberd)
	w.ask()
	i := len(w.sent)
	w.accept(w.taker())
	room, nick := w.room()
	sameStrings(t, "before the visitor comes", w.upward(i, room),
		"ROOM/Support < OWNER/usher: presence",
		"ROOM < OWNER/usher: iq get",
		"ROOM < OWNER/usher: iq set maxusers 3",
		"ROOM < OWNER/usher: iq get",
		"ROOM < OWNER/usher: iq set ann@desk.test member",
		"ROOM < OWNER/usher: message invite")
	if got := w.took(annBare); len(got) != 1 || got[0].attr("from") != room || got[0].child("x", xmpp.NSMUCUser).child("invite", xmpp.NSMUCUser) == nil {
		t.Errorf("the visitor's invitation: %s", wire(got))
	}
	i = len(w.sent)
	w.took(alice)
	w.does(mucJoin(ann, room, nick))
	sameStrings(t, "then the agent", w.upward(i, room),
		"ROOM < OWNER/usher: iq set alice@test member",
		"alice@test < support@desk.test: message")
	got := w.took(alice)
	x, offer := got[0].child("x", nsConference), got[0].child("offer", nsWorkgroup)
	if len(got) != 1 || x.attr("jid") != room || x.attr("reason") == "" || offer.attr("jid") != ann || offer.attr("id") == "" {
		t.Errorf("the agent's invitation (XEP-0249, XEP-0142 §4.2.8): %s", got[0].append(nil, ""))
	}
	if local, _, _ := strings.Cut(room, "@"); len(local) != 28 || !ownerShape([]byte(local)) {
		t.Errorf("the room's name %q hasn't 128 bits", local)
	}
}

// TestRoomForm: what is wanted of what each server offers, and nothing else.
func TestRoomForm(t *testing.T) {
	common := map[string]string{
		"FORM_TYPE": nsRoomConfig, "muc#roomconfig_roomname": "Visitor 1", "muc#roomconfig_publicroom": "0", "muc#roomconfig_membersonly": "1",
		"muc#roomconfig_moderatedroom": "0", "muc#roomconfig_whois": "moderators", "muc#roomconfig_changesubject": "0",
		"muc#roomconfig_persistentroom": "0",
	}
	for name, c := range map[string]struct {
		like mucLike
		more map[string]string
	}{
		"prosody": {likeProsody, map[string]string{"{http://prosody.im/protocol/muc}roomconfig_allowmemberinvites": "0",
			"muc#roomconfig_historylength": "200", "muc#roomconfig_enablearchiving": "0"}},
		"ejabberd": {likeEjabberd, map[string]string{"public_list": "0", "members_by_default": "1", "muc#roomconfig_allowinvites": "0",
			"allow_query_users": "0", "allow_subscription": "0", "mam": "0", "muc#roomconfig_maxusers": "3"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newRoomWorld(t, c.like)
			w.ask()
			w.accept(w.taker())
			want := maps.Clone(common)
			maps.Copy(want, c.more)
			if got := w.form(); !maps.Equal(got, want) {
				t.Errorf("got %v\nwant %v", got, want)
			}
		})
	}
}

// TestRoomFails: each step that fails is one typed failure, nothing is left behind, and it is tried again.
func TestRoomFails(t *testing.T) {
	stuck := func(like mucLike, field string) mucLike {
		like.stuck = field
		return like
	}
	open := likeProsody
	open.fields = slices.Clone(open.fields)
	for i := range open.fields {
		if open.fields[i].name == "muc#roomconfig_whois" {
			open.fields[i].value = "anyone"
		}
	}
	refusing := likeEjabberd
	refusing.created = false
	for name, c := range map[string]struct {
		like            mucLike
		fail            [2]string
		step, condition string
	}{
		"the service lets nobody make rooms":  {like: refusing, step: "enter", condition: "forbidden"},
		"it is full":                          {like: likeProsody, fail: [2]string{"enter", "resource-constraint"}, step: "enter", condition: "resource-constraint"},
		"it doesn't answer":                   {like: likeProsody, fail: [2]string{"enter", ""}, step: "enter", condition: "remote-server-timeout"},
		"the form is refused":                 {like: likeProsody, fail: [2]string{"form", "not-allowed"}, step: "form", condition: "not-allowed"},
		"the form doesn't come":               {like: likeProsody, fail: [2]string{"form", ""}, step: "form", condition: "remote-server-timeout"},
		"its answer is refused":               {like: likeEjabberd, fail: [2]string{"submit", "bad-request"}, step: "submit", condition: "bad-request"},
		"the room stays open":                 {like: stuck(likeProsody, "muc#roomconfig_membersonly"), step: "verify", condition: "not-members-only"},
		"it can't be made members-only":       {like: without(likeProsody, "muc#roomconfig_membersonly"), step: "verify", condition: "not-members-only"},
		"it stays listed":                     {like: stuck(likeEjabberd, "muc#roomconfig_publicroom"), step: "verify", condition: "not-hidden"},
		"it shows everybody's addresses":      {like: stuck(open, "muc#roomconfig_whois"), step: "verify", condition: "not-private"},
		"the visitor can't be made a member":  {like: likeProsody, fail: [2]string{"affiliation", "not-allowed"}, step: "affiliation", condition: "not-allowed"},
		"nobody answers about the membership": {like: likeProsody, fail: [2]string{"affiliation", ""}, step: "affiliation", condition: "remote-server-timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newRoomWorld(t, c.like)
			if c.fail[0] != "" {
				w.m.fail(c.fail[0], c.fail[1])
			}
			w.ask()
			w.accept(w.taker())
			w.pass(31 * time.Second)
			i := slices.IndexFunc(w.seen, func(o Observation) bool { return o.Kind == "room-error" })
			if i < 0 || w.seen[i].Label != c.step || w.seen[i].Detail != c.condition {
				t.Fatalf("observed %+v, want %s %s", w.seen, c.step, c.condition)
			}
			if c.fail[0] == "" {
				w.pass(2 * time.Minute)
				if n := len(w.m.rooms); n != 0 {
					t.Errorf("%d rooms are left behind", n)
				}
				if s := w.row(); s.State != Closed || s.Reason != ReasonFailed {
					t.Errorf("the conversation is %s %s", s.State, s.Reason)
				}
				return
			}
			w.m.ok(c.fail[0]) // whatever it was has passed
			w.pass(9 * time.Second)
			row, rooms := w.row(), slices.Collect(maps.Keys(w.m.rooms))
			if row.State != Closed && !slices.Equal(rooms, []string{row.Room}) || row.State == Closed && len(rooms) > 0 {
				t.Errorf("%s in %q, and there are the rooms %q", row.State, row.Room, rooms)
			}
		})
	}
}

// TestRoomFeaturesVerify: a server that doesn't show a field to us has it verified by the room's features.
func TestRoomFeaturesVerify(t *testing.T) {
	w := newRoomWorld(t, without(without(likeProsody, "muc#roomconfig_publicroom"), "muc#roomconfig_persistentroom"))
	w.talk()
}

// TestRoomLimit: the limit is raised before a supervisor is let in, and lowered when he is out; where there is none, nothing is set.
func TestRoomLimit(t *testing.T) {
	w := newRoomWorld(t, likeEjabberd)
	room, agent := w.talk()
	w.took(carol)
	i := len(w.sent)
	w.server("<message type='chat' from='carol@test/phone' to='support@desk.test'><body>enter 1</body></message>")
	sameStrings(t, "in", w.upward(i, room),
		"ROOM < OWNER/usher: iq set maxusers 4",
		"ROOM < OWNER/usher: iq set carol@test member",
		"carol@test < support@desk.test: message")
	w.does(mucJoin(carol+"/phone", room, "Carol"))
	if o := w.m.rooms[room].session(carol + "/phone"); o == nil {
		t.Fatal("the supervisor doesn't get in")
	}
	i = len(w.sent)
	w.server("<message type='chat' from='carol@test/phone' to='support@desk.test'><body>leave 1</body></message>")
	up := w.upward(i, room)
	up = slices.DeleteFunc(up, func(s string) bool { return strings.Contains(s, "groupchat") })
	sameStrings(t, "out", up,
		"ROOM < OWNER/usher: iq set carol@test none",
		"ROOM < OWNER/usher: iq set maxusers 3")
	if w.m.rooms[room].session(carol+"/phone") != nil || w.m.rooms[room].session(agent+"/phone") == nil {
		t.Error("the supervisor must be out, the agent in")
	}

	w = newRoomWorld(t, likeProsody)
	room, _ = w.talk()
	i = len(w.sent)
	w.server("<message type='chat' from='carol@test/phone' to='support@desk.test'><body>enter 1</body></message>")
	sameStrings(t, "a server without limit", w.upward(i, room),
		"ROOM < OWNER/usher: iq set carol@test member",
		"carol@test < support@desk.test: message")
}

// TestRoomSecondClient: an agent's second client finds the room full, which does no harm; once in, both are the same agent.
func TestRoomSecondClient(t *testing.T) {
	w := newRoomWorld(t, likeEjabberd)
	room, agent := w.talk()
	sameLines(t, "the second client", w.m.take(w.now, mucJoin(agent+"/laptop", room, "Helper")),
		agent+"/laptop < "+room+"/Helper: presence error resource-constraint")
	w = newRoomWorld(t, likeProsody)
	room, agent = w.talk()
	w.does(mucJoin(agent+"/laptop", room, "Helper"))
	w.does(mucLeave(agent+"/phone", room, "Helper"))
	if s := w.row().State; s != Active {
		t.Errorf("with one client left the conversation is %s", s)
	}
	w.does(mucLeave(agent+"/laptop", room, "Helper"))
	if s := w.row().State; s == Active {
		t.Error("with none left it goes on as if he were there")
	}
}

// TestRoomStranger: who gets in although he isn't a member is put out, and nobody takes him for an agent.
func TestRoomStranger(t *testing.T) {
	w := newRoomWorld(t, likeProsody)
	room, _ := w.talk()
	sameLines(t, "who only knows the name", w.m.take(w.now, mucJoin("eve@test/1", room, "Eve")),
		"eve@test/1 < "+room+"/Eve: presence error registration-required")
	w.m.rooms[room].config["muc#roomconfig_membersonly"] = "0" // an administrator's slip
	i := len(w.sent)
	w.does(mucJoin("eve@test/1", room, "Eve"))
	sameStrings(t, "put out", w.upward(i, room),
		"ROOM < OWNER/usher: iq set Eve none",
		"ROOM < OWNER/usher: iq set eve@test none")
	if w.m.rooms[room].session("eve@test/1") != nil {
		t.Error("she is still in")
	}
	for _, e := range w.kept.Events[w.row().ID] {
		if e.From == "eve@test" {
			t.Errorf("the conversation was told of her: %+v", e)
		}
	}
}

// TestRoomLeaving: how somebody left decides what becomes of the chat.
func TestRoomLeaving(t *testing.T) {
	w := newRoomWorld(t, likeProsody)
	room, agent := w.talk()
	w.does(mucLeave(agent+"/phone", room, "Helper")) // by himself
	if s := w.row().State; s != AgentLost {
		t.Fatalf("after he left: %s", s)
	}
	w.does(mucJoin(agent+"/phone", room, "Helper"))
	if s := w.row().State; s != Active {
		t.Fatalf("after he came back: %s", s)
	}
	// Taken for a ghost: he is asked for again, and replaced in the same room.
	w.route(w.m.take(w.now, el("message", "", "type", "error", "from", agent+"/phone", "to", room+"/Support").append(nil, "")))
	w.run()
	w.pass(time.Minute + time.Second)
	if s := w.row(); s.State != Offered && s.State != Queued || s.Room != room {
		t.Errorf("after he vanished: %s in %s", s.State, s.Room)
	}
}

// TestRoomDestroyed: it goes with its conversation, also if the answer doesn't come or the link is down, and then it is forgotten.
func TestRoomDestroyed(t *testing.T) {
	w := newRoomWorld(t, likeProsody)
	room, agent := w.talk()
	w.m.fail("destroy", "")
	w.server("<message type='chat' from='" + agent + "/phone' to='support@desk.test'><body>close</body></message>")
	w.pass(time.Minute)
	if s := w.row().State; s != Closed {
		t.Fatalf("the conversation is %s", s)
	}
	if w.m.rooms[room] == nil || len(w.items) == 0 {
		t.Fatal("nothing to be seen: the room is gone already")
	}
	w.m.ok("destroy")
	w.cut = true
	w.d.LinkDown(w.now)
	w.run()
	w.pass(5 * time.Minute)
	w.cut = false
	w.d.LinkUp(w.now)
	w.run()
	if w.m.rooms[room] != nil {
		t.Error("the room is still there when the link is back")
	}
	for k := range w.items {
		if strings.HasPrefix(k, "room/") {
			t.Errorf("%s is still kept", k)
		}
	}
}

// TestRoomOrphan: a crash between making a room and anything else leaves none behind.
func TestRoomOrphan(t *testing.T) {
	w := newRoomWorld(t, likeProsody)
	w.m.fail("form", "")
	w.ask()
	w.accept(w.taker())
	if len(w.m.rooms) != 1 {
		t.Fatal("no room is being built")
	}
	var old string
	for old = range w.m.rooms {
	}
	for i := range w.kept.Conversations { // the row was not written yet, the room's item was: it goes first
		w.kept.Conversations[i].State = Closed
	}
	w.m.ok("form")
	w.crash()
	if w.m.rooms[old] != nil {
		t.Error("the old room is still there")
	}
}
