package objects

import (
	"strings"

	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/sql/cast"
	"github.com/silt-etl/silt/sql/syntax"
)

// ElemType is a field of the objects in a list, or (without a name) such an object: what DuckDB and the file call its type.
// It has an attribute, or fields; list says that it is an array of objects with these fields.
type ElemType struct {
	Name   string
	Attr   *ocsf.Attribute
	Fields []*ElemType
	List   bool
}

func (t *ElemType) Get(name string) *ElemType {
	for _, x := range t.Fields {
		if x.Name == name {
			return x
		}
	}
	return nil
}

// Merge adds the fields of o.
func (t *ElemType) Merge(o *ElemType) {
	for _, x := range o.Fields {
		if have := t.Get(x.Name); have != nil {
			have.Merge(x)
		} else {
			t.Fields = append(t.Fields, x)
		}
	}
}

func (t *ElemType) SqlType() string {
	if t.Attr != nil {
		if t.Attr.IsArray {
			return cast.TypeName(t.Attr.Base) + "[]"
		}
		return cast.TypeName(t.Attr.Base)
	}
	var parts []string
	for _, x := range t.Fields {
		parts = append(parts, syntax.Ident(x.Name)+" "+x.SqlType())
	}
	s := "STRUCT(" + strings.Join(parts, ", ") + ")"
	if t.List {
		s += "[]"
	}
	return s
}

// Node is the file's schema of it, inside a list: its values are in the list's column.
func (t *ElemType) Node() *lake.Node {
	n := &lake.Node{Name: t.Name, Column: -1, Kind: lake.Group}
	if t.Attr != nil {
		n.Kind = cast.KindOf(t.Attr.Base)
		if t.Attr.IsArray {
			return ListNode(t.Name, &lake.Node{Kind: n.Kind, Column: -1})
		}
		return n
	}
	for _, x := range t.Fields {
		n.Children = append(n.Children, x.Node())
	}
	if t.List {
		return ListNode(t.Name, n)
	}
	return n
}

func ListNode(name string, elem *lake.Node) *lake.Node {
	elem.Name = "element"
	return &lake.Node{Name: name, Kind: lake.List, Column: -1, Children: []*lake.Node{elem}}
}
