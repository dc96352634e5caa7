package archive

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Filter selects conversations; what is empty selects all.
type Filter struct {
	Site, Workgroup string
	Visitor         string    // a JID, a sub or a mail address
	Agent           string    // the bare JID of one who took it
	State           string    // docs/interface.md, B.3
	From, To        time.Time // asked at From or later, before To
	Words           string    // all of them occur in it; "several words" in a row; beginnings with a star*
	After           string    // goes on after this ID
	Limit           int       // conversations; 0: 50
}

// Bounds of a filter.
const (
	limitDefault = 50
	limitMost    = 1000
	wordsMost    = 32
)

// Query returns the conversations that the filter selects, the newest first, and the ID to go on after, or "" if
// these were the last. A filter that can't be used is an ErrFilter.
func (a *Archive) Query(ctx context.Context, f Filter) (found []Conversation, next string, err error) {
	return a.query(ctx, f, false)
}

// query does it, in either direction.
func (a *Archive) query(ctx context.Context, f Filter, oldestFirst bool) (found []Conversation, next string, err error) {
	w, err := f.where()
	if err != nil {
		return nil, "", err
	}
	compare, order := "<", "DESC"
	if oldestFirst {
		compare, order = ">", ""
	}
	if f.After != "" {
		w.and("id "+compare+" ?", f.After)
	}
	switch {
	case f.Limit < 0:
		return nil, "", fmt.Errorf("archive: %w: a negative limit", ErrFilter)
	case f.Limit == 0:
		f.Limit = limitDefault
	}
	f.Limit = min(f.Limit, limitMost)
	rows, err := a.read.QueryContext(ctx, "SELECT "+columns+" FROM conversations"+w.String()+" ORDER BY id "+order+" LIMIT ?",
		append(w.args, f.Limit+1)...)
	found, err = collect(rows, err, plainConversation)
	if err != nil {
		return nil, "", failed("query", err)
	}
	if len(found) > f.Limit {
		found = found[:f.Limit]
		next = found[f.Limit-1].ID
	}
	return found, next, nil
}

// exportSlice is how many conversations Export looks up at once.
const exportSlice = 100

// Export calls each for every conversation that the filter selects (Limit 0: no limit), the oldest first, with all its
// events, until each returns an error, which Export returns. No transaction lasts longer than one
// conversation takes to read, so that a slow reader of an export holds up nobody.
func (a *Archive) Export(ctx context.Context, f Filter, each func(c Conversation, events []Event) error) error {
	left := f.Limit
	for {
		f.Limit = exportSlice
		if left > 0 {
			f.Limit = min(left, exportSlice)
		}
		found, next, err := a.query(ctx, f, true)
		if err != nil {
			return err
		}
		for i := range found {
			c, events, err := a.Get(found[i].ID)
			if errors.Is(err, ErrNotFound) {
				continue // erased meanwhile
			}
			if err != nil {
				return err
			}
			if err := each(c, events); err != nil {
				return err
			}
		}
		if left > 0 {
			if left -= len(found); left == 0 {
				return nil
			}
		}
		if next == "" {
			return nil
		}
		f.After = next
	}
}

// where is a growing condition.
type where struct {
	all  []string
	args []any
}

func (w *where) and(condition string, args ...any) {
	w.all = append(w.all, condition)
	w.args = append(w.args, args...)
}

func (w *where) String() string {
	if len(w.all) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.all, " AND ")
}

// byName selects the numbers of a visitor's conversations, by bare JID, sub and mail address.
const byName = "SELECT n FROM conversations WHERE jid = ? COLLATE NOCASE UNION SELECT n FROM conversations WHERE sub = ? " +
	"UNION SELECT n FROM conversations WHERE email = ? COLLATE NOCASE"

// where turns all but After and Limit into a condition on the table of conversations.
func (f *Filter) where() (*where, error) {
	w := &where{}
	if f.Site != "" {
		w.and("site = ?", f.Site)
	}
	if f.Workgroup != "" {
		w.and("workgroup = ?", f.Workgroup)
	}
	if f.Visitor != "" {
		w.and("n IN ("+byName+")", bare(f.Visitor), f.Visitor, f.Visitor)
	}
	if f.Agent != "" {
		w.and("EXISTS (SELECT 1 FROM json_each(nullif(agents, '')) WHERE value = ? COLLATE NOCASE)", bare(f.Agent))
	}
	if f.State != "" {
		w.and("state = ?", f.State)
	}
	if !f.From.IsZero() {
		w.and("asked >= ?", micros(f.From))
	}
	if !f.To.IsZero() {
		w.and("asked < ?", micros(f.To))
	}
	if strings.TrimSpace(f.Words) != "" {
		terms, err := searchTerms(f.Words)
		if err != nil {
			return nil, err
		}
		if len(terms) == 0 {
			w.and("0") // nothing but punctuation is nowhere
		}
		for _, t := range terms {
			w.and("n IN (SELECT e.conversation FROM words JOIN events e ON e.n = words.rowid WHERE words MATCH ? "+
				"UNION SELECT -rowid FROM words WHERE words MATCH ? AND rowid < 0)", t, t)
		}
	}
	return w, nil
}

// searchTerms splits what a person typed into terms of the index's query language, each
// quoted, so that nothing in it is an operator.
func searchTerms(text string) ([]string, error) {
	var terms []string
	add := func(word string, phrase bool) {
		prefix := !phrase && strings.HasSuffix(word, "*")
		if !strings.ContainsFunc(word, inToken) {
			return
		}
		term := `"` + strings.NewReplacer(`"`, `""`, "\x00", " ").Replace(word) + `"`
		if prefix {
			term += " *"
		}
		terms = append(terms, term)
	}
	for i, part := range strings.Split(text, `"`) {
		if i%2 == 1 {
			add(part, true)
			continue
		}
		for _, word := range strings.Fields(part) {
			add(word, false)
		}
	}
	if len(terms) > wordsMost {
		return nil, fmt.Errorf("archive: %w: more than %d words", ErrFilter, wordsMost)
	}
	return terms, nil
}

// inToken says whether the index keeps a character; it takes all others for gaps between words.
func inToken(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.Is(unicode.Co, r)
}

// bare takes the resource off a JID.
func bare(jid string) string {
	jid, _, _ = strings.Cut(jid, "/")
	return jid
}
