package decode

import (
	"bytes"
	"io"
	"unicode/utf8"

	"github.com/silt-etl/silt/internal/decode/eventxml"
	"github.com/silt-etl/silt/internal/decode/looks"
)

// jsonFramer frames and scans objects whose records are JSON objects.
type jsonFramer struct {
	r     jsonReader
	s     *Scanner
	line  []byte // what is left of a piece with several values glued together
	valid bool   // it is UTF-8
	at    int64  // where the record begins
	after int64  // where line begins
}

func newJSONFramer(spec *Spec, s *Scanner, o Options) framer {
	if spec.Format.Events != nil {
		return newEventsFramer(newEnvelopeFramer(spec, s, o), spec.Format.Events)
	}
	if spec.Format.Records != nil {
		return newEnvelopeFramer(spec, s, o)
	}
	f := &jsonFramer{r: jsonReader{window: newWindow(o)}, s: s}
	if spec.Format.OrWindowsXML {
		f.r.orXML = true
		return &jsonOrXMLFramer{json: f, xml: &windowsXMLFramer{window: window{limits: o.limits()}, s: s}}
	}
	return f
}

func (f *jsonFramer) open(r io.Reader) {
	f.r.open(r)
	f.line = nil
}

// next gives the next record. Where a line holds several objects glued together, each is a record; from the first broken one on,
// the rest of the line is one record.
func (f *jsonFramer) next() (raw []byte, rej *Reject, err error) {
	if len(f.line) == 0 {
		p, err := f.r.next()
		if f.at = p.at; err != nil || p.reject != nil {
			return p.bytes, p.reject, err
		}
		f.line, f.valid, f.after = p.bytes, utf8.Valid(p.bytes), p.at
	}
	n, rej := f.s.scan(f.line, f.valid)
	if rej != nil && rej.Code == ReasonJSON && f.line[0] == '{' && f.s.why == faultEnd && !f.r.values {
		if n, rej, err = f.overLines(n, rej); err != nil {
			return nil, nil, err
		}
	}
	f.at, f.after = f.after, f.after+int64(n)
	raw, f.line = f.line[:n], f.line[n:]
	if len(f.line) > 0 { // a piece ends without blanks, but there may be some before the next value
		raw = trimRight(raw)
	}
	return raw, rej, nil
}

// overLines scans the object that begins with f.line, if it closes in a later line. Otherwise it returns n and rej, which are of f.line.
func (f *jsonFramer) overLines(n int, rej *Reject) (int, *Reject, error) {
	b, ok, err := f.r.over(f.line)
	f.line = b
	switch {
	case err != nil:
		return 0, nil, err
	case !ok && f.r.eof && allBlank(f.r.buf[f.r.p:f.r.n]): // the object was cut
		return n, rej, nil
	case !ok:
		rej.Message += " of its line, and the lines after it do not complete it"
		return n, rej, nil
	}
	if b, rej = f.r.tooLong(b, f.r.offset()-int64(len(b))); rej != nil {
		f.line = b
		return len(b), rej, nil
	}
	n, rej = f.s.scan(b, utf8.Valid(b))
	return n, rej, nil
}

func (f *jsonFramer) kept(raw, _ []byte) *Reject { return keptObject(f.r.limits, f.s, raw) }

func (f *jsonFramer) context() []byte { return nil }

func (f *jsonFramer) offset() int64 { return f.at }

// keptObject scans a record that is one JSON object.
func keptObject(l limits, s *Scanner, raw []byte) *Reject {
	if _, rej := l.tooLong(raw, -1); rej != nil {
		return rej
	}
	return scanWhole(s, raw)
}

// scanWhole scans an object after which nothing may follow.
func scanWhole(s *Scanner, b []byte) *Reject {
	n, rej := s.scan(b, utf8.Valid(b))
	if rej == nil && n < len(b) {
		rej = &Reject{Code: ReasonJSON, Message: "more text follows the JSON object"}
	}
	return rej
}

// jsonReader cuts an object into pieces.
//
// An object is read in one of two ways, decided by its beginning. Lines: a piece is a line; if it ends inside of an object, the caller asks
// whether later lines complete it (over). Values: a piece ends where the brackets
// of a value close. An object is read by values if it begins with an array of objects (its elements are the pieces; the array's own
// brackets and commas belong to none), or if its first value spans several lines. A line longer than 1 MiB (or
// MaxRecordBytes, if that is less) is framed value by value as well, and its newline still ends the open value. Where a value of
// the second way never closes, the rest of the object is read as lines, from that value's first line on.
//
// Blank lines, a byte order mark before a record, and \r before \n are not part of any piece.
type jsonReader struct {
	window
	values bool  // framed by values, not by lines
	fell   bool  // it was, until a value did not close
	array  bool  // inside a top-level array
	long   bool  // this line is framed value by value
	end    int64 // where the bytes of the last piece end in the unpacked object
	spent  int64 // bytes that were looked at in vain, see over
	orXML  bool  // an object can be Windows events in XML instead
}

func (r *jsonReader) open(src io.Reader) {
	r.reset(src)
	r.values, r.fell, r.array, r.long, r.spent = false, false, false, false, 0
}

// next returns the next piece, and io.EOF after the last. A *Reject as the error refuses the object (ReasonUnpack: it
// cannot be unpacked, or holds a document longer than can be held): no piece of it may be used, not even earlier ones. Any
// other error is the object's own read error, wrapped.
func (r *jsonReader) next() (p piece, err error) {
	if !r.begun {
		r.begun = true
		if err := r.beginJSON(); err != nil {
			return piece{}, err
		}
	}
	if p, err = r.cut(); err == nil {
		r.pieces++
	}
	return p, err
}

func (r *jsonReader) cut() (piece, error) {
	r.shrink()
	for {
		more, err := r.blanks()
		if err != nil {
			return piece{}, err
		}
		if !more {
			if r.array {
				r.array = false
				return piece{reject: &Reject{Code: ReasonJSON, Message: "the top-level array is not closed: the object ends before its ]"}}, nil
			}
			return piece{}, io.EOF
		}
		at := r.offset()
		if r.values || r.long {
			p, ok, err := r.value()
			if ok || err != nil {
				p.at = at
				return p, err
			}
			continue
		}
		b, ok, err := r.line()
		if ok || err != nil {
			r.end = at + int64(len(b))
			return piece{bytes: b, at: at}, err
		}
		r.long = true
	}
}

// line returns the next line; ok is false if it is longer than lineMax.
func (r *jsonReader) line() (b []byte, ok bool, err error) {
	for {
		from := max(r.seek, r.p)
		if j := bytes.IndexByte(r.buf[from:r.n], '\n'); j >= 0 {
			end := from + j
			if end-r.p > r.lineMax {
				return nil, false, nil
			}
			b, r.p = r.buf[r.p:end], end+1
			return trimRight(b), true, nil
		}
		r.seek = r.n
		if r.n-r.p > r.lineMax {
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

// value returns the next value by its brackets; ok is false if the rest of the object is read as lines.
func (r *jsonReader) value() (p piece, ok bool, err error) {
	f := valueEnd{bound: boundLine}
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
			return p, false, err
		}
	}
	isDocument := r.documents && r.buf[r.p] == '{'
	if isDocument && (end > r.held || end < 0 && i > r.held) {
		return r.longDocument(f, end)
	}
	if end < 0 && !r.eof {
		return r.longValue(f)
	}
	if end < 0 {
		end = i
		if r.values && f.kind == '{' && bytes.IndexByte(r.buf[r.p:r.n], '\n') >= 0 {
			r.values, r.array, r.fell = false, false, true
			return p, false, nil
		}
	}
	at := r.offset()
	p.bytes = trimRight(r.buf[r.p : r.p+end])
	r.end = at + int64(len(p.bytes))
	r.p += end
	if !isDocument {
		p.bytes, p.reject = r.tooLong(p.bytes, at)
	}
	return p, true, nil
}

// over looks whether the lines after an object that begins with b, the end of the last piece, complete it. If it is JSON up to its closing
// brace there, ok is true, whole is all of it, and the next piece comes after it. Otherwise whole is b. An object is looked for in
// as many bytes as a record can have, and what is looked at in vain costs little more than reading.
func (r *jsonReader) over(b []byte) (whole []byte, ok bool, err error) {
	longest := max(r.held, lineBytes)
	if r.spent > int64(longest)+4*r.offset() {
		return b, false, nil
	}
	next := r.offset()
	r.p = int(r.end-r.from) - len(b)
	p := parser{b: r.buf[r.p:r.n]}
	end := p.skip(0)
	for end < 0 && p.at > len(p.b)-escapeBytes && !r.eof && len(p.b) <= longest {
		if err := r.fill(); err != nil {
			return b, false, err
		}
		p = parser{b: r.buf[r.p:r.n]}
		end = p.skip(0)
	}
	if end >= 0 && end <= longest {
		whole = r.buf[r.p : r.p+end]
		r.p += end
		r.end, r.long = r.offset(), true // what follows in its last line is framed value by value
		return whole, true, nil
	}
	r.spent += int64(p.at)
	b = r.buf[r.p : r.p+len(b)]
	r.p = int(next - r.from)
	return b, false, nil
}

// longValue passes a value that is longer than held, to its end. f has seen what is in buf. If the rest of the object has to be read as
// lines, it is read again from a temporary file, since brackets and newlines decide that at the end of the object only.
func (r *jsonReader) longValue(f valueEnd) (p piece, ok bool, err error) {
	at, length := r.offset(), int64(r.n-r.p)
	var aside tempFile
	defer func() { aside.close() }()
	if r.values && f.kind == '{' {
		if aside, err = r.putAside(); err != nil {
			return p, false, err
		}
	}
	newline := false
	r.beginLong()
	for end := -1; end < 0; {
		if aside.File != nil {
			newline = newline || bytes.IndexByte(r.buf[r.p:r.n], '\n') >= 0
			if length <= int64(r.whole) {
				if _, err := aside.Write(r.buf[r.p:r.n]); err != nil {
					return p, false, err
				}
			}
		}
		if r.eof {
			if !newline {
				r.p = r.n
				break
			}
			if length > int64(r.whole) {
				return p, false, r.longerThanHeld()
			}
			r.values, r.array, r.fell = false, false, true
			f := aside
			aside = tempFile{}
			return p, false, r.again(f, at)
		}
		if err := r.more(); err != nil {
			return p, false, err
		}
		end = f.feed(r.buf[r.p:r.n], 0)
		if end >= 0 {
			length += int64(end)
			r.p += end
		} else {
			length += int64(r.n - r.p)
		}
	}
	return r.endLong(length, at), true, nil
}

// blanks moves to the next record's first byte, over blanks, byte order marks and, among values, the array's brackets and
// commas. more is false at the end of the object.
func (r *jsonReader) blanks() (more bool, err error) {
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

// beginJSON opens the object and decides how it is read.
func (r *jsonReader) beginJSON() error {
	if err := r.begin(); err != nil {
		return err
	}
	more, err := r.blanks()
	if err != nil || !more {
		return err
	}
	switch r.buf[r.p] {
	case '<':
		if err := r.need(betweenBytes); err != nil {
			return err
		}
		if r.orXML && eventxml.Looks(r.buf[r.p:r.n]) {
			return errWindowsXML
		}
		return r.refuseXML()
	case '[':
		c, err := r.after(r.p + 1)
		r.values = c == '{' || c == ']'
		return err
	case '{':
		return r.beginObject()
	}
	return nil
}

// refuseXML refuses an object that is XML: it begins as XML does, and no line at hand begins as JSON does. Otherwise the line is broken.
func (r *jsonReader) refuseXML() error {
	if err := r.need(r.lineMax); err != nil {
		return err
	}
	if !looks.XML(r.buf[r.p:r.n]) {
		return nil
	}
	for line := range bytes.Lines(r.buf[r.p:r.n]) {
		if looks.JSON(bytes.TrimLeft(line, " \t")) {
			return nil
		}
	}
	return unreadable(looks.RefusedXML(r.buf[r.p:r.n]))
}

// after returns the first byte that is not blank at or after the absolute index i, or 0 if there is none within the
// window. It may read on; p stays at the same byte.
func (r *jsonReader) after(i int) (byte, error) {
	i -= r.p
	if err := r.need(r.lineMax); err != nil {
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
func (r *jsonReader) beginObject() error {
	f := valueEnd{bound: boundLine}
	end := f.feed(r.buf[r.p:r.n], 0)
	if end < 0 {
		have := r.n - r.p
		if err := r.need(r.lineMax); err != nil {
			return err
		}
		end = f.feed(r.buf[r.p:r.n], have)
	}
	if end < 0 || f.depth == 0 {
		return nil // one line, or one too long to tell
	}
	if err := r.need(r.lineMax); err != nil {
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

// bound is what ends a value in addition to its own end.
type bound uint8

const (
	boundLine  bound = iota // a newline ends it, whatever is open
	boundArray              // an element of a top-level array: a bare word ends at a comma, bracket or blank
	boundTop                // several lines a value, at the top: a bare word ends with its line
)

// valueEnd finds where one value ends by its brackets and quotes alone, in as many pieces as it comes. It does not check JSON;
// the Scanner does. A string ends with its line at the latest (JSON allows no newline inside one), so that a missing quote
// costs one record.
type valueEnd struct {
	bound bound
	kind  byte // '{' brackets, '"' a string, 'w' a bare word, 0 not begun
	depth int
	str   bool // inside a string
	esc   bool // after a backslash
}

// feed looks at b from i on and returns the index after the value, or -1 if the value does not end in b. The
// next call must have more of the same bytes, and i the old length. A value that a newline ends does not include it.
func (f *valueEnd) feed(b []byte, i int) int {
	if f.kind == 0 && i < len(b) {
		switch b[i] {
		case '{', '[':
			f.kind, f.depth = '{', 1
		case '"':
			f.kind, f.str = '"', true
		default:
			f.kind = 'w'
		}
		i++
	}
	if f.kind == 'w' {
		return f.word(b, i)
	}
	for i < len(b) {
		if f.str {
			if i = f.inString(b, i); f.str {
				if i < len(b) { // a newline of boundLine
					return i
				}
				return -1
			}
			if f.kind == '"' {
				return i
			}
			continue
		}
		switch b[i] {
		case '{', '[':
			f.depth++
		case '}', ']':
			if f.depth--; f.depth == 0 {
				return i + 1
			}
		case '"':
			f.str = true
		case '\n':
			if f.bound == boundLine {
				return i
			}
		}
		i++
	}
	return -1
}

// inString continues inside a string. It leaves str set if the string does not end in b, or if a newline at the returned
// index ends the value.
func (f *valueEnd) inString(b []byte, i int) int {
	if f.esc && i < len(b) {
		f.esc = false
		if b[i] != '\n' {
			i++
		}
	}
	for {
		i = special(b, i)
		if i >= len(b) {
			return i
		}
		switch b[i] {
		case '"':
			f.str = false
			return i + 1
		case '\n':
			if f.bound == boundLine {
				return i
			}
			f.str = false
			return i
		case '\\':
			if i+1 >= len(b) {
				f.esc = true
				return i + 1
			}
			if b[i+1] != '\n' {
				i++
			}
		}
		i++
	}
}

func (f *valueEnd) word(b []byte, i int) int {
	if f.bound != boundArray {
		if k := bytes.IndexByte(b[min(i, len(b)):], '\n'); k >= 0 {
			return i + k
		}
		return -1
	}
	for ; i < len(b); i++ {
		if c := b[i]; blank(c) || c == ',' || c == '[' || c == ']' || c == '{' || c == '"' {
			return i
		}
	}
	return -1
}

// valueLen is the length of the first value of b, an object, by its brackets; all of b if it does not close.
func valueLen(b []byte) int {
	f := valueEnd{bound: boundTop}
	if n := f.feed(b, 0); n >= 0 {
		return n
	}
	return len(b)
}
