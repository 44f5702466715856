package lake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/google/go-cmp/cmp"
)

// refused checks that the gate refuses a file by one rule, and which column it names.
func refused(t *testing.T, b []byte, want Expect, rule Rule, column string) {
	t.Helper()
	for _, deep := range []bool{false, true} {
		want.Deep = deep
		_, err := Verify(bytes.NewReader(b), int64(len(b)), want)
		var ge *GateError
		if !errors.As(err, &ge) || ge.Rule != rule || ge.Column != column {
			t.Errorf("deep %v: %v; expected rule %s of %q", deep, err, rule, column)
		} else if strings.Contains(ge.Error(), "\n") || !strings.Contains(ge.Error(), "test.parquet") {
			t.Errorf("not one line with the file: %q", ge)
		}
	}
}

// small is a schema of the columns that the gate looks into, a list and a map.
func small() *Schema {
	return &Schema{Class: "network_activity", Columns: []*Node{
		leafNode("time", Int64, 0), leafNode("class_uid", Int32, 1), group("cloud", group("account", leafNode("uid", String, 2))),
		leafNode("port", Int32, 1), listNode("tags", String, 3), leafNode("unmapped", Map, 4),
	}}
}

type smallRow struct {
	time    any // nil: NULL
	class   any
	account any
	text    string
}

func smallBatch(rows ...smallRow) arrow.RecordBatch {
	b := &builder{}
	val := func(get func(r smallRow) any) func(*rand.Rand, array.Builder, int) {
		return func(_ *rand.Rand, b array.Builder, i int) {
			switch v := get(rows[i]).(type) {
			case int:
				number(func(*rand.Rand, int) int64 { return int64(v) })(nil, b, i)
			case int64:
				b.(*array.Int64Builder).Append(v)
			case string:
				b.(*array.StringBuilder).Append(v)
			default:
				b.AppendNull()
			}
		}
	}
	b.column(arrow.PrimitiveTypes.Int64, val(func(r smallRow) any { return r.time }))
	b.column(arrow.PrimitiveTypes.Int32, val(func(r smallRow) any { return r.class }))
	b.column(tText, val(func(r smallRow) any { return r.account }))
	b.column(tTexts, func(_ *rand.Rand, b array.Builder, i int) {
		b.(*array.ListBuilder).Append(true)
		b.(*array.ListBuilder).ValueBuilder().(*array.StringBuilder).Append(rows[i].text)
	})
	b.column(tMap1, func(_ *rand.Rand, b array.Builder, i int) {
		m := b.(*array.MapBuilder)
		m.Append(true)
		m.KeyBuilder().(*array.StringBuilder).Append("k")
		m.ItemBuilder().(*array.StringBuilder).Append(rows[i].text)
	})
	return b.batch(nil, 0, len(rows))
}

func goodRows(n int) []smallRow {
	rows := make([]smallRow, n)
	for i := range rows {
		rows[i] = smallRow{day0 + int64(i), 4001, "111122223333", fmt.Sprint("text ", i)}
	}
	return rows
}

// raw writes batches with pqarrow as it is, without our rules.
func raw(t *testing.T, s *Schema, b arrow.RecordBatch, opts ...parquet.WriterProperty) []byte {
	t.Helper()
	rec, err := assemble(s, b)
	if err != nil {
		t.Fatal(err)
	}
	return rawRecord(t, rec, opts...)
}

func rawRecord(t *testing.T, rec arrow.RecordBatch, opts ...parquet.WriterProperty) []byte {
	t.Helper()
	var buf bytes.Buffer
	opts = append([]parquet.WriterProperty{parquet.WithCompression(compress.Codecs.Zstd)}, opts...)
	w, err := pqarrow.NewFileWriter(rec.Schema(), &buf, parquet.NewWriterProperties(opts...), pqarrow.NewArrowWriterProperties())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(rec); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestGateTakesAForeignWriter(t *testing.T) {
	s := small()
	b := smallBatch(goodRows(100)...)
	rep := verify(t, raw(t, s, b), expect(s, 100))
	want := rep // its sizes are the foreign writer's
	want.MinTime, want.MaxTime, want.Rows, want.RowGroups = day0, day0+99, 100, 1
	if diff := cmp.Diff(want, rep); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	verify(t, raw(t, s, b, parquet.WithDataPageVersion(parquet.DataPageV2)), expect(s, 100))
}

// brokenRows are changes to good rows, each of which breaks a rule on values.
var brokenRows = []struct {
	name   string
	rule   Rule
	column string
	change func(r []smallRow)
}{
	{"no time", RuleTime, "time", func(r []smallRow) { r[50].time = nil }},
	{"time before the row above", RuleTime, "time", func(r []smallRow) { r[50].time = day0 + 48 }},
	{"the next day", RulePartition, "time", func(r []smallRow) { r[99].time = day0 + dayMillis }},
	{"the day before", RulePartition, "time", func(r []smallRow) { r[0].time = day0 - 1 }},
	{"another class", RuleClass, "class_uid", func(r []smallRow) { r[99].class = 4002 }},
	{"no class", RuleClass, "class_uid", func(r []smallRow) { r[99].class = nil }},
	{"another account", RulePartition, "cloud.account.uid", func(r []smallRow) { r[99].account = "444455556666" }},
}

func TestGateRefusesValues(t *testing.T) {
	s := small()
	for _, c := range brokenRows {
		t.Run(c.name, func(t *testing.T) {
			rows := goodRows(100)
			c.change(rows)
			refused(t, raw(t, s, smallBatch(rows...)), expect(s, 100), c.rule, c.column)
		})
	}
	rows := goodRows(100)
	rows[3].account, rows[4].account, rows[99].time = nil, "projects/acme", day0+dayMillis-1
	verify(t, raw(t, s, smallBatch(rows...)), expect(s, 100))

	b := raw(t, s, smallBatch(goodRows(100)...))
	refused(t, b, expect(s, 99), RuleRows, "")
	other := expect(s, 100)
	other.Partition.EventDay = "20250618"
	refused(t, b, other, RulePartition, "time")
	other = expect(s, 100)
	other.ClassUID = 2004
	refused(t, b, other, RuleClass, "class_uid")
	// In order within each row group, but not from one to the next.
	var two bytes.Buffer
	first, second := smallBatch(goodRows(10)...), smallBatch(goodRows(10)...)
	rec1, _ := assemble(s, first)
	rec2, _ := assemble(s, second)
	w, err := pqarrow.NewFileWriter(rec1.Schema(), &two, parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd)), pqarrow.NewArrowWriterProperties())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(rec1), w.Write(rec2), w.Close()); err != nil {
		t.Fatal(err)
	}
	refused(t, two.Bytes(), expect(s, 20), RuleTime, "time")
}

// TestValueRules: every value rule declares its columns, and brokenRows breaks it in each. A rule whose column is forgotten would
// refuse nothing.
func TestValueRules(t *testing.T) {
	type broken struct {
		rule   Rule
		column string
	}
	byColumn, byRule := map[string]bool{}, map[broken]bool{}
	for _, c := range brokenRows {
		byRule[broken{c.rule, c.column}] = true
		byColumn[c.column] = true
	}
	for _, r := range valueRules() {
		if len(r.rules) == 0 || len(r.columns) == 0 || r.check == nil {
			t.Fatalf("%+v: a value rule has a rule, columns and a check", r)
		}
		for _, c := range r.columns {
			if !byColumn[c.name] {
				t.Errorf("%v: brokenRows breaks nothing in %s", r.rules, c.name)
			}
		}
		for _, rule := range r.rules {
			if !slices.ContainsFunc(r.columns, func(c valueColumn) bool { return byRule[broken{rule, c.name}] }) {
				t.Errorf("%s: brokenRows does not break it in a column of %v", rule, r.columns)
			}
		}
	}
}

// TestEveryRuleIsTested: each rule that the gate can refuse a file by is expected by a test of this file.
func TestEveryRuleIsTested(t *testing.T) {
	rules, err := os.ReadFile("gate_rules.go")
	if err != nil {
		t.Fatal(err)
	}
	var tests []byte
	for _, name := range []string{"gate_test.go", "gate_damage_test.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tests = append(tests, text...)
	}
	names := regexp.MustCompile(`(?m)^\t(Rule\w+) +Rule = `).FindAllStringSubmatch(string(rules), -1)
	if len(names) < 15 {
		t.Fatalf("gate_rules.go names %d rules", len(names))
	}
	for _, m := range names {
		if !regexp.MustCompile(`\b` + m[1] + `\b`).Match(tests) {
			t.Errorf("no test expects %s", m[1])
		}
	}
}

func TestGateRefusesSchema(t *testing.T) {
	s := small()
	b := smallBatch(goodRows(10)...)
	file := raw(t, s, b)
	change := func(fn func(s *Schema)) *Schema {
		c := small()
		fn(c)
		return c
	}
	for column, e := range map[string]*Schema{
		"port":              change(func(s *Schema) { s.Columns[3].Kind = String }),
		"cloud.account.uid": change(func(s *Schema) { s.Columns[2].Children[0].Children[0].Kind = Int64 }),
		"cloud.name":        change(func(s *Schema) { s.Columns[2].Children[0].Name = "name" }),
		"tags":              change(func(s *Schema) { s.Columns[4], s.Columns[5] = s.Columns[5], s.Columns[4] }),
		"":                  change(func(s *Schema) { s.Columns = s.Columns[:5] }),
	} {
		if column == "tags" {
			refused(t, file, expect(e, 10), RuleSchema, "unmapped")
			continue
		}
		refused(t, file, expect(e, 10), RuleSchema, column)
	}
	// time as a timestamp is INT64, too, and the catalog says bigint.
	ts := &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}
	one := array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: "time", Type: ts, Nullable: true}, {Name: "class_uid", Type: arrow.PrimitiveTypes.Int32, Nullable: true}}, nil),
		[]arrow.Array{array.MakeArrayOfNull(memory.DefaultAllocator, ts, 1), array.MakeArrayOfNull(memory.DefaultAllocator, arrow.PrimitiveTypes.Int32, 1)}, 1)
	refused(t, rawRecord(t, one), expect(&Schema{Class: "x", Columns: []*Node{leafNode("time", Int64, 0), leafNode("class_uid", Int32, 1)}}, 1), RuleSchema, "time")
	// A timestamp is in UTC and in milliseconds, and says so.
	dt := &Schema{Class: "x", Columns: []*Node{leafNode("time_dt", Timestamp, 0), leafNode("time", Int64, 1), leafNode("class_uid", Int32, 2)}}
	for _, typ := range []arrow.DataType{arrow.PrimitiveTypes.Int64, &arrow.TimestampType{Unit: arrow.Millisecond}, &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}} {
		var fs []arrow.Field
		var cols []arrow.Array
		for i, t := range []arrow.DataType{typ, arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Int32} {
			fs = append(fs, arrow.Field{Name: dt.Columns[i].Name, Type: t, Nullable: true})
			cols = append(cols, array.MakeArrayOfNull(memory.DefaultAllocator, t, 1))
		}
		refused(t, rawRecord(t, array.NewRecordBatch(arrow.NewSchema(fs, nil), cols, 1)), expect(dt, 1), RuleSchema, "time_dt")
	}
	// Schemas that a file of the lake cannot have.
	refused(t, raw(t, &Schema{Columns: []*Node{leafNode("class_uid", Int32, 1)}}, b), expect(&Schema{Columns: []*Node{leafNode("class_uid", Int32, 1)}}, 10), RuleTime, "time")
	refused(t, raw(t, &Schema{Columns: []*Node{leafNode("time", Int64, 0)}}, b), expect(&Schema{Columns: []*Node{leafNode("time", Int64, 0)}}, 10), RuleClass, "class_uid")
}

// shaped writes an empty file with a Parquet schema of any shape.
func shaped(t *testing.T, fields ...schema.Node) []byte {
	t.Helper()
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	w, err := file.NewParquetWriterWithError(&buf, root)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestGateRefusesListsAndMaps(t *testing.T) {
	must := func(n schema.Node, err error) schema.Node {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	opt, rep, req := parquet.Repetitions.Optional, parquet.Repetitions.Repeated, parquet.Repetitions.Required
	str := func(name string, r parquet.Repetition) schema.Node {
		return must(schema.NewPrimitiveNodeLogical(name, r, schema.StringLogicalType{}, parquet.Types.ByteArray, -1, -1))
	}
	grp := func(name string, r parquet.Repetition, kids ...schema.Node) schema.Node {
		return must(schema.NewGroupNode(name, r, kids, -1))
	}
	logical := func(name string, l schema.LogicalType, kids ...schema.Node) schema.Node {
		return must(schema.NewGroupNodeLogical(name, opt, kids, l, -1))
	}
	tm := must(schema.NewPrimitiveNode("time", opt, parquet.Types.Int64, -1, -1))
	cl := must(schema.NewPrimitiveNode("class_uid", opt, parquet.Types.Int32, -1, -1))
	list := &Schema{Columns: []*Node{leafNode("time", Int64, 0), leafNode("class_uid", Int32, 1), listNode("tags", String, 2)}}
	mapp := &Schema{Columns: []*Node{leafNode("time", Int64, 0), leafNode("class_uid", Int32, 1), leafNode("unmapped", Map, 2)}}
	verify(t, shaped(t, tm, cl, logical("tags", schema.ListLogicalType{}, grp("list", rep, str("element", opt)))), expect(list, 0))
	verify(t, shaped(t, tm, cl, logical("unmapped", schema.MapLogicalType{}, grp("key_value", rep, str("key", req), str("value", opt)))), expect(mapp, 0))
	for _, c := range []struct {
		column string
		node   schema.Node
	}{
		{"tags", grp("tags", opt, grp("list", rep, str("element", opt)))},             // not annotated
		{"tags", str("tags", rep)},                                                    // one level
		{"tags.list", logical("tags", schema.ListLogicalType{}, str("element", rep))}, // two levels
		{"tags.list", logical("tags", schema.ListLogicalType{}, grp("bag", rep, str("array_element", opt)))},
		{"tags.list.element", logical("tags", schema.ListLogicalType{}, grp("list", rep, str("item", opt)))},
		{"tags.list.element", logical("tags", schema.ListLogicalType{}, grp("list", rep, str("element", req)))},
		{"tags.list", logical("tags", schema.ListLogicalType{}, grp("list", opt, str("element", opt)))},
	} {
		refused(t, shaped(t, tm, cl, c.node), expect(list, 0), RuleList, c.column)
	}
	for _, c := range []struct {
		column string
		node   schema.Node
	}{
		{"unmapped", logical("unmapped", schema.ListLogicalType{}, grp("key_value", rep, str("key", req), str("value", opt)))},
		{"unmapped", grp("unmapped", opt, str("a", opt))},
		{"unmapped.key_value", logical("unmapped", schema.MapLogicalType{}, grp("map", rep, str("key", req), str("value", opt)))},
		{"unmapped.key_value.key", logical("unmapped", schema.MapLogicalType{}, grp("key_value", rep, str("key", opt), str("value", opt)))},
		{"unmapped.key_value.value", logical("unmapped", schema.MapLogicalType{}, grp("key_value", rep, str("key", req), str("value", req)))},
		{"unmapped.key_value.value", logical("unmapped", schema.MapLogicalType{}, grp("key_value", rep, str("key", req), must(schema.NewPrimitiveNode("value", opt, parquet.Types.Int64, -1, -1))))},
	} {
		refused(t, shaped(t, tm, cl, c.node), expect(mapp, 0), RuleMap, c.column)
	}
}

func TestGateRefusesCodecAndPages(t *testing.T) {
	s := small()
	b := smallBatch(goodRows(1000)...)
	refused(t, raw(t, s, b, parquet.WithCompression(compress.Codecs.Snappy)), expect(s, 1000), RuleCodec, "time")
	refused(t, raw(t, s, b, parquet.WithCompressionFor("port", compress.Codecs.Uncompressed)), expect(s, 1000), RuleCodec, "port")

	r := rand.New(rand.NewPCG(1, 1))
	rows := goodRows(200)
	for i := range rows {
		rows[i].text = noise(r, 8<<10)
	}
	wide := smallBatch(rows...)
	refused(t, raw(t, s, wide, parquet.WithDictionaryDefault(false)), expect(s, 200), RulePageSize, "tags.list.element")
	refused(t, raw(t, s, wide, parquet.WithDictionaryPageSizeLimit(8<<20), parquet.WithDataPageSize(512<<10), parquet.WithBatchSize(8)), expect(s, 200), RulePageSize, "tags.list.element")
	refused(t, raw(t, s, wide, parquet.WithDictionaryDefault(false), parquet.WithDataPageVersion(parquet.DataPageV2)), expect(s, 200), RulePageSize, "tags.list.element")
	verify(t, raw(t, s, wide, parquet.WithDictionaryDefault(false), parquet.WithDataPageSize(512<<10), parquet.WithBatchSize(8)), expect(s, 200))
}

// patched is a page writer's file with a change of a finished row group: of its pages or of what the footer will say.
func patched(t *testing.T, s *Schema, rows int, change func(w *pageWriter)) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := NewWriter(&buf, s, WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(smallBatch(goodRows(rows)...)); err != nil {
		t.Fatal(err)
	}
	pw := w.(*pageWriter)
	if err := pw.endGroup(); err != nil {
		t.Fatal(err)
	}
	change(pw)
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestGateRefusesFooters(t *testing.T) {
	s := small()
	verify(t, patched(t, s, 100, func(*pageWriter) {}), expect(s, 100))
	port := func(w *pageWriter) *chunkFooter { return &w.foot.groups[0].chunks[3] }
	for _, c := range []struct {
		name   string
		rule   Rule
		column string
		change func(w *pageWriter)
	}{
		{"values", RuleSums, "port", func(w *pageWriter) { port(w).values-- }},
		{"values of a list", RuleSums, "tags.list.element", func(w *pageWriter) { w.foot.groups[0].chunks[4].values++ }},
		{"rows", RuleRows, "", func(w *pageWriter) {
			w.foot.groups[0].rows = 99
			for i := range w.foot.groups[0].chunks {
				w.foot.groups[0].chunks[i].values = 99
			}
		}},
		{"uncompressed size", RuleSums, "port", func(w *pageWriter) { port(w).unc++ }},
		{"compressed size, too small", RuleSums, "port", func(w *pageWriter) { port(w).comp-- }},
		{"compressed size, too large", RuleFooter, "", func(w *pageWriter) { port(w).comp++ }},
		{"offset", RuleSums, "port", func(w *pageWriter) { port(w).dictOff++; port(w).comp-- }},
		{"offset out of the file", RuleFooter, "port", func(w *pageWriter) { port(w).dictOff, port(w).dataOff = 1<<40, 1<<40+50 }},
		{"negative offset", RuleFooter, "port", func(w *pageWriter) { port(w).dataOff = -5 }},
		{"columns share pages", RuleFooter, "", func(w *pageWriter) { c := w.foot.groups[0].chunks; c[3] = copyOf(c[1], c[3]) }},
		{"physical type", RuleSchema, "port", func(w *pageWriter) { l := *port(w).leaf; l.phys = physInt64; port(w).leaf = &l }},
		{"order of columns", RuleSchema, "class_uid", func(w *pageWriter) { c := w.foot.groups[0].chunks; c[1], c[3] = c[3], c[1] }},
		{"a column less", RuleFooter, "", func(w *pageWriter) { w.foot.groups[0].chunks = w.foot.groups[0].chunks[:5] }},
		{"a row group twice", RuleFooter, "", func(w *pageWriter) { w.foot.groups = append(w.foot.groups, w.foot.groups[0]) }},
		{"an empty row group", RuleFooter, "", func(w *pageWriter) { g := w.foot.groups[0]; g.rows = 0; w.foot.groups = append(w.foot.groups, g) }},
		{"codec", RuleCodec, "port", func(w *pageWriter) { port(w).codec = 1 }},
		{"no row group", RuleRows, "", func(w *pageWriter) { w.foot.groups = nil }},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, patched(t, s, 100, c.change), expect(s, 100), c.rule, c.column) })
	}
}

func copyOf(c, into chunkFooter) chunkFooter {
	c.leaf = into.leaf
	return c
}

// sparse is a large file of which only the footer is there.
type sparse struct {
	size   int64
	footer []byte
}

func (s sparse) ReadAt(b []byte, at int64) (int, error) {
	if at >= s.size {
		return 0, io.EOF
	}
	for i := range b {
		switch p := at + int64(i); {
		case p >= s.size:
			return i, io.EOF
		case p < 4:
			b[i] = "PAR1"[p]
		case p >= s.size-int64(len(s.footer)):
			b[i] = s.footer[p-s.size+int64(len(s.footer))]
		default:
			b[i] = 0
		}
	}
	return len(b), nil
}

func TestGateRefusesRowGroupSize(t *testing.T) {
	s := small()
	for _, over := range []int64{0, 1} {
		p, err := newFileLayout(s)
		if err != nil {
			t.Fatal(err)
		}
		f := footer{createdBy: "test", time: -1, groups: []groupFooter{{rows: 10}}}
		for _, n := range s.Columns {
			f.roots = append(f.roots, elementOf(n))
		}
		at, left := int64(4), MaxRowGroupBytes+over
		for i, l := range leavesOf(p) {
			n := left / int64(7-i)
			left -= n
			f.groups[0].chunks = append(f.groups[0].chunks, chunkFooter{leaf: l, dataOff: at, values: 10, comp: n, unc: n})
			at += n
			f.leaves++
		}
		b := f.encode()
		src := sparse{at + int64(len(b)), b}
		_, err = Verify(src, src.size, expect(s, 10))
		var ge *GateError
		want := map[int64]Rule{0: RuleSums, 1: RuleGroupSize}[over] // just as large as allowed: the next rule speaks
		if !errors.As(err, &ge) || ge.Rule != want {
			t.Errorf("%d above: %v", over, err)
		}
	}
}
