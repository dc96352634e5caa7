package c2s

import (
	"crypto/rand"
	"encoding/hex"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// tombs is how many ended sessions are remembered.
const tombs = 4096

// smID names a session for XEP-0198 §5: 128 random bits, since whoever knows it may take the session over.
type smID [16]byte

func newSMID() (id smID) {
	rand.Read(id[:]) // never fails
	return id
}

func (id *smID) String() string { return hex.EncodeToString(id[:]) }

// parseSMID takes a client's word for one; only the spelling that was given out is one.
func parseSMID(text string) (id smID, ok bool) {
	if len(text) != hex.EncodedLen(len(id)) {
		return id, false
	}
	if _, err := hex.Decode(id[:], []byte(text)); err != nil || id.String() != text {
		return id, false
	}
	return id, true
}

// registry finds the streams that may be resumed, and remembers of those that can't any more how far they had come.
// Its lock is the last one that is taken.
type registry struct {
	mu      sync.Mutex
	streams map[smID]*Stream
	dead    *lru.Cache[smID, tombstone]
}

// tombstone is what a client is told of a session that is gone.
type tombstone struct {
	domain  string // of the site
	handled uint32 // stanzas of the client's
}

func (r *registry) set(id smID, s *Stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.streams == nil {
		r.streams = make(map[smID]*Stream)
	}
	r.streams[id] = s
}

// bury replaces a stream by its tombstone.
func (r *registry) bury(id smID, t tombstone) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.streams, id)
	if r.dead == nil {
		r.dead, _ = lru.New[smID, tombstone](tombs) // fails only for a size below 1
	}
	r.dead.Add(id, t)
}

// find returns the stream, or else what is left of it.
func (r *registry) find(id smID) (s *Stream, t tombstone, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s = r.streams[id]; s != nil || r.dead == nil {
		return s, t, s != nil
	}
	t, known = r.dead.Get(id)
	return nil, t, known
}

func (r *registry) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.streams)
}
