package e2e

import "testing"

// devices are what the pictures are taken on. The words are the same in each language's order, so people go by roles.
var devices = []struct {
	name    string
	options map[string]any
	attrs   map[string]string
}{
	{"desktop", nil, nil},
	{"phone", map[string]any{"viewport": map[string]int{"width": 390, "height": 844}, "deviceScaleFactor": 2, "hasTouch": true, "isMobile": true}, nil},
	{"dark", map[string]any{"colorScheme": "dark"}, nil},
	{"arabic", map[string]any{"locale": "ar"}, map[string]string{"data-language": "ar"}},
	{"arabic-phone", map[string]any{"locale": "ar", "viewport": map[string]int{"width": 390, "height": 844}, "hasTouch": true, "isMobile": true}, map[string]string{"data-language": "ar"}},
}

// picture takes one of the whole window.
func (pg *page) picture(name string) {
	pg.t.Helper()
	pg.do("picture", nil, map[string]any{"path": pictureFile(pg.t, name)})
}

// pictures shows each step on each device; axe-core looks too.
func pictures(t *testing.T, w *web) {
	a := w.agent(0)
	for _, d := range devices {
		step := 0
		c := w.customer("picture-"+d.name, func(l *look) {
			for k, v := range d.attrs {
				l.attrs[k] = v
			}
		}, map[string]any{"options": d.options})
		snap := func(name string) {
			t.Helper()
			step++
			c.picture(d.name + "-" + string(rune('a'+step-1)) + "-" + name)
			c.accessible(d.name + ", " + name)
		}
		first := func(role string) at { return at{{CSS: "role=" + role}}.first() }
		c.sees(first("button"))
		snap("launcher")
		c.click(first("button"))
		c.sees(panel)
		snap("start")
		c.fill(first("textbox"), "Does the green lamp come with a bulb? هل يأتي المصباح الأخضر مع لمبة؟")
		c.click(css("[role=dialog] form button").first())
		a.hearsFrom(w.workgroup, "1 accept")
		snap("waiting")
		a.tells(w.workgroup, "1")
		room := a.enters()
		field := css("[role=dialog] textarea:visible").first()
		c.until(`() => [...document.querySelectorAll('body > *')].some((e) => e.shadowRoot?.querySelector('[role=log]')?.getClientRects().length)`, nil)
		for _, line := range []string{"Hello! Let me look that up for you.", "Yes: an LED bulb with 6 W is in the box. مصباح LED بقدرة 6 واط.", "https://shop.example/lamps/green"} {
			a.says(room, line)
			c.sees(text(line).in(css("[role=log]")))
		}
		c.fill(field, "Great, thank you!")
		c.do("press", field, map[string]any{"key": "Enter"})
		if d.options["isMobile"] == true {
			c.click(css("[role=dialog] button.send"))
		}
		a.hearsText(room, "Great, thank you!")
		a.do("typing", map[string]any{"room": room, "state": "composing"})
		c.until(`(nick) => [...document.querySelectorAll('body > *')].some((e) => e.shadowRoot?.querySelector('header p')?.textContent.includes(nick))`, a.nick)
		snap("chat")
		a.tells(w.workgroup, "close")
		c.sees(first("radio"))
		c.do("check", css("role=radio").nth(3), map[string]any{"force": true})
		snap("rating")
		c.close()
	}
}
