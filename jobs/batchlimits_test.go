package jobs_test

import (
	"context"
	"errors"
	"fmt"
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

// wrapped replaces the queries that a run makes of its mapping by sql, in which % is the query. The queries of one expression, with which
// a run looks for the records that fail, are left as they are unless expressions is set.
func wrapped(w *world, sql string, expressions bool) *jobs.Runner {
	r := w.runner()
	r.OpenEngine = func(o engine.Options) (attempt.Engine, error) {
		o.MemoryBytes, o.TempDir, o.Threads = 64<<20, "", 1
		db, err := engine.Open(o)
		return harder{db, func(query string) string {
			if !expressions && strings.HasPrefix(query, "SELECT bit_xor(") {
				return query
			}
			return strings.Replace(sql, "%", query, 1)
		}}, err
	}
	return r
}

// alertTime is the time of alert.
const alertTime = "1601074865598"

// TestMappingErrors: what DuckDB says against a mapping's SQL while it runs, and no record or object is the cause of, fails the batch.
// The message names the mapping and its part, and nothing goes to quarantine.
func TestMappingErrors(t *testing.T) {
	const projection = "mapping network-firewall, projection network_activity (class network_activity): "
	for _, c := range []struct {
		name, sql   string
		expressions bool
		refused     bool
		want        []string
	}{
		{"a table that is not there", "SELECT p.* FROM (%) p, missing", false, false, []string{projection, "missing"}},
		{"only all records together", "SELECT p.* REPLACE (CASE WHEN count(*) OVER () > 1 THEN CAST('x' || CAST(p._time AS VARCHAR) AS BIGINT) ELSE p._time END AS _time) FROM (%) p",
			false, false, []string{projection, "Could not convert string 'x"}},
		{"while the records are looked for", "SELECT p.* REPLACE (CAST('x' || CAST(p._time AS VARCHAR) AS BIGINT) AS _time) FROM (%) p",
			true, false, []string{"mapping network-firewall, ", ".sql:", `Column "_time" in REPLACE list not found`}},
		{"each record", "SELECT p.* REPLACE (CAST('x' || CAST(p._time AS VARCHAR) AS BIGINT) AS _time) FROM (%) p",
			false, true, []string{"mapping network-firewall fails for 2 of 2 records: projection network_activity: Could not convert string 'x"}},
	} {
		w := newWorld(t)
		w.spec.Limits.MemoryBytes = 1 << 30
		w.put(key("a"), gz(netflow, alert))
		sum, err := wrapped(w, c.sql, c.expressions).RunWithRetries(t.Context(), jobs.RunOptions{})
		if err == nil || sum.State != "FAILED" || strings.Contains(err.Error(), "\n") || errors.Is(err, jobs.ErrQuarantine) != c.refused {
			t.Errorf("%s: %v, %s", c.name, err, sum.State)
			continue
		}
		for _, part := range append(c.want, "nothing of the batch was committed") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q is not in %v", c.name, part, err)
			}
		}
		if files, _ := filepath.Glob(filepath.Join(w.dir, "lake/ext/*")); len(files) > 0 {
			t.Errorf("%s: published: %v", c.name, files)
		}
		if rows := w.quarantined(); len(rows) > 0 || sum.Records.Quarantined != 0 || sum.Objects.Quarantined != 0 {
			t.Errorf("%s: in quarantine: %+v, %+v, %+v", c.name, rows, sum.Records, sum.Objects)
		}
	}
}

// TestErrorsOfData: a record for which the SQL fails, and an object that needs too much memory alone, go to quarantine. The rest of the
// batch is published.
func TestErrorsOfData(t *testing.T) {
	for _, c := range []struct {
		name, sql string
		want      fields
		row       string
		message   string
	}{
		{"a record", "SELECT p.* REPLACE (CASE WHEN p._time = " + alertTime + " THEN CAST('x' || CAST(p._time AS VARCHAR) AS BIGINT) ELSE p._time END AS _time) FROM (%) p",
			fields{"state": "SUCCEEDED", "read": int64(2), "published": int64(1), "quarantined": int64(1), "objects": 0, "EXPRESSION_FAILED": int64(1), "OBJECT_TOO_LARGE": int64(0)},
			key("b") + " 1 EXPRESSION_FAILED", "projection network_activity: Could not convert string 'x" + alertTime},
		{"an object", "SELECT p.* FROM (%) p, unnest(range(CASE WHEN p._time = " + alertTime + " THEN 3000000 ELSE 1 END)) u(i) ORDER BY hash(i), p._time",
			fields{"state": "SUCCEEDED", "read": int64(1), "published": int64(1), "quarantined": int64(0), "objects": 1, "EXPRESSION_FAILED": int64(0), "OBJECT_TOO_LARGE": int64(1)},
			key("b") + " 0 OBJECT_TOO_LARGE", "the object alone needs more memory than limits.memory (1.0 GiB)"},
	} {
		w := newWorld(t)
		w.spec.Limits.MemoryBytes, w.spec.Limits.MaxQuarantineRatio = 1<<30, 0.5
		w.put(key("a"), gz(netflow))
		w.put(key("b"), gz(alert))
		sum, err := wrapped(w, c.sql, false).RunWithRetries(t.Context(), jobs.RunOptions{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		same(t, c.name, c.want, fields{"state": sum.State, "read": sum.Records.Read, "published": sum.Records.Published, "quarantined": sum.Records.Quarantined,
			"objects": sum.Objects.Quarantined, "EXPRESSION_FAILED": sum.Reasons["EXPRESSION_FAILED"], "OBJECT_TOO_LARGE": sum.Reasons["OBJECT_TOO_LARGE"]})
		rows := w.quarantined()
		if len(rows) != 1 || fmt.Sprintf("%s %d %s", rows[0].Object, rows[0].Record, rows[0].Reason) != c.row || !strings.Contains(rows[0].Message, c.message) {
			t.Errorf("%s: in quarantine: %+v", c.name, rows)
		}
		if got := w.published(); len(got) != 1 {
			t.Errorf("%s: %d rows are published", c.name, len(got))
		}
	}
}
