package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"
	"github.com/rs/zerolog"

	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/ledger/awaited"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/refused"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/internal/staging"
	"github.com/silt-etl/silt/internal/tempdir"
)

// batchAttempt is one try at a batch, or at batches that share files: it makes their files (makeFiles), collects them (add) and
// commits all of them with one ledger entry (commit). A run, a replacement and a replay all use it.
type batchAttempt struct {
	run     *run
	config  *batchConfig
	temp    string // removed by close
	log     zerolog.Logger
	record  *ledger.Attempt
	outputs []batchOutput
	giveUp  func(objstore.Object) bool // objects that go to quarantine if they are denied now; nil: none
}

// batchOutput is what an attempt made of one batch.
type batchOutput struct {
	batch   string
	objects []attempt.Object
	result  *attempt.Result
	digests []string     // of the objects, if they are files; nil: their records came from quarantine
	before  ledger.Batch // the batch as the attempt found it
}

// newAttempt begins an attempt. manifest may be empty; batch names the first batch, for the log. The caller closes the attempt.
func (x *run) newAttempt(config *batchConfig, why ledger.Why, manifest, batch string) (*batchAttempt, error) {
	id := ulid.Make().String()
	a := &batchAttempt{run: x, config: config, temp: filepath.Join(x.temp, id), log: x.log.With().Str("batch", batch).Str("attempt", id).Logger(),
		record: &ledger.Attempt{ID: id, Run: x.id, Why: why, Manifest: manifest, Files: []ledger.File{}, Quarantine: []ledger.QuarantineFile{}}}
	if err := os.MkdirAll(a.temp, 0o700); err != nil {
		return nil, fmt.Errorf("limits.temp_dir: %w", err)
	}
	return a, nil
}

// close removes the attempt's temporary files.
func (a *batchAttempt) close() { os.RemoveAll(a.temp) }

// makeFiles makes the files of one batch in a folder, within limits.batch_timeout. replay gives the records if they come from
// quarantine; otherwise it is nil.
func (a *batchAttempt) makeFiles(ctx context.Context, batch, dir string, objects []objstore.Object, replay *attempt.Replay) (batchOutput, error) {
	x, s := a.run, a.config.spec
	out := batchOutput{batch: batch, objects: make([]attempt.Object, len(objects))}
	for i, o := range objects {
		out.objects[i] = attempt.Object{Object: o, GiveUp: a.giveUp != nil && a.giveUp(o), Captures: s.Captures(o.Key, o.LastModified).Columns(a.config.compiled.KeyColumns)}
	}
	minDay, maxDay := s.EventDays.Bounds(x.sum.Started)
	if s.Limits.BatchTimeout > 0 {
		limited, cancel := context.WithTimeoutCause(ctx, s.Limits.BatchTimeout, ErrBatchTimeout)
		defer cancel()
		defer x.watch(limited, func() error {
			if !errors.Is(context.Cause(limited), ErrBatchTimeout) {
				return nil // the run as a whole was stopped, and is watched for that
			}
			return fmt.Errorf("%w: batch %s took longer than limits.batch_timeout (%s)", ErrBatchTimeout, batch, s.Limits.BatchTimeout)
		})()
	}
	options := attempt.Options{Job: s.Name, Run: x.id, Compiled: a.config.compiled, Staging: x.Staging, Replay: replay, TempDir: dir, TempBytes: x.tempBytes,
		MemoryBytes: s.Limits.MemoryBytes, Threads: s.Limits.Threads, Region: s.Lake.Region, Account: s.Lake.AccountID,
		MinDay: minDay, MaxDay: maxDay, MaxPartitions: s.Limits.MaxPartitions, MaxBroken: s.Limits.MaxBrokenRatio, HideRecords: a.config.hidesRecords(), HashKey: a.config.hashKey.Secret(), KeyValues: footerValues(s), Progress: scanProgress(x.Progress), Open: x.OpenEngine, Timeout: s.Limits.BatchTimeout}
	for class, target := range a.config.targets {
		if target.Missing != "" {
			if options.NotRegistered == nil {
				options.NotRegistered = map[string]string{}
			}
			options.NotRegistered[class] = target.Missing
		}
	}
	if replay == nil { // a replay rejects nothing new
		options.MaxFailed = s.Limits.MaxQuarantineRatio
	}
	res, err := a.runInBudget(ctx, options, out.objects)
	if errors.Is(err, attempt.ErrTooLong) {
		return out, fmt.Errorf("%w: mapping %s took longer than limits.batch_timeout (%s) for batch %s of %s, and nothing of the batch was committed. Try: lower limits.batch_bytes and run etl run --replan, look for slow expressions in the mapping, or raise the limit",
			ErrBatchTimeout, a.config.compiled.Name, s.Limits.BatchTimeout, batch, human.Plural(int64(len(objects)), "object"))
	}
	if many, ok := errors.AsType[*attempt.TooManyFailed](err); ok {
		a.keepExamples(ctx, refused.Batch{Batch: batch, Read: many.Records, Records: many.Failed}, many.Rows)
		return out, refusedBatch{&diag.OpError{Op: "process", Object: "batch " + batch, Err: many,
			Try: "etl quarantine show, which shows more of them, then correct the expression, or raise limits.max_quarantine_ratio"}}
	}
	if many, ok := errors.AsType[*attempt.TooManyLarge](err); ok {
		a.keepExamples(ctx, refused.Batch{Batch: batch}, many.Rows)
		return out, refusedBatch{&diag.OpError{Op: "process", Object: "batch " + batch, Err: many,
			Try: "raise limits.memory, or correct the mapping; with a higher limits.max_broken_ratio the objects go to quarantine"}}
	}
	if many, ok := errors.AsType[*attempt.TooManyPartitions](err); ok {
		return out, refusedBatch{&diag.OpError{Op: "process", Object: "batch " + batch, Err: many,
			Try: "correct the mapping if the field should not vary as much, or raise limits.max_partitions"}}
	}
	if err != nil {
		return out, err
	}
	out.result = res
	if replay == nil {
		out.digests = x.Staging.Digests(ctx, objects)
	}
	t := res.Totals()
	a.log.Info().Str("of", batch).Int64("read", t.Records).Int64("published", t.Published).Int64("filtered", t.Filtered).Int64("quarantined", t.Quarantined).Int64("kept", t.Kept).
		Int64("unreadable_objects", t.QuarantinedObjects).Int64("gone", t.Gone).Int64("denied", t.Denied).Int64("archived", t.Archived).Int("files", len(res.Files)).Bool("unchanged", res.Unchanged).Msg("files written and verified")
	return out, nil
}

// add makes a batch part of what the attempt commits. Records that a replay left in quarantine count as read and quarantined.
func (a *batchAttempt) add(b ledger.Batch, out batchOutput) {
	a.record.Moves = append(a.record.Moves, ledger.Move{Batch: out.batch, Base: b.Base})
	for i, o := range out.result.Objects {
		if o.State == attempt.ObjectGone && a.record.Why == ledger.WhyRun { // its next version is for the next run
			p := a.run.Spec.Pattern()
			a.run.later.Wait(p, staging.MatchObject(p, out.objects[i].Object))
		}
		sum := ""
		if out.digests != nil && !isGone(o) {
			sum = out.digests[i]
		}
		a.record.Objects = append(a.record.Objects, ledger.ObjectResult{ObjectID: ledger.ObjectID{Key: out.objects[i].Key, ETag: out.objects[i].ETag},
			Gone: isGone(o) && a.record.Why != ledger.WhyReplay, Left: leftAs(o, a.record.Why), SHA256: sum,
			Counts: ledger.Counts{Read: o.Records + o.Kept, Published: o.Published, Filtered: o.Filtered, Quarantined: o.Quarantined + o.Kept}, Documents: o.Documents})
	}
	t := out.result.Totals()
	a.record.Totals.Add(ledger.Counts{Read: t.Records + t.Kept, Published: t.Published, Filtered: t.Filtered, Quarantined: t.Quarantined + t.Kept})
	a.record.Documents += t.Documents
	out.before = b
	a.outputs = append(a.outputs, out)
}

// isGone says whether an attempt did not read an object, so that it is not taken.
func isGone(o attempt.ObjectResult) bool {
	switch o.State {
	case attempt.ObjectGone, attempt.ObjectChanged, attempt.ObjectDenied, attempt.ObjectArchived:
		return true
	}
	return false
}

// leftAs is why an object of a run is awaited.
func leftAs(o attempt.ObjectResult, why ledger.Why) awaited.Why {
	if why != ledger.WhyRun {
		return ""
	}
	return map[attempt.ObjectState]awaited.Why{attempt.ObjectChanged: awaited.Changed, attempt.ObjectDenied: awaited.Denied, attempt.ObjectArchived: awaited.Archived}[o.State]
}

// scanProgress reports the stages of an attempt as stages of a run.
func scanProgress(p Progress) func(attempt.Stage, int64) {
	return func(s attempt.Stage, n int64) {
		switch s {
		case attempt.StageBytes:
			p.Add(StageScan, n)
		case attempt.StageRecords:
			p.Begin(StageWrite, n, "records")
		case attempt.StageRows:
			p.Add(StageWrite, n)
		}
	}
}

// addCounts adds a batch to a summary.
func (out batchOutput) addCounts(s *report.Summary) {
	t := out.result.Totals()
	s.Objects.Read += int(t.Objects)
	s.Objects.Gone += int(t.Gone)
	s.Objects.Denied += int(t.Denied)
	s.Objects.Archived += int(t.Archived)
	s.Objects.Quarantined += int(t.QuarantinedObjects)
	s.Records.Read += t.Records
	s.Records.Documents += t.Documents
	s.Records.Published += t.Published
	s.Records.Filtered += t.Filtered
	s.Records.Quarantined += t.Quarantined
	s.Kept += t.Kept
	s.SizeRaw += out.result.RawBytes
	for i, o := range out.result.Objects {
		if !isGone(o) {
			s.SizeIn += out.objects[i].SizeBytes
		}
		if (o.State == attempt.ObjectQuarantined || o.BrokenMembers > 0) && len(s.Unreadable) < 20 {
			s.Unreadable = append(s.Unreadable, out.objects[i].Key+": "+o.Message)
		}
		if o.State == attempt.ObjectDenied && len(s.Denied) < 20 {
			s.Denied = append(s.Denied, out.objects[i].Key+": "+o.Message)
		}
	}
	for k, n := range out.result.Reasons {
		s.Reasons[k] += n
	}
	for k, n := range out.result.Misses {
		s.Misses[k] += n
	}
	for k, n := range out.result.Without {
		s.Without[k] += n
	}
	for k, n := range out.result.Redacted {
		s.Redacted[k] += n
	}
}

// runInBudget makes the files of a batch within limits.temp_bytes. An object that needs more alone goes to quarantine. Several objects
// are refused, and the next run plans them in smaller batches.
func (a *batchAttempt) runInBudget(ctx context.Context, o attempt.Options, objects []attempt.Object) (*attempt.Result, error) {
	x := a.run
	if x.tempBytes <= 0 {
		return attempt.Run(ctx, o, objects)
	}
	watched, stop := tempdir.Watch(ctx, x.temp, x.tempBytes)
	defer stop()
	res, err := attempt.Run(watched, o, objects)
	if err == nil { // what was written since the last measurement
		size, e := tempdir.Size(ctx, x.temp)
		if e != nil || size <= x.tempBytes {
			return res, e
		}
		err = &tempdir.Full{Path: x.temp, MaxBytes: x.tempBytes}
	}
	if ctx.Err() != nil || !isTempFull(watched, err) {
		return nil, err
	}
	limit := fmt.Sprintf("limits.temp_bytes (%s)", human.Size(x.tempBytes))
	isOwnLimit := x.Spec.Limits.TempBytes > 0
	if !isOwnLimit {
		limit = fmt.Sprintf("%s, 90%% of what was free in limits.temp_dir when the run began", human.Size(x.tempBytes))
	}
	// A disk that is nearly full says nothing about an object.
	if len(objects) == 1 && o.Replay == nil && (isOwnLimit || x.tempBytes >= 2*x.Spec.Limits.BatchBytes) {
		if err := empty(o.TempDir); err != nil {
			return nil, err
		}
		o.TooLarge = "the object alone needs more space in the temp folder than " + limit
		a.log.Warn().Str("object", objects[0].Key).Msg(o.TooLarge)
		return attempt.Run(ctx, o, objects)
	}
	largest := slices.MaxFunc(objects, func(a, b attempt.Object) int { return cmp.Compare(a.SizeBytes, b.SizeBytes) })
	failed := &diag.OpError{Op: "process", Object: human.Plural(int64(len(objects)), "object") + " in one batch",
		Err: fmt.Errorf("the batch needs more space in the temp folder than %s, and nothing of it was committed; the next run tries smaller batches. Its largest object is %s (%s)", limit, largest.Key, human.Size(largest.SizeBytes)),
		Try: "raise limits.temp_bytes, lower limits.batch_bytes, or set limits.temp_dir to another disk"}
	if !isOwnLimit { // the batch stays open, since only the disk was too small
		failed.Err = fmt.Errorf("no space left: the batch needs more than %s, and nothing of it was committed", limit)
		failed.Try = "free space in limits.temp_dir, set it to another disk, or lower limits.batch_bytes"
		return nil, failed
	}
	return nil, refusedBatch{failed}
}

// isTempFull says whether an attempt failed because of the limit of the temp folder: that of all files, or DuckDB's.
func isTempFull(watched context.Context, err error) bool {
	_, full := errors.AsType[*tempdir.Full](errors.Join(err, context.Cause(watched)))
	return full || strings.Contains(err.Error(), "max_temp_directory_size")
}

// empty deletes what an attempt has left in its folder.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}
