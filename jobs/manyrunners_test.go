package jobs_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/jobs"
)

// TestManyRunners: four runners begin at once, round after round. Each row is there once; who is not first ends with exit
// code 4 or finds nothing to do.
func TestManyRunners(t *testing.T) {
	s3 := newS3Parts(t)
	for _, c := range []struct {
		stores string
		rounds int
		parts  func() *parts
	}{
		{"memory", soaking(12, 20), func() *parts { return newMemParts(t, 1) }},
		{"folders", soaking(3, 20), func() *parts { return newDirParts(t, 1) }},
		{"S3 and Glue", soaking(5, 20), s3},
	} {
		t.Run(c.stores, func(t *testing.T) {
			p := c.parts()
			want := wanted{map[string]int{}, map[string]int{}}
			for round := range c.rounds {
				for i := range 6 {
					id := 100*round + 10*i
					k := key(fmt.Sprintf("%03d-%d", round, i))
					data := gz(flow(id, 0), flow(id+1, i%3), "broken")
					want.rows[row(id, 0)]++
					want.rows[row(id+1, i%3)]++
					want.quarantined[k+"@3"]++
					if err := p.put(k, data); err != nil {
						t.Fatal(err)
					}
					p.spec.Limits.BatchBytes = int64(len(data)) * 5 / 2 // three batches
				}
				var wg sync.WaitGroup
				start := make(chan struct{})
				sums, errs := make([]*report.Summary, 4), make([]error, 4)
				for i := range errs {
					r := p.runner()
					wg.Go(func() {
						<-start
						sums[i], errs[i] = r.Run(t.Context(), jobs.RunOptions{})
					})
				}
				close(start)
				wg.Wait()
				var published int64
				succeeded := 0
				for i, err := range errs {
					published += sums[i].Records.Published
					switch {
					case err == nil:
						succeeded++
						if sums[i].Batches > 0 && sums[i].Batches != 3 {
							t.Errorf("round %d: runner %d did %d of 3 batches", round, i, sums[i].Batches)
						}
					case !errors.Is(err, ledger.ErrHeld) || exitCodeOf(err) != 4 || strings.Contains(err.Error(), "\n"):
						t.Errorf("round %d: runner %d: %v", round, i, err)
					}
				}
				if succeeded == 0 || published != 12 {
					t.Errorf("round %d: %d runners succeeded and published %d, want 12: %v", round, succeeded, published, errs)
				}
				for _, s := range p.problems(t.Context(), want) {
					t.Errorf("round %d: %s", round, s)
				}
				if t.Failed() {
					return
				}
			}
		})
	}
}
