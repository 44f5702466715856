// Package duckdb is the engine as the compiler of mappings sees it: it turns what internal/engine answers into the types of the
// packages below sql/, so that neither of the two has to know the other. Only SQL over constants is run here, never over records.
package duckdb

import (
	"context"
	"errors"
	"fmt"

	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/internal/lookup"
	"github.com/silt-etl/silt/sql/allow"
	"github.com/silt-etl/silt/sql/ducktype"
	"github.com/silt-etl/silt/sql/syntax"
)

// Database is a database of its own, with the macros of one mapping in it. It implements projection.Database.
type Database struct{ engine *engine.DB }

// Open opens a database and runs statements in it: those that create a mapping's macros. tables are the mapping's lookups.
func Open(ctx context.Context, setup []string, tables ...*lookup.Table) (*Database, error) {
	e, err := engine.Open(engine.Options{MemoryBytes: 256 << 20, Threads: 1, Lookups: tables})
	if err != nil {
		return nil, err
	}
	for _, s := range setup {
		if err := e.Exec(ctx, s); err != nil {
			e.Close()
			return nil, fmt.Errorf("macros: %w", err)
		}
	}
	return &Database{e}, nil
}

// Close ends the database.
func (d *Database) Close() error { return d.engine.Close() }

// Table returns the columns that a CREATE TABLE statement declares. What DuckDB says against it is an *engine.Error.
func Table(ctx context.Context, statement string) ([]ducktype.Column, error) {
	cols, err := engine.DescribeTable(ctx, statement)
	if err != nil {
		return nil, err
	}
	out := make([]ducktype.Column, len(cols))
	for i, c := range cols {
		out[i] = ducktype.Column(c)
	}
	return out, nil
}

// Macros returns the statements of a macro file, and the macros that they define. What DuckDB says against it is an *engine.Error.
func Macros(ctx context.Context, text string) (setup []string, defs []syntax.Macro, err error) {
	setup, all, err := engine.CheckMacros(ctx, text)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range all {
		defs = append(defs, syntax.Macro(d))
	}
	return setup, defs, nil
}

// Parse parses one SELECT.
func (d *Database) Parse(sql string) ([]byte, error) {
	ast, err := d.engine.Parser().Parse(sql)
	var s *engine.SyntaxError
	if errors.As(err, &s) {
		return nil, &syntax.Error{Message: s.Message, Offset: s.Offset}
	}
	return ast, err
}

// Print writes the SQL of a tree.
func (d *Database) Print(ast []byte) (string, error) { return d.engine.Parser().Print(ast) }

// Describe binds a query and gives its columns.
func (d *Database) Describe(ctx context.Context, query string) ([]ducktype.Column, error) {
	rows, err := d.Rows(ctx, "SELECT column_name, column_type FROM (DESCRIBE "+query+")")
	if err != nil {
		return nil, err
	}
	cols := make([]ducktype.Column, len(rows))
	for i, r := range rows {
		cols[i] = ducktype.Column{Name: r[0], Type: r[1]}
	}
	return cols, nil
}

// Rows runs a query of texts.
func (d *Database) Rows(ctx context.Context, query string) (all [][]string, err error) {
	rows, err := d.engine.Query(ctx, query)
	if err != nil {
		return nil, complaint(err)
	}
	defer rows.Close()
	for {
		batch, err := rows.Next()
		if err != nil {
			return nil, complaint(err)
		}
		if batch == nil {
			return all, nil
		}
		for i := range int(batch.NumRows()) {
			row := make([]string, batch.NumCols())
			for k := range row {
				row[k] = batch.Column(k).ValueStr(i)
			}
			all = append(all, row)
		}
		batch.Release()
	}
}

// complaint makes what DuckDB says against a query an error of the syntax. DuckDB's places in queries that the compiler has written
// are not passed on: they are not places in the author's text.
func complaint(err error) error {
	var e *engine.Error
	if errors.As(err, &e) {
		return &syntax.Error{Message: e.Message, Offset: -1}
	}
	return err
}

// Functions gives DuckDB's functions and the mapping's macros.
func (d *Database) Functions(ctx context.Context) (map[string]allow.Function, error) {
	all, err := d.engine.Functions(ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[string]allow.Function, len(all))
	for n, f := range all {
		out[n] = allow.Function{Scalar: f.Scalar || f.Macro, Aggregate: f.Aggregate, Volatile: f.Volatile || f.PerQuery}
	}
	return out, nil
}
