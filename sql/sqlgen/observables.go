package sqlgen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/sql/cast"
	"github.com/silt-etl/silt/sql/objects"
	"github.com/silt-etl/silt/sql/projection"
	"github.com/silt-etl/silt/sql/syntax"
)

// MaxObservables is how many observables an event has at most. The number of others is in unmapped, as observables_omitted.
const MaxObservables = 64

const omittedKey = "observables_omitted"

// observer writes the SQL of the event's observables (`-- observables: auto`): the values of attributes that have a number in OCSF's
// list of observables, and the objects that have one. They are in the order of the attributes: single values, then those of lists in
// the order of their texts, then objects. No two are the same.
type observer struct {
	s       *sqlProjection
	schema  *ocsf.Schema
	single  []string // observables, NULL where the event does not have the value
	lists   []string // lists of observables
	objects []string
}

// fills gives what the compiler adds because headers ask for it.
func (c *emitter) fills() (all []string) {
	observables, timestamps := false, false
	for _, p := range c.Projections {
		observables = observables || p.Head.Observables
		timestamps = timestamps || slices.Contains(p.Profiles, "datetime")
	}
	if observables {
		all = append(all, "observables")
	}
	if timestamps {
		all = append(all, "timestamps")
	}
	return all
}

// observe adds the columns, if the mapping asks for them.
func (b *observer) observe(root *projection.Field) {
	if f := root.Get("observables"); f == nil || !f.Observables {
		return
	}
	b.s.l.seal()
	b.group(root)
	found := "list_filter([" + strings.Join(append(b.single, b.objects...), ", ") + "], lambda o: o IS NOT NULL)"
	if len(b.lists) > 0 {
		parts := []string{"list_filter([" + strings.Join(b.single, ", ") + "], lambda o: o IS NOT NULL)"}
		for _, l := range b.lists {
			parts = append(parts, "coalesce("+l+", [])")
		}
		parts = append(parts, "list_filter(["+strings.Join(b.objects, ", ")+"], lambda o: o IS NOT NULL)")
		found = "flatten([" + strings.Join(parts, ", ") + "])"
	}
	typ := observableType(b.schema).SqlType() + "[]"
	all := b.s.l.add("o", "CAST("+found+" AS "+typ+")")
	b.s.l.seal()
	b.s.observables = fmt.Sprintf("nullif(%s[1:%d], [])", all, MaxObservables)
	b.s.omitted = fmt.Sprintf("CASE WHEN len(%s) > %d THEN CAST(len(%s) - %d AS VARCHAR) END", all, MaxObservables, all, MaxObservables)
}

// observableType is what a list of observables has.
func observableType(schema *ocsf.Schema) *objects.ElemType {
	t := &objects.ElemType{}
	for _, name := range []string{"name", "type", "type_id", "value"} {
		t.Fields = append(t.Fields, &objects.ElemType{Name: name, Attr: schema.Object("observable").Attribute(name)})
	}
	return t
}

// group takes what the class or an object has.
func (b *observer) group(f *projection.Field) {
	for _, x := range f.Children {
		id, text, ok := b.schema.ObservableType(f.Fields, x.Attribute)
		switch {
		case x.Observables || x.Lookup != nil && !x.IsGroup():
		case x.IsGroup():
			if ok {
				b.objects = append(b.objects, when(b.s.presence(x), observable(x.Path, id, text, "")))
			}
			b.group(x)
		case x.Elems != nil:
			list, t := b.s.listed(x)
			b.list(list, &b.schema.Object(x.Attribute.Object).Fields, t, x.Path, id, text)
		case x.Shape != nil:
			b.list(b.s.of(x).sql, &b.schema.Object(x.Attribute.Object).Fields, x.Shape.ElemType(), x.Path, id, text)
		case !ok:
		case x.IsConst && x.Attribute.IsArray:
			b.values(cast.ConstantSQL(x.Constant, "VARCHAR[]"), x.Path, id, text)
		case x.IsConst:
			present := ""
			if f.Parent != nil {
				present = b.s.presence(f)
			}
			b.single = append(b.single, when(present, observable(x.Path, id, text, syntax.Quote(fmt.Sprint(x.Constant)))))
		case x.Attribute.IsArray:
			b.values(b.s.of(x).sql, x.Path, id, text)
		default:
			value := asText(x.Attribute, b.s.published(x))
			b.single = append(b.single, when(value+" <> ''", observable(x.Path, id, text, value)))
		}
	}
}

// list takes what the objects of a list have. id is of the objects themselves, 0 if they are not observables.
func (b *observer) list(list string, of *ocsf.Fields, t *objects.ElemType, path string, id int64, text string) {
	list = b.s.l.add("o", list)
	b.s.l.seal()
	if id != 0 {
		b.objects = append(b.objects, when("len("+list+") > 0", observable(path, id, text, "")))
	}
	for _, field := range t.Fields {
		a := of.Attribute(field.Name)
		at := path + "." + field.Name
		id, text, ok := b.schema.ObservableType(of, a)
		member := objects.FieldOf("e", field.Name)
		each := "list_transform(" + list + ", lambda e: " + member + ")"
		switch {
		case field.Attr == nil && field.List, field.Attr != nil && field.Attr.IsArray && ok:
			each = "flatten(list_transform(" + list + ", lambda e: coalesce(" + member + ", [])))"
		case field.Attr == nil:
			each = "list_filter(" + each + ", lambda e: e IS NOT NULL)"
		}
		switch {
		case field.Attr == nil:
			b.list(each, &b.schema.Object(a.Object).Fields, field, at, id, text)
		case ok:
			b.values(each, at, id, text)
		}
	}
}

// values takes a list of single values.
func (b *observer) values(list, path string, id int64, text string) {
	texts := "list_sort(list_distinct(list_filter(CAST(" + list + " AS VARCHAR[]), lambda v: v <> '')))"
	b.lists = append(b.lists, "list_transform("+texts+", lambda v: "+observable(path, id, text, "v")+")")
}

func asText(a *ocsf.Attribute, sql string) string {
	if a.Base == ocsf.String {
		return sql
	}
	return "CAST(" + sql + " AS VARCHAR)"
}

// observable is an observable; value "": it is an object, which has no value.
func observable(path string, id int64, text, value string) string {
	if value == "" {
		value = "CAST(NULL AS VARCHAR)"
	}
	return fmt.Sprintf(`struct_pack("name" := %s, "type" := %s, type_id := %d, "value" := %s)`, syntax.Quote(path), syntax.Quote(text), id, value)
}

func when(condition, sql string) string {
	if condition == "" {
		return sql
	}
	return "CASE WHEN " + condition + " THEN " + sql + " END"
}
