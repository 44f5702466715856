package engine

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// wide is a Source shaped like firewall records: 25 columns, of them 10 texts (4 beyond 12 bytes), a NULL in some.
func wide(n int64) *fake {
	f := &fake{n: n}
	for i := range 25 {
		typ := []Type{BigInt, Varchar, Integer, Varchar, Double}[i%5]
		f.cols = append(f.cols, Column{fmt.Sprintf("c%d", i), typ})
	}
	short := [][]byte{[]byte("TCP"), []byte("10.1.2.3"), []byte("us-east-1a"), []byte("blocked")}
	long := [][]byte{[]byte("a-firewall-with-a-name"), []byte("2024-01-02T03:04:05.678901+0000"), []byte(strings.Repeat("k\x02value ", 20))}
	f.fill = func(_ context.Context, c *Chunk, row int, id int64) error {
		h := uint64(id) * 0x9E3779B97F4A7C15
		for i := range 25 {
			switch {
			case i > 15 && (id+int64(i))%4 == 0:
				c.SetNull(i, row)
			case i%5 == 0:
				c.SetInt64(i, row, int64(h>>1))
			case i == 1 || i == 8 || i == 13 || i == 18:
				c.SetText(i, row, long[(int(id)+i)%3])
			case i%5 == 1 || i%5 == 3:
				c.SetText(i, row, short[(int(id)+i)%4])
			case i%5 == 2:
				c.SetInt32(i, row, int32(h>>40))
			default:
				c.SetDouble(i, row, float64(h>>20))
			}
		}
		return nil
	}
	return f
}

// cpuSeconds is what the process used so far, user and system: steadier than the clock on a shared machine.
func cpuSeconds(b *testing.B) float64 {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}

func drainQuery(b *testing.B, d *DB, sql string, want int64) {
	r, err := d.Query(context.Background(), sql)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	n := int64(0)
	for {
		rec, err := r.Next()
		if err != nil {
			b.Fatal(err)
		}
		if rec == nil {
			break
		}
		n += rec.NumRows()
		rec.Release()
	}
	if n != want {
		b.Fatalf("%d rows, want %d", n, want)
	}
}

// BenchmarkSource: 1M rows of 25 columns, filled in Go, and what DuckDB then does with them.
func BenchmarkSource(b *testing.B) {
	const n = 1_000_000
	for _, q := range []struct{ name, sql string }{
		{"fill", "SELECT count(*) FROM records() WHERE " + allColumns()},
		{"stream", "SELECT * FROM records()"},
		{"sort", "SELECT * FROM records() ORDER BY c0"},
	} {
		b.Run(q.name, func(b *testing.B) {
			start := cpuSeconds(b)
			for b.Loop() {
				d := openDB(b, Options{Threads: 2, MemoryBytes: 2 << 30, TempDir: b.TempDir()})
				if err := d.RegisterSource("records", wide(n)); err != nil {
					b.Fatal(err)
				}
				want := int64(n)
				if q.name == "fill" {
					want = 1
				}
				drainQuery(b, d, q.sql, want)
				d.Close()
			}
			b.ReportMetric((cpuSeconds(b)-start)/float64(b.N), "cpu-s/op")
		})
	}
}

// allColumns is a cheap predicate that reads every column.
func allColumns() string {
	var s []string
	for i := range 25 {
		s = append(s, fmt.Sprintf("c%d IS NULL", i))
	}
	return strings.Join(s, " OR ")
}

// BenchmarkExpressions: what the generated SQL's habits cost over 1M rows.
func BenchmarkExpressions(b *testing.B) {
	const n = 1_000_000
	from := " FROM records() ORDER BY c0"
	for _, q := range []struct{ name, sql string }{
		{"plain", "SELECT c0, c2::BIGINT AS a, c6::VARCHAR AS b, c3 AS c, c7::VARCHAR AS d, c5 // 1000 AS e" + from},
		{"try", "SELECT c0, TRY(c2::BIGINT) AS a, TRY(c6::VARCHAR) AS b, TRY(c3) AS c, TRY(c7::VARCHAR) AS d, TRY(c5 // 1000) AS e" + from},
		{"int_plain", "SELECT c0, (c2 % 1000)::SMALLINT AS a, (c7 % 1000)::SMALLINT AS b, (c12 % 1000)::SMALLINT AS c" + from},
		{"int_try", "SELECT c0, TRY((c2 % 1000)::SMALLINT) AS a, TRY((c7 % 1000)::SMALLINT) AS b, TRY((c12 % 1000)::SMALLINT) AS c" + from},
		{"int_try_cast", "SELECT c0, TRY_CAST(c2 % 1000 AS SMALLINT) AS a, TRY_CAST(c7 % 1000 AS SMALLINT) AS b, TRY_CAST(c12 % 1000 AS SMALLINT) AS c" + from},
		{"int_try_1pc_fail", "SELECT c0, TRY(CASE WHEN c0 % 100 = 0 THEN 99999 ELSE c2 % 1000 END::SMALLINT) AS a" + from},
		{"int_try_cast_1pc_fail", "SELECT c0, TRY_CAST(CASE WHEN c0 % 100 = 0 THEN 99999 ELSE c2 % 1000 END AS SMALLINT) AS a" + from},
		{"flat", "SELECT c0, c1, c2, c3, c4, c5, c6, c7, c8" + from},
		{"struct", "SELECT c0, {'a': c1, 'b': {'c': c2, 'd': c3}} AS s, {'e': c4, 'f': c5, 'g': {'h': c6, 'i': c7, 'j': c8}} AS u" + from},
		{"struct_after_sort", "SELECT c0, {'a': c1, 'b': {'c': c2, 'd': c3}} AS s, {'e': c4, 'f': c5, 'g': {'h': c6, 'i': c7, 'j': c8}} AS u FROM (SELECT *" + from + ")"},
		{"struct_null_when_empty", "SELECT c0, CASE WHEN c1 IS NOT NULL OR c2 IS NOT NULL THEN {'a': c1, 'b': CASE WHEN c2 IS NOT NULL OR c3 IS NOT NULL THEN {'c': c2, 'd': c3} END} END AS s" + from},
	} {
		b.Run(q.name, func(b *testing.B) {
			start := cpuSeconds(b)
			for b.Loop() {
				d := openDB(b, Options{Threads: 2, MemoryBytes: 2 << 30, TempDir: b.TempDir()})
				if err := d.RegisterSource("records", wide(n)); err != nil {
					b.Fatal(err)
				}
				drainQuery(b, d, q.sql, n)
				d.Close()
			}
			b.ReportMetric((cpuSeconds(b)-start)/float64(b.N), "cpu-s/op")
		})
	}
}
