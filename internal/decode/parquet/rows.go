// Package parquet reads the rows of a Parquet object, each as the text of one JSON object, for the scanner of internal/decode.
//
// A row's keys are the columns' names, in the schema's order; what is NULL is left out. How the types of Parquet are written is
// in docs/formats.md, and in value.go. Rows are put together from the columns' levels as the Dremel paper has it, directly into
// text: what is in memory is one page of each column and one row, however large row groups are. What a page takes is counted against a
// budget before it is allocated (memory.go, pages.go, thrift.go).
//
// The bytes are nobody's friend: a Rows ends with a *Fault or has read every value that the footer promised.
package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"

	"github.com/silt-etl/silt/internal/decode/budget"
)

// Magic begins and ends every Parquet file.
const Magic = "PAR1"

const (
	encrypted    = "PARE" // ends a file whose footer is encrypted
	minFileBytes = 12     // magic, footer, its length, magic
	// maxFooterBytes is far above the footers of files with thousands of columns and row groups.
	maxFooterBytes = 32 << 20
	maxPageBytes   = 1<<31 - 1 // of a page, unpacked. The budget decides before
	streamBytes    = 64 << 10  // read at once, of each column
	leastStream    = 16 << 10  // the library looks for a page's header in so many bytes
	columnsStream  = 8 << 20   // read at once, of all columns, if there are many
)

// Fault is what is wrong with an object: its rows must not be used, not even those returned earlier.
type Fault struct{ Message string } // one line

func (f *Fault) Error() string { return f.Message }

func faultf(format string, args ...any) *Fault {
	text, _, _ := strings.Cut(fmt.Sprintf(format, args...), "\n")
	return &Fault{text}
}

// source is an object that keeps its read error, so that it is not taken for broken content.
type source struct {
	*io.SectionReader
	err error
}

func (s *source) ReadAt(p []byte, at int64) (int, error) {
	n, err := s.SectionReader.ReadAt(p, at)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// Rows reads one object, row group by row group. It is used by one goroutine at a time.
type Rows struct {
	src    source
	file   *file.Reader
	root   *node
	cols   []*column
	group  int   // the next row group
	left   int64 // rows of this one that are not yet read
	row    []byte
	o      Options
	mem    tracker
	base   int64 // bytes of the footer and the schema
	stream int   // read at once, of each column
	pool   *sync.Pool
	number int64 // rows read
	err    error // what Next returns from now on
}

// Options of Rows.
type Options struct {
	MaxRow int         // the longest row, in bytes of JSON
	Keep   int         // how many bytes are given of a longer row
	Memory *budget.Use // of footer, pages and dictionaries; nil: see budget.Use
}

// Open begins an object of size bytes. The error is a *Fault, a *budget.TooLarge, or r's own.
func Open(r io.ReaderAt, size int64, options Options) (*Rows, error) {
	o := &Rows{src: source{SectionReader: io.NewSectionReader(r, 0, size)}, o: options, mem: tracker{use: options.Memory}}
	o.pool = &sync.Pool{New: func() any { return memory.NewResizableBuffer(&o.mem) }}
	if err := o.checkEnds(size); err != nil {
		return nil, err
	}
	err := o.safely(func() error {
		props := parquet.NewReaderProperties(&o.mem)
		props.BufferedStreamEnabled = true
		props.BufferSize = int64(o.stream)
		props.MaxUncompressedPageSize = maxPageBytes
		props.MaxCompressedPageSize = size
		var err error
		if o.file, err = file.NewParquetReader(&o.src, file.WithReadProps(props)); err != nil {
			return faultf("the footer cannot be read: %s", plain(err))
		}
		return o.schema()
	})
	if err != nil {
		return nil, err
	}
	return o, nil
}

// checkEnds looks at the first and the last bytes.
func (o *Rows) checkEnds(size int64) error {
	if size == 0 {
		return faultf("the object is empty")
	}
	var head [4]byte
	var tail [8]byte
	if size >= minFileBytes {
		if _, err := o.src.ReadAt(head[:], 0); err != nil {
			return o.readError(err)
		}
		if _, err := o.src.ReadAt(tail[:], size-8); err != nil {
			return o.readError(err)
		}
	}
	footer := int64(binary.LittleEndian.Uint32(tail[:]))
	switch {
	case string(head[:]) == encrypted || string(tail[4:]) == encrypted:
		return faultf("its footer is encrypted, which is not supported")
	case string(head[:]) != Magic:
		return faultf("it does not begin with %s, so it is not a Parquet file", Magic)
	case string(tail[4:]) != Magic:
		return faultf("it does not end with %s: the object is truncated", Magic)
	case footer > size-minFileBytes || footer > maxFooterBytes:
		return faultf("a footer of %d bytes cannot be in a file of %d", footer, size)
	}
	return o.measure(size, footer)
}

// measure looks at the footer before the library reads it: lists of empty structs take a hundred times their bytes.
func (o *Rows) measure(size, footer int64) error {
	if err := o.mem.need(footer); err != nil {
		return err
	}
	b := make([]byte, footer)
	if _, err := o.src.ReadAt(b, size-8-footer); err != nil {
		return o.readError(err)
	}
	has, ok := measureFooter(b)
	switch {
	case !ok:
		return faultf("the footer cannot be read: it is damaged, or claims more than it has")
	case has.schema > maxNodes:
		return faultf("its schema has more than %d fields, or more than %d levels", maxNodes, maxDepth)
	}
	o.stream = int(max(leastStream, min(streamBytes, columnsStream/max(1, has.schema))))
	o.base = has.bytes(footer)
	return o.mem.need(o.base - footer)
}

// readError tells an object's own read error from a fault.
func (o *Rows) readError(err error) error {
	var f *Fault
	switch {
	case o.mem.err != nil:
		return o.mem.err
	case o.src.err != nil:
		return fmt.Errorf("read the object: %w", o.src.err)
	case err == nil, errors.Is(err, io.EOF), errors.As(err, &f):
		return err
	}
	return faultf("%s", plain(err))
}

// plain is a library's error without its own name in front, and not too long.
func plain(err error) string {
	text := strings.TrimPrefix(err.Error(), "parquet: ")
	return text[:min(len(text), 160)]
}

// safely turns a panic into a fault: the Parquet library panics on files that contradict themselves.
func (o *Rows) safely(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = o.readError(faultf("it is damaged: %.160s", fmt.Sprint(p)))
		}
	}()
	return o.readError(fn())
}

// Next returns the next row, valid until the next Next, and io.EOF after the last one. length is that of the row, of which only the first
// bytes are returned if it is longer than Options.MaxRow. Any other error is a *Fault, a *budget.TooLarge, or the object's own read error,
// wrapped.
func (o *Rows) Next() (row []byte, length int64, err error) {
	if o.err == nil {
		o.err = o.safely(func() error { length, err = o.next(); return err })
	}
	if o.err != nil {
		return nil, 0, o.err
	}
	o.number++
	return o.row, length, nil
}

func (o *Rows) next() (length int64, err error) {
	for o.left == 0 {
		if o.group > 0 {
			if err := o.ended(); err != nil {
				return 0, err
			}
		}
		if o.group == o.file.NumRowGroups() {
			if n := o.file.NumRows(); n != o.number {
				return 0, faultf("the footer says %d rows, but the row groups hold %d", n, o.number)
			}
			return 0, io.EOF
		}
		if err := o.begin(); err != nil {
			return 0, err
		}
	}
	if cap(o.row) > 4<<20 { // the memory of one long row is freed
		o.row = nil
	}
	a := assembler{cols: o.cols, most: o.o.MaxRow, keep: o.o.Keep}
	for i, c := range o.cols {
		if a.rep(i) != 0 {
			return 0, faultf("row %d: column %s does not begin a new row", o.number+1, c.name)
		}
	}
	o.row = a.group(o.row[:0], o.root)
	if a.err != nil {
		return 0, fmt.Errorf("row %d: %w", o.number+1, a.err)
	}
	o.left--
	length = a.gone + int64(len(o.row))
	if a.drop(o.row); a.head != nil {
		o.row = a.head
	}
	return length, nil
}

// begin opens the columns of the next row group.
func (o *Rows) begin() error {
	g := o.file.RowGroup(o.group)
	o.group++
	if g.NumRows() < 0 || g.NumColumns() != len(o.cols) {
		return faultf("row group %d has %d rows of %d columns, but the schema has %d columns", o.group, g.NumRows(), g.NumColumns(), len(o.cols))
	}
	o.mem.bytes = o.base // what the last row group had is free, or garbage
	if err := o.mem.need(int64(len(o.cols)) * (int64(o.stream) + batch*entryBytes)); err != nil {
		return err
	}
	for i, c := range o.cols {
		m, err := g.MetaData().ColumnChunk(i)
		if err != nil {
			return err
		}
		if m.FilePath() != "" {
			return faultf("column %s is in another file, %.80q", c.name, m.FilePath())
		}
		r, err := g.GetColumnPageReader(i)
		if err != nil {
			return faultf("column %s of row group %d: %s", c.name, o.group, plain(err))
		}
		//nolint:staticcheck // it is deprecated, but the only way to look at pages before they are decoded
		c.reader = file.NewColumnReader(o.file.MetaData().Schema.Column(i), &pages{PageReader: r, c: c, mem: &o.mem}, &o.mem, o.pool)
		c.restart(m.NumValues())
	}
	o.left = g.NumRows()
	return nil
}

// ended holds every column to the end of its row group.
func (o *Rows) ended() error {
	for _, c := range o.cols {
		more, err := c.more()
		if err != nil {
			return err
		}
		if more || c.seen != c.promised {
			return faultf("column %s of row group %d does not match the footer", c.name, o.group)
		}
		c.close()
	}
	return nil
}
