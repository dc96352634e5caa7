package gateway

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// keyChain is a client's key sequence (XEP-0124 §15.2), which is used from its end.
type keyChain struct {
	keys []string
	left int
}

func newKeyChain(n int) *keyChain {
	k := &keyChain{left: n}
	for key := "seed"; len(k.keys) < n; {
		sum := sha1.Sum([]byte(key))
		key = hex.EncodeToString(sum[:])
		k.keys = append(k.keys, key)
	}
	return k
}

func (k *keyChain) next() string {
	k.left--
	return k.keys[k.left]
}

func (s *scene) badKeys(t *testing.T) {
	start := func(t *testing.T) (*boshClient, *keyChain) {
		chain := newKeyChain(20)
		b := s.create(t, "newkey='"+chain.next()+"'")
		key := func() string { return " key='" + chain.next() + "'" }
		b.login(t, key)
		b.nick = s.nick()
		join := fmt.Sprintf(joinScene, b.nick)
		for { // until's loop, with keys
			a := s.ask(t, "POST", b.body(key(), join))
			if a.body.Type != "" {
				t.Fatal(a.text)
			}
			if join = ""; strings.Contains(a.text, "<subject") {
				break
			}
		}
		s.expect(t, "in "+b.nick)
		return b, chain
	}
	word := sayInRoom("<body>x</body>")
	for _, c := range []struct {
		name string
		attr func(k *keyChain) string
	}{
		{"wrong key", func(*keyChain) string { return "key='" + strings.Repeat("ab", 20) + "'" }},
		{"missing key", func(*keyChain) string { return "" }},
		{"key used before", func(k *keyChain) string { return "key='" + k.keys[k.left] + "'" }},
		{"key after the next", func(k *keyChain) string { k.next(); return "key='" + k.next() + "'" }},
		{"no key at all", func(*keyChain) string { return "key='x'" }},
		{"right key, bad new one", func(k *keyChain) string { return "key='" + k.next() + "' newkey='x'" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, chain := start(t)
			b.wantTerminated(t, s.ask(t, "POST", b.body(c.attr(chain), word)), "item-not-found")
			s.aftermath(t, "bad-framing/bosh", "out "+b.nick)
		})
	}
	t.Run("key where none are used", func(t *testing.T) {
		b := s.overBOSH(t)
		b.wantTerminated(t, s.ask(t, "POST", b.body("key='"+strings.Repeat("ab", 20)+"'", word)), "item-not-found")
		s.aftermath(t, "bad-framing/bosh", "out "+b.nick)
	})
}
