package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// takes is an offer accepted by text, and the invitation followed into the room.
func (w *web) takes(a *member) (room string) {
	a.t.Helper()
	a.hearsFrom(w.workgroup, "1 accept", "2 decline")
	a.tells(w.workgroup, "1")
	return a.enters()
}

// chat is everything from the click on the launcher to both in one room. more may change the page; it may be nil.
func (w *web) chat(name string, a *member, more func(*look), options ...map[string]any) (c *customer, room string) {
	w.scene.t.Helper()
	c = w.customer(name, more, options...)
	c.asks(name + " asks")
	room = w.takes(a)
	c.sees(composer)
	return c, room
}

// hearsText waits until a member hears these words in the room, whoever says them.
func (m *member) hearsText(room, words string) event {
	m.t.Helper()
	return m.next("message", func(e event) bool { return e.Room == room && e.Text == words })
}

// both is a line each way, heard by both.
func both(c *customer, a *member, room, words string) {
	c.t.Helper()
	c.says("visitor: " + words)
	a.hearsText(room, "visitor: "+words)
	a.says(room, "agent: "+words)
	c.hears("agent: " + words)
}

// transcripts are the conversations of this story's workgroup by the admin listener's API, oldest first.
func (w *web) transcripts(t *testing.T) []transcript {
	t.Helper()
	var page struct{ Conversations []transcript }
	b := w.api(t, "/api/archive?workgroup="+url.QueryEscape(w.group))
	if err := json.Unmarshal(b, &page); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	slices.SortFunc(page.Conversations, func(a, b transcript) int { return strings.Compare(a.ID, b.ID) })
	return page.Conversations
}

// recorded waits until the newest conversation in the archive is as it should be, and returns it.
func (w *web) recorded(t *testing.T, what string, ok func(*transcript) bool) *transcript {
	t.Helper()
	var last *transcript
	until(t, what, func() bool {
		all := w.transcripts(t)
		if len(all) == 0 {
			return false
		}
		last = &all[len(all)-1]
		return ok(last)
	})
	return w.archived(t, last.ID)
}

// A page load, a way through the site, and back again: the chat is there each time, whole, each line once, and what the agent said meanwhile too. Nobody sees the visitor go.
func continued(t *testing.T, w *web) {
	a := w.agent(0)
	c, room := w.chat("continued", a, strict)
	both(c, a, room, "on the first page")
	said := []string{"visitor: on the first page", "agent: on the first page"}
	say := func(n int, move func()) {
		t.Helper()
		before, after := fmt.Sprint("just before move ", n), fmt.Sprint("just after move ", n)
		c.fill(composer, before)
		c.press(composer, "Enter") // and leaves, without waiting for anything
		a.says(room, fmt.Sprint("during move ", n))
		move()
		c.sees(composer)
		c.says(after)
		a.hearsText(room, before)
		a.hearsText(room, after)
		for _, line := range []string{before, fmt.Sprint("during move ", n), after} {
			if got := c.hears(line); got != 1 {
				t.Errorf("%q is there %d times", line, got)
			}
		}
		said = append(said, before, after)
	}
	say(1, func() { c.reload() })
	say(2, func() { c.click(link("Lamps").in(role("navigation", "Shop"))); c.sees(role("heading", "Lamps")) })
	say(3, func() { c.do("back", nil, nil); c.sees(role("heading", "Welcome")) })
	for _, line := range said {
		if n := a.count(func(e event) bool { return e.Event == "message" && e.Text == line }); n != 1 {
			t.Errorf("the agent heard %q %d times", line, n)
		}
	}
	if a.has(func(e event) bool { return e.Event == "presence" && e.Room == room && e.Type == "unavailable" }) {
		t.Error("the agent saw somebody leave")
	}
	c.quiet()
}

// The network goes, and what both say meanwhile arrives when it is back, once.
func networkCut(t *testing.T, w *web) {
	a := w.agent(0)
	c, room := w.chat("cut", a, nil)
	both(c, a, room, "before")
	c.net.block()
	c.sees(text("Reconnecting"))
	c.accessible("reconnecting")
	c.fill(composer, "said without a network")
	c.press(composer, "Enter")
	a.says(room, "are you there?")
	c.net.unblock()
	c.missing(text("Reconnecting"))
	a.hearsText(room, "said without a network")
	c.hears("are you there?")
	both(c, a, room, "after")
	c.heard("visitor: before", "agent: before")
	c.heard("visitor: after", "agent: after")
	for range 3 { // and a shaky one
		c.net.cut()
	}
	both(c, a, room, "shaky")
	for _, line := range []string{"visitor: before", "said without a network", "visitor: after", "visitor: shaky"} {
		if n := a.count(func(e event) bool { return e.Event == "message" && e.Text == line }); n != 1 {
			t.Errorf("the agent heard %q %d times", line, n)
		}
	}
	for _, line := range []string{"said without a network", "are you there?"} {
		if n := c.hears(line); n != 1 {
			t.Errorf("%q is there %d times", line, n)
		}
	}
	if a.has(func(e event) bool { return e.Event == "presence" && e.Room == room && e.Type == "unavailable" }) {
		t.Error("the agent saw somebody leave")
	}
}

const upgrade = "GET /xmpp-websocket"

// Where WebSocket gets nowhere, refused or without an answer, the chat goes over BOSH, also when that begins in the middle of it.
func overBOSH(t *testing.T, w *web) {
	a := w.agent(0)
	for _, silent := range []bool{false, true} {
		c := w.customer(fmt.Sprintf("blocked-%v", silent), strict)
		c.sees(launcher) // the cut is for WebSocket, not for what the page loads
		c.net.refuse(upgrade, silent)
		c.asks("Does it work here?")
		room := w.takes(a)
		both(c, a, room, "over BOSH")
		c.reload()
		both(c, a, room, "and after a reload")
		c.heard("visitor: over BOSH", "agent: over BOSH", "visitor: and after", "agent: and after")
		c.quiet("WebSocket", "net::ERR", "can’t establish a connection")
		a.tells(w.workgroup, "close")
		c.sees(text("The chat has ended"))
	}
	c, room := w.chat("blocked-later", a, nil)
	both(c, a, room, "over WebSocket")
	c.net.refuse(upgrade, false)
	c.fill(composer, "between")
	c.press(composer, "Enter")
	both(c, a, room, "over BOSH by now")
	if n := a.count(func(e event) bool { return e.Event == "message" && e.Text == "between" }); n != 1 {
		t.Errorf("the agent heard what was said between %d times", n)
	}
	if n := c.hears("between"); n != 1 {
		t.Errorf("the log shows what was said between %d times", n)
	}
	if a.has(func(e event) bool { return e.Event == "presence" && e.Room == room && e.Type == "unavailable" }) {
		t.Error("the agent saw the visitor leave")
	}
}

// The agent's client dies: the visitor is told, and the next agent comes into the same chat.
func agentGone(t *testing.T, w *web) {
	alice := w.agent(0)
	c, room := w.chat("left-alone", alice, nil)
	both(c, alice, room, "before the crash")
	alice.kill()
	c.sees(text("Please stay").in(panel))
	bob := w.agent(1)
	c.accessible("agent lost")
	c.says("Hello?")
	if at := w.takes(bob); at != room {
		t.Fatalf("the next agent is in %s, the chat is in %s", at, room)
	}
	c.sees(role("heading", bob.nick).in(panel))
	both(c, bob, room, "after the crash")
}

// Two wait: each sees his place; one leaves the queue and the other moves up.
func queued(t *testing.T, w *web) {
	a := w.agent(0)
	first := w.customer("first", nil)
	first.asks("I was first")
	a.hearsFrom(w.workgroup, "I was first", "1 accept")
	second, third := w.customer("second", nil), w.customer("third", nil)
	second.asks("and I second")
	second.sees(text("You are next"))
	third.asks("and I third")
	third.sees(text("Your place: 2"))
	third.accessible("queue")
	second.click(button("Leave the queue"))
	second.accessible("asked whether to leave the queue")
	second.click(button("Leave the queue").in(role("alertdialog", "")))
	third.sees(text("You are next"))
	second.missing(text("You are next"))
	a.tells(w.workgroup, "1")
	room := a.enters()
	both(first, a, room, "your turn")
}

// The visitor ends the chat and says how it was, once; it is in the archive.
func rated(t *testing.T, w *web) {
	a := w.agent(0)
	c, room := w.chat("content", a, strict)
	both(c, a, room, "that is all")
	c.accessible("chat")
	c.click(button("End chat").in(panel))
	c.accessible("asked whether to end")
	c.click(button("End chat").in(role("alertdialog", "")))
	c.sees(text("The chat has ended"))
	c.accessible("ended")
	c.do("check", role("radio", "Very good"), map[string]any{"force": true})
	c.fill(role("textbox", "Would you like to add something?"), "kind & quick <3")
	c.accessible("rating")
	c.click(button("Send rating"))
	c.sees(text("Thank you for your rating."))
	c.accessible("rated")
	tr := w.recorded(t, "the rating is in the archive, and the end", func(tr *transcript) bool { return tr.Rating != nil && tr.Closed != "" })
	if tr.Rating.Value != 5 || tr.Rating.Text != "kind & quick <3" || tr.Reason != "visitor" || tr.Closed == "" {
		t.Errorf("archived: %+v, closed %q because of %q", tr.Rating, tr.Closed, tr.Reason)
	}
	sameLines(t, "said", tr.said(), []string{"visitor: visitor: that is all", "agent: agent: that is all"})

	file := result[struct{ Name, Text string }](c.page, c.do("download", button("Download the transcript").first(), nil))
	for _, line := range []string{"visitor: that is all", "agent: that is all"} {
		if strings.Count(file.Text, line) != 1 {
			t.Errorf("%s has not %q once:\n%s", file.Name, line, file.Text)
		}
	}
	c.reload()
	c.quiet()
	c.click(button("Start a new chat").in(panel))
	c.sees(role("textbox", "Your question"))
}

// Nobody is there: a message is left, and it reaches the agent who comes.
func messageLeft(t *testing.T, w *web) {
	c := w.customer("late", strict)
	c.sees(button("Leave a message"))
	c.accessible("launcher, nobody there")
	c.click(launcher)
	c.sees(text("We are not here right now"))
	c.accessible("nobody there")
	c.click(button("Leave a message").in(panel))
	c.accessible("form of an offline message")
	c.click(button("Send message")) // without the message
	c.sees(text("Please fill this in."))
	c.accessible("form with errors")
	c.fill(role("textbox", "mail").in(panel), "dora@example.org")
	c.fill(role("textbox", "/question|message/i").in(panel), "Please write to me about the green lamp")
	c.click(button("Send message"))
	c.sees(text("Your message has arrived"))
	c.accessible("message left")
	c.quiet()
	a := w.agent(0)
	a.hearsFrom(w.workgroup, "Please write to me about the green lamp")
}

// What one says is corrected, what is not seen is counted, and typing shows both ways.
func smallThings(t *testing.T, w *web) {
	a := w.agent(0)
	c, room := w.chat("careful", a, nil)
	c.says("I want a geen lamp")
	a.hearsText(room, "I want a geen lamp")
	c.sees(text("Delivered").in(chatLog))
	c.press(composer, "ArrowUp")
	c.sees(text("You are changing your last message"))
	c.accessible("changing a message")
	c.fill(composer, "I want a green lamp")
	c.press(composer, "Enter")
	a.hearsText(room, "I want a green lamp")
	c.hears("I want a green lamp")
	c.missing(text("geen lamp"))
	c.sees(text("changed").in(chatLog))

	c.types(composer, "wai")
	a.next("chatstate", func(e event) bool { return e.Room == room && e.State == "composing" && e.Nick != a.nick })
	a.do("typing", map[string]any{"room": room, "state": "composing"})
	c.sees(text(a.nick + " is typing"))
	c.accessible("typing")
	a.do("typing", map[string]any{"room": room, "state": "paused"})
	c.missing(text("is typing"))
	c.fill(composer, "")

	title := evaluate[string](c.page, `() => document.title`, nil)
	c.click(button("Minimise").in(panel))
	c.missing(panel)
	a.says(room, "one")
	a.says(room, "two")
	c.sees(button("2 new messages"))
	c.accessible("unread")
	c.click(launcher)
	c.heard("one", "two")
	c.until(`(title) => document.title === title`, title)
	if n := c.count(button("new message")); n != 0 {
		t.Error("what was read is still counted")
	}

	a.says(room, "look: https://shop.example/lamps?a=1&b=2, and www.example.org\nsecond line 👩🏽‍🚀")
	c.sees(link("https://shop.example/lamps?a=1&b=2").in(chatLog))
	for _, name := range []string{"target", "rel", "href"} {
		got := result[string](c.page, c.do("attribute", link("shop.example").in(chatLog), map[string]any{"name": name}))
		want := map[string]string{"target": "_blank", "rel": "noopener", "href": "https://shop.example/lamps?a=1&b=2"}[name]
		if !strings.Contains(got, want) {
			t.Errorf("the link's %s is %q", name, got)
		}
	}
	c.hears("second line 👩🏽‍🚀")
}
