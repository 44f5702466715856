// Package parquet reads the rows of a Parquet object, each as the text of one JSON object, for the scanner of internal/decode.
//
// A row's keys are the columns' names, in the schema's order; what is NULL is left out. How the types of Parquet are written is
// in docs/formats.md, and in value.go. Rows are put together from the columns' levels as the Dremel paper has it, directly into
// text: what is in memory is one page of each column and one row, however large row groups are.
//
// The bytes are nobody's friend: a Rows ends with a *Fault or has read every value that the footer promised.
package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
)

// Magic begins and ends every Parquet file.
const Magic = "PAR1"

const (
	encrypted    = "PARE" // ends a file whose footer is encrypted
	minFileBytes = 12     // magic, footer, its length, magic
	// maxFooterBytes is far above the footers of files with thousands of columns and row groups.
	maxFooterBytes = 32 << 20
	maxPageBytes   = 128 << 20 // of a page, unpacked
	streamBytes    = 64 << 10  // read at once, of each column
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
	most   int
	number int64 // rows read
	err    error // what Next returns from now on
}

// Open begins an object of size bytes. A row longer than maxRow bytes as JSON is a fault. The error is a *Fault, or
// r's own.
func Open(r io.ReaderAt, size int64, maxRow int) (*Rows, error) {
	o := &Rows{src: source{SectionReader: io.NewSectionReader(r, 0, size)}, most: maxRow}
	if err := o.checkEnds(size); err != nil {
		return nil, err
	}
	err := o.safely(func() error {
		props := parquet.NewReaderProperties(memory.DefaultAllocator)
		props.BufferedStreamEnabled = true
		props.BufferSize = streamBytes
		props.MaxUncompressedPageSize = maxPageBytes
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
	return nil
}

// readError tells an object's own read error from a fault.
func (o *Rows) readError(err error) error {
	var f *Fault
	switch {
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

// Next returns the next row, valid until the next Next, and io.EOF after the last one. Any other error is a *Fault, or the
// object's own read error, wrapped.
func (o *Rows) Next() ([]byte, error) {
	if o.err == nil {
		o.err = o.safely(o.next)
	}
	if o.err != nil {
		return nil, o.err
	}
	o.number++
	return o.row, nil
}

func (o *Rows) next() error {
	for o.left == 0 {
		if o.group > 0 {
			if err := o.ended(); err != nil {
				return err
			}
		}
		if o.group == o.file.NumRowGroups() {
			if n := o.file.NumRows(); n != o.number {
				return faultf("the footer says %d rows, but the row groups hold %d", n, o.number)
			}
			return io.EOF
		}
		if err := o.begin(); err != nil {
			return err
		}
	}
	if cap(o.row) > 4<<20 { // the memory of one long row is freed
		o.row = nil
	}
	a := assembler{cols: o.cols, most: o.most}
	for i, c := range o.cols {
		if a.rep(i) != 0 {
			return faultf("row %d: column %s does not begin a new row", o.number+1, c.name)
		}
	}
	o.row = a.group(o.row[:0], o.root)
	if len(o.row) > o.most {
		a.fail(faultf("it is longer than %d bytes", o.most))
	}
	if a.err != nil {
		return fmt.Errorf("row %d: %w", o.number+1, a.err)
	}
	o.left--
	return nil
}

// begin opens the columns of the next row group.
func (o *Rows) begin() error {
	g := o.file.RowGroup(o.group)
	o.group++
	if g.NumRows() < 0 || g.NumColumns() != len(o.cols) {
		return faultf("row group %d has %d rows of %d columns, but the schema has %d columns", o.group, g.NumRows(), g.NumColumns(), len(o.cols))
	}
	for i, c := range o.cols {
		m, err := g.MetaData().ColumnChunk(i)
		if err != nil {
			return err
		}
		if m.FilePath() != "" {
			return faultf("column %s is in another file, %.80q", c.name, m.FilePath())
		}
		if c.reader, err = g.Column(i); err != nil {
			return faultf("column %s of row group %d: %s", c.name, o.group, plain(err))
		}
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
