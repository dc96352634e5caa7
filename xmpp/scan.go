package xmpp

import "math"

// Limits bounds what a Scanner accepts. Zero means no limit. Over a limit the
// error is policy-violation, as soon as it is certain: an element that is too
// large is refused before its end has been seen.
type Limits struct {
	Bytes      int // of one top-level element, or of the root's start tag
	Depth      int // of nesting, the top-level element being 1
	Attributes int // of one element, namespace declarations included
	Elements   int // in one top-level element, itself included
}

// Limits that hold whatever the caller's Limits say. They keep the offsets
// small, and the cost of looking a prefix up constant.
const (
	maxBytes       = 1 << 30 // of one top-level element
	maxPrefixes    = 64      // prefixes in scope at one place
	maxDeclaration = 256     // bytes of an XML declaration
)

// Token says what Scanner.Next found.
type Token uint8

const (
	NeedMore Token = iota // the buffer ends inside an element or is empty
	Root                  // the root's start tag: see Scanner.Root
	Stanza                // a complete top-level element: see Scanner.Element
	End                   // the root's end tag
)

// Scanner finds and checks elements, strictly: XML 1.0 and Namespaces
// well-formedness, RFC 6120 §11, and its Limits. It is resumable and looks at
// each byte twice at most, however small the pieces. Not safe for concurrent use.
// It keeps no buffer of its own; an unused Scanner costs a few hundred bytes, so transports
// pool them.
//
// Its errors are *StreamError with one of these conditions:
//
//   - not-well-formed: not XML, or not namespace-well-formed (RFC 6120 §4.9.3.13)
//   - restricted-xml: a comment, processing instruction, DTD or entity other
//     than the five (§4.9.3.18, §11.1)
//   - unsupported-encoding: bytes that are not UTF-8, or a declaration of
//     another encoding (§4.9.3.22, §11.6)
//   - bad-format: character data between top-level elements (§4.9.3.1)
//   - bad-namespace-prefix: one element has the same attribute in both
//     content namespaces, which would clash in one of them (§4.9.3.2)
//   - policy-violation: over a limit (§4.9.3.14)
//
// CDATA sections are legal and pass unchanged; RFC 6120 §11.1 doesn't restrict them.
type Scanner struct {
	// The limits; what has none is limited by what an int holds.
	bytes int // of an element
	depth int
	wide  int // attributes of a tag
	most  int // elements in one

	// The document.
	phase     phase
	one       bool // there is none: One reads a single element
	base      int  // index of the frame above the top-level elements
	bosh      bool // the root's default namespace is XEP-0124's
	rootBinds int  // prefixes that the root declares
	rootText  int  // scratch that the root keeps
	err       *StreamError

	// The place in the element. Offsets count from its '<'.
	st    state
	back  state // where a reference returns to
	i     int   // how far the element has been looked at
	mark  int   // begin of the name being read
	ref   int   // begin of the reference being read
	colon int   // of the name being read, or -1
	nameE int   // end of the attribute's name
	value int   // begin of the attribute's value
	text  int   // begin of the run of character data or CDATA
	odd   bool  // the value needs unescaping or normalising
	quote byte

	frames  []frame   // open elements; [0] stands for what is outside
	binds   []binding // prefixes in scope
	attrs   []attr    // of the tag being read
	edits   []edit    // what Append has to change in the body
	scratch []byte    // unescaped values; what the root declares
	nextID  nsID

	// The top-level element.
	elements int
	within   uint64 // bits for the names of its elements
	http     bool   // it is in XEP-0124's namespace, which counts as content
	empty    bool   // its tag, or the root's, ends with "/>"
	tagEdits int    // edits before the tag being read
	seen     uint64 // hashes of the names of its attributes
	twice    bool   // two of them have the same hash
	prefixes bool   // one of them has a prefix
	boundary int    // edits before the outermost foreign element round this place, -1 before the first
	edge     int32  // end of that element's name
	inner    span
	want     [5]span // to, from, type, id, xml:lang
	child    qname
	top      tag
	el       Element
	root     Element
}

type phase uint8

const (
	phaseStart  phase = iota // nothing seen
	phaseProlog              // the root's start tag is yet to come
	phaseInside
	phaseEmpty // the root was an empty-element tag: End comes next
	phaseAfter
)

// NewScanner returns a scanner that waits for One or for a document whose root
// start tag is yet to come.
func NewScanner(lim Limits) *Scanner {
	s := &Scanner{}
	s.Reset(lim)
	return s
}

// Reset makes the scanner ready for a new document.
func (s *Scanner) Reset(lim Limits) {
	s.bytes = min(limit(lim.Bytes), maxBytes)
	s.depth, s.wide, s.most = limit(lim.Depth), limit(lim.Attributes), limit(lim.Elements)
	s.el.s, s.root.s = s, s
	s.err = nil
	s.forget()
}

func limit(n int) int {
	if n <= 0 {
		return math.MaxInt
	}
	return n
}

// forget drops the document.
func (s *Scanner) forget() {
	s.one, s.phase, s.base, s.bosh, s.rootBinds, s.rootText = false, phaseStart, 0, false, 0, 0
	s.nextID = idFirst
	s.st = stOuter
	s.frames = append(s.frames[:0], frame{chain: true})
	s.begin()
}

// ResetInside makes the scanner ready for what follows a root start tag that
// somebody else has read: name is the root's name as written (say
// "stream:stream"), def the default namespace, and stream the namespace of the
// prefix "stream" ("" if it is undeclared).
func (s *Scanner) ResetInside(lim Limits, name, def, stream string) {
	s.Reset(lim)
	f := frame{name: s.keepString(name), chain: true}
	f.def = nsRef{known(def), s.keepString(def)}
	s.frames = append(s.frames, f)
	if stream != "" {
		b := binding{prefix: s.keepString("stream"), uri: s.keepString(stream), id: known(stream), chain: true}
		if b.id == idOther {
			b.id = s.newID()
		}
		s.binds = append(s.binds, b)
	}
	s.inside()
}

// inside makes the open root the parent of what comes next.
func (s *Scanner) inside() {
	s.phase, s.base = phaseInside, 1
	s.rootBinds, s.rootText = len(s.binds), len(s.scratch)
	s.bosh = s.frames[1].def.id == idBOSH
	s.st = stOuter
}

// One checks that msg is exactly one element, with nothing before it (but an
// XML declaration, which RFC 7395 §3.7 advises against and allows) and nothing but white
// space after it, and describes it. No namespace is declared outside msg. The
// error is a *StreamError.
func (s *Scanner) One(msg []byte) (*Element, error) {
	if len(msg) > s.bytes {
		return nil, tooLarge()
	}
	if !s.one { // else the last call has left all as it should be
		s.forget()
		s.one, s.err = true, nil
	}
	if err := s.oneOf(msg); err != nil {
		s.one = false
		return nil, err
	}
	return &s.el, nil
}

func (s *Scanner) oneOf(msg []byte) *StreamError {
	if len(msg) > 1 && msg[1] == '?' {
		n, more, err := declaration(msg)
		switch {
		case err != nil:
			return err
		case more:
			return illFormed("the message ends inside its XML declaration")
		case n > 0:
			msg = trimSpace(msg[n:])
		}
	}
	if len(msg) == 0 || msg[0] != '<' { // RFC 7395 §3.4
		return illFormed("the message does not begin with an element")
	}
	s.start()
	done, err := s.run(msg)
	switch {
	case err != nil:
		return err
	case !done:
		return illFormed("the message ends inside an element")
	case s.i < len(msg) && len(trimSpace(msg[s.i:])) > 0:
		return illFormed("the message goes on after its element")
	}
	s.finish(msg)
	return nil
}

// trimSpace cuts white space off the front.
func trimSpace(b []byte) []byte {
	for len(b) > 0 && class[b[0]]&isSpace != 0 {
		b = b[1:]
	}
	return b
}

// Next reads the next token of a document. buf starts where the last token
// ended, and after NeedMore it must start with the same bytes as before, with
// more behind. n is how many bytes the token took; with NeedMore n counts white
// space (and the XML declaration) in front of an element: the caller must throw
// these bytes away. The error is a *StreamError and final.
func (s *Scanner) Next(buf []byte) (n int, t Token, err error) {
	if s.err != nil {
		return 0, NeedMore, s.err
	}
	if s.one {
		s.forget()
	}
	n, t, bad := s.next(buf)
	if bad != nil {
		s.err = bad
		return 0, NeedMore, bad
	}
	return n, t, nil
}

func (s *Scanner) next(buf []byte) (n int, t Token, err *StreamError) {
	if s.phase == phaseEmpty {
		s.phase = phaseAfter
		return 0, End, nil
	}
	if s.phase == phaseStart {
		var more bool
		if n, more, err = declaration(buf); err != nil || more {
			return 0, NeedMore, err
		}
		if n > 0 {
			s.phase = phaseProlog
		}
	}
	for n < len(buf) && class[buf[n]]&isSpace != 0 {
		n++
	}
	if n > 0 && s.phase == phaseStart {
		s.phase = phaseProlog // an XML declaration may not follow white space
	}
	b := buf[n:]
	if len(b) == 0 {
		return n, NeedMore, nil
	}
	if s.st == stOuter {
		if b[0] != '<' || s.phase == phaseAfter {
			return 0, NeedMore, s.stray()
		}
		s.start()
	}
	full := len(b) >= s.bytes
	if full {
		b = b[:s.bytes]
	}
	done, err := s.run(b)
	if err != nil {
		return 0, NeedMore, err
	}
	if !done {
		if full {
			return 0, NeedMore, tooLarge()
		}
		return n, NeedMore, nil
	}
	n += s.i
	switch {
	case s.phase != phaseInside:
		s.finishRoot(b)
		return n, Root, nil
	case len(s.frames)-1 < s.base:
		s.phase, s.st = phaseAfter, stOuter
		return n, End, nil
	}
	s.finish(b)
	return n, Stanza, nil
}

// stray is the error for what is neither element nor white space between elements.
func (s *Scanner) stray() *StreamError {
	if s.phase == phaseInside {
		return &StreamError{Condition: "bad-format", Text: "character data between stanzas"}
	}
	return illFormed("character data outside the document's root")
}

// start begins a top-level element at its '<'.
func (s *Scanner) start() {
	s.begin()
	s.i, s.st = 1, stLt
}

// begin forgets the last top-level element.
func (s *Scanner) begin() {
	s.scratch = s.scratch[:s.rootText]
	s.binds = s.binds[:s.rootBinds]
	for i := range s.binds {
		s.binds[i].used = false
	}
	s.edits = s.edits[:0]
	s.elements, s.within, s.boundary, s.http, s.empty = 0, 0, -1, false, false
	s.child = qname{}
	s.want = [5]span{absent, absent, absent, absent, absent}
}

// finish describes the top-level element that ends at s.i.
func (s *Scanner) finish(b []byte) {
	s.st = stOuter
	s.describe(b, &s.el)
	s.el.Inner = s.at(b, s.inner)
}

// finishRoot describes the root's start tag and keeps what its children inherit.
func (s *Scanner) finishRoot(b []byte) {
	f := &s.frames[1]
	s.top.kind = Other
	s.describe(b, &s.root)
	f.name = s.keep(b, f.name)
	f.def.uri = s.keep(b, f.def.uri)
	for i := range s.binds {
		p := &s.binds[i]
		p.prefix, p.uri, p.chain = s.keep(b, p.prefix), s.keep(b, p.uri), true
	}
	f.binds, f.chain = 0, true
	empty := s.empty
	s.inside()
	if empty {
		s.phase = phaseEmpty
	}
}

func (s *Scanner) describe(b []byte, e *Element) {
	e.Raw = b[:s.i]
	e.To, e.From, e.Type = s.at(b, s.want[0]), s.at(b, s.want[1]), s.at(b, s.want[2])
	e.ID, e.Lang = s.at(b, s.want[3]), s.at(b, s.want[4])
	e.Kind, e.Inner, e.within = s.top.kind, nil, s.within
	e.Name, e.Child = s.name(b, s.top.name), s.name(b, s.child)
}

// Element describes the stanza of the last Stanza token.
func (s *Scanner) Element() *Element { return &s.el }

// Root describes the root's start tag after a Root token (Inner and Child are
// empty); valid until the buffer is reused.
func (s *Scanner) Root() *Element { return &s.root }

// declaration reads an XML declaration at the start of a document. more tells
// that buf may be the beginning of one.
func declaration(buf []byte) (n int, more bool, err *StreamError) {
	const open = "<?xml"
	k := min(len(buf), len(open))
	if string(buf[:k]) != open[:k] {
		return 0, false, nil
	}
	if len(buf) <= len(open) {
		return 0, true, nil
	}
	if class[buf[len(open)]]&isSpace == 0 {
		return 0, false, nil // some other target: a processing instruction
	}
	for i := len(open) + 1; i < len(buf) && i < maxDeclaration; i++ {
		if buf[i] == '>' {
			if buf[i-1] != '?' {
				return 0, false, illFormed("bad XML declaration")
			}
			return i + 1, false, checkDeclaration(buf[len(open) : i-1])
		}
	}
	if len(buf) >= maxDeclaration {
		return 0, false, &StreamError{Condition: "policy-violation", Text: "the XML declaration is too long"}
	}
	return 0, true, nil
}

func illFormed(text string) *StreamError {
	return &StreamError{Condition: "not-well-formed", Text: text}
}

func tooLarge() *StreamError {
	return &StreamError{Condition: "policy-violation", Text: "the element is too large"}
}
