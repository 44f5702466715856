package duckdb_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/sql/allow"
	"github.com/silt-etl/silt/sql/duckdb"
	"github.com/silt-etl/silt/sql/ducktype"
	"github.com/silt-etl/silt/sql/projection"
	"github.com/silt-etl/silt/sql/syntax"
)

var _ projection.Database = (*duckdb.Database)(nil)

// What the engine says comes as the types and errors of the compiler.
func TestDatabase(t *testing.T) {
	ctx := t.Context()
	cols, err := duckdb.Table(ctx, "CREATE TABLE raw (a VARCHAR, b STRUCT(c INTEGER))")
	if d := cmp.Diff([]ducktype.Column{{Name: "a", Type: "VARCHAR"}, {Name: "b", Type: "STRUCT(c INTEGER)"}}, cols); err != nil || d != "" {
		t.Errorf("columns: %v (-want +got):\n%s", err, d)
	}
	var refused *engine.Error
	if _, err := duckdb.Table(ctx, "DROP TABLE raw"); !errors.As(err, &refused) {
		t.Errorf("not a CREATE TABLE: %v", err)
	}
	setup, defs, err := duckdb.Macros(ctx, "CREATE MACRO twice(x) AS x || x;")
	if err != nil || len(defs) != 1 || defs[0].Name != "twice" {
		t.Fatalf("macros: %+v %v", defs, err)
	}
	db, err := duckdb.Open(ctx, setup)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Rows(ctx, "SELECT twice('a'), 'b'")
	if d := cmp.Diff([][]string{{"aa", "b"}}, rows); err != nil || d != "" {
		t.Errorf("rows: %v (-want +got):\n%s", err, d)
	}
	cols, err = db.Describe(ctx, "SELECT 1 AS n, twice('a') AS t")
	if d := cmp.Diff([]ducktype.Column{{Name: "n", Type: "INTEGER"}, {Name: "t", Type: "VARCHAR"}}, cols); err != nil || d != "" {
		t.Errorf("described: %v (-want +got):\n%s", err, d)
	}
	var wrong *syntax.Error
	if _, err := db.Describe(ctx, "SELECT nothing_like_it"); !errors.As(err, &wrong) || wrong.Offset != -1 {
		t.Errorf("an unknown column: %#v", err)
	}
	if _, err := db.Parse("SELECT FROM WHERE"); !errors.As(err, &wrong) || wrong.Offset < 0 {
		t.Errorf("a syntax error: %#v", err)
	}
	functions, err := db.Functions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]allow.Function{
		"lower":  {Scalar: true},
		"twice":  {Scalar: true},
		"random": {Scalar: true, Volatile: true},
		"sum":    {Aggregate: true},
	} {
		if d := cmp.Diff(want, functions[name]); d != "" {
			t.Errorf("function %s (-want +got):\n%s", name, d)
		}
	}
}
