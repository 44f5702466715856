// Package objects writes the SQL of lists of objects that an expression computes: which attributes their objects have, what OCSF
// requires of each, and what is lost where an object lacks it. Lists that a SELECT writes out element by element are not its work:
// those are columns (package sqlgen).
package objects

import (
	"fmt"
	"strings"

	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/sql/cast"
	"github.com/silt-etl/silt/sql/ducktype"
	"github.com/silt-etl/silt/sql/syntax"
)

// Shape is what the objects of a computed list are in OCSF: which attributes they have, how each is made of the value's
// fields, and what an object must have to be kept. The SQL goes over a list in two steps. The first reads: it casts every
// field to OCSF's type, and notes for those that may be lost on the way (as "name?") whether there was a value. The second
// keeps the objects that have all that OCSF requires and fills in what it derives. All of it stays in the list's column.
type Shape struct {
	Fields  *ocsf.Fields
	Json    bool // the objects are JSON, with fields of whatever type
	Members []*Member
}

// Member is an attribute of a shape.
type Member struct {
	Name      string
	Attribute *ocsf.Attribute
	Type      *ducktype.Type // of the value; nil where the compiler adds the attribute
	Object    *Shape         // of an object, or of the objects of an array
	Caption   *Member        // the number whose text this is, or of a DateTime the attribute that has the same time
	Number    *Member        // of a text that the value has: the number whose text it is where it is NULL
}

func (sh *Shape) Get(name string) *Member {
	for _, m := range sh.Members {
		if m.Name == name {
			return m
		}
	}
	return nil
}

func (sh *Shape) Among(names []string) (all []*Member) {
	for _, n := range names {
		if m := sh.Get(n); m != nil {
			all = append(all, m)
		}
	}
	return all
}

func (sh *Shape) ElemType() *ElemType {
	t := &ElemType{}
	for _, m := range sh.Members {
		x := &ElemType{Name: m.Name, Attr: m.Attribute}
		if m.Object != nil {
			x = m.Object.ElemType()
			x.Name, x.List = m.Name, m.Attribute.IsArray
		}
		t.Fields = append(t.Fields, x)
	}
	return t
}

// Read is the first step over an object x; d numbers the lambdas.
func (sh *Shape) Read(x string, d int) string {
	var parts []string
	add := func(name, sql string) { parts = append(parts, syntax.Ident(name)+" := "+sql) }
	var names []string
	for _, m := range sh.Members {
		if m.Type == nil {
			continue
		}
		names = append(names, syntax.Quote(m.Name))
		sh.readMember(m, x, d, add)
	}
	if sh.Json {
		other := "json_type(" + x + ") NOT IN ('OBJECT', 'NULL')"
		keys := "len(list_filter(json_keys(" + x + "), lambda k: k NOT IN (" + strings.Join(names, ", ") + "))) > 0"
		if len(names) == 0 {
			keys = "len(json_keys(" + x + ")) > 0"
		}
		twice := "len(list_distinct(json_keys(" + x + "))) < len(json_keys(" + x + "))"
		add("?", "coalesce("+other+" OR "+keys+" OR "+twice+", FALSE)")
	}
	return "struct_pack(" + strings.Join(parts, ", ") + ")"
}

func (sh *Shape) readMember(m *Member, x string, d int, add func(name, sql string)) {
	v := "struct_extract(" + x + ", " + syntax.Quote(m.Name) + ")"
	there := v + " IS NOT NULL"
	if sh.Json {
		v = "json_extract(" + x + ", " + syntax.Quote(`$."`+m.Name+`"`) + ")"
		there = "coalesce(json_type(" + v + ") <> 'NULL', FALSE)"
	}
	each := fmt.Sprintf("e%d", d)
	switch {
	case m.Object != nil && !m.Attribute.IsArray:
		add(m.Name, m.Object.Read(v, d))
		return
	case m.Object != nil:
		if sh.Json {
			add(m.Name+"?", there+" AND TRY_CAST("+v+" AS JSON[]) IS NULL")
			v = "TRY_CAST(" + v + " AS JSON[])"
		}
		add(m.Name, "list_transform("+v+", lambda "+each+": "+m.Object.Read(each, d+1)+")")
		return
	case m.Attribute.IsArray:
		sql, fallible := m.cast(each, sh.Json, m.Type.Elem)
		if sh.Json {
			v = "TRY_CAST(" + v + " AS JSON[])"
			add(m.Name+"?", "CASE WHEN "+there+" THEN coalesce(len(list_filter("+v+", lambda k: json_type(k) <> 'NULL')), 1) ELSE 0 END")
		} else if fallible {
			add(m.Name+"?", "coalesce(len(list_filter("+v+", lambda k: k IS NOT NULL)), 0)")
		}
		if sql != each {
			v = "list_transform(" + v + ", lambda " + each + ": " + sql + ")"
		}
		add(m.Name, v)
		return
	}
	sql, fallible := m.cast(v, sh.Json, m.Type)
	add(m.Name, sql)
	if m.noted(fallible, sh.Json) {
		add(m.Name+"?", there)
	}
}

// noted says whether the first step notes that a scalar was there.
func (m *Member) noted(fallible, json bool) bool {
	return fallible || json || len(m.Attribute.Enum) > 0
}

// cast gives the OCSF value of a scalar x of type t; of JSON, t is what raw.sql declares.
func (m *Member) cast(x string, json bool, t *ducktype.Type) (sql string, fallible bool) {
	if json && m.Attribute.Base != ocsf.JSON && !m.Attribute.IsMap {
		x = "(" + x + " ->> '$')"
		if fam := t.Family(); (fam == ducktype.Int || fam == ducktype.BigInt) && cast.IsTime(m.Attribute) {
			x = "CASE WHEN " + cast.WholeNumber(ducktype.Text, x) + " THEN TRY_CAST(" + x + " AS BIGINT) END"
			t = &ducktype.Type{ID: "BIGINT", Text: "BIGINT"}
		} else {
			t = &ducktype.Type{ID: "VARCHAR", Text: "VARCHAR"}
		}
	} else if json {
		t = &ducktype.Type{ID: "JSON", Text: "JSON"}
	}
	to := cast.To(m.Attribute, t, x)
	if t.Family() == ducktype.Time && !to.Fallible {
		return "TRY(" + to.SQL + ")", true // a computed timestamp may be infinite
	}
	return to.SQL, to.Fallible
}

// field of an object e that the first step has read.
func FieldOf(e, name string) string { return "struct_extract(" + e + ", " + syntax.Quote(name) + ")" }

// value is what an object has for m in the end.
func (sh *Shape) value(m *Member, e string, d int) string {
	a, v := m.Attribute, FieldOf(e, m.Name)
	switch {
	case m.Caption != nil && a.Base == ocsf.DateTime:
		return sh.value(m.Caption, e, d)
	case m.Caption != nil:
		return cast.Caption("("+sh.value(m.Caption, e, d)+")", m.Caption.Attribute)
	case m.Type == nil:
		return "CAST(0 AS " + cast.TypeName(a.Base) + ")"
	case m.Object != nil && a.IsArray:
		return m.Object.List(v, d)
	case m.Object != nil:
		return "CASE WHEN " + m.Object.kept(v, d) + " THEN " + m.Object.object(v, d) + " END"
	case a.IsArray: // of single values
		return "nullif(list_filter(" + v + ", lambda k: k IS NOT NULL), [])"
	case m.Number != nil:
		return "coalesce(" + v + ", " + cast.Caption("("+sh.value(m.Number, e, d)+")", m.Number.Attribute) + ")"
	case len(a.Enum) == 0:
		return v
	}
	sql := "CASE WHEN " + v + " IN (" + cast.EnumList(a) + ") THEN " + v
	if _, has := a.EnumText(cast.Other); has {
		sql += fmt.Sprintf(" WHEN %s THEN %d", FieldOf(e, m.Name+"?"), cast.Other)
	}
	sql += " END"
	if a.Requirement == ocsf.Required && cast.HasUnknown(a) {
		sql = "coalesce(" + sql + ", 0)"
	}
	return sql
}

func (sh *Shape) object(e string, d int) string {
	var parts []string
	for _, m := range sh.Members {
		parts = append(parts, syntax.Ident(m.Name)+" := "+sh.value(m, e, d))
	}
	return "struct_pack(" + strings.Join(parts, ", ") + ")"
}

// List is the second step over a list: NULL where no object is left.
func (sh *Shape) List(l string, d int) string {
	e := fmt.Sprintf("e%d", d)
	return fmt.Sprintf("nullif(list_transform(list_filter(%s, lambda %s: %s), lambda %s: %s), [])", l, e, sh.kept(e, d+1), e, sh.object(e, d+1))
}

// has is the condition that something of an object was read, valid or not in its place.
func (sh *Shape) has(e string) string {
	var any []string
	for _, m := range sh.Members {
		v := FieldOf(e, m.Name)
		switch {
		case m.Type == nil:
		case m.Object != nil && !m.Attribute.IsArray:
			any = append(any, m.Object.has(v))
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
func (sh *Shape) there(m *Member, e string, d int) string {
	v := FieldOf(e, m.Name)
	switch {
	case m.Type == nil:
		return "TRUE"
	case m.Object != nil && m.Attribute.IsArray:
		x := fmt.Sprintf("e%d", d)
		return "coalesce(len(list_filter(" + v + ", lambda " + x + ": " + m.Object.kept(x, d+1) + ")) > 0, FALSE)"
	case m.Object != nil:
		return m.Object.kept(v, d)
	}
	return "(" + sh.value(m, e, d) + ") IS NOT NULL"
}

// kept is the condition that an object is there and has all that OCSF requires.
func (sh *Shape) kept(e string, d int) string {
	return "(" + strings.Join(append([]string{sh.has(e)}, sh.needs(e, d)...), " AND ") + ")"
}

func (sh *Shape) needs(e string, d int) (all []string) {
	for _, m := range sh.Members {
		if m.Attribute.Requirement == ocsf.Required && m.Type != nil && m.Caption == nil && !cast.HasUnknown(m.Attribute) {
			all = append(all, sh.there(m, e, d))
		}
	}
	for i, rule := range [][]string{sh.Fields.AtLeastOne, sh.Fields.JustOne} {
		var conds []string
		for _, m := range sh.Among(rule) {
			if m.Caption != nil {
				m = m.Caption
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
func (sh *Shape) lost(e string, d int) string {
	var any []string
	for _, m := range sh.Members {
		if m.Type == nil {
			continue
		}
		v, was := FieldOf(e, m.Name), FieldOf(e, m.Name+"?")
		_, fallible := m.cast("x", sh.Json, elementType(m))
		switch {
		case m.Object != nil && m.Attribute.IsArray:
			any = append(any, m.Object.AnyLost(v, d))
			if sh.Json {
				any = append(any, was)
			}
		case m.Object != nil:
			any = append(any, m.Object.lostWhole(v, d))
		case m.Attribute.IsArray && (fallible || sh.Json):
			any = append(any, was+" > coalesce(len(list_filter("+v+", lambda k: k IS NOT NULL)), 0)")
		case m.Attribute.IsArray:
		case len(m.Attribute.Enum) > 0:
			any = append(any, was+" AND coalesce("+v+" NOT IN ("+cast.EnumList(m.Attribute)+"), TRUE)")
		case m.noted(fallible, sh.Json):
			any = append(any, was+" AND "+v+" IS NULL")
		}
	}
	if sh.Json {
		any = append(any, FieldOf(e, "?"))
	}
	if len(any) == 0 {
		return "FALSE"
	}
	return "(" + strings.Join(any, " OR ") + ")"
}

func elementType(m *Member) *ducktype.Type {
	if m.Attribute.IsArray && m.Type.Elem != nil {
		return m.Type.Elem
	}
	return m.Type
}

// lostWhole is lost, and also where the object itself is left out.
func (sh *Shape) lostWhole(e string, d int) string {
	cond := sh.lost(e, d)
	if needs := sh.needs(e, d); len(needs) > 0 {
		cond = "(" + cond + " OR " + sh.has(e) + " AND NOT (" + strings.Join(needs, " AND ") + "))"
	}
	return cond
}

// AnyLost is the condition that something of a list does not make it into the event.
func (sh *Shape) AnyLost(l string, d int) string {
	e := fmt.Sprintf("e%d", d)
	return "coalesce(len(list_filter(" + l + ", lambda " + e + ": " + sh.lostWhole(e, d+1) + ")) > 0, FALSE)"
}
