package archive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// UID is an event's id among all events, for XEP-0313: never given to another, and not to be guessed.
func (e *Event) UID() string { return e.Conversation + "-" + strconv.Itoa(e.Seq) }

// PageQuery asks for the messages of one workgroup, in the order in which they were archived (XEP-0313 §4 and XEP-0059 §2).
type PageQuery struct {
	Site, Workgroup string
	Kinds           []string  // none: KindMessage only
	With            string    // bare JID of a visitor, an agent or a room: all messages of the conversations that it had a part in
	Start, End      time.Time // XEP-0313 §4.1.2: both included; zero: open
	AfterID         string    // XEP-0313 §4.1.3: fields of the form
	BeforeID        string
	IDs             []string
	After, Before   string // XEP-0059: page after, or before, this UID
	Last            bool   // the last page: an empty <before/>
	Max             int    // messages of the page; 0: only the count. At most 1000
}

// Page is the answer.
type Page struct {
	Messages []Message // oldest first
	Count    int       // of all that the query selects, on any page
	Index    int       // of the first message of this page among them
	Complete bool      // there is nothing more in the direction that was asked for
}

// Message is an event with where it was said. Its id for XEP-0313 is its UID.
type Message struct {
	Event
	Room    string // JID
	Visitor string // bare JID
}

// Page returns one page. ErrNotFound: one of the UIDs that the query names is not of this workgroup.
func (a *Archive) Page(ctx context.Context, q PageQuery) (Page, error) {
	p, err := a.page(ctx, &q)
	if err != nil && !errors.Is(err, ErrNotFound) {
		err = failed("page", err)
	}
	return p, err
}

func (a *Archive) page(ctx context.Context, q *PageQuery) (Page, error) {
	var p Page
	tx, err := a.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // count and page of one state of things
	if err != nil {
		return p, err
	}
	defer tx.Rollback() // it only reads
	all, err := q.where(ctx, tx)
	if err != nil {
		return p, err
	}
	const from = " FROM events e JOIN conversations c ON c.n = e.conversation"
	if err := tx.QueryRowContext(ctx, "SELECT count(*)"+from+all.String(), all.args...).Scan(&p.Count); err != nil {
		return p, err
	}
	part := where{slices.Clone(all.all), slices.Clone(all.args)}
	for _, bound := range []struct{ uid, compare string }{{q.After, ">"}, {q.Before, "<"}} {
		if bound.uid != "" {
			n, err := q.number(ctx, tx, bound.uid)
			if err != nil {
				return p, err
			}
			part.and("e.n "+bound.compare+" ?", n)
		}
	}
	backwards := q.Last || q.Before != "" && q.After == ""
	order := ""
	if backwards {
		order = " DESC"
	}
	most := min(max(q.Max, 0), limitMost)
	type numbered struct {
		n int64
		Message
	}
	rows, err := tx.QueryContext(ctx, "SELECT e.n, c.id, c.room, c.jid, e.seq, e.time, e.kind, e.sender, e.nick, e.role, e.body, e.stanza_id"+
		from+part.String()+" ORDER BY e.n"+order+" LIMIT ?", append(part.args, most+1)...)
	found, err := collect(rows, err, func(r row) (numbered, error) {
		var m numbered
		var id string
		e, err := scanEvent(r, "", &m.n, &id, &m.Room, &m.Visitor)
		m.Event, m.Conversation = e, id
		return m, err
	})
	if err != nil {
		return p, err
	}
	p.Complete = len(found) <= most
	found = found[:min(len(found), most)]
	if backwards {
		slices.Reverse(found)
	}
	if len(found) == 0 {
		return p, nil
	}
	all.and("e.n < ?", found[0].n)
	if err := tx.QueryRowContext(ctx, "SELECT count(*)"+from+all.String(), all.args...).Scan(&p.Index); err != nil {
		return p, err
	}
	for _, m := range found {
		p.Messages = append(p.Messages, m.Message)
	}
	return p, nil
}

// where is what selects the messages of all pages.
func (q *PageQuery) where(ctx context.Context, tx *sql.Tx) (*where, error) {
	w := &where{}
	w.and("c.site = ?", q.Site)
	w.and("c.workgroup = ?", q.Workgroup)
	kinds := q.Kinds
	if len(kinds) == 0 {
		kinds = []string{KindMessage}
	}
	w.in("e.kind", toAny(kinds))
	if q.With != "" {
		w.and("(c.jid = ? COLLATE NOCASE OR c.room = ? COLLATE NOCASE OR "+
			"EXISTS (SELECT 1 FROM json_each(nullif(c.agents, '')) WHERE value = ? COLLATE NOCASE))", q.With, q.With, q.With)
	}
	if !q.Start.IsZero() {
		w.and("e.time >= ?", micros(q.Start))
	}
	if !q.End.IsZero() {
		w.and("e.time <= ?", micros(q.End))
	}
	for _, bound := range []struct{ uid, compare string }{{q.AfterID, ">"}, {q.BeforeID, "<"}} {
		if bound.uid != "" {
			n, err := q.number(ctx, tx, bound.uid)
			if err != nil {
				return nil, err
			}
			w.and("e.n "+bound.compare+" ?", n)
		}
	}
	if len(q.IDs) > 0 {
		if len(q.IDs) > limitMost {
			return nil, fmt.Errorf("archive: %w: more than %d ids", ErrFilter, limitMost)
		}
		numbers := make([]any, len(q.IDs))
		for i, uid := range q.IDs {
			n, err := q.number(ctx, tx, uid)
			if err != nil {
				return nil, err
			}
			numbers[i] = n
		}
		w.in("e.n", numbers)
	}
	return w, nil
}

// number finds the event with this UID in the workgroup.
func (q *PageQuery) number(ctx context.Context, tx *sql.Tx, uid string) (n int64, err error) {
	unknown := fmt.Errorf("archive: message %q: %w", uid, ErrNotFound)
	id, last, ok := strings.Cut(uid, "-")
	seq, bad := strconv.Atoi(last)
	if !ok || bad != nil {
		return 0, unknown
	}
	err = tx.QueryRowContext(ctx, "SELECT e.n FROM events e JOIN conversations c ON c.n = e.conversation "+
		"WHERE c.id = ? AND e.seq = ? AND c.site = ? AND c.workgroup = ?", id, seq, q.Site, q.Workgroup).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, unknown
	}
	return n, err
}

func (w *where) in(column string, values []any) {
	w.and(column+" IN (?"+strings.Repeat(", ?", len(values)-1)+")", values...)
}

func toAny[T any](list []T) []any {
	all := make([]any, len(list))
	for i, v := range list {
		all[i] = v
	}
	return all
}
