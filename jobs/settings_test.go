package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
	"github.com/silt-etl/silt/jobs"
)

// waiting is a staging store whose objects are not given before they may be.
type waiting struct {
	jobs.LakeStore
	asked func() // at the first object
	let   chan struct{}
	once  *sync.Once
}

func wait(s jobs.LakeStore) (w waiting, asked chan struct{}) {
	asked = make(chan struct{})
	return waiting{s, func() { close(asked) }, make(chan struct{}), new(sync.Once)}, asked
}

func (w waiting) Get(ctx context.Context, key string, o objstore.GetOptions) (io.ReadCloser, objstore.Object, error) {
	w.once.Do(w.asked)
	select {
	case <-w.let:
		return w.LakeStore.Get(ctx, key, o)
	case <-ctx.Done():
		return nil, objstore.Object{}, ctx.Err()
	}
}

// leftPlan stages the small job and lets a run plan it and stop before anything is committed.
func (p *parts) leftPlan(t *testing.T) wanted {
	t.Helper()
	want, err := p.smallJob()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := p.runner()
	w, asked := wait(p.staging)
	r.Staging = w
	go func() { <-asked; cancel() }()
	if sum, err := r.Run(ctx, jobs.RunOptions{}); !errors.Is(err, jobs.ErrStopped) || sum.State != "STOPPED" {
		t.Fatalf("%v, %s", err, sum.State)
	}
	return want
}

// TestPlanKeepsItsPlace: a job file that names other places than those a plan was made for is refused, in one line that says what
// changed; put back, or planned again, the job continues.
func TestPlanKeepsItsPlace(t *testing.T) {
	for key, change := range map[string]func(*jobfile.Spec){
		"source.staging":       func(s *jobfile.Spec) { s.Source.Staging += "2" },
		"lake.location":        func(s *jobfile.Spec) { s.Lake.Location += "2" },
		"lake.region":          func(s *jobfile.Spec) { s.Lake.Region = "eu-west-1" },
		"lake.source_name":     func(s *jobfile.Spec) { s.Lake.SourceName = "other" },
		"lake.layout":          func(s *jobfile.Spec) { s.Lake.Layout = "single" },
		"catalog.database":     func(s *jobfile.Spec) { s.Catalog.Database = "other" },
		"catalog.table":        func(s *jobfile.Spec) { s.Catalog.Table = "other" },
		"catalog.table_prefix": func(s *jobfile.Spec) { s.Catalog.TablePrefix = "other" },
	} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			p := newMemParts(t, 1)
			want := p.leftPlan(t)
			was := *p.spec
			now := was
			change(&now)
			p.spec = &now
			sum, err := p.runner().Run(t.Context(), jobs.RunOptions{})
			if !errors.Is(err, jobs.ErrSettings) || sum.State != "FAILED" || exitCodeOf(err) != 1 || sum.Batches > 0 {
				t.Fatalf("%v, %s, %d batches", err, sum.State, sum.Batches)
			}
			for _, s := range []string{key + " was ", "etl run --replan"} {
				if text := err.Error(); !strings.Contains(text, s) || strings.Contains(text, "\n") {
					t.Errorf("%q does not say %q", text, s)
				}
			}
			p.spec = &was
			if sum, err := p.runner().Run(t.Context(), jobs.RunOptions{}); err != nil || sum.Resumed != 2 {
				t.Errorf("put back: %v, %d resumed", err, sum.Resumed)
			}
			p.noProblems(t, "put back", want)

			p = newMemParts(t, 1)
			p.leftPlan(t)
			change(p.spec)
			if sum, err := p.runner().Run(t.Context(), jobs.RunOptions{Replan: true}); err != nil || sum.Records.Published != 5 || sum.Resumed != 0 {
				t.Errorf("--replan: %v, %+v", err, sum)
			}
		})
	}
}

// TestPlanKeepsItsSettings: what decides which rows come out is what it was when the batches were planned; what is new is run as
// the job file says now. A place that is only written otherwise is the same.
func TestPlanKeepsItsSettings(t *testing.T) {
	p := newMemParts(t, 1)
	want := p.leftPlan(t)
	was := *p.spec
	p.spec.EventDays.MaxAge, p.spec.EventDays.MaxFuture = 24*time.Hour, time.Hour // all events are too old
	p.spec.Lake.AccountID, p.spec.Source.KeyPattern = "444455556666", ""
	p.spec.Lake.Location, p.spec.Source.Staging = p.spec.Lake.Location+"/", p.spec.Source.Staging+"/./"
	if err := p.put(key("d"), gz(flow(6, 0))); err != nil {
		t.Fatal(err)
	}
	sum, err := p.runner().Run(t.Context(), jobs.RunOptions{})
	if err != nil || sum.Resumed != 2 || sum.Batches != 3 {
		t.Fatalf("%v, %d resumed, %d batches", err, sum.Resumed, sum.Batches)
	}
	for _, part := range sum.Partitions {
		if !strings.Contains(part.Partition, "accountId=111122223333/") {
			t.Errorf("rows of a plan for account 111122223333 are in %s", part.Partition)
		}
	}
	want.quarantined[key("d")+"@1"] = 1
	p.noProblems(t, "with other settings", want)
	if p.spec.EventDays.MaxAge == was.EventDays.MaxAge || p.spec.Lake.AccountID == was.Lake.AccountID {
		t.Error("the job itself was changed")
	}
}

// TestCommitKeepsItsPlace: files that a run committed and did not publish are held in its lake. Another lake does not have them:
// that is refused, and nothing is taken for lost.
func TestCommitKeepsItsPlace(t *testing.T) {
	p := newMemParts(t, 1)
	want, err := p.smallJob()
	if err != nil {
		t.Fatal(err)
	}
	var down atomic.Bool
	down.Store(true)
	r := p.runner()
	r.Lake = outage{p.lake, &down}
	if _, err := r.Run(t.Context(), jobs.RunOptions{}); !errors.Is(err, errInjected) {
		t.Fatal(err)
	}
	was, lake := p.spec.Lake.Location, p.lake
	p.spec.Lake.Location, p.lake = was+"2", memstore.New("mem://other")
	for _, o := range []jobs.RunOptions{{}, {Replan: true}} {
		sum, err := p.runner().Run(t.Context(), o)
		if !errors.Is(err, jobs.ErrSettings) || !strings.Contains(err.Error(), "lake.location was ") || strings.Contains(err.Error(), "\n") || len(sum.Warnings) > 0 {
			t.Errorf("%+v: %v, %q", o, err, sum.Warnings)
		}
	}
	p.spec.Lake.Location, p.lake = was, lake
	if _, err := p.runner().Run(t.Context(), jobs.RunOptions{}); err != nil {
		t.Error(err)
	}
	p.noProblems(t, "put back", want)
}

// TestFinishedKeepsItsPlace: what is published stays where it is. A command that would add to it, or replace it, in another place is
// refused, and one that would delete in another lake too, where deleting finds nothing and says nothing. Put back, each works.
func TestFinishedKeepsItsPlace(t *testing.T) {
	type command struct {
		name string
		do   func(*jobs.Runner) error
	}
	replay := command{"replay", func(r *jobs.Runner) error { _, err := r.Replay(t.Context(), jobs.ReplayOptions{}); return err }}
	dry := command{"replay --dry-run", func(r *jobs.Runner) error {
		_, err := r.Replay(t.Context(), jobs.ReplayOptions{DryRun: true})
		return err
	}}
	replace := command{"replace", func(r *jobs.Runner) error { _, err := r.Backfill(t.Context(), october()); return err }}
	estimate := command{"estimate", func(r *jobs.Runner) error { _, err := r.Estimate(t.Context(), october()); return err }}
	rewind := command{"rewind", func(r *jobs.Runner) error { _, err := r.Rewind(t.Context(), "", false); return err }}
	dryRewind := command{"rewind --dry-run", func(r *jobs.Runner) error { _, err := r.Rewind(t.Context(), "", true); return err }}
	for _, c := range []struct {
		key      string
		change   func(*jobfile.Spec)
		refused  []command
		goesFrom bool // a rewind does: the files are deleted by their keys, in the lake they are in
	}{
		{"lake.location", func(s *jobfile.Spec) { s.Lake.Location += "2" }, []command{dry, replay, estimate, replace, dryRewind, rewind}, false},
		{"lake.region", func(s *jobfile.Spec) { s.Lake.Region = "eu-west-1" }, []command{dry, replay, estimate, replace}, true},
		{"lake.source_name", func(s *jobfile.Spec) { s.Lake.SourceName = "other" }, []command{dry, replay, estimate, replace}, true},
		{"lake.layout", func(s *jobfile.Spec) { s.Lake.Layout = "single" }, []command{replay, replace}, true},
		{"catalog.database", func(s *jobfile.Spec) { s.Catalog.Database = "other" }, []command{replay, replace}, true},
	} {
		t.Run(c.key, func(t *testing.T) {
			t.Parallel()
			p := newMemParts(t, 1)
			before, after, err := p.replaceJob(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			was, lake, seq := p.spec, p.lake, p.seq(t)
			now := *was
			c.change(&now)
			p.spec = &now
			if c.key == "lake.location" {
				p.lake = memstore.New("mem://other")
			}
			for _, o := range c.refused {
				wantError(t, o.name, o.do(withCorrected(p.deleting())), jobs.ErrSettings, 1, c.key+" was ", "put the setting back")
			}
			if p.seq(t) != seq {
				t.Error("something was written")
			}
			p.spec, p.lake = was, lake
			p.check(t, "refused", before)
			if c.goesFrom {
				p.spec = &now
				if err := rewind.do(p.deleting()); err != nil {
					t.Fatal(err)
				}
				if err := p.lake.List(t.Context(), objstore.ListOptions{Prefix: "ext/"}, func(o objstore.Object) error { t.Errorf("%s is visible", o.Key); return nil }); err != nil {
					t.Error(err)
				}
				return
			}
			if err := replace.do(withCorrected(p.deleting())); err != nil {
				t.Error(err)
			}
			p.check(t, "put back and replaced", after)
		})
	}
}

// TestRewindKeepsItsPlace: what a rewind has withdrawn and not deleted yet is deleted in its own lake: another one does not have it,
// and the run refuses to take that for done.
func TestRewindKeepsItsPlace(t *testing.T) {
	p := newMemParts(t, 1)
	want, err := p.smallJob()
	if err != nil {
		t.Fatal(err)
	}
	p.mustRun(t, jobs.RunOptions{})
	r := p.runner()
	r.Deleter = noDelete{p.lake}
	if _, err := r.Rewind(t.Context(), "", false); !errors.Is(err, objstore.ErrDenied) {
		t.Fatal(err)
	}
	was, lake := p.spec.Lake.Location, p.lake
	p.spec.Lake.Location, p.lake = was+"2", memstore.New("mem://other")
	if sum, err := p.deleting().Run(t.Context(), jobs.RunOptions{}); !errors.Is(err, jobs.ErrSettings) || !strings.Contains(err.Error(), "lake.location was ") || sum.Batches > 0 {
		t.Errorf("%+v, %v", sum, err)
	}
	p.spec.Lake.Location, p.lake = was, lake
	p.mustRun(t, jobs.RunOptions{})
	p.again(t, want)
}

// TestReplayCommitKeepsItsPlace: what a replay has committed and not published is held in its lake, and is not taken for lost in another.
func TestReplayCommitKeepsItsPlace(t *testing.T) {
	p := newMemParts(t, 1)
	if _, _, err := p.replaceJob(t.Context()); err != nil {
		t.Fatal(err)
	}
	var down atomic.Bool
	down.Store(true)
	r := withCorrected(p.runner())
	r.Lake = outage{p.lake, &down}
	if _, err := r.Replay(t.Context(), jobs.ReplayOptions{}); !errors.Is(err, errInjected) {
		t.Fatal(err)
	}
	was, lake := p.spec.Lake.Location, p.lake
	p.spec.Lake.Location, p.lake = was+"2", memstore.New("mem://other")
	if sum, err := p.afterwards().Run(t.Context(), jobs.RunOptions{}); !errors.Is(err, jobs.ErrSettings) || len(sum.Warnings) > 0 {
		t.Errorf("%+v, %v", sum, err)
	}
	p.spec.Lake.Location, p.lake = was, lake
	if _, err := withCorrected(p.afterwards()).Replay(t.Context(), jobs.ReplayOptions{}); err != nil {
		t.Fatal(err)
	}
	p.check(t, "put back", wanted{rows: map[string]int{row(1, 0): 1, row(2, 0): 1, row(3, 1): 1, row(4, 1): 1, row(5, 0): 1, row(6, 2): 1}, quarantined: map[string]int{key("a") + "@3": 1}})
}

// TestMaxConcurrentRuns: as many runs of a job work at the same time as it allows, each on its own objects; one more reports
// who is, waits with exit code 4, and writes nothing but its own record.
func TestMaxConcurrentRuns(t *testing.T) {
	for limit := 1; limit <= 3; limit++ {
		p := newMemParts(t, 1)
		p.spec.Limits.MaxConcurrentRuns = limit
		want := wanted{map[string]int{}, map[string]int{}}
		var atWork []waiting
		ended := make(chan error, limit)
		for i := range limit {
			if err := p.put(key(string(rune('a'+i))), gz(flow(i, 0))); err != nil {
				t.Fatal(err)
			}
			want.rows[row(i, 0)]++
			w, asked := wait(p.staging)
			r := p.runner()
			r.Staging = w
			go func() {
				sum, err := r.Run(t.Context(), jobs.RunOptions{})
				if err == nil && sum.Records.Published != 1 {
					t.Errorf("limit %d: run %d published %d records", limit, i, sum.Records.Published)
				}
				ended <- err
			}()
			select {
			case <-asked:
			case err := <-ended:
				t.Fatalf("limit %d: run %d, which is allowed to continue, ended: %v", limit, i, err)
			}
			atWork = append(atWork, w)
		}
		if err := p.put(key("z"), gz(flow(99, 0))); err != nil {
			t.Fatal(err)
		}
		want.rows[row(99, 0)]++
		sum, err := p.runner().Run(t.Context(), jobs.RunOptions{})
		wantError(t, fmt.Sprintf("one run over the limit of %d", limit), err, ledger.ErrHeld, 4, "limits.max_concurrent_runs is ")
		if sum.State != "WAITING" {
			t.Errorf("limit %d: one run more ended as %s, want WAITING", limit, sum.State)
		}
		l, err := jobs.OpenLedger(p.spec, p.state)
		if err != nil {
			t.Fatal(err)
		}
		if i, err := l.Run(t.Context(), sum.Run); err != nil || i.State != ledger.RunWaiting || i.End.ExitCode != 4 {
			t.Errorf("limit %d: it is recorded as %+v, %v", limit, i, err)
		}
		if st, err := l.Fold(t.Context()); err != nil || int(st.Seq()) != limit {
			t.Errorf("limit %d: %d entries, %v", limit, st.Seq(), err)
		}
		for _, w := range atWork {
			close(w.let)
		}
		for range limit {
			if err := <-ended; err != nil {
				t.Errorf("limit %d: a run that was working: %v", limit, err)
			}
		}
		if sum, err := p.runner().Run(t.Context(), jobs.RunOptions{}); err != nil || sum.Records.Published != 1 {
			t.Errorf("limit %d: the run after: %v", limit, err)
		}
		p.noProblems(t, "in the end", want)
	}
}
