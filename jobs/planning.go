package jobs

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/ledger/awaited"
	"github.com/silt-etl/silt/internal/ledger/begun"
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
	// tried are the batches that this run has tried. One that failed stays open for a later run.
	tried map[string]bool
	// whole is what an ordinary run has listed: all that is not before the cutoff of its folder. nil: the listing was of chosen days.
	whole *wholeListing
}

// leftOpen are batches of one plan that earlier runs left open.
type leftOpen struct {
	ref   ledger.ManifestRef
	owner string // the run that planned them
	ids   []string
	// begun: a run has begun these batches, and failed at them or died.
	begun bool
}

// resume processes the batches that earlier runs planned and did not commit, with the mapping and settings of their plan. Batches that
// a run has begun come last, and in smaller batches. The order changes from run to run, so that a batch that ends each run does not keep
// the others from being tried.
func (p *planner) resume(ctx context.Context) error {
	work, err := p.leftOpen(ctx)
	if err != nil {
		return err
	}
	for _, left := range work {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.resumePlan(ctx, left); err != nil {
			return err
		}
	}
	return nil
}

// leftOpen gathers the open batches that this run has not tried, and removes marks that nobody needs.
func (p *planner) leftOpen(ctx context.Context) ([]leftOpen, error) {
	x := p.run
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return nil, err
	}
	marked, err := begun.List(ctx, x.State, x.Spec.Name)
	if err != nil {
		return nil, fmt.Errorf("list the batches that earlier runs have begun: %w", err)
	}
	type part struct {
		ref   ledger.ManifestRef
		begun bool
	}
	at := map[part]int{}
	var work []leftOpen
	for _, b := range st.OpenBatches() {
		k := part{b.Manifest, marked[b.ID]}
		delete(marked, b.ID)
		if p.tried[b.ID] {
			continue
		}
		i, ok := at[k]
		if !ok {
			i = len(work)
			at[k] = i
			work = append(work, leftOpen{ref: k.ref, owner: b.Run, begun: k.begun})
		}
		work[i].ids = append(work[i].ids, b.ID)
	}
	for batch := range marked { // not open any more
		if err := begun.Remove(ctx, x.State, x.Spec.Name, batch); err != nil {
			x.log.Debug().Err(err).Str("batch", batch).Msg("a mark of an ended batch was not removed")
		}
	}
	random := p.order()
	random.Shuffle(len(work), func(i, j int) { work[i], work[j] = work[j], work[i] })
	slices.SortStableFunc(work, func(a, b leftOpen) int {
		switch {
		case a.begun == b.begun:
			return 0
		case b.begun:
			return -1
		}
		return 1
	})
	return work, nil
}

// order gives random numbers that depend on the run only.
func (p *planner) order() *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(p.run.id))
	return rand.New(rand.NewPCG(h.Sum64(), 0))
}

// resumePlan processes batches of one earlier plan, unless another run is processing them.
func (p *planner) resumePlan(ctx context.Context, left leftOpen) error {
	x := p.run
	m, err := x.ledger.Manifest(ctx, left.ref, left.ids...)
	if err != nil {
		return err
	}
	x.log.Info().Str("manifest", left.ref.ID).Int("batches", len(left.ids)).Bool("begun", left.begun).Msg("resuming an earlier plan")
	lease, err := x.takeLease(ctx, left.ref.ID)
	if errors.Is(err, ledger.ErrHeld) && x.worksAlongside(ctx, left.owner) {
		p.held = append(p.held, left.ref)
		if x.Spec.Limits.MaxConcurrentRuns > 1 && x.command == "run" {
			x.warn(fmt.Sprintf("run %s is processing %s that it planned before; this run leaves them to it", left.owner, human.Plural(int64(len(left.ids)), "batch")))
		}
		return nil
	}
	if errors.Is(err, ledger.ErrHeld) {
		lease, err = x.waitForLease(ctx, left.ref.ID)
	}
	x.sum.Resumed += len(left.ids)
	if errors.Is(err, ledger.ErrHeld) {
		return x.failures.add(ctx, err)
	}
	if err != nil {
		return err
	}
	defer x.releaseLease(ctx, lease)
	p.order().Shuffle(len(m.Batches), func(i, j int) { m.Batches[i], m.Batches[j] = m.Batches[j], m.Batches[i] })
	if !left.begun {
		return p.process(ctx, m)
	}
	for _, b := range m.Batches {
		one := *m
		one.Batches = []ledger.ManifestBatch{b}
		if err := p.resumeBegun(ctx, &one); err != nil {
			return err
		}
	}
	return nil
}

// resumeBegun processes a batch that a run has begun before. If it can be split, it is released and its objects are planned again in
// smaller batches, with the mapping and the settings of its plan: an object that kills the process then takes fewer others with it.
func (p *planner) resumeBegun(ctx context.Context, m *ledger.Manifest) error {
	x := p.run
	b := m.Batches[0]
	var found []staging.Found
	pattern := x.Spec.Pattern()
	for _, o := range b.Objects {
		found = append(found, staging.MatchObject(pattern, o))
	}
	parts := splitBatch(found)
	if len(parts) < 2 {
		return p.process(ctx, m)
	}
	p.tried[b.Batch] = true
	if err := x.check.open(ctx, b.Batch); err != nil {
		return err
	}
	if _, err := x.ledger.Release(ctx, ledger.WhyReplan, b.Batch); err != nil {
		return err
	}
	p.removeMark(ctx, b.Batch)
	for try := 1; ; try++ {
		st, err := x.publisher.deleteReleasedFiles(ctx)
		if err != nil {
			return err
		}
		again := &ledger.Manifest{ID: ulid.Make().String(), SchemaVersion: m.SchemaVersion, Settings: m.Settings, Mapping: m.Mapping, Classes: m.Classes, Redaction: m.Redaction, Fills: m.Fills, Events: m.Events, Lookups: m.Lookups}
		for _, part := range parts {
			part = slices.DeleteFunc(slices.Clone(part), func(f staging.Found) bool { return st.TakenObject(f.Object) }) // by another run
			if len(part) > 0 {
				again.Batches = append(again.Batches, newBatch(part))
			}
		}
		if len(again.Batches) == 0 {
			return nil
		}
		p.order().Shuffle(len(again.Batches), func(i, j int) { again.Batches[i], again.Batches[j] = again.Batches[j], again.Batches[i] })
		x.log.Info().Str("batch", b.Batch).Int("batches", len(again.Batches)).Msg("an earlier run failed at the batch or died, so its objects are planned again in smaller batches")
		if done, err := p.planAndRun(ctx, st.Seq(), again); done || try == planTries {
			return err
		}
	}
}

// planAndRun writes a plan and processes it. done is false if another run has written to the ledger since entry at.
func (p *planner) planAndRun(ctx context.Context, at uint64, m *ledger.Manifest) (done bool, err error) {
	x := p.run
	lease, err := x.takeLease(ctx, m.ID)
	if err != nil {
		return true, err
	}
	defer x.releaseLease(ctx, lease)
	if err = keepLookups(ctx, x.Runner); err != nil {
		return true, err
	}
	if _, err = x.ledger.Plan(ctx, at, m); err != nil {
		return !errors.Is(err, ledger.ErrMoved), err
	}
	return true, p.process(ctx, m)
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
		wrote, err := listings{x}.sortKnown(ctx, st, l)
		if err != nil {
			return err
		}
		x.sum.Objects.New += len(l.New) - len(known.New)
		x.sum.Objects.Taken += l.Taken - known.Taken
		x.sum.Objects.Same += l.Same - known.Same
		x.sum.Objects.Unsettled += l.Unsettled - known.Unsettled
		x.sum.Objects.LeftAlone += l.LeftAlone - known.LeftAlone
		listings{x}.leaveLater(l)
		if wrote {
			continue
		}
		at := st.Seq()
		found := len(l.New)
		l.New = slices.DeleteFunc(l.New, func(f staging.Found) bool { return st.TakenObject(f.Object) })
		x.sum.Objects.New -= found - len(l.New)
		x.sum.Objects.Taken += found - len(l.New)
		if len(l.New) == 0 {
			return nil
		}
		if err := x.check.firstPlan(ctx, st); err != nil {
			return err
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
		if err := x.places.assign(ctx); err != nil { // another run may have written the first rows meanwhile
			return err
		}
		m := newManifest(x.Runner, x.config, cutBatches(st, l.New, x.config.spec.Limits.BatchBytes, w))
		p.await(st, l, w, m)
		if done, err := p.planAndRun(ctx, at, m); done || try == planTries {
			return err
		}
	}
}

// cutBatches cuts new objects into batches. Objects that were in a batch which was released before it was committed come last and never
// share a batch with others, so that they cannot spoil them a second time. Those of one such batch are split further each time.
func cutBatches(st *ledger.State, found []staging.Found, sizeBytes int64, w *watermarks) [][]staging.Found {
	earlier := map[string][]staging.Found{}
	var order []string
	for _, f := range found {
		if b, ok := st.LatestBatch(f.Key); ok && b.State == ledger.BatchReleased && b.Committed == 0 {
			if earlier[b.ID] == nil {
				order = append(order, b.ID)
			}
			earlier[b.ID] = append(earlier[b.ID], f)
		}
	}
	groups, n := map[string]int{}, 0
	for _, id := range order {
		parts := [][]staging.Found{earlier[id]}
		if len(order)+n < maxSplit {
			parts = splitBatch(earlier[id])
		}
		for _, part := range parts {
			for _, f := range part {
				groups[f.Key] = groupRetried + n
			}
			n++
		}
	}
	return staging.Batches(found, sizeBytes, func(f staging.Found) int {
		if group, ok := groups[f.Key]; ok {
			return group
		}
		return w.group(f)
	})
}

// maxSplit bounds into how many batches a plan splits batches that were refused: a mapping that fits no record would otherwise end in a
// batch for each object.
const maxSplit = 100

// splitBatch splits the objects of a batch by day, or in two halves if they have one day. A single object is one part.
func splitBatch(found []staging.Found) (parts [][]staging.Found) {
	days := map[string]int{}
	for _, f := range found {
		day := dayOf(f).Format(time.DateOnly)
		i, ok := days[day]
		if !ok {
			i = len(parts)
			days[day] = i
			parts = append(parts, nil)
		}
		parts[i] = append(parts[i], f)
	}
	if len(parts) == 1 && len(found) > 1 {
		return [][]staging.Found{found[:len(found)/2], found[len(found)/2:]}
	}
	return parts
}

// process processes the batches of a plan, whose lease the caller holds. A batch that fails does not keep the others from being tried. It
// stays open for a later run, or is released if it has too many bad records: then the next run plans its objects with the mapping and
// the limit that it finds. The error is one that ends the run.
func (p *planner) process(ctx context.Context, m *ledger.Manifest) error {
	x := p.run
	if err := checkAdopted(m); err != nil {
		return err
	}
	for _, b := range m.Batches {
		p.tried[b.Batch] = true
	}
	config, err := x.plannedConfig(ctx, m)
	if err != nil {
		return x.failures.add(ctx, err, failedBatches(m.Batches...)...)
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
		if err := x.batchEnded(ctx, p.processBatch(ctx, config, m, b), failedBatches(b)...); err != nil {
			return err
		}
	}
	return nil
}

// failedBatches are batches of a plan as the summary names them if they fail.
func failedBatches(batches ...ledger.ManifestBatch) (out []report.FailedBatch) {
	for _, b := range batches {
		out = append(out, report.FailedBatch{Batch: b.Batch, Objects: len(b.Objects)})
	}
	return out
}

// processBatch makes one attempt at a batch and finishes it: make files, check the quarantine limit, commit, publish. A mark says that it
// has begun, until it is known how it ended.
func (p *planner) processBatch(ctx context.Context, config *batchConfig, m *ledger.Manifest, b ledger.ManifestBatch) error {
	x := p.run
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return ledgerError{err}
	}
	state, ok := st.Batch(b.Batch)
	if !ok || state.State != ledger.BatchOpen {
		x.log.Info().Str("batch", b.Batch).Msg("another run has already processed the batch")
		return nil
	}
	if err := begun.Put(ctx, x.State, x.Spec.Name, b.Batch, x.id); err != nil {
		x.log.Warn().Err(err).Str("batch", b.Batch).Msg("the mark that the batch has begun was not written")
	}
	err = p.tryBatch(ctx, config, m, b, state, st.Awaited)
	switch {
	case errors.Is(err, ErrQuarantine):
		if _, e := x.ledger.Release(ctx, ledger.WhyReplan, b.Batch); e != nil {
			return errors.Join(err, ledgerError{e})
		}
	case err != nil && !slices.Contains(x.committed, b.Batch) && !errors.Is(ctx.Err(), context.Canceled) && !isOfPlaces(err):
		return err // the mark stays
	}
	p.removeMark(ctx, b.Batch)
	return err
}

// tryBatch makes one attempt at an open batch.
func (p *planner) tryBatch(ctx context.Context, config *batchConfig, m *ledger.Manifest, b ledger.ManifestBatch, state ledger.Batch, waiting *awaited.Table) error {
	a, err := p.run.newAttempt(config, ledger.WhyRun, m.ID, b.Batch)
	if err != nil {
		return err
	}
	defer a.close()
	a.giveUp = p.givenUp(waiting)
	a.log.Info().Int("objects", len(b.Objects)).Msg("batch begins")
	out, err := a.makeFiles(ctx, b.Batch, a.temp, b.Objects, nil)
	if err != nil {
		return err
	}
	if err := a.checkQuarantineLimit(out); err != nil {
		a.keepRefused(ctx, out)
		return err
	}
	a.add(state, out)
	if err = a.commit(ctx); errors.Is(err, ledger.ErrVoid) {
		a.log.Warn().Err(err).Msg("another run was first; this attempt was dropped")
		return nil
	}
	if slices.Contains(p.run.committed, b.Batch) {
		a.checkUnread(out)
	}
	return err
}

// givenUp says which objects source.retry_denied gives up: if they are denied once more, they go to quarantine.
func (p *planner) givenUp(waiting *awaited.Table) func(objstore.Object) bool {
	limit := p.run.Spec.Source.RetryDenied
	if limit.Times <= 1 && limit.Over == 0 {
		return func(objstore.Object) bool { return true }
	}
	if waiting.Empty() {
		return nil
	}
	now, out := p.run.Now(), map[ledger.ObjectID]bool{}
	for _, o := range waiting.Objects() {
		if o.Why == awaited.Denied && o.Tries+1 >= limit.Times && now.Sub(o.First) >= limit.Over {
			out[ledger.ObjectID{Key: o.Key, ETag: o.ETag}] = true
		}
	}
	return func(o objstore.Object) bool { return out[ledger.ObjectID{Key: o.Key, ETag: o.ETag}] }
}

// removeMark removes the mark of a batch that has ended, or of a run that is being stopped.
func (p *planner) removeMark(ctx context.Context, batch string) {
	x := p.run
	ctx, cancel := x.cleanupContext(ctx, time.Second)
	defer cancel()
	if err := begun.Remove(ctx, x.State, x.Spec.Name, batch); err != nil {
		x.log.Debug().Err(err).Str("batch", batch).Msg("the mark that the batch has begun was not removed")
	}
}

// farFuture is how far after now a time of last modification is believed. A later one comes from a wrong clock, and says nothing about
// whether a program still writes the object.
const farFuture = 24 * time.Hour

// listOptions choose the objects of a job that no run has taken. now is the time of the state's store: with a local clock that is wrong,
// no object would ever be old enough.
func listOptions(s *jobfile.Spec, st *ledger.State, now time.Time) staging.Options {
	o := staging.Options{Include: s.Source.Include, Exclude: s.Source.Exclude, Pattern: s.Pattern(), Taken: st.TakenObject, Changed: st.Changed,
		IgnoreChanged: s.Source.OnChange == "ignore"}
	if s.Source.Settle > 0 {
		o.SettledBefore, o.Future = now.Add(-s.Source.Settle), now.Add(farFuture)
	}
	return o
}

// listings are those of staging that a run makes.
type listings struct{ run *run }

// list lists staging, and leaves out what is the same object as one that is taken.
func (g listings) list(ctx context.Context, st *ledger.State, o staging.Options) (*staging.Listing, error) {
	l, err := staging.List(ctx, g.run.Staging, o)
	if err != nil {
		return nil, err
	}
	_, err = g.sortKnown(ctx, st, l)
	g.leaveLater(l)
	return l, err
}

// leaveLater keeps what a listing leaves for the next run. The listing has it still: a plan writes it to the ledger (see planner.await).
func (g listings) leaveLater(l *staging.Listing) {
	for folder, day := range l.Waiting {
		g.run.later.WaitFor(folder, day)
	}
}

// sameEntry is how many versions one entry names at most: about 2 MB of JSON.
const sameEntry = 10_000

// sortKnown sorts the new files that the ledger has under another version. wrote: the ledger has a new entry, which says which of them
// are the same objects; a dry run does not write it.
func (g listings) sortKnown(ctx context.Context, st *ledger.State, l *staging.Listing) (wrote bool, err error) {
	x := g.run
	x.sorter.Store, x.sorter.Ledger, x.sorter.Pattern, x.sorter.Warn = x.Staging, x.ledger, x.Spec.Pattern(), x.warn
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
		warn(fmt.Sprintf("%s under days before the lookback (example: %s), where a run lists each folder only once a week. Try: a longer source.lookback if objects keep arriving that late",
			human.Plural(int64(l.Late), "new object"), l.OneLate))
	}
	if l.NotUTF8 > 0 {
		warn(fmt.Sprintf("left out %s of staging whose name is not UTF-8 (example: %+q). Try: rename what should be loaded", human.Plural(int64(l.NotUTF8), "object"), l.OneNotUTF8))
	}
}

// countArchived adds the objects that a listing left because they are archived.
func countArchived(sum *report.Summary, warn func(string), a staging.ArchivedObjects) {
	sum.Objects.Archived += a.Objects
	if text := report.Archived(a); text != "" {
		warn(text)
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
