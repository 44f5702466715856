package ledger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/objstore"
)

// see commits an attempt and rolls it forward; one that is void is discarded.
func (p *proc) see(ctx context.Context, a *Attempt) error {
	_, err := p.l.Commit(ctx, a)
	if errors.Is(err, ErrVoid) {
		return p.l.Discard(ctx, p.lake, a)
	}
	if err == nil {
		_, err = p.roll(ctx, false)
	}
	return err
}

// alone are the committed batches that share no file with another.
func (p *proc) alone(ctx context.Context) ([]Batch, error) {
	st, err := p.l.Fold(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(st.Batches(), func(b Batch) bool { return b.State != BatchCommitted || len(st.Sharing(b.ID)) > 1 }), nil
}

// replace does every batch again whose inputs are there.
func (p *proc) replace(ctx context.Context) error {
	all, err := p.alone(ctx)
	if err != nil {
		return err
	}
	for _, b := range all {
		a, err := p.attempt(ctx, b)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(a.Objects, func(o ObjectResult) bool { return o.Gone }) {
			if err := p.l.Discard(ctx, p.lake, a); err != nil {
				return err
			}
			continue
		}
		a.Why = WhyReplace
		if err := p.see(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// replay publishes every quarantined record, under day 1.
func (p *proc) replay(ctx context.Context) error {
	all, err := p.alone(ctx)
	if err != nil {
		return err
	}
	for _, b := range all {
		if len(b.Quarantine) == 0 {
			continue
		}
		in, _, err := p.l.store.Get(ctx, b.Quarantine[0], objstore.GetOptions{})
		if errors.Is(err, objstore.ErrNotExist) {
			continue // replayed or withdrawn meanwhile
		}
		if err != nil {
			return err
		}
		in.Close()
		text := read(p.w.state, b.Quarantine[0])
		m, err := p.l.Manifest(ctx, b.Manifest, b.ID)
		if err != nil {
			return err
		}
		n := b.Counts.Quarantined
		a := &Attempt{ID: newID(), Why: WhyReplay, Moves: []Move{{b.ID, b.Base}}, Totals: Counts{Read: n, Published: n}}
		i := slices.IndexFunc(m.Batches[0].Objects, func(o objstore.Object) bool { return p.l.st.Holds(b.ID, o) })
		if i < 0 {
			continue
		}
		o := m.Batches[0].Objects[i]
		a.Objects = []ObjectResult{{ObjectID: ObjectID{o.Key, o.ETag}, Counts: a.Totals}}
		h, err := p.lake.Hold(ctx, "ext/src/region=r/accountId=a/eventDay=d1/"+FileName(b.ID, a.ID, 0), strings.NewReader(text), int64(len(text)))
		if err != nil {
			return err
		}
		a.Files = []File{{Held: h, Table: "t", Values: [3]string{"r", "a", "d1"}, Rows: n}}
		if err := p.see(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// rewind takes everything back.
func (p *proc) rewind(ctx context.Context) error {
	st, err := p.l.Fold(ctx)
	if err != nil {
		return err
	}
	var ids []string
	for _, b := range st.Batches() {
		ids = append(ids, b.ID)
	}
	if _, err := p.l.Release(ctx, WhyRewind, ids...); err != nil {
		return err
	}
	_, err = p.roll(ctx, false)
	return err
}

// compact makes one file of those of two batches on a day.
func (p *proc) compact(ctx context.Context) error {
	all, err := p.alone(ctx)
	if err != nil {
		return err
	}
	for _, day := range []string{"d1", "d2", "d3"} {
		a := &Attempt{ID: newID(), Why: WhyCompact}
		text := ""
		for _, b := range all {
			i := slices.IndexFunc(b.Files, func(f string) bool { return strings.Contains(f, "="+day+"/") })
			if i < 0 || len(a.Moves) == 2 {
				continue
			}
			in, _, err := p.lake.Get(ctx, b.Files[i], objstore.GetOptions{})
			if errors.Is(err, objstore.ErrNotExist) {
				continue // not published yet, or removed meanwhile
			}
			if err != nil {
				return err
			}
			in.Close()
			text += read(p.w.lake, b.Files[i])
			a.Moves, a.Removes = append(a.Moves, Move{b.ID, b.Base}), append(a.Removes, b.Files[i])
		}
		if len(a.Moves) < 2 || strings.Count(text, "\n") < 2 {
			continue
		}
		h, err := p.lake.Hold(ctx, "ext/src/region=r/accountId=a/eventDay="+day+"/"+FileName(a.Moves[0].Batch, a.ID, 0), strings.NewReader(text), int64(len(text)))
		if err != nil {
			return err
		}
		a.Files = []File{{Held: h, Table: "t", Values: [3]string{"r", "a", day}, Rows: int64(strings.Count(text, "\n"))}}
		return p.see(ctx, a)
	}
	return nil
}

// watch checks the invariants of the model at one moment, from a fold of its own: readers see live files and those that an entry
// which is not done removes, of live ones no record twice; a live file is held or visible; a batch's quarantine is there.
func (w *world) watch(l *Ledger) error {
	st, err := l.Fold(context.Background())
	if err != nil {
		return err
	}
	leaving := map[string]bool{}
	for _, n := range st.NotDone() {
		for _, k := range slices.Concat(n.Adds, n.Removes) {
			leaving[k] = true
		}
	}
	visible, lines := map[string]bool{}, map[string]int{}
	err = w.lake.List(context.Background(), objstore.ListOptions{}, func(o objstore.Object) error {
		visible[o.Key] = true
		if !st.Live(o.Key) {
			if !leaving[o.Key] {
				return fmt.Errorf("%s is visible, is not live, and nothing removes it", o.Key)
			}
			return nil
		}
		for _, line := range strings.Fields(read(w.lake, o.Key)) {
			if lines[line]++; lines[line] > 1 {
				return fmt.Errorf("record %s is visible twice in live files", line)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, h := range must(w.lake.HeldList(context.Background(), "")) {
		visible[h.Key] = true
	}
	for _, b := range st.Batches() {
		for _, f := range b.Files {
			if !visible[f] {
				return fmt.Errorf("file %s of batch %s is neither held nor visible", f, b.ID)
			}
		}
		for _, q := range b.Quarantine {
			if read(w.state, q) == "" {
				return fmt.Errorf("quarantine %s of batch %s is gone", q, b.ID)
			}
		}
	}
	return nil
}

// TestMovesInterleaved runs runs, replaces, replays, rewinds and compactions against each other request by request in random
// orders, over a job that has run before, with objects that arrive and change, and some of the processes killed. The invariants
// hold after every request, and after a clean run every record is there once.
func TestMovesInterleaved(t *testing.T) {
	moved := map[Why]int{}
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(seed, 2))
		w := staged(t)
		first := w.proc(nil, nil)
		first.per = 1
		if err := first.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.stage("in/4", "d1 e1\nd2 e2\nq e3\n")
		over, kill := -1, -1
		if seed%3 == 0 {
			over = rng.IntN(100)
		}
		if seed%2 == 0 {
			kill = rng.IntN(150)
		}
		names := []string{"run", "replace", "replay", "rewind", "compact"}
		n := 2 + rng.IntN(2)
		var does []string
		for range n {
			does = append(does, names[rng.IntN(len(names))])
		}
		when := fmt.Sprintf("seed %d, %s", seed, strings.Join(does, " beside "))
		watcher := must(Open(w.state, "job", Options{}))
		requests := 0
		var broken error
		errs := make([]error, n)
		interleave(n, rng, func() bool {
			if requests++; requests == over {
				w.stage("in/2", "d3 y1\nq y2\n")
			}
			if broken == nil {
				if broken = w.watch(watcher); broken != nil {
					broken = fmt.Errorf("before request %d: %w", requests, broken)
				}
			}
			return requests == kill
		}, func(i int, before func(op, key string) error) {
			p := w.proc(before, nil)
			p.per = 1 + int(seed%2)
			errs[i] = map[string]func(context.Context) error{"run": p.run, "replace": p.replace, "replay": p.replay, "rewind": p.rewind, "compact": p.compact}[does[i]](context.Background())
		})
		if broken != nil {
			t.Fatalf("%s: %v", when, broken)
		}
		for i, err := range errs {
			if err != nil && !errors.Is(err, errInjected) {
				t.Fatalf("%s: process %d: %v", when, i, err)
			}
		}
		if err := w.proc(nil, nil).run(t.Context()); err != nil {
			t.Fatalf("%s: the clean run: %v", when, err)
		}
		if err := w.watch(watcher); err != nil {
			t.Fatalf("%s: in the end: %v", when, err)
		}
		w.exact(when)
		for seq := range must(watcher.Fold(t.Context())).Seq() {
			moved[must(watcher.Entry(t.Context(), seq+1)).Why]++
		}
	}
	for _, why := range []Why{WhyRun, WhyReplace, WhyReplay, WhyCompact, WhyRewind} {
		if moved[why] < 20 {
			t.Errorf("only %d entries for %s: %v", moved[why], why, moved)
		}
	}
	t.Log(moved)
}

// TestExpireIsNoCommit: a batch whose quarantine expired was still committed when, and by whom, its rows came: a rewind to a run
// between the two leaves it.
func TestExpireIsNoCommit(t *testing.T) {
	w, p, a := committed(t)
	must(p.roll(t.Context(), false))
	was := must(p.l.Fold(t.Context())).Batches()[0]
	q := w.proc(nil, nil)
	entries, records, err := q.l.Expire(t.Context(), []string{was.ID})
	if err != nil || len(entries) != 1 || records != 2 {
		t.Fatalf("%v, %d records, %v", entries, records, err)
	}
	_, st := w.reader()
	b, _ := st.Batch(was.ID)
	if b.Base != entries[0] || b.Run != a.Run {
		t.Errorf("the batch was moved by entry %d of run %s, want %d of %s", b.Base, b.Run, entries[0], a.Run)
	}
	if b.Counts.Expired != 2 || len(b.Quarantine) != 0 {
		t.Errorf("%d records expired and quarantine files %q are left, want 2 and none", b.Counts.Expired, b.Quarantine)
	}
	if diff := cmp.Diff(was.Files, b.Files); diff != "" || b.Committed != was.Committed {
		t.Errorf("committed %v, want %v; files (-was +is):\n%s", b.Committed, was.Committed, diff)
	}
}

// TestFreedUntilTakenAnew: what a release set free keeps a listing whole until that version or a newer one of its key is taken, and
// not longer, whatever order versions come in; one that was overwritten again before it was read is still looked for.
func TestFreedUntilTakenAnew(t *testing.T) {
	w := staged(t)
	p := w.proc(nil, nil)
	p.per = 9
	freed := func(when string, objects int64, whole bool) {
		t.Helper()
		must3(p.l.Checkpoint(t.Context(), false))
		for _, o := range []Options{{}, {NoCheckpoints: true}} {
			st := must(must(Open(w.state, "job", o)).Fold(t.Context()))
			if k := st.Bookmark(); k.Freed != objects || watermark(st, "").IsZero() != whole || len(k.Marks) != 1 || k.Marks[0].FreedFrom.IsZero() == whole {
				t.Errorf("%s: %d objects are free, %+v, want %d", when, k.Freed, k.Marks, objects)
			}
		}
	}
	run := func() {
		t.Helper()
		if err := p.run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	rewind := func() {
		t.Helper()
		if err := p.rewind(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	run()
	freed("at first", 0, false)
	rewind()
	freed("taken back", 3, true)
	must(p.plan(t.Context()))
	must(p.l.Replan(t.Context()))
	freed("planned and replanned", 3, true)
	first := read(w.staging, "in/1")
	w.stage("in/1", "d1 a4\n")
	run()
	freed("run again, with one of them changed", 0, false)
	rewind()
	freed("taken back again", 3, true) // of the first batch nothing
	w.stage("in/1", first)
	run()
	freed("changed back to what it was", 0, false)
	rewind()

	// in/2 waits as its third version; its second was planned, and overwritten before it was read
	w.stage("in/2", "d1 b2\n")
	must(p.plan(t.Context()))
	w.stage("in/2", "d1 b3\n")
	a, err := p.attempt(t.Context(), p.l.st.OpenBatches()[0])
	if err != nil {
		t.Fatal(err)
	}
	must(p.l.Commit(t.Context(), a))
	must(p.roll(t.Context(), false))
	freed("overwritten before it was read", 0, true)
	rewind()
	run()
	w.exact("in the end")

	// one that is marked as done while it waits does not count either, nor another version of it
	w2 := staged(t)
	w, p = w2, w2.proc(nil, nil)
	run()
	rewind()
	for i, o := range w.list() {
		freed("before a skip", int64(3-i), true)
		must(p.l.Skip(t.Context(), []ObjectID{{Key: o.Key, ETag: o.ETag}}, nil))
	}
	if k := must(p.l.Fold(t.Context())).Bookmark(); k.Freed != 0 {
		t.Errorf("all are skipped: %d are free", k.Freed)
	}

	// while an older version, that was named too late, says nothing of the one that waits
	w3 := staged(t)
	w, p = w3, w3.proc(nil, nil)
	run()
	rewind()
	old := w.list()[0]
	w.stage(old.Key, "d1 a5\n")
	run()
	rewind()
	must(p.l.Skip(t.Context(), []ObjectID{{Key: old.Key, ETag: old.ETag}}, nil))
	freed("an older version is skipped", 3, true)
}
