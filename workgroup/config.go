package workgroup

import (
	"crypto/ed25519"
	"log/slog"
	"time"
)

// Config is what a Desk is made of. It isn't changed after New.
type Config struct {
	Domain string // the desk's domain: workgroups and rooms' owners live there
	Rooms  string // domain of the MUC service
	Groups []Group
	Edge   Edge
	Log    *slog.Logger
}

// Group is one workgroup as configured; the keys are those of docs/interface.md.
type Group struct {
	Site      string // its name
	Name      string
	Address   string // localpart of its JID
	Title     string
	Language  string // the site's
	Languages []string

	Agents      []Member
	Supervisors []string // bare JIDs
	Strategy    string   // random | least-busy | round-robin | ring-all
	ByLanguage  bool     // filters
	BySkills    bool
	Sticky      bool
	Reserve     bool // agents who are away are a reserve
	MaxChats    int
	WithOffer   bool // invite: with-offer
	OfferTime   time.Duration
	Timers      Timers

	QueueLimit int
	Overflow   string // name of a workgroup of the same site, or ""
	Hours      *Hours // nil: always open
	Form       []Field

	OfflineStore bool
	OfflineMail  []string
	OfflineForm  []Field

	TranscriptMail   bool
	SupervisorNotice bool
	Replies          map[string]string

	Texts    map[string]map[string]string // key -> language ("" = any) -> text
	Identity Identity
	Webhook  map[string]bool // events that the site's webhook wants: offline, closed, rated
	Mail     bool            // mail can be sent
}

// Member is an agent of a workgroup.
type Member struct {
	JID       string // bare
	Skills    []string
	Languages []string
	MaxChats  int // 0: the workgroup's
}

// Timers are the workgroup's times (docs/interface.md, `timers`).
type Timers struct {
	Form, VisitorJoin, Join, Queue, Net, VisitorLost, AgentLost, First, IdleWarn, IdleClose, Cool, Wrap, Max, Ready time.Duration
}

// Hours are opening hours.
type Hours struct {
	Zone     *time.Location
	Week     [7][]Span       // by time.Weekday
	Holidays map[string]bool // 2026-12-25
}

// Span is an opening time, minutes since midnight: From <= t < To.
type Span struct{ From, To int }

// Field is one field of a form.
type Field struct {
	Var, Type string            // text-single | text-multi | boolean
	Label     map[string]string // by language, "" = any
	Required  bool
}

// Identity is how a site signs its visitors; no key: it doesn't.
type Identity struct {
	HMACKey  []byte
	Ed25519  []ed25519.PublicKey
	Audience string
}

// Edge is what the desk asks of the edge that visitors are connected to. Its
// methods don't block and may be called from the desk's goroutine only.
type Edge interface {
	// Visitors returns bound visitors of a site, at most limit, the newest first.
	Visitors(site string, limit int) []Visitor
	// Visitor returns the bound visitor with this bare JID.
	Visitor(bare string) (Visitor, bool)
}

// Visitor is a bound stream of the edge, as far as the desk is concerned.
type Visitor struct {
	JID      string // full
	Site     string
	Language string // of the stream; may be empty
	Address  string // of the network, in the form that may be stored (store_address); empty: none
	Since    time.Time
}
