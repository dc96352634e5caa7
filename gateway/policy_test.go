package gateway

import (
	"context"
	"strings"
	"testing"
	"time"

	"usher/c2s"
	"usher/upstream"
	"usher/xmpp"
	"usher/xmpp/xmpptest"
)

const foreignDomain = "foreign.localhost"

// stranger is somebody on the upstream server who is no visitor: a component
// of the test's own, which can speak as any address of its domain.
type stranger struct {
	t    *testing.T
	link *upstream.Link
	in   chan string
}

func newStranger(t *testing.T, server *xmpptest.Server) *stranger {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	l, err := upstream.Dial(ctx, upstream.Config{Domain: foreignDomain, Secret: "s3cret", Address: server.ComponentAddr(), HighWater: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	s := &stranger{t: t, link: l, in: make(chan string, 1000)}
	ended := make(chan struct{})
	go func() { defer close(ended); l.Serve(context.Background(), s) }() // ended by Close below
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		l.Close(ctx)
		<-ended
	})
	return s
}

func (s *stranger) Stanza(_ *upstream.Link, e *xmpp.Element) {
	s.in <- strings.ReplaceAll(string(e.Raw), `"`, "'")
}
func (s *stranger) Flush(*upstream.Link) {}

func (s *stranger) send(xml string) {
	s.t.Helper()
	if err := s.link.WriteRaw(context.Background(), []byte(xml)); err != nil {
		s.t.Fatal(err)
	}
}

// expect returns the next stanza and wants the parts in it.
func (s *stranger) expect(parts ...string) string {
	s.t.Helper()
	select {
	case got := <-s.in:
		for _, p := range parts {
			if !strings.Contains(got, p) {
				s.t.Fatalf("the stranger got %s, without %s", got, p)
			}
		}
		return got
	case <-time.After(patience):
		s.t.Fatalf("the stranger waited in vain for %q", parts)
	}
	return ""
}

// nothing asserts that nothing has come so far from the edge: a question to it is answered next.
func (s *stranger) nothing() {
	s.t.Helper()
	s.send("<iq type='get' id='sync' from='x@" + foreignDomain + "' to='" + testComponent + "'><ping xmlns='urn:xmpp:ping'/></iq>")
	s.expect("id='sync'", "type='result'")
}

const firewallSites = `    create_rooms: false
  - name: club
    domain: club.example
    allow: [visitors, "*@foreign.localhost"]
  - name: bank
    domain: bank.example
    allow: ["friend@foreign.localhost", "conference.localhost"]
`

// firewallServers is onEachServer with a stranger's domain.
func firewallServers(t *testing.T, test func(t *testing.T, server *xmpptest.Server)) {
	options := xmpptest.ServerOptions{Components: []xmpptest.Component{
		{Domain: testComponent, Secret: "s3cret"}, {Domain: foreignDomain, Secret: "s3cret"}}}
	t.Run("prosody", func(t *testing.T) { t.Parallel(); test(t, xmpptest.RunProsody(t, options)) })
	t.Run("ejabberd", func(t *testing.T) { t.Parallel(); test(t, xmpptest.RunEjabberd(t, options)) })
}

func TestFirewall(t *testing.T) { firewallServers(t, firewall) }

func firewall(t *testing.T, server *xmpptest.Server) {
	g := startEdge(t, edgeConfig(server.ComponentAddr(), firewallSites))
	foreign := newStranger(t, server)
	visitors := map[string]*guest{
		"shop": newGuest(t, g, testComponent), "club": newGuest(t, g, "club.example"),
		"club2": newGuest(t, g, "club.example"), "bank": newGuest(t, g, "bank.example"),
	}
	address := func(s string) string {
		for name, v := range visitors {
			bare, _, _ := strings.Cut(v.jid, "/")
			s = strings.ReplaceAll(s, "{"+name+" full}", v.jid)
			s = strings.ReplaceAll(s, "{"+name+"}", bare)
		}
		return s
	}
	t.Run("out", func(t *testing.T) { firewallOut(t, g, visitors, foreign, address) })
	t.Run("in", func(t *testing.T) { firewallIn(t, visitors, foreign, address) })
	t.Run("chat goes on", func(t *testing.T) {
		v := visitors["bank"]
		v.send("<message xmlns='jabber:client' to='friend@foreign.localhost' id='last'><body>still here</body></message>")
		foreign.expect("id='last'", "from='"+v.jid+"'", "still here")
	})
}

func firewallOut(t *testing.T, g *Gateway, visitors map[string]*guest, foreign *stranger, address func(string) string) {
	const (
		body    = "<body>hello</body>"
		ping    = "<ping xmlns='urn:xmpp:ping'/>"
		owner   = "<query xmlns='http://jabber.org/protocol/muc#owner'/>"
		admin   = "<query xmlns='http://jabber.org/protocol/muc#admin'/>"
		arrives = "arrives" // at the stranger
	)
	for _, c := range []struct {
		name, who, stanza, to, payload string
		kind                           string // type attribute
		want                           string // a part of the answer, or arrives, or "other" + a part for club2
	}{
		{"own bare JID", "shop", "iq", "{shop}", ping, "get", "type='result'"},
		{"own full JID", "shop", "message", "{shop full}", body, "chat", "hello"},
		{"own component domain", "shop", "iq", testComponent, ping, "get", "type='result'"},
		{"the site's domain that is no component domain", "club", "iq", "club.example", ping, "get", "type='result'"},
		{"a component domain that is another site's", "club", "iq", testComponent, ping, "get", "type='result'"},
		{"another site's domain", "shop", "iq", "club.example", ping, "get", "forbidden"},
		{"another visitor where visitors are not open", "shop", "message", "{club full}", body, "chat", "forbidden"},
		{"a visitor who isn't there where they are not open", "shop", "message", "nobody@" + testComponent, body, "chat", "forbidden"},
		{"another visitor of an open site", "club", "message", "{club2 full}", body, "chat", "other hello"},
		{"his bare JID", "club", "message", "{club2}", body, "chat", "other hello"},
		{"his account", "club", "iq", "{club2}", "<query xmlns='http://jabber.org/protocol/disco#info'/>", "get", "anonymous"},
		{"a resource that isn't there", "club", "message", "{club2}/none", body, "chat", "service-unavailable"},
		{"another site's visitor of an open site", "club", "message", "{shop full}", body, "chat", "forbidden"},
		{"a visitor who isn't there of an open site", "club", "message", "nobody@" + testComponent, body, "chat", "service-unavailable"},
		{"another site's workgroup", "shop", "message", "support@club.example", body, "chat", "forbidden"},
		{"an open MUC service", "shop", "iq", "conference.localhost", "<query xmlns='http://jabber.org/protocol/disco#info'/>", "get", "conference"},
		{"a room of a service that is open only itself", "bank", "presence", "tea@conference.localhost/ann", "<x xmlns='http://jabber.org/protocol/muc'/>", "", "forbidden"},
		{"a room of a service that is not open", "club", "presence", "tea@conference.localhost/ann", "<x xmlns='http://jabber.org/protocol/muc'/>", "", "forbidden"},
		{"owner request", "shop", "iq", "tea@conference.localhost", owner, "set", "forbidden"},
		{"admin request", "shop", "iq", "tea@conference.localhost", admin, "set", "forbidden"},
		{"a foreign domain", "shop", "message", "friend@foreign.localhost", body, "chat", "forbidden"},
		{"a foreign domain that doesn't exist", "shop", "iq", "nowhere.invalid", ping, "get", "forbidden"},
		{"a listed address", "bank", "message", "friend@foreign.localhost", body, "chat", arrives},
		{"its resource", "bank", "message", "friend@foreign.localhost/phone", body, "chat", arrives},
		{"its neighbour", "bank", "message", "other@foreign.localhost", body, "chat", "forbidden"},
		{"its domain", "bank", "message", "foreign.localhost", body, "chat", "forbidden"},
		{"a listed address in other letters", "bank", "message", "FRIEND@Foreign.LocalHost", body, "chat", arrives},
		{"anybody of a domain", "club", "message", "any@foreign.localhost", body, "chat", arrives},
		{"the domain itself", "club", "message", "foreign.localhost", body, "chat", arrives},
		{"a subscription", "club", "presence", "any@foreign.localhost", "", "subscribe", "forbidden"},
		{"no address at all", "shop", "message", "@", body, "chat", "jid-malformed"},
		{"an error is not answered", "shop", "message", "friend@foreign.localhost", body, "error", ""},
		{"a result is not answered", "shop", "iq", "friend@foreign.localhost", "", "result", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := visitors[c.who]
			v.t = t
			foreign.t = t
			typ := ""
			if c.kind != "" {
				typ = " type='" + c.kind + "'"
			}
			to := address(c.to)
			v.sendf("<%s xmlns='jabber:client'%s id='q' to='%s'>%s</%s>", c.stanza, typ, to, c.payload, c.stanza)
			switch {
			case c.want == "":
				v.none("id='q'")
			case c.want == arrives:
				foreign.expect("id='q'", "from='"+v.jid+"'", "hello")
			case strings.HasPrefix(c.want, "other "):
				other := visitors["club2"]
				other.t = t
				other.expect(c.stanza, "from='"+v.jid+"'", "to='"+other.jid+"'", strings.TrimPrefix(c.want, "other "))
			case c.want == "forbidden":
				v.expect(c.stanza, "type='error'", "type='auth'", "<forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>", "id='q'", "from='"+to+"'")
			default:
				v.expect(c.stanza, c.want, "id='q'")
			}
			if c.want != arrives {
				foreign.nothing()
			}
		})
	}
	if n := g.count.drops[DropForbiddenOut].Load(); n == 0 {
		t.Error("refusals were not counted")
	}
}

func firewallIn(t *testing.T, visitors map[string]*guest, foreign *stranger, address func(string) string) {
	const (
		body     = "<body>hello</body>"
		ping     = "<ping xmlns='urn:xmpp:ping'/>"
		delivers = "delivers"
		nothing  = ""
	)
	forwarded := func(from string) string {
		return "<x xmlns='urn:example:wrap'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='" + from +
			"' to='a@b'><body>hello</body></message></forwarded></x>"
	}
	for _, c := range []struct{ name, who, from, to, stanza, kind, payload, want string }{
		{"message from where he may not reach", "shop", "friend", "{shop full}", "message", "chat", body, "forbidden"},
		{"IQ request from there", "shop", "friend", "{shop full}", "iq", "get", ping, "forbidden"},
		{"presence from there", "shop", "friend", "{shop full}", "presence", "", "", nothing},
		{"error from there", "shop", "friend", "{shop full}", "message", "error", body, nothing},
		{"answer that he didn't ask for", "club", "any", "{club full}", "iq", "result", "", nothing},
		{"message from a listed address", "bank", "friend", "{bank full}", "message", "chat", body, delivers},
		{"to the bare JID", "bank", "friend", "{bank}", "message", "chat", body, delivers},
		{"from a neighbour of a listed address", "bank", "other", "{bank full}", "message", "chat", body, "forbidden"},
		{"presence from a listed address", "bank", "friend", "{bank full}", "presence", "", "", delivers},
		{"subscription from a listed address", "bank", "friend", "{bank}", "presence", "subscribe", "", nothing},
		{"IQ request to the account", "club", "any", "{club}", "iq", "get", ping, "type='result'"},
		{"unknown IQ request to the account", "club", "any", "{club}", "iq", "get", "<q xmlns='urn:example:q'/>", "service-unavailable"},
		{"a resource that isn't there", "club", "any", "{club}/none", "message", "chat", body, "recipient-unavailable"},
		{"nobody", "club", "any", "nobody@" + testComponent, "message", "chat", body, "recipient-unavailable"},
		{"error to nobody", "club", "any", "nobody@" + testComponent, "message", "error", body, nothing},
		{"presence to nobody", "club", "any", "nobody@" + testComponent, "presence", "", "", nothing},
		{"IQ request to nobody", "club", "any", "nobody@" + testComponent, "iq", "get", ping, "recipient-unavailable"},
		{"a carbon copy", "club", "any", "{club full}", "message", "chat",
			"<received xmlns='urn:xmpp:carbons:2'>" + forwarded("boss@localhost") + "</received>", nothing},
		{"a forwarded stanza of somebody else", "club", "any", "{club full}", "message", "chat", forwarded("boss@localhost/desk"), nothing},
		{"a forwarded stanza of his own", "club", "any", "{club full}", "message", "chat", body + forwarded("any@foreign.localhost/old"), delivers},
		{"words about forwarding", "club", "any", "{club full}", "message", "chat", "<body>hello urn:xmpp:forward:0 urn:xmpp:carbons:2</body>", delivers},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := visitors[c.who]
			v.t = t
			foreign.t = t
			typ := ""
			if c.kind != "" {
				typ = " type='" + c.kind + "'"
			}
			from := c.from + "@" + foreignDomain + "/r"
			foreign.send("<" + c.stanza + typ + " id='q' from='" + from + "' to='" + address(c.to) + "'>" + c.payload + "</" + c.stanza + ">")
			switch c.want {
			case delivers:
				v.expect(c.stanza, "from='"+from+"'", "to='"+v.jid+"'", "id='q'")
				foreign.nothing()
			case nothing:
				foreign.nothing()
				v.none("from='" + from)
			default:
				foreign.expect("id='q'", "to='"+from+"'", c.want)
				v.none("from='" + from)
			}
		})
	}
}

// TestForgedAnswer: an answer passes only with the id and the sender of what was asked.
func TestForgedAnswer(t *testing.T) {
	options := xmpptest.ServerOptions{Components: []xmpptest.Component{
		{Domain: testComponent, Secret: "s3cret"}, {Domain: foreignDomain, Secret: "s3cret"}}}
	server := xmpptest.RunProsody(t, options)
	g := startEdge(t, edgeConfig(server.ComponentAddr(), firewallSites))
	foreign := newStranger(t, server)
	v := newGuest(t, g, "club.example")
	v.send("<iq xmlns='jabber:client' type='get' id='mine' to='any@foreign.localhost'><q xmlns='urn:example:q'/></iq>")
	asked := foreign.expect("from='"+v.jid+"'", "urn:example:q")
	_, id, _ := strings.Cut(asked, "id='")
	id, _, _ = strings.Cut(id, "'")
	if id == "mine" || id == "" {
		t.Fatalf("the request went out under %q", id)
	}
	answer := func(from, id string) {
		foreign.send("<iq type='result' from='" + from + "@foreign.localhost' to='" + v.jid + "' id='" + id + "'><q xmlns='urn:example:q'/></iq>")
	}
	answer("other", id)
	answer("any", id+"0")
	answer("any", "mine")
	foreign.nothing()
	v.none("urn:example:q")
	answer("any", id)
	v.expect("iq", "id='mine'", "type='result'", "from='any@foreign.localhost'")
	answer("any", id)
	foreign.nothing()
	v.none("urn:example:q")
	if n := g.count.drops[DropIQUnmatched].Load(); n != 4 {
		t.Errorf("%d unmatched answers were counted, want 4", n)
	}
	v.s.End(c2s.Ending{Reason: c2s.ClientClosed})
}

// TestWraps: however a wrapped stanza is written, it may only be the sender's own.
func TestWraps(t *testing.T) {
	g := &Gateway{}
	g.scanners.New = func() any { return xmpp.NewScanner(xmpp.Limits{}) }
	const start, end = "<message xmlns='jabber:client' from='a@b/c' xmlns:f='urn:xmpp:forward:0' xmlns:k='urn:xmpp:carbons:2'>", "</message>"
	inner := func(from string) string {
		return "<message xmlns='jabber:client' from='" + from + "'><body>x</body></message>"
	}
	for _, c := range []struct {
		body string
		want bool
	}{
		{"<body>forwarded</body>", false},
		{"<body>x</body><x xmlns='urn:example'>was forwarded by urn:xmpp:forward:0</x>", false},
		{"<forwarded xmlns='urn:xmpp:forward:0'>" + inner("a@b/old") + "</forwarded>", false},
		{"<result xmlns='urn:xmpp:mam:2'><forwarded xmlns='urn:xmpp:forward:0'>" + inner("a@b/nick") + "</forwarded></result>", false},
		{"<forwarded xmlns='urn:xmpp:forward:0'>" + inner("x@y") + "</forwarded>", true},
		{"<forwarded xmlns='urn:xmpp:forward&#58;0'>" + inner("x@y") + "</forwarded>", true},
		{"<p:forwarded xmlns:p='urn:xmpp:forward:0'>" + inner("x@y") + "</p:forwarded>", true},
		{"<f:forwarded>" + inner("x@y") + "</f:forwarded>", true},
		{"<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>" + inner("a@b/c") + "</forwarded></received>", true},
		{"<k:sent><f:forwarded>" + inner("a@b/c") + "</f:forwarded></k:sent>", true},
		{"<x xmlns='urn:example'><![CDATA[<]]><forwarded xmlns='urn:xmpp:forward:0'>" + inner("x@y") + "</forwarded></x>", true},
	} {
		e, err := xmpp.NewScanner(xmpp.Limits{}).One([]byte(start + c.body + end))
		if err != nil {
			t.Fatalf("%s: %v", c.body, err)
		}
		if got := wraps(g, e, xmpp.NSClient); got != c.want {
			t.Errorf("%s: %v, want %v", c.body, got, c.want)
		}
	}
}
