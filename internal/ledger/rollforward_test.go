package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/objstore"
)

// TestNothingBeforeTheEntry: held files, records and a lost race show nothing to readers.
func TestNothingBeforeTheEntry(t *testing.T) {
	w, ps, b := rig(t, 1)
	a, err := ps[0].attempt(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	a.V, a.Run = Version, ps[0].l.opts.Run
	must(ps[0].l.writeAttempt(t.Context(), a))
	must(ps[0].roll(t.Context(), false))
	must(0, w.lake.List(t.Context(), objstore.ListOptions{}, func(o objstore.Object) error { t.Errorf("%s is visible", o.Key); return nil }))
	must(ps[0].l.Commit(t.Context(), a))
	if n := len(ps[0].l.st.NotDone()); n != 1 {
		t.Fatalf("%d entries are to be rolled forward", n)
	}
	var order []string
	ps[0].lake.before = func(op, key string) error { order = append(order, op); return nil }
	res := must(ps[0].roll(t.Context(), false))
	if res.Published != 3 || len(ps[0].l.st.NotDone()) != 0 {
		t.Errorf("rolled forward: %+v", res)
	}
	if last := order[len(order)-1]; last != "partitions" {
		t.Errorf("partitions come last, not %v", order)
	}
}

// TestDoneOnlyIfStillTrue: a roll-forward from an older fold does not mark an entry done whose files died meanwhile.
func TestDoneOnlyIfStillTrue(t *testing.T) {
	w, ps, b := rig(t, 2)
	p, q := ps[0], ps[1]
	a := must(p.attempt(t.Context(), b))
	must(p.l.Commit(t.Context(), a))
	res := must(p.roll(t.Context(), true))
	if len(res.Rolled) != 1 {
		t.Fatalf("rolled: %+v", res)
	}
	must(q.l.Release(t.Context(), WhyRewind, b.ID))
	if e, err := p.l.MarkDone(t.Context(), res.Rolled...); err != nil || e.Seq != 0 {
		t.Errorf("marked done although its files are dead: %+v, %v", e, err)
	}
	if n := len(p.l.st.NotDone()); n != 2 {
		t.Errorf("%d entries are left to roll forward", n)
	}
	// unrelated entries in between do no harm
	must(p.roll(t.Context(), false))
	if err := p.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.exact("after the rewind")
}

func TestDoneSurvivesOtherEntries(t *testing.T) {
	_, ps, b := rig(t, 2)
	p, q := ps[0], ps[1]
	a := must(p.attempt(t.Context(), b))
	must(p.l.Commit(t.Context(), a))
	res := must(p.roll(t.Context(), true))
	must(q.l.Pause(t.Context(), true))
	if e, err := p.l.MarkDone(t.Context(), res.Rolled...); err != nil || e.Seq != 4 || !slices.Equal(e.Done, []uint64{2}) {
		t.Errorf("done after another entry: %+v, %v", e, err)
	}
}

// committed gives a world with one batch of three held files committed and nothing published.
func committed(t *testing.T) (*world, *proc, *Attempt) {
	w, ps, b := rig(t, 1)
	a, err := ps[0].attempt(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	must(ps[0].l.Commit(t.Context(), a))
	return w, ps[0], a
}

// TestLostFile: when the store lost a held file the batch is released, what is visible of it is withdrawn, and the objects
// run again.
func TestLostFile(t *testing.T) {
	w, p, a := committed(t)
	must(0, w.lake.Drop(t.Context(), a.Files[1].Held))
	res := must(p.roll(t.Context(), false))
	if len(res.Lost) != 1 || res.Lost[0].Files[0] != a.Files[1].Held.Key || res.Lost[0].Batches[0] != a.Moves[0].Batch {
		t.Fatalf("lost: %+v", res.Lost)
	}
	must(0, w.lake.List(t.Context(), objstore.ListOptions{}, func(o objstore.Object) error { t.Errorf("%s is visible", o.Key); return nil }))
	if err := p.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.exact("after a lost file")
}

// TestLostFileWithoutDeleting: without the right to delete, nothing appears twice.
func TestLostFileWithoutDeleting(t *testing.T) {
	w, p, a := committed(t)
	o := RollOptions{Lake: p.lake, AddPartitions: p.adder}
	must(0, w.lake.Drop(t.Context(), a.Files[1].Held))
	if _, err := p.l.RollForward(t.Context(), o); !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), "delete_role_arn") {
		t.Fatalf("some files lost, some visible: %v", err)
	}
	if b, _ := p.l.st.Batch(a.Moves[0].Batch); b.State != BatchCommitted {
		t.Error("the batch was released although its files cannot be withdrawn")
	}

	w, p, a = committed(t)
	o.Lake, o.AddPartitions = p.lake, p.adder
	for _, f := range a.Files {
		must(0, w.lake.Drop(t.Context(), f.Held))
	}
	res, err := p.l.RollForward(t.Context(), o)
	if err != nil || len(res.Lost) != 1 || len(res.Blocked) == 0 {
		t.Fatalf("all files lost: %+v, %v", res, err)
	}
	must(p.plan(t.Context()))
	if n := len(p.l.st.OpenBatches()); n != 1 {
		t.Errorf("the objects do not run again: %d batches", n)
	}
}

// TestBlocked: an entry whose deletes are denied waits, and does not keep another from being rolled forward.
func TestBlocked(t *testing.T) {
	for _, given := range []bool{false, true} {
		w, p, a := committed(t)
		must(p.roll(t.Context(), false))
		must(p.l.Release(t.Context(), WhyRewind, a.Moves[0].Batch))
		o := RollOptions{Lake: p.lake, AddPartitions: p.adder}
		if given {
			denied := &node{Store: w.lake, before: func(op, key string) error {
				if op == "drop" || op == "delete" {
					return fmt.Errorf("%s: %w", op, objstore.ErrDenied)
				}
				return nil
			}}
			o.Deleter = denied
		}
		res, err := p.l.RollForward(t.Context(), o)
		if err != nil || len(res.Blocked) != 1 || len(p.l.st.NotDone()) != 1 {
			t.Fatalf("denied deletes: %+v, %v", res, err)
		}
		e, err := p.plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b, _ := p.l.st.Batch(e.Batches[0].Batch)
		again := must(p.attempt(t.Context(), b))
		must(p.l.Commit(t.Context(), again))
		if res, err = p.l.RollForward(t.Context(), o); err != nil || len(res.Entries) != 1 || res.Published < 1 {
			t.Fatalf("beside it: %+v, %v", res, err)
		}
		must(p.roll(t.Context(), false))
		p.per = 9
		if err := p.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.exact("once deletes are allowed")
	}
}

// TestLateZombie: a runner that decided to publish long ago, and wakes after the batch was rewound and the entries are done,
// shows nothing.
func TestLateZombie(t *testing.T) {
	w, ps, b := rig(t, 2)
	p, q := ps[0], ps[1]
	a := must(p.attempt(t.Context(), b))
	must(p.l.Commit(t.Context(), a))
	woken := false
	p.lake.before = func(op, key string) error {
		if op == "publish" && !woken {
			woken = true
			must(q.l.Release(context.Background(), WhyRewind, b.ID))
			must(q.roll(context.Background(), false))
		}
		return nil
	}
	must(p.roll(t.Context(), false))
	must(0, w.lake.List(t.Context(), objstore.ListOptions{}, func(o objstore.Object) error { t.Errorf("%s is visible", o.Key); return nil }))
	if n := len(p.l.st.NotDone()); n != 0 {
		t.Errorf("%d entries are not done", n)
	}
}

// TestDropBeforeDelete: the order is the fence against a publication under way.
func TestDropBeforeDelete(t *testing.T) {
	_, p, a := committed(t)
	must(p.l.Release(t.Context(), WhyRewind, a.Moves[0].Batch))
	last := map[string]string{}
	p.lake.before = func(op, key string) error {
		if op == "delete" && last[key] != "drop" {
			t.Errorf("%s is deleted before it is dropped", key)
		}
		if op == "publish" {
			t.Errorf("%s is dead and published", key)
		}
		last[key] = op
		return nil
	}
	must(p.roll(t.Context(), false))
	if len(last) != 3 {
		t.Errorf("%d files were ended", len(last))
	}
}

// TestReplacePublishesFirst: within a partition the new file is visible before the old one goes.
func TestReplacePublishesFirst(t *testing.T) {
	_, p, _ := committed(t)
	must(p.roll(t.Context(), false))
	b := p.l.st.Batches()[0]
	a, err := p.attempt(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	a.Why = WhyReplace
	must(p.l.Commit(t.Context(), a))
	published := map[string]bool{}
	p.lake.before = func(op, key string) error {
		dir := key[:max(strings.LastIndex(key, "/"), 0)]
		if op == "publish" {
			published[dir] = true
		}
		if op == "delete" && !published[dir] {
			t.Errorf("%s is deleted before its successor is visible", key)
		}
		return nil
	}
	must(p.roll(t.Context(), false))
	if len(published) != 3 {
		t.Errorf("%d partitions were published", len(published))
	}
}

// TestForeignObject: something else at a file's key is not taken for the file.
func TestForeignObject(t *testing.T) {
	w, p, a := committed(t)
	must(0, w.lake.Drop(t.Context(), a.Files[0].Held))
	must(w.lake.Put(t.Context(), a.Files[0].Held.Key, strings.NewReader("foreign"), objstore.PutOptions{}))
	if _, err := p.roll(t.Context(), false); err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("a foreign object: %v", err)
	}
}

// TestDeadAddedFilesEnd: rolling a commit forward whose files died before they were published leaves no file, held or visible:
// it does not count on the roll-forward of the entry that removed them.
func TestDeadAddedFilesEnd(t *testing.T) {
	w, p, a := committed(t)
	must(p.l.Fold(t.Context()))
	seq := p.l.st.Seq()
	must(0, w.lake.Publish(t.Context(), a.Files[0].Held)) // its writer died after the first one
	must(p.l.Release(t.Context(), WhyRewind, a.Moves[0].Batch))
	res, err := p.l.RollForward(t.Context(), RollOptions{Lake: p.lake, Deleter: p.lake, AddPartitions: p.adder, Only: func(r Rolling) bool { return r.Seq == seq }})
	if err != nil || res.Published != 0 || res.Deleted != 3 || !slices.Equal(res.Entries, []uint64{seq}) {
		t.Errorf("%+v, %v", res, err)
	}
	if rest := p.l.st.NotDone(); len(rest) != 1 || rest[0].Kind != KindRelease {
		t.Errorf("not done: %+v", rest)
	}
	must(0, w.lake.List(t.Context(), objstore.ListOptions{}, func(o objstore.Object) error { t.Errorf("%s is visible", o.Key); return nil }))
	for _, h := range must(w.lake.HeldList(t.Context(), "")) {
		t.Errorf("%s is held", h.Key)
	}
}

// TestRolledAgain: an entry whose files die while others of the same roll-forward are made visible is rolled again before it is
// given to be marked done, and a commit does not mark it done from what it was before.
func TestRolledAgain(t *testing.T) {
	w, ps, b := rig(t, 2)
	p, q := ps[0], ps[1]
	a, err := p.attempt(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	e := must(p.l.Commit(t.Context(), a))
	first := must(p.roll(t.Context(), true)) // all is visible
	w.stage("in/4", "d3 e1\n")
	must(q.l.Release(t.Context(), WhyRewind, b.ID))
	p.per = 9
	must(p.plan(t.Context()))
	next, err := p.attempt(t.Context(), p.l.st.OpenBatches()[0])
	if err != nil {
		t.Fatal(err)
	}
	if c := must(p.l.Commit(t.Context(), next, first.Rolled...)); len(c.Done) > 0 {
		t.Errorf("a commit marks %v done, whose files died since", c.Done)
	}

	w, p, a = committed(t)
	must(p.l.Fold(t.Context()))
	seq := p.l.st.Seq()
	other := w.proc(nil, nil)
	rewound := false
	adder := func(ctx context.Context, files []File) error { // after the files are visible, before the next fold
		if !rewound {
			rewound = true
			must(other.l.Release(ctx, WhyRewind, a.Moves[0].Batch))
		}
		return p.adder(ctx, files)
	}
	res, err := p.l.RollForward(t.Context(), RollOptions{Lake: p.lake, Deleter: p.lake, AddPartitions: adder, Later: true, Only: func(r Rolling) bool { return r.Seq == seq }})
	if err != nil || res.Published != 3 || res.Deleted != 3 {
		t.Errorf("entry %d after %d: published %d and deleted %d files, want 3 and 3; %v", seq, e.Seq, res.Published, res.Deleted, err)
	}
	if len(res.Rolled) != 1 || res.Rolled[0].live != "000" {
		t.Errorf("entry %d after %d: rolled %+v, want one entry of which no file is live", seq, e.Seq, res.Rolled)
	}
	w.onlyLive("rolled again")
}
