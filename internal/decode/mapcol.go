package decode

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// stringColumn is what array.String, array.LargeString and array.StringView have in common.
type stringColumn interface {
	arrow.Array
	Value(i int) string
}

// column is a buffer of mem's that grows.
type column struct {
	mem  memory.Allocator
	data []byte // all that is allocated
	n    int    // bytes in use
}

func newColumn(mem memory.Allocator, size int) column {
	return column{mem: mem, data: mem.Allocate(max(64, size))}
}

// reserve makes reserve for k more bytes.
func (c *column) reserve(k int) {
	if len(c.data)-c.n < k {
		c.data = c.mem.Reallocate(max(c.n+k, len(c.data)+len(c.data)/2), c.data)
	}
}

func (c *column) offset(v int) {
	c.reserve(4)
	binary.NativeEndian.PutUint32(c.data[c.n:], uint32(v))
	c.n += 4
}

func (c *column) buffer() *memory.Buffer { return memory.NewBufferWithAllocator(c.data, c.mem) }

// Map makes the unmapped column of a batch: a map<utf8,utf8> of as many rows as rest has. A record without entries has a
// NULL, and so has one for which skip, which may be nil, is not NULL: it is not counted either. rest and more are columns of text
// (String, LargeString or StringView); more may be nil. An error means that a row is not what EntryEnd describes, or that the
// column would pass the 2 GiB that its offsets can count.
func (e *Expander) Map(mem memory.Allocator, rest, more, skip arrow.Array) (*array.Map, error) {
	r, ok := rest.(stringColumn)
	if !ok {
		return nil, fmt.Errorf("the rest's column is %s, want text", rest.DataType())
	}
	m, ok := more.(stringColumn)
	if more != nil && !ok && more.NullN() < more.Len() {
		return nil, fmt.Errorf("the column of entries to add is %s, want text", more.DataType())
	}
	rows := r.Len()
	size := 0
	for i := range rows {
		size += textLen(r, i)
		if m != nil {
			size += textLen(m, i)
		}
	}
	w := mapWriter{
		valid: newColumn(mem, int(bitutil.BytesForBits(int64(rows)))),
		rows:  newColumn(mem, 4*rows+4),
		kOff:  newColumn(mem, 4*16*rows+4),
		keys:  newColumn(mem, e.hint),
		vOff:  newColumn(mem, 4*16*rows+4),
		vals:  newColumn(mem, size),
	}
	clear(w.valid.data)
	w.rows.offset(0)
	w.kOff.offset(0)
	w.vOff.offset(0)
	for i := range rows {
		if skip != nil && skip.IsValid(i) {
			w.rows.offset(w.n)
			w.nulls++
			continue
		}
		if err := e.row(&w, i, textAt(r, i), textAt(m, i)); err != nil {
			w.release()
			return nil, fmt.Errorf("row %d: %w", i, err)
		}
	}
	e.hint = w.keys.n
	return w.finish(rows), nil
}

func textLen(c stringColumn, i int) int {
	if c.IsNull(i) {
		return 0
	}
	return len(c.Value(i))
}

func textAt(c stringColumn, i int) []byte {
	if c == nil || c.IsNull(i) {
		return nil
	}
	v := c.Value(i)
	return unsafe.Slice(unsafe.StringData(v), len(v)) // read only, and no longer than the column lives
}

// mapWriter is a map column in the making.
type mapWriter struct {
	valid, rows, kOff, keys, vOff, vals column
	n, nulls                            int // entries, rows without any
}

func (e *Expander) row(w *mapWriter, i int, rest, more []byte) error {
	if err := e.read(more, rest); err != nil {
		return err
	}
	for k := range e.ents {
		n := &e.ents[k]
		w.keys.reserve(len(n.key))
		w.keys.n += copy(w.keys.data[w.keys.n:], n.key)
		w.vals.reserve(e.maxValueBytes(n))
		w.vals.n = len(e.appendValue(w.vals.data[:w.vals.n], n))
		if w.keys.n > math.MaxInt32 || w.vals.n > math.MaxInt32 {
			return errors.New("the unmapped values of one batch are larger than 2 GiB. Try: lower limits.batch_bytes")
		}
		w.kOff.offset(w.keys.n)
		w.vOff.offset(w.vals.n)
	}
	w.n += len(e.ents)
	w.rows.offset(w.n)
	if len(e.ents) == 0 {
		w.nulls++
	} else {
		bitutil.SetBit(w.valid.data, i)
	}
	return nil
}

func (w *mapWriter) release() {
	for _, c := range []*column{&w.valid, &w.rows, &w.kOff, &w.keys, &w.vOff, &w.vals} {
		c.mem.Free(c.data)
	}
}

func (w *mapWriter) finish(rows int) *array.Map {
	typ := arrow.MapOf(arrow.BinaryTypes.String, arrow.BinaryTypes.String)
	text := func(off, data *column) arrow.ArrayData {
		return newData(arrow.BinaryTypes.String, w.n, []*memory.Buffer{nil, off.buffer(), data.buffer()}, nil, 0)
	}
	pairs := newData(typ.Elem(), w.n, []*memory.Buffer{nil}, []arrow.ArrayData{text(&w.kOff, &w.keys), text(&w.vOff, &w.vals)}, 0)
	d := newData(typ, rows, []*memory.Buffer{w.valid.buffer(), w.rows.buffer()}, []arrow.ArrayData{pairs}, w.nulls)
	defer d.Release()
	return array.NewMapData(d)
}

// newData takes over the caller's references to the buffers and children.
func newData(t arrow.DataType, n int, buffers []*memory.Buffer, children []arrow.ArrayData, nulls int) arrow.ArrayData {
	d := array.NewData(t, n, buffers, children, nulls, 0)
	for _, b := range buffers {
		if b != nil {
			b.Release()
		}
	}
	for _, c := range children {
		c.Release()
	}
	return d
}
