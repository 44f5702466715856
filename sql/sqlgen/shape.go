package sqlgen

import (
	"fmt"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ocsf"
)

const jsonKind = decode.JSON

// shape is what the objects of a computed list are in OCSF: which attributes they have, how each is made of the value's
// fields, and what an object must have to be kept. The SQL goes over a list in two steps. The first reads: it casts every
// field to OCSF's type, and notes beside those that may be lost on the way (as "name?") whether there was a value. The second
// keeps the objects that have all that OCSF requires and fills in what it derives. All of it stays in the list's column.
type shape struct {
	of      *ocsf.Fields
	json    bool // the objects are JSON, with fields of whatever type
	members []*member
}

// member is an attribute of a shape.
type member struct {
	name    string
	attr    *ocsf.Attribute
	typ     *duckType // of the value; nil where the compiler adds the attribute
	sub     *shape    // of an object, or of the objects of an array
	caption *member   // the number whose text this is
}

// shapeOf holds the fields of a STRUCT to an object, and reports what does not fit.
func (c *compiler) shapeOf(p *projection, o *output, of *ocsf.Fields, t *duckType, path string) *shape {
	sh := &shape{of: of, json: o.json}
	for _, f := range t.fields {
		at := o.nameAt
		if w := findField(o.orig, f.name); w >= 0 {
			if at = nameBefore(p.file.Text, f.name, w); at < 0 {
				at = w
			}
		}
		a := of.Attribute(f.name)
		if a == nil {
			hint := "its attributes are " + attributeNames(of)
			if near := nearestAttribute(of, f.name); near != "" {
				hint = "is " + near + " meant?"
			}
			if o.json {
				c.report.At(p.file, at, diag.Warning, diag.UnknownPath, hint, "%s has no %s: where a list %s has it, the list is in unmapped, too", of.Name, f.name, o.alias)
			} else {
				c.report.At(p.file, at, diag.Error, diag.UnknownPath, hint, "%s of OCSF %s has no %s, for %s", of.Name, c.schema.Version, f.name, path)
			}
			continue
		}
		c.checkAttribute(p, at, join(path, f.name), a)
		m := &member{name: f.name, attr: a, typ: f.typ}
		if f.typ.family() == famNull || !c.memberType(p, o, m, at, path) {
			continue
		}
		sh.members = append(sh.members, m)
		if a.Sibling == "" || a.IsArray || len(a.Enum) == 0 || a.Base == ocsf.String || hasField(t, a.Sibling) {
			continue
		}
		if s := of.Attribute(a.Sibling); s != nil && s.Base == ocsf.String && s.In(p.profiles) {
			sh.members = append(sh.members, &member{name: s.Name, attr: s, caption: m})
		}
	}
	c.requireMembers(p, o, sh, path)
	return sh
}

func hasField(t *duckType, name string) bool {
	for _, f := range t.fields {
		if f.name == name {
			return true
		}
	}
	return false
}

// memberType says whether values of a field can become the attribute's.
func (c *compiler) memberType(p *projection, o *output, m *member, at int, path string) bool {
	a, t := m.attr, m.typ
	bad := func(hint, why string) bool {
		c.report.At(p.file, at, diag.Error, diag.Type, hint, "%s: %s", join(path, m.name), why)
		return false
	}
	if a.IsArray {
		if t.family() != famList {
			return bad("wrap it: [value]", "it is an array, the value is one "+t.text)
		}
		t = t.elem
	}
	if a.Base == ocsf.Struct && !a.IsMap {
		of := &c.schema.Object(a.Object).Fields
		if t.family() != famStruct {
			return bad("write {'"+firstAttribute(of)+"': value}", fmt.Sprintf("it is an object (%s), the value is one %s", a.Object, t.text))
		}
		m.sub = c.shapeOf(p, o, of, t, join(path, m.name))
		return true
	}
	if cast := castTo(a, t, "x"); cast.why != "" {
		return bad("cast it, or choose another attribute", cast.why)
	}
	if v, ok := onlyLiteral(o.orig, m.name); ok && v != nil && !a.IsArray {
		if _, why := constantOf(a, v); why != "" {
			return bad("", why)
		}
	}
	return true
}

// onlyLiteral gives the literal that a field of this name has where an expression makes objects, if it does so in one place.
func onlyLiteral(e any, name string) (v any, ok bool) {
	n := 0
	walk(e, func(x node) bool {
		if isCall(x, "struct_pack") {
			for _, f := range list(x, "children") {
				if f, _ := f.(node); str(f, "alias") == name {
					n++
					v, ok = literal(f)
				}
			}
		}
		return true
	})
	return v, ok && n == 1
}

// requireMembers adds the required enums that are 0 Unknown where nothing fills them, and tells what else is missing.
func (c *compiler) requireMembers(p *projection, o *output, sh *shape, path string) {
	for _, a := range sh.of.Attributes {
		if a.Requirement != ocsf.Required || !a.In(p.profiles) || sh.get(a.Name) != nil {
			continue
		}
		at := join(path, a.Name)
		w, left := p.without[at]
		switch {
		case left:
			c.report.At(p.file, w, diag.Warning, diag.MissingRequired, "", "OCSF %s requires %s, which is left out: the events are not valid OCSF", c.schema.Version, at)
		case hasUnknown(a):
			m := &member{name: a.Name, attr: a}
			sh.members = append(sh.members, m)
			if s := sh.of.Attribute(a.Sibling); s != nil && s.Base == ocsf.String && s.In(p.profiles) && sh.get(s.Name) == nil {
				sh.members = append(sh.members, &member{name: s.Name, attr: s, caption: m})
			}
		default:
			c.report.At(p.file, o.nameAt, diag.Error, diag.MissingRequired, "add '"+a.Name+"' to the object", "OCSF %s requires %s, and nothing fills it", c.schema.Version, at)
		}
	}
	for _, rule := range [][]string{sh.of.AtLeastOne, sh.of.JustOne} {
		if len(rule) == 0 || len(sh.among(rule)) > 0 {
			continue
		}
		if w, ok := p.without[path]; ok {
			c.report.At(p.file, w, diag.Warning, diag.MissingRequired, "", "OCSF %s wants one of %s in %s, which are left out: the events are not valid OCSF", c.schema.Version, strings.Join(rule, ", "), path)
			continue
		}
		c.report.At(p.file, o.nameAt, diag.Error, diag.MissingRequired, "fill one of "+strings.Join(rule, ", "), "%s must have at least one of its main attributes, and nothing fills one", path)
	}
}

func (sh *shape) get(name string) *member {
	for _, m := range sh.members {
		if m.name == name {
			return m
		}
	}
	return nil
}

func (sh *shape) among(names []string) (all []*member) {
	for _, n := range names {
		if m := sh.get(n); m != nil {
			all = append(all, m)
		}
	}
	return all
}

func (sh *shape) elemType() *elemType {
	t := &elemType{}
	for _, m := range sh.members {
		x := &elemType{name: m.name, attr: m.attr}
		if m.sub != nil {
			x = m.sub.elemType()
			x.name, x.list = m.name, m.attr.IsArray
		}
		t.fields = append(t.fields, x)
	}
	return t
}

// read is the first step over an object x; d numbers the lambdas.
func (sh *shape) read(x string, d int) string {
	var parts []string
	add := func(name, sql string) { parts = append(parts, ident(name)+" := "+sql) }
	var names []string
	for _, m := range sh.members {
		if m.typ == nil {
			continue
		}
		names = append(names, text(m.name))
		sh.readMember(m, x, d, add)
	}
	if sh.json {
		other := "json_type(" + x + ") NOT IN ('OBJECT', 'NULL')"
		keys := "len(list_filter(json_keys(" + x + "), lambda k: k NOT IN (" + strings.Join(names, ", ") + "))) > 0"
		if len(names) == 0 {
			keys = "len(json_keys(" + x + ")) > 0"
		}
		add("?", "coalesce("+other+" OR "+keys+", FALSE)")
	}
	return "struct_pack(" + strings.Join(parts, ", ") + ")"
}

func (sh *shape) readMember(m *member, x string, d int, add func(name, sql string)) {
	v := "struct_extract(" + x + ", " + text(m.name) + ")"
	there := v + " IS NOT NULL"
	if sh.json {
		v = "json_extract(" + x + ", " + text(`$."`+m.name+`"`) + ")"
		there = "coalesce(json_type(" + v + ") <> 'NULL', FALSE)"
	}
	each := fmt.Sprintf("e%d", d)
	switch {
	case m.sub != nil && !m.attr.IsArray:
		add(m.name, m.sub.read(v, d))
		return
	case m.sub != nil:
		if sh.json {
			add(m.name+"?", there+" AND TRY_CAST("+v+" AS JSON[]) IS NULL")
			v = "TRY_CAST(" + v + " AS JSON[])"
		}
		add(m.name, "list_transform("+v+", lambda "+each+": "+m.sub.read(each, d+1)+")")
		return
	case m.attr.IsArray:
		sql, fallible := m.cast(each, sh.json, m.typ.elem)
		if sh.json {
			v = "TRY_CAST(" + v + " AS JSON[])"
			add(m.name+"?", "CASE WHEN "+there+" THEN coalesce(len(list_filter("+v+", lambda k: json_type(k) <> 'NULL')), 1) ELSE 0 END")
		} else if fallible {
			add(m.name+"?", "coalesce(len(list_filter("+v+", lambda k: k IS NOT NULL)), 0)")
		}
		if sql != each {
			v = "list_transform(" + v + ", lambda " + each + ": " + sql + ")"
		}
		add(m.name, v)
		return
	}
	sql, fallible := m.cast(v, sh.json, m.typ)
	add(m.name, sql)
	if m.noted(fallible, sh.json) {
		add(m.name+"?", there)
	}
}

// noted says whether the first step notes that a scalar was there.
func (m *member) noted(fallible, json bool) bool { return fallible || json || len(m.attr.Enum) > 0 }

// cast gives the OCSF value of a scalar x of type t; of JSON, t is what raw.sql declares.
func (m *member) cast(x string, json bool, t *duckType) (sql string, fallible bool) {
	if json && m.attr.Base != ocsf.JSON && !m.attr.IsMap {
		x = "(" + x + " ->> '$')"
		if fam := t.family(); (fam == famInt || fam == famBig) && isTime(m.attr) {
			x = "CASE WHEN " + wholeNumber(famText, x) + " THEN TRY_CAST(" + x + " AS BIGINT) END"
			t = &duckType{id: "BIGINT", text: "BIGINT"}
		} else {
			t = &duckType{id: "VARCHAR", text: "VARCHAR"}
		}
	} else if json {
		t = &duckType{id: "JSON", text: "JSON"}
	}
	cast := castTo(m.attr, t, x)
	if t.family() == famTime && !cast.fallible {
		return "TRY(" + cast.sql + ")", true // a computed timestamp may be infinite
	}
	return cast.sql, cast.fallible
}

// field of an object e that the first step has read.
func fieldOf(e, name string) string { return "struct_extract(" + e + ", " + text(name) + ")" }

// value is what an object has for m in the end.
func (sh *shape) value(m *member, e string, d int) string {
	a, v := m.attr, fieldOf(e, m.name)
	switch {
	case m.caption != nil:
		return captionSQL("("+sh.value(m.caption, e, d)+")", m.caption.attr)
	case m.typ == nil:
		return "CAST(0 AS " + duckName(a.Base) + ")"
	case m.sub != nil && a.IsArray:
		return m.sub.list(v, d)
	case m.sub != nil:
		return "CASE WHEN " + m.sub.kept(v, d) + " THEN " + m.sub.object(v, d) + " END"
	case a.IsArray || len(a.Enum) == 0:
		return v
	}
	sql := "CASE WHEN " + v + " IN (" + enumList(a) + ") THEN " + v
	if _, has := a.EnumText(other); has {
		sql += fmt.Sprintf(" WHEN %s THEN %d", fieldOf(e, m.name+"?"), other)
	}
	sql += " END"
	if a.Requirement == ocsf.Required && hasUnknown(a) {
		sql = "coalesce(" + sql + ", 0)"
	}
	return sql
}

func (sh *shape) object(e string, d int) string {
	var parts []string
	for _, m := range sh.members {
		parts = append(parts, ident(m.name)+" := "+sh.value(m, e, d))
	}
	return "struct_pack(" + strings.Join(parts, ", ") + ")"
}

// list is the second step over a list: NULL where no object is left.
func (sh *shape) list(l string, d int) string {
	e := fmt.Sprintf("e%d", d)
	return fmt.Sprintf("nullif(list_transform(list_filter(%s, lambda %s: %s), lambda %s: %s), [])", l, e, sh.kept(e, d+1), e, sh.object(e, d+1))
}

// has is the condition that something of an object was read, valid or not in its place.
func (sh *shape) has(e string) string {
	var any []string
	for _, m := range sh.members {
		v := fieldOf(e, m.name)
		switch {
		case m.typ == nil:
		case m.sub != nil && !m.attr.IsArray:
			any = append(any, m.sub.has(v))
		default:
			any = append(any, v+" IS NOT NULL")
		}
	}
	if len(any) == 0 {
		return "FALSE"
	}
	return "(" + strings.Join(any, " OR ") + ")"
}

// there is the condition that an object has m in the end.
func (sh *shape) there(m *member, e string, d int) string {
	v := fieldOf(e, m.name)
	switch {
	case m.typ == nil:
		return "TRUE"
	case m.sub != nil && m.attr.IsArray:
		x := fmt.Sprintf("e%d", d)
		return "coalesce(len(list_filter(" + v + ", lambda " + x + ": " + m.sub.kept(x, d+1) + ")) > 0, FALSE)"
	case m.sub != nil:
		return m.sub.kept(v, d)
	}
	return "(" + sh.value(m, e, d) + ") IS NOT NULL"
}

// kept is the condition that an object is there and has all that OCSF requires.
func (sh *shape) kept(e string, d int) string {
	return "(" + strings.Join(append([]string{sh.has(e)}, sh.needs(e, d)...), " AND ") + ")"
}

func (sh *shape) needs(e string, d int) (all []string) {
	for _, m := range sh.members {
		if m.attr.Requirement == ocsf.Required && m.typ != nil && m.caption == nil && !hasUnknown(m.attr) {
			all = append(all, sh.there(m, e, d))
		}
	}
	for i, rule := range [][]string{sh.of.AtLeastOne, sh.of.JustOne} {
		var conds []string
		for _, m := range sh.among(rule) {
			if m.caption != nil {
				m = m.caption
			}
			conds = append(conds, sh.there(m, e, d))
		}
		switch {
		case len(conds) == 0:
		case i == 0:
			all = append(all, "("+strings.Join(conds, " OR ")+")")
		default:
			all = append(all, "CAST("+strings.Join(conds, " AS INTEGER) + CAST(")+" AS INTEGER) = 1")
		}
	}
	return all
}

// lost is the condition that something of an object does not make it into the event.
func (sh *shape) lost(e string, d int) string {
	var any []string
	for _, m := range sh.members {
		if m.typ == nil {
			continue
		}
		v, was := fieldOf(e, m.name), fieldOf(e, m.name+"?")
		_, fallible := m.cast("x", sh.json, elementType(m))
		switch {
		case m.sub != nil && m.attr.IsArray:
			any = append(any, m.sub.anyLost(v, d))
			if sh.json {
				any = append(any, was)
			}
		case m.sub != nil:
			any = append(any, m.sub.lostWhole(v, d))
		case m.attr.IsArray && (fallible || sh.json):
			any = append(any, was+" > coalesce(len(list_filter("+v+", lambda k: k IS NOT NULL)), 0)")
		case m.attr.IsArray:
		case len(m.attr.Enum) > 0:
			any = append(any, was+" AND coalesce("+v+" NOT IN ("+enumList(m.attr)+"), TRUE)")
		case m.noted(fallible, sh.json):
			any = append(any, was+" AND "+v+" IS NULL")
		}
	}
	if sh.json {
		any = append(any, fieldOf(e, "?"))
	}
	if len(any) == 0 {
		return "FALSE"
	}
	return "(" + strings.Join(any, " OR ") + ")"
}

func elementType(m *member) *duckType {
	if m.attr.IsArray && m.typ.elem != nil {
		return m.typ.elem
	}
	return m.typ
}

// lostWhole is lost, and also where the object itself is left out.
func (sh *shape) lostWhole(e string, d int) string {
	cond := sh.lost(e, d)
	if needs := sh.needs(e, d); len(needs) > 0 {
		cond = "(" + cond + " OR " + sh.has(e) + " AND NOT (" + strings.Join(needs, " AND ") + "))"
	}
	return cond
}

// anyLost is the condition that something of a list does not make it into the event.
func (sh *shape) anyLost(l string, d int) string {
	e := fmt.Sprintf("e%d", d)
	return "coalesce(len(list_filter(" + l + ", lambda " + e + ": " + sh.lostWhole(e, d+1) + ")) > 0, FALSE)"
}
