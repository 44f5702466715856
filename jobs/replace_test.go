package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/jobs"
)

// october are the days of the keys of smallJob and replayJob.
func october() jobs.BackfillOptions {
	return jobs.BackfillOptions{From: date("2020-10-01"), To: date("2020-10-01"), Replace: true}
}

// replaceJob has run with the shipped mapping; a replace with the corrected one leaves after.
func (p *parts) replaceJob(ctx context.Context) (before, after wanted, err error) {
	objects := map[string][]byte{
		key("a"): gz(flow(1, 0), kindOf(2, 0, "dns"), "broken", kindOf(9, 0, "noise")),
		key("b"): gz(kindOf(3, 1, "dns"), flow(4, 1)),
		key("c"): gz(flow(5, 0), flow(6, 2)),
	}
	for k, data := range objects {
		if err := p.put(k, data); err != nil {
			return before, after, err
		}
	}
	p.spec.Limits.BatchBytes = int64(len(objects[key("a")]) + len(objects[key("b")])) // a and b, then c
	before = wanted{rows: map[string]int{row(1, 0): 1, row(4, 1): 1, row(5, 0): 1, row(6, 2): 1},
		quarantined: map[string]int{key("a") + "@2": 1, key("a") + "@3": 1, key("a") + "@4": 1, key("b") + "@1": 1}}
	after = wanted{rows: map[string]int{row(1, 0): 1, row(2, 0): 1, row(3, 1): 1, row(4, 1): 1, row(5, 0): 1, row(6, 2): 1}, quarantined: map[string]int{key("a") + "@3": 1}}
	r := p.runner()
	_, err = r.Run(ctx, jobs.RunOptions{})
	return before, after, err
}

// TestReplace: the batches of a day are reprocessed with the corrected mapping, old files and quarantine are gone, counts add up, and
// a second time there is nothing to do. Refused, it changes nothing.
func TestReplace(t *testing.T) {
	bothStores(t, func(t *testing.T, p *parts) {
		before, after, err := p.replaceJob(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		o, seq := october(), p.seq(t)
		if _, err := withCorrected(p.runner()).Estimate(t.Context(), o); !errors.Is(err, jobs.ErrNoDelete) {
			t.Errorf("estimate without the right to delete: %v", err)
		}
		if _, err := withCorrected(p.runner()).Backfill(t.Context(), o); !errors.Is(err, jobs.ErrNoDelete) || exitCodeOf(err) != 1 {
			t.Errorf("without the right to delete: %v", err)
		}
		other := o
		other.From, other.To = date("2020-10-02"), date("2020-12-01")
		if sum, err := withCorrected(p.deleting()).Backfill(t.Context(), other); err != nil || sum.Batches != 0 {
			t.Errorf("other days: %+v, %v", sum, err)
		}
		if sum, err := p.deleting().Backfill(t.Context(), o); err != nil || sum.Batches != 0 || sum.Replaced != 0 {
			t.Errorf("the mapping that has made the batches: %+v, %v", sum, err)
		}
		if p.seq(t) != seq {
			t.Errorf("something was written")
		}
		p.check(t, "before", before)
		e, err := withCorrected(p.deleting()).Estimate(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "estimate", fields{"batches": 2, "objects": 3, "partitions": 3, "days": 1, "outside": 0, "up to date": 0, "warnings": 0},
			fields{"batches": e.Batches, "objects": e.Objects, "partitions": e.Partitions, "days": e.Days, "outside": e.OutsideRange, "up to date": e.UpToDate, "warnings": len(e.Warnings)})
		sum, err := withCorrected(p.deleting()).Backfill(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "summary", fields{"command": "replace", "batches": 2, "replaced": 2, "records": report.RecordCounts{Read: 8, Filtered: 1, Published: 6, Quarantined: 1}},
			fields{"command": sum.Command, "batches": sum.Batches, "replaced": sum.Replaced, "records": sum.Records})
		p.check(t, "replaced", after)
		if c := p.counts(t); c != (ledger.Counts{Read: 8, Published: 6, Filtered: 1, Quarantined: 1}) {
			t.Errorf("counts: %+v", c)
		}
		if e, err = withCorrected(p.deleting()).Estimate(t.Context(), o); err != nil || e.Batches != 0 || e.UpToDate != 2 {
			t.Errorf("estimate after: %+v, %v", e, err)
		}
		seq = p.seq(t)
		if sum, err = withCorrected(p.deleting()).Backfill(t.Context(), o); err != nil || sum.Batches != 0 || p.seq(t) != seq {
			t.Errorf("once more: %+v, %v", sum, err)
		}
		// with other settings what is published is another thing
		p.spec.Lake.AccountID = "222233334444"
		if sum, err = withCorrected(p.deleting()).Backfill(t.Context(), o); err != nil || sum.Replaced != 2 {
			t.Errorf("with another account: %+v, %v", sum, err)
		}
		p.check(t, "with another account", after)
	})
}

// TestReplaceRefuses: nothing at all is replaced when an input is gone; a batch whose counts do not add up stays as it was.
func TestReplaceRefuses(t *testing.T) {
	p := newMemParts(t, 1)
	before, after, err := p.replaceJob(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seq := p.seq(t)
	refused := func(what string, want error, code int, named string) {
		t.Helper()
		r := withCorrected(p.deleting())
		r.Staging = shortened{p.staging, map[bool]string{true: key("c")}[what == "counts"]}
		sum, err := r.Backfill(t.Context(), october())
		if err == nil || want != nil && !errors.Is(err, want) || exitCodeOf(err) != code || !strings.Contains(err.Error(), named) {
			t.Errorf("%s: %v", what, err)
		}
		if what == "counts" {
			if sum.Replaced != 1 {
				t.Errorf("%s: %+v", what, sum)
			}
			return
		}
		if p.seq(t) != seq {
			t.Errorf("%s: something was written", what)
		}
		p.check(t, what, before)
	}
	data := gz(flow(5, 0), flow(6, 2))
	if err := p.put(key("c"), gz(flow(5, 0))); err != nil {
		t.Fatal(err)
	}
	refused("overwritten", jobs.ErrInputsGone, 1, key("c")+" (overwritten)")
	if err := p.staging.Delete(t.Context(), key("c")); err != nil {
		t.Fatal(err)
	}
	refused("deleted", jobs.ErrInputsGone, 1, key("c")+" (deleted)")
	e, err := withCorrected(p.deleting()).Estimate(t.Context(), october())
	if err != nil || len(e.Warnings) != 1 || !strings.Contains(e.Warnings[0], key("c")) {
		t.Errorf("estimate: %+v, %v", e, err)
	}
	if err := p.put(key("c"), data); err != nil {
		t.Fatal(err)
	}
	refused("counts", nil, 1, "it had 2 records, and 1 can be read now")
	if _, err := withCorrected(p.deleting()).Backfill(t.Context(), october()); err != nil {
		t.Fatal(err)
	}
	p.check(t, "in the end", after)

	// an input that changes after the replace has looked for it
	r := p.deleting() // with the earlier mapping, for which nothing is done yet
	var once sync.Once
	r.Staging = racing{p.staging, func(k string) {
		if k == key("c") {
			once.Do(func() {
				if err := p.put(k, gz(flow(7, 0))); err != nil {
					t.Error(err)
				}
			})
		}
	}}
	sum, err := r.Backfill(t.Context(), october())
	if !errors.Is(err, jobs.ErrInputsGone) || !strings.Contains(err.Error(), "stays as it was") || !strings.Contains(err.Error(), key("c")) || sum.Replaced != 1 {
		t.Errorf("overwritten while it was replaced: %+v, %v", sum, err)
	}
}

// shortened is staging that gives one record less of an object than it has, as a decoder that is wrong would.
type shortened struct {
	jobs.LakeStore
	key string
}

func (s shortened) Get(ctx context.Context, key string, o objstore.GetOptions) (body io.ReadCloser, obj objstore.Object, err error) {
	body, obj, err = s.LakeStore.Get(ctx, key, o)
	if err != nil || key != s.key {
		return body, obj, err
	}
	body.Close()
	return io.NopCloser(strings.NewReader(string(gz(flow(5, 0))))), obj, nil
}

// TestReplaceManyInputs: more inputs than are asked for one by one are listed.
func TestReplaceManyInputs(t *testing.T) {
	p := newMemParts(t, 1)
	p.spec.Limits.BatchBytes = 1 << 30
	want := wanted{rows: map[string]int{}}
	for i := range 250 {
		if err := p.put(key(fmt.Sprint("n", i)), gz(flow(i, 0))); err != nil {
			t.Fatal(err)
		}
		want.rows[row(i, 0)] = 1
	}
	p.mustRun(t, jobs.RunOptions{})
	if err := p.put(key("n7"), gz(flow(7, 1))); err != nil {
		t.Fatal(err)
	}
	if _, err := withCorrected(p.deleting()).Backfill(t.Context(), october()); !errors.Is(err, jobs.ErrInputsGone) || !strings.Contains(err.Error(), "1 object of") || !strings.Contains(err.Error(), key("n7")) {
		t.Errorf("%v", err)
	}
	if err := p.put(key("n7"), gz(flow(7, 0))); err != nil {
		t.Fatal(err)
	}
	if sum, err := withCorrected(p.deleting()).Backfill(t.Context(), october()); err != nil || sum.Replaced != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
	p.check(t, "replaced", want)
}

// TestReplaceWholeBatches: the batches that touch a range are reprocessed in full, and the estimate counts days outside of the range.
func TestReplaceWholeBatches(t *testing.T) {
	p := newMemParts(t, 1)
	p.spec.Limits.BatchBytes = 1 << 20
	want := p.stage(t, 3, 1, 12)
	for _, m := range []string{"02", "03"} {
		if _, err := p.runner().Backfill(t.Context(), jobs.BackfillOptions{From: date("2020-" + m + "-01"), To: date("2020-" + m + "-28")}); err != nil {
			t.Fatal(err)
		}
	}
	p.mustRun(t, jobs.RunOptions{FullSweep: true}) // the other ten months in one batch
	o := jobs.BackfillOptions{From: date("2020-02-02"), To: date("2020-02-02"), Replace: true}
	e, err := withCorrected(p.deleting()).Estimate(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "estimate of one day", fields{"batches": 1, "objects": 3, "days": 1, "outside": 2, "months": 1},
		fields{"batches": e.Batches, "objects": e.Objects, "days": e.Days, "outside": e.OutsideRange, "months": len(e.Months)})
	o = jobs.BackfillOptions{From: date("2020-01-01"), To: date("2020-03-31"), Replace: true, NewestFirst: true}
	e, err = withCorrected(p.deleting()).Estimate(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "estimate of three months", fields{"batches": 3, "objects": 36, "outside": 27, "months": []string{"2020-03", "2020-02", "2020-01"}},
		fields{"batches": e.Batches, "objects": e.Objects, "outside": e.OutsideRange, "months": e.Months})
	// stopped after the first batch and begun again, it does each batch once
	ctx, cancel := context.WithCancel(t.Context())
	r := withCorrected(p.deleting())
	r.Progress = &stopLater{stage: jobs.StageScan, after: 2, stop: cancel}
	sum, err := r.Backfill(ctx, o)
	if !errors.Is(err, jobs.ErrStopped) || sum.Replaced != 1 {
		t.Errorf("stopped: %+v, %v", sum, err)
	}
	if sum, err = withCorrected(p.deleting()).Backfill(t.Context(), o); err != nil || sum.Replaced != 2 {
		t.Errorf("begun again: %+v, %v", sum, err)
	}
	p.check(t, "in the end", want)
}

// TestReplaceShards: shares of a replace, each begun twice at once, do every batch, and no work is done twice while leases hold.
func TestReplaceShards(t *testing.T) {
	p := newMemParts(t, 1)
	want := p.stage(t, 2, 1, 12)
	p.mustRun(t, jobs.RunOptions{FullSweep: true})
	o := jobs.BackfillOptions{From: date("2020-01-01"), To: date("2020-12-31"), Replace: true, Shards: 3}
	var mu sync.Mutex
	var wg sync.WaitGroup
	replaced := make([]int, 3)
	for i := range 6 {
		wg.Go(func() {
			o := o
			o.Shard = i % 3
			sum, err := withCorrected(p.deleting()).Backfill(t.Context(), o)
			if err != nil && !errors.Is(err, ledger.ErrHeld) {
				t.Errorf("shard %d: %v", i, err)
			}
			mu.Lock()
			replaced[o.Shard] += sum.Replaced
			mu.Unlock()
		})
	}
	wg.Wait()
	if n := replaced[0] + replaced[1] + replaced[2]; n != 24 || replaced[0] == 0 || replaced[1] == 0 || replaced[2] == 0 {
		t.Errorf("batches by share: %d", replaced)
	}
	p.check(t, "in the end", want)
}

// TestReplaceHeld: a batch that another replace is processing is left, with exit code 4 if there is nothing else to do; an ordinary run
// works alongside.
func TestReplaceHeld(t *testing.T) {
	p := newMemParts(t, 1)
	_, after, err := p.replaceJob(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gate := &pauseAt{stage: jobs.StageHold, reached: make(chan struct{}), free: make(chan struct{})}
	ended := make(chan error, 1)
	go func() {
		r := withCorrected(p.deleting())
		r.Progress = gate
		_, err := r.Backfill(t.Context(), october())
		ended <- err
	}()
	<-gate.reached
	if sum, err := withCorrected(p.deleting()).Backfill(t.Context(), october()); err != nil || sum.Replaced != 1 || len(sum.Warnings) != 1 {
		t.Errorf("alongside another: %+v, %v", sum, err)
	}
	if _, err := withCorrected(p.deleting()).Backfill(t.Context(), october()); exitCodeOf(err) != 4 {
		t.Errorf("with nothing to do but what another is processing: %v", err)
	}
	if err := p.put(key("d"), gz(flow(7, 0))); err != nil {
		t.Fatal(err)
	}
	after.rows[row(7, 0)] = 1
	if sum, err := withCorrected(p.deleting()).Run(t.Context(), jobs.RunOptions{}); err != nil || sum.Batches != 1 {
		t.Errorf("a run alongside: %+v, %v", sum, err)
	}
	// a replay moves the batch: the replacement begins again, and has the last word
	if sum, err := p.deleting().Replay(t.Context(), jobs.ReplayOptions{}); err != nil {
		t.Errorf("a replay alongside: %+v, %v", sum, err)
	}
	if _, err := withCorrected(p.deleting()).Replay(t.Context(), jobs.ReplayOptions{}); err != nil {
		t.Error(err)
	}
	p.check(t, "while it waits", after)
	close(gate.free)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	p.check(t, "in the end", after)
}

// TestReplacePausedAndDenied: a paused job is left; where deletes turn out to be denied the first batch is the last.
func TestReplacePausedAndDenied(t *testing.T) {
	p := newMemParts(t, 1)
	before, after, err := p.replaceJob(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.runner().Pause(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if sum, err := withCorrected(p.deleting()).Backfill(t.Context(), october()); err != nil || sum.Replaced != 0 || len(sum.Warnings) != 1 {
		t.Errorf("paused: %+v, %v", sum, err)
	}
	p.check(t, "paused", before)
	if _, err := p.runner().Pause(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	r := withCorrected(p.deleting())
	r.Deleter = noDelete{p.lake}
	for range 2 {
		if sum, err := r.Backfill(t.Context(), october()); !errors.Is(err, jobs.ErrNoDelete) || !strings.Contains(err.Error(), "are not deleted yet") {
			t.Errorf("denied: %+v, %v", sum, err)
		}
	}
	if st := p.state0(t); len(st.NotDone()) != 1 {
		t.Errorf("%d batches have their rows twice", len(st.NotDone()))
	}
	if _, err := withCorrected(p.deleting()).Backfill(t.Context(), october()); err != nil {
		t.Fatal(err)
	}
	p.check(t, "in the end", after)
}

func (p *parts) state0(t *testing.T) *ledger.State {
	t.Helper()
	l, err := ledger.Open(p.state, p.spec.Name, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	st, err := l.Fold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// TestReplaceWhole: objects that were quarantined as a whole do not count for what a batch had, and may be read by now.
func TestReplaceWhole(t *testing.T) {
	p := newMemParts(t, 1)
	_, after, err := p.replayJob(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := withCorrected(p.deleting()).Backfill(t.Context(), october()); err != nil {
		t.Fatal(err)
	}
	p.check(t, "replaced", after)
}

// compact gives two batches of a day one file in the place of theirs, as a compaction does. text is that file.
func (p *parts) compact(t *testing.T, text []byte) {
	t.Helper()
	l, err := ledger.Open(p.state, p.spec.Name, ledger.Options{Run: ulid.Make().String()})
	if err != nil {
		t.Fatal(err)
	}
	st, err := l.Fold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bs := st.Batches()
	a := &ledger.Attempt{ID: ulid.Make().String(), Why: ledger.WhyCompact}
	for _, b := range bs {
		a.Moves = append(a.Moves, ledger.Move{Batch: b.ID, Base: b.Base})
		a.Removes = append(a.Removes, b.Files...)
	}
	folder := bs[0].Files[0][:strings.LastIndexByte(bs[0].Files[0], '/')+1]
	held, err := p.lake.Hold(t.Context(), folder+ledger.FileName(bs[0].ID, a.ID, 0), bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	a.Files = []ledger.File{{Held: held, Table: p.spec.Catalog.Table, Values: [3]string{"us-east-1", "111122223333", "20201001"}, Rows: 2}}
	if _, err := l.Commit(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if _, err := l.RollForward(t.Context(), ledger.RollOptions{Lake: p.lake, Deleter: p.lake}); err != nil {
		t.Fatal(err)
	}
}

// sharedJob are two batches that a compaction gave one file, and what is there of them.
func sharedJob(t *testing.T) (*parts, wanted) {
	t.Helper()
	objects := map[string][]byte{key("a"): gz(flow(1, 0), "broken", kindOf(2, 0, "dns")), key("b"): gz("broken", flow(3, 0))}
	build := func(batchBytes int64) *parts {
		p := newMemParts(t, 1)
		p.spec.Limits.BatchBytes = batchBytes
		for k, data := range objects {
			if err := p.put(k, data); err != nil {
				t.Fatal(err)
			}
		}
		p.mustRun(t, jobs.RunOptions{})
		return p
	}
	both := build(1 << 20)
	in, _, err := both.lake.Get(t.Context(), both.state0(t).Batches()[0].Files[0], objstore.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(in)
	in.Close()
	if err != nil {
		t.Fatal(err)
	}
	p := build(1)
	p.compact(t, text)
	want := wanted{rows: map[string]int{row(1, 0): 1, row(3, 0): 1}, quarantined: map[string]int{key("a") + "@2": 1, key("a") + "@3": 1, key("b") + "@1": 1}}
	p.check(t, "compacted", want)
	return p, want
}

// nthCatalog and nthLake are those of a runner of which the n-th call fails, from 1.
type nthCatalog struct {
	catalog.Catalog
	n *int
}

func (c nthCatalog) EnsureTable(ctx context.Context, table catalog.Table) (catalog.Table, error) {
	if *c.n--; *c.n == 0 {
		return catalog.Table{}, errInjected
	}
	return c.Catalog.EnsureTable(ctx, table)
}

type nthLake struct {
	jobs.LakeStore
	n *int
}

func (l nthLake) Hold(ctx context.Context, key string, r io.ReaderAt, size int64) (objstore.Held, error) {
	if *l.n--; *l.n == 0 {
		return objstore.Held{}, errInjected
	}
	return l.LakeStore.Hold(ctx, key, r, size)
}

// TestReplacePartsAreDropped: an attempt at several batches that cannot hold the files of a later one, or grow its table, drops what
// it holds of those before it, and everything stays as it was.
func TestReplacePartsAreDropped(t *testing.T) {
	p, want := sharedJob(t)
	for what, fail := range map[string]func(r *jobs.Runner, n *int){
		"table": func(r *jobs.Runner, n *int) { r.Catalog = nthCatalog{p.catalog, n} },
		"hold":  func(r *jobs.Runner, n *int) { r.Lake = nthLake{p.lake, n} },
	} {
		r, n := withCorrected(p.deleting()), 2
		fail(r, &n)
		if _, err := r.Backfill(t.Context(), october()); !errors.Is(err, errInjected) || n != 0 {
			t.Errorf("%s: %v, %d calls before it", what, err, 2-n)
		}
		held, err := p.lake.HeldList(t.Context(), "")
		if err != nil || len(held) > 0 {
			t.Errorf("%s: %d files are still held, %v", what, len(held), err)
		}
		p.check(t, what, want)
	}
}

// TestReplaceSharedFiles: batches that a compaction gave one file are replaced by one attempt and one entry, each with its own
// quarantine and counts; a change of an object of one takes both back.
func TestReplaceSharedFiles(t *testing.T) {
	p, want := sharedJob(t)

	sum, err := withCorrected(p.deleting()).Backfill(t.Context(), october())
	if err != nil || sum.Replaced != 2 || sum.Batches != 2 || sum.Records.Read != 5 {
		t.Fatalf("%+v, %v", sum, err)
	}
	want.rows[row(2, 0)] = 1
	delete(want.quarantined, key("a")+"@3")
	p.check(t, "replaced", want)
	bs := p.state0(t).Batches()
	if bs[0].Base != bs[1].Base {
		t.Errorf("the two batches were moved by entries %d and %d, want one entry", bs[0].Base, bs[1].Base)
	}
	for i, want := range []ledger.Counts{{Read: 3, Published: 2, Quarantined: 1}, {Read: 2, Published: 1, Quarantined: 1}} {
		same(t, fmt.Sprintf("batch %d", i), fields{"counts": want, "quarantine files": 1}, fields{"counts": bs[i].Counts, "quarantine files": len(bs[i].Quarantine)})
	}
	if len(bs[0].Files) != 2 {
		t.Errorf("batch 0 has the files %q, want 2", bs[0].Files)
	}
	lineage, err := p.lineage(t, sum.Run)
	if err != nil || len(lineage.Commits) != 1 {
		t.Fatalf("%+v, %v", lineage, err)
	}
	for i, k := range []string{key("a"), key("b")} {
		if f := lineage.Commits[0].Files[i]; len(f.Inputs) != 1 || f.Inputs[0].Key != k {
			t.Errorf("file %d came from %+v", i, f.Inputs)
		}
	}
	if sum, err = withCorrected(p.deleting()).Backfill(t.Context(), october()); err != nil || sum.Batches != 0 {
		t.Errorf("once more: %+v, %v", sum, err)
	}

	p.spec.Source.OnChange = "replace"
	if err := p.put(key("b"), gz(flow(4, 0))); err != nil {
		t.Fatal(err)
	}
	delete(want.rows, row(3, 0))
	delete(want.quarantined, key("b")+"@1")
	want.rows[row(4, 0)] = 1
	if sum, err = withCorrected(p.deleting()).Run(t.Context(), jobs.RunOptions{}); err != nil || sum.Replaced != 2 || sum.Objects.Read != 2 {
		t.Errorf("%+v, %v", sum, err)
	}
	p.again(t, want)
}

func (p *parts) lineage(t *testing.T, run string) (ledger.Lineage, error) {
	t.Helper()
	l, err := ledger.Open(p.state, p.spec.Name, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return l.Lineage(t.Context(), run)
}
