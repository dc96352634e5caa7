package workgroup

import (
	"strconv"
	"strings"
	"time"
)

// After the chat: rating, transcript by mail, and what is told outside of XMPP.

const (
	rateFor    = 24 * time.Hour // after the end
	maxRatings = 20_000         // conversations that may still be rated; beyond that the oldest may not
	maxMails   = 3              // transcripts of one conversation
)

const (
	errRated          refusal = "it is rated already"
	errNoConversation refusal = "there is no such conversation of yours"
	errRatingBad      refusal = "a rating is a number from 1 to 5, with a text of 4096 bytes at most"
	errNoMail         refusal = "transcripts are not sent by mail"
	errMailBad        refusal = "that is no mail address"
	errManyMails      refusal = "it was mailed often enough"
)

// ended is called by core once a conversation is closed, after told: webhook, transcript by mail, and it may be rated.
func (c *conversation) ended() {
	if c.home.Webhook["closed"] {
		c.home.notify("closed", c.ID, nil)
	}
	for _, to := range c.side.Mail {
		c.home.notify("transcript", c.ID, []string{to})
	}
	p := c.d.user.past.add(c.Conversation, c.d.now)
	if p != nil {
		p.mails = len(c.side.Mail)
	}
}

// notify has something told outside of XMPP: to mail addresses, or without any to the site's webhook.
func (g *group) notify(event, conversation string, mail []string) {
	g.d.out.Batch.Notices = append(g.d.out.Batch.Notices, Notice{
		Site: g.Site, Workgroup: g.Name, Event: event, Conversation: conversation, Mail: mail, Time: g.d.now,
	})
}

// rate notes a visitor's rating of one of his conversations, also a closed one, until 24 h after its end: refusals,
// and errRated on a second.
func (d *Desk) rate(visitor, conversation string, value int, text string) error {
	if value < 1 || value > 5 || len(text) > maxMulti/2 {
		return errRatingBad
	}
	text = strings.TrimSpace(lines(text))
	if c := d.convs[conversation]; c != nil && c.Visitor.JID == visitor && c.State != Offline {
		if c.Rating != 0 {
			return errRated
		}
		c.rated(value, text)
		c.home.ratedNotice(c.ID)
		return nil
	}
	p := d.user.past.find(conversation, d.now)
	switch {
	case p == nil || p.visitor != visitor:
		return errNoConversation
	case p.rated:
		return errRated
	}
	p.rated = true
	d.out.Batch.Ratings = append(d.out.Batch.Ratings, Rating{Conversation: conversation, Value: value, Text: text, Time: d.now})
	if g := d.groupNamed(p.site, p.workgroup); g != nil {
		g.ratedNotice(conversation)
	}
	return nil
}

func (g *group) ratedNotice(conversation string) {
	if g.Webhook["rated"] {
		g.notify("rated", conversation, nil)
	}
}

// mailTranscript sends the transcript of one of the visitor's conversations to a mail address: at once if it is closed,
// else when it will be.
func (d *Desk) mailTranscript(visitor, conversation, mail string) error {
	c, p := d.convs[conversation], d.user.past.find(conversation, d.now)
	var g *group
	switch {
	case c != nil && c.Visitor.JID == visitor:
		g = c.home
	case p != nil && p.visitor == visitor:
		g = d.groupNamed(p.site, p.workgroup)
	}
	switch {
	case g == nil:
		return errNoConversation
	case !g.TranscriptMail || !g.Mail:
		return errNoMail
	case !mailAddress(mail):
		return errMailBad
	case c != nil && len(c.side.Mail) >= maxMails, c == nil && p.mails >= maxMails: // nobody floods a stranger's box
		return errManyMails
	}
	if c != nil {
		c.side.Mail = append(c.side.Mail, mail)
		c.keepSide()
		return nil
	}
	p.mails++
	g.notify("transcript", conversation, []string{mail})
	return nil
}

// groupNamed finds a workgroup by site and name; nil if it isn't configured any more.
func (d *Desk) groupNamed(site, name string) *group {
	for _, g := range d.groups {
		if g.Site == site && g.Name == name {
			return g
		}
	}
	return nil
}

// ratingRequest takes `<rating conversation='ULID' value='1..5'>text</rating>`.
func (d *Desk) ratingRequest(g *group, v Visitor, n *node) {
	r := n.first()
	value, err := strconv.Atoi(r.attr("value"))
	if err != nil {
		value = 0
	}
	d.answerPast(n, d.rate(v.bare(), r.attr("conversation"), value, r.text))
}

// transcriptRequest takes `<transcript conversation='ULID' mail='a@b'/>`.
func (d *Desk) transcriptRequest(g *group, v Visitor, n *node) {
	t := n.first()
	d.answerPast(n, d.mailTranscript(v.bare(), t.attr("conversation"), t.attr("mail")))
}

func (d *Desk) answerPast(n *node, err error) {
	condition := ""
	switch err {
	case nil:
		d.send(n.answer(nil))
		return
	case errRated:
		condition = "conflict"
	case errNoConversation:
		condition = "item-not-found"
	case errRatingBad, errMailBad:
		condition = "bad-request"
	case errManyMails:
		condition = "resource-constraint"
	default:
		condition = "service-unavailable"
	}
	d.send(n.refused(condition, err.Error()))
}

// ratings are the conversations of the last 24 hours, as far as rating them goes.
type ratings struct {
	byID  map[string]*pastConv
	order []*pastConv // by their end
}

// pastConv is a closed conversation.
type pastConv struct {
	id, visitor, site, workgroup string
	closed                       time.Time
	rated                        bool
	mails                        int
}

func newRatings() ratings { return ratings{byID: map[string]*pastConv{}} }

// add takes a closed conversation; what has run out leaves.
func (r *ratings) add(c Conversation, now time.Time) *pastConv {
	r.expire(now)
	if !now.Before(c.Closed.Add(rateFor)) || r.byID[c.ID] != nil || c.Reason == ReasonDelivered {
		return nil
	}
	p := &pastConv{id: c.ID, visitor: c.Visitor.JID, site: c.Site, workgroup: c.Workgroup, closed: c.Closed, rated: c.Rating != 0}
	r.byID[c.ID] = p
	at := len(r.order)
	for at > 0 && r.order[at-1].closed.After(p.closed) { // of a snapshot; at work they come in order
		at--
	}
	r.order = append(r.order, nil)
	copy(r.order[at+1:], r.order[at:])
	r.order[at] = p
	return p
}

func (r *ratings) expire(now time.Time) {
	gone := 0
	for gone < len(r.order) && (len(r.order)-gone >= maxRatings || !now.Before(r.order[gone].closed.Add(rateFor))) {
		delete(r.byID, r.order[gone].id)
		r.order[gone] = nil
		gone++
	}
	r.order = r.order[gone:]
}

func (r *ratings) find(id string, now time.Time) *pastConv {
	r.expire(now)
	return r.byID[id]
}
