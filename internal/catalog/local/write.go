package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// replace writes a file atomically. The contents are synced before the rename, so that a crash never leaves an
// empty file; the rename itself lasts once its folder is synced (folders).
func replace(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), temporaryStart+"*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// folders are those with new names in them, synced once for many files. Its methods may be called from many goroutines.
type folders struct {
	mu    sync.Mutex
	paths map[string]struct{}
}

func (f *folders) add(paths ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.paths == nil {
		f.paths = map[string]struct{}{}
	}
	for _, p := range paths {
		f.paths[p] = struct{}{}
	}
}

// sync makes the new names last through a crash of the machine.
func (f *folders) sync() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for path := range f.paths {
		d, err := os.Open(path)
		if err != nil {
			return err
		}
		err = d.Sync()
		if closed := d.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return fmt.Errorf("sync folder %s: %w", path, err)
		}
	}
	return nil
}
