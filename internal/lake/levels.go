package lake

import (
	"encoding/binary"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// stage is one of the nestings of a leaf in a batch. The entries of the first are the rows; those of each next one are the
// elements of the list or map that an entry of the one before is. Repetition level k begins an entry of stage k.
type stage struct {
	chain []weighted // what can be NULL of an entry, outermost first: groups, then the list or the value itself
	base  int        // the definition level of an entry of which nothing is there
	full  int        // of an entry that is completely there; of an empty list, too
	// starts says which elements an entry has: [starts[i], starts[i+1]) of the next stage; nil in the last one.
	starts []int32
}

// weighted is a mask that counts for so many definition levels.
type weighted struct {
	m mask
	w int
}

func (s *stage) reset(base int) {
	s.chain, s.base, s.full, s.starts = s.chain[:0], base, base, nil
}

// add a part of the entries that is inside those before: m is within their masks.
func (s *stage) add(m mask) {
	s.full++
	if k := len(s.chain); k > 0 {
		if o := s.chain[k-1].m; len(m) == len(o) && (len(m) == 0 || &m[0] == &o[0]) {
			s.chain[k-1].w++
			return
		}
	}
	s.chain = append(s.chain, weighted{m, 1})
}

// level is the definition level of entry i, as far as the stage makes it, and how many entries up to b have it.
func (s *stage) level(i, b int) (def, n int) {
	def, n = s.base, b-i
	for _, x := range s.chain {
		v, k := x.m.run(i, i+n)
		n = k
		if v {
			def += x.w
		}
	}
	return def, n
}

// bind prepares the chunk for the rows of a batch. One goroutine does it for all chunks (see flatBatch.validity).
func (c *chunk) bind(flat *flatBatch) {
	f := c.leaf.field
	if c.stages == nil {
		c.stages = make([]stage, c.leaf.maxRep+1)
	}
	k := 0
	s := &c.stages[0]
	s.reset(0)
	for _, g := range f.anc {
		s.add(flat.masks[g.id])
	}
	s.add(flat.masks[f.id])
	if f.fixed {
		return
	}
	a := flat.cols[f.node.Column]
	var there mask // the elements that are not NULL, and so are the groups around them, inside the list
	for _, h := range c.leaf.way {
		if !h.list {
			j, _ := a.DataType().(*arrow.StructType).FieldIdx(h.name) // accepts saw it
			a = a.(*array.Struct).Field(j)
			there = flat.validity(a).and(there)
			s.add(there)
			continue
		}
		s.starts = startsOf(a)
		k++
		c.stages[k].reset(s.full + 1)
		s = &c.stages[k]
		_, isMap := a.(*array.Map)
		a = a.(array.ListLike).ListValues()
		if isMap {
			kv := a.(*array.Struct)
			if h.name == "key" { // required
				a = kv.Field(0)
				continue
			}
			a = kv.Field(1)
		}
		there = flat.validity(a)
		s.add(there)
	}
	c.col = a
}

// unbind releases the batch.
func (c *chunk) unbind() {
	c.col = nil
	for k := range c.stages {
		c.stages[k].starts = nil
	}
}

// startsOf a list or map array: one more than it has entries.
func startsOf(a arrow.Array) []int32 {
	if a.Len() == 0 {
		return []int32{0}
	}
	from := a.Data().Offset()
	switch a := a.(type) {
	case *array.List:
		return a.Offsets()[from : from+a.Len()+1]
	case *array.Map:
		return a.Offsets()[from : from+a.Len()+1]
	}
	return nil
}

// putStage writes the entries [i, b) of stage k, the first at repetition level rep: 0 if it begins a row, k at most.
func (c *chunk) putStage(k, i, b int, rep uint32) {
	s := &c.stages[k]
	for i < b {
		def, n := s.level(i, b)
		if def == s.full && s.starts != nil {
			for end := i + n; i < end; i++ {
				if from, to := int(s.starts[i]), int(s.starts[i+1]); from < to {
					c.putStage(k+1, from, to, rep)
				} else {
					c.putSlots(def, rep, k, 1)
					c.nulls++
				}
				rep = uint32(k)
			}
			continue
		}
		c.putSlots(def, rep, k, n)
		if def < s.full {
			c.nulls += n
		} else {
			c.addPending(i, i+n)
		}
		rep = uint32(k)
		i += n
	}
}

// putSlots writes the levels of n entries of stage k, the first at repetition level rep.
func (c *chunk) putSlots(def int, rep uint32, k, n int) {
	c.def.add(uint32(def), n)
	c.rep.add(rep, 1)
	if n > 1 {
		c.rep.add(uint32(k), n-1)
	}
	c.slots += n
}

// addPending notes the values [i, j) of c.col to be put: the values of many rows are mostly adjacent.
func (c *chunk) addPending(i, j int) {
	if i != c.to {
		c.putPending()
		c.from = i
	}
	c.to = j
}

func (c *chunk) putPending() {
	if c.from < c.to {
		c.putValues(c.col, c.from, c.to)
	}
	c.from, c.to = 0, 0
}

// putConstLists writes a constant list of texts, where the groups around are there.
func (c *chunk) putConstLists(texts []string, a, b int) {
	s := &c.stages[0]
	for i := a; i < b; {
		def, n := s.level(i, b)
		i += n
		if def < s.full || len(texts) == 0 {
			c.putSlots(def, 0, 0, n)
			c.nulls += n
			continue
		}
		for ; n > 0; n-- {
			c.putSlots(c.leaf.maxDef, 0, 1, len(texts))
			c.putTexts(texts)
		}
	}
}

// mask has a bit for each row: whether it is there. nil: all rows are. The bits after the last row are zero.
type mask []uint64

func newMask(n int) mask { return make(mask, (n+63)/64) }

func (m mask) get(i int) bool { return m == nil || m[i>>6]>>(i&63)&1 == 1 }
func (m mask) set(i int)      { m[i>>6] |= 1 << (i & 63) }

// and is the rows in both.
func (m mask) and(o mask) mask {
	switch {
	case m == nil:
		return o
	case o == nil:
		return m
	}
	r := make(mask, len(m))
	for i := range m {
		r[i] = m[i] & o[i]
	}
	return r
}

// or is the rows in either.
func (m mask) or(o mask) mask {
	if m == nil || o == nil {
		return nil
	}
	r := make(mask, len(m))
	for i := range m {
		r[i] = m[i] | o[i]
	}
	return r
}

// run is the value at row a and how many rows from there on (up to b, and to the end of a's word) have it too.
func (m mask) run(a, b int) (bool, int) {
	if m == nil {
		return true, b - a
	}
	w := m[a>>6] >> (a & 63)
	k := min(64-a&63, b-a)
	if w&1 == 1 {
		return true, min(bits.TrailingZeros64(^w), k)
	}
	return false, min(bits.TrailingZeros64(w), k)
}

// bitsOf reads n bits of an Arrow bitmap from bit off on.
func bitsOf(b []byte, off, n int) mask {
	m := newMask(n)
	if off&7 == 0 {
		b = b[off>>3:]
		for i := range m {
			if len(b) >= 8 {
				m[i] = binary.LittleEndian.Uint64(b)
				b = b[8:]
				continue
			}
			for j, c := range b {
				m[i] |= uint64(c) << (8 * j)
			}
			b = nil
		}
		if r := n & 63; r != 0 {
			m[len(m)-1] &= 1<<r - 1
		}
		return m
	}
	for i := range n {
		if p := off + i; b[p>>3]>>(p&7)&1 == 1 {
			m.set(i)
		}
	}
	return m
}

// validity of an array's rows.
func validity(a arrow.Array) mask {
	if a.NullN() == 0 {
		return nil
	}
	b := a.NullBitmapBytes()
	if len(b) == 0 { // an array of the Null type has no bitmap
		return newMask(a.Len())
	}
	return bitsOf(b, a.Data().Offset(), a.Len())
}

// truth is the rows where a boolean array is true (and not NULL).
func truth(a *array.Boolean) mask {
	n := a.Len()
	if n == 0 {
		return newMask(0)
	}
	buf := a.Data().Buffers()[1]
	if buf == nil {
		return newMask(n)
	}
	return bitsOf(buf.Bytes(), a.Data().Offset(), n).and(validity(a))
}
