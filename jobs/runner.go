package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/rs/zerolog"

	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/internal/staging"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// The errors that end a run in a way of its own. cmd/etl has the table of their exit codes.
var (
	// ErrQuarantine says that too many records of a batch are bad; such a run has FAILED.
	ErrQuarantine = errors.New("too many records in quarantine")
	// ErrStopped says that the run was told to stop; it is STOPPED, and the next run continues from there.
	ErrStopped = errors.New("stopped")
	// ErrTimeout says that the run took longer than limits.timeout. Its state is TIMEOUT, its exit code that of any failure.
	ErrTimeout = errors.New("timeout")
)

// ErrBatchTimeout says that an attempt at a batch took longer than limits.batch_timeout; such a run has FAILED.
var ErrBatchTimeout = errors.New("a batch takes too long")

// LakeStore is where the lake's files go: it can hold them unseen.
type LakeStore = ledger.Lake

// Runner runs one job. All fields but Progress, Now, OpenEngine and RetryDelay are needed.
type Runner struct {
	Spec    *jobfile.Spec
	Mapping *mappings.Mapping
	// Compile compiles a mapping, also one that a manifest has kept.
	Compile func(ctx context.Context, m *mappings.Mapping) (*sqlgen.Compiled, error)
	Staging objstore.Reader
	Lake    LakeStore
	// Deleter is the lake with the right to delete; nil: there is none, and what needs it refuses.
	Deleter LakeStore
	State   objstore.Bucket
	Catalog catalog.Catalog
	// LogTo gets the log: JSON lines with the run's id. It is kept in the run's record as well.
	LogTo io.Writer
	// Progress is shown to a person; nil: nothing is.
	Progress Progress
	Now      func() time.Time
	Version  string // of etl
	// ExitCode gives the exit code of an error. The run's record keeps it.
	ExitCode func(error) int
	// OpenEngine opens the database of an attempt; nil: DuckDB.
	OpenEngine attempt.OpenEngine
	// RetryDelay is the wait of RunWithRetries before the second try; it doubles. 0: 10 s.
	RetryDelay time.Duration
	// CheckpointEntries is how many entries after the last checkpoint of the ledger a run writes another. 0: 100.
	CheckpointEntries int

	former []string // runs of this Runner that have failed
}

// RunOptions of one run.
type RunOptions struct {
	Trigger string // SCHEDULED, ON_DEMAND, CONDITIONAL, EVENT
	// FullSweep lists staging whole, also folders of days before the lookback.
	FullSweep bool
	// Replan releases what earlier runs planned and did not commit, so that it is planned anew with the mapping of now.
	Replan bool
}

// run is one execution.
type run struct {
	*Runner
	id       string
	log      zerolog.Logger
	opts     RunOptions
	command  string                            // run, replay, ...
	work     func(*run, context.Context) error // what the command does between a run's start and its end
	dry      bool                              // nothing is written, the run itself is not recorded either
	ledger   *ledger.Ledger
	sum      *report.Summary
	targets  map[string]lake.Target // by class
	compiled *sqlgen.Compiled
	temp     string
	rolled   []ledger.Rolled // entries rolled forward, to be marked done by the next one

	busy      map[string]bool      // runs that held a lease when this one last asked
	held      []ledger.ManifestRef // open, and left to another run that is at them
	started   bool                 // the run is recorded
	stopBy    time.Time            // zero: it is not being stopped
	committed []string             // batches
}

// Run executes the job once: it finishes what earlier runs left, plans what is new, and commits batch after batch. The
// Summary is never nil; the error says why the run did not succeed (ErrQuarantine, ErrStopped, ErrTimeout, ledger.ErrHeld, or
// another).
func (r *Runner) Run(ctx context.Context, opts RunOptions) (*report.Summary, error) {
	return r.perform(ctx, &run{opts: opts, command: "run", work: (*run).everything})
}

// perform is a run of any command, from its start in the ledger to its end.
func (r *Runner) perform(ctx context.Context, x *run) (*report.Summary, error) {
	if r.Now == nil {
		r.Now = time.Now
	}
	if r.LogTo == nil {
		r.LogTo = io.Discard
	}
	if r.Progress == nil {
		r.Progress = noProgress{}
	}
	x.Runner, x.id = r, ulid.Make().String()
	x.sum = &report.Summary{Job: r.Spec.Name, Run: x.id, Command: x.command, DryRun: x.dry, Trigger: x.opts.Trigger, State: string(ledger.RunStarting), Started: r.Now().UTC(),
		Reasons: map[string]int64{}, Misses: map[string]int64{}, Partitions: []report.PartitionSummary{}}
	keep := &logKeeper{}
	x.log = NewLog(keep.also(r.LogTo)).With().Str("run_id", x.id).Str("job", r.Spec.Name).Logger()
	err := x.execute(ctx)
	x.sum.Ended = r.Now().UTC()
	if x.sum.Ended.Before(x.sum.Started) { // the clock was put back
		x.sum.Ended = x.sum.Started
	}
	x.sum.State = string(stateOf(err))
	if err != nil {
		x.sum.Error = err.Error()
		x.log.Error().Str("state", x.sum.State).Err(err).Msg("run ended")
	} else {
		x.log.Info().Str("state", x.sum.State).Int64("read", x.sum.Records.Read).Int64("published", x.sum.Records.Published).
			Int64("filtered", x.sum.Records.Filtered).Int64("quarantined", x.sum.Records.Quarantined).Msg("run ended")
	}
	if e := x.recordEnd(ctx, keep, err); e != nil && err == nil {
		err = e
	}
	return x.sum, err
}

func stateOf(err error) ledger.RunState {
	switch {
	case err == nil:
		return ledger.RunSucceeded
	case errors.Is(err, ErrTimeout):
		return ledger.RunTimeout
	case errors.Is(err, ErrStopped):
		return ledger.RunStopped
	case errors.Is(err, ledger.ErrHeld):
		return ledger.RunWaiting
	}
	return ledger.RunFailed
}

func (x *run) execute(ctx context.Context) (err error) {
	limited, cancel := context.WithTimeoutCause(ctx, x.timeLimit(), ErrTimeout)
	defer cancel()
	defer func() {
		// what a cancelled request answers says nothing; the cause does
		switch {
		case err == nil || errors.Is(err, ErrQuarantine):
		case ctx.Err() != nil:
			err = fmt.Errorf("%w before it was done; the next run goes on from here", ErrStopped)
		case limited.Err() != nil:
			err = fmt.Errorf("%w: limits.timeout of %s has passed; what was committed stays, the next run goes on from here", ErrTimeout, x.Spec.Limits.Timeout)
		}
	}()
	if err := x.open(limited); err != nil {
		return err
	}
	x.temp, err = os.MkdirTemp(x.Spec.Limits.TempDir, "silt-"+x.Spec.Name+"-")
	if err != nil {
		return fmt.Errorf("limits.temp_dir: %w", err)
	}
	defer os.RemoveAll(x.temp)
	if err := x.work(x, limited); err != nil {
		return err
	}
	x.checkpoint(limited)
	return nil
}

// checkpoint spares the next runs the reading of what is old. One that cannot be written is no failure of the run.
func (x *run) checkpoint(ctx context.Context) {
	if x.dry || !x.ledger.CheckpointDue() {
		return
	}
	name, seq, err := x.ledger.Checkpoint(ctx, false)
	if err != nil {
		x.warn(fmt.Sprintf("no checkpoint of the ledger: %v; a later run writes one", err))
		return
	}
	x.log.Info().Str("checkpoint", name).Uint64("entry", seq).Msg("wrote a checkpoint of the ledger")
}

// everything is the work of a plain run.
func (x *run) everything(ctx context.Context) error {
	if stop, err := x.begin(ctx); stop || err != nil {
		return err
	}
	if err := x.finish(ctx); err != nil {
		return err
	}
	if err := x.room(ctx); err != nil {
		return err
	}
	if err := x.resume(ctx); err != nil {
		return err
	}
	if err := x.planNew(ctx); err != nil {
		return err
	}
	if err := x.markDone(ctx); err != nil {
		return err
	}
	x.deleteAgain(ctx)
	return x.leftToOthers(ctx)
}

// leftToOthers keeps a run that did nothing from saying that all is done while a batch is committed and not visible yet: its
// writer, who seems to be at work, may have died within the lease's time. A run that did work of its own warns.
func (x *run) leftToOthers(ctx context.Context) error {
	st, err := x.ledger.Fold(ctx)
	if err != nil || len(st.NotDone()) == 0 {
		return err
	}
	if err := x.finish(ctx); err != nil { // its lease may have expired meanwhile, or been given back
		return err
	}
	if err := x.markDone(ctx); err != nil {
		return err
	}
	busy, err := x.ledger.Holders(ctx)
	if err != nil {
		return err
	}
	if st, err = x.ledger.Fold(ctx); err != nil {
		return err
	}
	rest := slices.DeleteFunc(st.NotDone(), func(r ledger.Rolling) bool { return !busy[r.Run] })
	if len(rest) == 0 {
		return nil
	}
	text := fmt.Sprintf("run %s has committed entry %d and has not made it visible yet; run again once it has ended or its lease has expired", rest[0].Run, rest[0].Seq)
	if x.sum.Batches == 0 && !x.beside(ctx, rest[0].Run) {
		return fmt.Errorf("%w: %s", ledger.ErrHeld, text)
	}
	x.warn(text)
	return nil
}

// open compiles the mapping, lays out its classes, and starts the run in the ledger.
func (x *run) open(ctx context.Context) (err error) {
	if x.compiled, err = x.Compile(ctx, x.Mapping); err != nil {
		return err
	}
	if err = CheckFormat(x.Spec, x.compiled); err != nil {
		return err
	}
	if x.targets, err = Targets(x.Spec, x.compiled); err != nil {
		return err
	}
	if x.dry {
		x.ledger, err = openLedger(x.Runner, "", x.warn)
		return err
	}
	x.ledger, err = openLedger(x.Runner, x.id, x.warn)
	if err != nil {
		return err
	}
	return x.recordStart(ctx)
}

// OpenLedger opens a job's ledger for reading, with a watermark for each folder of dated folders.
func OpenLedger(s *jobfile.Spec, state objstore.Bucket) (*ledger.Ledger, error) {
	return ledger.Open(state, s.Name, ledgerOptions(s))
}

func ledgerOptions(s *jobfile.Spec) ledger.Options {
	o := ledger.Options{TempDir: s.Limits.TempDir}
	if p := s.Pattern(); p != nil {
		o.WatermarkPrefix, o.MarksBy = p.DatePrefix, s.Source.KeyPattern
	}
	return o
}

// openLedger opens the job's ledger for a run, or with "" for reading. warn may be nil.
func openLedger(r *Runner, run string, warn func(string)) (*ledger.Ledger, error) {
	o := ledgerOptions(r.Spec)
	o.Run, o.Former, o.Warn, o.CheckpointEntries = run, r.former, warn, r.CheckpointEntries
	return ledger.Open(r.State, r.Spec.Name, o)
}

// finish rolls forward what earlier runs committed and did not see through. Entries whose writer is still at work are its own.
func (x *run) finish(ctx context.Context) error {
	busy, err := x.ledger.Holders(ctx)
	if err != nil {
		return err
	}
	x.busy = busy
	if err := x.mayFinish(ctx, busy); err != nil {
		return err
	}
	n, err := x.rollForward(ctx, func(r ledger.Rolling) bool { return !busy[r.Run] })
	if err != nil {
		return fmt.Errorf("finish what an earlier run committed: %w", err)
	}
	x.sum.Finished += n
	if n > 0 {
		x.log.Info().Int("entries", n).Msg("finished what an earlier run had committed")
	}
	return nil
}

// rollForward makes the lake what committed entries say. They are marked done by the next commit, or at the end.
func (x *run) rollForward(ctx context.Context, only func(ledger.Rolling) bool) (int, error) {
	res, err := x.ledger.RollForward(ctx, ledger.RollOptions{Lake: x.Lake, Deleter: x.deleter(), AddPartitions: x.addPartitions, Only: only, Later: true})
	for _, l := range res.Lost {
		x.warn(fmt.Sprintf("the store lost %d held files of committed batches %s; their objects run again if staging still has them, otherwise their records are gone", len(l.Files), strings.Join(l.Batches, ", ")))
	}
	x.rolled = append(x.rolled, res.Rolled...)
	for _, b := range res.Blocked {
		if x.rewound(ctx, b.Seq) { // what was taken back still shows: running its objects again would double the rows
			return len(res.Entries), errors.Join(err, fmt.Errorf("entry %d, a rewind, waits for its files to be deleted: %w: %w", b.Seq, ErrNoDelete, b.Err))
		}
		if x.command == "replace" { // each batch more would be there twice
			return len(res.Entries), errors.Join(err, fmt.Errorf("entry %d is written, what it replaces is not deleted yet: %w: %w", b.Seq, ErrNoDelete, b.Err))
		}
		x.warn(fmt.Sprintf("entry %d waits for deletes that this role may not do: %v", b.Seq, b.Err))
	}
	return len(res.Entries), err
}

// rewound says whether an entry that is not done takes committed rows back.
func (x *run) rewound(ctx context.Context, seq uint64) bool {
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return true
	}
	for _, r := range st.NotDone() {
		if r.Seq == seq {
			return r.Why == ledger.WhyRewind
		}
	}
	return false
}

func (x *run) warn(text string) {
	if slices.Contains(x.sum.Warnings, text) {
		return
	}
	x.sum.Warnings = append(x.sum.Warnings, text)
	x.log.Warn().Msg(text)
}

// addPartitions is what the ledger calls after files of a batch are visible.
func (x *run) addPartitions(ctx context.Context, files []ledger.File) error {
	byTable := map[string]map[[3]string]catalog.Partition{}
	for _, f := range files {
		if byTable[f.Table] == nil {
			byTable[f.Table] = map[[3]string]catalog.Partition{}
		}
		folder := f.Held.Key[:strings.LastIndexByte(f.Held.Key, '/')+1]
		byTable[f.Table][f.Values] = catalog.Partition{Values: f.Values, Location: x.location(folder)}
	}
	for table, ps := range byTable {
		var list []catalog.Partition
		for _, p := range ps {
			list = append(list, p)
		}
		sort.Slice(list, func(i, j int) bool { return list[i].Location < list[j].Location })
		if _, err := x.Catalog.AddPartitions(ctx, table, list); err != nil {
			return err
		}
	}
	return nil
}

// location of a folder of the lake, as the catalog names it.
func (x *run) location(folder string) string {
	return strings.TrimSuffix(x.Lake.String(), "/") + "/" + folder
}

// resume runs the batches that an earlier run planned and did not commit, with the mapping of then.
func (x *run) resume(ctx context.Context) error {
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return err
	}
	open := st.OpenBatches()
	if len(open) == 0 {
		return nil
	}
	byManifest := map[ledger.ManifestRef][]ledger.Batch{}
	var order []ledger.ManifestRef
	for _, b := range open {
		if byManifest[b.Manifest] == nil {
			order = append(order, b.Manifest)
		}
		byManifest[b.Manifest] = append(byManifest[b.Manifest], b)
	}
	for _, ref := range order {
		var ids []string
		for _, b := range byManifest[ref] {
			ids = append(ids, b.ID)
		}
		m, err := x.ledger.Manifest(ctx, ref, ids...)
		if err != nil {
			return err
		}
		x.log.Info().Str("manifest", ref.ID).Int("batches", len(ids)).Msg("resuming an earlier plan")
		x.sum.Resumed += len(ids)
		lease, err := x.ledger.Lease(ctx, ref.ID)
		if errors.Is(err, ledger.ErrHeld) && x.beside(ctx, byManifest[ref][0].Run) {
			x.sum.Resumed -= len(ids)
			x.held = append(x.held, ref)
			if x.Spec.Limits.MaxConcurrentRuns > 1 && x.command == "run" {
				x.warn(fmt.Sprintf("run %s is at %s that it planned before; they are left to it", byManifest[ref][0].Run, human.Plural(int64(len(ids)), "batch")))
			}
			continue
		}
		if err != nil {
			return err
		}
		err = x.runPlanned(ctx, lease, m)
		if err := errors.Join(err, x.release(ctx, lease)); err != nil {
			return err
		}
	}
	return nil
}

// list finds what is new in staging.
func (x *run) list(ctx context.Context, st *ledger.State) (*staging.Listing, error) {
	o := staging.Options{Include: x.Spec.Source.Include, Exclude: x.Spec.Source.Exclude, Taken: st.TakenObject, Changed: st.Changed,
		IgnoreChanged: x.Spec.Source.OnChange == "ignore"}
	o.Pattern = x.Spec.Pattern()
	if x.Spec.Source.Settle > 0 {
		o.SettledBefore = x.Now().Add(-x.Spec.Source.Settle)
	}
	if o.Pattern != nil && !x.opts.FullSweep {
		o.Cutoff = cutoffs(o.Pattern, st.Bookmark().Marks, x.Spec.Source.Lookback)
	}
	return staging.List(ctx, x.Staging, o)
}

// cutoffs say, for each folder of dated folders, which is the first day still listed: the latest day that was taken there,
// less the lookback. A folder that nothing was taken from, or from which a release set objects free, is listed whole.
func cutoffs(p *staging.Pattern, marks []ledger.Mark, lookback time.Duration) func(string) time.Time {
	first := map[string]time.Time{}
	for _, m := range marks {
		if day, ok := p.Day(p.Match(m.Key)); ok && m.Prefix != "" && m.FreedFrom.IsZero() {
			first[m.Prefix] = day.Add(-lookback).Truncate(24 * time.Hour)
		}
	}
	return func(prefix string) time.Time { return first[prefix] }
}

// manifest fixes a plan: the mapping's text, the settings that change what is published, and the batches.
func (x *run) manifest(l *staging.Listing) *ledger.Manifest {
	m := &ledger.Manifest{ID: ulid.Make().String(), SchemaVersion: x.compiled.Version, Settings: plannedSettings(x.Spec),
		Mapping: ledger.Mapping{Name: x.Mapping.Name, Digest: x.Mapping.Digest}}
	for _, name := range slices.Sorted(maps.Keys(x.Mapping.Files)) {
		m.Mapping.Files = append(m.Mapping.Files, ledger.MappingFile{Path: name, Text: x.Mapping.Files[name]})
	}
	for _, b := range staging.Batches(l.New, x.Spec.Limits.BatchBytes) {
		mb := ledger.ManifestBatch{Batch: ulid.Make().String()}
		for _, f := range b {
			mb.Objects = append(mb.Objects, f.Object)
		}
		m.Batches = append(m.Batches, mb)
	}
	return m
}

// runPlanned runs the batches of a manifest, under its lease.
func (x *run) runPlanned(ctx context.Context, _ *ledger.Lease, m *ledger.Manifest) error {
	spec, err := x.asPlanned(m)
	if err != nil {
		return err
	}
	defer func(r *Runner) { x.Runner = r }(x.Runner)
	now := *x.Runner
	now.Spec, x.Runner = spec, &now // until this plan is done the job is what it was when it was planned
	compiled, targets := x.compiled, x.targets
	if m.Mapping.Digest != x.Mapping.Digest {
		files := map[string]string{}
		for _, f := range m.Mapping.Files {
			files[f.Path] = f.Text
		}
		old, err := mappings.LoadFiles(m.Mapping.Name, files)
		if err != nil {
			return fmt.Errorf("the mapping that manifest %s was planned with: %w", m.ID, err)
		}
		if compiled, err = x.Compile(ctx, old); err != nil {
			return fmt.Errorf("the mapping that manifest %s was planned with: %w", m.ID, err)
		}
		if targets, err = Targets(x.Spec, compiled); err != nil {
			return err
		}
		x.log.Info().Str("manifest", m.ID).Msg("resuming with the mapping it was planned with")
	}
	var size int64
	for _, b := range m.Batches {
		for _, o := range b.Objects {
			size += o.SizeBytes
		}
	}
	x.Progress.Begin(StageScan, size, "bytes")
	for _, b := range m.Batches {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := x.batch(ctx, compiled, targets, m, b)
		if errors.Is(err, ErrQuarantine) {
			return errors.Join(err, x.giveUp(ctx, m))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// giveUp releases what is open of a plan whose mapping, as it was, refuses too much: the next run plans the objects anew, with
// the mapping and the limit of then.
func (x *run) giveUp(ctx context.Context, m *ledger.Manifest) error {
	ids := make([]string, 0, len(m.Batches))
	for _, b := range m.Batches {
		ids = append(ids, b.Batch)
	}
	_, err := x.ledger.Release(ctx, ledger.WhyReplan, ids...)
	return err
}

// markDone writes a last done entry for what was rolled forward.
func (x *run) markDone(ctx context.Context) error {
	if len(x.rolled) == 0 {
		return nil
	}
	_, err := x.ledger.MarkDone(ctx, x.rolled...)
	x.rolled = nil
	return err
}

// recordStart and recordEnd keep the run, its result and its log in the state.
func (x *run) recordStart(ctx context.Context) error {
	x.sum.State = string(ledger.RunRunning)
	host, _ := os.Hostname()
	err := x.ledger.StartRun(ctx, ledger.RunStart{Trigger: x.opts.Trigger, Command: x.command, Started: x.sum.Started, Host: host, Version: x.Version})
	x.started = err == nil
	return err
}

func (x *run) recordEnd(ctx context.Context, keep *logKeeper, runErr error) error {
	if !x.started {
		return nil
	}
	ctx, cancel := x.toTheEnd(ctx, 5*time.Second)
	defer cancel()
	text, err := json.Marshal(x.sum)
	if err != nil {
		return err
	}
	r := x.sum.Records
	return x.ledger.EndRun(ctx, ledger.RunEnd{State: ledger.RunState(x.sum.State), Ended: x.sum.Ended, ExitCode: x.ExitCode(runErr), Error: x.sum.Error,
		Objects: x.sum.Objects.Read, SizeBytes: x.sum.SizeIn, Files: x.sum.Files, Batches: x.committed, Log: string(keep.text()), Summary: text,
		Records: ledger.Counts{Read: r.Read, Published: r.Published, Filtered: r.Filtered, Quarantined: r.Quarantined}})
}
