package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/silt-etl/silt/internal/objstore"
)

// Lake is the store the files go to.
type Lake interface {
	objstore.Bucket
	objstore.Holder
}

// PartitionAdder adds the partitions of published files to the catalog. It is called with files it may have seen before.
type PartitionAdder func(ctx context.Context, files []File) error

// RollOptions of RollForward.
type RollOptions struct {
	Lake Lake
	// Deleter is the lake with the right to delete and to abort uploads. nil: there is none; entries with files to delete stay
	// as they are (RollResult.Blocked), all else is done.
	Deleter       Lake
	AddPartitions PartitionAdder // nil: none are added
	// Only chooses entries, as those of a writer whose lease has expired. nil: all that are not done.
	Only func(Rolling) bool
	// Later leaves marking done to the caller's next Commit, which is given Rolled.
	Later bool
}

// RollResult says what a RollForward did.
type RollResult struct {
	Entries   []uint64 // rolled forward
	Rolled    []Rolled // with Later: to be given to Commit or MarkDone
	Published int      // files that this call or another made visible
	Deleted   int      // dead files that were dropped and deleted
	Blocked   []Blocked
	Lost      []Lost
}

// Blocked is an entry that waits for deletes that are not allowed.
type Blocked struct {
	Seq uint64
	Err error
}

// Lost is what a release for lost files withdrew. The objects of the batches run again if they are still in staging; if they
// are not, their records are gone: say so loudly.
type Lost struct {
	Files   []string // neither held nor visible, although live
	Batches []string // released
}

// errOver starts a roll-forward over from a new fold.
var errOver = errors.New("the ledger changed what is live")

// maxRounds is far above what other writers can cause; reaching it means that a store does not keep what it promises.
const maxRounds = 1000

// RollForward makes the lake what the entries that are not done say, and marks them done. It may be called by anybody at any
// time: each step can be repeated, and is decided from a fold.
func (l *Ledger) RollForward(ctx context.Context, o RollOptions) (RollResult, error) {
	var res RollResult
	r := &roller{l: l, o: o, res: &res, attempts: map[string]*Attempt{}}
	rolled := map[uint64]Rolled{}
	for range maxRounds {
		if _, err := l.Fold(ctx); err != nil {
			return res, err
		}
		todo := l.st.toRoll(func(e *rolling, p Rolling) bool {
			t, ok := rolled[e.seq]
			holds := ok && t.live == l.st.liveOf(e)
			blocked := slices.ContainsFunc(res.Blocked, func(b Blocked) bool { return b.Seq == e.seq })
			return !holds && !blocked && (o.Only == nil || o.Only(p))
		})
		var err error
		for _, e := range todo {
			var t Rolled
			if t, err = r.entry(ctx, e); err != nil {
				if err = r.blocked(e.seq, err); err != nil {
					break
				}
				continue
			}
			rolled[e.seq] = t
		}
		if errors.Is(err, errOver) {
			continue
		}
		if err != nil {
			return res, err
		}
		res.Rolled, res.Entries = nil, nil
		for seq, t := range rolled {
			res.Rolled, res.Entries = append(res.Rolled, t), append(res.Entries, seq)
		}
		slices.Sort(res.Entries)
		slices.SortFunc(res.Rolled, func(a, b Rolled) int { return int(int64(a.Seq) - int64(b.Seq)) })
		if o.Later {
			if len(todo) == 0 {
				return res, nil
			}
			continue // until a fold finds nothing more to do
		}
		if len(res.Rolled) > 0 {
			if _, err := l.MarkDone(ctx, res.Rolled...); err != nil {
				return res, err
			}
		}
		if len(todo) == 0 {
			res.Rolled = nil
			return res, nil
		}
	}
	return res, fmt.Errorf("roll forward %s: not finished after %d rounds, because files in the store appear and disappear", l, maxRounds)
}

// toRoll returns the entries not done that want chooses, oldest first.
func (s *State) toRoll(want func(*rolling, Rolling) bool) []*rolling {
	var out []*rolling
	for _, p := range s.NotDone() {
		s.mu.RLock()
		if e := s.rolling[p.Seq]; e != nil && want(e, p) {
			out = append(out, e)
		}
		s.mu.RUnlock()
	}
	return out
}

// errDelete marks an error of a delete, which does not stop the rest.
type errDelete struct{ error }

func (e errDelete) Unwrap() error { return e.error }

type roller struct {
	l        *Ledger
	o        RollOptions
	mu       sync.Mutex // guards what follows
	res      *RollResult
	attempts map[string]*Attempt
}

// blocked keeps an entry whose deletes are not allowed for later; any other error is returned.
func (r *roller) blocked(seq uint64, err error) error {
	var d errDelete
	if !errors.As(err, &d) || !errors.Is(err, objstore.ErrDenied) {
		return err
	}
	r.res.Blocked = append(r.res.Blocked, Blocked{Seq: seq, Err: fmt.Errorf("entry %d is waiting for its files to be deleted: %w", seq, d.error)})
	return nil
}

// file reads what holding, publishing and dropping a file takes from the record of its attempt. Where retention has removed the
// record only the key is known, which is enough: that happens only to files whose entry is done, of which nothing is held.
func (r *roller) file(ctx context.Context, ref fileRef, retired bool) (File, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.attempts[ref.attempt.Key]
	if a == nil {
		var err error
		a, err = r.l.Attempt(ctx, *ref.attempt)
		if errors.Is(err, objstore.ErrNotExist) && retired {
			return File{Held: objstore.Held{Key: ref.key}}, nil
		}
		if err != nil {
			return File{}, err
		}
		r.attempts[ref.attempt.Key] = a
	}
	i := slices.IndexFunc(a.Files, func(f File) bool { return f.Held.Key == ref.key })
	return a.Files[i], nil // the fold took the key from this record
}

// step is one file to publish or to remove.
type step struct {
	file    File
	publish bool
}

// entry rolls one entry forward from the fold as it is now.
func (r *roller) entry(ctx context.Context, e *rolling) (Rolled, error) {
	st := r.l.st
	st.mu.RLock()
	t := Rolled{Seq: e.seq, live: st.liveOf(e)}
	var qdead []string
	adding := map[string]bool{} // attempts whose files may still be held
	for _, o := range st.rolling {
		if o.attempt != nil {
			adding[o.attempt.Key] = true
		}
	}
	for _, q := range e.qdead {
		if _, live := st.quarantine[q]; !live {
			qdead = append(qdead, q)
		}
	}
	st.mu.RUnlock()

	// Within a partition publishing comes before deleting: readers may see rows twice for a moment, never none.
	type place struct {
		table  string
		values [3]string
	}
	var order []place
	parts := map[place][]step{}
	var last []File // those of which nothing but the key is known
	gather := func(ref fileRef, publish bool) error {
		f, err := r.file(ctx, ref, !adding[ref.attempt.Key])
		if err != nil {
			return err
		}
		if f.Table == "" {
			last = append(last, f)
			return nil
		}
		p := place{f.Table, f.Values}
		if _, ok := parts[p]; !ok {
			order = append(order, p)
		}
		parts[p] = append(parts[p], step{f, publish})
		return nil
	}
	for i, ref := range e.adds {
		if t.live[i] == '1' {
			if err := gather(ref, true); err != nil {
				return t, err
			}
		}
	}
	for i, ref := range e.adds {
		if t.live[i] == '0' {
			if err := gather(ref, false); err != nil {
				return t, err
			}
		}
	}
	for _, ref := range e.removes {
		if err := gather(ref, false); err != nil {
			return t, err
		}
	}

	var live []File
	var absent []string
	var undeleted error // a delete that fails does not keep the rest from being published
	err := r.l.each(len(order), func(i int) error {
		for _, s := range parts[order[i]] {
			if !s.publish {
				if err := r.remove(ctx, s.file); err != nil {
					r.mu.Lock()
					undeleted = err
					r.mu.Unlock()
				}
				continue
			}
			there, err := r.publish(ctx, s.file)
			if err != nil {
				return err
			}
			r.mu.Lock()
			if there {
				live = append(live, s.file)
			} else {
				absent = append(absent, s.file.Held.Key)
			}
			r.mu.Unlock()
		}
		return nil
	})
	if len(absent) > 0 {
		return t, r.absent(ctx, absent)
	}
	if err != nil {
		return t, err
	}
	for _, f := range last {
		if err := r.remove(ctx, f); err != nil {
			undeleted = err
		}
	}
	for _, q := range qdead {
		if err := r.l.store.Delete(ctx, q); err != nil {
			undeleted = errDelete{fmt.Errorf("delete quarantine: %w", err)}
		}
	}
	if r.o.AddPartitions != nil && len(live) > 0 {
		slices.SortFunc(live, func(a, b File) int {
			return slices.Index(keysOf(e.adds), a.Held.Key) - slices.Index(keysOf(e.adds), b.Held.Key)
		})
		if err := r.o.AddPartitions(ctx, live); err != nil {
			return t, fmt.Errorf("add partitions: %w", err)
		}
	}
	return t, undeleted
}

func keysOf(refs []fileRef) []string {
	out := make([]string, len(refs))
	for i, f := range refs {
		out[i] = f.key
	}
	return out
}

// publish makes a file visible, and tells whether it is.
func (r *roller) publish(ctx context.Context, f File) (there bool, err error) {
	err = r.o.Lake.Publish(ctx, f.Held)
	if errors.Is(err, objstore.ErrNotHeld) {
		var o objstore.Object
		o, err = r.o.Lake.Head(ctx, f.Held.Key)
		if errors.Is(err, objstore.ErrNotExist) {
			return false, nil
		}
		if err == nil && o.SizeBytes != f.Held.SizeBytes {
			err = fmt.Errorf("%s/%s has %d bytes, but the attempt's file has %d, so another program wrote it. Try: move that object away",
				r.o.Lake, f.Held.Key, o.SizeBytes, f.Held.SizeBytes)
		}
	}
	if err != nil {
		return false, fmt.Errorf("publish: %w", err)
	}
	r.mu.Lock()
	r.res.Published++
	r.mu.Unlock()
	return true, nil
}

// remove ends a dead file. Dropping comes first: once nothing is held no late publication can follow the delete.
func (r *roller) remove(ctx context.Context, f File) error {
	if r.o.Deleter == nil {
		return errDelete{fmt.Errorf("delete %s/%s: %w. Try: set lake.delete_role_arn", r.o.Lake, f.Held.Key, objstore.ErrDenied)}
	}
	if f.Table != "" { // else its record is gone, and nothing of it is held
		if err := r.o.Deleter.Drop(ctx, f.Held); err != nil {
			return errDelete{fmt.Errorf("drop a held file that is no longer needed: %w", err)}
		}
	}
	if err := r.o.Deleter.Delete(ctx, f.Held.Key); err != nil {
		return errDelete{fmt.Errorf("delete a file that is no longer needed: %w", err)}
	}
	r.mu.Lock()
	r.res.Deleted++
	r.mu.Unlock()
	return nil
}

// absent deals with files that are neither held nor visible. If a ledger read after that has them live, the store lost them:
// held files never come back, and nobody deletes a live one. Their batches are released, so that the objects run again.
func (r *roller) absent(ctx context.Context, keys []string) error {
	st, err := r.l.Fold(ctx)
	if err != nil {
		return err
	}
	lost := slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return !st.Live(k) })
	if len(lost) == 0 {
		return errOver // somebody removed them, as the ledger now says
	}
	if r.o.Deleter == nil {
		// What of these batches is visible could not be withdrawn, and would be there twice after the objects ran again.
		for _, id := range st.closure(st.having(lost)) {
			b, _ := st.Batch(id)
			for _, k := range b.Files {
				if !slices.Contains(lost, k) {
					return fmt.Errorf("%w: %s/%s of batch %s (a lifecycle rule for incomplete uploads?). Try: set lake.delete_role_arn, so that the next run "+
						"can withdraw the batch's other files and process its objects again", ErrLost, r.o.Lake, lost[0], id)
				}
			}
		}
	}
	e, err := r.l.release(ctx, WhyLost, func(st *State) []string { return st.having(lost) })
	if err != nil {
		return err
	}
	if e.Seq != 0 {
		l := Lost{Files: lost}
		for _, m := range e.Moves {
			l.Batches = append(l.Batches, m.Batch)
		}
		r.res.Lost = append(r.res.Lost, l)
	}
	return errOver
}
