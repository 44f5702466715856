package lookup

import (
	"context"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/silt-etl/silt/internal/suggest"
)

// Options of Read.
type Options struct {
	File string // what messages call the file; its extension says what it is
	// MaxBytes is what the table may take in memory; 0: no limit. MaxBytesOf says for messages where the limit comes from.
	MaxBytes   int64
	MaxBytesOf string
	Size       int64 // bytes of the file
	// Needed says whether the values of a column are needed; nil: those of all columns. Others are checked, but not kept.
	Needed func(column string) bool
}

// Extensions are those of the files that Read reads.
func Extensions() []string { return []string{".csv", ".parquet", ".mmdb"} }

// Source is a file of a lookup.
type Source interface {
	io.Reader
	io.ReaderAt
}

// Read makes the table of a file. What is wrong with the file is an *Error.
func Read(ctx context.Context, d Declaration, src Source, o Options) (*Table, error) {
	switch strings.ToLower(path.Ext(o.File)) {
	case ".csv":
		return readCSV(ctx, d, src, o)
	case ".parquet":
		return readParquet(ctx, d, src, o)
	case ".mmdb":
		return readMMDB(ctx, d, src, o)
	}
	return nil, &Error{File: o.File, Message: "not a file of a lookup", Try: "use a file that ends in " + strings.Join(Extensions(), ", ")}
}

// builder makes a table of rows.
type builder struct {
	Declaration
	Options
	stopped  func() error // the error of the reader's context
	byRow    bool         // messages have the number of a row, not of a line
	cols     []*column
	keyCols  []int
	keys     []*column // texts of the keys, of equal lookups
	hidden   []*column // of them those that no column has
	from, to int
	times    *periods
	short    []shortSpan // of IPv4 addresses
	spans    []span      // all others
	numbers  bool        // ranges of numbers
	rows     int
	lines    []uint32 // of the rows; nil: each row is on the line after the one before
	first    int      // the line of the first row
	utf8     bool     // the values of the row are known to be UTF-8
	number   []byte
	index    index // nil: it is made of the keys of the rows
	held     int64 // bytes of the file in memory
}

// cell is a value of a row.
type cell struct {
	text     []byte // of a column of lists: the list
	elements int
	number   int64
	null     bool
}

func emptyBuilder(ctx context.Context, d Declaration, o Options) *builder {
	return &builder{Declaration: d, Options: o, stopped: ctx.Err, from: -1, to: -1}
}

// addColumns adds the columns of a file.
func (b *builder) addColumns(columns []Column, line int) error {
	if len(columns) > MaxColumns {
		return b.fault(line, "", "leave out columns that no mapping uses", "a lookup can have %d columns, and this file has %d", MaxColumns, len(columns))
	}
	known := map[string]bool{}
	for _, c := range columns {
		switch {
		case strings.TrimSpace(c.Name) == "":
			return b.fault(line, "", "add a first line with a name for each column", "a column has no name")
		case known[strings.ToLower(c.Name)]:
			return b.fault(line, c.Name, "give one of them another name", "two columns have this name")
		}
		known[strings.ToLower(c.Name)] = true
		column := newColumn(c)
		column.dropped = b.Needed != nil && !b.Needed(c.Name)
		b.cols = append(b.cols, column)
	}
	return nil
}

// newBuilder checks the columns of a file against the declaration. line is that of the header.
func newBuilder(ctx context.Context, d Declaration, o Options, columns []Column, line int) (*builder, error) {
	b := emptyBuilder(ctx, d, o)
	if err := b.addColumns(columns, line); err != nil {
		return nil, err
	}
	var names []string
	for _, c := range columns {
		names = append(names, c.Name)
	}
	find := func(name string) (int, error) {
		i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
		if i < 0 {
			e := &Error{File: o.File, Line: line, Column: name, Message: "the file does not have this column of the `-- lookup:` line", Try: "name one of its columns (" + strings.Join(names, ", ") + ")"}
			if near := suggest.Nearest(name, names); near != "" {
				e.Try = "name the column " + near
			}
			return 0, e
		}
		return i, nil
	}
	for _, name := range d.Columns {
		i, err := find(name)
		if err != nil {
			return nil, err
		}
		if c := columns[i]; c.List || c.Type == Double || c.Type == Timestamp || c.Type == Date || d.How == CIDR && c.Type != Text {
			return nil, &Error{File: o.File, Line: line, Column: name, Message: "a column of this type cannot be a key", Try: "name a column of texts or of whole numbers"}
		}
		b.keyCols = append(b.keyCols, i)
		if d.How != Equal {
			continue
		}
		key := b.cols[i]
		if key.typ != Text {
			key = newColumn(Column{})
			b.hidden = append(b.hidden, key)
		}
		key.dropped = false
		b.keys = append(b.keys, key)
	}
	if !d.Timed() {
		return b, nil
	}
	b.times = &periods{}
	for name, at := range map[string]*int{d.From: &b.from, d.To: &b.to} {
		i, err := find(name)
		if err != nil {
			return nil, err
		}
		if c := columns[i]; c.List || c.Type != Text && c.Type != Timestamp && c.Type != Date {
			return nil, &Error{File: o.File, Line: line, Column: name, Message: "a column of this type cannot be a time of validity", Try: "write it as TIMESTAMP, DATE or text"}
		}
		*at = i
	}
	return b, nil
}

func (b *builder) timed() bool { return b.times != nil }

func (b *builder) fault(line int, column, try, format string, args ...any) error {
	return &Error{File: b.File, Line: line, Row: b.byRow, Column: column, Message: fmt.Sprintf(format, args...), Try: try}
}

// listEntryBytes is what an element of a list takes in DuckDB next to its text.
const listEntryBytes = 16

// checkEvery is how often the size of a table, and whether its reader has been cancelled, is looked at.
const checkEvery = 1 << 16

// add appends a row.
func (b *builder) add(line int, cells []cell) error {
	if b.rows == MaxRows {
		return b.fault(line, "", "leave out rows that no record needs", "a lookup can have %d rows, and this file has more", MaxRows)
	}
	if b.rows%checkEvery == 0 {
		if err := b.stopped(); err != nil {
			return err
		}
		if n := b.size(); b.MaxBytes > 0 && n > b.MaxBytes {
			return b.tooLarge(n)
		}
	}
	for i, c := range b.cols {
		v := &cells[i]
		if c.texts == nil {
			if !c.dropped {
				c.addNumber(v.number, v.null)
			}
			continue
		}
		switch {
		case b.utf8:
		case c.list && !validList(v.text, c.typ):
			return b.fault(line, c.name, "save the file as UTF-8", "a value is not UTF-8")
		case c.list:
			c.longest = max(c.longest, len(v.text)+v.elements*listEntryBytes)
		case !utf8.Valid(v.text):
			return b.fault(line, c.name, "save the file as UTF-8", "a value is not UTF-8")
		}
		switch {
		case len(v.text) > MaxValue:
			return b.fault(line, c.name, "shorten it", "a value is longer than %d bytes", MaxValue)
		case c.dropped:
		case !c.add(v.text):
			return b.fault(line, c.name, "leave out this column, or rows that no record needs", "the texts of a column can have 4 GiB together")
		}
	}
	if b.index == nil {
		if err := b.addKeys(line, cells); err != nil {
			return err
		}
	}
	if b.timed() {
		if err := b.addTimes(line, cells); err != nil {
			return err
		}
	}
	b.addLine(line)
	b.rows++
	return nil
}

// addLine keeps the line of a row.
func (b *builder) addLine(line int) {
	if b.rows == 0 {
		b.first = line
	}
	if b.lines == nil {
		if line == b.first+b.rows {
			return
		}
		for row := range b.rows {
			b.lines = append(b.lines, uint32(b.first+row))
		}
	}
	b.lines = append(b.lines, uint32(min(line, math.MaxUint32)))
}

func (b *builder) line(row int) int {
	if b.lines == nil {
		return b.first + row
	}
	return int(b.lines[row])
}

// reserveAt is after how many rows reserve is called.
const reserveAt = 1 << 14

// reserve makes room for as many times the rows as there are now, so that they are not copied again and again as the table grows.
func (b *builder) reserve(times float64) {
	rows := min(int(float64(b.rows)*times*1.02), MaxRows) - b.rows
	if rows <= 0 || b.MaxBytes > 0 && int64(rows)*int64(4*len(b.cols)+12) > b.MaxBytes/4 {
		return
	}
	for _, c := range b.cols {
		if c.pos != nil {
			c.pos = slices.Grow(c.pos, rows)
		}
	}
	if len(b.short) > b.rows/2 {
		b.short = slices.Grow(b.short, rows)
	}
}

// keyText is the text of a key.
func (b *builder) keyText(i int, cells []cell) []byte {
	v := &cells[b.keyCols[i]]
	switch b.cols[b.keyCols[i]].typ {
	case Int:
		b.number = strconv.AppendInt(b.number[:0], v.number, 10)
		return b.number
	case Uint:
		b.number = strconv.AppendUint(b.number[:0], uint64(v.number), 10)
		return b.number
	case Bool:
		return strconv.AppendBool(b.number[:0], v.number != 0)
	}
	return v.text
}

func (b *builder) addKeys(line int, cells []cell) error {
	hidden := b.hidden
	for i, at := range b.keyCols {
		text := b.keyText(i, cells)
		if v := &cells[at]; v.null || len(text) == 0 {
			return b.fault(line, b.cols[at].name, "remove the row", "a key is empty")
		}
		if b.How == Equal && b.keys[i].name == "" {
			hidden[0].add(text)
			hidden = hidden[1:]
		}
	}
	switch b.How {
	case CIDR:
		text := b.keyText(0, cells)
		if first, last, ok := readPrefix4(text); ok {
			b.short = append(b.short, shortSpan{first, last, uint32(b.rows)})
			return nil
		}
		p, why := readPrefix(strings.TrimSpace(string(text)))
		if why != "" {
			return b.fault(line, b.cols[b.keyCols[0]].name, "correct the value", "%s", why)
		}
		b.addSpan(p.first, p.last())
	case Range:
		return b.addRange(line, cells)
	}
	return nil
}

// addRange reads the first and the last value of a range. The first row says whether they are addresses or numbers.
func (b *builder) addRange(line int, cells []cell) error {
	var ends [2]address
	for i, at := range b.keyCols {
		text := b.keyText(i, cells)
		n, number := readNumber(text)
		if b.rows == 0 && i == 0 {
			b.numbers = number
		}
		if b.numbers {
			if !number {
				return b.fault(line, b.cols[at].name, "correct the value", "not a whole number, as in the rows before")
			}
			ends[i] = address{lo: n, four: true}
			continue
		}
		a, ok := readAddress(text)
		if !ok {
			return b.fault(line, b.cols[at].name, "correct the value", "not an IP address or a whole number")
		}
		ends[i] = a
	}
	if ends[0].four != ends[1].four || ends[1].less(ends[0]) {
		return b.fault(line, b.cols[b.keyCols[1]].name, "exchange the two values", "the range ends before it begins")
	}
	b.addSpan(ends[0], ends[1])
	return nil
}

func (b *builder) addTimes(line int, cells []cell) error {
	read := func(at int, open int64) (int64, error) {
		v := &cells[at]
		switch typ := b.cols[at].typ; {
		case typ != Text && v.null, typ == Text && len(v.text) == 0:
			return open, nil
		case typ == Timestamp:
			return time.UnixMicro(v.number).UnixMilli(), nil
		case typ == Date:
			return v.number * 86400_000, nil
		}
		ms, ok := readTime(v.text)
		if !ok {
			return 0, b.fault(line, b.cols[at].name, "write it as 2025-06-01 or 2025-06-01T08:00:00Z", "not a time")
		}
		return ms, nil
	}
	from, err := read(b.from, math.MinInt64)
	if err != nil {
		return err
	}
	to, err := read(b.to, always)
	if err != nil {
		return err
	}
	if to <= from {
		return b.fault(line, b.cols[b.to].name, "write a later time, or no value for a row that is still valid", "the validity ends before it begins")
	}
	b.times.from, b.times.to = append(b.times.from, from), append(b.times.to, to)
	return nil
}

// size is what the rows so far take, with what is needed to make their index.
func (b *builder) size() int64 {
	n := b.held + int64(cap(b.lines))*4 + int64(cap(b.spans))*56 + int64(cap(b.short))*12
	for _, c := range append(slices.Clone(b.cols), b.hidden...) {
		n += c.bytes()
		if c.known != nil {
			n += int64(len(c.known.slots)) * 4
		}
	}
	if b.times != nil {
		n += int64(cap(b.times.from)) * 16
	}
	if b.index != nil {
		n += b.index.bytes()
	}
	return n
}

func (b *builder) tooLarge(n int64) error {
	return &Error{File: b.File, Message: fmt.Sprintf("the lookup %s needs more than %d MiB of memory, which is %s", b.Name, n>>20, b.MaxBytesOf), Try: "raise limits.memory, or leave out columns and rows that no record needs"}
}

// done builds the index.
func (b *builder) done() (*Table, error) {
	t := &Table{Declaration: b.Declaration, rows: b.rows, times: b.times}
	var err error
	switch {
	case b.index != nil:
		t.index = b.index
	case b.How == Equal:
		t.index, err = b.equal()
	default:
		t.index, err = b.intervals()
	}
	if err != nil {
		return nil, err
	}
	t.cols = append(b.cols, b.hidden...)
	for _, c := range t.cols {
		c.done(b.rows)
	}
	if n := t.Bytes(); b.MaxBytes > 0 && n > b.MaxBytes {
		return nil, b.tooLarge(n)
	}
	return t, nil
}

// keyNames are the key columns, as a message has them.
func (b *builder) keyNames() string {
	var names []string
	for _, i := range b.keyCols {
		names = append(names, b.cols[i].name)
	}
	return strings.Join(names, ", ")
}

// two says of two rows which is the later one, and where the other one is.
func (b *builder) two(x, y int) (line int, other string) {
	first, second := b.line(min(x, y)), b.line(max(x, y))
	word := "line"
	if b.byRow {
		word = "row"
	}
	return second, fmt.Sprintf("%s %d", word, first)
}

func (b *builder) duplicate(x, y int) error {
	line, other := b.two(x, y)
	return b.fault(line, b.keyNames(), "remove one of the rows, or declare from when to when each is valid (`valid from..to`)", "the same key is on %s", other)
}

func (b *builder) overlap(x, y int) error {
	line, other := b.two(x, y)
	return b.fault(line, b.From+".."+b.To, "end one row at the time at which the other one begins", "the key is valid at the same time on %s", other)
}

func (b *builder) crossing(x, y int) error {
	line, other := b.two(x, y)
	return b.fault(line, b.keyNames(), "write ranges that have no value in common", "the range has values of the one on %s", other)
}
