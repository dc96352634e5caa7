package c2s

import (
	"strings"

	"usher/xmpp"
)

// traffic takes an element of a bound client.
func (s *Stream) traffic(e *xmpp.Element) {
	if e.Kind != xmpp.Other {
		s.stanza(e)
		s.mu.Lock()
		if l := s.led; l != nil {
			if l.counting {
				l.handled++ // XEP-0198 §4: handled, whatever came of it; wraps at 2^32
			} else {
				s.led = nil // it has come so far, and will not count
			}
		}
		s.mu.Unlock()
		return
	}
	switch string(e.Name.Space) {
	case xmpp.NSSM:
		s.streamManagement(e)
	case xmpp.NSCSI:
		switch string(e.Name.Local) {
		case "active", "inactive": // XEP-0352 §4.2: there is no reply
		default:
			s.fail("unsupported-stanza-type", "not a state")
		}
	case xmpp.NSSASL:
		s.fail("not-authorized", "logged in already") // RFC 6120 §4.9.3.12
	default:
		switch string(e.Name.Local) {
		case "message", "presence", "iq":
			s.fail("invalid-namespace", "stanzas are jabber:client") // RFC 6120 §4.9.3.10
		default:
			s.fail("unsupported-stanza-type", "not known here") // RFC 6120 §4.9.3.24
		}
	}
}

// stanza checks a stanza and hands it to the Handler, unless it is ours.
func (s *Stream) stanza(e *xmpp.Element) {
	if e.From != nil && !s.own(e.From) {
		s.fail("invalid-from", "`from` is not the stream's") // RFC 6120 §8.1.2.1
		return
	}
	if e.Kind == xmpp.IQ && !answers(e) {
		switch {
		case malformedIQ(e):
			s.reject(e, "modify", "bad-request", "an IQ needs an id, a type and one child")
			return
		case !s.refersToUs(e):
		case isBind(e):
			// One resource a stream: RFC 6120 §7.1
			s.reject(e, "cancel", "not-allowed", "a resource is bound already")
			return
		case isSession(e) && string(e.Type) == "set":
			// RFC 3921 §3: nothing to do, and some clients still ask for it
			s.answer(append(appendResult(nil, e), `/>`...))
			return
		}
	}
	s.cfg.Handler.Stanza(s, e)
}

// own tells whether from is the bound JID, full or bare.
func (s *Stream) own(from []byte) bool {
	bare, _, _ := strings.Cut(s.jid, "/")
	if string(from) == s.jid || string(from) == bare {
		return true
	}
	canon, err := xmpp.CanonJID(from)
	return err == nil && (string(canon) == s.jid || string(canon) == bare)
}

// refersToUs tells whether a stanza is for the server itself or the client's own account.
func (s *Stream) refersToUs(e *xmpp.Element) bool {
	if e.To == nil || string(e.To) == s.host.Value().Domain || string(e.To) == s.to.Value() {
		return true
	}
	bare, _, _ := strings.Cut(s.jid, "/")
	_, domain, _ := strings.Cut(bare, "@")
	return string(e.To) == domain || string(e.To) == bare
}

// answers tells whether an IQ answers one of ours: it never gets an error back (RFC 6120 §8.3.1).
func answers(e *xmpp.Element) bool {
	return string(e.Type) == "result" || string(e.Type) == "error"
}

// malformedIQ tells whether an IQ request breaks RFC 6120 §8.2.3.
func malformedIQ(e *xmpp.Element) bool {
	t := string(e.Type)
	return e.ID == nil || len(e.Child.Local) == 0 || t != "get" && t != "set"
}

func isBind(e *xmpp.Element) bool {
	return string(e.Child.Space) == xmpp.NSBind && string(e.Child.Local) == "bind"
}

func isSession(e *xmpp.Element) bool {
	return string(e.Child.Space) == xmpp.NSSession && string(e.Child.Local) == "session"
}

// reject answers a stanza with an error. Never for an answer.
func (s *Stream) reject(e *xmpp.Element, kind, condition, text string) {
	err := xmpp.StanzaError{Type: kind, Condition: condition, Text: text}
	s.answer(err.AppendReply(nil, e, xmpp.Client, e.To, nil))
}

// appendResult appends the start of an IQ result, without what ends the start tag.
func appendResult(dst []byte, e *xmpp.Element) []byte {
	dst = append(dst, `<iq xmlns='`+xmpp.NSClient+`' type='result'`...)
	dst = xmpp.AppendAttr(dst, "id", e.ID)
	return xmpp.AppendAttr(dst, "from", e.To)
}
