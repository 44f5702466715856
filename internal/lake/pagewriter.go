package lake

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
)

// pageWriter encodes the flat columns straight into Parquet pages: constants, lookups and levels are runs and cost next to
// nothing, and columns are encoded side by side. A row group's pages are kept, compressed, until it ends.
//
// A page ends between two rows only. What is held: RowGroupBytes, and by column an open page and a dictionary.
type pageWriter struct {
	layout *fileLayout
	opts   WriterOptions
	out    *countingWriter
	packs  []*packer // one a thread
	chunks []*chunk
	foot   footer
	order  order
	rows   int64
	group  int64 // rows in the open row group
	err    error
}

// stepRows and stepBytes bound what is encoded between two looks at the row group's size.
const (
	stepRows  = 8192
	stepBytes = 16 << 20
)

// NewWriter begins a file.
func NewWriter(w io.Writer, s *Schema, o WriterOptions) (Writer, error) {
	fl, err := newFileLayout(s)
	if err != nil {
		return nil, err
	}
	o = o.withDefaults(768 << 10)
	pw := &pageWriter{layout: fl, opts: o, out: &countingWriter{w: w}, order: order{layout: fl}}
	for range o.Threads {
		pw.packs = append(pw.packs, newPacker(o.Level))
	}
	pw.foot = footer{createdBy: o.createdBy(), time: -1, values: o.KeyValues}
	for _, n := range s.Columns {
		pw.foot.roots = append(pw.foot.roots, elementOf(n))
	}
	for _, l := range leavesOf(fl) {
		if l.dotted() == "time" {
			pw.foot.time = l.index
		}
		pw.chunks = append(pw.chunks, newChunk(l, o))
	}
	pw.foot.leaves = len(pw.chunks)
	if err := pw.write([]byte("PAR1")); err != nil {
		return nil, err
	}
	return pw, nil
}

// countingWriter counts, and hides everything but Write (in tests pqarrow would close what has a Close).
type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

func (w *pageWriter) write(b []byte) error {
	if _, err := w.out.Write(b); err != nil {
		w.err = fmt.Errorf("write Parquet file: %w", err)
	}
	return w.err
}

func (w *pageWriter) Rows() int64 { return w.rows }

// compressed and open are the bytes of the open row group: in pages that are done, and not yet compressed.
func (w *pageWriter) held() (compressed, open int64) {
	for _, c := range w.chunks {
		compressed += c.comp
		open += c.open()
	}
	return compressed, open
}

func (w *pageWriter) Bytes() int64 {
	compressed, open := w.held()
	return w.out.n + compressed + open/4 + int64(len(w.chunks))*int64(len(w.foot.groups)+1)*150
}

func (w *pageWriter) Write(b arrow.RecordBatch) error {
	if w.err != nil {
		return w.err
	}
	flat, next, err := w.layout.admit(b, w.order)
	if err != nil {
		return err
	}
	for _, c := range w.chunks {
		c.bind(flat)
	}
	err = w.steps(flat, 0, flat.n)
	for _, c := range w.chunks {
		c.unbind()
	}
	if err != nil {
		return err
	}
	w.order = next
	w.rows += int64(flat.n)
	return nil
}

// steps encodes the rows [a, b), ending row groups where they are full.
func (w *pageWriter) steps(flat *flatBatch, a, b int) error {
	for a < b {
		n := min(b-a, stepRows, int(min(w.opts.RowGroupRows-w.group, stepRows)))
		raw := w.layout.rowBytes(flat, a, a+n)
		for n > 1 && raw > stepBytes {
			n /= 2
			raw = w.layout.rowBytes(flat, a, a+n)
		}
		if w.group > 0 && raw > stepBytes { // one very wide row
			if compressed, open := w.held(); compressed+open+raw > MaxRowGroupBytes-stepBytes {
				if err := w.endGroup(); err != nil {
					return err
				}
			}
		}
		if err := w.columns(func(c *chunk) { c.add(flat, a, a+n); c.dropPoorDictionary() }); err != nil {
			return err
		}
		w.group += int64(n)
		a += n
		compressed, open := w.held()
		if compressed >= w.opts.RowGroupBytes || compressed+open > min(4*w.opts.RowGroupBytes, MaxRowGroupBytes/2) || w.group >= w.opts.RowGroupRows {
			if err := w.endGroup(); err != nil {
				return err
			}
		}
	}
	return nil
}

// columns calls fn for every column, on as many goroutines as there are threads.
func (w *pageWriter) columns(fn func(c *chunk)) error {
	var next atomic.Int64
	work := func(z *packer) {
		for i := next.Add(1); i <= int64(len(w.chunks)); i = next.Add(1) {
			c := w.chunks[len(w.chunks)-int(i)] // unmapped, which takes most time, is the last
			c.zstd = z
			fn(c)
		}
	}
	var wg sync.WaitGroup
	for _, z := range w.packs[1:] {
		wg.Go(func() { work(z) })
	}
	work(w.packs[0])
	wg.Wait()
	for _, c := range w.chunks {
		if c.err != nil {
			w.err = c.err
		}
	}
	return w.err
}

func (w *pageWriter) endGroup() error {
	if w.group == 0 {
		return nil
	}
	pages := make([][][]byte, len(w.chunks))
	g := groupFooter{rows: w.group, chunks: make([]chunkFooter, len(w.chunks))}
	if err := w.columns(func(c *chunk) { pages[c.leaf.index], g.chunks[c.leaf.index] = c.finish() }); err != nil {
		return err
	}
	for i := range pages {
		c := &g.chunks[i]
		c.dictOff = w.out.n
		c.dataOff += w.out.n
		for _, p := range pages[i] {
			if err := w.write(p); err != nil {
				return err
			}
		}
		w.chunks[i].reset()
	}
	w.foot.groups = append(w.foot.groups, g)
	w.group = 0
	return nil
}

func (w *pageWriter) Close() (FileStats, error) {
	if w.err != nil {
		return FileStats{}, w.err
	}
	if err := w.endGroup(); err != nil {
		return FileStats{}, err
	}
	if err := w.write(w.foot.encode()); err != nil {
		return FileStats{}, err
	}
	w.err = ErrClosed
	return FileStats{Rows: w.rows, Bytes: w.out.n, RowGroups: len(w.foot.groups), MinTime: w.order.first, MaxTime: w.order.last}, nil
}
