package c2s

import (
	"encoding/xml"
	"errors"
	"strings"

	"usher/xmpp"
)

// Relay is the second kind of handler: that of a client who has an account on the server behind the edge, and whose stream is relayed to it
// one to one. Login, bind and everything after it are between the two; the edge checks each element, keeps the order of the
// negotiation, takes out what it can't carry end to end (STARTTLS, compression, channel binding), and says nothing of its own.
//
// Offers, Auth, Open and Pass are called like Handler's methods, Outcome by FromServer. Handler.Stanza and Bind are never called.
type Relay interface {
	// Offers tells whether a SASL mechanism of the server's may be used here.
	Offers(mechanism string) bool
	// Auth is asked before a login goes to the server, with the mechanism in upper case; it may wait, for a bounded time. A SASL failure condition (RFC 6120
	// §6.5) refuses it.
	Auth(mechanism string) (failure string)
	// Outcome tells what the server has said to a login.
	Outcome(success bool)
	// Open opens the stream to the server anew.
	Open(lang string)
	// Pass sends a complete element that stands alone; it is valid during the call only. It may wait, for a bounded time.
	Pass(b []byte)
}

// relayMark is how many bytes are queued for a client, at least, while what comes from the server has to wait.
const relayMark = 64 << 10

// What the edge doesn't carry end to end, among the features of a stream after login. Before it, nothing but SASL's mechanisms is let through.
var notRelayed = map[string]bool{
	xmpp.NSTLS:                            true, // the connection isn't the client's
	"http://jabber.org/features/compress": true, // XEP-0138
	xmpp.NSSASL:                           true, // he is logged in
	xmpp.NSSASL2:                          true, // XEP-0388 would start a login that nobody here could watch
	"urn:xmpp:sasl-cb:0":                  true, // XEP-0440: channel binding
	"urn:xmpp:stream-limits:0":            true, // XEP-0478: the edge has limits of its own
	"http://jabber.org/features/iq-auth":  true, // XEP-0078
	"urn:xmpp:bind:0":                     true, // XEP-0386, which belongs to XEP-0388
}

// relayed is a stream's part that only a relayed one has.
type relayed struct {
	Relay
	id string // of the server's stream

	// Guarded by Stream.mu.
	state state         // opened, authenticated, or bound once the stream was opened anew
	room  chan struct{} // closed when there is room again, or nobody is left to need it; nil while nobody waits

	features []byte // the first ones; nil once they were told
}

// Relay makes s a relayed stream. It is called in Handler.Open only, whose Host then needs a domain and nothing else. id is that of
// the server's stream header, features what stands within its first features.
func (s *Stream) Relay(r Relay, id string, features []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.relay = &relayed{Relay: r, id: id, state: opened, features: features}
}

// Relayed tells whether the stream is a relayed one. For the goroutine that calls Open and Receive.
func (s *Stream) Relayed() bool { return s.relay != nil }

// at returns how far the stream has come.
func (r *relayed) at(s *Stream) state {
	s.mu.Lock()
	defer s.mu.Unlock()
	return r.state
}

// release lets who waits for room go on. Under Stream.mu; r may be nil.
func (r *relayed) release() {
	if r != nil && r.room != nil {
		close(r.room)
		r.room = nil
	}
}

// firstFeatures tells the client the server's first features.
func (s *Stream) firstFeatures() *xmpp.StreamError {
	b, err := s.features(s.relay.features, opened)
	s.relay.features = nil
	if err != nil {
		return &xmpp.StreamError{Condition: "internal-server-error", Text: "the server's features can't be read"}
	}
	s.answer(b)
	return nil
}

// reopen takes the client's header after login (RFC 6120 §6.3.2).
func (s *Stream) reopen(h Header) *xmpp.StreamError {
	if s.relay.at(s) != authenticated {
		return &xmpp.StreamError{Condition: "bad-format", Text: "no restart of the stream is due"}
	}
	if h.Version != "" && !atLeast1(h.Version) {
		return errVersion()
	}
	if h.To != "" {
		canon, err := xmpp.CanonJID([]byte(h.To))
		if err != nil || string(canon) != s.to.Value() {
			return &xmpp.StreamError{Condition: "host-unknown", Text: "`to` may not change on a restart"}
		}
	}
	lang := h.Lang
	if len(lang) > 35 { // RFC 5646 §4.4.1
		lang = ""
	}
	s.mu.Lock()
	s.relay.state = bound
	s.mu.Unlock()
	s.relay.Open(lang)
	return nil
}

// forward takes one element of the client on its way to the server.
func (s *Stream) forward(e *xmpp.Element) {
	space, local := string(e.Name.Space), string(e.Name.Local)
	if space == xmpp.NSStream && local == "error" {
		s.End(Ending{Reason: ClientClosed}) // RFC 6120 §4.9.1.1
		return
	}
	switch s.relay.at(s) {
	case opened:
		s.passLogin(e)
		return
	case authenticated:
		s.fail("not-authorized", "the stream must be opened anew after login") // RFC 6120 §6.3.2, §4.9.3.12
		return
	}
	switch {
	case e.Kind != xmpp.Other && space != xmpp.NSClient:
		s.fail("invalid-namespace", "stanzas are jabber:client") // RFC 6120 §4.8.2
	case e.Kind != xmpp.Other:
		h := xmpp.Header{To: e.To, From: e.From, Type: e.Type, ID: e.ID, Lang: e.Lang}
		s.relay.Pass(e.Append(nil, xmpp.Client, &h))
	case space == xmpp.NSSASL:
		s.fail("not-authorized", "logged in already") // RFC 6120 §4.9.3.12
	case space == xmpp.NSTLS, space == xmpp.NSSASL2, space == xmpp.NSCompress, space == xmpp.NSStream:
		s.fail("unsupported-stanza-type", "not carried by this edge") // it was not offered
	case space == xmpp.NSClient, local == "message", local == "presence", local == "iq", !e.Standalone(): // RFC 6120 §4.9.3.10
		s.fail("invalid-namespace", "the element is in no namespace that could be passed on")
	default:
		s.relay.Pass(e.Raw)
	}
}

// passLogin takes one element of a client that hasn't logged in: RFC 6120 §6.4.
func (s *Stream) passLogin(e *xmpp.Element) {
	if string(e.Name.Space) != xmpp.NSSASL || !e.Standalone() {
		// RFC 6120 §4.9.3.12: stanzas, STARTTLS and whatever else before login
		s.fail("not-authorized", "log in first")
		return
	}
	switch string(e.Name.Local) {
	case "auth":
		mechanism, _ := e.Attr("mechanism")
		mechanism = strings.ToUpper(mechanism) // RFC 4422 §3.1 has no other; servers may fold
		failure := "invalid-mechanism"         // RFC 6120 §6.5.7
		if s.offers(mechanism) {
			failure = s.relay.Auth(mechanism)
		}
		if failure != "" {
			s.refuse(failure)
			return
		}
	case "response", "abort":
	default:
		s.refuse("malformed-request") // RFC 6120 §6.5.8
		return
	}
	s.relay.Pass(e.Raw)
}

// offers tells whether a mechanism can be used over the edge. One that is bound to the channel can't: there are two.
func (s *Stream) offers(mechanism string) bool {
	return mechanism != "" && !strings.HasSuffix(mechanism, "-PLUS") && s.relay.Offers(mechanism)
}

// FromServer takes one element of a relayed stream's server, other than a stream error, on its way to the client. While much is queued for the client
// it waits until he has taken it or the stream has ended: no lock may be held that Drain, End or Wake needs. The caller must call Wake after
// a batch. An error means that the element can't be passed on; then nothing after it may be. One goroutine at a time.
func (s *Stream) FromServer(e *xmpp.Element) error {
	s.awaitRoom()
	space, local := string(e.Name.Space), string(e.Name.Local)
	switch {
	case e.Kind != xmpp.Other:
		s.Send(e, &xmpp.Header{To: e.To, From: e.From, Type: e.Type, ID: e.ID, Lang: e.Lang})
		return nil
	case space == xmpp.NSStream && local == "features":
		b, err := s.features(e.Inner, s.relay.at(s))
		if err == nil {
			s.SendRaw(b)
		}
		return err
	case !e.Standalone():
		return errors.New("c2s: an element of the server's doesn't stand alone")
	case space == xmpp.NSSASL:
		s.outcome(local)
	}
	s.SendRaw(e.Raw)
	return nil
}

// outcome notes the end of a login.
func (s *Stream) outcome(local string) {
	switch local {
	case "success":
		s.mu.Lock()
		s.relay.state, s.jid = authenticated, s.host.Value().Domain
		s.mu.Unlock()
		s.relay.Outcome(true)
	case "failure":
		s.relay.Outcome(false)
	}
}

// awaitRoom waits until less than relayMark is queued, or the stream has ended.
func (s *Stream) awaitRoom() {
	for {
		s.mu.Lock()
		if s.ended != nil || s.out == nil || s.out.pending() < relayMark {
			s.mu.Unlock()
			return
		}
		if s.relay.room == nil {
			s.relay.room = make(chan struct{})
		}
		room := s.relay.room
		s.mu.Unlock()
		s.Wake()
		<-room
	}
}

// features writes a server's features anew, without what isn't carried end to end. inner is what stands within them.
func (s *Stream) features(inner []byte, at state) ([]byte, error) {
	sc := xmpp.NewScanner(xmpp.Limits{})
	sc.ResetInside(xmpp.Limits{}, "stream:features", xmpp.NSClient, xmpp.NSStream)
	b := []byte(featuresStart)
	for {
		n, t, err := sc.Next(inner)
		if err != nil {
			return nil, err
		}
		inner = inner[n:]
		if t != xmpp.Stanza {
			return append(b, featuresEnd...), nil
		}
		e := sc.Element()
		space := string(e.Name.Space)
		switch {
		case at == bound && !notRelayed[space] && e.Standalone():
			b = append(b, e.Raw...)
		case at == opened && space == xmpp.NSSASL && string(e.Name.Local) == "mechanisms":
			if b, err = s.mechanisms(b, e); err != nil {
				return nil, err
			}
		}
	}
}

// mechanisms writes those of the server's mechanisms that may be used.
func (s *Stream) mechanisms(b []byte, e *xmpp.Element) ([]byte, error) {
	var all struct {
		Mechanism []string `xml:"mechanism"`
	}
	if err := xml.Unmarshal(e.Raw, &all); err != nil {
		return nil, err
	}
	b = append(b, `<mechanisms xmlns='`+xmpp.NSSASL+`'>`...)
	for _, m := range all.Mechanism {
		if m = strings.TrimSpace(m); s.offers(strings.ToUpper(m)) {
			b = append(b, `<mechanism>`...)
			b = xmpp.AppendText(b, []byte(m))
			b = append(b, `</mechanism>`...)
		}
	}
	return append(b, `</mechanisms>`...), nil
}
