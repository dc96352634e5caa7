package xmpp

import (
	"testing"

	"pgregory.net/rapid"
)

func TestErrors(t *testing.T) {
	se := &StreamError{Condition: "conflict", Text: "a < b", App: "<x xmlns='u'/>"}
	if got, want := string(se.Append(nil)), "<stream:error xmlns:stream='http://etherx.jabber.org/streams'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>a &lt; b</text><x xmlns='u'/></stream:error>"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	for _, c := range []struct{ in, want string }{
		{`<iq xmlns='jabber:client' type='get' id='&apos;1'><x xmlns='u'/></iq>`,
			`<iq type='error' to='a&amp;b' id='&apos;1'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`},
		{`<presence xmlns='jabber:client'/>`,
			`<presence type='error' to='a&amp;b'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>`},
		{`<message xmlns='jabber:client' id=''/>`,
			`<message type='error' to='a&amp;b' id=''><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`},
	} {
		e, err := NewScanner(Limits{}).One([]byte(c.in))
		if err != nil {
			t.Fatal(err)
		}
		reply := (&StanzaError{Type: "cancel", Condition: "gone"}).AppendReply(nil, e, Component, nil, []byte("a&b"))
		if string(reply) != c.want {
			t.Errorf("got %s\nwant %s", reply, c.want)
		}
		reply = (&StanzaError{Type: "cancel", Condition: "gone", Text: "t"}).AppendReply(nil, e, Client, []byte("f"), nil)
		again, err := NewScanner(Limits{}).One(reply)
		if err != nil || again.Kind != e.Kind || string(again.Type) != "error" || string(again.From) != "f" || again.To != nil || string(again.ID) != string(e.ID) {
			t.Errorf("%s: %v", reply, err)
		}
	}
}

// Whatever is escaped comes back, apart from what XML cannot say.
func TestEscapes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		v := rapid.SliceOfN(rapid.SampledFrom([]string{"<", ">", "&", "'", `"`, "]]>", "\t", "\n", "\r", "a", "#", "ä", "\U0001F600", "\x00", "\x1f", "\xff", "\uFFFE", "xxxxxxxx"}), 0, 12).Draw(rt, "v")
		in, want := "", ""
		for _, s := range v {
			in += s
			switch s {
			case "\x00", "\x1f", "\xff", "\uFFFE":
				want += "\uFFFD"
			default:
				want += s
			}
		}
		doc := AppendAttr([]byte("<a"), "id", []byte(in))
		doc = append(AppendText(append(doc, '>'), []byte(in)), "</a>"...)
		e, err := NewScanner(Limits{}).One(doc)
		if err != nil {
			rt.Fatalf("%v: %s", err, doc)
		}
		if string(e.ID) != want {
			rt.Fatalf("attribute %q, want %q", e.ID, want)
		}
		tree, err := parse(doc, nil)
		if err != nil {
			rt.Fatal(err)
		}
		text := ""
		for _, k := range tree.kids[0].kids {
			text += k.text
		}
		if text != want {
			rt.Fatalf("text %q, want %q", text, want)
		}
	})
	if AppendAttr(nil, "a", nil) != nil {
		t.Error("nil is written")
	}
}
