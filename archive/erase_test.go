package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// traces tells which of the words occur in any file of the archive's folder, be it only in part: of a long word eight letters
// from its middle are looked for, since the index leaves out what a word has in common with its neighbour.
func traces(t *testing.T, a *Archive, words []string) (found []string) {
	t.Helper()
	files, err := filepath.Glob(a.Path() + "*")
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v, %v", files, err)
	}
	var all []byte
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	parts := map[string]string{}
	for _, w := range words {
		if len(w) >= 12 {
			parts[w[4:12]] = w
		} else if bytes.Contains(all, []byte(w)) {
			found = append(found, w)
		}
	}
	for i := 0; i+8 <= len(all); i++ {
		if w, ok := parts[string(all[i:i+8])]; ok {
			found = append(found, w)
			delete(parts, w[4:12])
		}
	}
	return found
}

// speaker makes words that nobody else says.
type speaker struct {
	r    *rand.Rand
	said []string
}

func (s *speaker) word() string {
	b := make([]byte, 12+s.r.IntN(12))
	for i := range b {
		b[i] = byte('a' + s.r.IntN(26))
	}
	s.said = append(s.said, string(b))
	return string(b)
}

func (s *speaker) line() string {
	words := make([]string, 1+s.r.IntN(20))
	for i := range words {
		words[i] = s.word()
	}
	return strings.Join(words, " ")
}

// fill writes n conversations, every tenth of them the victim's, whose words it returns.
func fill(t *testing.T, a *Archive, n int) (victim, others []string) {
	t.Helper()
	him := &speaker{r: rand.New(rand.NewPCG(1, 1))}
	rest := &speaker{r: rand.New(rand.NewPCG(2, 2))}
	for i := range n {
		s, jid, sub := rest, fmt.Sprintf("other-%d@visitors.example", i), ""
		if i%10 == 3 {
			s, jid, sub = him, "v1@visitors.example", "customer-1"
		}
		if i%20 == 3 {
			jid = "another-" + him.word() + "@visitors.example" // joined by his sub
		}
		c := Conversation{ID: fmt.Sprintf("01JD%06d", i), Site: "shop", Workgroup: "support", State: "active", Asked: noon,
			Visitor: Person{JID: jid, Sub: sub, Verified: sub != "", Name: s.word(), Email: s.word() + "@example.com", Phone: s.word(),
				Groups: []string{s.word()}, Page: "/" + s.word(), Referrer: s.word(), Title: s.word(), Address: s.word()},
			Question: s.line(), Form: map[string]string{"size": s.line()}, RatingText: s.word(), Rating: 1,
			Room: "c-" + s.word() + "@rooms.example", Resume: []byte(s.line()),
		}
		b := Batch{Conversations: []Conversation{c}}
		for seq := range 3 + s.r.IntN(8) {
			b.Events = append(b.Events, Event{Conversation: c.ID, Seq: seq + 1, Time: noon, Kind: []string{KindMessage, KindNote, "leave"}[seq%3],
				From: jid, Nick: s.word(), Body: s.line(), StanzaID: s.word()})
		}
		b.Items = append(b.Items, Item{"visitor/shop/" + jid, []byte(s.word())})
		b.Notices = append(b.Notices, Notice{"shop", "support", "transcript", c.ID, []string{s.word() + "@example.com"}, noon})
		write(t, a, b)
		c.Question = s.line() // and the old one is gone
		write(t, a, Batch{Conversations: []Conversation{c}})
	}
	write(t, a, Batch{Items: []Item{{"visitor/shop/customer-1", []byte(him.word())}, {"visitor/blog/customer-1", []byte("theirs")}}})
	return him.said, rest.said
}

func TestErase(t *testing.T) {
	for _, name := range []string{"customer-1", "v1@visitors.example", "V1@visitors.example/web"} {
		t.Run(name, func(t *testing.T) {
			a := open(t)
			server := openAt(t, a.Path()) // another one has the file open all the while
			his, others := fill(t, server, 120)
			if n := len(traces(t, a, his)); n < len(his)*9/10 { // all but replaced questions, or the test proves nothing
				t.Fatalf("only %d of %d words are there before", n, len(his))
			}
			before, err := a.Erasable(context.Background(), name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := a.Erase(context.Background(), name)
			if err != nil || got != before || got.Conversations != 12 || got.Messages == 0 || got.Items < 8 {
				t.Errorf("erased %+v, %v; announced %+v", got, err, before)
			}
			if left := traces(t, a, append(his, "v1@visitor")); len(left) > 0 {
				t.Errorf("%d of %d words are still in the files: %.10v", len(left), len(his), left)
			}
			kept, _, err := a.Query(context.Background(), Filter{Limit: 1000})
			if err != nil || len(kept) != 108 {
				t.Errorf("%d conversations of others are left, %v", len(kept), err)
			}
			if n := len(traces(t, a, others)); n < len(others)*9/10 {
				t.Errorf("only %d of %d words of others are there after", n, len(others))
			}
			// The index is whole: what is there is found, and it can be deleted.
			for _, c := range kept {
				if found, _, err := server.Query(context.Background(), Filter{Words: c.Visitor.Name}); err != nil || ids(found) != c.ID {
					t.Fatalf("%s is found as %q, %v", c.ID, ids(found), err)
				}
			}
			checkIndex(t, a)
			if _, err := a.Erase(context.Background(), name); !errors.Is(err, ErrNotFound) {
				t.Errorf("again: %v", err)
			}
		})
	}
}

// Words that stand beside each other in the index divide its pages between them; their beginnings must go too.
func TestEraseNeighbours(t *testing.T) {
	a := open(t)
	fill(t, a, 20)
	c := chat()
	c.Visitor = Person{JID: "him@visitors.example"}
	b := Batch{Conversations: []Conversation{c}}
	for i := range 400 {
		b.Events = append(b.Events, said(c, i+1, fmt.Sprintf("geheim%04da geheim%04db geheim%04dc", i, i, i)))
	}
	write(t, a, b)
	for range 3 { // also once the index has one part only
		if _, err := a.Erase(context.Background(), "him@visitors.example"); err != nil {
			t.Fatal(err)
		}
		if left := traces(t, a, []string{"geheim", "him@"}); len(left) > 0 {
			t.Errorf("%q is still in the files", left)
		}
		b.Conversations[0].ID += "A" // the first is on the list of the erased
		for i := range b.Events {
			b.Events[i].Conversation = b.Conversations[0].ID
		}
		write(t, a, b)
		if _, err := a.write.Exec("INSERT INTO words (words) VALUES ('optimize')"); err != nil {
			t.Fatal(err)
		}
	}
}

// How an erasure holds up others: writing waits for it, no longer than it is told to, and is an ErrLocked then.
func TestWriteBesideEraser(t *testing.T) {
	a := open(t)
	a.wait = time.Millisecond
	held, err := a.write.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Write(talk("A", nil, "x")); !errors.Is(err, ErrLocked) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := a.Erase(ctx, "x"); !errors.Is(err, context.Canceled) || errors.Is(err, ErrLocked) {
		t.Errorf("cancelled: %v", err)
	}
	held.Close()
	write(t, a, talk("A", nil, "x"))
}

func TestEraseByMail(t *testing.T) {
	a := open(t)
	write(t, a, talk("A", func(c *Conversation) { c.Visitor = Person{JID: "a@v", Email: "Maria@example.com"} }, "one"))
	write(t, a, talk("B", func(c *Conversation) { c.Visitor = Person{JID: "a@v"} }, "two"))             // by the same JID
	write(t, a, talk("C", func(c *Conversation) { c.Visitor = Person{JID: "b@v", Sub: "7"} }, "three")) // somebody else
	// An unsigned sub proves nothing: B's friend is not him.
	write(t, a, talk("D", func(c *Conversation) { c.Visitor = Person{JID: "a@v", Sub: "7"} }, "four"))
	if got, err := a.Erase(context.Background(), "maria@example.com"); err != nil || got != (Erased{Conversations: 3, Messages: 3}) {
		t.Errorf("erased %+v, %v", got, err)
	}
	if left, _, err := a.Query(context.Background(), Filter{}); err != nil || ids(left) != "C" {
		t.Errorf("left %q, %v", ids(left), err)
	}
	for _, nobody := range []string{"", "maria@example.org", "A", "%", "one"} {
		if _, err := a.Erase(context.Background(), nobody); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", nobody, err)
		}
		if _, err := a.Erasable(context.Background(), nobody); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q would be erased: %v", nobody, err)
		}
	}
}

// A ban outlives him, without the name that he gave.
func TestEraseNameOfABan(t *testing.T) {
	a := open(t)
	ban := func(id, visitor, sub, name string) Item {
		return Item{Key: "ban/" + id, Value: []byte(`{"ID":"` + id + `","Visitor":"` + visitor + `","Sub":"` + sub + `","Address":"x","Name":"` + name + `"}`)}
	}
	b := talk("A", func(c *Conversation) { c.Visitor = Person{JID: "A@v", Name: "Annabellissima"} }, "one")
	b.Items = []Item{ban("b1", "A@v", "", "Annabellissima"), ban("b2", "b@v", "7", "Bartholomaeus"), ban("b3", "c@v", "", "Christophorus"), {"ban/b4", []byte("{")}}
	write(t, a, b)
	for visitor, want := range map[string]Erased{"a@v": {Conversations: 1, Messages: 1, Items: 1}, "7": {Items: 1}} {
		if would, err := a.Erasable(context.Background(), visitor); err != nil || would != want {
			t.Errorf("of %s would be erased %+v, %v", visitor, would, err)
		}
		if got, err := a.Erase(context.Background(), visitor); err != nil || got != want {
			t.Errorf("of %s was erased %+v, %v, want %+v", visitor, got, err, want)
		}
	}
	if left := traces(t, a, []string{"Annabellissima", "Bartholomaeus", "Christophorus"}); strings.Join(left, " ") != "Christophorus" {
		t.Errorf("left are %q", left)
	}
	s, err := a.Load()
	if err != nil {
		t.Fatal(err)
	}
	want := []Item{ban("b1", "A@v", "", ""), ban("b2", "b@v", "7", ""), ban("b3", "c@v", "", "Christophorus"), {"ban/b4", []byte("{")}}
	if !slices.EqualFunc(s.Items, want, func(a, b Item) bool { return a.Key == b.Key && bytes.Equal(a.Value, b.Value) }) {
		t.Errorf("bans left: %q", s.Items)
	}
}

// A desk that runs on writes of the erased conversation again: nothing of it comes back.
func TestEraseRunning(t *testing.T) {
	a := open(t)
	b := talk("A", nil, "secretword")
	b.Notices = []Notice{{"shop", "support", "closed", "A", nil, noon}}
	write(t, a, b)
	if _, err := a.Erase(context.Background(), "customer-1"); err != nil {
		t.Fatal(err)
	}
	b.Events = append(b.Events, said(b.Conversations[0], 2, "further"))
	write(t, a, b)
	if left := traces(t, a, []string{"secretword", "further", "maria"}); len(left) > 0 {
		t.Errorf("%q came back", left)
	}
	if due, err := a.Due(noon.Add(time.Hour), 10); err != nil || len(due) > 0 {
		t.Errorf("notices %+v, %v", due, err)
	}
	if s, err := a.Load(); err != nil || len(s.Conversations) > 0 {
		t.Errorf("loaded %+v, %v", s, err)
	}
}

// Others read and write while a visitor is erased; none of them fails and nothing of theirs is lost.
func TestEraseBesideServer(t *testing.T) {
	server := open(t)
	his, _ := fill(t, server, 60)
	cli := openAt(t, server.Path())
	stop := make(chan struct{})
	var both sync.WaitGroup
	both.Add(2)
	written := 0
	go func() { // ended by stop
		defer both.Done()
		for {
			select {
			case <-stop:
				return
			default:
			}
			b := talk(fmt.Sprintf("N%05d", written), func(c *Conversation) { c.Visitor = Person{JID: "new@v"} }, "new")
			if err := server.Write(b); err != nil {
				t.Error(err)
				return
			}
			written++
		}
	}()
	go func() { // ended by stop
		defer both.Done()
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, _, err := server.Query(context.Background(), Filter{Words: "new"}); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	_, err := cli.Erase(context.Background(), "customer-1")
	close(stop)
	both.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if left := traces(t, cli, his); len(left) > 0 {
		t.Errorf("%d words are still in the files: %.10v", len(left), left)
	}
	if s, err := cli.Load(); err != nil || len(s.Conversations) != 54+written {
		t.Errorf("%d conversations, want %d, %v", len(s.Conversations), 54+written, err)
	}
}

// The same with a server in a process of its own: it isn't disturbed, and what it keeps in its files and caches brings nothing back.
func TestEraseBesideProcess(t *testing.T) {
	a := open(t)
	his, _ := fill(t, a, 60)
	server, lines := startWriter(t, a.Path())
	for range 3 {
		if !lines.Scan() {
			t.Fatalf("the server ended: %v", lines.Err())
		}
	}
	if _, err := a.Erase(context.Background(), "customer-1"); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if !lines.Scan() {
			t.Fatalf("the server ended: %v", lines.Err())
		}
	}
	last, err := strconv.Atoi(lines.Text())
	if err != nil {
		t.Fatalf("the server said %q", lines.Text())
	}
	if left := traces(t, a, his); len(left) > 0 {
		t.Errorf("%d words are still in the files: %.10v", len(left), left)
	}
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	server.Wait() // it was killed, what else
	if _, events, err := a.Get(strconv.Itoa(last % 3)); err != nil || len(events) < last/3+1 {
		t.Errorf("%d events of the server's are there after batch %d, %v", len(events), last, err)
	}
}

// Others who write for longer than Options.Wait don't make it fail: it waits for its turn.
func TestEraseWaitsForWriters(t *testing.T) {
	a := open(t)
	write(t, a, talk("A", nil, "secretword"))
	held, err := a.write.Begin()
	if err != nil {
		t.Fatal(err)
	}
	impatient, err := Open(a.Path(), Options{Wait: time.Millisecond, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	defer impatient.Close()
	done := make(chan error, 1)
	go func() { // ends with the transaction below
		_, err := impatient.Erase(context.Background(), "customer-1")
		done <- err
	}()
	other, err := Open(a.Path(), Options{Wait: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for range 5 { // each is refused after its 20 ms: the eraser has had its own 1 ms by then
		if err := other.Write(talk("B", nil, "word")); !errors.Is(err, ErrLocked) {
			t.Fatalf("written beside a transaction: %v", err)
		}
	}
	if err := held.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("erase: %v", err)
	}
	if left := traces(t, a, []string{"secretword"}); len(left) > 0 {
		t.Errorf("%q is still there", left)
	}
}

// A reader that stays keeps old pages in the log; once it is gone, Tidy sees to what is left.
func TestEraseHeldUp(t *testing.T) {
	a := open(t)
	write(t, a, talk("A", nil, "secretword"))
	held, err := a.read.Begin()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := held.QueryRow("SELECT count(*) FROM events").Scan(&n); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	impatient, err := Open(a.Path(), Options{Wait: time.Millisecond, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	defer impatient.Close()
	done := make(chan error, 1)
	go func() { // ends when cancelled
		_, err := impatient.Erase(ctx, "customer-1")
		done <- err
	}()
	for { // until his conversation is gone for readers
		if _, _, err := a.Get("A"); errors.Is(err, ErrNotFound) {
			break
		}
	}
	cancel()
	if err := <-done; err == nil {
		t.Error("erased, with a reader of the old pages about")
	}
	if err := held.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := a.Tidy(context.Background()); err != nil {
		t.Fatal(err)
	}
	if left := traces(t, a, []string{"secretword"}); len(left) > 0 {
		t.Errorf("%q is still there", left)
	}
}

func TestRetain(t *testing.T) {
	a := open(t)
	old := noon.Add(-time.Hour)
	add := func(id, site, state string, closed time.Time) {
		b := talk(id, func(c *Conversation) { c.Site, c.State, c.Closed, c.Asked = site, state, closed, old.Add(-time.Minute) }, "word"+id)
		b.Notices = []Notice{{site, "support", "closed", id, nil, noon}}
		if id == "A" {
			b.Events = append(b.Events, said(b.Conversations[0], 2, "more"), said(b.Conversations[0], 3, "words"))
		}
		write(t, a, b)
	}
	for i, id := range []string{"A", "B", "C"} {
		add(id, "shop", StateClosed, old.Add(-time.Minute+time.Duration(i)*time.Second))
	}
	add("D", "shop", StateClosed, old) // not before
	add("E", "blog", StateClosed, old.Add(-time.Second))
	add("F", "shop", "active", time.Time{})
	add("G", "shop", StateOffline, time.Time{})
	write(t, a, Batch{Items: []Item{{"visitor/shop/x", []byte("1")}, {"visitor/shopping/x", []byte("1")}, {"agent/x", []byte("1")}}})
	for i, want := range []struct {
		removed int
		more    bool
		left    string
	}{{0, true, "G F E D C B A"}, {1, true, "G F E D C B"}, {1, true, "G F E D C"}, {2, false, "F E D"}, {0, false, "F E D"}} {
		// A has three events: one goes at once, the others with it.
		most := []int{1, 2, 1, 20, 20}[i]
		n, more, err := a.Retain(context.Background(), "shop", old, most)
		if err != nil || n != want.removed || more != want.more {
			t.Errorf("slice %d: removed %d, more %v, %v", i, n, more, err)
		}
		if left, _, err := a.Query(context.Background(), Filter{}); err != nil || ids(left) != want.left {
			t.Errorf("slice %d left %q, %v", i, ids(left), err)
		}
		if i == 0 {
			if _, events, err := a.Get("A"); err != nil || len(events) != 2 {
				t.Errorf("of A are left %+v, %v", events, err)
			}
		}
	}
	if found, _, err := a.Query(context.Background(), Filter{Words: "worda"}); err != nil || len(found) > 0 {
		t.Errorf("found %q, %v", ids(found), err)
	}
	if due, err := a.Due(noon, 10); err != nil || len(due) != 3 {
		t.Errorf("notices %+v, %v", due, err)
	}
	if _, _, err := a.Retain(context.Background(), "shop", noon.Add(time.Second), 10); err != nil {
		t.Fatal(err)
	}
	s, err := a.Load()
	if err != nil || len(s.Items) != 2 || s.Items[0].Key != "agent/x" || s.Items[1].Key != "visitor/shopping/x" {
		t.Errorf("items %+v, %v", s.Items, err)
	}
}
