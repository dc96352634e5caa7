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

	s *Scanner // whose notes Append needs (declarations, what to change); nil if nobody has scanned it
}
