package gateway

import (
	"bytes"
	"sync"

	"usher/xmpp"
)

// table finds a visitor by the localpart of his address. Looking up by bytes
// doesn't allocate; 256 shards keep writers out of each other's way.
type table struct {
	shards [256]struct {
		mu sync.RWMutex
		m  map[string]*visitor
	}
}

func newTable() *table {
	t := &table{}
	for i := range t.shards {
		t.shards[i].m = make(map[string]*visitor)
	}
	return t
}

// shard spreads by the first two characters: they are random base32.
func shard(local []byte) uint8 {
	if len(local) < 2 {
		return 0
	}
	return local[0]<<4 ^ local[1]
}

// add enters a visitor, unless somebody has his localpart: then it returns
// that one. address is his full JID, whose memory the table shares.
func (t *table) add(v *visitor, address string) (there *visitor) {
	s := &t.shards[shard(v.localpart())]
	s.mu.Lock()
	defer s.mu.Unlock()
	if there = s.m[address[:v.local]]; there == nil {
		s.m[address[:v.local]] = v
	}
	return there
}

func (t *table) remove(v *visitor) {
	s := &t.shards[shard(v.localpart())]
	s.mu.Lock()
	if s.m[string(v.localpart())] == v {
		delete(s.m, string(v.localpart()))
	}
	s.mu.Unlock()
}

// find returns the visitor with this localpart and domain, or nil.
func (t *table) find(local, domain []byte) *visitor {
	s := &t.shards[shard(local)]
	s.mu.RLock()
	v := s.m[string(local)]
	s.mu.RUnlock()
	if v == nil || v.home.Domain() != string(domain) {
		return nil
	}
	return v
}

// addressed returns the visitor that a canonical address, bare or full, is for, or nil.
func (t *table) addressed(to []byte) *visitor {
	local, domain, resource := xmpp.SplitJID(to)
	v := t.find(local, domain)
	if v != nil && len(resource) > 0 && !bytes.Equal(v.jid, to) {
		return nil
	}
	return v
}

// each calls f for every visitor, none of the table's locks held.
func (t *table) each(f func(*visitor)) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.RLock()
		all := make([]*visitor, 0, len(s.m))
		for _, v := range s.m {
			all = append(all, v)
		}
		s.mu.RUnlock()
		for _, v := range all {
			f(v)
		}
	}
}
