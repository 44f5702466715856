package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/silt-etl/silt/internal/objstore"
)

// Plan writes the manifest and then the plan entry that opens its batches. at is the State.Seq that the choice of objects was
// made from. ErrMoved: the ledger has gone on since; fold, leave out what is taken by now, and plan again with a new manifest.
func (l *Ledger) Plan(ctx context.Context, at uint64, m *Manifest) (Entry, error) {
	m.V, m.Job, m.Run = Version, l.job, l.opts.Run
	if err := m.validate(); err != nil {
		return Entry{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	moved := func(st *State) error {
		if st.Seq() != at {
			return fmt.Errorf("plan from entry %d: %w, which is at entry %d now", at, ErrMoved, st.Seq())
		}
		return nil
	}
	if err := moved(l.st); err != nil {
		return Entry{}, err
	}
	gather := newPlanned(l.opts.WatermarkPrefix)
	for _, b := range m.Batches {
		for _, o := range b.Objects {
			gather.add(b.Batch, o)
		}
	}
	rec := &record{entry: Entry{Kind: KindPlan}, planned: gather.batches, listFrom: m.ListFrom, missing: m.Missing}
	for _, b := range m.Batches {
		rec.entry.Batches = append(rec.entry.Batches, PlannedBatch{Batch: b.Batch, Objects: len(b.Objects)})
	}
	// what does not fit is found before a manifest is written for it
	rec.entry.Seq = at + 1
	if err := l.st.check(rec); err != nil {
		return Entry{}, fmt.Errorf("refused to plan: %w", err)
	}
	ref, err := l.writeManifest(ctx, m)
	if err != nil {
		return Entry{}, err
	}
	rec.entry.Manifest = &ref
	return l.write(ctx, rec, nil, func(st *State, _ *Entry) error { return moved(st) })
}

// Commit writes the attempt's record and then the entry that names it. The files are held and the quarantine files written
// before. rolled are earlier entries that are rolled forward, to be marked done on the way.
//
// ErrVoid: somebody moved a batch first; Discard what is held. Any other error means no more than that: the entry may be in,
// and nothing may be dropped.
func (l *Ledger) Commit(ctx context.Context, a *Attempt, rolled ...Rolled) (Entry, error) {
	a.V, a.Run = Version, l.opts.Run
	if err := l.validate(a); err != nil {
		return Entry{}, fmt.Errorf("refused to commit: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fold(ctx); err != nil {
		return Entry{}, err
	}
	void := func(st *State) error {
		for _, m := range a.Moves {
			if base, ok := st.baseOf(m.Batch); ok && base != m.Base {
				return fmt.Errorf("batch %s was moved by entry %d, and the attempt started from entry %d: %w", m.Batch, base, m.Base, ErrVoid)
			}
		}
		return nil
	}
	rec := &record{entry: Entry{Kind: KindCommit, Why: a.Why, Moves: a.Moves, Seq: l.st.Seq() + 1}, attempt: a}
	if err := void(l.st); err != nil {
		return Entry{}, err
	}
	if err := l.st.check(rec); err != nil {
		return Entry{}, fmt.Errorf("refused to commit: %w", err)
	}
	ref, err := l.writeAttempt(ctx, a)
	if err != nil {
		return Entry{}, err
	}
	rec.entry.Attempt = &ref
	e, err := l.write(ctx, rec, rolled, func(st *State, _ *Entry) error { return void(st) })
	if errors.Is(err, ErrUnknown) {
		l.unknown[a.ID] = true
	}
	return e, err
}

// Discard drops what an attempt holds and deletes its quarantine files. It is for an attempt that learned from ErrVoid that
// it lost, or that was given up before Commit was called. A store that does not allow it is not an error: such uploads end by the
// bucket's rule for incomplete multipart uploads.
func (l *Ledger) Discard(ctx context.Context, lake objstore.Holder, a *Attempt) error {
	st, err := l.Fold(ctx)
	if err != nil {
		return err
	}
	l.mu.Lock()
	unknown := l.unknown[a.ID]
	l.mu.Unlock()
	if unknown {
		return fmt.Errorf("attempt %s: %w, so its files must not be dropped", a.ID, ErrUnknown)
	}
	for _, f := range a.Files {
		if st.Live(f.Held.Key) {
			return fmt.Errorf("attempt %s: its file %s is live and must not be dropped", a.ID, f.Held.Key)
		}
	}
	var errs []error
	for _, f := range a.Files {
		if err := lake.Drop(ctx, f.Held); err != nil && !errors.Is(err, objstore.ErrDenied) {
			errs = append(errs, err)
		}
	}
	for _, q := range a.Quarantine {
		if st.LiveQuarantine(q.Key) {
			continue
		}
		if err := l.store.Delete(ctx, q.Key); err != nil && !errors.Is(err, objstore.ErrDenied) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Replan releases, in one entry, all batches that are open, so that the next plan takes their objects with the mapping of
// then. It is to be called once, at a start: two that kept releasing each other's plans would never end. Nothing open: a
// zero Entry.
func (l *Ledger) Replan(ctx context.Context) (Entry, error) {
	return l.release(ctx, WhyReplan, func(st *State) []string {
		var ids []string
		for _, b := range st.OpenBatches() {
			ids = append(ids, b.ID)
		}
		return ids
	})
}

// Release ends batches: replan those that are open, rewind those that are committed. Batches that share a file with one of
// them leave with it. Those that are not in that state (any more) are left alone; if none is, the Entry is zero.
func (l *Ledger) Release(ctx context.Context, why Why, batches ...string) (Entry, error) {
	want := BatchCommitted
	if why == WhyReplan {
		want = BatchOpen
	}
	return l.release(ctx, why, func(st *State) []string {
		var ids []string
		for _, id := range batches {
			if b, ok := st.Batch(id); ok && b.State == want {
				ids = append(ids, id)
			}
		}
		return ids
	})
}

// errNothing ends a write that has nothing to do.
var errNothing = errors.New("nothing to do")

// release is decided again after every fold: pick names the batches, and those that share files with them are added.
func (l *Ledger) release(ctx context.Context, why Why, pick func(*State) []string) (Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fold(ctx); err != nil {
		return Entry{}, err
	}
	e, err := l.write(ctx, &record{entry: Entry{Kind: KindRelease, Why: why}}, nil, func(st *State, e *Entry) error {
		if e.Moves = st.moves(st.closure(pick(st))); len(e.Moves) == 0 {
			return errNothing
		}
		return nil
	})
	if errors.Is(err, errNothing) {
		return Entry{}, nil
	}
	return e, err
}

// Fence moves batches without changing them: attempts at them that have not committed are void from here on. Once is enough;
// repeatedly could defeat a live attempt forever.
func (l *Ledger) Fence(ctx context.Context, batches ...string) (Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fold(ctx); err != nil {
		return Entry{}, err
	}
	return l.write(ctx, &record{entry: Entry{Kind: KindFence}}, nil, func(st *State, e *Entry) error {
		if e.Moves = st.moves(batches); len(e.Moves) == 0 {
			return fmt.Errorf("the batches to fence are unknown")
		}
		return nil
	})
}

// Skip marks objects, or all that a bound covers, as done without processing. What is held or committed is not covered, also
// when it is released later.
func (l *Ledger) Skip(ctx context.Context, objects []ObjectID, bound *Bound) (Entry, error) {
	return l.simple(ctx, Entry{Kind: KindSkip, Objects: objects, Bound: bound})
}

// Pause stops planning (on) or resumes it. Runners look at State.Paused before they plan.
func (l *Ledger) Pause(ctx context.Context, on bool) (Entry, error) {
	return l.simple(ctx, Entry{Kind: KindPause, On: &on})
}

// simple writes an entry that moves nothing, and so holds at any number.
func (l *Ledger) simple(ctx context.Context, e Entry) (Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fold(ctx); err != nil {
		return Entry{}, err
	}
	return l.write(ctx, &record{entry: e}, nil, func(*State, *Entry) error { return nil })
}

// MarkDone writes a done entry for what has been rolled forward. What does not hold any more, because its files died
// meanwhile, is left out: it must be rolled again. The Entry is zero when nothing is left.
func (l *Ledger) MarkDone(ctx context.Context, rolled ...Rolled) (Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, err := l.write(ctx, &record{entry: Entry{Kind: KindDone}}, rolled, func(*State, *Entry) error { return nil })
	if errors.Is(err, ErrMoved) {
		return Entry{}, nil
	}
	return e, err
}
