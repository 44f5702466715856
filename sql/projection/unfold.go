package projection

import (
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/internal/suggest"
	"github.com/silt-etl/silt/sql/ducktype"
	"github.com/silt-etl/silt/sql/rawtable"
	"github.com/silt-etl/silt/sql/syntax"
)

// An object that the SELECT writes out, as {'ip': a, 'port': b} AS "src_endpoint", is the same as a column for each of its
// values. The same holds for a STRUCT of raw.sql that is mapped onto an object by the names of its fields. Of a list that is written out,
// as [{'algorithm_id': 3, 'value': h}], each element is an object of its own. Only objects that an expression makes
// (list_transform, CASE) are values of a type of their own: see shape.

// nested is what an output has where it is part of an object, or is one.
type nested struct {
	path string   // what its place is, from the class or from base's object
	base *element // the element of a list written out in which it is
	Head *Output  // the column that it is part of
	// list are the elements of a list of objects that is written out; such an output has no value of its own.
	List []*element
	// split says that the value is an object whose fields are outputs of their own, computed from it: member of part.
	Split  bool
	Part   *Output
	Member string
	Casts  bool // the leaf or group is cast
}

// element of a list of objects that is written out.
type element struct {
	attr  *ocsf.Attribute // of the list
	field *Field          // once it is placed
}

// unfold makes outputs of a column: one, or one for each value of the object or list of objects that it writes out.
func (c *Set) unfold(p *Projection, o *Output) error {
	a := c.attributeAt(p, o)
	if a == nil || a.Base != ocsf.Struct || a.IsMap {
		return c.readOutput(p, o)
	}
	e := c.unmacro(o.orig)
	switch {
	case !a.IsArray && syntax.IsCall(e, "struct_pack"):
		return c.unfoldStruct(p, o, nil, e)
	case a.IsArray && syntax.IsCall(e, "list_value"):
		var objects []syntax.Node
		for _, v := range syntax.List(e, "children") {
			x, _ := v.(syntax.Node)
			if l, ok := syntax.Literal(x); ok && l == nil {
				continue
			}
			if x = c.unmacro(x); !syntax.IsCall(x, "struct_pack") {
				return c.readOutput(p, o)
			}
			objects = append(objects, x)
		}
		if len(objects) == 0 {
			return c.readOutput(p, o)
		}
		p.Outs = append(p.Outs, o)
		o.SQL, o.Never = "NULL", true
		for _, x := range objects {
			el := &element{attr: a}
			o.List = append(o.List, el)
			if err := c.unfoldStruct(p, o, el, x); err != nil {
				return err
			}
		}
		return nil
	case !a.IsArray:
		if names, casts := syntax.Bare(o.orig); names != nil && len(casts) == 0 {
			if g := c.Src.Resolve(names, o.table).Group; g != nil {
				return c.unfoldGroup(p, o, a, g, names)
			}
		}
	}
	return c.readOutput(p, o)
}

// unmacro puts the body of a macro in place of its call, so that an object which it gives is seen.
func (c *Set) unmacro(e syntax.Node) syntax.Node {
	for syntax.Str(e, "class") == "FUNCTION" && c.lookups.inMacro(syntax.Str(e, "function_name")) { // what it calls stays as it is
		in := c.lookups.macros.Expand(e)
		if in == nil {
			return e
		}
		e = in
	}
	if in := c.macros.Inline(e); in != nil {
		return in
	}
	return e
}

// child makes an output of a part of o.
func (o *Output) child(name string, el *element, orig syntax.Node) *Output {
	x := &Output{origin: o.origin, Alias: join(o.Alias, name), At: syntax.Location(orig), NameAt: -1, orig: orig}
	x.Head, x.base, x.path = o, o.base, join(o.path, name)
	if o.Head != nil {
		x.Head = o.Head
	}
	if el != nil {
		x.base, x.path = el, name
	}
	if x.At < 0 {
		x.At = o.At
	}
	return x
}

// unfoldStruct makes outputs of the fields of an object, of an element of o if el is set.
func (c *Set) unfoldStruct(p *Projection, o *Output, el *element, e syntax.Node) error {
	for _, v := range syntax.List(e, "children") {
		value, _ := v.(syntax.Node)
		name := syntax.Str(value, "alias")
		value = syntax.Clone(value).(syntax.Node)
		value["alias"] = ""
		x := o.child(name, el, value)
		x.NameAt = nameBefore(o.File.Text, name, syntax.Location(v))
		if err := c.unfold(p, x); err != nil {
			return err
		}
	}
	return nil
}

// nameBefore finds where the name of a field is written, close before its value; -1: it cannot be seen.
func nameBefore(text, name string, at int) int {
	if at < 0 || at > len(text) || name == "" {
		return -1
	}
	from := max(0, at-len(name)-40)
	i := strings.LastIndex(text[from:at], name)
	if i < 0 {
		return -1
	}
	if i += from; i > 0 && strings.ContainsRune(`'"`, rune(text[i-1])) {
		i--
	}
	return i
}

// unfoldGroup makes outputs of the fields of a STRUCT of raw.sql, by their names. What OCSF does not have there stays in
// unmapped.
func (c *Set) unfoldGroup(p *Projection, o *Output, a *ocsf.Attribute, g *rawtable.Field, names []string) error {
	of := &c.Schema.Object(a.Object).Fields
	some := false
	for _, f := range g.Fields {
		some = some || of.Attribute(f.Name) != nil
	}
	if !some {
		c.Report.At(o.File, o.At, diag.Error, diag.Shape, "name its attributes: {'"+firstAttribute(of)+"': value} AS \""+o.Alias+"\"", "no field of %s is an attribute of %s", strings.Join(g.Path, "."), a.Object)
		return nil
	}
	for _, f := range g.Fields {
		if of.Attribute(f.Name) == nil {
			hint := ""
			if near := nearestAttribute(of, f.Name); near != "" {
				hint = "did you mean " + near + "?"
			}
			c.Report.At(o.File, o.At, diag.Warning, diag.UnknownPath, hint, "%s has no %s: %s goes to unmapped", a.Object, f.Name, strings.Join(f.Path, "."))
			continue
		}
		ref := syntax.Node{"class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "", "query_location": syntax.Nowhere, "column_names": texts(append(append([]string(nil), names...), f.Name))}
		if err := c.unfold(p, o.child(f.Name, nil, ref)); err != nil {
			return err
		}
	}
	return nil
}

func texts(all []string) []any {
	out := make([]any, len(all))
	for i, s := range all {
		out[i] = s
	}
	return out
}

func nearestAttribute(of *ocsf.Fields, name string) string {
	var names []string
	for _, a := range of.Attributes {
		names = append(names, a.Name)
	}
	return suggest.Nearest(name, names)
}

// attributeAt is the attribute that an output fills, nil where its path is none.
func (c *Set) attributeAt(p *Projection, o *Output) *ocsf.Attribute {
	if o.base == nil {
		if res, err := c.Schema.ResolveAny(p.Class, o.path); err == nil && res.Key == "" {
			return res.Leaf
		}
		return nil
	}
	if path, _, _ := c.within(o.base.attr, o.path); path != nil {
		return path[len(path)-1]
	}
	return nil
}

// within follows a path from the object of an attribute. It returns nil if the path leads nowhere; bad is then the attribute that of lacks.
func (c *Set) within(a *ocsf.Attribute, path string) (all []*ocsf.Attribute, bad string, of *ocsf.Fields) {
	of = &c.Schema.Object(a.Object).Fields
	segments := strings.Split(path, ".")
	for i, s := range segments {
		x := of.Attribute(s)
		if x == nil {
			return nil, s, of
		}
		if all = append(all, x); i < len(segments)-1 {
			if x.Base != ocsf.Struct || x.IsMap || x.IsArray {
				return nil, segments[i+1], &ocsf.Fields{Name: s}
			}
			of = &c.Schema.Object(x.Object).Fields
		}
	}
	return all, "", nil
}

// placeWithin gives the attributes on the way of an output inside an element; nil: it is reported.
func (c *Set) placeWithin(o *Output) []*ocsf.Attribute {
	path, bad, of := c.within(o.base.attr, o.path)
	if path == nil {
		hint := "its attributes are " + attributeNames(of)
		if near := nearestAttribute(of, bad); near != "" {
			hint = "did you mean " + near + "?"
		}
		hint = orVersion(c.Schema, hint, func(s *ocsf.Schema) bool { return s.HasAttribute(of.Name, bad) })
		c.Report.At(o.File, o.NameAt, diag.Error, diag.UnknownPath, hint, "%s in OCSF %s has no attribute %s, for %s", of.Name, c.Schema.Version, bad, o.Alias)
	}
	return path
}

func attributeNames(of *ocsf.Fields) string {
	var names []string
	for i, a := range of.Attributes {
		if i == 12 {
			names = append(names, "...")
			break
		}
		names = append(names, a.Name)
	}
	return strings.Join(names, ", ")
}

// placeObject takes an output at an object or an array of objects.
func (c *Set) placeObject(p *Projection, o *Output, f *Field) {
	a := f.Attribute
	bad := func(hint, format string, args ...any) {
		c.Report.At(o.File, o.At, diag.Error, diag.Type, hint, o.Alias+": "+format, args...)
	}
	of := &c.Schema.Object(a.Object).Fields
	switch {
	case o.List != nil:
		for _, el := range o.List {
			el.field = &Field{Name: a.Name, Path: f.Path, Attribute: a, Fields: of, Parent: f}
			f.Elems = append(f.Elems, el.field)
		}
	case o.Type.Family() == ducktype.Null:
		bad("leave the column out", "it is NULL in every record")
	case a.IsArray:
		t := o.Type
		if t.Family() != ducktype.List || t.Elem.Family() != ducktype.Struct {
			bad("write [{'"+firstAttribute(of)+"': value}] or list_transform(list, lambda x: {...})", "the attribute is an array of %s, but the value is a single %s", a.Object, t.Text)
			return
		}
		if o.Leaf != nil {
			if o.Leaf.Kind == decode.JSON && !o.Casts {
				o.json, o.SQL = true, "TRY_CAST(TRY_CAST("+syntax.Ident(o.Leaf.Column)+" AS JSON) AS JSON[])"
			} else {
				o.Leaf = nil // what the cast leaves out has to stay in unmapped
			}
		}
		f.Shape = c.shapeOf(p, o, of, t.Elem, f.Path)
	default:
		if o.Type.Family() != ducktype.Struct {
			bad("write {'"+firstAttribute(of)+"': value}, or name one of its attributes: AS \""+o.Alias+"."+firstAttribute(of)+"\"", "the attribute is an object (%s), but the value is a single %s", a.Object, o.Type.Text)
			return
		}
		f.Fields = of
		o.Split, o.Into = true, nil
		for _, m := range o.Type.Fields {
			x := o.child(m.Name, nil, syntax.Node{})
			x.orig, x.Expr, x.NameAt = syntax.Node{}, syntax.Node{}, o.NameAt
			x.Part, x.Member, x.Type, x.Reads = o, m.Name, m.Type, o.Reads
			if w := findField(o.orig, m.Name); w >= 0 {
				x.NameAt = max(nameBefore(o.File.Text, m.Name, w), -1)
				if x.NameAt < 0 {
					x.NameAt = w
				}
			}
			p.Outs = append(p.Outs, x)
			c.place(p, x)
		}
	}
}

// findField is where the value of a field of that name is written in an expression that makes objects; -1: nowhere.
func findField(e any, name string) int {
	at := -1
	syntax.Walk(e, func(n syntax.Node) bool {
		if syntax.IsCall(n, "struct_pack") {
			for _, v := range syntax.List(n, "children") {
				if x, _ := v.(syntax.Node); syntax.Str(x, "alias") == name {
					if w := syntax.Location(x); w >= 0 && (at < 0 || w < at) {
						at = w
					}
				}
			}
		}
		return true
	})
	return at
}

func firstAttribute(of *ocsf.Fields) string {
	for _, want := range []string{ocsf.Required, ocsf.Recommended, ocsf.Optional} {
		for _, a := range of.Attributes {
			if a.Requirement == want && a.Base != ocsf.Struct {
				return a.Name
			}
		}
	}
	return "name"
}

// checkAttribute tells an attribute of a profile that the header does not name, and one that OCSF has deprecated.
func (c *Set) checkAttribute(p *Projection, at Place, path string, a *ocsf.Attribute) {
	if !a.In(p.Profiles) {
		of := ""
		if at.File.Path == c.Mapping.Common.Path && at.File.Path != p.File.Path { // another SELECT can do without the profile
			of = " in " + p.Class.Name
		}
		c.Report.At(at.File, at.At, diag.Error, diag.Profile, "add `-- profiles: "+a.Profile+"` to the header", "%s belongs to the profile %s%s", path, a.Profile, of)
	}
	if a.Deprecated != "" {
		c.Report.At(at.File, at.At, diag.Warning, diag.Deprecated, a.Deprecated, "%s is deprecated", path)
	}
}
