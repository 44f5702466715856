package lookup

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxRecord is how many bytes a record of a CSV file may have: a quote that is never closed would otherwise read all of the file into
// memory.
const maxRecord = 4 << 20

// csvBuffer is how many bytes of a file are read at once.
const csvBuffer = 64 << 10

var errRecordTooLong = errors.New("a record is longer than 4 MiB")

var errColumns = fmt.Errorf("a lookup can have %d columns, and this line has more values", MaxColumns)

var comma, quote = []byte(","), []byte(`"`)

// csvError is a mistake in the quotes of a record.
type csvError struct {
	line int
	why  error
}

func (e *csvError) Error() string { return e.why.Error() }

// csvReader splits a CSV file into records, as encoding/csv does. It reads the values where they are in its buffer, so that a record costs
// no memory.
type csvReader struct {
	src      io.Reader
	buf      []byte // unread: from pos to end
	pos, end int
	err      error // of src, behind end
	consumed int64 // bytes of the lines so far
	lines    int   // lines so far
	start    int   // the line that the record begins on
	record   int   // bytes of the record so far
	cells    []cell
	valid    bool   // the values are UTF-8; false: unknown
	text     []byte // of a record with quotes
	ends     []int  // of its values in text
}

func newCSVReader(src io.Reader) *csvReader {
	r := &csvReader{src: src, buf: make([]byte, csvBuffer)}
	for r.end < 3 && r.err == nil {
		r.fill()
	}
	if bytes.HasPrefix(r.buf[:r.end], []byte("\xef\xbb\xbf")) {
		r.pos = 3
	}
	return r
}

// fill reads more bytes.
func (r *csvReader) fill() {
	if r.pos > 0 {
		r.end = copy(r.buf, r.buf[r.pos:r.end])
		r.pos = 0
	}
	if r.end == len(r.buf) {
		r.buf = append(r.buf, make([]byte, len(r.buf))...)
	}
	n := 0
	for tries := 0; n == 0 && r.err == nil; tries++ {
		if n, r.err = r.src.Read(r.buf[r.end:]); n == 0 && tries == 100 {
			r.err = io.ErrNoProgress
		}
	}
	r.end += n
}

// readLine returns a line with its newline, "\n" for "\r\n" too. The last line of a file may have none. At the end of the file the line is
// empty. It is valid until the next call.
func (r *csvReader) readLine() ([]byte, error) {
	for seen := 0; ; {
		if i := bytes.IndexByte(r.buf[r.pos+seen:r.end], '\n'); i >= 0 {
			line := r.take(seen + i + 1)
			if n := len(line); n > 1 && line[n-2] == '\r' {
				line[n-2] = '\n'
				line = line[:n-1]
			}
			return line, r.tooLong(0)
		}
		if err := r.tooLong(r.end - r.pos); err != nil {
			return nil, err
		}
		if errors.Is(r.err, io.EOF) {
			line := bytes.TrimSuffix(r.buf[r.pos:r.end], []byte("\r"))
			if len(line) > 0 {
				r.take(r.end - r.pos)
			}
			r.pos = r.end
			return line, nil
		}
		if r.err != nil {
			return nil, r.err
		}
		seen = r.end - r.pos
		r.fill()
	}
}

// take consumes bytes that are a line.
func (r *csvReader) take(n int) []byte {
	line := r.buf[r.pos : r.pos+n]
	r.pos, r.lines, r.record, r.consumed = r.pos+n, r.lines+1, r.record+n, r.consumed+int64(n)
	return line
}

func (r *csvReader) tooLong(more int) error {
	if r.record+more > maxRecord {
		return errRecordTooLong
	}
	return nil
}

// withoutNewline removes the newline that readLine leaves.
func withoutNewline(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		return line[:n-1]
	}
	return line
}

// next reads a record into cells. Lines that are empty are skipped. io.EOF: the file has no more.
func (r *csvReader) next() error {
	var all, line []byte
	for len(line) == 0 {
		r.record = 0
		var err error
		if all, err = r.readLine(); err != nil {
			return err
		}
		if len(all) == 0 {
			return io.EOF
		}
		line = withoutNewline(all)
	}
	start := r.lines
	r.cells = r.cells[:0]
	if bytes.IndexByte(line, '"') >= 0 {
		if err := r.quoted(all); err != nil {
			return err
		}
		r.start = start
		return nil
	}
	r.start, r.valid = start, utf8.Valid(line)
	for more := true; more; {
		value := line
		i := bytes.IndexByte(line, ',')
		if more = i >= 0; more {
			value, line = line[:i], line[i+1:]
		}
		if !r.add(value) {
			return errColumns
		}
	}
	return nil
}

// add adds a value to the record.
func (r *csvReader) add(value []byte) bool {
	n := len(r.cells)
	if n < cap(r.cells) {
		r.cells = r.cells[:n+1]
	} else {
		r.cells = append(r.cells, cell{})
	}
	r.cells[n].text = value
	return n < MaxColumns
}

// quoted reads a record that has quotes. line is its first line.
func (r *csvReader) quoted(line []byte) error {
	r.text, r.ends, r.valid = r.text[:0], r.ends[:0], false
	for more := true; more; r.ends = append(r.ends, len(r.text)) {
		var err error
		if len(line) > 0 && line[0] == '"' {
			line, more, err = r.quotedValue(line[1:])
		} else {
			var value []byte
			value, line, more = bytes.Cut(line, comma)
			if value = withoutNewline(value); bytes.IndexByte(value, '"') >= 0 {
				err = &csvError{r.lines, csv.ErrBareQuote}
			}
			r.text = append(r.text, value...)
		}
		if err != nil {
			return err
		}
	}
	from := 0
	for _, end := range r.ends {
		if !r.add(r.text[from:end]) {
			return errColumns
		}
		from = end
	}
	return nil
}

// quotedValue reads a value behind its first quote, and returns what is left of its last line. more: another value follows.
func (r *csvReader) quotedValue(line []byte) (rest []byte, more bool, err error) {
	for {
		value, rest, closed := bytes.Cut(line, quote)
		r.text = append(r.text, value...)
		switch {
		case closed && len(withoutNewline(rest)) == 0:
			return nil, false, nil
		case closed && rest[0] == ',':
			return rest[1:], true, nil
		case closed && rest[0] == '"':
			r.text = append(r.text, '"')
			line = rest[1:]
			if len(line) > 0 {
				continue
			}
		case closed:
			return nil, false, &csvError{r.lines, csv.ErrQuote}
		}
		if line, err = r.readLine(); err != nil {
			return nil, false, err
		}
		if len(line) == 0 {
			return nil, false, &csvError{r.lines, csv.ErrQuote}
		}
	}
}

// readCSV reads a file with a header. All values are texts.
func readCSV(ctx context.Context, d Declaration, src io.Reader, o Options) (*Table, error) {
	r := newCSVReader(src)
	fault := func(err error) error {
		var e *csvError
		switch {
		case errors.Is(err, errRecordTooLong):
			return &Error{File: o.File, Line: r.start + 1, Message: errRecordTooLong.Error(), Try: "close the quotes (\") of a value near this line"}
		case errors.Is(err, errColumns):
			return &Error{File: o.File, Line: r.lines, Message: errColumns.Error(), Try: "leave out columns that no mapping uses"}
		case errors.As(err, &e):
			return &Error{File: o.File, Line: e.line, Message: e.Error(), Try: "put values with commas or quotes in quotes (\"), and double the quotes in them"}
		}
		return err
	}
	err := r.next()
	if errors.Is(err, io.EOF) {
		return nil, &Error{File: o.File, Message: "the file is empty", Try: "add a first line with the names of the columns"}
	}
	if err != nil {
		return nil, fault(err)
	}
	var columns []Column
	for _, c := range r.cells {
		columns = append(columns, Column{Name: strings.TrimSpace(string(c.text))})
	}
	b, err := newBuilder(ctx, d, o, columns, 1)
	if err != nil {
		return nil, err
	}
	for {
		err := r.next()
		if errors.Is(err, io.EOF) {
			return b.done()
		}
		if err != nil {
			return nil, fault(err)
		}
		if len(r.cells) != len(columns) {
			return nil, &Error{File: o.File, Line: r.start, Message: "the line has another number of values than the first line", Try: "put values with commas in quotes (\")"}
		}
		b.utf8 = r.valid
		if err := b.add(r.start, r.cells); err != nil {
			return nil, err
		}
		if b.rows == reserveAt && r.consumed < o.Size {
			b.reserve(float64(o.Size) / float64(r.consumed))
		}
	}
}
