package jobs

import (
	"context"
	"fmt"

	"github.com/silt-etl/silt/internal/doctor"
	"github.com/silt-etl/silt/internal/report"
)

// Maintain opens the job as a run does and calls work (example: doctor.Fix) within the run. With dry the run is not recorded, and
// work must not write. Without dry work needs the right to delete: ErrNoDelete says that the job does not have it, and that
// nothing was done.
func (r *Runner) Maintain(ctx context.Context, dry bool, work func(context.Context, doctor.Places) error) (*report.Summary, error) {
	const command = "doctor"
	if !dry && r.Deleter == nil {
		return &report.Summary{Job: r.Spec.Name, Command: command}, fmt.Errorf("doctor --fix: %w", ErrNoDelete)
	}
	return r.perform(ctx, &run{opts: RunOptions{Trigger: "ON_DEMAND"}, command: command, dry: dry, work: func(x *run, ctx context.Context) error {
		p := doctor.Places{Ledger: x.ledger, Lake: x.Lake, Catalog: x.Catalog, Targets: x.targets, SourceFolder: "ext/" + x.Spec.Lake.SourceName + "/",
			Location: x.location, RollForward: x.finishAndMark, Log: x.log}
		if x.Deleter != nil {
			p.Lake = x.Deleter
		}
		return work(ctx, p)
	}})
}

// finishAndMark finishes what earlier runs committed, marks it done at once, and returns the number of entries.
func (x *run) finishAndMark(ctx context.Context) (int, error) {
	if err := x.finish(ctx); err != nil {
		return x.sum.Finished, err
	}
	return x.sum.Finished, x.markDone(ctx)
}

// deleteAgain deletes once more what died lately, if the job may delete: the store may have finished a publication late. A run
// does not fail because of it.
func (x *run) deleteAgain(ctx context.Context) {
	if x.Deleter == nil {
		return
	}
	if _, err := x.ledger.DeleteAgain(ctx, x.Deleter); err != nil {
		x.warn(fmt.Sprintf("files that died lately were not all deleted again: %v", err))
	}
}
