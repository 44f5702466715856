package sqlgen

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/decode/redact"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/sql/projection"
	"github.com/silt-etl/silt/sql/rawtable"
	"github.com/silt-etl/silt/sql/syntax"
)

// Lineage says of one SELECT of a mapping which OCSF path is made of what. It is for people: pages and reports.
type Lineage struct {
	File     string // its name, without the folder
	Class    string
	Profiles []string
	Where    string // as its author wrote it; "" takes every record
	// Otherwise says that it takes only records that no other SELECT takes.
	Otherwise bool
	Drops     []string // predicates
	Consumes  []string // raw fields with the expressions that rebuild their values
	Without   []string // required attributes left out on purpose
	Columns   []LineageColumn
	// Rest are declared raw fields whose value goes to unmapped under its own name.
	Rest []string
}

// LineageColumn is a value that the SELECT gives, or that the compiler fills.
type LineageColumn struct {
	Path string // OCSF path, or unmapped.name
	Type string // OCSF's name for it, [] behind that of a list's elements; "" in unmapped
	Kind LineageKind
	Raw  []string // the raw fields that are read, in order
	SQL  string   // the author's expression on one line; of a filled one what fills it
	Uses []string // the aliases of other columns in the expression
}

// LineageKind is how a value comes to be.
type LineageKind string

// The kinds.
const (
	LineageField      LineageKind = "field" // the raw field itself, casts aside
	LineageExpression LineageKind = "expression"
	LineageConstant   LineageKind = "constant"
	LineageFilled     LineageKind = "filled" // by the compiler
)

func (c *emitter) lineage() (all []Lineage) {
	tree := redact.NewTree(c.Redact)
	for _, p := range c.Projections {
		out := Lineage{File: p.File.Path[strings.LastIndexByte(p.File.Path, '/')+1:], Class: p.Class.Name, Profiles: p.Profiles, Where: whereText(p.File.Text), Otherwise: p.Head.Otherwise}
		for _, w := range p.Head.Drops {
			out.Drops = append(out.Drops, w.Text)
		}
		for _, w := range p.Head.Consumes {
			out.Consumes = append(out.Consumes, w.Text)
		}
		for _, r := range p.Head.Rebuilds {
			out.Consumes = append(out.Consumes, r.Field.Text+" = "+r.Expr.Text)
		}
		for _, w := range p.Head.Without {
			out.Without = append(out.Without, w.Text)
		}
		used := map[*rawtable.Field]bool{}
		for _, o := range p.Outs {
			if o.Leaf != nil && o.Leaf.Field != nil {
				used[o.Leaf.Field] = true
			}
			if o.Group != nil {
				for _, f := range o.Group.Values() {
					used[f] = true
				}
			}
		}
		for l := range p.Consumed {
			if l.Field != nil {
				used[l.Field] = true
			}
		}
		texts := columnTexts(p)
		for i, o := range p.Columns {
			col := LineageColumn{Path: o.Alias, Type: typeAt(c.Schema, p.Class, o.Alias), Kind: LineageExpression, SQL: texts[i], Uses: o.Uses}
			reads := o.Reads
			for _, x := range p.Outs {
				if x.Head == o {
					reads = append(reads, x.Reads...)
				}
			}
			for _, l := range reads {
				if d := l.Dotted(); !slices.Contains(col.Raw, d) {
					col.Raw = append(col.Raw, d)
				}
			}
			switch {
			case o.Leaf != nil || o.Group != nil:
				col.Kind = LineageField
			case o.IsConst || len(col.Raw) == 0:
				col.Kind = LineageConstant
			}
			out.Columns = append(out.Columns, col)
		}
		for _, f := range p.Root.Leaves() {
			if f.Out != nil || len(f.Elems) > 0 || f.Shape != nil || gives(p, f.Path) {
				continue
			}
			col := LineageColumn{Path: f.Path, Type: typeOf(f.Attribute), Kind: LineageFilled}
			switch {
			case f.SameTime():
				col.SQL = f.Lookup.Path
			case f.Observables:
				col.SQL = "the observables of the event"
			case f.Lookup != nil:
				col.SQL = "the text of " + f.Lookup.Path
			case f.Addend != nil:
				col.SQL = "class_uid x 100 + activity_id"
			case f.IsConst:
				col.SQL = constantText(f.Constant)
			}
			out.Columns = append(out.Columns, col)
		}
		for _, f := range c.Src.Root.Values() {
			if !used[f] && !tree.Discarded(f.Path) && !strings.EqualFold(f.Path[0], rawtable.KeyTable) {
				out.Rest = append(out.Rest, strings.Join(f.Path, "."))
			}
		}
		all = append(all, out)
	}
	return all
}

// gives says whether a column of the SELECT fills a path, or an object or list around it.
func gives(p *projection.Projection, path string) bool {
	return slices.ContainsFunc(p.Columns, func(o *projection.Output) bool { return o.Alias == path || strings.HasPrefix(path, o.Alias+".") })
}

func constantText(v any) string {
	switch x := v.(type) {
	case string:
		return syntax.Quote(x)
	case []string:
		quoted := make([]string, len(x))
		for i, s := range x {
			quoted[i] = syntax.Quote(s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	return fmt.Sprint(v)
}

func typeOf(a *ocsf.Attribute) string {
	if a == nil {
		return ""
	}
	t := a.Type
	if a.Base == ocsf.Struct {
		t = a.Object
	}
	if a.IsArray {
		t += "[]"
	}
	return t
}

// typeAt is the type of what a path leads to, objects included.
func typeAt(s *ocsf.Schema, class *ocsf.Class, path string) string {
	f := &class.Fields
	var a *ocsf.Attribute
	for _, n := range strings.Split(path, ".") {
		if f == nil {
			return ""
		}
		if a = f.Attribute(n); a == nil || a.IsMap {
			return ""
		}
		f = nil
		if o := s.Object(a.Object); a.Base == ocsf.Struct && o != nil {
			f = &o.Fields
		}
	}
	return typeOf(a)
}

var (
	selectWord = regexp.MustCompile(`(?i)\bselect\b`)
	whereWord  = regexp.MustCompile(`(?i)\bfrom\s+raw\b[^'"]*?\bwhere\b`)
	asWord     = regexp.MustCompile(`(?i)\s+as\s*$`)
	blanks     = regexp.MustCompile(`\s+`)
)

// columnTexts are the expressions of a SELECT as their author wrote them, without comments, each on one line.
func columnTexts(p *projection.Projection) []string {
	plain := map[string]string{}
	out := make([]string, len(p.Columns))
	for i, o := range p.Columns {
		if plain[o.File.Path] == "" {
			plain[o.File.Path] = syntax.WithoutComments(o.File.Text)
		}
		text := plain[o.File.Path]
		from := o.From
		if m := selectWord.FindStringIndex(text); m != nil {
			from = max(from, m[1])
		}
		from = min(from, len(text))
		end := min(max(o.NameAt, from), len(text))
		out[i] = oneLine(strings.TrimLeft(asWord.ReplaceAllString(text[from:end], ""), " \t\r\n,*"))
	}
	return out
}

func whereText(text string) string {
	plain := syntax.WithoutComments(text)
	m := whereWord.FindAllStringIndex(plain, -1)
	if m == nil {
		return ""
	}
	return oneLine(strings.TrimRight(plain[m[len(m)-1][1]:], " \t\r\n;"))
}

// oneLine joins the lines of SQL. Blanks inside quotes are not joined: they are the text's.
func oneLine(s string) string {
	s = strings.TrimSpace(s)
	if strings.ContainsAny(s, `'"`) {
		lines := strings.Split(s, "\n")
		for i, l := range lines {
			lines[i] = strings.TrimSpace(l)
		}
		return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return l == "" }), " ")
	}
	return blanks.ReplaceAllString(s, " ")
}
