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
	x := r.newRun(command, "ON_DEMAND", dry)
	return x.do(ctx, func(ctx context.Context) error {
		p := doctor.Places{Ledger: x.ledger, Lake: x.Lake, Catalog: x.Catalog, Targets: x.config.targets, SourceFolder: "ext/" + x.Spec.Lake.SourceName + "/",
			Location: x.publisher.location, RollForward: x.publisher.finishAndMark, Log: x.log}
		if x.Deleter != nil {
			p.Lake = x.Deleter
		}
		return work(ctx, p)
	})
}
