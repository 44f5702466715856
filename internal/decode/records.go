package decode

import (
	"io"
	"unicode/utf8"
)

// Records reads an object's records and scans each. It is used by one goroutine at a time and kept from object to object.
type Records struct {
	r      *Reader
	framed Framed // instead of r
	s      *Scanner
	line   []byte // what is left of a framed record with several values glued together
	valid  bool   // it is UTF-8
	number int64
}

// NewRecords prepares to read what the spec asks for; keys are shared with the other Records of a run.
func NewRecords(spec *Spec, keys *Keys, o Options) *Records {
	return &Records{r: newReader(o), s: NewScanner(spec, keys)}
}

// Open goes on with another object. It reads nothing yet.
func (d *Records) Open(r io.Reader) {
	d.r.Reset(r)
	d.line, d.number, d.framed = nil, 0, nil
}

// Framed gives records that were framed before, with the numbers they had then, ascending; io.EOF after the last. raw is
// valid until the next call.
type Framed interface {
	Next() (number int64, raw []byte, err error)
}

// OpenFramed goes on with records that need no framing, as quarantine keeps them: their bytes may hold newlines, and stay one
// record each.
func (d *Records) OpenFramed(f Framed) { d.framed = f }

func (d *Records) nextFramed() (number int64, raw []byte, rej *Reject, err error) {
	number, raw, err = d.framed.Next()
	if err != nil {
		return 0, nil, nil, err
	}
	if rej = d.r.tooLong(raw); rej != nil {
		return number, raw, rej, nil
	}
	n, rej := d.s.scan(raw, utf8.Valid(raw))
	if rej == nil && n < len(raw) {
		rej = &Reject{Code: ReasonJSON, Message: "something follows the object"}
	}
	return number, raw, rej, nil
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
