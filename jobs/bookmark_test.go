package jobs_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/jobs"
)

// deleting is a runner with the right to delete.
func (p *parts) deleting() *jobs.Runner {
	r := p.runner()
	r.Deleter = p.lake
	return r
}

// left are the problems of a job that was rewound or replanned: its old batches stay, released.
func (p *parts) left(ctx context.Context, want wanted) []string {
	return slices.DeleteFunc(p.problems(ctx, want), func(s string) bool { return strings.HasSuffix(s, "is released") })
}

func (p *parts) again(t *testing.T, want wanted) {
	t.Helper()
	for _, s := range p.left(t.Context(), want) {
		t.Error(s)
	}
}

func (p *parts) mustRun(t *testing.T, o jobs.RunOptions) *report.Summary {
	t.Helper()
	sum, err := p.deleting().Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func bothStores(t *testing.T, test func(t *testing.T, p *parts)) {
	t.Run("mem", func(t *testing.T) { test(t, newMemParts(t, 1)) })
	t.Run("dir", func(t *testing.T) { test(t, newDirParts(t, 1)) })
}

func TestRewind(t *testing.T) {
	bothStores(t, func(t *testing.T, p *parts) {
		want, err := p.smallJob()
		if err != nil {
			t.Fatal(err)
		}
		first := p.mustRun(t, jobs.RunOptions{})
		if err := p.put(key("d"), gz(flow(6, 0))); err != nil {
			t.Fatal(err)
		}
		want.rows[row(6, 0)] = 1
		p.mustRun(t, jobs.RunOptions{})

		if _, err := p.runner().Rewind(t.Context(), "", false); !errors.Is(err, jobs.ErrNoDelete) {
			t.Errorf("rewind without the right to delete: %v", err)
		}
		dry, err := p.deleting().Rewind(t.Context(), first.Run, true)
		if err != nil || dry.Batches != 1 || dry.Rows != 1 || len(dry.Files) != 1 {
			t.Fatalf("dry rewind: %+v, %v", dry, err)
		}
		p.again(t, want) // nothing was written
		w, err := p.deleting().Rewind(t.Context(), first.Run, false)
		if err != nil || w.Entry == 0 || w.Deleted != 1 {
			t.Fatalf("rewind: %+v, %v", w, err)
		}
		if _, err := p.lake.Head(t.Context(), w.Files[0]); !errors.Is(err, objstore.ErrNotExist) {
			t.Errorf("file of a rewound batch: %v", err)
		}
		if sum := p.mustRun(t, jobs.RunOptions{}); sum.Objects.Read != 1 || sum.Records.Published != 1 {
			t.Errorf("run after a rewind: %+v", sum)
		}
		p.again(t, want)
		if w, err = p.deleting().Rewind(t.Context(), "", false); err != nil || w.Objects != 4 || w.Rows != 6 {
			t.Fatalf("reset: %+v, %v", w, err)
		}
		p.mustRun(t, jobs.RunOptions{})
		p.again(t, want)
		if _, err := p.deleting().Rewind(t.Context(), "01HZZZZZZZZZZZZZZZZZZZZZZZ", true); err == nil {
			t.Error("rewind to a run that is none")
		}
	})
}

// TestRewindStopped: a rewind fails at every operation in turn; the next run ends it, and reads the objects again once.
func TestRewindStopped(t *testing.T) {
	for n := 0; ; n++ {
		p := newMemParts(t, 1)
		want, err := p.smallJob()
		if err != nil {
			t.Fatal(err)
		}
		p.mustRun(t, jobs.RunOptions{})
		f := &injector{at: n, how: faultDead}
		r := p.faulty(f)
		r.Deleter = faultStore{p.lake, f}
		_, err = r.Rewind(t.Context(), "", false)
		p.mustRun(t, jobs.RunOptions{})
		p.again(t, want)
		if f.what == "" || t.Failed() {
			if err != nil && !t.Failed() {
				t.Error(err)
			}
			return
		}
	}
}

func TestPause(t *testing.T) {
	p := newMemParts(t, 1)
	want, err := p.smallJob()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.runner().Pause(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if sum := p.mustRun(t, jobs.RunOptions{}); sum.Objects.Listed != 0 || sum.Batches != 0 || len(sum.Warnings) != 1 {
		t.Errorf("run of a paused job: %+v", sum)
	}
	if _, err := p.runner().Pause(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	p.mustRun(t, jobs.RunOptions{})
	p.again(t, want)
}

func TestReplan(t *testing.T) {
	p := newMemParts(t, 1)
	want, err := p.smallJob()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := p.runner()
	r.Progress = stopAt{jobs.StageWrite, cancel}
	if _, err := r.Run(ctx, jobs.RunOptions{}); !errors.Is(err, jobs.ErrStopped) {
		t.Fatalf("stopped run: %v", err)
	}
	if sum := p.mustRun(t, jobs.RunOptions{Replan: true}); sum.Resumed != 0 || sum.Objects.New == 0 {
		t.Errorf("replan: %+v", sum)
	}
	p.again(t, want)
	if sum := p.mustRun(t, jobs.RunOptions{Replan: true}); sum.Batches != 0 {
		t.Errorf("replan with nothing open: %+v", sum)
	}
}

// stopAt stops a run when a stage begins.
type stopAt struct {
	stage string
	stop  func()
}

func (s stopAt) Begin(stage string, _ int64, _ string) {
	if stage == s.stage {
		s.stop()
	}
}
func (stopAt) Add(string, int64) {}

func TestSkipBefore(t *testing.T) {
	day := time.Date(2020, 10, 2, 0, 0, 0, 0, time.UTC)
	old, young := key("a"), strings.Replace(key("b"), "10/01", "10/02", 1)
	for name, pattern := range map[string]string{"by key": "as it is", "by time": ""} {
		t.Run(name, func(t *testing.T) {
			p := newMemParts(t, 1)
			before, want := day, 1
			if pattern == "" {
				p.spec.Source.KeyPattern = ""
				before, want = time.Now().Add(24*time.Hour), 2
			}
			for k, id := range map[string]int{old: 1, young: 2} {
				if err := p.put(k, gz(flow(id, 0))); err != nil {
					t.Fatal(err)
				}
			}
			if m, err := p.runner().SkipBefore(t.Context(), before, true); err != nil || m.Objects != want {
				t.Fatalf("dry: %+v, %v", m, err)
			}
			if m, err := p.runner().SkipBefore(t.Context(), before, false); err != nil || m.Objects != want || m.Bound != (pattern == "") {
				t.Fatalf("%+v, %v", m, err)
			}
			if sum := p.mustRun(t, jobs.RunOptions{}); sum.Objects.Taken != want || sum.Objects.Read != 2-want {
				t.Errorf("run: %+v", sum.Objects)
			}
		})
	}
}

func TestChangedObjects(t *testing.T) {
	for _, how := range []string{"process", "ignore"} {
		t.Run(how, func(t *testing.T) {
			p := newMemParts(t, 1)
			p.spec.Source.OnChange = how
			put := func(k string, id int) {
				if err := p.put(k, gz(flow(id, 0))); err != nil {
					t.Fatal(err)
				}
			}
			put(key("a"), 1)
			first := p.mustRun(t, jobs.RunOptions{})
			if first.Objects.Changed+first.Objects.Ignored != 0 {
				t.Errorf("first run: %+v", first.Objects)
			}
			put(key("a"), 2)
			want := wanted{rows: map[string]int{row(1, 0): 1}}
			o := p.mustRun(t, jobs.RunOptions{}).Objects
			if how == "process" {
				want.rows[row(2, 0)] = 1
				if o.Changed != 1 || o.Ignored != 0 || o.Read != 1 {
					t.Errorf("%+v", o)
				}
			} else if o.Changed != 0 || o.Ignored != 1 || o.Read != 0 {
				t.Errorf("%+v", o)
			}
			p.again(t, want)
			// Once the earlier version is rewound, no version of the object counts as taken: its current version is loaded.
			if _, err := p.deleting().Rewind(t.Context(), "", false); err != nil {
				t.Fatal(err)
			}
			if o := p.mustRun(t, jobs.RunOptions{}).Objects; o.Read != 1 || o.Changed+o.Ignored != 0 {
				t.Errorf("after a rewind: %+v", o)
			}
			p.again(t, wanted{rows: map[string]int{row(2, 0): 1}})
		})
	}
}
