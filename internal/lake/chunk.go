package lake

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// pageSlots is how many values, NULLs and empty lists included, a page of more than one row may have.
const pageSlots = 1 << 16

// chunk is the open column chunk of one leaf: its open page, and the pages done, compressed.
type chunk struct {
	leaf  *leaf
	limit int     // bytes of a page of more than one row
	zstd  *packer // of the goroutine that has the chunk
	err   error

	// of the batch that is being written
	stages   []stage
	col      arrow.Array // the values that the last stage's entries have; nil for constants
	from, to int         // the values of col that are to be put

	dict     *dict // nil: the column never has one
	useDict  bool  // pages are being written with it
	dictUsed bool  // one was
	poor     bool  // it did not pay in an earlier row group
	tried    bool  // whether it pays was looked at in this row group
	ids      []int32

	// the open page
	slots    int
	nulls    int
	def, rep hybrid
	vals     []byte // plain
	bitsFree int    // bits not used in the last byte of vals, for booleans
	idx      []uint32
	konst    int // values that are number 0 of the dictionary

	// the chunk
	pages      [][]byte
	values     int64 // slots in pages
	nullCount  int64 // in pages
	dictValues int64 // values given to the dictionary
	unc, comp  int64 // of pages, headers included
	dictPages  int64
	plainPages int64
	stat       stat

	head thriftWriter // scratch
}

func newChunk(l *leaf, o WriterOptions) *chunk {
	c := &chunk{leaf: l, limit: o.PageBytes, stat: stat{phys: l.phys}}
	if l.dict || l.field.lookup != nil || l.field.fixed && l.phys != physBoolean {
		c.dict = newDict(l.phys)
	}
	c.reset()
	return c
}

// reset begins a row group's chunk.
func (c *chunk) reset() {
	c.useDict, c.dictUsed, c.tried = c.dict != nil && !c.poor, false, false
	if c.dict != nil {
		c.dict.reset()
	}
	c.ids = nil
	c.pages = nil
	c.values, c.nullCount, c.dictValues, c.unc, c.comp, c.dictPages, c.plainPages = 0, 0, 0, 0, 0, 0, 0
	c.stat.reset()
	c.resetPage()
}

func (c *chunk) resetPage() {
	c.slots, c.nulls, c.vals, c.bitsFree, c.idx, c.konst = 0, 0, c.vals[:0], 0, c.idx[:0], 0
	c.def.reset(bits.Len(uint(c.leaf.maxDef)))
	c.rep.reset(bits.Len(uint(c.leaf.maxRep)))
}

// open is about how many bytes, not compressed, wait in the open page and the dictionary.
func (c *chunk) open() int64 {
	n := len(c.vals) + len(c.idx)*2
	if c.dict != nil {
		n += len(c.dict.page)
	}
	return int64(n)
}

// add the rows [a, b), ending pages where they are full; never within a row.
func (c *chunk) add(flat *flatBatch, a, b int) {
	for a < b {
		slots, raw := c.size(a, b)
		if c.fits(slots, raw) {
			c.put(flat, a, b)
			return
		}
		if b-a > 1 {
			m := a + (b-a)/2
			c.add(flat, a, m)
			a = m
			continue
		}
		if c.slots > 0 {
			c.flush()
		}
		if c.useDict && len(c.dict.page)+raw > maxDictBytes {
			c.useDict = false
		}
		c.put(flat, a, b) // whatever its size: the caller knows that a page can hold it
		return
	}
}

func (c *chunk) fits(slots, raw int) bool {
	slots += c.slots
	if slots > pageSlots && !c.leaf.field.fixed || slots > 16*pageSlots {
		return false
	}
	if c.leaf.field.fixed || c.leaf.field.lookup != nil {
		return true
	}
	if c.useDict {
		return len(c.dict.page)+raw <= maxDictBytes
	}
	return len(c.vals)+raw+hybridBound(slots, c.def.width)+hybridBound(slots, c.rep.width)+8 <= c.limit
}

// size is the most slots and plain bytes that the rows [a, b) can have.
func (c *chunk) size(a, b int) (slots, raw int) {
	f := c.leaf.field
	if l, ok := f.konst.([]string); ok {
		return (b - a) * max(1, len(l)), 0
	}
	if f.fixed || f.lookup != nil {
		return b - a, 0
	}
	slots = b - a
	for k := range c.leaf.maxRep {
		starts := c.stages[k].starts
		a, b = int(starts[a]), int(starts[b])
		slots += b - a
	}
	return slots, plainBytes(c.col, a, b)
}

func plainBytes(a arrow.Array, from, to int) int {
	if s, ok := a.(*array.String); ok && from < to {
		o := s.ValueOffsets()
		return int(o[to]-o[from]) + 4*(to-from)
	}
	return 8 * (to - from)
}

// put the rows [a, b) into the open page.
func (c *chunk) put(flat *flatBatch, a, b int) {
	f := c.leaf.field
	if c.leaf.maxRep > 0 {
		if texts, ok := f.konst.([]string); ok {
			c.putConstLists(texts, a, b)
			return
		}
		c.putStage(0, a, b, 0)
		c.putPending()
		return
	}
	c.slots += b - a
	for i := a; i < b; {
		def, n := c.stages[0].level(i, b)
		c.def.add(uint32(def), n)
		switch {
		case def < c.leaf.maxDef:
			c.nulls += n
		case f.fixed:
			c.putConst(n)
		case f.lookup != nil:
			c.putLookup(flat.nums[f.id][i : i+n])
		default:
			c.putValues(c.col, i, i+n)
		}
		i += n
	}
}

// putConst adds the field's constant n times.
func (c *chunk) putConst(n int) {
	switch v := c.leaf.field.konst.(type) {
	case bool:
		for range n {
			c.putBit(v)
		}
		c.stat.bool(v)
		return
	case string:
		if c.dict.n == 0 {
			c.dict.text(v)
			c.stat.text(v)
		}
	case int64:
		if c.dict.n == 0 {
			c.dict.number(uint64(v))
			c.stat.int(v)
		}
	case float64:
		if c.dict.n == 0 {
			c.dict.number(math.Float64bits(v))
			c.stat.double(v)
		}
	}
	c.konst += n
}

func (c *chunk) putTexts(vs []string) {
	for _, v := range vs {
		id, fresh := c.dict.text(v)
		if fresh {
			c.stat.text(v)
		}
		c.idx = append(c.idx, id)
	}
}

// putLookup adds texts by their numbers; each goes into the dictionary once in a row group. It has a dictionary as long as
// the chunk lasts, for its texts are few.
func (c *chunk) putLookup(nums []int32) {
	l := c.leaf.field.lookup
	if c.ids == nil {
		c.ids = make([]int32, len(l.texts))
		for i := range c.ids {
			c.ids[i] = -1
		}
	}
	for _, k := range nums {
		id := c.ids[k]
		if id < 0 {
			n, _ := c.dict.text(l.texts[k])
			c.stat.text(l.texts[k])
			id = int32(n)
			c.ids[k] = id
		}
		c.idx = append(c.idx, uint32(id))
	}
}

// putValues adds the rows [i, j) of a column, which are not NULL.
func (c *chunk) putValues(a arrow.Array, i, j int) {
	if c.useDict {
		c.dictValues += int64(j - i)
	}
	switch a := a.(type) {
	case *array.String:
		c.putStrings(a, i, j)
	case *array.Int64:
		putInts(c, a.Int64Values()[i:j], arrow.Int64Traits.CastToBytes)
	case *array.Int32:
		putInts(c, a.Int32Values()[i:j], arrow.Int32Traits.CastToBytes)
	case *array.Int16:
		putInts(c, a.Int16Values()[i:j], nil)
	case *array.Int8:
		putInts(c, a.Int8Values()[i:j], nil)
	case *array.Uint32:
		putInts(c, a.Uint32Values()[i:j], nil)
	case *array.Uint16:
		putInts(c, a.Uint16Values()[i:j], nil)
	case *array.Uint8:
		putInts(c, a.Uint8Values()[i:j], nil)
	case *array.Float64:
		for _, v := range a.Float64Values()[i:j] {
			c.putDouble(v)
		}
	case *array.Float32:
		for _, v := range a.Float32Values()[i:j] {
			c.putDouble(float64(v))
		}
	case *array.Boolean:
		for ; i < j; i++ {
			v := a.Value(i)
			c.putBit(v)
			c.stat.bool(v)
		}
	}
}

func (c *chunk) putStrings(a *array.String, i, j int) {
	if c.useDict {
		for ; i < j; i++ {
			v := a.Value(i)
			id, fresh := c.dict.text(v)
			if fresh {
				c.stat.text(v)
			}
			c.idx = append(c.idx, id)
		}
		return
	}
	for ; i < j; i++ {
		v := a.Value(i)
		c.vals = binary.LittleEndian.AppendUint32(c.vals, uint32(len(v)))
		c.vals = append(c.vals, v...)
		if !c.leaf.value {
			c.stat.text(v)
		}
	}
}

// putInts adds integers; whole gives the plain bytes of a slice whose type is the column's own.
func putInts[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32](c *chunk, vs []T, whole func([]T) []byte) {
	if c.useDict {
		for _, v := range vs {
			id, fresh := c.dict.number(uint64(int64(v)))
			if fresh {
				c.stat.int(int64(v))
			}
			c.idx = append(c.idx, id)
		}
		return
	}
	for _, v := range vs {
		c.stat.int(int64(v))
	}
	var zero T
	size := 4
	if c.leaf.phys == physInt64 {
		size = 8
	}
	if whole != nil && binary.Size(zero) == size {
		c.vals = append(c.vals, whole(vs)...)
		return
	}
	for _, v := range vs {
		if size == 4 {
			c.vals = binary.LittleEndian.AppendUint32(c.vals, uint32(int32(v)))
		} else {
			c.vals = binary.LittleEndian.AppendUint64(c.vals, uint64(int64(v)))
		}
	}
}

func (c *chunk) putDouble(v float64) {
	c.stat.double(v)
	c.vals = binary.LittleEndian.AppendUint64(c.vals, math.Float64bits(v))
}

func (c *chunk) putBit(v bool) {
	if c.bitsFree == 0 {
		c.vals, c.bitsFree = append(c.vals, 0), 8
	}
	if v {
		c.vals[len(c.vals)-1] |= 1 << (8 - c.bitsFree)
	}
	c.bitsFree--
}
