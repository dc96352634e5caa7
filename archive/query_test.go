package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// talk makes a conversation with one message a line.
func talk(id string, change func(c *Conversation), lines ...string) Batch {
	c := chat()
	c.ID, c.Question, c.Form, c.RatingText = id, "", nil, ""
	if change != nil {
		change(&c)
	}
	b := Batch{Conversations: []Conversation{c}}
	for i, line := range lines {
		b.Events = append(b.Events, said(c, i+1, line))
	}
	return b
}

func ids(list []Conversation) string {
	var all []string
	for _, c := range list {
		all = append(all, c.ID)
	}
	return strings.Join(all, " ")
}

func TestQuery(t *testing.T) {
	a := open(t)
	write(t, a, talk("A", func(c *Conversation) { c.Asked = noon.Add(-48 * time.Hour) }, "Where is my parcel?", "It's on its way, Łódź to Zürich"))
	write(t, a, talk("B", func(c *Conversation) {
		c.Site, c.Workgroup, c.State = "blog", "sales", StateClosed
		c.Visitor = Person{JID: "v2@visitors.example", Name: "Jörg", Email: "Joerg@example.com"}
		c.Question = "A question about \"quotes\""
		c.Agents = nil
	}, "parcel"))
	write(t, a, talk("C", func(c *Conversation) {
		c.Visitor.Sub, c.Visitor.JID, c.Visitor.Email = "customer-2", "v3@visitors.example", ""
		c.Agents = []string{"bob@example"}
		c.Form = map[string]string{"order": "Z-4711"}
	}, "my invoice", "the parcels"))
	notices := talk("D", func(c *Conversation) { c.Visitor = Person{JID: "v4@visitors.example"} }, "hello")
	notices.Events[0].Kind = "notice"
	write(t, a, notices)
	tests := []struct {
		name   string
		filter Filter
		want   string
	}{
		{"all, the newest first", Filter{}, "D C B A"},
		{"site", Filter{Site: "blog"}, "B"},
		{"workgroup", Filter{Workgroup: "support"}, "D C A"},
		{"JID", Filter{Visitor: "v2@visitors.example"}, "B"},
		{"full JID, other case", Filter{Visitor: "V2@visitors.example/web"}, "B"},
		{"mail address", Filter{Visitor: "joerg@Example.com"}, "B"},
		{"sub", Filter{Visitor: "customer-2"}, "C"},
		{"nobody", Filter{Visitor: "customer"}, ""},
		{"agent", Filter{Agent: "alice@example"}, "D A"},
		{"second agent", Filter{Agent: "Bob@example/gajim"}, "D C A"},
		{"state", Filter{State: StateClosed}, "B"},
		{"from", Filter{From: noon.Add(-2 * time.Hour)}, "D C B"},
		{"to", Filter{To: noon.Add(-2 * time.Hour)}, "A"},
		{"from is included, to isn't", Filter{From: noon.Add(-48 * time.Hour), To: noon.Add(-time.Hour)}, "A"},
		{"one word, any case", Filter{Words: "PARCEL"}, "B A"},
		{"a beginning", Filter{Words: "parc*"}, "C B A"},
		{"words of different messages", Filter{Words: "invoice parcels"}, "C"},
		{"one of them isn't there", Filter{Words: "invoice parcel"}, ""},
		{"in a row", Filter{Words: `"my parcel"`}, "A"},
		{"not in a row", Filter{Words: `"parcel my"`}, ""},
		{"without accents", Filter{Words: "zurich jorg"}, ""},
		{"name", Filter{Words: "jorg"}, "B"},
		{"mail", Filter{Words: "maria@example.com"}, "A"},
		{"question", Filter{Words: "quotes"}, "B"},
		{"form", Filter{Words: "4711"}, "C"},
		{"a form's key is no word of his", Filter{Words: "order"}, ""},
		{"what the service says isn't searched", Filter{Words: "hello"}, ""},
		{"operators are words", Filter{Words: "parcel OR invoice"}, ""},
		{"a column is none", Filter{Words: "body:parcel"}, ""},
		{"an open quote", Filter{Words: `"my parcel`}, "A"},
		{"only signs", Filter{Words: `?! -"`}, ""},
		{"signs beside words", Filter{Words: "parcel (!)"}, "B A"},
		{"blank", Filter{Words: "  "}, "D C B A"},
		{"together", Filter{Site: "shop", Words: "parcel", Agent: "alice@example"}, "A"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found, next, err := a.Query(context.Background(), tt.filter)
			if err != nil || ids(found) != tt.want || next != "" {
				t.Errorf("found %q, next %q, %v; want %q", ids(found), next, err, tt.want)
			}
			var exported []string
			err = a.Export(context.Background(), tt.filter, func(c Conversation, events []Event) error {
				exported = append([]string{c.ID}, exported...)
				if len(events) == 0 || events[0].Conversation != c.ID {
					t.Errorf("%s exported with events %+v", c.ID, events)
				}
				return nil
			})
			if got := strings.Join(exported, " "); err != nil || got != tt.want {
				t.Errorf("exported %q (reversed), %v", got, err)
			}
		})
	}
	for _, bad := range []Filter{{Limit: -1}, {Words: strings.Repeat("a ", 33)}} {
		if _, _, err := a.Query(context.Background(), bad); !errors.Is(err, ErrFilter) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestQueryPages(t *testing.T) {
	a := open(t)
	var b Batch
	for i := range 250 {
		more := talk(fmt.Sprintf("%03d", i), nil, "x")
		b.Conversations = append(b.Conversations, more.Conversations...)
		b.Events = append(b.Events, more.Events...)
	}
	write(t, a, b)
	for _, limit := range []int{0, 1, 100, 125, 1000} {
		var seen []string
		for f := (Filter{Limit: limit}); ; {
			found, next, err := a.Query(context.Background(), f)
			if err != nil {
				t.Fatal(err)
			}
			if want := max(limit, 1); limit > 0 && len(found) > want || limit == 0 && len(found) > 50 {
				t.Fatalf("limit %d gave %d", limit, len(found))
			}
			for _, c := range found {
				seen = append(seen, c.ID)
			}
			if f.After = next; next == "" {
				break
			}
		}
		if len(seen) != 250 || seen[0] != "249" || seen[249] != "000" || !slices.IsSortedFunc(seen, func(x, y string) int { return strings.Compare(y, x) }) {
			t.Errorf("limit %d: %d, from %s to %s", limit, len(seen), seen[0], seen[len(seen)-1])
		}
	}
	for limit, want := range map[int]int{0: 250, 1: 1, 120: 120, 300: 250} {
		n := 0
		if err := a.Export(context.Background(), Filter{Limit: limit}, func(Conversation, []Event) error { n++; return nil }); err != nil || n != want {
			t.Errorf("export with limit %d: %d, %v", limit, n, err)
		}
	}
	enough := errors.New("enough")
	n := 0
	err := a.Export(context.Background(), Filter{}, func(Conversation, []Event) error {
		if n++; n == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || n != 3 {
		t.Errorf("stopped after %d with %v", n, err)
	}
}

// A conversation that changes is found by what it is now.
func TestSearchFollowsChanges(t *testing.T) {
	a := open(t)
	b := talk("A", func(c *Conversation) { c.Question = "about cats" })
	write(t, a, b)
	b.Conversations[0].Question = "about dogs"
	write(t, a, b)
	for words, want := range map[string]string{"cats": "", "dogs": "A", "about": "A"} {
		if found, _, err := a.Query(context.Background(), Filter{Words: words}); err != nil || ids(found) != want {
			t.Errorf("%s: %q, %v", words, ids(found), err)
		}
	}
	b.Conversations[0].Question, b.Conversations[0].Visitor = "", Person{}
	write(t, a, b)
	if found, _, err := a.Query(context.Background(), Filter{Words: "dogs"}); err != nil || len(found) > 0 {
		t.Errorf("emptied: %q, %v", ids(found), err)
	}
}

// checkIndex says whether the index has just the words that there are.
func checkIndex(t testing.TB, a *Archive) {
	t.Helper()
	if _, err := a.write.Exec("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)"); err != nil {
		t.Errorf("index: %v", err)
	}
	var state string
	if err := a.write.QueryRow("PRAGMA integrity_check").Scan(&state); err != nil || state != "ok" {
		t.Errorf("file: %s, %v", state, err)
	}
}

// What stays of a conversation that changes is still found, whatever else changes.
func TestIndexStaysWhole(t *testing.T) {
	a := open(t)
	fill(t, a, 60)
	checkIndex(t, a)
	all, _, err := a.Query(context.Background(), Filter{Limit: 100})
	if err != nil || len(all) != 60 {
		t.Fatalf("%d conversations, %v", len(all), err)
	}
	for _, c := range all {
		if found, _, err := a.Query(context.Background(), Filter{Words: c.Visitor.Name}); err != nil || ids(found) != c.ID {
			t.Errorf("%s is found as %q, %v", c.ID, ids(found), err)
		}
	}
}

// FuzzSearch: whatever a person types is a search, never an error of the index's language.
func FuzzSearch(f *testing.F) {
	for _, s := range []string{"parcel", `"a b" c*`, `NEAR(a b)`, "a AND OR", "-a", "^a", "body:a", "a\x00b", `""""`, "* a", "{a b}:c", "ä́", "\xff", "\ue000"} {
		f.Add(s)
	}
	a, err := Open(f.TempDir()+"/usher.db", Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { a.Close() })
	write(f, a, talk("A", nil, "parcel"))
	f.Fuzz(func(t *testing.T, words string) {
		_, _, err := a.Query(context.Background(), Filter{Words: words})
		if err != nil && !(errors.Is(err, ErrFilter) && len(strings.Fields(strings.ReplaceAll(words, `"`, " "))) > wordsMost) {
			t.Errorf("%q: %v", words, err)
		}
		// What was said is found again by saying it.
		if !utf8.ValidString(words) || strings.ContainsAny(words, "\x00*\"") {
			return
		}
		terms, err := searchTerms(words)
		if err != nil || len(terms) == 0 {
			return
		}
		b := talk("B", nil, words)
		b.Events[0].Kind = KindNote
		write(t, a, b)
		defer func() {
			if _, err := a.write.Exec("DELETE FROM conversations WHERE id = 'B'"); err != nil {
				t.Fatal(err)
			}
		}()
		found, _, err := a.Query(context.Background(), Filter{Words: words})
		if err != nil || !slices.ContainsFunc(found, func(c Conversation) bool { return c.ID == "B" }) {
			t.Errorf("%q is not found by itself: %q, %v", words, ids(found), err)
		}
	})
}

func TestPage(t *testing.T) {
	a := open(t)
	one := talk("A", func(c *Conversation) { c.Room = "c-a@rooms.example" }, "a1", "a2", "a3", "a4")
	one.Events[1].Kind = "join"
	other := talk("B", func(c *Conversation) {
		c.Visitor.JID, c.Agents, c.Room = "v2@visitors.example", []string{"bob@example"}, "c-b@rooms.example"
	}, "b1", "b2", "b3")
	other.Events[1].Kind = KindNote
	foreign := talk("C", func(c *Conversation) { c.Site = "blog" }, "c1")
	elsewhere := talk("D", func(c *Conversation) { c.Workgroup = "sales" }, "d1")
	// In the order of archiving: a1 b1 b2 a2 a3 c1 d1 b3 a4
	write(t, a, Batch{Conversations: one.Conversations, Events: one.Events[:1]})
	write(t, a, Batch{Conversations: other.Conversations, Events: other.Events[:2]})
	write(t, a, Batch{Events: one.Events[1:3]})
	write(t, a, foreign)
	write(t, a, elsewhere)
	write(t, a, Batch{Events: []Event{other.Events[2], one.Events[3]}})
	at := one.Events[2].Time // of a3 and b3
	tests := []struct {
		name         string
		query        PageQuery
		want         string
		count, index int
		complete     bool
	}{
		{"all", PageQuery{Max: 10}, "a1 b1 a3 b3 a4", 5, 0, true},
		{"only the count", PageQuery{}, "", 5, 0, false},
		{"first page", PageQuery{Max: 2}, "a1 b1", 5, 0, false},
		{"next page", PageQuery{Max: 2, After: "B-1"}, "a3 b3", 5, 2, false},
		{"last page, forwards", PageQuery{Max: 2, After: "B-3"}, "a4", 5, 4, true},
		{"nothing after the last", PageQuery{Max: 2, After: "A-4"}, "", 5, 0, true},
		{"after one that isn't selected", PageQuery{Max: 2, After: "A-2"}, "a3 b3", 5, 2, false},
		{"last page", PageQuery{Max: 2, Last: true}, "b3 a4", 5, 3, false},
		{"page before", PageQuery{Max: 2, Before: "B-3"}, "b1 a3", 5, 1, false},
		{"first page, backwards", PageQuery{Max: 2, Before: "B-1"}, "a1", 5, 0, true},
		{"between", PageQuery{Max: 9, After: "A-1", Before: "A-4"}, "b1 a3 b3", 5, 1, true},
		{"kinds", PageQuery{Max: 9, Kinds: []string{KindMessage, KindNote}}, "a1 b1 b2 a3 b3 a4", 6, 0, true},
		{"with a visitor", PageQuery{Max: 9, With: "v1@visitors.example"}, "a1 a3 a4", 3, 0, true},
		{"with an agent", PageQuery{Max: 9, With: "alice@example"}, "a1 a3 a4", 3, 0, true},
		{"with one of both", PageQuery{Max: 9, With: "bob@example"}, "a1 b1 a3 b3 a4", 5, 0, true},
		{"with a room", PageQuery{Max: 9, With: "c-b@rooms.example"}, "b1 b3", 2, 0, true},
		{"with a stranger", PageQuery{Max: 9, With: "x@example"}, "", 0, 0, true},
		{"start is included", PageQuery{Max: 9, Start: at}, "a3 b3 a4", 3, 0, true},
		{"end is included", PageQuery{Max: 9, End: at}, "a1 b1 a3 b3", 4, 0, true},
		{"both", PageQuery{Max: 1, Start: at, End: at}, "a3", 2, 0, false},
		{"after-id", PageQuery{Max: 9, AfterID: "A-3"}, "b3 a4", 2, 0, true},
		{"before-id", PageQuery{Max: 9, BeforeID: "A-3"}, "a1 b1", 2, 0, true},
		{"ids", PageQuery{Max: 9, IDs: []string{"A-4", "B-1"}}, "b1 a4", 2, 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.query.Site, tt.query.Workgroup = "shop", "support"
			p, err := a.Page(context.Background(), tt.query)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range p.Messages {
				got = append(got, m.Body)
				if want := map[byte]string{'a': "c-a@rooms.example", 'b': "c-b@rooms.example"}[m.Body[0]]; m.Room != want {
					t.Errorf("%s was said in %s", m.Body, m.Room)
				}
				if want := strings.ToUpper(m.Body[:1]) + "-" + m.Body[1:]; m.UID() != want {
					t.Errorf("%s has the id %s", m.Body, m.UID())
				}
			}
			if s := strings.Join(got, " "); s != tt.want || p.Count != tt.count || p.Index != tt.index || p.Complete != tt.complete {
				t.Errorf("%q, count %d, index %d, complete %v; want %q, %d, %d, %v", s, p.Count, p.Index, p.Complete, tt.want, tt.count, tt.index, tt.complete)
			}
		})
	}
	for _, bad := range []PageQuery{{After: "C-1"}, {Before: "A-9"}, {AfterID: "x"}, {BeforeID: "A-x"}, {IDs: []string{"A-1", "D-1"}}} {
		bad.Site, bad.Workgroup, bad.Max = "shop", "support", 9
		if _, err := a.Page(context.Background(), bad); !errors.Is(err, ErrNotFound) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestReport(t *testing.T) {
	a := open(t)
	day := time.Date(2026, 11, 20, 23, 0, 0, 0, time.UTC)
	n := 0
	add := func(asked time.Time, wait, lasts time.Duration, change func(c *Conversation)) {
		n++
		write(t, a, talk(fmt.Sprint(n), func(c *Conversation) {
			c.State, c.Reason, c.Rating, c.Agents = StateClosed, "agent", 0, []string{"alice@example"}
			c.Asked, c.Accepted, c.Closed = asked, asked.Add(wait), asked.Add(wait+lasts)
			if change != nil {
				change(c)
			}
		}))
	}
	for i := range 10 {
		add(day, time.Duration(i+1)*time.Second, time.Minute, func(c *Conversation) { c.Rating = i%2*4 + 1 })
	}
	never := func(c *Conversation) { c.Accepted, c.Agents, c.Reason = time.Time{}, nil, "timeout" }
	add(day.Add(2*time.Hour), 0, time.Minute, never)
	add(day.Add(2*time.Hour), 0, 0, func(c *Conversation) { never(c); c.State, c.Closed = "queued", time.Time{} })
	add(day.Add(2*time.Hour), 0, 0, func(c *Conversation) { never(c); c.State, c.Closed = StateOffline, time.Time{} })
	add(day.Add(2*time.Hour), 0, 0, func(c *Conversation) { c.Reason = reasonDelivered })
	add(day.Add(3*time.Hour), 30*time.Second, 0, func(c *Conversation) {
		c.State, c.Closed, c.Agents, c.Workgroup = "active", time.Time{}, []string{"bob@example", "alice@example", "bob@example"}, "sales"
	})
	ten := Row{Key: "2026-11-20", Volume: 10, Accepted: 10, WaitMean: 5.5, WaitP90: 9, Duration: 60, Rating: 3, Rated: 10}
	alice, support := ten, ten
	alice.Key, alice.Volume, alice.Accepted, alice.WaitMean, alice.WaitP90, alice.Offline = "alice@example", 11, 11, 85.0/11, 10, 1
	support.Key, support.Volume, support.Abandoned, support.Offline = "shop/support", 12, 1, 2
	one := Row{Volume: 1, Accepted: 1, WaitMean: 30, WaitP90: 30}
	bob, sales, next := one, one, one
	bob.Key, sales.Key = "bob@example", "shop/sales"
	next.Key, next.Volume, next.Abandoned, next.Offline = "2026-11-21", 3, 1, 2
	tests := []struct {
		name     string
		by       By
		from, to time.Time
		want     []Row
	}{
		{"by day", ByDay, time.Time{}, time.Time{}, []Row{ten, next}},
		{"by agent", ByAgent, time.Time{}, time.Time{}, []Row{{Volume: 2, Abandoned: 1, Offline: 1}, alice, bob}},
		{"by workgroup", ByWorkgroup, time.Time{}, time.Time{}, []Row{sales, support}},
		{"of some days", ByDay, day.Add(time.Hour), day.Add(3 * time.Hour), []Row{{Key: "2026-11-21", Volume: 2, Abandoned: 1, Offline: 2}}},
		{"of no day", ByDay, day.Add(24 * time.Hour), time.Time{}, []Row{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := a.Report(context.Background(), tt.from, tt.to, tt.by)
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%v\ngot  %+v\nwant %+v", err, got, tt.want)
			}
		})
	}
	if _, err := a.Report(context.Background(), time.Time{}, time.Time{}, "visitor"); !errors.Is(err, ErrFilter) {
		t.Errorf("by visitor: %v", err)
	}
}
