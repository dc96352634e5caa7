package workgroup

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"usher/xmpp"
)

// muc is a MUC service in memory, for the tests of this package: what desk,
// visitors and agents send to its domain goes in (take), what a server would
// send to each of them comes out. It is true to XEP-0045 where the desk looks;
// `like` tells where the servers differ from each other.
type muc struct {
	domain   string
	like     mucLike
	rooms    map[string]*mucRoom
	now      time.Time
	out      []*node
	serial   int
	accepted func(room, nick, body string) // hears of each message that the service has accepted
	failed   map[string]string             // step -> condition; "" means that no answer comes at all
}

// mucLike is what differs between servers.
type mucLike struct {
	fields    []mucField // of the owner's form
	strict    bool       // an unknown field in a submission is refused (ejabberd, MongooseIM)
	locks     bool       // a new room is locked until its form is submitted
	full      string     // condition when maxusers is reached
	adminFull bool       // owner and admin pass the limit
	removed   string     // status of somebody whose affiliation is taken away: 321, Tigase 301
	inviting  bool       // becoming a member is an invitation (Openfire, Tigase)
	ids       bool       // groupchat messages get a stanza-id
	created   bool       // components may create rooms
	stuck     string     // a field that keeps its value whatever is submitted
}

type mucField struct{ name, typ, value string }

var (
	likeProsody = mucLike{
		fields: []mucField{
			{"muc#roomconfig_roomname", "text-single", ""}, {"muc#roomconfig_roomdesc", "text-single", ""},
			{"muc#roomconfig_publicroom", "boolean", "0"}, {"muc#roomconfig_membersonly", "boolean", "0"},
			{"{http://prosody.im/protocol/muc}roomconfig_allowmemberinvites", "boolean", "0"},
			{"muc#roomconfig_moderatedroom", "boolean", "0"}, {"muc#roomconfig_whois", "list-single", "moderators"},
			{"muc#roomconfig_changesubject", "boolean", "0"}, {"muc#roomconfig_historylength", "text-single", "20"},
			{"muc#roomconfig_persistentroom", "boolean", "0"}, {"muc#roomconfig_enablearchiving", "boolean", "0"},
		},
		locks: true, removed: "321", ids: true, created: true,
	}
	likeEjabberd = mucLike{
		fields: []mucField{
			{"muc#roomconfig_roomname", "text-single", ""}, {"muc#roomconfig_persistentroom", "boolean", "0"},
			{"muc#roomconfig_publicroom", "boolean", "1"}, {"public_list", "boolean", "1"},
			{"muc#roomconfig_membersonly", "boolean", "0"}, {"members_by_default", "boolean", "1"},
			{"muc#roomconfig_moderatedroom", "boolean", "1"}, {"muc#roomconfig_whois", "list-single", "moderators"},
			{"muc#roomconfig_changesubject", "boolean", "1"}, {"muc#roomconfig_allowinvites", "boolean", "0"},
			{"allow_query_users", "boolean", "1"}, {"allow_subscription", "boolean", "0"}, {"mam", "boolean", "0"},
			{"muc#roomconfig_maxusers", "list-single", "200"},
		},
		strict: true, full: "resource-constraint", adminFull: true, removed: "321", ids: true, created: true,
	}
)

type mucRoom struct {
	m         *muc
	jid       string
	locked    bool
	config    map[string]string
	affil     map[string]string // bare JID -> affiliation
	occupants []*mucOccupant    // in the order of their coming
	said      []mucSaid
	subject   string
}

// mucOccupant is a nick; somebody may be there with several clients.
type mucOccupant struct {
	nick     string
	sessions []string // full JIDs
	presence *node    // the last one
}

type mucSaid struct {
	msg *node // as it was sent out, without a to
	at  time.Time
}

func newMUC(domain string, like mucLike) *muc {
	return &muc{domain: domain, like: like, rooms: map[string]*mucRoom{}, failed: map[string]string{}}
}

// fail makes every step of this kind fail from now on with a condition; "" means silence. ok ends that. Steps: enter, form
// (reading it), submit, affiliation, destroy, invite, message.
func (m *muc) fail(step, condition string) { m.failed[step] = condition }
func (m *muc) ok(step string)              { delete(m.failed, step) }

// take is what the service does about one stanza, in component form, that somebody (its from) has sent to it. It returns
// what the server sends, each with from and to, in order.
func (m *muc) take(now time.Time, stanza []byte) []*node {
	n, err := parse(stanza)
	if err != nil {
		panic("the fake MUC service was sent no XML: " + err.Error())
	}
	m.now = now
	room, _, nick := mucParts(n.attr("to"))
	switch {
	case n.attr("from") == "":
		panic("the fake MUC service was sent a stanza without from: " + string(n.append(nil, "")))
	case room == "":
		m.service(n)
	case n.name == "presence":
		m.presence(n, room+"@"+m.domain, nick)
	case n.name == "message":
		m.message(n, room+"@"+m.domain, nick)
	case n.name == "iq":
		m.iq(n, room+"@"+m.domain, nick)
	}
	return m.taken()
}

// gone is a client whose account went offline, or whose stream was cut: its server tells the rooms that it was in.
func (m *muc) gone(now time.Time, full string) []*node {
	m.now = now
	for _, r := range m.all() {
		if o := r.session(full); o != nil {
			r.leave(o, full, el("presence", "", "type", "unavailable"))
		}
	}
	return m.taken()
}

// restart is the service's end and new start: everybody is put out with status 332, and all is forgotten.
func (m *muc) restart(now time.Time) []*node {
	m.now = now
	for _, r := range m.all() {
		for _, o := range r.occupants {
			for _, s := range o.sessions {
				m.send(r.unavailable(o, s, true, "332"), s)
			}
		}
	}
	m.forget()
	return m.taken()
}

// forget is the service's crash: nobody hears anything.
func (m *muc) forget() { m.rooms = map[string]*mucRoom{} }

func (m *muc) all() []*mucRoom {
	all := make([]*mucRoom, 0, len(m.rooms))
	for _, r := range m.rooms {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *mucRoom) int { return cmp.Compare(a.jid, b.jid) })
	return all
}

// send queues a stanza, as the wire would carry it.
func (m *muc) send(n *node, to string) {
	b := n.append(nil, "")
	c, err := parse(b)
	if err != nil {
		panic(err)
	}
	mucSet(c, "to", to)
	m.out = append(m.out, c)
}

func (m *muc) taken() []*node {
	out := m.out
	m.out = nil
	return out
}

func mucSet(n *node, name, value string) {
	for i := range n.attrs {
		if n.attrs[i].name == name {
			n.attrs[i].value = value
			return
		}
	}
	n.attrs = append(n.attrs, attr{name, value})
}

// failing tells whether a step is to fail, and answers if so.
func (m *muc) failing(step string, n *node) bool {
	condition, is := m.failed[step]
	if is && condition != "" {
		m.refuse(n, condition)
	}
	return is
}

// refuse answers with a stanza error (RFC 6120 §8.3); never an error.
func (m *muc) refuse(n *node, condition string) {
	if t := n.attr("type"); t == "error" || n.name == "iq" && t == "result" {
		return
	}
	typ := "cancel"
	switch condition {
	case "registration-required", "forbidden", "not-authorized":
		typ = "auth"
	case "bad-request", "not-acceptable", "jid-malformed":
		typ = "modify"
	case "resource-constraint", "service-unavailable", "remote-server-timeout":
		typ = "wait"
	}
	m.send(el(n.name, "", "from", n.attr("to"), "type", "error", "id", n.attr("id")).with(
		el("error", "", "type", typ).with(el(condition, xmpp.NSStanzaErrors))), n.attr("from"))
}

func (m *muc) result(n *node, payload *node) {
	m.send(el("iq", "", "from", n.attr("to"), "type", "result", "id", n.attr("id")).with(payload), n.attr("from"))
}

// service is what the domain itself answers.
func (m *muc) service(n *node) {
	if n.name != "iq" || n.attr("type") == "error" || n.attr("type") == "result" {
		return
	}
	if n.child("query", xmpp.NSDiscoInfo) == nil {
		m.refuse(n, "service-unavailable")
		return
	}
	m.result(n, el("query", xmpp.NSDiscoInfo).with(
		el("identity", "", "category", "conference", "type", "text", "name", "Rooms"),
		el("feature", "", "var", xmpp.NSMUC)))
}

func (m *muc) presence(n *node, jid, nick string) {
	from, r := n.attr("from"), m.rooms[jid]
	switch n.attr("type") {
	case "unavailable":
		if r != nil {
			if o := r.session(from); o != nil {
				r.leave(o, from, n)
			}
		}
		return
	case "error":
		m.kickGhost(r, from)
		return
	case "":
	default:
		return
	}
	if nick == "" {
		m.refuse(n, "jid-malformed")
		return
	}
	joins := n.child("x", xmpp.NSMUC) != nil
	if r != nil {
		if o := r.session(from); o != nil && !joins {
			if o.nick == nick {
				o.presence = n
				r.broadcast(o)
			} else {
				r.rename(n, o, nick)
			}
			return
		}
	}
	if m.failing("enter", n) {
		return
	}
	m.join(n, r, jid, nick)
}

// join is XEP-0045 §7.2.
func (m *muc) join(n *node, r *mucRoom, jid, nick string) {
	from := n.attr("from")
	created := r == nil
	if created {
		if !m.like.created {
			m.refuse(n, "forbidden")
			return
		}
		r = &mucRoom{m: m, jid: jid, locked: m.like.locks, config: map[string]string{}, affil: map[string]string{mucBare(from): "owner"}}
		for _, f := range m.like.fields {
			r.config[f.name] = f.value
		}
		m.rooms[jid] = r
	}
	affil := r.affiliation(from)
	o := r.nick(nick)
	mine := r.session(from)
	switch {
	case r.locked && affil != "owner": // §10.1.3
		m.refuse(n, "item-not-found")
	case affil == "outcast": // §7.2.7
		m.refuse(n, "forbidden")
	case r.config["muc#roomconfig_membersonly"] == "1" && affil == "none": // §7.2.6
		m.refuse(n, "registration-required")
	case o != nil && mucBare(o.sessions[0]) != mucBare(from): // §7.2.8
		m.refuse(n, "conflict")
	case mine == nil && r.full(affil): // §7.2.9
		m.refuse(n, m.like.full)
	default:
		if mine != nil && mine.nick != nick {
			r.leave(mine, from, el("presence", "", "type", "unavailable"))
		}
		if o == nil {
			o = &mucOccupant{nick: nick}
			r.occupants = append(r.occupants, o)
		}
		if !slices.Contains(o.sessions, from) {
			o.sessions = append(o.sessions, from)
		}
		o.presence = n
		r.welcome(o, from, created, n.child("x", xmpp.NSMUC).child("history", xmpp.NSMUC))
	}
}

// welcome sends the newcomer who is there, tells them of him, then him of himself, the history and the subject, in this order (§7.2.2-7.2.15).
func (r *mucRoom) welcome(o *mucOccupant, from string, created bool, history *node) {
	for _, other := range r.occupants {
		if other != o {
			r.m.send(r.available(other, from), from)
		}
	}
	for _, other := range r.occupants {
		for _, s := range other.sessions {
			if s != from {
				r.m.send(r.available(o, s), s)
			}
		}
	}
	statuses := []string{"110"}
	if created {
		statuses = append(statuses, "201")
	}
	r.m.send(r.available(o, from, statuses...), from)
	r.replay(from, history)
	r.m.send(el("message", "", "from", r.jid, "type", "groupchat").with(el("subject", "").said(r.subject)), from)
}

// replay sends history (§7.2.13): `since` and `maxstanzas` are what the desk asks with.
func (r *mucRoom) replay(to string, history *node) {
	limit := len(r.said)
	if n, err := strconv.Atoi(r.config["muc#roomconfig_historylength"]); err == nil {
		limit = min(limit, n)
	}
	var since time.Time
	if history != nil {
		if n, err := strconv.Atoi(history.attr("maxstanzas")); err == nil {
			limit = min(limit, n)
		}
		since, _ = time.Parse(time.RFC3339, history.attr("since"))
	}
	for _, s := range r.said[len(r.said)-limit:] {
		if s.at.Before(since) {
			continue
		}
		old := *s.msg
		old.kids = append(slices.Clip(old.kids), el("delay", xmpp.NSDelay, "from", r.jid, "stamp", s.at.UTC().Format("2006-01-02T15:04:05.000Z")))
		r.m.send(&old, to)
	}
}

// rename is §7.6.
func (r *mucRoom) rename(n *node, o *mucOccupant, nick string) {
	if other := r.nick(nick); other != nil {
		r.m.refuse(n, "conflict")
		return
	}
	for _, other := range r.occupants {
		for _, s := range other.sessions {
			p := r.unavailable(o, s, other == o, "303")
			p.kids[0].kids[0].attrs = append(p.kids[0].kids[0].attrs, attr{"nick", nick})
			r.m.send(p, s)
		}
	}
	o.nick, o.presence = nick, n
	r.broadcast(o)
}

func (m *muc) message(n *node, jid, nick string) {
	from, r := n.attr("from"), m.rooms[jid]
	if n.attr("type") == "error" {
		m.kickGhost(r, from)
		return
	}
	if r == nil {
		m.refuse(n, "item-not-found")
		return
	}
	x := n.child("x", xmpp.NSMUCUser)
	o := r.session(from)
	switch {
	case x.child("decline", xmpp.NSMUCUser) != nil: // §7.8.2
		d := x.child("decline", xmpp.NSMUCUser)
		m.send(el("message", "", "from", r.jid).with(el("x", xmpp.NSMUCUser).with(
			el("decline", "", "from", from).with(d.kids...))), d.attr("to"))
	case o == nil:
		m.refuse(n, "not-acceptable")
	case x.child("invite", xmpp.NSMUCUser) != nil:
		r.invite(n, x.child("invite", xmpp.NSMUCUser), o)
	case nick != "":
		r.private(n, o, nick)
	case n.attr("type") != "groupchat":
		m.refuse(n, "bad-request")
	case m.failing("message", n):
	default:
		r.groupchat(n, o)
	}
}

// invite is §7.8.2: only an occupant may; in a members-only room only an admin, who thereby makes a member.
func (r *mucRoom) invite(n, invite *node, o *mucOccupant) {
	if r.m.failing("invite", n) {
		return
	}
	if a := r.affiliation(o.sessions[0]); a != "owner" && a != "admin" {
		r.m.refuse(n, "forbidden")
		return
	}
	to := invite.attr("to")
	if r.affiliation(to) == "none" {
		r.affil[mucBare(to)] = "member"
	}
	r.m.send(el("message", "", "from", r.jid, "id", n.attr("id")).with(el("x", xmpp.NSMUCUser).with(
		el("invite", "", "from", n.attr("from")).with(invite.kids...)), el("x", "jabber:x:conference", "jid", r.jid)), to)
}

func (r *mucRoom) private(n *node, o *mucOccupant, nick string) {
	to := r.nick(nick)
	if to == nil {
		r.m.refuse(n, "item-not-found")
		return
	}
	if n.attr("type") == "groupchat" {
		r.m.refuse(n, "bad-request")
		return
	}
	for _, s := range to.sessions {
		pm := *n
		pm.attrs = []attr{{"from", r.jid + "/" + o.nick}, {"type", "chat"}}
		if id := n.attr("id"); id != "" {
			pm.attrs = append(pm.attrs, attr{"id", id})
		}
		if n.child("x", xmpp.NSMUCUser) == nil {
			pm.kids = append(slices.Clip(pm.kids), el("x", xmpp.NSMUCUser))
		}
		r.m.send(&pm, s)
	}
}

// groupchat is §7.4; the subject §8.1.
func (r *mucRoom) groupchat(n *node, o *mucOccupant) {
	moderator := r.role(o) == "moderator"
	if s := n.child("subject", ""); s != nil && n.child("body", "") == nil {
		if !moderator && r.config["muc#roomconfig_changesubject"] != "1" {
			r.m.refuse(n, "forbidden")
			return
		}
		r.subject = s.text
	}
	if r.role(o) == "visitor" {
		r.m.refuse(n, "forbidden")
		return
	}
	r.say(o.nick, n)
}

// say sends a groupchat message to everybody and keeps it. Nobody but the room may put its name to a stanza-id (XEP-0359 §5).
func (r *mucRoom) say(nick string, n *node) {
	msg := el("message", "", "from", r.jid+"/"+nick, "type", "groupchat", "id", n.attr("id"))
	for _, k := range n.kids {
		if k.name != "stanza-id" {
			msg.kids = append(msg.kids, k)
		}
	}
	if r.m.like.ids {
		r.m.serial++
		msg.kids = append(msg.kids, el("stanza-id", xmpp.NSStanzaID, "by", r.jid, "id", "sid-"+strconv.Itoa(r.m.serial)))
	}
	if n.child("body", "") != nil {
		r.said = append(r.said, mucSaid{msg, r.m.now})
		if r.m.accepted != nil {
			r.m.accepted(r.jid, nick, n.child("body", "").text)
		}
	}
	for _, o := range r.occupants {
		for _, s := range o.sessions {
			r.m.send(msg, s)
		}
	}
}

// features is §6.4.
func (r *mucRoom) features() *node {
	hidden, members, whois := "muc_public", "muc_open", "muc_nonanonymous"
	if r.config["muc#roomconfig_publicroom"] != "1" {
		hidden = "muc_hidden"
	}
	if r.config["muc#roomconfig_membersonly"] == "1" {
		members = "muc_membersonly"
	}
	if r.config["muc#roomconfig_whois"] != "anyone" {
		whois = "muc_semianonymous"
	}
	info := el("query", xmpp.NSDiscoInfo).with(el("identity", "", "category", "conference", "type", "text"))
	for _, f := range []string{xmpp.NSMUC, hidden, members, whois} {
		info.with(el("feature", "", "var", f))
	}
	return info
}

// kickGhost is what services do when an error comes back from an occupant (statuses 307 and 333).
func (m *muc) kickGhost(r *mucRoom, full string) {
	if r == nil {
		return
	}
	if o := r.session(full); o != nil {
		r.remove(o, full, "307", "333")
	}
}

func (m *muc) iq(n *node, jid, nick string) {
	if t := n.attr("type"); t != "get" && t != "set" {
		return
	}
	from, r := n.attr("from"), m.rooms[jid]
	if r == nil {
		m.refuse(n, "item-not-found")
		return
	}
	q := n.first()
	affil := r.affiliation(from)
	switch {
	case nick != "":
		o := r.session(from)
		switch {
		case o == nil: // XEP-0410
			m.refuse(n, "not-acceptable")
		case o.nick == nick && q != nil && q.space == xmpp.NSPing:
			m.result(n, nil)
		default:
			m.refuse(n, "service-unavailable")
		}
	case q == nil:
		m.refuse(n, "bad-request")
	case q.space == xmpp.NSDiscoInfo:
		m.result(n, r.features())
	case q.space == xmpp.NSMUCOwner && affil != "owner", q.space == xmpp.NSMUCAdmin && affil != "owner" && affil != "admin":
		m.refuse(n, "forbidden")
	case q.space == xmpp.NSMUCOwner:
		r.owner(n, q)
	case q.space == xmpp.NSMUCAdmin:
		r.admin(n, q)
	default:
		m.refuse(n, "service-unavailable")
	}
}
