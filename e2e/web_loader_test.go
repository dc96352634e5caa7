package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// The loader alone: what it shows, that it is closed to the page's scripts, and that it leaves nothing behind before the visitor acts.
func launched(t *testing.T, w *web) {
	w.agent(0)
	c := w.customer("launched", strict, map[string]any{"roots": "closed"})
	// Without the tests' own way in, nobody finds the button, though it is there for the visitor and for a screen reader.
	c.until(`() => [...document.querySelectorAll('body > div, body > usher-chat')].some((e) => !e.hidden)`, nil)
	if n := c.count(launcher); n != 0 {
		t.Errorf("the shadow root is open to the page: %d launchers found", n)
	}
	if open := evaluate[[]string](c.page, `() => [...document.querySelectorAll('*')].filter((e) => e.shadowRoot).map((e) => e.outerHTML)`, nil); len(open) != 0 {
		t.Errorf("open shadow roots: %q", open)
	}
	c.quiet()

	c = w.customer("looking", strict)
	c.sees(launcher)
	c.sees(button("1 online"))
	c.accessible("launcher")
	c.quiet()
	stored := `() => [Object.keys(sessionStorage), Object.keys(localStorage), document.cookie].flat().filter((s) => s !== '')`
	if left := evaluate[[]string](c.page, stored, nil); len(left) != 0 {
		t.Errorf("stored before the first click: %q", left)
	}
	if dbs := evaluate[int](c.page, `async () => indexedDB.databases ? (await indexedDB.databases()).length + (await caches.keys()).length : 0`, nil); dbs != 0 {
		t.Errorf("%d databases and caches before the first click", dbs)
	}
}

// strict is a page under the strictest policy that docs/widget.md promises to work under.
func strict(l *look) { l.csp = strictCSP(l.gateway) }

// cheap: the loader adds no task over 50 ms and moves nothing. What the machine adds, by giving the time to others,
// isn't the same in each try; what the loader costs is.
func cheap(t *testing.T, w *web) {
	w.agent(0)
	var tries []string
	for range 10 {
		c := w.customer("cheap", nil)
		c.sees(button("1 online"))
		cost := evaluate[pageCost](c.page, `() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(window.testCost))))`, nil)
		if cost.Shift != 0 {
			t.Errorf("the loader moves the page by %v", cost.Shift)
		}
		c.close()
		if len(cost.Tasks) == 0 {
			return
		}
		tries = append(tries, fmt.Sprint(cost.Tasks))
	}
	t.Errorf("long tasks (ms) in each try: %s", strings.Join(tries, " "))
}
