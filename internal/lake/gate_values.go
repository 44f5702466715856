package lake

import (
	"io"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
)

const dayMillis = 24 * 60 * 60 * 1000

// values decodes the columns that a value rule reads, or all if Deep.
func (g *gate) values(size int64) (err error) {
	day, err := g.want.Partition.Day()
	if err != nil {
		return err
	}
	checks, err := g.checksOf()
	if err != nil {
		return err
	}
	name := ""
	// The library panics on some broken pages; a page that it cannot read is one that readers cannot.
	defer func() {
		if p := recover(); p != nil {
			err = g.refuse(RuleData, name, "it cannot be decoded: %v", p)
		}
	}()
	rd, err := file.NewParquetReader(io.NewSectionReader(g.r, 0, size))
	if err != nil {
		return g.refuse(RuleFooter, "", "it cannot be read: %v", err)
	}
	defer func() { _ = rd.Close() }() // it holds nothing that closing could fail on
	d := &decoded{gate: g, from: day.UnixMilli(), to: day.UnixMilli() + dayMillis}
	for i := range g.meta.groups {
		rg := rd.RowGroup(i)
		for j, l := range g.leaves {
			name = l.dotted()
			if checks[j] == nil && !g.want.Deep {
				continue
			}
			c, err := rg.Column(j)
			if err != nil {
				return g.refuse(RuleData, name, "it cannot be decoded: %v", err)
			}
			n, err := d.column(c, l, checks[j])
			if err != nil {
				return err
			}
			if want := g.meta.groups[i].chunks[j].values; n != want {
				return g.refuse(RuleSums, name, "%d values could be decoded, but the footer says %d", n, want)
			}
		}
	}
	if d.any {
		g.report.MinTime, g.report.MaxTime = d.first, d.last
	}
	return nil
}

// decoded checks values as they are decoded.
type decoded struct {
	gate        *gate
	from, to    int64 // the partition's day, epoch ms
	first, last int64
	any         bool
	account     string // the last one seen to be right

	defs, reps []int16
	i32        []int32
	i64        []int64
	f64        []float64
	bools      []bool
	texts      []parquet.ByteArray
}

// batch of values decoded at a time.
const gateBatch = 8192

// column decodes a column of a row group and returns how many values (NULLs and empty lists included) it has.
func (d *decoded) column(c file.ColumnChunkReader, l *leaf, checks []check) (int64, error) {
	if d.defs == nil {
		d.defs, d.reps = make([]int16, gateBatch), make([]int16, gateBatch)
		d.i32, d.i64 = make([]int32, gateBatch), make([]int64, gateBatch)
		d.f64, d.bools = make([]float64, gateBatch), make([]bool, gateBatch)
		d.texts = make([]parquet.ByteArray, gateBatch)
	}
	name := l.dotted()
	var total int64
	for c.HasNext() {
		var n int64
		var k int
		var err error
		switch c := c.(type) {
		case *file.Int32ColumnChunkReader:
			n, k, err = c.ReadBatch(gateBatch, d.i32, d.defs, d.reps)
		case *file.Int64ColumnChunkReader:
			n, k, err = c.ReadBatch(gateBatch, d.i64, d.defs, d.reps)
		case *file.Float64ColumnChunkReader:
			n, k, err = c.ReadBatch(gateBatch, d.f64, d.defs, d.reps)
		case *file.BooleanColumnChunkReader:
			n, k, err = c.ReadBatch(gateBatch, d.bools, d.defs, d.reps)
		case *file.ByteArrayColumnChunkReader:
			n, k, err = c.ReadBatch(gateBatch, d.texts, d.defs, d.reps)
			for _, t := range d.texts[:k] {
				if d.gate.want.Deep && !utf8.Valid(t) {
					return 0, d.gate.refuse(RuleData, name, "a text is not UTF-8")
				}
			}
		default:
			return 0, d.gate.refuse(RuleData, name, "unknown type %T", c)
		}
		if err != nil {
			return 0, d.gate.refuse(RuleData, name, "it cannot be decoded: %v", err)
		}
		if n == 0 {
			break
		}
		present := 0
		for _, l2 := range d.defs[:n] {
			if int(l2) == l.maxDef {
				present++
			}
		}
		if present != k {
			return 0, d.gate.refuse(RuleSums, name, "%d values, but the levels say %d", k, present)
		}
		total += n
		for _, fn := range checks {
			if err := fn(d, d.defs[:n], int16(l.maxDef)); err != nil {
				return 0, err
			}
		}
	}
	if err := c.Err(); err != nil {
		return 0, d.gate.refuse(RuleData, name, "it cannot be decoded: %v", err)
	}
	return total, nil
}
