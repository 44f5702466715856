package sqlgen

import (
	"sort"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/suggest"
)

// rawField is a field of raw.sql's table: a value, or a STRUCT with fields of its own.
type rawField struct {
	name   string
	path   []string
	typ    *duckType
	fields []*rawField
	leaf   *leaf      // of a value, once something reads it
	also   [][]string // other paths that the value may be at
}

// leaf is a raw value that the mapping reads: a column of `records`.
type leaf struct {
	field  *rawField
	path   []string // keys from the record's root
	kind   decode.Kind
	column string // its column's name in records
	typ    string // that column's type
	cast   string // the type raw.sql gives it, where the column has another
	order  int
	// key is set for a capture of the staging key; it is never part of the record.
	key string
}

// dotted is the leaf's automatic key in unmapped, and how problems call it.
func (l *leaf) dotted() string { return strings.Join(l.path, ".") }

// valueType is the type an expression sees.
func (l *leaf) valueType() *duckType {
	if l.key != "" {
		return &duckType{id: "VARCHAR", text: "VARCHAR"}
	}
	return l.field.typ
}

func (f *rawField) get(name string) *rawField {
	for _, c := range f.fields {
		if strings.EqualFold(c.name, name) {
			return c
		}
	}
	return nil
}

// below gives the values under a field, in order.
func (f *rawField) below() []*rawField {
	if len(f.fields) == 0 {
		return []*rawField{f}
	}
	var all []*rawField
	for _, c := range f.fields {
		all = append(all, c.below()...)
	}
	return all
}

// buildRaw makes the tree of raw.sql's columns.
func buildRaw(columns []Column) (*rawField, error) {
	root := &rawField{}
	for _, c := range columns {
		t, err := parseType(c.Type)
		if err != nil {
			return nil, err
		}
		root.fields = append(root.fields, newRawField(nil, c.Name, t))
	}
	return root, nil
}

func newRawField(parent []string, name string, t *duckType) *rawField {
	f := &rawField{name: name, typ: t, path: append(append([]string(nil), parent...), name)}
	if t.id == "STRUCT" {
		for _, c := range t.fields {
			f.fields = append(f.fields, newRawField(f.path, c.name, c.typ))
		}
	}
	return f
}

// keyTable is the table that holds the staging key's captures.
const keyTable = "key"

// source resolves names of the mapping's SQL to leaves, and collects those.
type source struct {
	root   *rawField
	leaves []*leaf
	keys   map[string]*leaf
	names  map[string]bool // column names given, lower case
}

func newSource(root *rawField) *source {
	s := &source{root: root, keys: map[string]*leaf{}, names: map[string]bool{}}
	for _, n := range []string{ColObject, ColRecord, ColRest} {
		s.names[n] = true
	}
	return s
}

// column gives a name that no other column of records has, as readable as the data allows.
func (s *source) column(want string) string {
	name := want
	if strings.HasPrefix(want, "_") { // the projection's own columns begin with _
		name = "raw." + want
	}
	for s.names[strings.ToLower(name)] {
		name += "'"
	}
	s.names[strings.ToLower(name)] = true
	return name
}

// read gives the leaf of a value field.
func (s *source) read(f *rawField) *leaf {
	if f.leaf == nil {
		kind, column, cast := f.typ.scanKind()
		f.leaf = &leaf{field: f, path: f.path, kind: kind, typ: column, cast: cast, order: len(s.leaves), column: s.column(strings.Join(f.path, "."))}
		s.leaves = append(s.leaves, f.leaf)
	}
	return f.leaf
}

// capture gives the leaf of a capture of the staging key.
func (s *source) capture(name string) *leaf {
	name = strings.ToLower(name)
	if s.keys[name] == nil {
		column := "_key_" + name
		s.keys[name] = &leaf{path: []string{keyTable, name}, column: column, typ: "VARCHAR", key: name}
	}
	return s.keys[name]
}

func (s *source) keyNames() (names []string) {
	for n := range s.keys {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// resolution of a column reference.
type resolution struct {
	leaf  *leaf     // a value
	group *rawField // a STRUCT as a whole
	// unknown is set where nothing is there: what was sought, and the nearest name that exists.
	unknown, near string
}

// resolve finds what a dotted name means, as DuckDB would: case does not matter, `raw.` may come first.
func (s *source) resolve(names []string, table string) resolution {
	if len(names) > 1 && strings.EqualFold(names[0], keyTable) {
		if declared := s.root.get(keyTable); declared != nil && declared.typ.id == "STRUCT" {
			if declared.get(names[1]) == nil {
				return resolution{unknown: strings.Join(names, "."), near: nearestField(declared, names[1], keyTable+".")}
			}
		}
		if len(names) > 2 {
			return resolution{unknown: strings.Join(names, "."), near: keyTable + "." + names[1]}
		}
		return resolution{leaf: s.capture(names[1])}
	}
	if len(names) > 1 && (strings.EqualFold(names[0], table) || strings.EqualFold(names[0], "raw")) {
		names = names[1:]
	}
	at := s.root
	for i, n := range names {
		next := at.get(n)
		if next == nil {
			prefix := ""
			if i > 0 {
				prefix = strings.Join(at.path, ".") + "."
			}
			near := nearestField(at, n, prefix)
			if near == "" {
				near = s.elsewhere(names[len(names)-1])
			}
			return resolution{unknown: strings.Join(names, "."), near: near}
		}
		at = next
	}
	if len(at.fields) > 0 {
		return resolution{group: at}
	}
	return resolution{leaf: s.read(at)}
}

func nearestField(f *rawField, name, prefix string) string {
	var names []string
	for _, c := range f.fields {
		names = append(names, c.name)
	}
	if n := suggest.Nearest(name, names); n != "" {
		return prefix + n
	}
	return ""
}

// elsewhere finds a field of exactly this name anywhere in the record.
func (s *source) elsewhere(name string) string {
	for _, f := range s.root.below() {
		if strings.EqualFold(f.name, name) {
			return strings.Join(f.path, ".")
		}
	}
	return ""
}
