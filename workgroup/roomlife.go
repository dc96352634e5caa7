package workgroup

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"usher/xmpp"
)

// occupant is a nick in the room; somebody may be there with several clients.
type occupant struct {
	jids     []string // full, in the order of their coming
	stranger bool     // is being put out; nobody is told of him
	ghost    bool     // is put out because his client isn't there any more
}

// occupants returns nicks by full JID, the owner aside.
func (r *room) occupants() map[string]string {
	all := map[string]string{}
	for nick, o := range r.here {
		if !o.stranger {
			for _, jid := range o.jids {
				all[jid] = nick
			}
		}
	}
	return all
}

// stanza takes what came for the owner.
func (r *room) stanza(n *node) {
	if bareOf(n.attr("from")) != r.jid { // nobody else has a reason to
		if n.name != "presence" {
			r.d.refuse(n, "service-unavailable", "")
		}
		return
	}
	r.alive = r.d.now
	switch n.name {
	case "presence":
		r.presence(n)
	case "message":
		r.message(n)
	case "iq":
		r.iq(n)
	}
}

// iq answers what occupants and services ask any client: some put out those that don't answer pings.
func (r *room) iq(n *node) {
	q := n.first()
	switch typ := n.attr("type"); {
	case typ != "get" && typ != "set":
	case q != nil && typ == "get" && q.name == "ping" && q.space == xmpp.NSPing:
		r.d.send(n.answer(nil))
	case q != nil && typ == "get" && q.name == "query" && q.space == xmpp.NSDiscoInfo && q.attr("node") == "":
		r.d.send(n.answer(el("query", xmpp.NSDiscoInfo).with(
			el("identity", "", "category", "client", "type", "bot", "name", r.nick),
			el("feature", "", "var", xmpp.NSDiscoInfo), el("feature", "", "var", xmpp.NSPing))))
	default:
		r.d.refuse(n, "service-unavailable", "")
	}
}

// statuses are the codes of a presence by a MUC service (XEP-0045 §15.6).
func statuses(n *node) map[string]bool {
	set := map[string]bool{}
	if x := n.child("x", xmpp.NSMUCUser); x != nil {
		for _, k := range x.kids {
			if k.name == "status" {
				set[k.attr("code")] = true
			}
		}
	}
	return set
}

func (r *room) presence(n *node) {
	nick, status := resourceOf(n.attr("from")), statuses(n)
	own := status["110"] || nick == r.nick
	switch typ := n.attr("type"); {
	case typ == "error":
		if id := n.attr("id"); id == r.join || id == "" {
			r.joinRefused(errorOf(n))
		}
	case typ == "" && own:
		r.ownIn(nick, status)
	case typ == "unavailable" && own:
		r.ownOut(n, status)
	case typ == "" && nick != "":
		r.present(n, nick)
	case typ == "unavailable" && nick != "":
		r.absent(n, nick, status)
	}
}

func (r *room) joinRefused(condition string) {
	switch r.phase {
	case phaseEnter:
		r.failed(condition)
	case phaseReturn:
		r.refused = condition
	}
}

// ownIn: the owner is in. The service may have given it another nick (status 210).
func (r *room) ownIn(nick string, status map[string]bool) {
	r.nick = nick
	switch r.phase {
	case phaseEnter:
		r.enteredNew(status["201"])
	case phaseReturn:
		r.inside, r.made = true, r.made || status["201"]
	}
}

// ownOut: the owner is out, and not by its own will.
func (r *room) ownOut(n *node, status map[string]bool) {
	switch {
	case r.phase < phaseStands:
		r.failed("gone")
	case r.phase == phaseReturn: // its own leaving, before it enters again
		r.inside = false
	case n.child("x", xmpp.NSMUCUser).child("destroy", xmpp.NSMUCUser) != nil, status["332"]: // XEP-0045 §10.9, §15.6.2
		r.gone()
	default: // taken for a ghost, or a slip of an administrator: the room may well be there
		if r.d.now.Sub(r.fell) > time.Minute {
			r.fell, r.falls = r.d.now, 0
		}
		if r.falls++; r.falls > 3 {
			r.gone()
			return
		}
		r.again()
	}
}

// present: an occupant is there, or shows something else.
func (r *room) present(n *node, nick string) {
	jid := n.child("x", xmpp.NSMUCUser).child("item", xmpp.NSMUCUser).attr("jid")
	o := r.here[nick]
	if o == nil {
		o = &occupant{}
		if len(r.here) >= maxOccupants {
			r.putOut(nick, bareOf(jid))
			return
		}
		r.here[nick] = o
	}
	if jid == "" && len(o.jids) > 0 || slices.Contains(o.jids, jid) || len(o.jids) >= maxSessions {
		return
	}
	o.jids = append(o.jids, jid)
	bare := bareOf(jid)
	if _, is := r.members[bare]; !is {
		o.stranger = true
		r.d.cfg.Log.Warn("a stranger is in a support room and is put out", "site", r.conv.Site, "conversation", r.conv.ID, "room", r.jid, "jid", jid, "nick", nick)
		r.putOut(nick, bare)
		return
	}
	if len(r.nicks) < maxNicks {
		r.nicks[nick] = bare
	}
	if b := r.before[nick]; b != nil && slices.Contains(b.jids, jid) {
		return // he has been there all the time
	}
	r.conv.entered(jid, nick)
}

// putOut throws somebody out who has no business here (XEP-0045 §8.2, and §9.4 in case he is a member).
func (r *room) putOut(nick, bare string) {
	drop := func(*node) {}
	r.d.request(r.full(), r.jid, "set", el("query", xmpp.NSMUCAdmin).with(el("item", "", "nick", nick, "role", "none")), drop)
	if bare != "" && bare != r.owner {
		r.d.request(r.full(), r.jid, "set", affiliation(bare, "none"), drop)
	}
}

// absent: an occupant has gone with all his clients, or has another nick.
func (r *room) absent(n *node, nick string, status map[string]bool) {
	o := r.here[nick]
	if o == nil {
		return
	}
	delete(r.here, nick)
	if status["303"] { // XEP-0045 §7.6
		if to := n.child("x", xmpp.NSMUCUser).child("item", xmpp.NSMUCUser).attr("nick"); to != "" && r.here[to] == nil {
			r.here[to] = o
			if bare := r.nicks[nick]; bare != "" && len(r.nicks) < maxNicks {
				r.nicks[to] = bare
			}
		}
		return
	}
	r.tellLeft(nick, o, howLeft(n, status))
}

func (r *room) tellLeft(nick string, o *occupant, how leaving) {
	if o.stranger {
		return
	}
	if o.ghost {
		how = expelled
	}
	for _, jid := range o.jids {
		r.conv.left(jid, nick, how)
	}
}

// howLeft reads why somebody is out (XEP-0045 §15.6.2): 301, 321 and 322 are about membership, which only the owner changes here. 307
// is a kick: nobody here kicks a member, but services kick those to whom nothing can be delivered, with or without 333.
func howLeft(n *node, status map[string]bool) leaving {
	switch {
	case status["333"], status["307"], status["332"], n.child("error", "") != nil,
		n.child("x", xmpp.NSMUCUser).child("destroy", xmpp.NSMUCUser) != nil:
		return vanished
	case status["301"], status["321"], status["322"]:
		return expelled
	}
	return byHimself
}

// again enters a room of this process once more: after the link was lost, or stanzas were dropped. When that is done, the conversation has
// heard what it missed, who is in and who is not, and roomReady is called; or roomGone.
func (r *room) again() {
	switch r.phase {
	case phaseOver:
		return
	case phaseStands:
		r.before = r.here
	case phaseReturn:
		if r.before == nil {
			r.before = map[string]*occupant{}
		}
	default:
		r.failed("remote-server-timeout")
		return
	}
	r.step(phaseReturn)
	r.here, r.unheard = map[string]*occupant{}, nil
	r.inside, r.made, r.refused = false, false, ""
	// A service that didn't notice the loss has the owner still inside; to enter then would be a mere change of its
	// presence for some (ejabberd), without occupants and history. So it leaves first.
	r.d.send(el("presence", "", "from", r.full(), "to", r.jid+"/"+r.nick, "type", "unavailable"))
	r.sendJoin(el("history", "", "since", r.since().UTC().Format("2006-01-02T15:04:05Z")))
	// The answer comes behind all that entering brings: rooms answer in order.
	turn := r.turn
	r.d.request(r.full(), r.jid, "get", el("query", xmpp.NSMUCOwner), func(answer *node) {
		if r.phase == phaseReturn && r.turn == turn {
			r.returned(answer)
		}
	})
}

// The tries of entering again: every 5 s, as long as the trouble looks like one that passes.
const (
	returnTries = 6
	returnPause = 5 * time.Second
)

func (r *room) returned(answer *node) {
	switch {
	case r.made: // it had been forgotten
		r.goneUnseen()
	case r.inside && answer != nil && answer.attr("type") != "error":
		r.back(ownerForm(answer))
	case answer == nil && !r.d.linkUp: // again is called when it is up
	case answer != nil && !mayPass[cmp.Or(r.refused, errorOf(answer))]:
		r.goneUnseen()
	default:
		if r.tries++; r.tries >= returnTries {
			r.goneUnseen()
			return
		}
		r.late = r.d.at(r.d.now.Add(returnPause), r.again)
	}
}

// goneUnseen: the room has ended while the owner was not in it. Nobody can tell any more what was said last.
func (r *room) goneUnseen() {
	from := r.conv.Accepted
	if n := len(r.said); n > 0 {
		from = r.said[n-1].at
	}
	if len(r.said) > 0 || len(r.before) > 0 || r.conv.State == Active || r.conv.State == AgentLost {
		r.conv.gap(from, r.d.now)
	}
	r.gone()
}

// mayPass are the errors after which a second try is worth it.
var mayPass = map[string]bool{
	"internal-server-error": true, "remote-server-timeout": true, "resource-constraint": true, "service-unavailable": true,
	"recipient-unavailable": true, "remote-server-not-found": true, "conflict": true,
}

// back: the owner is in its room again.
func (r *room) back(form []roomField) {
	if f := fieldOf(form, "muc#roomconfig_membersonly"); f != nil && !f.on() { // somebody has meddled with it
		r.note("verify", notMembersOnly)
		r.gone()
		return
	}
	r.answer, r.limit, r.tries = answerForm(form, r.title()), limitOf(form), 0
	r.step(phaseStands)
	before := r.before
	r.before = nil
	r.merge()
	for _, nick := range slices.Sorted(maps.Keys(before)) {
		if r.phase == phaseStands && !r.stillHere(before[nick]) {
			r.tellLeft(nick, before[nick], vanished)
		}
	}
	if r.phase != phaseStands {
		return
	}
	r.listen()
	r.found = true
	r.conv.roomReady()
	r.found = false
	for _, text := range r.notices {
		r.notice(text)
	}
	r.notices = nil
	r.next()
}

// stillHere tells whether somebody who was here before is here now, under any nick and with any of his clients.
func (r *room) stillHere(o *occupant) bool {
	for _, now := range r.here {
		for _, jid := range now.jids {
			if slices.ContainsFunc(o.jids, func(j string) bool { return bareOf(j) == bareOf(jid) }) {
				return true
			}
		}
	}
	return false
}

// listen asks the room from time to time whether the owner is still in it (XEP-0410), if nothing else was heard.
func (r *room) listen() {
	r.d.stop(r.watch)
	r.watch = r.d.at(r.alive.Add(watchTime), r.listened)
}

func (r *room) listened() {
	if !r.d.linkUp || r.phase != phaseStands {
		r.alive = r.d.now // not now
	}
	if r.d.now.Sub(r.alive) < watchTime {
		r.listen()
		return
	}
	turn := r.turn
	r.d.request(r.full(), r.jid+"/"+r.nick, "get", el("ping", xmpp.NSPing), func(answer *node) {
		if r.phase != phaseStands || r.turn != turn {
			return
		}
		// XEP-0410 §3.2: these say that the owner isn't in; anything else says that it is, or nothing.
		if answer != nil && answer.attr("type") == "error" && (errorOf(answer) == "not-acceptable" || errorOf(answer) == "item-not-found") {
			r.again()
			return
		}
		r.alive = r.d.now
		r.listen()
	})
}
