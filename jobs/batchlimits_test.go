package jobs_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/jobs"
)

// harder is a DuckDB whose queries have more to do than their SQL says.
type harder struct {
	attempt.Engine
	sql func(string) string
}

func (h harder) Query(ctx context.Context, sql string) (engine.RowReader, error) {
	return h.Engine.Query(ctx, h.sql(sql))
}

// TestBatchTimeout: DuckDB's work on a batch is broken off, once, in a line that says what to look at; nothing of it is published,
// and the next run makes it.
func TestBatchTimeout(t *testing.T) {
	w := newWorld(t)
	w.put(key("a"), gz(netflow, alert))
	w.spec.Limits.BatchTimeout, w.spec.Limits.MaxRetries = time.Second, 3
	r := w.runner()
	queries := 0
	r.OpenEngine = func(o engine.Options) (attempt.Engine, error) {
		db, err := engine.Open(o)
		return harder{db, func(sql string) string {
			queries++
			return "SELECT p.* FROM (" + sql + ") p WHERE (SELECT count(*) FROM range(10000000) a(x), range(10000000) b(y) WHERE (x * 31 + y * 17) % 1000003 = 5) > 0"
		}}, err
	}
	began := time.Now()
	sum, err := r.RunWithRetries(t.Context(), jobs.RunOptions{})
	if !errors.Is(err, jobs.ErrBatchTimeout) || errors.Is(err, jobs.ErrTimeout) || sum.State != "FAILED" || exitCodeOf(err) != 1 {
		t.Fatalf("%v, %s", err, sum.State)
	}
	for _, part := range []string{"mapping network-firewall", "limits.batch_timeout (1s)", "batch ", "1 object", "nothing of the batch was committed"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
	if strings.Contains(err.Error(), "\n") || queries != 1 || time.Since(began) > 30*time.Second {
		t.Errorf("%d tries in %s: %v", queries, time.Since(began), err)
	}
	if files, _ := filepath.Glob(filepath.Join(w.dir, "lake/ext/*")); len(files) > 0 || sum.Records.Published != 0 {
		t.Errorf("published: %v", files)
	}
	w.spec.Limits.BatchTimeout = time.Hour
	if sum, err = w.run(); err != nil || sum.Records.Published != 2 || sum.Resumed != 1 {
		t.Errorf("the run after it: %v, %+v", err, sum)
	}
}

// TestMappingErrors: what DuckDB says against a mapping's SQL while it runs names the mapping, its projection and, of memory, the
// limit.
func TestMappingErrors(t *testing.T) {
	for _, c := range []struct {
		name, sql string
		want      []string
	}{
		{"memory", "SELECT p.* FROM (%) p, range(3000000) r(i) ORDER BY hash(i), p._time", []string{"DuckDB needs more than 512 MiB, which is half of limits.memory", "Try: raise limits.memory"}},
		{"another error", "SELECT p.* REPLACE (CAST('x' || CAST(p._time AS VARCHAR) AS BIGINT) AS _time) FROM (%) p", []string{"Could not convert string 'x"}},
	} {
		w := newWorld(t)
		w.spec.Limits.MemoryBytes = 1 << 30
		w.put(key("a"), gz(netflow, alert))
		r := w.runner()
		r.OpenEngine = func(o engine.Options) (attempt.Engine, error) {
			o.MemoryBytes, o.TempDir, o.Threads = 64<<20, "", 1
			db, err := engine.Open(o)
			return harder{db, func(sql string) string { return strings.Replace(c.sql, "%", sql, 1) }}, err
		}
		sum, err := r.RunWithRetries(t.Context(), jobs.RunOptions{})
		if err == nil || sum.State != "FAILED" || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, %s", c.name, err, sum.State)
			continue
		}
		for _, part := range append(c.want, "mapping network-firewall, projection network_activity (class network_activity)", "nothing of the batch was committed") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q is not in %v", c.name, part, err)
			}
		}
		if files, _ := filepath.Glob(filepath.Join(w.dir, "lake/ext/*")); len(files) > 0 {
			t.Errorf("%s: published: %v", c.name, files)
		}
	}
}
