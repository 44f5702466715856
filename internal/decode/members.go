package decode

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/silt-etl/silt/internal/capture"
	"github.com/silt-etl/silt/internal/decode/archive"
	"github.com/silt-etl/silt/internal/decode/unpack"
)

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

// ended says what an error of the framer means. A Reject refuses the member, and an error ends the object. Without them, reading continues
// with the first or the next member of an archive.
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
