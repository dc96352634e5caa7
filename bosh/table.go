package bosh

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
	"sync"
)

// sessionKey is the random part of a sid: 128 bits (XEP-0124 §7.2: unpredictable).
type sessionKey [16]byte

var sidAlphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

const sidRandom = 26 // characters of the random part

func newKey() (k sessionKey) {
	rand.Read(k[:]) // never fails
	return k
}

// sid is the key with the node's name, so that a balancer can send a client to its node.
func (k sessionKey) sid(node string) string {
	s := sidAlphabet.EncodeToString(k[:])
	if node != "" {
		s += "." + node
	}
	return s
}

// parseSID takes a client's word for one. It allocates nothing.
func parseSID(sid []byte, node string) (k sessionKey, ok bool) {
	if len(sid) < sidRandom {
		return k, false
	}
	rest := string(sid[sidRandom:])
	if node != "" {
		if rest, ok = strings.CutPrefix(rest, "."); !ok {
			return k, false
		}
	}
	if rest != node {
		return k, false
	}
	var buf [sidAlphabetBytes]byte
	n, err := sidAlphabet.Decode(buf[:], sid[:sidRandom])
	if err != nil || n != len(k) {
		return k, false
	}
	copy(k[:], buf[:])
	// The last character has two bits to spare: only one spelling is a sid.
	var canon [sidRandom]byte
	sidAlphabet.Encode(canon[:], k[:])
	return k, string(canon[:]) == string(sid[:sidRandom])
}

const sidAlphabetBytes = 20 // Decode may write whole groups

// table finds sessions by sid.
type table struct {
	shards [64]struct {
		mu sync.RWMutex
		m  map[sessionKey]*session
	}
	mu    sync.Mutex
	n     int
	empty chan struct{} // closed when drained was asked for and n is 0
}

func (t *table) init() {
	for i := range t.shards {
		t.shards[i].m = make(map[sessionKey]*session)
	}
}

func (t *table) get(k sessionKey) *session {
	s := &t.shards[k[0]%64]
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.m[k]
}

func (t *table) add(e *session) {
	s := &t.shards[e.key[0]%64]
	s.mu.Lock()
	s.m[e.key] = e
	s.mu.Unlock()
	t.mu.Lock()
	t.n++
	t.mu.Unlock()
}

// remove tells whether it was there.
func (t *table) remove(e *session) bool {
	s := &t.shards[e.key[0]%64]
	s.mu.Lock()
	_, ok := s.m[e.key]
	delete(s.m, e.key)
	s.mu.Unlock()
	if !ok {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n--; t.n == 0 && t.empty != nil {
		closeOnce(t.empty)
	}
	return true
}

func (t *table) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n
}

// drained is closed once there is no session.
func (t *table) drained() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.empty == nil {
		t.empty = make(chan struct{})
	}
	if t.n == 0 {
		closeOnce(t.empty)
	}
	return t.empty
}

func (t *table) all() (out []*session) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.RLock()
		for _, e := range s.m {
			out = append(out, e)
		}
		s.mu.RUnlock()
	}
	return out
}

// closeOnce closes c unless that was done; callers hold the lock that guards c.
func closeOnce(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}

// tomb is what is told to a client that asks for a session that has ended.
type tomb struct {
	body  []byte
	until instant
}
