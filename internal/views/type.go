package views

import (
	"fmt"
	"strings"
)

// Type is a type of a view's column in Trino's spelling: a name, or array(Elem).
type Type struct {
	Name string
	Elem *Type
}

// scalars are the types that a view can use, with their names in Hive (Glue) and DuckDB.
var scalars = map[string]struct{ hive, duckdb string }{
	"varchar":      {"string", "VARCHAR"},
	"bigint":       {"bigint", "BIGINT"},
	"integer":      {"int", "INTEGER"},
	"double":       {"double", "DOUBLE"},
	"boolean":      {"boolean", "BOOLEAN"},
	"timestamp(3)": {"timestamp", "TIMESTAMP"},
}

// ParseType reads a type in Trino's spelling.
func ParseType(text string) (Type, error) {
	if inner, ok := strings.CutPrefix(text, "array("); ok && strings.HasSuffix(inner, ")") {
		elem, err := ParseType(strings.TrimSuffix(inner, ")"))
		return Type{Name: "array", Elem: &elem}, err
	}
	if _, ok := scalars[text]; !ok {
		return Type{}, fmt.Errorf("%q is not a type that a view can use", text)
	}
	return Type{Name: text}, nil
}

// String is the type in Trino's spelling.
func (t Type) String() string {
	if t.Elem != nil {
		return "array(" + t.Elem.String() + ")"
	}
	return t.Name
}

// Hive is the type as Glue's columns name it.
func (t Type) Hive() string {
	if t.Elem != nil {
		return "array<" + t.Elem.Hive() + ">"
	}
	return scalars[t.Name].hive
}

// DuckDB is the type as DuckDB names it.
func (t Type) DuckDB() string {
	if t.Elem != nil {
		return t.Elem.DuckDB() + "[]"
	}
	return scalars[t.Name].duckdb
}
