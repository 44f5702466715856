package doctor

import (
	"context"
	"errors"
	"time"

	"github.com/silt-etl/silt/internal/human"
)

// LeftOut is what the watermarks of a job keep its runs from listing.
type LeftOut struct {
	Late    int    // objects that no run has taken, in folders that a run does not list
	OneLate string // one of them
	// Future has, for each folder from which a run took an object of a day in the future, the last such key.
	Future []string
}

// listTime bounds how long checkLeftOut lists staging.
const listTime = 10 * time.Minute

// checkLeftOut finds objects that no ordinary run will take, because their days are older than the lookback.
func checkLeftOut(ctx context.Context, e *examination) []Result {
	const what = "late objects"
	if p := e.Job.Pattern(); p == nil || !p.Prunable() || e.Mapping == nil || e.willBeCreated(e.Job.State) || e.willBeCreated(e.Job.Lake.Location) {
		return nil // each run lists all of staging, or none has listed it yet
	}
	var found LeftOut
	complete := true
	var results []Result
	_, err := e.Maintain(ctx, false, func(ctx context.Context, p Places) (err error) {
		if p.LeftOut == nil {
			return nil
		}
		limited, cancel := context.WithTimeout(ctx, listTime)
		defer cancel()
		if found, err = p.LeftOut(limited); err == nil || ctx.Err() != nil || !errors.Is(limited.Err(), context.DeadlineExceeded) {
			return err
		}
		complete = false
		results = append(results, warn(what, "etl run --full-sweep", "staging could not be listed within %s, so it is not known whether runs miss objects", listTime))
		return nil
	})
	if err != nil {
		return []Result{fail(what, err, "")}
	}
	if n := len(found.Future); n > 0 {
		results = append(results, warn("watermark", "correct the clock, or the names, of what writes there",
			"%s of staging with objects of a day in the future, which runs have read and which do not move the watermark (example: %s)",
			human.Plural(int64(n), "folder"), found.Future[0]))
	}
	switch {
	case found.Late > 0:
		results = append(results, warn(what, "etl run --full-sweep, and a longer source.lookback if objects keep arriving that late",
			"%s that no run has taken, under days before the lookback, where runs do not look (example: %s)",
			human.Plural(int64(found.Late), "object"), found.OneLate))
	case complete:
		results = append(results, ok(what, "runs list every folder of staging that has an object to take"))
	}
	return results
}
