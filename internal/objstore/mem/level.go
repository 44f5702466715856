package memstore

import (
	"context"
	"sort"
	"strings"

	"github.com/silt-etl/silt/internal/objstore"
)

// Level calls fn for each object directly under prefix, and returns the folders there.
func (s *Store) Level(ctx context.Context, prefix string, fn func(objstore.Object) error) ([]string, error) {
	folders, err := s.Folders(ctx, prefix)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	var here []objstore.Object
	for i := sort.SearchStrings(s.keys, prefix); i < len(s.keys) && strings.HasPrefix(s.keys[i], prefix); i++ {
		if !strings.Contains(s.keys[i][len(prefix):], "/") {
			here = append(here, s.objects[s.keys[i]].obj)
		}
	}
	s.mu.Unlock()
	for _, o := range here {
		if err := fn(o); err != nil {
			return nil, err
		}
	}
	return folders, nil
}
