package projection

import (
	"errors"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/sql/cast"
	"github.com/silt-etl/silt/sql/ducktype"
	"github.com/silt-etl/silt/sql/objects"
	"github.com/silt-etl/silt/sql/syntax"
)

// Field is an OCSF field that the projection fills: a leaf with a value, or an object with fields.
type Field struct {
	Name      string
	Path      string
	Attribute *ocsf.Attribute // nil for the root
	Fields    *ocsf.Fields    // of an object and the root: what it may hold
	Parent    *Field
	Children  []*Field

	Out      *Output
	Constant any
	IsConst  bool
	// Lookup is the field whose number's text this is, or, if SameTime, the field that has the same time.
	Lookup *Field
	// Observables says that the compiler fills the list with the observables of the event.
	Observables bool
	// Caption is the number whose text an output of the mapping has where it is NULL.
	Caption *Field
	// elems are the elements of a list of objects that is written out, each a group. shape is what the objects of a computed
	// list are.
	Elems []*Field
	Shape *objects.Shape
	// addend is the field whose value plus base is this field's (type_uid).
	Addend *Field
	Base   int64
}

func (f *Field) Get(name string) *Field {
	for _, x := range f.Children {
		if x.Name == name {
			return x
		}
	}
	return nil
}

func (f *Field) IsGroup() bool { return f.Fields != nil }

// add appends a new field; after, if not nil, is the field it comes right behind.
func (f *Field) add(a *ocsf.Attribute, after *Field) *Field {
	n := &Field{Name: a.Name, Attribute: a, Parent: f, Path: a.Name}
	if f.Path != "" {
		n.Path = f.Path + "." + a.Name
	}
	at := len(f.Children)
	for i, x := range f.Children {
		if x == after {
			at = i + 1
		}
	}
	f.Children = append(f.Children[:at], append([]*Field{n}, f.Children[at:]...)...)
	return n
}

// Leaves gives the fields with values below f, in order.
func (f *Field) Leaves() []*Field {
	if !f.IsGroup() && f.Elems == nil {
		return []*Field{f}
	}
	var all []*Field
	for _, x := range f.Inside() {
		all = append(all, x.Leaves()...)
	}
	return all
}

// Inside gives what a group has, or the elements of a list that is written out.
func (f *Field) Inside() []*Field {
	if f.Elems != nil {
		return f.Elems
	}
	return f.Children
}

// buildTree places the outputs in the class, fills what OCSF derives, and checks what it requires.
func (c *Set) buildTree(p *Projection) {
	p.Root = &Field{Fields: &p.Class.Fields}
	for _, o := range append([]*Output(nil), p.Outs...) { // objects add theirs
		c.place(p, o)
	}
	if hasMistake(*c.Report, p.File.Path) {
		return
	}
	c.fillClass(p)
	c.fillMetadata(p)
	c.fillRequired(p, p.Root)
	c.fillSiblings(p, p.Root)
	derived{p.Profiles}.times(p.Root)
	if p.Head.Observables && !addObservables(p.Root) {
		at := observablesLine(p.heads)
		c.Report.At(at.File, at.At, diag.Error, diag.Twice, "remove the column, or the line `-- observables: auto`", "observables is filled by a column and by the header")
	}
	c.checkRequired(p, p.Root)
}

func (c *Set) place(p *Projection, o *Output) {
	f := o.File
	if o.base != nil {
		c.placeAt(p, o)
		return
	}
	switch {
	case o.Alias == "unmapped":
		c.Report.At(f, o.NameAt, diag.Error, diag.Shape, `name the key: AS "unmapped.name"`, "unmapped is filled with what is not mapped; a column can only set one of its keys")
	case inUnmapped(o.Alias):
		o.Key = strings.TrimPrefix(o.Alias, "unmapped.")
	default:
		c.placeAt(p, o)
	}
}

// inUnmapped tells whether an alias names a key of unmapped, or unmapped itself, and no place of the class.
func inUnmapped(alias string) bool {
	return alias == "unmapped" || strings.HasPrefix(alias, "unmapped.")
}

func (c *Set) placeAt(p *Projection, o *Output) {
	way := c.way(p, o)
	if way == nil {
		return
	}
	at := p.Root
	if o.base != nil {
		at = o.base.field
	}
	for i, a := range way {
		last := i == len(way)-1
		c.checkAttribute(p, Place{o.File, o.NameAt}, o.Alias, a)
		next := at.Get(a.Name)
		if next == nil {
			next = at.add(a, nil)
			if !last {
				next.Fields = &c.Schema.Object(a.Object).Fields
			}
		} else if !next.IsGroup() {
			c.Report.At(o.File, o.NameAt, diag.Error, diag.Twice, "use coalesce(a, b)", "%s is filled twice", o.Alias)
			return
		}
		at = next
	}
	o.Into, at.Out = at, o
	if at.Attribute.Base == ocsf.Struct && !at.Attribute.IsMap {
		c.placeObject(p, o, at)
		return
	}
	c.checkValue(o, at.Attribute)
}

// orVersion adds to a hint which version of OCSF has what this one lacks: the next one, or else the last one before it.
func orVersion(at *ocsf.Schema, hint string, has func(*ocsf.Schema) bool) string {
	older := ""
	for _, v := range ocsf.Versions() {
		s, err := ocsf.Load(v)
		if err != nil || v == at.Version || !has(s) {
			continue
		}
		if older = v; ocsf.CompareVersions(v, at.Version) > 0 {
			break
		}
	}
	if older == "" {
		return hint
	}
	return strings.TrimPrefix(hint+"; OCSF "+older+" has it", "; ")
}

// way gives the attributes on the way to an output's place; nil: it is reported why there is none.
func (c *Set) way(p *Projection, o *Output) []*ocsf.Attribute {
	f := o.File
	if o.base != nil {
		return c.placeWithin(o)
	}
	res, err := c.Schema.ResolveAny(p.Class, o.path)
	var unknown *ocsf.UnknownPathError
	var shape *ocsf.ShapeError
	switch {
	case errors.As(err, &unknown):
		hint := ""
		if unknown.Nearest != "" {
			hint = "did you mean " + unknown.Nearest + "?"
		}
		hint = orVersion(c.Schema, hint, func(s *ocsf.Schema) bool { return s.HasPath(p.Class.Name, o.path) })
		c.Report.At(f, o.NameAt, diag.Error, diag.UnknownPath, hint, "%s in OCSF %s has no attribute %s", p.Class.Name, c.Schema.Version, o.Alias)
		return nil
	case errors.As(err, &shape):
		hint := ""
		if shape.Shape == ocsf.ThroughArray {
			list, rest := throughArray(shape, o.path)
			hint = "write [{'" + rest + "': value}] AS \"" + list + "\""
		}
		c.Report.At(f, o.NameAt, diag.Error, diag.Shape, hint, "%s", shape.Error())
		return nil
	case err != nil:
		c.Report.At(f, o.NameAt, diag.Error, diag.UnknownPath, "", "%v", err)
		return nil
	}
	if res.Key != "" {
		whole := strings.TrimSuffix(o.path, "."+res.Key)
		c.Report.At(f, o.NameAt, diag.Error, diag.Shape, "write {'"+res.Key+"': value} AS \""+whole+"\"", "%s is an object with arbitrary keys, written as JSON: it must be one column", whole)
		return nil
	}
	return res.Path
}

// throughArray splits a path that goes into the elements of an array.
func throughArray(e *ocsf.ShapeError, path string) (list, rest string) {
	segments := strings.Split(path, ".")
	for i, s := range segments {
		if s == e.At.Name && i < len(segments)-1 {
			return strings.Join(segments[:i+1], "."), segments[i+1]
		}
	}
	return path, "name"
}

// checkValue holds an output's type, its literals and its enum to what the attribute is.
func (c *Set) checkValue(o *Output, a *ocsf.Attribute) {
	bad := func(hint, format string, args ...any) {
		c.Report.At(o.File, o.At, diag.Error, diag.Type, hint, o.Alias+": "+format, args...)
	}
	if o.IsConst {
		literal, misfit := cast.Fitting(a, o.constant)
		if misfit != "" {
			c.Report.At(o.File, o.At, diag.Warning, diag.Type, "it is left out", "%s: %s", o.Alias, misfit)
			if literal == nil {
				o.SQL, o.Type = "NULL", &ducktype.Type{ID: `"NULL"`, Text: `"NULL"`}
				return
			}
		}
		v, why := cast.Constant(a, literal)
		if why != "" {
			bad("", "%s", why)
			return
		}
		o.Into.Constant, o.Into.IsConst = v, true
		if v == nil {
			c.Report.At(o.File, o.At, diag.Warning, diag.Null, "leave the column out", "%s is NULL in every record", o.Alias)
			o.Into.IsConst = false
		}
		return
	}
	if l := o.Leaf; l != nil && l.Kind == decode.JSON && !o.Casts && !a.IsArray {
		// The JSON as it is: the type that raw.sql declares may lack parts of it.
		switch {
		case a.Base == ocsf.JSON || a.IsMap:
			o.SQL, o.Type = syntax.Ident(l.Column), &ducktype.Type{ID: "JSON", Text: "JSON"}
		case a.Base == ocsf.String && o.Type.Family() != ducktype.JSON:
			o.SQL, o.Type = syntax.Ident(l.Column), &ducktype.Type{ID: "VARCHAR", Text: "VARCHAR"}
		}
	}
	t := o.Type
	if a.IsArray {
		switch t.Family() {
		case ducktype.List:
			t = t.Elem
		case ducktype.Null:
		default:
			bad("wrap the value in a list: [value]", "the attribute is an array, but the value is a single %s", t.Text)
			return
		}
	}
	if to := cast.To(a, t, "x"); to.Why != "" {
		bad("cast the value, or choose another attribute", "%s", to.Why)
		return
	}
	if a.IsArray {
		return
	}
	for _, r := range syntax.Results(o.Expr) {
		v, ok := syntax.Literal(r)
		if !ok || v == nil {
			continue
		}
		at := syntax.Location(r)
		if at < 0 {
			at = o.At
		}
		if _, why := cast.Constant(a, v); why != "" {
			c.Report.At(o.File, at, diag.Error, diag.Type, "", "%s: %s", o.Alias, why)
		} else if _, why := cast.Fitting(a, v); why != "" {
			c.Report.At(o.File, at, diag.Warning, diag.Type, "it is left out", "%s: %s", o.Alias, why)
		}
	}
}

// StaticEnum says whether all values that o can have are literals, which checkValue has found in the enum.
func StaticEnum(o *Output) bool {
	for _, r := range syntax.Results(o.Expr) {
		if _, ok := syntax.Literal(r); !ok {
			return false
		}
	}
	return true
}

// Lists are the lists of objects written out below f, in other lists too.
func (f *Field) Lists() (all []*Field) {
	for _, x := range f.Children {
		if x.Elems != nil {
			all = append(all, x)
			for _, y := range x.Elems {
				all = append(all, y.Lists()...)
			}
		}
		all = append(all, x.Lists()...)
	}
	return all
}

// ElemType is what the elements of a list have, of one that is written out or computed.
func (f *Field) ElemType() *objects.ElemType {
	if f.Shape != nil {
		return f.Shape.ElemType()
	}
	t := &objects.ElemType{}
	for _, x := range f.Elems {
		x.addTo(t)
	}
	return t
}

// addTo adds the fields of an element to those of the others.
func (f *Field) addTo(into *objects.ElemType) {
	for _, x := range f.Children {
		t := into.Get(x.Name)
		if t == nil {
			t = &objects.ElemType{Name: x.Name}
			into.Fields = append(into.Fields, t)
		}
		switch {
		case x.IsGroup():
			x.addTo(t)
		case x.Elems != nil:
			t.List = true
			for _, y := range x.Elems {
				y.addTo(t)
			}
		case x.Shape != nil:
			t.List = true
			t.Merge(x.Shape.ElemType())
		default:
			t.Attr = x.Attribute
		}
	}
}
