package archive

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Options of Open.
type Options struct {
	// Existing: the file must be there; without it, one that is missing is made.
	Existing bool
	// Wait is how long to wait for others that write, in this process or another; 0: 5 s.
	Wait time.Duration
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Archive is an open database. All its methods may be called by any goroutine. Several processes may have the
// same file open.
type Archive struct {
	path  string
	now   func() time.Time
	wait  time.Duration
	write *sql.DB // one connection
	read  *sql.DB // a few; they can't write
	made  map[string]*sql.Stmt
}

// readers is how many queries run at the same time; further ones wait.
const readers = 4

// Open opens the archive in this file, makes it (mode 0600) if there is none, and brings its schema up to date. Errors: ErrMissing,
// ErrForeign, ErrNewer, ErrLocked, ErrFull, ErrCorrupt, or one of the system.
func Open(path string, opts Options) (*Archive, error) {
	if opts.Wait == 0 {
		opts.Wait = 5 * time.Second
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	if opts.Existing {
		_, err = os.Stat(path)
	} else {
		// Made here, not by SQLite, for its mode; the files beside it get the same.
		var f *os.File
		if f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err == nil {
			err = f.Close()
		}
	}
	switch {
	case opts.Existing && errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("archive: %w: %w", ErrMissing, err)
	case err != nil:
		return nil, failed("open", err)
	}
	a := &Archive{path: path, now: opts.Now, wait: opts.Wait}
	if a.write, err = a.connect(1, "_txlock=immediate", "journal_size_limit(16777216)"); err != nil {
		return nil, err
	}
	if err := a.migrate(); err != nil {
		a.write.Close()
		return nil, err
	}
	if err := a.prepare(); err != nil {
		a.write.Close()
		return nil, err
	}
	if a.read, err = a.connect(readers, "", "query_only(1)"); err != nil {
		a.write.Close()
		return nil, err
	}
	return a, nil
}

// connect makes a pool of connections. What the visitors say is never put into temporary files.
func (a *Archive) connect(most int, option string, pragmas ...string) (*sql.DB, error) {
	pragmas = append([]string{fmt.Sprintf("busy_timeout(%d)", a.wait.Milliseconds()), "synchronous(full)", "foreign_keys(1)",
		"secure_delete(1)", "temp_store(memory)", "trusted_schema(1)"}, pragmas...)
	dsn := "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(a.path) + "?" + option
	for _, p := range pragmas {
		dsn += "&_pragma=" + p
	}
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, failed("open", err)
	}
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	return db, nil
}

// migrate brings the schema up to date, one step a transaction. A file that isn't ours is left as it is.
func (a *Archive) migrate() error {
	version, err := a.version(a.write)
	if err != nil {
		return err
	}
	if _, err := a.write.Exec("PRAGMA journal_mode = wal"); err != nil {
		return failed("open", err)
	}
	for version < len(migrations) {
		err := a.inTransaction(context.Background(), "schema", func(tx *sql.Tx) error {
			if version, err = a.version(tx); err != nil || version == len(migrations) {
				return err // another process was faster
			}
			_, err := tx.Exec(migrations[version] +
				fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;", applicationID, version+1))
			return err
		})
		if err != nil {
			return err
		}
		if version, err = a.version(a.write); err != nil {
			return err
		}
	}
	return nil
}

// version reads the schema's version, at most the newest we know; 0: the file is empty.
func (a *Archive) version(db interface{ QueryRow(string, ...any) *sql.Row }) (int, error) {
	var version, id, tables int
	err := db.QueryRow("SELECT user_version, application_id, (SELECT count(*) FROM sqlite_schema) "+
		"FROM pragma_user_version, pragma_application_id").Scan(&version, &id, &tables)
	switch {
	case err != nil:
		return 0, failed("open", err)
	case id != applicationID && (version != 0 || id != 0 || tables != 0):
		return 0, fmt.Errorf("archive: %s: %w", a.path, ErrForeign)
	case version > len(migrations):
		return 0, fmt.Errorf("archive: %s: %w: its schema is %d, this one knows %d", a.path, ErrNewer, version, len(migrations))
	}
	return version, nil
}

// prepare makes the statements of Write once, on the one connection that writes: to parse them took as long as to run them.
func (a *Archive) prepare() error {
	a.made = make(map[string]*sql.Stmt)
	for _, query := range []string{putConversation, putEvent, putItem, putRating, putLast, putNotice} {
		s, err := a.write.Prepare(query)
		if err != nil {
			return failed("open", err)
		}
		a.made[query] = s
	}
	return nil
}

// Close closes the archive. What Write has returned for is safe with or without it.
func (a *Archive) Close() error {
	return errors.Join(failed("close", a.read.Close()), failed("close", a.write.Close()))
}

// Path is the file's absolute path.
func (a *Archive) Path() string { return a.path }

// Secret returns 32 random bytes that are this archive's own under this name; they are made when first asked for.
func (a *Archive) Secret(name string) ([]byte, error) {
	fresh := make([]byte, 32)
	if _, err := rand.Read(fresh); err != nil {
		return nil, fmt.Errorf("archive: secret: %w", err)
	}
	key := "secret/" + name
	if _, err := a.write.Exec("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING", key, fresh); err != nil {
		return nil, failed("secret", err)
	}
	var kept []byte
	if err := a.write.QueryRow("SELECT value FROM meta WHERE key = ?", key).Scan(&kept); err != nil {
		return nil, failed("secret", err)
	}
	return kept, nil
}

// inTransaction has f write; all of it is kept, on the disk when this returns, or nothing.
func (a *Archive) inTransaction(ctx context.Context, what string, f func(tx *sql.Tx) error) error {
	waiting, cancel := context.WithTimeout(ctx, a.wait)
	defer cancel()
	conn, err := a.write.Conn(waiting)
	if err != nil {
		if ctx.Err() == nil && waiting.Err() != nil { // somebody else of this process writes, or erases
			err = ErrLocked
		}
		return failed(what, err)
	}
	defer conn.Close() // back to the pool
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return failed(what, err)
	}
	defer tx.Rollback() // nothing to do after the commit
	if err := f(tx); err != nil {
		return failed(what, err)
	}
	return failed(what, tx.Commit())
}

// micros is how a time is kept.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// fromMicros is the way back.
func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}
