package workgroup

import (
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"usher/xmpp"
)

// saying is a message of the room, as far as it is needed to know a repeat and to report it.
type saying struct {
	nick    string
	id      string // by its sender
	sid     string // by the room (XEP-0359)
	body    string // not of those that are only remembered
	sum     uint64 // of the body
	at      time.Time
	delayed bool // of the history
	matched bool // a message of the history was taken for it
}

func sumOf(body string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(body))
	return h.Sum64()
}

const nsChatStates = "http://jabber.org/protocol/chatstates"

func (r *room) message(n *node) {
	nick := resourceOf(n.attr("from"))
	x := n.child("x", xmpp.NSMUCUser)
	switch typ := n.attr("type"); {
	case typ == "error":
		r.bounced(n, nick)
	case x.child("decline", xmpp.NSMUCUser) != nil: // XEP-0045 §7.8.2
		d := x.child("decline", xmpp.NSMUCUser)
		reason := ""
		if t := d.child("reason", xmpp.NSMUCUser); t != nil {
			reason = t.text
		}
		r.conv.declined(bareOf(d.attr("from")), reason)
	case typ == "groupchat" && nick != "":
		r.groupchat(n, nick)
	case nick != "" && n.child("body", "") != nil && n.child("delay", xmpp.NSDelay) == nil:
		r.private(nick, n.child("body", "").text)
	}
}

// bounced: what the owner said didn't get into the room. If that is because it isn't there, it enters again.
func (r *room) bounced(n *node, nick string) {
	if c := errorOf(n); nick == "" && r.phase == phaseStands && (c == "item-not-found" || c == "not-acceptable") {
		r.again()
	}
}

func (r *room) groupchat(n *node, nick string) {
	body, delay := n.child("body", ""), n.child("delay", xmpp.NSDelay)
	if body == nil {
		// Only who writes is surely there: clients send other states by themselves.
		if n.child("composing", nsChatStates) != nil && delay == nil && nick != r.nick && r.phase == phaseStands {
			r.conv.typing(r.nicks[nick])
		}
		return
	}
	s := saying{nick: nick, id: n.attr("id"), body: body.text, sum: sumOf(body.text), at: r.d.now}
	for _, k := range n.kids {
		if k.name == "stanza-id" && k.space == xmpp.NSStanzaID && k.attr("by") == r.jid { // XEP-0359 §5: nobody else's counts
			s.sid = k.attr("id")
		}
	}
	if delay != nil {
		s.delayed = true
		if t, err := time.Parse(time.RFC3339, delay.attr("stamp")); err == nil {
			s.at = t
		}
	}
	switch r.phase {
	case phaseStands:
		r.hear(s)
	case phaseReturn:
		if len(r.unheard) >= maxUnheard {
			r.unheard = r.unheard[1:]
		}
		r.unheard = append(r.unheard, s)
	}
}

// hear reports a message, unless it was reported before or is the owner's own.
func (r *room) hear(s saying) {
	if r.known(s) != nil {
		return
	}
	body := s.body
	s.body = ""
	if len(r.said) >= maxSaid {
		r.said = append(r.said[:0], r.said[len(r.said)-maxSaid/2:]...)
	}
	r.said = append(r.said, s)
	if s.nick == r.nick {
		return
	}
	id := s.sid
	if id == "" {
		id = s.id
	}
	r.conv.heard(r.nicks[s.nick], s.nick, body, id, s.at)
}

// repeatTime is how long after a message one with the same id and words is taken for a repeat, which edges and clients send when they
// don't know whether the first one arrived. Later it may be a client that counts from one again.
const repeatTime = 2 * time.Minute

// sameTime is how far the stamps of one message may be apart where nothing else tells it.
const sameTime = 2 * time.Second

// known finds a message among those heard before: the room's id, else nick, id and text; in the history, where one of
// the two has no id, nick, text and time.
func (r *room) known(s saying) *saying {
	for i := len(r.said) - 1; i >= 0; i-- {
		e := &r.said[i]
		switch {
		case e.sid != "" && e.sid == s.sid:
			return e
		case e.nick != s.nick || e.sum != s.sum:
		case s.id != "" && e.id == s.id && s.at.Sub(e.at).Abs() <= repeatTime:
			return e
		case s.delayed && !e.matched && (e.sid == "" || s.sid == "") && (e.id == "" || s.id == "") && s.at.Sub(e.at).Abs() <= sameTime:
			return e
		}
	}
	return nil
}

// historyBefore is how far back of the last kept event the history is asked for.
const historyBefore = 2 * time.Second

// since is the time from which on the history is asked for.
func (r *room) since() time.Time {
	if len(r.said) == 0 {
		return r.conv.Asked.Add(-historyBefore)
	}
	return r.said[len(r.said)-1].at.Add(-historyBefore)
}

// merge reports what came while the owner entered again. The history is asked for from a little before the last message that was heard. If none of
// those heard before is in it, it doesn't reach back that far, or the room has none: there may be a gap.
func (r *room) merge() {
	came := r.unheard
	r.unheard = nil
	for i := range r.said {
		r.said[i].matched = false
	}
	overlaps, first := len(r.said) == 0, r.d.now
	for i, s := range came {
		if !s.delayed {
			continue
		}
		if i == 0 {
			first = s.at
		}
		if e := r.known(s); e != nil {
			e.matched, overlaps = true, true
		}
	}
	if !overlaps {
		r.conv.gap(r.said[len(r.said)-1].at, first)
	}
	for i := range r.said {
		r.said[i].matched = false
	}
	for _, s := range came {
		if r.phase != phaseStands {
			return
		}
		if e := r.known(s); e != nil {
			e.matched = true
			continue
		}
		r.hear(s)
	}
}

// recall takes over what was heard in a former life.
func (r *room) recall(kept []Event) {
	// Nobody else gets this nick from the edge, and his coming in may not have been kept.
	r.nicks[r.conv.visitorNick()] = r.conv.Visitor.JID
	for _, e := range kept {
		nick := e.Nick
		switch {
		case e.Kind == KindJoin: // what he said since may not have been kept
			if e.From != "" && len(r.nicks) < maxNicks {
				r.nicks[nick] = e.From
			}
			continue
		case e.Kind == KindNotice && e.From == "":
			nick = r.nick
		case e.Kind == KindMessage:
			if e.From != "" && len(r.nicks) < maxNicks {
				r.nicks[nick] = e.From
			}
		default:
			continue
		}
		r.said = append(r.said, saying{nick: nick, id: e.StanzaID, sid: e.StanzaID, sum: sumOf(e.Body), at: e.Time})
	}
	if len(r.said) > maxSaid {
		r.said = r.said[len(r.said)-maxSaid:]
	}
}

// brushTime is how often somebody who writes to the owner in private is told that nobody reads it.
const brushTime = 10 * time.Second

// private answers a private message to the owner: the words after `!` work there too, and the visitor doesn't see them.
func (r *room) private(nick, body string) {
	bare := r.nicks[nick]
	if a := r.d.agents[bare]; a != nil && strings.HasPrefix(body, "!") && r.d.fromRoom(a, r.conv, body) {
		return
	}
	if r.here[nick] == nil || r.d.now.Sub(r.brushed) < brushTime {
		return
	}
	r.brushed = r.d.now
	r.whisper(nick, r.conv.home.text("unread", r.conv.Visitor.Language))
}

// notice lets the owner say something in the room.
func (r *room) notice(text string) {
	switch r.phase {
	case phaseStands:
		r.d.rooms.serial++
		r.d.send(el("message", "", "from", r.full(), "to", r.jid, "type", "groupchat", "id", "say-"+strconv.Itoa(r.d.rooms.serial)).with(
			el("body", "").said(text)))
	case phaseReturn:
		if len(r.notices) < maxNotices {
			r.notices = append(r.notices, text)
		}
	}
}

// whisper says it to one occupant only (XEP-0045 §7.5).
func (r *room) whisper(nick, text string) { r.pass(nick, text, time.Time{}) }

func (r *room) pass(nick, text string, at time.Time) {
	if r.phase != phaseStands {
		return
	}
	r.d.rooms.serial++
	n := el("message", "", "from", r.full(), "to", r.jid+"/"+nick, "type", "chat", "id", "say-"+strconv.Itoa(r.d.rooms.serial)).with(
		el("body", "").said(text), el("x", xmpp.NSMUCUser))
	if !at.IsZero() {
		n.with(el("delay", xmpp.NSDelay, "from", r.full(), "stamp", at.UTC().Format("2006-01-02T15:04:05.000Z")))
	}
	r.d.send(n)
}

// The size of a private message of history.
const (
	historyLines = 20
	historyBytes = 8 << 10 // of text; a longer line goes alone
)

// history gives an occupant what was said before, as private messages of the owner with delay stamps (XEP-0203), up to 20 lines
// each; the stamp is that of the last line.
func (r *room) history(nick string, lines []Event) {
	zone := time.UTC
	if h := r.conv.home.Hours; h != nil && h.Zone != nil {
		zone = h.Zone
	}
	var text strings.Builder
	var last time.Time
	count := 0
	flush := func() {
		if count > 0 {
			r.pass(nick, text.String(), last)
		}
		text.Reset()
		count = 0
	}
	for _, e := range lines {
		name := e.Nick
		if name == "" {
			name = r.nick
		}
		line := "[" + e.Time.In(zone).Format("15:04") + "] " + name + ": " + e.Body
		if count == historyLines || count > 0 && text.Len()+len(line) > historyBytes {
			flush()
		}
		if count > 0 {
			text.WriteByte('\n')
		}
		text.WriteString(line)
		last = e.Time
		count++
	}
	flush()
}
