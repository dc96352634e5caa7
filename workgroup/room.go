package workgroup

import "time"

// room is a conversation's room on the MUC service: a machine of its own below
// the conversation's. It is told what shall be (who may be in it), does it in the order that works on every
// server, and tells the conversation what happens.
type room struct {
	d     *Desk
	conv  *conversation
	jid   string // bare: `c-` + 26 base32 characters, on the MUC service
	owner string // bare: the same localpart shape, other bits, on the desk's domain; it speaks as owner + "/usher"
}

// role is what somebody let in is there for.
type role uint8

const (
	visitorRole role = iota
	agentRole
	supervisorRole
)

// newRoom starts to build one: enter, fetch the form, set what is offered, re-read, verify. Then conv.roomReady, or roomFailed.
func (d *Desk) newRoom(c *conversation) *room { panic("unbuilt") }

// restoreRoom goes on with a room that was there before: the owner enters it again, asking for the history since the
// last kept event minus 2 s, and reports what is missing there (heard, gap, entered, left). roomGone if it isn't there any more.
func (d *Desk) restoreRoom(c *conversation, jid, owner string, kept []Event) *room { panic("unbuilt") }

// again does the same for a room of this process: after the link was lost, or stanzas were dropped.
func (r *room) again() { panic("unbuilt") }

// admit makes somebody (bare JID) a member, raises the limit for a supervisor, and invites him: the visitor by a mediated
// invitation of the owner, agents and supervisors by a direct one (XEP-0249) from the workgroup's JID. Telling twice is no matter, but invites again.
func (r *room) admit(bare string, as role, from *group) { panic("unbuilt") }

// expel takes membership away, which removes him, and lowers the limit again.
func (r *room) expel(bare string) { panic("unbuilt") }

// notice lets the owner say something in the room; whisper says it to one occupant only; history gives him what was said
// before, as private messages with delay stamps (XEP-0203), up to 20 lines each.
func (r *room) notice(text string)                 { panic("unbuilt") }
func (r *room) whisper(nick, text string)          { panic("unbuilt") }
func (r *room) history(nick string, lines []Event) { panic("unbuilt") }

// occupants returns nicks by full JID, the owner aside.
func (r *room) occupants() map[string]string { panic("unbuilt") }

// close destroys the room and forgets it; the conversation hears no more of it.
func (r *room) close(reason string) { panic("unbuilt") }

// stanza takes what came for the owner.
func (r *room) stanza(n *node) { panic("unbuilt") }

// historyBefore is how far back of the last kept event the history is asked for.
const historyBefore = 2 * time.Second
