package workgroup

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

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
	languages []string // empty: any
	declined  bool     // he has declined or let pass this request
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
// why, for the log. any(n) returns a random number below n. The filters narrow in the order language, skills, sticky; one
// that would leave nobody who could ever take the request (also later, when he is free) is dropped, so the later ones give way.
func match(r request, all []candidate, how rules, any func(n int) int) (picked []string, reason string) {
	left, filters := r.filter(able(r, all, how), how)
	if len(left) == 0 {
		return nil, "nobody is there who could"
	}
	pool, kind := free(left, ready), "ready"
	if len(pool) == 0 && how.away {
		pool, kind = free(left, reserve), "away, as reserve"
	}
	if len(pool) == 0 {
		return nil, "nobody is free of " + strconv.Itoa(len(left)) + filters
	}
	if how.strategy == "ring-all" {
		slices.SortFunc(pool, func(a, b candidate) int { return cmp.Compare(a.jid, b.jid) })
		for _, c := range pool {
			picked = append(picked, c.jid)
		}
		return picked, "ring-all: " + strconv.Itoa(len(pool)) + " " + kind + filters
	}
	if keen := slices.DeleteFunc(slices.Clone(pool), func(c candidate) bool { return !c.keen }); len(keen) > 0 {
		pool, kind = keen, kind+", free for chat"
	}
	reason = how.strategy + ": of " + strconv.Itoa(len(pool)) + " " + kind + filters
	switch how.strategy {
	case "random":
		return []string{pool[any(len(pool))].jid}, reason
	case "round-robin":
		return []string{slices.MinFunc(pool, longestAgo).jid}, reason
	default: // least-busy
		return []string{slices.MinFunc(pool, leastBusy).jid}, reason
	}
}

// longestAgo orders a circle: who took one longest ago is next.
func longestAgo(a, b candidate) int {
	return cmp.Or(a.lastTaken.Compare(b.lastTaken), cmp.Compare(a.jid, b.jid))
}

// leastBusy orders by chats, then by who has been idle for longest.
func leastBusy(a, b candidate) int {
	return cmp.Or(cmp.Compare(a.chats, b.chats), a.idleSince.Compare(b.idleSince), longestAgo(a, b))
}

// able are those who could take the request now or later: they are there, have not turned it down, and are not excluded
// by name.
func able(r request, all []candidate, how rules) []candidate {
	var out []candidate
	for _, c := range all {
		if c.declined || c.capacity < 1 || r.only != "" && c.jid != r.only {
			continue
		}
		if c.standing == ready || c.standing == busy || c.standing == unknown || c.standing == reserve && how.away {
			out = append(out, c)
		}
	}
	return out
}

// free are those of one standing who have room for one more.
func free(all []candidate, s standing) []candidate {
	var out []candidate
	for _, c := range all {
		if c.standing == s && c.chats < c.capacity {
			out = append(out, c)
		}
	}
	return out
}

// filter applies as many of the filters as leave anybody; names tells which, for the log. Who is asked for by name
// passes them all.
func (r request) filter(all []candidate, how rules) (left []candidate, names string) {
	if r.only != "" {
		return all, ", asked for by name"
	}
	type filter struct {
		name  string
		on    bool
		keeps func(c candidate) bool
	}
	for _, f := range [...]filter{
		{"language " + r.language, how.byLanguage && r.language != "", func(c candidate) bool { return speaks(c.languages, r.language) }},
		{"skills " + strings.Join(r.skills, "+"), how.bySkills && len(r.skills) > 0, func(c candidate) bool { return masters(c.skills, r.skills) }},
		{"had him before", how.sticky && r.sticky != "", func(c candidate) bool { return c.jid == r.sticky }},
	} {
		if !f.on {
			continue
		}
		kept := slices.DeleteFunc(slices.Clone(all), func(c candidate) bool { return !f.keeps(c) })
		if len(kept) == 0 {
			names += ", not by " + f.name
			continue
		}
		all, names = kept, names+", by "+f.name
	}
	return all, names
}

// speaks compares the first subtag only: who speaks `de` serves `de-AT`.
func speaks(languages []string, want string) bool {
	want, _, _ = strings.Cut(want, "-")
	return len(languages) == 0 || slices.ContainsFunc(languages, func(l string) bool {
		l, _, _ = strings.Cut(l, "-")
		return strings.EqualFold(l, want)
	})
}

func masters(skills, want []string) bool {
	return !slices.ContainsFunc(want, func(w string) bool {
		return !slices.ContainsFunc(skills, func(s string) bool { return strings.EqualFold(s, w) })
	})
}
