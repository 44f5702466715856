package attempt

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/silt-etl/silt/internal/decode"
)

// spool keeps rejected records in a file until the attempt's end, so that memory stays bounded however many there are. The
// rejects of an object that turns out to be unreadable are removed: rewind goes back to the last mark.
type spool struct {
	path   string
	f      *os.File
	w      *bufio.Writer
	at     int64
	marked int64
	parts  []rejectedPart
	cut    bool // a record that was added is cut
	// members: a record that was added is of an archive
	members bool
}

// rejectedPart is where the rejects of one object are stored, so that all spools together can be read in the order of objects.
type rejectedPart struct {
	spool    *spool
	object   int
	from, to int64
}

func newSpool(path string) *spool { return &spool{path: path} }

func (s *spool) mark() { s.marked = s.at }

// keep ends the object that the last mark began.
func (s *spool) keep(object int) {
	if s.at > s.marked {
		s.parts = append(s.parts, rejectedPart{s, object, s.marked, s.at})
	}
}

// rewind removes what was added since the spool had so many bytes.
func (s *spool) rewind(to int64) error {
	if s.f == nil || s.at == to {
		return nil
	}
	if err := s.w.Flush(); err != nil {
		return err
	}
	if err := s.f.Truncate(to); err != nil {
		return err
	}
	_, err := s.f.Seek(to, io.SeekStart)
	s.at = to
	return err
}

// rejectedRecord is a record that the scanner rejected, or a member of an archive as a whole.
type rejectedRecord struct {
	object       int
	number       int64
	member       string // its name
	reject       *decode.Reject
	raw, context []byte
}

func (s *spool) add(r rejectedRecord) error {
	rej := r.reject
	if s.f == nil {
		f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		s.f, s.w = f, bufio.NewWriterSize(f, 64<<10)
	}
	var b []byte
	b = binary.AppendUvarint(b, uint64(r.object))
	b = binary.AppendUvarint(b, uint64(r.number))
	for _, t := range []string{r.member, rej.Code, rej.Path, rej.Message} {
		b = binary.AppendUvarint(b, uint64(len(t)))
		b = append(b, t...)
	}
	b = binary.AppendVarint(b, rej.Offset)
	b = binary.AppendUvarint(b, uint64(rej.Length))
	s.cut = s.cut || rej.Length > 0
	s.members = s.members || r.member != ""
	b = binary.AppendUvarint(b, uint64(len(r.context)))
	b = append(b, r.context...)
	b = binary.AppendUvarint(b, uint64(len(r.raw)))
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	_, err := s.w.Write(r.raw)
	s.at += int64(len(b) + len(r.raw))
	return err
}

// each reads an object's rejects back. raw and context are valid during fn only.
func (p rejectedPart) each(fn func(rejectedRecord) error) error {
	if err := p.spool.w.Flush(); err != nil {
		return err
	}
	r := bufio.NewReaderSize(io.NewSectionReader(p.spool.f, p.from, p.to-p.from), 64<<10)
	var buf []byte
	text := func() (string, error) {
		n, err := binary.ReadUvarint(r)
		if err != nil {
			return "", err
		}
		b := make([]byte, n)
		_, err = io.ReadFull(r, b)
		return string(b), err
	}
	for {
		object, err := binary.ReadUvarint(r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		record, err2 := binary.ReadUvarint(r)
		member, e10 := text()
		var rej decode.Reject
		var length uint64
		var e3, e4, e5, e6, e8, e9 error
		var context string
		rej.Code, e3 = text()
		rej.Path, e4 = text()
		rej.Message, e5 = text()
		rej.Offset, e8 = binary.ReadVarint(r)
		length, e9 = binary.ReadUvarint(r)
		rej.Length = int64(length)
		context, e6 = text()
		n, e7 := binary.ReadUvarint(r)
		if err := errors.Join(err, err2, e3, e4, e5, e6, e7, e8, e9, e10); err != nil {
			return err
		}
		if uint64(cap(buf)) < n {
			buf = make([]byte, n)
		}
		buf = buf[:n]
		if _, err := io.ReadFull(r, buf); err != nil {
			return err
		}
		if err := fn(rejectedRecord{int(object), int64(record), member, &rej, buf, []byte(context)}); err != nil {
			return err
		}
	}
}

func (s *spool) close() {
	if s.f != nil {
		s.f.Close()
		os.Remove(s.path)
	}
}
