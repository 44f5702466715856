package rawtable

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/sql/ducktype"
)

func record(t *testing.T) *Field {
	t.Helper()
	root, err := Build([]ducktype.Column{{Name: "ts", Type: "TIMESTAMP"}, {Name: "_id", Type: "SMALLINT"}, {Name: "tags", Type: "VARCHAR[]"}, {Name: "doc", Type: "JSON"},
		{Name: "ev", Type: `STRUCT("Src Ip" VARCHAR, b STRUCT(c INTEGER))`}})
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// Names are resolved as DuckDB would: case does not matter, and the table's name can come first.
func TestResolve(t *testing.T) {
	type found struct{ Value, Group, Unknown, Near string }
	for _, c := range []struct {
		names []string
		want  found
	}{
		{[]string{"ts"}, found{Value: "ts"}},
		{[]string{"RAW", "TS"}, found{Value: "ts"}},
		{[]string{"r", "ev", "src ip"}, found{Value: "ev.Src Ip"}},
		{[]string{"ev", "b"}, found{Group: "b"}},
		{[]string{"key", "Region"}, found{Value: "key.region"}},
		{[]string{"key", "a", "b"}, found{Unknown: "key.a.b", Near: "key.a"}},
		{[]string{"tagz"}, found{Unknown: "tagz", Near: "tags"}},
		{[]string{"ev", "b", "d"}, found{Unknown: "ev.b.d", Near: "ev.b.c"}},
		{[]string{"c"}, found{Unknown: "c", Near: "ts"}},
		{[]string{"nothing like it"}, found{Unknown: "nothing like it"}},
	} {
		s := NewSource(record(t))
		res := s.Resolve(c.names, "r")
		got := found{Unknown: res.Unknown, Near: res.Near}
		if res.Leaf != nil {
			got.Value = res.Leaf.Dotted()
		}
		if res.Group != nil {
			got.Group = res.Group.Name
		}
		if c.names[0] == "c" { // any near name does
			got.Near = c.want.Near
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%q (-want +got):\n%s", c.names, d)
		}
	}
}

// A leaf is read once. Its column has a name of its own, and the type that raw.sql declares comes back by a cast.
func TestRead(t *testing.T) {
	root := record(t)
	s := NewSource(root)
	type column struct{ Name, Type, SQL string }
	var got []column
	for _, f := range root.Values() {
		l := s.Read(f)
		if s.Read(f) != l || s.ByColumn([]string{l.Column}) != l {
			t.Errorf("%s is read twice", l.Dotted())
		}
		got = append(got, column{l.Column, l.Type, LeafSQL(l)})
	}
	want := []column{{"ts", "TIMESTAMP", `"ts"`}, {"raw._id", "INTEGER", `TRY_CAST("raw._id" AS SMALLINT)`}, {"tags", "VARCHAR", `TRY_CAST(TRY_CAST("tags" AS JSON) AS VARCHAR[])`},
		{"doc", "VARCHAR", `TRY_CAST("doc" AS JSON)`}, {"ev.Src Ip", "VARCHAR", `"ev.Src Ip"`}, {"ev.b.c", "INTEGER", `"ev.b.c"`}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	s.Resolve([]string{"key", "region"}, "")
	s.Resolve([]string{"key", "account"}, "")
	if d := cmp.Diff([]string{"account", "region"}, s.KeyNames()); d != "" {
		t.Errorf("captures of the key (-want +got):\n%s", d)
	}
	if l := s.ByColumn([]string{"_key_region"}); l == nil || l.ValueType().ID != "VARCHAR" {
		t.Errorf("capture: %+v", l)
	}
	set := map[*Leaf]bool{}
	for _, l := range s.Leaves {
		set[l] = true
	}
	for i, l := range SortedLeaves(set) {
		if l != s.Leaves[i] {
			t.Errorf("leaf %d is %s", i, l.Dotted())
		}
	}
}

func TestParsePath(t *testing.T) {
	for _, c := range []struct {
		text  string
		names []string
		rest  string
	}{
		{"a", []string{"a"}, ""},
		{"a.b json", []string{"a", "b"}, " json"},
		{`"a b"."c""d" x y`, []string{"a b", `c"d`}, " x y"},
		{`"a b`, nil, `"a b`},
		{"a..b", nil, "a..b"},
		{`"a"b`, nil, `"a"b`},
		{"", nil, ""},
	} {
		names, rest := ParsePath(c.text)
		if !cmp.Equal(names, c.names) || rest != c.rest {
			t.Errorf("%q: %q, rest %q; want %q, rest %q", c.text, names, rest, c.names, c.rest)
		}
	}
}

// Declarations are found in the text of raw.sql, and comments are not taken for them.
func TestFinder(t *testing.T) {
	f := NewFinder(diag.File{Path: "raw.sql", Text: "-- ts and c are named here\nCREATE TABLE raw (\n  ts TIMESTAMP, -- ev\n  ev STRUCT(\"Src Ip\" VARCHAR, b STRUCT(c INTEGER)));"})
	for _, c := range []struct {
		path         []string
		line, column int
	}{{[]string{"ts"}, 3, 3}, {[]string{"ev"}, 4, 3}, {[]string{"ev", "Src Ip"}, 4, 13}, {[]string{"ev", "b", "c"}, 4, 40}, {[]string{"missing"}, 0, 0}} {
		if line, column := f.Find(c.path); line != c.line || column != c.column {
			t.Errorf("%q is found at %d:%d, want %d:%d", c.path, line, column, c.line, c.column)
		}
	}
}
