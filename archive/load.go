package archive

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// How much of the past Load brings back.
const (
	loadClosed = 24 * time.Hour // of conversations that are over: they may still be rated
	loadEvents = 200            // the last ones of each conversation that runs
)

// row is what can be scanned.
type row interface{ Scan(dest ...any) error }

// scanConversation reads `columns`, after what else stands before them.
func scanConversation(r row, before ...any) (Conversation, error) {
	var c Conversation
	var groups, form, agents string
	var asked, accepted, closed int64
	v := &c.Visitor
	err := r.Scan(append(before, &c.ID, &c.Number, &c.Site, &c.Workgroup, &c.State, &c.Reason, &v.JID, &v.Name, &v.Email, &v.Phone, &groups,
		&v.Sub, &v.Verified, &v.Page, &v.Referrer, &v.Title, &v.Language, &v.Address, &c.Question, &form, &asked, &accepted, &closed,
		&agents, &c.Rating, &c.RatingText, &c.Room, &c.Resume)...)
	if err != nil {
		return c, err
	}
	c.Asked, c.Accepted, c.Closed = fromMicros(asked), fromMicros(accepted), fromMicros(closed)
	var wrong error
	if v.Groups, err = listFrom(groups); err != nil {
		wrong = err
	}
	if c.Agents, err = listFrom(agents); err != nil {
		wrong = err
	}
	if form != "" {
		if err := json.Unmarshal([]byte(form), &c.Form); err != nil {
			wrong = err
		}
	}
	if wrong != nil {
		return c, fmt.Errorf("%w: conversation %s: %w", ErrCorrupt, c.ID, wrong)
	}
	return c, nil
}

const eventColumns = "seq, time, kind, sender, nick, role, body, stanza_id"

// scanEvent reads eventColumns, after what else stands before them.
func scanEvent(r row, id string, before ...any) (Event, error) {
	e := Event{Conversation: id}
	var at int64
	err := r.Scan(append(before, &e.Seq, &at, &e.Kind, &e.From, &e.Nick, &e.Role, &e.Body, &e.StanzaID)...)
	e.Time = fromMicros(at)
	return e, err
}

// collect reads all rows of a query.
func collect[T any](rows *sql.Rows, err error, scan func(r row) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

func plainConversation(r row) (Conversation, error) { return scanConversation(r) }

// Load returns what a desk goes on from: the conversations that aren't closed, with their last 200 events; those
// closed within the last 24 hours, with their last event; and all items.
func (a *Archive) Load() (Snapshot, error) {
	s := Snapshot{Events: make(map[string][]Event)}
	tx, err := a.read.BeginTx(context.Background(), &sql.TxOptions{ReadOnly: true}) // one state of things
	if err != nil {
		return s, failed("load", err)
	}
	defer tx.Rollback() // it only reads
	rows, err := tx.Query("SELECT "+columns+" FROM conversations WHERE state <> 'closed' UNION ALL "+
		"SELECT "+columns+" FROM conversations WHERE state = 'closed' AND closed > 0 AND closed >= ? ORDER BY id", micros(a.now().Add(-loadClosed)))
	if s.Conversations, err = collect(rows, err, plainConversation); err != nil {
		return s, failed("load", err)
	}
	for i := range s.Conversations {
		c := &s.Conversations[i]
		most := loadEvents
		if c.State == StateClosed {
			most = 1
		}
		rows, err := tx.Query("SELECT "+eventColumns+" FROM events WHERE conversation = (SELECT n FROM conversations WHERE id = ?) "+
			"ORDER BY seq DESC LIMIT ?", c.ID, most)
		events, err := collect(rows, err, func(r row) (Event, error) { return scanEvent(r, c.ID) })
		if err != nil {
			return s, failed("load", err)
		}
		if len(events) > 0 {
			slices.Reverse(events)
			s.Events[c.ID] = events
		}
	}
	rows, err = tx.Query("SELECT key, value FROM items ORDER BY key")
	s.Items, err = collect(rows, err, func(r row) (Item, error) {
		var i Item
		err := r.Scan(&i.Key, &i.Value)
		return i, err
	})
	return s, failed("load", err)
}

// Get returns one conversation with all its events in order (never nil), or ErrNotFound.
func (a *Archive) Get(id string) (Conversation, []Event, error) {
	tx, err := a.read.BeginTx(context.Background(), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return Conversation{}, nil, failed("get", err)
	}
	defer tx.Rollback() // it only reads
	var n int64
	c, err := scanConversation(tx.QueryRow("SELECT n, "+columns+" FROM conversations WHERE id = ?", id), &n)
	if errors.Is(err, sql.ErrNoRows) {
		return c, nil, fmt.Errorf("archive: conversation %q: %w", id, ErrNotFound)
	}
	if err != nil {
		return c, nil, failed("get", err)
	}
	rows, err := tx.Query("SELECT "+eventColumns+" FROM events WHERE conversation = ? ORDER BY seq", n)
	events, err := collect(rows, err, func(r row) (Event, error) { return scanEvent(r, c.ID) })
	if events == nil {
		events = []Event{}
	}
	return c, events, failed("get", err)
}
