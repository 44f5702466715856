package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	bindings "github.com/duckdb/duckdb-go-bindings"
)

const (
	// batchRows and batchBytes end a batch: several chunks are merged, because each batch costs its reader as much as some
	// hundred rows do.
	batchRows  = 16384
	batchBytes = 16 << 20 // see Options.BatchBytes
)

// Query runs one SELECT and streams its rows. Its result is never whole in memory: DuckDB stops while nobody calls Next.
// Cancelling ctx interrupts it; Next then gives ctx's error. The reader must be closed, also after an error.
func (d *DB) Query(ctx context.Context, sql string) (RowReader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if i := strings.IndexByte(sql, 0); i >= 0 {
		return nil, &Error{Kind: "Parser", Message: "the statement contains a NUL byte", Offset: i}
	}
	r := &rows{batch: d.batch}
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil, errClosed
	}
	var err error
	r.conn, err = d.connect()
	d.mu.Unlock()
	if err != nil {
		return nil, err
	}
	r.call = d.begin(ctx, r.conn)
	if err := r.start(d, sql); err != nil {
		err = r.call.reason(err)
		r.Close()
		return nil, err
	}
	return r, nil
}

// rows is a RowReader over a streamed result.
type rows struct {
	conn   bindings.Connection
	batch  int // bytes
	call   *call
	ps     bindings.PreparedStatement
	res    bindings.Result
	schema *arrow.Schema
	cols   []*column
	views  []view

	chunk bindings.DataChunk
	at, n int // rows of chunk that are taken, and all of them
	err   error
	ended bool
}

func (r *rows) start(d *DB, sql string) error {
	if bindings.Prepare(r.conn, sql, &r.ps) != bindings.StateSuccess {
		return duckError(bindings.PrepareError(r.ps))
	}
	if err := d.selectOnly(r.conn, r.ps, sql); err != nil {
		return err
	}
	if err := r.columns(d.wide); err != nil {
		return err
	}
	if bindings.ExecutePreparedStreaming(r.ps, &r.res) != bindings.StateSuccess {
		return duckError(bindings.ResultError(&r.res))
	}
	return nil
}

// selectOnly refuses what is not a SELECT. EXPLAIN is let through where it explains one: EXPLAIN ANALYZE runs its statement.
func (d *DB) selectOnly(conn bindings.Connection, ps bindings.PreparedStatement, sql string) error {
	switch k := bindings.PreparedStatementType(ps); k {
	case bindings.StatementTypeSelect:
		return nil
	case bindings.StatementTypeExplain:
		toks, err := lex(sql)
		if err != nil {
			return err
		}
		i := 1
		if i < len(toks) && toks[i].is("analyze") {
			i++
		}
		if i >= len(toks) || toks[i].text == "(" {
			return refused(k)
		}
		var inner bindings.PreparedStatement
		defer func() { bindings.DestroyPrepare(&inner) }()
		if bindings.Prepare(conn, sql[toks[i].at:], &inner) != bindings.StateSuccess {
			return duckError(bindings.PrepareError(inner))
		}
		if k := bindings.PreparedStatementType(inner); k != bindings.StatementTypeSelect {
			return refused(k)
		}
		return nil
	default:
		return refused(k)
	}
}

func (r *rows) columns(wide bool) error {
	var fields []arrow.Field
	for i := range bindings.PreparedStatementColumnCount(r.ps) {
		name := bindings.PreparedStatementColumnName(r.ps, i)
		lt := bindings.PreparedStatementColumnLogicalType(r.ps, i)
		c, err := newColumn(lt, wide)
		bindings.DestroyLogicalType(&lt)
		if err != nil {
			return fmt.Errorf("engine: column %q %w", name, err)
		}
		r.cols = append(r.cols, c)
		fields = append(fields, arrow.Field{Name: name, Type: c.typ, Nullable: true})
	}
	r.views = make([]view, len(r.cols))
	r.schema = arrow.NewSchema(fields, nil)
	return nil
}

func (r *rows) Schema() *arrow.Schema { return r.schema }

func (r *rows) Next() (arrow.RecordBatch, error) {
	if r.err != nil {
		return nil, r.err
	}
	have, size := 0, 0
	for !r.ended && have < batchRows && size < r.batch {
		if r.at == r.n {
			if err := r.fetch(); err != nil {
				r.err = err
				return nil, err
			}
			continue
		}
		to, s := r.step(min(r.n, r.at+batchRows-have))
		if have > 0 && size+s > 4*r.batch {
			break // a chunk of wide rows is a batch of its own
		}
		for i, c := range r.cols {
			c.add(&r.views[i], r.at, to)
		}
		have += to - r.at
		size += s
		if r.at = to; r.at == r.n {
			bindings.DestroyDataChunk(&r.chunk) // its rows may be wide
		}
	}
	if have == 0 {
		return nil, nil
	}
	arrs := make([]arrow.Array, len(r.cols))
	for i, c := range r.cols {
		d := c.take()
		arrs[i] = array.MakeFromData(d)
		d.Release()
	}
	b := array.NewRecordBatch(r.schema, arrs, int64(have))
	for _, a := range arrs {
		a.Release()
	}
	return b, nil
}

// step gives how far the chunk's next rows go, up to `to`, within a batch's bytes (one row at least), and their bytes: an Arrow
// text column ends at 2 GiB, and a batch's memory is not DuckDB's to limit.
func (r *rows) step(to int) (int, int) {
	for {
		s := 0
		for i, c := range r.cols {
			s += c.size(&r.views[i], r.at, to)
		}
		if s <= r.batch || to == r.at+1 {
			return to, s
		}
		to = r.at + (to-r.at+1)/2
	}
}

// fetch gets the next chunk, or ends the reader.
func (r *rows) fetch() error {
	bindings.DestroyDataChunk(&r.chunk)
	r.at, r.n = 0, 0
	if err := r.call.parent.Err(); err != nil {
		return r.call.reason(err)
	}
	r.chunk = bindings.FetchChunk(r.res)
	if r.chunk.Ptr == nil {
		if m := bindings.ResultError(&r.res); m != "" {
			return r.call.reason(duckError(m))
		}
		r.ended = true
		return nil
	}
	r.n = int(bindings.DataChunkGetSize(r.chunk))
	for i, c := range r.cols {
		r.views[i].load(bindings.DataChunkGetVector(r.chunk, bindings.IdxT(i)), c)
	}
	return nil
}

// Close ends the query, also one that is not read to its end: its Cursors' context is cancelled, and each is closed before
// Close returns. It may be called again.
func (r *rows) Close() {
	if r.conn.Ptr == nil {
		return
	}
	r.err = cmpError(r.err, errEnded)
	r.call.cancel()
	bindings.DestroyDataChunk(&r.chunk)
	bindings.DestroyResult(&r.res)
	bindings.DestroyPrepare(&r.ps)
	r.call.end()
	r.call.db.disconnect(&r.conn)
}

func cmpError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
