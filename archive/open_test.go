package archive

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
	"time"
)

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	made := func(name string, statements ...string) string {
		path := filepath.Join(dir, name)
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for _, s := range statements {
			if _, err := db.Exec(s); err != nil {
				t.Fatal(err)
			}
		}
		return path
	}
	written := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	newer := filepath.Join(dir, "newer.db")
	a := openAt(t, newer)
	if _, err := a.write.Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	a.Close()
	tests := []struct {
		name, path string
		want       error
	}{
		{"missing", filepath.Join(dir, "none.db"), ErrMissing},
		{"no database", written("text.db", bytes.Repeat([]byte("no database "), 1000)), ErrCorrupt},
		{"somebody else's", made("foreign.db", "CREATE TABLE t (x)"), ErrForeign},
		{"marked as somebody else's", made("marked.db", "PRAGMA application_id = 7"), ErrForeign},
		{"newer", newer, ErrNewer},
		{"no folder", filepath.Join(dir, "text.db", "x.db"), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before, _ := os.ReadFile(tt.path)
			a, err := Open(tt.path, Options{Existing: true})
			if err == nil {
				a.Close()
				t.Fatal("opened")
			}
			for _, kind := range []error{ErrLocked, ErrNewer, ErrForeign, ErrFull, ErrCorrupt, ErrMissing} {
				if errors.Is(err, kind) != (kind == tt.want) {
					t.Errorf("%v is of kind %v", err, kind)
				}
			}
			if after, _ := os.ReadFile(tt.path); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
		})
	}
	empty := written("empty.db", nil)
	if a, err := Open(empty, Options{}); err != nil {
		t.Errorf("an empty file: %v", err)
	} else {
		write(t, a, talk("A", nil, "x"))
		a.Close()
	}
}

func TestLocked(t *testing.T) {
	a := open(t)
	other, err := Open(a.Path(), Options{Wait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tx, err := a.write.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Write(talk("A", nil, "x")); !errors.Is(err, ErrLocked) {
		t.Errorf("while another writes: %v", err)
	}
	if _, _, err := other.Query(context.Background(), Filter{}); err != nil {
		t.Errorf("reading meanwhile: %v", err)
	}
	if _, err := Open(a.Path(), Options{Wait: time.Millisecond}); err != nil {
		t.Errorf("opening meanwhile: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := other.Write(talk("A", nil, "x")); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// A full disk takes nothing of a batch, and what was there stays; with room again the same batch is taken.
func TestFull(t *testing.T) {
	a := open(t)
	write(t, a, talk("A", nil, "one"))
	var pages int
	if err := a.write.QueryRow("PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	limit := func(n int) {
		if err := a.write.QueryRow("PRAGMA max_page_count = " + strconv.Itoa(n)).Scan(&n); err != nil {
			t.Fatal(err)
		}
	}
	limit(pages)
	big := talk("B", nil, string(bytes.Repeat([]byte("two "), 20000)))
	if err := a.Write(big); !errors.Is(err, ErrFull) {
		t.Errorf("on a full disk: %v", err)
	}
	if all, _, err := a.Query(context.Background(), Filter{}); err != nil || ids(all) != "A" {
		t.Errorf("after it: %q, %v", ids(all), err)
	}
	limit(pages + 1000)
	write(t, a, big)
	if _, events, err := a.Get("B"); err != nil || len(events) != 1 {
		t.Errorf("with room again: %d events, %v", len(events), err)
	}
}

func TestSecret(t *testing.T) {
	a := open(t)
	one, err := a.Secret("one")
	if err != nil || len(one) != 32 || bytes.Equal(one, make([]byte, 32)) {
		t.Fatalf("secret %x, %v", one, err)
	}
	other := openAt(t, a.Path())
	if again, err := other.Secret("one"); err != nil || !bytes.Equal(one, again) {
		t.Errorf("again %x, %v", again, err)
	}
	if two, err := a.Secret("two"); err != nil || len(two) != 32 || bytes.Equal(one, two) {
		t.Errorf("another %x, %v", two, err)
	}
}

func TestNotices(t *testing.T) {
	a := open(t)
	notice := func(id string, at time.Time, mail ...string) Notice {
		return Notice{"shop", "support", "closed", id, mail, at}
	}
	all := Batch{Notices: []Notice{notice("A", noon), notice("B", noon.Add(-time.Minute), "x@y", "z@y"), notice("C", noon.Add(time.Hour)), notice("D", noon)}}
	write(t, a, all)
	due := func(at time.Time, n int) (list []Pending) {
		list, err := a.Due(at, n)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	got := due(noon, 10)
	want := []Pending{{all.Notices[1], 2, 0}, {all.Notices[0], 1, 0}, {all.Notices[3], 4, 0}}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("due %+v\nwant %+v", got, want)
	}
	if first := due(noon, 1); len(first) != 1 || first[0].ID != 2 {
		t.Errorf("the first: %+v", first)
	}
	for _, err := range []error{a.Done(1), a.Again(2, noon.Add(time.Minute)), a.GiveUp(4), a.Done(99)} {
		if err != nil {
			t.Error(err)
		}
	}
	if got := due(noon, 10); len(got) > 0 {
		t.Errorf("still due: %+v", got)
	}
	if next, err := a.NextDue(); err != nil || !next.Equal(noon.Add(time.Minute)) {
		t.Errorf("next %v, %v", next, err)
	}
	if got := due(noon.Add(time.Minute), 10); len(got) != 1 || got[0].ID != 2 || got[0].Tries != 1 {
		t.Errorf("again: %+v", got)
	}
	write(t, a, all) // the same batch, written again after a crash
	if got := due(noon.Add(24*time.Hour), 10); len(got) != 2 {
		t.Errorf("told twice: %+v", got)
	}
	if err := a.Done(2); err != nil {
		t.Fatal(err)
	}
	late, err := Open(a.Path(), Options{Now: func() time.Time { return noon.Add(49 * time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	if err := late.Tidy(context.Background()); err != nil {
		t.Fatal(err)
	}
	var left string
	if err := a.read.QueryRow("SELECT group_concat(conversation) FROM notices").Scan(&left); err != nil || left != "C" {
		t.Errorf("left %q, %v", left, err)
	}
}

func TestBackup(t *testing.T) {
	a := open(t)
	b := talk("A", nil, "parcel")
	write(t, a, b)
	secret, err := a.Secret("x")
	if err != nil {
		t.Fatal(err)
	}
	held, err := a.write.Begin() // somebody writes
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "it's a copy.db")
	if err := a.Backup(context.Background(), file); err != nil {
		t.Fatal(err)
	}
	held.Rollback()
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file %v, %v", info, err)
	}
	write(t, a, talk("B", nil, "later"))
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Backup(context.Background(), file); !errors.Is(err, ErrExists) {
		t.Errorf("over it: %v", err)
	}
	if after, err := os.ReadFile(file); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the first copy was changed, %v", err)
	}
	if files, err := os.ReadDir(filepath.Dir(file)); err != nil || len(files) != 1 {
		t.Errorf("files %v, %v", files, err)
	}
	if err := a.Backup(context.Background(), filepath.Join(file, "x")); err == nil {
		t.Error("into no folder")
	}
	// It's an archive as whole as the first.
	c := openAt(t, file)
	if got, events, err := c.Get("A"); err != nil || !reflect.DeepEqual(got, b.Conversations[0]) || !reflect.DeepEqual(events, b.Events) {
		t.Errorf("in it %+v %+v, %v", got, events, err)
	}
	if found, _, err := c.Query(context.Background(), Filter{Words: "parcel"}); err != nil || ids(found) != "A" {
		t.Errorf("found in it %q, %v", ids(found), err)
	}
	if same, err := c.Secret("x"); err != nil || !bytes.Equal(secret, same) {
		t.Errorf("secret %x, %v", same, err)
	}
	write(t, c, talk("C", nil, "new"))
}
