package catalog

import (
	"fmt"
	"strings"
)

// Merge grows have by what want has more: new columns after the last one, new struct fields after the last one of their
// struct, at any depth. It never reorders, never removes and never retypes; a different type is a *TypeError (ErrType) and
// nothing is merged. What have holds already stays byte for byte; what is new is written in lower case, as Glue's crawler
// and Athena do. Names are compared without case. changed says whether merged differs from have.
//
// Merge(nil, want) is what a new table gets.
func Merge(have, want []Column) (merged []Column, changed bool, err error) {
	merged = append(make([]Column, 0, len(have)+len(want)), have...)
	index := make(map[string]int, len(merged))
	for i, c := range have {
		index[strings.ToLower(c.Name)] = i
	}
	seen := make(map[string]bool, len(want))
	for _, c := range want {
		name := strings.ToLower(c.Name)
		if name == "" {
			return nil, false, fmt.Errorf("%w: a column has no name", ErrInvalid)
		}
		if seen[name] {
			return nil, false, fmt.Errorf("%w: column %q exists twice (case does not count)", ErrInvalid, c.Name)
		}
		seen[name] = true
		at, there := index[name]
		if there && merged[at].Type == c.Type {
			continue
		}
		wanted, err := ParseType(c.Type)
		if err != nil {
			return nil, false, fmt.Errorf("column %q: %w", c.Name, err)
		}
		if wanted, err = lower(wanted, name); err != nil {
			return nil, false, err
		}
		if !there {
			index[name] = len(merged)
			merged = append(merged, Column{Name: name, Type: wanted.String()})
			changed = true
			continue
		}
		// A type in the catalog that cannot be read was written by another program; it differs, so it is a change of type.
		had, err := ParseType(merged[at].Type)
		if err != nil {
			return nil, false, &TypeError{Path: name, Have: merged[at].Type, Want: c.Type}
		}
		grown, err := grow(&had, wanted, name)
		if err != nil {
			return nil, false, err
		}
		if grown {
			merged[at].Type = had.String()
			changed = true
		}
	}
	return merged, changed, nil
}

// grow adds to have the struct fields of want that it lacks.
func grow(have *Type, want Type, path string) (bool, error) {
	if have.Kind != want.Kind || have.Kind == Primitive && have.Name != want.Name {
		return false, &TypeError{Path: path, Have: have.String(), Want: want.String()}
	}
	switch have.Kind {
	case Array:
		return grow(have.Elem, *want.Elem, path+"[]")
	case Map:
		if _, err := grow(have.Key, *want.Key, path+"{key}"); err != nil {
			return false, err
		}
		return grow(have.Elem, *want.Elem, path+"{}")
	case Struct:
		index := make(map[string]int, len(have.Fields))
		for i, f := range have.Fields {
			index[strings.ToLower(f.Name)] = i
		}
		grown := false
		for _, f := range want.Fields {
			at, there := index[f.Name]
			if !there {
				have.Fields = append(have.Fields, f)
				grown = true
				continue
			}
			deeper, err := grow(&have.Fields[at].Type, f.Type, path+"."+f.Name)
			if err != nil {
				return false, err
			}
			grown = grown || deeper
		}
		return grown, nil
	}
	return false, nil
}

// lower writes all struct fields in lower case and refuses two that differ by case only: no reader could distinguish them.
func lower(t Type, path string) (Type, error) {
	var err error
	switch t.Kind {
	case Array, Map:
		elem, failed := lower(*t.Elem, path)
		t.Elem, err = &elem, failed
	case Struct:
		seen := make(map[string]bool, len(t.Fields))
		fields := make([]Field, len(t.Fields))
		for i, f := range t.Fields {
			name := strings.ToLower(f.Name)
			if seen[name] {
				return Type{}, fmt.Errorf("%w: field %s.%s exists twice (case does not count)", ErrInvalid, path, f.Name)
			}
			seen[name] = true
			inner, err := lower(f.Type, path+"."+name)
			if err != nil {
				return Type{}, err
			}
			fields[i] = Field{Name: name, Type: inner}
		}
		t.Fields = fields
	}
	return t, err
}

// SameColumns reports whether a partition has the columns of its table, as InheritFromTable leaves it: same names, types and
// order.
func SameColumns(partition, table []Column) bool {
	if len(partition) != len(table) {
		return false
	}
	for i, c := range table {
		if partition[i] != c {
			return false
		}
	}
	return true
}
