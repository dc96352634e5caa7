package xmpp

import "unicode/utf8"

// plain reads on at i, where character data or a tag is due, for as long as everything is as it is in nearly all
// stanzas: tags without prefixes, one blank before an attribute, nothing in a value to unescape. It refuses nothing and
// leaves no trace of a tag that it gives up: run reads it again, byte by byte. So each byte is looked at
// twice at most. st is stLt where it has given up a tag, behind whose '<' i then stands, else stText.
func (s *Scanner) plain(b []byte, i int) (at int, st state, done bool) {
	for {
		i = skipText(b, i)
		for i < len(b) && class[b[i]]&inText != 0 {
			i++
		}
		if i >= len(b) {
			return i, stText, false
		}
		switch c := b[i]; {
		case c == '<':
			i++
			if i < len(b) && b[i] == '/' {
				n := s.plainEnd(b, i+1)
				if n == 0 {
					return i, stLt, false
				}
				if i = n; s.pop() {
					return i, stText, true
				}
			} else {
				n := s.plainTag(b, i)
				if n == 0 {
					return i, stLt, false
				}
				i = n
				if s.empty {
					return i, stText, true
				}
			}
			s.text = i
		case c == '&':
			n := plainRef(b, i)
			if n == 0 {
				return i, stText, false
			}
			i += n
		case c >= utf8.RuneSelf:
			n := plainChars(b, i)
			if n == i {
				return i, stText, false
			}
			i = n
		default:
			return i, stText, false
		}
	}
}

// plainEnd returns where the end tag ends whose name begins at i, or 0.
func (s *Scanner) plainEnd(b []byte, i int) int {
	f := &s.frames[len(s.frames)-1]
	n := i + int(f.name.n)
	if n >= len(b) || b[n] != '>' || f.name.n <= 0 || string(b[i:n]) != string(s.at(b, f.name)) {
		return 0
	}
	s.inner.n = int32(i) - 2 - s.inner.off
	return n + 1
}

// plainTag takes the start tag whose name begins at i, and returns where it ends; 0 if it isn't all there
// or isn't plain.
func (s *Scanner) plainTag(b []byte, i int) int {
	begin := i
	if i >= len(b) || class[b[i]]&beginName == 0 {
		return 0
	}
	for i < len(b) && class[b[i]]&inName != 0 {
		i++
	}
	k := len(s.frames)
	if k == cap(s.frames) || s.lim.Depth > 0 && k-s.base > s.lim.Depth || s.lim.Elements > 0 && s.elements >= s.lim.Elements {
		return 0
	}
	up := &s.frames[k-1]
	f := frame{name: span{int32(begin), int32(i - begin)}, def: up.def, colon: -1, binds: int32(len(s.binds))}
	top := k-1 == s.base
	var seen uint64
	for n := 1; i < len(b) && b[i] == ' '; n++ {
		name, value, end, hash := plainAttribute(b, i+1)
		if end == 0 || seen&hash != 0 || s.lim.Attributes > 0 && n > s.lim.Attributes {
			return 0
		}
		seen |= hash
		v := span{int32(value), int32(end - value)}
		switch a := b[name : value-2]; {
		case string(a) == "xmlns":
			id := known(b[value:end])
			if id != idOther && !(top && id == idClient) {
				return 0
			}
			f.def, f.own = nsRef{id, v}, true
		case !top:
		case string(a) == "to":
			s.want[0] = v
		case string(a) == "from":
			s.want[1] = v
		case string(a) == "type":
			s.want[2] = v
		case string(a) == "id":
			s.want[3] = v
		case string(a) == "xml:lang":
			s.want[4] = v
		}
		i = end + 1
	}
	empty := i < len(b) && b[i] == '/'
	if empty {
		i++
	}
	if i >= len(b) || b[i] != '>' {
		return 0
	}
	i++
	s.elements++
	if top {
		s.http = s.bosh && f.def.id == idBOSH
	}
	f.chain = up.chain && s.content(f.def.id)
	if !f.chain && up.chain && !top {
		s.boundary, s.edge = len(s.edits), f.name.off+f.name.n
	}
	switch {
	case top:
		s.note(b, &f, f.def, true)
		s.inner = span{int32(i), 0}
		if s.empty = empty; empty {
			return i
		}
	case k-2 == s.base && s.child.local.n == 0:
		s.child = qname{f.name, f.def}
	}
	if !empty {
		s.frames = s.frames[:k+1]
		s.frames[k] = f
	}
	return i
}

// plainAttribute reads the attribute whose name begins at i: its value is at value and ends before end, its name
// ends two bytes before its value. hash is a bit that equal names have in common. end is 0 if it isn't plain or not all there.
func plainAttribute(b []byte, i int) (name, value, end int, hash uint64) {
	name = i
	if i+9 < len(b) && b[i] == 'x' && string(b[i:i+9]) == "xml:lang=" {
		i += 4
	} else if i >= len(b) || class[b[i]]&beginName == 0 {
		return 0, 0, 0, 0
	}
	local := i
	for i < len(b) && class[b[i]]&inName != 0 {
		i++
	}
	if i+1 >= len(b) || b[i] != '=' {
		return 0, 0, 0, 0
	}
	quote := b[i+1]
	if quote != '\'' && quote != '"' {
		return 0, 0, 0, 0
	}
	hash = uint64(1) << ((b[i-1]*5 + byte(i-local)) & 63)
	i += 2
	value = i
	for {
		i = skipValue(b, i)
		for i < len(b) && class[b[i]]&inValue != 0 {
			i++
		}
		if i >= len(b) {
			return 0, 0, 0, 0
		}
		if b[i] == quote {
			return name, value, i, hash
		}
		n := plainChars(b, i)
		if n == i {
			return 0, 0, 0, 0
		}
		i = n
	}
}

// plainRef returns the length of the reference at i if it is one of the five entities, else 0.
func plainRef(b []byte, i int) int {
	for _, ref := range [...]string{"&amp;", "&lt;", "&gt;", "&quot;", "&apos;"} {
		if len(b)-i >= len(ref) && string(b[i:i+len(ref)]) == ref {
			return len(ref)
		}
	}
	return 0
}

// plainChars returns where the run of characters ends that are not ASCII, without anything to check but their form: those of two
// bytes, and of three but for the last ones and those around the surrogates.
func plainChars(b []byte, i int) int {
	for i+2 < len(b) && b[i+1]&0xC0 == 0x80 {
		switch c := b[i]; {
		case c >= 0xC2 && c <= 0xDF:
			i += 2
		case c >= 0xE1 && c <= 0xEC && b[i+2]&0xC0 == 0x80:
			i += 3
		default:
			return i
		}
	}
	return i
}
