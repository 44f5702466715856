package lake

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"
)

// TestReadFooterOfOurFiles: a file of ours has exactly the columns that the writer gives its table.
func TestReadFooterOfOurFiles(t *testing.T) {
	s, b := firewall(40)
	data, _ := write(t, writers["page"], s, WriterOptions{}, batches(b, 1, 3000))
	f, err := ReadFooter(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Columns(s), f.Columns); diff != "" {
		t.Errorf("columns (-of the schema +of the file):\n%s", diff)
	}
	got := []any{f.HasTimes, f.InOrder, f.Rows, f.First, f.Last}
	if diff := cmp.Diff([]any{true, true, int64(3000), day0, day0 + 2999/3}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// foreign is a file of another program, with a row group for each text of rows.
func foreign(t testing.TB, fields []arrow.Field, groups ...string) []byte {
	t.Helper()
	schema := arrow.NewSchema(fields, nil)
	var buf bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &buf, parquet.NewWriterProperties(parquet.WithStats(true)), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	for _, rows := range groups {
		rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(rows))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func optional(name string, typ arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: typ, Nullable: true}
}

// TestReadFooterOfOthers: the types of files that other programs write, empty columns, accounts, and row groups out of order.
func TestReadFooterOfOthers(t *testing.T) {
	text := arrow.BinaryTypes.String
	account := arrow.StructOf(optional("account", arrow.StructOf(optional("uid", text))))
	data := foreign(t, []arrow.Field{
		optional("time", arrow.PrimitiveTypes.Int64), optional("cloud", account), optional("port", text), optional("small", arrow.PrimitiveTypes.Int16),
		optional("part", arrow.PrimitiveTypes.Float32), optional("whole", arrow.PrimitiveTypes.Float64), optional("day", arrow.FixedWidthTypes.Date32),
		optional("at", arrow.FixedWidthTypes.Timestamp_us), optional("raw", arrow.BinaryTypes.Binary), optional("names", arrow.ListOf(text)),
		optional("unmapped", arrow.MapOf(text, text)), optional("none", text), optional("price", &arrow.Decimal128Type{Precision: 10, Scale: 2}),
	},
		`[{"time":2000,"cloud":{"account":{"uid":"2"}},"port":"x"},{"time":3000,"cloud":{"account":{"uid":"1"}}}]`,
		`[{"time":1000,"cloud":{"account":{"uid":"3"}},"port":null}]`)
	f, err := ReadFooter(data)
	if err != nil {
		t.Fatal(err)
	}
	want := &Footer{Rows: 3, First: 1000, Last: 3000, HasTimes: true, FirstAccount: "1", LastAccount: "3",
		Columns: []Column{{"time", "bigint"}, {"cloud", "struct<account:struct<uid:string>>"}, {"port", "string"}, {"small", "smallint"}, {"part", "float"},
			{"whole", "double"}, {"day", "date"}, {"at", "timestamp"}, {"raw", "binary"}, {"names", "array<string>"}, {"unmapped", "map<string,string>"},
			{"none", "string"}, {"price", "decimal(10,2)"}},
		HasValues: []bool{true, true, true, false, false, false, false, false, false, false, false, false, false}}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestReadFooterOfBadBytes: no bytes make ReadFooter panic or run on.
func TestReadFooterOfBadBytes(t *testing.T) {
	s, b := firewall(40)
	data, _ := write(t, writers["page"], s, WriterOptions{}, batches(b, 1, 50))
	n, err := FooterBytes(data)
	if err != nil {
		t.Fatal(err)
	}
	tail := data[int64(len(data))-n:]
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		bad := bytes.Clone(tail)
		for range 1 + r.IntN(4) {
			bad[r.IntN(len(bad)-8)] = byte(r.Uint32())
		}
		_, _ = ReadFooter(bad)
	}
	if _, err := ReadFooter(tail[1:]); err == nil {
		t.Error("a cut footer was read")
	}
}
