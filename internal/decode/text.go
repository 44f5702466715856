package decode

import (
	"bytes"
	"io"
	"strconv"

	"github.com/silt-etl/silt/internal/decode/fields"
)

// text frames records that are lines: each line is one, except that a CSV record goes on where a line ends inside quotes.
// Quotes that do not close, or after which a field goes on, cost the line that the record began in: the next line begins a
// record again. A record with a newline inside is no longer than window.
func (r *Reader) text() (Record, error) {
	for {
		if err := r.need(len(bom)); err != nil {
			return Record{}, err
		}
		if bytes.HasPrefix(r.buf[r.p:r.n], []byte(bom)) {
			r.p += len(bom)
		}
		end, next, err := r.lineEnd(0)
		if err != nil {
			return Record{}, err
		}
		b := withoutCR(r.buf[r.p : r.p+end])
		switch {
		case end == next && end == 0:
			return Record{}, io.EOF
		case allBlank(b), r.comment != "" && bytes.HasPrefix(b, []byte(r.comment)):
			r.p += next
			continue
		}
		rec := Record{Bytes: b, Reject: r.tooLong(b)}
		if r.csv == nil || rec.Reject != nil {
			r.p += next
			return rec, nil
		}
		first, after := len(b), next
		state := r.csv.Split(b)
		for state == fields.Open && next > end && next <= r.window {
			if end, next, err = r.lineEnd(next); err != nil {
				return Record{}, err
			}
			if end > r.window {
				break
			}
			b = withoutCR(r.buf[r.p : r.p+end])
			state = r.csv.More(b)
		}
		if state != fields.Whole {
			rec = Record{Bytes: r.buf[r.p : r.p+first], Reject: quoteFault(r.csv, state)}
			next = after
		} else {
			rec.Bytes = b
			rec.Reject = r.tooLong(b)
		}
		r.p += next
		return rec, nil
	}
}

func quoteFault(csv *fields.CSV, state fields.State) *Reject {
	quote, at := csv.Fault()
	msg := "the quote at byte " + strconv.Itoa(quote+1)
	if state == fields.Broken {
		return &Reject{Code: ReasonQuote, Message: msg + " is closed at byte " + strconv.Itoa(at) + ", and neither a delimiter nor the end of the line follows"}
	}
	return &Reject{Code: ReasonQuote, Message: msg + " is not closed"}
}

// lineEnd finds the end of the line that goes on at p+from: how many bytes it is from p to its newline and to what comes after
// that. Both are the same at the end of the object.
func (r *Reader) lineEnd(from int) (end, next int, err error) {
	for at := from; ; {
		if j := bytes.IndexByte(r.buf[r.p+at:r.n], '\n'); j >= 0 {
			return at + j, at + j + 1, nil
		}
		at = r.n - r.p
		if r.eof {
			return at, at, nil
		}
		if at > r.held {
			return 0, 0, unreadable("record " + strconv.FormatInt(r.number+1, 10) + " is longer than " + strconv.Itoa(r.held) + " bytes")
		}
		if err = r.fill(); err != nil {
			return 0, 0, err
		}
	}
}

func withoutCR(b []byte) []byte {
	if len(b) > 0 && b[len(b)-1] == '\r' {
		return b[:len(b)-1]
	}
	return b
}

func allBlank(b []byte) bool {
	for _, c := range b {
		if !blank(c) {
			return false
		}
	}
	return true
}
