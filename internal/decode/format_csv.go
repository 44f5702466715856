package decode

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/silt-etl/silt/internal/decode/fields"
	"github.com/silt-etl/silt/internal/decode/looks"
)

// csvFramer frames and scans objects of delimited values.
type csvFramer struct {
	lines lineReader // its csv has cut the record at hand
	csv   *fields.CSV
	s     *Scanner
	f     *Format

	plain   []textColumn // of an object without a header
	layouts []csvLayout  // of Format.Layouts
	columns []textColumn // of the object at hand
	header  []byte       // the object's header line, nil without one
	begun   bool         // a record of the object was read
	words   bool         // a record of the object has nothing but words, so that it could be taken for a header
	values  bool         // a record of the object has other values
	naming  []byte       // the last comment of the object that names columns, nil without one
	fault   *Reject      // of the records after a comment whose names cannot be followed
}

func newCSVFramer(spec *Spec, s *Scanner, o Options) framer {
	f := &csvFramer{lines: newLineReader(&spec.Format, o), csv: spec.Format.csv(), s: s, f: &spec.Format}
	f.lines.csv = f.csv
	for _, name := range f.f.Columns {
		f.plain = append(f.plain, s.textColumn(name))
	}
	f.columns = f.plain
	for i := range f.f.Layouts {
		f.layouts = append(f.layouts, f.newLayout(&f.f.Layouts[i]))
	}
	return f
}

// csvLayout is a Layout, prepared.
type csvLayout struct {
	columns []textColumn
	braces  []int // of Format.Braces, as indexes
	expects []csvExpect
}

type csvExpect struct {
	at int
	*Expect
}

func (f *csvFramer) newLayout(l *Layout) (out csvLayout) {
	for i, name := range l.Columns {
		out.columns = append(out.columns, f.s.textColumn(name))
		if slices.ContainsFunc(f.f.Braces, func(b string) bool { return strings.EqualFold(b, name) }) {
			out.braces = append(out.braces, i)
		}
		for k := range f.f.Expects {
			if e := &f.f.Expects[k]; strings.EqualFold(e.Column, name) {
				out.expects = append(out.expects, csvExpect{i, e})
			}
		}
	}
	return out
}

// fits tells whether the record b, whose list of columns is i, has these columns.
func (f *csvFramer) fits(b []byte, i int) *Reject {
	l, of := &f.layouts[i], &f.f.Layouts[i]
	for _, at := range l.braces {
		f.csv.Join(b, at, '{', '}')
	}
	if n := f.csv.Len(); f.f.Closed && n > len(l.columns) && (n > len(l.columns)+1 || len(f.csv.Field(b, n-1)) > 0) {
		return &Reject{Code: ReasonColumns, Message: fmt.Sprintf("the record has %d fields, but the list of columns for %s has %d. A release that is not in the list may have written it", n, of.Value, len(l.columns))}
	}
	for _, e := range l.expects {
		if e.at >= f.csv.Len() {
			break
		}
		if v := f.csv.Field(b, e.at); len(v) > 0 && !e.Pattern.Match(v) {
			return &Reject{Code: ReasonColumns, Message: fmt.Sprintf("field %d is %.40q, which is not a value of %s. The record has other columns than the list for %s", e.at+1, v, e.Column, of.Value)}
		}
	}
	return nil
}

func (f *csvFramer) open(r io.Reader) {
	f.lines.reset(r)
	f.lines.naming = nil
	f.begun, f.words, f.values = false, false, false
}

func (f *csvFramer) withoutHeader() {
	f.columns, f.header, f.naming, f.fault = f.plain, nil, nil, nil
}

func (f *csvFramer) context() []byte { return f.header }

func (f *csvFramer) offset() int64 { return f.lines.at }

func (f *csvFramer) next() (raw []byte, rej *Reject, err error) {
	if !f.lines.begun {
		f.withoutHeader()
	}
	for {
		p, err := f.lines.next()
		if err != nil {
			return nil, nil, err
		}
		rej := p.reject
		if len(f.lines.naming) > 0 {
			f.named(bytes.Clone(f.lines.naming))
			f.begun = f.begun || f.header != nil
			f.lines.naming = f.lines.naming[:0]
		}
		if rej == nil {
			is, missing := f.isHeader(p.bytes, !f.begun)
			if missing != nil {
				return nil, nil, missing
			}
			f.begun = true
			if is {
				continue
			}
			rej = f.scan(p.bytes)
		} else if !f.begun {
			f.begun = true
			if f.f.Header == HeaderYes {
				return nil, nil, &Reject{Code: ReasonHeader, Message: "the first record must be a header, but it cannot be read: " + rej.Message + looks.Hint("csv", p.bytes)}
			}
		}
		return p.bytes, rej, nil
	}
}

// kept cuts a record that was not read from its object, and scans it.
func (f *csvFramer) kept(raw, context []byte) *Reject {
	switch {
	case len(context) == 0:
		f.withoutHeader()
	case !bytes.Equal(context, f.header):
		if isNaming(context) {
			f.withoutHeader()
			for comment := range bytes.SplitSeq(bytes.Clone(context), []byte("\n")) {
				f.named(comment)
			}
			break
		}
		if f.csv.Split(context) != fields.Whole {
			return &Reject{Code: ReasonHeader, Message: "the header that was kept with the record cannot be read"}
		}
		f.header = bytes.Clone(context)
		f.readHeader(f.header)
	}
	if state := f.csv.Split(raw); state != fields.Whole {
		return quoteFault(f.csv, state)
	}
	if _, rej := f.lines.tooLong(raw, -1); rej != nil {
		return rej
	}
	return f.scan(raw)
}

// scan sets leaves and rest of the record b, which was cut last.
func (f *csvFramer) scan(b []byte) *Reject {
	s := f.s
	if rej := s.beginText(b); rej != nil {
		return rej
	}
	if f.fault != nil {
		return f.fault
	}
	if f.csv.Start() > 0 {
		base := len(s.fields)
		s.fields, _ = fields.Syslog(s.fields, b)
		s.below(s.childNamed(s.root, SyslogKey), base, len(s.fields))
		s.fields = s.fields[:base]
	}
	columns := f.columns
	if i := f.layout(b); i >= 0 {
		if rej := f.fits(b, i); rej != nil {
			return rej
		}
		columns = f.layouts[i].columns
	} else if n := f.csv.Len(); f.f.Closed && f.header != nil && n > len(columns) && (n > len(columns)+1 || len(f.csv.Field(b, n-1)) > 0) {
		return &Reject{Code: ReasonColumns, Message: fmt.Sprintf("the record has %d fields, but the header names %d columns", n, len(columns))}
	}
	if n := f.csv.Len(); s.redactor != nil && n > len(columns) && (n > len(columns)+1 || len(f.csv.Field(b, n-1)) > 0) {
		return &Reject{Code: ReasonColumns, Message: fmt.Sprintf("the record has %d fields, but there are %d columns, so a value that must not be seen may be in another column", n, len(columns))}
	}
	for i := range f.csv.Len() {
		s.field(f.at(columns, i), f.csv.Field(b, i))
	}
	return s.overBudget()
}

// layout gives the list of columns of the record b, as an index of Format.Layouts; -1: that of its object.
func (f *csvFramer) layout(b []byte) int {
	if f.header == nil {
		for i, l := range f.f.Layouts {
			if l.At < f.csv.Len() && string(f.csv.Field(b, l.At)) == l.Value {
				return i
			}
		}
	}
	return -1
}

// at is the node of column i.
func (f *csvFramer) at(columns []textColumn, i int) *node {
	if i >= len(columns) {
		return f.s.child(f.s.root, []byte(extraColumn(i)))
	}
	return columns[i].nodeOf(f.s)
}

// isHeader tells whether the record b names the columns, and takes them from it: the first record of an object, or a later one in
// an object that was put together from several. The reader has just cut it.
func (f *csvFramer) isHeader(b []byte, first bool) (bool, *Reject) {
	switch {
	case f.f.Header == HeaderNo:
		return false, nil
	case !first && f.header != nil && bytes.Equal(b, f.header):
		return true, nil
	case !first && !f.canBeNames(b):
		f.values = true
		return false, nil
	}
	var values []string
	for i := range f.csv.Len() {
		values = append(values, headerName(f.csv.Field(b, i)))
	}
	names := fields.NewNames(values, f.f.Columns)
	switch {
	case !first:
		var now []string // the header at hand can have most of the names, too
		for _, c := range f.columns {
			now = append(now, c.name)
		}
		same := fields.NewNames(values, now)
		if (names.Known() < 2 || !names.Most()) && (same.Known() < 2 || !same.Most()) &&
			(names.Known()+same.Known() == 0 || !f.misread(b) && (f.words || !f.values)) {
			f.words = true
			return false, nil
		}
	case f.f.Header == HeaderAuto && names.Known() == 0 && f.canBeNames(b) && f.misread(b):
		return false, &Reject{Code: ReasonHeader, Message: "the first record looks like a header, but it names no column of raw.sql. New columns: " + names.New()}
	case f.f.Header == HeaderAuto && !names.Most() && (names.Known() == 0 || len(values) < 2 || !f.canBeNames(b)):
		f.words = f.canBeNames(b)
		f.values = !f.words
		return false, nil
	case names.Known() == 0:
		return false, &Reject{Code: ReasonHeader, Message: "the first record must be a header, but it names no column of raw.sql: " + strconv.QuoteToGraphic(string(b[:min(80, len(b))])) + looks.Hint("csv", b)}
	}
	f.header = bytes.Clone(b)
	f.readHeader(f.header)
	return true, nil
}

// canBeNames tells whether each value of the record b can be the name of a column.
func (f *csvFramer) canBeNames(b []byte) bool {
	n := f.csv.Len()
	if n == 0 || !fields.CanBeName(f.csv.Field(b, n-1)) {
		return false
	}
	for i := range n - 1 {
		if !fields.CanBeName(f.csv.Field(b, i)) {
			return false
		}
	}
	return true
}

// misread tells whether the record b has words where raw.sql declares a time or, more than once, a number.
func (f *csvFramer) misread(b []byte) bool {
	wrong := 0
	for i := range min(len(f.columns), f.csv.Len()) {
		k := f.columns[i].node
		if k == nil || k.leaf < 0 || len(f.csv.Field(b, i)) == 0 {
			continue
		}
		switch f.s.leaves[k.leaf].kind {
		case Timestamp:
			wrong += 2
		case Int32, Int64, Double:
			wrong++
		}
	}
	return wrong > 1
}

// isNaming tells whether a line names the columns, as #fields of Zeek and #Fields: of W3C do.
func isNaming(b []byte) bool {
	return len(b) > len(namingComment) && bytes.EqualFold(b[:len(namingComment)], []byte(namingComment))
}

// named takes the columns from a comment that names them. If most of its names are columns of raw.sql, or one is at another place than
// there, the records after it are read by these names. If none is, the mapping can have names of its own: the columns must be as many, and
// must not have changed within the object. Otherwise the records after it are rejected, because their values could be taken for
// others. One name is not a list.
func (f *csvFramer) named(comment []byte) {
	values := strings.FieldsFunc(string(comment[len(namingComment):]), func(r rune) bool { return r == ' ' || r == '\t' || r == ':' || r == rune(f.f.Delimiter) })
	if len(values) < 2 {
		return
	}
	before := f.naming
	f.naming, f.fault = comment, nil
	names := fields.NewNames(values, f.f.Columns)
	switch changed := before != nil && !bytes.Equal(before, comment); {
	case names.Most(), names.Known() > 0 && !names.InPlace():
		f.columns, f.header = nil, comment
		for i, name := range values {
			if at := names.At(i); at >= 0 {
				name = f.f.Columns[at]
			}
			f.columns = append(f.columns, f.s.textColumn(name))
		}
	case changed:
		f.header = slices.Concat(before, []byte("\n"), comment)
		f.fault = &Reject{Code: ReasonColumns, Message: "a #fields line within the object names other columns than the one before it, and most of them are not columns of raw.sql. New columns: " + names.New()}
	case names.Known() > 0 || !names.InPlace():
		f.header = comment
		f.fault = &Reject{Code: ReasonColumns, Message: fmt.Sprintf("the #fields line names %d columns, and raw.sql has %d, of which %d have the same name. New columns: %s. Try: name the columns in raw.sql, or in a `-- columns:` line, as the #fields line does", len(values), len(f.f.Columns), names.Known(), names.New())}
	}
}

func headerName(v []byte) string { return string(bytes.TrimSpace(v)) }

// readHeader takes the columns from a header that was cut last.
func (f *csvFramer) readHeader(b []byte) {
	f.columns, f.fault = nil, nil
	for i := range f.csv.Len() {
		name := headerName(f.csv.Field(b, i))
		at := f.f.column(name)
		if at >= 0 {
			name = f.f.Columns[at]
		}
		if name == "" {
			name = extraColumn(i)
		}
		f.columns = append(f.columns, f.s.textColumn(name))
	}
}

func extraColumn(i int) string { return "column_" + strconv.Itoa(i+1) }

func quoteFault(csv *fields.CSV, state fields.State) *Reject {
	quote, at := csv.Fault()
	msg := "the quote at byte " + strconv.Itoa(quote+1)
	if state == fields.Broken {
		return &Reject{Code: ReasonQuote, Message: msg + " is closed at byte " + strconv.Itoa(at) + ", and neither a delimiter nor the end of the line follows"}
	}
	return &Reject{Code: ReasonQuote, Message: msg + " is not closed"}
}

// detectCSV takes the delimiter that gives most lines the same number of fields, and more than one.
func detectCSV(sample *sample) (Detected, bool) {
	lines := sample.lines
	comment := ""
	for len(lines) > 1 && lines[0][0] == '#' {
		comment, lines = "#", lines[1:]
	}
	best, width, same := Format{}, 0, 0
	var of [][]byte
	for _, escape := range []byte{0, '\\'} { // without one first: in quotes a Windows path may end in a backslash
		for _, delimiter := range []byte{'\t', ',', ';', '|', ' '} {
			f := Format{Name: FormatCSV, Delimiter: delimiter, Quote: '"', Escape: escape, Comment: comment}
			c := f.csv()
			counts := map[int]int{}
			records := joinQuotedLines(c, lines)
			if delimiter != ' ' && !separates(delimiter, records) {
				continue
			}
			for _, l := range records {
				if c.Split(l) == fields.Whole {
					counts[c.Len()]++
				}
			}
			least := 2
			if delimiter == ' ' { // prose has blanks, too
				least = 5
			}
			for n, k := range counts {
				if n >= least && mostLines(k, records) && n > width {
					best, width, same, of = f, n, k, records
				}
			}
		}
		if width > 0 {
			break
		}
	}
	if width == 0 || len(lines) == 1 && best.Delimiter == ' ' && (width < 12 || !bytes.Contains(lines[0], []byte(` "`))) {
		return Detected{}, false
	}
	names := map[byte]string{'\t': "tabs", ',': "commas", ';': "semicolons", '|': "pipes", ' ': "blanks"}
	evidence := fmt.Sprintf("%d of its first %d records have %d fields, separated by %s", same, len(of), width, names[best.Delimiter])
	if hasDashes(best.csv(), of) {
		best.Null = []string{"-"}
	}
	best.Header = HeaderNo
	if header, ok := detectHeader(&best, of); ok {
		best.Header, best.Columns = HeaderYes, header
		return Detected{best, evidence + "; the first is a header"}, true
	}
	for i := range width {
		best.Columns = append(best.Columns, extraColumn(i))
	}
	return Detected{best, evidence + "; no line is a header. Try: name the columns"}, true
}

// separates tells whether most records have the delimiter outside of quotes and brackets: HAProxy's {a|b} is not two columns.
func separates(delimiter byte, records [][]byte) bool {
	n := 0
	for _, l := range records {
		depth, quoted := 0, false
		for _, b := range l {
			if b == delimiter && depth <= 0 && !quoted {
				n++
				break
			}
			switch b {
			case '"':
				quoted = !quoted
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
		}
	}
	return mostLines(n, records)
}

// hasDashes tells whether a field of a record is a single dash, which stands for a missing value.
func hasDashes(c *fields.CSV, records [][]byte) bool {
	for _, l := range records {
		if c.Split(l) != fields.Whole {
			continue
		}
		for i := range c.Len() {
			if string(c.Field(l, i)) == "-" {
				return true
			}
		}
	}
	return false
}

// joinQuotedLines puts lines together that a quoted field goes over, a few at most.
func joinQuotedLines(c *fields.CSV, lines [][]byte) (records [][]byte) {
	for i := 0; i < len(lines); i++ {
		l := lines[i]
		for k := 1; k < 20 && i+k < len(lines) && c.Split(l) == fields.Open; k++ {
			l = append(append(bytes.Clone(l), '\n'), lines[i+k]...)
			if c.Split(l) == fields.Whole {
				i += k
				break
			}
		}
		if c.Split(l) != fields.Whole {
			l = lines[i]
		}
		records = append(records, l)
	}
	return records
}

// detectHeader tells whether the first line names the columns: different names that begin with a letter, and
// that no other line has in the same place.
func detectHeader(f *Format, lines [][]byte) (names []string, ok bool) {
	c := f.csv()
	c.Split(lines[0])
	seen := map[string]bool{}
	for i := range c.Len() {
		n := headerName(c.Field(lines[0], i))
		if n == "" || len(n) > 64 || !(n[0]|0x20 >= 'a' && n[0]|0x20 <= 'z' || n[0] == '_') || strings.ContainsAny(n, "=\"@") {
			return nil, false
		}
		if seen[n] { // its values are below the same name
			continue
		}
		seen[n] = true
		names = append(names, n)
	}
	if len(names) < 2 {
		return nil, false
	}
	different := false
	for _, l := range lines[1:] {
		c.Split(l)
		for i := range min(c.Len(), len(names)) {
			v := string(c.Field(l, i))
			if v == names[i] && c.Len() == len(names) {
				return nil, false
			}
			different = different || v != "" && v[0] >= '0' && v[0] <= '9'
		}
	}
	return names, different
}
