package decode

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"

	"github.com/silt-etl/silt/internal/decode/fields"
	"github.com/silt-etl/silt/internal/decode/zeeklog"
)

// linesFramer frames and scans objects whose records are lines: a line is one column, or a pattern's groups are.
type linesFramer struct {
	lines    lineReader
	s        *Scanner
	patterns []linePattern // none: a line is the one column
	column   textColumn
	matched  *textColumn // the number of the pattern; nil: it is not read
}

// linePattern is one of the patterns that lines can match.
type linePattern struct {
	re     *regexp.Regexp
	needs  [][]byte     // texts that every line that matches has
	number []byte       // from 1
	groups []textColumn // without a name: not read
}

func newLinesFramer(spec *Spec, s *Scanner, o Options) framer {
	format := &spec.Format
	f := &linesFramer{lines: newLineReader(format, o), s: s}
	if format.Pattern == nil {
		name := extraColumn(0)
		if len(format.Columns) > 0 {
			name = format.Columns[0]
		}
		f.column = s.textColumn(name)
		return f
	}
	captured := false
	for i, re := range append([]*regexp.Regexp{format.Pattern}, format.OtherPatterns...) {
		p := linePattern{re: re, needs: neededTexts(re), number: strconv.AppendInt(nil, int64(i+1), 10)}
		for _, name := range re.SubexpNames() {
			if name == "" {
				p.groups = append(p.groups, textColumn{})
				continue
			}
			captured = captured || strings.EqualFold(name, MatchedColumn)
			if at := format.column(name); at >= 0 {
				name = format.Columns[at]
			}
			p.groups = append(p.groups, s.textColumn(name))
		}
		f.patterns = append(f.patterns, p)
	}
	if at := format.column(MatchedColumn); at >= 0 && !captured && len(f.patterns) > 1 {
		column := s.textColumn(format.Columns[at])
		f.matched = &column
	}
	return f
}

func (f *linesFramer) open(r io.Reader) { f.lines.reset(r) }

func (f *linesFramer) next() (raw []byte, rej *Reject, err error) {
	p, err := f.lines.next()
	if err == nil && p.reject == nil {
		p.reject = f.scan(p.bytes)
	}
	return p.bytes, p.reject, err
}

func (f *linesFramer) kept(raw, _ []byte) *Reject {
	if _, rej := f.lines.tooLong(raw, -1); rej != nil {
		return rej
	}
	return f.scan(raw)
}

func (f *linesFramer) context() []byte { return nil }

func (f *linesFramer) offset() int64 { return f.lines.at }

func (f *linesFramer) scan(b []byte) *Reject {
	s := f.s
	if rej := s.beginText(b); rej != nil {
		return rej
	}
	if len(f.patterns) == 0 {
		s.field(f.column.nodeOf(s), b)
		return s.overBudget()
	}
	for i := range f.patterns {
		p := &f.patterns[i]
		if len(f.patterns) > 1 && !p.possible(b) {
			continue
		}
		m := p.re.FindSubmatchIndex(b)
		if m == nil || m[0] != 0 || m[1] != len(b) {
			continue
		}
		for i := range p.groups {
			if g := &p.groups[i]; g.name != "" && m[2*i] >= 0 {
				s.field(g.nodeOf(s), b[m[2*i]:m[2*i+1]])
			}
		}
		if f.matched != nil {
			s.field(f.matched.nodeOf(s), p.number)
		}
		return s.overBudget()
	}
	if len(f.patterns) > 1 {
		return &Reject{Code: ReasonNoMatch, Message: fmt.Sprintf("the line does not match any of the %d patterns", len(f.patterns))}
	}
	return &Reject{Code: ReasonNoMatch, Message: "the line does not match the pattern"}
}

// minNeeded is the length from which a text that a pattern needs is searched for: shorter ones are in most lines.
const minNeeded = 4

// possible is false if the line lacks a text that the pattern needs. Searching for texts costs much less than matching, and most
// patterns of a mapping with many do not fit a line.
func (p *linePattern) possible(b []byte) bool {
	for _, t := range p.needs {
		if !bytes.Contains(b, t) {
			return false
		}
	}
	return true
}

// neededTexts returns texts that are in everything that matches re.
func neededTexts(re *regexp.Regexp) (needs [][]byte) {
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		return nil
	}
	var run []byte
	end := func() {
		if len(run) >= minNeeded {
			needs = append(needs, run)
		}
		run = nil
	}
	var walk func(*syntax.Regexp)
	walk = func(t *syntax.Regexp) {
		switch {
		case t.Op == syntax.OpLiteral && t.Flags&syntax.FoldCase == 0:
			run = append(run, string(t.Rune)...)
		case t.Op == syntax.OpCapture, t.Op == syntax.OpConcat:
			for _, sub := range t.Sub {
				walk(sub)
			}
		case t.Op == syntax.OpPlus, t.Op == syntax.OpRepeat && t.Min > 0:
			end()
			walk(t.Sub[0])
			end()
		case t.Op == syntax.OpEmptyMatch:
		default:
			end()
		}
	}
	walk(tree)
	end()
	return needs
}

func detectLines(sample *sample) (Detected, bool) {
	lines := sample.lines
	if len(lines) == 1 || sample.binary() {
		return Detected{}, false
	}
	return Detected{Format{Name: FormatLine, Columns: []string{"line"}}, "its lines have no common shape. Try: a -- pattern: line that splits them into fields"}, true
}

// namingComment begins a comment that names the columns: #fields of Zeek, #Fields: of W3C, IIS and CloudFront.
const namingComment = "#fields"

// lineReader cuts an object into lines, except that a CSV record continues if a line ends inside quotes. If quotes do not close,
// or are followed by more text of the field, the line that the record began in is rejected, and the next line begins a record. A record with a
// newline inside is no longer than lineMax.
type lineReader struct {
	window
	csv     *fields.CSV // nil: a newline always ends a record
	comment string      // lines that begin with it are not records; "": all are
	begins  *regexp.Regexp
	counted bool
	at      int64  // where the last record begins
	naming  []byte // the last comment that begins with #fields, until the CSV framer has taken it
}

func newLineReader(f *Format, o Options) lineReader {
	return lineReader{window: newWindow(o), comment: f.Comment, begins: f.Begins, counted: f.Counted}
}

// next returns the next record, and io.EOF after the last. Errors are those of jsonReader.next.
func (r *lineReader) next() (p piece, err error) {
	if !r.begun {
		r.begun = true
		if err := r.begin(); err != nil {
			return piece{}, err
		}
	}
	r.shrink()
	if p, err = r.cut(); err == nil {
		r.pieces++
		r.at = p.at
	}
	return p, err
}

func (r *lineReader) cut() (piece, error) {
	for {
		if err := r.need(len(bom)); err != nil {
			return piece{}, err
		}
		if bytes.HasPrefix(r.buf[r.p:r.n], []byte(bom)) {
			r.p += len(bom)
		}
		var why string
		if r.counted {
			var p piece
			var err error
			if p, why, err = r.countedRecord(); why == "" {
				return p, err
			}
		}
		end, next, ok, err := r.lineEnd(0, r.held)
		if err != nil {
			return piece{}, err
		}
		if !ok {
			at := r.offset()
			p, skip, err := r.longLine()
			if skip {
				continue
			}
			p.at = at
			return p, err
		}
		b := withoutCR(r.buf[r.p : r.p+end])
		switch {
		case end == next && end == 0:
			return piece{}, io.EOF
		case allBlank(b), r.isComment(b):
			if r.csv != nil && isNaming(b) {
				r.naming = append(r.naming[:0], b...)
			}
			r.p += next
			continue
		}
		if r.csv != nil && b[0] == '#' && isNaming(b) { // a record where comments are not declared; its names hold for those after it
			r.naming = append(r.naming[:0], b...)
		}
		at := r.offset()
		var p piece
		p.at = at
		p.bytes, p.reject = r.tooLong(b, at)
		if why != "" && p.reject == nil {
			p.reject = &Reject{Code: ReasonNoMatch, Message: why}
		}
		if r.begins != nil && p.reject == nil {
			return r.severalLines(end, next)
		}
		if r.csv == nil || p.reject != nil {
			r.p += next
			return p, nil
		}
		first, after := len(b), next
		state := r.csv.Split(b)
		for state == fields.Open && next > end && next <= r.lineMax {
			if end, next, ok, err = r.lineEnd(next, r.lineMax); err != nil {
				return piece{}, err
			}
			if !ok || end > r.lineMax {
				break
			}
			b = withoutCR(r.buf[r.p : r.p+end])
			state = r.csv.More(b)
		}
		if state != fields.Whole {
			p = piece{at: at, bytes: r.buf[r.p : r.p+first], reject: quoteFault(r.csv, state)}
			next = after
		} else {
			p.bytes, p.reject = r.tooLong(b, at)
		}
		r.p += next
		return p, nil
	}
}

// maxCount is how many digits the number of bytes of a record has.
const maxCount = 9

// countedRecord cuts out a record by the number of its bytes in front of it. A fault says why that cannot be; the line is then rejected, and
// the next line begins a record.
func (r *lineReader) countedRecord() (p piece, fault string, err error) {
	for {
		if err := r.need(maxCount + 1); err != nil {
			return piece{}, "", err
		}
		if r.p == r.n || !blank(r.buf[r.p]) {
			break
		}
		r.p++ // some senders end a record with a newline that they do not count
	}
	if r.p == r.n {
		return piece{}, "", io.EOF
	}
	head, _, ok := bytes.Cut(r.buf[r.p:min(r.n, r.p+maxCount+1)], []byte(" "))
	size, err := strconv.Atoi(string(head))
	switch {
	case !ok || err != nil || size <= 0:
		return piece{}, "the number of its bytes is not in front of the record", nil
	case size > r.max:
		return piece{}, fmt.Sprintf("the record has %d bytes; at most %d are accepted", size, r.max), nil
	}
	from := len(head) + 1
	if err := r.need(from + size); err != nil {
		return piece{}, "", err
	}
	if r.n-r.p < from+size {
		return piece{}, fmt.Sprintf("the object ends before the %d bytes of the record", size), nil
	}
	r.p += from
	p = piece{at: r.offset(), bytes: trimRight(r.buf[r.p : r.p+size])}
	r.p += size
	return p, "", nil
}

// severalLines cuts out a record whose first line ends at end, with the lines up to one that begins another record. Lines that together are
// longer than a record can be are rejected.
func (r *lineReader) severalLines(end, next int) (piece, error) {
	p := piece{at: r.offset()}
	for next > end {
		lineEnd, after, ok, err := r.lineEnd(next, r.held)
		if err != nil {
			return piece{}, err
		}
		if !ok || lineEnd > r.max {
			p.reject = r.longer(int64(next), p.at)
			p.reject.Message += "; the line after that makes the record longer than this"
			break
		}
		if lineEnd == after && lineEnd == next || r.begins.Match(withoutCR(r.buf[r.p+next:r.p+lineEnd])) {
			break
		}
		end, next = lineEnd, after
	}
	p.bytes = bytes.TrimRight(r.buf[r.p:r.p+end], "\r\n")
	if p.reject != nil {
		p.bytes, p.reject.Offset, p.reject.Length = p.bytes[:min(len(p.bytes), r.kept)], p.at, int64(next)
	}
	r.p += next
	return p, nil
}

func (r *lineReader) isComment(b []byte) bool {
	return r.comment != "" && bytes.HasPrefix(b, []byte(r.comment))
}

// longLine passes a line that is longer than held, to what comes after its newline. skip says that it is not a record.
func (r *lineReader) longLine() (p piece, skip bool, err error) {
	at := r.offset()
	skip = r.isComment(r.buf[r.p:r.n])
	empty := allBlank(r.buf[r.p:r.n])
	length := int64(r.n - r.p)
	last := r.buf[r.n-1]
	r.beginLong()
	for ended := false; !ended; {
		if err := r.more(); err != nil {
			return piece{}, false, err
		}
		line := r.buf[r.p:r.n]
		after := len(line)
		if j := bytes.IndexByte(line, '\n'); j >= 0 {
			line, after, ended = line[:j], j+1, true
		}
		if len(line) > 0 {
			last = line[len(line)-1]
		}
		empty = empty && allBlank(line)
		length += int64(len(line))
		r.p += after
		ended = ended || r.eof
	}
	if last == '\r' {
		length--
	}
	return r.endLong(length, at), skip || empty, nil
}

// lineEnd finds the end of the line that continues at p+from: how many bytes it is from p to its newline and to what comes after
// that. Both are the same at the end of the object. ok is false if there are more than limit bytes from p to its end.
func (r *lineReader) lineEnd(from, limit int) (end, next int, ok bool, err error) {
	for at := from; ; {
		if j := bytes.IndexByte(r.buf[r.p+at:r.n], '\n'); j >= 0 {
			return at + j, at + j + 1, true, nil
		}
		at = r.n - r.p
		if r.eof {
			return at, at, true, nil
		}
		if at > limit {
			return 0, 0, false, nil
		}
		if err = r.fill(); err != nil {
			return 0, 0, false, err
		}
	}
}

// zeekFramer frames and scans logs of Zeek: lines of JSON, or of text whose columns the #fields line above them names. Both can be in one
// object, and the columns can change. A line of text is scanned as the JSON object that Zeek would have written.
type zeekFramer struct {
	lines lineReader
	s     *Scanner
	head  zeeklog.Head
	json  []byte // the last record as the scanner has seen it
}

func newZeekFramer(spec *Spec, s *Scanner, o Options) framer {
	return &zeekFramer{lines: newLineReader(&spec.Format, o), s: s}
}

func (f *zeekFramer) open(r io.Reader) {
	f.lines.reset(r)
	f.head = zeeklog.New()
}

func (f *zeekFramer) context() []byte { return f.head.Text() }

func (f *zeekFramer) offset() int64 { return f.lines.at }

// object is the last record as the scanner has seen it.
func (f *zeekFramer) object() []byte { return f.json }

func (f *zeekFramer) next() (raw []byte, rej *Reject, err error) {
	for {
		p, err := f.lines.next()
		if err != nil {
			return nil, nil, err
		}
		if p.reject == nil && len(p.bytes) > 0 && p.bytes[0] == '#' {
			f.head.Add(p.bytes)
			continue
		}
		columns := f.head.Record(p.bytes)
		if p.reject == nil {
			p.reject = f.scan(p.bytes, columns)
		}
		return p.bytes, p.reject, nil
	}
}

func (f *zeekFramer) kept(raw, context []byte) *Reject {
	f.head = zeeklog.New()
	for line := range bytes.SplitSeq(context, []byte("\n")) {
		f.head.Add(line)
	}
	if _, rej := f.lines.tooLong(raw, -1); rej != nil {
		return rej
	}
	return f.scan(raw, f.head.Record(raw))
}

func (f *zeekFramer) scan(b []byte, columns int) *Reject {
	if len(b) > 0 && b[0] == '{' {
		f.json = append(reuse(f.json), b...)
		return scanWhole(f.s, f.json)
	}
	if rej := badText(b); rej != nil {
		return rej
	}
	if f.head.Columns() == 0 {
		return &Reject{Code: ReasonColumns, Message: "no #fields line above the record names its columns"}
	}
	if columns != f.head.Columns() {
		return &Reject{Code: ReasonColumns, Message: fmt.Sprintf("the record has %d columns, but the #fields line above it names %d", columns, f.head.Columns())}
	}
	f.json = f.head.Object(reuse(f.json), b)
	return scanWhole(f.s, f.json)
}

func detectZeek(sample *sample) (Detected, bool) {
	if !bytes.HasPrefix(sample.text, []byte("#separator ")) || !bytes.Contains(sample.text, []byte("#fields")) {
		return Detected{}, false
	}
	return Detected{Format{Name: FormatZeek}, "it begins with a #separator line, as logs of Zeek do"}, true
}
