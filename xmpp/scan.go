package xmpp

// Limits bounds what a Scanner accepts. Zero means no limit.
type Limits struct {
	Bytes      int // of one top-level element
	Depth      int // of nesting, the top-level element being 1
	Attributes int // of one element
	Elements   int // in one top-level element, itself included
}

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
// each byte once however small the pieces. Not safe for concurrent use.
// It keeps no buffer of its own; an unused Scanner costs a few hundred bytes, so transports
// pool them.
type Scanner struct {
	lim Limits
}

// NewScanner returns a scanner that waits for One or for a document whose root
// start tag is yet to come.
func NewScanner(lim Limits) *Scanner { return &Scanner{lim: lim} }

// Reset makes the scanner ready for a new document.
func (s *Scanner) Reset(lim Limits) { panic("unbuilt") }

// ResetInside makes the scanner ready for what follows a root start tag that
// somebody else has read: name is the root's name as written (say
// "stream:stream"), def the default namespace, and stream the namespace of the
// prefix "stream" ("" if it is undeclared).
func (s *Scanner) ResetInside(lim Limits, name, def, stream string) { panic("unbuilt") }

// One checks that msg is exactly one element, nothing before or after it, and
// describes it. The error is a *StreamError.
func (s *Scanner) One(msg []byte) (*Element, error) { panic("unbuilt") }

// Next reads the next token of a document. buf starts where the last token
// ended, and after NeedMore it must start with the same bytes as before, with
// more behind. n is how many bytes the token took; with NeedMore n is 0 or more
// bytes of white space that may be thrown away. The error is a *StreamError and final.
func (s *Scanner) Next(buf []byte) (n int, t Token, err error) { panic("unbuilt") }

// Element describes the stanza of the last Stanza token.
func (s *Scanner) Element() *Element { panic("unbuilt") }

// Root describes the root's start tag after a Root token (Inner and Child are
// empty); valid until the buffer is reused.
func (s *Scanner) Root() *Element { panic("unbuilt") }
