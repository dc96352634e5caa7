// Package files keeps what visitors and agents send each other: it gives out slots (XEP-0363), takes each file once, and gives it to who
// has its address. It knows folders and bytes; who may ask for a slot, and how a file travels, is its caller's concern.
//
// A file is one file on the disk: a line about it, filled up with blanks, and its content. It gets its name when it is complete and on the disk, so a
// crash leaves nothing half; what was on its way is removed at the next start. There is no list of files but the folder itself.
package files

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Errors of this package.
var (
	ErrNotFound = errors.New("files: not there")
	ErrSize     = errors.New("files: more or less bytes than were announced")
	ErrType     = errors.New("files: this type is not accepted")
	ErrQuota    = errors.New("files: too much of one sender")
	ErrSlots    = errors.New("files: too many slots are open")
	ErrTaken    = errors.New("files: this slot is in use or used")
)

// TooLargeError says that a file is larger than any may be.
type TooLargeError struct{ Max int64 }

func (e *TooLargeError) Error() string { return fmt.Sprintf("files: more than %d bytes", e.Max) }

// Bounds of slots.
const (
	SlotTime   = 5 * time.Minute // XEP-0363 §8 recommends 300 s
	maxSlots   = 4096
	maxPerson  = 8 // open at a time
	maxAbout   = 4096
	folderMode = 0o700
	fileMode   = 0o600
)

// Config is what a Store is made with.
type Config struct {
	Dir       string        // created if it isn't there
	Max       int64         // bytes of one file
	PerSender int64         // bytes of all files of one sender
	Types     []string      // TYPE/SUBTYPE or TYPE/*
	Retention time.Duration // 0: for ever
	Now       func() time.Time
}

// Request asks for a slot.
type Request struct {
	By    string   // who sends it: his quota counts
	Of    []string // whose it is: erased with the first of them
	Scope string   // of the caller's; Pending gives it back
	Name  string   // as the sender says
	Type  string   // as the sender says; "" = by the name
	Size  int64
}

// Slot is where one file is put, once, and got from.
type Slot struct {
	ID   string // 128 random bits
	Name string // clean
}

// slot is one that was given out.
type slot struct {
	Request
	until time.Time
	busy  bool
}

// Store is a folder of files. Its methods may be called at any time by anybody.
type Store struct {
	cfg      Config
	decoding sync.Mutex // one picture at a time: they need memory

	mu    sync.Mutex
	slots map[string]*slot
	used  map[string]int64 // bytes on the disk, by sender
}

// about is the line at a file's beginning.
type about struct {
	Name   string    `json:"name"`
	Type   string    `json:"type"`
	Size   int64     `json:"size"`
	Inline bool      `json:"inline"` // a picture that was decoded
	By     string    `json:"by"`
	Of     []string  `json:"of"`
	At     time.Time `json:"at"`
}

// Open opens the folder for one process, and removes what a crash has left half done.
func Open(cfg Config) (*Store, error) {
	s := &Store{cfg: cfg, slots: make(map[string]*slot), used: make(map[string]int64)}
	if s.cfg.Now == nil {
		s.cfg.Now = time.Now
	}
	if err := os.RemoveAll(s.partial("")); err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	if err := os.MkdirAll(s.partial(""), folderMode); err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	err := walk(cfg.Dir, func(path string, a *about) error {
		s.used[a.By] += a.Size
		return nil
	})
	return s, err
}

func (s *Store) partial(id string) string { return filepath.Join(s.cfg.Dir, "partial", id) }

// place is where a complete file is.
func place(dir, id string) string { return filepath.Join(dir, id[:2], id) }

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// isID tells whether it is an id of ours: 26 characters of base32. Nothing else ever becomes part of a path.
func isID(id string) bool {
	if len(id) != 26 {
		return false
	}
	for i := range len(id) {
		if c := id[i]; (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}

// Ask gives out a slot, which is good for SlotTime. Its size counts for the quota from now on.
// Errors: *TooLargeError, ErrSize, ErrType, ErrQuota, ErrSlots.
func (s *Store) Ask(r Request) (Slot, error) {
	if r.Size > s.cfg.Max {
		return Slot{}, &TooLargeError{s.cfg.Max}
	}
	if r.Size <= 0 {
		return Slot{}, ErrSize
	}
	r.Name = CleanName(r.Name)
	var err error
	if r.Type, err = typeOf(r.Type, r.Name); err != nil {
		return Slot{}, err
	}
	if !allows(s.cfg.Types, r.Type) {
		return Slot{}, ErrType
	}
	var raw [16]byte
	rand.Read(raw[:]) // never fails
	id := idEncoding.EncodeToString(raw[:])
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	mine, total := 0, s.used[r.By]+r.Size
	for i, open := range s.slots {
		if !open.busy && !now.Before(open.until) {
			delete(s.slots, i)
		} else if open.By == r.By {
			mine++
			total += open.Size
		}
	}
	switch {
	case len(s.slots) >= maxSlots || mine >= maxPerson:
		return Slot{}, ErrSlots
	case total > s.cfg.PerSender:
		return Slot{}, ErrQuota
	}
	s.slots[id] = &slot{Request: r, until: now.Add(SlotTime)}
	return Slot{id, r.Name}, nil
}

// Pending returns the scope of a slot that waits for its file.
func (s *Store) Pending(id, name string) (scope string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	open := s.slots[id]
	if open == nil || open.Name != name || !open.busy && !s.cfg.Now().Before(open.until) {
		return "", false
	}
	return open.Scope, true
}

// Take takes the one file of a slot: said is its Content-Type, "" if none is said; size its length in bytes. It reads body to that length and returns when
// the file is on the disk. After an error of body or of the disk the slot may be used again while it lasts.
// Errors: ErrNotFound, ErrTaken, ErrSize, ErrType; those of body and of the disk.
func (s *Store) Take(id, name, said string, size int64, body io.Reader) error {
	open, err := s.claim(id, name, said, size)
	if err != nil {
		return err
	}
	err = s.write(id, open, body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slots[id] != open { // erased meanwhile
		if err == nil {
			os.Remove(place(s.cfg.Dir, id))
		}
		return ErrNotFound
	}
	open.busy = false
	if err == nil || errors.Is(err, ErrType) {
		delete(s.slots, id)
	}
	if err == nil {
		s.used[open.By] += open.Size
	}
	return err
}

func (s *Store) claim(id, name, said string, size int64) (*slot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	open := s.slots[id]
	if open == nil || open.Name != name || !open.busy && !s.cfg.Now().Before(open.until) {
		if isID(id) && exists(place(s.cfg.Dir, id)) {
			return nil, ErrTaken
		}
		return nil, ErrNotFound
	}
	if open.busy {
		return nil, ErrTaken
	}
	if size != open.Size {
		return nil, ErrSize // XEP-0363 §7: MUST reject
	}
	if said != "" {
		if t, err := typeOf(said, name); err != nil || t != open.Type {
			return nil, ErrType // §7: SHOULD reject
		}
	}
	open.busy = true
	return open, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// write writes the file beside the others and moves it to its place when it is complete.
func (s *Store) write(id string, open *slot, body io.Reader) (err error) {
	f, err := os.OpenFile(s.partial(id), os.O_RDWR|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return fmt.Errorf("files: %w", err)
	}
	defer func() {
		f.Close()
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	begin := make([]byte, min(sniffed, open.Size))
	if _, err := io.ReadFull(body, begin); err != nil {
		return fmt.Errorf("files: upload: %w", err)
	}
	if !fits(open.Type, begin) {
		return ErrType
	}
	a := about{Name: open.Name, Type: open.Type, Size: open.Size, By: open.By, Of: open.Of, At: s.cfg.Now().UTC()}
	if err := a.write(f); err != nil {
		return err
	}
	if _, err := f.Seek(maxAbout, io.SeekStart); err != nil {
		return fmt.Errorf("files: %w", err)
	}
	n, err := io.Copy(f, io.MultiReader(bytes.NewReader(begin), io.LimitReader(body, open.Size-int64(len(begin)))))
	if err == nil && n < open.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("files: upload: %w", err)
	}
	s.decoding.Lock()
	a.Inline = decode(open.Type, io.NewSectionReader(f, maxAbout, open.Size)) == nil
	s.decoding.Unlock()
	if a.Inline {
		if err := a.write(f); err != nil {
			return err
		}
	}
	return s.settle(f, id)
}

// settle brings a complete file to the disk and to its place.
func (s *Store) settle(f *os.File, id string) error {
	if err := f.Sync(); err != nil {
		return fmt.Errorf("files: %w", err)
	}
	to := place(s.cfg.Dir, id)
	if err := os.MkdirAll(filepath.Dir(to), folderMode); err != nil {
		return fmt.Errorf("files: %w", err)
	}
	if err := os.Rename(f.Name(), to); err != nil {
		return fmt.Errorf("files: %w", err)
	}
	folder, err := os.Open(filepath.Dir(to))
	if err != nil {
		return fmt.Errorf("files: %w", err)
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil {
		return fmt.Errorf("files: %w", err)
	}
	return nil
}

// write writes the line at the file's beginning, always as long.
func (a *about) write(f *os.File) error {
	b, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("files: %w", err)
	}
	if len(b) >= maxAbout {
		return fmt.Errorf("files: %d bytes about one file", len(b))
	}
	b = append(b, bytes.Repeat([]byte{' '}, maxAbout-1-len(b))...)
	if _, err := f.WriteAt(append(b, '\n'), 0); err != nil {
		return fmt.Errorf("files: %w", err)
	}
	return nil
}

func readAbout(f *os.File) (*about, error) {
	b := make([]byte, maxAbout)
	if _, err := f.ReadAt(b, 0); err != nil {
		return nil, fmt.Errorf("files: %s: %w", f.Name(), err)
	}
	a := new(about)
	if err := json.Unmarshal(b, a); err != nil {
		return nil, fmt.Errorf("files: %s: %w", f.Name(), err)
	}
	return a, nil
}

// File is an open file. Its content is read with Read and Seek; the caller closes it.
type File struct {
	*io.SectionReader
	Type   string
	Inline bool // it may be shown in a page: a picture that was decoded
	f      *os.File
}

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }

// Get opens a complete file by its id and name. ErrNotFound: there is none.
func (s *Store) Get(id, name string) (*File, error) {
	if !isID(id) {
		return nil, ErrNotFound
	}
	f, err := os.Open(place(s.cfg.Dir, id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	a, err := readAbout(f)
	if err == nil && (a.Name != name || s.outdated(a.At)) {
		err = ErrNotFound
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &File{io.NewSectionReader(f, maxAbout, a.Size), a.Type, a.Inline, f}, nil
}

func (s *Store) outdated(at time.Time) bool {
	return s.cfg.Retention > 0 && !s.cfg.Now().Before(at.Add(s.cfg.Retention))
}

// Erase removes every file of these, complete or on its way, and their slots; it returns how many files there were.
func (s *Store) Erase(of []string) (int, error) {
	s.mu.Lock()
	for id, open := range s.slots {
		if anyOf(open.Of, of) {
			delete(s.slots, id)
		}
	}
	s.mu.Unlock()
	return s.remove(func(a *about) bool { return anyOf(a.Of, of) })
}

// Sweep removes what is older than the retention.
func (s *Store) Sweep() (int, error) {
	return s.remove(func(a *about) bool { return s.outdated(a.At) })
}

func (s *Store) remove(which func(a *about) bool) (int, error) {
	n := 0
	err := walk(s.cfg.Dir, func(path string, a *about) error {
		if !which(a) {
			return nil
		}
		if err := os.Remove(path); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		n++
		s.mu.Lock()
		if s.used[a.By] -= a.Size; s.used[a.By] <= 0 {
			delete(s.used, a.By)
		}
		s.mu.Unlock()
		return nil
	})
	return n, err
}

// Erase removes every complete file of these from a folder that another process may have open; it returns how many there were.
func Erase(dir string, of []string) (int, error) {
	n := 0
	err := walk(dir, func(path string, a *about) error {
		if !anyOf(a.Of, of) {
			return nil
		}
		err := os.Remove(path)
		if err == nil {
			n++
		} else if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	})
	return n, err
}

func anyOf(list, of []string) bool {
	return slices.ContainsFunc(list, func(x string) bool { return slices.Contains(of, x) })
}

// walk calls f for each complete file of a folder. What can't be read doesn't hide the others: it is told at the end.
func walk(dir string, f func(path string, a *about) error) error {
	shards, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("files: %w", err)
	}
	var wrong []error
	for _, shard := range shards {
		if !shard.IsDir() || len(shard.Name()) != 2 {
			continue
		}
		all, err := os.ReadDir(filepath.Join(dir, shard.Name()))
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		for _, entry := range all {
			if !isID(entry.Name()) {
				continue
			}
			path := filepath.Join(dir, shard.Name(), entry.Name())
			a, err := inspect(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue // it was removed meanwhile
			}
			if err == nil {
				err = f(path, a)
			}
			if err != nil {
				wrong = append(wrong, err)
			}
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return fmt.Errorf("files: %w", err)
	}
	return nil
}

func inspect(path string) (*about, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAbout(f)
}
