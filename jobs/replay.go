package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/capture"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/internal/report"
)

// ReplayOptions of a replay.
type ReplayOptions struct {
	Trigger string
	Where   quarantine.Filter
	// DryRun runs the records through the mapping, and writes nothing.
	DryRun bool
	// Wait is how long the replay waits for another replay of the job. 0: it ends with ledger.ErrHeld.
	Wait time.Duration
}

// batchTries is how often a replay or a replace begins a batch again because another writer moved it at the same time.
const batchTries = 5

// Replay runs quarantined records through the current mapping. Records that pass are published, the others stay in quarantine with
// the reason that they have now. Each batch is one attempt and one entry, which replaces the batch's quarantine file and adds to its
// files: even if a replay is stopped, each record is in exactly one of the two.
//
// A batch that fails does not keep the others from being replayed. The error is then a *Failures, or the one failure.
//
// Summary.Records counts the chosen records, Kept the others. The quarantine limit does not apply: nothing new is rejected.
func (r *Runner) Replay(ctx context.Context, o ReplayOptions) (*report.Summary, error) {
	x := r.newRun("replay", o.Trigger, o.DryRun)
	return x.do(ctx, (&replay{run: x, where: o.Where, wait: o.Wait}).work)
}

// replay is etl replay.
type replay struct {
	run       *run
	where     quarantine.Filter
	wait      time.Duration
	cut       attempt.Cut
	notStaged attempt.NotStaged
}

// work finishes earlier work, and then replays batch after batch.
func (p *replay) work(ctx context.Context) (err error) {
	x := p.run
	if !x.dry {
		if err := x.publisher.finishEarlierWork(ctx); err != nil {
			return err
		}
		x.wait.atMost(p.wait)
		lease, err := x.waitForLease(ctx, ledger.LeaseReplay)
		if err != nil {
			return err
		}
		defer x.releaseLease(ctx, lease)
	}
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return err
	}
	places := newPlaceCheck(x.config, x.ledger)
	for _, b := range st.Batches() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := x.batchEnded(ctx, p.untilUnmoved(ctx, places, b), report.FailedBatch{Batch: b.ID, Objects: b.Objects}); err != nil {
			return err
		}
	}
	if p.cut.Records > 0 {
		x.warn(fmt.Sprintf("%s cannot be replayed: quarantine has only the beginning, because the record is too long (example: %s of %s). Try: correct the mapping's format if it is wrong (example: -- records:), and run etl backfill %s --replace for the days of these objects, which reads them again",
			human.Plural(p.cut.Records, "record"), p.cut.Place, p.cut.Object, x.Spec.Name))
	}
	if n := p.notStaged; n.Records > 0 {
		x.warn(fmt.Sprintf("%s stayed in quarantine: they are not kept there, because the mapping discards or redacts fields, and could not be read from staging (example: %s of %s: %s)",
			human.Plural(n.Records, "record"), n.Place, n.Object, n.Why))
	}
	return x.publisher.markDone(ctx)
}

// untilUnmoved replays a batch, if it has quarantine. It begins again if another writer moves the batch at the same time.
func (p *replay) untilUnmoved(ctx context.Context, places *placeCheck, b ledger.Batch) error {
	x := p.run
	for try := 1; b.State == ledger.BatchCommitted && len(b.Quarantine) > 0; try++ {
		changed, err := places.changed(ctx, b)
		if err == nil {
			err = checkSamePlace("replay", b, changed)
		}
		if err == nil {
			err = p.batch(ctx, b)
		}
		if !errors.Is(err, ledger.ErrVoid) && !errors.Is(err, ledger.ErrMoved) || try == batchTries {
			return err
		}
		x.log.Warn().Str("batch", b.ID).Err(err).Msg("another writer moved the batch; its replay begins again")
		st, err := x.ledger.Fold(ctx)
		if err != nil {
			return ledgerError{err}
		}
		b, _ = st.Batch(b.ID)
	}
	return nil
}

// batch makes one attempt at a batch. ErrVoid, ErrMoved: the batch was moved at the same time, and nothing of the attempt counts.
func (p *replay) batch(ctx context.Context, b ledger.Batch) (err error) {
	x := p.run
	a, err := x.newAttempt(x.config, ledger.WhyReplay, "", b.ID)
	if err != nil {
		return err
	}
	defer a.close()
	records, err := attempt.NewReplay(a.temp)
	if err != nil {
		return err
	}
	defer records.Close()
	reader := quarantine.Reader{Ledger: x.ledger, State: x.State, TempDir: a.temp}
	if err := reader.Batch(ctx, b, func(r quarantine.Row) error { return records.Add(r, p.where.Match(&r)) }); err != nil {
		return err
	}
	defer func() {
		if err == nil {
			p.cut = p.cut.With(records.Cut())
		}
	}()
	not, err := records.Stage(ctx, x.Staging, x.config.compiled, x.Spec.Limits.MemoryBytes)
	if err != nil {
		return err
	}
	defer func() {
		if err == nil {
			p.notStaged = p.notStaged.With(not)
		}
	}()
	if n := records.Records(); n != b.Counts.Quarantined {
		return fmt.Errorf("the quarantine of batch %s has %d records, but the ledger counts %d; its files are damaged, and nothing was replayed", b.ID, n, b.Counts.Quarantined)
	}
	if records.Chosen() == 0 {
		x.sum.Kept += records.Records()
		return nil
	}
	a.log.Info().Int64("records", records.Chosen()).Int("objects", len(records.Objects())).Msg("replay of a batch begins")
	x.Progress.Begin(StageScan, records.SizeBytes(), "bytes")
	objects := records.Objects()
	if err := p.addModified(ctx, b, objects); err != nil {
		return err
	}
	out, err := a.makeFiles(ctx, b.ID, a.temp, objects, records)
	if err != nil {
		return err
	}
	if x.dry || out.result.Unchanged {
		out.addCounts(x.sum)
		return nil
	}
	a.add(b, out)
	return a.commit(ctx)
}

// addModified tells when the objects were last modified, which quarantine does not keep, if the mapping reads it. The manifest of their
// batch says it, so that a replay gives a record the same year. Where retention has removed the manifest, it stays unknown.
func (p *replay) addModified(ctx context.Context, b ledger.Batch, objects []objstore.Object) error {
	if !slices.ContainsFunc(p.run.config.compiled.KeyColumns, func(name string) bool { return strings.EqualFold(name, capture.Modified) }) {
		return nil
	}
	m, err := p.run.ledger.Manifest(ctx, b.Manifest, b.ID)
	if errors.Is(err, objstore.ErrNotExist) {
		p.run.log.Warn().Str("batch", b.ID).Msg("the batch's manifest was removed, so it is not known when its objects were last modified")
		return nil
	}
	if err != nil {
		return err
	}
	modified := map[ledger.ObjectID]time.Time{}
	for _, mb := range m.Batches {
		for _, o := range mb.Objects {
			modified[ledger.ObjectID{Key: o.Key, ETag: o.ETag}] = o.LastModified
		}
	}
	for i, o := range objects {
		objects[i].LastModified = modified[ledger.ObjectID{Key: o.Key, ETag: o.ETag}]
	}
	return nil
}
