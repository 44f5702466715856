// Package catalog keeps what readers see: databases, tables and partitions in the shape of the AWS Glue Data Catalog.
//
// Implementations: glue (the AWS Glue API), local (a folder of JSON files in the shape of Glue's own Table and Partition).
// Both run the suite in catalogtest. A schema only grows, at the end: columns of a table and fields of every struct keep the
// order in which they came.
package catalog

import (
	"context"
	"errors"
)

// Column of a table, Type in Glue's spelling without spaces: `array<struct<name:string,uid:string>>`.
type Column struct {
	Name string `json:"Name"`
	Type string `json:"Type"`
}

// Table is a table of the lake as a run wants it. Location is the folder of the source (or class), ending in a slash,
// `s3://bucket/ext/source/` or an absolute path. The partition keys are always region, accountid, eventday, all string.
type Table struct {
	Name     string
	Location string
	Columns  []Column
}

// Partition of a table. Values are region, account and event day (YYYYMMDD). Location ends in a slash.
type Partition struct {
	Values   [3]string
	Location string
}

// Catalog of one database. All methods are safe for concurrent use, also by several processes; a lost race is retried inside.
type Catalog interface {
	// String names it for people: "glue:database@region" or a folder's path.
	String() string
	// EnsureTable creates the table in the crawler's shape, or grows it by the columns and struct fields it lacks: appended,
	// never retyped, never reordered; a column that would change its type is ErrType and nothing is changed. When the table
	// grew, its existing partitions grow with it (Glue's InheritFromTable). It returns the table as it is now.
	EnsureTable(ctx context.Context, t Table) (Table, error)
	// Table returns a table, or ErrNoTable.
	Table(ctx context.Context, name string) (Table, error)
	// Tables lists the names of all tables, sorted.
	Tables(ctx context.Context) ([]string, error)
	// AddPartitions adds partitions with the table's own columns, formats and SerDe, in batches of at most 100. One that
	// exists is not an error. The first other error of a partition is returned after all batches were tried. It returns how
	// many were new.
	AddPartitions(ctx context.Context, table string, ps []Partition) (added int, err error)
	// Partitions calls fn for each partition of the table, paging.
	Partitions(ctx context.Context, table string, fn func(Partition) error) error
}

// The reasons that callers decide on. Catalogs return a *diag.OpError around one of them or around another cause.
var (
	ErrNoTable    = errors.New("table not found")
	ErrNoDatabase = errors.New("database not found")
	ErrType       = errors.New("a column would change its type")
	ErrDenied     = errors.New("access denied")
)
