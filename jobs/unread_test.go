package jobs_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/ledger/awaited"
	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/jobs"
)

// refusing is a staging that answers reads of some keys with an error.
type refusing struct {
	jobs.LakeStore
	with func(key string) error
}

func (s refusing) Get(ctx context.Context, key string, o objstore.GetOptions) (io.ReadCloser, objstore.Object, error) {
	if err := s.with(key); err != nil {
		return nil, objstore.Object{}, objstore.Fail("get", s.String(), key, err, "allow s3:GetObject")
	}
	return s.LakeStore.Get(ctx, key, o)
}

// refuse gives a runner whose staging refuses some keys.
func (p *parts) refuse(err error, keys ...string) *jobs.Runner {
	r := p.deleting()
	r.Staging = refusing{p.staging, func(key string) error {
		for _, k := range keys {
			if key == k {
				return err
			}
		}
		return nil
	}}
	return r
}

func (p *parts) awaited(t *testing.T) []awaited.Object {
	t.Helper()
	return p.state0(t).Awaited.Objects()
}

// stageNights puts an object with one row for each night from 1 on.
func (p *parts) stageNights(t *testing.T, from, to int) {
	t.Helper()
	for n := from; n <= to; n++ {
		if err := p.put(nightKey(n), gz(flow(n, n-1))); err != nil {
			t.Fatal(err)
		}
	}
}

// nightRows are the rows of stageNights without those of some nights.
func nightRows(from, to int, without ...int) wanted {
	want := wanted{map[string]int{}, map[string]int{}}
	for n := from; n <= to; n++ {
		want.rows[row(n, n-1)] = 1
	}
	for _, n := range without {
		delete(want.rows, row(n, n-1))
	}
	return want
}

// TestDenied: what the store refuses is named and stays untaken, and all else of its batch is committed, whether the store refuses one
// object or all of a batch, for good or for a moment. The ledger counts the tries, with and without checkpoints.
func TestDenied(t *testing.T) {
	unavailable := fmt.Errorf("503 Slow Down")
	for _, c := range []struct {
		name        string
		err         error
		nights      []int
		checkpoints int
	}{
		{"one", objstore.ErrDenied, []int{2}, 0},
		{"one, with checkpoints", objstore.ErrDenied, []int{2}, 1},
		{"all", objstore.ErrDenied, []int{1, 2, 3}, 1},
		{"one answer of 503 to the end", unavailable, []int{3}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newMemParts(t, 2<<30)
			p.checkpoints = c.checkpoints
			p.stageNights(t, 1, 3)
			var keys []string
			for _, n := range c.nights {
				keys = append(keys, nightKey(n))
			}
			var first time.Time
			for try := 1; try <= 3; try++ {
				sum, err := p.refuse(c.err, keys...).Run(t.Context(), jobs.RunOptions{})
				wantError(t, "a run", err, jobs.ErrUnread, 3, keys[0], "s3:GetObject", fmt.Sprintf("the store refused %d object", len(keys)))
				same(t, "the summary", fields{"state": "FAILED", "denied": len(keys), "named": len(keys), "batches": 1, "quarantined": 0},
					fields{"state": sum.State, "denied": sum.Objects.Denied, "named": len(sum.Denied), "batches": sum.Batches, "quarantined": sum.Objects.Quarantined})
				waiting := p.awaited(t)
				if len(waiting) != len(keys) {
					t.Fatalf("awaited: %+v", waiting)
				}
				for i, o := range waiting {
					if try == 1 && i == 0 {
						first = o.First
					}
					same(t, "an awaited object", fields{"key": keys[i], "why": awaited.Denied, "tries": try, "first": first}, fields{"key": o.Key, "why": o.Why, "tries": o.Tries, "first": o.First})
				}
				p.noProblems(t, fmt.Sprintf("after try %d", try), nightRows(1, 3, c.nights...))
			}
			if sum := p.mustRun(t, jobs.RunOptions{}); sum.Objects.Read != len(keys) {
				t.Errorf("once it is allowed: %+v", sum.Objects)
			}
			if waiting := p.awaited(t); len(waiting) > 0 {
				t.Errorf("still awaited: %+v", waiting)
			}
			p.noProblems(t, "in the end", nightRows(1, 3))
		})
	}
}

// TestDeniedLimit: up to limits.max_denied_objects, a run succeeds.
func TestDeniedLimit(t *testing.T) {
	p := newMemParts(t, 2<<30)
	p.stageNights(t, 1, 3)
	p.spec.Limits.MaxDeniedObjects = 2
	if sum, err := p.refuse(objstore.ErrDenied, nightKey(1), nightKey(2)).Run(t.Context(), jobs.RunOptions{}); err != nil || sum.Objects.Denied != 2 {
		t.Errorf("%+v, %v", sum, err)
	}
	p.spec.Limits.MaxDeniedObjects = 1
	_, err := p.refuse(objstore.ErrDenied, nightKey(1), nightKey(2)).Run(t.Context(), jobs.RunOptions{})
	wantError(t, "one more", err, jobs.ErrUnread, 3, "limits.max_denied_objects allows 1")
}

// TestDeniedForAMoment: a run whose objects were refused for a temporary reason is retried, and the retry reads them.
func TestDeniedForAMoment(t *testing.T) {
	p := newMemParts(t, 2<<30)
	p.stageNights(t, 1, 3)
	p.spec.Limits.MaxRetries = 1
	r := p.runner()
	r.RetryDelay = time.Millisecond
	asked := 0
	r.Staging = refusing{p.staging, func(key string) error {
		if key != nightKey(2) {
			return nil
		}
		if asked++; asked > 1 {
			return nil
		}
		return fmt.Errorf("503 Slow Down")
	}}
	if sum, err := r.RunWithRetries(t.Context(), jobs.RunOptions{}); err != nil || sum.Objects.Read != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
	p.noProblems(t, "after the retry", nightRows(1, 3))
}

// TestUnreachable: a store that answers no read makes no object denied.
func TestUnreachable(t *testing.T) {
	p := newMemParts(t, 2<<30)
	p.stageNights(t, 1, 30)
	r := p.runner()
	r.Staging = refusing{p.staging, func(string) error { return fmt.Errorf("connection refused") }}
	if _, err := r.Run(t.Context(), jobs.RunOptions{}); err == nil || exitCodeOf(err) != 1 {
		t.Errorf("%v", err)
	}
	if waiting := p.awaited(t); len(waiting) > 0 {
		t.Errorf("awaited: %+v", waiting)
	}
	p.mustRun(t, jobs.RunOptions{})
	p.noProblems(t, "in the end", nightRows(1, 30))
}

// TestGivenUp: an object that was denied so often and over so long as source.retry_denied says goes to quarantine as OBJECT_DENIED, and
// is taken. A replay reads it.
func TestGivenUp(t *testing.T) {
	p := newMemParts(t, 2<<30)
	p.stageNights(t, 1, 2)
	p.spec.Limits.MaxDeniedObjects = 1
	p.spec.Source.RetryDenied = jobfile.RetryDenied{Times: 3, Over: 5 * time.Minute}
	run := func(after time.Duration) *report.Summary {
		r := p.refuse(objstore.ErrDenied, nightKey(1))
		r.Now = func() time.Time { return time.Now().Add(after) }
		sum, err := r.Run(t.Context(), jobs.RunOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	for i, after := range []time.Duration{0, 10 * time.Minute, 0} { // too few tries, and then too short a time
		if sum := run(after); sum.Objects.Denied != 1 || sum.Objects.Quarantined != 0 {
			t.Errorf("run %d: %+v", i, sum.Objects)
		}
	}
	if sum := run(10 * time.Minute); sum.Objects.Denied != 0 || sum.Reasons["OBJECT_DENIED"] != 1 {
		t.Errorf("given up: %+v, %v", sum.Objects, sum.Reasons)
	}
	if waiting := p.awaited(t); len(waiting) > 0 {
		t.Errorf("still awaited: %+v", waiting)
	}
	if sum := run(0); sum.Objects.Denied+sum.Objects.Read != 0 {
		t.Errorf("the run after it: %+v", sum.Objects)
	}
	if _, err := p.runner().Replay(t.Context(), jobs.ReplayOptions{}); err != nil {
		t.Error(err)
	}
	p.noProblems(t, "replayed", nightRows(1, 2))
}

// TestBroken: objects that cannot be unpacked go to quarantine and are taken, and all else is committed. If they are too many, the run
// fails with exit code 3, however many records the others have.
func TestBroken(t *testing.T) {
	whole := gz(flow(1, 0))
	for limit, code := range map[float64]int{0.74: 3, 0.75: 0} {
		p := newMemParts(t, 2<<30)
		p.spec.Limits.MaxQuarantineRatio, p.spec.Limits.MaxBrokenRatio = 0.01, limit
		want := wanted{map[string]int{}, map[string]int{}}
		var lines []string
		for i := range 200 {
			lines = append(lines, flow(i, 0))
			want.rows[row(i, 0)] = 1
		}
		objects := map[string][]byte{"good": gz(lines...), "cut": whole[:len(whole)-9], "empty": whole[:12], "bzip2": []byte("BZh91AY&SY")}
		for name, data := range objects {
			if err := p.put(key(name), data); err != nil {
				t.Fatal(err)
			}
			if name != "good" {
				want.quarantined[key(name)+"@0"] = 1
			}
		}
		sum, err := p.runner().Run(t.Context(), jobs.RunOptions{})
		if got := exitCodeOf(err); got != code {
			t.Errorf("limit %g: exit code %d, want %d: %v", limit, got, code, err)
		}
		if code == 3 {
			wantError(t, "too many", err, jobs.ErrUnread, 3, "3 of 4 objects are unreadable (75.00%)", key("cut"), "etl replay")
		}
		if sum.Objects.Quarantined != 3 || sum.Objects.Read != 4 {
			t.Errorf("limit %g: %+v", limit, sum.Objects)
		}
		p.noProblems(t, fmt.Sprintf("limit %g", limit), want)
		if sum := p.mustRun(t, jobs.RunOptions{}); sum.Objects.Taken != 4 {
			t.Errorf("limit %g, the next run: %+v", limit, sum.Objects)
		}
	}
}

// TestReplaceDenied: a replace with an input that the store refuses leaves the batch as it was.
func TestReplaceDenied(t *testing.T) {
	p := newMemParts(t, 2<<30)
	p.stageNights(t, 1, 2)
	p.mustRun(t, jobs.RunOptions{})
	o := october()
	_, err := withCorrected(p.refuse(objstore.ErrDenied, nightKey(2))).Backfill(t.Context(), o)
	wantError(t, "the replace", err, jobs.ErrUnread, 3, "stays as it was", nightKey(2))
	p.noProblems(t, "refused", nightRows(1, 2))
}

// TestAwaitedDays: an object of an old day that a run has seen and not taken is found once it can be taken, although the watermark has
// moved past its day: one that was denied, overwritten while it was read, or too young. The ledger alone is enough: the run may have died
// before it wrote listing.json. Afterwards a run lists the lookback alone again.
func TestAwaitedDays(t *testing.T) {
	for _, c := range []struct {
		name  string
		first func(p *parts) *jobs.Runner // the run that leaves night 1
		fails bool
	}{
		{"denied", func(p *parts) *jobs.Runner { return p.refuse(objstore.ErrDenied, nightKey(1)) }, true},
		{"archived", func(p *parts) *jobs.Runner { return p.refuse(objstore.ErrArchived, nightKey(1)) }, false},
		{"overwritten", func(p *parts) *jobs.Runner {
			r := p.deleting()
			r.Staging = refusing{p.staging, func(key string) error {
				if key != nightKey(1) {
					return nil
				}
				_ = p.put(key, gz(flow(1, 0), " "))
				return nil
			}}
			return r
		}, false},
		{"too young", func(p *parts) *jobs.Runner {
			r := p.deleting()
			p.spec.Source.Settle = time.Hour
			o, _ := p.staging.Head(context.Background(), nightKey(2))
			p.staging.(*memstore.Store).SetNow(o.LastModified.Add(2 * time.Minute)) // after the others
			_ = p.put(nightKey(1), gz(flow(1, 0)))
			p.state.(*memstore.Store).SetNow(o.LastModified.Add(time.Hour + time.Minute))
			return r
		}, false},
	} {
		for _, checkpoints := range []int{0, 1} {
			t.Run(fmt.Sprintf("%s, checkpoints %d", c.name, checkpoints), func(t *testing.T) {
				t.Parallel()
				p := newMemParts(t, 2<<30)
				p.checkpoints = checkpoints
				p.spec.Source.RecheckFolders = 0 // a recheck would find it too
				p.stageNights(t, 1, 10)
				if _, err := c.first(p).Run(t.Context(), jobs.RunOptions{}); (err != nil) != c.fails {
					t.Fatal(err)
				}
				p.spec.Source.Settle = 0
				if err := p.state.Delete(t.Context(), "test/listing.json"); err != nil {
					t.Fatal(err)
				}
				p.publishedRows(t, "at first", nightRows(2, 10))
				p.mustRun(t, jobs.RunOptions{})
				p.noProblems(t, "once it can be read", nightRows(1, 10))
				p.stageNights(t, 11, 11)
				p.mustRun(t, jobs.RunOptions{})
				if sum := p.mustRun(t, jobs.RunOptions{}); sum.Objects.Listed != 3 {
					t.Errorf("the lookback has 3 nights, and %d objects were listed", sum.Objects.Listed)
				}
			})
		}
	}
}

// TestForgotten: an awaited object that was deleted is forgotten once another plan is made: a run then lists the lookback alone.
func TestForgotten(t *testing.T) {
	p := newMemParts(t, 2<<30)
	p.spec.Source.RecheckFolders = 0
	p.stageNights(t, 1, 10)
	if _, err := p.refuse(objstore.ErrDenied, nightKey(1)).Run(t.Context(), jobs.RunOptions{}); err == nil {
		t.Fatal("it succeeded")
	}
	if err := p.staging.Delete(t.Context(), nightKey(1)); err != nil {
		t.Fatal(err)
	}
	p.stageNights(t, 11, 11)
	p.mustRun(t, jobs.RunOptions{})
	if waiting := p.awaited(t); len(waiting) > 0 {
		t.Errorf("still awaited: %+v", waiting)
	}
	if sum := p.mustRun(t, jobs.RunOptions{}); sum.Objects.Listed != 3 {
		t.Errorf("%d objects were listed", sum.Objects.Listed)
	}
	p.noProblems(t, "in the end", nightRows(2, 11))
}

// TestAwaitedIsNewer: an attempt record says why an object was not read in a field that older programs refuse.
func TestAwaitedIsNewer(t *testing.T) {
	p := newMemParts(t, 2<<30)
	p.stageNights(t, 1, 2)
	_, _ = p.refuse(objstore.ErrDenied, nightKey(1)).Run(t.Context(), jobs.RunOptions{})
	found := false
	if err := p.state.List(t.Context(), objstore.ListOptions{Prefix: "test/attempts/"}, func(o objstore.Object) error {
		in, _, err := p.state.Get(t.Context(), o.Key, objstore.GetOptions{})
		if err != nil {
			return err
		}
		defer in.Close()
		text, err := io.ReadAll(in)
		found = found || strings.Contains(string(text), `"left":"denied"`)
		return err
	}); err != nil || !found {
		t.Errorf("no attempt record says that an object was denied: %v", err)
	}
}
