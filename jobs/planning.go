package jobs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/internal/staging"
)

// planTries is how often a plan is made again because other runs wrote to the ledger at the same time.
const planTries = 100

// planner turns listed objects into plans, and processes the batches of plans: its own and those that earlier runs left open.
type planner struct {
	run  *run
	held []ledger.ManifestRef // open, and left to another run that is processing them
}

// resume processes the batches that an earlier run planned and did not commit, with the mapping and settings of their plan.
func (p *planner) resume(ctx context.Context) error {
	x := p.run
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return err
	}
	byManifest := map[ledger.ManifestRef][]ledger.Batch{}
	var order []ledger.ManifestRef
	for _, b := range st.OpenBatches() {
		if byManifest[b.Manifest] == nil {
			order = append(order, b.Manifest)
		}
		byManifest[b.Manifest] = append(byManifest[b.Manifest], b)
	}
	for _, ref := range order {
		var ids []string
		for _, b := range byManifest[ref] {
			ids = append(ids, b.ID)
		}
		m, err := x.ledger.Manifest(ctx, ref, ids...)
		if err != nil {
			return err
		}
		x.log.Info().Str("manifest", ref.ID).Int("batches", len(ids)).Msg("resuming an earlier plan")
		owner := byManifest[ref][0].Run
		lease, err := x.takeLease(ctx, ref.ID)
		if errors.Is(err, ledger.ErrHeld) && x.worksAlongside(ctx, owner) {
			p.held = append(p.held, ref)
			if x.Spec.Limits.MaxConcurrentRuns > 1 && x.command == "run" {
				x.warn(fmt.Sprintf("run %s is processing %s that it planned before; this run leaves them to it", owner, human.Plural(int64(len(ids)), "batch")))
			}
			continue
		}
		if errors.Is(err, ledger.ErrHeld) {
			lease, err = x.waitForLease(ctx, ref.ID)
		}
		x.sum.Resumed += len(ids)
		if err != nil {
			return err
		}
		err = p.process(ctx, m)
		x.releaseLease(ctx, lease)
		if err != nil {
			return err
		}
	}
	return nil
}

// planAndProcess plans what a listing found new, and processes it. If other runs wrote to the ledger at the same time, the objects
// that they took are left out and the rest is planned again, without another listing.
func (p *planner) planAndProcess(ctx context.Context, l *staging.Listing) error {
	x := p.run
	for try := 1; ; try++ {
		st, err := x.publisher.deleteReleasedFiles(ctx)
		if err != nil {
			return err
		}
		known := *l
		wrote, err := x.sortKnown(ctx, st, l)
		if err != nil {
			return err
		}
		x.sum.Objects.New += len(l.New) - len(known.New)
		x.sum.Objects.Taken += l.Taken - known.Taken
		x.sum.Objects.Same += l.Same - known.Same
		x.sum.Objects.Unsettled += l.Unsettled - known.Unsettled
		x.sum.Objects.LeftAlone += l.LeftAlone - known.LeftAlone
		if wrote {
			continue
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
			return p.resume(ctx) // what the other run planned, if it is not processing it
		}
		if x.Spec.Source.OnChange == jobfile.OnChangeReplace {
			wrote, err = (&overwrittenObjects{run: x}).release(ctx, st, l)
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
		w, err := x.watermarks(ctx, st)
		if err != nil {
			return err
		}
		w.warnFuture(x.warn, l.New)
		m := newManifest(x.Runner, x.config, staging.Batches(l.New, x.config.spec.Limits.BatchBytes, w.group))
		lease, err := x.takeLease(ctx, m.ID)
		if err != nil {
			return err
		}
		if _, err = x.ledger.Plan(ctx, at, m); err == nil {
			err = p.process(ctx, m)
			x.releaseLease(ctx, lease)
			return err
		}
		x.releaseLease(ctx, lease)
		if !errors.Is(err, ledger.ErrMoved) || try == planTries {
			return err
		}
	}
}

// process processes the batches of a plan, whose lease the caller holds. If a batch has too many bad records, the open batches of the
// plan are released: the next run plans their objects with the mapping and the limit that it finds.
func (p *planner) process(ctx context.Context, m *ledger.Manifest) error {
	x := p.run
	config, err := x.plannedConfig(ctx, m)
	if err != nil {
		return err
	}
	var size int64
	for _, b := range m.Batches {
		for _, o := range b.Objects {
			size += o.SizeBytes
		}
	}
	x.Progress.Begin(StageScan, size, "bytes")
	for _, b := range m.Batches {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := p.processBatch(ctx, config, m, b)
		if errors.Is(err, ErrQuarantine) {
			ids := make([]string, 0, len(m.Batches))
			for _, b := range m.Batches {
				ids = append(ids, b.Batch)
			}
			_, e := x.ledger.Release(ctx, ledger.WhyReplan, ids...)
			return errors.Join(err, e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// processBatch makes one attempt at a batch and finishes it: make files, check the quarantine limit, commit, publish.
func (p *planner) processBatch(ctx context.Context, config *batchConfig, m *ledger.Manifest, b ledger.ManifestBatch) error {
	x := p.run
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return err
	}
	state, ok := st.Batch(b.Batch)
	if !ok || state.State != ledger.BatchOpen {
		x.log.Info().Str("batch", b.Batch).Msg("another run has already processed the batch")
		return nil
	}
	a, err := x.newAttempt(config, ledger.WhyRun, m.ID, b.Batch)
	if err != nil {
		return err
	}
	defer a.close()
	a.log.Info().Int("objects", len(b.Objects)).Msg("batch begins")
	out, err := a.makeFiles(ctx, b.Batch, a.temp, b.Objects, nil)
	if err != nil {
		return err
	}
	if err := a.checkQuarantineLimit(out); err != nil {
		return err
	}
	a.add(state, out)
	if err = a.commit(ctx); errors.Is(err, ledger.ErrVoid) {
		a.log.Warn().Err(err).Msg("another run was first; this attempt was dropped")
		return nil
	}
	return err
}

// newManifest fixes a plan: the mapping's text, the settings that decide what is published, and the batches.
func newManifest(r *Runner, config *batchConfig, batches [][]staging.Found) *ledger.Manifest {
	m := &ledger.Manifest{ID: ulid.Make().String(), SchemaVersion: config.compiled.Version, Settings: plannedSettings(config.spec),
		Mapping: ledger.Mapping{Name: r.Mapping.Name, Digest: r.Mapping.Digest}}
	for _, name := range slices.Sorted(maps.Keys(r.Mapping.Files)) {
		m.Mapping.Files = append(m.Mapping.Files, ledger.MappingFile{Path: name, Text: r.Mapping.Files[name]})
	}
	for _, b := range batches {
		mb := ledger.ManifestBatch{Batch: ulid.Make().String()}
		for _, f := range b {
			mb.Objects = append(mb.Objects, f.Object)
		}
		m.Batches = append(m.Batches, mb)
	}
	return m
}

// listOptions choose the objects of a job that no run has taken.
func listOptions(s *jobfile.Spec, st *ledger.State, now time.Time) staging.Options {
	o := staging.Options{Include: s.Source.Include, Exclude: s.Source.Exclude, Pattern: s.Pattern(), Taken: st.TakenObject, Changed: st.Changed,
		IgnoreChanged: s.Source.OnChange == "ignore"}
	if s.Source.Settle > 0 {
		o.SettledBefore = now.Add(-s.Source.Settle)
	}
	return o
}

// listStaging lists staging, and leaves out what is the same object as one that is taken.
func (x *run) listStaging(ctx context.Context, st *ledger.State, o staging.Options) (*staging.Listing, error) {
	l, err := staging.List(ctx, x.Staging, o)
	if err != nil {
		return nil, err
	}
	_, err = x.sortKnown(ctx, st, l)
	return l, err
}

// sameEntry is how many versions one entry names at most: about 2 MB of JSON.
const sameEntry = 10_000

// sortKnown sorts the new files that the ledger has under another version. wrote: the ledger has a new entry, which says which of them
// are the same objects; a dry run does not write it.
func (x *run) sortKnown(ctx context.Context, st *ledger.State, l *staging.Listing) (wrote bool, err error) {
	x.sorter.Store, x.sorter.Ledger, x.sorter.Warn = x.Staging, x.ledger, x.warn
	found, err := x.sorter.Sort(ctx, st, l)
	if err != nil || len(found) == 0 {
		return false, err
	}
	x.log.Info().Int("objects", len(found)).Msg("recognised objects by their content")
	if x.dry {
		return false, nil
	}
	for part := range slices.Chunk(found, sameEntry) {
		if _, err := part.Write(ctx, x.ledger); err != nil {
			return true, err
		}
	}
	return true, nil
}

// countListing adds a listing to a summary.
func countListing(sum *report.Summary, warn func(string), l *staging.Listing) {
	o := &sum.Objects
	o.Listed += l.Listed
	o.New += len(l.New)
	o.Excluded += l.Excluded
	o.Taken += l.Taken
	o.Unsettled += l.Unsettled
	o.Same += l.Same
	o.LeftAlone += l.LeftAlone
	o.Changed += l.Changed
	o.Ignored += l.Ignored
	o.Unmatched += l.Unmatched
	o.Linked += l.Linked
	o.LinksOut += len(l.LinksOut)
	if len(l.LinksOut) > 0 {
		warn(staging.DescribeLinksOut(l.LinksOut) + ". Try: copy the files into staging, or set source.follow_links: true")
	}
	if l.Late > 0 {
		warn(fmt.Sprintf("%s under days before the lookback (example: %s), which only a full sweep finds. Try: a longer source.lookback, or etl run --full-sweep as a regular run",
			human.Plural(int64(l.Late), "new object"), l.OneLate))
	}
	if l.NotUTF8 > 0 {
		warn(fmt.Sprintf("left out %s of staging whose name is not UTF-8 (example: %+q). Try: rename what should be loaded", human.Plural(int64(l.NotUTF8), "object"), l.OneNotUTF8))
	}
}

// dayOf a staging object: the first day that its key allows, or the time of its last change if its key has no date.
func dayOf(f staging.Found) time.Time {
	if f.Day.IsZero() {
		return f.LastModified.UTC()
	}
	return f.Day
}

// ListDays returns the staging objects of a job from one day to another, both included (midnight, UTC), by day and key, whether a
// run has taken them or not. An object's day is the one in its key, or that of its last change if the pattern has no date.
func ListDays(ctx context.Context, s *jobfile.Spec, store objstore.Reader, from, to time.Time) ([]staging.Found, error) {
	o := BackfillOptions{From: from, To: to}
	l, err := staging.List(ctx, store, staging.Options{Include: s.Source.Include, Exclude: s.Source.Exclude, Pattern: s.Pattern(),
		Taken: func(objstore.Object) bool { return false }, Select: o.selects, Cutoff: func(string) time.Time { return from }, Through: to})
	if err != nil {
		return nil, err
	}
	return l.New, nil
}
