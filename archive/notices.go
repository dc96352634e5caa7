package archive

import (
	"context"
	"time"
)

// Pending is a notice that is to be told.
type Pending struct {
	Notice
	ID    int64
	Tries int // that have failed
}

// Due returns the notices whose time has come, at most n, the longest due first.
func (a *Archive) Due(now time.Time, n int) ([]Pending, error) {
	rows, err := a.read.Query("SELECT id, tries, conversation, site, workgroup, event, mail, time FROM notices "+
		"WHERE due > 0 AND due <= ? ORDER BY due, id LIMIT ?", micros(now), n)
	all, err := collect(rows, err, func(r row) (Pending, error) {
		var p Pending
		var mail string
		var at int64
		err := r.Scan(&p.ID, &p.Tries, &p.Conversation, &p.Site, &p.Workgroup, &p.Event, &mail, &at)
		if err == nil {
			p.Mail, err = listFrom(mail)
		}
		p.Time = fromMicros(at)
		return p, err
	})
	return all, failed("due notices", err)
}

// NextDue returns when the next notice is due; zero: none waits.
func (a *Archive) NextDue() (time.Time, error) {
	var due int64
	err := a.read.QueryRow("SELECT coalesce(min(due), 0) FROM notices WHERE due > 0").Scan(&due)
	return fromMicros(due), failed("due notices", err)
}

// Done says that a notice was told. It is kept for as long as the same batch may be written again, and then goes by Tidy.
func (a *Archive) Done(id int64) error {
	return a.notice("UPDATE notices SET due = 0 WHERE id = ?", id)
}

// Again says that it failed and is to be tried again at this time.
func (a *Archive) Again(id int64, at time.Time) error {
	return a.notice("UPDATE notices SET due = ?2, tries = tries + 1 WHERE id = ?1", id, max(1, micros(at)))
}

// GiveUp says that it failed and will not be tried again.
func (a *Archive) GiveUp(id int64) error {
	return a.notice("UPDATE notices SET due = 0, tries = tries + 1 WHERE id = ?", id)
}

// settleWait is how long a notice's fate waits for others who write: it would be told once more if it got lost.
const settleWait = time.Minute

// A notice that is gone meanwhile, erased with its visitor, is no error.
func (a *Archive) notice(query string, args ...any) error {
	ctx, cancel := context.WithTimeout(context.Background(), settleWait)
	defer cancel()
	return failed("notice", a.patiently(ctx, func() error {
		_, err := a.write.ExecContext(ctx, query, args...)
		return err
	}))
}
