package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/report"
)

func kindOf(all []ledger.Aged) (k report.Expired) {
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

// Retain deletes what is older than the job file's retention keeps: quarantine, by an entry that counts its records as expired;
// then manifests and attempt records that no batch needs, once checkpoints have what the ledger needs of them. Ledger entries and
// run records stay. dry only says what would go.
func (r *Runner) Retain(ctx context.Context, dry bool) (*report.Retention, error) {
	out := &report.Retention{Job: r.Spec.Name, DryRun: dry, Ages: map[string]string{}}
	keep := r.Spec.Retention
	for name, age := range map[string]time.Duration{"quarantine": keep.Quarantine, "manifests": keep.Manifests, "attempts": keep.Attempts} {
		if age > 0 {
			out.Ages[name] = days(age)
		}
	}
	sum, err := r.perform(ctx, &run{opts: RunOptions{Trigger: "ON_DEMAND"}, command: "retention", dry: dry, work: func(x *run, ctx context.Context) error {
		return x.retain(ctx, out)
	}})
	out.Warnings = sum.Warnings
	return out, err
}

// days writes a duration as job files do.
func days(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	}
	return d.String()
}

func (x *run) retain(ctx context.Context, out *report.Retention) error {
	if !x.dry {
		if err := x.finish(ctx); err != nil {
			return err
		}
		if err := x.markDone(ctx); err != nil { // what is not done keeps its records
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
	out.Quarantine, out.Manifests, out.Attempts = kindOf(old.Quarantine), kindOf(old.Manifests), kindOf(old.Attempts)
	if x.dry {
		return nil
	}
	out.Manifests, out.Attempts = report.Expired{}, report.Expired{}
	if err := x.expire(ctx, batches, out); err != nil {
		return err
	}
	done, err := x.ledger.Retire(ctx, x.deleter(), old)
	out.Manifests, out.Attempts, out.Held = kindOf(done.Manifests), kindOf(done.Attempts), done.Held
	if err != nil {
		return fmt.Errorf("retention of manifests and attempt records; what is deleted is not needed any more, the next retention goes on: %w", err)
	}
	return nil
}

// expire ends the quarantine of batches and deletes its files.
func (x *run) expire(ctx context.Context, batches []string, out *report.Retention) (err error) {
	if out.Entries, out.Records, err = x.ledger.Expire(ctx, batches); err != nil {
		return fmt.Errorf("retention of quarantine: %w", err)
	}
	if len(out.Entries) == 0 {
		return nil
	}
	x.log.Info().Uints64("entries", out.Entries).Int64("records", out.Records).Msg("quarantine has expired")
	res, err := x.ledger.RollForward(ctx, ledger.RollOptions{Lake: x.Lake, Deleter: x.deleter(), AddPartitions: x.addPartitions,
		Only: func(r ledger.Rolling) bool { return slices.Contains(out.Entries, r.Seq) }})
	for _, b := range res.Blocked {
		if errors.Is(b.Err, objstore.ErrDenied) {
			x.warn(fmt.Sprintf("quarantine has expired, and its files may not be deleted yet; a later run tries again: %v", b.Err))
		}
	}
	if err != nil {
		return fmt.Errorf("quarantine has expired, its files are not all deleted yet; the next run goes on: %w", err)
	}
	return nil
}
