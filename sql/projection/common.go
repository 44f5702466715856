package projection

import (
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/sql/header"
	"github.com/silt-etl/silt/sql/syntax"
)

// The file _common.sql of a folder has what its SELECTs repeat: header lines, and columns. Each SELECT has them as if they were written in
// it. What a SELECT says itself counts: a column of the same path, or of an object around it, a consumes line for the same field, the
// version. What does not fit a SELECT is left out there: a column whose path its class does not have, a profile that its class does not
// support, a consumes line for a field that it does not read, or over attributes that it does not fill. What fits none is a mistake.

// common is _common.sql, read.
type common struct {
	head
	columns []*written
	star    int // how many columns come before those of the SELECT itself
	// lacking are, for each column, the classes that do not have its path, and fits whether a class has it.
	lacking [][]lack
	fits    []bool
	done    map[int]*rewritten // what is rewritten already, by its place
	lookups bool               // the mapping has some
}

// lack is a class that does not have a path, and the nearest one that it has.
type lack struct{ class, near string }

// head is a header that holds for a SELECT: its own, or that of _common.sql.
type head struct {
	header.Select
	File   diag.File
	shared bool
	table  string // of _common.sql: the alias of raw
}

// origin is where expressions of a header come from. own is the alias of raw in the SELECT.
func (h head) origin(own string) origin {
	if h.shared {
		own = h.table
	}
	return origin{File: h.File, table: own, shared: h.shared}
}

// commonReader reads _common.sql.
type commonReader struct{ set *Set }

// read returns nil if the folder has no _common.sql. It also returns nil after it has reported why the file cannot be used.
func (r *commonReader) read() (*common, error) {
	c, f := r.set, r.set.Mapping.Common
	if f.Text == "" {
		return nil, nil
	}
	x := &common{head: head{Select: header.ReadSelect(f, c.Report), File: f, shared: true}}
	if x.Class != "" {
		c.Report.At(f, x.ClassAt, diag.Error, diag.Class, "remove the line: each SELECT of the folder names its own class", "%s has no class", CommonFile)
		return nil, nil
	}
	st, err := c.parseAt(f, f.Text)
	if st == nil || err != nil {
		return nil, err
	}
	if !c.check.Statement(f, st) {
		return nil, nil
	}
	if where := syntax.Child(st.Body, "where_clause"); where != nil {
		c.Report.At(f, syntax.Location(where), diag.Error, diag.SQLRefused, "leave records out with a `-- drop:` line, or write the condition in each SELECT", "%s cannot have a WHERE clause", CommonFile)
		return nil, nil
	}
	x.table = syntax.Str(syntax.Child(st.Body, "from_table"), "alias")
	var items []any
	x.star = -1
	for _, v := range syntax.List(st.Body, "select_list") {
		e, _ := v.(syntax.Node)
		if text, err := syntax.Print(c.database, e); err != nil {
			return nil, err
		} else if text == "*" && x.star < 0 {
			x.star = len(items)
			continue
		}
		items = append(items, e)
	}
	x.columns = readWritten(f.Text, items)
	for _, w := range x.columns {
		if w.alias == "" && c.check.Expression(f, w.expr) {
			c.Report.At(f, w.nameAt, diag.Error, diag.NoAlias, `example: event.src_ip AS "src_endpoint.ip"`, "the column has no OCSF path")
		}
	}
	if hasMistake(*c.Report, f.Path) {
		return nil, nil
	}
	if x.star < 0 {
		x.star = len(x.columns)
	}
	x.lacking, x.fits = make([][]lack, len(x.columns)), make([]bool, len(x.columns))
	x.done, x.lookups = map[int]*rewritten{}, len(c.lookups.tables) > 0
	return x, nil
}

// heads are the headers that hold for a SELECT.
func (x *common) heads(own head) []head {
	if x == nil {
		return []head{own}
	}
	shared := x.head
	if own.VerAt < 0 && shared.VerAt >= 0 {
		own.Version = shared.Version
	}
	return []head{shared, own}
}

// merged is the header of a SELECT with what it has of _common.sql. Places in it are places in one file or the other.
func merged(heads []head) header.Select {
	own := heads[len(heads)-1].Select
	for _, x := range heads[:len(heads)-1] {
		own.Drops = slices.Concat(x.Drops, own.Drops)
		own.Consumes = slices.Concat(x.Consumes, own.Consumes)
		own.Rebuilds = slices.Concat(x.Rebuilds, own.Rebuilds)
		own.Without = slices.Concat(x.Without, own.Without)
		own.Observables = own.Observables || x.Observables
	}
	return own
}

// reportColumns reports the columns that some classes do not have, or none.
func (x *common) reportColumns(r *diag.List, schema *ocsf.Schema) {
	if x == nil {
		return
	}
	for i, w := range x.columns {
		var classes []string
		hint := ""
		for _, l := range x.lacking[i] {
			if !slices.Contains(classes, l.class) {
				classes = append(classes, l.class)
			}
			if hint == "" && l.near != "" {
				hint = "did you mean " + l.near + "?"
			}
		}
		verb := "has"
		if len(classes) > 1 {
			verb = "have"
		}
		switch {
		case len(classes) == 0:
		case x.fits[i]:
			r.At(x.File, w.nameAt, diag.Note, diag.UnknownPath, "its raw value stays in unmapped there", "%s %s no attribute %s, so the column is left out there", strings.Join(classes, ", "), verb, w.alias)
		default:
			hint = orVersion(schema, hint, func(s *ocsf.Schema) bool { return s.HasPath(classes[0], w.alias) })
			r.At(x.File, w.nameAt, diag.Error, diag.UnknownPath, hint, "%s %s no attribute %s", strings.Join(classes, ", "), verb, w.alias)
		}
	}
}

// reportConsumes reports the consumes lines that hold for no SELECT.
func (x *common) reportConsumes(r *diag.List, all []*Projection) {
	if x == nil {
		return
	}
	for _, line := range x.Rebuilds {
		if !slices.ContainsFunc(all, func(p *Projection) bool { return slices.Contains(p.Head.Rebuilds, line) }) {
			r.At(x.File, line.Expr.At, diag.Error, diag.Consumes, "check the names, or remove the line", "no SELECT reads %s and fills what this expression names", line.Field.Text)
		}
	}
}
