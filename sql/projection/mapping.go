package projection

import (
	"context"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/lookup"
	"github.com/silt-etl/silt/sql/allow"
	"github.com/silt-etl/silt/sql/ducktype"
	"github.com/silt-etl/silt/sql/syntax"
)

// Mapping is a mapping in SQL, as package mappings loads it (a declarative one is translated to SQL first).
type Mapping struct {
	Name string
	// Version, if it is set, is used instead of the OCSF version that the headers name.
	Version string
	// Raw is raw.sql, and RawColumns the columns that its CREATE TABLE declares: the contract of the raw record.
	Raw        diag.File
	RawColumns []ducktype.Column
	// Macros is macros.sql; Setup are its statements, MacroDefs what they define.
	Macros    diag.File
	Setup     []string
	MacroDefs []syntax.Macro
	// Lookups are the tables that the mapping declares.
	Lookups []*lookup.Table
	// Unread are the names of lookups without a table, for a reason that Notes says. Their values are not checked.
	Unread []string
	// Packages are the macros of the packages that raw.sql imports. Setup and MacroDefs have them too.
	Packages []diag.File
	// Common is _common.sql: the columns and header lines that the SELECTs share. Its text is "" if the mapping has no such file.
	Common diag.File
	// Selects hold one SELECT each.
	Selects []Select
	// Notes are the diagnostics of the loader, as coercions of a declarative mapping.
	Notes diag.List
}

// Select is a file with one SELECT. Name, where it is set, is what its projection is called instead of the file's name.
type Select struct {
	diag.File
	Name string
}

// Database is what the compiler asks of DuckDB, with the mapping's macros created. Nothing of it reads data.
type Database interface {
	syntax.Parser
	// Describe gives the columns of a SELECT, bound but not run. What DuckDB says against it comes back as *SyntaxError.
	Describe(ctx context.Context, query string) ([]ducktype.Column, error)
	// Rows runs a SELECT of texts over constants. What DuckDB says against it comes back as *SyntaxError.
	Rows(ctx context.Context, query string) ([][]string, error)
	// Functions gives all functions by name in lower case.
	Functions(ctx context.Context) (map[string]allow.Function, error)
}
