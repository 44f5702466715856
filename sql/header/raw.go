package header

import (
	"errors"
	"maps"
	"regexp"
	resyntax "regexp/syntax"
	"slices"
	"strings"
	"unicode"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/decode/fields"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/suggest"
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
type Raw struct {
	f    diag.File
	r    *diag.List
	head rawHeader
	root *rawtable.Field

	Format  decode.Format
	Parsers []decode.Parser
	Times   map[*rawtable.Field]*decode.TimeFormat
}

// readFormat reads `-- key: value` lines above the CREATE TABLE of raw.sql. Comments of any other form are left alone, but a
// near miss of a key is reported.
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
	if w, ok := x.one("records"); ok {
		names, rest := rawtable.ParsePath(w.Text)
		if names == nil || rest != "" {
			x.bad(w, "example: `-- records: Records`, or a.b; put names with blanks in quotes", "-- records: must name one path, not %q", w.Text)
		}
		x.Format.Records = names
	}
	x.parse()
	x.timestamps()
	x.also()
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
	for _, w := range x.head["null"] {
		for _, part := range splitWords(w.Text, w.At) {
			x.Format.Null = append(x.Format.Null, part.Text)
		}
	}
	return x
}

// parse reads `-- parse: field parser`.
func (x *Raw) parse() {
	for _, w := range x.head["parse"] {
		at, with := cutField(w.Text)
		words := []string{at, with}
		if at == "" || with == "" || strings.ContainsAny(with, " \t") {
			x.r.At(x.f, w.At, diag.Error, diag.Parse, "example: `-- parse: Description windows_event`", "a parse line must name a field and a parser")
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
				hint = "did you mean " + n + "?"
			}
			x.r.At(x.f, w.At+strings.LastIndex(w.Text, words[1]), diag.Error, diag.Parse, hint, "unknown parser %q", words[1])
			continue
		}
		f, near := x.find(words[0])
		switch {
		case f == nil:
			hint := "declare it as a STRUCT of the fields in the text"
			if near != "" {
				hint = "did you mean " + near + "?"
			}
			x.r.At(x.f, w.At, diag.Error, diag.Parse, hint, "raw has no field %s", words[0])
		case len(f.Fields) == 0 && name != decode.ParseJSON:
			x.r.At(x.f, w.At, diag.Error, diag.Parse, "declare it as a STRUCT of the fields in the text", "%s is %s, but %s reads several fields", words[0], f.Type.Text, name)
		default:
			x.Parsers = append(x.Parsers, decode.Parser{Path: f.Path, Name: name})
		}
	}
}

// timestamps reads `-- timestamp: field format ['zone']`.
func (x *Raw) timestamps() {
	bad := func(w word, hint, format string, args ...any) {
		x.r.At(x.f, w.At, diag.Error, diag.Timestamp, hint, format, args...)
	}
	const example = "example: `-- timestamp: generated %Y/%m/%d %H:%M:%S 'Europe/Berlin'`, or epoch_s, epoch_ms, clf, ... as the format"
	for _, w := range x.head["timestamp"] {
		name, format := cutField(w.Text)
		zone := ""
		if i := strings.LastIndex(format, " '"); i >= 0 && strings.HasSuffix(format, "'") {
			zone, format = strings.Trim(format[i+1:], "'"), strings.TrimSpace(format[:i])
		}
		if name == "" || format == "" {
			bad(w, example, "a timestamp line must name a field and a format")
			continue
		}
		f, _ := x.find(name)
		switch {
		case f == nil:
			bad(w, "name a field that raw.sql declares", "raw has no field %s", name)
			continue
		case f.Type.ID != "TIMESTAMP" && !strings.HasPrefix(f.Type.ID, "TIMESTAMP "):
			bad(w, "declare it TIMESTAMP", "%s is %s, not a TIMESTAMP", name, f.Type.Text)
			continue
		}
		if !strings.Contains(format, "%") && !syntax.ContainsFold(decode.TimeFormats(), format) {
			hint := "known: " + strings.Join(decode.TimeFormats(), ", ") + ", or a strptime format"
			if n := suggest.Nearest(format, decode.TimeFormats()); n != "" {
				hint = "did you mean " + n + "?"
			}
			bad(w, hint, "unknown time format %q", format)
			continue
		}
		t, err := decode.NewTimeFormat(format, zone)
		if err != nil {
			bad(w, example, "the time format of %s: %v", name, err)
			continue
		}
		x.Times[f] = t
	}
}

// also reads `-- also: field other`: a value may be at another path of the record. It is for names that differ in case only, which
// one CREATE TABLE cannot hold.
func (x *Raw) also() {
	for _, w := range x.head["also"] {
		bad := func(hint, format string, args ...any) {
			x.r.At(x.f, w.At, diag.Error, diag.Also, hint, format, args...)
		}
		name, to := cutField(w.Text)
		other, rest := rawtable.ParsePath(to)
		if name == "" || other == nil || rest != "" {
			bad("example: `-- also: ProcessGuid ProcessGUID`", "an also line must name a field and a second path for its value")
			continue
		}
		f, near := x.find(name)
		switch {
		case f == nil && near != "":
			bad("did you mean "+near+"?", "raw has no field %s", name)
		case f == nil:
			bad("add the field to raw.sql, or correct the name", "raw has no field %s", name)
		case len(f.Fields) > 0:
			bad("name each of its fields", "%s has fields of its own", name)
		case x.declared(other):
			bad("remove the column, or read both: coalesce(a, b)", "raw.sql already declares %s as a field", to)
		default:
			f.Also = append(f.Also, other)
		}
	}
}

// declared tells whether raw.sql has a field at exactly this path.
func (x *Raw) declared(path []string) bool {
	f, _ := x.follow(path)
	return f != nil && slices.Equal(f.Path, path)
}

// find gives a field by its dotted name, or nil and the nearest name.
func (x *Raw) find(dotted string) (f *rawtable.Field, near string) {
	names, _ := rawtable.ParsePath(dotted)
	if names == nil {
		return nil, ""
	}
	return x.follow(names)
}

// follow gives the field at a path, or nil and the nearest name.
func (x *Raw) follow(path []string) (f *rawtable.Field, near string) {
	f = x.root
	for _, n := range path {
		next := f.Get(n)
		if next == nil {
			return nil, rawtable.NearestField(f, n, strings.Join(append(append([]string(nil), f.Path...), ""), "."))
		}
		f = next
	}
	return f, ""
}

// cutField cuts what a line says about a field from the field's dotted name.
func cutField(s string) (name, rest string) {
	_, rest = rawtable.ParsePath(s)
	return s[:len(s)-len(rest)], strings.TrimSpace(rest)
}

// parsed tells whether a parse line names a field.
func (x *Raw) parsed(f *rawtable.Field) bool {
	return slices.ContainsFunc(x.Parsers, func(p decode.Parser) bool { return slices.Equal(p.Path, f.Path) })
}

// lines reads the pattern, or finds the one column of a format without one.
func (x *Raw) lines() {
	w, ok := x.one("pattern")
	if !ok {
		if len(x.Format.Columns) != 1 {
			x.r.At(x.f, -1, diag.Error, diag.RawFormat, "declare one VARCHAR, or write a `-- pattern:`", "without a pattern a line is one column, but raw.sql has %d", len(x.Format.Columns))
		}
		return
	}
	text, err := fields.Expand(w.Text)
	var unknown *fields.UnknownPattern
	if errors.As(err, &unknown) {
		hint := "known: " + strings.Join(fields.GrokNames(), ", ")
		if n := suggest.Nearest(unknown.Name, fields.GrokNames()); n != "" {
			hint = "did you mean %{" + n + "}?"
		}
		x.r.At(x.f, w.At+unknown.At, diag.Error, diag.Pattern, hint, "unknown pattern %%{%s}", unknown.Name)
		return
	}
	re, err := regexp.Compile(`\A(?:` + text + `)\z`)
	if err != nil {
		msg := err.Error()
		var syntaxErr *resyntax.Error
		if errors.As(err, &syntaxErr) {
			msg = syntaxErr.Code.String() + ": " + syntaxErr.Expr
		}
		x.r.At(x.f, w.At, diag.Error, diag.Pattern, "use RE2 syntax", "the pattern does not compile: %s", msg)
		return
	}
	named := 0
	for _, n := range re.SubexpNames() {
		if n == "" {
			continue
		}
		named++
		if !syntax.ContainsFold(x.Format.Columns, n) {
			hint := "add it to raw.sql"
			if near := suggest.Nearest(n, x.Format.Columns); near != "" {
				hint = "did you mean " + near + "?"
			}
			x.r.At(x.f, w.At+max(0, strings.Index(w.Text, n)), diag.Error, diag.Pattern, hint, "the pattern captures %s, which raw.sql does not declare", n)
		}
	}
	if named == 0 {
		x.r.At(x.f, w.At, diag.Error, diag.Pattern, "example: `(?P<src>\\S+)` or `%{IP:src}`", "the pattern has no named group, so no column would get a value")
	}
	x.Format.Pattern = re
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
		case key == "note": // not a slip of "quote"
		default:
			if n := suggest.Nearest(key, keys); n != "" {
				x.r.At(x.f, start, diag.Warning, diag.HeaderKey, "the keys of raw.sql are "+strings.Join(keys, ", "), "unknown header key %q; did you mean %q?", key, n)
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

// name reads the format's name; it is false where there is no such format.
func (x *Raw) name() bool {
	x.Format.Name = decode.FormatJSON
	w, ok := x.one("format")
	if !ok {
		return true
	}
	names := decode.Formats()
	if name := decode.FormatName(strings.ToLower(w.Text)); slices.Contains(names, name) {
		x.Format.Name = name
		return true
	}
	var all []string
	for _, n := range names {
		all = append(all, string(n))
	}
	hint := "known: " + strings.Join(all, ", ")
	if alias := map[string]string{"tsv": "csv` with `-- delimiter: tab", "ndjson": "json", "jsonl": "json", "text": "lines", "regex": "lines` with `-- pattern: ...", "grok": "lines` with `-- pattern: ..."}[strings.ToLower(w.Text)]; alias != "" {
		hint = "write `-- format: " + alias + "`"
	} else if n := suggest.Nearest(w.Text, all); n != "" {
		hint = "did you mean " + n + "?"
	}
	x.bad(w, hint, "unknown format %q", w.Text)
	return false
}

func (x *Raw) csv() {
	x.Format.Delimiter, x.Format.Quote = ',', '"'
	if w, ok := x.one("delimiter"); ok {
		x.Format.Delimiter = x.char(w, delimiters)
	}
	if w, ok := x.one("quote"); ok {
		x.Format.Quote = x.char(w, map[string]byte{"none": 0, "double": '"', "single": '\''})
		if x.Format.Quote == x.Format.Delimiter {
			x.bad(w, "choose another", "the quote and the delimiter are the same character")
		}
	}
	if w, ok := x.one("escape"); ok {
		x.Format.Escape = x.char(w, map[string]byte{"backslash": '\\', "none": 0})
		if x.Format.Escape == x.Format.Quote {
			x.Format.Escape = 0 // a quote inside quotes may always be doubled
		}
	}
	if w, ok := x.one("syslog"); ok {
		switch strings.ToLower(w.Text) {
		case "yes":
			x.Format.Syslog = true
		case "no":
		default:
			x.bad(w, "write yes if a syslog header can precede a record, else no", "-- syslog: %q is not yes or no", w.Text)
		}
	}
	if w, ok := x.one("header"); ok {
		switch strings.ToLower(w.Text) {
		case "auto":
		case "yes":
			x.Format.Header = decode.HeaderYes
		case "no":
			x.Format.Header = decode.HeaderNo
		default:
			x.bad(w, "write yes if the first record names the columns, else no", "-- header: %q is not auto, yes or no", w.Text)
		}
	}
}

// layoutOf is `field=value:` in front of a list of columns.
var layoutOf = regexp.MustCompile(`^"?([^\s=",:]+)"?\s*=\s*('[^']+'|[^\s':,]+)\s*:`)

// layouts reads `-- columns: [field=value:] name, ...`: the order of the fields of the records of one type, or of all others. Lines of one
// type continue. A name that raw.sql does not declare is the field's name in unmapped.
func (x *Raw) layouts() {
	var order []word // the types, as written
	lists := map[string][]string{}
	for _, w := range x.head["columns"] {
		of, list := word{At: w.At}, w
		if m := layoutOf.FindStringSubmatch(w.Text); m != nil {
			of.Text = m[1] + "=" + strings.Trim(m[2], "'")
			list = trimWord(w.Text[len(m[0]):], w.At+len(m[0]))
		}
		if _, ok := lists[of.Text]; !ok {
			order = append(order, of)
			lists[of.Text] = nil
		}
		for _, part := range splitWords(list.Text, list.At) {
			name := strings.Trim(part.Text, `"`)
			if f := x.root.Get(name); f != nil {
				name = f.Name
			}
			if syntax.ContainsFold(lists[of.Text], name) {
				x.bad(part, "number them (example: future_use_2)", "%s appears twice in one list of columns", name)
			}
			lists[of.Text] = append(lists[of.Text], name)
		}
	}
	if len(order) == 0 {
		return
	}
	declared := x.Format.Columns
	for _, of := range order {
		names := lists[of.Text]
		if of.Text == "" {
			x.Format.Columns = names
			continue
		}
		field, value, _ := strings.Cut(of.Text, "=")
		at := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, field) })
		if at < 0 {
			x.bad(of, "add it at its position", "the columns for %s=%s do not include %s", field, value, field)
			continue
		}
		x.Format.Layouts = append(x.Format.Layouts, decode.Layout{At: at, Value: value, Columns: names})
	}
	var all []string
	for _, names := range lists {
		all = append(all, names...)
	}
	for _, name := range declared {
		if !syntax.ContainsFold(all, name) {
			hint := "name it in a `-- columns:` line, or remove it"
			if n := suggest.Nearest(name, all); n != "" {
				hint = "did you mean " + n + "?"
			}
			x.r.At(x.f, x.place(name), diag.Error, diag.RawFormat, hint, "no `-- columns:` line names %s, so no field can fill it", name)
		}
	}
}

// char reads one character, or a name for one.
func (x *Raw) char(w word, names map[string]byte) byte {
	if c, ok := names[strings.ToLower(w.Text)]; ok {
		return c
	}
	if len(w.Text) == 1 && w.Text[0] < unicode.MaxASCII && w.Text[0] >= ' ' {
		return w.Text[0]
	}
	x.bad(w, "one ASCII character, or "+strings.Join(slices.Sorted(maps.Keys(names)), ", "), "%q is not a single character", w.Text)
	return 0
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
