package sqlgen

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
)

// nowhere is how DuckDB's tree says that a place is not known.
const nowhere = json.Number("18446744073709551615")

// rewriter turns an expression over raw into one over the columns of `records`: names become flat columns, so that DuckDB
// never builds a struct, and casts become TRY_CAST, so that a value that does not fit is NULL and no failed batch.
type rewriter struct {
	c     *compiler
	file  diag.File
	table string
	reads map[*leaf]bool
	list  []*leaf // reads, in order
	ok    bool
	// inline puts the bodies of macros in place of their calls.
	inline bool
	// lambdas are the parameters in scope.
	lambdas []string
}

// rewritten is an expression over records: as it is printed, with calls of macros, and as it is reasoned about, with their
// bodies instead.
type rewritten struct {
	expr, inlined node
	reads         []*leaf
}

// rewrite gives the expression over records, nil where problems were found, which are reported.
func (c *compiler) rewrite(f diag.File, table string, e node) (*rewritten, error) {
	w := &rewriter{c: c, file: f, table: table, reads: map[*leaf]bool{}, ok: true}
	out, err := w.expr(e)
	if err != nil || !w.ok {
		return nil, err
	}
	w.inline = true
	in, err := w.expr(e)
	if err != nil {
		return nil, err
	}
	return &rewritten{expr: out.(node), inlined: in.(node), reads: w.list}, nil
}

func (w *rewriter) expr(v any) (any, error) {
	switch t := v.(type) {
	case []any:
		l := make([]any, len(t))
		for i, e := range t {
			c, err := w.expr(e)
			if err != nil {
				return nil, err
			}
			l[i] = c
		}
		return l, nil
	case node:
		if names := referenced(t); names != nil {
			if len(names) == 1 && contains(w.lambdas, names[0]) {
				return t, nil
			}
			if !contains(w.lambdas, names[0]) {
				n, err := w.reference(t, names)
				if n != nil {
					n["alias"] = str(t, "alias") // of a field in struct_pack
				}
				return n, err
			}
		}
		if str(t, "class") == "LAMBDA" {
			return w.lambda(t)
		}
		n := make(node, len(t))
		for _, k := range inOrder(t) {
			c, err := w.expr(t[k])
			if err != nil {
				return nil, err
			}
			n[k] = c
		}
		if m := w.c.macros[strings.ToLower(str(t, "function_name"))]; m != nil && w.inline {
			if in := m.inline(n); in != nil {
				return w.casts(in), nil
			}
		}
		if str(t, "class") == "CAST" {
			n["try_cast"] = true
		}
		return n, nil
	}
	return v, nil
}

// casts makes every cast of a macro's body a TRY_CAST.
func (w *rewriter) casts(n node) node {
	walk(n, func(m node) bool {
		if str(m, "class") == "CAST" {
			m["try_cast"] = true
		}
		return true
	})
	return n
}

func (w *rewriter) lambda(n node) (any, error) {
	before := len(w.lambdas)
	walk(n["lhs"], func(p node) bool {
		if str(p, "class") == "COLUMN_REF" {
			w.lambdas = append(w.lambdas, columnNames(p)...)
		}
		return true
	})
	body, err := w.expr(n["expr"])
	w.lambdas = w.lambdas[:before]
	if err != nil {
		return nil, err
	}
	out := make(node, len(n))
	for k, v := range n {
		out[k] = v
	}
	out["expr"] = body
	return out, nil
}

// referenced gives the dotted name of a column reference, also where it is spelled (event).tcp or event['tcp']; nil for
// anything else.
func referenced(n node) []string {
	switch str(n, "type") {
	case "COLUMN_REF":
		return columnNames(n)
	case "STRUCT_EXTRACT", "ARRAY_EXTRACT":
		args := list(n, "children")
		if len(args) != 2 {
			return nil
		}
		of, _ := args[0].(node)
		by, _ := args[1].(node)
		names := referenced(of)
		field, ok := literal(by)
		name, is := field.(string)
		if names == nil || !ok || !is {
			return nil
		}
		return append(append([]string(nil), names...), name)
	}
	return nil
}

func (w *rewriter) reference(n node, names []string) (node, error) {
	res := w.c.src.resolve(names, w.table)
	at := location(n)
	switch {
	case res.leaf != nil:
		w.note(res.leaf)
		return w.c.snippet(leafSQL(res.leaf))
	case res.group != nil:
		var parts, nulls []string
		for _, f := range res.group.below() {
			l := w.c.src.read(f)
			w.note(l)
			nulls = append(nulls, ident(l.column)+" IS NULL")
		}
		parts = append(parts, w.c.structSQL(res.group))
		return w.c.snippet("CASE WHEN " + strings.Join(nulls, " AND ") + " THEN NULL ELSE " + parts[0] + " END")
	}
	w.ok = false
	hint := "raw.sql declares the record's fields: add it there, or correct the name"
	if res.near != "" {
		hint = "is " + res.near + " meant?"
	}
	w.c.report.At(w.file, at, diag.Error, diag.UnknownField, hint, "raw has no field %s", res.unknown)
	return n, nil
}

func (w *rewriter) note(l *leaf) {
	if !w.reads[l] {
		w.reads[l] = true
		w.list = append(w.list, l)
	}
}

// leafSQL is a leaf's value with the type that raw.sql gives it.
func leafSQL(l *leaf) string {
	col := ident(l.column)
	switch {
	case l.cast == "":
		return col
	case l.field.typ.family() == famJSON:
		return "TRY_CAST(" + col + " AS JSON)"
	case l.field.typ.family() == famList || l.field.typ.family() == famStruct || l.field.typ.id == "MAP" || l.field.typ.id == "UNION":
		return "TRY_CAST(TRY_CAST(" + col + " AS JSON) AS " + l.cast + ")"
	}
	return "TRY_CAST(" + col + " AS " + l.cast + ")"
}

// structSQL builds the STRUCT that raw.sql declares from its leaves.
func (c *compiler) structSQL(f *rawField) string {
	if len(f.fields) == 0 {
		return leafSQL(c.src.read(f))
	}
	var parts []string
	for _, x := range f.fields {
		parts = append(parts, ident(x.name)+" := "+c.structSQL(x))
	}
	return "struct_pack(" + strings.Join(parts, ", ") + ")"
}

// snippet parses SQL of the compiler's own into a tree that can be put into another.
func (c *compiler) snippet(sql string) (node, error) {
	n := c.snippets[sql]
	if n == nil {
		st, err := parse(c.db, "SELECT "+sql)
		if err != nil {
			return nil, fmt.Errorf("sqlgen: parse %s: %w", sql, err)
		}
		n, _ = st.body["select_list"].([]any)[0].(node)
		walk(n, func(m node) bool { // its places are none of the author's
			if _, ok := m["query_location"]; ok {
				m["query_location"] = nowhere
			}
			return true
		})
		c.snippets[sql] = n
	}
	return clone(n).(node), nil
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// bareOf sees through casts: the dotted name an expression is, or nil, and the target types of the casts, innermost first.
func bareOf(e node) (names []string, casts []node) {
	for str(e, "class") == "CAST" {
		casts = append([]node{child(e, "cast_type")}, casts...)
		e = child(e, "child")
	}
	return referenced(e), casts
}

// results gives the expressions that the value of e can come from: the branches of CASE and COALESCE, else e itself.
func results(e node) []node {
	switch {
	case str(e, "class") == "CASE":
		var all []node
		for _, v := range list(e, "case_checks") {
			check, _ := v.(node)
			all = append(all, results(child(check, "then_expr"))...)
		}
		return append(all, results(child(e, "else_expr"))...)
	case str(e, "type") == "OPERATOR_COALESCE":
		var all []node
		for _, v := range list(e, "children") {
			arg, _ := v.(node)
			all = append(all, results(arg)...)
		}
		return all
	case str(e, "type") == "OPERATOR_TRY":
		if args := list(e, "children"); len(args) == 1 {
			arg, _ := args[0].(node)
			return results(arg)
		}
	}
	return []node{e}
}
