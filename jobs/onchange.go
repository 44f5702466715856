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

// clearAway deletes what releases of committed batches took back and nobody has deleted yet, whoever wrote them: their objects
// are free to be planned, and their rows would be there twice. A plan is written at the number after the fold that this was
// seen in, so no such release can come between.
func (x *run) clearAway(ctx context.Context) (*ledger.State, error) {
	tried := map[uint64]bool{}
	for _, r := range x.rolled {
		tried[r.Seq] = true
	}
	for {
		st, err := x.ledger.Fold(ctx)
		if err != nil {
			return nil, err
		}
		todo := map[uint64]bool{}
		for _, n := range st.NotDone() {
			if n.Kind == ledger.KindRelease && !tried[n.Seq] {
				todo[n.Seq], tried[n.Seq] = true, true
			}
		}
		if len(todo) == 0 {
			return st, nil
		}
		if _, err := x.rollForward(ctx, func(r ledger.Rolling) bool { return todo[r.Seq] }); err != nil {
			return nil, err
		}
	}
}

// replaceChanged is what source.on_change: replace does before what a listing found is planned. The batches that have the
// earlier versions of changed objects are taken back, in one entry, and their other inputs join the listing: the next plan reads
// them together with the new versions. wrote: the ledger has gone on, and has to be folded again before a plan.
//
// A batch with an input that was deleted cannot be done again, and the files of one that lies in another lake cannot be deleted from
// here; their changed objects are read beside them. One that is still open,
// or whose inputs changed so lately that source.settle keeps them, is left for the next run, and its changed objects too.
func (x *run) replaceChanged(ctx context.Context, st *ledger.State, l *staging.Listing) (wrote bool, err error) {
	earlier := map[string][]string{} // batch to changed keys
	var order []string
	placed := x.placed()
	later := map[string]bool{} // keys that are left for the next run
	for _, f := range l.New {
		b, has := st.LatestBatch(f.Key)
		switch {
		case !has:
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
		g, err := x.takeBack(ctx, st, st.Sharing(id), placed)
		switch {
		case err != nil:
			return false, err
		case g.deleted != "":
			x.warn(fmt.Sprintf("%s was overwritten, but the batch of its earlier version cannot be done again: %s is gone from staging. The new version is read beside the rows of the earlier one", earlier[id][0], g.deleted))
			continue
		case g.moved != "":
			x.warn(fmt.Sprintf("%s was overwritten, but the batch of its earlier version cannot be taken back: %s, where its files are not. The new version is read beside the rows of the earlier one", earlier[id][0], g.moved))
			continue
		case g.unsettled, !g.changed: // not changed: the listing is older than what another run has taken since
			for _, k := range earlier[id] {
				later[k] = true
			}
			continue
		}
		for _, f := range g.found {
			later[f.Key] = true // the listing's may be older
		}
		for _, k := range earlier[id] {
			later[k] = true
		}
		ids, found = append(ids, g.batches...), append(found, g.found...)
	}
	was := len(l.New)
	l.New = slices.DeleteFunc(l.New, func(f staging.Found) bool { return later[f.Key] })
	l.New = append(l.New, found...)
	staging.Sort(l.New)
	x.sum.Objects.New += len(l.New) - was
	if len(ids) == 0 {
		return false, nil
	}
	e, err := x.ledger.Release(ctx, ledger.WhyRewind, ids...)
	if err != nil || e.Seq == 0 {
		return true, err
	}
	x.log.Info().Uint64("entry", e.Seq).Int("batches", len(e.Moves)).Int("objects", len(found)).Msg("took back the batches of objects that were overwritten")
	x.sum.Replaced += len(e.Moves)
	return true, nil
}

// takenBack is what becomes of batches that share files when they are taken back.
type takenBack struct {
	batches   []string
	found     []staging.Found // their inputs as they are now, without what another batch has
	changed   bool            // some input is another version by now
	deleted   string          // an input that is gone for good
	moved     string          // how the lake that it lies in differs from the job's
	unsettled bool
}

func (x *run) takeBack(ctx context.Context, st *ledger.State, ids []string, placed func(context.Context, ledger.Batch) ([]string, error)) (t takenBack, err error) {
	t.batches = ids
	var batches []ledger.Batch
	for _, id := range ids {
		b, _ := st.Batch(id)
		moved, err := placed(ctx, b)
		if moved = otherLake(moved); err != nil || len(moved) > 0 {
			t.moved = strings.Join(moved, ", ")
			return t, err
		}
		batches = append(batches, b)
	}
	var inputs []objstore.Object
	lost, err := x.inputs(ctx, st, batches, func(_ string, o objstore.Object) { inputs = append(inputs, o) })
	if err != nil {
		return t, err
	}
	if len(lost) > 0 {
		t.deleted = "the manifest of batch " + lost[0]
		return t, nil
	}
	now, err := x.heads(ctx, inputs)
	if err != nil {
		return t, err
	}
	for i, o := range inputs {
		switch {
		case now[i].ETag == "":
			t.deleted = o.Key
			return t, nil
		case now[i].ETag != o.ETag:
			t.changed = true
			if st.TakenObject(now[i]) {
				continue
			}
			if x.Spec.Source.Settle > 0 && now[i].LastModified.After(x.Now().Add(-x.Spec.Source.Settle)) {
				t.unsettled = true
			}
		}
		t.found = append(t.found, staging.Of(x.Spec.Pattern(), now[i]))
	}
	return t, nil
}
