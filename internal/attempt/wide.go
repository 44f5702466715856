package attempt

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/rowfile"
	"github.com/silt-etl/silt/internal/spillsort"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// projectWide runs one projection over rows of any width, and writes its files: DuckDB projects a few rows at a time, which are put into
// a temporary file and read back in order. DuckDB's own sort gives 2,048 rows at once, whatever their width is.
//
// A query can read the objects once. Each SELECT therefore has a query of its own, and each but the first reads them again.
func (w *output) projectWide(ctx context.Context, db Engine, p *sqlgen.Projection) error {
	rows, err := rowfile.Create(filepath.Join(w.o.TempDir, "rows"))
	if err != nil {
		return err
	}
	defer rows.Close()
	order := spillsort.New[[5]int64](w.scan.stopped, w.o.TempDir, "order", w.memory.order)
	defer order.Close()
	ex := decode.NewExpander(w.scan.keys)
	sizes := decode.NewExpander(w.scan.keys) // of rows that ex expands later, and counts
	var schema *arrow.Schema
	for _, part := range p.Parts {
		if w.queries++; w.queries > 1 {
			w.scan.restart(ctx)
		}
		if schema, err = w.spoolPart(ctx, db, p, part, sizes, rows, order); err != nil {
			return err
		}
	}

	f := &fileSet{w: w, p: p}
	defer f.abandon()
	b := rowfile.NewBuilder(schema)
	defer b.Release()
	held, n := int64(0), 0
	flush := func() error {
		batch := b.NewRecordBatch()
		defer batch.Release()
		held, n = 0, 0
		return w.rows(p, f, ex, batch)
	}
	err = order.Each(func(place [5]int64) error {
		size, err := rows.Read(place[4], b)
		if err != nil {
			return err
		}
		held += int64(size)
		if n++; held < w.memory.batch && n < wideBatchRows {
			return nil
		}
		return flush()
	})
	if err == nil && n > 0 {
		err = flush()
	}
	if err != nil {
		return err
	}
	if err := w.partitions.err(); err != nil {
		return err
	}
	w.fields.Collect(ex, w.known)
	return f.close()
}

// wideBatchRows ends a batch of rows that are not wide.
const wideBatchRows = 16384

// spoolPart runs a query, and puts its rows into a file.
func (w *output) spoolPart(ctx context.Context, db Engine, p *sqlgen.Projection, sql string, ex *decode.Expander, rows *rowfile.File, order *spillsort.Sorter[[5]int64]) (*arrow.Schema, error) {
	res, err := db.Query(ctx, "SELECT * FROM ("+sql+")")
	if err != nil {
		return nil, err
	}
	defer res.Close()
	return res.Schema(), w.spoolRows(p, ex, res, rows, order)
}

// spoolRows puts the rows of a result into a file, and the place of each into the order. Rows that no file gets are decided at once.
func (w *output) spoolRows(p *sqlgen.Projection, ex *decode.Expander, res engine.RowReader, rows *rowfile.File, order *spillsort.Sorter[[5]int64]) error {
	accounts := map[string]int64{}
	for {
		b, err := res.Next()
		if err != nil {
			return err
		}
		if b == nil {
			return rows.Flush()
		}
		err = w.spoolBatch(p, ex, b, accounts, rows, order)
		b.Release()
		if err != nil {
			return err
		}
	}
}

func (w *output) spoolBatch(p *sqlgen.Projection, ex *decode.Expander, b arrow.RecordBatch, accounts map[string]int64, rows *rowfile.File, order *spillsort.Sorter[[5]int64]) error {
	r, err := w.fixed(b)
	if err != nil {
		return err
	}
	for i := range int(b.NumRows()) {
		if !r.reject.IsNull(i) {
			if w.row(p, r, i, nil); w.failed != nil {
				return w.failed
			}
			continue
		}
		decided, err := w.tooWide(p, ex, b, i)
		if err != nil {
			return err
		}
		if decided {
			continue
		}
		at, err := rows.Add(b, i)
		if err != nil {
			return err
		}
		name := w.o.Account
		if !r.account.IsNull(i) {
			name = r.account.Value(i)
		}
		account, ok := accounts[name]
		if !ok {
			account = int64(len(accounts))
			accounts[strings.Clone(name)] = account
		}
		if err := order.Add([5]int64{account, number(r.time, i), int64(r.object.Value(i)), r.record.Value(i), at}); err != nil {
			return err
		}
	}
	return nil
}

// tooWide rejects a row that is too wide for a file, so that it is not kept until the sort. decided says that it was.
func (w *output) tooWide(p *sqlgen.Projection, ex *decode.Expander, b arrow.RecordBatch, i int) (decided bool, err error) {
	size, err := rowfile.Size(b, i)
	if err != nil || size <= lake.MaxValueBytes {
		return false, err
	}
	one := b.NewSlice(int64(i), int64(i+1))
	defer one.Release()
	r, err := w.view(ex, one)
	if err != nil {
		return false, err
	}
	defer r.batch.Release()
	bad, err := lake.TooWide(&p.Schema, r.batch)
	if err != nil || len(bad) == 0 {
		return false, err
	}
	w.row(p, r, 0, map[int]string{0: bad[0].Path})
	return true, w.failed
}

func number(a *array.Int64, i int) int64 {
	if a.IsNull(i) {
		return 0
	}
	return a.Value(i)
}
