package workgroup

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The agents' side: text (text.go), ad-hoc commands (adhoc.go, XEP-0050) and XEP-0142's agent protocol (native.go). The
// three end in the one table of verbs below.

// verb is one thing that an agent or a supervisor can ask for.
type verb struct {
	name       string
	does       string // for help, a few words
	title      string // as an ad-hoc command
	supervisor bool   // it is a supervisor's
	serving    bool   // only who gets offers has a use for it
	args       []argument
	run        func(*command) (said, error)
}

// argument is a place in a verb's grammar.
type argument uint8

const (
	anOffer  argument = iota // [N]: the open offer if left out
	ownChat                  // [N]: the one own chat if left out
	anyChat                  // N: in its room it may be left out
	seenOne                  // N: a number of the last `who`
	aCount                   // N: how many
	anAgent                  // agent
	maybeOne                 // [agent]: supervisors only
	aTarget                  // agent|workgroup
	aLength                  // [30m]
	aReason                  // [reason]
	aText                    // text
	aBan                     // ID
)

// words is what an argument is called in help.
var words = map[argument]string{
	anOffer: "[N]", ownChat: "[N]", anyChat: "N", seenOne: "N", aCount: "N", anAgent: "agent", maybeOne: "[agent]",
	aTarget: "agent|workgroup", aLength: "[30m]", aReason: "[reason]", aText: "text", aBan: "ID",
}

// verbs is the registry, in the order of docs/interface.md B.4 and B.5. It is a function, since what the verbs run reads
// the table again.
func verbs() []verb {
	return []verb{
		{name: "accept", does: "takes the offer (or 1)", title: "Accept an offer", serving: true,
			args: []argument{anOffer}, run: (*command).accept},
		{name: "decline", does: "turns it down (or 2)", title: "Decline an offer", serving: true,
			args: []argument{anOffer, aReason}, run: (*command).decline},
		{name: "pause", does: "stops offers", title: "Pause offers", args: []argument{maybeOne, aLength}, run: (*command).pause},
		{name: "resume", does: "lets them come again", title: "Resume offers", args: []argument{maybeOne}, run: (*command).resume},
		{name: "max", does: "at most so many chats", title: "Limit of chats", serving: true,
			args: []argument{aCount}, run: (*command).max},
		{name: "list", does: "shows the chats", title: "Chats", run: (*command).list},
		{name: "who", does: "shows who is on the site", title: "Visitors on the site", run: (*command).who},
		{name: "call", does: "starts a chat with one of them", title: "Start a chat with a visitor",
			args: []argument{seenOne, aText}, run: (*command).call},
		{name: "enter", does: "lets you into a chat", title: "Enter a chat", supervisor: true,
			args: []argument{anyChat}, run: (*command).enter},
		{name: "leave", does: "takes you out of it", title: "Leave a chat", supervisor: true,
			args: []argument{anyChat}, run: (*command).leave},
		{name: "transfer", does: "offers a chat to somebody else", title: "Transfer a chat",
			args: []argument{ownChat, aTarget}, run: (*command).transfer},
		{name: "assign", does: "offers a waiting chat to one agent", title: "Assign a waiting chat", supervisor: true,
			args: []argument{anyChat, anAgent}, run: (*command).assign},
		{name: "takeover", does: "makes a chat yours", title: "Take a chat over", supervisor: true,
			args: []argument{anyChat}, run: (*command).takeover},
		{name: "close", does: "ends a chat", title: "Close a chat", args: []argument{ownChat, aReason}, run: (*command).close},
		{name: "ban", does: "ends a chat and refuses its visitor", title: "Ban a visitor", supervisor: true,
			args: []argument{ownChat, aLength, aReason}, run: (*command).ban},
		{name: "unban", does: "lifts a ban", title: "Lift a ban", supervisor: true, args: []argument{aBan}, run: (*command).unban},
		{name: "bans", does: "shows the bans", supervisor: true, run: (*command).bans},
		{name: "note", does: "leaves a line that the visitor never sees", title: "Leave a note",
			args: []argument{ownChat, aText}, run: (*command).note},
		{name: "help", does: "shows this", run: (*command).help},
	}
}

// verbNamed finds a verb; the name is in small letters.
func verbNamed(name string) (verb, bool) {
	all := verbs()
	i := slices.IndexFunc(all, func(v verb) bool { return v.name == name })
	if i < 0 {
		return verb{}, false
	}
	return all[i], true
}

// mayUse tells whether a verb is there for this member in this workgroup. Supervisors who get no offers have those about
// offers too, and are told so.
func (m *member) mayUse(v verb) bool { return m.supervisor || !v.supervisor }

// order is what somebody asked for, as he wrote it: not looked up yet.
type order struct {
	verb   verb
	number int    // of a chat, a visitor of `who`, or a count; 0: left out
	name   string // of an agent or workgroup, or a ban's ID
	length time.Duration
	text   string
}

// command is an order by somebody, looked up.
type command struct {
	order
	d     *Desk
	m     *member
	in    *conversation // the chat in whose room it was said; nil: elsewhere
	conv  *conversation
	agent *agent
	group *group
}

// said is a verb's short answer, with the rows of one that shows a list.
type said struct {
	text    string
	rows    *table
	buttons []*node // quick responses (XEP-0439)
}

// What an order is refused for before its verb is asked.
const (
	errUnknown     refusal = "I don't know that word: help lists what I do"
	errSupervisor  refusal = "only a supervisor of this workgroup may do that"
	errServing     refusal = "you get no offers here"
	errNoOffer     refusal = "nothing is offered to you"
	errNoAgent     refusal = "there is no such agent here"
	errNoTarget    refusal = "there is no such agent or workgroup here"
	errTwoAgents   refusal = "more than one has that name: give the whole address"
	errNoBan       refusal = "there is no such ban"
	errNotYourChat refusal = "that chat isn't yours"
)

// do looks an order up and runs it. in is the chat in whose room it was said, or nil.
func (m *member) do(o order, in *conversation) (said, error) {
	if !m.mayUse(o.verb) {
		return said{}, errSupervisor
	}
	if o.verb.serving && !m.serves {
		return said{}, errServing
	}
	c := &command{order: o, d: m.group.d, m: m, in: in}
	for _, a := range o.verb.args {
		if err := c.lookUp(a); err != nil {
			return said{}, err
		}
	}
	return o.verb.run(c)
}

// lookUp finds what one argument names.
func (c *command) lookUp(a argument) (err error) {
	switch a {
	case anOffer:
		c.conv, err = c.offered()
	case ownChat, anyChat:
		c.conv, err = c.chat(a == ownChat)
	case anAgent:
		c.agent, err = c.agentNamed(c.name)
	case maybeOne:
		c.agent = c.m.agent
		if c.name == "" {
			if !c.m.serves {
				return errServing
			}
			return nil
		}
		if !c.m.supervisor {
			return errSupervisor
		}
		c.agent, err = c.agentNamed(c.name)
	case aTarget:
		c.agent, c.group, err = c.target(c.name)
	}
	return err
}

// offered is the conversation of the open offer, or the one with the number that was given.
func (c *command) offered() (*conversation, error) {
	o := c.m.agent.offer
	if c.number == 0 && o == nil {
		return nil, errNoOffer
	}
	if o != nil && (c.number == 0 || c.number == o.conv.Number && o.conv.seenFrom(c.m.group)) {
		return o.conv, nil
	}
	if conv := c.m.group.byNumber(c.number); conv != nil {
		return conv, nil
	}
	return nil, noChat(c.number)
}

func noChat(n int) refusal {
	return refusal("there is no chat #" + strconv.Itoa(n) + " here")
}

// seenFrom tells whether a conversation is one of this workgroup's: by origin, or because its agents are asked.
func (c *conversation) seenFrom(g *group) bool { return c.home == g || c.queue == g }

// chat is the conversation with the number that was given; without one, that of the room, or the only own chat.
func (c *command) chat(own bool) (*conversation, error) {
	if c.number != 0 {
		for conv := range c.m.agent.chats {
			if conv.Number == c.number && conv.seenFrom(c.m.group) {
				return conv, nil
			}
		}
		if conv := c.m.group.byNumber(c.number); conv != nil {
			return conv, nil
		}
		return nil, noChat(c.number)
	}
	if c.in != nil {
		return c.in, nil
	}
	if !own {
		return nil, refusal("which chat? " + usage(c.verb, c.m))
	}
	var here, all []*conversation
	for conv := range c.m.agent.chats {
		all = append(all, conv)
		if conv.seenFrom(c.m.group) {
			here = append(here, conv)
		}
	}
	switch {
	case len(here) == 1:
		return here[0], nil
	case len(here) == 0 && len(all) == 1:
		return all[0], nil
	case len(all) == 0:
		return nil, "you have no chat: " + refusal(usage(c.verb, c.m))
	}
	return nil, refusal("you have " + strconv.Itoa(len(all)) + " chats: " + usage(c.verb, c.m))
}

// agentNamed finds an agent of this workgroup: by localpart if only one has it, else by bare JID.
func (c *command) agentNamed(name string) (*agent, error) {
	return one(c.m.group.agentsNamed(name))
}

func one(found []*agent) (*agent, error) {
	switch len(found) {
	case 0:
		return nil, errNoAgent
	case 1:
		return found[0], nil
	}
	return nil, errTwoAgents
}

// agentsNamed lists the agents of a workgroup with this localpart or bare JID; "": all of them, by JID.
func (g *group) agentsNamed(name string) []*agent {
	var found []*agent
	for jid, m := range g.members {
		local, _, _ := strings.Cut(jid, "@")
		if m.serves && (name == "" || strings.EqualFold(name, jid) || strings.EqualFold(name, local)) {
			found = append(found, m.agent)
		}
	}
	slices.SortFunc(found, func(a, b *agent) int { return strings.Compare(a.jid, b.jid) })
	return found
}

// siblings lists the workgroups of a site, this one included, by name.
func (g *group) siblings() []*group {
	var found []*group
	for _, s := range g.d.groups {
		if s.Site == g.Site {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *group) int { return strings.Compare(a.Name, b.Name) })
	return found
}

// target finds who a chat is handed to: an agent of this workgroup, a workgroup of the site, or an agent of one of those.
func (c *command) target(name string) (*agent, *group, error) {
	a, err := one(c.m.group.agentsNamed(name))
	var g *group
	var others []*agent
	for _, s := range c.m.group.siblings() {
		if strings.EqualFold(s.Name, name) || strings.EqualFold(s.jid, name) {
			g = s
		}
		for _, o := range s.agentsNamed(name) {
			if !slices.Contains(others, o) {
				others = append(others, o)
			}
		}
	}
	switch {
	case errors.Is(err, errTwoAgents) || a != nil && g != nil && !strings.Contains(name, "@"):
		return nil, nil, errTwoAgents
	case a != nil:
		return a, nil, nil
	case g != nil:
		return nil, g, nil
	}
	if a, err = one(others); errors.Is(err, errNoAgent) {
		err = errNoTarget
	}
	return a, nil, err
}

// usage is a verb with its arguments, as this member may use it.
func usage(v verb, m *member) string {
	s := v.name
	for _, a := range v.args {
		if a != maybeOne || m.supervisor {
			s += " " + words[a]
		}
	}
	return s
}
