package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// DB is one embedded database. Its methods may be called by several goroutines: Exec and the Parser's calls wait for each
// other, queries run side by side, each on a connection of its own. Two DBs share nothing.
type DB struct {
	db      bindings.Database
	threads int
	batch   int // bytes
	// wide lets Query give the types that only a person's query has (reader.go).
	wide bool

	main session // Exec
	side session // Parser, Functions
	// stream is for the one query at a time of a DB with Options.Streaming, nil while it is in use.
	stream chan bindings.Connection

	mu      sync.Mutex
	running map[uint64]*call // by DuckDB's connection id, for the context a Cursor is given
	closed  bool
}

// session is a connection that one statement at a time uses.
type session struct {
	mu sync.Mutex
	c  bindings.Connection
}

// settings of every DB, in addition to those of Options. All of them are global: a query's connection is made after the lock.
var settings = []string{
	"SET GLOBAL errors_as_json=true",
	"SET GLOBAL TimeZone='UTC'",
}

// lock comes last: after it no statement reaches files, the network, extensions or a setting.
var lock = []string{"SET enable_external_access=false", "SET lock_configuration=true"}

// Open gives a DB from which SQL reaches nothing but what Go registers.
func Open(opts Options) (*DB, error) {
	return open(opts, lock)
}

func open(opts Options, last []string) (_ *DB, err error) {
	var cfg bindings.Config
	if bindings.CreateConfig(&cfg) != bindings.StateSuccess {
		return nil, errors.New("engine: DuckDB returned no configuration")
	}
	defer bindings.DestroyConfig(&cfg)
	d := &DB{threads: opts.Threads, batch: int(opts.BatchBytes), running: map[uint64]*call{}}
	if d.batch <= 0 {
		d.batch = batchBytes
	}
	if d.threads <= 0 {
		d.threads = runtime.NumCPU()
	}
	set := [][2]string{
		{"threads", strconv.Itoa(d.threads)},
		{"temp_directory", ""},
		{"autoinstall_known_extensions", "false"},
		{"autoload_known_extensions", "false"},
		{"allow_community_extensions", "false"},
	}
	if opts.MemoryBytes > 0 {
		set = append(set, [2]string{"memory_limit", strconv.FormatInt(opts.MemoryBytes, 10) + "B"})
	}
	if opts.TempDir != "" {
		dir, err := filepath.Abs(opts.TempDir)
		if err != nil {
			return nil, fmt.Errorf("engine: temp folder: %w", err)
		}
		if fi, err := os.Stat(dir); err != nil {
			return nil, fmt.Errorf("engine: temp folder: %w", err)
		} else if !fi.IsDir() {
			return nil, fmt.Errorf("engine: temp folder %s is a file; name a folder", dir)
		}
		set[1][1] = dir
		if opts.TempBytes > 0 {
			set = append(set, [2]string{"max_temp_directory_size", strconv.FormatInt(opts.TempBytes, 10) + "B"})
		}
	}
	for _, kv := range set {
		if bindings.SetConfig(cfg, kv[0], kv[1]) != bindings.StateSuccess {
			return nil, fmt.Errorf("engine: DuckDB refuses %s=%q", kv[0], kv[1])
		}
	}
	var msg string
	if bindings.OpenExt(":memory:", &d.db, cfg, &msg) != bindings.StateSuccess {
		bindings.Close(&d.db)
		return nil, fmt.Errorf("engine: open: %w", duckError(msg))
	}
	defer func() {
		if err != nil {
			d.Close()
		}
	}()
	for _, s := range []*session{&d.main, &d.side} {
		if bindings.Connect(d.db, &s.c) != bindings.StateSuccess {
			return nil, errors.New("engine: DuckDB returned no connection")
		}
	}
	if err := d.registerChecks(); err != nil {
		return nil, err
	}
	if err := d.registerFastMacros(); err != nil {
		return nil, err
	}
	if err := (lookups{d.main.c}).register(opts.Lookups); err != nil {
		return nil, err
	}
	// If insertion order is kept, DuckDB scans a table function with one thread only. ORDER BY is kept in any case.
	all := append(append([]string(nil), settings...), fmt.Sprintf("SET GLOBAL preserve_insertion_order=%t", opts.Streaming))
	if opts.Streaming {
		keepNoFreeMemory()
		if err := d.connectStream(); err != nil {
			return nil, err
		}
	}
	for _, s := range append(all, last...) {
		if err := d.main.run(s, nil); err != nil {
			if s = oneLine(s); len(s) > 80 {
				s = s[:80] + "..."
			}
			return nil, fmt.Errorf("engine: %s: %w", s, err)
		}
	}
	return d, nil
}

// connectStream makes the connection of queries before the configuration is locked. DuckDB counts 16 bytes for each text of a result that
// waits to be read, however long it is, so that almost nothing may wait; and its filters gather the rows of small chunks.
func (d *DB) connectStream() error {
	s := session{}
	if bindings.Connect(d.db, &s.c) != bindings.StateSuccess {
		return errors.New("engine: DuckDB returned no connection")
	}
	d.stream = make(chan bindings.Connection, 1)
	d.stream <- s.c
	return s.run("SET streaming_buffer_size='1B'; SET enable_caching_operators=false", nil)
}

// connect returns a connection for a query.
func (d *DB) connect() (c bindings.Connection, err error) {
	if d.stream != nil {
		select {
		case c = <-d.stream:
			return c, nil
		default:
			return c, errors.New("engine: a query is still open")
		}
	}
	if bindings.Connect(d.db, &c) != bindings.StateSuccess {
		return c, errors.New("engine: DuckDB returned no connection")
	}
	return c, nil
}

// disconnect ends the use of a connection for a query.
func (d *DB) disconnect(c *bindings.Connection) {
	d.mu.Lock()
	keep := d.stream != nil && !d.closed
	if keep {
		d.stream <- *c
		c.Ptr = nil
	}
	d.mu.Unlock()
	if !keep {
		bindings.Disconnect(c)
	}
}

// Close lets the database go. Readers that are still open keep it alive until they are closed. It may be called again.
func (d *DB) Close() error {
	d.mu.Lock()
	done := d.closed
	d.closed = true
	d.mu.Unlock()
	if done {
		return nil
	}
	select {
	case c := <-d.stream:
		bindings.Disconnect(&c)
	default:
	}
	for _, s := range []*session{&d.main, &d.side} {
		s.mu.Lock()
		bindings.Disconnect(&s.c)
		s.mu.Unlock()
	}
	bindings.Close(&d.db)
	trim()
	return nil
}

var errClosed = errors.New("engine: the database is closed")

// execKinds are the kinds of statements that Exec runs. The rest (COPY, ATTACH, EXPORT, LOAD, SET, ...) reaches out of
// the database: the lock refuses it too, but DuckDB counts its temp folder among the folders that COPY may write to.
var execKinds = map[bindings.StatementType]bool{
	bindings.StatementTypeSelect: true, bindings.StatementTypeInsert: true, bindings.StatementTypeUpdate: true,
	bindings.StatementTypeDelete: true, bindings.StatementTypeCreate: true, bindings.StatementTypeDrop: true,
	bindings.StatementTypeAlter: true, bindings.StatementTypeTransaction: true, bindings.StatementTypeAnalyze: true,
}

// Exec runs the statements of sql one after the other and drops their rows. What CREATE TEMP makes is seen by Exec only:
// every query has a connection of its own. Cancelling ctx interrupts the statement; the error is then ctx's.
func (d *DB) Exec(ctx context.Context, sql string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.main.mu.Lock()
	defer d.main.mu.Unlock()
	if d.main.c.Ptr == nil {
		return errClosed
	}
	c := d.begin(ctx, d.main.c)
	defer c.end()
	err := d.main.runLocked(sql, func(k bindings.StatementType) error {
		if !execKinds[k] {
			return refused(k)
		}
		return nil
	})
	return c.reason(err)
}

func refused(k bindings.StatementType) error {
	return fmt.Errorf("engine: a statement of this kind (%s) is not allowed here", statementName(k))
}

func statementName(k bindings.StatementType) string {
	switch k {
	case bindings.StatementTypeCopy, bindings.StatementTypeCopyDatabase:
		return "COPY"
	case bindings.StatementTypeAttach:
		return "ATTACH"
	case bindings.StatementTypeDetach:
		return "DETACH"
	case bindings.StatementTypeLoad:
		return "INSTALL or LOAD"
	case bindings.StatementTypeSet, bindings.StatementTypeVariableSet:
		return "SET or PRAGMA"
	case bindings.StatementTypePragma:
		return "PRAGMA"
	case bindings.StatementTypeExport:
		return "EXPORT"
	case bindings.StatementTypeCreate:
		return "CREATE"
	case bindings.StatementTypeInsert, bindings.StatementTypeUpdate, bindings.StatementTypeDelete:
		return "INSERT, UPDATE or DELETE"
	case bindings.StatementTypeDrop:
		return "DROP"
	case bindings.StatementTypeExplain:
		return "EXPLAIN"
	}
	return "number " + strconv.Itoa(int(k))
}

func (s *session) run(sql string, check func(bindings.StatementType) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runLocked(sql, check)
}

// runLocked executes every statement of sql, streaming, so that a result nobody reads costs no memory.
func (s *session) runLocked(sql string, check func(bindings.StatementType) error) error {
	if strings.IndexByte(sql, 0) >= 0 {
		return &Error{Kind: "Parser", Message: "the statement contains a NUL byte", Offset: strings.IndexByte(sql, 0)}
	}
	var ex bindings.ExtractedStatements
	n := bindings.ExtractStatements(s.c, sql, &ex)
	defer bindings.DestroyExtracted(&ex)
	if n == 0 {
		if m := bindings.ExtractStatementsError(ex); m != "" {
			return duckError(m)
		}
		return nil
	}
	for i := range n {
		if err := s.one(ex, i, check); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) one(ex bindings.ExtractedStatements, i bindings.IdxT, check func(bindings.StatementType) error) error {
	var ps bindings.PreparedStatement
	defer func() { bindings.DestroyPrepare(&ps) }()
	if bindings.PrepareExtractedStatement(s.c, ex, i, &ps) != bindings.StateSuccess {
		return duckError(bindings.PrepareError(ps))
	}
	if check != nil {
		if err := check(bindings.PreparedStatementType(ps)); err != nil {
			return err
		}
	}
	return drain(ps)
}

func drain(ps bindings.PreparedStatement) error {
	var res bindings.Result
	defer bindings.DestroyResult(&res)
	if bindings.ExecutePreparedStreaming(ps, &res) != bindings.StateSuccess {
		return duckError(bindings.ResultError(&res))
	}
	for {
		ck := bindings.FetchChunk(res)
		if ck.Ptr == nil {
			break
		}
		bindings.DestroyDataChunk(&ck)
	}
	if m := bindings.ResultError(&res); m != "" {
		return duckError(m)
	}
	return nil
}

// text runs one SELECT of one VARCHAR column with a text parameter, or none where arg is nil, and gives its rows.
func (s *session) text(sql string, arg *string) (rows []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c.Ptr == nil {
		return nil, errClosed
	}
	var ps bindings.PreparedStatement
	defer func() { bindings.DestroyPrepare(&ps) }()
	if bindings.Prepare(s.c, sql, &ps) != bindings.StateSuccess {
		return nil, duckError(bindings.PrepareError(ps))
	}
	if arg != nil && bindings.BindVarchar(ps, 1, *arg) != bindings.StateSuccess {
		return nil, duckError(bindings.PrepareError(ps))
	}
	var res bindings.Result
	defer bindings.DestroyResult(&res)
	if bindings.ExecutePreparedStreaming(ps, &res) != bindings.StateSuccess {
		return nil, duckError(bindings.ResultError(&res))
	}
	for {
		ck := bindings.FetchChunk(res)
		if ck.Ptr == nil {
			break
		}
		v := view{}
		v.load(bindings.DataChunkGetVector(ck, 0), &column{kind: kindText})
		for i := range int(bindings.DataChunkGetSize(ck)) {
			rows = append(rows, string(v.text(i)))
		}
		bindings.DestroyDataChunk(&ck)
	}
	if m := bindings.ResultError(&res); m != "" {
		return nil, duckError(m)
	}
	return rows, nil
}
