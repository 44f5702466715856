package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

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

// deadKept is how long a run deletes again what died. A store that finishes a publication after the file was dropped and
// deleted does so within seconds; the rest is for runs that come once a night.
const deadKept = 7 * 24 * time.Hour

// maxDeadAgain bounds what one run deletes again, the newest first.
const maxDeadAgain = 5000

// death is a file of the lake that an entry removed. at is the time in the entry's nonce, by its writer's clock: it only
// bounds work, since a dead file may be deleted at any time.
type death struct {
	at  time.Time
	seq uint64
	key string
}

// rememberDeaths keeps what an entry removes, and forgets what died long before it.
func (s *State) rememberDeaths(e *Entry, removes []fileRef) {
	id, err := ulid.ParseStrict(e.Nonce)
	if err != nil {
		return
	}
	at := ulid.Time(id.Time())
	s.died = slices.DeleteFunc(s.died, func(d death) bool { return at.Sub(d.at) > deadKept })
	for _, f := range removes {
		s.died = append(s.died, death{at, e.Seq, f.key})
	}
}

// DeleteAgain deletes what died in the last 7 days of the ledger and was deleted before. It catches a request that the store
// finished late: a publication that was under way while its file was dropped and deleted. It returns how many keys it deleted.
func (l *Ledger) DeleteAgain(ctx context.Context, lake Lake) (int, error) {
	st, err := l.Fold(ctx)
	if err != nil {
		return 0, err
	}
	var keys []string
	st.mu.RLock()
	for _, d := range slices.Backward(st.died) {
		if len(keys) == maxDeadAgain {
			break
		}
		// What is not rolled forward is deleted in its order; a dead file cannot be live again, but asking costs nothing.
		if _, todo := st.rolling[d.seq]; !todo && st.live[d.key] == 0 {
			keys = append(keys, d.key)
		}
	}
	st.mu.RUnlock()
	return len(keys), l.each(len(keys), func(i int) error { return lake.Delete(ctx, keys[i]) })
}
