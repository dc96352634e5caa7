package c2s

import (
	"runtime"
	"strings"
	"testing"

	"usher/xmpp"
)

// post is a Handler whose one domain is relayed, and the Relay: it notes what goes to the server.
type post struct {
	*gate
	features string
	refuse   string // what Auth says
	plain    bool   // PLAIN is offered
}

const (
	serverID = "00112233445566778899aabbccddeeff"
	offered  = `<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-1-PLUS</mechanism><mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism></mechanisms>` +
		`<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><compression xmlns='http://jabber.org/features/compress'><method>zlib</method></compression>` +
		`<register xmlns='http://jabber.org/features/iq-register'/><authentication xmlns='urn:xmpp:sasl:2'><mechanism>PLAIN</mechanism></authentication>` +
		`<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/></sasl-channel-binding>`
	scram = `<stream:features xmlns:stream='http://etherx.jabber.org/streams'><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-1</mechanism></mechanisms></stream:features>`
	auth  = `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>biws</auth>`
)

func (p *post) Offers(mechanism string) bool { return p.plain || mechanism != "PLAIN" }
func (p *post) Auth(mechanism string) string { p.tell("auth %s", mechanism); return p.refuse }

func (p *post) Outcome(success bool) { p.tell("outcome %v", success) }
func (p *post) Pass(b []byte)        { p.tell("pass %s", b) }

func (p *post) Open(lang string) { p.tell("header %s", lang) }

// exchange is the Handler that hands the domain's streams to it.
type exchange struct {
	*gate
	post *post
}

func (x exchange) Open(s *Stream, to string) (Host, error) {
	if to != "accounts.example" {
		return x.gate.Open(s, to)
	}
	s.Relay(x.post, serverID, []byte(x.post.features))
	return Host{Domain: "accounts.example"}, nil
}

// relayRig is a rig with a relayed domain, and the server's half.
type relayRig struct {
	*rig
	post   *post
	server *xmpp.Scanner
}

func newRelayRig(t *testing.T, transport string) *relayRig {
	r := newRig(t, transport)
	p := &post{gate: r.gate, features: offered}
	r.cfg.Handler = exchange{r.gate, p}
	r.connect(transport)
	s := xmpp.NewScanner(xmpp.Limits{})
	s.ResetInside(xmpp.Limits{}, "stream:stream", xmpp.NSClient, xmpp.NSStream)
	return &relayRig{r, p, s}
}

// says lets the server say one element.
func (r *relayRig) says(text string) error {
	r.t.Helper()
	n, token, err := r.server.Next([]byte(text))
	if err != nil || token != xmpp.Stanza || n != len(text) {
		r.t.Fatalf("%s: %v", text, err)
	}
	err = r.stream.FromServer(r.server.Element())
	r.drain()
	return err
}

func (r *relayRig) in() {
	r.t.Helper()
	r.play("C: <open to='accounts.example' version='1.0'/>\nS: <open from='accounts.example'/>\nS: " + scram + "\nC: " + auth +
		"\nH: auth SCRAM-SHA-1\nH: pass " + auth)
	r.says(`<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>`)
	r.play("S: <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>\nH: outcome true\n" +
		"C: <open to='accounts.example' version='1.0' xml:lang='de'/>\nS: <open from='accounts.example'/>\nH: header de")
}

// A login goes to the server and back; after it stanzas and all else pass both ways, and nothing is the edge's.
func TestRelay(t *testing.T) {
	r := newRelayRig(t, "ws")
	r.in()
	if got := r.stream.Bound(); got != "accounts.example" || !r.stream.Relayed() || !r.stream.Deadline().IsZero() {
		t.Errorf("bound to %q, deadline %v", got, r.stream.Deadline())
	}
	r.says(`<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/>` +
		`<limits xmlns='urn:xmpp:stream-limits:0'/><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>`)
	r.play(`S: <stream:features xmlns:stream='http://etherx.jabber.org/streams'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/></stream:features>
		C: <resume xmlns='urn:xmpp:sm:3' previd='x' h='3'/>
		H: pass <resume xmlns='urn:xmpp:sm:3' previd='x' h='3'/>
		C: <iq xmlns='jabber:client' type='set' id='1' to='a@b'><q xmlns='urn:q'><x xmlns='jabber:client'/></q></iq>
		H: pass <iq xmlns='jabber:client' to='a@b' type='set' id='1'><q xmlns='urn:q'><x xmlns='jabber:client'/></q></iq>
		C: <message xmlns='jabber:client' to='a@b' from='somebody@else' evil='x'><body>&lt;</body></message>
		H: pass <message xmlns='jabber:client' to='a@b' from='somebody@else'><body>&lt;</body></message>`)
	r.says(`<message from='a@b' to='c@d/e'><body>hi</body></message>`)
	r.says(`<r xmlns='urn:xmpp:sm:3'/>`)
	r.play(`S: <message xmlns='jabber:client' to='c@d/e' from='a@b'><body>hi</body></message>
		S: <r xmlns='urn:xmpp:sm:3'/>`)
	if err := r.says(`<x/>`); err == nil {
		t.Error("an element without a namespace of its own was passed on")
	}
}

// What may not pass ends the stream, or is refused, and never reaches the server.
func TestRelayRefuses(t *testing.T) {
	const opens = "C: <open to='accounts.example' version='1.0'/>\nS: <open from='accounts.example'/>\nS: " + scram + "\n"
	const failure = "S: <failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><%s/></failure>"
	for name, tc := range map[string]struct {
		in     bool
		script string
	}{
		"channel binding": {false, opens + "C: <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1-PLUS'/>\n" +
			strings.Replace(failure, "%s", "invalid-mechanism", 1)},
		"a mechanism that isn't for here": {false, opens + "C: <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='plain'/>\n" +
			strings.Replace(failure, "%s", "invalid-mechanism", 1)},
		"no mechanism":                   {false, opens + "C: <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>\n" + strings.Replace(failure, "%s", "invalid-mechanism", 1)},
		"the server's part":              {false, opens + "C: <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>\n" + strings.Replace(failure, "%s", "malformed-request", 1)},
		"STARTTLS before login":          {false, opens + "C: <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>\nE: bad-protocol not-authorized"},
		"SASL2":                          {false, opens + "C: <authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'/>\nE: bad-protocol not-authorized"},
		"a stanza before login":          {false, opens + "C: <message xmlns='jabber:client' to='a@b'/>\nE: bad-protocol not-authorized"},
		"registration":                   {false, opens + "C: <iq xmlns='jabber:client' type='set' id='1'><query xmlns='jabber:iq:register'/></iq>\nE: bad-protocol not-authorized"},
		"a restart that isn't due":       {false, opens + "C: <open to='accounts.example' version='1.0'/>\nE: bad-protocol bad-format"},
		"STARTTLS after login":           {true, "C: <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>\nE: bad-protocol unsupported-stanza-type"},
		"compression":                    {true, "C: <compress xmlns='http://jabber.org/protocol/compress'/>\nE: bad-protocol unsupported-stanza-type"},
		"a second login":                 {true, "C: " + auth + "\nE: bad-protocol not-authorized"},
		"a component's stanza":           {true, "C: <message xmlns='jabber:component:accept'/>\nE: bad-protocol invalid-namespace"},
		"a prefix without a default":     {true, "C: <x:r xmlns:x='urn:xmpp:sm:3'/>\nE: bad-protocol invalid-namespace"},
		"the stream's end as an element": {true, "C: <x:error xmlns:x='http://etherx.jabber.org/streams' xmlns='jabber:client'/>\nE: client-closed"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRelayRig(t, "ws")
			if tc.in {
				r.in()
			}
			if !strings.Contains(tc.script, "\nE: ") {
				tc.script += "\nE: not"
			}
			play := tc.script
			if strings.Contains(name, "restart") {
				play = strings.Replace(play, "\nE:", "\nS: <open from='accounts.example'/>\nE:", 1)
			}
			r.play(play)
			for _, told := range r.gate.told {
				if strings.HasPrefix(told, "pass") {
					t.Errorf("the server was told: %s", told)
				}
			}
		})
	}
}

// The edge's refusal of a login, and a domain that changes on the restart.
func TestRelayLogin(t *testing.T) {
	r := newRelayRig(t, "bosh")
	r.post.refuse = "temporary-auth-failure"
	r.play("C: <open to='accounts.example' version='1.0'/>\nS: <open from='accounts.example'/>\nS: " + scram + "\nC: " + auth +
		"\nH: auth SCRAM-SHA-1\nS: <failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><temporary-auth-failure/></failure>")
	r.post.refuse = ""
	r.play("C: " + auth + "\nH: auth SCRAM-SHA-1\nH: pass " + auth)
	r.says(`<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>`)
	r.play("S: <failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>\nH: outcome false\nC: " + auth +
		"\nH: auth SCRAM-SHA-1\nH: pass " + auth)
	r.says(`<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>`)
	if !r.stream.Reopens() {
		t.Error("no restart is due after a success")
	}
	r.play("S: <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>\nH: outcome true\n" +
		"C: <open to='site.example' version='1.0'/>\nS: <open from='accounts.example'/>\nE: host-unknown host-unknown")
}

// A visitor's stream stays one: the domain may not become an accounts domain on his restart.
func TestVisitorStaysVisitor(t *testing.T) {
	r := newRelayRig(t, "ws")
	r.play(`C: <open to='site.example' version='1.0'/>
		H: open site.example
		S: <open from='site.example'/>
		S?: ANONYMOUS
		C: <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>
		S?: <success
		C: <open to='accounts.example' version='1.0'/>
		S: <open from='site.example'/>
		E: host-unknown host-unknown`)
}

// While the client takes nothing the server waits, in bounded memory; then all arrives in order. The end of the stream lets it go too.
func TestRelayWaitsForTheClient(t *testing.T) {
	for _, ends := range []bool{false, true} {
		r := newRelayRig(t, "ws")
		r.in()
		body := strings.Repeat("x", 10<<10)
		const n = 50
		sent := make(chan struct{})
		go func() { // ends when all is sent, or the stream has ended
			defer close(sent)
			sc := xmpp.NewScanner(xmpp.Limits{})
			for range n {
				e, err := sc.One([]byte("<message xmlns='jabber:client'><body>" + body + "</body></message>"))
				if err == nil {
					err = r.stream.FromServer(e)
				}
				if err != nil {
					t.Error(err)
				}
			}
		}()
		waits := func() bool {
			r.stream.mu.Lock()
			defer r.stream.mu.Unlock()
			return r.stream.relay.room != nil
		}
		for !waits() { // it has nowhere to go but there
			runtime.Gosched()
		}
		if p := r.stream.Pending(); p < relayMark || p > relayMark+2*len(body) {
			t.Errorf("%d bytes are queued", p)
		}
		if ends {
			r.stream.End(Ending{Reason: ConnectionLost})
			<-sent
			continue
		}
		got := 0
		for got < n {
			r.stream.Drain(nil, 4<<10, func(dst, e []byte) []byte { got++; return append(dst, e...) })
		}
		<-sent
	}
}
