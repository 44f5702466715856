package dirstore

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/silt-etl/silt/internal/objstore"
)

// Level calls fn for each object directly under prefix, which is empty or ends in a slash, and returns the folders there.
func (s *Store) Level(ctx context.Context, prefix string, fn func(objstore.Object) error) ([]string, error) {
	folders, err := s.Folders(ctx, prefix)
	if err != nil {
		return nil, err
	}
	if prefix != "" && (!plainPrefix(prefix) || s.hidden(filepath.Join(s.root, filepath.FromSlash(prefix)))) {
		return nil, nil
	}
	at, ok, err := s.links.begin(ctx, prefix)
	var children []child
	if err == nil && ok {
		children, err = s.children(ctx, prefix, at.root)
	}
	if err != nil && !gone(err) {
		return nil, s.wrap("list", prefix, err)
	}
	for _, c := range children {
		if c.isDir {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		key := prefix + strings.TrimSuffix(c.sortKey, "/")
		info, err := os.Stat(filepath.Join(s.root, filepath.FromSlash(key)))
		if gone(err) {
			continue
		}
		if err != nil {
			return nil, s.wrap("list", key, err)
		}
		o := s.object(key, info)
		o.Link = s.links.link(at.root, at.child(c.sortKey, c.target))
		if err := fn(o); err != nil {
			return nil, err
		}
	}
	return folders, nil
}

// Local says that objects are files of this machine.
func (s *Store) Local() bool { return true }
