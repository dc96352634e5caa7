package e2e

import (
	"strings"
	"testing"
)

// What the other tests rely on: the shop itself gives no cause for complaint, and what is watched for is seen where it happens.
func watched(t *testing.T, w *web) {
	look := w.look(newProxy(t, w.addr))
	look.csp, look.body = strictCSP(look.gateway), "<footer>No chat here.</footer>"
	pg := w.person(t, "watched").opens(w.shop.add(look))
	if said := pg.complaints(); len(said) != 0 {
		t.Errorf("the shop alone: %q", said)
	}
	pg.accessible("the shop alone")
	cost := evaluate[pageCost](pg, `() => window.testCost`, nil)
	if cost.Shift != 0 {
		t.Errorf("the shop alone moves by %v", cost.Shift)
	}

	evaluate[any](pg, `() => {
		document.querySelector('h1').setAttribute('style', 'color: red');
		try { document.querySelector('h1').innerHTML = '<b>x</b>'; } catch {}
		const logo = document.createElement('img');
		logo.src = 'http://elsewhere.localhost:1/logo.png';
		document.querySelector('main').prepend(logo);
	}`, nil)
	for _, directive := range []string{"style-src-attr", "require-trusted-types-for", "img-src"} {
		pg.until(`(directive) => window.testReports.some((r) => r.startsWith(directive))`, directive)
	}
	if said := strings.Join(pg.complaints(), "\n"); !strings.Contains(said, "style-src") {
		t.Errorf("no violation in what was said: %s", said)
	}
	if violations := result[[]string](pg, pg.do("axe", nil, nil)); !strings.Contains(strings.Join(violations, "\n"), "image-alt") {
		t.Errorf("axe-core has not seen the picture without words: %q", violations)
	}
	if w.kind != "chromium" { // the others don't measure it
		return
	}
	evaluate[any](pg, `() => {
		setTimeout(() => { // a task of the page's own
			const end = performance.now() + 80;
			while (performance.now() < end);
		});
		const banner = document.createElement('p');
		banner.textContent = 'Sale!';
		setTimeout(() => document.body.prepend(banner), 600); // beyond what follows a person's input
	}`, nil)
	pg.until(`() => window.testCost.tasks.some((d) => d >= 50) && window.testCost.shift > 0`, nil)
}

// pageCost is what the browser measured on a page: long tasks in ms, and the sum of layout shifts.
type pageCost struct {
	Tasks []float64
	Shift float64
}
