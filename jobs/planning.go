package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/staging"
)

// planTries is how often a plan is decided anew because others wrote to the ledger meanwhile.
const planTries = 100

// planNew lists staging and runs what is new.
func (x *run) planNew(ctx context.Context) error {
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return err
	}
	l, err := x.list(ctx, st)
	if err != nil {
		return err
	}
	x.countListing(l)
	x.log.Info().Int("listed", l.Listed).Int("new", len(l.New)).Int64("bytes", l.SizeBytes).Int("changed", l.Changed).Int("pruned_folders", l.Pruned).Msg("listed staging")
	return x.runListed(ctx, l)
}

// countListing adds a listing to the summary.
func (x *run) countListing(l *staging.Listing) {
	o := &x.sum.Objects
	o.Listed += l.Listed
	o.New += len(l.New)
	o.Excluded += l.Excluded
	o.Taken += l.Taken
	o.Unsettled += l.Unsettled
	o.Changed += l.Changed
	o.Ignored += l.Ignored
	o.Unmatched += l.Unmatched
	if l.NotUTF8 > 0 {
		x.warn(fmt.Sprintf("left out %s of staging whose name is not UTF-8; rename what should be read, as %+q", human.Plural(int64(l.NotUTF8), "object"), l.OneNotUTF8))
	}
}

// runListed plans what a listing found new and runs it. Where others wrote to the ledger meanwhile, what they took is left out and
// the rest is planned anew: staging is not listed again for it.
func (x *run) runListed(ctx context.Context, l *staging.Listing) error {
	for try := 1; ; try++ {
		st, err := x.clearAway(ctx)
		if err != nil {
			return err
		}
		at := st.Seq()
		found := len(l.New)
		l.New = slices.DeleteFunc(l.New, func(f staging.Found) bool { return st.TakenObject(f.Object) })
		x.sum.Objects.New -= found - len(l.New)
		x.sum.Objects.Taken += found - len(l.New)
		if found == 0 {
			return nil
		}
		if len(l.New) == 0 {
			return x.resume(ctx) // what the other run planned, should it not be at it
		}
		if x.Spec.Source.OnChange == jobfile.OnChangeReplace {
			wrote, err := x.replaceChanged(ctx, st, l)
			if err != nil {
				return err
			}
			if wrote {
				continue
			}
			if len(l.New) == 0 {
				return nil
			}
		}
		m := x.manifest(l)
		lease, err := x.ledger.Lease(ctx, m.ID)
		if err != nil {
			return err
		}
		if _, err = x.ledger.Plan(ctx, at, m); err == nil {
			err = x.runPlanned(ctx, lease, m)
			return errors.Join(err, x.release(ctx, lease))
		}
		if e := x.release(ctx, lease); e != nil {
			return errors.Join(err, e)
		}
		if !errors.Is(err, ledger.ErrMoved) || try == planTries {
			return err
		}
	}
}
