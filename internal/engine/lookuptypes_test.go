package engine

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/silt-etl/silt/internal/lookup"
)

// The functions of a table of Parquet have its types in DuckDB, lists too.
func TestLookupTypes(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.BinaryTypes.String},
		{Name: "n", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
		{Name: "u", Type: arrow.PrimitiveTypes.Uint64, Nullable: true},
		{Name: "f", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "up", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
		{Name: "seen", Type: &arrow.TimestampType{Unit: arrow.Microsecond}, Nullable: true},
		{Name: "day", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
		{Name: "tags", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true},
		{Name: "ports", Type: arrow.ListOf(arrow.PrimitiveTypes.Int64), Nullable: true},
		{Name: "days", Type: arrow.ListOf(arrow.FixedWidthTypes.Date32), Nullable: true},
		{Name: "ups", Type: arrow.ListOf(arrow.FixedWidthTypes.Boolean), Nullable: true},
	}, nil)
	record, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(`[{"id":"0","n":-1,"u":18446744073709551615,"f":0.5,"up":true,"seen":"2025-01-02T03:04:05.5",
		"day":"1969-12-31","tags":["a","a text that is longer than twelve bytes",null],"ports":[5,null,-6],"days":["2025-01-01","1960-02-29"],"ups":[true,false,null]},{"id":"1"},{"id":"2","n":7,"tags":["z"],"ups":[]}]`))
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &file, nil, pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(record); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	table, err := lookup.Read(t.Context(), lookup.Declaration{Name: "x", How: lookup.Equal, Columns: []string{"id"}}, bytes.NewReader(file.Bytes()), lookup.Options{File: "x.parquet", Size: int64(file.Len())})
	if err != nil {
		t.Fatal(err)
	}
	d := openDB(t, Options{Threads: 1, Lookups: []*lookup.Table{table}})
	for column, typ := range map[string]string{
		"n": "BIGINT", "u": "UBIGINT", "f": "DOUBLE", "up": "BOOLEAN", "seen": "TIMESTAMP", "day": "DATE", "tags": "VARCHAR[]", "ports": "BIGINT[]", "days": "DATE[]", "ups": "BOOLEAN[]",
	} {
		values := map[string]string{
			"n": "-1 NULL 7", "u": "18446744073709551615 NULL NULL", "f": "0.5 NULL NULL", "up": "true NULL NULL", "seen": "2025-01-02 03:04:05.5 NULL NULL", "day": "1969-12-31 NULL NULL",
			"tags": "[a, a text that is longer than twelve bytes, NULL] NULL [z]", "ports": "[5, NULL, -6] NULL NULL", "days": "[2025-01-01, 1960-02-29] NULL NULL", "ups": "[true, false, NULL] NULL NULL",
		}[column]

		// enough rows for several chunks, of which each has all the lists
		sql := fmt.Sprintf(`SELECT DISTINCT string_agg(v, ' ' ORDER BY i) || ' ' || any_value(t) FROM (SELECT i, i // 3 AS g, typeof("silt_lookup_x.%s"(silt_lookup_x((i %% 3)::VARCHAR))) AS t,
			coalesce("silt_lookup_x.%[1]s"(silt_lookup_x((i %% 3)::VARCHAR))::VARCHAR, 'NULL') AS v FROM range(9000) r(i)) GROUP BY g`, column)
		if got := collect(t, d, sql); len(got) != 1 || got[0][0] != values+" "+typ {
			t.Errorf("%s: %v, want %s %s", column, got, values, typ)
		}
		none := fmt.Sprintf(`SELECT coalesce("silt_lookup_x.%s"(silt_lookup_x('9'))::VARCHAR, 'NULL')`, column)
		if got := collect(t, d, none); len(got) != 1 || got[0][0] != "NULL" {
			t.Errorf("%s: %v for a key that is not there", column, got)
		}
	}
}
