package sqlgen

import (
	"fmt"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ocsf"
)

// setConst gives an attribute a constant, or holds the mapping's own constant to it.
func (c *compiler) setConst(p *projection, f *field, name string, v any, after *field) *field {
	a := f.of.Attribute(name)
	if a == nil {
		return after
	}
	x := f.get(name)
	if x == nil {
		x = f.add(a, after)
		x.constant, x.isConst = v, true
		return x
	}
	if x.isConst && fmt.Sprint(x.constant) == fmt.Sprint(v) {
		return x
	}
	if x.confirms(v) {
		return x
	}
	c.report.At(p.file, x.out.at, diag.Error, diag.Class, "leave the column out: it is filled from the class", "%s is %v in the class %s", x.path, v, p.class.Name)
	return x
}

// confirms makes a field that is a raw value the constant that it has to be, as in events that are OCSF already; a raw value that
// is another one stays in unmapped. false: it is no raw value.
func (f *field) confirms(v any) bool {
	if f.out == nil || f.out.leaf == nil || f.out.casts || f.attr.IsArray {
		return false
	}
	f.constant, f.isConst = v, true
	return true
}

// fillClass fills class, category and type from the class and activity_id. Names that the mapping gives stay as given.
func (c *compiler) fillClass(p *projection) {
	root, cl := p.root, p.class
	activity := root.get("activity_id")
	if activity == nil {
		after := root.get("time")
		activity = root.add(cl.Attribute("activity_id"), after)
		activity.constant, activity.isConst = int32(0), true
	}
	last := activity
	if n := root.get("activity_name"); n != nil {
		last = n
	}
	last = c.setConst(p, root, "category_uid", int32(cl.CategoryUID), last)
	last = c.setConst(p, root, "class_uid", int32(cl.UID), last)
	a := cl.Attribute("type_uid")
	if a == nil {
		return
	}
	x := root.get("type_uid")
	base := int64(cl.UID) * 100
	if x == nil {
		x = root.add(a, last)
		if activity.isConst {
			x.constant, _ = constantOf(a, base+int64(activity.constant.(int32)))
			x.isConst = true
			return
		}
		x.auto = func(s *sqlProjection) string { return fmt.Sprintf("%d + %s", base, activity.sql) }
		return
	}
	if x.isConst && activity.isConst && widen(x.constant) != any(base+int64(activity.constant.(int32))) {
		c.report.At(p.file, x.out.at, diag.Error, diag.Class, "leave the column out: it is class_uid * 100 + activity_id", "type_uid is %v here, but class and activity make %d", x.constant, base+int64(activity.constant.(int32)))
	}
}

func (c *compiler) fillMetadata(p *projection) {
	a := p.class.Attribute("metadata")
	if a == nil {
		return
	}
	m := p.root.get("metadata")
	if m == nil {
		m = p.root.add(a, nil)
		m.of = &c.schema.Object(a.Object).Fields
	}
	if v := m.get("version"); v == nil {
		c.setConst(p, m, "version", c.schema.Version, nil)
	} else if (!v.isConst || v.constant != c.schema.Version) && !v.confirms(c.schema.Version) {
		c.report.At(p.file, v.out.at, diag.Error, diag.OCSFVersion, "leave the column out; the header's `-- ocsf:` line decides", "metadata.version is not the version %s that the mapping is made for", c.schema.Version)
	}
	if m.get("profiles") == nil && len(p.profiles) > 0 && m.of.Attribute("profiles") != nil {
		c.setConst(p, m, "profiles", append([]string(nil), p.profiles...), nil)
	}
}

// fillSiblings puts the text of each enum's number right behind it, where the mapping gives none.
func (c *compiler) fillSiblings(p *projection, f *field) {
	for _, x := range append([]*field(nil), f.fields...) {
		if x.isGroup() {
			c.fillSiblings(p, x)
			continue
		}
		for _, y := range x.elems {
			c.fillSiblings(p, y)
		}
		a := x.attr
		if a.Sibling == "" || a.IsArray || len(a.Enum) == 0 || f.get(a.Sibling) != nil {
			continue
		}
		sibling := f.of.Attribute(a.Sibling)
		if sibling == nil || sibling.Base != ocsf.String || !sibling.In(p.profiles) {
			continue
		}
		s := f.add(sibling, x)
		if !x.isConst {
			s.lookup = x
			continue
		}
		if id, ok := wholeLiteral(widen(x.constant)); ok {
			if t, ok := a.EnumText(id); ok {
				s.constant, s.isConst = t, true
				continue
			}
		}
		f.fields = remove(f.fields, s)
	}
}

func widen(v any) any {
	if i, ok := v.(int32); ok {
		return int64(i)
	}
	return v
}

func remove(all []*field, f *field) (rest []*field) {
	for _, x := range all {
		if x != f {
			rest = append(rest, x)
		}
	}
	return rest
}

// fillRequired gives required enums that nothing fills the value 0 Unknown.
func (c *compiler) fillRequired(p *projection, f *field) {
	for _, a := range f.of.Attributes {
		if a.Requirement != ocsf.Required || !a.In(p.profiles) || f.get(a.Name) != nil || !hasUnknown(a) || p.leaves(join(f.path, a.Name)) {
			continue
		}
		x := f.add(a, nil)
		x.constant, x.isConst = int32(0), true
		if a.Base == ocsf.Long {
			x.constant = int64(0)
		}
	}
	for _, x := range f.fields {
		if x.isGroup() {
			c.fillRequired(p, x)
		}
		for _, y := range x.elems {
			c.fillRequired(p, y)
		}
	}
}

// hasUnknown says whether an attribute is an enum of numbers with 0.
func hasUnknown(a *ocsf.Attribute) bool {
	if a.Base != ocsf.Integer && a.Base != ocsf.Long || a.IsArray {
		return false
	}
	_, ok := a.EnumText(0)
	return ok
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// checkRequired tells the required attributes of the class, and of each object that the mapping fills, that nothing fills.
func (c *compiler) checkRequired(p *projection, f *field) {
	at := -1
	if ls := f.leaves(); f.path != "" && len(ls) > 0 && ls[0].out != nil {
		at = ls[0].out.nameAt
	}
	for _, a := range f.of.Attributes {
		if a.Requirement != ocsf.Required || !a.In(p.profiles) || f.get(a.Name) != nil {
			continue
		}
		path := join(f.path, a.Name)
		if w, ok := p.without[path]; ok && path != "time" { // no event is without a time: its partition is its day
			c.report.At(p.file, w, diag.Warning, diag.MissingRequired, "", "OCSF %s requires %s, which is left out: the events are not valid OCSF", c.schema.Version, path)
			continue
		}
		hint := fmt.Sprintf(`add a column AS "%s"`, path)
		if a.Base == ocsf.Struct {
			hint = fmt.Sprintf(`add columns AS "%s.<attribute>"`, path)
		}
		if a.Profile != "" {
			hint += ", or leave the profile " + a.Profile + " out"
		}
		c.report.At(p.file, at, diag.Error, diag.MissingRequired, hint, "OCSF %s requires %s, and nothing fills it", c.schema.Version, path)
	}
	for _, rule := range [][]string{f.of.AtLeastOne, f.of.JustOne} {
		if len(rule) == 0 || len(present(f, rule)) > 0 {
			continue
		}
		if w, ok := p.without[f.path]; ok {
			c.report.At(p.file, w, diag.Warning, diag.MissingRequired, "", "OCSF %s wants one of %s in %s, which are left out: the events are not valid OCSF", c.schema.Version, strings.Join(rule, ", "), f.path)
			continue
		}
		c.report.At(p.file, at, diag.Error, diag.MissingRequired, "fill one of "+strings.Join(rule, ", "), "%s must have at least one of its main attributes, and nothing fills one", orClass(f.path, p))
	}
	for _, x := range f.fields {
		if x.isGroup() {
			c.checkRequired(p, x)
		}
		for _, y := range x.elems {
			c.checkRequired(p, y)
		}
	}
}

func orClass(path string, p *projection) string {
	if path == "" {
		return p.class.Name
	}
	return path
}

// present gives the fields among names that f has.
func present(f *field, names []string) (all []*field) {
	for _, n := range names {
		if x := f.get(n); x != nil {
			all = append(all, x)
		}
	}
	return all
}

// leaves says whether the header leaves a required attribute out.
func (p *projection) leaves(path string) bool {
	_, ok := p.without[path]
	return ok
}
