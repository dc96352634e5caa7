package workgroup

import (
	"errors"
	"maps"
	"strings"
	"testing"
)

// formGroup is a workgroup with a form of each kind of field.
func formGroup() *group {
	return &group{Group: &Group{Site: "shop", Name: "support", Language: "en", Form: []Field{
		{Var: "name", Type: "text-single", Label: map[string]string{"en": "Your name", "de": "Ihr Name"}},
		{Var: "email", Type: "text-single", Required: true},
		{Var: "question", Type: "text-multi", Label: map[string]string{"": "?"}, Required: true},
		{Var: "terms", Type: "boolean", Label: map[string]string{"es": "Condiciones"}},
	}}}
}

func TestReadForm(t *testing.T) {
	g := formGroup()
	submit := func(fields string) string { return `<x xmlns="jabber:x:data" type="submit">` + fields + `</x>` }
	field := func(name string, values ...string) string {
		s := `<field var="` + name + `">`
		for _, v := range values {
			s += `<value>` + v + `</value>`
		}
		return s + `</field>`
	}
	good := field("email", "maria@example.org") + field("question", "Where is my order?")
	for _, tc := range []struct {
		name string
		form string
		want map[string]string
		key  string // of the refusal
	}{
		{"the least", submit(good), map[string]string{"email": "maria@example.org", "question": "Where is my order?"}, ""},
		{"all of it", submit(`<field var="FORM_TYPE" type="hidden"><value>x</value></field>` + good + field("name", " Maria ") + field("terms", "true")),
			map[string]string{"email": "maria@example.org", "question": "Where is my order?", "name": "Maria", "terms": "1"}, ""},
		{"a field of every form", submit(good + field("page", "/pricing")),
			map[string]string{"email": "maria@example.org", "question": "Where is my order?", "page": "/pricing"}, ""},
		{"fields that nobody knows", submit(good + field("contract", "Gold") + `<crm xmlns="urn:x">1</crm>`),
			map[string]string{"email": "maria@example.org", "question": "Where is my order?"}, ""},
		{"several lines", submit(field("email", "a@b") + field("question", "one", "two\nthree")),
			map[string]string{"email": "a@b", "question": "one\ntwo\nthree"}, ""},
		{"a line end in one line", submit(field("email", "a@b") + field("question", "q") + field("name", "Ma\nria")),
			map[string]string{"email": "a@b", "question": "q", "name": "Ma ria"}, ""},
		{"optional ones left empty", submit(good + field("name", "") + field("terms")),
			map[string]string{"email": "maria@example.org", "question": "Where is my order?"}, ""},
		{"as long as may be", submit(field("email", "a@b") + field("question", strings.Repeat("q", maxMulti))),
			map[string]string{"email": "a@b", "question": strings.Repeat("q", maxMulti)}, ""},

		{"none", "", nil, "form_missing"},
		{"cancelled", `<x xmlns="jabber:x:data" type="cancel"/>`, nil, "form_wrong"},
		{"the form itself, sent back", `<x xmlns="jabber:x:data" type="form">` + good + `</x>`, nil, "form_wrong"},
		{"a required one missing", submit(field("question", "q")), nil, "form_missing"},
		{"a required one blank", submit(field("email", "a@b") + field("question", " \n ")), nil, "form_missing"},
		{"no mail address", submit(field("email", "maria") + field("question", "q")), nil, "form_wrong"},
		{"two values in one line", submit(good + field("name", "a", "b")), nil, "form_wrong"},
		{"neither yes nor no", submit(good + field("terms", "maybe")), nil, "form_wrong"},
		{"a long line", submit(good + field("name", strings.Repeat("x", maxSingle+1))), nil, "form_long"},
		{"a long text", submit(field("email", "a@b") + field("question", strings.Repeat("q", maxMulti+1))), nil, "form_long"},
		{"a long form", submit(field("question", strings.Repeat("q", maxMulti)) + field("question", strings.Repeat("q", maxMulti)) + field("email", "a@b")), nil, "form_long"},
		{"many fields", submit(good + strings.Repeat(field("x", "y"), maxFormFields)), nil, "form_wrong"},
		{"another namespace", `<x xmlns="jabber:iq:data" type="submit">` + good + `</x>`, nil, "form_missing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n, err := parse([]byte(`<join-queue xmlns="http://jabber.org/protocol/workgroup">` + tc.form + `</join-queue>`))
			if err != nil {
				t.Fatal(err)
			}
			got, err := g.read(n.child("x", nsForm), "de", g.Form)
			var bad *formError
			switch {
			case tc.key == "" && err != nil:
				t.Fatalf("refused: %v", err)
			case tc.key == "" && !maps.Equal(got, tc.want):
				t.Fatalf("got %v\nwant %v", got, tc.want)
			case tc.key != "" && (!errors.As(err, &bad) || bad.key != tc.key || got != nil):
				t.Fatalf("got %v, %v; want a refusal with %s", got, err, tc.key)
			}
		})
	}
}

// TestFormNames: the fields of a form in the visitor's language, else in what there is.
func TestFormNames(t *testing.T) {
	g := formGroup()
	for _, tc := range []struct {
		language string
		labels   [4]string
	}{
		{"de", [4]string{"Ihr Name", "E-Mail-Adresse", "?", "terms"}},
		{"de-AT", [4]string{"Ihr Name", "E-Mail-Adresse", "?", "terms"}},
		{"es", [4]string{"Your name", "Correo electrónico", "?", "Condiciones"}},
		{"", [4]string{"Your name", "Mail address", "?", "terms"}},
	} {
		for i, f := range g.Form {
			if got := g.label(f, tc.language); got != tc.labels[i] {
				t.Errorf("%s in %q is %q, want %q", f.Var, tc.language, got, tc.labels[i])
			}
		}
	}
	want := `<x xmlns='jabber:x:data' type='form'><title>Fragen Sie uns</title><instructions>Bitte sagen Sie uns, worum es geht.</instructions>` +
		`<field type='text-single' var='name' label='Ihr Name'/>` +
		`<field type='text-single' var='email' label='E-Mail-Adresse'><required/></field>` +
		`<field type='text-multi' var='question' label='?'><required/></field><field type='boolean' var='terms' label='terms'/></x>`
	if got := string(g.form("form", "de", g.Form).append(nil, "")); got != want {
		t.Errorf("the form is\n%s\nwant\n%s", got, want)
	}
}

func TestMailAddress(t *testing.T) {
	for s, want := range map[string]bool{
		"a@b": true, "maria.lopez+shop@mail.example.org": true, "maría@ejemplo.es": true,
		"": false, "maria": false, "@b": false, "a@": false, "a@b@c": false, "a b@c": false, "a@b\r\nBcc: x@y": false, "a@b,c@d": false,
		"<a@b>": false, "-f@b": false, "a@.b": false, "a@b.": false, "a@b..c": false, "a\u202e@b": false, strings.Repeat("a", 65) + "@b": false,
		"a@" + strings.Repeat("b", 254): false,
	} {
		if got := mailAddress(s); got != want {
			t.Errorf("mailAddress(%q) is %v", s, got)
		}
	}
}

// FuzzForm: whatever is submitted, what is taken of it is bounded, known and can be shown.
func FuzzForm(f *testing.F) {
	for _, s := range []string{
		`<x xmlns="jabber:x:data" type="submit"><field var="email"><value>a@b</value></field><field var="question"><value>q</value></field></x>`,
		`<x xmlns="jabber:x:data" type="submit"><field var="terms"><value>1</value></field><field/></x>`,
		`<x xmlns="jabber:x:data"/>`,
	} {
		f.Add([]byte(s))
	}
	g := formGroup()
	optional := make([]Field, len(g.Form))
	for i, field := range g.Form {
		optional[i] = field
		optional[i].Required = false
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := parse(b)
		if err != nil {
			return
		}
		got, err := g.read(n, "en", optional)
		if err != nil {
			return
		}
		whole := 0
		for k, v := range got {
			whole += len(v)
			switch {
			case k != "name" && k != "email" && k != "question" && k != "page" && k != "terms":
				t.Fatalf("took a field %q", k)
			case k == "email" && !mailAddress(v), k == "terms" && v != "0" && v != "1", k != "question" && plain(v) != v, v == "":
				t.Fatalf("took %q for %s", v, k)
			}
		}
		if whole > maxForm {
			t.Fatalf("took %d bytes", whole)
		}
	})
}
