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

func (s *spool) rewind() error {
	if s.f == nil || s.at == s.marked {
		return nil
	}
	if err := s.w.Flush(); err != nil {
		return err
	}
	if err := s.f.Truncate(s.marked); err != nil {
		return err
	}
	_, err := s.f.Seek(s.marked, io.SeekStart)
	s.at = s.marked
	return err
}

func (s *spool) add(object int, record int64, rej *decode.Reject, raw, context []byte) error {
	if s.f == nil {
		f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		s.f, s.w = f, bufio.NewWriterSize(f, 64<<10)
	}
	var b []byte
	b = binary.AppendUvarint(b, uint64(object))
	b = binary.AppendUvarint(b, uint64(record))
	for _, t := range []string{rej.Code, rej.Path, rej.Message} {
		b = binary.AppendUvarint(b, uint64(len(t)))
		b = append(b, t...)
	}
	b = binary.AppendVarint(b, rej.Offset)
	b = binary.AppendUvarint(b, uint64(rej.Length))
	s.cut = s.cut || rej.Length > 0
	b = binary.AppendUvarint(b, uint64(len(context)))
	b = append(b, context...)
	b = binary.AppendUvarint(b, uint64(len(raw)))
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	_, err := s.w.Write(raw)
	s.at += int64(len(b) + len(raw))
	return err
}

// each reads an object's rejects back. raw and context are valid during fn only.
func (p rejectedPart) each(fn func(object int, record int64, rej decode.Reject, raw, context []byte) error) error {
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
		if err := errors.Join(err, err2, e3, e4, e5, e6, e7, e8, e9); err != nil {
			return err
		}
		if uint64(cap(buf)) < n {
			buf = make([]byte, n)
		}
		buf = buf[:n]
		if _, err := io.ReadFull(r, buf); err != nil {
			return err
		}
		if err := fn(int(object), int64(record), rej, buf, []byte(context)); err != nil {
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
