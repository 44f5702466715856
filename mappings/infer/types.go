package infer

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode"

	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/mappings"
)

// column is a field as raw.sql declares it.
type column struct {
	*field
	typ    string // of a STRUCT: ""
	fields []*column
	notes  []string
	role   role
	reason string
	time   *timeOf
}

func (c *column) note(format string, args ...any) {
	c.notes = append(c.notes, fmt.Sprintf(format, args...))
}

// dotted is how people call it.
func (f *field) dotted() string { return strings.Join(f.path, ".") }

// columns gives what can be declared of an object's fields: names that DuckDB would take for one (case aside) only once, the
// most frequent.
func (in *inference) columns(f *field) (all []*column) {
	byName := map[string][]*field{}
	for _, c := range f.children {
		if k := strings.ToLower(c.name); k != "" && !strings.ContainsAny(c.name, "\x00\"") {
			byName[k] = append(byName[k], c)
		} else {
			in.undeclared(c, "the SQL of a mapping cannot use this name")
		}
	}
	for _, c := range f.children {
		same := byName[strings.ToLower(c.name)]
		if len(same) == 0 {
			continue
		}
		best := slices.MaxFunc(same, func(a, b *field) int { return int(a.seen - b.seen) })
		if best != c {
			in.undeclared(c, "for DuckDB it has the same name as "+best.dotted())
			continue
		}
		all = append(all, in.column(c))
	}
	return all
}

// column settles a field's type: one that takes each value seen.
func (in *inference) column(f *field) *column {
	c := &column{field: f}
	parent := in.records
	if f.parent != nil && f.parent != in.root {
		parent = max(f.parent.objects, f.parent.windows, f.parent.packed)
	}
	if f.seen > 0 && f.seen < parent {
		c.note("in %s of %s", percent(f.seen, parent), map[bool]string{true: "the records", false: f.parent.dotted()}[f.parent == in.root])
	}
	switch {
	case f.seen == 0:
		if c.typ = "VARCHAR"; in.shape.types[f.name] != "" && in.shape.types[f.name] != "TIMESTAMP" {
			c.typ = in.shape.types[f.name]
		}
		c.note("always null")
	case f.objects == f.seen && f.parent == in.root && strings.EqualFold(f.name, "key"):
		c.typ = "JSON"
		c.note("an object; key.x is a capture of the staging key")
	case f.objects == f.seen && !f.wide && len(f.children) > 0:
		if c.fields = in.columns(f); len(c.fields) == 0 {
			c.typ = "JSON"
		}
	case f.objects == f.seen:
		c.typ = "JSON"
		if f.wide {
			c.note("more than %d keys, so the keys are data (example: names of hosts)", maxChildren)
		}
	case f.arrays == f.seen:
		if c.typ = listType(f.elem); c.typ == "JSON" && f.elem.objects > 0 && f.elem.objects == f.elem.seen {
			c.note("a list of objects whose keys differ")
		} else if c.typ == "JSON" && f.elem.seen == 0 {
			c.note("a list, always empty")
		}
	case f.scalars == f.seen && f.packed == f.seen && len(f.children) > 0 && !f.wide && plainPath(f.path):
		at := len(in.header)
		if c.fields = in.columns(f); len(c.fields) == 0 {
			in.scalarType(c)
			break
		}
		in.header = slices.Insert(in.header, at, "parse: "+f.dotted()+" json")
	case f.scalars == f.seen && f.windows == f.seen && len(f.children) > 0 && plainPath(f.path):
		if c.fields = in.columns(f); len(c.fields) == 0 {
			in.scalarType(c)
			break
		}
		in.header = append(in.header, "parse: "+f.dotted()+" windows_event")
	case f.scalars == f.seen:
		in.scalarType(c)
	default:
		c.typ = "JSON"
		var parts []string
		for _, k := range []struct {
			n    int64
			what string
		}{{f.objects, "object"}, {f.arrays, "list"}, {f.scalars, "single value"}} {
			if k.n > 0 {
				parts = append(parts, fmt.Sprintf("%s in %s", k.what, percent(k.n, f.seen)))
			}
		}
		c.note("ambiguous: %s", strings.Join(parts, ", "))
	}
	if len(c.fields) == 0 {
		in.recognise(c)
		in.choices(c)
	}
	return c
}

// headerPath is a path in a header line. ok is false for names that no header line can hold.
func headerPath(path []string) (s string, ok bool) {
	for i, k := range path {
		if strings.ContainsFunc(k, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return "", false
		}
		if i > 0 {
			s += "."
		}
		if plainKey.MatchString(k) {
			s += k
		} else {
			s += `"` + k + `"`
		}
	}
	return s, true
}

// plainPath says whether a header line can name a path as it is.
func plainPath(path []string) bool {
	for _, k := range path {
		if !plainKey.MatchString(k) {
			return false
		}
	}
	return true
}

var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// choices notes the values of a field that has few of them, unless they are names of persons or machines.
func (in *inference) choices(c *column) {
	switch c.role {
	case "", roleSeverity, roleMethod, roleProtocol, roleStatus, roleOperation, roleQType, roleRCode, roleService:
	default:
		return
	}
	if c.typ != "VARCHAR" || c.many || len(c.order) < 2 || len(c.order) > 8 || c.longest > 24 || c.scalars < 2*int64(len(c.order)) {
		return
	}
	values := slices.Clone(c.order)
	sort.Strings(values)
	c.note("one of %s", strings.Join(values, ", "))
}

// scalarType settles the type of a field whose values are neither objects nor lists.
func (in *inference) scalarType(c *column) {
	f := c.field
	numbers := f.scalars - f.quoted // or booleans
	known := in.shape.types[f.name]
	switch {
	case known == "DOUBLE" && f.all(isDouble) && f.all(isExact), known == "BIGINT" && f.all(isInt64), known == "INTEGER" && f.all(isInt32):
		c.typ = known
	case f.quoted == f.scalars && f.all(isISOTime):
		c.typ = "TIMESTAMP"
	case f.all(isBool):
		c.typ = "BOOLEAN"
	case f.all(isInt64) && (f.quoted == 0 || in.text || numeric(f.name)) && !identifier(f.name):
		if c.typ = "BIGINT"; f.all(isPort) && named(f.name, "port") {
			c.typ = "INTEGER"
		}
		if f.quoted > 0 && f.quoted < f.scalars {
			c.note("a number written as text in %s", percent(f.quoted, f.scalars))
		}
	case f.all(isDouble) && f.all(isExact) && !f.all(isInt64) && (f.quoted == 0 || in.text) && !identifier(f.name):
		c.typ = "DOUBLE"
	default:
		c.typ = "VARCHAR"
		switch {
		case f.all(isInt64) && identifier(f.name):
			c.note("an identifier written in digits")
		case f.all(isInt64) && f.quoted == f.scalars:
			c.note("numbers written as text")
		case f.all(isDouble) && !f.all(isExact):
			c.note("numbers too long for BIGINT and DOUBLE")
		case numbers > 0 && f.quoted > 0:
			what := "number or boolean"
			if f.has[isBool] == 0 {
				what = "number"
			} else if f.has[isDouble] == 0 {
				what = "boolean"
			}
			c.note("ambiguous: %s in %s, else text (example: %s)", what, percent(numbers, f.scalars), in.example(f, false))
		case f.has[isDouble] > 0 && f.has[isDouble] < f.scalars && f.has[isDouble]*100 >= f.scalars*80:
			c.note("ambiguous: number in %s, else text (example: %s)", percent(f.has[isDouble], f.scalars), in.example(f, false))
		case f.has[isISOTime] > 0:
			c.note("ambiguous: ISO 8601 time in %s, else text (example: %s)", percent(f.has[isISOTime], f.scalars), in.example(f, true))
		}
	}
}

// example is a value that is neither a number nor a time.
func (p *profiler) example(f *field, time bool) string {
	for _, v := range f.order {
		set := p.traitsOf([]byte(v), true)
		if !set[isDouble] && !set[isBool] && !(time && set[isISOTime]) {
			return shorten(v)
		}
	}
	return "others"
}

func shorten(s string) string {
	if len(s) > 40 {
		s = strings.ToValidUTF8(s[:40], "") + "..."
	}
	return fmt.Sprintf("%q", s)
}

// listType is the type of a list by its elements. What holds for elements of JSON is what DuckDB's cast takes.
func listType(e *field) string {
	switch {
	case e.seen == 0:
		return "JSON"
	case e.objects == e.seen:
		if parts := elementColumns(e); len(parts) > 0 {
			return "STRUCT(" + strings.Join(parts, ", ") + ")[]"
		}
		return "JSON"
	case e.arrays == e.seen:
		if t := listType(e.elem); t != "JSON" {
			return t + "[]"
		}
		return "JSON"
	case e.scalars == e.seen:
		return elementType(e) + "[]"
	}
	return "JSON"
}

// elementColumns are the fields of objects in a list, nil where they are not the same in each: DuckDB casts only JSON objects to
// a STRUCT that have just its keys.
func elementColumns(e *field) (parts []string) {
	if e.wide {
		return nil
	}
	seen := map[string]bool{}
	for _, c := range e.children {
		k := strings.ToLower(c.name)
		if k == "" || seen[k] || strings.ContainsAny(c.name, "\x00\"") || c.seen+c.null != e.objects {
			return nil
		}
		seen[k] = true
		typ := "JSON"
		switch {
		case c.seen == 0:
			typ = "VARCHAR"
		case c.scalars == c.seen:
			typ = elementType(c)
		case c.arrays == c.seen:
			typ = listType(c.elem)
		case c.objects == c.seen:
			if inner := elementColumns(c); len(inner) > 0 {
				typ = "STRUCT(" + strings.Join(inner, ", ") + ")"
			}
		}
		parts = append(parts, mappings.Ident(c.name)+" "+typ)
	}
	return parts
}

func elementType(e *field) string {
	switch {
	case e.quoted == 0 && e.all(isBool):
		return "BOOLEAN"
	case e.quoted == 0 && e.all(isInt64):
		return "BIGINT"
	case e.quoted == 0 && e.all(isDouble) && e.all(isExact):
		return "DOUBLE"
	}
	return "VARCHAR"
}

func percent(n, of int64) string {
	if of == 0 {
		return "0%"
	}
	s := fmt.Sprintf("%.1f", 100*float64(n)/float64(of))
	switch {
	case n < of && s == "100.0":
		return "99.9%"
	case n > 0 && s == "0.0":
		return "0.1%"
	}
	return strings.TrimSuffix(s, ".0") + "%"
}

// rawSQL writes raw.sql: aligned, a field a line, what is noted behind it.
func (in *inference) rawSQL() string {
	var b strings.Builder
	fmt.Fprintf(&b, "-- A first mapping of %s: the fields of a raw record, made from %s.\n", oneLine(in.name), oneLine(described(in.records, in.samples)))
	b.WriteString("-- What is not declared here is not lost: it goes to unmapped under its own dotted name.\n")
	for _, h := range in.header {
		fmt.Fprintf(&b, "-- %s\n", oneLine(h))
	}
	for _, u := range in.left {
		fmt.Fprintf(&b, "-- Not declared: %s\n", oneLine(u))
	}
	b.WriteString("CREATE TABLE raw (\n")
	writeColumns(&b, in.cols, "  ")
	b.WriteString(");\n")
	return b.String()
}

func writeColumns(b *strings.Builder, cols []*column, indent string) {
	width := 0
	for _, c := range cols {
		if n := len(mappings.Ident(c.name)); n <= 30 {
			width = max(width, n)
		}
	}
	for i, c := range cols {
		comma := ","
		if i == len(cols)-1 {
			comma = ""
		}
		note := ""
		if len(c.notes) > 0 {
			note = " -- " + oneLine(strings.Join(c.notes, "; "))
		}
		if len(c.fields) > 0 {
			fmt.Fprintf(b, "%s%s STRUCT(%s\n", indent, mappings.Ident(c.name), note)
			writeColumns(b, c.fields, indent+"  ")
			fmt.Fprintf(b, "%s)%s\n", indent, comma)
			continue
		}
		fmt.Fprintf(b, "%s%-*s %s%s%s\n", indent, width, mappings.Ident(c.name), c.typ, comma, note)
	}
}

// leaves gives the columns that are not STRUCT, in order.
func leaves(cols []*column) (all []*column) {
	for _, c := range cols {
		if len(c.fields) > 0 {
			all = append(all, leaves(c.fields)...)
		} else {
			all = append(all, c)
		}
	}
	return all
}

// oneLine keeps a comment in its line, since what follows a line's end would be SQL, and escapes control characters.
func oneLine(s string) string {
	return render.Safe(strings.NewReplacer("\n", " ", "\r", " ", "\t", " ", "\u0085", " ", "\u2028", " ", "\u2029", " ").Replace(s))
}
