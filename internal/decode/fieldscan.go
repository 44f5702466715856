package decode

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/silt-etl/silt/internal/decode/fields"
)

// textScanner takes records that are text apart and hands the fields to a Scanner. The rules are those of JSON: a field is what
// a string of that text would be, the empty text and those of Format.Null are what null is, and of a name that comes twice
// the first counts.
type textScanner struct {
	f   *Format
	s   *Scanner
	csv *fields.CSV

	columns []textColumn   // of the object at hand
	groups  []textColumn   // of the pattern
	plain   []textColumn   // without a header
	layouts [][]textColumn // of Format.Layouts
	header  []byte         // the object's header line, nil without one
}

// textColumn is a field's place. A node that could not be remembered is looked up by its name each time.
type textColumn struct {
	name string
	node *node
}

type nullTexts []string

func (n nullTexts) has(v []byte) bool {
	if len(v) == 0 {
		return true
	}
	for _, t := range n {
		if string(v) == t {
			return true
		}
	}
	return false
}

func newTextScanner(f *Format, s *Scanner, csv *fields.CSV) *textScanner {
	t := &textScanner{f: f, s: s, csv: csv}
	for _, name := range f.Columns {
		t.plain = append(t.plain, t.column(name))
	}
	t.columns = t.plain
	for _, l := range f.Layouts {
		var all []textColumn
		for _, name := range l.Columns {
			all = append(all, t.column(name))
		}
		t.layouts = append(t.layouts, all)
	}
	if f.Pattern != nil {
		for _, name := range f.Pattern.SubexpNames() {
			if at := f.column(name); at >= 0 {
				name = f.Columns[at]
			}
			t.groups = append(t.groups, t.column(name))
		}
	}
	return t
}

func (t *textScanner) column(name string) textColumn {
	t.s.depth = 1
	if k := t.s.child(t.s.root, []byte(name)); k.known {
		return textColumn{name, k}
	}
	return textColumn{name: name}
}

// open forgets the object before.
func (t *textScanner) open() {
	t.columns, t.header = t.plain, nil
}

// isHeader tells whether the record b, which is the first of its object or equal to its header, names the columns, and takes
// them from it. The Reader has just cut it.
func (t *textScanner) isHeader(b []byte, first bool) (bool, *Reject) {
	if t.csv == nil || t.f.Header == HeaderNo {
		return false, nil
	}
	if !first {
		return t.header != nil && bytes.Equal(b, t.header), nil
	}
	known := 0
	for i := range t.csv.Len() {
		if t.f.column(headerName(t.csv.Field(b, i))) >= 0 {
			known++
		}
	}
	if t.f.Header == HeaderAuto && 2*known <= t.csv.Len() {
		return false, nil
	}
	if known == 0 {
		return false, &Reject{Code: ReasonHeader, Message: "the first record must be a header, and names no column of raw.sql: " + strconv.QuoteToGraphic(string(b[:min(80, len(b))]))}
	}
	t.header = bytes.Clone(b)
	t.readHeader(t.header)
	return true, nil
}

func headerName(v []byte) string { return string(bytes.TrimSpace(v)) }

// readHeader takes the columns from a header that was cut last.
func (t *textScanner) readHeader(b []byte) {
	t.columns = nil
	for i := range t.csv.Len() {
		name := headerName(t.csv.Field(b, i))
		at := t.f.column(name)
		if at >= 0 {
			name = t.f.Columns[at]
		}
		if name == "" {
			name = extraColumn(i)
		}
		t.columns = append(t.columns, t.column(name))
	}
}

func extraColumn(i int) string { return "column_" + strconv.Itoa(i+1) }

// framed prepares for a record that is not read from its object: it is cut here.
func (t *textScanner) framed(raw, context []byte) *Reject {
	if t.csv == nil {
		return nil
	}
	switch {
	case len(context) == 0:
		t.open()
	case !bytes.Equal(context, t.header):
		if t.csv.Split(context) != fields.Whole {
			return &Reject{Code: ReasonHeader, Message: "the header that was kept with the record cannot be read"}
		}
		t.header = bytes.Clone(context)
		t.readHeader(t.header)
	}
	if state := t.csv.Split(raw); state != fields.Whole {
		return quoteFault(t.csv, state)
	}
	return nil
}

// scan sets leaves and rest of the record b, which was cut last.
func (t *textScanner) scan(b []byte) *Reject {
	s := t.s
	s.reset(b)
	s.depth = 1
	if rej := badText(b); rej != nil {
		return rej
	}
	switch t.f.Name {
	case FormatCSV:
		if t.csv.Start() > 0 {
			base := len(s.fields)
			s.fields, _ = fields.Syslog(s.fields, b)
			s.below(s.childNamed(s.root, SyslogKey), base, len(s.fields))
			s.fields = s.fields[:base]
		}
		columns := t.layout(b)
		for i := range t.csv.Len() {
			s.field(t.at(columns, i), t.csv.Field(b, i))
		}
	case FormatLine:
		if rej := t.line(b); rej != nil {
			return rej
		}
	default:
		if fault := t.pairs(b); fault != "" {
			return &Reject{Code: ReasonNoMatch, Message: "not " + strings.ToUpper(string(t.f.Name)) + ": " + fault}
		}
	}
	return s.overBudget()
}

// layout gives the columns of the record b.
func (t *textScanner) layout(b []byte) []textColumn {
	if t.header == nil {
		for i, l := range t.f.Layouts {
			if l.At < t.csv.Len() && string(t.csv.Field(b, l.At)) == l.Value {
				return t.layouts[i]
			}
		}
	}
	return t.columns
}

// at is the node of column i.
func (t *textScanner) at(columns []textColumn, i int) *node {
	if i >= len(columns) {
		return t.s.child(t.s.root, []byte(extraColumn(i)))
	}
	return columns[i].nodeOf(t.s)
}

func (t *textScanner) line(b []byte) *Reject {
	if t.f.Pattern == nil {
		t.s.field(t.at(t.columns, 0), b)
		return nil
	}
	m := t.f.Pattern.FindSubmatchIndex(b)
	if m == nil || m[0] != 0 || m[1] != len(b) {
		return &Reject{Code: ReasonNoMatch, Message: "the line does not match the pattern"}
	}
	for i, name := range t.f.Pattern.SubexpNames() {
		if name == "" || m[2*i] < 0 {
			continue
		}
		t.s.field(t.groups[i].nodeOf(t.s), b[m[2*i]:m[2*i+1]])
	}
	return nil
}

func (c *textColumn) nodeOf(s *Scanner) *node {
	if c.node != nil {
		return c.node
	}
	return s.child(s.root, []byte(c.name))
}

// pairs reads a record that names its own fields, behind a syslog header or not.
func (t *textScanner) pairs(b []byte) (fault string) {
	s := t.s
	base := len(s.fields)
	defer func() { s.fields = s.fields[:base] }()
	head, body := b, b
	switch t.f.Name {
	case FormatKV:
		s.fields, body = fields.Syslog(s.fields, b)
		head = nil
	case FormatCEF, FormatLEEF:
		find := fields.FindCEF
		if t.f.Name == FormatLEEF {
			find = fields.FindLEEF
		}
		i := find(b)
		if i < 0 {
			return "there is no " + strings.ToUpper(string(t.f.Name)) + ": in it"
		}
		s.fields, head = fields.Syslog(s.fields, b[:i])
		body = b[i:]
	}
	if head = bytes.TrimSpace(head); len(head) > 0 {
		s.fields = append(s.fields, fields.Field{Name: fields.MessageKey, Value: head})
	}
	of := len(s.fields)
	switch t.f.Name {
	case FormatKV:
		s.fields, s.text, fault = fields.KV(s.fields, s.text, body, t.f.Delimiter)
	case FormatCEF:
		s.fields, s.text, fault = fields.CEF(s.fields, s.text, body)
	default:
		s.fields, s.text, fault = fields.LEEF(s.fields, s.text, body)
	}
	if fault != "" {
		return fault
	}
	if of > base {
		s.below(s.childNamed(s.root, SyslogKey), base, of)
	}
	s.depth--
	s.below(s.root, of, len(s.fields))
	s.depth++
	return ""
}

// badText refuses what cannot pass through a text column.
func badText(b []byte) *Reject {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return &Reject{Code: ReasonNUL, Message: "a NUL at byte " + strconv.Itoa(i+1)}
	}
	if !utf8.Valid(b) {
		return notUTF8(b)
	}
	return nil
}

// field is value for a text that no JSON holds.
func (s *Scanner) field(k *node, v []byte) {
	again := s.met(k)
	if s.null.has(v) || k.parser != nil && !again && s.parsed(k, v, false) {
		return
	}
	if k.leaf < 0 || again || s.set(k, v, nil) {
		s.emitText(k, v)
	}
}

// below sets the fields from..to of s.fields as keys of k.
func (s *Scanner) below(k *node, from, to int) {
	s.depth++
	for i := from; i < to; i++ {
		f := s.fields[i]
		at := k
		if f.Section != nil {
			at = s.child(k, f.Section)
			s.depth++
		}
		var n *node
		if f.Name != "" {
			n = s.childNamed(at, f.Name)
		} else {
			n = s.child(at, f.Key)
		}
		switch {
		case !f.Derived:
			s.field(n, f.Value)
		case n.leaf >= 0 && !s.met(n):
			s.set(n, f.Value, nil)
		}
		if f.Section != nil {
			s.depth--
		}
	}
	s.depth--
}

func (s *Scanner) childNamed(n *node, name string) *node {
	for _, c := range n.kids {
		if c.key == name {
			return c
		}
	}
	return s.child(n, []byte(name))
}

// parsed takes the text v of key k apart. It is false where v is not what k's parser reads, which counts as a misfit. mute:
// nothing goes to the rest.
func (s *Scanner) parsed(k *node, v []byte, mute bool) bool {
	p := k.parser
	base := len(s.fields)
	rest := len(s.rest)
	fault := ""
	switch p.name {
	case ParseJSON, ParseAuto:
		if s.parsedJSON(k, v, mute) {
			return true
		}
		fault = "no JSON"
		if p.name == ParseAuto {
			s.fields, s.text, fault = fields.Windows(s.fields, s.text, v)
		}
	case ParseKV:
		s.fields, s.text, fault = fields.KV(s.fields, s.text, v, 0)
	case ParseCEF:
		s.fields, s.text, fault = fields.CEF(s.fields, s.text, bytes.TrimSpace(v))
	case ParseLEEF:
		s.fields, s.text, fault = fields.LEEF(s.fields, s.text, bytes.TrimSpace(v))
	case ParseWindows:
		s.fields, s.text, fault = fields.Windows(s.fields, s.text, v)
	case ParseSyslog:
		var rest []byte
		if s.fields, rest = fields.Syslog(s.fields, v); len(s.fields) == base {
			fault = "no syslog header"
		} else {
			s.fields = append(s.fields, fields.Field{Name: fields.MessageKey, Value: rest})
		}
	}
	if fault != "" {
		s.misfits = append(s.misfits, p.misfit)
		return false
	}
	s.below(k, base, len(s.fields))
	s.fields = s.fields[:base]
	if mute {
		s.rest = s.rest[:rest]
	}
	return true
}

// parsedJSON reads an object, or, for a JSON leaf, an array, that a text holds.
func (s *Scanner) parsedJSON(k *node, v []byte, mute bool) bool {
	p := parser{b: v, depth: s.depth}
	from := p.ws(0)
	if from == len(v) || v[from] != '{' && (v[from] != '[' || k.leaf < 0) {
		return false
	}
	if end := p.skip(from); end < 0 || p.ws(end) != len(v) {
		return false
	}
	outer := s.parser
	s.parser = parser{b: v, depth: s.depth}
	s.value(from, k, false, mute)
	s.parser = outer
	return true
}

// emitText is emit for a text that no JSON holds.
func (s *Scanner) emitText(k *node, v []byte) {
	if len(s.rest) > s.budget {
		return
	}
	s.key(k)
	s.rest = append(appendText(s.rest, v), entryEnd)
}

// quoted is v as a JSON string.
func (s *Scanner) quoted(v []byte) []byte {
	from := len(s.text)
	s.text = appendText(s.text, v)
	return s.text[from:len(s.text):len(s.text)]
}
