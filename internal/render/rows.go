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

// Rows is a streamed result: Next gives nil at its end. The caller of Next releases what it gives.
type Rows interface {
	Schema() *arrow.Schema
	Next() (arrow.RecordBatch, error)
}

// each calls fn for every row.
func each(rows Rows, fn func(b arrow.RecordBatch, i int) error) (n int64, err error) {
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

// WriteJSON prints rows as one array of objects, an object a line.
func WriteJSON(w io.Writer, rows Rows) error {
	out := bufio.NewWriterSize(w, 64<<10)
	sep := "[\n"
	var line []byte
	_, err := each(rows, func(b arrow.RecordBatch, i int) error {
		line = Object(append(line[:0], sep...), b, i, false)
		sep = ",\n"
		_, err := out.Write(line)
		return err
	})
	if err != nil {
		_ = out.Flush() // what came before the error is shown, as an array that does not close
		return err
	}
	end := "\n]\n"
	if sep == "[\n" {
		end = "[]\n"
	}
	_, _ = out.WriteString(end) // Flush gives a Writer's first error
	return out.Flush()
}

// WriteCSV prints rows as RFC 4180 has them, with a header. NULL is an empty field; structs, lists and maps are JSON.
func WriteCSV(w io.Writer, rows Rows) error {
	out := csv.NewWriter(w)
	cells := make([]string, rows.Schema().NumFields())
	for i, f := range rows.Schema().Fields() {
		cells[i] = f.Name
	}
	if err := out.Write(cells); err != nil {
		return err
	}
	_, err := each(rows, func(b arrow.RecordBatch, i int) error {
		for c := range cells {
			cells[c] = ""
			if a := b.Column(c); !a.IsNull(i) {
				cells[c] = plain(a, i)
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

// measured is how many rows decide the widths of a table; later ones are printed in these widths as they come.
const measured = 1000

// maxCell is the widest a cell gets on a terminal, in columns of it.
const maxCell = 60

// WriteTable prints rows aligned, with a line that counts them. With terminal set, wide cells are cut with an ellipsis;
// otherwise nothing is lost. Numbers stand right, NULL is the word.
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
	begun := false
	n, err := each(rows, func(b arrow.RecordBatch, i int) error {
		cells := make([]string, len(fields))
		for c := range cells {
			cells[c] = "NULL"
			if a := b.Column(c); !a.IsNull(i) {
				cells[c] = plain(a, i)
			}
		}
		t.Rows = append(t.Rows, cells)
		if begun || len(t.Rows) == measured {
			t.write(out, !begun)
			begun, t.Rows = true, t.Rows[:0]
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !begun {
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

// Table is aligned text.
type Table struct {
	Header []string
	Right  []bool // columns whose cells stand right; may be shorter than Header
	Rows   [][]string
	// MaxCell cuts wider cells with an ellipsis. 0: none are cut.
	MaxCell int

	widths []int
}

// Write prints the table: header, rule, rows; two spaces between columns, none at the ends of lines.
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
		rule := make([]string, len(t.Header))
		for c, n := range t.widths {
			rule[c] = strings.Repeat("-", n)
		}
		t.line(out, rule)
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
	_, _ = out.WriteString(strings.TrimRight(b.String(), " ") + "\n") // Flush gives a Writer's first error
}

// Safe is s on one line, with control characters as escapes: log data must not move a terminal's cursor.
func Safe(s string) string {
	for _, r := range s {
		if r < ' ' || r >= 0x7f && r < 0xa0 || hidden(r) {
			quoted := text(nil, s)
			return strings.ReplaceAll(strings.ReplaceAll(string(quoted[1:len(quoted)-1]), `\"`, `"`), `\\`, `\`)
		}
	}
	return s
}

// Width of s on a terminal, in its columns.
func Width(s string) int { return runewidth.StringWidth(s) }

// Fit cuts or pads s to a width.
func Fit(s string, width int) string {
	return runewidth.FillRight(runewidth.Truncate(s, width, "…"), width)
}
