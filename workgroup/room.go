package workgroup

import (
	"strconv"
	"strings"
	"time"

	"usher/xmpp"
)

// room is a conversation's room on the MUC service: a machine of its own below
// the conversation's. It is told what shall be (who may be in it), does it in the order that works on every
// server, and tells the conversation what happens.
type room struct {
	d     *Desk
	conv  *conversation
	jid   string // bare: `c-` + 26 base32 characters, on the MUC service
	owner string // bare: the same localpart shape, other bits, on the desk's domain; it speaks as owner + "/usher"
	nick  string // the owner's in the room

	phase phase
	join  string    // id of the owner's join that is under way
	late  *timer    // when its answer is overdue
	watch *timer    // when the room is asked whether it is still there
	alive time.Time // when something was heard of it last
	turn  int       // of the phase; a callback of an older one does nothing
	tries int       // of entering again
	falls int       // how often the owner was thrown out within the last minute
	fell  time.Time

	answer []roomField // what its form was answered with
	limit  int         // its limit of occupants; 0: the server has none

	members map[string]role      // who may be in it, by bare JID
	work    []*roomWork          // admissions and expulsions to be done, in order
	doing   *roomWork            // the one that is under way
	here    map[string]*occupant // by nick, the owner aside
	before  map[string]*occupant // who was here before the owner had to enter again
	nicks   map[string]string    // bare JIDs of those who are or were here, by nick

	said    []saying  // the last messages, to know a repeat by
	unheard []saying  // those that came while the owner enters again
	inside  bool      // its own presence has come since it entered again
	refused string    // the error that came instead
	found   bool      // the conversation is just being told that it stands again
	made    bool      // the room was not there any more: entering has made it
	notices []string  // said while the owner enters again
	brushed time.Time // when a private message was answered last
}

// role is what somebody let in is there for.
type role uint8

const (
	visitorRole role = iota
	agentRole
	supervisorRole
)

// phase is where a room is in its own life.
type phase uint8

const (
	phaseEnter  phase = iota // the owner's join is under way
	phaseForm                // its form is being read
	phaseSubmit              // its form is being submitted
	phaseVerify              // what has become of that is being looked at
	phaseStands              // it is as it should be
	phaseReturn              // the owner enters again
	phaseOver                // nobody hears of it any more
)

// steps are the names of the phases in roomFailed and in usher_room_errors_total.
var steps = [...]string{phaseEnter: "enter", phaseForm: "form", phaseSubmit: "submit", phaseVerify: "verify"}

// stepTime is how long a room may take for a step of its building.
const stepTime = answerTime

// The limits of what a room remembers.
const (
	maxOccupants = 64  // nicks at a time; further ones are put out
	maxSessions  = 16  // clients under one nick
	maxNicks     = 256 // nicks there ever were
	maxSaid      = 256 // messages, to know repeats by
	maxUnheard   = 1024
	maxNotices   = 20
)

// watchTime is how long a room may be silent before it is asked whether it is still there: a MUC service that crashed tells nobody.
const watchTime = time.Minute

// full is the owner's address.
func (r *room) full() string { return r.owner + "/usher" }

// newRoom starts to build one: enter, fetch the form, set what is offered, re-read, verify. Then conv.roomReady, or roomFailed.
func (d *Desk) newRoom(c *conversation) *room {
	r := d.roomOf(c, newLocal()+"@"+d.cfg.Rooms, newLocal()+"@"+d.cfg.Domain)
	r.keep()
	r.sendJoin(el("history", "", "maxstanzas", "0"))
	r.late = d.at(d.now.Add(stepTime), func() { r.failed("remote-server-timeout") })
	return r
}

// restoreRoom goes on with a room that was there before: the owner enters it again, asking for the history since the
// last kept event minus 2 s, and reports what is missing there (heard, gap, entered, left). roomGone if it isn't there any
// more. While the link is down it waits for again.
func (d *Desk) restoreRoom(c *conversation, jid, owner string, kept []Event) *room {
	r := d.roomOf(c, jid, owner)
	r.phase = phaseReturn
	r.recall(kept)
	r.restored()
	if d.linkUp {
		r.again()
	}
	return r
}

func (d *Desk) roomOf(c *conversation, jid, owner string) *room {
	r := &room{
		d: d, conv: c, jid: jid, owner: owner, nick: c.home.text("bot_nick", c.Visitor.Language),
		alive: d.now, members: map[string]role{}, here: map[string]*occupant{}, nicks: map[string]string{},
	}
	d.owner[owner] = c
	return r
}

// sendJoin sends the owner's join (XEP-0045 §7.2.1).
func (r *room) sendJoin(history *node) {
	r.d.rooms.serial++
	r.join = "join-" + strconv.Itoa(r.d.rooms.serial)
	r.d.send(el("presence", "", "from", r.full(), "to", r.jid+"/"+r.nick, "id", r.join).with(el("x", xmpp.NSMUC).with(history)))
}

// enteredNew takes the service's answer to the join of a room that is to be new.
func (r *room) enteredNew(created bool) {
	if !created { // XEP-0045 §10.1.1; 128 random bits are not met by chance
		r.failed("conflict")
		return
	}
	r.step(phaseForm)
	r.ask("get", el("query", xmpp.NSMUCOwner), func(answer *node) {
		r.answer = answerForm(ownerForm(answer), r.title())
		r.submit()
	})
}

// submit sets what is wanted of what the form offers (XEP-0045 §10.1.3), and has it verified.
func (r *room) submit() {
	r.step(phaseSubmit)
	r.ask("set", submission(r.answer), func(*node) {
		r.step(phaseVerify)
		r.ask("get", el("query", xmpp.NSMUCOwner), func(answer *node) {
			form := ownerForm(answer)
			if shows(form) {
				r.verified(form, verify(form, nil))
				return
			}
			// What the form doesn't show (Prosody shows guests less) the room's features do (XEP-0045 §6.4).
			r.ask("get", el("query", xmpp.NSDiscoInfo), func(info *node) {
				r.verified(form, verify(form, info.child("query", xmpp.NSDiscoInfo)))
			})
		})
	})
}

// verified: the room is as it must be, or has a fault.
func (r *room) verified(form []roomField, fault string) {
	if fault != "" {
		r.failed(fault)
		return
	}
	r.limit = limitOf(form)
	r.step(phaseStands)
	r.listen()
	r.conv.roomReady()
	r.next()
}

// step goes to the next phase; what is still to come of the last one is dropped.
func (r *room) step(p phase) {
	r.d.stop(r.late)
	r.late = nil
	r.phase = p
	r.turn++
}

// ask sends the room a request of the owner, as a step of its building: anything but a result ends that.
func (r *room) ask(typ string, payload *node, done func(answer *node)) {
	turn := r.turn
	r.d.request(r.full(), r.jid, typ, payload, func(answer *node) {
		switch {
		case r.phase == phaseOver || r.turn != turn:
		case answer == nil:
			r.failed("remote-server-timeout")
		case answer.attr("type") == "error":
			r.failed(errorOf(answer))
		default:
			done(answer)
		}
	})
}

// failed gives up a room that can't be built.
func (r *room) failed(condition string) { r.givenUp(steps[r.phase], condition) }

func (r *room) givenUp(step, condition string) {
	r.note(step, condition)
	r.finish("")
	r.conv.roomFailed(step, condition)
}

// note counts and logs an error of a step.
func (r *room) note(step, condition string) {
	r.d.observe(Observation{Kind: "room-error", Site: r.conv.Site, Workgroup: r.conv.Workgroup, Label: step, Detail: condition})
	r.d.cfg.Log.Warn("a support room failed", "site", r.conv.Site, "conversation", r.conv.ID, "room", r.jid, "step", step, "condition", condition)
}

// title is the room's name as clients list it.
func (r *room) title() string {
	t := r.conv.visitorNick()
	if p := oneLine(page(r.conv.Visitor.Page), 60); p != "" {
		t += " · " + p
	}
	return t
}

// errorOf is an error's condition: one of RFC 6120 §8.3.3, so that a metric may be labelled with it.
func errorOf(n *node) string {
	if e := n.child("error", ""); e != nil {
		for _, k := range e.kids {
			if k.space == xmpp.NSStanzaErrors && stanzaErrors[k.name] {
				return k.name
			}
		}
	}
	return "undefined-condition"
}

// stanzaErrors are the conditions of RFC 6120 §8.3.3.
var stanzaErrors = map[string]bool{
	"bad-request": true, "conflict": true, "feature-not-implemented": true, "forbidden": true, "gone": true, "internal-server-error": true,
	"item-not-found": true, "jid-malformed": true, "not-acceptable": true, "not-allowed": true, "not-authorized": true,
	"policy-violation": true, "recipient-unavailable": true, "redirect": true, "registration-required": true,
	"remote-server-not-found": true, "remote-server-timeout": true, "resource-constraint": true, "service-unavailable": true,
	"subscription-required": true, "unexpected-request": true,
}

// close destroys the room and forgets it; the conversation hears no more of it. Telling twice is no matter.
func (r *room) close(reason string) {
	if r.phase == phaseOver {
		r.d.hasten(r.jid)
		return
	}
	r.finish(reason)
}

// gone: the room is no more, or not ours any more.
func (r *room) gone() {
	if r.phase == phaseOver {
		return
	}
	r.finish("")
	r.conv.roomGone()
}

// finish ends this life of the room on our side and has it destroyed on the other.
func (r *room) finish(reason string) {
	r.step(phaseOver)
	r.d.stop(r.watch)
	r.watch, r.work, r.unheard, r.notices = nil, nil, nil, nil
	if r.d.owner[r.owner] == r.conv {
		delete(r.d.owner, r.owner)
	}
	r.d.destroy(r.jid, r.owner, reason)
}

// resourceOf is a JID's resource, a nick in a room.
func resourceOf(jid string) string {
	_, resource, _ := strings.Cut(jid, "/")
	return resource
}
