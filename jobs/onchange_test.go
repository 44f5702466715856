package jobs_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
	"github.com/silt-etl/silt/jobs"
)

// changing is a job that replaces what changes: a, b and c in two batches were run.
func (p *parts) changing(t *testing.T) wanted {
	t.Helper()
	p.spec.Source.OnChange = "replace"
	want, err := p.smallJob()
	if err != nil {
		t.Fatal(err)
	}
	p.mustRun(t, jobs.RunOptions{})
	p.check(t, "at first", want)
	p.spec.Limits.BatchBytes = 1 << 20
	return want
}

// TestOnChangeReplace: the new version takes the place of the earlier one, with whatever else its batch had, once, also when it
// changes again, and when it changes back to what it was.
func TestOnChangeReplace(t *testing.T) {
	bothStores(t, func(t *testing.T, p *parts) {
		want := p.changing(t)
		if _, err := p.runner().Run(t.Context(), jobs.RunOptions{}); !errors.Is(err, jobs.ErrNoDelete) {
			t.Errorf("without the right to delete: %v", err)
		}
		if _, err := p.runner().Backfill(t.Context(), jobs.BackfillOptions{From: date("2020-10-01"), To: date("2020-10-01")}); !errors.Is(err, jobs.ErrNoDelete) {
			t.Errorf("a backfill without the right to delete: %v", err)
		}
		first := gz(flow(1, 0), flow(2, 1))
		for _, v := range []struct {
			data []byte
			rows []string
		}{{gz(flow(11, 0)), []string{row(11, 0)}}, {gz(flow(12, 1), flow(13, 2)), []string{row(12, 1), row(13, 2)}}, {first, []string{row(1, 0), row(2, 1)}}} {
			for _, id := range []string{row(1, 0), row(2, 1), row(11, 0)} {
				delete(want.rows, id)
			}
			delete(want.rows, row(12, 1))
			delete(want.rows, row(13, 2))
			for _, r := range v.rows {
				want.rows[r] = 1
			}
			if err := p.put(key("a"), v.data); err != nil {
				t.Fatal(err)
			}
			sum := p.mustRun(t, jobs.RunOptions{})
			same(t, "a changed object", fields{"batches": 1, "replaced": 1, "changed": 1, "read": 2, "new": 2},
				fields{"batches": sum.Batches, "replaced": sum.Replaced, "changed": sum.Objects.Changed, "read": sum.Objects.Read, "new": sum.Objects.New})
			p.again(t, want)
			if sum = p.mustRun(t, jobs.RunOptions{}); sum.Batches != 0 || sum.Replaced != 0 {
				t.Errorf("nothing changed: %+v", sum)
			}
		}
	})
}

// TestOnChangeInputGone: a batch with a deleted object is not reprocessed; the new version is loaded next to its rows.
func TestOnChangeInputGone(t *testing.T) {
	p := newMemParts(t, 1)
	want := p.changing(t)
	if err := p.put(key("a"), gz(flow(11, 0))); err != nil {
		t.Fatal(err)
	}
	if err := p.staging.Delete(t.Context(), key("b")); err != nil {
		t.Fatal(err)
	}
	want.rows[row(11, 0)] = 1
	sum := p.mustRun(t, jobs.RunOptions{})
	if sum.Replaced != 0 || sum.Objects.Read != 1 || len(sum.Warnings) != 1 || !strings.Contains(sum.Warnings[0], key("b")+" is not in staging any more") {
		t.Errorf("%+v", sum)
	}
	p.again(t, want)
}

// TestOnChangeUnsettled: while another object of the batch is too young, the batch and the changed object wait.
func TestOnChangeUnsettled(t *testing.T) {
	p := newMemParts(t, 1)
	want := p.changing(t)
	if err := p.put(key("a"), gz(flow(11, 0))); err != nil {
		t.Fatal(err)
	}
	o, err := p.staging.Head(t.Context(), key("a"))
	if err != nil {
		t.Fatal(err)
	}
	p.staging.(*memstore.Store).SetNow(o.LastModified.Add(time.Minute))
	if err := p.put(key("b"), gz(flow(3, 0))); err != nil {
		t.Fatal(err)
	}
	p.spec.Source.Settle = time.Hour
	p.state.(*memstore.Store).SetNow(o.LastModified.Add(time.Hour + time.Second))
	sum, err := p.deleting().Run(t.Context(), jobs.RunOptions{})
	if err != nil || sum.Replaced != 0 || sum.Objects.Read != 0 || sum.Objects.Unsettled != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
	p.again(t, want)
	p.spec.Source.Settle = 0
	delete(want.rows, row(1, 0))
	delete(want.rows, row(2, 1))
	delete(want.quarantined, key("b")+"@2")
	want.rows[row(11, 0)] = 1
	if sum = p.mustRun(t, jobs.RunOptions{}); sum.Replaced != 1 || sum.Objects.Read != 2 {
		t.Errorf("%+v", sum)
	}
	p.again(t, want)
}

// TestOnChangeOpen: while another run still reads the earlier version, the new one waits.
func TestOnChangeOpen(t *testing.T) {
	p := newMemParts(t, 1)
	p.spec.Source.OnChange = "replace"
	want, err := p.smallJob()
	if err != nil {
		t.Fatal(err)
	}
	gate := &pauseAt{stage: jobs.StageHold, reached: make(chan struct{}), free: make(chan struct{})}
	ended := make(chan error, 1)
	go func() {
		r := p.deleting()
		r.Progress = gate
		_, err := r.Backfill(t.Context(), jobs.BackfillOptions{From: date("2020-10-01"), To: date("2020-10-01")})
		ended <- err
	}()
	<-gate.reached
	if err := p.put(key("a"), gz(flow(11, 0))); err != nil {
		t.Fatal(err)
	}
	if sum, err := p.deleting().Run(t.Context(), jobs.RunOptions{}); err != nil || sum.Batches != 0 {
		t.Errorf("%+v, %v", sum, err)
	}
	close(gate.free)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	p.check(t, "the backfill has read the earlier version", want)
	delete(want.rows, row(1, 0))
	delete(want.rows, row(2, 1))
	want.rows[row(11, 0)] = 1
	if sum := p.mustRun(t, jobs.RunOptions{}); sum.Replaced != 1 {
		t.Errorf("%+v", sum)
	}
	p.again(t, want)
}

// TestOnChangeDenied: while withdrawn files cannot be deleted, their objects are not published again.
func TestOnChangeDenied(t *testing.T) {
	p := newMemParts(t, 1)
	want := p.changing(t)
	if err := p.put(key("a"), gz(flow(11, 0))); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r := p.runner()
		r.Deleter = noDelete{p.lake}
		if sum, err := r.Run(t.Context(), jobs.RunOptions{}); !errors.Is(err, jobs.ErrNoDelete) || !errors.Is(err, objstore.ErrDenied) || sum.Records.Published != 0 {
			t.Errorf("%+v, %v", sum, err)
		}
	}
	delete(want.rows, row(1, 0))
	delete(want.rows, row(2, 1))
	want.rows[row(11, 0)] = 1
	p.mustRun(t, jobs.RunOptions{})
	p.again(t, want)
}

// TestOnChangeOtherLake: the batch of the earlier version is in another lake, where this job cannot delete: the new version is loaded
// next to its rows, with a warning.
func TestOnChangeOtherLake(t *testing.T) {
	p := newMemParts(t, 1)
	want := p.changing(t)
	old := p.lake
	p.spec.Lake.Location += "2"
	p.lake = memstore.New("mem://other")
	if err := p.put(key("a"), gz(flow(11, 0))); err != nil {
		t.Fatal(err)
	}
	sum := p.mustRun(t, jobs.RunOptions{})
	if sum.Replaced != 0 || sum.Objects.Read != 1 || len(sum.Warnings) != 1 || !strings.Contains(sum.Warnings[0], "lake.location was ") {
		t.Errorf("%+v", sum)
	}
	for lake, rows := range map[jobs.LakeStore]map[string]int{old: want.rows, p.lake: {row(11, 0): 1}} {
		p.lake = lake
		is := map[string]int{}
		if err := lake.List(t.Context(), objstore.ListOptions{Prefix: "ext/"}, func(o objstore.Object) error { return p.rowsOf(t.Context(), o.Key, is) }); err != nil {
			t.Error(err)
		}
		for _, s := range differ(lake.String(), is, rows) {
			t.Error(s)
		}
	}
}

// TestOnChangeListsLittle: once the new version of an object of an old day is taken, a run lists the days of the lookback again, and no
// more; while it waits, it is found.
func TestOnChangeListsLittle(t *testing.T) {
	p := newMemParts(t, 1)
	p.spec.Source.OnChange, p.spec.Source.RecheckFolders = "replace", 0
	old := strings.Replace(key("a"), "/10/01/", "/09/01/", 1)
	if old == key("a") {
		t.Fatal(old)
	}
	want := wanted{rows: map[string]int{row(1, 0): 1, row(2, 0): 1}, quarantined: map[string]int{}}
	for k, data := range map[string][]byte{old: gz(flow(9, 0)), key("b"): gz(flow(2, 0))} {
		if err := p.put(k, data); err != nil {
			t.Fatal(err)
		}
	}
	p.mustRun(t, jobs.RunOptions{})
	if err := p.put(old, gz(flow(1, 0))); err != nil {
		t.Fatal(err)
	}
	if sum := p.mustRun(t, jobs.RunOptions{}); sum.Objects.Listed != 1 || sum.Replaced != 0 {
		t.Errorf("before the lookback: %+v", sum)
	}
	r := p.deleting()
	w, asked := wait(p.staging)
	r.Staging = w
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, err := r.Run(ctx, jobs.RunOptions{FullSweep: true}); !errors.Is(err, jobs.ErrStopped) {
		t.Fatal(err)
	}
	if sum := p.mustRun(t, jobs.RunOptions{Replan: true}); sum.Objects.Listed != 2 || sum.Objects.Read != 1 {
		t.Errorf("while it waits: %+v", sum)
	}
	p.again(t, want)
	if sum := p.mustRun(t, jobs.RunOptions{}); sum.Objects.Listed != 1 {
		t.Errorf("after it: %+v", sum)
	}
}
