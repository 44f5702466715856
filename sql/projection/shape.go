package projection

import (
	"fmt"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/sql/cast"
	"github.com/silt-etl/silt/sql/ducktype"
	"github.com/silt-etl/silt/sql/objects"
	"github.com/silt-etl/silt/sql/syntax"
)

// shapeOf holds the fields of a STRUCT to an object, and reports what does not fit.
func (c *Set) shapeOf(p *Projection, o *Output, of *ocsf.Fields, t *ducktype.Type, path string) *objects.Shape {
	sh := &objects.Shape{Fields: of, Json: o.json}
	for _, f := range t.Fields {
		at := o.NameAt
		if w := findField(o.orig, f.Name); w >= 0 {
			if at = nameBefore(o.File.Text, f.Name, w); at < 0 {
				at = w
			}
		}
		a := of.Attribute(f.Name)
		if a == nil {
			hint := "its attributes are " + attributeNames(of)
			if near := nearestAttribute(of, f.Name); near != "" {
				hint = "did you mean " + near + "?"
			}
			hint = orVersion(c.Schema, hint, func(s *ocsf.Schema) bool { return s.HasAttribute(of.Name, f.Name) })
			if o.json {
				c.Report.At(o.File, at, diag.Warning, diag.UnknownPath, hint, "%s has no %s: where a list %s has it, the list is in unmapped, too", of.Name, f.Name, o.Alias)
			} else {
				c.Report.At(o.File, at, diag.Error, diag.UnknownPath, hint, "%s in OCSF %s has no attribute %s, for %s", of.Name, c.Schema.Version, f.Name, path)
			}
			continue
		}
		c.checkAttribute(p, Place{o.File, at}, join(path, f.Name), a)
		m := &objects.Member{Name: f.Name, Attribute: o.Attribute(a, c.Redact), Type: f.Type}
		if f.Type.Family() == ducktype.Null || !c.memberType(p, o, m, at, path) {
			continue
		}
		sh.Members = append(sh.Members, m)
		if dt := (derived{p.Profiles}).member(of, m, t); dt != nil {
			sh.Members = append(sh.Members, dt)
		}
		if a.Sibling == "" || a.IsArray || len(a.Enum) == 0 || a.Base == ocsf.String || hasField(t, a.Sibling) {
			continue
		}
		if s := of.Attribute(a.Sibling); s != nil && s.Base == ocsf.String && s.In(p.Profiles) {
			sh.Members = append(sh.Members, &objects.Member{Name: s.Name, Attribute: s, Caption: m})
		}
	}
	c.requireMembers(p, o, sh, path)
	for _, m := range sh.Members {
		if text := sh.Get(m.Attribute.Sibling); text != nil && text.Type != nil && !m.Attribute.IsArray && len(m.Attribute.Enum) > 0 && text.Attribute.Base == ocsf.String {
			text.Number = m
		}
	}
	return sh
}

func hasField(t *ducktype.Type, name string) bool {
	for _, f := range t.Fields {
		if f.Name == name {
			return f.Type.Family() != ducktype.Null
		}
	}
	return false
}

// memberType says whether values of a field can become the attribute's.
func (c *Set) memberType(p *Projection, o *Output, m *objects.Member, at int, path string) bool {
	a, t := m.Attribute, m.Type
	bad := func(hint, why string) bool {
		c.Report.At(o.File, at, diag.Error, diag.Type, hint, "%s: %s", join(path, m.Name), why)
		return false
	}
	if a.IsArray {
		if t.Family() != ducktype.List {
			return bad("wrap the value in a list: [value]", "the attribute is an array, but the value is a single "+t.Text)
		}
		t = t.Elem
	}
	if a.Base == ocsf.Struct && !a.IsMap {
		of := &c.Schema.Object(a.Object).Fields
		if t.Family() != ducktype.Struct {
			return bad("write {'"+firstAttribute(of)+"': value}", fmt.Sprintf("the attribute is an object (%s), but the value is a single %s", a.Object, t.Text))
		}
		m.Object = c.shapeOf(p, o, of, t, join(path, m.Name))
		return true
	}
	if to := cast.To(a, t, "x"); to.Why != "" {
		return bad("cast the value, or choose another attribute", to.Why)
	}
	if v, ok := onlyLiteral(o.orig, m.Name); ok && v != nil && !a.IsArray {
		if _, why := cast.Constant(a, v); why != "" {
			return bad("", why)
		}
		if _, why := cast.Fitting(a, v); why != "" {
			c.Report.At(o.File, at, diag.Warning, diag.Type, "it is left out", "%s: %s", join(path, m.Name), why)
		}
	}
	return true
}

// onlyLiteral gives the literal that a field of this name has where an expression makes objects, if it does so in one place.
func onlyLiteral(e any, name string) (v any, ok bool) {
	n := 0
	syntax.Walk(e, func(x syntax.Node) bool {
		if syntax.IsCall(x, "struct_pack") {
			for _, f := range syntax.List(x, "children") {
				if f, _ := f.(syntax.Node); syntax.Str(f, "alias") == name {
					n++
					v, ok = syntax.Literal(f)
				}
			}
		}
		return true
	})
	return v, ok && n == 1
}

// requireMembers adds the required enums that are 0 Unknown where nothing fills them, and tells what else is missing.
func (c *Set) requireMembers(p *Projection, o *Output, sh *objects.Shape, path string) {
	for _, a := range sh.Fields.Attributes {
		if a.Requirement != ocsf.Required || !a.In(p.Profiles) || sh.Get(a.Name) != nil {
			continue
		}
		at := join(path, a.Name)
		w, left := p.without[at]
		switch {
		case left:
			c.Report.At(w.File, w.At, diag.Warning, diag.MissingRequired, "", "OCSF %s requires %s, which is left out: the events are not valid OCSF", c.Schema.Version, at)
		case cast.HasUnknown(a):
			m := &objects.Member{Name: a.Name, Attribute: a}
			sh.Members = append(sh.Members, m)
			if s := sh.Fields.Attribute(a.Sibling); s != nil && s.Base == ocsf.String && s.In(p.Profiles) && sh.Get(s.Name) == nil {
				sh.Members = append(sh.Members, &objects.Member{Name: s.Name, Attribute: s, Caption: m})
			}
		default:
			c.Report.At(o.File, o.NameAt, diag.Error, diag.MissingRequired, "add '"+a.Name+"' to the object, or add `-- without: "+at+"`", "OCSF %s requires %s, but no column fills it", c.Schema.Version, at)
		}
	}
	for _, rule := range [][]string{sh.Fields.AtLeastOne, sh.Fields.JustOne} {
		if len(rule) == 0 || len(sh.Among(rule)) > 0 {
			continue
		}
		if w, ok := p.without[path]; ok {
			c.Report.At(w.File, w.At, diag.Warning, diag.MissingRequired, "", "OCSF %s requires one of %s in %s, and all are left out: the events are not valid OCSF", c.Schema.Version, strings.Join(rule, ", "), path)
			continue
		}
		c.Report.At(o.File, o.NameAt, diag.Error, diag.MissingRequired, "fill one of "+strings.Join(rule, ", ")+", or add `-- without: "+path+"`", "%s must have at least one of its main attributes, but no column fills one", path)
	}
}
