package jobs

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/silt-etl/silt/internal/ledger"
)

// unansweredAfter is how long a stop may stay without an answer. A commit and the clean-up after it take less.
const unansweredAfter = 10 * time.Second

// abandonWithin is how long an abandoned run may release its leases and remove its temporary files.
const abandonWithin = 2 * time.Second

// watchdog ends the process of a run that does not answer a stop: one call of DuckDB or of a store that does not return. It does so
// through Runner.Abandon; without one it does nothing.
type watchdog struct {
	mu        sync.Mutex
	abandoned bool
	leases    map[*ledger.Lease]bool
	temp      string
}

// hold notes a lease that an abandoned run releases, until forget.
func (w *watchdog) hold(lease *ledger.Lease) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.leases == nil {
		w.leases = map[*ledger.Lease]bool{}
	}
	w.leases[lease] = true
}

// forget ends hold. It is false if the run was abandoned, and the lease released.
func (w *watchdog) forget(lease *ledger.Lease) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.leases, lease)
	return !w.abandoned
}

// setTemp names the folder that an abandoned run removes.
func (w *watchdog) setTemp(dir string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.temp = dir
}

// gaveUp says whether the run was abandoned.
func (w *watchdog) gaveUp() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.abandoned
}

// watch abandons the run if the returned function is not called within unansweredAfter of the end of ctx. reason gives the error that the
// process ends with; nil: the run is not abandoned.
func (x *run) watch(ctx context.Context, reason func() error) (answered func()) {
	if x.Abandon == nil {
		return func() {}
	}
	after := x.UnansweredAfter
	if after == 0 {
		after = unansweredAfter
	}
	done := make(chan struct{})
	go func() {
		select {
		case <-done:
			return
		case <-ctx.Done():
		}
		t := time.NewTimer(after)
		defer t.Stop()
		select {
		case <-done:
		case <-t.C:
			if err := reason(); err != nil {
				x.abandon(done, err)
			}
		}
	}()
	return func() {
		x.dog.mu.Lock() // an abandonment under way is not interrupted
		defer x.dog.mu.Unlock()
		close(done)
	}
}

// abandon releases the run's leases, so that the next run continues at once, and ends the process.
func (x *run) abandon(done <-chan struct{}, err error) {
	w := &x.dog
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-done:
		return
	default:
	}
	if w.abandoned {
		return
	}
	w.abandoned = true
	cleaned := make(chan struct{})
	go func() {
		defer close(cleaned)
		ctx, cancel := context.WithTimeout(context.Background(), abandonWithin)
		defer cancel()
		for lease := range w.leases {
			_ = lease.Release(ctx) // else it expires
		}
		if w.temp != "" {
			os.RemoveAll(w.temp)
		}
	}()
	select {
	case <-cleaned:
	case <-time.After(abandonWithin):
	}
	x.Abandon(fmt.Errorf("%w; a call of DuckDB or of a store did not return within %s, so the process ends. What is committed stays, and the next run continues from there",
		err, unansweredAfter))
}
