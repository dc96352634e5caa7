package bosh

import (
	"bytes"
	"slices"
	"time"

	"usher/c2s"
)

// settle answers every request that is due, in the order of rids (§8: MUST), and sets the timer. Under mu; it never
// blocks.
func (s *session) settle(now instant) {
	if s.over {
		return
	}
	if e := s.stream.Ended(); e != nil {
		s.finish(e, now)
		return
	}
	for len(s.slots) > 0 && s.due(s.slots[0], now) {
		s.respond(now)
	}
	for _, r := range s.slots {
		if !r.done && r.x != nil && now >= r.until {
			// A predecessor is missing, or its own payload has to wait: the client shall repeat (§17.3).
			r.x.reply(recoverableBody)
			r.x = nil
		}
	}
	s.schedule(now)
}

// due tells whether the oldest request is to be answered.
func (s *session) due(r *request, now instant) bool {
	switch {
	case !r.done:
		return false
	case r.now:
		return true
	case len(s.slots) > int(s.hold) && (r.x != nil || len(s.slots) > 1):
		return true // §8: no more than `hold` wait; a client that left has sent another
	case r.x == nil:
		return false // a repeat may come
	}
	return now >= r.until || s.stream.Pending() > 0
}

// respond answers the oldest request with all that is queued.
func (s *session) respond(now instant) {
	r := s.slots[0]
	s.slots = slices.Delete(s.slots, 0, 1)
	s.replied = r.rid
	s.idle = 0
	a := answer{report: r.report, age: r.age}
	if s.greeting != nil {
		a.greeting = *s.greeting
		s.greeting = nil
	}
	if s.acks && s.received != r.rid {
		a.ack = s.received // §9.1
	}
	payload := s.srv.scratch()
	defer s.srv.give(payload)
	if r.x != nil && !r.pauses { // §10: no payloads in the answer to a pause
		*payload, _ = s.stream.Drain(*payload, maxAnswer, appendElement)
	}
	if len(*payload) > 0 {
		if n := s.stream.Written(); n != 0 {
			s.unsure = append(s.unsure, tally{r.rid, n})
		}
		if r.rid == s.received {
			s.lastEmpty = false // §12: the next poll may come at once
		}
	} else if a.greeting == "" && r.x != nil {
		s.srv.polls.Add(1)
		r.x.waited = now >= r.until
	}
	body := emptyBody
	if len(*payload) > 0 || a != (answer{}) {
		n := len(*payload)
		*payload = a.append(*payload, *payload)
		body = bytes.Clone((*payload)[n:])
	}
	s.remember(kept{rid: r.rid, at: now, body: body, keys: r.keys, pauses: r.pauses})
	if r.x != nil {
		r.x.reply(body)
	}
}

// remember keeps an answer for repeats (§14.3): the last `requests`, or those that the client hasn't acknowledged.
func (s *session) remember(k kept) {
	room := int(s.requests)
	if s.acks {
		room = maxUnacked
	}
	if k.pauses {
		room++ // it doesn't count
	}
	s.trim(room - 1)
	if s.kept == nil {
		s.kept = make([]kept, 0, s.requests)
	}
	s.kept = append(s.kept, k)
	s.keptLen += int32(len(k.body))
	for len(s.kept) > 1 && s.keptLen > maxKept {
		s.unkeep()
	}
}

// trim keeps the last n answers; those to pauses don't count.
func (s *session) trim(n int) {
	for _, k := range s.kept {
		if !k.pauses {
			n--
		}
	}
	for ; n < 0; n++ {
		for s.kept[0].pauses {
			s.unkeep()
		}
		s.unkeep()
	}
}

// unkeep forgets the oldest answer.
func (s *session) unkeep() {
	s.keptLen -= int32(len(s.kept[0].body))
	s.kept = slices.Delete(s.kept, 0, 1)
}

// finish tells the client that the stream has ended, if it is there to be told; otherwise its next request
// is. The oldest request gets what is queued and the reason; at a shutdown the reason waits for the next one if something is queued.
func (s *session) finish(e *c2s.Ending, now instant) {
	f := s.ending()
	if f.at == 0 {
		f.at = now
	}
	var open []*exchange
	for _, r := range s.slots {
		if r.x != nil {
			open = append(open, r.x)
		}
	}
	open = append(open, f.strays...)
	if e.Reason == c2s.Shutdown && len(open) > 0 && s.stream.Pending() > 0 {
		// There is time, and not every client takes stanzas in a terminate: they go before it.
		payload := s.srv.scratch()
		*payload, _ = s.stream.Drain(*payload, maxAnswer, appendElement)
		open[0].reply(new(answer).append(nil, *payload))
		s.srv.give(payload)
		open = open[1:]
	}
	if len(open) == 0 {
		s.slots, f.strays = nil, nil
		s.schedule(now)
		return
	}
	condition, withError := terminal(e)
	if f.condition != "" {
		condition, withError = f.condition, false
	}
	payload := s.srv.scratch()
	defer s.srv.give(payload)
	*payload, _ = s.stream.Drain(*payload, 1<<30, appendElement)
	stanzas := len(*payload)
	if withError {
		*payload = e.Err.Append(*payload) // XEP-0206 §6: after the stanzas
	}
	a := answer{terminate: true, condition: condition}
	first := a.append(nil, *payload)
	last := a.append(nil, (*payload)[stanzas:])
	rest := last
	if e.Reason == c2s.ClientClosed && f.condition == "" {
		rest = emptyBody // §13: the oldest is told, the others are let go
	}
	s.slots, f.strays = nil, nil
	if s.end() && e.Reason != c2s.Inactive {
		s.srv.dead.Add(s.key, tomb{last, now.plus(max(s.inactivity, time.Minute))})
	}
	for i, x := range open {
		if i == 0 {
			x.reply(first)
		} else {
			x.reply(rest)
		}
	}
}

// hurry answers x as soon as it can be, since the client has sent another request behind it on the same
// connection. Under mu.
func (s *session) hurry(x *exchange) {
	i := slices.IndexFunc(s.slots, func(r *request) bool { return r.x == x })
	if i < 0 {
		return
	}
	if r := s.slots[i]; r.rid > s.received {
		// What it waits for may be behind it: the client shall repeat (§17.3).
		x.reply(recoverableBody)
		r.x = nil
		return
	}
	for _, r := range s.slots[:i+1] {
		r.now = true
	}
	s.settle(s.srv.now())
}

// left notes that the client of x isn't there any more: its request is open to a repeat. Under mu.
func (s *session) left(x *exchange) {
	for _, r := range s.slots {
		if r.x == x {
			r.x = nil
		}
	}
	if f := s.final; f != nil {
		f.strays = slices.DeleteFunc(f.strays, func(o *exchange) bool { return o == x })
	}
	s.settle(s.srv.now())
}
