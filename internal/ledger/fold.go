package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/silt-etl/silt/internal/ledger/index"
	"github.com/silt-etl/silt/internal/objstore"
)

// record is an entry with what it points to, as far as the fold needs it.
type record struct {
	entry    Entry
	planned  []plannedBatch    // plan
	listFrom map[string]string // plan
	missing  []string          // plan
	attempt  *Attempt          // commit
}

// plannedBatch is what the fold keeps of a batch's objects: not their keys, or a million of them would fill the memory.
type plannedBatch struct {
	id     string
	hashes []index.Key
	keys   []index.Key // of the same objects, by key alone
	bytes  int64
	marks  []Mark
}

// planned gathers batches object by object.
type planned struct {
	prefixOf func(string) string
	batches  []plannedBatch
	mark     map[string]int // of the last batch
}

func newPlanned(prefixOf func(string) string) *planned { return &planned{prefixOf: prefixOf} }

func (p *planned) add(id string, o objstore.Object) {
	if n := len(p.batches); n == 0 || p.batches[n-1].id != id {
		p.batches = append(p.batches, plannedBatch{id: id})
		p.mark = map[string]int{}
	}
	b := &p.batches[len(p.batches)-1]
	b.hashes = append(b.hashes, hashObject(o.Key, o.ETag))
	b.keys = append(b.keys, hashKey(o.Key))
	b.bytes += o.SizeBytes
	prefix := p.prefixOf(o.Key)
	i, ok := p.mark[prefix]
	if !ok {
		i = len(b.marks)
		p.mark[prefix] = i
		b.marks = append(b.marks, Mark{Prefix: prefix, Modified: o.LastModified, Key: o.Key, FreedFrom: o.LastModified})
	}
	m := &b.marks[i]
	if o.LastModified.After(m.Modified) {
		m.Modified = o.LastModified
	}
	if o.Key > m.Key {
		m.Key = o.Key
	}
	if o.LastModified.Before(m.FreedFrom) {
		m.FreedFrom = o.LastModified
	}
}

// Fold reads the entries that were added since it was last called and returns the State, always the same one. An entry that
// is newer than this program, missing, damaged or does not fit stops it; the State then stays at the entry before.
func (l *Ledger) Fold(ctx context.Context) (*State, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fold(ctx); err != nil {
		return nil, err
	}
	return l.st, nil
}

func (l *Ledger) fold(ctx context.Context) error {
	if err := l.st.broken(); err != nil {
		return err
	}
	if !l.stored.read && !l.opts.NoCheckpoints {
		if err := l.restore(ctx); err != nil {
			return err
		}
		l.stored.read = true
	}
	first := l.st.Seq() + 1
	last := first - 1
	err := l.store.List(ctx, objstore.ListOptions{Prefix: l.ledgerPrefix(), After: l.entryKey(last)}, func(o objstore.Object) error {
		if n, ok := l.seqOf(o.Key); ok {
			last = max(last, n)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list the ledger: %w", err)
	}
	// The numbers are dense, so the list is asked for the end only: a folder's listing may miss what is added meanwhile.
	for from := first; from <= last; from += uint64(l.opts.Parallel) {
		to := min(from+uint64(l.opts.Parallel)-1, last)
		recs := make([]*record, to-from+1)
		err := l.each(len(recs), func(i int) (err error) {
			recs[i], err = l.load(ctx, from+uint64(i))
			return err
		})
		for _, rec := range recs { // as far as they could be read, in order
			if rec == nil {
				break
			}
			if err := l.st.apply(rec); err != nil {
				return fmt.Errorf("ledger entry %s/%s: %w; nothing can be written after it", l.store, l.entryKey(rec.entry.Seq), err)
			}
		}
		if err != nil {
			return err
		}
	}
	return l.st.broken()
}

// load reads an entry and what it points to.
func (l *Ledger) load(ctx context.Context, seq uint64) (*record, error) {
	e, err := l.Entry(ctx, seq)
	if errors.Is(err, objstore.ErrNotExist) {
		return nil, fmt.Errorf("%w: entry %d is missing, but later ones exist; entries must never be deleted: %w", ErrCorrupt, seq, err)
	}
	if err != nil {
		return nil, err
	}
	rec := &record{entry: e}
	switch e.Kind {
	case KindPlan:
		gather := newPlanned(l.opts.WatermarkPrefix)
		var m *Manifest
		if m, err = l.openManifest(ctx, *e.Manifest, func(batch string, o objstore.Object) error {
			gather.add(batch, o)
			return nil
		}); err == nil {
			rec.planned, rec.listFrom, rec.missing = gather.batches, m.ListFrom, m.Missing
		}
	case KindCommit:
		rec.attempt, err = l.Attempt(ctx, *e.Attempt)
	}
	if errors.Is(err, objstore.ErrNotExist) {
		err = fmt.Errorf("%w; without this manifest the ledger can only be read from a checkpoint of entry %d or later, and no such checkpoint can be used", err, seq)
	}
	if err != nil {
		return nil, fmt.Errorf("ledger entry %d: %w", seq, err)
	}
	return rec, nil
}

// each calls fn for 0 to n-1, some at a time, and returns the error of the lowest.
func (l *Ledger) each(n int, fn func(i int) error) error {
	errs := make([]error, n)
	if l.opts.Parallel == 1 || n == 1 {
		for i := range n {
			if errs[i] = fn(i); errs[i] != nil {
				return errs[i]
			}
		}
		return nil
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, l.opts.Parallel)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = fn(i)
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
