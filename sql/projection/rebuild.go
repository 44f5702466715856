package projection

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/sql/bound"
	"github.com/silt-etl/silt/sql/cast"
	"github.com/silt-etl/silt/sql/ducktype"
	"github.com/silt-etl/silt/sql/header"
	"github.com/silt-etl/silt/sql/rawtable"
	"github.com/silt-etl/silt/sql/syntax"
)

// A field that expressions read stays in unmapped, unless the header says how the event gives its value back: `-- consumes: user =
// actor.user.domain || '\' || actor.user.name`. The expression sees the values of the event, as they are published, and nothing of the
// record. It is compared with the field's value in each record, so it does no harm if it is wrong.

// Consume is what the header says about a raw field that expressions read.
type Consume struct {
	// SQL rebuilds the field's value from the event; "" if the header only names the field.
	SQL   string
	Type  *ducktype.Type
	Reads []EventValue
	Place
	shared bool // it is a line of _common.sql, which holds for the SELECTs that it fits
	line   header.Rebuild
	expr   syntax.Node
}

// Passed gives the field of the event that the expression names, if the column that fills it passes the leaf's value through wherever the
// leaf has one, as coalesce(field, ...) does: its value needs no comparison then. Times become milliseconds, as all times do.
func (x *Consume) Passed(l *rawtable.Leaf) *Field {
	if len(x.Reads) != 1 || x.SQL != syntax.Ident(x.Reads[0].Column) {
		return nil
	}
	f := x.Reads[0].Field
	if f == nil || f.Out == nil || f.IsConst || f.Attribute.IsArray || f.Shape != nil || len(f.Attribute.Enum) > 0 || !passes(f.Out.Expr, l) {
		return nil
	}
	switch leaf := (&ducktype.Type{ID: l.Type}).Family(); {
	case leaf == ducktype.Text && l.Cast == "" && f.Attribute.Base == ocsf.String, leaf == ducktype.Time && cast.IsTime(f.Attribute):
		return f
	}
	return nil
}

// passes says whether an expression has the value of a leaf wherever the leaf has one.
func passes(e syntax.Node, l *rawtable.Leaf) bool {
	switch {
	case syntax.Str(e, "class") == "COLUMN_REF":
		names := syntax.ColumnNames(e)
		return len(names) == 1 && names[0] == l.Column
	case syntax.Str(e, "type") == "OPERATOR_COALESCE":
		args := syntax.List(e, "children")
		first, _ := args[0].(syntax.Node)
		return len(args) > 0 && passes(first, l)
	}
	return false
}

// eventPrefix begins the names of the event's values in the SQL of an expression, where they are replaced: nothing else may be called so.
const eventPrefix = "_event."

// EventValue is a value of the event that an expression reads.
type EventValue struct {
	Field  *Field  // nil: it is an entry of unmapped
	Entry  *Output // that fills it, then
	Column string  // its name in the expression
	JSON   bool    // it is read as JSON text
}

// consumer reads the consumes lines of a SELECT.
type consumer struct {
	set *Set
	p   *Projection
	in  head
}

// read reads which raw fields expressions use up.
func (x *consumer) read() error {
	c, p := x.set, x.p
	read := map[*rawtable.Leaf]bool{}
	for _, o := range p.Outs {
		for _, l := range o.Reads {
			read[l] = true
		}
	}
	for _, w := range x.in.Consumes {
		f := x.field(w.Text, w.At)
		if f == nil {
			continue
		}
		used := false
		for _, v := range f.Values() {
			if v.Leaf != nil && read[v.Leaf] {
				p.Consumed[v.Leaf], used = &Consume{Place: Place{x.in.File, w.At}}, true
			}
		}
		if !used && x.in.shared {
			continue
		}
		if !used {
			c.Report.At(x.in.File, w.At, diag.Error, diag.Consumes, "remove it: a value that no column reads is kept in unmapped", "no column reads %s, so nothing consumes it", w.Text)
			continue
		}
		c.Report.At(x.in.File, w.At, diag.Warning, diag.Consumes, "write `-- consumes: "+w.Text+" = <expression of columns>`, or remove it", "%s leaves unmapped only if a column that reads it has exactly its value", w.Text)
	}
	for _, r := range x.in.Rebuilds {
		f := x.field(r.Field.Text, r.Field.At)
		switch {
		case f == nil:
			continue
		case len(f.Fields) > 0:
			c.Report.At(x.in.File, r.Field.At, diag.Error, diag.Consumes, "write a line for each of its fields", "%s has fields of its own", r.Field.Text)
			continue
		case x.in.shared && (f.Leaf == nil || !read[f.Leaf]): // it is for SELECTs that read the field
			(&rebuilder{set: c, p: p}).leave(&Consume{line: r})
			continue
		}
		expr, err := x.parse(r)
		if err != nil {
			return err
		}
		if expr != nil {
			if was := p.Consumed[c.Src.Read(f)]; was != nil && was.shared { // the SELECT's own line
				(&rebuilder{set: c, p: p}).leave(was)
			}
			p.Consumed[c.Src.Read(f)] = &Consume{Place: Place{x.in.File, r.Expr.At}, shared: x.in.shared, line: r, expr: expr}
		}
	}
	return nil
}

// field gives the field that a consumes line names; nil: it is reported.
func (x *consumer) field(text string, at int) *rawtable.Field {
	c := x.set
	names, rest := rawtable.ParsePath(text)
	if names == nil || rest != "" {
		c.Report.At(x.in.File, at, diag.Error, diag.UnknownField, "example: event.src_ip, \"a b\".c", "%s is not the name of a field", text)
		return nil
	}
	f := c.Src.Root
	if syntax.ContainsFold([]string{"raw", x.in.origin(x.p.table).table}, names[0]) && len(names) > 1 {
		names = names[1:]
	}
	for _, n := range names {
		if f != nil {
			f = f.Get(n)
		}
	}
	if f == nil {
		res := c.Src.Resolve(names, x.in.origin(x.p.table).table)
		hint := "name fields that raw.sql declares"
		if res.Near != "" {
			hint = "did you mean " + res.Near + "?"
		}
		c.Report.At(x.in.File, at, diag.Error, diag.UnknownField, hint, "raw has no field %s", text)
	}
	return f
}

// parse parses an expression where it stands, so that places in it are places in the file.
func (x *consumer) parse(r header.Rebuild) (syntax.Node, error) {
	c, f := x.set, x.in.File
	st, err := c.parseAt(f, strings.Repeat(" ", r.Expr.At-len("SELECT "))+"SELECT "+r.Expr.Text+" FROM raw")
	if st == nil || err != nil {
		return nil, err
	}
	items := syntax.List(st.Body, "select_list")
	if !c.check.Statement(f, st) || len(items) != 1 || st.Body["where_clause"] != nil {
		c.Report.At(f, r.Expr.At, diag.Error, diag.Consumes, "example: `-- consumes: proto = upper(connection_info.protocol_name)`", "a consumes line must hold one expression over the columns")
		return nil, nil
	}
	e, _ := items[0].(syntax.Node)
	if !c.check.Expression(f, e) {
		return nil, nil
	}
	return e, nil
}

// rebuilder compiles the expressions of one SELECT. To them, the event is what raw is to the SELECT.
type rebuilder struct {
	set    *Set
	p      *Projection
	event  *rawtable.Source
	fields map[*rawtable.Leaf]EventValue
}

// run compiles the expressions that rebuild raw fields, once it is known what the event has.
func (r *rebuilder) run(ctx context.Context) error {
	c, p := r.set, r.p
	var all []*Consume
	for _, l := range rawtable.SortedLeaves(keys(p.Consumed)) {
		if p.Consumed[l].expr != nil {
			all = append(all, p.Consumed[l])
		}
	}
	if len(all) == 0 {
		return nil
	}
	r.fields = map[*rawtable.Leaf]EventValue{}
	if err := r.open(); err != nil {
		return err
	}
	c.lookups.noteTime(p.File.Path, c.Mapping.Common.Path, c.lookups.times[p.File.Path])
	raw, report := c.Src, c.Report
	var found diag.List
	c.Src, c.Report = r.event, &found
	err := r.compile(ctx, all)
	c.Src, c.Report = raw, report
	if strings.Contains(p.File.Text+c.Mapping.Common.Text+c.Mapping.Macros.Text, eventPrefix) {
		found.At(all[0].File, all[0].At, diag.Error, diag.Consumes, "use another name", "a SELECT with such a line must not contain the text %s", eventPrefix)
	}
	for _, d := range found {
		if d.Code == diag.UnknownField {
			d.Code, d.Message = diag.Consumes, strings.Replace(d.Message, "raw has no field", "no column fills", 1)
			if !strings.HasPrefix(d.Hint, "did you mean") {
				d.Hint = "name the event's own values (example: actor.user.name, unmapped.name of a column AS \"unmapped.name\")"
			}
		}
		c.Report.Add(d)
	}
	return err
}

func keys(m map[*rawtable.Leaf]*Consume) map[*rawtable.Leaf]bool {
	set := map[*rawtable.Leaf]bool{}
	for l := range m {
		set[l] = true
	}
	return set
}

// open makes the event a source, in which each value has a column.
func (r *rebuilder) open() error {
	var columns []ducktype.Column
	for _, f := range r.p.Root.Children {
		columns = append(columns, ducktype.Column{Name: f.Name, Type: eventType(f)})
	}
	entries := r.entries()
	if t := entries.sqlType(); t != "" {
		columns = append(columns, ducktype.Column{Name: unmappedName, Type: t})
	}
	root, err := rawtable.Build(columns)
	if err != nil {
		return err
	}
	r.event = rawtable.NewSource(root)
	for _, v := range root.Values() {
		l := r.event.Read(v)
		l.Column = eventPrefix + strings.Join(v.Path, ".")
		if v.Path[0] == unmappedName {
			r.fields[l] = EventValue{Entry: entries.at(v.Path[1:]), Column: l.Column}
			continue
		}
		at := r.p.Root
		for _, name := range v.Path {
			at = at.Get(name)
		}
		text := l.Cast != "" && strings.HasSuffix(v.Type.Text, "]")
		if text && r.shipped() { // what a mapping that comes with the program does with its lists is known to be bounded
			l.Cast, l.Type, text = "", v.Type.Text, false
		}
		if text {
			l.Column += "[]"
		}
		r.fields[l] = EventValue{Field: at, Column: l.Column, JSON: text}
	}
	return nil
}

// unmappedName is what an expression calls the column with the values that are not mapped.
const unmappedName = "unmapped"

// entry is a key of unmapped that a column fills, or what several keys have before a dot.
type entry struct {
	name  string
	out   *Output
	below []*entry
}

// entries are the keys of unmapped that columns fill. Of two that SQL cannot tell apart the first counts.
func (r *rebuilder) entries() *entry {
	root := &entry{}
	for _, o := range r.p.Outs {
		if o.Key == "" || o.Group != nil {
			continue
		}
		at := root
		for _, name := range strings.Split(o.Key, ".") {
			next := at.get(name)
			if next == nil && at.out == nil && name != "" {
				next = &entry{name: name}
				at.below = append(at.below, next)
			}
			if at = next; at == nil {
				break
			}
		}
		if at != nil && at.out == nil && len(at.below) == 0 {
			at.out = o
		}
	}
	return root
}

func (e *entry) get(name string) *entry {
	for _, x := range e.below {
		if strings.EqualFold(x.name, name) {
			return x
		}
	}
	return nil
}

// at gives the column that fills a key.
func (e *entry) at(path []string) *Output {
	for _, name := range path {
		e = e.get(name)
	}
	return e.out
}

// sqlType is the STRUCT of all keys, whose values are texts; "" if there is none.
func (e *entry) sqlType() string {
	var fields []string
	for _, x := range e.below {
		t := x.sqlType()
		if x.out != nil {
			t = "VARCHAR"
		}
		if t != "" {
			fields = append(fields, syntax.Ident(x.name)+" "+t)
		}
	}
	if len(fields) == 0 {
		return ""
	}
	return "STRUCT(" + strings.Join(fields, ", ") + ")"
}

// lacks says that an expression names what no column of this SELECT fills, and nothing else is wrong with it. What was found since
// before is forgotten then.
func (r *rebuilder) lacks(before int) bool {
	found := (*r.set.Report)[before:]
	if len(found) == 0 || slices.ContainsFunc(found, func(d diag.Diagnostic) bool { return d.Code != diag.UnknownField }) {
		return false
	}
	*r.set.Report = (*r.set.Report)[:before]
	return true
}

// leave leaves out a line of _common.sql that this SELECT does not fit.
func (r *rebuilder) leave(x *Consume) {
	for l, y := range r.p.Consumed {
		if y == x {
			delete(r.p.Consumed, l)
		}
	}
	r.p.Head.Rebuilds = slices.DeleteFunc(r.p.Head.Rebuilds, func(h header.Rebuild) bool { return h == x.line })
}

func (r *rebuilder) shipped() bool { return strings.HasPrefix(r.set.Mapping.Raw.Path, "shipped:") }

// eventType is the type of a field of the event.
func eventType(f *Field) string {
	switch {
	case f.IsGroup():
		var parts []string
		for _, x := range f.Children {
			parts = append(parts, syntax.Ident(x.Name)+" "+eventType(x))
		}
		return "STRUCT(" + strings.Join(parts, ", ") + ")"
	case f.Shape != nil || f.Elems != nil:
		t := f.ElemType()
		t.List = true
		return t.SqlType()
	case f.Attribute.IsArray:
		return cast.TypeName(f.Attribute.Base) + "[]"
	case f.Lookup != nil && !f.SameTime():
		return cast.TypeName(ocsf.String)
	}
	return cast.TypeName(f.Attribute.Base)
}

func (r *rebuilder) compile(ctx context.Context, all []*Consume) error {
	var sql []string
	var done []*Consume
	var guarded []*bound.Estimate
	takes := map[*Consume]*bound.Estimate{}
	for _, x := range all {
		before := len(*r.set.Report)
		out, err := r.set.rewrite(x.File, "", x.expr)
		if err != nil {
			return err
		}
		if x.shared && r.lacks(before) {
			r.leave(x)
			continue
		}
		if out == nil {
			continue
		}
		if x.SQL, err = syntax.Print(r.set.database, out.expr); err != nil {
			return err
		}
		if _, total := r.set.total(out.inlined); !total {
			x.SQL = "TRY(" + x.SQL + ")"
		}
		for _, l := range out.reads {
			x.Reads = append(x.Reads, r.fields[l])
		}
		if takes[x] = out.takes; out.takes.NeedsGuard() && !r.shipped() {
			guarded = append(guarded, out.takes)
		}
		done = append(done, x)
	}
	for _, x := range done {
		if e := takes[x]; e.NeedsGuard() && !r.shipped() {
			x.SQL = "CASE WHEN " + e.Guard(min(bound.Together(guarded), e.Longest(len(guarded)))) + " THEN " + x.SQL + " END"
		}
		sql = append(sql, x.SQL)
	}
	types, err := r.set.describe(ctx, sql)
	var refused *syntax.Error
	if errors.As(err, &refused) {
		for _, x := range done {
			if _, err := r.set.describe(ctx, []string{x.SQL}); errors.As(err, &refused) {
				r.set.Report.At(x.File, x.At, diag.Error, diag.SQL, "", "%s", strings.ReplaceAll(refused.Message, "TRY(", "("))
			} else if err != nil {
				return err
			}
		}
		return nil
	}
	if err != nil {
		return err
	}
	for i, x := range done {
		x.Type = types[i]
	}
	return nil
}
