package workgroup

import "time"

// group is one workgroup at work.
type group struct {
	*Group
	d   *Desk
	jid string // bare

	members map[string]*member // agents and supervisors by bare JID
	waiting []*conversation    // queued ones, in the order in which they are served
	number  int                // the last number given
	face    face               // what its contacts see
	pushed  pushed             // what its native clients were told
}

// member is an agent or supervisor in one workgroup.
type member struct {
	*agent
	group      *group
	cfg        Member
	serves     bool // is an agent: gets offers
	supervisor bool
	sub        subscription
	asking     *timer // when he is asked for his presence again

	seen     []string                     // bare JIDs of the visitors that `who` has shown him last
	watchers map[string]map[string]string // his clients that asked for the other agents: what they were told, by agent
}

// subscription is what is known of the presence subscription between workgroup and member.
type subscription struct {
	To    bool // we get his presence
	From  bool // he gets ours
	Asked time.Time
	Tries int // how often since he was last heard of
}

// number finds an open conversation by its short number, as a member of this group sees it.
func (g *group) byNumber(n int) *conversation { panic("unbuilt") }
