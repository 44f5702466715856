package attempt_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/sql/sqlgen"
	"github.com/silt-etl/silt/sql/sqltest"
)

// manyLogins is an object of n records.
func manyLogins(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"ts\":\"2026-01-02T03:04:05Z\",\"id\":\"login number %d of a large object\"}\n", i*7919%n)
	}
	return b.String()
}

// TestLargeObjectBesideSmallOnes: a sort that needs more memory than it has spills, however unequal the objects are.
func TestLargeObjectBesideSmallOnes(t *testing.T) {
	large, small := manyLogins(900_000), manyLogins(10)
	for _, threads := range []int{1, 2} {
		o := options(t, compiled(t, ""), bodies{local: true, get: func(key string) io.ReadCloser {
			if key == "large" {
				return io.NopCloser(strings.NewReader(large))
			}
			return io.NopCloser(strings.NewReader(small))
		}})
		o.MemoryBytes, o.Threads = 192<<20, threads
		r, err := attempt.Run(t.Context(), o, object("small", "large", "small", "small"))
		if err != nil || r.Totals().Published != 900_030 {
			t.Errorf("%d threads: %v", threads, err)
		}
	}
}

// TestFailureBesideWaitingThreads: threads that wait for the last object to be scanned end if its thread fails. The attempt then continues
// without DuckDB's sort.
func TestFailureBesideWaitingThreads(t *testing.T) {
	large := manyLogins(300_000)
	o := options(t, compiled(t, ""), bodies{local: true, get: func(key string) io.ReadCloser {
		return io.NopCloser(strings.NewReader(large[:max(0, len(large)*len(key)-4*len(large))]))
	}})
	o.Threads = 4
	o.Open = func(o engine.Options) (attempt.Engine, error) {
		o.MemoryBytes, o.TempDir = 24<<20, "" // the sort cannot spill
		return engine.Open(o)
	}
	opened := 0
	open := o.Open
	o.Open = func(e engine.Options) (attempt.Engine, error) {
		opened++
		return open(e)
	}
	r, err := attempt.Run(t.Context(), o, object("a", "b", "c", "large"))
	if err != nil || r.Totals().Published != 300_000 || opened != 2 {
		t.Errorf("%v, %d databases", err, opened)
	}
}

// TestDefaultAccount: records of the job's account, and records that name none, are in one file in order of time.
func TestDefaultAccount(t *testing.T) {
	c := sqltest.Compile(t, sqltest.Mapping(t, map[string]string{"raw.sql": "CREATE TABLE raw (ts TIMESTAMP, id VARCHAR, account VARCHAR);",
		"authentication.sql": "-- class: authentication\n-- profiles: cloud\nSELECT ts AS time, 1 AS activity_id, 1 AS severity_id, id AS \"user.name\", account AS \"cloud.account.uid\", " +
			"'AWS' AS \"cloud.provider\", 'h' AS \"dst_endpoint.hostname\", 'p' AS \"metadata.product.name\", 'v' AS \"metadata.product.vendor_name\" FROM raw"}))
	var b strings.Builder
	for i := range 20 {
		fmt.Fprintf(&b, `{"ts":"2026-01-02T03:%02d:05Z","id":"a","account":%s}`+"\n", i*7%20, []string{"null", `"111122223333"`}[i%2])
	}
	o := options(t, c, bodies{local: true, get: func(string) io.ReadCloser { return io.NopCloser(strings.NewReader(b.String())) }})
	r, err := attempt.Run(t.Context(), o, object("a"))
	if err != nil || r.Totals().Published != 20 {
		t.Error(err)
	}
}

// TestWideRows: records of any width up to the limit of a value are published in order, in memory that does not grow with them, by one
// SELECT, by several of one class and by several classes; the others are rejected; and progress counts each once.
func TestWideRows(t *testing.T) {
	one := compiled(t, "")
	more := strings.Replace(logins, " FROM raw", `, length(id) AS count FROM raw`, 1)
	merged := sqltest.Compile(t, sqltest.Mapping(t, map[string]string{"raw.sql": "CREATE TABLE raw (ts TIMESTAMP, id VARCHAR);",
		"a.sql": logins + " WHERE id LIKE 'a%'", "b.sql": more + " WHERE id NOT LIKE 'a%'"}))
	several := sqltest.Compile(t, sqltest.Mapping(t, map[string]string{"raw.sql": "CREATE TABLE raw (ts TIMESTAMP, id VARCHAR);",
		"a.sql": logins + " WHERE id LIKE 'a%'", "b.sql": strings.Replace(logins, "class: authentication", "class: account_change", 1) + " WHERE id NOT LIKE 'a%'"}))
	const n = 60
	body := func(key string) io.ReadCloser {
		var all []io.Reader
		for i := range n {
			at := (i*7 + len(key)) % n
			id := string('a' + byte(i%2))
			width := 300 << 10
			if i == 5 {
				width = 3 << 20 // wider than a page
			}
			all = append(all, strings.NewReader(fmt.Sprintf("{\"ts\":\"2026-01-02T03:04:%02dZ\",\"id\":\"%s%d\",\"more\":\"", at, id, i)), strings.NewReader(strings.Repeat("x", width)), strings.NewReader("\"}\n"))
		}
		if key == "broken" {
			all = append(all, iotest.ErrReader(objstore.ErrChanged))
		}
		return io.NopCloser(io.MultiReader(all...))
	}
	for name, c := range map[string]*sqlgen.Compiled{"one": one, "merged": merged, "several": several} {
		for _, local := range []bool{true, false} {
			o := options(t, c, bodies{local: local, get: body})
			o.MemoryBytes = 96 << 20 // 6 MiB of wide rows are too many
			var scanned, written, opened atomic.Int64
			o.Progress = func(s attempt.Stage, k int64) {
				switch s {
				case attempt.StageRecords:
					scanned.Add(k)
				case attempt.StageRows:
					written.Add(k)
				}
			}
			o.Open = func(e engine.Options) (attempt.Engine, error) {
				opened.Add(1)
				return engine.Open(e)
			}
			keys, most := []string{"a", "bb"}, int64(2*n)
			if local { // from other stores it is fetched first
				keys, most = append(keys, "broken"), 3*n-1
			}
			r, err := attempt.Run(t.Context(), o, object(keys...))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got := r.Totals(); got.Published != 2*n-2 || got.Quarantined != 2 || r.Reasons[attempt.ReasonTooWide] != 2 {
				t.Errorf("%s: %+v, %v", name, got, r.Reasons)
			}
			if r.Fields["more"] != 2*n-2 || len(r.Fields) != 1 {
				t.Errorf("%s: fields that the mapping does not know: %v", name, r.Fields)
			}
			if opened.Load() != 2 || scanned.Load() < 2*n || scanned.Load() > most || written.Load() != 2*n-2 {
				t.Errorf("%s: %d databases, %d records and %d rows reported", name, opened.Load(), scanned.Load(), written.Load())
			}
			if len(r.Files) != len(c.Projections) {
				t.Errorf("%s: %d files", name, len(r.Files))
			}
		}
	}
}

// TestPartitionsOfWideRows: too many partitions end an attempt at wide rows, too, and the error has an example.
func TestPartitionsOfWideRows(t *testing.T) {
	for _, width := range []int{10, 300 << 10} {
		var b strings.Builder
		for i := range 60 {
			fmt.Fprintf(&b, "{\"ts\":\"2026-01-%02dT03:04:05Z\",\"id\":\"u\",\"more\":\"%s\"}\n", 1+i/20, strings.Repeat("x", width))
		}
		o := options(t, compiled(t, ""), texts(map[string]string{"a": b.String()}))
		o.MemoryBytes, o.MaxPartitions = 96<<20, 2
		_, err := attempt.Run(t.Context(), o, object("a"))
		if many, ok := errors.AsType[*attempt.TooManyPartitions](err); !ok || many.Partitions != 3 || many.Object != "a" || many.Record < 41 {
			t.Errorf("%d bytes: %v", width, err)
		}
	}
}

// TestGuardedRows: if guarded expressions take too much for the 2,048 rows that DuckDB computes them for, DuckDB projects a few rows at a
// time. It does not gather rows again, here or where the attempt looks for records that fail.
func TestGuardedRows(t *testing.T) {
	mapping := func(expr string, classes ...string) *sqlgen.Compiled {
		files := map[string]string{"raw.sql": "CREATE TABLE raw (ts TIMESTAMP, id VARCHAR, zone VARCHAR);"}
		for i, class := range classes {
			sql := strings.Replace(logins, "class: authentication", "class: "+class, 1)
			sql = strings.Replace(sql, " FROM raw", `, length(`+expr+`) AS "unmapped.length", timezone(zone, ts) AS "unmapped.local" FROM raw`, 1)
			files[fmt.Sprintf("%d.sql", i)] = fmt.Sprintf("%s WHERE length(id) %% %d = %d", sql, len(classes), i)
		}
		return sqltest.Compile(t, sqltest.Mapping(t, files))
	}
	hex := strings.Repeat("hex(", 9) + "id" + strings.Repeat(")", 9)
	body := func(key string) io.ReadCloser {
		var b strings.Builder
		for i := range 300 {
			length := 3 + i%4
			if key == "long" {
				length += 300
			}
			zone := "Europe/Berlin"
			if i == 200 && key == "bad" {
				zone = "Nowhere"
			}
			fmt.Fprintf(&b, "{\"ts\":\"2026-01-02T03:04:05Z\",\"id\":%q,\"zone\":%q}\n", strings.Repeat("x", length), zone)
		}
		return io.NopCloser(strings.NewReader(b.String()))
	}
	few, table := true, false
	for _, c := range []struct {
		name, expr, key string
		classes         []string
		want            []bool // of each database: whether it gathers no rows
	}{
		{"one SELECT", hex, "long", []string{"authentication"}, []bool{table}},
		{"several classes", hex, "long", []string{"authentication", "account_change"}, []bool{table, few}},
		{"several SELECTs", hex, "long", []string{"authentication", "authentication", "authentication"}, []bool{table, few}},
		{"short values", hex, "short", []string{"authentication", "account_change"}, []bool{table}},
		{"no guard", "hex(id)", "long", []string{"authentication", "account_change"}, []bool{table}},
		{"a record fails", hex, "bad", []string{"authentication", "account_change"}, []bool{table, few, table}},
	} {
		o := options(t, mapping(c.expr, c.classes...), bodies{local: true, get: body})
		var got []bool
		o.Open = func(e engine.Options) (attempt.Engine, error) {
			got = append(got, e.Streaming)
			return engine.Open(e)
		}
		r, err := attempt.Run(t.Context(), o, object(c.key))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		bad := int64(strings.Count(c.key, "bad"))
		if n := r.Totals(); n.Published != 300-bad || n.Quarantined != bad {
			t.Errorf("%s: %+v", c.name, n)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: databases that gather no rows: %t, want %t", c.name, got, c.want)
		}
	}
}

// TestManyRejects: rejected records are in files until the batch ends, however many there are.
func TestManyRejects(t *testing.T) {
	const n = 300_000
	o := options(t, compiled(t, ""), bodies{local: true, get: func(string) io.ReadCloser { return io.NopCloser(strings.NewReader(strings.Repeat("{}\n", n))) }})
	o.MemoryBytes = 256 << 20
	r, err := attempt.Run(t.Context(), o, object("a", "b"))
	if err != nil || r.Totals().Quarantined != 2*n || r.QuarantineRows != 2*n || r.Reasons["TIME_MISSING"] != 2*n {
		t.Fatalf("%+v, %v", r, err)
	}
	f, err := os.Open(r.QuarantinePath)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	next := map[string]int64{}
	err = quarantine.Read(t.Context(), f, func(row quarantine.Row) error {
		if next[row.Object]++; row.Record != next[row.Object] || string(row.Raw) != "{}" {
			return fmt.Errorf("record %d of %s comes after %d", row.Record, row.Object, next[row.Object]-1)
		}
		return nil
	})
	if err != nil || next["a"] != n || next["b"] != n {
		t.Errorf("%v, %v", next, err)
	}
	if files, err := filepath.Glob(filepath.Join(o.TempDir, "rejected-*")); err != nil || len(files) > 0 {
		t.Errorf("%v are left, %v", files, err)
	}
}

// TestCutRecord: a record that is too long is in quarantine with its offset, its length and its first bytes, and a replay leaves it as it is.
func TestCutRecord(t *testing.T) {
	const long = 40 << 20
	o := options(t, compiled(t, ""), bodies{local: true, get: func(string) io.ReadCloser {
		return io.NopCloser(strings.NewReader(manyLogins(1) + "{\"id\":\"" + strings.Repeat("x", long) + "\"}\n" + manyLogins(1)))
	}})
	r, err := attempt.Run(t.Context(), o, object("a"))
	if err != nil || r.Totals().Published != 2 || r.Reasons["RECORD_TOO_LONG"] != 1 || r.RawBytes < long {
		t.Fatalf("%+v, %v", r, err)
	}
	rows := func(path string) (out []quarantine.Row) {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := quarantine.Read(t.Context(), f, func(row quarantine.Row) error { out = append(out, row); return nil }); err != nil {
			t.Fatal(err)
		}
		return out
	}
	got := rows(r.QuarantinePath)
	if len(got) != 1 || !got[0].Cut() || len(got[0].Raw) != decode.MaxRejectBytes {
		t.Fatalf("%d rows", len(got))
	}
	if got[0].Offset != int64(len(manyLogins(1))) || got[0].Length != long+9 {
		t.Errorf("offset %d, length %d", got[0].Offset, got[0].Length)
	}
	replay, err := attempt.NewReplay(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer replay.Close()
	if err := replay.Add(got[0], true); err != nil {
		t.Fatal(err)
	}
	o.Replay, o.TempDir = replay, t.TempDir()
	r, err = attempt.Run(t.Context(), o, object("a"))
	if err != nil || !r.Unchanged || r.Objects[0].Kept != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if again := rows(r.QuarantinePath); len(again) != 1 || !reflect.DeepEqual(again[0], got[0]) {
		t.Error("a replay changed a record that is cut")
	}
}
