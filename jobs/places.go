package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/location"
	"github.com/silt-etl/silt/internal/objstore"
)

// changedPlaces names the places of a job that a manifest was not planned for. A setting that the manifest does not have was not kept
// by the version that wrote it.
func changedPlaces(s *jobfile.Spec, m *ledger.Manifest) []string {
	var out []string
	for _, k := range settings(s) {
		if was, kept := m.Settings[k.key]; kept && k.set == nil && !samePlace(was, k.text) {
			out = append(out, fmt.Sprintf("%s was %q and is %q", k.key, was, k.text))
		}
	}
	return out
}

// samePlace compares texts that may be locations: s3://b/p and s3://b/p/ are the same.
func samePlace(a, b string) bool {
	if a == b {
		return true
	}
	at, errA := location.Parse(a)
	bt, errB := location.Parse(b)
	return errA == nil && errB == nil && at.Equal(bt)
}

// placeCheck compares the places that a job names now with those that batches were published to. It reads each manifest once.
type placeCheck struct {
	spec   *jobfile.Spec
	ledger *ledger.Ledger
	known  map[string][]string // by manifest
}

func newPlaceCheck(s *jobfile.Spec, l *ledger.Ledger) *placeCheck {
	return &placeCheck{s, l, map[string][]string{}}
}

// changed names the places that were changed since a batch's files were made. A batch whose manifest retention has removed is not
// compared.
func (p *placeCheck) changed(ctx context.Context, b ledger.Batch) ([]string, error) {
	changed, known := p.known[b.Made]
	if known || b.Made == "" {
		return changed, nil
	}
	m, err := p.ledger.MadeFrom(ctx, b)
	if errors.Is(err, objstore.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p.known[b.Made] = changedPlaces(p.spec, m)
	return p.known[b.Made], nil
}

// withoutStaging leaves the places that say where files and rows are. Staging is only read.
func withoutStaging(changed []string) []string {
	return slices.DeleteFunc(slices.Clone(changed), func(text string) bool { return strings.HasPrefix(text, "source.") })
}

// onlyLake leaves the place in which files are deleted: deleting a key in another lake removes nothing, without an error.
func onlyLake(changed []string) []string {
	return slices.DeleteFunc(slices.Clone(changed), func(text string) bool { return !strings.HasPrefix(text, "lake.location ") })
}

// checkSamePlace refuses a command that would add to a committed batch, or replace it, in another place than the batch's: its rows would
// be in two lakes or tables, or the old rows would not be found.
func checkSamePlace(command string, b ledger.Batch, changed []string) error {
	if changed = withoutStaging(changed); len(changed) == 0 {
		return nil
	}
	return fmt.Errorf("%w since batch %s was published: %s. Try: put the setting back for the %s, or withdraw the batches with etl bookmark reset and run the job",
		ErrSettings, b.ID, strings.Join(changed, ", "), command)
}
