package xmpp

// plain reads on at i, where character data or a tag is due, for as long as everything is as it is in nearly all
// stanzas: tags without prefixes, one blank before an attribute, nothing in a value to unescape. It refuses nothing and
// leaves no trace of a tag that it gives up: run reads it again, byte by byte. So each byte is looked at
// twice at most. st is stLt where it has given up a tag, behind whose '<' i then stands, else stText.
func (s *Scanner) plain(b []byte, i int) (at int, st state, done bool) {
	for {
		if i < 0 || i >= len(b) {
			return i, stText, false
		}
		if b[i] != '<' {
			if i = skipText(b, i); i > len(b)-8 {
				for i < len(b) && class[b[i]]&inText != 0 {
					i++
				}
				if i >= len(b) {
					return i, stText, false
				}
			}
		}
		switch c := b[i]; {
		case c == '<':
			i++
			n := 0
			if i < len(b) && b[i] == '/' {
				if n = s.plainEnd(b, i+1); n > 0 && s.pop() {
					return n, stText, true
				}
			} else if n = s.plainTag(b, i); n > 0 && s.empty {
				return n, stText, true
			}
			if n == 0 {
				return i, stLt, false
			}
			i, s.text = n, n
		case class[c]&inText != 0: // white space
			i++
		case c == '&':
			n := plainRef(b, i)
			if n == 0 {
				return i, stText, false
			}
			i += n
		default:
			n := plainChars(b, i)
			if n == i {
				return i, stText, false
			}
			i = n
		}
	}
}

// plainEnd returns where the end tag ends whose name begins at i, or 0.
func (s *Scanner) plainEnd(b []byte, i int) int {
	f := &s.frames[len(s.frames)-1]
	off, n := int(f.name.off), int(f.name.n)
	end := i + n
	if n <= 0 || end >= len(b) || b[end] != '>' {
		return 0
	}
	if n <= 8 && off >= 0 && i < len(b)-7 && off < i {
		if (load(b, i)^load(b, off))<<(64-8*n) != 0 {
			return 0
		}
	} else if string(b[i:end]) != string(s.at(b, f.name)) {
		return 0
	}
	s.inner.n = int32(i) - 2 - s.inner.off
	return end + 1
}

// The names of attributes that mean something here, as numbers: their bytes and the '=' behind them, the first
// byte lowest.
const (
	wordTo    = 't' | 'o'<<8 | '='<<16
	wordID    = 'i' | 'd'<<8 | '='<<16
	wordFrom  = 'f' | 'r'<<8 | 'o'<<16 | 'm'<<24 | '='<<32
	wordType  = 't' | 'y'<<8 | 'p'<<16 | 'e'<<24 | '='<<32
	wordXMLNS = 'x' | 'm'<<8 | 'l'<<16 | 'n'<<24 | 's'<<32 | '='<<40
	wordLang  = 'x' | 'm'<<8 | 'l'<<16 | ':'<<24 | 'l'<<32 | 'a'<<40 | 'n'<<48 | 'g'<<56
)

// What an attribute is: its place in Scanner.want, or one of these.
const (
	attrXMLNS = 5 + iota
	attrOther
)

// plainName reads the attribute's name that begins at i. It returns where its '=' is, or 0, and a bit that
// equal local names have in common.
func plainName(b []byte, i int) (eq, which int, hash uint64) {
	begin := i
	if i < len(b)-8 {
		switch w := load(b, i); {
		case w&(1<<48-1) == wordXMLNS:
			return i + 5, attrXMLNS, nameHash('s', 5)
		case w&(1<<24-1) == wordTo:
			return i + 2, 0, nameHash('o', 2)
		case w&(1<<40-1) == wordFrom:
			return i + 4, 1, nameHash('m', 4)
		case w&(1<<40-1) == wordType:
			return i + 4, 2, nameHash('e', 4)
		case w&(1<<24-1) == wordID:
			return i + 2, 3, nameHash('d', 2)
		case w == wordLang && b[i+8] == '=':
			return i + 8, 4, nameHash('g', 4)
		}
	}
	if i >= len(b) || class[b[i]]&beginName == 0 {
		return 0, 0, 0
	}
	for i < len(b) && class[b[i]]&inName != 0 {
		i++
	}
	if i >= len(b) || b[i] != '=' {
		return 0, 0, 0
	}
	which = attrOther
	switch string(b[begin:i]) { // so close to the end that there was no word to load
	case "to":
		which = 0
	case "from":
		which = 1
	case "type":
		which = 2
	case "id":
		which = 3
	case "xmlns":
		which = attrXMLNS
	}
	return i, which, nameHash(b[i-1], i-begin)
}

// nameHash is a bit for a local name of n bytes that ends with last.
func nameHash(last byte, n int) uint64 { return 1 << ((last*5 + byte(n)) & 63) }

// plainTag takes the start tag whose name begins at i, and returns where it ends; 0 if it isn't all there
// or isn't plain.
func (s *Scanner) plainTag(b []byte, i int) int {
	begin := i
	if i < 0 || i >= len(b) || class[b[i]]&beginName == 0 {
		return 0
	}
	for i < len(b) && class[b[i]]&inName != 0 {
		i++
	}
	k := len(s.frames)
	if k == cap(s.frames) || k-s.base > s.depth || s.elements >= s.most {
		return 0
	}
	f := frame{name: span{int32(begin), int32(i - begin)}, def: s.frames[k-1].def, colon: -1, binds: int32(len(s.binds))}
	var seen uint64
	for n := 0; i < len(b) && b[i] == ' '; n++ {
		eq, which, hash := plainName(b, i+1)
		if eq == 0 || seen&hash != 0 || n >= s.wide || eq+1 >= len(b) {
			return 0
		}
		seen |= hash
		quote := b[eq+1]
		if quote != '\'' && quote != '"' {
			return 0
		}
		value := eq + 2
		for i = value; ; {
			if i = skipValue(b, i); i > len(b)-8 {
				for i < len(b) && class[b[i]]&inValue != 0 {
					i++
				}
				if i >= len(b) {
					return 0
				}
			}
			if b[i] == quote {
				break
			}
			n := plainChars(b, i)
			if b[i] == '#' {
				n = i + 1
			}
			if n == i {
				return 0
			}
			i = n
		}
		v := span{int32(value), int32(i - value)}
		i++
		switch {
		case which == attrXMLNS:
			f.def, f.own = nsRef{known(b[value : i-1]), v}, true
		case which < attrXMLNS && k-1 == s.base:
			s.want[which] = v
		}
	}
	empty := i < len(b) && b[i] == '/'
	if empty {
		i++
	}
	if i >= len(b) || b[i] != '>' {
		return 0
	}
	return s.plainOpened(b, &f, i+1, empty)
}

// plainOpened settles a plain tag that ends at i.
func (s *Scanner) plainOpened(b []byte, f *frame, i int, empty bool) int {
	k := len(s.frames)
	up := &s.frames[k-1]
	top := k-1 == s.base
	if f.own && f.def.id != idOther && !(top && f.def.id == idClient) {
		return 0
	}
	s.elements++
	off, n := int(f.name.off), int(f.name.n)
	s.within |= elementBit(b[off], b[off+n-1], n)
	if top {
		s.http = s.bosh && f.def.id == idBOSH
	}
	f.chain = up.chain && s.content(f.def.id)
	if top || k-2 == s.base && s.child.local.n == 0 {
		s.note(b, f, f.def, top)
	}
	switch {
	case top:
		s.inner = span{int32(i), 0}
		s.empty = empty
	case up.chain && !f.chain:
		s.boundary, s.edge = len(s.edits), f.name.off+f.name.n
	}
	if !empty {
		s.frames = s.frames[:k+1]
		s.frames[k] = *f
	}
	return i
}

// plainRef returns the length of the reference at i if it is one of the five entities, else 0.
func plainRef(b []byte, i int) int {
	if i < 0 || i > len(b)-8 {
		return 0
	}
	w := load(b, i)
	switch {
	case w&(1<<32-1) == '&'|'l'<<8|'t'<<16|';'<<24, w&(1<<32-1) == '&'|'g'<<8|'t'<<16|';'<<24:
		return 4
	case w&(1<<40-1) == '&'|'a'<<8|'m'<<16|'p'<<24|';'<<32:
		return 5
	case w&(1<<48-1) == '&'|'q'<<8|'u'<<16|'o'<<24|'t'<<32|';'<<40, w&(1<<48-1) == '&'|'a'<<8|'p'<<16|'o'<<24|'s'<<32|';'<<40:
		return 6
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
