package gateway

import (
	"bytes"
	"hash/maphash"
	"sync"
	"time"

	"usher/xmpp"
)

// place is where a visitor is with a room.
type place uint8

const (
	joining    place = iota // the join is on its way
	joined                  // the room has answered with the visitor's own presence
	undone                  // he made a room that he may not make: it is being destroyed
	lost                    // the link was lost: to be replayed
	replaying               // the join was sent again
	unlocking               // the join made the room anew: its configuration is being accepted
	catchingUp              // in again; history is coming
	back                    // in again; others of this edge are still missing
)

// occupancy is one visitor's place in one room. Its visitor's lock guards it.
type occupancy struct {
	v        *visitor // fixed
	room     *room    // fixed
	support  bool     // fixed: a support room, which is never replayed
	nick     string
	state    place
	leaves   int    // unavailable presences sent and not answered
	again    bool   // he has joined again after the last of these
	password string // of the join
	extra    []byte // what else the last presence carried, in component form
	joinID   string
	since    time.Time // when he was lost: history is asked for from then
	known    []string  // who was there when he was withdrawn
	unheard  bool      // he was withdrawn, and the room hasn't said so yet

	seen        []mark // ring of messages received, to merge history without repeats
	seenAt      int
	mergeUntil  time.Time // repeats are looked for until then
	unconfirmed int       // bytes of messages whose copy is not back
	tries       int       // of a replayed join
	retryUntil  time.Time
	timer       *time.Timer // of a replay's next step
}

// mark remembers one message of a room.
type mark struct {
	sum uint64
	at  int64 // Unix seconds, of the sending
}

// marks is how many messages are remembered for one occupancy: enough for the
// two seconds before a loss that history is asked for again.
const marks = 128

// sent is a groupchat message of a visitor that the room has not yet reflected
// to everybody who was there (DESIGN: a message counts as delivered when the
// room's copy came back).
type sent struct {
	o      *occupancy
	nick   string
	id     []byte
	stanza []byte    // in component form, complete
	need   int       // occupants on this edge when it was sent
	copies int       // that came back
	own    bool      // the sender's own copy came back
	at     time.Time // when it was sent; once own, when that copy came
}

// confirmTime is how long a message is kept whose copies are not all back. Then its
// sender is told if his own is missing, unless the service is one that doesn't
// keep ids; what only others may lack is forgotten: nobody has crashed.
const confirmTime = 60 * time.Second

// room is what this edge's visitors in one room share.
type room struct {
	jid string // bare

	mu        sync.Mutex
	occupants map[*occupancy]struct{}
	keepsIDs  bool // a copy came back under the id that it was sent with
	sent      []*sent
	nicks     map[string]struct{} // who is in the room, as far as presence told

	// Of a replay.
	lost      map[*occupancy]struct{} // not back yet
	queue     []*occupancy            // to be replayed, one at a time
	active    *occupancy
	slots     chan struct{}       // holds a token of ours while the queue is being worked off
	forgotten bool                // the server did not know the room any more
	before    map[string]struct{} // nicks before the replay
	patience  *time.Timer         // settles the room without those who don't come
}

// roomTable holds the rooms that visitors of this edge are in.
type roomTable struct {
	mu sync.Mutex
	m  map[string]*room
}

// enter adds an occupancy to its room.
func (t *roomTable) enter(jid string, o *occupancy) *room {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.m[jid]
	if r == nil {
		r = &room{jid: jid, occupants: make(map[*occupancy]struct{}), nicks: make(map[string]struct{})}
		t.m[jid] = r
	}
	r.mu.Lock()
	r.occupants[o] = struct{}{}
	r.mu.Unlock()
	return r
}

// leave takes an occupancy out of its room and of any replay.
func (r *room) leave(o *occupancy, g *Gateway) {
	t := &g.rooms
	t.mu.Lock()
	r.mu.Lock()
	delete(r.occupants, o)
	kept := r.sent[:0]
	var done []*sent
	for _, s := range r.sent {
		s.need = min(s.need, len(r.occupants))
		switch {
		case s.o == o:
		case s.own && s.copies >= s.need:
			done = append(done, s)
		default:
			kept = append(kept, s)
		}
	}
	clear(r.sent[len(kept):])
	r.sent = kept
	if len(r.occupants) == 0 && t.m[r.jid] == r {
		delete(t.m, r.jid)
		if r.patience != nil {
			r.patience.Stop()
		}
	}
	r.mu.Unlock()
	t.mu.Unlock()
	for _, s := range done {
		s.release()
	}
	r.replayed(o, g)
}

// confirm notes a message that came from the room to occupancy o, and lets go of
// the one of ours that it is a copy of when everybody here has it.
func (r *room) confirm(o *occupancy, nick, id []byte, delayed bool, now time.Time) {
	if len(id) == 0 {
		return
	}
	r.mu.Lock()
	var free *sent
	for i, s := range r.sent {
		if string(s.id) != string(id) || s.nick != string(nick) {
			continue
		}
		if s.o == o && !s.own {
			s.own, s.at = true, now
			r.keepsIDs = true
		}
		if !delayed {
			s.copies++
		}
		if s.own && (s.copies >= s.need || delayed) {
			r.sent = append(r.sent[:i], r.sent[i+1:]...)
			free = s
		}
		break
	}
	r.mu.Unlock()
	if free != nil {
		free.release()
	}
}

// release gives the message's memory back and takes it off its sender's account.
func (s *sent) release() {
	v := s.o.v
	v.mu.Lock()
	s.o.unconfirmed -= len(s.stanza)
	v.mu.Unlock()
	*s = sent{id: s.id[:0], stanza: s.stanza[:0]}
	if cap(s.stanza) <= 64<<10 {
		v.g.sents.Put(s)
	}
}

// refused drops the message with this id that the room answered with an error.
func (r *room) refused(o *occupancy, id []byte) {
	r.mu.Lock()
	for i, s := range r.sent {
		if s.o == o && string(s.id) == string(id) {
			r.sent = append(r.sent[:i], r.sent[i+1:]...)
			r.mu.Unlock()
			s.release()
			return
		}
	}
	r.mu.Unlock()
}

// track keeps a groupchat message of o until its copies are back. stanza is copied.
func (r *room) track(o *occupancy, nick string, id, stanza []byte, now time.Time) {
	s := o.v.g.sents.Get().(*sent)
	s.o, s.nick, s.at = o, nick, now
	s.id = append(s.id[:0], id...)
	s.stanza = append(s.stanza[:0], stanza...)
	r.mu.Lock()
	s.need = len(r.occupants)
	r.sent = append(r.sent, s)
	r.mu.Unlock()
}

// expire lets go of what has waited for longer than confirmTime. No message
// expires while the room is being replayed.
func (r *room) expire(now time.Time) {
	r.mu.Lock()
	if len(r.lost) > 0 {
		r.mu.Unlock()
		return
	}
	var old []*sent
	kept := r.sent[:0]
	for _, s := range r.sent {
		if now.Sub(s.at) < confirmTime {
			kept = append(kept, s)
		} else {
			old = append(old, s)
		}
	}
	clear(r.sent[len(kept):])
	r.sent = kept
	report := r.keepsIDs
	r.mu.Unlock()
	for _, s := range old {
		if report && !s.own {
			s.o.report(s)
		} else {
			s.release()
		}
	}
}

// notice keeps the list of nicks.
func (r *room) notice(nick []byte, available bool) {
	r.mu.Lock()
	if _, ok := r.nicks[string(nick)]; ok != available {
		if available {
			r.nicks[string(nick)] = struct{}{}
		} else {
			delete(r.nicks, string(nick))
		}
	}
	r.mu.Unlock()
}

// fingerprint identifies a groupchat message over a loss: by sender, id and
// body, or, where it has no id, by sender and body.
func (g *Gateway) fingerprint(e *xmpp.Element) uint64 {
	const mix = 0x9e3779b97f4a7c15 // so that equal parts in other places differ
	h := maphash.Bytes(g.seed, e.From)
	h = h*mix ^ maphash.Bytes(g.seed, e.ID)
	return h*mix ^ maphash.Bytes(g.seed, bodyOf(e.Inner))
}

// bodyOf returns the <body/> as written; it need only be the same for the same
// message.
func bodyOf(inner []byte) []byte {
	i := bytes.Index(inner, []byte("<body"))
	if i < 0 {
		return inner
	}
	if j := bytes.Index(inner[i:], []byte("</body>")); j >= 0 {
		return inner[i : i+j]
	}
	return inner[i:]
}

// repeat remembers the message and tells whether o has had it already. The
// caller holds the visitor's lock. at is the delay stamp, or now.
func (o *occupancy) repeat(e *xmpp.Element, now, at time.Time) bool {
	m := mark{sum: o.v.g.fingerprint(e), at: at.Unix()}
	if now.Before(o.mergeUntil) {
		for _, old := range o.seen {
			// Without an id two messages may say the same: then the
			// stamps decide.
			if old.sum == m.sum && (len(e.ID) > 0 || abs(old.at-m.at) <= 2) {
				return true
			}
		}
	}
	if len(o.seen) < marks {
		o.seen = append(o.seen, m)
	} else {
		o.seen[o.seenAt%marks] = m
	}
	o.seenAt++
	return false
}

func abs(n int64) int64 { return max(n, -n) }
