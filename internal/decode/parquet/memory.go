package parquet

import (
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/silt-etl/silt/internal/decode/budget"
)

// Bytes that a file takes, as estimates: the library does not say.
const (
	structBytes  = 320     // of a struct of the footer
	elementBytes = 16      // of an element of a list in it
	fieldBytes   = 1 << 10 // of a field of the schema, with what is made of it here
	entryBytes   = 24      // of an entry of a batch or dictionary
)

// tracker counts what an object takes of its budget. It is an allocator: the library allocates pages with it.
type tracker struct {
	use   *budget.Use
	bytes int64
	err   error // the first refusal
}

var _ memory.Allocator = (*tracker)(nil)

// refused is the panic with which an allocation ends. Rows.safely turns it into tracker.err.
type refused struct{ error }

// need takes so many bytes more. It fails before they are allocated.
func (t *tracker) need(bytes int64) error {
	t.bytes = max(0, t.bytes+bytes)
	if err := t.use.Need(t.bytes, "memory for pages"); err != nil {
		if t.err == nil {
			t.err = err
		}
		return err
	}
	return nil
}

func (t *tracker) must(bytes int64) {
	if err := t.need(bytes); err != nil {
		panic(refused{err})
	}
}

// Allocate implements memory.Allocator.
func (t *tracker) Allocate(size int) []byte {
	t.must(int64(size))
	b := memory.DefaultAllocator.Allocate(size)
	t.bytes += int64(cap(b) - size)
	return b
}

// Reallocate implements memory.Allocator.
func (t *tracker) Reallocate(size int, b []byte) []byte {
	had := cap(b)
	t.must(int64(size - had))
	b = memory.DefaultAllocator.Reallocate(size, b)
	t.bytes += int64(cap(b) - size)
	return b
}

// Free implements memory.Allocator.
func (t *tracker) Free(b []byte) {
	t.bytes = max(0, t.bytes-int64(cap(b)))
	memory.DefaultAllocator.Free(b)
}
