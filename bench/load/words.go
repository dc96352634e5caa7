package load

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// The elements of a login (RFC 6120 §6, §7; RFC 4505).
const (
	anonymous = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>"
	bind      = "<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
)

// plain is <auth/> of RFC 4616.
func plain(user, password string) []byte {
	return []byte("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" +
		base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+password)) + "</auth>")
}

// login is what both transports have alike: features, auth, features, bind. Errors are as Endpoint.Open has them.
func (e *Endpoint) login(w *Worker, c stream) (jid string, err error) {
	features, err := c.start(w)
	if err != nil {
		return "", refused("open", err)
	}
	auth, mechanism := []byte(anonymous), "ANONYMOUS"
	if e.at.plain != nil {
		auth, mechanism = e.at.plain, "PLAIN"
	}
	if !bytes.Contains(features, []byte(">"+mechanism+"<")) {
		return "", fmt.Errorf("%w: no mechanism %s is offered: %s", ErrRefused, mechanism, clip(features))
	}
	if err = c.send(w, auth); err == nil {
		err = c.until(w, func(b []byte) bool {
			if bytes.HasPrefix(b, []byte("<failure")) {
				jid = "failure " + Condition(b, "failure")
			}
			return jid != "" || bytes.HasPrefix(b, []byte("<success"))
		})
	}
	if err != nil {
		return "", refused("auth", err)
	}
	if jid != "" {
		return "", fmt.Errorf("%w: auth: %s", ErrRefused, jid)
	}
	if features, err = c.restart(w); err != nil {
		return "", refused("restart", err)
	}
	if !bytes.Contains(features, []byte("urn:ietf:params:xml:ns:xmpp-bind")) {
		return "", fmt.Errorf("%w: no resource can be bound: %s", ErrRefused, clip(features))
	}
	problem := ""
	if err = c.send(w, []byte(bind)); err == nil {
		err = c.until(w, func(b []byte) bool {
			if !bytes.HasPrefix(b, []byte("<iq")) || string(Attr(b, "id")) != "bind" {
				return false
			}
			if jid = text(b, "jid"); jid == "" {
				problem = Condition(b, "error")
			}
			return true
		})
	}
	switch {
	case err != nil:
		return "", refused("bind", err)
	case problem != "":
		return "", fmt.Errorf("%w: bind: %s", ErrRefused, problem)
	case jid == "":
		return "", fmt.Errorf("%w: bind: no address in the answer", ErrRefused)
	}
	return jid, nil
}

// ending is an end of the stream by the server: a stream error's condition (RFC 6120 §4.9.3), that of a <body
// type='terminate'/> (XEP-0124 §17.2), or a close frame's code.
type ending struct{ how string }

func (e ending) Error() string { return ErrEnded.Error() + ": " + e.how }
func (ending) Unwrap() error   { return ErrEnded }

// refused makes of what went wrong while logging in the error that says what to do.
func refused(step string, err error) error {
	var end ending
	switch {
	case errors.Is(err, ErrEndpoint), errors.Is(err, ErrRefused), errors.Is(err, ErrDescriptors):
		return err
	case errors.As(err, &end):
		for _, wrong := range []string{"host-unknown", "host-gone", "improper-addressing"} {
			if strings.Contains(end.how, wrong) {
				return fmt.Errorf("%w: %s: %s: is the domain right?", ErrEndpoint, step, end.how)
			}
		}
		return fmt.Errorf("%w: %s: %w", ErrRefused, step, err)
	}
	return fmt.Errorf("login: %s: %w", step, late(err))
}

// clip is the start of something to show.
func clip(b []byte) string {
	const most = 300
	b = bytes.TrimSpace(b)
	if len(b) > most {
		return fmt.Sprintf("%q...", b[:most])
	}
	return fmt.Sprintf("%q", b)
}

// Attr is the value of an attribute in the start tag that stanza begins with, as it stands there (entities are not resolved); nil = none.
func Attr(stanza []byte, name string) []byte {
	i := bytes.IndexAny(stanza, " \t\r\n/>")
	for i >= 0 && i < len(stanza) {
		switch stanza[i] {
		case ' ', '\t', '\r', '\n':
			i++
			continue
		case '/', '>':
			return nil
		}
		eq := bytes.IndexByte(stanza[i:], '=')
		if eq < 0 || i+eq+1 >= len(stanza) {
			return nil
		}
		value := stanza[i+eq+2:]
		end := bytes.IndexByte(value, stanza[i+eq+1])
		if end < 0 {
			return nil
		}
		if string(stanza[i:i+eq]) == name {
			return value[:end]
		}
		i += eq + 2 + end + 1
	}
	return nil
}

// Condition is what stands first in the first element of that name, and its text: the defined condition of an error.
func Condition(stanza []byte, element string) string {
	_, b, ok := bytes.Cut(stanza, []byte("<"+element))
	if !ok {
		return clip(stanza)
	}
	n := tagEnd(b)
	if n == 0 || n > 1 && b[n-2] == '/' {
		return "without a condition"
	}
	_, b, ok = bytes.Cut(b[n:], []byte("<"))
	if !ok {
		return "without a condition"
	}
	name := string(b[:max(0, bytes.IndexAny(b, " />\t\r\n"))])
	if said := text(stanza, "text"); said != "" {
		return name + " (" + said + ")"
	}
	return name
}

// text is the content of the first element of that name, if it has only text.
func text(b []byte, element string) string {
	for {
		_, rest, ok := bytes.Cut(b, []byte("<"+element))
		if !ok {
			return ""
		}
		b = rest
		if n := tagEnd(b); n == 1 || n > 1 && b[0] == ' ' && b[n-2] != '/' {
			content, _, _ := bytes.Cut(b[n:], []byte("<"))
			return string(content)
		}
	}
}

// tagEnd is where a tag that b is within ends, behind its '>'; a '>' in an attribute's value is none. 0 = not in b.
func tagEnd(b []byte) int {
	for i := 0; i < len(b); i++ {
		switch c := b[i]; c {
		case '>':
			return i + 1
		case '\'', '"':
			n := bytes.IndexByte(b[i+1:], c)
			if n < 0 {
				return 0
			}
			i += n + 1
		}
	}
	return 0
}

// split cuts the first element off what a <body/> holds; ok = false if there is no whole one.
func split(b []byte) (element, rest []byte, ok bool) {
	start := bytes.IndexByte(b, '<')
	if start < 0 {
		return nil, nil, false
	}
	depth, i := 0, start
	for {
		n := bytes.IndexByte(b[i:], '<')
		if n < 0 || i+n+1 >= len(b) {
			return nil, nil, false
		}
		i += n
		if bytes.HasPrefix(b[i:], []byte("<![CDATA[")) {
			if n = bytes.Index(b[i:], []byte("]]>")); n < 0 {
				return nil, nil, false
			}
			i += n + 3
			continue
		}
		closing := b[i+1] == '/'
		if n = tagEnd(b[i:]); n == 0 {
			return nil, nil, false
		}
		i += n
		switch {
		case closing:
			depth--
		case b[i-2] != '/':
			depth++
		}
		if depth <= 0 {
			return b[start:i], b[i:], depth == 0
		}
	}
}
