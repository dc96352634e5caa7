package workgroup

import "time"

// The visitor's side: XEP-0142's user protocol, our own stanzas, and plain text.

// side is what the visitor's side keeps of a conversation. The exported fields are kept over a crash.
type side struct {
	Updates bool     // he wants queue-status pushes
	Plain   bool     // he writes plain messages: he is told in words
	Mail    []string // who gets the transcript once the conversation is closed
}

// fromVisitor takes a stanza of a visitor to a workgroup.
func (d *Desk) fromVisitor(g *group, v Visitor, n *node) { panic("unbuilt") }

// disco answers disco#info and disco#items of anybody to a workgroup; false: not that.
func (d *Desk) disco(g *group, n *node) bool { panic("unbuilt") }

// told tells the visitor where his conversation is: `<conversation/>`, queue-status if he asked for it, depart-queue when he is
// taken out; in words if he came with a plain client. Core calls it at each change of state or place, and when he is back
// (c.visitor is another stream): then he is told all of it again. What he knows isn't said twice.
func (c *conversation) told() { panic("unbuilt") }

// ended is called by core once a conversation is closed, after told: webhook, transcript by mail, and it may be rated.
func (c *conversation) ended() { panic("unbuilt") }

// restoreUser takes what was kept of the visitor's side: bans, messages left, conversations that may be rated.
// New calls it once the groups are there.
func (d *Desk) restoreUser(kept Snapshot) { panic("unbuilt") }

// visitorNick is the visitor's nick in his room: `Visitor 17`, or his given name and ` #17`. It looks like no
// agent's, supervisor's or owner's.
func (c *conversation) visitorNick() string { panic("unbuilt") }

// leaveMessage keeps a message for the agents to come; it returns the row that holds it: *closedError if no
// more are taken, errBanned.
func (d *Desk) leaveMessage(g *group, a asking) (*Conversation, error) { panic("unbuilt") }

// deliverOffline gives an agent the messages that were left in his workgroups. Core calls it when he becomes ready.
func (d *Desk) deliverOffline(a *agent) { panic("unbuilt") }

// rate notes a visitor's rating of one of his conversations, also a closed one, until 24 h after its end: refusals,
// and errRated on a second.
func (d *Desk) rate(visitor, conversation string, value int, text string) error { panic("unbuilt") }

const errRated refusal = "it is rated already"

// mailTranscript sends the transcript of one of the visitor's conversations to a mail address.
func (d *Desk) mailTranscript(visitor, conversation, mail string) error { panic("unbuilt") }

// banned tells whether a visitor is refused; sub is his signed customer id or empty. ask asks it, for errBanned.
func (d *Desk) banned(v Visitor, sub string) bool { panic("unbuilt") }

// ban closes a conversation and refuses its visitor from then on; length 0: for ever.
func (d *Desk) ban(by *agent, c *conversation, length time.Duration, reason string) (id string, err error) {
	panic("unbuilt")
}
func (d *Desk) unban(by *agent, id string) error { panic("unbuilt") }

// bans lists those that a supervisor may lift.
func (d *Desk) bans(by *agent) []ban { panic("unbuilt") }

// ban is a visitor who is refused.
type ban struct {
	ID, Site, By, Reason string
	Visitor              string // bare JID
	Sub, Address, Name   string
	Until                time.Time // zero: for ever
}
