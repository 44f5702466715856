package render

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/mattn/go-runewidth"
)

// Rows is a streamed result. Next returns nil at the end; its caller releases each batch.
type Rows interface {
	Schema() *arrow.Schema
	Next() (arrow.RecordBatch, error)
}

// eachRow calls fn for every row and counts the rows.
func eachRow(rows Rows, fn func(b arrow.RecordBatch, i int) error) (n int64, err error) {
	for {
		b, err := rows.Next()
		if err != nil || b == nil {
			return n, err
		}
		for i := range int(b.NumRows()) {
			if err := fn(b, i); err != nil {
				b.Release()
				return n, err
			}
			n++
		}
		b.Release()
	}
}

// WriteJSON prints rows as one array of objects, one object per line.
func WriteJSON(w io.Writer, rows Rows) error {
	out := bufio.NewWriterSize(w, 64<<10)
	sep := "[\n"
	var line []byte
	_, err := eachRow(rows, func(b arrow.RecordBatch, i int) error {
		line = Object(append(line[:0], sep...), b, i, false)
		sep = ",\n"
		_, err := out.Write(line)
		return err
	})
	if err != nil {
		_ = out.Flush() // print the rows before the error, as an array without an end
		return err
	}
	end := "\n]\n"
	if sep == "[\n" {
		end = "[]\n"
	}
	_, _ = out.WriteString(end) // Flush returns the first error of a Writer
	return out.Flush()
}

// WriteCSV prints rows with a header, in the format of RFC 4180. NULL is an empty field; structs, lists and maps are JSON.
func WriteCSV(w io.Writer, rows Rows) error {
	out := csv.NewWriter(w)
	cells := make([]string, rows.Schema().NumFields())
	for i, f := range rows.Schema().Fields() {
		cells[i] = f.Name
	}
	if err := out.Write(cells); err != nil {
		return err
	}
	_, err := eachRow(rows, func(b arrow.RecordBatch, i int) error {
		for c := range cells {
			cells[c] = ""
			if a := b.Column(c); !a.IsNull(i) {
				cells[c] = cellText(a, i)
			}
		}
		return out.Write(cells)
	})
	out.Flush()
	if err != nil {
		return err
	}
	return out.Error()
}

// measuredRows is how many rows decide the widths of a table. Later rows are printed in these widths as soon as they arrive.
const measuredRows = 1000

// maxCell is the largest width of a cell on a terminal, in columns of the terminal.
const maxCell = 60

// WriteTable prints rows as an aligned table, and a line that counts them. With terminal, it cuts wide cells and ends them with an
// ellipsis. Numbers are aligned to the right, and NULL is the word NULL.
func WriteTable(w io.Writer, rows Rows, terminal bool) error {
	out := bufio.NewWriterSize(w, 64<<10)
	fields := rows.Schema().Fields()
	t := Table{Right: make([]bool, len(fields))}
	if terminal {
		t.MaxCell = maxCell
	}
	for i, f := range fields {
		t.Header = append(t.Header, f.Name)
		t.Right[i] = numeric(f.Type)
	}
	started := false
	n, err := eachRow(rows, func(b arrow.RecordBatch, i int) error {
		cells := make([]string, len(fields))
		for c := range cells {
			cells[c] = "NULL"
			if a := b.Column(c); !a.IsNull(i) {
				cells[c] = cellText(a, i)
			}
		}
		t.Rows = append(t.Rows, cells)
		if started || len(t.Rows) == measuredRows {
			t.write(out, !started)
			started, t.Rows = true, t.Rows[:0]
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !started {
		t.write(out, true)
	}
	unit := "rows"
	if n == 1 {
		unit = "row"
	}
	fmt.Fprintf(out, "(%d %s)\n", n, unit)
	return out.Flush()
}

func numeric(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64, arrow.UINT8, arrow.UINT16, arrow.UINT32, arrow.UINT64, arrow.FLOAT32, arrow.FLOAT64, arrow.DECIMAL128:
		return true
	}
	return false
}

// Table prints aligned columns of text.
type Table struct {
	Header []string
	Right  []bool // columns whose cells are aligned to the right; it can be shorter than Header
	Rows   [][]string
	// MaxCell is the width from which a cell is cut and ends with an ellipsis. 0: no cell is cut.
	MaxCell int

	widths []int
}

// Write prints a header, a line of dashes and the rows, with two spaces between columns and no spaces at the ends of lines.
func (t *Table) Write(w io.Writer) error {
	out := bufio.NewWriter(w)
	t.write(out, true)
	return out.Flush()
}

func (t *Table) write(out *bufio.Writer, header bool) {
	if header {
		t.widths = make([]int, len(t.Header))
		for _, row := range append([][]string{t.Header}, t.Rows...) {
			for c, s := range row {
				t.widths[c] = max(t.widths[c], runewidth.StringWidth(t.cell(s)))
			}
		}
		t.line(out, t.Header)
		dashes := make([]string, len(t.Header))
		for c, n := range t.widths {
			dashes[c] = strings.Repeat("-", n)
		}
		t.line(out, dashes)
	}
	for _, row := range t.Rows {
		t.line(out, row)
	}
}

func (t *Table) cell(s string) string {
	s = Safe(s)
	if t.MaxCell > 0 {
		s = runewidth.Truncate(s, t.MaxCell, "…")
	}
	return s
}

func (t *Table) line(out *bufio.Writer, row []string) {
	var b strings.Builder
	for c, s := range row {
		if c > 0 {
			b.WriteString("  ")
		}
		s = t.cell(s)
		pad := strings.Repeat(" ", max(0, t.widths[c]-runewidth.StringWidth(s)))
		if c < len(t.Right) && t.Right[c] {
			b.WriteString(pad + s)
		} else {
			b.WriteString(s + pad)
		}
	}
	_, _ = out.WriteString(strings.TrimRight(b.String(), " ") + "\n") // Flush returns the first error of a Writer
}

// Fit cuts or pads s to a width, in columns of a terminal.
func Fit(s string, width int) string {
	return runewidth.FillRight(runewidth.Truncate(s, width, "…"), width)
}
