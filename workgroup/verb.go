package workgroup

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// What the verbs do: one call each, and the few words that say what happened.

// numbered is a conversation as the answers name it: #17 Maria.
func (c *conversation) numbered() string {
	return "#" + strconv.Itoa(c.Number) + " " + c.label()
}

// label is the visitor's name, as far as there is one.
func (c *conversation) label() string {
	if name := oneLine(c.Visitor.Name, 60); name != "" {
		return name
	}
	return "Visitor " + strconv.Itoa(c.Number)
}

func (c *command) accept() (said, error) {
	if err := c.d.accept(c.m.agent, c.conv); err != nil {
		return said{}, err
	}
	return said{text: c.conv.numbered() + " is yours: the invitation follows"}, nil
}

func (c *command) decline() (said, error) {
	if err := c.d.decline(c.m.agent, c.conv, c.text); err != nil {
		return said{}, err
	}
	return said{text: c.conv.numbered() + " declined"}, nil
}

func (c *command) pause() (said, error) {
	if err := c.d.pause(c.m.agent, c.agent, c.length); err != nil {
		return said{}, err
	}
	who, how := "you get no offers", "until you resume"
	if c.agent != c.m.agent {
		who, how = c.agent.name+" gets no offers", "until resume "+c.agent.name
	}
	if c.length > 0 {
		how = "for " + span(c.length)
	}
	return said{text: who + " " + how}, nil
}

func (c *command) resume() (said, error) {
	if err := c.d.resume(c.m.agent, c.agent); err != nil {
		return said{}, err
	}
	if c.agent != c.m.agent {
		return said{text: c.agent.name + " gets offers again"}, nil
	}
	return said{text: "you get offers again"}, nil
}

func (c *command) max() (said, error) {
	if err := c.d.setMax(c.m.agent, c.number); err != nil {
		return said{}, err
	}
	return said{text: "at most " + plural(c.m.agent.capacity(), "chat")}, nil
}

// mostCalled bounds what a visitor is told when he is called, and what a note and a reason may hold, in bytes.
const (
	mostCalled = 2000
	mostNoted  = 4000
	mostReason = 500
)

func (c *command) call() (said, error) {
	if c.number > len(c.m.seen) {
		return said{}, refusal("there is no visitor " + strconv.Itoa(c.number) + ": who shows the list")
	}
	if len(c.text) > mostCalled {
		return said{}, refusal("that text is too long")
	}
	conv, err := c.d.call(c.m.agent, c.m.group, c.m.seen[c.number-1], c.text)
	if err != nil {
		return said{}, err
	}
	return said{text: "#" + strconv.Itoa(conv.Number) + ": the visitor is asked in"}, nil
}

func (c *command) transfer() (said, error) {
	if err := c.d.transfer(c.m.agent, c.conv, c.agent, c.group); err != nil {
		return said{}, err
	}
	to := ""
	if c.agent != nil {
		to = c.agent.name
	} else {
		to = c.group.Name
	}
	text := c.conv.numbered() + " is offered to " + to
	if c.conv.agent == c.m.agent {
		text += "; it stays yours until it is taken"
	}
	return said{text: text}, nil
}

func (c *command) close() (said, error) {
	return c.moved((*Desk).close, "closed")
}

// moved runs a verb that takes a conversation and a reason.
func (c *command) moved(f func(*Desk, *agent, *conversation, string) error, done string) (said, error) {
	if err := f(c.d, c.m.agent, c.conv, c.text); err != nil {
		return said{}, err
	}
	return said{text: c.conv.numbered() + " " + done}, nil
}

func (c *command) enter() (said, error) {
	if err := c.d.enter(c.m.agent, c.conv); err != nil {
		return said{}, err
	}
	return said{text: "the invitation to " + c.conv.numbered() + " follows"}, nil
}

func (c *command) leave() (said, error) {
	if err := c.d.leave(c.m.agent, c.conv); err != nil {
		return said{}, err
	}
	return said{text: "you have left " + c.conv.numbered()}, nil
}

func (c *command) assign() (said, error) {
	if err := c.d.assign(c.m.agent, c.conv, c.agent); err != nil {
		return said{}, err
	}
	return said{text: c.conv.numbered() + " is offered to " + c.agent.name}, nil
}

func (c *command) takeover() (said, error) {
	if err := c.d.takeover(c.m.agent, c.conv); err != nil {
		return said{}, err
	}
	return said{text: c.conv.numbered() + " is yours: the invitation follows"}, nil
}

func (c *command) ban() (said, error) {
	id, err := c.d.ban(c.m.agent, c.conv, c.length, c.text)
	if err != nil {
		return said{}, err
	}
	how := ""
	if c.length > 0 {
		how = " for " + span(c.length)
	}
	return said{text: c.conv.numbered() + " is banned" + how + ": unban " + id + " lifts it"}, nil
}

func (c *command) unban() (said, error) {
	for _, b := range c.d.bans(c.m.agent) {
		if strings.EqualFold(b.ID, c.name) {
			if err := c.d.unban(c.m.agent, b.ID); err != nil {
				return said{}, err
			}
			return said{text: "ban " + b.ID + " is lifted"}, nil
		}
	}
	return said{}, errNoBan
}

func (c *command) note() (said, error) {
	if err := c.d.note(c.m.agent, c.conv, c.text); err != nil {
		return said{}, err
	}
	return said{text: "noted on " + c.conv.numbered()}, nil
}

func (c *command) help() (said, error) {
	var b strings.Builder
	for _, v := range verbs() {
		if c.m.mayUse(v) && (c.m.serves || !v.serving) {
			b.WriteString(usage(v, c.m) + " · " + v.does + "\n")
		}
	}
	b.WriteString("N is a chat's number, and may be left out with one chat. In a room the same after !")
	if r := c.m.group.replyWords(); len(r) > 0 {
		b.WriteString("\nready answers, in the room: !" + strings.Join(r, " !"))
	}
	return said{text: b.String()}, nil
}

// inWords is an error as the person who asked reads it.
func inWords(err error) string {
	var r refusal
	if errors.As(err, &r) {
		return string(r)
	}
	var closed *closedError
	if errors.As(err, &closed) {
		return "the workgroup is closed (" + closed.reason + ")"
	}
	return err.Error()
}

// plural is a count of something: 1 chat, 2 chats.
func plural(n int, of string) string {
	if n != 1 {
		of += "s"
	}
	return strconv.Itoa(n) + " " + of
}

// span is a length of time in one or two units: 20 s, 5 min, 1 h 30 min, 2 d.
func span(l time.Duration) string {
	part := func(n time.Duration, unit string) string { return strconv.FormatInt(int64(n), 10) + " " + unit }
	two := func(big time.Duration, unit string, small time.Duration, then string) string {
		if rest := l % big / small; rest > 0 {
			return part(l/big, unit) + " " + part(rest, then)
		}
		return part(l/big, unit)
	}
	switch day := 24 * time.Hour; {
	case l < time.Minute:
		return part(max(l, 0)/time.Second, "s")
	case l < time.Hour:
		return part(l/time.Minute, "min")
	case l < day:
		return two(time.Hour, "h", time.Minute, "min")
	default:
		return two(day, "d", time.Hour, "h")
	}
}

// oneLine makes one line of at most so many bytes of what somebody else wrote.
func oneLine(s string, most int) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		return cut(s, most) + "…"
	}
	return s
}
