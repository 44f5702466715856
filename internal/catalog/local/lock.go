package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// lock makes the caller the only writer of a table, among all goroutines and processes of this machine (and of others, where
// the file system carries flock). It waits until ctx ends. Each call opens the file again, because an flock belongs to the
// open file and not to the process.
func (c *Catalog) lock(ctx context.Context, table string) (unlock func(), err error) {
	dir := filepath.Join(c.dir, table)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, lockFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	wait := time.Millisecond
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil // closing drops the lock; there is nothing to write that could fail
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("wait for %s, which another writer holds: %w", path, ctx.Err()), f.Close())
		case <-time.After(wait):
			wait = min(2*wait, 50*time.Millisecond)
		}
	}
}
