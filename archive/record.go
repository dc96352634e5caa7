package archive

import "time"

// Times are kept to the microsecond and come back in UTC. The zero time means none.

// Conversation is what is kept of one conversation. A later one with the same ID
// takes its place.
type Conversation struct {
	ID        string // a ULID: it sorts by when the conversation began
	Number    int    // short, its own per workgroup
	Site      string
	Workgroup string // name
	State     string // docs/interface.md, B.3
	Reason    string // why it is closed

	Visitor    Person
	Question   string
	Form       map[string]string // what was filled in
	Asked      time.Time
	Accepted   time.Time // zero: never
	Closed     time.Time // zero: not yet
	Agents     []string  // bare JIDs, in the order in which they took it
	Rating     int       // 1..5; 0: none
	RatingText string

	Room   string // its JID
	Resume []byte // the desk's own; nothing once it's closed
}

// The states that this package must tell from each other.
const (
	StateClosed  = "closed"  // it is over
	StateOffline = "offline" // a message left while nobody was there
)

// reasonDelivered closes an offline message that an agent was given.
const reasonDelivered = "delivered"

// Person is a visitor.
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

// Kinds of events that are words of people. The others are taken as they come.
const (
	KindMessage = "message"
	KindNote    = "note"
	KindRating  = "rating"
)

// Event is one line of a transcript. (Conversation, Seq) is its key, Seq counts from 1; an event whose key is there
// already is the same one and is left as it is.
type Event struct {
	Conversation string
	Seq          int
	Time         time.Time
	Kind         string
	From         string // bare JID; empty: the service
	Nick         string
	Role         string
	Body         string
	StanzaID     string
}

// Item is a piece of the desk's state by key. A nil Value removes it. Keys
// "visitor/SITE/SUB-OR-BARE" belong to a visitor and go with him; of "ban/ID", JSON with his addresses in Visitor (bare JID)
// and Sub, only his Name goes.
type Item struct {
	Key   string
	Value []byte
}

// Notice is something to be told by webhook or mail. The same one again (all fields alike) is no second one.
type Notice struct {
	Site         string
	Workgroup    string
	Event        string
	Conversation string   // id
	Mail         []string // empty: the site's webhook
	Time         time.Time
}

// Rating is a visitor's word on a conversation that is closed already, of which the desk has no more than the id. It is
// put into its row, and follows the transcript as an event. Only the first one counts.
type Rating struct {
	Conversation string // id
	Value        int    // 1..5
	Text         string
	Time         time.Time
}

// Batch is what Write keeps, all of it or nothing. Later entries for a key win.
type Batch struct {
	Conversations []Conversation
	Events        []Event
	Items         []Item
	Notices       []Notice
	Ratings       []Rating
}

// Snapshot is what a desk goes on from after a restart.
type Snapshot struct {
	Conversations []Conversation     // in the order of their IDs
	Events        map[string][]Event // by conversation, the last ones, in order
	Items         []Item             // in the order of their keys
}
