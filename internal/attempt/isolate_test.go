package attempt_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/sql/sqlgen"
	"github.com/silt-etl/silt/sql/sqltest"
)

// zoned compiles a SELECT with an expression that ends the query for some values.
func zoned(t *testing.T) *sqlgen.Compiled {
	return sqltest.Compile(t, sqltest.Mapping(t, map[string]string{"raw.sql": "CREATE TABLE raw (ts TIMESTAMP, id VARCHAR, zone VARCHAR);",
		"a.sql": "-- class: authentication\nSELECT ts AS \"time\", 1 AS activity_id, 1 AS severity_id,\n  'P' AS \"metadata.product.name\", 'V' AS \"metadata.product.vendor_name\",\n  id AS \"user.name\",\n  timezone(zone, ts) AS \"unmapped.local\" FROM raw"}))
}

// lines are n records, of which those in bad have a zone that does not exist.
func lines(n int, bad ...int) string {
	zone := map[int]string{}
	for _, i := range bad {
		zone[i] = "Nowhere/Bad"
	}
	var b strings.Builder
	for i := 1; i <= n; i++ {
		z := zone[i]
		if z == "" {
			z = "Europe/Berlin"
		}
		fmt.Fprintf(&b, `{"ts":"2024-01-01T00:00:00Z","id":"%d","zone":%q}`+"\n", i, z)
	}
	return b.String()
}

func texts(objects map[string]string) bodies {
	return bodies{local: true, get: func(key string) io.ReadCloser { return io.NopCloser(strings.NewReader(objects[key])) }}
}

// rejects gives what the quarantine file has: object, record, reason and message.
func rejects(t *testing.T, r *attempt.Result) (all []string) {
	t.Helper()
	if r.QuarantinePath == "" {
		return nil
	}
	f, err := os.Open(r.QuarantinePath)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := quarantine.Read(t.Context(), f, func(row quarantine.Row) error {
		message, _, _ := strings.Cut(row.Message, "!")
		all = append(all, fmt.Sprintf("%s %d %s %s", row.Object, row.Record, row.Reason, message))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// A record for which an expression fails goes to quarantine with the line of the expression, and all others are published.
func TestExpressionFails(t *testing.T) {
	c := zoned(t)
	staging := texts(map[string]string{"a": lines(3000, 1, 2500), "b": lines(10), "c": lines(5, 1, 2, 3, 4, 5)})
	r, err := attempt.Run(t.Context(), options(t, c, staging), object("a", "b", "c"))
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, at := range []string{"a 1", "a 2500", "c 1", "c 2", "c 3", "c 4", "c 5"} {
		want = append(want, at+" EXPRESSION_FAILED a.sql:5 (unmapped.local): Unknown TimeZone 'Nowhere/Bad'")
	}
	if diff := cmp.Diff(want, rejects(t, r)); diff != "" {
		t.Error(diff)
	}
	if got, want := r.Totals(), (attempt.Totals{Objects: 3, Records: 3015, Published: 3008, Quarantined: 7}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if len(r.Files) != 1 || r.Files[0].Rows != 3008 {
		t.Errorf("%+v", r.Files)
	}
}

// A condition can fail like this, too, and one SELECT of several.
func TestConditionFails(t *testing.T) {
	raw := "CREATE TABLE raw (ts TIMESTAMP, id VARCHAR, zone VARCHAR);"
	one := "-- class: authentication\nSELECT ts AS \"time\", 1 AS activity_id, 1 AS severity_id, id AS \"user.name\", 'P' AS \"metadata.product.name\", 'V' AS \"metadata.product.vendor_name\"\nFROM raw WHERE "
	for name, files := range map[string]map[string]string{
		"one":     {"raw.sql": raw, "a.sql": one + "timezone(zone, ts) IS NOT NULL"},
		"several": {"raw.sql": raw, "a.sql": one + "id > '5' AND timezone(zone, ts) IS NOT NULL", "b.sql": one + "(id > '5') IS NOT TRUE"},
	} {
		r, err := attempt.Run(t.Context(), options(t, sqltest.Compile(t, sqltest.Mapping(t, files)), texts(map[string]string{"a": lines(9, 7)})), object("a"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := rejects(t, r); len(got) != 1 || !strings.HasPrefix(got[0], "a 7 EXPRESSION_FAILED a.sql:3 (condition): ") {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// The batch is refused if the share of such records is too large.
func TestTooManyFail(t *testing.T) {
	o := options(t, zoned(t), texts(map[string]string{"a": lines(10, 4, 6)}))
	o.MaxFailed = 0.1
	_, err := attempt.Run(t.Context(), o, object("a"))
	many, ok := errors.AsType[*attempt.TooManyFailed](err)
	if !ok {
		t.Fatal(err)
	}
	if many.Failed != 2 || many.Records != 10 || !strings.HasPrefix(many.First, "a.sql:5 (unmapped.local): Unknown TimeZone") {
		t.Errorf("%+v", many)
	}
	if got := many.Example.String(); !strings.HasPrefix(got, `a, record 4: {"`) || !strings.HasSuffix(many.Error(), "Example: "+got) {
		t.Errorf("%s: %v", got, many)
	}
	for i, record := range []int64{4, 6} {
		r := many.Rows[i]
		got := fmt.Sprint(r.Object, r.Record, r.Reason, strings.HasPrefix(r.Message, many.First[:20]), json.Valid(r.Raw))
		if want := fmt.Sprint("a", record, attempt.ReasonExpression, true, true); got != want {
			t.Errorf("row %d: %+v", i, r)
		}
	}
	o = options(t, zoned(t), texts(map[string]string{"a": lines(10, 4, 6)}))
	o.MaxFailed, o.HideRecords = 0.1, true
	_, err = attempt.Run(t.Context(), o, object("a"))
	if want := "fails for 2 of 10 records: a.sql:5 (unmapped.local); nothing of the batch was committed. Example: a, record 4"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("hidden: %v", err)
	}
}

// counted counts the queries of a database, and lets one fail.
type counted struct {
	attempt.Engine
	queries *int
	fail    error
}

func (c counted) Query(ctx context.Context, sql string) (engine.RowReader, error) {
	*c.queries++
	if c.fail != nil {
		return nil, c.fail
	}
	return c.Engine.Query(ctx, sql)
}

func counting(o *attempt.Options, fail error) *int {
	n := new(int)
	o.Open = func(eo engine.Options) (attempt.Engine, error) {
		db, err := engine.Open(eo)
		return counted{db, n, fail}, err
	}
	return n
}

// A record is found with 2 log2(n) queries at most, n being the records of a group, in addition to those that every group and expression needs.
func TestQueriesPerRecord(t *testing.T) {
	c := zoned(t)
	run := func(bad ...int) int {
		o := options(t, c, texts(map[string]string{"a": lines(2048, bad...)}))
		n := counting(&o, nil)
		if _, err := attempt.Run(t.Context(), o, object("a")); err != nil {
			t.Fatal(err)
		}
		return *n
	}
	one, two := run(1000), run(1000, 7)
	if limit := int(2 * math.Log2(2048)); one > limit+len(c.Expressions)+5 || two-one > limit {
		t.Errorf("%d queries for one record, %d for two, and 2 log2(n) is %d", one, two, limit)
	}
}

// A full disk, a fault of DuckDB and a stop make no record the cause.
func TestNotTheRecord(t *testing.T) {
	for _, kind := range []string{"IO", "INTERRUPT", "FATAL", "INTERNAL"} {
		o := options(t, zoned(t), texts(map[string]string{"a": lines(3, 2)}))
		n := counting(&o, &engine.Error{Kind: kind, Message: "no"})
		if r, err := attempt.Run(t.Context(), o, object("a")); err == nil || *n != 1 {
			t.Errorf("%s: %v, %v after %d queries", kind, r, err, *n)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	o := options(t, zoned(t), texts(map[string]string{"a": lines(3, 2)}))
	o.Open = func(eo engine.Options) (attempt.Engine, error) {
		db, err := engine.Open(eo)
		if strings.HasSuffix(eo.TempDir, "isolate") {
			stop()
		}
		return db, err
	}
	if r, err := attempt.Run(ctx, o, object("a")); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", r, err)
	}
}
