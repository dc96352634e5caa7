package workgroup

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"usher/xmpp"
)

// maxNick is the longest given name in a nick, in characters.
const maxNick = 24

// visitorNick is the visitor's nick in his room: `Visitor 17`, or his given name and ` #17`. A name that looks like an
// agent's, a supervisor's or the owner's (case, accents and look-alikes aside) is not taken.
func (c *conversation) visitorNick() string {
	g, number := c.home, strconv.Itoa(c.Number)
	if given := givenName(c.Visitor.Name); given != "" && !g.looksLikeStaff(given) {
		if nick := given + " #" + number; goodNick(nick) && !g.looksLikeStaff(nick) {
			return nick
		}
	}
	if word := plain(g.text("visitor_nick", c.Visitor.Language)); word != "" && goodNick(word+" "+number) && !g.looksLikeStaff(word+" "+number) {
		return word + " " + number
	}
	return "Visitor " + number
}

// givenName is the first word of a name, if it can be shown.
func givenName(name string) string {
	words := strings.Fields(norm.NFC.String(plain(name)))
	if len(words) == 0 {
		return ""
	}
	var b strings.Builder
	kept := 0
	for _, r := range words[0] {
		if !unicode.In(r, unicode.L, unicode.M, unicode.Nd) && !strings.ContainsRune("-'’.", r) {
			continue
		}
		if kept++; kept > maxNick {
			break
		}
		b.WriteRune(r)
	}
	if skeleton(b.String()) == "" {
		return "" // nothing in it that could be seen
	}
	return b.String()
}

// goodNick tells whether a nick can be a resource as it is (XEP-0045 §17.1.1: an occupant is room/nick).
func goodNick(nick string) bool {
	jid, err := xmpp.CanonJID([]byte("r@s/" + nick))
	return err == nil && string(jid) == "r@s/"+nick
}

// looksLikeStaff tells whether a nick could be taken for that of an agent or supervisor of the site, or the owner's in
// any language that it has.
func (g *group) looksLikeStaff(nick string) bool {
	if g.staff == nil { // who they are doesn't change in a desk's life
		g.staff = map[string]bool{}
		for _, o := range g.d.groups {
			if o.Site != g.Site {
				continue
			}
			for jid := range o.members {
				local, _, _ := strings.Cut(jid, "@")
				g.staff[skeleton(local)] = true
			}
			for _, in := range [...]map[string]string{texts["bot_nick"], o.Texts["bot_nick"]} {
				for _, own := range in {
					g.staff[skeleton(own)] = true
				}
			}
		}
	}
	return g.staff[skeleton(nick)]
}

// skeleton is what is left of a name when all that looks alike is the same (after Unicode UTS #39, for the letters that
// names of people are written with): compatibility forms and accents gone, lower case, look-alikes of
// Latin letters replaced, and no blanks or signs.
func skeleton(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		if unicode.Is(unicode.Mn, r) {
			continue
		}
		if l, ok := lookalikes[r]; ok { // capitals first: Н is an H, н is not
			b.WriteString(l)
			continue
		}
		for _, r := range norm.NFKD.String(strings.ToLower(string(r))) {
			l, ok := lookalikes[r]
			switch {
			case ok:
				b.WriteString(l)
			case unicode.IsLetter(r), unicode.IsDigit(r):
				b.WriteRune(r)
			}
		}
	}
	return strings.ReplaceAll(b.String(), "rn", "m")
}

// lookalikes maps letters and digits to the Latin letter that they look like.
var lookalikes = map[rune]string{
	'0': "o", '1': "l", '|': "l", 'I': "l", 'i': "l", '3': "e", '5': "s", '$': "s", '@': "a",
	'ı': "l", 'ł': "l", 'Ł': "l", 'ø': "o", 'Ø': "o", 'đ': "d", 'Đ': "d", 'ß': "ss", 'æ': "ae", 'Æ': "ae", 'œ': "oe", 'Œ': "oe",
	'ɑ': "a", 'ɡ': "g", 'ɩ': "l", 'ʀ': "r", 'ѕ': "s", 'Ѕ': "s",
	// Cyrillic.
	'а': "a", 'А': "a", 'В': "b", 'с': "c", 'С': "c", 'ԁ': "d", 'е': "e", 'Е': "e", 'Н': "h", 'һ': "h", 'і': "l", 'І': "l", 'ї': "l", 'ј': "j", 'Ј': "j",
	'К': "k", 'к': "k", 'М': "m", 'м': "m", 'о': "o", 'О': "o", 'р': "p", 'Р': "p", 'ԛ': "q", 'Т': "t", 'т': "t", 'у': "y", 'У': "y", 'ү': "y", 'ԝ': "w", 'х': "x", 'Х': "x",
	'п': "n", 'г': "r", 'ӏ': "l", 'Ӏ': "l",
	// Greek.
	'α': "a", 'Α': "a", 'Β': "b", 'ε': "e", 'Ε': "e", 'Ζ': "z", 'Η': "h", 'η': "n", 'ι': "l", 'Ι': "l", 'κ': "k", 'Κ': "k", 'Μ': "m", 'Ν': "n", 'ν': "v",
	'ο': "o", 'Ο': "o", 'ρ': "p", 'Ρ': "p", 'τ': "t", 'Τ': "t", 'υ': "u", 'Υ': "y", 'χ': "x", 'Χ': "x", 'ω': "w", 'γ': "y", 'σ': "o",
	// Armenian and others.
	'օ': "o", 'ո': "n", 'ս': "u", 'ց': "g", 'հ': "h", 'լ': "l",
}
