package doctor

import (
	"context"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/refused"
)

// findRefused names batches of a job that runs have refused, and of which nothing is committed yet.
func findRefused(ctx context.Context, job string, maintain func(context.Context, bool, func(context.Context, Places) error) ([]string, error)) []Result {
	const what = "refused batches"
	var waiting []string
	_, err := maintain(ctx, false, func(ctx context.Context, p Places) error {
		if p.State == nil {
			return nil
		}
		files, err := refused.List(ctx, p.State, job)
		if err != nil || len(files) == 0 {
			return err
		}
		st, err := p.Ledger.Fold(ctx)
		if err != nil {
			return err
		}
		for _, f := range files {
			over, err := f.IsOver(ctx, p.Ledger, st)
			if err != nil {
				return err
			}
			if !over {
				waiting = append(waiting, f.Batch)
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return []Result{fail(what, err, "")}
	case len(waiting) == 0:
		return nil
	}
	return []Result{warn(what, "etl quarantine list, then correct the mapping or raise the limit, and etl run",
		"%s with too many bad records, and not committed: %s", human.Plural(int64(len(waiting)), "batch"), few(waiting))}
}
