package compare

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
)

func plan(t *testing.T, columns, where string) *sqlgen.Compiled {
	t.Helper()
	m, err := mappings.LoadFiles("m", map[string]string{
		"raw.sql": `CREATE TABLE raw (ts TIMESTAMP, a VARCHAR, b VARCHAR, n BIGINT)`,
		"base_event.sql": `-- class: base_event
-- drop: a = 'drop'
SELECT ts AS "time", 'p' AS "metadata.product.name", 'v' AS "metadata.product.vendor_name", ` + columns + ` FROM raw ` + where})
	if err != nil {
		t.Fatal(err)
	}
	p, problems, err := m.Compile(context.Background())
	if err != nil || p == nil {
		t.Fatalf("%v %v", err, problems)
	}
	return p
}

func object(key, text string) Object {
	return Object{Key: key, Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

func run(t *testing.T, o Options, objects ...Object) *Report {
	t.Helper()
	o.Region, o.Account, o.MinDay, o.MaxDay, o.TempDir = "us-east-1", "external", 0, 100_000, t.TempDir()
	r, err := Run(context.Background(), o, func(yield func(Object, error) bool) {
		for _, x := range objects {
			if !yield(x, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Same+r.Changed+r.Moved != r.Records {
		t.Errorf("%d same, %d changed, %d moved of %d", r.Same, r.Changed, r.Moved, r.Records)
	}
	return r
}

// Each record of each object is compared with itself, over many batches and objects, and counted once.
func TestEachRecordWithItself(t *testing.T) {
	before := plan(t, `1 AS severity_id, a AS message`, "WHERE n >= 10")
	after := plan(t, `CASE WHEN n % 3 = 0 THEN 4 ELSE 1 END AS severity_id, a AS message`, "WHERE n >= 10 AND n <> 50 OR n = 5")
	var x, y strings.Builder
	for i := range 12_000 {
		a := "m" + fmt.Sprint(i)
		if i%1000 == 999 {
			a = "drop"
		}
		fmt.Fprintf(&x, `{"ts":"2025-06-01T00:00:00Z","a":"%s","n":%d}`+"\n", a, i)
		if i < 100 {
			fmt.Fprintf(&y, `{"ts":"2025-06-01T00:00:00Z","a":"%s","n":%d}`+"\n", a, i)
		}
	}
	r := run(t, Options{Before: before, After: after}, object("x", x.String()), object("y", y.String()))
	if r.Records != 12_100 || r.Objects != 2 {
		t.Errorf("%d records of %d objects", r.Records, r.Objects)
	}
	// severity differs where 3 divides n, of the published on both sides.
	severity := int64(0)
	for _, to := range []int{12_000, 100} {
		for n := 10; n < to; n++ {
			if n%3 == 0 && n%1000 != 999 && n != 50 {
				severity++
			}
		}
	}
	found := map[string]*Change{}
	for _, c := range r.Attributes {
		found[c.Path] = c
	}
	if c := found["severity_id"]; c == nil || c.Changed != severity || c.Added+c.Removed != 0 {
		t.Errorf("severity_id: %+v, want %d", c, severity)
	}
	if r.Changed != severity {
		t.Errorf("%d changed, want %d", r.Changed, severity)
	}
	moves := map[string]int64{}
	for _, m := range r.Moves {
		moves[m.From+" -> "+m.To] = m.Records
	}
	if fmt.Sprint(moves) != "map[published as base_event -> quarantined NO_PROJECTION:2 quarantined NO_PROJECTION -> published as base_event:2]" {
		t.Errorf("%v", moves)
	}
	for _, e := range found["severity_id"].Examples {
		if (e.Record-1)%3 != 0 || string(e.Before) != "1" || string(e.After) != "4" {
			t.Errorf("%+v", e)
		}
	}
	if r.Before.Filtered != 12 || r.After.Filtered != 12 {
		t.Errorf("filtered %d and %d", r.Before.Filtered, r.After.Filtered)
	}
}

// Values that come and go, lists, and what unmapped holds.
func TestKindsOfChange(t *testing.T) {
	r := run(t, Options{Before: plan(t, `1 AS severity_id, a AS message, b AS "unmapped.x"`, ""), After: plan(t, `1 AS severity_id, b AS message`, "")},
		object("o", `{"ts":"2025-06-01T00:00:00Z","a":"1","b":"2"}
{"ts":"2025-06-01T00:00:00Z","a":"1"}
{"ts":"2025-06-01T00:00:00Z","b":"2"}
{"ts":"2025-06-01T00:00:00Z"}
{broken`))
	got := ""
	for _, c := range r.Attributes {
		got += fmt.Sprintf("%s %d %d %d\n", c.Path, c.Changed, c.Added, c.Removed)
	}
	if want := "message 1 1 1\nunmapped.a 0 2 0\nunmapped.x 0 0 2\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if r.Same != 2 || r.Changed != 3 {
		t.Errorf("%d same, %d changed: the empty and the broken record are the same", r.Same, r.Changed)
	}
}

// A limit applies over all objects, and is reported, like an object that ends early. One that cannot be opened ends the comparison.
func TestLimitAndTrouble(t *testing.T) {
	p := plan(t, `1 AS severity_id`, "")
	two := "{\"ts\":\"2025-06-01T00:00:00Z\"}\n{\"ts\":\"2025-06-01T00:00:00Z\"}\n"
	for limit, limited := range map[int64]bool{1: true, 2: true, 3: true, 4: false, 0: false} {
		r := run(t, Options{Before: p, After: p, Limit: limit}, object("a", two), object("b", two))
		want := limit
		if limit == 0 {
			want = 4
		}
		if r.Records != want || r.Limited != limited {
			t.Errorf("limit %d: %d records, limited %v", limit, r.Records, r.Limited)
		}
	}
	r := run(t, Options{Before: p, After: p}, object("cut", "\x1f\x8b\x08\x00"))
	if len(r.Unreadable) != 1 || r.Unreadable[0].Object != "cut" {
		t.Errorf("%+v", r.Unreadable)
	}
	_, err := Run(context.Background(), Options{Before: p, After: p, TempDir: t.TempDir()}, func(yield func(Object, error) bool) {
		yield(Object{Key: "gone", Open: func(context.Context) (io.ReadCloser, error) { return nil, errors.New("it is gone") }}, nil)
	})
	if err == nil || err.Error() != "gone: it is gone" {
		t.Errorf("%v", err)
	}
}
