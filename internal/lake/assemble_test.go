package lake

import (
	"encoding/binary"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// assemble makes the nested batch that a reader of the file sees of the flat columns of an input batch: constants and lookups
// filled in, groups NULL where nothing is inside. The caller releases it; the input batch stays the caller's.
func assemble(s *Schema, b arrow.RecordBatch) (arrow.RecordBatch, error) {
	fl, err := newFileLayout(s)
	if err != nil {
		return nil, err
	}
	flat, err := fl.flatBatch(b)
	if err != nil {
		return nil, err
	}
	return fl.assemble(flat)
}

func (fl *fileLayout) assemble(flat *flatBatch) (arrow.RecordBatch, error) {
	cols := make([]arrow.Array, len(fl.roots))
	for i, f := range fl.roots {
		cols[i] = flat.array(f)
		defer cols[i].Release()
	}
	return array.NewRecordBatch(arrowSchema(fl.schema), cols, int64(flat.n)), nil
}

// array makes f's Arrow array.
func (flat *flatBatch) array(f *field) arrow.Array {
	m := flat.masks[f.id]
	switch {
	case f.node.Kind == Group:
		kids := make([]arrow.ArrayData, len(f.kids))
		for i, k := range f.kids {
			a := flat.array(k)
			defer a.Release()
			kids[i] = a.Data()
		}
		return wrap(arrowType(f.node), flat.n, m, kids, nil)
	case f.fixed:
		return flat.constant(f, m)
	case f.lookup != nil:
		b := array.NewStringBuilder(memory.DefaultAllocator)
		defer b.Release()
		for i, k := range flat.nums[f.id] {
			if m.get(i) {
				b.Append(f.lookup.texts[k])
			} else {
				b.AppendNull()
			}
		}
		return b.NewArray()
	}
	return convert(f.node, flat.cols[f.node.Column], m)
}

// wrap makes a struct (kids, no offsets) or list array of parts.
func wrap(t arrow.DataType, n int, m mask, kids []arrow.ArrayData, offsets []int32) arrow.Array {
	bufs := []*memory.Buffer{nil}
	if m != nil {
		bufs[0] = memory.NewBufferBytes(m.bytes())
	}
	if offsets != nil {
		bufs = append(bufs, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)))
	}
	d := array.NewData(t, n, bufs, kids, n-m.count(0, n), 0)
	defer d.Release()
	return array.MakeFromData(d)
}

func (flat *flatBatch) constant(f *field, m mask) arrow.Array {
	b := array.NewBuilder(memory.DefaultAllocator, arrowType(f.node))
	defer b.Release()
	b.Reserve(flat.n)
	for i := range flat.n {
		if !m.get(i) {
			b.AppendNull()
			continue
		}
		switch v := f.konst.(type) {
		case string:
			b.(*array.StringBuilder).Append(v)
		case int64:
			appendInt(b, v)
		case float64:
			b.(*array.Float64Builder).Append(v)
		case bool:
			b.(*array.BooleanBuilder).Append(v)
		case []string:
			l := b.(*array.ListBuilder)
			l.Append(true)
			for _, s := range v {
				l.ValueBuilder().(*array.StringBuilder).Append(s)
			}
		}
	}
	return b.NewArray()
}

func appendInt(b array.Builder, v int64) {
	switch b := b.(type) {
	case *array.Int32Builder:
		b.Append(int32(v))
	case *array.Int64Builder:
		b.Append(v)
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(v))
	}
}

// convert makes an array of n's own type of a column that accepts took, NULL outside of m.
func convert(n *Node, a arrow.Array, m mask) arrow.Array {
	rows := a.Len()
	switch n.Kind {
	case List, Map:
		return convertList(n, a, m)
	case Group: // inside a list
		s := a.(*array.Struct)
		t := a.DataType().(*arrow.StructType)
		kids := make([]arrow.ArrayData, len(n.Children))
		for i, c := range n.Children {
			j, _ := t.FieldIdx(c.Name)
			k := convert(c, s.Field(j), validity(s.Field(j)).and(m))
			defer k.Release()
			kids[i] = k.Data()
		}
		return wrap(arrowType(n), rows, m, kids, nil)
	case Int32, Int64, Timestamp:
		if id := a.DataType().ID(); n.Kind == Timestamp && id == arrow.INT64 {
			break // the same bytes
		}
		if a.DataType().ID() != arrowType(n).ID() {
			return widen(n, a, m)
		}
	case Double:
		if f, ok := a.(*array.Float32); ok {
			b := array.NewFloat64Builder(memory.DefaultAllocator)
			defer b.Release()
			for i := range rows {
				if m.get(i) {
					b.Append(float64(f.Value(i)))
				} else {
					b.AppendNull()
				}
			}
			return b.NewArray()
		}
	}
	return remask(a, arrowType(n), m)
}

func widen(n *Node, a arrow.Array, m mask) arrow.Array {
	b := array.NewBuilder(memory.DefaultAllocator, arrowType(n))
	defer b.Release()
	eachInt(a, func(i int, v int64) {
		if !m.get(i) {
			b.AppendNull()
		} else {
			appendInt(b, v)
		}
	})
	return b.NewArray()
}

// remask is a with another validity, its values shared.
func remask(a arrow.Array, t arrow.DataType, m mask) arrow.Array {
	old := a.Data()
	off := old.Offset()
	bufs := append([]*memory.Buffer(nil), old.Buffers()...)
	bufs[0] = nil
	if m != nil {
		v := m.bytes()
		if off > 0 { // the bitmap has the values' offset
			w := make([]byte, (off+a.Len()+7)/8)
			for i := range a.Len() {
				if m.get(i) {
					w[(off+i)>>3] |= 1 << ((off + i) & 7)
				}
			}
			v = w
		}
		bufs[0] = memory.NewBufferBytes(v)
	}
	d := array.NewData(t, a.Len(), bufs, nil, a.Len()-m.count(0, a.Len()), off)
	defer d.Release()
	return array.MakeFromData(d)
}

// convertList rebuilds a list or map: offsets from 0, nothing behind NULL rows (the Parquet writers demand it).
func convertList(n *Node, a arrow.Array, m mask) arrow.Array {
	l := a.(array.ListLike)
	rows := a.Len()
	offsets := make([]int32, rows+1)
	tight := true
	var first, last int64
	if rows > 0 {
		first, _ = l.ValueOffsets(0)
		last = first
	}
	for i := range rows {
		s, e := l.ValueOffsets(i)
		if !m.get(i) {
			tight = tight && s == e
			e = s
		}
		tight = tight && s == last
		last = e
		offsets[i+1] = offsets[i] + int32(e-s)
	}
	values := l.ListValues()
	var part arrow.Array
	if tight {
		part = array.NewSlice(values, first, first+int64(offsets[rows]))
	} else {
		part = gather(l, values, m)
	}
	defer part.Release()
	if n.Kind == Map {
		t := arrowType(n)
		e := part.(*array.Struct)
		key := remask(e.Field(0), arrow.BinaryTypes.String, nil)
		defer key.Release()
		val := remask(e.Field(1), arrow.BinaryTypes.String, validity(e.Field(1)))
		defer val.Release()
		entries := wrap(t.(*arrow.MapType).Elem(), part.Len(), nil, []arrow.ArrayData{key.Data(), val.Data()}, nil)
		defer entries.Release()
		return wrap(t, rows, m, []arrow.ArrayData{entries.Data()}, offsets)
	}
	elem := convert(n.Children[0], part, validity(part))
	defer elem.Release()
	return wrap(arrowType(n), rows, m, []arrow.ArrayData{elem.Data()}, offsets)
}

// gather copies the elements of the rows in m next to each other.
func gather(l array.ListLike, values arrow.Array, m mask) arrow.Array {
	var parts []arrow.Array
	defer func() {
		for _, p := range parts {
			p.Release()
		}
	}()
	for i := range l.Len() {
		if s, e := l.ValueOffsets(i); e > s && m.get(i) {
			parts = append(parts, array.NewSlice(values, s, e))
		}
	}
	if len(parts) == 0 {
		return array.NewSlice(values, 0, 0)
	}
	r, err := array.Concatenate(parts, memory.DefaultAllocator)
	if err != nil { // only a list of over 2 GiB can bring it here; a batch is far smaller
		panic(err)
	}
	return r
}

// arrowSchema is the schema of assembled batches, and of what a reader of the files sees.
func arrowSchema(s *Schema) *arrow.Schema {
	fs := make([]arrow.Field, len(s.Columns))
	for i, n := range s.Columns {
		fs[i] = arrowField(n)
	}
	return arrow.NewSchema(fs, nil)
}

func arrowField(n *Node) arrow.Field {
	return arrow.Field{Name: n.Name, Type: arrowType(n), Nullable: true}
}

func arrowType(n *Node) arrow.DataType {
	switch n.Kind {
	case Int32:
		return arrow.PrimitiveTypes.Int32
	case Int64:
		return arrow.PrimitiveTypes.Int64
	case Timestamp:
		return arrow.FixedWidthTypes.Timestamp_ms
	case Double:
		return arrow.PrimitiveTypes.Float64
	case Bool:
		return arrow.FixedWidthTypes.Boolean
	case Map:
		return arrow.MapOf(arrow.BinaryTypes.String, arrow.BinaryTypes.String)
	case List:
		return arrow.ListOfField(arrow.Field{Name: "element", Type: arrowType(n.Children[0]), Nullable: true})
	case Group:
		fs := make([]arrow.Field, len(n.Children))
		for i, c := range n.Children {
			fs[i] = arrowField(c)
		}
		return arrow.StructOf(fs...)
	}
	return arrow.BinaryTypes.String
}

// bytes is an Arrow validity bitmap.
func (m mask) bytes() []byte {
	b := make([]byte, len(m)*8)
	for i, w := range m {
		binary.LittleEndian.PutUint64(b[i*8:], w)
	}
	return b
}

// count is how many of the rows [a, b) are there.
func (m mask) count(a, b int) int {
	if m == nil {
		return b - a
	}
	c := 0
	for a < b {
		k := min(64-a&63, b-a)
		w := m[a>>6] >> (a & 63)
		if k < 64 {
			w &= 1<<k - 1
		}
		c += bits.OnesCount64(w)
		a += k
	}
	return c
}
