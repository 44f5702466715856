package rowfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/internal/rowfile"
)

// TestRoundTrip: rows of every type that the engine gives come back in any order, also from a slice of a batch.
func TestRoundTrip(t *testing.T) {
	db, err := engine.Open(engine.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	res, err := db.Query(t.Context(), `SELECT x, x % 2 = 0 AS b, x::TINYINT AS i8, x::UTINYINT AS u8, x::SMALLINT AS i16, x::USMALLINT AS u16, x::INTEGER AS i32, x::UINTEGER AS u32,
		-x AS i64, x::UBIGINT AS u64, x::FLOAT AS f, x / 3 AS d, DATE '2026-01-01' + x::INTEGER AS day, make_timestamp(x) AS at,
		CASE WHEN x % 3 > 0 THEN repeat('é', x) END AS s, CASE WHEN x % 4 > 0 THEN [x, NULL, 7] END AS l, [[x::VARCHAR], [], NULL] AS ll,
		CASE WHEN x % 5 > 0 THEN {'a': x, 'b': {'c': NULL::BOOLEAN, 'd': ['y']}} END AS o, map {'k': x::VARCHAR, 'l': NULL} AS m, [{'p': 1}, NULL] AS lo FROM range(100) r(x)`)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Close()
	whole, err := res.Next()
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Release()
	b := whole.NewSlice(3, 90)
	defer b.Release()
	path := filepath.Join(t.TempDir(), "rows")
	f, err := rowfile.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	var at []int64
	for i := range int(b.NumRows()) {
		p, err := f.Add(b, i)
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, p)
	}
	if err := f.Flush(); err != nil {
		t.Fatal(err)
	}
	to := rowfile.NewBuilder(b.Schema())
	defer to.Release()
	for i := len(at) - 1; i >= 0; i-- {
		if _, err := f.Read(at[i], to); err != nil {
			t.Fatal(err)
		}
		got := to.NewRecordBatch()
		want := b.NewSlice(int64(i), int64(i+1))
		if !array.RecordEqual(got, want) {
			t.Fatalf("row %d: %v, want %v", i, got, want)
		}
		got.Release()
		want.Release()
	}
	if _, err := f.Read(at[5]+1, to); err == nil || !strings.Contains(err.Error(), "temp folder") {
		t.Errorf("a place within a row: %v", err)
	}
	f.Close()
	if _, err := os.Stat(path); err == nil {
		t.Error("the file is left")
	}
}

func TestUnknownType(t *testing.T) {
	f, err := rowfile.Create(filepath.Join(t.TempDir(), "rows"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := rowfile.NewBuilder(arrow.NewSchema([]arrow.Field{{Name: "x", Type: arrow.BinaryTypes.LargeString}}, nil))
	defer b.Release()
	b.Field(0).(*array.LargeStringBuilder).Append("x")
	r := b.NewRecordBatch()
	defer r.Release()
	if _, err := f.Add(r, 0); err == nil {
		t.Error("a value of an unknown type was written")
	}
}
