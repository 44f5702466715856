package parquet

import (
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// batch is how many entries of a column are decoded at once, at most.
const batch = 512

// column reads the entries of a column of one row group after the other. Texts point into the page, so a batch does not cross a page's
// end.
type column struct {
	name           string // dotted, for messages
	maxDef, maxRep int16
	write          func(dst []byte, c *column, i int) []byte // value i
	form           func(v []byte) longForm                   // how a value of many bytes is written
	leastBits      int64                                     // of a value in a page
	batch          int64                                     // entries to decode at once

	reader         file.ColumnChunkReader
	promised, seen int64 // entries, NULLs included
	defs, reps     []int16
	i, n           int // entries of the batch: the next, and how many
	v              int // the next value, without NULLs

	bools  []bool
	i32    []int32
	i64    []int64
	i96    []parquet.Int96
	f32    []float32
	f64    []float64
	texts  []parquet.ByteArray
	fixeds []parquet.FixedLenByteArray
}

func newColumn(d *schema.Column, def, rep int16) *column {
	c := &column{name: d.Path(), maxDef: def, maxRep: rep, write: writer(d), form: longer(d), batch: batch}
	if len(c.name) > 80 {
		c.name = c.name[:80]
	}
	if def > 0 {
		c.defs = make([]int16, batch)
	}
	if rep > 0 {
		c.reps = make([]int16, batch)
	}
	switch d.PhysicalType() {
	case parquet.Types.Boolean:
		c.leastBits = 1
		c.bools = make([]bool, batch)
	case parquet.Types.Int32:
		c.leastBits = 32
		c.i32 = make([]int32, batch)
	case parquet.Types.Int64:
		c.leastBits = 64
		c.i64 = make([]int64, batch)
	case parquet.Types.Int96:
		c.leastBits = 96
		c.i96 = make([]parquet.Int96, batch)
	case parquet.Types.Float:
		c.leastBits = 32
		c.f32 = make([]float32, batch)
	case parquet.Types.Double:
		c.leastBits = 64
		c.f64 = make([]float64, batch)
	case parquet.Types.ByteArray:
		c.leastBits = 32
		c.texts = make([]parquet.ByteArray, batch)
	case parquet.Types.FixedLenByteArray:
		c.leastBits = 8 * max(1, int64(d.TypeLength()))
		c.fixeds = make([]parquet.FixedLenByteArray, batch)
	}
	return c
}

func (c *column) restart(promised int64) { c.promised, c.seen, c.i, c.n, c.v = promised, 0, 0, 0, 0 }

func (c *column) close() {
	if c.reader != nil {
		_ = c.reader.Close() // it frees memory only
		c.reader = nil
	}
}

func (c *column) defAt(i int) int16 {
	if c.maxDef == 0 {
		return 0
	}
	return c.defs[i]
}

// bytes of the next entry, which is a value, if it is written as bytes.
func (c *column) bytes() []byte {
	switch {
	case c.texts != nil:
		return c.texts[c.v]
	case c.fixeds != nil:
		return c.fixeds[c.v]
	}
	return nil
}

// value writes the next entry, which is one.
func (c *column) value(dst []byte) []byte {
	dst = c.write(dst, c, c.v)
	c.v++
	c.i++
	return dst
}

// more decodes the next batch where this one is used up; false: the row group's entries are.
func (c *column) more() (bool, error) {
	if c.i < c.n {
		return true, nil
	}
	if !c.reader.HasNext() {
		if err := c.reader.Err(); err != nil {
			return false, faultf("column %s: %s", c.name, plain(err))
		}
		return false, nil
	}
	var n int64
	var read int
	var err error
	switch r := c.reader.(type) {
	case *file.BooleanColumnChunkReader:
		n, read, err = r.ReadBatchInPage(c.batch, c.bools, c.defs, c.reps)
	case *file.Int32ColumnChunkReader:
		n, read, err = r.ReadBatchInPage(c.batch, c.i32, c.defs, c.reps)
	case *file.Int64ColumnChunkReader:
		n, read, err = r.ReadBatchInPage(c.batch, c.i64, c.defs, c.reps)
	case *file.Int96ColumnChunkReader:
		n, read, err = r.ReadBatchInPage(c.batch, c.i96, c.defs, c.reps)
	case *file.Float32ColumnChunkReader:
		n, read, err = r.ReadBatchInPage(c.batch, c.f32, c.defs, c.reps)
	case *file.Float64ColumnChunkReader:
		n, read, err = r.ReadBatchInPage(c.batch, c.f64, c.defs, c.reps)
	case *file.ByteArrayColumnChunkReader:
		n, read, err = r.ReadBatchInPage(c.batch, c.texts, c.defs, c.reps)
	case *file.FixedLenByteArrayColumnChunkReader:
		n, read, err = r.ReadBatchInPage(c.batch, c.fixeds, c.defs, c.reps)
	default:
		return false, faultf("column %s has a type that is not supported", c.name)
	}
	if err != nil {
		return false, faultf("column %s: %s", c.name, plain(err))
	}
	values := int(n)
	if c.maxDef > 0 {
		values = 0
		for _, d := range c.defs[:n] {
			if d < 0 || d > c.maxDef {
				return false, faultf("column %s: a definition level of %d", c.name, d)
			}
			if d == c.maxDef {
				values++
			}
		}
	}
	if n <= 0 || read != values {
		return false, faultf("column %s: a page is truncated", c.name)
	}
	c.i, c.n, c.v = 0, int(n), 0
	c.seen += n
	return true, nil
}
