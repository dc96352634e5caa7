package bosh

import (
	"bytes"
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"usher/c2s"
	"usher/xmpp"
)

// accept takes a request of this session. When it returns x either has its answer or waits for it. body is
// valid during the call only; bad is why it was refused by parse.
func (s *session) accept(w *wrapper, body []byte, bad *xmpp.StreamError, x *exchange) {
	now := s.srv.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.over: // since it was looked up
		x.reply(s.srv.epitaph(s.key))
		return
	case s.stream.Ended() != nil && (w.rid == 0 || w.rid > s.replied):
		s.stray(x)
		s.settle(now)
		return
	case bad != nil:
		s.breach(x, badCondition(bad), bad)
		return
	case w.rid == 0: // XEP-0124 §6: MUST
		s.breach(x, "bad-request", &xmpp.StreamError{Condition: "invalid-xml", Text: "rid is missing"})
		return
	case !s.bound() && s.srv.cfg.Prelogin > 0 && len(body) > s.srv.cfg.Prelogin:
		x.status = fasthttp.StatusRequestEntityTooLarge
		s.breach(x, "policy-violation", errUnbound)
		return
	}
	s.pause = 0 // §10: back to normal with the next request
	if s.idle = 0; w.ack != 0 && s.acks {
		s.acked(w.ack)
	}
	i, known := slices.BinarySearchFunc(s.slots, w.rid, func(r *request, rid uint64) int {
		return cmpRID(r.rid, rid)
	})
	var err *xmpp.StreamError
	condition := "item-not-found"
	switch {
	case w.rid <= s.replied:
		condition, err = s.repeated(w, x, now)
	case known:
		condition, err = s.replace(s.slots[i], w, x, now)
	default:
		condition, err = s.fresh(i, w, body, x, now)
	}
	if err != nil {
		s.breach(x, condition, err)
	}
}

func cmpRID(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

var (
	errUnbound  = &xmpp.StreamError{Condition: "policy-violation", Text: "the request is too large before login"}
	errWindow   = &xmpp.StreamError{Condition: "policy-violation", Text: "rid is outside the window"}
	errForgot   = &xmpp.StreamError{Condition: "policy-violation", Text: "the answer for this rid is not kept any more"}
	errKey      = &xmpp.StreamError{Condition: "not-authorized", Text: "the key is missing or wrong"}
	errActivity = &xmpp.StreamError{Condition: "policy-violation", Text: "too many simultaneous requests"}
	errPolling  = &xmpp.StreamError{Condition: "policy-violation", Text: "requests come too quickly"}
	errRepeats  = &xmpp.StreamError{Condition: "policy-violation", Text: "too many repeats"}
	errPause    = &xmpp.StreamError{Condition: "policy-violation", Text: "the pause is too long"}
	errPending  = &xmpp.StreamError{Condition: "policy-violation", Text: "too much waits to be forwarded"}
)

// breach ends the session because of request x. Under mu, which it lets go meanwhile.
func (s *session) breach(x *exchange, condition string, err *xmpp.StreamError) {
	s.stray(x)
	if s.final.condition == "" {
		s.final.condition = condition
	}
	s.mu.Unlock()
	s.stream.Fail(err)
	s.mu.Lock()
	s.settle(s.srv.now())
}

// bound tells whether the client has logged in. Under mu.
func (s *session) bound() bool {
	if !s.loggedIn {
		s.loggedIn = s.stream.Bound() != ""
	}
	return s.loggedIn
}

// fresh takes a request with a rid that was not received before; i is its place among the slots.
func (s *session) fresh(i int, w *wrapper, body []byte, x *exchange, now instant) (string, *xmpp.StreamError) {
	if w.rid > s.received+uint64(s.requests) {
		return "item-not-found", errWindow // §14.2: MUST
	}
	open := 1
	for _, r := range s.slots {
		if r.x != nil {
			open++
		}
	}
	limit := int(s.requests)
	if w.terminate || w.pause >= 0 {
		limit++ // §11: one more to pause or to terminate
	}
	if open > limit {
		return "policy-violation", errActivity
	}
	r := s.newRequest(w, body, x)
	if s.tooSoon(r, open, now) {
		return "policy-violation", errPolling
	}
	if r.pauses && r.pause > s.srv.cfg.MaxPause {
		return "policy-violation", errPause // §10
	}
	switch {
	case s.chain != nil:
		if r.keys = parseKeys(w); r.keys == nil {
			return "item-not-found", errKey
		}
	case len(w.key) > 0 || len(w.newkey) > 0: // §15.4: the chain starts in the session creation request
		return "item-not-found", errKey
	}
	s.slots = slices.Insert(s.slots, i, r)
	for ; i < len(s.slots) && s.slots[i].rid == s.received+1; i++ {
		if s.chain != nil && !s.advance(s.slots[i]) {
			s.forget(r)
			return "item-not-found", errKey // §15.4: MUST NOT process the element
		}
		s.received++
	}
	if s.acks {
		s.acknowledged(r, w.ack, now)
	}
	s.got(s.surely(w))
	if s.busy || s.resumeAt != 0 || r.rid > s.received {
		if err := s.keep(r); err != nil {
			s.forget(r)
			return "policy-violation", err
		}
	}
	if s.resumeAt == 0 {
		s.work(false)
	}
	s.settle(now)
	return "", nil
}

// forget takes back a request that was put among the slots, so that its exchange can be told otherwise.
func (s *session) forget(r *request) {
	r.x = nil
	s.slots = slices.DeleteFunc(s.slots, func(o *request) bool { return o == r })
}

func (s *session) newRequest(w *wrapper, body []byte, x *exchange) *request {
	r := &request{
		rid: w.rid, x: x, body: body, payloads: uint16(w.payloads), until: s.srv.now().plus(s.wait),
		terminate: w.terminate, restart: w.restart && !w.terminate,
	}
	if r.payloads == 0 && !r.restart {
		r.body = nil
	}
	if w.pause >= 0 && !w.terminate {
		r.pauses, r.pause = true, time.Duration(w.pause)*time.Second
	}
	r.empty = w.payloads == 0 && !w.terminate && !w.restart && !r.pauses
	return r
}

// tooSoon tells whether a new request breaks the rules of §11 and §12 on frequency. An eighth of `polling` is
// left to the network. While another request is open, some are overlooked: a page that is loaded anew
// sends one although it knows of no other.
func (s *session) tooSoon(r *request, open int, now instant) bool {
	polling := s.srv.cfg.Polling
	early := now.since(s.last) < polling-polling/8
	again := s.lastEmpty && r.empty
	s.last, s.lastEmpty = now, r.empty
	switch {
	case polling == 0 || !early || !r.empty:
		return false
	case s.polls():
		return again // §12
	}
	return open >= int(s.requests) && !s.spend(now) // §11
}

// spend takes one of the repeats and early polls that are overlooked; one comes back in each `polling`.
func (s *session) spend(now instant) bool {
	polling := s.srv.cfg.Polling
	if polling == 0 {
		return true
	}
	if n := int(now.since(s.spareAt) / polling); n > 0 {
		s.spare = uint8(min(spare, int(s.spare)+n))
		s.spareAt = s.spareAt.plus(time.Duration(n) * polling)
	}
	if s.spare == 0 {
		return false
	}
	s.spare--
	return true
}

// advance checks the key of the next request in the order of rids (§15.4, §15.5).
func (s *session) advance(r *request) bool {
	if !follows(r.keys.key, *s.chain) {
		return false
	}
	*s.chain = r.keys.key
	if r.keys.newkey != (digest{}) {
		*s.chain = r.keys.newkey
	}
	return true
}

// repeated answers a request that was answered before (§14.3).
func (s *session) repeated(w *wrapper, x *exchange, now instant) (string, *xmpp.StreamError) {
	i := slices.IndexFunc(s.kept, func(k kept) bool { return k.rid == w.rid })
	switch {
	case i < 0:
		return "item-not-found", errForgot
	case !sameKey(s.kept[i].keys, w):
		return "item-not-found", errKey
	case !s.spend(now):
		return "policy-violation", errRepeats
	}
	x.reply(s.kept[i].body)
	s.settle(now)
	return "", nil
}

// replace gives an open request another connection (§14.3).
func (s *session) replace(r *request, w *wrapper, x *exchange, now instant) (string, *xmpp.StreamError) {
	switch {
	case !sameKey(r.keys, w):
		return "item-not-found", errKey
	case !s.spend(now):
		return "policy-violation", errRepeats
	}
	if r.x != nil {
		r.x.reply(recoverableBody)
	}
	r.x, r.until = x, now.plus(s.wait)
	s.settle(now)
	return "", nil
}

// sameKey tells whether a repeat carries the key of the original: it is an exact copy.
func sameKey(keys *keyPair, w *wrapper) bool {
	if keys == nil { // no keys are used, or it's the session creation request
		return true
	}
	d, _ := parseDigest(w.key)
	return d == keys.key
}

// keep copies what waits to be forwarded.
func (s *session) keep(r *request) *xmpp.StreamError {
	if r.copied || r.body == nil {
		return nil
	}
	if int(s.pending)+len(r.body) > maxBody(s.limits()) {
		return errPending
	}
	r.body, r.copied = bytes.Clone(r.body), true
	s.pending += int32(len(r.body))
	return nil
}

// surely is the last rid whose answer a client must have, who sends the new request w: the one that it acknowledges (§9.2); else the
// last that it can't have open any more, for how many it may have open is bounded (§11).
func (s *session) surely(w *wrapper) uint64 {
	if s.acks && w.ack != 0 && w.ack <= s.replied {
		return w.ack
	}
	open := uint64(s.requests)
	if w.terminate || w.pause >= 0 {
		open++ // §11: one more to pause or to terminate
	}
	return w.rid - min(w.rid, open)
}

// got confirms what was in the answers up to rid. Under mu.
func (s *session) got(rid uint64) {
	n := 0
	for n < len(s.unsure) && s.unsure[n].rid <= rid {
		n++
	}
	if n == 0 {
		return
	}
	s.stream.Confirmed(s.unsure[n-1].written)
	if s.unsure = slices.Delete(s.unsure, 0, n); len(s.unsure) == 0 {
		s.unsure = nil
	}
}

// acked forgets answers that the client has (§9.2).
func (s *session) acked(ack uint64) {
	if ack > s.replied {
		return
	}
	for len(s.kept) > 0 && s.kept[0].rid <= ack {
		s.unkeep()
	}
}

// acknowledged reads what the new request r says, or doesn't say, of the answers (§9.2).
func (s *session) acknowledged(r *request, ack uint64, now instant) {
	if ack == 0 { // it has them all; but be generous
		s.trim(int(s.requests))
		return
	}
	if ack >= s.replied || ack < s.reported {
		return
	}
	for _, k := range s.kept {
		if k.rid == ack+1 {
			r.report, r.age, r.now = k.rid, now.since(k.at), true
			s.reported = k.rid // once each
			return
		}
	}
}

// work forwards what was received, in the order of rids (§14.2: MUST). Under mu, which it lets go meanwhile;
// one goroutine at a time, others return at once. mine tells that the caller has set busy.
func (s *session) work(mine bool) {
	if s.busy && !mine {
		return
	}
	s.busy = true
	for s.resumeAt == 0 {
		r := s.next()
		if r == nil {
			break
		}
		var pause time.Duration
		if r.payloads > 0 || r.restart || r.terminate {
			s.mu.Unlock()
			pause = s.forward(r)
			s.mu.Lock()
		}
		if pause > 0 {
			s.resumeAt = s.srv.now().plus(pause)
		}
		if pause > 0 && r.fed < r.payloads {
			if err := s.keep(r); err != nil {
				s.ending().condition = "policy-violation"
				s.mu.Unlock()
				s.stream.Fail(err)
				s.mu.Lock()
			}
			break
		}
		s.forwarded(r)
		s.settle(s.srv.now()) // what it has led to goes out before what the next one leads to
	}
	s.busy = false
	s.settle(s.srv.now())
}

// next is the request to be forwarded, or nil.
func (s *session) next() *request {
	for _, r := range s.slots {
		if !r.done {
			if r.rid > s.received {
				return nil
			}
			return r
		}
	}
	return nil
}

// forwarded notes that nothing of r is left to be forwarded.
func (s *session) forwarded(r *request) {
	if r.copied {
		s.pending -= int32(len(r.body))
	}
	r.done, r.body = true, nil
	if r.pauses { // §10: all open requests are answered at once
		s.pause = max(r.pause, time.Second)
		for _, o := range s.slots {
			o.now = o.now || o.rid <= r.rid
		}
	}
}

// forward gives the stream what is left of r. Without mu; in one goroutine at a time.
func (s *session) forward(r *request) (pause time.Duration) {
	if r.body != nil {
		sc := s.srv.scanners.Get().(*xmpp.Scanner)
		pause = s.payloads(sc, r)
		s.srv.scanners.Put(sc)
	}
	if r.terminate && r.fed == r.payloads {
		// Who says goodbye has no use for what he hasn't got: it would only be told to its senders, who most likely had been heard.
		s.mu.Lock()
		s.got(s.replied)
		s.mu.Unlock()
		s.stream.End(c2s.Ending{Reason: c2s.ClientClosed}) // §13
	}
	return pause
}

func (s *session) payloads(sc *xmpp.Scanner, r *request) (pause time.Duration) {
	var w wrapper
	rest, bad := enter(sc, r.body, *s.limits(), &w)
	switch {
	case bad != nil: // parse has taken it before
		s.stream.Fail(bad)
		return 0
	case r.restart: // XEP-0206 §5: its payload is ignored
		r.fed = r.payloads
		s.stream.Open(header(&w)) // an error has ended the stream
		return 0
	}
	for i := uint16(0); i < r.payloads && pause == 0; i++ {
		n, token, err := sc.Next(rest)
		if err != nil || token != xmpp.Stanza {
			s.stream.Fail(errIncomplete)
			return 0
		}
		if rest = rest[n:]; i < r.fed {
			continue
		}
		r.fed++
		if s.stream.Reopens() {
			// Some clients leave the restart to the server, as older ones did (XEP-0206 §4).
			s.stream.Open(c2s.Header{Version: "1.0"})
		}
		pause = s.stream.Receive(sc.Element())
	}
	return pause
}
