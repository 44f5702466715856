package jobs_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/jobs"
)

// deaf is a DuckDB whose queries do not return, and do not look at their context, until the test ends them.
type deaf struct {
	attempt.Engine
	asked func()
	end   chan struct{}
}

func (d deaf) Query(ctx context.Context, sql string) (engine.RowReader, error) {
	d.asked()
	<-d.end
	return nil, errors.New("the process was to end")
}

// TestAbandon: a run whose DuckDB does not answer a stop is abandoned, in one line and with the exit code of the stop. Its lease is
// released and its temp folder removed, and the next run continues at once.
func TestAbandon(t *testing.T) {
	for _, c := range []struct {
		name, says string
		is         error
		code       int
		set        func(w *world)
		signal     bool
	}{
		{name: "signal", is: jobs.ErrStopped, code: 5, says: "stopped", signal: true, set: func(*world) {}},
		{name: "timeout", is: jobs.ErrTimeout, code: 1, says: "limits.timeout (2s)", set: func(w *world) { w.spec.Limits.Timeout = 2 * time.Second }},
		{name: "batch timeout", is: jobs.ErrBatchTimeout, code: 1, says: "limits.batch_timeout (2s)", set: func(w *world) { w.spec.Limits.BatchTimeout = 2 * time.Second }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.put(key("a"), gz(netflow, alert))
			w.spec.Limits.TempDir = t.TempDir()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			r := w.runner()
			timeout := w.spec.Limits
			end := make(chan struct{})
			r.OpenEngine = func(o engine.Options) (attempt.Engine, error) {
				db, err := engine.Open(o)
				return deaf{db, func() {
					if c.signal {
						stop()
					}
				}, end}, err
			}
			var abandoned error
			var left []os.DirEntry
			r.UnansweredAfter = time.Millisecond
			r.Abandon = func(err error) {
				abandoned = err
				left, _ = os.ReadDir(w.spec.Limits.TempDir)
				close(end)
			}
			c.set(w)
			if _, err := r.RunWithRetries(ctx, jobs.RunOptions{}); err == nil {
				t.Fatal("the run succeeded")
			}
			if !errors.Is(abandoned, c.is) || exitCodeOf(abandoned) != c.code || !strings.Contains(abandoned.Error(), c.says) || strings.Contains(abandoned.Error(), "\n") {
				t.Fatalf("abandoned with %v", abandoned)
			}
			if len(left) > 0 {
				t.Errorf("left in the temp folder: %v", left)
			}
			w.spec.Limits = timeout
			if sum, err := w.run(); err != nil || sum.Records.Published != 2 || sum.Resumed != 1 {
				t.Errorf("the next run: %v, %+v", err, sum)
			}
		})
	}
}

// stopsAtStart is a state whose store stops the run while it writes the record of the run's start: it is written, and the answer is lost.
type stopsAtStart struct {
	jobs.LakeStore
	stop func()
}

func (s stopsAtStart) Put(ctx context.Context, key string, in io.Reader, o objstore.PutOptions) (objstore.Object, error) {
	out, err := s.LakeStore.Put(ctx, key, in, o)
	if err == nil && ctx.Err() == nil && strings.Contains(key, "/runs/") && strings.HasSuffix(key, "/start.json") {
		s.stop()
		return objstore.Object{}, ctx.Err()
	}
	return out, err
}

// TestStoppedAtItsStart: a run that is stopped while it records its start has a record of its end, so that nobody takes it for one
// that was killed.
func TestStoppedAtItsStart(t *testing.T) {
	p := newMemParts(t, 1)
	if _, err := p.smallJob(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r := p.runner()
	r.State = stopsAtStart{p.state, stop}
	if _, err := r.RunWithRetries(ctx, jobs.RunOptions{}); exitCodeOf(err) != 5 || ctx.Err() == nil {
		t.Fatalf("the run was not stopped: %v", err)
	}
	l, err := ledger.Open(p.state, p.spec.Name, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	runs, err := l.Runs(t.Context(), 0)
	if err != nil || len(runs) != 1 {
		t.Fatalf("runs: %+v, %v", runs, err)
	}
	if end := runs[0].End; end == nil || end.State != ledger.RunStopped || end.ExitCode != 5 {
		t.Errorf("the run ended as %+v", runs[0])
	}
}
