package xmpp

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The oracle reads XML with encoding/xml and, since that is lenient in known
// ways, checks again what it lets through: the syntax of tags, references,
// prefixes, and attributes that stand twice.

// node is an element with its namespaces looked up. Text is a node without a local name.
type node struct {
	space, local string
	attrs        []xml.Attr // without declarations, Space looked up
	kids         []*node
	text         string
}

var (
	startTag  = regexp.MustCompile(`^<` + qnameExpr + `([ \t\r\n]+` + qnameExpr + `[ \t\r\n]*=[ \t\r\n]*("[^<"]*"|'[^<']*'))*[ \t\r\n]*/?>$`)
	endTag    = regexp.MustCompile(`^</` + qnameExpr + `[ \t\r\n]*>$`)
	refOK     = regexp.MustCompile(`^&(lt|gt|amp|apos|quot|#[0-9]+|#x[0-9a-fA-F]+);`)
	errPrefix = errors.New("oracle: undeclared prefix")
	errTwice  = errors.New("oracle: attribute twice")
	errBanned = errors.New("oracle: comment, instruction or directive")
	errSyntax = errors.New("oracle: bad tag")
	errRef    = errors.New("oracle: bad reference")
	errDecl   = errors.New("oracle: bad declaration")
	errShape  = errors.New("oracle: not one element")
	errWhole  = errors.New("oracle: unclosed element")
)

const qnameExpr = `(?:[A-Za-z_\x{80}-\x{10FFFF}][-.0-9A-Za-z_\x{80}-\x{10FFFF}]*:)?[A-Za-z_\x{80}-\x{10FFFF}][-.0-9A-Za-z_\x{80}-\x{10FFFF}]*`

type scope struct {
	up       *scope
	prefixes map[string]string // "" for the default
}

func (s *scope) find(prefix string) (string, bool) {
	if prefix == "xml" {
		return NSXML, true
	}
	for ; s != nil; s = s.up {
		if v, ok := s.prefixes[prefix]; ok {
			return v, true
		}
	}
	return "", prefix == ""
}

// parse reads the elements of a document fragment, with namespaces as in outer.
func parse(doc []byte, outer map[string]string) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(doc))
	top := &node{}
	stack := []*node{top}
	names := []string{""}
	sc := &scope{prefixes: outer}
	before := int64(0)
	for {
		tok, err := d.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		raw := doc[before:d.InputOffset()]
		before = d.InputOffset()
		cur := stack[len(stack)-1]
		switch tok := tok.(type) {
		case xml.StartElement:
			if !startTag.Match(raw) {
				if bytes.HasPrefix(raw, []byte("<")) {
					return nil, errSyntax
				}
			}
			if err := references(raw); err != nil {
				return nil, err
			}
			if sc, err = declarations(sc, tok.Attr); err != nil {
				return nil, err
			}
			n, err := resolve(sc, tok)
			if err != nil {
				return nil, err
			}
			cur.kids = append(cur.kids, n)
			stack, names = append(stack, n), append(names, tok.Name.Space+":"+tok.Name.Local)
		case xml.EndElement:
			if len(raw) > 0 && !endTag.Match(raw) {
				return nil, errSyntax
			}
			if len(stack) == 1 || names[len(names)-1] != tok.Name.Space+":"+tok.Name.Local {
				return nil, errWhole
			}
			stack, names, sc = stack[:len(stack)-1], names[:len(names)-1], sc.up
		case xml.CharData:
			if !bytes.HasPrefix(raw, []byte("<![CDATA[")) {
				if err := references(raw); err != nil {
					return nil, err
				}
			} else if len(stack) == 1 {
				return nil, errShape
			}
			if k := len(cur.kids); k > 0 && cur.kids[k-1].local == "" {
				cur.kids[k-1].text += string(tok)
			} else if len(tok) > 0 {
				cur.kids = append(cur.kids, &node{text: string(tok)})
			}
		default:
			return nil, errBanned
		}
	}
	if len(stack) != 1 {
		return nil, errWhole
	}
	return top, nil
}

func references(raw []byte) error {
	for {
		i := bytes.IndexByte(raw, '&')
		if i < 0 {
			return nil
		}
		raw = raw[i:]
		m := refOK.FindSubmatch(raw)
		if m == nil {
			return errRef
		}
		if m[1][0] == '#' {
			digits, base := string(m[1][1:]), 10
			if digits[0] == 'x' {
				digits, base = digits[1:], 16
			}
			r, err := strconv.ParseUint(digits, base, 32)
			if err != nil || !(r == 9 || r == 10 || r == 13 || r >= 0x20 && r < 0xD800 || r > 0xDFFF && r < 0xFFFE || r > 0xFFFF && r <= 0x10FFFF) {
				return errRef
			}
		}
		raw = raw[1:]
	}
}

func declarations(up *scope, attrs []xml.Attr) (*scope, error) {
	sc := &scope{up: up, prefixes: map[string]string{}}
	for _, a := range attrs {
		prefix, ok := a.Name.Local, a.Name.Space == "xmlns"
		if a.Name.Space == "" && a.Name.Local == "xmlns" {
			prefix, ok = "", true
		}
		if !ok {
			continue
		}
		v := normalised(a.Value)
		reserved := v == NSXML || v == "http://www.w3.org/2000/xmlns/"
		switch {
		case prefix == "xml" && v == NSXML:
		case prefix == "xml", prefix == "xmlns", reserved, prefix != "" && v == "":
			return nil, errDecl
		}
		if strings.ContainsFunc(a.Value, func(r rune) bool { return r < ' ' }) {
			return nil, errDecl
		}
		sc.prefixes[prefix] = v
	}
	return sc, nil
}

// normalised is not exact: what encoding/xml hands out no longer tells a line
// end from a reference to one. It is applied to both sides of a comparison.
func normalised(v string) string {
	return strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\t", " ").Replace(v)
}

func resolve(sc *scope, tok xml.StartElement) (*node, error) {
	n := &node{local: tok.Name.Local}
	var ok bool
	if n.space, ok = sc.find(tok.Name.Space); !ok || tok.Name.Space == "xmlns" {
		return nil, errPrefix
	}
	seen := map[xml.Name]bool{}
	for _, a := range tok.Attr {
		if seen[a.Name] {
			return nil, errTwice
		}
		seen[a.Name] = true
	}
	clear(seen)
	for _, a := range tok.Attr {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		if a.Name.Space != "" {
			if a.Name.Space, ok = sc.find(a.Name.Space); !ok {
				return nil, errPrefix
			}
		}
		// Names in the content namespaces count as equal, as in the scanner.
		key := a.Name
		if key.Space == NSComponent || key.Space == NSBOSH {
			key.Space = NSClient
		}
		if seen[key] {
			return nil, errTwice
		}
		seen[key] = true
		a.Value = normalised(a.Value)
		n.attrs = append(n.attrs, a)
	}
	return n, nil
}

// one is the only element of a fragment.
func (n *node) one() (*node, error) {
	var found *node
	for _, k := range n.kids {
		switch {
		case k.local == "" && strings.Trim(k.text, " \t\r\n") == "":
		case k.local == "" || found != nil:
			return nil, errShape
		default:
			found = k
		}
	}
	if found == nil {
		return nil, errShape
	}
	return found, nil
}

// move says what a tree must mean after the move to a content namespace.
func (n *node) move(to Content, bosh, chain bool) *node {
	content := func(space string) bool {
		return space == NSClient || space == NSComponent
	}
	if n.local == "" {
		return n
	}
	plain := func(space string) string {
		if bosh && space == NSBOSH {
			return NSClient
		}
		return space
	}
	chain = chain && content(plain(n.space))
	moved := func(space string) string {
		switch space = plain(space); {
		case chain && content(space):
			return to.space()
		case to == Client && space == NSComponent:
			return NSClient
		}
		return space
	}
	m := &node{space: moved(n.space), local: n.local}
	for _, a := range n.attrs {
		a.Name.Space = moved(a.Name.Space)
		m.attrs = append(m.attrs, a)
	}
	for _, k := range n.kids {
		m.kids = append(m.kids, k.move(to, bosh, chain))
	}
	return m
}

// String writes the tree so that equal trees give equal text.
func (n *node) String() string {
	var b strings.Builder
	n.write(&b, "")
	return b.String()
}

func (n *node) write(b *strings.Builder, indent string) {
	if n.local == "" {
		fmt.Fprintf(b, "%s%q\n", indent, n.text)
		return
	}
	fmt.Fprintf(b, "%s{%s}%s", indent, n.space, n.local)
	var attrs []string
	for _, a := range n.attrs {
		attrs = append(attrs, fmt.Sprintf(" {%s}%s=%q", a.Name.Space, a.Name.Local, a.Value))
	}
	slices.Sort(attrs)
	b.WriteString(strings.Join(attrs, "") + "\n")
	for _, k := range n.kids {
		k.write(b, indent+"  ")
	}
}

// known keeps of the top element's attributes those that a Header has.
func (n *node) header() *node {
	m := *n
	m.attrs = nil
	for _, a := range n.attrs {
		switch a.Name {
		case xml.Name{Local: "to"}, xml.Name{Local: "from"}, xml.Name{Local: "type"}, xml.Name{Local: "id"}, xml.Name{Space: NSXML, Local: "lang"}:
			m.attrs = append(m.attrs, a)
		}
	}
	return &m
}
