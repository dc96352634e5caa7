package gateway

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/archive"
	"usher/workgroup"
)

// told passes on what is logged.
type told chan string

func (t told) Enabled(context.Context, slog.Level) bool { return true }
func (t told) WithAttrs([]slog.Attr) slog.Handler       { return t }
func (t told) WithGroup(string) slog.Handler            { return t }
func (t told) Handle(_ context.Context, r slog.Record) error {
	t <- r.Message
	return nil
}

// wait takes messages until one contains the text.
func (t told) wait(text string) {
	for !strings.Contains(<-t, text) {
	}
}

// openTestStore opens a store in a folder of its own and a second connection to its file, as another program would.
func openTestStore(t *testing.T, sites ...Site) (*store, *sql.DB, told) {
	t.Helper()
	log := make(told, 1000)
	cfg := &Config{Archive: ArchiveConfig{Path: filepath.Join(t.TempDir(), "usher.db")}, Sites: sites}
	s, err := openStore(cfg, slog.New(log))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	other, err := sql.Open("sqlite", cfg.Archive.Path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	return s, other, log
}

// batchNumber is the n-th batch of a test: a conversation with one event.
func batchNumber(n int, body string) *workgroup.Batch {
	id := string(rune('A' + n))
	return &workgroup.Batch{
		Conversations: []workgroup.Conversation{{ID: id, Site: "shop", Workgroup: "support", State: workgroup.Active}},
		Events:        []workgroup.Event{{Conversation: id, Seq: 1, Kind: workgroup.KindMessage, Body: body}},
	}
}

func storedIDs(t *testing.T, s *store) string {
	t.Helper()
	found, err := s.load()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, c := range found.Conversations {
		ids = append(ids, c.ID)
	}
	return strings.Join(ids, "")
}

// What the desk hands over comes back as it was.
func TestStoreRoundTrip(t *testing.T) {
	s, _, _ := openTestStore(t)
	at := time.Date(2026, 11, 22, 12, 0, 0, 1000, time.UTC)
	var want workgroup.Snapshot
	fill(t, reflect.ValueOf(&want).Elem(), at)
	c := &want.Conversations[0]
	c.State = workgroup.Active
	e := want.Events["x"][0]
	e.Conversation = c.ID
	want.Events = map[string][]workgroup.Event{c.ID: {e}}
	if err := s.commit(&workgroup.Batch{Conversations: want.Conversations, Events: want.Events[c.ID], Items: want.Items}); err != nil {
		t.Fatal(err)
	}
	got, err := s.load()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
	if err := s.commit(&workgroup.Batch{}); err != nil || s.lag() != 0 {
		t.Errorf("an empty batch: %v, lag %v", err, s.lag())
	}
}

// fill gives every field a value, so that none can be forgotten on the way.
func fill(t *testing.T, v reflect.Value, at time.Time) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Int:
		v.SetInt(3)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint('x')
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0), at)
	case reflect.Map:
		e := reflect.New(v.Type().Elem()).Elem()
		fill(t, e, at)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("x"), e)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(at))
			return
		}
		for i := range v.NumField() {
			fill(t, v.Field(i), at)
		}
	default:
		t.Fatalf("a field of kind %v", v.Kind())
	}
}

// While the disk refuses, batches wait; they are written in order once it takes them.
func TestStoreRetries(t *testing.T) {
	s, other, log := openTestStore(t)
	breakIt(t, other, true)
	for n := range 3 {
		if err := s.commit(batchNumber(n, "x")); err == nil || n > 0 != errors.Is(err, errStoreLate) {
			t.Fatalf("batch %d: %v", n, err) // only the first waits for the disk
		}
	}
	if s.lag() <= 0 || s.errors() < 1 {
		t.Errorf("lag %v, %d errors", s.lag(), s.errors())
	}
	breakIt(t, other, false)
	log.wait("written again")
	if got := storedIDs(t, s); got != "ABC" || s.lag() != 0 {
		t.Errorf("stored %q, lag %v", got, s.lag())
	}
	if err := s.commit(batchNumber(3, "x")); err != nil || storedIDs(t, s) != "ABCD" {
		t.Errorf("afterwards: %v, %q", err, storedIDs(t, s))
	}
}

// breakIt makes all writes fail, or puts it right again.
func breakIt(t *testing.T, db *sql.DB, broken bool) {
	t.Helper()
	statement := "CREATE TRIGGER refuse BEFORE INSERT ON conversations BEGIN SELECT raise(ABORT, 'refused'); END"
	if !broken {
		statement = "DROP TRIGGER refuse"
	}
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// With too much in memory commit waits for the disk instead of forgetting or growing.
func TestStoreFull(t *testing.T) {
	s, other, log := openTestStore(t)
	s.most = 10_000
	breakIt(t, other, true)
	if err := s.commit(batchNumber(0, strings.Repeat("x", s.most))); err == nil {
		t.Fatal("committed")
	}
	done := make(chan error, 1)
	go func() { done <- s.commit(batchNumber(1, "y")) }() // ends when the store can write again
	select {
	case err := <-done:
		t.Errorf("taken, though full: %v", err)
	default:
	}
	breakIt(t, other, false)
	if err := <-done; err != nil {
		t.Errorf("with room again: %v", err)
	}
	log.wait("cannot write")
	if got := storedIDs(t, s); got != "AB" {
		t.Errorf("stored %q", got)
	}
}

// A full store that is closed lets go of who waits.
func TestStoreFullClosed(t *testing.T) {
	s, other, _ := openTestStore(t)
	s.most = 10
	breakIt(t, other, true)
	if err := s.commit(batchNumber(0, "x")); err == nil {
		t.Fatal("committed")
	}
	s.end()
	if err := s.commit(batchNumber(1, "y")); !errors.Is(err, errStoreClosed) {
		t.Errorf("got %v", err)
	}
	breakIt(t, other, false)
}

// What waits when the program ends is written before it does.
func TestStoreClose(t *testing.T) {
	log := make(told, 1000)
	cfg := &Config{Archive: ArchiveConfig{Path: filepath.Join(t.TempDir(), "usher.db")}}
	s, err := openStore(cfg, slog.New(log))
	if err != nil {
		t.Fatal(err)
	}
	s.put(batchNumber(0, "x"))
	s.close()
	a, err := archive.Open(cfg.Archive.Path, archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, events, err := a.Get("A"); err != nil || len(events) != 1 {
		t.Errorf("events %+v, %v", events, err)
	}
}

func TestStoreOrphans(t *testing.T) {
	s, _, log := openTestStore(t)
	b := batchNumber(0, "x")
	b.Events = append(b.Events, workgroup.Event{Conversation: "lost", Seq: 1})
	if err := s.commit(b); err != nil || s.errors() != 1 || s.lag() != 0 {
		t.Errorf("%v, %d errors, lag %v", err, s.errors(), s.lag())
	}
	log.wait("left out")
	if got := storedIDs(t, s); got != "A" {
		t.Errorf("stored %q", got)
	}
}

// At the start, and then each hour, each site's old conversations go.
func TestStoreRetention(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher.db")
	a, err := archive.Open(path, archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var b archive.Batch
	for _, site := range []string{"short", "long", "always"} {
		for i := range 2*retainSlice + 1 {
			b.Conversations = append(b.Conversations, archive.Conversation{ID: site + string(rune('A'+i)), Site: site, State: archive.StateClosed,
				Closed: time.Now().Add(-48 * time.Hour)})
		}
	}
	b.Conversations = append(b.Conversations, archive.Conversation{ID: "new", Site: "short", State: archive.StateClosed, Closed: time.Now()})
	if err := a.Write(b); err != nil {
		t.Fatal(err)
	}
	log := make(told, 1000)
	cfg := &Config{Archive: ArchiveConfig{Path: path}, Sites: []Site{{Name: "short", Retention: day}, {Name: "long", Retention: 3 * day}, {Name: "always"}}}
	s, err := openStore(cfg, slog.New(log))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	log.wait("retention")
	var left []string
	err = a.Export(context.Background(), archive.Filter{}, func(c archive.Conversation, _ []archive.Event) error {
		left = append(left, c.Site)
		return nil
	})
	counts := map[string]int{}
	for _, site := range left {
		counts[site]++
	}
	if want := map[string]int{"short": 1, "long": 2*retainSlice + 1, "always": 2*retainSlice + 1}; err != nil || !reflect.DeepEqual(counts, want) {
		t.Errorf("left %v, %v; want %v", counts, err, want)
	}
	if !slices.Contains(left, "short") {
		t.Error("a new one went")
	}
}
