package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	bindings "github.com/duckdb/duckdb-go-bindings"
)

func openDB(t testing.TB, o Options) *DB {
	t.Helper()
	d, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// collect gives every value of a result as Arrow prints it, row by row.
func collect(t testing.TB, d *DB, sql string) [][]string {
	t.Helper()
	rows, err := collectErr(d, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return rows
}

func collectErr(d *DB, sql string) ([][]string, error) {
	r, err := d.Query(context.Background(), sql)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var rows [][]string
	for {
		b, err := r.Next()
		if err != nil {
			return rows, err
		}
		if b == nil {
			return rows, nil
		}
		for i := range int(b.NumRows()) {
			var row []string
			for _, c := range b.Columns() {
				row = append(row, c.ValueStr(i))
			}
			rows = append(rows, row)
		}
		b.Release()
	}
}

// one gives the only value of a result.
func one(t testing.TB, d *DB, sql string) string {
	t.Helper()
	rows := collect(t, d, sql)
	if len(rows) != 1 || len(rows[0]) != 1 {
		t.Fatalf("%s: %v, want one value", sql, rows)
	}
	return rows[0][0]
}

// fake is a Source of numbered rows: n of them, over all Cursors.
type fake struct {
	cols   []Column
	n      int64
	next   atomic.Int64
	opened atomic.Int64
	closed atomic.Int64
	fill   func(ctx context.Context, c *Chunk, row int, id int64) error
}

func (f *fake) Columns() []Column { return f.cols }
func (f *fake) NewCursor() Cursor { f.opened.Add(1); return &fakeCursor{f} }

type fakeCursor struct{ f *fake }

func (c *fakeCursor) Close() { c.f.closed.Add(1) }
func (c *fakeCursor) Fill(ctx context.Context, k *Chunk) (int, error) {
	end := c.f.next.Add(int64(k.Cap()))
	from := end - int64(k.Cap())
	end = min(end, c.f.n)
	row := 0
	for id := from; id < end; id++ {
		if err := c.f.fill(ctx, k, row, id); err != nil {
			return row, err
		}
		row++
	}
	return row, nil
}

func TestVectorSize(t *testing.T) {
	if n := bindings.VectorSize(); n != chunkRows {
		t.Fatalf("DuckDB's vectors hold %d rows, Chunk assumes %d", n, chunkRows)
	}
}

// Every type of the way out, NULL in every seventh row, over more than one batch and chunks of odd sizes; what DuckDB says of
// a value as text is the other side.
func TestTypesOut(t *testing.T) {
	d := openDB(t, Options{Threads: 2})
	exprs := []string{
		"(i % 2 = 0)", "(i % 100)::TINYINT", "i::SMALLINT", "(i * -7)::INTEGER", "i * 1000000007", "(i % 200)::UTINYINT",
		"i::USMALLINT", "i::UINTEGER", "9223372036854775807::UBIGINT + i::UBIGINT", "(i / 4)::FLOAT", "i / 8", "'s' || i",
		"'a longer text than twelve bytes é ' || i", "''", "DATE '2024-02-29' + i::INTEGER", "'x'", "[]::INTEGER[]",
	}
	var sel, txt []string
	for k, e := range exprs {
		v := fmt.Sprintf("CASE WHEN (i + %d) %% 7 <> 0 THEN %s END", k, e)
		sel = append(sel, v)
		txt = append(txt, fmt.Sprintf("coalesce((%s)::VARCHAR, '(null)')", v))
	}
	from := " FROM (SELECT range AS i FROM range(25000)) WHERE i % 3 <> 1 ORDER BY i"
	got := collect(t, d, "SELECT "+strings.Join(sel, ", ")+from)
	want := collect(t, d, "SELECT "+strings.Join(txt, ", ")+from)
	if len(got) != len(want) || len(got) != 16667 {
		t.Fatalf("%d rows, %d as text", len(got), len(want))
	}
	for i := range got {
		for k := range exprs {
			g, w := got[i][k], want[i][k]
			if exprs[k] == "(i / 4)::FLOAT" || exprs[k] == "i / 8" {
				w = strings.TrimSuffix(w, ".0")
			}
			if g != w {
				t.Fatalf("row %d, %s: %s, want %s", i, exprs[k], g, w)
			}
		}
	}
}

func TestTimesOut(t *testing.T) {
	d := openDB(t, Options{})
	r, err := d.Query(context.Background(), `SELECT TIMESTAMP '2024-05-06 07:08:09.123456' AS us, TIMESTAMP_S '1960-01-01' AS s,
		TIMESTAMP_MS '2024-01-01 00:00:00.5' AS ms, TIMESTAMP_NS '2024-01-01 00:00:00.000000001' AS ns, TIMESTAMPTZ '2024-01-01 00:00:00+02' AS tz`)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	want := []struct {
		typ string
		v   int64
	}{{"timestamp[us]", 1714979289123456}, {"timestamp[s]", -315619200}, {"timestamp[ms]", 1704067200500}, {"timestamp[ns]", 1704067200000000001}, {"timestamp[us, tz=UTC]", 1704060000000000}}
	for i, w := range want {
		c := b.Column(i).(*array.Timestamp)
		if c.DataType().String() != w.typ || int64(c.Value(0)) != w.v {
			t.Errorf("%s: %s %d, want %s %d", b.ColumnName(i), c.DataType(), c.Value(0), w.typ, w.v)
		}
	}
}

// Nested values in and out of order, with NULLs at every level, against DuckDB's JSON of the same.
func TestNestedOut(t *testing.T) {
	d := openDB(t, Options{Threads: 2})
	v := `CASE WHEN i % 5 <> 0 THEN {
		'const': ['cloud', 'security_control'],
		'deep': CASE WHEN i % 4 <> 1 THEN {'b': i % 2 = 0, 't': 'text number ' || i} END,
		'list': CASE WHEN i % 6 <> 2 THEN list_transform(range(i % 4), lambda x: CASE WHEN x <> 1 THEN {'k': x, 'v': ['é' || x, NULL]} END) END,
		'n': CASE WHEN i % 3 <> 0 THEN i END } END`
	for _, from := range []string{
		" FROM (SELECT range AS i FROM range(20000)) ORDER BY i",
		" FROM (SELECT range AS i FROM range(20000)) WHERE i % 11 > 3 ORDER BY i DESC",
	} {
		got := collect(t, d, "SELECT "+v+from)
		want := collect(t, d, "SELECT coalesce(to_json("+v+")::VARCHAR, '(null)')"+from)
		if len(got) != len(want) {
			t.Fatalf("%d rows, want %d", len(got), len(want))
		}
		for i := range got {
			if got[i][0] != want[i][0] {
				t.Fatalf("row %d: %s\nwant %s", i, got[i][0], want[i][0])
			}
		}
	}
	m := collect(t, d, `SELECT CASE WHEN i <> 1 THEN map_from_entries(list_transform(range(i), lambda x: {'k': 'key' || x, 'v': CASE WHEN x <> 1 THEN 'value ' || x END})) END
		FROM range(4) r(i) ORDER BY i`)
	want := []string{`[]`, `(null)`, `[{"key":"key0","value":"value 0"},{"key":"key1","value":null}]`, `[{"key":"key0","value":"value 0"},{"key":"key1","value":null},{"key":"key2","value":"value 2"}]`}
	for i, w := range want {
		if m[i][0] != w {
			t.Errorf("map %d: %s, want %s", i, m[i][0], w)
		}
	}
}

func TestTypesRefused(t *testing.T) {
	d := openDB(t, Options{})
	for sql, want := range map[string]string{
		"SELECT 1::HUGEINT AS h":                 `column "h" has the type HUGEINT; cast it to BIGINT or DOUBLE`,
		"SELECT 1.5 AS d":                        `column "d" has the type DECIMAL(2,1); cast it to DOUBLE or BIGINT`,
		"SELECT {'a': [uuid()]} AS s":            `column "s" is a struct whose field "a" is a list whose element has the type UUID; cast`,
		"SELECT INTERVAL 1 DAY AS i":             `column "i" has the type INTERVAL; cast it`,
		"SELECT to_json(1) AS j":                 `column "j" has the type JSON; cast it to VARCHAR`,
		"SELECT map {'k': 'v'::BLOB} AS m":       `column "m" is a map whose value has the type BLOB`,
		"SELECT [1,2]::INTEGER[2] AS a":          `column "a" has the type ARRAY`,
		"SELECT 'a'::ENUM('a', 'b') AS e":        `column "e" has the type ENUM`,
		"SELECT TIME '10:00' AS t":               `column "t" has the type TIME`,
		"SELECT [1]::HUGEINT[] AS l":             `is a list whose element has the type HUGEINT`,
		"SELECT 1; SELECT 2":                     "",
		"CREATE TABLE t (a INTEGER)":             "CREATE",
		"COPY (SELECT 1) TO '/tmp/silt-no.json'": "",
	} {
		_, err := collectErr(d, sql)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q in one line", sql, err, want)
		}
	}
}

// A batch of wide text is cut by bytes; no row is lost or moved.
func TestWideText(t *testing.T) {
	d := openDB(t, Options{Threads: 2})
	r, err := d.Query(context.Background(), "SELECT i, repeat(chr((65 + i % 26)::INTEGER), 60000) AS s FROM range(1200) r(i) ORDER BY i")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	next := int64(0)
	for {
		b, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if b == nil {
			break
		}
		s := b.Column(1).(*array.String)
		if n := len(s.ValueBytes()); n > 2*batchBytes {
			t.Fatalf("a batch of %d bytes", n)
		}
		for i, v := range b.Column(0).(*array.Int64).Int64Values() {
			if v != next || s.Value(i) != strings.Repeat(string(rune('A'+v%26)), 60000) {
				t.Fatalf("row %d is %d", next, v)
			}
			next++
		}
		b.Release()
	}
	if next != 1200 {
		t.Fatalf("%d rows", next)
	}
}

func TestBatchesOutliveTheReader(t *testing.T) {
	d := openDB(t, Options{})
	r, err := d.Query(context.Background(), "SELECT 'a text of more than twelve bytes ' || i FROM range(40000) r(i) ORDER BY i")
	if err != nil {
		t.Fatal(err)
	}
	var all []arrow.RecordBatch
	for b, err := r.Next(); b != nil || err != nil; b, err = r.Next() {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	r.Close()
	r.Close()
	if _, err := r.Next(); err == nil {
		t.Error("Next after Close gave no error")
	}
	n := 0
	for _, b := range all {
		for i := range int(b.NumRows()) {
			if g, w := b.Column(0).(*array.String).Value(i), fmt.Sprintf("a text of more than twelve bytes %d", n); g != w {
				t.Fatalf("%q, want %q", g, w)
			}
			n++
		}
		b.Release()
	}
	if n != 40000 || len(all) > 4 {
		t.Errorf("%d rows in %d batches; want 40000 in at most 4", n, len(all))
	}
}

// rss is the process's resident memory, in bytes.
func rss(t testing.TB) int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Logf("resident memory is not measured here: %v", err)
		return 0
	}
	var size, res int64
	if _, err := fmt.Sscan(string(b), &size, &res); err != nil {
		t.Fatal(err)
	}
	return res * int64(os.Getpagesize())
}

// 5M rows of 200 bytes, 1 GB, under a limit of 256 MB and a slow reader.
func TestStreamingMemory(t *testing.T) {
	d := openDB(t, Options{MemoryBytes: 256 << 20, Threads: 2})
	before, peak := rss(t), int64(0)
	r, err := d.Query(context.Background(), "SELECT i, repeat('x', 200) || i AS s FROM range(5000000) r(i)")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n := int64(0)
	for k := 0; ; k++ {
		b, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if b == nil {
			break
		}
		n += b.NumRows()
		b.Release()
		if k%20 == 0 {
			peak = max(peak, rss(t))
		}
	}
	if n != 5000000 {
		t.Errorf("%d rows", n)
	}
	if grown := peak - before; grown > 300<<20 {
		t.Errorf("resident memory grew by %d MB", grown>>20)
	}
}

// A sort larger than the memory limit spills, and stays in order.
func TestSortSpills(t *testing.T) {
	dir := t.TempDir()
	sql := "SELECT hash(i) AS h, repeat('y', 100) || i AS s FROM range(1500000) r(i) ORDER BY h"
	d := openDB(t, Options{MemoryBytes: 96 << 20, TempDir: dir, Threads: 2})
	r, err := d.Query(context.Background(), sql)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if files, err := os.ReadDir(dir); err != nil || len(files) == 0 {
		t.Errorf("nothing in the temp folder (%v): no spill was tested", err)
	}
	n, last := 0, uint64(0)
	for {
		b, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if b == nil {
			break
		}
		for _, h := range b.Column(0).(*array.Uint64).Uint64Values() {
			if h < last {
				t.Fatalf("row %d is out of order", n)
			}
			last = h
			n++
		}
		b.Release()
	}
	if n != 1500000 {
		t.Errorf("%d rows", n)
	}
	no := openDB(t, Options{MemoryBytes: 96 << 20, Threads: 2})
	_, err = collectErr(no, sql)
	var e *Error
	if !errors.As(err, &e) || e.Kind != "Out of Memory" || !strings.Contains(err.Error(), "raise the memory limit") || strings.Contains(err.Error(), "\n") {
		t.Errorf("without a temp folder: %v", err)
	}
}

func TestCancel(t *testing.T) {
	d := openDB(t, Options{Threads: 2})
	long := "SELECT count(*) FROM range(10000000) a(x), range(10000000) b(y) WHERE x * 3 = y + 1"
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if r, err := d.Query(ctx, long); err == nil {
		_, err = r.Next()
		r.Close()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Query: %v", err)
		}
	} else if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Query: %v", err)
	}
	why := errors.New("the run was stopped")
	ctx2, stop := context.WithCancelCause(context.Background())
	time.AfterFunc(50*time.Millisecond, func() { stop(why) })
	if err := d.Exec(ctx2, "CREATE TABLE t AS "+long); !errors.Is(err, why) {
		t.Errorf("Exec: %v", err)
	}
	if err := d.Exec(ctx2, "SELECT 1"); err == nil {
		t.Error("Exec under a cancelled context gave no error")
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("cancelling took %s", took)
	}
	if g := one(t, d, "SELECT 1"); g != "1" {
		t.Errorf("after a cancelled query: %s", g)
	}
	// Between two batches.
	ctx3, cancel3 := context.WithCancel(context.Background())
	r, err := d.Query(ctx3, "SELECT i FROM range(100000000) r(i)")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	cancel3()
	if _, err := r.Next(); !errors.Is(err, context.Canceled) {
		t.Errorf("Next: %v", err)
	}
}

func TestErrorsMidStream(t *testing.T) {
	d := openDB(t, Options{Threads: 2})
	rows, err := collectErr(d, "SELECT CASE WHEN i = 900000 THEN ('x' || i)::INTEGER ELSE i END FROM range(1000000) r(i)")
	var e *Error
	if !errors.As(err, &e) || e.Kind != "Conversion" || !strings.Contains(e.Message, "x900000") {
		t.Errorf("%d rows, then %v", len(rows), err)
	}
	_, err = collectErr(d, "SELECT\n  nope FROM range(3)")
	if !errors.As(err, &e) || e.Kind != "Binder" || e.Offset != 9 || strings.Contains(err.Error(), "\n") {
		t.Errorf("binder: %v %+v", err, e)
	}
	if err := d.Exec(context.Background(), "SELECT FROM WHERE"); !errors.As(err, &e) || e.Kind != "Parser" || e.Offset != 12 {
		t.Errorf("parser: %v", err)
	}
}

func TestDBsShareNothing(t *testing.T) {
	a, b := openDB(t, Options{Threads: 1}), openDB(t, Options{Threads: 2})
	ctx := context.Background()
	if err := a.Exec(ctx, "CREATE TABLE t AS SELECT 1 AS x; CREATE MACRO twice(x) AS x * 2"); err != nil {
		t.Fatal(err)
	}
	if g := one(t, a, "SELECT twice(x) FROM t"); g != "2" {
		t.Errorf("a: %s", g)
	}
	if _, err := collectErr(b, "SELECT * FROM t"); err == nil {
		t.Error("b sees a's table")
	}
	for d, want := range map[*DB]string{a: "1", b: "2"} {
		if g := one(t, d, "SELECT current_setting('threads')"); g != want {
			t.Errorf("threads %s, want %s", g, want)
		}
	}
	for name, want := range map[string]string{"preserve_insertion_order": "false", "TimeZone": "UTC", "errors_as_json": "true", "enable_external_access": "false"} {
		if g := one(t, a, "SELECT current_setting('"+name+"')::VARCHAR"); g != want {
			t.Errorf("%s is %s on a query's connection, want %s", name, g, want)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Exec(ctx, "SELECT 1"); !errors.Is(err, errClosed) {
		t.Errorf("Exec after Close: %v", err)
	}
	if _, err := a.Query(ctx, "SELECT 1"); !errors.Is(err, errClosed) {
		t.Errorf("Query after Close: %v", err)
	}
}

func TestOpenErrors(t *testing.T) {
	if _, err := Open(Options{TempDir: "/nowhere/at/all"}); err == nil || !strings.Contains(err.Error(), "temp folder") {
		t.Errorf("%v", err)
	}
}
