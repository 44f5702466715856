package jobs

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/staging"
)

// overwrittenObjects is what source.on_change: replace does before a listing is planned.
type overwrittenObjects struct{ run *run }

// release withdraws the batches that have the earlier versions of overwritten objects, in one entry, and adds their other inputs to the
// listing: the next plan reads them together with the new versions. wrote: the ledger has a new entry, and must be folded again before
// a plan.
//
// A batch with a deleted input cannot be reprocessed, and files in another lake cannot be deleted from here: the new version is then
// loaded next to the rows of the earlier one, with a warning. A batch that is still open, or whose inputs changed so recently that
// source.settle keeps them, is left for the next run together with its overwritten objects.
func (o *overwrittenObjects) release(ctx context.Context, st *ledger.State, l *staging.Listing) (wrote bool, err error) {
	x := o.run
	earlier := map[string][]string{} // batch to overwritten keys
	var order []string
	places := newPlaceCheck(x.config, x.ledger)
	later := map[string]bool{} // keys that are left for the next run
	for _, f := range l.New {
		b, has := st.LatestBatch(f.Key)
		switch {
		case !has, b.State == ledger.BatchReleased:
		case b.State == ledger.BatchOpen:
			later[f.Key] = true
		default:
			id := st.Sharing(b.ID)[0]
			if earlier[id] == nil {
				order = append(order, id)
			}
			earlier[id] = append(earlier[id], f.Key)
		}
	}
	var ids []string
	var found []staging.Found
	for _, id := range order {
		w, err := o.examine(ctx, st, st.Sharing(id), places)
		switch {
		case err != nil:
			return false, err
		case w.deleted != "":
			x.warn(fmt.Sprintf("%s was overwritten, but the batch of its earlier version cannot be reprocessed: %s is not in staging any more. The new version is loaded next to the rows of the earlier one", earlier[id][0], w.deleted))
			continue
		case w.elsewhere != "":
			x.warn(fmt.Sprintf("%s was overwritten, but the batch of its earlier version cannot be withdrawn because its files are in another place: %s. The new version is loaded next to the rows of the earlier one", earlier[id][0], w.elsewhere))
			continue
		case w.unsettled, !w.changed: // not changed: another run has taken it since the listing
			for _, k := range earlier[id] {
				later[k] = true
			}
			continue
		}
		for _, f := range w.inputs {
			later[f.Key] = true // the version in the listing may be older
		}
		for _, k := range earlier[id] {
			later[k] = true
		}
		ids, found = append(ids, w.batches...), append(found, w.inputs...)
	}
	before := len(l.New)
	for _, f := range l.New {
		if later[f.Key] {
			l.Wait(x.Spec.Pattern(), f)
		}
	}
	listings{x}.leaveLater(l)
	l.New = slices.DeleteFunc(l.New, func(f staging.Found) bool { return later[f.Key] })
	l.New = append(l.New, found...)
	staging.Sort(l.New)
	x.sum.Objects.New += len(l.New) - before
	if len(ids) == 0 {
		return false, nil
	}
	e, err := x.ledger.Release(ctx, ledger.WhyRewind, ids...)
	if err != nil || e.Seq == 0 {
		return true, err
	}
	x.log.Info().Uint64("entry", e.Seq).Int("batches", len(e.Moves)).Int("objects", len(found)).Msg("withdrew the batches of objects that were overwritten")
	x.sum.Replaced += len(e.Moves)
	return true, nil
}

// withdrawal says whether batches that share files can be withdrawn, and what their inputs are now.
type withdrawal struct {
	batches   []string
	inputs    []staging.Found // as they are now, without those that another batch has
	changed   bool            // an input has another version by now
	deleted   string          // an input that was deleted
	elsewhere string          // how the lake of their files differs from the job's
	unsettled bool            // an input is younger than source.settle
}

func (o *overwrittenObjects) examine(ctx context.Context, st *ledger.State, ids []string, places *placeCheck) (w withdrawal, err error) {
	s := o.run.Spec
	w.batches = ids
	var batches []ledger.Batch
	for _, id := range ids {
		b, _ := st.Batch(id)
		changed, err := places.changed(ctx, b)
		if changed = onlyLake(changed); err != nil || len(changed) > 0 {
			w.elsewhere = strings.Join(changed, ", ")
			return w, err
		}
		batches = append(batches, b)
	}
	var inputs []objstore.Object
	lost, err := batchInputs(ctx, o.run.ledger, st, batches, func(_ string, obj objstore.Object) { inputs = append(inputs, obj) })
	if err != nil {
		return w, err
	}
	if len(lost) > 0 {
		w.deleted = "the manifest of batch " + lost[0]
		return w, nil
	}
	now, err := currentVersions(ctx, o.run.Staging, inputs)
	if err != nil {
		return w, err
	}
	clock, err := o.run.storeTime(ctx)
	if err != nil {
		return w, err
	}
	for i, obj := range inputs {
		switch {
		case now[i].ETag == "":
			w.deleted = obj.Key
			return w, nil
		case now[i].ETag != obj.ETag:
			same, err := o.run.Staging.Same(ctx, obj, now[i])
			if err != nil {
				return w, err
			}
			if same {
				break
			}
			w.changed = true
			if st.TakenObject(now[i]) {
				continue
			}
			if m := now[i].LastModified; s.Source.Settle > 0 && m.After(clock.Add(-s.Source.Settle)) && !m.After(clock.Add(farFuture)) {
				w.unsettled = true
			}
		}
		w.inputs = append(w.inputs, staging.MatchObject(s.Pattern(), now[i]))
	}
	return w, nil
}
