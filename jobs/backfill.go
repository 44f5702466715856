package jobs

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/internal/staging"
)

// StageBackfill counts the staging bytes of a backfill, by month.
const StageBackfill = "backfill"

// backfillLimit stands in for limits.timeout, which is that of a nightly run.
const backfillLimit = 365 * 24 * time.Hour

// BackfillOptions choose objects by day, From and To included (midnight, UTC), and by share.
type BackfillOptions struct {
	Trigger       string
	From, To      time.Time
	NewestFirst   bool
	Shards, Shard int // Shards 0 or 1: all objects
	// Replace does the committed batches that read objects of these days again, with the mapping as it is now.
	Replace bool
}

// has says whether an object is asked for.
func (o BackfillOptions) has(f staging.Found) bool {
	day := dayOf(f)
	return !day.Before(o.From) && day.Before(o.To.AddDate(0, 0, 1)) && o.shares(f.Key)
}

func (o BackfillOptions) shares(key string) bool {
	if o.Shards < 2 {
		return true
	}
	h := fnv.New64a()
	h.Write([]byte(key))
	return h.Sum64()%uint64(o.Shards) == uint64(o.Shard)
}

// Check says what is wrong with the options.
func (o BackfillOptions) Check() error {
	switch {
	case o.To.Before(o.From):
		return fmt.Errorf("--to %s is before --from %s", o.To.Format(time.DateOnly), o.From.Format(time.DateOnly))
	case o.Shards < 0, o.Shard < 0, o.Shards > 0 && o.Shard >= o.Shards, o.Shards == 0 && o.Shard > 0:
		return fmt.Errorf("--shard %d of --shards %d: shards are counted from 0", o.Shard, o.Shards)
	}
	return nil
}

// Estimate lists what a backfill would read, and keeps counts of it alone.
func (r *Runner) Estimate(ctx context.Context, o BackfillOptions) (*report.Estimate, error) {
	if r.Now == nil {
		r.Now = time.Now
	}
	l, err := openLedger(r, "", nil)
	if err != nil {
		return nil, err
	}
	st, err := l.Fold(ctx)
	if err != nil {
		return nil, err
	}
	x := &run{Runner: r, ledger: l}
	count := x.estimate
	if o.Replace {
		if x.compiled, err = r.Compile(ctx, r.Mapping); err != nil {
			return nil, err
		}
		count = x.estimateReplace
	}
	e, err := count(ctx, st, o)
	if err != nil {
		return nil, err
	}
	infos, err := l.Runs(ctx, 30)
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname()
	var size int64
	var took time.Duration
	for _, i := range infos {
		if i.Host == host && i.End != nil && i.End.SizeBytes > 0 && slices.Contains([]string{"run", "backfill", "replace"}, i.Command) {
			size, took = size+i.End.SizeBytes, took+i.End.Ended.Sub(i.Started)
		}
	}
	if size > 0 {
		e.Minutes = took.Minutes() * float64(e.SizeBytes) / float64(size)
	}
	if oldest := r.Now().Add(-r.Spec.EventDays.MaxAge); o.From.Before(oldest.AddDate(0, 0, -1)) {
		e.Warnings = append(e.Warnings, fmt.Sprintf("records of days before %s go to quarantine: event_days.max_age", oldest.UTC().Format(time.DateOnly)))
	}
	return e, nil
}

func (x *run) estimate(ctx context.Context, st *ledger.State, o BackfillOptions) (*report.Estimate, error) {
	e := &report.Estimate{Job: x.Spec.Name, From: o.From.Format(time.DateOnly), To: o.To.Format(time.DateOnly), Shards: o.Shards, Shard: o.Shard, Months: []string{}}
	months, days := map[string]bool{}, map[string]bool{}
	lo := x.backfillList(st, o)
	lo.Select = func(f staging.Found) bool {
		switch {
		case !o.has(f):
		case st.TakenObject(f.Object):
			e.Taken++
		default:
			e.Objects++
			e.SizeBytes += f.SizeBytes
			months[dayOf(f).Format("2006-01")] = true
			days[dayOf(f).Format(time.DateOnly)] = true
		}
		return false // counted, not kept
	}
	if _, err := staging.List(ctx, x.Staging, lo); err != nil {
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

// backfillList chooses the objects of a backfill, or of one of its months.
func (x *run) backfillList(st *ledger.State, o BackfillOptions) staging.Options {
	lo := staging.Options{Include: x.Spec.Source.Include, Exclude: x.Spec.Source.Exclude, Pattern: x.Spec.Pattern(), Taken: st.TakenObject,
		Changed: st.Changed, IgnoreChanged: x.Spec.Source.OnChange == "ignore", Select: o.has,
		Cutoff: func(string) time.Time { return o.From }, Through: o.To}
	if x.Spec.Source.Settle > 0 {
		lo.SettledBefore = x.Now().Add(-x.Spec.Source.Settle)
	}
	return lo
}

// Backfill runs the objects of a range of days that were not taken yet, a plan for each month. It can be stopped and begun again
// with the same options, and goes beside plain runs and other shares of the same backfill. ledger.ErrHeld: it had nothing to do
// but what another run is at.
//
// With Replace it does the committed batches that read objects of these days again instead: see replace.
func (r *Runner) Backfill(ctx context.Context, o BackfillOptions) (*report.Summary, error) {
	if o.Replace {
		return r.perform(ctx, &run{opts: RunOptions{Trigger: o.Trigger}, command: "replace",
			work: func(x *run, ctx context.Context) error { return x.replace(ctx, o) }})
	}
	return r.perform(ctx, &run{opts: RunOptions{Trigger: o.Trigger}, command: "backfill",
		work: func(x *run, ctx context.Context) error { return x.backfill(ctx, o) }})
}

func (x *run) backfill(ctx context.Context, o BackfillOptions) error {
	if err := o.Check(); err != nil {
		return err
	}
	if stop, err := x.begin(ctx); stop || err != nil {
		return err
	}
	if err := x.finish(ctx); err != nil {
		return err
	}
	if err := x.resume(ctx); err != nil {
		return err
	}
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return err
	}
	e, err := x.estimate(ctx, st, o)
	if err != nil {
		return err
	}
	x.Progress.Begin(StageBackfill, e.SizeBytes, "bytes")
	for _, month := range e.Months {
		if st, err = x.ledger.Fold(ctx); err != nil {
			return err
		}
		if st.Paused() {
			x.warn("the job was paused: the backfill ends before " + month)
			break
		}
		part := o.month(month)
		l, err := staging.List(ctx, x.Staging, x.backfillList(st, part))
		if err != nil {
			return err
		}
		x.countListing(l)
		size := l.SizeBytes
		x.log.Info().Str("month", month).Int("listed", l.Listed).Int("new", len(l.New)).Int64("bytes", size).Msg("backfill of a month begins")
		if err := x.runListed(ctx, l); err != nil {
			return err
		}
		x.Progress.Add(StageBackfill, size)
	}
	if err := x.markDone(ctx); err != nil {
		return err
	}
	if err := x.leftToOthers(ctx); err != nil {
		return err
	}
	return x.heldByOthers(ctx, o)
}

// month narrows the range to a month, as 2024-01.
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

// heldByOthers keeps a backfill from saying that all is done while another run is at some of its objects.
func (x *run) heldByOthers(ctx context.Context, o BackfillOptions) error {
	p := x.Spec.Pattern()
	for _, ref := range x.held {
		m, err := x.ledger.Manifest(ctx, ref)
		if err != nil {
			return err
		}
		n := 0
		for _, b := range m.Batches {
			for _, obj := range b.Objects {
				f := staging.Found{Object: obj}
				if p != nil {
					if day, ok := p.Day(p.Match(obj.Key)); ok {
						f.Day = day
					}
				}
				if o.has(f) {
					n++
				}
			}
		}
		if n == 0 {
			continue
		}
		text := fmt.Sprintf("run %s is at %d objects of this backfill; start it again once that has ended or its lease has expired", m.Run, n)
		if x.sum.Batches == 0 {
			return fmt.Errorf("%w: %s", ledger.ErrHeld, text)
		}
		x.warn(text)
	}
	return nil
}

// timeLimit of this run.
func (x *run) timeLimit() time.Duration {
	if isBackfill(x.command) {
		return backfillLimit
	}
	return x.Spec.Limits.Timeout
}

// beside says whether a run that is at work is one this one goes on beside: one of the two is a backfill, or the job may have
// several runs.
func (x *run) beside(ctx context.Context, other string) bool {
	if isBackfill(x.command) || x.Spec.Limits.MaxConcurrentRuns > 1 {
		return true
	}
	i, err := x.ledger.Run(ctx, other)
	return err == nil && isBackfill(i.Command)
}

func isBackfill(command string) bool { return command == "backfill" || command == "replace" }
