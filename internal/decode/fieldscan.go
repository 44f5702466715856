package decode

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/silt-etl/silt/internal/decode/fields"
)

// textScanner takes records that are text apart and hands the fields to a Scanner. The rules are those of JSON: a field is what
// a string of that text would be, the empty text and those of Format.Null are what null is, and of a name that comes twice
// the first counts.
type textScanner struct {
	f    *Format
	s    *Scanner
	csv  *fields.CSV
	null nullTexts

	columns []textColumn // of the object at hand
	plain   []textColumn // without a header
	header  []byte       // the object's header line, nil without one
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
	t := &textScanner{f: f, s: s, csv: csv, null: f.Null}
	for _, name := range f.Columns {
		t.plain = append(t.plain, t.column(name))
	}
	t.columns = t.plain
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
	t.s.reset(b)
	if rej := badText(b); rej != nil {
		return rej
	}
	for i := range t.csv.Len() {
		v := t.csv.Field(b, i)
		if i >= len(t.columns) {
			if !t.null.has(v) {
				t.s.depth = 1
				t.s.field(t.s.child(t.s.root, []byte(extraColumn(i))), v, t.null)
			}
			continue
		}
		k := t.columns[i].node
		if k == nil {
			t.s.depth = 1
			k = t.s.child(t.s.root, []byte(t.columns[i].name))
		}
		t.s.field(k, v, t.null)
	}
	return t.s.overBudget()
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
func (s *Scanner) field(k *node, v []byte, null nullTexts) {
	again := k.gen == s.gen
	k.gen = s.gen
	if null.has(v) {
		return
	}
	if k.leaf < 0 || again || s.set(k, v, nil) {
		s.emitText(k, v)
	}
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
