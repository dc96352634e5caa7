package workgroup

import "time"

// State is where a conversation is (docs/interface.md, B.3).
type State string

// The states of a conversation. Offline is a message left while nobody was there.
const (
	Queued     State = "queued"
	Offered    State = "offered"
	Connecting State = "connecting"
	Active     State = "active"
	AgentLost  State = "agent-lost"
	Wrapup     State = "wrapup"
	Closed     State = "closed"
	Offline    State = "offline"
)

// Reason says why a conversation is closed.
type Reason string

// The reasons. They are shown to visitors, webhooks and reports.
const (
	ReasonAgent     Reason = "agent"      // an agent or supervisor closed it
	ReasonAgentLeft Reason = "agent-left" // the agent left the room and did not come back
	ReasonVisitor   Reason = "visitor"    // the visitor departed or left
	ReasonLost      Reason = "lost"       // the visitor's stream was gone for too long
	ReasonTimeout   Reason = "timeout"    // nobody took it in time
	ReasonNoAgents  Reason = "no-agents"  // nobody is left who could
	ReasonIdle      Reason = "idle"
	ReasonMax       Reason = "max"      // it lasted for timers.max
	ReasonFailed    Reason = "failed"   // no room could be made
	ReasonDeclined  Reason = "declined" // the visitor declined a call
	ReasonBanned    Reason = "banned"
	ReasonDelivered Reason = "delivered" // an offline message was given to an agent
)

// Conversation is what is kept of one conversation. ID is a ULID.
type Conversation struct {
	ID        string
	Number    int
	Site      string
	Workgroup string // name
	State     State
	Reason    Reason

	Visitor    Person
	Question   string
	Form       map[string]string // what was filled in
	Asked      time.Time
	Accepted   time.Time // zero: never
	Closed     time.Time // zero: not yet
	Agents     []string  // bare JIDs, in the order in which they took it
	Rating     int       // 1..5; 0: none
	RatingText string

	Room   string // its JID; empty: none yet
	Resume []byte // JSON: the rest that the desk needs to go on after a crash; nil once closed
}

// Person is a visitor as the archive and the agents see him.
type Person struct {
	JID      string // bare
	Name     string
	Email    string
	Phone    string
	Groups   []string
	Sub      string // customer id; only of a signed token
	Verified bool   // name, mail, phone, groups and sub were signed by the site
	Page     string
	Referrer string
	Title    string
	Language string
	Address  string
}

// Kinds of events.
const (
	KindMessage  = "message"
	KindJoin     = "join"
	KindLeave    = "leave"
	KindNotice   = "notice"
	KindTransfer = "transfer"
	KindRating   = "rating"
	KindNote     = "note"
	KindGap      = "gap"
)

// Roles of events.
const (
	RoleVisitor    = "visitor"
	RoleAgent      = "agent"
	RoleSupervisor = "supervisor"
	RoleService    = "service"
)

// Event is one line of a transcript; (Conversation, Seq) is its key, Seq counts from 1.
type Event struct {
	Conversation string
	Seq          int
	Time         time.Time
	Kind         string
	From         string // bare JID; empty: the service
	Nick         string
	Role         string
	Body         string
	StanzaID     string // by the room (XEP-0359), or the message's own id
}

// Item is a piece of state by key: bans, pauses, subscriptions, counters. A nil Value removes it. Keys:
// "agent/BARE", "ban/ID", "group/JID", "room/JID", "visitor/SITE/SUB-OR-BARE" (the last is erased with the visitor).
type Item struct {
	Key   string
	Value []byte // JSON
}

// Notice is something to be told outside of XMPP, retried until it is done or a day old.
type Notice struct {
	Site         string
	Workgroup    string
	Event        string   // webhook: offline | closed | rated; mail: offline | transcript
	Conversation string   // id
	Mail         []string // empty: the site's webhook
	Time         time.Time
}

// Rating is a visitor's word on a conversation that is closed already. It is put into the kept row and follows the
// transcript as an event of KindRating from the visitor; where the row is gone, so is the rating.
type Rating struct {
	Conversation string // id
	Value        int    // 1..5
	Text         string
	Time         time.Time
}

// Batch is what is to be kept, all of it or nothing. Later entries for a key win.
type Batch struct {
	Conversations []Conversation
	Events        []Event
	Items         []Item
	Notices       []Notice
	Ratings       []Rating
}

// Empty tells whether there is nothing in it.
func (b *Batch) Empty() bool {
	return len(b.Conversations)+len(b.Events)+len(b.Items)+len(b.Notices)+len(b.Ratings) == 0
}

// Snapshot is what a Desk starts from: every conversation that isn't closed, and those closed within the last 24 hours
// (they may still be rated), the last events of those that run, and all items.
type Snapshot struct {
	Conversations []Conversation
	Events        map[string][]Event // by conversation, in order, at most the last 200; Seq goes on after the last
	Items         []Item
}
