package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/jobs"
)

// nights is how many nights of objects the tests have. Their first night has a bad object.
const nights = 30

// nightKey is the key of the object of a night, from 1.
func nightKey(n int) string {
	return strings.Replace(key(fmt.Sprintf("n%02d", n)), "/2020/10/01/", time.Date(2020, 10, n, 0, 0, 0, 0, time.UTC).Format("/2006/01/02/"), 1)
}

// onBad is a staging that calls a function when its bad object is read.
type onBad struct {
	objstore.Reader
	key  string
	what func(ctx context.Context) error
}

func (s onBad) Get(ctx context.Context, k string, o objstore.GetOptions) (io.ReadCloser, objstore.Object, error) {
	if k == s.key {
		if err := s.what(ctx); err != nil {
			return nil, objstore.Object{}, err
		}
	}
	return s.Reader.Get(ctx, k, o)
}

// trouble is how a night's bad object ends its batch.
type trouble struct {
	name string
	bad  []byte
	code int // of a run that tries it
	// runner is a runner for which the object is bad. dead: the process of the run is dead.
	runner func(p *parts) (r *jobs.Runner, dead func() bool)
}

func alive() bool { return false }

func troubles() []trouble {
	return []trouble{
		{"refused", gz("broken", "broken", "broken"), 3, func(p *parts) (*jobs.Runner, func() bool) { return p.runner(), alive }},
		{"killed", gz(flow(1, 0)), 1, func(p *parts) (*jobs.Runner, func() bool) {
			f := &injector{at: 1 << 30, how: faultDead}
			r := p.faulty(f)
			r.State = later{r.State.(jobs.LakeStore), 10 * time.Minute}
			r.Staging = onBad{r.Staging, nightKey(1), func(context.Context) error {
				f.mu.Lock()
				defer f.mu.Unlock()
				f.at = min(f.at, f.n)
				return nil
			}}
			return r, func() bool { return f.hit() != "" }
		}},
		{"past batch_timeout", gz(flow(1, 0)), 1, func(p *parts) (*jobs.Runner, func() bool) {
			r := p.runner()
			r.Staging = onBad{r.Staging, nightKey(1), func(context.Context) error { return attempt.ErrTooLong }}
			return r, alive
		}},
	}
}

// TestNights: a bad object of the first night never keeps the other nights from being published, whether they are planned together or
// night by night, with the default limits.batch_bytes, and whether the batch is refused, kills the process or takes too long. When the
// object is good, it is published too.
func TestNights(t *testing.T) {
	for _, c := range troubles() {
		for _, how := range []string{"one plan", "nightly runs"} {
			t.Run(c.name+", "+how, func(t *testing.T) {
				t.Parallel()
				p := newMemParts(t, 2<<30)
				p.spec.Limits.MaxQuarantineRatio = 0.01
				want := wanted{map[string]int{}, map[string]int{}}
				put := func(n int) {
					data := c.bad
					if n > 1 {
						data = gz(flow(n, n-1))
						want.rows[row(n, n-1)] = 1
					}
					if err := p.put(nightKey(n), data); err != nil {
						t.Fatal(err)
					}
				}
				run := func() error {
					r, dead := c.runner(p)
					sum, err := r.Run(t.Context(), jobs.RunOptions{})
					if err == nil {
						t.Fatalf("a run succeeded: %+v", sum)
					}
					if !dead() {
						same(t, "a run with the bad object", fields{"code": c.code, "failed": true}, fields{"code": exitCodeOf(err), "failed": len(sum.Failed) > 0})
					}
					return err
				}
				runs := 3 // the first fails with all nights, the second has them night by night, and the third is after one that died
				if how == "nightly runs" {
					for n := 1; n <= nights; n++ {
						put(n)
						run()
						p.publishedRows(t, fmt.Sprintf("after night %d", n), want)
					}
					runs = 1
				} else {
					for n := 1; n <= nights; n++ {
						put(n)
					}
				}
				for range runs {
					run()
				}
				p.publishedRows(t, "with the bad object", want)
				if err := p.put(nightKey(1), gz(flow(1, 0))); err != nil {
					t.Fatal(err)
				}
				want.rows[row(1, 0)] = 1
				for range 2 {
					if _, err := p.afterwards().Run(t.Context(), jobs.RunOptions{}); err != nil {
						t.Error(err)
					}
				}
				p.noProblems(t, "with a good object", want)
			})
		}
	}
}

// publishedRows compares the rows in the lake with what is wanted.
func (p *parts) publishedRows(t *testing.T, when string, want wanted) {
	t.Helper()
	rows := map[string]int{}
	if err := p.lake.List(t.Context(), objstore.ListOptions{Prefix: "ext/"}, func(o objstore.Object) error { return p.rowsOf(t.Context(), o.Key, rows) }); err != nil {
		t.Fatal(err)
	}
	for _, s := range differ("the lake, "+when, rows, want.rows) {
		t.Error(s)
	}
}

// batches are the objects of each batch of a job's last plan, in the order of the plan.
func (p *parts) batches(t *testing.T) (out [][]string) {
	t.Helper()
	st := p.state0(t)
	all := st.Batches()
	l, err := ledger.Open(p.state, "test", ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := l.Manifest(t.Context(), all[len(all)-1].Manifest)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range m.Batches {
		var keys []string
		for _, o := range b.Objects {
			keys = append(keys, o.Key)
		}
		out = append(out, keys)
	}
	return out
}

// TestRefusedBatchAlone: only the refused batch is released. Its objects are planned again night by night, and never in a batch with new
// objects, which come first. Objects of one night are split in two.
func TestRefusedBatchAlone(t *testing.T) {
	p := newMemParts(t, 2<<30)
	p.spec.Limits.MaxQuarantineRatio = 0.01
	put := func(k string, data []byte) {
		if err := p.put(k, data); err != nil {
			t.Fatal(err)
		}
	}
	run := func() {
		if _, err := p.runner().Run(t.Context(), jobs.RunOptions{}); !errors.Is(err, jobs.ErrQuarantine) {
			t.Fatal(err)
		}
	}
	other := strings.Replace(nightKey(1), "n01", "n01b", 1)
	put(nightKey(1), gz("broken"))
	put(other, gz("broken"))
	put(nightKey(2), gz(flow(2, 1)))
	for i, want := range [][][]string{
		{{nightKey(1), other, nightKey(2)}},
		{{nightKey(4)}, {nightKey(1), other}, {nightKey(2)}},
		{{nightKey(5)}, {nightKey(1)}, {other}},
		{{nightKey(6)}, {nightKey(1)}, {other}},
	} {
		if i > 0 {
			put(nightKey(3+i), gz(flow(3+i, 2+i)))
		}
		run()
		same(t, fmt.Sprintf("plan %d", i+1), fields{"batches": want}, fields{"batches": p.batches(t)})
	}
	released := map[string]int{}
	for _, b := range p.state0(t).Batches() {
		released[b.State.String()]++
	}
	same(t, "batches", fields{"states": map[string]int{"released": 6, "committed": 4}}, fields{"states": released})
}

// TestSplitKeepsTheMapping: a batch at which a run died is planned again in smaller batches, with the mapping and the settings of its plan.
func TestSplitKeepsTheMapping(t *testing.T) {
	p := newMemParts(t, 2<<30)
	for n := 1; n <= 3; n++ {
		if err := p.put(nightKey(n), gz(flow(n, n-1))); err != nil {
			t.Fatal(err)
		}
	}
	killed := troubles()[1]
	r, dead := killed.runner(p)
	if _, err := r.Run(t.Context(), jobs.RunOptions{}); err == nil || !dead() {
		t.Fatalf("the run did not die: %v", err)
	}
	before := p.manifest(t)
	p.spec.EventDays.MaxFuture += time.Hour
	sum, err := p.afterwards().Run(t.Context(), jobs.RunOptions{})
	if err != nil || sum.Resumed != 1 || sum.Batches != 3 {
		t.Fatalf("%+v, %v", sum, err)
	}
	after := p.manifest(t)
	if maps.Equal(after.Settings, before.Settings) == false || after.Mapping.Digest != before.Mapping.Digest || len(after.Batches) != 3 {
		t.Errorf("the plan was made with %v, and again with %v in %d batches", before.Settings, after.Settings, len(after.Batches))
	}
	if marks := p.marks(t); len(marks) > 0 {
		t.Errorf("marks are left: %q", marks)
	}
}

// marks are the keys of the marks of begun batches.
func (p *parts) marks(t *testing.T) (keys []string) {
	t.Helper()
	if err := p.state.List(t.Context(), objstore.ListOptions{Prefix: "test/begun/"}, func(o objstore.Object) error { keys = append(keys, o.Key); return nil }); err != nil {
		t.Fatal(err)
	}
	return keys
}

// manifest of the last plan.
func (p *parts) manifest(t *testing.T) *ledger.Manifest {
	t.Helper()
	all := p.state0(t).Batches()
	l, err := ledger.Open(p.state, "test", ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := l.Manifest(t.Context(), all[len(all)-1].Manifest)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestStoppedBatchIsNotSplit: a batch whose run was stopped is resumed as it is.
func TestStoppedBatchIsNotSplit(t *testing.T) {
	p := newMemParts(t, 2<<30)
	for n := 1; n <= 3; n++ {
		if err := p.put(nightKey(n), gz(flow(n, n-1))); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	r := p.runner()
	r.Staging = onBad{r.Staging, nightKey(1), func(context.Context) error { stop(); return nil }}
	if _, err := r.Run(ctx, jobs.RunOptions{}); !errors.Is(err, jobs.ErrStopped) {
		t.Fatal(err)
	}
	if sum := p.mustRun(t, jobs.RunOptions{}); sum.Resumed != 1 || sum.Batches != 1 {
		t.Errorf("%+v", sum)
	}
}

// TestSeveralFailures: a run that several batches failed ends with the worst exit code, names each batch in its summary, and says the
// first of them in one line. The order is 5, 1, 3, 4.
func TestSeveralFailures(t *testing.T) {
	p := newMemParts(t, 1)
	p.spec.Limits.MaxQuarantineRatio = 0.01
	for n, data := range map[int][]byte{1: gz("broken"), 2: gz("broken"), 3: gz(flow(3, 2)), 4: gz(flow(4, 3))} {
		if err := p.put(nightKey(n), data); err != nil {
			t.Fatal(err)
		}
	}
	r := p.runner()
	r.Staging = onBad{r.Staging, nightKey(3), func(context.Context) error { return attempt.ErrTooLong }}
	sum, err := r.Run(t.Context(), jobs.RunOptions{})
	wantError(t, "two refused, one past its timeout", err, jobs.ErrQuarantine, 1, "3 failures: ", jobs.ErrBatchTimeout.Error())
	same(t, "the summary", fields{"state": "FAILED", "published": int64(1), "failed": 3}, fields{"state": sum.State, "published": sum.Records.Published, "failed": len(sum.Failed)})
	var text strings.Builder
	sum.WriteText(&text)
	for _, b := range sum.Failed {
		if !strings.Contains(text.String(), "batch "+b.Batch+" of 1 object: ") {
			t.Errorf("the text does not name batch %s:\n%s", b.Batch, text.String())
		}
	}
	errs := map[int]error{5: jobs.ErrStopped, 1: jobs.ErrTimeout, 3: jobs.ErrQuarantine, 4: ledger.ErrHeld}
	order := []int{5, 1, 3, 4}
	for i, better := range order {
		for _, worse := range order[i+1:] {
			for _, f := range []*jobs.Failures{{Errs: []error{errs[better], errs[worse]}}, {Errs: []error{errs[worse], errs[better]}}} {
				if got := exitCodeOf(f); got != better {
					t.Errorf("exit codes %d and %d: %d", better, worse, got)
				}
			}
		}
	}
}
