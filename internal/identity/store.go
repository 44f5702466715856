// Package identity decides whether two versions of a staging object are one object.
//
// On S3 an ETag follows from the content: the same bytes under the same key are the same object. A folder has no ETags, and what stands
// for them (package fileversion) changes with touch, a copy, a restore from a backup or another volume. There an object is its key and
// the SHA-256 of its content. The content is read only where it says something that the ledger does not know: while a run loads an
// object, and for a key that the ledger has under another version.
//
// Store digests what is read of staging; Sorter sorts the objects that a listing found new. Neither writes to staging, and objects whose
// ETags are not those of files pass through both unchanged.
package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"sync"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/objstore/fileversion"
)

// Store is staging. A file that is read to its end is digested on the way. A read that is pinned to a version which the file does not
// have any more succeeds if the content is still that of the version.
type Store struct {
	objstore.Reader
	// State gives the ledger's state, to compare versions with. It is called only if a version differs.
	State func(context.Context) (*ledger.State, error)

	mu      sync.Mutex
	digests map[objectID]string
}

type objectID struct{ key, etag string }

// local is what stores implement whose objects are files of this machine.
type local interface{ Local() bool }

// Local says that objects are read in place.
func (s *Store) Local() bool {
	l, ok := s.Reader.(local)
	return ok && l.Local()
}

// Get implements objstore.Reader.
func (s *Store) Get(ctx context.Context, key string, opts objstore.GetOptions) (io.ReadCloser, objstore.Object, error) {
	body, o, err := s.Reader.Get(ctx, key, opts)
	pin, isFile := fileversion.Parse(opts.ETag)
	if !isFile {
		return body, o, err
	}
	if errors.Is(err, objstore.ErrChanged) {
		now, same, e := s.current(ctx, key, opts.ETag, pin)
		if e != nil {
			return nil, objstore.Object{}, e
		}
		if !same {
			return nil, objstore.Object{}, err
		}
		was := opts.ETag
		opts.ETag = now.ETag
		if body, o, err = s.Reader.Get(ctx, key, opts); err == nil {
			s.remember(objectID{key, was}, s.digest(objectID{key, now.ETag}))
		}
		return body, o, err
	}
	if err != nil || opts.Offset > 0 || opts.Length > 0 || s.digest(objectID{key, opts.ETag}) != "" {
		return body, o, err
	}
	return &digesting{body: body, sum: sha256.New(), done: func(sum string) { s.remember(objectID{key, opts.ETag}, sum) }}, o, nil
}

// current is the version that a file has now, and whether its content is that of the pinned one.
func (s *Store) current(ctx context.Context, key, etag string, pin fileversion.Version) (now objstore.Object, same bool, err error) {
	now, err = s.Head(ctx, key)
	if errors.Is(err, objstore.ErrNotExist) || err == nil && now.SizeBytes != pin.SizeBytes || s.State == nil {
		return now, false, nil
	}
	if err != nil {
		return now, false, err
	}
	same, err = s.Same(ctx, objstore.Object{Key: key, ETag: etag, SizeBytes: pin.SizeBytes}, now)
	return now, same, err
}

// Same says whether two versions of one key are the same object. It reads the content of now, at most once, if the ledger cannot tell.
func (s *Store) Same(ctx context.Context, was, now objstore.Object) (bool, error) {
	if was.ETag == now.ETag || fileversion.Matches(was.ETag, now.ETag) {
		return true, nil
	}
	old, okOld := fileversion.Parse(was.ETag)
	_, okNow := fileversion.Parse(now.ETag)
	if !okOld || !okNow || old.SizeBytes != now.SizeBytes || s.State == nil {
		return false, nil
	}
	st, err := s.State(ctx)
	if err != nil {
		return false, err
	}
	versions := ledger.Versions{State: st}
	if versions.Same(was.Key, was.ETag, now.ETag) {
		return true, nil
	}
	sum, err := s.Digest(ctx, now)
	if errors.Is(err, objstore.ErrChanged) || errors.Is(err, objstore.ErrNotExist) {
		return false, nil
	}
	return err == nil && versions.SameContent(was.Key, was.ETag, sum), err
}

// Digest is the SHA-256 of a version of a file, in hex. It reads the file unless this Store has read it before.
func (s *Store) Digest(ctx context.Context, o objstore.Object) (string, error) {
	id := objectID{o.Key, o.ETag}
	if sum := s.digest(id); sum != "" {
		return sum, nil
	}
	body, _, err := s.Reader.Get(ctx, o.Key, objstore.GetOptions{ETag: o.ETag})
	if err != nil {
		return "", err
	}
	defer body.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, body); err != nil {
		return "", err
	}
	s.remember(id, hex.EncodeToString(sum.Sum(nil)))
	return s.digest(id), nil
}

// Digests returns the digests of these objects and forgets them: "" for an object that is not a file, or that could not be read to its
// end. A file of which an attempt read only a part is read again.
func (s *Store) Digests(ctx context.Context, objects []objstore.Object) []string {
	out := make([]string, len(objects))
	for i, o := range objects {
		if _, ok := fileversion.Parse(o.ETag); !ok {
			continue
		}
		if sum, err := s.Digest(ctx, o); err == nil {
			out[i] = sum
		}
		s.mu.Lock()
		delete(s.digests, objectID{o.Key, o.ETag})
		s.mu.Unlock()
	}
	return out
}

func (s *Store) digest(id objectID) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.digests[id]
}

func (s *Store) remember(id objectID, sum string) {
	if sum == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.digests == nil {
		s.digests = map[objectID]string{}
	}
	s.digests[id] = sum
}

// digesting digests what is read of a body, and says so at its end.
type digesting struct {
	body io.ReadCloser
	sum  hash.Hash
	done func(sum string)
}

func (d *digesting) Read(p []byte) (int, error) {
	n, err := d.body.Read(p)
	d.sum.Write(p[:n])
	if errors.Is(err, io.EOF) && d.done != nil {
		d.done(hex.EncodeToString(d.sum.Sum(nil)))
		d.done = nil
	}
	return n, err
}

func (d *digesting) Close() error { return d.body.Close() }
