// Package views makes the SQL of the views that come with etl, for the tables of a lake.
//
// A view is a SELECT in the SQL that Athena (Trino) and DuckDB have in common, over one WITH table for each event class. Only these
// WITH tables differ between the dialects and between lakes: SQL generates them from the columns that the catalog has.
package views

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	shipped "github.com/silt-etl/silt/sql"
)

// View is one file of sql/views.
type View struct {
	Name string
	// Answers is the question that the view answers, and Cost which partitions a query reads. Both are sentences.
	Answers, Cost string
	Inputs        []Input
	Columns       []Column
	// PrunedBy are the columns of the view that are partition keys of every row below it: a condition on one of them can be
	// applied to the tables.
	PrunedBy []string
	// body is the SELECT.
	body string
}

// Input is an event class that a view reads.
type Input struct {
	Class      string
	Attributes []Attribute
}

// Attribute is an OCSF attribute that a view reads, as a column of the WITH table.
type Attribute struct {
	// Path is `src_endpoint.ip`, or `attacks[].technique.uid` for a list of values: an array, or as varchar a text with commas.
	Path string
	As   Column
}

// Column of a view, or of one of its WITH tables.
type Column struct {
	Name string
	Type Type
}

// ErrUnknown means that no view has the name.
var ErrUnknown = errors.New("view not found")

// All are the views that come with etl, sorted by name.
func All() ([]*View, error) { return read(shipped.Views, "views") }

// Find returns the view with a name, or ErrUnknown.
func Find(name string) (*View, error) {
	all, err := All()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, v := range all {
		if v.Name == name {
			return v, nil
		}
		names = append(names, v.Name)
	}
	return nil, fmt.Errorf("%w: %q. Try: one of %s", ErrUnknown, name, strings.Join(names, ", "))
}

func read(files fs.FS, folder string) (out []*View, err error) {
	entries, err := fs.ReadDir(files, folder)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		text, err := fs.ReadFile(files, path.Join(folder, e.Name()))
		if err != nil {
			return nil, err
		}
		v, err := Parse(strings.TrimSuffix(e.Name(), ".sql"), string(text))
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// Parse reads a file of a view: header comments, then the SELECT. A header is `-- key: value`; lines that begin with two or more
// spaces after the dashes continue it.
func Parse(name, text string) (*View, error) {
	v := &View{Name: name}
	fail := func(line int, format string, args ...any) (*View, error) {
		return nil, fmt.Errorf("view %s, line %d: %s", name, line, fmt.Sprintf(format, args...))
	}
	lines := strings.Split(text, "\n")
	at := 0
	for at < len(lines) && strings.HasPrefix(lines[at], "--") {
		start, line := at+1, strings.TrimPrefix(lines[at], "--")
		for at++; at < len(lines) && strings.HasPrefix(lines[at], "--  "); at++ {
			line += " " + strings.TrimSpace(lines[at][2:])
		}
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		var err error
		switch strings.TrimSpace(key) {
		case "answers":
			v.Answers = value
		case "cost":
			v.Cost = value
		case "from":
			err = v.addInput(value)
		case "columns":
			v.Columns, err = parseColumns(value)
		case "pruned by":
			for _, key := range strings.Split(value, ",") {
				v.PrunedBy = append(v.PrunedBy, strings.TrimSpace(key))
			}
		default:
			return fail(start, "the header %q is unknown", strings.TrimSpace(key))
		}
		if err != nil {
			return fail(start, "%v", err)
		}
	}
	v.body = strings.TrimSpace(strings.Join(lines[at:], "\n"))
	v.body = strings.TrimSpace(strings.TrimSuffix(v.body, ";"))
	switch {
	case v.Answers == "" || v.Cost == "" || len(v.Inputs) == 0 || len(v.Columns) == 0:
		return fail(1, "one of the headers answers, cost, from and columns is missing")
	case !strings.HasPrefix(v.body, "SELECT") && !strings.HasPrefix(v.body, "WITH"):
		return fail(at+1, "the text after the headers does not begin with SELECT or WITH")
	}
	for _, key := range v.PrunedBy {
		if !slices.Contains(partitionKeys, key) || !slices.ContainsFunc(v.Columns, func(c Column) bool { return c.Name == key }) {
			return fail(1, "pruned by: %q is not a partition key that the view has as a column", key)
		}
	}
	return v, nil
}

// partitionKeys and the source are columns of every WITH table.
var partitionKeys = []string{"region", "accountid", "eventday"}

// addInput reads `class: path AS name type, ...`.
func (v *View) addInput(text string) error {
	class, list, ok := strings.Cut(text, ":")
	if !ok {
		return fmt.Errorf("%q is not CLASS: ATTRIBUTE AS NAME TYPE, ...", text)
	}
	in := Input{Class: strings.TrimSpace(class)}
	for _, item := range splitList(list) {
		path, column, ok := strings.Cut(item, " AS ")
		if !ok {
			return fmt.Errorf("%q is not ATTRIBUTE AS NAME TYPE", item)
		}
		c, err := parseColumn(column)
		if err != nil {
			return err
		}
		path = strings.TrimSpace(path)
		if n := strings.Count(path, "[]"); n > 1 || n == 0 && c.Type.Elem != nil || n == 1 && c.Type.Elem == nil && c.Type.Name != "varchar" {
			return fmt.Errorf("%s has the type %s; a path with one [] has the type array(...) or varchar, and any other path has a scalar type", path, c.Type)
		}
		in.Attributes = append(in.Attributes, Attribute{Path: path, As: c})
	}
	v.Inputs = append(v.Inputs, in)
	return nil
}

func parseColumns(text string) (out []Column, err error) {
	for _, item := range splitList(text) {
		c, err := parseColumn(item)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func parseColumn(text string) (Column, error) {
	name, typ, ok := strings.Cut(strings.TrimSpace(text), " ")
	if !ok {
		return Column{}, fmt.Errorf("%q is not NAME TYPE", text)
	}
	t, err := ParseType(strings.TrimSpace(typ))
	return Column{Name: name, Type: t}, err
}

func splitList(text string) (out []string) {
	for _, item := range strings.Split(text, ",") {
		out = append(out, strings.TrimSpace(item))
	}
	return out
}
