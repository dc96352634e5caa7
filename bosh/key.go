package bosh

import (
	"crypto/sha1"
	"encoding/hex"
)

// digest is a key of XEP-0124 §15; zero = none. Hexadecimal digits count the same in both cases, so it
// is kept as what they stand for.
type digest [sha1.Size]byte

func parseDigest(b []byte) (d digest, ok bool) {
	if len(b) != hex.EncodedLen(len(d)) {
		return d, false
	}
	_, err := hex.Decode(d[:], b)
	return d, err == nil && d != digest{}
}

// follows tells whether key is the one before link in a chain: link = SHA-1 of key as it is written. A client
// may write its digits in upper case, so both spellings are tried.
func follows(key, link digest) bool {
	var text [2 * sha1.Size]byte
	hex.Encode(text[:], key[:])
	if sha1.Sum(text[:]) == link {
		return true
	}
	for i, c := range text {
		if c >= 'a' {
			text[i] = c - 'a' + 'A'
		}
	}
	return sha1.Sum(text[:]) == link
}

// keyPair is what one request carries.
type keyPair struct{ key, newkey digest }

// parseKeys returns nil if the key is missing or one of them is none.
func parseKeys(w *wrapper) *keyPair {
	key, ok := parseDigest(w.key)
	newkey, ok2 := parseDigest(w.newkey)
	if !ok || !ok2 && len(w.newkey) > 0 {
		return nil
	}
	return &keyPair{key, newkey}
}
