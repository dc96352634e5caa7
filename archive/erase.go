package archive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Erased is what was erased of a visitor.
type Erased struct {
	Conversations int
	Messages      int // events of that kind
	Items         int // of the desk's state
}

func (e Erased) none() bool { return e == Erased{} }

// victim is what belongs to one visitor.
type victim struct {
	numbers map[int64]string   // of conversations, with their ids
	jids    map[string]bool    // bare, in lower case
	subs    map[[2]string]bool // site and sub
	asked   string             // what he was named by
}

// Erasable says what Erase would erase.
func (a *Archive) Erasable(ctx context.Context, visitor string) (Erased, error) {
	tx, err := a.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return Erased{}, failed("erase", err)
	}
	defer tx.Rollback() // it only reads
	_, e, err := find(ctx, tx, visitor)
	if err == nil && e.none() {
		err = fmt.Errorf("visitor: %w", ErrNotFound)
	}
	return e, failed("erase", err)
}

// JIDs returns the bare JIDs, in lower case, under which a visitor, named as for Erase, was here: what else there is of
// him outside of the archive can be found by them.
func (a *Archive) JIDs(ctx context.Context, visitor string) ([]string, error) {
	tx, err := a.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, failed("erase", err)
	}
	defer tx.Rollback() // it only reads
	v, _, err := find(ctx, tx, visitor)
	if err != nil {
		return nil, failed("erase", err)
	}
	return slices.Sorted(maps.Keys(v.jids)), nil
}

// Erase removes a visitor, named by JID, sub or mail address: all conversations under this name, and all others under the JIDs
// and signed subs that these were held under; their events and notices; the desk's items about him, of a ban his name. When it returns,
// no byte of his words is in any file of the archive, and what a running desk still writes of these conversations isn't
// kept. It takes time in proportion to the whole archive, during which others can read but not write; while others write it
// waits for its turn, as long as ctx lasts.
// ErrNotFound: there is nothing of him.
//
// After any other error it may be called again. If his words were removed already and only traces of them could be
// left (another process read for too long, or this one was killed), Tidy sees to those.
func (a *Archive) Erase(ctx context.Context, visitor string) (Erased, error) {
	var e Erased
	err := a.patiently(ctx, func() error {
		return a.inTransaction(ctx, "erase", func(tx *sql.Tx) error {
			v, found, err := find(ctx, tx, visitor)
			if err != nil || found.none() {
				return err
			}
			e = found
			return a.remove(ctx, tx, v)
		})
	})
	if err == nil {
		err = a.scrub(ctx)
	}
	if err == nil && e.none() {
		err = fmt.Errorf("archive: erase: visitor: %w", ErrNotFound)
	}
	return e, err
}

// find looks up what belongs to a visitor.
func find(ctx context.Context, tx *sql.Tx, visitor string) (*victim, Erased, error) {
	v := &victim{numbers: map[int64]string{}, jids: map[string]bool{}, subs: map[[2]string]bool{}, asked: visitor}
	var e Erased
	if visitor == "" {
		return v, e, nil
	}
	v.jids[strings.ToLower(bare(visitor))] = true
	w := where{}
	w.and("n IN ("+byName+")", bare(visitor), visitor, visitor)
	for work := []where{w}; len(work) > 0; work = work[1:] {
		more, err := v.look(ctx, tx, work[0])
		if err != nil {
			return v, e, err
		}
		work = append(work, more...)
	}
	e.Conversations = len(v.numbers)
	for n := range v.numbers {
		var messages int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM events WHERE conversation = ? AND kind = ?", n, KindMessage).Scan(&messages); err != nil {
			return v, e, err
		}
		e.Messages += messages
	}
	err := v.items(func(condition string, args ...any) error {
		var n int
		err := tx.QueryRowContext(ctx, "SELECT count(*) FROM items WHERE "+condition, args...).Scan(&n)
		e.Items += n
		return err
	})
	if err == nil {
		var bans int
		condition, args := v.bans()
		err = tx.QueryRowContext(ctx, "SELECT count(*) FROM items WHERE "+condition, args...).Scan(&bans)
		e.Items += bans
	}
	return v, e, err
}

// bans is a condition that selects the bans of his that have the name he gave. They stay, but that was his word.
func (v *victim) bans() (condition string, args []any) {
	args = []any{v.asked}
	for jid := range v.jids {
		args = append(args, jid)
	}
	const text = "CAST(value AS TEXT)"
	return "key LIKE 'ban/%' AND CASE WHEN json_valid(" + text + ") THEN " + text + " ->> '$.Name' <> '' AND (" +
		text + " ->> '$.Sub' = ? OR lower(" + text + " ->> '$.Visitor') IN (?" + strings.Repeat(", ?", len(args)-2) + ")) END", args
}

// look takes the conversations of one condition in, and returns where else to look for what is new of him.
func (v *victim) look(ctx context.Context, tx *sql.Tx, w where) (more []where, err error) {
	type held struct {
		n                  int64
		id, jid, site, sub string
		verified           bool
	}
	rows, err := tx.QueryContext(ctx, "SELECT n, id, jid, site, sub, verified FROM conversations"+w.String(), w.args...)
	found, err := collect(rows, err, func(r row) (h held, err error) {
		err = r.Scan(&h.n, &h.id, &h.jid, &h.site, &h.sub, &h.verified)
		return h, err
	})
	for _, h := range found {
		v.numbers[h.n] = h.id
		if jid := strings.ToLower(h.jid); jid != "" && !v.jids[jid] {
			v.jids[jid] = true
			w := where{}
			w.and("jid = ? COLLATE NOCASE", jid)
			more = append(more, w)
		}
		if key := [2]string{h.site, h.sub}; h.sub != "" && h.verified && !v.subs[key] {
			v.subs[key] = true
			w := where{}
			w.and("site = ?", h.site)
			w.and("sub = ?", h.sub)
			w.and("verified")
			more = append(more, w)
		}
	}
	return more, err
}

// items calls f with conditions that select the items about him, each item once.
func (v *victim) items(f func(condition string, args ...any) error) error {
	const (
		his  = "key LIKE 'visitor/%' AND "
		name = "substr(key, instr(substr(key, 9), '/') + 9)" // behind the site's name
	)
	names := []any{v.asked}
	for jid := range v.jids {
		if jid != v.asked {
			names = append(names, jid)
		}
	}
	either := name + " IN (?" + strings.Repeat(", ?", len(names)-1) + ")"
	if err := f(his+either, names...); err != nil {
		return err
	}
	for key := range v.subs {
		args := append([]any{"visitor/" + key[0] + "/" + key[1]}, names...)
		if err := f("key = ? AND NOT "+either, args...); err != nil {
			return err
		}
	}
	return nil
}

// keyScrub in the table meta says that something was erased and traces of it may be left.
const keyScrub = "scrub"

// remove deletes a visitor. The triggers take his words out of the index.
func (a *Archive) remove(ctx context.Context, tx *sql.Tx, v *victim) error {
	if err := v.items(func(condition string, args ...any) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM items WHERE "+condition, args...)
		return err
	}); err != nil {
		return err
	}
	condition, args := v.bans()
	if _, err := tx.ExecContext(ctx, "UPDATE items SET value = CAST(json_set(CAST(value AS TEXT), '$.Name', '') AS BLOB) WHERE "+condition, args...); err != nil {
		return err
	}
	now := micros(a.now())
	for n, id := range v.numbers {
		for _, step := range []struct {
			query string
			args  []any
		}{
			{"INSERT INTO erased (id, time) VALUES (?, ?) ON CONFLICT DO NOTHING", []any{id, now}},
			{"DELETE FROM notices WHERE conversation = ?", []any{id}},
			{"DELETE FROM conversations WHERE n = ?", []any{n}}, // its events too: ON DELETE CASCADE
		} {
			if _, err := tx.ExecContext(ctx, step.query, step.args...); err != nil {
				return err
			}
		}
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO meta (key, value) VALUES (?, '1') ON CONFLICT DO NOTHING", keyScrub)
	return err
}

// renewIndex has the index written anew. It is, as soon as it has two parts or more; so it's given one.
const renewIndex = "BEGIN IMMEDIATE; " +
	"INSERT INTO words (rowid, body) VALUES (9223372036854775807, 'x'); " +
	"INSERT INTO words (words) VALUES ('optimize'); " +
	"INSERT INTO words (words, rowid, body) VALUES ('delete', 9223372036854775807, 'x'); " +
	"COMMIT"

// scrub removes what deleted rows may have left behind, if anything was erased: words that divide pages of the index, old copies of rows in the gaps
// of pages that SQLite has rearranged, and the log of writes.
func (a *Archive) scrub(ctx context.Context) error {
	var needed bool
	if err := a.read.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM meta WHERE key = ?)", keyScrub).Scan(&needed); err != nil {
		return failed("erase", err)
	}
	if !needed {
		return nil
	}
	conn, err := a.write.Conn(ctx)
	if err != nil {
		return failed("erase", err)
	}
	defer conn.Close() // back to the pool
	for _, step := range []struct{ what, statement string }{
		{"the index", renewIndex},
		// The copy that VACUUM makes may be large; it holds nothing of what was erased.
		{"the file", "PRAGMA temp_store = file; VACUUM"},
	} {
		if err := a.patiently(ctx, func() error { _, err := conn.ExecContext(ctx, step.statement); return err }); err != nil {
			return failed("erase: writing "+step.what+" anew", err)
		}
	}
	if _, err := conn.ExecContext(ctx, "PRAGMA temp_store = memory"); err != nil {
		return failed("erase", err)
	}
	err = a.patiently(ctx, func() error {
		var busy, frames, done int
		err := conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(truncate)").Scan(&busy, &frames, &done)
		if err == nil && busy != 0 {
			err = ErrLocked
		}
		return err
	})
	if err == nil {
		_, err = conn.ExecContext(ctx, "DELETE FROM meta WHERE key = ?", keyScrub)
	}
	return failed("erase: traces may be left until the next try", err)
}

// patiently repeats what another process holds up, as long as ctx lasts.
func (a *Archive) patiently(ctx context.Context, f func() error) error {
	for {
		err := f()
		if err == nil || !errors.Is(err, ErrLocked) && kindOf(err) != ErrLocked {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Retain removes conversations of a site that were closed before a time, or left as messages before it and never fetched, the oldest
// first, and the desk's items about visitors that haven't changed since. It stops when it has removed n events, be it in the
// midst of a conversation, so that others don't wait for long, and says whether there is more to do; removed counts conversations.
func (a *Archive) Retain(ctx context.Context, site string, before time.Time, n int) (removed int, more bool, err error) {
	err = a.inTransaction(ctx, "retention", func(tx *sql.Tx) error {
		old, err := outdated(ctx, tx, site, before, n)
		if err != nil {
			return err
		}
		more = len(old) == n // that many have n events or there are more of them
		left := n
		for _, o := range old {
			if o.events > left || left == 0 {
				more = true
				_, err := tx.ExecContext(ctx, "DELETE FROM events WHERE n IN (SELECT n FROM events WHERE conversation = ? ORDER BY seq LIMIT ?)", o.n, left)
				return err
			}
			left -= o.events
			if _, err := tx.ExecContext(ctx, "DELETE FROM notices WHERE conversation = ?", o.id); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "DELETE FROM conversations WHERE n = ?", o.n); err != nil {
				return err
			}
			removed++
		}
		prefix := "visitor/" + site + "/"
		_, err = tx.ExecContext(ctx, "DELETE FROM items WHERE substr(key, 1, length(?1)) = ?1 AND changed < ?2", prefix, micros(before))
		return err
	})
	return removed, more, err
}

// outdatedOne is a conversation that Retain removes.
type outdatedOne struct {
	n      int64
	id     string
	events int
}

// outdated looks for such conversations, at most n.
func outdated(ctx context.Context, tx *sql.Tx, site string, before time.Time, n int) ([]outdatedOne, error) {
	rows, err := tx.QueryContext(ctx, "SELECT n, id, (SELECT count(*) FROM events WHERE conversation = o.n) FROM ("+
		"SELECT * FROM (SELECT n, id FROM conversations WHERE site = ?1 AND closed > 0 AND closed < ?2 AND state = 'closed' ORDER BY closed LIMIT ?3) "+
		"UNION ALL SELECT n, id FROM conversations WHERE site = ?1 AND state <> 'closed' AND state = 'offline' AND asked < ?2 LIMIT ?3) o",
		site, micros(before), n)
	return collect(rows, err, func(r row) (o outdatedOne, err error) {
		err = r.Scan(&o.n, &o.id, &o.events)
		return o, err
	})
}

// How long Tidy leaves what it removes.
const (
	keepTold   = 48 * time.Hour     // notices that were told: the batch that made them isn't written again so late
	keepErased = 7 * 24 * time.Hour // ids of erased conversations: no conversation lasts longer
)

// Tidy removes notices that were told long ago and ids of conversations erased long ago, and finishes what an Erase had to leave.
func (a *Archive) Tidy(ctx context.Context) error {
	err := a.inTransaction(ctx, "tidy", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM notices WHERE due = 0 AND time < ?", micros(a.now().Add(-keepTold))); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM erased WHERE time < ?", micros(a.now().Add(-keepErased)))
		return err
	})
	if err != nil {
		return err
	}
	return a.scrub(ctx)
}
