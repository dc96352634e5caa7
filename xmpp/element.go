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

	start tag // unexported: what Append and Attr need (declarations, spans to rewrite)
}

// tag is the scanner's note on a start tag.
type tag struct{}

// Attr returns the unescaped value of the top element's attribute with this
// name, as written (a prefixed name with its prefix), and whether it is there.
// It is for negotiation and control elements, not for the hot path.
func (e *Element) Attr(name string) (string, bool) { panic("unbuilt") }

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

// Append writes the stanza anew: a start tag of ours from h (of the attributes
// that stood there only namespace declarations of prefixes are kept), and the
// checked body as it is, moved from one content namespace to the other also
// where a child repeats the old one. It allocates only to grow dst.
func (e *Element) Append(dst []byte, to Content, h *Header) []byte { panic("unbuilt") }

// AppendText appends s as escaped character data; AppendAttr appends
// ` name='value'` with the value escaped (nothing at all if value is nil).
func AppendText(dst, s []byte) []byte                     { panic("unbuilt") }
func AppendAttr(dst []byte, name string, v []byte) []byte { panic("unbuilt") }
