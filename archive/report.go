package archive

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// By is what a report has one row for each of.
type By string

// What there can be a row for.
const (
	ByDay       By = "day"       // in UTC, by when the visitor asked
	ByAgent     By = "agent"     // a conversation counts for each who took it; "": for those that nobody took
	ByWorkgroup By = "workgroup" // SITE/NAME
)

// Row is one row of a report. Means and shares are 0 where there is nothing to take them of.
type Row struct {
	Key       string  `json:"key"`
	Volume    int     `json:"volume"`        // conversations asked for or called, without messages left
	Accepted  int     `json:"accepted"`      // an agent took it
	Abandoned int     `json:"abandoned"`     // ended before one did
	Offline   int     `json:"offline"`       // messages left while nobody was there
	WaitMean  float64 `json:"wait_mean"`     // seconds from asking until an agent took it
	WaitP90   float64 `json:"wait_p90"`      // nine of ten waited no longer
	Duration  float64 `json:"duration_mean"` // seconds from then to the end, of those that have ended
	Rating    float64 `json:"rating_mean"`   // of those that were rated
	Rated     int     `json:"rated"`         // how many those are
}

// tally is a row while it is being counted.
type tally struct {
	Row
	waits     []float64     // all of them
	durations time.Duration // sum
	ended     int
	ratings   int // sum
}

// Report counts the conversations asked for from one time until before another; a zero time is open. Rows are in the order of
// their keys. An unknown By is an ErrFilter.
func (a *Archive) Report(ctx context.Context, from, to time.Time, by By) ([]Row, error) {
	if by != ByDay && by != ByAgent && by != ByWorkgroup {
		return nil, fmt.Errorf("archive: %w: a report is by day, agent or workgroup, not by %q", ErrFilter, by)
	}
	w, err := (&Filter{From: from, To: to}).where()
	if err != nil {
		return nil, err
	}
	rows, err := a.read.QueryContext(ctx, "SELECT site, workgroup, state, reason, asked, accepted, closed, agents, rating "+
		"FROM conversations"+w.String(), w.args...)
	if err != nil {
		return nil, failed("report", err)
	}
	defer rows.Close()
	table := map[string]*tally{}
	for rows.Next() {
		var c Conversation
		var asked, accepted, closed int64
		var agents string
		if err := rows.Scan(&c.Site, &c.Workgroup, &c.State, &c.Reason, &asked, &accepted, &closed, &agents, &c.Rating); err != nil {
			return nil, failed("report", err)
		}
		c.Asked, c.Accepted, c.Closed = fromMicros(asked), fromMicros(accepted), fromMicros(closed)
		if c.Agents, err = listFrom(agents); err != nil {
			return nil, fmt.Errorf("archive: report: %w: %w", ErrCorrupt, err)
		}
		for _, key := range c.keys(by) {
			if table[key] == nil {
				table[key] = &tally{Row: Row{Key: key}}
			}
			table[key].count(&c)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, failed("report", err)
	}
	report := make([]Row, 0, len(table))
	for _, key := range slices.Sorted(maps.Keys(table)) {
		report = append(report, table[key].finish())
	}
	return report, nil
}

// keys names the rows that a conversation counts in.
func (c *Conversation) keys(by By) []string {
	switch by {
	case ByDay:
		return []string{c.Asked.Format(time.DateOnly)}
	case ByWorkgroup:
		return []string{c.Site + "/" + c.Workgroup}
	}
	if len(c.Agents) == 0 {
		return []string{""}
	}
	agents := slices.Clone(c.Agents)
	slices.Sort(agents) // one may have had it twice
	return slices.Compact(agents)
}

func (r *tally) count(c *Conversation) {
	if c.State == StateOffline || c.Reason == reasonDelivered {
		r.Offline++
		return
	}
	r.Volume++
	over := c.State == StateClosed
	switch {
	case !c.Accepted.IsZero():
		r.Accepted++
		r.waits = append(r.waits, max(0, c.Accepted.Sub(c.Asked).Seconds()))
		if over {
			r.durations += max(0, c.Closed.Sub(c.Accepted))
			r.ended++
		}
	case over:
		r.Abandoned++
	}
	if c.Rating > 0 {
		r.ratings += c.Rating
		r.Rated++
	}
}

func (r *tally) finish() Row {
	if n := len(r.waits); n > 0 {
		slices.Sort(r.waits)
		sum := 0.0
		for _, w := range r.waits {
			sum += w
		}
		r.WaitMean, r.WaitP90 = sum/float64(n), r.waits[(9*n+9)/10-1]
	}
	if r.ended > 0 {
		r.Duration = r.durations.Seconds() / float64(r.ended)
	}
	if r.Rated > 0 {
		r.Rating = float64(r.ratings) / float64(r.Rated)
	}
	return r.Row
}
