package sqlgen

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/decode/fields"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/suggest"
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
	{"comment", []decode.FormatName{decode.FormatCSV, decode.FormatLine, decode.FormatKV, decode.FormatCEF, decode.FormatLEEF}},
	{"null", nil},
	{"pattern", []decode.FormatName{decode.FormatLine}},
	{"parse", nil},
	{"records", []decode.FormatName{decode.FormatJSON}},
	{"timestamp", nil},
	{"also", nil},
}

// rawHeader is what the comments above the CREATE TABLE of raw.sql say.
type rawHeader map[string][]word

// formatReader makes a decode.Format of raw.sql's header.
type formatReader struct {
	f    diag.File
	r    *diag.List
	head rawHeader
	root *rawField

	out     decode.Format
	parsers []decode.Parser
	times   map[*rawField]*decode.TimeFormat
}

// readFormat reads `-- key: value` lines above the CREATE TABLE of raw.sql. Comments of any other form are left alone, but a
// near miss of a key is told.
func readFormat(f diag.File, root *rawField, r *diag.List) *formatReader {
	x := &formatReader{f: f, r: r, root: root, head: rawHeader{}, times: map[*rawField]*decode.TimeFormat{}}
	x.scan()
	if !x.name() {
		return x
	}
	for _, k := range formatKeys {
		for _, w := range x.head[k.key] {
			if k.formats != nil && !slices.Contains(k.formats, x.out.Name) {
				x.bad(w, "write `-- format:` above it, or remove the line", "-- %s: belongs to the format %s, and this is %s", k.key, joined(k.formats), x.out.Name)
			}
		}
	}
	if w, ok := x.one("records"); ok {
		names, rest := fieldPath(w.text)
		if names == nil || rest != "" {
			x.bad(w, "as `-- records: Records`, or a.b, names with blanks in quotes", "-- records: names one path, not %q", w.text)
		}
		x.out.Records = names
	}
	x.parse()
	x.timestamps()
	x.also()
	switch x.out.Name {
	case decode.FormatCSV:
		x.csv()
	case decode.FormatKV:
		if w, ok := x.one("delimiter"); ok {
			x.out.Delimiter = x.char(w, delimiters)
		}
	}
	if x.out.Text() {
		x.columns()
	}
	switch x.out.Name {
	case decode.FormatCSV:
		x.layouts()
	case decode.FormatLine:
		x.lines()
	}
	for _, w := range x.head["null"] {
		for _, part := range splitWords(w.text, w.at) {
			x.out.Null = append(x.out.Null, part.text)
		}
	}
	return x
}

// parse reads `-- parse: field parser`.
func (x *formatReader) parse() {
	for _, w := range x.head["parse"] {
		at, with := cutField(w.text)
		words := []string{at, with}
		if at == "" || with == "" || strings.ContainsAny(with, " \t") {
			x.r.At(x.f, w.at, diag.Error, diag.Parse, "as `-- parse: Description windows_event`", "a parse line names a field and a parser")
			continue
		}
		name := decode.ParserName(strings.ToLower(words[1]))
		if !slices.Contains(decode.Parsers(), name) {
			var all []string
			for _, p := range decode.Parsers() {
				all = append(all, string(p))
			}
			hint := "known: " + strings.Join(all, ", ")
			if n := suggest.Nearest(words[1], all); n != "" {
				hint = "is " + n + " meant?"
			}
			x.r.At(x.f, w.at+strings.LastIndex(w.text, words[1]), diag.Error, diag.Parse, hint, "there is no parser %q", words[1])
			continue
		}
		f, near := x.find(words[0])
		switch {
		case f == nil:
			hint := "declare it as a STRUCT of the fields in the text"
			if near != "" {
				hint = "is " + near + " meant?"
			}
			x.r.At(x.f, w.at, diag.Error, diag.Parse, hint, "raw has no field %s", words[0])
		case len(f.fields) == 0 && name != decode.ParseJSON:
			x.r.At(x.f, w.at, diag.Error, diag.Parse, "declare it as a STRUCT of the fields in the text", "%s is %s, and what %s reads has fields", words[0], f.typ.text, name)
		default:
			x.parsers = append(x.parsers, decode.Parser{Path: f.path, Name: name})
		}
	}
}

// timestamps reads `-- timestamp: field format ['zone']`.
func (x *formatReader) timestamps() {
	bad := func(w word, hint, format string, args ...any) {
		x.r.At(x.f, w.at, diag.Error, diag.Timestamp, hint, format, args...)
	}
	const example = "as `-- timestamp: generated %Y/%m/%d %H:%M:%S 'Europe/Berlin'`, or epoch_s, epoch_ms, clf, ... for the format"
	for _, w := range x.head["timestamp"] {
		name, format := cutField(w.text)
		zone := ""
		if i := strings.LastIndex(format, " '"); i >= 0 && strings.HasSuffix(format, "'") {
			zone, format = strings.Trim(format[i+1:], "'"), strings.TrimSpace(format[:i])
		}
		if name == "" || format == "" {
			bad(w, example, "a timestamp line names a field and a format")
			continue
		}
		f, _ := x.find(name)
		switch {
		case f == nil:
			bad(w, "name a field that raw.sql declares", "raw has no field %s", name)
			continue
		case f.typ.id != "TIMESTAMP" && !strings.HasPrefix(f.typ.id, "TIMESTAMP "):
			bad(w, "declare it TIMESTAMP", "%s is %s", name, f.typ.text)
			continue
		}
		if !strings.Contains(format, "%") && !contains(decode.TimeFormats(), format) {
			hint := "known: " + strings.Join(decode.TimeFormats(), ", ") + ", or a format of strptime"
			if n := suggest.Nearest(format, decode.TimeFormats()); n != "" {
				hint = "is " + n + " meant?"
			}
			bad(w, hint, "there is no time format %q", format)
			continue
		}
		t, err := decode.NewTimeFormat(format, zone)
		if err != nil {
			bad(w, example, "the time format of %s: %v", name, err)
			continue
		}
		x.times[f] = t
	}
}

// also reads `-- also: field other`: a value may be at another path of the record. It is for names that differ in case only, which
// one CREATE TABLE cannot hold.
func (x *formatReader) also() {
	for _, w := range x.head["also"] {
		bad := func(hint, format string, args ...any) {
			x.r.At(x.f, w.at, diag.Error, diag.Also, hint, format, args...)
		}
		name, to := cutField(w.text)
		other, rest := fieldPath(to)
		if name == "" || other == nil || rest != "" {
			bad("as `-- also: ProcessGuid ProcessGUID`", "an also line names a field, and the other path that its value may be at")
			continue
		}
		f, near := x.find(name)
		switch {
		case f == nil && near != "":
			bad("is "+near+" meant?", "raw has no field %s", name)
		case f == nil:
			bad("raw.sql declares the record's fields: add it there, or correct the name", "raw has no field %s", name)
		case len(f.fields) > 0:
			bad("name each of its fields", "%s has fields of its own", name)
		case x.declared(other):
			bad("remove the column, or read both: coalesce(a, b)", "raw.sql declares %s as a field of its own", to)
		default:
			f.also = append(f.also, other)
		}
	}
}

// declared tells whether raw.sql has a field at exactly this path.
func (x *formatReader) declared(path []string) bool {
	f, _ := x.follow(path)
	return f != nil && slices.Equal(f.path, path)
}

// find gives a field by its dotted name, or nil and the nearest name.
func (x *formatReader) find(dotted string) (f *rawField, near string) {
	names, _ := fieldPath(dotted)
	if names == nil {
		return nil, ""
	}
	return x.follow(names)
}

// follow gives the field at a path, or nil and the nearest name.
func (x *formatReader) follow(path []string) (f *rawField, near string) {
	f = x.root
	for _, n := range path {
		next := f.get(n)
		if next == nil {
			return nil, nearestField(f, n, strings.Join(append(append([]string(nil), f.path...), ""), "."))
		}
		f = next
	}
	return f, ""
}

// cutField cuts what a line says about a field from the field's dotted name.
func cutField(s string) (name, rest string) {
	_, rest = fieldPath(s)
	return s[:len(s)-len(rest)], strings.TrimSpace(rest)
}

// fieldPath reads a dotted path, as Description.Image or "Logon Information"."Logon Type"; rest begins with the blank after it. names is
// nil where s begins with none, rest then all of s.
func fieldPath(s string) (names []string, rest string) {
	for all := s; ; s = s[1:] {
		var name strings.Builder
		i := 0
		quoted := strings.HasPrefix(s, `"`)
		if quoted {
			i++
		}
		for ; i < len(s); i++ {
			if quoted && s[i] == '"' {
				if i++; i == len(s) || s[i] != '"' {
					quoted = false
					break
				}
			} else if !strings.HasPrefix(s, `"`) && strings.IndexByte(". \t", s[i]) >= 0 {
				break
			}
			name.WriteByte(s[i])
		}
		if quoted || name.Len() == 0 {
			return nil, all
		}
		names = append(names, name.String())
		if s = s[i:]; s == "" || s[0] == ' ' || s[0] == '\t' {
			return names, s
		}
		if s[0] != '.' {
			return nil, all
		}
	}
}

// parsed tells whether a parse line names a field.
func (x *formatReader) parsed(f *rawField) bool {
	return slices.ContainsFunc(x.parsers, func(p decode.Parser) bool { return slices.Equal(p.Path, f.path) })
}

// lines reads the pattern, or finds the one column of a format without one.
func (x *formatReader) lines() {
	w, ok := x.one("pattern")
	if !ok {
		if len(x.out.Columns) != 1 {
			x.r.At(x.f, -1, diag.Error, diag.RawFormat, "declare one VARCHAR, or write a `-- pattern:`", "a line without a pattern is one column, and raw.sql has %d", len(x.out.Columns))
		}
		return
	}
	text, err := fields.Expand(w.text)
	var unknown *fields.UnknownPattern
	if errors.As(err, &unknown) {
		hint := "known: " + strings.Join(fields.GrokNames(), ", ")
		if n := suggest.Nearest(unknown.Name, fields.GrokNames()); n != "" {
			hint = "is %{" + n + "} meant?"
		}
		x.r.At(x.f, w.at+unknown.At, diag.Error, diag.Pattern, hint, "there is no pattern %%{%s}", unknown.Name)
		return
	}
	re, err := regexp.Compile(`\A(?:` + text + `)\z`)
	if err != nil {
		msg := err.Error()
		var syntaxErr *syntax.Error
		if errors.As(err, &syntaxErr) {
			msg = syntaxErr.Code.String() + ": " + syntaxErr.Expr
		}
		x.r.At(x.f, w.at, diag.Error, diag.Pattern, "the syntax is RE2's", "the pattern does not compile: %s", msg)
		return
	}
	named := 0
	for _, n := range re.SubexpNames() {
		if n == "" {
			continue
		}
		named++
		if !contains(x.out.Columns, n) {
			hint := "add it to raw.sql"
			if near := suggest.Nearest(n, x.out.Columns); near != "" {
				hint = "is " + near + " meant?"
			}
			x.r.At(x.f, w.at+max(0, strings.Index(w.text, n)), diag.Error, diag.Pattern, hint, "the pattern captures %s, which raw.sql does not declare", n)
		}
	}
	if named == 0 {
		x.r.At(x.f, w.at, diag.Error, diag.Pattern, "as `(?P<src>\\S+)` or `%{IP:src}`", "the pattern has no named group, so no column gets a value")
	}
	x.out.Pattern = re
}

var delimiters = map[string]byte{"tab": '\t', `\t`: '\t', "space": ' ', "comma": ',', "semicolon": ';', "pipe": '|'}

// joined lists formats in words.
func joined(names []decode.FormatName) string {
	var s []string
	for _, n := range names {
		s = append(s, string(n))
	}
	return strings.Join(s, " or ")
}

func (x *formatReader) bad(w word, hint, format string, args ...any) {
	x.r.At(x.f, w.at, diag.Error, diag.RawFormat, hint, format, args...)
}

// scan collects the header's lines.
func (x *formatReader) scan() {
	keys := RawKeys()
	headerLines(x.f.Text, func(start int, key string, value word) {
		switch {
		case contains(keys, key):
			if value.text == "" {
				x.bad(word{"", start}, "write it after the colon, or remove the line", "-- %s: has no value", key)
				return
			}
			x.head[key] = append(x.head[key], value)
		case key == "note": // not a slip of "quote"
		default:
			if n := suggest.Nearest(key, keys); n != "" {
				x.r.At(x.f, start, diag.Warning, diag.HeaderKey, "the keys of raw.sql are "+strings.Join(keys, ", "), "header key %q is not known; is %q meant?", key, n)
			}
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

// one gives the value of a key that may stand once; ok is false without one.
func (x *formatReader) one(key string) (w word, ok bool) {
	all := x.head[key]
	if len(all) == 0 {
		return word{}, false
	}
	for _, more := range all[1:] {
		x.bad(more, "remove one", "-- %s: stands twice", key)
	}
	return all[0], true
}

// name reads the format's name; it is false where there is no such format.
func (x *formatReader) name() bool {
	x.out.Name = decode.FormatJSON
	w, ok := x.one("format")
	if !ok {
		return true
	}
	names := decode.Formats()
	if name := decode.FormatName(strings.ToLower(w.text)); slices.Contains(names, name) {
		x.out.Name = name
		return true
	}
	var all []string
	for _, n := range names {
		all = append(all, string(n))
	}
	hint := "known: " + strings.Join(all, ", ")
	if alias := map[string]string{"tsv": "csv` with `-- delimiter: tab", "ndjson": "json", "jsonl": "json", "text": "lines", "regex": "lines` with `-- pattern: ...", "grok": "lines` with `-- pattern: ..."}[strings.ToLower(w.text)]; alias != "" {
		hint = "write `-- format: " + alias + "`"
	} else if n := suggest.Nearest(w.text, all); n != "" {
		hint = "is " + n + " meant?"
	}
	x.bad(w, hint, "there is no format %q", w.text)
	return false
}

func (x *formatReader) csv() {
	x.out.Delimiter, x.out.Quote = ',', '"'
	if w, ok := x.one("delimiter"); ok {
		x.out.Delimiter = x.char(w, delimiters)
	}
	if w, ok := x.one("quote"); ok {
		x.out.Quote = x.char(w, map[string]byte{"none": 0, "double": '"', "single": '\''})
		if x.out.Quote == x.out.Delimiter {
			x.bad(w, "choose another", "the quote is the delimiter")
		}
	}
	if w, ok := x.one("escape"); ok {
		x.out.Escape = x.char(w, map[string]byte{"backslash": '\\', "none": 0})
		if x.out.Escape == x.out.Quote {
			x.out.Escape = 0 // a quote inside quotes may always be doubled
		}
	}
	if w, ok := x.one("syslog"); ok {
		switch strings.ToLower(w.text) {
		case "yes":
			x.out.Syslog = true
		case "no":
		default:
			x.bad(w, "write yes or no", "-- syslog: says whether a syslog header may stand in front of a record, not %q", w.text)
		}
	}
	if w, ok := x.one("header"); ok {
		switch strings.ToLower(w.text) {
		case "auto":
		case "yes":
			x.out.Header = decode.HeaderYes
		case "no":
			x.out.Header = decode.HeaderNo
		default:
			x.bad(w, "write auto, yes or no", "-- header: says whether the first record names the columns, not %q", w.text)
		}
	}
}

// layoutOf is `field=value:` in front of a list of columns.
var layoutOf = regexp.MustCompile(`^"?([^\s=",:]+)"?\s*=\s*('[^']+'|[^\s':,]+)\s*:`)

// layouts reads `-- columns: [field=value:] name, ...`: the order of the fields of the records of one type, or of all others. Lines of one
// type go on. A name that raw.sql does not declare is the field's name in unmapped.
func (x *formatReader) layouts() {
	var order []word // the types, as written
	lists := map[string][]string{}
	for _, w := range x.head["columns"] {
		of, list := word{at: w.at}, w
		if m := layoutOf.FindStringSubmatch(w.text); m != nil {
			of.text = m[1] + "=" + strings.Trim(m[2], "'")
			list = trimWord(w.text[len(m[0]):], w.at+len(m[0]))
		}
		if _, ok := lists[of.text]; !ok {
			order = append(order, of)
			lists[of.text] = nil
		}
		for _, part := range splitWords(list.text, list.at) {
			name := strings.Trim(part.text, `"`)
			if f := x.root.get(name); f != nil {
				name = f.name
			}
			if contains(lists[of.text], name) {
				x.bad(part, "number them, as future_use_2", "%s stands twice in one list of columns", name)
			}
			lists[of.text] = append(lists[of.text], name)
		}
	}
	if len(order) == 0 {
		return
	}
	declared := x.out.Columns
	for _, of := range order {
		names := lists[of.text]
		if of.text == "" {
			x.out.Columns = names
			continue
		}
		field, value, _ := strings.Cut(of.text, "=")
		at := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, field) })
		if at < 0 {
			x.bad(of, "add it at its place", "these are the columns where %s is %s, and %s is none of them", field, value, field)
			continue
		}
		x.out.Layouts = append(x.out.Layouts, decode.Layout{At: at, Value: value, Columns: names})
	}
	var all []string
	for _, names := range lists {
		all = append(all, names...)
	}
	for _, name := range declared {
		if !contains(all, name) {
			hint := "name it in a `-- columns:` line, or remove it"
			if n := suggest.Nearest(name, all); n != "" {
				hint = "is " + n + " meant?"
			}
			x.r.At(x.f, x.place(name), diag.Error, diag.RawFormat, hint, "no `-- columns:` line names %s, so that no field can fill it", name)
		}
	}
}

// char reads one character, or a name for one.
func (x *formatReader) char(w word, names map[string]byte) byte {
	if c, ok := names[strings.ToLower(w.text)]; ok {
		return c
	}
	if len(w.text) == 1 && w.text[0] < unicode.MaxASCII && w.text[0] >= ' ' {
		return w.text[0]
	}
	x.bad(w, "one ASCII character, or "+strings.Join(slices.Sorted(maps.Keys(names)), ", "), "%q is not one character", w.text)
	return 0
}

// columns names the fields of a record that has no names of its own, and reads what all text formats share.
func (x *formatReader) columns() {
	for _, f := range x.root.fields {
		if strings.EqualFold(f.name, keyTable) {
			continue
		}
		named := x.out.Name != decode.FormatCSV && x.out.Name != decode.FormatLine
		if x.out.Syslog && strings.EqualFold(f.name, decode.SyslogKey) {
			continue
		}
		x.out.Columns = append(x.out.Columns, f.name)
		if len(f.fields) > 0 && !x.parsed(f) && !(named && strings.EqualFold(f.name, decode.SyslogKey)) {
			x.r.At(x.f, x.place(f.name), diag.Error, diag.RawFormat, "declare it VARCHAR, or write `-- parse:` for it", "a field of %s is a text, and %s is a STRUCT", x.out.Name, f.name)
		}
	}
	if w, ok := x.one("comment"); ok {
		x.out.Comment = w.text
	}
}

// place is where the CREATE TABLE names a column, as far as that can be found without parsing it.
func (x *formatReader) place(column string) int {
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

// CheckFormat holds a job's source.format against the mapping's; "" agrees with any.
func (p *Compiled) CheckFormat(job string) error {
	if name := p.Scan.Format.Name; job != "" && job != string(name) {
		return fmt.Errorf("the job says %s, and the mapping %s reads %s: its raw.sql decides, by `-- format:`; leave the key out, or correct one of them", job, p.Name, name)
	}
	return nil
}
