package bosh

import (
	"bytes"
	"errors"

	"usher/xmpp"
)

// maxRID is the largest request id: 2^53-1 (XEP-0124 §14.1).
const maxRID = 1<<53 - 1

// wrapper is a request's <body/> (XEP-0124 §6). Its slices point into the request.
type wrapper struct {
	sid, to, from, lang, version, ver []byte
	key, newkey                       []byte
	rid                               uint64 // 0 = missing
	ack                               uint64 // 0 = missing
	wait, hold, pause                 int    // seconds, requests, seconds; -1 = missing
	terminate, restart                bool
	payloads                          int
}

var (
	errNotBody    = &xmpp.StreamError{Condition: "invalid-xml", Text: "a <body/> of XEP-0124 is needed"}
	errAttribute  = &xmpp.StreamError{Condition: "invalid-xml", Text: "an attribute of <body/> has no legal value"}
	errIncomplete = &xmpp.StreamError{Condition: "not-well-formed", Text: "the request ends too early"}
	errTrailing   = &xmpp.StreamError{Condition: "not-well-formed", Text: "something follows </body>"}
	errPayloads   = &xmpp.StreamError{Condition: "policy-violation", Text: "too many elements in one request"}
)

// parse checks a request in full, payloads included. w is meaningful also beside an error as far as
// it was read, so that the session can be told.
func parse(sc *xmpp.Scanner, body []byte, lim xmpp.Limits, w *wrapper) *xmpp.StreamError {
	*w = wrapper{wait: -1, hold: -1, pause: -1}
	rest, err := enter(sc, body, lim, w)
	if err != nil {
		return err
	}
	for {
		n, token, err := sc.Next(rest)
		if err != nil {
			return streamError(err)
		}
		rest = rest[n:]
		switch token {
		case xmpp.Stanza:
			if w.payloads++; w.payloads > maxPayloads {
				return errPayloads
			}
		case xmpp.End:
			if len(bytes.Trim(rest, " \t\r\n")) > 0 {
				return errTrailing
			}
			return nil
		default:
			return errIncomplete
		}
	}
}

// enter reads the wrapper's start tag and returns what follows it.
func enter(sc *xmpp.Scanner, body []byte, lim xmpp.Limits, w *wrapper) ([]byte, *xmpp.StreamError) {
	sc.Reset(lim)
	n, token, err := sc.Next(body)
	if err != nil {
		return nil, streamError(err)
	}
	if token != xmpp.Root {
		return nil, errIncomplete
	}
	root := sc.Root()
	if string(root.Name.Local) != "body" || string(root.Name.Space) != xmpp.NSBOSH {
		return nil, errNotBody
	}
	return body[n:], w.read(root)
}

func streamError(err error) *xmpp.StreamError {
	var known *xmpp.StreamError
	if errors.As(err, &known) {
		return known
	}
	return &xmpp.StreamError{Condition: "not-well-formed", Text: err.Error()}
}

// read takes the attributes.
func (w *wrapper) read(root *xmpp.Element) *xmpp.StreamError {
	var xbosh []byte // the prefix of XEP-0206
	attributes(root.Raw, func(name, value []byte) {
		if prefix, ok := bytes.CutPrefix(name, []byte("xmlns:")); ok && string(value) == xmpp.NSXBOSH {
			xbosh = prefix
		}
	})
	ok := true
	attributes(root.Raw, func(name, value []byte) {
		if bytes.IndexByte(value, '&') >= 0 {
			s, _ := root.Attr(string(name))
			value = []byte(s)
		}
		if prefix, local, prefixed := bytes.Cut(name, []byte(":")); prefixed {
			switch {
			case string(name) == "xml:lang":
				w.lang = value
			case !bytes.Equal(prefix, xbosh):
			case string(local) == "version":
				w.version = value
			case string(local) == "restart":
				w.restart = string(value) == "true" || string(value) == "1"
			}
			return
		}
		ok = w.set(string(name), value) && ok
	})
	if !ok {
		return errAttribute
	}
	return nil
}

// set takes an attribute without prefix; false means that it has no legal value.
func (w *wrapper) set(name string, value []byte) (ok bool) {
	switch name {
	case "sid":
		w.sid = value
	case "rid":
		w.rid, ok = number(value)
		return ok && w.rid > 0 && w.rid <= maxRID
	case "ack":
		w.ack, ok = number(value)
		return ok && w.ack > 0
	case "wait":
		w.wait, ok = small(value)
		return ok
	case "hold":
		w.hold, ok = small(value)
		return ok
	case "pause":
		w.pause, ok = small(value)
		return ok
	case "type":
		w.terminate = string(value) == "terminate"
	case "to":
		w.to = value
	case "from":
		w.from = value
	case "ver":
		w.ver = value
	case "key":
		w.key = value
	case "newkey":
		w.newkey = value
	}
	return true
}

// number reads a decimal number without sign.
func number(b []byte) (n uint64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

// small is number for what is clamped anyway.
func small(b []byte) (int, bool) {
	n, ok := number(b)
	return int(min(n, 1<<20)), ok
}

// attributes calls f for each attribute of a start tag that a Scanner has checked.
func attributes(tag []byte, f func(name, value []byte)) {
	i := bytes.IndexAny(tag, " \t\r\n")
	for i >= 0 && i < len(tag) {
		eq := bytes.IndexByte(tag[i:], '=')
		if eq < 0 {
			return
		}
		name := bytes.Trim(tag[i:i+eq], " \t\r\n")
		i += eq + 1
		open := bytes.IndexAny(tag[i:], `'"`)
		if open < 0 {
			return
		}
		quote := tag[i+open]
		i += open + 1
		end := bytes.IndexByte(tag[i:], quote)
		if end < 0 {
			return
		}
		f(name, tag[i:i+end])
		i += end + 1
	}
}

// version is the highest version of XEP-0124 that is spoken here.
const (
	verMajor = 1
	verMinor = 11
)

// negotiate returns the lower of the client's version and ours (XEP-0124 §7.1: two integers).
func negotiate(ver []byte) (major, minor uint64) {
	a, b, dot := bytes.Cut(ver, []byte("."))
	major, ok := number(a)
	minor, ok2 := number(b)
	if !dot || !ok || !ok2 || major > verMajor || major == verMajor && minor > verMinor {
		return verMajor, verMinor
	}
	return major, minor
}
