package workgroup

import (
	"strings"
	"unicode/utf8"
)

// Data forms (XEP-0004): as much of them as a visitor meets, text-single, text-multi and boolean.

// What a submitted form may hold, in bytes; and its fields.
const (
	maxSingle     = 1 << 10
	maxMulti      = 8 << 10
	maxForm       = 16 << 10
	maxFormFields = 64
)

// formError says what is wrong with a submitted form: a text's key, and the label of the field.
type formError struct {
	key   string // form_missing | form_wrong | form_long
	label string
}

func (e *formError) Error() string { return e.key + ": " + e.label }

// always are the fields that are taken in every form, also where none is configured (docs/interface.md, B.3).
var always = []Field{
	{Var: "name", Type: "text-single"},
	{Var: "email", Type: "text-single"},
	{Var: "question", Type: "text-multi"},
	{Var: "page", Type: "text-single"},
}

// offlineForm is the form of a message left while nobody is there, where none is configured.
var offlineForm = []Field{
	{Var: "name", Type: "text-single"},
	{Var: "email", Type: "text-single"},
	{Var: "question", Type: "text-multi", Required: true},
}

// offlineFields are the fields of the workgroup's offline form.
func (g *group) offlineFields() []Field {
	if len(g.OfflineForm) > 0 {
		return g.OfflineForm
	}
	return offlineForm
}

// form writes fields as a form to fill in; name is "form" or "offline", of the texts for its title.
func (g *group) form(name, language string, fields []Field) *node {
	x := el("x", nsForm, "type", "form").with(
		el("title", "").said(g.text(name+"_title", language)),
		el("instructions", "").said(g.text(name+"_text", language)))
	for _, f := range fields {
		n := el("field", "", "type", f.Type, "var", f.Var, "label", g.label(f, language))
		if f.Required {
			n.with(el("required", ""))
		}
		x.with(n)
	}
	return x
}

// read checks a submitted form (nil: none came) against its fields and returns what is filled in, by field. What it
// doesn't know it leaves out (XEP-0004 §3.2). Any error is a *formError.
func (g *group) read(x *node, language string, fields []Field) (map[string]string, error) {
	known := make(map[string]Field, len(fields)+len(always))
	for _, f := range always {
		known[f.Var] = f
	}
	for _, f := range fields {
		known[f.Var] = f
	}
	got := map[string]string{}
	if x != nil {
		if x.attr("type") != "submit" || len(x.kids) > maxFormFields {
			return nil, &formError{"form_wrong", g.text("form_title", language)}
		}
		whole := 0
		for _, n := range x.kids {
			f, ok := known[n.attr("var")]
			if n.name != "field" || n.space != nsForm || !ok {
				continue
			}
			value, err := f.value(n)
			if err != "" {
				return nil, &formError{err, g.label(f, language)}
			}
			if whole += len(value); whole > maxForm {
				return nil, &formError{"form_long", g.label(f, language)}
			}
			if value != "" {
				got[f.Var] = value
			}
		}
	}
	for _, f := range fields {
		if f.Required && got[f.Var] == "" {
			return nil, &formError{"form_missing", g.label(f, language)}
		}
	}
	return got, nil
}

// value reads one submitted field; a key of formError if it can't be taken.
func (f Field) value(n *node) (value, wrong string) {
	var lines []string
	for _, k := range n.kids {
		if k.name == "value" && k.space == nsForm {
			lines = append(lines, k.text)
		}
	}
	if f.Type != "text-multi" && len(lines) > 1 { // XEP-0004 §3.3
		return "", "form_wrong"
	}
	return f.check(strings.Join(lines, "\n"))
}

// check brings one value into its form.
func (f Field) check(s string) (value, wrong string) {
	most := maxSingle
	if f.Type == "text-multi" {
		most = maxMulti
	}
	if len(s) > most {
		return "", "form_long"
	}
	switch f.Type {
	case "boolean":
		switch strings.TrimSpace(s) {
		case "1", "true":
			return "1", ""
		case "0", "false":
			return "0", ""
		case "":
			return "", ""
		}
		return "", "form_wrong"
	case "text-multi":
		return strings.TrimSpace(lines(s)), ""
	}
	s = plain(s)
	if f.Var == "email" && s != "" && !mailAddress(s) {
		return "", "form_wrong"
	}
	return s, ""
}

// lines is plain for texts of several lines.
func lines(s string) string {
	all := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i := range all {
		all[i] = strings.TrimRight(strings.Map(shown, all[i]), " ")
	}
	return strings.Join(all, "\n")
}

// mailAddress tells whether s has the shape of a mail address that can be written to: local@domain, without anything
// that ends or begins another one in a header.
func mailAddress(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || len(s) > 254 || len(local) > 64 || local == "" || domain == "" {
		return false
	}
	if !utf8.ValidString(s) || strings.HasPrefix(local, "-") || strings.HasPrefix(domain, ".") || strings.HasSuffix(domain, ".") || strings.Contains(domain, "..") {
		return false
	}
	for _, r := range s {
		if r <= ' ' || r == 0x7f || shown(r) < 0 || strings.ContainsRune(`()<>[]:;\,"`, r) {
			return false
		}
	}
	return !strings.Contains(domain, "@")
}

// cut shortens a text to most bytes, at a character's end.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}
