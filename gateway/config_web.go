package gateway

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of what a site may set for its widget: all of it goes to every visitor.
const (
	maxCSS     = 16 << 10
	maxConsent = 2 << 10
	maxText    = 1 << 10 // of one text of one language
	maxRules   = 20
	maxPage    = 256
)

// foreignCSS finds what would fetch from elsewhere: the widget shows nothing that doesn't come from the gateway, and a page's
// Content-Security-Policy would report it.
var foreignCSS = regexp.MustCompile(`(?i)@import|@font-face|@namespace|url\(|image-set\(|\\`)

// checkWidget checks what a site has set for the visitor's chat box.
func (d *decoder) checkWidget(s *Site, key string) {
	if s.Theme.Colour != "" && !colour.MatchString(s.Theme.Colour) {
		d.fail(key+".theme.colour", "%q is no colour: want #rgb or #rrggbb", s.Theme.Colour)
	}
	if s.Theme.Logo != "" {
		var err error
		if s.Theme.Picture, err = readLogo(s.Theme.Logo, d.path(s.Theme.Logo)); err != nil {
			d.fail(key+".theme.logo", "%v", err)
		}
	}
	s.Theme.CSS = d.styleSheet(s.Theme.CSS, key+".theme.css")
	if n := utf8.RuneCountInString(s.Consent); n > maxConsent {
		d.fail(key+".consent", "has %d characters: at most %d", n, maxConsent)
	}
	for _, name := range sortedKeys(s.Texts) {
		d.checkText(join(key+".texts", name), s.Texts[name])
	}
	p := &s.Proactive
	switch {
	case p.Mode == "greet" && len(p.Rules) == 0:
		d.warnf(key+".proactive", "greets nobody: it has no rules")
	case p.Mode == "none" && len(p.Rules) > 0:
		d.warnf(key+".proactive.rules", "have no effect: mode is none")
	}
	if len(p.Rules) > maxRules {
		d.fail(key+".proactive.rules", "are %d: at most %d", len(p.Rules), maxRules)
	}
	for i, r := range p.Rules {
		k := fmt.Sprintf("%s.proactive.rules[%d]", key, i)
		if r.Page != "" && !strings.HasPrefix(r.Page, "/") && !strings.HasPrefix(r.Page, "*") || len(r.Page) > maxPage {
			d.fail(k+".page", "%q is no path: want one such as /pricing or /shop/*, %d bytes at most", r.Page, maxPage)
		}
		if r.After > 24*time.Hour || r.After%time.Second != 0 {
			d.fail(k+".after", "want whole seconds, a day at most")
		}
		if d.isSet(k+".text") && !d.failed(k+".text") && !someText(r.Text) {
			d.fail(k+".text", "missing value")
		}
		d.checkText(k+".text", r.Text)
	}
}

// someText tells whether there is a text and none of its languages is empty.
func someText(t Text) bool {
	for _, s := range t {
		if strings.TrimSpace(s) == "" {
			return false
		}
	}
	return len(t) > 0
}

// styleSheet is theme.css: rules, or the path of a file with them.
func (d *decoder) styleSheet(css, key string) string {
	if css == "" {
		return ""
	}
	if !strings.Contains(css, "{") {
		b, err := os.ReadFile(d.path(css))
		if err != nil {
			d.fail(key, "%s cannot be read: %s", css, bareOSError(err))
			return ""
		}
		css = string(b)
	}
	switch {
	case len(css) > maxCSS:
		d.fail(key, "has %d bytes: at most %d", len(css), maxCSS)
	case !utf8.ValidString(css):
		d.fail(key, "is no UTF-8")
	default:
		if what := foreignCSS.FindString(css); what != "" {
			d.fail(key, "has %q: the widget may load nothing from elsewhere", what)
		}
	}
	return css
}
