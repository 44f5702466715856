package engine

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// ReaderOptions of a DB that reads local Parquet files for a person's query.
type ReaderOptions struct {
	// MemoryBytes, TempDir, Threads: see Options.
	MemoryBytes int64
	TempDir     string
	Threads     int
	// AllowedPaths are the folders, and the files, that may be read. Nothing else of the machine or the network can be.
	AllowedPaths []string
	// Setup are statements, such as CREATE VIEW over read_parquet, that run before the configuration is locked.
	Setup []string
}

// OpenReader gives a DB for queries over local files. Its Query takes SELECT, DESCRIBE, SHOW and EXPLAIN only, so nothing is
// written; it gives HUGEINT as decimal128(38,0) and DECIMAL as decimal128, in addition to the types of RowReader.
func OpenReader(opts ReaderOptions) (*DB, error) {
	var paths []string
	for _, p := range opts.AllowedPaths {
		if p == "" {
			return nil, errors.New("engine: an allowed path is empty")
		}
		abs, err := filepath.Abs(p)
		if err != nil {
			return nil, fmt.Errorf("engine: allowed path %s: %w", p, err)
		}
		paths = append(paths, Literal(abs))
	}
	list := "[" + strings.Join(paths, ", ") + "]"
	last := []string{
		"SET allowed_directories=" + list,
		"SET allowed_paths=" + list,
		"SET enable_external_access=false",
	}
	last = append(append(last, opts.Setup...), "SET lock_configuration=true")
	d, err := open(Options{MemoryBytes: opts.MemoryBytes, TempDir: opts.TempDir, Threads: opts.Threads}, last)
	if err != nil {
		return nil, err
	}
	d.wide = true
	return d, nil
}

// Literal is s as a SQL string.
func Literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// Identifier is s as a quoted SQL name.
func Identifier(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
