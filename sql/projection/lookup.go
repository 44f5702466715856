package projection

import (
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/lookup"
	"github.com/silt-etl/silt/internal/suggest"
	"github.com/silt-etl/silt/sql/allow"
	"github.com/silt-etl/silt/sql/ducktype"
	"github.com/silt-etl/silt/sql/syntax"
)

// lookup('assets', ip).owner becomes two calls of functions that are written in Go: one finds the row, the other one gives a value of it.
// DuckDB finds the row once for all columns that are taken from it.

// lookupFunction is what a mapping calls.
const lookupFunction = "lookup"

// lookups are the tables of a mapping.
type lookups struct {
	tables   map[string]*lookup.Table
	unread   []string
	names    []string
	families map[string]ducktype.Family // of the functions in Go
	macros   *syntax.Macros
	called   map[string]bool       // whether a macro has a lookup
	times    map[string]timeColumn // of each SELECT, by file
}

// timeColumn is the column time of a SELECT, and the alias of raw in it.
type timeColumn struct {
	expr  syntax.Node
	table string
}

func newLookups(m *Mapping, macros *syntax.Macros, growths map[string]allow.Growth) *lookups {
	l := &lookups{unread: m.Unread, tables: map[string]*lookup.Table{}, families: map[string]ducktype.Family{}, macros: macros, called: map[string]bool{}, times: map[string]timeColumn{}}
	l.names = append(l.names, m.Unread...)
	for _, t := range m.Lookups {
		l.tables[t.Name] = t
		l.names = append(l.names, t.Name)
		l.families[lookup.RowFunction(t.Name)] = ducktype.Real
		growths[lookup.RowFunction(t.Name)] = allow.GrowsNot
		for i, c := range t.Columns() {
			name := lookup.ValueFunction(t.Name, c.Name)
			l.families[name], growths[name] = numbers(columnFamily(duckTypeOf(c.Type))), allow.GrowsNot
			if c.List {
				l.families[name] = ducktype.List
			}
			if c.List || c.Type == lookup.Text {
				growths[name] = allow.GrowsToText(t.Longest(i))
			}
		}
	}
	return l
}

func duckTypeOf(t lookup.Type) string {
	switch t {
	case lookup.Bool:
		return "BOOLEAN"
	case lookup.Int:
		return "BIGINT"
	case lookup.Uint:
		return "UBIGINT"
	case lookup.Double:
		return "DOUBLE"
	case lookup.Timestamp:
		return "TIMESTAMP"
	case lookup.Date:
		return "DATE"
	}
	return "VARCHAR"
}

// family is what a function in Go of a lookup returns. It never fails.
func (l *lookups) family(function string) (ducktype.Family, bool) {
	f, ok := l.families[strings.ToLower(function)]
	return f, ok
}

// noteTime keeps the column time of a SELECT, for its file and for _common.sql, whose columns are read for one SELECT after another.
func (l *lookups) noteTime(file, common string, t timeColumn) {
	l.times[file], l.times[common] = t, t
}

// inMacro says whether a macro calls a lookup, itself or in a macro that it calls. Its body is put in place of its call: DuckDB does not
// know the lookups of a mapping.
func (l *lookups) inMacro(name string) bool {
	name = strings.ToLower(name)
	if has, known := l.called[name]; known || name == "" || !l.macros.Is(name) {
		return has
	}
	l.called[name] = false
	has := false
	for _, d := range l.macros.Definitions(name) {
		syntax.Walk(l.macros.Body(d), func(n syntax.Node) bool {
			has = has || isLookup(n) || syntax.Str(n, "class") == "FUNCTION" && l.inMacro(syntax.Str(n, "function_name"))
			return !has
		})
	}
	l.called[name] = has
	return has
}

// expand puts the bodies of macros that have lookups in place of their calls. complicated is a call for which that is not possible.
func (l *lookups) expand(v any) (out any, complicated syntax.Node) {
	switch t := v.(type) {
	case []any:
		for i, e := range t {
			if t[i], complicated = l.expand(e); complicated != nil {
				return nil, complicated
			}
		}
	case syntax.Node:
		if syntax.Str(t, "class") == "FUNCTION" && l.inMacro(syntax.Str(t, "function_name")) {
			body := l.macros.Expand(t)
			if body == nil {
				return nil, t
			}
			return l.expand(body)
		}
		for _, k := range syntax.InOrder(t) {
			if t[k], complicated = l.expand(t[k]); complicated != nil {
				return nil, complicated
			}
		}
	}
	return v, nil
}

func isLookup(n syntax.Node) bool { return syntax.IsCall(n, lookupFunction) }

// lookupCalls puts the functions in Go in place of calls of lookups.
type lookupCalls struct {
	*rewriter
	inTime bool // the time of a record is being rewritten
}

// expr rewrites an expression.
func (w *lookupCalls) expr(e syntax.Node) (any, error) {
	in, complicated := w.c.lookups.expand(syntax.Clone(e))
	if complicated != nil {
		name := syntax.Str(complicated, "function_name")
		w.bad(e, "call it with one value for each parameter, define it once, and give the parameters of lambdas names of their own", "the macro %s has a lookup, so its body must take the place of the call, but this call is too complicated for that", name)
		return nil, nil
	}
	out, err := w.rewriter.expr(in.(syntax.Node))
	if err != nil || !w.ok {
		return nil, err
	}
	return w.put(out)
}

func (w *lookupCalls) bad(n syntax.Node, hint, format string, args ...any) {
	w.ok = false
	w.c.Report.At(w.file, syntax.Location(n), diag.Error, diag.Lookup, hint, format, args...)
}

// put replaces the calls in a tree that is rewritten already.
func (w *lookupCalls) put(v any) (any, error) {
	switch t := v.(type) {
	case []any:
		for i, e := range t {
			out, err := w.put(e)
			if err != nil {
				return nil, err
			}
			t[i] = out
		}
	case syntax.Node:
		if call, fields := lookedUp(t); call != nil {
			return w.value(t, call, fields)
		}
		if id := syntax.Str(t, "type"); id == "OPERATOR_IS_NULL" || id == "OPERATOR_IS_NOT_NULL" {
			if of, _ := first(syntax.List(t, "children")).(syntax.Node); isLookup(of) {
				_, row, err := w.row(of)
				t["children"] = []any{row}
				return t, err
			}
		}
		for _, k := range syntax.InOrder(t) {
			out, err := w.put(t[k])
			if err != nil {
				return nil, err
			}
			t[k] = out
		}
	}
	return v, nil
}

func first(all []any) any {
	if len(all) == 0 {
		return nil
	}
	return all[0]
}

// lookedUp returns the call of a lookup from which an expression takes a field, with the field's path, or the call alone.
func lookedUp(n syntax.Node) (call syntax.Node, fields []string) {
	if isLookup(n) {
		return n, nil
	}
	if id := syntax.Str(n, "type"); id != "STRUCT_EXTRACT" && id != "ARRAY_EXTRACT" {
		return nil, nil
	}
	args := syntax.List(n, "children")
	if len(args) != 2 {
		return nil, nil
	}
	of, _ := args[0].(syntax.Node)
	by, _ := args[1].(syntax.Node)
	call, fields = lookedUp(of)
	field, ok := syntax.Literal(by)
	name, is := field.(string)
	if call == nil || !ok || !is {
		return nil, nil
	}
	return call, append(fields, name)
}

// value is the call of the function that gives a column of the row.
func (w *lookupCalls) value(n, call syntax.Node, fields []string) (any, error) {
	t, row, err := w.row(call)
	if err != nil {
		return n, err
	}
	if t == nil {
		return row, nil
	}
	if len(fields) == 0 {
		w.bad(n, "name a column: lookup('"+t.Name+"', ...)."+t.Columns()[0].Name, "the lookup is used as a whole")
		return n, nil
	}
	name := strings.Join(fields, ".")
	if t.Column(name) < 0 {
		var names []string
		for _, c := range t.Columns() {
			names = append(names, c.Name)
		}
		hint := "it has " + strings.Join(names[:min(len(names), 12)], ", ")
		if near := suggest.Nearest(name, names); near != "" {
			hint = "did you mean " + near + "?"
		}
		w.bad(n, hint, "the lookup %s has no column %s", t.Name, name)
		return n, nil
	}
	if !t.Kept(t.Column(name)) {
		w.bad(n, "write it as the file has it, directly behind the dot: lookup('"+t.Name+"', ...)."+t.Columns()[t.Column(name)].Name, "the name of the column %s of the lookup %s is not spelled as in the file", name, t.Name)
		return n, nil
	}
	return w.callOf(lookup.ValueFunction(t.Name, name), syntax.Str(n, "alias"), call, row)
}

// callOf is a call of a function in Go.
func (w *lookupCalls) callOf(function, alias string, at syntax.Node, args ...any) (syntax.Node, error) {
	n, err := w.c.snippet(syntax.Ident(function) + "()")
	if err != nil {
		return nil, err
	}
	n["children"], n["alias"], n["query_location"] = args, alias, at["query_location"]
	return n, nil
}

// row is the call of the function that finds the row. The table is nil if the lookup could not be read, and then row is NULL, or if the
// call is wrong. Both are reported.
func (w *lookupCalls) row(call syntax.Node) (*lookup.Table, syntax.Node, error) {
	args := syntax.List(call, "children")
	named, _ := first(args).(syntax.Node)
	text, _ := syntax.Literal(named)
	name, ok := text.(string)
	t := w.c.lookups.tables[strings.ToLower(name)]
	if !ok || t == nil {
		hint := "declare it above raw.sql's table (example: `-- lookup: assets by cidr network`)"
		if near := suggest.Nearest(name, w.c.lookups.names); near != "" {
			hint = "did you mean " + near + "?"
		}
		if !ok {
			w.bad(call, "example: lookup('assets', src_ip).owner", "the first argument of lookup must be the name of a lookup, in quotes")
			return nil, call, nil
		}
		if slices.Contains(w.c.lookups.unread, strings.ToLower(name)) {
			null, err := w.c.snippet("CAST(NULL AS VARCHAR)")
			return nil, null, err
		}
		w.bad(call, hint, "the mapping does not declare a lookup %q", name)
		return nil, call, nil
	}
	given := args[1:]
	want := t.Arguments()
	if n := len(given); n != want && (n != want+1 || !t.Timed()) {
		hint := "`-- lookup: " + t.String() + "`"
		w.bad(call, hint, "the lookup %s is found by %d values, but %d are given", t.Name, want, n)
		return nil, call, nil
	}
	var keys []any
	for _, k := range given[:want] {
		key, err := w.put(k)
		if err != nil {
			return nil, nil, err
		}
		node, _ := key.(syntax.Node)
		if fam, _ := w.c.total(node); fam != ducktype.Text {
			if node, err = w.within("TRY_CAST(_value AS VARCHAR)", node); err != nil {
				return nil, nil, err
			}
		}
		node["alias"] = ""
		keys = append(keys, node)
	}
	if t.Timed() {
		at, err := w.time(t, call, given[want:])
		if err != nil || at == nil {
			return nil, call, err
		}
		keys = append(keys, at)
	}
	row, err := w.callOf(lookup.RowFunction(t.Name), "", call, keys...)
	return t, row, err
}

// time is the time at which a row must be valid, in milliseconds since 1970: the argument if there is one, else the record's.
func (w *lookupCalls) time(t *lookup.Table, call syntax.Node, given []any) (syntax.Node, error) {
	var of any
	switch own := w.c.lookups.times[w.file.Path]; {
	case len(given) > 0:
		v, err := w.put(given[0])
		if err != nil {
			return nil, err
		}
		of = v
	case own.expr == nil || w.inTime:
		w.bad(call, "give the time as another argument", "the rows of the lookup %s are valid for a time, and this SELECT has no column time to compare it with", t.Name)
		return nil, nil
	default:
		inner := &lookupCalls{rewriter: w.rewriter, inTime: true}
		table := w.table
		w.table = own.table
		v, err := inner.expr(own.expr)
		w.table = table
		if err != nil || v == nil {
			return nil, err
		}
		of = v
	}
	node, _ := of.(syntax.Node)
	sql := "coalesce(TRY_CAST(TRY_CAST(_value AS VARCHAR) AS BIGINT), epoch_ms(TRY_CAST(TRY_CAST(_value AS VARCHAR) AS TIMESTAMP WITH TIME ZONE)))"
	switch fam, _ := w.c.total(node); {
	case fam == ducktype.Real:
		sql = "TRY_CAST(_value AS BIGINT)"
	case fam == ducktype.Time:
		sql = "epoch_ms(_value)"
	}
	return w.within(sql, node)
}

// within puts an expression in place of _value in one of the compiler's own.
func (w *lookupCalls) within(sql string, value syntax.Node) (syntax.Node, error) {
	n, err := w.c.snippet(sql)
	if err != nil {
		return nil, err
	}
	return put(n, map[string]any{"_value": value}).(syntax.Node), nil
}
