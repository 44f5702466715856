package engine

import (
	"math/bits"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	bindings "github.com/duckdb/duckdb-go-bindings"
)

// view is a DuckDB vector read in place. Vectors of a result are flat: DuckDB copies them into the result's buffer.
type view struct {
	data     unsafe.Pointer
	ok       unsafe.Pointer // words of 64 rows, nil: all valid
	children []view
}

// entry is DuckDB's list_entry_t.
type entry struct{ offset, length uint64 }

func (v *view) load(vec bindings.Vector, c *column) {
	v.data = bindings.VectorGetData(vec)
	v.ok = bindings.VectorGetValidity(vec)
	if len(v.children) != len(c.children) {
		v.children = make([]view, len(c.children))
	}
	switch c.kind {
	case kindList:
		v.children[0].load(bindings.ListVectorGetChild(vec), c.children[0])
	case kindStruct:
		for i, k := range c.children {
			v.children[i].load(bindings.StructVectorGetChild(vec, bindings.IdxT(i)), k)
		}
	}
}

func (v *view) valid(i int) bool {
	return v.ok == nil || *(*uint64)(unsafe.Add(v.ok, i>>6*8))>>(i&63)&1 == 1
}

// word gives the validity of k <= 64 rows from i on, the bits beyond k being 0.
func (v *view) word(i, k int) uint64 {
	w := *(*uint64)(unsafe.Add(v.ok, i>>6*8)) >> (i & 63)
	if s := i & 63; s+k > 64 {
		w |= *(*uint64)(unsafe.Add(v.ok, (i>>6+1)*8)) << (64 - s)
	}
	if k < 64 {
		w &= 1<<k - 1
	}
	return w
}

func (v *view) text(i int) []byte {
	t := (*stringT)(unsafe.Add(v.data, i*16))
	if t.size <= inlineText {
		return t.rest[:t.size]
	}
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&t.rest[4])), t.size)
}

func (v *view) entry(i int) (from, n int) {
	e := (*entry)(unsafe.Add(v.data, i*16))
	return int(e.offset), int(e.length)
}

// lists calls do for the child rows of rows [from, to), neighbours joined.
func (v *view) lists(from, to int, do func(from, to int)) {
	a, b := 0, 0
	for i := from; i < to; i++ {
		if !v.valid(i) {
			continue
		}
		o, n := v.entry(i)
		if n == 0 {
			continue
		}
		if o == b {
			b += n
			continue
		}
		if b > a {
			do(a, b)
		}
		a, b = o, o+n
	}
	if b > a {
		do(a, b)
	}
}

// column gathers the values of one column, of several chunks, for an Arrow array.
type column struct {
	kind     kind
	typ      arrow.DataType
	width    int
	children []*column

	n     int
	nulls int
	valid []uint64 // nil while nulls is 0
	data  []byte
	bits  []uint64
	off   []int32
	child int // rows of the child so far (lists)
}

// size is about how many bytes rows [from, to) take in Arrow.
func (c *column) size(v *view, from, to int) int {
	switch c.kind {
	case kindText:
		s := 4 * (to - from)
		for i := from; i < to; i++ {
			if v.valid(i) {
				s += int((*stringT)(unsafe.Add(v.data, i*16)).size)
			}
		}
		return s
	case kindList:
		s := 4 * (to - from)
		v.lists(from, to, func(a, b int) { s += c.children[0].size(&v.children[0], a, b) })
		return s
	case kindStruct:
		s := 0
		for i, k := range c.children {
			s += k.size(&v.children[i], from, to)
		}
		return s
	case kindDecimal:
		return 16 * (to - from)
	}
	return c.width * (to - from)
}

// add appends rows [from, to) of a vector.
func (c *column) add(v *view, from, to int) {
	c.addValid(v, from, to)
	switch c.kind {
	case kindFixed:
		c.data = append(c.data, unsafe.Slice((*byte)(unsafe.Add(v.data, from*c.width)), (to-from)*c.width)...)
	case kindBool:
		c.addBools(v, from, to)
	case kindDecimal:
		c.addDecimals(v, from, to)
	case kindText:
		c.addTexts(v, from, to)
	case kindList:
		if c.off == nil {
			c.off = append(make([]int32, 0, batchRows+1), 0)
		}
		for i := from; i < to; i++ {
			if v.valid(i) {
				_, n := v.entry(i)
				c.child += n
			}
			c.off = append(c.off, int32(c.child))
		}
		v.lists(from, to, func(a, b int) { c.children[0].add(&v.children[0], a, b) })
	case kindStruct:
		for i, k := range c.children {
			k.add(&v.children[i], from, to)
		}
	}
	c.n += to - from
}

func (c *column) addTexts(v *view, from, to int) {
	if c.off == nil {
		c.off = append(make([]int32, 0, batchRows+1), 0)
	}
	d := c.data
	for i := from; i < to; i++ {
		if v.valid(i) {
			d = append(d, v.text(i)...)
		}
		c.off = append(c.off, int32(len(d)))
	}
	c.data = d
}

func (c *column) addBools(v *view, from, to int) {
	for i := from; i < to; i += 64 {
		k := min(64, to-i)
		var w uint64
		for j := range k {
			w |= uint64(*(*byte)(unsafe.Add(v.data, i+j))&1) << j
		}
		c.bits = putBits(c.bits, c.n+i-from, w, k)
	}
}

func (c *column) addDecimals(v *view, from, to int) {
	for i := from; i < to; i++ {
		p := unsafe.Add(v.data, i*c.width)
		var lo, hi int64
		switch c.width {
		case 2:
			lo = int64(*(*int16)(p))
		case 4:
			lo = int64(*(*int32)(p))
		default:
			lo = *(*int64)(p)
		}
		hi = lo >> 63
		if c.width == 16 {
			hi = *(*int64)(unsafe.Add(p, 8))
		}
		b := [2]int64{lo, hi}
		c.data = append(c.data, unsafe.Slice((*byte)(unsafe.Pointer(&b)), 16)...)
	}
}

func (c *column) addValid(v *view, from, to int) {
	if v.ok == nil && c.valid == nil {
		return
	}
	for i := from; i < to; i += 64 {
		k := min(64, to-i)
		w := uint64(1)<<k - 1 // k 64: the shift gives 0, and all ones
		if v.ok != nil {
			w = v.word(i, k)
		}
		at := c.n + i - from
		miss := k - bits.OnesCount64(w)
		if c.valid == nil {
			if miss == 0 {
				continue
			}
			for j := 0; j < at; j += 64 {
				c.valid = putBits(c.valid, j, 1<<min(64, at-j)-1, min(64, at-j))
			}
		}
		c.nulls += miss
		c.valid = putBits(c.valid, at, w, k)
	}
}

// putBits writes the k low bits of w at bit n of dst, whose bits from n on are 0 or not there yet.
func putBits(dst []uint64, n int, w uint64, k int) []uint64 {
	for len(dst)*64 < n+k {
		dst = append(dst, 0)
	}
	dst[n>>6] |= w << (n & 63)
	if s := n & 63; s+k > 64 {
		dst[n>>6+1] |= w >> (64 - s)
	}
	return dst
}

// take returns what was gathered and starts again. The buffers are Go's: a value read out of a batch outlives its Release.
func (c *column) take() arrow.ArrayData {
	bufs := []*memory.Buffer{nil}
	if c.nulls > 0 {
		bufs[0] = wordBuffer(c.valid)
	}
	var kids []arrow.ArrayData
	switch c.kind {
	case kindFixed, kindDecimal:
		bufs = append(bufs, memory.NewBufferBytes(c.data))
	case kindBool:
		bufs = append(bufs, wordBuffer(c.bits))
	case kindText:
		bufs = append(bufs, offBuffer(c.off), memory.NewBufferBytes(c.data))
	case kindList:
		bufs = append(bufs, offBuffer(c.off))
	}
	for _, k := range c.children {
		kids = append(kids, k.take())
	}
	d := array.NewData(c.typ, c.n, bufs, kids, c.nulls, 0)
	for _, k := range kids {
		k.Release()
	}
	*c = column{kind: c.kind, typ: c.typ, width: c.width, children: c.children, data: make([]byte, 0, len(c.data)+len(c.data)/8)}
	return d
}

func wordBuffer(w []uint64) *memory.Buffer {
	return memory.NewBufferBytes(arrow.Uint64Traits.CastToBytes(w))
}

func offBuffer(o []int32) *memory.Buffer {
	if o == nil {
		o = []int32{0}
	}
	return memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(o))
}
