package xmpp

// StreamError is a stream-level error condition (RFC 6120 §4.9). It ends the
// stream it belongs to and no other.
type StreamError struct {
	Condition string // a defined condition of RFC 6120 §4.9.3
	Text      string // for people; says what was wrong, never quotes input
	App       string // application-specific condition, as XML; may be empty
}

func (e *StreamError) Error() string { return e.Condition + ": " + e.Text }

// Append writes <stream:error/> with all the declarations that it needs to stand alone.
func (e *StreamError) Append(dst []byte) []byte {
	dst = append(dst, "<stream:error xmlns:stream='"+NSStream+"'><"...)
	dst = append(dst, e.Condition...)
	dst = append(dst, " xmlns='"+NSStreamErrors+"'/>"...)
	dst = appendErrorText(dst, e.Text, NSStreamErrors)
	dst = append(dst, e.App...)
	return append(dst, "</stream:error>"...)
}

// StanzaError is a stanza-level error (RFC 6120 §8.3).
type StanzaError struct {
	Type      string // auth, cancel, continue, modify, wait
	Code      string // legacy (XEP-0086), where a specification asks for it; may be empty
	Condition string // a defined condition of RFC 6120 §8.3.3
	Text      string
	App       string // application-specific condition, as XML; may be empty
}

func (e *StanzaError) Error() string { return e.Condition + ": " + e.Text }

// AppendReply writes the error answer to el as a stanza of the content
// namespace to: el's kind and id, type='error', from and to as given (nil is left out).
// It does not repeat el's payload. Never call it for a stanza of type error,
// nor for an IQ result (RFC 6120 §8.3.1).
func (e *StanzaError) AppendReply(dst []byte, el *Element, content Content, from, to []byte) []byte {
	name := "message"
	switch el.Kind {
	case Presence:
		name = "presence"
	case IQ:
		name = "iq"
	}
	dst = append(append(dst, '<'), name...)
	if content == Client {
		dst = append(dst, " xmlns='"+NSClient+"'"...)
	}
	dst = append(dst, " type='error'"...)
	dst = AppendAttr(dst, "to", to)
	dst = AppendAttr(dst, "from", from)
	dst = AppendAttr(dst, "id", el.ID)
	dst = append(dst, "><error type='"...)
	dst = append(dst, e.Type...)
	if e.Code != "" {
		dst = append(dst, "' code='"...)
		dst = append(dst, e.Code...)
	}
	dst = append(dst, "'><"...)
	dst = append(dst, e.Condition...)
	dst = append(dst, " xmlns='"+NSStanzaErrors+"'/>"...)
	dst = appendErrorText(dst, e.Text, NSStanzaErrors)
	dst = append(dst, e.App...)
	dst = append(dst, "</error></"...)
	dst = append(dst, name...)
	return append(dst, '>')
}

func appendErrorText(dst []byte, text, space string) []byte {
	if text == "" {
		return dst
	}
	dst = append(dst, "<text xmlns='"...)
	dst = append(dst, space...)
	dst = append(dst, "' xml:lang='en'>"...)
	dst = AppendText(dst, []byte(text))
	return append(dst, "</text>"...)
}
