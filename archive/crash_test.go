package archive

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// A history written in any cut, with any part of it written again, gives the same archive as written at once.
func TestAnyCut(t *testing.T) {
	dir := t.TempDir()
	a, err := Open(filepath.Join(dir, "empty"), Options{})
	if err == nil {
		err = a.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	empty, err := os.ReadFile(filepath.Join(dir, "empty")) // copied, which is faster than to make each anew
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		made := func(name string) *Archive {
			path := filepath.Join(dir, fmt.Sprint(name, n))
			if err := os.WriteFile(path, empty, 0o600); err != nil {
				t.Fatal(err)
			}
			a, err := Open(path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		whole, cut := made("whole"), made("cut")
		defer whole.Close()
		defer cut.Close()
		history := rapid.SliceOfN(rapid.Custom(drawBatch), 1, 12).Draw(t, "history")
		var all Batch
		for _, b := range history {
			all = merge(all, b)
		}
		if err := whole.Write(all); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(history); {
			// The desk's committer may have lost the answer to some writes: it goes back a little and writes on.
			i = max(0, i-rapid.IntRange(0, 2).Draw(t, "back"))
			upTo := min(len(history), i+rapid.IntRange(3, 5).Draw(t, "length"))
			var b Batch
			for _, part := range history[i:upTo] {
				b = merge(b, part)
			}
			if err := cut.Write(b); err != nil {
				t.Fatal(err)
			}
			i = upTo
		}
		for _, a := range []*Archive{whole, cut} {
			if _, err := a.write.Exec("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)"); err != nil {
				t.Errorf("index: %v", err)
			}
		}
		want, got := everything(t, whole), everything(t, cut)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("in parts %+v\nat once %+v", got, want)
		}
	})
}

func merge(a, b Batch) Batch {
	return Batch{
		Conversations: append(slices.Clone(a.Conversations), b.Conversations...), Events: append(slices.Clone(a.Events), b.Events...),
		Items: append(slices.Clone(a.Items), b.Items...), Notices: append(slices.Clone(a.Notices), b.Notices...),
	}
}

// drawBatch makes a batch as a desk does: each of its conversations with what has become of it and the events so far that
// may be new. An event with the same key is the same event.
func drawBatch(t *rapid.T) Batch {
	var b Batch
	for range rapid.IntRange(1, 3).Draw(t, "conversations") {
		c := Conversation{
			ID: rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, "id"), State: rapid.SampledFrom([]string{"queued", "active", "closed"}).Draw(t, "state"),
			Site: "shop", Workgroup: "support", Question: rapid.SampledFrom([]string{"", "cats", "dogs"}).Draw(t, "question"),
			Visitor: Person{JID: "v@v", Name: rapid.StringN(0, 5, 20).Draw(t, "name")}, Rating: rapid.IntRange(0, 5).Draw(t, "rating"),
		}
		b.Conversations = append(b.Conversations, c)
		for range rapid.IntRange(0, 5).Draw(t, "events") {
			b.Events = append(b.Events, said(Conversation{ID: c.ID, Asked: noon}, rapid.IntRange(1, 9).Draw(t, "seq"), "cats and dogs"))
		}
		b.Notices = append(b.Notices, Notice{"shop", "support", rapid.SampledFrom([]string{"closed", "rated"}).Draw(t, "event"), c.ID, nil, noon})
	}
	for range rapid.IntRange(0, 3).Draw(t, "items") {
		i := Item{Key: rapid.SampledFrom([]string{"agent/a", "agent/b"}).Draw(t, "key")}
		if rapid.Bool().Draw(t, "kept") {
			i.Value = []byte(rapid.StringN(0, 3, 9).Draw(t, "value"))
		}
		b.Items = append(b.Items, i)
	}
	return b
}

// state is all that an archive shows.
type state struct {
	Conversations []Conversation
	Events        map[string][]Event
	Items         []Item
	Notices       map[noticeKey]bool
	Found         []string
}

// noticeKey is a notice that can be a key.
type noticeKey struct{ Event, Conversation string }

func everything(t *rapid.T, a *Archive) state {
	s := state{Events: map[string][]Event{}, Notices: map[noticeKey]bool{}}
	err := a.Export(context.Background(), Filter{}, func(c Conversation, events []Event) error {
		s.Conversations = append(s.Conversations, c)
		s.Events[c.ID] = events
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := a.Load()
	if err != nil {
		t.Fatal(err)
	}
	s.Items = loaded.Items
	due, err := a.Due(noon, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range due {
		key := noticeKey{n.Event, n.Conversation}
		if s.Notices[key] {
			t.Errorf("%+v is there twice", key)
		}
		s.Notices[key] = true
	}
	for _, word := range []string{"cats", "dogs"} {
		found, _, err := a.Query(context.Background(), Filter{Words: word})
		if err != nil {
			t.Fatal(err)
		}
		s.Found = append(s.Found, ids(found))
	}
	return s
}

// crashFile has the test binary be the child of TestCrash.
const crashFile = "USHER_ARCHIVE_CRASH"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashFile); path != "" {
		writeForEver(path)
	}
	os.Exit(m.Run())
}

// crashBatch is the child's i-th batch: an event of a conversation and what was counted of it, which must always fit together.
func crashBatch(i int) Batch {
	c := Conversation{ID: strconv.Itoa(i % 3), Number: i / 3, State: "active", Site: "shop", Workgroup: "support", Asked: noon}
	b := Batch{Conversations: []Conversation{c}, Items: []Item{{"agent/last", []byte(strconv.Itoa(i))}}}
	for seq := max(1, i/3-1); seq <= i/3+1; seq++ { // with some that are there already
		b.Events = append(b.Events, said(c, seq, fmt.Sprint("line ", seq, " of ", c.ID)))
	}
	return b
}

// writeForEver goes on after what it finds, and says on standard output what is written, until it's killed.
func writeForEver(path string) {
	a, err := Open(path, Options{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	next := 0
	loaded, err := a.Load()
	for _, i := range loaded.Items {
		if i.Key == "agent/last" {
			next, err = strconv.Atoi(string(i.Value))
		}
	}
	for ; err == nil; next++ { // the last one again
		if err = a.Write(crashBatch(next)); err == nil {
			_, err = fmt.Println(next)
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

// startWriter starts a process that runs writeForEver, killed at the end of the test at the latest, and reads what it says.
func startWriter(t *testing.T, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), exe)
	child.Env = append(os.Environ(), crashFile+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	return child, bufio.NewScanner(out)
}

// Killed at any point, the archive has all that Write returned for, at most one batch more, each of them whole, and no line twice.
func TestCrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher.db")
	r := rand.New(rand.NewPCG(3, 3))
	last := -1
	for round := range 8 {
		child, lines := startWriter(t, path)
		for range 1 + r.IntN(40) {
			if !lines.Scan() {
				t.Fatalf("round %d: the child ended: %v", round, lines.Err())
			}
		}
		if err := child.Process.Kill(); err != nil { // SIGKILL, wherever it is now
			t.Fatal(err)
		}
		told := lines.Text()
		for lines.Scan() { // what it could still say
			told = lines.Text()
		}
		child.Wait() // it was killed, what else
		written, err := strconv.Atoi(told)
		if err != nil {
			t.Fatalf("round %d: the child said %q", round, told)
		}
		last = checkCrash(t, path, written)
	}
	if last < 20 {
		t.Errorf("only %d batches were written", last)
	}
}

// checkCrash returns which batch is the last one in the archive.
func checkCrash(t *testing.T, path string, told int) int {
	t.Helper()
	a, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	got, err := a.Load()
	if err != nil || len(got.Items) != 1 {
		t.Fatalf("items %+v, %v", got.Items, err)
	}
	last, err := strconv.Atoi(string(got.Items[0].Value))
	if err != nil || last < told || last > told+1 {
		t.Errorf("the last batch is %d, %v; Write returned for %d", last, err, told)
	}
	want := Snapshot{Events: map[string][]Event{}}
	latest := map[string]Conversation{}
	for i := range last + 1 {
		b := crashBatch(i)
		for _, c := range b.Conversations {
			latest[c.ID] = c
		}
		e := b.Events[len(b.Events)-1]
		want.Events[e.Conversation] = append(want.Events[e.Conversation], e)
	}
	for id, events := range want.Events {
		want.Events[id] = events[max(0, len(events)-loadEvents):]
	}
	for _, id := range slices.Sorted(maps.Keys(latest)) {
		want.Conversations = append(want.Conversations, latest[id])
	}
	if !reflect.DeepEqual(got.Events, want.Events) || !reflect.DeepEqual(got.Conversations, want.Conversations) {
		t.Errorf("after batch %d: %+v\nwant %+v", last, got, want)
	}
	checkIndex(t, a)
	return last
}
