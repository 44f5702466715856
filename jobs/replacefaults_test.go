package jobs_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/jobs"
)

// deletingFaulty is a faulty runner with the right to delete.
func (p *parts) deletingFaulty(f *injector) *jobs.Runner {
	r := p.faulty(f)
	r.Deleter = faultStore{p.lake, f}
	return r
}

// TestReplaceFaults: whichever operation of a replace, or of a run that does the batch of a changed object again, goes wrong, no
// invariant is broken at that moment, and the same command once more leaves every record once. Some operations, evenly spread,
// are tried; with SILT_SOAK=1 all are.
func TestReplaceFaults(t *testing.T) {
	replace := func(r *jobs.Runner) (*report.Summary, error) {
		return withCorrected(r).Backfill(context.Background(), october())
	}
	change := func(r *jobs.Runner) (*report.Summary, error) { return r.Run(context.Background(), jobs.RunOptions{}) }
	s3 := newS3Parts(t)
	onS3 := func(*testing.T, int) *parts { return s3() }
	replaced := func(p *parts) wanted {
		_, after, err := p.replaceJob(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return after
	}
	changed := func(p *parts) wanted {
		want := p.changing(t)
		if err := p.put(key("a"), gz(flow(11, 0))); err != nil {
			t.Fatal(err)
		}
		delete(want.rows, row(1, 0))
		delete(want.rows, row(2, 1))
		want.rows[row(11, 0)] = 1
		return want
	}
	for _, c := range []struct {
		what, stores string
		how          fault
		every        int
		parts        func(*testing.T, int) *parts
		made         func(*parts) wanted
		do           func(*jobs.Runner) (*report.Summary, error)
	}{
		{"replace", "memory", faultBefore, 13, newMemParts, replaced, replace},
		{"replace", "memory", faultLost, 11, newMemParts, replaced, replace},
		{"replace", "memory", faultDead, 5, newMemParts, replaced, replace},
		{"replace", "folders", faultDead, 29, newDirParts, replaced, replace},
		{"replace", "S3 and Glue", faultDead, 37, onS3, replaced, replace},
		{"replace", "S3 and Glue", faultLost, 53, onS3, replaced, replace},
		{"change", "memory", faultLost, 11, newMemParts, changed, change},
		{"change", "memory", faultDead, 5, newMemParts, changed, change},
		{"change", "folders", faultDead, 31, newDirParts, changed, change},
		{"change", "S3 and Glue", faultDead, 41, onS3, changed, change},
	} {
		t.Run(fmt.Sprintf("%s over %s, an operation %s", c.what, c.stores, c.how), func(t *testing.T) {
			original := c.parts(t, 1)
			want := c.made(original)
			every := c.every
			if os.Getenv("SILT_SOAK") != "" {
				every = 1
			}
			var next, operations atomic.Int64
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for !t.Failed() {
						at := int(next.Add(1)-1) * every
						p := c.parts(t, 1)
						p.spec = original.spec
						p.resembles(t, original)
						f := &injector{at: at, how: c.how}
						first, err := c.do(p.deletingFaulty(f))
						when := fmt.Sprintf("operation %d (%s) %s, ended with %v", at, f.hit(), c.how, err)
						for _, s := range p.violations(t.Context()) {
							t.Errorf("%s: %s", when, s)
						}
						if f.hit() == "" {
							if err != nil || first.Replaced == 0 {
								t.Errorf("without a fault: %+v, %v", first, err)
							}
							operations.Store(int64(f.n))
							return
						}
						if c.how.dead() && err == nil {
							t.Errorf("%s: a dead process says it succeeded", when)
						}
						again := p.runner()
						if c.how.dead() {
							again = p.afterwards()
						}
						again.Deleter = p.lake
						if _, err := c.do(again); err != nil {
							t.Errorf("%s: once more: %v", when, err)
						}
						for _, s := range p.left(t.Context(), want) {
							t.Errorf("%s: %s", when, s)
						}
					}
				})
			}
			wg.Wait()
			if n := operations.Load(); n < 80 && !t.Failed() {
				t.Errorf("the sweep ended after %d operations", n)
			}
		})
	}
}
