// Package jobs runs a job: it finishes what earlier runs left, plans what is new in staging, and processes batch after batch.
//
// Runner is the entry. Each command is a type of its own over a small shared core (run): ordinaryRun, backfill, replacement, replay,
// rewind, skip and retention. ordinaryRun.work is the order of a run; batchAttempt is the order of a batch; publisher makes visible
// what is committed. Job files are read by internal/jobfile, results are printed by internal/report.
//
// The package connects staging, attempts, ledger, lake and catalog through their interfaces, and never imports DuckDB or the AWS SDK.
// Invariants: nothing of a batch is visible before its ledger entry is written, and after that any run can finish it; a plan is
// processed with the mapping and the settings that its manifest fixed; a batch with too many bad records is not committed.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/silt-etl/silt/crawler"
	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/doctor"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/ledger/holder"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/recheck"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// The errors that end a run in a way of its own. cmd/etl has the table of their exit codes.
var (
	// ErrStopped says that the run received a signal to stop; it is STOPPED, and the next run continues from there.
	ErrStopped = errors.New("stopped")
	// ErrTimeout says that the run took longer than limits.timeout. Its state is TIMEOUT, its exit code that of any failure.
	ErrTimeout = errors.New("timeout")
)

// ErrBatchTimeout says that an attempt at a batch took longer than limits.batch_timeout; such a run has FAILED.
var ErrBatchTimeout = errors.New("the batch took too long")

// LakeStore is the store of the lake's files. It can hold files where readers do not see them.
type LakeStore = ledger.Lake

// Runner executes the commands of one job: Run, Backfill, Replay, Rewind, SkipBefore, Pause, Retain, Maintain.
//
// It guarantees that every record is delivered exactly once, even if the process is killed or several runners work on the job at the
// same time: a batch becomes visible only through one create-only ledger entry, and any later run finishes what that entry says.
//
//	r := &jobs.Runner{Spec: spec, Mapping: m, Compile: compile, Staging: staging, Lake: lake, State: state, Catalog: catalog, ExitCode: code}
//	summary, err := r.Run(ctx, jobs.RunOptions{Trigger: "ON_DEMAND"})
//
// All fields are needed except Deleter, LogTo, Progress, Now, Version, Sandbox, OpenEngine, Abandon, UnansweredAfter, RetryDelay,
// CheckpointEntries, LeaseExpiry and LookupEnv.
type Runner struct {
	Spec    *jobfile.Spec
	Mapping *mappings.Mapping
	// Compile compiles a mapping: the current one, or one that a manifest has kept.
	Compile func(ctx context.Context, m *mappings.Mapping) (*sqlgen.Compiled, error)
	Staging objstore.Reader
	Lake    LakeStore
	// Deleter is the lake with the right to delete. nil: the job does not have it, and commands that need it refuse (ErrNoDelete).
	Deleter LakeStore
	State   objstore.Bucket
	Catalog catalog.Catalog
	// LogTo gets the log: JSON lines with the run's ID. The run's record keeps the log as well.
	LogTo io.Writer
	// Progress shows a person how the run proceeds; nil: nobody.
	Progress Progress
	Now      func() time.Time
	Version  string // of etl
	Sandbox  string // what the process was restricted to, for the log; "": not known
	// LookupEnv gives the variables with the keys of hashes; nil: there are none.
	LookupEnv func(name string) (text string, set bool)
	// ExitCode gives the exit code of an error. The run's record keeps it.
	ExitCode func(error) int
	// OpenEngine opens the database of an attempt; nil: DuckDB.
	OpenEngine attempt.OpenEngine
	// Abandon ends the process of a run that does not answer a stop, with the exit code of err. nil: such a run continues.
	Abandon func(err error)
	// UnansweredAfter is how long a stop may stay without an answer before Abandon is called. 0: 10 s.
	UnansweredAfter time.Duration
	// RetryDelay is how long RunWithRetries waits before the first retry; it doubles. 0: 10 s.
	RetryDelay time.Duration
	// RestoreDelay is how long a backfill waits before it looks for the first time whether archived objects are restored; it doubles, up to
	// five minutes. 0: 30 s.
	RestoreDelay time.Duration
	// CheckpointEntries is the number of ledger entries after which a run writes another checkpoint. 0: 100.
	CheckpointEntries int
	// LeaseExpiry is how long a lease of a run counts after its last renewal; it is renewed five times as often. 0: 60 s, renewed
	// every 10 s.
	LeaseExpiry time.Duration

	former []string // runs of this Runner that have failed
}

// RunWithRetries runs the job, and retries it up to limits.max_retries times while it fails for a temporary reason. Each retry is a
// run of its own; the last one's summary is returned.
func (r *Runner) RunWithRetries(ctx context.Context, opts RunOptions) (*report.Summary, error) {
	delay := r.RetryDelay
	if delay == 0 {
		delay = 10 * time.Second
	}
	for try := 0; ; try++ {
		sum, err := r.Run(ctx, opts)
		if err == nil || try >= r.Spec.Limits.MaxRetries || !isTemporary(err) {
			return sum, err
		}
		r.former = append(r.former, sum.Run) // it may have left its leases behind
		if r.LogTo != nil {
			l := NewLog(r.LogTo)
			l.Warn().Err(err).Str("job", r.Spec.Name).Str("run_id", sum.Run).Dur("wait", delay).Msg("the run failed and is retried")
		}
		select {
		case <-ctx.Done():
			return sum, err
		case <-time.After(delay):
			delay *= 2
		}
	}
}

// isTemporary says whether a retry can help without a change by a person. Of several failures it is enough that one is temporary, unless
// one of them ended the run for good.
func isTemporary(err error) bool {
	if several, ok := errors.AsType[*Failures](err); ok {
		for _, e := range []error{ErrStopped, ErrTimeout, context.Canceled, ledger.ErrNewer, ledger.ErrCorrupt} {
			if errors.Is(err, e) {
				return false
			}
		}
		return slices.ContainsFunc(several.Errs, isTemporary)
	}
	for _, e := range []error{ErrQuarantine, ErrStopped, ErrTimeout, ErrBatchTimeout, context.Canceled, ledger.ErrHeld, ledger.ErrNewer, ledger.ErrCorrupt} {
		if errors.Is(err, e) {
			return false
		}
	}
	return errors.Is(err, ledger.ErrUnknown) || errors.Is(err, ledger.ErrMoved) || diag.Temporary(err)
}

// OpenLedger opens a job's ledger for reading, with a watermark for each folder of dated folders.
func OpenLedger(s *jobfile.Spec, state objstore.Bucket) (*ledger.Ledger, error) {
	return ledger.Open(state, s.Name, ledgerOptions(s))
}

func ledgerOptions(s *jobfile.Spec) ledger.Options {
	o := ledger.Options{TempDir: s.Limits.TempDir, Holder: holder.Self()}
	if p := s.Pattern(); p != nil {
		o.WatermarkPrefix, o.MarksBy = p.DatePrefix, s.Source.KeyPattern
	}
	return o
}

// openLedger opens the job's ledger for a run, or with "" for reading. warn may be nil.
func openLedger(r *Runner, run string, warn func(string)) (*ledger.Ledger, error) {
	o := ledgerOptions(r.Spec)
	o.Run, o.Former, o.Warn, o.CheckpointEntries = run, r.former, warn, r.CheckpointEntries
	o.LeaseExpiry, o.LeaseRenew = r.LeaseExpiry, r.LeaseExpiry/5 // 0: the ledger's own
	return ledger.Open(r.State, r.Spec.Name, o)
}

// Progress shows how a run proceeds. Begin is called again for a stage when more work is found, and the totals add up. Methods are called
// from several goroutines.
type Progress interface {
	Begin(stage string, total int64, unit string) // unit: "bytes", "records", "files"
	Add(stage string, n int64)
}

// The stages of a run, in order.
const (
	StageScan    = "scan"    // bytes of staging objects
	StageWrite   = "write"   // records
	StageHold    = "hold"    // bytes of Parquet
	StagePublish = "publish" // files
)

// noProgress is the default.
type noProgress struct{}

func (noProgress) Begin(string, int64, string) {}
func (noProgress) Add(string, int64)           {}

// Maintain opens the job as a run does and calls work (example: doctor.Fix) within the run. With dry the run is not recorded, and
// work must not write. Without dry work needs the right to delete: ErrNoDelete says that the job does not have it, and that
// nothing was done.
func (r *Runner) Maintain(ctx context.Context, dry bool, work func(context.Context, doctor.Places) error) (*report.Summary, error) {
	const command = "doctor"
	if !dry && r.Deleter == nil {
		return &report.Summary{Job: r.Spec.Name, Command: command}, fmt.Errorf("doctor --fix: %w", ErrNoDelete)
	}
	x := r.newRun(command, "ON_DEMAND", dry)
	return x.do(ctx, func(ctx context.Context) error {
		p := doctor.Places{Ledger: x.ledger, Lake: x.Lake, Catalog: x.Catalog, Targets: x.config.targets, SourceFolder: "ext/" + x.Spec.Lake.SourceName + "/",
			Location: x.publisher.location, RollForward: x.publisher.finishAndMark, Log: x.log,
			LeftOut: x.leftOut, Files: x.Lake, State: x.State}
		if x.Deleter != nil {
			p.Lake = x.Deleter
		}
		return work(ctx, p)
	})
}

// Crawl opens the places of the job and calls work with them. A crawl changes nothing but the catalog, and it is not recorded as a run.
func (r *Runner) Crawl(ctx context.Context, work func(context.Context, crawler.Places) error) (warnings []string, err error) {
	editor, ok := r.Catalog.(crawler.Catalog)
	if !ok {
		return nil, fmt.Errorf("the catalog %s cannot be crawled", r.Catalog)
	}
	x := r.newRun("crawl", "ON_DEMAND", true)
	sum, err := x.do(ctx, func(ctx context.Context) error {
		return work(ctx, crawler.Places{Job: x.Spec.Name, Lake: x.Lake, Catalog: editor, Fold: x.ledger.Fold, Tables: catalogTables(x.config, x.publisher.location), State: x.State, Location: x.publisher.location})
	})
	return sum.Warnings, err
}

// catalogTables are the tables of the current mapping. Classes can share one.
func catalogTables(config *batchConfig, location func(string) string) []crawler.Table {
	byName := map[string]*crawler.Table{}
	for i := range config.compiled.Projections {
		p := &config.compiled.Projections[i]
		target := config.targets[p.Class]
		if target.Missing != "" {
			continue
		}
		want := catalogTable(target, p, location)
		t := byName[want.Name]
		if t == nil {
			t = &crawler.Table{Name: want.Name, Folder: target.Folder}
			byName[want.Name] = t
		}
		if merged, _, err := catalog.Merge(t.Mapped, want.Columns); err == nil { // else the run says so
			t.Mapped = merged
		}
	}
	var out []crawler.Table
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		out = append(out, *byName[name])
	}
	return out
}

// leftOut lists staging in full, and counts what the watermarks keep an ordinary run from listing.
func (x *run) leftOut(ctx context.Context) (out doctor.LeftOut, err error) {
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return out, err
	}
	w, err := x.watermarks(ctx, st)
	if err != nil {
		return out, err
	}
	now, err := x.storeTime(ctx)
	if err != nil {
		return out, err
	}
	lo := listOptions(x.Spec, st, now)
	if w != nil {
		out.Future, out.MostAgain = w.ignored, x.Spec.Source.RecheckFolders
		if len(w.first) == 0 { // the next run lists all of staging
			return out, nil
		}
		lo.Cutoff, lo.Sweep = w.cutoff, true
		lo.Pruned = func(string) { out.Folders++ }
	}
	if out.Runs, err = runsInAWeek(ctx, x.ledger); err != nil {
		return out, err
	}
	l, err := listings{x}.list(ctx, st, lo)
	if err != nil {
		return out, err
	}
	out.Archived = l.Archived
	out.Late, out.OneLate = l.Late, l.OneLate
	return out, nil
}

// runsInAWeek is how many ordinary runs the job has in a week, as its last ones show. 0: there are too few to tell.
func runsInAWeek(ctx context.Context, l *ledger.Ledger) (float64, error) {
	infos, err := l.Runs(ctx, 30)
	if err != nil {
		return 0, err
	}
	var first, last time.Time
	n := 0
	for _, i := range infos {
		if i.Command != "run" {
			continue
		}
		if n++; n == 1 || i.Started.Before(first) {
			first = i.Started
		}
		if i.Started.After(last) {
			last = i.Started
		}
	}
	if n < 2 || !last.After(first) {
		return 0, nil
	}
	return float64(n-1) * float64(recheck.Round) / float64(last.Sub(first)), nil
}
