package xmpptest_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"usher/xmpp/xmpptest"
)

// echo is an actor that receives what it sends.
func echo(space string) xmpptest.Actor {
	in := new(xmpptest.Inbox)
	return xmpptest.Actor{
		Send:    func(b []byte) error { in.Put(b); return nil },
		Receive: in.Receive, Space: space,
		Do: func(verb, rest string) error {
			if verb == "closes" {
				in.End(io.EOF)
			} else {
				in.Put([]byte("<" + verb + ">" + rest + "</" + verb + ">"))
			}
			return nil
		},
	}
}

func TestTranscript(t *testing.T) {
	p := xmpptest.NewPlayer()
	p.Add("a", echo(""))
	p.Add("b", echo("jabber:component:accept"))
	p.Vars["known"] = "x&'y"
	p.Run(t, `
		# Attributes in any order, quotes as they like, prefixes too.
		a sends: <message xmlns='jabber:client' to="a" id='1'><p:x xmlns:p='u' p:k='v'/></message>
		a receives:
			<message id='1' to='$to' xmlns='jabber:client'>
				<x xmlns='u' q:k='v' xmlns:q='u'/>
			</message>
		a sends: <m from='$to' id='$known'>$$5</m>
		a receives: <m id='x&amp;&apos;y' from='a'>$$5</m>

		b sends: <iq id='tok.17' to='tok@x'><y/><z/>more</iq>
		b receives: <iq xmlns='jabber:component:accept' id='$token.$n' to='$token@$_'><y/>...</iq>
		b says: $token
		b receives: <says>tok</says>
		b sends: <one/>
		b sends: <two/>
		b receives in any order: <two/> <one/>
		b closes
	`)
	if p.Vars["n"] != "17" || p.Vars["to"] != "a" {
		t.Errorf("%v", p.Vars)
	}
	if err := p.Play(t.Context(), "b receives: <x/>"); err == nil || !strings.Contains(err.Error(), "EOF") {
		t.Errorf("%v", err)
	}
}

func TestTranscriptMismatch(t *testing.T) {
	for _, c := range []struct{ send, want, why string }{
		{`<a/>`, `<b/>`, "instead of <b"},
		{`<a/>`, `<a xmlns='u'/>`, "xmlns='u'"},
		{`<a b='1'/>`, `<a b='2'/>`, `"1" is not "2"`},
		{`<a b='1'/>`, `<a/>`, "unexpected b"},
		{`<a/>`, `<a b='1'/>`, "no b"},
		{`<a><b/></a>`, `<a/>`, "more than expected"},
		{`<a/>`, `<a><b/></a>`, "missing"},
		{`<a>x</a>`, `<a>y</a>`, `"x" is not "y"`},
		{`<a>x</a>`, `<a><x/></a>`, "don't match"},
		{`<a b='1' c='2'/>`, `<a b='$v' c='$v'/>`, "is not"},
		{`<a b='3'/>`, `<a b='$seen'/>`, "is not"},
		{`<a b='$none'/>`, `<a/>`, "$none is not known"},
		{`<a/>`, `<a/><b/>`, "2 elements"},
		{`<a/>`, `<a>`, "line 3"},
	} {
		p := xmpptest.NewPlayer()
		p.Vars["seen"] = "4"
		p.Add("a", echo(""))
		err := p.Play(t.Context(), "\na sends: "+c.send+"\na receives: "+c.want)
		if err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s against %s: %v, want %s", c.send, c.want, err, c.why)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := xmpptest.NewPlayer()
	p.Add("a", echo(""))
	for _, c := range []struct{ text, why string }{
		{"a receives: <a/>", "canceled"}, {"c sends: <a/>", "no actor"}, {"nonsense", "not an entry"},
	} {
		if err := p.Play(ctx, c.text); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

func TestUpstreamActor(t *testing.T) {
	u := newUpstream(t, xmpptest.UpstreamConfig{})
	l := dialLink(t, u.Addr(), "a.test", "s1")
	l.wantStanza("<handshake/>")
	l.send("<iq id='ping' to='a.test' from='a.test'/>")
	p := xmpptest.NewPlayer()
	p.Add("upstream", u.Actor())
	l.wantStanza("<iq to='a.test' from='a.test' id='ping'/>")
	l.send("<message id='1' from='v@a.test/1' to='room@rooms.test'><body>Hi</body></message>")
	p.Run(t, `
		upstream receives: <message from='$me' to='$room' id='1'><body>$text</body></message>
		upstream sends: <message from='$room/nick' to='$me' id='1'><body>$text</body></message>
	`)
	l.wantStanza("<message from='room@rooms.test/nick' to='v@a.test/1' id='1'><body>Hi</body></message>")
}
