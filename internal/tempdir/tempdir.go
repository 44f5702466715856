// Package tempdir makes temp folders that a later process can recognise as left behind, and removes those.
//
// Each folder has a file, lockName, on which the process that made the folder holds an flock until it ends, however it ends. Find and
// Clean take a folder for left behind only if they get that lock. They never touch folders of other users. Folders that etl made
// before it had the lock are left behind if nothing in them changed for a day and no process has a file of them open.
package tempdir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/oklog/ulid/v2"
)

const (
	lockName = ".silt-lock"
	newLock  = ".silt-lock.new" // until it is locked
)

// oldAge is how long nothing in a folder without a lock must have changed before it counts as left behind.
const oldAge = 24 * time.Hour

// Dir is a temp folder of this process.
type Dir struct {
	Path string
	lock *os.File // nil: the file system has no locks
}

// New makes a folder named silt-<name>-<number> in parent, or in the system's temp folder if parent is empty.
func New(parent, name string) (*Dir, error) {
	path, err := os.MkdirTemp(parent, "silt-"+name+"-")
	if err != nil {
		return nil, err
	}
	d := &Dir{Path: path}
	f, err := os.OpenFile(filepath.Join(path, newLock), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		os.RemoveAll(path)
		return nil, err
	}
	if locked, err := lock(f); err != nil || !locked {
		f.Close()
		os.Remove(f.Name())
		return d, nil // the folder counts as one without a lock
	}
	// The file gets its name only now, so that nobody finds it unlocked.
	if err := os.Rename(f.Name(), filepath.Join(path, lockName)); err != nil {
		f.Close()
		os.RemoveAll(path)
		return nil, err
	}
	d.lock = f
	return d, nil
}

// Remove deletes the folder with its content, and then releases its lock.
func (d *Dir) Remove() {
	_ = remove(d.Path)
	if d.lock != nil {
		d.lock.Close()
	}
}

// File makes a file without a name: it ends with the process, however that ends.
func File(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "silt-file-")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

// remove deletes a folder, its lock last: a deletion that is interrupted can be repeated.
func remove(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != lockName {
			if err := os.RemoveAll(filepath.Join(path, e.Name())); err != nil {
				return err
			}
		}
	}
	return os.RemoveAll(path)
}

// State says whether a folder is still used.
type State string

const (
	Used   State = "used"   // its process holds the lock
	Left   State = "left"   // its process has ended
	Unsure State = "unsure" // it has no lock, and a process may use it
)

// Folder is a temp folder of etl.
type Folder struct {
	Path      string
	SizeBytes int64
	State     State
}

// Find lists the temp folders of this user in parent, or in the system's temp folder if parent is empty.
func Find(ctx context.Context, parent string) ([]Folder, error) {
	return each(ctx, parent, func(*Folder) error { return nil })
}

// Clean deletes the folders whose processes have ended, and returns them. After an error, it continues with the other folders.
func Clean(ctx context.Context, parent string) ([]Folder, error) {
	var removed []Folder
	var failed error
	_, err := each(ctx, parent, func(f *Folder) error {
		if f.State != Left {
			return nil
		}
		if err := remove(f.Path); err != nil {
			failed = errors.Join(failed, err)
			return nil
		}
		removed = append(removed, *f)
		return nil
	})
	return removed, errors.Join(err, failed)
}

// folderName is how New names folders. The names of jobs have no slashes.
var folderName = regexp.MustCompile(`^silt-.+-[0-9]+$`)

// each calls do with each folder. A folder that is left behind stays locked during the call.
func each(ctx context.Context, parent string, do func(*Folder) error) ([]Folder, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	dir, err := os.Open(parent)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", parent, err)
	}
	var found []Folder
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return found, context.Cause(ctx)
		}
		if !folderName.MatchString(name) {
			continue
		}
		f, err := examine(ctx, filepath.Join(parent, name), do)
		if err != nil {
			return found, err
		}
		if f != nil {
			found = append(found, *f)
		}
	}
	return found, nil
}

// examine calls do with a folder. It returns nil if the path is not a temp folder of this user.
func examine(ctx context.Context, path string, do func(*Folder) error) (*Folder, error) {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() || !isOwn(info) {
		return nil, nil
	}
	f := &Folder{Path: path, State: Unsure}
	var newest time.Time
	if f.SizeBytes, newest, err = measure(ctx, path); err != nil {
		return nil, err
	}
	l, err := openLock(filepath.Join(path, lockName))
	switch {
	case err == nil:
		defer l.Close()
		if f.State = Used; isFree(l) {
			f.State = Left
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case !hasOnlyAttempts(path):
		return nil, nil // something else has a name of this form
	case time.Since(newest) > oldAge && !isOpen(path):
		f.State = Left
	}
	return f, do(f)
}

// isFree says whether nobody holds the lock of a file, and takes it. It is false for a file that was deleted in the meantime.
func isFree(l *os.File) bool {
	if locked, err := lock(l); err != nil || !locked {
		return false
	}
	open, err := l.Stat()
	if err != nil {
		return false
	}
	now, err := os.Lstat(l.Name())
	return err == nil && os.SameFile(open, now)
}

// hasOnlyAttempts says whether a folder is empty or has only the folders of attempts, as a run without a lock left it.
func hasOnlyAttempts(path string) bool {
	entries, err := os.ReadDir(path)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if e.Name() == newLock {
			continue
		}
		if _, err := ulid.ParseStrict(e.Name()); err != nil || !e.IsDir() {
			return false
		}
	}
	return true
}

// measure gives the size of a folder, and when something in it changed last. Files that are deleted at the same time do not count.
func measure(ctx context.Context, path string) (size int64, newest time.Time, err error) {
	err = filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return nil
		}
		if info.Mode().IsRegular() {
			size += info.Size()
		}
		if info.ModTime().After(newest) {
			newest = info.ModTime()
		}
		return nil
	})
	return size, newest, err
}
