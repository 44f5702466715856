package decode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// jsonFramer frames and scans objects whose records are JSON objects.
type jsonFramer struct {
	r     jsonReader
	s     *Scanner
	line  []byte // what is left of a piece with several values glued together
	valid bool   // it is UTF-8
}

func newJSONFramer(spec *Spec, s *Scanner, o Options) framer {
	if spec.Format.Records != nil {
		return newEnvelopeFramer(spec, s, o)
	}
	return &jsonFramer{r: jsonReader{window: newWindow(o)}, s: s}
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
		if err != nil || p.reject != nil {
			return p.bytes, p.reject, err
		}
		f.line, f.valid = p.bytes, utf8.Valid(p.bytes)
	}
	n, rej := f.s.scan(f.line, f.valid)
	raw, f.line = f.line[:n], f.line[n:]
	if len(f.line) > 0 { // a piece ends without blanks, but there may be some before the next value
		raw = trimRight(raw)
	}
	return raw, rej, nil
}

func (f *jsonFramer) kept(raw, _ []byte) *Reject { return keptObject(f.r.limits, f.s, raw) }

func (f *jsonFramer) context() []byte { return nil }

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
// An object is read in one of two ways, decided by its beginning. Lines: a piece is a line. Values: a piece ends where the brackets
// of a value close. An object is read by values if it begins with an array of objects (its elements are the pieces; the array's own
// brackets and commas belong to none), or if its first value spans several lines. A line longer than 1 MiB (or
// MaxRecordBytes, if that is less) is framed value by value as well, and its newline still ends the open value. Where a value of
// the second way never closes, the rest of the object is read as lines, from that value's first line on.
//
// Blank lines, a byte order mark before a record, and \r before \n are not part of any piece.
type jsonReader struct {
	window
	values bool // framed by values, not by lines
	fell   bool // it was, until a value did not close
	array  bool // inside a top-level array
	long   bool // this line is framed value by value
}

func (r *jsonReader) open(src io.Reader) {
	r.reset(src)
	r.values, r.fell, r.array, r.long = false, false, false, false
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
		if r.values || r.long {
			p, ok, err := r.value()
			if ok || err != nil {
				return p, err
			}
			continue
		}
		b, ok, err := r.line()
		if ok || err != nil {
			return piece{bytes: b}, err
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
	r.p += end
	if !isDocument {
		p.bytes, p.reject = r.tooLong(p.bytes, at)
	}
	return p, true, nil
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
	case '[':
		c, err := r.after(r.p + 1)
		r.values = c == '{' || c == ']'
		return err
	case '{':
		return r.beginObject()
	}
	return nil
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

func jsonArray(text []byte) bool {
	rest := bytes.TrimLeft(text[1:], " \t\r\n")
	return len(rest) == 0 || rest[0] == '{' || rest[0] == ']'
}

func detectJSON(sample *sample) (Detected, bool) {
	text := sample.text
	if len(text) == 0 || text[0] != '{' && (text[0] != '[' || !jsonArray(text)) {
		return Detected{}, false
	}
	if text[0] == '[' {
		return Detected{Format{Name: FormatJSON}, "it begins with an array of objects"}, true
	}
	if key := envelopeOf(text); key != "" {
		return Detected{Format{Name: FormatJSON, Records: []string{key}}, fmt.Sprintf("the elements of the array %s are the records", key)}, true
	}
	return Detected{Format{Name: FormatJSON}, "it begins with an object"}, true
}

// envelopeOf is the key of the array whose elements are the records, "" where documents are records. It is sure only where the
// array is all that the first document has, or is called what it is. The document may be cut off: what is seen of it counts.
func envelopeOf(head []byte) string {
	dec := json.NewDecoder(bytes.NewReader(head))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return ""
	}
	found, keys := "", 0
	cloudWatch := false // documents of CloudWatch Logs have more keys
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			break
		}
		key, _ := t.(string)
		cloudWatch = cloudWatch || key == "messageType" || key == "logGroup"
		if keys++; keys > envelopeKeys && !cloudWatch {
			return ""
		}
		if t, err = dec.Token(); err != nil {
			break
		}
		if t == json.Delim('[') && dec.More() {
			whole, objects := elements(dec)
			switch {
			case !objects && cloudWatch: // subscriptionFilters
			case !objects || found != "":
				return ""
			default:
				found = key
			}
			if !whole {
				break
			}
		}
		if t == json.Delim('[') || t == json.Delim('{') {
			if !skipToEnd(dec) {
				break
			}
		}
	}
	if keys > 1 && !slices.Contains([]string{"records", "events", "logevents"}, strings.ToLower(found)) {
		return ""
	}
	return found
}

// elements reads those of an array: whether it was read to its end, and whether they are objects, one at least.
func elements(dec *json.Decoder) (whole, objects bool) {
	for dec.More() {
		var v json.RawMessage
		if dec.Decode(&v) != nil {
			return false, objects
		}
		if v[0] != '{' {
			return true, false
		}
		objects = true
	}
	return true, objects
}

// skipToEnd reads to the end of the array or object it is in.
func skipToEnd(dec *json.Decoder) bool {
	for depth := 1; depth > 0; {
		t, err := dec.Token()
		if err != nil {
			return false
		}
		switch t {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
	}
	return true
}
