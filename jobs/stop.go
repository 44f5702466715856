package jobs

import (
	"context"
	"time"

	"github.com/silt-etl/silt/internal/ledger"
)

// stopWithin is what cleaning up may take of a run that is being stopped, all in all: container runtimes kill after ten seconds.
const stopWithin = 5 * time.Second

// toTheEnd is a context for what is to be done also when the run is being stopped, each within its limit and all within stopWithin.
func (x *run) toTheEnd(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	by := time.Now().Add(limit)
	if ctx.Err() != nil {
		if x.stopBy.IsZero() {
			x.stopBy = time.Now().Add(stopWithin)
		}
		if x.stopBy.Before(by) {
			by = x.stopBy
		}
	}
	return context.WithDeadline(context.WithoutCancel(ctx), by)
}

// seeThroughWithin is how long a commit and its publication may go on once the run is being stopped.
const seeThroughWithin = 4 * time.Second

// seeThrough is a context that ends seeThroughWithin later than its parent.
func seeThrough(ctx context.Context) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(seeThroughWithin, cancel) })
	return out, func() { stop(); cancel() }
}

// release gives a lease back, also when the run is being stopped.
func (x *run) release(ctx context.Context, lease *ledger.Lease) error {
	ctx, cancel := x.toTheEnd(ctx, 3*time.Second)
	defer cancel()
	if err := lease.Release(ctx); err != nil {
		x.log.Warn().Err(err).Msg("lease not given back; it expires by itself")
	}
	return nil
}
