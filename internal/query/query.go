// Package query runs SQL over the lake through its catalog. Tables have their catalog names, and the columns, order and types of
// the catalog, whatever each file contains.
//
// Only what the catalog knows is read: the files of its partitions. Partitions that the SQL's own conditions on region,
// accountid and eventday rule out are neither listed nor opened. Files on S3 are first downloaded to a cache, after the size is
// reported, because DuckDB runs without network. The package never writes to the lake.
package query

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/location"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/tempdir"
)

// Options of a query.
type Options struct {
	Catalog catalog.Catalog
	// Database is the catalog's name in SQL: tables can be written as <database>.<table> too.
	Database string
	// Aliases are more names of tables. Names that the tables' own give (Alias) do not have to be listed.
	Aliases map[string]string
	// Views are names that the SQL can use in addition to tables, sorted. A table of the catalog that has the name is read instead.
	Views []string
	// View returns a view, when the SQL names it.
	View func(ctx context.Context, name string) (View, error)
	// OpenBucket opens a whole bucket. It is called once for each bucket that holds a partition.
	OpenBucket func(ctx context.Context, root location.Location) (objstore.Reader, error)
	// CacheDir is where fetched files are kept.
	CacheDir string
	// MaxFetchBytes is the most that is fetched for a query, without what the cache has. 0: no limit.
	MaxFetchBytes int64
	// Tell shows a line about the download. It may be nil.
	Tell func(line string)
	// MemoryBytes and Threads: see engine.Options.
	MemoryBytes int64
	Threads     int
}

// View is SQL over tables of the catalog, in DuckDB's dialect. It names them as <database>.<table>.
type View struct {
	SQL    string
	Tables []string
	// PrunedBy are partition keys: a condition on one of them above the view chooses the partitions of its tables.
	PrunedBy []string
}

// ErrNoView means that the lake has no table with events that a view reads.
var ErrNoView = errors.New("the view has no tables")

// SQLError is a mistake in the SQL that its author has to correct.
type SQLError struct{ Message string }

func (e *SQLError) Error() string { return e.Message }

// TooMuchError says that a query needs more from S3 than Options.MaxFetchBytes.
type TooMuchError struct {
	NeedBytes, MaxBytes int64
	Partitions          int
}

func (e *TooMuchError) Error() string {
	return fmt.Sprintf("the query needs %s of %s from S3, more than %s", human.Size(e.NeedBytes), human.Plural(int64(e.Partitions), "partition"), human.Size(e.MaxBytes))
}

// Result streams the rows of a query.
type Result struct {
	engine.RowReader
	db   *engine.DB
	temp *tempdir.Dir
}

// Close closes the database and removes its temporary files.
func (r *Result) Close() {
	r.RowReader.Close()
	_ = r.db.Close()
	r.temp.Remove()
}

// Run prepares the tables that the SQL names and starts it. The caller closes the result.
func Run(ctx context.Context, sql string, o Options) (*Result, error) {
	if strings.TrimSpace(sql) == "" {
		return nil, &SQLError{"the query is empty"}
	}
	names, err := o.names(ctx)
	if err != nil {
		return nil, err
	}
	p, err := newPlanner()
	if err != nil {
		return nil, err
	}
	refs, showAll, err := p.references(ctx, sql, names)
	if err == nil {
		refs, err = p.expand(ctx, &o, names, refs, showAll)
	}
	if err == nil {
		err = p.views(ctx, o, names, refs, showAll)
	}
	p.close()
	if err != nil {
		return nil, err
	}
	temp, err := tempdir.New("", "query")
	if err != nil {
		return nil, fmt.Errorf("create a folder for temporary files: %w", err)
	}
	db, err := engine.OpenReader(engine.ReaderOptions{MemoryBytes: o.MemoryBytes, Threads: o.Threads, TempDir: temp.Path, AllowedPaths: p.allowed, Setup: p.setup})
	if err != nil {
		temp.Remove()
		return nil, fmt.Errorf("prepare the tables: %w", err)
	}
	rows, err := db.Query(ctx, sql)
	if err != nil {
		_ = db.Close()
		temp.Remove()
		return nil, sqlError(sql, err)
	}
	return &Result{RowReader: rows, db: db, temp: temp}, nil
}

// sqlError distinguishes mistakes in the SQL from other errors.
func sqlError(sql string, err error) error {
	var e *engine.Error
	var s *engine.SyntaxError
	switch {
	case errors.As(err, &s):
		return &SQLError{placed(sql, s.Offset, s.Message)}
	case errors.As(err, &e):
		switch e.Kind {
		case "Parser", "Binder", "Catalog", "Syntax", "Conversion", "Invalid Input", "Not implemented", "Permission", "Out of Range", "Invalid type":
			return &SQLError{placed(sql, e.Offset, e.Message)}
		}
	}
	return err
}

func placed(sql string, offset int, message string) string {
	if offset < 0 || offset > len(sql) {
		return message
	}
	line, column := diag.Position(sql, offset)
	if line == 1 && !strings.Contains(sql, "\n") {
		return fmt.Sprintf("column %d: %s", column, message)
	}
	return fmt.Sprintf("line %d, column %d: %s", line, column, message)
}

// tableNames are the tables of the catalog and what else they are called, all in lower case.
type tableNames struct {
	database string
	tables   []string          // sorted
	of       map[string]string // name or alias to table
	twice    map[string]bool   // aliases that several tables would have
	views    []string          // of Options, without those that a table hides
}

// Alias is the short name of a table that Security Lake named: what follows _ext_, as network_firewall. "" for other tables.
func Alias(table string) string {
	if !strings.HasPrefix(table, "amazon_security_lake_table_") {
		return ""
	}
	_, alias, _ := strings.Cut(table, "_ext_")
	return alias
}

func (o *Options) names(ctx context.Context) (*tableNames, error) {
	tables, err := o.Catalog.Tables(ctx)
	if err != nil {
		return nil, err
	}
	n := &tableNames{database: strings.ToLower(o.Database), tables: tables, of: map[string]string{}, twice: map[string]bool{}}
	alias := func(name, table string) {
		if name == "" || n.twice[name] || n.of[name] == table {
			return
		}
		if _, taken := n.of[name]; taken {
			delete(n.of, name)
			n.twice[name] = true
			return
		}
		n.of[name] = table
	}
	for _, t := range tables {
		alias(Alias(strings.ToLower(t)), t)
	}
	for name, t := range o.Aliases { // what the job says goes before what names look like
		if contains(tables, t) {
			n.of[strings.ToLower(name)] = t
			delete(n.twice, strings.ToLower(name))
		}
	}
	for _, t := range tables { // a table's own name before all
		n.of[strings.ToLower(t)] = t
	}
	for _, v := range o.Views {
		t, taken := n.of[v]
		if taken {
			// What etl views apply created in the catalog has the name of the view, and nothing to read.
			table, err := o.Catalog.Table(ctx, t)
			if err != nil {
				return nil, err
			}
			if taken = table.Location != ""; !taken {
				delete(n.of, v)
			}
		}
		if !taken {
			n.views = append(n.views, v)
		}
	}
	return n, nil
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// find returns the table of a name in the SQL. ok is false if the name does not refer to the catalog.
func (n *tableNames) find(r reference) (table string, ok bool, err error) {
	if r.catalog != "" || r.schema != "" && !strings.EqualFold(r.schema, n.database) {
		return "", false, nil
	}
	name := strings.ToLower(r.name)
	if n.isView(r) {
		return "", false, nil
	}
	if t, ok := n.of[name]; ok {
		return t, true, nil
	}
	if strings.HasPrefix(name, "duckdb_") || strings.HasPrefix(name, "pragma_") || strings.HasPrefix(name, "sqlite_") {
		return "", false, nil
	}
	if n.twice[name] {
		return "", false, &SQLError{fmt.Sprintf("%s names several tables; write one of %s", r.name, strings.Join(n.like(name), ", "))}
	}
	if len(n.tables) == 0 {
		return "", false, &SQLError{fmt.Sprintf("table %s not found: the catalog has no tables yet. Try: etl run JOB, which creates them", r.name)}
	}
	return "", false, &SQLError{fmt.Sprintf("table %s not found; the catalog has %s", r.name, strings.Join(n.short(), ", "))}
}

// isView says whether a name in the SQL refers to a view.
func (n *tableNames) isView(r reference) bool {
	return r.catalog == "" && (r.schema == "" || strings.EqualFold(r.schema, n.database)) && contains(n.views, strings.ToLower(r.name))
}

// like are the tables with an alias.
func (n *tableNames) like(alias string) (out []string) {
	for _, t := range n.tables {
		if Alias(strings.ToLower(t)) == alias {
			out = append(out, t)
		}
	}
	return out
}

// short lists each table by its shortest name, ten at most.
func (n *tableNames) short() []string {
	byTable := map[string]string{}
	for name, t := range n.of {
		if have := byTable[t]; have == "" || len(name) < len(have) || len(name) == len(have) && name < have {
			byTable[t] = name
		}
	}
	var out []string
	for _, name := range byTable {
		out = append(out, name)
	}
	sort.Strings(out)
	if len(out) > 10 {
		out = append(out[:10], fmt.Sprintf("and %d more (SHOW TABLES)", len(out)-10))
	}
	return out
}
