package ledger

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/ledger/checkpoint"
	"github.com/silt-etl/silt/internal/objstore"
)

// Ages are how old something must be, by the store's clock, for retention to take it. 0: it stays forever.
type Ages struct {
	Quarantine, Manifests, Attempts time.Duration
}

// Aged is one thing that is old enough and that nothing needs any more.
type Aged struct {
	Key       string
	SizeBytes int64
	Modified  time.Time
	Batch     string // quarantine: whose it is; attempts: the first it moves
	need      uint64 // the entry through which a checkpoint must tell what it held
}

// Old is what retention may take. Each list is in the order of keys.
type Old struct {
	Quarantine, Manifests, Attempts []Aged
}

// Old finds what retention may take as the ledger is now. Quarantine: files of committed batches, all of which are old.
// Manifests: those of plans without an open batch. Attempt records: those that can decide nothing any more, because an entry has
// moved their batch since, and that no entry needs which is not done. What the ledger does not know is left alone.
func (l *Ledger) Old(ctx context.Context, ages Ages) (*Old, error) {
	now, err := l.store.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the time of the store: %w", err)
	}
	list := func(folder string, age time.Duration) (out []Aged, err error) {
		if age <= 0 {
			return nil, nil
		}
		err = l.store.List(ctx, objstore.ListOptions{Prefix: l.job + "/" + folder + "/"}, func(o objstore.Object) error {
			if now.Sub(o.LastModified) >= age {
				out = append(out, Aged{Key: o.Key, SizeBytes: o.SizeBytes, Modified: o.LastModified})
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", folder, err)
		}
		return out, nil
	}
	var old Old
	if old.Quarantine, err = list("quarantine", ages.Quarantine); err != nil {
		return nil, err
	}
	if old.Manifests, err = list("manifests", ages.Manifests); err != nil {
		return nil, err
	}
	if old.Attempts, err = list("attempts", ages.Attempts); err != nil {
		return nil, err
	}
	st, err := l.Fold(ctx) // after the lists: what is listed and not known may be new
	if err != nil {
		return nil, err
	}
	st.mu.RLock()
	defer st.mu.RUnlock()
	aged := map[string]bool{}
	for _, q := range old.Quarantine {
		aged[q.Key] = true
	}
	old.Quarantine = slices.DeleteFunc(old.Quarantine, func(q Aged) bool {
		slot, ok := st.slot[path.Base(path.Dir(q.Key))]
		if !ok {
			return true
		}
		b := &st.batches[slot]
		return b.state != BatchCommitted || !slices.Contains(b.quarantine, q.Key) || slices.ContainsFunc(b.quarantine, func(k string) bool { return !aged[k] })
	})
	for i := range old.Quarantine {
		old.Quarantine[i].Batch = path.Base(path.Dir(old.Quarantine[i].Key))
	}
	need, open := map[string]uint64{}, map[string]bool{} // by manifest
	for i := range st.batches {
		b := &st.batches[i]
		need[b.manifest.ID] = max(need[b.manifest.ID], b.base)
		open[b.manifest.ID] = open[b.manifest.ID] || b.state == BatchOpen
	}
	manifests := old.Manifests[:0]
	for _, m := range old.Manifests {
		id := strings.TrimSuffix(path.Base(m.Key), ".json")
		if m.need = need[id]; m.need > 0 && !open[id] {
			manifests = append(manifests, m)
		}
	}
	old.Manifests = manifests
	undone := st.undone()
	attempts := old.Attempts[:0]
	for _, a := range old.Attempts {
		p := strings.Split(a.Key, "/") // job, attempts, batch, base, attempt
		if len(p) != 5 {
			continue
		}
		slot, ok := st.slot[p[2]]
		base, numbered := parseSeq(p[3] + ".json")
		if !ok || !numbered || undone[a.Key] {
			continue
		}
		if b := &st.batches[slot]; b.state != BatchOpen && b.base > base {
			a.Batch, a.need = b.id, b.base
			attempts = append(attempts, a)
		}
	}
	old.Attempts = attempts
	return &old, nil
}

// undone are the keys of the attempt records that entries need which are not done. The caller holds s.mu.
func (s *State) undone() map[string]bool {
	out := map[string]bool{}
	for _, r := range s.rolling {
		if r.attempt != nil {
			out[r.attempt.Key] = true
		}
		for _, f := range slices.Concat(r.adds, r.removes) {
			out[f.attempt.Key] = true
		}
	}
	return out
}

// expireAtOnce bounds how many batches one entry moves, and expireTries how often they are chosen again because others moved one.
const (
	expireAtOnce = 500
	expireTries  = 5
)

// Expire ends the quarantine of batches: an entry moves them, and counts their records as expired. Their files are dead from
// then on, and deleted by rolling the entries forward. Batches that have no quarantine any more are left alone. It returns the
// entries and how many records they ended.
func (l *Ledger) Expire(ctx context.Context, batches []string) (entries []uint64, records int64, err error) {
	for len(batches) > 0 {
		some := batches[:min(expireAtOnce, len(batches))]
		for try := 1; ; try++ {
			st, err := l.Fold(ctx)
			if err != nil {
				return entries, records, err
			}
			a := &Attempt{ID: l.opts.NewID(), Why: WhyExpire, Files: []File{}, Quarantine: []QuarantineFile{}, Objects: []ObjectResult{}}
			var sum int64
			for _, id := range some {
				b, ok := st.Batch(id)
				if !ok || b.State != BatchCommitted || len(b.Quarantine) == 0 {
					continue
				}
				a.Moves = append(a.Moves, Move{Batch: id, Base: b.Base})
				for i, key := range b.Quarantine {
					q := QuarantineFile{Batch: id, Key: key}
					if i == 0 {
						q.Records = b.Counts.Quarantined
					}
					a.Expires = append(a.Expires, q)
				}
				sum += b.Counts.Quarantined
			}
			if len(a.Moves) == 0 {
				break
			}
			e, err := l.Commit(ctx, a)
			if errors.Is(err, ErrVoid) && try < expireTries {
				continue
			}
			if err != nil {
				return entries, records, err
			}
			entries, records = append(entries, e.Seq), records+sum
			break
		}
		batches = batches[len(some):]
	}
	return entries, records, nil
}

// Retired is what Retire deleted, and what it had to leave.
type Retired struct {
	Manifests, Attempts []Aged
	// Held are attempt records that stay because only they tell of files that may still be held, and nobody may drop these.
	Held int
}

// Retire deletes manifests and attempt records that Old found. Before the first goes there are two checkpoints that share no
// part, that were read whole, and that go as far as any of them is needed. deleter drops what void attempts may hold; nil: their
// records stay.
func (l *Ledger) Retire(ctx context.Context, deleter Lake, old *Old) (Retired, error) {
	var done Retired
	var need uint64
	for _, a := range slices.Concat(old.Manifests, old.Attempts) {
		need = max(need, a.need)
	}
	if need == 0 {
		return done, nil
	}
	if err := l.secure(ctx, need); err != nil {
		return done, err
	}
	for _, a := range old.Attempts {
		ok, err := l.retireAttempt(ctx, deleter, a)
		if err != nil {
			return done, err
		}
		if !ok {
			done.Held++
			continue
		}
		done.Attempts = append(done.Attempts, a)
	}
	for _, m := range old.Manifests {
		if err := l.store.Delete(ctx, m.Key); err != nil {
			return done, fmt.Errorf("delete a manifest: %w", err)
		}
		done.Manifests = append(done.Manifests, m)
	}
	return done, nil
}

// retireAttempt deletes one record, unless it is needed to drop what is held. A file that is not live was never published, or
// is deleted; what is held of it is nobody's any more, and neither is a held copy of one that is published.
func (l *Ledger) retireAttempt(ctx context.Context, deleter Lake, old Aged) (bool, error) {
	text, err := l.read(ctx, old.Key)
	if errors.Is(err, objstore.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read attempt record: %w", err)
	}
	a, err := decodeAttempt(text)
	if errors.Is(err, ErrNewer) {
		return false, fmt.Errorf("attempt record %s/%s: %w", l.store, old.Key, err)
	}
	if err != nil || len(a.Moves) == 0 || l.attemptKey(a) != old.Key {
		return false, nil // doctor may tell; nothing is done from it
	}
	st, err := l.Fold(ctx)
	if err != nil {
		return false, err
	}
	st.mu.RLock()
	undone := st.undone()[old.Key]
	st.mu.RUnlock()
	if undone { // it is needed since it was found
		return false, nil
	}
	for _, f := range a.Files {
		if st.Live(f.Held.Key) && !f.Held.Copy { // published: an upload ends with that, a copy may have stayed
			continue
		}
		if deleter == nil {
			return false, nil
		}
		if err := deleter.Drop(ctx, f.Held); err != nil {
			return false, fmt.Errorf("drop a held file: %w", err)
		}
	}
	if err := l.store.Delete(ctx, old.Key); err != nil {
		return false, fmt.Errorf("delete an attempt record: %w", err)
	}
	return true, nil
}

// secure sees to two checkpoints through entry need or later that have no part in common, and reads both.
func (l *Ledger) secure(ctx context.Context, need uint64) error {
	for try := 0; ; try++ {
		n, err := l.usable(ctx, need)
		if err != nil || n >= 2 {
			return err
		}
		if try == 3 {
			return fmt.Errorf("%w: the checkpoints that were just written cannot be read, so nothing was deleted", ErrCorrupt)
		}
		for range 2 - n {
			if _, _, err := l.Checkpoint(ctx, true); err != nil {
				return err
			}
		}
	}
}

// usable counts the checkpoints among the last that go far enough, can be read, and share no part with a newer one.
func (l *Ledger) usable(ctx context.Context, need uint64) (int, error) {
	heads, err := l.heads(ctx)
	if err != nil {
		return 0, err
	}
	n, seen := 0, map[string]bool{}
	for _, name := range heads[:min(len(heads), keepCheckpoints)] {
		h, err := l.readHead(ctx, name)
		if err = unusable(err); errors.Is(err, errUnusable) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if h.Seq < need || slices.ContainsFunc(h.Parts(), func(p checkpoint.Part) bool { return seen[p.Name] }) {
			continue
		}
		st := newState(l.opts.TempDir, l.opts.Entries)
		_, err = l.loadState(ctx, h, st)
		st.objects.Close()
		st.latest.Close()
		if err = unusable(err); errors.Is(err, errUnusable) {
			l.mu.Lock()
			l.stored.bad[name] = true
			l.mu.Unlock()
			continue
		}
		if err != nil {
			return 0, err
		}
		for _, p := range h.Parts() {
			seen[p.Name] = true
		}
		n++
	}
	return n, nil
}
