package jobs

import (
	"context"
	"fmt"

	"github.com/silt-etl/silt/internal/doctor"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/internal/staging"
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
			Location: x.publisher.location, RollForward: x.publisher.finishAndMark, Log: x.log,
			LeftOut: x.leftOut}
		if x.Deleter != nil {
			p.Lake = x.Deleter
		}
		return work(ctx, p)
	})
}

// leftOut lists staging in full, and counts what the watermarks keep an ordinary run from listing.
func (x *run) leftOut(ctx context.Context) (out doctor.LeftOut, err error) {
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return out, err
	}
	w, err := x.watermarks(ctx, st)
	if err != nil || w == nil {
		return out, err
	}
	out.Future = w.ignored
	if len(w.first) == 0 {
		return out, nil
	}
	lo := listOptions(x.Spec, st, x.Now())
	lo.Cutoff, lo.Sweep = w.cutoff, true
	l, err := staging.List(ctx, x.Staging, lo)
	if err != nil {
		return out, err
	}
	out.Late, out.OneLate = l.Late, l.OneLate
	return out, nil
}
