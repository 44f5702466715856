package engine

/*
#include <stdlib.h>
*/
import "C"

import (
	"encoding/binary"
	"unsafe"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// chunkRows is DuckDB's vector size, fixed when it is compiled; TestVectorSize holds it down.
const chunkRows = 2048

const (
	inlineText = 12      // a string_t holds up to so many bytes itself
	arenaBlock = 1 << 18 // bytes
	arenaKeep  = 4 << 20 // bytes an arena holds on to between two Fills
)

// Chunk is up to Cap rows of a Source, filled in DuckDB's own memory. A value that is set twice is the later one, except
// that a NULL stays; one that is not set is undefined, so a Cursor sets or nulls every wanted column of each row it reports.
// Writes to columns that are not wanted are dropped. A wrong type or a row beyond Cap panics, which ends the query.
type Chunk struct {
	cols  []slot
	arena arena
}

// slot is a column of a Chunk.
type slot struct {
	typ    Type
	wanted bool
	vec    bindings.Vector
	data   unsafe.Pointer
	valid  *[chunkRows / 64]uint64 // nil until the first NULL
}

// reset points the slots at the vectors of ck.
func (c *Chunk) reset(ck bindings.DataChunk, place []int) {
	c.arena.reset()
	for i, k := range place {
		if k < 0 {
			continue
		}
		s := &c.cols[k]
		s.vec = bindings.DataChunkGetVector(ck, bindings.IdxT(i))
		s.data = bindings.VectorGetData(s.vec)
		s.valid = nil
	}
}

// Cap is how many rows fit.
func (c *Chunk) Cap() int { return chunkRows }

// TextBytes is how many bytes of texts the rows so far have in memory of their own. A Cursor ends a chunk that has many: DuckDB copies and
// computes whole chunks.
func (c *Chunk) TextBytes() int64 { return c.arena.held }

// Wanted tells whether the statement reads a column.
func (c *Chunk) Wanted(col int) bool { return c.cols[col].wanted }

// SetNull makes a value NULL.
func (c *Chunk) SetNull(col, row int) {
	s := &c.cols[col]
	if !s.wanted {
		return
	}
	if s.valid == nil {
		bindings.VectorEnsureValidityWritable(s.vec)
		s.valid = (*[chunkRows / 64]uint64)(bindings.VectorGetValidity(s.vec))
	}
	s.valid[row>>6] &^= 1 << (row & 63)
}

// SetInt32 sets a value of an Integer column.
func (c *Chunk) SetInt32(col, row int, v int32) {
	if s := &c.cols[col]; s.wanted {
		s.must(s.typ == Integer)
		(*[chunkRows]int32)(s.data)[row] = v
	}
}

// SetInt64 sets a value of a BigInt column, or of a Timestamp one (microseconds).
func (c *Chunk) SetInt64(col, row int, v int64) {
	if s := &c.cols[col]; s.wanted {
		s.must(s.typ == BigInt || s.typ == Timestamp)
		(*[chunkRows]int64)(s.data)[row] = v
	}
}

// SetDouble sets a value of a Double column.
func (c *Chunk) SetDouble(col, row int, v float64) {
	if s := &c.cols[col]; s.wanted {
		s.must(s.typ == Double)
		(*[chunkRows]float64)(s.data)[row] = v
	}
}

// SetBool sets a value of a Boolean column.
func (c *Chunk) SetBool(col, row int, v bool) {
	if s := &c.cols[col]; s.wanted {
		s.must(s.typ == Boolean)
		(*[chunkRows]bool)(s.data)[row] = v
	}
}

// SetText sets a value of a Varchar column. It copies v, which must be valid UTF-8: DuckDB takes that for granted.
func (c *Chunk) SetText(col, row int, v []byte) {
	s := &c.cols[col]
	if !s.wanted {
		return
	}
	s.must(s.typ == Varchar)
	t := &(*[chunkRows]stringT)(s.data)[row]
	t.size = uint32(len(v))
	if len(v) <= inlineText {
		t.rest = [inlineText]byte{}
		copy(t.rest[:], v)
		return
	}
	copy(t.rest[:4], v)
	// As a number: a pointer store has a write barrier, which looks at what stood there before, and in DuckDB's memory that
	// is anything, also an address of Go's heap that is freed.
	binary.NativeEndian.PutUint64(t.rest[4:], uint64(uintptr(c.arena.hold(v))))
}

// stringT is DuckDB's string_t: the size, then the text itself, or its first 4 bytes and a pointer.
type stringT struct {
	size uint32
	rest [inlineText]byte
}

func (s *slot) must(ok bool) {
	if !ok {
		panic("a value was set with another type than its column has")
	}
}

// arena holds a chunk's longer texts in C memory, where DuckDB may point at them until the thread's next Fill: an operator
// that keeps rows longer copies them first.
type arena struct {
	blocks []block
	at     int
	used   int
	held   int64 // in all blocks
}

type block struct {
	p unsafe.Pointer
	n int
}

func (a *arena) hold(v []byte) unsafe.Pointer {
	for a.at < len(a.blocks) && a.used+len(v) > a.blocks[a.at].n {
		a.at++
		a.used = 0
	}
	if a.at == len(a.blocks) {
		n := max(arenaBlock, len(v))
		a.blocks = append(a.blocks, block{C.malloc(C.size_t(n)), n})
	}
	d := unsafe.Add(a.blocks[a.at].p, a.used)
	copy(unsafe.Slice((*byte)(d), len(v)), v)
	a.used += len(v)
	a.held += int64(len(v))
	return d
}

// reset releases what a chunk of long texts took beyond arenaKeep.
func (a *arena) reset() {
	sum := 0
	keep := a.blocks[:0]
	for _, b := range a.blocks {
		if sum+b.n > arenaKeep {
			C.free(b.p)
			continue
		}
		sum += b.n
		keep = append(keep, b)
	}
	clear(a.blocks[len(keep):])
	a.blocks = keep
	a.at, a.used, a.held = 0, 0, 0
}

func (a *arena) free() {
	for _, b := range a.blocks {
		C.free(b.p)
	}
	*a = arena{}
}
