package xmpp

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"
)

func condition(err error) string {
	var se *StreamError
	if errors.As(err, &se) {
		return se.Condition
	}
	return ""
}

func TestLimits(t *testing.T) {
	many := func(n int, f string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, f, i)
		}
		return b.String()
	}
	for _, c := range []struct {
		name    string
		lim     Limits
		in, bad string
	}{
		{"bytes", Limits{Bytes: 20}, "<a>" + strings.Repeat("x", 13) + "</a>", "<a>" + strings.Repeat("x", 14) + "</a>"},
		{"depth", Limits{Depth: 3}, "<a><b><c/></b><b/></a>", "<a><b><c><d/></c></b></a>"},
		{"attributes", Limits{Attributes: 3}, "<a a='' b='' xmlns:c='u'/>", "<a a='' b='' xmlns:c='u' d=''/>"},
		{"elements", Limits{Elements: 4}, "<a><b/><b/><b/></a>", "<a><b/><b/><b/><b/></a>"},
		{"prefixes", Limits{}, "<a" + many(64, " xmlns:p%d='u'") + "/>", "<a" + many(65, " xmlns:p%d='u'") + "/>"},
		{"prefixes below", Limits{}, "<a><b" + many(64, " xmlns:p%d='u'") + "/><b" + many(64, " xmlns:p%d='u'") + "/></a>",
			"<a" + many(64, " xmlns:p%d='u'") + "><b xmlns:q='u'/></a>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := NewScanner(c.lim)
			if _, err := s.One([]byte(c.in)); err != nil {
				t.Errorf("One: %v", err)
			}
			if _, err := s.One([]byte(c.bad)); condition(err) != "policy-violation" {
				t.Errorf("One: %v", err)
			}
			s.ResetInside(c.lim, "s", "", "")
			if n, tok, err := s.Next([]byte(c.in)); n != len(c.in) || tok != Stanza || err != nil {
				t.Errorf("Next: %v %v %v", n, tok, err)
			}
			if n, tok, err := s.Next([]byte(c.in + c.in)); n != len(c.in) || tok != Stanza || err != nil {
				t.Errorf("Next again: %v %v %v", n, tok, err)
			}
			if _, _, err := s.Next([]byte(c.bad)); condition(err) != "policy-violation" {
				t.Errorf("Next: %v", err)
			}
			if _, _, err := s.Next([]byte(c.in)); condition(err) != "policy-violation" {
				t.Errorf("the error is not final: %v", err)
			}
			// As early as possible: before the end is there.
			for cut := len(c.bad); cut > 0; cut-- {
				s.ResetInside(c.lim, "s", "", "")
				if _, _, err := s.Next([]byte(c.bad[:cut])); err == nil {
					if early := len(c.bad) - cut; early < 2 {
						t.Errorf("refused only %d bytes before the end", early)
					}
					break
				}
			}
		})
	}
}

// Every refusal of One is one of Next too, and in pieces.
func TestRefusalsInStreams(t *testing.T) {
	for _, c := range illegal {
		for step := 1; step <= len(c.in); step++ {
			_, err := tokens([]byte("<s:s xmlns:s='s'>"+c.in+"</s:s>"), Limits{}, step)
			if _, two := tokens([]byte("<s:s xmlns:s='s'>"+c.in+"</s:s>"), Limits{}, 1000); condition(two) != condition(err) {
				t.Errorf("%q in pieces of %d: %v, whole: %v", c.in, step, err, two)
			}
			if err == nil && c.in != `<a/><b/>` {
				t.Errorf("%q in pieces of %d was taken", c.in, step)
			}
		}
	}
}

// Cut at every place into two, a document gives the same tokens.
func TestEverySplit(t *testing.T) {
	for _, c := range legal {
		c = strings.TrimPrefix(c, "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone='yes' ?>")
		doc := []byte("<?xml version='1.0'?><s xmlns='urn:s'>" + c + "</s>")
		want, err := tokens(doc, Limits{}, len(doc))
		if err != nil {
			t.Fatalf("%v: %s", err, doc)
		}
		for cut := 1; cut < len(doc); cut++ {
			s := NewScanner(Limits{})
			var got []string
			for off, end := 0, cut; ; {
				n, tok, err := s.Next(doc[off:end:end])
				if err != nil {
					t.Fatalf("%v, cut at %d: %s", err, cut, doc)
				}
				off += n
				if tok == NeedMore {
					if end == len(doc) {
						t.Fatalf("no end, cut at %d: %s", cut, doc)
					}
					end = len(doc)
				}
				if tok == Root {
					got = append(got, "root "+string(s.Root().Append(nil, Client, &Header{})))
				}
				if tok == Stanza {
					e := s.Element()
					got = append(got, string(e.Append(nil, Component, &Header{To: e.To, From: e.From, Type: e.Type, ID: e.ID, Lang: e.Lang})), string(e.Child.Local)+" "+string(e.Child.Space))
				}
				if tok == End {
					got = append(got, "end")
					break
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("cut at %d:\n%q\nwhole:\n%q", cut, got, want)
			}
		}
	}
}

// However small the pieces, the scanner never goes back: after each piece it
// stands at most an unfinished character behind the end of what it has been
// given, and the next piece begins there. So the work grows with the bytes, not
// with bytes times pieces.
func TestLooksAtEachByteOnce(t *testing.T) {
	const n = 3000
	long := strings.Repeat("x", n)
	space := strings.Repeat(" ", n)
	zero := strings.Repeat("0", n)
	docs := map[string]string{
		"name":      "<" + long + "/>",
		"end tag":   "<" + long + "></" + long + space + ">",
		"space":     "<a" + space + "b" + space + "=" + space + "''" + space + "/>",
		"attribute": "<a " + long + "='' xmlns:" + long + "='u'/>",
		"value":     "<a b='" + long + "' c='" + strings.Repeat("ä&amp;", n/3) + "'/>",
		"text":      "<a>" + long + strings.Repeat("]>", n) + strings.Repeat("\U0001F600", n/4) + "</a>",
		"cdata":     "<a><![CDATA[" + long + strings.Repeat("]", n) + "]]></a>",
		"reference": "<a b='&#" + zero + "65;'>&#x" + zero + "41;</a>",
		"elements":  "<a>" + strings.Repeat("<b/>", n) + "</a>",
	}
	for name, doc := range docs {
		t.Run(name, func(t *testing.T) {
			s := NewScanner(Limits{})
			s.ResetInside(Limits{}, "s", "", "")
			at := 0
			for end := 1; end <= len(doc); end++ {
				k, tok, err := s.Next([]byte(doc[:end]))
				if err != nil {
					t.Fatal(err)
				}
				if tok == Stanza {
					if end != len(doc) || k != len(doc) {
						t.Fatalf("done after %d of %d bytes", k, len(doc))
					}
					return
				}
				if s.i < at || end-s.i > 3 {
					t.Fatalf("after %d bytes at %d, before at %d", end, s.i, at)
				}
				at = s.i
			}
			t.Fatal("not done")
		})
	}
}

func TestAllocations(t *testing.T) {
	odd := []byte(`<message xmlns='jabber:client' to='a&amp;b@c' xmlns:c='jabber:client'><body xmlns='jabber:client'>x</body>` +
		`<f xmlns='u'><c:x a='1' b='2' c:d='3'/></f><x a='1' b='' c='' d='' e='' f='' g='' h='' i='' j='' k='' l='' m='' n='' o='' p='' q='' r=''/></message>`)
	s := NewScanner(Limits{Bytes: 65536, Depth: 64, Attributes: 64, Elements: 1000})
	dst := make([]byte, 0, 4096)
	for name, in := range map[string][]byte{"plain": []byte(groupchat), "odd": odd} {
		if n := testing.AllocsPerRun(100, func() {
			e, err := s.One(in)
			if err != nil {
				t.Fatal(err)
			}
			h := Header{To: e.To, From: e.From, Type: e.Type, ID: e.ID, Lang: e.Lang}
			dst = e.Append(dst[:0], Component, &h)
			dst = e.Append(dst[:0], Client, &h)
		}); n != 0 {
			t.Errorf("One, %s: %v allocations", name, n)
		}
		s.ResetInside(Limits{}, "stream:stream", NSComponent, NSStream)
		half := in[:len(in)/2]
		if n := testing.AllocsPerRun(100, func() {
			if _, tok, err := s.Next(half); tok != NeedMore || err != nil {
				t.Fatal(tok, err)
			}
			if n, tok, err := s.Next(in); n != len(in) || tok != Stanza || err != nil {
				t.Fatal(n, tok, err)
			}
			e := s.Element()
			h := Header{To: e.To, From: e.From, Type: e.Type, ID: e.ID, Lang: e.Lang}
			dst = e.Append(dst[:0], Client, &h)
		}); n != 0 {
			t.Errorf("Next, %s: %v allocations", name, n)
		}
	}
}

// Which characters a name may have: what encoding/xml, which goes by the
// editions before the fifth as servers' parsers do, takes too.
func TestNameCharacters(t *testing.T) {
	s := NewScanner(Limits{})
	take := func(doc string) bool {
		_, err := s.One([]byte(doc))
		return err == nil
	}
	oracle := func(doc string) bool {
		d := xml.NewDecoder(strings.NewReader(doc))
		_, err := d.RawToken()
		return err == nil
	}
	for r := rune(1); r <= unicode.MaxRune; r++ {
		if r == 0x20000 {
			r = 0x10FFF0
		}
		if r >= 0xD800 && r < 0xE000 || strings.ContainsRune(" \t\r\n:/>!?", r) {
			continue
		}
		for _, doc := range []string{"<" + string(r) + "/>", "<a" + string(r) + "/>"} {
			if take(doc) != oracle(doc) {
				t.Errorf("%U in %q: %v, encoding/xml %v", r, doc, take(doc), oracle(doc))
			}
		}
	}
}

func TestSurroundings(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"text between", "<s> x <a/></s>", "bad-format"},
		{"reference between", "<s>&#32;</s>", "bad-format"},
		{"CDATA between", "<s><![CDATA[ ]]></s>", "bad-format"},
		{"text before", "x<s/>", "not-well-formed"},
		{"byte order mark", "\uFEFF<s/>", "not-well-formed"},
		{"after the end", "<s/> <s/>", "not-well-formed"},
		{"wrong root end", "<s></t>", "not-well-formed"},
		{"end without root", "</s>", "not-well-formed"},
		{"late declaration", " <?xml version='1.0'?><s/>", "restricted-xml"},
		{"declaration twice", "<?xml version='1.0'?><?xml version='1.0'?><s/>", "restricted-xml"},
		{"declaration inside", "<s><?xml version='1.0'?></s>", "restricted-xml"},
		{"other encoding", "<?xml version='1.0' encoding='ISO-8859-1'?><s/>", "unsupported-encoding"},
		{"other version", "<?xml version='1.1'?><s/>", "not-well-formed"},
		{"no version", "<?xml encoding='UTF-8'?><s/>", "not-well-formed"},
		{"wrong order", "<?xml version='1.0' standalone='no' encoding='UTF-8'?><s/>", "not-well-formed"},
		{"long declaration", "<?xml version='1.0'" + strings.Repeat(" ", 300) + "?><s/>", "policy-violation"},
		{"DTD", "<!DOCTYPE s [<!ENTITY a 'b'>]><s/>", "restricted-xml"},
		{"comment before", "<!-- x --><s/>", "restricted-xml"},
	} {
		for _, step := range []int{1, 2, 1000} {
			if _, err := tokens([]byte(c.in), Limits{}, step); condition(err) != c.want {
				t.Errorf("%s in pieces of %d: %v, want %s", c.name, step, err, c.want)
			}
		}
	}
}

func TestAttr(t *testing.T) {
	s := NewScanner(Limits{})
	e, err := s.One([]byte("<a b = '1' p:b=\"&lt;'&#10;\n\" xmlns:p='u' xmlns='v'>x</a>"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"b": "1", "p:b": "<'\n ", "xmlns:p": "u", "xmlns": "v"} {
		if v, ok := e.Attr(name); !ok || v != want {
			t.Errorf("%s: %q %v", name, v, ok)
		}
	}
	for _, name := range []string{"a", "p", "u", ""} {
		if v, ok := e.Attr(name); ok {
			t.Errorf("%s: %q", name, v)
		}
	}
}

// A stream whose header somebody else has read.
func TestResetInside(t *testing.T) {
	s := NewScanner(Limits{})
	s.ResetInside(Limits{}, "stream:stream", NSComponent, NSStream)
	buf := []byte(" <message to='a'><body/></message><stream:error><conflict xmlns='x'/></stream:error></stream:stream>")
	n, tok, err := s.Next(buf)
	if e := s.Element(); err != nil || tok != Stanza || e.Kind != Message || string(e.Child.Space) != NSComponent {
		t.Fatalf("%v %v %+v", tok, err, e)
	}
	buf = buf[n:]
	n, tok, err = s.Next(buf)
	if e := s.Element(); err != nil || tok != Stanza || e.Kind != Other || string(e.Name.Local) != "error" || string(e.Name.Space) != NSStream {
		t.Fatalf("%v %v %+v", tok, err, e)
	}
	if out := s.Element().Append(nil, Client, &Header{}); string(out) != "<stream:error xmlns='jabber:client' xmlns:stream='"+NSStream+"'><conflict xmlns='x'/></stream:error>" {
		t.Errorf("%s", out)
	}
	buf = buf[n:]
	if n, tok, err = s.Next(buf); err != nil || tok != End || n != len(buf) {
		t.Fatalf("%v %v %v", n, tok, err)
	}
}
