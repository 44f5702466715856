package jobs_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/doctor"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/jobs"
)

// keyOf is the key of an object of a day (example: 2020/10/01).
func keyOf(day, name string) string { return strings.Replace(key(name), "2020/10/01", day, 1) }

// stageDay puts an object of a day with a flow of its own.
func (p *parts) stageDay(t *testing.T, want wanted, day string, flowID int) {
	t.Helper()
	if err := p.put(keyOf(day, fmt.Sprint("o", flowID)), gz(flow(flowID, 0))); err != nil {
		t.Fatal(err)
	}
	want.rows[row(flowID, 0)] = 1
}

func (p *parts) setClock(t time.Time) {
	for _, s := range []jobs.LakeStore{p.staging, p.lake, p.state} {
		s.(*memstore.Store).SetNow(t)
	}
}

func warned(sum *report.Summary, text string) bool {
	return slices.ContainsFunc(sum.Warnings, func(w string) bool { return strings.Contains(w, text) })
}

// leftOut is what etl doctor finds that runs do not list.
func (p *parts) leftOut(t *testing.T) doctor.LeftOut {
	t.Helper()
	return leftOutOf(t, p.runner())
}

func leftOutOf(t *testing.T, r *jobs.Runner) (out doctor.LeftOut) {
	t.Helper()
	_, err := r.Maintain(t.Context(), true, func(ctx context.Context, pl doctor.Places) (err error) {
		out, err = pl.LeftOut(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestFutureDay: an object whose key names a day in the future does not keep later runs from the days that come, whoever took it,
// and whether or not a checkpoint has it.
func TestFutureDay(t *testing.T) {
	take := map[string]func(t *testing.T, p *parts, day string) *report.Summary{
		"run": func(t *testing.T, p *parts, _ string) *report.Summary { return p.mustRun(t, jobs.RunOptions{}) },
		"run without key_pattern": func(t *testing.T, p *parts, _ string) *report.Summary { // plans as versions did that mixed all days
			pattern := p.spec.Source.KeyPattern
			p.spec.Source.KeyPattern = ""
			defer func() { p.spec.Source.KeyPattern = pattern }()
			return p.mustRun(t, jobs.RunOptions{})
		},
		"backfill": func(t *testing.T, p *parts, day string) *report.Summary {
			d := date(strings.ReplaceAll(day, "/", "-"))
			for _, o := range []jobs.BackfillOptions{{From: d, To: d}, {From: date("2020-10-01"), To: date("2020-10-01")}} {
				if _, err := p.runner().Backfill(t.Context(), o); err != nil {
					t.Fatal(err)
				}
			}
			return nil
		},
		"shards": func(t *testing.T, p *parts, day string) *report.Summary {
			for n := range 3 {
				o := jobs.BackfillOptions{From: date("2020-10-01"), To: date(strings.ReplaceAll(day, "/", "-")), Shards: 3, Shard: n}
				if _, err := p.runner().Backfill(t.Context(), o); err != nil {
					t.Fatal(err)
				}
			}
			return nil
		},
	}
	for _, day := range []string{"2027/12/31", "9999/12/31"} {
		for name, first := range take {
			for _, checkpoints := range []int{0, 1} {
				t.Run(fmt.Sprintf("%s by %s, %d", strings.ReplaceAll(day, "/", "-"), name, checkpoints), func(t *testing.T) {
					p := newMemParts(t, 1<<20)
					p.checkpoints = checkpoints
					want := wanted{rows: map[string]int{}}
					p.setClock(date("2020-10-01").Add(12 * time.Hour))
					p.stageDay(t, want, "2020/10/01", 1)
					p.stageDay(t, want, day, 2)
					if sum := first(t, p, day); sum != nil && name == "run" && !warned(sum, keyOf(day, "o2")) {
						t.Errorf("the run that takes the object does not warn: %q", sum.Warnings)
					}
					for id := 3; id < 9; id++ {
						today := date("2020-10-01").AddDate(0, 0, id-2)
						p.setClock(today.Add(12 * time.Hour))
						p.stageDay(t, want, today.Format("2006/01/02"), id)
						sum := p.mustRun(t, jobs.RunOptions{})
						if sum.Objects.Read != 1 || len(sum.Warnings) > 0 {
							t.Fatalf("on %s %d objects were read, warnings %q", today.Format(time.DateOnly), sum.Objects.Read, sum.Warnings)
						}
						if sum.Objects.Listed > 5 { // the lookback, today and the future
							t.Errorf("on %s %d objects were listed", today.Format(time.DateOnly), sum.Objects.Listed)
						}
					}
					p.again(t, want)
					if found := p.leftOut(t); found.Late != 0 ||
						name != "run without key_pattern" && !slices.Equal(found.Future, []string{keyOf(day, "o2")}) { // a checkpoint of another pattern has no marks
						t.Errorf("doctor finds %+v", found)
					}
				})
			}
		}
	}
}

// TestFutureDayComes: also when the day has come that a key named long before, the days before it are listed.
func TestFutureDayComes(t *testing.T) {
	p := newMemParts(t, 1<<20)
	want := wanted{rows: map[string]int{}}
	p.setClock(date("2020-10-01"))
	p.stageDay(t, want, "2020/10/01", 1)
	p.stageDay(t, want, "2999/12/31", 2)
	p.mustRun(t, jobs.RunOptions{})
	p.setClock(date("3000-01-05"))
	p.stageDay(t, want, "2020/10/02", 3)
	p.mustRun(t, jobs.RunOptions{})
	p.again(t, want)
}

// TestMaxFutureOfAYear: a job that allows records of next year lists the days of this one.
func TestMaxFutureOfAYear(t *testing.T) {
	p := newMemParts(t, 1<<20)
	p.spec.EventDays.MaxFuture = 365 * 24 * time.Hour
	want := wanted{rows: map[string]int{}}
	p.setClock(date("2020-10-01"))
	p.stageDay(t, want, "2020/10/01", 1)
	p.stageDay(t, want, "2021/02/01", 2)
	p.mustRun(t, jobs.RunOptions{})
	p.stageDay(t, want, "2020/10/02", 3)
	p.mustRun(t, jobs.RunOptions{})
	p.again(t, want)
}

// TestLateObjects: what arrives under days before the lookback is not taken by an ordinary run; doctor finds it, and a full sweep
// takes it and says so.
func TestLateObjects(t *testing.T) {
	p := newMemParts(t, 1<<20)
	p.spec.Source.RecheckFolders = 0
	want := wanted{rows: map[string]int{}}
	p.stageDay(t, want, "2020/10/01", 1)
	p.mustRun(t, jobs.RunOptions{})
	if found := p.leftOut(t); found.Late != 0 || found.Future != nil {
		t.Errorf("doctor finds %+v", found)
	}
	p.stageDay(t, want, "2020/09/01", 2)
	p.stageDay(t, want, "2020/10/02", 3)
	if sum := p.mustRun(t, jobs.RunOptions{}); sum.Objects.Read != 1 {
		t.Errorf("an ordinary run read %d objects", sum.Objects.Read)
	}
	if found := p.leftOut(t); found.Late != 1 || found.OneLate != keyOf("2020/09/01", "o2") {
		t.Errorf("doctor finds %+v", found)
	}
	if sum := p.mustRun(t, jobs.RunOptions{FullSweep: true}); sum.Objects.Read != 1 || !warned(sum, "source.lookback") {
		t.Errorf("a full sweep read %d objects, warnings %q", sum.Objects.Read, sum.Warnings)
	}
	p.again(t, want)
	if found := p.leftOut(t); found.Late != 0 {
		t.Errorf("doctor finds %+v", found)
	}
}
