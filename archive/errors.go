package archive

import (
	"errors"
	"fmt"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What a caller may want to tell apart. Errors of this package wrap at most one of them.
var (
	ErrLocked   = errors.New("the archive is locked by another process")
	ErrNewer    = errors.New("the archive was written by a newer version of usher")
	ErrForeign  = errors.New("the file is no archive of usher's")
	ErrFull     = errors.New("the disk is full")
	ErrCorrupt  = errors.New("the archive's file is damaged")
	ErrMissing  = errors.New("there is no archive")
	ErrNotFound = errors.New("not in the archive")
	ErrExists   = errors.New("the file exists already")
	ErrFilter   = errors.New("the filter can't be used")
)

// failed wraps an error of the database with what was tried and which of our errors it is.
func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	kind := kindOf(err)
	if kind == nil {
		return fmt.Errorf("archive: %s: %w", what, err)
	}
	return fmt.Errorf("archive: %s: %w: %w", what, kind, err)
}

// kindOf files an error of SQLite or of the system; nil: none of ours, or ours already.
func kindOf(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return ErrFull
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return nil
	}
	switch e.Code() & 0xff { // the primary code of an extended one
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return ErrLocked
	case sqlite3.SQLITE_FULL:
		return ErrFull
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return ErrCorrupt
	}
	return nil
}
