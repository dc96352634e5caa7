package e2e

import (
	"fmt"
	"slices"
	"testing"
)

// The server is killed and started again under real clients: none of them
// notices more than a pause, and all are in the room again, though the server has forgotten it.
func TestServerKilled(t *testing.T) {
	p := servePages(t)
	for _, name := range []string{"prosody", "ejabberd"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each mostly waits for its clients
			e, _ := usherEdge(t, name, p)
			room := "room-" + random() + "@" + e.server.Rooms()
			anna, _ := visit(t, e, p, "ws", strophe, e.domain)
			ben, _ := visit(t, e, p, "bosh", stanza, e.domain2)
			clara, _ := visit(t, e, p, "ws", converse, e.domain2)
			if !anna.join(room, annasNick) {
				t.Fatal("the room was there already")
			}
			ben.join(room, bensNick)
			clara.join(room, "Clara")
			visitors := []hearer{anna, ben, clara}
			say(anna, annasNick, "before", visitors)

			e.server.Kill()
			anna.send("while it is down") // waits at the edge until the link and the room are back
			ben.send("I write too")
			if err := e.server.Start(); err != nil {
				t.Fatal(err)
			}

			alice := ordinary(t, e.server, "alice")
			alice.room = room
			anna.send("said at once")
			heardAll(t, visitors, [][2]string{{annasNick, "while it is down"}, {bensNick, "I write too"}, {annasNick, "said at once"}})
			alice.join(room, "Alice")
			for _, nick := range []string{annasNick, bensNick, "Clara"} {
				alice.sees(nick, "available")
			}
			everyone := append(visitors, alice)
			for _, c := range []*client{anna, ben, clara} {
				say(c, c.nick, "I am "+c.nick, everyone)
			}
			for _, c := range []*client{anna, ben, clara} {
				if c.has(func(e event) bool { return e.Event == "disconnected" || e.Event == "reconnected" }) {
					t.Errorf("%s lost its connection", c.lib.name)
				}
			}
		})
	}
}

// Usher is stopped as an operator does it and started again: everybody in the room sees the visitors go at
// once, and each library comes back by its own reconnect. (Converse.js is not among them: it gives an anonymous
// session up when its first attempt is refused.)
func TestRestart(t *testing.T) {
	p := servePages(t)
	for _, name := range []string{"prosody", "ejabberd"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each mostly waits for its clients
			e, u := usherEdge(t, name, p)
			room := "room-" + random() + "@" + e.server.Rooms()
			alice := ordinary(t, e.server, "alice")
			var all []*client
			for i, v := range []struct {
				lib       library
				transport string
			}{{strophe, "ws"}, {xmppjs, "ws"}, {stanza, "ws"}, {stanza, "bosh"}, {strophePage, "bosh"}} {
				c, _ := visit(t, e, p, v.transport, v.lib, e.domain2)
				c.join(room, fmt.Sprintf("%d %s", i, v.lib.name))
				all = append(all, c)
			}
			alice.join(room, "Alice")

			u.stop()
			for _, c := range all {
				alice.sees(c.nick, "unavailable")
				c.next("disconnected", nil)
			}
			u.start()
			for _, c := range all {
				c.next("reconnected", nil)
				if c.lib.rejoins {
					c.next("joined", nil)
				} else {
					c.join(room, c.nick)
				}
				alice.sees(c.nick, "available")
			}
			everyone := []hearer{alice}
			for _, c := range all {
				everyone = append(everyone, c)
			}
			for _, c := range all {
				say(c, c.nick, "I am "+c.nick, everyone)
			}
		})
	}
}

// heardAll asserts that each hears each of these once; only what one and the same said has an order.
func heardAll(t *testing.T, who []hearer, said [][2]string) {
	t.Helper()
	for _, h := range who {
		c := h.(*client)
		left := slices.Clone(said)
		for range said {
			e := c.next("message", func(e event) bool { return !e.Delayed })
			i := slices.IndexFunc(left, func(m [2]string) bool { return m[0] == e.Nick })
			if i < 0 || left[i][1] != e.Text {
				t.Fatalf("%s heard %s: %s; still to come are %q", c.lib.name, e.Nick, e.Text, left)
			}
			left = slices.Delete(left, i, i+1)
		}
	}
}
