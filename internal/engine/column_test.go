package engine

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Vectors as DuckDB may give them, though its results do not: ranges that start anywhere, lists that are out of order and
// share elements, values under a NULL that were never written.
func TestColumnRanges(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	const n = 500
	elems := make([]int64, n)
	for i := range elems {
		elems[i] = int64(i) * 3
	}
	for round := range 50 {
		var elemOK, listOK [n/64 + 1]uint64
		entries := make([]entry, n)
		for i := range n {
			if rnd.IntN(5) > 0 || round == 0 {
				elemOK[i>>6] |= 1 << (i & 63)
			}
			if rnd.IntN(4) == 0 {
				entries[i] = entry{1 << 40, 1 << 40} // NULL: never to be read
				continue
			}
			listOK[i>>6] |= 1 << (i & 63)
			o := rnd.IntN(n)
			entries[i] = entry{uint64(o), uint64(rnd.IntN(min(90, n-o)))}
			if i > 0 && entries[i-1].offset < n && rnd.IntN(2) == 0 { // next to the one before
				o = int(entries[i-1].offset + entries[i-1].length)
				entries[i] = entry{uint64(o), uint64(rnd.IntN(n - o + 1))}
			}
		}
		v := view{data: unsafe.Pointer(&entries[0]), ok: unsafe.Pointer(&listOK[0]), children: []view{{data: unsafe.Pointer(&elems[0]), ok: unsafe.Pointer(&elemOK[0])}}}
		elem := &column{kind: kindFixed, typ: arrow.PrimitiveTypes.Int64, width: 8}
		c := &column{kind: kindList, typ: arrow.ListOf(elem.typ), children: []*column{elem}}
		var rows []int
		for range 20 {
			from := rnd.IntN(n)
			to := from + rnd.IntN(n-from+1)
			c.add(&v, from, to)
			for i := from; i < to; i++ {
				rows = append(rows, i)
			}
		}
		lists := array.MakeFromData(c.take()).(*array.List)
		vals := lists.ListValues().(*array.Int64)
		if lists.Len() != len(rows) {
			t.Fatalf("%d rows, want %d", lists.Len(), len(rows))
		}
		for k, i := range rows {
			if lists.IsNull(k) != (listOK[i>>6]>>(i&63)&1 == 0) {
				t.Fatalf("round %d: row %d (%d): NULL is %v", round, k, i, lists.IsNull(k))
			}
			if lists.IsNull(k) {
				continue
			}
			a, b := lists.ValueOffsets(k)
			if uint64(b-a) != entries[i].length {
				t.Fatalf("round %d: row %d has %d elements, want %d", round, k, b-a, entries[i].length)
			}
			for j := a; j < b; j++ {
				e := int(entries[i].offset) + int(j-a)
				if vals.IsNull(int(j)) != (elemOK[e>>6]>>(e&63)&1 == 0) || vals.Value(int(j)) != elems[e] {
					t.Fatalf("round %d: row %d, element %d: %v %d, want element %d", round, k, j-a, vals.IsNull(int(j)), vals.Value(int(j)), e)
				}
			}
		}
	}
}
