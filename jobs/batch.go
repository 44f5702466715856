package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/rs/zerolog"

	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// batch makes one attempt at a batch and sees it through: files, gate, catalog schema, hold, commit, publish, partitions.
func (x *run) batch(ctx context.Context, compiled *sqlgen.Compiled, targets map[string]lake.Target, m *ledger.Manifest, b ledger.ManifestBatch) error {
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return err
	}
	state, ok := st.Batch(b.Batch)
	if !ok || state.State != ledger.BatchOpen {
		x.log.Info().Str("batch", b.Batch).Msg("batch is done already, by another run")
		return nil
	}
	id := ulid.Make().String()
	log := x.log.With().Str("batch", b.Batch).Str("attempt", id).Logger()
	temp := filepath.Join(x.temp, id)
	if err := os.MkdirAll(temp, 0o700); err != nil {
		return fmt.Errorf("limits.temp_dir: %w", err)
	}
	defer os.RemoveAll(temp)
	objects := x.objects(compiled, b)
	log.Info().Int("objects", len(objects)).Msg("batch begins")
	res, err := x.attempt(ctx, b.Batch, x.attemptOptions(compiled, temp), objects)
	if err != nil {
		return err
	}
	t := res.Totals()
	log.Info().Int64("read", t.Records).Int64("published", t.Published).Int64("filtered", t.Filtered).Int64("quarantined", t.Quarantined).
		Int64("unreadable_objects", t.QuarantinedObjects).Int64("gone", t.Gone).Int("files", len(res.Files)).Msg("files made and verified")
	if err := x.overLimit(res); err != nil {
		for code, n := range res.Reasons {
			x.sum.Reasons[code] += n
		}
		return err
	}
	a := &ledger.Attempt{ID: id, Run: x.id, Why: ledger.WhyRun, Manifest: m.ID, Moves: []ledger.Move{{Batch: b.Batch, Base: state.Base}},
		Files: []ledger.File{}, Quarantine: []ledger.QuarantineFile{}}
	all := made{b.Batch, objects, res}
	a.Objects = all.results()
	a.Totals = ledger.Counts{Read: t.Records, Published: t.Published, Filtered: t.Filtered, Quarantined: t.Quarantined}
	if err = x.commit(ctx, log, compiled, targets, a, all); errors.Is(err, ledger.ErrVoid) {
		log.Warn().Err(err).Msg("another run was first; this attempt was dropped")
		return nil
	}
	return err
}

// made is what an attempt made of one batch.
type made struct {
	batch   string
	objects []attempt.Object
	res     *attempt.Result
}

// results are the objects of a batch as an attempt's record names them.
func (m *made) results() (out []ledger.ObjectResult) {
	for i, o := range m.res.Objects {
		out = append(out, ledger.ObjectResult{ObjectID: ledger.ObjectID{Key: m.objects[i].Key, ETag: m.objects[i].ETag}, Gone: o.State == attempt.ObjectGone,
			Counts: ledger.Counts{Read: o.Records, Published: o.Published, Filtered: o.Filtered, Quarantined: o.Quarantined}})
	}
	return out
}

// commit sees what an attempt made of the batches it moves through: catalog schema, hold, commit, publish, partitions. ErrVoid:
// another run moved a batch first, and what was held is dropped. Counts go into the summary once the entry is in.
func (x *run) commit(ctx context.Context, log zerolog.Logger, compiled *sqlgen.Compiled, targets map[string]lake.Target, a *ledger.Attempt, parts ...made) (err error) {
	batch := a.Moves[0].Batch
	offset := 0
	for _, m := range parts {
		// whichever fails, for whichever part: what the parts before it hold is dropped
		if err = x.growTables(ctx, compiled, targets, m.res); err != nil {
			break
		}
		if err = x.hold(ctx, a, m, offset, targets); err != nil {
			break
		}
		offset += len(m.objects)
	}
	if err = errors.Join(err, ctx.Err()); err != nil {
		if e := x.discard(ctx, a); e != nil {
			x.warn(fmt.Sprintf("files of an attempt that was given up are still held: %v", e))
		}
		return err
	}
	through, cancel := seeThrough(ctx) // a stop comes before the entry or after the last file, not in between
	defer cancel()
	e, err := x.ledger.Commit(through, a, x.rolled...)
	if errors.Is(err, ledger.ErrVoid) {
		if e := x.discard(ctx, a); e != nil {
			x.warn(fmt.Sprintf("files of a lost attempt are still held: %v", e))
		}
		return err
	}
	if err != nil {
		return err
	}
	x.rolled = nil
	log.Info().Uint64("entry", e.Seq).Msg("committed")
	for _, m := range parts {
		x.addCounts(m.res, m.objects)
		x.committed = append(x.committed, m.batch)
	}
	x.Progress.Begin(StagePublish, int64(len(a.Files)), "files")
	if _, err := x.rollForward(through, func(r ledger.Rolling) bool { return r.Seq == e.Seq }); err != nil {
		return fmt.Errorf("batch %s is committed, but not all of it is visible yet; the next run sees it through: %w", batch, err)
	}
	x.Progress.Add(StagePublish, int64(len(a.Files)))
	for _, f := range a.Files {
		part := lake.Partition{Region: f.Values[0], AccountID: f.Values[1], EventDay: f.Values[2]}
		x.sum.AddPartition(f.Table, part.Prefix(), f.Rows, f.Held.SizeBytes)
	}
	for _, q := range a.Quarantine {
		x.sum.Quarantine = append(x.sum.Quarantine, x.State.String()+"/"+q.Key)
	}
	x.sum.Batches += len(parts)
	log.Info().Msg("published")
	return nil
}

func (x *run) attemptOptions(compiled *sqlgen.Compiled, temp string) attempt.Options {
	minDay, maxDay := x.eventDays()
	return attempt.Options{Job: x.Spec.Name, Run: x.id, Compiled: compiled, Staging: x.Staging, TempDir: temp,
		MemoryBytes: x.Spec.Limits.MemoryBytes, Threads: x.Spec.Limits.Threads, Region: x.Spec.Lake.Region, Account: x.Spec.Lake.AccountID,
		MinDay: minDay, MaxDay: maxDay, Progress: x.scanProgress(), Open: x.OpenEngine, Timeout: x.Spec.Limits.BatchTimeout}
}

// attempt makes the files of a batch within limits.batch_timeout.
func (x *run) attempt(ctx context.Context, batch string, o attempt.Options, objects []attempt.Object) (*attempt.Result, error) {
	res, err := attempt.Run(ctx, o, objects)
	if errors.Is(err, attempt.ErrTooLong) {
		return nil, fmt.Errorf("%w: mapping %s took longer than limits.batch_timeout (%s) for batch %s of %s; nothing of the batch was committed. Lower limits.batch_bytes and plan anew (etl run --replan), look for costly expressions in the mapping, or raise the limit",
			ErrBatchTimeout, o.Compiled.Name, x.Spec.Limits.BatchTimeout, batch, human.Plural(int64(len(objects)), "object"))
	}
	return res, err
}

// objects of a batch, with the captures that the plan reads.
func (x *run) objects(compiled *sqlgen.Compiled, b ledger.ManifestBatch) []attempt.Object {
	pattern := x.Spec.Pattern()
	out := make([]attempt.Object, len(b.Objects))
	for i, o := range b.Objects {
		out[i] = attempt.Object{Object: o, Captures: pattern.Captures(o.Key).Columns(compiled.KeyColumns)}
	}
	return out
}

// eventDays are the bounds of the event day, in days since 1970, measured from the start of the run.
func (x *run) eventDays() (minDay, maxDay int32) {
	return x.Spec.EventDays.Bounds(x.sum.Started)
}

func (x *run) scanProgress() func(attempt.Stage, int64) {
	return func(s attempt.Stage, n int64) {
		switch s {
		case attempt.StageBytes:
			x.Progress.Add(StageScan, n)
		case attempt.StageRecords:
			x.Progress.Begin(StageWrite, n, "records")
		case attempt.StageRows:
			x.Progress.Add(StageWrite, n)
		}
	}
}

// overLimit compares what was refused with what was seen. The records of an object that cannot be read whole count as far as
// they were seen, as one at least.
func (x *run) overLimit(res *attempt.Result) error {
	t := res.Totals()
	refused := t.Quarantined + res.UnreadableRecords
	seen := t.Records + res.UnreadableRecords
	if seen == 0 || float64(refused) <= x.Spec.Limits.MaxQuarantineRatio*float64(seen) {
		return nil
	}
	return fmt.Errorf("%w: %s of %s records (%.2f%%) of a batch were refused, limits.max_quarantine_ratio allows %.2f%%; nothing of the batch was committed. Reasons: %s",
		ErrQuarantine, human.Count(refused), human.Count(seen), 100*float64(refused)/float64(seen), 100*x.Spec.Limits.MaxQuarantineRatio, report.ByCount(res.Reasons))
}

// growTables makes the catalog know every column before files have them.
func (x *run) growTables(ctx context.Context, compiled *sqlgen.Compiled, targets map[string]lake.Target, res *attempt.Result) error {
	wrote := map[string]bool{}
	for _, f := range res.Files {
		wrote[f.Class] = true
	}
	for i := range compiled.Projections {
		p := &compiled.Projections[i]
		if !wrote[p.Class] {
			continue
		}
		t := targets[p.Class]
		table := catalog.Table{Name: t.Table, Location: x.location(t.Folder)}
		for _, c := range lake.Columns(&p.Schema) {
			table.Columns = append(table.Columns, catalog.Column{Name: c.Name, Type: c.Type})
		}
		if _, err := x.Catalog.EnsureTable(ctx, table); err != nil {
			return err
		}
	}
	return nil
}

// hold sends the files of a batch where readers do not see them, and its quarantine file. offset is where the batch's objects
// begin among the attempt's.
func (x *run) hold(ctx context.Context, a *ledger.Attempt, m made, offset int, targets map[string]lake.Target) error {
	res := m.res
	var total int64
	for _, f := range res.Files {
		total += f.SizeBytes
	}
	x.Progress.Begin(StageHold, total, "bytes")
	for _, f := range res.Files {
		t := targets[f.Class]
		key := t.Folder + f.Partition.Prefix() + ledger.FileName(a.Moves[0].Batch, a.ID, len(a.Files))
		h, err := os.Open(f.Path)
		if err != nil {
			return err
		}
		held, err := x.Lake.Hold(ctx, key, h, f.SizeBytes)
		h.Close()
		if err != nil {
			return err
		}
		inputs := slices.Clone(f.Objects)
		for i := range inputs {
			inputs[i] += offset
		}
		a.Files = append(a.Files, ledger.File{Held: held, Table: t.Table, Values: f.Partition.Values(), Rows: f.Rows, Inputs: inputs})
		x.Progress.Add(StageHold, f.SizeBytes)
	}
	if res.QuarantinePath == "" {
		return nil
	}
	h, err := os.Open(res.QuarantinePath)
	if err != nil {
		return err
	}
	defer h.Close()
	sum := sha256.New()
	size, err := io.Copy(sum, h)
	if err != nil {
		return err
	}
	if _, err := h.Seek(0, io.SeekStart); err != nil {
		return err
	}
	q := ledger.QuarantineFile{Batch: m.batch, Key: x.ledger.QuarantineKey(m.batch, a.ID), SHA256: hex.EncodeToString(sum.Sum(nil)), SizeBytes: size, Records: res.QuarantineRows}
	a.Quarantine = append(a.Quarantine, q) // first, so that what a failed write left behind is discarded
	_, err = x.State.Put(ctx, q.Key, h, objstore.PutOptions{})
	return err
}

// discard drops what an attempt holds that will never be committed. It outlives the run's own context.
func (x *run) discard(ctx context.Context, a *ledger.Attempt) error {
	ctx, cancel := x.toTheEnd(ctx, 8*time.Second)
	defer cancel()
	return x.ledger.Discard(ctx, x.Lake, a)
}

// addCounts adds a batch to the summary.
func (x *run) addCounts(res *attempt.Result, objects []attempt.Object) {
	t := res.Totals()
	s := x.sum
	s.Objects.Read += int(t.Objects)
	s.Objects.Gone += int(t.Gone)
	s.Objects.Quarantined += int(t.QuarantinedObjects)
	s.Records.Read += t.Records
	s.Records.Published += t.Published
	s.Records.Filtered += t.Filtered
	s.Records.Quarantined += t.Quarantined
	s.Kept += t.Kept
	s.SizeRaw += res.RawBytes
	for i, o := range res.Objects {
		if o.State != attempt.ObjectGone {
			s.SizeIn += objects[i].SizeBytes
		}
		if o.State == attempt.ObjectQuarantined && len(s.Unreadable) < 20 {
			s.Unreadable = append(s.Unreadable, objects[i].Key+": "+o.Message)
		}
	}
	for k, n := range res.Reasons {
		s.Reasons[k] += n
	}
	for k, n := range res.Misses {
		s.Misses[k] += n
	}
}
