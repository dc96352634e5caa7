package workgroup

import "time"

// group is one workgroup at work.
type group struct {
	*Group
	d   *Desk
	jid string // bare

	members      map[string]*member // agents and supervisors by bare JID
	waiting      []*conversation    // queued ones, in the order in which they are served
	number       int                // the last number given
	lastPresence string             // what its contacts were told last, not to say it twice
}

// member is an agent or supervisor in one workgroup.
type member struct {
	*agent
	group      *group
	cfg        Member
	serves     bool // is an agent: gets offers
	supervisor bool
	sub        subscription
}

// subscription is what is known of the presence subscription between workgroup and member.
type subscription struct {
	To    bool // we get his presence
	From  bool // he gets ours
	Asked time.Time
}

// number finds an open conversation by its short number, as a member of this group sees it.
func (g *group) byNumber(n int) *conversation { panic("unbuilt") }

// open tells whether the hours say so, and when that changes next (zero: never).
func (h *Hours) open(now time.Time) (open bool, changes time.Time) { panic("unbuilt") }
