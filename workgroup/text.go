package workgroup

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"usher/xmpp"
)

// Words as chat messages to a workgroup, and behind a `!` in a room.

// What marks a copy of something said elsewhere, or an invitation.
const (
	nsMAM        = "urn:xmpp:mam:2"
	nsConference = "jabber:x:conference"
)

// parseText reads an order from what an agent wrote. supervisor tells whether words that only supervisors have are read as
// theirs (`pause bob`). What can't be understood is a refusal; it never depends on what there is at the desk.
func parseText(body string, supervisor bool) (order, error) {
	first, rest := cutWord(strings.TrimSpace(body))
	first = strings.ToLower(strings.TrimPrefix(first, "!"))
	if rest == "" {
		switch first {
		case "1":
			first = "accept"
		case "2":
			first = "decline"
		}
	}
	v, ok := verbNamed(first)
	if !ok {
		return order{}, errUnknown
	}
	o := order{verb: v}
	for i, a := range v.args {
		var err error
		if rest, err = o.read(a, rest, i+1 < len(v.args) && v.args[i+1] == aTarget, supervisor); err != nil {
			return order{}, err
		}
	}
	if rest != "" {
		return order{}, refusal("that is too much: " + usageFor(v, supervisor))
	}
	return o, nil
}

func usageFor(v verb, supervisor bool) string { return usage(v, &member{supervisor: supervisor}) }

// read takes one argument from the words that are left. before a target a number alone is the target.
func (o *order) read(a argument, rest string, target, supervisor bool) (string, error) {
	word, after := cutWord(rest)
	missing := refusal("something is missing: " + usageFor(o.verb, supervisor))
	switch a {
	case anOffer, ownChat, anyChat:
		if n, ok := number(word); ok && !(target && after == "") {
			o.number = n
			return after, nil
		}
	case seenOne, aCount:
		n, ok := number(word)
		if !ok && (a != aCount || word != "0") { // max 0: as configured
			return rest, missing
		}
		o.number = n
		return after, nil
	case anAgent, aTarget, aBan:
		if word == "" {
			return rest, missing
		}
		o.name = word
		return after, nil
	case maybeOne:
		if _, ok := length(word); !ok && word != "" && supervisor {
			o.name = word
			return after, nil
		}
	case aLength:
		if l, ok := length(word); ok {
			o.length = l
			return after, nil
		}
	case aReason:
		o.text = oneLine(rest, mostReason)
		return "", nil
	case aText:
		if rest == "" {
			return rest, missing
		}
		if len(rest) > mostNoted {
			return rest, refusal("that text is too long")
		}
		o.text = rest
		return "", nil
	}
	return rest, nil
}

// cutWord takes the first word of a text.
func cutWord(s string) (word, rest string) {
	i := strings.IndexFunc(s, unicode.IsSpace)
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimSpace(s[i:])
}

// number reads a number of a chat, with or without the sign in front: 17, #17.
func number(word string) (int, bool) {
	n, err := strconv.ParseUint(strings.TrimPrefix(word, "#"), 10, 31)
	return int(n), err == nil && n > 0
}

// longest is the longest length of time that a word can name.
const longest = 10 * 365 * 24 * time.Hour

// length reads a length of time: 30m, 24h, 1h30m, 7d.
func length(word string) (time.Duration, bool) {
	word = strings.ToLower(word)
	var days time.Duration
	if d, after, ok := strings.Cut(word, "d"); ok {
		n, err := strconv.ParseUint(d, 10, 16)
		if err != nil {
			return 0, false
		}
		days, word = time.Duration(n)*24*time.Hour, after
		if word == "" {
			word = "0s"
		}
	}
	l, err := time.ParseDuration(word)
	l += days
	return l, err == nil && l > 0 && l <= longest && !strings.ContainsAny(word, "+-")
}

// fromText takes a chat message of a member. Only words that a person has just typed are one: no error, no copy of
// something said elsewhere, nothing without a body.
func (d *Desk) fromText(m *member, n *node) {
	if typ := n.attr("type"); typ != "" && typ != "chat" && typ != "normal" {
		return
	}
	for _, k := range n.kids {
		switch k.space {
		case xmpp.NSCarbons, xmpp.NSForward, nsMAM, xmpp.NSMUCUser, nsConference, xmpp.NSDelay:
			return
		}
	}
	body := n.child("body", "")
	if body == nil || strings.TrimSpace(body.text) == "" {
		return
	}
	s, err := m.said(body.text, nil)
	if err != nil {
		s.text = inWords(err)
	}
	m.group.reply(n, s.text, s.buttons...)
}

// said does what a member says: a verb, or behind a `!` also a canned reply.
func (m *member) said(body string, in *conversation) (said, error) {
	if word, rest := cutWord(strings.TrimSpace(body)); strings.HasPrefix(word, "!") {
		if text, ok := m.group.canned(word[1:]); ok {
			return m.sayCanned(text, rest, in)
		}
	}
	o, err := parseText(body, m.supervisor)
	if err != nil {
		return said{}, err
	}
	return m.do(o, in)
}

// replyWords lists the words of the canned replies. One that is a verb's can't be used: verbs come first.
func (g *group) replyWords() []string {
	var words []string
	for w := range g.Replies {
		if _, verb := verbNamed(strings.ToLower(w)); !verb {
			words = append(words, w)
		}
	}
	slices.Sort(words)
	return words
}

// canned finds a canned reply by its word, in any case.
func (g *group) canned(word string) (string, bool) {
	for _, w := range g.replyWords() {
		if strings.EqualFold(w, word) {
			return g.Replies[w], true
		}
	}
	return "", false
}

// sayCanned says a canned reply into a room. The owner says it, behind the agent's name, since nobody can speak in
// the agent's stead; the transcript has it as the agent's.
func (m *member) sayCanned(text, rest string, in *conversation) (said, error) {
	c := &command{d: m.group.d, m: m, in: in}
	c.verb, _ = verbNamed("note")
	n, ok := number(rest)
	if rest != "" && !ok {
		return said{}, refusal("after a ready answer comes nothing, or a chat's number")
	}
	c.number = n
	conv, err := c.chat(true)
	if err != nil {
		return said{}, err
	}
	if conv.room == nil || !conv.mayWrite(m.agent) {
		return said{}, errNotYourChat
	}
	conv.room.notice(m.agent.name + ": " + text)
	conv.keepLine(Event{Kind: KindMessage, From: m.agent.jid, Nick: m.agent.name, Role: conv.standsAs(m.agent.jid), Body: text})
	if conv.agent == m.agent {
		conv.advance(happening{event: agentWord, agent: m.agent})
	}
	if in != nil {
		return said{}, nil // he reads it in the room
	}
	return said{text: "said in " + conv.numbered()}, nil
}

// fromRoom takes `!` words of an agent or supervisor in a room; true: it was one (it stays in the transcript). The answer goes
// to his chat with the workgroup, where the visitor doesn't read it and which outlives the room.
func (d *Desk) fromRoom(a *agent, c *conversation, body string) bool {
	if body = strings.TrimSpace(body); !strings.HasPrefix(body, "!") {
		return false
	}
	m := c.memberOf(a)
	if m == nil {
		return false
	}
	s, err := m.said(body, c)
	if err != nil {
		s.text = inWords(err)
	}
	if errors.Is(err, errUnknown) {
		s.text += " (the visitor has not seen it)"
	}
	if s.text != "" {
		m.group.tell(a, s.text)
	}
	return true
}

// memberOf is what somebody is to a conversation: supervisor of one of its workgroups, else agent of the one that serves it,
// else of the one where it was asked. nil: nothing.
func (c *conversation) memberOf(a *agent) *member {
	var found *member
	for _, g := range []*group{c.queue, c.home} {
		if m := g.members[a.jid]; m != nil {
			if m.supervisor {
				return m
			}
			if found == nil {
				found = m
			}
		}
	}
	if found == nil && c.agent == a && len(a.members) > 0 {
		for _, m := range a.members {
			if m.group.Site == c.home.Site {
				return m
			}
		}
	}
	return found
}

// mayWrite tells whether somebody may leave notes on a conversation and speak in it: its agent, also just after its end, and supervisors.
func (c *conversation) mayWrite(a *agent) bool {
	m := c.memberOf(a)
	return m != nil && (m.supervisor || c.agent == a || c.State == Wrapup && c.lastBy(a))
}

// note leaves a line that the visitor never sees.
func (d *Desk) note(by *agent, c *conversation, text string) error {
	if !c.mayWrite(by) {
		return errNotYourChat
	}
	c.keepLine(Event{Kind: KindNote, From: by.jid, Nick: by.name, Role: c.standsAs(by.jid), Body: text})
	return nil
}

// reply answers a chat message, in its thread, at the client that sent it.
func (g *group) reply(n *node, text string, more ...*node) {
	m := g.message(n.attr("from"), text).with(more...)
	if t := n.child("thread", ""); t != nil && t.text != "" {
		m.with(el("thread", "").said(t.text))
	}
	g.d.send(m)
}

// tell sends an agent a chat message from a workgroup.
func (g *group) tell(a *agent, text string) { g.d.send(g.message(a.jid, text)) }

// message is a chat message of the workgroup, with an id of its own.
func (g *group) message(to, text string) *node {
	return el("message", "", "type", "chat", "from", g.jid, "to", to, "id", newID()).with(el("body", "").said(text))
}
