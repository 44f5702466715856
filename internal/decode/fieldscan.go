package decode

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/silt-etl/silt/internal/decode/eventxml"
	"github.com/silt-etl/silt/internal/decode/fields"
	"github.com/silt-etl/silt/internal/decode/redact"
)

// ParserName is what a mapping's raw.sql calls a parser.
type ParserName string

// The parsers. A syslog text has its header's fields and MessageKey below it.
const (
	ParseWindows ParserName = "windows_event"
	ParseKV      ParserName = "kv"
	ParseCEF     ParserName = "cef"
	ParseLEEF    ParserName = "leef"
	ParseSyslog  ParserName = "syslog"
	// ParseStructured reads the structured data of RFC 5424, as the field structured of ParseSyslog has it.
	ParseStructured ParserName = "structured"
	// ParseCommaPairs reads "Key: value, Key: value".
	ParseCommaPairs ParserName = "comma_pairs"
	ParseJSON       ParserName = "json"
	// ParseWindowsXML reads a Windows event in XML, as FormatWindowsXML does.
	ParseWindowsXML ParserName = "windows_xml"
	// ParseWindowsValues reads a list with the values of a Windows event, in the order of its manifest.
	ParseWindowsValues ParserName = "windows_values"
	// ParseAuto is ParseJSON for a text that is a JSON object, ParseWindowsXML for an event in XML, and ParseWindows for any other.
	ParseAuto ParserName = "auto"
)

// parseText takes the text v apart into s.fields, as the functions of package fields do.
type parseText func(s *Scanner, v []byte) (fault string)

// parsers is the table of parsers of texts inside of records. ParseJSON, ParseWindowsXML and ParseAuto try JSON or XML before.
func parsers() []parserEntry {
	nothing := func(*Scanner, []byte) (fault string) { return "the text is not JSON, or not XML" }
	return []parserEntry{
		{ParseWindows, (*Scanner).parseWindows},
		{ParseKV, (*Scanner).parseKV},
		{ParseCEF, (*Scanner).parseCEF},
		{ParseLEEF, (*Scanner).parseLEEF},
		{ParseSyslog, (*Scanner).parseSyslog},
		{ParseStructured, func(s *Scanner, v []byte) (fault string) {
			s.fields, s.text, fault = fields.Structured(s.fields, s.text, v)
			return fault
		}},
		{ParseCommaPairs, func(s *Scanner, v []byte) (fault string) {
			s.fields, fault = fields.CommaPairs(s.fields, v)
			return fault
		}},
		{ParseJSON, nothing},
		{ParseWindowsXML, nothing},
		{ParseWindowsValues, func(*Scanner, []byte) string { return "a text is not a list of values" }},
		{ParseAuto, (*Scanner).parseWindows},
	}
}

type parserEntry struct {
	name  ParserName
	parse parseText
}

// Parsers are the names of all parsers.
func Parsers() (names []ParserName) {
	for _, p := range parsers() {
		names = append(names, p.name)
	}
	return names
}

// lookup finds a parser in the table, or nil.
func (name ParserName) lookup() parseText {
	for _, p := range parsers() {
		if p.name == name {
			return p.parse
		}
	}
	return nil
}

func (s *Scanner) parseKV(v []byte) (fault string) {
	s.fields, s.text, fault = fields.KV(s.fields, s.text, v, 0)
	return fault
}

func (s *Scanner) parseCEF(v []byte) (fault string) {
	s.fields, s.text, fault = fields.CEF(s.fields, s.text, bytes.TrimSpace(v))
	return fault
}

func (s *Scanner) parseLEEF(v []byte) (fault string) {
	s.fields, s.text, fault = fields.LEEF(s.fields, s.text, bytes.TrimSpace(v))
	return fault
}

func (s *Scanner) parseWindows(v []byte) (fault string) {
	s.fields, s.text, fault = fields.Windows(s.fields, s.text, v)
	return fault
}

func (s *Scanner) parseSyslog(v []byte) (fault string) {
	base := len(s.fields)
	var rest []byte
	if s.fields, rest = fields.Syslog(s.fields, v); len(s.fields) == base {
		return "the text has no syslog header"
	}
	s.fields = append(s.fields, fields.Field{Name: fields.MessageKey, Value: rest})
	return ""
}

// textColumn is a field's place. A node that could not be remembered is looked up by its name each time.
type textColumn struct {
	name string
	node *node
}

// textColumn is the place of a top-level field of records.
func (s *Scanner) textColumn(name string) textColumn {
	s.depth = 1
	if k := s.child(s.root, []byte(name)); k.known {
		return textColumn{name, k}
	}
	return textColumn{name: name}
}

func (c *textColumn) nodeOf(s *Scanner) *node {
	if c.node != nil {
		return c.node
	}
	return s.child(s.root, []byte(c.name))
}

// Null lists texts that mean that one field has no value, in addition to Format.Null.
type Null struct {
	Path  []string
	Texts []string
}

// nullTexts are the texts of a record that are read as null: those of Format.Null for every field, and for the fields of Spec.Nulls some
// of their own. In formats of text the empty text is one of them; a JSON string that is empty is one only if "" is listed.
type nullTexts struct {
	texts   []string
	longest int // bytes of the longest one of any field; -1: there are none
}

func (n *nullTexts) note(texts []string) {
	for _, t := range texts {
		n.longest = max(n.longest, len(t))
	}
}

// has says whether v is read as null in the field of k.
func (n *nullTexts) has(k *node, v []byte) bool {
	return slices.Contains(n.texts, string(v)) || slices.Contains(k.null, string(v))
}

// beginText prepares for the fields of a record b that is text. The rules are those of JSON: a field is what a string of that text
// would be, the empty text and the null texts are what null is, and of a name that comes twice the first counts.
func (s *Scanner) beginText(b []byte) *Reject {
	s.reset(b)
	s.depth = 1
	return badText(b)
}

// badText refuses what cannot pass through a text column.
func badText(b []byte) *Reject {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return &Reject{Code: ReasonNUL, Message: "a NUL character at byte " + strconv.Itoa(i+1)}
	}
	if !utf8.Valid(b) {
		return notUTF8(b)
	}
	return nil
}

// field is value for a text that is not from JSON.
func (s *Scanner) field(k *node, v []byte) {
	again := s.met(k)
	if len(v) == 0 || len(v) <= s.null.longest && s.null.has(k, v) || k.parser != nil && !again && !k.hidden() && s.parsed(k, v, false) {
		return
	}
	if k.hides != nil {
		if v = k.shownText(s.redactor, &s.text, v); v == nil {
			return
		}
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
		case n.leaf >= 0 && n.hides == nil && !s.met(n):
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

// parsed parses the text v of key k. It is false if v is not what k's parser reads, which counts as a misfit. mute:
// nothing goes to the rest.
func (s *Scanner) parsed(k *node, v []byte, mute bool) bool {
	p := k.parser
	if p.unless != nil && hasKey(s.b, p.unless) {
		return false
	}
	base := len(s.fields)
	rest := len(s.rest)
	if p.json && s.parsedJSON(k, v, mute) {
		return true
	}
	if p.xml && eventxml.Looks(v) {
		from := len(s.text)
		text, fault := eventxml.JSON(s.text, v)
		if s.text = text; fault == nil && s.parsedJSON(k, text[from:len(text):len(text)], mute) {
			return true
		}
	}
	if fault := p.parse(s, v); fault != "" {
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

// hasKey says whether JSON has a key, which is in quotes, at any level.
func hasKey(b, key []byte) bool {
	for {
		i := bytes.Index(b, key)
		if i < 0 {
			return false
		}
		b = b[i+len(key):]
		for i = 0; i < len(b) && blank(b[i]); {
			i++
		}
		if i < len(b) && b[i] == ':' {
			return true
		}
	}
}

// listFields appends the elements of the JSON array v as fields: by the names, in their order, and by their numbers after these. Texts that had
// escapes are in text.
func listFields(dst []fields.Field, text, v []byte, names []string) (all []fields.Field, buf []byte, fault string) {
	list := parser{b: v}
	if len(names) == 0 || len(v) == 0 || v[0] != '[' || list.skip(0) != len(v) {
		return dst, text, "not a list of values of a known event"
	}
	for i, at := list.ws(1), 0; v[i] != ']'; at++ {
		f := fields.Field{Key: strconv.AppendInt(nil, int64(at+1), 10)}
		if at < len(names) {
			f = fields.Field{Name: names[at]}
		}
		end := list.skip(i)
		switch v[i] {
		case '"':
			f.Value = v[i+1 : end-1]
			if list.str(i + 1); list.esc {
				from := len(text)
				text = unescape(text, f.Value)
				f.Value = text[from:len(text):len(text)]
			}
		case 'n': // null
		default:
			f.Value = v[i:end]
		}
		dst = append(dst, f)
		if i = list.ws(end); v[i] == ',' {
			i = list.ws(i + 1)
		}
	}
	return dst, text, ""
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

// emitText is emit for a text that is not from JSON.
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

// hidden says whether a rule of Spec.Redact holds for the value of a key as a whole.
func (k *node) hidden() bool { return k.hides != nil && k.hides.Whole() }

// shown is what rules leave of the scalar or list v; nil: nothing. esc says that it is a string with escapes. What is new is in buf.
func (k *node) shown(r *redact.Redactor, buf *[]byte, v []byte, esc bool) (left []byte, escaped bool) {
	if v[0] != '"' {
		left, keep := r.JSON(nil, k.hides, v)
		if !keep {
			return nil, false
		}
		return left, len(left) > 0 && left[0] == '"' && bytes.IndexByte(left, '\\') >= 0
	}
	text := v[1 : len(v)-1]
	if esc {
		text = unescape(nil, text)
	}
	if text = k.shownText(r, buf, text); text == nil {
		return nil, false
	}
	left = appendText(nil, text)
	return left, bytes.IndexByte(left, '\\') >= 0
}

// shownText is what rules leave of the text v; nil: nothing. Nothing is left of a text that its parser cannot take apart, because fields in it
// that have rules cannot be found.
func (k *node) shownText(r *redact.Redactor, buf *[]byte, v []byte) []byte {
	if k.parser != nil && !k.hides.Whole() {
		return nil
	}
	from := len(*buf)
	text, keep := r.Text(*buf, k.hides, v)
	if !keep {
		return nil
	}
	*buf = text
	return text[from:len(text):len(text)]
}
