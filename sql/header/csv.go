package header

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/suggest"
	"github.com/silt-etl/silt/sql/syntax"
)

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
	x.strict(lists)
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

// strict reads what the records of a type must look like: `-- braces:`, `-- extra:` and `-- expect:`.
func (x *Raw) strict(lists map[string][]string) {
	listed := func(w word, key, name string) bool {
		for of, names := range lists {
			if of != "" && syntax.ContainsFold(names, name) {
				return true
			}
		}
		x.bad(w, "name a column of a `-- columns: field=value:` line", "-- %s: no list of columns for one type has %s", key, name)
		return false
	}
	for _, w := range x.head["braces"] {
		for _, part := range splitWords(w.Text, w.At) {
			if listed(part, "braces", part.Text) {
				x.Format.Braces = append(x.Format.Braces, part.Text)
			}
		}
	}
	if w, ok := x.one("extra"); ok {
		switch strings.ToLower(w.Text) {
		case "keep":
		case "quarantine":
			x.Format.Closed = true
		default:
			x.bad(w, "write quarantine if a record with more fields than its list of columns must not be published, else keep", "-- extra: %q is not keep or quarantine", w.Text)
		}
	}
	for _, w := range x.head["expect"] {
		name, pattern, _ := strings.Cut(w.Text, " ")
		re, err := regexp.Compile("^(?:" + strings.TrimSpace(pattern) + ")$")
		if err != nil || strings.TrimSpace(pattern) == "" {
			x.bad(w, "example: `-- expect: rule_uuid [0-9a-f-]{36}`", "-- expect: %q does not name a column and a pattern (RE2) of its values", w.Text)
			continue
		}
		if listed(w, "expect", name) {
			x.Format.Expects = append(x.Format.Expects, decode.Expect{Column: name, Pattern: re})
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

var delimiters = map[string]byte{"tab": '\t', `\t`: '\t', "space": ' ', "comma": ',', "semicolon": ';', "pipe": '|'}
