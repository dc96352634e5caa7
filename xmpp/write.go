package xmpp

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Header is the start tag of a stanza as we write it; a nil field is left out.
// Values are unescaped.
type Header struct {
	To, From, Type, ID, Lang []byte
	Tail                     []byte // checked XML of ours, written before the end tag
}

// Content is the default namespace of a stream of stanzas.
type Content uint8

const (
	// Client is jabber:client, as on WebSocket and BOSH: written out on each
	// stanza's start tag, since each stands alone.
	Client Content = iota
	// Component is jabber:component:accept: inherited from the stream header,
	// so never written on the stanza's start tag.
	Component
)

func (c Content) space() string {
	if c == Client {
		return NSClient
	}
	return NSComponent
}

// Append writes the stanza anew: a start tag of ours from h (of the attributes
// that stood there only namespace declarations of prefixes are kept), and the
// checked body as it is, moved from one content namespace to the other also
// where a child repeats the old one. It allocates only to grow dst.
//
// What moves: the stanza and every descendant with nothing but elements in
// content namespaces above it. Below an element of another namespace (a
// forwarded stanza, XEP-0297) jabber:client stays jabber:client, while
// jabber:component:accept becomes jabber:client on the way to clients. This
// holds for prefixes that stand for a content namespace too: they are moved,
// and declared again where they must not. In a stanza in XEP-0124's namespace,
// as clients write it that leave xmlns out, that namespace stands for
// jabber:client throughout. Prefixes that a root has declared for the stanza are declared on it.
func (e *Element) Append(dst []byte, to Content, h *Header) []byte {
	s := e.s
	dst = slices.Grow(dst, len(e.Raw)+len(h.Tail)+len(h.From))
	dst = append(dst, '<')
	name := e.Name.Local
	if s == nil || s.top.chain && s.top.colon < 0 {
		dst = append(dst, name...)
		if to == Client {
			dst = append(dst, " xmlns='jabber:client'"...)
		}
	} else {
		name = s.at(e.Raw, s.top.raw)
		dst = append(dst, name...)
		dst = s.appendDefault(dst, e.Raw, to)
	}
	if s != nil && len(s.binds) > 0 {
		dst = s.appendPrefixes(dst, e.Raw, to)
	}
	if h.To != nil {
		dst = appendValue(append(dst, " to='"...), h.To)
	}
	if h.From != nil {
		dst = appendValue(append(dst, " from='"...), h.From)
	}
	if h.Type != nil {
		dst = appendValue(append(dst, " type='"...), h.Type)
	}
	if h.ID != nil {
		dst = appendValue(append(dst, " id='"...), h.ID)
	}
	if h.Lang != nil {
		dst = appendValue(append(dst, " xml:lang='"...), h.Lang)
	}
	if len(e.Inner)+len(h.Tail) == 0 {
		return append(dst, '/', '>')
	}
	dst = append(dst, '>')
	if s == nil || len(s.edits) == 0 {
		dst = append(dst, e.Inner...)
	} else {
		dst = e.appendEdited(dst, to)
	}
	dst = append(dst, h.Tail...)
	dst = append(dst, '<', '/')
	dst = append(dst, name...)
	return append(dst, '>')
}

// moved is the namespace that a declaration of id stands for after the move to
// content; raw if it stays. chain tells that the declaration's element moves.
func (s *Scanner) moved(id nsID, chain bool, to Content, raw []byte) []byte {
	switch {
	case chain && s.content(id):
		if to == Component {
			return nsComponentBytes
		}
		return nsClientBytes
	case id == idComponent && to == Client:
		return nsClientBytes
	}
	return raw
}

// appendDefault declares the default namespace of an element that isn't
// written in its stream's default namespace.
func (s *Scanner) appendDefault(dst, raw []byte, to Content) []byte {
	v := s.moved(s.top.def.id, s.top.chain, to, s.at(raw, s.top.def.uri))
	if to == Component && string(v) == NSComponent {
		return dst
	}
	if v == nil {
		v = []byte{}
	}
	return AppendAttr(dst, "xmlns", v)
}

// appendPrefixes declares the prefixes of the stanza's tag, and those of the
// root that are used in it.
func (s *Scanner) appendPrefixes(dst, raw []byte, to Content) []byte {
	for i := range s.binds {
		p := &s.binds[i]
		if i < s.rootBinds && !p.used {
			continue
		}
		dst = append(dst, " xmlns:"...)
		dst = append(dst, s.at(raw, p.prefix)...)
		dst = appendValue(append(dst, '=', '\''), s.moved(p.id, p.chain && s.top.chain, to, s.at(raw, p.uri)))
	}
	return dst
}

func (e *Element) appendEdited(dst []byte, to Content) []byte {
	s := e.s
	at := s.inner.off
	for i := range s.edits {
		d := &s.edits[i]
		if d.kind == editKeep && to == Client || d.kind == editDown && d.id == idComponent && to == Component {
			continue
		}
		dst = append(dst, e.Raw[at:d.at]...)
		at = d.at + d.n
		switch d.kind {
		case editMove:
			dst = append(dst, to.space()...)
		case editDown:
			dst = append(dst, NSClient...)
		case editKeep:
			dst = append(dst, " xmlns"...)
			if d.prefix.n >= 0 {
				dst = append(append(dst, ':'), s.at(e.Raw, d.prefix)...)
			}
			dst = append(dst, "='jabber:client'"...)
		}
	}
	return append(dst, e.Raw[at:s.inner.off+s.inner.n]...)
}

// AppendText appends s as escaped character data; AppendAttr appends
// ` name='value'` with the value escaped (nothing at all if v is nil). What is
// no XML character, or no UTF-8, becomes U+FFFD: the result is always well-formed.
func AppendText(dst, s []byte) []byte { return appendEscaped(dst, s, plainText) }

// AppendAttr: see AppendText.
func AppendAttr(dst []byte, name string, v []byte) []byte {
	if v == nil {
		return dst
	}
	dst = append(dst, ' ')
	dst = append(dst, name...)
	return appendValue(append(dst, '=', '\''), v)
}

// appendValue appends v, escaped, and the quote behind it. It copies eight bytes at a time for as long as there is nothing to escape.
func appendValue(dst, v []byte) []byte {
	n := len(dst)
	dst = slices.Grow(dst, len(v)+1)
	out := dst[n : n+len(v)]
	i := 0
	for ; i < len(v)-7 && i < len(out)-7; i += 8 {
		x := load(v, i)
		if specialValue(x) != 0 {
			break
		}
		store(out, i, x)
	}
	if last := len(v) - 8; last >= 0 && i > last && last < len(out)-7 { // some of it twice, rather than byte by byte
		if x := load(v, last); specialValue(x) == 0 {
			store(out, last, x)
			i = len(v)
		}
	}
	for ; i < len(v) && i < len(out) && class[v[i]]&plainAttr != 0; i++ {
		out[i] = v[i]
	}
	dst = dst[:n+i]
	if i < len(v) {
		dst = appendEscaped(dst, v[i:], plainAttr)
	}
	return append(dst, '\'')
}

func appendEscaped(dst, v []byte, plain uint16) []byte {
	for len(v) > 0 {
		i := 0
		for i < len(v) && class[v[i]]&plain != 0 {
			i++
		}
		dst = append(dst, v[:i]...)
		if v = v[i:]; len(v) == 0 {
			break
		}
		r, n := utf8.DecodeRune(v)
		switch {
		case r == '<':
			dst = append(dst, "&lt;"...)
		case r == '>':
			dst = append(dst, "&gt;"...)
		case r == '&':
			dst = append(dst, "&amp;"...)
		case r == '\'':
			dst = append(dst, "&apos;"...)
		case r == '"':
			dst = append(dst, "&quot;"...)
		case r == '\t':
			dst = append(dst, "&#9;"...)
		case r == '\n':
			dst = append(dst, "&#10;"...)
		case r == '\r':
			dst = append(dst, "&#13;"...)
		case r == utf8.RuneError && n <= 1, !isChar(r):
			dst = append(dst, "\uFFFD"...)
		default:
			dst = append(dst, v[:n]...)
		}
		v = v[n:]
	}
	return dst
}

// Attr returns the unescaped value of the top element's attribute with this
// name, as written (a prefixed name with its prefix), and whether it is there.
// It is for negotiation and control elements, not for the hot path.
func (e *Element) Attr(name string) (string, bool) {
	b := string(e.Raw)
	i := strings.IndexAny(b, " \t\r\n/>")
	for i >= 0 && i < len(b) {
		b = strings.TrimLeft(b[i:], " \t\r\n")
		if b == "" || b[0] == '/' || b[0] == '>' {
			break
		}
		eq := strings.IndexByte(b, '=')
		have := strings.TrimRight(b[:eq], " \t\r\n")
		b = strings.TrimLeft(b[eq+1:], " \t\r\n")
		end := 1 + strings.IndexByte(b[1:], b[0])
		if have == name {
			return string(unescapeAttr(nil, []byte(b[1:end]))), true
		}
		i = end + 1
	}
	return "", false
}
