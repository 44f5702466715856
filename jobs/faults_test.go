package jobs_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/jobs"
)

// sweep makes operation 0, every, 2*every, ... of a run go wrong, each in a job of its own, until a run ends untouched. After
// each the next run, of a time when the leases of the dead have expired, has to leave every record once. It returns how many
// operations the untouched run had.
func sweep(t *testing.T, how fault, every, workers int, newParts func() *parts) (operations int) {
	t.Helper()
	var next atomic.Int64
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for !t.Failed() {
				at := int(next.Add(1)-1) * every
				f := &injector{at: at, how: how}
				p := newParts()
				want, err := p.smallJob()
				if err != nil {
					t.Error(err)
					return
				}
				sum, err := p.faulty(f).Run(t.Context(), jobs.RunOptions{Trigger: "ON_DEMAND"})
				when := fmt.Sprintf("operation %d (%s) %s", at, f.hit(), how)
				if f.hit() == "" {
					if err != nil {
						t.Errorf("a run without a fault: %v", err)
					}
					for _, s := range p.problems(t.Context(), want) {
						t.Errorf("a run without a fault: %s", s)
					}
					for _, op := range []string{"compile", "open", "register", "exec", "query", "fetch"} {
						if f.ops[op+" engine"] == 0 {
							t.Errorf("the engine was not asked to %s: %v", op, f.ops)
						}
					}
					mu.Lock()
					operations = f.n
					mu.Unlock()
					return
				}
				afterRecord := strings.Contains(f.hit(), "put") && strings.Contains(f.hit(), "/fields.json") // the run's record says that it succeeded
				if how.dead() && err == nil && !afterRecord {
					t.Errorf("%s: a dead process says it succeeded", when)
				}
				if err == nil && sum.Records.Published != 5 {
					t.Errorf("%s: the run succeeded and published %d records", when, sum.Records.Published)
				}
				again := p.runner() // a process that lives releases its leases, so the next one does not wait
				if how.dead() {
					switch _, err := again.Run(t.Context(), jobs.RunOptions{Trigger: "ON_DEMAND"}); {
					case errors.Is(err, ledger.ErrHeld):
					case err != nil:
						t.Errorf("%s, a run that does not wait for its leases: %v", when, err)
					default:
						for _, s := range p.problems(t.Context(), want) {
							t.Errorf("%s, a run that does not wait for its leases says it succeeded, but %s", when, s)
						}
					}
					again = p.afterwards()
				}
				if _, err := again.Run(t.Context(), jobs.RunOptions{Trigger: "ON_DEMAND"}); err != nil {
					t.Errorf("%s, the run ended with: %v\nthe next run: %v", when, sum.Error, err)
					return
				}
				for _, s := range p.problems(t.Context(), want) {
					t.Errorf("%s, the run ended with: %v\n%s", when, sum.Error, s)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d operations", operations)
	return operations
}

// TestZombies: whichever operation a run waits in for so long that its leases expire and another run does all the work, it
// does not damage anything when it continues: not before it is woken, not after, and not to the run after that.
func TestZombies(t *testing.T) {
	var next, void, operations atomic.Int64
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			for !t.Failed() {
				at := int(next.Add(1) - 1)
				f := &injector{at: at, how: faultStall, stalled: make(chan struct{}), wake: make(chan struct{})}
				p := newMemParts(t, 1)
				want, err := p.smallJob()
				if err != nil {
					t.Error(err)
					return
				}
				var log bytes.Buffer
				ended := make(chan error, 1)
				r := p.faulty(f)
				r.LogTo = &log
				go func() {
					_, err := r.Run(t.Context(), jobs.RunOptions{})
					ended <- err
				}()
				select {
				case <-ended:
					operations.Store(int64(at))
					return
				case <-f.stalled:
				}
				hold := func(when string) {
					t.Helper()
					for _, s := range p.problems(t.Context(), want) {
						t.Errorf("operation %d (%s), %s: %s", at, f.hit(), when, s)
					}
				}
				if _, err := p.afterwards().Run(t.Context(), jobs.RunOptions{}); err != nil {
					t.Errorf("operation %d (%s): the run that takes over: %v", at, f.hit(), err)
				}
				hold("while the zombie waits")
				close(f.wake)
				if err := <-ended; err != nil && !errors.Is(err, ledger.ErrHeld) {
					t.Errorf("operation %d (%s): the zombie: %v", at, f.hit(), err)
				}
				void.Add(int64(strings.Count(log.String(), "another run was first")))
				hold("when the zombie has ended")
				if sum, err := p.runner().Run(t.Context(), jobs.RunOptions{}); err != nil || sum.Batches > 0 {
					t.Errorf("operation %d (%s): the run after: %v, %d batches", at, f.hit(), err, sum.Batches)
				}
				hold("in the end")
			}
		})
	}
	wg.Wait()
	t.Logf("%d operations, %d attempts void", operations.Load(), void.Load())
	if operations.Load() < 40 || void.Load() < 5 {
		t.Errorf("the sweep ended after %d operations with %d void attempts", operations.Load(), void.Load())
	}
}

// checkpointed makes each run of a job write a checkpoint, and start from one.
func checkpointed(p *parts) *parts {
	p.checkpoints = 1
	return p
}

// TestFaults: whichever operation of whichever store goes wrong in whichever way, the next run leaves every record once. Over
// memory a death is tried at every operation, the rest at some, evenly spread; with SILT_SOAK=1 all are. The
// stores are the same when a process dies after an operation and before the next one, so few deaths after one are tried.
func TestFaults(t *testing.T) {
	s3 := newS3Parts(t)
	copies := copying(t, s3)
	for _, c := range []struct {
		stores string
		how    fault
		every  int
		parts  func() *parts
	}{
		{"memory", faultBefore, 5, func() *parts { return newMemParts(t, 1) }},
		{"memory", faultLost, 3, func() *parts { return newMemParts(t, 1) }},
		{"memory", faultDead, 2, func() *parts { return newMemParts(t, 1) }},
		{"memory", faultDeadAfter, 7, func() *parts { return newMemParts(t, 1) }},
		{"memory, with checkpoints", faultDead, 5, func() *parts { return checkpointed(newMemParts(t, 1)) }},
		{"memory, with checkpoints", faultLost, 7, func() *parts { return checkpointed(newMemParts(t, 1)) }},
		{"folders", faultDead, 5, func() *parts { return newDirParts(t, 1) }},
		{"folders", faultLost, 11, func() *parts { return newDirParts(t, 1) }},
		{"folders, with checkpoints", faultDeadAfter, 9, func() *parts { return checkpointed(newDirParts(t, 1)) }},
		{"S3 and Glue, with checkpoints", faultDead, 17, func() *parts { return checkpointed(s3()) }},
		{"S3 and Glue", faultDead, 11, s3},
		{"S3 and Glue", faultLost, 13, s3},
		{"S3 with held copies", faultDead, 11, copies},
		{"S3 with held copies", faultLost, 17, copies},
	} {
		t.Run(c.stores+": an operation "+string(c.how), func(t *testing.T) {
			every := c.every
			if os.Getenv("SILT_SOAK") != "" {
				every = 1
			}
			if n := sweep(t, c.how, every, 5, c.parts); n < 40 {
				t.Errorf("the sweep ended after %d operations", n)
			}
		})
	}
}
