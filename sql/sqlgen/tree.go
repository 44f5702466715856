package sqlgen

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/internal/suggest"
)

// field is an OCSF field that the projection fills: a leaf with a value, or an object with fields.
type field struct {
	name   string
	path   string
	attr   *ocsf.Attribute // nil for the root
	of     *ocsf.Fields    // of an object and the root: what it may hold
	parent *field
	fields []*field

	out      *output
	constant any
	isConst  bool
	// lookup is the field whose number's text this is.
	lookup *field
	// elems are the elements of a list of objects that is written out, each a group; gates are conditions without which it has
	// none. shape is what the objects of a computed list are.
	elems []*field
	gates []string
	shape *shape
	// auto computes the value from other fields (type_uid).
	auto func(p *sqlProjection) string

	sql   string // the SQL name or expression of the final value
	never bool   // never NULL where its object is present
	col   int
}

func (f *field) get(name string) *field {
	for _, x := range f.fields {
		if x.name == name {
			return x
		}
	}
	return nil
}

func (f *field) isGroup() bool { return f.of != nil }

// add appends a new field; after, if not nil, is the field it comes right behind.
func (f *field) add(a *ocsf.Attribute, after *field) *field {
	n := &field{name: a.Name, attr: a, parent: f, path: a.Name}
	if f.path != "" {
		n.path = f.path + "." + a.Name
	}
	at := len(f.fields)
	for i, x := range f.fields {
		if x == after {
			at = i + 1
		}
	}
	f.fields = append(f.fields[:at], append([]*field{n}, f.fields[at:]...)...)
	return n
}

// leaves gives the fields with values below f, in order.
func (f *field) leaves() []*field {
	if !f.isGroup() && f.elems == nil {
		return []*field{f}
	}
	var all []*field
	for _, x := range f.inside() {
		all = append(all, x.leaves()...)
	}
	return all
}

// inside gives what a group has, or the elements of a list that is written out.
func (f *field) inside() []*field {
	if f.elems != nil {
		return f.elems
	}
	return f.fields
}

// buildTree places the outputs in the class, fills what OCSF derives, and checks what it requires.
func (c *compiler) buildTree(p *projection) {
	p.root = &field{of: &p.class.Fields}
	for _, o := range append([]*output(nil), p.outs...) { // objects add theirs
		c.place(p, o)
	}
	if c.report.Failed() {
		return
	}
	c.fillClass(p)
	c.fillMetadata(p)
	c.fillRequired(p, p.root)
	c.fillSiblings(p, p.root)
	c.checkRequired(p, p.root)
}

func (c *compiler) place(p *projection, o *output) {
	f := p.file
	if o.base != nil {
		c.placeAt(p, o)
		return
	}
	switch {
	case o.alias == "unmapped":
		c.report.At(f, o.nameAt, diag.Error, diag.Shape, `name the key: AS "unmapped.name"`, "unmapped as a whole is filled by what is not mapped")
	case inUnmapped(o.alias):
		o.key = strings.TrimPrefix(o.alias, "unmapped.")
	default:
		c.placeAt(p, o)
	}
}

// inUnmapped tells whether an alias names a key of unmapped, or unmapped itself, and no place of the class.
func inUnmapped(alias string) bool {
	return alias == "unmapped" || strings.HasPrefix(alias, "unmapped.")
}

func (c *compiler) placeAt(p *projection, o *output) {
	way := c.way(p, o)
	if way == nil {
		return
	}
	at := p.root
	if o.base != nil {
		at = o.base.field
	}
	for i, a := range way {
		last := i == len(way)-1
		c.checkAttribute(p, o.nameAt, o.alias, a)
		next := at.get(a.Name)
		if next == nil {
			next = at.add(a, nil)
			if !last {
				next.of = &c.schema.Object(a.Object).Fields
			}
		} else if !next.isGroup() {
			c.report.At(p.file, o.nameAt, diag.Error, diag.Twice, "use coalesce(a, b)", "%s is filled twice", o.alias)
			return
		}
		at = next
	}
	o.into, at.out = at, o
	if at.attr.Base == ocsf.Struct && !at.attr.IsMap {
		c.placeObject(p, o, at)
		return
	}
	c.checkValue(p, o, at.attr)
}

// way gives the attributes on the way to an output's place; nil: it is reported why there is none.
func (c *compiler) way(p *projection, o *output) []*ocsf.Attribute {
	f := p.file
	if o.base != nil {
		return c.placeWithin(p, o)
	}
	res, err := c.schema.ResolveAny(p.class, o.path)
	var unknown *ocsf.UnknownPathError
	var shape *ocsf.ShapeError
	switch {
	case errors.As(err, &unknown):
		hint := ""
		if unknown.Nearest != "" {
			hint = "is " + unknown.Nearest + " meant?"
		}
		c.report.At(f, o.nameAt, diag.Error, diag.UnknownPath, hint, "%s of OCSF %s has no %s", p.class.Name, c.schema.Version, o.alias)
		return nil
	case errors.As(err, &shape):
		hint := ""
		if shape.Shape == ocsf.ThroughArray {
			list, rest := throughArray(shape, o.path)
			hint = "write [{'" + rest + "': value}] AS \"" + list + "\""
		}
		c.report.At(f, o.nameAt, diag.Error, diag.Shape, hint, "%s", shape.Error())
		return nil
	case err != nil:
		c.report.At(f, o.nameAt, diag.Error, diag.UnknownPath, "", "%v", err)
		return nil
	}
	if res.Key != "" {
		whole := strings.TrimSuffix(o.path, "."+res.Key)
		c.report.At(f, o.nameAt, diag.Error, diag.Shape, "write {'"+res.Key+"': value} AS \""+whole+"\"", "%s is an object of any keys, written as JSON: it is one column", whole)
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
func (c *compiler) checkValue(p *projection, o *output, a *ocsf.Attribute) {
	bad := func(hint, format string, args ...any) {
		c.report.At(p.file, o.at, diag.Error, diag.Type, hint, o.alias+": "+format, args...)
	}
	if o.isConst {
		v, why := constantOf(a, o.constant)
		if why != "" {
			bad("", "%s", why)
			return
		}
		o.into.constant, o.into.isConst = v, true
		if v == nil {
			c.report.At(p.file, o.at, diag.Warning, diag.Null, "leave the column out", "%s is NULL in every record", o.alias)
			o.into.isConst = false
		}
		return
	}
	if l := o.leaf; l != nil && l.kind == jsonKind && !o.casts && !a.IsArray {
		// The JSON as it is: the type that raw.sql declares may not have all that is in it.
		switch {
		case a.Base == ocsf.JSON || a.IsMap:
			o.sql, o.typ = ident(l.column), &duckType{id: "JSON", text: "JSON"}
		case a.Base == ocsf.String && o.typ.family() != famJSON:
			o.sql, o.typ = ident(l.column), &duckType{id: "VARCHAR", text: "VARCHAR"}
		}
	}
	t := o.typ
	if a.IsArray {
		switch t.family() {
		case famList:
			t = t.elem
		case famNull:
		default:
			bad("wrap it: [value], NULL where the value is", "%s is an array, the value is one %s", o.alias, t.text)
			return
		}
	}
	if cast := castTo(a, t, "x"); cast.why != "" {
		bad("cast it, or choose another attribute", "%s", cast.why)
		return
	}
	if a.IsArray {
		return
	}
	for _, r := range results(o.expr) {
		v, ok := literal(r)
		if !ok || v == nil {
			continue
		}
		if _, why := constantOf(a, v); why != "" {
			at := location(r)
			if at < 0 {
				at = o.at
			}
			c.report.At(p.file, at, diag.Error, diag.Type, "", "%s: %s", o.alias, why)
		}
	}
}

// staticEnum says whether all values that o can have are literals, which checkValue has found in the enum.
func staticEnum(o *output) bool {
	for _, r := range results(o.expr) {
		if _, ok := literal(r); !ok {
			return false
		}
	}
	return true
}

// constantOf makes a literal a value of the attribute, in the Go type that lake.Node.Const wants; why says what is wrong.
func constantOf(a *ocsf.Attribute, v any) (value any, why string) {
	if v == nil {
		return nil, ""
	}
	if list, ok := v.([]string); ok {
		if !a.IsArray {
			return nil, "it takes one value, not a list"
		}
		if a.Base != ocsf.String {
			return nil, "a constant list must be one of texts"
		}
		return list, ""
	}
	if a.IsArray {
		return nil, "it is an array: write ['...']"
	}
	switch a.Base {
	case ocsf.JSON, ocsf.Struct:
		b, err := json.Marshal(v)
		if err != nil {
			return nil, err.Error()
		}
		return string(b), ""
	case ocsf.String:
		s, ok := v.(string)
		if !ok {
			s = fmt.Sprint(v)
		}
		if len(a.Enum) > 0 && a.Base == ocsf.String {
			var keys []string
			for _, e := range a.Enum {
				if e.Key == s {
					return s, ""
				}
				keys = append(keys, e.Key)
			}
			return nil, notInEnum(fmt.Sprintf("'%s'", s), suggest.Nearest(s, keys), a)
		}
		return s, ""
	case ocsf.Integer, ocsf.Long, ocsf.Timestamp, ocsf.DateTime:
		i, ok := wholeLiteral(v)
		if s, is := v.(string); is && !ok && isTime(a) {
			t, err := time.Parse(time.RFC3339Nano, s)
			if err != nil {
				return nil, "'" + s + "' is no time: write '2026-01-31T08:15:02Z', or epoch milliseconds"
			}
			i, ok = t.UnixMilli(), true
		}
		if !ok {
			return nil, fmt.Sprintf("%v is no whole number (%s)", v, a.Type)
		}
		if least, greatest, ranged := a.Range(); ranged && (i < least || i > greatest) {
			return nil, fmt.Sprintf("%d is outside %d to %d", i, least, greatest)
		}
		if len(a.Enum) > 0 {
			if _, ok := a.EnumText(i); !ok {
				return nil, notInEnum(fmt.Sprint(i), "", a)
			}
		}
		if a.Base == ocsf.Integer {
			return int32(i), ""
		}
		return i, ""
	case ocsf.Float:
		switch x := v.(type) {
		case float64:
			return x, ""
		case int64:
			return float64(x), ""
		}
	case ocsf.Boolean:
		if b, ok := v.(bool); ok {
			return b, ""
		}
	}
	return nil, fmt.Sprintf("%v is no %s", v, a.Type)
}

func wholeLiteral(v any) (int64, bool) {
	switch x := v.(type) {
	case int64:
		return x, true
	case float64:
		if x == math.Trunc(x) && math.Abs(x) < 1<<53 {
			return int64(x), true
		}
	case string:
		var i int64
		if _, err := fmt.Sscanf(x, "%d", &i); err == nil && fmt.Sprint(i) == x {
			return i, true
		}
	}
	return 0, false
}

func notInEnum(v, near string, a *ocsf.Attribute) string {
	if near != "" {
		return fmt.Sprintf("%s is no value of the enum; is '%s' meant?", v, near)
	}
	var all []string
	for i, e := range a.Enum {
		if i == 12 {
			all = append(all, "...")
			break
		}
		if a.Base == ocsf.String {
			all = append(all, e.Key)
		} else {
			all = append(all, fmt.Sprintf("%d %s", e.ID, e.Text))
		}
	}
	return fmt.Sprintf("%s is no value of the enum (%s)", v, strings.Join(all, ", "))
}

// isTime says whether values of an attribute are points in time.
func isTime(a *ocsf.Attribute) bool { return a.Base == ocsf.Timestamp || a.Base == ocsf.DateTime }
