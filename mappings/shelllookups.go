package mappings

import (
	"fmt"
	"math"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/lookup"
	"github.com/silt-etl/silt/sql/sqlgen"
	"github.com/silt-etl/silt/sql/syntax"
)

// ShellError says why a mapping cannot be written as a script for a DuckDB shell.
type ShellError struct{ Message string }

func (e *ShellError) Error() string { return e.Message }

// maxShellRows is how many bytes of SQL the rows of a lookup can have in a script. DuckDB reads them for every call.
const maxShellRows = 1 << 20

// recordTime is the column of raw with the time of a record in milliseconds, at which rows of lookups must be valid.
const recordTime = "lookup time"

// lookupLibrary are the macros of the library that scripts use to find rows.
const lookupLibrary = "in_cidr(ip, network), ip_hex(ip)"

// shellMacros read arguments of lookups. An IPv4 address in IPv6 form is the IPv4 address, DuckDB would round numbers that are not whole,
// and a time without an offset is UTC whatever the zone of the shell is.
const shellMacros = `CREATE MACRO lookup_ip(ip) AS regexp_replace(trim(CAST(ip AS VARCHAR)), '^::[fF]{4}:([0-9.]+)$', '\1');
CREATE MACRO lookup_number(n) AS CASE WHEN regexp_full_match(CAST(n AS VARCHAR), '[+-]?[0-9]+') THEN TRY_CAST(CAST(n AS VARCHAR) AS BIGINT) END;
CREATE MACRO lookup_ms(t) AS CASE WHEN regexp_matches(CAST(t AS VARCHAR), ':[0-9]{2}.*(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)$') THEN epoch_ms(TRY_CAST(CAST(t AS VARCHAR) AS TIMESTAMPTZ))
  ELSE coalesce(TRY_CAST(CAST(t AS VARCHAR) AS BIGINT), epoch_ms(TRY_CAST(CAST(t AS VARCHAR) AS TIMESTAMP))) END;
`

// shellLookups writes for each lookup a macro that finds a row. The rows are in the macro: DuckDB allows no subquery where a macro is called
// for the elements of a list.
func (m *Mapping) shellLookups(compiled *sqlgen.Compiled) (string, error) {
	var b strings.Builder
	b.WriteString("\n-- lookups\n" + shellMacros)
	for _, t := range compiled.Lookups {
		i := slices.IndexFunc(m.Lookups, func(l *Lookup) bool { return l.Name == t.Name })
		w := &shellTable{Table: t, ext: strings.ToLower(path.Ext(m.Lookups[i].File))}
		if w.ext == ".mmdb" {
			return "", &ShellError{fmt.Sprintf("%s is a MaxMind database, which a DuckDB shell cannot read. Try: etl preview", m.Lookups[i].Place)}
		}
		text := w.macro()
		if len(text) > maxShellRows {
			return "", &ShellError{fmt.Sprintf("the rows of %s are too many for a script, which can have 1 MiB of them. Try: etl preview", m.Lookups[i].Place)}
		}
		fmt.Fprintf(&b, "\n-- lookup: %s\n%s", t.String(), text)
	}
	return b.String(), nil
}

// shellTable writes a table as SQL.
type shellTable struct {
	*lookup.Table
	ext string
}

// macro is the macro that finds a row.
func (w *shellTable) macro() string {
	name := "lookup_" + w.Name
	var parameters, given []string
	for i := range w.Arguments() {
		parameters = append(parameters, fmt.Sprintf("k%d", i+1))
		given = append(given, fmt.Sprintf("CAST(k%d AS VARCHAR)", i+1))
	}
	signature := func(more ...string) string {
		return "(" + strings.Join(append(slices.Clone(parameters), more...), ", ") + ") AS "
	}
	if w.Rows() == 0 {
		none := "CAST(NULL AS STRUCT(" + w.structType() + "))"
		if w.Timed() {
			return "CREATE MACRO " + name + signature("at_time") + none + ";\n"
		}
		return "CREATE MACRO " + name + signature() + none + ";\n"
	}
	if w.How == lookup.Equal && !w.Timed() {
		return fmt.Sprintf("CREATE MACRO %s_rows() AS MAP {%s};\nCREATE MACRO %[1]s%[3]s%[1]s_rows()[[%[4]s]];\n", name, w.entries(": "), signature(), strings.Join(given, ", "))
	}
	found := "x.k = [" + strings.Join(given, ", ") + "]"
	switch {
	case w.How == lookup.CIDR:
		found = "in_cidr(lookup_ip(k1), x.k)"
	case w.How == lookup.Range && w.Numbers():
		found = "lookup_number(k1) BETWEEN x.k[1] AND x.k[2]"
	case w.How == lookup.Range:
		found = "ip_hex(lookup_ip(k1)) BETWEEN ip_hex(x.k[1]) AND ip_hex(x.k[2]) AND length(ip_hex(lookup_ip(k1))) = length(ip_hex(x.k[1]))"
	}
	find := func(valid string) string {
		return "list_filter(" + name + "_rows(), lambda x: " + found + valid + ")[1].r"
	}
	text := fmt.Sprintf("CREATE MACRO %s_rows() AS [%s];\nCREATE MACRO %[1]s", name, w.entries(""))
	if !w.Timed() {
		return text + signature() + find("") + ";\n"
	}
	return text + signature("at_time") + find(" AND (x.since IS NULL OR lookup_ms(at_time) >= x.since) AND (x.until IS NULL OR lookup_ms(at_time) < x.until)") + ";\n"
}

// entries are the rows with their keys, those of longer prefixes first.
func (w *shellTable) entries(between string) string {
	order := make([]int, w.Rows())
	bits := make([]int, w.Rows())
	for row := range order {
		order[row] = row
		if w.How == lookup.CIDR {
			bits[row] = prefixOf(w.plain(w.Declaration.Columns[0], row)).Bits()
		}
	}
	slices.SortStableFunc(order, func(x, y int) int { return bits[y] - bits[x] })
	var all []string
	for _, row := range order {
		var keys []string
		for _, c := range w.Declaration.Columns {
			key := w.plain(c, row)
			switch {
			case w.How == lookup.CIDR:
				key = prefixOf(key).String()
			case w.How == lookup.Range && w.Numbers():
				keys = append(keys, key)
				continue
			case w.How == lookup.Range:
				if ip, err := netip.ParseAddr(strings.TrimSpace(key)); err == nil {
					key = ip.Unmap().String()
				}
			}
			keys = append(keys, syntax.Quote(key))
		}
		key := "[" + strings.Join(keys, ", ") + "]"
		if w.How == lookup.CIDR {
			key = keys[0]
		}
		if between != "" {
			all = append(all, "\n  "+key+between+w.row(row))
			continue
		}
		entry := "\n  {'k': " + key
		if w.Timed() {
			entry += ", 'since': " + w.since(w.From, row) + ", 'until': " + w.since(w.To, row)
		}
		all = append(all, entry+", 'r': "+w.row(row)+"}")
	}
	return strings.Join(all, ",")
}

// prefixOf is the network of a text that lookup has read.
func prefixOf(text string) netip.Prefix {
	text = strings.TrimSpace(text)
	if ip, err := netip.ParseAddr(text); err == nil {
		ip = ip.Unmap()
		return netip.PrefixFrom(ip, ip.BitLen())
	}
	p, _ := netip.ParsePrefix(text)
	if p.Addr().Is4In6() {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p
}

// since is a time of validity in milliseconds.
func (w *shellTable) since(column string, row int) string {
	if text := w.plain(column, row); text != "" {
		return "lookup_ms(" + syntax.Quote(text) + ")"
	}
	return "CAST(NULL AS BIGINT)"
}

// plain is a value as text, "" for NULL.
func (w *shellTable) plain(column string, row int) string {
	col := w.Column(column)
	c := w.Columns()[col]
	if c.Type == lookup.Text {
		return string(w.Text(col, row))
	}
	v, ok := w.Number(col, row)
	if !ok {
		return ""
	}
	return numberText(c.Type, v)
}

func numberText(typ lookup.Type, v int64) string {
	switch typ {
	case lookup.Bool:
		return strconv.FormatBool(v != 0)
	case lookup.Uint:
		return strconv.FormatUint(uint64(v), 10)
	case lookup.Double:
		return strconv.FormatFloat(math.Float64frombits(uint64(v)), 'g', -1, 64)
	case lookup.Timestamp:
		return time.UnixMicro(v).UTC().Format("2006-01-02 15:04:05.999999")
	case lookup.Date:
		return time.Unix(v*86400, 0).UTC().Format(time.DateOnly)
	}
	return strconv.FormatInt(v, 10)
}

var shellTypes = map[lookup.Type]string{lookup.Text: "VARCHAR", lookup.Bool: "BOOLEAN", lookup.Int: "BIGINT", lookup.Uint: "UBIGINT", lookup.Double: "DOUBLE", lookup.Timestamp: "TIMESTAMP", lookup.Date: "DATE"}

func shellType(c lookup.Column) string {
	if c.List {
		return shellTypes[c.Type] + "[]"
	}
	return shellTypes[c.Type]
}

func (w *shellTable) structType() string {
	var fields []string
	for _, c := range w.Columns() {
		fields = append(fields, syntax.Ident(c.Name)+" "+shellType(c))
	}
	return strings.Join(fields, ", ")
}

// row is a row as a struct. Fields of structs of a Parquet file are structs again.
func (w *shellTable) row(row int) string {
	type object struct {
		names  []string
		values map[string]string
		inner  map[string]*object
	}
	empty := func() *object { return &object{values: map[string]string{}, inner: map[string]*object{}} }
	top := empty()
	for i, c := range w.Columns() {
		o, names := top, []string{c.Name}
		if w.ext == ".parquet" {
			names = strings.Split(c.Name, ".")
		}
		for _, n := range names[:len(names)-1] {
			if o.inner[n] == nil {
				o.names, o.inner[n] = append(o.names, n), empty()
			}
			o = o.inner[n]
		}
		last := names[len(names)-1]
		o.names, o.values[last] = append(o.names, last), w.value(i, c, row)
	}
	var write func(o *object) string
	write = func(o *object) string {
		var fields []string
		for _, n := range o.names {
			v := o.values[n]
			if in := o.inner[n]; in != nil {
				v = write(in)
			}
			fields = append(fields, syntax.Quote(n)+": "+v)
		}
		return "{" + strings.Join(fields, ", ") + "}"
	}
	return write(top)
}

// value is a value as SQL.
func (w *shellTable) value(col int, c lookup.Column, row int) string {
	typed := func(text string) string { return "CAST(" + syntax.Quote(text) + " AS " + shellTypes[c.Type] + ")" }
	if c.List {
		var all []string
		for e := range w.List(col, row) {
			switch {
			case e.Null:
				all = append(all, "NULL")
			case c.Type == lookup.Text:
				all = append(all, syntax.Quote(string(e.Text)))
			default:
				all = append(all, typed(numberText(c.Type, e.Number)))
			}
		}
		if len(all) > 0 {
			return "CAST([" + strings.Join(all, ", ") + "] AS " + shellType(c) + ")"
		}
	} else if text := w.plain(c.Name, row); text != "" {
		if c.Type == lookup.Text {
			return syntax.Quote(text)
		}
		return typed(text)
	}
	return "CAST(NULL AS " + shellType(c) + ")"
}

const skippedText = `'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/`

// skipped matches texts, names in quotes and comments. skippedOrLookup also matches a call of a lookup up to its second argument.
var (
	skipped         = regexp.MustCompile(`(?s)` + skippedText)
	skippedOrLookup = regexp.MustCompile(`(?is)` + skippedText + `|\blookup\s*\(\s*'([a-z0-9_]+)'\s*,\s*`)
)

// callsOfMacros replaces lookup('assets', ip) by lookup_assets(ip). now is the time at which a row must be valid if a call does not say it;
// "": a call must say it.
func callsOfMacros(sql string, tables []*lookup.Table, now string) (string, error) {
	type edit struct {
		from, to int
		text     string
	}
	var edits []edit
	for _, m := range skippedOrLookup.FindAllStringSubmatchIndex(sql, -1) {
		if m[2] < 0 {
			continue
		}
		name := strings.ToLower(sql[m[2]:m[3]])
		edits = append(edits, edit{m[0], m[1], "lookup_" + name + "("})
		i := slices.IndexFunc(tables, func(t *lookup.Table) bool { return t.Name == name })
		args, end := argumentsOf(sql, m[1])
		if i < 0 || !tables[i].Timed() || args > tables[i].Arguments() {
			continue
		}
		if now == "" {
			return "", &ShellError{"a macro uses the lookup " + name + " at the time of the record, which a macro in a DuckDB shell does not know. Try: make the time a parameter of the macro, and an argument of lookup"}
		}
		edits = append(edits, edit{end, end, ", " + now})
	}
	slices.SortStableFunc(edits, func(x, y edit) int { return x.from - y.from })
	var b strings.Builder
	from := 0
	for _, e := range edits {
		b.WriteString(sql[from:e.from] + e.text)
		from = e.to
	}
	return b.String() + sql[from:], nil
}

// argumentsOf counts the arguments of a call from a place in it, and returns where its closing bracket is.
func argumentsOf(sql string, at int) (count, end int) {
	skip := map[int]int{}
	for _, m := range skipped.FindAllStringIndex(sql[at:], -1) {
		skip[at+m[0]] = at + m[1]
	}
	count = 1
	for depth := 0; at < len(sql); at++ {
		if to := skip[at]; to > 0 {
			at = to - 1
			continue
		}
		switch sql[at] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth == 0 {
				return count, at
			}
			depth--
		case ',':
			if depth == 0 {
				count++
			}
		}
	}
	return count, at
}

// timedRaw is raw with the time of each record, as one SELECT of the mapping has it.
func timedRaw(columns []sqlgen.LineageColumn) string {
	i := slices.IndexFunc(columns, func(c sqlgen.LineageColumn) bool { return c.Path == "time" })
	if i < 0 {
		return "raw"
	}
	var before []string
	for _, name := range columns[i].Uses {
		if k := slices.IndexFunc(columns, func(c sqlgen.LineageColumn) bool { return strings.EqualFold(c.Path, name) }); k >= 0 {
			before = append(before, columnSQL(columns[k])+", ")
		}
	}
	time := strings.TrimSuffix(columnSQL(columns[i]), " AS "+syntax.Ident("time"))
	return fmt.Sprintf("(SELECT *, %slookup_ms(%s) AS %s FROM raw) AS raw", strings.Join(before, ""), time, syntax.Ident(recordTime))
}
