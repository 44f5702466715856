package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/internal/staging"
)

// ErrNoDelete refuses what needs the right to delete in the lake: without it, rows would be visible twice after the next run.
var ErrNoDelete = errors.New("the job is not allowed to delete in the lake. Try: set lake.delete_role_arn")

// skipEntry is how many objects one skip entry names at most: about 2 MB of JSON.
const skipEntry = 10_000

// Pause pauses a job (on) or resumes it. A run of a paused job succeeds without doing work, with a warning.
func (r *Runner) Pause(ctx context.Context, on bool) (*report.Summary, error) {
	command := map[bool]string{true: "pause", false: "resume"}[on]
	x := r.newRun(command, "ON_DEMAND", false)
	return x.do(ctx, func(ctx context.Context) error {
		st, err := x.ledger.Fold(ctx)
		if err != nil || st.Paused() == on {
			return err
		}
		_, err = x.ledger.Pause(ctx, on)
		return err
	})
}

// SkipBefore marks objects of staging that are older than a day as processed, without reading them. An object's day is the one in its
// key, or that of its last change if key_pattern has no date. Objects of an open batch and objects that were read stay as they are.
func (r *Runner) SkipBefore(ctx context.Context, before time.Time, dry bool) (*report.Skipped, error) {
	out := &report.Skipped{Job: r.Spec.Name, Before: before.Format(time.DateOnly), DryRun: dry}
	x := r.newRun("bookmark", "ON_DEMAND", dry)
	_, err := x.do(ctx, (&skip{run: x, before: before, out: out}).work)
	return out, err
}

// skip is etl bookmark skip.
type skip struct {
	run    *run
	before time.Time
	out    *report.Skipped
}

// work lists staging, and writes skip entries for what is older.
func (s *skip) work(ctx context.Context) error {
	x, before, out := s.run, s.before, s.out
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return err
	}
	p := x.Spec.Pattern()
	out.Bound = p == nil || !p.Dated()
	l, err := listings{x}.list(ctx, st, staging.Options{Include: x.Spec.Source.Include, Exclude: x.Spec.Source.Exclude, Pattern: p, Taken: st.TakenObject})
	if err != nil {
		return err
	}
	var objects []ledger.ObjectID
	for _, f := range l.New {
		if dayOf(f).Before(before) {
			objects = append(objects, ledger.ObjectID{Key: f.Key, ETag: f.ETag})
			out.SizeBytes += f.SizeBytes
		}
	}
	out.Objects = len(objects)
	if x.dry {
		return nil
	}
	if out.Bound {
		until := before.Add(-time.Nanosecond)
		_, err := x.ledger.Skip(ctx, nil, &ledger.Bound{Until: &until})
		return err
	}
	for part := range slices.Chunk(objects, skipEntry) {
		if _, err := x.ledger.Skip(ctx, part, nil); err != nil {
			return err
		}
	}
	return nil
}

// Rewind withdraws everything that was committed after the last entry of run to, or everything if to is "": it writes one release entry,
// whose files are then deleted. The next run loads the objects that staging still has. A batch that was replayed later counts as
// committed later. dry only reports what would be withdrawn. ErrNoDelete: nothing was written.
func (r *Runner) Rewind(ctx context.Context, to string, dry bool) (*report.Rewind, error) {
	out := &report.Rewind{Job: r.Spec.Name, To: to, Files: []string{}, Runs: []string{}}
	if r.Deleter == nil {
		return out, fmt.Errorf("rewind: %w", ErrNoDelete)
	}
	x := r.newRun("rewind", "ON_DEMAND", dry)
	sum, err := x.do(ctx, (&rewind{run: x, out: out}).work)
	out.Warnings = sum.Warnings
	return out, err
}

// rewind is etl bookmark rewind and reset.
type rewind struct {
	run *run
	out *report.Rewind
}

// work finishes earlier work, chooses the batches, writes the release entry, and deletes their files.
func (w *rewind) work(ctx context.Context) error {
	x, out := w.run, w.out
	if !x.dry {
		if err := x.publisher.finishEarlierWork(ctx); err != nil {
			return err
		}
	}
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return err
	}
	var after uint64
	if out.To != "" {
		entries := st.RunEntries(out.To)
		if len(entries) == 0 {
			return fmt.Errorf("run %s did not write to the ledger of %s. Try: etl runs, and name a run that committed something", out.To, x.Spec.Name)
		}
		after = slices.Max(entries)
	}
	ids := addBatches(out, st, func(b ledger.Batch) bool { return b.State == ledger.BatchCommitted && b.Committed > after })
	places := newPlaceCheck(x.config, x.ledger)
	for _, id := range ids {
		b, _ := st.Batch(id)
		changed, err := places.changed(ctx, b)
		if err != nil {
			return err
		}
		if changed = onlyLake(changed); len(changed) > 0 {
			return fmt.Errorf("%w since batch %s was published, and its files are in the other place: %s. Try: put the setting back for the rewind", ErrSettings, id, strings.Join(changed, ", "))
		}
	}
	if x.dry || out.Batches == 0 {
		return nil
	}
	e, err := x.ledger.Release(ctx, ledger.WhyRewind, ids...)
	if err != nil || e.Seq == 0 {
		return err
	}
	out.Entry = e.Seq
	res, err := x.ledger.RollForward(ctx, ledger.RollOptions{Lake: x.Lake, Deleter: x.Deleter, AddPartitions: x.publisher.addPartitions,
		Only: func(r ledger.Rolling) bool {
			return r.Seq <= e.Seq && slices.ContainsFunc(e.Moves, func(m ledger.Move) bool { return slices.Contains(r.Batches, m.Batch) })
		}})
	out.Deleted = res.Deleted
	for _, b := range res.Blocked {
		if errors.Is(b.Err, objstore.ErrDenied) {
			return fmt.Errorf("entry %d is written, but its files are not deleted yet: %w. Try: give lake.delete_role_arn the right to delete, then run the job, which deletes them first", b.Seq, b.Err)
		}
	}
	if err != nil {
		return fmt.Errorf("entry %d is written, but not all of its files are deleted yet; the next run deletes them: %w", e.Seq, err)
	}
	return x.publisher.markDone(ctx)
}

// addBatches adds up the wanted batches and returns their IDs. Files that several batches share count once.
func addBatches(w *report.Rewind, st *ledger.State, want func(ledger.Batch) bool) (ids []string) {
	files, runs := map[string]bool{}, map[string]bool{}
	for _, b := range st.Batches() {
		if !want(b) {
			continue
		}
		ids = append(ids, b.ID)
		w.Batches++
		w.Objects += b.Inputs
		w.SizeBytes += b.SizeBytes
		w.Rows += b.Counts.Published
		for _, f := range b.Files {
			if !files[f] {
				files[f] = true
				w.Files = append(w.Files, f)
			}
		}
		if !runs[b.Run] {
			runs[b.Run] = true
			w.Runs = append(w.Runs, b.Run)
		}
	}
	slices.Sort(w.Files)
	slices.Sort(w.Runs)
	return ids
}
