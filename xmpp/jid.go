package xmpp

import (
	"bytes"
	"errors"
	"fmt"

	"mellium.im/xmpp/jid"
)

// SplitJID cuts an address into its parts without checking or copying.
// (RFC 7622 §3.2: the first '/' ends the bare JID, the first '@' before it ends the localpart.)
// A part that is missing is nil; one that is there but empty is not.
func SplitJID(jid []byte) (local, domain, resource []byte) {
	domain = jid
	if i := bytes.IndexByte(domain, '/'); i >= 0 {
		domain, resource = domain[:i:i], domain[i+1:]
	}
	if i := bytes.IndexByte(domain, '@'); i >= 0 {
		local, domain = domain[:i:i], domain[i+1:]
	}
	return local, domain, resource
}

// Bare returns jid without its resource, sharing memory.
func Bare(jid []byte) []byte {
	if i := bytes.IndexByte(jid, '/'); i >= 0 {
		return jid[:i:i]
	}
	return jid
}

// What can be wrong with an address (RFC 7622 §3.1: each part that is there
// has 1 to 1023 bytes).
var (
	errLocalEmpty    = errors.New("xmpp: address with an empty localpart")
	errDomainEmpty   = errors.New("xmpp: address with an empty domainpart")
	errResourceEmpty = errors.New("xmpp: address with an empty resourcepart")
	errDomainBad     = errors.New("xmpp: address with a bad domainpart")
	errPartLong      = errors.New("xmpp: address part of more than 1023 bytes")
)

const maxPart = 1023

// CanonJID returns the address in canonical form (RFC 7622). An address that is plain
// lower-case ASCII (its resource in any case) is returned as it is, without allocating; anything else is
// prepared with PRECIS. The error says what is wrong with it.
func CanonJID(b []byte) ([]byte, error) {
	local, domain, resource := SplitJID(b)
	switch {
	case local != nil && len(local) == 0:
		return nil, errLocalEmpty
	case len(domain) == 0:
		return nil, errDomainEmpty
	case resource != nil && len(resource) == 0:
		return nil, errResourceEmpty
	case len(local) > maxPart, len(domain) > maxPart, len(resource) > maxPart:
		return nil, errPartLong
	}
	if plainLocal(local) && plainDomain(domain) && plainResource(resource) {
		return b, nil
	}
	j, err := jid.Parse(string(b))
	if err != nil {
		return nil, fmt.Errorf("xmpp: bad address: %w", err)
	}
	out := []byte(j.String())
	local, domain, resource = SplitJID(out)
	// Preparing can lengthen a part, or leave nothing of it.
	switch {
	case len(domain) == 0:
		return nil, errDomainEmpty
	case len(local) > maxPart, len(domain) > maxPart, len(resource) > maxPart:
		return nil, errPartLong
	case !goodDomain(domain):
		return nil, errDomainBad
	}
	return out, nil
}

// goodDomain checks what the library leaves open: no label is empty, and its
// ASCII is letters, digits and hyphens (RFC 7622 §3.2.1). A prepared address in brackets is one of IPv6.
func goodDomain(b []byte) bool {
	if b[0] == '[' {
		return b[len(b)-1] == ']' && len(bytes.Trim(b[1:len(b)-1], "0123456789abcdefABCDEF:.")) == 0
	}
	for _, label := range bytes.Split(b, []byte{'.'}) {
		if len(label) == 0 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range label {
			if c < 0x80 && c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
				return false
			}
		}
	}
	return true
}

// plainLocal: the ASCII of UsernameCaseMapped that needs no mapping, without
// the characters that RFC 7622 §3.3.1 excludes.
func plainLocal(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c >= 0x7F || c >= 'A' && c <= 'Z' {
			return false
		}
		switch c {
		case '"', '&', '\'', '/', ':', '<', '>', '@':
			return false
		}
	}
	return true
}

// plainDomain: lower-case LDH labels of 1 to 63 bytes, none of them an A-label
// (RFC 7622 §3.2). Addresses and everything else takes the long way.
func plainDomain(b []byte) bool {
	start := 0
	for i := 0; i <= len(b); i++ {
		if i < len(b) && b[i] != '.' {
			c := b[i]
			if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' {
				continue
			}
			return false
		}
		label := b[start:i]
		if len(label) == 0 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			len(label) >= 4 && label[2] == '-' && label[3] == '-' {
			return false
		}
		start = i + 1
	}
	return len(b) > 0 && len(b) <= 253
}

// plainResource: OpaqueString leaves printable ASCII as it is.
func plainResource(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c >= 0x7F {
			return false
		}
	}
	return true
}
