// Package rawtable knows the raw record: the fields that raw.sql declares, and the columns of the relation `records`, in which the
// scanner hands those to DuckDB that a mapping reads. It resolves names of the author's SQL to fields. It never reads a record.
package rawtable

import (
	"slices"
	"sort"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/suggest"
	"github.com/silt-etl/silt/sql/ducktype"
	"github.com/silt-etl/silt/sql/syntax"
)

// Field is a field of raw.sql's table: a value, or a STRUCT with fields of its own.
type Field struct {
	Name   string
	Path   []string
	Type   *ducktype.Type
	Fields []*Field
	Leaf   *Leaf      // of a value, once something reads it
	Also   [][]string // other paths that the value, or the whole STRUCT, may be at
}

// Leaf is a raw value that the mapping reads: a column of `records`.
type Leaf struct {
	Field  *Field
	Path   []string // keys from the record's root
	Kind   decode.Kind
	Column string // its column's name in records
	Type   string // that column's type
	Cast   string // the type raw.sql gives it, where the column has another
	Order  int
	// Text is the name of a further column, which has the value as it was written; "" if SQL does not need it.
	Text string
	// key is set for a capture of the staging key; it is never part of the record.
	Key string
}

// Dotted is the leaf's automatic key in unmapped, and how diagnostics call it.
func (l *Leaf) Dotted() string { return strings.Join(l.Path, ".") }

// ValueType is the type an expression sees.
func (l *Leaf) ValueType() *ducktype.Type {
	if l.Key != "" {
		return &ducktype.Type{ID: "VARCHAR", Text: "VARCHAR"}
	}
	return l.Field.Type
}

func (f *Field) Get(name string) *Field {
	for _, c := range f.Fields {
		if strings.EqualFold(c.Name, name) {
			return c
		}
	}
	return nil
}

// Values gives the values under a field, in order.
func (f *Field) Values() []*Field {
	if len(f.Fields) == 0 {
		return []*Field{f}
	}
	var all []*Field
	for _, c := range f.Fields {
		all = append(all, c.Values()...)
	}
	return all
}

// OtherPaths are all paths that the values of a field may be at, in addition to its own.
func (f *Field) OtherPaths() [][]string {
	paths := slices.Clone(f.Also)
	for _, c := range f.Fields {
		paths = append(paths, c.OtherPaths()...)
	}
	return paths
}

// Build makes the tree of raw.sql's columns.
func Build(columns []ducktype.Column) (*Field, error) {
	root := &Field{}
	for _, c := range columns {
		t, err := ducktype.Parse(c.Type)
		if err != nil {
			return nil, err
		}
		root.Fields = append(root.Fields, newRawField(nil, c.Name, t))
	}
	return root, nil
}

func newRawField(parent []string, name string, t *ducktype.Type) *Field {
	f := &Field{Name: name, Type: t, Path: append(append([]string(nil), parent...), name)}
	if t.ID == "STRUCT" {
		for _, c := range t.Fields {
			f.Fields = append(f.Fields, newRawField(f.Path, c.Name, c.Type))
		}
	}
	return f
}

// keyTable is the table that holds the staging key's captures.
const KeyTable = "key"

// Source resolves names of the mapping's SQL to leaves, and collects those.
type Source struct {
	Root   *Field
	Leaves []*Leaf
	Keys   map[string]*Leaf
	names  map[string]bool // column names given, lower case
}

func NewSource(root *Field) *Source {
	s := &Source{Root: root, Keys: map[string]*Leaf{}, names: map[string]bool{}}
	for _, n := range []string{ColObject, ColRecord, ColRest} {
		s.names[n] = true
	}
	return s
}

// column gives a name that no other column of records has, as readable as the data allows.
func (s *Source) column(want string) string {
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

// Read gives the leaf of a value field.
func (s *Source) Read(f *Field) *Leaf {
	if f.Leaf == nil {
		kind, column, cast := f.Type.ScanKind()
		f.Leaf = &Leaf{Field: f, Path: f.Path, Kind: kind, Type: column, Cast: cast, Order: len(s.Leaves), Column: s.column(strings.Join(f.Path, "."))}
		s.Leaves = append(s.Leaves, f.Leaf)
	}
	return f.Leaf
}

// ReadText gives the name of the column that has a leaf's value as it was written.
func (s *Source) ReadText(l *Leaf) string {
	if l.Text == "" {
		l.Text = s.column("text of " + l.Column)
	}
	return l.Text
}

// capture gives the leaf of a capture of the staging key.
func (s *Source) capture(name string) *Leaf {
	name = strings.ToLower(name)
	if s.Keys[name] == nil {
		column := "_key_" + name
		s.Keys[name] = &Leaf{Path: []string{KeyTable, name}, Column: column, Type: "VARCHAR", Key: name}
	}
	return s.Keys[name]
}

func (s *Source) KeyNames() (names []string) {
	for n := range s.Keys {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// resolution of a column reference.
type resolution struct {
	Leaf  *Leaf  // a value
	Group *Field // a STRUCT as a whole
	// unknown is set where nothing is there: what was sought, and the nearest name that exists.
	Unknown, Near string
}

// Resolve finds what a dotted name means, as DuckDB would: case does not matter, `raw.` may come first.
func (s *Source) Resolve(names []string, table string) resolution {
	if len(names) > 1 && strings.EqualFold(names[0], KeyTable) {
		if declared := s.Root.Get(KeyTable); declared != nil && declared.Type.ID == "STRUCT" {
			if declared.Get(names[1]) == nil {
				return resolution{Unknown: strings.Join(names, "."), Near: NearestField(declared, names[1], KeyTable+".")}
			}
		}
		if len(names) > 2 {
			return resolution{Unknown: strings.Join(names, "."), Near: KeyTable + "." + names[1]}
		}
		return resolution{Leaf: s.capture(names[1])}
	}
	if len(names) > 1 && (strings.EqualFold(names[0], table) || strings.EqualFold(names[0], "raw")) {
		names = names[1:]
	}
	at := s.Root
	for i, n := range names {
		next := at.Get(n)
		if next == nil {
			prefix := ""
			if i > 0 {
				prefix = strings.Join(at.Path, ".") + "."
			}
			near := NearestField(at, n, prefix)
			if near == "" {
				near = s.elsewhere(names[len(names)-1])
			}
			return resolution{Unknown: strings.Join(names, "."), Near: near}
		}
		at = next
	}
	if len(at.Fields) > 0 {
		return resolution{Group: at}
	}
	return resolution{Leaf: s.Read(at)}
}

func NearestField(f *Field, name, prefix string) string {
	var names []string
	for _, c := range f.Fields {
		names = append(names, c.Name)
	}
	if n := suggest.Nearest(name, names); n != "" {
		return prefix + n
	}
	return ""
}

// elsewhere finds a field of exactly this name anywhere in the record.
func (s *Source) elsewhere(name string) string {
	for _, f := range s.Root.Values() {
		if strings.EqualFold(f.Name, name) {
			return strings.Join(f.Path, ".")
		}
	}
	return ""
}

// LeafSQL is a leaf's value with the type that raw.sql gives it.
func LeafSQL(l *Leaf) string {
	col := syntax.Ident(l.Column)
	switch {
	case l.Cast == "":
		return col
	case l.Field.Type.Family() == ducktype.JSON:
		return "TRY_CAST(" + col + " AS JSON)"
	case l.Field.Type.Family() == ducktype.List || l.Field.Type.Family() == ducktype.Struct || l.Field.Type.ID == "MAP" || l.Field.Type.ID == "UNION":
		return "TRY_CAST(TRY_CAST(" + col + " AS JSON) AS " + l.Cast + ")"
	}
	return "TRY_CAST(" + col + " AS " + l.Cast + ")"
}

func (s *Source) ByColumn(names []string) *Leaf {
	if len(names) != 1 {
		return nil
	}
	for _, l := range s.Leaves {
		if l.Column == names[0] {
			return l
		}
	}
	for _, l := range s.Keys {
		if l.Column == names[0] {
			return l
		}
	}
	return nil
}

// SortedLeaves gives leaves in the order they were first read.
func SortedLeaves(set map[*Leaf]bool) []*Leaf {
	all := make([]*Leaf, 0, len(set))
	for l := range set {
		all = append(all, l)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Order < all[j].Order })
	return all
}

// ParsePath reads a dotted path, as Description.Image or "Logon Information"."Logon Type"; rest begins with the blank after it. names is
// nil where s begins with none, rest then all of s.
func ParsePath(s string) (names []string, rest string) {
	for all := s; ; s = s[1:] {
		var name strings.Builder
		i := 0
		quoted := strings.HasPrefix(s, `"`)
		if quoted {
			i++
		}
		for ; i < len(s); i++ {
			if quoted && s[i] == '"' {
				if i++; i == len(s) || s[i] != '"' {
					quoted = false
					break
				}
			} else if !strings.HasPrefix(s, `"`) && strings.IndexByte(". \t", s[i]) >= 0 {
				break
			}
			name.WriteByte(s[i])
		}
		if quoted || name.Len() == 0 {
			return nil, all
		}
		names = append(names, name.String())
		if s = s[i:]; s == "" || s[0] == ' ' || s[0] == '\t' {
			return names, s
		}
		if s[0] != '.' {
			return nil, all
		}
	}
}

// The columns of the scan relation `records`, in addition to the leaves, and of every projection's result.
const (
	ColObject = "_obj"  // INTEGER, index of the staging object in the batch
	ColRecord = "_rec"  // BIGINT, 1-based number of the record in its object
	ColRest   = "_rest" // VARCHAR, the scanner's rest (decode)
)
