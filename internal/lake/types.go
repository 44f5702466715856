package lake

import (
	"fmt"
	"math"
	"strings"
)

// Column of a table in the catalog's form: Type in Glue's spelling, without spaces.
type Column struct {
	Name string
	Type string
}

// Columns of the table that files of this schema belong to. The type of a field is a fact of the schema, never of the data.
func Columns(s *Schema) []Column {
	cs := make([]Column, len(s.Columns))
	for i, n := range s.Columns {
		var b strings.Builder
		glueType(&b, n)
		cs[i] = Column{n.Name, b.String()}
	}
	return cs
}

func glueType(b *strings.Builder, n *Node) {
	switch n.Kind {
	case String:
		b.WriteString("string")
	case Int32:
		b.WriteString("int")
	case Int64:
		b.WriteString("bigint")
	case Timestamp:
		b.WriteString("timestamp")
	case Double:
		b.WriteString("double")
	case Bool:
		b.WriteString("boolean")
	case Map:
		b.WriteString("map<string,string>")
	case List:
		b.WriteString("array<")
		glueType(b, n.Children[0])
		b.WriteByte('>')
	case Group:
		b.WriteString("struct<")
		for i, c := range n.Children {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(c.Name)
			b.WriteByte(':')
			glueType(b, c)
		}
		b.WriteByte('>')
	}
}

// SchemaError is a schema that cannot be written; it is the fault of what made it, never of the data.
type SchemaError struct {
	Class  string
	Path   string
	Reason string
}

func (e *SchemaError) Error() string {
	return fmt.Sprintf("schema of %s: %s: %s", e.Class, e.Path, e.Reason)
}

// Validate refuses a schema that no file can have.
func (s *Schema) Validate() error {
	if len(s.Columns) == 0 {
		return &SchemaError{s.Class, "(root)", "has no columns"}
	}
	if err := s.validate(s.Columns, "", false); err != nil {
		return err
	}
	for _, n := range s.Columns {
		if d := levels(n); d > maxLevels {
			return &SchemaError{s.Class, n.Name, fmt.Sprintf("nests to %d levels; the limit is %d", d, maxLevels)}
		}
	}
	return nil
}

// maxLevels bounds a definition level, so that the levels of a value take less than the 2 bytes that MaxValueBytes counts.
const maxLevels = 63

// levels is the greatest definition level below n.
func levels(n *Node) int {
	most := 0
	for _, c := range n.Children {
		most = max(most, levels(c))
	}
	switch n.Kind {
	case List:
		most++
	case Map:
		most += 2
	}
	return 1 + most
}

func (s *Schema) validate(ns []*Node, prefix string, inList bool) error {
	seen := map[string]bool{}
	for _, n := range ns {
		path := prefix + n.Name
		bad := func(reason string) error { return &SchemaError{s.Class, path, reason} }
		if n.Name == "" || strings.ContainsAny(n.Name, ".,:<>") {
			return bad("not a field name")
		}
		if l := strings.ToLower(n.Name); seen[l] {
			return bad("is defined twice (the catalog ignores case)")
		} else {
			seen[l] = true
		}
		if err := s.validateNode(n, path, inList, bad); err != nil {
			return err
		}
	}
	return nil
}

func (s *Schema) validateNode(n *Node, path string, inList bool, bad func(string) error) error {
	if n.Kind > Timestamp {
		return bad("unknown kind")
	}
	if inList && (n.Const != nil || n.Lookup != nil || n.LookupElse != "" || n.Present > 0) {
		return bad("has a constant, a lookup or a presence column inside a list, where all values come from the list's column")
	}
	if n.Kind == Group {
		if len(n.Children) == 0 {
			return bad("a group without fields")
		}
		return s.validate(n.Children, path+".", inList)
	}
	if n.Kind == List {
		if len(n.Children) != 1 {
			return bad("a list has one child, its element")
		}
		e := n.Children[0]
		if e.Kind == Map {
			return bad("a list of maps is not supported")
		}
		if err := s.validateNode(e, path+"[]", true, bad); err != nil {
			return err
		}
	} else if len(n.Children) > 0 {
		return bad("only groups and lists have children")
	}
	if inList {
		return nil // its values are inside the list's column
	}
	if n.Lookup != nil && (n.Kind != String || n.Column < 0) {
		return bad("a lookup needs a string with a column of integers")
	}
	size := len(n.LookupElse)
	for _, v := range n.Lookup {
		size += len(v) + 4
	}
	if size > maxLookup {
		return bad(fmt.Sprintf("the texts of its lookup have %d bytes; the limit is %d", size, maxLookup))
	}
	if n.Column >= 0 {
		return nil
	}
	if n.Const == nil {
		return bad("neither a column nor a constant")
	}
	if _, err := constant(n); err != nil {
		return bad(err.Error())
	}
	return nil
}

// maxConst bounds a constant or a lookup's text, so that their width does not matter to the writers.
const maxConst = 64 << 10

// maxLookup bounds the texts of a lookup together, so that they fit a dictionary.
const maxLookup = 256 << 10

// constant is a Node's constant as string, int64 (of Int32 too), float64, bool or []string.
func constant(n *Node) (any, error) {
	var size int
	switch v := n.Const.(type) {
	case string:
		size = len(v)
		if n.Kind == String && size <= maxConst {
			return v, nil
		}
	case int:
		return constInt(n, int64(v))
	case int32:
		return constInt(n, int64(v))
	case int64:
		return constInt(n, v)
	case float64:
		if n.Kind == Double {
			return v, nil
		}
	case bool:
		if n.Kind == Bool {
			return v, nil
		}
	case []string:
		for _, s := range v {
			size += len(s)
		}
		if n.Kind == List && n.Children[0].Kind == String && size <= maxConst && len(v) <= 1024 {
			return v, nil
		}
	}
	if size > maxConst {
		return nil, fmt.Errorf("its constant has %d bytes; the limit is %d", size, maxConst)
	}
	return nil, fmt.Errorf("its constant %v (%T) does not fit its kind", n.Const, n.Const)
}

func constInt(n *Node, v int64) (any, error) {
	if n.Kind == Int64 || n.Kind == Timestamp || n.Kind == Int32 && v >= math.MinInt32 && v <= math.MaxInt32 {
		return v, nil
	}
	return nil, fmt.Errorf("its constant %d does not fit its kind", v)
}
