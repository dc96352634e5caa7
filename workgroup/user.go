package workgroup

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"usher/xmpp"
)

// The visitor's side: XEP-0142's user protocol and our own stanzas. Plain text is in userchat.go.

// side is what the visitor's side keeps of a conversation. The exported fields are kept over a crash.
type side struct {
	Updates bool     // he wants queue-status pushes
	Plain   bool     // he writes plain messages: he is told in words
	Added   bool     // he has added words outside of any room: they are to reach the first agent
	Mail    []string // who gets the transcript once the conversation is closed

	knows knowledge
}

// userSide is what the visitor's side keeps of everybody.
type userSide struct {
	bans   banList
	past   ratings
	left   map[*group][]*left    // messages left, the oldest first
	forms  map[string]*interview // by the visitor's bare JID
	answer map[string]*left      // who may still give his mail address, by bare JID
}

// restoreUser takes what was kept of the visitor's side: bans, messages left, conversations that may be rated.
// New calls it once the groups are there.
func (d *Desk) restoreUser(kept Snapshot) {
	d.user = userSide{
		bans: newBanList(), past: newRatings(),
		left: map[*group][]*left{}, forms: map[string]*interview{}, answer: map[string]*left{},
	}
	for _, i := range kept.Items {
		if id, ok := strings.CutPrefix(i.Key, "ban/"); ok {
			d.restoreBan(id, i.Value)
		}
	}
	for _, c := range kept.Conversations {
		switch c.State {
		case Closed:
			d.user.past.add(c, d.now)
		case Offline:
			d.restoreLeft(c)
		}
	}
}

// bare is the visitor's bare JID.
func (v Visitor) bare() string {
	b, _, _ := strings.Cut(v.JID, "/")
	return b
}

// request names what a visitor may ask for: an IQ of this type with this child.
type userRequest struct{ typ, name, space string }

// userRequests are all of them.
var userRequests = map[userRequest]func(d *Desk, g *group, v Visitor, n *node){
	{"get", "join-queue", nsWorkgroup}:   (*Desk).joinForm,
	{"set", "join-queue", nsWorkgroup}:   (*Desk).joinQueue,
	{"set", "depart-queue", nsWorkgroup}: (*Desk).departQueue,
	{"get", "queue-status", nsWorkgroup}: (*Desk).queueStatus,
	{"get", "leave-message", nsDesk}:     (*Desk).leaveForm,
	{"set", "leave-message", nsDesk}:     (*Desk).leaveRequest,
	{"set", "rating", nsDesk}:            (*Desk).ratingRequest,
	{"set", "transcript", nsDesk}:        (*Desk).transcriptRequest,
	{"get", "ping", xmpp.NSPing}:         (*Desk).pong,
}

// fromVisitor takes a stanza of a visitor to a workgroup.
func (d *Desk) fromVisitor(g *group, v Visitor, n *node) {
	typ := n.attr("type")
	if l := n.attr("xml:lang"); languageTag(l) { // RFC 6120 §8.1.5: it counts before the stream's
		v.Language = l
	}
	switch n.name {
	case "presence":
		if typ == "subscribe" || typ == "probe" { // a visitor has no roster: the workgroup's state is in disco and in the errors
			d.send(el("presence", "", "type", "unsubscribed", "from", g.jid, "to", v.bare(), "id", n.attr("id")).
				with(el("status", "").said(d.state(g, v.Language))))
		}
	case "message":
		switch typ {
		case "error", "headline", "groupchat": // RFC 6121 §5.2.2: nothing that wants an answer
		default:
			d.words(g, v, n)
		}
	case "iq":
		if typ != "get" && typ != "set" {
			return
		}
		child := n.first()
		if child == nil || len(n.kids) > 1 { // RFC 6120 §8.2.3
			d.send(n.refused("bad-request", "an IQ has one child"))
			return
		}
		if do := userRequests[userRequest{typ, child.name, child.space}]; do != nil {
			do(d, g, v, n)
			return
		}
		if child.space == nsWorkgroup { // the agents' side of XEP-0142: offer-accept, agent-status-request and their like
			if child.name == "queue-status" { // XEP-0142 §3.2.3: 501
				d.send(n.refused("feature-not-implemented", ""))
				return
			}
			d.send(n.refused("not-authorized", "that is for agents"))
			return
		}
		if child.space == xmpp.NSDiscoInfo || child.space == xmpp.NSDiscoItems { // XEP-0030 §7: of a node that isn't there
			d.send(n.refused("item-not-found", ""))
			return
		}
		d.send(n.refused("service-unavailable", ""))
	}
}

// state says in words whether the workgroup is open.
func (d *Desk) state(g *group, language string) string {
	if err := d.closed(g); err != nil {
		return g.away(err, language)
	}
	return g.text("presence_open", language)
}

// away says in words why nobody is taken.
func (g *group) away(err error, language string) string {
	var shut *closedError
	if !errors.As(err, &shut) {
		return g.text("failed", language)
	}
	if shut.reason == "hours" && !shut.opens.IsZero() {
		opens := shut.opens
		if g.Hours != nil && g.Hours.Zone != nil {
			opens = opens.In(g.Hours.Zone)
		}
		return g.text("away_opens", language, opens.Format("2006-01-02 15:04"))
	}
	return g.text("away_"+strings.ReplaceAll(shut.reason, "-", "_"), language)
}

func (d *Desk) pong(_ *group, _ Visitor, n *node) { d.send(n.answer(nil)) } // XEP-0199

// joinForm gives the form of the workgroup; where there is none, join-queue comes back empty.
func (d *Desk) joinForm(g *group, v Visitor, n *node) {
	join := el("join-queue", nsWorkgroup)
	if len(g.Form) > 0 {
		join.with(g.form("form", languageOf(v, nil), g.Form))
	}
	d.send(n.answer(join))
}

// joinQueue enters a visitor (XEP-0142 §3.2.1). What can't be mended by a form comes before the form.
func (d *Desk) joinQueue(g *group, v Visitor, n *node) {
	join := n.first()
	about := join.child("visitor", nsDesk)
	language := languageOf(v, about)
	if c := d.visitor[v.bare()]; c != nil && c.State != Wrapup {
		d.refuseVisitor(g, n, errQueued, language)
		return
	}
	a, err := d.asks(g, v, about)
	if err == nil && d.banned(v, a.person.Sub) {
		err = errBanned
	}
	if err == nil {
		err = d.closed(g)
	}
	if err == nil {
		err = a.fill(g, join.child("x", nsForm), g.Form)
	}
	if err == nil {
		a.side.Updates = join.child("queue-notifications", nsWorkgroup) != nil
		_, err = d.ask(g, a)
	}
	if err != nil {
		d.refuseVisitor(g, n, err, language)
		return
	}
	d.send(n.answer(nil)) // what there is to tell is told once this stanza is dealt with
}

// languageOf is the language a visitor is spoken to in: what his page says, else that of his stream.
func languageOf(v Visitor, about *node) string {
	if about != nil {
		if l := about.attr("language"); languageTag(l) {
			return l
		}
	}
	if languageTag(v.Language) {
		return v.Language
	}
	return ""
}

// languageTag tells whether s has the shape of a language tag (RFC 5646 §2.1), of at most 35 characters.
func languageTag(s string) bool {
	if s == "" || len(s) > 35 || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		switch b := s[i]; {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '-':
		default:
			return false
		}
	}
	return true
}

// maxPage is how much is kept of a page's address or title, in bytes.
const maxPage = 1 << 10

// asks begins a request with what the page says of its visitor: a *tokenError if what it has signed doesn't hold.
func (d *Desk) asks(g *group, v Visitor, about *node) (asking, error) {
	a := asking{visitor: v, person: Person{JID: v.bare(), Language: languageOf(v, about), Address: v.Address}}
	if about == nil {
		return a, nil
	}
	a.person.Page = cut(plain(about.attr("page")), maxPage)
	a.person.Referrer = cut(plain(about.attr("referrer")), maxPage)
	a.person.Title = cut(plain(about.attr("title")), maxPage)
	token := about.attr("token")
	if token == "" {
		return a, nil
	}
	c, err := g.Identity.verify(token, d.now)
	if err != nil {
		return a, err
	}
	p := &a.person
	p.Verified, p.Sub, p.Name, p.Email, p.Phone, p.Groups = true, c.Sub, c.Name, c.Email, c.Phone, c.Groups
	return a, nil
}

// fill takes the form's values: a *formError. What the site has signed of name and mail address stands; what was
// filled in beside it stays in the form, as his own word.
func (a *asking) fill(g *group, x *node, fields []Field) error {
	form, err := g.read(x, a.person.Language, fields)
	if err != nil {
		return err
	}
	a.take(form)
	return nil
}

func (a *asking) take(form map[string]string) {
	a.form, a.question = form, form["question"]
	if !a.person.Verified {
		a.person.Name, a.person.Email = form["name"], form["email"]
	}
	if page := form["page"]; page != "" && a.person.Page == "" {
		a.person.Page = page
	}
}

// refuseVisitor answers with the error that docs/interface.md, B.3 and XEP-0142's tables have for it.
func (d *Desk) refuseVisitor(g *group, n *node, err error, language string) {
	var (
		token *tokenError
		form  *formError
		shut  *closedError
	)
	switch {
	case errors.Is(err, errQueued):
		d.send(n.refused("conflict", "")) // 409
	case errors.Is(err, errBanned):
		d.send(n.refused("not-authorized", "", el("refused", nsDesk))) // 401
	case errors.As(err, &token):
		d.cfg.Log.Info("a visitor's token is refused", "site", g.Site, "workgroup", g.Name, "reason", token.reason, "error", token.err)
		d.send(n.refused("not-authorized", "", el("invalid-token", nsDesk, "reason", token.reason))) // 401
	case errors.As(err, &form):
		d.send(n.refused("not-acceptable", "", errorText(g.text(form.key, language, form.label), g.speaks(language)))) // 406
	case errors.As(err, &shut):
		closed := el("closed", nsDesk, "reason", shut.reason)
		if !shut.opens.IsZero() {
			closed = el("closed", nsDesk, "reason", shut.reason, "opens", shut.opens.UTC().Format(time.RFC3339))
		}
		d.send(n.refused("service-unavailable", "", errorText(g.away(err, language), g.speaks(language)), closed)) // 503
	default:
		d.cfg.Log.Error("a visitor's request failed", "site", g.Site, "workgroup", g.Name, "error", err)
		d.send(n.refused("internal-server-error", ""))
	}
}

// errorText is the text of a stanza error in the visitor's language (RFC 6120 §8.3.2).
func errorText(text, language string) *node {
	return el("text", xmpp.NSStanzaErrors, "xml:lang", language).said(text)
}

// departQueue takes a visitor out (XEP-0142 §3.2.2). Nothing keeps him from leaving; nobody else may do it for him.
func (d *Desk) departQueue(g *group, v Visitor, n *node) {
	if jid := n.first().child("jid", nsWorkgroup); jid != nil {
		if bare, _, _ := strings.Cut(strings.TrimSpace(jid.text), "/"); bare != v.bare() {
			d.send(n.refused("not-authorized", "")) // 401
			return
		}
	}
	c := d.visitor[v.bare()]
	if c == nil || c.home != g {
		d.send(n.refused("item-not-found", "")) // 404
		return
	}
	if err := d.depart(c); err != nil {
		d.send(n.refused("item-not-found", ""))
		return
	}
	d.send(n.answer(nil)) // the depart message follows (told)
}

// queueStatus tells the visitor his place (XEP-0142 §3.2.3). Once an agent has him he is on his way out: place 0.
func (d *Desk) queueStatus(g *group, v Visitor, n *node) {
	c := d.visitor[v.bare()]
	if c == nil || c.home != g || !c.waits() && c.State != Connecting {
		d.send(n.refused("not-authorized", "")) // 401: not in the queue
		return
	}
	d.send(n.answer(c.queueStatus()))
}

// waits tells that the visitor is in the queue, or being offered out of it.
func (c *conversation) waits() bool { return c.State == Queued || c.State == Offered }

// queueStatus is his place and the estimated wait in seconds.
func (c *conversation) queueStatus() *node {
	position, wait := 0, time.Duration(0)
	if c.waits() {
		position, wait = c.place()
	}
	return el("queue-status", nsWorkgroup).with(
		el("position", "").said(strconv.Itoa(position)),
		el("time", "").said(strconv.Itoa(int((wait+time.Second-1)/time.Second))))
}
