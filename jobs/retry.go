package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"time"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/staging"
)

// RunWithRetries runs the job, and again up to limits.max_retries times while it fails for a reason that time may mend. Each
// try is a run of its own; the last one's summary is returned.
func (r *Runner) RunWithRetries(ctx context.Context, opts RunOptions) (*Summary, error) {
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

// DryPlan is what a run would read. Sizes are bytes.
type DryPlan struct {
	Job        string   `json:"job"`
	Objects    int      `json:"objects"`
	SizeBytes  int64    `json:"size"`
	Batches    int      `json:"batches"`
	Open       int      `json:"open_batches"` // planned by an earlier run, to be resumed first
	Unfinished int      `json:"unfinished_entries"`
	Listed     int      `json:"listed"`
	Taken      int      `json:"taken"`
	Excluded   int      `json:"excluded"`
	Unsettled  int      `json:"unsettled"`
	Unmatched  int      `json:"unmatched"`
	Days       []DryDay `json:"days"`
}

// DryDay counts the objects whose keys name a day; Day is "" for keys that name none.
type DryDay struct {
	Day       string `json:"day"`
	Objects   int    `json:"objects"`
	SizeBytes int64  `json:"size"`
}

// WriteText prints the plan for a person.
func (p *DryPlan) WriteText(w io.Writer) {
	fmt.Fprintf(w, "%s: a run would read %s, %s, in %s (dry run: nothing was written)\n", p.Job, Plural(int64(p.Objects), "object"), Size(p.SizeBytes), Plural(int64(p.Batches), "batch"))
	if p.Open > 0 || p.Unfinished > 0 {
		fmt.Fprintf(w, "  first       %s and %s that an earlier run left\n", Plural(int64(p.Unfinished), "entry"), Plural(int64(p.Open), "batch"))
	}
	fmt.Fprintf(w, "  listed      %s: %s new, %s done before, %s excluded, %s too young\n", Plural(int64(p.Listed), "object"), Count(int64(p.Objects)), Count(int64(p.Taken)), Count(int64(p.Excluded)), Count(int64(p.Unsettled)))
	if p.Unmatched > 0 {
		fmt.Fprintf(w, "  unmatched   %s keys do not match key_pattern; their captures will be NULL\n", Count(int64(p.Unmatched)))
	}
	for _, d := range p.Days {
		day := d.Day
		if day == "" {
			day = "(no day)"
		}
		fmt.Fprintf(w, "  %-11s %s, %s\n", day, Plural(int64(d.Objects), "object"), Size(d.SizeBytes))
	}
}

// DryRun lists what a run would read and writes nothing.
func (r *Runner) DryRun(ctx context.Context, fullSweep bool) (*DryPlan, error) {
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
	p := &DryPlan{Job: r.Spec.Name, Objects: len(found.New), SizeBytes: found.SizeBytes, Listed: found.Listed, Taken: found.Taken,
		Excluded: found.Excluded, Unsettled: found.Unsettled, Unmatched: found.Unmatched, Open: len(st.OpenBatches()), Unfinished: len(st.NotDone()), Days: []DryDay{}}
	p.Batches = len(staging.Batches(found.New, r.Spec.Limits.BatchBytes))
	days := map[string]*DryDay{}
	for _, f := range found.New {
		key := ""
		if !f.Day.IsZero() {
			key = f.Day.Format("2006-01-02")
		}
		if days[key] == nil {
			days[key] = &DryDay{Day: key}
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
