package sqlgen

import (
	"fmt"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/internal/suggest"
)

// An object that the SELECT writes out, as {'ip': a, 'port': b} AS "src_endpoint", is the same as a column for each of its
// values. So is a STRUCT of raw.sql that is mapped onto an object by the names of its fields. Of a list that is written out,
// as [{'algorithm_id': 3, 'value': h}], each element is an object of its own. Only objects that an expression makes
// (list_transform, CASE) are values of a type of their own: see shape.

// nested is what an output has where it is part of an object, or is one.
type nested struct {
	path string   // what its place is, from the class or from base's object
	base *element // the element of a list written out in which it is
	head *output  // the column that it is part of
	// list are the elements of a list of objects that is written out; such an output has no value of its own.
	list []*element
	// split says that the value is an object whose fields are outputs of their own, computed from it: member of part.
	split  bool
	part   *output
	member string
	casts  bool // the leaf or group is cast
}

// element of a list of objects that is written out.
type element struct {
	attr  *ocsf.Attribute // of the list
	field *field          // once it is placed
}

// unfold makes outputs of a column: one, or one for each value of the object or list of objects that it writes out.
func (c *compiler) unfold(p *projection, o *output) error {
	a := c.attributeAt(p, o)
	if a == nil || a.Base != ocsf.Struct || a.IsMap {
		return c.readOutput(p, o)
	}
	e := c.unmacro(o.orig)
	switch {
	case !a.IsArray && isCall(e, "struct_pack"):
		return c.unfoldStruct(p, o, nil, e)
	case a.IsArray && isCall(e, "list_value"):
		var objects []node
		for _, v := range list(e, "children") {
			x, _ := v.(node)
			if l, ok := literal(x); ok && l == nil {
				continue
			}
			if x = c.unmacro(x); !isCall(x, "struct_pack") {
				return c.readOutput(p, o)
			}
			objects = append(objects, x)
		}
		if len(objects) == 0 {
			return c.readOutput(p, o)
		}
		p.outs = append(p.outs, o)
		o.sql, o.never = "NULL", true
		for _, x := range objects {
			el := &element{attr: a}
			o.list = append(o.list, el)
			if err := c.unfoldStruct(p, o, el, x); err != nil {
				return err
			}
		}
		return nil
	case !a.IsArray:
		if names, casts := bareOf(o.orig); names != nil && len(casts) == 0 {
			if g := c.src.resolve(names, p.table).group; g != nil {
				return c.unfoldGroup(p, o, a, g, names)
			}
		}
	}
	return c.readOutput(p, o)
}

func isCall(e node, name string) bool {
	return str(e, "class") == "FUNCTION" && strings.EqualFold(str(e, "function_name"), name)
}

// unmacro puts the body of a macro in place of its call, so that an object which it gives is seen.
func (c *compiler) unmacro(e node) node {
	if m := c.macros[strings.ToLower(str(e, "function_name"))]; m != nil {
		if in := m.inline(e); in != nil {
			return in
		}
	}
	return e
}

// child makes an output of a part of o.
func (o *output) child(name string, el *element, orig node) *output {
	x := &output{alias: join(o.alias, name), at: location(orig), nameAt: -1, orig: orig}
	x.head, x.base, x.path = o, o.base, join(o.path, name)
	if o.head != nil {
		x.head = o.head
	}
	if el != nil {
		x.base, x.path = el, name
	}
	if x.at < 0 {
		x.at = o.at
	}
	return x
}

// unfoldStruct makes outputs of the fields of an object, of an element of o if el is set.
func (c *compiler) unfoldStruct(p *projection, o *output, el *element, e node) error {
	for _, v := range list(e, "children") {
		value, _ := v.(node)
		name := str(value, "alias")
		value = clone(value).(node)
		value["alias"] = ""
		x := o.child(name, el, value)
		x.nameAt = nameBefore(p.file.Text, name, location(v))
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
func (c *compiler) unfoldGroup(p *projection, o *output, a *ocsf.Attribute, g *rawField, names []string) error {
	of := &c.schema.Object(a.Object).Fields
	some := false
	for _, f := range g.fields {
		some = some || of.Attribute(f.name) != nil
	}
	if !some {
		c.report.At(p.file, o.at, diag.Error, diag.Shape, "name its attributes: {'"+firstAttribute(of)+"': value} AS \""+o.alias+"\"", "no field of %s is an attribute of %s", strings.Join(g.path, "."), a.Object)
		return nil
	}
	for _, f := range g.fields {
		if of.Attribute(f.name) == nil {
			hint := ""
			if near := nearestAttribute(of, f.name); near != "" {
				hint = "is " + near + " meant?"
			}
			c.report.At(p.file, o.at, diag.Warning, diag.UnknownPath, hint, "%s has no %s: %s goes to unmapped", a.Object, f.name, strings.Join(f.path, "."))
			continue
		}
		ref := node{"class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "", "query_location": nowhere, "column_names": texts(append(append([]string(nil), names...), f.name))}
		if err := c.unfold(p, o.child(f.name, nil, ref)); err != nil {
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
func (c *compiler) attributeAt(p *projection, o *output) *ocsf.Attribute {
	if o.base == nil {
		if res, err := c.schema.ResolveAny(p.class, o.path); err == nil && res.Key == "" {
			return res.Leaf
		}
		return nil
	}
	if path, _, _ := c.within(o.base.attr, o.path); path != nil {
		return path[len(path)-1]
	}
	return nil
}

// within follows a path from the object of an attribute; nil where it leads nowhere: then there is no attribute bad in of.
func (c *compiler) within(a *ocsf.Attribute, path string) (all []*ocsf.Attribute, bad string, of *ocsf.Fields) {
	of = &c.schema.Object(a.Object).Fields
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
			of = &c.schema.Object(x.Object).Fields
		}
	}
	return all, "", nil
}

// placeWithin gives the attributes on the way of an output inside an element; nil: it is reported.
func (c *compiler) placeWithin(p *projection, o *output) []*ocsf.Attribute {
	path, bad, of := c.within(o.base.attr, o.path)
	if path == nil {
		hint := "its attributes are " + attributeNames(of)
		if near := nearestAttribute(of, bad); near != "" {
			hint = "is " + near + " meant?"
		}
		c.report.At(p.file, o.nameAt, diag.Error, diag.UnknownPath, hint, "%s of OCSF %s has no %s, for %s", of.Name, c.schema.Version, bad, o.alias)
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
func (c *compiler) placeObject(p *projection, o *output, f *field) {
	a := f.attr
	bad := func(hint, format string, args ...any) {
		c.report.At(p.file, o.at, diag.Error, diag.Type, hint, o.alias+": "+format, args...)
	}
	of := &c.schema.Object(a.Object).Fields
	switch {
	case o.list != nil:
		for _, el := range o.list {
			el.field = &field{name: a.Name, path: f.path, attr: a, of: of, parent: f}
			f.elems = append(f.elems, el.field)
		}
	case o.typ.family() == famNull:
		bad("leave the column out", "it is NULL in every record")
	case a.IsArray:
		t := o.typ
		if t.family() != famList || t.elem.family() != famStruct {
			bad("write [{'"+firstAttribute(of)+"': value}] or list_transform(list, lambda x: {...})", "it is an array of %s, the value is one %s", a.Object, t.text)
			return
		}
		if o.leaf != nil {
			if o.leaf.kind == jsonKind && !o.casts {
				o.json, o.sql = true, "TRY_CAST(TRY_CAST("+ident(o.leaf.column)+" AS JSON) AS JSON[])"
			} else {
				o.leaf = nil // what the cast leaves out has to stay in unmapped
			}
		}
		f.shape = c.shapeOf(p, o, of, t.elem, f.path)
	default:
		if o.typ.family() != famStruct {
			bad("write {'"+firstAttribute(of)+"': value}, or name one of its attributes: AS \""+o.alias+"."+firstAttribute(of)+"\"", "it is an object (%s), the value is one %s", a.Object, o.typ.text)
			return
		}
		f.of = of
		o.split, o.into = true, nil
		for _, m := range o.typ.fields {
			x := o.child(m.name, nil, node{})
			x.orig, x.expr, x.nameAt = node{}, node{}, o.nameAt
			x.part, x.member, x.typ, x.reads = o, m.name, m.typ, o.reads
			if w := findField(o.orig, m.name); w >= 0 {
				x.nameAt = max(nameBefore(p.file.Text, m.name, w), -1)
				if x.nameAt < 0 {
					x.nameAt = w
				}
			}
			p.outs = append(p.outs, x)
			c.place(p, x)
		}
	}
}

// findField is where the value of a field of that name is written in an expression that makes objects; -1: nowhere.
func findField(e any, name string) int {
	at := -1
	walk(e, func(n node) bool {
		if isCall(n, "struct_pack") {
			for _, v := range list(n, "children") {
				if x, _ := v.(node); str(x, "alias") == name {
					if w := location(x); w >= 0 && (at < 0 || w < at) {
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
func (c *compiler) checkAttribute(p *projection, at int, path string, a *ocsf.Attribute) {
	if !a.In(p.profiles) {
		c.report.At(p.file, at, diag.Error, diag.Profile, "add `-- profiles: "+a.Profile+"` to the header", "%s belongs to the profile %s", path, a.Profile)
	}
	if a.Deprecated != "" {
		c.report.At(p.file, at, diag.Warning, diag.Deprecated, a.Deprecated, "%s is deprecated", path)
	}
}

// listed gives the SQL of a list of objects that is written out, and the schema of its elements.
func (s *sqlProjection) listed(f *field) (sql string, elem *elemType) {
	elem = &elemType{}
	for _, x := range f.elems {
		s.elemFields(x, elem)
	}
	var parts []string
	for _, x := range f.elems {
		v := s.elemSQL(x, elem)
		var conds []string
		if has := s.presence(x); has != "" {
			conds = append(conds, "("+has+")")
		}
		for _, g := range f.gates {
			conds = append(conds, "("+g+")")
		}
		if len(conds) > 0 {
			v = "CASE WHEN " + strings.Join(conds, " AND ") + " THEN " + v + " END"
		}
		parts = append(parts, v)
	}
	return "nullif(list_filter([" + strings.Join(parts, ", ") + "], lambda e: e IS NOT NULL), [])", elem
}

// elemFields adds the fields of an element to those of the others.
func (s *sqlProjection) elemFields(f *field, into *elemType) {
	for _, x := range f.fields {
		t := into.get(x.name)
		if t == nil {
			t = &elemType{name: x.name}
			into.fields = append(into.fields, t)
		}
		switch {
		case x.isGroup():
			s.elemFields(x, t)
		case x.elems != nil:
			t.list = true
			for _, y := range x.elems {
				s.elemFields(y, t)
			}
		case x.shape != nil:
			t.list = true
			t.merge(x.shape.elemType())
		default:
			t.attr = x.attr
		}
	}
}

// elemSQL gives an element, or an object in it, as a STRUCT with the fields of t.
func (s *sqlProjection) elemSQL(f *field, t *elemType) string {
	var parts []string
	for _, want := range t.fields {
		v := "CAST(NULL AS " + want.sqlType() + ")"
		if x := f.get(want.name); x != nil {
			v = s.elemValue(x, want)
		}
		parts = append(parts, ident(want.name)+" := "+v)
	}
	return "struct_pack(" + strings.Join(parts, ", ") + ")"
}

func (s *sqlProjection) elemValue(x *field, t *elemType) string {
	switch {
	case x.isGroup():
		v := s.elemSQL(x, t)
		if has := s.presence(x); has != "" {
			v = "CASE WHEN " + has + " THEN " + v + " END"
		}
		return v
	case x.elems != nil:
		v, _ := s.listed(x)
		return "CAST(" + v + " AS " + t.sqlType() + ")"
	case x.shape != nil:
		return "CAST(" + x.sql + " AS " + t.sqlType() + ")"
	case x.isConst:
		return constSQL(x.constant, t.sqlType())
	case x.lookup != nil:
		return captionSQL(x.lookup.sql, x.lookup.attr)
	}
	return x.sql
}

// captionSQL is the text of an enum's number.
func captionSQL(x string, a *ocsf.Attribute) string {
	var b strings.Builder
	b.WriteString("CASE " + x)
	for _, v := range a.Enum {
		fmt.Fprintf(&b, " WHEN %d THEN %s", v.ID, text(v.Text))
	}
	return b.String() + " END"
}

// constSQL is a constant (see lake.Node) as SQL of a type.
func constSQL(v any, typ string) string {
	switch x := v.(type) {
	case string:
		return text(x)
	case []string:
		var parts []string
		for _, s := range x {
			parts = append(parts, text(s))
		}
		return "CAST([" + strings.Join(parts, ", ") + "] AS " + typ + ")"
	}
	return fmt.Sprintf("CAST(%v AS %s)", v, typ)
}

// lists are the lists of objects written out below f, in other lists too.
func (f *field) lists() (all []*field) {
	for _, x := range f.fields {
		if x.elems != nil {
			all = append(all, x)
			for _, y := range x.elems {
				all = append(all, y.lists()...)
			}
		}
		all = append(all, x.lists()...)
	}
	return all
}
