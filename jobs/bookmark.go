package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/internal/staging"
)

// ErrNoDelete is a rewind without the right to delete: rows would be there twice after the next run.
var ErrNoDelete = errors.New("the job has no right to delete in the lake; set lake.delete_role_arn")

// skipEntry is how many objects one skip entry names at most: some 2 MB of JSON.
const skipEntry = 10_000

// begin is what a plain run does before anything else. stop: the job is paused, the run has nothing to do.
func (x *run) begin(ctx context.Context) (stop bool, err error) {
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return false, err
	}
	if x.Spec.Source.OnChange == jobfile.OnChangeReplace && x.Deleter == nil {
		return false, fmt.Errorf("source.on_change: replace takes rows back: %w", ErrNoDelete)
	}
	if st.Paused() {
		x.warn("the job is paused: nothing was done; etl bookmark resume lets it go on")
		return true, nil
	}
	for _, n := range st.NotDone() {
		if n.Why == ledger.WhyRewind && x.Deleter == nil { // the objects would run again beside their old rows
			return false, fmt.Errorf("entry %d, a rewind, waits for its files to be deleted: %w", n.Seq, ErrNoDelete)
		}
	}
	if !x.opts.Replan {
		return false, nil
	}
	e, err := x.ledger.Replan(ctx)
	if err == nil && e.Seq != 0 {
		x.log.Info().Int("batches", len(e.Moves)).Uint64("entry", e.Seq).Msg("released what earlier runs had planned")
	}
	return false, err
}

// deleter is the lake with the right to delete, as the ledger takes it: nil where there is none.
func (x *run) deleter() ledger.Lake {
	if x.Deleter == nil {
		return nil
	}
	return x.Deleter
}

// Pause stops a job's runs (on) or lets them go on: a run of a paused job ends at once, successfully, and says so.
func (r *Runner) Pause(ctx context.Context, on bool) (*report.Summary, error) {
	command := map[bool]string{true: "pause", false: "resume"}[on]
	return r.perform(ctx, &run{opts: RunOptions{Trigger: "ON_DEMAND"}, command: command, work: func(x *run, ctx context.Context) error {
		st, err := x.ledger.Fold(ctx)
		if err != nil || st.Paused() == on {
			return err
		}
		_, err = x.ledger.Pause(ctx, on)
		return err
	}})
}

// SkipBefore marks what is in staging and older than a day as done without processing it. An object's day is the one in its key,
// or where key_pattern has none, that of its last change. What is held by an open batch or was read stays as it is.
func (r *Runner) SkipBefore(ctx context.Context, before time.Time, dry bool) (*report.Skipped, error) {
	out := &report.Skipped{Job: r.Spec.Name, Before: before.Format(time.DateOnly), DryRun: dry}
	_, err := r.perform(ctx, &run{opts: RunOptions{Trigger: "ON_DEMAND"}, command: "bookmark", dry: dry, work: func(x *run, ctx context.Context) error {
		return x.skipBefore(ctx, before, out)
	}})
	return out, err
}

func (x *run) skipBefore(ctx context.Context, before time.Time, out *report.Skipped) error {
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return err
	}
	p := x.Spec.Pattern()
	out.Bound = p == nil || !p.Dated()
	l, err := staging.List(ctx, x.Staging, staging.Options{Include: x.Spec.Source.Include, Exclude: x.Spec.Source.Exclude, Pattern: p, Taken: st.TakenObject})
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

// dayOf a staging object: the first one its key allows, or the time of its last change.
func dayOf(f staging.Found) time.Time {
	if f.Day.IsZero() {
		return f.LastModified.UTC()
	}
	return f.Day
}

// Rewind takes back what was committed after the last entry of run to, or with "" everything: one release entry, whose files are
// then deleted. The next run reads the objects again, as far as staging still has them. A batch that was replayed since counts
// as committed since. dry only says what would be taken back. ErrNoDelete: nothing was written.
func (r *Runner) Rewind(ctx context.Context, to string, dry bool) (*report.Rewind, error) {
	out := &report.Rewind{Job: r.Spec.Name, To: to, Files: []string{}, Runs: []string{}}
	if r.Deleter == nil {
		return out, fmt.Errorf("rewind: %w", ErrNoDelete)
	}
	sum, err := r.perform(ctx, &run{opts: RunOptions{Trigger: "ON_DEMAND"}, command: "rewind", dry: dry, work: func(x *run, ctx context.Context) error {
		return x.rewind(ctx, out)
	}})
	out.Warnings = sum.Warnings
	return out, err
}

func (x *run) rewind(ctx context.Context, out *report.Rewind) error {
	if !x.dry {
		if err := x.finish(ctx); err != nil {
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
			return fmt.Errorf("run %s wrote nothing to the ledger of %s; etl runs lists the runs, name one that committed something", out.To, x.Spec.Name)
		}
		after = slices.Max(entries)
	}
	ids := addBatches(out, st, func(b ledger.Batch) bool { return b.State == ledger.BatchCommitted && b.Committed > after })
	placed := x.placed()
	for _, id := range ids {
		b, _ := st.Batch(id)
		moved, err := placed(ctx, b)
		if err != nil {
			return err
		}
		if moved = otherLake(moved); len(moved) > 0 {
			return fmt.Errorf("%w since batch %s was published: %s, where its files are not; put it back for the rewind", ErrSettings, id, strings.Join(moved, ", "))
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
	res, err := x.ledger.RollForward(ctx, ledger.RollOptions{Lake: x.Lake, Deleter: x.deleter(), AddPartitions: x.addPartitions,
		Only: func(r ledger.Rolling) bool {
			return r.Seq <= e.Seq && slices.ContainsFunc(e.Moves, func(m ledger.Move) bool { return slices.Contains(r.Batches, m.Batch) })
		}})
	out.Deleted = res.Deleted
	for _, b := range res.Blocked {
		if errors.Is(b.Err, objstore.ErrDenied) {
			return fmt.Errorf("entry %d is written, its files are not deleted yet: %w; give lake.delete_role_arn the right, then run the job: it deletes them first", b.Seq, b.Err)
		}
	}
	if err != nil {
		return fmt.Errorf("entry %d is written, its files are not all deleted yet; the next run goes on: %w", e.Seq, err)
	}
	return x.markDone(ctx)
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
