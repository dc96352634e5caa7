package archive

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
)

const (
	columns = "id, number, site, workgroup, state, reason, jid, name, email, phone, groups, sub, verified, page, referrer, title, " +
		"language, address, question, form, asked, accepted, closed, agents, rating, rating_text, room, resume"

	putConversation = "INSERT INTO conversations (" + columns + ", search) " +
		"SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29 " +
		"WHERE NOT EXISTS (SELECT 1 FROM erased WHERE id = ?1) " +
		"ON CONFLICT (id) DO UPDATE SET (" + columns + ", search) = (SELECT excluded.id, excluded.number, excluded.site, " +
		"excluded.workgroup, excluded.state, excluded.reason, excluded.jid, excluded.name, excluded.email, excluded.phone, " +
		"excluded.groups, excluded.sub, excluded.verified, excluded.page, excluded.referrer, excluded.title, excluded.language, " +
		"excluded.address, excluded.question, excluded.form, excluded.asked, excluded.accepted, excluded.closed, excluded.agents, " +
		"excluded.rating, excluded.rating_text, excluded.room, excluded.resume, excluded.search)"

	putEvent = "INSERT INTO events (conversation, seq, time, kind, sender, nick, role, body, stanza_id) " +
		"SELECT n, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM conversations WHERE id = ?1 ON CONFLICT (conversation, seq) DO NOTHING"

	putItem = "INSERT INTO items (key, value, changed) VALUES (?1, ?2, ?3) " +
		"ON CONFLICT (key) DO UPDATE SET value = excluded.value, changed = excluded.changed"

	putRating = "UPDATE conversations SET rating = ?2, rating_text = ?3 WHERE id = ?1 AND rating = 0"

	putLast = "INSERT INTO events (conversation, seq, time, kind, sender, nick, role, body, stanza_id) " +
		"SELECT c.n, (SELECT coalesce(max(e.seq), 0) + 1 FROM events e WHERE e.conversation = c.n), ?2, '" + KindRating + "', c.jid, '', 'visitor', ?3, '' " +
		"FROM conversations c WHERE c.id = ?1"

	putNotice = "INSERT INTO notices (conversation, site, workgroup, event, mail, time, due, tries) " +
		"SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, 0 WHERE NOT EXISTS (SELECT 1 FROM erased WHERE id = ?1) ON CONFLICT DO NOTHING"
)

// Write keeps a batch: all of it, on the disk when Write returns, or nothing.
// The same batch again changes nothing. What belongs to a conversation that was erased
// is left out. An event of a conversation that the archive doesn't know is left out too and reported by
// an *OrphanError, with all the rest kept. Other errors: ErrLocked, ErrFull, ErrCorrupt; the batch may be written again later.
func (a *Archive) Write(b Batch) error {
	var orphans OrphanError
	err := a.inTransaction(context.Background(), "write", func(tx *sql.Tx) error {
		w := &writing{tx: tx, known: a.made, now: micros(a.now())}
		for i := range b.Conversations {
			w.conversation(&b.Conversations[i])
		}
		for i := range b.Events {
			if !w.event(&b.Events[i]) {
				orphans.add(b.Events[i].Conversation)
			}
		}
		for i := range b.Items {
			w.item(&b.Items[i])
		}
		for i := range b.Notices {
			w.notice(&b.Notices[i])
		}
		for i := range b.Ratings {
			w.rating(&b.Ratings[i])
		}
		w.close()
		return w.err
	})
	if err == nil && orphans.Events > 0 {
		return &orphans
	}
	return err
}

// OrphanError says that events were left out of a batch that was kept otherwise: nothing is known of their conversations.
type OrphanError struct {
	Events        int
	Conversations []string // ids; at most ten
}

func (e *OrphanError) Error() string {
	return "archive: write: events of unknown conversations left out: " + strings.Join(e.Conversations, ", ")
}

func (e *OrphanError) add(id string) {
	e.Events++
	if len(e.Conversations) < 10 && !slices.Contains(e.Conversations, id) {
		e.Conversations = append(e.Conversations, id)
	}
}

// writing is one transaction; after the first error it does nothing more.
type writing struct {
	tx    *sql.Tx
	known map[string]*sql.Stmt // prepared before, by query
	now   int64
	made  map[string]*sql.Stmt
	err   error
}

// do runs a statement and returns how many rows it changed.
func (w *writing) do(query string, args ...any) int64 {
	if w.err != nil {
		return 0
	}
	s := w.made[query]
	if s == nil {
		if known := w.known[query]; known != nil {
			s = w.tx.Stmt(known)
		} else if s, w.err = w.tx.Prepare(query); w.err != nil {
			return 0
		}
		if w.made == nil {
			w.made = make(map[string]*sql.Stmt, 4)
		}
		w.made[query] = s
	}
	res, err := s.Exec(args...)
	if err != nil {
		w.err = err
		return 0
	}
	n, err := res.RowsAffected()
	w.err = err
	return n
}

func (w *writing) close() {
	for _, s := range w.made {
		s.Close()
	}
}

func (w *writing) conversation(c *Conversation) {
	v := &c.Visitor
	w.do(putConversation, c.ID, c.Number, c.Site, c.Workgroup, c.State, c.Reason, v.JID, v.Name, v.Email, v.Phone, toJSON(v.Groups),
		v.Sub, v.Verified, v.Page, v.Referrer, v.Title, v.Language, v.Address, c.Question, toJSON(c.Form), micros(c.Asked),
		micros(c.Accepted), micros(c.Closed), toJSON(c.Agents), c.Rating, c.RatingText, c.Room, c.Resume, searchable(c))
}

// event returns false if its conversation is neither in the archive nor erased.
func (w *writing) event(e *Event) bool {
	if w.do(putEvent, e.Conversation, e.Seq, micros(e.Time), e.Kind, e.From, e.Nick, e.Role, e.Body, e.StanzaID) > 0 || w.err != nil {
		return true
	}
	var known bool // else it is there already
	w.err = w.tx.QueryRow("SELECT EXISTS (SELECT 1 FROM conversations WHERE id = ?1) OR EXISTS (SELECT 1 FROM erased WHERE id = ?1)",
		e.Conversation).Scan(&known)
	return known || w.err != nil
}

func (w *writing) item(i *Item) {
	if i.Value == nil {
		w.do("DELETE FROM items WHERE key = ?", i.Key)
		return
	}
	w.do(putItem, i.Key, i.Value, w.now)
}

func (w *writing) notice(n *Notice) {
	due := micros(n.Time)
	if due <= 0 {
		due = w.now
	}
	w.do(putNotice, n.Conversation, n.Site, n.Workgroup, n.Event, toJSON(n.Mail), micros(n.Time), due)
}

// rating does nothing where the conversation is gone, or rated.
func (w *writing) rating(r *Rating) {
	if w.do(putRating, r.Conversation, r.Value, r.Text) > 0 {
		w.do(putLast, r.Conversation, micros(r.Time), r.Text)
	}
}

// searchable is what can be searched of a conversation beside its events.
func searchable(c *Conversation) string {
	all := []string{c.Visitor.Name, c.Visitor.Email, c.Question, c.RatingText}
	keys := make([]string, 0, len(c.Form))
	for k := range c.Form {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if v := c.Form[k]; !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return strings.Join(slices.DeleteFunc(all, func(s string) bool { return s == "" }), "\n")
}

// toJSON is for lists and maps of strings, which can always be written; nothing in them is kept as "".
func toJSON(v any) string {
	switch v := v.(type) {
	case []string:
		if len(v) == 0 {
			return ""
		}
	case map[string]string:
		if len(v) == 0 {
			return ""
		}
	}
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}

func listFrom(text string) (list []string, err error) {
	if text != "" {
		err = json.Unmarshal([]byte(text), &list)
	}
	return list, err
}
