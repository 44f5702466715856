// Package rowfile keeps rows of Arrow batches in a temporary file, and reads them back one by one in any order. Memory holds one row.
//
// It knows the types that engine.RowReader gives.
package rowfile

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// keepBytes is the size of a row's buffer that is kept for the next row.
const keepBytes = 1 << 20

// File of rows. Rows are added first, and then read.
type File struct {
	f    *os.File
	w    *bufio.Writer
	size int64
	buf  []byte
}

// Create makes a file that Close removes.
func Create(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("temp folder: %w", err)
	}
	return &File{f: f, w: bufio.NewWriterSize(f, 64<<10)}, nil
}

// Size is how many bytes a row of a batch takes.
func Size(b arrow.RecordBatch, row int) (int64, error) {
	var n counter
	err := writeRow(&n, b, row)
	return int64(n), err
}

// counter counts the bytes that are written to it.
type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

func (c *counter) WriteString(s string) (int, error) {
	*c += counter(len(s))
	return len(s), nil
}

// Add appends a row of a batch, and returns where it is.
func (f *File) Add(b arrow.RecordBatch, row int) (at int64, err error) {
	size, err := Size(b, row)
	if err != nil {
		return 0, err
	}
	at = f.size
	head := binary.AppendUvarint(nil, uint64(size))
	if _, err = f.w.Write(head); err == nil {
		err = writeRow(f.w, b, row)
	}
	if err != nil {
		return 0, fmt.Errorf("temp folder: %w", err)
	}
	f.size += int64(len(head)) + size
	return at, nil
}

// Flush ends the adding of rows.
func (f *File) Flush() error {
	if err := f.w.Flush(); err != nil {
		return fmt.Errorf("temp folder: %w", err)
	}
	return nil
}

// Read appends the row at a place to a builder of the batch's schema, and returns its bytes.
func (f *File) Read(at int64, to *array.RecordBuilder) (int, error) {
	var head [binary.MaxVarintLen64]byte
	k, err := f.f.ReadAt(head[:], at)
	size, n := binary.Uvarint(head[:k])
	if n <= 0 || at+int64(n)+int64(size) > f.size {
		return 0, fmt.Errorf("temp folder: the row at byte %d of %s is damaged (%w)", at, f.f.Name(), err)
	}
	if uint64(cap(f.buf)) < size {
		f.buf = make([]byte, size)
	}
	row := f.buf[:size]
	if _, err := f.f.ReadAt(row, at+int64(n)); err != nil {
		return 0, fmt.Errorf("temp folder: %w", err)
	}
	for _, b := range to.Fields() {
		if row, err = readValue(row, b); err != nil {
			return 0, fmt.Errorf("temp folder: the row at byte %d of %s: %w", at, f.f.Name(), err)
		}
	}
	f.shrink()
	return int(size), nil
}

func (f *File) shrink() {
	if cap(f.buf) > keepBytes {
		f.buf = nil
	}
}

// Close removes the file.
func (f *File) Close() {
	_ = f.f.Close() // nothing of it is needed any more
	os.Remove(f.f.Name())
}

// NewBuilder is a builder for the rows of a schema.
func NewBuilder(s *arrow.Schema) *array.RecordBuilder {
	return array.NewRecordBuilder(memory.DefaultAllocator, s)
}

const (
	isNull  = 0
	isValue = 1
)

// writer is what rows are written to.
type writer interface {
	io.Writer
	io.StringWriter
}

func writeRow(w writer, b arrow.RecordBatch, row int) error {
	for _, c := range b.Columns() {
		if err := writeValue(w, c, row); err != nil {
			return err
		}
	}
	return nil
}

func writeValue(w writer, a arrow.Array, i int) error {
	if a.IsNull(i) {
		return write(w, isNull)
	}
	if err := write(w, isValue); err != nil {
		return err
	}
	switch a := a.(type) {
	case *array.Boolean:
		if a.Value(i) {
			return write(w, 1)
		}
		return write(w, 0)
	case *array.String:
		v := a.Value(i)
		if err := writeLength(w, len(v)); err != nil {
			return err
		}
		_, err := w.WriteString(v)
		return err
	case *array.Map:
		return writeList(w, a, i)
	case *array.List:
		return writeList(w, a, i)
	case *array.Struct:
		for k := range a.NumField() {
			if err := writeValue(w, a.Field(k), i); err != nil {
				return err
			}
		}
		return nil
	}
	t, ok := a.DataType().(arrow.FixedWidthDataType)
	if !ok {
		return fmt.Errorf("rowfile: the type %s is not known", a.DataType())
	}
	n := t.Bytes()
	at := (a.Data().Offset() + i) * n
	return write(w, a.Data().Buffers()[1].Bytes()[at:at+n]...)
}

func write(w writer, b ...byte) error {
	_, err := w.Write(b)
	return err
}

func writeLength(w writer, n int) error {
	var b [binary.MaxVarintLen64]byte
	return write(w, b[:binary.PutUvarint(b[:], uint64(n))]...)
}

func writeList(w writer, a array.ListLike, i int) error {
	from, to := a.ValueOffsets(i)
	if err := writeLength(w, int(to-from)); err != nil {
		return err
	}
	for k := from; k < to; k++ {
		if err := writeValue(w, a.ListValues(), int(k)); err != nil {
			return err
		}
	}
	return nil
}

// readValue appends the first value of b to a builder, and returns what follows it.
func readValue(b []byte, to array.Builder) ([]byte, error) {
	if len(b) == 0 {
		return nil, errEnd
	}
	null := b[0] == isNull
	b = b[1:]
	if null {
		to.AppendNull()
		return b, nil
	}
	switch to := to.(type) {
	case *array.StringBuilder:
		n, k := binary.Uvarint(b)
		if k <= 0 || uint64(len(b)-k) < n {
			return nil, errEnd
		}
		to.BinaryBuilder.Append(b[k : k+int(n)])
		return b[k+int(n):], nil
	case *array.MapBuilder:
		to.Append(true)
		return readList(b, to.ValueBuilder())
	case *array.ListBuilder:
		to.Append(true)
		return readList(b, to.ValueBuilder())
	case *array.StructBuilder:
		to.Append(true)
		var err error
		for k := range to.NumField() {
			if b, err = readValue(b, to.FieldBuilder(k)); err != nil {
				return nil, err
			}
		}
		return b, nil
	}
	n := 1
	if t, ok := to.Type().(arrow.FixedWidthDataType); ok && to.Type().ID() != arrow.BOOL {
		n = t.Bytes()
	}
	if len(b) < n {
		return nil, errEnd
	}
	return b[n:], appendFixed(to, b[:n])
}

func readList(b []byte, to array.Builder) ([]byte, error) {
	n, k := binary.Uvarint(b)
	if k <= 0 {
		return nil, errEnd
	}
	b = b[k:]
	var err error
	for range n {
		if b, err = readValue(b, to); err != nil {
			return nil, err
		}
	}
	return b, nil
}
