// Package perfolder reaches some folders of a store with other rights: a provider role of Security Lake can write to the folder of its own
// source only. All its stores are the same place, so listings of more than one folder come from the store of the rest.
package perfolder

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/objstore"
)

// Handle is a store that can hold files.
type Handle interface {
	objstore.Bucket
	objstore.Holder
}

// Store sends each operation to the handle of its key's folder.
type Store struct {
	rest  Handle
	other map[string]Handle // by prefix, which ends in a slash
}

// New gives some folders handles of their own. A folder ends in a slash. Without folders it is rest itself.
func New(rest Handle, folders map[string]Handle) Handle {
	if len(folders) == 0 {
		return rest
	}
	return &Store{rest, folders}
}

func (s *Store) at(key string) Handle {
	for prefix, h := range s.other {
		if strings.HasPrefix(key, prefix) {
			return h
		}
	}
	return s.rest
}

// String implements objstore.Reader.
func (s *Store) String() string { return s.rest.String() }

// List implements objstore.Reader.
func (s *Store) List(ctx context.Context, opts objstore.ListOptions, fn func(objstore.Object) error) error {
	return s.at(opts.Prefix).List(ctx, opts, fn)
}

// Folders implements objstore.Reader.
func (s *Store) Folders(ctx context.Context, prefix string) ([]string, error) {
	return s.at(prefix).Folders(ctx, prefix)
}

// Level implements objstore.Reader.
func (s *Store) Level(ctx context.Context, prefix string, fn func(objstore.Object) error) ([]string, error) {
	return s.at(prefix).Level(ctx, prefix, fn)
}

// Head implements objstore.Reader.
func (s *Store) Head(ctx context.Context, key string) (objstore.Object, error) {
	return s.at(key).Head(ctx, key)
}

// Get implements objstore.Reader.
func (s *Store) Get(ctx context.Context, key string, opts objstore.GetOptions) (io.ReadCloser, objstore.Object, error) {
	return s.at(key).Get(ctx, key, opts)
}

// Put implements objstore.Bucket.
func (s *Store) Put(ctx context.Context, key string, r io.Reader, opts objstore.PutOptions) (objstore.Object, error) {
	return s.at(key).Put(ctx, key, r, opts)
}

// Delete implements objstore.Bucket.
func (s *Store) Delete(ctx context.Context, key string) error { return s.at(key).Delete(ctx, key) }

// Now implements objstore.Bucket.
func (s *Store) Now(ctx context.Context) (time.Time, error) { return s.rest.Now(ctx) }

// Hold implements objstore.Holder.
func (s *Store) Hold(ctx context.Context, key string, r io.ReaderAt, sizeBytes int64) (objstore.Held, error) {
	return s.at(key).Hold(ctx, key, r, sizeBytes)
}

// Publish implements objstore.Holder.
func (s *Store) Publish(ctx context.Context, h objstore.Held) error {
	return s.at(h.Key).Publish(ctx, h)
}

// Drop implements objstore.Holder.
func (s *Store) Drop(ctx context.Context, h objstore.Held) error { return s.at(h.Key).Drop(ctx, h) }

// HeldList implements objstore.Holder.
func (s *Store) HeldList(ctx context.Context, prefix string) ([]objstore.Held, error) {
	return s.at(prefix).HeldList(ctx, prefix)
}
