package xmpp

import (
	"bytes"
	"encoding/xml"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// seeds are stanzas and near misses that the fuzz targets start from; the
// tables of the other tests are added.
func seeds(f *testing.F, add func(string)) {
	for _, c := range legal {
		add(c)
	}
	for _, c := range illegal {
		add(c.in)
	}
	for _, c := range moves {
		add(c.in)
	}
}

// judge compares what One says of doc with what the oracle says.
func judge(t *testing.T, doc []byte) *Element {
	t.Helper()
	e, err := NewScanner(Limits{}).One(doc)
	tree, oracle := parse(declared(doc), nil)
	if oracle == nil {
		_, oracle = tree.one()
	}
	if !bytes.HasPrefix(doc, []byte("<")) {
		oracle = errShape
	}
	switch {
	case err == nil && oracle != nil:
		t.Fatalf("accepted, but %v: %q", oracle, doc)
	case err != nil && oracle == nil && !excused(err, doc):
		t.Fatalf("%v, but the oracle accepts %q", err, doc)
	}
	if err != nil {
		var se *StreamError
		if !errors.As(err, &se) || se.Condition == "" {
			t.Fatalf("untyped error %v", err)
		}
		return nil
	}
	return e
}

// declared cuts off a good XML declaration, which encoding/xml takes anywhere.
func declared(doc []byte) []byte {
	if n, more, err := declaration(doc); err == nil && !more {
		return doc[n:]
	}
	return doc
}

// excused: limits that hold always, and encoding/xml's view of bytes that are not UTF-8.
func excused(err error, doc []byte) bool {
	return strings.HasPrefix(err.Error(), "policy-violation") || !utf8.Valid(doc)
}

func FuzzOne(f *testing.F) {
	seeds(f, func(s string) { f.Add([]byte(s)) })
	f.Fuzz(func(t *testing.T, doc []byte) {
		e := judge(t, doc)
		if e == nil {
			return
		}
		tree, err := parse(declared(doc), nil)
		if err != nil {
			t.Fatal(err)
		}
		n, err := tree.one()
		if err != nil {
			t.Fatal(err)
		}
		sameElement(t, e, n)
	})
}

// sameElement checks the description of e against the oracle's tree.
func sameElement(t *testing.T, e *Element, n *node) {
	t.Helper()
	if string(e.Name.Local) != n.local || string(e.Name.Space) != n.space {
		t.Fatalf("name %s %s, want %s %s", e.Name.Space, e.Name.Local, n.space, n.local)
	}
	want := map[xml.Name][]byte{{Local: "to"}: e.To, {Local: "from"}: e.From, {Local: "type"}: e.Type, {Local: "id"}: e.ID, {Space: NSXML, Local: "lang"}: e.Lang}
	for _, a := range n.attrs {
		if v, ok := want[a.Name]; ok {
			if v == nil || normalised(string(v)) != a.Value {
				t.Fatalf("%v is %q, want %q", a.Name, v, a.Value)
			}
			delete(want, a.Name)
		}
	}
	for k, v := range want {
		if v != nil {
			t.Fatalf("%v is %q, want nothing", k, v)
		}
	}
	mayHold(t, e, n.kids)
	for _, k := range n.kids {
		if k.local != "" {
			if string(e.Child.Local) != k.local || string(e.Child.Space) != k.space {
				t.Fatalf("child %s %s, want %s %s", e.Child.Space, e.Child.Local, k.space, k.local)
			}
			return
		}
	}
	if e.Child.Local != nil {
		t.Fatalf("child %s, want none", e.Child.Local)
	}
}

// mayHold checks that no element in e is denied.
func mayHold(t *testing.T, e *Element, kids []*node) {
	t.Helper()
	for _, k := range kids {
		if k.local != "" && !e.MayHold(k.local) {
			t.Fatalf("there is a %s in %s", k.local, e.Raw)
		}
		mayHold(t, e, k.kids)
	}
}

func FuzzRewrite(f *testing.F) {
	seeds(f, func(s string) { f.Add([]byte(s)) })
	f.Fuzz(func(t *testing.T, doc []byte) {
		s := NewScanner(Limits{})
		if e, err := s.One(doc); err == nil {
			sameMeaning(t, e, nil)
		}
		// The same as the child of a BOSH body that declares prefixes.
		outer := map[string]string{"": NSBOSH, "a": "urn:a", "b": "urn:b", "c": NSClient, "d": NSComponent}
		body := "<body xmlns='" + NSBOSH + "' xmlns:a='urn:a' xmlns:b='urn:b' xmlns:c='jabber:client' xmlns:d='jabber:component:accept'>"
		buf := append([]byte(body), doc...)
		buf = append(buf, "</body>"...)
		s.Reset(Limits{})
		for {
			n, tok, err := s.Next(buf)
			if err != nil || tok == End || tok == NeedMore {
				break
			}
			if tok == Stanza {
				sameMeaning(t, s.Element(), outer)
			}
			buf = buf[n:]
		}
	})
}

// failer is what testing.T and rapid.T have in common.
type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// sameMeaning rewrites e both ways and compares what it means before and
// after; outer are the prefixes declared outside e.
func sameMeaning(t failer, e *Element, outer map[string]string) {
	t.Helper()
	tree, err := parse(e.Raw, outer)
	if err != nil {
		t.Fatalf("%v: %q", err, e.Raw)
	}
	n, err := tree.one()
	if err != nil {
		t.Fatal(err)
	}
	bosh := outer != nil && n.space == NSBOSH
	h := &Header{To: e.To, From: e.From, Type: e.Type, ID: e.ID, Lang: e.Lang}
	for _, to := range []Content{Client, Component} {
		out := e.Append(nil, to, h)
		var around map[string]string
		if to == Component {
			around = map[string]string{"": NSComponent}
		}
		got, err := parse(out, around)
		if err != nil {
			t.Fatalf("%v after the move to %s:\n%q\n%q", err, to.space(), e.Raw, out)
		}
		g, err := got.one()
		if err != nil {
			t.Fatalf("%v after the move to %s:\n%q\n%q", err, to.space(), e.Raw, out)
		}
		want := n.move(to, bosh, true).header()
		if g.String() != want.String() {
			t.Fatalf("to %s:\n%s\nbecame\n%s\n%s\nwant\n%s", to.space(), e.Raw, out, g, want)
		}
		// What we write, we accept, and it means the same again.
		if to == Client {
			if again, err := NewScanner(Limits{}).One(out); err != nil {
				t.Fatalf("%v for our own %q", err, out)
			} else if again.Kind != e.Kind {
				t.Fatalf("kind %v became %v", e.Kind, again.Kind)
			}
		}
	}
}

func FuzzStream(f *testing.F) {
	seeds(f, func(s string) {
		f.Add([]byte("<stream:stream xmlns='jabber:client' xmlns:stream='"+NSStream+"' to='a'>"+s+" "+s+"</stream:stream>"), uint16(3))
		f.Add([]byte("<?xml version='1.0'?>\n<body xmlns='"+NSBOSH+"'>"+s+"</body>"), uint16(1))
	})
	f.Fuzz(func(t *testing.T, doc []byte, step uint16) {
		lim := Limits{Bytes: 4096, Depth: 8, Attributes: 8, Elements: 50}
		whole, wholeErr := tokens(doc, lim, len(doc)+1)
		pieces, pieceErr := tokens(doc, lim, int(step)+1)
		if strings.Join(whole, "\n") != strings.Join(pieces, "\n") || (wholeErr == nil) != (pieceErr == nil) {
			t.Fatalf("%q in pieces of %d:\n%q %v\nwhole:\n%q %v", doc, step+1, pieces, pieceErr, whole, wholeErr)
		}
		if wholeErr != nil && pieceErr.Error() != wholeErr.Error() {
			t.Fatalf("%q: %v in pieces, %v whole", doc, pieceErr, wholeErr)
		}
	})
}

// tokens reads a document in pieces of step bytes, each call with a new copy of
// the buffer.
func tokens(doc []byte, lim Limits, step int) (out []string, err error) {
	s := NewScanner(lim)
	var buf []byte
	for {
		n, tok, err := s.Next(buf)
		if err != nil {
			return out, err
		}
		switch tok {
		case NeedMore:
			if len(doc) == 0 {
				return out, nil
			}
			k := min(step, len(doc))
			buf = append(bytes.Clone(buf[n:]), doc[:k]...)
			doc = doc[k:]
			continue
		case Root:
			out = append(out, "root "+string(s.Root().Append(nil, Client, &Header{})))
		case Stanza:
			e := s.Element()
			out = append(out, string(e.Append(nil, Component, &Header{To: e.To, From: e.From, Type: e.Type, ID: e.ID, Lang: e.Lang})), string(e.Child.Local)+" "+string(e.Child.Space))
		case End:
			out = append(out, "end")
		}
		buf = buf[n:]
	}
}
