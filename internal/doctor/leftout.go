package doctor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/ledger/awaited"
	"github.com/silt-etl/silt/internal/recheck"
	"github.com/silt-etl/silt/internal/staging"
)

// LeftOut is what the watermarks of a job keep its runs from listing.
type LeftOut struct {
	Late    int    // objects that no run has taken, in folders that a run does not list
	OneLate string // one of them
	// Folders is how many folders runs leave out, MostAgain how many of them a run lists again at most (source.recheck_folders), and Runs
	// how many runs a week has; 0: not known.
	Folders, MostAgain int
	Runs               float64
	// Archived objects are left by every run until they are restored.
	Archived staging.ArchivedObjects
	// Future has, for each folder from which a run took an object of a day in the future, the last such key.
	Future []string
}

// listTime bounds how long checkLeftOut lists staging.
const listTime = 10 * time.Minute

// checkLeftOut finds objects that no ordinary run will take, because their days are older than the lookback, and those that the store
// refused to runs.
func checkLeftOut(ctx context.Context, e *examination) []Result {
	const what = "late objects"
	if e.Mapping == nil || e.willBeCreated(e.Job.State) || e.willBeCreated(e.Job.Lake.Location) {
		return nil // no run has listed staging yet
	}
	pattern := e.Job.Pattern()
	whole := pattern == nil || !pattern.Prunable() // each run lists all of staging
	var found LeftOut
	complete := !whole
	var results []Result
	var known []awaited.Object
	_, err := e.Maintain(ctx, false, func(ctx context.Context, p Places) (err error) {
		if p.LeftOut == nil {
			return nil
		}
		st, err := p.Ledger.Fold(ctx)
		if err != nil {
			return err
		}
		known = st.Awaited.Objects()
		limited, cancel := context.WithTimeout(ctx, listTime)
		defer cancel()
		if found, err = p.LeftOut(limited); err == nil || ctx.Err() != nil || !errors.Is(limited.Err(), context.DeadlineExceeded) {
			return err
		}
		if complete = false; whole {
			return nil
		}
		results = append(results, warn(what, "etl run --full-sweep", "staging could not be listed within %s, so it is not known whether runs miss objects", listTime))
		return nil
	})
	if err != nil {
		return append(deniedResults(known), fail(what, err, ""))
	}
	results = append(append(deniedResults(known), archivedResults(found.Archived, known)...), results...)
	if n := len(found.Future); n > 0 {
		results = append(results, warn("watermark", "correct the clock, or the names, of what writes there",
			"%s of staging with objects of a day in the future, which runs have read and which do not move the watermark (example: %s)",
			human.Plural(int64(n), "folder"), found.Future[0]))
	}
	again := "etl run --full-sweep"
	if found.MostAgain > 0 {
		again = "wait for the runs of a week, or etl run --full-sweep"
	}
	switch {
	case found.Late > 0:
		results = append(results, warn(what, again+"; a longer source.lookback if objects keep arriving that late",
			"%s that no run has taken, under days before the lookback, where %s (example: %s)",
			human.Plural(int64(found.Late), "object"), found.round(), found.OneLate))
	case complete && found.Folders > 0:
		results = append(results, ok(what, "runs have taken every object; %s of days before the lookback: %s", human.Plural(int64(found.Folders), "folder"), found.round()))
	case complete:
		results = append(results, ok(what, "runs list every folder of staging that has an object to take"))
	}
	return results
}

// round says how long it takes until runs have listed again each folder that they leave out.
func (f LeftOut) round() string {
	if f.MostAgain == 0 {
		return "runs do not look (source.recheck_folders is 0)"
	}
	runs := f.Runs
	if runs == 0 {
		runs = 7
	}
	took := recheck.RoundOf(f.Folders, f.MostAgain, runs)
	text := fmt.Sprintf("runs list each folder again within %s", human.Plural(int64(math.Ceil(took.Hours()/24)), "day"))
	if took > recheck.Round {
		text += " (source.recheck_folders lists more in a run)"
	}
	return text
}
