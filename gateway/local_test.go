package gateway

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"usher/xmpp/xmpptest"
)

// startLone runs an edge on a fake upstream; more is appended to the first site.
func startLone(t *testing.T, more string) *Gateway {
	t.Helper()
	up, err := xmpptest.NewUpstream(xmpptest.UpstreamConfig{Components: []xmpptest.Component{{Domain: testComponent, Secret: "s3cret"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(up.Close)
	return startEdge(t, edgeConfig(up.Addr(), more+"drain: {timeout: 100ms}\n")) // sessions are left behind
}

// What ordinary web clients ask right after login, and whoever wants to know
// the edge: the same answers on the site's domain, the component domain and
// without an address (the own account).
func TestAnswersOfTheEdge(t *testing.T) {
	g := startLone(t, "  - {name: club, domain: club.example}\n")
	shop, club := newGuest(t, g, testComponent), newGuest(t, g, "club.example")
	const (
		here    = "club.example"
		account = ""
		disco   = "<query xmlns='http://jabber.org/protocol/disco#"
	)
	for _, c := range []struct {
		name, to, payload string
		kind              string
		want              []string
	}{
		{"ping the site", here, "<ping xmlns='urn:xmpp:ping'/>", "get", []string{"type='result'", "from='club.example'"}},
		{"ping the component", testComponent, "<ping xmlns='urn:xmpp:ping'/>", "get", []string{"type='result'", "from='visitors.localhost'"}},
		{"ping nobody", account, "<ping xmlns='urn:xmpp:ping'/>", "get", []string{"type='result'"}},
		{"info of the site", here, disco + "info'/>", "get", []string{"category='server'", "var='urn:xmpp:ping'", "var='jabber:iq:version'"}},
		{"info of the component", testComponent, disco + "info'/>", "get", []string{"category='server'"}},
		{"info of the account", account, disco + "info'/>", "get", []string{"category='account'", "type='anonymous'"}},
		{"info of a node", here, disco + "info' node='x'/>", "get", []string{"type='error'", "item-not-found"}},
		{"version", here, "<query xmlns='jabber:iq:version'/>", "get", []string{"<name>Usher</name>"}},
		{"roster", account, "<query xmlns='jabber:iq:roster'/>", "get", []string{"type='result'", "<query xmlns='jabber:iq:roster'/>"}},
		{"block list", account, "<blocklist xmlns='urn:xmpp:blocking'/>", "get", []string{"type='result'", "<blocklist xmlns='urn:xmpp:blocking'/>"}},
		{"private storage", account, "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query>", "get", []string{"type='result'", "<storage xmlns='storage:bookmarks'/>"}},
		{"vCard", account, "<vCard xmlns='vcard-temp'/>", "get", []string{"type='error'", "item-not-found"}},
		{"setting a vCard", account, "<vCard xmlns='vcard-temp'/>", "set", []string{"type='error'", "service-unavailable"}},
		{"something unknown", here, "<query xmlns='urn:example:q'/>", "get", []string{"type='error'", "service-unavailable"}},
		{"the roster of the site", here, "<query xmlns='jabber:iq:roster'/>", "get", []string{"type='error'", "service-unavailable"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			club.t = t
			to := ""
			if c.to != "" {
				to = " to='" + c.to + "'"
			}
			club.sendf("<iq xmlns='jabber:client' type='%s' id='q'%s>%s</iq>", c.kind, to, c.payload)
			answer := club.expect("iq", append(c.want, "id='q'")...)
			tag, _, _ := strings.Cut(answer, ">")
			if c.to == "" && strings.Contains(tag, " from=") {
				t.Errorf("nobody was asked, but the answer comes from somebody: %s", tag)
			}
		})
	}
	// The rooms are named to those who may go there.
	for _, c := range []struct {
		v    *guest
		to   string
		want bool
	}{{shop, testComponent, true}, {club, "club.example", false}} {
		c.v.t = t
		c.v.sendf("<iq xmlns='jabber:client' type='get' id='items' to='%s'>%sitems'/></iq>", c.to, disco)
		answer := c.v.expect("iq", "id='items'", "type='result'")
		if got := strings.Contains(answer, "conference.localhost"); got != c.want {
			t.Errorf("items of %s name the rooms: %v, want %v", c.to, got, c.want)
		}
	}
}

// post sends a BOSH creation request to the public listener.
func post(t *testing.T, g *Gateway, domain, origin string) (status int, header http.Header, body string) {
	t.Helper()
	request, err := http.NewRequest("POST", "http://"+g.doors.public[0].Addr().String()+pathBOSH, strings.NewReader(
		"<body rid='1' to='"+domain+"' ver='1.6' wait='5' hold='1' xmpp:version='1.0' xmlns:xmpp='urn:xmpp:xbosh' xmlns='http://jabber.org/protocol/httpbind'/>"))
	if err != nil {
		t.Fatal(err)
	}
	if origin != "" {
		request.Header.Set("Origin", origin)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, strings.ReplaceAll(string(text), `"`, "'")
}

// upgrade asks for a WebSocket.
func upgrade(t *testing.T, g *Gateway, origin string) (status int) {
	t.Helper()
	request, err := http.NewRequest("GET", "http://"+g.doors.public[0].Addr().String()+pathWS, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
		"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "xmpp", "Origin": origin,
	} {
		request.Header.Set(k, v)
	}
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

// A site may do without a transport.
func TestTransportsOfASite(t *testing.T) {
	g := startLone(t, "    transports: [ws]\n  - {name: slow, domain: slow.example, transports: [bosh]}\n")
	if status, _, body := post(t, g, testComponent, ""); status != 200 || !strings.Contains(body, "type='terminate'") || !strings.Contains(body, "policy-violation") {
		t.Errorf("BOSH where it is off: %d %s", status, body)
	}
	if status, _, body := post(t, g, "slow.example", ""); status != 200 || !strings.Contains(body, "sid='") || strings.Contains(body, "terminate") {
		t.Errorf("BOSH where it is on: %d %s", status, body)
	}
	newGuest(t, g, testComponent) // over WebSocket
	if n := g.count.logins[LoginTransport].Load(); n != 1 {
		t.Errorf("%d refusals for the transport, want 1", n)
	}
}

// A page from elsewhere reaches neither transport, and its browser may read why.
func TestForeignOrigin(t *testing.T) {
	g := startLone(t, "    origins: [\"https://shop.example\"]\n")
	const home, foreign = "https://shop.example", "https://evil.example"
	status, header, body := post(t, g, testComponent, foreign)
	if status != http.StatusForbidden || !strings.Contains(body, "type='terminate'") {
		t.Errorf("BOSH from elsewhere: %d %s", status, body)
	}
	if header.Get("Access-Control-Allow-Origin") == "" {
		t.Error("the refusal has no CORS header: the page can't tell it from a broken network")
	}
	if status, _, body := post(t, g, testComponent, home); status != 200 || !strings.Contains(body, "sid='") {
		t.Errorf("BOSH from the site: %d %s", status, body)
	}
	if status := upgrade(t, g, foreign); status != http.StatusForbidden {
		t.Errorf("WebSocket from elsewhere: %d", status)
	}
	if status := upgrade(t, g, home); status != http.StatusSwitchingProtocols {
		t.Errorf("WebSocket from the site: %d", status)
	}
}
