package syntax_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/sql/duckdb"
	"github.com/silt-etl/silt/sql/syntax"
)

func database(t *testing.T) *duckdb.Database {
	t.Helper()
	db, err := duckdb.Open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// expression parses one expression.
func expression(t *testing.T, p syntax.Parser, sql string) syntax.Node {
	t.Helper()
	st, err := syntax.Parse(p, "SELECT "+sql)
	if err != nil {
		t.Fatal(err)
	}
	e, _ := syntax.List(st.Body, "select_list")[0].(syntax.Node)
	return e
}

func TestLiterals(t *testing.T) {
	db := database(t)
	for _, c := range []struct {
		sql  string
		want any
		is   bool
	}{
		{"'a'", "a", true}, {"1", int64(1), true}, {"1.25", 1.25, true}, {"1e3", 1000.0, true}, {"true", true, true}, {"NULL", nil, true},
		{"'x'::VARCHAR", "x", true}, {"7::INTEGER", int64(7), true}, {"'t'::BOOLEAN", true, true}, {"['a', 'b']", []string{"a", "b"}, true},
		{"a", nil, false}, {"lower('a')", nil, false}, {"['a', b]", nil, false}, {"'2024-01-01'::DATE", nil, false},
	} {
		got, is := syntax.Literal(expression(t, db, c.sql))
		if is != c.is || is && !cmp.Equal(got, c.want) {
			t.Errorf("%s is %#v (%t), want %#v (%t)", c.sql, got, is, c.want, c.is)
		}
	}
}

// A field is recognized in each of its spellings, and through casts.
func TestReferences(t *testing.T) {
	db := database(t)
	for _, c := range []struct {
		sql   string
		names []string
		casts int
	}{
		{"a.b", []string{"a", "b"}, 0}, {"(a).b", []string{"a", "b"}, 0}, {"a['b']", []string{"a", "b"}, 0}, {"a.b::INTEGER::VARCHAR", []string{"a", "b"}, 2},
		{"a[1]", nil, 0}, {"lower(a)", nil, 0},
	} {
		names, casts := syntax.Bare(expression(t, db, c.sql))
		if !cmp.Equal(names, c.names) || len(casts) != c.casts {
			t.Errorf("%s is %q with %d casts", c.sql, names, len(casts))
		}
	}
}

// The values that an expression can have are those of its branches.
func TestResults(t *testing.T) {
	db := database(t)
	var got []string
	for _, e := range syntax.Results(expression(t, db, "CASE WHEN a THEN 'x' ELSE coalesce(b, TRY('y')) END")) {
		sql, err := syntax.Print(db, e)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, sql)
	}
	if d := cmp.Diff([]string{"'x'", "b", "'y'"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Calls of macros are replaced by their bodies, those in other macros too. A macro with several definitions is left to DuckDB.
func TestMacros(t *testing.T) {
	db := database(t)
	ms, err := syntax.NewMacros(db, []syntax.Macro{
		{Name: "twice", Parameters: []string{"x"}, Definition: "x || x"},
		{Name: "four", Parameters: []string{"x"}, Definition: "twice(twice(x))"},
		{Name: "either", Parameters: []string{"x"}, Definition: "x"}, {Name: "either", Parameters: []string{"x", "y"}, Definition: "y"},
		{Name: "each", Parameters: []string{"l"}, Definition: "list_transform(l, lambda e: e)"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for sql, want := range map[string]string{"twice(a)": "(a || a)", "four(a)": "((a || a) || (a || a))", "either(a)": "", "each(a)": "", "lower(a)": "", "twice(a, b)": ""} {
		in := ms.Inline(expression(t, db, sql))
		if (in == nil) != (want == "") {
			t.Errorf("%s: in place is %v, want %q", sql, in, want)
			continue
		}
		if in == nil {
			continue
		}
		if got, err := syntax.Print(db, in); err != nil || got != want {
			t.Errorf("%s is %s, want %s (%v)", sql, got, want, err)
		}
	}
	if !ms.Is("TWICE") || ms.Is("lower") {
		t.Error("the names of macros")
	}
	one, _ := ms.Size(expression(t, db, "twice(a)"))
	four, depth := ms.Size(expression(t, db, "four(a)"))
	if four <= 2*one || depth < 2 {
		t.Errorf("twice(a) has %v parts, four(a) %v and is %d deep", one, four, depth)
	}
}

func TestParseErrors(t *testing.T) {
	db := database(t)
	var refused *syntax.Error
	if _, err := syntax.Parse(db, "SELECT 'é' FROM WHERE"); !errors.As(err, &refused) || refused.Offset != 16 {
		t.Errorf("%v", err)
	}
	s := syntax.NewSnippets(db)
	first, err := s.Parse("a + 1")
	if err != nil {
		t.Fatal(err)
	}
	first["alias"] = "changed"
	if again, _ := s.Parse("a + 1"); syntax.Str(again, "alias") != "" || syntax.Location(again) >= 0 {
		t.Errorf("a snippet is shared, or has a place: %v", again)
	}
}
