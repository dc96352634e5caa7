package workgroup

import (
	"slices"
	"strconv"
	"strings"

	"usher/xmpp"
)

// roomWork is one admission or expulsion. They are done one after the other: raise the limit, then make a member, then invite; take the membership away,
// then lower the limit (research: a plain member needs room first on ejabberd, and membership is the gate).
type roomWork struct {
	bare   string
	as     role
	from   *group
	in     bool
	inside bool // he is in the room, and his client knows it
	tries  int
}

const workTries = 3

// admit makes somebody (bare JID) a member, raises the limit for a supervisor, and invites him: the visitor by a mediated
// invitation of the owner, agents and supervisors by a direct one (XEP-0249) from the workgroup's JID. Telling twice is no matter, but invites again.
func (r *room) admit(bare string, as role, from *group) {
	r.members[bare] = as
	r.keep()
	// After a loss of the desk's link alone, visitors of other links are where they were.
	inside := r.found && !strings.HasSuffix(bare, "@"+r.d.cfg.Domain)
	r.toDo(&roomWork{bare: bare, as: as, from: from, in: true, inside: inside})
}

// expel takes membership away, which removes him, and lowers the limit again.
func (r *room) expel(bare string) {
	delete(r.members, bare)
	r.keep()
	r.toDo(&roomWork{bare: bare})
}

// toDo takes the place of what was still to be done about the same person, so there is never more than there are people.
func (r *room) toDo(w *roomWork) {
	if r.phase == phaseOver {
		return
	}
	r.work = append(slices.DeleteFunc(r.work, func(o *roomWork) bool { return o.bare == w.bare }), w)
	r.next()
}

// next starts what is to be done next, if nothing is under way and the room stands.
func (r *room) next() {
	if r.doing != nil || r.phase != phaseStands || !r.d.linkUp || len(r.work) == 0 {
		return
	}
	w := r.work[0]
	r.work, r.doing = r.work[1:], w
	if w.in {
		r.unhaunt(w, func() { r.fit(func() { r.affiliate(w) }) })
	} else {
		r.affiliate(w)
	}
}

// unhaunt: a visitor who is invited isn't in the room as far as his own client knows. If the room still has him, from before his stream's
// link was lost, his next join would be a mere change of presence for some servers. So it is told that he is gone (XEP-0045 §8.2).
func (r *room) unhaunt(w *roomWork, then func()) {
	if w.as != visitorRole || w.inside {
		then()
		return
	}
	for nick, o := range r.here {
		if !o.stranger && slices.ContainsFunc(o.jids, func(jid string) bool { return bareOf(jid) == w.bare }) {
			o.ghost = true
			r.d.request(r.full(), r.jid, "set", el("query", xmpp.NSMUCAdmin).with(el("item", "", "nick", nick, "role", "none")), func(*node) {
				if r.phase != phaseOver {
					then()
				}
			})
			return
		}
	}
	then()
}

func (r *room) done() {
	r.doing = nil
	r.next()
}

// fit sets the limit to what the members need: owner, visitor and agent, and one more for each further member.
func (r *room) fit(then func()) {
	want := max(baseLimit, 1+len(r.members))
	if r.limit == 0 || r.limit == want {
		then()
		return
	}
	for i := range r.answer {
		if r.answer[i].name == maxUsersField {
			r.answer[i].values = []string{strconv.Itoa(want)}
		}
	}
	r.d.request(r.full(), r.jid, "set", submission(r.answer), func(answer *node) {
		switch {
		case r.phase == phaseOver:
			return
		case answer == nil: // the link was lost, or it is slow; the next one sets it
		case answer.attr("type") == "error":
			r.note("submit", errorOf(answer))
		default:
			r.limit = want
		}
		then()
	})
}

// affiliation is a change of somebody's affiliation (XEP-0045 §9.3, §9.4).
func affiliation(bare, value string) *node {
	return el("query", xmpp.NSMUCAdmin).with(el("item", "", "jid", bare, "affiliation", value))
}

func (r *room) affiliate(w *roomWork) {
	value := "none"
	if w.in {
		value = "member"
	}
	r.d.request(r.full(), r.jid, "set", affiliation(w.bare, value), func(answer *node) {
		switch {
		case r.phase == phaseOver:
		case answer == nil:
			r.unanswered(w)
		case answer.attr("type") == "error" && !w.in && mayPass[errorOf(answer)] && w.tries < workTries:
			r.putOutLater(w)
		case answer.attr("type") == "error":
			r.unable(w, errorOf(answer))
		case w.in:
			r.invite(w)
			r.done()
		default:
			r.fit(r.done)
		}
	})
}

// unanswered: once more, as often as it is worth it, or when the link is back; unless somebody has thought otherwise of that person.
func (r *room) unanswered(w *roomWork) {
	if r.d.linkUp {
		w.tries++
	}
	if w.tries >= workTries {
		r.unable(w, "remote-server-timeout")
		return
	}
	if i := slices.IndexFunc(r.work, func(o *roomWork) bool { return o.bare == w.bare }); i < 0 {
		r.work = slices.Insert(r.work, 0, w)
	} else if r.work[i].in == w.in {
		r.work[i].tries = w.tries
	}
	r.done()
}

// putOutLater: membership is the gate, so a service that can't take it away now is asked again, unless he was let in anew meanwhile.
func (r *room) putOutLater(w *roomWork) {
	w.tries++
	r.d.at(r.d.now.Add(returnPause), func() {
		if _, is := r.members[w.bare]; !is {
			r.toDo(w)
		}
	})
	r.done()
}

// unable: without its visitor, or without any agent, the room is of no use.
func (r *room) unable(w *roomWork, condition string) {
	if w.in && (w.as == visitorRole || w.as == agentRole && !r.has(agentRole)) {
		r.givenUp("affiliation", condition)
		return
	}
	r.note("affiliation", condition)
	r.done()
}

// has tells whether somebody with this role is in the room.
func (r *room) has(as role) bool {
	for _, o := range r.here {
		for _, jid := range o.jids {
			if is, ok := r.members[bareOf(jid)]; ok && is == as {
				return true
			}
		}
	}
	return false
}

// invite tells somebody where to go. Agents know the workgroup as a contact, so that what it sends isn't filtered, and XEP-0142 has
// the offer in their invitation (§4.2.8). Only occupants may send mediated ones on most servers; the owner is one.
func (r *room) invite(w *roomWork) {
	if _, is := r.members[w.bare]; !is {
		return
	}
	r.d.rooms.serial++
	id := "invite-" + strconv.Itoa(r.d.rooms.serial)
	if w.as == visitorRole {
		r.d.send(el("message", "", "from", r.full(), "to", r.jid, "id", id).with(
			el("x", xmpp.NSMUCUser).with(el("invite", "", "to", w.bare).with(el("reason", "").said(r.conv.home.text("invite", r.conv.Visitor.Language))))))
		r.conv.invitedIn()
		return
	}
	r.d.send(el("message", "", "from", w.from.jid, "to", w.bare, "id", id).with(
		el("x", nsConference, "jid", r.jid, "reason", r.title()),
		el("offer", nsWorkgroup, "jid", r.conv.userJID(), "id", r.conv.ID)))
}
