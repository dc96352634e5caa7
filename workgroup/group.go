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
	serving []*member          // those who serve, as configured
	passing []*conversation    // running ones that are to be passed on to this workgroup; served before those who wait
	pace    time.Duration      // the mean of what one place in the queue has taken; 0: not known
	pulse   *timer             // when those who wait are told again
	stirred bool               // somebody may be free for somebody
	touched bool               // what its members see may have changed
	face    face               // what its contacts see
	staff   map[string]bool    // skeletons of names that no visitor may have; nil: not asked for yet
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
