// Package engine is the one place that knows DuckDB.
//
// A DB is an embedded in-memory database with a memory limit, a temp folder to spill to and a number of threads; external
// access is off, extensions are neither installed nor loaded, and its configuration is locked once it is open. Rows come in
// through a table function that Go fills (Source), and go out as Arrow record batches, streamed.
//
// It never reads or writes files of the lake or of staging.
package engine

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/silt-etl/silt/internal/lookup"
)

// Options of a DB.
type Options struct {
	// MemoryBytes is DuckDB's memory_limit. 0 leaves DuckDB's default (80 % of the machine).
	MemoryBytes int64
	// TempDir is where sorting spills. It must exist. "" forbids spilling.
	TempDir string
	// TempBytes bounds what sorting spills. 0: DuckDB's default, 90% of the free space.
	TempBytes int64
	// Threads DuckDB may use. 0: one for each core.
	Threads int
	// BatchBytes ends a batch of a RowReader. 0: 16 MiB. A single row may have more.
	BatchBytes int64
	// Streaming gives rows on as they come: DuckDB never gathers those of small chunks to full ones. It scans with one thread then.
	Streaming bool
	// Lookups are the tables that SQL can look values up in.
	Lookups []*lookup.Table
}

// Type of a column that a Source fills.
type Type uint8

const (
	Varchar Type = iota
	Boolean
	Integer
	BigInt
	Double
	Timestamp // microseconds since 1970, UTC, no zone
)

// Column of a Source.
type Column struct {
	Name string
	Type Type
}

// Source feeds a table function. DuckDB asks for one Cursor a thread, and calls its Fill until it gives 0 rows.
type Source interface {
	Columns() []Column
	NewCursor() Cursor
}

// Cursor fills chunks of up to Chunk.Cap() rows. Fill is called by one thread at a time. An error ends the query with it.
type Cursor interface {
	Fill(ctx context.Context, c *Chunk) (rows int, err error)
	Close()
}

// RowReader is a streamed result: bounded memory, whatever the number of rows. Next returns nil, nil at the end. The caller
// releases each batch. Column types: DuckDB's VARCHAR, BOOLEAN, TINYINT to BIGINT, DOUBLE, LIST, STRUCT and MAP of them as
// Arrow's own; TIMESTAMP as timestamp[us]; anything else must be cast in the SQL.
type RowReader interface {
	Schema() *arrow.Schema
	Next() (arrow.RecordBatch, error)
	Close()
}
