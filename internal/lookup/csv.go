package lookup

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unsafe"
)

// maxRecord is how many bytes a record of a CSV file may have: a quote that is never closed would otherwise read all of the file into
// memory.
const maxRecord = 4 << 20

// limited is a reader that fails if too much is read for one record.
type limited struct {
	r    io.Reader
	left int
}

var errRecordTooLong = errors.New("a record is longer than 4 MiB")

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errRecordTooLong
	}
	n, err := l.r.Read(p)
	l.left -= n
	return n, err
}

// readCSV reads a file with a header. All values are texts.
func readCSV(ctx context.Context, d Declaration, src io.Reader, o Options) (*Table, error) {
	in := &limited{r: src, left: maxRecord}
	buffered := bufio.NewReaderSize(in, 64<<10)
	if mark, err := buffered.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		_, _ = buffered.Discard(3) // what was peeked
	}
	r := csv.NewReader(buffered)
	r.ReuseRecord = true
	line := 0
	fault := func(err error) error {
		var p *csv.ParseError
		switch {
		case errors.Is(err, errRecordTooLong):
			return &Error{File: o.File, Line: line + 1, Message: errRecordTooLong.Error(), Try: "close the quotes (\") of a value near this line"}
		case errors.As(err, &p) && errors.Is(p.Err, csv.ErrFieldCount):
			return &Error{File: o.File, Line: p.StartLine, Message: "the line has another number of values than the first line", Try: "put values with commas in quotes (\")"}
		case errors.As(err, &p):
			return &Error{File: o.File, Line: p.Line, Message: p.Err.Error(), Try: "put values with commas or quotes in quotes (\"), and double the quotes in them"}
		}
		return err
	}
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, &Error{File: o.File, Message: "the file is empty", Try: "add a first line with the names of the columns"}
	}
	if err != nil {
		return nil, fault(err)
	}
	var columns []Column
	for _, name := range header {
		columns = append(columns, Column{Name: strings.TrimSpace(strings.Clone(name))})
	}
	b, err := newBuilder(ctx, d, o, columns, 1)
	if err != nil {
		return nil, err
	}
	cells := make([]cell, len(columns))
	for {
		in.left = maxRecord
		values, err := r.Read()
		if errors.Is(err, io.EOF) {
			return b.done()
		}
		if err != nil {
			return nil, fault(err)
		}
		for i, v := range values {
			cells[i].text = unsafe.Slice(unsafe.StringData(v), len(v))
		}
		line, _ = r.FieldPos(0)
		if err := b.add(line, cells); err != nil {
			return nil, err
		}
	}
}
