package provenance

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/silt-etl/silt/internal/objstore"
)

// parallel is how many folders are listed, or footers read, at once.
const parallel = 16

// AttemptsOf returns the IDs of the attempts that wrote some files, in the order of the files.
func AttemptsOf(keys []string) (attempts []string) {
	seen := map[string]bool{}
	for _, k := range keys {
		if id, _, ok := Parse(k); ok && !seen[id.Attempt] {
			seen[id.Attempt] = true
			attempts = append(attempts, id.Attempt)
		}
	}
	return attempts
}

// List returns the files of Silt in some folders of the lake by attempt, each attempt's files in the order of their keys.
func List(ctx context.Context, lake objstore.Reader, folders []string) (map[ID][]objstore.Object, error) {
	out := map[ID][]objstore.Object{}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, folder := range folders {
		g.Go(func() error {
			err := lake.List(ctx, objstore.ListOptions{Prefix: folder}, func(o objstore.Object) error {
				if id, _, ok := Parse(o.Key); ok {
					mu.Lock()
					out[id] = append(out[id], o)
					mu.Unlock()
				}
				return nil
			})
			if err != nil {
				return fmt.Errorf("list the lake: %w", err)
			}
			return nil
		})
	}
	return out, g.Wait()
}

var errFound = errors.New("found")

// FirstUnknown returns a file of Silt in some folders whose attempt is not covered, or an object without a key if there is none. If
// job is not "", only files that name this job count. It stops at the first such file.
func FirstUnknown(ctx context.Context, lake objstore.Reader, folders []string, covered func(ID) bool, job string) (found objstore.Object, footer Footer, err error) {
	var mu sync.Mutex
	g, reading := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	seen := map[ID]bool{}
	for _, folder := range folders {
		err = lake.List(reading, objstore.ListOptions{Prefix: folder}, func(o objstore.Object) error {
			id, _, ok := Parse(o.Key)
			if !ok || covered(id) || seen[id] {
				return nil
			}
			seen[id] = true // its other files name the same job
			if job == "" {
				found = o
				return errFound
			}
			g.Go(func() error {
				f, err := Read(reading, lake, o)
				if err != nil || f.Job != job {
					return notGone(err)
				}
				mu.Lock()
				defer mu.Unlock()
				found, footer = o, f
				return errFound
			})
			return reading.Err()
		})
		if err != nil {
			break
		}
	}
	if e := g.Wait(); e != nil {
		err = e // what stopped the listing, too
	}
	switch {
	case err != nil && !errors.Is(err, errFound):
		return objstore.Object{}, footer, fmt.Errorf("look for files of Silt in the lake: %w", err)
	case job == "" && found.Key != "":
		footer, _ = Read(ctx, lake, found) // it only names the job for a message
	}
	return found, footer, nil
}

// notGone leaves out the errors of a file that was deleted after it was listed.
func notGone(err error) error {
	if errors.Is(err, objstore.ErrNotExist) || errors.Is(err, objstore.ErrChanged) {
		return nil
	}
	return err
}
