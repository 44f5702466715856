package header

import (
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/suggest"
	"github.com/silt-etl/silt/sql/rawtable"
	"github.com/silt-etl/silt/sql/syntax"
)

// parse reads `-- parse: field parser`, `-- parse: field parser unless key`, and `-- parse: field windows_values field`.
func (x *Raw) parse() {
	for _, w := range x.head["parse"] {
		at, with := cutField(w.Text)
		words := append([]string{at}, strings.Fields(with)...)
		unless, by := "", ""
		if n := len(words) - 2; n >= 2 && strings.EqualFold(words[n], "unless") {
			words, unless = words[:n], words[n+1]
		}
		if len(words) == 3 && strings.EqualFold(words[1], string(decode.ParseWindowsValues)) {
			words, by = words[:2], words[2]
		}
		if at == "" || with == "" || len(words) > 2 {
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
		parser := decode.Parser{Name: name, Unless: unless}
		if name == decode.ParseWindowsValues {
			id, _ := x.find(by)
			if id == nil || len(id.Fields) > 0 || !strings.HasSuffix(id.Type.ID, "INT") && !strings.HasSuffix(id.Type.ID, "INTEGER") {
				x.r.At(x.f, w.At, diag.Error, diag.Parse, "example: `-- parse: EventData windows_values EventID`", "%s needs the field with the number of the event, an INTEGER", name)
				continue
			}
			parser.By = id.Path
		}
		if path, _ := rawtable.ParsePath(words[0]); f == nil && path != nil && slices.ContainsFunc(x.others, func(o []string) bool { return below(o, path) }) {
			parser.Path = path
			x.Parsers = append(x.Parsers, parser)
			continue
		}
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
			parser.Path = f.Path
			x.Parsers = append(x.Parsers, parser)
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

// wholeRecord stands for the record itself in an also line.
const wholeRecord = "*"

// also reads `-- also: field other`: a value may be at another path of the record. If the field is a STRUCT, each of its values may be at the
// same path below the other one.
func (x *Raw) also() {
	used := map[string]string{}
	for _, w := range x.head["also"] {
		bad := func(hint, format string, args ...any) {
			x.r.At(x.f, w.At, diag.Error, diag.Also, hint, format, args...)
		}
		name, to := cutField(w.Text)
		other, rest := rawtable.ParsePath(to)
		if to == wholeRecord {
			other = []string{}
		}
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
		case to == wholeRecord && len(f.Fields) == 0:
			bad("name a path; * is for a STRUCT whose fields can be those of the record itself", "%s has no fields", name)
		default:
			if len(f.Fields) > 0 && len(other) > 0 {
				f.Also = append(f.Also, other)
			}
			x.others = append(x.others, other)
			for _, v := range f.Values() {
				path := append(slices.Clone(other), v.Path[len(f.Path):]...)
				dotted := strings.Join(path, ".")
				switch before := used[strings.Join(path, "\x00")]; {
				case x.declared(path):
					bad("remove the column, or read both: coalesce(a, b)", "raw.sql already declares %s as a field", dotted)
				case before != "":
					bad("remove one of the lines", "%s is already another path of %s", dotted, before)
				default:
					used[strings.Join(path, "\x00")] = strings.Join(v.Path, ".")
					v.Also = append(v.Also, path)
				}
			}
		}
	}
}

// nulls reads `-- null: text, ...`: texts that mean "no value" in every field, or `-- null: field = text, ...` in one field. `""` stands for
// the empty text, and for a text of two quotes.
func (x *Raw) nulls() {
	of := map[*rawtable.Field]int{}
	for _, w := range x.head["null"] {
		into := &x.Format.Null
		list := w
		name, rest := cutField(w.Text)
		if strings.HasPrefix(rest, "=") && name != "" {
			f, near := x.find(name)
			switch {
			case f == nil:
				hint := "name a field that raw.sql declares"
				if near != "" {
					hint = "did you mean " + near + "?"
				}
				x.bad(w, hint, "raw has no field %s", name)
				continue
			case f != nil && len(f.Fields) > 0:
				x.bad(w, "name each of its fields", "%s has fields of its own", name)
				continue
			default:
				if _, ok := of[f]; !ok {
					of[f] = len(x.Nulls)
					x.Nulls = append(x.Nulls, decode.Null{Path: f.Path})
				}
				into = &x.Nulls[of[f]].Texts
				at := len(w.Text) - len(rest) + 1
				list = trimWord(w.Text[at:], w.At+at)
			}
		}
		for _, part := range splitWords(list.Text, list.At) {
			*into = append(*into, part.Text)
			if part.Text == `""` {
				*into = append(*into, "")
			}
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
