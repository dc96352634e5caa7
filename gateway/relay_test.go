package gateway

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/pires/go-proxyproto"

	"usher/c2s"
	"usher/xmpp"
	"usher/xmpp/xmpptest"
)

// accountServer is a server for clients that plays what a test wants. It knows one password: biws.
type accountServer struct {
	ln    net.Listener
	said  chan string // what clients say, elements as they came; "open", "close", "lost"
	conns chan net.Conn
	after string // what it says when a client says anything after login
}

func newAccountServer(t *testing.T) *accountServer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &accountServer{ln: ln, said: make(chan string, 1000), conns: make(chan net.Conn, 100)}
	go func() { // ends with the listener
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			a.conns <- c
			go a.serve(c) // ends with the connection
		}
	}()
	t.Cleanup(func() { ln.Close() })
	return a
}

const accountHeader = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='up1' from='acc.example' version='1.0'>"

func (a *accountServer) serve(c net.Conn) {
	defer c.Close()
	sc, buf, in := xmpp.NewScanner(xmpp.Limits{}), []byte(nil), false
	piece := make([]byte, 64<<10)
	for {
		n, token, err := sc.Next(buf)
		if err != nil {
			a.said <- "bad " + err.Error()
			return
		}
		buf = buf[n:]
		switch token {
		case xmpp.NeedMore:
			n, err := c.Read(piece)
			if err != nil {
				a.said <- "lost"
				return
			}
			buf = append(bytes.Clone(buf), piece[:n]...)
		case xmpp.End:
			a.said <- "close"
			io.WriteString(c, "</stream:stream>")
			return
		case xmpp.Root:
			a.said <- "open"
			features := "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>"
			if in {
				features = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
			}
			io.WriteString(c, accountHeader+"<stream:features>"+features+"</stream:features>")
		case xmpp.Stanza:
			e := sc.Element()
			a.said <- string(e.Raw)
			switch {
			case string(e.Name.Local) == "auth" && string(e.Inner) == "biws":
				in = true
				io.WriteString(c, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
				sc.Reset(xmpp.Limits{})
			case string(e.Name.Local) == "auth":
				io.WriteString(c, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>")
			case in:
				io.WriteString(c, a.after)
			}
		}
	}
}

// hears waits for the next that a client says.
func (a *accountServer) hears(t *testing.T, want string) {
	t.Helper()
	if got := <-a.said; got != want {
		t.Fatalf("the server hears %.200q, want %.200q", got, want)
	}
}

// nothing tells that no client has said anything more; what would have come is there already.
func (a *accountServer) nothing(t *testing.T) {
	t.Helper()
	select {
	case got := <-a.said:
		t.Errorf("the server hears %.200q", got)
	default:
	}
}

// relayEdge is an edge with accounts at this server.
func relayEdge(t *testing.T, a *accountServer, keys string) *Gateway {
	t.Helper()
	up, err := xmpptest.NewUpstream(xmpptest.UpstreamConfig{Components: []xmpptest.Component{{Domain: testComponent, Secret: "s3cret"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(up.Close)
	yaml := strings.Replace(edgeConfig(up.Addr(), ""), "  rooms: conference.localhost\n",
		"  rooms: conference.localhost\n  accounts: [{domain: acc.example, address: \""+a.ln.Addr().String()+"\", tls: none"+keys+"}]\n", 1)
	return startEdge(t, yaml)
}

// accountClient is somebody over WebSocket.
type accountClient struct {
	t *testing.T
	c *websocket.Conn
}

const openAccounts = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='acc.example' version='1.0'/>"

func (g *Gateway) account(t *testing.T, origin string) *accountClient {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{"xmpp"}, HandshakeTimeout: patience, WriteBufferSize: 1 << 20} // one frame a message
	h := http.Header{}
	if origin != "" {
		h.Set("Origin", origin)
	}
	c, _, err := d.Dial("ws://"+g.doors.public[0].Addr().String()+pathWS, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &accountClient{t, c}
}

// says says one element and waits for an answer with each of the parts, one a message.
func (c *accountClient) says(element string, answers ...string) {
	c.t.Helper()
	if element != "" {
		if err := c.c.WriteMessage(websocket.TextMessage, []byte(element)); err != nil {
			c.t.Fatal(err)
		}
	}
	c.c.SetReadDeadline(time.Now().Add(patience))
	for _, want := range answers {
		_, data, err := c.c.ReadMessage()
		if err != nil || !strings.Contains(string(data), want) {
			c.t.Fatalf("after %.200s: %.300s, %v; want %s", element, data, err, want)
		}
	}
}

func authWith(password string) string {
	return "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + password + "</auth>"
}

// in logs in.
func (c *accountClient) in() {
	c.t.Helper()
	c.says(openAccounts, "id='up1'", "<mechanism>PLAIN</mechanism>")
	c.says(authWith("biws"), "<success")
	c.says(openAccounts, "<open", "<bind")
}

func (a *accountServer) hearsLogin(t *testing.T) {
	t.Helper()
	for _, want := range []string{"open", authWith("biws"), "open"} {
		a.hears(t, want)
	}
}

// Failed logins count for an address, at the server's word; over the limit the server isn't asked. A success costs nothing.
func TestAccountLoginsAreLimited(t *testing.T) {
	a := newAccountServer(t)
	g := relayEdge(t, a, `, auth_failures: "2/h"`)
	const refused, limited = "<not-authorized", "<temporary-auth-failure"
	for range 3 {
		c := g.account(t, "")
		c.in()
		a.hearsLogin(t)
	}
	first, second := g.account(t, ""), g.account(t, "")
	for _, c := range []*accountClient{first, second} {
		c.says(openAccounts, "<open", "PLAIN")
		a.hears(t, "open")
	}
	first.says(authWith("guess"), refused)
	first.says(authWith("guess2"), refused)
	a.hears(t, authWith("guess"))
	a.hears(t, authWith("guess2"))
	first.says(authWith("biws"), limited)
	second.says(authWith("biws"), limited)
	a.nothing(t)
	n := g.accounts["acc.example"].count
	for l, want := range map[accountLogin]uint64{accountIn: 3, accountFailed: 2, accountLimited: 2} {
		if got := n.logins[l].Load(); got != want {
			t.Errorf("%s: %d, want %d", accountLoginNames[l], got, want)
		}
	}
	if got := n.sessions[overWS].Load(); got != 3 {
		t.Errorf("%d sessions, want 3", got)
	}
}

// A login that its client doesn't wait for counts as a failure.
func TestAccountLoginLeft(t *testing.T) {
	a := newAccountServer(t)
	g := relayEdge(t, a, `, auth_failures: "1/h"`)
	acc := g.accounts["acc.example"]
	r := &relay{a: acc, from: acc.attempts(netip.MustParseAddr("192.0.2.1"))}
	if f := r.Auth("PLAIN"); f != "" {
		t.Fatal(f)
	}
	if f := r.Auth("PLAIN"); f != "malformed-request" {
		t.Errorf("a second login beside the first: %q", f)
	}
	r.mu.Lock()
	r.settle(false)
	r.mu.Unlock()
	if f := r.Auth("PLAIN"); f != "temporary-auth-failure" {
		t.Errorf("after one failure of one: %q", f)
	}
	if f := (&relay{a: acc, from: acc.attempts(netip.MustParseAddr("192.0.2.2"))}).Auth("PLAIN"); f != "" {
		t.Errorf("from another address: %q", f)
	}
}

// The server's words at the end reach the client, but those that a browser can't follow; a lost server is told as that.
func TestAccountServerEnds(t *testing.T) {
	const streamError = "<stream:error><%s xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"
	for name, tc := range map[string]struct {
		after string
		want  []string
		why   c2s.Reason
	}{
		"an error":       {fmt.Sprintf(streamError, "conflict"), []string{"<conflict", "<close"}, c2s.ServerClosed},
		"another server": {fmt.Sprintf(streamError, "see-other-host"), []string{"<remote-connection-failed", "<close"}, c2s.ServerLost},
		"its end":        {"<message><body>bye</body></message></stream:stream>", []string{"bye", "<close"}, c2s.ServerClosed},
		"a fault":        {"<a></b>", []string{"<remote-connection-failed", "<close"}, c2s.ServerLost},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccountServer(t)
			a.after = tc.after
			g := relayEdge(t, a, "")
			c := g.account(t, "")
			c.in()
			c.says("<presence xmlns='jabber:client'/>", tc.want...)
			eventually(t, "one stream has ended by "+tc.why.String(), func() bool { return g.count.closes[tc.why][overWS].Load() == 1 })
		})
	}
	t.Run("lost", func(t *testing.T) {
		a := newAccountServer(t)
		g := relayEdge(t, a, "")
		c := g.account(t, "")
		c.in()
		(<-a.conns).Close()
		c.says("", "<remote-connection-failed", "<close")
	})
	t.Run("not there", func(t *testing.T) {
		a := newAccountServer(t)
		a.ln.Close()
		g := relayEdge(t, a, "")
		g.account(t, "").says(openAccounts, "<open", "<remote-connection-failed", "<close")
		if got := g.count.logins[LoginNoLink].Load(); got != 1 {
			t.Errorf("%d logins failed for want of a server", got)
		}
	})
}

// Who says goodbye is gone at the server; who is lost may resume there; both are forgotten here.
func TestAccountClientEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		end  func(c *accountClient)
		want string
	}{
		"goodbye":            {func(c *accountClient) { c.says("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>", "<close") }, "close"},
		"lost":               {func(c *accountClient) { c.c.NetConn().Close() }, "lost"},
		"the page is closed": {func(c *accountClient) { c.c.WriteMessage(websocket.CloseMessage, []byte{0x03, 0xe9}) }, "lost"},
		"not well-formed":    {func(c *accountClient) { c.says("<message xmlns='jabber:client'><body></message>", "<not-well-formed") }, "close"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccountServer(t)
			g := relayEdge(t, a, "")
			c := g.account(t, "")
			c.in()
			a.hearsLogin(t)
			tc.end(c)
			a.hears(t, tc.want)
			eventually(t, "nothing is left", func() bool {
				return g.gate.sessions() == 0 && g.accounts["acc.example"].count.sessions[overWS].Load() == 0
			})
		})
	}
}

// Nothing that breaks the rules reaches the server; what is large for a visitor and not for an account does, over both carriers.
func TestAccountInput(t *testing.T) {
	a := newAccountServer(t)
	g := relayEdge(t, a, "")
	for _, bad := range []string{
		"<message xmlns='jabber:client'><body>&unknown;</body></message>",
		"<message xmlns='jabber:client'><!-- a comment --></message>",
		"<message xmlns='jabber:client'/></stream:stream><stream:stream>",
		"<message xmlns='jabber:client'><body>\x00</body></message>",
		"<message xmlns='jabber:client'><x:y/></message>",
		"<presence xmlns='jabber:client'>" + strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100) + "</presence>",
		"<message xmlns='jabber:client'><body>" + strings.Repeat("x", 256<<10) + "</body></message>",
		"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
		"<message xmlns='jabber:server'/>",
	} {
		c := g.account(t, "")
		c.in()
		a.hearsLogin(t)
		c.says(bad, "<stream:error", "<close")
		a.hears(t, "close")
	}
	large := "<message xmlns='jabber:client' to='x@y'><body>" + strings.Repeat("x", 200<<10) + "</body></message>"
	c := g.account(t, "")
	c.in()
	a.hearsLogin(t)
	c.says(large)
	a.hears(t, large)

	var rid atomic.Int64
	rid.Store(1000)
	sid := ""
	post := func(attributes, inner string) string {
		t.Helper()
		body := fmt.Sprintf("<body xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh' rid='%d' %s%s>%s</body>", rid.Add(1), sid, attributes, inner)
		res, err := http.Post("http://"+g.doors.public[0].Addr().String()+pathBOSH, "text/xml", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return string(b)
	}
	created := post("to='acc.example' wait='60' hold='1' ver='1.11' xmpp:version='1.0'", "")
	if !strings.Contains(created, "authid='up1'") || !strings.Contains(created, "PLAIN") {
		t.Fatal(created)
	}
	_, rest, _ := strings.Cut(created, "sid='")
	id, _, _ := strings.Cut(rest, "'")
	sid = "sid='" + id + "' "
	if got := post("", authWith("biws")); !strings.Contains(got, "<success") {
		t.Fatal(got)
	}
	if got := post("xmpp:restart='true' to='acc.example'", ""); !strings.Contains(got, "<bind") {
		t.Fatal(got)
	}
	a.hearsLogin(t)
	if got := post("type='terminate'", large); !strings.Contains(got, "terminate") {
		t.Fatal(got)
	}
	a.hears(t, large)
	a.hears(t, "close")

	if v := newGuest(t, g, testComponent); !strings.HasSuffix(v.jid[:strings.IndexByte(v.jid, '/')], "@"+testComponent) {
		t.Errorf("a visitor beside them is %s", v.jid)
	}
	a.nothing(t)
}

// Pages of other origins can't log in to accounts, whatever the sites admit; nor does an accounts domain become a site.
func TestAccountOrigins(t *testing.T) {
	a := newAccountServer(t)
	g := relayEdge(t, a, `, origins: ["https://desk.example"]`)
	g.account(t, "https://evil.example").says(openAccounts, "<open", "<policy-violation", "<close")
	a.nothing(t)
	g.account(t, "https://desk.example").in()
	a.hearsLogin(t)
	c := g.account(t, "https://desk.example")
	c.says(openAccounts, "<open", "PLAIN")
	c.says("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>biws</auth>", "<success")
	c.says(strings.Replace(openAccounts, "acc.example", testComponent, 1), "<open", "<host-unknown")
}

// The secrets of a login go over TLS, or stay on the machine; SCRAM shows none.
func TestAccountMechanisms(t *testing.T) {
	for mechanism, want := range map[string]bool{
		"PLAIN": false, "LOGIN": false, "X-OAUTH2": false, "OAUTHBEARER": false, "DIGEST-MD5": false, "EXTERNAL": false,
		"SCRAM-SHA-1": true, "SCRAM-SHA-256": true, "SCRAM-SHA-512": true,
	} {
		if got := offers(mechanism, false); got != want {
			t.Errorf("%s in the clear: %v", mechanism, got)
		}
		if !offers(mechanism, true) {
			t.Errorf("%s is not let through where nobody can listen", mechanism)
		}
	}
}

func TestProxyHeader(t *testing.T) {
	for _, tc := range []struct {
		version        byte
		client, server string
		want           string
	}{
		{1, "192.0.2.7", "198.51.100.1:5222", "192.0.2.7 -> 198.51.100.1:5222"},
		{2, "192.0.2.7", "198.51.100.1:5222", "192.0.2.7 -> 198.51.100.1:5222"},
		{1, "2001:db8::7", "198.51.100.1:5222", "2001:db8::7 -> 198.51.100.1:5222"},
		{2, "2001:db8::7", "[2001:db8::1]:5222", "2001:db8::7 -> [2001:db8::1]:5222"},
		{2, "::ffff:192.0.2.7", "198.51.100.1:5222", "192.0.2.7 -> 198.51.100.1:5222"},
		{1, "192.0.2.7", "[2001:db8::1]:5222", "192.0.2.7 -> [2001:db8::1]:5222"},
		{2, "192.0.2.7", "unix", "192.0.2.7 -> 127.0.0.1:0"},
	} {
		var server net.Addr = &net.UnixAddr{Name: "x", Net: "unix"}
		if at, err := netip.ParseAddrPort(tc.server); err == nil {
			server = net.TCPAddrFromAddrPort(at)
		}
		h, err := proxyproto.Read(bufio.NewReader(bytes.NewReader(proxyHeader(tc.version, netip.MustParseAddr(tc.client), server))))
		if err != nil {
			t.Errorf("%+v: %v", tc, err)
			continue
		}
		got := fmt.Sprintf("%s -> %s", h.SourceAddr.(*net.TCPAddr).IP, h.DestinationAddr)
		if h.Version != tc.version || got != tc.want {
			t.Errorf("version %d, %s; want %+v", h.Version, got, tc)
		}
	}
}
