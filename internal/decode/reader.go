package decode

import (
	"bytes"
	"io"
	"strconv"

	"github.com/silt-etl/silt/internal/decode/fields"
)

// MaxRejectBytes is the most that is held of a record that is too long, so that quarantine can keep it. An object with a
// longer one is refused as a whole.
const MaxRejectBytes = 128 << 20

const (
	bufferBytes = 512 << 10 // of a Reader, while no record is longer
	lineBytes   = 1 << 20   // a line up to this is framed by its newline, a longer one value by value
)

// Options of a Reader or Records.
type Options struct {
	// MaxRecordBytes is the longest record accepted, in bytes. 0: DefaultMaxRecordBytes.
	MaxRecordBytes int
	// TempDir is where an object goes that is read more than once and is no file yet. "": the system's.
	TempDir string
}

// Record is one framed piece of an object: a line, which may still hold several JSON values glued together (the Scanner
// tells them apart), or one value.
type Record struct {
	Number int64   // 1-based, in the order of the object
	Bytes  []byte  // without the blanks around it, which a line of text keeps; valid until the next call of Next
	Reject *Reject // why it was refused while framing, or nil
}

// Reader unpacks an object and frames its records.
//
// An object is read in one of two ways, decided by its beginning. Lines: a record a line. Values: a record wherever the
// brackets of a value close; so are objects read that begin with an array of objects (its elements are the records, the
// array's own brackets and commas belong to none) and those whose first value goes on over several lines. A line longer than
// 1 MiB (or MaxRecordBytes, if that is less) is framed value by value as well, its newline still ending whatever is open.
// Where a value of the second way never closes, the rest of the object is read as lines, from that value's first line on.
//
// Blank lines, a byte order mark before a record, and \r before \n are no part of any record.
//
// That is JSON. Of another Format the records are lines, see text.
type Reader struct {
	un    unpacker
	begun bool
	err   error // what Next returns from now on

	buf  []byte
	p, n int // buf[p:n] is not yet read
	seek int // buf[p:seek] holds no newline
	eof  bool

	number int64
	values bool // framed by values, not by lines
	fell   bool // it was, until a value did not close
	array  bool // inside a top-level array
	long   bool // this line is framed value by value

	readerSettings
}

// readerSettings are the same for every object.
type readerSettings struct {
	base, window, max, held int // bytes; see bufferBytes, lineBytes, Options and MaxRejectBytes

	lines   bool        // records are lines, whatever they hold
	whole   bool        // records may be as long as held
	csv     *fields.CSV // that may go on inside quotes
	comment string      // lines that begin so are no records
}

// NewReader reads the object r, which is JSON.
func NewReader(r io.Reader, o Options) *Reader {
	d := newReader(&Format{}, o)
	d.Reset(r)
	return d
}

func newReader(f *Format, o Options) *Reader {
	if o.MaxRecordBytes <= 0 {
		o.MaxRecordBytes = DefaultMaxRecordBytes
	}
	r := &Reader{readerSettings: readerSettings{
		base:    bufferBytes,
		window:  min(lineBytes, o.MaxRecordBytes),
		max:     o.MaxRecordBytes,
		held:    max(o.MaxRecordBytes, MaxRejectBytes),
		lines:   f.Text(),
		whole:   f.Records != nil,
		comment: f.Comment,
	}}
	if f.Name == FormatCSV {
		r.csv = f.csv()
	}
	return r
}

// Reset goes on with another object, with the same buffers.
func (r *Reader) Reset(src io.Reader) {
	*r = Reader{un: r.un, buf: r.buf, readerSettings: r.readerSettings}
	r.un.src = source{r: src}
}

// Next returns the next record, and io.EOF after the last one. A *Reject as the error is about the object as a whole
// (ReasonUnpack: it cannot be unpacked, or holds a record longer than MaxRejectBytes): none of its records may be used, also
// not those returned before. Any other error is the object's own read error, wrapped.
func (r *Reader) Next() (Record, error) {
	if r.err != nil {
		return Record{}, r.err
	}
	rec, err := r.next()
	if err != nil {
		r.err = err
		return Record{}, err
	}
	r.number++
	rec.Number = r.number
	return rec, nil
}

func (r *Reader) next() (Record, error) {
	if !r.begun {
		r.begun = true
		if err := r.begin(); err != nil {
			return Record{}, err
		}
	}
	r.shrink()
	if r.lines {
		return r.text()
	}
	for {
		more, err := r.blanks()
		if err != nil {
			return Record{}, err
		}
		if !more {
			if r.array {
				r.array = false
				return Record{Reject: &Reject{Code: ReasonJSON, Message: "the top-level array is not closed: the object ends before its ]"}}, nil
			}
			return Record{}, io.EOF
		}
		if r.values || r.long {
			rec, ok, err := r.value()
			if ok || err != nil {
				return rec, err
			}
			continue
		}
		b, ok, err := r.line()
		if ok || err != nil {
			return Record{Bytes: b}, err
		}
		r.long = true
	}
}

// line returns the next line; ok is false where it is longer than the window.
func (r *Reader) line() (b []byte, ok bool, err error) {
	for {
		from := max(r.seek, r.p)
		if j := bytes.IndexByte(r.buf[from:r.n], '\n'); j >= 0 {
			end := from + j
			if end-r.p > r.window {
				return nil, false, nil
			}
			b, r.p = r.buf[r.p:end], end+1
			return trimRight(b), true, nil
		}
		r.seek = r.n
		if r.n-r.p > r.window {
			return nil, false, nil
		}
		if r.eof {
			b, r.p = r.buf[r.p:r.n], r.n
			return trimRight(b), true, nil
		}
		if err = r.fill(); err != nil {
			return nil, false, err
		}
	}
}

// value returns the next value by its brackets; ok is false where the object goes on as lines.
func (r *Reader) value() (rec Record, ok bool, err error) {
	f := framer{bound: boundLine}
	if r.values {
		f.bound = boundTop
		if r.array {
			f.bound = boundArray
		}
	}
	i := 0
	end := -1
	for end < 0 {
		end = f.feed(r.buf[r.p:r.n], i)
		i = r.n - r.p
		if end >= 0 || i > r.held || r.eof {
			break
		}
		if err = r.fill(); err != nil {
			return rec, false, err
		}
	}
	if end < 0 {
		end = i
		if r.values && f.kind == '{' && bytes.IndexByte(r.buf[r.p:r.n], '\n') >= 0 {
			r.values, r.array, r.fell = false, false, true
			return rec, false, nil
		}
	}
	if end > r.held {
		return rec, false, unreadable("record " + strconv.FormatInt(r.number+1, 10) + " is longer than " + strconv.Itoa(r.held) + " bytes")
	}
	rec.Bytes = trimRight(r.buf[r.p : r.p+end])
	r.p += end
	if !r.whole {
		rec.Reject = r.tooLong(rec.Bytes)
	}
	return rec, true, nil
}

func (r *Reader) tooLong(b []byte) *Reject {
	if len(b) <= r.max {
		return nil
	}
	return &Reject{Code: ReasonTooLong, Message: strconv.Itoa(len(b)) + " bytes; at most " + strconv.Itoa(r.max) + " are accepted"}
}

// blanks moves to the next record's first byte, over blanks, byte order marks and, among values, the array's brackets and
// commas. more is false at the end of the object.
func (r *Reader) blanks() (more bool, err error) {
	for {
		for r.p < r.n {
			c := r.buf[r.p]
			switch {
			case c == '\n':
				r.long = false
			case blank(c), r.values && c == ',':
			case r.values && c == '[' && !r.array:
				r.array = true
			case r.values && c == ']' && r.array:
				r.array = false
			case c == bom[0]:
				if err := r.need(len(bom)); err != nil {
					return false, err
				}
				if !bytes.HasPrefix(r.buf[r.p:r.n], []byte(bom)) {
					return true, nil
				}
				r.p += len(bom) - 1
			default:
				return true, nil
			}
			r.p++
		}
		if r.eof {
			return false, nil
		}
		if err := r.fill(); err != nil {
			return false, err
		}
	}
}

// bom is UTF-8's byte order mark.
const bom = "\xef\xbb\xbf"

// begin opens the object and decides how it is read.
func (r *Reader) begin() error {
	if err := r.un.open(r.un.src.r); err != nil {
		return err
	}
	if r.buf == nil {
		r.buf = make([]byte, r.base)
	}
	if err := r.need(8); err != nil {
		return err
	}
	if k := packing(r.buf[:min(8, r.n)]); k != "" {
		if r.un.kind != "" {
			k += ", packed twice"
		}
		return unreadable(k + ": what is unpacked must be text")
	}
	if err := r.recode(); err != nil {
		return err
	}
	if r.lines {
		return nil
	}
	more, err := r.blanks()
	if err != nil || !more {
		return err
	}
	switch r.buf[r.p] {
	case '[':
		c, err := r.after(r.p + 1)
		r.values = c == '{' || c == ']'
		return err
	case '{':
		return r.beginObject()
	}
	return nil
}

// after returns the first byte that is not blank at or after the absolute index i, or 0 where there is none within the
// window. It may read on; p stays at the same byte.
func (r *Reader) after(i int) (byte, error) {
	i -= r.p
	if err := r.need(r.window); err != nil {
		return 0, err
	}
	for _, c := range r.buf[min(r.p+i, r.n):r.n] {
		if !blank(c) {
			return c, nil
		}
	}
	return 0, nil
}

// beginObject decides for an object whose first record opens with a brace. If the first line does not close it, the record
// may be one of several lines, or a broken line among good ones. It is taken for the former where the text up to its end is
// JSON, or where the second line begins as no record can, with a quote or a closing brace.
func (r *Reader) beginObject() error {
	f := framer{bound: boundLine}
	end := f.feed(r.buf[r.p:r.n], 0)
	if end < 0 {
		have := r.n - r.p
		if err := r.need(r.window); err != nil {
			return err
		}
		end = f.feed(r.buf[r.p:r.n], have)
	}
	if end < 0 || f.depth == 0 {
		return nil // one line, or one too long to tell
	}
	if err := r.need(r.window); err != nil {
		return err
	}
	p := parser{b: r.buf[r.p:r.n]}
	if p.skip(0) >= 0 {
		r.values = true
		return nil
	}
	c, err := r.after(r.p + end)
	r.values = c == '"' || c == '}'
	return err
}

// need reads on until k bytes are at hand, or the object ends.
func (r *Reader) need(k int) error {
	for r.n-r.p < k && !r.eof {
		if err := r.fill(); err != nil {
			return err
		}
	}
	return nil
}

// fill reads more, as much as fits: moving what is left to the front is then rare. The buffer grows where it is full.
func (r *Reader) fill() error {
	if r.p > 0 {
		copy(r.buf, r.buf[r.p:r.n])
		r.n -= r.p
		r.seek = max(0, r.seek-r.p)
		r.p = 0
	}
	if r.n == len(r.buf) {
		bigger := make([]byte, max(r.n+1, min(2*r.n, r.held+r.base)))
		copy(bigger, r.buf)
		r.buf = bigger
	}
	for idle := 0; r.n < len(r.buf); {
		k, err := r.un.out.Read(r.buf[r.n:])
		r.n += k
		if idle++; k > 0 {
			idle = 0
		} else if idle > 100 && err == nil {
			err = io.ErrNoProgress
		}
		if err == io.EOF {
			r.eof = true
			return nil
		}
		if err != nil {
			return r.un.fault(err)
		}
	}
	return nil
}

// shrink frees the memory of a long record once it is done with.
func (r *Reader) shrink() {
	if len(r.buf) > 8*r.base && r.n-r.p <= r.base/2 {
		small := make([]byte, r.base)
		r.n = copy(small, r.buf[r.p:r.n])
		r.seek = max(0, r.seek-r.p)
		r.p, r.buf = 0, small
	}
}
