package decode

import (
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"github.com/silt-etl/silt/internal/decode/avro"
	"github.com/silt-etl/silt/internal/decode/budget"
	"github.com/silt-etl/silt/internal/decode/parquet"
	"github.com/silt-etl/silt/internal/decode/unpack"
)

// rowsFramer scans the records of binary files, each as the JSON object that a package of the format writes of it.
type rowsFramer struct {
	limits
	rows    objectRows
	s       *Scanner
	instead bool // the mapping's format is another, so that quarantine needs a context that tells the rows from its records
}

// objectRows are the records of one object after the other, as JSON. Of a record that is longer than limits.max, next gives the first bytes
// and the length. Its errors are those of jsonReader.next.
type objectRows interface {
	open(r io.Reader)
	next() (row []byte, length int64, err error)
}

// newRowsFramer returns what prepares to frame and scan objects of rows.
func newRowsFramer(rows func(Options) objectRows) func(*Spec, *Scanner, Options) framer {
	return func(_ *Spec, s *Scanner, o Options) framer {
		return &rowsFramer{limits: o.limits(), rows: rows(o), s: s}
	}
}

func newParquetRows(o Options) objectRows {
	return &parquetRows{limits: o.limits(), stop: o.Stopped, temp: o.TempDir, use: o.use}
}

func newAvroRows(o Options) objectRows {
	return &avroRows{limits: o.limits(), stop: o.Stopped, use: o.use}
}

// foundParquet is the error of a framer of text whose object turns out to be a Parquet file.
type foundParquet struct {
	in      io.Reader // its bytes
	refused error     // for formats that do not read it
}

func (f *foundParquet) Error() string { return "the object is a Parquet file" }

// enterRows reads the rows of a Parquet file in the place of records of the format.
func (d *Records) enterRows(p *foundParquet) error {
	if d.rows == nil {
		return p.refused
	}
	d.framer = d.rows
	in := p.in
	if at, ok := d.src.(interface {
		io.Reader
		io.ReaderAt
		io.Seeker
	}); ok {
		in = at
	}
	d.framer.open(in)
	return nil
}

// leaveRows returns to the framer of the format.
func (d *Records) leaveRows() {
	if d.framer != d.own {
		d.framer.open(nil)
		d.framer = d.own
	}
}

func (f *rowsFramer) open(r io.Reader) { f.rows.open(r) }

func (f *rowsFramer) next() (raw []byte, rej *Reject, err error) {
	raw, length, err := f.rows.next()
	if err != nil {
		return nil, nil, err
	}
	if length > int64(f.max) {
		return raw, f.longer(length, -1), nil
	}
	_, rej = f.s.scan(raw, utf8.Valid(raw))
	return raw, rej, nil
}

func (f *rowsFramer) kept(raw, _ []byte) *Reject { return keptObject(f.limits, f.s, raw) }

func (f *rowsFramer) context() []byte {
	if f.instead {
		return []byte(parquet.Magic)
	}
	return nil
}

func (f *rowsFramer) offset() int64 { return -1 }

// parquetRows are the rows of one object after the other.
type parquetRows struct {
	limits
	stop
	temp string
	use  *budget.Use
	src  io.Reader
	rows *parquet.Rows // nil: not yet begun
	file *os.File      // that the object was copied to, already removed
}

func (p *parquetRows) open(r io.Reader) {
	p.close()
	p.src = r
}

func (p *parquetRows) close() {
	if p.file != nil {
		p.file.Close()
	}
	p.src, p.rows, p.file = nil, nil, nil
}

func (p *parquetRows) next() (row []byte, length int64, err error) {
	if p.rows == nil {
		if p.src == nil {
			return nil, 0, io.EOF
		}
		if err := p.begin(); err != nil {
			p.close()
			return nil, 0, err
		}
	}
	if err := p.err(); err != nil {
		return nil, 0, fmt.Errorf("read the object: %w", err)
	}
	row, length, err = p.rows.Next()
	if err != nil {
		p.close()
		return nil, 0, p.fault(err)
	}
	return row, length, nil
}

func (p *parquetRows) fault(err error) error {
	var f *parquet.Fault
	if errors.As(err, &f) {
		return unreadable("Parquet: " + err.Error())
	}
	if large, ok := errors.AsType[*budget.TooLarge](err); ok {
		return &Reject{Code: ReasonTooLarge, Message: "Parquet: " + large.Error()}
	}
	return err
}

func (p *parquetRows) begin() error {
	at, ok := p.src.(interface {
		io.ReaderAt
		io.Seeker
	})
	if !ok {
		if err := p.copy(); err != nil {
			return err
		}
		at = p.file
	}
	size, err := at.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("read the object: %w", err)
	}
	var head [8]byte
	n, err := at.ReadAt(head[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the object: %w", err)
	}
	if kind := unpack.KindOf(head[:n]); kind != unpack.Plain && kind != unpack.Parquet {
		return unreadable(string(kind) + ": a Parquet file is compressed inside, page by page, and must not be compressed as a whole")
	}
	p.rows, err = parquet.Open(at, size, parquet.Options{MaxRow: p.max, Keep: p.kept, Memory: p.use})
	if err != nil {
		return p.fault(err)
	}
	return nil
}

// copy puts the object into a file without a name.
func (p *parquetRows) copy() error {
	f, err := os.CreateTemp(p.temp, "parquet-")
	if err != nil {
		return fmt.Errorf("copy the object to a temporary file: %w", err)
	}
	p.file = f
	if err := os.Remove(f.Name()); err != nil {
		return fmt.Errorf("copy the object to a temporary file: %w", err)
	}
	src := unpack.Source{R: &stoppable{p.src, p.stop}}
	switch _, err = io.Copy(f, &src); {
	case src.Err != nil:
		return fmt.Errorf("read the object: %w", src.Err)
	case err != nil:
		return fmt.Errorf("copy the object to a temporary file: %w", err)
	}
	return nil
}

// avroRows are the records of one Avro object after the other.
type avroRows struct {
	limits
	stop
	use  *budget.Use
	src  io.Reader
	rows *avro.Records // nil: not yet begun
}

func (a *avroRows) open(r io.Reader) {
	if a.rows != nil {
		a.rows.Close()
	}
	a.src, a.rows = r, nil
}

func (a *avroRows) next() (row []byte, length int64, err error) {
	if a.src == nil {
		return nil, 0, io.EOF
	}
	if err := a.err(); err != nil {
		return nil, 0, fmt.Errorf("read the object: %w", err)
	}
	if a.rows == nil {
		a.rows, err = avro.Open(&stoppable{a.src, a.stop}, avro.Options{MaxRecord: a.max, Keep: a.kept, Memory: a.use})
	}
	if err == nil {
		row, length, err = a.rows.Next()
	}
	if err != nil {
		a.open(nil)
		return nil, 0, a.fault(err)
	}
	return row, length, nil
}

func (a *avroRows) fault(err error) error {
	var f *avro.Fault
	if errors.As(err, &f) {
		return unreadable("Avro: " + err.Error())
	}
	if large, ok := errors.AsType[*budget.TooLarge](err); ok {
		return &Reject{Code: ReasonTooLarge, Message: "Avro: " + large.Error()}
	}
	return err
}
