package workgroup

import "strings"

// Visitors with a plain XMPP client: a chat message to the workgroup does what join-queue with that question does, or,
// while closed, what leave-message does (docs/interface.md, B.3). Each message is answered in words; none is lost in silence.

// words takes a chat message.
func (d *Desk) words(g *group, v Visitor, n *node) {
	body := n.child("body", "")
	if body == nil {
		return // a chat state, a receipt: no words
	}
	language := languageOf(v, nil)
	say := func(key string, args ...string) { g.tellVisitor(v.JID, g.text(key, language, args...)) }
	text := strings.TrimSpace(lines(body.text))
	c := d.visitor[v.bare()]
	switch {
	case text == "":
	case len(text) > maxMulti:
		say("too_long")
	case c != nil && c.State != Wrapup:
		d.wordsMeanwhile(g, c, v, n, text)
	case d.banned(v, ""):
		say("refused")
	case d.user.forms[v.bare()] != nil && d.user.forms[v.bare()].group == g:
		d.user.forms[v.bare()].take(v, text)
	case d.mayStill(v, g) && mailAddress(text):
		d.answerTo(v, text)
		say("away_mail_kept", text)
	default:
		a := asking{visitor: v, person: Person{JID: v.bare(), Language: language, Address: v.Address}, side: side{Plain: true}}
		d.interview(g, a, map[string]string{"question": text})
	}
}

// wordsMeanwhile takes a message of somebody who waits or chats already. Who waits adds to what he has asked; who has a
// room is shown there, since only what is said in it reaches the agent.
func (d *Desk) wordsMeanwhile(g *group, c *conversation, v Visitor, n *node, text string) {
	language := languageOf(v, nil)
	say := func(key string, args ...string) { g.tellVisitor(v.JID, g.text(key, language, args...)) }
	switch {
	case c.home != g:
		say("elsewhere", c.home.title())
	case !c.met && !c.inside(v.bare()):
		c.side.Added = true
		c.heard(v.bare(), c.visitorNick(), text, n.attr("id"), d.now)
		c.keepSide()
		say("noted")
		if c.waits() {
			c.sayPlace()
		}
	default:
		say("in_room", c.Room)
	}
}

// title is what a workgroup is called in front of visitors.
func (g *group) title() string {
	if g.Title != "" {
		return g.Title
	}
	return g.Name
}

// An interview asks a visitor with a plain client for what a form requires, one field after the other. It waits
// for each answer for timers.form; then what he has written so far is dropped, and he is told.
type interview struct {
	group  *group
	asking asking
	got    map[string]string
	fields []Field // still to be asked; the first is being asked
	closed bool    // the form is that of a message to leave
	over   *timer
}

// maxInterviews is how many of them run at a time. More are refused: each is a visitor's stream with a question.
const maxInterviews = 10_000

// interview begins one, or goes straight on where nothing more is required.
func (d *Desk) interview(g *group, a asking, got map[string]string) {
	i := &interview{group: g, asking: a, got: got, closed: d.closed(g) != nil}
	form := g.Form
	if i.closed {
		form = g.offlineFields()
	}
	for _, f := range form {
		if f.Required && got[f.Var] == "" {
			i.fields = append(i.fields, f)
		}
	}
	if len(i.fields) == 0 {
		i.done()
		return
	}
	if old := d.user.forms[a.visitor.bare()]; old != nil { // of another workgroup
		d.stop(old.over)
		old.drop()
	}
	if len(d.user.forms) >= maxInterviews {
		i.say("failed")
		return
	}
	d.user.forms[a.visitor.bare()] = i
	i.ask()
}

// closed tells why nobody is taken now; nil: somebody is.
func (d *Desk) closed(g *group) error {
	_, err := d.queueFor(g)
	return err
}

func (i *interview) say(key string, args ...string) {
	i.group.tellVisitor(i.asking.visitor.JID, i.group.text(key, i.asking.person.Language, args...))
}

func (i *interview) ask() {
	d, f := i.group.d, i.fields[0]
	label := i.group.label(f, i.asking.person.Language)
	if f.Type == "boolean" {
		i.say("form_ask_yes_no", label)
	} else {
		i.say("form_ask", label)
	}
	d.stop(i.over)
	i.over = d.at(d.now.Add(i.group.Timers.Form), i.drop)
}

// drop ends it without a question.
func (i *interview) drop() {
	delete(i.group.d.user.forms, i.asking.visitor.bare())
	i.say("form_over")
}

// take takes the answer to the field that was asked for.
func (i *interview) take(v Visitor, text string) {
	f := i.fields[0]
	if f.Type == "boolean" {
		text = yesNo[strings.ToLower(strings.Trim(text, " .!"))]
	}
	i.asking.visitor = v // he may be back on another stream
	value, wrong := f.check(text)
	switch {
	case wrong != "":
		i.say(wrong, i.group.label(f, i.asking.person.Language))
		i.ask()
		return
	case value == "":
		i.ask()
		return
	}
	i.got[f.Var] = value
	if i.fields = i.fields[1:]; len(i.fields) > 0 {
		i.ask()
		return
	}
	d := i.group.d
	d.stop(i.over)
	delete(d.user.forms, v.bare())
	if i.closed != (d.closed(i.group) != nil) { // it has opened or closed meanwhile: the other form may want more
		d.interview(i.group, i.asking, i.got)
		return
	}
	i.done()
}

// yesNo are answers to a boolean field.
var yesNo = map[string]string{
	"yes": "1", "y": "1", "ok": "1", "true": "1", "1": "1", "ja": "1", "j": "1", "oui": "1", "o": "1", "sí": "1", "si": "1", "s": "1",
	"no": "0", "n": "0", "false": "0", "0": "0", "nein": "0", "non": "0",
}

// done asks, or leaves the message.
func (i *interview) done() {
	d, g, a := i.group.d, i.group, i.asking
	a.take(i.got)
	if !i.closed {
		_, err := d.ask(g, a)
		if err != nil {
			i.refused(err)
		}
		return // his place follows (told)
	}
	why := g.away(d.closed(g), a.person.Language)
	_, err := d.leaveMessage(g, a)
	if err != nil {
		i.refused(err)
		return
	}
	text := why + " " + g.text("away_kept", a.person.Language)
	if d.mayStill(a.visitor, g) {
		text += " " + g.text("away_mail", a.person.Language)
	}
	g.tellVisitor(a.visitor.JID, text)
}

// refused says in words why not.
func (i *interview) refused(err error) {
	switch shut, ok := err.(*closedError); {
	case err == errBanned:
		i.say("refused")
	case ok && i.closed, ok && shut.reason == "":
		i.say("away_lost")
	case ok:
		i.group.tellVisitor(i.asking.visitor.JID, i.group.away(err, i.asking.person.Language))
	default:
		i.say("failed")
	}
}
