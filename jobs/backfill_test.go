package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/jobs"
)

func date(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

// stage puts an object a day on the first n days of each month of 2020, with a flow of its own, and gives all rows of the months
// from and to, both included.
func (p *parts) stage(t *testing.T, n, from, to int) wanted {
	t.Helper()
	want := wanted{rows: map[string]int{}}
	for month := 1; month <= 12; month++ {
		for day := 1; day <= n; day++ {
			id := month*100 + day
			k := strings.Replace(key(fmt.Sprint("o", id)), "2020/10/01", fmt.Sprintf("2020/%02d/%02d", month, day), 1)
			if err := p.put(k, gz(flow(id, 0))); err != nil {
				t.Fatal(err)
			}
			if month >= from && month <= to {
				want.rows[row(id, 0)] = 1
			}
		}
	}
	return want
}

func TestBackfill(t *testing.T) {
	bothStores(t, func(t *testing.T, p *parts) {
		p.spec.Limits.BatchBytes = 1 << 20
		want := p.stage(t, 2, 3, 4)
		o := jobs.BackfillOptions{From: date("2020-03-01"), To: date("2020-04-30")}
		e, err := p.runner().Estimate(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "estimate", fields{"objects": 4, "days": 4, "months": 2, "minutes": 0.0}, fields{"objects": e.Objects, "days": e.Days, "months": len(e.Months), "minutes": e.Minutes})
		sum, err := p.runner().Backfill(t.Context(), o)
		if err != nil || sum.Batches != 2 || sum.Objects.Read != 4 || sum.Objects.Listed != 4 {
			t.Fatalf("%+v, %v", sum, err) // a batch for each month, and no other month's folder was listed
		}
		p.again(t, want)
		if sum, err = p.runner().Backfill(t.Context(), o); err != nil || sum.Batches != 0 {
			t.Errorf("once more: %+v, %v", sum, err)
		}
		o.To = date("2020-05-01") // one day more, of a month that is not whole
		e, err = p.runner().Estimate(t.Context(), o)
		if err != nil || e.Objects != 1 || e.Taken != 4 || e.Minutes <= 0 {
			t.Errorf("estimate of one day more: %+v, %v", e, err)
		}
		if _, err = p.runner().Backfill(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		want.rows[row(501, 0)] = 1
		p.again(t, want)
	})
}

func TestBackfillByTime(t *testing.T) {
	p := newMemParts(t, 1)
	p.spec.Source.KeyPattern = ""
	want, err := p.smallJob()
	if err != nil {
		t.Fatal(err)
	}
	obj, err := p.staging.Head(t.Context(), key("a"))
	if err != nil {
		t.Fatal(err)
	}
	now := obj.LastModified.UTC().Truncate(24 * time.Hour)
	if sum, err := p.runner().Backfill(t.Context(), jobs.BackfillOptions{From: date("2020-01-01"), To: now.AddDate(0, 0, -2)}); err != nil || sum.Batches != 0 {
		t.Errorf("days before: %+v, %v", sum, err)
	}
	if _, err := p.runner().Backfill(t.Context(), jobs.BackfillOptions{From: now.AddDate(0, 0, -1), To: now.AddDate(0, 0, 1)}); err != nil {
		t.Fatal(err)
	}
	p.again(t, want)
}

// TestBackfillStopped: a backfill is stopped again and again; begun again with the same command it comes to its end.
func TestBackfillStopped(t *testing.T) {
	p := newMemParts(t, 1)
	want := p.stage(t, 2, 1, 12)
	o := jobs.BackfillOptions{From: date("2020-01-01"), To: date("2020-12-31"), NewestFirst: true}
	stops := 0
	for batches := 0; ; stops++ {
		ctx, cancel := context.WithCancel(t.Context())
		r := p.runner()
		r.Progress = &stopLater{stage: jobs.StageWrite, after: 6, stop: cancel}
		sum, err := r.Backfill(ctx, o)
		cancel()
		batches += sum.Batches
		if err == nil {
			if batches != 24 {
				t.Errorf("%d batches were committed", batches)
			}
			break
		}
		if !errors.Is(err, jobs.ErrStopped) || stops > 30 {
			t.Fatal(err)
		}
	}
	if stops < 3 {
		t.Errorf("it was stopped %d times", stops)
	}
	p.again(t, want)
}

// stopLater stops a run when a stage begins for the after-th time.
type stopLater struct {
	stage string
	after int
	stop  func()
}

func (s *stopLater) Begin(stage string, _ int64, _ string) {
	if stage == s.stage {
		if s.after--; s.after == 0 {
			s.stop()
		}
	}
}
func (*stopLater) Add(string, int64) {}

func TestBackfillShards(t *testing.T) {
	p := newMemParts(t, 1)
	p.spec.Limits.BatchBytes = 1 << 20
	want := p.stage(t, 3, 1, 12)
	var wg sync.WaitGroup
	read := make([]int, 3)
	for i := range read {
		wg.Go(func() {
			o := jobs.BackfillOptions{From: date("2020-01-01"), To: date("2020-12-31"), Shards: len(read), Shard: i}
			sum, err := p.runner().Backfill(t.Context(), o)
			if err != nil {
				t.Errorf("shard %d: %v", i, err)
			}
			read[i] = sum.Objects.Read
		})
	}
	wg.Wait()
	if n := read[0] + read[1] + read[2]; n != 36 || read[0] == 0 || read[1] == 0 || read[2] == 0 {
		t.Errorf("objects by shard: %d", read)
	}
	p.again(t, want)
}

// pauseAt waits in a stage until it is let go.
type pauseAt struct {
	stage         string
	once          sync.Once
	reached, free chan struct{}
}

func (s *pauseAt) Begin(stage string, _ int64, _ string) {
	if stage == s.stage {
		s.once.Do(func() { close(s.reached); <-s.free })
	}
}
func (*pauseAt) Add(string, int64) {}

// TestRunBesideBackfill: while a backfill is in the middle of a batch, an ordinary run takes what is new, and one with nothing to do
// succeeds; a second backfill of the same days reports that another one is processing them.
func TestRunBesideBackfill(t *testing.T) {
	p := newMemParts(t, 1)
	want := p.stage(t, 1, 1, 12)
	gate := &pauseAt{stage: jobs.StageHold, reached: make(chan struct{}), free: make(chan struct{})}
	ended := make(chan error, 1)
	o := jobs.BackfillOptions{From: date("2020-01-01"), To: date("2020-06-30")}
	go func() {
		r := p.runner()
		r.Progress = gate
		_, err := r.Backfill(t.Context(), o)
		ended <- err
	}()
	<-gate.reached
	sum, err := p.runner().Run(t.Context(), jobs.RunOptions{})
	if err != nil || sum.Objects.Read != 11 || sum.Resumed != 0 {
		t.Errorf("run alongside a backfill: %+v, %v", sum, err)
	}
	if sum, err = p.runner().Run(t.Context(), jobs.RunOptions{}); err != nil || sum.Batches != 0 {
		t.Errorf("run with nothing to do: %+v, %v", sum, err)
	}
	if _, err := p.runner().Backfill(t.Context(), o); !errors.Is(err, ledger.ErrHeld) {
		t.Errorf("the same backfill twice: %v", err)
	}
	if _, err := p.runner().Backfill(t.Context(), jobs.BackfillOptions{From: date("2020-03-01"), To: date("2020-06-30")}); err != nil {
		t.Errorf("a backfill of other days: %v", err)
	}
	close(gate.free)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	p.again(t, want)
}
