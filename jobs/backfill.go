package jobs

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/ledger/awaited"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/internal/restore"
	"github.com/silt-etl/silt/internal/staging"
)

// StageBackfill counts the staging bytes of a backfill, month by month.
const StageBackfill = "backfill"

// backfillLimit is used in place of limits.timeout, which is meant for ordinary runs.
const backfillLimit = 365 * 24 * time.Hour

// BackfillOptions choose objects by day, From and To included (midnight, UTC), and by shard.
type BackfillOptions struct {
	Trigger       string
	From, To      time.Time
	NewestFirst   bool
	Shards, Shard int // Shards 0 or 1: all objects
	// Replace reprocesses the committed batches that read objects of these days, with the current mapping.
	Replace bool
	// Restore asks for archived objects of these days to be restored. An empty Tier: they are left.
	Restore objstore.RestoreOptions
	// Wait is how long the backfill waits for objects that are being restored, and for other runs that are processing some of its objects,
	// once it has processed the others. 0: it does not wait, and ends with ledger.ErrHeld if other runs are processing all.
	Wait time.Duration
}

// selects says whether the options choose an object.
func (o BackfillOptions) selects(f staging.Found) bool {
	day := dayOf(f)
	return !day.Before(o.From) && day.Before(o.To.AddDate(0, 0, 1)) && o.inShard(f.Key)
}

func (o BackfillOptions) inShard(key string) bool {
	if o.Shards < 2 {
		return true
	}
	h := fnv.New64a()
	h.Write([]byte(key))
	return h.Sum64()%uint64(o.Shards) == uint64(o.Shard)
}

// Check returns what is wrong with the options.
func (o BackfillOptions) Check() error {
	switch {
	case o.To.Before(o.From):
		return fmt.Errorf("--to %s is before --from %s", o.To.Format(time.DateOnly), o.From.Format(time.DateOnly))
	case o.Shards < 0, o.Shard < 0, o.Shards > 0 && o.Shard >= o.Shards, o.Shards == 0 && o.Shard > 0:
		return fmt.Errorf("--shard %d of --shards %d does not exist: shards are counted from 0", o.Shard, o.Shards)
	case o.Restore.Tier == "" && o.Restore.Days != 0:
		return errors.New("--days is for --restore (example: --restore Standard --days 3)")
	case o.Restore.Tier != "" && o.Replace:
		return errors.New("--restore cannot be used with --replace. Try: etl backfill without --replace for the same days and with --restore, and --replace once the objects are restored")
	case o.Restore.Tier != "":
		return restore.Check(o.Restore)
	}
	return nil
}

// Estimate counts what a backfill or a replace would read, and writes nothing.
func (r *Runner) Estimate(ctx context.Context, o BackfillOptions) (*report.Estimate, error) {
	l, err := openLedger(r, "", nil)
	if err != nil {
		return nil, err
	}
	st, err := l.Fold(ctx)
	if err != nil {
		return nil, err
	}
	x := r.newRun("backfill", "", true)
	x.ledger = l
	var e *report.Estimate
	if o.Replace {
		if x.config, err = r.currentConfig(ctx); err != nil {
			return nil, err
		}
		if err = x.places.assign(ctx); err != nil {
			return nil, err
		}
		e, err = (&replacement{run: x, options: o}).estimate(ctx, st)
	} else {
		e, err = (&backfill{run: x, options: o}).estimate(ctx, st, nil)
	}
	if err != nil {
		return nil, err
	}
	infos, err := l.Runs(ctx, 30)
	if err != nil {
		return nil, err
	}
	e.Minutes = minutesFor(e.SizeBytes, infos)
	if oldest := r.Now().Add(-r.Spec.EventDays.MaxAge); o.From.Before(oldest.AddDate(0, 0, -1)) {
		e.Warnings = append(e.Warnings, fmt.Sprintf("records of days before %s will be quarantined because of event_days.max_age", oldest.UTC().Format(time.DateOnly)))
	}
	return e, nil
}

// minutesFor estimates how long this machine takes for some bytes of staging, from its earlier runs. 0: it has none.
func minutesFor(sizeBytes int64, runs []ledger.RunInfo) float64 {
	host, _ := os.Hostname()
	var size int64
	var took time.Duration
	for _, i := range runs {
		if i.Host == host && i.End != nil && i.End.SizeBytes > 0 && slices.Contains([]string{"run", "backfill", "replace"}, i.Command) {
			size, took = size+i.End.SizeBytes, took+i.End.Ended.Sub(i.Started)
		}
	}
	if size == 0 {
		return 0
	}
	return took.Minutes() * float64(sizeBytes) / float64(size)
}

// Backfill loads the objects of a range of days that no run has taken yet, with a plan for each month. It can be stopped and started
// again with the same options, and works alongside ordinary runs and other shards of the same backfill. ledger.ErrHeld: another run is
// already processing all that it would do.
//
// With Replace it reprocesses the committed batches that read objects of these days instead.
func (r *Runner) Backfill(ctx context.Context, o BackfillOptions) (*report.Summary, error) {
	if o.Replace {
		x := r.newRun("replace", o.Trigger, false)
		return x.do(ctx, (&replacement{run: x, options: o}).work)
	}
	x := r.newRun("backfill", o.Trigger, false)
	return x.do(ctx, (&backfill{run: x, options: o}).work)
}

// backfill is etl backfill without --replace.
type backfill struct {
	run     *run
	options BackfillOptions
	// restores are the requests of --restore; nil: there are none.
	restores *restore.Requests
	deep     int                     // objects of DEEP_ARCHIVE that are not restored
	archived staging.ArchivedObjects // that the last listing left
	until    time.Time               // when it stops to wait; zero: it has not waited yet
}

// isArchived says whether an object must be restored before it can be read.
func (f *backfill) isArchived(o staging.Found) bool {
	return o.Archived() && (f.restores == nil || !f.restores.Readable(o.Object))
}

// estimate counts what is new. It calls found, which may be nil, for each object that no run has taken.
func (f *backfill) estimate(ctx context.Context, st *ledger.State, found func(o objstore.Object, archived bool)) (*report.Estimate, error) {
	o := f.options
	e := &report.Estimate{Job: f.run.Spec.Name, From: o.From.Format(time.DateOnly), To: o.To.Format(time.DateOnly), Shards: o.Shards, Shard: o.Shard, Months: []string{}}
	months, days := map[string]bool{}, map[string]bool{}
	now, err := f.run.storeTime(ctx)
	if err != nil {
		return nil, err
	}
	lo := f.listOptions(st, o, now)
	f.archived, f.deep = staging.ArchivedObjects{}, 0
	lo.Select = func(obj staging.Found) bool {
		switch {
		case !o.selects(obj):
		case st.TakenObject(obj.Object):
			e.Taken++
		case lo.IgnoreChanged && st.Changed(obj.Object): // no run reads it
		case f.isArchived(obj):
			f.archived.Add(obj)
			if obj.StorageClass == objstore.ClassDeepArchive && !obj.Restoring() {
				f.deep++
			}
			if found != nil {
				found(obj.Object, true)
			}
		default:
			e.Objects++
			e.SizeBytes += obj.SizeBytes
			months[dayOf(obj).Format("2006-01")] = true
			days[dayOf(obj).Format(time.DateOnly)] = true
			if found != nil {
				found(obj.Object, false)
			}
		}
		return false // counted, not kept
	}
	if _, err := staging.List(ctx, f.run.Staging, lo); err != nil {
		return nil, err
	}
	e.Days = len(days)
	e.Archived, e.ArchivedSize, e.Restoring = f.archived.Objects, f.archived.SizeBytes, f.archived.Restoring
	if err := f.checkTier(); err != nil {
		e.Warnings = append(e.Warnings, "the backfill will be refused: "+err.Error())
	}
	e.Months = slices.AppendSeq(e.Months, maps.Keys(months))
	slices.Sort(e.Months)
	if o.NewestFirst {
		slices.Reverse(e.Months)
	}
	return e, nil
}

// listOptions choose the objects of the backfill, or of one of its months.
func (f *backfill) listOptions(st *ledger.State, o BackfillOptions, now time.Time) staging.Options {
	lo := listOptions(f.run.Spec, st, now)
	lo.Select, lo.Cutoff, lo.Through, lo.Archived = o.selects, func(string) time.Time { return o.From }, o.To, f.isArchived
	return lo
}

// work asks to restore what is archived, plans and processes month after month, and then resumes the batches that earlier runs left open.
func (f *backfill) work(ctx context.Context) error {
	x, o := f.run, f.options
	plans := &planner{run: x, tried: map[string]bool{}}
	if err := o.Check(); err != nil {
		return err
	}
	if paused, err := x.checkStart(ctx); paused || err != nil {
		return err
	}
	if err := x.publisher.finishEarlierWork(ctx); err != nil {
		return err
	}
	if err := f.askForRestores(ctx); err != nil {
		return err
	}
	if err := f.load(ctx, plans, false); err != nil {
		return err
	}
	if err := f.waitForRestores(ctx, plans); err != nil {
		return err
	}
	if err := plans.resume(ctx); err != nil {
		return err
	}
	if err := f.waitForHeld(ctx, plans); err != nil {
		return err
	}
	if err := x.publisher.markDone(ctx); err != nil {
		return err
	}
	if err := x.publisher.waitForOthers(ctx); err != nil {
		return err
	}
	return f.checkHeld(ctx, plans.held)
}

// load plans and processes what is new, month after month. With restored, it is what has been restored since the last look.
func (f *backfill) load(ctx context.Context, plans *planner, restored bool) error {
	x, o := f.run, f.options
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return err
	}
	e, err := f.estimate(ctx, st, nil)
	if err != nil {
		return err
	}
	if f.restores == nil {
		countArchived(x.sum, x.warn, f.archived)
	}
	x.Progress.Begin(StageBackfill, e.SizeBytes, "bytes")
	for _, month := range e.Months {
		if st, err = x.ledger.Fold(ctx); err != nil {
			return err
		}
		if st.Paused() {
			x.warn("the job was paused, so the backfill ends before " + month)
			break
		}
		part := o.month(month)
		now, err := x.storeTime(ctx)
		if err != nil {
			return err
		}
		lo := f.listOptions(st, part, now)
		if restored {
			lo.Select = func(obj staging.Found) bool { return part.selects(obj) && f.restores.Restored(obj.Object) }
		}
		l, err := listings{x}.list(ctx, st, lo)
		if err != nil {
			return err
		}
		countListing(x.sum, x.warn, l)
		size := l.SizeBytes
		x.log.Info().Str("month", month).Int("listed", l.Listed).Int("new", len(l.New)).Int64("bytes", size).Msg("backfill of a month begins")
		if err := plans.planAndProcess(ctx, l); err != nil {
			return err
		}
		x.Progress.Add(StageBackfill, size)
	}
	return nil
}

// checkTier refuses a tier that S3 does not have for the objects that are archived.
func (f *backfill) checkTier() error {
	if f.options.Restore.Tier != objstore.TierExpedited || f.deep == 0 {
		return nil
	}
	return fmt.Errorf("%s of these days are in DEEP_ARCHIVE, from which S3 restores nothing with the tier Expedited. Try: --restore Standard or --restore Bulk", human.Plural(int64(f.deep), "object"))
}

// askForRestores is --restore. Requests that fail do not keep the backfill from loading what can be read.
func (f *backfill) askForRestores(ctx context.Context) error {
	x := f.run
	if f.options.Restore.Tier == "" {
		return nil
	}
	if _, ok := x.Runner.Staging.(objstore.Restorer); !ok {
		return fmt.Errorf("--restore: objects of %s cannot be archived: only S3 has archives", x.Staging)
	}
	f.restores = &restore.Requests{Store: x.Runner.Staging, Options: f.options.Restore}
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return err
	}
	if st.Paused() {
		return nil
	}
	if _, err := f.estimate(ctx, st, nil); err != nil {
		return err
	}
	if err := f.checkTier(); err != nil {
		return err
	}
	var stopped error
	if _, err := f.estimate(ctx, st, func(o objstore.Object, archived bool) {
		if archived && stopped == nil {
			stopped = f.restores.See(ctx, o)
		}
	}); err != nil {
		return err
	}
	if stopped == nil {
		stopped = f.restores.Flush(ctx)
	}
	x.log.Info().Str("tier", f.options.Restore.Tier).Int("archived", f.archived.Objects).Int("in_progress", f.restores.Pending()).Msg("asked to restore archived objects")
	return stopped
}

// askForKnown asks to restore the objects of the range that a read has shown to be archived: no listing says so of INTELLIGENT_TIERING.
func (f *backfill) askForKnown(ctx context.Context) error {
	st, err := f.run.ledger.Fold(ctx)
	if err != nil {
		return err
	}
	var known []objstore.Object
	pattern := f.run.Spec.Pattern()
	for _, o := range st.Awaited.Objects() {
		obj := objstore.Object{Key: o.Key, ETag: o.ETag}
		if o.Why == awaited.Archived && f.options.selects(staging.MatchObject(pattern, obj)) {
			known = append(known, obj)
		}
	}
	return f.restores.Known(ctx, known)
}

// waitUntil is when the time of --wait is over. It begins when the backfill first waits.
func (f *backfill) waitUntil() time.Time {
	if f.until.IsZero() {
		f.until = time.Now().Add(f.options.Wait)
	}
	return f.until
}

// waitForRestores waits for objects that are being restored, at most as long as the options say, and loads them: all of them together, or
// as much as a batch takes. Then it says how many are left.
func (f *backfill) waitForRestores(ctx context.Context, plans *planner) error {
	x := f.run
	if f.restores == nil {
		return nil
	}
	until := f.waitUntil()
	first := x.RestoreDelay
	if first == 0 {
		first = 30 * time.Second
	}
	before := f.restores.Pending()
	if err := f.askForKnown(ctx); err != nil {
		return err
	}
	refused := f.restores.Pending() - before // counted as archived when a read of them failed
	for pause := time.Duration(0); ; {
		if err := f.look(ctx); err != nil {
			return err
		}
		pending, over := f.restores.Pending(), !time.Now().Before(until)
		if size := f.restores.RestoredBytes(); size > 0 && (pending == 0 || over || size >= x.Spec.Limits.BatchBytes) {
			if err := f.load(ctx, plans, true); err != nil {
				return err
			}
			f.restores.Loaded()
		}
		if pending == 0 || over {
			x.sum.Objects.Archived += f.archived.Objects - refused
			x.sum.Restores = f.restores.Report()
			if err := f.restores.Err(); err != nil {
				x.failures.errs = append(x.failures.errs, err)
			}
			return nil
		}
		pause = min(restore.Pause(pause, first), time.Until(until))
		x.log.Info().Int("in_progress", pending).Dur("next_look", pause).Msg("waiting for objects to be restored")
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// look lists the range again, and finds out what has been restored.
func (f *backfill) look(ctx context.Context) error {
	st, err := f.run.ledger.Fold(ctx)
	if err != nil {
		return err
	}
	l := f.restores.Look()
	if _, err := f.estimate(ctx, st, l.See); err != nil {
		return err
	}
	return l.Done(ctx)
}

// month narrows the range to a month (example: 2024-01).
func (o BackfillOptions) month(name string) BackfillOptions {
	first, _ := time.Parse("2006-01", name) // made by Format
	if last := first.AddDate(0, 1, -1); last.Before(o.To) {
		o.To = last
	}
	if first.After(o.From) {
		o.From = first
	}
	return o
}

// heldPlan is a plan that another run is processing.
type heldPlan struct {
	ref     ledger.ManifestRef
	run     string
	objects int // of the backfill
}

// heldPlans are those of some plans that have objects of the backfill.
func (f *backfill) heldPlans(ctx context.Context, held []ledger.ManifestRef) (out []heldPlan, err error) {
	p := f.run.Spec.Pattern()
	for _, ref := range held {
		m, err := f.run.ledger.Manifest(ctx, ref)
		if err != nil {
			return nil, err
		}
		n := 0
		for _, b := range m.Batches {
			for _, obj := range b.Objects {
				if f.options.selects(staging.MatchObject(p, obj)) {
					n++
				}
			}
		}
		if n > 0 {
			out = append(out, heldPlan{ref, m.Run, n})
		}
	}
	return out, nil
}

// waitForHeld waits until the other runs that are processing objects of the backfill have ended, and then resumes what they left open.
func (f *backfill) waitForHeld(ctx context.Context, plans *planner) error {
	x := f.run
	if f.options.Wait == 0 || len(plans.held) == 0 {
		return nil
	}
	held, err := f.heldPlans(ctx, plans.held)
	if err != nil || len(held) == 0 {
		return err
	}
	x.wait.atMost(time.Until(f.waitUntil()))
	for _, h := range held {
		lease, err := x.waitForLease(ctx, h.ref.ID)
		if errors.Is(err, ledger.ErrHeld) { // the time is over
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		x.releaseLease(ctx, lease)
	}
	plans.held = nil
	return plans.resume(ctx)
}

// checkHeld keeps a backfill from reporting success while another run is processing some of its objects.
func (f *backfill) checkHeld(ctx context.Context, held []ledger.ManifestRef) error {
	x := f.run
	of, err := f.heldPlans(ctx, held)
	if err != nil {
		return err
	}
	for _, h := range of {
		text := fmt.Sprintf("run %s is processing %s of this backfill. Try: etl backfill --wait 10m with the same days, which waits until that run has ended or its lease has expired",
			h.run, human.Plural(int64(h.objects), "object"))
		if x.sum.Batches == 0 {
			return fmt.Errorf("%w: %s", ledger.ErrHeld, text)
		}
		x.warn(text)
	}
	return nil
}
