package xmpptest

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"usher/xmpp"
)

// Actor is somebody in a transcript.
type Actor struct {
	Send    func(element []byte) error
	Receive func(ctx context.Context) ([]byte, error) // the next element from the wire; see Inbox
	// Space is the default namespace that elements on this wire inherit: "" where
	// each stands alone, jabber:component:accept on a component link.
	Space string
	// Do carries out a line "NAME VERB: REST" with any other verb ("closes").
	Do func(verb, rest string) error
}

// Player plays transcripts: text that reads like the wire.
//
//	# A visitor speaks in a room.
//	visitor sends: <message xmlns='jabber:client' to='room@rooms.test' type='groupchat' id='1'><body>Hi</body></message>
//	upstream receives: <message from='$me' to='room@rooms.test' type='groupchat' id='1'><body>Hi</body></message>
//	upstream sends:
//	    <message from='room@rooms.test/nick' to='$me' type='groupchat' id='1'><body>Hi</body></message>
//	visitor receives: <message xmlns='jabber:client' from='room@rooms.test/nick' to='$_' type='groupchat' id='1'>...</message>
//
// An entry starts at the beginning of a line with an actor's name and a verb; indented lines go
// on with it. Lines that begin with # are comments. "receives" takes the
// actor's next element, which must be the one that is written: names are compared with their
// namespaces, attributes in any order, children in order; white space between
// elements doesn't count. "receives in any order" takes as many elements as are written.
//
// In attribute values and text $name stands for a variable: the first time that it is
// received it takes what stands there, later it must be the same; what is sent
// must be known. $_ stands for anything, $$ for a dollar sign. The text "..."
// stands for any further content of its element.
//
// A Player is not safe for concurrent use.
type Player struct {
	Vars   map[string]string
	actors map[string]Actor
}

// NewPlayer returns a player without actors.
func NewPlayer() *Player {
	return &Player{Vars: map[string]string{}, actors: map[string]Actor{}}
}

// Add gives the player an actor; the name is one word.
func (p *Player) Add(name string, a Actor) { p.actors[name] = a }

var entryLine = regexp.MustCompile(`^(\S+) ([^:<]+?)(?::\s*(.*))?$`)

// Play plays a transcript to its end or to the first thing that is not as
// written; the error says at which line, what was expected and what came.
func (p *Player) Play(ctx context.Context, transcript string) error {
	lines := strings.Split(transcript, "\n")
	margin := ""
	for _, l := range lines { // transcripts may be indented as a whole
		if s := strings.TrimLeft(l, " \t"); s != "" && !strings.HasPrefix(s, "#") {
			margin = l[:len(l)-len(s)]
			break
		}
	}
	for i := 0; i < len(lines); {
		at := i
		entry := strings.TrimRight(strings.TrimPrefix(lines[i], margin), " \t\r")
		for i++; i < len(lines); i++ {
			l := strings.TrimPrefix(lines[i], margin)
			if s := strings.TrimSpace(l); s == "" || strings.HasPrefix(s, "#") || l == s || l[0] != ' ' && l[0] != '\t' {
				break
			}
			entry += " " + strings.TrimSpace(l)
		}
		if entry = strings.TrimSpace(entry); entry == "" || entry[0] == '#' {
			continue
		}
		if err := p.entry(ctx, entry); err != nil {
			return fmt.Errorf("transcript line %d: %w", at+1, err)
		}
	}
	return nil
}

func (p *Player) entry(ctx context.Context, entry string) error {
	m := entryLine.FindStringSubmatch(entry)
	if m == nil {
		return fmt.Errorf("not an entry: %s", entry)
	}
	name, verb, rest := m[1], m[2], m[3]
	a, ok := p.actors[name]
	if !ok {
		return fmt.Errorf("no actor %q", name)
	}
	var err error
	switch verb {
	case "sends":
		if rest, err = p.fill(rest, true); err == nil {
			err = a.Send([]byte(rest))
		}
	case "receives", "receives in any order":
		err = p.receive(ctx, a, rest, verb == "receives")
	default:
		if a.Do == nil {
			return fmt.Errorf("%s: what is %q?", name, verb)
		}
		if rest, err = p.fill(rest, false); err == nil {
			err = a.Do(verb, rest)
		}
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", name, verb, err)
	}
	return nil
}

func (p *Player) receive(ctx context.Context, a Actor, pattern string, ordered bool) error {
	want, err := tree([]byte(pattern), a.Space)
	if err != nil {
		return fmt.Errorf("%w: %s", err, pattern)
	}
	if ordered && len(want) != 1 {
		return fmt.Errorf("%d elements are written", len(want))
	}
	for len(want) > 0 {
		b, err := a.Receive(ctx)
		if err != nil {
			return fmt.Errorf("expected\n  %s\nbut %w", pattern, err)
		}
		got, err := tree(b, a.Space)
		if err != nil || len(got) != 1 {
			return fmt.Errorf("received what is not one element: %v\n  %s", err, b)
		}
		var why error
		found := false
		for i := range want {
			vars := map[string]string{}
			if why = p.match(want[i], got[0], vars); why == nil {
				for k, v := range vars {
					p.Vars[k] = v
				}
				want = append(want[:i], want[i+1:]...)
				found = true
				break
			}
		}
		if !found {
			return fmt.Errorf("%w: expected\n  %s\nreceived\n  %s", why, pattern, b)
		}
	}
	return nil
}

var variable = regexp.MustCompile(`\$(\$|[A-Za-z_][A-Za-z0-9_]*)`)

// fill replaces the variables of what is sent.
func (p *Player) fill(s string, escape bool) (string, error) {
	var err error
	s = variable.ReplaceAllStringFunc(s, func(v string) string {
		if v == "$$" {
			return "$"
		}
		value, ok := p.Vars[v[1:]]
		if !ok {
			err = fmt.Errorf("%s is not known", v)
		}
		if escape {
			value = string(xmpp.AppendAttr(nil, "x", []byte(value)))
			value = value[len(" x='") : len(value)-1]
		}
		return value
	})
	return s, err
}

// element is a parsed element; a text among its kids has only text.
type element struct {
	name  xml.Name
	attrs map[xml.Name]string
	kids  []element
	text  string
}

// tree parses a fragment whose elements inherit a default namespace.
func tree(b []byte, space string) ([]element, error) {
	open := string(xmpp.AppendAttr([]byte("<x xmlns:stream='"+xmpp.NSStream+"'"), "xmlns", []byte(space))) + ">"
	d := xml.NewDecoder(io.MultiReader(strings.NewReader(open), bytes.NewReader(b), strings.NewReader("</x>")))
	stack := []element{{}}
	for {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		top := &stack[len(stack)-1]
		switch tok := tok.(type) {
		case xml.StartElement:
			e := element{name: tok.Name, attrs: map[xml.Name]string{}}
			for _, a := range tok.Attr {
				if a.Name.Space != "xmlns" && a.Name != (xml.Name{Local: "xmlns"}) {
					e.attrs[a.Name] = a.Value
				}
			}
			stack = append(stack, e)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
			up := &stack[len(stack)-1]
			up.kids = append(up.kids, *top)
		case xml.CharData:
			if s := string(tok); strings.TrimSpace(s) != "" {
				top.kids = append(top.kids, element{text: s})
			}
		default:
			return nil, errors.New("not XMPP")
		}
	}
	if len(stack) != 1 || len(stack[0].kids) != 1 {
		return nil, errors.New("unbalanced")
	}
	for _, k := range stack[0].kids[0].kids {
		if k.text != "" {
			return nil, fmt.Errorf("text %q outside elements", k.text)
		}
	}
	return stack[0].kids[0].kids, nil
}

// match compares an element with what is written. What variables take is put into vars.
func (p *Player) match(want, got element, vars map[string]string) error {
	if want.name != got.name {
		return fmt.Errorf("<%s xmlns='%s'> instead of <%s xmlns='%s'>", got.name.Local, got.name.Space, want.name.Local, want.name.Space)
	}
	in := "in <" + want.name.Local + ">"
	for k, w := range want.attrs {
		g, ok := got.attrs[k]
		if !ok {
			return fmt.Errorf("no %s %s", k.Local, in)
		}
		if err := p.matchText(w, g, vars); err != nil {
			return fmt.Errorf("%s %s: %w", k.Local, in, err)
		}
	}
	for k := range got.attrs {
		if _, ok := want.attrs[k]; !ok {
			return fmt.Errorf("unexpected %s %s", k.Local, in)
		}
	}
	for i, w := range want.kids {
		if w.text != "" && strings.TrimSpace(w.text) == "..." {
			return nil
		}
		if i >= len(got.kids) {
			return fmt.Errorf("something is missing %s", in)
		}
		g := got.kids[i]
		if (w.text == "") != (g.text == "") {
			return fmt.Errorf("text and element don't match %s", in)
		}
		var err error
		if w.text != "" {
			err = p.matchText(w.text, g.text, vars)
		} else {
			err = p.match(w, g, vars)
		}
		if err != nil {
			return fmt.Errorf("%w %s", err, in)
		}
	}
	if len(got.kids) > len(want.kids) {
		return fmt.Errorf("more than expected %s", in)
	}
	return nil
}

func (p *Player) matchText(want, got string, vars map[string]string) error {
	expr, names, rest := "^", []string{}, want
	for rest != "" {
		i := variable.FindStringIndex(rest)
		if i == nil {
			break
		}
		expr += regexp.QuoteMeta(rest[:i[0]])
		name := rest[i[0]+1 : i[1]]
		rest = rest[i[1]:]
		value, ok := vars[name]
		if !ok {
			value, ok = p.Vars[name]
		}
		switch {
		case name == "$":
			expr += `\$`
		case name == "_":
			expr += `(?s:.*?)`
		case ok:
			expr += regexp.QuoteMeta(value)
		default:
			expr += `((?s:.+?))`
			names = append(names, name)
		}
	}
	m := regexp.MustCompile(expr + regexp.QuoteMeta(rest) + "$").FindStringSubmatch(got)
	if m == nil {
		return fmt.Errorf("%q is not %q", got, want)
	}
	for i, name := range names {
		if v, ok := vars[name]; ok && v != m[i+1] {
			return fmt.Errorf("$%s is both %q and %q", name, v, m[i+1])
		}
		vars[name] = m[i+1]
	}
	return nil
}

// Run plays a transcript in a test and ends the test if it goes wrong. It
// waits at most half a minute.
func (p *Player) Run(t testing.TB, transcript string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := p.Play(ctx, transcript); err != nil {
		t.Fatal(err)
	}
}
