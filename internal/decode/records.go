package decode

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/silt-etl/silt/internal/capture"
	"github.com/silt-etl/silt/internal/decode/archive"
	"github.com/silt-etl/silt/internal/decode/budget"
	"github.com/silt-etl/silt/internal/decode/looks"
	"github.com/silt-etl/silt/internal/decode/parquet"
	"github.com/silt-etl/silt/internal/decode/unpack"
)

// Records reads an object's records and scans each. One goroutine uses it at a time, and keeps it from object to object.
type Records struct {
	framer framer
	own    framer      // of the spec's format
	rows   *rowsFramer // of objects that are Parquet files instead; nil: the format has no names of columns to read them by
	framed Framed      // instead of an object's bytes; nil: there is an object
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
		d.rows = &rowsFramer{limits: o.limits(), rows: newParquetRows(o), s: s, instead: true}
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

// Documents is how many documents Format.Events has split, also those of which no event came. It grows from object to object, and is 0
// without Format.Events.
func (d *Records) Documents() int64 {
	if f, ok := d.framer.(interface{ documents() int64 }); ok {
		return f.documents()
	}
	return 0
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

// memberShift is how many bits of a record's number count the records of one member.
const memberShift = 40

// Place splits the number of a record: the number of its member in the archive, from 1, and of the record in the member, from 1. The
// member is 0 if the object is not an archive. The record is 0 for the member, or the object, as a whole.
func Place(number int64) (member, record int64) {
	return number >> memberShift, number & (1<<memberShift - 1)
}

// NumberOf is the number of a record at a place.
func NumberOf(member, record int64) int64 { return member<<memberShift | record }

// PlaceText names a record by its number and the name of its member, for a message.
func PlaceText(number int64, name string) string {
	member, record := Place(number)
	switch {
	case member == 0:
		return fmt.Sprintf("record %d", record)
	case record == 0:
		return "member " + name
	}
	return fmt.Sprintf("member %s, record %d", name, record)
}

// Captures gives the values of `key` for a record: captures of the object's key, in the order of columns, and for a member of an archive its
// name, unless the key has a capture called member, and what Member takes from it, which is used instead of a capture of the same name.
func (f *Format) Captures(member string, columns []string, captures []*string) []*string {
	if member == "" || len(columns) == 0 {
		return captures
	}
	all := make([]*string, len(columns))
	copy(all, captures)
	set := func(name, value string) {
		for i, c := range columns {
			if strings.EqualFold(c, name) && (name != capture.Member || all[i] == nil) {
				all[i] = &value
			}
		}
	}
	set(capture.Member, member)
	if f.Member != nil {
		if values := f.Member.Match(member); values != nil {
			for i, name := range f.Member.Names() {
				set(name, values[i])
			}
		}
	}
	return all
}

// foundArchive is the error of a framer whose object turns out to be an archive.
type foundArchive struct {
	kind  string
	in    io.Reader      // its bytes: of zip as they are, of tar unpacked
	outer *unpack.Reader // of tar; the window has a new one
	w     *window
}

func (a *foundArchive) Error() string { return a.kind + " is an archive" }

// inside refuses an archive that is a member of another.
func (a *foundArchive) inside(outer string) string {
	return a.kind + " inside of " + outer + ": archives inside of archives are not supported"
}

// beginTar leaves the bytes that the window has unpacked to who reads the members.
func (w *window) beginTar() error {
	a := &foundArchive{kind: "tar", outer: w.un, in: io.MultiReader(bytes.NewReader(bytes.Clone(w.buf[w.p:w.n])), w.un), w: w}
	if packed := w.un.Kind(); packed != unpack.Plain {
		a.kind += " inside of " + string(packed)
	}
	w.un = &unpack.Reader{Memory: w.un.Memory, Stopped: w.stop}
	return a
}

// members are those of one archive.
type members struct {
	*foundArchive
	reader archive.Reader
	file   tempFile // a copy of the object
	open   bool     // a member is
	last   *archive.Member
	body   body
}

// body is a member's bytes. It keeps their error.
type body struct {
	io.Reader
	err error
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && err != io.EOF { // an error that wraps io.EOF is a failed read, not the end
		b.err = err
	}
	return n, err
}

// number of a record of the member that is open. Without an archive, it is record.
func (m *members) number(record int64) int64 {
	if m == nil || m.last == nil {
		return record
	}
	return NumberOf(m.last.Number, record)
}

func (m *members) name() string {
	if m == nil || m.last == nil {
		return ""
	}
	return m.last.Name
}

// read begins to read the members. src is the object if it can be read in place; file is a copy of it, if one is needed.
func (a *foundArchive) read(src io.Reader, b archive.Bounds) (r archive.Reader, file tempFile, err error) {
	if a.outer != nil {
		b.Size = a.outer.Size
		return archive.OpenTar(a.in, b), file, nil
	}
	at, ok := src.(interface {
		io.ReaderAt
		io.Seeker
	})
	if !ok {
		if file, err = a.w.putAside(); err != nil {
			return nil, file, err
		}
		from := unpack.Source{R: &stoppable{a.in, b.Stopped}}
		if _, err = io.Copy(&file, &from); err != nil {
			if from.Err != nil {
				err = from.Err
			}
			return nil, file, err
		}
		at = file
	}
	size, err := at.Seek(0, io.SeekEnd)
	if err == nil {
		r, err = archive.OpenZip(at, size, b)
	}
	return r, file, err
}

// enterArchive opens an archive.
func (d *Records) enterArchive(a *foundArchive) (err error) {
	m := &members{foundArchive: a}
	d.members = m
	a.w.un.Member = true
	a.w.un.Given = func(n int) error { return m.reader.Given(n) }
	if a.outer != nil {
		a.w.un.Around(a.outer)
	}
	m.reader, m.file, err = a.read(d.src, archive.Bounds{Stopped: d.stop.err, Need: func(n int64) error {
		a.w.un.Held = n
		return d.use.Need(n, "the directory of a zip archive")
	}})
	return a.fault(err)
}

// leaveArchive ends the archive that is open, if there is one.
func (d *Records) leaveArchive() {
	if m := d.members; m != nil {
		m.file.close()
		m.w.un.Around(nil)
		m.w.un.Held, m.w.un.Member = 0, false
		if m.outer != nil {
			m.outer.Close()
		}
		d.members = nil
	}
}

// nextMember opens the next member of an archive if the last one has ended. A Reject refuses the member. Without an archive it does nothing.
func (d *Records) nextMember() (*Reject, error) {
	m := d.members
	for m != nil && !m.open {
		last, err := m.reader.Next()
		if err != nil {
			return nil, m.fault(err)
		}
		if m.last, d.number = last, 0; d.only != nil && !d.only[last.Number] {
			continue
		}
		switch {
		case last.Encrypted:
			return &Reject{Code: ReasonEncrypted, Message: last.Refused}, nil
		case last.Refused != "":
			return &Reject{Code: ReasonMember, Message: last.Refused}, nil
		}
		m.open, m.body = true, body{Reader: last.Body}
		d.framer.open(&m.body)
	}
	return nil, nil
}

// ended decides what follows an error of the framer. If it returns a Reject, the member is refused; if it returns an error, the object
// has ended or cannot be read. If it returns nil twice, the caller reads the next member of the archive.
func (d *Records) ended(err error) (*Reject, error) {
	m := d.members
	if m == nil {
		if a, ok := errors.AsType[*foundArchive](err); ok {
			return nil, d.enterArchive(a)
		}
		if p, ok := errors.AsType[*foundParquet](err); ok {
			return nil, d.enterRows(p)
		}
		return nil, err
	}
	m.open = false
	if errors.Is(err, io.EOF) && m.body.err == nil {
		if _, err = io.Copy(io.Discard, &m.body); err == nil { // its checksum
			return nil, nil
		}
	}
	d.framer.open(nil)
	if e := m.body.err; e != nil {
		if m.reader.ErrOfArchive(e) {
			return nil, m.fault(e)
		}
		return &Reject{Code: ReasonMember, Message: archive.Damage(e)}, nil
	}
	if _, ok := errors.AsType[*archive.Fault](err); ok {
		return nil, m.fault(err)
	}
	if a, ok := errors.AsType[*foundArchive](err); ok {
		if a.outer != nil { // the window reads the next member with it
			a.w.un = a.outer
		}
		return &Reject{Code: ReasonMember, Message: a.inside(m.kind)}, nil
	}
	var rej *Reject
	if !errors.As(err, &rej) {
		return nil, err
	}
	if rej.Code == ReasonUnpack {
		rej.Code = ReasonMember
	}
	return rej, nil
}

// fault is the error of the object for one of its archive.
func (a *foundArchive) fault(err error) error {
	if err == nil || err == io.EOF { //nolint:errorlint // an error that wraps io.EOF is a failed read, not the end
		return err
	}
	if f, ok := errors.AsType[*archive.Fault](err); ok {
		return unreadable(f.Message)
	}
	if rej, ok := errors.AsType[*Reject](unreadableFault(err)); ok {
		return rej
	}
	if a.outer != nil { // it has said what was read
		return err
	}
	return fmt.Errorf("read the object: %w", err)
}
