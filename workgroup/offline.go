package workgroup

import (
	"cmp"
	"crypto/rand"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"usher/xmpp"
)

// Messages left while nobody is there. Each is a conversation in state Offline until an agent has it.

const (
	maxLeft      = 200 // messages that wait in one workgroup
	maxLeftEach  = 5   // of them from one visitor
	deliverBatch = 10  // given to an agent at once
)

// left is a message that waits for an agent.
type left struct {
	group *group
	row   Conversation
	sent  bool // on its way to an agent
}

// offline tells whether a message can be left at all, and whether it waits for an agent or is only passed on by webhook and mail.
func (g *group) offline() (taken, kept bool) {
	return g.OfflineStore || g.Webhook["offline"] || len(g.OfflineMail) > 0 && g.Mail, g.OfflineStore
}

// leaveMessage keeps a message for the agents to come; it returns the row that holds it: *closedError if no
// more are taken, errBanned.
func (d *Desk) leaveMessage(g *group, a asking) (*Conversation, error) {
	if d.banned(a.visitor, a.person.Sub) {
		return nil, errBanned
	}
	taken, kept := g.offline()
	each := 0
	for _, l := range d.user.left[g] {
		if l.row.Visitor.JID == a.person.JID {
			each++
		}
	}
	if !taken || len(d.user.left[g]) >= maxLeft || each >= maxLeftEach {
		return nil, &closedError{reason: "full"}
	}
	row := Conversation{
		ID:     ulid.MustNew(ulid.Timestamp(d.now), rand.Reader).String(),
		Number: g.nextNumber(), Site: g.Site, Workgroup: g.Name, State: Offline,
		Visitor: a.person, Question: a.question, Form: a.form, Asked: d.now,
	}
	l := &left{group: g, row: row}
	if kept {
		d.user.left[g] = append(d.user.left[g], l)
		d.mayAnswer(l)
	} else {
		l.row.State, l.row.Reason, l.row.Closed = Closed, ReasonDelivered, d.now
	}
	d.out.Batch.Conversations = append(d.out.Batch.Conversations, l.row)
	if a.question != "" {
		d.out.Batch.Events = append(d.out.Batch.Events, Event{
			Conversation: row.ID, Seq: 1, Time: d.now, Kind: KindMessage, From: a.person.JID, Nick: a.person.Name, Role: RoleVisitor, Body: a.question,
		})
	}
	if g.Webhook["offline"] {
		g.notify("offline", row.ID, nil)
	}
	if len(g.OfflineMail) > 0 && g.Mail {
		g.notify("offline", row.ID, g.OfflineMail)
	}
	if i := slices.IndexFunc(g.serving, func(m *member) bool { s, _ := m.standing(g); return s == ready }); kept && i >= 0 && d.linkUp {
		d.deliverOffline(g.serving[i].agent) // outside the hours, or the queue is full
	}
	d.cfg.Log.Info("a message was left", "site", g.Site, "workgroup", g.Name, "conversation", row.ID)
	return &l.row, nil
}

// restoreLeft takes back a message that nobody has got yet.
func (d *Desk) restoreLeft(c Conversation) {
	g := d.groupNamed(c.Site, c.Workgroup)
	if g == nil {
		d.cfg.Log.Warn("a message waits for a workgroup that isn't configured any more", "site", c.Site, "workgroup", c.Workgroup, "conversation", c.ID)
		return
	}
	all := append(d.user.left[g], &left{group: g, row: c})
	slices.SortFunc(all, func(a, b *left) int {
		return cmp.Or(a.row.Asked.Compare(b.row.Asked), cmp.Compare(a.row.Number, b.row.Number))
	})
	d.user.left[g] = all
}

// deliverOffline gives an agent the messages that were left in his workgroups. Core calls it when he becomes ready.
//
// A message counts as delivered once the server has answered a ping that was sent behind it: an answer can't overtake
// what came before (RFC 6120 §10.1). If the link is lost before, or Usher dies, it is sent again, with the same id.
func (d *Desk) deliverOffline(a *agent) {
	for _, m := range a.members {
		all := d.user.left[m.group]
		if !m.serves || len(all) == 0 || all[0].sent { // the first ones are on their way: the rest follows
			continue
		}
		if s, _ := m.standing(m.group); s != ready {
			continue
		}
		now := slices.Clone(all[:min(len(all), deliverBatch)])
		for _, l := range now {
			l.sent = true
			d.send(el("message", "", "type", "chat", "from", m.group.jid, "to", a.jid, "id", "left-"+l.row.ID).
				with(el("body", "").said(l.text())))
		}
		d.request(m.group.jid, a.jid, "get", el("ping", xmpp.NSPing), func(answer *node) {
			if answer == nil && !d.linkUp {
				for _, l := range now {
					l.sent = false
				}
				return
			}
			d.delivered(a, m.group, now)
			d.deliverOffline(a) // the rest of them
		})
	}
}

// delivered closes messages that an agent has got.
func (d *Desk) delivered(a *agent, g *group, now []*left) {
	d.user.left[g] = slices.DeleteFunc(d.user.left[g], func(l *left) bool { return slices.Contains(now, l) })
	for _, l := range now {
		l.row.State, l.row.Reason, l.row.Closed = Closed, ReasonDelivered, d.now
		l.row.Agents = []string{a.jid}
		d.out.Batch.Conversations = append(d.out.Batch.Conversations, l.row)
		if bare := l.row.Visitor.JID; d.user.answer[bare] == l {
			delete(d.user.answer, bare)
		}
		d.cfg.Log.Info("a message that was left is delivered", "site", g.Site, "workgroup", g.Name, "conversation", l.row.ID, "agent", a.jid)
	}
}

// Erased is the archive's word that a visitor was erased there, named by JID, signed customer id or mail address: what he
// has left is given to nobody any more, and what he said in a chat that runs is told to no other agent.
func (d *Desk) Erased(now time.Time, visitor string) {
	d.begin(now)
	defer d.settle()
	bare := bareOf(visitor)
	his := func(p *Person) bool {
		return strings.EqualFold(p.JID, bare) || p.Verified && p.Sub == visitor || p.Email != "" && strings.EqualFold(p.Email, visitor)
	}
	for g, all := range d.user.left {
		d.user.left[g] = slices.DeleteFunc(all, func(l *left) bool { return his(&l.row.Visitor) })
	}
	for jid, l := range d.user.answer {
		if his(&l.row.Visitor) {
			delete(d.user.answer, jid)
		}
	}
	for jid, i := range d.user.forms {
		if his(&i.asking.person) {
			d.stop(i.over)
			delete(d.user.forms, jid)
		}
	}
	for _, c := range d.convs {
		if his(&c.Visitor) {
			c.lines, c.Question = nil, ""
		}
	}
	for _, b := range d.user.bans.byID {
		if strings.EqualFold(b.Visitor, bare) || b.Sub != "" && b.Sub == visitor {
			b.Name = ""
		}
	}
}

// text shows the message to an agent, in English as all that agents are told.
func (l *left) text() string {
	var b strings.Builder
	r := &l.row
	b.WriteString("[#" + strconv.Itoa(r.Number) + "] message left " + r.Asked.UTC().Format("2006-01-02 15:04 UTC"))
	name := r.Visitor.Name
	if name == "" {
		name = "Visitor " + strconv.Itoa(r.Number)
	}
	b.WriteString(" by " + name)
	if r.Visitor.Verified {
		b.WriteString(" (verified)")
	}
	for _, s := range [...]string{r.Visitor.Email, r.Visitor.Phone, r.Visitor.Page, r.Visitor.Language} {
		if s != "" {
			b.WriteString(" · " + s)
		}
	}
	if r.Question != "" {
		b.WriteString("\n" + r.Question)
	}
	keys := make([]string, 0, len(r.Form))
	for k := range r.Form {
		if k != "question" && r.Form[k] != r.Visitor.Name && r.Form[k] != r.Visitor.Email && r.Form[k] != r.Visitor.Page {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		b.WriteString("\n" + k + ": " + r.Form[k])
	}
	return b.String()
}

// mayAnswer lets a visitor with a plain client who gave no mail address add it by his next message.
func (d *Desk) mayAnswer(l *left) {
	if l.row.Visitor.Email != "" || len(d.user.answer) >= maxInterviews {
		return
	}
	bare := l.row.Visitor.JID
	d.user.answer[bare] = l
	d.at(d.now.Add(l.group.Timers.Form), func() {
		if d.user.answer[bare] == l {
			delete(d.user.answer, bare)
		}
	})
}

// mayStill tells whether he may: not any more when the message is on its way to an agent.
func (d *Desk) mayStill(v Visitor, g *group) bool {
	l := d.user.answer[v.bare()]
	return l != nil && l.group == g && !l.sent
}

// answerTo adds the mail address.
func (d *Desk) answerTo(v Visitor, mail string) {
	l := d.user.answer[v.bare()]
	delete(d.user.answer, v.bare())
	l.row.Visitor.Email = mail
	d.out.Batch.Conversations = append(d.out.Batch.Conversations, l.row)
}

// leaveForm gives the offline form.
func (d *Desk) leaveForm(g *group, v Visitor, n *node) {
	if taken, _ := g.offline(); !taken {
		d.send(n.refused("service-unavailable", "no messages are taken"))
		return
	}
	d.send(n.answer(el("leave-message", nsDesk).with(g.form("offline", languageOf(v, nil), g.offlineFields()))))
}

// leaveRequest takes the submitted form.
func (d *Desk) leaveRequest(g *group, v Visitor, n *node) {
	leave := n.first()
	about := leave.child("visitor", nsDesk)
	a, err := d.asks(g, v, about)
	if err == nil {
		err = a.fill(g, leave.child("x", nsForm), g.offlineFields())
	}
	var row *Conversation
	if err == nil {
		row, err = d.leaveMessage(g, a)
	}
	var shut *closedError
	switch language := languageOf(v, about); {
	case errors.As(err, &shut):
		d.send(n.refused("service-unavailable", "", errorText(g.text("away_lost", language), g.speaks(language)), el("closed", nsDesk, "reason", shut.reason)))
	case err != nil:
		d.refuseVisitor(g, n, err, language)
	default:
		d.send(n.answer(el("leave-message", nsDesk, "id", row.ID)))
	}
}
