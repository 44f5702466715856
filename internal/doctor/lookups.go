package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/ledger/keptlookups"
	"github.com/silt-etl/silt/internal/objstore"
)

// checkKeptLookups reads the files of lookups that manifests of a job name.
func checkKeptLookups(ctx context.Context, job string, maintain func(context.Context, bool, func(context.Context, Places) error) ([]string, error)) []Result {
	const what = "lookups"
	var needed, other []string // of what is wrong: what open batches name, and what other manifests name
	good := 0
	_, err := maintain(ctx, false, func(ctx context.Context, p Places) error {
		if p.State == nil {
			return nil
		}
		named, err := keptlookups.Named(ctx, p.State, job)
		if err != nil || len(named) == 0 {
			return err
		}
		open, err := openLookups(ctx, p)
		if err != nil {
			return err
		}
		for _, sum := range slices.Sorted(maps.Keys(named)) {
			err := keptlookups.Check(ctx, p.State, job, sum)
			switch {
			case err == nil:
				good++
				continue
			case ctx.Err() != nil:
				return err
			case errors.Is(err, objstore.ErrNotExist):
				err = errors.New("it does not exist")
			}
			text := fmt.Sprintf("%s/lookups/%s: %s", job, sum, err)
			if open[sum] {
				needed = append(needed, text)
			} else {
				other = append(other, text)
			}
		}
		return nil
	})
	var results []Result
	switch {
	case err != nil:
		return []Result{fail(what, err, "")}
	case len(needed) > 0:
		results = append(results, fail(what, fmt.Errorf("%s that open batches need cannot be used: %s", human.Plural(int64(len(needed)), "kept file"), strings.Join(needed, "; ")), "etl run --replan"))
	}
	if len(other) > 0 {
		results = append(results, warn(what, "etl backfill --replace makes batches of the same days with the lookups as they are now",
			"%s of earlier plans cannot be used: %s", human.Plural(int64(len(other)), "kept file"), strings.Join(other, "; ")))
	}
	if good > 0 && len(results) == 0 {
		results = append(results, ok(what, "%s that plans name, each with the content that was planned", human.Plural(int64(good), "kept file")))
	}
	return results
}

// openLookups are the digests of the files that the manifests of open batches name.
func openLookups(ctx context.Context, p Places) (map[string]bool, error) {
	st, err := p.Ledger.Fold(ctx)
	if err != nil {
		return nil, err
	}
	open, read := map[string]bool{}, map[string]bool{}
	for _, b := range st.OpenBatches() {
		if read[b.Manifest.ID] {
			continue
		}
		read[b.Manifest.ID] = true
		m, err := p.Ledger.Manifest(ctx, b.Manifest, b.ID)
		if err != nil {
			return nil, err
		}
		for _, l := range m.Lookups {
			open[l.SHA256] = true
		}
	}
	return open, nil
}
