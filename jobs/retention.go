package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/ledger/keptlookups"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/refused"
	"github.com/silt-etl/silt/internal/report"
)

// expiredOf adds up what is deleted of one kind.
func expiredOf(all []ledger.Aged) (k report.Expired) {
	for _, a := range all {
		k.Files++
		k.SizeBytes += a.SizeBytes
		if k.Oldest == nil || a.Modified.Before(*k.Oldest) {
			at := a.Modified.UTC()
			k.Oldest = &at
		}
	}
	return k
}

// Retain deletes what is older than the job file's retention ages: quarantine, with an entry that counts its records as expired; then
// manifests and attempt records that no batch needs, once checkpoints hold what the ledger needs of them. Ledger entries and run
// records stay. dry only reports what would be deleted.
func (r *Runner) Retain(ctx context.Context, dry bool) (*report.Retention, error) {
	out := &report.Retention{Job: r.Spec.Name, DryRun: dry, Ages: map[string]string{}}
	keep := r.Spec.Retention
	for name, age := range map[string]time.Duration{"quarantine": keep.Quarantine, "manifests": keep.Manifests, "attempts": keep.Attempts} {
		if age > 0 {
			out.Ages[name] = days(age)
		}
	}
	x := r.newRun("retention", "ON_DEMAND", dry)
	sum, err := x.do(ctx, (&retention{run: x, out: out}).work)
	out.Warnings = sum.Warnings
	return out, err
}

// retention is etl retention.
type retention struct {
	run *run
	out *report.Retention
}

// days writes a duration as job files do.
func days(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	}
	return d.String()
}

// work finishes earlier work, then expires quarantine, then deletes manifests and attempt records.
func (r *retention) work(ctx context.Context) error {
	x, out := r.run, r.out
	if !x.dry {
		if _, err := x.publisher.finishAndMark(ctx); err != nil { // entries that are not done keep their records
			return err
		}
	}
	keep := x.Spec.Retention
	old, err := x.ledger.Old(ctx, ledger.Ages{Quarantine: keep.Quarantine, Manifests: keep.Manifests, Attempts: keep.Attempts})
	if err != nil {
		return err
	}
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return err
	}
	var batches []string
	for _, q := range old.Quarantine {
		if slices.Contains(batches[max(0, len(batches)-1):], q.Batch) { // keys of a batch follow each other
			continue
		}
		batches = append(batches, q.Batch)
		b, _ := st.Batch(q.Batch)
		out.Records += b.Counts.Quarantined
	}
	out.Quarantine, out.Manifests, out.Attempts = expiredOf(old.Quarantine), expiredOf(old.Manifests), expiredOf(old.Attempts)
	refusedFiles, err := r.oldRefused(ctx)
	if err != nil {
		return err
	}
	if x.dry {
		return r.unusedLookups(ctx)
	}
	for _, f := range refusedFiles {
		if err := f.Remove(ctx, x.State); err != nil {
			return fmt.Errorf("retention of refused batches: %w", err)
		}
	}
	out.Manifests, out.Attempts = report.Expired{}, report.Expired{}
	if err := r.expire(ctx, batches); err != nil {
		return err
	}
	done, err := x.ledger.Retire(ctx, x.Deleter, old)
	out.Manifests, out.Attempts, out.Held = expiredOf(done.Manifests), expiredOf(done.Attempts), done.Held
	if err != nil {
		return fmt.Errorf("retention of manifests and attempt records: %w. What was deleted is not needed any more. Try: etl retention again", err)
	}
	return r.unusedLookups(ctx)
}

// unusedLookups finds the files of lookups that no manifest names any more, and deletes them unless the run is dry.
func (r *retention) unusedLookups(ctx context.Context) error {
	x := r.run
	unused, err := keptlookups.Unused(ctx, x.State, x.Spec.Name)
	if err != nil {
		return fmt.Errorf("retention of lookups: %w", err)
	}
	var aged []ledger.Aged
	for _, o := range unused {
		aged = append(aged, ledger.Aged{Key: o.Key, SizeBytes: o.SizeBytes, Modified: o.LastModified})
		if x.dry {
			continue
		}
		if err := keptlookups.Remove(ctx, x.State, o); err != nil {
			return fmt.Errorf("retention of lookups: %w. Try: etl retention again", err)
		}
	}
	r.out.Lookups = expiredOf(aged)
	return nil
}

// oldRefused finds what was kept of refused batches and is as old as quarantine that expires.
func (r *retention) oldRefused(ctx context.Context) (old []refused.File, err error) {
	x := r.run
	age := x.Spec.Retention.Quarantine
	if age <= 0 {
		return nil, nil
	}
	now, err := x.State.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the time of the store: %w", err)
	}
	files, err := refused.List(ctx, x.State, x.Spec.Name)
	if err != nil {
		return nil, fmt.Errorf("list refused batches: %w", err)
	}
	var aged []ledger.Aged
	for _, f := range files {
		if now.Sub(f.Modified) >= age {
			old, aged = append(old, f), append(aged, ledger.Aged{Key: f.Key, SizeBytes: f.SizeBytes, Modified: f.Modified})
		}
	}
	r.out.Refused = expiredOf(aged)
	return old, nil
}

// expire ends the quarantine of batches and deletes its files.
func (r *retention) expire(ctx context.Context, batches []string) (err error) {
	x, out := r.run, r.out
	if out.Entries, out.Records, err = x.ledger.Expire(ctx, batches); err != nil {
		return fmt.Errorf("retention of quarantine: %w", err)
	}
	if len(out.Entries) == 0 {
		return nil
	}
	x.log.Info().Uints64("entries", out.Entries).Int64("records", out.Records).Msg("quarantine has expired")
	res, err := x.ledger.RollForward(ctx, ledger.RollOptions{Lake: x.Lake, Deleter: x.Deleter, AddPartitions: x.publisher.addPartitions,
		Only: func(r ledger.Rolling) bool { return slices.Contains(out.Entries, r.Seq) }})
	for _, b := range res.Blocked {
		if errors.Is(b.Err, objstore.ErrDenied) {
			x.warn(fmt.Sprintf("quarantine has expired, but this role is not allowed to delete its files; a later run tries again: %v", b.Err))
		}
	}
	if err != nil {
		return fmt.Errorf("quarantine has expired, but not all of its files are deleted yet; the next run deletes them: %w", err)
	}
	return nil
}
