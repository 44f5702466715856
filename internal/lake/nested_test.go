package lake

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
)

type filler = func(r *rand.Rand, b array.Builder, i int)

// often makes one value in k NULL, each by itself.
func often(k int, fn filler) filler {
	return func(r *rand.Rand, b array.Builder, i int) {
		if r.IntN(k) == 0 {
			b.AppendNull()
		} else {
			fn(r, b, i)
		}
	}
}

// randomLeaf is a leaf's kind, a type of Arrow that can give its values, and the values.
func randomLeaf(r *rand.Rand) (Kind, arrow.DataType, filler) {
	small := number(func(r *rand.Rand, _ int) int64 { return int64(r.IntN(200) - 100) })
	p := arrow.PrimitiveTypes
	switch r.IntN(8) {
	case 0:
		return Int32, []arrow.DataType{p.Int8, p.Int16, p.Int32}[r.IntN(3)], small
	case 1:
		return Int64, []arrow.DataType{p.Int8, p.Int32, p.Int64}[r.IntN(3)], small
	case 2:
		return Timestamp, p.Int64, number(func(r *rand.Rand, i int) int64 { return day0 - int64(r.IntN(1<<40)) })
	case 3:
		return Double, p.Float64, func(r *rand.Rand, b array.Builder, _ int) { b.(*array.Float64Builder).Append(r.NormFloat64()) }
	case 4:
		return Bool, arrow.FixedWidthTypes.Boolean, flag(func(r *rand.Rand, _ int) bool { return r.IntN(2) == 0 })
	case 5:
		return String, tText, text(func(r *rand.Rand, _ int) string { return noise(r, r.IntN(40)) })
	}
	return String, tText, text(word)
}

// randomInside is a field inside a list, the type of its column, and its values. depth is how much deeper it may nest.
func randomInside(r *rand.Rand, name string, depth int) (*Node, arrow.DataType, filler) {
	n := &Node{Name: name, Column: -1, NearUnique: r.IntN(9) == 0}
	nulls := []int{3, 10, 1000}[r.IntN(3)]
	switch k := r.IntN(7); {
	case k < 2 && depth > 0:
		t, fill := randomList(r, n, depth)
		return n, t, often(nulls, fill)
	case k < 5 && depth > 0:
		var fs []arrow.Field
		var fills []filler
		for i := range 1 + r.IntN(3) {
			c, t, fill := randomInside(r, fmt.Sprintf("f%d", i), depth-1)
			n.Children = append(n.Children, c)
			fs, fills = append(fs, arrow.Field{Name: c.Name, Type: t, Nullable: true}), append(fills, fill)
		}
		// the struct has them in another order
		r.Shuffle(len(n.Children), func(i, j int) { n.Children[i], n.Children[j] = n.Children[j], n.Children[i] })
		return n, arrow.StructOf(fs...), often(nulls, func(r *rand.Rand, b array.Builder, i int) {
			s := b.(*array.StructBuilder)
			s.Append(true)
			for j, fill := range fills {
				fill(r, s.FieldBuilder(j), i)
			}
		})
	case k == 5 && name != "element":
		n.Kind = Map
		return n, tMap1, often(nulls, entries(2, 0))
	}
	k, t, fill := randomLeaf(r)
	n.Kind = k
	return n, t, often(nulls, fill)
}

func randomList(r *rand.Rand, n *Node, depth int) (arrow.DataType, filler) {
	e, t, fill := randomInside(r, "element", depth-1)
	n.Kind, n.Children = List, []*Node{e}
	return arrow.ListOf(t), list([]int{1, 3, 9}[r.IntN(3)], fill)
}

// randomSchema has lists that nest up to four deep, some in groups, which columns of their own may hide.
func randomSchema(r *rand.Rand) (*Schema, *builder) {
	b := &builder{}
	tm := leafNode("time", Int64, b.column(arrow.PrimitiveTypes.Int64, number(func(_ *rand.Rand, i int) int64 { return day0 + int64(i/2) })))
	s := &Schema{Class: "x", Columns: []*Node{tm, constNode("class_uid", Int32, 4001)}}
	var fields func(depth int) []*Node
	fields = func(depth int) []*Node {
		var ns []*Node
		for i := range 1 + r.IntN(3) {
			n := &Node{Name: fmt.Sprintf("c%d", i), Column: -1, NearUnique: r.IntN(9) == 0}
			switch k := r.IntN(6); {
			case k == 0 && depth > 0:
				n.Children = fields(depth - 1)
				if r.IntN(2) == 0 {
					n.Present = 1 + b.column(arrow.FixedWidthTypes.Boolean, often(5, flag(func(r *rand.Rand, _ int) bool { return r.IntN(3) > 0 })))
				}
			case k == 1:
				n.Kind, n.Column = String, b.column(arrow.PrimitiveTypes.Int8, often(4, number(func(r *rand.Rand, _ int) int64 { return int64(r.IntN(3)) })))
				n.Lookup = map[int64]string{0: "zero", 1: "one"}
			case k == 2:
				n = profiles()
				n.Name = fmt.Sprintf("c%d", i)
			default:
				t, fill := randomList(r, n, 4)
				n.Column = b.column(t, maybe(1+r.IntN(6), fill))
			}
			ns = append(ns, n)
		}
		return ns
	}
	s.Columns = append(s.Columns, group("g", fields(2)...), group("h", fields(1)...))
	for i, n := range fields(1) {
		n.Name = fmt.Sprint("top", i)
		s.Columns = append(s.Columns, n)
	}
	return s, b
}

// spoiled is an array with the same values, and more NULLs, laid out as badly as Arrow allows: NULLs have values behind
// them, and arrays inside begin in the middle of their buffers.
func spoiled(r *rand.Rand, a arrow.Array, required bool) arrow.Array {
	d := a.Data()
	kids := make([]arrow.ArrayData, len(d.Children()))
	for i, k := range d.Children() {
		_, isMap := a.(*array.Map)
		_, isStruct := a.(*array.Struct)
		inner := spoiled(r, array.MakeFromData(k), isMap || required && isStruct && i == 0)
		if n := r.IntN(min(inner.Len(), 70) + 1); n > 0 && r.IntN(2) == 0 {
			more, err := array.Concatenate([]arrow.Array{array.NewSlice(inner, 0, int64(n)), inner}, memory.DefaultAllocator)
			if err != nil {
				panic(err)
			}
			inner = array.NewSlice(more, int64(n), int64(n+inner.Len()))
		}
		kids[i] = inner.Data()
	}
	m := validity(a)
	if !required && r.IntN(2) == 0 {
		more := newMask(a.Len())
		for i := range a.Len() {
			if r.IntN(6) > 0 {
				more.set(i)
			}
		}
		m = m.and(more)
	}
	bufs := append([]*memory.Buffer(nil), d.Buffers()...)
	if d.Offset() > 0 {
		panic("a builder's array begins in the middle")
	}
	if bufs[0] = nil; m != nil {
		bufs[0] = memory.NewBufferBytes(m.bytes())
	}
	return array.MakeFromData(array.NewData(a.DataType(), a.Len(), bufs, kids, a.Len()-m.count(0, a.Len()), 0))
}

// spoil makes slices of a batch of spoiled arrays, the first column (time) left as it is.
func spoil(r *rand.Rand, b arrow.RecordBatch) arrow.RecordBatch {
	cols := slices.Clone(b.Columns())
	for i := range cols[1:] {
		cols[i+1] = spoiled(r, cols[i+1], false)
	}
	from := r.Int64N(min(b.NumRows(), 90))
	return array.NewRecordBatch(b.Schema(), cols, b.NumRows()).NewSlice(from, b.NumRows()-r.Int64N(b.NumRows()-from))
}

// shown is the value of a field inside a list, as the schema says it, by the arrays alone.
func shown(n *Node, a arrow.Array, i int) string {
	if a.IsNull(i) {
		return "null"
	}
	var parts []string
	switch a := a.(type) {
	case *array.Map:
		kv := a.ListValues().(*array.Struct)
		for s, e := a.ValueOffsets(i); s < e; s++ {
			parts = append(parts, kv.Field(0).ValueStr(int(s))+"="+shown(&Node{Kind: String}, kv.Field(1), int(s)))
		}
		return "map" + fmt.Sprintf("%q", parts)
	case *array.List:
		for s, e := a.ValueOffsets(i); s < e; s++ {
			parts = append(parts, shown(n.Children[0], a.ListValues(), int(s)))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case *array.Struct:
		for _, c := range n.Children {
			j, _ := a.DataType().(*arrow.StructType).FieldIdx(c.Name)
			parts = append(parts, c.Name+":"+shown(c, a.Field(j), i))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case *array.Timestamp:
		return fmt.Sprint(int64(a.Value(i)))
	case *array.String:
		return fmt.Sprintf("%q", a.Value(i))
	}
	return a.ValueStr(i)
}

// levelsIn reads the definition and repetition levels of all columns, and how many of the pages begin within a row.
func levelsIn(t *testing.T, s *Schema, f []byte) (defs, reps [][]int16, within int) {
	t.Helper()
	rd, err := file.NewParquetReader(bytes.NewReader(f))
	if err != nil {
		t.Fatal(err)
	}
	p, err := newFileLayout(s)
	if err != nil {
		t.Fatal(err)
	}
	ls := leavesOf(p)
	defs, reps = make([][]int16, len(ls)), make([][]int16, len(ls))
	for g := range rd.NumRowGroups() {
		for _, l := range ls {
			pages, err := rd.RowGroup(g).GetColumnPageReader(l.index)
			if err != nil {
				t.Fatal(err)
			}
			for pages.Next() {
				page, ok := pages.Page().(*file.DataPageV1)
				if !ok {
					continue
				}
				n, b := int(page.NumValues()), page.Data()
				r := make([]int16, n)
				if l.maxRep > 0 {
					r, b = unhybrid(b, bits.Len(uint(l.maxRep)), n)
				}
				d, _ := unhybrid(b, bits.Len(uint(l.maxDef)), n)
				if r[0] != 0 {
					within++
				}
				defs[l.index], reps[l.index] = append(defs[l.index], d...), append(reps[l.index], r...)
			}
			if err := pages.Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return defs, reps, within
}

// unhybrid decodes levels, their length before them, and returns what is behind.
func unhybrid(b []byte, width, n int) ([]int16, []byte) {
	size := binary.LittleEndian.Uint32(b)
	b, rest := b[4:4+size], b[4+size:]
	var out []int16
	for len(out) < n {
		h, k := binary.Uvarint(b)
		b = b[k:]
		if h&1 == 0 {
			for range h >> 1 {
				out = append(out, int16(b[0]))
			}
			b = b[1:]
			continue
		}
		for i := range int(h>>1) * 8 {
			v := 0
			for j := range width {
				p := i*width + j
				v |= int(b[p>>3]>>(p&7)&1) << j
			}
			out = append(out, int16(v))
		}
		b = b[int(h>>1)*width:]
	}
	return out[:n], rest
}

// TestNestedLists: of random schemas and rows both writers write the same levels, statistics and values, and those of the
// input's own arrays; no page begins within a row.
func TestNestedLists(t *testing.T) {
	deepest, pages := 0, 0
	for seed := range uint64(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 11))
			s, b := randomSchema(r)
			o := WriterOptions{Threads: 1 + r.IntN(3)}
			if seed%2 == 0 {
				o.PageBytes, o.RowGroupRows = 64+r.IntN(4000), int64(50+r.IntN(400))
			}
			var bs []arrow.RecordBatch
			var rows int64
			for _, x := range batches(b, seed, 1+r.IntN(200), 300, 1, 1+r.IntN(700)) {
				if r.IntN(4) > 0 {
					x = spoil(r, x)
				}
				bs = append(bs, x)
				rows += x.NumRows()
			}
			f, st := write(t, writers["page"], s, o, bs)
			same(t, s, f, bs)
			rep := verify(t, f, expect(s, rows))
			pages = max(pages, rep.Pages)
			if st.Rows != rows || rep.RowGroups != st.RowGroups {
				t.Errorf("%+v of %d rows, %+v", st, rows, rep)
			}
			o.RowGroupRows = 0 // the writers end row groups at different rows
			g, _ := write(t, writers["arrow"], s, o, bs)
			same(t, s, g, bs)
			verify(t, g, expect(s, rows))

			defs, reps, within := levelsIn(t, s, f)
			if within > 0 {
				t.Errorf("%d pages begin within a row", within)
			}
			wantDefs, wantReps, _ := levelsIn(t, s, g)
			p, _ := newFileLayout(s)
			for i, l := range leavesOf(p) {
				deepest = max(deepest, l.maxRep)
				if !slices.Equal(defs[i], wantDefs[i]) || !slices.Equal(reps[i], wantReps[i]) {
					t.Errorf("%s: levels %v %v\nnot %v %v", l.dotted(), defs[i], reps[i], wantDefs[i], wantReps[i])
				}
			}
			whole, _ := write(t, writers["page"], s, o, bs)
			got, want := statistics(t, whole), statistics(t, g)
			for i, x := range want {
				if want := strings.TrimSuffix(x, ofNothing); got[i] != want {
					t.Errorf("%s\nnot %s", got[i], want)
				}
			}
			againstInput(t, s, f, bs)
		})
	}
	if deepest < 4 || pages < 200 {
		t.Errorf("lists nest %d deep and %d pages were the most: the test is too tame", deepest, pages)
	}
}

// againstInput compares the lists at the top with the input's arrays.
func againstInput(t *testing.T, s *Schema, f []byte, bs []arrow.RecordBatch) {
	t.Helper()
	tbl := read(t, f)
	for k, n := range s.Columns {
		if n.Kind != List || n.Column < 0 {
			continue
		}
		var got, want []string
		for _, b := range bs {
			for i := range int(b.NumRows()) {
				want = append(want, shown(n, b.Column(n.Column), i))
			}
		}
		for _, a := range tbl.Column(k).Data().Chunks() {
			for i := range a.Len() {
				got = append(got, shown(n, a, i))
			}
		}
		for i := range want {
			if i >= len(got) || got[i] != want[i] {
				t.Fatalf("%s: row %d of %d is %.300s, not %.300s", n.Name, i, len(got), got[min(i, len(got)-1)], want[i])
			}
		}
	}
}

// wideLists is a schema with a list of objects with texts and a list, and a batch of rows: of each object the text's length,
// and how many numbers it has.
func wideLists(rows [][][2]int) (*Schema, arrow.RecordBatch) {
	r := rand.New(rand.NewPCG(3, 3))
	b := &builder{}
	b.column(arrow.PrimitiveTypes.Int64, number(func(_ *rand.Rand, i int) int64 { return day0 + int64(i) }))
	st := arrow.StructOf(arrow.Field{Name: "text", Type: tText, Nullable: true}, arrow.Field{Name: "nums", Type: arrow.ListOf(arrow.PrimitiveTypes.Int32), Nullable: true})
	b.column(arrow.ListOf(st), func(_ *rand.Rand, b array.Builder, i int) {
		l := b.(*array.ListBuilder)
		l.Append(true)
		s := l.ValueBuilder().(*array.StructBuilder)
		for _, x := range rows[i] {
			s.Append(true)
			s.FieldBuilder(0).(*array.StringBuilder).Append(noise(r, x[0]))
			nums := s.FieldBuilder(1).(*array.ListBuilder)
			nums.Append(true)
			for range x[1] {
				nums.ValueBuilder().(*array.Int32Builder).Append(int32(r.Uint32()))
			}
		}
	})
	inner := listNode("nums", Int32, -1)
	return &Schema{Class: "x", Columns: []*Node{leafNode("time", Int64, 0), constNode("class_uid", Int32, 4001),
		{Name: "os", Kind: List, Column: 1, Children: []*Node{group("element", leafNode("text", String, -1), inner)}}}}, b.batch(nil, 0, len(rows))
}

// TestWideNestedLists: pages stay within 1 MiB with rows of nearly a page inside lists of objects, and what is wider is
// refused with its row and column.
func TestWideNestedLists(t *testing.T) {
	var rows [][][2]int
	for range 40 {
		rows = append(rows, [][2]int{{20 << 10, 3000}, {10 << 10, 0}, {0, 700}})
	}
	half := 500 << 10
	rows = append(rows, [][2]int{{half, 50_000}, {half, 50_000}, {1, 4000}}, nil, [][2]int{{1000 << 10, 104_000}}, [][2]int{{1, 1}}, slices.Repeat([][2]int{{0, 0}}, 100_000))
	s, b := wideLists(rows)
	bs := []arrow.RecordBatch{b}
	for name, nw := range writers {
		f, _ := write(t, nw, s, WriterOptions{}, bs)
		same(t, s, f, bs)
		rep := verify(t, f, expect(s, int64(len(rows))))
		if name == "page" && rep.LargestPage < 900<<10 || rep.LargestPage > MaxPageBytes || rep.LargestDict > MaxPageBytes {
			t.Errorf("%s: %+v", name, rep)
		}
		if _, _, within := levelsIn(t, s, f); within > 0 {
			t.Errorf("%s: %d pages begin within a row", name, within)
		}
	}
	for path, row := range map[string][][2]int{
		"os.list.element.text":              {{half, 1}, {half, 1}, {half, 1}},
		"os.list.element.nums.list.element": {{1, 60_000}, {1, 60_000}},
	} {
		_, b := wideLists([][][2]int{{{1, 1}}, row, {{1, 1}}})
		for name, nw := range writers {
			w, err := nw(&bytes.Buffer{}, s, WriterOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var wide *ValueTooWideError
			if err := w.Write(b); !errors.As(err, &wide) || wide.Path != path || wide.Row != 1 {
				t.Errorf("%s: %v", name, err)
			}
			if err := w.Write(b.NewSlice(2, 3)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestGroupList(t *testing.T) {
	s, b := groupList()
	bs := batches(b, 1, 100, 3000)
	f, _ := write(t, writers["page"], s, WriterOptions{}, bs)
	same(t, s, f, bs)
	verify(t, f, expect(s, 3100))
	rd, err := file.NewParquetReader(bytes.NewReader(f))
	if err != nil {
		t.Fatal(err)
	}
	uid, err := rd.MetaData().RowGroup(0).ColumnChunk(3)
	if err != nil {
		t.Fatal(err)
	}
	if !uid.HasDictionaryPage() || !slices.Contains(uid.Encodings(), parquet.Encodings.RLEDict) {
		t.Errorf("%s has no dictionary", uid.PathInSchema())
	}
}
