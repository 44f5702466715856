package jobs

import (
	"context"
	"time"

	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/staging"
)

// ListDays gives the staging objects of a job from one day to another, both included (midnight, UTC), by day and key, whether a run
// has taken them or not. An object's day is the one in its key, or where the pattern has none that of its last change.
func ListDays(ctx context.Context, s *jobfile.Spec, store objstore.Reader, from, to time.Time) ([]staging.Found, error) {
	o := BackfillOptions{From: from, To: to}
	l, err := staging.List(ctx, store, staging.Options{Include: s.Source.Include, Exclude: s.Source.Exclude, Pattern: s.Pattern(),
		Taken: func(objstore.Object) bool { return false }, Select: o.has, Cutoff: func(string) time.Time { return from }, Through: to})
	if err != nil {
		return nil, err
	}
	return l.New, nil
}

// PlannedMapping gives the texts of the mapping that the work of a run was made with, ok false where it had nothing to do. Work that
// it took over from an earlier run was made with that run's mapping, as its manifest has it.
func PlannedMapping(ctx context.Context, l *ledger.Ledger, run string) (name string, files map[string]string, ok bool, err error) {
	st, err := l.Fold(ctx)
	if err != nil {
		return "", nil, false, err
	}
	for _, b := range st.Batches() {
		if b.Run != run {
			continue
		}
		m, err := l.Manifest(ctx, b.Manifest, b.ID)
		if err != nil {
			return "", nil, false, err
		}
		files = map[string]string{}
		for _, f := range m.Mapping.Files {
			files[f.Path] = f.Text
		}
		return m.Mapping.Name, files, true, nil
	}
	return "", nil, false, nil
}
