package workgroup

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestTexts: each text is there in each language, with the same places to fill, and says it in one line.
func TestTexts(t *testing.T) {
	place := regexp.MustCompile(`%\d`)
	for key, in := range texts {
		for _, l := range []string{"en", "de", "fr", "es"} {
			s := in[l]
			if s == "" || strings.TrimSpace(s) != s || strings.Contains(s, "\n") {
				t.Errorf("%s in %s is %q", key, l, s)
			}
			want, got := place.FindAllString(in["en"], -1), place.FindAllString(s, -1)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) {
				t.Errorf("%s in %s fills %v, in English %v", key, l, got, want)
			}
		}
		if len(in) != 4 {
			t.Errorf("%s is in %d languages", key, len(in))
		}
	}
}

// TestTextOf: which of the texts it is.
func TestTextOf(t *testing.T) {
	g := &group{Group: &Group{Language: "de", Texts: map[string]map[string]string{
		"bot_nick": {"": "Concierge", "fr": "Majordome"},
		"position": {"en": "No. %1 (%1 of %2, %3%)", "pt-BR": "Nº %1"},
	}}}
	for _, tc := range []struct{ key, language, want string }{
		{"bot_nick", "fr", "Majordome"},
		{"bot_nick", "fr-CA", "Majordome"},
		{"bot_nick", "es", "Concierge"}, // for all languages
		{"bot_nick", "", "Concierge"},
		{"position", "en", "No. 2 (2 of %1, %)"}, // what is filled in isn't looked through again
		{"position", "EN-gb", "No. 2 (2 of %1, %)"},
		{"position", "pt-br", "Nº 2"},
		{"position", "es", "Ahora ocupa el puesto 2 de la cola."},
		{"position", "sv", "Sie sind jetzt Nummer 2 in der Warteschlange."}, // the site's language
		{"position", "", "Sie sind jetzt Nummer 2 in der Warteschlange."},
		{"label_name", "en", "Name"},
	} {
		if got := g.text(tc.key, tc.language, "2", "%1"); got != tc.want {
			t.Errorf("%s in %q is %q, want %q", tc.key, tc.language, got, tc.want)
		}
	}
	g.Languages = []string{"de", "en"}
	if got := g.text("noted", "es"); got != texts["noted"]["de"] {
		t.Errorf("a language that the site doesn't have gives %q", got)
	}
	if got := (&group{Group: &Group{Language: "sv"}}).text("noted", "fi"); got != texts["noted"]["en"] {
		t.Errorf("languages that nobody has give %q", got)
	}
}

// TestTextKeys: every key that the package names is there, and docs/interface.md lists them all.
func TestTextKeys(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			fun, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || fun.Sel.Name != "text" && fun.Sel.Name != "say" {
				return true
			}
			if lit, ok := call.Args[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
				key, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				if named++; texts[key] == nil {
					t.Errorf("%s: there is no text %q", name, key)
				}
			}
			return true
		})
	}
	if named < 10 {
		t.Fatalf("found only %d keys: the search is wrong", named)
	}
	for _, r := range []Reason{ReasonAgent, ReasonAgentLeft, ReasonVisitor, ReasonLost, ReasonTimeout, ReasonNoAgents, ReasonIdle, ReasonMax, ReasonFailed, ReasonDeclined, ReasonBanned} {
		if key := "closed_" + strings.ReplaceAll(string(r), "-", "_"); texts[key] == nil {
			t.Errorf("there is no text %q", key)
		}
	}
	for _, r := range []string{"hours", "opens", "no_agents", "full", "paused"} {
		if texts["away_"+r] == nil {
			t.Errorf("there is no text away_%s", r)
		}
	}
	doc, err := os.ReadFile("../docs/interface.md")
	if err != nil {
		t.Fatal(err)
	}
	for key := range texts {
		if !strings.Contains(string(doc), "`"+key+"`") {
			t.Errorf("docs/interface.md doesn't list the text %s", key)
		}
	}
}
