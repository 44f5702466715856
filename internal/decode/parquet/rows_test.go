package parquet_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	pq "github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/silt-etl/silt/internal/decode/parquet"
)

// read returns all rows of a file.
func read(data []byte) (rows []string, err error) {
	r, err := parquet.Open(bytes.NewReader(data), int64(len(data)), parquet.Options{MaxRow: 1 << 20, Keep: 1 << 10})
	if err != nil {
		return nil, err
	}
	for {
		row, _, err := r.Next()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		rows = append(rows, string(row))
	}
}

// random makes values of random types, and what they are as JSON.
type random struct{ *rand.Rand }

func (r random) typ(depth int) arrow.DataType {
	simple := []arrow.DataType{arrow.FixedWidthTypes.Boolean, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Uint32, arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Uint64,
		arrow.PrimitiveTypes.Float64, arrow.BinaryTypes.String, arrow.BinaryTypes.Binary, arrow.FixedWidthTypes.Date32, &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"},
		&arrow.TimestampType{Unit: arrow.Nanosecond}, &arrow.Decimal128Type{Precision: 30, Scale: 4}}
	if depth == 0 || r.IntN(3) > 0 {
		return simple[r.IntN(len(simple))]
	}
	switch r.IntN(3) {
	case 0:
		return arrow.ListOfField(arrow.Field{Name: "element", Type: r.typ(depth - 1), Nullable: r.IntN(2) == 0})
	case 1:
		m := arrow.MapOf(arrow.BinaryTypes.String, r.typ(depth-1))
		return m
	}
	return arrow.StructOf(r.fields(1+r.IntN(3), depth-1)...)
}

func (r random) fields(n, depth int) (out []arrow.Field) {
	for i := range n {
		out = append(out, arrow.Field{Name: fmt.Sprintf("f%d \"é.", i), Type: r.typ(depth), Nullable: r.IntN(3) > 0})
	}
	return out
}

var null = struct{}{} // what is left out, or null in a list

// value appends a random value to b and returns it as encoding/json reads it.
func (r random) value(b array.Builder, nullable bool) any {
	if nullable && r.IntN(4) == 0 {
		b.AppendNull()
		return null
	}
	num := func(format string, v any) any { return json.Number(fmt.Sprintf(format, v)) }
	switch b := b.(type) {
	case *array.BooleanBuilder:
		v := r.IntN(2) == 0
		b.Append(v)
		return v
	case *array.Int32Builder:
		v := int32(r.Uint32())
		b.Append(v)
		return num("%d", v)
	case *array.Uint32Builder:
		v := r.Uint32()
		b.Append(v)
		return num("%d", v)
	case *array.Int64Builder:
		v := int64(r.Uint64())
		b.Append(v)
		return num("%d", v)
	case *array.Uint64Builder:
		v := r.Uint64()
		b.Append(v)
		return num("%d", v)
	case *array.Float64Builder:
		v := []float64{0, math.NaN(), math.Inf(1), math.Inf(-1), 1.5, 1e300, -2.5e-9, r.Float64()}[r.IntN(8)]
		b.Append(v)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return map[bool]string{true: "Infinity", false: "-Infinity"}[v > 0] + map[bool]string{true: "\x00NaN"}[math.IsNaN(v)]
		}
		return v
	case *array.StringBuilder:
		v := []string{"", "a\"\\\n\x01", "größe", strings.Repeat("x", r.IntN(3000))}[r.IntN(4)]
		b.Append(v)
		return v
	case *array.BinaryBuilder:
		v := [][]byte{[]byte("text"), {0xff, 0}, {1, 2}, {}}[r.IntN(4)]
		b.Append(v)
		if len(v) != 2 {
			return string(v)
		}
		return base64.StdEncoding.EncodeToString(v)
	case *array.Date32Builder:
		v := r.IntN(40000) - 10000
		b.Append(arrow.Date32(v))
		return time.Unix(0, 0).UTC().AddDate(0, 0, v).Format(time.DateOnly)
	case *array.TimestampBuilder:
		v := r.Int64N(4e18) - 1e18
		if b.Type().(*arrow.TimestampType).Unit == arrow.Nanosecond {
			b.Append(arrow.Timestamp(v))
			return time.Unix(0, v).UTC().Format("2006-01-02T15:04:05.000000000")
		}
		b.Append(arrow.Timestamp(v / 1000))
		return time.UnixMicro(v / 1000).UTC().Format("2006-01-02T15:04:05.000000Z")
	case *array.Decimal128Builder:
		v := r.Int64N(2e12) - 1e12
		if r.IntN(3) == 0 {
			v %= 100
		}
		b.Append(decimal128.FromI64(v))
		sign := ""
		if v < 0 {
			sign, v = "-", -v
		}
		return num("%s", fmt.Sprintf("%s%d.%04d", sign, v/1e4, v%1e4))
	case *array.ListBuilder:
		b.Append(true)
		out := []any{}
		for range r.IntN(4) {
			v := r.value(b.ValueBuilder(), b.Type().(*arrow.ListType).ElemField().Nullable)
			if v == null {
				v = nil
			}
			out = append(out, v)
		}
		return out
	case *array.MapBuilder:
		b.Append(true)
		out := map[string]any{}
		for i := range r.IntN(4) {
			k := fmt.Sprintf("k%d\"", i)
			b.KeyBuilder().(*array.StringBuilder).Append(k)
			if v := r.value(b.ItemBuilder(), true); v != null {
				out[k] = v
			}
		}
		return out
	case *array.StructBuilder:
		b.Append(true)
		out := map[string]any{}
		for i, f := range b.Type().(*arrow.StructType).Fields() {
			if v := r.value(b.FieldBuilder(i), f.Nullable); v != null {
				out[f.Name] = v
			}
		}
		return out
	}
	panic(b)
}

// same compares numbers by value where one is a float.
func same(got, want any) bool {
	switch w := want.(type) {
	case float64:
		g, ok := got.(json.Number)
		f, err := g.Float64()
		return ok && err == nil && f == w
	case string:
		if strings.HasSuffix(w, "\x00NaN") {
			return got == "NaN"
		}
		return got == want
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for i := range w {
			if !same(g[i], w[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for k := range w {
			if v, ok := g[k]; !ok || !same(v, w[k]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(got, want)
}

// made is a file of random rows, and the rows.
func made(t testing.TB, seed uint64) ([]byte, []map[string]any) {
	t.Helper()
	r := random{rand.New(rand.NewPCG(seed, 7))}
	sc := arrow.NewSchema(r.fields(1+r.IntN(5), 3), nil)
	var out bytes.Buffer
	codecs := []compress.Compression{compress.Codecs.Uncompressed, compress.Codecs.Snappy, compress.Codecs.Gzip, compress.Codecs.Zstd}
	version := []pq.DataPageVersion{pq.DataPageV1, pq.DataPageV2}[r.IntN(2)]
	props := pq.NewWriterProperties(pq.WithCompression(codecs[r.IntN(4)]), pq.WithDataPageVersion(version), pq.WithDictionaryDefault(r.IntN(2) == 0), pq.WithDataPageSize(1<<(6+r.IntN(12))), pq.WithBatchSize(int64(1+r.IntN(50))))
	w, err := pqarrow.NewFileWriter(sc, &out, props, pqarrow.NewArrowWriterProperties())
	if err != nil {
		t.Fatal(err)
	}
	var want []map[string]any
	for range 1 + r.IntN(3) {
		b := array.NewRecordBuilder(memory.DefaultAllocator, sc)
		for range r.IntN(400) {
			row := map[string]any{}
			for i, f := range sc.Fields() {
				if v := r.value(b.Field(i), f.Nullable); v != null {
					row[f.Name] = v
				}
			}
			want = append(want, row)
		}
		if err := w.Write(b.NewRecordBatch()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), want
}

// TestRows: rows read are the rows written, for random schemas, with dictionaries and without, both kinds of pages, all codecs.
func TestRows(t *testing.T) {
	for seed := range uint64(150) {
		data, want := made(t, seed)
		rows, err := read(data)
		if err != nil || len(rows) != len(want) {
			t.Fatalf("seed %d: %d rows of %d: %v", seed, len(rows), len(want), err)
		}
		for i, row := range rows {
			var got any
			d := json.NewDecoder(strings.NewReader(row))
			d.UseNumber()
			if err := d.Decode(&got); err != nil {
				t.Fatalf("seed %d, row %d: %v\n%s", seed, i, err, row)
			}
			if !same(got, any(want[i])) {
				t.Fatalf("seed %d, row %d is\n%.2000s\nand was written as\n%.2000v", seed, i, row, want[i])
			}
		}
	}
}

// TestDamaged: a file cut anywhere is refused; one with bytes changed is refused in one line and without a panic, or gives as many rows
// as it has.
func TestDamaged(t *testing.T) {
	for seed := range uint64(6) {
		data, want := made(t, seed)
		whole := func(bad []byte) {
			t.Helper()
			if rows, err := read(bad); err != nil {
				fault(t, err)
			} else if len(rows) != len(want) {
				t.Fatalf("seed %d: %d rows of %d", seed, len(rows), len(want))
			}
		}
		r := rand.New(rand.NewPCG(seed, 1))
		for range 60 {
			if rows, err := read(data[:r.IntN(len(data))]); err == nil {
				t.Fatalf("seed %d: a cut file gave %d rows", seed, len(rows))
			} else {
				fault(t, err)
			}
			bad := bytes.Clone(data)
			for range 1 + r.IntN(3) {
				bad[r.IntN(len(bad))] ^= byte(1 + r.IntN(255))
			}
			whole(bad)
			hole := bytes.Clone(data) // pages that are gone
			from := 4 + r.IntN(len(hole)/2)
			clear(hole[from:min(from+len(hole)/4, len(hole))])
			whole(hole)
		}
	}
}

func fault(t *testing.T, err error) {
	t.Helper()
	var f *parquet.Fault
	if !errors.As(err, &f) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 400 {
		t.Fatalf("not a fault of one line: %v", err)
	}
}

// TestEarlyEnd: a column whose pages end before its rows do is a fault, although the library takes that for the end.
func TestEarlyEnd(t *testing.T) {
	root := schema.MustGroup(schema.NewGroupNode("schema", pq.Repetitions.Required, schema.FieldList{schema.NewInt32Node("a", pq.Repetitions.Required, -1)}, -1))
	data := written(t, root, func(g file.SerialRowGroupWriter) {
		column(t, g, func(c *file.Int32ColumnChunkWriter) error {
			_, err := c.WriteBatch([]int32{1, 2, 3, 4, 5}, nil, nil)
			return err
		})
	})
	short := written(t, root, func(g file.SerialRowGroupWriter) {
		column(t, g, func(c *file.Int32ColumnChunkWriter) error {
			_, err := c.WriteBatch([]int32{1, 2, 3}, nil, nil)
			return err
		})
	})
	footer := func(b []byte) int { return len(b) - 8 - int(binary.LittleEndian.Uint32(b[len(b)-8:])) }
	pages := footer(short)
	mixed := append(bytes.Clone(short[:pages]), make([]byte, footer(data)-pages)...)
	mixed = append(mixed, data[footer(data):]...)
	rows, err := read(mixed)
	if err == nil {
		t.Fatalf("%d rows of 5: %v", len(rows), rows)
	}
	fault(t, err)
	if _, err := read(data); err != nil {
		t.Fatal(err)
	}
}

// TestMoreThanPromised: a column with more values than its row group has rows is a fault.
func TestMoreThanPromised(t *testing.T) {
	root := schema.MustGroup(schema.NewGroupNode("schema", pq.Repetitions.Required, schema.FieldList{schema.NewBooleanNode("a", pq.Repetitions.Required, -1)}, -1))
	of := func(v ...bool) []byte {
		return written(t, root, func(g file.SerialRowGroupWriter) {
			column(t, g, func(c *file.BooleanColumnChunkWriter) error {
				_, err := c.WriteBatch(v, nil, nil)
				return err
			})
		})
	}
	three, five := of(true, false, true), of(true, false, true, false, true)
	footer := func(b []byte) int { return len(b) - 8 - int(binary.LittleEndian.Uint32(b[len(b)-8:])) }
	if footer(three) != footer(five) {
		t.Fatal("the pages are not of one size")
	}
	rows, err := read(append(bytes.Clone(five[:footer(five)]), three[footer(three):]...))
	if err == nil || !strings.Contains(err.Error(), "column a of row group 1 does not match the footer") {
		t.Fatalf("%v, %v", rows, err)
	}
}

// TestReadError: the object's own read errors are not faults of its content.
func TestReadError(t *testing.T) {
	data, _ := made(t, 3)
	broken := errors.New("broken pipe")
	for from := range int64(len(data)) {
		if from%97 != 0 && from > 12 {
			continue
		}
		o, err := parquet.Open(failing{bytes.NewReader(data), from, broken}, int64(len(data)), parquet.Options{MaxRow: 1 << 20})
		for err == nil {
			_, _, err = o.Next()
		}
		var f *parquet.Fault
		if !errors.Is(err, broken) || errors.As(err, &f) {
			t.Fatalf("from %d on: %v", from, err)
		}
	}
}

// failing fails where the bytes before a place are read.
type failing struct {
	*bytes.Reader
	from int64
	err  error
}

func (f failing) ReadAt(p []byte, at int64) (int, error) {
	if at <= f.from && f.from < at+int64(len(p)) {
		return 0, f.err
	}
	return f.Reader.ReadAt(p, at)
}

// written makes a file of one column from a schema by hand; fn writes its one row group.
func written(t testing.TB, root *schema.GroupNode, fn func(file.SerialRowGroupWriter)) []byte {
	t.Helper()
	var out bytes.Buffer
	w := file.NewParquetWriter(&out, root)
	g, err := w.AppendRowGroupChecked()
	if err != nil {
		t.Fatal(err)
	}
	fn(g)
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func column[W any](t testing.TB, g file.SerialRowGroupWriter, fn func(W) error) {
	t.Helper()
	c, err := g.NextColumn()
	if err != nil {
		t.Fatal(err)
	}
	if err := fn(c.(W)); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func logical(t testing.TB, name string, l schema.LogicalType, phys pq.Type, length int) schema.Node {
	t.Helper()
	n, err := schema.NewPrimitiveNodeLogical(name, pq.Repetitions.Required, l, phys, length, -1)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestTypes: what each type is written as, where Arrow does not write it.
func TestTypes(t *testing.T) {
	root := schema.MustGroup(schema.NewGroupNode("schema", pq.Repetitions.Required, schema.FieldList{
		schema.NewInt96Node("old", pq.Repetitions.Required, -1),
		logical(t, "ms", schema.NewTimestampLogicalType(true, schema.TimeUnitMillis), pq.Types.Int64, 0),
		logical(t, "clock", schema.NewTimeLogicalType(true, schema.TimeUnitMicros), pq.Types.Int64, 0),
		logical(t, "id", schema.UUIDLogicalType{}, pq.Types.FixedLenByteArray, 16),
		logical(t, "cents", schema.NewDecimalLogicalType(9, 2), pq.Types.Int32, 0),
		logical(t, "doc", schema.JSONLogicalType{}, pq.Types.ByteArray, 0),
		logical(t, "half", schema.Float16LogicalType{}, pq.Types.FixedLenByteArray, 2),
		logical(t, "span", schema.IntervalLogicalType{}, pq.Types.FixedLenByteArray, 12),
		schema.NewFixedLenByteArrayNode("fixed", pq.Repetitions.Required, 4, -1),
		schema.NewFloat32Node("single", pq.Repetitions.Required, -1),
		schema.NewInt32Node("many", pq.Repetitions.Repeated, -1),
	}, -1))
	data := written(t, root, func(g file.SerialRowGroupWriter) {

		old := pq.Int96{8: 0x90, 9: 0x8d, 10: 0x25} // 2026-01-31: Julian day 2461072
		binary.LittleEndian.PutUint64(old[:], uint64(8*time.Hour+15*time.Minute+2*time.Second+250000001))
		far := pq.Int96{8: 0x2c, 9: 0xfe, 10: 0x51} // 9999-12-31: Julian day 5373484
		column(t, g, func(c *file.Int96ColumnChunkWriter) error {
			_, err := c.WriteBatch([]pq.Int96{old, far, old}, nil, nil)
			return err
		})
		column(t, g, func(c *file.Int64ColumnChunkWriter) error {
			_, err := c.WriteBatch([]int64{-1, 0, math.MaxInt64}, nil, nil)
			return err
		})
		column(t, g, func(c *file.Int64ColumnChunkWriter) error {
			_, err := c.WriteBatch([]int64{86399999999, 0, -5}, nil, nil)
			return err
		})
		column(t, g, func(c *file.FixedLenByteArrayColumnChunkWriter) error {
			id := pq.FixedLenByteArray("\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff")
			_, err := c.WriteBatch([]pq.FixedLenByteArray{id, id, id}, nil, nil)
			return err
		})
		column(t, g, func(c *file.Int32ColumnChunkWriter) error {
			_, err := c.WriteBatch([]int32{-5, 0, 123456789}, nil, nil)
			return err
		})
		column(t, g, func(c *file.ByteArrayColumnChunkWriter) error {
			_, err := c.WriteBatch([]pq.ByteArray{[]byte(`{"a": [1]}`), []byte(`{"a"`), []byte(`null`)}, nil, nil)
			return err
		})
		column(t, g, func(c *file.FixedLenByteArrayColumnChunkWriter) error {
			_, err := c.WriteBatch([]pq.FixedLenByteArray{{0, 0x3e}, {0, 0x7c}, {0, 0x80}}, nil, nil)
			return err
		})
		column(t, g, func(c *file.FixedLenByteArrayColumnChunkWriter) error {
			v := pq.FixedLenByteArray{1, 0, 0, 0, 2, 0, 0, 0, 0xbc, 0x0b, 0, 0}
			_, err := c.WriteBatch([]pq.FixedLenByteArray{v, v, v}, nil, nil)
			return err
		})
		column(t, g, func(c *file.FixedLenByteArrayColumnChunkWriter) error {
			_, err := c.WriteBatch([]pq.FixedLenByteArray{[]byte("text"), {10, 0, 0, 1}, {0, 0, 0, 0}}, nil, nil)
			return err
		})
		column(t, g, func(c *file.Float32ColumnChunkWriter) error {
			_, err := c.WriteBatch([]float32{0.1, 1e22, 16777216}, nil, nil)
			return err
		})
		column(t, g, func(c *file.Int32ColumnChunkWriter) error {
			_, err := c.WriteBatch([]int32{1, 2, 3}, []int16{1, 1, 0, 1}, []int16{0, 1, 0, 0})
			return err
		})

	})
	want := []string{
		`{"old":"2026-01-31T08:15:02.250000001Z","ms":"1969-12-31T23:59:59.999Z","clock":"23:59:59.999999","id":"00112233-4455-6677-8899-aabbccddeeff","cents":-0.05,"doc":{"a": [1]},"half":1.5,"span":"P1M2DT3.004S","fixed":"dGV4dA==","single":0.1,"many":[1,2]}`,
		`{"old":"9999-12-31T00:00:00.000000000Z","ms":"1970-01-01T00:00:00.000Z","clock":"00:00:00.000000","id":"00112233-4455-6677-8899-aabbccddeeff","cents":0.00,"doc":"{\"a\"","half":"Infinity","span":"P1M2DT3.004S","fixed":"CgAAAQ==","single":1e+22,"many":[]}`,
		`{"old":"2026-01-31T08:15:02.250000001Z","ms":"292278994-08-17T07:12:55.807Z","clock":-5,"id":"00112233-4455-6677-8899-aabbccddeeff","cents":1234567.89,"doc":null,"half":-0,"span":"P1M2DT3.004S","fixed":"AAAAAA==","single":16777216,"many":[3]}`,
	}
	got, err := read(data)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Errorf("row %d is\n%s\nwant\n%s", i, got, want[i])
		}
	}
}

// TestOldLists: the lists of old writers, by the rules of the format.
func TestOldLists(t *testing.T) {
	list := func(mid schema.Node) *schema.GroupNode {
		n, err := schema.NewGroupNodeLogical("l", pq.Repetitions.Required, schema.FieldList{mid}, schema.NewListLogicalType(), -1)
		if err != nil {
			t.Fatal(err)
		}
		return schema.MustGroup(schema.NewGroupNode("schema", pq.Repetitions.Required, schema.FieldList{n}, -1))
	}
	group := func(name string) schema.Node {
		return schema.MustGroup(schema.NewGroupNode(name, pq.Repetitions.Repeated, schema.FieldList{schema.NewInt32Node("x", pq.Repetitions.Required, -1)}, -1))
	}
	for _, c := range []struct {
		mid  schema.Node
		want string
	}{
		{schema.NewInt32Node("element", pq.Repetitions.Repeated, -1), `{"l":[1,2]}`},
		{group("array"), `{"l":[{"x":1},{"x":2}]}`},
		{group("l_tuple"), `{"l":[{"x":1},{"x":2}]}`},
		{group("bag"), `{"l":[1,2]}`},
	} {
		data := written(t, list(c.mid), func(g file.SerialRowGroupWriter) {
			column(t, g, func(w *file.Int32ColumnChunkWriter) error {
				_, err := w.WriteBatch([]int32{1, 2}, []int16{1, 1}, []int16{0, 1})
				return err
			})
		})
		if got, err := read(data); err != nil || len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: %v, %v; want %s", c.mid.Name(), got, err, c.want)
		}
	}
}

// TestRefused: what each fault says.
func TestRefused(t *testing.T) {
	data, _ := made(t, 3)
	for want, bad := range map[string][]byte{
		"the object is empty":       {},
		"it does not begin with":    []byte(`{"a": 1, "b": "0123456789"}`),
		"the object is truncated":   data[:len(data)-1],
		"its footer is encrypted":   append(bytes.Clone(data[:len(data)-4]), "PARE"...),
		"a footer of 4294967295 by": append(bytes.Clone(data[:len(data)-8]), "\xff\xff\xff\xffPAR1"...),
	} {
		if _, err := read(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not said: %v", want, err)
		}
	}
}
