package workgroup

import (
	"slices"
	"time"
)

// hoursAhead is how far ahead the next change of the hours is looked for: longer than any row of holidays.
const hoursAhead = 400 * 24 * time.Hour

// open tells whether the hours say so, and when that changes next (zero: never, or not within hoursAhead). The clock on
// the wall of the zone decides, so in the night when it is set back an hour may be open twice, and one that is skipped is
// not. A nil Hours is always open.
func (h *Hours) open(now time.Time) (open bool, changes time.Time) {
	if h == nil {
		return true, time.Time{}
	}
	open = h.at(now)
	for t, end := now, now.Add(hoursAhead); t.Before(end); {
		t = h.boundary(t)
		if h.at(t) != open {
			return open, t
		}
	}
	return open, time.Time{}
}

// at tells whether it is open at an instant.
func (h *Hours) at(t time.Time) bool {
	t = t.In(h.Zone)
	if h.Holidays[t.Format(time.DateOnly)] {
		return false
	}
	minute := t.Hour()*60 + t.Minute()
	return slices.ContainsFunc(h.Week[t.Weekday()], func(s Span) bool { return s.From <= minute && minute < s.To })
}

// boundary is the next instant at which anything may change: a span's beginning or end, midnight, or the zone's clock
// being set. Up to the last the offset is the same, so wall time is plain arithmetic.
func (h *Hours) boundary(t time.Time) time.Time {
	t = t.In(h.Zone)
	since := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute +
		time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
	next := 24 * time.Hour
	for _, s := range h.Week[t.Weekday()] {
		for _, m := range [...]int{s.From, s.To} {
			if at := time.Duration(m) * time.Minute; at > since && at < next {
				next = at
			}
		}
	}
	n := t.Add(next - since)
	if _, set := t.ZoneBounds(); !set.IsZero() && set.Before(n) {
		return set
	}
	return n
}
