package xmpp

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// maker prints random legal XMPP in varied ways.
type maker struct {
	t    *rapid.T
	b    strings.Builder
	left int // elements that may still be made
}

func (m *maker) pick(label string, from ...string) string {
	return rapid.SampledFrom(from).Draw(m.t, label)
}

func (m *maker) chance(percent int) bool {
	return rapid.IntRange(0, 99).Draw(m.t, "chance") < percent
}

var makerSpaces = []string{NSClient, NSClient, NSClient, NSComponent, NSComponent, NSBOSH, "urn:a", "urn:b", "urn:a&b"}

// element prints an element. prefixes are those in scope, "" the default.
func (m *maker) element(local string, space string, prefixes map[string]string, depth int) {
	m.left--
	scope := map[string]string{}
	for k, v := range prefixes {
		scope[k] = v
	}
	var decls []string
	declare := func(prefix, space string) {
		name := "xmlns"
		if prefix != "" {
			name += ":" + prefix
		}
		scope[prefix] = space
		decls = append(decls, name+m.equals()+m.value(space))
	}
	own := map[string]bool{}
	prefix := ""
	switch {
	case space != "" && m.chance(25):
		prefix = m.pick("prefix", "p", "q", "x.y", "ä")
		if scope[prefix] != space {
			own[prefix] = true
			declare(prefix, space)
		}
	case scope[""] != space || m.chance(20):
		own[""] = true
		declare("", space)
	}
	if m.chance(20) {
		if p := m.pick("prefix", "p", "q", "r"); !own[p] && p != prefix {
			declare(p, m.pick("space", makerSpaces...))
		}
	}
	used := map[string]bool{}
	for m.chance(40) {
		name, key := m.pick("attr", "to", "from", "id", "type", "a", "b", "größe"), ""
		p := m.pick("attr prefix", "", "", "p", "q", "r", "xml")
		switch {
		case p == "xml":
			name, key = "xml:lang", "xml:lang"
		case p != "" && scope[p] != "":
			key = scope[p] + " " + name
			if scope[p] == NSComponent || scope[p] == NSBOSH {
				key = NSClient + " " + name
			}
			name = p + ":" + name
		default:
			key = name
		}
		if used[key] {
			continue
		}
		used[key] = true
		decls = append(decls, name+m.equals()+m.value(m.text()))
	}
	qname := local
	if prefix != "" {
		qname = prefix + ":" + local
	}
	m.b.WriteString("<" + qname)
	for _, d := range rapid.Permutation(decls).Draw(m.t, "order") {
		m.b.WriteString(m.pick("space", " ", " ", "\n", "\t", "  ") + d)
	}
	m.b.WriteString(m.pick("space", "", "", " ", "\n"))
	if m.chance(20) {
		m.b.WriteString("/>")
		return
	}
	m.b.WriteString(">")
	for m.left > 0 && m.chance(60) {
		switch kind := m.pick("kid", "text", "cdata", "element", "element", "foreign"); {
		case kind == "text" || kind != "cdata" && depth > 6:
			m.b.WriteString(m.escape(m.text(), "<&"))
		case kind == "cdata":
			m.b.WriteString("<![CDATA[" + strings.ReplaceAll(m.text(), "]]>", "") + "]]>")
		case kind == "element":
			m.element(m.pick("name", "body", "message", "x", "名前", "a-b.c"), space, scope, depth+1)
		default:
			m.element(m.pick("name", "x", "message", "query"), m.pick("space", append(makerSpaces, "")...), scope, depth+1)
		}
	}
	m.b.WriteString("</" + qname + m.pick("space", "", "", " ", "\n") + ">")
}

func (m *maker) equals() string { return m.pick("equals", "=", "=", " = ", "=\n") }

func (m *maker) text() string {
	return m.pick("text", "", "hello", "a<b&c>d", `"'`, "]] > ]]", "\U0001F600 größe \u00a0\u2028", "line\nend\ttab", "]]>", "\x7f\uFFFD", " ")
}

// value prints an attribute's value in quotes.
func (m *maker) value(v string) string {
	q := m.pick("quote", "'", `"`)
	return q + m.escape(v, "<&"+q) + q
}

// escape prints v with at least the characters of must as references.
func (m *maker) escape(v, must string) string {
	var b strings.Builder
	for i, r := range v {
		if r == '>' && strings.HasSuffix(v[:i], "]]") {
			b.WriteString("&gt;")
			continue
		}
		name := map[rune]string{'<': "lt", '>': "gt", '&': "amp", '\'': "apos", '"': "quot"}[r]
		switch {
		case name != "" && m.chance(50), name != "" && strings.ContainsRune(must, r) && m.chance(50):
			b.WriteString("&" + name + ";")
		case strings.ContainsRune(must, r), r > ' ' && r != ';' && m.chance(5):
			b.WriteString(fmt.Sprintf(m.pick("ref", "&#%d;", "&#x%x;", "&#x000%X;"), r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Every legal stanza is taken, and means the same after the move both ways.
func TestLegalStanzas(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &maker{t: rt, left: 12}
		m.element(m.pick("kind", "message", "presence", "iq"), m.pick("content", NSClient, NSComponent), nil, 1)
		doc := m.b.String()
		e, err := NewScanner(Limits{}).One([]byte(doc))
		if err != nil {
			rt.Fatalf("%v: %s", err, doc)
		}
		if e.Kind == Other {
			rt.Fatalf("no stanza: %s", doc)
		}
		sameMeaning(rt, e, nil)
	})
}

// The same within a BOSH body whose namespace and prefixes the stanza inherits.
func TestLegalBOSHStanzas(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &maker{t: rt, left: 12}
		outer := map[string]string{"": NSBOSH, "p": "urn:a", "q": NSClient, "r": NSComponent}
		m.element(m.pick("kind", "message", "presence", "iq"), m.pick("content", NSClient, NSBOSH), outer, 1)
		doc := "<body xmlns='" + NSBOSH + "' xmlns:p='urn:a' xmlns:q='" + NSClient + "' xmlns:r='" + NSComponent + "'>" + m.b.String() + "</body>"
		s := NewScanner(Limits{})
		n, tok, err := s.Next([]byte(doc))
		if err != nil || tok != Root {
			rt.Fatalf("%v %v: %s", tok, err, doc)
		}
		_, tok, err = s.Next([]byte(doc)[n:])
		if err != nil || tok != Stanza {
			rt.Fatalf("%v %v: %s", tok, err, doc)
		}
		if s.Element().Kind == Other {
			rt.Fatalf("no stanza: %s", doc)
		}
		sameMeaning(rt, s.Element(), outer)
	})
}
