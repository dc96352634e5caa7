package e2e

import (
	"strings"
	"testing"
)

// colleague is an agent or supervisor at the desk page.
type colleague struct {
	*page
	nick string
}

// Places of the desk page, which is Converse.js with our plugin.
var (
	chatField = css("converse-chat textarea.chat-textarea:visible")
	roomField = css("converse-muc textarea.chat-textarea:visible")
	roomLine  = css("converse-muc .chat-msg__text")
)

// atDesk logs somebody in at the desk page, in a browser of his own, and waits until the workgroup's chat stands open.
func (w *web) atDesk(user string, options ...map[string]any) *colleague {
	w.scene.t.Helper()
	return w.browser.person(w.scene.t, user, options...).atDesk("http://"+w.addr+"/desk/", user, w.server.Password(user))
}

// atDesk logs the person in at a desk page.
func (p *person) atDesk(url, user, password string) *colleague {
	p.t.Helper()
	c := &colleague{page: p.opens(url), nick: user}
	c.fill(css("input[name=jid]"), user+"@localhost")
	c.fill(css("input[name=password]"), password)
	c.click(button("Log in"))
	c.sees(button("List").in(role("group", "Support desk")))
	return c
}

// accepts the offer in which this stands, and waits until the chat's room is open.
func (c *colleague) accepts(words string) {
	c.t.Helper()
	offer := css("converse-chat-message").having(words)
	c.click(button("Accept").in(offer).first())
	c.sees(roomField)
}

// tells the workgroup a word.
func (c *colleague) tells(group, words string) {
	c.t.Helper()
	c.opensChat(group)
	c.writes(chatField, words)
}

// opensChat shows the chat with a contact of the list.
func (c *colleague) opensChat(group string) {
	c.t.Helper()
	c.click(css("converse-roster .list-item-link").having(group).first())
	c.sees(chatField)
}

func (c *colleague) writes(where at, words string) {
	c.t.Helper()
	c.fill(where, words)
	c.press(where, "Enter")
}

// says a line in the room that is open.
func (c *colleague) says(words string) {
	c.t.Helper()
	c.writes(roomField, words)
}

// hears waits until the room that is open shows this.
func (c *colleague) hears(words string) {
	c.t.Helper()
	c.sees(roomLine.having(words))
}

// The whole story: a visitor asks on the shop's page, alice accepts at the desk page, both chat and see each other type; carol looks in and goes;
// the visitor loads the page again and goes on to another; the chat is closed, rated, and all of it is in the archive.
func wholeStory(t *testing.T, w *web) {
	alice, carol := w.atDesk(w.agents[0]), w.atDesk(w.supervisor)
	anna := w.customer("anna", strict)
	anna.sees(button("1 online"))
	anna.asks("Which lamp is for the kitchen?")
	if w.kind == "chromium" {
		anna.accessible("form or queue")
	}
	anna.fill(role("textbox", "Your name"), "Anna")
	anna.click(button("Continue"))
	anna.sees(text("Looking for somebody to help you"))
	anna.accessible("waiting")
	alice.accepts("Which lamp is for the kitchen?")
	anna.sees(role("heading", alice.nick).in(panel))

	anna.says("Hello Alice")
	alice.hears("Hello Alice")
	alice.says("Hello Anna, the green one")
	anna.hears("Hello Anna, the green one")
	alice.types(roomField, "and")
	anna.sees(text(alice.nick + " is typing"))
	alice.fill(roomField, "")
	anna.types(composer, "really")
	alice.sees(text("is typing"))

	carol.tells(w.workgroup, "enter 1")
	carol.sees(roomField)
	anna.hears(carol.nick + " has joined the chat.")
	anna.sees(text(carol.nick + " (Supervisor)").in(panel))
	carol.says("May I help?")
	anna.hears("May I help?")
	alice.hears("May I help?")
	carol.tells(w.workgroup, "leave 1")
	anna.hears(carol.nick + " has left the chat.")
	anna.missing(text(carol.nick + " (Supervisor)").in(panel))

	anna.fill(composer, "")
	anna.reload()
	for _, line := range []string{"Hello Alice", "Hello Anna, the green one", "May I help?"} {
		if n := anna.hears(line); n != 1 {
			t.Errorf("%q is there %d times after a reload", line, n)
		}
	}
	anna.click(link("Lamps").in(role("navigation", "Shop")))
	anna.sees(role("heading", "Lamps"))
	anna.says("I see it now")
	alice.hears("I see it now")

	// What he writes is text at the desk page too.
	harm := "<img src=x onerror=window.pwned=1><script>window.pwned=1</script> \u202egnp.exe"
	anna.fill(composer, harm) // her own log leaves out what turns text around
	anna.press(composer, "Enter")
	alice.hears("<script>window.pwned=1</script>")
	if odd := evaluate[int](alice.page, `() => (window.pwned ? 1000 : 0) + document.querySelectorAll('.chat-msg__text :is(img, script, [onerror])').length`, nil); odd != 0 {
		t.Errorf("the desk page made %d elements of what the visitor wrote", odd)
	}
	long := strings.Repeat("W", 5000)
	anna.fill(composer, long)
	anna.press(composer, "Enter")
	alice.hears(long)
	if wide := evaluate[bool](alice.page, `() => document.documentElement.scrollWidth > innerWidth`, nil); wide {
		t.Error("a long word makes the desk page wider than its window")
	}

	alice.tells(w.workgroup, "close")
	anna.sees(text("The chat has ended"))
	anna.do("check", role("radio", "Good").exactly(), map[string]any{"force": true})
	anna.click(button("Send rating"))
	anna.sees(text("Thank you for your rating."))
	tr := w.recorded(t, "the rating is in the archive, and the end", func(tr *transcript) bool { return tr.Rating != nil && tr.Closed != "" })
	sameLines(t, "said", tr.said(), []string{"visitor: Hello Alice", "agent: Hello Anna, the green one", "supervisor: May I help?", "visitor: I see it now", "visitor: " + harm, "visitor: " + long})
	if tr.Rating.Value != 4 || tr.Visitor.Name != "Anna" || !strings.Contains(tr.Visitor.Page, "shop.localhost") {
		t.Errorf("archived: %+v by %+v", tr.Rating, tr.Visitor)
	}
	anna.quiet()
}
