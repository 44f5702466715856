package sqlgen

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/ocsf"
)

// Lineage says of one SELECT of a mapping which OCSF path is made of what. It is for people: pages and reports.
type Lineage struct {
	File     string // its name, without the folder
	Class    string
	Profiles []string
	Where    string   // as its author wrote it; "" takes every record
	Drops    []string // predicates
	Consumes []string
	Without  []string // required attributes left out on purpose
	Columns  []LineageColumn
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

func (c *compiler) lineage() (all []Lineage) {
	for _, p := range c.projections {
		out := Lineage{File: p.file.Path[strings.LastIndexByte(p.file.Path, '/')+1:], Class: p.class.Name, Profiles: p.profiles, Where: whereText(p.file.Text)}
		for _, w := range p.head.drops {
			out.Drops = append(out.Drops, w.text)
		}
		for _, w := range p.head.consumes {
			out.Consumes = append(out.Consumes, w.text)
		}
		for _, w := range p.head.without {
			out.Without = append(out.Without, w.text)
		}
		used := map[*rawField]bool{}
		for _, o := range p.outs {
			if o.leaf != nil && o.leaf.field != nil {
				used[o.leaf.field] = true
			}
			if o.group != nil {
				for _, f := range o.group.below() {
					used[f] = true
				}
			}
		}
		for l, yes := range p.consumed {
			if yes && l.field != nil {
				used[l.field] = true
			}
		}
		texts := columnTexts(p)
		for i, o := range p.columns {
			col := LineageColumn{Path: o.alias, Type: typeAt(c.schema, p.class, o.alias), Kind: LineageExpression, SQL: texts[i]}
			reads := o.reads
			for _, x := range p.outs {
				if x.head == o {
					reads = append(reads, x.reads...)
				}
			}
			for _, l := range reads {
				if d := l.dotted(); !slices.Contains(col.Raw, d) {
					col.Raw = append(col.Raw, d)
				}
			}
			switch {
			case o.leaf != nil || o.group != nil:
				col.Kind = LineageField
			case o.isConst || len(col.Raw) == 0:
				col.Kind = LineageConstant
			}
			out.Columns = append(out.Columns, col)
		}
		for _, f := range p.root.leaves() {
			if f.out != nil || len(f.elems) > 0 || f.shape != nil || p.gives(f.path) {
				continue
			}
			col := LineageColumn{Path: f.path, Type: typeOf(f.attr), Kind: LineageFilled}
			switch {
			case f.lookup != nil:
				col.SQL = "the text of " + f.lookup.path
			case f.auto != nil:
				col.SQL = "class_uid x 100 + activity_id"
			case f.isConst:
				col.SQL = constantText(f.constant)
			}
			out.Columns = append(out.Columns, col)
		}
		for _, f := range c.src.root.below() {
			if !used[f] && !strings.EqualFold(f.path[0], keyTable) {
				out.Rest = append(out.Rest, strings.Join(f.path, "."))
			}
		}
		all = append(all, out)
	}
	return all
}

// gives says whether a column of the SELECT fills a path, or an object or list around it.
func (p *projection) gives(path string) bool {
	return slices.ContainsFunc(p.columns, func(o *output) bool { return o.alias == path || strings.HasPrefix(path, o.alias+".") })
}

func constantText(v any) string {
	switch x := v.(type) {
	case string:
		return text(x)
	case []string:
		quoted := make([]string, len(x))
		for i, s := range x {
			quoted[i] = text(s)
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
func columnTexts(p *projection) []string {
	plain := withoutComments(p.file.Text)
	from := 0
	if m := selectWord.FindStringIndex(plain); m != nil {
		from = m[1]
	}
	out := make([]string, len(p.columns))
	for i, o := range p.columns {
		end := min(max(o.nameAt, from), len(plain))
		s := asWord.ReplaceAllString(plain[from:end], "")
		out[i] = oneLine(strings.TrimLeft(s, " \t\r\n,"))
		from = end + len(o.alias)
		if end < len(plain) && plain[end] == '"' {
			from = end + len(o.alias) + 2 + strings.Count(o.alias, `"`)
		}
		from = min(from, len(plain))
	}
	return out
}

func whereText(text string) string {
	plain := withoutComments(text)
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

// withoutComments blanks out comments, so that all else stays in its place.
func withoutComments(s string) string {
	b := []byte(s)
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '\'' || b[i] == '"':
			q := b[i]
			for i++; i < len(b) && b[i] != q; i++ {
			}
		case b[i] == '-' && i+1 < len(b) && b[i+1] == '-':
			for ; i < len(b) && b[i] != '\n'; i++ {
				b[i] = ' '
			}
		case strings.HasPrefix(s[i:], "/*"):
			end := len(b)
			if j := strings.Index(s[i+2:], "*/"); j >= 0 {
				end = i + 2 + j + 2
			}
			for ; i < end; i++ {
				if b[i] != '\n' {
					b[i] = ' '
				}
			}
			i--
		}
	}
	return string(b)
}
