package gateway

import (
	"crypto/rand"
	"encoding/base32"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"usher/c2s"
	"usher/pool"
	"usher/workgroup"
	"usher/xmpp"
)

// Bounds of what the edge keeps for one visitor.
const (
	maxDirected    = 100             // addresses with directed presence, rooms aside
	maxOutstanding = 64              // IQ requests without an answer
	requestLife    = 2 * time.Minute // of such a request
	maxOpened      = 20              // rooms opened by invitation
	maxUnconfirmed = 256 << 10       // bytes of groupchat messages whose copy is not back
)

// visitor is a website visitor's session: it begins with a stream, and may pass on to others. A stream that turns out to be another session's
// leaves its own visitor behind, unbound.
type visitor struct {
	// Fixed at open.
	g    *Gateway
	site *site

	at atomic.Pointer[c2s.Stream] // the stream that he is reached by

	// Fixed at bind, before the visitor is in the table.
	home  *home
	jid   []byte  // full
	bare  uint16  // length of the bare JID, at most 1,050
	local uint16  // length of the localpart
	token [8]byte // prefix of this visitor's IQ ids upstream

	card atomic.Pointer[workgroup.Visitor] // what the desk knows of him; nil without one

	// Owned by the stream's reader.
	language string  // of the stream header; "" if none was given
	claim    *string // the bare JID that his token names; nil without one

	timer c2s.Timer // next expiry of requests and held stanzas

	mu        sync.Mutex
	due       time.Duration // what timer is set to, since the gateway's start; 0 = not set
	bound     bool
	closed    bool
	holding   bool         // the home's link is down or being replayed: stanzas go to held
	releasing bool         // held stanzas are being sent
	away      bool         // the desk takes him for gone: his link is lost, and with it his support room, or he is withdrawn
	quiet     bool         // holding is about his own return: no notice about the link ends it
	out       bool         // close has done its work
	failure   LoginFailure // why bind was refused last; the stream's reader's, as language and claim
	messages  bucket
	joins     bucket
	nextID    uint32
	missed    int32 // stanzas answered with an error since the link was lost
	requests  map[uint32]*request
	directed  map[string][]byte     // address -> the last available presence, in component form
	peers     map[string][]byte     // the same of other visitors, in client form: the edge tells them itself
	rooms     map[string]*occupancy // room's bare JID -> our place in it
	opened    map[string]struct{}   // rooms opened to this visitor by invitation
	invites   map[string]*invite    // support rooms opened to him by the desk
	held      []held
	tokenEnds int64         // Unix milliseconds: until then a token of his is valid
	parking   *parking      // nil while his stream has its client
	news      chan struct{} // closed then, and when he has another stream; nil while nobody waits for it
}

// request is an IQ get or set that went upstream and is not answered.
type request struct {
	to      string
	id      string                // the client's own
	done    func(e *xmpp.Element) // for requests of the edge itself; nil e: no answer came
	expires time.Time
}

// full shares the memory of jid, which is written once, before the visitor is in the table.
func (v *visitor) full() string        { return unsafe.String(unsafe.SliceData(v.jid), len(v.jid)) }
func (v *visitor) stream() *c2s.Stream { return v.at.Load() }
func (v *visitor) bareJID() []byte     { return v.jid[:v.bare] }
func (v *visitor) localpart() []byte   { return v.jid[:v.local] }

// nameAlphabet is lower-case base32 (RFC 4648 §6).
var nameAlphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// randomName returns n random bytes, at most 20, in nameAlphabet.
func randomName(n int) string {
	var b [20]byte
	rand.Read(b[:n]) // never fails
	return nameAlphabet.EncodeToString(b[:n])
}

// name gives the visitor an address at home; its localpart is 128 random bits without meaning, unless
// he has come back for one.
func (v *visitor) name(h *home, local, resource string) {
	if local == "" {
		local = randomName(16)
	}
	if resource == "" {
		resource = randomName(5)
	}
	domain := h.Domain()
	v.home = h
	v.jid = make([]byte, 0, len(local)+len(domain)+len(resource)+2)
	v.jid = append(v.jid, local...)
	v.jid = append(v.jid, '@')
	v.jid = append(v.jid, domain...)
	v.bare, v.local = uint16(len(v.jid)), uint16(len(local))
	v.jid = append(v.jid, '/')
	v.jid = append(v.jid, resource...)
	copy(v.token[:], randomName(5))
}

// lang is the language of a stanza of his: its own, else his stream's (RFC 6120 §8.1.5).
func (v *visitor) lang(e *xmpp.Element) []byte {
	if e.Lang != nil || v.language == "" {
		return e.Lang
	}
	return unsafe.Slice(unsafe.StringData(v.language), len(v.language)) // nobody writes into an element
}

// deliver queues a stanza for the visitor, addressed to his full JID.
func (v *visitor) deliver(e *xmpp.Element, from, id []byte) (dirty bool) {
	h := xmpp.Header{To: v.jid, From: from, Type: e.Type, ID: id, Lang: e.Lang}
	return v.stream().Send(e, &h)
}

// tell queues a stanza of ours and wakes the transport.
func (v *visitor) tell(b []byte) {
	if v.stream().SendRaw(b) {
		v.stream().Wake()
	}
}

// refuse answers e, which the visitor sent, with a stanza error. Errors and
// results are never answered (RFC 6120 §8.3.1), nor is unavailable presence.
func (v *visitor) refuse(e *xmpp.Element, se *xmpp.StanzaError) {
	if !answerable(e) {
		return
	}
	v.tell(se.AppendReply(nil, e, xmpp.Client, e.To, v.jid))
}

// answerable tells whether an error may be sent in answer to e.
func answerable(e *xmpp.Element) bool {
	switch string(e.Type) {
	case "error", "result":
		return false
	case "unavailable":
		return e.Kind != xmpp.Presence
	}
	return true
}

// upstream sends a stanza of the visitor to his home link, or holds it while
// that is down. It waits, bounded, when the link is busy.
func (v *visitor) upstream(e *xmpp.Element, to, id, tail []byte) {
	h := xmpp.Header{To: to, From: v.jid, Type: e.Type, ID: id, Lang: v.lang(e), Tail: tail}
	if v.hold(e, &h) {
		return
	}
	switch err := v.home.send(e, &h, v.patient()); err {
	case nil:
	case pool.ErrDown:
		v.linkGone()
		v.holdOrRefuse(e, &h)
	default:
		v.g.count.drop(DropLinkBusy)
		v.refuse(e, errBusy)
	}
}

// holdOrRefuse holds a stanza that found the link gone, or answers one that isn't to be held.
func (v *visitor) holdOrRefuse(e *xmpp.Element, h *xmpp.Header) {
	if v.hold(e, h) {
		return
	}
	if e.Kind == xmpp.IQ && isRequest(e) {
		v.dropRequest(string(h.To), string(e.ID))
	}
	v.g.count.drop(DropNotHeld)
	v.refuse(e, errLinkDown)
}

// request registers an IQ request that goes upstream and returns the id that
// it travels under: the visitor's token and a number, so that ids of different
// visitors never meet on a link. ok is false when too many are outstanding.
func (v *visitor) request(r request, buf []byte) (id []byte, ok bool) {
	r.expires = v.g.now().Add(requestLife)
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.requests) >= maxOutstanding || v.closed {
		return nil, false
	}
	if v.requests == nil {
		v.requests = make(map[uint32]*request)
	}
	v.nextID++
	v.requests[v.nextID] = &r
	v.schedule(r.expires)
	buf = append(buf, v.token[:]...)
	buf = append(buf, '.')
	return strconv.AppendUint(buf, uint64(v.nextID), 10), true
}

// answered takes the request that the answer e belongs to: its id and its
// sender must both be what was asked (the id alone could be guessed).
func (v *visitor) answered(e *xmpp.Element) (request, bool) {
	n, ok := v.requestNumber(e.ID)
	if !ok {
		return request{}, false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	r := v.requests[n]
	if r == nil || r.to != string(e.From) {
		return request{}, false
	}
	delete(v.requests, n)
	return *r, true
}

func (v *visitor) requestNumber(id []byte) (uint32, bool) {
	if len(id) <= len(v.token)+1 || [8]byte(id) != v.token || id[len(v.token)] != '.' {
		return 0, false
	}
	var n uint64
	for _, c := range id[len(v.token)+1:] {
		if c < '0' || c > '9' || n > 1<<32 {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return uint32(n), n < 1<<32
}

// schedule makes Due run at that time, or earlier. The caller holds v.mu.
func (v *visitor) schedule(at time.Time) {
	since := max(at.Sub(v.g.start), 1)
	if v.closed || v.due != 0 && since >= v.due {
		return
	}
	v.due = since
	v.g.wheel.Set(&v.timer, at, v)
}

// Due gives up what has waited too long: requests, held stanzas, messages
// that no room has confirmed, and a client who is gone.
func (v *visitor) Due(now time.Time) {
	var late []*request
	var next time.Time
	v.mu.Lock()
	v.due = 0
	for n, r := range v.requests {
		if now.Before(r.expires) {
			next = earlier(next, r.expires)
			continue
		}
		delete(v.requests, n)
		late = append(late, r)
	}
	aged := v.takeAged(now)
	if len(v.held) > 0 {
		next = earlier(next, v.held[0].at.Add(v.g.cfg.Upstream.Hold.Age))
	}
	withdraw := false
	if p := v.parking; p != nil && !p.withdrawn && !p.grace.IsZero() {
		if withdraw = !now.Before(p.grace); !withdraw {
			next = earlier(next, p.grace)
		}
	}
	var rooms []*room
	for _, o := range v.rooms {
		if o.unconfirmed > 0 {
			rooms = append(rooms, o.room)
			next = earlier(next, now.Add(confirmTime/2))
		}
	}
	if !next.IsZero() {
		v.schedule(next)
	}
	v.mu.Unlock()
	for _, r := range late {
		v.abandon(r)
	}
	for i := range aged {
		v.giveUp(&aged[i], DropHoldAge)
	}
	for _, r := range rooms {
		r.expire(now)
	}
	if withdraw {
		v.withdraw(now)
	}
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// abandon tells whoever asked that no answer will come.
func (v *visitor) abandon(r *request) {
	if r.done != nil {
		r.done(nil)
		return
	}
	e := xmpp.Element{Kind: xmpp.IQ, ID: []byte(r.id)}
	v.tell(errNoAnswer.AppendReply(nil, &e, xmpp.Client, []byte(r.to), v.jid))
}

// close forgets the visitor: he leaves the table, his rooms, and everybody who
// has his presence. It never blocks; the first call counts. It returns whether
// he was bound.
func (v *visitor) close() bool {
	v.mu.Lock()
	bound := v.bound
	if v.closed || !bound {
		v.closed = true
		v.mu.Unlock()
		return bound
	}
	v.closed = true
	rooms, directed, peers, waiting, requests := v.rooms, v.directed, v.peerNames(), v.held, v.requests
	if v.withdrawn() {
		directed, peers = nil, nil // they know
	}
	if v.parking != nil {
		v.g.gate.parked(v.site, v.stream().Info(), -1)
		v.g.count.resumes[ResumeExpired].Add(1)
	}
	through := v.throughRooms()
	v.rooms, v.directed, v.peers, v.held, v.requests, v.opened, v.invites = nil, nil, nil, nil, nil, nil, nil
	v.mu.Unlock()
	v.g.wheel.Stop(&v.timer)
	v.g.visitors.remove(v)
	v.undelivered(through)
	v.g.desk.gone(v) // before the rooms hear of it: so the desk knows that he didn't leave them by himself
	for _, r := range requests {
		if r.done != nil {
			r.done(nil)
		}
	}
	var gone []byte
	for bare, o := range rooms {
		o.room.leave(o, v.g)
		if o.state != undone {
			gone = appendUnavailable(gone, v.jid, bare+"/"+o.nick, "")
		}
	}
	for to := range directed {
		gone = appendUnavailable(gone, v.jid, to, "")
	}
	v.tellPeers(peers)
	for i := range waiting {
		// What he asked to be said is still said when the link is back.
		v.home.heldBytes.Add(-int64(len(waiting[i].stanza)))
		if waiting[i].kind == xmpp.Message {
			v.home.farewell(waiting[i].stanza)
		}
	}
	if gone != nil {
		v.home.farewell(gone)
	}
	v.home.Leave()
	v.mu.Lock()
	v.out = true
	v.signal()
	v.mu.Unlock()
	return true
}

// appendUnavailable writes that from is gone. Upstream the namespace is inherited: space is "".
func appendUnavailable(dst, from []byte, to, space string) []byte {
	dst = append(dst, "<presence"...)
	if space != "" {
		dst = xmpp.AppendAttr(dst, "xmlns", []byte(space))
	}
	dst = xmpp.AppendAttr(dst, "from", from)
	dst = xmpp.AppendAttr(dst, "to", []byte(to))
	return append(dst, " type='unavailable'/>"...)
}

// bucket is a token bucket; its owner's lock guards it. Its state is the moment, since
// the gateway's start, at which it will be full again.
type bucket time.Duration

// take takes one token and tells whether there was one.
func (b *bucket) take(r c2s.Rate, now time.Duration) bool {
	if r.PerSecond <= 0 {
		return true
	}
	perToken := float64(time.Second) / r.PerSecond
	full := max(time.Duration(*b), now) + time.Duration(min(perToken, float64(maxRefill)))
	if full-now > time.Duration(min(perToken*r.Burst, float64(maxRefill))) {
		return false
	}
	*b = bucket(full)
	return true
}

// charge takes a token also if there is none: the bucket then owes it.
func (b *bucket) charge(r c2s.Rate, now time.Duration) {
	if r.PerSecond <= 0 {
		return
	}
	*b = bucket(max(time.Duration(*b), now) + time.Duration(min(float64(time.Second)/r.PerSecond, float64(maxRefill))))
}

// maxRefill bounds the time in which a bucket fills: more is for ever.
const maxRefill = 1000 * time.Hour
