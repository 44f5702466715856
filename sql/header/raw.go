package header

import (
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/keypattern"
	"github.com/silt-etl/silt/internal/suggest"
	"github.com/silt-etl/silt/sql/ducktype"
	"github.com/silt-etl/silt/sql/rawtable"
	"github.com/silt-etl/silt/sql/syntax"
)

// formatKeys are what the header of raw.sql may hold, and the formats that each key belongs to.
var formatKeys = []struct {
	key     string
	formats []decode.FormatName // nil: all
}{
	{"format", nil},
	{"delimiter", []decode.FormatName{decode.FormatCSV, decode.FormatKV}},
	{"header", []decode.FormatName{decode.FormatCSV}},
	{"columns", []decode.FormatName{decode.FormatCSV}},
	{"syslog", []decode.FormatName{decode.FormatCSV}},
	{"quote", []decode.FormatName{decode.FormatCSV}},
	{"escape", []decode.FormatName{decode.FormatCSV}},
	{"braces", []decode.FormatName{decode.FormatCSV}},
	{"extra", []decode.FormatName{decode.FormatCSV}},
	{"expect", []decode.FormatName{decode.FormatCSV}},
	{"comment", []decode.FormatName{decode.FormatCSV, decode.FormatLine, decode.FormatKV, decode.FormatCEF, decode.FormatLEEF}},
	{"null", nil},
	{"framing", []decode.FormatName{decode.FormatLine, decode.FormatKV, decode.FormatCEF, decode.FormatLEEF}},
	{"member", []decode.FormatName{decode.FormatJSON, decode.FormatCSV, decode.FormatLine, decode.FormatKV, decode.FormatCEF, decode.FormatLEEF, decode.FormatWindowsXML, decode.FormatZeek}},
	{"pattern", []decode.FormatName{decode.FormatLine}},
	{"begins", []decode.FormatName{decode.FormatLine}},
	{"parse", nil},
	{"records", []decode.FormatName{decode.FormatJSON}},
	{"events", []decode.FormatName{decode.FormatJSON}},
	{"timestamp", nil},
	{"also", nil},
	{"discard", nil},
	{"redact", nil},
	{packageKey, nil},
	{lookupKey, nil},
}

// rawHeader is what the comments above the CREATE TABLE of raw.sql say.
type rawHeader map[string][]word

// Raw makes a decode.Format of raw.sql's header.
type Raw struct {
	f      diag.File
	r      *diag.List
	head   rawHeader
	root   *rawtable.Field
	others [][]string // the paths that also lines name

	Format  decode.Format
	Parsers []decode.Parser
	Nulls   []decode.Null
	Times   map[*rawtable.Field]*decode.TimeFormat
	Redacts []Redact
}

// ReadRaw reads `-- key: value` lines above the CREATE TABLE of raw.sql. Comments of any other form are left alone, but
// an unknown key is reported.
func ReadRaw(f diag.File, root *rawtable.Field, r *diag.List) *Raw {
	x := &Raw{f: f, r: r, root: root, head: rawHeader{}, Times: map[*rawtable.Field]*decode.TimeFormat{}}
	x.scan()
	if !x.name() {
		return x
	}
	for _, k := range formatKeys {
		for _, w := range x.head[k.key] {
			if k.formats != nil && !slices.Contains(k.formats, x.Format.Name) {
				x.bad(w, "add a `-- format:` line, or remove this line", "-- %s: belongs to the format %s, but the format is %s", k.key, joined(k.formats), x.Format.Name)
			}
		}
	}
	for i, w := range x.head["records"] {
		names, rest := rawtable.ParsePath(w.Text)
		optional := strings.TrimSpace(rest) == "optional"
		if names == nil || rest != "" && !optional {
			x.bad(w, "example: `-- records: Records`, or a.b; put names with blanks in quotes", "-- records: must name one path, not %q", w.Text)
		}
		for _, before := range x.head["records"][:i] {
			if other, _ := rawtable.ParsePath(before.Text); names != nil && other != nil && (below(names, other) || below(other, names)) {
				x.bad(w, "write `-- events:` for a list in each of these records", "-- records: of %s and %s, one is within the other", before.Text, w.Text)
			}
		}
		if i == 0 {
			x.Format.Records = names
		} else {
			x.Format.OtherRecords = append(x.Format.OtherRecords, names)
		}
		x.Format.RecordsOptional = x.Format.RecordsOptional || optional
	}
	x.events()
	if x.Format.OrWindowsXML && (x.Format.Records != nil || x.Format.Events != nil) {
		x.bad(x.head["format"][0], "remove the line, or windows_xml", "-- records: and -- events: cannot be read with `json, windows_xml`")
	}
	if w, ok := x.one("framing"); ok {
		switch strings.ToLower(w.Text) {
		case "octets":
			x.Format.Counted = true
		case "lines":
		default:
			x.bad(w, "write octets if the number of its bytes is in front of each record, else lines", "-- framing: %q is not octets or lines", w.Text)
		}
	}
	if w, ok := x.one("member"); ok {
		p, err := keypattern.Parse(w.Text)
		if err != nil {
			x.bad(w, "example: `-- member: {host}/{yyyy}-{mm}-{dd}.log`", "-- member: %v", err)
		}
		x.Format.Member = p
	}
	x.also()
	x.parse()
	x.timestamps()
	x.redacts()
	switch x.Format.Name {
	case decode.FormatCSV:
		x.csv()
	case decode.FormatKV:
		if w, ok := x.one("delimiter"); ok {
			x.Format.Delimiter = x.char(w, delimiters)
		}
	}
	if x.Format.Text() {
		x.columns()
	}
	switch x.Format.Name {
	case decode.FormatCSV:
		x.layouts()
	case decode.FormatLine:
		x.lines()
	}
	x.nulls()
	return x
}

// events reads `-- events: path`.
func (x *Raw) events() {
	w, ok := x.one("events")
	if !ok {
		return
	}
	f, near := x.find(w.Text)
	switch {
	case f == nil && near != "":
		x.bad(w, "did you mean "+near+"?", "-- events: raw has no field %s", w.Text)
	case f == nil:
		x.bad(w, "declare it with the type of one event", "-- events: raw has no field %s", w.Text)
	case f.Type.Family() == ducktype.List:
		x.bad(w, "declare it without []: each record has one event of the list", "-- events: %s is %s, a list", w.Text, f.Type.Text)
	default:
		x.Format.Events = f.Path
	}
}

// joined lists formats in words.
func joined(names []decode.FormatName) string {
	var s []string
	for _, n := range names {
		s = append(s, string(n))
	}
	return strings.Join(s, " or ")
}

func (x *Raw) bad(w word, hint, format string, args ...any) {
	x.r.At(x.f, w.At, diag.Error, diag.RawFormat, hint, format, args...)
}

// scan collects the header's lines.
func (x *Raw) scan() {
	keys := RawKeys()
	headerLines(x.f.Text, func(start int, key string, value word) {
		switch {
		case syntax.ContainsFold(keys, key):
			if value.Text == "" {
				x.bad(word{"", start}, "write a value after the colon, or remove the line", "-- %s: has no value", key)
				return
			}
			x.head[key] = append(x.head[key], value)
		default:
			reportUnknown(x.f, x.r, start, key, "raw.sql", keys)
		}
	})
}

// RawKeys are the keys that the comments above raw.sql's CREATE TABLE may have.
func RawKeys() (keys []string) {
	for _, k := range formatKeys {
		keys = append(keys, k.key)
	}
	return keys
}

// below says whether a path is another one, or continues it.
func below(path, of []string) bool { return len(path) >= len(of) && slices.Equal(path[:len(of)], of) }

// one gives the value of a key that may stand once; ok is false without one.
func (x *Raw) one(key string) (w word, ok bool) {
	all := x.head[key]
	if len(all) == 0 {
		return word{}, false
	}
	for _, more := range all[1:] {
		x.bad(more, "remove one", "-- %s: appears twice", key)
	}
	return all[0], true
}

// name reads the format's name. It returns false if the format is unknown.
func (x *Raw) name() bool {
	x.Format.Name = decode.FormatJSON
	w, ok := x.one("format")
	if !ok {
		return true
	}
	names := decode.Formats()
	if first, second, two := strings.Cut(strings.ToLower(w.Text), ","); two {
		if first != string(decode.FormatJSON) || strings.TrimSpace(second) != string(decode.FormatWindowsXML) {
			x.bad(w, "the only two formats that a mapping can have are `json, windows_xml`", "unknown formats %q", w.Text)
			return false
		}
		x.Format.OrWindowsXML = true
		return true
	}
	if name := decode.FormatName(strings.ToLower(w.Text)); slices.Contains(names, name) {
		x.Format.Name = name
		return true
	}
	var all []string
	for _, n := range names {
		all = append(all, string(n))
	}
	hint := "known: " + strings.Join(all, ", ")
	if alias := map[string]string{"tsv": "csv` with `-- delimiter: tab", "ndjson": "json", "jsonl": "json", "text": "lines", "regex": "lines` with `-- pattern: ...", "xml": "windows_xml", "winevent": "windows_xml", "bro": "zeek", "grok": "lines` with `-- pattern: ..."}[strings.ToLower(w.Text)]; alias != "" {
		hint = "write `-- format: " + alias + "`"
	} else if n := suggest.Nearest(w.Text, all); n != "" {
		hint = "did you mean " + n + "?"
	}
	x.bad(w, hint, "unknown format %q", w.Text)
	return false
}

// columns names the fields of a record that has no names of its own, and reads what all text formats share.
func (x *Raw) columns() {
	for _, f := range x.root.Fields {
		if strings.EqualFold(f.Name, rawtable.KeyTable) {
			continue
		}
		named := x.Format.Name != decode.FormatCSV && x.Format.Name != decode.FormatLine
		if x.Format.Syslog && strings.EqualFold(f.Name, decode.SyslogKey) {
			continue
		}
		x.Format.Columns = append(x.Format.Columns, f.Name)
		if len(f.Fields) > 0 && !x.parsed(f) && !(named && strings.EqualFold(f.Name, decode.SyslogKey)) {
			x.r.At(x.f, x.place(f.Name), diag.Error, diag.RawFormat, "declare it VARCHAR, or write `-- parse:` for it", "fields of %s are texts, but %s is a STRUCT", x.Format.Name, f.Name)
		}
	}
	if w, ok := x.one("comment"); ok {
		x.Format.Comment = w.Text
	}
}

// place is where the CREATE TABLE names a column, as far as that can be found without parsing it.
func (x *Raw) place(column string) int {
	from := strings.Index(strings.ToUpper(x.f.Text), "CREATE")
	if from < 0 {
		return -1
	}
	for at := from; ; {
		i := strings.Index(strings.ToLower(x.f.Text[at:]), strings.ToLower(column))
		if i < 0 {
			return -1
		}
		at += i
		before, after := x.f.Text[at-1], byte(' ')
		if end := at + len(column); end < len(x.f.Text) {
			after = x.f.Text[end]
		}
		if strings.IndexByte(" \t\n\r(,\"", before) >= 0 && strings.IndexByte(" \t\n\r\"", after) >= 0 {
			return at
		}
		at++
	}
}
