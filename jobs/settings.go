package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/location"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/staging"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// ErrSettings is a plan or a commit of an earlier run that the job, as its file says now, cannot go on with.
var ErrSettings = errors.New("the job file was changed")

// setting is a key of the job file that decides what a plan makes and where it goes. A manifest keeps its text.
type setting struct {
	key, text string
	// set makes a job have the text of an earlier plan; nil: it names a place, which a plan may not be split over.
	set func(s *jobfile.Spec, text string) error
}

func settings(s *jobfile.Spec) []setting {
	return []setting{
		{"source.staging", s.Source.Staging, nil},
		{"lake.location", s.Lake.Location, nil},
		{"lake.source_name", s.Lake.SourceName, nil},
		{"lake.region", s.Lake.Region, nil},
		{"lake.layout", s.Lake.Layout, nil},
		{"catalog.type", s.Catalog.Type, nil},
		{"catalog.database", s.Catalog.Database, nil},
		{"catalog.table", s.Catalog.Table, nil},
		{"catalog.table_prefix", s.Catalog.TablePrefix, nil},
		{"source.key_pattern", s.Source.KeyPattern, func(s *jobfile.Spec, text string) error {
			s.Source.KeyPattern = text
			if text == "" {
				return nil
			}
			_, err := staging.ParsePattern(text)
			return err
		}},
		{"lake.account_id", s.Lake.AccountID, func(s *jobfile.Spec, text string) error { s.Lake.AccountID = text; return nil }},
		{"event_days.max_age", s.EventDays.MaxAge.String(), func(s *jobfile.Spec, text string) (err error) {
			s.EventDays.MaxAge, err = time.ParseDuration(text)
			return err
		}},
		{"event_days.max_future", s.EventDays.MaxFuture.String(), func(s *jobfile.Spec, text string) (err error) {
			s.EventDays.MaxFuture, err = time.ParseDuration(text)
			return err
		}},
	}
}

// planned are the settings as a manifest keeps them.
func plannedSettings(s *jobfile.Spec) map[string]string {
	out := map[string]string{}
	for _, k := range settings(s) {
		out[k.key] = k.text
	}
	return out
}

// CheckFormat compares source.format with the mapping's own format. The error is a diag.List.
func CheckFormat(s *jobfile.Spec, compiled *sqlgen.Compiled) error {
	if err := compiled.CheckFormat(s.Source.Format); err != nil {
		d := s.At("source.format")
		d.Message = "source.format: " + err.Error()
		return diag.List{d}
	}
	return nil
}

// Targets lays out the classes of a plan as the job says.
func Targets(s *jobfile.Spec, p *sqlgen.Compiled) (map[string]lake.Target, error) {
	layout := map[string]lake.Layout{"auto": lake.LayoutByClass, "source-per-class": lake.LayoutSourcePerClass, "single": lake.LayoutSingle}[s.Lake.Layout]
	var classes []lake.Class
	seen := map[string]bool{}
	for _, q := range p.Projections {
		if !seen[q.Class] {
			seen[q.Class] = true
			classes = append(classes, lake.Class{Name: q.Class, UID: q.UID})
		}
	}
	ts, err := lake.Targets(s.Lake.SourceName, s.Lake.Region, layout, classes)
	if err != nil {
		return nil, err
	}
	out := map[string]lake.Target{}
	for _, t := range ts {
		if s.Catalog.Table != "" && layout != lake.LayoutSourcePerClass {
			t.Table = s.Catalog.Table + strings.TrimPrefix(t.Table, lake.TableName(s.Lake.Region, s.Lake.SourceName))
		}
		if s.Catalog.TablePrefix != "" && len(ts) > 1 && layout == lake.LayoutByClass {
			t.Table = s.Catalog.TablePrefix + t.Class.Name
		}
		out[t.Class.Name] = t
	}
	return out, nil
}

// moved names the places that are not where a manifest was planned for. A setting that the manifest does not have was not kept by
// the version that wrote it.
func movedPlaces(s *jobfile.Spec, m *ledger.Manifest) []string {
	var out []string
	for _, k := range settings(s) {
		if was, kept := m.Settings[k.key]; kept && k.set == nil && !samePlace(was, k.text) {
			out = append(out, fmt.Sprintf("%s was %q and is %q", k.key, was, k.text))
		}
	}
	return out
}

// samePlace compares texts that may be locations: s3://b/p and s3://b/p/ are one.
func samePlace(a, b string) bool {
	if a == b {
		return true
	}
	at, errA := location.Parse(a)
	bt, errB := location.Parse(b)
	return errA == nil && errB == nil && at.Equal(bt)
}

// asPlanned is the job as it was when a manifest was planned: what decides which rows come out is the manifest's, credentials and
// limits are today's. ErrSettings: a place was changed, so that the files of one plan would lie in two, or its objects not be found.
func (x *run) asPlanned(m *ledger.Manifest) (*jobfile.Spec, error) {
	if moved := movedPlaces(x.Spec, m); len(moved) > 0 {
		return nil, fmt.Errorf("%w since run %s planned what it did not finish: %s; put it back, or let etl run --replan plan it anew", ErrSettings, m.Run, strings.Join(moved, ", "))
	}
	s := *x.Spec
	for _, k := range settings(x.Spec) {
		was, kept := m.Settings[k.key]
		if !kept || k.set == nil || was == k.text {
			continue
		}
		if err := k.set(&s, was); err != nil {
			return nil, fmt.Errorf("manifest %s: %s: %w", m.ID, k.key, err)
		}
		x.log.Info().Str("manifest", m.ID).Str("setting", k.key).Str("planned", was).Str("now", k.text).Msg("resuming with the setting it was planned with")
	}
	return &s, nil
}

// placed tells of a batch which places the job names otherwise now than the manifest that its files were made from did. One that
// retention has removed tells of none: they are not compared. It reads each manifest once.
func (x *run) placed() func(context.Context, ledger.Batch) ([]string, error) {
	known := map[string][]string{}
	return func(ctx context.Context, b ledger.Batch) ([]string, error) {
		moved, has := known[b.Made]
		if has || b.Made == "" {
			return moved, nil
		}
		m, err := x.ledger.MadeFrom(ctx, b)
		if errors.Is(err, objstore.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		known[b.Made] = movedPlaces(x.Spec, m)
		return known[b.Made], nil
	}
}

// where keeps of places those that say where files and their rows are found: staging is only read.
func where(moved []string) []string {
	return slices.DeleteFunc(slices.Clone(moved), func(text string) bool { return strings.HasPrefix(text, "source.") })
}

// otherLake keeps of places the one that files are deleted in: a delete at a key of another lake removes nothing, and says nothing.
func otherLake(moved []string) []string {
	return slices.DeleteFunc(slices.Clone(moved), func(text string) bool { return !strings.HasPrefix(text, "lake.location ") })
}

// keepsPlace refuses a command that would add to a committed batch, or replace it, in another place than where the batch has its
// rows: they would lie in two lakes or two tables, or the old ones be looked for where they are not.
func keepsPlace(command string, b ledger.Batch, moved []string) error {
	if moved = where(moved); len(moved) == 0 {
		return nil
	}
	return fmt.Errorf("%w since batch %s was published: %s; put it back for the %s, or take the batches back with etl bookmark reset and run the job", ErrSettings, b.ID,
		strings.Join(moved, ", "), command)
}

// mayFinish refuses to see entries of an earlier run through in another place than theirs: files are held there, and would be
// taken for lost here; what is to be deleted there would be taken for deleted.
func (x *run) mayFinish(ctx context.Context, busy map[string]bool) error {
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return err
	}
	placed := x.placed()
	for _, r := range st.NotDone() {
		if len(r.Adds)+len(r.Removes) == 0 || busy[r.Run] {
			continue
		}
		b, _ := st.Batch(r.Batches[0])
		moved, err := placed(ctx, b)
		if err != nil {
			return err
		}
		if moved = where(moved); r.Kind == ledger.KindRelease {
			moved = otherLake(moved)
		}
		if len(moved) > 0 {
			return fmt.Errorf("%w since run %s wrote entry %d, which the lake does not wholly show yet: %s; put it back until a run has finished it", ErrSettings, r.Run, r.Seq, strings.Join(moved, ", "))
		}
	}
	return nil
}

// room keeps to limits.max_concurrent_runs: plain runs of this job that hold a lease count, wherever they run. Backfills and
// replays do not: they go on beside plain runs. ledger.ErrHeld: there are as many as may be.
func (x *run) room(ctx context.Context) error {
	var at []string
	for id := range x.busy {
		i, err := x.ledger.Run(ctx, id)
		if err != nil {
			return err
		}
		if id != x.id && i.Command == "run" {
			at = append(at, id)
		}
	}
	if len(at) < x.Spec.Limits.MaxConcurrentRuns {
		return nil
	}
	slices.Sort(at)
	is := "is at work on this job"
	if len(at) > 1 {
		is = "are at work on this job"
	}
	return fmt.Errorf("%w: %s %s, and limits.max_concurrent_runs is %d; wait until it has ended, or until its lease expires, 5 minutes after its last sign of life",
		ledger.ErrHeld, strings.Join(at, ", "), is, x.Spec.Limits.MaxConcurrentRuns)
}
