package lake

import (
	"encoding/binary"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

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
