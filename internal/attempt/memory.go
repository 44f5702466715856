package attempt

import (
	"math"
	"runtime"
	"sync/atomic"
)

// engineThreadBytes is what DuckDB needs for each thread that sorts: blocks that are pinned while rows of all columns are written to them.
const engineThreadBytes = 128 << 20

// memory is what the parts of an attempt may hold, in bytes, and how many threads share it. All of it is derived from
// Options.MemoryBytes. The rest of it is for Go's garbage, and for the program itself.
type memory struct {
	engine  int64 // DuckDB's memory_limit
	threads int   // of DuckDB and the writer
	chunk   int64 // texts that a cursor gives to DuckDB at once. One record may have more
	batch   int64 // a batch of rows that DuckDB returns
	rejects int64 // numbers of rejected records. More are sorted in the temp folder
	order   int64 // places of rows, if DuckDB does not sort them. More are sorted in the temp folder
	// Windows of zstd and pages of Parquet: of several objects together, and of one object that needs more than its part of that.
	readers, reader int64
	rowGroup        int64 // compressed, of the open Parquet file
	page            int   // of an open column of it
	// wideRow is the width from which rows count as wide. DuckDB's sort gives 2,048 rows at once to each thread, in memory that it does
	// not count, so that it does not sort rows if wide ones have more than wideSum together.
	wideRow, wideSum int64
	guarded          int64 // what guarded expressions may take for a chunk. One record may take more
}

func (o *Options) memory() memory {
	m := memory{engine: o.MemoryBytes / 2}
	if m.threads = o.Threads; m.threads <= 0 {
		m.threads = runtime.NumCPU()
	}
	m.threads = min(m.threads, max(1, int(m.engine/engineThreadBytes)))
	m.chunk = between(256<<10, m.engine/int64(64*m.threads), 16<<20)
	m.batch = between(1<<20, o.MemoryBytes/64, 16<<20)
	m.rejects = between(64<<10, o.MemoryBytes/256, 16<<20)
	m.order = between(256<<10, o.MemoryBytes/64, 64<<20)
	m.readers, m.reader = o.MemoryBytes/16, o.MemoryBytes/8
	m.rowGroup = between(4<<20, o.MemoryBytes/32, 64<<20)
	m.page = int(between(128<<10, o.MemoryBytes/1024, 768<<10))
	m.wideSum = m.engine / 8
	m.wideRow = m.wideSum / int64(1024*(m.threads+1))
	m.guarded = guardedChunk(m)
	return m
}

// wide is the memory of an attempt whose rows are wide: DuckDB projects them one after the other, and the attempt sorts them.
func (m memory) wide() memory {
	m.threads = 1
	m.wideSum = 0
	m.guarded = guardedChunk(m)
	m.batch = min(m.batch, 4<<20)
	return m
}

// tooWide counts a row. It says whether the wide rows so far are too many, or too wide, for DuckDB's sort.
func (m memory) tooWide(width int64, sum *atomic.Int64) bool {
	return m.wideSum > 0 && width > m.wideRow && (sum.Add(width) > m.wideSum || width > m.wideSum/8)
}

// guardedChunk is for one of the threads, together a sixteenth of limits.memory.
func guardedChunk(m memory) int64 { return between(32<<20, m.engine/int64(8*m.threads), 256<<20) }

// packedRows is how many rows of a table DuckDB computes an expression for.
const packedRows = 2048

// tooMuch counts a row that takes a part of a chunk's room. It says whether packedRows rows may take much more than a chunk may: all that
// take more than their part may be together, and the others together fit.
func tooMuch(takes float64, sum *atomic.Int64) bool {
	const million = 1e6
	return takes*packedRows > 1 && (takes > 1 || sum.Add(int64(math.Ceil(takes*million))) > million)
}

func between(least, n, most int64) int64 { return max(least, min(n, most)) }
