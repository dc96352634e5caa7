package workgroup

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"

	"usher/xmpp"
)

// node is an element of a stanza: read as a whole, since the desk's stanzas are
// small and few, and written the same way.
type node struct {
	name, space string // an empty space is the parent's
	attrs       []attr
	kids        []*node
	text        string // of all its text together, before the children
}

type attr struct{ name, value string }

// el makes an element. An empty space is that of its parent; attributes come in pairs, and one with an empty value is left out.
func el(name, space string, attrs ...string) *node {
	n := &node{name: name, space: space}
	for i := 0; i+1 < len(attrs); i += 2 {
		if attrs[i+1] != "" {
			n.attrs = append(n.attrs, attr{attrs[i], attrs[i+1]})
		}
	}
	return n
}

// with adds children and returns n; nil ones are left out.
func (n *node) with(kids ...*node) *node {
	for _, k := range kids {
		if k != nil {
			n.kids = append(n.kids, k)
		}
	}
	return n
}

// said sets the text and returns n.
func (n *node) said(text string) *node {
	n.text = text
	return n
}

// attr returns an attribute's value, or ""; it may be called on nil.
func (n *node) attr(name string) string {
	if n == nil {
		return ""
	}
	for _, a := range n.attrs {
		if a.name == name {
			return a.value
		}
	}
	return ""
}

// set gives an attribute its value, in place or as a new one.
func (n *node) set(name, value string) {
	for i, a := range n.attrs {
		if a.name == name {
			n.attrs[i].value = value
			return
		}
	}
	n.attrs = append(n.attrs, attr{name, value})
}

// child returns the first child of this name and namespace, or nil; it may be called on nil.
func (n *node) child(name, space string) *node {
	if n == nil {
		return nil
	}
	for _, k := range n.kids {
		if k.name == name && k.space == space {
			return k
		}
	}
	return nil
}

// first returns the first child element, or nil.
func (n *node) first() *node {
	if n == nil || len(n.kids) == 0 {
		return nil
	}
	return n.kids[0]
}

// append writes the element. space is the namespace that it stands in.
func (n *node) append(dst []byte, space string) []byte {
	dst = append(dst, '<')
	dst = append(dst, n.name...)
	if n.space != "" && n.space != space {
		dst = xmpp.AppendAttr(dst, "xmlns", []byte(n.space))
		space = n.space
	}
	for _, a := range n.attrs {
		dst = xmpp.AppendAttr(dst, a.name, []byte(a.value))
	}
	if n.text == "" && len(n.kids) == 0 {
		return append(dst, "/>"...)
	}
	dst = append(dst, '>')
	dst = xmpp.AppendText(dst, []byte(n.text))
	for _, k := range n.kids {
		dst = k.append(dst, space)
	}
	dst = append(dst, "</"...)
	dst = append(dst, n.name...)
	return append(dst, '>')
}

var errNoElement = errors.New("workgroup: no element")

// parse reads a stanza in component form; its own namespace and that of children which don't name one is "".
func parse(b []byte) (*node, error) {
	dec := xml.NewDecoder(bytes.NewReader(b))
	var stack []*node
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return nil, errNoElement
		}
		if err != nil {
			return nil, err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			n := &node{name: t.Name.Local, space: t.Name.Space}
			for _, a := range t.Attr {
				switch {
				case a.Name.Space == "xmlns" || a.Name.Local == "xmlns":
				case a.Name.Space == xmpp.NSXML || a.Name.Space == "xml":
					n.attrs = append(n.attrs, attr{"xml:" + a.Name.Local, a.Value})
				case a.Name.Space == "":
					n.attrs = append(n.attrs, attr{a.Name.Local, a.Value})
				}
			}
			if len(stack) > 0 {
				top := stack[len(stack)-1]
				top.kids = append(top.kids, n)
			}
			stack = append(stack, n)
		case xml.CharData:
			if len(stack) > 0 {
				stack[len(stack)-1].text += string(t)
			}
		case xml.EndElement:
			n := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if len(stack) == 0 {
				return n, nil
			}
		}
	}
}
