package mappings

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
)

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func listSQL(items []string) string {
	quoted := make([]string, len(items))
	for i, s := range items {
		quoted[i] = quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

var plainName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// reserved are the keywords that DuckDB 1.5 does not take for a name everywhere (duckdb_keywords(), all but the unreserved).
var reserved = strings.Fields(`
	all analyse analyze and anti any array as asc asof asymmetric at authorization between bigint binary bit boolean
	both by case cast char character check coalesce collate collation column columns concurrently constraint create
	cross dec decimal default deferrable desc describe distinct do else end except exists extract false fetch float
	for foreign freeze from full generated glob group grouping grouping_id having ilike in initially inner inout int
	integer intersect interval into is isnull join lambda lateral leading left like limit map national natural nchar
	none not notnull null nullif numeric offset on only or order out outer overlaps overlay pivot pivot_longer
	pivot_wider placing position positional precision primary qualify real references returning right row select
	semi setof show similar smallint some struct substring summarize symmetric table tablesample then time timestamp
	to trailing treat trim true try_cast union unique unpack unpivot using values varchar variadic verbose when
	where window with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot
	xmlserialize xmltable`)

func name(s string) string {
	if plainName.MatchString(s) && !slices.Contains(reserved, s) {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// rawSQL is a field of the raw record in SQL.
func rawSQL(path []string) string {
	parts := make([]string, 0, len(path)+1)
	if strings.EqualFold(path[0], "key") || strings.EqualFold(path[0], "raw") {
		parts = append(parts, "raw") // key is the staging key's captures, raw the table
	}
	for _, p := range path {
		parts = append(parts, name(p))
	}
	return strings.Join(parts, ".")
}

// selectSQL writes the SELECT of a part, one column a line, and tells for each line the place in the JSON it was made of
// (-1: none).
func (t *translator) selectSQL(p *part) (text string, places []int) {
	line := func(at int, format string, args ...any) {
		text += fmt.Sprintf(format, args...) + "\n"
		places = append(places, at)
	}
	line(p.at, "-- class: %s", p.class.Name)
	line(p.at, "-- ocsf: %s", t.version)
	if len(p.profiles) > 0 {
		line(p.at, "-- profiles: %s", strings.Join(p.profiles, ", "))
	}
	for _, l := range p.consumesLines() {
		line(p.at, "%s", l)
	}
	if len(p.without) > 0 {
		line(p.at, "-- without: %s", strings.Join(p.without, ", "))
	}
	line(p.at, "SELECT")
	width := 0
	exprs := make([]string, len(p.columns))
	for i, c := range p.columns {
		exprs[i] = c.render()
		if len(exprs[i]) <= 48 {
			width = max(width, len(exprs[i]))
		}
	}
	for i, c := range p.columns {
		comma := ","
		if i == len(p.columns)-1 {
			comma = ""
		}
		line(c.at, "  %-*s AS %s%s", width, exprs[i], name(c.path), comma)
	}
	where := ";"
	if t.matched != nil {
		where = fmt.Sprintf("\nWHERE %s = %s;", rawSQL(t.matched), quote(p.value))
	}
	line(-1, "FROM raw%s", where)
	return text, places
}

// rawSQL writes the table that the fields make.
func (t *translator) rawSQL() string {
	root := &tableField{}
	for _, l := range t.order {
		at := root
		for _, n := range l.path {
			at = at.child(n)
		}
		at.typ = l.typeOf()
	}
	var b strings.Builder
	root.parse(&b, "")
	b.WriteString("CREATE TABLE raw (\n")
	root.write(&b, "  ")
	b.WriteString(");\n")
	return b.String()
}

// tableField is a field of the raw table while it is written.
type tableField struct {
	name   string
	typ    string
	fields []*tableField
}

func (f *tableField) child(name string) *tableField {
	for _, c := range f.fields {
		if c.name == name {
			return c
		}
	}
	c := &tableField{name: name}
	f.fields = append(f.fields, c)
	return c
}

// parse writes a parse line for each object: where a record has a text in its place, the text is taken apart.
func (f *tableField) parse(b *strings.Builder, prefix string) {
	for _, c := range f.fields {
		if len(c.fields) == 0 {
			continue
		}
		at := prefix + Ident(c.name)
		fmt.Fprintf(b, "-- parse: %s %s\n", at, decode.ParseAuto)
		c.parse(b, at+".")
	}
}

func (f *tableField) write(b *strings.Builder, indent string) {
	for i, c := range f.fields {
		b.WriteString(indent + name(c.name) + " ")
		if len(c.fields) > 0 {
			b.WriteString("STRUCT(\n")
			c.write(b, indent+"  ")
			b.WriteString(indent + ")")
		} else {
			b.WriteString(c.typ)
		}
		if i < len(f.fields)-1 {
			b.WriteString(",")
		}
		b.WriteString("\n")
	}
}

// Ident is a name in SQL, quoted where it has to be.
func Ident(s string) string { return name(s) }

// FieldSQL is a field of the raw record, by the keys from its root, as a SELECT reads it.
func FieldSQL(path []string) string { return rawSQL(path) }

// Literal is a text in SQL.
func Literal(s string) string { return quote(s) }

// consume is a raw field, and the expression over the event that gives its value back.
type consume struct {
	raw  []string
	expr string
}

// consumesLines are the header's lines for them, one for each field.
func (p *part) consumesLines() (lines []string) {
	seen := map[string]bool{}
	for _, c := range p.consumes {
		if s := rawSQL(c.raw); !seen[s] {
			seen[s] = true
			lines = append(lines, "-- consumes: "+s+" = "+c.expr)
		}
	}
	return lines
}

// eventSQL is a path of the event in an expression.
func eventSQL(path string) string {
	names := strings.Split(path, ".")
	for i, n := range names {
		names[i] = `"` + n + `"`
	}
	return strings.Join(names, ".")
}
