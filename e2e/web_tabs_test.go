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

// Two tabs show one chat over one connection; when the one that holds it closes, or crashes, the other goes on. Also where the page is no secure context, so that there are no Web Locks.
func tabs(t *testing.T, w *web) {
	a := w.agent(0)
	for _, host := range []string{"", "plain.example"} {
		if host != "" && w.kind != "chromium" { // only Chromium can be told where a host is
			continue
		}
		first := w.customer("tabs", func(l *look) { l.host = host; strict(l) })
		if secure := evaluate[bool](first.page, `() => isSecureContext`, nil); secure != (host == "") {
			t.Fatalf("%q is a secure context: %v", host, secure)
		}
		first.asks("One chat or two?")
		room := w.takes(a)
		both(first, a, room, "in one tab")
		second := first.tab("lamps")
		if second.count(panel) == 0 {
			second.click(launcher)
		}
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
		if third.count(panel) == 0 {
			third.click(launcher)
		}
		third.hears("agent: the other is closed")
		second.reload() // and now it is the second's
		both(third, a, room, "the other loads again")
		second.hears("agent: the other loads again")
		if joins := a.count(func(e event) bool {
			return e.Event == "presence" && e.Room == room && e.Type == "unavailable"
		}); joins != 0 {
			t.Errorf("%d times the agent saw somebody leave", joins)
		}
		third.click(button("End chat").in(panel))
		third.click(button("End chat").in(role("alertdialog", "")))
		third.sees(text("The chat has ended"))
		second.sees(text("The chat has ended"))
		second.quiet()
		third.quiet()
		second.close()
		third.close()
	}
}
