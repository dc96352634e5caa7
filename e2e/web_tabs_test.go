package e2e

import (
	"fmt"
	"testing"
)

// tab is another tab of the same customer.
func (c *customer) tab(path string) *customer {
	c.t.Helper()
	return &customer{page: c.opens(c.base + path), net: c.net, base: c.base}
}

// opened is the tab that a link of the page opens; it begins with a copy of what the first one has stored.
func (c *customer) opened(where at) *customer {
	c.t.Helper()
	pg := &page{person: c.person, id: c.person.name + "/" + random()}
	c.do("popup", where, map[string]any{"as": pg.id})
	return &customer{page: pg, net: c.net, base: c.base}
}

// Two tabs show one chat over one connection; when the one that holds it closes, or loads another page, the other goes on.
func tabs(t *testing.T, w *web) {
	a := w.agent(0)
	first := w.customer("tabs", strict)
	first.asks("One chat or two?")
	room := w.takes(a)
	both(first, a, room, "in one tab")
	second := first.opened(link("Open the lamps in a new tab"))
	second.sees(panel) // as it was in the first
	second.hears("agent: in one tab")
	for i, c := range []*customer{first, second, first} {
		line := fmt.Sprint("line ", i)
		c.says("visitor: " + line)
		a.hearsText(room, "visitor: "+line)
		a.says(room, "agent: "+line)
		for _, tab := range []*customer{first, second} {
			for _, words := range []string{"visitor: " + line, "agent: " + line} {
				if n := tab.hears(words); n != 1 {
					t.Errorf("%q is in the tab's log %d times", words, n)
				}
			}
		}
	}
	a.do("typing", map[string]any{"room": room, "state": "composing"})
	first.sees(text(a.nick + " is typing"))
	second.sees(text(a.nick + " is typing"))

	first.close() // the connection was its
	both(second, a, room, "the other is closed")
	third := first.tab("basket")
	third.click(launcher)
	third.hears("agent: the other is closed")
	second.reload() // and now it is the second's
	both(third, a, room, "the other loads again")
	second.hears("agent: the other loads again")
	if n := a.count(func(e event) bool { return e.Event == "presence" && e.Room == room && e.Type == "unavailable" }); n != 0 {
		t.Errorf("%d times the agent saw somebody leave", n)
	}
	third.click(button("End chat").in(panel))
	third.click(button("End chat").in(role("alertdialog", "")))
	third.sees(text("The chat has ended"))
	second.sees(text("The chat has ended"))
	second.quiet()
	third.quiet()
}

// On a page that is no secure context, so without Web Locks: the chat and its way through the site are as elsewhere.
func plainPage(t *testing.T, w *web) {
	a := w.agent(0)
	c := w.customer("plain", func(l *look) { l.host = "plain.example" })
	if evaluate[bool](c.page, `() => isSecureContext`, nil) {
		t.Fatal("the page is a secure context")
	}
	c.asks("Is this secure?")
	room := w.takes(a)
	both(c, a, room, "no")
	c.reload()
	both(c, a, room, "after a reload")
	c.hears("agent: no")
	c.click(link("Lamps").in(role("navigation", "Shop")))
	both(c, a, room, "among lamps")
	if n := a.count(func(e event) bool { return e.Event == "presence" && e.Room == room && e.Type == "unavailable" }); n != 0 {
		t.Errorf("%d times the agent saw somebody leave", n)
	}
	c.quiet()
}
