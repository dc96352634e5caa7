package workgroup

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// week opens monday to friday at the given spans, and at night on saturday.
func week(t testing.TB, zone string, holidays ...string) *Hours {
	t.Helper()
	z, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	h := &Hours{Zone: z, Holidays: make(map[string]bool)}
	for d := time.Monday; d <= time.Friday; d++ {
		h.Week[d] = []Span{{9 * 60, 12 * 60}, {13 * 60, 17*60 + 30}}
	}
	for _, day := range holidays {
		h.Holidays[day] = true
	}
	return h
}

func TestHours(t *testing.T) {
	berlin := week(t, "Europe/Berlin", "2026-12-24", "2026-12-25", "2026-12-28")
	night := week(t, "Europe/Berlin")
	night.Week = [7][]Span{time.Sunday: {{0, 2*60 + 30}, {2*60 + 45, 3*60 + 15}}} // the nights when the clock is set
	always := week(t, "Europe/Berlin")
	for d := range always.Week {
		always.Week[d] = []Span{{0, 1440}}
	}
	over := week(t, "Europe/Berlin") // friday evening to saturday morning, in two spans that meet at midnight
	over.Week = [7][]Span{time.Friday: {{22 * 60, 1440}}, time.Saturday: {{0, 2 * 60}}}
	lordHowe := week(t, "Australia/Lord_Howe") // sets its clock by half an hour
	lordHowe.Week = [7][]Span{time.Sunday: {{0, 2*60 + 15}}}
	for _, c := range []struct {
		name    string
		h       *Hours
		now     string
		open    bool
		changes string // empty: never
	}{
		{"no hours", nil, "2026-11-23T03:00:00Z", true, ""},
		{"before", berlin, "2026-11-23T07:59:59Z", false, "2026-11-23T08:00:00Z"},
		{"at the minute", berlin, "2026-11-23T08:00:00Z", true, "2026-11-23T11:00:00Z"},
		{"lunch", berlin, "2026-11-23T11:00:00Z", false, "2026-11-23T12:00:00Z"},
		{"last second", berlin, "2026-11-23T16:29:59.999Z", true, "2026-11-23T16:30:00Z"},
		{"friday evening", berlin, "2026-11-27T16:30:00Z", false, "2026-11-30T08:00:00Z"},
		{"summer", berlin, "2026-07-01T06:59:00Z", false, "2026-07-01T07:00:00Z"},
		{"holidays and a weekend between", berlin, "2026-12-23T16:30:00Z", false, "2026-12-29T08:00:00Z"},
		{"a holiday", berlin, "2026-12-24T10:00:00Z", false, "2026-12-29T08:00:00Z"},
		// 2026-03-29: 02:00 CET becomes 03:00 CEST at 01:00Z. The gap swallows 02:00 to 03:00.
		{"into the gap", night, "2026-03-29T00:30:00Z", true, "2026-03-29T01:15:00Z"},
		{"after the gap", night, "2026-03-29T01:15:00Z", false, "2026-04-04T22:00:00Z"},
		// 2026-10-25: 03:00 CEST becomes 02:00 CET at 01:00Z. The hour from 02:00 comes twice.
		{"first 02:15", night, "2026-10-25T00:15:00Z", true, "2026-10-25T00:30:00Z"},
		{"first 02:45", night, "2026-10-25T00:45:00Z", true, "2026-10-25T01:30:00Z"}, // to 03:00, then 02:00 again
		{"second 02:30", night, "2026-10-25T01:30:00Z", false, "2026-10-25T01:45:00Z"},
		{"second 02:45", night, "2026-10-25T01:45:00Z", true, "2026-10-25T02:15:00Z"},
		{"always", always, "2026-10-25T00:15:00Z", true, ""},
		{"over midnight", over, "2026-11-27T21:30:00Z", true, "2026-11-28T01:00:00Z"},
		{"never", &Hours{Zone: time.UTC}, "2026-10-25T00:15:00Z", false, ""},
		// 2026-10-04: 02:00 becomes 02:30 at 2026-10-03T15:30Z.
		{"half an hour's gap", lordHowe, "2026-10-03T15:00:00Z", true, "2026-10-03T15:30:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			now, err := time.Parse(time.RFC3339Nano, c.now)
			if err != nil {
				t.Fatal(err)
			}
			open, changes := c.h.open(now)
			got := ""
			if !changes.IsZero() {
				got = changes.UTC().Format(time.RFC3339)
			}
			if open != c.open || got != c.changes {
				t.Errorf("open %v until %q, want %v until %q", open, got, c.open, c.changes)
			}
		})
	}
}

// The next change is the first: minute by minute up to it nothing changes, and at it something does.
func TestHoursNextChangeIsTheFirst(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca"}
	rapid.Check(t, func(t *rapid.T) {
		z, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		h := &Hours{Zone: z, Holidays: map[string]bool{}}
		for d := range h.Week {
			for range rapid.IntRange(0, 3).Draw(t, "spans") {
				from := rapid.IntRange(0, 1439).Draw(t, "from")
				h.Week[d] = append(h.Week[d], Span{from, rapid.IntRange(from+1, 1440).Draw(t, "to")})
			}
		}
		around := rapid.SampledFrom([]string{"2026-03-29", "2026-10-25", "2026-10-04", "2026-11-01", "2026-02-15", "2026-06-10"}).Draw(t, "around")
		now, _ := time.Parse(time.DateOnly, around)
		now = now.Add(time.Duration(rapid.IntRange(-2880, 2880).Draw(t, "minutes")) * time.Minute)
		if rapid.Bool().Draw(t, "holiday") {
			h.Holidays[around] = true
		}
		open, changes := h.open(now)
		until := changes
		if changes.IsZero() || changes.Sub(now) > 8*24*time.Hour {
			until = now.Add(8 * 24 * time.Hour)
		}
		for m := now; m.Before(until); m = m.Add(time.Minute) {
			if o, _ := h.open(m); o != open {
				t.Fatalf("open is %v at %v and %v at %v, before the change at %v", open, now, o, m, changes)
			}
		}
		if !changes.IsZero() {
			if o, _ := h.open(changes); o == open {
				t.Fatalf("nothing changes at %v", changes)
			}
		}
	})
}
