package files

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// world is a store whose clock the test sets.
type world struct {
	t   *testing.T
	dir string
	now time.Time
	*Store
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir(), now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	w.reopen()
	return w
}

func (w *world) reopen() {
	w.t.Helper()
	var err error
	w.Store, err = Open(Config{Dir: w.dir, Max: 1000, PerSender: 2500, Types: []string{"image/*", "text/plain", "application/pdf"},
		Retention: 24 * time.Hour, Now: func() time.Time { return w.now }})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) ask(by, name, kind string, size int) Slot {
	w.t.Helper()
	s, err := w.Ask(Request{By: by, Of: []string{by}, Scope: "shop", Name: name, Type: kind, Size: int64(size)})
	if err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	return s
}

// put asks for a slot and fills it.
func (w *world) put(by, name, kind, content string) Slot {
	w.t.Helper()
	s := w.ask(by, name, kind, len(content))
	if err := w.Take(s.ID, s.Name, "", int64(len(content)), strings.NewReader(content)); err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	return s
}

// there returns a file's content; "" if there is none.
func (w *world) there(s Slot) string {
	w.t.Helper()
	f, err := w.Get(s.ID, s.Name)
	if errors.Is(err, ErrNotFound) {
		return ""
	}
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(b)
}

// onDisk lists all files in the folder.
func (w *world) onDisk() (all []string) {
	w.t.Helper()
	err := filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

func TestOneFile(t *testing.T) {
	w := newWorld(t)
	s := w.ask("v", "très cool.txt", "text/plain", 5)
	if s.Name != "très cool.txt" || len(s.ID) != 26 {
		t.Errorf("slot %+v", s)
	}
	if scope, ok := w.Pending(s.ID, s.Name); scope != "shop" || !ok {
		t.Errorf("pending: %q %v", scope, ok)
	}
	if err := w.Take(s.ID, s.Name, "text/plain; charset=utf-8", 5, strings.NewReader("hello, and more")); err != nil {
		t.Fatal(err)
	}
	if got := w.there(s); got != "hello" {
		t.Errorf("got %q", got)
	}
	if got := w.there(Slot{s.ID, "other.txt"}); got != "" {
		t.Errorf("under another name: %q", got)
	}
	if err := w.Take(s.ID, s.Name, "", 5, strings.NewReader("again")); !errors.Is(err, ErrTaken) {
		t.Errorf("a second time: %v", err)
	}
	w.reopen()
	if got := w.there(s); got != "hello" {
		t.Errorf("after a restart: %q", got)
	}
	if err := w.Take(s.ID, s.Name, "", 5, strings.NewReader("again")); !errors.Is(err, ErrTaken) || w.there(s) != "hello" {
		t.Errorf("after a restart, a second time: %v", err)
	}
}

func TestRefusedSlots(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		name string
		r    Request
		want error
	}{
		{"nothing", Request{By: "v", Name: "a.txt", Type: "text/plain"}, ErrSize},
		{"less than nothing", Request{By: "v", Name: "a.txt", Type: "text/plain", Size: -1}, ErrSize},
		{"a type that isn't listed", Request{By: "v", Name: "a.zip", Type: "application/zip", Size: 1}, ErrType},
		{"a type by its name", Request{By: "v", Name: "a.exe", Size: 1}, ErrType},
		{"no type", Request{By: "v", Name: "a.txt", Type: "text", Size: 1}, ErrType},
		{"all types", Request{By: "v", Name: "a.txt", Type: "*/*", Size: 1}, ErrType},
		{"a picture that runs", Request{By: "v", Name: "a.svg", Type: "image/svg+xml", Size: 1}, ErrType},
		{"the same by its name", Request{By: "v", Name: "a.svg", Size: 1}, ErrType},
	} {
		if _, err := w.Ask(c.r); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	var large *TooLargeError
	if _, err := w.Ask(Request{By: "v", Name: "a.txt", Size: 1001}); !errors.As(err, &large) || large.Max != 1000 {
		t.Errorf("too large: %v", err)
	}
	if _, err := w.Ask(Request{By: "v", Name: "A.TXT", Size: 1000}); err != nil {
		t.Errorf("as large as may be, type by its name: %v", err)
	}
}

// TestQuota: slots that wait count, and so does what lay there before a restart; what is removed counts no more.
func TestQuota(t *testing.T) {
	w := newWorld(t)
	w.put("v", "a.txt", "", strings.Repeat("a", 1000))
	w.ask("v", "b.txt", "", 1000)
	full := func(size int64, want error) {
		t.Helper()
		if _, err := w.Ask(Request{By: "v", Of: []string{"v"}, Name: "c.txt", Size: size}); !errors.Is(err, want) {
			t.Errorf("%d more: %v, want %v", size, err, want)
		}
	}
	full(501, ErrQuota)
	if _, err := w.Ask(Request{By: "u", Name: "c.txt", Size: 501}); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	w.now = w.now.Add(SlotTime)
	full(1000, nil) // b.txt never came
	full(501, ErrQuota)
	w.reopen()
	w.ask("v", "b.txt", "", 1000)
	full(501, ErrQuota)
	w.now = w.now.Add(24 * time.Hour)
	if n, err := w.Sweep(); n != 1 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	w.ask("v", "b.txt", "", 1000)
	w.ask("v", "b.txt", "", 1000)
	full(501, ErrQuota)
	for range maxPerson {
		w.ask("w", "c.txt", "", 1)
	}
	if _, err := w.Ask(Request{By: "w", Name: "c.txt", Size: 1}); !errors.Is(err, ErrSlots) {
		t.Errorf("one slot more: %v", err)
	}
}

// TestTakeRefused: what doesn't come as it was announced leaves nothing behind.
func TestTakeRefused(t *testing.T) {
	w := newWorld(t)
	text := func() Slot { return w.ask("v", "a.txt", "text/plain", 600) }
	cut := errors.New("connection lost")
	content := strings.Repeat("x", 600)
	for _, c := range []struct {
		name string
		slot func() Slot
		said string
		size int64
		body io.Reader
		want error
	}{
		{"no slot", func() Slot { return Slot{"aaaaaaaaaaaaaaaaaaaaaaaaaa", "a.txt"} }, "", 600, strings.NewReader(content), ErrNotFound},
		{"no id", func() Slot { return Slot{"../../../../etc/passwd", "a.txt"} }, "", 600, strings.NewReader(content), ErrNotFound},
		{"another name", func() Slot { return Slot{text().ID, "b.txt"} }, "", 600, strings.NewReader(content), ErrNotFound},
		{"more than announced", text, "", 601, strings.NewReader(content + "x"), ErrSize},
		{"less than announced", text, "", 599, strings.NewReader(content), ErrSize},
		{"another type", text, "text/html", 600, strings.NewReader(content), ErrType},
		{"cut at once", text, "", 600, strings.NewReader(content[:100]), io.ErrUnexpectedEOF},
		{"cut later", text, "", 600, strings.NewReader(content[:599]), io.ErrUnexpectedEOF},
		{"connection lost", text, "", 600, io.MultiReader(strings.NewReader(content[:550]), iotest.ErrReader(cut)), cut},
	} {
		slot := c.slot()
		if err := w.Take(slot.ID, slot.Name, c.said, c.size, c.body); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if left := w.onDisk(); len(left) > 0 {
			t.Errorf("%s: left %v", c.name, left)
		}
		w.now = w.now.Add(SlotTime) // so that the next finds room
	}
	s := text()
	if err := w.Take(s.ID, s.Name, "", 600, strings.NewReader(content[:100])); err == nil {
		t.Error("cut: taken")
	}
	if err := w.Take(s.ID, s.Name, "", 600, strings.NewReader(content)); err != nil {
		t.Errorf("once more after the connection was lost: %v", err)
	}
	s = text()
	w.now = w.now.Add(SlotTime)
	if err := w.Take(s.ID, s.Name, "", 600, strings.NewReader(content)); !errors.Is(err, ErrNotFound) {
		t.Errorf("too late: %v", err)
	}
}

// TestTakenTwiceAtOnce: while one upload is on its way a second one of the slot is refused, and the file is the first one's.
func TestTakenTwiceAtOnce(t *testing.T) {
	w := newWorld(t)
	s := w.ask("v", "a.txt", "", 600)
	r, pipe := io.Pipe()
	done := make(chan error)
	go func() { done <- w.Take(s.ID, s.Name, "", 600, r) }()
	if _, err := pipe.Write(bytes.Repeat([]byte("1"), 513)); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(2 * SlotTime) // an upload that has begun may go on
	if err := w.Take(s.ID, s.Name, "", 600, strings.NewReader(strings.Repeat("2", 600))); !errors.Is(err, ErrTaken) {
		t.Errorf("the second: %v", err)
	}
	if got := w.there(s); got != "" {
		t.Errorf("half a file is there: %q", got)
	}
	if _, err := pipe.Write(bytes.Repeat([]byte("1"), 87)); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || w.there(s) != strings.Repeat("1", 600) {
		t.Errorf("the first: %v", err)
	}
}

// TestCrash: what was on its way is gone after a restart, what was complete is there.
func TestCrash(t *testing.T) {
	w := newWorld(t)
	kept := w.put("v", "a.txt", "", "kept")
	s := w.ask("v", "b.txt", "", 600)
	r, pipe := io.Pipe()
	done := make(chan error)
	go func() { done <- w.Take(s.ID, s.Name, "", 600, r) }()
	pipe.Write(bytes.Repeat([]byte("1"), 512))
	pipe.Write([]byte("1")) // returns when the first part is written
	if n := len(w.onDisk()); n != 2 {
		t.Errorf("%d files while one is on its way, want 2", n)
	}
	w.reopen()
	if left := w.onDisk(); len(left) != 1 || w.there(kept) != "kept" || w.there(s) != "" {
		t.Errorf("after the crash: %v", left)
	}
	pipe.CloseWithError(io.ErrUnexpectedEOF)
	<-done
}

// TestErase: a visitor's files go, those of his chats that agents sent too, and what he is sending.
func TestErase(t *testing.T) {
	for _, way := range []string{"store", "folder"} {
		w := newWorld(t)
		agents, err := w.Ask(Request{By: "alice", Of: []string{"v", "u"}, Name: "a.txt", Size: 5})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Take(agents.ID, agents.Name, "", 5, strings.NewReader("alice")); err != nil {
			t.Fatal(err)
		}
		mine, others := w.put("v", "b.txt", "", "visitor"), w.put("u", "c.txt", "", "other")
		waiting := w.ask("v", "d.txt", "", 1)
		var n int
		if way == "store" {
			n, err = w.Erase([]string{"v"})
		} else {
			n, err = Erase(w.dir, []string{"v"})
		}
		if n != 2 || err != nil || w.there(agents)+w.there(mine) != "" || w.there(others) != "other" {
			t.Errorf("%s: erased %d, %v", way, n, err)
		}
		for _, path := range w.onDisk() {
			if b, err := os.ReadFile(path); err != nil || bytes.Contains(b, []byte("visitor")) || bytes.Contains(b, []byte(`"v"`)) {
				t.Errorf("%s: %s still has something of him: %v", way, path, err)
			}
		}
		if _, ok := w.Pending(waiting.ID, waiting.Name); ok == (way == "store") {
			t.Errorf("%s: his slot is open: %v", way, ok)
		}
	}
	w := newWorld(t)
	s := w.ask("v", "a.txt", "", 600)
	r, pipe := io.Pipe()
	done := make(chan error)
	go func() { done <- w.Take(s.ID, s.Name, "", 600, r) }()
	pipe.Write(bytes.Repeat([]byte("1"), 512))
	if _, err := w.Erase([]string{"v"}); err != nil {
		t.Fatal(err)
	}
	pipe.Write(bytes.Repeat([]byte("1"), 88))
	if err := <-done; !errors.Is(err, ErrNotFound) || len(w.onDisk()) > 0 {
		t.Errorf("erased while it was on its way: %v, left %v", err, w.onDisk())
	}
}

func TestRetention(t *testing.T) {
	w := newWorld(t)
	old := w.put("v", "a.txt", "", "old")
	w.now = w.now.Add(24*time.Hour - 1)
	young := w.put("v", "b.txt", "", "young")
	if n, err := w.Sweep(); n != 0 || err != nil || w.there(old) != "old" {
		t.Errorf("too early: %d, %v", n, err)
	}
	w.now = w.now.Add(1)
	if w.there(old) != "" {
		t.Error("outdated, and still to be had")
	}
	if n, err := w.Sweep(); n != 1 || err != nil || w.there(young) != "young" || len(w.onDisk()) != 1 {
		t.Errorf("%d, %v, left %v", n, err, w.onDisk())
	}
}

// pictures are small ones of each kind that is decoded.
func pictures(t *testing.T) map[string][]byte {
	t.Helper()
	m := image.NewPaletted(image.Rect(0, 0, 3, 2), color.Palette{color.Black, color.White})
	all := map[string][]byte{}
	for kind, encode := range map[string]func(io.Writer) error{
		"image/png":  func(w io.Writer) error { return png.Encode(w, m) },
		"image/jpeg": func(w io.Writer) error { return jpeg.Encode(w, m, nil) },
		"image/gif":  func(w io.Writer) error { return gif.Encode(w, m, nil) },
	} {
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			t.Fatal(err)
		}
		all[kind] = b.Bytes()
	}
	return all
}

// TestContent: a file is what it says, and only pictures that were decoded may be shown.
func TestContent(t *testing.T) {
	p := pictures(t)
	huge := slices.Clone(p["image/png"]) // a picture of 2^31-1 by 2^31-1 in 70 bytes
	copy(huge[16:], "\x7f\xff\xff\xff\x7f\xff\xff\xff")
	for _, c := range []struct {
		name, kind, content string
		taken, inline       bool
	}{
		{"PNG", "image/png", string(p["image/png"]), true, true},
		{"JPEG", "image/jpeg", string(p["image/jpeg"]), true, true},
		{"GIF", "image/gif", string(p["image/gif"]), true, true},
		{"a GIF that is a script too", "image/gif", "GIF89a/*\x00\x00\x00\x00*/=1;alert(1)//", true, false},
		{"a PNG with nothing behind its signature", "image/png", "\x89PNG\r\n\x1a\n<html><script>alert(1)</script>", true, false},
		{"half a PNG", "image/png", string(p["image/png"][:60]), true, false},
		{"a PNG that would fill the memory", "image/png", string(huge), true, false},
		{"WebP", "image/webp", "RIFF\x10\x00\x00\x00WEBPVP8 \x00\x00\x00\x00", true, false},
		{"AVIF", "image/avif", "\x00\x00\x00\x1cftypavif\x00\x00\x00\x00", true, false},
		{"a JPEG that says PNG", "image/png", string(p["image/jpeg"]), false, false},
		{"HTML that says PNG", "image/png", "<html><script>alert(1)</script>", false, false},
		{"HTML that says AVIF", "image/avif", "<!DOCTYPE html><script>alert(1)</script>", false, false},
		{"HTML that says a picture nobody knows", "image/x-none", "<html><script>alert(1)</script>", false, false},
		{"SVG that says PNG", "image/png", "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", false, false},
		{"HTML that says text", "text/plain", "  <script>alert(1)</script>", false, false},
		{"PDF", "application/pdf", "%PDF-1.7\n", true, false},
		{"HTML that says PDF", "application/pdf", "<html>%PDF-1.7", false, false},
		{"text", "text/plain", "Grüße\r\n", true, false},
		{"a program that says text", "text/plain", "MZ\x90\x00\x03\x00\x00\x00\x04", false, false},
		{"PDF that says text", "text/plain", "%PDF-1.7\n", false, false},
	} {
		w := newWorld(t)
		s := w.ask("v", "a", c.kind, len(c.content))
		err := w.Take(s.ID, s.Name, "", int64(len(c.content)), strings.NewReader(c.content))
		if !c.taken {
			if !errors.Is(err, ErrType) || len(w.onDisk()) > 0 {
				t.Errorf("%s: %v, left %v", c.name, err, w.onDisk())
			}
			if _, ok := w.Pending(s.ID, s.Name); ok {
				t.Errorf("%s: may be tried again", c.name)
			}
			continue
		}
		f, err2 := w.Get(s.ID, s.Name)
		if err != nil || err2 != nil {
			t.Errorf("%s: %v, %v", c.name, err, err2)
			continue
		}
		if f.Inline != c.inline || f.Type != c.kind {
			t.Errorf("%s: inline %v, %s", c.name, f.Inline, f.Type)
		}
		f.Close()
	}
}

func TestAllows(t *testing.T) {
	list := []string{"image/*", "text/*", "application/pdf"}
	for kind, want := range map[string]bool{
		"image/png": true, "image/heic": true, "image/svg+xml": false, "text/plain": true, "text/html": false, "text/javascript": false,
		"text/xml": false, "application/pdf": true, "application/zip": false, "video/mp4": false,
	} {
		if allows(list, kind) != want {
			t.Errorf("%s: %v", kind, !want)
		}
	}
	if !allows([]string{"image/svg+xml"}, "image/svg+xml") {
		t.Error("a type that is listed by name isn't allowed")
	}
}

// TestOpenForeign: a folder with what isn't ours is used as it is; a file that can't be read is told, and hides no other.
func TestOpenForeign(t *testing.T) {
	w := newWorld(t)
	s := w.put("v", "a.txt", "", "mine")
	for name, content := range map[string]string{"README": "x", "zz/notes.txt": "x", "zz/zzzzzzzzzzzzzzzzzzzzzzzzzz": "damaged"} {
		path := filepath.Join(w.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n, err := w.Erase([]string{"v"})
	if n != 1 || err == nil || !strings.Contains(err.Error(), "zzzzzzzzzzzzzzzzzzzzzzzzzz") || w.there(s) != "" {
		t.Errorf("erased %d, %v", n, err)
	}
	if left := w.onDisk(); len(left) != 3 {
		t.Errorf("left %v, want what isn't ours", left)
	}
	if got, err := w.Get("zzzzzzzzzzzzzzzzzzzzzzzzzz", "x"); got != nil || err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("a damaged file: %v, %v", got, err)
	}
}
