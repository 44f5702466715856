package lake

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// The Arrow writer looks at the size of a page, and of a dictionary, between two calls only, so it is called with slices:
// of at most arrowSlice bytes in every column or of one row. A row wider than arrowWide begins a row group of its own, for
// then nothing is in the page and the dictionary yet. So a page has at most arrowPage + arrowWide bytes, and a dictionary
// maxDictBytes + arrowWide, or those of one row.
const (
	arrowPage  = 512 << 10
	arrowSlice = 128 << 10
	arrowWide  = 384 << 10
	arrowRows  = 4096 // in a slice: levels and numbers stay small
	// arrowLevels is more than a slice can have in a column (6 bytes each, as spans counts them), so that a slice is one
	// write batch and no page ends within a row. A bit for each is allocated by column and row group.
	arrowLevels = 1 << 18
)

type arrowWriter struct {
	layout *fileLayout
	opts   WriterOptions
	out    *countingWriter
	pq     *pqarrow.FileWriter
	order  order
	rows   int64
	group  int64 // rows in the open row group
	raw    int64 // their plain bytes
	stats  FileStats
	err    error
}

// newArrowWriter begins a file written by arrow-go's pqarrow: slower than the page writer, and its judge.
func newArrowWriter(w io.Writer, s *Schema, o WriterOptions) (Writer, error) {
	fl, err := newFileLayout(s)
	if err != nil {
		return nil, err
	}
	o = o.withDefaults(arrowPage)
	props := []parquet.WriterProperty{
		parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCompressionLevel(o.Level),
		parquet.WithDataPageSize(int64(o.PageBytes)), parquet.WithDictionaryPageSizeLimit(maxDictBytes),
		parquet.WithBatchSize(arrowLevels), parquet.WithMaxRowGroupLength(math.MaxInt64),
		parquet.WithMaxStatsSize(maxStatBytes), parquet.WithCreatedBy(o.createdBy()),
	}
	for _, l := range leavesOf(fl) {
		if !l.dict {
			props = append(props, parquet.WithDictionaryFor(l.dotted(), false))
		}
		if l.dotted() == "time" {
			props = append(props, parquet.WithSortingColumns([]parquet.SortingColumn{{ColumnIdx: int32(l.index)}}))
		}
	}
	out := &countingWriter{w: w}
	pq, err := pqarrow.NewFileWriter(arrowSchema(s), out, parquet.NewWriterProperties(props...), pqarrow.NewArrowWriterProperties())
	if err != nil {
		return nil, fmt.Errorf("begin Parquet file: %w", err)
	}
	return &arrowWriter{layout: fl, opts: o, out: out, pq: pq, order: order{layout: fl}}, nil
}

func (w *arrowWriter) Rows() int64 { return w.rows }

func (w *arrowWriter) Bytes() int64 {
	// What is in open pages is not compressed yet, and pqarrow does not say how much it is.
	return w.out.n + max(w.pq.RowGroupTotalCompressedBytes(), w.raw/3)
}

func (w *arrowWriter) Write(b arrow.RecordBatch) error {
	if w.err != nil {
		return w.err
	}
	flat, next, err := w.layout.admit(b, w.order)
	if err != nil {
		return err
	}
	rec, err := w.layout.assemble(flat)
	if err != nil {
		return err
	}
	defer rec.Release()
	if err := w.slices(flat, rec, 0, flat.n); err != nil {
		w.err = fmt.Errorf("write Parquet file: %w", err)
		return w.err
	}
	w.order = next
	w.rows += int64(flat.n)
	return nil
}

func (w *arrowWriter) slices(flat *flatBatch, rec arrow.RecordBatch, a, b int) error {
	if a >= b {
		return nil
	}
	wide := w.layout.widest(flat, a, b)
	if b-a > 1 && (wide > arrowSlice || b-a > arrowRows) {
		m := a + (b-a)/2
		if err := w.slices(flat, rec, a, m); err != nil {
			return err
		}
		return w.slices(flat, rec, m, b)
	}
	raw := w.layout.rowBytes(flat, a, b)
	if w.group > 0 && (wide > arrowWide || w.group+int64(b-a) > w.opts.RowGroupRows ||
		w.pq.RowGroupTotalCompressedBytes()+raw > w.opts.RowGroupBytes) {
		if err := w.pq.NewBufferedRowGroupChecked(); err != nil {
			return err
		}
		w.group, w.raw = 0, 0
	}
	if w.group == 0 {
		w.stats.RowGroups++
	}
	w.group += int64(b - a)
	w.raw += raw
	s := rec.NewSlice(int64(a), int64(b))
	defer s.Release()
	return w.pq.WriteBuffered(s)
}

// widest is the most that the rows [a, b) have in one column of the file, plain.
func (fl *fileLayout) widest(flat *flatBatch, a, b int) int64 {
	var most int64
	for _, f := range fl.leaves {
		if !f.fixed && f.lookup == nil {
			spans(f.path, flat.cols[f.node.Column], a, b, func(_ string, n int64) { most = max(most, n) })
		}
	}
	return most
}

func (w *arrowWriter) Close() (FileStats, error) {
	if errors.Is(w.err, ErrClosed) {
		return FileStats{}, ErrClosed
	}
	err := w.pq.Close()
	if w.err != nil {
		return FileStats{}, w.err
	}
	w.err = ErrClosed
	if err != nil {
		return FileStats{}, fmt.Errorf("end Parquet file: %w", err)
	}
	w.stats.Rows, w.stats.Bytes = w.rows, w.out.n
	w.stats.MinTime, w.stats.MaxTime = w.order.first, w.order.last
	return w.stats, nil
}
