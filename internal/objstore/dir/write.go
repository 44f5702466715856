package dirstore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/objstore"
)

// locked runs fn while holding the store's lock, for the moment of a change only. Shared: the change itself is decided by
// the file system (link, rename). Exclusive: nothing may change between a check and the change, or folders are removed.
func (s *Store) locked(exclusive bool, fn func() error) error {
	if err := s.makeTmp(); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(s.root, tmpDir, "lock"), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := flock(f, exclusive); err != nil {
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return fn()
}

// makeTmp makes the temporary folder, but never the root: a root that went away is an error, not a new empty store. The
// first call removes the temporary files of writes that died long ago.
func (s *Store) makeTmp() error {
	tmp := filepath.Join(s.root, tmpDir)
	if err := os.Mkdir(tmp, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		if errors.Is(err, fs.ErrNotExist) {
			return s.checkRoot("write")
		}
		return err
	}
	s.sweep.Do(func() {
		entries, _ := os.ReadDir(tmp) // best effort: leftovers cost room, nothing else
		for _, entry := range entries {
			info, err := entry.Info()
			if err == nil && strings.HasPrefix(entry.Name(), "put-") && time.Since(info.ModTime()) > staleAfter {
				os.Remove(filepath.Join(tmp, entry.Name()))
			}
		}
	})
	return nil
}

// write copies r to a new, synced temporary file. The caller moves or removes it. The time stamped on it is this machine's
// in nanoseconds, not the file system's coarser one, so that two versions never share an ETag.
func (s *Store) write(ctx context.Context, r io.Reader) (path string, sizeBytes int64, err error) {
	if err := s.makeTmp(); err != nil {
		return "", 0, err
	}
	path = filepath.Join(s.root, tmpDir, "put-"+newID())
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return "", 0, err
	}
	sizeBytes, err = io.Copy(f, &contextReader{ctx, r})
	if err == nil {
		now := time.Now()
		err = os.Chtimes(path, now, now)
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		os.Remove(path)
		return "", 0, err
	}
	return path, sizeBytes, nil
}

type contextReader struct {
	ctx context.Context //nolint:containedctx // io.Reader has no place for a context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// Put implements objstore.Bucket.
func (s *Store) Put(ctx context.Context, key string, r io.Reader, opts objstore.PutOptions) (objstore.Object, error) {
	path, err := s.path("put", key)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil && opts.IfAbsent && opts.IfMatch != "" {
		err = errors.New("IfAbsent and IfMatch exclude each other")
	}
	if err != nil {
		return objstore.Object{}, s.wrap("put", key, err)
	}
	if opts.IfAbsent {
		if _, err := os.Lstat(path); err == nil { // known to be lost before anything is sent
			return objstore.Object{}, s.taken("put", key, path)
		}
	}
	tmp, _, err := s.write(ctx, r)
	if err != nil {
		return objstore.Object{}, s.wrap("put", key, err)
	}
	defer os.Remove(tmp) // renamed by then, or a second name of the linked file
	info, err := os.Stat(tmp)
	if err != nil {
		return objstore.Object{}, s.wrap("put", key, err)
	}
	err = s.locked(opts.IfMatch != "", func() error {
		if opts.IfMatch != "" {
			old, err := os.Stat(path)
			if err != nil && !gone(err) {
				return err
			}
			if err != nil || s.version(old) != opts.IfMatch {
				return objstore.ErrChanged
			}
		}
		if err := s.makeParents(path); err != nil {
			return err
		}
		if !opts.IfAbsent {
			return os.Rename(tmp, path)
		}
		err := os.Link(tmp, path)
		if errors.Is(err, fs.ErrExist) {
			return s.taken("put", key, path)
		}
		return err
	})
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return objstore.Object{}, s.wrap("put", key, err)
	}
	return s.object(key, info), nil
}

// taken returns ErrExists for a file, and another error for a folder of that name, which is not an object.
func (s *Store) taken(op, key, path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return objstore.Fail(op, s.root, key, errors.New("a folder has that name"), notBoth)
	}
	return objstore.Fail(op, s.root, key, objstore.ErrExists, "")
}

// makeParents makes the folders of a file under the root or the held folder, and syncs each folder it adds to, so that
// a new file is not lost with its folder's entry. The root itself must exist.
func (s *Store) makeParents(path string) error {
	dir := filepath.Dir(path)
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if dir == s.root {
		return s.checkRoot("write")
	}
	if err := s.makeParents(dir); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the object and its folder were deleted meanwhile
	}
	if err != nil {
		return err
	}
	err = dir.Sync()
	if closeErr := dir.Close(); err == nil {
		err = closeErr
	}
	return err
}

// prune removes the folders from dir upwards that are empty, up to top, which stays. Callers hold the exclusive lock.
func prune(dir, top string) {
	for dir != top && within(dir, top) {
		if os.Remove(dir) != nil { // not empty: done
			return
		}
		dir = filepath.Dir(dir)
	}
}

// Delete implements objstore.Bucket. Folders that become empty go too, as a prefix does on S3.
func (s *Store) Delete(ctx context.Context, key string) error {
	path, err := s.path("delete", key)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = s.checkRoot("delete")
	}
	if err != nil {
		return s.wrap("delete", key, err)
	}
	info, err := os.Lstat(path)
	if gone(err) || err == nil && info.IsDir() {
		return nil
	}
	err = s.locked(true, func() error {
		if err := os.Remove(path); err != nil && !gone(err) {
			return err
		}
		if err := syncDir(filepath.Dir(path)); err != nil {
			return err
		}
		prune(filepath.Dir(path), s.root)
		return nil
	})
	if err != nil {
		return s.wrap("delete", key, err)
	}
	return nil
}

// heldPath is the held file of an id and key. The id comes from records, so it is checked: only what newID makes passes.
func (s *Store) heldPath(op string, h objstore.Held) (string, error) {
	if _, err := s.path(op, h.Key); err != nil {
		return "", err
	}
	if raw, err := hex.DecodeString(h.UploadID); err != nil || len(raw) != 16 {
		return "", objstore.Fail(op, s.root, h.Key, fmt.Errorf("%w: %q is not the ID of a held file", objstore.ErrNotHeld, h.UploadID), "")
	}
	return filepath.Join(s.held, h.UploadID, filepath.FromSlash(h.Key)), nil
}

// Hold implements objstore.Holder.
func (s *Store) Hold(ctx context.Context, key string, r io.ReaderAt, sizeBytes int64) (objstore.Held, error) {
	h := objstore.Held{Key: key, UploadID: newID(), SizeBytes: sizeBytes}
	path, err := s.heldPath("hold", h)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return objstore.Held{}, s.wrap("hold", key, err)
	}
	sum := sha256.New()
	tmp, n, err := s.write(ctx, io.TeeReader(io.NewSectionReader(r, 0, sizeBytes), sum))
	if err != nil {
		return objstore.Held{}, s.wrap("hold", key, err)
	}
	defer os.Remove(tmp)
	if n != sizeBytes {
		return objstore.Held{}, s.wrap("hold", key, fmt.Errorf("%w: %d bytes instead of %d", io.ErrUnexpectedEOF, n, sizeBytes))
	}
	err = s.locked(false, func() error {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.Rename(tmp, path)
	})
	for dir := filepath.Dir(path); err == nil; dir = filepath.Dir(dir) { // every folder just made
		err = syncDir(dir)
		if dir == s.root || dir == filepath.Dir(s.held) || dir == filepath.Dir(dir) {
			break
		}
	}
	if err != nil {
		return objstore.Held{}, s.wrap("hold", key, err)
	}
	h.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return h, nil
}

// Publish implements objstore.Holder: the held file gets its key as a second name and loses the first. A key that another
// file has is ErrExists, and the file stays held.
func (s *Store) Publish(ctx context.Context, h objstore.Held) error {
	from, err := s.heldPath("publish", h)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = s.checkRoot("publish")
	}
	if err != nil {
		return s.wrap("publish", h.Key, err)
	}
	to := filepath.Join(s.root, filepath.FromSlash(h.Key))
	// Exclusive: two publishers must not both find the file held, or a third one could delete the key in between and the
	// slower of the two would bring it back.
	err = s.locked(true, func() error {
		held, err := os.Lstat(from)
		if gone(err) {
			return objstore.ErrNotHeld
		}
		if err != nil {
			return err
		}
		if err := s.makeParents(to); err != nil {
			return err
		}
		err = os.Link(from, to)
		if errors.Is(err, fs.ErrExist) {
			there, statErr := os.Lstat(to)
			if statErr != nil || !os.SameFile(there, held) {
				return s.taken("publish", h.Key, to)
			}
			err = nil // an earlier publish stopped between its two steps
		}
		if err == nil {
			err = syncDir(filepath.Dir(to))
		}
		if err != nil {
			return err
		}
		return s.unhold(from)
	})
	if err != nil {
		return s.wrap("publish", h.Key, err)
	}
	return nil
}

// unhold removes a held file and its folders, under the exclusive lock. The removal is synced before it counts: a held
// file that a crash brought back could be published again after its key was deleted.
func (s *Store) unhold(path string) error {
	if err := os.Remove(path); err != nil && !gone(err) {
		return err
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return err
	}
	prune(filepath.Dir(path), s.held)
	return nil
}

// Drop implements objstore.Holder.
func (s *Store) Drop(ctx context.Context, h objstore.Held) error {
	path, err := s.heldPath("drop", h)
	if errors.Is(err, objstore.ErrNotHeld) {
		return nil
	}
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = s.checkRoot("drop")
	}
	if err == nil {
		err = s.locked(true, func() error { return s.unhold(path) })
	}
	if err != nil {
		return s.wrap("drop", h.Key, err)
	}
	return nil
}

// HeldList implements objstore.Holder. It is sorted by key, then by id.
func (s *Store) HeldList(ctx context.Context, prefix string) ([]objstore.Held, error) {
	if err := s.checkRoot("held-list"); err != nil {
		return nil, err
	}
	var out []objstore.Held
	err := filepath.WalkDir(s.held, func(path string, entry fs.DirEntry, err error) error {
		if gone(err) {
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(s.held, path)
		if err != nil {
			return err
		}
		id, key, ok := strings.Cut(filepath.ToSlash(rel), "/")
		if ok && strings.HasPrefix(key, prefix) {
			out = append(out, objstore.Held{Key: key, UploadID: id})
		}
		return nil
	})
	if err != nil {
		return nil, s.wrap("held-list", prefix, err)
	}
	sortHeld(out)
	return out, nil
}

func sortHeld(held []objstore.Held) {
	slices.SortFunc(held, func(a, b objstore.Held) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.UploadID, b.UploadID))
	})
}
