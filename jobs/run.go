package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/rs/zerolog"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/identity"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/newfields"
	"github.com/silt-etl/silt/internal/recheck"
	"github.com/silt-etl/silt/internal/refused"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/internal/staging"
	"github.com/silt-etl/silt/internal/tempdir"
)

// run is one execution of a command on a job, from its start in the ledger to its end. It holds what every command needs and no
// more: the ledger, the log, the summary, a temp folder, and how the job is configured now. What a command does between start and
// end is a type of its own that holds a run: ordinaryRun, backfill, replacement, replay, rewind, retention.
type run struct {
	*Runner
	id        string
	command   string        // run, backfill, replace, replay, ...
	dry       bool          // nothing is written, and the run itself is not recorded
	limit     time.Duration // how long it may take
	log       zerolog.Logger
	keep      *logKeeper // what was logged, for the run's record
	sum       *report.Summary
	ledger    *ledger.Ledger
	config    *batchConfig // of the job file and the mapping now
	publisher *publisher
	temp      string
	tempBytes int64           // that all files in temp may take; 0: unknown
	Staging   *identity.Store // the Runner's, which digests files
	sorter    identity.Sorter // what a listing found new
	memo      *recheck.Memo   // what earlier runs say of listings; nil: not read yet
	later     staging.Listing // its Waiting: objects that are left for the next run

	recorded  bool      // the ledger has the run's start
	stopBy    time.Time // zero: it is not being stopped
	wait      waiter
	dog       watchdog
	committed []string // batches
	failures  failures // of batches, or of work that another run holds
	unread    unread   // objects
	unmatched refused.Tally
	fields    fieldNews
	timeThen  time.Time // of the state's store, at askedTime of this machine
	askedTime time.Time
	check     lakeCheck
	places    placement
	tables    map[string][]catalog.Column // that this run has grown or found to be complete
}

// newRun prepares a run. Nothing is opened before do.
func (r *Runner) newRun(command, trigger string, dry bool) *run {
	if r.Now == nil {
		r.Now = time.Now
	}
	if r.LogTo == nil {
		r.LogTo = io.Discard
	}
	if r.Progress == nil {
		r.Progress = noProgress{}
	}
	x := &run{Runner: r, id: ulid.Make().String(), command: command, dry: dry, limit: r.Spec.Limits.Timeout, keep: &logKeeper{}}
	if isBackfill(command) {
		x.limit = backfillLimit
	}
	x.publisher = &publisher{run: x}
	x.check.run, x.places.run = x, x
	x.fields = fieldNews{run: x, counts: newfields.Counts{}}
	x.Staging = &identity.Store{Reader: r.Staging, State: func(ctx context.Context) (*ledger.State, error) { return x.ledger.Fold(ctx) }}
	x.sum = &report.Summary{Job: r.Spec.Name, Run: x.id, Command: command, DryRun: dry, Trigger: trigger, State: string(ledger.RunStarting),
		Started: r.Now().UTC(), Reasons: map[string]int64{}, Misses: map[string]int64{}, Without: map[string]int64{}, Redacted: map[string]int64{}, Partitions: []report.PartitionSummary{}}
	x.log = NewLog(x.keep.also(r.LogTo)).With().Str("run_id", x.id).Str("job", r.Spec.Name).Logger()
	x.failures.sum, x.failures.log = x.sum, x.log
	return x
}

// do opens the job, calls work, and records how the run ended.
func (x *run) do(ctx context.Context, work func(context.Context) error) (*report.Summary, error) {
	if x.Sandbox != "" {
		x.log.Info().Str("sandbox", x.Sandbox).Msg("run begins")
	}
	ended := x.execute(ctx, work)
	err := joinFailures(append(x.failures.errs, x.unread.err(x.Staging, x.Spec.Limits.MaxDeniedObjects), ended)...)
	if text := x.unmatched.Warning(); text != "" {
		x.warn(text)
		x.sum.Kinds = x.unmatched.Kinds
	}
	x.fields.find(ctx)
	x.sum.Ended = x.Now().UTC()
	if x.sum.Ended.Before(x.sum.Started) { // the clock was set back
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
	e := x.recordEnd(ctx, err)
	if e == nil {
		x.fields.save(ctx)
	} else if err == nil {
		err = e
	}
	return x.sum, err
}

func stateOf(err error) ledger.RunState {
	var several *Failures
	switch {
	case err == nil:
		return ledger.RunSucceeded
	case errors.As(err, &several) && !errors.Is(err, ErrTimeout) && !errors.Is(err, ErrStopped):
		for _, e := range several.Errs {
			if !errors.Is(e, ledger.ErrHeld) {
				return ledger.RunFailed
			}
		}
		return ledger.RunWaiting
	case errors.Is(err, ErrTimeout):
		return ledger.RunTimeout
	case errors.Is(err, ErrStopped):
		return ledger.RunStopped
	case errors.Is(err, ledger.ErrHeld):
		return ledger.RunWaiting
	}
	return ledger.RunFailed
}

// execute opens the job, works within the run's time limit, and writes a checkpoint if one is due.
func (x *run) execute(ctx context.Context, work func(context.Context) error) (err error) {
	limited, cancel := context.WithTimeoutCause(ctx, x.limit, ErrTimeout)
	defer cancel()
	defer func() {
		// the error of a cancelled request does not say why it was cancelled
		switch {
		case err == nil, errors.Is(err, ErrQuarantine):
		case ctx.Err() != nil:
			err = fmt.Errorf("%w before the run was done; the next run continues from there", ErrStopped)
		case limited.Err() != nil:
			err = fmt.Errorf("%w: the run took longer than limits.timeout (%s); its committed batches stay, and the next run continues from there", ErrTimeout, x.Spec.Limits.Timeout)
		}
	}()
	defer x.watch(limited, func() error {
		if ctx.Err() != nil {
			return ErrStopped
		}
		return fmt.Errorf("%w: the run took longer than limits.timeout (%s)", ErrTimeout, x.Spec.Limits.Timeout)
	})()
	x.removeLeftTemp(limited)
	if err := x.open(limited); err != nil {
		return err
	}
	temp, err := tempdir.New(x.Spec.Limits.TempDir, x.Spec.Name)
	if err != nil {
		return fmt.Errorf("limits.temp_dir: %w", err)
	}
	defer temp.Remove()
	x.temp, x.tempBytes = temp.Path, x.Spec.Limits.TempBytes
	if free, err := tempdir.FreeBytes(x.temp); err == nil && x.tempBytes == 0 {
		x.tempBytes = free / 10 * 9
	}
	x.dog.setTemp(x.temp)
	if err := work(limited); err != nil {
		return err
	}
	x.removeRefused(limited)
	x.writeCheckpoint(limited)
	return nil
}

// removeLeftTemp removes the temp folders of processes that were killed. A run does not fail if it cannot remove them.
func (x *run) removeLeftTemp(ctx context.Context) {
	if x.dry {
		return
	}
	removed, err := tempdir.Clean(ctx, x.Spec.Limits.TempDir)
	for _, f := range removed {
		x.log.Info().Str("folder", f.Path).Int64("bytes", f.SizeBytes).Msg("removed the temp folder of a run that was killed")
	}
	if err != nil && ctx.Err() == nil {
		x.warn(fmt.Sprintf("temp folders of runs that were killed could not be removed: %v", err))
	}
}

// open compiles the mapping, opens the ledger, records the run's start, and gives each class its place in the lake.
func (x *run) open(ctx context.Context) (err error) {
	if x.config, err = x.currentConfig(ctx); err != nil {
		return err
	}
	if slices.Contains([]string{"run", "backfill", "replace", "replay"}, x.command) { // the others read no records
		if err = x.config.checkKey(); err != nil {
			return err
		}
	}
	if x.dry {
		if x.ledger, err = openLedger(x.Runner, "", x.warn); err != nil {
			return err
		}
		return x.places.assign(ctx)
	}
	if x.ledger, err = openLedger(x.Runner, x.id, x.warn); err != nil {
		return err
	}
	if err = x.recordStart(ctx); err != nil {
		return err
	}
	return x.places.assign(ctx)
}

// writeCheckpoint saves later runs from reading old entries. A run does not fail if the checkpoint cannot be written.
func (x *run) writeCheckpoint(ctx context.Context) {
	if x.dry || !x.ledger.CheckpointDue() {
		return
	}
	name, seq, err := x.ledger.Checkpoint(ctx, false)
	if err != nil {
		x.warn(fmt.Sprintf("the checkpoint of the ledger could not be written: %v; a later run writes one", err))
		return
	}
	x.log.Info().Str("checkpoint", name).Uint64("entry", seq).Msg("wrote a checkpoint of the ledger")
}

// checkStart refuses a run that could show rows twice. paused: the job is paused, and the run has nothing to do.
func (x *run) checkStart(ctx context.Context) (paused bool, err error) {
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return false, err
	}
	if x.Spec.Source.OnChange == jobfile.OnChangeReplace && x.Deleter == nil {
		return false, fmt.Errorf("source.on_change: replace withdraws rows: %w", ErrNoDelete)
	}
	if st.Paused() {
		x.warn("the job is paused, so nothing was done. Try: etl bookmark resume")
		return true, nil
	}
	for _, n := range st.NotDone() {
		if n.Why == ledger.WhyRewind && x.Deleter == nil { // its objects would be loaded again next to their old rows
			return false, fmt.Errorf("entry %d, a rewind, waits for its files to be deleted: %w", n.Seq, ErrNoDelete)
		}
	}
	return false, nil
}

// worksAlongside says whether this run continues although another one is working: one of the two is a backfill, or the job allows
// several runs.
func (x *run) worksAlongside(ctx context.Context, other string) bool {
	if isBackfill(x.command) || x.Spec.Limits.MaxConcurrentRuns > 1 {
		return true
	}
	i, err := x.ledger.Run(ctx, other)
	return err == nil && isBackfill(i.Command)
}

func isBackfill(command string) bool { return command == "backfill" || command == "replace" }

// warn adds a warning to the summary and the log, once.
func (x *run) warn(text string) {
	if slices.Contains(x.sum.Warnings, text) {
		return
	}
	x.sum.Warnings = append(x.sum.Warnings, text)
	x.log.Warn().Msg(text)
}

func (x *run) recordStart(ctx context.Context) error {
	x.sum.State = string(ledger.RunRunning)
	host, _ := os.Hostname()
	start := ledger.RunStart{Trigger: x.sum.Trigger, Command: x.command, Started: x.sum.Started, Host: host, Version: x.Version}
	err := x.ledger.StartRun(ctx, start)
	x.recorded = err == nil
	if err != nil && ctx.Err() != nil { // it may be written, and a start without an end looks like a run that was killed
		again, cancel := x.cleanupContext(ctx, 5*time.Second)
		defer cancel()
		x.recorded = x.ledger.StartRun(again, start) == nil
	}
	return err
}

// recordEnd stores the run's result and its log in the state.
func (x *run) recordEnd(ctx context.Context, runErr error) error {
	if !x.recorded || x.dog.gaveUp() {
		return nil
	}
	ctx, cancel := x.cleanupContext(ctx, 5*time.Second)
	defer cancel()
	text, err := json.Marshal(x.sum)
	if err != nil {
		return err
	}
	r := x.sum.Records
	return x.ledger.EndRun(ctx, ledger.RunEnd{State: ledger.RunState(x.sum.State), Ended: x.sum.Ended, ExitCode: x.ExitCode(runErr), Error: x.sum.Error,
		Objects: x.sum.Objects.Read, SizeBytes: x.sum.SizeIn, Files: x.sum.Files, Batches: x.committed, Log: string(x.keep.text()), Summary: text,
		Records: ledger.Counts{Read: r.Read, Published: r.Published, Filtered: r.Filtered, Quarantined: r.Quarantined}})
}

// stopWithin is how long a run that is being stopped may clean up, in total: container runtimes kill after ten seconds.
const stopWithin = 5 * time.Second

// cleanupContext is a context for work that must be done even if the run is being stopped, within limit and within stopWithin.
func (x *run) cleanupContext(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	by := time.Now().Add(limit)
	if ctx.Err() != nil {
		if x.stopBy.IsZero() {
			x.stopBy = time.Now().Add(stopWithin)
		}
		if x.stopBy.Before(by) {
			by = x.stopBy
		}
	}
	return context.WithDeadline(context.WithoutCancel(ctx), by)
}

// takeLease takes a lease, which an abandoned run releases too.
func (x *run) takeLease(ctx context.Context, name string) (*ledger.Lease, error) {
	lease, err := x.ledger.Lease(ctx, name)
	if err == nil {
		x.dog.hold(lease)
	}
	return lease, err
}

// waitForLease is takeLease, but it waits while another run holds the lease.
func (x *run) waitForLease(ctx context.Context, name string) (lease *ledger.Lease, err error) {
	err = x.wait.whileHeld(ctx, &x.log, func() error {
		lease, err = x.takeLease(ctx, name)
		return err
	})
	return lease, err
}

// waiter waits for work that another run holds.
type waiter struct {
	until time.Time // zero: it does not wait
	told  bool      // the log says that it waits
}

// atMost is how long it waits from now on, in total.
func (w *waiter) atMost(limit time.Duration) {
	if limit > 0 {
		w.until = time.Now().Add(limit)
	}
}

// whileHeld repeats work while its error is ledger.ErrHeld and the time of atMost is not over.
func (w *waiter) whileHeld(ctx context.Context, log *zerolog.Logger, work func() error) error {
	for pause := 250 * time.Millisecond; ; pause = min(2*pause, 4*time.Second) {
		err := work()
		left := time.Until(w.until)
		if end, ok := ctx.Deadline(); ok {
			left = min(left, time.Until(end)-time.Second) // it is the other run that takes too long, and not this one
		}
		if !errors.Is(err, ledger.ErrHeld) || w.until.IsZero() || left <= 0 {
			return err
		}
		if !w.told {
			log.Info().Str("held", err.Error()).Dur("at_most", left).Msg("waiting for another run")
			w.told = true
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(min(pause, left)):
		}
	}
}

// releaseLease releases a lease, even if the run is being stopped.
func (x *run) releaseLease(ctx context.Context, lease *ledger.Lease) {
	if !x.dog.forget(lease) {
		return
	}
	ctx, cancel := x.cleanupContext(ctx, 3*time.Second)
	defer cancel()
	if err := lease.Release(ctx); err != nil {
		x.log.Warn().Err(err).Msg("the lease could not be released; it expires by itself")
	}
}

// commitWithin is how long a commit and its publication may continue once the run is being stopped.
const commitWithin = 4 * time.Second

// commitContext is a context that ends commitWithin later than its parent.
func commitContext(ctx context.Context) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(commitWithin, cancel) })
	return out, func() { stop(); cancel() }
}

// fieldNews reports fields of committed batches that the mapping does not know and that earlier runs did not have. A run does not fail
// because of it.
type fieldNews struct {
	run    *run
	counts newfields.Counts
	memo   *newfields.Memo // nil: there is nothing to save
}

// find adds new fields to the summary.
func (f *fieldNews) find(ctx context.Context) {
	x := f.run
	if x.sum.Records.Published == 0 || len(x.committed) == 0 || !x.recorded || x.dog.gaveUp() {
		return
	}
	ctx, cancel := x.cleanupContext(ctx, 5*time.Second)
	defer cancel()
	memo, err := newfields.Load(ctx, x.State, x.Spec.Name)
	if err != nil {
		x.log.Warn().Err(err).Msg("new fields are not reported; a later run reports them")
		return
	}
	if x.sum.Fields = memo.Since(f.counts); x.sum.Fields != nil && !x.sum.Fields.First {
		x.warn(x.sum.Fields.String())
	}
	f.memo = memo
}

// save keeps the fields for the next run, once the run's record has them.
func (f *fieldNews) save(ctx context.Context) {
	x := f.run
	if f.memo == nil {
		return
	}
	ctx, cancel := x.cleanupContext(ctx, 5*time.Second)
	defer cancel()
	if err := f.memo.Save(ctx, x.State, x.Spec.Name); err != nil {
		x.log.Warn().Err(err).Msg("the fields of this run were not kept, so that the next run reports new ones once more")
	}
}
