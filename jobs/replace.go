package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/internal/report"
)

// replacement is etl backfill --replace: it reprocesses the committed batches that read objects of the range, in full, with the current
// mapping. It refuses before anything is written if an input is gone (ErrInputsGone) or the job has no right to delete (ErrNoDelete).
// A batch that the current mapping and settings made is skipped, so a replace can be stopped and started again. A batch that fails, or
// whose new files are refused for their quarantine or their counts, stays as it was, and the others are still replaced.
type replacement struct {
	run      *run
	options  BackfillOptions
	upToDate *freshness
	held     error    // of a batch that another replace is processing
	left     []*group // that another replace is processing

	manifest *ledger.Manifest // of the month that is replaced now
	written  bool             // the manifest is stored
}

// work checks that all inputs are there, and then replaces month after month.
func (r *replacement) work(ctx context.Context) error {
	x, o := r.run, r.options
	if err := o.Check(); err != nil {
		return err
	}
	if x.Deleter == nil {
		return fmt.Errorf("replace: %w", ErrNoDelete)
	}
	if paused, err := x.checkStart(ctx); paused || err != nil {
		return err
	}
	if err := x.publisher.finishEarlierWork(ctx); err != nil {
		return err
	}
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return err
	}
	s, err := r.survey(ctx, st)
	if err != nil {
		return err
	}
	gone, err := missingInputs(ctx, x, st, s.batches())
	if err != nil {
		return err
	}
	if len(gone) > 0 {
		return inputsGone(gone)
	}
	for _, text := range s.warnings() {
		x.warn(text)
	}
	var size int64
	for _, g := range s.groups {
		size += g.size
	}
	x.Progress.Begin(StageBackfill, size, "bytes")
	r.upToDate = newFreshness(x)
	if err := r.monthAfterMonth(ctx, s); err != nil {
		return err
	}
	if o.Wait > 0 && len(r.left) > 0 {
		x.wait.atMost(o.Wait)
		left := &survey{groups: r.left}
		r.held, r.left = nil, nil
		if err := r.monthAfterMonth(ctx, left); err != nil {
			return err
		}
	}
	if err := x.publisher.markDone(ctx); err != nil {
		return err
	}
	if err := x.publisher.waitForOthers(ctx); err != nil || r.held == nil {
		return err
	}
	if x.sum.Batches == 0 {
		return r.held
	}
	x.warn(fmt.Sprintf("another replace is processing other batches of these days: %v", r.held))
	return nil
}

// monthAfterMonth replaces the groups of a survey.
func (r *replacement) monthAfterMonth(ctx context.Context, s *survey) error {
	x := r.run
	for _, month := range s.months(r.options.NewestFirst) {
		st, err := x.ledger.Fold(ctx)
		if err != nil {
			return err
		}
		if st.Paused() {
			x.warn("the job was paused, so the replace ends before " + month)
			return nil
		}
		if err := r.month(ctx, st, s, month); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// month replaces the groups of a month, under a manifest of its own.
func (r *replacement) month(ctx context.Context, st *ledger.State, s *survey, month string) error {
	var groups []*group
	var batches []ledger.Batch
	for _, g := range s.groups {
		if g.month == month {
			groups, batches = append(groups, g), append(batches, g.batches...)
		}
	}
	r.manifest, r.written = newManifest(r.run.Runner, r.run.config, nil), false
	at := map[string]int{}
	if _, err := batchInputs(ctx, r.run.ledger, st, batches, func(batch string, o objstore.Object) {
		i, ok := at[batch]
		if !ok {
			i = len(r.manifest.Batches)
			at[batch] = i
			r.manifest.Batches = append(r.manifest.Batches, ledger.ManifestBatch{Batch: batch})
		}
		r.manifest.Batches[i].Objects = append(r.manifest.Batches[i].Objects, o)
	}); err != nil {
		return err
	}
	r.run.log.Info().Str("month", month).Int("batches", len(batches)).Msg("replace of a month begins")
	for _, g := range groups {
		if err := ctx.Err(); err != nil {
			return err
		}
		var batches []report.FailedBatch
		for _, b := range g.batches {
			batches = append(batches, report.FailedBatch{Batch: b.ID, Objects: b.Objects})
		}
		if err := r.run.batchEnded(ctx, r.group(ctx, g), batches...); err != nil {
			return err
		}
		r.run.Progress.Add(StageBackfill, g.size)
	}
	return nil
}

// group replaces batches that share files, unless another replace is processing them or has already replaced them. On an error they stay
// as they were, or they are committed and not visible yet.
func (r *replacement) group(ctx context.Context, g *group) error {
	lease, err := r.run.waitForLease(ctx, g.batches[0].ID)
	if errors.Is(err, ledger.ErrHeld) {
		r.held, r.left = err, append(r.left, g)
		return nil
	}
	if err != nil {
		return ledgerError{err}
	}
	defer r.run.releaseLease(ctx, lease)
	var ids []string
	for _, b := range g.batches {
		ids = append(ids, b.ID)
	}
	for try := 1; ; try++ {
		st, err := r.run.ledger.Fold(ctx)
		if err != nil {
			return ledgerError{err}
		}
		if now := st.Sharing(ids...); !slices.Equal(now, ids) {
			r.run.warn(fmt.Sprintf("batch %s shares files with other batches by now. Try: the same replace again", ids[0]))
			return nil
		}
		upToDate := 0
		for i, id := range ids {
			b, _ := st.Batch(id)
			if b.State != ledger.BatchCommitted {
				r.run.log.Info().Str("batch", id).Msg("the batch was withdrawn by another run; nothing is left to replace")
				return nil
			}
			g.batches[i] = b
			ok, err := r.upToDate.check(ctx, b)
			if err != nil {
				return err
			}
			if ok {
				upToDate++
			}
		}
		if upToDate == len(ids) {
			r.run.log.Info().Str("batch", ids[0]).Msg("another run has already replaced the batch")
			return nil
		}
		if !r.written {
			if err := keepLookups(ctx, r.run.Runner); err != nil {
				return err
			}
			if err := r.run.ledger.Intend(ctx, r.manifest); err != nil {
				return ledgerError{err}
			}
			r.written = true
		}
		err = r.attempt(ctx, g)
		if !errors.Is(err, ledger.ErrVoid) && !errors.Is(err, ledger.ErrMoved) || try == batchTries {
			return err
		}
		r.run.log.Warn().Str("batch", ids[0]).Err(err).Msg("another writer moved the batch; its replacement begins again")
	}
}

// attempt makes one attempt at a group.
func (r *replacement) attempt(ctx context.Context, g *group) error {
	a, err := r.run.newAttempt(r.run.config, ledger.WhyReplace, r.manifest.ID, g.batches[0].ID)
	if err != nil {
		return err
	}
	defer a.close()
	a.log.Info().Int("batches", len(g.batches)).Int("objects", g.objects).Msg("replacement begins")
	for i, b := range g.batches {
		dir := filepath.Join(a.temp, strconv.Itoa(i))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("limits.temp_dir: %w", err)
		}
		out, err := r.remake(ctx, a, b, dir)
		if err != nil {
			return err
		}
		a.add(b, out)
	}
	if err := a.commit(ctx); err != nil {
		return err
	}
	r.run.sum.Replaced += len(a.outputs)
	return nil
}

// remake makes the files of a batch again, and compares what was read with what the batch had.
func (r *replacement) remake(ctx context.Context, a *batchAttempt, b ledger.Batch, dir string) (out batchOutput, err error) {
	var objects []objstore.Object // stays empty if all objects were gone when the batch was read
	if i := slices.IndexFunc(r.manifest.Batches, func(m ledger.ManifestBatch) bool { return m.Batch == b.ID }); i >= 0 {
		objects = r.manifest.Batches[i].Objects
	}
	// Objects that are in quarantine as a whole count no records. What can be read of them now is more than the batch had.
	// A record that was cut, since it is too long, may be many records for another format.
	whole, cut := map[ledger.ObjectID]bool{}, false
	reader := quarantine.Reader{Ledger: r.run.ledger, State: r.run.State, TempDir: dir}
	if err := reader.Batch(ctx, b, func(row quarantine.Row) error {
		if row.Record == 0 {
			whole[ledger.ObjectID{Key: row.Object, ETag: row.ETag}] = true
		}
		cut = cut || row.Cut() && (!row.Hidden() || row.Reason == decode.ReasonTooLong)
		return nil
	}); err != nil {
		return out, err
	}
	var size int64
	for _, o := range objects {
		size += o.SizeBytes
	}
	r.run.Progress.Begin(StageScan, size, "bytes")
	if out, err = a.makeFiles(ctx, b.ID, dir, objects, nil); err != nil {
		return out, err
	}
	var read int64
	var gone, refused []string
	for i, o := range out.result.Objects {
		switch {
		case o.State == attempt.ObjectDenied, o.State == attempt.ObjectArchived:
			refused = append(refused, objects[i].Key+": "+o.Message)
		case isGone(o):
			gone = append(gone, objects[i].Key)
		case !whole[ledger.ObjectID{Key: objects[i].Key, ETag: objects[i].ETag}]:
			read += o.Records
		}
	}
	switch {
	case len(gone) > 0:
		return out, fmt.Errorf("batch %s stays as it was: %w while it was replaced: %s", b.ID, ErrInputsGone, strings.Join(gone[:min(20, len(gone))], ", "))
	case len(refused) > 0:
		return out, fmt.Errorf("batch %s stays as it was: %w while it was replaced: %s", b.ID, ErrUnread, firstOf(refused))
	case read < b.Counts.Read, read > b.Counts.Read && !cut:
		return out, fmt.Errorf("batch %s stays as it was: it had %s, and %s can be read now. Try: check whether the mapping splits objects into records in another way, or whether an object was unreadable for a moment",
			b.ID, human.Plural(b.Counts.Read, "record"), human.Count(read))
	}
	if err := a.checkQuarantineLimit(out); err != nil {
		return out, fmt.Errorf("a batch stays as it was: %w", err)
	}
	return out, nil
}
