package xmpp

import (
	"bytes"
	"slices"
)

// span is a piece of the scanned buffer or, if off is negative, of the scratch
// space at ^off. n < 0 means that there is nothing.
type span struct{ off, n int32 }

var absent = span{0, -1}

func (s *Scanner) at(b []byte, p span) []byte {
	if p.n < 0 {
		return nil
	}
	if p.off < 0 {
		return s.scratch[^p.off : ^p.off+p.n : ^p.off+p.n]
	}
	return b[p.off : p.off+p.n : p.off+p.n]
}

// keep copies what p points at into the scratch space.
func (s *Scanner) keep(b []byte, p span) span {
	if p.n < 0 || p.off < 0 {
		return p
	}
	off := len(s.scratch)
	s.scratch = append(s.scratch, b[p.off:p.off+p.n]...)
	return span{^int32(off), p.n}
}

func (s *Scanner) keepString(v string) span {
	off := len(s.scratch)
	s.scratch = append(s.scratch, v...)
	return span{^int32(off), int32(len(v))}
}

// nsID stands for a namespace name, so that two can be compared at once.
type nsID int32

const (
	idNone nsID = iota // no namespace
	idClient
	idComponent
	idBOSH
	idXML
	idXMLNS
	idOther // a default namespace that is none of these
	idFirst // the first for namespaces bound to prefixes
)

const nsXMLNS = "http://www.w3.org/2000/xmlns/"

func known[T string | []byte](uri T) nsID {
	switch string(uri) {
	case "":
		return idNone
	case NSClient:
		return idClient
	case NSComponent:
		return idComponent
	case NSBOSH:
		return idBOSH
	case NSXML:
		return idXML
	case nsXMLNS:
		return idXMLNS
	}
	return idOther
}

func (s *Scanner) newID() nsID {
	s.nextID++
	return s.nextID - 1
}

type nsRef struct {
	id  nsID
	uri span
}

// qname is an element's name with its namespace looked up.
type qname struct {
	local span
	ns    nsRef
}

func (s *Scanner) name(b []byte, q qname) Name {
	if q.local.n <= 0 {
		return Name{}
	}
	n := Name{Local: s.at(b, q.local), Space: s.at(b, q.ns.uri)}
	switch {
	case q.ns.id == idBOSH && s.http:
		n.Space = nsClientBytes
	case q.ns.id == idXML:
		n.Space = nsXMLBytes
	}
	return n
}

var (
	nsClientBytes    = []byte(NSClient)
	nsComponentBytes = []byte(NSComponent)
	nsXMLBytes       = []byte(NSXML)
)

// frame is an open element.
type frame struct {
	name  span  // as written
	def   nsRef // default namespace in scope
	colon int32 // of name, from its begin, or -1
	binds int32 // prefixes in scope before it
	own   bool  // it declares a default namespace
	chain bool  // it and all above it are in a content namespace
}

// binding is a declared prefix.
type binding struct {
	prefix, uri span
	id          nsID
	chain       bool // declared on an element of the chain, so Append moves it
	used        bool // within this top-level element
}

// attr is an attribute of the tag being read; off and n are its local name.
type attr struct {
	off, n int32
	prefix int32 // length of the prefix in front of "name", or -1
	id     nsID
}

// prefixed looks a prefix up; nil stands for xml, which nobody needs to declare.
func (s *Scanner) prefixed(b []byte, prefix []byte) (*binding, *StreamError) {
	for i := len(s.binds) - 1; i >= 0; i-- {
		p := &s.binds[i]
		if int(p.prefix.n) == len(prefix) && string(s.at(b, p.prefix)) == string(prefix) {
			p.used = true
			return p, nil
		}
	}
	if string(prefix) == "xml" {
		return nil, nil
	}
	return nil, illFormed("undeclared prefix")
}

// badName checks a namespace name: reserved ones (Namespaces in XML §3), and
// control characters, which no URI reference has (§2.2); servers use some
// of them to set names apart from namespaces.
func (s *Scanner) badName(u []byte, uri span, id nsID) *StreamError {
	if id == idXML || id == idXMLNS {
		return illFormed("declaration of a reserved namespace")
	}
	if uri.off >= 0 {
		return nil // nothing that was a reference
	}
	if controls(u) {
		return illFormed("control character in a namespace name")
	}
	return nil
}

// controls tells whether there is a control character in v.
func controls(v []byte) bool {
	for _, c := range v {
		if c < ' ' {
			return true
		}
	}
	return false
}

// declareDefault notes the default namespace of the element being opened.
func (s *Scanner) declareDefault(b []byte, f *frame, uri span) (nsID, *StreamError) {
	u := s.at(b, uri)
	id := known(u)
	f.own, f.def = true, nsRef{id, uri}
	return id, s.badName(u, uri, id)
}

// declarePrefix notes that prefix stands for a namespace within the element
// being opened.
func (s *Scanner) declarePrefix(b []byte, prefix, uri span) (nsID, *StreamError) {
	u := s.at(b, uri)
	id := known(u)
	switch string(s.at(b, prefix)) {
	case "xml":
		if id != idXML {
			return 0, illFormed("the prefix xml stands for another namespace")
		}
		return id, nil
	case "xmlns":
		return 0, illFormed("declaration of a reserved prefix")
	}
	if err := s.badName(u, uri, id); err != nil {
		return 0, err
	}
	if id == idNone {
		return 0, illFormed("a prefix stands for no namespace") // §5
	}
	if len(s.binds) >= maxPrefixes {
		return 0, &StreamError{Condition: "policy-violation", Text: "too many prefixes"}
	}
	if id == idOther {
		for i := range s.binds {
			if string(s.at(b, s.binds[i].uri)) == string(u) {
				id = s.binds[i].id
			}
		}
		if id == idOther {
			id = s.newID()
		}
	}
	s.binds = append(s.binds, binding{prefix: prefix, uri: uri, id: id})
	return id, nil
}

// content tells whether the namespace is a stream's content namespace: as long
// as every element above is in one, Append moves it to the other.
func (s *Scanner) content(id nsID) bool {
	return id == idClient || id == idComponent || id == idBOSH && s.http
}

// unique checks that no two attributes of the tag have one expanded name
// (Namespaces in XML §6.3). Names in the two content namespaces count as equal,
// for they become so.
func (s *Scanner) unique(b []byte) *StreamError {
	a := s.attrs
	if len(a) <= 16 {
		for i := 1; i < len(a); i++ {
			for j := 0; j < i; j++ {
				if a[i].n == a[j].n && oneID(a[i].id) == oneID(a[j].id) &&
					string(b[a[i].off:a[i].off+a[i].n]) == string(b[a[j].off:a[j].off+a[j].n]) {
					return twice(a[i].id == a[j].id)
				}
			}
		}
		return nil
	}
	compare := func(x, y attr) int {
		if c := int(oneID(x.id)) - int(oneID(y.id)); c != 0 {
			return c
		}
		return bytes.Compare(b[x.off:x.off+x.n], b[y.off:y.off+y.n])
	}
	slices.SortFunc(a, compare)
	for i := 1; i < len(a); i++ {
		if compare(a[i-1], a[i]) == 0 {
			return twice(a[i-1].id == a[i].id)
		}
	}
	return nil
}

func oneID(id nsID) nsID {
	if id == idComponent || id == idBOSH {
		return idClient
	}
	return id
}

func twice(same bool) *StreamError {
	if same {
		return illFormed("an attribute stands twice in one tag")
	}
	return &StreamError{Condition: "bad-namespace-prefix", Text: "an attribute stands in two content namespaces"}
}
