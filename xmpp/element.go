package xmpp

// Kind is what a top-level element is to a router.
type Kind uint8

// The kinds of top-level element. Everything that isn't a stanza of the
// content namespace is Other: stream features, SASL, XEP-0198, framing.
const (
	Other Kind = iota
	Message
	Presence
	IQ
)

// Name is a resolved element name.
type Name struct {
	Local, Space []byte
}

// Element is one complete top-level element that a Scanner has checked in
// full. Every slice points into the scanned buffer, into the Scanner's scratch
// space or into constants: it is valid until the Scanner's next call and must
// not be kept or written to.
type Element struct {
	Raw  []byte // the whole element, first '<' to last '>'
	Kind Kind
	Name Name // namespace resolved

	// The attributes that routing needs, unescaped; nil if absent.
	To, From, Type, ID, Lang []byte

	Inner []byte // what is between the tags, as written
	Child Name   // the first child element; empty if there is none

	within uint64   // a bit for each name of an element in it: see MayHold
	s      *Scanner // whose notes Append needs (declarations, what to change); nil if nobody has scanned it
}

// MayHold tells whether an element of this local name may stand somewhere within the element. It costs nothing; false is
// certain, true has to be looked at.
func (e *Element) MayHold(local string) bool {
	return e.s == nil || len(local) > 0 && e.within&elementBit(local[0], local[len(local)-1], len(local)) != 0
}

// elementBit is a bit for a local name of n bytes that begins and ends like this.
func elementBit(first, last byte, n int) uint64 { return 1 << ((first*7 + last*5 + byte(n)) & 63) }
