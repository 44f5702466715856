package sqlgen

import (
	"strings"

	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ocsf"
)

// elemType is a field of the objects in a list, or (without a name) such an object: what DuckDB and the file call its type.
// It has an attribute, or fields; list says that it is an array of objects with these fields.
type elemType struct {
	name   string
	attr   *ocsf.Attribute
	fields []*elemType
	list   bool
}

func (t *elemType) get(name string) *elemType {
	for _, x := range t.fields {
		if x.name == name {
			return x
		}
	}
	return nil
}

// merge adds the fields of o.
func (t *elemType) merge(o *elemType) {
	for _, x := range o.fields {
		if have := t.get(x.name); have != nil {
			have.merge(x)
		} else {
			t.fields = append(t.fields, x)
		}
	}
}

func (t *elemType) sqlType() string {
	if t.attr != nil {
		if t.attr.IsArray {
			return duckName(t.attr.Base) + "[]"
		}
		return duckName(t.attr.Base)
	}
	var parts []string
	for _, x := range t.fields {
		parts = append(parts, ident(x.name)+" "+x.sqlType())
	}
	s := "STRUCT(" + strings.Join(parts, ", ") + ")"
	if t.list {
		s += "[]"
	}
	return s
}

// node is the file's schema of it, inside a list: its values lie in the list's column.
func (t *elemType) node() *lake.Node {
	n := &lake.Node{Name: t.name, Column: -1, Kind: lake.Group}
	if t.attr != nil {
		n.Kind = kindOf(t.attr.Base)
		if t.attr.IsArray {
			return listNode(t.name, &lake.Node{Kind: n.Kind, Column: -1})
		}
		return n
	}
	for _, x := range t.fields {
		n.Children = append(n.Children, x.node())
	}
	if t.list {
		return listNode(t.name, n)
	}
	return n
}

func listNode(name string, elem *lake.Node) *lake.Node {
	elem.Name = "element"
	return &lake.Node{Name: name, Kind: lake.List, Column: -1, Children: []*lake.Node{elem}}
}
