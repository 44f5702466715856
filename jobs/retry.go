package jobs

import (
	"context"
	"errors"
	"sort"
	"time"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/internal/staging"
)

// RunWithRetries runs the job, and again up to limits.max_retries times while it fails for a reason that time may mend. Each
// try is a run of its own; the last one's summary is returned.
func (r *Runner) RunWithRetries(ctx context.Context, opts RunOptions) (*report.Summary, error) {
	delay := r.RetryDelay
	if delay == 0 {
		delay = 10 * time.Second
	}
	for try := 0; ; try++ {
		sum, err := r.Run(ctx, opts)
		if err == nil || try >= r.Spec.Limits.MaxRetries || !mayPass(err) {
			return sum, err
		}
		r.former = append(r.former, sum.Run) // it may not have been able to give its leases back
		if r.LogTo != nil {
			l := NewLog(r.LogTo)
			l.Warn().Err(err).Str("job", r.Spec.Name).Str("run_id", sum.Run).Dur("wait", delay).Msg("run failed; trying again")
		}
		select {
		case <-ctx.Done():
			return sum, err
		case <-time.After(delay):
			delay *= 2
		}
	}
}

// mayPass says whether another try can help, because no person has to change something first.
func mayPass(err error) bool {
	for _, e := range []error{ErrQuarantine, ErrStopped, ErrTimeout, ErrBatchTimeout, context.Canceled, ledger.ErrHeld, ledger.ErrNewer, ledger.ErrCorrupt} {
		if errors.Is(err, e) {
			return false
		}
	}
	return errors.Is(err, ledger.ErrUnknown) || errors.Is(err, ledger.ErrMoved) || diag.Temporary(err)
}

// DryRun lists what a run would read and writes nothing.
func (r *Runner) DryRun(ctx context.Context, fullSweep bool) (*report.DryRun, error) {
	l, err := openLedger(r, "", nil)
	if err != nil {
		return nil, err
	}
	st, err := l.Fold(ctx)
	if err != nil {
		return nil, err
	}
	x := &run{Runner: r, opts: RunOptions{FullSweep: fullSweep}}
	found, err := x.list(ctx, st)
	if err != nil {
		return nil, err
	}
	p := &report.DryRun{Job: r.Spec.Name, Objects: len(found.New), SizeBytes: found.SizeBytes, Listed: found.Listed, Taken: found.Taken,
		Excluded: found.Excluded, Unsettled: found.Unsettled, Unmatched: found.Unmatched, Open: len(st.OpenBatches()), Unfinished: len(st.NotDone()), Days: []report.DryDay{}}
	p.Batches = len(staging.Batches(found.New, r.Spec.Limits.BatchBytes))
	days := map[string]*report.DryDay{}
	for _, f := range found.New {
		key := ""
		if !f.Day.IsZero() {
			key = f.Day.Format("2006-01-02")
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
