package lake

import (
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Writer makes one file of the lake. It is used by one goroutine. After an error of Write that is not one of the errors about
// the batch (*ValueTooWideError, *OrderError, *BatchError), the file is lost.
type Writer interface {
	// Write adds a batch of the flat columns that the Schema's nodes number. It does not keep the batch. A batch that cannot
	// be written as a whole is refused before any of it is written.
	Write(b arrow.RecordBatch) error
	// Bytes is about the size the file would have if it were closed now; a caller begins a new file above MaxFileBytes.
	Bytes() int64
	// Rows written so far.
	Rows() int64
	// Close ends the file. The io.Writer below stays open.
	Close() (FileStats, error)
}

// FileStats of a finished file.
type FileStats struct {
	Rows      int64
	Bytes     int64
	RowGroups int
	// MinTime and MaxTime are the first and the last row's `time`, epoch ms; 0 in a file without rows or without that column.
	MinTime, MaxTime int64
}

// WriterOptions of a file; the zero value is what the lake's files are written with.
type WriterOptions struct {
	// Threads encode columns side by side. 0: 1.
	Threads int
	// Level of zstd, 1 to 22. 0: 1, which takes 5 % less CPU of a whole run than 3. Files of network-firewall are 0.9 % larger with it,
	// those of windows-sysmon 5.7 % smaller, because most texts are in dictionaries before.
	Level int
	// PageBytes is the size, uncompressed, at which a data page ends. 0: 768 KiB. A single row that is wider makes a larger
	// page, never above MaxPageBytes.
	PageBytes int
	// RowGroupBytes is the compressed size at which a row group ends; so much memory is held. 0: 64 MiB.
	RowGroupBytes int64
	// RowGroupRows is the number of rows at which a row group ends. 0: 1,000,000.
	RowGroupRows int64
	// Version of Silt, for the file's created_by. "": 0.0.0.
	Version string
	// KeyValues are for the footer's metadata.
	KeyValues []KeyValue
}

func (o WriterOptions) withDefaults(pageBytes int) WriterOptions {
	if o.Threads <= 0 {
		o.Threads = 1
	}
	if o.Level <= 0 {
		o.Level = 1
	}
	if o.PageBytes <= 0 || o.PageBytes > pageBytes {
		o.PageBytes = pageBytes
	}
	if o.RowGroupBytes <= 0 || o.RowGroupBytes > MaxRowGroupBytes/4 {
		o.RowGroupBytes = MaxRowGroupBytes / 4
	}
	if o.RowGroupRows <= 0 {
		o.RowGroupRows = 1_000_000
	}
	if o.Version == "" {
		o.Version = "0.0.0"
	}
	return o
}

// createdBy has the form that parquet-mr parses: name, version, build.
func (o WriterOptions) createdBy() string { return "silt version " + o.Version + " (build silt)" }

// maxDictBytes caps a dictionary page, so that no last entry can bring it above MaxPageBytes.
const maxDictBytes = 512 << 10

// MaxValueBytes is the most that one row may have in one column: a value, or all elements of a list, or all keys or all
// values of a map, each with the 4 bytes of its length and 2 for its levels. One page must hold all of it.
const MaxValueBytes = MaxPageBytes - 4<<10

// maxRowBytes is the most that one row may have in all columns, so that no row group can become too large by one row.
const maxRowBytes = MaxRowGroupBytes / 2

// ValueTooWideError is a row that no page can hold.
type ValueTooWideError struct {
	Path  string // dotted; unmapped.key_value.value and the like inside maps; "" if all columns together are too wide
	Row   int    // in the batch
	Bytes int64  // as MaxValueBytes counts them
}

func (e *ValueTooWideError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("row %d has %d bytes; a row of a lake file can have at most %d", e.Row, e.Bytes, int64(maxRowBytes))
	}
	return fmt.Sprintf("%s has %d bytes in row %d; a Parquet page of the lake can hold at most %d", e.Path, e.Bytes, e.Row, int64(MaxValueBytes))
}

// OrderError is a row whose `time` is NULL or before the row above.
type OrderError struct {
	Row        int // in the batch
	Null       bool
	Time, Last int64
}

func (e *OrderError) Error() string {
	if e.Null {
		return fmt.Sprintf("row %d has no time: the projection must reject such records", e.Row)
	}
	return fmt.Sprintf("row %d has time %d after %d: rows of a lake file must be in order of time", e.Row, e.Time, e.Last)
}

// ErrClosed is what a closed Writer answers.
var ErrClosed = errors.New("the file is closed")

// TooWide finds the rows of a batch that Write would refuse, so that the caller can leave them out (into quarantine): one
// error for each such row, in order.
func TooWide(s *Schema, b arrow.RecordBatch) ([]*ValueTooWideError, error) {
	fl, err := newFileLayout(s)
	if err != nil {
		return nil, err
	}
	flat, err := fl.flatBatch(b)
	if err != nil {
		return nil, err
	}
	return fl.tooWide(flat), nil
}

func (fl *fileLayout) tooWide(flat *flatBatch) []*ValueTooWideError {
	var bad map[int]*ValueTooWideError
	note := func(e *ValueTooWideError) {
		if bad == nil {
			bad = map[int]*ValueTooWideError{}
		}
		if bad[e.Row] == nil {
			bad[e.Row] = e
		}
	}
	if flat.n == 0 {
		return nil
	}
	var total int64
	for _, f := range fl.leaves {
		if f.fixed || f.lookup != nil {
			continue
		}
		c := flat.cols[f.node.Column]
		spans(f.path, c, 0, flat.n, func(_ string, n int64) { total += n })
		wideRows(f.path, c, 0, flat.n, func(path string, i int, n int64) {
			if flat.masks[f.id].get(i) {
				note(&ValueTooWideError{path, i, n})
			}
		})
	}
	for i := 0; total > maxRowBytes && i < flat.n; i++ {
		if n := fl.rowBytes(flat, i, i+1); n > maxRowBytes {
			note(&ValueTooWideError{"", i, n})
		}
	}
	var es []*ValueTooWideError
	for i := 0; bad != nil && i < flat.n; i++ {
		if bad[i] != nil {
			es = append(es, bad[i])
		}
	}
	return es
}

// wideRows calls fn for each of the rows [a, b) that no page can hold, in the order of rows. It halves the rows, because all of a
// batch are seldom much wider than one row may be.
func wideRows(path string, c arrow.Array, a, b int, fn func(path string, row int, n int64)) {
	wide := false
	spans(path, c, a, b, func(_ string, n int64) { wide = wide || n > MaxValueBytes })
	switch {
	case !wide:
	case b-a == 1:
		spans(path, c, a, b, func(path string, n int64) {
			if n > MaxValueBytes {
				fn(path, a, n)
			}
		})
	default:
		wideRows(path, c, a, (a+b)/2, fn)
		wideRows(path, c, (a+b)/2, b, fn)
	}
}

// rowBytes is what the rows [a, b) have in all columns, plain.
func (fl *fileLayout) rowBytes(flat *flatBatch, a, b int) int64 {
	var total int64
	for _, f := range fl.leaves {
		if !f.fixed && f.lookup == nil {
			spans(f.path, flat.cols[f.node.Column], a, b, func(_ string, n int64) { total += n })
		}
	}
	return total
}

// spans calls fn with the plain bytes of the rows [a, b) in each column of the file that the array becomes, levels included.
func spans(path string, c arrow.Array, a, b int, fn func(path string, n int64)) {
	switch c := c.(type) {
	case *array.String:
		var n int64
		if a < b {
			o := c.ValueOffsets()
			n = int64(o[b] - o[a])
		}
		fn(path, n+6*int64(b-a))
	case *array.Map:
		s, e := listRange(c, a, b)
		kv := c.ListValues().(*array.Struct)
		fixed := 2 * int64(b-a)
		spans(path+".key_value.key", kv.Field(0), s, e, func(p string, n int64) { fn(p, n+fixed) })
		spans(path+".key_value.value", kv.Field(1), s, e, func(p string, n int64) { fn(p, n+fixed) })
	case *array.List:
		s, e := listRange(c, a, b)
		spans(path+".list.element", c.ListValues(), s, e, func(p string, n int64) { fn(p, n+2*int64(b-a)) })
	case *array.Struct:
		for i := range c.NumField() {
			spans(path+"."+c.DataType().(*arrow.StructType).Field(i).Name, c.Field(i), a, b, fn)
		}
	default:
		fn(path, 10*int64(b-a))
	}
}

// listRange is the elements of the rows [a, b).
func listRange(l array.ListLike, a, b int) (int, int) {
	if a >= b {
		return 0, 0
	}
	s, _ := l.ValueOffsets(a)
	_, e := l.ValueOffsets(b - 1)
	return int(s), int(e)
}

// order keeps a file in order of time.
type order struct {
	layout      *fileLayout
	first, last int64
	any         bool
}

// check refuses a batch that is not in order, without taking note of it; if it is, it returns the order after it.
func (o order) check(flat *flatBatch) (order, error) {
	if o.layout.time == nil {
		return o, nil
	}
	m := flat.masks[o.layout.time.id]
	var err error
	eachInt(flat.cols[o.layout.time.node.Column], func(i int, v int64) {
		switch {
		case err != nil:
			return
		case !m.get(i):
			err = &OrderError{Row: i, Null: true}
		case !o.any:
			o.first, o.any = v, true
		case v < o.last:
			err = &OrderError{Row: i, Time: v, Last: o.last}
		}
		o.last = v
	})
	return o, err
}

// admit reads a batch and gives the order after it, or says why it cannot be written.
func (fl *fileLayout) admit(b arrow.RecordBatch, o order) (*flatBatch, order, error) {
	flat, err := fl.flatBatch(b)
	if err != nil {
		return nil, o, err
	}
	if es := fl.tooWide(flat); len(es) > 0 {
		return nil, o, es[0]
	}
	next, err := o.check(flat)
	return flat, next, err
}
