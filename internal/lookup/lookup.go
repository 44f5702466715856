// Package lookup holds the tables that mappings look values up in: by equal keys, by the longest prefix of an address, or by a range, and
// by the time at which a row is valid. It reads CSV,
// Parquet and MaxMind databases.
//
// A Table never changes once it is made, so several goroutines may use it. What it holds in memory is compact: a row takes four bytes for
// each column that is needed, its distinct texts once, and its place in the index. It does not know SQL.
package lookup

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// How a row is found.
type How string

// The ways to find a row.
const (
	Equal How = "equal" // the columns are equal to the arguments, as texts
	CIDR  How = "cidr"  // the column is a prefix or an address, and the longest prefix that has the address is the row
	Range How = "range" // the columns are the first and the last value, addresses or whole numbers
)

// Hows lists the ways to find a row.
func Hows() []string { return []string{string(Equal), string(CIDR), string(Range)} }

// Limits of a table.
const (
	MaxRows    = 10_000_000
	MaxColumns = 1000
	MaxValue   = 16 << 10 // bytes of one value
)

// Declaration says what a lookup is called and how its rows are found.
type Declaration struct {
	Name    string
	How     How
	Columns []string
	// From and To are the columns of the time of validity, "" if rows are valid at any time. To is exclusive.
	From, To string
}

// Timed says whether rows are valid for a time only.
func (d *Declaration) Timed() bool { return d.From != "" }

// Arguments is how many values a row is found by, without the time.
func (d *Declaration) Arguments() int {
	if d.How == Equal {
		return len(d.Columns)
	}
	return 1
}

// String is the declaration as it is written.
func (d *Declaration) String() string {
	s := d.Name + " by " + string(d.How) + " " + strings.Join(d.Columns, ", ")
	if d.Timed() {
		s += " valid " + d.From + ".." + d.To
	}
	return s
}

// RowFunction names the SQL function that finds the row of keys in a lookup, and ValueFunction the one that gives a value of a row.
func RowFunction(name string) string { return "silt_lookup_" + strings.ToLower(name) }

// ValueFunction names the SQL function that gives a column's value of a row.
func ValueFunction(name, column string) string {
	return RowFunction(name) + "." + strings.ToLower(column)
}

// Type of the values of a column.
type Type uint8

// The types.
const (
	Text Type = iota
	Bool
	Int
	Uint // of 64 bits
	Double
	Timestamp // microseconds since 1970, UTC
	Date      // days since 1970
)

// Column of a table.
type Column struct {
	Name string
	Type Type
	List bool // of values of the type
}

// Table is a lookup in memory.
type Table struct {
	Declaration
	cols  []*column
	rows  int
	index index
	times *periods // nil: rows are valid at any time, and the index gives rows
}

// index finds a group of rows: the row itself if rows are valid at any time.
type index interface {
	// find returns the group of keys, or -1. If the group has no row that is valid, next is asked for others.
	find(t *Table, keys [][]byte) int
	// next returns the group to try after another one had no valid row, or -1.
	next(group int) int
	bytes() int64
}

// Columns are the table's columns, in the order of the file.
func (t *Table) Columns() []Column {
	var out []Column
	for _, c := range t.cols {
		if c.name != "" { // the text of a key
			out = append(out, Column{c.name, c.typ, c.list})
		}
	}
	return out
}

// Column returns the number of a column, or -1. Upper and lower case are the same.
func (t *Table) Column(name string) int {
	return slices.IndexFunc(t.cols, func(c *column) bool { return name != "" && strings.EqualFold(c.name, name) })
}

// Kept says whether the table has the values of a column.
func (t *Table) Kept(col int) bool { return !t.cols[col].dropped }

// Longest is how many bytes the texts of a column have at most, or what the lists of a column take at most.
func (t *Table) Longest(col int) int {
	return t.cols[col].longest
}

// Numbers says whether ranges are of whole numbers, not of addresses.
func (t *Table) Numbers() bool {
	x, ok := t.index.(*intervalIndex)
	return ok && x.numbers
}

// Rows is how many rows the table has.
func (t *Table) Rows() int { return t.rows }

// Find returns the row of keys that is valid at a time (milliseconds since 1970), or -1.
func (t *Table) Find(keys [][]byte, at int64) int {
	group := t.index.find(t, keys)
	if t.times == nil {
		return group
	}
	for ; group >= 0; group = t.index.next(group) {
		if row := t.times.row(group, at); row >= 0 {
			return row
		}
	}
	return -1
}

// Batch is how many keys or rows are best given at once to FindAll and Texts: their places in memory are then read next to each other,
// and not one after another.
const Batch = 64

// FindAll finds the rows of up to Batch keys, or -1, in a table that has one argument and whose rows are valid at any time.
func (t *Table) FindAll(keys [][]byte, rows []int64) {
	if x, ok := t.index.(*intervalIndex); ok && !x.numbers {
		x.findAll(keys, rows)
		return
	}
	for i := range keys {
		rows[i] = int64(t.index.find(t, keys[i:i+1]))
	}
}

// Texts gives the values of a column of texts of up to Batch rows, as Text does. Those of rows below 0 are NULL.
func (t *Table) Texts(col int, rows []int64, texts [][]byte) {
	c := t.cols[col]
	var places [Batch]uint32 // that of an empty text is 0
	for i, row := range rows {
		if row >= 0 {
			places[i] = c.pos[row]
		}
	}
	for i := range rows {
		texts[i] = c.texts.at(places[i])
	}
}

// Text returns a value of a column of texts. An empty text is NULL. The bytes must not be changed.
func (t *Table) Text(col, row int) []byte {
	c := t.cols[col]
	return c.texts.at(c.pos[row])
}

// Number returns a value of a column of another type than Text, as DuckDB keeps it: a Double is its bits. ok is false for NULL.
func (t *Table) Number(col, row int) (v int64, ok bool) {
	c := t.cols[col]
	return c.numbers[row], c.nulls == nil || c.nulls[row>>6]>>(row&63)&1 == 0
}

// List yields the elements of a value of a column of lists. A list without elements is NULL.
func (t *Table) List(col, row int) iter.Seq[Element] {
	c := t.cols[col]
	return elements(c.texts.at(c.pos[row]), c.typ)
}

// Bytes is what the table takes in memory.
func (t *Table) Bytes() int64 {
	n := t.index.bytes()
	for _, c := range t.cols {
		n += c.bytes()
	}
	if t.times != nil {
		n += t.times.bytes()
	}
	return n
}

// Error says what is wrong with a file of a lookup. It never has a value of the file.
type Error struct {
	File    string
	Line    int    // of a CSV file, or the row of another one, from 1; 0: the file as a whole
	Row     bool   // Line is a row
	Column  string // ""
	Message string
	Try     string // ""
}

func (e *Error) Error() string {
	s := e.Message
	if e.Column != "" {
		s = e.Column + ": " + s
	}
	if e.Line > 0 && e.Row {
		s = fmt.Sprintf("row %d: %s", e.Line, s)
	}
	if e.Try != "" {
		s += ". Try: " + e.Try
	}
	switch {
	case e.Line > 0 && !e.Row:
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, s)
	case e.File != "":
		return e.File + ": " + s
	}
	return s
}
