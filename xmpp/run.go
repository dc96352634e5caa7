package xmpp

import "unicode/utf8"

type state uint8

const (
	stOuter     state = iota // between top-level elements
	stText                   // character data
	stLt                     // after '<'
	stName                   // in a start tag's name
	stInTag                  // after the name or a value
	stAttrSpace              // before an attribute's name
	stAttrName
	stEq    // before '='
	stQuote // before a value's quote
	stValue
	stSlash   // after the '/' of an empty-element tag
	stEndName // in an end tag's name
	stEndTag  // after it
	stRef     // in a reference
	stBang    // after "<!"
	stCDOpen  // in "[CDATA["
	stCDATA
)

const cdataOpen = "[CDATA["

// run goes on reading the element that b starts with, and reports whether it,
// or the root's start or end tag, is complete: it ends at s.i then.
func (s *Scanner) run(b []byte) (done bool, err *StreamError) {
	i, st := s.i, s.st
	var c byte
	var n int
	if st == stLt && (s.one || s.phase == phaseInside) {
		i, st = i-1, stText
	}
	for {
		switch st {
		case stText:
			if i, st, done = s.plain(b, i); done {
				s.i = i
				return true, nil
			}
			if st != stText {
				continue
			}
			if i == len(b) {
				goto more
			}
			switch c = b[i]; {
			case c >= utf8.RuneSelf:
				if n, err = char(b[i:]); err != nil {
					return false, err
				} else if n == 0 {
					goto more
				}
				i += n
			case c == '&':
				i++
				s.ref, s.back, st = i, stText, stRef
			case c == '>':
				// XML 1.0 §2.4: "]]>" must not appear in character data.
				if i-2 >= s.text && b[i-1] == ']' && b[i-2] == ']' {
					return false, illFormed("]]> in character data")
				}
				i++
			default:
				return false, illFormed("control character")
			}
		case stLt:
			if i == len(b) {
				goto more
			}
			switch c = b[i]; c {
			case '/':
				s.inner.n = int32(i) - 1 - s.inner.off
				i++
				s.mark, st = i, stEndName
				continue
			case '!':
				i++
				st = stBang
				continue
			case '?':
				return false, &StreamError{Condition: "restricted-xml", Text: "processing instruction"}
			}
			s.mark, s.colon = i, -1
			st = stName
			fallthrough
		case stName:
			for _, c = range b[i:] {
				if class[c]&inName == 0 {
					break
				}
				i++
			}
			if i == len(b) {
				goto more
			}
			if c = b[i]; c == ':' || c >= utf8.RuneSelf {
				if n, err = s.nameByte(b, i); err != nil {
					return false, err
				} else if n == 0 {
					goto more
				}
				i += n
				continue
			}
			if err = s.open(b, i); err != nil {
				return false, err
			}
			st = stInTag
			fallthrough
		case stInTag:
			if i == len(b) {
				goto more
			}
			switch c = b[i]; {
			case c == '>':
				i++
				if err = s.opened(b, false); err != nil {
					return false, err
				}
				if s.phase < phaseInside && !s.one {
					s.i = i
					return true, nil
				}
				if len(s.frames)-1 == s.base+1 {
					s.inner.off = int32(i)
				}
				st, s.text = stText, i
				continue
			case c == '/':
				i++
				st = stSlash
				continue
			case class[c]&isSpace == 0:
				return false, illFormed("bad character in a tag")
			}
			i++
			st = stAttrSpace
			fallthrough
		case stAttrSpace:
			for i < len(b) && class[b[i]]&isSpace != 0 {
				i++
			}
			if i == len(b) {
				goto more
			}
			if c = b[i]; c == '>' || c == '/' {
				st = stInTag
				continue
			}
			s.mark, s.colon = i, -1
			st = stAttrName
			fallthrough
		case stAttrName:
			for _, c = range b[i:] {
				if class[c]&inName == 0 {
					break
				}
				i++
			}
			if i == len(b) {
				goto more
			}
			if c = b[i]; c == ':' || c >= utf8.RuneSelf {
				if n, err = s.nameByte(b, i); err != nil {
					return false, err
				} else if n == 0 {
					goto more
				}
				i += n
				continue
			}
			if !s.goodName(b, i) {
				return false, illFormed("bad attribute name")
			}
			if err = s.moreAttributes(); err != nil {
				return false, err
			}
			s.nameE = i
			st = stEq
			fallthrough
		case stEq:
			for i < len(b) && class[b[i]]&isSpace != 0 {
				i++
			}
			if i == len(b) {
				goto more
			}
			if b[i] != '=' {
				return false, illFormed("attribute without a value")
			}
			i++
			st = stQuote
			fallthrough
		case stQuote:
			for i < len(b) && class[b[i]]&isSpace != 0 {
				i++
			}
			if i == len(b) {
				goto more
			}
			if c = b[i]; c != '\'' && c != '"' {
				return false, illFormed("attribute value without quotes")
			}
			i++
			s.quote, s.value, s.odd = c, i, false
			st = stValue
			fallthrough
		case stValue:
			i = skipValue(b, i)
			for _, c = range b[i:] {
				if class[c]&inValue == 0 {
					break
				}
				i++
			}
			if i == len(b) {
				goto more
			}
			switch c = b[i]; {
			case c == s.quote:
				if err = s.attribute(b, i); err != nil {
					return false, err
				}
				st = stInTag
				i++
			case c == '\'' || c == '"':
				i++
			case c >= utf8.RuneSelf:
				if n, err = char(b[i:]); err != nil {
					return false, err
				} else if n == 0 {
					goto more
				}
				i += n
			case c == '&':
				i++
				s.odd, s.ref, s.back, st = true, i, stValue, stRef
			case class[c]&isSpace != 0:
				s.odd = true
				i++
			case c == '<':
				return false, illFormed("< in an attribute value")
			default:
				return false, illFormed("control character")
			}
		case stSlash:
			if i == len(b) {
				goto more
			}
			if b[i] != '>' {
				return false, illFormed("/ in a tag")
			}
			i++
			if err = s.opened(b, true); err != nil {
				return false, err
			}
			if len(s.frames)-1 == s.base+1 {
				s.inner = span{int32(i), 0}
				s.empty = true
			}
			if s.phase < phaseInside && !s.one || s.pop() {
				s.i = i
				return true, nil
			}
			st, s.text = stText, i
		case stEndName:
			for i < len(b) && b[i] != '>' && class[b[i]]&isSpace == 0 {
				i++
			}
			if i == len(b) {
				goto more
			}
			f := &s.frames[len(s.frames)-1]
			if f.name.n == 0 || string(b[s.mark:i]) != string(s.at(b, f.name)) {
				return false, illFormed("end tag without its start tag")
			}
			st = stEndTag
			fallthrough
		case stEndTag:
			for i < len(b) && class[b[i]]&isSpace != 0 {
				i++
			}
			if i == len(b) {
				goto more
			}
			if b[i] != '>' {
				return false, illFormed("bad end tag")
			}
			i++
			if s.pop() {
				s.i = i
				return true, nil
			}
			st, s.text = stText, i
		case stRef:
			for i < len(b) && class[b[i]]&inRef != 0 {
				i++
			}
			if i == len(b) {
				goto more
			}
			if b[i] != ';' {
				return false, illFormed("& without a reference")
			}
			if err = checkRef(b[s.ref:i]); err != nil {
				return false, err
			}
			i++
			st = s.back
		case stBang:
			if i == len(b) {
				goto more
			}
			switch c = b[i]; {
			case c == '-':
				return false, &StreamError{Condition: "restricted-xml", Text: "comment"}
			case c == 'D':
				return false, &StreamError{Condition: "restricted-xml", Text: "document type"}
			case c != '[':
				return false, illFormed("bad markup after <!")
			case len(s.frames)-1 == s.base:
				return false, s.stray()
			}
			s.text = i
			st = stCDOpen
			fallthrough
		case stCDOpen:
			for i < len(b) && i-s.text < len(cdataOpen) {
				if b[i] != cdataOpen[i-s.text] {
					return false, illFormed("bad markup after <!")
				}
				i++
			}
			if i-s.text < len(cdataOpen) {
				goto more
			}
			s.text = i
			st = stCDATA
			fallthrough
		case stCDATA:
			for i < len(b) && class[b[i]]&(inText|inCDATA) != 0 {
				i++
			}
			if i == len(b) {
				goto more
			}
			switch c = b[i]; {
			case c >= utf8.RuneSelf:
				if n, err = char(b[i:]); err != nil {
					return false, err
				} else if n == 0 {
					goto more
				}
				i += n
			case c == '>':
				i++
				if i-3 >= s.text && b[i-2] == ']' && b[i-3] == ']' {
					st, s.text = stText, i
				}
			default:
				return false, illFormed("control character")
			}
		}
	}
more:
	s.i, s.st = i, st
	return false, nil
}
