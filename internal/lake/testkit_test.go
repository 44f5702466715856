package lake

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

const (
	day0     = int64(1750291200000) // 2025-06-19T00:00:00Z
	day0Name = "20250619"
)

func testPartition() Partition { return Partition{"us-east-1", "111122223333", day0Name} }

// builder makes a schema and the flat batch that fits it, a column at a time.
type builder struct {
	fields []arrow.Field
	fill   []func(r *rand.Rand, b array.Builder, i int)
}

func (b *builder) column(t arrow.DataType, fill func(r *rand.Rand, b array.Builder, i int)) int {
	b.fields = append(b.fields, arrow.Field{Name: fmt.Sprintf("c%d", len(b.fields)), Type: t, Nullable: true})
	b.fill = append(b.fill, fill)
	return len(b.fields) - 1
}

// batch of n rows, the first being the row `from` of the file.
func (b *builder) batch(r *rand.Rand, from, n int) arrow.RecordBatch {
	rb := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(b.fields, nil))
	defer rb.Release()
	for j, f := range b.fill {
		for i := range n {
			f(r, rb.Field(j), from+i)
		}
	}
	return rb.NewRecordBatch()
}

// maybe makes about one value in k NULL, in runs of a random length.
func maybe(k int, fn func(r *rand.Rand, b array.Builder, i int)) func(*rand.Rand, array.Builder, int) {
	left, null := 0, false
	return func(r *rand.Rand, b array.Builder, i int) {
		if left == 0 {
			left, null = 1+r.IntN(1+r.IntN(200)), r.IntN(k) == 0
		}
		left--
		if null {
			b.AppendNull()
			return
		}
		fn(r, b, i)
	}
}

func text(gen func(r *rand.Rand, i int) string) func(*rand.Rand, array.Builder, int) {
	return func(r *rand.Rand, b array.Builder, i int) { b.(*array.StringBuilder).Append(gen(r, i)) }
}

func number(gen func(r *rand.Rand, i int) int64) func(*rand.Rand, array.Builder, int) {
	return func(r *rand.Rand, b array.Builder, i int) {
		v := gen(r, i)
		switch b := b.(type) {
		case *array.Int8Builder:
			b.Append(int8(v))
		case *array.Int16Builder:
			b.Append(int16(v))
		case *array.Int32Builder:
			b.Append(int32(v))
		case *array.Int64Builder:
			b.Append(v)
		}
	}
}

func flag(gen func(r *rand.Rand, i int) bool) func(*rand.Rand, array.Builder, int) {
	return func(r *rand.Rand, b array.Builder, i int) { b.(*array.BooleanBuilder).Append(gen(r, i)) }
}

var words = []string{"", "a", "tcp", "udp", "ünïcödé", "日本語", "x\x00y", "allowed", "blocked", "www.example.com"}

func word(r *rand.Rand, _ int) string { return words[r.IntN(len(words))] }

// entries fills a map with up to k entries, now and then with values of up to `wide` bytes, and NULL values.
func entries(k, wide int) func(*rand.Rand, array.Builder, int) {
	return func(r *rand.Rand, b array.Builder, _ int) {
		m := b.(*array.MapBuilder)
		m.Append(true)
		for j := range r.IntN(k + 1) {
			m.KeyBuilder().(*array.StringBuilder).Append(fmt.Sprintf("event.key_%d", j))
			v := m.ItemBuilder().(*array.StringBuilder)
			switch {
			case r.IntN(20) == 0:
				v.AppendNull()
			case wide > 0 && r.IntN(50) == 0:
				v.Append(strings.Repeat("w", r.IntN(wide)))
			default:
				v.Append(fmt.Sprint(r.Uint64()))
			}
		}
	}
}

func list(k int, elem func(*rand.Rand, array.Builder, int)) func(*rand.Rand, array.Builder, int) {
	return func(r *rand.Rand, b array.Builder, i int) {
		l := b.(*array.ListBuilder)
		l.Append(true)
		for range r.IntN(k + 1) {
			elem(r, l.ValueBuilder(), i)
		}
	}
}

func leafNode(name string, k Kind, col int) *Node { return &Node{Name: name, Kind: k, Column: col} }
func constNode(name string, k Kind, v any) *Node {
	return &Node{Name: name, Kind: k, Column: -1, Const: v}
}
func listNode(name string, elem Kind, col int) *Node {
	return &Node{Name: name, Kind: List, Column: col, Children: []*Node{{Name: "element", Kind: elem}}}
}
func profiles() *Node {
	n := listNode("profiles", String, -1)
	n.Const = []string{"cloud", "security_control"}
	return n
}
func group(name string, kids ...*Node) *Node { return &Node{Name: name, Kind: Group, Children: kids} }

var (
	tText  = arrow.BinaryTypes.String
	tMap1  = arrow.MapOf(tText, tText)
	tTexts = arrow.ListOf(tText)
)

// firewall is a schema with everything the page writer knows: the Network Firewall columns and some odd ones.
func firewall(wide int) (*Schema, *builder) {
	b := &builder{}
	str := func(name string, fill func(*rand.Rand, array.Builder, int)) *Node {
		return leafNode(name, String, b.column(tText, fill))
	}
	num := func(name string, k Kind, t arrow.DataType, fill func(*rand.Rand, array.Builder, int)) *Node {
		return leafNode(name, k, b.column(t, fill))
	}
	i8, i32, i64 := arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64
	act := b.column(i8, number(func(r *rand.Rand, _ int) int64 { return int64(r.IntN(3)) }))
	odd := b.column(arrow.PrimitiveTypes.Int16, maybe(4, number(func(r *rand.Rand, _ int) int64 { return int64(r.IntN(5)) })))
	present := b.column(arrow.FixedWidthTypes.Boolean, maybe(9, flag(func(r *rand.Rand, _ int) bool { return r.IntN(2) == 0 })))
	uid := num("uid", String, tText, maybe(30, text(func(r *rand.Rand, _ int) string { return fmt.Sprint(r.Uint64()) })))
	uid.NearUnique = true
	tm := num("time", Int64, i64, number(func(_ *rand.Rand, i int) int64 { return day0 + int64(i/3) }))
	tm.NearUnique = true
	s := &Schema{Class: "network_activity", Version: "1.1.0", Columns: []*Node{
		tm,
		{Name: "activity_name", Kind: String, Column: act, Lookup: map[int64]string{0: "Unknown", 1: "Open", 2: "Traffic"}},
		constNode("class_uid", Int32, 4001),
		constNode("class_name", String, "Network Activity"),
		constNode("type_uid", Int64, int64(400106)),
		{Name: "severity", Kind: String, Column: odd, Lookup: map[int64]string{1: "Low", 3: "High"}},
		{Name: "status", Kind: String, Column: odd, Lookup: map[int64]string{1: "Success", 1 << 40: "far"}, LookupElse: "Other"},
		num("small", Int32, i8, maybe(5, number(func(r *rand.Rand, _ int) int64 { return int64(r.IntN(200) - 100) }))),
		num("big", Int64, i32, maybe(2, number(func(r *rand.Rand, _ int) int64 { return int64(int32(r.Uint32())) }))),
		num("ratio", Double, arrow.PrimitiveTypes.Float64, maybe(3, func(r *rand.Rand, b array.Builder, _ int) { b.(*array.Float64Builder).Append(r.NormFloat64()) })),
		num("is_alert", Bool, arrow.FixedWidthTypes.Boolean, maybe(3, flag(func(r *rand.Rand, _ int) bool { return r.IntN(3) == 0 }))),
		num("seen_time_dt", Timestamp, i64, maybe(3, number(func(r *rand.Rand, i int) int64 { return day0 + int64(i) - 1<<r.IntN(45) }))),
		constNode("is_const", Bool, true),
		constNode("made_time_dt", Timestamp, int64(-1)),
		constNode("score", Double, 0.5),
		group("metadata", profiles(), constNode("version", String, "1.1.0"),
			group("product", constNode("name", String, "AWS Network Firewall"), group("feature", constNode("name", String, "x")))),
		group("cloud", constNode("provider", String, "AWS"), str("zone", maybe(2, text(word))), group("account", constNode("uid", String, "111122223333"))),
		group("src_endpoint", str("ip", maybe(10, text(func(r *rand.Rand, _ int) string { return fmt.Sprintf("10.0.%d.%d", r.IntN(256), r.IntN(256)) }))),
			num("port", Int32, i32, maybe(4, number(func(r *rand.Rand, _ int) int64 { return int64(r.IntN(65536)) })))),
		group("never", str("a", func(_ *rand.Rand, b array.Builder, _ int) { b.AppendNull() }), constNode("b", String, "hidden"),
			group("deep", str("c", func(_ *rand.Rand, b array.Builder, _ int) { b.AppendNull() }))),
		group("http", group("url", str("text", maybe(2, text(func(r *rand.Rand, _ int) string {
			if wide > 0 && r.IntN(40) == 0 {
				return strings.Repeat("u", r.IntN(wide))
			}
			return "https://" + word(r, 0)
		}))), listNode("names", String, b.column(tTexts, maybe(3, list(3, maybe(6, text(word))))))), group("empty_const", constNode("k", Int32, int32(7)))),
		{Name: "flagged", Kind: Group, Present: present + 1, Children: []*Node{str("x", maybe(2, text(word))), constNode("y", Int64, 9),
			group("z", listNode("l", Int32, b.column(arrow.ListOf(i32), maybe(3, list(4, maybe(5, number(func(r *rand.Rand, _ int) int64 { return int64(r.IntN(9)) })))))))}},
		group("connection_info", uid),
		listNode("flags", Bool, b.column(arrow.ListOf(arrow.FixedWidthTypes.Boolean), maybe(3, list(3, flag(func(r *rand.Rand, _ int) bool { return r.IntN(2) == 0 }))))),
		listNode("doubles", Double, b.column(arrow.ListOf(arrow.PrimitiveTypes.Float64), maybe(3, list(3, func(r *rand.Rand, b array.Builder, _ int) { b.(*array.Float64Builder).Append(r.Float64()) })))),
		leafNode("unmapped", Map, b.column(tMap1, maybe(10, entries(6, wide)))),
	}}
	return s, b
}

// groupList is a schema with a list of groups, as simple as they come.
func groupList() (*Schema, *builder) {
	b := &builder{}
	st := arrow.StructOf(arrow.Field{Name: "uid", Type: arrow.PrimitiveTypes.Int16, Nullable: true}, arrow.Field{Name: "name", Type: tText, Nullable: true},
		arrow.Field{Name: "seen_dt", Type: arrow.PrimitiveTypes.Int64, Nullable: true})
	tm := b.column(arrow.PrimitiveTypes.Int64, number(func(_ *rand.Rand, i int) int64 { return day0 + int64(i) }))
	obs := b.column(arrow.ListOf(st), maybe(4, list(3, maybe(5, func(r *rand.Rand, b array.Builder, i int) {
		s := b.(*array.StructBuilder)
		s.Append(true)
		maybe(3, number(func(r *rand.Rand, _ int) int64 { return int64(r.IntN(9)) }))(r, s.FieldBuilder(0), i)
		maybe(3, text(word))(r, s.FieldBuilder(1), i)
		maybe(3, number(func(_ *rand.Rand, i int) int64 { return int64(i) - 2 }))(r, s.FieldBuilder(2), i)
	}))))
	return &Schema{Class: "network_activity", Columns: []*Node{
		leafNode("time", Int64, tm), constNode("class_uid", Int32, 4001),
		{Name: "observables", Kind: List, Column: obs, Children: []*Node{group("element", leafNode("name", String, 0), leafNode("uid", Int32, 0), leafNode("seen_dt", Timestamp, 0))}},
	}}, b
}

type newWriter func(w *bytes.Buffer, s *Schema, o WriterOptions) (Writer, error)

var writers = map[string]newWriter{
	"arrow": func(w *bytes.Buffer, s *Schema, o WriterOptions) (Writer, error) { return newArrowWriter(w, s, o) },
	"page":  func(w *bytes.Buffer, s *Schema, o WriterOptions) (Writer, error) { return NewWriter(w, s, o) },
}

// write makes a file of batches.
func write(t testing.TB, nw newWriter, s *Schema, o WriterOptions, batches []arrow.RecordBatch) ([]byte, FileStats) {
	t.Helper()
	var buf bytes.Buffer
	w, err := nw(&buf, s, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	st, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if st.Bytes != int64(buf.Len()) {
		t.Fatalf("stats say %d bytes, the file has %d", st.Bytes, buf.Len())
	}
	return buf.Bytes(), st
}

// read gives all rows of a file, as arrow-go's reader sees them.
func read(t testing.TB, b []byte) arrow.Table {
	t.Helper()
	rd, err := file.NewParquetReader(bytes.NewReader(b), file.WithReadProps(parquet.NewReaderProperties(memory.DefaultAllocator)))
	if err != nil {
		t.Fatal(err)
	}
	fr, err := pqarrow.NewFileReader(rd, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	tbl, err := fr.ReadTable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return tbl
}

// same compares a file's rows with the assembled batches.
func same(t testing.TB, s *Schema, b []byte, batches []arrow.RecordBatch) {
	t.Helper()
	tbl := read(t, b)
	var whole []arrow.RecordBatch
	for _, b := range batches {
		a, err := assemble(s, b)
		if err != nil {
			t.Fatal(err)
		}
		whole = append(whole, a)
	}
	for i, n := range s.Columns {
		var want []arrow.Array
		for _, a := range whole {
			want = append(want, a.Column(i))
		}
		w := arrow.NewChunked(arrowType(n), want)
		g := tbl.Column(i).Data()
		if tbl.Column(i).Name() != n.Name {
			t.Fatalf("column %d is %s, not %s", i, tbl.Column(i).Name(), n.Name)
		}
		if w.Len() != g.Len() {
			t.Fatalf("%s: %d rows, not %d", n.Name, g.Len(), w.Len())
		}
		if d := difference(w, g); d != "" {
			t.Fatalf("%s: %s", n.Name, d)
		}
	}
}

// difference compares value by value as text, for the readers' own Equal is strict about names of list elements.
func difference(w, g *arrow.Chunked) string {
	ws, gs := strs(w), strs(g)
	for i := range ws {
		if ws[i] != gs[i] {
			return fmt.Sprintf("row %d is %.200q, not %.200q", i, gs[i], ws[i])
		}
	}
	return ""
}

func strs(c *arrow.Chunked) []string {
	var out []string
	for _, a := range c.Chunks() {
		for i := range a.Len() {
			if a.IsNull(i) {
				out = append(out, "(null)")
				continue
			}
			out = append(out, fmt.Sprintf("%v", a.GetOneForMarshal(i)))
		}
	}
	return out
}

func expect(s *Schema, rows int64) Expect {
	return Expect{File: "test.parquet", Schema: s, ClassUID: 4001, Partition: testPartition(), Rows: rows, Deep: true}
}

func verify(t testing.TB, b []byte, want Expect) Report {
	t.Helper()
	r, err := Verify(bytes.NewReader(b), int64(len(b)), want)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func batches(b *builder, seed uint64, sizes ...int) []arrow.RecordBatch {
	r := rand.New(rand.NewPCG(seed, 1))
	var bs []arrow.RecordBatch
	at := 0
	for _, n := range sizes {
		bs = append(bs, b.batch(r, at, n))
		at += n
	}
	return bs
}
