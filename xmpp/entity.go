package xmpp

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// Classes of bytes.
const (
	isSpace   = 1 << iota // XML 1.0 §2.3 S
	inText                // may stand in character data with nothing else to check
	inValue               // the same for attribute values
	inName                // an ASCII character of a name, colon excepted
	beginName             // the same for its first character
	inRef                 // between '&' and ';'
	inCDATA               // may stand in CDATA though not in text
	plainText             // AppendText copies it as it is
	plainAttr             // AppendAttr copies it as it is
)

var class = func() (t [256]uint16) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = inText | inValue | plainText | plainAttr
	}
	for _, c := range "\t\n\r" {
		t[c] = isSpace | inText | plainText
	}
	t['\r'] &^= plainText
	t[' '] |= isSpace
	t['<'] = inCDATA
	t['&'] = inCDATA
	t['>'] = inValue | plainAttr
	for _, c := range `"'` {
		t[c] = inText | plainText
	}
	letters := "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for _, c := range letters + "_" {
		t[c] |= inName | beginName | inRef
	}
	for _, c := range "0123456789.-" {
		t[c] |= inName | inRef
	}
	t['#'] |= inRef
	return t
}()

// char checks the character that b begins with; 0 means that b ends inside it.
func char(b []byte) (int, *StreamError) {
	r, n := utf8.DecodeRune(b)
	if r == utf8.RuneError && n <= 1 {
		if !utf8.FullRune(b) {
			return 0, nil
		}
		return 0, &StreamError{Condition: "unsupported-encoding", Text: "not UTF-8"}
	}
	if r == 0xFFFE || r == 0xFFFF { // XML 1.0 §2.2
		return 0, illFormed("not an XML character")
	}
	return n, nil
}

// isChar tells whether XML 1.0 §2.2 allows the character.
func isChar(r rune) bool {
	return r >= 0x20 && r <= 0xD7FF || r == '\t' || r == '\n' || r == '\r' ||
		r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}

// nameByte takes the colon or the character beyond ASCII at i of a name, and
// returns its length; 0 means that b ends inside it.
func (s *Scanner) nameByte(b []byte, i int) (int, *StreamError) {
	if b[i] == ':' {
		if s.colon >= 0 {
			return 0, illFormed("two colons in a name") // Namespaces in XML §4
		}
		s.colon = i
		return 1, nil
	}
	n, err := char(b[i:])
	if n > 0 {
		if r, _ := utf8.DecodeRune(b[i:]); !unicode.In(r, nameStarts, nameMore) {
			return 0, illFormed("bad character in a name")
		}
	}
	return n, err
}

// nameStart tells whether a name may begin like this.
func nameStart(b []byte) bool {
	if b[0] < utf8.RuneSelf {
		return class[b[0]]&beginName != 0
	}
	r, _ := utf8.DecodeRune(b)
	return unicode.Is(nameStarts, r)
}

// reference returns what stands for the reference ref (without '&' and ';'),
// or -1.
func reference(ref []byte) rune {
	switch string(ref) {
	case "lt":
		return '<'
	case "gt":
		return '>'
	case "amp":
		return '&'
	case "apos":
		return '\''
	case "quot":
		return '"'
	}
	if len(ref) < 2 || ref[0] != '#' {
		return -1
	}
	digits, base := ref[1:], rune(10)
	if digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	var r rune
	for _, c := range digits {
		d := rune(99)
		switch {
		case c >= '0' && c <= '9':
			d = rune(c - '0')
		case c >= 'a' && c <= 'f':
			d = rune(c-'a') + 10
		case c >= 'A' && c <= 'F':
			d = rune(c-'A') + 10
		}
		if d >= base {
			return -1
		}
		if r = r*base + d; r > utf8.MaxRune {
			return -1
		}
	}
	if len(digits) == 0 || !isChar(r) {
		return -1
	}
	return r
}

// checkRef checks a reference without its '&' and ';'.
func checkRef(ref []byte) *StreamError {
	switch {
	case reference(ref) >= 0:
		return nil
	case len(ref) > 0 && ref[0] == '#':
		return illFormed("bad character reference") // XML 1.0 §4.1
	case len(ref) > 0 && nameStart(ref) && bytes.IndexByte(ref, '#') < 0:
		return &StreamError{Condition: "restricted-xml", Text: "entity reference"} // RFC 6120 §11.1
	}
	return illFormed("bad reference")
}

// unescapeAttr appends an attribute's value, normalised (XML 1.0 §2.11, §3.3.3).
func unescapeAttr(dst, v []byte) []byte {
	for i := 0; i < len(v); i++ {
		switch c := v[i]; c {
		case '&':
			n := bytes.IndexByte(v[i:], ';')
			dst = utf8.AppendRune(dst, reference(v[i+1:i+n]))
			i += n
		case '\r':
			if i+1 < len(v) && v[i+1] == '\n' {
				i++
			}
			dst = append(dst, ' ')
		case '\t', '\n':
			dst = append(dst, ' ')
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// checkDeclaration checks what stands between "<?xml" and "?>" (XML 1.0 §2.8).
func checkDeclaration(v []byte) *StreamError {
	for k, name := range []string{"version", "encoding", "standalone"} {
		rest := bytes.TrimLeft(v, " \t\r\n")
		if len(rest) == 0 && k > 0 {
			return nil
		}
		if !bytes.HasPrefix(rest, []byte(name)) {
			if k == 1 {
				continue
			}
			return illFormed("bad XML declaration")
		}
		if len(rest) == len(v) {
			return illFormed("bad XML declaration") // no space in front
		}
		rest = bytes.TrimLeft(rest[len(name):], " \t\r\n")
		if len(rest) == 0 || rest[0] != '=' {
			return illFormed("bad XML declaration")
		}
		rest = bytes.TrimLeft(rest[1:], " \t\r\n")
		if len(rest) == 0 || rest[0] != '\'' && rest[0] != '"' {
			return illFormed("bad XML declaration")
		}
		n := bytes.IndexByte(rest[1:], rest[0])
		if n < 0 {
			return illFormed("bad XML declaration")
		}
		value := rest[1 : n+1]
		v = rest[n+2:]
		switch {
		case k == 0 && string(value) != "1.0":
			return illFormed("not XML 1.0")
		case k == 1 && !bytes.EqualFold(value, []byte("UTF-8")):
			return &StreamError{Condition: "unsupported-encoding", Text: "the encoding is not UTF-8"}
		case k == 2 && string(value) != "yes" && string(value) != "no":
			return illFormed("bad XML declaration")
		}
	}
	if len(bytes.TrimLeft(v, " \t\r\n")) > 0 {
		return illFormed("bad XML declaration")
	}
	return nil
}
