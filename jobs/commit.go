package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// commit finishes an attempt: grow the tables, hold the files, commit the entry, roll it forward (publish the files, then add the
// partitions). ErrVoid: another run moved a batch first, and the held files were dropped. Counts go into the summary once the entry
// is written.
func (a *batchAttempt) commit(ctx context.Context) (err error) {
	x := a.run
	if err := x.check.current(ctx, a); err != nil {
		return err
	}
	if err := a.writeProvenance(); err != nil {
		return err
	}
	offset := 0
	for _, out := range a.outputs {
		if err = a.growTables(ctx, out); err != nil {
			break
		}
		if err = a.hold(ctx, out, offset); err != nil {
			break
		}
		offset += len(out.objects)
	}
	if err = errors.Join(err, ctx.Err()); err != nil {
		a.discard(ctx) // also what earlier outputs of the attempt hold
		return sharedError{err}
	}
	through, cancel := commitContext(ctx) // a stop takes effect before the entry or after the last file, not in between
	defer cancel()
	e, err := x.ledger.Commit(through, a.record, x.publisher.unmarked...)
	if errors.Is(err, ledger.ErrVoid) {
		a.discard(ctx)
		return err
	}
	if err != nil {
		return ledgerError{err}
	}
	x.publisher.unmarked = nil
	a.log.Info().Uint64("entry", e.Seq).Msg("committed")
	for _, out := range a.outputs {
		out.addCounts(x.sum)
		a.warnNotRegistered(out)
		if a.record.Why != ledger.WhyReplay {
			a.run.unmatched.Add(out.result.Reasons[sqlgen.ReasonNoProjection], out.result.Totals().Records, out.result.Kinds, out.result.Examples[sqlgen.ReasonNoProjection])
		}
		x.fields.counts.Add(out.result.Fields)
		x.committed = append(x.committed, out.batch)
	}
	x.Progress.Begin(StagePublish, int64(len(a.record.Files)), "files")
	if _, err := x.publisher.rollForward(through, func(r ledger.Rolling) bool { return r.Seq == e.Seq }); err != nil {
		return sharedError{fmt.Errorf("batch %s is committed, but not all of it is visible yet; the next run finishes it: %w", a.outputs[0].batch, err)}
	}
	x.Progress.Add(StagePublish, int64(len(a.record.Files)))
	for _, f := range a.record.Files {
		part := lake.Partition{Region: f.Values[0], AccountID: f.Values[1], EventDay: f.Values[2]}
		x.sum.AddPartition(f.Table, part.Prefix(), f.Rows, f.Held.SizeBytes)
	}
	for _, q := range a.record.Quarantine {
		x.sum.Quarantine = append(x.sum.Quarantine, x.State.String()+"/"+q.Key)
	}
	x.sum.Batches += len(a.outputs)
	a.log.Info().Msg("published")
	return nil
}

// growTables adds the columns of a batch's files to their tables, before any file is held.
func (a *batchAttempt) growTables(ctx context.Context, out batchOutput) error {
	wrote := map[string]bool{}
	for _, f := range out.result.Files {
		wrote[f.Class] = true
	}
	for i := range a.config.compiled.Projections {
		p := &a.config.compiled.Projections[i]
		if !wrote[p.Class] {
			continue
		}
		t := a.config.targets[p.Class]
		if t.Source != a.run.Spec.Lake.SourceName {
			if _, err := a.run.Catalog.Table(ctx, t.Table); errors.Is(err, catalog.ErrNoTable) {
				a.run.warn(fmt.Sprintf("class %s has its first rows: they go to the new table %s. Security Lake must have the custom source %s", p.Class, t.Table, t.Source))
			}
		}
		if err := a.growTable(ctx, catalogTable(t, p, a.run.publisher.location)); err != nil {
			return err
		}
	}
	return nil
}

// growTable grows one table, and notes in the summary what it gains.
func (a *batchAttempt) growTable(ctx context.Context, want catalog.Table) error {
	x := a.run
	before, known := x.tables[want.Name]
	if !known {
		have, err := x.Catalog.Table(ctx, want.Name)
		if err != nil && !errors.Is(err, catalog.ErrNoTable) {
			return err
		}
		before = have.Columns
	}
	now, err := x.Catalog.EnsureTable(ctx, want)
	if err != nil {
		return err
	}
	if gained := catalog.Appended(before, now.Columns); len(before) > 0 && len(gained) > 0 {
		if x.sum.Grown == nil {
			x.sum.Grown = map[string][]string{}
		}
		x.sum.Grown[want.Name] = append(x.sum.Grown[want.Name], gained...)
	}
	if x.tables == nil {
		x.tables = map[string][]catalog.Column{}
	}
	x.tables[want.Name] = now.Columns
	return nil
}

// warnNotRegistered says which classes have records in quarantine because they have no source yet.
func (a *batchAttempt) warnNotRegistered(out batchOutput) {
	if out.result.Reasons[attempt.ReasonNotRegistered] == 0 {
		return
	}
	for _, class := range slices.Sorted(maps.Keys(a.config.targets)) {
		if why := a.config.targets[class].Missing; why != "" {
			a.run.warn(why + ". Until then its records go to quarantine as " + attempt.ReasonNotRegistered)
		}
	}
}

// hold sends the files of a batch to the lake where readers do not see them, and its quarantine file to the state. offset is the
// index of the batch's first object among the attempt's objects.
func (a *batchAttempt) hold(ctx context.Context, out batchOutput, offset int) error {
	x := a.run
	var total int64
	for _, f := range out.result.Files {
		total += f.SizeBytes
	}
	x.Progress.Begin(StageHold, total, "bytes")
	for _, f := range out.result.Files {
		h, err := os.Open(f.Path)
		if err != nil {
			return err
		}
		held, err := x.Lake.Hold(ctx, a.fileKey(f, len(a.record.Files)), h, f.SizeBytes)
		h.Close()
		if err != nil {
			return err
		}
		inputs := slices.Clone(f.Objects)
		for i := range inputs {
			inputs[i] += offset
		}
		a.record.Files = append(a.record.Files, ledger.File{Held: held, Table: a.config.targets[f.Class].Table, Values: f.Partition.Values(), Rows: f.Rows, Inputs: inputs})
		x.Progress.Add(StageHold, f.SizeBytes)
	}
	if out.result.QuarantinePath == "" {
		return nil
	}
	return a.putQuarantine(ctx, out)
}

// fileKey is the key of the attempt's n-th file.
func (a *batchAttempt) fileKey(f attempt.File, n int) string {
	return a.config.targets[f.Class].Folder + f.Partition.Prefix() + ledger.FileName(a.outputs[0].batch, a.record.ID, n)
}

func (a *batchAttempt) putQuarantine(ctx context.Context, out batchOutput) error {
	h, err := os.Open(out.result.QuarantinePath)
	if err != nil {
		return err
	}
	defer h.Close()
	sum := sha256.New()
	stop := context.AfterFunc(ctx, func() { h.Close() }) // a quarantine file can be large
	size, err := io.Copy(sum, h)
	if !stop() {
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	if _, err := h.Seek(0, io.SeekStart); err != nil {
		return err
	}
	q := ledger.QuarantineFile{Batch: out.batch, Key: a.run.ledger.QuarantineKey(out.batch, a.record.ID), SHA256: hex.EncodeToString(sum.Sum(nil)),
		SizeBytes: size, Records: out.result.QuarantineRows}
	a.record.Quarantine = append(a.record.Quarantine, q) // before the write, so that what a failed write leaves is discarded
	_, err = a.run.State.Put(ctx, q.Key, h, objstore.PutOptions{})
	return err
}

// discard drops files that are held and will never be committed, even if the run is being stopped.
func (a *batchAttempt) discard(ctx context.Context) {
	ctx, cancel := a.run.cleanupContext(ctx, 8*time.Second)
	defer cancel()
	if err := a.run.ledger.Discard(ctx, a.run.Lake, a.record); err != nil {
		a.run.warn(fmt.Sprintf("files of an attempt that was not committed are still held: %v", err))
	}
}
