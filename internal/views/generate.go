package views

import (
	"errors"
	"fmt"
	"strings"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/ocsf"
)

// Dialect is the SQL of one engine.
type Dialect int

const (
	Athena Dialect = iota // and Trino
	DuckDB
)

// Table is a table that views can read, with the columns of its catalog.
type Table struct {
	Source   string // a column of every row
	Class    string // OCSF's name
	Database string
	Name     string
	Columns  []catalog.Column
}

// ErrNoTables means that no table has an event class that the view reads.
var ErrNoTables = errors.New("no table has events that the view reads")

// SQL is the complete text of a view over the tables that have one of its event classes. A class that no table has gives no rows. It is
// ErrNoTables if that is true of all classes.
func (v *View) SQL(d Dialect, tables []Table) (string, error) {
	var with []string
	found := false
	for _, in := range v.Inputs {
		uid, err := classUID(in.Class)
		if err != nil {
			return "", fmt.Errorf("view %s: %w", v.Name, err)
		}
		var selects []string
		for _, t := range tables {
			if t.Class != in.Class {
				continue
			}
			text, err := in.selectFrom(d, t, uid)
			if err != nil {
				return "", fmt.Errorf("view %s: %w", v.Name, err)
			}
			selects = append(selects, text)
		}
		found = found || len(selects) > 0
		if len(selects) == 0 {
			selects = []string{in.selectNothing(d)}
		}
		with = append(with, in.Class+" AS (\n"+strings.Join(selects, "\n  UNION ALL\n")+"\n)")
	}
	if !found {
		var classes []string
		for _, in := range v.Inputs {
			classes = append(classes, in.Class)
		}
		return "", fmt.Errorf("view %s: %w (%s). Try: etl run JOB, which creates the tables of a job", v.Name, ErrNoTables, strings.Join(classes, ", "))
	}
	body := v.body
	if rest, ok := strings.CutPrefix(body, "WITH"); ok {
		return "WITH " + strings.Join(with, ",\n") + "," + rest, nil
	}
	return "WITH " + strings.Join(with, ",\n") + "\n" + body, nil
}

// classUID is the same in every version of OCSF that has the class.
func classUID(class string) (int, error) {
	for _, version := range ocsf.Versions() {
		schema, err := ocsf.Load(version)
		if err != nil {
			return 0, err
		}
		if c := schema.Class(class); c != nil {
			return c.UID, nil
		}
	}
	return 0, fmt.Errorf("the event class %s is unknown", class)
}

// selectFrom reads the attributes of one table.
func (in *Input) selectFrom(d Dialect, t Table, classUID int) (string, error) {
	columns := []string{literal(t.Source) + " AS source"}
	for _, key := range partitionKeys {
		columns = append(columns, quote(key))
	}
	for _, a := range in.Attributes {
		expression, err := a.expression(d, t.Columns)
		if err != nil {
			return "", fmt.Errorf("table %s: %w", t.Name, err)
		}
		columns = append(columns, expression+" AS "+quote(a.As.Name))
	}
	return "  SELECT " + strings.Join(columns, ",\n    ") +
		fmt.Sprintf("\n  FROM %s.%s\n  WHERE class_uid = %d", quote(t.Database), quote(t.Name), classUID), nil
}

// selectNothing has the columns of the class and no rows.
func (in *Input) selectNothing(d Dialect) string {
	text := Type{Name: "varchar"}
	columns := []string{null(d, text) + " AS source"}
	for _, key := range partitionKeys {
		columns = append(columns, null(d, text)+" AS "+quote(key))
	}
	for _, a := range in.Attributes {
		columns = append(columns, null(d, a.As.Type)+" AS "+quote(a.As.Name))
	}
	return "  SELECT " + strings.Join(columns, ",\n    ") + "\n  WHERE false"
}

func null(d Dialect, t Type) string { return cast(d, "NULL", t) }

func cast(d Dialect, expression string, to Type) string {
	if d == DuckDB {
		return "CAST(" + expression + " AS " + to.DuckDB() + ")"
	}
	return "CAST(" + expression + " AS " + to.String() + ")"
}

// expression is the value of an attribute in one table: a typed NULL if the table does not have it.
func (a Attribute) expression(d Dialect, columns []catalog.Column) (string, error) {
	before, after, isList := strings.Cut(a.Path, "[]")
	typ, ok, err := typeOf(columns, before)
	if err != nil {
		return "", err
	}
	if !ok {
		return null(d, a.As.Type), nil
	}
	if !isList {
		return a.value(d, quotePath(before), typ, a.As.Type)
	}
	if typ.Kind != catalog.Array {
		return "", fmt.Errorf("%s has the type %s, and the view reads a list", before, typ)
	}
	elem := *typ.Elem
	after = strings.TrimPrefix(after, ".")
	if after != "" {
		if elem, ok = field(elem, after); !ok {
			return null(d, a.As.Type), nil
		}
	}
	inner := "x"
	if after != "" {
		inner += "." + quotePath(after)
	}
	to := a.As.Type
	if to.Elem != nil {
		to = *to.Elem
	}
	value, err := a.value(d, inner, elem, to)
	if err != nil {
		return "", err
	}
	list := quotePath(before)
	switch {
	case value == "x":
	case d == DuckDB:
		list = "list_transform(" + list + ", lambda x: " + value + ")"
	default:
		list = "transform(" + list + ", x -> " + value + ")"
	}
	if a.As.Type.Elem != nil {
		return list, nil
	}
	if d == DuckDB {
		return "nullif(array_to_string(" + list + ", ', '), '')", nil
	}
	return "nullif(array_join(" + list + ", ', '), '')", nil
}

// value converts an expression of a column's type to the type that the view declares.
func (a Attribute) value(d Dialect, expression string, from catalog.Type, to Type) (string, error) {
	have := from.Name
	if name, _, ok := strings.Cut(have, "("); ok && (name == "varchar" || name == "char") {
		have = "string"
	}
	switch {
	case from.Kind != catalog.Primitive || to.Elem != nil:
		return "", fmt.Errorf("%s has the type %s, and the view reads %s", a.Path, from, to)
	case have == to.Hive() && to.Name != "timestamp(3)":
		return expression, nil
	case have == "timestamp" && to.Name == "timestamp(3)":
		return cast(d, expression, to), nil
	case have == "bigint" && to.Name == "timestamp(3)": // OCSF's timestamp_t: milliseconds since 1970
		if d == DuckDB {
			return "make_timestamp(" + expression + " * 1000)", nil
		}
		return "CAST(from_unixtime(" + expression + " / 1e3) AT TIME ZONE 'UTC' AS timestamp(3))", nil
	case to.Name == "varchar" && have != "binary", isNumber(have) && isNumber(to.Hive()):
		return cast(d, expression, to), nil
	}
	return "", fmt.Errorf("%s has the type %s, and the view reads %s", a.Path, from, to)
}

func isNumber(hive string) bool {
	switch hive {
	case "tinyint", "smallint", "int", "bigint", "float", "double":
		return true
	}
	return false
}

// typeOf finds the type of a path in the columns of a table.
func typeOf(columns []catalog.Column, path string) (t catalog.Type, ok bool, err error) {
	first, rest, deeper := strings.Cut(path, ".")
	for _, c := range columns {
		if !strings.EqualFold(c.Name, first) {
			continue
		}
		if t, err = catalog.ParseType(c.Type); err != nil {
			return t, false, fmt.Errorf("column %s: %w", c.Name, err)
		}
		if !deeper {
			return t, true, nil
		}
		t, ok = field(t, rest)
		return t, ok, nil
	}
	return t, false, nil
}

// field finds the type of a path inside of a struct.
func field(t catalog.Type, path string) (catalog.Type, bool) {
	first, rest, deeper := strings.Cut(path, ".")
	for _, f := range t.Fields {
		if strings.EqualFold(f.Name, first) {
			if deeper {
				return field(f.Type, rest)
			}
			return f.Type, true
		}
	}
	return t, false
}

func quotePath(path string) string {
	parts := strings.Split(path, ".")
	for i, p := range parts {
		parts[i] = quote(p)
	}
	return strings.Join(parts, ".")
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// Reads are those of the tables that the view reads.
func (v *View) Reads(tables []Table) (out []Table) {
	for _, in := range v.Inputs {
		for _, t := range tables {
			if t.Class == in.Class {
				out = append(out, t)
			}
		}
	}
	return out
}

// CanRead says whether a table has what an input reads, class_uid included: all but one of the columns, at the top level. The names of
// columns do not tell the class for certain.
func (in *Input) CanRead(columns []catalog.Column) bool {
	want := map[string]bool{"class_uid": true}
	for _, a := range in.Attributes {
		first, _, _ := strings.Cut(strings.ReplaceAll(a.Path, "[]", ""), ".")
		want[first] = true
	}
	have := map[string]bool{}
	for _, c := range columns {
		if name := strings.ToLower(c.Name); want[name] {
			have[name] = true
		}
	}
	return have["class_uid"] && len(have) >= len(want)-1
}
