package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/recheck"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/internal/staging"
)

// RunOptions of one run.
type RunOptions struct {
	Trigger string // SCHEDULED, ON_DEMAND, CONDITIONAL, EVENT
	// FullSweep lists all of staging, including folders older than the lookback.
	FullSweep bool
	// Replan releases what earlier runs planned and did not commit, so that it is planned again with the current mapping.
	Replan bool
	// Reread are keys, or globs as in source.include, of files to load again although their content may be the same.
	Reread []string
	// Wait is how long the run waits for another run of the job that holds the work. 0: it ends with ledger.ErrHeld.
	Wait time.Duration
}

// Run executes the job once: it finishes what earlier runs left, plans what is new, and commits batch after batch. The Summary is
// never nil. The error says why the run did not succeed: ErrQuarantine, ErrStopped, ErrTimeout, ledger.ErrHeld, or another one.
func (r *Runner) Run(ctx context.Context, opts RunOptions) (*report.Summary, error) {
	x := r.newRun("run", opts.Trigger, false)
	return x.do(ctx, (&ordinaryRun{run: x, options: opts}).work)
}

// ordinaryRun is what etl run and etl serve do.
type ordinaryRun struct {
	run     *run
	options RunOptions

	listedAt time.Time // of the state's store
	pruned   int       // folders that were not listed
	due      []string  // of these, those that are listed after the batches
}

// work is the order of a run. run.do has opened the job before it, and records the end after it.
//
// A batch goes through a sequence of its own within resume and planAndProcess: make its files, check the quarantine limit, grow the
// tables, hold the files, commit the entry, publish the files, add the partitions (see batchAttempt).
func (o *ordinaryRun) work(ctx context.Context) error {
	x := o.run
	plans := &planner{run: x, tried: map[string]bool{}}
	x.sorter.Reread = o.options.Reread
	if paused, err := x.checkStart(ctx); paused || err != nil {
		return err
	}
	if err := o.releaseEarlierPlans(ctx); err != nil {
		return err
	}
	x.wait.atMost(o.options.Wait)
	if err := x.wait.whileHeld(ctx, &x.log, func() error {
		if err := x.publisher.finishEarlierWork(ctx); err != nil {
			return err
		}
		return o.checkConcurrentRuns(ctx)
	}); err != nil {
		return err
	}
	listing, whole, err := o.listNew(ctx)
	if err != nil {
		return err
	}
	plans.whole = whole
	if err := plans.planAndProcess(ctx, listing); err != nil {
		return err
	}
	plans.whole = nil                         // what is listed after this is of chosen folders
	if err := plans.resume(ctx); err != nil { // after what is new, so that a batch that ends each run does not keep it from being tried
		return err
	}
	if err := o.recheck(ctx, plans); err != nil {
		return err
	}
	if err := x.publisher.markDone(ctx); err != nil {
		return err
	}
	x.publisher.deleteLateFiles(ctx)
	return x.wait.whileHeld(ctx, &x.log, func() error { return x.publisher.waitForOthers(ctx) })
}

// releaseEarlierPlans is --replan.
func (o *ordinaryRun) releaseEarlierPlans(ctx context.Context) error {
	if !o.options.Replan {
		return nil
	}
	st, err := o.run.ledger.Fold(ctx)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	var open []string
	for _, b := range st.OpenBatches() {
		open = append(open, b.ID)
		if seen[b.Manifest.ID] {
			continue
		}
		seen[b.Manifest.ID] = true
		if m, err := o.run.ledger.Manifest(ctx, b.Manifest, b.ID); err == nil { // one that cannot be read does not keep its batches from being released
			if err := checkAdopted(m); err != nil {
				return err
			}
		}
	}
	if err := o.run.check.open(ctx, open...); err != nil {
		return err
	}
	e, err := o.run.ledger.Replan(ctx)
	if err == nil && e.Seq != 0 {
		o.run.log.Info().Int("batches", len(e.Moves)).Uint64("entry", e.Seq).Msg("released what earlier runs had planned")
	}
	return err
}

// checkConcurrentRuns enforces limits.max_concurrent_runs: ordinary runs of this job that hold a lease count, on any machine.
// Backfills and replays do not, since they work alongside ordinary runs. ledger.ErrHeld: the limit is reached.
func (o *ordinaryRun) checkConcurrentRuns(ctx context.Context) error {
	x := o.run
	var working []string
	for id := range x.publisher.busy {
		i, err := x.ledger.Run(ctx, id)
		if errors.Is(err, objstore.ErrNotExist) {
			continue // nothing says that it is an ordinary run
		}
		if err != nil {
			return err
		}
		if id != x.id && i.Command == "run" {
			working = append(working, id)
		}
	}
	if len(working) < x.Spec.Limits.MaxConcurrentRuns {
		return nil
	}
	slices.Sort(working)
	are := "is"
	if len(working) > 1 {
		are = "are"
	}
	return fmt.Errorf("%w: %s %s working on this job, and limits.max_concurrent_runs is %d. Try: etl run --wait 10m, which waits until it has ended or its lease has expired (a minute after the last renewal)",
		ledger.ErrHeld, strings.Join(working, ", "), are, x.Spec.Limits.MaxConcurrentRuns)
}

// listNew lists staging and counts what is new.
func (o *ordinaryRun) listNew(ctx context.Context) (*staging.Listing, *wholeListing, error) {
	st, err := o.run.ledger.Fold(ctx)
	if err != nil {
		return nil, nil, err
	}
	whole := &wholeListing{at: st.Seq(), seen: map[string]bool{}}
	l, err := o.list(ctx, st, whole)
	if err != nil {
		return nil, nil, err
	}
	countListing(o.run.sum, o.run.warn, l)
	countArchived(o.run.sum, o.run.warn, l.Archived)
	o.run.log.Info().Int("listed", l.Listed).Int("new", len(l.New)).Int64("bytes", l.SizeBytes).Int("changed", l.Changed).Int("pruned_folders", l.Pruned).Msg("listed staging")
	return l, whole, nil
}

// list finds what is new in staging.
func (o *ordinaryRun) list(ctx context.Context, st *ledger.State, whole *wholeListing) (*staging.Listing, error) {
	now, err := o.run.storeTime(ctx)
	if err != nil {
		return nil, err
	}
	lo := listOptions(o.run.Spec, st, now)
	waiting := map[string]bool{}
	for _, a := range st.Awaited.Objects() {
		waiting[a.Key] = true
	}
	lo.Seen = func(obj objstore.Object) {
		if waiting[obj.Key] {
			whole.seen[obj.Key] = true
		}
	}
	w, err := o.run.watermarks(ctx, st)
	if err != nil {
		return nil, err
	}
	if w != nil {
		since := o.run.memo.Until
		if since.IsZero() {
			since = now.Add(-24 * time.Hour)
		}
		o.listedAt, o.pruned, o.due = now, 0, nil
		lo.Cutoff, lo.Sweep = w.cutoff, o.options.FullSweep
		lo.Pruned = func(folder string) {
			if o.pruned++; !lo.Sweep && recheck.IsDue(folder, since, now) {
				o.due = append(o.due, folder)
			}
		}
	}
	return listings{o.run}.list(ctx, st, lo)
}

// recheck lists folders that the watermarks leave out, and loads what is new there: each folder once a week, after the batches of the
// run, for at most half of the time that is left to it. Then it leaves word for the next run. Only a stop of the run, or what ends any
// plan, is an error.
func (o *ordinaryRun) recheck(ctx context.Context, plans *planner) error {
	x := o.run
	if o.listedAt.IsZero() || x.Spec.Source.RecheckFolders == 0 {
		return o.leaveWord(ctx, o.listedAt)
	}
	until := o.listedAt
	if len(o.due) > 0 {
		folders := recheck.Draw(o.due, x.Spec.Source.RecheckFolders, x.id)
		st, err := x.ledger.Fold(ctx)
		if err != nil {
			return err
		}
		limited, cancel := ctx, func() {}
		if by, ok := ctx.Deadline(); ok {
			limited, cancel = context.WithTimeout(ctx, time.Until(by)/2)
		}
		l, err := staging.ListFolders(limited, x.Staging, listOptions(x.Spec, st, o.listedAt), folders)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			until = x.memo.Until
			x.warn(fmt.Sprintf("could not list all of %s of days before the lookback, and tries again in the next run: %s", human.Plural(int64(len(folders)), "folder"), firstLine(err)))
		}
		if _, err = (listings{x}).sortKnown(ctx, st, l); err != nil {
			return err
		}
		listings{x}.leaveLater(l)
		countListing(x.sum, x.warn, l)
		countArchived(x.sum, x.warn, l.Archived)
		x.log.Info().Int("folders", len(folders)).Int("due", len(o.due)).Int("pruned_folders", o.pruned).Int("listed", l.Listed).Int("new", len(l.New)).Msg("listed folders of days before the lookback again")
		x.sum.Rechecked = len(folders)
		if err := plans.planAndProcess(ctx, l); err != nil {
			return err
		}
	}
	return o.leaveWord(ctx, until)
}

// leaveWord tells the next run which folders to list. That it cannot is only a warning: objects are then found later.
func (o *ordinaryRun) leaveWord(ctx context.Context, until time.Time) error {
	x := o.run
	if x.memo == nil || o.pruned == 0 && len(x.later.Waiting) == 0 && x.memo.Until.IsZero() && len(x.memo.Waiting) == 0 {
		return nil
	}
	if err := (recheck.Memo{Until: until, Waiting: x.later.Waiting}).Save(ctx, x.State, x.Spec.Name); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		x.warn("could not record which folders this run has listed: " + err.Error())
	}
	return nil
}

// firstLine is the first of several errors.
func firstLine(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}

// DryRun lists what a run would read, and writes nothing.
func (r *Runner) DryRun(ctx context.Context, fullSweep bool) (*report.DryRun, error) {
	l, err := openLedger(r, "", nil)
	if err != nil {
		return nil, err
	}
	st, err := l.Fold(ctx)
	if err != nil {
		return nil, err
	}
	o := &ordinaryRun{run: r.newRun("run", "", true), options: RunOptions{FullSweep: fullSweep}}
	o.run.ledger = l
	found, err := o.list(ctx, st, &wholeListing{seen: map[string]bool{}})
	if err != nil {
		return nil, err
	}
	w, err := o.run.watermarks(ctx, st)
	if err != nil {
		return nil, err
	}
	p := &report.DryRun{Job: r.Spec.Name, Objects: len(found.New), SizeBytes: found.SizeBytes, Listed: found.Listed, Taken: found.Taken,
		Excluded: found.Excluded, Unsettled: found.Unsettled, LeftAlone: found.LeftAlone, Archived: found.Archived.Objects, Unmatched: found.Unmatched, Linked: found.Linked, LinksOut: found.LinksOut, Open: len(st.OpenBatches()), Unfinished: len(st.NotDone()), Days: []report.DryDay{}}
	p.Batches = len(cutBatches(st, found.New, r.Spec.Limits.BatchBytes, w))
	days := map[string]*report.DryDay{}
	for _, f := range found.New {
		key := ""
		if !f.Day.IsZero() {
			key = f.Day.Format(time.DateOnly)
		}
		if days[key] == nil {
			days[key] = &report.DryDay{Day: key}
		}
		days[key].Objects++
		days[key].SizeBytes += f.SizeBytes
	}
	for _, d := range days {
		p.Days = append(p.Days, *d)
	}
	sort.Slice(p.Days, func(i, j int) bool { return p.Days[i].Day < p.Days[j].Day })
	return p, nil
}
