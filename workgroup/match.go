package workgroup

import "time"

// candidate is an agent as match sees him; a pure value.
type candidate struct {
	jid       string
	standing  standing
	keen      bool // shows `chat`
	chats     int
	capacity  int
	idleSince time.Time
	lastTaken time.Time
	skills    []string
	languages []string
	declined  bool // he has declined or let pass this request
}

// request is what a conversation asks of an agent; a pure value.
type request struct {
	skills   []string // wanted: of the form's field `skill`, of the visitor's groups
	language string
	sticky   string // bare JID of the agent he had before; empty: none
	only     string // bare JID of the only one who will do (transfer, assign)
}

// rules is how a workgroup matches.
type rules struct {
	strategy                           string
	byLanguage, bySkills, sticky, away bool
}

// match picks who gets the offer: one agent, for ring-all all who can take it, or nobody. reason says in a few words
// why, for the log. any(n) returns a random number below n. A filter that leaves nobody who could ever take the request
// (also later, when he is free) is dropped, the last first: sticky, then skills, then language.
func match(r request, all []candidate, how rules, any func(n int) int) (picked []string, reason string) {
	panic("unbuilt")
}
