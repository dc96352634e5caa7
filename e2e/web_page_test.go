package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A whole chat on a page that leaves no room for anything: the policy has nothing to report, nor has the console.
func strictPage(t *testing.T, w *web) {
	a := w.agent(0)
	c, room := w.chat("strict", a, strict)
	both(c, a, room, "is anything reported?")
	c.click(button("More").in(panel))
	c.accessible("menu")
	c.press(nil, "Escape")
	c.click(button("Emoji").in(panel))
	c.accessible("emoji")
	c.press(nil, "Escape")
	c.sees(panel)
	a.tells(w.workgroup, "close")
	c.sees(text("The chat has ended"))
	c.quiet()
	// The policy was in force.
	evaluate[any](c.page, `() => { try { document.querySelector('h1').innerHTML = 'x'; } catch {} }`, nil)
	c.until(`() => window.testReports.some((r) => r.startsWith('require-trusted-types-for'))`, nil)
}

// A site whose style sheet takes everything away from everything: the widget can be seen, clicked and read.
func hostilePage(t *testing.T, w *web) {
	a := w.agent(0)
	c := w.customer("hostile", func(l *look) { l.css = hostileCSS })
	c.click(launcher) // Playwright clicks what is visible, stands still, and isn't covered
	inside := func(what string, where at, width, height float64) {
		t.Helper()
		b := result[struct{ X, Y, Width, Height float64 }](c.page, c.do("box", where, nil))
		if b.X < 0 || b.Y < 0 || b.X+b.Width > 1280 || b.Y+b.Height > 800 || b.Width < width || b.Height < height {
			t.Errorf("%s is at %+v", what, b)
		}
	}
	inside("the panel", panel, 300, 300)
	c.fill(role("textbox", "Your question").in(panel), "Can you read me?")
	c.click(button("Start chat").in(panel))
	room := w.takes(a)
	both(c, a, room, "yes")
	inside("what is typed in", composer, 150, 20)
	for what, want := range map[string]string{"opacity": "1", "visibility": "visible", "direction": "ltr", "pointerEvents": "auto"} {
		got := evaluate[string](c.page, `(what) => {
			for (const host of document.querySelectorAll('body > div, html > div')) {
				const log = host.shadowRoot?.querySelector('[role=log]');
				if (log) return getComputedStyle(log)[what];
			}
		}`, what)
		if got != want {
			t.Errorf("the log's %s is %s", what, got)
		}
	}
	c.click(button("Minimise").in(panel))
	c.missing(panel)
	inside("the launcher", launcher, 40, 40)
	c.picture("hostile-css")
}

// What the other side writes is text and nothing else, to the visitor and to the agent's room.
func hostileWords(t *testing.T, w *web) {
	a := w.agent(0)
	c, room := w.chat("harmless", a, strict)
	marks := "e" + strings.Repeat("\u0301", 500)
	words := []string{
		`<img src=x onerror="window.pwned=1"><script>window.pwned=1</script><b>bold</b>`,
		`"><svg onload=window.pwned=1> &lt;i&gt; ${window.pwned=1} {{pwned}}`,
		"\u202egnp.exe \u2066isolated\u2069 \u200f\u061c end of bidi",
		"javascript:window.pwned=1 data:text/html,<script>window.pwned=1</script> vbscript:x",
		"[click](javascript:alert(1)) https://evil.example/\"onmouseover=\"window.pwned=1",
		marks + " after five hundred marks",
	}
	for i, line := range words {
		a.says(room, fmt.Sprintf("%d %s", i, line))
	}
	long := strings.Repeat("W", 100_000) // more than a visitor may send: agents have the server's limit
	a.says(room, long)
	a.says(room, "the end")
	c.hears("the end")
	c.click(button("Show all").in(chatLog)) // of the long one
	c.missing(button("Show all").in(chatLog))
	shown := strings.Join(c.contents(chatLog), "\n")
	for _, want := range []string{"<img src=x onerror=", "<script>window.pwned=1</script>", "${window.pwned=1}", "javascript:window.pwned=1", "end of bidi", "after five hundred marks", "WWWW"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	if n := strings.Count(shown, "W"); n < len(long) {
		t.Errorf("%d of the long word's %d letters are in the log", n, len(long))
	}
	if n := strings.Count(shown, "\u0301"); n == 0 || n > 50 {
		t.Errorf("%d of 500 combining marks are shown", n)
	}
	state := evaluate[struct {
		Pwned        bool
		Odd          []string
		Wide, Marks  float64
		Links        []string
		Image, Bidis int
	}](c.page, `() => {
		const root = [...document.querySelectorAll('body > *')].map((e) => e.shadowRoot).find((r) => r?.querySelector('[role=log]'));
		const log = root.querySelector('[role=log]');
		const mark = [...log.querySelectorAll('*')].filter((e) => e.textContent.includes('after five hundred marks')).at(-1);
		return {
			Pwned: !!window.pwned,
			Odd: [...log.querySelectorAll('script, img, svg[onload], b, i, iframe, object, [onerror], [onload], [style]')].map((e) => e.outerHTML.slice(0, 200)),
			Wide: Math.max(...[log, ...log.querySelectorAll('*')].map((e) => e.scrollWidth - e.clientWidth * (e.clientWidth ? 1 : 1e9))),
			Marks: mark.getBoundingClientRect().height,
			Links: [...log.querySelectorAll('a')].map((e) => e.href),
			Image: log.querySelectorAll('[src]').length,
		};
	}`, nil)
	if state.Pwned || len(state.Odd) != 0 || state.Image != 0 {
		t.Errorf("not harmless: %+v", state)
	}
	if state.Wide > 1 {
		t.Errorf("something in the log is wider than it by %v", state.Wide)
	}
	for _, href := range state.Links {
		if !strings.HasPrefix(href, "https://evil.example/") {
			t.Errorf("a link to %q", href)
		}
	}
	c.accessible("hostile words")

	// And the other way round, and by those whose names are hostile.
	for _, line := range words[:5] {
		c.fill(composer, line)
		c.press(composer, "Enter")
		a.hearsText(room, line)
	}
	if again := c.contents(chatLog); strings.Count(strings.Join(again, "\n"), "onerror=") != 2 {
		t.Errorf("the visitor's own words aren't as he wrote them")
	}
	c.reload()
	c.hears("end of bidi")
	if evaluate[bool](c.page, `() => !!window.pwned`, nil) {
		t.Error("not harmless after a reload")
	}
	c.quiet()
	if n := a.count(func(e event) bool { return e.Event == "message" && e.Room == room && slices.Contains(words, e.Text) }); n != 5 {
		t.Errorf("the agent heard %d lines as they were written", n)
	}
}

// pageAPI: what a page calls before the loader is there is done when it is; its events tell what happens.
func pageAPI(t *testing.T, w *web) {
	a := w.agent(0)
	events := []string{"ready", "opened", "closed", "queued", "position", "agent-joined", "message", "unread", "ended", "rated", "error"}
	stub := `<script>
		window.heard = [];
		window.usher = window.usher || [];
		` + "for (const name of " + jsArray(events) + `) usher.push(['on', name, (detail) => heard.push([name, detail])]);
		usher.push(['setFields', { name: 'Flora' }]);
		usher.push(['setLanguage', 'de']);
		usher.push(['open']);
	</script>`
	c := w.customer("api", func(l *look) { l.head = stub })
	heard := func(name string) {
		t.Helper()
		c.until(`(name) => window.heard.some(([event]) => event === name)`, name)
	}
	heard("ready")
	heard("opened")
	c.sees(role("dialog", ""))
	if lang := evaluate[string](c.page, `() => [...document.querySelectorAll('body > *')].map((e) => e.shadowRoot?.querySelector('[role=dialog]')?.lang).find(Boolean)`, nil); lang != "de" {
		t.Errorf("the panel's language is %q", lang)
	}
	evaluate[any](c.page, `() => { usher.setLanguage('en'); usher.startChat({ question: 'By the API' }); }`, nil)
	a.hearsFrom(w.workgroup, "Flora", "By the API", "1 accept")
	heard("queued")
	a.tells(w.workgroup, "1")
	room := a.enters()
	heard("agent-joined")
	evaluate[any](c.page, `() => usher.sendMessage('said by the page')`, nil)
	a.hearsText(room, "said by the page")
	c.hears("said by the page")
	evaluate[any](c.page, `() => usher.close()`, nil)
	c.missing(panel)
	heard("closed")
	a.says(room, "do you see me?")
	heard("unread")
	if got := evaluate[string](c.page, `() => heard.find(([e, d]) => e === 'message' && d.from === 'agent')[1].text`, nil); got != "do you see me?" {
		t.Errorf("the message's event says %q", got)
	}
	evaluate[any](c.page, `() => usher.hide()`, nil)
	c.missing(launcher)
	evaluate[any](c.page, `() => { usher.show(); usher.toggle(); }`, nil)
	c.sees(panel)
	evaluate[any](c.page, `() => usher.end()`, nil)
	heard("ended")
	a.isOut(room)
	if failures := evaluate[[]any](c.page, `() => heard.filter(([e]) => e === 'error')`, nil); len(failures) != 0 {
		t.Errorf("errors: %v", failures)
	}
}

func jsArray(words []string) string { return "['" + strings.Join(words, "','") + "']" }

// element: the chat as an element of the page, wherever it stands.
func element(t *testing.T, w *web) {
	a := w.agent(0)
	c := w.customer("element", func(l *look) {
		l.body = fmt.Sprintf(`<script src="%s/widget.js" async></script><usher-chat site="%s" workgroup="%s"></usher-chat>`, l.gateway, w.site, w.group)
	})
	c.asks("Am I an element?")
	room := w.takes(a)
	both(c, a, room, "yes")
	c.accessible("as an element")
	c.quiet()
}

// byKeyboard: everything without a mouse; the focus is where one expects it.
func byKeyboard(t *testing.T, w *web) {
	a := w.agent(0)
	c := w.customer("keyboard", strict)
	c.do("focus", launcher, nil)
	c.press(nil, "Enter")
	focused := `(name) => {
		let at = document.activeElement;
		while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
		const label = at.getAttribute('aria-label') || at.labels?.[0]?.textContent || at.textContent;
		return label.includes(name);
	}`
	c.until(focused, "Your question")
	c.do("press", nil, map[string]any{"key": "Escape"})
	c.missing(panel)
	c.until(focused, "Chat with us")
	c.press(nil, "Enter")
	c.until(focused, "Your question")
	c.types(role("textbox", "Your question"), "No mouse here")
	c.press(nil, "Tab")
	c.until(focused, "Start chat")
	c.press(nil, "Enter")
	room := w.takes(a)
	c.until(focused, "Your message")
	c.types(composer, "first line")
	c.press(nil, "Shift+Enter")
	c.types(composer, "second line")
	c.press(nil, "Enter")
	a.hearsText(room, "first line\nsecond line")
	c.until(focused, "Your message")
	c.press(nil, "Escape")
	c.missing(panel)
	c.until(focused, "Chat with us")
}

// contents are the whole texts of all that there are now, hidden ones too.
func (pg *page) contents(where at) []string {
	pg.t.Helper()
	return result[[]string](pg, pg.do("contents", where, nil))
}
