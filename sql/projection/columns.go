package projection

import (
	"errors"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/sql/allow"
	"github.com/silt-etl/silt/sql/syntax"
)

// CommonFile is the file with the columns and header lines that the SELECTs of a folder share.
const CommonFile = "_common.sql"

// Place is a byte offset in a file; below 0 it stands for the file as a whole.
type Place struct {
	File diag.File
	At   int
}

// origin is where a column is written.
type origin struct {
	File   diag.File
	table  string // the alias of raw there
	shared bool   // it is a column of _common.sql
}

// written is a column as it stands in a SELECT.
type written struct {
	expr   syntax.Node
	alias  string
	nameAt int
	from   int // where the text of its expression begins
	// replaces says that it stands where _common.sql has its column, and done that it is read.
	replaces, done bool
	// expanded is the expression with those of other columns in place of their aliases, and parts how many it has. failed says that it
	// cannot be made, or is not made yet.
	expanded syntax.Node
	parts    float64
	uses     []string // the other columns
	failed   bool
}

// readWritten gives the columns of a SELECT list. The tree does not say where an alias stands: it is found in the text.
func readWritten(text string, items []any) []*written {
	var all []*written
	for _, v := range items {
		e, _ := v.(syntax.Node)
		all = append(all, &written{expr: e, alias: columnName(e), nameAt: syntax.Location(e)})
	}
	plain := syntax.WithoutTexts(text)
	from := 0
	for i, w := range all {
		w.from = from
		from = max(from, w.nameAt)
		end := len(text)
		if i+1 < len(all) && all[i+1].nameAt > from {
			end = all[i+1].nameAt
		}
		if w.alias == "" {
			continue
		}
		if at := syntax.AliasAt(plain[:end], w.alias, from); at >= 0 {
			w.nameAt = at
			from = at + len(w.alias)
			if text[at] == '"' {
				from = min(from+2, len(text))
			}
			continue
		}
		if j := strings.LastIndex(plain[from:end], w.alias); j >= 0 { // a raw field alone
			w.nameAt = from + j
			from = w.nameAt + len(w.alias)
			if w.nameAt > 0 && text[w.nameAt-1] == '"' {
				w.nameAt--
				from = min(from+1, len(text))
			}
		}
	}
	return all
}

// columnName is what a column is called, as in SQL: a raw field alone is called what it is.
func columnName(e syntax.Node) string {
	if alias := syntax.Str(e, "alias"); alias != "" {
		return alias
	}
	if names, casts := syntax.Bare(e); len(names) > 0 && len(casts) == 0 {
		return names[len(names)-1]
	}
	return ""
}

// selection reads the columns of one SELECT: its own, and those of _common.sql.
type selection struct {
	set     *Set
	p       *Projection
	origin  origin
	columns []*written // its own
	used    []*written // of _common.sql, each for this SELECT alone
}

// open takes the SELECT's own list.
func (s *selection) open(own origin, items []any) {
	s.origin, s.columns = own, readWritten(own.File.Text, items)
	if x := s.set.common; x != nil {
		for _, w := range x.columns {
			one := *w
			s.used = append(s.used, &one)
		}
	}
	s.set.lookups.noteTime(own.File.Path, s.set.Mapping.Common.Path, s.time())
}

// time is the column time.
func (s *selection) time() timeColumn {
	named := func(w *written) bool { return w.alias == "time" }
	if i := slices.IndexFunc(s.columns, named); i >= 0 {
		return timeColumn{s.expand(s.columns[i], i, false), s.origin.table}
	}
	if i := slices.IndexFunc(s.used, named); i >= 0 {
		return timeColumn{s.expand(s.used[i], i, true), s.set.common.table}
	}
	return timeColumn{}
}

// read reads the columns in the order that they have in the table: those of _common.sql, each replaced by that of the SELECT if the SELECT
// has one, and where its * stands those that only the SELECT has.
func (s *selection) read() error {
	x := s.set.common
	star := 0
	if x != nil {
		star = x.star
	}
	for _, w := range s.used {
		if i := s.gives(w.alias); i >= 0 {
			s.columns[i].replaces = true
		}
	}
	if err := s.readShared(0, star); err != nil {
		return err
	}
	for i, w := range s.columns {
		if w.replaces {
			continue
		}
		if err := s.readOne(w, s.origin, s.expand(w, i, false)); err != nil {
			return err
		}
	}
	if err := s.readShared(star, len(s.used)); err != nil {
		return err
	}
	for _, o := range s.p.Outs {
		if o.Head != nil && o.NameAt < 0 {
			o.NameAt = o.Head.NameAt
		}
	}
	return nil
}

// readShared reads columns of _common.sql, or those of the SELECT in their places, without those that its class does not have.
func (s *selection) readShared(from, to int) error {
	x := s.set.common
	for i := from; i < to; i++ {
		w := s.used[i]
		if own := s.gives(w.alias); own >= 0 {
			x.fits[i] = true
			if w := s.columns[own]; !w.done {
				if err := s.readOne(w, s.origin, s.expand(w, own, false)); err != nil {
					return err
				}
			}
			continue
		}
		var unknown *ocsf.UnknownPathError
		if _, err := s.set.Schema.ResolveAny(s.p.Class, w.alias); errors.As(err, &unknown) && !inUnmapped(w.alias) {
			x.lacking[i] = append(x.lacking[i], lack{s.p.Class.Name, unknown.Nearest})
			continue
		}
		x.fits[i] = true
		if err := s.readOne(w, x.origin(""), s.expand(w, i, true)); err != nil {
			return err
		}
	}
	return nil
}

// gives returns the column that the SELECT itself has for a path, or for an object around it; -1: it has none.
func (s *selection) gives(path string) int {
	return slices.IndexFunc(s.columns, func(w *written) bool { return w.alias == path || strings.HasPrefix(path, w.alias+".") })
}

// readOne takes one column. e is its expression without aliases; nil: it is reported why it has none.
func (s *selection) readOne(w *written, in origin, e syntax.Node) error {
	w.done = true
	o := &Output{origin: in, Alias: w.alias, At: syntax.Location(w.expr), NameAt: w.nameAt, From: w.from, Uses: w.uses, orig: e}
	o.path = o.Alias
	s.p.Columns = append(s.p.Columns, o)
	if e == nil || !s.set.check.Expression(o.File, e) {
		return nil
	}
	if o.Alias == "" || syntax.Str(w.expr, "alias") == "" && s.p.Class.Attribute(o.Alias) == nil {
		s.set.Report.At(o.File, o.At, diag.Error, diag.NoAlias, `example: event.src_ip AS "src_endpoint.ip"`, "the column has no OCSF path")
		return nil
	}
	return s.set.unfold(s.p, o)
}

// where gives the condition of the SELECT without aliases.
func (s *selection) where(e syntax.Node) syntax.Node {
	if e == nil {
		return nil
	}
	return s.expand(&written{expr: e}, len(s.columns), false)
}

// expand gives the expression of a column with the expressions of other columns in place of their aliases. As in SQL, those are the
// columns before it: there are before of them in the same file. All columns of the SELECT and of _common.sql can name each other's, as
// long as none comes to need itself. A field of the record has precedence. nil: it is reported what is wrong.
func (s *selection) expand(w *written, before int, shared bool) syntax.Node {
	if w.expanded == nil && !w.failed {
		w.failed = true // until it is done: a column that needs itself finds it so
		x := &expansion{selection: s, before: before, shared: shared, in: s.origin.File}
		if shared {
			x.in = s.set.common.File
		}
		x.parts, _ = s.set.macros.Size(w.expr)
		e, _ := x.replace(w.expr).(syntax.Node)
		if x.bad {
			return nil
		}
		w.expanded, w.parts, w.uses, w.failed = e, x.parts, x.uses, false
	}
	return w.expanded
}

// expansion replaces the aliases in one expression.
type expansion struct {
	*selection
	before  int
	shared  bool
	in      diag.File
	lambdas []string
	parts   float64
	uses    []string // the names of the columns
	bad     bool
}

func (x *expansion) replace(v any) any {
	switch t := v.(type) {
	case []any:
		out := make([]any, len(t))
		for i, e := range t {
			out[i] = x.replace(e)
		}
		return out
	case syntax.Node:
		out := make(syntax.Node, len(t))
		switch syntax.Str(t, "class") {
		case "LAMBDA":
			known := len(x.lambdas)
			syntax.Walk(t["lhs"], func(p syntax.Node) bool {
				if syntax.Str(p, "class") == "COLUMN_REF" {
					x.lambdas = append(x.lambdas, syntax.ColumnNames(p)...)
				}
				return true
			})
			for k, e := range t {
				out[k] = e
			}
			out["expr"] = x.replace(t["expr"])
			x.lambdas = x.lambdas[:known]
			return out
		case "COLUMN_REF":
			if names := syntax.ColumnNames(t); len(names) == 1 && !syntax.ContainsFold(x.lambdas, names[0]) && x.set.Src.Root.Get(names[0]) == nil {
				if e := x.column(t, names[0]); e != nil {
					return e
				}
			}
			return t
		}
		for _, k := range syntax.InOrder(t) {
			out[k] = x.replace(t[k])
		}
		return out
	}
	return v
}

// column gives the expression of the column that a reference names, at the place of the reference; nil: it names none.
func (x *expansion) column(ref syntax.Node, name string) syntax.Node {
	report := func(code diag.Code, hint, format string, args ...any) {
		x.set.Report.At(x.in, syntax.Location(ref), diag.Error, code, hint, format, args...)
		x.bad = true
	}
	w, at, shared := x.find(name)
	switch {
	case w == nil:
		return nil
	case shared == x.shared && at >= x.before:
		report(diag.UnknownField, "move the column above this one", "raw has no field %s, and the column of this name comes later", name)
		return nil
	}
	e := x.expand(w, at, shared)
	if e == nil {
		if w.failed {
			report(diag.UnknownField, "write the expression instead of the alias", "the column %s cannot be used here, because it needs this one or has a mistake", name)
		}
		return nil
	}
	if x.parts += w.parts; x.parts > allow.MaxParts {
		report(diag.SQLRefused, "an alias that is used twice doubles the expression with each column", "the expression is too large: it has more than %d parts after its aliases and macros are expanded", allow.MaxParts)
		return nil
	}
	x.uses = append(x.uses, w.alias)
	e = syntax.Clone(e).(syntax.Node)
	syntax.Walk(e, func(n syntax.Node) bool {
		if _, ok := n["query_location"]; ok {
			n["query_location"] = ref["query_location"]
		}
		return true
	})
	e["alias"] = syntax.Str(ref, "alias") // of a field in struct_pack, or of the column
	return e
}

// find gives the column of a name, and its place among those of its file. A column of the SELECT is used instead of one of _common.sql.
func (x *expansion) find(name string) (w *written, at int, shared bool) {
	named := func(w *written) bool { return strings.EqualFold(w.alias, name) }
	if at = slices.IndexFunc(x.columns, named); at >= 0 {
		return x.columns[at], at, false
	}
	if at = slices.IndexFunc(x.used, named); at >= 0 {
		return x.used[at], at, true
	}
	return nil, -1, false
}
