package workgroup

import (
	"strings"
	"testing"
)

func TestVisitorNick(t *testing.T) {
	d := &Desk{groups: map[string]*group{}}
	staff := func(jids ...string) map[string]*member {
		m := map[string]*member{}
		for _, j := range jids {
			m[j] = &member{}
		}
		return m
	}
	g := &group{Group: &Group{Site: "shop", Name: "support", Language: "en"}, d: d, members: staff("alice@example.org", "bob.miller@example.org", "carol@example.org")}
	d.groups["support@desk"] = g
	d.groups["sales@desk"] = &group{Group: &Group{Site: "shop", Texts: map[string]map[string]string{"bot_nick": {"": "Concierge"}}}, d: d, members: staff("ron@example.org", "mary@example.org")}
	d.groups["help@desk"] = &group{Group: &Group{Site: "forum"}, d: d, members: staff("zoe@example.org")}
	for _, tc := range []struct{ name, language, want string }{
		{"", "", "Visitor 17"},
		{"", "de", "Gast 17"},
		{"Maria", "", "Maria #17"},
		{"  Maria  Lopez ", "de", "Maria #17"},
		{"Jean-Luc Picard", "", "Jean-Luc #17"},
		{"Αθηνά", "", "Αθηνά #17"},
		{"محمد علي", "", "محمد #17"},
		{"Zoe", "", "Zoe #17"}, // another site's agent
		{strings.Repeat("x", 100), "", strings.Repeat("x", maxNick) + " #17"},
		{"Ma\u202eria\u200b", "", "Maria #17"},
		{"<b>Maria</b>", "", "bMariab #17"},
		{"/etc", "", "etc #17"},
		{"\u200b\u2060", "", "Visitor 17"},
		{"\u115f\u1160", "", "Visitor 17"},
		{"...", "", "Visitor 17"},

		{"Alice", "", "Visitor 17"},
		{"ALICE", "", "Visitor 17"},
		{"Alıce", "", "Visitor 17"},
		{"А1ісе", "", "Visitor 17"}, // Cyrillic А, і, с, е
		{"Álicé", "", "Visitor 17"},
		{"ａｌｉｃｅ", "", "Visitor 17"},
		{"𝐀𝐥𝐢𝐜𝐞", "", "Visitor 17"},
		{"Bob.Miller", "", "Visitor 17"},
		{"bobmiller", "", "Visitor 17"},
		{"Carol", "", "Visitor 17"},
		{"СагоӀ", "", "Visitor 17"},
		{"Ron", "", "Visitor 17"},   // an agent of the site's other workgroup
		{"rnary", "", "Visitor 17"}, // rn looks like m
		{"Support", "", "Visitor 17"},
		{"Ѕupport", "fr", "Visiteur 17"},
		{"Soporte", "", "Visitor 17"},
		{"Concierge", "", "Visitor 17"},
	} {
		c := &conversation{Conversation: Conversation{Number: 17, Visitor: Person{Name: tc.name, Language: tc.language}}, d: d, home: g}
		if got := c.visitorNick(); got != tc.want {
			t.Errorf("%q gets %q, want %q", tc.name, got, tc.want)
		}
	}
}

// TestVisitorNickOfSite: the site's own word for a visitor, unless it can't be a nick.
func TestVisitorNickOfSite(t *testing.T) {
	d := &Desk{groups: map[string]*group{}}
	for word, want := range map[string]string{"Shopper": "Shopper 3", "Gäst": "Gäst 3", "\u0000": "Visitor 3"} {
		g := &group{Group: &Group{Site: "shop", Language: "en", Texts: map[string]map[string]string{"visitor_nick": {"": word}}}, d: d}
		d.groups["support@desk"] = g
		c := &conversation{Conversation: Conversation{Number: 3}, d: d, home: g}
		if got := c.visitorNick(); got != want {
			t.Errorf("with %q: %q, want %q", word, got, want)
		}
	}
}

// FuzzNick: a nick of any name is one that a MUC service takes as it is, and nobody else's.
func FuzzNick(f *testing.F) {
	for _, s := range []string{"Maria", "Alice", "\u202e", "ﷺ", "i\u0307", "ǅ", "#", "١٢٣"} {
		f.Add(s)
	}
	d := &Desk{groups: map[string]*group{}}
	g := &group{Group: &Group{Site: "shop", Language: "en"}, d: d, members: map[string]*member{"alice@example.org": nil}}
	d.groups["support@desk"] = g
	f.Fuzz(func(t *testing.T, name string) {
		c := &conversation{Conversation: Conversation{Number: 17, Visitor: Person{Name: name}}, d: d, home: g}
		nick := c.visitorNick()
		switch given, ok := strings.CutSuffix(nick, " #17"); {
		case nick == "Visitor 17":
		case !ok, skeleton(given) == skeleton("alice"), skeleton(given) == "":
			t.Fatalf("%q gets %q", name, nick)
		case !goodNick(nick), plain(nick) != nick, len([]rune(given)) > maxNick:
			t.Fatalf("%q gets %q", name, nick)
		}
	})
}
