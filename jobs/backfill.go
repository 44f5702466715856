package jobs

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/report"
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
		e, err = (&replacement{run: x, options: o}).estimate(ctx, st)
	} else {
		e, err = (&backfill{run: x, options: o}).estimate(ctx, st)
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
}

func (f *backfill) estimate(ctx context.Context, st *ledger.State) (*report.Estimate, error) {
	o := f.options
	e := &report.Estimate{Job: f.run.Spec.Name, From: o.From.Format(time.DateOnly), To: o.To.Format(time.DateOnly), Shards: o.Shards, Shard: o.Shard, Months: []string{}}
	months, days := map[string]bool{}, map[string]bool{}
	now, err := f.run.storeTime(ctx)
	if err != nil {
		return nil, err
	}
	lo := f.listOptions(st, o, now)
	lo.Select = func(obj staging.Found) bool {
		switch {
		case !o.selects(obj):
		case st.TakenObject(obj.Object):
			e.Taken++
		default:
			e.Objects++
			e.SizeBytes += obj.SizeBytes
			months[dayOf(obj).Format("2006-01")] = true
			days[dayOf(obj).Format(time.DateOnly)] = true
		}
		return false // counted, not kept
	}
	if _, err := staging.List(ctx, f.run.Staging, lo); err != nil {
		return nil, err
	}
	e.Days = len(days)
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
	lo.Select, lo.Cutoff, lo.Through = o.selects, func(string) time.Time { return o.From }, o.To
	return lo
}

// work plans and processes month after month, and then resumes the batches that earlier runs left open.
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
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return err
	}
	e, err := f.estimate(ctx, st)
	if err != nil {
		return err
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
		l, err := listings{x}.list(ctx, st, f.listOptions(st, part, now))
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
	if err := plans.resume(ctx); err != nil {
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

// checkHeld keeps a backfill from reporting success while another run is processing some of its objects.
func (f *backfill) checkHeld(ctx context.Context, held []ledger.ManifestRef) error {
	x := f.run
	p := x.Spec.Pattern()
	for _, ref := range held {
		m, err := x.ledger.Manifest(ctx, ref)
		if err != nil {
			return err
		}
		n := 0
		for _, b := range m.Batches {
			for _, obj := range b.Objects {
				if f.options.selects(staging.MatchObject(p, obj)) {
					n++
				}
			}
		}
		if n == 0 {
			continue
		}
		text := fmt.Sprintf("run %s is processing %s of this backfill. Try: the same backfill again once that run has ended or its lease has expired", m.Run, human.Plural(int64(n), "object"))
		if x.sum.Batches == 0 {
			return fmt.Errorf("%w: %s", ledger.ErrHeld, text)
		}
		x.warn(text)
	}
	return nil
}
