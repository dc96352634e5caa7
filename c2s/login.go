package c2s

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
	"unique"

	"usher/xmpp"
)

// state is how far a stream has come. Each has its function below or in
// bound.go; closed is not among them, it is Stream.ended.
type state uint8

const (
	unopened      state = iota // waits for a header
	opened                     // mechanisms are offered
	authenticated              // success is told; waits for a new header
	reopened                   // bind is offered
	bound                      // stanzas flow
)

const (
	maxLogins = 5   // that fail: RFC 6120 §6.4.5 asks for two to five
	maxBinds  = 10  // that fail: RFC 6120 §7.7.3 asks for five to ten
	maxTrace  = 255 // characters, RFC 4505 §2

	maxResponse = 1024 // bytes of an initial response to the Handler's own mechanism

	// The prefix is declared in place: so the element stands alone in a WebSocket
	// message and in a BOSH <body/>, and is found by clients that look for the
	// name "stream:features" as well as by those that resolve namespaces.
	featuresStart = `<stream:features xmlns:stream='` + xmpp.NSStream + `'>`
	featuresEnd   = `</stream:features>`

	featuresLogin = featuresStart + `<mechanisms xmlns='` + xmpp.NSSASL + `'><mechanism>ANONYMOUS</mechanism>`
	featuresLogon = `</mechanisms>` + featuresEnd
	featuresBind  = featuresStart +
		`<bind xmlns='` + xmpp.NSBind + `'/>`
	featuresSession = `<session xmlns='` + xmpp.NSSession + `'><optional/></session>`
	featuresSM      = `<sm xmlns='` + xmpp.NSSM + `'/>`
	featuresCSI     = `<csi xmlns='` + xmpp.NSCSI + `'/>`
)

// step takes one element in the state that the stream is in.
func (s *Stream) step(e *xmpp.Element) {
	if string(e.Name.Local) == "error" && string(e.Name.Space) == xmpp.NSStream {
		s.End(Ending{Reason: ClientClosed}) // RFC 6120 §4.9.1.1: it can't be recovered from
		return
	}
	if e.Kind != xmpp.Other && string(e.Name.Space) != xmpp.NSClient {
		s.fail("invalid-namespace", "stanzas are jabber:client") // RFC 6120 §4.8.2: a component's are none here
		return
	}
	switch s.state {
	case unopened:
		s.fail("not-authorized", "the stream is not open")
	case opened:
		s.login(e)
	case authenticated:
		// RFC 6120 §6.3.2: the next word is a new stream header; §4.9.3.12 for all else.
		s.fail("not-authorized", "the stream must be opened anew after login")
	case reopened:
		s.prepare(e)
	case bound:
		s.traffic(e)
	}
}

// Open takes the client's stream header, the first one or a restart's
// (XEP-0206 restart included), and returns the server's. The features that
// follow are in the outbox when it returns. The answer is meaningful also beside an error, since the server
// must open before it ends a stream (RFC 6120 §4.9.1.2); the error has already ended the stream.
func (s *Stream) Open(h Header) (Header, error) {
	// RFC 6120 §4.7: our version and language whatever theirs are; §4.7.3: an
	// id that can't be guessed.
	answer := Header{ID: newID(), Lang: "en", Version: "1.0"}
	if !s.enter() {
		return answer, s.whyEnded()
	}
	defer s.leave()
	if from, err := xmpp.CanonJID([]byte(h.From)); err == nil && h.From != "" {
		answer.To = string(from) // RFC 6120 §4.7.2
	}
	var err *xmpp.StreamError
	switch {
	case s.relay != nil:
		err = s.reopen(h)
	case s.state == unopened:
		err = s.first(h)
		if s.relay != nil && s.relay.id != "" {
			answer.ID = s.relay.id
		}
	case s.state == authenticated:
		err = s.restart(h)
	default:
		err = &xmpp.StreamError{Condition: "bad-format", Text: "no restart of the stream is due"}
	}
	answer.From = s.host.Value().Domain
	if err != nil {
		s.End(Ending{reasonOf(err.Condition, BadProtocol), err})
		return answer, err
	}
	if h.Lang != "" && len(h.Lang) <= 35 { // RFC 5646 §4.4.1
		s.lang = unique.Make(h.Lang)
	}
	return answer, s.whyEnded()
}

// first takes the first header: it says which domain the stream is for.
func (s *Stream) first(h Header) *xmpp.StreamError {
	if !atLeast1(h.Version) {
		return errVersion()
	}
	var to string
	if h.To != "" {
		canon, err := xmpp.CanonJID([]byte(h.To))
		if err != nil || bytes.ContainsAny(canon, "@/") {
			return &xmpp.StreamError{Condition: "host-unknown", Text: "`to` is not a domain"}
		}
		to = string(canon)
	}
	host, err := s.cfg.Handler.Open(s, to)
	s.host = unique.Make(host)
	if err != nil {
		var known *xmpp.StreamError
		if errors.As(err, &known) {
			return known
		}
		return &xmpp.StreamError{Condition: "internal-server-error", Text: "the stream could not be opened"}
	}
	s.state, s.to, s.lang = opened, unique.Make(to), unique.Make("")
	if s.relay != nil {
		return s.firstFeatures()
	}
	features := featuresLogin
	if host.Mechanism != "" {
		features += `<mechanism>` + host.Mechanism + `</mechanism>`
	}
	s.answer([]byte(features + featuresLogon))
	return nil
}

// restart takes the header after login. BOSH need not repeat version and `to` (XEP-0206 §5).
func (s *Stream) restart(h Header) *xmpp.StreamError {
	if h.Version != "" && !atLeast1(h.Version) {
		return errVersion()
	}
	if h.To != "" {
		canon, err := xmpp.CanonJID([]byte(h.To))
		if to := string(canon); err != nil || to != s.to.Value() && to != s.host.Value().Domain {
			// The site was chosen when the client logged in to it.
			return &xmpp.StreamError{Condition: "host-unknown", Text: "`to` may not change on a restart"}
		}
	}
	s.state = reopened
	features := featuresBind
	if !s.known {
		// RFC 3921 §3. Who logs in as somebody who was here before gets what is waiting for him right behind the answer to bind: a
		// client that asks for a session first, as Strophe does wherever one is offered, would throw it away.
		features += featuresSession
	}
	if s.offersSM() {
		features += featuresSM
	}
	s.answer([]byte(features + featuresCSI + featuresEnd))
	return nil
}

// RFC 6120 §4.9.3.25
func errVersion() *xmpp.StreamError {
	return &xmpp.StreamError{Condition: "unsupported-version", Text: "version 1.0 is needed"}
}

// atLeast1 tells whether a header's version is 1.0 or higher (RFC 6120 §4.7.5:
// two integers, compared one by one).
func atLeast1(version string) bool {
	major, minor, dot := strings.Cut(version, ".")
	n, err := strconv.ParseUint(major, 10, 16)
	_, err2 := strconv.ParseUint(minor, 10, 16)
	return dot && err == nil && err2 == nil && n >= 1
}

// newID makes the id of a stream.
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// login takes an element of a client that hasn't logged in: RFC 6120 §6.4.
func (s *Stream) login(e *xmpp.Element) {
	switch string(e.Name.Space) {
	case xmpp.NSSASL:
	case xmpp.NSSM:
		s.streamManagement(e)
		return
	default:
		// RFC 6120 §4.9.3.12: stanzas and whatever else before login
		s.fail("not-authorized", "log in first")
		return
	}
	switch string(e.Name.Local) {
	case "auth":
		if failure := s.authenticate(e); failure != "" {
			s.refuse(failure)
			return
		}
		s.state, s.failures = authenticated, 0
		s.answer([]byte(`<success xmlns='` + xmpp.NSSASL + `'/>`))
	case "abort":
		s.refuse("aborted") // RFC 6120 §6.5.1
	default:
		s.refuse("malformed-request") // RFC 6120 §6.5.8: a <response/> to no challenge
	}
}

// authenticate checks a login request and returns the SASL failure, if any.
// A mechanism that needs more than the client's first word isn't offered.
func (s *Stream) authenticate(e *xmpp.Element) (failure string) {
	mechanism, _ := e.Attr("mechanism")
	switch mechanism {
	case "ANONYMOUS":
		return anonymous(e)
	case "":
		return "invalid-mechanism"
	case s.host.Value().Mechanism:
		failure = s.decided(e)
		s.known = failure == ""
		return failure
	default:
		return "invalid-mechanism" // RFC 6120 §6.5.7
	}
}

// decided lets the Handler's side decide a login with its own mechanism.
func (s *Stream) decided(e *xmpp.Element) (failure string) {
	if len(e.Child.Local) > 0 {
		return "malformed-request"
	}
	text := bytes.Trim(e.Inner, " \t\r\n")
	if string(text) == "=" { // RFC 6120 §6.4.2
		text = nil
	}
	if len(text) > base64.StdEncoding.EncodedLen(maxResponse) {
		return "not-authorized"
	}
	response, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		return "incorrect-encoding" // RFC 6120 §6.5.5
	}
	if len(response) == 0 || len(response) > maxResponse || !s.cfg.Login(s, response) {
		return "not-authorized" // RFC 6120 §6.5.10
	}
	return ""
}

// anonymous checks the trace, which is used for nothing (XEP-0175 §2).
func anonymous(e *xmpp.Element) (failure string) {
	if len(e.Child.Local) > 0 {
		return "malformed-request"
	}
	text := bytes.Trim(e.Inner, " \t\r\n")
	if len(text) == 0 || string(text) == "=" { // RFC 6120 §6.4.2: "=" stands for none
		return ""
	}
	if len(text) > base64.StdEncoding.EncodedLen(maxTrace*utf8.UTFMax) {
		return "malformed-request"
	}
	trace, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		return "incorrect-encoding" // RFC 6120 §6.5.5
	}
	// RFC 4505 §2: up to 255 characters, no controls
	if !utf8.Valid(trace) || utf8.RuneCount(trace) > maxTrace || bytes.ContainsFunc(trace, unicode.IsControl) {
		return "malformed-request"
	}
	return ""
}

// refuse answers a login that failed; the stream stays open for another try.
func (s *Stream) refuse(failure string) {
	s.answer([]byte(`<failure xmlns='` + xmpp.NSSASL + `'><` + failure + `/></failure>`))
	s.failed(maxLogins)
}

// failed counts a refused login or bind; too many end the stream.
func (s *Stream) failed(most uint8) {
	if s.failures++; s.failures >= most {
		s.fail("policy-violation", "too many failed attempts")
	}
}

// prepare takes an element of a client that has logged in and not bound: RFC 6120 §7.
func (s *Stream) prepare(e *xmpp.Element) {
	switch {
	case e.Kind == xmpp.IQ && s.refersToUs(e) && !answers(e):
		switch {
		case malformedIQ(e):
			s.reject(e, "modify", "bad-request", "an IQ needs an id, a type and one child")
		case isBind(e) && string(e.Type) == "set":
			s.bind(e)
		default:
			s.reject(e, "wait", "unexpected-request", "bind a resource first")
		}
	case string(e.Name.Space) == xmpp.NSSM:
		s.streamManagement(e)
	default:
		// RFC 6120 §7.1: no stanza to anybody else before bind
		s.fail("not-authorized", "bind a resource first")
	}
}

// bindRequest is RFC 6120 §7.6 and §7.7.
type bindRequest struct {
	Resource string `xml:"urn:ietf:params:xml:ns:xmpp-bind bind>resource"`
}

// resourceOf returns what resource a bind request asks for, "" for none. The ways in which clients write it are told by
// the tags, of which there are as many as there are '<' in it (an attribute can't have one); all else is read as a document.
func resourceOf(e *xmpp.Element) (string, error) {
	inner := bytes.Trim(e.Inner, " \t\r\n")
	switch bytes.Count(inner, []byte("<")) {
	case 1, 2: // <bind/>, <bind></bind>
		return "", nil
	case 4: // the element's name has no prefix, so the default namespace is bind's
		_, text, ok := bytes.Cut(inner, []byte("><resource>"))
		text, ok2 := bytes.CutSuffix(text, []byte("</resource></bind>"))
		if ok && ok2 && bytes.IndexByte(text, '<') < 0 && !bytes.ContainsAny(text, "&\r") {
			return string(text), nil
		}
	}
	var req bindRequest
	err := xml.Unmarshal(e.Raw, &req)
	return req.Resource, err
}

// bind answers the request for a full JID.
func (s *Stream) bind(e *xmpp.Element) {
	resource, err := resourceOf(e)
	if err != nil {
		s.rejectBind(e, &xmpp.StanzaError{Type: "modify", Condition: "bad-request"})
		return
	}
	s.mu.Lock()
	if s.led == nil && s.cfg.Resume.on() {
		// What is written from now on may have to be written again, to whom it goes on with. Where the carrier
		// doesn't know what arrives, it's so until the client enables XEP-0198, or says a stanza without that.
		s.led = &ledger{counting: s.confirms, keeps: true}
	}
	s.mu.Unlock()
	// RFC 6120 §7.7.1: the server may bind another resource than was asked for, and for one
	// that can't be prepared it does.
	jid, err := s.cfg.Handler.Bind(s, prepareResource(resource))
	if err != nil {
		var known *xmpp.StanzaError
		if !errors.As(err, &known) {
			known = &xmpp.StanzaError{Type: "cancel", Condition: "internal-server-error"}
		}
		s.rejectBind(e, known)
		return
	}
	s.state = bound
	b := appendResult(nil, e)
	b = append(b, `><bind xmlns='`+xmpp.NSBind+`'><jid>`...)
	b = xmpp.AppendText(b, []byte(jid))
	b = append(b, `</jid></bind></iq>`...)
	s.mu.Lock()
	s.jid = jid // also if the stream has ended meanwhile: Closed wants to know
	s.reply(b, private)
	s.mu.Lock()
	s.unhold() // what it has taken over from another stream
	s.mu.Unlock()
}

func (s *Stream) rejectBind(e *xmpp.Element, err *xmpp.StanzaError) {
	s.answer(err.AppendReply(nil, e, xmpp.Client, e.To, nil))
	s.failed(maxBinds)
}

// prepareResource returns the resource in canonical form (RFC 7622 §3.4), "" for
// none or a bad one.
func prepareResource(resource string) string {
	if resource == "" {
		return ""
	}
	jid, err := xmpp.CanonJID([]byte("a@b/" + resource))
	if err != nil {
		return ""
	}
	_, _, prepared := xmpp.SplitJID(jid)
	return string(prepared)
}
