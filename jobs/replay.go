package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/internal/report"
)

// ReplayOptions of a replay.
type ReplayOptions struct {
	Trigger string
	Where   QuarantineFilter
	// DryRun runs the records through the mapping, and writes nothing.
	DryRun bool
}

// replayTries is how often a batch is begun again because another writer moved it meanwhile.
const replayTries = 5

// Replay runs quarantined records through the mapping as it is now. What passes is published, what does not stays in
// quarantine with the reason it has now. Each batch is one attempt and one entry, which replaces the batch's quarantine file and
// adds to its files: whatever stops a replay, a record is in one of the two and not in both.
//
// Summary.Records counts the chosen records, Kept those that were not. The limit on quarantine does not hold here: nothing new
// is refused.
func (r *Runner) Replay(ctx context.Context, o ReplayOptions) (*report.Summary, error) {
	return r.perform(ctx, &run{opts: RunOptions{Trigger: o.Trigger}, command: "replay", dry: o.DryRun,
		work: func(x *run, ctx context.Context) error { return x.replay(ctx, o) }})
}

func (x *run) replay(ctx context.Context, o ReplayOptions) (err error) {
	if !x.dry {
		if err := x.finish(ctx); err != nil {
			return err
		}
		lease, err := x.ledger.Lease(ctx, ledger.LeaseReplay)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, x.release(ctx, lease)) }()
	}
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return err
	}
	placed := x.placed()
	for _, b := range st.Batches() {
		for try := 1; b.State == ledger.BatchCommitted && len(b.Quarantine) > 0; try++ {
			moved, err := placed(ctx, b)
			if err == nil {
				err = keepsPlace("replay", b, moved)
			}
			if err == nil {
				err = x.replayBatch(ctx, b, o)
			}
			if err == nil {
				break
			}
			if !errors.Is(err, ledger.ErrVoid) && !errors.Is(err, ledger.ErrMoved) || try == replayTries {
				return err
			}
			x.log.Warn().Str("batch", b.ID).Err(err).Msg("another writer moved the batch; its replay begins again")
			if st, err = x.ledger.Fold(ctx); err != nil {
				return err
			}
			b, _ = st.Batch(b.ID)
		}
	}
	return x.markDone(ctx)
}

// replayBatch makes one attempt. ErrVoid, ErrMoved: the batch was moved meanwhile, and nothing of the attempt counts.
func (x *run) replayBatch(ctx context.Context, b ledger.Batch, o ReplayOptions) error {
	id := ulid.Make().String()
	log := x.log.With().Str("batch", b.ID).Str("attempt", id).Logger()
	temp := filepath.Join(x.temp, id)
	if err := os.MkdirAll(temp, 0o700); err != nil {
		return fmt.Errorf("limits.temp_dir: %w", err)
	}
	defer os.RemoveAll(temp)
	again, err := attempt.NewReplay(temp)
	if err != nil {
		return err
	}
	defer again.Close()
	reader := QuarantineReader{Ledger: x.ledger, State: x.State, TempDir: temp}
	err = reader.batch(ctx, b, func(r quarantine.Row) error { return again.Add(r, o.Where.Match(&r)) })
	if err != nil {
		return err
	}
	if n := again.Records(); n != b.Counts.Quarantined {
		return fmt.Errorf("the quarantine of batch %s holds %d records, the ledger counts %d; its files are damaged, nothing was replayed", b.ID, n, b.Counts.Quarantined)
	}
	if again.Chosen() == 0 {
		x.sum.Kept += again.Records()
		return nil
	}
	objects := x.objects(x.compiled, ledger.ManifestBatch{Batch: b.ID, Objects: again.Objects()})
	log.Info().Int64("records", again.Chosen()).Int("objects", len(objects)).Msg("replay of a batch begins")
	x.Progress.Begin(StageScan, again.SizeBytes(), "bytes")
	opts := x.attemptOptions(x.compiled, temp)
	opts.Replay = again
	res, err := x.attempt(ctx, b.ID, opts, objects)
	if err != nil {
		return err
	}
	t := res.Totals()
	log.Info().Int64("read", t.Records).Int64("published", t.Published).Int64("filtered", t.Filtered).Int64("quarantined", t.Quarantined).
		Int64("kept", t.Kept).Int("files", len(res.Files)).Bool("unchanged", res.Unchanged).Msg("files made and verified")
	if x.dry || res.Unchanged {
		x.addCounts(res, objects)
		return nil
	}
	a := &ledger.Attempt{ID: id, Run: x.id, Why: ledger.WhyReplay, Moves: []ledger.Move{{Batch: b.ID, Base: b.Base}},
		Files: []ledger.File{}, Quarantine: []ledger.QuarantineFile{}}
	for i, r := range res.Objects {
		a.Objects = append(a.Objects, ledger.ObjectResult{ObjectID: ledger.ObjectID{Key: objects[i].Key, ETag: objects[i].ETag},
			Counts: ledger.Counts{Read: r.Records + r.Kept, Published: r.Published, Filtered: r.Filtered, Quarantined: r.Quarantined + r.Kept}})
	}
	a.Totals = ledger.Counts{Read: t.Records + t.Kept, Published: t.Published, Filtered: t.Filtered, Quarantined: t.Quarantined + t.Kept}
	return x.commit(ctx, log, x.compiled, x.targets, a, made{b.ID, objects, res})
}
