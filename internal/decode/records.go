package decode

import (
	"io"

	"github.com/silt-etl/silt/internal/decode/budget"
	"github.com/silt-etl/silt/internal/decode/looks"
	"github.com/silt-etl/silt/internal/decode/parquet"
)

// Records reads an object's records and scans each. One goroutine uses it at a time, and keeps it from object to object.
type Records struct {
	framer framer
	own    framer         // of the spec's format
	rows   *parquetFramer // of objects that are Parquet files instead; nil: the format has no names of columns to read them by
	framed Framed         // instead of an object's bytes; nil: there is an object
	s      *Scanner
	format string
	use    *budget.Use
	number int64 // of the last record, in its member
	err    error // what Next returns from now on

	src     io.Reader
	stop    stop
	members *members // of the archive that is open; nil: it is not one
	only    map[int64]bool
}

// NewRecords prepares to read what the spec asks for; keys are shared with the other Records of a run.
func NewRecords(spec *Spec, keys *Keys, o Options) *Records {
	s := NewScanner(spec, keys)
	s.redactor.SetKey(o.HashKey)
	o.use = o.Memory.NewUse(o.Stopped)
	own := newFramer(spec, s, o)
	d := &Records{framer: own, own: own, s: s, format: string(spec.Format.Name), use: o.use, stop: o.Stopped}
	if spec.Format.Name == FormatCSV {
		d.rows = &parquetFramer{rows: newParquetRows(o), s: s, instead: true}
	}
	return d
}

// Open begins another object. It reads nothing yet. Parquet and zip are read in place if r is also an io.ReaderAt and an io.Seeker;
// otherwise they are copied to Options.TempDir.
func (d *Records) Open(r io.Reader) {
	d.leaveArchive()
	d.leaveRows()
	d.framer.open(r)
	d.use.Release()
	d.number, d.framed, d.err, d.src, d.only = 0, nil, nil, r, nil
}

// OpenMembers is Open for some members of an archive, by their numbers. Next passes over the others.
func (d *Records) OpenMembers(r io.Reader, only map[int64]bool) {
	d.Open(r)
	d.only = only
}

// Framed gives records that were framed before, with the numbers and the context they had then, ascending; io.EOF after the
// last. raw and context are valid until the next call. It may have methods Offset and Member, as Records has, and a method Reject, which
// says why the framing refused the record or a member.
type Framed interface {
	Next() (number int64, raw, context []byte, err error)
}

// OpenFramed reads records that quarantine kept. They are not framed again: their bytes may hold newlines, and stay one record
// each.
func (d *Records) OpenFramed(f Framed) { d.framed = f }

// Close ends the object that is open, and frees what it needs. Next does it at the end of an object.
func (d *Records) Close() {
	d.leaveArchive()
	d.leaveRows()
	d.framer.open(nil)
	d.use.Release()
}

// Next reads the next record. number counts them from 1 in the order of the object, rejected ones included, and depends on
// nothing but the object's bytes and Options. Of an archive, it is the number of a member and that of a record in it: see Place. raw is
// the record without the blanks around it, valid until the next Next. Without a Reject, Values, Rest and Misfits are the record's.
//
// A Reject of record 0 refuses a member: the records of it that were read so far must not be used. The next record is of another member.
//
// err is io.EOF after the last record. After any other error, the records read so far must not be used either: a *Reject refuses
// the object, with ReasonUnpack if it cannot be unpacked, with ReasonTooLarge if it needs more than Options.Memory, or with
// ReasonHeader. Other errors are the object's own read error, wrapped.
func (d *Records) Next() (number int64, raw []byte, rej *Reject, err error) {
	if d.framed != nil {
		number, raw, context, err := d.framed.Next()
		if err != nil {
			return 0, nil, nil, err
		}
		if f, ok := d.framed.(interface{ Reject() *Reject }); ok && f.Reject() != nil {
			return number, raw, f.Reject(), nil
		}
		if d.rows != nil && string(context) == parquet.Magic {
			return number, raw, d.rows.kept(raw, nil), nil
		}
		return number, raw, d.own.kept(raw, context), nil
	}
	if d.err != nil {
		return 0, nil, nil, d.err
	}
	for {
		if rej, err = d.nextMember(); err == nil && rej == nil {
			raw, rej, err = d.framer.next()
			if err == nil {
				break
			}
			rej, err = d.ended(err)
		}
		if err != nil {
			d.err = err
			d.Close()
			return 0, nil, nil, err
		}
		if rej != nil {
			return d.members.number(0), nil, rej, nil
		}
	}
	if rej != nil {
		d.hint(raw, rej)
	}
	d.number++
	return d.members.number(d.number), raw, rej, nil
}

// hint adds to the message of a record that is not of the format what it looks like.
func (d *Records) hint(raw []byte, rej *Reject) {
	switch rej.Code {
	case ReasonJSON, ReasonXML, ReasonNoMatch, ReasonQuote, ReasonColumns:
		rej.Message += looks.Hint(d.format, raw)
	}
}

// Context is what is needed, in addition to raw, to read the record that Next returned: the header line of a CSV
// object that has one, the first bytes of a Parquet file that is read instead of CSV, or the document around a record with null in
// the place of Format.Records. It is nil for other records, and valid until the next Next.
func (d *Records) Context() []byte { return d.framer.context() }

// Object is the record that Next returned as a JSON object, for formats that are not text; raw is what Next gave. It is valid as Values are.
func (d *Records) Object(raw []byte) []byte {
	if f, ok := d.framer.(interface{ object() []byte }); ok {
		return f.object()
	}
	return raw
}

// Member is the name of the member that the record is of, or that was refused; "": the object is not an archive.
func (d *Records) Member() string {
	if d.framed == nil {
		return d.members.name()
	}
	if f, ok := d.framed.(interface{ Member() string }); ok {
		return f.Member()
	}
	return ""
}

// Offset is where that record begins in the unpacked object or member, in bytes; -1: not known.
func (d *Records) Offset() int64 {
	if d.framed == nil {
		return d.framer.offset()
	}
	if f, ok := d.framed.(interface{ Offset() int64 }); ok {
		return f.Offset()
	}
	return -1
}

// Values are the leaves of the record that Next returned, in the order of Spec.Leaves. They are valid until the next Next.
func (d *Records) Values() []Value { return d.s.values }

// Rest is what else that record holds, in the form that EntryEnd describes. It is valid as Values are.
func (d *Records) Rest() []byte { return d.s.rest }

// Misfits are the numbers of its leaves whose value did not fit their Kind, in the record's order. They are valid as Values are.
func (d *Records) Misfits() []int { return d.s.misfits }

// Redacted are the numbers of the rules of Spec.Redact that met a value in that record. They are valid as Values are.
func (d *Records) Redacted() []int { return d.s.redactor.Hits() }
