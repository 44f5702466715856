package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
)

const (
	id1 = "01HZZZZZZZZZZZZZZZZZZZZZZ1"
	id2 = "01HZZZZZZZZZZZZZZZZZZZZZZ2"
	sum = "0000000000000000000000000000000000000000000000000000000000000000"
)

func TestDecodeEntry(t *testing.T) {
	head := `"v":1,"seq":9,"nonce":"` + id1 + `","run":"` + id2 + `"`
	moves := `,"moves":[{"batch":"` + id1 + `","base":3}]`
	good := []string{
		`{"kind":"plan",` + head + `,"manifest":{"manifest":"` + id1 + `","sha256":"` + sum + `"},"batches":[{"batch":"` + id2 + `","objects":2}]}`,
		`{"kind":"commit",` + head + moves + `,"why":"run","attempt":{"key":"k","sha256":"` + sum + `"},"done":[8]}`,
		`{"kind":"commit",` + head + moves + `,"why":"compact","attempt":{"key":"k","sha256":"` + sum + `"}}`,
		`{"kind":"release",` + head + moves + `,"why":"rewind"}`,
		`{"kind":"skip",` + head + `,"objects":[{"key":"k","etag":"e"}]}`,
		`{"kind":"skip",` + head + `,"bound":{"prefix":"p","until":"2024-01-01T00:00:00Z"}}`,
		`{"kind":"fence",` + head + moves + `}`,
		`{"kind":"pause",` + head + `,"on":false}`,
		`{"kind":"done",` + head + `,"done":[1,2]}`,
	}
	for _, text := range good {
		e, err := DecodeEntry([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		again, err := DecodeEntry(must(json.Marshal(e)))
		if err != nil || string(must(json.Marshal(again))) != string(must(json.Marshal(e))) {
			t.Errorf("%s does not survive being written: %v", text, err)
		}
	}
	for text, want := range map[string]error{
		strings.Replace(good[8], `"v":1`, `"v":2`, 1):                        ErrNewer,
		strings.Replace(good[8], `"kind":"done"`, `"kind":"fold"`, 1):        ErrNewer,
		strings.Replace(good[1], `"why":"run"`, `"why":"merge"`, 1):          ErrNewer,
		strings.Replace(good[3], `rewind`, `undo`, 1):                        ErrNewer,
		strings.Replace(good[8], `"done"`, `"shard":1,"done"`, 1):            ErrCorrupt, // "kind":"shard":1
		strings.Replace(good[8], `,"done":[`, `,"shard":1,"done":[`, 1):      ErrNewer,
		strings.Replace(good[8], `"v":1`, `"v":0`, 1):                        ErrCorrupt,
		strings.Replace(good[8], `[1,2]`, `[9]`, 1):                          ErrCorrupt, // itself
		strings.Replace(good[8], id1, "../../x", 1):                          ErrCorrupt,
		strings.Replace(good[6], moves, "", 1):                               ErrCorrupt,
		strings.Replace(good[8], `,"done":[1,2]`, "", 1):                     ErrCorrupt,
		strings.Replace(good[7], `,"on":false`, "", 1):                       ErrCorrupt,
		strings.Replace(good[7], `}`, moves+`}`, 1):                          ErrCorrupt, // a pause moves nothing
		strings.Replace(good[3], `}]`, `},{"batch":"`+id1+`","base":3}]`, 1): ErrCorrupt,
		strings.Replace(good[5], `"until"`, `"through_key":"x","until"`, 1):  ErrCorrupt,
		good[8] + "{}": ErrCorrupt,
		good[8][:20]:   ErrCorrupt,
	} {
		if _, err := DecodeEntry([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
}

// TestNewerStops: nothing is decided on top of what this program does not understand.
func TestNewerStops(t *testing.T) {
	entry := func(more string) string {
		return `{"seq":2,"nonce":"` + id1 + `","run":"r",` + more + `}`
	}
	for _, text := range []string{entry(`"v":2,"kind":"done","done":[1]`), entry(`"v":1,"kind":"shard"`)} {
		w, ps, _ := rig(t, 1)
		w.raw(2, text)
		if _, err := ps[0].l.Fold(t.Context()); !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "00002.json") {
			t.Errorf("fold over %s: %v", text, err)
		}
		if _, err := ps[0].l.Pause(t.Context(), true); !errors.Is(err, ErrNewer) {
			t.Errorf("write over %s: %v", text, err)
		}
		if _, _, err := w.state.Get(t.Context(), ps[0].l.entryKey(3), objstore.GetOptions{}); !errors.Is(err, objstore.ErrNotExist) {
			t.Errorf("something was written on top: %v", err)
		}
	}
}

// TestRaceAgainstNewer: the winner of a number may be an entry that this program cannot read.
func TestRaceAgainstNewer(t *testing.T) {
	w, ps, b := rig(t, 1)
	p := ps[0]
	a := must(p.attempt(t.Context(), b))
	p.l.store.(*node).before = func(op, key string) error {
		if op == "put" && key == p.l.entryKey(2) {
			w.raw(2, `{"v":2,"seq":2,"kind":"x"}`)
		}
		return nil
	}
	if _, err := p.l.Commit(t.Context(), a); !errors.Is(err, ErrNewer) || errors.Is(err, ErrVoid) {
		t.Errorf("commit against a newer entry: %v", err)
	}
}

func TestMisfitsStop(t *testing.T) {
	head := func(seq int, kind string) string {
		return fmt.Sprintf(`{"v":1,"seq":%d,"nonce":"%s","run":"r","kind":"%s"`, seq, newID(), kind)
	}
	move := func(batch string, base int) string {
		return fmt.Sprintf(`,"moves":[{"batch":"%s","base":%d}]`, batch, base)
	}
	for name, next := range map[string]func(w *world, b Batch){
		"unknown batch": func(w *world, b Batch) { w.raw(2, head(2, "release")+move(id1, 1)+`,"why":"replan"}`) },
		"wrong base": func(w *world, b Batch) {
			w.raw(2, head(2, "fence")+move(b.ID, 1)+`}`)
			w.raw(3, head(3, "fence")+move(b.ID, 1)+`}`)
		},
		"rewind of what is open": func(w *world, b Batch) { w.raw(2, head(2, "release")+move(b.ID, 1)+`,"why":"rewind"}`) },
		"released twice": func(w *world, b Batch) {
			w.raw(2, head(2, "release")+move(b.ID, 1)+`,"why":"replan"}`)
			w.raw(3, head(3, "release")+move(b.ID, 2)+`,"why":"replan"}`)
		},
		"a number is missing":   func(w *world, b Batch) { w.raw(3, head(3, "pause")+`,"on":true}`) },
		"another number inside": func(w *world, b Batch) { w.raw(2, head(3, "pause")+`,"on":true}`) },
		"the same plan twice": func(w *world, b Batch) {
			w.raw(2, head(2, "plan")+fmt.Sprintf(`,"manifest":{"manifest":"%s","sha256":"%s"},"batches":[{"batch":"%s","objects":3}]}`, b.Manifest.ID, b.Manifest.SHA256, b.ID))
		},
		"a plan of other numbers": func(w *world, b Batch) {
			w.raw(2, head(2, "release")+move(b.ID, 1)+`,"why":"replan"}`)
			w.raw(3, head(3, "plan")+fmt.Sprintf(`,"manifest":{"manifest":"%s","sha256":"%s"},"batches":[{"batch":"%s","objects":2}]}`, b.Manifest.ID, b.Manifest.SHA256, b.ID))
		},
		"a manifest of other bytes": func(w *world, b Batch) {
			w.raw(2, head(2, "plan")+fmt.Sprintf(`,"manifest":{"manifest":"%s","sha256":"%s"},"batches":[{"batch":"%s","objects":3}]}`, b.Manifest.ID, sum, id2))
		},
	} {
		w, ps, b := rig(t, 1)
		next(w, b)
		if _, err := ps[0].l.Fold(t.Context()); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestObjectsOfTwoPlans: a plan of objects that are held is refused before it is written, and stops a fold if it is there.
func TestObjectsOfTwoPlans(t *testing.T) {
	w, ps, _ := rig(t, 1)
	p := ps[0]
	m := &Manifest{ID: newID(), Batches: []ManifestBatch{{newID(), w.list()[:1]}}}
	if _, err := p.l.Plan(t.Context(), 1, m); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a plan of objects that are held: %v", err)
	}
	ref := must(p.l.writeManifest(t.Context(), m))
	w.raw(2, fmt.Sprintf(`{"v":1,"seq":2,"nonce":"%s","run":"r","kind":"plan","manifest":{"manifest":"%s","sha256":"%s"},"batches":[{"batch":"%s","objects":1}]}`,
		newID(), ref.ID, ref.SHA256, m.Batches[0].Batch))
	if _, err := p.l.Fold(t.Context()); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a fold of it: %v", err)
	}
	twice := &Manifest{ID: newID(), Batches: []ManifestBatch{{newID(), []objstore.Object{{Key: "n", ETag: "e"}, {Key: "n", ETag: "e"}}}}}
	if _, err := p.l.Plan(t.Context(), 1, twice); err == nil {
		t.Error("a plan with an object twice went in")
	}
}

// TestPlanDecidedAnew: a plan made from an older fold does not go in.
func TestPlanDecidedAnew(t *testing.T) {
	w := staged(t)
	p, q := w.proc(nil, nil), w.proc(nil, nil)
	must(p.l.Fold(t.Context()))
	must(q.plan(t.Context()))
	m := &Manifest{ID: newID(), Batches: []ManifestBatch{{newID(), w.list()[:1]}}}
	if _, err := p.l.Plan(t.Context(), 0, m); !errors.Is(err, ErrMoved) {
		t.Fatalf("a second plan of the same objects: %v", err)
	}
	if _, err := p.plan(t.Context()); err != nil || len(p.l.st.OpenBatches()) != 2 {
		t.Errorf("decided anew: %v, %d open", err, len(p.l.st.OpenBatches()))
	}
}

func TestTakenAndGone(t *testing.T) {
	w, ps, b := rig(t, 1)
	p, st := ps[0], ps[0].l.st
	objects := w.list()
	for _, o := range objects {
		if !st.TakenObject(o) {
			t.Errorf("%s of an open batch is not taken", o.Key)
		}
		if st.TakenObject(objstore.Object{Key: o.Key, ETag: "another"}) {
			t.Errorf("another version of %s is taken", o.Key)
		}
	}
	newer := w.stage("in/1", "d1 n1\n")
	a, err := p.attempt(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.l.Commit(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if st.TakenObject(objects[0]) || st.TakenObject(newer) {
		t.Error("an object that was gone when read stays taken")
	}
	if !st.TakenObject(objects[1]) {
		t.Error("an object that was read is not taken")
	}
	if got, _ := st.Batch(b.ID); got.Inputs != 2 || got.Objects != 3 || got.State != BatchCommitted || got.Counts.Read != 4 {
		t.Errorf("the batch: %+v", got)
	}
	if err := p.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.exact("after the newer version ran")
}

// TestReleaseFrees: a rewound batch's files die, its objects are free, older bounds do not cover them, and they run again.
func TestReleaseFrees(t *testing.T) {
	w, ps, b := rig(t, 1)
	p, st := ps[0], ps[0].l.st
	if e, err := p.l.Release(t.Context(), WhyRewind, b.ID); err != nil || e.Seq != 0 {
		t.Errorf("a rewind of an open batch: %+v, %v", e, err)
	}
	must(p.l.Skip(t.Context(), nil, &Bound{ThroughKey: "in/2"}))
	if err := p.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	o := w.list()[0]
	before, _ := st.Batch(b.ID)
	if wm := watermark(st, ""); !wm.Equal(o.LastModified) {
		t.Errorf("watermark %v", wm)
	}
	e, err := p.l.Release(t.Context(), WhyRewind, b.ID)
	if err != nil || len(e.Moves) != 1 {
		t.Fatalf("rewind: %+v, %v", e, err)
	}
	if st.TakenObject(o) {
		t.Error("a freed object is taken: the bound came while it was committed and does not cover it")
	}
	if !st.TakenObject(objstore.Object{Key: "in/0", ETag: "x"}) || st.TakenObject(objstore.Object{Key: "in/9", ETag: "x"}) {
		t.Error("the bound does not cover what it should")
	}
	if !watermark(st, "").IsZero() || st.Bookmark().Freed != 3 {
		t.Errorf("freed objects could be listed past: %+v", st.Bookmark())
	}
	if _, err := p.roll(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	for _, f := range before.Files {
		if st.Live(f) || read(w.lake, f) != "" {
			t.Errorf("file %s of a rewound batch is still there", f)
		}
	}
	for _, q := range before.Quarantine {
		if read(w.state, q) != "" {
			t.Errorf("quarantine %s of a rewound batch is still there", q)
		}
	}
	if err := p.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.exact("after the rewind ran again")
	if watermark(st, "").IsZero() || st.Bookmark().Freed != 0 {
		t.Errorf("freed objects were taken again: %+v", st.Bookmark())
	}
}

// TestFreedIsNotListedPast: while something freed is not taken again there is no watermark to list from.
func TestFreedIsNotListedPast(t *testing.T) {
	w := staged(t)
	p := w.proc(nil, nil)
	if err := p.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	st := p.l.st
	if len(st.Batches()) != 2 || watermark(st, "").IsZero() {
		t.Fatalf("%d batches, watermark %v", len(st.Batches()), watermark(st, ""))
	}
	must(p.l.Release(t.Context(), WhyRewind, st.Batches()[0].ID))
	if wm := watermark(st, ""); !wm.IsZero() {
		t.Errorf("the watermark is %v, and the freed objects may be older", wm)
	}
}

func TestSkipAndPause(t *testing.T) {
	w, ps, b := rig(t, 1)
	p, st := ps[0], ps[0].l.st
	held := w.list()[0]
	late := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	must(p.l.Skip(t.Context(), []ObjectID{{held.Key, held.ETag}, {"x", "e"}}, nil))
	must(p.l.Skip(t.Context(), nil, &Bound{Prefix: "old/", Until: &late}))
	must(p.l.Pause(t.Context(), true))
	if !st.Paused() || !st.TakenObject(objstore.Object{Key: "x", ETag: "e"}) {
		t.Error("pause and skip had no effect")
	}
	if o := (objstore.Object{Key: "old/1", ETag: "e", LastModified: late}); !st.TakenObject(o) {
		t.Error("a bound on time does not cover")
	}
	if o := (objstore.Object{Key: "old/1", ETag: "e", LastModified: late.Add(time.Second)}); st.TakenObject(o) {
		t.Error("a bound on time covers what is later")
	}
	must(p.l.Replan(t.Context()))
	if got, _ := st.Batch(b.ID); got.State != BatchReleased || st.TakenObject(held) {
		t.Error("a skip covered an object that was held")
	}
	must(p.l.Pause(t.Context(), false))
	if st.Paused() {
		t.Error("still paused")
	}
	if e, err := p.l.Replan(t.Context()); err != nil || e.Seq != 0 {
		t.Errorf("a replan of nothing: %+v, %v", e, err)
	}
}

// TestFenceVoids: an attempt from before a fence cannot commit.
func TestFenceVoids(t *testing.T) {
	w, ps, b := rig(t, 2)
	a := must(ps[0].attempt(t.Context(), b))
	must(ps[1].l.Fence(t.Context(), b.ID))
	if _, err := ps[0].l.Commit(t.Context(), a); !errors.Is(err, ErrVoid) {
		t.Fatalf("commit after a fence: %v", err)
	}
	if err := w.proc(nil, nil).run(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.exact("after a fence")
}

// TestDoesNotCommit: what does not account for every object and record is refused before anything is written.
func TestDoesNotCommit(t *testing.T) {
	for name, spoil := range map[string]func(a *Attempt){
		"an object is left out": func(a *Attempt) {
			a.Totals.Read--
			a.Totals.Published--
			a.Objects = slices.Delete(a.Objects, 1, 2)
			a.Files[0].Rows--
		},
		"a foreign object":         func(a *Attempt) { a.Objects[0].Key = "in/other" },
		"an object twice":          func(a *Attempt) { a.Objects[1] = a.Objects[0] },
		"a record is lost":         func(a *Attempt) { a.Objects[0].Read++; a.Totals.Read++ },
		"totals are another sum":   func(a *Attempt) { a.Totals.Read++; a.Totals.Filtered++ },
		"rows are not the records": func(a *Attempt) { a.Files[0].Rows++ },
		"quarantine is not":        func(a *Attempt) { a.Quarantine = nil },
		"gone with records":        func(a *Attempt) { a.Objects[0].Gone = true },
		"another attempt's file":   func(a *Attempt) { a.ID = newID() },
		"an unknown batch":         func(a *Attempt) { a.Moves[0].Batch = id1 },
	} {
		w, ps, b := rig(t, 1)
		a, err := ps[0].attempt(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		spoil(a)
		if _, err := ps[0].l.Commit(t.Context(), a); err == nil || errors.Is(err, ErrVoid) {
			t.Errorf("%s: %v", name, err)
		}
		if keys := w.keys("job/attempts/"); len(keys) > 0 {
			t.Errorf("%s: wrote %s", name, keys)
		}
	}
}

func (w *world) keys(prefix string) (out []string) {
	must(0, w.state.List(context.Background(), objstore.ListOptions{Prefix: prefix}, func(o objstore.Object) error { out = append(out, o.Key); return nil }))
	return out
}

// TestTamperedRecords: what an entry names is pinned by digest.
func TestTamperedRecords(t *testing.T) {
	for prefix, change := range map[string][2]string{"job/manifests/": {"SELECT 1", "SELECT 2"}, "job/attempts/": {`"table":"t"`, `"table":"u"`}} {
		w := staged(t)
		if err := w.proc(nil, nil).run(t.Context()); err != nil {
			t.Fatal(err)
		}
		key := w.keys(prefix)[0]
		text := strings.Replace(read(w.state, key), change[0], change[1], 1)
		must(w.state.Put(t.Context(), key, strings.NewReader(text), objstore.PutOptions{}))
		if _, err := must(Open(w.state, "job", Options{})).Fold(t.Context()); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s changed: %v", key, err)
		}
	}
}

func TestManifestRoundTrip(t *testing.T) {
	w := staged(t)
	p := w.proc(nil, nil)
	e, err := p.plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m, err := p.l.Manifest(t.Context(), *e.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Batches) != 2 || !slices.Equal(slices.Concat(m.Batches[0].Objects, m.Batches[1].Objects), w.list()) {
		t.Errorf("the objects came back as %+v", m.Batches)
	}
	if m.Mapping.Files[0].Text != "SELECT 1" || m.Settings["region"] != "us-east-1" || m.SchemaVersion != "1.1.0" || m.Run != p.l.opts.Run {
		t.Errorf("the manifest came back as %+v", m)
	}
	one, err := p.l.Manifest(t.Context(), *e.Manifest, m.Batches[1].Batch)
	if err != nil || len(one.Batches) != 1 || one.Batches[0].Batch != m.Batches[1].Batch {
		t.Errorf("one batch of it: %+v, %v", one, err)
	}
	for text, want := range map[string]error{
		`{"v":2}`:             ErrNewer,
		`{"v":1,"shards":[]}`: ErrNewer,
		`{"v":1,"batches":[{"batch":"x","objects":[{"key":"k","sealed":1}]}]}`: ErrNewer,
		`{"v":1,"batches":[`: ErrCorrupt,
		`{"v":1} x`:          ErrCorrupt,
	} {
		if _, err := walkManifest(strings.NewReader(text), func(string, objstore.Object) error { return nil }); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
}

// TestSharedFiles: two batches that compaction gave one file move together from then on.
func TestSharedFiles(t *testing.T) {
	w := staged(t)
	p := w.proc(nil, nil)
	if err := p.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	st := p.l.st
	x, y := st.Batches()[0], st.Batches()[1]
	day2 := func(b Batch) string {
		return b.Files[slices.IndexFunc(b.Files, func(f string) bool { return strings.Contains(f, "=d2/") })]
	}
	text := read(w.lake, day2(x)) + read(w.lake, day2(y))
	a := &Attempt{ID: newID(), Why: WhyCompact, Moves: []Move{{x.ID, x.Base}, {y.ID, y.Base}}, Removes: []string{day2(x), day2(y)}}
	h := must(w.lake.Hold(t.Context(), "ext/src/region=r/accountId=a/eventDay=d2/"+FileName(x.ID, a.ID, 0), strings.NewReader(text), int64(len(text))))
	a.Files = []File{{Held: h, Table: "t", Values: [3]string{"r", "a", "d2"}, Rows: 2}}
	must(p.l.Commit(t.Context(), a))
	must(p.roll(t.Context(), false))
	w.exact("after compaction")
	if st.Live(day2(x)) || !st.Live(h.Key) {
		t.Error("compaction did not exchange the files")
	}
	alone := &record{entry: Entry{V: 1, Seq: st.Seq() + 1, Kind: KindRelease, Why: WhyRewind, Nonce: newID(), Run: "r", Moves: st.moves([]string{x.ID})}}
	if err := st.check(alone); !errors.Is(err, ErrCorrupt) {
		t.Errorf("one of two batches with a common file moved alone: %v", err)
	}
	if ids := st.Sharing(y.ID); !slices.Equal(ids, []string{x.ID, y.ID}) {
		t.Errorf("batches with a common file: %v", ids)
	}
	e, err := p.l.Release(t.Context(), WhyRewind, x.ID)
	if err != nil || len(e.Moves) != 2 {
		t.Fatalf("a rewind of one of them: %+v, %v", e, err)
	}
	if err := p.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.exact("after the rewind")
}

// TestReplaceAndReplay: entries of these kinds fold as they must.
func TestReplaceAndReplay(t *testing.T) {
	w, ps, b := rig(t, 1)
	p, st := ps[0], ps[0].l.st
	if err := p.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	old, _ := st.Batch(b.ID)
	a := must(p.attempt(t.Context(), old))
	a.Why = WhyReplace
	fewer := *a
	fewer.Objects = slices.Clone(a.Objects)
	fewer.Objects[0].Read, fewer.Objects[0].Published = fewer.Objects[0].Read-1, fewer.Objects[0].Published-1
	fewer.Totals.Read, fewer.Totals.Published = fewer.Totals.Read-1, fewer.Totals.Published-1
	fewer.Files = slices.Clone(a.Files)
	fewer.Files[0].Rows--
	if _, err := p.l.Commit(t.Context(), &fewer); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "would be lost") {
		t.Fatalf("a replacement of fewer records: %v", err)
	}
	again := &Manifest{ID: newID(), Mapping: Mapping{Name: "m", Digest: "later"}, Batches: []ManifestBatch{{Batch: b.ID, Objects: w.list()}}}
	if err := p.l.Intend(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if m := must(p.l.MadeFrom(t.Context(), old)); old.Made != b.Manifest.ID || m.Mapping.Digest != "d" {
		t.Errorf("made from %s, %+v", old.Made, m)
	}
	a.Manifest = again.ID
	must(p.l.Commit(t.Context(), a))
	must(p.roll(t.Context(), false))
	now, _ := st.Batch(b.ID)
	if len(now.Files) != 3 || slices.Contains(now.Files, old.Files[0]) {
		t.Errorf("replaced: files %q, want three new ones", now.Files)
	}
	if now.Counts != old.Counts || now.Inputs != 3 || len(now.Quarantine) != 1 {
		t.Errorf("replaced: %+v of %d inputs and quarantine %q, want %+v of 3 inputs and one file", now.Counts, now.Inputs, now.Quarantine, old.Counts)
	}
	w.exact("after replace")
	if m := must(p.l.MadeFrom(t.Context(), now)); now.Made != again.ID || m.Mapping.Digest != "later" || now.Manifest != b.Manifest {
		t.Errorf("replaced: made from %s, %+v", now.Made, m)
	}

	text := strings.ReplaceAll(read(w.state, now.Quarantine[0]), "q_", "d3_")
	r := &Attempt{ID: newID(), Why: WhyReplay, Moves: []Move{{b.ID, now.Base}}, Totals: Counts{Read: 2, Published: 2},
		Objects: []ObjectResult{{ObjectID: ObjectID{w.list()[0].Key, w.list()[0].ETag}, Counts: Counts{Read: 2, Published: 2}}}}
	h := must(w.lake.Hold(t.Context(), "ext/src/region=r/accountId=a/eventDay=d3/"+FileName(b.ID, r.ID, 0), strings.NewReader(text), int64(len(text))))
	r.Files = []File{{Held: h, Table: "t", Values: [3]string{"r", "a", "d3"}, Rows: 2}}
	for what, wrong := range map[string]func(*Attempt){
		"that leaves a quarantined record out": func(a *Attempt) {
			a.Totals, a.Files[0].Rows = Counts{Read: 1, Published: 1}, 1
			a.Objects[0].Counts = a.Totals
		},
		"of another batch's object": func(a *Attempt) { a.Objects[0].Key = "elsewhere" },
		"of an object that is gone": func(a *Attempt) {
			a.Objects = append(a.Objects, ObjectResult{ObjectID: ObjectID{w.list()[1].Key, w.list()[1].ETag}, Gone: true})
		},
		"that names an object twice":     func(a *Attempt) { a.Objects = append(a.Objects, ObjectResult{ObjectID: a.Objects[0].ObjectID}) },
		"whose objects are not its sums": func(a *Attempt) { a.Objects = nil },
	} {
		bad := *r
		bad.Files, bad.Objects = slices.Clone(r.Files), slices.Clone(r.Objects)
		wrong(&bad)
		if _, err := p.l.Commit(t.Context(), &bad); err == nil {
			t.Fatalf("a replay %s went in", what)
		}
	}
	must(p.l.Commit(t.Context(), r))
	must(p.roll(t.Context(), false))
	last, _ := st.Batch(b.ID)
	if last.Made != again.ID {
		t.Errorf("a replay adds to a batch, it does not make it: %+v", last)
	}
	if len(last.Files) != 4 || len(last.Quarantine) != 0 || last.Counts != (Counts{Read: 7, Published: 7}) {
		t.Errorf("replayed: %+v", last)
	}
	if read(w.state, now.Quarantine[0]) != "" || read(w.lake, h.Key) == "" {
		t.Error("replay left the quarantine file, or its own file is not visible")
	}
	// An object that was quarantined whole and can be read by now adds to what the batch read.
	whole := &Attempt{ID: newID(), Why: WhyReplay, Moves: []Move{{b.ID, last.Base}}, Totals: Counts{Read: 3, Filtered: 1, Quarantined: 2},
		Objects: []ObjectResult{{ObjectID: r.Objects[0].ObjectID, Counts: Counts{Read: 3, Filtered: 1, Quarantined: 2}}}}
	whole.Quarantine = []QuarantineFile{{Batch: b.ID, Key: p.l.QuarantineKey(b.ID, whole.ID), Records: 2}}
	must(p.l.Commit(t.Context(), whole))
	must(p.roll(t.Context(), false))
	last, _ = st.Batch(b.ID)
	if last.Counts != (Counts{Read: 10, Published: 7, Filtered: 1, Quarantined: 2}) || len(last.Files) != 4 || len(last.Quarantine) != 1 {
		t.Errorf("replayed with an object read again: %+v", last)
	}
	gone := &Attempt{ID: newID(), Why: WhyReplace, Moves: []Move{{b.ID, last.Base}}}
	for _, o := range w.list() {
		gone.Objects = append(gone.Objects, ObjectResult{ObjectID: ObjectID{o.Key, o.ETag}, Gone: true})
	}
	if _, err := p.l.Commit(t.Context(), gone); err == nil {
		t.Error("a replacement whose inputs are gone went in")
	}
}

// TestMemory: a fold of many objects keeps little of each.
func TestMemory(t *testing.T) {
	const n = 150_000
	s := memstore.New("mem://state")
	l := must(Open(s, "job", Options{Run: newID()}))
	m := &Manifest{ID: newID(), Batches: []ManifestBatch{{Batch: newID()}}}
	for i := range n {
		m.Batches[0].Objects = append(m.Batches[0].Objects, objstore.Object{Key: fmt.Sprintf("AWSLogs/111122223333/network-firewall/flow/us-east-1/fw/2024/01/01/00/"+
			"111122223333_network-firewall_flow_us-east-1_fw_202401010000_%08x.log.gz", i), ETag: fmt.Sprintf("%032x", i), LastModified: day})
	}
	probe := m.Batches[0].Objects[n/2]
	must(l.Plan(t.Context(), 0, m))
	m, l = nil, nil
	reader := must(Open(s, "job", Options{}))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	st := must(reader.Fold(t.Context()))
	runtime.GC()
	runtime.ReadMemStats(&after)
	if !st.TakenObject(probe) || st.TakenObject(objstore.Object{Key: probe.Key, ETag: "x"}) {
		t.Error("the fold does not know its objects")
	}
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / n; each > 100 {
		t.Errorf("%d bytes are kept of each object", each)
	}
	runtime.KeepAlive(reader)
}

func TestOpenRefuses(t *testing.T) {
	s := memstore.New("mem://state")
	for _, job := range []string{"", "..", "a/b", `a\b`} {
		if _, err := Open(s, job, Options{}); err == nil {
			t.Errorf("job %q is accepted", job)
		}
	}
	l := must(Open(s, "job", Options{}))
	if _, err := l.Pause(t.Context(), true); err == nil {
		t.Error("a ledger opened for reading wrote")
	}
}
