package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/objstore/fileversion"
	"github.com/silt-etl/silt/internal/staging"
)

// Sorter sorts the files that a listing found new and that the ledger has under another version. It keeps what it learned for the next
// call, since a plan is made again when other runs write to the ledger.
type Sorter struct {
	Store  *Store
	Ledger *ledger.Ledger
	// Pattern of the job; nil: keys have no days.
	Pattern *staging.Pattern
	// Reread are keys, or globs as in source.include, of files to load again although their content may be the same.
	Reread []string
	Warn   func(string)

	sizes map[string][]fileversion.Version // of keys that only an earlier version of etl took: what it took
}

// verdict is what a file is that the ledger has under another version.
type verdict uint8

const (
	changed   verdict = iota // its content is new
	same                     // its content was read
	waits                    // it is being written, or another run is loading the key: the next run looks again
	leftAlone                // an earlier version of etl, which kept no digests, took a file of this key and size
)

// Sort leaves out of l.New what is the same object as one that is taken, what has to wait (counted as unsettled) and what is left alone.
// It returns the versions that were found to be the same, for SameObjects.Write.
func (s *Sorter) Sort(ctx context.Context, st *ledger.State, l *staging.Listing) (ledger.SameObjects, error) {
	versions := ledger.Versions{State: st}
	var known []objstore.Object
	for _, f := range l.New {
		if _, ok := fileversion.Parse(f.ETag); ok && versions.Seen(f.Key, f.ETag) {
			known = append(known, f.Object)
		}
	}
	if len(known) == 0 {
		return nil, nil
	}
	sums, err := s.digests(ctx, known)
	if err != nil {
		return nil, err
	}
	verdicts, found := map[string]verdict{}, ledger.SameObjects(nil)
	var old []objstore.Object
	for i, o := range known {
		latest, has := st.LatestBatch(o.Key)
		switch {
		case sums[i] == "":
			verdicts[o.Key] = waits
		case versions.HasContent(o.Key, sums[i]):
			verdicts[o.Key] = same
			found = append(found, ledger.SameObject{ObjectID: ledger.ObjectID{Key: o.Key, ETag: o.ETag}, SHA256: sums[i]})
		case has && latest.State == ledger.BatchOpen:
			verdicts[o.Key] = waits
		case !st.Changed(o), s.reread(o.Key), versions.Digested(o.Key): // what was taken of the key was released, or is known
			verdicts[o.Key] = changed
		default:
			old = append(old, o)
		}
	}
	if err := s.compareSizes(ctx, st, old, verdicts); err != nil {
		return nil, err
	}
	count := func(v verdict) int {
		return l.Leave(func(f staging.Found) bool { w, ok := verdicts[f.Key]; return ok && w == v })
	}
	n := count(same)
	l.Same, l.Taken = l.Same+n, l.Taken+n
	for _, f := range l.New {
		if v, ok := verdicts[f.Key]; ok && v == waits {
			l.Wait(s.Pattern, f)
		}
	}
	l.Unsettled += count(waits)
	if n = count(leftAlone); n > 0 {
		l.LeftAlone += n
		s.warn(n, old, verdicts)
	}
	return found, nil
}

// readers is how many files are read at the same time to be compared.
const readers = 4

// digests reads files in parallel. One that cannot be read, or is being written, has none; the reasons of the first are a warning.
func (s *Sorter) digests(ctx context.Context, objects []objstore.Object) ([]string, error) {
	sums, errs := make([]string, len(objects)), make([]error, len(objects))
	var wg sync.WaitGroup
	slots := make(chan struct{}, readers)
	for i, o := range objects {
		if ctx.Err() != nil {
			break
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			sums[i], errs[i] = s.Store.Digest(ctx, o)
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	failed, first := 0, error(nil)
	for _, err := range errs {
		if err != nil && !errors.Is(err, objstore.ErrChanged) && !errors.Is(err, objstore.ErrNotExist) {
			if failed++; failed == 1 {
				first = err
			}
		}
	}
	if failed > 0 {
		s.Warn(fmt.Sprintf("could not read %s to compare with what was loaded under the same key, and left them for the next run: %v", human.Plural(int64(failed), "file"), first))
	}
	return sums, nil
}

func (s *Sorter) reread(key string) bool {
	return slices.ContainsFunc(s.Reread, func(want string) bool {
		ok, _ := doublestar.Match(want, key)
		return ok || want == key
	})
}

// compareSizes decides about files whose content the ledger does not have: they are left alone if what was taken had their size.
func (s *Sorter) compareSizes(ctx context.Context, st *ledger.State, objects []objstore.Object, verdicts map[string]verdict) error {
	if err := s.readSizes(ctx, st, objects); err != nil {
		return err
	}
	for _, o := range objects {
		taken, known := s.sizes[o.Key]
		if !known || slices.ContainsFunc(taken, func(v fileversion.Version) bool { return v.SizeBytes == o.SizeBytes }) {
			verdicts[o.Key] = leftAlone
		} else {
			verdicts[o.Key] = changed
		}
	}
	return nil
}

// readSizes reads what was taken under these keys: from the manifests of the batches that have them, and from skip entries. A manifest
// that retention has removed says nothing.
func (s *Sorter) readSizes(ctx context.Context, st *ledger.State, objects []objstore.Object) error {
	if s.sizes == nil {
		s.sizes = map[string][]fileversion.Version{}
	}
	wanted, skipped := map[string]bool{}, false
	batches, order := map[ledger.ManifestRef][]string{}, []ledger.ManifestRef(nil)
	for _, o := range objects {
		if _, done := s.sizes[o.Key]; done {
			continue
		}
		wanted[o.Key] = true
		b, ok := st.LatestBatch(o.Key)
		if !ok {
			skipped = true
			continue
		}
		if batches[b.Manifest] == nil {
			order = append(order, b.Manifest)
		}
		if !slices.Contains(batches[b.Manifest], b.ID) {
			batches[b.Manifest] = append(batches[b.Manifest], b.ID)
		}
	}
	add := func(key, etag string) {
		if v, ok := fileversion.Parse(etag); ok && wanted[key] {
			s.sizes[key] = append(s.sizes[key], v)
		}
	}
	for _, ref := range order {
		m, err := s.Ledger.Manifest(ctx, ref, batches[ref]...)
		if errors.Is(err, objstore.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for _, b := range m.Batches {
			for _, o := range b.Objects {
				add(o.Key, o.ETag)
			}
		}
	}
	for seq := uint64(1); skipped && seq <= st.Seq(); seq++ {
		e, err := s.Ledger.Entry(ctx, seq)
		if err != nil {
			return err
		}
		for _, o := range e.Objects {
			add(o.Key, o.ETag)
		}
	}
	return nil
}

func (s *Sorter) warn(n int, old []objstore.Object, verdicts map[string]verdict) {
	example := ""
	for _, o := range old {
		if verdicts[o.Key] == leftAlone && (example == "" || o.Key < example) {
			example = o.Key
		}
	}
	s.Warn(fmt.Sprintf("left alone %s (example: %s): the time or the inode differs from what was loaded or skipped, the size does not, and the ledger has no digest of the content. Try: etl run --reread KEY if the content has changed",
		human.Plural(int64(n), "file"), example))
}
