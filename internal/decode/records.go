package decode

import (
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"github.com/silt-etl/silt/internal/decode/parquet"
)

// Records reads an object's records and scans each. It is used by one goroutine at a time and kept from object to object.
type Records struct {
	r      *Reader
	framed Framed // instead of r
	s      *Scanner
	text   *textScanner // nil: JSON
	env    *envelope    // nil: documents are records
	rows   *parquetRows // nil: they are not rows of Parquet
	begun  bool         // a record of the object was read
	line   []byte       // what is left of a framed record with several values glued together
	valid  bool         // it is UTF-8
	number int64
}

// NewRecords prepares to read what the spec asks for; keys are shared with the other Records of a run.
func NewRecords(spec *Spec, keys *Keys, o Options) *Records {
	d := &Records{r: newReader(&spec.Format, o), s: NewScanner(spec, keys)}
	if spec.Format.Text() {
		d.text = newTextScanner(&spec.Format, d.s, d.r.csv)
	}
	if spec.Format.Records != nil {
		d.env = &envelope{path: spec.Format.Records, at: -1}
	}
	if spec.Format.Name == FormatParquet {
		d.rows = &parquetRows{temp: o.TempDir, held: d.r.held}
	}
	return d
}

// Open goes on with another object. It reads nothing yet. Parquet is read where it lies if r is an io.ReaderAt and an io.Seeker,
// too; otherwise it is copied to Options.TempDir.
func (d *Records) Open(r io.Reader) {
	d.r.Reset(r)
	if d.rows != nil {
		d.rows.open(r)
	}
	d.line, d.number, d.framed, d.begun = nil, 0, nil, false
	if d.text != nil {
		d.text.open()
	}
	if d.env != nil {
		d.env.at, d.env.context = -1, nil
	}
}

// Framed gives records that were framed before, with the numbers and the context they had then, ascending; io.EOF after the
// last. raw and context are valid until the next call.
type Framed interface {
	Next() (number int64, raw, context []byte, err error)
}

// OpenFramed goes on with records that need no framing, as quarantine keeps them: their bytes may hold newlines, and stay one
// record each.
func (d *Records) OpenFramed(f Framed) { d.framed = f }

func (d *Records) nextFramed() (number int64, raw []byte, rej *Reject, err error) {
	number, raw, context, err := d.framed.Next()
	if err != nil {
		return 0, nil, nil, err
	}
	if d.text != nil {
		if rej = d.text.framed(raw, context); rej == nil {
			rej = d.r.tooLong(raw)
		}
		if rej == nil {
			rej = d.text.scan(raw)
		}
		return number, raw, rej, nil
	}
	if rej = d.r.tooLong(raw); rej != nil {
		return number, raw, rej, nil
	}
	if d.env != nil {
		if len(context) == 0 {
			return number, raw, d.env.missing(), nil
		}
		d.env.more, d.env.context = true, append(d.env.context[:0], context...)
		if p := (parser{b: context}); p.skip(p.ws(0)) < 0 || context[p.ws(0)] != '{' {
			return number, raw, &Reject{Code: ReasonJSON, Message: "the envelope that was kept with the record cannot be read"}, nil
		}
		return number, raw, d.scanElement(raw), nil
	}
	n, rej := d.s.scan(raw, utf8.Valid(raw))
	if rej == nil && n < len(raw) {
		rej = &Reject{Code: ReasonJSON, Message: "something follows the object"}
	}
	return number, raw, rej, nil
}

// Context is what of the object besides raw is needed to read the record that Next returned: the header line of a CSV
// object that has one, the document that a record lies in with null in the place of Format.Records. It is nil mostly, and
// valid until the next Next.
func (d *Records) Context() []byte {
	if d.env != nil {
		return d.env.context
	}
	if d.text == nil {
		return nil
	}
	return d.text.header
}

// Values are the leaves of the record that Next returned, as Scanner.Values has it.
func (d *Records) Values() []Value { return d.s.values }

// Rest is what that record holds besides, as Scanner.Rest has it.
func (d *Records) Rest() []byte { return d.s.rest }

// Misfits are the numbers of its leaves whose value did not fit, as Scanner.Misfits has it.
func (d *Records) Misfits() []int { return d.s.misfits }

// Next reads the next record. number counts them from 1 in the order of the object, rejected ones included, and depends on
// nothing but the object's bytes and Options. raw is the record without the blanks around it, valid until the next Next.
// Without a Reject, Values, Rest and Misfits are the record's. err is io.EOF after the last record, otherwise as Reader.Next
// has it: the records read so far are then not to be used either.
//
// Where a line holds several objects glued together, each is a record; from the first on that is broken, the rest of the
// line is one.
func (d *Records) Next() (number int64, raw []byte, rej *Reject, err error) {
	if d.framed != nil {
		return d.nextFramed()
	}
	if d.text != nil {
		return d.nextText()
	}
	if d.env != nil {
		return d.nextElement()
	}
	if d.rows != nil {
		return d.nextRow()
	}
	if len(d.line) == 0 {
		rec, err := d.r.Next()
		if err != nil {
			return 0, nil, nil, err
		}
		if rec.Reject != nil {
			d.number++
			return d.number, rec.Bytes, rec.Reject, nil
		}
		d.line, d.valid = rec.Bytes, utf8.Valid(rec.Bytes)
	}
	n, rej := d.s.scan(d.line, d.valid)
	raw, d.line = d.line[:n], d.line[n:]
	if len(d.line) > 0 { // a framed record ends without blanks, what is glued to it need not
		raw = trimRight(raw)
	}
	d.number++
	return d.number, raw, rej, nil
}

// nextText is Next for records that are text.
func (d *Records) nextText() (number int64, raw []byte, rej *Reject, err error) {
	for {
		rec, err := d.r.Next()
		if err != nil {
			return 0, nil, nil, err
		}
		rej := rec.Reject
		if rej == nil {
			is, none := d.text.isHeader(rec.Bytes, !d.begun)
			if none != nil {
				return 0, nil, nil, none
			}
			d.begun = true
			if is {
				continue
			}
			rej = d.text.scan(rec.Bytes)
		} else if !d.begun {
			d.begun = true
			if d.text.f.Header == HeaderYes && d.text.csv != nil {
				return 0, nil, nil, &Reject{Code: ReasonHeader, Message: "the first record must be a header, and cannot be read: " + rej.Message}
			}
		}
		d.number++
		return d.number, rec.Bytes, rej, nil
	}
}

// parquetRows are the rows of one object after the other.
type parquetRows struct {
	temp string
	held int // bytes of a row at most, see MaxRejectBytes
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

// next is the next row. Errors are as of Reader.Next.
func (p *parquetRows) next() ([]byte, error) {
	if p.rows == nil {
		if p.src == nil {
			return nil, io.EOF
		}
		if err := p.begin(); err != nil {
			p.close()
			return nil, err
		}
	}
	row, err := p.rows.Next()
	if err != nil {
		p.close()
		return nil, p.fault(err)
	}
	return row, nil
}

func (p *parquetRows) fault(err error) error {
	var f *parquet.Fault
	if errors.As(err, &f) {
		return unreadable("Parquet: " + err.Error())
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
		return fmt.Errorf("reading the object: %w", err)
	}
	var head [8]byte
	n, err := at.ReadAt(head[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the object: %w", err)
	}
	if kind := packing(head[:n]); kind != "" && kind != parquetKind {
		return unreadable(kind + ": Parquet is packed inside, page by page, and not as a whole")
	}
	p.rows, err = parquet.Open(at, size, p.held)
	if err != nil {
		return p.fault(err)
	}
	return nil
}

// copy puts the object into a file without a name.
func (p *parquetRows) copy() error {
	f, err := os.CreateTemp(p.temp, "parquet-")
	if err != nil {
		return fmt.Errorf("temp folder: %w", err)
	}
	p.file = f
	if err := os.Remove(f.Name()); err != nil {
		return fmt.Errorf("temp folder: %w", err)
	}
	src := source{r: p.src}
	switch _, err = io.Copy(f, &src); {
	case src.err != nil:
		return fmt.Errorf("reading the object: %w", src.err)
	case err != nil:
		return fmt.Errorf("temp folder: %w", err)
	}
	return nil
}

// nextRow is Next for rows of Parquet.
func (d *Records) nextRow() (number int64, raw []byte, rej *Reject, err error) {
	raw, err = d.rows.next()
	if err != nil {
		return 0, nil, nil, err
	}
	d.number++
	if rej = d.r.tooLong(raw); rej == nil {
		_, rej = d.s.scan(raw, utf8.Valid(raw))
	}
	return d.number, raw, rej, nil
}
