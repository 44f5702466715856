package projection

import (
	"fmt"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/sql/cast"
)

// setConst gives an attribute a constant, or holds the mapping's own constant to it.
func (c *Set) setConst(p *Projection, f *Field, name string, v any, after *Field) *Field {
	a := f.Fields.Attribute(name)
	if a == nil {
		return after
	}
	x := f.Get(name)
	if x == nil {
		x = f.add(a, after)
		x.Constant, x.IsConst = v, true
		return x
	}
	if x.IsConst && fmt.Sprint(x.Constant) == fmt.Sprint(v) {
		return x
	}
	if x.confirms(v) {
		return x
	}
	c.Report.At(x.Out.File, x.Out.At, diag.Error, diag.Class, "leave the column out: it is filled from the class", "%s is %v in the class %s", x.Path, v, p.Class.Name)
	return x
}

// confirms makes a field that is a raw value the constant that it has to be, as in events that are OCSF already; a raw value that
// is another one stays in unmapped. false: it is not a raw value.
func (f *Field) confirms(v any) bool {
	if f.Out == nil || f.Out.Leaf == nil || f.Out.Casts || f.Attribute.IsArray {
		return false
	}
	f.Constant, f.IsConst = v, true
	return true
}

// fillClass fills class, category and type from the class and activity_id. Names that the mapping gives stay as given.
func (c *Set) fillClass(p *Projection) {
	root, cl := p.Root, p.Class
	activity := root.Get("activity_id")
	if activity == nil {
		after := root.Get("time")
		activity = root.add(cl.Attribute("activity_id"), after)
		activity.Constant, activity.IsConst = int32(0), true
	}
	last := activity
	if n := root.Get("activity_name"); n != nil {
		last = n
	}
	last = c.setConst(p, root, "category_uid", int32(cl.CategoryUID), last)
	last = c.setConst(p, root, "class_uid", int32(cl.UID), last)
	a := cl.Attribute("type_uid")
	if a == nil {
		return
	}
	x := root.Get("type_uid")
	base := int64(cl.UID) * 100
	if x == nil {
		x = root.add(a, last)
		if activity.IsConst {
			x.Constant, _ = cast.Constant(a, base+int64(activity.Constant.(int32)))
			x.IsConst = true
			return
		}
		x.Addend, x.Base = activity, base
		return
	}
	if x.IsConst && activity.IsConst && widen(x.Constant) != any(base+int64(activity.Constant.(int32))) {
		c.Report.At(x.Out.File, x.Out.At, diag.Error, diag.Class, "leave the column out: it is filled in", "type_uid is %v, but class_uid * 100 + activity_id is %d", x.Constant, base+int64(activity.Constant.(int32)))
	}
}

func (c *Set) fillMetadata(p *Projection) {
	a := p.Class.Attribute("metadata")
	if a == nil {
		return
	}
	m := p.Root.Get("metadata")
	if m == nil {
		m = p.Root.add(a, nil)
		m.Fields = &c.Schema.Object(a.Object).Fields
	}
	if v := m.Get("version"); v == nil {
		c.setConst(p, m, "version", c.Schema.Version, nil)
	} else if (!v.IsConst || v.Constant != c.Schema.Version) && !v.confirms(c.Schema.Version) {
		c.Report.At(v.Out.File, v.Out.At, diag.Error, diag.OCSFVersion, "leave the column out: it is filled from the `-- ocsf:` line", "metadata.version is not %s, the version of the mapping", c.Schema.Version)
	}
	if m.Get("profiles") == nil && len(p.Profiles) > 0 && m.Fields.Attribute("profiles") != nil {
		c.setConst(p, m, "profiles", append([]string(nil), p.Profiles...), nil)
	}
}

// fillSiblings puts the text of each enum's number right behind it, where the mapping gives none: in all records, or where its
// text is NULL. A text that the header leaves out is not filled.
func (c *Set) fillSiblings(p *Projection, f *Field) {
	for _, x := range append([]*Field(nil), f.Children...) {
		if x.IsGroup() {
			c.fillSiblings(p, x)
			continue
		}
		for _, y := range x.Elems {
			c.fillSiblings(p, y)
		}
		a := x.Attribute
		if a.Sibling == "" || a.IsArray || len(a.Enum) == 0 || p.LeavesOut(join(f.Path, a.Sibling)) {
			continue
		}
		if own := f.Get(a.Sibling); own != nil {
			if own.Out != nil && !own.IsConst && own.Attribute.Base == ocsf.String && !own.Attribute.IsArray && a.Base != ocsf.String {
				own.Caption = x
			}
			continue
		}
		sibling := f.Fields.Attribute(a.Sibling)
		if sibling == nil || sibling.Base != ocsf.String || !sibling.In(p.Profiles) {
			continue
		}
		s := f.add(sibling, x)
		if !x.IsConst {
			s.Lookup = x
			continue
		}
		if id, ok := cast.WholeLiteral(widen(x.Constant)); ok {
			if t, ok := a.EnumText(id); ok {
				s.Constant, s.IsConst = t, true
				continue
			}
		}
		f.Children = remove(f.Children, s)
	}
}

func widen(v any) any {
	if i, ok := v.(int32); ok {
		return int64(i)
	}
	return v
}

func remove(all []*Field, f *Field) (rest []*Field) {
	for _, x := range all {
		if x != f {
			rest = append(rest, x)
		}
	}
	return rest
}

// fillRequired gives required enums that nothing fills the value 0 Unknown.
func (c *Set) fillRequired(p *Projection, f *Field) {
	for _, a := range f.Fields.Attributes {
		if a.Requirement != ocsf.Required || !a.In(p.Profiles) || f.Get(a.Name) != nil || !cast.HasUnknown(a) || p.LeavesOut(join(f.Path, a.Name)) {
			continue
		}
		x := f.add(a, nil)
		x.Constant, x.IsConst = int32(0), true
		if a.Base == ocsf.Long {
			x.Constant = int64(0)
		}
	}
	for _, x := range f.Children {
		if x.IsGroup() {
			c.fillRequired(p, x)
		}
		for _, y := range x.Elems {
			c.fillRequired(p, y)
		}
	}
}

// checkRequired tells the required attributes of the class, and of each object that the mapping fills, that nothing fills.
func (c *Set) checkRequired(p *Projection, f *Field) {
	in, at := p.File, -1
	if ls := f.Leaves(); f.Path != "" && len(ls) > 0 && ls[0].Out != nil {
		in, at = ls[0].Out.File, ls[0].Out.NameAt
	}
	for _, a := range f.Fields.Attributes {
		if a.Requirement != ocsf.Required || !a.In(p.Profiles) {
			continue
		}
		path := join(f.Path, a.Name)
		if x := f.Get(a.Name); x != nil {
			if w, ok := p.without[path]; ok && path != "time" && x.optional() && !x.lacksMain() {
				c.Report.At(w.File, w.At, diag.Warning, diag.MissingRequired, "", "records without %s are published, although OCSF %s requires it: these events are not valid OCSF", path, c.Schema.Version)
			}
			continue
		}
		if w, ok := p.without[path]; ok && path != "time" { // no event is without a time: its partition is its day
			c.Report.At(w.File, w.At, diag.Warning, diag.MissingRequired, "", "OCSF %s requires %s, which is left out: the events are not valid OCSF", c.Schema.Version, path)
			continue
		}
		hint := fmt.Sprintf(`add a column AS "%s"`, path)
		if a.Base == ocsf.Struct {
			hint = fmt.Sprintf(`add columns AS "%s.<attribute>"`, path)
		}
		if a.Profile != "" {
			hint += ", or leave the profile " + a.Profile + " out"
		}
		if path != "time" {
			hint += ", or add `-- without: " + path + "`"
		}
		c.Report.At(in, at, diag.Error, diag.MissingRequired, hint, "OCSF %s requires %s, but no column fills it", c.Schema.Version, path)
	}
	for _, rule := range [][]string{f.Fields.AtLeastOne, f.Fields.JustOne} {
		if len(rule) == 0 {
			continue
		}
		if len(Present(f, rule)) > 0 {
			if w, ok := p.without[f.Path]; ok && !required(f) {
				c.Report.At(w.File, w.At, diag.Warning, diag.MissingRequired, "", "records without %s in %s are published, although OCSF %s requires one of them: these events are not valid OCSF", strings.Join(rule, " or "), f.Path, c.Schema.Version)
			}
			continue
		}
		if w, ok := leftOut(p.without, f.Path, rule); ok {
			c.Report.At(w.File, w.At, diag.Warning, diag.MissingRequired, "", "OCSF %s requires one of %s in %s, and all are left out: the events are not valid OCSF", c.Schema.Version, strings.Join(rule, ", "), orClass(f.Path, p))
			continue
		}
		hint := "fill one of " + strings.Join(rule, ", ")
		without := f.Path
		if without == "" {
			without = strings.Join(rule, ", ")
		}
		hint += ", or add `-- without: " + without + "`"
		c.Report.At(in, at, diag.Error, diag.MissingRequired, hint, "%s must have at least one of its main attributes, but no column fills one", orClass(f.Path, p))
	}
	for _, x := range f.Children {
		if x.IsGroup() {
			c.checkRequired(p, x)
		}
		for _, y := range x.Elems {
			c.checkRequired(p, y)
		}
	}
}

// leftOut says whether the header lets an object lack all attributes of which it must have one. A class has no path, so its header names
// each of them.
func leftOut(without map[string]Place, path string, rule []string) (at Place, ok bool) {
	if path != "" {
		at, ok = without[path]
		return at, ok
	}
	for _, name := range rule {
		if at, ok = without[name]; !ok {
			return Place{}, false
		}
	}
	return at, ok
}

// optional says whether a field that the mapping fills can lack its value.
func (f *Field) optional() bool {
	return f.IsGroup() || f.Elems != nil || f.Out != nil && !f.Out.Never && !f.IsConst
}

// lacksMain says whether no column fills one of an object's main attributes, which is reported by itself.
func (f *Field) lacksMain() bool {
	return f.IsGroup() && len(f.Fields.AtLeastOne) > 0 && len(Present(f, f.Fields.AtLeastOne)) == 0
}

// required says whether OCSF requires an object where it is.
func required(f *Field) bool { return f.Attribute != nil && f.Attribute.Requirement == ocsf.Required }

func orClass(path string, p *Projection) string {
	if path == "" {
		return p.Class.Name
	}
	return path
}

// Present gives the fields among names that f has.
func Present(f *Field, names []string) (all []*Field) {
	for _, n := range names {
		if x := f.Get(n); x != nil {
			all = append(all, x)
		}
	}
	return all
}

// LeavesOut says whether the header lets events lack an attribute: a required one, or the text of an enum.
func (p *Projection) LeavesOut(path string) bool {
	_, ok := p.without[path]
	return ok
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
