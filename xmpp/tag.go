package xmpp

import "slices"

// tag is the scanner's note on a start tag.
type tag struct {
	kind  Kind
	name  qname
	raw   span  // the name as written
	colon int32 // of raw, or -1
	def   nsRef // the default namespace within it
	chain bool  // it is in a content namespace
}

// edit is a change that Append has to make in a body when it moves it.
type edit struct {
	at, n  int32 // what is replaced; n is 0 for an insertion
	kind   editKind
	id     nsID // what is declared there
	prefix span // for editKeep; absent means the default namespace
}

type editKind uint8

const (
	// editMove: a declaration of a content namespace within the chain of
	// content elements. It follows the stanza.
	editMove editKind = iota
	// editDown: a declaration below a foreign element of
	// jabber:component:accept, which clients don't know, or of XEP-0124's
	// namespace in a stanza that is itself in it. It becomes jabber:client.
	editDown
	// editKeep: a foreign element whose descendants use a declaration of
	// jabber:client that stands above it and moves. It needs one of its own.
	editKeep
)

// goodName checks the begins of the parts of the name that ends at i; its other
// characters have been checked (Namespaces in XML §4).
func (s *Scanner) goodName(b []byte, i int) bool {
	return s.colon < 0 && class[b[s.mark]]&beginName != 0 || s.goodParts(b, i)
}

func (s *Scanner) goodParts(b []byte, i int) bool {
	if s.mark == i || !nameStart(b[s.mark:i]) {
		return false
	}
	return s.colon < 0 || s.colon+1 < i && nameStart(b[s.colon+1:i])
}

// open pushes the element whose start tag's name ends at i.
func (s *Scanner) open(b []byte, i int) *StreamError {
	if !s.goodName(b, i) {
		return illFormed("bad element name")
	}
	s.elements++
	if s.elements > s.most {
		return &StreamError{Condition: "policy-violation", Text: "too many elements"}
	}
	local := b[max(s.mark, s.colon+1):i]
	s.within |= elementBit(local[0], local[len(local)-1], len(local))
	up := &s.frames[len(s.frames)-1]
	if len(s.frames)-s.base > s.depth {
		return &StreamError{Condition: "policy-violation", Text: "elements too deep"}
	}
	f := frame{name: span{int32(s.mark), int32(i - s.mark)}, def: up.def, colon: -1, binds: int32(len(s.binds))}
	if s.colon >= 0 {
		f.colon = int32(s.colon - s.mark)
	}
	s.frames = append(s.frames, f)
	s.attrs, s.seen, s.twice, s.prefixes = s.attrs[:0], 0, false, false
	s.tagEdits = len(s.edits)
	return nil
}

// moreAttributes checks that the tag may have another one.
func (s *Scanner) moreAttributes() *StreamError {
	if len(s.attrs) >= s.wide {
		return &StreamError{Condition: "policy-violation", Text: "too many attributes"}
	}
	return nil
}

// attribute takes the attribute whose value ends at i.
func (s *Scanner) attribute(b []byte, i int) *StreamError {
	a := attr{off: int32(s.mark), n: int32(s.nameE - s.mark), prefix: -1}
	top := len(s.frames)-2 == s.base
	// Equal names have equal hashes, whatever their prefixes.
	hash := nameHash(b[s.nameE-1], s.nameE-max(s.mark, s.colon+1))
	s.twice = s.twice || s.seen&hash != 0
	s.seen |= hash
	if s.colon < 0 {
		switch name := b[s.mark:s.nameE]; {
		case len(name) == 5 && string(name) == "xmlns":
			a.id = idXMLNS
			s.attrs = append(s.attrs, a)
			if !s.odd { // mostly a namespace that needs no further thought
				f := &s.frames[len(s.frames)-1]
				if id := known(b[s.value:i]); id == idOther || top && id == idClient {
					f.own, f.def = true, nsRef{id, span{int32(s.value), int32(i - s.value)}}
					return nil
				}
			}
			return s.declaration(b, i, absent)
		case top:
			s.wanted(b, name, i)
		}
		s.attrs = append(s.attrs, a)
		return nil
	}
	s.prefixes = true
	a.prefix = int32(s.colon - s.mark)
	a.off, a.n = int32(s.colon+1), int32(s.nameE-s.colon-1)
	switch prefix := b[s.mark:s.colon]; {
	case string(prefix) == "xmlns":
		a.prefix, a.id = -1, idXMLNS
		s.attrs = append(s.attrs, a)
		return s.declaration(b, i, span{a.off, a.n})
	case top && string(b[s.mark:s.nameE]) == "xml:lang":
		s.want[4] = s.normal(b, i)
	}
	s.attrs = append(s.attrs, a)
	return nil
}

// wanted keeps the attributes of the top element that routing needs.
func (s *Scanner) wanted(b, name []byte, i int) {
	switch string(name) {
	case "to":
		s.want[0] = s.normal(b, i)
	case "from":
		s.want[1] = s.normal(b, i)
	case "type":
		s.want[2] = s.normal(b, i)
	case "id":
		s.want[3] = s.normal(b, i)
	}
}

// normal returns the value that ends at i, unescaped and normalised.
func (s *Scanner) normal(b []byte, i int) span {
	if !s.odd {
		return span{int32(s.value), int32(i - s.value)}
	}
	off := len(s.scratch)
	s.scratch = unescapeAttr(s.scratch, b[s.value:i])
	return span{^int32(off), int32(len(s.scratch) - off)}
}

// declaration takes a namespace declaration whose value ends at i; prefix is
// absent for the default.
func (s *Scanner) declaration(b []byte, i int, prefix span) *StreamError {
	var id nsID
	var err *StreamError
	if s.odd && controls(b[s.value:i]) { // a line end would become a space, which no namespace name has either
		return illFormed("control character in a namespace name")
	}
	if prefix.n < 0 {
		id, err = s.declareDefault(b, &s.frames[len(s.frames)-1], s.normal(b, i))
	} else {
		id, err = s.declarePrefix(b, prefix, s.normal(b, i))
	}
	if err != nil {
		return err
	}
	// The top element's tag is written anew, so only what is below needs edits.
	if id >= idClient && id <= idBOSH && len(s.frames)-2 > s.base {
		s.edits = append(s.edits, edit{at: int32(s.value), n: int32(i - s.value), id: id})
	}
	return nil
}

// opened settles the start tag that has just ended: which namespaces it and its
// attributes are in, and what of it Append must change.
func (s *Scanner) opened(b []byte, empty bool) (err *StreamError) {
	k := len(s.frames) - 1
	f, up := &s.frames[k], &s.frames[k-1]
	top := k-1 == s.base
	ns := f.def
	var p *binding
	if f.colon >= 0 {
		if p, err = s.prefixed(b, b[f.name.off:f.name.off+f.colon]); err != nil {
			return err
		}
		if ns = (nsRef{idXML, absent}); p != nil {
			ns = nsRef{p.id, p.uri}
		}
	}
	if top {
		s.http = s.bosh && ns.id == idBOSH
	}
	f.chain = up.chain && s.content(ns.id)
	for i := int(f.binds); i < len(s.binds); i++ {
		s.binds[i].chain = f.chain
	}
	if len(s.edits) > s.tagEdits {
		s.settle(f)
	}
	if up.chain && !f.chain && !top {
		s.boundary, s.edge = s.tagEdits, f.name.off+f.name.n
		if f.colon >= 0 && !f.own && !empty && f.def.id != idComponent && s.content(f.def.id) {
			s.keepHere(b, absent)
		}
	}
	if p != nil {
		s.use(b, p, f)
	}
	if s.prefixes {
		if err = s.attrPrefixes(b, f); err != nil {
			return err
		}
	}
	if s.twice {
		if err = s.unique(b); err != nil {
			return err
		}
	}
	if top || k-2 == s.base && s.child.local.n == 0 {
		s.note(b, f, ns, top)
	}
	return nil
}

// attrPrefixes looks up the prefixes of the attributes of f.
func (s *Scanner) attrPrefixes(b []byte, f *frame) *StreamError {
	for i := range s.attrs {
		a := &s.attrs[i]
		if a.prefix < 0 {
			continue
		}
		p, err := s.prefixed(b, b[a.off-1-a.prefix:a.off-1])
		if err != nil {
			return err
		}
		if a.id = idXML; p != nil {
			a.id = p.id
			s.use(b, p, f)
		}
	}
	return nil
}

// note keeps the name of the top element or of its first child.
func (s *Scanner) note(b []byte, f *frame, ns nsRef, top bool) {
	name := qname{f.name, ns}
	if f.colon >= 0 {
		name.local.off += f.colon + 1
		name.local.n -= f.colon + 1
	}
	if !top {
		s.child = name
		return
	}
	s.top = tag{name: name, raw: f.name, colon: f.colon, def: f.def, chain: f.chain}
	if f.chain {
		switch string(s.at(b, name.local)) {
		case "message":
			s.top.kind = Message
		case "presence":
			s.top.kind = Presence
		case "iq":
			s.top.kind = IQ
		}
	}
}

// settle decides what becomes of the declarations of content namespaces in the tag of f.
func (s *Scanner) settle(f *frame) {
	kept := s.edits[:s.tagEdits]
	for _, e := range s.edits[s.tagEdits:] {
		switch {
		case f.chain && s.content(e.id):
			e.kind = editMove
		case e.id == idComponent, e.id == idBOSH && s.http:
			e.kind = editDown
		default:
			continue
		}
		kept = append(kept, e)
	}
	s.edits = kept
}

// use notes that the element of f uses the prefix of p. Below a foreign element
// jabber:client stays what it is, though the declaration above may move.
func (s *Scanner) use(b []byte, p *binding, f *frame) {
	if p.chain && !f.chain && p.id != idComponent && s.content(p.id) && s.boundary >= 0 {
		s.keepHere(b, p.prefix)
	}
}

// keepHere adds an editKeep to the outermost foreign element.
func (s *Scanner) keepHere(b []byte, prefix span) {
	i := s.boundary
	for ; i < len(s.edits) && s.edits[i].kind == editKeep && s.edits[i].at == s.edge; i++ {
		if have := s.edits[i].prefix; have.n == prefix.n && string(s.at(b, have)) == string(s.at(b, prefix)) {
			return
		}
	}
	s.edits = slices.Insert(s.edits, i, edit{at: s.edge, kind: editKeep, prefix: prefix})
}

// pop closes the innermost element and reports whether it was a top-level one or the root.
func (s *Scanner) pop() bool {
	k := len(s.frames) - 1
	f := &s.frames[k]
	s.frames = s.frames[:k]
	if k-1 <= s.base {
		return true // what the top element declares is still needed
	}
	s.binds = s.binds[:f.binds]
	return false
}

// Standalone tells whether Raw means the same wherever it stands: it declares its default namespace itself, and uses no
// prefix that its document's root has declared. For negotiation and control elements; a stanza is written with Append.
func (e *Element) Standalone() bool {
	if s := e.s; s != nil {
		for i := range s.rootBinds {
			if s.binds[i].used {
				return false
			}
		}
	}
	_, declared := e.Attr("xmlns")
	return declared
}
