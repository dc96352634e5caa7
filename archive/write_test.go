package archive

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// noon is the time of the tests' clock.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 123456000, time.UTC)

// open opens an archive in a folder of its own, at noon.
func open(t testing.TB) *Archive {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "usher.db"))
}

func openAt(t testing.TB, path string) *Archive {
	t.Helper()
	a, err := Open(path, Options{Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func write(t testing.TB, a *Archive, b Batch) {
	t.Helper()
	if err := a.Write(b); err != nil {
		t.Fatal(err)
	}
}

// chat is a running conversation with each field set.
func chat() Conversation {
	return Conversation{
		ID: "01JD00000000000000000000AA", Number: 17, Site: "shop", Workgroup: "support", State: "active", Reason: "",
		Visitor: Person{JID: "v1@visitors.example", Name: "Maria", Email: "maria@example.com", Phone: "123", Groups: []string{"gold", "eu"},
			Sub: "customer-1", Verified: true, Page: "/pricing", Referrer: "/", Title: "Prices", Language: "de", Address: "hash"},
		Question: "How much is a dog?", Form: map[string]string{"size": "small", "breed": "terrier"},
		Asked: noon.Add(-time.Hour), Accepted: noon.Add(-59 * time.Minute), Agents: []string{"alice@example", "bob@example"},
		Rating: 4, RatingText: "quick", Room: "c-abc@rooms.example", Resume: []byte(`{"x":1}`),
	}
}

func said(c Conversation, seq int, body string) Event {
	return Event{Conversation: c.ID, Seq: seq, Time: c.Asked.Add(time.Duration(seq) * time.Second), Kind: KindMessage,
		From: c.Visitor.JID, Nick: "Maria #17", Role: "visitor", Body: body, StanzaID: "s" + body}
}

func TestWriteLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher.db")
	a := openAt(t, path)
	c := chat()
	plain := Conversation{ID: "01JD00000000000000000000AB", Site: "shop", Workgroup: "support", State: "queued"}
	yesterday := Conversation{ID: "01JC00000000000000000000AA", State: StateClosed, Closed: noon.Add(-25 * time.Hour)}
	today := Conversation{ID: "01JC00000000000000000000AB", State: StateClosed, Closed: noon.Add(-23 * time.Hour)}
	left := Conversation{ID: "01JA00000000000000000000AA", State: StateOffline, Asked: noon.Add(-500 * time.Hour)}
	batch := Batch{
		Conversations: []Conversation{c, plain, yesterday, today, left},
		Items:         []Item{{"agent/bob@example", []byte(`{}`)}, {"agent/alice@example", []byte(`{"max":2}`)}, {"ban/1", []byte("{}")}},
	}
	for i := range 210 {
		batch.Events = append(batch.Events, said(c, i+1, "hello"))
	}
	batch.Events = append(batch.Events, said(today, 1, "one"), said(today, 2, "two"), said(yesterday, 1, "old"))
	write(t, a, batch)
	c.State, c.Resume = "wrapup", []byte(`{"x":2}`)
	write(t, a, Batch{Conversations: []Conversation{c}, Items: []Item{{Key: "ban/1"}, {Key: "ban/none"}}})
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}

	a = openAt(t, path)
	got, err := a.Load()
	if err != nil {
		t.Fatal(err)
	}
	want := Snapshot{
		Conversations: []Conversation{left, today, c, plain},
		Events:        map[string][]Event{c.ID: batch.Events[10:210], today.ID: {said(today, 2, "two")}},
		Items:         []Item{{"agent/alice@example", []byte(`{"max":2}`)}, {"agent/bob@example", []byte(`{}`)}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("loaded %+v\nwant %+v", got, want)
	}
	whole, events, err := a.Get(c.ID)
	if err != nil || !reflect.DeepEqual(whole, c) || !reflect.DeepEqual(events, batch.Events[:210]) {
		t.Errorf("got %+v with %d events, %v", whole, len(events), err)
	}
	if _, _, err := a.Get("01JD"); !errors.Is(err, ErrNotFound) {
		t.Errorf("an unknown one: %v", err)
	}
}

func TestWriteTwice(t *testing.T) {
	a := open(t)
	c := chat()
	batch := Batch{
		Conversations: []Conversation{c}, Events: []Event{said(c, 1, "one"), said(c, 2, "two")},
		Notices: []Notice{{"shop", "support", "offline", c.ID, nil, noon}, {"shop", "support", "offline", c.ID, []string{"a@b"}, noon}},
	}
	write(t, a, batch)
	batch.Events[0].Body = "changed" // the first stays
	write(t, a, batch)
	_, events, err := a.Get(c.ID)
	if err != nil || len(events) != 2 || events[0].Body != "one" {
		t.Errorf("events %+v, %v", events, err)
	}
	due, err := a.Due(noon, 10)
	if err != nil || len(due) != 2 {
		t.Errorf("notices %+v, %v", due, err)
	}
}

func TestWriteOrphans(t *testing.T) {
	a := open(t)
	c := chat()
	lost := said(Conversation{ID: "01JZ"}, 1, "lost")
	err := a.Write(Batch{Conversations: []Conversation{c}, Events: []Event{said(c, 1, "one"), lost, said(c, 2, "two")}})
	var orphans *OrphanError
	if !errors.As(err, &orphans) || orphans.Events != 1 || !reflect.DeepEqual(orphans.Conversations, []string{"01JZ"}) {
		t.Errorf("error %v", err)
	}
	if _, events, err := a.Get(c.ID); err != nil || len(events) != 2 {
		t.Errorf("of the others %+v, %v", events, err)
	}
}

// TestWriteRating: a rating that comes after the end is in the row and closes the transcript, once.
func TestWriteRating(t *testing.T) {
	a := open(t)
	c := chat()
	c.State, c.Closed, c.Resume, c.Rating, c.RatingText = StateClosed, noon, nil, 0, ""
	write(t, a, Batch{Conversations: []Conversation{c}, Events: []Event{said(c, 1, "one"), said(c, 2, "two")}})
	batch := Batch{Ratings: []Rating{{c.ID, 5, "great help", noon.Add(time.Minute)}, {"01JZ", 1, "of nobody", noon}}}
	write(t, a, batch)
	batch.Ratings[0].Value = 1
	write(t, a, batch) // the first stays
	got, events, err := a.Get(c.ID)
	c.Rating, c.RatingText = 5, "great help"
	if err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("the row is %+v, %v\nwant %+v", got, err, c)
	}
	last := Event{Conversation: c.ID, Seq: 3, Time: noon.Add(time.Minute), Kind: KindRating, From: c.Visitor.JID, Role: "visitor", Body: "great help"}
	if len(events) != 3 || events[2] != last {
		t.Errorf("the transcript is %+v", events)
	}
}

func TestFileMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "us?her%20#1.db")
	a := openAt(t, path)
	write(t, a, Batch{Conversations: []Conversation{chat()}})
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}
