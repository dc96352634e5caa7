package e2e

import "testing"

// A page load over BOSH: the new page goes on with the old one's session, and nobody in the room sees it.
func TestPageLoad(t *testing.T) {
	p := servePages(t)
	e, _ := usherEdge(t, "prosody", p)
	room := "room-" + random() + "@" + e.server.Rooms()
	anna, net := visit(t, e, p, "bosh", strophePage, e.domain2)
	alice := ordinary(t, e.server, "alice")
	anna.join(room, annasNick)
	alice.join(room, "Alice")
	everyone := []hearer{anna, alice}
	say(anna, annasNick, "on the first page", everyone)
	for range 3 {
		anna.do("reload", map[string]any{"url": e.url(net.addr, "bosh"), "domain": e.domain2, "room": room, "nick": annasNick})
		if jid := anna.next("restored", nil).JID; jid != anna.jid {
			t.Fatalf("the session goes on as %q, before it was %q", jid, anna.jid)
		}
		alice.say("on the next page?")
		hear(everyone, "Alice", "on the next page?")
		say(anna, annasNick, "yes", everyone)
	}
	if alice.has(func(e event) bool { return e.Event == "presence" && e.Type == "unavailable" }) {
		t.Error("the room saw the visitor leave")
	}
}

// Without create_rooms a visitor joins rooms that are there, and makes none.
func TestNoRoomsMade(t *testing.T) {
	p := servePages(t)
	for _, name := range []string{"prosody", "ejabberd"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := usherEdge(t, name, p)
			room := "room-" + random() + "@" + e.server.Rooms()
			anna, _ := visit(t, e, p, "ws", strophe, "readers.example")
			alice := ordinary(t, e.server, "alice")

			anna.nick = annasNick
			anna.do("join", map[string]any{"room": room, "nick": annasNick})
			refusal := anna.next("presence", func(e event) bool { return e.Type == "error" })
			if refusal.State != "not-allowed" {
				t.Errorf("refused with %q, want not-allowed (XEP-0045 §10.1.1)", refusal.State)
			}

			// The room was undone: for Alice it is a new one, which is hers.
			alice.awaitNoRoom(room)
			alice.join(room, "Alice")
			if !alice.has(func(e event) bool { return e.Event == "presence" && e.Self && e.Created }) {
				t.Error("the refused room is still there")
			}
			alice.write("<iq type='set' id='own' to='" + room + "'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>")
			alice.next("iq", func(e event) bool { return e.ID == "own" && e.Type == "result" })
			if anna.join(room, annasNick) {
				t.Error("she made a room that was there")
			}
			say(anna, annasNick, "here I am", []hearer{anna, alice})
		})
	}
}
