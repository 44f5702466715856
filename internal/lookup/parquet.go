package lookup

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/silt-etl/silt/internal/decode/budget"
	"github.com/silt-etl/silt/internal/decode/parquet"
)

// readParquet reads a Parquet file. The fields of a struct are columns of their own, with a name like country.iso_code.
func readParquet(ctx context.Context, d Declaration, src io.ReaderAt, o Options) (*Table, error) {
	most := int64(budget.Unlimited)
	if o.MaxBytes > 0 {
		most = min(most, o.MaxBytes)
	}
	fault := func(err error) error {
		var damaged *parquet.Fault
		var large *budget.TooLarge
		switch {
		case errors.As(err, &large):
			return &Error{File: o.File, Message: "it needs too much memory: " + err.Error(), Try: "write it again with smaller pages, or raise limits.memory"}
		case errors.As(err, &damaged):
			return &Error{File: o.File, Message: "it is not a Parquet file that can be read: " + err.Error(), Try: "write the file again"}
		}
		return err
	}
	memory := budget.New(0, most).NewUse(ctx.Err)
	defer memory.Release()
	rows, err := parquet.Open(src, o.Size, parquet.Options{MaxRow: maxRecord, Keep: 1, Memory: memory})
	if err != nil {
		return nil, fault(err)
	}
	p := &rowParser{}
	p.fields = p.columnsOf(rows.Fields(), "")
	b, err := newBuilder(ctx, d, o, p.columns, 0)
	if err != nil {
		return nil, err
	}
	b.byRow = true
	p.cells, p.lists = make([]cell, len(p.columns)), make([]listBuilder, len(p.columns))
	for number := 1; ; number++ {
		row, length, err := rows.Next()
		switch {
		case errors.Is(err, io.EOF):
			return b.done()
		case err != nil:
			return nil, fault(err)
		case length > maxRecord:
			return nil, b.fault(number, "", "leave out the row", "%s", errRecordTooLong)
		}
		if column, why := p.parse(row); why != "" {
			return nil, b.fault(number, p.columns[column].Name, "correct the value", "%s", why)
		}
		if err := b.add(number, p.cells); err != nil {
			return nil, err
		}
	}
}

// rowField is a field of a row, and where its values go.
type rowField struct {
	name   string
	column int // -1: an object with fields
	fields []rowField
}

// rowParser reads the text of a row that internal/decode/parquet wrote.
type rowParser struct {
	fields  []rowField
	columns []Column
	raw     []bool // of the columns: their text is JSON
	cells   []cell
	lists   []listBuilder
	in      []byte
	key     []byte
	texts   [][]byte // of the columns, for texts with escapes
	bad     int      // the column of why
	why     string
}

// columnsOf makes a column of each field that is not an object.
func (p *rowParser) columnsOf(fields []parquet.Field, prefix string) (all []rowField) {
	for _, f := range fields {
		r := rowField{name: f.Name, column: -1}
		if f.Fields != nil {
			r.fields = p.columnsOf(f.Fields, prefix+f.Name+".")
		} else {
			r.column = len(p.columns)
			p.columns = append(p.columns, Column{Name: prefix + f.Name, Type: typeOf(f.Kind), List: f.List})
			p.raw = append(p.raw, f.Kind == parquet.JSON)
			p.texts = append(p.texts, nil)
		}
		all = append(all, r)
	}
	return all
}

func typeOf(k parquet.Kind) Type {
	switch k {
	case parquet.Bool:
		return Bool
	case parquet.Int:
		return Int
	case parquet.Uint:
		return Uint
	case parquet.Double:
		return Double
	case parquet.Timestamp:
		return Timestamp
	case parquet.Date:
		return Date
	}
	return Text
}

// parse reads a row into the cells. why says what is wrong with the value of a column.
func (p *rowParser) parse(row []byte) (column int, why string) {
	for i := range p.cells {
		p.cells[i] = cell{null: true}
	}
	p.in, p.why = row, ""
	p.object(p.fields)
	return p.bad, p.why
}

// object reads an object. Its fields are in the order of the schema, and NULLs are left out.
func (p *rowParser) object(fields []rowField) {
	p.in = p.in[1:]
	for p.in[0] != '}' {
		if p.in[0] == ',' {
			p.in = p.in[1:]
		}
		key := p.text(&p.key)
		p.in = p.in[1:]
		for fields[0].name != string(key) {
			fields = fields[1:]
		}
		if f := fields[0]; f.column < 0 {
			p.object(f.fields)
		} else {
			p.value(f.column)
		}
		fields = fields[1:]
	}
	p.in = p.in[1:]
}

// text reads a JSON string. What it returns is in the row, or in buf.
func (p *rowParser) text(buf *[]byte) []byte {
	end := 1
	for escaped := false; ; end++ {
		switch p.in[end] {
		case '\\':
			escaped = true
			end++
		case '"':
			v := p.in[1:end]
			if p.in = p.in[end+1:]; !escaped {
				return v
			}
			*buf = unescape((*buf)[:0], v)
			return *buf
		}
	}
}

func unescape(out, v []byte) []byte {
	for i := 0; i < len(v); i++ {
		c := v[i]
		if c == '\\' {
			i++
			switch c = v[i]; c {
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case 't':
				c = '\t'
			case 'u': // only of control characters
				n, _ := strconv.ParseUint(string(v[i+1:i+5]), 16, 8)
				c, i = byte(n), i+4
			}
		}
		out = append(out, c)
	}
	return out
}

// token reads a number, true, false or null.
func (p *rowParser) token() []byte {
	end := bytes.IndexAny(p.in, ",]}")
	v := p.in[:end]
	p.in = p.in[end:]
	return v
}

// whole reads any value as the JSON that it is.
func (p *rowParser) whole() []byte {
	depth, end := 0, 0
	for ; ; end++ {
		switch p.in[end] {
		case '"':
			for end++; p.in[end] != '"'; end++ {
				if p.in[end] == '\\' {
					end++
				}
			}
			continue
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		case ',':
			if depth == 0 {
				depth = -1
			}
		}
		if depth < 0 {
			v := p.in[:end]
			p.in = p.in[end:]
			return bytes.TrimSpace(v)
		}
	}
}

// value reads the value of a column.
func (p *rowParser) value(column int) {
	c, v := p.columns[column], &p.cells[column]
	v.null = false
	if !c.List {
		v.text, v.number = p.scalar(column, c.Type)
		return
	}
	l := &p.lists[column]
	l.reset()
	p.in = p.in[1:]
	for p.in[0] != ']' {
		switch {
		case p.in[0] == ',':
			p.in = p.in[1:]
		case p.in[0] == 'n':
			p.token()
			l.addNull()
		default:
			if text, number := p.scalar(column, c.Type); c.Type == Text {
				l.addText(text)
			} else {
				l.addNumber(number)
			}
		}
	}
	p.in = p.in[1:]
	v.text, v.elements = l.b, l.n
}

// scalar reads a value of a type: a text, or a number.
func (p *rowParser) scalar(column int, typ Type) (text []byte, number int64) {
	if p.raw[column] {
		return p.whole(), 0
	}
	if p.in[0] == '"' {
		text = p.text(&p.texts[column])
	} else {
		text = p.token()
	}
	if typ == Text {
		return text, 0
	}
	number, why := readTyped(text, typ)
	if why != "" && p.why == "" {
		p.bad, p.why = column, why
	}
	return nil, number
}

// readTyped reads a value as internal/decode/parquet writes it.
func readTyped(text []byte, typ Type) (v int64, why string) {
	s := unsafe.String(unsafe.SliceData(text), len(text))
	var err error
	switch typ {
	case Bool:
		if s == "true" {
			return 1, ""
		}
	case Int:
		v, err = strconv.ParseInt(s, 10, 64)
	case Uint:
		var u uint64
		u, err = strconv.ParseUint(s, 10, 64)
		v = int64(u)
	case Double:
		var f float64
		f, err = strconv.ParseFloat(s, 64)
		v = int64(math.Float64bits(f))
	case Date:
		var t time.Time
		t, err = time.Parse(time.DateOnly, s)
		v = t.Unix() / 86400
	case Timestamp:
		var t time.Time
		t, err = time.Parse("2006-01-02T15:04:05", strings.TrimSuffix(s, "Z"))
		v = t.UnixMicro()
	}
	switch {
	case err == nil:
		return v, ""
	case typ == Date || typ == Timestamp:
		return 0, "a time is not between the years 0 and 9999"
	}
	return 0, "a number is too large"
}
