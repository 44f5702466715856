package projection

import (
	"fmt"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/sql/bound"
	"github.com/silt-etl/silt/sql/rawtable"
	"github.com/silt-etl/silt/sql/syntax"
)

// rewriter turns an expression over raw into one over the columns of `records`: names become flat columns, so that DuckDB
// never builds a struct, and casts become TRY_CAST, so that a value that does not fit is NULL and no failed batch.
type rewriter struct {
	c     *Set
	file  diag.File
	table string
	reads map[*rawtable.Leaf]bool
	list  []*rawtable.Leaf // reads, in order
	ok    bool
	// inline puts the bodies of macros in place of their calls.
	inline bool
	// lambdas are the parameters in scope.
	lambdas []string
}

// rewritten is an expression over records: as it is printed, with calls of macros, and as it is reasoned about, with their
// bodies instead.
type rewritten struct {
	expr, inlined syntax.Node
	reads         []*rawtable.Leaf
	takes         *bound.Estimate
}

// rewrite gives the expression over records, nil where diagnostics were found, which are reported.
func (c *Set) rewrite(f diag.File, table string, e syntax.Node) (*rewritten, error) {
	w := &rewriter{c: c, file: f, table: table, reads: map[*rawtable.Leaf]bool{}, ok: true}
	out, err := (&lookupCalls{rewriter: w}).expr(e)
	if err != nil || !w.ok {
		return nil, err
	}
	w.inline = true
	in, err := (&lookupCalls{rewriter: w}).expr(e)
	if err != nil || !w.ok {
		return nil, err
	}
	takes := bound.Of(in.(syntax.Node), c.Src, c.macros, c.growths)
	if takes.Fault != "" {
		at := syntax.Location(takes.At)
		if at < 0 {
			at = syntax.Location(e)
		}
		c.Report.At(f, at, diag.Error, diag.SQLRefused, "DuckDB's memory limit does not apply within one call", "the expression is too large: %s", takes.Fault)
		return nil, nil
	}
	return &rewritten{expr: out.(syntax.Node), inlined: in.(syntax.Node), reads: w.list, takes: takes}, nil
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
	case syntax.Node:
		if names := syntax.Reference(t); names != nil {
			if len(names) == 1 && syntax.ContainsFold(w.lambdas, names[0]) {
				return t, nil
			}
			if !syntax.ContainsFold(w.lambdas, names[0]) {
				n, err := w.reference(t, names)
				if n != nil {
					n["alias"] = syntax.Str(t, "alias") // of a field in struct_pack
				}
				return n, err
			}
		}
		if syntax.Str(t, "class") == "LAMBDA" {
			return w.lambda(t)
		}
		n := make(syntax.Node, len(t))
		for _, k := range syntax.InOrder(t) {
			c, err := w.expr(t[k])
			if err != nil {
				return nil, err
			}
			n[k] = c
		}
		if w.inline {
			if in := w.c.macros.Inline(n); in != nil {
				return w.casts(in), nil
			}
		}
		if syntax.Str(t, "class") == "CAST" {
			n["try_cast"] = true
		}
		return w.safe(n)
	}
	return v, nil
}

// casts makes every cast of a macro's body a TRY_CAST.
func (w *rewriter) casts(n syntax.Node) syntax.Node {
	syntax.Walk(n, func(m syntax.Node) bool {
		if syntax.Str(m, "class") == "CAST" {
			m["try_cast"] = true
		}
		return true
	})
	return n
}

func (w *rewriter) lambda(n syntax.Node) (any, error) {
	before := len(w.lambdas)
	syntax.Walk(n["lhs"], func(p syntax.Node) bool {
		if syntax.Str(p, "class") == "COLUMN_REF" {
			w.lambdas = append(w.lambdas, syntax.ColumnNames(p)...)
		}
		return true
	})
	body, err := w.expr(n["expr"])
	w.lambdas = w.lambdas[:before]
	if err != nil {
		return nil, err
	}
	out := make(syntax.Node, len(n))
	for k, v := range n {
		out[k] = v
	}
	out["expr"] = body
	return out, nil
}

func (w *rewriter) reference(n syntax.Node, names []string) (syntax.Node, error) {
	res := w.c.Src.Resolve(names, w.table)
	at := syntax.Location(n)
	switch {
	case res.Leaf != nil:
		w.note(res.Leaf)
		return w.c.snippet(rawtable.LeafSQL(res.Leaf))
	case res.Group != nil:
		var parts, nulls []string
		for _, f := range res.Group.Values() {
			l := w.c.Src.Read(f)
			w.note(l)
			nulls = append(nulls, syntax.Ident(l.Column)+" IS NULL")
		}
		parts = append(parts, w.c.structSQL(res.Group))
		return w.c.snippet("CASE WHEN " + strings.Join(nulls, " AND ") + " THEN NULL ELSE " + parts[0] + " END")
	}
	w.ok = false
	hint := "add the field to raw.sql, or correct the name"
	if res.Near != "" {
		hint = "did you mean " + res.Near + "?"
	}
	w.c.Report.At(w.file, at, diag.Error, diag.UnknownField, hint, "raw has no field %s", res.Unknown)
	return n, nil
}

func (w *rewriter) note(l *rawtable.Leaf) {
	if !w.reads[l] {
		w.reads[l] = true
		w.list = append(w.list, l)
	}
}

// structSQL builds the STRUCT that raw.sql declares from its leaves.
func (c *Set) structSQL(f *rawtable.Field) string {
	if len(f.Fields) == 0 {
		return rawtable.LeafSQL(c.Src.Read(f))
	}
	var parts []string
	for _, x := range f.Fields {
		parts = append(parts, syntax.Ident(x.Name)+" := "+c.structSQL(x))
	}
	return "struct_pack(" + strings.Join(parts, ", ") + ")"
}

// snippet parses SQL of the compiler's own into a tree that can be put into another.
func (c *Set) snippet(sql string) (syntax.Node, error) {
	n, err := c.snippets.Parse(sql)
	if err != nil {
		return nil, fmt.Errorf("sqlgen: %w", err)
	}
	return n, nil
}
