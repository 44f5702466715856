package compare

import (
	"cmp"
	"slices"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// The kinds of a Column's change.
const (
	ColumnAdded   = "added"
	ColumnRemoved = "removed"
	ColumnType    = "type"
)

// Column of a class that the files of only one of the mappings have, or that they have with different types. A table keeps its
// columns, so a removed one is NULL in new rows.
type Column struct {
	Class  string `json:"class"`
	Path   string `json:"column,omitempty"` // a dotted OCSF path; "": the class as a whole
	Change string `json:"change"`
	Before string `json:"before,omitempty"` // type in the catalog
	After  string `json:"after,omitempty"`
}

// columns compares the columns of the files that two mappings write. No records are needed for it.
func columns(before, after *sqlgen.Compiled) ([]Column, error) {
	old, err := classColumns(before)
	if err != nil {
		return nil, err
	}
	now, err := classColumns(after)
	if err != nil {
		return nil, err
	}
	all := []Column{}
	for class, b := range old {
		a, both := now[class]
		if !both {
			all = append(all, Column{Class: class, Change: ColumnRemoved})
			continue
		}
		for path, typ := range b {
			switch to, both := a[path]; {
			case !both:
				all = append(all, Column{Class: class, Path: path, Change: ColumnRemoved, Before: typ})
			case to != typ:
				all = append(all, Column{Class: class, Path: path, Change: ColumnType, Before: typ, After: to})
			}
		}
		for path, typ := range a {
			if _, both := b[path]; !both {
				all = append(all, Column{Class: class, Path: path, Change: ColumnAdded, After: typ})
			}
		}
	}
	for class := range now {
		if _, both := old[class]; !both {
			all = append(all, Column{Class: class, Change: ColumnAdded})
		}
	}
	slices.SortFunc(all, func(a, b Column) int { return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.Path, b.Path)) })
	return all, nil
}

// classColumns gives the type of each leaf, by class and by path.
func classColumns(compiled *sqlgen.Compiled) (map[string]map[string]string, error) {
	all := map[string]map[string]string{}
	for i := range compiled.Projections {
		p := &compiled.Projections[i]
		leaves := map[string]string{}
		for _, c := range lake.Columns(&p.Schema) {
			typ, err := catalog.ParseType(c.Type)
			if err != nil {
				return nil, err
			}
			addLeaves(leaves, c.Name, typ)
		}
		all[p.Class] = leaves
	}
	return all, nil
}

func addLeaves(leaves map[string]string, path string, typ catalog.Type) {
	inner := typ
	if typ.Kind == catalog.Array && typ.Elem.Kind == catalog.Struct {
		inner = *typ.Elem
	}
	if inner.Kind != catalog.Struct {
		leaves[path] = typ.String()
		return
	}
	for _, f := range inner.Fields {
		addLeaves(leaves, path+"."+f.Name, f.Type)
	}
}
