package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/ledger/index"
	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
)

// dump is all that a State says, as text: two that say the same have the same.
func dump(t *testing.T, s *State) string {
	t.Helper()
	all := map[string]any{"seq": s.seq, "paused": s.paused, "skipped": s.skippedObjects, "bounds": s.bounds, "live": s.live, "runs": s.runs,
		"slot": s.slot, "bookmark": s.Bookmark()}
	var batches []any
	refs := func(in []fileRef) (out []any) {
		for _, f := range in {
			out = append(out, f.key, f.attempt)
		}
		return out
	}
	for _, b := range s.batches {
		var marks []string
		for _, m := range b.marks {
			marks = append(marks, fmt.Sprint(m.Prefix, m.Key, m.Modified.UnixNano(), m.FreedFrom.UnixNano()))
		}
		batches = append(batches, b.id, b.manifest, b.run, b.made, b.state, b.base, b.committed, b.objects, b.inputs, b.free, b.bounds, b.bytes, refs(b.files),
			strings.Join(b.quarantine, " "), b.counts, marks, b.lost)
	}
	all["batches"] = batches
	var died []any
	for _, d := range s.died {
		died = append(died, d.at.UnixMilli(), d.seq, d.key)
	}
	all["died"] = died
	var rolling []any
	for _, seq := range slices.Sorted(maps.Keys(s.rolling)) {
		r := s.rolling[seq]
		rolling = append(rolling, seq, r.seq, r.kind, r.why, r.run, r.attempt, strings.Join(r.batches, " "), refs(r.adds), refs(r.removes), strings.Join(r.qdead, " "))
	}
	all["rolling"] = rolling
	all["quarantine"] = slices.Sorted(maps.Keys(s.quarantine))
	for name, x := range map[string]*index.Index{"objects": s.objects, "latest": s.latest} {
		m := map[string]int32{}
		if err := x.Each(func(k index.Key, v int32) { m[fmt.Sprintf("%x", k)] = v }); err != nil {
			t.Fatal(err)
		}
		all[name] = m
	}
	return string(must(json.MarshalIndent(all, "", " ")))
}

// randomLedger is a world after n entries or more of every kind, in a random order.
func randomLedger(t *testing.T, rng *rand.Rand, n uint64) *world {
	w := newWorld(t)
	for i := range 3 {
		w.stage(fmt.Sprintf("in/%d", i), "d1 a\nd2 b\nq c\n")
	}
	count, ctx := 0, t.Context()
	for p := w.proc(nil, nil); p.l.st.Seq() < n; {
		if rng.IntN(6) == 0 {
			p = w.proc(nil, nil)
		}
		p.per = 1 + rng.IntN(3)
		st := must(p.l.Fold(ctx))
		pick := func(state BatchState) (Batch, bool) {
			all := slices.DeleteFunc(st.Batches(), func(b Batch) bool { return b.State != state })
			if len(all) == 0 {
				return Batch{}, false
			}
			return all[rng.IntN(len(all))], true
		}
		switch rng.IntN(16) {
		case 0, 1:
			count++
			w.stage(fmt.Sprintf("in/%d", rng.IntN(12)), fmt.Sprintf("d%d x%d\nq y%d\n", 1+rng.IntN(3), count, count))
		case 2, 3:
			must(p.plan(ctx))
		case 4, 5, 6, 7:
			if b, ok := pick(BatchOpen); ok {
				a := must(p.attempt(ctx, b))
				must(p.l.Commit(ctx, a))
			}
		case 8:
			must(p.roll(ctx, false))
		case 9:
			if b, ok := pick(BatchCommitted); ok {
				must(p.l.Release(ctx, WhyRewind, b.ID))
			}
		case 10:
			if b, ok := pick(BatchOpen); ok {
				must(p.l.Release(ctx, WhyReplan, b.ID))
			}
		case 11:
			if len(st.Batches()) > 0 {
				must(p.l.Fence(ctx, st.Batches()[rng.IntN(len(st.Batches()))].ID))
			}
		case 12:
			o := w.list()[rng.IntN(len(w.list()))]
			must(p.l.Skip(ctx, []ObjectID{{o.Key, o.ETag}, {fmt.Sprintf("none/%d", count), "e"}}, nil))
		case 13:
			until := time.Unix(int64(rng.IntN(1000)), 5).UTC()
			must(p.l.Skip(ctx, nil, &Bound{Prefix: fmt.Sprintf("in/%d", rng.IntN(12)), Until: &until}))
			must(p.l.Pause(ctx, rng.IntN(2) == 0))
		case 14:
			if b, ok := pick(BatchCommitted); ok && len(b.Quarantine) > 0 {
				m := must(p.l.Manifest(ctx, b.Manifest, b.ID))
				c := Counts{Read: b.Counts.Quarantined, Published: 0, Quarantined: b.Counts.Quarantined}
				a := &Attempt{ID: newID(), Why: WhyReplay, Moves: []Move{{b.ID, b.Base}}, Totals: c}
				for _, o := range m.Batches[0].Objects {
					if slot, ok := st.objects.Get(hashObject(o.Key, o.ETag)); ok && st.batches[slot].id == b.ID {
						a.Objects = []ObjectResult{{ObjectID: ObjectID{o.Key, o.ETag}, Counts: c}}
					}
				}
				a.Quarantine = []QuarantineFile{{Batch: b.ID, Key: p.l.QuarantineKey(b.ID, a.ID), Records: c.Quarantined}}
				must(p.l.Commit(ctx, a))
			}
		case 15:
			if b, ok := pick(BatchCommitted); ok && len(b.Quarantine) > 0 {
				a := &Attempt{ID: newID(), Why: WhyExpire, Moves: []Move{{b.ID, b.Base}},
					Expires: []QuarantineFile{{Batch: b.ID, Key: b.Quarantine[0], Records: b.Counts.Quarantined}}}
				must(p.l.Commit(ctx, a))
			}
		}
	}
	return w
}

// copied is a store with what another has, as far as want says.
func copied(from *memstore.Store, want func(key string) bool) *memstore.Store {
	to, ctx := memstore.New("mem://state"), context.Background()
	to.SetClock(time.Now)
	must(0, from.List(ctx, objstore.ListOptions{}, func(o objstore.Object) error {
		if want(o.Key) {
			must(to.Put(ctx, o.Key, strings.NewReader(read(from, o.Key)), objstore.PutOptions{}))
		}
		return nil
	}))
	return to
}

// through are the entries up to n, and everything that is not an entry.
func through(n uint64) func(string) bool {
	return func(key string) bool {
		seq, ok := parseSeq(strings.TrimPrefix(key, "job/ledger/"))
		return !ok || seq <= n
	}
}

func openWarned(s objstore.Bucket, o Options) (*Ledger, *[]string) {
	warned := &[]string{}
	o.Warn = func(text string) { *warned = append(*warned, text) }
	return must(Open(s, "job", o)), warned
}

// TestCheckpoints: what a fold says that begins at a checkpoint is what a fold of all entries says, wherever the checkpoint is,
// also when it names parts of an earlier one.
func TestCheckpoints(t *testing.T) {
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 3))
		w := randomLedger(t, rng, 60)
		whole := must(Open(w.state, "job", Options{NoCheckpoints: true}))
		want := dump(t, must(whole.Fold(t.Context())))
		chain := copied(w.state, through(0)) // gets entry after entry, and a checkpoint now and then
		kinds := map[Kind]int{}
		for n := uint64(1); n <= whole.st.Seq(); n++ {
			when := fmt.Sprintf("seed %d, entry %d", seed, n)
			kinds[must(whole.Entry(t.Context(), n)).Kind]++
			one := copied(w.state, through(n))
			l := must(Open(one, "job", Options{Run: newID(), Entries: 1 + rng.IntN(5)}))
			if name, seq, err := l.Checkpoint(t.Context(), n%3 == 0); err != nil || name == "" || seq != n {
				t.Fatalf("%s: checkpoint %q through %d: %v", when, name, seq, err)
			}
			must(0, w.state.List(t.Context(), objstore.ListOptions{Prefix: "job/ledger/", After: fmt.Sprintf("job/ledger/%020d.json", n)}, func(o objstore.Object) error {
				must(one.Put(t.Context(), o.Key, strings.NewReader(read(w.state, o.Key)), objstore.PutOptions{}))
				return nil
			}))
			// what is folded into the checkpoint is not read again
			blind := &node{Store: one, before: func(op, key string) error {
				if seq, ok := parseSeq(strings.TrimPrefix(key, "job/ledger/")); op == "get" && ok && seq < n {
					return errInjected
				}
				return nil
			}}
			r, warned := openWarned(blind, Options{Entries: 1 + rng.IntN(50)})
			st, err := r.Fold(t.Context())
			if err != nil || len(*warned) > 0 {
				t.Fatalf("%s: %v %v", when, err, *warned)
			}
			if got := dump(t, st); got != want {
				t.Fatalf("%s: the fold from the checkpoint differs: %s", when, diff(got, want))
			}

			key := fmt.Sprintf("job/ledger/%020d.json", n)
			must(chain.Put(t.Context(), key, strings.NewReader(read(w.state, key)), objstore.PutOptions{}))
			if rng.IntN(3) == 0 || n == whole.st.Seq() {
				l := must(Open(chain, "job", Options{Run: newID(), Entries: 1 + rng.IntN(9), StrayAge: time.Nanosecond}))
				if _, _, err := l.Checkpoint(t.Context(), false); err != nil {
					t.Fatalf("%s: %v", when, err)
				}
			}
		}
		l, warned := openWarned(chain, Options{})
		if got := dump(t, must(l.Fold(t.Context()))); got != want || len(*warned) > 0 {
			t.Fatalf("seed %d: the fold from the last of many checkpoints differs: %s %v", seed, diff(got, want), *warned)
		}
		if heads := must(l.heads(t.Context())); len(heads) != keepCheckpoints {
			t.Errorf("seed %d: %d checkpoints are left", seed, len(heads))
		}
		onlyNamed(t, chain, l)
		if seed == 0 && len(kinds) < 7 {
			t.Errorf("the ledger has only entries of %v", kinds)
		}
	}
}

// onlyNamed checks that the parts in a store are those that heads name.
func onlyNamed(t *testing.T, s *memstore.Store, l *Ledger) {
	t.Helper()
	named, there := map[string]bool{}, map[string]bool{}
	for _, name := range must(l.heads(t.Context())) {
		h := must(l.readHead(t.Context(), name))
		for _, p := range h.Parts() {
			named[p.Name] = true
		}
	}
	must(0, s.List(t.Context(), objstore.ListOptions{Prefix: l.checkpointParts()}, func(o objstore.Object) error {
		there[strings.TrimPrefix(o.Key, l.checkpointParts())] = true
		return nil
	}))
	if !maps.Equal(named, there) {
		t.Errorf("heads name %d parts, there are %d", len(named), len(there))
	}
}

// diff shows the first line that differs.
func diff(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d is %s, want %s (before it: %s)", i, g[i], w[i], strings.Join(g[max(0, i-6):i], " "))
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

// TestCheckpointDamage: whatever is damaged, missing or cut of a checkpoint, a fold says what the entries say, and says so.
func TestCheckpointDamage(t *testing.T) {
	w := randomLedger(t, rand.New(rand.NewPCG(9, 3)), 50)
	entries := must(Open(w.state, "job", Options{NoCheckpoints: true}))
	last := must(entries.Fold(t.Context())).Seq()
	want := dump(t, entries.st)
	s := copied(w.state, through(last/2))
	must3(must(Open(s, "job", Options{Run: newID()})).Checkpoint(t.Context(), false))
	for n := last/2 + 1; n <= last; n++ {
		key := fmt.Sprintf("job/ledger/%020d.json", n)
		must(s.Put(t.Context(), key, strings.NewReader(read(w.state, key)), objstore.PutOptions{}))
	}
	name := must3(must(Open(s, "job", Options{Run: newID()})).Checkpoint(t.Context(), true))
	l := must(Open(s, "job", Options{}))
	h := must(l.readHead(t.Context(), name))
	keys := []string{"job/checkpoints/heads/" + name}
	for _, p := range h.Parts() {
		keys = append(keys, "job/checkpoints/parts/"+p.Name)
	}
	for _, key := range keys {
		text := read(s, key)
		for how, damaged := range map[string]string{"missing": "", "cut": text[:len(text)/2], "changed": text[:len(text)/3] + "\x00\x01" + text[len(text)/3+2:]} {
			broken := copied(s, func(k string) bool { return k != key })
			if how != "missing" {
				must(broken.Put(t.Context(), key, strings.NewReader(damaged), objstore.PutOptions{}))
			}
			l, warned := openWarned(broken, Options{Run: newID()})
			st, err := l.Fold(t.Context())
			if err != nil {
				t.Fatalf("%s %s: %v", key, how, err)
			}
			if got := dump(t, st); got != want {
				t.Fatalf("%s %s: the fold is wrong: %s", key, how, diff(got, want))
			}
			if told := len(*warned) == 1 && strings.Contains((*warned)[0], name); told == (how == "missing" && key == keys[0]) {
				t.Errorf("%s %s: warned %v", key, how, *warned)
			}
			if len(*warned) > 0 {
				if !l.CheckpointDue() {
					t.Errorf("%s %s: no other checkpoint is due", key, how)
				}
				must3(l.Checkpoint(t.Context(), true))
				again, warned := openWarned(broken, Options{})
				if got := dump(t, must(again.Fold(t.Context()))); got != want || len(*warned) > 0 {
					t.Errorf("%s %s: after another checkpoint the fold is wrong or warns: %v", key, how, *warned)
				}
				if slices.Contains(must(again.heads(t.Context())), name) {
					t.Errorf("%s %s: the damaged checkpoint is kept", key, how)
				}
			}
		}
	}
	// Both are of no use: the entries are.
	none := copied(s, func(k string) bool { return !strings.HasPrefix(k, "job/checkpoints/parts/") })
	l, warned := openWarned(none, Options{})
	if got := dump(t, must(l.Fold(t.Context()))); got != want || len(*warned) != 2 {
		t.Errorf("without any part: warned %v", *warned)
	}
	// An entry that a checkpoint was made of must be there, and be that one.
	first := h.Seq
	for what, change := range map[string]func(s *memstore.Store){
		"missing": func(s *memstore.Store) { must(0, s.Delete(t.Context(), l.entryKey(first))) },
		"another": func(s *memstore.Store) {
			must(s.Put(t.Context(), l.entryKey(first), strings.NewReader(read(s, l.entryKey(first))+" "), objstore.PutOptions{}))
		},
	} {
		s := copied(s, func(string) bool { return true })
		change(s)
		if _, err := must(Open(s, "job", Options{})).Fold(t.Context()); !errors.Is(err, ErrCorrupt) {
			t.Errorf("the last entry of a checkpoint is %s: %v", what, err)
		}
	}
}

func must3(name string, _ uint64, err error) string { return must(name, err) }

// TestCheckpointNewer: a checkpoint of a later format stops a fold, for it may tell what no entry does any more.
func TestCheckpointNewer(t *testing.T) {
	w := randomLedger(t, rand.New(rand.NewPCG(2, 3)), 10)
	l := must(Open(w.state, "job", Options{Run: newID()}))
	name := must3(l.Checkpoint(t.Context(), false))
	key := l.checkpointHeads() + name
	text := read(w.state, key)
	for _, newer := range []string{strings.Replace(text, `{"v":1,`, `{"v":2,`, 1), strings.Replace(text, `{"v":1,`, `{"v":1,"shards":[],`, 1)} {
		must(w.state.Put(t.Context(), key, strings.NewReader(newer), objstore.PutOptions{}))
		_, err := must(Open(w.state, "job", Options{})).Fold(t.Context())
		if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), name) {
			t.Errorf("a newer checkpoint: %v", err)
		}
	}
}

// TestCheckpointOfAnotherPattern: marks are by a key pattern. Without them a listing leaves nothing out, and objects that a
// release set free stay within sight.
func TestCheckpointOfAnotherPattern(t *testing.T) {
	w := staged(t)
	p := w.proc(nil, nil)
	p.per = 1
	if err := p.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	must(p.l.Release(t.Context(), WhyRewind, p.l.st.Batches()[0].ID))
	must3(p.l.Checkpoint(t.Context(), false))
	folders := Options{Run: newID(), MarksBy: "{folder}/", WatermarkPrefix: func(key string) string { return key[:3] }}
	l := must(Open(w.state, "job", folders))
	if k := must(l.Fold(t.Context())).Bookmark(); len(k.Marks) != 0 || k.Freed != 1 {
		t.Fatalf("marks of another pattern: %+v", k)
	}
	w.stage("in/9", "d1 new\n")
	p.l = l
	taken := w.list()[0]
	m := &Manifest{ID: newID(), Batches: []ManifestBatch{{Batch: newID(), Objects: []objstore.Object{w.list()[3]}}}}
	must(l.Plan(t.Context(), l.st.Seq(), m))
	for range 2 { // from the state, then from a checkpoint of it
		k := l.st.Bookmark()
		if len(k.Marks) != 1 || k.Marks[0].Prefix != "in/" || k.Marks[0].FreedFrom.IsZero() || k.Marks[0].FreedFrom.After(taken.LastModified) {
			t.Errorf("the mark hides an object that is free: %+v", k.Marks)
		}
		must3(l.Checkpoint(t.Context(), false))
		l = must(Open(w.state, "job", folders))
		must(l.Fold(t.Context()))
	}
}

// TestCheckpointFaults fails every request of writing a checkpoint in turn: whatever is left, folds are right.
func TestCheckpointFaults(t *testing.T) {
	src := randomLedger(t, rand.New(rand.NewPCG(5, 3)), 40)
	entries := must(Open(src.state, "job", Options{NoCheckpoints: true}))
	last := must(entries.Fold(t.Context())).Seq()
	want := dump(t, entries.st)
	for i := range 3 { // some to build on, and one to remove
		seq := last - 10 + uint64(i)*3
		s := copied(src.state, through(seq))
		must3(must(Open(s, "job", Options{Run: newID(), Entries: 2})).Checkpoint(t.Context(), false))
		must(0, s.List(t.Context(), objstore.ListOptions{Prefix: "job/checkpoints/"}, func(o objstore.Object) error {
			must(src.state.Put(t.Context(), o.Key, strings.NewReader(read(s, o.Key)), objstore.PutOptions{}))
			return nil
		}))
	}
	for _, crash := range []bool{true, false} {
		for _, after := range []bool{true, false} {
			for at := 1; ; at++ {
				f := &fault{at: at, after: after, crash: crash}
				s := copied(src.state, func(string) bool { return true })
				l := must(Open(&node{s, f.before, f.afterwards}, "job", Options{Run: newID(), Parallel: 1, Tries: 2, RetryDelay: 1, StrayAge: time.Nanosecond}))
				if _, _, err := l.Checkpoint(t.Context(), false); err != nil && !errors.Is(err, errInjected) {
					t.Fatalf("%v: %v", f, err)
				}
				for range 2 {
					r, warned := openWarned(s, Options{Run: newID()})
					if got := dump(t, must(r.Fold(t.Context()))); got != want || len(*warned) > 0 {
						t.Fatalf("%v: %v: %s", f, *warned, diff(got, want))
					}
					must3(r.Checkpoint(t.Context(), false))
				}
				if !f.hit {
					if at < 20 {
						t.Errorf("writing a checkpoint is only %d requests", at)
					}
					break
				}
			}
		}
	}
}

// TestCheckpointPrunedUnder: a writer that builds on a checkpoint which is removed meanwhile leaves none that lacks parts.
func TestCheckpointPrunedUnder(t *testing.T) {
	w := randomLedger(t, rand.New(rand.NewPCG(7, 3)), 20)
	w.state.SetClock(time.Now)
	first := must(Open(w.state, "job", Options{Run: newID()}))
	must3(first.Checkpoint(t.Context(), false))
	slow := &node{Store: w.state}
	l := must(Open(slow, "job", Options{Run: newID(), Entries: 1 << 20}))
	must(l.Fold(t.Context()))
	must(l.Pause(t.Context(), true))
	slow.before = func(op, key string) error {
		if op != "put" || !strings.HasPrefix(key, l.checkpointHeads()) {
			return nil
		}
		slow.before = nil
		for range 3 {
			o := must(Open(w.state, "job", Options{Run: newID(), StrayAge: time.Nanosecond}))
			must(o.Pause(context.Background(), true))
			must3(o.Checkpoint(context.Background(), true))
		}
		return nil
	}
	if _, _, err := l.Checkpoint(t.Context(), false); !errors.Is(err, objstore.ErrNotExist) {
		t.Errorf("the base is gone: %v", err)
	}
	r, warned := openWarned(w.state, Options{})
	must(r.Fold(t.Context()))
	for _, name := range must(r.heads(t.Context())) {
		h := must(r.readHead(t.Context(), name))
		for _, p := range h.Parts() {
			in, _, err := w.state.Get(t.Context(), r.checkpointParts()+p.Name, objstore.GetOptions{})
			if err != nil {
				t.Errorf("checkpoint %s lacks a part: %v", name, err)
				continue
			}
			must(io.ReadAll(in))
		}
	}
	if len(*warned) > 0 {
		t.Error(*warned)
	}
}
