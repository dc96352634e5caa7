package xmpp

import (
	"errors"
	"testing"
)

// legal is what the scanner must take.
var legal = []string{
	groupchat,
	`<a/>`,
	`<?xml version="1.0" encoding="UTF-8" standalone='yes' ?>
<a/>`,
	"<a\n\tb = '1'\r\nc=\"'\"  />\n",
	`<a b='&lt;&gt;&amp;&apos;&quot;&#10;&#x41;&#x0000041; > ]]>'/>`,
	`<a>]] > ]]&gt; <![CDATA[<b>&foo;]] > ]]>]]<![CDATA[]]></a >`,
	`<xml:a xml:lang='de' xmlns:xml='http://www.w3.org/XML/1998/namespace'/>`,
	`<a xmlns='u'><b xmlns=''><c/></b></a>`,
	`<p:a xmlns:p='u' p:b='1' b='2'><q:c xmlns:q='u' xmlns:p='v' p:b='' q:b=''/></p:a>`,
	"<größe größe='ñ'>\u00a0\U0001F600\x7f\u0085\uFFFD</größe>",
	`<message xmlns='jabber:client' to='a&amp;b@c' type="chat" id='&#x9;' xml:lang='en'>t<body>x</body></message>`,
	`<iq xmlns='jabber:client' type='set' id='1'><query xmlns='u' a='b'><item/>x</query><q/></iq>`,
	"<message xmlns='jabber:client' to='дом@å/日本' id='\U0001F600' type=\"it's\"><body>Привет &lt;&gt;&amp;&quot;&apos; 日本語 \uE000 \uD7FF \uFFFD\n\U0001F600]] ></body><x a='&lt;' b='ü'/></message>",
	`<message xmlns='jabber:client'><f xmlns='u'><message xmlns='jabber:client'><f xmlns='u'/><p:q xmlns:p='u'><r/></p:q></message></f><g:h xmlns:g='v'/><body>x</body></message>`,
}

// moves shows what Append does to namespaces.
var moves = []struct{ name, in, toComponent, toClient string }{
	{"plain", `<message xmlns='jabber:client' to='a'><body>x</body></message>`,
		`<message><body>x</body></message>`, `<message xmlns='jabber:client'><body>x</body></message>`},
	{"repeated", `<message xmlns='jabber:client'><body xmlns="jabber:client">x</body></message>`,
		`<message><body xmlns="jabber:component:accept">x</body></message>`, `<message xmlns='jabber:client'><body xmlns="jabber:client">x</body></message>`},
	{"forwarded", `<message xmlns='jabber:client'><f xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'/></f></message>`,
		`<message><f xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'/></f></message>`, `<message xmlns='jabber:client'><f xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'/></f></message>`},
	{"component below", `<message xmlns='jabber:component:accept'><f xmlns='urn:xmpp:forward:0'><message xmlns='jabber:component:accept'/></f></message>`,
		`<message><f xmlns='urn:xmpp:forward:0'><message xmlns='jabber:component:accept'/></f></message>`, `<message xmlns='jabber:client'><f xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'/></f></message>`},
	{"prefix", `<message xmlns='jabber:client' xmlns:c='jabber:client'><c:body/><f xmlns='u'><g><c:message/><c:x/></g></f></message>`,
		`<message xmlns:c='jabber:component:accept'><c:body/><f xmlns:c='jabber:client' xmlns='u'><g><c:message/><c:x/></g></f></message>`,
		`<message xmlns='jabber:client' xmlns:c='jabber:client'><c:body/><f xmlns='u'><g><c:message/><c:x/></g></f></message>`},
	{"prefixed foreign", `<message xmlns='jabber:client'><f:f xmlns:f='u'><message/></f:f></message>`,
		`<message><f:f xmlns='jabber:client' xmlns:f='u'><message/></f:f></message>`,
		`<message xmlns='jabber:client'><f:f xmlns:f='u'><message/></f:f></message>`},
	{"prefixed top", `<c:message xmlns:c='jabber:client'><body/></c:message>`,
		`<c:message xmlns='' xmlns:c='jabber:component:accept'><body/></c:message>`,
		`<c:message xmlns='' xmlns:c='jabber:client'><body/></c:message>`},
}

func TestMoves(t *testing.T) {
	for _, c := range moves {
		t.Run(c.name, func(t *testing.T) {
			e, err := NewScanner(Limits{}).One([]byte(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if e.Kind != Message {
				t.Errorf("kind %v", e.Kind)
			}
			if got := string(e.Append(nil, Component, &Header{})); got != c.toComponent {
				t.Errorf("to component:\n%s\nwant\n%s", got, c.toComponent)
			}
			if got := string(e.Append(nil, Client, &Header{})); got != c.toClient {
				t.Errorf("to client:\n%s\nwant\n%s", got, c.toClient)
			}
		})
	}
}

func TestMayHold(t *testing.T) {
	s := NewScanner(Limits{})
	for _, c := range []struct {
		in    string
		holds bool
	}{
		{groupchat, false},
		{`<message xmlns='jabber:client'><x xmlns='u'><forwarded/></x></message>`, true},
		{`<message xmlns='jabber:client'><f:forwarded xmlns:f='urn:xmpp:forward:0' /></message>`, true},
		{`<message xmlns='jabber:client'><body>forwarded</body><x a='&lt;forwarded/>'/></message>`, false},
	} {
		e, err := s.One([]byte(c.in))
		if err != nil {
			t.Fatal(err)
		}
		if e.MayHold("forwarded") != c.holds {
			t.Errorf("%v: %s", !c.holds, c.in)
		}
	}
	if !new(Element).MayHold("body") {
		t.Error("what nobody has scanned may hold anything")
	}
}

func TestBOSH(t *testing.T) {
	doc := `<?xml version='1.0' encoding="utf-8"?> <body rid='1' xmlns='http://jabber.org/protocol/httpbind' xmlns:p='urn:p'>` +
		`<message to='a'><body>x</body><p:x/></message> <iq xmlns='jabber:client' id='&lt;1'/></body>`
	want := []string{
		`<message xmlns='jabber:client' xmlns:p='urn:p'><body>x</body><p:x/></message>`,
		`<iq xmlns='jabber:client'/>`}
	for step := 1; step < len(doc); step++ {
		s := NewScanner(Limits{Bytes: 150})
		var got []string
		root, end := false, false
		for off, have := 0, 0; !end; {
			if have+off < len(doc) {
				have = min(have+step, len(doc)-off)
			}
			n, tok, err := s.Next([]byte(doc[off : off+have]))
			if err != nil {
				t.Fatal(step, err)
			}
			off, have = off+n, have-n
			switch tok {
			case Root:
				root = true
				if v, ok := s.Root().Attr("rid"); v != "1" || !ok || string(s.Root().Name.Local) != "body" {
					t.Errorf("root %s", s.Root().Raw)
				}
			case Stanza:
				got = append(got, string(s.Element().Append(nil, Client, &Header{})))
			case End:
				end = true
			}
		}
		if len(got) != 2 || got[0] != want[0] || got[1] != want[1] || !root {
			t.Fatalf("step %d: %q", step, got)
		}
	}
}

// illegal is what the scanner refuses, and how.
var illegal = []struct{ in, condition string }{
	{`<a>`, "not-well-formed"},
	{`<a></b>`, "not-well-formed"},
	{`<a b='1' b='2'/>`, "not-well-formed"},
	{`<a xmlns:x='u' xmlns:y='u' x:b='' y:b=''/>`, "not-well-formed"},
	{`<x:a/>`, "not-well-formed"},
	{`<a><!-- --></a>`, "restricted-xml"},
	{`<a><?x?></a>`, "restricted-xml"},
	{`<a>&foo;</a>`, "restricted-xml"},
	{`<a>&#0;</a>`, "not-well-formed"},
	{`<a>]]></a>`, "not-well-formed"},
	{"<a>\xff</a>", "unsupported-encoding"},
	{"<a>\x00</a>", "not-well-formed"},
	{`<a/><b/>`, "not-well-formed"},
	{`<a b='<'/>`, "not-well-formed"},
	{`<a b='1'c='2'/>`, "not-well-formed"},
	{`<a b/>`, "not-well-formed"},
	{`<a b=1/>`, "not-well-formed"},
	{`<a / >`, "not-well-formed"},
	{`< a/>`, "not-well-formed"},
	{`<1/>`, "not-well-formed"},
	{`<-a/>`, "not-well-formed"},
	{`<a:b:c xmlns:a='u'/>`, "not-well-formed"},
	{`<:a/>`, "not-well-formed"},
	{`<a: xmlns:a='u'/>`, "not-well-formed"},
	{`<a:1 xmlns:a='u'/>`, "not-well-formed"},
	{`<a x:b=''/>`, "not-well-formed"},
	{`<a><b xmlns:x='u'/><x:c/></a>`, "not-well-formed"},
	{`<a xmlns:x=''/>`, "not-well-formed"},
	{`<a xmlns:xml='u'/>`, "not-well-formed"},
	{`<a xmlns:x='http://www.w3.org/XML/1998/namespace'/>`, "not-well-formed"},
	{`<a xmlns='http://www.w3.org/XML/1998/namespace'/>`, "not-well-formed"},
	{`<a xmlns:xmlns='u'/>`, "not-well-formed"},
	{`<a xmlns:x='http://www.w3.org/2000/xmlns/'/>`, "not-well-formed"},
	{`<xmlns:a/>`, "not-well-formed"},
	{`<a xmlns='u' xmlns='u'/>`, "not-well-formed"},
	{`<a xmlns:b='u' xmlns:b='v'/>`, "not-well-formed"},
	{`<a xmlns='u&#10;v'/>`, "not-well-formed"},
	{"<a xmlns='\n'/>", "not-well-formed"},
	{"<a xmlns:b='u\tv'/>", "not-well-formed"},
	{`<a xmlns:c='jabber:client' xmlns:d='jabber:component:accept' c:a='' d:a=''/>`, "bad-namespace-prefix"},
	{`<a a1='' a2='' a3='' a4='' a5='' a6='' a7='' a8='' a9='' b1='' b2='' b3='' b4='' b5='' b6='' b7='' b8='' a3=''/>`, "not-well-formed"},
	{`<a></a`, "not-well-formed"},
	{`<a></a b=''>`, "not-well-formed"},
	{`<a></ a>`, "not-well-formed"},
	{`<a><b></a></b>`, "not-well-formed"},
	{`</a>`, "not-well-formed"},
	{`<a></stream:stream></a>`, "not-well-formed"},
	{`<a>&</a>`, "not-well-formed"},
	{`<a>&amp</a>`, "not-well-formed"},
	{`<a>&;</a>`, "not-well-formed"},
	{`<a>&#;</a>`, "not-well-formed"},
	{`<a>&#x;</a>`, "not-well-formed"},
	{`<a>&#X41;</a>`, "not-well-formed"},
	{`<a>&#xD800;</a>`, "not-well-formed"},
	{`<a>&#xFFFE;</a>`, "not-well-formed"},
	{`<a>&#x110000;</a>`, "not-well-formed"},
	{`<a>&#99999999999999999999;</a>`, "not-well-formed"},
	{`<a b='&foo;'/>`, "restricted-xml"},
	{`<a><!DOCTYPE a></a>`, "restricted-xml"},
	{`<a><!x></a>`, "not-well-formed"},
	{`<a><![cdata[]]></a>`, "not-well-formed"},
	{`<a><![CDATA[]]></a>]]>`, "not-well-formed"},
	{`<a><![CDATA[]]]]>`, "not-well-formed"},
	{"<a>\x01</a>", "not-well-formed"},
	{"<a b='\x1f'/>", "not-well-formed"},
	{"<a><![CDATA[\x00]]></a>", "not-well-formed"},
	{"<a>\uFFFE</a>", "not-well-formed"},
	{"<a>\xc0\x80</a>", "unsupported-encoding"},
	{"<a>\xed\xa0\x80</a>", "unsupported-encoding"},
	{"<a>\xf4\x90\x80\x80</a>", "unsupported-encoding"},
	{"<a b='\xe2\x82'/>", "unsupported-encoding"},
	{"<\U00010000/>", "not-well-formed"},
	{"<a\xff/>", "unsupported-encoding"},
}

func TestRefusals(t *testing.T) {
	for _, c := range illegal {
		_, err := NewScanner(Limits{}).One([]byte(c.in))
		var se *StreamError
		if !errors.As(err, &se) || se.Condition != c.condition {
			t.Errorf("%q: %v, want %s", c.in, err, c.condition)
		}
	}
}
