package workgroup

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/xmpp"
)

// The verbs as ad-hoc commands (XEP-0050) on the workgroup's JID.

const (
	nsCommands = "http://jabber.org/protocol/commands"
	cmdPrefix  = "urn:usher:cmd:0#"
)

// Bounds of ad-hoc sessions: how long one may stay open, and how many there are, in all and for one person. The oldest gives way.
const (
	sessionLife  = 10 * time.Minute
	mostSessions = 500
	mostOwn      = 5
)

// sessions are the ad-hoc commands that wait for their form, the oldest first, and those that have ended lately: an id is
// known for a while after, so that using it again can be told from inventing one.
type sessions []*session

// session is one command in the making, between one client and one workgroup.
type session struct {
	id, client string // the client's full JID
	group      *group
	verb       verb
	until      time.Time
	ended      bool
}

// open starts a session; full tables lose their oldest.
func (s *sessions) open(client string, g *group, v verb, now time.Time) *session {
	bare, _, _ := strings.Cut(client, "/")
	*s = slices.DeleteFunc(*s, func(o *session) bool { return !now.Before(o.until) })
	own := 0
	for i := len(*s) - 1; i >= 0; i-- {
		if b, _, _ := strings.Cut((*s)[i].client, "/"); b == bare {
			if own++; own >= mostOwn {
				*s = slices.Delete(*s, i, i+1)
			}
		}
	}
	if len(*s) >= mostSessions {
		*s = slices.Delete(*s, 0, 1)
	}
	n := &session{id: newID(), client: client, group: g, verb: v, until: now.Add(sessionLife)}
	*s = append(*s, n)
	return n
}

// find returns a client's session by its id.
func (s sessions) find(id, client string, g *group) *session {
	i := slices.IndexFunc(s, func(o *session) bool { return o.id == id && o.client == client && o.group == g })
	if i < 0 {
		return nil
	}
	return s[i]
}

// badCommand is XEP-0050 §4.4's general condition with its specific one.
func badCommand(n *node, general, specific, text string) *node {
	return n.refused(general, text, el(specific, nsCommands))
}

// nodes lists the verbs that are there for a member as commands.
func (m *member) nodes() []verb {
	return slices.DeleteFunc(verbs(), func(v verb) bool { return v.title == "" || !m.mayUse(v) })
}

// commandAt finds the verb of a node, whoever may use it.
func commandAt(name string) (verb, bool) {
	name, ok := strings.CutPrefix(name, cmdPrefix)
	if !ok {
		return verb{}, false
	}
	v, ok := verbNamed(name)
	return v, ok && v.title != ""
}

// discoCommands answers disco of the list of commands and of each (XEP-0050 §2.2); false: not that. Who is no member of the
// workgroup, or not what it takes, is forbidden.
func (d *Desk) discoCommands(g *group, n *node) bool {
	q := n.first()
	if q == nil || n.attr("type") != "get" || q.name != "query" || q.space != xmpp.NSDiscoInfo && q.space != xmpp.NSDiscoItems {
		return false
	}
	name := q.attr("node")
	v, one := commandAt(name)
	if !one && name != nsCommands {
		return false
	}
	bare, _, _ := strings.Cut(n.attr("from"), "/")
	m := g.members[bare]
	if m == nil || one && !m.mayUse(v) {
		d.send(n.refused("forbidden", ""))
		return true
	}
	answer := el("query", q.space, "node", name)
	switch {
	case q.space == xmpp.NSDiscoItems && !one:
		for _, v := range m.nodes() {
			answer.with(el("item", "", "jid", g.jid, "node", cmdPrefix+v.name, "name", v.title))
		}
	case q.space == xmpp.NSDiscoItems:
	case one:
		answer.with(el("identity", "", "category", "automation", "type", "command-node", "name", v.title),
			el("feature", "", "var", nsCommands), el("feature", "", "var", nsForm))
	default:
		answer.with(el("identity", "", "category", "automation", "type", "command-list", "name", "Commands"),
			el("feature", "", "var", nsCommands))
	}
	d.send(n.answer(answer))
	return true
}

// adhoc takes a command request of a member.
func (d *Desk) adhoc(m *member, n, cmd *node) {
	v, ok := commandAt(cmd.attr("node"))
	if !ok {
		d.send(n.refused("item-not-found", "")) // XEP-0050 §4.4
		return
	}
	if !m.mayUse(v) {
		d.send(n.refused("forbidden", ""))
		return
	}
	var s *session
	if id := cmd.attr("sessionid"); id != "" {
		s = d.sessions.find(id, n.attr("from"), m.group)
		switch {
		case s == nil || s.verb.name != v.name:
			d.send(badCommand(n, "bad-request", "bad-sessionid", ""))
			return
		case s.ended || !d.now.Before(s.until):
			d.send(badCommand(n, "not-allowed", "session-expired", ""))
			return
		}
	}
	form := cmd.child("x", nsForm)
	switch action := cmd.attr("action"); {
	case action == "cancel":
		d.commandDone(n, s, v, "canceled")
	case action == "prev" || s == nil && (action == "next" || action == "complete") && form == nil:
		d.send(badCommand(n, "bad-request", "bad-action", "there is nothing before this form"))
	case action != "" && action != "execute" && action != "next" && action != "complete":
		d.send(badCommand(n, "bad-request", "malformed-action", ""))
	case s == nil && form == nil && len(m.arguments(v)) > 0:
		d.showForm(m, n, v)
	default:
		d.runCommand(m, n, s, v, form)
	}
}

// arguments are what a verb asks this member for.
func (m *member) arguments(v verb) []argument {
	return slices.DeleteFunc(slices.Clone(v.args), func(a argument) bool { return a == maybeOne && !m.supervisor })
}

// commandDone ends a session and says so.
func (d *Desk) commandDone(n *node, s *session, v verb, status string, payload ...*node) {
	id := newID()
	if s != nil {
		id, s.ended = s.id, true
	}
	d.send(n.answer(el("command", nsCommands, "node", cmdPrefix+v.name, "sessionid", id, "status", status, "xml:lang", "en").with(payload...)))
}

// showForm opens a session with the verb's form. Its lists hold what there is now, so there is one stage.
func (d *Desk) showForm(m *member, n *node, v verb) {
	form := el("x", nsForm, "type", "form").with(el("title", "").said(v.title), el("instructions", "").said(v.does))
	for _, a := range m.arguments(v) {
		for _, f := range m.fields(v, a) {
			form.with(f)
		}
	}
	s := d.sessions.open(n.attr("from"), m.group, v, d.now)
	d.send(n.answer(el("command", nsCommands, "node", cmdPrefix+v.name, "sessionid", s.id, "status", "executing", "xml:lang", "en").with(
		el("actions", "", "execute", "complete").with(el("complete", "")), form)))
}

// runCommand runs the verb with what the form says. A form that can't be read leaves the session open; a refusal completes it.
func (d *Desk) runCommand(m *member, n *node, s *session, v verb, form *node) {
	o, err := m.parseForm(v, form)
	if err != nil {
		d.send(badCommand(n, "bad-request", "bad-payload", inWords(err)))
		return
	}
	res, err := m.do(o, nil)
	if err != nil {
		d.commandDone(n, s, v, "completed", el("note", "", "type", "error").said(inWords(err))) // XEP-0050 §3.6
		return
	}
	if res.rows == nil || len(res.rows.rows) == 0 {
		d.commandDone(n, s, v, "completed", el("note", "", "type", "info").said(res.text))
		return
	}
	d.commandDone(n, s, v, "completed", res.rows.form())
}

// form is a table as a form of reported items (XEP-0004 §3.4).
func (t *table) form() *node {
	x := el("x", nsForm, "type", "result").with(el("title", "").said(t.title))
	if t.more > 0 {
		x.with(el("instructions", "").said("and " + strconv.Itoa(t.more) + " more"))
	}
	reported := el("reported", "")
	for _, c := range t.columns {
		reported.with(el("field", "", "var", c.name, "label", c.label))
	}
	x.with(reported)
	for _, r := range t.rows {
		item := el("item", "")
		for i, c := range t.columns {
			item.with(el("field", "", "var", c.name).with(el("value", "").said(strings.TrimPrefix(r[i], "#"))))
		}
		x.with(item)
	}
	return x
}

// choice is an entry of a list-single field.
type choice struct{ value, label string }

// field makes a form's field; with choices it is a list.
func field(name, label, typ string, required bool, choices []choice) *node {
	f := el("field", "", "var", name, "type", typ, "label", label)
	if required {
		f.with(el("required", ""))
	}
	for _, c := range choices {
		f.with(el("option", "", "label", c.label).with(el("value", "").said(c.value)))
	}
	return f
}

// fields are the fields that ask for one argument.
func (m *member) fields(v verb, a argument) []*node {
	switch a {
	case anOffer:
		if o := m.agent.offer; o != nil {
			f := field("conversation", "Chat", "list-single", false, []choice{o.conv.choice()})
			return []*node{f.with(el("value", "").said(strconv.Itoa(o.conv.Number)))}
		}
		return []*node{field("conversation", "Chat", "list-single", false, nil)}
	case ownChat, anyChat:
		var all []choice
		for _, c := range m.visible() {
			all = append(all, c.choice())
		}
		f := field("conversation", "Chat", "list-single", a == anyChat, all)
		if len(all) == 1 {
			f.with(el("value", "").said(all[0].value))
		}
		return []*node{f}
	case seenOne:
		c := &command{d: m.group.d, m: m}
		shown, _ := c.who()
		var all []choice
		for _, r := range shown.rows.rows {
			all = append(all, choice{r[0], strings.Join(r[1:4], " ")})
		}
		return []*node{field("conversation", "Visitor", "list-single", true, all)}
	case anAgent, maybeOne:
		return []*node{field("agent", "Agent", "list-single", a == anAgent, agents(m.group.agentsNamed("")))}
	case aTarget:
		return []*node{field("agent", "Agent", "list-single", false, agents(m.group.agentsNamed(""))), m.workgroups()}
	case aLength:
		return []*node{field("until", "For how long (30m, 24h) or until when", "text-single", false, nil)}
	case aReason:
		return []*node{field("reason", "Reason", "text-single", false, nil)}
	case aCount:
		f := field("text", "Chats at most", "text-single", true, nil)
		return []*node{f.with(el("value", "").said(strconv.Itoa(m.agent.capacity())))}
	case aBan:
		var all []choice
		for _, b := range m.group.d.bans(m.agent) {
			all = append(all, choice{b.ID, oneLine(cmp.Or(b.Name, nameless(b.Visitor))+" "+b.Reason, 80)})
		}
		return []*node{field("text", "Ban", "list-single", true, all)}
	}
	return []*node{field("text", "Text", "text-multi", true, nil)}
}

func (c *conversation) choice() choice {
	return choice{strconv.Itoa(c.Number), "#" + strconv.Itoa(c.Number) + " " + unmarked(c.label()) + ", " + string(c.State)}
}

func agents(all []*agent) []choice {
	var found []choice
	for _, a := range all {
		found = append(found, choice{a.jid, a.name})
	}
	return found
}

// workgroups is the field of the site's workgroups.
func (m *member) workgroups() *node {
	var all []choice
	for _, g := range m.group.siblings() {
		all = append(all, choice{g.Name, g.Title})
		if g.Title == "" {
			all[len(all)-1].label = g.Name
		}
	}
	return field("workgroup", "Workgroup", "list-single", false, all)
}

// parseForm reads an order from a submitted form. A form of type cancel is taken as submitted (XEP-0050 §3.5.1); none is an empty one.
func (m *member) parseForm(v verb, form *node) (order, error) {
	values := make(map[string]string)
	if form != nil {
		for _, f := range form.kids {
			if f.name != "field" || f.space != nsForm {
				continue
			}
			var lines []string
			for _, k := range f.kids {
				if k.name == "value" && k.space == nsForm {
					lines = append(lines, k.text)
				}
			}
			values[f.attr("var")] = strings.TrimSpace(strings.Join(lines, "\n"))
		}
	}
	if c := m.group.d.convs[values["conversation"]]; c != nil && c.seenFrom(m.group) && !slices.Contains(v.args, seenOne) {
		values["conversation"] = strconv.Itoa(c.Number) // an id is as good
	}
	o := order{verb: v}
	for _, a := range m.arguments(v) {
		if err := o.fill(a, values, m.group.d.now); err != nil {
			return order{}, err
		}
	}
	return o, nil
}

// fill takes one argument from a form's values.
func (o *order) fill(a argument, values map[string]string, now time.Time) error {
	name := map[argument]string{anOffer: "conversation", ownChat: "conversation", anyChat: "conversation", seenOne: "conversation",
		aCount: "text", anAgent: "agent", maybeOne: "agent", aLength: "until", aReason: "reason", aText: "text", aBan: "text"}[a]
	v := values[name]
	required := a == anyChat || a == seenOne || a == aCount || a == anAgent || a == aText || a == aBan
	switch {
	case a == aTarget:
		if (values["agent"] == "") == (values["workgroup"] == "") {
			return refusal("give an agent or a workgroup")
		}
		o.name = values["agent"] + values["workgroup"]
	case v == "" && required:
		return refusal("the field " + name + " is empty")
	case v == "":
	case name == "conversation" || a == aCount:
		n, ok := number(v)
		if !ok && (a != aCount || v != "0") {
			return refusal("the field " + name + " is no number")
		}
		o.number = n
	case a == aLength:
		l, ok := lengthOrTime(v, now)
		if !ok {
			return refusal("the field until is no length of time such as 30m, and no time to come")
		}
		o.length = l
	case name == "agent" || a == aBan:
		o.name, _ = cutWord(v)
	case a == aReason:
		o.text = oneLine(v, mostReason)
	case len(v) > mostNoted:
		return refusal("that text is too long")
	default:
		o.text = v
	}
	return nil
}

// lengthOrTime reads a length of time, or a time to come (XEP-0082) as the length until then.
func lengthOrTime(v string, now time.Time) (time.Duration, bool) {
	if t, err := time.Parse(time.RFC3339, v); err == nil {
		l := t.Sub(now)
		return l, l > 0 && l <= longest
	}
	return length(v)
}
