package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
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
func wrapped(r *jobs.Runner, sql string, expressions bool) *jobs.Runner {
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

// failsAt is SQL for wrapped: an expression fails for the records of a time, in a way that ends the query.
func failsAt(time string) string {
	return "SELECT p.* REPLACE (CASE WHEN p._time = " + time + " THEN CAST('x' || CAST(p._time AS VARCHAR) AS BIGINT) ELSE p._time END AS _time) FROM (%) p"
}

// largeIf is SQL for wrapped: records for which a condition holds need more memory than DuckDB has.
func largeIf(condition string) string {
	return "SELECT p.* FROM (%) p, unnest(range(CASE WHEN " + condition + " THEN 3000000 ELSE 1 END)) u(i) ORDER BY hash(i), p._time"
}

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
		sum, err := wrapped(w.runner(), c.sql, c.expressions).RunWithRetries(t.Context(), jobs.RunOptions{})
		if err == nil || sum.State != "FAILED" || strings.Contains(err.Error(), "\n") || errors.Is(err, jobs.ErrQuarantine) != c.refused {
			t.Errorf("%s: %v, %s", c.name, err, sum.State)
			continue
		}
		if code := exitCodeOf(err); c.refused != (code == 3) {
			t.Errorf("%s: exit code %d", c.name, code)
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
		{"a record", failsAt(alertTime),
			fields{"state": "SUCCEEDED", "read": int64(2), "published": int64(1), "quarantined": int64(1), "objects": 0, "EXPRESSION_FAILED": int64(1), "OBJECT_TOO_LARGE": int64(0)},
			key("b") + " 1 EXPRESSION_FAILED", "projection network_activity: Could not convert string 'x" + alertTime},
		{"an object", largeIf("p._time = " + alertTime),
			fields{"state": "SUCCEEDED", "read": int64(1), "published": int64(1), "quarantined": int64(0), "objects": 1, "EXPRESSION_FAILED": int64(0), "OBJECT_TOO_LARGE": int64(1)},
			key("b") + " 0 OBJECT_TOO_LARGE", "the object alone needs more memory than limits.memory (1.0 GiB)"},
	} {
		w := newWorld(t)
		w.spec.Limits.MemoryBytes, w.spec.Limits.MaxQuarantineRatio, w.spec.Limits.MaxBrokenRatio = 1<<30, 0.5, 0.5
		w.put(key("a"), gz(netflow))
		w.put(key("b"), gz(alert))
		sum, err := wrapped(w.runner(), c.sql, false).RunWithRetries(t.Context(), jobs.RunOptions{})
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

// TestTooLargeObjects: objects that need too much memory count in limits.max_broken_ratio as unreadable ones do. Above it what can be
// loaded is committed all the same, and the run ends with exit code 3 and names the others. A replay with more memory loads them.
func TestTooLargeObjects(t *testing.T) {
	for _, c := range []struct {
		name, condition string
		limit           float64
		code, large     int
		want            []string
	}{
		{"as many as allowed", "p._time = " + alertTime, 0.5, 0, 1, nil},
		{"one more", "p._time = " + alertTime, 0.49, 3, 1, []string{"1 of 2 objects is too large (50.00%), and limits.max_broken_ratio allows 49.00%", key("b") + ": the object alone", "etl replay"}},
		{"all", "p._time > 0", 0.05, 3, 2, []string{"2 of 2 objects are too large (100.00%)", key("a"), key("b")}},
	} {
		w := newWorld(t)
		w.spec.Limits.MemoryBytes, w.spec.Limits.MaxBrokenRatio = 1<<30, c.limit
		w.put(key("a"), gz(netflow))
		w.put(key("b"), gz(alert))
		sum, err := wrapped(w.runner(), largeIf(c.condition), false).RunWithRetries(t.Context(), jobs.RunOptions{})
		if c.code == 0 && err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if c.code != 0 {
			wantError(t, c.name, err, jobs.ErrUnread, c.code, c.want...)
		}
		same(t, c.name, fields{"batches": 1, "published": int64(2 - c.large), "large": int64(c.large)},
			fields{"batches": sum.Batches, "published": sum.Records.Published, "large": sum.Reasons[attempt.ReasonObjectTooLarge]})
		if sum, err := w.run(); err != nil || sum.Objects.Read != 0 {
			t.Errorf("%s: the next run: %+v, %v", c.name, sum.Objects, err)
		}
		if sum, err := w.runner().Replay(t.Context(), jobs.ReplayOptions{}); err != nil || sum.Records.Published != int64(c.large) {
			t.Errorf("%s: the replay: %+v, %v", c.name, sum.Records, err)
		}
	}
}

// noMemory is a DuckDB that has no memory for any query.
type noMemory struct{ attempt.Engine }

func (noMemory) Query(context.Context, string) (engine.RowReader, error) {
	return nil, &engine.Error{Kind: engine.OutOfMemory, Message: "could not allocate block of size 256.0 KiB (63.9 MiB/64.0 MiB used)"}
}

// TestTooManyTooLarge: if a mapping needs too much memory for each of many objects, the batch is refused, and nothing goes to quarantine.
// The next run loads all of them if it has the memory.
func TestTooManyTooLarge(t *testing.T) {
	p := newMemParts(t, 2<<30)
	p.spec.Limits.MaxBrokenRatio = 0.05
	p.stageNights(t, 1, 12)
	r := p.runner()
	r.OpenEngine = func(o engine.Options) (attempt.Engine, error) {
		db, err := engine.Open(o)
		return noMemory{db}, err
	}
	sum, err := r.Run(t.Context(), jobs.RunOptions{})
	wantError(t, "the run", err, jobs.ErrQuarantine, 3, "at least 11 of 12 objects need more memory than limits.memory (1.0 GiB)", nightKey(1), "and 6 more", "nothing of the batch was committed", "raise limits.memory")
	batches, rows := p.refused(t)
	same(t, "what is kept", fields{"batches": 1, "rows": 11, "first": nightKey(1) + ": "}, fields{"batches": len(batches), "rows": len(rows), "first": rows[0]})
	same(t, "what is kept of the batch", fields{"records": int64(0), "groups": 1, "objects": int64(11)},
		fields{"records": batches[0].Records, "groups": len(batches[0].Groups), "objects": batches[0].Groups[0].Objects})
	same(t, "the run", fields{"state": "FAILED", "failed": 1, "quarantined": 0}, fields{"state": sum.State, "failed": len(sum.Failed), "quarantined": sum.Objects.Quarantined})
	if open := p.state0(t).OpenBatches(); len(open) > 0 {
		t.Errorf("the batch was not released: %+v", open)
	}
	p.mustRun(t, jobs.RunOptions{})
	p.noProblems(t, "with enough memory", nightRows(1, 12))
}

// TestFailedRecordsCount: records for which an expression fails count in limits.max_quarantine_ratio, together with records that are
// rejected for another reason, and alone. A batch with too many of them is refused with exit code 3, and the others are published.
func TestFailedRecordsCount(t *testing.T) {
	for limit, code := range map[float64]int{0.5: 0, 0.49: 3} { // 1 of the 3 records that can be mapped, 2 of 4 together
		w := newWorld(t)
		w.spec.Limits.MaxQuarantineRatio = limit
		w.put(key("a"), gz(netflow, alert, netflow, "broken"))
		sum, err := wrapped(w.runner(), failsAt(alertTime), false).RunWithRetries(t.Context(), jobs.RunOptions{})
		if code == 0 && (err != nil || sum.Records.Published != 2) {
			t.Errorf("limit %g: %+v, %v", limit, sum.Records, err)
		} else if code != 0 {
			wantError(t, "too many together", err, jobs.ErrQuarantine, code, "2 of 4 records were rejected (50.00%)", "EXPRESSION_FAILED 1", "nothing of the batch was committed")
		}
	}
	w := newWorld(t)
	w.spec.Limits.MaxQuarantineRatio, w.spec.Limits.BatchBytes = 0.49, 1
	w.put(key("a"), gz(netflow))
	w.put(key("b"), gz(netflow, alert))
	sum, err := wrapped(w.runner(), failsAt(alertTime), false).RunWithRetries(t.Context(), jobs.RunOptions{})
	wantError(t, "too many alone", err, jobs.ErrQuarantine, 3, "fails for 1 of 2 records: ", "Example: "+key("b")+", record 2: "+alert[:200]+"...", "raise limits.max_quarantine_ratio")
	batches, rows := refusedOf(t, w.runner().State, "test")
	if want := []string{key("b") + ": " + alert}; !slices.Equal(rows, want) || len(batches) != 1 {
		t.Fatalf("what is kept: %+v, %q", batches, rows)
	}
	same(t, "what is kept", fields{"read": int64(2), "records": int64(1), "reason": attempt.ReasonExpression}, fields{"read": batches[0].Read, "records": batches[0].Records, "reason": batches[0].Groups[0].Reason})
	same(t, "too many alone", fields{"published": int64(1), "failed": 1, "quarantined": int64(0)}, fields{"published": sum.Records.Published, "failed": len(sum.Failed), "quarantined": sum.Records.Quarantined})
}
