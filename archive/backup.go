package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Backup writes a copy of the archive, as it is at one moment, into a new file (mode 0600): an archive of its own that can be opened
// as it is. Others may read and write meanwhile. ErrExists: the file is there already; it is left as it is. The copy appears
// under its name only when it is complete; until then its name has ".partial" behind it.
func (a *Archive) Backup(ctx context.Context, file string) (err error) {
	partial := file + ".partial"
	for _, name := range []string{file, partial} {
		if _, err := os.Lstat(name); err == nil {
			return fmt.Errorf("archive: backup: %s: %w", name, ErrExists)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return failed("backup", err)
		}
	}
	f, err := os.OpenFile(partial, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return failed("backup", err)
	}
	defer func() {
		f.Close()
		os.Remove(partial)
	}()
	db, err := a.connect(1, "") // the readers' connections refuse to write, even elsewhere
	if err != nil {
		return err
	}
	defer db.Close() // nothing of it is wanted any more
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", partial); err != nil {
		return failed("backup", err)
	}
	if err := f.Sync(); err != nil {
		return failed("backup", err)
	}
	switch err := os.Link(partial, file); { // unlike a rename it takes no other file's place
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("archive: backup: %s: %w", file, ErrExists)
	case errors.Is(err, syscall.EPERM) || errors.Is(err, errors.ErrUnsupported): // no hard links there
		if err := os.Rename(partial, file); err != nil {
			return failed("backup", err)
		}
	case err != nil:
		return failed("backup", err)
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return failed("backup", err)
	}
	defer dir.Close()
	return failed("backup", dir.Sync())
}
